"""Who may qualify: patients whose recorded facts meet a program that they are not enrolled in.

What a program asks of a patient's conditions is asked of the rule book, on the practice's calendar
day; what is not recorded is named, never taken for no. Nobody is listed beside a program of the
same kind that they are in already: care management by the minute, or behavioral care. Whether a
patient qualifies stays for a qualified professional to say.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, Row, Select, Table, or_, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.records import Condition
from trellis_core.care.vocabulary import DischargedFrom, DischargedTo, Program
from trellis_core.errors import NotFoundError
from trellis_core.rules import gates
from trellis_core.rules.dated_rules import DatedRules, rules_on
from trellis_core.rules.month_facts import chronic, condition_key
from trellis_core.rules.rulebook import RuleBook
from trellis_core.rules.tcm_steps import TcmRules, tcm_rules
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import reach
from trellis_core.store.care_mapping import known
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    ConditionRow,
    ConsentDeclinedRow,
    DischargeRow,
    ElsewhereRow,
    EnrollmentRow,
    PatientRow,
    PracticeRow,
    TrellisTable,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.folding import folded
from trellis_core.values.periods import local_day, zone_named
from trellis_core.values.unknown import UNKNOWN

PROGRAMS: Final = (Program.CCM, Program.PCM, Program.BHI, Program.COCM, Program.TCM)
"""Programs that are looked for."""
_OF_A_KIND: Final = (
    frozenset({Program.CCM, Program.PCM, Program.APCM}),
    frozenset({Program.BHI, Program.COCM}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A program that a patient may qualify for.

    Attributes:
        is_met: The recorded facts meet it; else they may, once what is missing is recorded.
        because: What is on record for it.
        missing: What nobody recorded yet.
        doubts: What to ask before enrolling: another practice, or a consent that was declined.
    """

    program: Program
    is_met: bool
    because: str
    missing: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MayQualify:
    """A patient with the programs that the recorded facts meet, or may meet."""

    patient_id: str
    name: str
    mrn: str
    birth_date: date | None
    enrolled: tuple[Program, ...]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualifyPage:
    """A part of the patients found.

    Attributes:
        total: How many there are in all, after the filters.
        met: Patients whose facts meet a program, by program, before the filter by program.
        open: Patients of whom something is not recorded, likewise.
    """

    rows: tuple[MayQualify, ...]
    total: int
    met: Mapping[Program, int]
    open: Mapping[Program, int]


@audited
def who_may_qualify(
    *,
    program: Program | None = None,
    is_met: bool | None = None,
    limit: int = 50,
    offset: int = 0,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> QualifyPage:
    """Return patients whose recorded facts meet a program that they are not enrolled in, by name.

    Charts that are not open to the actor are left out, and so is who has died.

    Args:
        program: Only this program.
        is_met: Only what the facts meet, or only what needs more facts; None for both.
        limit: Most rows to return.
        offset: Rows to pass over.
        store: The store.
        actor: Who asks.
        clock: Its day in the practice's zone is the day of the rules.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see charts.
    """
    require(actor, Operation.READ_CHART)
    now = clock.now()
    with store.reading() as unit:
        practice = unit.session.get(PracticeRow, actor.practice_id)
        if practice is None:
            raise NotFoundError("practice", actor.practice_id)
        today = local_day(now, zone_named(practice.time_zone))
        within = reach(unit, actor, now=now)
        records = _Records(unit, actor.practice_id)
        patients = [each for each in _patients(unit, actor.practice_id) if within.is_open(each.id)]
    looking = _Looking(rules_on(rule_book, today), today)
    found = [
        row
        for each in patients
        if each.id in records.of_interest and (row := looking.at(each, records)).candidates
    ]
    counts = {
        wanted: {
            each: sum(
                any(one.program is each and one.is_met is wanted for one in row.candidates)
                for row in found
            )
            for each in PROGRAMS
        }
        for wanted in (True, False)
    }
    kept = [row for row in found if _is_wanted(row, program, is_met=is_met)]
    kept.sort(key=lambda row: (folded(row.name), row.patient_id))
    return QualifyPage(
        rows=tuple(kept[max(0, offset) : max(0, offset) + max(0, limit)]),
        total=len(kept),
        met=MappingProxyType(counts[True]),
        open=MappingProxyType(counts[False]),
    )


def _is_wanted(row: MayQualify, program: Program | None, *, is_met: bool | None) -> bool:
    return any(
        program in {None, each.program} and is_met in {None, each.is_met} for each in row.candidates
    )


def _table(row: type[TrellisTable]) -> Table:
    return cast("Table", row.__table__)  # type: ignore[attr-defined] # made by the mapper


def _patients(unit: UnitOfWork, practice_id: str) -> Sequence[Row[Any]]:
    of = _table(PatientRow).c
    named: Select[Any] = select(of.id, of.family_name, of.given_name, of.mrn, of.birth_date).where(
        of.practice_id == practice_id, of.deceased_on.is_(None), of.merged_into.is_(None)
    )
    return unit.connection.execute(named).all()


class _Records:
    """What is asked about, of every patient, in one statement for each table."""

    def __init__(self, unit: UnitOfWork, practice_id: str) -> None:
        def by_patient(
            kind: type[TrellisTable], columns: str, *where: ColumnElement[bool]
        ) -> dict[str, list[Row[Any]]]:
            of = _table(kind).c
            found: dict[str, list[Row[Any]]] = {}
            named: Select[Any] = select(of.patient_id, *(of[each] for each in columns.split()))
            named = named.where(of.practice_id == practice_id, *where)
            for row in unit.connection.execute(named).all():
                found.setdefault(row.patient_id, []).append(row)
            return found

        condition = _table(ConditionRow).c
        self.conditions = by_patient(
            ConditionRow,
            "id icd10 expected_months is_short_term significant_risk behavioral text",
            or_(
                condition.behavioral.is_not(False),
                condition.is_short_term.is_(False) & condition.significant_risk.is_not(False),
            ),
        )
        self.discharges = by_patient(
            DischargeRow,
            "discharged_on discharged_from discharged_to visit_on readmitted_on billed_on",
        )
        self.enrollments = by_patient(EnrollmentRow, "program ended_on")
        self.elsewhere = by_patient(ElsewhereRow, "program other_practice ended_on")
        self.declined = by_patient(ConsentDeclinedRow, "program declined_on")
        self.of_interest = self.conditions.keys() | self.discharges.keys()


class _Looking:
    """One look at everybody, by the rules of a day."""

    def __init__(self, rules: DatedRules, today: date) -> None:
        self._today = today
        self._needed = rules.integer("ccm.conditions.initial.count_min")
        self._ccm_months = rules.integer("ccm.conditions.initial.expected_months")
        self._pcm_months = rules.integer("pcm.conditions.initial.expected_months")
        self._tcm = tcm_rules(rules)

    def at(self, patient: Row[Any], records: _Records) -> MayQualify:
        """Return what may be met by one patient; without candidates where nothing is."""
        key = patient.id
        enrolled = {
            Program(row.program)
            for row in records.enrollments.get(key, ())
            if row.ended_on is None or row.ended_on >= self._today
        }
        barred = enrolled.union(*(kind for kind in _OF_A_KIND if kind & enrolled))
        is_lasting = not {Program.CCM, Program.PCM} <= barred
        conditions = [
            _condition(row)
            for row in records.conditions.get(key, ())
            if is_lasting or row.behavioral is not False
        ]
        candidates = [
            *self._by_conditions(conditions, barred),
            *self._by_discharge(records.discharges.get(key, ())),
        ]
        name = f"{patient.family_name}, {patient.given_name}"
        return MayQualify(
            patient_id=key,
            name=name if patient.given_name else patient.family_name,
            mrn=patient.mrn,
            birth_date=patient.birth_date,
            enrolled=tuple(sorted(enrolled)),
            candidates=tuple(self._with_doubts(each, key, records) for each in candidates),
        )

    def _by_conditions(
        self, conditions: Sequence[Condition], barred: Collection[Program]
    ) -> list[Candidate]:
        found: list[Candidate | None] = []
        if Program.CCM not in barred:
            found.append(_lasting(conditions, Program.CCM, self._ccm_months, self._needed))
        if Program.PCM not in barred:
            found.append(_lasting(conditions, Program.PCM, self._pcm_months, 1))
        found += [
            _behavioral(conditions, program)
            for program in (Program.BHI, Program.COCM)
            if program not in barred
        ]
        return [each for each in found if each is not None]

    def _by_discharge(self, rows: Sequence[Row[Any]]) -> list[Candidate]:
        if self._tcm is None:
            return []
        made = [_transition(row, self._tcm, self._today) for row in rows]
        return [each for each in made if each is not None][:1]

    def _with_doubts(self, candidate: Candidate, key: str, records: _Records) -> Candidate:
        program = candidate.program.value
        doubts = [
            f"In {program} at {row.other_practice or 'another practice'}"
            for row in records.elsewhere.get(key, ())
            if row.program == program and (row.ended_on is None or row.ended_on >= self._today)
        ] + [
            f"Declined {program} on {row.declined_on:%b} {row.declined_on.day}, {row.declined_on.year}"
            for row in records.declined.get(key, ())
            if row.program == program
        ]
        if not doubts:
            return candidate
        return Candidate(
            program=candidate.program,
            is_met=candidate.is_met,
            because=candidate.because,
            missing=candidate.missing,
            doubts=tuple(doubts),
        )


def _condition(row: Row[Any]) -> Condition:
    return Condition(
        id=row.id,
        icd10=row.icd10,
        expected_months=None if row.is_short_term else known(row.expected_months),
        significant_risk=known(row.significant_risk),
        behavioral=known(row.behavioral),
        text=row.text,
    )


def _lasting(
    conditions: Sequence[Condition], program: Program, months: int, needed: int
) -> Candidate | None:
    """Return whether enough conditions last so long and carry a significant risk, or may."""
    counted = chronic([each for each in conditions if each.icd10 is not None], months)
    because = ", ".join(sorted(condition_key(each) for each in counted))
    if len(counted) >= needed:
        return Candidate(program=program, is_met=True, because=because)
    _, possible = gates.condition_doubts(conditions, months)
    if len(chronic(conditions, months)) + possible < needed:
        return None
    missing = [words for each in conditions if (words := _open_words(each, months))]
    if not missing:
        return None
    return Candidate(program=program, is_met=False, because=because, missing=tuple(missing))


def _open_words(condition: Condition, months: int) -> str:
    """Return what is not recorded of a condition that may count; empty where it is settled."""
    expected, risk = condition.expected_months, condition.significant_risk
    if risk is False or expected is None or (isinstance(expected, int) and expected < months):
        return ""
    open_facts = [
        words
        for is_open, words in (
            (condition.icd10 is None, "ICD-10-CM code"),
            (expected is UNKNOWN, "expected duration"),
            (risk is UNKNOWN, "significant risk"),
        )
        if is_open
    ]
    if not open_facts:
        return ""
    return f"{condition.icd10 or condition.text or 'a condition'}: {', '.join(open_facts)}"


def _behavioral(conditions: Sequence[Condition], program: Program) -> Candidate | None:
    sure = [each for each in conditions if each.behavioral is True and each.icd10 is not None]
    if sure:
        named = ", ".join(sorted({condition_key(each) for each in sure}))
        return Candidate(program=program, is_met=True, because=named)
    missing = [
        f"{each.icd10}: whether it is behavioral"
        if each.icd10 is not None
        else f"{each.text or 'a condition'}: ICD-10-CM code"
        for each in conditions
        if _may_be_behavioral(each)
    ]
    if not missing:
        return None
    return Candidate(program=program, is_met=False, because="", missing=tuple(missing))


def _may_be_behavioral(condition: Condition) -> bool:
    """Say whether nobody settled that a condition is behavioral, and its code's chapter hints at it."""
    if condition.icd10 is None:
        return condition.behavioral is True
    return condition.behavioral is UNKNOWN and condition.icd10.startswith("F")


def _transition(row: Row[Any], rules: TcmRules, today: date) -> Candidate | None:
    """Return whether a discharge opens transitional care that can still be given."""
    since: date = row.discharged_on
    last = since + timedelta(days=rules.period_days)
    visit_by = since + timedelta(days=rules.moderate_days)
    is_past = today > last or (row.visit_on is None and today > visit_by)
    if is_past or today < since or row.readmitted_on is not None or row.billed_on is not None:
        return None
    came, went = row.discharged_from, row.discharged_to
    if came is not None and DischargedFrom(came) not in rules.facilities:
        return None
    if went is not None and DischargedTo(went) not in rules.settings:
        return None
    missing = [
        words
        for value, words in (
            (came, "where the patient was discharged from"),
            (went, "where the patient went"),
        )
        if value is None
    ]
    return Candidate(
        program=Program.TCM,
        is_met=not missing,
        because=f"discharged {since:%b} {since.day}, {since.year}",
        missing=tuple(missing),
    )
