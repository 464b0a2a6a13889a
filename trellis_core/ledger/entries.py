"""A time entry, as the rules and the screens see it."""

from dataclasses import dataclass
from datetime import date, datetime

from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEntry:
    """Immutable seconds of work by one person for one patient and program.

    Attributes:
        id: The id that the form made; also its idempotency key.
        staff_id: Who did the work; None for nobody.
        started_at: Aware instant.
        seconds: Whole seconds of work, 1 to 86,400.
        condition: PCM: the condition the work was about; None for the enrolled one.
        patients_sharing: Patients among whom one activity is divided.
        billed_elsewhere: Part of a separately billed service.
        separate_from_visit: Attested to be apart from a visit that day; None where not stated.
        contact: Whether patient or caregiver was spoken to; None where not stated.
        recorded_at: When it was written down, by the server's clock.
        replaces: The entry that this one corrects.
        is_reversed: A reversal of this entry is in the ledger.
        reason: Why it was taken back, or why it replaces another entry; empty where withheld.
        is_note_withheld: Its note is on record and shown to nobody any more.
        is_estimated: The length was estimated after a forgotten timer.
        author_id: Who recorded it.
        parent: The entry id that a division at month's end came from.
        seq: Its place in the practice's ledger.
        code: First eight hex digits of its hash: the receipt shown to the person.
    """

    id: str
    program: Program
    staff_id: str | None
    started_at: datetime
    seconds: int
    activity: Activity
    patient_id: str = ""
    note: str = ""
    condition: str | None = None
    patients_sharing: int = 1
    billed_elsewhere: bool = False
    separate_from_visit: bool | None = None
    contact: ContactState | None = None
    recorded_at: datetime | None = None
    replaces: str | None = None
    is_reversed: bool = False
    reason: str = ""
    is_note_withheld: bool = False
    is_estimated: bool = False
    mode: EntryMode = EntryMode.TYPED
    author_id: str | None = None
    parent: str | None = None
    service_day: date | None = None
    seq: int | None = None
    code: str = ""
