"""The one frame of the program pages: who is enrolled, time entry, entries, superbills, primer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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
    program_rows,
    routes,
    state,
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
from trellis_core.services import billing, entry_pages, practice_options
from trellis_core.services import board as boards
from trellis_core.services.board import BoardRow, patient_month
from trellis_core.services.time_log import entries_of
from trellis_core.superbill import SuperbillStatus
from trellis_core.values.periods import ServiceMonth

REFRESH_SECONDS: Final = 4
PAGE_ROWS: Final = 50
_MOST_LISTED: Final = 500
"""With more rows in the month than this, entries and superbills are listed for the selected one only."""
_NAMES_IN_A_LINE: Final = 5
"""More links to programs than this fit into one line only by their words, without the letters."""
_BILL_COLUMNS: Final = {
    "Patient": st.column_config.TextColumn(width=130),
    "Code": st.column_config.TextColumn(width=54),
    "Service": st.column_config.TextColumn(width=174),
    "Units": st.column_config.NumberColumn(width=46),
    "Minutes": st.column_config.TextColumn(width=58, alignment="right"),
    "Date of service": st.column_config.TextColumn(width=98),
    "Allowed": st.column_config.TextColumn(width=66, alignment="right"),
}
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """How a program's rows are drawn where they are no meters.

    Attributes:
        table: Draws a page of rows and returns the one that is selected.
        order: Puts the rows in order.
        summary: Says in one line how they stand.
        above: Draws what comes before the table.
        detail: Draws what stands behind the selected row.
    """

    table: Callable[..., RowKey | None]
    order: Callable[[Iterable[BoardRow]], list[BoardRow]]
    summary: Callable[[Sequence[BoardRow], date], str]
    above: Callable[[ProgramView], None]
    detail: Callable[[ProgramView], None]


def draw(
    program: Program,
    *,
    lead: str,
    facts: Callable[[ProgramView], None],
    facts_title: str,
    rows_title: str = "Enrolled",
    board: Board | None = None,
    conditions: Callable[[ProgramView], Mapping[str, Mapping[str, str]]] | None = None,
    is_first: bool = False,
    below: Callable[[ProgramView], None] | None = None,
) -> None:
    """Draw a program's page.

    Args:
        program: Which.
        lead: One sentence: what the program is for.
        facts: Draws what this program needs besides minutes.
        facts_title: Heading of that part.
        rows_title: Heading of the table of rows.
        board: How the rows are drawn; None for meters.
        conditions: Returns, by patient, the conditions that time may be about, the program's first.
        is_first: That part is what the page is for: it stands above the rows, in the whole width.
        below: Draws what comes right under that part, in the whole width.
    """
    person = store.require(Operation.READ_BOARD)
    month, today = store.month(person), store.today(person)
    widgets.heading(program_label(program), f"{lead}  {board_view.days_left_words(month, today)}.")
    _other_programs(program, person)
    name = formats.program_slug(program)
    if board is not None:
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
        ):
            st.header(rows_title, anchor=False, width="content")
            board.above(_view(name, program, person))
        _enrolled(name, program, person, board)
    if is_first:
        st.header(facts_title, anchor=False)
        facts(_view(name, program, person))
    main, side = widgets.beside()
    if board is None:
        with main:
            st.header(rows_title, anchor=False)
            _enrolled(name, program, person, None)
    view = _view(name, program, person)
    with side:
        time_entry.panel(
            f"{name}_entry",
            person=person,
            patients=_patients(view),
            programs=(program,),
            conditions=conditions(view) if conditions is not None else None,
        )
    with main:
        if view.not_shown is not None:
            emergency_view.notice(view.not_shown)
        if view.chosen is not None:
            st.markdown(f"**{formats.plain(view.chosen.patient_name)}**")
            if board is not None:
                board.detail(view)
            else:
                board_view.detail(view.chosen, month=month, person=person, is_complete=False)
    is_short = board is not None or len(view.rows) <= _FEW_ROWS
    if not is_first:
        with main if is_short else st.container():
            st.header(facts_title, anchor=False)
            facts(view)
    if below is not None:
        below(view)
    st.header("This month's entries", anchor=False)
    _entries(name, view)
    st.header("Superbills", anchor=False)
    _superbills(name, view)
    primer.draw(
        program, practice=view.practice, on=min(max(today, month.first_day), month.last_day)
    )
    widgets.disclaimer()


def _other_programs(program: Program, person: Actor) -> None:
    """Draw links to the program pages that the person's menu does not hold."""
    offered = practice_options.options(store=store.store(), actor=person).offers_apcm
    listed = {page for pages in routes.menu(person).values() for page in pages}
    names = [name for name in routes.program_pages(offers_apcm=offered) if name not in listed]
    if names in ([], [formats.program_slug(program)]):
        return
    with st.container(horizontal=True):
        for name in names:
            words = routes.spec(name).title
            short = words.partition(" (")[0] if len(names) > _NAMES_IN_A_LINE else words
            routes.link(name, short, icon=routes.spec(name).icon)


def _rows(person: Actor) -> tuple[BoardRow, ...]:
    return boards.board(
        month=store.month(person),
        store=store.store(),
        actor=person,
        clock=store.clock(),
        rule_book=store.rule_book(),
    ).rows


def _of(program: Program, rows: Iterable[BoardRow]) -> tuple[BoardRow, ...]:
    return tuple(row for row in rows if row.program is program)


@st.fragment(run_every=REFRESH_SECONDS)
@store.at_one_moment
def _enrolled(name: str, program: Program, person: Actor, board: Board | None) -> None:
    store.keep_signed_in_only()
    rows: Sequence[BoardRow] = _of(program, _rows(person))
    today, month = store.today(person), store.month(person)
    if not rows:
        widgets.empty(
            "No discharge needs care this month. Add one above when a patient comes home."
            if program is Program.TCM
            else "Nobody is enrolled this month. Enroll a patient from the chart."
        )
        routes.link("patients", "Open the patients", icon=":material/group:")
        return
    if board is not None:
        rows = board.order(rows)
        st.caption(board.summary(rows, today))
    first = 0
    if len(rows) > PAGE_ROWS:
        pages = -(-len(rows) // PAGE_ROWS)
        first = (st.pagination(pages, key=f"{name}_page_{pages}") - 1) * PAGE_ROWS
    before = _chosen_before(name, rows)
    shown = rows[first : first + PAGE_ROWS]
    if board is not None:
        chosen = board.table(shown, name=_table_name(name), today=today, month=month, chosen=before)
    else:
        chosen = program_rows.table(
            shown, name=_table_name(name), today=today, month=month, chosen=before
        )
    if chosen != before:
        _keep(name, chosen)
        state.choose_patient(chosen[0] if chosen else None)
        st.rerun()


def choose(program: Program, key: RowKey) -> None:
    """Select a row by other means than a click on the table, and put its patient into the address."""
    name = formats.program_slug(program)
    _keep(name, key)
    _begin_table_anew(name)
    state.choose_patient(key[0])


def _keep(name: str, key: RowKey | None) -> None:
    st.session_state[f"{name}_chosen"] = key


def _begin_table_anew(name: str) -> None:
    """Let the next table forget what was clicked in the one before."""
    st.session_state[f"{name}_tables"] = st.session_state.get(f"{name}_tables", 0) + 1


def _table_name(name: str) -> str:
    tables = st.session_state.get(f"{name}_tables", 0)
    return f"{name}_{tables}" if tables else name


def _chosen_before(name: str, rows: Sequence[BoardRow]) -> RowKey | None:
    """Return the selected row; a patient whom the address names goes before an earlier choice."""
    key = f"{name}_chosen"
    chosen: RowKey | None = st.session_state.get(key)
    patient_id = state.chosen_patient()
    if patient_id and (chosen is None or chosen[0] != patient_id):
        named = next((row for row in rows if row.patient_id == patient_id), None)
        if named is None:
            return None
        if chosen is not None:
            _begin_table_anew(name)
        chosen = board_view.key_of(named)
        _keep(name, chosen)
    elif chosen is not None and patient_id is None:
        state.choose_patient(chosen[0])
    return chosen


def _view(name: str, program: Program, person: Actor) -> ProgramView:
    everyone = _rows(person)
    rows = _of(program, everyone)
    key = _chosen_before(name, rows)
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
    if view.chosen is None:
        _everybodys_entries(name, view)
        return
    patient_id = view.chosen.patient_id
    entries = entries_of(
        month=view.month,
        patient_id=patient_id,
        program=view.program,
        store=store.store(),
        actor=view.person,
        clock=store.clock(),
    )
    if not entries:
        widgets.empty("No time recorded this month yet.", icon="schedule")
        return
    found = patient_month(
        patient_id,
        month=view.month,
        store=store.store(),
        actor=view.person,
        clock=store.clock(),
        rule_book=store.rule_book(),
    )
    widgets.entries_table(
        entries,
        people=store.people(view.person),
        zone=store.zone(view.person),
        determinations=(found.determination,),
        key=f"{name}_entries",
    )


def _everybodys_entries(name: str, view: ProgramView) -> None:
    """Draw a page of the program's entries, with what counts of those that it shows."""
    month, key = view.month, f"{name}_entries_page"
    here, person, clock = store.store(), view.person, store.clock()
    found = entry_pages.month_entries(
        month=month,
        programs=(view.program,),
        by_start=True,
        page=st.session_state.get(key, 1),
        rows=PAGE_ROWS,
        store=here,
        actor=person,
        clock=clock,
    )
    if not found.entries:
        widgets.empty("No time recorded this month yet.", icon="schedule")
        return
    whose = {entry.patient_id for entry in found.entries}
    determinations = entry_pages.determinations_of(
        whose, month=month, store=here, actor=person, clock=clock, rule_book=store.rule_book()
    )
    widgets.turn_pages(key, at=found.number, pages=found.pages)
    widgets.entries_table(
        found.entries,
        people=store.people(person),
        zone=store.zone(person),
        determinations=determinations.values(),
        patient_names={
            row.patient_id: row.patient_name for row in view.rows if row.patient_id in whose
        },
        key=f"{name}_entries",
    )


def _superbills(name: str, view: ProgramView) -> None:
    if not may(view.person, Operation.READ_SUPERBILL):
        st.caption("Your role does not open superbills.")
        return
    if view.is_too_long:
        st.caption(
            "Select a patient above to see the superbill."
            if view.rows
            else "Each enrolled patient's superbill stands here."
        )
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
    lines = [
        (bill.patient.name, line)
        for bill in bills
        for line in bill.lines
        if line.program is view.program
    ]
    days = {line.date_of_service for _, line in lines}
    frame = pd.DataFrame(
        [
            {
                "Patient": patient_name,
                "Code": line.code,
                "Service": code_label(line.code),
                "Units": line.units,
                "Minutes": formats.DASH if line.minutes is None else f"{line.minutes:,}",
                "Date of service": formats.day(line.date_of_service),
                "Allowed": formats.money(line.allowed),
            }
            for patient_name, line in lines
        ]
    )
    left_out = ["Minutes"] if all(line.minutes is None for _, line in lines) else []
    if len(days) == 1:
        left_out.append("Date of service")
        st.caption(f"Date of service: {formats.day(days.pop())}.")
    widgets.table(
        frame.drop(columns=left_out),
        alt="Superbill lines of the month",
        key=f"{name}_superbills",
        columns=_BILL_COLUMNS,
    )
    is_draft = any(bill.status is SuperbillStatus.DRAFT for bill in bills)
    if is_draft:
        st.caption("Drafts of what the records support today; their pages say so until a close.")
    if may(view.person, Operation.DRAFT_SUPERBILL):
        who = "this patient" if view.chosen else formats.count(len(bills), "patient")
        verb = "Download drafts" if is_draft else "Download"
        superbill_files.buttons(
            {"pdf": f"{verb} as PDF, {who}", "csv": f"{verb} as CSV, {who}"},
            bills,
            month=view.month,
            patient_id=patient_id,
            program=view.program,
        )
