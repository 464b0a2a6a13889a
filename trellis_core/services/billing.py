"""Superbills of a month and their documents, for the people who may see and draw them up.

Of an open month they are drafts, drawn up from what is on record now. Of a closed month they are what
was issued, whatever is recorded since. Of a reopened one they are both.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import Program
from trellis_core.documents.superbill_csv import superbill_csv
from trellis_core.documents.superbill_json import superbills_json
from trellis_core.documents.superbill_pdf import superbill_pdf
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.fhir import MEDIA_TYPE
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_events import note_view
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import guard
from trellis_core.services.downloads import FileForm
from trellis_core.services.issued_superbills import read_issued
from trellis_core.services.months import month_review
from trellis_core.services.superbill_drafts import month_bills
from trellis_core.store.engine import Store
from trellis_core.superbill import Superbill
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
FILE_FORMS: Final[Mapping[str, FileForm]] = {
    "pdf": FileForm.SUPERBILL_PDF,
    "csv": FileForm.SUPERBILL_CSV,
    "zip": FileForm.SUPERBILL_ZIP,
    "json": FileForm.SUPERBILL_JSON,
    "fhir": FileForm.FHIR,
}
_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


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


@audited
def superbills(
    *,
    month: ServiceMonth,
    patient_id: str | None = None,
    program: Program | None = None,
    number: int | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> tuple[Superbill, ...]:
    """Return a month's superbills, by the patients' names; tell the journal who looks at one's alone.

    Of a closed month those that stand as issued, never drawn up anew; of a reopened one those and the
    drafts that would come to them or take their place. A superbill is never split: one with a line of
    the program asked for comes whole.

    Args:
        month: The service month.
        patient_id: Only this patient's.
        program: Only those on which this program bills or waits for a choice.
        number: Only the issued superbill of this number, also where a later version replaced it.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see superbills.
        NotFoundError: The patient is not one of the actor's practice, or no superbill of the month
            has the number.
        StoreError: An issued superbill is not as it was issued.
    """
    require(actor, Operation.READ_SUPERBILL)
    if number is not None:
        return _numbered(number, month=month, store=store, actor=actor, clock=clock)
    return month_review(
        month,
        patient_id=patient_id,
        program=program,
        store=store,
        actor=actor,
        clock=clock,
        rule_book=rule_book,
    ).superbills


@audited
def superbill_document(
    *,
    month: ServiceMonth,
    form: Form,
    patient_id: str | None = None,
    program: Program | None = None,
    number: int | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> Document:
    """Draw a month's superbills up as a file. Unchanged data gives the same bytes.

    What was issued gives the same bytes for ever; a FHIR document also holds records as they are now.

    Args:
        month: The service month.
        form: ``pdf`` one document, ``zip`` a PDF for each superbill, ``csv`` one row for each
            line, ``json``, or ``fhir`` one patient's month.
        patient_id: Only this patient's; needed for ``fhir``.
        program: Only those on which this program bills or waits for a choice.
        number: Only the issued superbill of this number, also where a later version replaced it; not
            for ``fhir``.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not draw up superbills, or not export FHIR.
        NotFoundError: The patient is not one of the actor's practice, or no superbill of the month
            has the number.
        CommandRefusedError: FHIR without a patient, or a PDF or ZIP of nothing.
        StoreError: An issued superbill is not as it was issued.
    """
    require(actor, operation_of(form))
    if form == "fhir" and (patient_id is None or number is not None):
        raise CommandRefusedError(
            "PATIENT_NEEDED", "A FHIR document is one patient's month. Name the patient."
        )
    bills = superbills(
        month=month,
        patient_id=patient_id,
        program=program,
        number=number,
        store=store,
        actor=actor,
        clock=clock,
        rule_book=rule_book,
    )
    if form == "fhir" and patient_id is not None:
        content = _fhir(
            bills,
            patient_id,
            month=month,
            store=store,
            actor=actor,
            clock=clock,
            rule_book=rule_book,
        )
    else:
        content = _content(bills, form, month)
    digest = hashlib.sha256(content).hexdigest()
    many = "s" if patient_id is None and number is None else ""
    return Document(
        file_name=f"superbill{many}-{month}-{digest[:8]}.{ENDINGS[form]}",
        media_type=MEDIA[form],
        content=content,
        sha256=digest,
    )


def operation_of(form: Form) -> Operation:
    """Return what a person must be allowed to do in order to have a document of a form."""
    return Operation.EXPORT_FHIR if form == "fhir" else Operation.DRAFT_SUPERBILL


def _numbered(
    number: int, *, month: ServiceMonth, store: Store, actor: Actor, clock: Clock
) -> tuple[Superbill, ...]:
    with store.reading() as unit:
        found = read_issued(unit, actor.practice_id, month=month, number=number)
        for each in found:
            guard(unit, actor, each.bill.patient.id, now=clock.now())
    if not found:
        raise NotFoundError("superbill", str(number))
    for each in found:
        note_view(each.bill.patient.id, store=store, actor=actor, clock=clock)
    return tuple(each.bill for each in found)


def _content(bills: Sequence[Superbill], form: Form, month: ServiceMonth) -> bytes:
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
        case _:
            return _json_bytes(superbills_json(bills, month=month))


def _pdf(bills: Sequence[Superbill]) -> bytes:
    return superbill_pdf(bills, made_at=max(bill.data_as_of for bill in bills))


def _zip(bills: Sequence[Superbill]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for bill in sorted(bills, key=lambda each: (each.id, each.version)):
            of_number = "" if bill.number is None else f"-no-{bill.number}"
            name = f"superbill-{bill.service_month}-{bill.id}{of_number}.pdf"
            member = zipfile.ZipInfo(name, _ZIP_EPOCH)
            member.external_attr = 0o600 << 16
            archive.writestr(member, _pdf([bill]), compress_type=zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _json_bytes(content: object) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def _fhir(
    bills: Sequence[Superbill],
    patient_id: str,
    *,
    month: ServiceMonth,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> bytes:
    """Write a patient's month: records as they are now, and of superbills what stands as issued."""
    from trellis_core.fhir.export import patient_month_bundle  # noqa: PLC0415 - slow to import

    with store.reading() as unit:
        found = month_bills(
            unit,
            actor.practice_id,
            month,
            as_of=clock.now(),
            rule_book=rule_book,
            patient_ids=[patient_id],
        )
    (one,) = found.patients
    standing = {bill.id: bill for bill in reversed(bills) if bill.number is not None}
    chosen = [*standing.values(), *(bill for bill in bills if bill.id not in standing)]
    counted = dict(one.determination.counted_seconds)
    counted |= {
        row.entry_id: row.counted_seconds
        for bill in standing.values()
        for row in bill.time
        if row.counted_seconds or row.entry_id in counted
    }
    recorded = [entry.recorded_at for entry in one.facts.time_entries if entry.recorded_at]
    zone = zone_named(found.practice.time_zone)
    return _json_bytes(
        patient_month_bundle(
            practice=found.practice,
            patient=one.patient,
            staff=found.staff,
            facts=one.facts,
            counted_seconds=counted,
            superbills=chosen,
            pdfs={bill.id: _pdf([bill]) for bill in chosen},
            made_at=max(recorded, default=month.ends_at(zone)).astimezone(zone),
        )
    )
