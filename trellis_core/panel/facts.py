"""A whole panel's month: facts and determinations of every patient.

One bulk read of the store, then pure functions. A null in the store becomes ``UNKNOWN`` or None as
``store.care_mapping`` says; what has a list of its own in Trellis (consents, enrollments, plans,
scales) is known to be empty where the list is. Conditions without an ICD-10-CM code are kept
apart, because a person must code them first; a patient with none that is coded has unknown conditions.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeVar

from trellis_core.care.coverage import coverage_of_month
from trellis_core.care.people import Coverage
from trellis_core.care.records import Discharge, Enrollment, PriorService
from trellis_core.care.vocabulary import (
    Activity,
    ContactState,
    DateOfServiceRule,
    EntryMode,
    PayerKind,
    PracticeKind,
    Program,
    Setting,
)
from trellis_core.ledger.entries import TimeEntry
from trellis_core.rules.determination import Determination
from trellis_core.rules.determine import determine
from trellis_core.rules.facts import (
    DEFAULT_POLICY,
    Facts,
    OtherEntry,
    PatientFacts,
    People,
    Policy,
    PracticeFacts,
)
from trellis_core.rules.rulebook import RuleBook
from trellis_core.store.care_mapping import (
    care_plan_of,
    caseload_review_of,
    changes_by_enrollment,
    cocm_end_of,
    condition_of,
    consent_of,
    decision_making_of,
    discharge_of,
    enrollment_of,
    facility_stay_of,
    initiating_visit_of,
    known,
    other_service_of,
    past_coverage_of,
    present_coverage_of,
    rating_scale_of,
    visit_of,
)
from trellis_core.store.mapping import staff_of
from trellis_core.store.panel_query import EntryTuple, IssuedLine, PanelRows
from trellis_core.store.tables import (
    OtherServiceRow,
    PastCoverageRow,
    PatientRow,
    PracticeRow,
    SiteRow,
    StaffRow,
)
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN

_T = TypeVar("_T")

_TRANSITIONAL_REACH: Final = timedelta(days=31)
_PROGRAMS: Final = {program.value: program for program in Program}
_ACTIVITIES: Final = {activity.value: activity for activity in Activity}
_MODES: Final = {mode.value: mode for mode in EntryMode}
_CONTACTS: Final = {contact.value: contact for contact in ContactState}


def panel_facts(
    rows: PanelRows,
    *,
    as_of: datetime | None,
    also: Collection[str] = (),
    is_part: bool = False,
) -> dict[str, Facts]:
    """Return the facts of every patient in play, by patient id.

    In play is who is enrolled in the month, has time in it, or was discharged so that a
    transitional period may touch it. Patients who were asked for by id are always in play.

    Args:
        rows: One bulk read of the store.
        as_of: The instant of asking: steps whose deadline is ahead of it are pending.
        also: Patients who are wanted though they may not be in play.
        is_part: Who was asked for is in play only as in a month of everybody.
    """
    found = facts_in_turn(rows, as_of=as_of, also=also, is_part=is_part)
    return {patient.id: facts for patient, facts in found}


def facts_in_turn(
    rows: PanelRows,
    *,
    as_of: datetime | None,
    also: Collection[str] = (),
    is_part: bool = False,
    elsewhere: Mapping[str, tuple[OtherEntry, ...]] | None = None,
) -> Iterator[tuple[PatientRow, Facts]]:
    """Give the same facts one patient after the other, for whoever needs no two at a time.

    Args:
        rows: One bulk read of the store.
        as_of: The instant of asking.
        also: Patients who are wanted though they may not be in play.
        is_part: Who was asked for is in play only as in a month of everybody.
        elsewhere: The same people's overlapping time on others, where it is known already.
    """
    shelf = _Shelf(rows, as_of, overlapping_elsewhere(rows) if elsewhere is None else elsewhere)
    wanted = (shelf.in_play() if rows.asked is None or is_part else rows.asked).union(also)
    for patient in rows.patients:
        if patient.id in wanted:
            yield patient, shelf.facts(patient)


def determine_panel(
    facts: Mapping[str, Facts], *, rule_book: RuleBook, explain: bool = False
) -> dict[str, Determination]:
    """Return what may be billed for each patient, by patient id."""
    return {
        patient_id: determine(known_facts, rule_book=rule_book, explain=explain)
        for patient_id, known_facts in facts.items()
    }


def is_enrolled(enrollment: Enrollment, month: ServiceMonth) -> bool:
    """Say whether an enrollment holds on any day of a month; an unknown day does not end it."""
    started, ended = enrollment.started_on, enrollment.ended_on
    if isinstance(started, date) and started > month.last_day:
        return False
    return not (isinstance(ended, date) and ended < month.first_day)


def _entry(row: EntryTuple, *, is_reversed: bool) -> TimeEntry:
    (
        patient_id,
        entry_id,
        _kind,
        program,
        staff_id,
        author_id,
        started_at,
        seconds,
        service_day,
        activity,
        mode,
        condition,
        patients_sharing,
        billed_elsewhere,
        separate_from_visit,
        contact,
        is_estimated,
        _reverses,
        replaces,
        parent,
        recorded_at,
        seq,
    ) = row
    return TimeEntry(
        id=entry_id,
        program=_PROGRAMS[program],
        staff_id=staff_id,
        started_at=datetime.fromtimestamp(started_at, UTC),
        seconds=seconds,
        activity=_ACTIVITIES[activity],
        patient_id=patient_id,
        condition=condition,
        patients_sharing=patients_sharing,
        billed_elsewhere=bool(billed_elsewhere),
        separate_from_visit=None if separate_from_visit is None else bool(separate_from_visit),
        contact=None if contact is None else _CONTACTS[contact],
        recorded_at=datetime.fromtimestamp(recorded_at, UTC),
        replaces=replaces,
        is_reversed=is_reversed,
        is_estimated=bool(is_estimated),
        mode=_MODES[mode],
        author_id=author_id,
        parent=parent,
        service_day=date.fromisoformat(service_day),
        seq=seq,
    )


Span = tuple[int, int, str, str, int]
"""One person's time on one patient: start, end, patient, person, recorded; whole seconds."""


def overlapping_elsewhere(rows: PanelRows) -> dict[str, tuple[OtherEntry, ...]]:
    """Return, by patient, the same people's time on other patients that overlaps in time."""
    reversed_ids = {row.reverses for row in rows.entries if row.reverses is not None}
    by_staff: dict[str, list[Span]] = defaultdict(list)
    for row in rows.entries:
        staff_id = row.staff_id
        if staff_id is not None and row.kind == "time" and row.entry_id not in reversed_ids:
            start = row.started_at
            by_staff[staff_id].append(
                (start, start + row.seconds, row.patient_id, staff_id, row.recorded_at)
            )
    for patient_id, staff_id, start, seconds, recorded_at in rows.elsewhere:
        by_staff[staff_id].append((start, start + seconds, patient_id, staff_id, recorded_at))
    return overlapping(by_staff.values())


def overlapping(times_of_people: Iterable[list[Span]]) -> dict[str, tuple[OtherEntry, ...]]:
    """Return, by patient, what of the same person's time on others overlaps in time.

    One sweep for each person: spans in the order of their start, kept open until they end.

    Args:
        times_of_people: Each person's spans; they are sorted in place.
    """
    found: dict[str, set[Span]] = defaultdict(set)
    for spans in times_of_people:
        spans.sort()
        until = 0
        for start, end, *_ in spans:
            if start < until:
                _sweep(spans, found)
                break
            until = end
    return {
        patient_id: tuple(_other_entry(span) for span in sorted(others))
        for patient_id, others in found.items()
    }


def _sweep(spans: Sequence[Span], found: dict[str, set[Span]]) -> None:
    """Add to each patient one person's spans on other patients that overlap; spans are sorted."""
    still_open: list[Span] = []
    for span in spans:
        start, _, patient_id, *_ = span
        still_open = [other for other in still_open if other[1] > start]
        for other in still_open:
            if other[2] != patient_id:
                found[patient_id].add(other)
                found[other[2]].add(span)
        still_open.append(span)


def _other_entry(span: Span) -> OtherEntry:
    start, end, _, staff_id, recorded_at = span
    return OtherEntry(
        staff_id=staff_id,
        started_at=datetime.fromtimestamp(start, UTC),
        seconds=end - start,
        recorded_at=datetime.fromtimestamp(recorded_at, UTC),
    )


def practice_facts_of(row: PracticeRow, site: SiteRow | None = None) -> PracticeFacts:
    """Return a practice as far as rules ask, paid as at one of its sites; None for its own address."""
    place = row if site is None else site
    return PracticeFacts(
        time_zone=row.time_zone,
        state=place.state,
        locality=place.locality,
        setting=Setting(place.setting),
        qualifying_apm=row.qualifying_apm,
        around_the_clock_access=known(row.around_the_clock_access),
        certified_ehr=known(row.certified_ehr),
        kind=PracticeKind(row.kind),
        tcm_hold_until_day_30=row.tcm_hold_until_day_30,
        date_of_service=DateOfServiceRule(row.date_of_service),
        apcm_capabilities=known(row.apcm_capabilities),
        performance_reporting=known(row.performance_reporting),
    )


def policy_of(row: PracticeRow) -> Policy:
    """Return the payer policy of a practice: what somebody stated, over the defaults."""
    stated: dict[str, object] = json.loads(row.policy or "{}")
    if not stated:
        return DEFAULT_POLICY
    settings = dict(stated)
    bundles, caps = settings.get("tcm_bundles"), settings.get("unit_caps")
    if isinstance(bundles, list):
        settings["tcm_bundles"] = tuple(bundles)
    if isinstance(caps, dict):
        settings["unit_caps"] = MappingProxyType(caps)
    return Policy(**settings, stated=frozenset(stated))  # type: ignore[arg-type]


def month_coverage(
    patient: PatientRow, past: Iterable[PastCoverageRow], month: ServiceMonth
) -> Coverage | None:
    """Return who pays for a patient's month; None where no coverage is on record for it."""
    present = present_coverage_of(patient)
    known_ones = [past_coverage_of(row) for row in past if row.payer_name is not None]
    return coverage_of_month([*known_ones, *([present] if present else [])], month)


def _by_patient(rows: Iterable[_T], owner: Callable[[_T], str]) -> dict[str, list[_T]]:
    groups: dict[str, list[_T]] = defaultdict(list)
    for row in rows:
        groups[owner(row)].append(row)
    return groups


def _is_prior(row: OtherServiceRow, month: ServiceMonth) -> bool:
    return row.same_practice is True and row.on_day < month.first_day


@lru_cache(maxsize=32)
def _people(rows: tuple[StaffRow, ...]) -> People:
    """Return a practice's people, made once for the very same rows: they may be hundreds."""
    return People(staff_of(row) for row in rows)


class _Shelf:
    """A month's rows sorted to their patients once, and the values that all patients share."""

    def __init__(
        self,
        rows: PanelRows,
        as_of: datetime | None,
        elsewhere: Mapping[str, tuple[OtherEntry, ...]],
    ) -> None:
        self._rows = rows
        self._as_of = as_of
        self._practices = {row.id: practice_facts_of(rows.practice, row) for row in rows.sites}
        self._own_address = practice_facts_of(rows.practice)
        self._past_coverages = _by_patient(rows.past_coverages, lambda row: row.patient_id)
        self._policy = policy_of(rows.practice)
        self._staff = _people(tuple(rows.staff))
        self._reversed = {row.reverses for row in rows.entries if row.reverses is not None}
        self._entries = _by_patient(
            (row for row in rows.entries if row.kind == "time"), lambda row: row.patient_id
        )
        self._elsewhere = elsewhere
        self._conditions = _by_patient(rows.conditions, lambda row: row.patient_id)
        self._enrollments = self._enrolled()
        self._consents = _by_patient(rows.consents, lambda row: row.patient_id)
        self._care_plans = _by_patient(rows.care_plans, lambda row: row.patient_id)
        self._visits = _by_patient(rows.visits, lambda row: row.patient_id)
        self._decisions = _by_patient(rows.decisions, lambda row: row.patient_id)
        self._scales = _by_patient(rows.scales, lambda row: row.patient_id)
        self._reviews = _by_patient(rows.reviews, lambda row: row.patient_id)
        self._services = _by_patient(rows.other_services, lambda row: row.patient_id)
        self._issued = _by_patient(rows.issued, lambda row: row.patient_id)
        self._stays = _by_patient(rows.stays, lambda row: row.patient_id)
        self._discharges = self._discharged()
        self._documented = {row.patient_id: row.is_documented for row in rows.apcm_months}
        self._timed_months = _by_patient(rows.timed_months, lambda row: row.patient_id)

    def _enrolled(self) -> dict[str, list[Enrollment]]:
        tracks = {(row.patient_id, row.program): row.track for row in self._rows.elections}
        changes = changes_by_enrollment(self._rows.practitioners)
        groups: dict[str, list[Enrollment]] = defaultdict(list)
        for row in self._rows.enrollments:
            groups[row.patient_id].append(
                enrollment_of(
                    row,
                    track=tracks.get((row.patient_id, row.program)),
                    changes=changes.get(row.id, ()),
                    on=self._rows.month.last_day,
                )
            )
        return groups

    def _discharged(self) -> dict[str, list[Discharge]]:
        contacts = _by_patient(self._rows.contacts, lambda row: row.discharge_id)
        groups: dict[str, list[Discharge]] = defaultdict(list)
        for row in self._rows.discharges:
            discharge = discharge_of(row, contacts.get(row.id, ()))
            groups[row.patient_id].append(
                _as_billed(discharge, self._issued.get(row.patient_id, ()))
            )
        return groups

    def in_play(self) -> frozenset[str]:
        """Return who is in play in the month as it is on record."""
        month = self._rows.month
        since = month.first_day - _TRANSITIONAL_REACH
        return frozenset(
            {
                patient_id
                for patient_id, enrollments in self._enrollments.items()
                if any(is_enrolled(enrollment, month) for enrollment in enrollments)
            }
            | self._entries.keys()
            | {
                patient_id
                for patient_id, discharges in self._discharges.items()
                if any(since <= each.discharged_on <= month.last_day for each in discharges)
            }
        )

    def facts(self, patient: PatientRow) -> Facts:
        """Return everything known about one patient's month."""
        key, month = patient.id, self._rows.month
        visits = self._visits.get(key, ())
        services = self._services.get(key, ())
        enrollments = tuple(self._enrollments.get(key, ()))
        return Facts(
            service_month=month,
            as_of=self._as_of,
            payer_kind=self._payer_kind(patient),
            policy=self._policy,
            practice=self._practices.get(patient.site_id or "", self._own_address),
            billing_practitioner=_only_practitioner(enrollments, month),
            staff=self._staff,
            patient=self._patient(patient),
            enrollments=enrollments,
            consents=tuple(consent_of(row) for row in self._consents.get(key, ())),
            initiating_visits=tuple(
                initiating_visit_of(row) for row in visits if row.is_initiating
            ),
            care_plans=tuple(care_plan_of(row) for row in self._care_plans.get(key, ())),
            time_entries=tuple(
                _entry(row, is_reversed=row.entry_id in self._reversed)
                for row in self._entries.get(key, ())
            ),
            other_patient_entries=self._elsewhere.get(key, ()),
            visits=tuple(visit_of(row) for row in visits if row.on_day in month),
            medical_decision_making=tuple(
                decision_making_of(row) for row in self._decisions.get(key, ())
            ),
            rating_scales=tuple(rating_scale_of(row) for row in self._scales.get(key, ())),
            scale_not_applicable=patient.scale_not_applicable,
            registry_entered_on=patient.registry_entered_on,
            caseload_reviews=tuple(caseload_review_of(row) for row in self._reviews.get(key, ())),
            cocm_referred_on=known(patient.cocm_referred_on),
            cocm_ended=cocm_end_of(patient),
            prior_services=_prior_services(
                [row for row in services if _is_prior(row, month)], self._issued.get(key, ())
            ),
            other_services=tuple(
                other_service_of(row)
                for row in services
                if not _is_prior(row, month) or row.discharged_on is not None
            ),
            facility_stays=tuple(facility_stay_of(row) for row in self._stays.get(key, ())),
            discharges=tuple(self._discharges.get(key, ())),
            apcm_services_documented=known(self._documented.get(key)),
            earlier_months_with_time=tuple(
                (Program.COCM, ServiceMonth.from_ym(row.ym))
                for row in self._timed_months.get(key, ())
            ),
        )

    def _payer_kind(self, patient: PatientRow) -> PayerKind:
        """Return who pays; a month without coverage is decided as one of nobody's coverage is."""
        past = self._past_coverages.get(patient.id, ())
        paying = month_coverage(patient, past, self._rows.month)
        if paying is not None:
            return paying.kind
        return PayerKind(patient.payer_kind) if patient.payer_name is None else PayerKind.MEDICARE

    def _patient(self, row: PatientRow) -> PatientFacts:
        conditions = [condition_of(each) for each in self._conditions.get(row.id, ())]
        coded = tuple(each for each in conditions if each.icd10 is not None)
        return PatientFacts(
            id=row.id,
            birth_date=known(row.birth_date),
            sex=known(row.sex),
            deceased_on=row.deceased_on,
            qualified_medicare_beneficiary=known(row.qualified_medicare_beneficiary),
            last_seen_on=None if row.is_never_seen else known(row.last_seen_on),
            conditions=coded or UNKNOWN,
            uncoded=tuple(each for each in conditions if each.icd10 is None),
        )


def _only_practitioner(enrollments: Sequence[Enrollment], month: ServiceMonth) -> str | None:
    """Return the billing practitioner whom every enrollment of the month names; None for several."""
    named = {
        enrollment.billing_practitioner
        for enrollment in enrollments
        if is_enrolled(enrollment, month) and enrollment.billing_practitioner is not UNKNOWN
    }
    only = named.pop() if len(named) == 1 else None
    return only if isinstance(only, str) else None


def _prior_services(
    recorded: Sequence[OtherServiceRow], issued: Sequence[IssuedLine]
) -> tuple[PriorService, ...]:
    """Return what the practice billed in earlier months: as recorded, and as issued where it is not."""
    found = [_prior(row) for row in recorded]
    told = {(each.month, each.code, each.by) for each in found}
    for line in issued:
        month, by = ServiceMonth.from_ym(line.ym), known(line.billing_practitioner)
        if not told & {(month, line.code, by), (month, line.code, UNKNOWN)}:
            told.add((month, line.code, by))
            found.append(PriorService(month=month, code=line.code, by=by))
    return tuple(found)


def _prior(row: OtherServiceRow) -> PriorService:
    return PriorService(month=ServiceMonth.of(row.on_day), code=row.code, by=known(row.by))


def _as_billed(discharge: Discharge, issued: Sequence[IssuedLine]) -> Discharge:
    """Return a discharge as billed where a superbill of an earlier month bills its visit."""
    visit = discharge.visit
    if discharge.billed_on is not None or visit is UNKNOWN or visit is None:
        return discharge
    day = visit.on.isoformat()
    is_issued = any(line.program == Program.TCM and line.date_of_service == day for line in issued)
    return replace(discharge, billed_on=visit.on) if is_issued else discharge
