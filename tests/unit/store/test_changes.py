"""Noticing that somebody has committed to a store."""

import pytest

from tests.support.small_panel import SmallPanel, at
from trellis_core.errors import CommandRefusedError
from trellis_core.store.changes import ChangeWatch
from trellis_core.store.engine import Store, open_store


def write_and_take_back(store: Store) -> None:
    with store.writing() as uow:
        uow.session.connection().exec_driver_sql("UPDATE practice SET name = 'x'")
        raise CommandRefusedError("NO", "Taken back.")


def test_nothing_committed_leaves_the_mark(store: Store) -> None:
    watch = ChangeWatch(store)
    before = watch.mark()
    with store.reading():
        pass
    with pytest.raises(CommandRefusedError):
        write_and_take_back(store)
    assert watch.mark() == before


def test_every_commit_moves_the_mark(store: Store) -> None:
    watch = ChangeWatch(store)
    marks = [watch.mark()]
    panel = SmallPanel(store)
    marks.append(watch.mark())
    panel.enrolled("p-1")
    marks.append(watch.mark())
    panel.log("p-1", 5, at=at(3))
    marks.append(watch.mark())
    assert len(set(marks)) == len(marks)


def test_a_commit_through_another_opening_of_the_store_moves_the_mark(store: Store) -> None:
    panel = SmallPanel(store)
    watch = ChangeWatch(store)
    before = watch.mark()
    second = open_store(store.url)
    try:
        with second.writing() as uow:
            uow.session.add(panel.patient("p-9"))
    finally:
        second.close()
    assert watch.mark() != before
