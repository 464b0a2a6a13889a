"""The discharge that is worked on: where it stands, step by step, and the forms that record more."""

from collections.abc import Iterator
from datetime import date
from typing import Final

import streamlit as st

from pages.shared import (
    board_view,
    discharge_forms,
    formats,
    routes,
    store,
    widgets,
)
from pages.shared.board_view import key_of
from pages.shared.discharge_forms import OF_STEP, Desk
from pages.shared.program_frame import ProgramView, choose
from pages.shared.tcm_board import day_words, in_order
from trellis_core.access import Operation, may
from trellis_core.care.vocabulary import Program
from trellis_core.rules.business_days import holidays_between
from trellis_core.rules.determination import Determination, StepState
from trellis_core.rules.labels import code_label
from trellis_core.rules.reasons import Reason
from trellis_core.rules.trace import Check, Outcome
from trellis_core.services import caseload
from trellis_core.services.board import BoardRow, patient_month

_STEPS: Final = {
    "contact": "Contact",
    "visit": "Visit",
    "medication_reconciliation": "Medications",
    "decision_making": "Decision making",
}


def detail(view: ProgramView) -> None:
    """Draw the selected discharge: where it stands, step by step, and why."""
    row = view.chosen
    if row is None or row.deadlines is None or row.discharged_on is None:
        return
    found = patient_month(
        row.patient_id,
        month=view.month,
        explain=True,
        store=store.store(),
        actor=view.person,
        clock=store.clock(),
        rule_book=store.rule_book(),
    ).determination
    _switch(view, row)
    st.markdown(
        formats.plain(
            f"Discharged {formats.short_day(row.discharged_on)}: "
            f"{day_words(row.discharged_on, row.deadlines.last_day, view.today)}."
        )
        + "  "
        + board_view.contact_line(row)
    )
    nodes = _nodes(found, row.discharge or "")
    with st.container(gap="xsmall"):
        _billed(found, row)
        for step in row.steps:
            _step_line(step, nodes.get(f"tcm.{step.step}"), view.today)
        _shifted(row)
        _barred(nodes)
        _why_this_one(found, nodes)
        for notice in dict.fromkeys(each.message for each in row.warnings):
            st.caption(f":material/info: {formats.plain(notice)}")
    routes.link(
        "chart",
        "Open the chart",
        patient_id=row.patient_id,
        section="discharges",
        icon=":material/folder_shared:",
    )


def _switch(view: ProgramView, row: BoardRow) -> None:
    """Let one of several discharges of a patient be chosen."""
    own = [each for each in in_order(view.rows) if each.patient_id == row.patient_id]
    if len(own) == 1:
        return
    by_id = {each.discharge or "": each for each in own}
    chosen = st.segmented_control(
        "Which discharge",
        list(by_id),
        default=row.discharge,
        required=True,
        format_func=lambda each: f"Discharged {formats.short_day(by_id[each].discharged_on)}",
        key=f"tcm_which_{row.discharge}",
    )
    if chosen and chosen != row.discharge:
        choose(Program.TCM, key_of(by_id[chosen]))
        st.rerun()


def _nodes(found: Determination, discharge_id: str) -> dict[str, Check]:
    """Return the checks of one discharge by their rule."""
    for program, tree in found.trace or ():
        if program is not Program.TCM:
            continue
        for node in _walk(tree):
            if node.rule_id == "tcm.discharge" and discharge_id in node.evidence:
                return {child.rule_id: child for child in node.children}
    return {}


def _walk(node: Check) -> Iterator[Check]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _billed(found: Determination, row: BoardRow) -> None:
    for line in found.lines:
        if line.program is Program.TCM and line.date_of_service == row.visited_on:
            words = f"({code_label(line.code)}) {formats.money(line.allowed)}"
            st.markdown(
                f":material/check_circle: Recorded requirements met for **{line.code}** {formats.plain(words)}"
            )


def _step_line(step: StepState, node: Check | None, today: date) -> None:
    """Draw one step: its state in words, its last day, and what is on record."""
    if step.is_done:
        badge = ":green-badge[:material/check: done]"
    elif step.due is not None and step.due < today:
        badge = ":red-badge[:material/warning: overdue]"
    elif step.due == today:
        badge = ":orange-badge[:material/schedule: due today]"
    else:
        badge = ":gray-badge[:material/schedule: open]"
    until = "" if step.due is None else f", by {formats.short_day(step.due)}"
    found = f" · {formats.plain(node.observed)}" if node is not None and node.observed else ""
    st.markdown(f"{badge} **{_STEPS.get(step.step, formats.words(step.step))}**{until}{found}")


def _shifted(row: BoardRow) -> None:
    if row.deadlines is None or row.discharged_on is None:
        return
    for day, name in holidays_between(row.discharged_on, row.deadlines.contact_by):
        words = f"{formats.short_day(day)} is {name}: it is not a business day and not counted."
        st.caption(f":material/event_busy: {formats.plain(words)}")


def _barred(nodes: dict[str, Check]) -> None:
    """Draw what bars the claim: facility, destination, practitioner, a visit that does not count."""
    messages = dict.fromkeys(
        problem.message
        for node in nodes.values()
        for problem in node.children
        if problem.outcome is not Outcome.MET
    )
    for message in messages:
        st.markdown(f":material/block: {formats.plain(message)}")


def _why_this_one(found: Determination, nodes: dict[str, Check]) -> None:
    """Say which of two discharges within thirty days is billed, and why."""
    rival = nodes.get("tcm.other_discharge")
    if rival is not None:
        st.markdown(
            ":material/call_split: **Not billed: only one of two discharges within thirty days is.** "
            + formats.plain(rival.observed)
        )
    elif any(each.reason is Reason.TCM_DUPLICATE_30_DAYS for each in found.blocked):
        st.markdown(
            ":material/call_split: **Only one of two discharges within thirty days is billed.** "
            "The earlier one goes first, unless a claim was sent for the other."
        )
    if any(each.question == "discharge" for each in found.decisions_needed):
        st.caption(
            ":material/help: Both could be billed. Trellis proposes the earlier one; the practice "
            "decides before the claim is sent."
        )


def forms(view: ProgramView) -> None:
    """Draw the forms of the selected discharge; the first is that of the next open step."""
    row = view.chosen
    if row is None:
        st.caption(
            "Select a discharge above to record a contact, the visit or the reconciliation."
            if view.rows
            else "Contact, visit and reconciliation are recorded here, one discharge at a time."
        )
        return
    if not may(view.person, Operation.EDIT_CHART):
        st.caption("Your role reads the steps. Coordinators and owners record them.")
        return
    chart = caseload.chart(
        row.patient_id,
        month=view.month,
        store=store.store(),
        actor=view.person,
        clock=store.clock(),
    )
    discharge = next((each for each in chart.discharges if each.id == row.discharge), None)
    if discharge is None:
        widgets.empty("This discharge was taken back. Select another.")
        return
    opened = [step for step in row.steps if not step.is_done]
    first = min(opened, key=lambda step: step.due or date.max, default=None)
    discharge_forms.draw(
        Desk(
            discharge=discharge,
            patient_id=row.patient_id,
            died_on=chart.patient.deceased_on,
            person=view.person,
            people=store.people(view.person),
            zone=store.zone(view.person),
            today=view.today,
            prefix="tcm",
        ),
        first=OF_STEP[first.step] if first is not None else discharge_forms.CORRECT,
    )
