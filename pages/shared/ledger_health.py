"""What the ledger's check said last, kept while the server runs, and the banner that tells people.

At the server's start everything since the newest checkpoint is checked; who verifies the whole
ledger later replaces that answer. Recording time goes on whatever was found.
"""

import logging
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import streamlit as st

from pages.shared import store
from trellis_core.access import Actor, Operation, may
from trellis_core.errors import TrellisError
from trellis_core.services.integrity import CheckReport, Scope, check_store

_log = logging.getLogger("trellis.check")


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a check said of one practice.

    Attributes:
        is_sound: It found no error.
        checked_at: When.
        scope: What was checked.
        entries: How many entries were read.
        after: Number of the checkpoint after which they came; None where all were read.
    """

    is_sound: bool
    checked_at: datetime
    scope: Scope
    entries: int
    after: int | None


_lock: Final = threading.Lock()
_known: Final[dict[tuple[str, str], Health]] = {}


def check_at_start() -> None:
    """Check what came after each practice's newest checkpoint, and keep the answers.

    A check that cannot be made is logged: it keeps nobody from working.
    """
    try:
        if store.is_empty():
            return
        found = store.store()
        report = check_store(found, clock=store.clock(), scope=Scope.SINCE_CHECKPOINT)
    except TrellisError as error:
        _log.error("The ledger could not be checked: %s", error)
        return
    for head in report.heads:
        note(head.practice_id, report)


def note(practice_id: str, report: CheckReport) -> None:
    """Keep what a check said of a practice.

    Args:
        practice_id: Whose.
        report: Of that practice, or of a store that holds it.
    """
    mine = [one for one in report.errors if one.practice_id in {practice_id, None}]
    after = next((one.number for one in report.checkpoints if one.practice_id == practice_id), None)
    health = Health(
        is_sound=not mine,
        checked_at=report.checked_at,
        scope=report.scope,
        entries=sum(head.entries for head in report.heads if head.practice_id == practice_id),
        after=after if report.scope is Scope.SINCE_CHECKPOINT else None,
    )
    with _lock:
        _known[store.store().url, practice_id] = health
    for one in mine:
        _log.error("Practice '%s': %s", practice_id, one.message)


def of(practice_id: str) -> Health | None:
    """Return what the last check said of a practice; None where there was none."""
    with _lock:
        return _known.get((store.store().url, practice_id))


def banner(person: Actor) -> None:
    """Tell owner, biller and auditor on every page that the last check found errors."""
    if not may(person, Operation.CHECK_LEDGER):
        return
    known = of(person.practice_id)
    if known is not None and not known.is_sound:
        st.error(
            "The ledger's check found something. See the Ledger page.", icon=":material/gpp_bad:"
        )
