"""What an audit packet reads as it is stored: links of both chains, and what a close sealed."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Table, and_, select

from trellis_core.store.tables import (
    ENTRY,
    ENTRY_NOTE,
    EVENT,
    EVENT_TEXT,
    MONTH_DETERMINATION,
    SUPERBILL,
    WITHHELD_NOTE,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.periods import ServiceMonth


class LinkRow(NamedTuple):
    """A row of a chain, its hashes in hex."""

    seq: int
    prev: str
    hash: str
    body: str


class EntryRow(NamedTuple):
    """A row of the ledger with its words.

    Attributes:
        note: None where there are none, or where they are withheld.
        salt: None with the note, hex otherwise.
        withheld_by: Number of the event that withheld them; None where they are shown.
        withheld_because: What that event kept beside the chain.
    """

    patient_id: str
    link: LinkRow
    note: str | None
    salt: str | None
    withheld_by: int | None
    withheld_because: str


class DecidedRow(NamedTuple):
    """What a close decided of a patient, packed as it is stored."""

    patient_id: str
    period: int
    document: bytes
    sha256: str


def month_links(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth, patient_ids: Collection[str]
) -> tuple[EntryRow, ...]:
    """Return every row of the ledger about a month of some patients, in the ledger's order."""
    rows = unit.connection.execute(
        select(
            *(ENTRY.c[name] for name in ("patient_id", "seq", "prev", "hash", "body")),
            ENTRY_NOTE.c.text,
            ENTRY_NOTE.c.salt,
            WITHHELD_NOTE.c.event_seq,
            EVENT_TEXT.c.text.label("because"),
        )
        .select_from(
            ENTRY.outerjoin(ENTRY_NOTE, _same(ENTRY_NOTE))
            .outerjoin(WITHHELD_NOTE, _same(WITHHELD_NOTE))
            .outerjoin(
                EVENT_TEXT,
                and_(
                    EVENT_TEXT.c.practice_id == WITHHELD_NOTE.c.practice_id,
                    EVENT_TEXT.c.seq == WITHHELD_NOTE.c.event_seq,
                ),
            )
        )
        .where(
            ENTRY.c.practice_id == practice_id,
            ENTRY.c.ym == month.ym,
            ENTRY.c.patient_id.in_(patient_ids),
        )
    )
    found = [
        EntryRow(
            patient_id=row.patient_id,
            link=_link(row.seq, row.prev, row.hash, row.body),
            note=None if row.event_seq is not None else row.text,
            salt=None if row.event_seq is not None or row.salt is None else bytes(row.salt).hex(),
            withheld_by=None if row.event_seq is None else int(row.event_seq),
            withheld_because=row.because or "",
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda each: each.link.seq))


def _same(words: Table) -> ColumnElement[bool]:
    return and_(words.c.practice_id == ENTRY.c.practice_id, words.c.seq == ENTRY.c.seq)


def _link(seq: int, prev: bytes, digest: bytes, body: str) -> LinkRow:
    return LinkRow(int(seq), bytes(prev).hex(), bytes(digest).hex(), body)


def event_links(
    unit: UnitOfWork, practice_id: str, first: int, last: int, *, at_most: int
) -> tuple[LinkRow, ...]:
    """Return events by their numbers, both included, as the journal's chain holds them."""
    rows = unit.connection.execute(
        select(EVENT.c.seq, EVENT.c.prev, EVENT.c.hash, EVENT.c.body)
        .where(EVENT.c.practice_id == practice_id, EVENT.c.seq.between(first, last))
        .order_by(EVENT.c.seq)
        .limit(at_most)
    )
    return tuple(_link(*row) for row in rows)


def sealed_by(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth, period: int
) -> tuple[Sequence[tuple[str, str]], Sequence[tuple[int, str]]]:
    """Return what a close sealed: digests of decisions by patient, of superbills by number."""
    decided = unit.connection.execute(
        select(MONTH_DETERMINATION.c.patient_id, MONTH_DETERMINATION.c.sha256).where(
            MONTH_DETERMINATION.c.practice_id == practice_id,
            MONTH_DETERMINATION.c.ym == month.ym,
            MONTH_DETERMINATION.c.period == period,
        )
    )
    issued = unit.connection.execute(
        select(SUPERBILL.c.number, SUPERBILL.c.sha256).where(
            SUPERBILL.c.practice_id == practice_id,
            SUPERBILL.c.ym == month.ym,
            SUPERBILL.c.period == period,
        )
    )
    return (
        [(str(row.patient_id), str(row.sha256)) for row in decided],
        [(int(row.number), str(row.sha256)) for row in issued],
    )


def decided_of(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth, patient_ids: Collection[str]
) -> tuple[DecidedRow, ...]:
    """Return what the closes of a month decided of some patients, by patient and period."""
    columns = MONTH_DETERMINATION.c
    rows = unit.connection.execute(
        select(columns.patient_id, columns.period, columns.document, columns.sha256)
        .where(
            columns.practice_id == practice_id,
            columns.ym == month.ym,
            columns.patient_id.in_(patient_ids),
        )
        .order_by(columns.patient_id, columns.period)
    )
    return tuple(
        DecidedRow(row.patient_id, int(row.period), bytes(row.document), row.sha256) for row in rows
    )
