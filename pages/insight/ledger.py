"""Ledger: the month's time entries with receipt and history, the check of both chains, and the journal."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.shared import formats, journal_view, ledger_health, ledger_history, store, widgets
from trellis_core.access import Operation, may
from trellis_core.care.vocabulary import Program
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services import caseload, integrity, time_log
from trellis_core.services.integrity import REMEDIES, CheckReport
from trellis_core.values.findings import Finding, Severity

PAGE_ROWS = 100
SHOWN = 8
WIDTHS = {
    "No.": 46, "Receipt": 76, "Started": 116, "Patient": 128, "Program": 62, "Length": 72,
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


def verification() -> None:
    """Draw the check of the ledger: its button, its result and what it found."""
    left, right = st.columns([1, 3], vertical_alignment="center")
    is_asked = left.button(
        "Verify the ledger", icon=":material/verified_user:", key="ledger_check", type="primary",
        disabled=not may(actor, Operation.CHECK_LEDGER),
    )  # fmt: skip
    right.caption(
        "Recomputes the hash of every entry and event since the first, of all months, and compares "
        "records, totals, guards and checkpoints. What was changed or removed behind Trellis's back "
        "shows here."
    )
    if is_asked:
        with widgets.command(), st.spinner("Verifying every entry"):
            report = integrity.check_ledger(store=store.store(), actor=actor, clock=store.clock())
            ledger_health.note(actor.practice_id, report)
            st.session_state["ledger_report"] = report
            if not report.ok:
                st.rerun()  # the banner above is drawn before this page
    kept = st.session_state.get("ledger_report")
    if isinstance(kept, CheckReport):
        result(kept)
    else:
        last_check()
    newest_checkpoint()


def last_check() -> None:
    """Say what the check at the server's start brought, until somebody asks for a whole one."""
    known = ledger_health.of(actor.practice_id)
    if known is None:
        return
    when = formats.moment(known.checked_at, zone)
    of = "" if known.after is None else f" since checkpoint {known.after:,}"
    read = formats.count(known.entries, "entry", "entries")
    if known.is_sound:
        st.caption(
            f":material/verified: Checked when the dashboard started, {when}: {read}{of}, intact."
        )
    else:
        st.error(
            f"When the dashboard started, {when}, the check of {read}{of} found something. Verify the "
            "ledger to see what.",
            icon=":material/gpp_bad:",
        )


def newest_checkpoint() -> None:
    """Name the newest checkpoint as people compare it: number, when, digits."""
    newest = integrity.checkpoint_state(store=store.store(), actor=actor)
    if newest is None:
        return
    st.caption(
        f":material/anchor: Newest checkpoint: **{newest.number:,}** of "
        f"{formats.moment(newest.made_at, zone)}, digest `{newest.code}`, sealing "
        f"{formats.count(newest.ledger_seq, 'entry', 'entries')} up to `{newest.ledger_head[:SHOWN]}`, "
        f"signed with key `{newest.key[:SHOWN]}`."
    )


def result(report: CheckReport) -> None:
    """Draw one verification's answer with its time."""
    when = formats.moment(report.checked_at, zone)
    checked = (
        f"{formats.count(report.entries, 'entry', 'entries')} and "
        f"{formats.count(report.events, 'event')}"
    )
    took = f"{report.seconds:.1f} s"
    if report.ok:
        st.success(
            f"Intact: {checked} verified on {when} in {took}. "
            f"Head {formats.plain(report.head[:SHOWN])}, journal {formats.plain(report.journal_head[:SHOWN])}.",
            icon=":material/verified:",
        )
    else:
        st.error(
            f"Not intact: {formats.count(len(report.errors), 'finding')} in {checked}, {when}. "
            "Keep the store as it is until you know what happened; time can still be recorded.",
            icon=":material/gpp_bad:",
        )
    for code in dict.fromkeys(finding.code for finding in report.findings):
        findings = [finding for finding in report.findings if finding.code == code]
        found(code, findings)


def found(code: str, findings: Sequence[Finding]) -> None:
    """Draw the findings of one code: each in a sentence, then once what to do."""
    is_error = any(finding.severity is Severity.ERROR for finding in findings)
    color, icon = ("red", "error") if is_error else ("orange", "warning")
    with st.container(border=True, gap="small"):
        for finding in findings:
            st.markdown(f":{color}[:material/{icon}: {formats.plain(finding.message)}]")
        st.caption(f"**What to do** ({code}): {formats.plain(REMEDIES[code])}")


def entries() -> None:
    """Draw the month's entries, and the history of the one that is chosen."""
    everything = time_log.entries_of(month=month, store=store.store(), actor=actor)
    chosen = st.pills(
        "Programs", list(Program), selection_mode="multi", key="ledger_programs",
        label_visibility="collapsed",
    )  # fmt: skip
    listed = sorted(
        (entry for entry in everything if not chosen or entry.program in chosen),
        key=lambda entry: -(entry.seq or 0),
    )
    standing = [entry for entry in listed if not entry.is_reversed]
    first, second, third = st.columns(3)
    first.metric("Entries", f"{len(listed):,}")
    second.metric(
        "Minutes recorded", f"{sum(entry.seconds for entry in standing) // 60:,}",
        help="All entries that stand, whether or not they count toward a code.",
    )  # fmt: skip
    third.metric("Corrected or voided", f"{len(listed) - len(standing):,}")
    verification()
    if not listed:
        widgets.empty("No time was recorded in this month.", icon="schedule")
        return
    pages = -(-len(listed) // PAGE_ROWS)
    page = st.pagination(pages, key="ledger_page") if pages > 1 else 1
    shown = listed[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    ledger_history.table(
        rows_of(shown), [entry.id for entry in shown],
        alt="Time entries of the month, newest first", key=f"ledger_entries_{month}_{'_'.join(chosen)}_{page}",
        columns={name: st.column_config.Column(width=width) for name, width in WIDTHS.items()},
    )  # fmt: skip
    ledger_history.panel(actor)


widgets.heading(
    "Ledger", f"{formats.month_name(month)}. Entries are added, never changed: a correction is a new entry."
)  # fmt: skip
view = st.segmented_control(
    "View", ["Entries", "Journal"], default="Entries", required=True, key="ledger_view",
    label_visibility="collapsed",
)  # fmt: skip
with widgets.command():
    if view == "Journal":
        journal_view.draw(actor)
    else:
        entries()
