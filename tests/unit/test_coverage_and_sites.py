"""A month's coverage by its dates, and a patient's site with the amounts and place of service it has."""

from datetime import date
from decimal import Decimal

import pytest

from tests.support.small_panel import SmallPanel, at
from trellis_core.care.coverage import coverage_of_month
from trellis_core.care.people import Coverage
from trellis_core.care.vocabulary import PayerKind, Setting
from trellis_core.panel import panel_facts
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.board_memory import rows_of_month
from trellis_core.services.superbill_drafts import month_bills
from trellis_core.store.panel_query import read_panel
from trellis_core.store.tables import PastCoverageRow, SiteRow
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
NOW = at(28)


@pytest.fixture
def panel(store) -> SmallPanel:
    return SmallPanel(store)


def facts_of(panel, month=NOVEMBER):
    with panel.store.reading() as unit:
        return panel_facts(read_panel(unit, panel.practice_id, month), as_of=NOW, also=["p-1"])[
            "p-1"
        ]


def bill_of(panel, month=NOVEMBER):
    with panel.store.reading() as unit:
        found = month_bills(
            unit,
            panel.practice_id,
            month,
            as_of=NOW,
            rule_book=load_rule_book(),
            patient_ids=["p-1"],
        )
    return found.superbills[0]


@pytest.mark.parametrize(
    ("spans", "named"),
    [
        ([(None, None)], 0),
        ([], None),
        ([(date(2026, 11, 30), None)], 0),
        ([(date(2026, 12, 1), None)], None),
        ([(None, date(2026, 11, 1))], 0),
        ([(None, date(2026, 10, 31))], None),
        ([(None, date(2026, 11, 14)), (date(2026, 11, 15), None)], 1),
        ([(date(2026, 11, 15), None), (None, date(2026, 11, 14))], 0),
        ([(None, date(2026, 11, 30)), (date(2026, 12, 1), None)], 0),
        ([(date(2020, 1, 1), None), (None, None)], 0),
        ([(date(2026, 11, 2), date(2026, 11, 9)), (date(2026, 1, 1), date(2026, 11, 20))], 1),
    ],
)
def test_the_coverage_of_a_month_is_the_last_in_force_in_it(spans, named):
    coverages = [
        Coverage(payer_name=str(place), started_on=start, ended_on=end)
        for place, (start, end) in enumerate(spans)
    ]
    found = coverage_of_month(coverages, NOVEMBER)
    assert (None if found is None else found.payer_name) == (None if named is None else str(named))


def covered(panel: SmallPanel) -> None:
    """A patient of Medicare through October, and of a commercial payer from 1 November."""
    panel.add(
        panel.patient(
            "p-1",
            payer_name="Meadow Health",
            payer_kind="commercial",
            member_id="M-2",
            coverage_started_on=date(2026, 11, 1),
        ),
        *panel.chart("p-1"),
        PastCoverageRow(
            practice_id=panel.practice_id,
            id="cv-1",
            patient_id="p-1",
            payer_name="Medicare Part B",
            payer_kind="medicare",
            member_id="M-1",
            started_on=date(2026, 9, 1),
            ended_on=date(2026, 10, 31),
        ),
    )


@pytest.mark.parametrize(
    ("month", "kind", "payer"),
    [
        (ServiceMonth(2026, 9), PayerKind.MEDICARE, "Medicare Part B"),
        (ServiceMonth(2026, 10), PayerKind.MEDICARE, "Medicare Part B"),
        (ServiceMonth(2026, 11), PayerKind.COMMERCIAL, "Meadow Health"),
    ],
)
def test_facts_and_superbill_take_the_coverage_of_their_month(panel, month, kind, payer):
    covered(panel)
    panel.log("p-1", 25, at=at(3, month=month.month))
    assert facts_of(panel, month).payer_kind is kind
    bill = bill_of(panel, month)
    assert bill.payer is not None
    assert bill.payer.payer_name == payer
    assert "PAYER" not in {each.code for each in bill.missing}


def test_a_month_before_every_coverage_says_that_it_has_none(panel):
    covered(panel)
    panel.log("p-1", 25, at=at(3, month=8))
    bill = bill_of(panel, ServiceMonth(2026, 8))
    assert bill.payer is None
    (missing,) = [each for each in bill.missing if each.code == "PAYER"]
    assert missing.message.startswith("No coverage is on record for 2026-08.")
    assert facts_of(panel, ServiceMonth(2026, 8)).payer_kind is PayerKind.MEDICARE


def at_site(panel: SmallPanel, site_id: str | None) -> None:
    own = {"practice_id": panel.practice_id}
    panel.add(
        SiteRow(id="s-ca", name="Bay", state="CA", locality="51", place_of_service="19", **own),
        SiteRow(id="s-ms", name="Delta", state="MS", locality="00", is_active=False, **own),
        SiteRow(id="s-hosp", name="Ward", setting="facility", place_of_service="22", **own),
        panel.patient("p-1", site_id=site_id),
        *panel.chart("p-1"),
    )
    panel.log("p-1", 25, at=at(3))


@pytest.mark.parametrize(
    ("site_id", "amount", "place"),
    [
        (None, "66.13", "11"),
        ("s-ca", "76.75", "19"),
        ("s-ms", "61.30", "11"),
        ("s-hosp", "43.76", "22"),
        ("gone", "66.13", "11"),
    ],
)
def test_amounts_and_place_of_service_are_the_sites(panel, site_id, amount, place):
    at_site(panel, site_id)
    (line,) = bill_of(panel).lines
    assert line.code == "99490"
    assert line.unit_allowed == Decimal(amount)
    assert line.place_of_service == bill_of(panel).practice.place_of_service == place
    (row,) = rows_of_month(
        panel.store,
        practice_id=panel.practice_id,
        month=NOVEMBER,
        now=NOW,
        rule_book=load_rule_book(),
    )[0].rows
    assert row.expected == Decimal(amount)


def test_the_board_notices_another_site_and_another_coverage(panel):
    at_site(panel, None)

    def amount():
        (patient,) = rows_of_month(
            panel.store,
            practice_id=panel.practice_id,
            month=NOVEMBER,
            now=NOW,
            rule_book=load_rule_book(),
        )
        return patient.rows[0].expected

    before = amount()
    with panel.store.writing() as unit:
        from trellis_core.store.tables import PatientRow

        unit.session.get(PatientRow, (panel.practice_id, "p-1")).site_id = "s-ca"
    moved = amount()
    with panel.store.writing() as unit:
        unit.session.get(SiteRow, (panel.practice_id, "s-ca")).locality = None
        unit.session.get(SiteRow, (panel.practice_id, "s-ca")).state = None
    assert before == amount() != moved


def test_the_setting_reaches_the_rules(panel):
    at_site(panel, "s-hosp")
    assert facts_of(panel).practice.setting is Setting.FACILITY
