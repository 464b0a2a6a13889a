"""The chart's first section: this month's answer per program, and what to do about every "no"."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from pages.shared import block_words, chart_map, formats, meters, routes, time_entry, widgets
from pages.shared.chart_base import ChartView, go_to
from trellis_core.access import Operation, may
from trellis_core.care.records import stands_declined
from trellis_core.care.vocabulary import Program
from trellis_core.rules.determination import Blocked, Determination, Meter
from trellis_core.rules.labels import code_label, program_label
from trellis_core.rules.reasons import Reason
from trellis_core.services.board import PatientMonth

_QUESTIONS: Final = {
    "track": "whose minutes bill this month, the staff's or the practitioner's",
    "discharge": "which of two discharges within 30 days is billed",
}


def draw(view: ChartView, month: PatientMonth) -> None:
    """Draw the month: a card per program, the time form, the entries."""
    answer = month.determination
    programs = programs_of(view, answer)
    if not programs:
        widgets.empty("Not enrolled in a program yet.", icon="person_add")
        if view.may_edit:
            _do("Enroll in a program", chart_map.Section.ENROLLMENT, key="chart_do_enroll")
    if programs and may(view.person, Operation.LOG_OWN_TIME):
        main, side = widgets.beside()
    else:
        main, side = st.container(), None
    with main:
        for program in programs:
            with st.container(border=True, key=f"chart_card_{formats.program_slug(program)}"):
                _card(view, program, answer)
        _entries(view, month)
    if side is not None:
        with side:
            time_entry.panel(
                f"chart_entry_{view.patient.id}",
                person=view.person,
                patients={view.patient.id: view.patient.name},
                programs=tuple(programs),
            )


def _entries(view: ChartView, month: PatientMonth) -> None:
    answer = month.determination
    st.markdown("## Time this month")
    widgets.entries_table(
        month.entries,
        people=view.people,
        zone=view.zone,
        determinations=[answer],
        key="chart_entries",
    )
    if answer.alternatives:
        st.caption(
            formats.plain(
                "Could be billed instead: "
                + "; ".join(
                    f"{', '.join(f'{line.code} x {line.units}' for line in other.lines)} ({other.why})"
                    for other in answer.alternatives
                )
            )
        )


def programs_of(view: ChartView, answer: Determination) -> list[Program]:
    """Return the programs that the month is about: enrolled, timed or billed; in the usual order."""
    named = {each.program for each in view.chart.enrollments}
    named |= {meter.program for meter in answer.meters if meter.seconds}
    named |= {line.program for line in answer.lines} | {step.program for step in answer.pending}
    if answer.steps:
        named.add(Program.TCM)
    return [program for program in Program if program in named]


def _card(view: ChartView, program: Program, answer: Determination) -> None:
    own = [meter for meter in answer.meters if meter.program is program]
    blocked = [each for each in answer.blocked if each.program is program]
    title_side, meter_side = st.columns([1, 1])
    title_side.markdown(f"**{formats.plain(program_label(program))}**")
    with meter_side:
        for meter in own:
            _meter(
                meter, is_blocked=any(each.reason is not Reason.TIME_NOT_MET for each in blocked)
            )
        if program is Program.TCM and answer.steps:
            st.image(
                meters.steps_image(answer.steps),
                width=meters.WIDTH,
                alt="Steps after the discharge",
            )
    _lines(answer, program)
    for place, each in enumerate(_once(blocked)):
        _blocked(view, each, key=f"chart_fix_{formats.program_slug(program)}_{place}")
    _open_points(view, answer, program)


def _lines(answer: Determination, program: Program) -> None:
    is_open = any(each.program is program for each in answer.decisions_needed)
    mark = ":material/hourglass_top: Proposed:" if is_open else ":material/check_circle:"
    for line in answer.lines:
        if line.program is program:
            st.markdown(
                f"{mark} **{line.code}** x {line.units}, "
                f"{formats.plain(code_label(line.code))}: "
                f"{formats.plain(formats.money(line.allowed))}"
            )


def _open_points(view: ChartView, answer: Determination, program: Program) -> None:
    pending = [step for step in answer.pending if step.program is program]
    for step in pending:
        st.markdown(
            f":material/schedule: {formats.words(step.step)} is due by {formats.short_day(step.by)}."
        )
    if pending and view.may_edit:
        _do("Record a step", chart_map.Section.DISCHARGES, key=f"chart_step_{program}")
    for question in answer.decisions_needed:
        if question.program is program:
            asked = _QUESTIONS.get(question.question, formats.words(question.question))
            st.markdown(f":material/help: A person must choose: {asked}.")
            if view.may_edit or may(view.person, Operation.DOCUMENT_DECISION):
                key = f"chart_choose_{formats.program_slug(program)}_{question.question}"
                _do("Choose", chart_map.Section.ENROLLMENT, key=key, program=program)
    for notice in answer.warnings:
        if notice.program is program:
            st.caption(f":material/info: {formats.plain(notice.message)}")


def _meter(meter: Meter, *, is_blocked: bool) -> None:
    st.image(
        meters.meter_image(meter.minutes, meter.ticks, is_blocked=is_blocked),
        width=meters.WIDTH,
        alt=f"Meter: {formats.minutes(meter.minutes)} counted",
    )
    track = "" if meter.track is None else f"{formats.words(meter.track)} minutes: "
    to_go = (
        ""
        if meter.minutes_to_next is None
        else f", {formats.minutes(meter.minutes_to_next)} to {meter.next_code}"
    )
    st.caption(f"{track}{formats.length(meter.seconds) if meter.seconds else '0 min'}{to_go}")


def _once(blocked: Sequence[Blocked]) -> list[Blocked]:
    """Return each reason once, with paperwork before time."""
    first: dict[Reason, Blocked] = {}
    for each in blocked:
        first.setdefault(each.reason, each)
    return sorted(first.values(), key=lambda each: each.reason is Reason.TIME_NOT_MET)


def _blocked(view: ChartView, each: Blocked, *, key: str) -> None:
    if each.reason is Reason.TIME_NOT_MET:
        st.markdown(f":material/timelapse: {formats.plain(each.message)}")
        return
    line = st.container(horizontal=True, vertical_alignment="center")
    declined = stands_declined(view.chart.declined, view.chart.consents, each.program)
    what = block_words.short(each.reason, declined)
    why = block_words.sentence(each.reason, each.message, declined)
    line.markdown(f":material/block: **{what}**. {formats.plain(why)}", width="stretch")
    section = chart_map.section_for(each.reason)
    with line:
        if chart_map.is_practice_fact(each.reason):
            routes.link("settings", "Open settings")
        elif section is not None and view.may_edit:
            _do(chart_map.ACTIONS[section], section, key=key, program=each.program)


def _do(
    label: str, section: chart_map.Section, *, key: str, program: Program | None = None
) -> None:
    st.button(label, key=key, on_click=go_to, args=(section, program), icon=":material/edit:")
