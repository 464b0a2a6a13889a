"""The shapes of a case's records: what each key may hold, and the record that it becomes.

An absent key is an unknown fact, except where the contract prints a default; null is known to be
none. A record of a list of facts without the key that says what it is about leaves the list unknown;
any other record that lacks its day, code or person is kept among the gaps.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Final, TypeVar

from trellis_core.care.people import StaffMember
from trellis_core.care.records import (
    CarePlan,
    CaseloadReview,
    CocmEnd,
    Condition,
    Consent,
    DecisionMaking,
    Discharge,
    DischargeContact,
    DischargeVisit,
    Enrollment,
    FacilityStay,
    InitiatingVisit,
    OtherService,
    PriorService,
    RatingScale,
    UndatedContact,
    UndatedDischargeVisit,
    Visit,
)
from trellis_core.care.vocabulary import (
    Activity,
    CocmEndReason,
    ConsentElement,
    ConsentMethod,
    ContactOutcome,
    ContactState,
    Credential,
    DateOfServiceRule,
    DischargedFrom,
    DischargedTo,
    MdmLevel,
    PayerKind,
    PracticeKind,
    Program,
    ScaleUse,
    Setting,
    StaffRole,
    StayKind,
    Track,
    VisitModality,
)
from trellis_core.case_file.references import name_by_place
from trellis_core.case_file.shapes import (
    NPI,
    Coded,
    Day,
    Flag,
    Identifier,
    Instant,
    Key,
    ListOf,
    MapOf,
    Members,
    Month,
    OneOf,
    OrNull,
    Schema,
    SetOf,
    Text,
    Whole,
    Zone,
    choice,
    member,
)
from trellis_core.errors import InvalidIcd10Error
from trellis_core.ledger.entries import TimeEntry
from trellis_core.rules.facts import (
    DEFAULT_POLICY,
    Facts,
    OtherEntry,
    PatientFacts,
    Policy,
    PracticeFacts,
    RequestedLine,
)
from trellis_core.rules.gaps import (
    UNPLACED,
    DecisionWithoutProgram,
    Gaps,
    PersonWithoutRole,
    UndatedDischarge,
    UndatedStay,
    UndatedVisit,
    UnplacedEntry,
    UnplacedPriorService,
    UnplacedService,
)
from trellis_core.values.codes import icd10
from trellis_core.values.unknown import UNKNOWN, Maybe

_SECONDS_OF_A_DAY: Final = 86_400

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class _Nameless:
    """A record that lacks the key which says what it is about."""


@dataclass(frozen=True, slots=True)
class _Nothing:
    """A record that says that there is nothing, such as a consent never obtained."""


_NAMELESS: Final = _Nameless()
_NOTHING: Final = _Nothing()


def _is_icd10(text: str) -> bool:
    try:
        icd10(text)
    except InvalidIcd10Error:
        return False
    return True


_ICD10: Final = Coded(
    check=_is_icd10,
    error="BAD_ICD10",
    message="This is not an ICD-10-CM code: a capital letter, a digit, a letter or digit, then a dot "
    "and up to four more, for example E11.9.",
    pattern=r"^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$",
)
_TEXT, _ID, _FLAG, _DAY, _INSTANT, _MONTH = (
    *(Text(), Identifier(), Flag()),
    *(Day(), Instant(), Month()),
)
_DAY_OR_NONE: Final = OrNull(_DAY)
_PROGRAM: Final = member(Program)
_COUNT: Final = Whole(least=1)


def _identified(
    build: Callable[..., T], *identity: str, never: tuple[str, ...] = ()
) -> Callable[..., T | _Nameless | _Nothing]:
    """Build a record only where its identity is given and nothing says that it never was."""

    def made(**given: object) -> T | _Nameless | _Nothing:
        if any(name in given and given[name] is None for name in never):
            return _NOTHING
        if any(name not in given for name in identity):
            return _NAMELESS
        return build(**given)

    return made


def _placed(
    build: Callable[..., T], unplaced: Callable[..., U], *place: str
) -> Callable[..., T | U]:
    """Build a record where the keys that place it are given, else one that lacks its place."""

    def made(**given: object) -> T | U:
        for name in place:
            if name not in given:
                return unplaced(**given)
        return build(**given)

    return made


class _Records(ListOf[T | _Nameless | _Nothing]):
    """Records of which one without identity leaves the list unknown.

    A case gives them no id; their place names them where they are evidence.
    """

    def __init__(self, item: Members[T | _Nameless | _Nothing], name: str) -> None:
        super().__init__(item, lambda each, place: item.read(each, id=f"{name}[{place}]"))

    def read_known(self, value: object) -> Maybe[tuple[T, ...]]:
        """Return the records that are, or unknown."""
        items = self.read(value)
        if _NAMELESS in items:
            return UNKNOWN
        return tuple(each for each in items if not isinstance(each, _Nameless | _Nothing))


@dataclass(frozen=True, slots=True)
class _KnownRecords:
    """The shape of a list of facts: its records, or unknown."""

    records: _Records[object]

    def read(self, value: object) -> Maybe[tuple[object, ...]]:
        return self.records.read_known(value)

    def schema(self) -> Schema:
        return self.records.schema()


@dataclass(frozen=True, slots=True)
class _Attributed:
    """The shape of a list of events: records that say nothing are left out."""

    records: _Records[object]

    def read(self, value: object) -> tuple[object, ...]:
        return tuple(
            each for each in self.records.read(value) if not isinstance(each, _Nameless | _Nothing)
        )

    def schema(self) -> Schema:
        return self.records.schema()


def _facts_list(name: str, shape: Members[object]) -> Key:
    return Key(name, _KnownRecords(_Records(shape, name)))


def _policy(**given: object) -> Policy:
    stated = frozenset(given)
    caps = given.get("unit_caps")
    if isinstance(caps, dict):
        given["unit_caps"] = MappingProxyType(caps)
    build: Callable[..., Policy] = Policy
    return build(**given, stated=stated)


_POLICY: Final = Members(
    _policy,
    (
        Key("cocm_time_rule", choice("midpoint", "full"), default="midpoint"),
        Key("g2214_minimum_minutes", OneOf({16: 16, 30: 30}), default=16),
        Key("count_facility_time", _FLAG, default=True),
        Key("ccm_pcm_different_practitioner", _FLAG, default=True),
        Key("ccm_with_tcm", _FLAG, default=True),
        Key("same_day_visit_time", choice("exclude", "attest"), default="exclude"),
        Key("tcm_visit_count", choice("exclusive", "inclusive"), default="exclusive"),
        Key("tcm_nursing_facility", choice("warn", "block"), default="warn"),
        Key("tcm_bundles", ListOf(_TEXT)),
        Key("scale_interval", choice("month", "since_enrollment"), default="month"),
        Key("g2214_accepted", _FLAG, default=True),
        Key("cocm_initial_per", choice("episode", "calendar_year"), default="episode"),
        Key("unit_caps", MapOf(Whole()), note="Units a payer pays, by code."),
    ),
)


@dataclass(frozen=True, slots=True)
class _Payer:
    kind: PayerKind = PayerKind.MEDICARE
    policy: Policy = DEFAULT_POLICY


_PAYER: Final = Members(
    _Payer, (Key("kind", member(PayerKind), default="medicare"), Key("policy", _POLICY))
)

_PRACTICE: Final = Members(
    PracticeFacts,
    (
        Key("time_zone", Zone(), default="America/New_York"),
        Key("state", OrNull(_TEXT), note="Absent with the locality: national amounts."),
        Key("locality", OrNull(_TEXT), note="Medicare payment locality, two digits."),
        Key("setting", member(Setting), default="nonfacility"),
        Key("qualifying_apm", _FLAG, default=False),
        Key("around_the_clock_access", _FLAG),
        Key("certified_ehr", _FLAG),
        Key("kind", member(PracticeKind), default="physician_practice"),
        Key("tcm_hold_until_day_30", _FLAG, default=False),
        Key("date_of_service", member(DateOfServiceRule), default="month_end"),
        Key("apcm_capabilities", _FLAG),
        Key("performance_reporting", _FLAG),
    ),
)


def _staff_member(
    *,
    id: str = "",  # noqa: A002 - the key's name
    **given: object,
) -> StaffMember | PersonWithoutRole:
    if "credential" in given and given["credential"] is None:
        given["credential"] = Credential.NONE
    build: Callable[..., StaffMember | PersonWithoutRole] = (
        StaffMember if "role" in given else PersonWithoutRole
    )
    return build(id=id, **given)


_STAFF: Final = Members(
    _staff_member,
    (
        Key("id", _ID),
        Key("role", member(StaffRole)),
        Key("credential", OrNull(member(Credential)), note="Empty or null: none."),
        Key("npi", OrNull(NPI)),
    ),
)


def _condition(icd10: str | None = None, **given: object) -> Condition:
    build: Callable[..., Condition] = Condition
    return build(icd10=icd10, **given)


_CONDITION: Final = Members(
    _condition,
    (
        Key("icd10", OrNull(_ICD10)),
        Key("expected_months", OrNull(Whole()), note="null: known not to be chronic."),
        Key("significant_risk", _FLAG),
        Key("behavioral", _FLAG),
    ),
)

_PATIENT: Final = Members(
    PatientFacts,
    (
        Key("id", _TEXT),
        Key("birth_date", _DAY_OR_NONE),
        Key("sex", OrNull(_TEXT)),
        Key("deceased_on", _DAY_OR_NONE),
        Key("qualified_medicare_beneficiary", _FLAG),
        Key("last_seen_on", _DAY_OR_NONE, note="Last visit with the billing practitioner."),
        Key("conditions", ListOf(_CONDITION)),
    ),
)

_ENROLLMENT: Final = Members(
    _identified(Enrollment, "program", never=("started_on",)),
    (
        Key("program", _PROGRAM),
        Key("started_on", _DAY_OR_NONE, note="null: never started."),
        Key("ended_on", _DAY_OR_NONE),
        Key("billing_practitioner", _TEXT),
        Key("condition", OrNull(_ICD10), note="PCM: the one condition."),
        Key("track", OrNull(member(Track)), note="A person's election for the month."),
    ),
)

_CONSENT: Final = Members(
    _identified(Consent, "program", never=("obtained_on",)),
    (
        Key("program", _PROGRAM),
        Key("obtained_on", _DAY_OR_NONE, note="null: never obtained."),
        Key("method", member(ConsentMethod)),
        Key("documented", _FLAG),
        Key("billing_practitioner", _TEXT),
        Key("obtained_by", _TEXT),
        Key("elements", SetOf(member(ConsentElement))),
        Key("revoked_on", _DAY_OR_NONE),
    ),
)

_INITIATING_VISIT: Final = Members(
    _identified(InitiatingVisit, "on", never=("on",)),
    (
        Key("on", _DAY_OR_NONE, note="null: there was none."),
        Key("code", _TEXT),
        Key("by", _TEXT),
        Key("program_discussed", SetOf(_PROGRAM)),
        Key("care_planning_by_practitioner", _FLAG),
    ),
)

_CARE_PLAN: Final = Members(
    _identified(CarePlan, "program", never=("established_on",)),
    (
        Key("program", _PROGRAM),
        Key("established_on", _DAY_OR_NONE, note="null: not established."),
        Key("revised_on", _DAY_OR_NONE),
        Key("copy_given_on", _DAY_OR_NONE),
    ),
)


def _time_entry(
    *,
    staff: str | None,
    activity: Activity = Activity.OTHER_CLINICAL,
    note: str | None = None,
    **given: object,
) -> TimeEntry:
    build: Callable[..., TimeEntry] = TimeEntry
    return build(staff_id=staff, activity=activity, note=note or "", **given)


_TIME_ENTRY: Final = Members(
    _time_entry,
    (
        Key("id", _ID, is_required=True),
        Key("program", _PROGRAM, is_required=True),
        Key("staff", OrNull(_TEXT), is_required=True, note="null: nobody."),
        Key("started_at", _INSTANT, is_required=True),
        Key("seconds", Whole(least=1, most=_SECONDS_OF_A_DAY), is_required=True),
        Key("activity", member(Activity)),
        Key("note", OrNull(_TEXT)),
        Key("condition", OrNull(_ICD10), note="PCM: absent or null is the enrolled condition."),
        Key("patients_sharing", _COUNT, default=1),
        Key("billed_elsewhere", _FLAG, default=False),
        Key("separate_from_visit", OrNull(_FLAG)),
        Key("contact", OrNull(member(ContactState))),
        Key("recorded_at", OrNull(_INSTANT)),
        Key("replaces", OrNull(_TEXT)),
    ),
)


def _other_entry(**given: object) -> OtherEntry | UnplacedEntry:
    if not {"staff", "started_at", "seconds"} <= given.keys():
        unplaced: Callable[..., UnplacedEntry] = UnplacedEntry
        return unplaced(**given)
    build: Callable[..., OtherEntry] = OtherEntry
    return build(staff_id=given.pop("staff"), **given)


_OTHER_ENTRY: Final = Members(
    _other_entry,
    (
        Key("staff", _TEXT),
        Key("started_at", _INSTANT),
        Key("seconds", Whole(least=1, most=_SECONDS_OF_A_DAY)),
        Key("recorded_at", OrNull(_INSTANT)),
    ),
)

_VISIT: Final = Members(
    _placed(Visit, UndatedVisit, "on"), (Key("on", _DAY), Key("code", _TEXT), Key("by", _TEXT))
)

_DECISION_MAKING: Final = Members(
    _identified(_placed(DecisionMaking, DecisionWithoutProgram, "program"), never=("level",)),
    (
        Key("program", _PROGRAM),
        Key("level", OrNull(member(MdmLevel)), note="null: none documented."),
        Key("by", _TEXT),
        Key("on", _DAY),
    ),
)

_RATING_SCALE: Final = Members(
    _identified(RatingScale, "instrument", "on", never=("on",)),
    (
        Key("instrument", _TEXT),
        Key("score", OrNull(Whole())),
        Key("on", _DAY_OR_NONE),
        Key("acted_on", OrNull(member(ScaleUse))),
    ),
)

_CASELOAD_REVIEW: Final = Members(
    _identified(CaseloadReview, "on", never=("on",)),
    (Key("on", _DAY_OR_NONE), Key("consultant", _TEXT)),
)

_COCM_END: Final = Members(
    _identified(CocmEnd, "on", "because"), (Key("on", _DAY), Key("because", member(CocmEndReason)))
)


@dataclass(frozen=True, slots=True)
class _CocmEnded:
    """The end of an episode: none, one, or one of which too little is known."""

    def read(self, value: object) -> Maybe[CocmEnd | None]:
        if value is None:
            return None
        found = _COCM_END.read(value)
        return found if isinstance(found, CocmEnd) else UNKNOWN

    def schema(self) -> Schema:
        return {"anyOf": [_COCM_END.schema(), {"type": "null"}]}


_PRIOR_SERVICE: Final = Members(
    _placed(PriorService, UnplacedPriorService, "month", "code"),
    (
        Key("month", _MONTH),
        Key("code", _TEXT),
        Key("units", _COUNT, default=1),
        Key("by", _TEXT),
    ),
)

_OTHER_SERVICE: Final = Members(
    _placed(OtherService, UnplacedService, "on", "code"),
    (
        Key("on", _DAY),
        Key("code", _TEXT),
        Key("by", _TEXT),
        Key("same_practice", _FLAG),
        Key("discharged_on", _DAY_OR_NONE, note="TCM: the discharge that it belonged to."),
    ),
)

_FACILITY_STAY: Final = Members(
    _placed(FacilityStay, UndatedStay, "admitted_on"),
    (
        Key("admitted_on", _DAY),
        Key("discharged_on", _DAY_OR_NONE, note="null: the stay is still open."),
        Key("kind", member(StayKind)),
    ),
)

_DISCHARGE_CONTACT: Final = Members(
    _placed(DischargeContact, UndatedContact, "at"),
    (
        Key("at", _INSTANT),
        Key("outcome", member(ContactOutcome)),
        Key("by", _TEXT),
    ),
)

_DISCHARGE_VISIT: Final = Members(
    _placed(DischargeVisit, UndatedDischargeVisit, "on"),
    (
        Key("on", _DAY),
        Key("by", _TEXT),
        Key("modality", member(VisitModality)),
        Key("video_declined", _FLAG),
    ),
)


def _discharge(
    *,
    id: str = "",  # noqa: A002 - the key's name
    contacts: Maybe[tuple[DischargeContact | UndatedContact, ...]] = UNKNOWN,
    visit: Maybe[DischargeVisit | UndatedDischargeVisit | None] = UNKNOWN,
    **given: object,
) -> Discharge | UndatedDischarge:
    if "discharged_on" not in given:
        keys = ("discharged_from", "discharged_to", "global_period", "billed_on")
        said = {name: given[name] for name in keys if name in given}
        unplaced: Callable[..., UndatedDischarge] = UndatedDischarge
        return unplaced(
            id=id, visit_on=visit.on if isinstance(visit, DischargeVisit) else None, **said
        )
    if contacts is not UNKNOWN:
        undated = tuple(each for each in contacts if isinstance(each, UndatedContact))
        if undated:
            given["undated_contacts"] = undated
            contacts = tuple(each for each in contacts if isinstance(each, DischargeContact))
    if isinstance(visit, UndatedDischargeVisit):
        given["undated_visit"] = visit
        visit = UNKNOWN
    build: Callable[..., Discharge] = Discharge
    return build(id=id, contacts=contacts, visit=visit, **given)


_DISCHARGE: Final = Members(
    _discharge,
    (
        Key("id", _ID),
        Key("discharged_on", _DAY),
        Key("from", member(DischargedFrom), "discharged_from"),
        Key("to", member(DischargedTo), "discharged_to"),
        Key("contacts", ListOf(_DISCHARGE_CONTACT)),
        Key("visit", OrNull(_DISCHARGE_VISIT)),
        Key("mdm", OrNull(member(MdmLevel))),
        Key("medications_reconciled_on", _DAY_OR_NONE),
        Key("discharge_day_management_on", _DAY_OR_NONE),
        Key("discharge_day_management_by", OrNull(_TEXT)),
        Key("global_period", _FLAG, default=False),
        Key("readmitted_on", _DAY_OR_NONE),
        Key("billed_on", _DAY_OR_NONE, note="A claim already sent for this discharge."),
    ),
)

_REQUESTED_OBJECT: Final = Members(
    RequestedLine,
    (
        Key("code", _TEXT, is_required=True),
        Key("units", OrNull(_COUNT)),
        Key("date_of_service", _DAY_OR_NONE),
        Key("by", OrNull(_TEXT)),
    ),
)


@dataclass(frozen=True, slots=True)
class _Requested:
    """A code, or a claim line."""

    def read(self, value: object) -> RequestedLine:
        return (
            RequestedLine(code=value) if isinstance(value, str) else _REQUESTED_OBJECT.read(value)
        )

    def schema(self) -> Schema:
        return {"anyOf": [_TEXT.schema(), _REQUESTED_OBJECT.schema()]}


_REQUESTED_LIST: Final = ListOf(_Requested())


def _facts(
    *,
    payer: _Payer | None = None,
    requested: tuple[RequestedLine, ...] | None = None,
    staff: tuple[StaffMember | PersonWithoutRole, ...] = (),
    discharges: tuple[Discharge | UndatedDischarge, ...] = (),
    **given: object,
) -> Facts:
    payer = payer or _Payer()
    given["staff"] = _with_ids("staff", staff)
    given["discharges"] = _with_ids("discharges", discharges)
    build: Callable[..., Facts] = Facts
    return build(
        payer_kind=payer.kind,
        policy=payer.policy,
        requested=requested,
        gaps=_take_gaps(given),
        **given,
    )


_LISTS_WITH_GAPS: Final = tuple(each.name for each in fields(Gaps))


def _take_gaps(given: dict[str, object]) -> Gaps | None:
    """Take the records that lack their place out of their lists; None where all have one."""
    gaps: dict[str, tuple[object, ...]] = {}
    for name in _LISTS_WITH_GAPS:
        records = given.get(name)
        if not isinstance(records, tuple) or not any(
            isinstance(each, UNPLACED) for each in records
        ):
            continue
        gaps[name] = tuple(each for each in records if isinstance(each, UNPLACED))
        given[name] = tuple(each for each in records if not isinstance(each, UNPLACED))
    if not gaps:
        return None
    build: Callable[..., Gaps] = Gaps
    return build(**gaps)


WithId = TypeVar("WithId", StaffMember | PersonWithoutRole, Discharge | UndatedDischarge)


def _with_ids(name: str, records: tuple[WithId, ...]) -> tuple[WithId, ...]:
    """Name a record without an id by its place, which no reference can mean."""
    return tuple(
        each if each.id else replace(each, id=name_by_place(name, place))
        for place, each in enumerate(records)
    )


CASE: Final = Members(
    _facts,
    (
        Key("case", OrNull(_TEXT), note="Free text, echoed back."),
        Key("service_month", _MONTH, is_required=True),
        Key("as_of", OrNull(_INSTANT), note="Facts after this instant are left out."),
        Key("payer", _PAYER),
        Key("practice", _PRACTICE),
        Key("billing_practitioner", OrNull(_TEXT), note="Absent: the only one in staff."),
        Key("staff", ListOf(_STAFF), note="Required when a time entry names staff."),
        Key("patient", _PATIENT),
        _facts_list("enrollments", _ENROLLMENT),
        _facts_list("consents", _CONSENT),
        _facts_list("initiating_visits", _INITIATING_VISIT),
        _facts_list("care_plans", _CARE_PLAN),
        Key("time_entries", ListOf(_TIME_ENTRY)),
        Key("other_patient_entries", ListOf(_OTHER_ENTRY)),
        Key("visits", ListOf(_VISIT)),
        Key(
            "medical_decision_making",
            _Attributed(_Records(_DECISION_MAKING, "medical_decision_making")),
        ),
        _facts_list("rating_scales", _RATING_SCALE),
        Key("scale_not_applicable", OrNull(_TEXT), note="A documented clinical reason, with BHI."),
        Key("registry_entered_on", _DAY_OR_NONE),
        _facts_list("caseload_reviews", _CASELOAD_REVIEW),
        Key("cocm_referred_on", _DAY_OR_NONE),
        Key("cocm_ended", _CocmEnded()),
        Key("prior_services", ListOf(_PRIOR_SERVICE)),
        Key("other_services", ListOf(_OTHER_SERVICE)),
        Key("facility_stays", ListOf(_FACILITY_STAY)),
        Key("discharges", ListOf(_DISCHARGE)),
        Key("apcm_services_documented", _FLAG),
        Key("requested", OrNull(_REQUESTED_LIST), note="Judge this claim, propose none."),
    ),
)
