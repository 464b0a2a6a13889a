"""What an audit packet is made of: plain values, from which its JSON and its PDF are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from trellis_core.care.people import Patient, Practice, StaffMember
from trellis_core.ledger.chain import EntryBody
from trellis_core.ledger.checkpoint import SignedCheckpoint
from trellis_core.rules.determination import Determination
from trellis_core.superbill import Superbill
from trellis_core.values.periods import ServiceMonth


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """A closed patient-month decided again, compared with what its close decided.

    Attributes:
        period: Which close: 0 for the month's first, then the number of the adjustment.
        is_same: The answer is the same; None where it cannot be decided again.
        why_not: Why it cannot be; empty where it can.
        differences: What differs, in sentences without names; first as closed, then as it is now.
        recorded_later: What came after the close and may be why; filled where the answer differs.
        rule_book_version: The edition that the close decided by; empty where it decided nothing.
        fingerprint: That edition's fingerprint.
        program_version: The version of Trellis that decided again.
    """

    period: int
    is_same: bool | None
    why_not: str = ""
    differences: tuple[str, ...] = ()
    recorded_later: tuple[str, ...] = ()
    rule_book_version: str = ""
    fingerprint: str = ""
    program_version: str = ""

    @property
    def words(self) -> str:
        """The result in one sentence."""
        if self.is_same is None:
            return self.why_not
        if self.is_same:
            return "Decided again from the records: the same answer."
        many = len(self.differences)
        return f"Decided again from the records: {many} difference{'s' if many != 1 else ''}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An entry or event as its chain holds it.

    Attributes:
        prev: Hash of the one before, hex.
        hash: Its own, hex.
        body: The canonical text that was hashed.
    """

    seq: int
    prev: str
    hash: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldWords:
    """That a note is shown to nobody any more."""

    at: datetime
    by: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketEntry:
    """A row of the ledger about a patient's month.

    Attributes:
        note: Its words, a reversal's reason; None where there are none or they are withheld.
        salt: With what the note's digest in the body is keyed, hex; None with the note.
        withheld: Since when the words are shown to nobody; None where they are shown.
        counted_seconds: What counted toward the month; None where nothing says so.
        not_counted: Why seconds did not count, in sentences.
        is_reversed: A later row of the month takes it back.
    """

    link: Link
    body: EntryBody
    note: str | None
    salt: str | None
    withheld: WithheldWords | None
    counted_seconds: int | None
    not_counted: tuple[str, ...]
    is_reversed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketSuperbill:
    """A superbill as issued.

    Attributes:
        document: The text that was stored when it was issued.
        sha256: Of that text.
        bill: The same as a value, with the checkpoint that seals its close.
        superseded_by: Number of the version that replaced it.
    """

    number: int
    document: str
    sha256: str
    bill: Superbill
    period: int
    superseded_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketPatient:
    """One patient's month.

    Attributes:
        entries: Every row of the ledger about it, in the ledger's order.
        period: The close whose decision is shown.
        decided: The stored text of what that close decided; None where it decided nothing of them.
        decided_sha256: Of that text; empty for none.
        explained: The same decided again with its trees; None where it cannot be.
        replays: One for each close that issued what is shown.
    """

    patient: Patient
    superbills: tuple[PacketSuperbill, ...]
    entries: tuple[PacketEntry, ...]
    period: int
    decided: str | None
    decided_sha256: str
    explained: Determination | None
    replays: tuple[ReplayResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketClose:
    """A close, and what proves that it issued a superbill, without showing other patients.

    The close's event names the SHA-256 of a text: a line for each patient decided, then one for each
    superbill. The lines of patients stay behind; in their place stands the state of the SHA-256
    algorithm after the whole blocks of 64 bytes that hold nothing but them.

    Attributes:
        by: Who closed, as a staff id; None for the system.
        state: That state, hex.
        hashed: How many bytes came before it.
        rest: The rest of the text, from there on.
        following: Events between the close and its checkpoint; empty where they are not shown.
        checkpoint: The first that seals it; None where none does.
    """

    period: int
    at: datetime
    by: str | None
    ledger_seq: int
    ledger_head: str
    event: Link
    state: str
    hashed: int
    rest: str
    following: tuple[Link, ...]
    checkpoint: SignedCheckpoint | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketContents:
    """Everything that a packet says.

    Attributes:
        made_by: Version of Trellis.
        people: The practice's people by id.
        check_problems: Codes of what the check of the store found; empty where it holds.
        ledger_seq: Number of the practice's last time entry.
        ledger_head: Its hash, hex.
    """

    practice: Practice
    month: ServiceMonth
    made_by: str
    people: Mapping[str, StaffMember]
    closes: tuple[PacketClose, ...]
    patients: tuple[PacketPatient, ...]
    check_problems: tuple[str, ...]
    ledger_seq: int
    ledger_head: str

    @property
    def made_at(self) -> datetime:
        """When the last of the closes was: the same for unchanged data."""
        return max(close.at for close in self.closes)

    def superbills(self) -> Sequence[PacketSuperbill]:
        """Return every superbill shown."""
        return [bill for each in self.patients for bill in each.superbills]
