"""Daily checkpoints while the dashboard runs: at once, on time, quietly, and ended with the server."""

import asyncio
import logging
import threading
import time
from pathlib import Path

import pytest
from sqlmodel import select

from pages.shared import checkpointing, server
from pages.shared.checkpointing import Checkpointing
from trellis_core.access import AccessRole
from trellis_core.errors import StoreError
from trellis_core.services.checkpoints import read_checkpoint_file
from trellis_core.store.tables import PatientRow

NAME = "trellis-checkpoints"


def running() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


def until(done, *, within: float = 60.0) -> None:
    ends = time.monotonic() + within
    while not done():
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "trellis.db.checkpoints.jsonl"


def test_the_server_makes_one_at_its_start_and_the_thread_ends_with_it(dashboard, file):
    async def serve():
        async with server.lifespan(None):
            assert len(running()) == 1
            await asyncio.to_thread(until, file.exists)
            await asyncio.to_thread(until, lambda: file.read_bytes().endswith(b"\n"))

    asyncio.run(serve())
    assert not running()
    found = read_checkpoint_file(file)
    assert not found.problems
    assert [each.checkpoint.why for each in found.checkpoints] == ["start"]


def test_a_store_without_a_practice_has_none(empty_dashboard, file):
    assert checkpointing.look() == {}
    assert not file.exists()


def test_it_looks_at_once_and_again_and_stops_in_the_middle_of_waiting():
    looks = []
    thread = Checkpointing(look=lambda: looks.append(1) or {}, every=0.01)
    thread.start()
    until(lambda: len(looks) >= 3)
    thread.stop()
    assert not running()
    patient = Checkpointing(look=lambda: looks.append(1) or {}, every=600)
    before = len(looks)
    patient.start()
    until(lambda: len(looks) == before + 1)
    began = time.monotonic()
    patient.stop()
    assert time.monotonic() - began < 300  # it would wait for ten minutes
    assert not running()


def test_a_failure_is_told_once_with_the_practices_id_and_the_thread_goes_on(caplog):
    answers = [{"p1": "no key"}, {"p1": "no key"}, {}, {"p1": "no key"}, {"p1": "full disk"}]
    looks = []

    def look():
        looks.append(1)
        if len(looks) > len(answers):
            raise StoreError("busy")
        return answers[len(looks) - 1]

    thread = Checkpointing(look=look, every=0.001)
    with caplog.at_level(logging.ERROR, logger="trellis.checkpoints"):
        thread.start()
        until(lambda: len(looks) > len(answers) + 3)
        thread.stop()
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "No checkpoint of practice 'p1': no key",
        "No checkpoint of practice 'p1': no key",
        "No checkpoint of practice 'p1': full disk",
        "No checkpoint: busy",
    ]


def test_a_failure_names_nobody_and_the_dashboard_still_answers(dashboard, data_folder):
    data_folder.mkdir()
    key = data_folder / "signing-key.pem"
    key.write_text("no key")
    key.chmod(0o600)
    with dashboard.store.reading() as unit:
        names = {row.family_name for row in unit.session.exec(select(PatientRow)).all()}
    failed = checkpointing.look()
    assert len(failed) == 1
    assert not [name for name in names if name and name in repr(failed)]
    assert "signing-key.pem" in next(iter(failed.values()))
    key.unlink()
    assert checkpointing.look() == {}


def test_pages_that_are_only_drawn_make_none(dashboard, file):
    dashboard.open(AccessRole.OWNER)
    assert not running()
    assert not file.exists()
