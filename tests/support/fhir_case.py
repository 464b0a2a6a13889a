"""What FHIR resources of time and charges are written from: charts as stored, and a month's superbills."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlmodel import select

from trellis_core.documents.superbill_pdf import superbill_pdf
from trellis_core.fhir.charges import Charged, charge_resources
from trellis_core.fhir.checking import checked
from trellis_core.fhir.names import Names, Style
from trellis_core.fhir.shapes import Resource
from trellis_core.fhir.time import root_of, time_resources
from trellis_core.fhir.writing import json_line
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.claim_records import submissions_of
from trellis_core.services.issued_superbills import read_issued
from trellis_core.services.superbill_drafts import month_bills
from trellis_core.store.chart_query import ChartRows, read_charts
from trellis_core.store.engine import Store
from trellis_core.store.tables import PatientRow, PracticeRow, StaffRow
from trellis_core.values.periods import ServiceMonth, zone_named

AS_OF = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Charts:
    """A practice's charts, read once, and how its records are called."""

    names: Names
    roles: Mapping[str, str]
    all: tuple[ChartRows, ...]

    def of(self, patient_id: str) -> ChartRows:
        """One patient's."""
        return next(each for each in self.all if each.patient.id == patient_id)

    def time(self, chart: ChartRows, counted: Mapping[str, int] | None = None) -> list[Resource]:
        """A chart's time, checked and as a file gives it again."""
        return written(
            time_resources(self.names, chart, chart.entries, counted or {}, roles=self.roles)
        )

    def charges(
        self, chart: ChartRows, charged: Sequence[Charged], *, with_claims: bool = False
    ) -> list[Resource]:
        """A month's charges, checked and as a file gives them again."""
        return written(
            charge_resources(
                self.names, chart, charged, root_of(chart.entries), with_claims=with_claims
            )
        )


def read(store: Store, *, style: Style = Style.URN) -> Charts:
    """Read every chart of the store's only practice."""
    with store.reading() as unit:
        practice = unit.session.exec(select(PracticeRow)).one()
        patients = [row.id for row in unit.session.exec(select(PatientRow))]
        charts = read_charts(unit, practice.id, patients)
        return Charts(
            names=Names(practice_id=practice.id, zone=zone_named(practice.time_zone), style=style),
            roles={row.id: row.role for row in unit.session.exec(select(StaffRow))},
            all=charts,
        )


@dataclass(frozen=True, kw_only=True)
class Month:
    """What one patient's month brings."""

    charged: tuple[Charged, ...]
    counted: Mapping[str, int]


def months_of(
    store: Store, charts: Charts, month: ServiceMonth, *, as_of: datetime = AS_OF
) -> dict[str, Month]:
    """Return everybody's month: every version of what was issued, then drafts."""
    practice_id = charts.names.practice_id
    everybody = [each.patient.id for each in charts.all]
    with store.reading() as unit:
        issued = read_issued(unit, practice_id, month=month)
        sent = submissions_of(unit, practice_id)
        drawn = month_bills(
            unit,
            practice_id,
            month,
            as_of=as_of,
            rule_book=load_rule_book(),
            patient_ids=everybody,
        )
    found = {}
    for one in drawn.patients:
        own = [each for each in issued if each.bill.patient.id == one.patient.id]
        counted = dict(one.determination.counted_seconds)
        for each in own:
            if each.is_standing:
                counted |= {row.entry_id: row.counted_seconds for row in each.bill.time}
        found[one.patient.id] = Month(
            charged=(
                *(
                    Charged(
                        bill=each.bill,
                        superseded_by=each.superseded_by,
                        is_submitted=each.number in sent,
                        pdf=superbill_pdf([each.bill], made_at=each.bill.data_as_of),
                    )
                    for each in own
                ),
                *(Charged(bill=bill) for bill in one.superbills),
            ),
            counted=counted,
        )
    return found


def written(resources: Iterable[Resource]) -> list[Resource]:
    """Check resources, write them and read them again."""
    return [json.loads(json_line(checked(each))) for each in resources]


def of_type(resources: Iterable[Resource], kind: str) -> list[Resource]:
    """Return those of a type."""
    return [each for each in resources if each["resourceType"] == kind]


def extension(resource: Resource, url: str) -> Resource | None:
    """Return an extension of a resource."""
    return next((each for each in resource.get("extension", ()) if each["url"] == url), None)


def referred(reference: Resource) -> str:
    """Return the id that a reference names."""
    return str(reference["reference"]).replace("urn:uuid:", "").rpartition("/")[2]
