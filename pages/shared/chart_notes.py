"""The chart's notes and tasks: what is to be done, what was written, and every contact there was."""

from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import active_time, formats, state, widgets, work_parts
from pages.shared.chart_base import ChartView, save
from pages.shared.note_field import forget, note_field
from trellis_core.access import Operation, may
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.care.work import ContactLine, ContactSource, PatientNote, Task, TaskKind
from trellis_core.services import notes, tasks
from trellis_core.services.colleagues import colleagues_for
from trellis_core.services.contact_log import contact_log
from trellis_core.services.suggestions import Origin

NOTE_FORM: Final = "chart_note"
_NARROWEST: Final = 340
"""Pixels that notes need; where there is less, the tasks go under them."""
NOTES_SHOWN: Final = 10
_KIND_WORDS: Final = {
    TaskKind.GENERAL: "To do",
    TaskKind.CONTACT: "Next contact",
    TaskKind.SAFETY: "Safety",
}


def draw(view: ChartView) -> None:
    """Draw tasks beside notes, and the contact log under both."""
    services = view.services
    is_read_only = may(view.person, Operation.EDIT_CHART) and not view.may_edit  # it was merged
    may_write = may(view.person, Operation.WRITE_NOTE) and not is_read_only
    colleagues = (
        {member.id: member.signature for member in colleagues_for(view.patient.id, **services)}
        if may_write
        else {}
    )
    grid = st.grid(2, min_column_width=_NARROWEST, gap="medium")
    with grid.cell():
        _notes(view, notes.notes_of(view.patient.id, **services), colleagues)
    with grid.cell():
        _tasks(view, tasks.open_tasks(view.patient.id, **services), colleagues)
    _contacts(view, contact_log(view.patient.id, **services))


# --- notes -----------------------------------------------------------------------------------


def _notes(view: ChartView, found: tuple[PatientNote, ...], colleagues: dict[str, str]) -> None:
    st.markdown("## Notes")
    if colleagues:
        _note_form(view, colleagues)
    if not found:
        st.caption("No note yet.")
    is_all = len(found) <= NOTES_SHOWN or st.session_state.get(view.key("chart_notes_all"), False)
    for note in found if is_all else found[:NOTES_SHOWN]:
        with st.container(border=True):
            st.caption(work_parts.note_head(note, person=view.person, people=view.people))
            work_parts.note_body(note, person=view.person, people=view.people)
            if colleagues and work_parts.may_answer(note, view.person, view.people):
                work_parts.answer_form(note, person=view.person, where="chart")
    if len(found) > NOTES_SHOWN:
        st.toggle(f"Show all {len(found):,} notes", key=view.key("chart_notes_all"))


def _note_form(view: ChartView, colleagues: dict[str, str]) -> None:
    key = view.key("chart_note")
    others = [each for each in colleagues if each != view.person.person_id]
    with st.container(border=True):
        words = note_field(
            "New note",
            form=NOTE_FORM,
            patient_id=view.patient.id,
            person=view.person,
            key=key,
            height=90,
            placeholder="What the next person needs to know. A note stays as it is saved.",
        )
        about, to, button = st.columns([1, 1.4, 1], vertical_alignment="bottom")
        program = about.selectbox(
            "Program", ["", *_programs(view)], format_func=_program_words, key=f"{key}_program"
        )
        to_staff = to.selectbox(
            "Hand to",
            ["", *others],
            format_func=lambda each: colleagues.get(each, "Nobody"),
            key=f"{key}_to",
            help="A hand-off stays on the colleague's home until it is answered.",
        )
        label = "Hand over" if to_staff else "Save note"
        is_sent = button.button(label, type="primary", key=f"{key}_save", disabled=not words)
    if is_sent:
        save(
            lambda: _write(view, words, program=_chosen(program), to_staff=to_staff or None),
            "Handed over." if to_staff else "Note saved.",
        )


def _write(view: ChartView, words: str, *, program: Program | None, to_staff: str | None) -> None:
    form = view.key(NOTE_FORM)
    notes.write_note(
        view.patient.id,
        text=words,
        program=program,
        to_staff=to_staff,
        note_id=state.form_id(form),
        **view.services,
    )
    active_time.note_work(
        Origin.HAND_OFF if to_staff else Origin.NOTE,
        patient_id=view.patient.id,
        program=program,
        activity=Activity.CARE_COORDINATION,
        person=view.person,
    )
    state.renew_form_id(form)
    forget(NOTE_FORM, view.patient.id, view.person, key=view.key("chart_note"))
    st.session_state.pop(f"{view.key('chart_note')}_to", None)


def _programs(view: ChartView) -> list[Program]:
    enrolled = {
        each.program
        for each in view.chart.enrollments
        if not isinstance(each.ended_on, date) or each.ended_on >= view.today
    }
    return [each for each in Program if each in enrolled]


def _chosen(program: str) -> Program | None:
    return Program(program) if program else None


def _program_words(program: str) -> str:
    return program or "None"


# --- tasks -----------------------------------------------------------------------------------


def _tasks(view: ChartView, found: tuple[Task, ...], colleagues: dict[str, str]) -> None:
    st.markdown("## Tasks")
    contact = next((each for each in found if each.kind is TaskKind.CONTACT), None)
    if contact is None:
        st.caption("No next contact is due.")
    else:
        st.caption(formats.plain(f"Next contact {work_parts.due_words(contact, view.today)}."))
    for task in found:
        work_parts.task_line(
            task, person=view.person, today=view.today, people=view.people, where="chart"
        )
    if colleagues:
        _task_form(view, colleagues)


def _task_form(view: ChartView, colleagues: dict[str, str]) -> None:
    form = view.key("chart_task")
    key = state.form_key(form)
    with (
        st.popover("Add a task", icon=":material/add_task:", key=f"{form}_open"),
        st.form(f"{key}_form", border=False),
    ):
        kind = st.segmented_control(
            "Kind",
            list(TaskKind),
            format_func=_KIND_WORDS.__getitem__,
            default=TaskKind.CONTACT,
            required=True,
            key=f"{key}_kind",
        )
        title = st.text_input(
            "What", placeholder=tasks.NEXT_CONTACT, max_chars=tasks.LONGEST_TITLE, key=f"{key}_what"
        )
        by, about = st.columns(2)
        due_on = by.date_input("Due", value=view.today, min_value=view.today, key=f"{key}_due")
        program = about.selectbox(
            "Program", ["", *_programs(view)], format_func=_program_words, key=f"{key}_program"
        )
        whose = st.selectbox(
            "Who",
            ["", *colleagues],
            format_func=lambda each: colleagues.get(each, "Nobody yet"),
            key=f"{key}_who",
        )
        if st.form_submit_button("Add task", type="primary", key=f"{key}_save"):
            words = title.strip() or (tasks.NEXT_CONTACT if kind is TaskKind.CONTACT else "")
            save(
                lambda: _add(
                    view, kind, words, due_on=due_on, program=_chosen(program), whose=whose or None
                ),
                f"Task added, due {formats.short_day(due_on)}.",
                form=form,
            )


def _add(
    view: ChartView,
    kind: TaskKind,
    title: str,
    *,
    due_on: date,
    program: Program | None,
    whose: str | None,
) -> None:
    tasks.add_task(
        view.patient.id,
        kind=kind,
        title=title,
        due_on=due_on,
        program=program,
        assigned_to=whose,
        task_id=state.form_id(view.key("chart_task")),
        **view.services,
    )


# --- contacts --------------------------------------------------------------------------------


def _contacts(view: ChartView, found: tuple[ContactLine, ...]) -> None:
    st.markdown("## Contact log")
    if not found:
        widgets.empty("No contact or attempt on record.", icon="call")
        return
    rows = [
        {
            "When": formats.moment(each.at, view.zone),
            "Outcome": _outcome(each),
            "By": view.signature(each.by) if each.by else formats.NOT_RECORDED,
            "Program": str(each.program) if each.program else formats.DASH,
            "From": _source(each),
        }
        for each in found
    ]
    widgets.table(pd.DataFrame(rows), alt="Contact log", key=view.key("chart_contacts"))


def _outcome(line: ContactLine) -> str:
    if line.is_not_needed:
        return "Not needed any more"
    if line.is_reached is None:
        return formats.words(formats.NOT_RECORDED)
    return "Reached" if line.is_reached else "Tried, not reached"


def _source(line: ContactLine) -> str:
    if line.source is ContactSource.TIME:
        return f"Time entry: {formats.activity(Activity(line.words)).lower()}"
    if line.source is ContactSource.DISCHARGE:
        return "Contact after a discharge"
    return f"Task: {line.words}"
