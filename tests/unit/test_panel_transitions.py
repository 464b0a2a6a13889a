"""What a month of a real store knows of transitions of care that lie around it."""

from datetime import date

import pytest

from tests.support.small_panel import SmallPanel, at
from trellis_core.panel import determine_panel, panel_facts
from trellis_core.rules.facts import Facts
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.store.engine import Store
from trellis_core.store.panel_query import PanelRows, read_panel
from trellis_core.store.tables import DischargeContactRow, DischargeRow, OtherServiceRow
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
OWN = {"practice_id": "prac-1", "patient_id": "p-1"}


@pytest.fixture
def panel(store: Store) -> SmallPanel:
    made = SmallPanel(store)
    made.add(made.patient("p-1"))
    return made


def rows_of(panel: SmallPanel) -> PanelRows:
    with panel.store.reading() as uow:
        return read_panel(uow, panel.practice_id, NOVEMBER, None)


def facts_of(panel: SmallPanel) -> Facts:
    return panel_facts(rows_of(panel), as_of=None)["p-1"]


def discharge(identifier: str, day: date, visited_on: date, **more: object) -> DischargeRow:
    return DischargeRow(
        id=identifier,
        discharged_on=day,
        discharged_from="inpatient_acute",
        discharged_to="home",
        visit_on=visited_on,
        visit_by="dr-1",
        visit_modality="in_person",
        mdm="high",
        medications_reconciled_on=visited_on,
        **more,
        **OWN,
    )


def test_an_own_claim_of_the_month_before_keeps_the_discharge_that_it_was_for(
    panel: SmallPanel,
) -> None:
    panel.add(
        discharge("d-1", date(2026, 11, 3), date(2026, 11, 5)),
        OtherServiceRow(
            id="o-1",
            on_day=date(2026, 10, 12),
            code="99495",
            by="dr-1",
            same_practice=True,
            discharged_on=date(2026, 10, 1),
            **OWN,
        ),
    )
    facts = facts_of(panel)
    assert [service.code for service in facts.prior_services] == ["99495"]
    assert [service.discharged_on for service in facts.other_services] == [date(2026, 10, 1)]


@pytest.mark.parametrize(("day", "is_read"), [(date(2026, 10, 6), True), (date(2026, 8, 1), False)])
def test_claims_of_others_are_read_as_far_back_as_they_may_matter(
    panel: SmallPanel, day: date, is_read: bool
) -> None:
    panel.add(
        discharge("d-1", date(2026, 11, 3), date(2026, 11, 5)),
        OtherServiceRow(id="o-1", on_day=day, code="99495", by="other", **OWN),
    )
    assert bool(facts_of(panel).other_services) is is_read


def test_a_later_discharge_that_was_billed_bars_the_earlier_one(panel: SmallPanel) -> None:
    panel.add(
        discharge("d-1", date(2026, 11, 20), date(2026, 11, 24)),
        discharge("d-2", date(2026, 12, 4), date(2026, 12, 8), billed_on=date(2026, 12, 9)),
        DischargeContactRow(
            id="c-1", discharge_id="d-1", at=at(23), outcome="reached", by="rn-1", **OWN
        ),
    )
    book, rows = load_rule_book(), rows_of(panel)
    before = determine_panel(panel_facts(rows, as_of=at(30, 17)), rule_book=book)["p-1"]
    assert [line.code for line in before.lines] == ["99496"]
    after = determine_panel(panel_facts(rows, as_of=None), rule_book=book)["p-1"]
    assert {str(each.reason) for each in after.blocked} == {"TCM_DUPLICATE_30_DAYS"}


def test_a_discharge_of_the_next_month_alone_puts_nobody_in_play(panel: SmallPanel) -> None:
    panel.add(discharge("d-1", date(2026, 12, 1), date(2026, 12, 4)))
    assert panel_facts(rows_of(panel), as_of=None) == {}
