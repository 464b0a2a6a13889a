"""Restore drills: what was acknowledged comes back, and nothing else is ever put in its place."""

import hashlib
import json
import os
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pysqlite3
import pytest
from sqlalchemy import select

from tests.support.backup_case import (
    GROWS_BY_RESTORING,
    OWNERS,
    Case,
    Writer,
    differing,
    digests,
    digests_at,
    entry_ids,
)
from tests.support.ledger_case import AUDITOR, BILLER, NURSE, OWNER, STRANGER, work
from tests.support.month_case import MonthCase
from trellis_core.access import AccessRole, Actor
from trellis_core.errors import (
    CommandRefusedError,
    NotFoundError,
    PermissionDeniedError,
    StoreError,
)
from trellis_core.ledger.journal import EventKind
from trellis_core.services.checkpoints import make_checkpoint
from trellis_core.services.entry_history import withhold_note
from trellis_core.services.integrity import check_store
from trellis_core.services.time_log import CorrectTime, correct_time, log_time
from trellis_core.settings import load_settings, sqlite_url
from trellis_core.store.copying import replay, table_digests
from trellis_core.store.engine import Store, open_store
from trellis_core.store.sealing import (
    Identities,
    Keys,
    Passphrase,
    keys,
    new_identity,
    read_identities,
    seal,
    unseal,
)
from trellis_core.store.tables import EVENT, PatientRow, StaffRow
from trellis_core.values.clock import FixedClock

CANARY = "Zwetschgenknödel"
WORDS = Passphrase(text="four quiet words here")


@pytest.fixture
def case(tmp_path: Path, sqlite_store: Store, clock: FixedClock) -> Case:
    """A store of two practices with three entries, and a key."""
    return Case(tmp_path, sqlite_store, clock)


def refused(code: str) -> "pytest.RaisesExc[CommandRefusedError]":
    return pytest.raises(CommandRefusedError, check=lambda error: error.code == code)


def events(store: Store, kind: EventKind) -> list[dict[str, object]]:
    with store.reading() as unit:
        rows = unit.connection.execute(
            select(EVENT.c.author_id, EVENT.c.details).where(EVENT.c.kind == kind.value)
        )
        return [{"author": row.author_id} | json.loads(row.details) for row in rows]


# --- drills ----------------------------------------------------------------------------------


def test_a_backup_taken_while_somebody_writes_holds_every_entry_acknowledged_before_it(case, clock):
    with Writer(case) as writer:
        before = list(writer.acknowledged)
        made = case.back_up()
        during = len(writer.acknowledged) - len(before)
        case.log("After the backup")
    target = case.folder / "elsewhere" / "restored.db"
    restored = case.restore(made.path, target)

    assert during > 0, "the writer waited for the backup"
    assert restored.ends == made.ends
    assert [(e.entries, e.head) for e in restored.now] == [(e.entries, e.head) for e in made.ends]
    assert [e.events for e in restored.now] == [e.events + 1 for e in made.ends]
    held = entry_ids(restored.url)
    assert set(before) <= set(held)
    assert held == entry_ids(sqlite_url(case.store.path))[: len(held)]
    with closing(open_store(restored.url)) as store:
        assert check_store(store).ok
    assert case.left_behind() == []


def test_every_table_comes_back_row_by_row(case, tmp_path):
    made = case.back_up()
    then = tmp_path / "then.db"
    unseal(made.path, then, by=read_identities(case.key))
    restored = case.restore(made.path, tmp_path / "restored.db")
    assert differing(digests_at(sqlite_url(then)), digests_at(restored.url)) == GROWS_BY_RESTORING
    assert restored.sha256 == made.sha256
    assert restored.losses == ()
    assert restored.aside is None


def test_both_ends_are_written_down_with_file_heads_and_author(case, tmp_path):
    made = case.back_up(system_user="wren")
    end = made.ends[0]
    expected = {
        "author": OWNER.person_id,
        "sha256": made.sha256,
        "ledger_seq": 3,
        "ledger_head": end.head,
        "journal_seq": end.events,
        "journal_head": end.journal_head,
    }
    assert events(case.store, EventKind.BACKED_UP)[0] == expected
    restored = case.restore(made.path, tmp_path / "restored.db")
    with closing(open_store(restored.url)) as store:
        assert events(store, EventKind.RESTORED)[0] == expected
        assert events(store, EventKind.BACKED_UP) == []


def test_a_passphrase_opens_what_it_sealed_and_nothing_else_does(case, tmp_path):
    made = case.back_up(to=WORDS)
    restored = case.restore(made.path, tmp_path / "restored.db", by=WORDS)
    assert restored.ends == made.ends
    with refused("WRONG_PASSPHRASE"):
        case.restore(made.path, tmp_path / "no.db", by=Passphrase(text="four quiet words heRe"))
    content = made.path.read_bytes()
    assert b"SQLite format" not in content
    for part in (0.0005, 0.5):
        made.path.write_bytes(_flipped(content, part))
        with pytest.raises(CommandRefusedError, match="Nothing was changed"):
            case.restore(made.path, tmp_path / "no.db", by=WORDS)
    assert not (tmp_path / "no.db").exists()


def test_a_short_passphrase_seals_nothing(case, tmp_path):
    with refused("PASSPHRASE_TOO_SHORT"):
        case.back_up(to=Passphrase(text="eleven char"))
    assert not (tmp_path / "one.age").exists()


def test_any_one_of_several_keys_opens_it(case, tmp_path):
    other = tmp_path / "other.txt"
    made = case.back_up(to=keys([case.recipient, new_identity(other)]))
    for number, key in enumerate((case.key, other)):
        case.restore(made.path, tmp_path / f"{number}.db", by=read_identities(key))


# --- what a backup shows, leaves and refuses ---------------------------------------------------


def test_nothing_of_a_person_can_be_read_in_the_file_nor_stays_beside_it(case, tmp_path):
    with case.store.writing() as unit:
        unit.session.add(
            PatientRow(
                practice_id="practice-1",
                id="pt-canary",
                mrn="MRN-CANARY",
                family_name=CANARY,
                created_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
        )
    case.log(f"Spoke with {CANARY}")
    made = case.back_up()
    content = made.path.read_bytes()
    assert made.size == len(content)
    assert made.sha256 == hashlib.sha256(content).hexdigest()
    for word in (CANARY, "MRN-CANARY", "Spoke with", "practice-1", "SQLite format"):
        for encoding in ("utf-8", "utf-16-le"):
            assert word.encode(encoding) not in content
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert case.left_behind() == []


def test_a_folder_gets_a_new_name_of_time_and_store(case, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    made = case.back_up(out=folder)
    assert made.path.name.startswith("trellis-")
    assert made.path.name.endswith("-20261120T170000Z.age")
    later = FixedClock(case.clock.now() + timedelta(seconds=1))
    assert case.back_up(out=folder, clock=later).path.name[:16] == made.path.name[:16]
    assert len(list(folder.iterdir())) == 2


def test_an_existing_file_is_kept_unless_it_is_a_backup_and_may_go(case, tmp_path):
    first = case.back_up()
    before = first.path.read_bytes()
    with refused("FILE_EXISTS"):
        case.back_up()
    assert first.path.read_bytes() == before
    case.log()
    assert case.back_up(is_overwriting=True).ends[0].entries == 4
    diary = tmp_path / "diary.txt"
    diary.write_text("dear diary")
    with refused("NOT_A_BACKUP"):
        case.back_up("diary.txt", is_overwriting=True)
    assert diary.read_text() == "dear diary"


@pytest.mark.parametrize("suffix", ["", "-wal", ".lock", ".checkpoints.jsonl"])
def test_the_store_itself_is_never_overwritten(case, suffix):
    with refused("STORE_ITSELF"):
        case.back_up(out=Path(f"{case.store.path}{suffix}"), is_overwriting=True)
    assert check_store(case.store).ok


def test_a_folder_that_is_not_there_is_refused(case, tmp_path):
    with refused("NO_FOLDER"):
        case.back_up(out=tmp_path / "nowhere" / "one.age")


def test_owners_only_and_one_of_every_practice(case, tmp_path):
    for person in (NURSE, BILLER, AUDITOR):
        with pytest.raises(PermissionDeniedError):
            case.back_up(actors=(person, STRANGER))
    with refused("OWNER_NEEDED"):
        case.back_up(actors=(OWNER,))
    made = case.back_up()
    for people in ((NURSE.person_id, STRANGER.person_id), (BILLER.person_id, OWNERS[1])):
        with pytest.raises(PermissionDeniedError):
            case.restore(made.path, tmp_path / "no.db", as_people=people)
    with refused("OWNER_NEEDED"):
        case.restore(made.path, tmp_path / "no.db", as_people=(OWNER.person_id,))
    with refused("PERSON_NEEDED"):
        case.restore(made.path, tmp_path / "no.db", as_people=())
    with pytest.raises(NotFoundError):
        case.restore(made.path, tmp_path / "no.db", as_people=("staff-nobody",))
    assert not (tmp_path / "no.db").exists()


def test_a_store_that_was_changed_behind_its_back_gets_no_backup(case, tmp_path):
    with closing(pysqlite3.connect(case.store.path, isolation_level=None)) as other:
        other.execute("DROP TRIGGER guard_entry_update")
        other.execute("UPDATE entry SET body = replace(body, ',1200,', ',1260,') WHERE seq = 2")
    with refused("NOT_INTACT"):
        case.back_up()
    assert not (tmp_path / "one.age").exists()
    assert case.left_behind() == []


def test_what_a_killed_backup_left_is_removed_by_the_next(case):
    gone = case.folder / ".trellis-private-gone"
    gone.mkdir()
    (gone / "lock").touch()
    (gone / "store.db").write_text("plain")
    case.back_up()
    assert case.left_behind() == []


# --- files that are not restored -----------------------------------------------------------------


def _cut(content: bytes, part: float) -> bytes:
    return content[: int(len(content) * part)]


def _flipped(content: bytes, part: float) -> bytes:
    changed = bytearray(content)
    changed[int(len(content) * part)] ^= 1
    return bytes(changed)


@pytest.mark.parametrize(
    "change",
    [
        *(lambda content, part=part: _cut(content, part) for part in (0.001, 0.3, 0.9, 0.99999)),
        *(lambda content, part=part: _flipped(content, part) for part in (0.0002, 0.5, 0.99999)),
        lambda content: content[:-1],
        lambda content: content + b"x",
        lambda content: b"",
        lambda content: b"SQLite format 3\x00" + bytes(100),
    ],
)
def test_a_file_that_is_not_whole_changes_nothing(case, tmp_path, change):
    made = case.back_up()
    made.path.write_bytes(change(made.path.read_bytes()))
    target = tmp_path / "restored" / "restored.db"
    with pytest.raises(CommandRefusedError, match="Nothing was changed") as error:
        case.restore(made.path, target)
    assert error.value.code in {"DAMAGED", "NOT_A_BACKUP", "WRONG_KEY"}
    assert list(target.parent.iterdir()) == []


def test_the_wrong_key_and_the_wrong_kind_of_key_are_told_apart_from_damage(case, tmp_path):
    other = tmp_path / "other.txt"
    new_identity(other)
    made, worded = case.back_up(), tmp_path / "words.age"
    worded.write_bytes(b"-----BEGIN AGE ENCRYPTED FILE-----\n")
    with refused("WRONG_KEY"):
        case.restore(made.path, tmp_path / "no.db", by=read_identities(other))
    with refused("IDENTITY_NEEDED"):
        case.restore(made.path, tmp_path / "no.db", by=WORDS)
    with refused("PASSPHRASE_NEEDED"):
        case.restore(worded, tmp_path / "no.db")
    with refused("FILE_MISSING"):
        case.restore(tmp_path / "nowhere.age", tmp_path / "no.db")
    assert not (tmp_path / "no.db").exists()


def _sealed(case: Case, content: Path, name: str) -> Path:
    path = case.folder / name
    seal(content, path, to=Keys(recipients=(case.recipient,)))
    return path


def _unsealed(case: Case) -> Path:
    plain = case.folder / "plain.db"
    unseal(case.back_up().path, plain, by=read_identities(case.key))
    return plain


def test_a_sealed_file_that_holds_no_practice_is_no_backup(case, tmp_path):
    text = tmp_path / "letter.txt"
    text.write_text("dear colleague")
    empty = tmp_path / "empty.db"
    open_store(sqlite_url(empty)).close()
    for number, content in enumerate((text, empty)):
        with refused("NOT_A_BACKUP"):
            case.restore(_sealed(case, content, f"{number}.age"), tmp_path / "no.db")
    assert not (tmp_path / "no.db").exists()


def test_a_backup_of_a_newer_version_says_so(case, tmp_path):
    plain = _unsealed(case)
    with closing(pysqlite3.connect(plain, isolation_level=None)) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    with refused("OTHER_VERSION"):
        case.restore(_sealed(case, plain, "newer.age"), tmp_path / "no.db")


def test_a_backup_with_a_changed_entry_is_refused(case, tmp_path):
    plain = _unsealed(case)
    with closing(pysqlite3.connect(plain, isolation_level=None)) as other:
        (guard,) = other.execute(
            "SELECT sql FROM sqlite_schema WHERE name = 'guard_entry_update'"
        ).fetchone()
        other.execute("DROP TRIGGER guard_entry_update")
        other.execute("UPDATE entry SET body = replace(body, ',1200,', ',1260,') WHERE seq = 2")
        other.execute(guard)
    with refused("NOT_INTACT"):
        case.restore(_sealed(case, plain, "changed.age"), tmp_path / "no.db")
    assert not (tmp_path / "no.db").exists()


# --- into the place of a store -------------------------------------------------------------------


@pytest.fixture
def target(case: Case) -> Path:
    """The case's own store, closed, after a backup of it was made as ``one.age``."""
    case.back_up()
    path = case.store.path
    case.store.close()
    assert path is not None
    return path


def test_a_store_with_a_practice_is_kept_unless_it_may_be_replaced(case, target):
    before = digests_at(sqlite_url(target))
    with refused("STORE_NOT_EMPTY"):
        case.restore(case.folder / "one.age", target)
    assert digests_at(sqlite_url(target)) == before
    restored = case.restore(case.folder / "one.age", target, is_replacing=True)
    assert restored.aside is not None
    assert restored.aside.name == "trellis.db.before-restore-20261120T170000Z"
    assert digests_at(sqlite_url(restored.aside)) == before
    assert restored.aside.stat().st_mode & 0o777 == 0o600
    assert restored.losses == ()


def test_an_empty_store_is_filled_without_asking(case, target, tmp_path):
    empty = tmp_path / "empty.db"
    open_store(sqlite_url(empty)).close()
    assert case.restore(case.folder / "one.age", empty).aside is None
    assert entry_ids(sqlite_url(empty)) == entry_ids(sqlite_url(target))


def test_a_store_that_is_open_elsewhere_is_not_replaced(case, target):
    idle = (
        "import sys\nfrom trellis_core.store.engine import open_store\n"
        f"store = open_store({sqlite_url(target)!r})\nprint('up', flush=True)\nsys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", idle], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert other.stdout.readline() == b"up\n"
        before = target.read_bytes()
        with refused("STORE_IN_USE"):
            case.restore(case.folder / "one.age", target, is_replacing=True)
        assert target.read_bytes() == before
    finally:
        other.stdin.close()
        other.wait()
        other.stdout.close()
    case.restore(case.folder / "one.age", target, is_replacing=True)


def test_a_writer_in_a_unit_of_work_keeps_its_store(case, target):
    with (
        closing(open_store(sqlite_url(target))) as store,
        store.writing(),
        refused("STORE_IN_USE"),
    ):
        case.restore(case.folder / "one.age", target, is_replacing=True)


def test_what_the_present_store_holds_beyond_the_backup_is_counted(case, target):
    with closing(open_store(sqlite_url(target))) as store:
        for _ in range(2):
            log_time(work(note="Later"), store=store, actor=NURSE, clock=case.clock)
    before = digests_at(sqlite_url(target))
    with pytest.raises(
        CommandRefusedError, match="2 entries recorded since are not in it"
    ) as error:
        case.restore(case.folder / "one.age", target, is_replacing=True)
    assert error.value.code == "WOULD_LOSE"
    assert digests_at(sqlite_url(target)) == before
    restored = case.restore(case.folder / "one.age", target, is_replacing=True, accepts_loss=True)
    assert [loss.entries for loss in restored.losses] == [2]
    assert digests_at(sqlite_url(restored.aside)) == before
    with closing(open_store(restored.url)) as store:
        assert {told.get("lost_entries") for told in events(store, EventKind.RESTORED)} == {2}
        assert check_store(store).ok


def test_a_store_that_went_another_way_is_said_to(case, target, tmp_path):
    case.restore(case.folder / "one.age", target, is_replacing=True)
    with closing(open_store(sqlite_url(target))) as store:
        other = Case.__new__(Case)
        other.__dict__ |= case.__dict__ | {"store": store}
        other.log("On the new way")
        later = other.back_up("two.age")
    old = case.restore(case.folder / "one.age", tmp_path / "old.db")
    with closing(open_store(old.url)) as store:
        log_time(work(note="On the old way"), store=store, actor=NURSE, clock=case.clock)
    with pytest.raises(CommandRefusedError, match="went another way"):
        case.restore(later.path, tmp_path / "old.db", is_replacing=True)


def test_a_file_that_is_no_store_is_moved_away_as_it_is(case, target, tmp_path):
    broken = tmp_path / "broken.db"
    content = os.urandom(20_000)
    broken.write_bytes(content)
    with refused("STORE_NOT_EMPTY"):
        case.restore(case.folder / "one.age", broken)
    assert broken.read_bytes() == content
    restored = case.restore(case.folder / "one.age", broken, is_replacing=True)
    assert restored.aside.read_bytes() == content
    assert len(entry_ids(restored.url)) == 3


def test_a_store_with_a_broken_page_is_replaced_and_kept(case, target):
    content = bytearray(target.read_bytes())
    content[4096 * 3 : 4096 * 60] = os.urandom(4096 * 57)
    target.write_bytes(content)
    with pytest.raises(CommandRefusedError):
        case.restore(case.folder / "one.age", target)
    restored = case.restore(case.folder / "one.age", target, is_replacing=True, accepts_loss=True)
    assert restored.aside.read_bytes() == bytes(content)
    with closing(open_store(restored.url)) as store:
        assert check_store(store).ok


def test_somebody_who_is_no_owner_any_more_cannot_replace_the_store(case, target):
    with closing(open_store(sqlite_url(target))) as store, store.writing() as unit:
        row = unit.session.get(StaffRow, ("practice-1", OWNER.person_id))
        row.access = "auditor"
        unit.session.add(row)
    with pytest.raises(PermissionDeniedError):
        case.restore(case.folder / "one.age", target, is_replacing=True, accepts_loss=True)
    with closing(open_store(sqlite_url(target))) as store, store.writing() as unit:
        row = unit.session.get(StaffRow, ("practice-1", OWNER.person_id))
        row.is_active = False
        unit.session.add(row)
    with pytest.raises(NotFoundError):
        case.restore(case.folder / "one.age", target, is_replacing=True, accepts_loss=True)


KILLED = """
import sys
from pathlib import Path
from trellis_core.cli import main
sys.exit(main(["restore", *sys.argv[1:], "--replace", "--accept-loss"]))
"""


@pytest.mark.parametrize("wait", [0.02, 0.15, 0.3, 0.45])
def test_a_restore_that_is_killed_leaves_the_old_store_or_the_new_one(case, target, wait):
    with closing(open_store(sqlite_url(target))) as store:
        log_time(work(note="Later"), store=store, actor=NURSE, clock=case.clock)
    options = ["--identity", str(case.key), "--store", sqlite_url(target)]
    people = [word for person in OWNERS for word in ("--as", person)]
    other = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(case.folder / "one.age"), *options, *people],
        stdout=subprocess.DEVNULL,
    )
    until = time.monotonic() + 30
    while other.poll() is None and time.monotonic() < until and not case.left_behind():
        time.sleep(0.002)
    time.sleep(wait)
    other.kill()
    other.wait()
    with closing(open_store(sqlite_url(target))) as store:
        assert check_store(store).ok
    assert len(entry_ids(sqlite_url(target))) in {3, 4}
    case.restore(case.folder / "one.age", target, is_replacing=True, accepts_loss=True)
    assert case.left_behind() == []


# --- checkpoints -------------------------------------------------------------------------------


def test_a_backup_that_ends_before_a_checkpoint_is_said_to_and_refused(case, tmp_path):
    made = case.back_up()
    for _ in range(37):
        case.log()
    signed = make_checkpoint("asked", store=case.store, clock=case.clock, actor=OWNER)
    case.store.close()
    anchors = tmp_path / "anchors.jsonl"
    anchors.write_bytes(signed.file.read_bytes())
    with pytest.raises(CommandRefusedError) as error:
        case.restore(made.path, tmp_path / "new.db", checkpoints=anchors)
    assert error.value.code == "WOULD_LOSE"
    assert "before checkpoint 1 of 2026-11-20 17:00 UTC: 37 entries and " in str(error.value)
    assert not (tmp_path / "new.db").exists()
    restored = case.restore(made.path, tmp_path / "new.db", checkpoints=anchors, accepts_loss=True)
    assert restored.losses[0].entries == 37
    assert anchors.read_bytes() == signed.file.read_bytes(), "a named file is a witness only"


def test_the_checkpoints_of_what_is_given_up_are_kept_and_new_ones_can_be_made(case, tmp_path):
    make_checkpoint("start", store=case.store, clock=case.clock, actor=OWNER)
    made = case.back_up()
    case.log()
    file = make_checkpoint("asked", store=case.store, clock=case.clock, actor=OWNER).file
    path, before = case.store.path, file.read_text()
    case.store.close()
    assert before.count("\n") == 2
    with refused("WOULD_LOSE"):
        case.restore(made.path, path, is_replacing=True)
    restored = case.restore(made.path, path, is_replacing=True, accepts_loss=True)
    assert restored.hint is None
    kept = file.with_name(f"{file.name}.before-restore-20261120T170000Z")
    assert kept.read_text() == before
    assert file.read_text() == before[: before.index("\n") + 1]
    with closing(open_store(restored.url)) as store:
        made_again = make_checkpoint("asked", store=store, clock=case.clock, actor=OWNER)
        assert made_again.signed.checkpoint.number == 2


def test_a_backup_that_reaches_the_checkpoints_restores_and_fills_their_file(case, tmp_path):
    file = make_checkpoint("asked", store=case.store, clock=case.clock, actor=OWNER).file
    made = case.back_up()
    new = tmp_path / "new.db"
    restored = case.restore(made.path, new, checkpoints=file)
    assert restored.losses == ()
    assert Path(f"{new}.checkpoints.jsonl").read_bytes() == file.read_bytes()


def test_a_backup_that_contradicts_a_checkpoint_is_never_restored(case, tmp_path):
    made = case.back_up()
    way = case.restore(made.path, tmp_path / "way.db")
    with closing(open_store(way.url)) as store:
        log_time(work(note="On this way"), store=store, actor=NURSE, clock=case.clock)
        file = make_checkpoint("asked", store=store, clock=case.clock, actor=OWNER).file
    case.log("On the other way")
    later = case.back_up("two.age")
    for accepts_loss in (False, True):
        with refused("CONTRADICTS_CHECKPOINT"):
            case.restore(
                later.path, tmp_path / "no.db", checkpoints=file, accepts_loss=accepts_loss
            )
    case.restore(made.path, tmp_path / "fine.db", checkpoints=file, accepts_loss=True)


def test_a_forged_line_of_the_checkpoint_file_is_named(case, tmp_path):
    file = make_checkpoint("asked", store=case.store, clock=case.clock, actor=OWNER).file
    made = case.back_up()
    forged = tmp_path / "forged.jsonl"
    forged.write_text(file.read_text().replace(",3,", ",2,", 1))
    with pytest.raises(CommandRefusedError, match=r"Line 1 of 'forged\.jsonl'") as error:
        case.restore(made.path, tmp_path / "no.db", checkpoints=forged)
    assert error.value.code == "NOT_A_CHECKPOINT"
    cut = tmp_path / "cut.jsonl"
    cut.write_text(file.read_text() + file.read_text()[:50])
    case.restore(made.path, tmp_path / "fine.db", checkpoints=cut)


def test_checkpoints_in_a_file_elsewhere_are_a_witness_of_either_command(
    case, tmp_path, monkeypatch
):
    file = tmp_path / "elsewhere.jsonl"
    monkeypatch.setenv("TRELLIS_CHECKPOINTS", str(file))
    made = case.back_up()
    case.log()
    make_checkpoint("asked", store=case.store, clock=case.clock, actor=OWNER)
    assert case.back_up("two.age").ends[0].entries == 4
    with pytest.raises(CommandRefusedError, match=r"before checkpoint 1 of .*: 1 entry and"):
        case.restore(made.path, tmp_path / "new.db", settings=load_settings())
    restored = case.restore(
        made.path, tmp_path / "new.db", settings=load_settings(), accepts_loss=True
    )
    assert restored.hint is None
    assert [path.name for path in tmp_path.glob("elsewhere*")] == [
        "elsewhere.jsonl.before-restore-20261120T170000Z"
    ]


def test_a_checkpoint_file_that_cannot_be_set_aside_leaves_a_hint(case, tmp_path):
    made = case.back_up()
    case.log()
    file = make_checkpoint("asked", store=case.store, clock=case.clock, actor=OWNER).file
    path = case.store.path
    case.store.close()
    file.with_name(f"{file.name}.before-restore-20261120T170000Z").mkdir()
    restored = case.restore(made.path, path, is_replacing=True, accepts_loss=True)
    assert "TRELLIS_CHECKPOINTS" in restored.hint
    assert len(entry_ids(restored.url)) == 3


# --- from one database to the other --------------------------------------------------------------


THIRD = Actor(practice_id="prac-1", person_id="owner-3", role=AccessRole.OWNER)
ALL = {"actors": (OWNER, STRANGER, THIRD)}
ALL_PEOPLE = {"as_people": (*OWNERS, THIRD.person_id)}


def live_through_closes(case: Case) -> None:
    """Add a practice that closes a month, reopens it, corrects in it and closes it again."""
    months = MonthCase(case.store)
    months.enrolled("fern", "moss", "reed")
    months.log("fern", 22, at=datetime(2026, 11, 3, 15, 0, tzinfo=UTC))
    wrong = months.log("fern", 20, at=datetime(2026, 11, 10, 15, 0, tzinfo=UTC)).entry.id
    months.log("reed", 25, at=datetime(2026, 11, 5, 15, 0, tzinfo=UTC))
    assert months.close().issued
    months.log("reed", 21, at=datetime(2026, 12, 1, 6, 0, tzinfo=UTC))
    months.reopen()
    correct_time(
        CorrectTime(entry_id_new="new-1", entry_id=wrong, seconds=2400, reason="wrong", note=None),
        store=case.store,
        actor=months.actor(AccessRole.OWNER),
        clock=months.clock,
    )
    assert months.close().issued
    withhold_note(
        wrong,
        reason="not theirs",
        store=case.store,
        actor=months.actor(AccessRole.OWNER),
        clock=months.clock,
    )
    with case.store.writing() as unit:
        unit.session.add(
            StaffRow(
                practice_id="prac-1", id=THIRD.person_id, role="clinical_staff", access="owner"
            )
        )
    for actor in (OWNER, STRANGER, THIRD):
        make_checkpoint("asked", store=case.store, clock=months.clock, actor=actor)


def test_closes_reopenings_and_papers_are_added_again_in_their_order(case, tmp_path):
    live_through_closes(case)
    copy = open_store(sqlite_url(tmp_path / "copy.db"))
    with closing(copy):
        with case.store.reading() as unit, copy.writing() as added:
            replay(unit.connection, added.connection)
        before, after = digests(case.store), digests(copy)
        assert differing(before, after) == set()
        assert {
            name
            for name in ("month_mark", "superbill_line", "month_determination", "withheld_note")
            if before[name].rows == 0
        } == set()
        assert check_store(copy).ok
        with (
            case.store.reading() as unit,
            pytest.raises(StoreError, match="holds a practice"),
            copy.writing() as added,
        ):
            replay(unit.connection, added.connection)
        assert digests(copy) == after


def test_tables_are_told_apart_by_one_value(case):
    before = digests(case.store)
    with case.store.writing() as unit:
        row = unit.session.get(PatientRow, ("practice-1", "pt-1"))
        row.phone = "1"
        unit.session.add(row)
    assert differing(before, digests(case.store)) >= {"patient", "event"}
    assert "staff" not in differing(before, digests(case.store))
    with case.store.reading() as unit:
        assert table_digests(unit.connection, only="staff").keys() == {"staff"}


@pytest.mark.postgres
def test_a_practice_moves_to_postgresql_and_back_with_every_row(case, tmp_path, postgres):
    live_through_closes(case)
    made = case.back_up(**ALL)
    then = tmp_path / "then.db"
    unseal(made.path, then, by=read_identities(case.key))
    first = digests_at(sqlite_url(then))

    name = postgres.blank()
    there = case.restore(made.path, postgres.url(name), **ALL_PEOPLE)
    assert there.ends == made.ends
    with closing(open_store(postgres.url(name))) as server:
        assert differing(first, digests(server)) == GROWS_BY_RESTORING
        assert check_store(server).ok
        moved = replace_store(case, server)
        with Writer(moved) as writer:
            before = list(writer.acknowledged)
            made_there = moved.back_up("there.age", **ALL)
        assert check_store(server).ok
    back = case.restore(made_there.path, tmp_path / "back.db", **ALL_PEOPLE)
    assert back.ends == made_there.ends
    assert set(before) <= set(entry_ids(back.url))
    unchanged = differing(first, digests_at(back.url))
    assert unchanged == {
        "entry",
        "entry_note",
        "event",
        "journal_head",
        "ledger_head",
        "month_roll",
    }
    postgres.drop(name)


def replace_store(case: Case, store: Store) -> Case:
    """Return the same case on another store."""
    other = Case.__new__(Case)
    other.__dict__ |= case.__dict__ | {"store": store}
    return other


@pytest.mark.postgres
def test_a_database_that_holds_a_practice_is_never_replaced(case, postgres):
    made = case.back_up()
    name = postgres.blank()
    url = postgres.url(name)
    case.restore(made.path, url)
    with closing(open_store(url)) as server:
        before = digests(server)
    for is_replacing in (False, True):
        with refused("STORE_NOT_EMPTY"):
            case.restore(made.path, url, is_replacing=is_replacing)
    with closing(open_store(url)) as server:
        assert digests(server) == before
    postgres.drop(name)


@pytest.mark.postgres
def test_a_mere_member_of_the_working_role_cannot_restore_and_leaves_nothing(case, postgres):
    from tests.support.postgres import MEMBER

    made = case.back_up()
    name = postgres.migrated()
    with pytest.raises(StoreError, match="only the owner of its tables"):
        case.restore(made.path, postgres.url(name, MEMBER))
    with closing(open_store(postgres.url(name))) as server:
        assert {table.rows for table in digests(server).values()} == {0, 1}
    postgres.drop(name)


# --- keys ----------------------------------------------------------------------------------------


def test_a_new_key_is_private_and_never_overwrites_one(tmp_path):
    path = tmp_path / "key.txt"
    public = new_identity(path)
    assert public.startswith("age1")
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_text()
    with refused("FILE_EXISTS"):
        new_identity(path)
    assert path.read_text() == before
    (secret,) = read_identities(path).secrets
    assert secret not in repr(read_identities(path))
    assert "four quiet" not in repr(WORDS)


def test_a_key_that_is_none_is_refused_without_repeating_it(tmp_path):
    path = tmp_path / "key.txt"
    new_identity(path)
    (secret,) = read_identities(path).secrets
    for wrong in ("age1xyz", "ssh-ed25519 AAAA", "", secret):
        with pytest.raises(CommandRefusedError) as error:
            keys([wrong])
        assert error.value.code == "NOT_A_RECIPIENT"
        assert not wrong or wrong not in str(error.value)
    letter = tmp_path / "letter.txt"
    for words in ("", "# only a comment\n", "dear colleague\n", f"{secret[:-1]}\n"):
        letter.write_text(words)
        with refused("NOT_AN_IDENTITY"):
            read_identities(letter)
    assert isinstance(read_identities(path), Identities)
