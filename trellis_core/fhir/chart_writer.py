"""What every resource of a chart needs: whose it is, and who may be named in it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from trellis_core.care.vocabulary import Program
from trellis_core.fhir.names import Names
from trellis_core.fhir.recorded import basic, recorded
from trellis_core.fhir.shapes import JsonValue, Resource
from trellis_core.store.chart_query import ChartRows, PracticeRows
from trellis_core.store.tables import (
    ConditionRow,
    DiagnosisAttestationRow,
    EnrollmentRow,
    StaffRow,
)

PROGRAM_WORDS: Final[Mapping[str, str]] = {
    Program.CCM: "Chronic care management",
    Program.PCM: "Principal care management",
    Program.BHI: "Behavioral health integration",
    Program.COCM: "Collaborative care",
    Program.APCM: "Advanced primary care management",
    Program.TCM: "Transitional care management",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartWriter:
    """Begins the resources of one chart.

    Attributes:
        subject: The patient.
        practice: The practice.
        roles: What each person of the practice does, by staff id.
        diagnoses: By enrollment id, the conditions on record as what it is for, the first first.
    """

    names: Names
    chart: ChartRows
    subject: Resource
    practice: Resource
    roles: Mapping[str, str]
    diagnoses: Mapping[str, Sequence[str]]

    def begin(self, kind: str, row: object, profile: str = "", *more: Resource) -> Resource:
        """Begin the resource that shows a row and holds it; see ``recorded``."""
        return recorded(self.names, kind, row, profile, *more)

    def staff(self, staff_id: str | None) -> Resource | None:
        """Return a Reference to a person of the practice; None for anybody else, and for nobody."""
        if staff_id is None or staff_id not in self.roles:
            return None
        return self.names.reference("staff", staff_id)

    def basic(
        self,
        kind: str,
        row: object,
        *,
        by: str | None = None,
        at: date | None = None,
    ) -> Resource:
        """Return a record of the patient for which FHIR R4 has no resource of its own."""
        return basic(self.names, kind, row, subject=self.subject, author=self.staff(by), created=at)

    def conditions(self, enrollment_ids: Iterator[str] | Sequence[str]) -> list[JsonValue]:
        """Return References to what enrollments are for, each once."""
        found = dict.fromkeys(
            each for key in enrollment_ids for each in self.diagnoses.get(key, ())
        )
        return [self.names.reference("condition", each) for each in found]


def chart_writer(names: Names, chart: ChartRows, rows: PracticeRows) -> ChartWriter:
    """Return what begins a chart's resources."""
    return ChartWriter(
        names=names,
        chart=chart,
        subject=names.reference("patient", chart.patient.id),
        practice=names.reference("practice", names.practice_id),
        roles={each.id: each.role for each in rows.of(StaffRow)},
        diagnoses=_diagnoses(chart),
    )


def _diagnoses(chart: ChartRows) -> dict[str, list[str]]:
    """Return what each enrollment is for: its own condition, then what its months were attested for.

    Nothing is concluded from a list of conditions: which of them a program is for is a person's word.
    """
    on_list = {each.id for each in chart.of(ConditionRow)}
    by_code = {each.icd10: each.id for each in reversed(chart.of(ConditionRow)) if each.icd10}
    found: dict[str, dict[str, None]] = defaultdict(dict)
    attested = sorted(
        chart.of(DiagnosisAttestationRow), key=lambda each: (each.ym, each.attested_at)
    )
    for enrollment in chart.of(EnrollmentRow):
        own = found[enrollment.id]
        if enrollment.condition in by_code:
            own[by_code[enrollment.condition]] = None
        elif enrollment.condition in on_list:
            own[enrollment.condition] = None
        for each in attested:
            if each.program == enrollment.program and _is_month_of(each.ym, enrollment):
                own |= dict.fromkeys(one for one in each.conditions.split() if one in on_list)
    return {key: list(conditions) for key, conditions in found.items()}


def _is_month_of(ym: int, enrollment: EnrollmentRow) -> bool:
    first = enrollment.started_on.year * 100 + enrollment.started_on.month
    last = enrollment.ended_on
    return first <= ym and (last is None or ym <= last.year * 100 + last.month)
