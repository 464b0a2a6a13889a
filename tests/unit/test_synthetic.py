"""A synthetic practice: the size asked for, the same each time, and billable."""

from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from trellis_core.errors import CommandRefusedError
from trellis_core.ledger.entries import TimeEntry
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.board import month_determinations
from trellis_core.services.by_hand import cli_actor
from trellis_core.services.caseload import patients
from trellis_core.services.integrity import check_store
from trellis_core.services.time_log import entries_of
from trellis_core.store.engine import Store, open_store
from trellis_core.synthetic import Size, load_synthetic
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

DAY = date(2026, 11, 20)
SIZE = Size(patients=30, entries=400, months=3, seed=7)


def entries(store: Store) -> list[TimeEntry]:
    actor = cli_actor(store, None)
    return [
        entry
        for month in (9, 10, 11)
        for entry in entries_of(month=ServiceMonth(2026, month), store=store, actor=actor)
    ]


def test_it_has_the_size_asked_for_and_an_intact_ledger(store: Store, clock: FixedClock) -> None:
    load_synthetic(store, size=SIZE, day=DAY, clock=clock)
    assert patients(store=store, actor=cli_actor(store, None)).total == 30
    report = check_store(store)
    assert (report.ok, report.entries) == (True, 400)
    found = entries(store)
    assert Counter(entry.started_at.month for entry in found).keys() == {9, 10, 11}
    for staff_id in {entry.staff_id for entry in found}:
        mine = sorted(
            (entry for entry in found if entry.staff_id == staff_id),
            key=lambda entry: entry.started_at,
        )
        assert all(
            (second.started_at - first.started_at).total_seconds() > first.seconds
            for first, second in pairwise(mine)
        )


def test_the_same_seed_gives_the_same_work(store: Store, clock: FixedClock, tmp_path: Path) -> None:
    load_synthetic(store, size=SIZE, day=DAY, clock=clock)
    again = open_store(f"sqlite:///{tmp_path / 'again.db'}")
    load_synthetic(again, size=SIZE, day=DAY, clock=clock)
    assert [(one.id, one.patient_id, one.seconds, one.code) for one in entries(store)] == [
        (one.id, one.patient_id, one.seconds, one.code) for one in entries(again)
    ]
    again.close()


def test_a_part_of_it_is_billable(store: Store, clock: FixedClock) -> None:
    load_synthetic(store, size=SIZE, day=DAY, clock=clock)
    found = month_determinations(
        month=ServiceMonth(2026, 10),
        store=store,
        actor=cli_actor(store, None),
        clock=clock,
        rule_book=load_rule_book(),
    )
    codes = {line.code for answer in found.values() for line in answer.lines}
    assert {"99490", "99484"} <= codes


def test_on_the_first_of_a_month_there_is_work_too(store: Store, clock: FixedClock) -> None:
    size = Size(patients=3, entries=50, months=1, seed=1)
    load_synthetic(store, size=size, day=date(2026, 11, 1), clock=clock)
    assert check_store(store).entries == 50


def test_it_is_not_poured_over_another_practice(store: Store, clock: FixedClock) -> None:
    load_synthetic(store, size=SIZE, day=DAY, clock=clock)
    with pytest.raises(CommandRefusedError, match="already holds a practice"):
        load_synthetic(store, size=SIZE, day=DAY, clock=clock)
