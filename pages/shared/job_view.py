"""The place in the sidebar where a person sees what the server does for them, whatever page is open."""

from collections.abc import Mapping
from typing import Final

import streamlit as st

from pages.shared import close_progress, file_work, routes, store
from trellis_core.access import Actor
from trellis_core.services.job_wanted import CheckWanted, JobKind
from trellis_core.services.jobs import Job, JobState
from trellis_core.services.month_close import CloseMonth

_LOOK_SECONDS: Final = 2.0
_PAGES: Final[Mapping[JobKind, tuple[str, str]]] = {
    JobKind.CLOSE: ("superbills", ":material/lock:"),
    JobKind.SUPERBILLS: ("superbills", ":material/receipt_long:"),
    JobKind.FHIR: ("exchange", ":material/swap_horiz:"),
    JobKind.CHECK: ("ledger", ":material/verified_user:"),
}


def draw(person: Actor) -> None:
    """Draw what the server does for a person, and what came of it; nothing where that is nothing."""
    if file_work.every(person):
        _draw()


@st.fragment(run_every=_LOOK_SECONDS)
def _draw() -> None:
    store.keep_signed_in_only()
    person = store.actor()
    for job in file_work.every(person) if person is not None else ():
        page, icon = _PAGES[job.kind]
        # No name and nothing that somebody typed is among the words: there is nothing to escape.
        routes.link(page, words(job), icon=icon)


def words(job: Job) -> str:
    """Say how far a job is, in a line."""
    title = file_work.title(job.wanted)
    if job.state is JobState.READY:
        return f"Ready: {title}"
    if job.state is JobState.FAILED:
        return f"Not done: {title}"
    if job.state is JobState.WAITING:
        return f"Waiting: {title}"
    if isinstance(job.wanted, CloseMonth):
        month = job.wanted.month.in_words
        return f"Closing {month}: {close_progress.words_of(job.step, job.done, job.of)}"
    if isinstance(job.wanted, CheckWanted):
        return "Verifying the ledger"
    done = f": {job.done:,} done" if job.of else ""
    return f"Making {title}{done}"
