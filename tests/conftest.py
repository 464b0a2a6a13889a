"""What every test may use: a clock that stands, and a store of its own on either database."""

import gc
import logging
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from tests.support.compiled_once import share_compiled_statements
from tests.support.empty_store import empty_store
from tests.support.postgres import Databases, NoServerError, databases, skip_or_fail
from trellis_core import quiet_logs
from trellis_core.sample import load_sample
from trellis_core.services import passwords
from trellis_core.store.engine import Store, open_store
from trellis_core.values.clock import FixedClock

COSTLY, COSTLY_NOBODY = passwords._hasher, passwords._NOBODY
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
CHEAP_NOBODY = CHEAP.hash("nobody's password")
SAMPLE_DAY = date(2026, 11, 20)
BOTH_DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]

share_compiled_statements()


def pytest_collection_finish() -> None:
    """Let the search for cycles pass over what lives as long as the run: fifteen thousand tests."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests counted: how much validators of others looked at."""
    counted = sorted(
        {
            f"{name}: {value}"
            for report in terminalreporter.stats.get("passed", ())
            for name, value in report.user_properties
            if name.startswith("US Core ")
        }
    )
    for line in counted:
        terminalreporter.write_line(line)


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for keys and checkpoints: never the person's own."""
    folder = tmp_path / "data-folder"
    monkeypatch.setenv("TRELLIS_DATA_FOLDER", str(folder))
    return folder


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed as ever, with less work: hundreds of tests sign in."""
    monkeypatch.setattr(passwords, "_hasher", CHEAP)
    monkeypatch.setattr(passwords, "_NOBODY", CHEAP_NOBODY)


@pytest.fixture
def costly_passwords(cheap_passwords: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed with all the work that they are on a server."""
    monkeypatch.setattr(passwords, "_hasher", COSTLY)
    monkeypatch.setattr(passwords, "_NOBODY", COSTLY_NOBODY)


@pytest.fixture
def quiet() -> Iterator[None]:
    """Logs as a server keeps them: without words of exceptions, queries, and secrets of links."""
    before = (
        logging.getLogRecordFactory(),
        sys.excepthook,
        threading.excepthook,
        sys.unraisablehook,
    )
    quiet_logs.keep_ids_only()
    yield
    logging.setLogRecordFactory(before[0])
    sys.excepthook, threading.excepthook, sys.unraisablehook = before[1:]


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at noon in New York on 20 November 2026."""
    return FixedClock(datetime(2026, 11, 20, 17, 0, tzinfo=UTC))


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store: on a SQLite file, or where ``TRELLIS_TEST_STORE=postgresql`` says so there."""
    found: Store = request.getfixturevalue(f"{_kind_of_store()}_store")
    return found


def _kind_of_store() -> str:
    kind = os.environ.get("TRELLIS_TEST_STORE", "sqlite")
    return "postgres" if kind == "postgresql" else kind


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """An empty store on a SQLite file: a copy of one that was made once."""
    opened = open_store(empty_store(tmp_path / "trellis.db"))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def sample_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample practice as it stands on the tests' day, loaded once."""
    path = tmp_path_factory.mktemp("sample") / "sample.db"
    opened = open_store(f"sqlite:///{path}")
    load_sample(opened, day=SAMPLE_DAY)
    opened.close()
    return path


@pytest.fixture
def sample_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store of its own with the sample practice; on PostgreSQL where ``store`` is there."""
    if _kind_of_store() == "sqlite":
        copied = shutil.copy(request.getfixturevalue("sample_file"), tmp_path / "trellis.db")
        opened = open_store(f"sqlite:///{copied}")
        yield opened
        opened.close()
    else:
        found: Store = request.getfixturevalue("store")
        load_sample(found, day=SAMPLE_DAY)
        yield found


@pytest.fixture(scope="session")
def _server() -> Iterator[Databases | NoServerError]:
    try:
        found = databases()
    except NoServerError as problem:
        yield problem
    else:
        yield found
        found.remove()


@pytest.fixture
def postgres(_server: Databases | NoServerError) -> Databases:
    """A real PostgreSQL server, the same for all tests; skips where there is none."""
    if isinstance(_server, NoServerError):
        skip_or_fail(_server)
    return _server


@pytest.fixture
def postgres_url(postgres: Databases) -> Iterator[str]:
    """The URL of an empty store in a database of its own on PostgreSQL, as its owner."""
    name = postgres.lend()
    yield postgres.url(name)
    postgres.take_back(name)


@pytest.fixture
def postgres_store(postgres_url: str) -> Iterator[Store]:
    """An empty store in a database of its own on PostgreSQL."""
    opened = open_store(postgres_url)
    yield opened
    opened.close()


@pytest.fixture(params=BOTH_DATABASES)
def any_store(request: pytest.FixtureRequest) -> Store:
    """An empty store, on SQLite and then on PostgreSQL: for what must hold on both."""
    found: Store = request.getfixturevalue(
        "sqlite_store" if request.param == "sqlite" else "postgres_store"
    )
    return found
