"""Claim lines and the diagnoses that they point at."""

from collections.abc import Sequence
from datetime import date

from trellis_core.care.records import Condition
from trellis_core.care.vocabulary import Program, Setting
from trellis_core.rules.determination import ServiceLine
from trellis_core.rules.labels import code_label
from trellis_core.rules.rulebook import RuleBook
from trellis_core.superbill.bill import (
    DIAGNOSES_MAX,
    LETTERS,
    POINTERS_MAX,
    Diagnosis,
    FeeSource,
    PerformedBy,
    Practitioner,
    SuperbillLine,
    WithheldLine,
    digest,
    minutes_by_share,
)
from trellis_core.superbill.material import Material


def service_line(
    of: Material,
    own_id: str,
    line: ServiceLine,
    diagnoses: Sequence[Diagnosis],
    billing: Practitioner | None,
) -> SuperbillLine:
    """Return a claim line of a service that the determination proposes."""
    enrollment = of.enrollment(line.program)
    supervisor = (
        enrollment.practitioners_on(line.date_of_service).supervising_practitioner
        if enrollment
        else None
    )
    payer = of.patient.coverage
    charge = of.charges.of(
        line.code, on=line.date_of_service, payer_name=payer.payer_name if payer else ""
    )
    pointers = _pointers(of, line.program, diagnoses)
    day = line.date_of_service.isoformat()
    met_at = line.threshold_met_at
    return SuperbillLine(
        id=f"ln-{digest(own_id, line.program, line.code, day)}",
        program=line.program,
        code=line.code,
        label=code_label(line.code),
        modifiers=(),
        units=line.units,
        earned_units=line.earned_units,
        minutes=line.minutes,
        needed_minutes=_needed_minutes(of, line),
        date_of_service=line.date_of_service,
        place_of_service=of.practice.place_of_service,
        diagnosis_pointers=tuple(pointers[:POINTERS_MAX]),
        charge=None if charge is None else charge.amount * line.units,
        charge_schedule="" if charge is None else charge.schedule,
        allowed=line.allowed,
        unit_allowed=line.unit_allowed,
        fee_source=_fee_source(of, line),
        rendering=billing,
        supervising=of.practitioner(supervisor) if supervisor else billing,
        performed_by=_performed_by(of, line),
        threshold_met_on=line.threshold_met_on,
        threshold_met_at=None if met_at is None else met_at.astimezone(of.zone),
        entries=line.entries,
        rules=line.checks,
    )


def _pointers(of: Material, program: Program, diagnoses: Sequence[Diagnosis]) -> list[str]:
    """Return a program's letters: as attested, so that what counts most comes first, else as lettered.

    What one program put second may come first for another.
    """
    own = [condition.icd10 for condition in of.conditions(program)]
    if of.attested(program) is None:
        return [each.letter for each in diagnoses if each.icd10 in own]
    letters = {each.icd10: each.letter for each in diagnoses}
    return [letters[code] for code in dict.fromkeys(own) if code in letters]


def _needed_minutes(of: Material, line: ServiceLine) -> int | None:
    """Return the mark on the month's meter at which the line's last unit is reached."""
    if line.minutes is None:
        return None
    for meter in of.determination.meters:
        marks = [tick.minutes for tick in meter.ticks if tick.code == line.code]
        if len(marks) >= line.units:
            return marks[line.units - 1]
    return None


def _fee_source(of: Material, line: ServiceLine) -> FeeSource | None:
    if line.allowed is None:
        return None
    practice = of.facts.practice
    return of.common.once(
        _source_of_amount,
        of.rule_book,
        line.code,
        line.date_of_service,
        practice.state,
        practice.locality,
        practice.setting,
        practice.qualifying_apm,
    )


def _source_of_amount(
    rule_book: RuleBook,
    code: str,
    on: date,
    state: str,
    locality: str | None,
    setting: Setting,
    qualifying_apm: bool,  # noqa: FBT001
) -> FeeSource | None:
    found = rule_book.amounts.allowed(
        code,
        on=on,
        state=state,
        locality=locality,
        setting=setting,
        qualifying_apm=qualifying_apm,
    )
    if found is None:
        return None
    return FeeSource(
        schedule=found.schedule,
        release=found.release,
        locality=found.locality,
        setting=str(found.setting),
    )


def _performed_by(of: Material, line: ServiceLine) -> tuple[PerformedBy, ...]:
    counted = dict(of.determination.counted_seconds)
    of_line = set(line.entries)
    seconds: dict[str | None, int] = {}
    for entry in of.facts.time_entries:
        if entry.id in of_line and counted.get(entry.id):
            seconds[entry.staff_id] = seconds.get(entry.staff_id, 0) + counted[entry.id]
    shares = minutes_by_share(list(seconds.values()))
    return tuple(
        PerformedBy(
            staff_id=staff_id,
            name=of.common.signed(staff_id)[0],
            credential=of.common.signed(staff_id)[1],
            minutes=minutes,
        )
        for staff_id, minutes in zip(seconds, shares, strict=True)
    )


def withheld_lines(
    of: Material, proposed: Sequence[ServiceLine], programs: set[Program]
) -> tuple[WithheldLine, ...]:
    """Return the proposed lines that wait for a person's choice."""
    return tuple(
        WithheldLine(program=line.program, code=line.code, units=line.units, question=each.question)
        for each in of.determination.decisions_needed
        if each.program in programs
        for line in proposed
        if line.program is each.program
    )


def lettered_diagnoses(
    of: Material, services: Sequence[ServiceLine]
) -> tuple[tuple[Diagnosis, ...], int]:
    """Letter the diagnoses: what lines will point at first, the rest after, at most twelve.

    Those of a program come in the order that was attested; without that, in the chart's.
    """
    programs = list(dict.fromkeys(line.program for line in services))
    coded = [
        [each for each in of.conditions(program) if each.icd10 is not None] for program in programs
    ]
    by_code: dict[str | None, Condition] = {}
    for part in (slice(POINTERS_MAX), slice(POINTERS_MAX, None)):
        for of_program in coded:
            for condition in of_program[part]:
                by_code.setdefault(condition.icd10, condition)
    kept = tuple(
        Diagnosis(
            letter=letter,
            icd10=condition.icd10 or "",
            text=condition.text,
            condition_id=condition.id,
        )
        for letter, condition in zip(LETTERS, by_code.values(), strict=False)
    )
    return kept, max(len(by_code) - DIAGNOSES_MAX, 0)
