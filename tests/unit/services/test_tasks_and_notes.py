"""Tasks, notes, hand-offs and the contact log of a patient, and what of them waits for whom."""

from datetime import date, datetime, timedelta

import pytest

from tests.support.ledger_case import BILLER, NURSE, OTHER_NURSE, OWNER, work
from tests.support.work_case import (
    CONSULTANT,
    DOCTOR,
    NOW,
    PRACTICE,
    TODAY,
    enrolled,
    fill_practice,
    put,
    restricted,
)
from trellis_core.care.active import Span
from trellis_core.care.vocabulary import Activity, ContactState, Program
from trellis_core.care.work import OpenWork, TaskKind, TaskOutcome
from trellis_core.errors import (
    ChartRestrictedError,
    CommandRefusedError,
    DuplicateCommandError,
    NotFoundError,
)
from trellis_core.services import notes, tasks
from trellis_core.services.chart_edit import editing
from trellis_core.services.colleagues import colleagues_for
from trellis_core.services.contact_log import contact_log
from trellis_core.services.inbox import inbox, waiting
from trellis_core.services.suggestions import Origin, offer
from trellis_core.services.time_log import log_time
from trellis_core.store.tables import DischargeContactRow, StaffRow
from trellis_core.values.clock import FixedClock

DAY = timedelta(days=1)
CLOCK = FixedClock(NOW)


@pytest.fixture
def store(store):
    fill_practice(store)
    return store


def around(store, actor, now=NOW):
    return {"store": store, "actor": actor, "clock": FixedClock(now)}


def added(store, *, actor=NURSE, due_on=TODAY, kind=TaskKind.GENERAL, now=NOW, **more):
    patient_id = more.pop("patient_id", "pt-1")
    given = {"kind": kind, "title": "Ask for the report", "due_on": due_on, **more}
    return tasks.add_task(patient_id, **given, **around(store, actor, now))


def written(store, *, actor=NURSE, patient_id="pt-1", text="Ankles are better", **more):
    return notes.write_note(patient_id, text=text, **more, **around(store, actor))


def open_of(store, patient_id="pt-1"):
    return tasks.open_tasks(patient_id, **around(store, NURSE))


def due(store, actor, now=NOW):
    return [each.id for each in inbox(**around(store, actor, now)).tasks]


def refused(code):
    return pytest.raises(CommandRefusedError, check=lambda error: error.code == code)


def leave(store, staff_id):
    with store.writing(at=NOW) as unit:
        row = unit.session.get(StaffRow, (PRACTICE, staff_id))
        row.is_active = False
        unit.session.add(row)


# --- tasks -----------------------------------------------------------------------------------


def test_open_tasks_stand_by_their_day_and_the_board_counts_them(store):
    later = added(store, due_on=TODAY + 3 * DAY)
    old = added(store, due_on=TODAY - DAY, now=NOW - DAY)
    call = added(store, kind=TaskKind.CONTACT, due_on=TODAY, title=tasks.NEXT_CONTACT)
    added(store, patient_id="pt-2", kind=TaskKind.CONTACT, due_on=TODAY + DAY)
    done = added(store, kind=TaskKind.CONTACT, due_on=TODAY)
    tasks.finish_task(done.id, outcome=TaskOutcome.REACHED, **around(store, NURSE))
    assert [each.id for each in open_of(store)] == [old.id, call.id, later.id]
    assert [each.is_overdue(TODAY) for each in open_of(store)] == [True, False, False]
    with store.reading() as unit:
        found = tasks.open_work(unit, PRACTICE, today=TODAY)
    assert found == {
        "pt-1": OpenWork(next_contact_on=TODAY, tasks=3, overdue=1),
        "pt-2": OpenWork(next_contact_on=TODAY + DAY, tasks=1, overdue=0),
    }


def test_a_task_of_a_form_or_a_source_is_one(store):
    first = added(store, task_id="form-1")
    assert added(store, task_id="form-1") == first
    with pytest.raises(DuplicateCommandError):
        added(store, task_id="form-1", title="Something else")
    raised = added(store, kind=TaskKind.SAFETY, source_id="scale-1")
    with editing(store, NURSE, CLOCK) as edit:
        again = tasks.raise_task(
            edit,
            "pt-1",
            kind=TaskKind.SAFETY,
            title="Another title",
            due_on=TODAY - DAY,
            source_id="scale-1",
        )
    assert again == raised
    assert len(open_of(store)) == 2


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("TASK_WITHOUT_TITLE", {"title": " \n"}),
        ("TASK_WITHOUT_TITLE", {"title": "x" * 201}),
        ("DUE_DAY_PASSED", {"due_on": TODAY - DAY}),
        ("TASK_ID_MALFORMED", {"task_id": "no blanks"}),
    ],
)
def test_a_task_says_what_and_by_when(store, code, more):
    with refused(code):
        added(store, **more)
    added(store, title="x" * 200)


def test_a_task_moves_and_ends_once(store):
    made = added(store, kind=TaskKind.CONTACT, title=tasks.NEXT_CONTACT)
    moved = tasks.move_task(made.id, due_on=TODAY + DAY, **around(store, NURSE))
    assert moved.due_on == TODAY + DAY
    for code, more in (
        ("OUTCOME_OF_ANOTHER_KIND", {"outcome": TaskOutcome.DONE}),
        ("DUE_DAY_PASSED", {"outcome": TaskOutcome.REACHED, "next_contact_on": TODAY - DAY}),
    ):
        with refused(code):
            tasks.finish_task(made.id, **more, **around(store, NURSE))
    for _ in range(2):
        tasks.finish_task(
            made.id,
            outcome=TaskOutcome.REACHED,
            next_contact_on=TODAY + 7 * DAY,
            **around(store, NURSE),
        )
    (following,) = open_of(store)
    assert (following.kind, following.due_on) == (TaskKind.CONTACT, TODAY + 7 * DAY)
    with refused("TASK_FINISHED"):
        tasks.finish_task(made.id, outcome=TaskOutcome.ATTEMPTED, **around(store, OTHER_NURSE))
    with refused("TASK_FINISHED"):
        tasks.move_task(made.id, due_on=TODAY, **around(store, NURSE))


def test_only_a_contact_sets_the_next_one(store):
    made = added(store)
    with refused("NOT_A_CONTACT"):
        tasks.finish_task(
            made.id, outcome=TaskOutcome.DONE, next_contact_on=TODAY, **around(store, NURSE)
        )


# --- to whom ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to_staff", "is_closed", "may"),
    [
        ("staff-other", False, True),
        ("staff-other", True, False),
        ("staff-owner", True, True),
        ("staff-auditor", False, False),
        ("staff-former", False, False),
        ("staff-none", False, False),
        ("staff-helper", False, False),
        ("staff-doctor", False, True),
        ("staff-psych", False, False),
    ],
)
def test_work_is_handed_to_whoever_can_open_the_chart(store, to_staff, is_closed, may):
    if is_closed:
        put(store, restricted("pt-1", NURSE.person_id))
    named = {each.id for each in colleagues_for("pt-1", **around(store, NURSE))}
    assert (to_staff in named) is may
    for call in (
        lambda: written(store, to_staff=to_staff),
        lambda: added(store, assigned_to=to_staff),
    ):
        if may:
            call()
        else:
            with refused("COLLEAGUE_WITHOUT_CHART"):
                call()


def test_a_consultant_takes_work_of_collaborative_care(store):
    put(store, enrolled("pt-3", Program.COCM))
    made = written(store, patient_id="pt-3", to_staff=CONSULTANT.person_id)
    assert waiting(**around(store, CONSULTANT)).hand_offs == 1
    notes.answer_hand_off(made.id, answer="Raise the dose", **around(store, CONSULTANT))
    assert waiting(**around(store, CONSULTANT)).hand_offs == 0


def test_nobody_hands_work_to_themselves_or_a_stranger(store):
    with refused("HANDED_TO_ONESELF"):
        written(store, to_staff=NURSE.person_id)
    with pytest.raises(NotFoundError):
        written(store, to_staff="staff-stranger")


# --- notes -----------------------------------------------------------------------------------


def test_notes_stand_newest_first_and_one_form_writes_one(store):
    first = written(store, text="  one  ", note_id="form-1")
    assert written(store, text="one", note_id="form-1") == first
    with pytest.raises(DuplicateCommandError):
        written(store, text="two", note_id="form-1")
    later = {"store": store, "actor": BILLER, "clock": FixedClock(NOW + DAY)}
    second = notes.write_note("pt-1", text="two", program=Program.CCM, **later)
    assert notes.notes_of("pt-1", **later) == (second, first)
    for text in ("", "  ", "x" * 4001):
        with refused("NOTE_EMPTY_OR_LONG"):
            written(store, text=text)
    with refused("NOT_A_HAND_OFF"):
        notes.answer_hand_off(first.id, answer="yes", **around(store, NURSE))


def test_a_hand_off_waits_until_it_is_answered_and_both_see_the_answer(store):
    made = written(store, actor=BILLER, text="Which plan?", to_staff=NURSE.person_id)
    assert inbox(**around(store, NURSE)).hand_offs == (made,)
    assert waiting(**around(store, BILLER)).answers == 0
    with refused("NOT_YOUR_HAND_OFF"):
        notes.answer_hand_off(made.id, answer="Plan B", **around(store, OTHER_NURSE))
    with refused("ANSWER_EMPTY_OR_LONG"):
        notes.answer_hand_off(made.id, answer=" ", **around(store, NURSE))
    for _ in range(2):
        said = notes.answer_hand_off(made.id, answer="Plan B", **around(store, NURSE))
    with refused("HAND_OFF_ANSWERED"):
        notes.answer_hand_off(made.id, answer="Plan C", **around(store, NURSE))
    assert inbox(**around(store, NURSE)).hand_offs == ()
    assert inbox(**around(store, BILLER)).answers == (said,)
    assert notes.notes_of("pt-1", **around(store, NURSE)) == (said,)


@pytest.mark.parametrize(("short_of", "number"), [(timedelta(seconds=1), 1), (timedelta(), 0)])
def test_an_answer_shows_for_a_while(store, short_of, number):
    made = written(store, to_staff=OWNER.person_id)
    notes.answer_hand_off(made.id, answer="Done", **around(store, OWNER))
    then = NOW + notes.ANSWER_SHOWN_FOR - short_of
    assert waiting(**around(store, NURSE, then)).answers == number


def test_a_hand_off_to_somebody_who_left_comes_back(store):
    made = written(store, to_staff=OTHER_NURSE.person_id)
    leave(store, OTHER_NURSE.person_id)
    assert inbox(**around(store, NURSE)).hand_offs == (made,)
    notes.answer_hand_off(made.id, answer="I asked myself", **around(store, NURSE))
    assert waiting(**around(store, NURSE)).hand_offs == 0


# --- what waits for whom -------------------------------------------------------------------------


def test_tasks_wait_for_whoever_has_them(store):
    mine = added(store, actor=OWNER, assigned_to=NURSE.person_id)
    own = added(store, due_on=TODAY - DAY, now=NOW - DAY)
    safety = added(store, actor=OWNER, kind=TaskKind.SAFETY, title="Ask about safety")
    added(store, actor=OWNER)
    added(store, due_on=TODAY + DAY)
    theirs = added(store, assigned_to=OTHER_NURSE.person_id, title="Call the pharmacy")
    assert due(store, NURSE) == [own.id, safety.id, mine.id]
    assert due(store, OTHER_NURSE) == [safety.id, theirs.id]
    assert due(store, DOCTOR) == []
    leave(store, OTHER_NURSE.person_id)
    assert set(due(store, NURSE)) == {own.id, mine.id, safety.id, theirs.id}
    counted = waiting(**around(store, NURSE))
    assert (counted.tasks, counted.overdue) == (4, 1)


def test_nothing_of_a_closed_chart_waits(store):
    added(store)
    written(store, actor=OWNER, to_staff=NURSE.person_id)
    offer(
        Origin.NOTE,
        patient_id="pt-1",
        program=None,
        activity=Activity.RECORD_REVIEW,
        spans=[Span(NOW - timedelta(minutes=1), NOW)],
        **around(store, NURSE),
    )
    found = waiting(**around(store, NURSE))
    assert (found.hand_offs, found.suggestions, found.tasks) == (1, 1, 1)
    assert set(inbox(**around(store, NURSE)).names) == {"pt-1"}
    put(store, restricted("pt-1"))
    found = waiting(**around(store, NURSE))
    assert (found.hand_offs, found.suggestions, found.tasks) == (0, 0, 0)
    for call in (
        lambda: open_of(store),
        lambda: written(store),
        lambda: added(store),
        lambda: contact_log("pt-1", **around(store, NURSE)),
    ):
        with pytest.raises(ChartRestrictedError):
            call()


# --- contact log ---------------------------------------------------------------------------------


def test_the_contact_log_is_one_list_of_all_that_was_tried(store):
    for hour, contact in ((13, ContactState.REACHED), (14, ContactState.NONE), (15, None)):
        log_time(
            work(started_at=datetime(2026, 11, 18, hour, tzinfo=NOW.tzinfo), contact=contact),
            store=store,
            actor=NURSE,
            clock=CLOCK,
        )
    put(
        store,
        DischargeContactRow(
            practice_id=PRACTICE,
            id="dc-1",
            discharge_id="di-1",
            patient_id="pt-1",
            at=datetime(2026, 11, 19, 15, tzinfo=NOW.tzinfo),
            outcome=None,
        ),
    )
    for outcome in (TaskOutcome.ATTEMPTED, TaskOutcome.NOT_NEEDED):
        made = added(store, kind=TaskKind.CONTACT, title=tasks.NEXT_CONTACT)
        tasks.finish_task(made.id, outcome=outcome, **around(store, NURSE))
    added(store, kind=TaskKind.CONTACT, due_on=date(2026, 12, 1))
    found = contact_log("pt-1", **around(store, NURSE))
    assert {(str(each.source), each.is_reached) for each in found} == {
        ("task", None), ("task", False), ("discharge", None), ("time", True),
    }  # fmt: skip
    assert [each.at for each in found] == sorted((each.at for each in found), reverse=True)
    assert [each.by for each in found][-2:] == [None, NURSE.person_id]
