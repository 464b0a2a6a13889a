"""An audit packet for machines: ``packet.json``, which the program beside it checks.

Bodies, hashes and issued documents stand in it as the texts that were hashed; what is repeated
beside them for readers is compared with them by the checker.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from trellis_core.care.people import Patient
from trellis_core.case_file.answer import determination_json
from trellis_core.documents.packet_parts import (
    Link,
    PacketClose,
    PacketContents,
    PacketEntry,
    PacketPatient,
    PacketSuperbill,
    ReplayResult,
)
from trellis_core.ledger.chain import receipt_code
from trellis_core.values.periods import zone_named

SCHEMA_NAME: Final = "trellis.packet/1"
"""Name and version of the form; keys are only ever added within a version."""

_LINE: Final = (
    *("id", "program", "code", "units", "minutes", "needed_minutes", "entries"),
    *("date_of_service", "allowed", "charge"),
)


def packet_json(contents: PacketContents, *, files: Mapping[str, str]) -> dict[str, object]:
    """Return a packet as an object.

    Args:
        contents: What it says.
        files: SHA-256 of each file beside it, hex, by name.
    """
    practice, zone = contents.practice, zone_named(contents.practice.time_zone)
    return {
        "schema": SCHEMA_NAME,
        "trellis": contents.made_by,
        "practice": {
            "id": practice.id,
            "name": practice.name,
            "npi": practice.npi,
            "tin": practice.tin,
            "time_zone": practice.time_zone,
        },
        "month": str(contents.month),
        "ledger": {"entries": contents.ledger_seq, "head": contents.ledger_head},
        "check": {"ok": not contents.check_problems, "problems": list(contents.check_problems)},
        "people": [
            {"id": each.id, "name": each.name, "credential": _word(each.credential)}
            for _, each in sorted(contents.people.items())
        ],
        "closes": [_close(each, zone) for each in contents.closes],
        "patients": [_patient(each, zone) for each in contents.patients],
        "files": dict(sorted(files.items())),
    }


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _moment(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds")


def _day(on: date | None) -> str | None:
    return None if on is None else on.isoformat()


def _link(link: Link) -> dict[str, object]:
    return {"seq": link.seq, "prev": link.prev, "hash": link.hash, "body": link.body}


def _close(close: PacketClose, zone: ZoneInfo) -> dict[str, object]:
    signed = close.checkpoint
    return {
        "period": close.period,
        "at": _moment(close.at, zone),
        "by": close.by,
        "ledger_seq": close.ledger_seq,
        "ledger_head": close.ledger_head,
        "event": _link(close.event),
        "state": close.state,
        "hashed": close.hashed,
        "rest": close.rest,
        "following": [_link(each) for each in close.following],
        "checkpoint": None
        if signed is None
        else {"body": signed.body, "signature": signed.signature},
    }


def _patient(each: PacketPatient, zone: ZoneInfo) -> dict[str, object]:
    return {
        "patient": _person(each.patient),
        "superbills": [_superbill(bill) for bill in each.superbills],
        "entries": [_entry(entry, zone) for entry in each.entries],
        "decided": None
        if each.decided is None
        else {"period": each.period, "sha256": each.decided_sha256, "document": each.decided},
        "replays": [_replay(result) for result in each.replays],
        "trace": {}
        if each.explained is None
        else determination_json(each.explained, explain=True)["trace"],
    }


def _person(patient: Patient) -> dict[str, object]:
    return {
        "id": patient.id,
        "mrn": patient.mrn,
        "family_name": patient.family_name,
        "given_name": patient.given_name,
        "birth_date": _day(patient.birth_date),
    }


def _superbill(each: PacketSuperbill) -> dict[str, object]:
    lines = json.loads(each.document)["superbill"]["lines"]
    return {
        "number": each.number,
        "version": each.bill.version,
        "replaces": each.bill.replaces,
        "superseded_by": each.superseded_by,
        "period": each.period,
        "sha256": each.sha256,
        "document": each.document,
        "lines": [{key: line.get(key) for key in _LINE} for line in lines],
    }


def _entry(entry: PacketEntry, zone: ZoneInfo) -> dict[str, object]:
    body, withheld = entry.body, entry.withheld
    return {
        "number": entry.link.seq,
        "receipt": receipt_code(bytes.fromhex(entry.link.hash)),
        "kind": body.kind.value,
        "program": body.program.value,
        "seconds": body.seconds,
        "counted_seconds": entry.counted_seconds,
        "not_counted": list(entry.not_counted),
        "mode": body.mode.value,
        "is_reversed": entry.is_reversed,
        "note": entry.note,
        "salt": entry.salt,
        "withheld": None
        if withheld is None
        else {"at": _moment(withheld.at, zone), "by": withheld.by, "reason": withheld.reason},
        "prev": entry.link.prev,
        "hash": entry.link.hash,
        "body": entry.link.body,
    }


def _replay(result: ReplayResult) -> dict[str, object]:
    return {
        "period": result.period,
        "same": result.is_same,
        "words": result.words,
        "differences": list(result.differences),
        "recorded_later": list(result.recorded_later),
        "rule_book": {"version": result.rule_book_version, "fingerprint": result.fingerprint},
        "trellis": result.program_version,
    }
