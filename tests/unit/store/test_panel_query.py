"""The bulk read of a practice's month: what is in it, what is not, and how many statements it takes."""

from datetime import date

import pytest

from tests.support.small_panel import SmallPanel, at, counted_statements
from trellis_core.care.vocabulary import Program
from trellis_core.errors import NotFoundError
from trellis_core.store.engine import Store
from trellis_core.store.panel_query import PanelRows, read_panel
from trellis_core.store.tables import (
    CaseloadReviewRow,
    DecisionMakingRow,
    DischargeContactRow,
    DischargeRow,
    FacilityStayRow,
    OtherServiceRow,
    RatingScaleRow,
    TrackElectionRow,
    VisitRow,
)
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)


@pytest.fixture
def panel(store: Store) -> SmallPanel:
    return SmallPanel(store)


def read(
    panel: SmallPanel, patient_ids: list[str] | None = None, month: ServiceMonth = NOVEMBER
) -> PanelRows:
    with panel.store.reading() as uow:
        return read_panel(uow, panel.practice_id, month, patient_ids)


def test_the_number_of_statements_does_not_grow_with_patients_or_entries(panel: SmallPanel) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 10, at=at(3))
    with counted_statements(panel.store) as few:
        read(panel)
    panel.enrolled(*(f"q-{number}" for number in range(40)))
    for number in range(40):
        panel.log(f"q-{number}", 10, at=at(4, minute=number))
    with counted_statements(panel.store) as many:
        read(panel)
    frame = ["PRAGMA query_only=ON", "BEGIN"]
    assert many[:2] == few[:2] == frame
    assert len(many) == len(few) == len(frame) + 11  # the small tables together, the large each
    with counted_statements(panel.store) as chosen:
        read(panel, ["p-1", "q-1", "q-2"])
    assert len(chosen) == len(frame) + 1


def test_entries_are_the_months_own_with_their_reversals(panel: SmallPanel) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 10, at=at(30, month=10), entry_id="october")
    panel.log("p-1", 10, at=at(3), entry_id="stands")
    panel.log("p-1", 12, at=at(4), entry_id="voided")
    panel.void("voided")
    rows = read(panel)
    assert [(row.entry_id, row.kind) for row in rows.entries] == [
        ("stands", "time"),
        ("voided", "time"),
        ("voided-void", "reversal"),
    ]


def test_the_month_is_the_practices_own_at_its_midnight(panel: SmallPanel) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 10, at=at(1, hour=4, minute=59, month=12), entry_id="last evening")
    panel.log("p-1", 10, at=at(1, hour=5, month=12), entry_id="first night")
    assert [row.entry_id for row in read(panel).entries] == ["last evening"]
    december = read(panel, month=ServiceMonth(2026, 12))
    assert [row.entry_id for row in december.entries] == ["first night"]


def test_only_the_patients_asked_for_are_read(panel: SmallPanel) -> None:
    panel.enrolled("p-1", "p-2")
    panel.log("p-1", 10, at=at(3))
    panel.log("p-2", 10, at=at(5))
    rows = read(panel, ["p-2"])
    assert [row.id for row in rows.patients] == ["p-2"]
    for part in (rows.entries, rows.conditions, rows.enrollments, rows.consents, rows.care_plans):
        assert {row.patient_id for row in part} == {"p-2"}
    assert [row.id for row in rows.staff] == ["desk-1", "dr-1", "rn-1", "sw-1"]


def test_more_patients_than_a_statement_lists_are_picked_out_after_the_read(
    panel: SmallPanel,
) -> None:
    panel.enrolled("p-1", "p-2")
    panel.log("p-1", 10, at=at(3))
    rows = read(panel, ["p-2", *(f"nobody-{number}" for number in range(600))])
    assert [row.id for row in rows.patients] == ["p-2"]
    assert not rows.entries
    assert {row.patient_id for row in rows.conditions} == {"p-2"}


def test_the_same_peoples_time_on_others_comes_along_but_not_what_was_taken_back(
    panel: SmallPanel,
) -> None:
    panel.enrolled("p-1", "p-2")
    panel.log("p-1", 30, at=at(3, 15, 0))
    panel.log("p-2", 10, at=at(3, 15, 10))
    panel.log("p-2", 10, at=at(3, 15, 15), entry_id="voided")
    panel.void("voided")
    panel.log("p-2", 10, at=at(3, 15, 12), staff_id="dr-1")
    panel.log("p-2", 10, at=at(9))
    elsewhere = read(panel, ["p-1"]).elsewhere
    assert [(row.patient_id, row.staff_id) for row in elsewhere] == [("p-2", "rn-1")]
    assert elsewhere[0].started_at == int(at(3, 15, 10).timestamp())
    assert not read(panel).elsewhere


def test_a_long_entry_that_began_before_the_first_of_the_patient_comes_along(
    panel: SmallPanel,
) -> None:
    panel.enrolled("p-1", "p-2")
    panel.log("p-2", 300, at=at(3, 12, 0))
    panel.log("p-1", 30, at=at(3, 15, 0))
    assert len(read(panel, ["p-1"]).elsewhere) == 1


def test_another_practice_in_the_same_store_is_never_read(panel: SmallPanel) -> None:
    panel.enrolled("p-1")
    other = SmallPanel(panel.store, practice_id="prac-2")
    other.enrolled("p-1")
    other.log("p-1", 10, at=at(3))
    rows = read(panel)
    assert not rows.entries
    for part in (rows.patients, rows.conditions, rows.staff, rows.enrollments, rows.visits):
        assert {row.practice_id for row in part} == {"prac-1"}


def test_an_unknown_practice_is_not_found(panel: SmallPanel) -> None:
    with panel.store.reading() as uow, pytest.raises(NotFoundError):
        read_panel(uow, "prac-9", NOVEMBER)


def test_earlier_months_with_cocm_time_come_from_the_roll_up(panel: SmallPanel) -> None:
    panel.enrolled("p-1", program=Program.COCM)
    panel.log("p-1", 10, at=at(3, month=8), program=Program.COCM, staff_id="sw-1", entry_id="void")
    panel.void("void")
    panel.log("p-1", 10, at=at(3, month=9), program=Program.COCM, staff_id="sw-1")
    panel.log("p-1", 10, at=at(3, month=10), program=Program.BHI, staff_id="sw-1")
    panel.log("p-1", 10, at=at(3, month=11), program=Program.COCM, staff_id="sw-1")
    assert [tuple(row) for row in read(panel).timed_months] == [("p-1", 202609)]


def test_scales_reach_back_to_the_enrollment_and_no_further(panel: SmallPanel) -> None:
    panel.enrolled("p-1", program=Program.BHI)
    panel.enrolled("p-2", program=Program.CCM)
    own = {"practice_id": "prac-1", "instrument": "PHQ-9"}
    panel.add(
        RatingScaleRow(id="before", patient_id="p-1", on_day=date(2026, 1, 4), **own),
        RatingScaleRow(id="first day", patient_id="p-1", on_day=date(2026, 1, 5), **own),
        RatingScaleRow(id="after", patient_id="p-1", on_day=date(2026, 12, 1), **own),
        RatingScaleRow(id="not enrolled, old", patient_id="p-2", on_day=date(2026, 6, 1), **own),
        RatingScaleRow(id="not enrolled", patient_id="p-2", on_day=date(2026, 11, 1), **own),
    )
    assert [row.id for row in read(panel).scales] == ["first day", "not enrolled"]


def test_discharges_whose_days_may_touch_the_month_come_with_their_contacts(
    panel: SmallPanel,
) -> None:
    panel.enrolled("p-1")
    own = {"practice_id": "prac-1", "patient_id": "p-1"}
    panel.add(
        DischargeRow(id="long ago", discharged_on=date(2026, 8, 1), **own),
        DischargeRow(id="touches", discharged_on=date(2026, 10, 5), **own),
        DischargeRow(id="may go before", discharged_on=date(2026, 12, 29), **own),
        DischargeRow(id="much later", discharged_on=date(2027, 1, 1), **own),
        DischargeContactRow(id="c1", discharge_id="touches", at=at(6, month=10), **own),
        DischargeContactRow(id="c2", discharge_id="long ago", at=at(2, month=8), **own),
    )
    rows = read(panel)
    assert [row.id for row in rows.discharges] == ["touches", "may go before"]
    assert [row.id for row in rows.contacts] == ["c1"]
    assert rows.contacts[0].at == at(6, month=10)


def test_what_belongs_to_a_day_is_read_for_the_month_and_what_opened_a_program_for_ever(
    panel: SmallPanel,
) -> None:
    panel.enrolled("p-1")
    own = {"practice_id": "prac-1", "patient_id": "p-1"}
    for name, day in (("before", date(2026, 10, 31)), ("first", date(2026, 11, 1)),
                      ("last", date(2026, 11, 30)), ("after", date(2026, 12, 1))):  # fmt: skip
        panel.add(
            VisitRow(id=f"v-{name}", on_day=day, code="99213", **own),
            DecisionMakingRow(id=f"m-{name}", program="CCM", level="high", on_day=day, **own),
            CaseloadReviewRow(id=f"c-{name}", on_day=day, **own),
            FacilityStayRow(
                id=f"s-{name}", admitted_on=day, discharged_on=day, kind="inpatient", **own
            ),
        )
    panel.add(
        FacilityStayRow(id="s-lasting", admitted_on=date(2026, 5, 1), kind="inpatient", **own),
        TrackElectionRow(
            program="CCM", ym=202611, track="staff", elected_by="dr-1", elected_at=at(3), **own
        ),
        TrackElectionRow(
            program="CCM",
            ym=202610,
            track="practitioner",
            elected_by="dr-1",
            elected_at=at(3),
            **own,
        ),
        OtherServiceRow(
            id="o-ours", on_day=date(2026, 2, 1), code="99492", same_practice=True, **own
        ),
        OtherServiceRow(
            id="o-theirs", on_day=date(2026, 2, 1), code="90960", same_practice=False, **own
        ),
        OtherServiceRow(id="o-near", on_day=date(2026, 12, 20), code="99495", **own),
    )
    rows = read(panel)
    assert [row.id for row in rows.visits if not row.is_initiating] == ["v-first", "v-last"]
    assert [row.on_day for row in rows.visits if row.is_initiating] == [date(2025, 12, 20)]
    assert [row.id for row in rows.decisions] == ["m-first", "m-last"]
    assert [row.id for row in rows.reviews] == ["c-first", "c-last"]
    assert [row.id for row in rows.stays] == ["s-lasting", "s-first", "s-last"]
    assert [row.track for row in rows.elections] == ["staff"]
    assert [row.id for row in rows.other_services] == ["o-ours", "o-near"]
