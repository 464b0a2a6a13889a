"""The month review: every row's state at both sides, its reasons, and sums that are the superbills'."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from tests.support.month_case import NOVEMBER, MonthCase
from tests.support.small_panel import counted_statements
from tests.support.superbill_case import CASE, TRACK_NEEDED
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import EntryMode, Program
from trellis_core.errors import PermissionDeniedError
from trellis_core.ledger.journal import EventKind
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import notes
from trellis_core.services.approvals import ApproveSuperbills, approve_superbills
from trellis_core.services.chart_places import Section
from trellis_core.services.claims import MarkSubmitted, mark_submitted
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.services.questions import AskAboutMonth, ask_about_month
from trellis_core.services.restricted import restrict_chart
from trellis_core.services.review import ReviewOfMonth, review_month
from trellis_core.services.review_rows import ReviewRow, ReviewState
from trellis_core.services.review_slots import expected_of, slots_of
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    EVENT,
    ConsentDeclinedRow,
    ElsewhereRow,
    EnrollmentRow,
    PatientRow,
    RatingScaleRow,
    StaffRow,
)
from trellis_core.superbill.totals import current, expected

TENTH = datetime(2026, 11, 10, 15, 0, tzinfo=UTC)
R = ReviewState
CCM, BHI = Program.CCM, Program.BHI


@pytest.fixture
def case(store: Store) -> MonthCase:
    """Three patients in CCM with all paperwork and no time; nobody may be taken for another."""
    made = MonthCase(store)
    for at, each in enumerate(("p1", "p2", "p3"), 1):
        enrolled(made, each, at)
    return made


def enrolled(case: MonthCase, patient_id: str, at: int, **more: object) -> None:
    named = {"birth_date": date(1950, 1, 1) + timedelta(days=at), "family_name": f"Fern{at:03d}"}
    case.enrolled(patient_id, **(named | more))


def worked(case: MonthCase, patient_id: str, minutes: int, **more: object) -> None:
    """Record time, timed and at once unless told otherwise."""
    case.panel.log(patient_id, minutes, **({"at": TENTH, "mode": EntryMode.TIMED} | more))


def review(
    case: MonthCase, *, role: AccessRole = AccessRole.BILLER, text: str = ""
) -> ReviewOfMonth:
    return review_month(
        NOVEMBER,
        text=text,
        store=case.store,
        actor=case.actor(role),
        clock=case.clock,
        rule_book=load_rule_book(),
    )


def rows_of(case: MonthCase) -> Mapping[tuple[str, Program], ReviewRow]:
    found = review(case)
    assert found.expected(found.rows) == expected(current(found.bills.superbills))
    assert sum(found.counts.values()) == len(found.rows)
    return {(row.patient_id, row.program): row for row in found.rows}


def row_of(case: MonthCase, patient_id: str, program: Program = CCM) -> ReviewRow:
    return rows_of(case)[patient_id, program]


def titles(row: ReviewRow, *, is_caution: bool = False) -> list[str]:
    return [each.title for each in row.reasons if each.is_caution is is_caution]


def test_twenty_minutes_are_ready_and_nineteen_are_a_near_miss(case: MonthCase):
    worked(case, "p1", 20)
    worked(case, "p2", 19, at=TENTH + timedelta(hours=1))
    rows = rows_of(case)
    ready, near, none = (rows[each, CCM] for each in ("p1", "p2", "p3"))
    assert (ready.state, ready.codes, ready.is_clean) == (R.READY, ("99490",), True)
    assert (ready.expected, ready.reasons) == (Decimal("66.13"), ())
    assert (near.state, near.minutes, near.expected) == (R.UNDER, 19, None)
    assert (near.next_code, near.minutes_to_next) == ("99490", 1)
    assert near.expected_if_cleared == Decimal("66.13")
    assert titles(near) == ["19 of 20 minutes"]
    assert near.reasons[0].section == Section.MONTH
    assert near.evidence is None, "its time counts, but nothing is drawn up of it"
    assert (none.state, titles(none)) == (R.UNDER, ["0 of 20 minutes"])
    assert none.evidence is not None
    assert none.evidence.counted == 0
    assert {(row.payer, row.billing) for row in rows.values()} == {("Medicare Part B", "dr-1, MD")}
    assert [row.state for row in review(case).rows] == [R.READY, R.UNDER, R.UNDER]


def test_a_superbill_of_two_programs_is_two_rows_that_add_up_to_it(case: MonthCase):
    case.panel.add(
        *case.panel.chart("p1", program=BHI),
        RatingScaleRow(
            practice_id=case.practice_id, id="s-1", patient_id="p1", instrument="PHQ-9",
            on_day=date(2026, 11, 5), score=11, acted_on="plan_changed",
        ),
    )  # fmt: skip
    worked(case, "p1", 40)
    worked(case, "p1", 20, at=TENTH + timedelta(hours=2), program=BHI)
    rows = rows_of(case)
    chronic, behavioral = rows["p1", CCM], rows["p1", BHI]
    assert chronic.codes == ("99490", "99439")
    assert chronic.superbill_id == behavioral.superbill_id
    (bill,) = case.bills()
    assert (chronic.expected or 0) + (behavioral.expected or 0) == bill.allowed_total


def test_what_a_superbill_lacks_blocks_it_and_still_counts_as_expected(case: MonthCase):
    worked(case, "p1", 20)
    case.change_patient("p1", member_id=None)
    row = row_of(case, "p1")
    assert (row.state, row.expected, row.is_clean) == (R.BLOCKED, Decimal("66.13"), False)
    assert [(each.code, each.section) for each in row.reasons] == [("MEMBER_ID", Section.DETAILS)]


def test_missing_and_declined_consents_are_told_apart(case: MonthCase):
    for at, each in enumerate(("p4", "p5"), 4):
        who = case.panel.patient(each, f"Oak{at}", birth_date=date(1940, 1, at))
        case.panel.add(who, *case.panel.chart(each, has_consent=False))
    case.panel.add(
        ConsentDeclinedRow(
            practice_id=case.practice_id, id="d-1", patient_id="p5", program="CCM",
            declined_on=date(2026, 11, 3), asked_by="rn-1",
        )
    )  # fmt: skip
    rows = rows_of(case)
    missing, declined = rows["p4", CCM], rows["p5", CCM]
    assert (missing.state, declined.state) == (R.BLOCKED, R.BLOCKED)
    assert missing.reasons[0].code == "CONSENT_MISSING"
    assert declined.reasons[0].code == "CONSENT_DECLINED"
    assert "Nov 3, 2026" in declined.reasons[0].message
    assert missing.reasons[0].section == declined.reasons[0].section == Section.CONSENT
    assert titles(missing)[1:] == ["0 of 20 minutes"]


def test_a_unit_that_weak_time_earns_waits_for_a_decision_until_it_is_made(case: MonthCase):
    worked(case, "p1", 15)
    worked(case, "p1", 5, at=TENTH + timedelta(hours=2), mode=EntryMode.TYPED)
    row = row_of(case, "p1")
    assert (row.state, row.is_undecided, row.is_clean) == (R.DECISION, True, False)
    assert row.evidence is not None
    assert (row.evidence.counted, row.evidence.typed, row.evidence.weak) == (1200, 300, 300)
    assert (row.evidence.late, row.evidence.estimated, row.weak_share) == (0, 0, 25)
    assert row.superbill_id is not None
    approve_superbills(
        ApproveSuperbills(
            month=NOVEMBER, seen={row.superbill_id: None}, is_decided=True, reason="Call log"
        ),
        store=case.store, actor=case.actor(), clock=case.clock, rule_book=load_rule_book(),
    )  # fmt: skip
    decided = row_of(case, "p1")
    assert (decided.state, decided.is_undecided, decided.is_clean) == (R.READY, False, False)
    assert decided.approval is not None


def test_a_question_holds_the_month_until_it_is_answered(case: MonthCase):
    for kind, access in (("rn-1", "coordinator"), ("desk-1", "biller")):
        case.change(StaffRow, case.practice_id, kind, access=access)
    worked(case, "p1", 20)
    for patient, program in (("p1", CCM), ("p2", BHI), ("p3", CCM)):
        ask_about_month(
            AskAboutMonth(
                note_id=f"q-{patient}", patient_id=patient, month=NOVEMBER, program=program,
                to_staff="rn-1", text="Was the daughter reached?",
            ),
            store=case.store, actor=case.actor(person="desk-1"), clock=case.clock,
        )  # fmt: skip
    rows = rows_of(case)
    asked = rows["p1", CCM]
    assert asked.question is not None
    assert (asked.question.to_staff, asked.question.program) == ("rn-1", CCM)
    assert (asked.state, asked.reasons[0].section) == (R.DECISION, Section.NOTES)
    assert rows["p2", CCM].state is R.UNDER, "that question is about another program"
    assert rows["p3", CCM].state is R.DECISION
    notes.answer_hand_off(
        "q-p1", answer="Yes", store=case.store,
        actor=case.actor(AccessRole.COORDINATOR), clock=case.clock,
    )  # fmt: skip
    assert row_of(case, "p1").state is R.READY


def test_a_choice_of_track_leaves_the_lines_out_and_says_what_they_would_be():
    built = CASE.with_determination(decisions_needed=(TRACK_NEEDED,)).only()
    slots = {slot.program: slot for slot in slots_of((), [built])}
    assert (slots[CCM].lines, slots[CCM].waiting) == ([], [built])
    assert [line.code for _, line in slots[BHI].lines] == ["99484"]
    assert (expected_of(slots[CCM]), expected_of(slots[BHI])) == (None, Decimal("53.60"))


def test_lines_of_a_program_that_is_not_on_the_board_have_a_row_all_the_same():
    (bill,) = CASE.built()
    slots = {slot.program: slot for slot in slots_of((), [bill])}
    assert sum(expected_of(slot) or 0 for slot in slots.values()) == bill.allowed_total
    unpriced = replace(bill, lines=(replace(bill.lines[0], allowed=None), *bill.lines[1:]))
    assert {expected_of(slot) for slot in slots_of((), [unpriced])} == {None}
    taken_back = replace(bill, lines=(), id=bill.id)
    assert {slot.program for slot in slots_of((), [taken_back]) if slot.withdrawn} >= {CCM, BHI}


def test_a_closed_month_shows_what_was_issued_and_what_the_close_held_back(case: MonthCase):
    worked(case, "p1", 20)
    worked(case, "p2", 20, at=TENTH + timedelta(hours=1))
    worked(case, "p3", 20, at=TENTH + timedelta(hours=2), mode=EntryMode.TYPED)
    case.change_patient("p2", member_id=None)
    close_month(
        CloseMonth(month=NOVEMBER, form_id="c-1", holds_undecided=True),
        store=case.store, actor=case.actor(), clock=case.clock, rule_book=load_rule_book(),
    )  # fmt: skip
    rows = rows_of(case)
    billed, held, weak = (rows[each, CCM] for each in ("p1", "p2", "p3"))
    assert (billed.state, billed.number, billed.version) == (R.BILLED, 1, 1)
    assert (billed.expected, billed.file_by) == (Decimal("66.13"), date(2027, 11, 30))
    assert (held.state, [each.code for each in held.reasons]) == (R.BLOCKED, ["MEMBER_ID"])
    assert (held.expected, held.expected_if_cleared) == (None, Decimal("66.13"))
    assert (weak.state, [each.code for each in weak.reasons]) == (R.DECISION, ["UNDECIDED"])
    assert (held.superbill_id, held.number) == (None, None)


def test_a_reopened_month_shows_the_drafts_in_the_place_of_what_they_would_replace(case: MonthCase):
    worked(case, "p1", 20)
    worked(case, "p2", 20, at=TENTH + timedelta(hours=1))
    case.close()
    case.reopen()
    worked(case, "p1", 20, at=TENTH + timedelta(hours=3))
    rows = rows_of(case)
    again, stands = rows["p1", CCM], rows["p2", CCM]
    assert (again.state, again.number, again.replaces) == (R.READY, None, 1)
    assert (again.codes, again.expected) == (("99490", "99439"), Decimal("116.57"))
    assert (stands.state, stands.number, stands.replaces) == (R.BILLED, 2, None)


def test_what_is_withdrawn_keeps_its_row_and_says_so(case: MonthCase):
    worked(case, "p1", 20, entry_id="t-1")
    case.close()
    case.reopen()
    case.panel.void("t-1")
    before = row_of(case, "p1")
    assert before.state is R.UNDER
    assert titles(before, is_caution=True) == ["Withdraws No. 1"]
    case.close()
    after = row_of(case, "p1")
    assert (after.state, titles(after, is_caution=True)) == (R.UNDER, ["Withdrawn"])


def test_what_is_recorded_after_the_close_is_on_no_superbill_and_says_what_to_do(case: MonthCase):
    case.panel.add(case.panel.patient("p4", "Oak", birth_date=date(1940, 1, 4)))
    case.panel.add(*case.panel.chart("p4", has_consent=False))
    worked(case, "p4", 20)
    case.close()
    assert row_of(case, "p4").reasons[0].code == "CONSENT_MISSING"
    consent = next(row for row in case.panel.chart("p4") if row.__class__.__name__ == "ConsentRow")
    case.panel.add(consent)
    late = row_of(case, "p4")
    assert (late.state, late.expected) == (R.BLOCKED, None)
    assert "Reopen the month" in late.reasons[0].message


@pytest.mark.parametrize(
    ("ended_on", "is_open"), [(None, True), (date(2026, 11, 1), True), (date(2026, 10, 31), False)]
)
def test_a_program_at_another_practice_is_a_caution_while_it_is_open(
    case: MonthCase, ended_on: date | None, is_open: bool
):
    worked(case, "p1", 20)
    assert row_of(case, "p1").is_clean
    case.panel.add(
        ElsewhereRow(
            practice_id=case.practice_id, id="e-1", patient_id="p1", program="CCM",
            other_practice="Lakeside", learned_on=date(2026, 10, 20), ended_on=ended_on,
        )
    )  # fmt: skip
    row = row_of(case, "p1")
    assert (row.state, row.is_clean) == (R.READY, not is_open)
    assert titles(row, is_caution=True) == (["Enrolled elsewhere"] if is_open else [])
    (bill,) = case.bills()
    assert [each.code for each in bill.cautions] == ["ENROLLED_ELSEWHERE"] * is_open
    assert [("Lakeside" in each.message) for each in row.reasons] == [True] * is_open


def test_two_records_that_may_be_one_person_are_not_approved_among_many(case: MonthCase):
    worked(case, "p1", 20)
    assert row_of(case, "p1").is_clean
    case.change_patient("p2", birth_date=date(1950, 1, 2), family_name="Fern001")
    row = row_of(case, "p1")
    assert (row.state, row.is_clean) == (R.READY, False)
    assert [each.title for each in row.reasons] == ["Maybe one person twice"]
    assert "M-p2" in row.reasons[0].message
    assert not row_of(case, "p3").reasons[0].is_caution


def test_a_billed_row_tells_what_was_sent(case: MonthCase):
    worked(case, "p1", 20)
    case.close()
    assert row_of(case, "p1").submission is None
    mark_submitted(
        MarkSubmitted(number=1, on=date(2026, 12, 1), claim_number="C-7"),
        store=case.store, actor=case.actor(), clock=case.clock,
    )  # fmt: skip
    sent = row_of(case, "p1").submission
    assert sent is not None
    assert (sent.number, sent.claim_number, sent.submitted_on) == (1, "C-7", date(2026, 12, 1))


def test_restricted_charts_have_rows_and_only_who_may_see_superbills_reviews(case: MonthCase):
    worked(case, "p1", 20)
    case.change(StaffRow, case.practice_id, "dr-1", access="owner")
    restrict_chart(
        "p1", store=case.store, actor=case.actor(AccessRole.OWNER, "dr-1"), clock=case.clock
    )
    for role in (AccessRole.OWNER, AccessRole.COORDINATOR, AccessRole.BILLER, AccessRole.AUDITOR):
        assert {row.patient_id for row in review(case, role=role).rows} == {"p1", "p2", "p3"}
    with pytest.raises(PermissionDeniedError):
        review(case, role=AccessRole.OWN_WORK)


def test_a_search_narrows_the_rows_and_is_told_without_its_words(case: MonthCase):
    found = review(case, text=" fern002 ")
    assert [row.patient_id for row in found.rows] == ["p2"]
    assert sum(found.counts.values()) == 1
    with case.store.reading() as unit:
        kept = unit.connection.execute(
            select(func.count()).where(EVENT.c.kind == EventKind.SEARCHED.value)
        ).scalar()
    assert kept == 1


def test_an_enrollment_that_ended_before_the_month_bills_nobody(case: MonthCase):
    with case.store.reading() as unit:
        key = unit.session.exec(
            select(EnrollmentRow.id).where(EnrollmentRow.patient_id == "p3")
        ).scalar_one()
    case.change(EnrollmentRow, case.practice_id, key, ended_on=date(2026, 10, 31))
    assert {patient for patient, _ in rows_of(case)} == {"p1", "p2"}
    with case.store.reading() as unit:
        assert unit.session.get(PatientRow, (case.practice_id, "p3")) is not None


def test_a_second_look_is_the_first_one_until_anything_changes(case: MonthCase):
    worked(case, "p1", 20)
    first = review(case).rows
    assert review(case).rows is first
    case.change(StaffRow, case.practice_id, "dr-1", given_name="Ingrid")
    assert {row.billing for row in review(case).rows} == {"Ingrid, MD"}
    case.change_patient("p3", payer_name="Lakeshore Health", payer_kind="commercial")
    assert {row.payer for row in review(case).rows} == {"Medicare Part B", "Lakeshore Health"}


def test_the_number_of_statements_does_not_grow_with_the_patients(case: MonthCase):
    review(case)
    worked(case, "p1", 20)
    enrolled(case, "p4", 4)
    with counted_statements(case.store) as few:
        review(case)
    for at in range(10, 40):
        enrolled(case, f"p{at}", at)
        worked(case, f"p{at}", 20, at=TENTH + timedelta(minutes=20 * at))
    with counted_statements(case.store) as many:
        assert len(review(case).rows) == 34
    assert len(many) <= len(few)
