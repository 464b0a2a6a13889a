"""Patients and their charts from another system's FHIR R4: a look first, then all of it or nothing."""

from collections.abc import Iterable
from pathlib import Path

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import NotFoundError
from trellis_core.fhir.reading.document import entries_of, files_of
from trellis_core.fhir.reading.records import read_records
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import reach
from trellis_core.services.fhir_import_merge import FhirMerge
from trellis_core.services.fhir_import_report import (
    FhirImportReport,
    kind_counts,
    left_out_of,
    not_read_of,
)
from trellis_core.store.engine import Store
from trellis_core.store.tables import PracticeRow
from trellis_core.values.clock import Clock
from trellis_core.values.periods import local_day, zone_named


@audited
def preview_fhir(
    paths: Iterable[Path], *, store: Store, actor: Actor, clock: Clock
) -> FhirImportReport:
    """Say what an import would do; nothing is stored.

    Args:
        paths: Files; a folder stands for the ``.json`` and ``.ndjson`` files in it.
        store: The practice's store.
        actor: Who would import.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not import.
        InputRefusedError: A file is not FHIR that can be read.
    """
    require(actor, Operation.IMPORT_RECORDS)
    return _import(paths, store=store, actor=actor, clock=clock, dry_run=True)


@audited
def import_fhir(
    paths: Iterable[Path], *, store: Store, actor: Actor, clock: Clock, dry_run: bool = False
) -> FhirImportReport:
    """Bring in patients and their charts from FHIR R4 files, all files or none.

    A patient is known again by the source's identifier, so that reading a file again adds nothing.
    What is on record stays: a difference is listed, an empty field of a patient is filled. Nobody is
    added to the staff. Social Security numbers, licences and passports are never kept.

    Args:
        paths: Files; a folder stands for the ``.json`` and ``.ndjson`` files in it.
        store: The practice's store.
        actor: Who imports.
        clock: When.
        dry_run: Report only.

    Raises:
        PermissionDeniedError: The actor may not import.
        InputRefusedError: A file is not FHIR that can be read; nothing is stored. With the code
            ``WHOLE_PRACTICE`` for a whole practice's export, which has a way of its own.
    """
    require(actor, Operation.IMPORT_RECORDS)
    return _import(paths, store=store, actor=actor, clock=clock, dry_run=dry_run)


def _import(
    paths: Iterable[Path], *, store: Store, actor: Actor, clock: Clock, dry_run: bool
) -> FhirImportReport:
    files = files_of(paths)
    now = clock.now()
    with store.reading() as unit:
        practice = unit.session.get(PracticeRow, actor.practice_id)
        if practice is None:
            raise NotFoundError("practice", actor.practice_id)
        zone = zone_named(practice.time_zone)
    records = read_records(entries_of(files), zone=zone, today=local_day(now, zone))
    with store.reading() if dry_run else store.writing(actor=actor, at=now) as unit:
        here = unit.session.get(PracticeRow, actor.practice_id)
        if here is None:
            raise NotFoundError("practice", actor.practice_id)
        within = reach(unit, actor, now=now)
        merge = FhirMerge(unit, here, records, within, now, is_stored=not dry_run)
        merge.run()
    account = records.account
    return FhirImportReport(
        files=len(files),
        resources=records.resources,
        kinds=kind_counts(account),
        not_read=not_read_of(account),
        left_out=left_out_of(account),
        refused_places=tuple(account.refused),
        conflicts=tuple(merge.conflicts),
        filled=tuple(merge.filled),
        to_do=tuple(merge.to_do),
        teams=tuple(merge.teams),
        wrong_codes=records.wrong_codes,
        patients_touched=merge.touched,
        is_stored=not dry_run,
    )
