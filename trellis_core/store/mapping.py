"""Practice, people and time entries between their rows and their frozen values, both ways.

Care records are in ``care_mapping.py``. A null in a row is "not recorded" and becomes ``UNKNOWN``
where the value's type can say so.
"""

from datetime import UTC, date, datetime

from trellis_core.access import AccessRole
from trellis_core.care.people import Practice, StaffMember
from trellis_core.care.vocabulary import (
    Credential,
    DateOfServiceRule,
    PracticeKind,
    Setting,
    StaffRole,
)
from trellis_core.ledger.chain import EntryBody, receipt_code
from trellis_core.ledger.entries import TimeEntry
from trellis_core.store.tables import PracticeRow, StaffRow
from trellis_core.values.unknown import UNKNOWN, Maybe


def practice_of(row: PracticeRow) -> Practice:
    """Return a practice as its row describes it."""
    return Practice(
        id=row.id,
        name=row.name,
        npi=row.npi,
        tin=row.tin,
        address_line=row.address_line,
        city=row.city,
        postal_code=row.postal_code,
        phone=row.phone,
        time_zone=row.time_zone,
        state=row.state,
        locality=row.locality,
        setting=Setting(row.setting),
        qualifying_apm=row.qualifying_apm,
        kind=PracticeKind(row.kind),
        date_of_service=DateOfServiceRule(row.date_of_service),
        place_of_service=row.place_of_service,
        tcm_hold_until_day_30=row.tcm_hold_until_day_30,
        around_the_clock_access=_known(row.around_the_clock_access),
        certified_ehr=_known(row.certified_ehr),
        apcm_capabilities=_known(row.apcm_capabilities),
        performance_reporting=_known(row.performance_reporting),
        is_sample=row.is_sample,
    )


def practice_row(
    practice: Practice, *, created_at: datetime, row: PracticeRow | None = None
) -> PracticeRow:
    """Write a practice into its row.

    Args:
        practice: The practice.
        created_at: When it was first stored; kept where a row is given.
        row: The row to change; None for a first one.
    """
    row = row or PracticeRow(id=practice.id, name=practice.name, created_at=created_at)
    row.name = practice.name
    row.npi = practice.npi
    row.tin = practice.tin
    row.address_line = practice.address_line
    row.city = practice.city
    row.postal_code = practice.postal_code
    row.phone = practice.phone
    row.time_zone = practice.time_zone
    row.state = practice.state
    row.locality = practice.locality
    row.setting = practice.setting.value
    row.qualifying_apm = practice.qualifying_apm
    row.kind = practice.kind.value
    row.date_of_service = practice.date_of_service.value
    row.place_of_service = practice.place_of_service
    row.tcm_hold_until_day_30 = practice.tcm_hold_until_day_30
    row.around_the_clock_access = _null(practice.around_the_clock_access)
    row.certified_ehr = _null(practice.certified_ehr)
    row.apcm_capabilities = _null(practice.apcm_capabilities)
    row.performance_reporting = _null(practice.performance_reporting)
    row.is_sample = practice.is_sample
    return row


def staff_of(row: StaffRow) -> StaffMember:
    """Return a person as their row describes them."""
    return StaffMember(
        id=row.id,
        role=StaffRole(row.role),
        credential=UNKNOWN if row.credential is None else Credential(row.credential),
        npi=row.npi,
        given_name=row.given_name,
        family_name=row.family_name,
        access=None if row.access is None else AccessRole(row.access),
        is_active=row.is_active,
    )


def staff_row(member: StaffMember, *, practice_id: str, row: StaffRow | None = None) -> StaffRow:
    """Write a person into their row; how they sign in is left as it is.

    Args:
        member: The person.
        practice_id: Whom they work for.
        row: The row to change; None for a first one.
    """
    row = row or StaffRow(practice_id=practice_id, id=member.id, role=member.role.value)
    row.role = member.role.value
    row.credential = None if member.credential is UNKNOWN else member.credential.value
    row.npi = member.npi
    row.given_name = member.given_name
    row.family_name = member.family_name
    row.access = None if member.access is None else member.access.value
    row.is_active = member.is_active
    return row


def instant_of(epoch: int) -> datetime:
    """Return the instant of so many seconds since 1970-01-01T00:00Z.

    Example:
        >>> instant_of(0).isoformat()
        '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(epoch, UTC)


def entry_of(
    body: EntryBody,
    *,
    digest: bytes,
    note: str = "",
    is_reversed: bool = False,
    reason: str = "",
) -> TimeEntry:
    """Return a time entry as the rules and the screens see it.

    Args:
        body: What the ledger holds.
        digest: The entry's hash.
        note: Its words.
        is_reversed: A reversal of it is in the ledger.
        reason: Why it was taken back, or why it replaces another.
    """
    return TimeEntry(
        id=body.entry_id,
        program=body.program,
        staff_id=body.staff_id,
        started_at=instant_of(body.started_at),
        seconds=body.seconds,
        activity=body.activity,
        patient_id=body.patient_id,
        note=note,
        condition=body.condition,
        patients_sharing=body.patients_sharing,
        billed_elsewhere=body.billed_elsewhere,
        separate_from_visit=body.separate_from_visit,
        contact=body.contact,
        recorded_at=instant_of(body.recorded_at),
        replaces=body.replaces,
        is_reversed=is_reversed,
        reason=reason,
        is_estimated=body.is_estimated,
        mode=body.mode,
        author_id=body.author_id,
        parent=body.parent,
        service_day=date.fromisoformat(body.service_day),
        seq=body.seq,
        code=receipt_code(digest),
    )


def _known(value: bool | None) -> Maybe[bool]:  # noqa: FBT001 - a stored fact, not a switch
    return UNKNOWN if value is None else value


def _null(value: Maybe[bool]) -> bool | None:
    return None if value is UNKNOWN else value
