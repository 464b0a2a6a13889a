"""Ledger: the month's time entries with receipt and history, the check of both chains, and the journal."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.shared import formats, journal_view, ledger_check, ledger_history, routes, store, widgets
from trellis_core.access import Operation
from trellis_core.care.vocabulary import Program
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services import caseload, entry_pages

PAGE_ROWS = 100
WIDTHS = {
    "No.": 72, "Receipt": 76, "Started": 116, "Patient": 128, "Program": 62, "Length": 72,
    "Activity": 120, "By": 118, "Recorded": 90,
}  # fmt: skip

actor = store.require(Operation.READ_LEDGER)
month = store.month(actor)
zone = store.zone(actor)


def rows_of(entries: Sequence[TimeEntry]) -> pd.DataFrame:
    """Return one row per entry, as the ledger holds it."""
    people = store.people(actor)
    names = caseload.patient_names(
        {entry.patient_id for entry in entries}, store=store.store(), actor=actor
    )

    def signature(staff_id: str | None) -> str:
        person = people.get(staff_id or "")
        return person.signature if person else formats.DASH

    frame = pd.DataFrame(
        [
            {
                "No.": entry.seq,
                "Receipt": entry.code,
                "Started": formats.moment(entry.started_at, zone),
                "Patient": names.get(entry.patient_id, formats.DASH),
                "Program": entry.program.value,
                "Length": formats.length(entry.seconds),
                "Activity": formats.activity(entry.activity),
                "By": signature(entry.staff_id),
                "Recorded": widgets.entry_marks(entry),
                "Why corrected": entry.reason,
            }
            for entry in entries
        ]
    )
    return frame if frame["Why corrected"].any() else frame.drop(columns="Why corrected")


def entries() -> None:
    """Draw the month's entries, and the history of the one that is chosen."""
    chosen = st.pills(
        "Programs", list(Program), selection_mode="multi", key="ledger_programs",
        label_visibility="collapsed",
    )  # fmt: skip
    found = entry_pages.month_entries(
        month=month, programs=chosen, page=st.session_state.get("ledger_page", 1), rows=PAGE_ROWS,
        store=store.store(), actor=actor, clock=store.clock(),
    )  # fmt: skip
    totals = found.totals
    first, second, third = st.columns(3)
    first.metric("Entries", f"{totals.entries:,}")
    second.metric(
        "Minutes recorded", f"{totals.seconds // 60:,}",
        help="All entries that stand, whether or not they count toward a code.",
    )  # fmt: skip
    third.metric("Corrected or voided", f"{totals.taken_back:,}")
    ledger_check.draw(actor, zone)
    if not totals.entries:
        widgets.empty("No time was recorded in this month.", icon="schedule")
        return
    widgets.turn_pages("ledger_page", at=found.number, pages=found.pages)
    ledger_history.table(
        rows_of(found.entries), [entry.id for entry in found.entries],
        alt="Time entries of the month, newest first",
        key=f"ledger_entries_{month}_{'_'.join(chosen)}_{found.number}",
        columns={name: st.column_config.Column(width=width) for name, width in WIDTHS.items()},
    )  # fmt: skip
    ledger_history.panel(actor)


widgets.heading(
    "Ledger", f"{formats.month_name(month)}. Entries are added, never changed: a correction is a new entry."
)  # fmt: skip
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    view = st.segmented_control(
        "View", ["Entries", "Journal"], default="Entries", required=True, key="ledger_view",
        label_visibility="collapsed",
    )  # fmt: skip
    routes.link("access-log", "Access log", icon=":material/policy:")
with widgets.command():
    if view == "Journal":
        journal_view.draw(actor)
    else:
        entries()
