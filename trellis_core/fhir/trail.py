"""Who recorded what, and when: Provenance, and the AuditEvent of an export.

Neither has an identifier in R4: each carries its id as a tag, by which a server finds it again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, cast

from trellis_core.care.vocabulary import OTHER, ContactState
from trellis_core.fhir import profiles
from trellis_core.fhir.kept import KEPT, key_of
from trellis_core.fhir.names import Names, Style
from trellis_core.fhir.shapes import JsonValue, Resource, concept, text_of
from trellis_core.fhir.time import CONTACT, KIND
from trellis_core.ledger.entries import TimeEntry
from trellis_core.store.chart_query import ChartRows, Origin
from trellis_core.store.tables import PatientRow
from trellis_core.values.periods import ServiceMonth

PROVENANCE: Final = "provenance"
DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
EXPORT_CODE: Final = "110106"

_OPERATION: Final = f"{profiles.TERMINOLOGY}/v3-DataOperation"
_AUTHOR: Final = concept(f"{profiles.TERMINOLOGY}/provenance-participant-type", "author")
_TRANSMITTER: Final = concept(
    "http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type", "transmitter"
)
_WITH_THE_SAME_KEY: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "patient": ("coverage",),
        "enrollment": ("care-team",),
        "rating-scale": ("rating-scale-answers",),
    }
)
"""Kinds that are made from another kind's record, and go by its key."""
_NOBODY: Final[Mapping[str, Origin]] = MappingProxyType({})


def chart_provenances(
    names: Names, chart: ChartRows, resources: Sequence[Resource]
) -> Iterator[Resource]:
    """Say who recorded a chart: one Provenance for each person and instant, and one for the rest.

    The rest is what the journal names nobody for; the practice answers for it since the patient was
    taken on. Where there is more or less of it, that is another Provenance: a server keeps the first.

    Args:
        names: How records are called.
        chart: The chart.
        resources: Its resources.
    """
    origins = _origins_by_id(names, chart)
    groups: dict[Origin | None, list[JsonValue]] = {}
    for each in resources:
        target = _target(names, each)
        origin = origins.get(_own_id(names, each))
        groups.setdefault(origin, []).append(target)
    agents = _Agents(names)
    patient = chart.patient
    for origin, targets in groups.items():
        if origin is None:
            author, at = None, _aware(patient.created_at)
            key = f"chart/{patient.id}/{_listed(targets)}"
        else:
            author, at = origin
            key = f"chart/{patient.id}/{author or ''}/{int(at.timestamp())}"
        yield _provenance(names, key, targets, at=at, agents=agents.of(author))


def charge_provenances(
    names: Names, chart: ChartRows, resources: Sequence[Resource], month: ServiceMonth
) -> Iterator[Resource]:
    """Say that the practice drew up a month's charges and documents.

    Args:
        names: How records are called.
        chart: Whose month.
        resources: What ``charge_resources`` wrote of it.
        month: The service month.
    """
    if not resources:
        return
    targets: list[JsonValue] = [_target(names, each) for each in resources]
    issued = [
        datetime.fromisoformat(str(each["enteredDate"]))
        for each in resources
        if "enteredDate" in each
    ]
    recorded = [
        each.recorded_at
        for each in chart.entries
        if each.recorded_at is not None
        and each.service_day is not None
        and month.first_day <= each.service_day <= month.last_day
    ]
    yield _provenance(
        names,
        f"charges/{chart.patient.id}/{month}/{_listed(targets)}",
        targets,
        at=max(issued or recorded, default=_aware(chart.patient.created_at)),
        agents=_Agents(names).of(None),
    )


def entry_provenances(
    names: Names,
    entries: Iterable[TimeEntry],
    roots: Mapping[str, str],
    *,
    reversals: Mapping[str, Origin] = _NOBODY,
) -> Iterator[Resource]:
    """Say who recorded each version of a piece of work, and who took it back without another.

    Each says of its version what never changes; only what is in the ledger anew adds to them.

    Args:
        names: How records are called.
        entries: Every version of the entries that go along.
        roots: The key of the Procedure that shows each entry.
        reversals: Who took an entry back, and when.
    """
    agents = _Agents(names)
    known = tuple(entries)
    replaced = {each.replaces for each in known if roots[each.id] != each.id}
    why = {each.id: each.reason for each in known if each.id in replaced}
    for each in known:
        root = roots[each.id]
        targets: list[JsonValue] = [names.reference(KIND, root)]
        if each.contact is ContactState.REACHED:
            targets.append(names.reference(CONTACT, root))
        if each.recorded_at is not None:
            yield _provenance(
                names,
                f"entry/{each.id}",
                targets,
                at=each.recorded_at,
                agents=agents.of(each.author_id),
                activity="CREATE" if root == each.id else "UPDATE",
                reason="" if root == each.id else why.get(each.replaces or "", ""),
            )
        reversal = reversals.get(each.id)
        if reversal is not None and each.is_reversed and each.id not in replaced:
            yield _provenance(
                names,
                f"reversal/{each.id}",
                targets,
                at=reversal.recorded_at,
                agents=agents.of(reversal.author_id),
                activity="NULLIFY",
                reason=each.reason,
            )


def export_event(
    names: Names, *, actor_id: str, patient_id: str | None, at: datetime, digest: str
) -> Resource:
    """Return the record of an export: who took whose records out, and when.

    Args:
        names: How records are called.
        actor_id: The staff member who exported.
        patient_id: Whose records; None for the practice's own.
        at: When.
        digest: SHA-256 of what was exported, hex.
    """
    whose = ("practice", names.practice_id) if patient_id is None else ("patient", patient_id)
    key = f"{actor_id}/{whose[1]}/{int(at.timestamp())}/{digest}"
    practice = names.reference("practice", names.practice_id)
    return {
        **_tagged(names, "export", key),
        "type": {"system": DCM, "code": EXPORT_CODE, "display": "Export"},
        "action": "R",
        "recorded": names.moment(at),
        "outcome": "0",
        "agent": [{"who": names.reference("staff", actor_id), "requestor": True}],
        "source": {"observer": practice},
        "entity": [
            {
                "what": names.reference(*whose),
                "detail": [{"type": "sha256", "valueString": digest}],
            }
        ],
    }


class _Agents:
    """Says who took part; the same for everything that a person recorded."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._practice = names.reference("practice", names.practice_id)
        self._made: dict[str | None, list[JsonValue]] = {}

    def of(self, author_id: str | None) -> list[JsonValue]:
        """Return author and transmitter; the practice wrote what no member of it did."""
        found = self._made.get(author_id)
        if found is None:
            author: Resource = {"type": _AUTHOR, "who": self._practice}
            if author_id and author_id != OTHER:
                author["who"] = self._names.reference("staff", author_id)
                author["onBehalfOf"] = self._practice
            found = [author, {"type": _TRANSMITTER, "who": self._practice}]
            self._made[author_id] = found
        return found


def _provenance(
    names: Names,
    key: str,
    targets: list[JsonValue],
    *,
    at: datetime,
    agents: list[JsonValue],
    activity: str = "",
    reason: str = "",
) -> Resource:
    resource = _tagged(names, PROVENANCE, key, profiles.us_core("us-core-provenance"))
    resource["target"] = targets
    resource["recorded"] = names.moment(at)
    if reason.strip():
        resource["reason"] = [{"text": text_of(reason)}]
    if activity:
        resource["activity"] = concept(_OPERATION, activity)
    resource["agent"] = agents
    return resource


def _tagged(names: Names, kind: str, key: str, profile: str = "") -> Resource:
    resource = names.head(kind, key)
    meta: Resource = {"profile": [profile]} if profile else {}
    meta["tag"] = [{"system": profiles.TAG, "code": resource["id"]}]
    resource["meta"] = meta
    return resource


def _target(names: Names, resource: Resource) -> Resource:
    kind, own_id = str(resource["resourceType"]), resource["id"]
    is_relative = names.style is Style.RELATIVE
    return {
        "reference": f"{kind}/{own_id}" if is_relative else f"urn:uuid:{own_id}",
        "type": kind,
    }


def _listed(targets: Sequence[JsonValue]) -> str:
    return ",".join(
        str(each["reference"]).replace(":", "/").rpartition("/")[2]
        for each in targets
        if isinstance(each, Mapping)
    )


def _own_id(names: Names, resource: Resource) -> str:
    """Return the id of what a resource is recorded with: its own, or that of a goal's plan."""
    if resource["resourceType"] != "Goal":
        return str(resource["id"])
    (identifier, *_) = cast("Sequence[Mapping[str, str]]", resource["identifier"])
    key = identifier["value"].removeprefix(f"{names.practice_id}/")
    return names.id("care-plan", key.rpartition("/")[0])


def _origins_by_id(names: Names, chart: ChartRows) -> dict[str, Origin]:
    """Return who made each resource what it is, by its id."""
    found: dict[str, Origin] = {}
    for kind, kept in KEPT.items():
        rows: Sequence[object] = (chart.patient,) if kept.row is PatientRow else chart.of(kept.row)
        table = str(cast("str", kept.row.__tablename__))
        for row in rows:
            key = key_of(kind, row)
            origin = chart.origins.get((table, key))
            if origin is not None:
                for each in (kind, *_WITH_THE_SAME_KEY.get(kind, ())):
                    found.setdefault(names.id(each, key), origin)
    return found


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
