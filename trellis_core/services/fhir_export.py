"""Exporting what a practice has as FHIR R4: some patients, a month, or everything.

Patients are read some hundred at a time and written one by one, so that the export of a large practice
needs no large memory. The files appear in their folder once every one of them is whole and the journal
has named the export.
"""

import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from hashlib import file_digest, sha256
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from sqlalchemy import or_, union
from sqlmodel import col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import CommandRefusedError
from trellis_core.fhir.checking import Check, all_checked, checked
from trellis_core.fhir.forms import (
    BundleFile,
    FilesByType,
    FormWriter,
    Transactions,
)
from trellis_core.fhir.foundation import Referred, foundation, referred_of
from trellis_core.fhir.names import Names, Style
from trellis_core.fhir.patient import MonthOfPatient, patient_parts
from trellis_core.fhir.people import practice_records
from trellis_core.fhir.shapes import Resource
from trellis_core.fhir.terminology import terminology
from trellis_core.fhir.trail import export_event
from trellis_core.fhir.whole import whole_statement
from trellis_core.ledger.journal import EventKind, details_text
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.services.board_memory import no_search_for_cycles
from trellis_core.services.chart_guard import guard, reach
from trellis_core.services.fhir_months import months_on_record, patient_months, restricted_charts_of
from trellis_core.store.chart_query import ChartRows, PracticeRows, read_charts, read_practice
from trellis_core.store.copying import private_folder, remove_leftovers
from trellis_core.store.engine import Store
from trellis_core.store.month_query import closed_months
from trellis_core.store.tables import (
    MONTH_ROLL,
    SUPERBILL,
    EnrollmentRow,
    PatientRow,
)
from trellis_core.store.unit_of_work import EventDraft, UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth, local_day, zone_named

FHIR: Final = "fhir"
"""What an event about an export names as its subject; the subject's id is the files' SHA-256."""

AT_A_TIME: Final = 250
"""Patients that are read together."""

_FILES: Final = "files"
_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_FOR_OWNER_ALONE: Final = 0o600 << 16
_PACKED_AT_A_TIME: Final = 1 << 20

Told = Callable[[int, int], None]
"""Told how many patients are written, of how many."""


class ExportForm(StrEnum):
    """What the files are."""

    BUNDLE = "bundle"
    TRANSACTION = "transaction"
    NDJSON = "ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirWanted:
    """What is to be exported.

    Attributes:
        month: Time and charges of this service month, and the charts of whoever was enrolled in it, has
            time in it or a superbill; None for all months.
        patient_ids: These patients; None for everybody whose chart is open to the person.
        as_of: By the end of which day deadlines are looked at; None for now.
        with_claims: Add a draft Claim for each superbill.
    """

    form: ExportForm
    month: ServiceMonth | None = None
    patient_ids: tuple[str, ...] | None = None
    as_of: date | None = None
    with_claims: bool = False

    @property
    def is_of_everything(self) -> bool:
        """It is the whole practice."""
        return self.month is None and self.patient_ids is None


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirExport:
    """What was exported.

    Attributes:
        files: Name and size in bytes, by name.
        resources: How many of each type; what is repeated in several transactions counts once.
        left_out: Patients whose charts are not open to the person.
        lines: What to know about it, a sentence each.
    """

    form: ExportForm
    files: tuple[tuple[str, int], ...]
    resources: Mapping[str, int]
    patients: int
    left_out: int
    lines: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many resources."""
        return sum(self.resources.values())


def tell_nobody(done: int, of: int) -> None:
    """Say nothing of how far an export has come."""


@audited
def export_fhir(
    wanted: FhirWanted,
    folder: Path,
    *,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
    told: Told = tell_nobody,
    check: Check = all_checked,
) -> FhirExport:
    """Export to a folder, all of it or nothing.

    Args:
        wanted: What.
        folder: Where; made where there is none, and empty where there is one.
        store: The store.
        actor: Who exports.
        clock: When.
        rule_book: The rules that drafts are drawn up by.
        told: Told how far it has come.
        check: Checks what is written of a patient together.

    Raises:
        PermissionDeniedError: The actor may not export.
        ChartRestrictedError: The chart of a patient who was named is not open to the actor.
        NotFoundError: A patient who was named is not one of the practice.
        CommandRefusedError: The folder is not empty, or cannot be written.
        FhirExportError: A record cannot be said in FHIR; the message says which. Nothing was written.
    """
    require(actor, Operation.EXPORT_FHIR)
    now = clock.now().replace(microsecond=0)
    with _written_to(folder) as draft:
        with store.reading() as unit, no_search_for_cycles():
            run = _Run(unit, wanted, actor=actor, now=now, rule_book=rule_book, check=check)
            with run.writer(draft) as writer:
                run.write(writer, told)
        files, digest = _listed(draft)
        _tell_journal(store, actor, wanted, run.patient_ids, files, digest, at=now)
    return FhirExport(
        form=wanted.form,
        files=files,
        resources=dict(sorted(writer.counts.items())),
        patients=len(run.patient_ids),
        left_out=run.left_out,
        lines=run.lines,
    )


def zipped(folder: Path, exported: FhirExport) -> bytes:
    """Return the files of an export as one ZIP: the same bytes for the same files."""
    whole = BytesIO()
    write_zipped(whole, folder, exported)
    return whole.getvalue()


def write_zipped(out: BinaryIO, folder: Path, exported: FhirExport) -> None:
    """Write the files of an export as one ZIP, a little of one at a time.

    Args:
        out: Takes the ZIP; it can be sought in.
        folder: Where they are.
        exported: Which.
    """
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, size in exported.files:
            member = zipfile.ZipInfo(name, _ZIP_EPOCH)
            member.compress_type, member.file_size = zipfile.ZIP_DEFLATED, size
            member.external_attr = _FOR_OWNER_ALONE
            with (folder / name).open("rb") as file, archive.open(member, "w") as packed:
                shutil.copyfileobj(file, packed, _PACKED_AT_A_TIME)


def _tell_journal(
    store: Store,
    actor: Actor,
    wanted: FhirWanted,
    patient_ids: Sequence[str],
    files: Sequence[tuple[str, int]],
    digest: str,
    *,
    at: datetime,
) -> None:
    """Name the export in the journal: once, or for each patient who was asked for by name."""
    details = _details(wanted, len(patient_ids), sum(size for _, size in files))
    named: Sequence[str | None] = (None,) if wanted.patient_ids is None else patient_ids
    with store.writing(actor=actor, at=at) as unit:
        unit.journal.append(
            [
                EventDraft(
                    practice_id=actor.practice_id,
                    kind=EventKind.EXPORTED,
                    subject_kind=FHIR,
                    subject_id=digest,
                    patient_id=each,
                    details=details_text(details),
                )
                for each in named
            ]
        )


def _details(wanted: FhirWanted, patients: int, size: int) -> dict[str, object]:
    details: dict[str, object] = {
        "what": "records as FHIR",
        "form": wanted.form.value,
        "bytes": size,
        "patients": patients,
    }
    return details if wanted.month is None else {**details, "month": str(wanted.month)}


# --- what is written ----------------------------------------------------------------------------


class _Run:
    """One export, from one moment of the store."""

    def __init__(
        self,
        unit: UnitOfWork,
        wanted: FhirWanted,
        *,
        actor: Actor,
        now: datetime,
        rule_book: RuleBook,
        check: Check,
    ) -> None:
        self._unit, self._wanted, self._actor, self._now = unit, wanted, actor, now
        self._rule_book, self._check = rule_book, check
        self._practice: Final[PracticeRows] = read_practice(unit, actor.practice_id)
        zone = zone_named(self._practice.practice.time_zone)
        self._names: Final = Names(
            practice_id=actor.practice_id,
            zone=zone,
            style=Style.RELATIVE if wanted.form is ExportForm.NDJSON else Style.URN,
        )
        self._as_of: Final = (
            now if wanted.as_of is None else datetime.combine(wanted.as_of, time.max, tzinfo=zone)
        )
        self._restricted: Final = restricted_charts_of(unit, actor.practice_id)
        self.patient_ids, self.left_out = self._chosen()

    @property
    def is_whole(self) -> bool:
        """Everything that is exported of the practice goes along."""
        return self._wanted.is_of_everything and not self.left_out

    @property
    def lines(self) -> tuple[str, ...]:
        """What to know about the export."""
        said = []
        if self.left_out == 1:
            said.append("One patient was left out: the chart is not open to you.")
        elif self.left_out:
            said.append(
                f"{self.left_out} patients were left out: their charts are not open to you."
            )
        said.append("Notes, tasks and other free text about patients stay in Trellis.")
        return tuple(said)

    def _chosen(self) -> tuple[tuple[str, ...], int]:
        """Return the patients in the order of their ids, and how many are left out."""
        unit, actor, wanted = self._unit, self._actor, self._wanted
        if wanted.patient_ids is not None:
            named = tuple(sorted(set(wanted.patient_ids)))
            for each in named:
                guard(unit, actor, each, now=self._now)
            return named, 0
        if wanted.month is None:
            everybody = select(PatientRow.id).where(PatientRow.practice_id == actor.practice_id)
            found = set(unit.connection.execute(everybody).scalars())
        else:
            found = _in_month(unit, actor.practice_id, wanted.month)
        closed = reach(unit, actor, now=self._now).closed_among(found)
        return tuple(sorted(found - closed)), len(closed)

    def writer(self, folder: Path) -> FormWriter:
        """Return what writes the wanted form."""
        at = self._names.moment(self._now)
        match self._wanted.form:
            case ExportForm.NDJSON:
                return FilesByType(folder, at, self._behind)
            case ExportForm.TRANSACTION:
                return Transactions(folder, self._behind)
            case ExportForm.BUNDLE:
                scope = f"{self._wanted.month}/{','.join(self._wanted.patient_ids or ())}"
                head: Resource = {"id": self._names.id("bundle", scope)}
                return BundleFile(folder, {**head, "timestamp": at}, self._behind)

    def write(self, writer: FormWriter, told: Told) -> None:
        """Write everything."""
        writer.terms(map(checked, terminology()))
        months = (
            months_on_record(
                self._unit,
                self._actor.practice_id,
                ServiceMonth.of(local_day(self._as_of, self._names.zone)),
            )
            if self._wanted.month is None
            else (self._wanted.month,)
        )
        done = 0
        for began in range(0, len(self.patient_ids), AT_A_TIME):
            for chart, own in self._charts(self.patient_ids[began : began + AT_A_TIME], months):
                self._patient(writer, chart, own)
                done += 1
                told(done, len(self.patient_ids))
        is_whole = self.is_whole and self._wanted.form is not ExportForm.TRANSACTION
        writer.rest(map(checked, practice_records(self._names, self._practice)) if is_whole else ())
        writer.end([self._whole(writer)] if is_whole else [])

    def _whole(self, writer: FormWriter) -> Resource:
        """Say that what was written is everything, and which months are closed."""
        closed = closed_months(self._unit, self._actor.practice_id)
        return checked(whole_statement(self._names, writer.counts, closed))

    def _patient(
        self, writer: FormWriter, chart: ChartRows, months: Sequence[MonthOfPatient]
    ) -> None:
        """Write one patient, and that the patient was exported."""
        names, patient_id = self._names, chart.patient.id
        names.used.clear()
        parts = patient_parts(
            names,
            chart,
            self._practice,
            months,
            only=self._wanted.month,
            is_restricted=patient_id in self._restricted,
            with_claims=self._wanted.with_claims,
            check=self._check,
        )
        actor_id = self._actor.person_id
        referred = {*referred_of(names), ("staff", actor_id)}

        def about(digest: str) -> Resource:
            return checked(
                export_event(
                    names, actor_id=actor_id, patient_id=patient_id, at=self._now, digest=digest
                )
            )

        writer.patient(parts, about, referred)

    def _behind(self, referred: Referred) -> Sequence[Resource]:
        """Return the practice, and the people, places and payers that were referred to."""
        is_whole = self.is_whole and self._wanted.form is not ExportForm.TRANSACTION
        return foundation(self._names, self._practice, referred, everybody=is_whole)

    def _charts(
        self, patient_ids: Sequence[str], months: Sequence[ServiceMonth]
    ) -> Iterator[tuple[ChartRows, Sequence[MonthOfPatient]]]:
        charts = read_charts(self._unit, self._actor.practice_id, patient_ids)
        of_month = patient_months(
            self._unit,
            self._actor.practice_id,
            months,
            [each.patient for each in charts],
            as_of=self._as_of,
            rule_book=self._rule_book,
        )
        for chart in charts:
            yield chart, of_month[chart.patient.id]


def _in_month(unit: UnitOfWork, practice_id: str, month: ServiceMonth) -> set[str]:
    """Return who was enrolled in a month, or has time in it or a superbill of it."""
    enrolled = select(EnrollmentRow.patient_id).where(
        EnrollmentRow.practice_id == practice_id,
        col(EnrollmentRow.started_on) <= month.last_day,
        or_(col(EnrollmentRow.ended_on).is_(None), col(EnrollmentRow.ended_on) >= month.first_day),
    )
    timed = select(MONTH_ROLL.c.patient_id).where(
        MONTH_ROLL.c.practice_id == practice_id, MONTH_ROLL.c.ym == month.ym
    )
    billed = select(SUPERBILL.c.patient_id).where(
        SUPERBILL.c.practice_id == practice_id, SUPERBILL.c.ym == month.ym
    )
    return set(unit.connection.execute(union(enrolled, timed, billed)).scalars())


# --- files --------------------------------------------------------------------------------------


@contextmanager
def _written_to(folder: Path) -> Iterator[Path]:
    """Give a private folder beside the files' own, and move what is in it there at the end.

    Raises:
        CommandRefusedError: The folder is not empty, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        if any(folder.iterdir()):
            raise CommandRefusedError(
                "NOT_EMPTY",
                f"The folder '{folder}' is not empty. Name one that is, or a new one: files of two "
                "exports must not be mixed.",
            )
        with private_folder(folder) as draft:
            files = draft / _FILES
            files.mkdir()
            yield files
            for each in sorted(files.iterdir()):
                each.rename(folder / each.name)
    except OSError as error:
        raise CommandRefusedError(
            "NOT_WRITTEN",
            f"The export cannot be written to '{folder}' ({error.strerror}). The store was not "
            "changed. Check the folder and the disk, then try again.",
        ) from error


def _listed(folder: Path) -> tuple[tuple[tuple[str, int], ...], str]:
    """Return the files with their sizes, on the disk, and one digest of all of them."""
    found, whole = [], sha256()
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            whole.update(f"{path.name} {file_digest(file, 'sha256').hexdigest()}\n".encode())
        found.append((path.name, path.stat().st_size))
    return tuple(found), whole.hexdigest()
