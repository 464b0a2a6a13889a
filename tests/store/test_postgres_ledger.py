"""PostgreSQL itself refuses to change what is in the ledger, or the check finds that it was changed."""

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from tests.support.ledger_case import NURSE, OTHER_NURSE, fill, work
from tests.support.postgres import OWNER, SUPERUSER, Databases
from tests.unit.ledger import test_chain as chain_vectors
from tests.unit.ledger import test_journal as journal_vectors
from trellis_core.care.vocabulary import Program
from trellis_core.errors import CommandRefusedError
from trellis_core.ledger.chain import (
    ENTRY_DOMAIN,
    GENESIS,
    canonical_body,
    entry_hash,
    parse_body,
)
from trellis_core.ledger.journal import EVENT_DOMAIN, canonical_event, event_hash
from trellis_core.services.integrity import check_store
from trellis_core.services.time_log import CorrectTime, correct_time, entries_of, log_time
from trellis_core.services.timers import start_timer
from trellis_core.store.engine import Store
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[2]
CLOCK = FixedClock(datetime(2026, 11, 20, 17, 0, tzinfo=UTC))
TABLES = (
    *("entry", "entry_note", "ledger_head", "event", "event_text", "journal_head", "month_roll"),
    *("practice", "store_identity", "checkpoint", "superbill", "month_mark", "withheld_note"),
)
COPY = "(practice_id, seq, prev, hash, body)"
ZERO = "decode(repeat('00', 32), 'hex')"

ROWS = [
    "UPDATE entry SET body = body",
    f"UPDATE entry SET hash = {ZERO} WHERE seq = 1",
    "UPDATE entry SET seq = seq + 10",
    "UPDATE entry SET practice_id = 'practice-2'",
    "DELETE FROM entry",
    "DELETE FROM entry WHERE seq = 3",
    "TRUNCATE entry, entry_note, withheld_note",
    "TRUNCATE practice CASCADE",
    (
        f"INSERT INTO entry {COPY} SELECT practice_id, seq, prev, hash, body FROM entry "
        "ON CONFLICT (practice_id, seq) DO UPDATE SET body = '[]'"
    ),
    (
        "MERGE INTO entry AS e USING entry AS o ON e.seq = o.seq AND e.practice_id = o.practice_id "
        "WHEN MATCHED THEN DELETE"
    ),
    (
        "MERGE INTO entry AS e USING entry AS o ON e.seq = o.seq AND e.practice_id = o.practice_id "
        "WHEN MATCHED THEN UPDATE SET body = '[]'"
    ),
    "WITH gone AS (DELETE FROM entry RETURNING *) SELECT count(*) FROM gone",
    f"INSERT INTO entry {COPY} SELECT practice_id, 9, hash, hash, body FROM entry WHERE seq = 3",
    f"INSERT INTO entry {COPY} SELECT 'practice-2', 1, {ZERO}, hash, body FROM entry WHERE seq = 1",
    f"INSERT INTO entry {COPY} VALUES ('practice-9', 1, {ZERO}, {ZERO}, '[]')",
    "UPDATE entry_note SET text = 'Something else'",
    f"UPDATE entry_note SET salt = {ZERO}",
    "DELETE FROM entry_note",
    "TRUNCATE entry_note, withheld_note",
    "INSERT INTO entry_note SELECT practice_id, seq, '\\x00', 'x' FROM entry WHERE seq = 2",
    "UPDATE event SET body = '[]'",
    "DELETE FROM event",
    "TRUNCATE event CASCADE",
    "UPDATE event_text SET text = ''",
    "DELETE FROM event_text",
    "UPDATE ledger_head SET seq = seq - 1",
    "UPDATE ledger_head SET seq = seq + 1",
    f"UPDATE ledger_head SET hash = {ZERO}",
    "UPDATE ledger_head SET practice_id = practice_id",
    "UPDATE ledger_head SET practice_id = 'practice-3' WHERE practice_id = 'practice-2'",
    "DELETE FROM ledger_head",
    f"INSERT INTO ledger_head VALUES ('practice-1', 0, {ZERO})",
    (
        f"INSERT INTO ledger_head VALUES ('practice-1', 4, {ZERO}) "
        "ON CONFLICT (practice_id) DO UPDATE SET seq = 4"
    ),
    "TRUNCATE ledger_head CASCADE",
    "UPDATE journal_head SET seq = 0",
    "DELETE FROM journal_head",
    "UPDATE month_roll SET seconds = seconds + 60",
    "UPDATE month_roll SET entries = 99",
    "DELETE FROM month_roll",
    "TRUNCATE month_roll",
    "DELETE FROM practice WHERE id = 'practice-1'",
    "UPDATE practice SET id = 'practice-3' WHERE id = 'practice-1'",
    "UPDATE store_identity SET id = 'another'",
    "DELETE FROM store_identity",
    "INSERT INTO store_identity VALUES ('another')",
    "INSERT INTO checkpoint SELECT 'practice-1', 7, '[]', 'x'",
]
"""Statements on rows: refused whoever sends them."""

DEFINITIONS = [
    "ALTER TABLE entry DISABLE TRIGGER ALL",
    "ALTER TABLE entry DISABLE TRIGGER guard_entry_change",
    "ALTER TABLE entry ADD COLUMN more text",
    "ALTER TABLE entry DROP COLUMN mode",
    "ALTER TABLE entry DROP CONSTRAINT pk_entry",
    "ALTER TABLE entry RENAME TO other",
    "ALTER TABLE entry SET UNLOGGED",
    "ALTER TABLE entry ENABLE ROW LEVEL SECURITY",
    "CREATE RULE nothing AS ON INSERT TO entry DO INSTEAD NOTHING",
    "CREATE TRIGGER mine BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION guard_entry_never()",
    "CREATE INDEX mine ON entry (kind)",
    "CREATE TABLE mine (x int)",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "DROP TABLE entry CASCADE",
    "DROP TABLE event_text",
    "DROP TRIGGER guard_entry_change ON entry",
    "DROP FUNCTION guard_entry_never() CASCADE",
    "DROP INDEX uq_entry_entry_id",
    "DROP SCHEMA public CASCADE",
    (
        "CREATE OR REPLACE FUNCTION guard_entry_never() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN RETURN NEW; END'"
    ),
    "ALTER FUNCTION guard_entry_never() SECURITY INVOKER",
    "ALTER FUNCTION guard_entry_never() RENAME TO other",
    "SET session_replication_role = replica",
    "SET LOCAL session_replication_role = 'replica'",
    "SELECT set_config('session_replication_role', 'replica', false)",
    "SET fsync = off",
    "ALTER SYSTEM SET fsync = off",
    "ALTER ROLE trellis_app SUPERUSER",
    "COPY entry FROM PROGRAM 'cat /dev/null'",
    (
        "CREATE TEMP TABLE mine (LIKE entry); CREATE TRIGGER mine AFTER INSERT ON mine "
        "FOR EACH ROW EXECUTE FUNCTION guard_entry_insert()"
    ),
]
"""Statements on what guards the rows, and on the server: refused to the working role."""


@pytest.fixture
def ledger(postgres_store: Store) -> Store:
    """A store with three entries: one with a note, one without, one reversal; and its journal."""
    fill(postgres_store)
    log_time(work(note="Called"), store=postgres_store, actor=NURSE, clock=CLOCK)
    entry = log_time(work(patient_id="pt-2"), store=postgres_store, actor=NURSE, clock=CLOCK).entry
    correct_time(
        CorrectTime(entry_id_new="void-1", entry_id=entry.id, seconds=None, reason="wrong"),
        store=postgres_store,
        actor=NURSE,
        clock=CLOCK,
    )
    return postgres_store


def contents(store: Store) -> list[object]:
    with store.reading() as unit:
        return [
            unit.connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1, 2").all()
            if table != "store_identity"
            else unit.connection.exec_driver_sql("SELECT * FROM store_identity").all()
            for table in TABLES
        ]


def as_login(
    postgres: Databases, store: Store, login: str
) -> "psycopg.Connection[tuple[object, ...]]":
    """Connect past Trellis, with all that a login may do."""
    database = store.engine.url.database
    assert database
    return psycopg.connect(postgres.server.dsn(database, login), autocommit=True)


def _id(statement: str) -> str:
    return re.sub(r"\W+", "_", statement)[:60]


def _skip_if_unknown(postgres: Databases, statement: str) -> None:
    with postgres.admin() as admin:
        if statement.startswith("MERGE") and admin.info.server_version < 150_000:
            pytest.skip("this server has no MERGE")


@pytest.mark.parametrize("statement", [*ROWS, *DEFINITIONS], ids=map(_id, [*ROWS, *DEFINITIONS]))
def test_no_statement_of_the_working_role_changes_the_ledger(
    ledger: Store, postgres: Databases, statement: str
):
    _skip_if_unknown(postgres, statement)
    before = contents(ledger)
    with pytest.raises(DBAPIError), ledger.writing() as unit:
        unit.connection.exec_driver_sql(statement)
    assert contents(ledger) == before
    assert check_store(ledger).ok


@pytest.mark.parametrize("login", [OWNER, SUPERUSER])
def test_no_statement_on_rows_does_either_when_the_owner_sends_it(
    ledger: Store, postgres: Databases, login: str
):
    before = contents(ledger)
    with as_login(postgres, ledger, login) as connection:
        for statement in ROWS:
            if statement.startswith("MERGE") and connection.info.server_version < 150_000:
                continue
            with pytest.raises(psycopg.errors.IntegrityError):
                connection.execute(statement)
            assert contents(ledger) == before, statement
    assert check_store(ledger).ok


def test_the_guards_hold_where_a_superuser_says_that_no_trigger_shall_fire(
    ledger: Store, postgres: Databases
):
    before = contents(ledger)
    with as_login(postgres, ledger, SUPERUSER) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in (
            "UPDATE entry SET body = body",
            "DELETE FROM event",
            "TRUNCATE event_text",
        ):
            with pytest.raises(psycopg.errors.IntegrityError):
                connection.execute(statement)
    assert contents(ledger) == before


@pytest.mark.parametrize("login", [OWNER, "trellis_app"])
def test_rows_that_are_copied_in_are_proved_like_any_other(
    ledger: Store, postgres: Databases, login: str
):
    """Bulk loading passes by the program, not by the guards."""
    with ledger.reading() as unit:
        head = unit.connection.exec_driver_sql(
            "SELECT seq, hash FROM ledger_head WHERE practice_id = 'practice-1'"
        ).one()
        first = unit.connection.exec_driver_sql("SELECT body FROM entry WHERE seq = 1").scalar_one()
    body = canonical_body(
        replace(parse_body(first), seq=head.seq + 1, entry_id="copied", note_hmac=None)
    )
    right = entry_hash(bytes(head.hash), body)
    before = contents(ledger)

    def copy(hashed: bytes) -> None:
        with as_login(postgres, ledger, OWNER) as connection:
            connection.execute(f"SET ROLE {login}")
            with connection.cursor().copy(f"COPY entry {COPY} FROM STDIN") as rows:
                rows.write_row(("practice-1", head.seq + 1, bytes(head.hash), hashed, body))

    with pytest.raises(psycopg.errors.IntegrityError, match="hash is that of the contents"):
        copy(entry_hash(GENESIS, body))
    assert contents(ledger) == before
    copy(right)
    assert check_store(ledger).ok
    assert len(entries_of(month=None, store=ledger, actor=NURSE)) == 3


CAUGHT = [
    "ALTER TABLE entry DISABLE TRIGGER guard_entry_change",
    "ALTER TABLE entry ENABLE TRIGGER guard_entry_change",
    "DROP TRIGGER guard_entry_change ON entry",
    "DROP FUNCTION guard_event_never() CASCADE",
    (
        "CREATE OR REPLACE FUNCTION guard_entry_never() RETURNS trigger LANGUAGE plpgsql "
        "SECURITY DEFINER AS 'BEGIN RETURN NEW; END'"
    ),
    "ALTER FUNCTION guard_entry_insert() SECURITY INVOKER",
    (
        "CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
        "CREATE TRIGGER a BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION mine()"
    ),
    "CREATE RULE nothing AS ON INSERT TO entry DO INSTEAD NOTHING",
    "ALTER TABLE entry DROP CONSTRAINT ck_entry_kind_and_seconds",
    "ALTER TABLE entry ALTER COLUMN seconds DROP EXPRESSION",
    "ALTER TABLE entry SET UNLOGGED",
    "ALTER TABLE event ENABLE ROW LEVEL SECURITY",
    "DROP INDEX uq_entry_entry_id",
    "CREATE TABLE child () INHERITS (month_determination)",
    "ALTER TABLE entry ADD COLUMN more text",
]


@pytest.mark.parametrize("statement", CAUGHT, ids=map(_id, CAUGHT))
def test_what_the_owner_does_to_the_guards_is_found_by_the_check(
    ledger: Store, postgres: Databases, statement: str
):
    if "UNLOGGED" in statement:
        statement = f"ALTER TABLE withheld_note SET UNLOGGED; ALTER TABLE entry_note SET UNLOGGED; {statement}"
    with as_login(postgres, ledger, OWNER) as connection:
        connection.execute(statement)
    report = check_store(ledger)
    assert not report.ok
    assert {"L008", "L009"} & {finding.code for finding in report.findings}


# --- the hash in the database's own words --------------------------------------------------------


def test_the_published_vectors_hold_in_the_databases_own_hash(postgres_store: Store):
    def hashed(domain: bytes, prev: bytes, body: str) -> bytes:
        asked = unit.connection.exec_driver_sql(
            "SELECT sha256(%s || %s || convert_to(%s, 'UTF8'))", (domain, prev, body)
        )
        return bytes(asked.scalar_one())

    with postgres_store.reading() as unit:
        prev = GENESIS
        for entry in (chain_vectors.FIRST, chain_vectors.SECOND, chain_vectors.THIRD):
            body = canonical_body(entry)
            assert hashed(ENTRY_DOMAIN, prev, body) == entry_hash(prev, body)
            prev = entry_hash(prev, body)
            assert prev.hex() == chain_vectors.HASHES[entry.seq - 1]
        prev = GENESIS
        for happened in (journal_vectors.CONSENT, journal_vectors.CLOSE):
            body = canonical_event(happened)
            assert hashed(EVENT_DOMAIN, prev, body) == event_hash(prev, body)
            prev = event_hash(prev, body)


# --- many at once --------------------------------------------------------------------------------

WRITER = """
import sys
from datetime import UTC, datetime
from tests.support.ledger_case import NURSE, work
from trellis_core.services.time_log import log_time
from trellis_core.store.engine import open_store
from trellis_core.values.clock import FixedClock

store = open_store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
clock = FixedClock(datetime(2026, 11, 20, 17, 0, tzinfo=UTC))
for _ in range(int(sys.argv[2])):
    receipt = log_time(work(note="Called"), store=store, actor=NURSE, clock=clock)
    print(receipt.entry.id, receipt.number, receipt.code, flush=True)
store.close()
"""


@contextmanager
def writers(url: str, processes: int, each: int) -> Iterator[list["subprocess.Popen[str]"]]:
    """Start programs that wait for a word and then append as fast as they can."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(each)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    try:
        for one in started:
            assert one.stdout
            assert one.stdout.readline() == "ready\n"
        yield started
    finally:
        for one in started:
            one.kill()
            one.communicate()


def receipts_in(lines: str) -> set[tuple[str, int, str]]:
    """Return the receipts that were printed whole."""
    found = set()
    for line in lines.split("\n")[:-1]:
        entry_id, number, code = line.split()
        found.add((entry_id, int(number), code))
    return found


def stored(store: Store) -> set[tuple[str, int, str]]:
    entries = entries_of(month=None, store=store, actor=NURSE)
    return {(entry.id, entry.seq or 0, entry.code) for entry in entries}


def test_eight_programs_at_once_lose_nothing_and_leave_no_gap(
    postgres_store: Store, postgres_url: str
):
    fill(postgres_store)
    told: set[tuple[str, int, str]] = set()
    with writers(postgres_url, 8, 40) as started:
        for one in started:
            assert one.stdin
            one.stdin.write("go\n")
            one.stdin.flush()
        for one in started:
            said, _ = one.communicate(timeout=120)
            assert one.returncode == 0
            told |= receipts_in(said)
    assert len(told) == 320
    assert stored(postgres_store) == told
    assert sorted(number for _, number, _ in told) == list(range(1, 321))
    assert check_store(postgres_store).ok


def test_a_program_that_is_killed_leaves_what_it_acknowledged_and_no_torn_entry(
    postgres_store: Store, postgres_url: str
):
    fill(postgres_store)
    with writers(postgres_url, 1, 10_000) as (one,):
        assert one.stdin
        assert one.stdout
        one.stdin.write("go\n")
        one.stdin.flush()
        lines = [one.stdout.readline() for _ in range(25)]
        one.kill()
        rest, _ = one.communicate()
    told = receipts_in("".join(lines) + rest[: rest.rfind("\n") + 1])
    log_time(work(), store=postgres_store, actor=NURSE, clock=CLOCK)  # waits until it is over
    there = stored(postgres_store)
    assert told <= there
    assert len(there) <= len(told) + 2  # one that was saved and not told, and the one after it
    assert check_store(postgres_store).ok


def test_one_form_sent_by_eight_threads_at_once_is_one_entry(postgres_store: Store):
    fill(postgres_store)
    for _ in range(10):
        command = work(entry_id=new_entry_id())

        def send(_: int, form: object = command) -> tuple[str, bool]:
            receipt = log_time(form, store=postgres_store, actor=NURSE, clock=CLOCK)
            return (receipt.code, receipt.created)

        with ThreadPoolExecutor(8) as threads:
            receipts = list(threads.map(send, range(8)))
        assert len({code for code, _ in receipts}) == 1
        assert sum(created for _, created in receipts) == 1
    assert len(stored(postgres_store)) == 10


def test_one_person_starts_one_timer_from_eight_threads(postgres_store: Store):
    fill(postgres_store)

    def start(number: int) -> bool:
        try:
            start_timer(
                patient_id=f"pt-{number % 3 + 1}",
                program=Program.CCM,
                store=postgres_store,
                actor=OTHER_NURSE,
                clock=CLOCK,
            )
        except CommandRefusedError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(start, range(8))) == 1


def test_practices_append_side_by_side(postgres_store: Store, clock):
    fill(postgres_store)
    other = replace(NURSE, practice_id="practice-2", person_id="staff-stranger")
    with postgres_store.writing(actor=other), ThreadPoolExecutor(1) as thread:
        done = thread.submit(log_time, work(), store=postgres_store, actor=NURSE, clock=clock)
        assert done.result(timeout=10).number == 1
