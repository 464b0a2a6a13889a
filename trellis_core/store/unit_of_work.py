"""One piece of work on the store: one connection, one transaction, and the only writer of chains.

Every record that is saved through the session is written to the journal in the same unit of work,
whoever saves it: a service cannot forget to. Only bulk inserts, which pass the session by, tell the
journal themselves (``recorded``).
"""

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import chain, groupby, islice
from typing import Final, NamedTuple

from sqlalchemy import Connection, Table, event, insert, inspect, select
from sqlalchemy import text as sql_text
from sqlalchemy.orm import InstanceState, UOWTransaction
from sqlalchemy.orm import Session as OrmSession
from sqlmodel import Session

from trellis_core.access import Actor
from trellis_core.errors import NotFoundError, StoreError
from trellis_core.ledger.chain import (
    EntryBody,
    canonical_in_place,
    checked_text,
    entry_hash,
    note_hmac,
    stored_text,
)
from trellis_core.ledger.journal import (
    EventBody,
    EventKind,
    canonical_event,
    details_text,
    event_hash,
)
from trellis_core.store.dialects import POSTGRESQL, growing, in_bulk
from trellis_core.store.tables import (
    ENTRY,
    ENTRY_NOTE,
    EVENT,
    EVENT_TEXT,
    JOURNAL_HEAD,
    LEDGER_HEAD,
    MONTH_ROLL,
    BackgroundJobPartRow,
    BackgroundJobRow,
    ImportRowRow,
    InvitationRow,
    KeptRuleBookRow,
    NoteDraftRow,
    RunningTimerRow,
    SecondFactorRow,
    SignInAttemptRow,
    SignInRow,
    SignInStepRow,
    StaffRow,
    SuggestedTimeRow,
    SuperbillApprovalRow,
    TimerPartRow,
    TrellisTable,
)
from trellis_core.values.ids import RandomBytes, new_id, random_uuid

_SALT_BYTES: Final = 16
_AT_A_TIME: Final = 5_000
_ROWS_A_STATEMENT: Final = 200
NOT_JOURNALED: Final = (
    BackgroundJobPartRow,
    BackgroundJobRow,
    ImportRowRow,
    InvitationRow,
    KeptRuleBookRow,
    NoteDraftRow,
    RunningTimerRow,
    SecondFactorRow,
    SignInAttemptRow,
    SignInRow,
    SignInStepRow,
    SuggestedTimeRow,
    SuperbillApprovalRow,
    TimerPartRow,
)
"""What is no record: its events, where it has any, are written by whoever changes it."""

_NOT_WRITTEN_OUT: Final = frozenset({"password_hash"})
_PASSWORD_SET: Final = details_text({"password": "set"})
_ROW_TEXT: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An entry before it has its place in the ledger.

    Attributes:
        body: What it says; its ``seq`` and ``note_hmac`` are filled in when it is appended.
        note: The words that go with it, kept apart from the chain.
    """

    body: EntryBody
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """An entry in its place.

    Attributes:
        hash: What the next entry will follow.
        note: The note as it is stored; empty where it is withheld.
    """

    body: EntryBody
    hash: bytes
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """An event before it has its place in the journal.

    Attributes:
        practice_id: Whose journal.
        subject_kind: A record's table, or ``month``, ``session``, ``entry``, ``key``, ``file``.
        details: A compact JSON object (``details_text``), nothing about a person; None for none.
        text: What is kept apart from the chain; may hold anything.
        author_id: Who did it; None for whoever the unit of work acts for.
        system_user: The operating system's user; None for the one of the unit of work's actor.
        event_id: A form's id, so that it is one event; None for a new one.
    """

    practice_id: str
    kind: EventKind
    subject_kind: str
    subject_id: str
    patient_id: str | None = None
    details: str | None = None
    text: str = ""
    author_id: str | None = None
    system_user: str | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event in its place.

    Attributes:
        hash: What the next event will follow.
    """

    body: EventBody
    hash: bytes


class LedgerWriter:
    """Appends entries to practices' chains; the only code that does.

    Nothing is saved until the unit of work has left without an error.
    """

    def __init__(
        self, session: Session, *, is_writable: bool, random_bytes: RandomBytes | None
    ) -> None:
        self._session = session
        self._is_writable = is_writable
        self._random_bytes = random_bytes

    def append(self, drafts: Sequence[Draft]) -> tuple[Appended, ...]:
        """Give entries of one practice the next places in its ledger, in the order given.

        Args:
            drafts: Entries of one practice; many at once cost little more than one.

        Raises:
            NotFoundError: There is no such practice.
            StoreError: The unit of work is for reading, or the drafts are of several practices.
        """
        made = self._add(drafts) if drafts else ()
        return tuple(
            Appended(
                body=replace(draft.body, seq=link.seq, note_hmac=digest),
                hash=link.hash,
                note=note,
            )
            for draft, (link, note, digest) in zip(drafts, made, strict=True)
        )

    def append_in_bulk(self, drafts: Iterable[Draft]) -> int:
        """Append any number of entries of one practice, some thousand at a time; return how many.

        Nothing of them is kept in memory but the part that is being written.

        Raises:
            NotFoundError: There is no such practice.
            StoreError: The unit of work is for reading, or the drafts are of several practices.
        """
        waiting, count = iter(drafts), 0
        connection = self._session.connection()
        added = growing(connection, ENTRY, ENTRY_NOTE, MONTH_ROLL)
        with in_bulk(connection):
            while part := tuple(islice(waiting, _AT_A_TIME)):
                self._add(part)
                count += len(part)
                added(len(part))
        return count

    def _add(self, drafts: Sequence[Draft]) -> list[tuple["_Link", str, str | None]]:
        """Write entries into their places; return each link with its note and the note's digest."""
        _require_writable(is_writable=self._is_writable)
        practice_id = _one_practice(draft.body.practice_id for draft in drafts)
        self._session.flush()
        connection = self._session.connection()
        seq, prev = head_of(connection, LEDGER_HEAD, practice_id, is_locking=True)
        made: list[tuple[_Link, str, str | None]] = []
        notes: list[_Words] = []
        for draft in drafts:
            seq += 1
            note, digest = stored_text(draft.note), None
            if note:
                words = _Words(practice_id, seq, _salt(self._random_bytes), note)
                digest = note_hmac(words.salt, note)
                notes.append(words)
            body = canonical_in_place(draft.body, seq=seq, note_hmac=digest)
            this = entry_hash(prev, body)
            made.append((_Link(practice_id, seq, prev, this, body), note, digest))
            prev = this
        _add_links(connection, ENTRY, [link for link, _, _ in made])
        _add_words(connection, ENTRY_NOTE, notes)
        return made


class JournalWriter:
    """Appends events to practices' journals; the only code that does."""

    def __init__(
        self,
        session: Session,
        *,
        is_writable: bool,
        actor: Actor | None,
        at: datetime | None,
        random_bytes: RandomBytes | None,
    ) -> None:
        self._session = session
        self._is_writable = is_writable
        self._random_bytes = random_bytes
        self._author_id = None if actor is None else actor.person_id
        self._system_user = None if actor is None else actor.system_user
        self._at = at
        self._added_in_bulk: Callable[[int], None] | None = None

    def act_for(self, *, author_id: str | None = None, system_user: str | None = None) -> None:
        """Name who does what follows, where work begins before the practice has people.

        Args:
            author_id: The person.
            system_user: The operating system's user, where a command is run by hand.
        """
        self._author_id, self._system_user = author_id, system_user

    def append(
        self, drafts: Sequence[EventDraft], *, at: datetime | None = None
    ) -> tuple[Happened, ...]:
        """Give events of one practice the next places in its journal, in the order given.

        Args:
            drafts: Events of one practice.
            at: When they were recorded; None for the unit's own time.

        Raises:
            NotFoundError: There is no such practice.
            StoreError: The unit of work is for reading, or the drafts are of several practices.
        """
        if not drafts:
            return ()
        _require_writable(is_writable=self._is_writable)
        _one_practice(draft.practice_id for draft in drafts)
        self._session.flush()
        return self._write(drafts, at=at)

    def record_in_bulk(self, rows: Iterable[TrellisTable]) -> int:
        """Insert rows of one table and one practice past the session, and tell the journal.

        Some thousand at a time; nothing of them is kept in memory but the part that is being written.

        Args:
            rows: New rows, any number.

        Returns:
            How many.

        Raises:
            StoreError: The unit of work is for reading, or the rows are of several practices.
        """
        waiting, count = iter(rows), 0
        connection = self._session.connection()
        while part := tuple(islice(waiting, _AT_A_TIME)):
            self._session.flush()
            table = _table_of(part[0])
            names = tuple(column.name for column in table.columns)
            values = [{name: vars(row).get(name) for name in names} for row in part]
            connection.execute(insert(table), values)
            self.append(
                [
                    _event_of_values(table, its, EventKind.RECORDED, is_password_set=_has_one(row))
                    for row, its in zip(part, values, strict=True)
                ]
            )
            count += len(part)
            self._added_in_bulk = self._added_in_bulk or growing(connection, EVENT, EVENT_TEXT)
            self._added_in_bulk(len(part))
        return count

    def _write(
        self, drafts: Sequence[EventDraft], *, at: datetime | None = None
    ) -> tuple[Happened, ...]:
        connection = self._session.connection()
        practice_id = drafts[0].practice_id
        # The ledger's head first, always: writers that take both never wait for each other in turn.
        ledger_seq, ledger_head = head_of(connection, LEDGER_HEAD, practice_id, is_locking=True)
        seq, prev = head_of(connection, JOURNAL_HEAD, practice_id, is_locking=True)
        recorded_at = int((at or self._at or datetime.now(UTC)).timestamp())
        happened: list[Happened] = []
        events: list[_Link] = []
        texts: list[_Words] = []
        for draft in drafts:
            seq += 1
            text, digest = stored_text(draft.text), None
            if text:
                words = _Words(practice_id, seq, _salt(self._random_bytes), text)
                digest = note_hmac(words.salt, text)
                texts.append(words)
            body = EventBody(
                practice_id=practice_id,
                seq=seq,
                event_id=draft.event_id or random_uuid(self._random_bytes),
                kind=draft.kind,
                subject_kind=draft.subject_kind,
                subject_id=draft.subject_id,
                patient_id=draft.patient_id,
                author_id=draft.author_id or self._author_id,
                system_user=draft.system_user or self._system_user,
                details=draft.details,
                text_hmac=digest,
                ledger_seq=ledger_seq,
                ledger_head=ledger_head.hex(),
                recorded_at=recorded_at,
            )
            array = canonical_event(body)
            this = event_hash(prev, array)
            events.append(_Link(practice_id, seq, prev, this, array))
            happened.append(Happened(body=body, hash=this))
            prev = this
        _add_links(connection, EVENT, events)
        _add_words(connection, EVENT_TEXT, texts)
        return tuple(happened)

    def after_flush(self, session: OrmSession, _context: UOWTransaction) -> None:
        """Write an event for every record that a flush has saved or removed."""
        drafts = [
            *(_event_of(row, EventKind.RECORDED) for row in session.new if _is_journaled(row)),
            *(
                _event_of(row, EventKind.CHANGED)
                for row in session.dirty
                if _is_journaled(row) and session.is_modified(row)
            ),
            *(_event_of(row, EventKind.REMOVED) for row in session.deleted if _is_journaled(row)),
        ]
        drafts.sort(key=lambda draft: draft.practice_id)
        for _, group in groupby(drafts, key=lambda draft: draft.practice_id):
            self._write(list(group))


class UnitOfWork:
    """What a service holds while it reads or writes: a session, the ledger and the journal.

    Attributes:
        session: For rows of the practice's records.
        ledger: For entries of time.
        journal: For events; records saved through the session are written there by themselves.
        is_writable: Whether it was opened for writing.
        random_bytes: Where salts and new ids come from; None for the system's own source.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        is_writable: bool,
        actor: Actor | None = None,
        at: datetime | None = None,
        random_bytes: RandomBytes | None = None,
    ) -> None:
        self.connection: Final = connection
        self.is_writable: Final = is_writable
        self.random_bytes: Final = random_bytes
        self.session: Final = Session(
            bind=connection, join_transaction_mode="rollback_only", expire_on_commit=False
        )
        self.ledger: Final = LedgerWriter(
            self.session, is_writable=is_writable, random_bytes=random_bytes
        )
        self.journal: Final = JournalWriter(
            self.session, is_writable=is_writable, actor=actor, at=at, random_bytes=random_bytes
        )
        if is_writable:
            event.listen(self.session, "before_flush", _refuse_broken_texts)
            event.listen(self.session, "after_flush", self.journal.after_flush)

    def new_id(self, prefix: str) -> str:
        """Return a new id, as ``values.ids.new_id`` makes it, drawn where this unit's salts are."""
        return new_id(prefix, self.random_bytes)


def _refuse_broken_texts(session: OrmSession, _context: UOWTransaction, _rows: object) -> None:
    """Refuse a record whose text holds what no database keeps faithfully.

    Raises:
        InvalidValueError: It holds a NUL character or an unpaired surrogate.
    """
    for row in (*session.new, *session.dirty):
        for value in vars(row).values():
            if isinstance(value, str):
                checked_text(value)


def head_of(
    connection: Connection, heads: Table, practice_id: str, *, is_locking: bool = False
) -> tuple[int, bytes]:
    """Return number and hash of the last link of a practice's ledger or journal.

    Args:
        connection: To the store.
        heads: ``LEDGER_HEAD`` or ``JOURNAL_HEAD``.
        practice_id: Whose.
        is_locking: Keep other writers of this practice waiting until the unit of work is done.

    Raises:
        NotFoundError: There is no such practice.
    """
    wanted = select(heads.c.seq, heads.c.hash).where(heads.c.practice_id == practice_id)
    found = connection.execute(wanted.with_for_update() if is_locking else wanted).one_or_none()
    if found is None:
        raise NotFoundError("practice", practice_id)
    return int(found.seq), bytes(found.hash)


def row_text(columns: Mapping[str, object]) -> str:
    """Write a record's columns as the journal keeps them: JSON with sorted keys.

    Example:
        >>> row_text({"on_day": date(2026, 11, 3), "score": 12, "password_hash": "x"})
        '{"on_day":"2026-11-03","score":12}'
    """
    return _ROW_TEXT.encode(
        {name: _plain(value) for name, value in columns.items() if name not in _NOT_WRITTEN_OUT}
    )


def subject_id_of(row: TrellisTable) -> str:
    """Return a record's key within its practice, as the journal names it."""
    return _subject_id([getattr(row, column.name) for column in _table_of(row).primary_key])


def _subject_id(keys: Sequence[object]) -> str:
    return "/".join(str(key) for key in keys[1:] or keys)


def _table_of(row: TrellisTable) -> Table:
    table: Table = row.__table__  # type: ignore[attr-defined]
    return table


def _event_of(row: TrellisTable, kind: EventKind) -> EventDraft:
    table = _table_of(row)
    values = {column.name: getattr(row, column.name) for column in table.columns}
    return _event_of_values(table, values, kind, is_password_set=_is_password_set(row, kind))


def _event_of_values(
    table: Table, values: Mapping[str, object], kind: EventKind, *, is_password_set: bool
) -> EventDraft:
    patient = values.get("id" if table.name == "patient" else "patient_id")
    return EventDraft(
        practice_id=str(values["id" if table.name == "practice" else "practice_id"]),
        kind=kind,
        subject_kind=table.name,
        subject_id=_subject_id([values[column.name] for column in table.primary_key]),
        patient_id=None if patient is None else str(patient),
        details=_PASSWORD_SET if is_password_set else None,
        text=row_text(values),
    )


def _has_one(row: TrellisTable) -> bool:
    """Say whether a new record holds a password."""
    return isinstance(row, StaffRow) and row.password_hash is not None


def _is_password_set(row: TrellisTable, kind: EventKind) -> bool:
    """Say whether this saves another password: the one change that its words do not show."""
    if not isinstance(row, StaffRow) or row.password_hash is None:
        return False
    state: InstanceState[StaffRow] = inspect(row)
    return kind is EventKind.RECORDED or state.attrs.password_hash.history.has_changes()


def _is_journaled(row: object) -> bool:
    return isinstance(row, TrellisTable) and not isinstance(row, NOT_JOURNALED)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value


def _salt(random_bytes: RandomBytes | None) -> bytes:
    return (random_bytes or secrets.token_bytes)(_SALT_BYTES)


class _Link(NamedTuple):
    """A row of a chain, as far as it is given."""

    practice_id: str
    seq: int
    prev: bytes
    hash: bytes
    body: str


class _Words(NamedTuple):
    """A row of what lies beside a chain."""

    practice_id: str
    seq: int
    salt: bytes
    text: str


_TYPES: Final[Mapping[str, str]] = {
    "practice_id": "text",
    "seq": "bigint",
    "prev": "bytea",
    "hash": "bytea",
    "body": "text",
    "salt": "bytea",
    "text": "text",
}


def _add_links(connection: Connection, table: Table, links: Sequence[_Link]) -> None:
    _add_tuples(connection, table, _Link._fields, links)


def _add_words(connection: Connection, table: Table, words: Sequence[_Words]) -> None:
    if words:
        _add_tuples(connection, table, _Words._fields, words)


def _add_tuples(
    connection: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> None:
    """Insert rows as they are, many of them in one statement.

    PostgreSQL's guards count statements. SQLite keeps what a statement may have to take back, page by
    page: with many rows in one it does so once for all of them.
    """
    into = f"INSERT INTO {table.name} ({', '.join(names)})"
    if connection.dialect.name == POSTGRESQL:
        if len(rows) == 1:
            connection.execute(insert(table), dict(zip(names, rows[0], strict=True)))
            return
        arrays = ", ".join(f"CAST(:{name} AS {_TYPES[name]}[])" for name in names)
        connection.execute(
            sql_text(f"{into} SELECT * FROM unnest({arrays})"),  # noqa: S608 - own constants
            dict(zip(names, (list(column) for column in zip(*rows, strict=True)), strict=True)),
        )
        return
    row = f"({', '.join('?' for _ in names)})"
    whole = len(rows) - len(rows) % _ROWS_A_STATEMENT
    if whole:
        connection.exec_driver_sql(
            f"{into} VALUES {', '.join([row] * _ROWS_A_STATEMENT)}",
            [
                tuple(chain.from_iterable(rows[at : at + _ROWS_A_STATEMENT]))
                for at in range(0, whole, _ROWS_A_STATEMENT)
            ],
        )
    if rows[whole:]:
        connection.exec_driver_sql(f"{into} VALUES {row}", list(rows[whole:]))


def _require_writable(*, is_writable: bool) -> None:
    if not is_writable:
        raise StoreError("Entries are appended in a writing unit of work only.")


def _one_practice(practices: Iterable[str]) -> str:
    named = set(practices)
    if len(named) > 1:
        raise StoreError("Entries of several practices are appended practice by practice.")
    return named.pop()
