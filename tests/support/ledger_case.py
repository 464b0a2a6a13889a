"""A small practice with people, for tests of time and of the ledger."""

from datetime import UTC, datetime

from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.services.time_log import LogTime
from trellis_core.store.engine import Store
from trellis_core.store.tables import PatientRow, PracticeRow, StaffRow
from trellis_core.values.ids import new_entry_id

MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)
NURSE = Actor(practice_id="practice-1", person_id="staff-nurse", role=AccessRole.COORDINATOR)
OTHER_NURSE = Actor(practice_id="practice-1", person_id="staff-other", role=AccessRole.COORDINATOR)
OWNER = Actor(practice_id="practice-1", person_id="staff-owner", role=AccessRole.OWNER)
BILLER = Actor(practice_id="practice-1", person_id="staff-biller", role=AccessRole.BILLER)
AUDITOR = Actor(practice_id="practice-1", person_id="staff-auditor", role=AccessRole.AUDITOR)
STRANGER = Actor(practice_id="practice-2", person_id="staff-stranger", role=AccessRole.OWNER)


def fill(store: Store, *, time_zone: str = "America/New_York", patients: int = 3) -> None:
    """Write two practices, their people and the first one's patients."""
    with store.writing(at=MADE_AT) as unit:
        for practice_id in ("practice-1", "practice-2"):
            unit.session.add(
                PracticeRow(id=practice_id, name="Example", time_zone=time_zone, created_at=MADE_AT)
            )
        for actor in (NURSE, OTHER_NURSE, OWNER, BILLER, AUDITOR, STRANGER):
            unit.session.add(
                StaffRow(
                    practice_id=actor.practice_id,
                    id=actor.person_id,
                    role="clinical_staff",
                    access=actor.role.value,
                )
            )
        for number in range(1, patients + 1):
            unit.session.add(
                PatientRow(
                    practice_id="practice-1",
                    id=f"pt-{number}",
                    mrn=f"M{number}",
                    family_name="Example",
                    created_at=MADE_AT,
                )
            )


def work(**changes: object) -> LogTime:
    """Return twenty minutes by the nurse on 3 November 2026, 10:00 in New York, changed as asked."""
    fields: dict[str, object] = {
        "entry_id": new_entry_id(),
        "patient_id": "pt-1",
        "program": Program.CCM,
        "staff_id": NURSE.person_id,
        "started_at": datetime(2026, 11, 3, 15, 0, tzinfo=UTC),
        "seconds": 1200,
        "activity": Activity.CARE_COORDINATION,
    }
    return LogTime(**(fields | changes))  # type: ignore[arg-type]
