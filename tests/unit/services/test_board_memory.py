"""The kept board: it is never older than the store, and costs nothing while nothing changes."""

import random
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import select

from tests.support.small_panel import SmallPanel, at, counted_statements
from trellis_core.ledger.journal import EventKind
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.access_log import note
from trellis_core.services.board_memory import (
    PatientOnBoard,
    patients_on_board,
    rows_of_month,
)
from trellis_core.services.board_rows import BoardRow
from trellis_core.store.engine import Store
from trellis_core.store.panel_changes import Changes, changes_since, place_of
from trellis_core.store.panel_query import read_panel
from trellis_core.store.tables import (
    ConsentRow,
    DischargeRow,
    EnrollmentRow,
    NoteDraftRow,
    PatientRow,
    StaffRow,
    TrellisTable,
)
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
NOW = at(20, 17)


@pytest.fixture
def panel(store: Store) -> SmallPanel:
    panel = SmallPanel(store)
    panel.enrolled("p-1", "p-2", "p-3", "p-4")
    panel.log("p-1", 17, at=at(3))
    panel.log("p-2", 25, at=at(4))
    return panel


def kept(
    panel: SmallPanel, *, now: datetime = NOW, month: ServiceMonth = NOVEMBER
) -> tuple[PatientOnBoard, ...]:
    return rows_of_month(
        panel.store,
        practice_id=panel.practice_id,
        month=month,
        now=now,
        rule_book=load_rule_book(),
    )


def anew(panel: SmallPanel, *, now: datetime = NOW) -> tuple[PatientOnBoard, ...]:
    with panel.store.reading() as uow:
        rows = read_panel(uow, panel.practice_id, NOVEMBER)
    return patients_on_board(rows, now=now, rule_book=load_rule_book())


def by_patient(found: tuple[PatientOnBoard, ...]) -> dict[str, tuple[BoardRow, ...]]:
    return {one.rows[0].patient_id: one.rows for one in found if one.rows}


def change(panel: SmallPanel, kind: type[TrellisTable], who: str, name: str, value: object) -> None:
    key = kind.id if kind in {PatientRow, StaffRow} else kind.patient_id
    with panel.store.writing() as uow:
        for row in uow.session.exec(select(kind).where(key == who)):
            setattr(row, name, value)


def test_a_second_look_asks_the_store_for_nothing_but_its_mark(panel: SmallPanel) -> None:
    first = kept(panel)
    with counted_statements(panel.store) as statements:
        assert kept(panel) == first
    assert statements == []


def test_what_changes_nobodys_month_costs_one_statement_and_determines_nobody(
    panel: SmallPanel,
) -> None:
    before = by_patient(kept(panel))
    panel.add(
        NoteDraftRow(
            practice_id="prac-1",
            staff_id="rn-1",
            form="f",
            patient_id="p-1",
            text="x",
            updated_at=NOW,
        )
    )
    note(
        EventKind.VIEWED,
        subject_kind="chart",
        subject_id="p-1",
        patient_id="p-1",
        store=panel.store,
        actor=panel.actor(),
    )
    with counted_statements(panel.store) as statements:
        after = by_patient(kept(panel))
    assert len([each for each in statements if each.startswith("SELECT")]) == 1
    assert all(after[patient_id] is rows for patient_id, rows in before.items())


def test_history_that_was_exchanged_is_read_anew(panel: SmallPanel) -> None:
    with panel.store.reading() as uow:
        place = place_of(uow, "prac-1")
        assert changes_since(uow, "prac-1", place) == Changes(place, frozenset())
        assert changes_since(uow, "prac-1", replace(place, event_hash=b"another")) is None
        assert changes_since(uow, "prac-1", replace(place, event_seq=place.event_seq + 1)) is None


def test_one_entry_determines_one_patient_again(panel: SmallPanel) -> None:
    before = by_patient(kept(panel))
    panel.log("p-3", 21, at=at(9))
    after = by_patient(kept(panel))
    assert after["p-3"][0].minutes == 21
    for patient_id in ("p-1", "p-2", "p-4"):
        assert after[patient_id] is before[patient_id]


@pytest.mark.parametrize("seed", range(4))
def test_after_any_change_the_kept_board_is_the_one_that_a_new_reading_gives(
    panel: SmallPanel, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - an order of changes, not a secret
    logged: list[str] = []

    def log() -> None:
        who = chance.choice(("p-1", "p-2", "p-3", "p-4", "p-5"))
        start = at(chance.randrange(1, 6), 15, chance.randrange(0, 30))
        logged.append(panel.log(who, chance.randrange(1, 30), at=start))

    def void() -> None:
        if logged:
            panel.void(logged.pop(chance.randrange(len(logged))))

    def revoke() -> None:
        day = date(2026, 11, chance.randrange(1, 20))
        change(panel, ConsentRow, chance.choice(("p-1", "p-2")), "revoked_on", day)

    def end() -> None:
        day = chance.choice((None, date(2026, 10, 31), date(2026, 11, 15)))
        change(panel, EnrollmentRow, "p-3", "ended_on", day)

    def forget() -> None:
        with panel.store.writing() as uow:
            for row in uow.session.exec(select(ConsentRow).where(ConsentRow.patient_id == "p-4")):
                uow.session.delete(row)

    def rename() -> None:
        change(panel, PatientRow, "p-2", "family_name", chance.choice(("Fern", "Moss")))

    def discharge() -> None:
        panel.add(
            DischargeRow(
                practice_id="prac-1", id=panel.new_id(), patient_id="p-4",
                discharged_on=date(2026, 11, chance.randrange(1, 20)),
            )
        )  # fmt: skip

    def demote() -> None:
        role = chance.choice(("clinical_staff", "non_clinical"))
        change(panel, StaffRow, "rn-1", "role", role)

    panel.add(panel.patient("p-5"))
    acts = (log, log, log, void, revoke, end, forget, rename, discharge, demote)
    for _ in range(14):
        chance.choice(acts)()
        assert by_patient(kept(panel)) == by_patient(anew(panel))


def test_midnight_in_the_practices_zone_ends_what_was_kept(panel: SmallPanel) -> None:
    panel.add(
        DischargeRow(
            practice_id="prac-1", id="d", patient_id="p-4", discharged_on=date(2026, 11, 18)
        )
    )
    late = datetime(2026, 11, 21, 4, 59, tzinfo=UTC)  # one minute before midnight in New York
    kept(panel, now=late)
    with counted_statements(panel.store) as statements:
        kept(panel, now=late + timedelta(seconds=59))
    assert not statements
    with counted_statements(panel.store) as statements:
        kept(panel, now=late + timedelta(minutes=1))
    assert statements


def test_a_clock_that_goes_back_is_not_answered_from_what_was_kept(panel: SmallPanel) -> None:
    panel.log("p-4", 21, at=at(19))
    assert by_patient(kept(panel))["p-4"][0].minutes == 21
    assert by_patient(kept(panel, now=at(18)))["p-4"][0].minutes == 0


def test_only_a_few_months_are_kept(panel: SmallPanel) -> None:
    first = kept(panel)
    for month in range(1, 6):
        kept(panel, month=ServiceMonth(2026, month))
    with counted_statements(panel.store) as statements:
        assert by_patient(kept(panel)) == by_patient(first)
    assert statements


def test_many_readers_while_somebody_writes_end_with_the_newest_board(panel: SmallPanel) -> None:
    problems: list[BaseException] = []
    stop = threading.Event()

    def look() -> None:
        try:
            while not stop.is_set():
                kept(panel)
        except BaseException as problem:  # noqa: BLE001 - told to the test's own thread
            problems.append(problem)

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for minute in range(12):
        panel.log("p-3", 2, at=at(9, 15, minute * 3))
    stop.set()
    for reader in readers:
        reader.join()
    assert not problems
    assert by_patient(kept(panel))["p-3"][0].minutes == 24
