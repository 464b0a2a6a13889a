"""Processes and servers that are killed at any moment lose nothing that they acknowledged.

Four writers at once record time, correct it, run timers, save records and append in bulk. What each
was told is compared with what is stored: id, number and code of every entry, every record with its
event. A chain that verifies would not prove that.
"""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.support.fault_proof import prove, say, stored
from tests.support.fault_writers import (
    EVERYTHING,
    IS_LONG,
    Writing,
    add_writers,
    all_killed,
    read_told,
)
from tests.support.ledger_case import fill
from tests.support.postgres import Databases, LocalServer, NoServerError, programs, skip_or_fail
from trellis_core.store.engine import Store, open_store

WRITERS = 4
LOOPS = 400 if IS_LONG else 8
SERVER_LOOPS = 60 if IS_LONG else 3
FORMS = 600 if IS_LONG else 40


def url_of(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


def prepare(store: Store) -> None:
    fill(store)
    add_writers(store, WRITERS)


def kill_all(url: str, folder: Path, *, loops: int) -> list[Path]:
    """Start writers and kill them at random moments, again and again."""
    told: list[Path] = []
    chance = random.Random(20261122)  # noqa: S311 - only moments
    for loop in range(loops):
        files = [folder / f"told-{loop}-{number}" for number in range(WRITERS)]
        told += files
        started = [
            Writing(url, number, file, kinds=EVERYTHING) for number, file in enumerate(files)
        ]
        with all_killed(started) as writings:
            for each in writings:
                each.wait_until("ready")
            chance.shuffle(writings)
            for each in writings:
                time.sleep(chance.random() * 0.25)
                each.kill()
    return told


def test_killed_writers_lose_nothing(store: Store, tmp_path: Path):
    prepare(store)
    told = kill_all(url_of(store), tmp_path, loops=LOOPS)
    prove(
        store,
        read_told(told),
        name="kill -9 of 4 writers, SQLite",
        more=f"{LOOPS} loops",
        unsaid=LOOPS * WRITERS,
    )


@pytest.mark.postgres
def test_killed_clients_of_a_server_lose_nothing(postgres_store: Store, tmp_path: Path):
    prepare(postgres_store)
    told = kill_all(url_of(postgres_store), tmp_path, loops=LOOPS)
    prove(
        postgres_store,
        read_told(told),
        name="kill -9 of 4 clients, PostgreSQL",
        more=f"{LOOPS} loops",
        unsaid=LOOPS * WRITERS,
    )


def test_the_first_writer_after_a_killed_one_need_not_wait(store: Store, tmp_path: Path):
    """Whoever was killed in the middle of a unit of work holds nothing any more."""
    prepare(store)
    worst = 0.0
    for loop in range(LOOPS):
        with all_killed([Writing(url_of(store), 0, tmp_path / f"{loop}")]) as (killed,):
            killed.wait_until("entry", times=3)
            killed.kill()
        began = time.monotonic()
        with store.writing():  # who had to wait for the dead would be refused in the end
            worst = max(worst, time.monotonic() - began)
    say(f"first unit after a killed writer: {LOOPS} loops, waited at most {worst * 1000:.0f} ms")


# --- the server ----------------------------------------------------------------------------------


@pytest.mark.postgres
def test_a_killed_connection_of_the_server_loses_nothing(
    postgres: Databases, postgres_store: Store, tmp_path: Path
):
    """``pg_terminate_backend``: the writer is told, and sends the same form again."""
    prepare(postgres_store)
    files = [tmp_path / f"told-{number}" for number in range(WRITERS)]
    started = [
        Writing(url_of(postgres_store), number, file, is_patient=True, count=FORMS)
        for number, file in enumerate(files)
    ]
    cut = 0
    with all_killed(started) as writings:
        for each in writings:
            each.wait_until("entry")
        with postgres.admin() as admin:
            while any(each.process.is_alive() for each in writings):
                cut += (
                    admin.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s "
                        "AND application_name = 'trellis' ORDER BY random() LIMIT 1",
                        (postgres_store.engine.url.database,),
                    ).rowcount
                    or 0
                )
                time.sleep(0.1)
        for each in writings:
            each.finish()
    said = read_told(files)
    prove(
        postgres_store,
        said,
        name="connections ended by the server",
        more=f"{cut} ended, {len(said.refusals)} refusals",
    )
    assert len(said.entries) == WRITERS * FORMS
    assert len(stored(postgres_store).entries) == WRITERS * FORMS


@pytest.fixture
def own_server(tmp_path: Path):
    """A server that a test may kill."""
    if os.environ.get("TRELLIS_TEST_POSTGRES"):
        pytest.skip("The server named by TRELLIS_TEST_POSTGRES is not ours to kill.")
    try:
        programs()
    except NoServerError as problem:
        skip_or_fail(problem)
    server = LocalServer()
    server.start()
    yield server
    server.remove()


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["kill -9 of a backend", "immediate stop"])
def test_a_server_that_crashes_loses_nothing(own_server: LocalServer, tmp_path: Path, how: str):
    """Patient writers send the same form until it is answered: each form is one entry."""
    server = own_server
    databases = Databases(server)
    url = databases.url(databases.migrated())
    store = open_store(url)
    prepare(store)
    files = [tmp_path / f"told-{number}" for number in range(WRITERS)]
    chance = random.Random(7)  # noqa: S311 - only moments
    started = [
        Writing(url, number, file, is_patient=True, kinds=("log", "correct", "timer", "record"))
        for number, file in enumerate(files)
    ]
    with all_killed(started) as writings:
        for each in writings:
            each.wait_until("entry")
        for _ in range(SERVER_LOOPS):
            time.sleep(0.2 + chance.random() * 0.4)
            if how == "immediate stop":
                postmaster = int((server.data / "postmaster.pid").read_text().split()[0])
                os.kill(postmaster, signal.SIGQUIT)
                server.stop()
                server.start()
            else:
                with store.reading() as unit:
                    victim = unit.connection.exec_driver_sql(
                        "SELECT pid FROM pg_stat_activity WHERE application_name = 'trellis' "
                        "AND pid <> pg_backend_pid() AND datname = current_database() "
                        "ORDER BY random() LIMIT 1"
                    ).scalar()
                if victim is not None:
                    os.kill(victim, signal.SIGKILL)
            told = [file.read_text().count("\nentry") for file in files]
            for each, before in zip(writings, told, strict=True):
                each.wait_until("entry", times=before + 2)
    said = read_told(files)
    store.close()
    store = open_store(url)
    prove(
        store,
        said,
        name=f"PostgreSQL, {how}",
        more=f"{SERVER_LOOPS} times, {len(said.refusals)} refusals",
        unsaid=WRITERS,
    )
    store.close()
