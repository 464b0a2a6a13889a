"""The collaborative-care caseload as a psychiatric consultant reads it, and one patient of it."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared import (
    board_view,
    chart_scales,
    formats,
    inbox,
    program_facts,
    review_session,
    routes,
    scale_form,
    scale_plot,
    state,
    store,
    widgets,
)
from pages.shared.chart_base import Services
from pages.shared.note_field import forget, note_field
from pages.shared.review_session import REVIEW_FORM
from trellis_core.access import Actor, Operation, may
from trellis_core.care.registry import RegistryFlag, RegistryStatus
from trellis_core.care.vocabulary import Program
from trellis_core.rules.labels import program_label
from trellis_core.rules.marks import RegistryLimits
from trellis_core.services import cocm
from trellis_core.services.registry import Registry, RegistryRow, ScaleCourse, registry
from trellis_core.services.scale_results import scale_results

FOLLOWED: Final = ("PHQ-9", "GAD-7")
"""Scales with a column of their own."""
_ROW_HEIGHT: Final = 66
_HALF: Final = 300
"""Pixels that plots need at least, and the words beside them; with less they stand below each other."""


def read(person: Actor) -> Registry:
    """Return the registry of the month in view."""
    return registry(
        month=store.month(person), store=store.store(), actor=person, clock=store.clock(),
        rule_book=store.rule_book(),
    )  # fmt: skip


def draw(person: Actor) -> None:
    """Draw the page of whoever sees the registry and nothing else of the practice."""
    month, today = store.month(person), store.today(person)
    widgets.heading(
        program_label(Program.COCM),
        f"The caseload registry. {board_view.days_left_words(month, today)}.",
    )
    inbox.draw(person)
    panel(read(person), person)
    widgets.disclaimer()


def panel(found: Registry, person: Actor, *, chosen: str | None = None) -> None:
    """Draw the weekly review, the table with its filter, and the patient who is selected.

    Args:
        found: The registry.
        person: Who reads it.
        chosen: A patient who was selected elsewhere on the page.
    """
    if not found.rows:
        widgets.empty(
            "Nobody is in collaborative care this month. The weekly review begins with the first "
            "patient.",
            icon="diversity_3",
        )
    if not found.rows and not review_session.is_open(person):
        return
    talked_about = review_session.draw(found, person, patient=patient)
    if not found.rows:
        return
    rows = _filtered(found)
    selected = _table(rows, found.limits)
    row = selected or next((each for each in rows if each.row.patient_id == chosen), None)
    if row is None:
        st.caption("Select a patient to see scores over time and to record a recommendation.")
        return
    if row.row.patient_id == talked_about:
        st.caption("This patient is shown in the review above.")
        return
    st.header(formats.plain(row.row.patient_name), anchor=False)
    talk = patient(row, found.limits, person)
    if may(person, Operation.RECORD_RECOMMENDATION):
        with talk:
            review_form(row.row.patient_id, person, today=store.today(person))


def flag_words(flag: RegistryFlag, limits: RegistryLimits) -> str:
    """Write what is pointed out about a patient."""
    return {
        RegistryFlag.SAFETY: "safety check open",
        RegistryFlag.DISCUSS: "to discuss",
        RegistryFlag.WORSENING: "worse",
        RegistryFlag.NOT_IMPROVED: f"not improved by week {limits.improving_weeks}",
        RegistryFlag.NOT_REVIEWED: "never reviewed",
        RegistryFlag.NO_CONTACT: f"no contact in {limits.contact_weeks} weeks",
        RegistryFlag.SCORE_OLD: f"score older than {limits.score_days} days",
        RegistryFlag.AT_TARGET: "at target",
    }[flag]


def _filtered(found: Registry) -> Sequence[RegistryRow]:
    counts = {
        flag: sum(flag in row.flags for row in found.rows)
        for flag in RegistryFlag
        if any(flag in row.flags for row in found.rows)
    }
    if not counts:
        return found.rows
    chosen = st.pills(
        "Show only",
        list(counts),
        format_func=lambda flag: (
            f"{formats.words(flag_words(flag, found.limits))} ({counts[flag]})"
        ),
        key="cocm_flag",
    )
    return [row for row in found.rows if chosen is None or chosen in row.flags]


def _table(rows: Sequence[RegistryRow], limits: RegistryLimits) -> RegistryRow | None:
    selected = st.dataframe(
        pd.DataFrame([_cells(row, limits) for row in rows]),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"cocm_caseload_{len(rows)}",
        alt="Caseload registry, who needs talking about first",
        row_height=_ROW_HEIGHT,
        column_config={
            "Patient": st.column_config.TextColumn(width=106),
            "Flags": st.column_config.TextColumn(width=126),
            "Weeks": st.column_config.NumberColumn(width=54, help="Since the episode began."),
            "Month": st.column_config.TextColumn(width=86, help="Of the episode, by the rules."),
            **{
                name: st.column_config.TextColumn(
                    width=92, help="First and last score of the episode, with their days."
                )
                for name in FOLLOWED
            },
            "Contact": st.column_config.TextColumn(
                width=62, help="The last time that patient or caregiver was reached."
            ),
            "Review": st.column_config.TextColumn(width=62, help="The last review."),
            "Next": st.column_config.TextColumn(
                width=58, help="Next appointment, else the next contact that is due."
            ),
        },
    )["selection"]["rows"]
    return rows[selected[0]] if selected and selected[0] < len(rows) else None


def _cells(row: RegistryRow, limits: RegistryLimits) -> dict[str, object]:
    is_active = row.status is RegistryStatus.ACTIVE
    flags = [] if is_active else [formats.words(row.status).lower()]
    flags += [flag_words(flag, limits) for flag in row.flags]
    months = {True: "initial", False: "subsequent", None: formats.DASH}
    coming = row.next_appointment_on or row.next_contact_on
    return {
        "Patient": row.row.patient_name,
        "Flags": ", ".join(flags) or formats.DASH,
        "Weeks": row.weeks,
        "Month": months[row.is_initial],
        **{name: _course_words(row.courses.get(name)) for name in FOLLOWED},
        "Contact": _short(row.last_contact_on),
        "Review": _short(row.last_review_on),
        "Next": _short(coming),
    }


def _course_words(course: ScaleCourse | None) -> str:
    """Write first and last score, then their days; a narrow cell breaks between the two."""
    if course is None:
        return formats.DASH
    (first_on, first), (last_on, last) = course.first, course.last
    if course.change is None:
        scores, days = str(last), _short(last_on)
    else:
        scores = f"{first} → {last} ({course.change:+d})"
        days = f"{_short(first_on)} → {_short(last_on)}"
    return " ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in (scores, days))


def _short(on: date | None) -> str:
    return formats.DASH if on is None else f"{on:%b} {on.day}"


def patient(row: RegistryRow, limits: RegistryLimits, person: Actor) -> DeltaGenerator:
    """Draw what there is to talk about: flags, plots and, beside them, the last recommendation and marks.

    Returns where the next recommendation is written: under the last one, beside the plots.
    """
    who = row.row.patient_id
    with st.container(horizontal=True, vertical_alignment="center"):
        for flag in row.flags:
            calm = flag is RegistryFlag.AT_TARGET
            st.badge(
                formats.words(flag_words(flag, limits)),
                icon=":material/check:" if calm else ":material/flag:",
                color="green" if calm else "orange",
            )
        routes.link("chart", "Open the chart", patient_id=who, icon=":material/folder_shared:")
    scale_form.safety_notice(who, person)
    st.caption(formats.plain(_facts(row)))
    results = scale_results(who, store=store.store(), actor=person, clock=store.clock())
    grid = st.grid(2, min_column_width=_HALF)
    with grid.cell():
        for name, found in chart_scales.by_instrument(results).items():
            scale_plot.draw(name, found, sex=None, key=f"cocm_scale_{who}_{name}")
        if not results:
            widgets.empty("No rating scale on record.", icon="query_stats")
    talk = grid.cell()
    with talk:
        if row.last_review_on is not None:
            said = row.recommendation or "Discussed, without a recommendation."
            with st.container(border=True):
                st.caption(f"Last recommendation, {formats.day(row.last_review_on)}")
                st.markdown(formats.plain(said))
        marks(row, person)
    return talk


def _facts(row: RegistryRow) -> str:
    said = [formats.words(row.status)]
    if row.started_on is not None and row.weeks is not None:
        weeks = formats.count(row.weeks, "week")
        said.append(f"{weeks} in treatment, since {formats.day(row.started_on)}")
    if row.is_initial is not None:
        said.append("initial month" if row.is_initial else "subsequent month")
    said.append(
        f"last contact {formats.day(row.last_contact_on)}"
        if row.last_contact_on
        else "no contact on record"
    )
    said.append(
        f"next appointment {formats.day(row.next_appointment_on)}"
        if row.next_appointment_on
        else "no next appointment"
    )
    if row.relapse_plan_on is not None:
        said.append(f"plan against relapse {formats.day(row.relapse_plan_on)}")
    said.append(f"{formats.minutes(row.row.minutes)} this month")
    return " · ".join(said) + "."


def marks(row: RegistryRow, person: Actor) -> None:
    """Draw the mark to discuss a patient next time, and the form of the registry's own facts."""
    who = row.row.patient_id
    services: Services = {"store": store.store(), "actor": person, "clock": store.clock()}
    with st.container(horizontal=True, vertical_alignment="center"):
        if may(person, Operation.RECORD_RECOMMENDATION):
            is_marked = row.discuss_since is not None
            if st.button(
                "No need to discuss" if is_marked else "Discuss next time",
                icon=":material/bookmark_remove:" if is_marked else ":material/bookmark_add:",
                key=f"cocm_discuss_{who}",
            ):
                with widgets.command():
                    cocm.mark_for_discussion(who, is_wanted=not is_marked, **services)
                    state.flash("Mark taken back." if is_marked else "Marked for the next review.")
                    st.rerun()
        if may(person, Operation.EDIT_CHART):
            with st.popover("Status and next appointment", icon=":material/edit:"):
                _mark_form(row, services)


def _mark_form(row: RegistryRow, services: Services) -> None:
    who = row.row.patient_id
    with st.form(f"cocm_mark_{who}", border=False):
        statuses: list[RegistryStatus] = list(RegistryStatus)
        status = st.selectbox(
            "Status",
            statuses,
            index=statuses.index(row.status),
            format_func=formats.words,
            key=f"cocm_mark_status_{who}",
        )
        appointment = st.date_input(
            "Next appointment", value=row.next_appointment_on, key=f"cocm_mark_next_{who}"
        )
        plan = st.date_input(
            "Plan against relapse made on", value=row.relapse_plan_on, key=f"cocm_mark_plan_{who}"
        )
        if st.form_submit_button("Save", key=f"cocm_mark_save_{who}"):
            with widgets.command():
                cocm.keep_registry_mark(
                    who,
                    status=status,
                    next_appointment_on=appointment,
                    relapse_plan_on=plan,
                    **services,
                )
                state.flash("Registry updated.")
                st.rerun()


def review_form(patient_id: str, person: Actor, *, today: date) -> None:
    """Draw the form that records a patient's review with the psychiatric consultant by itself.

    Args:
        patient_id: Whose.
        person: Who records it.
        today: The practice's calendar day.
    """
    consultants = program_facts.consultants(person)
    if not consultants:
        program_facts.no_consultant(person)
        return
    ids = list(consultants)
    key = f"cocm_review_said_{patient_id}"
    with st.container(border=True):
        st.markdown("**Record a review of this patient**")
        said = note_field(  # outside of the form, which would send nothing before it is saved
            "Recommendation",
            form=REVIEW_FORM,
            patient_id=patient_id,
            person=person,
            key=key,
            height=90,
        )
        with st.form(f"{REVIEW_FORM}_{patient_id}", border=False):
            left, right = st.columns(2)
            on: date = left.date_input("Day", value=today, max_value=today, key="cocm_review_on")
            consultant = right.selectbox(
                "Psychiatric consultant",
                ids,
                index=ids.index(person.person_id) if person.person_id in ids else 0,
                format_func=lambda staff_id: consultants[staff_id],
                key="cocm_review_consultant",
            )
            is_saved = st.form_submit_button(
                "Save review", icon=":material/check:", key="cocm_review_save"
            )
        if is_saved:
            with widgets.command():
                cocm.record_caseload_review(
                    patient_id,
                    on=on,
                    consultant=consultant,
                    recommendation=said,
                    store=store.store(),
                    actor=person,
                    clock=store.clock(),
                )
                forget(REVIEW_FORM, patient_id, person, key=key)
                state.flash("Review saved.")
                st.rerun()
