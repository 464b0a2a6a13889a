"""The chart's care plans with their versions, and the forms to write, revise and hand one over."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import streamlit as st

from pages.shared import active_time, formats, note_field, store, widgets
from pages.shared.chart_base import ChartView, save
from pages.shared.chart_enrollments import first_program
from trellis_core.access import Actor, Operation
from trellis_core.care.plans import (
    PLAN_LABELS,
    CarePlanVersion,
    PlanElement,
    changed_between,
    elements_of,
)
from trellis_core.care.records import CarePlan
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.services import care_plans, paperwork
from trellis_core.services.downloads import FileForm
from trellis_core.services.suggestions import Origin

_REVISING: Final = "chart_plan_revising"
_HINTS: Final[Mapping[PlanElement, str]] = {
    PlanElement.CONDITION: "What is done about this one condition, and how it is watched",
    PlanElement.PROBLEMS: "One line for each problem",
    PlanElement.OUTCOME: "What is to be expected, in what time",
    PlanElement.GOALS: "A number or a deed for each goal, and by when",
    PlanElement.SYMPTOMS: "Which symptoms, what helps, when to call",
    PlanElement.INTERVENTIONS: "What is done, by whom, how often",
    PlanElement.MEDICATIONS: "Changes, who fills and who checks, what to avoid",
    PlanElement.BEHAVIORAL: "Treatment, the scale and the score to be reached",
    PlanElement.RELAPSE: "Early signs, what the patient does, whom to call",
    PlanElement.COMMUNITY: "Transport, meals, benefits, groups",
    PlanElement.COORDINATION: "Who else is involved, and what was agreed with them",
    PlanElement.CAREGIVER: "Who helps, what they manage, what they need",
}
_HEIGHT: Final = 92
HELP_COPY: Final = (
    "On paper, by mail, or put where the patient reads it, such as a portal; to the patient or the "
    "caregiver. Reading it aloud is no copy."
)


def draw(view: ChartView) -> None:
    """Draw the care plans with their versions, and the form to write one."""
    for each in view.chart.care_plans:
        _plan(view, each)
    if not view.chart.care_plans:
        widgets.empty("No care plan on record.", icon="checklist")
    if view.may_edit and _revised(view) is None:
        plan_form(view)


def versions_of(view: ChartView, plan: CarePlan) -> list[CarePlanVersion]:
    """Return a plan's versions, the first one first."""
    return [each for each in view.chart.plan_versions if each.care_plan_id == plan.id]


def newest_plan(view: ChartView, program: Program) -> CarePlan | None:
    """Return the newest plan of a program."""
    own = [each for each in view.chart.care_plans if each.program is program]
    return own[-1] if own else None


def _revised(view: ChartView) -> CarePlan | None:
    """Return the plan that is being revised."""
    wanted = st.session_state.get(_REVISING)
    return next((each for each in view.chart.care_plans if each.id == wanted), None)


def _plan(view: ChartView, plan: CarePlan) -> None:
    versions = versions_of(view, plan)
    newest = versions[-1] if versions else None
    with st.container(border=True):
        revised = (
            ", never revised"
            if plan.revised_on is None
            else f", revised {formats.day(plan.revised_on)}"
        )
        st.markdown(f"**{plan.program}** · established {formats.day(plan.established_on)}{revised}")
        st.caption(formats.plain("; ".join(_facts(view, plan, newest))))
        if view.may_edit and _revised(view) == plan:
            _editor(view, plan.program, plan=plan, form="chart_plan_revise")
            return
        if newest is not None:
            _elements(newest)
        elif plan.goals:
            st.text(plan.goals)
        _not_written(plan, newest)
        handing_over(view, plan)
        for at in range(len(versions) - 1, 0, -1):
            _what_changed(view, versions[at - 1], versions[at])


def _facts(view: ChartView, plan: CarePlan, newest: CarePlanVersion | None) -> list[str]:
    facts = []
    if newest is not None:
        by = f" by {view.signature(newest.made_by)}" if newest.made_by else ""
        facts.append(f"Version {newest.number}{by}")
        review = newest.elements.get(PlanElement.REVIEW)
        if review:
            facts.append(f"review by {_review_words(review)}")
    given = plan.copy_given_on
    if given is None:
        facts.append("copy to patient or caregiver: not given")
    else:
        facts.append(f"copy to patient or caregiver: {formats.day(given)}")
        is_older = newest is not None and isinstance(given, date) and given < newest.on
        if is_older and newest is not None and newest.number > 1:
            facts.append("that copy is of an earlier version")
    facts[0] = facts[0][:1].upper() + facts[0][1:]
    return facts


def _review_words(words: str) -> str:
    try:
        return formats.day(date.fromisoformat(words))
    except ValueError:
        return words


def _elements(version: CarePlanVersion) -> None:
    shown = [each for each in version.elements if each is not PlanElement.REVIEW]
    for at in range(0, len(shown), 2):
        for column, element in zip(st.columns(2), shown[at : at + 2], strict=False):
            column.caption(PLAN_LABELS[element])
            column.text(version.elements[element])


def _not_written(plan: CarePlan, newest: CarePlanVersion | None) -> None:
    """Name the parts of which nothing is written; not for an older plan, of which only goals are known."""
    if newest is None:
        return
    missing = [
        PLAN_LABELS[each] for each in elements_of(plan.program) if each not in newest.elements
    ]
    if missing:
        st.caption(f":material/edit_note: Not written yet: {'; '.join(missing)}.")


def _what_changed(view: ChartView, before: CarePlanVersion, after: CarePlanVersion) -> None:
    """Draw an earlier version folded, under what the next one changed in it."""
    changed = changed_between(before, after)
    said = "nothing changed" if not changed else ", ".join(PLAN_LABELS[each] for each in changed)
    by = f" by {view.signature(before.made_by)}" if before.made_by else ""
    with st.expander(
        f"Version {before.number} of {formats.day(before.on)}", icon=":material/history:"
    ):
        st.caption(
            formats.plain(
                f"Written{by}; replaced by version {after.number} on {formats.day(after.on)}. "
                f"What version {after.number} changed: {said}."
            )
        )
        _elements(before)


def handing_over(view: ChartView, plan: CarePlan, *, form: str = "chart_copy") -> None:
    """Draw the buttons that print a plan and say that the copy was handed over."""

    def make(person: Actor) -> bytes:
        return paperwork.care_plan_document(
            plan.id, store=store.store(), actor=person, clock=store.clock()
        )

    with st.container(horizontal=True):
        widgets.download(
            "Print",
            make,
            operation=Operation.READ_CHART,
            form=FileForm.CARE_PLAN,
            file_name=f"care-plan-{formats.program_slug(plan.program)}.pdf",
            media_type="application/pdf",
            key=f"{form}_print_{plan.id}",
            patient_id=view.patient.id,
            icon=":material/print:",
        )
        if not view.may_edit:
            return
        if st.button("Printed and given", key=f"{form}_given_{plan.id}", help=HELP_COPY):
            _hand_over(view, plan, view.today)
        if st.button("Sent", key=f"{form}_sent_{plan.id}", help=HELP_COPY):
            _hand_over(view, plan, view.today)
        with (
            st.popover("Another day", icon=":material/event:"),
            st.form(f"{form}_{plan.id}"),
        ):
            on = st.date_input(
                "Given on", value=view.today, max_value=view.today, key=f"{form}_on_{plan.id}"
            )
            if st.form_submit_button("Save", key=f"{form}_save_{plan.id}"):
                _hand_over(view, plan, on)
        if form == "chart_copy" and st.button(
            "Revise", icon=":material/edit:", key=f"chart_revise_{plan.id}"
        ):
            st.session_state[_REVISING] = plan.id
            st.rerun()


def _hand_over(view: ChartView, plan: CarePlan, on: date) -> None:
    save(
        lambda: care_plans.give_care_plan_copy(plan.id, copy_given_on=on, **view.services),
        f"Copy of the {plan.program} care plan recorded for {formats.day(on)}.",
    )


def plan_form(view: ChartView, *, form: str = "chart_plan", only: Program | None = None) -> None:
    """Draw the form that writes a new care plan.

    Args:
        view: The chart.
        form: Prefix of the widget keys; another page may show the form too.
        only: The one program that it is about; None to let it be chosen.
    """
    st.markdown("## Write a care plan")
    planned: list[Program] = [each for each in Program if each is not Program.TCM]
    options = planned if only is None else [only]
    program = st.selectbox(
        "Program", options, index=first_program(view, options), key=view.key(f"{form}_program"),
        disabled=only is not None,
    )  # fmt: skip
    _editor(view, program, plan=None, form=form)


def _editor(view: ChartView, program: Program, *, plan: CarePlan | None, form: str) -> None:
    """Draw a plan's parts as fields, and save them as its first or its next version."""
    versions = [] if plan is None else versions_of(view, plan)
    newest = versions[-1] if versions else None
    was: Mapping[PlanElement, str] = {}
    if newest is not None:
        was = newest.elements
    elif plan is not None and plan.goals:
        was = {PlanElement.GOALS: plan.goals}
    own = f"{form}_{plan.id if plan else program}"
    first, second = st.columns(2, vertical_alignment="bottom")
    on = first.date_input(
        "Revised on" if plan else "Established on", value=view.today, max_value=view.today,
        key=f"chart_revise_on_{plan.id}" if plan else view.key(f"{form}_on"),
    )  # fmt: skip
    has_copy = plan is None and second.checkbox(
        "A copy was given that day", key=view.key(f"{form}_copy"), help=HELP_COPY
    )
    problems = view.key(f"{own}_{PlanElement.PROBLEMS}")
    if view.chart.conditions:
        st.button(
            "Take the problem list from the conditions", icon=":material/playlist_add:",
            key=view.key(f"{own}_fill"), on_click=_fill, args=(view, problems),
        )  # fmt: skip
    written: dict[PlanElement, str] = {}
    parts: list[PlanElement] = [
        each for each in elements_of(program) if each is not PlanElement.REVIEW
    ]
    columns = st.columns(2)
    for at, element in enumerate(parts):
        with columns[at % 2]:
            written[element] = note_field.note_field(
                PLAN_LABELS[element],
                form=f"{own}_{element}",
                patient_id=view.patient.id,
                person=view.person,
                key=view.key(f"{own}_{element}"),
                height=_HEIGHT,
                placeholder=_HINTS[element],
                initial=was.get(element, ""),
            )
    review = columns[len(parts) % 2].date_input(
        "Review by", value=_day(was.get(PlanElement.REVIEW)),
        key=view.key(f"{own}_review"), help="When the plan is to be looked at again.",
    )  # fmt: skip
    if review is not None:
        written[PlanElement.REVIEW] = review.isoformat()
    with st.container(horizontal=True):
        is_saved = st.button(
            "Save revision" if plan else "Save care plan", type="primary",
            key=f"chart_revise_save_{plan.id}" if plan else view.key(f"{form}_save"),
        )  # fmt: skip
        if plan is not None and st.button("Cancel", key=f"chart_revise_cancel_{plan.id}"):
            _forget(view, own, parts)
            st.session_state.pop(_REVISING, None)
            st.rerun()
    if is_saved:
        _save(view, program, plan, on=on, has_copy=has_copy, written=written, own=own, parts=parts)


def _save(
    view: ChartView,
    program: Program,
    plan: CarePlan | None,
    *,
    on: date,
    has_copy: bool,
    written: Mapping[PlanElement, str],
    own: str,
    parts: list[PlanElement],
) -> None:
    def record() -> None:
        if plan is None:
            care_plans.record_care_plan(
                view.patient.id,
                program=program,
                established_on=on,
                copy_given_on=on if has_copy else None,
                elements=written,
                **view.services,
            )
        else:
            care_plans.revise_care_plan(plan.id, revised_on=on, elements=written, **view.services)
        active_time.note_work(
            Origin.CARE_PLAN,
            patient_id=view.patient.id,
            program=program,
            activity=Activity.CARE_PLAN_UPDATE,
            person=view.person,
        )
        _forget(view, own, parts)
        st.session_state.pop(_REVISING, None)

    save(record, f"{program} care plan {'saved' if plan is None else 'revised'}.")


def _forget(view: ChartView, own: str, parts: list[PlanElement]) -> None:
    for each in parts:
        note_field.forget(
            f"{own}_{each}", view.patient.id, view.person, key=view.key(f"{own}_{each}")
        )


def _fill(view: ChartView, key: str) -> None:
    """Put the conditions into the field of the problem list, under what stands there."""
    listed = care_plans.problem_list(view.chart.conditions)
    before = note_field.text_of(key)
    missing = [line for line in listed.splitlines() if line not in before]
    st.session_state[key] = "\n".join(part for part in (before, *missing) if part)


def _day(words: str | None) -> date | None:
    try:
        return date.fromisoformat(words) if words else None
    except ValueError:
        return None
