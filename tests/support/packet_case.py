"""A closed month with corrections, a withheld note and another patient, and its audit packet."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.month_case import NOVEMBER, MonthCase
from trellis_core.access import AccessRole
from trellis_core.documents.packet_parts import PacketContents
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.billing import Document
from trellis_core.services.entry_history import withhold_note
from trellis_core.services.packets import packet, packet_contents
from trellis_core.services.time_log import CorrectTime, correct_time
from trellis_core.store.engine import Store

WITHHELD = "spoke about diet"
REASON = "typed one minute too many"


def at(day: int, hour: int = 15) -> datetime:
    """Return an hour of a day in November."""
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def closed_month(store: Store) -> MonthCase:
    """Close November with two patients; the first has a corrected entry and one with a withheld note."""
    case = MonthCase(store)
    case.enrolled("p-1", "p-2")
    case.log("p-1", 13, at=at(3), entry_id="first")
    case.log("p-2", 21, at=at(4), entry_id="others")
    case.log("p-1", 12, at=at(10), entry_id="second")
    owner = case.actor(AccessRole.OWNER)
    correct_time(
        CorrectTime(entry_id_new="corrected", entry_id="second", seconds=11 * 60, reason=REASON),
        store=store,
        actor=owner,
        clock=case.clock,
    )
    withhold_note("first", reason="not about her", store=store, actor=owner, clock=case.clock)
    case.close()
    return case


def make_packet(case: MonthCase, **chosen: object) -> Document:
    """Make a packet as the auditor does."""
    return packet(**around(case), **(chosen or {"patient_ids": ["p-1"]}))  # type: ignore[arg-type]


def contents_of(case: MonthCase, **chosen: object) -> PacketContents:
    """Return what a packet holds."""
    return packet_contents(**around(case), **(chosen or {"patient_ids": ["p-1"]}))  # type: ignore[arg-type]


def around(case: MonthCase, role: AccessRole = AccessRole.AUDITOR) -> Mapping[str, Any]:
    """Return what every call takes."""
    return {
        "month": NOVEMBER,
        "store": case.store,
        "actor": case.actor(role, "auditor-1"),
        "clock": case.clock,
        "rule_book": load_rule_book(),
    }


def told_in(content: bytes) -> dict[str, Any]:
    """Return a packet's JSON."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found: dict[str, Any] = json.loads(archive.read("packet.json"))
    return found


def changed(content: bytes, change: Callable[[dict[str, Any]], None], path: Path) -> Path:
    """Write a packet anew with its JSON changed."""
    told = told_in(content)
    change(told)
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, json.dumps(told) if name == "packet.json" else old.read(name))
    return path
