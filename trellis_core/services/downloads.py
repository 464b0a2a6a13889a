"""The one door through which a file leaves: asked for by right, named in the journal, then given.

What a button on a page or a command writes out is made by another service; this one checks the
operation, has the file made, and names its digest in the journal before a byte of it leaves. A file
that cannot be named in the journal is not given. The export of the ledger and backups have an event
of their own and do not come by here.
"""

import hashlib
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from trellis_core.access import Actor, Operation, require
from trellis_core.ledger.journal import EventKind
from trellis_core.services.access_log import audited, note
from trellis_core.services.caseload import patient_row_of
from trellis_core.store.engine import Store
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth

FILE: Final = "file"
"""What an event about a file names as its subject; the subject's id is the file's SHA-256."""


class FileForm(StrEnum):
    """What kind of file left."""

    SUPERBILL_PDF = "superbill_pdf"
    SUPERBILL_ZIP = "superbill_zip"
    SUPERBILL_CSV = "superbill_csv"
    SUPERBILL_XLSX = "superbill_xlsx"
    SUPERBILL_JSON = "superbill_json"
    ENTRIES_CSV = "entries_csv"
    FHIR = "fhir"
    FHIR_EXPORT = "fhir_export"
    AUDIT_PACKET = "audit_packet"
    ACCESS_LOG_CSV = "access_log_csv"
    ROI_CSV = "roi_csv"
    ROI_PDF = "roi_pdf"
    PERFORMANCE_CSV = "performance_csv"
    IMPORT_REPORT_CSV = "import_report_csv"
    IMPORT_TEMPLATE_CSV = "import_template_csv"
    FEE_LIST_CSV = "fee_list_csv"
    CONSENT_FORM = "consent_form"
    CARE_PLAN = "care_plan"


@audited
def deliver(
    make: Callable[[], bytes],
    *,
    operation: Operation,
    form: FileForm,
    patient_id: str | None = None,
    month: ServiceMonth | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> bytes:
    """Have a file made for the actor, name it in the journal, and return it.

    Args:
        make: Makes the file by asking a service, which checks the actor's right again.
        operation: What the actor must be allowed to do.
        form: What kind of file it is.
        patient_id: Whom it is about; None where it is about several or nobody.
        month: The service month that it is about; None for none.
        store: The store.
        actor: Who asks.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not do the operation; nothing was made.
        NotFoundError: The patient is not one of the actor's practice; nothing was made.
        TrellisError: What ``make`` refuses.
        StoreError: The journal could not be written; the file was not given.
    """
    require(actor, operation)
    if patient_id is not None:
        with store.reading() as unit:
            patient_row_of(unit, patient_id, actor=actor)
    content = make()
    details: dict[str, object] = {"bytes": len(content), "form": form.value}
    if month is not None:
        details["month"] = str(month)
    note(
        EventKind.DOWNLOADED,
        subject_kind=FILE,
        subject_id=hashlib.sha256(content).hexdigest(),
        patient_id=patient_id,
        details=details,
        store=store,
        actor=actor,
        clock=clock,
    )
    return content
