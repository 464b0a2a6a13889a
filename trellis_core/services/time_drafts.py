"""Turning work into entries of the ledger: what every way to record time has in common.

What was acknowledged is on the disk. The form makes the entry's id, so that a form sent twice is
one entry. Work that crosses the end of a month in the practice's zone becomes two entries.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, exists, select

from trellis_core.access import Actor
from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.errors import (
    CommandRefusedError,
    DuplicateCommandError,
    InvalidPeriodError,
    NotFoundError,
)
from trellis_core.ledger.chain import EntryBody, EntryKind, stored_text
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services.closed_months import ENTRY_NOT_SAVED, refusing_closed
from trellis_core.store.ledger_query import find_entry, was_written_with
from trellis_core.store.mapping import entry_of, instant_of
from trellis_core.store.tables import PatientRow, PracticeRow, StaffRow
from trellis_core.store.unit_of_work import Appended, Draft, UnitOfWork
from trellis_core.values.ids import derived_entry_id
from trellis_core.values.periods import ServiceMonth, local_day, zone_named

LONGEST_SECONDS: Final = 86_400
LONGEST_NOTE: Final = 4_000
MOST_SHARING: Final = 1_000
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
AFTER_MONTH_END: Final = "after-month-end"
_FIRST_YEAR: Final = 2000
_ENTRY_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTime:
    """A piece of work to record.

    Attributes:
        entry_id: Made by the form, once; the same id with the same content is the same entry.
        staff_id: Who did the work.
        started_at: Aware instant; parts of a second are dropped.
        seconds: 1 to 86,400.
        condition: PCM: the condition the work was about; None for the enrolled one.
        patients_sharing: Patients among whom the activity is divided.
        separate_from_visit: Attested to be apart from a visit that day; None where not stated.
        contact: Whether patient or caregiver was spoken to; None where not stated.
        is_estimated: The length was estimated after a forgotten timer.
    """

    entry_id: str
    patient_id: str
    program: Program
    staff_id: str
    started_at: datetime
    seconds: int
    activity: Activity
    note: str = ""
    condition: str | None = None
    patients_sharing: int = 1
    billed_elsewhere: bool = False
    separate_from_visit: bool | None = None
    contact: ContactState | None = None
    mode: EntryMode = EntryMode.TYPED
    is_estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The acknowledgement of a saved entry: given only when it is on the disk.

    Attributes:
        entry: The entry; of a void, the entry that was taken back.
        number: Its place in the practice's ledger.
        code: First eight hex digits of its hash. Worth noting down.
        created: False where the same command had been saved before.
        also: The patient's further entries: after pauses, and after month's end.
    """

    entry: TimeEntry
    number: int
    code: str
    created: bool
    also: tuple[TimeEntry, ...] = ()

    @property
    def seconds(self) -> int:
        """Everything that was saved, parts together."""
        return self.entry.seconds + sum(part.seconds for part in self.also)


def shared_among(
    parts: Sequence[LogTime], patient_ids: Iterable[str]
) -> tuple[tuple[LogTime, ...], ...]:
    """Return the parts of an activity once for each of its patients, who share it.

    The first patient's entries keep their ids; the others' follow from them.

    Args:
        parts: What was done for the first patient.
        patient_ids: The other patients; the first one among them changes nothing.
    """
    first = parts[0].patient_id
    everyone = dict.fromkeys((first, *patient_ids))
    sharing = len(everyone) if len(everyone) > 1 else parts[0].patients_sharing
    return tuple(
        tuple(
            replace(
                part,
                entry_id=part.entry_id
                if patient_id == first
                else shared_id(part.entry_id, patient_id),
                patient_id=patient_id,
                patients_sharing=sharing,
            )
            for part in parts
        )
        for patient_id in everyone
    )


def shared_id(entry_id: str, patient_id: str) -> str:
    """Return the id of another patient's entry of a shared activity."""
    return derived_entry_id(entry_id, f"with/{patient_id}")


def save_once(
    unit: UnitOfWork,
    work: Sequence[Sequence[LogTime]],
    *,
    actor: Actor,
    now: datetime,
    lost: str = ENTRY_NOT_SAVED,
) -> tuple[Receipt, ...]:
    """Append everything that one form says, or nothing; return what a first sending had saved.

    Args:
        unit: A writing unit of work.
        work: For each patient the parts of the work, in order. The first part's id is the parent
            of all entries of a patient who has several.
        actor: Who records it.
        now: The server's time.
        lost: What did not happen if it is refused, as the end of a sentence.

    Returns:
        One receipt for each patient.

    Raises:
        NotFoundError: No such patient or person in the practice.
        CommandRefusedError: The work cannot have been as stated.
        DuplicateCommandError: The form's id was used for something else.
        MonthClosedError: A month of the work is closed.
    """
    groups: list[tuple[Draft, ...]] = []
    zones = [
        require_known(unit, actor.practice_id, parts[0].patient_id, staff_id=parts[0].staff_id)
        for parts in work
    ]
    for parts, zone in zip(work, zones, strict=True):
        made = [
            draft
            for part in parts
            for draft in drafts_of(
                part,
                zone=zone,
                practice_id=actor.practice_id,
                author_id=actor.person_id,
                now=now,
            )
        ]
        groups.append(_of_one_parent(made))
    drafts = [draft for group in groups for draft in group]
    before = saved_before(unit, drafts)
    added = iter(before or append_open(unit, drafts, zone=zones[0], lost=lost))
    return tuple(
        receipt_of(list(islice(added, len(group))), created=before is None) for group in groups
    )


def _of_one_parent(drafts: Sequence[Draft]) -> tuple[Draft, ...]:
    """Name the first of several entries of one piece of work as the parent of them all."""
    if len(drafts) == 1:
        return tuple(drafts)
    parent = drafts[0].body.entry_id
    return tuple(replace(draft, body=replace(draft.body, parent=parent)) for draft in drafts)


def append_open(
    unit: UnitOfWork, parts: Sequence[Draft], *, zone: ZoneInfo, lost: str
) -> tuple[Appended, ...]:
    """Append entries of open months, all of them or none.

    Raises:
        MonthClosedError: A month of one of them is closed.
    """
    months = {ServiceMonth.from_ym(part.body.ym) for part in parts}
    with refusing_closed(unit, parts[0].body.practice_id, months, zone=zone, lost=lost):
        return unit.ledger.append(parts)


def drafts_of(
    command: LogTime,
    *,
    zone: ZoneInfo,
    practice_id: str,
    author_id: str | None,
    now: datetime,
    replaces: str | None = None,
) -> tuple[Draft, ...]:
    """Return the entry of a piece of work, or its two parts where it crosses month's end.

    For imports as well: nothing else may turn work into entries.

    Args:
        command: The work.
        zone: The practice's time zone.
        practice_id: Whose ledger.
        author_id: Who records it.
        now: The server's time.
        replaces: The entry that it corrects.

    Raises:
        CommandRefusedError: The work cannot have been as stated.
    """
    _refuse_impossible(command, now=now)
    start = int(command.started_at.timestamp())
    month = ServiceMonth.of(local_day(instant_of(start), zone))
    boundary = int(month.ends_at(zone).timestamp())
    is_divided = start + command.seconds > boundary
    whole = EntryBody(
        practice_id=practice_id,
        seq=0,
        entry_id=command.entry_id,
        kind=EntryKind.TIME,
        program=command.program,
        patient_id=command.patient_id,
        staff_id=command.staff_id or None,
        author_id=author_id,
        started_at=start,
        seconds=boundary - start if is_divided else command.seconds,
        service_day=local_day(instant_of(start), zone).isoformat(),
        ym=month.ym,
        activity=command.activity,
        mode=command.mode,
        condition=command.condition,
        patients_sharing=command.patients_sharing,
        billed_elsewhere=command.billed_elsewhere,
        separate_from_visit=command.separate_from_visit,
        contact=command.contact,
        is_estimated=command.is_estimated,
        reverses=None,
        replaces=replaces,
        parent=command.entry_id if is_divided else None,
        note_hmac=None,
        recorded_at=int(now.timestamp()),
    )
    note = stored_text(command.note)
    if not is_divided:
        return (Draft(body=whole, note=note),)
    rest = replace(
        whole,
        entry_id=derived_entry_id(command.entry_id, AFTER_MONTH_END),
        started_at=boundary,
        seconds=start + command.seconds - boundary,
        service_day=month.following.first_day.isoformat(),
        ym=month.following.ym,
    )
    return (Draft(body=whole, note=note), Draft(body=rest, note=note))


def content_of(body: EntryBody, note: str) -> tuple[EntryBody, str]:
    """Return what a command decides of an entry: all but its place, its hour and the note's salt."""
    return replace(body, seq=0, recorded_at=0, note_hmac=None), note


def saved_before(unit: UnitOfWork, parts: Sequence[Draft]) -> tuple[Appended, ...] | None:
    """Return the entries of a command that was saved before; None for a new one.

    Raises:
        DuplicateCommandError: Its id was used for something else.
    """
    found = [find_entry(unit, part.body.practice_id, part.body.entry_id) for part in parts]
    if not any(found):
        return None
    saved = tuple(one for one in found if one is not None)
    is_same = len(saved) == len(parts) and all(
        content_of(one.body, "") == content_of(part.body, "")
        and was_written_with(unit, one, stored_text(part.note))
        for one, part in zip(saved, parts, strict=True)
    )
    if not is_same:
        raise DuplicateCommandError(parts[-1].body.parent or parts[-1].body.entry_id)
    return saved


def receipt_of(added: Sequence[Appended], *, created: bool, reason: str = "") -> Receipt:
    """Return the receipt of one patient's entries.

    Args:
        added: The entries in their places.
        created: They were not saved before.
        reason: Why they replace an earlier one.
    """
    first, *rest = (
        entry_of(one.body, digest=one.hash, note=one.note, reason=reason) for one in added
    )
    return Receipt(
        entry=first,
        number=added[0].body.seq,
        code=first.code,
        created=created,
        also=tuple(rest),
    )


def _refuse_impossible(command: LogTime, *, now: datetime) -> None:
    """Refuse work that cannot have been; whether it counts is for the rules."""
    refuse_odd_id(command.entry_id)
    if command.started_at.tzinfo is None:
        raise InvalidPeriodError("The start of the work has no offset from UTC. Add it.")
    if not 1 <= command.seconds <= LONGEST_SECONDS:
        raise CommandRefusedError(
            "SECONDS_OUT_OF_RANGE",
            "The work must have taken at least a second and at most 24 hours. Check the minutes.",
        )
    if command.started_at.year < _FIRST_YEAR:
        raise InvalidPeriodError(
            f"The work starts before {_FIRST_YEAR}. Check the year of its start."
        )
    if command.started_at > now + CLOCK_TOLERANCE:
        raise CommandRefusedError(
            "STARTS_IN_FUTURE",
            "The work starts in the future. Record it when it is done, or check day and time.",
        )
    if not 1 <= command.patients_sharing <= MOST_SHARING:
        raise CommandRefusedError(
            "SHARING_OUT_OF_RANGE",
            f"The activity is shared by 1 to {MOST_SHARING} patients. Check their number.",
        )
    if len(command.note) > LONGEST_NOTE:
        raise CommandRefusedError(
            "NOTE_TOO_LONG", f"The note is longer than {LONGEST_NOTE} characters. Shorten it."
        )


def refuse_odd_id(entry_id: str) -> None:
    """Refuse an id that nothing but a form's id can be.

    Raises:
        CommandRefusedError: It has other characters, or too many.
    """
    if _ENTRY_ID.fullmatch(entry_id) is None:
        raise CommandRefusedError(
            "ENTRY_ID_MALFORMED",
            "An entry's id is up to 64 letters, digits, dots, colons, hyphens and underscores; "
            "a UUID is best.",
        )


_PRACTICE: Final = PracticeRow.__table__.c  # type: ignore[attr-defined] # made by the mapper
_PATIENT: Final = PatientRow.__table__.c  # type: ignore[attr-defined]
_STAFF: Final = StaffRow.__table__.c  # type: ignore[attr-defined]
_KNOWN: Final = select(
    _PRACTICE.time_zone,
    exists()
    .where(_PATIENT.practice_id == _PRACTICE.id, _PATIENT.id == bindparam("patient_id"))
    .label("has_patient"),
    exists()
    .where(_STAFF.practice_id == _PRACTICE.id, _STAFF.id == bindparam("staff_id"))
    .label("has_staff"),
    exists()
    .where(
        _PATIENT.practice_id == _PRACTICE.id,
        _PATIENT.id == bindparam("patient_id"),
        _PATIENT.merged_into.is_not(None),
    )
    .label("is_merged"),
).where(_PRACTICE.id == bindparam("practice_id"))
"""What every entry asks of its practice, in one statement that is put together once."""


def require_known(
    unit: UnitOfWork, practice_id: str, patient_id: str, *, staff_id: str | None = None
) -> ZoneInfo:
    """See that patient and person are the practice's own; return the practice's time zone.

    Args:
        unit: The unit of work.
        practice_id: Whose.
        patient_id: The patient.
        staff_id: The person; None where nobody new is named.

    Raises:
        NotFoundError: There is no such practice, patient or person.
        CommandRefusedError: New time is for a record that was merged into another.
    """
    found = unit.connection.execute(
        _KNOWN, {"practice_id": practice_id, "patient_id": patient_id, "staff_id": staff_id}
    ).one_or_none()
    if found is None:
        raise NotFoundError("practice", practice_id)
    if not found.has_patient:
        raise NotFoundError("patient", patient_id)
    if staff_id is not None and not found.has_staff:
        raise NotFoundError("staff member", staff_id)
    if staff_id is not None and found.is_merged:
        raise CommandRefusedError(
            "RECORD_MERGED",
            "This record was merged into another and takes no more time. "
            "Record it in the chart that stayed.",
        )
    return zone_named(found.time_zone)
