"""Superbills as JSON for other systems. Keys are only ever added within a schema version."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from trellis_core.superbill import (
    Approval,
    Attestation,
    Closing,
    Practitioner,
    Superbill,
    SuperbillLine,
)
from trellis_core.values.money import amount_text
from trellis_core.values.periods import ServiceMonth

SCHEMA_NAME: Final = "trellis.superbills/1"

JsonValue = str | int | bool | None | list["JsonValue"] | dict[str, "JsonValue"]


def superbills_json(
    superbills: Sequence[Superbill], *, month: ServiceMonth
) -> dict[str, JsonValue]:
    """Return a month's superbills as a JSON object.

    Amounts are strings with two decimals, days and instants ISO 8601, ids opaque.
    """
    return {
        "schema": SCHEMA_NAME,
        "month": str(month),
        "superbills": [_superbill(each) for each in superbills],
    }


def _superbill(bill: Superbill) -> dict[str, JsonValue]:
    return {
        "id": bill.id,
        "number": bill.number,
        "version": bill.version,
        "replaces": bill.replaces,
        "replaced_by": bill.replaced_by,
        "status": str(bill.status),
        "service_month": str(bill.service_month),
        "patient": bill.patient.id,
        "payer": bill.payer.payer_name if bill.payer else None,
        "rendering": _practitioner(bill.billing),
        "diagnoses": [{"letter": each.letter, "icd10": each.icd10} for each in bill.diagnoses],
        "allowed": _amount(bill.allowed_total),
        "charge": _amount(bill.charge_total),
        "is_ready": bill.is_ready,
        "missing": [{"code": each.code, "message": each.message} for each in bill.missing],
        "cautions": [{"code": each.code, "message": each.message} for each in bill.cautions],
        "lines": [_line(each) for each in bill.lines],
        "withheld": [
            {
                "program": str(each.program),
                "code": each.code,
                "units": each.units,
                "question": each.question,
            }
            for each in bill.withheld
        ],
        "not_billed": [
            {
                "program": str(each.program),
                "codes": list(each.codes),
                "reason": each.reason,
                "message": each.message,
            }
            for each in bill.not_billed
        ],
        "rule_book": {
            "version": bill.rule_book_version,
            "fingerprint": bill.rule_book_fingerprint,
        },
        "ledger_head": bill.ledger_head,
        "checkpoint": bill.checkpoint,
        "closed": _closing(bill.closed),
        "approved": _approval(bill.approval),
        "attestations": [_attestation(bill, each) for each in bill.attestations],
        "weak_units": [
            {
                "program": str(each.program),
                "code": each.code,
                "needed_minutes": each.needed_minutes,
                "strong_minutes": each.strong_minutes,
            }
            for each in bill.weak_units
        ],
        "track_time": [
            {
                "program": str(each.program),
                "track": each.track or None,
                "seconds": each.seconds,
                "minutes": each.minutes,
            }
            for each in bill.track_time
        ],
        "data_as_of": bill.data_as_of.isoformat(),
    }


def _attestation(bill: Superbill, attestation: Attestation) -> JsonValue:
    lettered = {each.condition_id: each for each in bill.diagnoses}
    named = [lettered[each] for each in attestation.conditions if each in lettered]
    return {
        "program": str(attestation.program),
        "diagnoses": [each.icd10 for each in named],
        "by": attestation.by,
        "at": attestation.at.isoformat(),
    }


def _approval(approval: Approval | None) -> JsonValue:
    if approval is None:
        return None
    return {
        "by": approval.by,
        "at": approval.at.isoformat(),
        "decided": approval.is_decided,
        "reason": approval.reason,
    }


def _closing(closed: Closing | None) -> JsonValue:
    if closed is None:
        return None
    return {
        "period": closed.period,
        "at": closed.at.isoformat(),
        "event": closed.event,
        "ledger_seq": closed.ledger_seq,
        "ledger_head": closed.ledger_head,
    }


def _line(line: SuperbillLine) -> dict[str, JsonValue]:
    return {
        "id": line.id,
        "program": str(line.program),
        "code": line.code,
        "modifiers": list(line.modifiers),
        "units": line.units,
        "earned_units": line.earned_units,
        "minutes": line.minutes,
        "needed_minutes": line.needed_minutes,
        "date_of_service": line.date_of_service.isoformat(),
        "place_of_service": line.place_of_service,
        "diagnosis_pointers": list(line.diagnosis_pointers),
        "allowed": _amount(line.allowed),
        "schedule": line.fee_source.schedule if line.fee_source else None,
        "release": line.fee_source.release if line.fee_source else None,
        "locality": line.fee_source.locality if line.fee_source else None,
        "charge": _amount(line.charge),
        "charge_schedule": line.charge_schedule or None,
        "supervising": _practitioner(line.supervising),
        "performed_by": [
            {"staff": each.staff_id, "credential": each.credential, "minutes": each.minutes}
            for each in line.performed_by
        ],
        "threshold_met_at": line.threshold_met_at.isoformat() if line.threshold_met_at else None,
        "entries": list(line.entries),
        "rules": list(line.rules),
    }


def _practitioner(person: Practitioner | None) -> JsonValue:
    return None if person is None else {"staff": person.staff_id, "npi": person.npi}


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else amount_text(amount)


def superbills_schema() -> dict[str, JsonValue]:
    """Return the JSON Schema of a month's superbills."""
    text: dict[str, JsonValue] = {"type": "string"}
    number: dict[str, JsonValue] = {"type": "integer"}
    texts: dict[str, JsonValue] = {"type": "array", "items": text}
    amount: dict[str, JsonValue] = {"type": ["string", "null"], "pattern": r"^\d+\.\d{2}$"}
    maybe_text: dict[str, JsonValue] = {"type": ["string", "null"]}
    practitioner: dict[str, JsonValue] = {
        "type": ["object", "null"],
        "required": ["staff", "npi"],
        "properties": {"staff": text, "npi": maybe_text},
    }
    line = _object(
        {
            "id": text,
            "program": text,
            "code": {"type": "string", "pattern": "^[0-9A-Z]{5}$"},
            "modifiers": texts,
            "units": {"type": "integer", "minimum": 1},
            "earned_units": number,
            "minutes": {"type": ["integer", "null"]},
            "needed_minutes": {"type": ["integer", "null"]},
            "date_of_service": {"type": "string", "format": "date"},
            "place_of_service": text,
            "diagnosis_pointers": texts,
            "allowed": amount,
            "schedule": maybe_text,
            "release": maybe_text,
            "locality": maybe_text,
            "charge": amount,
            "charge_schedule": maybe_text,
            "supervising": practitioner,
            "performed_by": _list({"staff": maybe_text, "credential": text, "minutes": number}),
            "threshold_met_at": {"type": ["string", "null"], "format": "date-time"},
            "entries": texts,
            "rules": texts,
        }
    )
    superbill = _object(
        {
            "id": text,
            "number": {"type": ["integer", "null"]},
            "version": number,
            "replaces": {"type": ["integer", "null"]},
            "replaced_by": {"type": ["integer", "null"]},
            "status": text,
            "service_month": text,
            "patient": text,
            "payer": maybe_text,
            "rendering": practitioner,
            "diagnoses": _list({"letter": text, "icd10": text}),
            "allowed": amount,
            "charge": amount,
            "is_ready": {"type": "boolean"},
            "missing": _list({"code": text, "message": text}),
            "cautions": _list({"code": text, "message": text}),
            "lines": {"type": "array", "items": line},
            "withheld": _list({"program": text, "code": text, "units": number, "question": text}),
            "not_billed": _list({"program": text, "codes": texts, "reason": text, "message": text}),
            "rule_book": _object({"version": text, "fingerprint": text}),
            "ledger_head": maybe_text,
            "checkpoint": maybe_text,
            "closed": {
                "type": ["object", "null"],
                "required": ["period", "at", "event", "ledger_seq", "ledger_head"],
                "properties": {
                    "period": number,
                    "at": {"type": "string", "format": "date-time"},
                    "event": number,
                    "ledger_seq": number,
                    "ledger_head": text,
                },
            },
            "approved": {
                "type": ["object", "null"],
                "required": ["by", "at", "decided", "reason"],
                "properties": {
                    "by": text,
                    "at": {"type": "string", "format": "date-time"},
                    "decided": {"type": "boolean"},
                    "reason": text,
                },
            },
            "attestations": _list(
                {
                    "program": text,
                    "diagnoses": texts,
                    "by": text,
                    "at": {"type": "string", "format": "date-time"},
                }
            ),
            "weak_units": _list(
                {
                    "program": text,
                    "code": text,
                    "needed_minutes": number,
                    "strong_minutes": number,
                }
            ),
            "track_time": _list(
                {"program": text, "track": maybe_text, "seconds": number, "minutes": number}
            ),
            "data_as_of": {"type": "string", "format": "date-time"},
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Superbills of a month",
        **_object(
            {
                "schema": {"const": SCHEMA_NAME},
                "month": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
                "superbills": {"type": "array", "items": superbill},
            }
        ),
    }


def _object(properties: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {"type": "object", "required": [*properties], "properties": properties}


def _list(properties: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {"type": "array", "items": _object(properties)}
