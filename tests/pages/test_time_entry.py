"""Recording time: typed entries, the timer, and being told at once what will not count."""

from datetime import timedelta

import pytest

from pages.shared import board_view, store, time_entry
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import care_records, caseload, drafts
from trellis_core.services import sign_in as sign_ins
from trellis_core.services.board import BoardState, board
from trellis_core.services.time_log import entries_of, running_timer, start_timer
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


def open_form(dashboard, row):
    at = dashboard.open(AccessRole.COORDINATOR, "programs/ccm")
    at.selectbox(key=f"{FORM}_patient").set_value(row.patient_id).run()
    return at


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
    assert at.number_input(key=field(at, "minutes")).value is None


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
    at.time_input(key=field(at, "time")).set_value(
        (dashboard.clock.now() + timedelta(hours=1)).astimezone().time()
    )
    yesterday = FixedClock(dashboard.clock.now() - timedelta(days=30))
    monkeypatch.setattr(store, "clock", lambda: yesterday)
    before = entries(dashboard, row)
    at.button(key=field(at, "save")).click().run()
    assert not at.exception
    assert at.error or "signed out" in at.title[0].value.lower()
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


def test_a_second_timer_cannot_be_started(dashboard):
    at = open_form(dashboard, ccm_row(dashboard))
    at.button(key=f"{FORM}_start").click().run()
    assert at.button(key=f"{FORM}_start").disabled


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


def test_a_contact_after_discharge_is_recorded_on_its_page(dashboard):
    person = dashboard.actor(AccessRole.COORDINATOR)
    rows = board(
        month=NOVEMBER,
        program=Program.TCM,
        store=dashboard.store,
        actor=person,
        clock=dashboard.clock,
        rule_book=load_rule_book(),
    ).rows
    place = next(place for place, row in enumerate(rows) if not row.steps[0].is_done)
    row = rows[place]
    at = dashboard.open(AccessRole.COORDINATOR, "programs/tcm")
    select(at, "tcm", rows, place)
    at.button(key="FormSubmitter:tcm_contact-Save contact").click().run()
    assert not at.exception
    assert not at.error, at.error
    chart = caseload.chart(row.patient_id, month=NOVEMBER, store=dashboard.store, actor=person)
    discharge = next(item for item in chart.discharges if item.id == row.discharge)
    assert len(discharge.contacts) >= 1


def test_work_on_the_day_of_a_visit_counts_once_it_is_stated_to_be_apart(dashboard):
    row = ccm_row(dashboard)
    day = dashboard.clock.now().date() - timedelta(days=2)
    care_records.record_visit(
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
    at = open_form(dashboard, row)
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

    other.number_input(key=field(other, "minutes")).set_value(5).run()
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
