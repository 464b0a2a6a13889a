"""Two records of one person: what the one that stays takes over, and what stays as it was."""

from datetime import date, timedelta

import pytest
from sqlmodel import select

from tests.support.month_case import NOVEMBER, OVER, MonthCase
from tests.support.small_panel import at
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Program
from trellis_core.errors import CommandRefusedError, PermissionDeniedError
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import caseload, restricted
from trellis_core.services.board import board
from trellis_core.services.conditions import add_condition
from trellis_core.services.consents import record_consent
from trellis_core.services.integrity.checking import check_store
from trellis_core.services.merging import Merged, MergePatients, merge_patients, merges_of
from trellis_core.services.time_log import entries_of
from trellis_core.services.timers import start_timer
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    DischargeContactRow,
    DischargeRow,
    EnrollmentRow,
    OtherServiceRow,
    PatientRow,
    RestrictedChartRow,
    TaskRow,
)
from trellis_core.values.clock import FixedClock
from trellis_core.values.money import ZERO
from trellis_core.values.periods import ServiceMonth

OCTOBER = ServiceMonth(2026, 10)


@pytest.fixture
def case(store: Store) -> MonthCase:
    """Fern is enrolled in CCM; so was the other record of Fern, until September."""
    case = MonthCase(store, clock=FixedClock(OVER - timedelta(days=8)))
    case.enrolled("fern")
    case.enrolled("fern-2", phone="555-0100")
    return case


def merge(case: MonthCase, *, form: str = "form-1", reason: str = "Same person, two intakes",
          stays: str = "fern", goes: str = "fern-2", role: AccessRole = AccessRole.OWNER) -> Merged:  # fmt: skip
    return merge_patients(
        MergePatients(merge_id=form, patient_id=stays, merged_patient_id=goes, reason=reason),
        store=case.store,
        actor=case.actor(role, "dr-1"),
        clock=case.clock,
    )


def refused(case: MonthCase, code: str, **said: object) -> None:
    with pytest.raises(CommandRefusedError) as caught:
        merge(case, **said)  # type: ignore[arg-type]
    assert caught.value.code == code


def minutes(case: MonthCase, patient_id: str, month: ServiceMonth | None = None) -> list[int]:
    found = entries_of(
        month=month, patient_id=patient_id, store=case.store, actor=case.actor(), clock=case.clock
    )
    return [each.seconds // 60 for each in found if not each.is_reversed]


def of_board(case: MonthCase, month: ServiceMonth = NOVEMBER) -> dict[str, int]:
    found = board(
        month=month, store=case.store, actor=case.actor(), clock=case.clock,
        rule_book=load_rule_book(),
    )  # fmt: skip
    return {row.patient_id: row.minutes for row in found.rows}


def test_the_record_that_stays_says_what_both_said(case: MonthCase) -> None:
    case.change_patient("fern", phone="", best_time="mornings")
    case.change_patient("fern-2", best_time="evenings")
    acts = {"store": case.store, "actor": case.actor(AccessRole.OWNER, "dr-1"), "clock": case.clock}
    add_condition("fern-2", icd10="E66.9", **acts)
    before = caseload.chart("fern", month=NOVEMBER, **acts)
    done = merge(case)
    after = caseload.chart("fern", month=NOVEMBER, **acts)
    assert done.created
    assert (after.patient.phone, after.patient.best_time) == ("555-0100", "mornings")
    codes = [each.icd10 for each in after.conditions]
    assert codes.count("E66.9") == 1
    assert len(codes) == len(set(codes)) == len(before.conditions) + 1
    assert len(after.consents) == len(before.consents) + 1
    assert after.enrollments == before.enrollments
    assert done.kept_back == ("CCM",)
    gone = caseload.chart("fern-2", month=NOVEMBER, **acts)
    assert gone.enrollments
    assert gone.consents


def test_time_of_months_that_were_never_closed_is_recorded_for_the_record_that_stays(
    case: MonthCase,
) -> None:
    case.log("fern", 12, at=at(3))
    case.log("fern-2", 9, at=at(4))
    case.log("fern-2", 5, at=at(20, month=10), person="dr-1")
    done = merge(case)
    assert (done.entries, done.months_left) == (2, ())
    assert minutes(case, "fern-2") == []
    assert sorted(minutes(case, "fern")) == [5, 9, 12]
    assert of_board(case) == {"fern": 21}
    moved = entries_of(
        month=NOVEMBER, patient_id="fern-2", store=case.store, actor=case.actor(), clock=case.clock
    )
    assert [each.is_reversed for each in moved] == [True]
    assert (moved[0].reason or "").startswith("Merged into another record: Same person")
    assert check_store(store=case.store).findings == ()


def test_a_closed_month_stays_and_what_it_billed_counts_as_an_earlier_service(
    case: MonthCase,
) -> None:
    case.clock = FixedClock(OVER + timedelta(hours=9))
    case.log("fern-2", 22, at=at(3))
    case.close()
    done = merge(case)
    assert done.months_left == (NOVEMBER,)
    assert minutes(case, "fern-2", NOVEMBER) == [22]
    assert [(bill.patient.id, bill.lines[0].code) for bill in case.bills()] == [("fern-2", "99490")]
    with case.store.reading() as unit:
        services = [
            (row.patient_id, row.code, row.same_practice, row.on_day)
            for row in unit.session.exec(select(OtherServiceRow)).all()
        ]
    assert services == [("fern", "99490", True, date(2026, 11, 30))]
    reopened = case.reopen()
    assert reopened is not None
    assert [bill.patient.id for bill in case.bills()] == ["fern-2"], "the closed month is as it was"


def test_a_merged_record_leaves_the_lists_and_takes_nothing_more(case: MonthCase) -> None:
    merge(case)
    found = caseload.patients(store=case.store, actor=case.actor(), clock=case.clock)
    assert [row.id for row in found.rows] == ["fern"]
    with pytest.raises(CommandRefusedError, match="merged into another"):
        case.log("fern-2", 5, at=at(5))
    acts = {"store": case.store, "actor": case.actor(AccessRole.OWNER, "dr-1"), "clock": case.clock}
    with pytest.raises(CommandRefusedError, match="merged into another"):
        start_timer(patient_id="fern-2", program=Program.CCM, **acts)
    with pytest.raises(CommandRefusedError, match="merged into another"):
        record_consent("fern-2", program=Program.CCM, obtained_on=date(2026, 11, 2), **acts)
    with pytest.raises(CommandRefusedError, match="merged into another"):
        caseload.edit_patient(caseload.patient("fern-2", **acts), **acts)


def test_each_chart_names_the_other(case: MonthCase) -> None:
    merge(case)
    acts = {"store": case.store, "actor": case.actor(), "clock": case.clock}
    (gone,) = merges_of("fern-2", **acts)
    (stayed,) = merges_of("fern", **acts)
    assert (gone.other.id, gone.is_gone, gone.merged_by) == ("fern", True, "dr-1")
    assert (stayed.other.id, stayed.is_gone) == ("fern-2", False)
    assert stayed.reason == "Same person, two intakes"


def test_a_form_sent_twice_merges_once(case: MonthCase) -> None:
    case.log("fern-2", 9, at=at(4))
    assert merge(case).created
    again = merge(case)
    assert not again.created
    assert minutes(case, "fern") == [9]
    refused(case, "FORM_USED", reason="Another reason than before")


def test_what_overlaps_in_a_program_stays_with_the_other_record_and_what_does_not_is_copied(
    case: MonthCase,
) -> None:
    with case.store.writing(actor=case.actor(AccessRole.OWNER)) as unit:
        row = next(
            iter(unit.session.exec(select(EnrollmentRow).where(EnrollmentRow.patient_id == "fern")))
        )
        row.started_on = date(2026, 9, 1)
        unit.session.add(row)
        other = next(
            iter(
                unit.session.exec(select(EnrollmentRow).where(EnrollmentRow.patient_id == "fern-2"))
            )
        )
        other.ended_on = date(2026, 8, 31)
        unit.session.add(other)
    assert merge(case).kept_back == ()
    acts = {"store": case.store, "actor": case.actor(), "clock": case.clock}
    assert len(caseload.chart("fern", month=NOVEMBER, **acts).enrollments) == 2


def test_a_restricted_chart_restricts_the_one_that_takes_it_over(case: MonthCase) -> None:
    owner = case.actor(AccessRole.OWNER, "dr-1")
    restricted.restrict_chart("fern-2", readers=(), store=case.store, actor=owner, clock=case.clock)
    merge(case)
    with case.store.reading() as unit:
        assert unit.session.get(RestrictedChartRow, ("prac-1", "fern")) is not None


def test_open_tasks_go_on_in_the_chart_that_stays(case: MonthCase) -> None:
    with case.store.writing(actor=case.actor(AccessRole.OWNER)) as unit:
        unit.session.add(
            TaskRow(
                practice_id="prac-1", id="t-1", patient_id="fern-2", kind="general",
                title="Call the pharmacy", due_on=date(2026, 11, 24), made_by="rn-1",
                made_at=case.clock.now(),
            )
        )  # fmt: skip
    merge(case)
    with case.store.reading() as unit:
        rows = unit.session.exec(select(TaskRow)).all()
    assert sorted((row.patient_id, row.done_at is None) for row in rows) == [
        ("fern", True),
        ("fern-2", False),
    ]


def test_what_cannot_be_one_person_or_is_none_is_refused(case: MonthCase) -> None:
    refused(case, "SAME_RECORD", goes="fern")
    refused(case, "REASON_NEEDED", reason="too short")
    refused(case, "REASON_NEEDED", reason="x" * 301)
    case.change_patient("fern-2", birth_date=date(1960, 2, 3))
    refused(case, "NOT_ONE_PERSON")
    case.change_patient("fern-2", birth_date=None)
    case.change_patient("fern-2", sex="male")
    refused(case, "NOT_ONE_PERSON")
    case.change_patient("fern-2", sex=None)
    start_timer(
        patient_id="fern-2", program=Program.CCM, store=case.store, actor=case.actor(AccessRole.OWNER),
        clock=case.clock,
    )  # fmt: skip
    refused(case, "TIMER_RUNNING")
    with pytest.raises(PermissionDeniedError):
        merge(case, role=AccessRole.COORDINATOR)
    with case.store.reading() as unit:
        assert {row.merged_into for row in unit.session.exec(select(PatientRow)).all()} == {None}


@pytest.mark.parametrize("reason", ["x" * 10, "x" * 300])
def test_a_reason_of_the_least_and_of_the_greatest_length_is_taken(
    case: MonthCase, reason: str
) -> None:
    assert merge(case, reason=reason).created


def test_a_record_is_merged_once_only(case: MonthCase) -> None:
    case.enrolled("fern-3")
    merge(case)
    refused(case, "MERGED_BEFORE", form="form-2", goes="fern-2")
    refused(case, "MERGED_BEFORE", form="form-3", stays="fern-2", goes="fern-3")
    assert merge(case, form="form-4", goes="fern-3").created


def test_a_discharge_that_was_billed_for_the_other_record_is_not_billed_again(
    case: MonthCase,
) -> None:
    case.clock = FixedClock(OVER + timedelta(hours=9))
    key = {"practice_id": "prac-1", "patient_id": "fern-2"}
    with case.store.writing(actor=case.actor(AccessRole.OWNER)) as unit:
        unit.session.add(
            DischargeRow(
                **key, id="di-1", discharged_on=date(2026, 11, 5), discharged_from="inpatient_acute",
                discharged_to="home", visit_on=date(2026, 11, 10), visit_by="dr-1",
                visit_modality="in_person", mdm="high", medications_reconciled_on=date(2026, 11, 10),
            )
        )  # fmt: skip
        unit.session.add(
            DischargeContactRow(
                **key, id="dc-1", discharge_id="di-1", at=at(6), outcome="reached", by="rn-1"
            )
        )
    case.close()
    (bill,) = case.bills()
    assert [line.code for line in bill.lines] == ["99496"]
    merge(case)
    for month in (NOVEMBER, NOVEMBER.following):
        found = board(
            month=month, store=case.store, actor=case.actor(), clock=case.clock,
            rule_book=load_rule_book(),
        )  # fmt: skip
        of_the_chart = [row for row in found.rows if row.patient_id == "fern"]
        assert [row.expected for row in of_the_chart if row.program is Program.TCM] in ([], [ZERO])
