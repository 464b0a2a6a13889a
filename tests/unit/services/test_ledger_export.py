"""The exported ledger: what is in it, what is not, and that every tampering with it is found."""

import hashlib
import json
import os
import random
import runpy
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.empty_store import empty_store
from tests.support.ledger_case import AUDITOR, BILLER, NURSE, OWNER, STRANGER, fill, work
from trellis_core.errors import CommandRefusedError, PermissionDeniedError, SigningKeyError
from trellis_core.ledger.chain import GENESIS, entry_hash
from trellis_core.ledger.checkpoint import (
    SignedCheckpoint,
    checkpoint_line,
    parse_line,
    public_key_hex,
    sign_checkpoint,
)
from trellis_core.ledger.journal import event_hash, parse_event
from trellis_core.services.checkpoints import make_checkpoint
from trellis_core.services.ledger_export import ExportedLedger, export_ledger
from trellis_core.services.time_log import log_time
from trellis_core.settings import Settings
from trellis_core.standalone import verify_ledger
from trellis_core.store.engine import Store, open_store
from trellis_core.store.tables import EVENT, PatientRow
from trellis_core.values.clock import FixedClock

Lines = list[str]
NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
NOTE = "spoke with her daughter about the fall"
PYTHONS = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python"))


def keep(store: Store, clock: FixedClock) -> None:
    """Fill a store with entries over two months and two checkpoints, and leave the clock two hours on."""
    fill(store)
    with store.writing(actor=OWNER) as unit:
        row = unit.session.get(PatientRow, ("practice-1", "pt-1"))
        row.family_name, row.given_name = "Canary", "Josephine"
        unit.session.add(row)
    start = work().started_at
    for number in range(9):
        moved = {"started_at": start - timedelta(days=7 * (number % 3)), "note": NOTE}
        log_time(work(**moved), store=store, actor=NURSE, clock=clock)
        if number in {2, 5}:
            make_checkpoint("asked", store=store, actor=OWNER, clock=clock)
            clock.advance(hours=1)


@pytest.fixture(scope="module")
def kept_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such a store's file, made once, and its keys beside it."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRELLIS_DATA_FOLDER", str(folder / "data"))
        with closing(open_store(empty_store(folder / "trellis.db"))) as store:
            keep(store, FixedClock(NOON))
    return folder


@pytest.fixture
def kept(
    request: pytest.FixtureRequest, kept_file: Path, tmp_path: Path, clock: FixedClock
) -> Iterator[Store]:
    """A store of its own with those, and the clock an hour after the last of them."""
    if os.environ.get("TRELLIS_TEST_STORE") == "postgresql":
        found: Store = request.getfixturevalue("store")
        keep(found, clock)
        yield found
        return
    shutil.copytree(kept_file / "data", os.environ["TRELLIS_DATA_FOLDER"])
    for file in kept_file.glob("trellis.db*"):
        shutil.copy(file, tmp_path / file.name)
    assert clock.now() == NOON
    clock.advance(hours=2)
    with closing(open_store(f"sqlite:///{tmp_path / 'trellis.db'}")) as store:
        yield store


@pytest.fixture
def exported(kept: Store, clock, tmp_path) -> ExportedLedger:
    return export_ledger(tmp_path / "ledger.zip", store=kept, actor=AUDITOR, clock=clock)


@pytest.fixture
def folder(exported: ExportedLedger, tmp_path) -> Path:
    """The export, unpacked."""
    found = tmp_path / "unpacked"
    with zipfile.ZipFile(exported.file) as archive:
        archive.extractall(found)
    return found


def verified(place: Path, *options: str) -> int:
    return verify_ledger.main([str(place), *options])


def lines_of(folder: Path, name: str = "ledger.ndjson") -> Lines:
    return (folder / name).read_text("ascii").splitlines()


def write(folder: Path, lines: Lines, name: str = "ledger.ndjson") -> None:
    (folder / name).write_text("".join(f"{line}\n" for line in lines), "ascii")


def checkpoints_in(folder: Path) -> list[SignedCheckpoint]:
    return [parse_line(line) for line in lines_of(folder, "checkpoints.jsonl")]


# --- what is in it ---------------------------------------------------------------------------


def test_it_holds_every_entry_and_event_as_they_are_hashed(exported, folder):
    header, *rows = map(json.loads, lines_of(folder))
    ledger = [row for row in rows if row[0] == "ledger"]
    journal = [row for row in rows if row[0] == "journal"]
    assert rows == ledger + journal
    assert (len(ledger), len(journal)) == (exported.entries, exported.events)
    assert exported.entries == 9
    for chain, hashed in ((ledger, entry_hash), (journal, event_hash)):
        prev = GENESIS
        for number, (_, seq, digest, body) in enumerate(chain, start=1):
            prev = hashed(prev, body)
            assert (seq, digest) == (number, prev.hex())
    assert header["ledger"] == {"length": 9, "head": ledger[-1][2]}
    assert header["journal"] == {"length": len(journal), "head": journal[-1][2]}
    assert header["format"] == "trellis-ledger-export-v1"
    assert header["practice"] == "practice-1"


def test_the_newest_checkpoint_was_made_for_it_and_seals_all(exported, folder):
    found = checkpoints_in(folder)
    assert [each.checkpoint.number for each in found] == [1, 2, 3]
    assert found[-1] == exported.checkpoint
    newest = found[-1].checkpoint
    assert (newest.ledger_seq, newest.journal_seq) == (exported.entries, exported.events)


def test_no_name_note_or_text_of_a_record_leaves(exported):
    with zipfile.ZipFile(exported.file) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
        assert archive.namelist() == [
            "READ_ME.txt", "verify_ledger.py", "checkpoints.jsonl", "ledger.ndjson",
        ]  # fmt: skip
    for word in (b"Canary", b"Josephine", b"daughter", b"fall", b"family_name"):
        assert word not in everything
    assert b"pt-1" in everything


def test_only_the_actors_practice_leaves(exported, folder):
    assert "practice-2" not in "".join(lines_of(folder) + lines_of(folder, "checkpoints.jsonl"))


def test_the_journal_names_the_file(exported, kept):
    with kept.reading() as unit:
        row = unit.connection.execute(
            EVENT.select().where(EVENT.c.kind == "exported").order_by(EVENT.c.seq.desc())
        ).first()
    event = parse_event(row.body)
    assert exported.sha256 == hashlib.sha256(exported.file.read_bytes()).hexdigest()
    assert exported.size == exported.file.stat().st_size
    assert (event.subject_kind, event.subject_id) == ("file", exported.sha256)
    assert event.author_id == AUDITOR.person_id
    assert json.loads(event.details) == {
        "what": "ledger", "entries": 9, "events": exported.events, "bytes": exported.size,
    }  # fmt: skip


def test_the_file_is_its_owners_alone_and_nothing_is_left_beside(exported, tmp_path):
    assert stat.S_IMODE(exported.file.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".*part"))


@pytest.mark.parametrize("actor", [OWNER, BILLER, AUDITOR, STRANGER])
def test_who_may_export(kept, clock, tmp_path, actor):
    found = export_ledger(tmp_path / "l.zip", store=kept, actor=actor, clock=clock)
    assert found.entries == (0 if actor is STRANGER else 9)
    assert verified(found.file) == 0


def test_a_coordinator_may_not(kept, clock, tmp_path):
    with pytest.raises(PermissionDeniedError):
        export_ledger(tmp_path / "l.zip", store=kept, actor=NURSE, clock=clock)
    assert not (tmp_path / "l.zip").exists()


def test_no_file_is_overwritten(kept, clock, tmp_path):
    (tmp_path / "l.zip").write_text("earlier")
    with pytest.raises(CommandRefusedError, match="already"):
        export_ledger(tmp_path / "l.zip", store=kept, actor=OWNER, clock=clock)
    assert (tmp_path / "l.zip").read_text() == "earlier"


def test_where_it_cannot_be_written_nothing_is_left(kept, clock, tmp_path):
    with pytest.raises(CommandRefusedError, match="cannot be written"):
        export_ledger(tmp_path / "none" / "l.zip", store=kept, actor=OWNER, clock=clock)
    bad = tmp_path / "bad.pem"
    bad.touch(0o644)
    with pytest.raises(SigningKeyError):
        export_ledger(
            tmp_path / "l.zip",
            store=kept,
            actor=OWNER,
            clock=clock,
            settings=Settings(signing_key=bad),
        )
    assert not (tmp_path / "l.zip").exists()
    assert not list(tmp_path.glob(".*part"))


def test_it_is_the_same_on_postgresql(postgres_store, clock, tmp_path):
    fill(postgres_store)
    for _ in range(3):
        log_time(work(), store=postgres_store, actor=NURSE, clock=clock)
    found = export_ledger(tmp_path / "l.zip", store=postgres_store, actor=OWNER, clock=clock)
    assert found.entries == 3
    assert verified(found.file) == 0


def test_more_than_a_page_is_whole(store, clock, tmp_path, monkeypatch):
    fill(store)
    for _ in range(7):
        log_time(work(), store=store, actor=NURSE, clock=clock)
    for size in (1, 3, 7, 8):
        monkeypatch.setattr("trellis_core.services.ledger_export._AT_A_TIME", size)
        found = export_ledger(tmp_path / f"{size}.zip", store=store, actor=OWNER, clock=clock)
        assert (found.entries, verified(found.file)) == (7, 0)


# --- checking it -----------------------------------------------------------------------------


def test_an_untouched_export_holds_as_file_and_as_folder(exported, folder, capsys):
    assert verified(exported.file) == 0
    told = capsys.readouterr().out
    assert "Everything fits" in told
    assert f"seals the first 9 entries and {exported.events} events" in told
    assert "2026-10         120" in told
    assert "2026-11          60" in told
    assert verified(folder) == 0
    assert capsys.readouterr().out == told


@pytest.mark.parametrize("python", PYTHONS, ids=[each.parents[1].name for each in PYTHONS])
def test_it_runs_on_every_python_here_from_the_folder_alone(exported, folder, python):
    said = subprocess.run(
        [python, "-c", "import sys; print(sys.version_info >= (3, 8))"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if said.stdout.strip() != "True":
        pytest.skip("older than the verifier promises")
    done = subprocess.run(
        [python, "-I", "-W", "error", "verify_ledger.py", "."],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "Everything fits" in done.stdout
    write(folder, lines_of(folder)[:-1])
    done = subprocess.run(
        [python, "-I", "verify_ledger.py", "."], cwd=folder, capture_output=True, check=False
    )
    assert done.returncode == 1


def test_the_verifier_needs_nothing_but_the_standard_library():
    source = Path(verify_ledger.__file__).read_text("ascii")
    assert "trellis_core" not in source
    assert "cryptography" not in source
    runpy.run_path(verify_ledger.__file__)


def test_keys_and_checkpoints_that_were_noted_are_compared(exported, capsys):
    key = exported.checkpoint.checkpoint.public_key
    code = exported.checkpoint.code
    other = public_key_hex(Ed25519PrivateKey.generate())
    assert verified(exported.file, "--key", key, "--checkpoint", f"3={code}") == 0
    assert verified(exported.file, "--key", other, "--key", key.upper()) == 0
    assert verified(exported.file, "--key", other) == 1
    assert "another key than you gave" in capsys.readouterr().out
    assert verified(exported.file, "--checkpoint", f"2={code}") == 1
    assert verified(exported.file, "--checkpoint", f"4={code}") == 1
    assert verified(exported.file, "--checkpoint", f"3={exported.checkpoint.sha256}") == 0


@pytest.mark.parametrize(
    "options", [["--key", "12"], ["--checkpoint", "12"], ["--checkpoint", "x=1"], []]
)
def test_wrong_use_ends_with_two(exported, options):
    with pytest.raises(SystemExit) as ended:
        verify_ledger.main([*options] if not options else [str(exported.file), *options])
    assert ended.value.code == 2


def test_what_is_no_export_ends_with_two(exported, folder, tmp_path, capsys):
    assert verified(tmp_path / "nothing.zip") == 2
    (tmp_path / "text.zip").write_text("no archive")
    assert verified(tmp_path / "text.zip") == 2
    assert verified(tmp_path) == 2
    write(folder, ['{"format": "other"}', *lines_of(folder)[1:]])
    assert verified(folder) == 2
    write(folder, [])
    assert verified(folder) == 2
    damaged = bytearray(exported.file.read_bytes())
    with zipfile.ZipFile(exported.file) as archive:
        damaged[archive.getinfo("ledger.ndjson").header_offset + 500] ^= 0xFF
    (tmp_path / "damaged.zip").write_bytes(damaged)
    assert verified(tmp_path / "damaged.zip") == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["ledger.ndjson", "checkpoints.jsonl"])
def test_a_file_that_is_missing_or_cut_in_a_line_ends_with_two(folder, name):
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:-1])
    assert verified(folder) == 2
    (folder / name).write_bytes(whole + b"\xff\n")
    assert verified(folder) == 2
    (folder / name).unlink()
    assert verified(folder) == 2


# --- tampering -------------------------------------------------------------------------------


def changed_in(lines: Lines, at: int, change: Callable[[list], list]) -> Lines:
    return [
        *lines[:at],
        json.dumps(change(json.loads(lines[at])), separators=(",", ":")),
        *lines[at + 1 :],
    ]


def chain_lines(lines: Lines, name: str) -> list[int]:
    return [at for at, line in enumerate(lines) if line.startswith(f'["{name}"')]


@pytest.mark.parametrize("chain", ["ledger", "journal"])
@pytest.mark.parametrize("where", ["first", "middle", "last"])
@pytest.mark.parametrize(
    "tampering",
    ["body", "hash", "number", "removed", "twice", "swapped", "renamed", "odd"],
)
def test_every_change_to_a_chain_is_found(folder, capsys, chain, where, tampering):
    lines = lines_of(folder)
    here = chain_lines(lines, chain)
    at = {"first": here[0], "middle": here[len(here) // 2], "last": here[-1]}[where]
    other = at + 1 if where == "first" else at - 1
    match tampering:
        case "body":
            lines = changed_in(
                lines, at, lambda row: [*row[:3], row[3].replace("practice-1", "practice-x")]
            )
        case "hash":
            lines = changed_in(lines, at, lambda row: [*row[:2], "0" * 64, row[3]])
        case "number":
            lines = changed_in(lines, at, lambda row: [row[0], row[1] + 1, *row[2:]])
        case "removed":
            del lines[at]
        case "twice":
            lines.insert(at, lines[at])
        case "swapped":
            lines[at], lines[other] = lines[other], lines[at]
        case "renamed":
            new = "journal" if chain == "ledger" else "ledger"
            lines = changed_in(lines, at, lambda row: [new, *row[1:]])
        case "odd":
            lines[at] = lines[at].replace(",", ", ", 1)
    write(folder, lines)
    assert verified(folder) == 1
    assert "does not hold" in capsys.readouterr().out


def relinked(lines: Lines, *, practice_ends: bool = True) -> Lines:
    """Compute every hash and both ends again, as somebody who owns the store can."""
    header, rows = json.loads(lines[0]), [json.loads(line) for line in lines[1:]]
    prev = {"ledger": GENESIS, "journal": GENESIS}
    length = {"ledger": 0, "journal": 0}
    hashed = {"ledger": entry_hash, "journal": event_hash}
    heads = {0: "0" * 64}
    made = []
    for chain, _, _, body in rows:
        length[chain] += 1
        places = json.loads(body)
        places[2] = length[chain]
        if chain == "journal" and practice_ends:
            places[12] = min(places[12], length["ledger"])
            places[13] = heads[places[12]]
        text = json.dumps(places, separators=(",", ":"))
        prev[chain] = hashed[chain](prev[chain], text)
        if chain == "ledger":
            heads[length[chain]] = prev[chain].hex()
        made.append([chain, length[chain], prev[chain].hex(), text])
    for chain, count in length.items():
        header[chain] = {"length": count, "head": prev[chain].hex()}
    return [json.dumps(each, separators=(",", ":")) for each in (header, *made)]


def longer(row: list) -> list:
    body = json.loads(row[3])
    body[10] += 600
    return [*row[:3], json.dumps(body, separators=(",", ":"))]


def test_a_ledger_rewritten_with_new_hashes_does_not_fit_its_checkpoints(folder, capsys):
    assert relinked(lines_of(folder)) == lines_of(folder)
    write(folder, relinked(changed_in(lines_of(folder), 2, longer)))
    assert verified(folder) == 1
    told = capsys.readouterr().out
    assert "Checkpoint 1 names another hash of entry 3" in told
    assert "does not fit its hash" not in told


def test_a_ledger_whose_end_was_cut_off_does_not_fit_its_checkpoints(folder, capsys):
    lines = lines_of(folder)
    del lines[chain_lines(lines, "ledger")[-1]]
    write(folder, relinked(lines))
    assert verified(folder) == 1
    assert "Checkpoint 3 names entry 9, which is not there" in capsys.readouterr().out


def test_a_journal_that_names_another_ledger_is_found(folder, capsys):
    write(folder, relinked(changed_in(lines_of(folder), 2, longer), practice_ends=False))
    assert verified(folder) == 1
    assert "that this ledger does not have" in capsys.readouterr().out


def resigned(folder: Path, key: Ed25519PrivateKey) -> None:
    """Sign every checkpoint of a rewritten ledger anew, each naming the one before."""
    rows = [json.loads(line) for line in lines_of(folder)[1:]]
    heads = {(chain, seq): digest for chain, seq, digest, _ in rows}
    made: list[SignedCheckpoint] = []
    for old in checkpoints_in(folder):
        this = old.checkpoint
        new = replace(
            this,
            ledger_head=heads["ledger", this.ledger_seq],
            journal_head=heads["journal", this.journal_seq],
            previous_sha256=made[-1].sha256 if made else "0" * 64,
            public_key=public_key_hex(key),
        )
        made.append(sign_checkpoint(new, key))
    write(folder, [checkpoint_line(each) for each in made], "checkpoints.jsonl")


def test_a_whole_rewriting_with_another_key_is_told_by_the_key(exported, folder, capsys):
    noted = exported.checkpoint.checkpoint.public_key
    key = Ed25519PrivateKey.generate()
    lines = changed_in(lines_of(folder), 2, longer)
    named = [at for at, line in enumerate(lines) if "key_named" in line]
    rename = [
        line.replace(noted, public_key_hex(key)) if at in named else line
        for at, line in enumerate(lines)
    ]
    write(folder, relinked(rename))
    resigned(folder, key)
    assert verified(folder) == 0  # it is consistent: only what was noted before tells
    assert "Compare that key" in capsys.readouterr().out
    assert verified(folder, "--key", noted) == 1
    assert verified(folder, "--checkpoint", f"3={exported.checkpoint.code}") == 1


def test_checkpoints_by_a_key_that_the_journal_does_not_name_are_found(folder, capsys):
    resigned(folder, Ed25519PrivateKey.generate())
    assert verified(folder) == 1
    assert "a key that the journal had not named" in capsys.readouterr().out


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize(
    ("tampering", "says"),
    [
        ("signature", "signature does not hold"),
        ("body", "signature does not hold"),
        ("removed", "does not follow"),
        ("twice", "does not follow"),
        ("swapped", "does not follow"),
        ("odd", "is no checkpoint"),
        ("of others", "is of another practice or store"),
    ],
)
def test_every_change_to_the_checkpoints_is_found(folder, capsys, at, tampering, says):
    found = checkpoints_in(folder)
    lines = lines_of(folder, "checkpoints.jsonl")
    if tampering == "removed" and at == len(lines) - 1:
        pytest.skip("what was signed last can be left out; a checkpoint that was noted tells")
    match tampering:
        case "signature":
            digit = "1" if found[at].signature[5] == "0" else "0"
            wrong = found[at].signature[:5] + digit + found[at].signature[6:]
            lines[at] = checkpoint_line(replace(found[at], signature=wrong))
        case "body":
            lines[at] = lines[at].replace('\\"asked\\"', '\\"daily\\"')
        case "removed":
            del lines[at]
        case "twice":
            lines.insert(at, lines[at])
        case "swapped":
            lines[at], lines[at - 1] = lines[at - 1], lines[at]
        case "odd":
            lines[at] = lines[at].replace('": "', '":"', 1)
        case "of others":
            stranger = Ed25519PrivateKey.generate()
            other = replace(
                found[at].checkpoint, store_id="other", public_key=public_key_hex(stranger)
            )
            lines[at] = checkpoint_line(sign_checkpoint(other, stranger))
    write(folder, lines, "checkpoints.jsonl")
    assert verified(folder) == 1
    assert says in capsys.readouterr().out


def test_what_stands_after_the_last_checkpoint_is_told_to_be_unsealed(exported, folder, capsys):
    write(folder, lines_of(folder, "checkpoints.jsonl")[:-1], "checkpoints.jsonl")
    assert verified(folder) == 0
    assert "3 entries and 0 events after it are linked, but not sealed" in capsys.readouterr().out
    assert verified(folder, "--checkpoint", f"3={exported.checkpoint.code}") == 1


def test_an_archive_without_its_ledger_ends_with_two(exported, tmp_path):
    target = tmp_path / "part.zip"
    with zipfile.ZipFile(exported.file) as whole, zipfile.ZipFile(target, "w") as part:
        part.writestr("checkpoints.jsonl", whole.read("checkpoints.jsonl"))
    assert verified(target) == 2


def test_an_export_without_checkpoints_proves_nothing_and_says_so(folder, capsys):
    write(folder, [], "checkpoints.jsonl")
    assert verified(folder) == 1
    assert "no signed checkpoint" in capsys.readouterr().out


def test_a_first_line_that_names_other_ends_is_found(folder, capsys):
    lines = lines_of(folder)
    header = json.loads(lines[0])
    header["ledger"]["length"] += 1
    write(folder, [json.dumps(header, separators=(",", ":")), *lines[1:]])
    assert verified(folder) == 1
    assert "first line names another end" in capsys.readouterr().out


def test_a_name_that_the_archive_holds_twice_is_told(exported, tmp_path, capsys):
    target = tmp_path / "twice.zip"
    shutil.copy(exported.file, target)
    with zipfile.ZipFile(target, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(
            "checkpoints.jsonl", zipfile.ZipFile(exported.file).read("checkpoints.jsonl")
        )
    assert verified(target) == 1
    assert "twice" in capsys.readouterr().out


def test_many_problems_are_counted_and_a_few_are_told(folder, capsys):
    lines = lines_of(folder)
    write(folder, [lines[0], *["x"] * 500])
    assert verified(folder) == 1
    told = capsys.readouterr().out
    assert told.count("PROBLEM") == 50
    assert "... and 4" in told


@pytest.mark.parametrize("piece", ["[" * 5_000, '["ledger",1e999,"",""]', '["ledger",-5,"%s","[]"]' % ("0" * 64),
                                   '["ledger",99999999999999999999,"%s","[]"]' % ("0" * 64), "null", "{}"])  # fmt: skip
def test_hostile_lines_are_problems_and_no_crash(folder, piece):
    lines = lines_of(folder)
    write(folder, [lines[0], piece, *lines[1:]])
    assert verified(folder) == 1


@pytest.mark.parametrize("place", ["version", "month", "seconds", "made at", "number"])
def test_words_that_were_hashed_and_signed_but_never_written_by_trellis_are_found(folder, place):
    """The owner of the store can hash anything; it still has to be an entry or a checkpoint."""
    lines = lines_of(folder)
    at = {"version": 0, "seconds": 10, "month": 12}.get(place)
    if at is None:
        text = lines_of(folder, "checkpoints.jsonl")
        number = parse_line(text[1]).checkpoint.made_at if place == "made at" else 2
        text[1] = text[1].replace(f",{number},", ",null,", 1)
        write(folder, text, "checkpoints.jsonl")
    else:

        def change(row: list) -> list:
            body = json.loads(row[3])
            body[at] = 2 if place == "version" else None
            return [*row[:3], json.dumps(body, separators=(",", ":"))]

        last = chain_lines(lines, "ledger")[-1]
        write(folder, relinked(changed_in(lines, last, change)))
    assert verified(folder) == 1


def test_a_random_byte_changed_anywhere_is_found(folder):
    chance = random.Random(17)  # noqa: S311 - repeatable, nothing secret
    for name in ("ledger.ndjson", "checkpoints.jsonl"):
        whole = (folder / name).read_bytes()
        first = whole.index(b"\n") + 1 if name == "ledger.ndjson" else 0
        for _ in range(100):
            at = chance.randrange(first, len(whole))
            changed = bytearray(whole)
            changed[at] ^= 1 << chance.randrange(7)
            (folder / name).write_bytes(changed)
            assert verified(folder) != 0, (name, at)
        (folder / name).write_bytes(whole)
    assert verified(folder) == 0
