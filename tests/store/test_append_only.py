"""The database itself refuses to change what is in the ledger."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pysqlite3
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.support.ledger_case import NURSE, fill, work
from trellis_core.care.vocabulary import Program
from trellis_core.errors import NotFoundError, StoreError
from trellis_core.ledger.chain import EntryBody, EntryKind, canonical_body, entry_hash, parse_body
from trellis_core.services.integrity import check_store
from trellis_core.services.time_log import CorrectTime, correct_time, log_time
from trellis_core.store.engine import Store
from trellis_core.store.guards_sqlite import SQLITE_TRIGGERS
from trellis_core.store.unit_of_work import Draft

COPY = "(practice_id, seq, prev, hash, body)"

STATEMENTS = [
    "UPDATE entry SET body = body",
    "UPDATE entry SET hash = zeroblob(32) WHERE seq = 1",
    "UPDATE entry SET seq = seq + 10",
    "UPDATE OR IGNORE entry SET seq = 9 WHERE seq = 1",
    "UPDATE OR REPLACE entry SET seq = 2 WHERE seq = 1",
    "UPDATE entry SET practice_id = 'practice-2'",
    "DELETE FROM entry",
    "DELETE FROM entry WHERE seq = 3",
    f"INSERT OR REPLACE INTO entry {COPY} SELECT practice_id, seq, prev, hash, body FROM entry",
    f"REPLACE INTO entry {COPY} SELECT practice_id, seq, prev, hash, body FROM entry WHERE seq = 3",
    (
        f"REPLACE INTO entry {COPY} SELECT practice_id, 4, (SELECT hash FROM ledger_head WHERE "
        "practice_id = 'practice-1'), hash, replace(body, '\"practice-1\",1,', '\"practice-1\",4,') "
        "FROM entry WHERE seq = 1"
    ),
    f"INSERT INTO entry {COPY} SELECT practice_id, 9, hash, hash, body FROM entry WHERE seq = 3",
    (
        f"INSERT INTO entry {COPY} SELECT 'practice-2', 1, zeroblob(32), hash, body FROM entry "
        "WHERE seq = 1"
    ),
    (
        f"INSERT INTO entry {COPY} SELECT practice_id, 4, zeroblob(32), hash, body FROM entry "
        "WHERE seq = 3"
    ),
    f"INSERT INTO entry {COPY} VALUES ('practice-9', 1, zeroblob(32), zeroblob(32), '[]')",
    (
        f"INSERT OR IGNORE INTO entry {COPY} SELECT practice_id, 4, hash, hash, body FROM entry "
        "WHERE seq = 3"
    ),
    "UPDATE ledger_head SET seq = seq - 1",
    "UPDATE ledger_head SET seq = seq + 1",
    "UPDATE ledger_head SET hash = zeroblob(32)",
    "UPDATE ledger_head SET seq = seq, hash = hash",
    "UPDATE OR REPLACE ledger_head SET practice_id = 'practice-2' WHERE practice_id = 'practice-1'",
    "DELETE FROM ledger_head",
    "INSERT INTO ledger_head VALUES ('practice-1', 0, zeroblob(32))",
    "INSERT OR REPLACE INTO ledger_head VALUES ('practice-1', 0, zeroblob(32))",
    "REPLACE INTO ledger_head SELECT * FROM ledger_head",
    (
        "INSERT INTO ledger_head VALUES ('practice-1', 4, zeroblob(32)) "
        "ON CONFLICT DO UPDATE SET seq = 4"
    ),
    "UPDATE entry_note SET text = 'Something else'",
    "UPDATE entry_note SET salt = zeroblob(16)",
    "DELETE FROM entry_note",
    "REPLACE INTO entry_note SELECT practice_id, seq, salt, 'x' FROM entry_note",
    ("INSERT INTO entry_note SELECT practice_id, seq, zeroblob(16), 'x' FROM entry WHERE seq = 2"),
    "INSERT INTO entry_note VALUES ('practice-1', 99, zeroblob(16), 'x')",
    "DELETE FROM practice WHERE id = 'practice-1'",
    "REPLACE INTO practice SELECT * FROM practice WHERE id = 'practice-1'",
    "UPDATE practice SET id = 'practice-3' WHERE id = 'practice-1'",
]


@pytest.fixture
def ledger(store: Store, clock) -> Store:
    """A store with three entries: one with a note, one without, one reversal."""
    fill(store)
    log_time(work(note="Called"), store=store, actor=NURSE, clock=clock)
    entry = log_time(work(patient_id="pt-2"), store=store, actor=NURSE, clock=clock).entry
    correct_time(
        CorrectTime(entry_id_new="void-1", entry_id=entry.id, seconds=None, reason="wrong"),
        store=store,
        actor=NURSE,
        clock=clock,
    )
    return store


def contents(store: Store) -> list[object]:
    with store.reading() as unit:
        return [
            unit.connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1, 2").all()
            for table in ("entry", "ledger_head", "entry_note", "month_roll", "practice")
        ]


def _id(statement: str) -> str:
    return re.sub(r"\W+", "_", statement)[:70]


@pytest.mark.parametrize("statement", STATEMENTS, ids=map(_id, STATEMENTS))
def test_no_statement_changes_the_ledger(ledger: Store, statement: str):
    before = contents(ledger)
    with pytest.raises(IntegrityError), ledger.writing() as unit:
        unit.connection.exec_driver_sql(statement)
    assert contents(ledger) == before
    assert check_store(ledger).ok


@pytest.mark.parametrize("statement", STATEMENTS, ids=map(_id, STATEMENTS))
def test_nor_does_it_through_a_careless_connection_of_another_program(
    ledger: Store, statement: str
):
    """Without foreign keys and recursive triggers the guards still hold, but for the practice row."""
    before = contents(ledger)[:4]
    other = pysqlite3.connect(ledger.path, isolation_level=None)
    other.execute("PRAGMA recursive_triggers=OFF")
    other.execute("PRAGMA foreign_keys=OFF")
    try:
        other.execute(statement)
    except pysqlite3.IntegrityError:
        pass
    else:
        assert "practice" in statement.split()[:3]
    other.close()
    assert contents(ledger)[:4] == before


def forge(store: Store, change: Callable[[EntryBody], EntryBody]) -> None:
    """Append an entry with a right hash and number, but with contents that no service writes."""
    with store.writing() as unit:
        head = unit.connection.exec_driver_sql(
            "SELECT seq, hash FROM ledger_head WHERE practice_id = 'practice-1'"
        ).one()
        last = unit.connection.exec_driver_sql(
            "SELECT body FROM entry WHERE practice_id = 'practice-1' AND seq = 1"
        ).scalar_one()
        body = change(parse_body(last))
        forged = canonical_body(body)
        unit.connection.exec_driver_sql(
            f"INSERT INTO entry {COPY} VALUES (?, ?, ?, ?, ?)",
            ("practice-1", head.seq + 1, head.hash, entry_hash(head.hash, forged), forged),
        )


FORGERIES: dict[str, dict[str, object]] = {
    "another number in the body": {"seq": 9},
    "another practice in the body": {"practice_id": "practice-2"},
    "an id that is taken": {"entry_id": None},
    "no time at all": {"seconds": 0},
    "more than a day": {"seconds": 86_401},
    "negative time without a reversal": {"seconds": -60},
    "a reversal of nothing": {"kind": "reversal", "seconds": -1200},
    "a reversal of an unknown entry": {"kind": "reversal", "seconds": -1200, "reverses": "x"},
    "a month that is not the day's": {"ym": 202612},
    "a replacement of an unknown entry": {"replaces": "x"},
    "shared by nobody": {"patients_sharing": 0},
}


@pytest.mark.parametrize("what", FORGERIES)
def test_an_entry_that_contradicts_itself_is_refused(ledger: Store, what: str):
    changes = dict(FORGERIES[what])
    before = contents(ledger)

    def change(body: EntryBody) -> EntryBody:
        fields = {"seq": 4, "entry_id": "forged", "note_hmac": None} | changes
        fields["entry_id"] = fields["entry_id"] or body.entry_id
        if "kind" in fields:
            fields["kind"] = EntryKind(fields["kind"])
        return replace(body, **fields)

    with pytest.raises(IntegrityError):
        forge(ledger, change)
    assert contents(ledger) == before


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seconds": -1199},
        {"patient_id": "pt-3"},
        {"program": "PCM"},
        {"staff_id": None},
        {"ym": 202610, "service_day": "2026-10-03"},
    ],
)
def test_a_reversal_must_mirror_its_entry_and_come_once(ledger: Store, changes):
    def reversal(entry_id: str, **more: object) -> Callable[[EntryBody], EntryBody]:
        def change(body: EntryBody) -> EntryBody:
            fields = {
                "seq": 4,
                "entry_id": entry_id,
                "kind": EntryKind.REVERSAL,
                "seconds": -1200,
                "reverses": body.entry_id,
                "note_hmac": "0" * 64,
            } | more
            if "program" in fields:
                fields["program"] = Program(fields["program"])
            return replace(body, **fields)

        return change

    if changes:
        with pytest.raises(IntegrityError, match="exact negative"):
            forge(ledger, reversal("r-1", **changes))
    else:
        forge(ledger, reversal("r-1"))
        with pytest.raises(IntegrityError, match="written once"):
            forge(ledger, reversal("r-2", seq=5))


def test_what_the_database_says_holds_nothing_that_was_typed(ledger: Store):
    with pytest.raises(IntegrityError) as refused, ledger.writing() as unit:
        unit.connection.execute(
            text("UPDATE entry_note SET text = :note"), {"note": "Jane Canary called"}
        )
    assert "Canary" not in str(refused.value)


def test_every_guard_is_installed_and_nothing_else(ledger: Store):
    with ledger.reading() as unit:
        names = unit.connection.exec_driver_sql(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
        ).scalars()
        assert set(names) == set(SQLITE_TRIGGERS)


def test_entries_are_appended_by_a_writing_unit_of_one_practice_only(ledger: Store):
    with ledger.reading() as unit:
        stored = unit.connection.exec_driver_sql(
            "SELECT body FROM entry WHERE seq = 1"
        ).scalar_one()
        first = Draft(body=parse_body(stored))
        with pytest.raises(StoreError, match="writing"):
            unit.ledger.append([first])
    other = Draft(body=replace(first.body, practice_id="practice-2"))
    unknown = Draft(body=replace(first.body, practice_id="practice-9"))
    with ledger.writing() as unit:
        with pytest.raises(StoreError, match="practice by practice"):
            unit.ledger.append([first, other])
        with pytest.raises(NotFoundError):
            unit.ledger.append([unknown])
        assert unit.ledger.append([]) == ()


def test_the_lock_lies_beside_the_database(ledger: Store):
    assert Path(f"{ledger.path}.lock").parent == ledger.path.parent
    assert {each.suffix for each in ledger.path.parent.iterdir()} <= {
        ".db",
        ".lock",
        ".db-wal",
        ".db-shm",
    }
