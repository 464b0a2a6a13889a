"""The one frame of the program pages: who is enrolled, time entry, entries, superbills, primer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import (
    board_view,
    emergency_view,
    formats,
    primer,
    routes,
    store,
    superbill_files,
    time_entry,
    widgets,
)
from pages.shared.board_view import RowKey
from trellis_core.access import Actor, Operation, may
from trellis_core.care.people import Practice
from trellis_core.care.vocabulary import Program
from trellis_core.rules.labels import code_label, program_label
from trellis_core.services import billing
from trellis_core.services.board import BoardRow, board, month_determinations
from trellis_core.services.time_log import entries_of
from trellis_core.values.periods import ServiceMonth

REFRESH_SECONDS: Final = 4
PAGE_ROWS: Final = 50
_MOST_LISTED: Final = 500
"""With more rows in the month than this, entries and superbills are listed for the selected one only."""
_FEW_ROWS: Final = 5
"""With so few rows, what else the program needs stands beside the form too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramView:
    """What a program page draws from.

    Attributes:
        rows: The program's rows of the board, every state.
        chosen: The selected row, if any; none where its chart is not open to the person.
        closed: Patients among the rows whose charts are not open to the person.
        not_shown: Whose of these is selected.
        is_large: The month has too many rows, of all programs, to work them all out at every click.
    """

    program: Program
    person: Actor
    practice: Practice
    month: ServiceMonth
    today: date
    rows: tuple[BoardRow, ...]
    chosen: BoardRow | None
    is_large: bool
    closed: frozenset[str] = frozenset()
    not_shown: str | None = None

    @property
    def is_too_long(self) -> bool:
        """There is too much to list what all patients have."""
        return self.chosen is None and self.is_large


def draw(
    program: Program,
    *,
    lead: str,
    facts: Callable[[ProgramView], None],
    facts_title: str,
    rows_title: str = "Enrolled",
    before: Callable[[ProgramView], None] | None = None,
) -> None:
    """Draw a program's page.

    Args:
        program: Which.
        lead: One sentence: what the program is for.
        facts: Draws what this program needs besides minutes.
        facts_title: Heading of that part.
        rows_title: Heading of the table of rows.
        before: Draws what comes right under that table.
    """
    person = store.require(Operation.READ_BOARD)
    month, today = store.month(person), store.today(person)
    widgets.heading(program_label(program), f"{lead}  {board_view.days_left_words(month, today)}.")
    _other_programs(person)
    name = formats.program_slug(program)
    main, side = st.columns([2.3, 1], gap="large")
    with main:
        st.subheader(rows_title, anchor=False)
        _enrolled(name, program, person)
    view = _view(name, program, person)
    with side:
        time_entry.panel(
            f"{name}_entry",
            person=person,
            patients=_patients(view),
            programs=(program,),
        )
    with main:
        if view.not_shown is not None:
            emergency_view.notice(view.not_shown)
        if before is not None:
            before(view)
        if view.chosen is not None:
            st.markdown(f"**{formats.plain(view.chosen.patient_name)}**")
            board_view.detail(view.chosen, month=month, person=person, is_complete=False)
    with main if len(view.rows) <= _FEW_ROWS else st.container():
        st.subheader(facts_title, anchor=False)
        facts(view)
    st.subheader("This month's entries", anchor=False)
    _entries(name, view)
    st.subheader("Superbills", anchor=False)
    _superbills(name, view)
    primer.draw(
        program, practice=view.practice, on=min(max(today, month.first_day), month.last_day)
    )
    widgets.disclaimer()


def _other_programs(person: Actor) -> None:
    if "ccm" in [page for pages in routes.menu(person).values() for page in pages]:
        return
    with st.container(horizontal=True):
        for name in routes.PROGRAM_PAGES:
            routes.link(name, routes.spec(name).title, icon=routes.spec(name).icon)


def _rows(person: Actor) -> tuple[BoardRow, ...]:
    return board(
        month=store.month(person),
        store=store.store(),
        actor=person,
        clock=store.clock(),
        rule_book=store.rule_book(),
    ).rows


def _of(program: Program, rows: Iterable[BoardRow]) -> tuple[BoardRow, ...]:
    return tuple(row for row in rows if row.program is program)


@st.fragment(run_every=REFRESH_SECONDS)
def _enrolled(name: str, program: Program, person: Actor) -> None:
    store.keep_signed_in_only()
    rows = _of(program, _rows(person))
    if not rows:
        widgets.empty(
            "No discharge needs care this month. Record one on the patient's chart."
            if program is Program.TCM
            else "Nobody is enrolled this month. Enroll a patient from the chart."
        )
        routes.link("patients", "Open the patients", icon=":material/group:")
        return
    first = 0
    if len(rows) > PAGE_ROWS:
        pages = -(-len(rows) // PAGE_ROWS)
        first = (st.pagination(pages, key=f"{name}_page_{pages}") - 1) * PAGE_ROWS
    before: RowKey | None = st.session_state.get(f"{name}_chosen")
    chosen = board_view.rows_table(
        rows[first : first + PAGE_ROWS],
        name=name,
        today=store.today(person),
        month=store.month(person),
        chosen=before,
        people={},
        is_one_program=True,
    )
    if chosen != before:
        st.session_state[f"{name}_chosen"] = chosen
        st.rerun()


def _view(name: str, program: Program, person: Actor) -> ProgramView:
    everyone = _rows(person)
    rows = _of(program, everyone)
    key: RowKey | None = st.session_state.get(f"{name}_chosen")
    chosen = next((row for row in rows if board_view.key_of(row) == key), None)
    closed = emergency_view.closed([row.patient_id for row in rows], person)
    not_shown = None
    if chosen is not None and chosen.patient_id in closed:
        not_shown = chosen.patient_id
        chosen = None
    return ProgramView(
        program=program,
        person=person,
        practice=store.practice(person),
        month=store.month(person),
        today=store.today(person),
        rows=rows,
        is_large=len(everyone) > _MOST_LISTED,
        chosen=chosen,
        closed=closed,
        not_shown=not_shown,
    )


def _patients(view: ProgramView) -> dict[str, str]:
    if view.chosen is not None:
        return {view.chosen.patient_id: view.chosen.patient_name}
    return {
        row.patient_id: row.patient_name
        for row in sorted(view.rows, key=lambda row: row.patient_name)
        if row.patient_id not in view.closed
    }


def _entries(name: str, view: ProgramView) -> None:
    if view.is_too_long:
        st.caption("Select a patient above to see the entries.")
        return
    chosen = view.chosen.patient_id if view.chosen else None
    entries = entries_of(
        month=view.month,
        patient_id=chosen,
        program=view.program,
        store=store.store(),
        actor=view.person,
        clock=store.clock(),
    )
    if not entries:
        widgets.empty("No time recorded this month yet.", icon="schedule")
        return
    widgets.entries_table(
        entries,
        people=store.people(view.person),
        zone=store.zone(view.person),
        determinations=month_determinations(
            month=view.month,
            store=store.store(),
            actor=view.person,
            clock=store.clock(),
            rule_book=store.rule_book(),
        ).values(),
        patient_names={row.patient_id: row.patient_name for row in view.rows},
        key=f"{name}_entries",
    )


def _superbills(name: str, view: ProgramView) -> None:
    if not may(view.person, Operation.READ_SUPERBILL):
        st.caption("Your role does not open superbills.")
        return
    if view.is_too_long:
        st.caption("Select a patient above to see the superbill.")
        routes.link("superbills", "Open the month's superbills", icon=":material/receipt_long:")
        return
    patient_id = view.chosen.patient_id if view.chosen else None
    bills = billing.superbills(
        month=view.month,
        patient_id=patient_id,
        program=view.program,
        store=store.store(),
        actor=view.person,
        clock=store.clock(),
        rule_book=store.rule_book(),
    )
    if not any(line.program is view.program for bill in bills for line in bill.lines):
        widgets.empty("Nothing is ready to bill this month yet.", icon="receipt_long")
        return
    rows = [
        {
            "Patient": bill.patient.name,
            "Code": line.code,
            "Service": code_label(line.code),
            "Units": line.units,
            "Minutes": line.minutes,
            "Date of service": formats.day(line.date_of_service),
            "Allowed": formats.money(line.allowed),
        }
        for bill in bills
        for line in bill.lines
        if line.program is view.program
    ]
    widgets.table(pd.DataFrame(rows), alt="Superbill lines of the month", key=f"{name}_superbills")
    if may(view.person, Operation.DRAFT_SUPERBILL):
        who = "this patient" if view.chosen else formats.count(len(bills), "patient")
        superbill_files.buttons(
            {"pdf": f"Download PDF, {who}", "csv": f"Download CSV, {who}"},
            bills,
            month=view.month,
            patient_id=patient_id,
            program=view.program,
        )
