"""Drawing a month's superbills up from what is on record now: one read, then pure functions."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum, auto
from typing import Final

from sqlalchemy import select

from trellis_core.care.people import Patient, Practice, StaffMember
from trellis_core.care.records import Condition
from trellis_core.care.vocabulary import Program
from trellis_core.errors import NotFoundError
from trellis_core.ledger.entries import TimeEntry
from trellis_core.panel import month_coverage, panel_facts
from trellis_core.rules.determination import Determination
from trellis_core.rules.determine import determine
from trellis_core.rules.facts import Facts
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.billing_records import attestations_of, charges_of, elsewhere_of
from trellis_core.services.draft_marks import read_marks
from trellis_core.store.care_mapping import condition_of, patient_of
from trellis_core.store.ledger_query import read_entries
from trellis_core.store.mapping import practice_of, staff_of
from trellis_core.store.panel_query import PanelRows, read_panel
from trellis_core.store.tables import ENTRY, PastCoverageRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill import Superbill, build_superbills
from trellis_core.values.periods import ServiceMonth, zone_named

_LISTED_AT_MOST: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientBills:
    """One patient's month with everything that its documents are drawn from.

    Attributes:
        facts: What is on record, without the instant of asking, which is none.
        ledger_head: Hash of the newest ledger row about the month; None where there is none.
        ledger_seq: That row's number; 0 where there is none.
        superbills: Drafts.
    """

    patient: Patient
    facts: Facts
    determination: Determination
    ledger_head: str | None
    ledger_seq: int
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
        explains: Give each determination its explanation, and each draft the rules that it met.

    Raises:
        NotFoundError: A patient is not one of the practice.
    """
    rows = read_panel(unit, practice_id, month, patient_ids)
    for missing in sorted(set(patient_ids or ()) - {row.id for row in rows.patients}):
        raise NotFoundError("patient", missing)
    of = Drawing(unit, rows, as_of=as_of, rule_book=rule_book, also=also, explains=explains)
    patients = tuple(of.in_turn())
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
        explains: Give each determination its explanation, and each draft the rules that it met.
        told: Told how far it has come.

    Attributes:
        determinations: Of everybody in play, by patient id.
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
        self._facts = panel_facts(rows, as_of=as_of, also=also, is_part=is_part)
        for number, (each, known) in enumerate(self._facts.items(), 1):
            self.determinations[each] = determine(known, rule_book=rule_book)
            told(Step.LOOKED_AT, number, len(self._facts))
        named = frozenset() if rows.asked is None or is_part else rows.asked
        wanted = [
            each
            for each, answer in self.determinations.items()
            if each in named or each in also or answer.lines or answer.decisions_needed
        ]
        is_wanted = frozenset(wanted)
        self._patients = sorted(
            (each for each in _patients_as_billed(rows) if each.id in is_wanted), key=by_name
        )
        self._places = {site.id: site.place_of_service for site in rows.sites}
        self._conditions = _conditions_by_patient(rows)
        self._entries = _entries_by_patient(unit, practice_id, rows.month, wanted)
        self._newest = _newest_hashes(unit, practice_id, rows.month, wanted)
        self._charges = charges_of(unit, practice_id)
        self._attestations = attestations_of(
            unit,
            practice_id,
            rows.month,
            zone=zone_named(rows.practice.time_zone),
            staff={person.id: person for person in self.staff},
            patient_ids=wanted if len(wanted) <= _LISTED_AT_MOST else None,
        )
        self._elsewhere = elsewhere_of(unit, practice_id, rows.month)

    def in_turn(self) -> Iterator[PatientBills]:
        """Draw up, once, whoever was asked for, or has a line or an open choice; by name."""
        for number, patient in enumerate(self._patients, 1):
            yield self._drawn(patient)
            self._told(Step.DRAWN_UP, number, len(self._patients))

    def _drawn(self, patient: Patient) -> PatientBills:
        known = self._facts.pop(patient.id)
        number, head = self._newest.get(patient.id, (0, None))
        explained = (
            determine(known, rule_book=self._rule_book, explain=True)
            if self._explains
            else self.determinations[patient.id]
        )
        facts = _with_records(
            known, self._conditions.get(patient.id, ()), self._entries.pop(patient.id, ())
        )
        return PatientBills(
            patient=patient,
            facts=facts,
            determination=explained,
            ledger_head=head,
            ledger_seq=number,
            superbills=build_superbills(
                practice=replace(
                    self.practice,
                    place_of_service=self._places.get(
                        patient.site_id or "", self.practice.place_of_service
                    ),
                ),
                patient=patient,
                staff=self.staff,
                facts=facts,
                determination=explained,
                rule_book=self._rule_book,
                ledger_head=head,
                charges=self._charges,
                attestations=self._attestations.get(patient.id, ()),
                elsewhere=self._elsewhere.get(patient.id, ()),
            ),
        )


def _patients_as_billed(rows: PanelRows) -> Iterator[Patient]:
    """Go through the patients with the coverage that was in force in the month."""
    past: dict[str, list[PastCoverageRow]] = {}
    for each in rows.past_coverages:
        past.setdefault(each.patient_id, []).append(each)
    for row in rows.patients:
        paying = month_coverage(row, past.get(row.id, ()), rows.month)
        yield replace(patient_of(row), coverage=paying)


def _with_records(
    facts: Facts, conditions: Sequence[Condition], entries: tuple[TimeEntry, ...]
) -> Facts:
    """Return the facts with what rules do not ask for: receipts, and conditions yet to be coded."""
    return replace(
        facts,
        as_of=None,
        time_entries=entries,
        patient=replace(facts.patient, conditions=tuple(conditions)),
    )


def _conditions_by_patient(rows: PanelRows) -> dict[str, list[Condition]]:
    """Return every patient's conditions, grouped in one pass over the panel's rows."""
    found: dict[str, list[Condition]] = {}
    for row in rows.conditions:
        found.setdefault(row.patient_id, []).append(condition_of(row))
    return found


def _entries_by_patient(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth, patient_ids: Sequence[str]
) -> dict[str, tuple[TimeEntry, ...]]:
    """Read entries with their receipts; the notes stay behind."""
    found: dict[str, list[TimeEntry]] = {each: [] for each in patient_ids}
    few = patient_ids if len(patient_ids) <= _LISTED_AT_MOST else None
    for entry in read_entries(unit, practice_id, month=month, patient_ids=few):
        if entry.patient_id in found:
            found[entry.patient_id].append(replace(entry, note=""))
    return {patient_id: tuple(entries) for patient_id, entries in found.items()}


def _newest_hashes(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth, patient_ids: Sequence[str]
) -> dict[str, tuple[int, str]]:
    """Return number and hash of each patient's newest ledger row of the month; it seals all before it."""
    asked = set(patient_ids)
    chosen = select(ENTRY.c.patient_id, ENTRY.c.seq, ENTRY.c.hash).where(
        ENTRY.c.practice_id == practice_id, ENTRY.c.ym == month.ym
    )
    if len(asked) <= _LISTED_AT_MOST:
        chosen = chosen.where(ENTRY.c.patient_id.in_(asked))
    newest: dict[str, tuple[int, bytes]] = {}
    for patient_id, seq, digest in unit.connection.execute(chosen):
        if patient_id in asked and (patient_id not in newest or newest[patient_id][0] < seq):
            newest[patient_id] = int(seq), bytes(digest)
    return {patient_id: (seq, digest.hex()) for patient_id, (seq, digest) in newest.items()}
