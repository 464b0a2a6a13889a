"""One patient's part of an export: the chart, then each month's time and charges."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from trellis_core.fhir import profiles
from trellis_core.fhir.charges import Charged, charge_resources
from trellis_core.fhir.chart import chart_resources
from trellis_core.fhir.checking import Check, all_checked
from trellis_core.fhir.names import Names
from trellis_core.fhir.shapes import JsonValue, Resource
from trellis_core.fhir.time import root_of, time_resources
from trellis_core.fhir.trail import (
    charge_provenances,
    chart_provenances,
    entry_provenances,
)
from trellis_core.ledger.entries import TimeEntry
from trellis_core.store.chart_query import ChartRows, PracticeRows
from trellis_core.store.tables import StaffRow
from trellis_core.values.periods import ServiceMonth

_RESTRICTED: Final = {"system": profiles.CONFIDENTIALITY, "code": "R", "display": "restricted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOfPatient:
    """What one month brings.

    Attributes:
        counted: Seconds that count, by time entry.
    """

    month: ServiceMonth
    counted: Mapping[str, int]
    charged: Sequence[Charged]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientParts:
    """A patient's resources, each checked.

    Attributes:
        chart: Who it is and what is on record, with who recorded it. Complete by itself.
        months: A month's time and charges each; they refer to the chart and to one another.
    """

    chart: tuple[Resource, ...]
    months: tuple[tuple[Resource, ...], ...]

    @property
    def all(self) -> Iterable[Resource]:
        """Every resource, the chart first."""
        yield from self.chart
        for each in self.months:
            yield from each


def patient_parts(
    names: Names,
    chart: ChartRows,
    practice: PracticeRows,
    months: Sequence[MonthOfPatient],
    *,
    only: ServiceMonth | None = None,
    is_restricted: bool = False,
    with_claims: bool = False,
    check: Check = all_checked,
) -> PatientParts:
    """Write one patient.

    Args:
        names: How records are called; remembers whom the resources refer to.
        chart: Everything on record.
        practice: Whose patient.
        months: What is to go along of each month; a month's time goes along also where nothing counts.
        only: Time of this month alone; None for all of it.
        is_restricted: Label every resource as restricted.
        with_claims: Add a draft Claim for each superbill.
        check: Checks what is written together.

    Raises:
        FhirExportError: A resource is not valid FHIR R4.
    """
    roots = root_of(chart.entries)
    entries = _by_month(chart.entries, roots)
    of_month = {each.month: each for each in months}
    wanted = [only] if only is not None else sorted({*entries, *of_month})
    base = list(chart_resources(names, chart, practice))
    base += chart_provenances(names, chart, base)
    roles = {each.id: each.role for each in practice.of(StaffRow)}
    parts: list[tuple[Resource, ...]] = []
    for month in wanted:
        own, known = entries.get(month, []), of_month.get(month)
        written = [
            *time_resources(names, chart, own, known.counted if known else {}, roles=roles),
            *entry_provenances(names, own, roots, reversals=chart.reversals),
        ]
        if known is not None:
            charges = list(
                charge_resources(names, chart, known.charged, roots, with_claims=with_claims)
            )
            written += [*charges, *charge_provenances(names, chart, charges, month)]
        if written:
            parts.append(check(_labelled(written, is_restricted=is_restricted)))
    chart_part = check(_labelled(base, is_restricted=is_restricted))
    return PatientParts(chart=chart_part, months=tuple(parts))


def _by_month(
    entries: Sequence[TimeEntry], roots: Mapping[str, str]
) -> dict[ServiceMonth, list[TimeEntry]]:
    """Return entries by the month in which the newest version of each lies, with every version of it."""
    newest = {roots[each.id]: each for each in entries}
    found: dict[ServiceMonth, list[TimeEntry]] = defaultdict(list)
    for each in entries:
        day = newest[roots[each.id]].service_day
        if day is not None:
            found[ServiceMonth.of(day)].append(each)
    return found


def _labelled(resources: Iterable[Resource], *, is_restricted: bool) -> Iterable[Resource]:
    """Return resources, labelled where the chart is restricted."""
    return map(_with_label, resources) if is_restricted else resources


def _with_label(resource: Resource) -> Resource:
    meta = cast("Mapping[str, JsonValue]", resource.get("meta", {}))
    return {**resource, "meta": {**meta, "security": [_RESTRICTED]}}
