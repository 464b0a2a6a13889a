"""What own codes and extensions there are, and what each means, in Trellis's own words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar, get_args

from trellis_core.care.instruments import instruments
from trellis_core.care.vocabulary import (
    Activity,
    ConsentMethod,
    ContactState,
    Credential,
    EntryMode,
    Program,
    StaffRole,
)
from trellis_core.fhir import profiles
from trellis_core.fhir.kept import KEPT
from trellis_core.fhir.names import TYPES
from trellis_core.fhir.time import FIELDS, RECORDED_AT, ROOT, STANDING

_Code = TypeVar("_Code", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A code system.

    Attributes:
        codes: Each code with what it means.
    """

    url: str
    title: str
    description: str
    codes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A field of an extension.

    Attributes:
        types: Of its value; none where it has parts.
        meaning: One sentence.
        is_needed: It is always there.
        is_repeated: There may be several.
    """

    name: str
    types: tuple[str, ...]
    meaning: str
    is_needed: bool = False
    is_repeated: bool = False
    parts: tuple["Part", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """An extension: a value of one type, or parts.

    Attributes:
        on: Resource types that it is used on.
        target: What a Reference refers to.
    """

    url: str
    title: str
    description: str
    on: tuple[str, ...]
    value: str = ""
    target: str = ""
    parts: tuple[Part, ...] = ()


_ACTIVITIES: Final[Mapping[Activity, str]] = MappingProxyType(
    {
        Activity.RECORD_REVIEW: "Reading the patient's records.",
        Activity.PROVIDER_COMMUNICATION: "Talking or writing to another clinician.",
        Activity.PHARMACY_COMMUNICATION: "Talking or writing to a pharmacy.",
        Activity.MEDICATION_RECONCILIATION: "Comparing what the patient takes with what is ordered.",
        Activity.MEDICATION_ADJUSTMENT: "Seeing to a change of medication.",
        Activity.CARE_PLAN_UPDATE: "Writing or revising the care plan.",
        Activity.PATIENT_CONTACT: "Speaking or writing with the patient.",
        Activity.FAMILY_CAREGIVER_CONTACT: "Speaking or writing with family or a caregiver.",
        Activity.COMMUNITY_RESOURCE: "Finding or arranging help in the community.",
        Activity.REFERRAL_OR_TRANSITION: "Arranging a referral, or a move between places of care.",
        Activity.SCALE_ADMINISTRATION: "Going through a rating scale with the patient.",
        Activity.PLAN_CHECK_IN: "Asking how the care plan is going.",
        Activity.CARE_COORDINATION: "Bringing those who care for the patient together.",
        Activity.CASELOAD_REVIEW: "Going through the patient's case with the consultant.",
        Activity.REGISTRY_UPDATE: "Keeping the registry of patients.",
        Activity.AUTOMATED_CALL: "A call that a machine made.",
        Activity.OTHER_CLINICAL: "Other clinical work for the patient.",
        Activity.ADMINISTRATIVE: "Work that is not clinical.",
    }
)
_PROGRAMS: Final[Mapping[Program, str]] = MappingProxyType(
    {
        Program.CCM: "Chronic care management.",
        Program.PCM: "Principal care management: of one condition.",
        Program.BHI: "General behavioral health integration.",
        Program.COCM: "The collaborative care model, with a psychiatric consultant.",
        Program.APCM: "Advanced primary care management.",
        Program.TCM: "Transitional care management after a discharge.",
    }
)
_ROLES: Final[Mapping[StaffRole, str]] = MappingProxyType(
    {
        StaffRole.BILLING_PRACTITIONER: "Bills for the program's services.",
        StaffRole.CLINICAL_STAFF: "Works under a practitioner's supervision.",
        StaffRole.BEHAVIORAL_CARE_MANAGER: "Manages behavioral health care.",
        StaffRole.PSYCHIATRIC_CONSULTANT: "Advises on the caseload.",
        StaffRole.NON_CLINICAL: "Has no clinical part.",
    }
)
_CONSENT_METHODS: Final[Mapping[ConsentMethod, str]] = MappingProxyType(
    {
        ConsentMethod.VERBAL: "Said, and written down by who heard it.",
        ConsentMethod.WRITTEN: "Signed.",
    }
)


def code_systems() -> tuple[Terms, ...]:
    """Return every own code system."""
    return (
        Terms(
            url=profiles.ACTIVITY,
            title="Activity",
            description="What was done in a piece of care-management work.",
            codes=_plain(_ACTIVITIES),
        ),
        Terms(
            url=profiles.PROGRAM,
            title="Program",
            description="A care-management program that Medicare pays for by the month.",
            codes=_plain(_PROGRAMS),
        ),
        Terms(
            url=profiles.CONSENT_METHOD,
            title="Consent method",
            description="How a patient agreed.",
            codes=_plain(_CONSENT_METHODS),
        ),
        Terms(
            url=profiles.CONSENT_TYPE,
            title="Consent type",
            description="What a patient agreed to.",
            codes={
                f"{program.value.lower()}-enrollment": f"Taking part in the program {program.value}."
                for program in Program
            },
        ),
        Terms(
            url=profiles.CREDENTIAL,
            title="Credential",
            description="A person's licence or certificate.",
            codes={
                each.value: f"Holds the credential {each.value}."
                for each in Credential
                if each.value
            },
        ),
        Terms(
            url=profiles.STAFF_ROLE,
            title="Staff role",
            description="What a person does in care management; decides whose minutes count.",
            codes=_plain(_ROLES),
        ),
        Terms(
            url=profiles.SCALE,
            title="Rating scale",
            description="A rating scale, by the name that it goes by.",
            codes={each: f"The scale {each}." for each in instruments()},
        ),
        Terms(
            url=profiles.DOCUMENT,
            title="Document",
            description="A document that Trellis draws up.",
            codes={"superbill": "A month's charges with the time and records that they rest on."},
        ),
        Terms(
            url=profiles.RECORD_KIND,
            title="Record kind",
            description="A record that no resource type of FHIR R4 stands for.",
            codes={
                kind: f"A record of the kind '{words_of(kind)}'."
                for kind, of in TYPES.items()
                if of == "Basic"
            },
        ),
    )


def additions() -> tuple[Addition, ...]:
    """Return every own extension."""
    return (
        Addition(
            url=profiles.COUNTED_TIME,
            title="Counted time",
            description="Seconds of the work that count toward the program's month; 0 for none.",
            on=("Procedure",),
            value="Duration",
        ),
        Addition(
            url=profiles.TIME_PROGRAM,
            title="Time program",
            description="The enrollment that the work was done for.",
            on=("Procedure",),
            value="Reference",
            target="EpisodeOfCare",
        ),
        Addition(
            url=profiles.EXPECTED_MONTHS,
            title="Expected months",
            description="How long the condition is expected to last.",
            on=("Condition",),
            value="Duration",
        ),
        Addition(
            url=profiles.ALLOWED_AMOUNT,
            title="Allowed amount",
            description="The fee schedule's amount for all units of the line.",
            on=("ChargeItem",),
            value="Money",
        ),
        Addition(
            url=profiles.RECORD,
            title="Record",
            description="The record as Trellis keeps it, field by field.",
            on=tuple(sorted({TYPES[kind] for kind in KEPT})),
            parts=_record_parts(),
        ),
        Addition(
            url=profiles.ENTRY,
            title="Time entry",
            description="What the ledger says of a piece of work and no element of a Procedure does.",
            on=(TYPES["time-entry"],),
            parts=_entry_parts(),
        ),
        Addition(
            url=profiles.WHOLE,
            title="Whole export",
            description="That an export is whole, and how many resources it has.",
            on=("Basic",),
            parts=(
                Part(
                    name="edition",
                    types=("integer",),
                    meaning="The form of the export.",
                    is_needed=True,
                ),
                Part(
                    name="count",
                    types=(),
                    meaning="How many resources of a type there are.",
                    is_repeated=True,
                    parts=(
                        Part(
                            name="type",
                            types=("code",),
                            meaning="A resource type.",
                            is_needed=True,
                        ),
                        Part(
                            name="number",
                            types=("integer",),
                            meaning="How many.",
                            is_needed=True,
                        ),
                    ),
                ),
            ),
        ),
    )


# --- fields -------------------------------------------------------------------------------------

_ENTRY_MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        ROOT: "Id of the entry that came first, and key of the Procedure.",
        STANDING: "Id of the entry that stands, where it is another.",
        "staff_id": "Who did the work.",
        "author_id": "Who wrote it down.",
        "condition": "The condition that the work was about.",
        "patients_sharing": "Among how many patients the work is divided.",
        "billed_elsewhere": "It is part of a separately billed service.",
        "separate_from_visit": "It was apart from a visit of that day.",
        "contact": f"Whether patient or caregiver was spoken to: {', '.join(ContactState)}.",
        "is_estimated": "Its length was estimated.",
        "mode": f"How it came in: {', '.join(EntryMode)}.",
        "parent": "The form that month's end divided.",
        "seq": "Its number in the ledger.",
        RECORDED_AT: "When it was written down.",
    }
)
_VALUES: Final[Mapping[type, str]] = MappingProxyType(
    {bool: "boolean", int: "integer", datetime: "instant", date: "date"}
)


def _entry_parts() -> tuple[Part, ...]:
    elements = {ROOT: "valueString", STANDING: "valueString", RECORDED_AT: "valueInstant"}
    elements |= {name: element for name, (element, _, _) in FIELDS.items()}
    return tuple(
        Part(
            name=name,
            types=(elements[name].removeprefix("value").lower(),),
            meaning=meaning,
            is_needed=name == ROOT,
        )
        for name, meaning in _ENTRY_MEANINGS.items()
    )


def _record_parts() -> tuple[Part, ...]:
    """Return each field's name once, with the kinds that have it."""
    kinds: dict[str, list[str]] = {}
    types: dict[str, set[str]] = {}
    for kind, kept in KEPT.items():
        for name in kept.columns:
            kinds.setdefault(name, []).append(kind)
            annotation = kept.row.model_fields[name].annotation
            of = next(
                (_VALUES[each] for each in (annotation, *get_args(annotation)) if each in _VALUES),
                "",
            )
            types.setdefault(name, set()).update({of} if of else {"string", "code"})
    return (
        Part(name="record-kind", types=("code",), meaning="The kind of record.", is_needed=True),
        *(
            Part(
                name=name,
                types=tuple(sorted(types[name])),
                meaning=f"The field '{words_of(name)}' of: {', '.join(kinds[name])}.",
            )
            for name in sorted(kinds)
        ),
    )


def _plain(meanings: Mapping[_Code, str]) -> dict[str, str]:
    return {code.value: meaning for code, meaning in meanings.items()}


def words_of(name: str) -> str:
    """Return a name of code as words."""
    return name.replace("_", " ").replace("-", " ")
