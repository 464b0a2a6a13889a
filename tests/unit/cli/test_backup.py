"""``trellis backup`` and ``trellis restore``: answers, refusals, and what is left when it is stopped."""

import contextlib
import json
import os
import pty
import re
import resource
import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.backup_case import OWNERS, Case, entry_ids
from tests.support.commands import TRELLIS
from trellis_core.cli import main
from trellis_core.sample import sample_today
from trellis_core.services.integrity import check_store
from trellis_core.settings import sqlite_url
from trellis_core.store.engine import open_store
from trellis_core.store.sealing import new_identity
from trellis_core.synthetic import Size, load_synthetic
from trellis_core.values.clock import SystemClock

PEOPLE = [word for person in OWNERS for word in ("--as", person)]


@pytest.fixture
def case(tmp_path: Path, sqlite_store, clock, monkeypatch) -> Case:
    """A closed store of two practices with three entries, and a key."""
    monkeypatch.delenv("TRELLIS_BACKUP_RECIPIENTS", raising=False)
    made = Case(tmp_path, sqlite_store, clock)
    sqlite_store.close()
    return made


def url(case: Case) -> str:
    assert case.store.path is not None
    return sqlite_url(case.store.path)


def backed_up(case: Case, name: str = "one.age", *more: str) -> Path:
    out = case.folder / name
    given = ["--recipient", case.recipient, *PEOPLE, "--store", url(case), *more]
    assert main(["backup", "--out", str(out), *given]) == 0
    return out


def test_both_commands_say_practices_entries_heads_size_and_digest(case, capsys, tmp_path):
    path = backed_up(case)
    out = capsys.readouterr().out
    assert re.search(r"Backed up 2 practices with 3 entries to .*one\.age\.", out)
    assert re.search(r"practice-1: 3 entries, head [0-9a-f]{8}; \d+ events, head [0-9a-f]{8}", out)
    assert re.search(r"[\d,]+ bytes in \d+\.\d s, sha256 [0-9a-f]{64}", out)
    target = sqlite_url(tmp_path / "new.db")
    options = ["--identity", str(case.key), "--store", target, *PEOPLE]
    assert main(["restore", str(path), *options]) == 0
    out = capsys.readouterr().out
    assert f"Restored 3 entries to {target} in " in out
    assert out.count("practice-1: 3 entries, head ") == 2


def test_other_programs_read_the_same_in_json(case, capsys, tmp_path):
    backed_up(case, "one.age", "--json")
    made = json.loads(capsys.readouterr().out)
    assert (made["schema"], made["entries"]) == ("trellis.backup/1", 3)
    assert made["bytes"] == Path(made["file"]).stat().st_size
    target = tmp_path / "new.db"
    options = ["--identity", str(case.key), "--store", sqlite_url(target), *PEOPLE, "--json"]
    assert main(["restore", made["file"], *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["sha256"]) == ("trellis.restore/1", made["sha256"])
    assert told["practices"] == made["practices"]
    assert [each["entries"] for each in told["practices_now"]] == [3, 0]
    assert (told["lost_entries"], told["kept_aside"]) == (0, None)


def test_without_a_key_nothing_is_written_and_the_way_is_named(case, capsys):
    assert main(["backup", "--out", str(case.folder / "x.age"), "--store", url(case), *PEOPLE]) == 2
    err = capsys.readouterr().err
    assert "always encrypted" in err
    assert "--new-key" in err
    assert not (case.folder / "x.age").exists()


def test_the_environment_names_keys_and_an_option_comes_first(case, monkeypatch, tmp_path):
    other = new_identity(tmp_path / "other.txt")
    monkeypatch.setenv("TRELLIS_BACKUP_RECIPIENTS", f"{other}, {case.recipient}")
    out = tmp_path / "env.age"
    assert main(["backup", "--out", str(out), "--store", url(case), *PEOPLE]) == 0
    for number, key in enumerate((case.key, tmp_path / "other.txt")):
        target = sqlite_url(tmp_path / f"{number}.db")
        options = ["--identity", str(key), "--store", target, *PEOPLE]
        assert main(["restore", str(out), *options]) == 0
    monkeypatch.setenv("TRELLIS_BACKUP_RECIPIENTS", other)
    path = backed_up(case)
    options = ["--identity", str(tmp_path / "other.txt"), "--store", sqlite_url(tmp_path / "n.db")]
    assert main(["restore", str(path), *options, *PEOPLE]) == 2


def test_a_new_key_is_made_and_its_public_half_printed(tmp_path, capsys):
    key = tmp_path / "key.txt"
    assert main(["backup", "--new-key", str(key)]) == 0
    told = capsys.readouterr()
    assert re.fullmatch(r"age1[a-z0-9]{58}\n", told.out)
    assert "AGE-SECRET-KEY" not in told.out + told.err
    assert main(["backup", "--new-key", str(key), "--json"]) == 2
    assert main(["backup", "--new-key", str(tmp_path / "two.txt"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recipient"].startswith("age1")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--identity"),
        (["--identity", "nowhere.txt"], "cannot be read"),
        (["--passphrase-file", "words.txt"], "public key"),
        (["--ask-passphrase"], "nobody to ask"),
    ],
)
def test_what_opens_a_backup_must_be_given(case, capsys, tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.txt").write_text("four quiet words here\n")
    path = backed_up(case)
    target = tmp_path / "new.db"
    assert main(["restore", str(path), *options, "--store", sqlite_url(target), *PEOPLE]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.startswith("trellis: ")
    assert err.count("\n") == 1
    assert not target.exists()


def test_a_passphrase_is_asked_for_twice_and_never_shown(case, tmp_path):
    out = tmp_path / "asked.age"
    command = [*TRELLIS, "backup", "--out", str(out), "--ask-passphrase"]
    answers = ["short", "four quiet words here", "four quiet words", "four quiet words here"]
    answers.append(answers[-1])
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], [*command, "--store", url(case), *PEOPLE])  # noqa: S606
    shown = b""
    for answer in answers:
        while not shown.endswith((b"Passphrase: ", b"again: ")):
            shown += os.read(terminal, 1)
        os.write(terminal, f"{answer}\n".encode())
        shown += os.read(terminal, 1)
    with contextlib.suppress(OSError):  # how a terminal says that its program has ended
        while piece := os.read(terminal, 1024):
            shown += piece
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert b"12 characters" in shown
    assert b"differ" in shown
    assert b"quiet" not in shown
    assert out.read_bytes().startswith(b"-----BEGIN AGE ENCRYPTED FILE-----")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that takes a while to back up."""
    path = tmp_path_factory.mktemp("large") / "trellis.db"
    clock = SystemClock()
    with closing(open_store(sqlite_url(path))) as store:
        size = Size(patients=100, entries=20_000, months=6, seed=1)
        load_synthetic(store, size=size, day=sample_today(clock), clock=clock)
    return path


def started(large: Path, out: Path, **options: object) -> "subprocess.Popen[str]":
    """Start a backup and return once its plain copy is there."""
    recipient = new_identity(out.with_suffix(".key"))
    command = [*TRELLIS, "backup", "--out", str(out), "--recipient", recipient]
    running = subprocess.Popen(
        [*command, "--store", sqlite_url(large)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )
    until = time.monotonic() + 60
    while not list(out.parent.glob(".trellis-private-*/store.db")):
        assert time.monotonic() < until
        assert running.poll() is None, running.communicate()
        time.sleep(0.001)
    return running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_backup_that_is_stopped_leaves_nothing(large, tmp_path, number):
    out = tmp_path / "stopped.age"
    running = started(large, out)
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert err == "trellis: stopped.\n"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] != "d") == [
        "stopped.key"
    ]


def test_a_backup_that_is_killed_is_cleaned_up_by_the_next(large, tmp_path):
    out = tmp_path / "killed.age"
    running = started(large, out)
    running.kill()
    running.communicate(timeout=60)
    assert not out.exists()
    left = list(tmp_path.glob(".trellis-private-*"))
    assert len(left) == 1
    assert left[0].stat().st_mode & 0o777 == 0o700
    assert (left[0] / "store.db").stat().st_mode & 0o777 == 0o600
    recipient = new_identity(tmp_path / "next.key")
    given = ["--recipient", recipient, "--store", sqlite_url(large)]
    assert main(["backup", "--out", str(out), *given]) == 0
    assert list(tmp_path.glob(".trellis-private-*")) == []


@pytest.mark.parametrize("share", [0.5, 1.0001])
def test_a_disk_that_takes_no_more_is_one_sentence_and_leaves_nothing(large, tmp_path, share):
    """The limit on a file's size stands in for a full disk: during the copy, or during the sealing."""
    limit = int(large.stat().st_size * share)
    out = tmp_path / "full.age"
    recipient = new_identity(tmp_path / "full.key")
    command = [*TRELLIS, "backup", "--out", str(out), "--recipient", recipient]
    done = subprocess.run(
        [*command, "--store", sqlite_url(large)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] != "d") == ["full.key"]
    with closing(open_store(sqlite_url(large))) as store:
        assert check_store(store).ok


def test_a_restore_that_finds_no_room_changes_nothing(large, tmp_path):
    key = tmp_path / "key.txt"
    out = tmp_path / "one.age"
    given = ["--recipient", new_identity(key), "--store", sqlite_url(large)]
    assert main(["backup", "--out", str(out), *given]) == 0
    target = tmp_path / "target" / "trellis.db"
    target.parent.mkdir()
    limit = large.stat().st_size // 2
    done = subprocess.run(
        [*TRELLIS, "restore", str(out), "--identity", str(key), "--store", sqlite_url(target)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "cannot be written" in done.stderr
    assert list(target.parent.iterdir()) == []
    options = ["--identity", str(key), "--store", sqlite_url(target)]
    assert main(["restore", str(out), *options]) == 0
    assert len(entry_ids(sqlite_url(target))) == 20_000
