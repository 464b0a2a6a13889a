"""Closing a large month in the server's own time: the page shows how far it is, and may be left.

A script of the dashboard may be ended wherever it draws, so none draws while a large month is closed.
"""

from collections.abc import Mapping
from typing import Final

import streamlit as st

from pages.shared import file_work, formats, state, store
from trellis_core.access import Actor
from trellis_core.services.job_wanted import ClosedAs, JobKind
from trellis_core.services.jobs import ClosingOnItsWay, Job, JobState
from trellis_core.services.month_close import CloseMonth
from trellis_core.services.month_plan import MonthCounts
from trellis_core.services.months import number_ranges
from trellis_core.services.superbill_drafts import Step
from trellis_core.values.periods import ServiceMonth

LARGE: Final = 300
"""Patients in play from which on a close takes long enough to say how far it is."""

_LOOK_SECONDS: Final = 1.0
_WORDS: Final[Mapping[Step, str]] = {
    Step.LOOKED_AT: "Looked at {done:,} of {of:,} patients",
    Step.DRAWN_UP: "Planned {done:,} of {of:,} patients",
    Step.PREPARED: "Prepared {done:,} of {of:,} superbills",
    Step.WRITTEN: "Wrote {done:,} of {of:,} superbills",
}
_BEGINS: Final[Mapping[Step, float]] = {
    Step.LOOKED_AT: 0.0,
    Step.DRAWN_UP: 0.1,
    Step.PREPARED: 0.6,
    Step.WRITTEN: 0.9,
}


def is_large(counts: MonthCounts | None) -> bool:
    """Say whether a close of so many patients is to show how far it is."""
    return counts is not None and counts.in_play >= LARGE


def begin(command: CloseMonth, person: Actor) -> None:
    """Have a month closed, unless the server closes it for somebody of the practice already.

    Raises:
        PermissionDeniedError: The person may not close months.
        CommandRefusedError: The server closes another month for the person.
    """
    file_work.start(command, person)


def draw(month: ServiceMonth, person: Actor) -> bool:
    """Draw how far a close of the month is; say whether one is on its way."""
    closing = file_work.close_of(month, person)
    if closing is not None:
        _progress(month, closing.id)
        return True
    job = _ended(month, person)
    if job is not None and file_work.drop(job.id, person):
        if isinstance(job.result, ClosedAs):
            for sentence in closed_words(job.result):
                st.success(formats.plain(sentence), icon=":material/check_circle:")
        else:
            st.error(formats.plain(job.refusal), icon=":material/block:")
    return False


def closed_words(closed: ClosedAs) -> list[str]:
    """Say what a close did, in a sentence or two."""
    issued = (
        f"{formats.count(len(closed.numbers), 'superbill')}, No. {number_ranges(closed.numbers)}"
        if closed.numbers
        else "no new superbill"
    )
    said = [
        f"{closed.month.in_words} is closed: {issued}. Event {closed.event:,}, code {closed.code}."
    ]
    if closed.problem:
        said.append(f"The month is closed, but not yet sealed: {closed.problem}")
    return said


def share_of(step: str, done: int, of: int) -> float:
    """Return how much of the whole is done, from 0 to 1, by what each step takes of the time.

    Example:
        >>> share_of("", 0, 0), share_of("looked_at", 5, 10), share_of("written", 7, 7)
        (0.0, 0.05, 1.0)
    """
    steps = [each.value for each in Step]
    if step not in steps:
        return 0.0
    ends = [*_BEGINS.values(), 1.0]
    begins, end = ends[steps.index(step)], ends[steps.index(step) + 1]
    return begins + (end - begins) * (done / of if of else 0.0)


def words_of(step: str, done: int, of: int) -> str:
    """Say how far a close is, as one sentence.

    Example:
        >>> words_of("written", 1200, 9000)
        'Wrote 1,200 of 9,000 superbills.'
    """
    if not of or step not in {each.value for each in Step}:
        return "Checking the ledger first."
    return f"{_WORDS[Step(step)].format(done=done, of=of)}."


def _ended(month: ServiceMonth, person: Actor) -> Job | None:
    """Return the person's close of a month that is over and was not told."""
    job = file_work.of(JobKind.CLOSE, person)
    if job is None or job.is_going_on or not isinstance(job.wanted, CloseMonth):
        return None
    return job if job.wanted.month == month else None


@st.fragment(run_every=_LOOK_SECONDS)
def _progress(month: ServiceMonth, job_id: str) -> None:
    store.keep_signed_in_only()
    person = store.actor()
    closing = None if person is None else file_work.close_of(month, person)
    if closing is None or closing.id != job_id:
        _tell(month, person)
        st.rerun()
    _bar(closing)
    st.caption(
        "You may leave this page. A close that is interrupted issues nothing, and is begun again."
    )


def _tell(month: ServiceMonth, person: Actor | None) -> None:
    """Keep what came of a close for the drawing that follows, for whoever asked for it."""
    job = None if person is None else _ended(month, person)
    if person is None or job is None or not file_work.drop(job.id, person):
        return
    if isinstance(job.result, ClosedAs):
        for sentence in closed_words(job.result):
            state.flash(sentence)
    else:
        state.state().refusals.append(job.refusal)


def _bar(closing: ClosingOnItsWay) -> None:
    if closing.state is JobState.WAITING:
        st.progress(0.0, text="The close waits for the server to begin.")
        return
    step, done, of = closing.step, closing.done, closing.of
    st.progress(share_of(step, done, of), text=formats.plain(words_of(step, done, of)))
