"""Sending an export to a FHIR server: as transactions, or the superbills' documents alone."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast
from urllib.parse import urlsplit

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import CommandRefusedError
from trellis_core.fhir.shapes import Resource
from trellis_core.ledger.journal import EventKind
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited, note
from trellis_core.services.fhir_export import ExportForm, FhirExport, FhirWanted, Told, export_fhir
from trellis_core.services.fhir_export import tell_nobody as tell_nobody_of_patients
from trellis_core.services.fhir_push import PushReport, checked_address, push, push_documents
from trellis_core.store.engine import Store
from trellis_core.values.clock import Clock

SERVER: Final = "fhir_server"
"""What an event about sending names as its subject; the subject's id is the server's host."""


def tell_nobody(done: int) -> None:
    """Say nothing of how many were sent."""


@audited
def send_fhir(
    wanted: FhirWanted,
    *,
    to: str,
    token: str | None = None,
    documents_only: bool = False,
    folder: Path | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
    told: Told = tell_nobody_of_patients,
    told_sent: Callable[[int], None] = tell_nobody,
) -> tuple[FhirExport, PushReport]:
    """Export, and send what was exported; sending again changes nothing that is there.

    Args:
        wanted: What; in the form of transactions, or of files by type for documents alone.
        to: The server's base address: https, or http on this machine.
        token: The bearer token; None for none.
        documents_only: Send the superbills' documents by themselves, each to the patient whom the
            server knows by the same record number.
        folder: Where the files stay; None to keep none.
        store: The store.
        actor: Who sends.
        clock: When.
        rule_book: The rules that drafts are drawn up by.
        told: Told how many patients are written.
        told_sent: Told how many transactions or documents were sent.

    Raises:
        PermissionDeniedError: The actor may not export.
        CommandRefusedError: The address is not one that records may be sent to, or the form is not one
            that can be sent.
    """
    require(actor, Operation.EXPORT_FHIR)
    address = checked_address(to)
    needed = ExportForm.NDJSON if documents_only else ExportForm.TRANSACTION
    if wanted.form is not needed:
        raise CommandRefusedError(
            "FORM", f"The form '{wanted.form}' cannot be sent like this; '{needed}' can."
        )
    with TemporaryDirectory() as scratch:
        place = folder or Path(scratch) / "export"
        exported = export_fhir(
            wanted,
            place,
            store=store,
            actor=actor,
            clock=clock,
            rule_book=rule_book,
            told=told,
        )
        if documents_only:
            report = push_documents(_documents(place), to=address, token=token, told=told_sent)
        else:
            report = push(_transactions(place, exported), to=address, token=token, told=told_sent)
    note(
        EventKind.EXPORTED,
        subject_kind=SERVER,
        subject_id=urlsplit(address).hostname or "",
        details={
            "what": "documents to a FHIR server" if documents_only else "records to a FHIR server",
            "patients": exported.patients,
            "complete": report.is_complete,
        },
        store=store,
        actor=actor,
        clock=clock,
    )
    return exported, report


def _transactions(folder: Path, exported: FhirExport) -> Iterator[Resource]:
    for name, _ in exported.files:
        yield cast("Resource", json.loads((folder / name).read_bytes(), parse_float=Decimal))


def _documents(folder: Path) -> Iterator[tuple[Resource, Resource]]:
    """Go through the documents, each with its patient."""
    patients = {f"Patient/{each['id']}": each for each in _lines(folder / "Patient.ndjson")}
    for document in _lines(folder / "DocumentReference.ndjson"):
        subject = cast("Resource", document["subject"])
        yield patients[str(subject["reference"])], document


def _lines(path: Path) -> Iterator[Resource]:
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            yield cast("Resource", json.loads(line, parse_float=Decimal))
