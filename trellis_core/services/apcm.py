"""Advanced primary care: what the practice can do, attested by its owner, and what a month shows.

No minutes are counted. The practice states for each element whether it is in place; once all are,
its owner attests them, and only then is the attestation true. Each patient's month says whether
its services are documented, and which elements were worked on.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum, auto
from typing import Final

from sqlmodel import col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import Program
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.panel import determine_panel, panel_facts
from trellis_core.rules.dated_rules import rules_on
from trellis_core.rules.determination import Determination
from trellis_core.rules.facts import Facts
from trellis_core.rules.month_facts import chronic
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.services.caseload import patient_row_of
from trellis_core.services.chart_edit import editing
from trellis_core.services.chart_guard import guard, reach
from trellis_core.store.care_mapping import known, stored
from trellis_core.store.engine import Store
from trellis_core.store.panel_query import read_panel
from trellis_core.store.tables import ApcmCapabilityRow, ApcmMonthRow, PracticeRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN, Maybe


class ApcmElement(StrEnum):
    """What advanced primary care is made of, in Trellis's own words."""

    CONSENT = auto()
    INITIATING_VISIT = auto()
    AROUND_THE_CLOCK = auto()
    CONTINUITY = auto()
    OTHER_WAYS = auto()
    CARE_MANAGEMENT = auto()
    CARE_PLAN = auto()
    TRANSITIONS = auto()
    COORDINATION = auto()
    COMMUNICATION = auto()
    POPULATION = auto()
    PERFORMANCE = auto()


ELEMENT_WORDS: Final[Mapping[ApcmElement, str]] = {
    ApcmElement.CONSENT: "Consent is asked for and documented",
    ApcmElement.INITIATING_VISIT: "A visit opens the program where one is due",
    ApcmElement.AROUND_THE_CLOCK: "Urgent needs are answered at any hour",
    ApcmElement.CONTINUITY: "Each patient has one team member to turn to",
    ApcmElement.OTHER_WAYS: "Care is given in other ways too: at home, at longer hours",
    ApcmElement.CARE_MANAGEMENT: "Needs, medicines and prevention are managed as a whole",
    ApcmElement.CARE_PLAN: "A care plan around the patient is shared, with a copy for the patient",
    ApcmElement.TRANSITIONS: "Patients are followed up within 7 days of a discharge",
    ApcmElement.COORDINATION: "Care is coordinated with other practices and the community",
    ApcmElement.COMMUNICATION: "Patients reach the practice by message and portal as well",
    ApcmElement.POPULATION: "The whole panel is looked at for gaps and risk",
    ApcmElement.PERFORMANCE: "Quality, cost and use of technology are measured",
}
"""Each element as the practice's owner reads it."""

WORK_WORDS: Final[Mapping[ApcmElement, str]] = {
    ApcmElement.CONSENT: "Consent",
    ApcmElement.INITIATING_VISIT: "Initiating visit",
    ApcmElement.AROUND_THE_CLOCK: "Urgent need",
    ApcmElement.CONTINUITY: "Continuity",
    ApcmElement.OTHER_WAYS: "Visit at home or other hours",
    ApcmElement.CARE_MANAGEMENT: "Care management",
    ApcmElement.CARE_PLAN: "Care plan",
    ApcmElement.TRANSITIONS: "Transition",
    ApcmElement.COORDINATION: "Coordination",
    ApcmElement.COMMUNICATION: "Messages",
    ApcmElement.POPULATION: "Panel review",
    ApcmElement.PERFORMANCE: "Measurement",
}
"""Each element as work of a month, in a word or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What a practice states about one element.

    Attributes:
        is_in_place: Unknown where nothing is stated.
        stated_by: Staff id; None where nothing is stated.
        stated_on: The day; None where nothing is stated.
    """

    element: ApcmElement
    is_in_place: Maybe[bool] = UNKNOWN
    stated_by: str | None = None
    stated_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a practice states about every element, and whether its owner attested them.

    Attributes:
        listed: One for each element, in order.
        is_attested: What the rules are told.
        reports_performance: Whether the practice reports its performance.
    """

    listed: tuple[Capability, ...]
    is_attested: Maybe[bool]
    reports_performance: Maybe[bool]

    @property
    def is_complete(self) -> bool:
        """Every element is stated to be in place."""
        return all(each.is_in_place is True for each in self.listed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApcmMonth:
    """What is stated about the services of one patient's month.

    Attributes:
        is_documented: The record shows what was done; unknown where nobody stated it.
        elements: What was worked on, in order.
    """

    patient_id: str
    month: ServiceMonth
    is_documented: Maybe[bool]
    elements: tuple[ApcmElement, ...]
    stated_by: str
    stated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApcmPatient:
    """One patient's month of advanced primary care, as the determination answers it.

    Attributes:
        conditions: How many of the conditions are chronic; unknown where none is coded.
        is_beneficiary: Whether Medicare and the state share the costs (QMB); unknown if not stated.
        level: The base code of the month; None where the facts do not decide it yet.
        is_billable: Its recorded requirements are met.
        add_ons: Behavioral add-ons whose recorded requirements are met.
        stated: What is stated about the month's services; None for nothing.
    """

    patient_id: str
    conditions: Maybe[int]
    is_beneficiary: Maybe[bool]
    level: str | None
    is_billable: bool
    add_ons: tuple[str, ...]
    stated: ApcmMonth | None


# --- what the practice can do ---------------------------------------------------------------------


@audited
def capabilities(*, store: Store, actor: Actor) -> Capabilities:
    """Return what the actor's practice states about every element.

    Raises:
        PermissionDeniedError: The actor may not read the practice's facts.
    """
    require(actor, Operation.READ_PRACTICE)
    with store.reading() as unit:
        return _capabilities(_practice(unit, actor), _rows(unit, actor))


@audited
def state_capabilities(
    stated: Mapping[ApcmElement, Maybe[bool]], *, store: Store, actor: Actor, clock: Clock
) -> Capabilities:
    """State of elements whether they are in place; an attestation that no longer holds ends.

    Args:
        stated: Only these are touched; unknown takes back what was stated.
        store: The store.
        actor: Who states it: the practice's owner.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not change settings.
    """
    with editing(store, actor, clock, Operation.EDIT_SETTINGS) as edit:
        unit, rows = edit.unit, _rows(edit.unit, actor)
        has_changed = False
        for element, answer in stated.items():
            row = rows.get(element)
            if stored(answer) == (None if row is None else row.is_in_place):
                continue
            has_changed = True
            if answer is UNKNOWN:
                unit.session.delete(rows.pop(element))
                continue
            row = row or ApcmCapabilityRow(
                practice_id=actor.practice_id,
                element=element.value,
                is_in_place=answer,
                stated_by=actor.person_id,
                stated_on=edit.today,
            )
            row.is_in_place = answer
            row.stated_by, row.stated_on = actor.person_id, edit.today
            rows[element] = row
            edit.save(row)
        if has_changed:
            edit.practice.apcm_capabilities = _still_attested(edit.practice, rows)
            edit.save(edit.practice)
        return _capabilities(edit.practice, rows)


@audited
def attest_capabilities(*, store: Store, actor: Actor, clock: Clock) -> Capabilities:
    """Attest that every element is in place: the only way in which the rules are told so.

    Raises:
        PermissionDeniedError: The actor may not change settings.
        CommandRefusedError: An element is not stated to be in place.
    """
    with editing(store, actor, clock, Operation.EDIT_SETTINGS) as edit:
        rows = _rows(edit.unit, actor)
        found = _capabilities(edit.practice, rows)
        if not found.is_complete:
            missing = sum(each.is_in_place is not True for each in found.listed)
            raise CommandRefusedError(
                "APCM_NOT_COMPLETE",
                f"{missing} of {len(found.listed)} elements are not stated to be in place. State "
                "each of them first; what is not in place cannot be attested.",
            )
        edit.practice.apcm_capabilities = True
        edit.save(edit.practice)
        return _capabilities(edit.practice, rows)


def _still_attested(
    practice: PracticeRow, rows: Mapping[ApcmElement, ApcmCapabilityRow]
) -> bool | None:
    """Return what is left of an attestation: no where an element is missing, else not stated."""
    if any(not row.is_in_place for row in rows.values()):
        return False
    is_complete = all(element in rows for element in ApcmElement)
    return True if is_complete and practice.apcm_capabilities else None


def _practice(unit: UnitOfWork, actor: Actor) -> PracticeRow:
    row = unit.session.get(PracticeRow, actor.practice_id)
    if row is None:
        raise NotFoundError("practice", actor.practice_id)
    return row


def _rows(unit: UnitOfWork, actor: Actor) -> dict[ApcmElement, ApcmCapabilityRow]:
    found = unit.session.exec(
        select(ApcmCapabilityRow).where(ApcmCapabilityRow.practice_id == actor.practice_id)
    ).all()
    return {ApcmElement(row.element): row for row in found}


def _capabilities(
    practice: PracticeRow, rows: Mapping[ApcmElement, ApcmCapabilityRow]
) -> Capabilities:
    return Capabilities(
        listed=tuple(
            Capability(element=element)
            if (row := rows.get(element)) is None
            else Capability(
                element=element,
                is_in_place=row.is_in_place,
                stated_by=row.stated_by,
                stated_on=row.stated_on,
            )
            for element in ApcmElement
        ),
        is_attested=known(practice.apcm_capabilities),
        reports_performance=known(practice.performance_reporting),
    )


# --- a patient's month ----------------------------------------------------------------------------


@audited
def document_month(
    patient_id: str,
    *,
    month: ServiceMonth,
    is_documented: Maybe[bool],
    elements: Collection[ApcmElement] = (),
    store: Store,
    actor: Actor,
    clock: Clock,
) -> ApcmMonth:
    """State whether a month's services are documented, and what was worked on; again corrects it.

    Args:
        patient_id: Whose.
        month: The service month.
        is_documented: Whether the record shows what was done.
        elements: What was worked on.
        store: The store.
        actor: Who states it.
        clock: When.

    Raises:
        CommandRefusedError: The month has not begun, or nothing is named that was worked on.
    """
    if is_documented is True and not elements:
        raise CommandRefusedError(
            "ELEMENTS_NEEDED",
            "A documented month names what was worked on. Choose at least one element.",
        )
    with editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(month.first_day)
        chosen = tuple(element for element in ApcmElement if element in elements)
        edit.unit.session.merge(
            ApcmMonthRow(
                practice_id=edit.practice_id,
                patient_id=patient_id,
                ym=month.ym,
                is_documented=stored(is_documented),
                elements=" ".join(chosen),
                stated_by=actor.person_id,
                stated_at=edit.now,
            )
        )
    return ApcmMonth(
        patient_id=patient_id,
        month=month,
        is_documented=is_documented,
        elements=chosen,
        stated_by=actor.person_id,
        stated_at=edit.now,
    )


@audited
def apcm_patients(
    patient_ids: Sequence[str],
    *,
    month: ServiceMonth,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> tuple[ApcmPatient, ...]:
    """Return patients' months of advanced primary care, in the order given, in one bulk read.

    Charts that are not open to the actor are left out. As with the board, a line in a list is no
    view of a chart: the journal is not told.

    Args:
        patient_ids: Whose; a page of a list, not a whole panel.
        month: The service month.
        store: The store.
        actor: Who asks.
        clock: When.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see the board.
    """
    require(actor, Operation.READ_BOARD)
    now = clock.now()
    with store.reading() as unit:
        within = reach(unit, actor, now=now)
        wanted = [each for each in patient_ids if within.is_open(each)]
        rows = read_panel(unit, actor.practice_id, month, wanted)
    facts = panel_facts(rows, as_of=now)
    found = determine_panel(facts, rule_book=rule_book)
    stated = {row.patient_id: _month_of(row) for row in rows.apcm_months}
    levels = _levels(rule_book, month)
    return tuple(
        _patient(facts[each], found[each], stated.get(each), levels, rule_book)
        for each in wanted
        if each in facts
    )


@audited
def month_stated(
    patient_id: str, *, month: ServiceMonth, store: Store, actor: Actor, clock: Clock
) -> ApcmMonth | None:
    """Return what is stated about one patient's month; None for nothing.

    Raises:
        PermissionDeniedError: The actor may not see charts.
        NotFoundError: The patient is not one of the actor's practice.
        ChartRestrictedError: The chart is not open to the actor.
    """
    require(actor, Operation.READ_REGISTRY)
    with store.reading() as unit:
        guard(unit, actor, patient_id, now=clock.now())
        patient_row_of(unit, patient_id, actor=actor)
        row = unit.session.exec(
            select(ApcmMonthRow).where(
                ApcmMonthRow.practice_id == actor.practice_id,
                ApcmMonthRow.patient_id == patient_id,
                col(ApcmMonthRow.ym) == month.ym,
            )
        ).first()
        return None if row is None else _month_of(row)


def _month_of(row: ApcmMonthRow) -> ApcmMonth:
    return ApcmMonth(
        patient_id=row.patient_id,
        month=ServiceMonth.from_ym(row.ym),
        is_documented=known(row.is_documented),
        elements=tuple(ApcmElement(each) for each in row.elements.split()),
        stated_by=row.stated_by,
        stated_at=row.stated_at,
    )


def _levels(rule_book: RuleBook, month: ServiceMonth) -> frozenset[str]:
    """Return the base codes that are in force in a month."""
    rules = rules_on(rule_book, month.last_day)
    found = (
        rules.code(f"apcm.{level}.initial.hcpcs")
        for level in ("level_one", "level_two", "level_three")
    )
    return frozenset(code for code in found if code is not None)


def _patient(
    facts: Facts,
    found: Determination,
    stated: ApcmMonth | None,
    levels: frozenset[str],
    rule_book: RuleBook,
) -> ApcmPatient:
    lines = [line.code for line in found.lines if line.program is Program.APCM]
    at_stake = {
        code
        for block in found.blocked
        if block.program is Program.APCM
        for code in block.codes
        if code in levels
    }
    base = next((code for code in lines if code in levels), None)
    if base is None and len(at_stake) == 1:
        (base,) = at_stake
    months = rules_on(rule_book, found.service_month.last_day).integer(
        "apcm.conditions.initial.expected_months"
    )
    conditions = facts.patient.conditions
    return ApcmPatient(
        patient_id=facts.patient.id,
        conditions=UNKNOWN if conditions is UNKNOWN else len(chronic(conditions, months)),
        is_beneficiary=facts.patient.qualified_medicare_beneficiary,
        level=base,
        is_billable=base in lines,
        add_ons=tuple(code for code in lines if code not in levels),
        stated=stated,
    )
