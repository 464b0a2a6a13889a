"""Boards worked out ahead: the first look finds them, nothing is written, failures are told by kind."""

import asyncio
import logging
import threading

from pages.shared import server, store, warming
from pages.shared.warming import Warming
from tests.support.small_panel import WRITTEN_AT, SmallPanel, at, counted_statements
from trellis_core.errors import StoreError
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.board_memory import rows_of_month
from trellis_core.services.board_warming import warm_boards
from trellis_core.store.engine import Store
from trellis_core.store.panel_changes import place_of
from trellis_core.store.tables import PracticeRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

NAME = "trellis-warming"
NOVEMBER = ServiceMonth(2026, 11)


def running() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


def test_the_server_works_them_out_at_its_start_and_the_thread_ends_with_it(dashboard, monkeypatch):
    looked = threading.Event()

    def look():
        try:
            return warming.warm_boards(store=store.store(), clock=store.clock())
        finally:
            looked.set()

    monkeypatch.setattr(server, "Warming", lambda: Warming(look=look))

    async def serve():
        async with server.lifespan(None):
            assert len(running()) == 1
            assert await asyncio.to_thread(looked.wait, 60)

    asyncio.run(serve())
    assert not running()


def test_the_first_look_at_each_practices_month_finds_it_and_nothing_is_written(store: Store):
    first, second = SmallPanel(store), SmallPanel(store, practice_id="other")
    for panel in (first, second):
        panel.enrolled(f"{panel.practice_id}-p")
    first.add(PracticeRow(id="broken", name="B", time_zone="Nowhere/None", created_at=WRITTEN_AT))
    ids = (first.practice_id, "other")
    with store.reading() as unit:
        before = [place_of(unit, each) for each in ids]
    clock = FixedClock(at(20, 17))
    failed = warm_boards(store=store, clock=clock)
    assert list(failed) == ["broken"]
    assert failed["broken"].isidentifier()
    with counted_statements(store) as statements:
        for each in ids:
            found = rows_of_month(
                store,
                practice_id=each,
                month=NOVEMBER,
                now=clock.now(),
                rule_book=load_rule_book(),
            )
            assert [one.rows[0].patient_id for one in found] == [f"{each}-p"]
    assert not statements
    with store.reading() as unit:
        assert [place_of(unit, each) for each in ids] == before


def test_a_store_without_a_practice_has_none(empty_dashboard):
    assert warming.look() == {}


def test_a_failure_is_told_once_by_its_kind_alone_and_the_thread_goes_on(caplog):
    looks = []
    enough = threading.Event()

    def look():
        looks.append(1)
        if len(looks) >= 5:
            enough.set()
        if len(looks) == 1:
            return {"p1": "KeyError"}
        raise StoreError("Rowan Sorrel's board") if len(looks) < 4 else ValueError("Rowan")

    thread = Warming(look=look, every=0.001)
    with caplog.at_level(logging.WARNING, logger="trellis.warming"):
        thread.start()
        assert enough.wait(60)
        thread.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "The board of practice 'p1' was not worked out ahead: KeyError",
        "The board was not worked out ahead: StoreError",
        "The board was not worked out ahead: ValueError",
    ]
    assert not running()
