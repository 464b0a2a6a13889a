"""A practice with people of every kind and an enrolled patient, for tests of tasks, notes and time."""

from datetime import UTC, date, datetime

from tests.support.ledger_case import MADE_AT, NURSE, fill
from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import Program
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    EnrollmentRow,
    RestrictedChartRow,
    RunningTimerRow,
    StaffRow,
    TimerPartRow,
    TrellisTable,
)

PRACTICE = "practice-1"
NOW = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)
CONSULTANT = Actor(
    practice_id=PRACTICE,
    person_id="staff-psych",
    role=AccessRole.OWN_WORK,
    is_psychiatric_consultant=True,
)
DOCTOR = Actor(
    practice_id=PRACTICE,
    person_id="staff-doctor",
    role=AccessRole.OWN_WORK,
    is_billing_practitioner=True,
)


def fill_practice(store: Store) -> None:
    """Write the practice of ``ledger_case``, more people, and pt-1 in CCM, pt-2 in CCM and BHI."""
    fill(store)
    put(
        store,
        _person("staff-psych", "psychiatric_consultant", "own_work"),
        _person("staff-doctor", "billing_practitioner", "own_work"),
        _person("staff-helper", "non_clinical", "own_work"),
        _person("staff-former", "clinical_staff", "coordinator", is_active=False),
        _person("staff-none", "clinical_staff", None),
        enrolled("pt-1", Program.CCM),
        enrolled("pt-2", Program.CCM),
        enrolled("pt-2", Program.BHI),
    )


def put(store: Store, *rows: TrellisTable) -> None:
    """Write rows past the services."""
    with store.writing(at=MADE_AT) as unit:
        unit.session.add_all(rows)


def _person(staff_id: str, role: str, access: str | None, *, is_active: bool = True) -> StaffRow:
    return StaffRow(
        practice_id=PRACTICE, id=staff_id, role=role, access=access, is_active=is_active
    )


def enrolled(
    patient_id: str,
    program: Program,
    *,
    since: date = date(2026, 1, 5),
    until: date | None = None,
) -> EnrollmentRow:
    """Return an enrollment."""
    return EnrollmentRow(
        practice_id=PRACTICE,
        id=f"{patient_id}-{program.value}",
        patient_id=patient_id,
        program=program.value,
        started_on=since,
        ended_on=until,
    )


def restricted(patient_id: str, *readers: str) -> RestrictedChartRow:
    """Return a chart's restriction."""
    return RestrictedChartRow(
        practice_id=PRACTICE,
        patient_id=patient_id,
        restricted_by="staff-owner",
        restricted_at=MADE_AT,
        readers=" ".join(readers),
    )


def timer(started_at: datetime, *, paused_at: datetime | None = None) -> RunningTimerRow:
    """Return the nurse's timer, for another patient."""
    return RunningTimerRow(
        practice_id=PRACTICE,
        staff_id=NURSE.person_id,
        entry_id="timer",
        patient_id="pt-3",
        program=Program.CCM.value,
        started_at=started_at,
        paused_at=paused_at,
    )


def part(started_at: datetime, seconds: int) -> TimerPartRow:
    """Return a stretch of the nurse's paused timer."""
    return TimerPartRow(
        practice_id=PRACTICE,
        staff_id=NURSE.person_id,
        number=1,
        started_at=started_at,
        seconds=seconds,
    )
