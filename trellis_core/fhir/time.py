"""Time as Procedures: one for each piece of work, whatever became of it, and the contacts within it.

A correction gives the same Procedure other words: its key is the id of the entry that came first.
What was taken back is entered in error and never missing. Notes stay behind.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeVar, cast

from trellis_core.care.vocabulary import OTHER, Activity, ContactState, EntryMode, Program
from trellis_core.errors import InputRefusedError
from trellis_core.fhir import profiles
from trellis_core.fhir.courses import Courses
from trellis_core.fhir.names import Names
from trellis_core.fhir.shapes import JsonValue, Resource, concept, quantity
from trellis_core.ledger.entries import TimeEntry
from trellis_core.store.chart_query import ChartRows
from trellis_core.store.tables import EnrollmentRow

KIND: Final = "time-entry"
CONTACT: Final = "contact"
ROOT: Final = "entry"
STANDING: Final = "standing"
RECORDED_AT: Final = "recorded_at"

FIELDS: Final[Mapping[str, tuple[str, type, object]]] = MappingProxyType(
    {
        "staff_id": ("valueString", str, None),
        "author_id": ("valueString", str, None),
        "condition": ("valueString", str, None),
        "patients_sharing": ("valueInteger", int, 1),
        "billed_elsewhere": ("valueBoolean", bool, False),
        "separate_from_visit": ("valueBoolean", bool, None),
        "contact": ("valueCode", str, None),
        "is_estimated": ("valueBoolean", bool, False),
        "mode": ("valueCode", str, EntryMode.TYPED),
        "parent": ("valueString", str, None),
        "seq": ("valueInteger", int, None),
    }
)
"""What the entry's own extension holds: element, type, and the value that is left out."""

_ITEMS: Final = tuple((name, element, usual) for name, (element, _, usual) in FIELDS.items())
_NO_ROLES: Final[Mapping[str, str]] = MappingProxyType({})
_ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_CARE_MANAGEMENT: Final = "737492002"
_COORDINATION: Final = "711069006"
_ENCOUNTER: Final = "308335008"
_NOT_CARE: Final = frozenset({Activity.ADMINISTRATIVE, Activity.AUTOMATED_CALL})

_E = TypeVar("_E", Activity, ContactState, EntryMode, Program)


def root_of(entries: Sequence[TimeEntry]) -> Mapping[str, str]:
    """Return the key of the Procedure that shows each entry: the id of the first in its corrections.

    Where a correction divided a piece of work, the earlier part goes on with the key and the other has
    its own. What corrects another patient's entry begins anew.

    Args:
        entries: Every version of one patient's entries, in the ledger's order.

    Example:
        >>> from datetime import UTC, datetime
        >>> first = TimeEntry(
        ...     id="a", program=Program.CCM, staff_id="rn", started_at=datetime(2026, 11, 3, tzinfo=UTC),
        ...     seconds=60, activity=Activity.RECORD_REVIEW,
        ... )
        >>> from dataclasses import replace
        >>> dict(root_of([first, replace(first, id="b", replaces="a")]))
        {'a': 'a', 'b': 'a'}
    """
    roots: dict[str, str] = {}
    replaced: set[str] = set()
    for each in entries:
        before = each.replaces
        if before is None or before in replaced or before not in roots:
            roots[each.id] = each.id
        else:
            replaced.add(before)
            roots[each.id] = roots[before]
    return roots


def time_resources(
    names: Names,
    chart: ChartRows,
    entries: Sequence[TimeEntry],
    counted: Mapping[str, int],
    *,
    roles: Mapping[str, str] = _NO_ROLES,
) -> Iterator[Resource]:
    """Write time, each piece of work once, with the contact in it.

    Parts that say the same are shared between the resources; they are to be written, not changed.

    Args:
        names: How records are called.
        chart: Whose time it is.
        entries: Every version of the entries that go along, in the ledger's order.
        counted: Seconds that count, by id of the entry that stands.
        roles: Every staff member's role by id; a person without one is named without it.
    """
    roots = root_of(entries)
    newest = {roots[each.id]: each for each in entries}
    reached = {roots[each.id] for each in entries if each.contact is ContactState.REACHED}
    writer = _Writer(names, chart, counted, roles)
    for root, entry in newest.items():
        yield from writer.written(root, entry, has_contact=root in reached)


class _Writer:
    """Writes one chart's time; what many entries have in common is made once."""

    def __init__(
        self, names: Names, chart: ChartRows, counted: Mapping[str, int], roles: Mapping[str, str]
    ) -> None:
        self._names = names
        self._counted = counted
        self._roles = roles
        self._courses = Courses(chart)
        self._subject = names.reference("patient", chart.patient.id)
        self._practice = names.reference("practice", names.practice_id)
        self._performers: dict[str, Resource] = {}
        self._of_key: dict[tuple[str, str], Resource] = {}
        self._codes: dict[Activity, Resource] = {}
        self._categories: dict[Program, Resource] = {}

    def written(self, root: str, entry: TimeEntry, *, has_contact: bool) -> Iterator[Resource]:
        """Write a piece of work as it stands.

        Args:
            root: Its key.
            entry: The newest version.
            has_contact: Some version of it says that the patient or caregiver was reached.
        """
        day = entry.service_day or entry.started_at.astimezone(self._names.zone).date()
        enrollment = self._courses.enrollment(entry.program.value, day, day)
        period: Resource = {
            "start": self._names.moment(entry.started_at),
            "end": self._names.moment(entry.started_at + timedelta(seconds=entry.seconds)),
        }
        reasons = self._reasons(entry, enrollment)
        procedure = self._procedure(root, entry, enrollment, period)
        plan = self._courses.plan(entry.program.value, day)
        if plan is not None:
            procedure["basedOn"] = [self._reference("care-plan", plan.id)]
        if reasons:
            procedure["reasonReference"] = reasons
        if has_contact:
            procedure["encounter"] = self._names.reference(CONTACT, root)
        yield procedure
        if has_contact:
            yield self._encounter(root, entry, enrollment, period, reasons)

    def _procedure(
        self, root: str, entry: TimeEntry, enrollment: EnrollmentRow | None, period: Resource
    ) -> Resource:
        extensions: list[JsonValue] = [_entry_extension(root, entry)]
        if not entry.is_reversed:
            credited = self._counted.get(entry.id, 0)
            extensions.append(
                {
                    "url": profiles.COUNTED_TIME,
                    "valueDuration": quantity(credited, "seconds", "s"),
                }
            )
        if enrollment is not None:
            extensions.append(
                {
                    "url": profiles.TIME_PROGRAM,
                    "valueReference": self._reference("enrollment", enrollment.id),
                }
            )
        resource = self._names.head(KIND, root, "us-core-procedure")
        resource["extension"] = extensions
        resource["identifier"] = [self._names.identifier(KIND, root)]
        resource["status"] = "entered-in-error" if entry.is_reversed else "completed"
        resource["category"] = self._category(entry.program)
        resource["code"] = self._code(entry.activity)
        resource["subject"] = self._subject
        resource["performedPeriod"] = period
        if entry.staff_id and entry.staff_id != OTHER:
            resource["performer"] = [self._performer(entry.staff_id)]
        if entry.author_id and entry.author_id != OTHER:
            resource["recorder"] = self._reference("staff", entry.author_id)
        return resource

    def _encounter(
        self,
        root: str,
        entry: TimeEntry,
        enrollment: EnrollmentRow | None,
        period: Resource,
        reasons: Sequence[Resource],
    ) -> Resource:
        """Write the contact; one that a correction denies is entered in error."""
        stands = entry.contact is ContactState.REACHED and not entry.is_reversed
        resource = self._names.head(CONTACT, root, "us-core-encounter")
        resource |= {
            "identifier": [self._names.identifier(CONTACT, root)],
            "status": "finished" if stands else "entered-in-error",
            "class": {"system": _ACT_CODE, "code": "VR", "display": "virtual"},
            "type": [concept(profiles.SNOMED, _ENCOUNTER, "Contact with patient or caregiver")],
            "subject": self._subject,
            "period": period,
            "serviceProvider": self._practice,
        }
        if entry.staff_id and entry.staff_id != OTHER:
            person = self._reference("staff", entry.staff_id)
            resource["participant"] = [{"period": period, "individual": person}]
        if enrollment is not None:
            resource["episodeOfCare"] = [self._reference("enrollment", enrollment.id)]
        if reasons:
            resource["reasonReference"] = reasons
        return resource

    def _reasons(self, entry: TimeEntry, enrollment: EnrollmentRow | None) -> Sequence[Resource]:
        """Return the condition that the work was about: the entry's own, else the enrolled one."""
        named = entry.condition or (enrollment.condition if enrollment is not None else None)
        condition = self._courses.condition(named)
        return () if condition is None else [self._reference("condition", condition)]

    def _reference(self, kind: str, key: str) -> Resource:
        found = self._of_key.get((kind, key))
        if found is None:
            found = self._of_key[kind, key] = self._names.reference(kind, key)
        return found

    def _performer(self, staff_id: str) -> Resource:
        found = self._performers.get(staff_id)
        if found is None:
            role = self._roles.get(staff_id)
            found = {} if role is None else {"function": concept(profiles.STAFF_ROLE, role)}
            found["actor"] = self._reference("staff", staff_id)
            found["onBehalfOf"] = self._practice
            self._performers[staff_id] = found
        return found

    def _category(self, program: Program) -> Resource:
        found = self._categories.get(program)
        if found is None:
            found = self._categories[program] = concept(profiles.PROGRAM, program.value)
        return found

    def _code(self, activity: Activity) -> Resource:
        found = self._codes.get(activity)
        if found is None:
            found = self._codes[activity] = activity_concept(activity)
        return found


def activity_concept(activity: Activity) -> Resource:
    """Return what was done, in own words and, where one fits, in SNOMED CT."""
    codings: list[JsonValue] = [{"system": profiles.ACTIVITY, "code": activity.value}]
    if activity is Activity.CARE_COORDINATION:
        codings.append({"system": profiles.SNOMED, "code": _COORDINATION})
    elif activity not in _NOT_CARE:
        codings.append({"system": profiles.SNOMED, "code": _CARE_MANAGEMENT})
    return {"coding": codings, "text": activity.value.replace("_", " ").capitalize()}


def _entry_extension(root: str, entry: TimeEntry) -> Resource:
    parts: list[JsonValue] = [{"url": ROOT, "valueString": root}]
    if entry.id != root:
        parts.append({"url": STANDING, "valueString": entry.id})
    for name, element, usual in _ITEMS:
        value = getattr(entry, name)
        if value not in (usual, ""):
            parts.append({"url": name, element: str(value) if element == "valueCode" else value})
    if entry.recorded_at is not None:
        at = entry.recorded_at.astimezone(UTC).isoformat()
        parts.append({"url": RECORDED_AT, "valueInstant": at})
    return {"url": profiles.ENTRY, "extension": parts}


# --- reading time back --------------------------------------------------------------------------


def entry_of(resource: Mapping[str, object], *, patient_id: str) -> TimeEntry | None:
    """Return the entry that a Procedure of ``time_resources`` shows; None for one taken back.

    It has the key of the Procedure as its id, corrects nothing, and is without what never left: note,
    reason and receipt. Its service day is for whoever records it to decide.

    Args:
        resource: The Procedure.
        patient_id: Whose it is where it is brought to.

    Raises:
        InputRefusedError: It is not as it was written; the message names the field, never its value.
    """
    if resource.get("status") == "entered-in-error":
        return None
    if resource.get("status") != "completed":
        raise _refused("status")
    parts = _parts(resource)
    root = _value(parts, ROOT, "valueString", str)
    if not isinstance(root, str) or not root:
        raise _refused(ROOT)
    started_at, ended_at = _period(resource)
    values = {
        name: _value(parts, name, element, of, usual)
        for name, (element, of, usual) in FIELDS.items()
    }
    contact, recorded_at = values["contact"], _value(parts, RECORDED_AT, "valueInstant", str)
    values["mode"] = _word(EntryMode, values["mode"], "mode")
    values["contact"] = None if contact is None else _word(ContactState, contact, "contact")
    values[RECORDED_AT] = None if recorded_at is None else _instant(recorded_at, RECORDED_AT)
    return TimeEntry(
        id=root,
        program=_word(Program, _code_in(resource, "category", profiles.PROGRAM), "category"),
        activity=_word(Activity, _code_in(resource, "code", profiles.ACTIVITY), "code"),
        started_at=started_at,
        seconds=int((ended_at - started_at).total_seconds()),
        patient_id=patient_id,
        **values,  # type: ignore[arg-type] # each was checked against its type
    )


def _parts(resource: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    extensions = resource.get("extension")
    found = [
        each
        for each in (extensions if isinstance(extensions, Sequence) else ())
        if isinstance(each, Mapping) and each.get("url") == profiles.ENTRY
    ]
    parts = found[0].get("extension") if len(found) == 1 else None
    if not isinstance(parts, Sequence) or not all(isinstance(each, Mapping) for each in parts):
        raise _refused("extension")
    by_name = {str(each.get("url")): each for each in parts}
    unknown = set(by_name) - set(FIELDS) - {ROOT, STANDING, RECORDED_AT}
    if unknown or len(by_name) != len(parts):
        raise _refused("extension")
    return by_name


def _value(
    parts: Mapping[str, Mapping[str, object]],
    name: str,
    element: str,
    of: type,
    usual: object = None,
) -> object:
    if name not in parts:
        return usual
    value = parts[name].get(element)
    if type(value) is not of:
        raise _refused(name)
    return value


def _code_in(resource: Mapping[str, object], element: str, system: str) -> object:
    found = resource.get(element)
    codings = found.get("coding") if isinstance(found, Mapping) else None
    for each in codings if isinstance(codings, Sequence) else ():
        if isinstance(each, Mapping) and each.get("system") == system:
            return each.get("code")
    raise _refused(element)


def _word(kind: type[_E], value: object, name: str) -> _E:
    try:
        return kind(cast("str", value))
    except ValueError:
        raise _refused(name) from None


def _period(resource: Mapping[str, object]) -> tuple[datetime, datetime]:
    period = resource.get("performedPeriod")
    if not isinstance(period, Mapping):
        raise _refused("performedPeriod")
    started_at = _instant(period.get("start"), "performedPeriod.start")
    ended_at = _instant(period.get("end"), "performedPeriod.end")
    if ended_at <= started_at:
        raise _refused("performedPeriod.end")
    return started_at, ended_at


def _instant(value: object, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(cast("str", value))
    except (TypeError, ValueError):
        raise _refused(name) from None
    if found.tzinfo is None:
        raise _refused(name)
    return found.astimezone(UTC)


def _refused(name: str) -> InputRefusedError:
    return InputRefusedError("TIME_ENTRY", name, "A time entry cannot be read here.")
