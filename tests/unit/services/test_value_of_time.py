"""What a minute is worth, and what is not captured: one definition, on both sides of a threshold."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from tests.support.small_panel import SmallPanel, at
from trellis_core.access import AccessRole
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.board import BoardRow, BoardState, board
from trellis_core.services.value_of_time import (
    OutOfReach,
    dollars_per_minute,
    uncaptured,
    uncaptured_dollars,
)
from trellis_core.store.engine import Store
from trellis_core.store.tables import DischargeRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
UNPRICED = ServiceMonth(2027, 1)
D = Decimal
FIRST, MORE = D("66.13"), D("50.44")
"""The national amounts of the first and of each further 20 minutes of chronic care in 2026."""
NOTHING = OutOfReach(reach=D(0), blocked=D(0), rows=0, unknown=0)


@pytest.fixture
def panel(store: Store) -> SmallPanel:
    return SmallPanel(store)


def rows_of(
    panel: SmallPanel, clock: FixedClock, month: ServiceMonth = NOVEMBER
) -> tuple[BoardRow, ...]:
    return board(
        month=month,
        store=panel.store,
        actor=panel.actor(),
        clock=clock,
        rule_book=load_rule_book(),
    ).rows


# --- what a minute is worth -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "worth"),
    [
        (0, FIRST / 20),
        (19, FIRST),
        (20, MORE / 20),
        (39, MORE),
        (60, None),
    ],
)
def test_a_minute_is_worth_the_next_unit_over_the_minutes_left(
    panel: SmallPanel, clock: FixedClock, minutes: int, worth: Decimal | None
) -> None:
    panel.enrolled("p-1")
    if minutes:
        panel.log("p-1", minutes, at=at(3))
    (row,) = rows_of(panel, clock)
    assert dollars_per_minute(row) == worth


def test_a_minute_is_worth_nothing_while_anything_but_time_is_in_the_way(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.add(panel.patient("p-1"), *panel.chart("p-1", has_consent=False))
    panel.log("p-1", 19, at=at(3))
    (row,) = rows_of(panel, clock)
    assert (row.minutes, row.expected_if_cleared) != (19, None)
    assert dollars_per_minute(row) is None
    cleared = replace(row, state=BoardState.REACH, blocked=())
    assert dollars_per_minute(cleared) is not None


def test_a_program_of_steps_has_no_worth_of_a_minute(panel: SmallPanel, clock: FixedClock) -> None:
    left = DischargeRow(
        practice_id=panel.practice_id,
        id="d-1",
        patient_id="p-1",
        discharged_on=date(2026, 11, 16),
        discharged_from="inpatient_acute",
        discharged_to="home",
    )
    panel.add(panel.patient("p-1"), left)
    assert [dollars_per_minute(row) for row in rows_of(panel, clock)] == [None]


def test_without_an_amount_on_file_neither_is_known(panel: SmallPanel, clock: FixedClock) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 19, at=at(9, month=11))
    (priced,) = rows_of(panel, clock)
    (row,) = rows_of(panel, clock, UNPRICED)
    assert dollars_per_minute(row) is None
    assert uncaptured([replace(row, state=BoardState.REACH)]) == replace(NOTHING, unknown=1)
    assert uncaptured([priced]) == replace(NOTHING, reach=FIRST, rows=1)


# --- what is not captured ---------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "reach"), [(0, None), (19, FIRST), (20, None), (39, None)])
def test_a_row_is_uncaptured_until_it_bills_and_once_somebody_has_begun(
    panel: SmallPanel, clock: FixedClock, minutes: int, reach: Decimal | None
) -> None:
    panel.enrolled("p-1")
    if minutes:
        panel.log("p-1", minutes, at=at(3))
    found = uncaptured(rows_of(panel, clock))
    assert found == (NOTHING if reach is None else replace(NOTHING, reach=reach, rows=1))


def test_a_months_uncaptured_dollars_are_those_of_its_board(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1", "p-2")
    panel.log("p-1", 19, at=at(3))
    panel.log("p-2", 20, at=at(4))
    panel.add(panel.patient("p-3"), *panel.chart("p-3", has_consent=False))
    panel.add(panel.patient("p-4", deceased_on=date(2026, 10, 1)), *panel.chart("p-4"))
    found = uncaptured_dollars(
        NOVEMBER,
        store=panel.store,
        actor=panel.actor(AccessRole.BILLER),
        clock=clock,
        rule_book=load_rule_book(),
    )
    assert found == uncaptured(rows_of(panel, clock))
    assert (found.reach, found.blocked, found.total) == (FIRST, FIRST, 2 * FIRST)


def test_what_a_blocked_row_bills_already_is_not_uncaptured(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 39, at=at(3))
    (row,) = rows_of(panel, clock)
    assert (row.expected, row.expected_if_cleared) == (FIRST, FIRST + MORE)
    found = uncaptured([replace(row, state=BoardState.BLOCKED)])
    assert found == replace(NOTHING, blocked=MORE, rows=1)
