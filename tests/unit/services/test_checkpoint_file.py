"""The file of checkpoints: only ever added to, healed after a crash, and read with a cold eye."""

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trellis_core.errors import CheckpointFileError
from trellis_core.ledger.checkpoint import (
    NO_CHECKPOINT,
    Checkpoint,
    CheckpointReason,
    SignedCheckpoint,
    checkpoint_line,
    public_key_hex,
    sign_checkpoint,
)
from trellis_core.services import checkpoint_file
from trellis_core.services.checkpoint_file import add_missing, read_checkpoint_file

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def chain(length: int, *, practice: str = "p1", store: str = "s") -> list[SignedCheckpoint]:
    found: list[SignedCheckpoint] = []
    for number in range(1, length + 1):
        checkpoint = Checkpoint(
            store_id=store,
            practice_id=practice,
            number=number,
            ledger_seq=number,
            ledger_head=f"{number:064x}",
            journal_seq=number,
            journal_head=f"{number:064x}",
            made_at=1_795_000_000 + number,
            why=CheckpointReason.DAILY,
            previous_sha256=found[-1].sha256 if found else NO_CHECKPOINT,
            public_key=public_key_hex(KEY),
        )
        found.append(sign_checkpoint(checkpoint, KEY))
    return found


ONE = chain(4)
OTHER = chain(3, practice="p2")


def lines(*checkpoints: SignedCheckpoint) -> bytes:
    return b"".join(f"{checkpoint_line(each)}\n".encode() for each in checkpoints)


def add(path: Path, *kept: SignedCheckpoint, store_id: str = "s") -> int:
    return add_missing(path, lambda: kept, store_id=store_id)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints.jsonl"


def test_a_new_file_is_its_owners_alone(tmp_path):
    path = tmp_path / "new" / "c.jsonl"
    assert add(path, *ONE) == 4
    assert path.read_bytes() == lines(*ONE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_only_what_is_missing_is_added(path):
    assert add(path, *ONE[:2]) == 2
    before = path.read_bytes()
    assert add(path, *ONE[:2]) == 0
    assert add(path, *ONE, *OTHER) == 5
    assert path.read_bytes() == before + lines(*ONE[2:], *OTHER)
    assert add(path, *ONE, *OTHER) == 0


def test_a_line_taken_out_of_the_middle_comes_back_at_the_end(path):
    path.write_bytes(lines(ONE[0], ONE[2]))
    assert add(path, *ONE[:3]) == 1
    assert path.read_bytes() == lines(ONE[0], ONE[2], ONE[1])


@pytest.mark.parametrize("length", [1, 15, 200, len(lines(OTHER[0])) - 2, len(lines(OTHER[0])) - 1])
def test_a_line_that_a_crash_cut_off_is_completed(path, length):
    path.write_bytes(lines(*ONE[:2]) + lines(OTHER[0])[:length])
    assert add(path, *ONE[:3], *OTHER[:1]) == 2
    found = read_checkpoint_file(path)
    assert not found.problems
    assert {each.body for each in found.checkpoints} == {each.body for each in (*ONE[:3], OTHER[0])}
    assert len(path.read_bytes()) == len(lines(*ONE[:3], OTHER[0]))


def test_a_piece_of_something_else_stays_and_is_told(path):
    path.write_bytes(b"what is this")
    assert add(path, *ONE[:1]) == 1
    assert path.read_bytes() == b"what is this\n" + lines(ONE[0])
    found = read_checkpoint_file(path)
    assert found.checkpoints == (ONE[0],)
    assert [number for number, _ in found.problems] == [1]


def test_lines_of_other_stores_and_odd_lines_are_left_alone(path):
    strangers = lines(*chain(2, store="other")) + b"odd\n\xff\r\n"
    path.write_bytes(strangers)
    assert add(path, *ONE) == 4
    assert path.read_bytes() == strangers + lines(*ONE)


def test_a_file_that_is_ahead_of_the_store_is_not_added_to(path):
    path.write_bytes(lines(*ONE))
    with pytest.raises(CheckpointFileError, match=r"Line 4 of .*checkpoint 4 of practice 'p1'"):
        add(path, *ONE[:3], *OTHER)
    assert path.read_bytes() == lines(*ONE)


def test_a_file_with_another_history_is_not_added_to(path):
    forked = sign_checkpoint(replace(ONE[1].checkpoint, ledger_head="ff" * 32), KEY)
    path.write_bytes(lines(ONE[0], forked))
    with pytest.raises(CheckpointFileError, match="Line 2"):
        add(path, *ONE)
    assert path.read_bytes() == lines(ONE[0], forked)


def test_what_is_no_plain_file_is_refused(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(CheckpointFileError, match="plain file"):
        add(pipe, *ONE)
    with pytest.raises(CheckpointFileError, match=r"cannot be written"):
        add(tmp_path, *ONE)
    (tmp_path / "file").write_text("x")
    with pytest.raises(CheckpointFileError, match=r"file/c\.jsonl.*TRELLIS_CHECKPOINTS"):
        add(tmp_path / "file" / "c.jsonl", *ONE)


def test_another_program_that_holds_the_file_is_waited_for_and_named(path, monkeypatch):
    import fcntl

    monkeypatch.setattr(checkpoint_file, "_WAIT_SECONDS", 0.1)
    add(path, ONE[0])
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(CheckpointFileError, match="Another program"):
            add(path, *ONE)
    assert add(path, *ONE) == 3


FULL = """
import resource, signal, sys
from pathlib import Path
from tests.unit.services.test_checkpoint_file import ONE, CheckpointFileError, add

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    add(Path(sys.argv[1]), *ONE)
except CheckpointFileError as error:
    print(error)
"""


def test_a_full_disk_is_named_and_the_next_call_completes_the_line(path):
    room = len(lines(*ONE[:2])) + 300
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path), str(room)],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert "File too large" in done.stdout
    assert path.read_bytes() == lines(*ONE)[:room]
    assert add(path, *ONE) == 2
    assert path.read_bytes() == lines(*ONE)


def test_a_whole_file_is_read_in_its_order(path):
    path.write_bytes(lines(*ONE[:2], *OTHER, *ONE[2:], ONE[0]))
    found = read_checkpoint_file(path)
    assert found.checkpoints == (*ONE[:2], *OTHER, *ONE[2:])
    assert not found.problems


def test_a_copy_may_leave_some_out(path):
    path.write_bytes(lines(ONE[1], ONE[3]))
    assert read_checkpoint_file(path).checkpoints == (ONE[1], ONE[3])
    assert not read_checkpoint_file(path).problems


def test_an_empty_file_holds_nothing(path):
    path.write_bytes(b"")
    assert read_checkpoint_file(path) == checkpoint_file.CheckpointFile(checkpoints=(), problems=())


@pytest.mark.parametrize(
    ("piece", "says"),
    [
        (lines(ONE[2])[:-1], "cut off"),
        (lines(ONE[2])[:100], "cut off"),
        (b"\n", "no checkpoint"),
        (b"{}\n", "no checkpoint"),
        (b"\xff\xfe\n", "plain text"),
        (b"x" * 50_000 + b"\n", "cut off"),
        (lines(replace(ONE[2], signature="00" * 64)), "does not hold"),
        (
            lines(ONE[2]).replace(b'"daily', b'"close'),
            "does not hold",
        ),
        (
            lines(sign_checkpoint(replace(ONE[1].checkpoint, made_at=5), KEY)),
            "twice, with different words",
        ),
        (
            lines(sign_checkpoint(replace(ONE[2].checkpoint, previous_sha256="11" * 32), KEY)),
            "does not name the one before",
        ),
    ],
)
def test_each_bad_line_is_one_problem_and_the_rest_is_read(path, piece, says):
    path.write_bytes(lines(*ONE[:2]) + piece)
    found = read_checkpoint_file(path)
    assert found.checkpoints == tuple(ONE[:2])
    ((number, sentence),) = found.problems
    assert number == 3
    assert says in sentence


def test_lines_after_a_far_too_long_one_keep_their_numbers(path):
    path.write_bytes(b"x" * 25_000 + b"\n" + lines(ONE[0]) + b"odd\n")
    found = read_checkpoint_file(path)
    assert found.checkpoints == (ONE[0],)
    assert [number for number, _ in found.problems] == [1, 3]


def test_a_file_that_is_not_there_is_named(path):
    with pytest.raises(CheckpointFileError, match=r"checkpoints\.jsonl"):
        read_checkpoint_file(path)
