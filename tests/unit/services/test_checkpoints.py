"""Making checkpoints in a store: numbers, keys, what is due, and what happens between store and file."""

import json
import multiprocessing
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pysqlite3
import pytest

from tests.support.ledger_case import (
    AUDITOR,
    BILLER,
    NURSE,
    OWNER,
    STRANGER,
    fill,
    work,
)
from trellis_core.access import Actor
from trellis_core.errors import (
    CheckpointError,
    CheckpointFileError,
    NotFoundError,
    PermissionDeniedError,
    SigningKeyError,
    StoreError,
)
from trellis_core.ledger.checkpoint import (
    CheckpointReason,
    SignedCheckpoint,
    follows,
    is_genuine,
    public_key_hex,
)
from trellis_core.ledger.journal import parse_event
from trellis_core.services.checkpoints import (
    checkpoints_of,
    is_overdue,
    make_checkpoint,
    make_daily_checkpoint,
    make_due_checkpoints,
    newest_checkpoint,
    read_checkpoint_file,
    store_id_of,
)
from trellis_core.services.signing_key import signing_key
from trellis_core.services.time_log import log_time
from trellis_core.settings import Settings
from trellis_core.store.engine import Store, open_store
from trellis_core.store.tables import EVENT, JOURNAL_HEAD, LEDGER_HEAD, PatientRow, PracticeRow
from trellis_core.store.unit_of_work import head_of
from trellis_core.values.clock import FixedClock


@pytest.fixture
def kept(store: Store, clock) -> Store:
    """A store with two practices and three entries in the first."""
    fill(store)
    for _ in range(3):
        log_time(work(note="Called"), store=store, actor=NURSE, clock=clock)
    return store


def made(store: Store, clock, actor: Actor = OWNER, **more: object) -> SignedCheckpoint:
    return make_checkpoint("asked", store=store, actor=actor, clock=clock, **more).signed


def in_store(store: Store, practice_id: str | None = None) -> tuple[SignedCheckpoint, ...]:
    with store.reading() as unit:
        return checkpoints_of(unit, practice_id)


def lines_of(path: Path) -> tuple[SignedCheckpoint, ...]:
    found = read_checkpoint_file(path)
    assert not found.problems
    return found.checkpoints


def test_a_checkpoint_names_both_ends_as_they_stand(any_store, clock):
    fill(any_store)
    log_time(work(), store=any_store, actor=NURSE, clock=clock)
    result = make_checkpoint("asked", store=any_store, actor=OWNER, clock=clock)
    with any_store.reading() as unit:
        ledger = head_of(unit.connection, LEDGER_HEAD, "practice-1")
        journal = head_of(unit.connection, JOURNAL_HEAD, "practice-1")
        store_id = store_id_of(unit)
    this = result.signed.checkpoint
    assert (this.ledger_seq, this.ledger_head) == (ledger[0], ledger[1].hex())
    assert (this.journal_seq, this.journal_head) == (journal[0], journal[1].hex())
    assert (this.store_id, this.practice_id, this.number) == (store_id, "practice-1", 1)
    assert (this.made_at, this.why) == (int(clock.now().timestamp()), CheckpointReason.ASKED)
    assert is_genuine(result.signed)
    assert follows(result.signed, None)
    assert lines_of(result.file) == (result.signed,)
    again = make_checkpoint("close", store=any_store, actor=OWNER, clock=clock)
    assert follows(again.signed, result.signed)
    assert lines_of(result.file) == in_store(any_store) == (result.signed, again.signed)


def test_a_new_practice_has_ends_of_its_own(kept, clock):
    first = made(kept, clock)
    other = made(kept, clock, STRANGER)
    assert (other.checkpoint.practice_id, other.checkpoint.number) == ("practice-2", 1)
    assert other.checkpoint.ledger_head == "0" * 64
    second = made(kept, clock)
    assert lines_of(Path(f"{kept.path}.checkpoints.jsonl")) == (first, other, second)
    assert in_store(kept) == (first, second, other)
    assert in_store(kept, "practice-1") == (first, second)


def test_the_first_use_of_each_key_is_in_the_journal_and_sealed(kept, clock, tmp_path):
    keys = [Settings(signing_key=tmp_path / name) for name in ("a.pem", "b.pem")]
    uses = [keys[0], keys[0], keys[1], keys[0], keys[1]]
    results = [
        make_checkpoint("asked", store=kept, actor=OWNER, clock=clock, settings=each)
        for each in uses
    ]
    assert [each.is_new_key for each in results] == [True, False, True, False, False]
    with kept.reading() as unit:
        rows = unit.connection.execute(
            EVENT.select().where(EVENT.c.kind == "key_named").order_by(EVENT.c.seq)
        ).all()
    events = [parse_event(row.body) for row in rows]
    public = [public_key_hex(signing_key(tmp_path / name)) for name in ("a.pem", "b.pem")]
    assert [each.subject_id for each in events] == public
    assert {(each.subject_kind, each.author_id) for each in events} == {("key", OWNER.person_id)}
    assert events[0].seq == results[0].signed.checkpoint.journal_seq
    assert events[1].seq == results[2].signed.checkpoint.journal_seq
    assert [each.signed.checkpoint.public_key for each in results] == [
        public[0], public[0], public[1], public[0], public[1],
    ]  # fmt: skip


@pytest.mark.parametrize("actor", [OWNER, BILLER, AUDITOR])
def test_who_may_make_one(kept, clock, actor):
    assert made(kept, clock, actor).checkpoint.number == 1


def test_a_coordinator_may_not(kept, clock):
    with pytest.raises(PermissionDeniedError):
        made(kept, clock, NURSE)
    assert in_store(kept) == ()


def test_the_system_names_the_practice(kept, clock):
    result = make_checkpoint("close", store=kept, practice_id="practice-1", clock=clock)
    assert result.signed.checkpoint.why is CheckpointReason.CLOSE
    with pytest.raises(CheckpointError, match="one practice"):
        make_checkpoint("close", store=kept, clock=clock)
    with pytest.raises(NotFoundError):
        make_checkpoint("close", store=kept, practice_id="nowhere", clock=clock)
    with pytest.raises(ValueError, match="because"):
        make_checkpoint("because", store=kept, practice_id="practice-1", clock=clock)


# --- once a day ------------------------------------------------------------------------------


def daily(store: Store, clock, practice_id: str = "practice-1") -> SignedCheckpoint | None:
    found = make_daily_checkpoint(practice_id, store=store, clock=clock)
    return None if found is None else found.signed


def test_the_first_daily_one_is_made_as_soon_as_something_is_recorded(kept, clock):
    first = daily(kept, clock)
    assert first is not None
    assert first.checkpoint.why is CheckpointReason.START
    assert daily(kept, clock) is None


@pytest.mark.parametrize(
    ("passed", "is_due"),
    [
        (timedelta(0), False),
        (timedelta(hours=23, minutes=59, seconds=59), False),
        (timedelta(hours=24), True),
        (timedelta(days=400), True),
        (timedelta(seconds=-1), True),
        (timedelta(days=-30), True),
    ],
)
def test_one_is_due_after_a_day_or_when_the_clock_went_back(kept, clock, passed, is_due):
    daily(kept, clock)
    log_time(work(), store=kept, actor=NURSE, clock=clock)
    clock.advance(seconds=passed.total_seconds())
    with kept.reading() as unit:
        assert is_overdue(unit, "practice-1", at=clock.now()) is is_due
    found = daily(kept, clock)
    assert (found is not None) is is_due
    if found is not None:
        assert found.checkpoint.why is CheckpointReason.DAILY
        assert daily(kept, clock) is None


def test_none_is_due_while_nothing_was_added(kept, clock):
    daily(kept, clock)
    clock.advance(days=30)
    assert daily(kept, clock) is None


def test_an_event_alone_makes_one_due(kept, clock):
    daily(kept, clock)
    clock.advance(days=2)
    with kept.writing(actor=OWNER) as unit:
        unit.session.add(
            PatientRow(
                practice_id="practice-1",
                id="pt-new",
                mrn="M-new",
                family_name="Example",
                created_at=clock.now(),
            )
        )
    assert daily(kept, clock) is not None


def test_one_made_when_asked_counts_for_the_day(kept, clock):
    made(kept, clock)
    clock.advance(hours=23)
    log_time(work(), store=kept, actor=NURSE, clock=clock)
    assert daily(kept, clock) is None
    clock.advance(hours=1)
    assert daily(kept, clock) is not None


def test_every_practice_that_is_due_one_gets_it_whatever_happens_to_another(kept, clock):
    assert make_due_checkpoints(store=kept, clock=clock) == {}
    assert [each.checkpoint.practice_id for each in in_store(kept)] == ["practice-1", "practice-2"]
    clock.advance(days=2)
    for actor in (OWNER, STRANGER):
        with kept.writing(actor=actor) as unit:
            row = unit.session.get(PracticeRow, actor.practice_id)
            row.phone = "555-0100"
            unit.session.add(row)
    tampered(kept, "UPDATE entry SET hash = zeroblob(32) WHERE practice_id = 'practice-1'")
    failed = make_due_checkpoints(store=kept, clock=clock)
    assert [*failed] == ["practice-1"]
    assert "was rewritten" in failed["practice-1"]
    assert [each.checkpoint.number for each in in_store(kept, "practice-2")] == [1, 2]


def test_a_store_that_takes_nothing_is_told_and_ends_nothing(kept, clock):
    tampered(kept, "DROP TABLE event_text", "ALTER TABLE checkpoint RENAME TO gone")
    failed = make_due_checkpoints(store=kept, clock=clock)
    assert set(failed) == {"practice-1", "practice-2"}
    assert all("OperationalError" in each for each in failed.values())
    tampered(kept, "ALTER TABLE practice RENAME TO lost")
    with pytest.raises(StoreError, match="cannot be read"):
        make_due_checkpoints(store=kept, clock=clock)


# --- the store and the file ------------------------------------------------------------------


def test_a_crash_between_store_and_file_is_healed_by_the_next(kept, clock, tmp_path):
    first = made(kept, clock)
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    with pytest.raises(CheckpointFileError, match="cannot be written"):
        made(kept, clock, settings=Settings(checkpoints=blocked))
    file = Path(f"{kept.path}.checkpoints.jsonl")
    assert lines_of(file) == (first,)
    assert len(in_store(kept)) == 2
    third = made(kept, clock)
    assert lines_of(file) == in_store(kept)
    assert third.checkpoint.number == 3


DIES = """
import os, sys
from datetime import UTC, datetime
from trellis_core.services import checkpoints
from trellis_core.store.engine import open_store
from trellis_core.values.clock import FixedClock

checkpoints.add_missing = lambda *_, **__: os._exit(9)
clock = FixedClock(datetime(2026, 11, 20, 18, tzinfo=UTC))
store = open_store(sys.argv[1])
checkpoints.make_checkpoint("close", store=store, practice_id="practice-1", clock=clock)
"""


def test_a_program_that_dies_after_the_commit_leaves_no_gap(kept, clock):
    """The row is on the disk, the line is not: the next checkpoint writes both lines."""
    made(kept, clock)
    file = Path(f"{kept.path}.checkpoints.jsonl")
    done = subprocess.run(
        [sys.executable, "-c", DIES, kept.url], cwd=Path(__file__).parents[3], check=False
    )
    assert done.returncode == 9
    assert (len(lines_of(file)), len(in_store(kept))) == (1, 2)
    made(kept, clock)
    assert lines_of(file) == in_store(kept)
    assert [each.checkpoint.why for each in lines_of(file)] == ["asked", "close", "asked"]


def test_the_daily_look_heals_too(kept, clock):
    file = Path(f"{kept.path}.checkpoints.jsonl")
    made(kept, clock)
    file.unlink()
    assert daily(kept, clock) is None
    assert lines_of(file) == in_store(kept)


def test_a_store_that_was_set_back_says_so(kept, clock, tmp_path):
    made(kept, clock)
    copy = tmp_path / "copy.db"
    with pysqlite3.connect(kept.path) as source, pysqlite3.connect(copy) as target:
        source.backup(target)
    log_time(work(), store=kept, actor=NURSE, clock=clock)
    made(kept, clock)
    shared = Settings(checkpoints=Path(f"{kept.path}.checkpoints.jsonl"))
    before = lines_of(shared.checkpoints)
    older = open_store(f"sqlite:///{copy}")
    try:
        with pytest.raises(CheckpointFileError, match=r"checkpoint 2 .*set back"):
            make_checkpoint("asked", store=older, actor=OWNER, clock=clock, settings=shared)
    finally:
        older.close()
    assert lines_of(shared.checkpoints) == before


def test_a_key_that_cannot_be_used_makes_nothing_and_holds_nothing_up(kept, clock, tmp_path):
    bad = tmp_path / "bad.pem"
    bad.write_text("no key")
    bad.chmod(0o600)
    with pytest.raises(SigningKeyError, match=r"bad\.pem"):
        made(kept, clock, settings=Settings(signing_key=bad))
    assert in_store(kept) == ()
    log_time(work(), store=kept, actor=NURSE, clock=clock)


def tampered(store: Store, *statements: str) -> None:
    other = pysqlite3.connect(store.path, isolation_level=None)
    for (name,) in other.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall():
        other.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        other.execute(statement)
    other.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET hash = zeroblob(32) WHERE practice_id = 'practice-1' AND seq = 3",
        "UPDATE event SET hash = zeroblob(32) WHERE practice_id = 'practice-1'",
        "DELETE FROM entry WHERE practice_id = 'practice-1' AND seq = 3",
    ],
)
def test_nothing_is_signed_over_a_chain_that_was_rewritten(kept, clock, statement):
    made(kept, clock)
    tampered(kept, "PRAGMA foreign_keys = OFF", statement)
    with pytest.raises(CheckpointError, match="was rewritten"):
        made(kept, clock)
    assert len(in_store(kept)) == 1


def test_a_checkpoint_that_was_damaged_in_the_store_is_told(kept, clock):
    made(kept, clock)
    tampered(kept, "UPDATE checkpoint SET body = '[]'")
    with pytest.raises(CheckpointError, match="trellis check"):
        made(kept, clock)


def test_the_database_keeps_what_was_made(kept, clock):
    made(kept, clock)
    with pysqlite3.connect(kept.path) as other:
        for statement in (
            "UPDATE checkpoint SET number = 2",
            "DELETE FROM checkpoint",
            "INSERT INTO checkpoint VALUES ('practice-1', 3, '[]', zeroblob(64))",
            "INSERT OR REPLACE INTO checkpoint VALUES ('practice-1', 1, '[]', zeroblob(64))",
        ):
            with pytest.raises(pysqlite3.DatabaseError):
                other.execute(statement)
    other.close()


# --- several at once -------------------------------------------------------------------------


def _many(url: str, folder: str, times: int, now: datetime) -> None:
    store = open_store(url)
    settings = Settings(data_folder=Path(folder))
    for _ in range(times):
        for practice_id in ("practice-1", "practice-2"):
            make_checkpoint(
                "asked",
                store=store,
                practice_id=practice_id,
                clock=FixedClock(now),
                settings=settings,
            )
    store.close()


@pytest.mark.parametrize(
    "where", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
)
def test_programs_that_make_them_at_once_leave_one_row_of_each(where, request, clock, tmp_path):
    if where == "sqlite":
        url = f"sqlite:///{tmp_path / 'shared.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    store = open_store(url)
    fill(store)
    folder = tmp_path / "shared-folder"
    spawn = multiprocessing.get_context("spawn")
    programs = [
        spawn.Process(target=_many, args=(url, str(folder), 5, clock.now())) for _ in range(3)
    ]
    for each in programs:
        each.start()
    for each in programs:
        each.join()
    assert [each.exitcode for each in programs] == [0, 0, 0]
    rows = in_store(store)
    with store.reading() as unit:
        file = folder / f"checkpoints-{store_id_of(unit)}.jsonl"
    store.close()
    file = Path(f"{tmp_path / 'shared.db'}.checkpoints.jsonl") if where == "sqlite" else file
    assert [each.checkpoint.number for each in rows] == [*range(1, 16), *range(1, 16)]
    for practice in (rows[:15], rows[15:]):
        assert all(
            follows(this, before) for before, this in zip([None, *practice], practice, strict=False)
        )
    assert sorted(each.body for each in lines_of(file)) == sorted(each.body for each in rows)
    assert len({each.checkpoint.public_key for each in rows}) == 1


def test_the_file_says_nothing_about_a_person(kept, clock):
    made(kept, clock)
    file = Path(f"{kept.path}.checkpoints.jsonl")
    for line in file.read_text().splitlines():
        body = json.loads(json.loads(line)["body"])
        assert {type(each) for each in body} == {int, str}
        assert not {NURSE.person_id, OWNER.person_id, "pt-1"} & set(map(str, body))
    with kept.reading() as unit:
        assert newest_checkpoint(unit, "practice-2") is None
