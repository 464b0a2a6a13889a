"""A patient's chart as FHIR R4: every record of it once, none of anybody else's, and no time or charge.

Resources are plain mappings, made one by one from rows that were read before. What has no resource of
its own in R4 is a Basic. Notes, social security numbers and CPT descriptors never leave.
"""

from collections.abc import Iterator

from trellis_core.fhir.chart_findings import (
    condition_resources,
    encounter_resources,
    scale_resources,
)
from trellis_core.fhir.chart_patient import coverage_resources, patient_resource
from trellis_core.fhir.chart_plans import care_plan_resources
from trellis_core.fhir.chart_programs import consent_resources, enrollment_resources
from trellis_core.fhir.chart_writer import ChartWriter, chart_writer
from trellis_core.fhir.names import Names
from trellis_core.fhir.shapes import Resource
from trellis_core.store.chart_query import ChartRows, PracticeRows
from trellis_core.store.tables import (
    ApcmMonthRow,
    CaseloadReviewRow,
    DecisionMakingRow,
    DiagnosisAttestationRow,
    DischargeContactRow,
    ElsewhereRow,
    EnrollmentPractitionerRow,
    OtherServiceRow,
    RegistryMarkRow,
    TrackElectionRow,
)


def chart_resources(names: Names, chart: ChartRows, rows: PracticeRows) -> Iterator[Resource]:
    """Return everything on record about a patient, the Patient first.

    Args:
        names: How records are called.
        chart: The patient's chart.
        rows: The practice's own records.
    """
    writer = chart_writer(names, chart, rows)
    yield patient_resource(writer)
    yield from coverage_resources(writer)
    yield from condition_resources(writer)
    yield from enrollment_resources(writer, rows)
    yield from consent_resources(writer)
    yield from care_plan_resources(writer)
    yield from scale_resources(writer)
    yield from encounter_resources(writer)
    yield from _months(writer)
    yield from _days(writer)


def _months(writer: ChartWriter) -> Iterator[Resource]:
    """Return what was stated for months, and of the patient's programs."""
    chart = writer.chart
    for change in chart.of(EnrollmentPractitionerRow):
        yield writer.basic("enrollment-practitioner", change)
    for election in chart.of(TrackElectionRow):
        yield writer.basic(
            "track-election", election, by=election.elected_by, at=election.elected_at
        )
    for month in chart.of(ApcmMonthRow):
        yield writer.basic("apcm-month", month, by=month.stated_by, at=month.stated_at)
    for attested in chart.of(DiagnosisAttestationRow):
        yield writer.basic(
            "attestation", attested, by=attested.attested_by, at=attested.attested_at
        )
    for mark in chart.of(RegistryMarkRow):
        yield writer.basic("registry-mark", mark)


def _days(writer: ChartWriter) -> Iterator[Resource]:
    """Return what was done or learned on days."""
    chart = writer.chart
    for decision in chart.of(DecisionMakingRow):
        yield writer.basic("decision-making", decision, by=decision.by, at=decision.on_day)
    for review in chart.of(CaseloadReviewRow):
        yield writer.basic("caseload-review", review, at=review.on_day)
    for service in chart.of(OtherServiceRow):
        yield writer.basic("other-service", service, at=service.on_day)
    for contact in chart.of(DischargeContactRow):
        yield writer.basic("discharge-contact", contact, by=contact.by, at=contact.at)
    for word in chart.of(ElsewhereRow):
        yield writer.basic("elsewhere", word, at=word.learned_on)
