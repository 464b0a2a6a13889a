"""What a check answers: its report, and how findings are collected, told and remedied."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from trellis_core.store.dialects import POSTGRESQL
from trellis_core.values.findings import Finding, Severity

LISTED_PER_CODE: Final = 100
"""How many findings of one code are listed one by one."""

REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "L001": "Keep the file as it is and compare this place with the last backup, and an entry with the receipt of the person who recorded it.",
        "L002": "Keep the file as it is and look for the missing numbers in the last backup.",
        "L003": "Keep the file as it is: what comes before this place was replaced. Compare with the last backup.",
        "L004": "Keep the file as it is: the end may be missing. Compare with the last backup.",
        "L005": "Keep the file as it is and restore the last backup that passes this check.",
        "L006": "Compare with the last backup. Bills are computed from entries, so none is wrong because of this.",
        "L007": "Compare the words with the last backup; the time is not affected.",
        "L008": "Restore the last backup that passes this check, or reopen the store with the version of Trellis that made it.",
        "L009": "Find out who added it, and remove it or restore the last backup that passes this check.",
        "L010": "Keep the file as it is and compare both entries with the last backup.",
        "L011": "Copy the file to another disk at once and restore the last backup that passes this check.",
        "L012": "Open the record's history: the journal says what was written and by whom. Enter the record anew as it should be, and find out who can reach the file.",
        "L013": "Keep the file as it is: time entries were replaced after this was written. Compare with the last backup.",
        "L014": "Keep the file as it is, compare with the superbills that were sent, and restore the last backup that passes this check.",
        "L015": "Look at the entry: if the work is real, reopen the month and close it again, so that the bill says so; if not, compare with the last backup.",
        "L016": "See that the server's clock is set by the network. The order of the numbers is what counts; nothing is lost.",
        "L017": "Compare with a copy of the checkpoints kept elsewhere. Do not rely on this checkpoint.",
        "L018": "Keep the store as it is: what this checkpoint sealed was rewritten afterwards. Compare with the last backup and with the receipts people noted.",
        "L019": "Keep the store as it is. If a backup was restored on purpose, enter again what is missing; if not, find out who cut the end off and restore the newest backup.",
        "L020": "Leave the dashboard running, which makes one a day, or run 'trellis checkpoint'.",
        "L021": "Run 'trellis checkpoint' to add what the file lacks. Where the file has more than the store, keep both and find out which of the two was set back.",
        "L022": "Ask who made the new key. If nobody did, somebody signs in the practice's name: compare the chains with a copy of the checkpoints kept elsewhere.",
    }
)  # fmt: skip
"""What to do about each finding."""


class Scope(StrEnum):
    """How much is checked: everything, or only what came after the newest checkpoint."""

    ALL = "all"
    SINCE_CHECKPOINT = "since_checkpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeHead:
    """The ends of one practice's chains.

    Attributes:
        entries: How many entries were read.
        head: Hash of the last one, hex.
        events: How many events of the journal were read.
        journal_head: Hash of the last one, hex.
    """

    practice_id: str
    entries: int
    head: str
    events: int
    journal_head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointState:
    """A practice's newest checkpoint.

    Attributes:
        number: Its number; it is also how many there are.
        made_at: When, by the server's clock.
        code: The first eight digits of its digest: what people compare.
        ledger_seq: The last entry that it seals; 0 for none.
        ledger_head: That entry's hash, hex.
        key: The public key that signed it, hex.
        is_in_file: Whether the file outside the store has it; None where no file was read.
    """

    practice_id: str
    number: int
    made_at: datetime
    code: str
    ledger_seq: int
    ledger_head: str
    key: str
    is_in_file: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What a check found.

    Attributes:
        ok: No error was found; warnings may have been.
        entries: How many entries were read, reversals included.
        head: Hash of the last entry, hex; of several practices a digest of their heads.
        findings: Everything that was noticed, in the order of its code and place.
        checked_at: When.
        heads: The ends of each practice's chains.
        events: How many events of the journals were read.
        journal_head: Hash of the last event, hex; of several practices a digest of their heads.
        checkpoints: Each practice's newest checkpoint, where it has one.
        seconds: How long it took.
        scope: What was checked.
    """

    ok: bool
    entries: int
    head: str
    findings: tuple[Finding, ...]
    checked_at: datetime
    heads: tuple[PracticeHead, ...]
    events: int
    journal_head: str
    checkpoints: tuple[CheckpointState, ...]
    seconds: float
    scope: Scope

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings for which it is not intact."""
        return tuple(one for one in self.findings if one.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that do not make it less intact."""
        return tuple(one for one in self.findings if one.severity is not Severity.ERROR)


@dataclass(slots=True)
class Found:
    """Collects findings; of each kind the first hundred one by one, the rest as a number."""

    findings: list[Finding] = field(default_factory=list)
    counted: Counter[tuple[str, Severity]] = field(default_factory=Counter)

    def add(
        self,
        code: str,
        message: str,
        *,
        severity: Severity = Severity.ERROR,
        practice_id: str | None = None,
        chain: str | None = None,
        seq: int | None = None,
        subject_ids: tuple[str, ...] = (),
    ) -> None:
        """Note a finding.

        Args:
            code: A key of ``REMEDIES``.
            message: A sentence without names, birth dates or notes.
            severity: A warning does not make a ledger less intact.
            practice_id: Whose; None for the whole store's.
            chain: ``ledger`` or ``journal``.
            seq: The link of that chain.
            subject_ids: What it is about, as opaque ids.
        """
        self.counted[code, severity] += 1
        if self.counted[code, severity] <= LISTED_PER_CODE:
            self.findings.append(
                Finding(
                    code=code,
                    severity=severity,
                    message=message,
                    subject_ids=subject_ids,
                    seq=seq,
                    practice_id=practice_id,
                    chain=chain,
                )
            )

    def take(self, others: "Found") -> None:
        """Take over what was found elsewhere."""
        self.findings += others.findings
        self.counted += others.counted

    def listed(self) -> tuple[Finding, ...]:
        """Return everything found, by code and place."""
        changed = {
            (one.practice_id, one.chain, one.seq) for one in self.findings if one.code == "L001"
        }
        kept = [
            one
            for one in self.findings
            # What was changed no longer fits its columns either: that is one finding, not two.
            if one.code != "L005" or (one.practice_id, one.chain, one.seq) not in changed
        ]
        kept = _shortened(kept)
        for (code, severity), number in self.counted.items():
            if number > LISTED_PER_CODE:
                kept.append(
                    Finding(
                        code=code,
                        severity=severity,
                        message=f"{number - LISTED_PER_CODE:,} more of this kind are not listed.",
                    )
                )
        return tuple(sorted(kept, key=_place))


def _shortened(findings: list[Finding]) -> list[Finding]:
    counted: Counter[tuple[str, Severity]] = Counter()
    kept = []
    for one in sorted(findings, key=_place):
        counted[one.code, one.severity] += 1
        if counted[one.code, one.severity] <= LISTED_PER_CODE:
            kept.append(one)
    return kept


def _place(one: Finding) -> tuple[object, ...]:
    # The sentence that counts the rest of a code has no place and comes last.
    is_rest = one.message.endswith("more of this kind are not listed.")
    return (one.code, is_rest, one.practice_id or "", one.chain or "", one.seq or 0)


@contextmanager
def surviving(found: Found, connection: Connection, part: str) -> Iterator[None]:
    """Go on with the next part when the file is too damaged for one.

    Args:
        found: Where that is noted.
        connection: To the store.
        part: What the next lines read, as a sentence's subject.
    """
    driver_error: type[Exception] = connection.dialect.loaded_dbapi.Error
    savepoint = connection.begin_nested() if connection.dialect.name == POSTGRESQL else None
    try:
        yield
    except (DBAPIError, driver_error) as error:
        if savepoint is not None:
            savepoint.rollback()
        found.add("L011", f"{part} cannot be read: {_told(error)}.")
    else:
        if savepoint is not None:
            savepoint.rollback()


def _told(error: Exception) -> str:
    """Return what the database said, without the contents that it may repeat."""
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    return said.split(" with text ", maxsplit=1)[0].splitlines()[0].rstrip(".")
