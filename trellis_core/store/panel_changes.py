"""What happened to a practice since a moment: whose records or time changed, as both chains say.

Everything that a board stands on leaves a link in the ledger or in the journal. So what came since
is found by number, without comparing what is stored.
"""

from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import BigInteger, Select, Text, bindparam, func, select

from trellis_core.ledger.journal import EventKind
from trellis_core.store.prepared import prepared
from trellis_core.store.tables import ENTRY, EVENT, JOURNAL_HEAD, LEDGER_HEAD
from trellis_core.store.unit_of_work import UnitOfWork, head_of

_OF_RECORDS: Final = frozenset(
    {EventKind.RECORDED.value, EventKind.CHANGED.value, EventKind.REMOVED.value}
)
_OF_ALL: Final = frozenset(
    {EventKind.MONTH_CLOSED.value, EventKind.MONTH_REOPENED.value, EventKind.RESTORED.value}
)
_OF_NO_MONTH: Final = frozenset(
    {
        "access_setting",
        "caseload_session",
        "column_profile",
        "emergency_access",
        "import_batch",
        "import_row",
        "practice_option",
        "restricted_chart",
        "roi_scenario",
    }
)
"""Records that no determination looks at, though they concern no one patient."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a practice's two chains have come.

    Attributes:
        entry_seq: Number of the last time entry; 0 for none.
        event_seq: Number of the last event; 0 for none.
        event_hash: Its hash, by which the same history is known again.
    """

    entry_seq: int
    event_seq: int
    event_hash: bytes


@dataclass(frozen=True, slots=True)
class Changes:
    """What came after a place.

    Attributes:
        place: How far the chains have come now.
        patients: Whose records or time changed.
    """

    place: Place
    patients: frozenset[str]


def place_of(unit: UnitOfWork, practice_id: str) -> Place:
    """Return how far a practice's chains have come.

    Raises:
        NotFoundError: There is no such practice.
    """
    entry_seq, _ = head_of(unit.connection, LEDGER_HEAD, practice_id)
    return Place(entry_seq, *head_of(unit.connection, JOURNAL_HEAD, practice_id))


def changes_since(unit: UnitOfWork, practice_id: str, since: Place) -> Changes | None:
    """Return whom the months of a practice have to be worked out for again.

    Args:
        unit: The unit of work.
        practice_id: Whose.
        since: Where the chains were.

    Returns:
        None where that is everybody: the practice or its people changed, a month was closed, or the
        history is not the one that was known.
    """
    found = prepared(unit.connection, "panel_changes", _parts).read(
        unit.connection,
        {
            "practice_id": practice_id,
            "event_seq": max(since.event_seq, 1),
            "entry_seq": since.entry_seq,
        },
    )
    events = sorted(found["events"], key=attrgetter("seq"))
    entries = found["entries"]
    if since.event_seq and (not events or bytes.fromhex(events[0].hash) != since.event_hash):
        return None
    patients: set[str] = set()
    for row in events[1:] if since.event_seq else events:
        if row.kind in _OF_ALL:
            return None
        if row.kind not in _OF_RECORDS:
            continue
        if row.patient_id is not None:
            patients.add(row.patient_id)
        elif row.subject_kind not in _OF_NO_MONTH:
            return None
    patients.update(row.patient_id for row in entries)
    return Changes(
        Place(
            max([since.entry_seq, *(row.seq for row in entries)]),
            *(
                (events[-1].seq, bytes.fromhex(events[-1].hash))
                if events
                else (0, since.event_hash)
            ),
        ),
        frozenset(patients),
    )


def _parts(dialect: str) -> dict[str, Select[Any]]:
    entry, event = ENTRY.c, EVENT.c
    practice_id = bindparam("practice_id", type_=Text())
    digest = func.hex(event.hash) if dialect == "sqlite" else func.encode(event.hash, "hex")
    return {
        "events": select(
            event.seq,
            digest.label("hash"),
            event.kind,
            event.subject_kind,
            event.patient_id,
        ).where(
            event.practice_id == practice_id,
            event.seq >= bindparam("event_seq", type_=BigInteger()),
        ),
        "entries": select(entry.seq, entry.patient_id).where(
            entry.practice_id == practice_id,
            entry.seq > bindparam("entry_seq", type_=BigInteger()),
        ),
    }
