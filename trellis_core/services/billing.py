"""Superbills of a month and their documents, for the people who may see and draw them up."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Literal

from sqlalchemy import select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.people import Patient, Practice, StaffMember
from trellis_core.care.records import Condition
from trellis_core.care.vocabulary import Program
from trellis_core.documents.superbill_csv import superbill_csv
from trellis_core.documents.superbill_json import superbills_json
from trellis_core.documents.superbill_pdf import superbill_pdf
from trellis_core.errors import CheckpointError, CommandRefusedError, NotFoundError
from trellis_core.fhir.export import MEDIA_TYPE, patient_month_bundle
from trellis_core.ledger.checkpoint import SignedCheckpoint
from trellis_core.ledger.entries import TimeEntry
from trellis_core.panel import determine_panel, panel_facts
from trellis_core.rules.determination import Determination
from trellis_core.rules.facts import Facts
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.checkpoints import checkpoint_phrase, newest_checkpoint
from trellis_core.store.care_mapping import condition_of, patient_of
from trellis_core.store.engine import Store
from trellis_core.store.ledger_query import read_entries
from trellis_core.store.mapping import practice_of, staff_of
from trellis_core.store.panel_query import PanelRows, read_panel
from trellis_core.store.tables import ENTRY
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill import Superbill, build_superbills
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth, zone_named

Form = Literal["pdf", "csv", "zip", "json", "fhir"]

MEDIA: Final[Mapping[str, str]] = {
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "zip": "application/zip",
    "json": "application/json",
    "fhir": MEDIA_TYPE,
}
ENDINGS: Final[Mapping[str, str]] = {
    "pdf": "pdf",
    "csv": "csv",
    "zip": "zip",
    "json": "json",
    "fhir": "fhir.json",
}
_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_LISTED_AT_MOST: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A finished file.

    Attributes:
        file_name: Holds the month and a digest of the content; nothing about a person.
        sha256: Of the content, in hex.
    """

    file_name: str
    media_type: str
    content: bytes
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _PatientMonth:
    """One patient's month with everything that its documents are drawn from."""

    patient: Patient
    facts: Facts
    determination: Determination
    superbills: tuple[Superbill, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Month:
    """The practice's month, as far as it was asked for."""

    practice: Practice
    staff: tuple[StaffMember, ...]
    patients: tuple[_PatientMonth, ...]

    @property
    def superbills(self) -> tuple[Superbill, ...]:
        return tuple(bill for each in self.patients for bill in each.superbills)


def superbills(
    *,
    month: ServiceMonth,
    patient_id: str | None = None,
    program: Program | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> tuple[Superbill, ...]:
    """Return a month's superbills, by the patients' names.

    A superbill is never split: one with a line of the program asked for comes whole.

    Args:
        month: The service month.
        patient_id: Only this patient's.
        program: Only those on which this program bills or waits for a choice.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see superbills.
        NotFoundError: The patient is not one of the actor's practice.
    """
    require(actor, Operation.READ_SUPERBILL)
    return _read(
        month=month,
        patient_id=patient_id,
        program=program,
        store=store,
        actor=actor,
        clock=clock,
        rule_book=rule_book,
    ).superbills


def superbill_document(
    *,
    month: ServiceMonth,
    form: Form,
    patient_id: str | None = None,
    program: Program | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> Document:
    """Draw a month's superbills up as a file. Unchanged data gives the same bytes.

    Args:
        month: The service month.
        form: ``pdf`` one document, ``zip`` a PDF for each superbill, ``csv`` one row for each
            line, ``json``, or ``fhir`` one patient's month.
        patient_id: Only this patient's; needed for ``fhir``.
        program: Only those on which this program bills or waits for a choice.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not draw up superbills, or not export FHIR.
        NotFoundError: The patient is not one of the actor's practice.
        CommandRefusedError: FHIR without a patient, or a PDF or ZIP of nothing.
    """
    require(actor, Operation.EXPORT_FHIR if form == "fhir" else Operation.DRAFT_SUPERBILL)
    if form == "fhir" and patient_id is None:
        raise CommandRefusedError(
            "PATIENT_NEEDED", "A FHIR document is one patient's month. Name the patient."
        )
    found = _read(
        month=month,
        patient_id=patient_id,
        program=program,
        store=store,
        actor=actor,
        clock=clock,
        rule_book=rule_book,
    )
    content = _content(found, form, month)
    digest = hashlib.sha256(content).hexdigest()
    many = "s" if patient_id is None else ""
    return Document(
        file_name=f"superbill{many}-{month}-{digest[:8]}.{ENDINGS[form]}",
        media_type=MEDIA[form],
        content=content,
        sha256=digest,
    )


def _content(found: _Month, form: Form, month: ServiceMonth) -> bytes:
    bills = found.superbills
    if form in {"pdf", "zip"} and not bills:
        raise CommandRefusedError(
            "NOTHING_TO_DRAW",
            f"No superbill in {month}: nothing can be billed yet and no choice is open. "
            "The Thresholds page names what each patient still needs.",
        )
    match form:
        case "pdf":
            return _pdf(bills)
        case "zip":
            return _zip(bills)
        case "csv":
            return superbill_csv(bills).encode("utf-8")
        case "json":
            return _json_bytes(superbills_json(bills, month=month))
        case "fhir":
            return _fhir(found, month)


def _pdf(bills: Sequence[Superbill]) -> bytes:
    return superbill_pdf(bills, made_at=max(bill.data_as_of for bill in bills))


def _zip(bills: Sequence[Superbill]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for bill in sorted(bills, key=lambda each: each.id):
            member = zipfile.ZipInfo(f"superbill-{bill.service_month}-{bill.id}.pdf", _ZIP_EPOCH)
            member.external_attr = 0o600 << 16
            archive.writestr(member, _pdf([bill]), compress_type=zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _json_bytes(content: object) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def _fhir(found: _Month, month: ServiceMonth) -> bytes:
    (one,) = found.patients
    bills = one.superbills
    recorded = [entry.recorded_at for entry in one.facts.time_entries if entry.recorded_at]
    zone = zone_named(found.practice.time_zone)
    return _json_bytes(
        patient_month_bundle(
            practice=found.practice,
            patient=one.patient,
            staff=found.staff,
            facts=one.facts,
            counted_seconds=dict(one.determination.counted_seconds),
            superbills=bills,
            pdfs={bill.id: _pdf([bill]) for bill in bills},
            made_at=max(recorded, default=month.ends_at(zone)).astimezone(zone),
        )
    )


def _read(
    *,
    month: ServiceMonth,
    patient_id: str | None,
    program: Program | None,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> _Month:
    asked = None if patient_id is None else [patient_id]
    with store.reading() as unit:
        rows = read_panel(unit, actor.practice_id, month, asked)
        if patient_id is not None and patient_id not in {row.id for row in rows.patients}:
            raise NotFoundError("patient", patient_id)
        facts = panel_facts(rows, as_of=clock.now())
        first_look = determine_panel(facts, rule_book=rule_book)
        wanted = [
            each
            for each, answer in first_look.items()
            if patient_id is not None or answer.lines or answer.decisions_needed
        ]
        entries = _entries_by_patient(unit, actor.practice_id, month, wanted)
        sealed = _newest_hashes(unit, actor.practice_id, month, wanted)
        checkpoint = _newest_checkpoint(unit, actor.practice_id)
    explained = determine_panel(
        {each: facts[each] for each in wanted}, rule_book=rule_book, explain=True
    )
    conditions = _conditions_by_patient(rows)
    return _assembled(
        rows=rows,
        facts={
            each: _with_records(facts[each], conditions.get(each, ()), entries.get(each, ()))
            for each in wanted
        },
        determinations=explained,
        sealed=sealed,
        checkpoint=checkpoint,
        program=program,
        rule_book=rule_book,
    )


def _assembled(
    *,
    rows: PanelRows,
    facts: Mapping[str, Facts],
    determinations: Mapping[str, Determination],
    sealed: Mapping[str, tuple[int, str]],
    checkpoint: SignedCheckpoint | None,
    program: Program | None,
    rule_book: RuleBook,
) -> _Month:
    practice = practice_of(rows.practice)
    staff = tuple(staff_of(row) for row in rows.staff)
    patients = sorted(
        (patient_of(row) for row in rows.patients if row.id in facts),
        key=lambda each: (each.family_name, each.given_name, each.id),
    )
    months = []
    for patient in patients:
        number, head = sealed.get(patient.id, (0, None))
        phrase = _sealing(checkpoint, number, practice)
        bills = build_superbills(
            practice=practice,
            patient=patient,
            staff=staff,
            facts=facts[patient.id],
            determination=determinations[patient.id],
            rule_book=rule_book,
            ledger_head=head,
        )
        months.append(
            _PatientMonth(
                patient=patient,
                facts=facts[patient.id],
                determination=determinations[patient.id],
                superbills=tuple(
                    replace(bill, checkpoint=phrase) for bill in bills if _concerns(bill, program)
                ),
            )
        )
    return _Month(practice=practice, staff=staff, patients=tuple(months))


def _concerns(bill: Superbill, program: Program | None) -> bool:
    named = {line.program for line in bill.lines} | {each.program for each in bill.withheld}
    return program is None or program in named


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
    rows = unit.connection.execute(
        select(ENTRY.c.patient_id, ENTRY.c.seq, ENTRY.c.hash)
        .where(ENTRY.c.practice_id == practice_id, ENTRY.c.ym == month.ym)
        .order_by(ENTRY.c.seq)
    )
    return {
        row.patient_id: (int(row.seq), bytes(row.hash).hex())
        for row in rows
        if row.patient_id in asked
    }


def _newest_checkpoint(unit: UnitOfWork, practice_id: str) -> SignedCheckpoint | None:
    """Return the newest checkpoint; None also where it cannot be read, which the check tells."""
    with suppress(CheckpointError):
        return newest_checkpoint(unit, practice_id)
    return None


def _sealing(checkpoint: SignedCheckpoint | None, number: int, practice: Practice) -> str | None:
    """Name the checkpoint where it seals a ledger row."""
    if checkpoint is None or not 0 < number <= checkpoint.checkpoint.ledger_seq:
        return None
    return checkpoint_phrase(checkpoint, zone_named(practice.time_zone))
