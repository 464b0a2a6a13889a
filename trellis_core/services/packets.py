"""Audit packets: everything behind a closed month's superbills, and a program that checks it alone.

A packet is one ZIP file: ``packet.pdf`` to read, ``packet.json`` for programs, ``check_packet.py``,
which needs nothing but Python, and a page that says how. It names the charts it is about, each in
the access log. Unchanged data gives the same bytes.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from sqlmodel import col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.documents.packet_json import packet_json
from trellis_core.documents.packet_parts import PacketContents
from trellis_core.documents.packet_pdf import packet_pdf
from trellis_core.errors import CommandRefusedError
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_events import note_view
from trellis_core.services.access_log import audited
from trellis_core.services.billing import Document
from trellis_core.services.chart_guard import guard
from trellis_core.services.integrity import check_ledger
from trellis_core.services.packet_reading import Sample, chosen_of, read_contents
from trellis_core.services.replays import closes_of
from trellis_core.store.engine import Store
from trellis_core.store.month_query import issued_of
from trellis_core.store.tables import PatientRow
from trellis_core.values.clock import Clock
from trellis_core.values.findings import Severity
from trellis_core.values.periods import ServiceMonth

__all__ = ["LONGEST_LIST", "FoundSample", "Sample", "find_sample", "packet", "packet_contents"]

LONGEST_LIST: Final = 500
"""Superbills and patients that one packet names."""

PDF_FILE: Final = "packet.pdf"
JSON_FILE: Final = "packet.json"
CHECKER_FILE: Final = "check_packet.py"
README_FILE: Final = "READ_ME.txt"
MEDIA_TYPE: Final = "application/zip"

_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSample:
    """What a payer's list names.

    Attributes:
        sample: What of it is in the month.
        unknown: What of it is not, as it was written.
    """

    sample: Sample
    unknown: tuple[str, ...]


@audited
def find_sample(
    words: Sequence[str],
    *,
    month: ServiceMonth,
    are_numbers: bool,
    store: Store,
    actor: Actor,
) -> FoundSample:
    """Find a payer's list among a closed month's superbills or patients.

    Args:
        words: Numbers of superbills, or record numbers (MRN).
        month: The service month.
        are_numbers: They are numbers of superbills.
        store: The store.
        actor: Who asks.

    Raises:
        PermissionDeniedError: The actor may not read packets.
        CommandRefusedError: The month was never closed, or the list is too long.
    """
    require(actor, Operation.READ_PACKET)
    _refuse_long(len(words))
    listed = list(dict.fromkeys(word.strip() for word in words if word.strip()))
    with store.reading() as unit:
        closes_of(unit, actor.practice_id, month)
        issued = issued_of(unit, actor.practice_id, month=month, with_documents=False)
        if are_numbers:
            numbers = {str(row.number): row.number for row in issued}
            plain = {word: word.lstrip("#").lstrip("0") for word in listed}
            found = [numbers[plain[word]] for word in listed if plain[word] in numbers]
            return FoundSample(
                sample=Sample(numbers=tuple(dict.fromkeys(found))),
                unknown=tuple(word for word in listed if plain[word] not in numbers),
            )
        billed = {row.patient_id for row in issued}
        rows = unit.session.exec(
            select(PatientRow.mrn, PatientRow.id).where(
                col(PatientRow.practice_id) == actor.practice_id, col(PatientRow.mrn).in_(listed)
            )
        ).all()
    patients = {mrn: patient_id for mrn, patient_id in rows if patient_id in billed}
    return FoundSample(
        sample=Sample(patient_ids=tuple(patients[word] for word in listed if word in patients)),
        unknown=tuple(word for word in listed if word not in patients),
    )


@audited
def packet_contents(
    *,
    month: ServiceMonth,
    patient_ids: Collection[str] = (),
    numbers: Collection[int] = (),
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> PacketContents:
    """Return what a packet holds, with the check of the store and each month decided again.

    Args:
        month: A month that was closed.
        patient_ids: Patients whose month is wanted, with every superbill of it.
        numbers: Superbills that are wanted, whichever version.
        store: The store.
        actor: Who asks.
        clock: When the charts are looked at.
        rule_book: The rules in use.

    Raises:
        PermissionDeniedError: The actor may not read packets.
        NotFoundError: A patient is not one of the actor's practice, or a superbill not of the month.
        ChartRestrictedError: A chart is not open to the actor.
        CommandRefusedError: The month was never closed, nothing or too much is named, or no close
            decided anything of a patient.
        StoreError: A document, decision or rule book is not as it was kept.
    """
    require(actor, Operation.READ_PACKET)
    sample = Sample(
        patient_ids=tuple(dict.fromkeys(patient_ids)), numbers=tuple(dict.fromkeys(numbers))
    )
    _refuse_long(len(sample.patient_ids) + len(sample.numbers))
    if not sample.patient_ids and not sample.numbers:
        raise CommandRefusedError(
            "NOTHING_NAMED", "Name a patient or the number of a superbill for the packet."
        )
    now = clock.now()
    with store.reading() as unit:
        for patient_id in sample.patient_ids:
            guard(unit, actor, patient_id, now=now)
        chosen = chosen_of(unit, actor.practice_id, month, sample)
        for patient_id in chosen.bills:
            guard(unit, actor, patient_id, now=now)
    report = check_ledger(store=store, actor=actor, clock=clock)
    problems = [
        f"{each.code}: {each.message}"
        for each in report.findings
        if each.severity is Severity.ERROR
    ]
    with store.reading() as unit:
        contents = read_contents(
            unit,
            actor.practice_id,
            month,
            chosen_of(unit, actor.practice_id, month, sample),
            check_problems=problems,
            rule_book=rule_book,
        )
    for each in contents.patients:
        note_view(each.patient.id, store=store, actor=actor, clock=clock)
    return contents


@audited
def packet(
    *,
    month: ServiceMonth,
    patient_ids: Collection[str] = (),
    numbers: Collection[int] = (),
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> Document:
    """Make an audit packet. Unchanged data gives the same bytes.

    Args:
        month: A month that was closed.
        patient_ids: Patients whose month is wanted, with every superbill of it.
        numbers: Superbills that are wanted, whichever version.
        store: The store.
        actor: Who asks.
        clock: When the charts are looked at.
        rule_book: The rules in use.

    Raises:
        PermissionDeniedError: The actor may not read packets.
        NotFoundError: A patient is not one of the actor's practice, or a superbill not of the month.
        ChartRestrictedError: A chart is not open to the actor.
        CommandRefusedError: The month was never closed, nothing or too much is named, or no close
            decided anything of a patient.
        StoreError: A document, decision or rule book is not as it was kept.
    """
    require(actor, Operation.READ_PACKET)
    return packet_document(
        packet_contents(
            month=month,
            patient_ids=patient_ids,
            numbers=numbers,
            store=store,
            actor=actor,
            clock=clock,
            rule_book=rule_book,
        )
    )


def packet_document(contents: PacketContents) -> Document:
    """Write a packet's contents as its ZIP file."""
    pdf = packet_pdf(contents)
    told = packet_json(contents, files={PDF_FILE: hashlib.sha256(pdf).hexdigest()})
    text = json.dumps(told, ensure_ascii=False, indent=1) + "\n"
    checker = files("trellis_core.standalone").joinpath(CHECKER_FILE).read_bytes()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (
            (README_FILE, _README.encode()),
            (PDF_FILE, pdf),
            (JSON_FILE, text.encode()),
            (CHECKER_FILE, checker),
        ):
            member = zipfile.ZipInfo(name, _ZIP_EPOCH)
            member.external_attr = _PRIVATE << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    content = out.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    return Document(
        file_name=f"audit-packet-{contents.month}-{digest[:8]}.zip",
        media_type=MEDIA_TYPE,
        content=content,
        sha256=digest,
    )


def _refuse_long(length: int) -> None:
    if length > LONGEST_LIST:
        raise CommandRefusedError(
            "LIST_TOO_LONG",
            f"A packet names at most {LONGEST_LIST} superbills or patients; the list has {length}. "
            "Make several packets.",
        )


_README: Final = """\
AN AUDIT PACKET, AND HOW TO CHECK IT

This file was made by Trellis, the program in which a practice records the time it spends on
coordinating its patients' care. It holds everything behind some superbills of one closed month:

  packet.pdf       to read: each superbill as it was issued, every recorded minute with its receipt,
                   how it came in and what was corrected, the consents, plans and scales on file, the
                   rules with their sources, and how all of it is sealed
  packet.json      the same for programs, with everything that was hashed and signed
  check_packet.py  a program that checks packet.json without Trellis; its first lines describe all
                   that it does, so that you can have one written instead of trusting this one
  READ_ME.txt      this page

How to check it. You need Python 3.8 or newer (python.org) and nothing else: no Trellis, no network.
Unpack this file, open a terminal in the folder, and run

    python3 check_packet.py

It says in plain sentences what it proved and what it could not. Its exit status is 0 when
everything fits, 1 when something does not, and 2 when the files cannot be read.

A packet shows only the patients it is about. That their entries stand in the practice's one ledger
at their places, and that none was left out, is proved with the ledger, which the practice exports
without names or notes ("trellis export ledger"):

    python3 check_packet.py --ledger ledger.zip

The packet holds protected health information. Keep it, send it and destroy it accordingly.
"""
