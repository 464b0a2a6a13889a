"""Stores to measure, on either database, and the plain tables that are their floor."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pysqlite3

from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.ledger.chain import GENESIS, canonical_body, entry_hash
from trellis_core.services.time_log import LogTime, drafts_of
from trellis_core.store.engine import Store, open_store
from trellis_core.store.tables import PatientRow, PracticeRow, StaffRow
from trellis_core.store.unit_of_work import Draft
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id

NOW = FixedClock(datetime(2026, 11, 20, 17, 0, tzinfo=UTC))
PATIENTS = 2_000
ENTRIES_OF_A_MONTH = 20_000
NOTE_OF_EVERY = 3
"""Every third entry has a note."""

_MONTHS_BACK = 60
_PRACTICE = "practice-1"
_ZONE = ZoneInfo("America/New_York")
_NOTE = "Called about the new inhaler; uses it as shown. Next call in two weeks."


def nurse(number: int = 0) -> Actor:
    """Return a person who records."""
    return Actor(practice_id=_PRACTICE, person_id=f"staff-{number}", role=AccessRole.COORDINATOR)


def fill(store: Store, *, nurses: int) -> None:
    """Write a practice with its people and patients."""
    with store.writing() as unit:
        unit.session.add(
            PracticeRow(id=_PRACTICE, name="Example", time_zone=str(_ZONE), created_at=NOW.instant)
        )
        unit.session.flush()
        for number in range(nurses):
            unit.session.add(
                StaffRow(
                    practice_id=_PRACTICE,
                    id=nurse(number).person_id,
                    role="clinical_staff",
                    access=AccessRole.COORDINATOR.value,
                )
            )
        for number in range(PATIENTS):
            unit.session.add(
                PatientRow(
                    practice_id=_PRACTICE,
                    id=f"pt-{number}",
                    mrn=f"M{number}",
                    family_name="Example",
                    created_at=NOW.instant,
                )
            )


def form(number: int, *, who: Actor) -> LogTime:
    """Return a piece of this month's work; its patient and length follow from its number."""
    return LogTime(
        entry_id=new_entry_id(),
        patient_id=f"pt-{number % PATIENTS}",
        program=Program.CCM,
        staff_id=who.person_id,
        started_at=datetime(2026, 11, 3, 15, 0, tzinfo=UTC) + timedelta(minutes=number % 1_440),
        seconds=60 + number % 1_140,
        activity=Activity.CARE_COORDINATION,
        note=_NOTE if number % NOTE_OF_EVERY == 0 else "",
    )


def drafts(first: int, number: int) -> list[Draft]:
    """Return entries of the months before this one, twenty thousand a month."""
    made: list[Draft] = []
    who = nurse()
    for each in range(first, first + number):
        month = each // ENTRIES_OF_A_MONTH % _MONTHS_BACK
        at = datetime(2021 + month // 12, month % 12 + 1, 2 + each % 25, 15, 0, tzinfo=UTC)
        made += drafts_of(
            LogTime(
                entry_id=f"{each:08x}-0000-4000-8000-000000000000",
                patient_id=f"pt-{each % PATIENTS}",
                program=Program.CCM,
                staff_id=who.person_id,
                started_at=at + timedelta(minutes=each % 300),
                seconds=60 + each % 1_140,
                activity=Activity.CARE_COORDINATION,
                note=_NOTE if each % NOTE_OF_EVERY == 0 else "",
            ),
            zone=_ZONE,
            practice_id=_PRACTICE,
            author_id=who.person_id,
            now=NOW.instant,
        )
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where stores are made.

    Attributes:
        url: Of the store that is measured.
        floor: What the bare driver connects to: another database in the same place.
        folder: For files.
        is_server: It is PostgreSQL.
    """

    url: str
    floor: str
    folder: Path
    is_server: bool

    def open(self) -> Store:
        """Open the store."""
        return open_store(self.url)


@contextmanager
def place(database: str) -> Iterator[Place]:
    """Make room for a store and its floor, and remove both; keys lie there too."""
    folder = Path(tempfile.mkdtemp(prefix="trellis-bench-", dir=os.environ.get("TMPDIR")))
    before = os.environ.get("TRELLIS_DATA_FOLDER")
    os.environ["TRELLIS_DATA_FOLDER"] = str(folder / "data")
    try:
        if database == "sqlite":
            yield Place(
                url=f"sqlite:///{folder / 'trellis.db'}",
                floor=str(folder / "floor.db"),
                folder=folder,
                is_server=False,
            )
        else:
            # The server of the tests: it is started here and ends with us.
            from tests.support.postgres import databases  # noqa: PLC0415

            server = databases()
            try:
                name, floor = server.migrated(), server.blank()
                yield Place(
                    url=server.url(name),
                    floor=server.server.dsn(floor),
                    folder=folder,
                    is_server=True,
                )
            finally:
                server.remove()
    finally:
        if before is None:
            del os.environ["TRELLIS_DATA_FOLDER"]
        else:
            os.environ["TRELLIS_DATA_FOLDER"] = before
        shutil.rmtree(folder, ignore_errors=True)


class Bare:
    """The bare driver and a plain table: no guards, no columns, no index but the key.

    It has the same settings as a store: a commit returns when its bytes are on the disk.
    """

    def __init__(self, where: str, *, is_server: bool, table: str = "plain") -> None:
        self._is_server = is_server
        self._table = table
        if is_server:
            import psycopg  # noqa: PLC0415 - an extra

            self._connection: Any = psycopg.connect(where, autocommit=True)
            blob, mark = "bytea", "%s"
        else:
            self._connection = pysqlite3.connect(where, isolation_level=None, timeout=60)
            for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                self._connection.execute(f"PRAGMA {setting}")
            blob, mark = "BLOB", "?"
        self._connection.execute(
            f"CREATE TABLE IF NOT EXISTS {table} (seq bigint PRIMARY KEY, prev {blob}, "
            f"hash {blob}, body text, note text)"
        )
        places = ", ".join([mark] * 5)
        self._insert = f"INSERT INTO {table} VALUES ({places})"  # noqa: S608 - names of our own

    def save(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Save rows in one transaction."""
        self._connection.execute("BEGIN" if self._is_server else "BEGIN IMMEDIATE")
        if len(rows) == 1:
            self._connection.execute(self._insert, rows[0])
        elif self._is_server:
            with self._connection.cursor() as cursor:
                cursor.executemany(self._insert, rows)
        else:
            self._connection.executemany(self._insert, rows)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def rows_like(first: int, number: int) -> list[tuple[object, ...]]:
    """Return the bytes of entries, as a plain table would hold them."""
    made: list[tuple[object, ...]] = []
    for seq, draft in enumerate(drafts(first, number), first):
        body = canonical_body(draft.body)
        made.append((seq, GENESIS, entry_hash(GENESIS, body), body, draft.note or None))
    return made


def read_and_hash(place: Place) -> int:
    """Read every entry with the bare driver and take one SHA-256 of each: the floor of a check."""
    asked = "SELECT prev, hash, body FROM entry ORDER BY practice_id, seq"
    read = 0
    if place.is_server:
        import psycopg  # noqa: PLC0415 - an extra

        dsn = place.url.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(dsn) as connection, connection.cursor("floor") as cursor:
            cursor.itersize = 5_000
            for prev, digest, body in cursor.execute(asked):
                read += sha256(prev + body.encode()).digest() != digest
        return read
    connection = pysqlite3.connect(place.url.removeprefix("sqlite:///"))
    for prev, digest, body in connection.execute(asked):
        read += sha256(prev + body.encode()).digest() != digest
    connection.close()
    return read


def add_up(place: Place) -> int:
    """Add every patient's month up with the bare driver: the floor of reconciling the totals."""
    asked = (
        "SELECT practice_id, ym, patient_id, program, sum(seconds), count(*) FROM entry "
        "GROUP BY practice_id, ym, patient_id, program"
    )
    if place.is_server:
        import psycopg  # noqa: PLC0415 - an extra

        dsn = place.url.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(dsn) as server:
            return len(server.execute(asked).fetchall())
    connection = pysqlite3.connect(place.url.removeprefix("sqlite:///"))
    found = len(connection.execute(asked).fetchall())
    connection.close()
    return found
