"""A discharge and its steps can be recorded, corrected and taken back; days on both ends."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest

from tests.support.small_panel import SmallPanel, at
from trellis_core.care.records import Discharge
from trellis_core.care.vocabulary import (
    ContactOutcome,
    DischargedFrom,
    DischargedTo,
    MdmLevel,
    Program,
    StayKind,
    VisitModality,
)
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import discharges
from trellis_core.services.board import PatientMonth, board, patient_month
from trellis_core.services.board_rows import BoardRow
from trellis_core.services.caseload import chart
from trellis_core.store.engine import Store
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN

NOVEMBER = ServiceMonth(2026, 11)
MONDAY = date(2026, 11, 2)


@dataclass
class Ward:
    """One patient, Ada, and the services with store, actor and clock filled in."""

    panel: SmallPanel
    clock: FixedClock

    def __getattr__(self, name: str) -> Callable[..., object]:
        service = getattr(discharges, name)
        return lambda *words, **facts: service(*words, **facts, **self.services)

    @property
    def services(self) -> dict[str, object]:
        return {"store": self.panel.store, "actor": self.panel.actor(), "clock": self.clock}

    def leave(self, on: date = MONDAY, **more: object) -> str:
        made = discharges.record_discharge(
            "pt-1",
            discharged_on=on,
            **{
                "discharged_from": DischargedFrom.INPATIENT_ACUTE,
                "discharged_to": DischargedTo.HOME,
            }
            | more,
            **self.services,
        )
        return made.id

    def try_at(self, discharge_id: str, day: int, hour: int, outcome: ContactOutcome) -> None:
        discharges.record_discharge_contact(
            discharge_id, at=at(day, hour), outcome=outcome, by="rn-1", **self.services
        )

    def see(self, discharge_id: str, on: date, level: MdmLevel = MdmLevel.MODERATE) -> None:
        discharges.record_discharge_visit(
            discharge_id, on=on, by="dr-1", modality=VisitModality.IN_PERSON, mdm=level,
            **self.services,
        )  # fmt: skip

    def held(self, discharge_id: str) -> Discharge:
        found = chart("pt-1", month=NOVEMBER, store=self.panel.store, actor=self.panel.actor())
        return next(one for one in found.discharges if one.id == discharge_id)

    def month(self, month: ServiceMonth = NOVEMBER) -> PatientMonth:
        return patient_month(
            "pt-1", month=month, explain=True, rule_book=load_rule_book(), **self.services
        )

    def rows(self, month: ServiceMonth = NOVEMBER) -> tuple[BoardRow, ...]:
        found = board(month=month, program=Program.TCM, rule_book=load_rule_book(), **self.services)
        return found.rows

    def codes(self) -> list[str]:
        return [line.code for line in self.month().determination.lines]

    def reasons(self) -> set[Reason]:
        return {each.reason for each in self.month().determination.blocked}

    def refused(self, code: str, attempt: Callable[[], object]) -> None:
        with pytest.raises(CommandRefusedError) as caught:
            attempt()
        assert caught.value.code == code


@pytest.fixture
def ward(store: Store) -> Ward:
    panel = SmallPanel(store)
    panel.add(panel.patient("pt-1"))
    return Ward(panel, FixedClock(datetime(2026, 11, 20, 17, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("on", "level", "code"),
    [
        (date(2026, 11, 9), MdmLevel.HIGH, "99496"),  # day 7
        (date(2026, 11, 10), MdmLevel.HIGH, "99495"),  # day 8
        (date(2026, 11, 16), MdmLevel.MODERATE, "99495"),  # day 14
        (date(2026, 11, 17), MdmLevel.MODERATE, None),  # day 15
        (date(2026, 11, 9), MdmLevel.LOW, None),
    ],
)
def test_two_failed_attempts_a_visit_and_a_reconciliation_bill(
    ward: Ward, on: date, level: MdmLevel, code: str | None
) -> None:
    leaving = ward.leave()
    for hour in (15, 16):
        ward.try_at(leaving, 4, hour, ContactOutcome.ATTEMPTED)  # the second business day
    ward.see(leaving, on, level)
    assert Reason.TCM_MEDICATION_RECONCILIATION in ward.reasons()
    ward.record_reconciliation(leaving, on=on)
    assert ward.codes() == ([code] if code else [])
    warned = {each.reason for each in ward.month().determination.warnings}
    assert Reason.TCM_KEEP_TRYING in warned


@pytest.mark.parametrize(
    ("day", "hour", "is_made"),
    [(2, 15, False), (3, 15, True), (4, 23, True), (5, 5, False)],  # 5:00 UTC is midnight
)
def test_a_contact_counts_from_the_day_after_to_the_second_business_day(
    ward: Ward, day: int, hour: int, is_made: bool
) -> None:
    leaving = ward.leave()
    ward.try_at(leaving, day, hour, ContactOutcome.REACHED)
    (row,) = ward.rows()
    assert {step.step: step.is_done for step in row.steps}["contact"] is is_made


@pytest.mark.parametrize(
    ("month", "is_shown"),
    [
        (ServiceMonth(2026, 10), False),
        (NOVEMBER, True),
        (ServiceMonth(2026, 12), True),  # day 30 is December 1
        (ServiceMonth(2027, 1), False),
    ],
)
def test_the_board_knows_the_days_of_a_discharge(
    ward: Ward, month: ServiceMonth, is_shown: bool
) -> None:
    leaving = ward.leave(date(2026, 11, 2))
    rows = ward.rows(month)
    assert bool(rows) is is_shown
    for row in rows:
        assert row.deadlines is not None
        assert row.deadlines.discharge == leaving
        assert (row.deadlines.contact_by, row.deadlines.last_day) == (
            date(2026, 11, 4),
            date(2026, 12, 1),
        )
        assert row.discharged_on == MONDAY


def test_the_same_attempt_sent_twice_is_one_and_can_be_corrected_and_taken_back(ward: Ward) -> None:
    leaving = ward.leave()
    for _ in range(2):
        ward.try_at(leaving, 3, 15, ContactOutcome.ATTEMPTED)
    assert len(ward.held(leaving).contacts) == 1
    ward.correct_discharge_contact(
        leaving, was_at=at(3, 15), at=at(4, 15), outcome=ContactOutcome.REACHED, by="dr-1"
    )
    (contact,) = ward.held(leaving).contacts
    assert (contact.at, contact.outcome, contact.by) == (at(4, 15), ContactOutcome.REACHED, "dr-1")
    with pytest.raises(NotFoundError):
        ward.take_back_contact(leaving, at=at(3, 15))
    ward.take_back_contact(leaving, at=at(4, 15))
    assert ward.held(leaving).contacts == ()


def test_a_contact_lies_after_the_discharge_and_not_ahead(ward: Ward) -> None:
    leaving = ward.leave(date(2026, 11, 20))
    for when, code in (
        (at(19, 15), "END_BEFORE_START"),
        (at(20, 18), "TIME_IN_FUTURE"),
        (at(21, 15), "DAY_IN_FUTURE"),
    ):
        ward.refused(
            code, lambda when=when: ward.record_discharge_contact(leaving, at=when, by="rn-1")
        )
    ward.record_discharge_contact(leaving, at=at(20, 17), by="rn-1")


def test_a_wrong_day_is_corrected_and_the_deadlines_move_with_it(ward: Ward) -> None:
    leaving = ward.leave()
    other = ward.leave(date(2026, 11, 12))
    ward.try_at(leaving, 4, 15, ContactOutcome.REACHED)
    kept = {"discharged_from": DischargedFrom.SNF, "discharged_to": DischargedTo.HOME}
    ward.refused(
        "DISCHARGE_RECORDED",
        lambda: ward.correct_discharge(leaving, discharged_on=date(2026, 11, 12), **kept),
    )
    ward.refused(
        "END_BEFORE_START",
        lambda: ward.correct_discharge(leaving, discharged_on=date(2026, 11, 5), **kept),
    )
    ward.refused(
        "DAY_IN_FUTURE",
        lambda: ward.correct_discharge(leaving, discharged_on=date(2026, 11, 21), **kept),
    )
    ward.correct_discharge(
        leaving, discharged_on=date(2026, 11, 3), facility_name="Bluebell Ridge", **kept
    )
    held = ward.held(leaving)
    assert (held.discharged_on, held.discharged_from, held.facility_name) == (
        date(2026, 11, 3), DischargedFrom.SNF, "Bluebell Ridge",
    )  # fmt: skip
    assert len(held.contacts) == 1
    days = {each.discharge: each.contact_by for each in ward.month().determination.deadlines}
    assert days[leaving] == date(2026, 11, 5)
    ward.take_back_discharge(other)
    assert other not in {each.discharge for each in ward.month().determination.deadlines}
    ward.refused("DISCHARGE_IN_USE", lambda: ward.take_back_discharge(leaving))


def test_a_visit_is_taken_back_and_the_reconciliation_stays(ward: Ward) -> None:
    leaving = ward.leave()
    ward.see(leaving, date(2026, 11, 9))
    ward.record_reconciliation(leaving, on=date(2026, 11, 8))
    ward.take_back_visit(leaving)
    held = ward.held(leaving)
    assert (held.visit, held.mdm, held.medications_reconciled_on) == (
        None, None, date(2026, 11, 8),
    )  # fmt: skip
    ward.record_reconciliation(leaving, on=None)
    assert ward.held(leaving).medications_reconciled_on is None
    ward.refused(
        "END_BEFORE_START", lambda: ward.record_reconciliation(leaving, on=date(2026, 11, 1))
    )


@pytest.mark.parametrize(("by", "is_barred"), [("dr-1", True), ("other", False)])
def test_the_visit_may_not_be_on_the_day_the_same_person_managed_the_discharge(
    ward: Ward, by: str, is_barred: bool
) -> None:
    leaving = ward.leave()
    ward.see(leaving, MONDAY)
    ward.refused(
        "PRACTITIONER_NEEDED", lambda: ward.record_discharge_management(leaving, on=MONDAY)
    )
    ward.record_discharge_management(leaving, on=MONDAY, by=by)
    barred = Reason.TCM_VISIT_ON_DISCHARGE_MANAGEMENT_DAY in ward.reasons()
    assert barred is is_barred
    ward.record_discharge_management(leaving, on=None)
    assert ward.held(leaving).discharge_day_management_by is None
    assert Reason.TCM_VISIT_ON_DISCHARGE_MANAGEMENT_DAY not in ward.reasons()


def test_of_two_discharges_within_thirty_days_one_is_billed_and_the_answer_says_why(
    ward: Ward,
) -> None:
    first, second = ward.leave(date(2026, 11, 2)), ward.leave(date(2026, 11, 11))
    ward.record_readmission(first, on=date(2026, 11, 9))
    for leaving, day in ((first, 4), (second, 13)):
        ward.try_at(leaving, day, 15, ContactOutcome.REACHED)
        ward.see(leaving, date(2026, 11, day + 2))
        ward.record_reconciliation(leaving, on=date(2026, 11, day + 2))
    found = ward.month().determination
    assert [line.date_of_service for line in found.lines] == [date(2026, 11, 6)]
    (choice,) = found.decisions_needed
    assert choice.options == (first, second)
    assert Reason.TCM_DUPLICATE_30_DAYS in ward.reasons()
    assert {row.discharge for row in ward.rows()} == {first, second}
    ward.refused("END_BEFORE_START", lambda: ward.record_readmission(first, on=date(2026, 11, 1)))


@pytest.mark.parametrize(
    ("died_on", "is_barred"), [(date(2026, 11, 17), True), (date(2026, 11, 18), False)]
)
def test_a_death_before_the_thirtieth_day_bars_the_claim(
    ward: Ward, died_on: date, is_barred: bool
) -> None:
    leaving = ward.leave(date(2026, 10, 20))  # its thirty days end on November 18
    discharges.record_discharge_contact(
        leaving, at=at(21, 15, month=10), outcome=ContactOutcome.REACHED, by="rn-1",
        **ward.services,
    )  # fmt: skip
    ward.see(leaving, date(2026, 11, 2))
    ward.record_reconciliation(leaving, on=date(2026, 11, 2))
    assert ward.codes() == ["99495"]
    ward.record_death("pt-1", on=died_on)
    assert (ward.codes() == []) is is_barred
    ward.record_death("pt-1", on=None)
    assert ward.codes() == ["99495"]
    ward.refused("END_BEFORE_START", lambda: ward.record_death("pt-1", on=date(1950, 1, 31)))
    ward.refused("DAY_IN_FUTURE", lambda: ward.record_death("pt-1", on=date(2026, 11, 21)))


def test_a_stay_is_corrected_and_taken_back(ward: Ward) -> None:
    made = discharges.record_facility_stay(
        "pt-1", admitted_on=date(2026, 11, 3), kind=StayKind.INPATIENT, **ward.services
    )
    ward.refused(
        "END_BEFORE_START",
        lambda: ward.correct_facility_stay(
            made.id, admitted_on=date(2026, 11, 5), discharged_on=date(2026, 11, 4),
            kind=StayKind.INPATIENT,
        ),
    )  # fmt: skip
    ward.refused(
        "DAY_IN_FUTURE",
        lambda: ward.correct_facility_stay(
            made.id, admitted_on=date(2026, 11, 21), kind=StayKind.INPATIENT
        ),
    )
    ward.correct_facility_stay(
        made.id, admitted_on=date(2026, 11, 4), discharged_on=date(2026, 11, 4),
        kind=StayKind.OBSERVATION,
    )  # fmt: skip
    panel = ward.panel
    found = chart("pt-1", month=NOVEMBER, store=panel.store, actor=panel.actor())
    (stay,) = found.stays
    assert (stay.admitted_on, stay.discharged_on, stay.kind) == (
        date(2026, 11, 4), date(2026, 11, 4), StayKind.OBSERVATION,
    )  # fmt: skip
    ward.take_back_facility_stay(made.id)
    assert not chart("pt-1", month=NOVEMBER, store=panel.store, actor=panel.actor()).stays


def test_what_is_not_said_of_a_discharge_stays_unknown(ward: Ward) -> None:
    leaving = ward.leave(discharged_from=UNKNOWN, discharged_to=UNKNOWN)
    held = ward.held(leaving)
    assert held.discharged_from is UNKNOWN
    assert held.discharged_to is UNKNOWN
