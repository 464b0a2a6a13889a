"""Superbills of a month and their documents, for the people who may see and draw them up.

Of an open month they are drafts, drawn up from what is on record now. Of a closed month they are what
was issued, whatever is recorded since. Of a reopened one they are both.
"""

import hashlib
import io
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final, Literal, Protocol

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import Program
from trellis_core.documents.columns import EVERY_COLUMN, Column
from trellis_core.documents.entries_csv import entries_csv
from trellis_core.documents.superbill_csv import superbill_csv
from trellis_core.documents.superbill_json import superbills_json
from trellis_core.documents.superbill_parts import drawn, drawn_files, joined, joined_files
from trellis_core.documents.superbill_pdf import OnProgress, superbill_pdf
from trellis_core.documents.superbill_xlsx import superbill_xlsx
from trellis_core.documents.superbill_zip import write_superbill_zip
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.fhir import MEDIA_TYPE
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_events import note_view
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import guard
from trellis_core.services.column_profiles import profile_named
from trellis_core.services.downloads import FileForm
from trellis_core.services.issued_superbills import read_issued
from trellis_core.services.months import month_review
from trellis_core.services.superbill_bundle import json_bytes, month_bundle
from trellis_core.store.engine import Store
from trellis_core.superbill import Superbill
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth

Form = Literal["pdf", "csv", "xlsx", "entries", "zip", "json", "fhir"]

MEDIA: Final[Mapping[str, str]] = {
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "entries": "text/csv; charset=utf-8",
    "zip": "application/zip",
    "json": "application/json",
    "fhir": MEDIA_TYPE,
}
ENDINGS: Final[Mapping[str, str]] = {
    "pdf": "pdf",
    "csv": "csv",
    "xlsx": "xlsx",
    "entries": "entries.csv",
    "zip": "zip",
    "json": "json",
    "fhir": "fhir.json",
}
FILE_FORMS: Final[Mapping[str, FileForm]] = {
    "pdf": FileForm.SUPERBILL_PDF,
    "csv": FileForm.SUPERBILL_CSV,
    "xlsx": FileForm.SUPERBILL_XLSX,
    "entries": FileForm.ENTRIES_CSV,
    "zip": FileForm.SUPERBILL_ZIP,
    "json": FileForm.SUPERBILL_JSON,
    "fhir": FileForm.FHIR,
}
WITH_COLUMNS: Final[frozenset[Form]] = frozenset({"csv", "xlsx", "zip"})
"""Forms that hold a table of the lines, which a column profile lays out."""


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
class WrittenFile:
    """A finished file that was written elsewhere.

    Attributes:
        file_name: As of a ``Document``.
        sha256: Of what was written, in hex.
        superbills: How many are in it.
    """

    file_name: str
    media_type: str
    sha256: str
    superbills: int


class InParts(Protocol):
    """Has superbills drawn some at a time, and keeps what was drawn where it can be used again."""

    def __call__(
        self,
        bills: Sequence[Superbill],
        draw: Callable[[Sequence[Superbill]], bytes],
        *,
        look: str,
    ) -> Iterable[bytes]:
        """Return the parts in the order of their superbills.

        Args:
            bills: In the order in which they stand in the file.
            draw: Draws some of them as a part.
            look: Differs where the same superbill is drawn otherwise.
        """


@audited
def superbills(
    *,
    month: ServiceMonth,
    patient_id: str | None = None,
    program: Program | None = None,
    number: int | None = None,
    only: Collection[str] | None = None,
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
        only: Only superbills of these ids; None for all that the other words leave. Where one
            patient's alone remain, that is a look at this patient.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see superbills.
        NotFoundError: The patient is not one of the actor's practice, or no superbill of the month
            has the number or one of the ids.
        ChartRestrictedError: One patient's were asked for, whose chart is not open to the actor.
        StoreError: An issued superbill is not as it was issued.
    """
    require(actor, Operation.READ_SUPERBILL)
    if number is not None:
        return _numbered(number, month=month, store=store, actor=actor, clock=clock)
    found = month_review(
        month,
        patient_id=patient_id,
        program=program,
        store=store,
        actor=actor,
        clock=clock,
        rule_book=rule_book,
    ).superbills
    if only is None:
        return found
    chosen = _chosen(found, frozenset(only))
    if patient_id is None and len({bill.patient.id for bill in chosen}) == 1:
        _looked_at(chosen, store=store, actor=actor, clock=clock)
    return chosen


@audited
def superbill_document(
    *,
    month: ServiceMonth,
    form: Form,
    patient_id: str | None = None,
    program: Program | None = None,
    number: int | None = None,
    only: Collection[str] | None = None,
    profile: str | None = None,
    on_progress: OnProgress | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> Document:
    """Draw a month's superbills up as a file. Unchanged data gives the same bytes.

    What was issued gives the same bytes while it stands; a version that was replaced says by which. A
    FHIR document also holds records as they are now.

    Args:
        month: The service month.
        form: ``pdf`` one document; ``zip`` a PDF for each superbill with the table of lines and a
            manifest; ``csv`` one row for each line; ``xlsx`` the same with totals; ``entries`` a CSV
            with one row for each time entry; ``json``; or ``fhir`` one patient's month.
        patient_id: Only this patient's; needed for ``fhir``.
        program: Only those on which this program bills or waits for a choice.
        number: Only the issued superbill of this number, also where a later version replaced it; not
            for ``fhir``.
        only: Only superbills of these ids; not for ``fhir``.
        profile: The name of a column profile for the table of lines; only for ``csv``, ``xlsx`` and
            ``zip``. None for the columns of the contract.
        on_progress: Is told, while a PDF or ZIP is drawn, how many of how many superbills are; what it
            raises ends the work.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not draw up superbills, or not export FHIR.
        NotFoundError: The patient is not one of the actor's practice, or no superbill of the month
            has the number or one of the ids.
        CommandRefusedError: FHIR without a patient, a PDF or ZIP of nothing, an empty selection, or a
            profile that is unknown or of no use to the form.
        StoreError: An issued superbill is not as it was issued.
    """
    out = io.BytesIO()
    written = write_superbills(
        out,
        month=month,
        form=form,
        patient_id=patient_id,
        program=program,
        number=number,
        only=only,
        profile=profile,
        on_progress=on_progress,
        store=store,
        actor=actor,
        clock=clock,
        rule_book=rule_book,
    )
    return Document(
        file_name=written.file_name,
        media_type=written.media_type,
        content=out.getvalue(),
        sha256=written.sha256,
    )


@audited
def write_superbills(
    out: BinaryIO,
    *,
    month: ServiceMonth,
    form: Form,
    patient_id: str | None = None,
    program: Program | None = None,
    number: int | None = None,
    only: Collection[str] | None = None,
    profile: str | None = None,
    on_progress: OnProgress | None = None,
    in_parts: InParts | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> WrittenFile:
    """Write the file that ``superbill_document`` returns, without holding an archive in memory.

    Args:
        out: Takes the file; it is empty, and can be read and sought in.
        month: This and the others as in ``superbill_document``, which also says what is raised.
        form: What kind of file.
        patient_id: Whose.
        program: Of which program.
        number: Of which number.
        only: Of which ids.
        profile: With which columns.
        on_progress: What is told how far it got.
        in_parts: Draws the superbills of a PDF or ZIP some at a time, and tells by itself how far it
            is; None to draw them at once.
        store: The store.
        actor: Who asks.
        clock: Tells the time.
        rule_book: The rules.
    """
    require(actor, operation_of(form))
    if form == "fhir" and (patient_id is None or number is not None or only is not None):
        raise CommandRefusedError(
            "PATIENT_NEEDED", "A FHIR document is one patient's month. Name the patient."
        )
    columns = _columns(profile, form=form, store=store, actor=actor)
    bills = superbills(
        month=month,
        patient_id=patient_id,
        program=program,
        number=number,
        only=only,
        store=store,
        actor=actor,
        clock=clock,
        rule_book=rule_book,
    )
    if form in {"pdf", "zip"} and not bills:
        raise CommandRefusedError(
            "NOTHING_TO_DRAW",
            f"No superbill in {month}: nothing can be billed yet and no choice is open. "
            "The Thresholds page names what each patient still needs.",
        )
    if form in {"pdf", "zip"} and in_parts is not None:
        _write_in_parts(out, bills, in_parts, form=form, month=month, columns=columns)
    elif form == "zip":
        write_superbill_zip(out, bills, month=month, columns=columns, on_progress=on_progress)
    elif form == "pdf":
        out.write(_pdf(bills, on_progress))
    elif form == "xlsx":
        out.write(superbill_xlsx(bills, month=month, columns=columns, profile=profile or ""))
    elif form == "fhir" and patient_id is not None:
        out.write(
            month_bundle(
                bills,
                patient_id,
                month=month,
                practice_id=actor.practice_id,
                as_of=clock.now(),
                store=store,
                rule_book=rule_book,
            )
        )
    else:
        out.write(_text(bills, form, month, columns))
    out.seek(0)
    digest = hashlib.file_digest(out, "sha256").hexdigest()  # type: ignore[arg-type] # it is read as one
    many = "s" if patient_id is None and number is None else ""
    return WrittenFile(
        file_name=f"superbill{many}-{month}-{digest[:8]}.{ENDINGS[form]}",
        media_type=MEDIA[form],
        sha256=digest,
        superbills=len(bills),
    )


def _write_in_parts(
    out: BinaryIO,
    bills: Sequence[Superbill],
    in_parts: InParts,
    *,
    form: Form,
    month: ServiceMonth,
    columns: Sequence[Column],
) -> None:
    if form == "pdf":
        joined(in_parts(bills, drawn, look=form), out)
        return
    draw = partial(drawn_files, columns=columns)
    joined_files(in_parts(bills, draw, look=repr((form, tuple(columns)))), out, month=month)


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


def _chosen(bills: Sequence[Superbill], only: frozenset[str]) -> tuple[Superbill, ...]:
    if not only:
        raise CommandRefusedError(
            "NOTHING_CHOSEN", "No superbill is selected. Select at least one in the list."
        )
    for unknown in sorted(only - {bill.id for bill in bills}):
        raise NotFoundError("superbill", unknown)
    return tuple(bill for bill in bills if bill.id in only)


def _looked_at(bills: Sequence[Superbill], *, store: Store, actor: Actor, clock: Clock) -> None:
    """Treat a selection of one patient's superbills as a look at that patient's chart."""
    patient_id = bills[0].patient.id
    with store.reading() as unit:
        guard(unit, actor, patient_id, now=clock.now())
    note_view(patient_id, store=store, actor=actor, clock=clock)


def _columns(profile: str | None, *, form: Form, store: Store, actor: Actor) -> Sequence[Column]:
    if profile is None:
        return EVERY_COLUMN
    if form not in WITH_COLUMNS:
        raise CommandRefusedError(
            "PROFILE_OF_NO_USE",
            f"A column profile lays out the lines as CSV or XLSX. Ask for '{form}' without one.",
        )
    with store.reading() as unit:
        return profile_named(unit, actor.practice_id, profile).columns


def _text(
    bills: Sequence[Superbill], form: Form, month: ServiceMonth, columns: Sequence[Column]
) -> bytes:
    match form:
        case "csv":
            return superbill_csv(bills, columns).encode("utf-8")
        case "entries":
            return entries_csv(bills).encode("utf-8")
        case _:
            return json_bytes(superbills_json(bills, month=month))


def _pdf(bills: Sequence[Superbill], on_progress: OnProgress | None = None) -> bytes:
    made_at = max(bill.data_as_of for bill in bills)
    return superbill_pdf(bills, made_at=made_at, on_progress=on_progress)
