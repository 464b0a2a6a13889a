"""Findings as FHIR: diagnoses, rating scales with their answers, visits and stays."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from trellis_core.care.instruments import Instrument, band, instrument_named
from trellis_core.care.vocabulary import DischargedFrom, DischargedTo, StayKind
from trellis_core.fhir import profiles
from trellis_core.fhir.chart_writer import ChartWriter
from trellis_core.fhir.recorded import span
from trellis_core.fhir.shapes import (
    JsonValue,
    Resource,
    concept,
    quantity,
    service_code,
    text_of,
)
from trellis_core.store.tables import (
    ConditionRow,
    DischargeRow,
    FacilityStayRow,
    RatingScaleRow,
    VisitRow,
)
from trellis_core.values.codes import is_icd10

_SNOMED: Final = re.compile(r"[1-9]\d{5,17}", re.ASCII)
_BILLED: Final = re.compile(r"[A-Z]\d{4}|\d{4}[0-9A-Z]", re.ASCII)
_ENCOUNTER: Final = "308335008"


def condition_resources(writer: ChartWriter) -> Iterator[Resource]:
    """Return the patient's list of diagnoses."""
    for row in writer.chart.of(ConditionRow):
        more: list[Resource] = []
        if row.expected_months is not None:
            months = quantity(row.expected_months, "months", "mo")
            more = [{"url": profiles.EXPECTED_MONTHS, "valueDuration": months}]
        resource = writer.begin(
            "condition", row, "us-core-condition-problems-health-concerns", *more
        )
        terms = profiles.TERMINOLOGY
        resource |= {
            "clinicalStatus": concept(f"{terms}/condition-clinical", "active"),
            "verificationStatus": concept(f"{terms}/condition-ver-status", "confirmed"),
            "category": [concept(f"{terms}/condition-category", "problem-list-item")],
            "code": _diagnosis(row),
            "subject": writer.subject,
        }
        if row.onset_on is not None:
            resource["onsetDateTime"] = row.onset_on.isoformat()
        yield resource


def _diagnosis(row: ConditionRow) -> Resource:
    coding: list[JsonValue] = []
    if row.icd10 and is_icd10(row.icd10):
        coding.append({"system": profiles.ICD10, "code": row.icd10})
    if row.snomed and _SNOMED.fullmatch(row.snomed):
        coding.append({"system": profiles.SNOMED, "code": row.snomed})
    found: Resource = {"coding": coding} if coding else {}
    words = (row.text, row.icd10, row.snomed, "Not coded")
    found["text"] = next(each for each in map(text_of, filter(None, words)) if each.strip())
    return found


# --- rating scales --------------------------------------------------------------------------

_FREQUENCY: Final = ("LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9")
_WORRY: Final = ("LA6568-5", "LA6569-3", "LA18938-3", "LA6571-9")
_PANELS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "PHQ-9": (
        "44249-1",
        (
            *("44250-9", "44255-8", "44259-0", "44254-1", "44251-7"),
            *("44258-2", "44252-5", "44253-3", "44260-8"),
        ),
    ),
    "PHQ-2": ("55757-9", ("44250-9", "44255-8")),
    "GAD-7": (
        "69737-5",
        ("69725-0", "68509-9", "69733-4", "69734-2", "69735-9", "69689-8", "69736-7"),
    ),
}
"""Each scale's panel in LOINC, and its items in the form's order."""

_ANSWERS_OF: Final[Mapping[str, tuple[str, ...]]] = {"68509-9": _WORRY}
"""Items whose answers in LOINC are not those of the others."""


def scale_resources(writer: ChartWriter) -> Iterator[Resource]:
    """Return each result of a rating scale, after the answers where they are on record.

    A result that is not known has a reason and no value: it is never zero.
    """
    for row in writer.chart.of(RatingScaleRow):
        known = instrument_named(row.instrument)
        answers = _answers(row, known)
        if known is not None and answers:
            yield _questionnaire(writer, row, known, answers)
        yield _observation(writer, row, known, has_answers=bool(answers))


def _answers(row: RatingScaleRow, known: Instrument | None) -> Sequence[int | None]:
    """Return the answers to the items; none where they are of another form of the scale."""
    found: Sequence[int | None] = json.loads(row.answers) if row.answers else ()
    return found if known is not None and len(found) == len(known.items) else ()


def _observation(
    writer: ChartWriter, row: RatingScaleRow, known: Instrument | None, *, has_answers: bool
) -> Resource:
    resource = writer.begin("rating-scale", row, "us-core-observation-screening-assessment")
    terms = profiles.TERMINOLOGY
    resource |= {
        "status": "final",
        "category": [concept(f"{terms}/observation-category", "survey")],
        "code": _scale(row, known),
        "subject": writer.subject,
        "effectiveDateTime": row.on_day.isoformat(),
    }
    performer = writer.staff(row.by)
    if performer is not None:
        resource["performer"] = [performer]
    if row.score is not None:
        resource["valueQuantity"] = quantity(row.score, "score", "{score}")
        words = band(known, row.score) if known is not None else None
        if words is not None:
            resource["interpretation"] = [{"text": words}]
    elif row.level:
        words = known.level_words.get(row.level, row.level) if known is not None else row.level
        resource["valueCodeableConcept"] = {"text": text_of(words)}
    else:
        resource["dataAbsentReason"] = concept(f"{terms}/data-absent-reason", "unknown")
    if has_answers:
        resource["derivedFrom"] = [writer.names.reference("rating-scale-answers", row.id)]
    return resource


def _scale(row: RatingScaleRow, known: Instrument | None) -> Resource:
    """Return which result it is: LOINC's code where one was verified, else the scale by its name."""
    if known is None:
        return {"text": text_of(row.instrument).strip() or "Rating scale"}
    words = f"{known.name} {'total score' if known.has_sum else 'result'}"
    if known.loinc is not None:
        return concept(profiles.LOINC, known.loinc, words)
    return concept(profiles.SCALE, known.name, words)


def _questionnaire(
    writer: ChartWriter, row: RatingScaleRow, known: Instrument, answers: Sequence[int | None]
) -> Resource:
    panel, items = _PANELS.get(known.name, ("", ()))
    resource = writer.names.head("rating-scale-answers", row.id, "us-core-questionnaireresponse")
    is_whole = row.score is not None or bool(row.level)
    resource |= {
        "identifier": writer.names.identifier("rating-scale-answers", row.id),
        "questionnaire": f"{profiles.LOINC_QUESTIONNAIRE}/{panel}"
        if panel
        else f"{profiles.BASE}/Questionnaire/{known.name.lower()}",
        "status": "completed" if is_whole else "stopped",
        "subject": writer.subject,
        "authored": row.on_day.isoformat(),
        "item": [
            _item(known, at, items[at] if items else "", points)
            for at, points in enumerate(answers)
        ],
    }
    author = writer.staff(row.by)
    if author is not None:
        resource["author"] = author
    return resource


def _item(known: Instrument, at: int, loinc: str, points: int | None) -> Resource:
    """Return an item by its topic and its answer: LOINC's where the scale's are, else its points."""
    item: Resource = {"linkId": f"/{loinc or at + 1}", "text": text_of(known.items[at].label)}
    if points is None:
        return item
    coded = _ANSWERS_OF.get(loinc, _FREQUENCY) if loinc else ()
    answer: Resource = {"valueInteger": points}
    if points < len(coded):
        answer = {"valueCoding": {"system": profiles.LOINC, "code": coded[points]}}
    item["answer"] = [answer]
    return item


# --- visits and stays -----------------------------------------------------------------------

_STAYS: Final[Mapping[str, tuple[str, str]]] = {
    StayKind.INPATIENT: ("IMP", "Inpatient stay"),
    StayKind.SNF_PART_A: ("IMP", "Skilled nursing facility stay"),
    StayKind.OBSERVATION: ("OBSENC", "Observation stay"),
}
_LEFT: Final[Mapping[str, tuple[str, str]]] = {
    DischargedFrom.INPATIENT_ACUTE: ("IMP", "Acute inpatient stay"),
    DischargedFrom.INPATIENT_PSYCHIATRIC: ("IMP", "Inpatient psychiatric stay"),
    DischargedFrom.LONG_TERM_CARE_HOSPITAL: ("IMP", "Long-term care hospital stay"),
    DischargedFrom.SNF: ("IMP", "Skilled nursing facility stay"),
    DischargedFrom.IRF: ("IMP", "Inpatient rehabilitation facility stay"),
    DischargedFrom.OBSERVATION: ("OBSENC", "Observation stay"),
    DischargedFrom.PARTIAL_HOSPITALIZATION: ("AMB", "Partial hospitalization"),
    DischargedFrom.INTENSIVE_OUTPATIENT: ("AMB", "Intensive outpatient program"),
    DischargedFrom.CMHC: ("AMB", "Community mental health center"),
    DischargedFrom.EMERGENCY_DEPARTMENT: ("EMER", "Emergency department visit"),
    DischargedFrom.OUTPATIENT: ("AMB", "Hospital outpatient visit"),
}
_WENT: Final[Mapping[str, tuple[str, str]]] = {
    DischargedTo.HOME: ("home", "Home"),
    DischargedTo.DOMICILIARY: ("oth", "Domiciliary"),
    DischargedTo.REST_HOME: ("oth", "Rest home"),
    DischargedTo.ASSISTED_LIVING: ("oth", "Assisted living"),
    DischargedTo.NURSING_FACILITY: ("long", "Nursing facility"),
    DischargedTo.SNF: ("snf", "Skilled nursing facility"),
    DischargedTo.IRF: ("rehab", "Inpatient rehabilitation facility"),
    DischargedTo.LONG_TERM_CARE_HOSPITAL: ("other-hcf", "Long-term care hospital"),
    DischargedTo.HOSPITAL: ("other-hcf", "Hospital"),
}


def encounter_resources(writer: ChartWriter) -> Iterator[Resource]:
    """Return billed visits, stays in facilities, and discharges."""
    for visit in writer.chart.of(VisitRow):
        resource = _encounter(
            writer, writer.begin("visit", visit, "us-core-encounter"), "AMB", _visited(visit)
        )
        resource["period"] = span(visit.on_day, visit.on_day)
        by = writer.staff(visit.by)
        if by is not None:
            performs = concept(f"{profiles.TERMINOLOGY}/v3-ParticipationType", "PPRF")
            resource["participant"] = [{"type": [performs], "individual": by}]
            resource["serviceProvider"] = writer.practice
        yield resource
    for stay in writer.chart.of(FacilityStayRow):
        code, words = _STAYS[stay.kind]
        yield _stay(
            writer,
            writer.begin("facility-stay", stay, "us-core-encounter"),
            (code, words),
            (stay.admitted_on, stay.discharged_on),
        )
    for row in writer.chart.of(DischargeRow):
        yield _discharge(writer, row)


def _visited(row: VisitRow) -> Resource:
    words = "Initiating visit" if row.is_initiating else "Visit"
    if row.code and _BILLED.fullmatch(row.code):
        return service_code(row.code, words)
    return concept(profiles.SNOMED, _ENCOUNTER, words)


def _encounter(
    writer: ChartWriter, resource: Resource, code: str, what: Resource, status: str = "finished"
) -> Resource:
    resource |= {
        "status": status,
        "class": {"system": profiles.ACT_CODE, "code": code},
        "type": [what],
        "subject": writer.subject,
    }
    return resource


def _stay(
    writer: ChartWriter,
    resource: Resource,
    kind: tuple[str, str],
    days: tuple[date | None, date | None],
) -> Resource:
    code, words = kind
    _encounter(
        writer,
        resource,
        code,
        concept(profiles.SNOMED, _ENCOUNTER, words),
        "in-progress" if days[1] is None else "finished",
    )
    resource["period"] = span(*days)
    return resource


def _discharge(writer: ChartWriter, row: DischargeRow) -> Resource:
    """Return the stay or visit that a discharge ended; when it began is not on record."""
    resource = _stay(
        writer,
        writer.begin("discharge", row, "us-core-encounter"),
        _LEFT.get(row.discharged_from or "", ("IMP", "Stay before a discharge")),
        (None, row.discharged_on),
    )
    if row.discharged_to is not None:
        code, words = _WENT[row.discharged_to]
        resource["hospitalization"] = {
            "dischargeDisposition": concept(
                f"{profiles.TERMINOLOGY}/discharge-disposition", code, words
            )
        }
    if row.facility_name.strip():
        resource["serviceProvider"] = {
            "type": "Organization",
            "display": text_of(row.facility_name),
        }
    return resource
