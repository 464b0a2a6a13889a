"""The threshold board over a real store: which answer each row gives, and what it is worth."""

import logging
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update
from sqlmodel import select

from tests.support.small_panel import SmallPanel, at, counted_statements
from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import Activity, Program, Track
from trellis_core.care.work import OpenWork
from trellis_core.errors import NotFoundError, PermissionDeniedError
from trellis_core.rules.determination import Blocked
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.board import (
    Board,
    BoardRow,
    BoardState,
    EntryPreview,
    PatientMonth,
    board,
    month_determinations,
    patient_month,
    preview_entry,
    state_of,
)
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    ConsentRow,
    DecisionMakingRow,
    DischargeContactRow,
    DischargeRow,
    EnrollmentRow,
    OtherServiceRow,
    PatientRow,
    SiteRow,
    TaskRow,
    TrackElectionRow,
)
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
D = Decimal


@pytest.fixture
def panel(store: Store) -> SmallPanel:
    return SmallPanel(store)


def board_of(panel: SmallPanel, clock: FixedClock, **filters: object) -> Board:
    arguments = {
        "month": NOVEMBER,
        "store": panel.store,
        "actor": panel.actor(),
        "clock": clock,
        "rule_book": load_rule_book(),
    } | filters
    return board(**arguments)


def row_of(panel: SmallPanel, clock: FixedClock, **filters: object) -> BoardRow:
    (row,) = board_of(panel, clock, **filters).rows
    return row


def month_of(panel: SmallPanel, clock: FixedClock, patient_id: str, **more: object) -> PatientMonth:
    return patient_month(
        patient_id,
        month=NOVEMBER,
        store=panel.store,
        actor=panel.actor(),
        clock=clock,
        rule_book=load_rule_book(),
        **more,
    )


def preview(
    panel: SmallPanel,
    clock: FixedClock,
    patient_id: str = "p-1",
    program: Program = Program.CCM,
    staff_id: str = "rn-1",
    **more: object,
) -> EntryPreview:
    return preview_entry(
        patient_id,
        program,
        staff_id,
        store=panel.store,
        actor=panel.actor(),
        clock=clock,
        rule_book=load_rule_book(),
        **more,
    )


# --- what a row says --------------------------------------------------------------------------


def test_a_row_says_what_bills_today_and_what_the_next_unit_makes_of_it(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 15, at=at(3))
    panel.log("p-1", 10, at=at(9), staff_id="dr-1")
    row = row_of(panel, clock)
    assert (row.patient_id, row.patient_name, row.mrn) == ("p-1", "Fern, Ada", "M-p-1")
    assert (row.program, row.track) == (Program.CCM, Track.STAFF)
    assert (row.minutes, row.seconds) == (25, 1500)
    assert row.reached == ("99490",)
    assert (row.next_code, row.next_at_minutes, row.minutes_to_next) == ("99439", 40, 15)
    assert [tick.minutes for tick in row.ticks][:2] == [20, 40]
    assert row.state is BoardState.BILLABLE
    assert row.blocked == ()
    assert (row.expected, row.expected_if_cleared) == (D("66.13"), D("116.57"))
    assert row.steps == ()
    assert row.last_touch == date(2026, 11, 9)
    assert row.coordinator == "rn-1"


def test_minutes_below_the_first_unit_are_within_reach(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 17, at=at(3))
    row = row_of(panel, clock)
    assert row.state is BoardState.REACH
    assert row.blocked == ()
    assert row.minutes_to_next == 3
    assert (row.expected, row.expected_if_cleared) == (D("0.00"), D("66.13"))


def test_a_patient_without_time_has_not_started(panel: SmallPanel, clock: FixedClock) -> None:
    panel.enrolled("p-1")
    row = row_of(panel, clock)
    assert row.state is BoardState.NOT_STARTED
    assert (row.minutes, row.minutes_to_next) == (0, 20)
    assert (row.last_touch, row.coordinator) == (None, None)


@pytest.mark.parametrize(("minutes", "cleared"), [(17, "66.13"), (25, "66.13"), (41, "116.57")])
def test_missing_consent_blocks_and_clearing_it_brings_what_time_has_reached_or_reaches_next(
    panel: SmallPanel, clock: FixedClock, minutes: int, cleared: str
) -> None:
    panel.add(panel.patient("p-1"), *panel.chart("p-1", has_consent=False))
    panel.log("p-1", minutes, at=at(3))
    row = row_of(panel, clock)
    assert row.state is BoardState.BLOCKED
    assert [entry.reason for entry in row.blocked] == [Reason.CONSENT_MISSING]
    assert row.minutes == minutes
    assert (row.expected, row.expected_if_cleared) == (D("0.00"), D(cleared))


def test_what_no_paperwork_clears_is_worth_nothing(panel: SmallPanel, clock: FixedClock) -> None:
    panel.add(panel.patient("p-1", deceased_on=date(2026, 10, 31)), *panel.chart("p-1"))
    row = row_of(panel, clock)
    assert row.state is BoardState.BLOCKED
    assert Reason.DECEASED in {entry.reason for entry in row.blocked}
    assert row.expected_if_cleared is None


def test_time_without_enrollment_has_a_row_of_its_own(panel: SmallPanel, clock: FixedClock) -> None:
    panel.add(panel.patient("p-1"))
    panel.log("p-1", 25, at=at(3))
    row = row_of(panel, clock)
    assert row.state is BoardState.BLOCKED
    assert Reason.NOT_ENROLLED in {entry.reason for entry in row.blocked}


def test_an_enrollment_that_ended_before_the_month_has_no_row(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1")
    panel.add(
        panel.patient("p-2"),
        EnrollmentRow(
            practice_id="prac-1", id="e", patient_id="p-2", program="CCM",
            started_on=date(2026, 1, 5), ended_on=date(2026, 10, 31),
        ),
    )  # fmt: skip
    assert [row.patient_id for row in board_of(panel, clock).rows] == ["p-1"]


def test_time_that_was_taken_back_is_nobodys_touch(panel: SmallPanel, clock: FixedClock) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 5, at=at(3), staff_id="rn-1")
    panel.log("p-1", 50, at=at(9), staff_id="dr-1", entry_id="wrong")
    panel.void("wrong")
    row = row_of(panel, clock)
    assert (row.minutes, row.last_touch, row.coordinator) == (5, date(2026, 11, 3), "rn-1")


def test_a_complex_month_replaces_the_base_unit_instead_of_adding_to_it(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1")
    panel.add(
        DecisionMakingRow(
            practice_id="prac-1", id="m", patient_id="p-1", program="CCM", level="moderate",
            by="dr-1", on_day=date(2026, 11, 3),
        )
    )  # fmt: skip
    panel.log("p-1", 45, at=at(3))
    short = row_of(panel, clock)
    assert (short.next_code, short.next_at_minutes) == ("99487", 60)
    assert short.expected_if_cleared == D("144.29")
    panel.log("p-1", 17, at=at(9))
    full = row_of(panel, clock)
    assert (full.expected, full.expected_if_cleared) == (D("144.29"), D("222.45"))


def test_an_elected_track_is_the_one_that_the_row_shows(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 31, at=at(3), staff_id="dr-1")
    panel.log("p-1", 21, at=at(4), staff_id="rn-1")
    own = {"practice_id": "prac-1", "patient_id": "p-1", "program": "CCM", "ym": 202611}
    panel.add(TrackElectionRow(track="staff", elected_by="dr-1", elected_at=at(5), **own))
    assert row_of(panel, clock).track is Track.STAFF
    with panel.store.writing() as uow:
        election = uow.session.get(TrackElectionRow, ("prac-1", "p-1", "CCM", 202611))
        assert election is not None
        election.track = "practitioner"
        uow.session.add(election)
    row = row_of(panel, clock)
    assert (row.track, row.minutes, row.expected) == (Track.PRACTITIONER, 31, D("89.18"))


def test_two_programs_of_one_patient_are_two_rows(panel: SmallPanel, clock: FixedClock) -> None:
    panel.enrolled("p-1")
    panel.add(*panel.chart("p-1", program=Program.BHI))
    panel.log("p-1", 21, at=at(3))
    panel.log("p-1", 10, at=at(4), program=Program.BHI, staff_id="sw-1")
    rows = {row.program: row for row in board_of(panel, clock).rows}
    assert rows[Program.CCM].state is BoardState.BILLABLE
    assert rows[Program.BHI].minutes == 10
    assert rows[Program.BHI].coordinator == "sw-1"
    assert rows[Program.BHI].state is BoardState.BLOCKED
    assert [e.reason for e in rows[Program.BHI].blocked] == [Reason.RATING_SCALE_MISSING]


# --- discharges -------------------------------------------------------------------------------


def discharge(patient_id: str, **fields: object) -> DischargeRow:
    return DischargeRow(
        **{
            "practice_id": "prac-1",
            "id": f"d-{patient_id}",
            "patient_id": patient_id,
            "discharged_on": date(2026, 11, 16),
            "discharged_from": "inpatient_acute",
            "discharged_to": "home",
        }
        | fields
    )


def test_a_discharge_has_steps_with_due_days_instead_of_minutes(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.add(panel.patient("p-1"), discharge("p-1", discharged_on=date(2026, 11, 19)))
    row = row_of(panel, clock)
    assert (row.program, row.discharge) == (Program.TCM, "d-p-1")
    assert (row.minutes, row.minutes_to_next, row.next_code) == (0, None, None)
    assert row.state is BoardState.NOT_STARTED
    steps = {step.step: (step.due, step.is_done) for step in row.steps}
    assert steps["contact"] == (date(2026, 11, 23), False)
    assert set(steps) >= {"contact", "visit", "medication_reconciliation"}
    assert (row.expected, row.expected_if_cleared) == (D("0.00"), D("220.11"))


def test_a_discharge_with_every_step_bills_by_its_decision_making(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.add(
        panel.patient("p-1"),
        discharge(
            "p-1", discharged_on=date(2026, 11, 9), mdm="high", visit_on=date(2026, 11, 13),
            visit_by="dr-1", visit_modality="in_person",
            medications_reconciled_on=date(2026, 11, 13),
        ),
        DischargeContactRow(
            practice_id="prac-1", id="c", discharge_id="d-p-1", patient_id="p-1", at=at(10),
            outcome="reached", by="rn-1",
        ),
    )  # fmt: skip
    row = row_of(panel, clock)
    assert row.state is BoardState.BILLABLE
    assert (row.expected, row.expected_if_cleared) == (D("298.60"), None)
    assert all(step.is_done for step in row.steps)
    assert board_of(panel, clock, month=ServiceMonth(2026, 12)).rows == ()


def test_a_missed_contact_blocks_the_discharge(panel: SmallPanel, clock: FixedClock) -> None:
    panel.add(panel.patient("p-1"), discharge("p-1", discharged_on=date(2026, 11, 2)))
    row = row_of(panel, clock)
    assert row.state is BoardState.BLOCKED
    assert Reason.TCM_CONTACT in {entry.reason for entry in row.blocked}


# --- order, filters, counts -------------------------------------------------------------------


def several(panel: SmallPanel) -> None:
    panel.enrolled("p-billable", "p-reach", "p-idle")
    panel.add(panel.patient("p-blocked"), *panel.chart("p-blocked", has_consent=False))
    panel.log("p-billable", 25, at=at(3))
    panel.log("p-reach", 18, at=at(4))
    panel.log("p-blocked", 19, at=at(5))


def test_rows_come_with_the_fewest_minutes_to_go_first(
    panel: SmallPanel, clock: FixedClock
) -> None:
    several(panel)
    found = board_of(panel, clock)
    assert [(row.patient_id, row.minutes_to_next) for row in found.rows] == [
        ("p-blocked", 1),
        ("p-reach", 2),
        ("p-billable", 15),
        ("p-idle", 20),
    ]
    assert found.counts == dict.fromkeys(BoardState, 1)


def test_the_filter_by_state_leaves_the_counts_whole(panel: SmallPanel, clock: FixedClock) -> None:
    several(panel)
    for state in BoardState:
        found = board_of(panel, clock, state=state)
        assert [row.state for row in found.rows] == [state]
        assert sum(found.counts.values()) == 4


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {"p-1", "p-2"}),
        ("peñ", {"p-1"}),
        ("PEÑAFLOR, bego", {"p-1"}),
        ("begoña peñ", {"p-1"}),
        ("  jf-77 ", {"p-2"}),
        ("1950-06", {"p-1"}),
        ("nobody", set()),
        ("%", set()),
    ],
)
def test_text_finds_by_name_record_number_or_birth_date(
    panel: SmallPanel, clock: FixedClock, text: str, found: set[str]
) -> None:
    panel.add(
        panel.patient("p-1", "Peñaflor", birth_date=date(1950, 6, 27)),
        *panel.chart("p-1"),
        panel.patient("p-2", "O'Briarly"),
        *panel.chart("p-2"),
    )
    with panel.store.writing() as uow:
        for key, name, mrn in (("p-1", "Begoña", "JF-1"), ("p-2", "Maeve", "JF-77")):
            row = uow.session.get(PatientRow, ("prac-1", key))
            assert row is not None
            row.given_name, row.mrn = name, mrn
            uow.session.add(row)
    assert {row.patient_id for row in board_of(panel, clock, text=text).rows} == found


def test_program_and_patient_filters_narrow_rows_and_counts(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1", "p-2")
    panel.add(*panel.chart("p-1", program=Program.BHI))
    assert len(board_of(panel, clock).rows) == 3
    bhi = board_of(panel, clock, program=Program.BHI)
    assert [(row.patient_id, row.program) for row in bhi.rows] == [("p-1", Program.BHI)]
    assert sum(bhi.counts.values()) == 1
    alone = board_of(panel, clock, patient_id="p-1")
    assert {row.patient_id for row in alone.rows} == {"p-1"}
    assert len(alone.rows) == 2


def test_the_board_of_an_empty_practice_is_empty(panel: SmallPanel, clock: FixedClock) -> None:
    found = board_of(panel, clock)
    assert found.rows == ()
    assert set(found.counts.values()) == {0}


# --- what else a row is found by ----------------------------------------------------------------


def test_a_coordinators_own_rows_are_those_on_which_they_worked_most(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1", "p-2", "p-3")
    panel.log("p-1", 10, at=at(3))
    panel.log("p-1", 11, at=at(4), staff_id="sw-1")
    panel.log("p-2", 12, at=at(5))
    found = board_of(panel, clock, coordinator="rn-1")
    assert [row.patient_id for row in found.rows] == ["p-2"]
    assert found.coordinators == {"rn-1", "sw-1"}
    assert sum(found.counts.values()) == 1


def test_rows_are_found_by_the_site_of_their_patient(panel: SmallPanel, clock: FixedClock) -> None:
    panel.enrolled("p-1")
    panel.add(SiteRow(practice_id=panel.practice_id, id="site-1", name="Annex"))
    panel.add(panel.patient("p-2", site_id="site-1"), *panel.chart("p-2"))
    assert board_of(panel, clock).sites == {"", "site-1"}
    assert [row.patient_id for row in board_of(panel, clock, site="site-1").rows] == ["p-2"]
    assert [row.patient_id for row in board_of(panel, clock, site="").rows] == ["p-1"]


def test_rows_are_found_by_what_is_in_their_way(panel: SmallPanel, clock: FixedClock) -> None:
    panel.enrolled("p-1")
    panel.add(panel.patient("p-2"), *panel.chart("p-2", has_consent=False))

    def found(*reasons: Reason) -> list[str]:
        return [row.patient_id for row in board_of(panel, clock, in_the_way=reasons).rows]

    assert found(Reason.CONSENT_MISSING, Reason.DECEASED) == ["p-2"]
    assert found(Reason.DECEASED) == []
    assert found() == []


@pytest.mark.parametrize(
    ("day", "kind", "is_found"),
    [(19, "contact", True), (20, "contact", True), (21, "contact", False), (19, "general", False)],
)
def test_a_contact_is_due_on_its_day_and_after_it(
    panel: SmallPanel, clock: FixedClock, day: int, kind: str, is_found: bool
) -> None:
    panel.enrolled("p-1", "p-2")
    panel.add(task(panel, "p-1", day, kind))
    found = board_of(panel, clock, is_contact_due=True)
    assert [row.patient_id for row in found.rows] == (["p-1"] if is_found else [])


def test_a_row_comes_with_what_is_open_for_its_patient(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1", "p-2")
    assert board_of(panel, clock).work == {}
    panel.add(
        task(panel, "p-1", 19, "contact"),
        task(panel, "p-1", 20, "contact"),
        task(panel, "p-1", 21, "general"),
        task(panel, "p-1", 1, "contact", done_at=at(2)),
    )
    first, second = board_of(panel, clock).rows
    found = board_of(panel, clock)
    assert found.work_of(first) == OpenWork(next_contact_on=date(2026, 11, 19), tasks=3, overdue=1)
    assert found.work_of(second) == OpenWork()
    tomorrow = replace(clock, instant=clock.now() + timedelta(days=1))
    assert board_of(panel, tomorrow).work_of(first).overdue == 2


def task(panel: SmallPanel, patient_id: str, day: int, kind: str, **more: object) -> TaskRow:
    return TaskRow(
        practice_id=panel.practice_id, id=panel.new_id(), patient_id=patient_id, kind=kind,
        title="Call", due_on=date(2026, 11, day), made_by="rn-1", made_at=at(1), **more,
    )  # fmt: skip


# --- freshness --------------------------------------------------------------------------------


def test_every_change_shows_on_the_next_board(panel: SmallPanel, clock: FixedClock) -> None:
    panel.enrolled("p-1", "p-2")
    panel.log("p-1", 17, at=at(3))
    assert row_of(panel, clock, text="M-p-1").minutes == 17
    panel.log("p-1", 4, at=at(4), entry_id="more")
    assert row_of(panel, clock, text="M-p-1").state is BoardState.BILLABLE
    panel.void("more")
    assert row_of(panel, clock, text="M-p-1").state is BoardState.REACH
    with panel.store.writing() as uow:
        consents = select(ConsentRow).where(ConsentRow.patient_id == "p-1")
        uow.session.exec(consents).one().elements = "cost_sharing"
    assert row_of(panel, clock, text="M-p-1").state is BoardState.BLOCKED
    panel.enrolled("p-3")
    assert len(board_of(panel, clock).rows) == 3


def test_a_change_of_one_patient_changes_who_overlaps_with_them(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1", "p-2")
    panel.log("p-2", 20, at=at(3, 15, 10))
    rows = {row.patient_id: row for row in board_of(panel, clock).rows}
    assert (rows["p-1"].minutes, rows["p-2"].minutes) == (0, 20)
    panel.log("p-1", 15, at=at(3, 15, 0), entry_id="same nurse, earlier")
    rows = {row.patient_id: row for row in board_of(panel, clock).rows}
    assert rows["p-1"].minutes + rows["p-2"].minutes < 35
    panel.void("same nurse, earlier")
    rows = {row.patient_id: row for row in board_of(panel, clock).rows}
    assert (rows["p-1"].minutes, rows["p-2"].minutes) == (0, 20)


def test_a_deadline_that_passes_overnight_changes_the_row(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.add(panel.patient("p-1"), discharge("p-1", discharged_on=date(2026, 11, 18)))
    clock.instant = datetime(2026, 11, 20, 22, tzinfo=UTC)
    assert row_of(panel, clock).state is BoardState.NOT_STARTED
    clock.advance(days=3)
    assert row_of(panel, clock).state is BoardState.BLOCKED
    clock.advance(days=-3)
    assert row_of(panel, clock).state is BoardState.NOT_STARTED


def test_work_that_lies_ahead_counts_once_its_time_has_come(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 21, at=clock.now() + timedelta(minutes=4))
    assert row_of(panel, clock).minutes == 0
    clock.advance(minutes=30)
    assert row_of(panel, clock).minutes == 21


def test_another_practice_never_shows(panel: SmallPanel, clock: FixedClock) -> None:
    panel.enrolled("p-1")
    other = SmallPanel(panel.store, practice_id="prac-2")
    other.enrolled("q-1")
    other.log("q-1", 25, at=at(3))
    assert {row.patient_id for row in board_of(panel, clock).rows} == {"p-1"}
    assert {row.patient_id for row in board_of(other, clock).rows} == {"q-1"}
    with pytest.raises(NotFoundError):
        board_of(panel, clock, patient_id="q-1")
    with pytest.raises(NotFoundError):
        month_of(panel, clock, "q-1")
    with pytest.raises(NotFoundError):
        preview(panel, clock, "q-1")


def test_every_role_may_see_the_board(panel: SmallPanel, clock: FixedClock) -> None:
    panel.enrolled("p-1")
    for role in set(AccessRole) - {AccessRole.OWN_WORK}:
        assert len(board_of(panel, clock, actor=panel.actor(role)).rows) == 1
    own_work = panel.actor(AccessRole.OWN_WORK)
    with pytest.raises(PermissionDeniedError):
        board_of(panel, clock, actor=own_work)
    practitioner = replace(own_work, is_billing_practitioner=True)
    assert len(board_of(panel, clock, actor=practitioner).rows) == 1


def test_the_number_of_statements_is_the_same_for_one_patient_and_for_many(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1")
    with counted_statements(panel.store) as few:
        board_of(panel, clock)
    panel.enrolled(*(f"q-{number}" for number in range(30)))
    with counted_statements(panel.store) as many:
        board_of(panel, clock, month=ServiceMonth(2026, 10))
    assert len(many) <= len(few) + 1


def test_no_name_is_logged(
    panel: SmallPanel, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    panel.enrolled("p-1")
    panel.log("p-1", 25, at=at(3))
    board_of(panel, clock, text="Fern")
    assert "Fern" not in caplog.text


# --- the precedence of answers ----------------------------------------------------------------


def blocked_by(*reasons: Reason) -> list[Blocked]:
    return [
        Blocked(program=Program.CCM, codes=("99490",), reason=reason, message="")
        for reason in reasons
    ]


@pytest.mark.parametrize(
    ("reasons", "has_line", "is_started", "answer"),
    [
        ((Reason.CONSENT_MISSING,), True, True, BoardState.BLOCKED),
        ((Reason.CONSENT_MISSING, Reason.TIME_NOT_MET), False, False, BoardState.BLOCKED),
        ((Reason.TIME_NOT_MET,), False, True, BoardState.REACH),
        ((Reason.TIME_NOT_MET,), False, False, BoardState.NOT_STARTED),
        ((), True, False, BoardState.BILLABLE),
        ((Reason.EXCLUSIVE_SAME_MONTH,), True, True, BoardState.BILLABLE),
        ((Reason.EXCLUSIVE_SAME_MONTH,), False, True, BoardState.BLOCKED),
        ((), False, True, BoardState.REACH),
    ],
)
def test_blocked_comes_before_billable_before_not_started_before_reach(
    reasons: tuple[Reason, ...], has_line: bool, is_started: bool, answer: BoardState
) -> None:
    found = state_of(blocked=blocked_by(*reasons), has_line=has_line, is_started=is_started)
    assert found is answer


# --- one patient ------------------------------------------------------------------------------


def test_a_patients_month_holds_facts_determination_and_entries_with_notes(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1", "p-2")
    panel.log("p-1", 25, at=at(3))
    panel.log("p-1", 7, at=at(4), entry_id="wrong")
    panel.void("wrong")
    panel.log("p-2", 7, at=at(5))
    found = month_of(panel, clock, "p-1")
    assert [line.code for line in found.determination.lines] == ["99490"]
    assert found.facts.patient.id == "p-1"
    assert [(e.seconds, e.note, e.is_reversed) for e in found.entries] == [
        (1500, "spoke about diet", False),
        (420, "spoke about diet", True),
    ]
    assert all(len(entry.code) == 8 for entry in found.entries)
    assert found.determination.trace is None
    assert month_of(panel, clock, "p-1", explain=True).determination.trace is not None


def test_the_board_and_the_patients_month_agree(panel: SmallPanel, clock: FixedClock) -> None:
    several(panel)
    for row in board_of(panel, clock).rows:
        lines = month_of(panel, clock, row.patient_id).determination.lines
        assert row.expected == sum((line.allowed or D(0) for line in lines), D("0.00"))


def test_everybodys_determinations_come_from_one_read_and_agree_with_the_board(
    panel: SmallPanel, clock: FixedClock
) -> None:
    several(panel)
    found = month_determinations(
        month=NOVEMBER,
        store=panel.store,
        actor=panel.actor(),
        clock=clock,
        rule_book=load_rule_book(),
    )
    for row in board_of(panel, clock).rows:
        lines = found[row.patient_id].lines
        assert row.expected == sum((line.allowed or D(0) for line in lines), D("0.00"))


# --- would minutes count ----------------------------------------------------------------------


def test_minutes_of_a_nurse_for_an_enrolled_patient_would_count(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1")
    assert preview(panel, clock) == EntryPreview(counts=True)


def test_minutes_without_consent_would_not_count_and_the_message_says_why(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.add(panel.patient("p-1"), *panel.chart("p-1", has_consent=False))
    found = preview(panel, clock)
    assert found.counts is False
    assert found.reason is Reason.CONSENT_MISSING
    assert found.message


def test_minutes_without_enrollment_would_not_count(panel: SmallPanel, clock: FixedClock) -> None:
    panel.add(panel.patient("p-1"))
    found = preview(panel, clock)
    assert (found.counts, found.reason) == (False, Reason.NOT_ENROLLED)


def test_minutes_of_a_role_or_activity_that_never_counts_would_not_count(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1")
    assert preview(panel, clock, staff_id="desk-1").reason is Reason.NON_CLINICAL_TIME
    clerical = preview(panel, clock, activity=Activity.ADMINISTRATIVE)
    assert clerical.reason is Reason.NON_CLINICAL_TIME


def test_minutes_of_a_day_before_consent_would_not_count(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1")
    assert preview(panel, clock, on=date(2026, 1, 5)).counts is True
    early = preview(panel, clock, on=date(2026, 1, 4))
    assert (early.counts, early.reason) == (False, Reason.BEFORE_CONSENT)


def test_other_work_at_the_same_time_does_not_stand_in_the_way_of_a_preview(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1", "p-2")
    panel.log("p-1", 60, at=clock.now() - timedelta(minutes=30))
    panel.log("p-2", 60, at=clock.now() - timedelta(minutes=30))
    assert preview(panel, clock).counts is True


def test_a_preview_near_midnight_is_judged_in_the_practices_own_month(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.add(panel.patient("p-1"), *panel.chart("p-1"))
    with panel.store.writing() as uow:
        uow.session.execute(update(EnrollmentRow).values(ended_on=date(2026, 11, 30)))
    clock.instant = datetime(2026, 12, 1, 4, 30, tzinfo=UTC)
    assert preview(panel, clock).counts is True
    clock.instant = datetime(2026, 12, 1, 5, 30, tzinfo=UTC)
    assert preview(panel, clock).counts is False


def test_a_person_of_nobody_is_not_found(panel: SmallPanel, clock: FixedClock) -> None:
    panel.enrolled("p-1")
    with pytest.raises(NotFoundError):
        preview(panel, clock, staff_id="rn-9")


def test_a_stranger_to_the_practice_finds_nobody(panel: SmallPanel, clock: FixedClock) -> None:
    panel.enrolled("p-1")
    stranger: Actor = replace(panel.actor(), practice_id="prac-9")
    with pytest.raises(NotFoundError):
        board_of(panel, clock, actor=stranger)


def test_a_service_billed_by_another_practitioner_blocks_and_is_worth_nothing(
    panel: SmallPanel, clock: FixedClock
) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 25, at=at(3))
    panel.add(
        OtherServiceRow(
            practice_id="prac-1", id="o", patient_id="p-1", on_day=date(2026, 11, 10),
            code="99490", by="other", same_practice=False,
        )
    )  # fmt: skip
    row = row_of(panel, clock)
    assert row.state is BoardState.BLOCKED
    assert [entry.reason for entry in row.blocked] == [Reason.BILLED_BY_OTHER_PRACTITIONER]
    assert (row.expected, row.expected_if_cleared) == (D("0.00"), None)
