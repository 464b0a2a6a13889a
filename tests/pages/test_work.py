"""What waits for a person: the inbox on the home, the chart's notes and tasks, and suggested time."""

from datetime import date, timedelta

import pytest

from pages.shared import active_time
from pages.shared import store as page_store
from trellis_core.care.vocabulary import EntryMode
from trellis_core.care.work import TaskKind, TaskOutcome
from trellis_core.services import notes, tasks
from trellis_core.services import sign_in as sign_ins
from trellis_core.services.inbox import inbox
from trellis_core.services.time_log import entries_of
from trellis_core.values.clock import FixedClock

CHART = "coordinate/patient_chart"


def said(at) -> str:
    kinds = (at.markdown, at.caption, at.text)
    return "\n".join(item.value for kind in kinds for item in kind).replace("\\", "")


def run(what):
    at = what.run()
    assert not at.exception, at.exception
    return at


def person(dashboard, person_id):
    people = sign_ins.demo_actors(store=dashboard.store)
    return next(actor for _, actor in people if actor.person_id == person_id)


def opened(dashboard, person_id, page):
    token, _ = sign_ins.demo_sign_in(person_id, store=dashboard.store, clock=dashboard.clock)
    dashboard.set_token(token)
    return run(dashboard.open(None, page))


def chart(dashboard, person_id, patient_id):
    at = opened(dashboard, person_id, CHART)
    at.query_params["patient"] = patient_id
    at.query_params["section"] = "notes"
    return run(at)


@pytest.fixture
def moving(monkeypatch, dashboard):
    """A clock that moves when it is told to."""
    begun = page_store.clock().now()
    moved = [timedelta()]
    monkeypatch.setattr(page_store, "clock", lambda: FixedClock(begun + moved[0]))

    def by(seconds):
        moved[0] += timedelta(seconds=seconds)

    return by


def waits(dashboard, person_id):
    actor = person(dashboard, person_id)
    return inbox(store=dashboard.store, actor=actor, clock=dashboard.clock)


def lines(at):
    """Return what the inbox's line says, if it is drawn."""
    return [each.label for each in at.button if each.key == "inbox_line"]


def test_what_waits_is_one_line_that_opens_to_lists_with_their_actions(dashboard):
    at = opened(dashboard, "rn-1", "coordinate/thresholds")
    assert lines(at) == ["1 hand-off, 2 tasks due (1 overdue)"]
    assert "Two insurance cards" not in said(at)
    run(at.button(key="inbox_line").click())
    assert "Two insurance cards" in said(at)
    found = waits(dashboard, "rn-1")
    (hand_off,), (first, _) = found.hand_offs, found.tasks
    at.text_area(key=f"inbox_answer_{hand_off.id}").set_value("The first one.")
    run(at.button(key=f"inbox_answer_{hand_off.id}_save").click())
    at.radio(key=f"inbox_task_{first.id}_outcome").set_value(TaskOutcome.REACHED)
    run(at.button(key=f"inbox_task_{first.id}_save").click())
    assert lines(at) == ["1 task due"]
    assert lines(opened(dashboard, "bill-1", "billing/superbills")) == ["1 answer"]
    (answered,) = waits(dashboard, "bill-1").answers
    assert answered.answer == "The first one."


def test_nothing_is_drawn_where_nothing_waits(dashboard):
    assert lines(opened(dashboard, "audit-1", "coordinate/thresholds")) == []
    assert lines(opened(dashboard, "md-1", "insight/roi_calculator")) == []
    assert lines(opened(dashboard, "psy-1", "programs/cocm")) == ["1 hand-off"]


def test_a_note_offers_the_time_that_it_took(dashboard, moving):
    at = chart(dashboard, "rn-1", "p-101")
    for _ in range(3):
        moving(55)
        run(at)
    at.text_area(key="chart_note__p-101").set_value("Sleeps better.")
    run(at)
    active_time._sessions.clear()  # the server died, or somebody signed in anew, elsewhere
    at = chart(dashboard, "rn-1", "p-101")
    assert "Suggested:" not in said(at)
    run(at.button(key="chart_note__p-101_save").click())
    assert "Sleeps better." in said(at)
    assert "Suggested: 2 min 45 s** for this patient · CCM" in said(at)
    nurse = person(dashboard, "rn-1")
    (made,) = waits(dashboard, "rn-1").suggestions
    minutes = at.number_input(key=f"bar_suggested_{made.id}_minutes")
    assert (minutes.value, minutes.label) == (None, "Minutes, at most 2")
    minutes.set_value(1)
    run(at.button(key=f"bar_suggested_{made.id}_shortened").click())
    assert "Suggested:" not in said(at)
    (entry,) = (
        each
        for each in entries_of(month=None, patient_id="p-101", store=dashboard.store, actor=nurse)
        if each.mode is EntryMode.SUGGESTED
    )
    assert (entry.seconds, entry.note, entry.staff_id) == (60, "Wrote a note", nurse.person_id)


def test_the_chart_takes_hand_offs_and_tasks(dashboard):
    at = chart(dashboard, "bill-1", "p-103")
    at.text_area(key="chart_note__p-103").set_value("Is the address right?")
    run(at)
    at.selectbox(key="chart_note__p-103_to").set_value("rn-1")
    run(at)
    run(at.button(key="chart_note__p-103_save").click())
    assert "Waits for an answer." in said(at)
    at.segmented_control(key="chart_task__p-103_kind").set_value(TaskKind.GENERAL)
    at.date_input(key="chart_task__p-103_due").set_value(date(2026, 11, 27))
    at.button(key="chart_task__p-103_save").click().run()
    assert at.error  # it says nothing of what is to be done
    assert at.date_input(key="chart_task__p-103_due").value == date(2026, 11, 27)
    at.segmented_control(key="chart_task__p-103_kind").set_value(TaskKind.CONTACT)
    at.date_input(key="chart_task__p-103_due").set_value(date(2026, 11, 20))
    run(at.button(key="chart_task__p-103_save").click())
    assert "Next contact due today." in said(at)
    biller = {"store": dashboard.store, "actor": person(dashboard, "bill-1")}
    (note,) = notes.notes_of("p-103", clock=dashboard.clock, **biller)
    assert note.to_staff == "rn-1"
    assert len(tasks.open_tasks("p-103", clock=dashboard.clock, **biller)) == 2


def test_who_reads_only_reads_only(dashboard):
    at = chart(dashboard, "audit-1", "p-102")
    assert "Knees were too sore" in said(at)
    assert not at.text_area
    assert not [each for each in at.button if each.key and "chart_" in each.key]
