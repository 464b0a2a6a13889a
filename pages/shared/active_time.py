"""Measuring how long a person works on a patient in view, and offering it when something was done.

A moment counts where a person did something: the whole page ran because of them, or their browser
told ``/auth/seen`` of the keyboard, the pointer or the screen. What refreshes itself never counts.
This process holds what was measured by sign-in, for about a minute: then, and whenever a draft is
kept, it goes to the store, where it waits for the work to be saved. What is lost with the process is
the last minute at most.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from pages.shared import state, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.care.active import ActiveTime, Span
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.errors import StoreError
from trellis_core.services import measured_time, suggestions
from trellis_core.services.suggestions import Origin

_MOST_KEPT: Final = 10_000
_REFRESH_SECONDS: Final = 1.0
"""A run of the whole page so soon after a part refreshed itself may be that part's doing."""
_KEEP_EVERY: Final = timedelta(seconds=55)
"""The browser tells once a minute, a little more or less."""

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class _Session:
    """What a sign-in's person did and the store does not have yet, and when it was given the rest."""

    active: ActiveTime = field(default_factory=ActiveTime)
    kept_at: datetime | None = None


_lock: Final = threading.Lock()
_sessions: Final[OrderedDict[str, _Session]] = OrderedDict()


def interacted() -> None:
    """Note that the person made the whole page run: the first thing that is done with a page."""
    token = store.session_token()
    if token and time.monotonic() - state.state().refreshed_at > _REFRESH_SECONDS:
        seen(token, store.clock().now())


def look_at(patient_id: str | None) -> None:
    """Note which patient is in view from now on; None for nobody."""
    token = store.session_token()
    if token:
        with _lock:
            _of(token).active.look_at(patient_id, store.clock().now())


def seen(token: str, at: datetime) -> None:
    """Note that a sign-in's person did something.

    Args:
        token: Of a sign-in that stands.
        at: When.
    """
    with _lock:
        _of(token).active.interact(at)


def keep(token: str, person: Actor, *, is_last: bool = False) -> None:
    """Let the store have what was measured, about once a minute.

    Where it cannot be written it stays here until the next time.

    Args:
        token: Of a sign-in that stands.
        person: Whose it is.
        is_last: The sign-in ends: what there is of the last minute goes as well.
    """
    if not may(person, Operation.LOG_OWN_TIME):
        return
    clock = store.clock()
    with _lock:
        session = _of(token)
        now = clock.now()
        if not is_last and session.kept_at is not None and now - session.kept_at < _KEEP_EVERY:
            return
        session.kept_at = now
        worked = session.active.take_all()
    if not worked:
        return
    try:
        with _given_back(token, worked):
            measured_time.keep_measured(worked, store=store.store(), actor=person, clock=clock)
    except StoreError:
        _log.warning("Measured time could not be kept; it is tried again in a minute.")


@contextmanager
def handed_over(patient_id: str) -> Iterator[tuple[Span, ...]]:
    """Give what was measured of a patient to a service that keeps or offers it.

    It is given once: what the service was refused stays here.
    """
    token = store.session_token()
    if not token:
        yield ()
        return
    with _lock:
        spans = _of(token).active.take(patient_id)
    with _given_back(token, {patient_id: spans}):
        yield spans


@contextmanager
def _given_back(token: str, worked: Mapping[str, Sequence[Span]]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with _lock:
            _of(token).active.give_back(worked)
        raise


def note_work(
    origin: Origin,
    *,
    patient_id: str,
    program: Program | None,
    activity: Activity,
    person: Actor,
) -> None:
    """Offer the active time on a patient to the person: called right after something was saved.

    Before its drafts are forgotten: time is kept as long as words wait. A refusal is shown at the
    next drawing; what was saved stays saved.

    Args:
        origin: What was done.
        patient_id: For whom.
        program: For which program; None for none in particular.
        activity: What kind of work it was.
        person: Who did it.
    """
    token = store.session_token()
    if not token or not may(person, Operation.LOG_OWN_TIME):
        return
    seen(token, store.clock().now())
    with widgets.command_in_callback(), handed_over(patient_id) as spans:
        suggestions.offer(
            origin,
            patient_id=patient_id,
            program=program,
            activity=activity,
            spans=spans,
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )


def offer_missed(person: Actor) -> None:
    """Offer time whose offer was cut off after its work was saved: once for each opened page."""
    if state.state().is_asked_for_missed or not may(person, Operation.LOG_OWN_TIME):
        return
    state.state().is_asked_for_missed = True
    with widgets.command_in_callback():
        suggestions.offer_missed(store=store.store(), actor=person, clock=store.clock())


def _of(token: str) -> _Session:
    """Return what a sign-in's person did; the sign-in is kept as a digest."""
    key = sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
    session = _sessions.setdefault(key, _Session())
    _sessions.move_to_end(key)
    while len(_sessions) > _MOST_KEPT:
        _sessions.popitem(last=False)
    return session
