"""What waits for a person, line by line with the action on it: hand-offs, suggested time, tasks.

The inbox, the chart and the bar under the running timer draw the same lines.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared import active_time, chart_map, formats, routes, state, store, widgets
from pages.shared.note_field import forget, note_field, text_of
from pages.shared.time_forms import preview, receipt_sentence
from trellis_core.access import Actor, Operation, may
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.care.work import OUTCOMES, PatientNote, Task, TaskKind, TaskOutcome
from trellis_core.services import notes, suggestions, tasks
from trellis_core.services.suggestions import Origin, Suggestion
from trellis_core.values.periods import local_day

_DONE_WORDS: Final = {
    Origin.NOTE: "Wrote a note",
    Origin.CARE_PLAN: "Revised the care plan",
    Origin.SCALE: "Recorded a rating scale",
    Origin.CONSENT: "Recorded a consent",
    Origin.HAND_OFF: "Worked on a hand-off",
    Origin.DISCHARGE_STEP: "Recorded a step after the discharge",
}
"""What an entry's note begins with, by what was done."""

_OUTCOMES: Final = {
    TaskOutcome.DONE: "Done",
    TaskOutcome.REACHED: "Reached",
    TaskOutcome.ATTEMPTED: "Tried, not reached",
    TaskOutcome.RISK_ASSESSED: "Risk assessed",
    TaskOutcome.ESCALATED: "Escalated to a clinician",
    TaskOutcome.NOT_NEEDED: "Not needed any more",
}
_KINDS: Final = {
    TaskKind.GENERAL: ":material/task_alt:",
    TaskKind.CONTACT: ":material/call:",
    TaskKind.SAFETY: ":material/health_and_safety:",
}
_MINUTE: Final = 60
_NAME_WIDTH: Final = 190
"""Of a patient's name before a line, so that lines stand below one another."""

_WORDS_WIDTH: Final = 580
_WORDS_BESIDE_PROGRAM: Final = 430
"""Of a name and what is suggested: on an upright tablet the buttons go below both."""

ANSWER_FORM: Final = "hand_off_answer"


def outcome(value: TaskOutcome) -> str:
    """Write what became of a task."""
    return _OUTCOMES[value]


def due_words(task: Task, today: date) -> str:
    """Write by when a task is to be done.

    Example:
        >>> from datetime import UTC, datetime
        >>> task = Task(id="t", patient_id="p", kind=TaskKind.GENERAL, title="Call",
        ...     due_on=date(2026, 11, 20), made_by="s", made_at=datetime(2026, 11, 1, tzinfo=UTC))
        >>> [due_words(task, date(2026, 11, day)) for day in (19, 20, 21)]
        ['due Fri, Nov 20', 'due today', 'overdue since Fri, Nov 20']
    """
    if task.due_on == today:
        return "due today"
    day = formats.short_day(task.due_on)
    return f"overdue since {day}" if task.is_overdue(today) else f"due {day}"


def patient_link(patient_id: str, name: str | None) -> None:
    """Draw the way to the notes and tasks of a patient's chart, where the list spans patients."""
    if name is not None:
        with st.container(width=_NAME_WIDTH):
            routes.link("chart", name, patient_id=patient_id, section=chart_map.Section.NOTES)


# --- tasks -----------------------------------------------------------------------------------


def task_line(
    task: Task,
    *,
    person: Actor,
    today: date,
    people: dict[str, StaffMember],
    where: str,
    name: str | None = None,
) -> None:
    """Draw one open task with what finishes or moves it.

    Args:
        task: The task.
        person: Who looks.
        today: The practice's calendar day.
        people: The practice's people by id.
        where: Part of the widgets' keys.
        name: The patient's, where the list spans patients.
    """
    key = f"{where}_task_{task.id}"
    whose = people.get(task.assigned_to or "")
    facts = [
        due_words(task, today),
        *([str(task.program)] if task.program else []),
        *([formats.short_name(whose)] if whose else []),
    ]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        patient_link(task.patient_id, name)
        late = ":material/event_busy: " if task.is_overdue(today) else ""
        st.markdown(
            f"{_KINDS[task.kind]} {formats.plain(task.title)}  \n"
            f":small[:gray[{late}{formats.plain(' · '.join(facts))}]]",
            width="stretch",
        )
        if may(person, Operation.WRITE_NOTE):
            with st.popover("Finish", icon=":material/check:", key=f"{key}_finish"):
                _finish_form(task, person=person, today=today, key=key)
            with st.popover("Move", type="tertiary", key=f"{key}_move"):
                _move_form(task, person=person, today=today, key=key)


def _finish_form(task: Task, *, person: Actor, today: date, key: str) -> None:
    following = None
    with st.form(f"{key}_form", border=False):
        became = st.radio(
            "What became of it",
            OUTCOMES[task.kind],
            index=0 if task.kind is TaskKind.GENERAL else None,
            format_func=outcome,
            key=f"{key}_outcome",
        )
        if task.kind is TaskKind.CONTACT:
            following = st.date_input(
                "Next contact due",
                value=None,
                min_value=today,
                key=f"{key}_next",
                help="Leave it empty where none is planned.",
            )
        if st.form_submit_button("Finish task", type="primary", key=f"{key}_save"):
            if became is None:
                st.error("Choose what became of it.")
                return
            with widgets.command():
                tasks.finish_task(
                    task.id,
                    outcome=became,
                    next_contact_on=following,
                    store=store.store(),
                    actor=person,
                    clock=store.clock(),
                )
                state.flash("Task finished.")
                st.rerun()


def _move_form(task: Task, *, person: Actor, today: date, key: str) -> None:
    with st.form(f"{key}_move_form", border=False):
        to = st.date_input(
            "Due", value=max(task.due_on, today), min_value=today, key=f"{key}_move_to"
        )
        if st.form_submit_button("Change the day", key=f"{key}_move_save"):
            with widgets.command():
                tasks.move_task(
                    task.id, due_on=to, store=store.store(), actor=person, clock=store.clock()
                )
                state.flash(f"Due {formats.short_day(to)}.")
                st.rerun()


# --- notes and hand-offs ---------------------------------------------------------------------


def note_head(note: PatientNote, *, person: Actor, people: dict[str, StaffMember]) -> str:
    """Write who wrote a note, when, about which program or month, and to whom it was handed."""
    zone = store.zone(person)
    words = [f"{_name(note.made_by, people)}, {formats.moment(note.made_at, zone)}"]
    if note.asks:
        words.insert(0, f"Question about {formats.month_name(note.asks)}")
    if note.program:
        words.append(str(note.program))
    if note.to_staff:
        is_own = note.to_staff == person.person_id
        words.append(f"handed to {'you' if is_own else _name(note.to_staff, people)}")
    return formats.plain(" · ".join(words))


def note_body(note: PatientNote, *, person: Actor, people: dict[str, StaffMember]) -> None:
    """Draw a note's words and, of a hand-off, the answer or that it waits."""
    st.text(note.text)
    if note.answer is not None:
        at = formats.moment(note.answered_at, store.zone(person))
        st.caption(
            ":material/reply: " + formats.plain(f"{_name(note.answered_by, people)} answered, {at}")
        )
        st.text(note.answer)
    elif note.is_waiting:
        held = " The month's superbills wait for it." if note.asks else ""
        st.caption(f":material/hourglass_empty: Waits for an answer.{held}")


def may_answer(note: PatientNote, person: Actor, people: dict[str, StaffMember]) -> bool:
    """Say whether this person may answer: it was handed to them, or its addressee left.

    Whoever asks about a month may settle the question too.
    """
    if not note.is_waiting or not may(person, Operation.WRITE_NOTE):
        return False
    if note.asks and note.made_by == person.person_id:
        return True
    whose = people.get(note.to_staff or "")
    return note.to_staff == person.person_id or whose is None or not whose.is_active


def answer_form(note: PatientNote, *, person: Actor, where: str) -> None:
    """Draw the field and the button that answer a hand-off, or settle one's own question."""
    form = f"{ANSWER_FORM} {note.id}"
    key = f"{where}_answer_{note.id}"
    is_own = note.made_by == person.person_id
    words = "What settled it, where you know by now" if is_own else "Answer"
    note_field(words, form=form, patient_id=note.patient_id, person=person, key=key, height=70)
    if st.button("Settle it" if is_own else "Answer", icon=":material/reply:", key=f"{key}_save"):
        with widgets.command():
            notes.answer_hand_off(
                note.id,
                answer=text_of(key),
                store=store.store(),
                actor=person,
                clock=store.clock(),
            )
            active_time.note_work(
                Origin.HAND_OFF,
                patient_id=note.patient_id,
                program=note.program,
                activity=Activity.CARE_COORDINATION,
                person=person,
            )
            forget(form, note.patient_id, person)
            state.flash("Answer saved.")
            st.rerun()


def _name(staff_id: str | None, people: dict[str, StaffMember]) -> str:
    member = people.get(staff_id or "")
    return formats.short_name(member) if member else "somebody"


# --- suggested time --------------------------------------------------------------------------


def suggestion_bar(person: Actor) -> None:
    """Draw the time that is suggested for the patient in view, if there is some, below the page.

    There it moves nothing on the page and is not covered by what was just saved.
    """
    patient_id = state.chosen_patient()
    if patient_id is None or not may(person, Operation.LOG_OWN_TIME):
        return
    for each in suggestions.open_suggestions(
        patient_id=patient_id, store=store.store(), actor=person, clock=store.clock()
    ):
        with st.bottom, st.container(border=True, key=f"suggested_{each.id}"):
            suggestion_line(each, person=person, where="bar")


def suggestion_line(
    suggestion: Suggestion, *, person: Actor, where: str, name: str | None = None
) -> None:
    """Draw one suggestion with what confirms, shortens or discards it.

    Args:
        suggestion: The suggestion.
        person: Whose it is.
        where: Part of the widgets' keys.
        name: The patient's, where the list spans patients.
    """
    key = f"{where}_suggested_{suggestion.id}"
    words = [
        f"**{formats.length(suggestion.seconds)}**"
        if name
        else f"**Suggested: {formats.length(suggestion.seconds)}** for this patient",
        *([str(suggestion.program)] if suggestion.program else []),
        formats.activity(suggestion.activity).lower(),
        formats.plain(formats.moment(suggestion.started_at, store.zone(person))),
    ]
    of_words: int | Literal["stretch"] = "stretch"
    if name:
        of_words = _WORDS_WIDTH if suggestion.program else _WORDS_BESIDE_PROGRAM
    with _row(wrap=name is not None):
        with _row(width=of_words):
            patient_link(suggestion.patient_id, name)
            st.markdown(":material/more_time: " + " · ".join(words), width="stretch")
        with _row(width="content"):
            program = suggestion.program or _program_input(suggestion.programs, key=key)
            st.button(
                "Confirm",
                icon=":material/check:",
                key=f"{key}_confirm",
                disabled=program is None,
                on_click=_confirm,
                kwargs={"suggestion": suggestion, "program": program, "person": person, "key": key},
            )
            with st.popover(
                "Shorten" if suggestion.seconds >= _MINUTE else "Note", key=f"{key}_shorten"
            ):
                _shorten_form(suggestion, program, person=person, key=key)
            st.button(
                "Discard",
                type="tertiary",
                key=f"{key}_discard",
                help="Nothing is logged.",
                on_click=_discard,
                args=(suggestion, person),
            )
    if program is not None and may(person, Operation.READ_BOARD):
        preview(
            suggestion.patient_id,
            program,
            person=person,
            on=local_day(suggestion.started_at, store.zone(person)),
            activity=suggestion.activity,
        )


def _row(
    *, wrap: bool = False, width: int | Literal["stretch", "content"] = "stretch"
) -> DeltaGenerator:
    return st.container(
        horizontal=True, vertical_alignment="center", gap="small", wrap=wrap, width=width
    )


def _program_input(programs: Sequence[Program], *, key: str) -> Program | None:
    return st.selectbox(
        "Program",
        programs,
        index=None,
        placeholder="Program",
        key=f"{key}_program",
        label_visibility="collapsed",
        width=130,
    )


def _shorten_form(
    suggestion: Suggestion, program: Program | None, *, person: Actor, key: str
) -> None:
    whole = suggestion.seconds // _MINUTE
    if whole:
        st.number_input(
            f"Minutes, at most {whole}",
            min_value=1,
            max_value=whole,
            value=None,
            placeholder=f"As measured: {formats.length(suggestion.seconds)}",
            key=f"{key}_minutes",
        )
    note_field(
        "Note",
        form=f"suggested {suggestion.id}",
        patient_id=suggestion.patient_id,
        person=person,
        key=f"{key}_note",
        height=80,
        placeholder=_DONE_WORDS[suggestion.origin],
    )
    st.button(
        "Confirm with these",
        key=f"{key}_shortened",
        type="primary",
        disabled=program is None,
        on_click=_confirm,
        kwargs={"suggestion": suggestion, "program": program, "person": person, "key": key},
    )


def _confirm(*, suggestion: Suggestion, program: Program, person: Actor, key: str) -> None:
    minutes = st.session_state.get(f"{key}_minutes")
    with widgets.command_in_callback():
        receipt = suggestions.confirm(
            suggestion.id,
            program=program,
            seconds=None if minutes is None else int(minutes) * _MINUTE,
            note=text_of(f"{key}_note") or _DONE_WORDS[suggestion.origin],
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )
        forget(f"suggested {suggestion.id}", suggestion.patient_id, person)
        state.flash(receipt_sentence(receipt))


def _discard(suggestion: Suggestion, person: Actor) -> None:
    with widgets.command_in_callback():
        suggestions.discard(suggestion.id, store=store.store(), actor=person, clock=store.clock())
        state.flash("Suggestion discarded. Nothing was logged.")
