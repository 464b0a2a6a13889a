"""A thousand changes around Trellis, each of another kind or in another place, and all are found.

Each starts from the same store, is made with the guards switched off, and is checked with the guards
in their places again. ``TRELLIS_MUTATIONS=20000`` tries more of them, with another seed each time.
"""

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pysqlite3
import pytest

from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.ledger.chain import ENTRY_DOMAIN, chained_hash, parse_body
from trellis_core.ledger.journal import EVENT_DOMAIN, parse_event
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.sample import load_sample
from trellis_core.services.checkpoints import make_checkpoint
from trellis_core.services.entry_history import withhold_note
from trellis_core.services.integrity import CheckReport, check_store
from trellis_core.services.integrity.records import journaled_tables
from trellis_core.services.month_close import CloseMonth, ReopenMonth, close_month, reopen_month
from trellis_core.services.sign_in import demo_actors
from trellis_core.services.time_log import CorrectTime, LogTime, correct_time, log_time
from trellis_core.store.engine import Store, open_store
from trellis_core.store.guards_sqlite import SQLITE_TRIGGERS
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

DAY = date(2026, 11, 20)
TRIED = int(os.environ.get("TRELLIS_MUTATIONS", "1000"))
SEED = 20261122 if TRIED <= 1000 else random.SystemRandom().randrange(2**32)
ENTRIES = 300
EVERY = 100


def build(path: Path, clock: FixedClock) -> None:
    """Make a practice with notes, corrections, a withheld note, closed months and checkpoints."""
    store = open_store(f"sqlite:///{path}")
    load_sample(store, day=DAY)
    actors = {actor.role: actor for _, actor in demo_actors(store=store)}
    owner, nurse = actors[AccessRole.OWNER], actors[AccessRole.COORDINATOR]
    book = load_rule_book()
    entries = []

    def log(on: datetime, number: int) -> None:
        entries.append(
            log_time(
                LogTime(
                    entry_id=f"form-{number}",
                    patient_id=f"p-{101 + number % 15}",
                    program=Program.CCM,
                    staff_id=nurse.person_id,
                    started_at=on,
                    seconds=120 + number,
                    activity=Activity.CARE_COORDINATION,
                    note=f"Note {number}, José",
                ),
                store=store,
                actor=nurse,
                clock=clock,
            ).entry
        )

    made = store_counts(store)["entry"]
    for number in range(ENTRIES - made - 14):
        log(datetime(2026, 11, 3 + number % 10, 12, number % 60, tzinfo=UTC), number)
    for number in range(5):
        correct_time(
            CorrectTime(
                entry_id_new=f"again-{number}",
                entry_id=entries[number].id,
                seconds=60,
                reason="one zero too many",
            ),
            store=store,
            actor=owner,
            clock=clock,
        )
    withhold_note(entries[7].id, reason="wrong patient", store=store, actor=owner, clock=clock)
    clock.advance(minutes=1)
    close_month(
        CloseMonth(month=ServiceMonth(2026, 10), form_id="close-10"),
        store=store,
        actor=owner,
        clock=clock,
        rule_book=book,
    )
    clock.advance(minutes=1)
    reopen_month(
        ReopenMonth(month=ServiceMonth(2026, 10), form_id="open-10", reason="a late note"),
        store=store,
        actor=owner,
        clock=clock,
    )
    for number in range(4):
        log(datetime(2026, 10, 5, 9, 15 * number, tzinfo=UTC), 1000 + number)
    close_month(
        CloseMonth(month=ServiceMonth(2026, 10), form_id="close-10-again"),
        store=store,
        actor=owner,
        clock=clock,
        rule_book=book,
    )
    make_checkpoint("asked", store=store, clock=clock, actor=owner)
    store.close()


def store_counts(store: Store) -> dict[str, int]:
    with store.reading() as unit:
        return {
            table: int(
                unit.connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            )
            for table in ("entry", "event", "superbill", "checkpoint", "withheld_note")
        }


@dataclass
class Bench:
    """A store to change, the good one without its guards that it is set back to, and the dice."""

    path: Path
    bare: pysqlite3.Connection
    raw: pysqlite3.Connection
    lines: bytes
    chance: random.Random
    clock: FixedClock
    touched_file: bool = field(default=False)

    @property
    def file(self) -> Path:
        return Path(f"{self.path}.checkpoints.jsonl")

    def set_back(self) -> None:
        self.bare.backup(self.raw)
        if self.touched_file or not self.file.exists():
            self.file.write_bytes(self.lines)
            self.touched_file = False

    def put_guards(self) -> None:
        for text in SQLITE_TRIGGERS.values():
            self.raw.execute(text)

    def write_file(self, content: bytes) -> None:
        self.touched_file = True
        self.file.write_bytes(content)

    def one(self, query: str, *values: object) -> tuple:
        return self.raw.execute(query, values).fetchone()

    def all(self, query: str, *values: object) -> list[tuple]:
        return self.raw.execute(query, values).fetchall()

    def run(self, statement: str, *values: object) -> int:
        return self.raw.execute(statement, values).rowcount

    def rowid(self, table: str) -> tuple[str, tuple]:
        """Return the condition that names one row of a table, by its primary key."""
        keys = [row[1] for row in self.all(f"PRAGMA table_info({table})") if row[5]]
        row = self.chance.choice(self.all(f"SELECT {', '.join(keys)} FROM {table}"))
        return " AND ".join(f"{key} IS ?" for key in keys), row

    def flipped(self, value: object) -> object:
        """Return a value with one bit, one digit or one day changed; never the same."""
        if isinstance(value, bytes):
            changed = bytearray(value)
            changed[self.chance.randrange(len(changed))] ^= 1 << self.chance.randrange(8)
            return bytes(changed)
        if isinstance(value, int):
            return value + self.chance.choice((-1, 1))
        if isinstance(value, str) and value:
            place = self.chance.randrange(len(value))
            other = self.chance.choice([c for c in "0123456789abcXYZ é" if c != value[place]])
            return value[:place] + other + value[place + 1 :]
        return "x"


Mutation = Callable[[Bench], bool]
CHAINS = ("entry", "event")
PROVED = (
    *("entry", "event", "entry_note", "event_text", "withheld_note", "ledger_head", "journal_head"),
    *("month_roll", "month_mark", "superbill", "superbill_line", "month_determination"),
    *("checkpoint", "store_identity"),
)


def columns_of(bench: Bench, table: str) -> list[str]:
    """Return the columns that are stored as they are given."""
    return [row[1] for row in bench.all(f"PRAGMA table_info({table})")]


def change_link(bench: Bench) -> bool:
    """One byte of a body, a hash or a link."""
    table, column = bench.chance.choice(CHAINS), bench.chance.choice(("body", "hash", "prev"))
    where, key = bench.rowid(table)
    (value,) = bench.one(f"SELECT CAST({column} AS BLOB) FROM {table} WHERE {where}", *key)
    new = "CAST(? AS TEXT)" if column == "body" else "?"
    return bool(
        bench.run(f"UPDATE {table} SET {column} = {new} WHERE {where}", bench.flipped(value), *key)
    )


def change_proved(bench: Bench) -> bool:
    """One value of anything beside the chains that must agree with them."""
    table = bench.chance.choice(PROVED[2:])
    column = bench.chance.choice(columns_of(bench, table))
    where, key = bench.rowid(table)
    (value,) = bench.one(f"SELECT {column} FROM {table} WHERE {where}", *key)
    return bool(
        bench.run(f"UPDATE {table} SET {column} = ? WHERE {where}", bench.flipped(value), *key)
    )


RECORDS = tuple(table.name for table in journaled_tables())


def change_record(bench: Bench) -> bool:
    """One value of a record: a consent's day, a score, a role."""
    table = bench.chance.choice(RECORDS)
    if not bench.one(f"SELECT count(*) FROM {table}")[0]:
        return False
    column = bench.chance.choice([c for c in columns_of(bench, table) if c != "password_hash"])
    where, key = bench.rowid(table)
    (value,) = bench.one(f"SELECT {column} FROM {table} WHERE {where}", *key)
    if isinstance(value, str) and bench.chance.random() < 0.5:
        try:
            new: object = date.fromordinal(date.fromisoformat(value).toordinal() + 1).isoformat()
        except ValueError:
            new = None
    else:
        new = bench.flipped(value)
    if new == value:
        return False
    return bool(bench.run(f"UPDATE {table} SET {column} = ? WHERE {where}", new, *key))


def move_consent(bench: Bench) -> bool:
    """A consent that is a week older than it was: minutes would become money."""
    where, key = bench.rowid("consent")
    return bool(
        bench.run(
            f"UPDATE consent SET obtained_on = date(obtained_on, '-7 days') WHERE {where} "
            "AND obtained_on IS NOT NULL",
            *key,
        )
    )


def delete_row(bench: Bench) -> bool:
    """A row of anything that is proved, or of a record."""
    table = bench.chance.choice((*PROVED, *RECORDS))
    if not bench.one(f"SELECT count(*) FROM {table}")[0]:
        return False
    where, key = bench.rowid(table)
    return bool(bench.run(f"DELETE FROM {table} WHERE {where}", *key))


def duplicate_record(bench: Bench) -> bool:
    """A record a second time, under another name."""
    table = bench.chance.choice(("consent", "enrollment", "care_plan", "visit", "patient", "staff"))
    columns = columns_of(bench, table)
    where, key = bench.rowid(table)
    taken = ", ".join(
        f"'copy-' || {c}" if c == "id" else "NULL" if c == "sign_in_name" else c for c in columns
    )
    return bool(
        bench.run(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {taken} FROM {table} WHERE {where}",
            *key,
        )
    )


def duplicate_link(bench: Bench) -> bool:
    """A link a second time, at the chain's end."""
    table = bench.chance.choice(CHAINS)
    bench.run(f"DROP INDEX uq_{table}_{table}_id")
    if table == "entry":
        bench.run("DROP INDEX uq_entry_reverses")
    where, key = bench.rowid(table)
    return bool(
        bench.run(
            f"INSERT INTO {table} (practice_id, seq, prev, hash, body) SELECT practice_id, "
            f"(SELECT max(seq) + 1 FROM {table}), prev, hash, body FROM {table} WHERE {where}",
            *key,
        )
    )


def swap_links(bench: Bench) -> bool:
    """Two links in each other's place, whole or only what they say."""
    table = bench.chance.choice(CHAINS)
    (last,) = bench.one(f"SELECT max(seq) FROM {table}")
    one, two = sorted(bench.chance.sample(range(1, last + 1), 2))
    for old, new in ((one, 0), (two, one), (0, two)):
        bench.run(f"UPDATE {table} SET seq = ? WHERE seq = ?", new, old)
    return True


def swap_texts(bench: Bench) -> bool:
    """Two notes, or what two events say, in each other's place."""
    table = bench.chance.choice(("entry_note", "event_text"))
    places = [seq for (seq,) in bench.all(f"SELECT seq FROM {table}")]
    one, two = bench.chance.sample(places, 2)
    texts = {seq: bench.one(f"SELECT text FROM {table} WHERE seq = ?", seq) for seq in (one, two)}
    if texts[one] == texts[two]:
        return False
    bench.run(f"UPDATE {table} SET text = ? WHERE seq = ?", *texts[one], two)
    bench.run(f"UPDATE {table} SET text = ? WHERE seq = ?", *texts[two], one)
    return True


def insert_with_right_hash(bench: Bench) -> bool:
    """A link with a right hash: in the middle, or at the end where something else disagrees."""
    table = bench.chance.choice(CHAINS)
    (last,) = bench.one(f"SELECT max(seq) FROM {table}")
    place = bench.chance.randrange(1, last + 1)
    domain = ENTRY_DOMAIN if table == "entry" else EVENT_DOMAIN
    (body,) = bench.one(f"SELECT body FROM {table} WHERE seq = ?", place)
    (prev,) = bench.one(f"SELECT hash FROM {table} WHERE seq = ?", last)
    parse = parse_body if table == "entry" else parse_event
    name = parse(body).entry_id if table == "entry" else parse(body).event_id
    text = body.replace(f",{place},", f",{last + 1},", 1).replace(name, f"new-{place}", 1)
    digest = chained_hash(domain, prev, text)
    practice = bench.one(f"SELECT practice_id FROM {table}")[0]
    bench.run(f"INSERT INTO {table} (practice_id, seq, prev, hash, body) VALUES (?, ?, ?, ?, ?)",
              practice, last + 1, prev, digest, text)  # fmt: skip
    if table == "entry":  # the head follows, the totals do not
        bench.run("UPDATE ledger_head SET seq = ?, hash = ?", last + 1, digest)
    return True


def cut(bench: Bench, table: str, keep: int) -> None:
    """Cut a chain's end off, and move head and totals as if it had never been."""
    texts, head = (
        ("entry_note", "ledger_head") if table == "entry" else ("event_text", "journal_head")
    )
    if table == "entry":
        bench.run("DELETE FROM withheld_note WHERE seq > ?", keep)
    bench.run(f"DELETE FROM {texts} WHERE seq > ?", keep)
    bench.run(f"DELETE FROM {table} WHERE seq > ?", keep)
    bench.run(f"UPDATE {head} SET seq = ?, hash = (SELECT hash FROM {table} WHERE seq = ?)",
              keep, keep)  # fmt: skip
    add_up(bench)


def add_up(bench: Bench) -> None:
    bench.run("DELETE FROM month_roll")
    bench.run(
        "INSERT INTO month_roll SELECT practice_id, ym, patient_id, program, sum(seconds), "
        "sum(CASE WHEN seconds > 0 THEN 1 ELSE -1 END) FROM entry "
        "GROUP BY practice_id, ym, patient_id, program"
    )


def cut_tail(bench: Bench) -> bool:
    """The last links of a chain, with the head moved."""
    table = bench.chance.choice(CHAINS)
    (last,) = bench.one(f"SELECT max(seq) FROM {table}")
    cut(bench, table, last - bench.chance.randint(1, min(40, last - 1)))
    return True


def rewrite(bench: Bench, table: str, start: int, new: Callable[[int, str], str]) -> None:
    """Write a chain anew from a link on, with right hashes and the head moved."""
    domain = ENTRY_DOMAIN if table == "entry" else EVENT_DOMAIN
    (prev,) = bench.one(f"SELECT prev FROM {table} WHERE seq = ?", start)
    for seq, body in bench.all(f"SELECT seq, body FROM {table} WHERE seq >= ? ORDER BY seq", start):
        text = new(seq, body)
        digest = chained_hash(domain, prev, text)
        bench.run(
            f"UPDATE {table} SET prev = ?, hash = ?, body = ? WHERE seq = ?",
            prev, digest, text, seq,
        )  # fmt: skip
        prev = digest
    head = "ledger_head" if table == "entry" else "journal_head"
    bench.run(f"UPDATE {head} SET hash = ?", prev)


def rewrite_ledger(bench: Bench, start: int) -> None:
    """Make a minute longer, and everything after it right again: ledger, totals and journal."""
    old = dict(bench.all("SELECT seq, lower(hex(hash)) FROM entry"))
    (seconds,) = bench.one("SELECT seconds FROM entry WHERE seq = ?", start)

    def longer(seq: int, body: str) -> str:
        if seq != start:
            return body
        return body.replace(f",{seconds},", f",{seconds + 60 if seconds > 0 else seconds - 60},", 1)

    rewrite(bench, "entry", start, longer)
    add_up(bench)
    now = dict(bench.all("SELECT seq, lower(hex(hash)) FROM entry"))
    heads = {old[seq]: now[seq] for seq in now if old[seq] != now[seq]}

    def renamed(_seq: int, body: str) -> str:
        named = body.rsplit(",", 2)[1].strip('"')
        return body.replace(named, heads[named]) if named in heads else body

    (first,) = bench.one("SELECT min(seq) FROM event WHERE ledger_seq >= ?", start)
    if first is not None:
        rewrite(bench, "event", first, renamed)


def rewrite_from(bench: Bench) -> bool:
    """A chain written anew from some link on, with right hashes everywhere."""
    standing = bench.all(
        "SELECT seq FROM entry AS e WHERE kind = 'time' AND NOT EXISTS "
        "(SELECT 1 FROM entry AS r WHERE r.reverses = e.entry_id)"
    )
    rewrite_ledger(bench, bench.chance.choice(standing)[0])
    if bench.chance.random() < 0.7:
        bench.run("DELETE FROM checkpoint")  # only the file outside still knows
    return True


def change_checkpoint(bench: Bench) -> bool:
    """A byte of a checkpoint in the store."""
    column = bench.chance.choice(("body", "signature"))
    where, key = bench.rowid("checkpoint")
    (value,) = bench.one(f"SELECT {column} FROM checkpoint WHERE {where}", *key)
    return bool(
        bench.run(f"UPDATE checkpoint SET {column} = ? WHERE {where}", bench.flipped(value), *key)
    )


def change_checkpoint_file(bench: Bench) -> bool:
    """A byte, a line or the whole of the file outside the store."""
    lines = bench.lines.splitlines(keepends=True)
    place = bench.chance.randrange(len(lines))
    match bench.chance.randrange(4):
        case 0:
            del lines[place]
        case 1:
            bench.write_file(b"".join(lines)[: -bench.chance.randint(1, 300)])
            return True
        case 2:
            lines = []
        case _:
            lines[place] = bytes(bench.flipped(lines[place]))
    bench.write_file(b"".join(lines))
    return True


def unmake_guard(bench: Bench) -> bool:
    """A guard, an index or a table that is not the one Trellis made."""
    name = bench.chance.choice(sorted(SQLITE_TRIGGERS))
    match bench.chance.randrange(5):
        case 0:
            bench.run(f"DROP TRIGGER {name}")
        case 1:
            bench.run(f"DROP TRIGGER {name}")
            text = SQLITE_TRIGGERS[name]
            bench.run(text[: text.index("BEGIN")] + "BEGIN SELECT 1; END")
        case 2:
            (index,) = bench.chance.choice(
                bench.all("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
            )
            bench.run(f"DROP INDEX {index}")
        case 3:
            bench.run("CREATE TABLE theirs (x)")
        case _:
            table = bench.chance.choice((*PROVED, *RECORDS))
            bench.run(f"CREATE TRIGGER theirs AFTER INSERT ON {table} BEGIN SELECT 1; END")
    return True


KINDS: tuple[tuple[Mutation, int], ...] = (
    (change_link, 20),
    (change_proved, 25),
    (change_record, 15),
    (move_consent, 3),
    (delete_row, 12),
    (duplicate_record, 3),
    (duplicate_link, 2),
    (swap_links, 4),
    (swap_texts, 3),
    (insert_with_right_hash, 3),
    (cut_tail, 4),
    (rewrite_from, 3),
    (change_checkpoint, 4),
    (change_checkpoint_file, 4),
    (unmake_guard, 5),
)


@pytest.fixture
def bench(tmp_path: Path, clock: FixedClock) -> Iterator[Bench]:
    good, path = tmp_path / "good.db", tmp_path / "trellis.db"
    build(good, clock)
    shutil.copy(good, path)
    bare = pysqlite3.connect(good, isolation_level=None)
    for name in SQLITE_TRIGGERS:
        bare.execute(f"DROP TRIGGER {name}")
    raw = pysqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA synchronous = OFF")
    raw.execute("PRAGMA ignore_check_constraints = ON")
    made = Bench(
        path=path,
        bare=bare,
        raw=raw,
        lines=Path(f"{good}.checkpoints.jsonl").read_bytes(),
        chance=random.Random(SEED),  # noqa: S311 - a sample to test
        clock=clock,
    )
    made.file.write_bytes(made.lines)
    yield made
    raw.close()
    bare.close()


def mutated(bench: Bench) -> str:
    """Change something, whatever it takes, and say what."""
    kinds, weights = zip(*KINDS, strict=True)
    while True:
        (kind,) = bench.chance.choices(kinds, weights)
        bench.raw.execute("BEGIN")
        try:
            if kind is unmake_guard:
                bench.put_guards()
            is_done = kind(bench)
            if kind is not unmake_guard:
                bench.put_guards()
        except pysqlite3.Error:  # what the file itself cannot hold: no JSON, the same key twice
            is_done = False
        bench.raw.execute("COMMIT" if is_done else "ROLLBACK")
        if is_done:
            return str(kind.__name__)


def checked(bench: Bench, store: Store) -> CheckReport:
    return check_store(store, clock=bench.clock)


def test_every_mutation_is_found_and_nothing_else_is(bench: Bench, capsys):
    store = open_store(f"sqlite:///{bench.path}")
    counts = store_counts(store)
    assert counts["entry"] >= ENTRIES
    assert counts["superbill"] > 10
    assert counts["withheld_note"] == 1
    assert checked(bench, store).findings == ()
    tried: Counter[str] = Counter()
    missed: list[tuple[str, int]] = []
    false_alarms = 0
    for number in range(TRIED):
        bench.set_back()
        kind = mutated(bench)
        tried[kind] += 1
        if not checked(bench, store).findings:
            missed.append((kind, number))
        if number % EVERY == 0:
            bench.set_back()
            bench.put_guards()
            false_alarms += len(checked(bench, store).findings)
    store.close()
    with capsys.disabled():
        print(  # noqa: T201 - the figures are what it is for
            f"\n{TRIED} mutations tried, {TRIED - len(missed)} found, {false_alarms} false alarms "
            f"(seed {SEED})"
        )
    assert not missed
    assert false_alarms == 0
    assert TRIED < 1000 or len(tried) == len(KINDS)
