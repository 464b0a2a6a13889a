"""Visits, and the medical decision making that a month or a discharge asks for."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from trellis_core.access import Actor, Operation, require
from trellis_core.care.records import (
    DecisionMaking,
    InitiatingVisit,
    Visit,
)
from trellis_core.care.vocabulary import (
    MdmLevel,
    Program,
)
from trellis_core.rules.dated_rules import DatedRules, rules_on
from trellis_core.rules.rulebook import RuleBook
from trellis_core.rules.trace import ParameterUse
from trellis_core.services.access_log import audited
from trellis_core.services.chart_edit import editing
from trellis_core.store.care_mapping import (
    decision_making_row,
    stored,
    visit_row,
)
from trellis_core.store.engine import Store
from trellis_core.values import codes
from trellis_core.values.clock import Clock
from trellis_core.values.ids import new_id
from trellis_core.values.unknown import UNKNOWN, Maybe

_ALWAYS: Final = frozenset({Program.PCM})
"""Programs that ask for the visit however lately the patient was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningVisits:
    """Which visits open a program on a day, as the rule book says.

    Attributes:
        codes: By whoever bills care management.
        professional_codes: Further ones, where a behavioral health professional bills the program.
        within_years: A patient seen within so many years before the start needs none; None where
            the program always needs one.
        planning_code: What the practitioner's own extensive care planning beside it is billed as;
            None where the program has no such code.
    """

    codes: tuple[str, ...]
    professional_codes: tuple[str, ...] = ()
    within_years: int | None = None
    planning_code: str | None = None


def opening_visits(program: Program, *, on: date, rule_book: RuleBook) -> OpeningVisits:
    """Return which visits open a program on a day."""
    rules = rules_on(rule_book, on)
    name = program.value.lower()
    common = rules.texts("common.initiating_visit.hcpcs")
    more = f"{name}.behavioral_professional.initiating_visit.hcpcs"
    further = rules.texts(more) if more in rule_book.parameters else frozenset()
    years = _found(rules, f"{name}.initiating_visit.within_years")
    planning = _found(rules, f"{name}.care_planning.initial.hcpcs")
    is_always = program in _ALWAYS
    return OpeningVisits(
        codes=tuple(sorted(common)),
        professional_codes=tuple(sorted(further - common)),
        within_years=None if years is None or is_always else int(str(years.value)),
        planning_code=None if planning is None else str(planning.value),
    )


def _found(rules: DatedRules, path: str) -> ParameterUse | None:
    """Return a value that is in force; None where the program has no such parameter."""
    return rules.find(path) if path in rules.rule_book.parameters else None


@audited
def record_visit(
    patient_id: str,
    *,
    on: date,
    code: Maybe[str] = UNKNOWN,
    by: Maybe[str] = UNKNOWN,
    is_initiating: bool = False,
    program_discussed: Maybe[frozenset[Program]] = UNKNOWN,
    care_planning_by_practitioner: Maybe[bool] = UNKNOWN,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Visit | InitiatingVisit:
    """Record a separately billed visit, and whether it opened a program."""
    checked = stored(code)
    if checked is not None:
        codes.hcpcs(checked)
    made: Visit | InitiatingVisit = Visit(id=new_id("vi"), on=on, code=code, by=by)
    if is_initiating:
        made = InitiatingVisit(
            id=made.id,
            on=on,
            code=code,
            by=by,
            program_discussed=program_discussed,
            care_planning_by_practitioner=care_planning_by_practitioner,
        )
    with editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(on)
        edit.person(by, is_other_allowed=True)
        edit.save(visit_row(edit.practice_id, patient_id, made))
    return made


@audited
def record_decision_making(
    patient_id: str,
    *,
    program: Program,
    level: MdmLevel,
    on: date,
    by: Maybe[str] = UNKNOWN,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> DecisionMaking:
    """Record documented medical decision making.

    Raises:
        PermissionDeniedError: The actor is not a billing practitioner.
    """
    require(actor, Operation.DOCUMENT_DECISION)
    made = DecisionMaking(id=new_id("md"), program=program, level=level, by=by, on=on)
    with editing(store, actor, clock, Operation.DOCUMENT_DECISION) as edit:
        edit.patient(patient_id)
        edit.not_future(on)
        edit.practitioner(by)
        edit.save(decision_making_row(edit.practice_id, patient_id, made))
    return made
