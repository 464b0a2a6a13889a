"""Issued superbills: how one is kept, given back unchanged, replaced and withdrawn.

An issued superbill is stored whole, as JSON of the value itself, and drawn from that for ever after:
what is on record may change, a document that left the practice may not. ``content_of`` says when a
new close has something else to say, ``claim_of`` when a claim that was sent must be corrected.
"""

import hashlib
import json
import zlib
from collections.abc import Hashable
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from trellis_core.errors import InvalidValueError
from trellis_core.superbill.bill import (
    Closing,
    Practitioner,
    RecordedTime,
    Superbill,
    SuperbillLine,
    SuperbillStatus,
)
from trellis_core.values.periods import zone_named

SCHEMA_NAME: Final = "trellis.issued-superbill/1"
"""Name and version of a stored superbill's form; keys are only ever added within a version."""

_PACKED_AT: Final = 6
"""The level at which documents are packed: smaller is hardly possible, slower is."""


def issued(
    draft: Superbill, *, number: int, version: int, replaces: int | None, closed: Closing
) -> Superbill:
    """Return a draft as a close issues it.

    Args:
        draft: As it was drawn up.
        number: The practice's next running number.
        version: 1, or one more than that of what it replaces.
        replaces: Number of the version before.
        closed: The close.
    """
    notes = draft.notes
    if replaces is not None and not draft.lines:
        notes = (f"Replaces {replaces}. Nothing is billed.", *notes)
    return replace(
        draft,
        number=number,
        version=version,
        replaces=replaces,
        status=SuperbillStatus.ISSUED,
        closed=closed,
        checkpoint=None,
        notes=notes,
    )


# --- keeping one --------------------------------------------------------------------------------


@cache
def _adapter() -> TypeAdapter[Superbill]:
    return TypeAdapter(Superbill)


def superbill_text(bill: Superbill) -> str:
    """Write a superbill as JSON, all of it; equal superbills have equal texts."""
    content = {
        "schema": SCHEMA_NAME,
        "superbill": _adapter().dump_python(bill, mode="json"),
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def superbill_of(text: str) -> Superbill:
    """Read a superbill back, equal to the one that was written.

    Raises:
        InvalidValueError: The text is not a superbill of this form.
    """
    try:
        content = json.loads(text)
        if content["schema"] != SCHEMA_NAME:
            raise InvalidValueError(f"A stored superbill has the form '{content['schema']}'.")
        bill = _adapter().validate_python(content["superbill"])
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise InvalidValueError("A stored superbill cannot be read.") from error
    return _in_zone(bill, zone_named(bill.practice.time_zone))


def _in_zone(bill: Superbill, zone: ZoneInfo) -> Superbill:
    """Give every instant its zone again, by whose name documents write it."""

    def here(at: datetime | None) -> datetime | None:
        return None if at is None else at.astimezone(zone)

    return replace(
        bill,
        data_as_of=bill.data_as_of.astimezone(zone),
        attestations=tuple(
            replace(each, at=each.at.astimezone(zone)) for each in bill.attestations
        ),
        approval=None
        if bill.approval is None
        else replace(bill.approval, at=bill.approval.at.astimezone(zone)),
        lines=tuple(
            replace(line, threshold_met_at=here(line.threshold_met_at)) for line in bill.lines
        ),
        time=tuple(
            replace(
                row,
                started_at=row.started_at.astimezone(zone),
                recorded_at=here(row.recorded_at),
            )
            for row in bill.time
        ),
        closed=None
        if bill.closed is None
        else replace(bill.closed, at=bill.closed.at.astimezone(zone)),
    )


def packed(text: str) -> tuple[bytes, str]:
    """Return a document as it is stored, and the SHA-256 of its text, hex."""
    content = text.encode("utf-8")
    return zlib.compress(content, _PACKED_AT), hashlib.sha256(content).hexdigest()


def unpacked(document: bytes, sha256: str) -> str:
    """Return a stored document's text.

    Raises:
        InvalidValueError: It is not what its digest says.
    """
    try:
        content = zlib.decompress(document)
    except zlib.error as error:
        raise InvalidValueError("A stored document cannot be unpacked.") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise InvalidValueError("A stored document is not the one that was issued.")
    return content.decode("utf-8")


# --- what differs -------------------------------------------------------------------------------


def content_of(bill: Superbill) -> Hashable:
    """Return what a superbill says of the month: superbills with the same content say the same.

    The wording of rules, the rule book's amounts, and what is on file beside the time are left out:
    they change with every edition and every record, and the claim and its evidence do not.
    """
    patient, practice = bill.patient, bill.practice
    return (
        claim_of(bill),
        (patient.id, patient.mrn, patient.qualified_medicare_beneficiary),
        (patient.address_line, patient.city, patient.state, patient.postal_code),
        (practice.name, practice.phone),
        (practice.address_line, practice.city, practice.state, practice.postal_code),
        bill.billing,
        tuple((each.letter, each.icd10, each.text) for each in bill.diagnoses),
        bill.diagnoses_left_out,
        tuple(_worked(line) for line in bill.lines),
        tuple(_recorded(row) for row in bill.time),
    )


def content_sha256(bill: Superbill) -> str:
    """Return the SHA-256, hex, of what a superbill says of the month: what an approval is of."""
    content = to_jsonable_python(content_of(bill))
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def claim_of(bill: Superbill) -> Hashable:
    """Return what of a superbill goes on the claim and would have to be corrected there."""
    patient, practice, payer = bill.patient, bill.practice, bill.payer
    codes = {each.letter: each.icd10 for each in bill.diagnoses}
    if not bill.lines:
        return ()
    return (
        (patient.family_name, patient.given_name, patient.birth_date, patient.sex),
        None if payer is None else (payer.payer_name, payer.kind, payer.member_id),
        (practice.npi, practice.tin),
        _identified(bill.billing),
        tuple(each.icd10 for each in bill.diagnoses),
        tuple(
            (
                line.code,
                line.modifiers,
                line.units,
                line.date_of_service,
                line.place_of_service,
                tuple(codes.get(letter, "") for letter in line.diagnosis_pointers),
                line.charge,
                _identified(line.rendering),
                _identified(line.supervising),
            )
            for line in bill.lines
        ),
    )


def _identified(person: Practitioner | None) -> Hashable:
    return None if person is None else (person.staff_id, person.npi)


def _worked(line: SuperbillLine) -> Hashable:
    """Return a line without what the rule book says of it: label, amounts, marks and rules."""
    return (
        line.id,
        line.program,
        line.earned_units,
        line.minutes,
        line.rendering,
        line.supervising,
        line.performed_by,
        line.threshold_met_on,
        line.threshold_met_at,
        line.entries,
    )


def _recorded(row: RecordedTime) -> Hashable:
    """Return a time entry without the sentences that say why it did not count, and how it came in.

    How it came in never changes, and was not kept with the first superbills.
    """
    return replace(row, reasons=(), mode="", recorded_at=None, is_late=False)
