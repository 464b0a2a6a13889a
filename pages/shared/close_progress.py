"""Closing a large month in a thread of the server: the page shows how far it is, and may be left.

A script of the dashboard may be ended wherever it draws, so none draws while a large month is closed.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import streamlit as st

from pages.shared import formats, state
from trellis_core.access import Actor
from trellis_core.errors import TrellisError
from trellis_core.services.month_close import ClosedMonth
from trellis_core.services.month_plan import MonthCounts
from trellis_core.services.superbill_drafts import Step, Told
from trellis_core.values.periods import ServiceMonth

LARGE: Final = 300
"""Patients in play from which on a close takes long enough to say how far it is."""

_log = logging.getLogger("trellis.close")
_Key = tuple[str, ServiceMonth]
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
_FAILED: Final = "The month was not closed, and nothing of it was issued. Close it again."


@dataclass
class Closing:
    """A close on its way.

    Attributes:
        person_id: Who closes; they are told what came of it.
        said: What came of it, once it has ended.
        refused: Why it did not close; empty where it did.
    """

    person_id: str
    step: Step = Step.LOOKED_AT
    done: int = 0
    of: int = 0
    said: Sequence[str] = ()
    refused: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    def told(self, step: Step, done: int, of: int) -> None:
        """Take down how far it is."""
        self.step, self.done, self.of = step, done, of

    @property
    def share(self) -> float:
        """How much of the whole is done, from 0 to 1, by what each step takes of the time."""
        ends = [*_BEGINS.values(), 1.0]
        begins, end = _BEGINS[self.step], ends[list(_BEGINS).index(self.step) + 1]
        return begins + (end - begins) * (self.done / self.of if self.of else 0.0)

    @property
    def words(self) -> str:
        """How far it is, as one sentence."""
        if not self.of:
            return "Checking the ledger first."
        return f"{_WORDS[self.step].format(done=self.done, of=self.of)}."


_closings: Final[dict[_Key, Closing]] = {}
_lock: Final = threading.Lock()


def is_large(counts: MonthCounts | None) -> bool:
    """Say whether a close of so many patients is to show how far it is."""
    return counts is not None and counts.in_play >= LARGE


def begin(
    month: ServiceMonth,
    person: Actor,
    close: Callable[[Told], ClosedMonth],
    words: Callable[[ClosedMonth], Sequence[str]],
) -> Closing:
    """Close a month in a thread of its own, unless one of the practice does that already.

    Args:
        month: Which.
        person: Who closes it.
        close: Does it, and tells how far it is.
        words: Says what was closed.
    """
    key = person.practice_id, month
    with _lock:
        found = _closings.get(key)
        if found is not None and not found.ended.is_set():
            return found
        made = _closings[key] = Closing(person.person_id)
    # No daemon: the server's end waits for a close that has begun to write.
    threading.Thread(target=_run, args=(made, close, words), name="trellis-close").start()
    return made


def _run(
    closing: Closing,
    close: Callable[[Told], ClosedMonth],
    words: Callable[[ClosedMonth], Sequence[str]],
) -> None:
    refused = _FAILED
    try:
        closing.said = words(close(closing.told))
        refused = ""
    except TrellisError as error:
        refused = str(error)
    except OSError as error:
        _log.error("A close failed: %s.", type(error).__name__)
    finally:
        closing.refused = refused
        closing.ended.set()


def draw(month: ServiceMonth, person: Actor) -> bool:
    """Draw how far a close of the month is; say whether one is on its way."""
    key = person.practice_id, month
    closing = _closings.get(key)
    if closing is None:
        return False
    if not closing.ended.is_set():
        _progress(key, closing, person)
        return True
    if _is_theirs(key, closing, person):
        for sentence in closing.said:
            st.success(formats.plain(sentence), icon=":material/check_circle:")
        if closing.refused:
            st.error(formats.plain(closing.refused), icon=":material/block:")
    return False


def _is_theirs(key: _Key, closing: Closing, person: Actor) -> bool:
    """Say, once, whether what came of a close is to be told to a person."""
    with _lock:
        if closing.person_id != person.person_id or _closings.get(key) is not closing:
            return False
        del _closings[key]
        return True


@st.fragment(run_every=1.0)
def _progress(key: _Key, closing: Closing, person: Actor) -> None:
    if closing.ended.is_set():
        if _is_theirs(key, closing, person):
            for sentence in closing.said:
                state.flash(sentence)
            if closing.refused:
                state.state().refusals.append(closing.refused)
        st.rerun()
    st.progress(closing.share, text=formats.plain(closing.words))
    st.caption("You may leave this page. A close that is interrupted issues nothing.")
