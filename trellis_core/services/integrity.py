"""Proving that nothing in the ledger was changed, removed or put in between.

Reads every entry once, as raw rows: recomputes each hash, follows the chain to the head, compares
the columns, notes and roll-ups with the hashed bodies, and the guards with those that this version
installs. Everything is reported, not the first thing found.

What it cannot see: a whole chain, or its end, rewritten with new hashes by someone who also moved
the head. The receipts people noted down, and copies of the head kept elsewhere, show that.
"""

import hmac
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from json import dumps
from typing import Final

from sqlalchemy import and_, case, exists, func, or_, select
from sqlalchemy.exc import DatabaseError

from trellis_core.access import Actor, Operation, require
from trellis_core.ledger.chain import BODY_VERSION, GENESIS, entry_hash
from trellis_core.store.engine import Store
from trellis_core.store.dialects import physical_problems, schema_of
from trellis_core.store.guards import BodyField
from trellis_core.store.migrations import reference_schema
from trellis_core.store.tables import ENTRY, ENTRY_NOTE, LEDGER_HEAD, MONTH_ROLL
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock, SystemClock
from trellis_core.values.findings import Finding, Severity

_AT_A_TIME: Final = 5_000
_LISTED_PER_CODE: Final = 100
_NULL: Final = "null"

REMEDIES: Final[Mapping[str, str]] = {
    "L001": "Keep the file as it is and compare this entry with the last backup and with the receipt of the person who recorded it.",
    "L002": "Keep the file as it is and look for the missing numbers in the last backup.",
    "L003": "Keep the file as it is: entries before this one were replaced. Compare with the last backup.",
    "L004": "Keep the file as it is: entries at the end may be missing. Compare with the last backup.",
    "L005": "Keep the file as it is and restore the last backup that passes this check.",
    "L006": "Compare with the last backup. Bills are computed from entries, so none is wrong because of this.",
    "L007": "Compare the note with the last backup; the entry's time is not affected.",
    "L008": "Restore the last backup that passes this check, or reopen the store with the version of Trellis that made it.",
    "L009": "Find out who added it, and remove it or restore the last backup that passes this check.",
    "L010": "Keep the file as it is and compare both entries with the last backup.",
    "L011": "Copy the file to another disk at once and restore the last backup that passes this check.",
}
"""What to do about each finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeHead:
    """The end of one practice's chain.

    Attributes:
        entries: How many entries were read.
        head: Hash of the last one, hex.
    """

    practice_id: str
    entries: int
    head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What a check found.

    Attributes:
        ok: Nothing is wrong.
        entries: How many entries were read, reversals included.
        head: Hash of the last entry, hex; of several practices a digest of their heads.
        findings: Everything that is wrong, in the order of its code and place.
        checked_at: When.
        heads: The end of each practice's chain.
    """

    ok: bool
    entries: int
    head: str
    findings: tuple[Finding, ...]
    checked_at: datetime
    heads: tuple[PracticeHead, ...]


def check_ledger(*, store: Store, actor: Actor, clock: Clock) -> CheckReport:
    """Check the actor's practice, and the guards of the store it is in.

    Raises:
        PermissionDeniedError: The actor's role may not check the ledger.
    """
    require(actor, Operation.CHECK_LEDGER)
    return _check(store, clock=clock, practice_id=actor.practice_id)


def check_store(store: Store, *, clock: Clock | None = None) -> CheckReport:
    """Check every practice of a store.

    Args:
        store: The store.
        clock: For the time of the report; None for the server's.
    """
    return _check(store, clock=clock or SystemClock(), practice_id=None)


def _check(store: Store, *, clock: Clock, practice_id: str | None) -> CheckReport:
    """Follow the chains in this thread while another one lets the database compare the rest."""
    checked_at = clock.now()
    followed = _Found()
    heads: dict[str, PracticeHead] = {}
    with ThreadPoolExecutor(max_workers=1) as beside:
        compared = beside.submit(_compare, store, practice_id)
        with store.reading() as unit, _surviving(followed, "The chain"):
            heads = _check_chain(unit, practice_id, followed)
        findings = followed.listed_with(compared.result())
    ends = tuple(heads[name] for name in sorted(heads))
    return CheckReport(
        ok=not findings,
        entries=sum(end.entries for end in ends),
        head=_one_head(ends),
        findings=findings,
        checked_at=checked_at,
        heads=ends,
    )


def _compare(store: Store, practice_id: str | None) -> "_Found":
    """Compare file, schema, columns, reversals, totals and notes, each within one moment."""
    found = _Found()
    with store.reading() as unit:
        with _surviving(found, "The file"):
            for problem in physical_problems(unit.connection):
                found.add("L011", f"The database file is damaged: {problem}.")
        with _surviving(found, "The schema"):
            _check_schema(store, unit, found)
        for part, check in _PARTS.items():
            with _surviving(found, part):
                check(unit, practice_id, found)
    return found


def _one_head(ends: tuple[PracticeHead, ...]) -> str:
    if len(ends) <= 1:
        return ends[0].head if ends else GENESIS.hex()
    return sha256("".join(end.head for end in ends).encode()).hexdigest()


@dataclass(slots=True)
class _Found:
    """Collects findings; of each kind the first hundred one by one, the rest as a number."""

    findings: list[Finding] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)

    def add(
        self,
        code: str,
        message: str,
        *,
        practice_id: str | None = None,
        seq: int | None = None,
        subject_ids: tuple[str, ...] = (),
    ) -> None:
        self.counted[code] += 1
        if self.counted[code] <= _LISTED_PER_CODE:
            self.findings.append(
                Finding(
                    code=code,
                    severity=Severity.ERROR,
                    message=message,
                    subject_ids=subject_ids,
                    seq=seq,
                    practice_id=practice_id,
                )
            )

    def listed_with(self, others: "_Found") -> tuple[Finding, ...]:
        """Return everything found here and there, by code."""
        self.findings += others.findings
        self.counted += others.counted
        for code, number in self.counted.items():
            if number > _LISTED_PER_CODE:
                self.findings.append(
                    Finding(
                        code=code,
                        severity=Severity.ERROR,
                        message=f"{number - _LISTED_PER_CODE} more of this kind are not listed.",
                    )
                )
        return tuple(sorted(self.findings, key=lambda one: one.code))


@contextmanager
def _surviving(found: _Found, part: str) -> Iterator[None]:
    """Go on with the next part when the file is too damaged for one."""
    try:
        yield
    except DatabaseError as error:
        found.add("L011", f"{part} cannot be read: {error.orig}.")


def _check_schema(store: Store, unit: UnitOfWork, found: _Found) -> None:
    wanted, actual = reference_schema(store.engine), schema_of(unit.connection)
    for (kind, name), definition in wanted.items():
        called = f"The guard '{name}'" if kind == "trigger" else f"The {kind} '{name}'"
        if (kind, name) not in actual:
            found.add("L008", f"{called} is missing.", subject_ids=(name,))
        elif _digest(actual[kind, name]) != _digest(definition):
            found.add("L008", f"{called} is not the one Trellis made.", subject_ids=(name,))
    for kind, name in actual.keys() - wanted.keys():
        found.add(
            "L009", f"The store has a {kind} '{name}' that is not Trellis's.", subject_ids=(name,)
        )


def _digest(definition: str) -> bytes:
    """Return the digest of a definition, whatever its line breaks and blanks."""
    return sha256("".join(definition.split()).encode()).digest()


def _check_chain(
    unit: UnitOfWork, practice_id: str | None, found: _Found
) -> dict[str, PracticeHead]:
    """Recompute every hash, follow every link, and compare notes and heads on the way."""
    heads = select(LEDGER_HEAD.c.practice_id, LEDGER_HEAD.c.seq, LEDGER_HEAD.c.hash)
    rows = (
        select(
            ENTRY.c.practice_id,
            ENTRY.c.seq,
            ENTRY.c.prev,
            ENTRY.c.hash,
            ENTRY.c.body,
            ENTRY_NOTE.c.salt,
            ENTRY_NOTE.c.text,
        )
        .select_from(ENTRY)
        .outerjoin(
            ENTRY_NOTE,
            and_(
                ENTRY_NOTE.c.practice_id == ENTRY.c.practice_id,
                ENTRY_NOTE.c.seq == ENTRY.c.seq,
            ),
        )
        .order_by(ENTRY.c.practice_id, ENTRY.c.seq)
    )
    if practice_id is not None:
        heads = heads.where(LEDGER_HEAD.c.practice_id == practice_id)
        rows = rows.where(ENTRY.c.practice_id == practice_id)
    stored = {owner: (seq, digest) for owner, seq, digest in unit.connection.execute(heads)}
    chains = {owner: _Chain(owner, found) for owner in stored}
    chain = _Chain("", found)
    for rows_read in unit.connection.execute(rows).partitions(_AT_A_TIME):
        for owner, seq, prev, digest, body, salt, text in rows_read:
            if owner != chain.practice_id:
                chain = chains.setdefault(owner, _Chain(owner, found))
            chain.follow(seq, prev, digest, body)
            told = body.rsplit(",", 2)[-2] if body.count(",") > 1 else ""
            if text is None:
                if told != _NULL:
                    chain.report("L007", seq, "lacks its note")
            elif f'"{hmac.digest(salt, text.encode(), "sha256").hex()}"' != told:
                chain.report("L007", seq, "has another note than it was written with")
    for owner, chain in chains.items():
        if stored.get(owner) != (chain.seq, chain.digest):
            told_seq = stored[owner][0] if owner in stored else "none"
            found.add(
                "L004",
                f"The head of the ledger names entry {told_seq}, but the last entry is {chain.seq}"
                f"{'' if told_seq != chain.seq else ', with another hash'}.",
                practice_id=owner,
                seq=chain.seq or None,
            )
    return {
        owner: PracticeHead(practice_id=owner, entries=chain.entries, head=chain.digest.hex())
        for owner, chain in chains.items()
    }


class _Chain:
    """One practice's chain while it is followed."""

    def __init__(self, practice_id: str, found: _Found) -> None:
        self.practice_id = practice_id
        self.seq = 0
        self.digest = GENESIS
        self.entries = 0
        self._found = found
        self._begins = f"[{BODY_VERSION},{dumps(practice_id)},"

    def follow(self, seq: int, prev: bytes, digest: bytes, body: str) -> None:
        """Take the next entry, and report whatever does not fit."""
        if seq != self.seq + 1:
            self._found.add(
                "L002",
                f"Before entry {seq} the numbers {self.seq + 1} to {seq - 1} are missing.",
                practice_id=self.practice_id,
                seq=seq,
            )
        elif prev != self.digest:
            self.report("L003", seq, "does not follow the entry before it")
        if entry_hash(prev, body) != digest:
            self.report("L001", seq, "was changed: its hash does not fit its contents")
        elif not body.startswith(f"{self._begins}{seq},"):
            self.report("L005", seq, "is in another place than its contents say")
        self.seq, self.digest = seq, digest
        self.entries += 1

    def report(self, code: str, seq: int, what: str) -> None:
        """Report something about one entry."""
        self._found.add(code, f"Entry {seq} {what}.", practice_id=self.practice_id, seq=seq)


_CUT_COLUMNS: Final = tuple(column.name for column in ENTRY.c if column.computed is not None)


def _check_columns(unit: UnitOfWork, practice_id: str | None, found: _Found) -> None:
    """Compare every column with the body that was hashed, inside the database."""
    differing = select(ENTRY.c.practice_id, ENTRY.c.seq, ENTRY.c.entry_id).where(
        or_(*(ENTRY.c[name].is_distinct_from(BodyField(name)) for name in _CUT_COLUMNS))
    )
    if practice_id is not None:
        differing = differing.where(ENTRY.c.practice_id == practice_id)
    for owner, seq, entry_id in unit.connection.execute(differing):
        found.add(
            "L005",
            f"Entry {seq} has columns that differ from its contents.",
            practice_id=owner,
            seq=seq,
            subject_ids=(entry_id,),
        )


def _check_reversals(unit: UnitOfWork, practice_id: str | None, found: _Found) -> None:
    """See that each reversal takes back exactly one entry that exists."""
    original = ENTRY.alias("original")
    odd = (
        select(ENTRY.c.practice_id, ENTRY.c.seq, ENTRY.c.entry_id)
        .select_from(ENTRY)
        .outerjoin(
            original,
            and_(
                original.c.practice_id == ENTRY.c.practice_id,
                original.c.entry_id == ENTRY.c.reverses,
                original.c.seconds == -ENTRY.c.seconds,
                original.c.patient_id == ENTRY.c.patient_id,
                original.c.program == ENTRY.c.program,
                original.c.ym == ENTRY.c.ym,
            ),
        )
        .where(ENTRY.c.reverses.is_not(None), original.c.seq.is_(None))
    )
    if practice_id is not None:
        odd = odd.where(ENTRY.c.practice_id == practice_id)
    for owner, seq, entry_id in unit.connection.execute(odd):
        found.add(
            "L010",
            f"Entry {seq} takes back an entry that is not there or says something else.",
            practice_id=owner,
            seq=seq,
            subject_ids=(entry_id,),
        )


def _check_roll_up(unit: UnitOfWork, practice_id: str | None, found: _Found) -> None:
    """Add every patient's month up anew and compare."""
    keys = ("practice_id", "ym", "patient_id", "program")
    added = (
        select(
            *(ENTRY.c[key] for key in keys),
            func.sum(ENTRY.c.seconds).label("seconds"),
            func.sum(case((ENTRY.c.seconds > 0, 1), else_=-1)).label("entries"),
        )
        .group_by(*(ENTRY.c[key] for key in keys))
        .subquery("added")
    )
    roll = MONTH_ROLL.c
    wrong = (
        select(*(added.c[key] for key in keys))
        .select_from(added)
        .outerjoin(MONTH_ROLL, and_(*(roll[key] == added.c[key] for key in keys)))
        .where(
            or_(
                roll.seconds.is_distinct_from(added.c.seconds),
                roll.entries.is_distinct_from(added.c.entries),
            )
        )
    )
    groundless = select(*(roll[key] for key in keys)).where(
        ~exists().where(*(ENTRY.c[key] == roll[key] for key in keys))
    )
    if practice_id is not None:
        wrong = wrong.where(added.c.practice_id == practice_id)
        groundless = groundless.where(roll.practice_id == practice_id)
    for owner, ym, patient_id, program in (
        *unit.connection.execute(wrong),
        *unit.connection.execute(groundless),
    ):
        found.add(
            "L006",
            f"The total of {program} in {ym // 100}-{ym % 100:02d} for patient '{patient_id}' "
            "is not the sum of its entries.",
            practice_id=owner,
            subject_ids=(patient_id,),
        )


def _check_stray_notes(unit: UnitOfWork, practice_id: str | None, found: _Found) -> None:
    """Look for notes whose entry is gone."""
    stray = (
        select(ENTRY_NOTE.c.practice_id, ENTRY_NOTE.c.seq)
        .select_from(ENTRY_NOTE)
        .outerjoin(
            ENTRY,
            and_(
                ENTRY.c.practice_id == ENTRY_NOTE.c.practice_id,
                ENTRY.c.seq == ENTRY_NOTE.c.seq,
            ),
        )
        .where(ENTRY.c.seq.is_(None))
    )
    if practice_id is not None:
        stray = stray.where(ENTRY_NOTE.c.practice_id == practice_id)
    for owner, seq in unit.connection.execute(stray):
        found.add(
            "L007",
            f"There is a note of entry {seq}, but no such entry.",
            practice_id=owner,
            seq=seq,
        )


_PARTS: Final[Mapping[str, Callable[[UnitOfWork, str | None, _Found], None]]] = {
    "The columns": _check_columns,
    "The reversals": _check_reversals,
    "The totals": _check_roll_up,
    "The notes": _check_stray_notes,
}
