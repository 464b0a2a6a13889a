"""One piece of work on the store: one connection, one transaction, and the only writer of chains.

Every record that is saved through the session is written to the journal in the same unit of work,
whoever saves it: a service cannot forget to. Only bulk inserts, which pass the session by, tell the
journal themselves (``recorded``).
"""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection, Table, event, insert, inspect, select
from sqlalchemy import text as sql_text
from sqlalchemy.orm import InstanceState, UOWTransaction
from sqlalchemy.orm import Session as OrmSession
from sqlmodel import Session

from trellis_core.access import Actor
from trellis_core.errors import NotFoundError, StoreError
from trellis_core.ledger.chain import (
    EntryBody,
    canonical_body,
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
from trellis_core.store.tables import (
    ENTRY,
    ENTRY_NOTE,
    EVENT,
    EVENT_TEXT,
    JOURNAL_HEAD,
    LEDGER_HEAD,
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

_SALT_BYTES: Final = 16
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

    def __init__(self, session: Session, *, is_writable: bool) -> None:
        self._session = session
        self._is_writable = is_writable

    def append(self, drafts: Sequence[Draft]) -> tuple[Appended, ...]:
        """Give entries of one practice the next places in its ledger, in the order given.

        Args:
            drafts: Entries of one practice; many at once cost little more than one.

        Raises:
            NotFoundError: There is no such practice.
            StoreError: The unit of work is for reading, or the drafts are of several practices.
        """
        if not drafts:
            return ()
        _require_writable(is_writable=self._is_writable)
        practice_id = _one_practice(draft.body.practice_id for draft in drafts)
        self._session.flush()
        connection = self._session.connection()
        seq, prev = head_of(connection, LEDGER_HEAD, practice_id, is_locking=True)
        appended: list[Appended] = []
        entries: list[dict[str, object]] = []
        notes: list[dict[str, object]] = []
        for draft in drafts:
            seq += 1
            note, salt, digest = stored_text(draft.note), b"", None
            if note:
                salt = secrets.token_bytes(_SALT_BYTES)
                digest = note_hmac(salt, note)
                notes.append({"practice_id": practice_id, "seq": seq, "salt": salt, "text": note})
            body = replace(draft.body, seq=seq, note_hmac=digest)
            text = canonical_body(body)
            this = entry_hash(prev, text)
            entries.append(_link(practice_id, seq, prev, this, text))
            appended.append(Appended(body=body, hash=this, note=note))
            prev = this
        _add_links(connection, ENTRY, entries)
        if notes:
            connection.execute(insert(ENTRY_NOTE), notes)
        return tuple(appended)


class JournalWriter:
    """Appends events to practices' journals; the only code that does."""

    def __init__(
        self, session: Session, *, is_writable: bool, actor: Actor | None, at: datetime | None
    ) -> None:
        self._session = session
        self._is_writable = is_writable
        self._author_id = None if actor is None else actor.person_id
        self._system_user = None if actor is None else actor.system_user
        self._at = at

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

    def recorded(self, rows: Iterable[TrellisTable]) -> None:
        """Tell the journal of rows of one practice that were inserted past the session."""
        self.append([_event_of(row, EventKind.RECORDED) for row in rows])

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
        events: list[dict[str, object]] = []
        texts: list[dict[str, object]] = []
        for draft in drafts:
            seq += 1
            words, salt, digest = stored_text(draft.text), b"", None
            if words:
                salt = secrets.token_bytes(_SALT_BYTES)
                digest = note_hmac(salt, words)
                texts.append({"practice_id": practice_id, "seq": seq, "salt": salt, "text": words})
            body = EventBody(
                practice_id=practice_id,
                seq=seq,
                event_id=draft.event_id or str(uuid4()),
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
            text = canonical_event(body)
            this = event_hash(prev, text)
            events.append(_link(practice_id, seq, prev, this, text))
            happened.append(Happened(body=body, hash=this))
            prev = this
        _add_links(connection, EVENT, events)
        if texts:
            connection.execute(insert(EVENT_TEXT), texts)
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
    """

    def __init__(
        self,
        connection: Connection,
        *,
        is_writable: bool,
        actor: Actor | None = None,
        at: datetime | None = None,
    ) -> None:
        self.connection: Final = connection
        self.is_writable: Final = is_writable
        self.session: Final = Session(
            bind=connection, join_transaction_mode="rollback_only", expire_on_commit=False
        )
        self.ledger: Final = LedgerWriter(self.session, is_writable=is_writable)
        self.journal: Final = JournalWriter(
            self.session, is_writable=is_writable, actor=actor, at=at
        )
        if is_writable:
            event.listen(self.session, "before_flush", _refuse_broken_texts)
            event.listen(self.session, "after_flush", self.journal.after_flush)


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
    return json.dumps(
        {name: _plain(value) for name, value in columns.items() if name not in _NOT_WRITTEN_OUT},
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )


def subject_id_of(row: TrellisTable) -> str:
    """Return a record's key within its practice, as the journal names it."""
    keys = [str(getattr(row, column.name)) for column in _table_of(row).primary_key]
    return "/".join(keys[1:] or keys)


def _table_of(row: TrellisTable) -> Table:
    table: Table = row.__table__  # type: ignore[attr-defined]
    return table


def _event_of(row: TrellisTable, kind: EventKind) -> EventDraft:
    table = _table_of(row)
    practice = "id" if table.name == "practice" else "practice_id"
    patient = "id" if table.name == "patient" else "patient_id"
    return EventDraft(
        practice_id=getattr(row, practice),
        kind=kind,
        subject_kind=table.name,
        subject_id=subject_id_of(row),
        patient_id=getattr(row, patient, None),
        details=_PASSWORD_SET if _is_password_set(row) else None,
        text=row_text({column.name: getattr(row, column.name) for column in table.columns}),
    )


def _is_password_set(row: TrellisTable) -> bool:
    """Say whether this saves another password: the one change that its words do not show."""
    if not isinstance(row, StaffRow) or row.password_hash is None:
        return False
    state: InstanceState[StaffRow] = inspect(row)
    return not state.session or state.attrs.password_hash.history.has_changes()


def _is_journaled(row: object) -> bool:
    return isinstance(row, TrellisTable) and not isinstance(row, NOT_JOURNALED)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value


def _link(practice_id: str, seq: int, prev: bytes, this: bytes, body: str) -> dict[str, object]:
    return {"practice_id": practice_id, "seq": seq, "prev": prev, "hash": this, "body": body}


_LINK_TYPES: Final = {
    "practice_id": "text",
    "seq": "bigint",
    "prev": "bytea",
    "hash": "bytea",
    "body": "text",
}


def _add_links(connection: Connection, chain: Table, links: Sequence[Mapping[str, object]]) -> None:
    """Insert links of a chain; many of them in one statement where the guards count statements."""
    if connection.dialect.name != "postgresql" or len(links) == 1:
        connection.execute(insert(chain), links)
        return
    arrays = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _LINK_TYPES.items())
    connection.execute(
        sql_text(
            f"INSERT INTO {chain.name} ({', '.join(_LINK_TYPES)}) "  # noqa: S608 - own constants
            f"SELECT * FROM unnest({arrays})"
        ),
        {name: [link[name] for link in links] for name in _LINK_TYPES},
    )


def _require_writable(*, is_writable: bool) -> None:
    if not is_writable:
        raise StoreError("Entries are appended in a writing unit of work only.")


def _one_practice(practices: Iterable[str]) -> str:
    named = set(practices)
    if len(named) > 1:
        raise StoreError("Entries of several practices are appended practice by practice.")
    return named.pop()
