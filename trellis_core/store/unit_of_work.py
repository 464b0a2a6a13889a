"""One piece of work on the store: one connection, one transaction, and the ledger's only writer."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, insert, select
from sqlmodel import Session

from trellis_core.errors import NotFoundError, StoreError
from trellis_core.ledger.chain import EntryBody, canonical_body, entry_hash, note_hmac, stored_text
from trellis_core.store.tables import ENTRY, ENTRY_NOTE, LEDGER_HEAD

_SALT_BYTES: Final = 16


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
        note: The note as it is stored.
    """

    body: EntryBody
    hash: bytes
    note: str


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
        if not self._is_writable:
            raise StoreError("Entries are appended in a writing unit of work only.")
        practice_id = drafts[0].body.practice_id
        if any(draft.body.practice_id != practice_id for draft in drafts):
            raise StoreError("Entries of several practices are appended practice by practice.")
        self._session.flush()
        connection = self._session.connection()
        seq, prev = self._head(connection, practice_id)
        appended: list[Appended] = []
        entries: list[dict[str, object]] = []
        notes: list[dict[str, object]] = []
        for draft in drafts:
            seq += 1
            note, salt, digest = stored_text(draft.note), b"", None
            if note:
                salt = secrets.token_bytes(_SALT_BYTES)
                digest = note_hmac(salt, note)
            body = replace(draft.body, seq=seq, note_hmac=digest)
            text = canonical_body(body)
            this = entry_hash(prev, text)
            entries.append(
                {"practice_id": practice_id, "seq": seq, "prev": prev, "hash": this, "body": text}
            )
            if digest is not None:
                notes.append(
                    {
                        "practice_id": practice_id,
                        "seq": seq,
                        "salt": salt,
                        "text": note,
                    }
                )
            appended.append(Appended(body=body, hash=this, note=note))
            prev = this
        connection.execute(insert(ENTRY), entries)
        if notes:
            connection.execute(insert(ENTRY_NOTE), notes)
        return tuple(appended)

    @staticmethod
    def _head(connection: Connection, practice_id: str) -> tuple[int, bytes]:
        found = connection.execute(
            select(LEDGER_HEAD.c.seq, LEDGER_HEAD.c.hash)
            .where(LEDGER_HEAD.c.practice_id == practice_id)
            .with_for_update()
        ).one_or_none()
        if found is None:
            raise NotFoundError("practice", practice_id)
        return int(found.seq), bytes(found.hash)


class UnitOfWork:
    """What a service holds while it reads or writes: a session and the ledger.

    Attributes:
        session: For rows of the practice's records.
        ledger: For entries of time.
        is_writable: Whether it was opened for writing.
    """

    def __init__(self, connection: Connection, *, is_writable: bool) -> None:
        self.connection: Final = connection
        self.is_writable: Final = is_writable
        self.session: Final = Session(
            bind=connection, join_transaction_mode="rollback_only", expire_on_commit=False
        )
        self.ledger: Final = LedgerWriter(self.session, is_writable=is_writable)
