"""What was issued in earlier months is what the practice billed before: once, and only what stands."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from tests.support.month_case import DECEMBER, NOVEMBER, OVER, MonthCase
from tests.support.small_panel import at
from trellis_core.access import AccessRole
from trellis_core.care.records import PriorService
from trellis_core.care.vocabulary import Program
from trellis_core.ledger.journal import EventKind
from trellis_core.panel import panel_facts
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.board import board
from trellis_core.services.time_log import CorrectTime, correct_time
from trellis_core.store.engine import Store
from trellis_core.store.month_query import write_mark, write_superbills
from trellis_core.store.panel_query import read_panel
from trellis_core.store.tables import (
    CaseloadReviewRow,
    DischargeContactRow,
    DischargeRow,
    EnrollmentRow,
    OtherServiceRow,
    PatientRow,
    RatingScaleRow,
    VisitRow,
)
from trellis_core.store.unit_of_work import EventDraft
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth


@pytest.fixture
def case(any_store: Store) -> MonthCase:
    return MonthCase(any_store)


def facts(case: MonthCase, month: ServiceMonth, patient_id: str):
    with case.store.reading() as unit:
        whole = panel_facts(read_panel(unit, case.practice_id, month), as_of=None)[patient_id]
        alone = panel_facts(read_panel(unit, case.practice_id, month, [patient_id]), as_of=None)
    assert whole.prior_services == alone[patient_id].prior_services
    return whole


def test_only_earlier_months_count_and_each_line_once(case: MonthCase):
    case.enrolled("fern")
    case.panel.log("fern", 42, at=at(3))
    case.panel.log("fern", 25, at=at(3, month=12))
    case.close()
    expected = (
        PriorService(month=NOVEMBER, code="99439", by="dr-1"),
        PriorService(month=NOVEMBER, code="99490", by="dr-1"),
    )
    assert facts(case, DECEMBER, "fern").prior_services == expected
    assert facts(case, NOVEMBER, "fern").prior_services == ()
    assert facts(case, NOVEMBER.previous, "fern").prior_services == ()

    case.panel.add(
        OtherServiceRow(
            practice_id=case.practice_id, id="o-1", patient_id="fern", on_day=date(2026, 11, 30),
            code="99490", same_practice=True,
        )
    )  # fmt: skip
    told = facts(case, DECEMBER, "fern").prior_services
    assert [(each.code, each.month) for each in told] == [("99490", NOVEMBER), ("99439", NOVEMBER)]


def test_a_replaced_or_withdrawn_superbill_no_longer_counts(case: MonthCase):
    case.enrolled("fern", "reed")
    case.panel.log("fern", 42, at=at(3), entry_id="t-one")
    case.panel.log("reed", 25, at=at(4), entry_id="t-two")
    case.close()
    case.reopen()
    services = {
        "store": case.store, "actor": case.actor(AccessRole.OWNER), "clock": case.clock
    }  # fmt: skip
    correct_time(
        CorrectTime(entry_id_new="c-1", entry_id="t-one", seconds=1500, reason="Too long"),
        **services,
    )
    correct_time(
        CorrectTime(entry_id_new="c-2", entry_id="t-two", seconds=None, reason="Never was"),
        **services,
    )
    case.panel.log("fern", 1, at=at(3, month=12))
    assert (
        len(facts(case, DECEMBER, "fern").prior_services) == 2
    )  # the old ones stand until the close
    case.close()
    assert [each.code for each in facts(case, DECEMBER, "fern").prior_services] == ["99490"]
    assert facts(case, DECEMBER, "reed").prior_services == ()


def test_the_board_of_the_next_month_notices_a_close(case: MonthCase):
    """Nobody logs time between: what was billed is compared with every other record."""
    cocm(case)
    services = {
        "store": case.store, "actor": case.actor(AccessRole.COORDINATOR), "rule_book": load_rule_book()
    }  # fmt: skip
    clock = FixedClock(OVER.replace(day=15))
    before = board(month=DECEMBER, clock=clock, **services).rows
    case.close()
    after = board(month=DECEMBER, clock=clock, **services).rows
    fresh = MonthCase(case.store, is_there=True)
    assert fresh.state().is_closed
    assert [row.patient_id for row in before] == [row.patient_id for row in after] == ["ivy"]


def cocm(case: MonthCase) -> None:
    """Ivy is in collaborative care: seventy minutes in November, sixty in December."""
    case.enrolled("ivy", program=Program.COCM)
    case.change(
        PatientRow, case.practice_id, "ivy",
        cocm_referred_on=date(2026, 11, 1), registry_entered_on=date(2026, 11, 2),
    )  # fmt: skip
    consultant = case.panel.staff("psy-1", "psychiatric_consultant", "MD", "1093817462")
    case.panel.add(consultant)
    for month in (11, 12):
        own = {"practice_id": case.practice_id, "patient_id": "ivy"}
        case.panel.add(
            RatingScaleRow(
                id=f"s-{month}", instrument="PHQ-9", on_day=date(2026, month, 5), score=12,
                acted_on="plan_changed", **own,
            ),
            *(
                CaseloadReviewRow(
                    id=f"w-{month}-{day}", on_day=date(2026, month, day), consultant="psy-1",
                    recommendation="Go on", **own,
                )
                for day in (4, 11, 18, 25)
            ),
        )  # fmt: skip
        for day in (3, 10, 17):
            case.panel.log(
                "ivy", 25, at=at(day, month=month), program=Program.COCM, staff_id="sw-1"
            )


def test_collaborative_care_bills_its_first_month_once(case: MonthCase):
    cocm(case)
    case.clock = FixedClock(OVER)
    (november,) = case.bills()
    assert november.lines[0].code == "99492"
    case.close()
    case.clock = FixedClock(DECEMBER.ends_at(ZoneInfo("America/New_York")))
    (december,) = case.bills(DECEMBER)
    assert december.lines[0].code == "99493"
    case.close(DECEMBER)
    assert case.numbers() == [1, 2]


def test_care_planning_is_billed_once_for_a_practitioner(case: MonthCase):
    case.enrolled("fern")
    own = {"practice_id": case.practice_id, "patient_id": "fern", "by": "dr-1", "code": "99214"}
    case.panel.add(
        *(
            VisitRow(
                id=f"v-{month}", on_day=date(2026, month, 4), is_initiating=True,
                program_discussed="CCM", care_planning_by_practitioner=True, **own,
            )
            for month in (11, 12)
        )
    )  # fmt: skip
    with case.store.reading() as unit:
        first = unit.connection.exec_driver_sql("SELECT id FROM enrollment").scalar_one()
    case.change(
        EnrollmentRow, case.practice_id, first,
        started_on=date(2026, 11, 1), ended_on=date(2026, 11, 30),
    )  # fmt: skip
    case.panel.add(
        EnrollmentRow(
            practice_id=case.practice_id, patient_id="fern", id="again", program="CCM",
            started_on=date(2026, 12, 1), billing_practitioner="dr-1",
        )
    )  # fmt: skip
    for month in (11, 12):
        case.panel.log("fern", 25, at=at(10, month=month))
    case.clock = FixedClock(DECEMBER.ends_at(ZoneInfo("America/New_York")))
    codes = {line.code for bill in case.bills() for line in bill.lines}
    assert "G0506" in codes
    assert "G0506" in {line.code for bill in case.bills(DECEMBER) for line in bill.lines}
    case.close()
    assert "G0506" not in {line.code for bill in case.bills(DECEMBER) for line in bill.lines}
    assert "G0506" in {line.code for bill in case.bills() for line in bill.lines}


def test_a_discharge_whose_visit_was_issued_is_billed(case: MonthCase):
    case.enrolled("fern")
    own = {"practice_id": case.practice_id, "patient_id": "fern"}
    case.panel.add(
        DischargeRow(
            id="d-1", discharged_on=date(2026, 11, 10), discharged_from="inpatient_acute",
            discharged_to="home", visit_on=date(2026, 11, 16), visit_by="dr-1",
            visit_modality="in_person", mdm="high", medications_reconciled_on=date(2026, 11, 12),
            **own,
        ),
        DischargeContactRow(
            id="c-1", discharge_id="d-1", at=at(11), outcome="reached", by="rn-1", **own,
        ),
    )  # fmt: skip
    (bill,) = case.bills()
    assert [line.code for line in bill.lines] == ["99496"]
    assert facts(case, DECEMBER, "fern").discharges[0].billed_on is None
    case.close()
    assert facts(case, DECEMBER, "fern").discharges[0].billed_on == date(2026, 11, 16)
    assert facts(case, NOVEMBER, "fern").discharges[0].billed_on is None


def test_what_is_billed_month_by_month_is_not_read_for_ever(case: MonthCase):
    """Of older months the first of each kind; what an episode rests on, all of them."""
    case.enrolled("fern")
    case.enrolled("ivy", program=Program.COCM)
    months = [ServiceMonth(2024, 11).plus(back) for back in range(4)]
    with case.store.writing(actor=case.actor()) as unit:
        for number, month in enumerate(months, 1):
            _issue(unit, case.practice_id, month, number)
    later = ServiceMonth(2025, 12)
    fern = [each.month for each in facts(case, later.plus(1), "fern").prior_services]
    ivy = [each.month for each in facts(case, later.plus(1), "ivy").prior_services]
    assert fern == [months[0]] + [each for each in months if each >= later.plus(-12)]
    assert ivy == months


def _issue(unit, practice_id: str, month: ServiceMonth, number: int) -> None:
    (event,) = unit.journal.append(
        [
            EventDraft(
                practice_id=practice_id,
                kind=EventKind.MONTH_CLOSED,
                subject_kind="month",
                subject_id=str(month),
            )
        ]
    )
    write_mark(
        unit, practice_id, month, number=1, event=event.body.seq, ledger_seq=0,
        recorded_at=event.body.recorded_at,
    )  # fmt: skip
    for place, (patient, program, code) in enumerate(
        (("fern", "CCM", "99490"), ("ivy", "CoCM", "99493"))
    ):
        own = {"practice_id": practice_id, "number": 2 * number - 1 + place, "patient_id": patient}
        bill = own | {
            "superbill_id": f"sb-{patient}-{month}", "version": 1, "replaces": None, "ym": month.ym,
            "period": 0, "changes_claim": 1, "document": b"", "sha256": "", "issued_at": 0,
        }  # fmt: skip
        line = own | {
            "line_id": "ln-1", "program": program, "code": code, "units": 1, "ym": month.ym,
            "date_of_service": month.last_day.isoformat(), "billing_practitioner": "dr-1",
            "allowed_cents": 6613, "charge_cents": None,
        }  # fmt: skip
        write_superbills(unit, [(bill, [line])])
