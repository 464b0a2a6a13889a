"""The record as Trellis keeps it, inside the resource that shows it to others.

The elements of a resource say what another system can understand. One extension beside them holds the
record's own fields by name, so that an export brought into an empty Trellis gives every record again
exactly. A field that is not named here never leaves; a field without a value is left out.
"""

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Final, Union, cast, get_args, get_origin

from trellis_core.errors import InputRefusedError
from trellis_core.fhir import profiles
from trellis_core.fhir.shapes import Resource, text_of
from trellis_core.store.tables import (
    ApcmCapabilityRow,
    ApcmMonthRow,
    CarePlanRow,
    CarePlanVersionRow,
    CaseloadReviewRow,
    CaseloadSessionRow,
    ConditionRow,
    ConsentDeclinedRow,
    ConsentRow,
    DecisionMakingRow,
    DiagnosisAttestationRow,
    DischargeContactRow,
    DischargeRow,
    ElsewhereRow,
    EnrollmentPractitionerRow,
    EnrollmentRow,
    FacilityStayRow,
    FeeListAmountRow,
    FeeListRow,
    OtherServiceRow,
    PastCoverageRow,
    PatientRow,
    PracticeOptionRow,
    PracticeRow,
    RatingScaleRow,
    RegistryMarkRow,
    SiteRow,
    StaffRow,
    TrackElectionRow,
    TrellisTable,
    VisitRow,
)

_EMPTY: Final = "empty"
_KIND: Final = "record-kind"


@dataclass(frozen=True, slots=True)
class Kept:
    """A table whose rows go along.

    Attributes:
        row: The table.
        columns: What goes along of it.
        left_out: What stays, and why.
    """

    row: type[TrellisTable]
    columns: tuple[str, ...]
    left_out: Mapping[str, str]


def _kept(row: type[TrellisTable], **left_out: str) -> Kept:
    stays = {"practice_id": "The export is one practice's.", **left_out}
    columns = tuple(name for name in row.model_fields if name not in stays)
    return Kept(row, columns, stays)


_FREE_TEXT: Final = "Free text that may name others; minimum necessary."
_SECRET: Final = "Opens a sign-in."  # noqa: S105 - a reason, not a password

KEPT: Final[Mapping[str, Kept]] = {
    "practice": _kept(PracticeRow),
    "practice-option": _kept(PracticeOptionRow),
    "site": _kept(SiteRow),
    "staff": _kept(StaffRow, sign_in_name=_SECRET, password_hash=_SECRET),
    "fee-list": _kept(FeeListRow),
    "fee-list-amount": _kept(FeeListAmountRow),
    "apcm-capability": _kept(ApcmCapabilityRow),
    "caseload-session": _kept(CaseloadSessionRow),
    "patient": _kept(
        PatientRow,
        risk_statement=_FREE_TEXT,
        best_time=_FREE_TEXT,
        caregiver=_FREE_TEXT,
        shows="Of the sample practice only.",
        source_identifier="Another system's word for the patient is an identifier of the Patient.",
    ),
    "past-coverage": _kept(PastCoverageRow),
    "condition": _kept(ConditionRow),
    "enrollment": _kept(EnrollmentRow),
    "enrollment-practitioner": _kept(EnrollmentPractitionerRow),
    "track-election": _kept(TrackElectionRow),
    "consent": _kept(ConsentRow, backdating_reason=_FREE_TEXT),
    "consent-declined": _kept(ConsentDeclinedRow, reason=_FREE_TEXT),
    "care-plan": _kept(CarePlanRow),
    "care-plan-version": _kept(CarePlanVersionRow),
    "visit": _kept(VisitRow),
    "decision-making": _kept(DecisionMakingRow),
    "rating-scale": _kept(RatingScaleRow),
    "caseload-review": _kept(CaseloadReviewRow, recommendation=_FREE_TEXT),
    "registry-mark": _kept(RegistryMarkRow),
    "other-service": _kept(OtherServiceRow),
    "facility-stay": _kept(FacilityStayRow),
    "discharge": _kept(DischargeRow),
    "discharge-contact": _kept(DischargeContactRow),
    "elsewhere": _kept(ElsewhereRow, learned_from=_FREE_TEXT),
    "apcm-month": _kept(ApcmMonthRow),
    "attestation": _kept(DiagnosisAttestationRow),
}
"""Each kind of record that has a table, in the order in which they are stored again."""


def key_of(kind: str, row: object) -> str:
    """Return a row's own key: its id, or what stands for one, parted by slashes."""
    return "/".join(_words(getattr(row, name)) for name in _keys(kind))


def _words(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


@cache
def _keys(kind: str) -> tuple[str, ...]:
    row = KEPT[kind].row
    table = row.__table__  # type: ignore[attr-defined] # made by the mapper
    own = tuple(column.name for column in table.primary_key if column.name != "practice_id")
    return own or ("practice_id",)


@cache
def _types(kind: str) -> tuple[tuple[str, type, bool], ...]:
    """Return each column's name and type, and whether an empty text is its ordinary value."""
    found = []
    for name in KEPT[kind].columns:
        field = KEPT[kind].row.model_fields[name]
        annotation = field.annotation
        if get_origin(annotation) in {Union, types.UnionType}:
            (annotation,) = (each for each in get_args(annotation) if each is not type(None))
        found.append((name, cast("type", annotation), field.default == ""))
    return tuple(found)


def record_extension(kind: str, row: object) -> Resource:
    """Return the extension that holds a row's fields.

    Args:
        kind: One of ``KEPT``.
        row: A row of its table, or a tuple with the names of its columns.
    """
    parts: list[Resource] = [{"url": _KIND, "valueCode": kind}]
    for name, of, is_empty_ordinary in _types(kind):
        value = getattr(row, name)
        if value is None or (value == "" and is_empty_ordinary):
            continue
        parts.append({"url": name, **_written(value, of)})
    return {"url": profiles.RECORD, "extension": parts}


def _written(value: object, of: type) -> Resource:
    if of is bool:
        return {"valueBoolean": bool(value)}
    if of is int:
        return {"valueInteger": cast("int", value)}
    if isinstance(value, datetime):
        return {"valueInstant": value.astimezone(UTC).isoformat()}
    if isinstance(value, date):
        return {"valueDate": value.isoformat()}
    return {"valueString": text_of(str(value))} if value != "" else {"valueCode": _EMPTY}


def record_of(resource: Mapping[str, object]) -> tuple[str, dict[str, object]] | None:
    """Return the kind and the fields of the record that a resource holds; None where it holds none.

    Fields that are not there keep their table's default. Unknown ones are refused.

    Raises:
        InputRefusedError: The extension is not as ``record_extension`` writes it; the message names
            the field, never its value.
    """
    (found, *more) = records_of(resource) or (None,)
    if more:
        raise _refused("It holds two records.")
    return found


def records_of(resource: Mapping[str, object]) -> list[tuple[str, dict[str, object]]]:
    """Return every record that a resource holds, in their order; see ``record_of``."""
    extensions = resource.get("extension")
    if not isinstance(extensions, Sequence):
        return []
    return [
        _record(each)
        for each in extensions
        if isinstance(each, Mapping) and each.get("url") == profiles.RECORD
    ]


def _record(extension: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    parts = extension.get("extension")
    if not isinstance(parts, Sequence) or not all(isinstance(each, Mapping) for each in parts):
        raise _refused("The record has no fields.")
    values = {str(each.get("url")): each for each in parts}
    if len(values) != len(parts):
        raise _refused("A field stands twice.")
    kind = str(values.pop(_KIND, {}).get("valueCode"))
    if kind not in KEPT:
        raise _refused("Its kind of record is unknown to this edition of Trellis.")
    known = {name: of for name, of, _ in _types(kind)}
    record: dict[str, object] = {}
    for name, part in values.items():
        if name not in known:
            raise _refused(f"A {kind} has a field that this edition of Trellis does not know.")
        record[name] = _read(kind, name, part, known[name])
    missing = [
        name
        for name in known
        if name not in record and KEPT[kind].row.model_fields[name].is_required()
    ]
    if missing:
        raise _refused(f"A {kind} needs the field '{missing[0]}'.")
    return kind, record


_ELEMENTS: Final = {
    bool: "valueBoolean",
    int: "valueInteger",
    datetime: "valueInstant",
    date: "valueDate",
    str: "valueString",
}


def _read(kind: str, name: str, part: Mapping[str, object], of: type) -> object:
    if part.get("valueCode") == _EMPTY and of is str:
        return ""
    value = part.get(_ELEMENTS[of])
    try:
        if of is datetime:
            found: object = datetime.fromisoformat(cast("str", value)).astimezone(UTC)
        elif of is date:
            found = date.fromisoformat(cast("str", value))
        else:
            found = value
    except (TypeError, ValueError):
        found = None
    if type(found) is not of:
        raise _refused(f"The field '{name}' of a {kind} cannot be read.")
    return found


def _refused(message: str) -> InputRefusedError:
    return InputRefusedError("RECORD", "extension", message)
