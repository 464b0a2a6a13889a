"""The check of checkpoints: in the store, in the file outside it, and against both chains."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pysqlite3
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.ledger_case import NURSE, OWNER, STRANGER, fill, work
from tests.support.tampering import codes, messages, rewritten, tamper
from trellis_core.errors import CheckpointFileError
from trellis_core.ledger.checkpoint import (
    checkpoint_line,
    parse_line,
    public_key_hex,
    sign_checkpoint,
)
from trellis_core.services.checkpoints import make_checkpoint
from trellis_core.services.integrity import (
    CheckReport,
    Scope,
    check_ledger,
    check_store,
    checkpoint_state,
)
from trellis_core.services.time_log import log_time
from trellis_core.store.engine import Store, open_store
from trellis_core.store.tables import PatientRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.findings import Severity

SEALED = 3


def anchored(store: Store, clock: FixedClock) -> None:
    """Write three checkpoints: of one, of two and of three entries."""
    fill(store)
    for _ in range(SEALED):
        log_time(work(note="Called"), store=store, actor=NURSE, clock=clock)
        make_checkpoint("asked", store=store, clock=clock, actor=OWNER)
        clock.advance(minutes=10)


@pytest.fixture
def kept(store: Store, clock) -> Store:
    anchored(store, clock)
    return store


def file_of(store: Store) -> Path:
    return Path(f"{store.path}.checkpoints.jsonl")


def said(report: CheckReport) -> dict[str, Severity]:
    return {one.code: one.severity for one in report.findings}


def forget_checkpoints(store: Store, *, after: int = 0) -> str:
    return f"DELETE FROM checkpoint WHERE number > {after}"


def cut_to(entries: int) -> tuple[str, ...]:
    """Return what cuts the ledger's end off, with everything that would tell inside the store."""
    return (
        f"DELETE FROM entry_note WHERE seq > {entries}",
        f"DELETE FROM entry WHERE seq > {entries}",
        (
            f"UPDATE ledger_head SET seq = {entries}, hash = (SELECT hash FROM entry WHERE seq = "
            f"{entries}) WHERE practice_id = 'practice-1'"
        ),
        f"UPDATE month_roll SET seconds = 1200 * {entries}, entries = {entries}",
    )


@pytest.mark.parametrize("scope", list(Scope))
def test_a_sound_store_names_its_newest_checkpoint_on_either_database(any_store, clock, scope):
    anchored(any_store, clock)
    report = check_store(any_store, clock=clock, scope=scope)
    assert report.findings == ()
    (state,) = report.checkpoints
    assert (state.practice_id, state.number, state.ledger_seq) == ("practice-1", SEALED, SEALED)
    assert state.is_in_file
    assert checkpoint_state(store=any_store, actor=OWNER) == replace(state, is_in_file=None)


def test_since_the_checkpoint_only_what_came_after_it_is_read(kept, clock):
    for _ in range(2):
        log_time(work(note="Later"), store=kept, actor=NURSE, clock=clock)
    report = check_store(kept, clock=clock, scope=Scope.SINCE_CHECKPOINT)
    assert (report.ok, report.entries, report.events) == (True, 2, 2)
    assert report.scope is Scope.SINCE_CHECKPOINT
    tamper(kept, "UPDATE entry SET body = replace(body, ',1200,', ',1260,') WHERE seq = 5")
    report = check_store(kept, clock=clock, scope=Scope.SINCE_CHECKPOINT)
    assert ("L001", 5) in codes(report)
    report = check_ledger(store=kept, actor=OWNER, clock=clock, scope=Scope.SINCE_CHECKPOINT)
    assert ("L001", 5) in codes(report)
    assert report.entries == 2


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER guard_entry_delete",
        "UPDATE entry_note SET text = 'x' WHERE seq = 4",
        "UPDATE month_roll SET seconds = 1",
        "UPDATE patient SET mrn = 'x' WHERE id = 'pt-1'",
    ],
)
def test_since_the_checkpoint_everything_beside_the_new_links_is_compared(kept, clock, statement):
    log_time(work(note="Later"), store=kept, actor=NURSE, clock=clock)
    with kept.writing(actor=OWNER, at=clock.now()) as unit:
        row = unit.session.get(PatientRow, ("practice-1", "pt-1"))
        row.phone = "555"
        unit.session.add(row)
    assert check_store(kept, clock=clock, scope=Scope.SINCE_CHECKPOINT).findings == ()
    if statement.startswith("DROP"):
        other = pysqlite3.connect(kept.path, isolation_level=None)
        other.execute(statement)
        other.close()
    else:
        tamper(kept, statement)
    assert not check_store(kept, clock=clock, scope=Scope.SINCE_CHECKPOINT).ok


@pytest.mark.parametrize("scope", list(Scope))
def test_a_chain_written_anew_is_found_by_what_a_checkpoint_sealed(kept, clock, scope):
    tamper(kept, *rewritten(kept, "event", 2, '"recorded"', '"changed"'))
    report = check_store(kept, clock=clock, scope=scope)
    assert "L018" in said(report)
    assert "The journal was rewritten after checkpoint" in messages(report, "L018")[0]


def test_only_the_file_shows_a_chain_written_anew_by_one_who_removed_the_checkpoints(
    kept, clock, tmp_path
):
    elsewhere = tmp_path / "elsewhere.jsonl"
    shutil.copy(file_of(kept), elsewhere)
    file_of(kept).unlink()
    tamper(
        kept,
        forget_checkpoints(kept),
        *rewritten(kept, "event", 2, '"staff-nurse"', '"staff-other"'),
        "UPDATE staff SET id = 'gone' WHERE id = 'gone'",
    )
    alone = check_store(kept, clock=clock)
    assert not set(said(alone)) & {"L017", "L018", "L019", "L021", "L022"}
    report = check_store(kept, clock=clock, anchors=elsewhere)
    assert "L018" in said(report)
    assert said(report)["L021"] is Severity.ERROR
    quick = check_store(kept, clock=clock, anchors=elsewhere, scope=Scope.SINCE_CHECKPOINT)
    assert "L018" in said(quick)


@pytest.mark.parametrize("scope", list(Scope))
def test_a_cut_tail_says_how_many_entries_and_since_when(kept, clock, scope):
    tamper(kept, forget_checkpoints(kept, after=1), *cut_to(1))
    report = check_store(kept, clock=clock, scope=scope)
    assert "L019" in said(report)
    assert any(
        "The ledger ends with entry 1, but checkpoint 3 of 2026-11-20 sealed 3: 2 entries are "
        "missing, since 2026-11-20 17:00 UTC." in message
        for message in messages(report, "L019")
    )


@pytest.mark.parametrize("scope", list(Scope))
def test_an_old_copy_put_in_the_stores_place_is_told_from_the_file(store, clock, tmp_path, scope):
    anchored(store, clock)
    other = pysqlite3.connect(store.path, isolation_level=None)
    other.execute(f"VACUUM INTO '{tmp_path / 'old.db'}'")
    other.close()
    log_time(work(note="Later"), store=store, actor=NURSE, clock=clock)
    make_checkpoint("asked", store=store, clock=clock, actor=OWNER)
    shutil.copy(file_of(store), tmp_path / "old.db.checkpoints.jsonl")
    old = open_store(f"sqlite:///{tmp_path / 'old.db'}")
    report = check_store(old, clock=clock, scope=scope)
    old.close()
    assert said(report) == {"L019": Severity.ERROR, "L021": Severity.ERROR}
    assert any("1 entry is missing" in message for message in messages(report, "L019"))
    assert "set back" in messages(report, "L021")[0]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE checkpoint SET body = replace(body, '\"asked\"', '\"daily\"') WHERE number = {}",
        "UPDATE checkpoint SET signature = zeroblob(64) WHERE number = {}",
        "UPDATE checkpoint SET signature = zeroblob(6) WHERE number = {}",
        "UPDATE checkpoint SET body = 'x' WHERE number = {}",
        "UPDATE checkpoint SET number = 9 WHERE number = {}",
        "UPDATE checkpoint SET practice_id = 'practice-2' WHERE number = {}",
    ],
)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_changed_checkpoint_is_not_believed(kept, clock, statement, number):
    file_of(kept).unlink()
    tamper(kept, statement.format(number))
    assert said(check_store(kept, clock=clock)).get("L017") is Severity.ERROR


def test_a_checkpoint_taken_out_of_the_middle_is_missed(kept, clock):
    tamper(kept, "DELETE FROM checkpoint WHERE number = 2")
    report = check_store(kept, clock=clock)
    assert "does not follow the one before it" in messages(report, "L017")[0]
    assert said(report)["L021"] is Severity.ERROR


def test_another_stores_identity_makes_every_checkpoint_strange(kept, clock):
    tamper(kept, "UPDATE store_identity SET id = 'other'")
    report = check_store(kept, clock=clock)
    assert said(report)["L017"] is Severity.ERROR
    assert "holds no checkpoint of this store" in messages(report, "L021")[0]
    tamper(kept, "DELETE FROM store_identity")
    report = check_store(kept, clock=clock)
    assert any("says 0 times which one it is" in one for one in messages(report, "L017"))


@pytest.mark.parametrize(
    ("age", "entries", "is_told"),
    [
        (timedelta(hours=24) - timedelta(seconds=1), 1, False),
        (timedelta(hours=24), 1, True),
        (timedelta(hours=24), 0, False),
        (timedelta(days=400), 0, False),
    ],
)
@pytest.mark.parametrize("scope", list(Scope))
def test_a_checkpoint_is_too_old_from_a_day_on_where_entries_came(
    store, clock, scope, age, entries, is_told
):
    fill(store)
    make_checkpoint("asked", store=store, clock=clock, actor=OWNER)
    for _ in range(entries):
        log_time(work(), store=store, actor=NURSE, clock=clock)
    clock.advance(seconds=age.total_seconds())
    report = check_store(store, clock=clock, scope=scope)
    assert report.ok
    assert said(report) == ({"L020": Severity.WARNING} if is_told else {})
    if is_told:
        assert "24 hours old, and 1 entry came since" in messages(report, "L020")[0]


def test_a_file_that_lacks_checkpoints_is_a_warning(kept, clock):
    lines = file_of(kept).read_bytes().splitlines(keepends=True)
    file_of(kept).write_bytes(lines[0])
    report = check_store(kept, clock=clock)
    assert (report.ok, said(report)) == (True, {"L021": Severity.WARNING})
    assert "lacks 2 checkpoints, the first of them 2" in messages(report, "L021")[0]
    assert report.checkpoints[0].is_in_file is False
    quick = check_store(kept, clock=clock, scope=Scope.SINCE_CHECKPOINT)
    assert said(quick) == {"L021": Severity.WARNING}
    file_of(kept).unlink()
    report = check_store(kept, clock=clock)
    assert "is not there" in messages(report, "L021")[0]


def test_a_line_cut_off_by_a_crash_is_a_warning_and_a_changed_one_an_error(kept, clock):
    good = file_of(kept).read_bytes()
    file_of(kept).write_bytes(good[:-20])
    report = check_store(kept, clock=clock)
    assert said(report) == {"L017": Severity.WARNING, "L021": Severity.WARNING}
    assert "Line 3 of the checkpoint file" in messages(report, "L017")[0]
    file_of(kept).write_bytes(good.replace(b"asked", b"daily", 1))
    report = check_store(kept, clock=clock)
    assert said(report)["L017"] is Severity.ERROR


def test_a_file_that_was_named_must_be_there_and_be_this_stores(kept, clock, tmp_path):
    with pytest.raises(CheckpointFileError, match="no file of checkpoints"):
        check_store(kept, clock=clock, anchors=tmp_path / "none.jsonl")
    strange = tmp_path / "strange.jsonl"
    key = Ed25519PrivateKey.generate()
    first = parse_line(file_of(kept).read_text("ascii").splitlines()[0])
    other = replace(first.checkpoint, store_id="other", public_key=public_key_hex(key))
    strange.write_text(f"{checkpoint_line(sign_checkpoint(other, key))}\n", "ascii")
    report = check_store(kept, clock=clock, anchors=strange)
    assert not report.ok
    assert any("holds no checkpoint of this store" in one for one in messages(report, "L021"))
    strange.write_text("", "ascii")
    assert not check_store(kept, clock=clock, anchors=strange).ok


@pytest.mark.parametrize("scope", list(Scope))
def test_a_store_made_anew_under_another_name_is_told_from_the_file(kept, clock, scope):
    """Every trace within is rewritten; only the practice keeps its id, as its records do."""
    tamper(
        kept,
        *cut_to(2),
        forget_checkpoints(kept),
        "UPDATE store_identity SET id = 'made-anew'",
    )
    report = check_store(kept, clock=clock, scope=scope)
    assert not report.ok
    assert "but checkpoint 3 of" in messages(report, "L019")[0]
    tamper(kept, "UPDATE practice SET is_sample = 1")
    assert "L019" not in codes(check_store(kept, clock=clock, scope=scope))


def test_a_practice_that_vanished_whole_is_missed(kept, clock, tmp_path):
    key = Ed25519PrivateKey.generate()
    first = parse_line(file_of(kept).read_text("ascii").splitlines()[0])
    gone = replace(first.checkpoint, practice_id="gone", public_key=public_key_hex(key))
    with file_of(kept).open("a", encoding="ascii") as file:
        file.write(f"{checkpoint_line(sign_checkpoint(gone, key))}\n")
    report = check_store(kept, clock=clock)
    assert not report.ok
    assert "is not in the store any more" in messages(report, "L019")[0]
    assert check_ledger(store=kept, actor=OWNER, clock=clock).ok


@pytest.mark.parametrize("scope", list(Scope))
def test_a_key_that_the_journal_does_not_name_is_not_the_practices(kept, clock, scope):
    key = Ed25519PrivateKey.generate()
    last = parse_line(file_of(kept).read_text("ascii").splitlines()[-1])
    forged = sign_checkpoint(
        replace(
            last.checkpoint,
            number=SEALED + 1,
            previous_sha256=last.sha256,
            public_key=public_key_hex(key),
        ),
        key,
    )
    tamper(
        kept,
        (
            "INSERT INTO checkpoint VALUES ('practice-1', ?, ?, ?)",
            (SEALED + 1, forged.body, bytes.fromhex(forged.signature)),
        ),
    )
    report = check_store(kept, clock=clock, scope=scope)
    assert said(report)["L022"] is Severity.ERROR
    assert "which the journal does not name" in messages(report, "L022")[0]


def test_a_new_key_that_the_journal_names_is_right(kept, clock, monkeypatch, tmp_path):
    monkeypatch.setenv("TRELLIS_SIGNING_KEY", str(tmp_path / "new-key.pem"))
    made = make_checkpoint("asked", store=kept, clock=clock, actor=OWNER)
    assert made.is_new_key
    assert check_store(kept, clock=clock).findings == ()


def test_the_named_practice_alone_is_compared(kept, clock):
    tamper(kept, "UPDATE checkpoint SET signature = zeroblob(64)")
    assert check_ledger(store=kept, actor=STRANGER, clock=clock).findings == ()
