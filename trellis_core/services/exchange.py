"""A practice that comes from elsewhere as a folder of files.

Everything of one import is stored in one unit of work, or nothing is. A report says what was read,
matched and refused, and never repeats what a record said.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from trellis_core.care.people import Coverage, Patient, Practice, Site
from trellis_core.care.plans import CarePlanVersion
from trellis_core.care.records import Discharge, Elsewhere
from trellis_core.care.vocabulary import Program
from trellis_core.ledger.chain import EntryBody, EntryKind
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.caseload_sessions import CaseloadSession
from trellis_core.services.cocm import review_row
from trellis_core.services.fee_list_store import FeeList, plain_name, write_list
from trellis_core.services.practice import add_practice
from trellis_core.services.practice_files import (
    CocmEpisode,
    PracticeFiles,
    RegistryMark,
    read_practice_files,
)
from trellis_core.services.scale_results import scale_row
from trellis_core.store.care_mapping import (
    care_plan_row,
    care_plan_version_row,
    condition_row,
    consent_row,
    declined_consent_row,
    discharge_row,
    enrollment_row,
    facility_stay_row,
    other_service_row,
    stored,
    visit_row,
    write_patient,
    write_site,
)
from trellis_core.store.care_mapping import decision_making_row as decision_row
from trellis_core.store.engine import Store
from trellis_core.store.mapping import staff_row
from trellis_core.store.tables import (
    CarePlanVersionRow,
    CaseloadSessionRow,
    DischargeContactRow,
    ElsewhereRow,
    EnrollmentPractitionerRow,
    PastCoverageRow,
    PatientRow,
    RegistryMarkRow,
    SiteRow,
    TrackElectionRow,
    TrellisTable,
)
from trellis_core.store.unit_of_work import Draft, UnitOfWork
from trellis_core.store.work_query import note_row, task_row
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth, local_day, zone_named

_WRITE_DOWN: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import read and did.

    Attributes:
        read: Records read.
        matched: Records that were there already.
        refused: Records that could not be used.
        added: Records that were stored, or would be.
        is_stored: False for a rehearsal, and where something was refused as a whole.
        lines: A sentence each, for a person; ids and places only.
    """

    read: int
    matched: int
    refused: int
    added: int
    is_stored: bool
    lines: tuple[str, ...]


# --- a practice as a folder ------------------------------------------------------------------


def import_practice(
    folder: Path, *, day: date, store: Store, clock: Clock, system_user: str | None = None
) -> ImportReport:
    """Set up a practice in an empty store from a folder of files.

    Args:
        folder: As ``sample_data/README.md`` describes it.
        day: The day that relative days are counted from.
        store: A store that holds no practice.
        clock: When time entries of a practice's past are recorded. The sample's are recorded one
            minute after the work.
        system_user: The operating system's user, where a command is run by hand.

    Raises:
        CommandRefusedError: The store already holds a practice.
        InputRefusedError: The folder cannot be read as such. Bad rows do not raise; the report
            names each, and nothing is stored.
    """
    files = read_practice_files(folder, day=day)
    read = sum(count for _, count in files.counts)
    if files.problems:
        return ImportReport(
            read=read,
            matched=0,
            refused=len(files.problems),
            added=0,
            is_stored=False,
            lines=("Nothing was stored.", *files.problems),
        )
    now = clock.now()
    with store.writing(at=now) as unit:
        unit.journal.act_for(system_user=system_user)
        store_practice(unit, files, at=now)
    lines = tuple(f"{name}: {count}" for name, count in files.counts)
    return ImportReport(read=read, matched=0, refused=0, added=read, is_stored=True, lines=lines)


def store_practice(unit: UnitOfWork, files: PracticeFiles, *, at: datetime) -> None:
    """Write a whole practice in a unit of work; every table and the ledger in bulk.

    Args:
        unit: A writing unit of work on an empty store.
        files: What to write.
        at: When it is written. Entries of the sample practice are recorded after their work.
    """
    practice = files.practice
    add_practice(unit, practice, at=at)
    add_in_bulk(unit, (staff_row(member, practice_id=practice.id) for member in files.staff))
    add_in_bulk(unit, (_patient_row(practice.id, one, at=at) for one in files.patients))
    here = practice.id
    add_in_bulk(unit, (write_site(one, _site_row(here, one)) for one in files.sites))
    add_in_bulk(unit, (_past_row(unit, here, p, c) for p, c in files.past_coverages))
    add_in_bulk(unit, (_elsewhere_row(unit, here, p, e) for p, e in files.elsewhere))
    for payer in sorted({payer for payer, _ in files.charges}):
        write_list(unit, here, _charges_of(files, payer))
    dx, rx = "dx", "rec"
    add_in_bulk(
        unit, (condition_row(here, p, replace(r, id=unit.new_id(dx))) for p, r in files.conditions)
    )
    enrollments = [(p, replace(r, id=unit.new_id(rx))) for p, r in files.enrollments]
    add_in_bulk(
        unit,
        (
            enrollment_row(here, p, r, started_on=started)
            for p, r in enrollments
            if (started := stored(r.started_on)) is not None
        ),
    )
    add_in_bulk(
        unit, _practitioner_rows(unit, here, files, {(p, r.program): r.id for p, r in enrollments})
    )
    add_in_bulk(
        unit,
        (
            TrackElectionRow(
                practice_id=here,
                patient_id=p,
                program=r.program.value,
                ym=r.month.ym,
                track=r.track.value,
                elected_by=r.elected_by,
                elected_at=at,
            )
            for p, r in files.track_elections
        ),
    )
    add_in_bulk(
        unit, (consent_row(here, p, replace(r, id=unit.new_id(rx))) for p, r in files.consents)
    )
    add_in_bulk(
        unit,
        (declined_consent_row(here, p, replace(r, id=unit.new_id(rx))) for p, r in files.declined),
    )
    plans = [(p, replace(r, id=unit.new_id(rx))) for p, r in files.care_plans]
    add_in_bulk(unit, (care_plan_row(here, p, r) for p, r in plans))
    add_in_bulk(
        unit, _version_rows(unit, here, files, {(p, r.program): r.id for p, r in plans}, at=at)
    )
    add_in_bulk(unit, (visit_row(here, p, replace(r, id=unit.new_id(rx))) for p, r in files.visits))
    add_in_bulk(
        unit,
        (decision_row(here, p, replace(r, id=unit.new_id(rx))) for p, r in files.decision_making),
    )
    add_in_bulk(
        unit,
        (
            scale_row(here, p, replace(r, scale=replace(r.scale, id=unit.new_id(rx))))
            for p, r in files.scales
        ),
    )
    add_in_bulk(
        unit,
        (
            review_row(here, p, replace(r.review, id=unit.new_id(rx)), session_id=r.session_id)
            for p, r in files.caseload_reviews
        ),
    )
    discussed: dict[str, list[str]] = {}
    for who, each in files.caseload_reviews:
        discussed.setdefault(each.session_id or "", []).append(who)
    add_in_bulk(
        unit,
        (_session_row(here, each, discussed.get(each.id, ())) for each in files.caseload_sessions),
    )
    add_in_bulk(unit, (_mark_row(here, p, mark) for p, mark in files.registry_marks))
    add_in_bulk(
        unit,
        (
            facility_stay_row(here, p, replace(r, id=unit.new_id(rx)))
            for p, r in files.facility_stays
        ),
    )
    add_in_bulk(
        unit,
        (other_service_row(here, p, r, record_id=unit.new_id(rx)) for p, r in files.other_services),
    )
    add_in_bulk(unit, (task_row(here, replace(t, id=unit.new_id("ta"))) for t in files.tasks))
    add_in_bulk(unit, (note_row(here, replace(n, id=unit.new_id("no"))) for n in files.notes))
    add_in_bulk(unit, (discharge_row(here, p, r) for p, r in files.discharges))
    add_in_bulk(unit, (row for p, r in files.discharges for row in _contact_rows(unit, here, p, r)))
    append_entries(unit, files.entries, practice=practice, at=at)


def _site_row(practice_id: str, site: Site) -> SiteRow:
    return SiteRow(practice_id=practice_id, id=site.id, name=site.name)


def _charges_of(files: PracticeFiles, payer: str) -> FeeList:
    kind = FeeListKind.CHARGES
    return FeeList(
        kind=kind,
        payer_name=payer,
        name=plain_name(kind, payer),
        source="charges.csv",
        amounts=tuple(amount for name, amount in files.charges if name == payer),
    )


def _past_row(
    unit: UnitOfWork, practice_id: str, patient_id: str, held: Coverage
) -> PastCoverageRow:
    return PastCoverageRow(
        practice_id=practice_id,
        id=unit.new_id("cv"),
        patient_id=patient_id,
        payer_name=held.payer_name,
        payer_kind=held.kind.value,
        member_id=held.member_id,
        started_on=held.started_on,
        ended_on=held.ended_on or date.max,
    )


def _elsewhere_row(
    unit: UnitOfWork, practice_id: str, patient_id: str, word: Elsewhere
) -> ElsewhereRow:
    return ElsewhereRow(
        practice_id=practice_id,
        id=unit.new_id("el"),
        patient_id=patient_id,
        program=word.program.value,
        other_practice=word.other_practice,
        learned_on=word.learned_on,
        learned_from=word.learned_from,
        ended_on=word.ended_on,
    )


def _session_row(
    practice_id: str, session: CaseloadSession, discussed: Iterable[str]
) -> CaseloadSessionRow:
    return CaseloadSessionRow(
        practice_id=practice_id,
        id=session.id,
        led_by=session.led_by,
        consultant=session.consultant,
        began_at=session.began_at,
        ended_at=session.ended_at,
        seconds=session.seconds,
        discussed=" ".join(discussed),
    )


def _mark_row(practice_id: str, patient_id: str, mark: RegistryMark) -> RegistryMarkRow:
    return RegistryMarkRow(
        practice_id=practice_id,
        patient_id=patient_id,
        status=mark.status.value,
        discuss_since=mark.discuss_since,
        relapse_plan_on=mark.relapse_plan_on,
        next_appointment_on=mark.next_appointment_on,
    )


def _practitioner_rows(
    unit: UnitOfWork, practice_id: str, files: PracticeFiles, ids: Mapping[tuple[str, Program], str]
) -> Iterator[EnrollmentPractitionerRow]:
    for patient_id, change in files.practitioners:
        from_day = stored(change.practitioners.from_day)
        biller = stored(change.practitioners.billing_practitioner)
        if from_day is None or biller is None:
            continue
        yield EnrollmentPractitionerRow(
            practice_id=practice_id,
            id=unit.new_id("pr"),
            enrollment_id=ids[patient_id, change.program],
            patient_id=patient_id,
            from_day=from_day,
            billing_practitioner=biller,
            supervising_practitioner=change.practitioners.supervising_practitioner,
        )


def _version_rows(
    unit: UnitOfWork,
    practice_id: str,
    files: PracticeFiles,
    ids: Mapping[tuple[str, Program], str],
    *,
    at: datetime,
) -> Iterator[CarePlanVersionRow]:
    for patient_id, said in files.plan_versions:
        version = CarePlanVersion(
            id=unit.new_id("cv"),
            care_plan_id=ids[patient_id, said.program],
            number=said.number,
            on=said.on,
            elements=said.elements,
            made_by=said.made_by,
            made_at=at,
        )
        yield care_plan_version_row(practice_id, patient_id, version)


def append_entries(
    unit: UnitOfWork, entries: Iterable[TimeEntry], *, practice: Practice, at: datetime
) -> None:
    """Append imported entries to a practice's ledger, some thousand at a time.

    Args:
        unit: A writing unit of work.
        entries: In the order of the ledger; any number.
        practice: Whose they are. The sample's are recorded one minute after their work.
        at: When entries of a practice's own past are recorded.
    """
    zone = zone_named(practice.time_zone)
    drafts = (
        draft_of(
            entry,
            practice_id=practice.id,
            service_day=local_day(entry.started_at, zone),
            recorded_at=_recorded_at(entry) if practice.is_sample else at,
        )
        for entry in entries
    )
    append_drafts(unit, drafts)


def append_drafts(unit: UnitOfWork, drafts: Iterable[Draft]) -> int:
    """Append entries that have the ledger's form already; return how many there were."""
    return unit.ledger.append_in_bulk(drafts)


def add_in_bulk(unit: UnitOfWork, rows: Iterable[TrellisTable]) -> None:
    """Insert rows of one table in bulk, and tell the journal."""
    unit.journal.record_in_bulk(rows)


def _recorded_at(entry: TimeEntry) -> datetime:
    return entry.started_at + timedelta(seconds=entry.seconds) + _WRITE_DOWN


def _patient_row(practice_id: str, one: tuple[Patient, CocmEpisode], *, at: datetime) -> PatientRow:
    patient, episode = one
    row = write_patient(
        patient,
        PatientRow(
            practice_id=practice_id,
            id=patient.id,
            mrn=patient.mrn,
            family_name=patient.family_name,
            created_at=at,
        ),
    )
    row.cocm_referred_on = episode.referred_on
    row.registry_entered_on = episode.registry_entered_on
    row.cocm_ended_on = episode.ended.on if episode.ended else None
    row.cocm_ended_because = episode.ended.because.value if episode.ended else None
    row.scale_not_applicable = episode.scale_not_applicable
    return row


def _contact_rows(
    unit: UnitOfWork, practice_id: str, patient_id: str, discharge: Discharge
) -> list[DischargeContactRow]:
    contacts = stored(discharge.contacts) or ()
    return [
        DischargeContactRow(
            practice_id=practice_id,
            id=unit.new_id("rec"),
            discharge_id=discharge.id,
            patient_id=patient_id,
            at=contact.at,
            outcome=stored(contact.outcome),
            by=stored(contact.by),
        )
        for contact in contacts
    ]


def draft_of(
    entry: TimeEntry, *, practice_id: str, service_day: date, recorded_at: datetime
) -> Draft:
    """Return an imported entry as the ledger takes it; its author is who did the work."""
    body = EntryBody(
        practice_id=practice_id,
        seq=0,
        entry_id=entry.id,
        kind=EntryKind.TIME,
        program=entry.program,
        patient_id=entry.patient_id,
        staff_id=entry.staff_id,
        author_id=entry.author_id or entry.staff_id,
        started_at=int(entry.started_at.timestamp()),
        seconds=entry.seconds,
        service_day=service_day.isoformat(),
        ym=ServiceMonth.of(service_day).ym,
        activity=entry.activity,
        mode=entry.mode,
        condition=entry.condition,
        patients_sharing=entry.patients_sharing,
        billed_elsewhere=entry.billed_elsewhere,
        separate_from_visit=entry.separate_from_visit,
        contact=entry.contact,
        is_estimated=entry.is_estimated,
        reverses=None,
        replaces=None,
        parent=entry.parent,
        note_hmac=None,
        recorded_at=int(recorded_at.timestamp()),
    )
    return Draft(body=body, note=entry.note)
