"""One verifier for both chains: hash, link, number, head and clock of every entry and event.

The rows come straight from the database's driver in batches; the loop over them does nothing but
hash and compare. What does not fit leaves the loop and is looked at closely.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import BigInteger, LargeBinary

from trellis_core.ledger.chain import ENTRY_DOMAIN, GENESIS, EntryBody, parse_body
from trellis_core.ledger.journal import EVENT_DOMAIN, EventBody, parse_event
from trellis_core.services.integrity.report import Found
from trellis_core.store.dialects import POSTGRESQL
from trellis_core.store.kept_reads import ASKED_ANEW
from trellis_core.store.tables import (
    ENTRY,
    ENTRY_NOTE,
    EVENT,
    EVENT_TEXT,
    JOURNAL_HEAD,
    LEDGER_HEAD,
    TrellisTable,
)
from trellis_core.values.findings import Severity

AT_A_TIME: Final = 2_000
"""How many rows are held at once."""

TURN_SECONDS: Final = 60
"""How much earlier than the one before a link may be: who writes looks at the clock, then waits."""

_NEVER: Final = 1 << 62
_CURSORS: Final = count()

PRACTICE: Final = TrellisTable.metadata.tables["practice"]
"""The practices; who they are is nothing that a check reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainKind:
    """One of the two chains: where it is, and what its links are called.

    Attributes:
        name: ``ledger`` or ``journal``.
        noun: What one link is called.
        nouns: What several are called.
        domain: What each hash begins with.
        links: The links.
        heads: Number and hash of each practice's last link.
        texts: Words beside the links.
        text_noun: What such words are called.
        digest: The links' column with their keyed digest.
        parse: Reads a body; refuses whatever is not canonical.
    """

    name: str
    noun: str
    nouns: str
    domain: bytes
    links: Table
    heads: Table
    texts: Table
    text_noun: str
    digest: str
    parse: Callable[[str], EntryBody | EventBody] = field(repr=False)

    def called(self, seq: object) -> str:
        """Return how a sentence names one link."""
        return f"{self.noun} {seq}"


LEDGER: Final = ChainKind(
    name="ledger",
    noun="Entry",
    nouns="Entries",
    domain=ENTRY_DOMAIN,
    links=ENTRY,
    heads=LEDGER_HEAD,
    texts=ENTRY_NOTE,
    text_noun="note",
    digest="note_hmac",
    parse=parse_body,
)
JOURNAL: Final = ChainKind(
    name="journal",
    noun="Event",
    nouns="Events",
    domain=EVENT_DOMAIN,
    links=EVENT,
    heads=JOURNAL_HEAD,
    texts=EVENT_TEXT,
    text_noun="text",
    digest="text_hmac",
    parse=parse_event,
)
CHAINS: Final = (LEDGER, JOURNAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A place in a chain; the default is before the first.

    Attributes:
        seq: Number of the link.
        hash: Its hash.
        recorded_at: When it was recorded; 0 for not known.
    """

    seq: int = 0
    hash: bytes = GENESIS
    recorded_at: int = 0


START: Final = Link()
"""Before the first link of a chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainEnd:
    """The end of a chain that was followed.

    Attributes:
        read: How many links were read.
        last: The last one.
    """

    read: int
    last: Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What is compared: one practice or all, from somewhere on.

    Attributes:
        practice_id: Whose; None for everyone's.
        after: The links after these numbers, by the chain's name.
    """

    practice_id: str | None = None
    after: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether it begins with the first link of both chains."""
        return not any(self.after.values())

    def start(self, kind: ChainKind) -> int:
        """Return the number after which a chain is looked at; 0 for all of it."""
        return self.after.get(kind.name, 0)

    def of(self, table: FromClause, kind: ChainKind | None = None) -> list[ColumnElement[bool]]:
        """Return the conditions that keep a table's rows to this span.

        Args:
            table: A table with ``practice_id``, and ``seq`` where a chain is given.
            kind: The chain in which ``seq`` counts.
        """
        wanted: list[ColumnElement[bool]] = []
        if self.practice_id is not None:
            wanted.append(table.c.practice_id == self.practice_id)
        if kind is not None and self.start(kind):
            wanted.append(table.c.seq > self.start(kind))
        return wanted


class TextBytes(FunctionElement[bytes]):
    """A text's bytes as they are stored, whether or not they are a text."""

    type = LargeBinary()
    inherit_cache = True


@compiles(TextBytes, "sqlite")
def _sqlite_bytes(element: TextBytes, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401
    return f"CAST({compiler.process(element.clauses, **more)} AS BLOB)"


@compiles(TextBytes, "postgresql")
def _postgres_bytes(element: TextBytes, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401
    return f"convert_to({compiler.process(element.clauses, **more)}, 'UTF8')"


def raw_rows(connection: Connection, statement: Select[Any]) -> Iterator[Sequence[Any]]:
    """Yield a query's rows as the driver gives them, in batches; memory does not grow with them.

    Args:
        connection: To the store.
        statement: A query.
    """
    if connection.dialect.name == POSTGRESQL:
        yield from _server_rows(connection, statement)
        return
    result = connection.execute(statement, execution_options=ASKED_ANEW)
    try:
        cursor = result.cursor
        while rows := cursor.fetchmany(AT_A_TIME):
            yield rows
    finally:
        result.close()


def _server_rows(connection: Connection, statement: Select[Any]) -> Iterator[Sequence[Any]]:
    """Read with a cursor on the server, which hands out one batch after the other."""
    compiled = statement.compile(
        dialect=connection.dialect, compile_kwargs={"render_postcompile": True}
    )
    driver: Any = connection.connection.driver_connection
    with driver.cursor(name=f"trellis_check_{next(_CURSORS)}") as cursor:
        cursor.execute(str(compiled), compiled.params)
        while rows := cursor.fetchmany(AT_A_TIME):
            yield rows


def practices_of(connection: Connection, kind: ChainKind, practice_id: str | None) -> list[str]:
    """Return whose chains there are, also those without a head."""
    if practice_id is not None:
        return [practice_id]
    heads, links = kind.heads.c.practice_id, kind.links.c.practice_id
    named = set(connection.execute(select(heads)).scalars())
    headless = select(links).where(links.not_in(select(heads))).distinct()
    return sorted(named | set(connection.execute(headless).scalars()))


def follow(
    connection: Connection, kind: ChainKind, practice_id: str, *, start: Link, found: Found
) -> ChainEnd:
    """Recompute every hash of a practice's chain, follow every link, and compare with the head.

    Args:
        connection: To the store.
        kind: Which chain.
        practice_id: Whose.
        start: The link that is taken as proved.
        found: Where whatever does not fit is noted.
    """
    end = _follow_links(connection, kind, practice_id, start=start, found=found)
    heads = kind.heads
    stored = connection.execute(
        select(heads.c.seq, heads.c.hash).where(heads.c.practice_id == practice_id)
    ).one_or_none()
    last = end.last
    if stored is None or (stored.seq, stored.hash) != (last.seq, last.hash):
        noun = kind.noun.lower()
        told = "no practice" if stored is None else f"{noun} {stored.seq}"
        but = (
            f"but the last {noun} is {last.seq}"
            if stored is None or stored.seq != last.seq
            else "but with another hash than that has"
        )
        found.add(
            "L004",
            f"The head of the {kind.name} names {told}, {but}.",
            practice_id=practice_id,
            chain=kind.name,
            seq=last.seq or None,
        )
    return end


def _follow_links(
    connection: Connection, kind: ChainKind, practice_id: str, *, start: Link, found: Found
) -> ChainEnd:
    links = kind.links.c
    rows = (
        select(
            links.seq,
            links.prev,
            links.hash,
            func.coalesce(TextBytes(links.body), literal(b"", LargeBinary())),
            func.coalesce(cast(links.recorded_at, BigInteger()), 0),
        )
        .where(links.practice_id == practice_id)
        .order_by(links.seq)
    )
    if start.seq:
        rows = rows.where(links.seq > start.seq)
    odd = _Oddities(kind, practice_id, found)
    domain, digest_of = kind.domain, sha256
    slack = _NEVER if is_sample(connection, practice_id) else TURN_SECONDS
    number, last, before, read = start.seq, start.hash, start.recorded_at, 0
    for batch in raw_rows(connection, rows):
        for seq, prev, digest, body, at in batch:
            number += 1
            if not (
                seq == number
                and prev == last
                and digest_of(domain + prev + body).digest() == digest
                and at + slack >= before
            ):
                odd.look_at(number, last, seq, prev, digest, body)
                if at + slack < before:
                    odd.clock(seq)
                number = seq
            last = digest
            before = at
        read += len(batch)
    return ChainEnd(read=read, last=Link(seq=number, hash=last, recorded_at=before))


def is_sample(connection: Connection, practice_id: str) -> bool:
    """Say whether a practice is a made-up one."""
    sample = PRACTICE.c.is_sample
    return bool(
        connection.execute(select(sample).where(PRACTICE.c.id == practice_id)).scalar_one_or_none()
    )


class _Oddities:
    """Says what is wrong with a link that does not fit."""

    def __init__(self, kind: ChainKind, practice_id: str, found: Found) -> None:
        self._kind = kind
        self._practice_id = practice_id
        self._found = found

    def look_at(
        self, expected: int, last: object, seq: int, prev: object, digest: object, body: object
    ) -> None:
        """Report what is wrong with one link."""
        kind = self._kind
        called = kind.called(seq)
        if seq > expected:
            missing = (
                f"{kind.called(expected)} is missing"
                if seq == expected + 1
                else f"{kind.nouns} {expected} to {seq - 1} are missing"
            )
            self._add("L002", f"{missing}: the numbers have a gap before {seq}.", seq)
        elif seq < expected:
            self._add("L002", f"{called} has a number that none can have.", seq)
        elif prev != last:
            self._add("L003", f"{called} does not follow the one before it.", seq)
        if not (
            isinstance(prev, bytes)
            and isinstance(body, bytes)
            and sha256(kind.domain + prev + body).digest() == digest
        ):
            self._add(
                "L001",
                f"{called} was changed after it was written: its hash does not fit its contents.",
                seq,
            )

    def clock(self, seq: int) -> None:
        """Report a link that bears an earlier time than the one before it."""
        self._add(
            "L016",
            f"{self._kind.called(seq)} bears an earlier time than the one before it: "
            "the clock went back.",
            seq,
            severity=Severity.WARNING,
        )

    def _add(
        self, code: str, message: str, seq: int, *, severity: Severity = Severity.ERROR
    ) -> None:
        self._found.add(
            code,
            message,
            severity=severity,
            practice_id=self._practice_id,
            chain=self._kind.name,
            seq=seq,
        )
