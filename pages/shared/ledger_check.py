"""The check of both hash chains on the Ledger page: its button, its result, the newest checkpoint."""

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

import streamlit as st

from pages.shared import file_work, formats, ledger_health, state, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.services import integrity
from trellis_core.services.integrity import REMEDIES, CheckReport, Scope
from trellis_core.services.job_wanted import CheckWanted, JobKind
from trellis_core.services.jobs import Job, JobState, is_large_ledger
from trellis_core.values.findings import Finding, Severity

_SHOWN: Final = 8
_LOOK_SECONDS: Final = 1.0


def draw(actor: Actor, zone: ZoneInfo) -> None:
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
    job = file_work.of(JobKind.CHECK, actor)
    if is_asked and (job is None or not job.is_going_on):
        with widgets.command():
            job = _check(actor)
    if job is not None and job.is_going_on:
        _progress(job.id, job.state)
    else:
        _known(job, actor, zone)
    _newest_checkpoint(actor, zone)


def _check(actor: Actor) -> Job | None:
    """Check a small ledger at once, and have a large one checked; return the job for that."""
    if is_large_ledger(store=store.store(), actor=actor):
        st.session_state.pop("ledger_report", None)
        file_work.start(CheckWanted(), actor)
        return file_work.of(JobKind.CHECK, actor)
    with st.spinner("Verifying every entry"):
        report = integrity.check_ledger(store=store.store(), actor=actor, clock=store.clock())
    ledger_health.note(actor.practice_id, report)
    st.session_state["ledger_report"] = report
    if not report.ok:
        st.rerun()  # the banner above is drawn before this page
    return None


def _known(job: Job | None, actor: Actor, zone: ZoneInfo) -> None:
    """Draw the newest answer that the page knows of."""
    kept = st.session_state.get("ledger_report")
    if job is not None and isinstance(job.result, CheckReport):
        kept = job.result
        known = ledger_health.of(actor.practice_id)
        if known is None or known.checked_at < kept.checked_at:
            ledger_health.note(actor.practice_id, kept)
            if not kept.ok:
                st.rerun()
    elif job is not None:
        st.error(formats.plain(job.refusal), icon=":material/block:")
    if isinstance(kept, CheckReport):
        _result(kept, zone)
    else:
        _last_check(actor, zone)


@st.fragment(run_every=_LOOK_SECONDS)
def _progress(job_id: str, drawn: JobState) -> None:
    store.keep_signed_in_only()
    person = store.actor()
    job = None if person is None else file_work.of(JobKind.CHECK, person)
    if job is None or (job.id, job.state) != (job_id, drawn):
        st.rerun()
    words = "Verifying every entry." if drawn is JobState.RUNNING else "The check waits to begin."
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/hourglass_top: {words} You may leave this page.")
        st.button("Cancel", key="ledger_check_cancel", icon=":material/close:", on_click=_give_up)


def _give_up() -> None:
    person = store.actor()
    job = None if person is None else file_work.of(JobKind.CHECK, person)
    if person is not None and job is not None and file_work.drop(job.id, person):
        state.flash("Cancelled. Nothing was changed.")


def _last_check(actor: Actor, zone: ZoneInfo) -> None:
    """Say what the last check brought, the one at the server's start or anybody's since."""
    known = ledger_health.of(actor.practice_id)
    if known is None:
        return
    is_start = known.scope is Scope.SINCE_CHECKPOINT
    when = f"{'When the dashboard started' if is_start else 'Last'}, {formats.moment(known.checked_at, zone)}"
    of = "" if known.after is None else f" since checkpoint {known.after:,}"
    read = f"{formats.count(known.entries, 'entry', 'entries')}{of}"
    if known.is_sound:
        st.caption(f":material/verified: {when}: {read} verified, intact.")
    else:
        st.error(
            f"{when}: the check of {read} found something. Verify the ledger to see what.",
            icon=":material/gpp_bad:",
        )


def _newest_checkpoint(actor: Actor, zone: ZoneInfo) -> None:
    """Name the newest checkpoint as people compare it: number, when, digits."""
    newest = integrity.checkpoint_state(store=store.store(), actor=actor)
    if newest is None:
        return
    st.markdown(
        f":small[:material/anchor: Newest checkpoint: **{newest.number:,}** of "
        f"{formats.moment(newest.made_at, zone)}, digest `{newest.code}`, sealing "
        f"{formats.count(newest.ledger_seq, 'entry', 'entries')} up to `{newest.ledger_head[:_SHOWN]}`, "
        f"signed with key `{newest.key[:_SHOWN]}`.]"
    )


def _result(report: CheckReport, zone: ZoneInfo) -> None:
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
            f"Head {formats.plain(report.head[:_SHOWN])}, journal {formats.plain(report.journal_head[:_SHOWN])}.",
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
        _found(code, findings)


def _found(code: str, findings: Sequence[Finding]) -> None:
    """Draw the findings of one code: each in a sentence, then once what to do."""
    is_error = any(finding.severity is Severity.ERROR for finding in findings)
    color, icon = ("red", "error") if is_error else ("orange", "warning")
    with st.container(border=True, gap="small"):
        for finding in findings:
            st.markdown(f":{color}[:material/{icon}: {formats.plain(finding.message)}]")
        st.caption(f"**What to do** ({code}): {formats.plain(REMEDIES[code])}")
