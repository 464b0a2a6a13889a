"""``trellis demo``: what it opens, what it refuses, how it ends; and what every server gets told."""

import os
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.support.served import Running, free_port, real_practice
from trellis_core.care.people import Practice
from trellis_core.cli import _server_process as server_process
from trellis_core.cli import main
from trellis_core.cli._server_process import Serving, environment
from trellis_core.errors import CommandRefusedError
from trellis_core.sample import load_sample
from trellis_core.services.by_hand import cli_actor
from trellis_core.services.caseload import edit_patient, patient, patients
from trellis_core.services.checkpoints import read_checkpoint_file
from trellis_core.services.practice import is_sample
from trellis_core.services.sign_in import demo_actors
from trellis_core.store.engine import open_store
from trellis_core.store.mapping import practice_row
from trellis_core.values.clock import SystemClock


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own."""
    monkeypatch.setenv("TRELLIS_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return tmp_path / "data"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_closed_window_ends_the_dashboard_too(folder: Path) -> None:
    running = Running("demo", "--day", "2026-11-20")
    with running as told:
        running.process.send_signal(signal.SIGHUP)
        running.process.wait(30)
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(f"{told['address']}/healthz", timeout=5)


def test_a_running_dashboard_signs_where_its_ledger_stands(folder: Path) -> None:
    lines = Path(f"{folder / 'demo' / 'trellis.db'}.checkpoints.jsonl")
    running = Running("demo", "--day", "2026-11-20")
    with running:
        ends = time.monotonic() + 20
        while not (lines.is_file() and lines.read_bytes().endswith(b"\n")):
            assert time.monotonic() < ends
            time.sleep(0.05)
    assert running.process.returncode == 0
    found = read_checkpoint_file(lines)
    assert not found.problems
    assert found.checkpoints[0].checkpoint.why == "start"
    running = Running("demo", "--day", "2026-11-20", "--fresh")
    with running:
        pass
    others = read_checkpoint_file(lines).checkpoints if lines.exists() else ()
    assert found.checkpoints[0] not in others


def answers(address: object) -> int:
    with urllib.request.urlopen(f"{address}/healthz", timeout=10) as answer:
        return answer.status


def test_a_demonstration_opens_keeps_what_was_entered_and_ends_cleanly(folder: Path) -> None:
    path = folder / "demo" / "trellis.db"
    running = Running("demo", "--day", "2026-11-20")
    with running as told:
        assert told["schema"] == "trellis.serving/1"
        assert told["store"] == f"sqlite:///{path}"
        assert told["day"] in {"2026-11-20", None}
        assert answers(told["address"]) == 200
    assert running.process.returncode == 0
    assert "Loading the sample practice" in running.errors
    assert "Traceback" not in running.errors
    with pytest.raises(OSError, match="refused"):
        answers(told["address"])  # the server ended with the command

    store = open_store(f"sqlite:///{path}")
    owner = cli_actor(store, None)
    someone = replace(patient("p-201", store=store, actor=owner), phone="518-555-0199")
    edit_patient(someone, store=store, actor=owner, clock=SystemClock())
    store.close()
    again = Running("demo", "--day", "2026-11-20")
    with again as told:
        assert answers(told["address"]) == 200
    assert again.process.returncode == 0
    assert "Loading" not in again.errors
    store = open_store(f"sqlite:///{path}")
    assert patient("p-201", store=store, actor=owner) == someone
    store.close()


def test_what_was_entered_stays_until_fresh_is_asked_for(
    folder: Path, taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    from trellis_core.cli.demo import _start_over
    from trellis_core.settings import sqlite_url

    path = folder / "demo" / "trellis.db"
    store = open_store(sqlite_url(path))
    load_sample(store, day=date(2026, 11, 20))
    assert patients(store=store, actor=cli_actor(store, None)).total == 43
    store.close()
    neighbour = path.with_name("notes.txt")
    neighbour.write_text("mine")
    assert main(["demo", "--fresh", "--port", str(taken), "--no-browser"]) == 2
    assert path.is_file()  # a refused command deletes nothing
    _start_over(sqlite_url(path), path)
    assert not path.exists()
    assert list(path.parent.iterdir()) == [neighbour]


@pytest.mark.parametrize("more", [[], ["--fresh"]])
def test_a_demonstration_never_touches_a_practice_of_real_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    url = real_practice(tmp_path / "real.db")
    before = (tmp_path / "real.db").read_bytes()
    words = ["demo", "--store", url, "--no-browser", "--port", str(free_port()), *more]
    assert main(words) == 2
    assert "holds a practice of real people" in capsys.readouterr().err
    assert (tmp_path / "real.db").read_bytes() == before


@pytest.mark.parametrize("command", ["demo", "serve"])
def test_a_taken_port_is_refused_with_a_free_one_named(
    taken: int, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, "--port", str(taken), "--no-browser"]) == 2
    told = capsys.readouterr().err
    assert f"Port {taken} is taken" in told
    free = int(told.strip().rsplit(" ", 1)[-1])
    assert free > taken
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free))


def test_without_a_port_the_next_free_one_is_taken_and_said(
    monkeypatch: pytest.MonkeyPatch, taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server_process, "DEFAULT_PORT", taken)
    assert server_process.free_port(None, at="127.0.0.1") > taken
    assert f"Port {taken} is taken; using" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_what_is_no_port_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["demo", "--port", port])
    assert caught.value.code == 2


def test_a_practices_own_store_is_served_without_the_demonstrations_doors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRELLIS_DEMO", "1")
    monkeypatch.setenv("TRELLIS_TODAY", "2026-01-01")
    own = Serving(url="sqlite:////x.db", listen="127.0.0.1", port=1)
    found = environment(own)
    assert "TRELLIS_DEMO" not in found
    assert "TRELLIS_TODAY" not in found
    assert found["DATABASE_URL"] == "sqlite:////x.db"
    assert found["STREAMLIT_SERVER_ADDRESS"] == "127.0.0.1"
    demo = replace(own, day=date(2026, 11, 20), is_demo=True)
    assert environment(demo)["TRELLIS_DEMO"] == "1"
    assert environment(demo)["TRELLIS_TODAY"] == "2026-11-20"


def test_a_dashboard_that_ends_by_itself_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server_process, "app_folder", lambda: tmp_path)  # holds no dashboard.py
    assert main(["demo", "--port", str(free_port()), "--no-browser"]) == 1
    assert "ended by itself" in capsys.readouterr().err


def test_the_browser_opens_on_the_address_and_ctrl_c_ends_it_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []

    def open_and_stop(address: str) -> bool:
        opened.append(address)
        os.kill(os.getpid(), signal.SIGINT)
        return True

    monkeypatch.setattr(server_process.webbrowser, "open", open_and_stop)
    port = free_port()
    before = signal.getsignal(signal.SIGINT)
    assert main(["demo", "--port", str(port)]) == 0
    assert opened == [f"http://127.0.0.1:{port}"]
    assert f"http://127.0.0.1:{port}" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(OSError, match="refused"):
        answers(opened[0])


@pytest.mark.parametrize("more", [[], ["--fresh"]])
def test_a_practice_beside_the_sample_is_not_a_demonstration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    """No command makes such a store; a copy by hand could."""
    path = tmp_path / "both.db"
    url = real_practice(path)
    store = open_store(url)
    with store.writing(at=SystemClock().now()) as unit:
        unit.session.add(
            practice_row(
                Practice(id="pr-2", name="Sample", is_sample=True), created_at=SystemClock().now()
            )
        )
    assert not is_sample(store=store)
    with pytest.raises(CommandRefusedError, match="Sign in"):
        demo_actors(store=store)
    store.close()
    before = path.read_bytes()
    assert main(["demo", "--store", url, "--no-browser", "--port", str(free_port()), *more]) == 2
    assert "holds a practice of real people" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_real_practice_in_the_demonstrations_own_place_is_not_deleted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "demo" / "trellis.db"
    real_practice(path)
    before = path.read_bytes()
    for more in ([], ["--fresh"]):
        assert main(["demo", "--no-browser", "--port", str(free_port()), *more]) == 2
        assert "holds a practice of real people" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_demonstration_that_cannot_be_read_any_more_is_made_anew(folder: Path) -> None:
    from trellis_core.cli.demo import _start_over

    path = folder / "demo" / "trellis.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a store of any version" * 100)
    _start_over(f"sqlite:///{path}", path)
    assert not path.exists()


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.5"])  # noqa: S104
def test_a_demonstration_is_for_this_machine_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", address)
    assert main(["demo", "--no-browser", "--port", str(free_port())]) == 2
    assert "trellis serve --public" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["demo", "--host", address])
    with pytest.raises(SystemExit):
        main(["demo", "--public"])
