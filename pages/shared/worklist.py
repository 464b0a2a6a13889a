"""The worklist of consents and enrollment: what is missing, row by row, with the form beside it."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import pandas as pd
import streamlit as st

from pages.shared import (
    chart_care_plans,
    chart_conditions,
    chart_consents,
    chart_enrollments,
    chart_visits,
    emergency_view,
    formats,
    routes,
    store,
    widgets,
)
from pages.shared.chart_base import ChartView, read_view, want_program
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Program
from trellis_core.rules.reason_texts import title
from trellis_core.services import paperwork
from trellis_core.services.paperwork import Missing, PaperRow, Worklist
from trellis_core.values.unknown import UNKNOWN

PAGE_ROWS: Final = 50
PROGRAM: Final = "program"
MISSING: Final = "missing"
"""Query parameters of the filters; they hold closed words only."""

WORDS: Final[Mapping[Missing, str]] = {
    Missing.CONSENT: "No consent",
    Missing.RE_CONSENT: "New consent",
    Missing.REVOKED: "Consent revoked",
    Missing.ELEMENT: "Consent incomplete",
    Missing.DECLINED: "Declined",
    Missing.VISIT: "Initiating visit",
    Missing.PLAN: "Care plan",
    Missing.COPY: "Copy of plan",
    Missing.CONDITION: "Conditions",
    Missing.ENROLLMENT: "Enrollment",
    Missing.PRACTITIONER: "Practitioner",
}
"""What each kind of missing paper is called."""

_E = TypeVar("_E", Program, Missing)
RowKey = tuple[str, str]
"""Patient id and program: what a row is about."""

_CHOSEN: Final = "consents_chosen"
_AT: Final = "consents_at"
_ROW_HEIGHT: Final = 36
_TABLE_ROWS: Final = 14
_LIST_WIDTH: Final = 377
"""Pixels that the list needs; where there is less beside it, the form goes under it."""


def key_of(row: PaperRow) -> RowKey:
    """Return what a row is about."""
    return row.patient_id, str(row.program)


def draw(person: Actor) -> None:
    """Draw the filters, the list and, beside it, the forms of the selected row."""
    program, kind = _named(PROGRAM, Program), _named(MISSING, Missing)
    found = _read(person, program, kind, page=1)
    program, kind = _filters(found, program, kind)
    page = 1
    if found.total > PAGE_ROWS:
        pages = -(-found.total // PAGE_ROWS)
        page = st.pagination(pages, key=f"consents_page_{program}_{kind}_{pages}")
        if page > 1:
            found = _read(person, program, kind, page=page)
    _practice_facts(found)
    if not found.rows:
        nothing = (
            "Nothing is missing this month for anybody who is enrolled."
            if program is None and kind is None
            else "Nothing of that kind is missing. Choose another filter."
        )
        widgets.empty(nothing, icon="task_alt")
        return
    grid = st.grid(2, min_column_width=_LIST_WIDTH)
    with grid.cell():
        st.caption(_range_words(found, page))
        row = _table(found)
    with grid.cell():
        if row is None:
            st.caption("Select a row to record what is missing. The next row follows by itself.")
        elif emergency_view.is_closed(row.patient_id, person):
            emergency_view.notice(row.patient_id)
        else:
            _forms(row, person)


def _read(person: Actor, program: Program | None, kind: Missing | None, *, page: int) -> Worklist:
    return paperwork.worklist(
        month=store.month(person),
        program=program,
        kind=kind,
        limit=PAGE_ROWS,
        offset=(page - 1) * PAGE_ROWS,
        store=store.store(),
        actor=person,
        clock=store.clock(),
        rule_book=store.rule_book(),
    )


def _named(parameter: str, kind: type[_E]) -> _E | None:
    """Return what the address names of a closed list; None for nothing or for something else."""
    named = st.query_params.get(parameter)
    return next((each for each in kind if str(each) == named), None)


def _filters(
    found: Worklist, program: Program | None, kind: Missing | None
) -> tuple[Program | None, Missing | None]:
    """Draw the filters with the number of rows of each, and return what they are set to."""
    kinds = [each for each in Missing if found.counts[each] or each is kind]
    programs = [each for each in Program if each in found.programs or each is program]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.pills(
            "What is missing", kinds, default=kind, key=f"consents_{MISSING}_{kind}",
            format_func=lambda each: f"{WORDS[each]} · {found.counts[each]}",
            on_change=_keep, args=(MISSING, f"consents_{MISSING}_{kind}"),
            label_visibility="collapsed", wrap=True,
        )  # fmt: skip
        if len(programs) > 1 or program is not None:
            st.pills(
                "Program", programs, default=program, key=f"consents_{PROGRAM}_{program}",
                format_func=lambda each: f"{each} · {found.programs.get(each, 0)}",
                on_change=_keep, args=(PROGRAM, f"consents_{PROGRAM}_{program}"),
                label_visibility="collapsed", wrap=True,
            )  # fmt: skip
    return program, kind


def _keep(parameter: str, key: str) -> None:
    """Put a filter into the address; the list begins anew."""
    chosen = st.session_state.get(key)
    if chosen is None:
        st.query_params.pop(parameter, None)
    else:
        st.query_params[parameter] = str(chosen)
    st.session_state.pop(_CHOSEN, None)
    st.session_state.pop(_AT, None)


def _practice_facts(found: Worklist) -> None:
    if not found.practice:
        return
    said = "; ".join(
        f"{formats.plain(title(reason))}: {formats.count(rows, 'row')}"
        for reason, rows in found.practice.items()
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/domain: Facts of the practice hold rows back. {said}.")
        routes.link("settings", "Open settings", icon=":material/settings:")


def _range_words(found: Worklist, page: int) -> str:
    first = (page - 1) * PAGE_ROWS + 1
    if found.total <= PAGE_ROWS:
        return formats.count(found.total, "row")
    return f"Rows {first:,} to {first + len(found.rows) - 1:,} of {found.total:,}"


def _table(found: Worklist) -> PaperRow | None:
    """Draw the rows and return the selected one; where it was cleared, the next takes its place."""
    rows = found.rows
    keys = [key_of(row) for row in rows]
    chosen: RowKey | None = st.session_state.get(_CHOSEN)
    place: int | None = st.session_state.get(_AT)
    if chosen is not None and chosen not in keys:
        chosen = keys[min(place or 0, len(keys) - 1)]
    at = None if chosen is None else keys.index(chosen)
    frame = pd.DataFrame(
        [
            {
                "Patient": row.patient_name,
                "Program": str(row.program),
                "Missing": [WORDS[each] for each in row.missing],
            }
            for row in rows
        ]
    )
    selected = st.dataframe(
        frame,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [] if at is None else [at]}},
        key=f"consents_list_{hash(tuple(keys)) & 0xFFFFFFFF:x}_{at}",
        row_height=_ROW_HEIGHT,
        height=min(len(rows), _TABLE_ROWS) * _ROW_HEIGHT + 37,
        alt="Missing paperwork by patient and program",
        column_config={
            "Patient": st.column_config.TextColumn(width=134),
            "Program": st.column_config.TextColumn(width=66),
            "Missing": st.column_config.MultiselectColumn(width=144, color="orange"),
        },
    )["selection"]["rows"]
    now = keys[selected[0]] if selected and selected[0] < len(keys) else None
    st.session_state[_CHOSEN] = now
    st.session_state[_AT] = None if now is None else keys.index(now)
    return None if now is None else rows[keys.index(now)]


def _forms(row: PaperRow, person: Actor) -> None:
    """Draw whom to ask, what is missing, and the form that clears it."""
    view = read_view(row.patient_id, person)
    want_program(row.program)
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.header(
            f"{formats.plain(row.patient_name)} · {row.program}", anchor=False, width="content"
        )
        routes.link("chart", "Open the chart", patient_id=row.patient_id)
    waiting = f"{formats.minutes(row.minutes)} waiting" if row.minutes else ""
    reach = [
        f":material/{icon}: {formats.plain(words)}"
        for icon, words in (
            ("timelapse", waiting),
            ("call", row.phone),
            ("schedule", row.best_time),
            ("translate", row.language),
            ("family_restroom", row.caregiver),
        )
        if words
    ]
    if reach:
        st.caption(" · ".join(reach))
    kind = row.missing[0]
    if len(row.missing) > 1:
        kind = st.segmented_control(
            "Form", row.missing, format_func=WORDS.__getitem__, default=row.missing[0],
            required=True, label_visibility="collapsed",
            key=f"consents_form_{row.patient_id}_{row.program}_{'_'.join(row.missing)}",
        )  # fmt: skip
    for block in row.blocked:
        of = paperwork.kind_of(block.reason)
        if of is kind:
            st.markdown(f":material/block: {formats.plain(block.message)}")
    if row.declined is not None and kind is Missing.DECLINED:
        why = f": {row.declined.reason}" if row.declined.reason else ""
        st.markdown(
            f":material/do_not_disturb_on: Declined {formats.day(row.declined.declined_on)}"
            f"{formats.plain(why)}"
        )
    if view.may_edit:
        _FORMS[kind](view, row.program)
    else:
        st.caption("Whoever edits charts records it here.")


def _consent(view: ChartView, program: Program) -> None:
    for sentence in chart_consents.renewals(view, program):
        st.warning(sentence, icon=":material/published_with_changes:")
    chart_consents.consent_form(view, form="work_consent", only=program)


def _visit(view: ChartView, program: Program) -> None:
    chart_visits.visit_form(view, form="work_visit", only=program)


def _plan(view: ChartView, program: Program) -> None:
    chart_care_plans.plan_form(view, form="work_plan", only=program)


def _copy(view: ChartView, program: Program) -> None:
    plan = chart_care_plans.newest_plan(view, program) or next(
        iter(reversed(view.chart.care_plans)), None
    )
    if plan is None:
        _plan(view, program)
        return
    st.markdown(
        f"**{plan.program}** care plan · established {formats.day(plan.established_on)}, copy not given"
    )
    chart_care_plans.handing_over(view, plan, form="work_copy")


def _condition(view: ChartView, _program: Program) -> None:
    chart_conditions.draw(view)


def _enrollment(view: ChartView, program: Program) -> None:
    running = [each for each in view.chart.enrollments if each.program is program]
    if running or program not in chart_enrollments.programs(view):
        chart_enrollments.draw(view)
        return
    chart_enrollments.enroll_form(view, form="work_enroll", only=program)


def _practitioner(view: ChartView, program: Program) -> None:
    named = chart_consents.biller_now(view, program)
    if named is None:
        chart_enrollments.practitioner_form(view, form="work_practitioner", only=program)
        return
    unnamed = [
        each
        for each in view.chart.consents
        if each.program is program and each.billing_practitioner is UNKNOWN
    ]
    if unnamed:
        _consent(view, program)
        return
    st.markdown(
        f"{formats.plain(view.signature(named))} bills {program}. Role and credential are recorded "
        "with the person."
    )
    routes.link("people", "Open people", icon=":material/badge:")
    chart_enrollments.practitioner_form(view, form="work_practitioner", only=program)


_FORMS: Final[Mapping[Missing, Callable[[ChartView, Program], None]]] = {
    Missing.CONSENT: _consent,
    Missing.RE_CONSENT: _consent,
    Missing.REVOKED: _consent,
    Missing.ELEMENT: _consent,
    Missing.DECLINED: _consent,
    Missing.VISIT: _visit,
    Missing.PLAN: _plan,
    Missing.COPY: _copy,
    Missing.CONDITION: _condition,
    Missing.ENROLLMENT: _enrollment,
    Missing.PRACTITIONER: _practitioner,
}
