"""Drawing a month's superbills up from what is on record now: one read, then pure functions."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum, auto
from typing import Final

from sqlalchemy import select

from trellis_core.care.people import Patient, Practice, StaffMember
from trellis_core.care.records import Condition
from trellis_core.care.vocabulary import Program
from trellis_core.errors import NotFoundError
from trellis_core.ledger.chain import receipt_code
from trellis_core.panel import facts_in_turn, month_coverage
from trellis_core.rules.determination import Determination
from trellis_core.rules.determine import determine
from trellis_core.rules.facts import Facts
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.billing_records import attestations_of, charges_of, elsewhere_of
from trellis_core.services.draft_marks import read_marks
from trellis_core.store.care_mapping import condition_of, patient_of
from trellis_core.store.mapping import practice_of, staff_of
from trellis_core.store.panel_query import PanelRows, read_panel
from trellis_core.store.tables import ENTRY, PastCoverageRow, PatientRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill import Superbill, build_superbills
from trellis_core.superbill.common import Common
from trellis_core.values.periods import ServiceMonth, zone_named

_LISTED_AT_MOST: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientBills:
    """One patient's month with everything that its documents are drawn from.

    Attributes:
        facts: What is on record, without the instant of asking, which is none.
        determination: With its trees in brief, where they were asked for.
        ledger_head: Hash of the newest ledger row about the month; None where there is none.
        ledger_seq: That row's number; 0 where there is none.
        receipts: The code of each of their ledger rows of the month, by its number.
        superbills: Drafts.
    """

    patient: Patient
    facts: Facts
    determination: Determination
    ledger_head: str | None
    ledger_seq: int
    receipts: Mapping[int, str]
    superbills: tuple[Superbill, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientDrafts:
    """One patient's drafts, without what they were drawn from.

    Attributes:
        ledger_seq: Number of the newest ledger row about the month; 0 where there is none.
    """

    patient: Patient
    ledger_seq: int
    superbills: tuple[Superbill, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthDrafts:
    """A month's drafts, without what they were drawn from.

    Attributes:
        patients: Whoever has a line or an open choice, or was asked for; by name.
        determinations: Of everybody in play, by patient id.
    """

    practice: Practice
    staff: tuple[StaffMember, ...]
    patients: tuple[PatientDrafts, ...]
    determinations: Mapping[str, Determination]

    @property
    def superbills(self) -> tuple[Superbill, ...]:
        """Every draft."""
        return tuple(bill for each in self.patients for bill in each.superbills)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthBills:
    """The practice's month, as far as it was asked for.

    Attributes:
        patients: Whoever was asked for, or has a line or an open choice; by name.
        determinations: Of everybody in play, by patient id.
    """

    practice: Practice
    staff: tuple[StaffMember, ...]
    patients: tuple[PatientBills, ...]
    determinations: Mapping[str, Determination]

    @property
    def superbills(self) -> tuple[Superbill, ...]:
        """Every draft."""
        return self.drafts.superbills

    @property
    def drafts(self) -> MonthDrafts:
        """The same without what the drafts were drawn from."""
        return MonthDrafts(
            practice=self.practice,
            staff=self.staff,
            patients=tuple(
                PatientDrafts(
                    patient=each.patient, ledger_seq=each.ledger_seq, superbills=each.superbills
                )
                for each in self.patients
            ),
            determinations=self.determinations,
        )


class Step(StrEnum):
    """What takes long in a whole month, in its order."""

    LOOKED_AT = auto()
    DRAWN_UP = auto()
    PREPARED = auto()
    WRITTEN = auto()


Told = Callable[[Step, int, int], None]
"""Told how far a step has come: how many are done, of how many."""


def tell_nobody(step: Step, done: int, of: int) -> None:
    """Say nothing of how far a step has come."""


def month_bills(
    unit: UnitOfWork,
    practice_id: str,
    month: ServiceMonth,
    *,
    as_of: datetime,
    rule_book: RuleBook,
    patient_ids: Collection[str] | None = None,
    also: Collection[str] = (),
    explains: bool = True,
) -> MonthBills:
    """Draw up what a month would bill as it is on record, with what is laid over the drafts.

    Args:
        unit: A unit of work.
        practice_id: Whose month.
        month: The service month.
        as_of: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.
        patient_ids: Only these patients'; None for everybody's.
        also: Patients who are wanted even where nothing can be billed.
        explains: Give each determination its trees in brief, and each draft the rules that it met.

    Raises:
        NotFoundError: A patient is not one of the practice.
    """
    rows = read_panel(unit, practice_id, month, patient_ids)
    for missing in sorted(set(patient_ids or ()) - {row.id for row in rows.patients}):
        raise NotFoundError("patient", missing)
    of = Drawing(unit, rows, as_of=as_of, rule_book=rule_book, also=also, explains=explains)
    patients = sorted(of.in_turn(), key=lambda each: by_name(each.patient))
    marks = read_marks(
        unit,
        practice_id,
        month,
        zone_name=of.practice.time_zone,
        superbill_ids=[bill.id for each in patients for bill in each.superbills],
        patient_ids=patient_ids,
    )
    people = {person.id: person for person in of.staff}
    return MonthBills(
        practice=of.practice,
        staff=of.staff,
        patients=tuple(
            replace(each, superbills=marks.over(each.superbills, each.ledger_seq, people))
            for each in patients
        ),
        determinations=of.determinations,
    )


def by_name(patient: Patient) -> tuple[str, str, str]:
    """Return what a month's patients are put in order by."""
    return patient.family_name, patient.given_name, patient.id


def concerns(bill: Superbill, program: Program | None) -> bool:
    """Say whether a superbill bills a program, or waits for a choice in it; None for any."""
    named = {line.program for line in bill.lines} | {each.program for each in bill.withheld}
    return program is None or program in named


class Drawing:
    """Draws a month's patients up, without what is laid over their drafts.

    Args:
        unit: The unit of work that the rows were read in.
        rows: The month, of everybody or of some patients.
        as_of: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.
        also: Patients who are wanted even where nothing can be billed.
        is_part: The patients whom the rows are of are wanted only as they would be in a whole month:
            if they are in play, and have a line or an open choice.
        explains: Give each determination its trees in brief, and each draft the rules that it met.
        told: Told how far it has come.

    Attributes:
        determinations: Of everybody in play, by patient id, without trees; whole once everybody is drawn up.
    """

    def __init__(
        self,
        unit: UnitOfWork,
        rows: PanelRows,
        *,
        as_of: datetime,
        rule_book: RuleBook,
        also: Collection[str] = (),
        is_part: bool = False,
        explains: bool = True,
        told: Told = tell_nobody,
    ) -> None:
        practice_id = rows.practice.id
        self.practice: Final = practice_of(rows.practice)
        self.staff: Final = tuple(staff_of(row) for row in rows.staff)
        self.determinations: Final[dict[str, Determination]] = {}
        self._told = told
        self._rule_book = rule_book
        self._explains = explains
        named = frozenset() if rows.asked is None or is_part else rows.asked
        self._named = named.union(also)
        self._of = len(rows.patients)
        told(Step.LOOKED_AT, self._of, self._of)
        self._facts = facts_in_turn(rows, as_of=as_of, also=also, is_part=is_part)
        self._past = _past_by_patient(rows)
        self._month = rows.month
        self._practices = {
            site.id: replace(self.practice, place_of_service=site.place_of_service)
            for site in rows.sites
        }
        self._conditions = _conditions_by_patient(rows)
        self._receipts = _receipts(unit, practice_id, rows)
        self._charges = charges_of(unit, practice_id)
        asked = rows.asked
        self._attestations = attestations_of(
            unit,
            practice_id,
            rows.month,
            zone=zone_named(rows.practice.time_zone),
            staff={person.id: person for person in self.staff},
            patient_ids=asked if asked is not None and len(asked) <= _LISTED_AT_MOST else None,
        )
        self._elsewhere = elsewhere_of(unit, practice_id, rows.month)
        self._common = Common(self.staff, rule_book=rule_book, on=rows.month.last_day)

    def in_turn(self) -> Iterator[PatientBills]:
        """Draw up, once, whoever was asked for, or has a line or an open choice."""
        for number, (row, known) in enumerate(self._facts, 1):
            found = determine(
                known,
                rule_book=self._rule_book,
                explain=self._explains,
                is_brief=True,
            )
            plain = replace(found, trace=None) if self._explains else found
            self.determinations[row.id] = plain
            if row.id in self._named or found.lines or found.decisions_needed:
                yield self._drawn(row, known, found)
            self._told(Step.DRAWN_UP, min(number, self._of - 1), self._of)
        self._told(Step.DRAWN_UP, self._of, self._of)

    def _drawn(self, row: PatientRow, known: Facts, found: Determination) -> PatientBills:
        paying = month_coverage(row, self._past.get(row.id, ()), self._month)
        patient = replace(patient_of(row), coverage=paying)
        receipts = self._receipts.get(row.id, _NO_RECEIPTS)
        facts = _with_conditions(known, self._conditions.get(row.id, ()))
        return PatientBills(
            patient=patient,
            facts=facts,
            determination=found,
            ledger_head=receipts.head,
            ledger_seq=receipts.seq,
            receipts=receipts.codes,
            superbills=build_superbills(
                practice=self._practices.get(row.site_id or "", self.practice),
                patient=patient,
                staff=self.staff,
                facts=facts,
                determination=found,
                rule_book=self._rule_book,
                ledger_head=receipts.head,
                charges=self._charges,
                attestations=self._attestations.get(row.id, ()),
                elsewhere=self._elsewhere.get(row.id, ()),
                receipts=receipts.codes,
                common=self._common,
            ),
        )


def _past_by_patient(rows: PanelRows) -> dict[str, list[PastCoverageRow]]:
    past: dict[str, list[PastCoverageRow]] = {}
    for each in rows.past_coverages:
        past.setdefault(each.patient_id, []).append(each)
    return past


def _with_conditions(facts: Facts, conditions: Sequence[Condition]) -> Facts:
    """Return the facts with what rules do not ask for: conditions yet to be coded."""
    return replace(facts, as_of=None, patient=replace(facts.patient, conditions=tuple(conditions)))


def _conditions_by_patient(rows: PanelRows) -> dict[str, list[Condition]]:
    """Return every patient's conditions, grouped in one pass over the panel's rows."""
    found: dict[str, list[Condition]] = {}
    for row in rows.conditions:
        found.setdefault(row.patient_id, []).append(condition_of(row))
    return found


@dataclass(slots=True)
class _Receipts:
    """A patient's ledger rows of the month.

    Attributes:
        seq: The newest one's number; 0 for none.
        newest: Its hash; it seals all before it.
        codes: What each was acknowledged with, by its number.
    """

    seq: int = 0
    newest: bytes = b""
    codes: dict[int, str] = field(default_factory=dict)

    @property
    def head(self) -> str | None:
        """The newest row's hash, hex; None where there is none."""
        return self.newest.hex() or None


_NO_RECEIPTS: Final = _Receipts()


def _receipts(unit: UnitOfWork, practice_id: str, rows: PanelRows) -> dict[str, _Receipts]:
    """Return the receipts of every ledger row of the month, by patient."""
    chosen = select(ENTRY.c.patient_id, ENTRY.c.seq, ENTRY.c.hash).where(
        ENTRY.c.practice_id == practice_id, ENTRY.c.ym == rows.month.ym
    )
    asked = rows.asked
    if asked is not None and len(asked) <= _LISTED_AT_MOST:
        chosen = chosen.where(ENTRY.c.patient_id.in_(asked))
    found: dict[str, _Receipts] = defaultdict(_Receipts)
    for patient_id, seq, digest in unit.connection.execute(chosen):
        of = found[patient_id]
        of.codes[seq] = receipt_code(digest)
        if seq > of.seq:
            of.seq, of.newest = seq, digest
    return dict(found)
