"""The person's timer on every page: its clock, pause and stop, and starting one for somebody else."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import streamlit as st

from pages.shared import formats, state, store, time_forms, widgets
from pages.shared.note_field import forget, text_of
from trellis_core.access import Actor, Operation, may
from trellis_core.care.vocabulary import Program
from trellis_core.errors import CommandRefusedError
from trellis_core.services import caseload, drafts
from trellis_core.services.timers import (
    RunningTimer,
    StopTimer,
    discard_timer,
    pause_timer,
    resume_timer,
    retarget_timer,
    running_timer,
    start_timer,
    stop_timer,
    switch_timer,
)
from trellis_core.values.periods import ServiceMonth, local_day

TICK_SECONDS: Final = 3
FORGOTTEN_AFTER: Final = timedelta(hours=3)
"""A timer that ran longer without a pause asks how long the work really was."""

START_KEY: Final = "Alt+T"
PAUSE_KEY: Final = "Alt+P"
STOP_KEY: Final = "Alt+S"

_LONGEST_MINUTES: Final = 720


def timer_bar(person: Actor) -> None:
    """Draw the person's timer at the top of the page, if there is one."""
    timer = current(person)
    if timer is None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="timer_bar"):
        _clock_face(timer, person)
        is_paused = timer.paused_at is not None
        if st.button(
            "Resume" if is_paused else "Pause",
            icon=":material/play_circle:" if is_paused else ":material/pause_circle:",
            key="timer_resume" if is_paused else "timer_pause",
            shortcut=PAUSE_KEY,
        ):
            with widgets.command():
                (resume_timer if is_paused else pause_timer)(
                    entry_id=timer.entry_id,
                    store=store.store(),
                    actor=person,
                    clock=store.clock(),
                )
                st.rerun()
        if st.button(
            "Stop and log",
            type="primary",
            icon=":material/stop_circle:",
            key="timer_stop",
            shortcut=STOP_KEY,
        ):
            _stop_dialog(timer, person)


def current(person: Actor) -> RunningTimer | None:
    """Return the person's timer, running or paused; None where there is none."""
    if not may(person, Operation.LOG_OWN_TIME):
        return None
    return running_timer(store=store.store(), actor=person)


@st.fragment(run_every=TICK_SECONDS)
@store.at_one_moment
def _clock_face(drawn: RunningTimer, person: Actor) -> None:
    store.keep_signed_in_only()
    timer = current(person)
    if timer != drawn:  # in another window
        st.rerun()
    st.markdown(_face(drawn, person), width="stretch")


def _face(timer: RunningTimer, person: Actor) -> str:
    gone = timer.seconds_at(store.clock().now())
    icon, since = ":material/timer:", ""
    if timer.paused_at is not None:
        icon = ":material/pause_circle:"
        since = f"  ·  paused since {formats.moment(timer.paused_at, store.zone(person))}"
    name = formats.plain(_name(timer.patient_id, person))
    return f"{icon} **{formats.elapsed(gone)}**  ·  {name}  ·  {timer.program}{since}"


def _name(patient_id: str, person: Actor) -> str:
    names = caseload.patient_names([patient_id], store=store.store(), actor=person)
    return names.get(patient_id, formats.DASH)


def start_button(
    patient_id: str, program: Program, *, person: Actor, key: str, label: str = "Start timer"
) -> None:
    """Draw the button that starts the person's timer; it is in the store before it shows.

    Where the timer counts for another patient or program already, the button asks what becomes of
    the time so far; where it counts here, it can be stopped here.
    """
    if not may(person, Operation.LOG_OWN_TIME):
        return
    timer = current(person)
    if timer is None:
        if st.button(
            label, icon=":material/play_circle:", type="primary", key=key, shortcut=START_KEY
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
    elif (timer.patient_id, timer.program) == (patient_id, program):
        if st.button("Stop and log", icon=":material/stop_circle:", key=f"{key}_stop"):
            _stop_dialog(timer, person)
    elif st.button("Switch timer", icon=":material/swap_horiz:", key=key, shortcut=START_KEY):
        _switch_dialog(timer, person, patient_id, program)


@st.dialog("Log this time", icon=":material/timer:")
def _stop_dialog(timer: RunningTimer, person: Actor) -> None:
    if _is_over(timer, person):
        st.rerun()
    widgets.show_refusals()
    key, zone = _key(timer), store.zone(person)
    now = store.clock().now()
    gone = timer.seconds_at(now)
    stretches = len(timer.stretches_at(now))
    parts = f" in {stretches} stretches" if stretches > 1 else ""
    state_words = "The timer is paused" if timer.paused_at else "The timer stops when you save"
    st.caption(
        f"{timer.program} · started {formats.moment(timer.began_at, zone)} · "
        f"{formats.length(max(gone, 1))} so far{parts}. {state_words}."
    )
    _work_fields(timer, person, now=now)
    month = ServiceMonth.of(local_day(timer.began_at, zone))
    time_forms.sharing_fields(
        key, patient_id=timer.patient_id, program=timer.program, month=month, person=person
    )
    others = time_forms.shared_with(key)
    if others:
        st.caption(time_forms.each_words(_override(timer, now=now, zone=zone) or gone, others))
    with st.container(horizontal=True):
        st.button(
            "Save entry",
            type="primary",
            key=f"{key}_save",
            on_click=_stop,
            kwargs={"timer": timer, "person": person, "asked_at": now},
        )
        st.button(
            "Discard timer",
            type="tertiary",
            key=f"{key}_discard",
            help="Nothing is logged.",
            on_click=_discard,
            args=(timer, person),
        )


@st.dialog("Switch your timer", icon=":material/swap_horiz:")
def _switch_dialog(timer: RunningTimer, person: Actor, patient_id: str, program: Program) -> None:
    if _is_over(timer, person):
        st.rerun()
    widgets.show_refusals()
    key, now = _key(timer), store.clock().now()
    here, there = _both(timer, person, patient_id, program)
    st.markdown(
        f"**{formats.length(max(timer.seconds_at(now), 1))}** so far for {formats.plain(here)}. "
        f"You are about to start for {formats.plain(there)}."
    )
    given = {"timer": timer, "person": person, "patient_id": patient_id, "program": program}
    st.button(
        f"The time so far was {formats.plain(there)}'s",
        icon=":material/move_down:",
        key=f"{key}_retarget",
        on_click=_retarget,
        kwargs=given,
        help="Nothing is logged yet; the timer goes on.",
        width="stretch",
    )
    st.caption(f"Or log it for {formats.plain(here)}:")
    _work_fields(timer, person, now=now)
    st.button(
        f"Log {formats.plain(here)}'s time and start {formats.plain(there)}",
        type="primary",
        icon=":material/play_circle:",
        key=f"{key}_switch",
        on_click=_switch,
        kwargs=given | {"asked_at": now},
        width="stretch",
    )


def _both(timer: RunningTimer, person: Actor, patient_id: str, program: Program) -> tuple[str, str]:
    """Return short words for what the timer counts for and what it is to count for."""
    if timer.patient_id == patient_id:
        return timer.program, program
    here = _name(timer.patient_id, person).split(",")[0]
    there = _name(patient_id, person).split(",")[0]
    if here == there:
        return _name(timer.patient_id, person), _name(patient_id, person)
    return here, there


def _work_fields(timer: RunningTimer, person: Actor, *, now: datetime) -> None:
    key, zone = _key(timer), store.zone(person)
    if is_forgotten(timer, now=now, zone=zone):
        st.warning(
            "This timer was left for a long time. How long did the work really take? A length that "
            "was not measured is marked as estimated.",
            icon=":material/help:",
        )
        st.number_input(
            "Minutes of work",
            min_value=1,
            max_value=_LONGEST_MINUTES,
            value=_measured_minutes(timer, now=now),
            placeholder="0",
            key=f"{key}_minutes",
        )
    said = st.container()
    time_forms.what_was_done(
        key,
        form=_form(timer),
        patient_id=timer.patient_id,
        program=timer.program,
        person=person,
    )
    with said:
        time_forms.preview(
            timer.patient_id,
            timer.program,
            person=person,
            on=local_day(timer.began_at, zone),
            activity=st.session_state[f"{key}_activity"],
            apart=f"{key}_apart",
        )


def is_forgotten(timer: RunningTimer, *, now: datetime, zone: ZoneInfo) -> bool:
    """Say whether a timer ran on, or was paused, for so long that only its person knows the length."""
    if timer.longest_at(now) > FORGOTTEN_AFTER.total_seconds():
        return True
    paused = [part.started_at + timedelta(seconds=part.seconds) for part in timer.parts]
    resumed = [part.started_at for part in timer.parts[1:]]
    resumed.append(now if timer.paused_at is not None else timer.started_at)
    return any(
        local_day(since, zone) != local_day(until, zone)
        for since, until in zip(paused, resumed, strict=False)
    )


def _measured_minutes(timer: RunningTimer, *, now: datetime) -> int | None:
    """Return the minutes that were measured; None where a timer that ran on says nothing."""
    if timer.longest_at(now) > FORGOTTEN_AFTER.total_seconds():
        return None
    return max(round(timer.seconds_at(now) / 60), 1)


def _override(timer: RunningTimer, *, now: datetime, zone: ZoneInfo) -> int | None:
    """Return the length that the person stated; None where the measured one stands."""
    if not is_forgotten(timer, now=now, zone=zone):
        return None
    minutes: int | None = st.session_state.get(f"{_key(timer)}_minutes")
    is_measured = minutes == _measured_minutes(timer, now=now)
    return None if minutes is None or is_measured else minutes * 60


def _work(timer: RunningTimer, person: Actor, *, now: datetime) -> StopTimer:
    key, kept = _key(timer), st.session_state
    zone = store.zone(person)
    override = _override(timer, now=now, zone=zone)
    if override is None and timer.longest_at(now) > FORGOTTEN_AFTER.total_seconds():
        raise CommandRefusedError(
            "LENGTH_MISSING", "Enter how long the work really took. The timer is kept until then."
        )
    return StopTimer(
        activity=kept[f"{key}_activity"],
        note=text_of(f"{key}_note"),
        contact=kept.get(f"{key}_contact"),
        entry_id=timer.entry_id,
        seconds_override=override,
        separate_from_visit=True if kept.get(f"{key}_apart") else None,
        shared_with=time_forms.shared_with(key),
    )


def _stop(*, timer: RunningTimer, person: Actor, asked_at: datetime) -> None:
    with widgets.command_in_callback():
        receipt = stop_timer(
            _work(timer, person, now=asked_at),
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )
        forget(_form(timer), timer.patient_id, person)
        state.flash(time_forms.receipt_sentence(receipt))


def _switch(
    *,
    timer: RunningTimer,
    person: Actor,
    patient_id: str,
    program: Program,
    asked_at: datetime,
) -> None:
    with widgets.command_in_callback():
        done = switch_timer(
            _work(timer, person, now=asked_at),
            patient_id=patient_id,
            program=program,
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )
        forget(_form(timer), timer.patient_id, person)
        state.flash(time_forms.receipt_sentence(done.receipt))


def _retarget(*, timer: RunningTimer, person: Actor, patient_id: str, program: Program) -> None:
    with widgets.command_in_callback():
        retarget_timer(
            entry_id=timer.entry_id,
            patient_id=patient_id,
            program=program,
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )
        _move_note(timer, person, patient_id)
        state.flash("The timer counts for the other patient or program now, from its start.")


def _move_note(timer: RunningTimer, person: Actor, patient_id: str) -> None:
    """Let words that were typed about the work go with it to its right patient."""
    words = text_of(f"{_key(timer)}_note")
    if patient_id == timer.patient_id:
        return
    forget(_form(timer), timer.patient_id, person)
    if words:
        drafts.keep(
            words,
            form=_form(timer),
            patient_id=patient_id,
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )


def _discard(timer: RunningTimer, person: Actor) -> None:
    with widgets.command_in_callback():
        discard_timer(store=store.store(), actor=person)
        forget(_form(timer), timer.patient_id, person)
        state.flash("Timer discarded. Nothing was logged.")


def _is_over(timer: RunningTimer, person: Actor) -> bool:
    """Say whether the timer that a dialog is about was stopped, or moved, meanwhile."""
    now = current(person)
    return now is None or (now.entry_id, now.patient_id, now.program) != (
        timer.entry_id,
        timer.patient_id,
        timer.program,
    )


def _key(timer: RunningTimer) -> str:
    return f"timer_{timer.entry_id}"


def _form(timer: RunningTimer) -> str:
    return f"timer {timer.entry_id}"
