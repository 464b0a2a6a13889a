"""The facts as they were known at an instant: later ones are left out.

Work is known once it is over and recorded; what has only a day is known on that day, what has only
a month from its first day. What has no date at all is taken as known.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from trellis_core.care.records import (
    CaseloadReview,
    CocmEnd,
    Discharge,
    InitiatingVisit,
    RatingScale,
)
from trellis_core.ledger.entries import TimeEntry
from trellis_core.rules.facts import Facts, OtherEntry
from trellis_core.rules.gaps import Gaps
from trellis_core.values.periods import local_day
from trellis_core.values.unknown import UNKNOWN, Maybe

_D = TypeVar("_D", CaseloadReview, InitiatingVisit, RatingScale)


def known_at(facts: Facts, as_of: datetime, zone: ZoneInfo) -> tuple[Facts, frozenset[str]]:
    """Return the facts that were known at an instant, and the ids of entries left out."""
    today = local_day(as_of, zone)

    def was(day: Maybe[date | None]) -> bool:
        return day is UNKNOWN or day is None or day <= today

    def then(day: Maybe[date | None]) -> Maybe[date | None]:
        return day if was(day) else None

    late = frozenset(entry.id for entry in facts.time_entries if _is_late(entry, as_of))
    patient = facts.patient
    return (
        replace(
            facts,
            patient=patient
            if was(patient.deceased_on) and was(patient.last_seen_on)
            else replace(
                patient,
                deceased_on=then(patient.deceased_on),
                last_seen_on=UNKNOWN if not was(patient.last_seen_on) else patient.last_seen_on,
            ),
            enrollments=facts.enrollments
            if facts.enrollments is UNKNOWN
            else tuple(
                each if was(each.ended_on) else replace(each, ended_on=None)
                for each in facts.enrollments
                if was(each.started_on)
            ),
            consents=facts.consents
            if facts.consents is UNKNOWN
            else tuple(
                each if was(each.revoked_on) else replace(each, revoked_on=None)
                for each in facts.consents
                if was(each.obtained_on)
            ),
            initiating_visits=_until(facts.initiating_visits, today),
            care_plans=facts.care_plans
            if facts.care_plans is UNKNOWN
            else tuple(
                each
                if was(each.revised_on) and was(each.copy_given_on)
                else replace(
                    each, revised_on=then(each.revised_on), copy_given_on=then(each.copy_given_on)
                )
                for each in facts.care_plans
                if was(each.established_on)
            ),
            other_patient_entries=tuple(
                each for each in facts.other_patient_entries if not _is_late(each, as_of)
            ),
            visits=tuple(each for each in facts.visits if each.on <= today),
            medical_decision_making=tuple(
                each for each in facts.medical_decision_making if was(each.on)
            ),
            rating_scales=_until(facts.rating_scales, today),
            caseload_reviews=_until(facts.caseload_reviews, today),
            registry_entered_on=then(facts.registry_entered_on),
            cocm_referred_on=then(facts.cocm_referred_on),
            cocm_ended=None
            if isinstance(facts.cocm_ended, CocmEnd) and facts.cocm_ended.on > today
            else facts.cocm_ended,
            prior_services=tuple(
                each for each in facts.prior_services if each.month.first_day <= today
            ),
            other_services=tuple(each for each in facts.other_services if each.on <= today),
            facility_stays=tuple(
                replace(each, discharged_on=then(each.discharged_on))
                for each in facts.facility_stays
                if each.admitted_on <= today
            ),
            discharges=tuple(
                _discharge_known_at(each, as_of, today)
                for each in facts.discharges
                if each.discharged_on <= today
            ),
            gaps=facts.gaps if facts.gaps is None else _gaps_known_at(facts.gaps, as_of, today),
        ),
        late,
    )


def _gaps_known_at(gaps: Gaps, as_of: datetime, today: date) -> Gaps:
    """Return records without their place; one that bears no day at all is taken as known."""

    def was(day: Maybe[date | None]) -> bool:
        return day is UNKNOWN or day is None or day <= today

    return replace(
        gaps,
        other_patient_entries=tuple(
            each
            for each in gaps.other_patient_entries
            if (each.recorded_at is None or each.recorded_at <= as_of)
            and (each.started_at is UNKNOWN or each.started_at <= as_of)
        ),
        prior_services=tuple(
            each
            for each in gaps.prior_services
            if each.month is UNKNOWN or each.month.first_day <= today
        ),
        other_services=tuple(each for each in gaps.other_services if was(each.on)),
        facility_stays=tuple(
            replace(each, discharged_on=_then(each.discharged_on, today))
            for each in gaps.facility_stays
        ),
        discharges=tuple(
            replace(
                each,
                visit_on=each.visit_on if was(each.visit_on) else None,
                billed_on=each.billed_on if was(each.billed_on) else None,
            )
            for each in gaps.discharges
        ),
        medical_decision_making=tuple(
            each for each in gaps.medical_decision_making if was(each.on)
        ),
    )


def _is_late(entry: TimeEntry | OtherEntry, as_of: datetime) -> bool:
    """Say whether work was not on record yet.

    Where nobody knows when it was recorded it is known once it is over; work that had not begun
    is never known.
    """
    if entry.recorded_at is None:
        return entry.started_at + timedelta(seconds=entry.seconds) > as_of
    return max(entry.recorded_at, entry.started_at) > as_of


def _until(records: Maybe[tuple[_D, ...]], today: date) -> Maybe[tuple[_D, ...]]:
    if records is UNKNOWN:
        return UNKNOWN
    return tuple(each for each in records if each.on <= today)


def _discharge_known_at(discharge: Discharge, as_of: datetime, today: date) -> Discharge:
    contacts, visit = discharge.contacts, discharge.visit
    return replace(
        discharge,
        contacts=contacts
        if contacts is UNKNOWN
        else tuple(each for each in contacts if each.at <= as_of),
        visit=None if visit is not UNKNOWN and visit is not None and visit.on > today else visit,
        medications_reconciled_on=_then(discharge.medications_reconciled_on, today),
        discharge_day_management_on=_then(discharge.discharge_day_management_on, today),
        readmitted_on=None
        if discharge.readmitted_on is not None and discharge.readmitted_on > today
        else discharge.readmitted_on,
        billed_on=None
        if discharge.billed_on is not None and discharge.billed_on > today
        else discharge.billed_on,
    )


def _then(day: Maybe[date | None], today: date) -> Maybe[date | None]:
    return None if day is not UNKNOWN and day is not None and day > today else day
