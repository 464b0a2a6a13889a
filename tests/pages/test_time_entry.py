"""Recording time: typed entries, the timer, and being told at once what will not count."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from pages.shared import board_view, store, time_entry, timer_bar
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.errors import CommandRefusedError
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import caseload, drafts, visits
from trellis_core.services import sign_in as sign_ins
from trellis_core.services.board import BoardState, board
from trellis_core.services.time_log import entries_of
from trellis_core.services.timers import pause_timer, running_timer, start_timer
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
FORM = "ccm_entry"


def ccm_row(dashboard, state=BoardState.REACH):
    return board(
        month=NOVEMBER,
        state=state,
        program=Program.CCM,
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.COORDINATOR),
        clock=dashboard.clock,
        rule_book=load_rule_book(),
    ).rows[0]


def ccm_rows(dashboard):
    return [
        row
        for row in board(
            month=NOVEMBER,
            program=Program.CCM,
            store=dashboard.store,
            actor=dashboard.actor(AccessRole.COORDINATOR),
            clock=dashboard.clock,
            rule_book=load_rule_book(),
        ).rows
        if row.state is BoardState.REACH
    ]


def open_form(dashboard, row):
    at = dashboard.open(AccessRole.COORDINATOR, "programs/ccm")
    assert at.selectbox(key=f"{FORM}_patient").value is None, (
        "the first would get another's minutes"
    )
    assert not [each for each in at.button if each.label in {"Start timer", "Save entry"}]
    at.selectbox(key=f"{FORM}_patient").set_value(row.patient_id).run()
    return at


def type_time(at):
    """Ask for the fields of another time than the last minutes."""
    return at.segmented_control(key=field(at, "length")).set_value(time_entry.OTHER).run()


def select(at, name, rows, place):
    """Select a row as a click on the table does."""
    at.session_state[board_view.table_key(name, rows)] = {
        "selection": {"rows": [place], "columns": [], "cells": []}
    }
    at.run()
    assert not at.exception


def field(at, name):
    """Return the key of a field of the form that is open."""
    return f"{FORM}_{at.session_state['trellis'].form_ids[FORM]}_{name}"


def entries(dashboard, row):
    return entries_of(
        month=NOVEMBER,
        patient_id=row.patient_id,
        program=Program.CCM,
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.COORDINATOR),
    )


def fill(at, minutes=7):
    type_time(at)
    at.number_input(key=field(at, "minutes")).set_value(minutes)
    at.selectbox(key=field(at, "activity")).set_value(Activity.PHARMACY_COMMUNICATION)
    at.segmented_control(key=field(at, "contact")).set_value(ContactState.ATTEMPTED)
    at.text_area(key=field(at, "note")).set_value("  Refill moved.  ")
    return at.run()


def test_a_typed_entry_is_saved_as_typed_with_its_receipt_and_the_form_empties(dashboard):
    row = ccm_row(dashboard)
    before = entries(dashboard, row)
    at = fill(open_form(dashboard, row))
    old = field(at, "save")
    at.button(key=old).click().run()
    assert not at.exception
    new = [entry for entry in entries(dashboard, row) if entry not in before]
    assert len(new) == 1
    entry = new[0]
    assert (entry.seconds, entry.activity) == (420, Activity.PHARMACY_COMMUNICATION)
    assert (entry.note, entry.contact) == ("Refill moved.", ContactState.ATTEMPTED)
    assert entry.mode is EntryMode.TYPED
    assert any(entry.code in toast.value for toast in at.toast)
    assert field(at, "save") != old
    assert at.segmented_control(key=field(at, "length")).value is None


def test_without_a_length_there_is_nothing_to_save(dashboard):
    at = open_form(dashboard, ccm_row(dashboard))
    assert at.button(key=field(at, "save")).disabled
    fill(at)
    assert not at.button(key=field(at, "save")).disabled


def test_a_double_click_logs_once(dashboard, monkeypatch):
    row = ccm_row(dashboard)
    before = len(entries(dashboard, row))
    at = fill(open_form(dashboard, row))
    renewed = []
    monkeypatch.setattr(time_entry.state, "renew_form_id", renewed.append)
    at.button(key=field(at, "save")).click().run()
    at.button(key=field(at, "save")).click().run()
    assert len(renewed) == 2, "both clicks reached the service"
    assert len(entries(dashboard, row)) == before + 1


def test_minutes_that_will_not_count_are_told_before_they_are_logged(dashboard):
    row = next(
        row
        for row in board(
            month=NOVEMBER,
            state=BoardState.BLOCKED,
            program=Program.CCM,
            store=dashboard.store,
            actor=dashboard.actor(AccessRole.COORDINATOR),
            clock=dashboard.clock,
            rule_book=load_rule_book(),
        ).rows
        if any(block.reason == "CONSENT_MISSING" for block in row.blocked)
    )
    at = open_form(dashboard, row)
    assert any("These minutes will not count: no consent" in item.value for item in at.warning)
    links = [element.proto.query_string for element in at.get("page_link")]
    assert any("section=consent" in link for link in links)


def test_the_warning_is_gone_for_a_patient_whose_minutes_count(dashboard):
    at = open_form(dashboard, ccm_row(dashboard))
    assert not at.warning


def test_a_refused_entry_shows_the_sentence_and_keeps_what_was_typed(dashboard, monkeypatch):
    row = ccm_row(dashboard)
    at = fill(open_form(dashboard, row))

    def refuse(*_args, **_given):
        raise CommandRefusedError("STARTS_IN_FUTURE", "The work starts in the future.")

    monkeypatch.setattr(time_entry, "log_shared", refuse)
    before = entries(dashboard, row)
    at.button(key=field(at, "save")).click().run()
    assert not at.exception
    assert "The work starts in the future" in at.error[0].value.replace("\\", "")
    assert at.number_input(key=field(at, "minutes")).value == 7
    assert at.text_area(key=field(at, "note")).value == "  Refill moved.  "
    assert entries(dashboard, row) == before


def test_a_started_timer_is_in_the_store_and_shows_on_every_page(dashboard):
    row = ccm_row(dashboard)
    at = open_form(dashboard, row)
    at.button(key=f"{FORM}_start").click().run()
    timer = running_timer(store=dashboard.store, actor=dashboard.actor(AccessRole.COORDINATOR))
    assert timer is not None
    assert timer.patient_id == row.patient_id
    name = caseload.patient(
        row.patient_id, store=dashboard.store, actor=dashboard.actor(AccessRole.COORDINATOR)
    ).name.split(",")[0]
    for page in ("coordinate/thresholds", "programs/bhi", "insight/rule_book"):
        at.switch_page(f"pages/{page}.py").run()
        assert any(name in item.value for item in at.markdown if "timer" in item.value), page
        assert at.button(key="timer_stop")


def start_long_ago(dashboard, row, **ago):
    return start_timer(
        patient_id=row.patient_id,
        program=Program.CCM,
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.COORDINATOR),
        clock=FixedClock(dashboard.clock.now() - timedelta(**ago)),
    )


def timer_now(dashboard):
    return running_timer(store=dashboard.store, actor=dashboard.actor(AccessRole.COORDINATOR))


@pytest.mark.parametrize("answer", ["switch", "retarget"])
def test_starting_for_another_patient_asks_what_the_time_so_far_was(dashboard, answer):
    first, second = ccm_rows(dashboard)[:2]
    timer = start_long_ago(dashboard, first, minutes=12)
    before = {entry.id for entry in entries(dashboard, first)}
    key = f"timer_{timer.entry_id}"
    at = open_form(dashboard, second)
    assert at.button(key=f"{FORM}_start").label == "Switch timer"
    at.button(key=f"{FORM}_start").click().run()
    at.text_area(key=f"{key}_note").set_value("Spoke about the inhaler.")
    at.button(key=f"{key}_{answer}").click().run()
    assert not at.exception
    assert not at.error
    now = timer_now(dashboard)
    assert (now.patient_id, now.program) == (second.patient_id, Program.CCM)
    new = [entry for entry in entries(dashboard, first) if entry.id not in before]
    if answer == "switch":
        assert [(entry.id, entry.note) for entry in new] == [
            (timer.entry_id, "Spoke about the inhaler.")
        ]
        assert now.entry_id != timer.entry_id
        return
    assert not new
    assert (now.entry_id, now.started_at) == (timer.entry_id, timer.started_at)
    words = draft(dashboard, f"timer {timer.entry_id}", second.patient_id)
    assert words == "Spoke about the inhaler.", "the words go with the work"


def test_a_paused_timer_stands_still_in_the_bar_and_stops_from_there(dashboard):
    row = ccm_row(dashboard)
    timer = start_long_ago(dashboard, row, minutes=12)
    at = open_form(dashboard, row)
    at.button(key="timer_pause").click().run()
    assert timer_now(dashboard).paused_at is not None
    assert any("paused since" in item.value for item in at.markdown)
    assert at.button(key=f"{FORM}_start_stop"), "the form of the same patient stops it"
    at.button(key="timer_stop").click().run()
    assert any("The timer is paused" in item.value for item in at.caption)
    at.button(key=f"timer_{timer.entry_id}_save").click().run()
    assert timer_now(dashboard) is None
    assert timer.entry_id in {entry.id for entry in entries(dashboard, row)}


@pytest.mark.parametrize(
    ("started", "paused", "asks"),
    [
        (timedelta(minutes=30), timedelta(minutes=5), False),
        (timedelta(hours=25), timedelta(hours=24, minutes=40), True),
    ],
)
def test_a_pause_over_night_asks_and_keeps_what_was_measured(dashboard, started, paused, asks):
    row = ccm_row(dashboard)
    person, now = dashboard.actor(AccessRole.COORDINATOR), dashboard.clock.now()
    timer = start_timer(
        patient_id=row.patient_id,
        program=Program.CCM,
        store=dashboard.store,
        actor=person,
        clock=FixedClock(now - started),
    )
    pause_timer(store=dashboard.store, actor=person, clock=FixedClock(now - paused))
    at = dashboard.open(AccessRole.COORDINATOR)
    at.button(key="timer_stop").click().run()
    boxes = [box for box in at.number_input if box.key == f"timer_{timer.entry_id}_minutes"]
    assert [box.value for box in boxes] == [20] * asks
    at.button(key=f"timer_{timer.entry_id}_save").click().run()
    entry = next(each for each in entries(dashboard, row) if each.id == timer.entry_id)
    assert entry.seconds == (started - paused).total_seconds()
    assert not entry.is_estimated


def test_a_forgotten_timer_is_kept_until_its_length_is_told(dashboard):
    timer = start_long_ago(dashboard, ccm_row(dashboard), hours=5)
    at = dashboard.open(AccessRole.COORDINATOR)
    at.button(key="timer_stop").click().run()
    at.button(key=f"timer_{timer.entry_id}_save").click().run()
    assert any("how long the work really took" in item.value for item in at.error)
    assert timer_now(dashboard) == timer


def test_a_call_that_just_ended_needs_its_length_and_a_sentence(dashboard):
    row = ccm_row(dashboard)
    before = {entry.id for entry in entries(dashboard, row)}
    at = open_form(dashboard, row)
    at.segmented_control(key=field(at, "length")).set_value(5).run()
    at.text_area(key=field(at, "note")).set_value("Asked about the inhaler.").run()
    now = dashboard.clock.now()
    at.button(key=field(at, "save")).click().run()
    (entry,) = (each for each in entries(dashboard, row) if each.id not in before)
    assert (entry.seconds, entry.mode, entry.activity, entry.contact) == (
        300,
        EntryMode.TYPED,
        Activity.PATIENT_CONTACT,
        ContactState.REACHED,
    )
    ended = entry.started_at + timedelta(seconds=entry.seconds)
    assert timedelta(0) <= now - ended < timedelta(seconds=30)
    assert not at.warning
    at.segmented_control(key=field(at, "length")).set_value(10).run()
    assert any("already. One person's minutes count once" in each.value for each in at.warning)


def test_an_activity_shared_with_others_says_what_each_gets_and_gives_each_an_entry(dashboard):
    first, second = ccm_rows(dashboard)[:2]
    before = {entry.id for row in (first, second) for entry in entries(dashboard, row)}
    at = open_form(dashboard, first)
    at.segmented_control(key=field(at, "length")).set_value(20).run()
    at.toggle(key=field(at, "is_shared")).set_value(True).run()
    offered = at.multiselect(key=field(at, "shared"))
    assert first.patient_name not in offered.options
    offered.set_value([second.patient_id]).run()
    assert any("2 patients: 10 min for each" in item.value for item in at.caption)
    at.button(key=field(at, "save")).click().run()
    assert not at.exception
    new = [
        each for row in (first, second) for each in entries(dashboard, row) if each.id not in before
    ]
    assert [(each.patient_id, each.patients_sharing, each.seconds) for each in new] == [
        (first.patient_id, 2, 1200),
        (second.patient_id, 2, 1200),
    ]


def test_each_key_does_one_thing():
    pages = Path(time_entry.__file__).parents[1]
    used = {
        name
        for file in pages.rglob("*.py")
        for name in re.findall(r"shortcut=([^,)\s]+)", file.read_text(encoding="utf-8"))
    }
    assert used == {"START_KEY", "PAUSE_KEY", "STOP_KEY"}, "give another key a name of its own"
    assert len({timer_bar.START_KEY, timer_bar.PAUSE_KEY, timer_bar.STOP_KEY}) == 3


@pytest.mark.parametrize(("days", "is_said"), [(2, False), (4, True)])
def test_a_late_entry_is_told_before_it_is_saved(dashboard, days, is_said):
    at = type_time(open_form(dashboard, ccm_row(dashboard)))
    at.date_input(key=field(at, "day")).set_value(
        store.today(dashboard.actor(AccessRole.COORDINATOR)) - timedelta(days=days)
    )
    at.number_input(key=field(at, "minutes")).set_value(5).run()
    assert any("will show as late" in item.value for item in at.caption) is is_said


@pytest.mark.parametrize(("hours", "is_forgotten"), [(1, False), (5, True)])
def test_stopping_logs_the_time_and_a_forgotten_timer_asks_how_long(
    dashboard, monkeypatch, hours, is_forgotten
):
    row = ccm_row(dashboard)
    person = dashboard.actor(AccessRole.COORDINATOR)
    now = dashboard.clock.now()
    start_timer(
        patient_id=row.patient_id,
        program=Program.CCM,
        store=dashboard.store,
        actor=person,
        clock=FixedClock(now - timedelta(hours=hours)),
    )
    at = dashboard.open(AccessRole.COORDINATOR)
    key = f"timer_{running_timer(store=dashboard.store, actor=person).entry_id}"
    at.button(key="timer_stop").click().run()
    if is_forgotten:
        assert any("How long did the work really take" in item.value for item in at.warning)
        at.number_input(key=f"{key}_minutes").set_value(12)
    else:
        assert not at.warning
    at.button(key=f"{key}_save").click().run()
    assert not at.exception
    assert running_timer(store=dashboard.store, actor=person) is None
    entry = max(entries(dashboard, row), key=lambda item: item.recorded_at)
    assert entry.mode is EntryMode.TIMED
    assert entry.is_estimated is is_forgotten
    assert entry.seconds == 720 if is_forgotten else entry.seconds >= 3600


def test_a_discarded_timer_logs_nothing(dashboard):
    row = ccm_row(dashboard)
    person = dashboard.actor(AccessRole.COORDINATOR)
    before = entries(dashboard, row)
    start_timer(
        patient_id=row.patient_id,
        program=Program.CCM,
        store=dashboard.store,
        actor=person,
        clock=dashboard.clock,
    )
    at = dashboard.open(AccessRole.COORDINATOR)
    key = f"timer_{running_timer(store=dashboard.store, actor=person).entry_id}"
    at.button(key="timer_stop").click().run()
    at.button(key=f"{key}_discard").click().run()
    assert running_timer(store=dashboard.store, actor=person) is None
    assert entries(dashboard, row) == before


def test_a_note_is_shown_as_typed_and_never_as_markup(dashboard):
    row = ccm_row(dashboard)
    at = fill(open_form(dashboard, row))
    evil = "![x](https://evil.example/p) <script>alert(1)</script>"
    at.text_area(key=field(at, "note")).set_value(evil)
    at.run()
    at.button(key=field(at, "save")).click().run()
    assert not at.exception
    notes = [
        note for frame in at.dataframe if "Note" in frame.value for note in frame.value["Note"]
    ]
    assert evil in notes
    for item in (*at.markdown, *at.caption):
        assert "evil.example" not in item.value


def test_a_review_with_the_consultant_is_recorded_from_the_registry(dashboard):
    person = dashboard.actor(AccessRole.COORDINATOR)
    rows = board(
        month=NOVEMBER,
        program=Program.COCM,
        store=dashboard.store,
        actor=person,
        clock=dashboard.clock,
        rule_book=load_rule_book(),
    ).rows
    at = dashboard.open(AccessRole.COORDINATOR, "programs/cocm")
    select(at, "cocm", rows, 0)
    said = f"cocm_review_said_{rows[0].patient_id}"
    at.text_area(key=said).set_value("Keep the dose; score again in two weeks.").run()
    kept = draft(dashboard, "cocm_review", rows[0].patient_id)
    assert kept == "Keep the dose; score again in two weeks.", "left, and not saved yet"
    at.button(key="cocm_review_save").click().run()
    assert not at.exception
    assert not at.error
    assert at.text_area(key=said).value == ""
    assert draft(dashboard, "cocm_review", rows[0].patient_id) == ""
    chart = caseload.chart(rows[0].patient_id, month=NOVEMBER, store=dashboard.store, actor=person)
    assert "Keep the dose; score again in two weeks." in [
        review.recommendation for review in chart.caseload_reviews
    ]


def test_work_on_the_day_of_a_visit_counts_once_it_is_stated_to_be_apart(dashboard):
    row = ccm_row(dashboard)
    day = store.today(dashboard.actor(AccessRole.COORDINATOR)) - timedelta(days=2)
    visits.record_visit(
        row.patient_id,
        on=day,
        code="99213",
        by="md-1",
        is_initiating=False,
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.COORDINATOR),
        clock=dashboard.clock,
    )
    before = {entry.id for entry in entries(dashboard, row)}
    at = type_time(open_form(dashboard, row))
    at.date_input(key=field(at, "day")).set_value(day)
    at = fill(at)
    assert any("will not count" in warning.value for warning in at.warning)

    at.checkbox(key=field(at, "apart")).check().run()
    assert not at.warning
    at.button(key=field(at, "save")).click().run()

    (entry,) = (each for each in entries(dashboard, row) if each.id not in before)
    assert entry.separate_from_visit is True
    assert entry.seconds == 7 * 60


# --- notes that are not saved yet --------------------------------------------------------------


def draft(dashboard, form, patient_id, role=AccessRole.COORDINATOR):
    return drafts.take(
        form=form, patient_id=patient_id, store=dashboard.store, actor=dashboard.actor(role)
    )


def said_to_be_kept(at):
    return any("not saved yet" in item.value for item in at.caption)


def test_a_note_that_was_typed_comes_back_in_another_window_until_it_is_saved(dashboard):
    row = ccm_row(dashboard)
    at = open_form(dashboard, row)
    at.text_area(key=field(at, "note")).set_value("Refill moved.").run()
    assert draft(dashboard, FORM, row.patient_id) == "Refill moved."
    assert not said_to_be_kept(at), "what stands there was typed here"

    other = dashboard.open(AccessRole.COORDINATOR, "programs/ccm")
    assert other.selectbox(key=f"{FORM}_patient").value == row.patient_id
    assert other.text_area(key=field(other, "note")).value == "Refill moved."
    assert said_to_be_kept(other)

    other.segmented_control(key=field(other, "length")).set_value(5).run()
    other.button(key=field(other, "save")).click().run()
    assert not other.exception
    assert draft(dashboard, FORM, row.patient_id) == ""
    assert other.text_area(key=field(other, "note")).value == ""
    assert not said_to_be_kept(other)
    assert [entry.note for entry in entries(dashboard, row)].count("Refill moved.") == 1


def test_an_emptied_note_is_not_kept(dashboard):
    row = ccm_row(dashboard)
    at = open_form(dashboard, row)
    at.text_area(key=field(at, "note")).set_value("Refill moved.").run()
    at.text_area(key=field(at, "note")).set_value("").run()
    assert draft(dashboard, FORM, row.patient_id) == ""


def test_a_note_for_one_patient_never_stands_in_anothers_form(dashboard):
    row = ccm_row(dashboard)
    at = open_form(dashboard, row)
    at.text_area(key=field(at, "note")).set_value("About the first.").run()
    others = board(
        month=NOVEMBER,
        program=Program.CCM,
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.COORDINATOR),
        clock=dashboard.clock,
        rule_book=load_rule_book(),
    ).rows
    other_id = next(each.patient_id for each in others if each.patient_id != row.patient_id)
    at.selectbox(key=f"{FORM}_patient").set_value(other_id).run()
    assert at.text_area(key=field(at, "note")).value == ""
    at.text_area(key=field(at, "note")).set_value("About the second.").run()
    at.selectbox(key=f"{FORM}_patient").set_value(row.patient_id).run()
    assert at.text_area(key=field(at, "note")).value == "About the first."
    assert draft(dashboard, FORM, other_id) == "About the second."


def test_a_note_is_offered_to_nobody_but_its_author(dashboard):
    row = ccm_row(dashboard)
    at = open_form(dashboard, row)
    at.text_area(key=field(at, "note")).set_value("Refill moved.").run()
    owner = dashboard.open(AccessRole.OWNER, "programs/ccm")
    owner.selectbox(key=f"{FORM}_patient").set_value(row.patient_id).run()
    assert owner.text_area(key=field(owner, "note")).value == ""
    assert draft(dashboard, FORM, row.patient_id, AccessRole.OWNER) == ""


def test_a_note_typed_after_the_sign_in_ended_is_nobodys(dashboard):
    row = ccm_row(dashboard)
    at = open_form(dashboard, row)
    sign_ins.end_sign_in(store.session_token(), store=dashboard.store, clock=dashboard.clock)
    at.text_area(key=field(at, "note")).set_value("Too late.").run()
    assert at.title[0].value == "You are signed out"
    assert draft(dashboard, FORM, row.patient_id) == ""


@pytest.mark.parametrize("ending", ["save", "discard"])
def test_the_note_of_a_running_timer_comes_back_until_the_timer_ends(dashboard, ending):
    row = ccm_row(dashboard)
    person = dashboard.actor(AccessRole.COORDINATOR)
    timer = start_timer(
        patient_id=row.patient_id,
        program=Program.CCM,
        store=dashboard.store,
        actor=person,
        clock=FixedClock(dashboard.clock.now() - timedelta(minutes=9)),
    )
    form, key = f"timer {timer.entry_id}", f"timer_{timer.entry_id}"
    at = dashboard.open(AccessRole.COORDINATOR)
    at.button(key="timer_stop").click().run()
    at.text_area(key=f"{key}_note").set_value("Spoke with the pharmacy.").run()
    assert draft(dashboard, form, row.patient_id) == "Spoke with the pharmacy."

    other = dashboard.open(AccessRole.COORDINATOR)
    other.button(key="timer_stop").click().run()
    assert other.text_area(key=f"{key}_note").value == "Spoke with the pharmacy."
    other.button(key=f"{key}_{ending}").click().run()
    assert not other.exception
    assert draft(dashboard, form, row.patient_id) == ""
    notes = [entry.note for entry in entries(dashboard, row)]
    assert ("Spoke with the pharmacy." in notes) is (ending == "save")


def test_a_recommendation_typed_in_the_registry_waits_on_the_chart(dashboard):
    person = dashboard.actor(AccessRole.COORDINATOR)
    patient_id = board(
        month=NOVEMBER,
        program=Program.COCM,
        store=dashboard.store,
        actor=person,
        clock=dashboard.clock,
        rule_book=load_rule_book(),
    ).rows[0].patient_id  # fmt: skip
    drafts.keep(
        "Raise the dose.",
        form="cocm_review",
        patient_id=patient_id,
        store=dashboard.store,
        actor=person,
        clock=dashboard.clock,
    )
    at = dashboard.open(
        AccessRole.COORDINATOR, "coordinate/patient_chart", patient=patient_id, section="scales"
    )
    (words,) = (each for each in at.text_area if each.label == "Recommendation")
    assert words.value == "Raise the dose."
    next(each for each in at.button if each.label == "Record review").click().run()
    assert not at.exception
    assert draft(dashboard, "cocm_review", patient_id) == ""
    (words,) = (each for each in at.text_area if each.label == "Recommendation")
    assert words.value == ""
    chart = caseload.chart(patient_id, month=NOVEMBER, store=dashboard.store, actor=person)
    assert "Raise the dose." in [each.recommendation for each in chart.caseload_reviews]
