"""Frames for analysts: what is in them, of which kind, from how many statements."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.cases import case as case_of
from tests.support.month_case import DECEMBER, NOVEMBER, MonthCase
from tests.support.small_panel import SmallPanel, at, counted_statements
from tests.support.tampering import tamper
from trellis_core import frames, roi
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Program
from trellis_core.errors import CommandRefusedError, StoreError
from trellis_core.fees import NATIONAL, Place
from trellis_core.rules.determination import Determination
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.board import board, month_determinations
from trellis_core.services.frames import (
    BOARD_COLUMNS,
    LINE_COLUMNS,
    MINUTES_COLUMNS,
    NAME_COLUMNS,
)
from trellis_core.services.frames_of_models import CASE_COLUMNS, DETERMINATION_COLUMNS
from trellis_core.settings import sqlite_url
from trellis_core.store.engine import Store
from trellis_core.store.tables import DischargeRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.money import cents_of

BOOK = load_rule_book()
FIRST, MORE = 6613, 5044
"""The national amounts of the first and of each further 20 minutes of chronic care in 2026, in cents."""


@pytest.fixture
def panel(store: Store) -> SmallPanel:
    return SmallPanel(store)


def asking(panel: SmallPanel, clock: FixedClock) -> frames.Asking:
    return frames.Asking(store=panel.store, actor=panel.actor(), clock=clock, rule_book=BOOK)


def records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Return rows as plain values, with None for what is missing."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def kinds(frame: pd.DataFrame) -> list[str]:
    return [str(kind) for kind in frame.dtypes]


# --- the board --------------------------------------------------------------------------------


def test_the_board_as_a_frame_says_what_the_board_says(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1", "p-2")
    panel.log("p-1", 39, at=at(3))
    panel.add(panel.patient("p-3"), *panel.chart("p-3", has_consent=False))
    left = DischargeRow(
        practice_id=panel.practice_id,
        id="d-1",
        patient_id="p-2",
        discharged_on=date(2026, 11, 16),
        discharged_from="inpatient_acute",
        discharged_to="home",
    )
    panel.add(left)
    found = board(month=NOVEMBER, **asking(panel, clock)).rows
    frame = frames.board_frame(NOVEMBER, **asking(panel, clock))
    assert list(frame.columns) == list(BOARD_COLUMNS)
    assert list(frame["patient_id"]) == [row.patient_id for row in found]
    assert frame["expected_cents"].sum() == cents_of(sum(row.expected for row in found))
    first, *_, steps = records(frame)
    assert (first["minutes"], first["reached"], first["next_code"]) == (39, "99490", "99439")
    assert (first["expected_cents"], first["expected_if_cleared_cents"]) == (FIRST, FIRST + MORE)
    assert (first["dollars_per_minute"], first["state"]) == (50.44, "billable")
    assert (steps["program"], steps["discharge"], steps["minutes"]) == ("TCM", "d-1", None)
    (blocked,) = records(frame[frame["patient_id"] == "p-3"])
    assert (blocked["state"], blocked["dollars_per_minute"]) == ("blocked", None)
    assert "CONSENT_MISSING" in str(blocked["blocked"]).split()
    assert frame["month"].unique().tolist() == [pd.Period("2026-11", freq="M")]


def test_names_come_only_where_they_are_asked_for(panel: SmallPanel, clock: FixedClock) -> None:
    panel.enrolled("p-1")
    frame = frames.board_frame(NOVEMBER, **asking(panel, clock))
    assert "Fern" not in frame.to_csv()
    named = frames.board_frame(NOVEMBER, with_names=True, **asking(panel, clock))
    assert list(named.columns) == [*BOARD_COLUMNS, *NAME_COLUMNS]
    assert named["patient_name"].tolist() == ["Fern, Ada"]


@pytest.mark.parametrize("is_empty", [True, False])
def test_kinds_are_the_same_with_and_without_rows(
    panel: SmallPanel, clock: FixedClock, is_empty: bool
) -> None:
    if not is_empty:
        panel.enrolled("p-1")
        panel.log("p-1", 20, at=at(3))
    asked = asking(panel, clock)
    frame = frames.board_frame(NOVEMBER, **asked)
    assert frame.empty is is_empty
    assert kinds(frame) == [str(kind) for kind in BOARD_COLUMNS.values()]
    time = frames.minutes_frame(NOVEMBER, NOVEMBER, **asked)
    assert kinds(time) == [str(kind) for kind in MINUTES_COLUMNS.values()]
    lines = frames.lines_frame(NOVEMBER, NOVEMBER, store=panel.store, actor=asked["actor"])
    assert kinds(lines) == [str(kind) for kind in LINE_COLUMNS.values()]


# --- time -------------------------------------------------------------------------------------


def test_time_is_what_counts_and_beside_it_what_stands(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1", "p-2")
    panel.log("p-1", 12, at=at(3))
    panel.log("p-1", 7, at=at(4), staff_id="desk-1")
    panel.log("p-1", 30, at=at(5), entry_id="gone")
    panel.void("gone")
    panel.log("p-1", 21, at=at(6, month=10))
    found = frames.minutes_frame(NOVEMBER.previous, NOVEMBER, **asking(panel, clock))
    assert [
        (
            str(row["month"]),
            row["patient_id"],
            row["minutes"],
            row["worked_seconds"],
            row["entries"],
        )
        for row in records(found)
    ] == [
        ("2026-10", "p-1", 21, 1260, 1),
        ("2026-10", "p-2", 0, 0, 0),
        ("2026-11", "p-1", 12, 19 * 60, 2),
        ("2026-11", "p-2", 0, 0, 0),
    ]
    with pytest.raises(CommandRefusedError, match="2026-10 is before 2026-11"):
        frames.minutes_frame(NOVEMBER, NOVEMBER.previous, **asking(panel, clock))


def test_time_of_a_program_without_a_meter_is_not_said_to_be_zero(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 15, at=at(3), program=Program.TCM)
    rows = records(frames.minutes_frame(NOVEMBER, NOVEMBER, **asking(panel, clock)))
    found = {row["program"]: (row["minutes"], row["worked_seconds"]) for row in rows}
    assert found == {"CCM": (0, 0), "TCM": (None, 900)}


# --- issued lines -----------------------------------------------------------------------------


def test_lines_are_what_stands_as_issued(sqlite_store: Store) -> None:
    case = MonthCase(sqlite_store)
    case.enrolled("p1", "p2")
    case.panel.log("p1", 40, at=at(10))
    case.panel.log("p2", 20, at=at(11))
    case.close()

    def lines() -> list[dict[str, object]]:
        return records(frames.lines_frame(NOVEMBER, DECEMBER, store=case.store, actor=case.actor()))

    found = lines()
    assert [(row["patient_id"], row["code"], row["allowed_cents"]) for row in found] == [
        ("p1", "99490", FIRST),
        ("p1", "99439", MORE),
        ("p2", "99490", FIRST),
    ]
    assert {(row["payer"], row["program"], row["charge_cents"]) for row in found} == {
        ("Medicare Part B", "CCM", None)
    }
    assert {(row["units"], row["minutes"], row["version"]) for row in found} == {
        (1, 40, 1),
        (1, 20, 1),
    }
    case.reopen()
    case.panel.log("p2", 20, at=at(12))
    case.close()
    assert [(row["number"], row["version"], row["code"]) for row in lines()] == [
        (1, 1, "99490"),
        (1, 1, "99439"),
        (3, 2, "99490"),
        (3, 2, "99439"),
    ]
    tamper(sqlite_store, "UPDATE superbill SET document = x'00' WHERE number = 3")
    with pytest.raises(StoreError, match="Superbill 3 is not as it was issued"):
        lines()


# --- set by set -------------------------------------------------------------------------------


def test_a_frame_takes_as_many_statements_as_a_month_not_as_its_patients(
    sqlite_store: Store,
) -> None:
    case = MonthCase(sqlite_store)
    patients = [f"p{number}" for number in range(1, 7)]
    case.enrolled(*patients)
    for day, each in enumerate(patients, start=10):
        case.panel.log(each, 20, at=at(day))
    case.close()
    asked = frames.Asking(store=case.store, actor=case.actor(), clock=case.clock, rule_book=BOOK)
    read: dict[int, Callable[[], pd.DataFrame]] = {
        3: lambda: frames.lines_frame(NOVEMBER, NOVEMBER, store=case.store, actor=asked["actor"]),
        18: lambda: frames.minutes_frame(NOVEMBER, NOVEMBER, **asked),
        22: lambda: frames.board_frame(NOVEMBER, **asked),
    }
    for most, frame in read.items():
        with counted_statements(case.store) as statements:
            assert len(frame()) == len(patients)
        assert len(statements) <= most


# --- without a store --------------------------------------------------------------------------


def test_determinations_as_a_frame(panel: SmallPanel, clock: FixedClock) -> None:
    panel.enrolled("p-1", "p-2")
    panel.log("p-1", 45, at=at(3))
    found: dict[str, Determination] = dict(
        month_determinations(month=NOVEMBER, **asking(panel, clock))
    )
    frame = frames.determination_frame(found)
    assert list(frame.columns) == list(DETERMINATION_COLUMNS)
    first, second = records(frame)
    assert (first["minutes"], first["codes"]) == (45, "99439x1 99490x1")
    assert first["allowed_cents"] == FIRST + MORE
    assert (second["allowed_cents"], second["blocked"]) == (0, "TIME_NOT_MET")
    assert "Fern" not in frame.to_csv()
    assert kinds(frames.determination_frame({})) == kinds(frame)


def test_a_case_file_as_a_frame() -> None:
    cases = [case_of(0) | {"case": "one"}, case_of(0)]
    frame = frames.case_frame(json.dumps(cases).encode(), rule_book=BOOK)
    assert list(frame.columns) == list(CASE_COLUMNS)
    assert frame["case"].tolist() == ["one", "2"]
    assert frame["seconds"].nunique() == 1


def test_amounts_by_place_and_an_unknown_one_is_not_zero() -> None:
    manhattan = Place(state="NY", locality="01")
    frame = frames.rates_frame(
        ["99490", "G9999"], on=date(2026, 6, 30), places=[NATIONAL, manhattan], rule_book=BOOK
    )
    found = [(row["code"], row["locality"], row["allowed_cents"]) for row in records(frame)]
    local = BOOK.amounts.allowed("99490", on=date(2026, 6, 30), state="NY", locality="01")
    assert local is not None
    assert found == [
        ("99490", None, FIRST),
        ("G9999", None, None),
        ("99490", "NY-01", cents_of(local.amount)),
        ("G9999", "NY-01", None),
    ]
    later = frames.rates_frame(["99490"], on=date(2027, 1, 1), rule_book=BOOK)
    assert later["allowed_cents"].isna().all()
    assert frames.in_dollars(frame)["allowed"].tolist()[0] == 66.13


def test_a_models_months_as_a_frame() -> None:
    result = roi.simulate(roi.RoiInputs(), BOOK.amounts)
    frame = frames.roi_frame(result)
    assert frame["month"].tolist() == list(range(1, len(result.months) + 1))
    assert frame["net_cents"].sum() == cents_of(result.months[-1].cumulative)
    assert frame["cash_cents"].sum() - frame["cost_cents"].sum() == frame["net_cents"].sum()
    assert Decimal(str(frame["fte"].iloc[-1])) > 0


# --- opening a store --------------------------------------------------------------------------


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with (
        pytest.raises(StoreError, match="There is no store of that name"),
        frames.opened(sqlite_url(file)),
    ):
        pass
    assert not file.exists()


def test_who_opens_a_practice_is_named_and_told(panel: SmallPanel, clock: FixedClock) -> None:
    if panel.store.path is None:
        pytest.skip("by its file")
    panel.enrolled("p-1")
    owner = panel.staff("own-1", "non_clinical", "")
    owner.access = AccessRole.OWNER.value
    panel.add(owner)
    url = sqlite_url(panel.store.path)
    with pytest.raises(CommandRefusedError, match="Say who acts"), frames.opened(url):
        pass
    with frames.opened(url, as_person="own-1", clock=clock) as asked:
        assert len(frames.board_frame(NOVEMBER, **asked)) == 1
        with asked["store"].reading() as unit:
            told = unit.connection.exec_driver_sql(
                "SELECT subject_id FROM event WHERE kind = 'command_run'"
            ).scalars()
            assert list(told) == ["analysis"]
