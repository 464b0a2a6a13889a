"""Recording time: the running timer on every page, starting one, and the typed-entry form."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

import streamlit as st

from pages.shared import chart_map, formats, month_strip, routes, state, store, widgets
from pages.shared.note_field import begin_with_kept, forget, note_field, text_of
from trellis_core.access import Actor, Operation, may
from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.rules.reason_texts import title
from trellis_core.rules.reasons import Reason
from trellis_core.services import board as boards
from trellis_core.services import caseload
from trellis_core.services.time_log import (
    LogTime,
    Receipt,
    RunningTimer,
    StopTimer,
    discard_timer,
    log_time,
    running_timer,
    start_timer,
    stop_timer,
)
from trellis_core.values.periods import ServiceMonth, wall_time

TICK_SECONDS: Final = 3
FORGOTTEN_AFTER_HOURS: Final = 3
"""A timer that ran longer asks how long the work really was."""

_USUAL: Final = (
    Activity.PATIENT_CONTACT,
    Activity.CARE_COORDINATION,
    Activity.RECORD_REVIEW,
    Activity.PROVIDER_COMMUNICATION,
    Activity.PHARMACY_COMMUNICATION,
    Activity.MEDICATION_RECONCILIATION,
    Activity.CARE_PLAN_UPDATE,
    Activity.FAMILY_CAREGIVER_CONTACT,
)
ACTIVITIES: Final = (*_USUAL, *(activity for activity in Activity if activity not in _USUAL))


def timer_bar(person: Actor) -> None:
    """Draw the person's running timer at the top of the page, if there is one."""
    if not may(person, Operation.LOG_OWN_TIME):
        return
    timer = running_timer(store=store.store(), actor=person)
    if timer is None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="timer_bar"):
        _clock_face(timer, person)
        if st.button(
            "Stop and log",
            type="primary",
            icon=":material/stop_circle:",
            key="timer_stop",
            shortcut="Alt+S",
        ):
            _stop_dialog(timer, person)


@st.fragment(run_every=TICK_SECONDS)
def _clock_face(timer: RunningTimer, person: Actor) -> None:
    store.keep_signed_in_only()
    gone = int((store.clock().now() - timer.started_at).total_seconds())
    names = caseload.patient_names([timer.patient_id], store=store.store(), actor=person)
    name = names.get(timer.patient_id, formats.DASH)
    st.markdown(
        f":material/timer: **{formats.elapsed(gone)}**  ·  {formats.plain(name)}  ·  {timer.program}",
        width="stretch",
    )


@st.dialog("Log this time", icon=":material/timer:")
def _stop_dialog(timer: RunningTimer, person: Actor) -> None:
    if running_timer(store=store.store(), actor=person) is None:
        st.rerun()
    widgets.show_refusals()
    gone = int((store.clock().now() - timer.started_at).total_seconds())
    st.caption(
        f"{timer.program} · started {formats.moment(timer.started_at, store.zone(person))} · "
        f"{formats.length(max(gone, 1))} so far. The timer stops when you save."
    )
    key = f"timer_{timer.entry_id}"
    is_forgotten = gone > FORGOTTEN_AFTER_HOURS * 3600
    if is_forgotten:
        st.warning(
            "This timer ran for a long time. How long did the work really take? The entry will be "
            "marked as estimated.",
            icon=":material/help:",
        )
        st.number_input(
            "Minutes of work", min_value=1, max_value=720, value=15, key=f"{key}_minutes"
        )
    _what_was_done(key, form=_timer_form(timer), patient_id=timer.patient_id, person=person)
    with st.container(horizontal=True):
        st.button(
            "Save entry",
            type="primary",
            key=f"{key}_save",
            on_click=_stop,
            kwargs={"timer": timer, "person": person, "is_estimated": is_forgotten},
        )
        st.button(
            "Discard timer",
            type="tertiary",
            key=f"{key}_discard",
            help="Nothing is logged.",
            on_click=_discard,
            args=(timer, person),
        )


def _timer_form(timer: RunningTimer) -> str:
    return f"timer {timer.entry_id}"


def _what_was_done(key: str, *, form: str, patient_id: str, person: Actor) -> None:
    st.selectbox("Activity", ACTIVITIES, format_func=formats.activity, key=f"{key}_activity")
    st.segmented_control(
        "Contact with patient or caregiver",
        list(ContactState),
        format_func=formats.contact,
        key=f"{key}_contact",
    )
    note_field(
        "Note",
        form=form,
        patient_id=patient_id,
        person=person,
        key=f"{key}_note",
        height=90,
        placeholder="What was done, for the record",
    )


def _stop(*, timer: RunningTimer, person: Actor, is_estimated: bool) -> None:
    key, kept = f"timer_{timer.entry_id}", st.session_state
    with widgets.command_in_callback():
        receipt = stop_timer(
            StopTimer(
                activity=kept[f"{key}_activity"],
                note=text_of(f"{key}_note"),
                contact=kept.get(f"{key}_contact"),
                entry_id=timer.entry_id,
                seconds_override=kept[f"{key}_minutes"] * 60 if is_estimated else None,
            ),
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )
        forget(_timer_form(timer), timer.patient_id, person)
        state.flash(receipt_sentence(receipt))


def _discard(timer: RunningTimer, person: Actor) -> None:
    with widgets.command_in_callback():
        discard_timer(store=store.store(), actor=person)
        forget(_timer_form(timer), timer.patient_id, person)
        state.flash("Timer discarded. Nothing was logged.")


def receipt_sentence(receipt: Receipt) -> str:
    """Write what was saved, with the entry's number and code in the ledger."""
    return (
        f"Saved {formats.length(receipt.seconds)} of {receipt.entry.program}: "
        f"entry {receipt.number:,}, code {receipt.code}."
    )


def start_button(
    patient_id: str, program: Program, *, person: Actor, key: str, label: str = "Start timer"
) -> None:
    """Draw the button that starts the person's timer; it is in the store before it shows."""
    if not may(person, Operation.LOG_OWN_TIME):
        return
    is_busy = running_timer(store=store.store(), actor=person) is not None
    if st.button(
        "Your timer is running" if is_busy else label,
        icon=":material/play_circle:",
        type="primary",
        key=key,
        shortcut="Alt+T",
        disabled=is_busy,
    ):
        with widgets.command():
            start_timer(
                patient_id=patient_id,
                program=program,
                store=store.store(),
                actor=person,
                clock=store.clock(),
            )
            st.rerun()


def panel(
    form: str, *, person: Actor, patients: Mapping[str, str], programs: Sequence[Program]
) -> None:
    """Draw both ways to record time: start a timer, or type an entry.

    Says at once whether the minutes will count. The form keeps its entry id until it is saved, so
    that a double click logs once.

    Args:
        form: The form's own name; prefixes its widget keys.
        person: Whose time it is.
        patients: Names by patient id; one patient needs no picker.
        programs: Programs to choose from; one needs no picker.
    """
    with st.container(border=True):
        st.markdown("**Record time**")
        if not may(person, Operation.LOG_OWN_TIME):
            st.caption("Your role reads time. Coordinators and owners record it.")
        elif not patients:
            st.caption("There is no patient here yet. Begin on the patient's chart.")
        else:
            _fields(form, person=person, patients=patients, programs=programs)


@st.fragment
def _fields(
    form: str, *, person: Actor, patients: Mapping[str, str], programs: Sequence[Program]
) -> None:
    if store.actor() is None:
        st.rerun()
    key = f"{form}_{state.form_id(form)}"
    patient_id = next(iter(patients))
    if len(patients) > 1:
        begin_with_kept(form, f"{form}_patient", person, patients)
        patient_id = st.selectbox(
            "Patient",
            list(patients),
            format_func=lambda chosen: patients[chosen],
            key=f"{form}_patient",
        )
    program = programs[0]
    if len(programs) > 1:
        program = st.selectbox("Program", programs, key=f"{form}_program")
    said = st.container()
    start_button(patient_id, program, person=person, key=f"{form}_start")
    st.caption("Or type what was done:")
    now = store.clock().now().astimezone(store.zone(person))
    when = st.container()
    start, long = st.columns(2)
    when.date_input("Day", value=now.date(), max_value=now.date(), key=f"{key}_day")
    start.time_input("Start", value=_a_while_ago(now), step=300, key=f"{key}_time")
    long.number_input(
        "Minutes", min_value=1, max_value=480, value=None, placeholder="0", key=f"{key}_minutes"
    )
    _what_was_done(key, form=form, patient_id=patient_id, person=person)
    with said:
        preview(
            patient_id,
            program,
            person=person,
            on=st.session_state[f"{key}_day"],
            activity=st.session_state[f"{key}_activity"],
            apart=f"{key}_apart",
        )
    closed = month_strip.closed_words(ServiceMonth.of(st.session_state[f"{key}_day"]), person)
    if closed is not None:
        st.warning(
            f"{closed}: an entry for it is refused. Ask your biller to reopen it.",
            icon=":material/lock:",
        )
    if st.button(
        "Save entry",
        key=f"{key}_save",
        icon=":material/check:",
        disabled=closed is not None or not st.session_state[f"{key}_minutes"],
    ):
        with widgets.command():
            _save(form=form, patient_id=patient_id, program=program, person=person)
            st.rerun()


def preview(
    patient_id: str,
    program: Program,
    *,
    person: Actor,
    on: date | None = None,
    activity: Activity = Activity.CARE_COORDINATION,
    apart: str | None = None,
) -> None:
    """Say at once whether the person's minutes would count and, if not, why and where to fix it.

    Args:
        patient_id: For whom.
        program: For which program.
        person: Who works.
        on: On which day; None for now.
        activity: What is done.
        apart: Key of the box that attests work apart from a visit that day; drawn where it matters.
    """
    is_apart = True if apart and st.session_state.get(apart) else None
    with widgets.command():
        found = boards.preview_entry(
            patient_id,
            program,
            person.person_id,
            on=on,
            activity=activity,
            separate_from_visit=is_apart,
            store=store.store(),
            actor=person,
            clock=store.clock(),
            rule_book=store.rule_book(),
        )
        if apart and (is_apart or found.reason is Reason.SAME_DAY_VISIT):
            st.checkbox("This work was apart from the visit that day", key=apart)
        if found.counts:
            return
        why = title(found.reason).lower() if found.reason else "see the chart"
        st.warning(
            f"**These minutes will not count: {formats.plain(why)}.** {formats.plain(found.message)}",
            icon=":material/report:",
        )
        section = chart_map.section_for(found.reason) if found.reason else None
        if section is not None:
            routes.link(
                "chart",
                chart_map.ACTIONS.get(section, "Open the chart"),
                patient_id=patient_id,
                section=section,
                icon=":material/edit_note:",
            )


def _a_while_ago(now: datetime) -> time:
    at = now - timedelta(minutes=15)
    return at.replace(minute=at.minute - at.minute % 5, second=0, microsecond=0).time()


def _save(*, form: str, patient_id: str, program: Program, person: Actor) -> None:
    key = f"{form}_{state.form_id(form)}"
    kept = st.session_state
    started = wall_time(kept[f"{key}_day"], kept[f"{key}_time"], store.zone(person))
    receipt = log_time(
        LogTime(
            entry_id=state.form_id(form),
            patient_id=patient_id,
            program=program,
            staff_id=person.person_id,
            started_at=started,
            seconds=int(kept[f"{key}_minutes"]) * 60,
            activity=kept[f"{key}_activity"],
            note=text_of(f"{key}_note"),
            contact=kept.get(f"{key}_contact"),
            separate_from_visit=True if kept.get(f"{key}_apart") else None,
            mode=EntryMode.TYPED,
        ),
        store=store.store(),
        actor=person,
        clock=store.clock(),
    )
    forget(form, patient_id, person)
    state.renew_form_id(form)
    state.flash(receipt_sentence(receipt))
