"""Drawing a month's superbills up from what is on record now: one read, then pure functions."""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import select

from trellis_core.care.people import Patient, Practice, StaffMember
from trellis_core.care.records import Condition
from trellis_core.care.vocabulary import Program
from trellis_core.errors import CheckpointError, NotFoundError
from trellis_core.ledger.checkpoint import SignedCheckpoint
from trellis_core.ledger.entries import TimeEntry
from trellis_core.panel import determine_panel, month_coverage, panel_facts
from trellis_core.rules.determination import Determination
from trellis_core.rules.facts import Facts
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.approval_marks import KeptApproval, marked, read_approvals
from trellis_core.services.billing_records import asked, asked_about, attestations_of, charges_of
from trellis_core.services.checkpoints import checkpoint_phrase, checkpoints_of
from trellis_core.store.care_mapping import condition_of, patient_of
from trellis_core.store.ledger_query import read_entries
from trellis_core.store.mapping import practice_of, staff_of
from trellis_core.store.panel_query import PanelRows, read_panel
from trellis_core.store.tables import ENTRY, PastCoverageRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill import Attestation, Charges, Superbill, build_superbills
from trellis_core.values.periods import ServiceMonth, zone_named

_LISTED_AT_MOST: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientBills:
    """One patient's month with everything that its documents are drawn from.

    Attributes:
        ledger_head: Hash of the newest ledger row about the month; None where there is none.
        superbills: Drafts.
    """

    patient: Patient
    facts: Facts
    determination: Determination
    ledger_head: str | None
    superbills: tuple[Superbill, ...]


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
        return tuple(bill for each in self.patients for bill in each.superbills)


def month_bills(
    unit: UnitOfWork,
    practice_id: str,
    month: ServiceMonth,
    *,
    as_of: datetime,
    rule_book: RuleBook,
    patient_id: str | None = None,
    also: Collection[str] = (),
) -> MonthBills:
    """Draw up what a month would bill as it is on record.

    Args:
        unit: A unit of work.
        practice_id: Whose month.
        month: The service month.
        as_of: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.
        patient_id: Only this patient's.
        also: Patients who are wanted even where nothing can be billed.

    Raises:
        NotFoundError: The patient is not one of the practice.
    """
    rows = read_panel(unit, practice_id, month, None if patient_id is None else [patient_id])
    if patient_id is not None and patient_id not in {row.id for row in rows.patients}:
        raise NotFoundError("patient", patient_id)
    facts = panel_facts(rows, as_of=as_of, also=also)
    first_look = determine_panel(facts, rule_book=rule_book)
    wanted = [
        each
        for each, answer in first_look.items()
        if patient_id is not None or each in also or answer.lines or answer.decisions_needed
    ]
    entries = _entries_by_patient(unit, practice_id, month, wanted)
    conditions = _conditions_by_patient(rows)
    staff = {row.id: staff_of(row) for row in rows.staff}
    drawn = _assembled(
        rows=rows,
        facts={
            each: _with_records(facts[each], conditions.get(each, ()), entries.get(each, ()))
            for each in wanted
        },
        first_look=first_look,
        explained=determine_panel(
            {each: facts[each] for each in wanted}, rule_book=rule_book, explain=True
        ),
        sealed=_newest_hashes(unit, practice_id, month, wanted),
        checkpoints=_checkpoints(unit, practice_id),
        charges=charges_of(unit, practice_id),
        attestations=attestations_of(
            unit,
            practice_id,
            month,
            zone=zone_named(rows.practice.time_zone),
            staff=staff,
            patient_ids=None if patient_id is None else [patient_id],
        ),
        rule_book=rule_book,
    )
    return _marked(
        drawn,
        kept=read_approvals(unit, practice_id, month, [bill.id for bill in drawn.superbills]),
        questions=asked_about(unit, practice_id, month, patient_id=patient_id),
    )


def concerns(bill: Superbill, program: Program | None) -> bool:
    """Say whether a superbill bills a program, or waits for a choice in it; None for any."""
    named = {line.program for line in bill.lines} | {each.program for each in bill.withheld}
    return program is None or program in named


def _assembled(
    *,
    rows: PanelRows,
    facts: Mapping[str, Facts],
    first_look: Mapping[str, Determination],
    explained: Mapping[str, Determination],
    sealed: Mapping[str, tuple[int, str]],
    checkpoints: Sequence[SignedCheckpoint],
    charges: Charges,
    attestations: Mapping[str, Sequence[Attestation]],
    rule_book: RuleBook,
) -> MonthBills:
    practice = practice_of(rows.practice)
    staff = tuple(staff_of(row) for row in rows.staff)
    patients = sorted(
        (each for each in _patients_as_billed(rows) if each.id in facts),
        key=lambda each: (each.family_name, each.given_name, each.id),
    )
    places = {site.id: site.place_of_service for site in rows.sites}
    months = []
    for patient in patients:
        number, head = sealed.get(patient.id, (0, None))
        phrase = _sealing(checkpoints, number, practice)
        bills = build_superbills(
            practice=replace(
                practice,
                place_of_service=places.get(patient.site_id or "", practice.place_of_service),
            ),
            patient=patient,
            staff=staff,
            facts=facts[patient.id],
            determination=explained[patient.id],
            rule_book=rule_book,
            ledger_head=head,
            charges=charges,
            attestations=attestations.get(patient.id, ()),
        )
        months.append(
            PatientBills(
                patient=patient,
                facts=facts[patient.id],
                determination=explained[patient.id],
                ledger_head=head,
                superbills=tuple(replace(bill, checkpoint=phrase) for bill in bills),
            )
        )
    return MonthBills(
        practice=practice, staff=staff, patients=tuple(months), determinations=first_look
    )


def _marked(
    drawn: MonthBills, *, kept: Mapping[str, KeptApproval], questions: Collection[str]
) -> MonthBills:
    """Lay open questions and approvals over the drafts: what was approved is never in question."""
    if not kept and not questions:
        return drawn
    staff = {person.id: person for person in drawn.staff}
    return replace(
        drawn,
        patients=tuple(
            replace(
                each,
                superbills=tuple(
                    asked(bill) if each.patient.id in questions else marked(bill, kept, staff)
                    for bill in each.superbills
                ),
            )
            for each in drawn.patients
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


def _checkpoints(unit: UnitOfWork, practice_id: str) -> tuple[SignedCheckpoint, ...]:
    """Return the practice's checkpoints; none where one cannot be read, which the check tells."""
    with suppress(CheckpointError):
        return checkpoints_of(unit, practice_id)
    return ()


def _sealing(
    checkpoints: Sequence[SignedCheckpoint], number: int, practice: Practice
) -> str | None:
    """Name the first checkpoint that seals a ledger row: the same one whenever it is asked."""
    at = bisect_left(checkpoints, number, key=lambda one: one.checkpoint.ledger_seq)
    if not number or at == len(checkpoints):
        return None
    return checkpoint_phrase(checkpoints[at], zone_named(practice.time_zone))
