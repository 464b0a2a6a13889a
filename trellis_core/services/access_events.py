"""What people looked at, searched for and printed, told to the journal once and not at every redraw.

A page asks for the same chart again whenever it is drawn. One event says it for a quarter of an
hour: which person, which patient. What was told is remembered in this process only, and only as
keys: no text of a search is kept anywhere, not even here.

Reading comes second. Whoever asks for a chart or searches is told so to the journal first, and what
cannot be told there is not shown: the error of the store goes to whoever asked.
"""

import hashlib
import secrets
import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.ledger.journal import EventKind
from trellis_core.services.access_log import audited, note
from trellis_core.services.access_words import OTHER_PAGE
from trellis_core.store.engine import Store
from trellis_core.store.tables import EmergencyAccessRow, PatientRow
from trellis_core.values.clock import Clock, SystemClock
from trellis_core.values.ids import is_form_id

CHART: Final = "chart"
"""What an event about a patient's chart names as its subject; the subject's id is the patient's."""

SEARCH: Final = "search"
"""What an event about a search for patients names as its subject."""

PAGE: Final = "page"
"""What an event about a printed page names as its subject; the subject's id is the page's word."""

TOLD_ONCE_IN: Final = timedelta(minutes=15)
"""A view of the same chart, or the same search, is one event for so long."""

PRINTED_ONCE_IN: Final = timedelta(seconds=10)
"""Some browsers say twice that they print."""

_MOST_KEPT: Final = 20_000
_Key = tuple[str, ...]


class Recently:
    """Remembers for a while what was told to the journal; forgets the oldest when it is full."""

    def __init__(self, lasts: timedelta, *, most: int = _MOST_KEPT) -> None:
        self._lasts: Final = lasts
        self._most: Final = most
        self._told: Final[OrderedDict[_Key, datetime]] = OrderedDict()
        self._lock: Final = threading.Lock()

    def knows(self, key: _Key, *, now: datetime) -> bool:
        """Say whether something was told so recently that it need not be told again.

        What was told later than now, by a clock that has been set back, does not count.
        """
        with self._lock:
            told = self._told.get(key)
        return told is not None and timedelta() <= now - told < self._lasts

    def keep(self, key: _Key, *, now: datetime) -> None:
        """Remember that something was told."""
        with self._lock:
            self._told[key] = now
            self._told.move_to_end(key)
            while len(self._told) > self._most:
                self._told.popitem(last=False)


_viewed: Final = Recently(TOLD_ONCE_IN)
_searched: Final = Recently(TOLD_ONCE_IN)
_printed: Final = Recently(PRINTED_ONCE_IN)
_secret: Final = secrets.token_bytes(32)


def note_view(patient_id: str, *, store: Store, actor: Actor, clock: Clock | None = None) -> None:
    """Tell the journal that a person sees a patient's chart; once in a quarter of an hour.

    A service calls it before it gives the chart away. Where the journal cannot be told, the error
    leaves the service and the chart is not shown: nobody looks at a chart unseen. The event names
    the person's emergency access to the chart while there is one.

    Args:
        patient_id: Whose chart; known to be of the actor's practice.
        store: The store.
        actor: Who looks.
        clock: When; the server's own where absent.

    Raises:
        StoreError: It could not be written.
    """
    clock = clock or SystemClock()
    now = clock.now()
    key = _key(store, actor, patient_id)
    if _viewed.knows(key, now=now):
        return
    emergency_id = _emergency(patient_id, store=store, actor=actor, now=now)
    note(
        EventKind.VIEWED,
        subject_kind=CHART,
        subject_id=patient_id,
        patient_id=patient_id,
        details=None if emergency_id is None else {"emergency": emergency_id},
        store=store,
        actor=actor,
        clock=clock,
    )
    _viewed.keep(key, now=now)


def note_search(
    text: str, *, found: int, store: Store, actor: Actor, clock: Clock | None = None
) -> None:
    """Tell the journal that a person searched for patients, and how many were found.

    Never what was typed: it names a person. The same text by the same person is told once in a
    quarter of an hour, also while a list is paged or a page is drawn again.

    Args:
        text: What was typed; blanks alone are no search.
        found: How many patients it names.
        store: The store.
        actor: Who searched.
        clock: When; the server's own where absent.

    Raises:
        StoreError: It could not be written; what was found is not to be shown.
    """
    words = " ".join(text.split()).casefold()
    if not words:
        return
    clock = clock or SystemClock()
    now = clock.now()
    typed = words.encode("utf-8", "surrogatepass")
    key = _key(store, actor, hashlib.blake2b(typed, key=_secret, digest_size=16).hexdigest())
    if _searched.knows(key, now=now):
        return
    note(
        EventKind.SEARCHED,
        subject_kind=SEARCH,
        subject_id="patients",
        details={"found": found},
        store=store,
        actor=actor,
        clock=clock,
    )
    _searched.keep(key, now=now)


@audited
def note_print(
    page: str | None, *, patient_id: str | None, store: Store, actor: Actor, clock: Clock
) -> None:
    """Tell the journal that a person's browser prints a page.

    Args:
        page: The page's word in its address; None for one that the dashboard does not have.
        patient_id: The patient whom the address names; left out unless of the actor's practice.
        store: The store.
        actor: Who prints.
        clock: When.

    Raises:
        StoreError: It could not be written.
    """
    require(actor, Operation.READ_PRACTICE)
    known = None if patient_id is None else _known_patient(patient_id, store=store, actor=actor)
    shown = page if page is not None and is_form_id(page) else OTHER_PAGE
    now = clock.now()
    key = _key(store, actor, shown, known or "")
    if _printed.knows(key, now=now):
        return
    note(
        EventKind.PRINTED,
        subject_kind=PAGE,
        subject_id=shown,
        patient_id=known,
        store=store,
        actor=actor,
        clock=clock,
    )
    _printed.keep(key, now=now)


def _emergency(patient_id: str, *, store: Store, actor: Actor, now: datetime) -> str | None:
    with store.reading() as unit:
        return unit.session.exec(
            select(EmergencyAccessRow.id)
            .where(
                EmergencyAccessRow.practice_id == actor.practice_id,
                EmergencyAccessRow.patient_id == patient_id,
                EmergencyAccessRow.staff_id == actor.person_id,
                col(EmergencyAccessRow.ended_at).is_(None),
                EmergencyAccessRow.began_at <= now,
                EmergencyAccessRow.ends_at > now,
            )
            .order_by(col(EmergencyAccessRow.began_at).desc())
            .limit(1)
        ).first()


def _known_patient(patient_id: str, *, store: Store, actor: Actor) -> str | None:
    if not patient_id.isprintable():  # no id is; a database would refuse to look for some of them
        return None
    with store.reading() as unit:
        return unit.session.exec(
            select(PatientRow.id).where(
                PatientRow.practice_id == actor.practice_id, PatientRow.id == patient_id
            )
        ).first()


def _key(store: Store, actor: Actor, *more: str) -> _Key:
    return (store.url, actor.practice_id, actor.person_id, *more)
