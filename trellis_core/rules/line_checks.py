"""Why a line may be billed: every unit with its second and its entries, cap, day and amount.

Asked only where a tree is wanted; it decides nothing.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Final

from trellis_core.care.vocabulary import Program, Setting
from trellis_core.rules import cocm
from trellis_core.rules.claims import Claim, threshold_paths
from trellis_core.rules.clean_time import Span, reached_at, total_seconds
from trellis_core.rules.dated_rules import DatedRules
from trellis_core.rules.determination import ServiceLine
from trellis_core.rules.gates import uses
from trellis_core.rules.line_amounts import allowed_of
from trellis_core.rules.month_facts import MonthFacts, ProgramMonth, chronic
from trellis_core.rules.reason_texts import citations
from trellis_core.rules.reasons import Reason
from trellis_core.rules.trace import Check, Outcome
from trellis_core.rules.units import MINUTE, Ladder
from trellis_core.values.money import amount_text
from trellis_core.values.unknown import UNKNOWN

_CARE_PLANNING: Final = "ccm.care_planning"
_COMPLEX: Final = "ccm.complex."
_BRIEF: Final = "cocm.brief_month."


def line_check(
    month: MonthFacts,
    claim: Claim,
    line: ServiceLine,
    *,
    owner: ProgramMonth | None,
    beside: Collection[str],
) -> Check:
    """Return the node of one line with everything that it rests on.

    Args:
        month: The facts.
        claim: What was earned.
        line: What may be billed of it.
        owner: Its program's month, where the program was decided.
        beside: Every code that is billed.
    """
    name = line.program.value.lower()
    rule_id = f"{name}.line.{line.code}"
    units = "unit" if line.units == 1 else "units"
    earned = f" of {line.earned_units} earned" if line.earned_units != line.units else ""
    children = [
        *(_choice_checks(claim, owner) if owner is not None else ()),
        *(
            _time_checks(month, claim, line, claim.ladder)
            if claim.ladder is not None
            else _event_checks(month, claim, owner, beside)
        ),
        *_cap_checks(month, claim, line),
        _day_check(month, claim, line, rule_id),
        _amount_check(month, line, rule_id),
    ]
    return Check(
        rule_id=rule_id,
        outcome=Outcome.MET,
        message=f"{line.code}: {line.units}{earned} {units} may be billed for {line.date_of_service}.",
        codes=(line.code,),
        evidence=line.entries or tuple(dict.fromkeys(e for c in children for e in c.evidence)),
        children=tuple(children),
    )


def entry_seconds(spans: Iterable[Span], *, after: int, through: int) -> dict[str, int | Fraction]:
    """Return which entries' seconds lie between two totals of counted time, exactly.

    Example:
        >>> spans = [Span(0, 600, "a", "rn"), Span(900, 1800, "b", "rn")]
        >>> entry_seconds(spans, after=300, through=1200)
        {'a': 300, 'b': 600}
    """
    counted: int | Fraction = 0
    found: dict[str, int | Fraction] = {}
    for span in spans:
        total = counted + total_seconds((span,))
        part = min(through, total) - max(after, counted)
        if part > 0:
            found[span.entry] = found.get(span.entry, 0) + part
        counted = total
    return found


def duration(seconds: int | Fraction) -> str:
    """Return seconds as minutes and seconds, fractions of a second left out.

    Example:
        >>> duration(605)
        '10:05 min'
    """
    minutes, rest = divmod(int(seconds), MINUTE)
    return f"{minutes}:{rest:02d} min"


def clock_words(month: MonthFacts, second: int) -> str:
    """Return the practice's day and time at which so much had been counted.

    The end of a day belongs to that day.
    """
    day = month.day_of(second - 1)
    at = datetime.fromtimestamp(second, month.zone)
    if at.date() != day:
        return f"{day} at midnight, the end of the day"
    return f"{day} at {at:%H:%M:%S}"


def _time_checks(
    month: MonthFacts, claim: Claim, line: ServiceLine, ladder: Ladder
) -> Iterable[Check]:
    paths = threshold_paths(ladder, month.rules, is_additional=claim.is_additional)
    parameters = uses(month.rules, paths)
    first = ladder.minutes_for(1 if claim.is_additional else 0)
    each = (
        f", then one every {ladder.additional_each}"
        if claim.is_additional and line.earned_units > 1
        else ""
    )
    yield Check(
        rule_id=f"{claim.element}.time",
        outcome=Outcome.MET,
        message=f"{claim.minutes} minutes counted; {line.code} is reached at {first}{each}.",
        observed=_rule_words(month, ladder),
        parameters=parameters,
        evidence=line.entries,
    )
    for number in range(1, line.units + 1):
        unit = number if claim.is_additional else 0
        yield _unit_check(month, claim, ladder, unit, month.rules, paths)


def _choice_checks(claim: Claim, owner: ProgramMonth) -> Iterable[Check]:
    """Yield why this code and not its neighbour: decision making, or the month of the episode."""
    month = owner.month
    if claim.element.startswith(_COMPLEX):
        levels = month.rules.texts(f"{_COMPLEX}initial.mdm_levels")
        found = [
            each
            for each in month.facts.medical_decision_making
            if each.program is claim.program
            and each.level in levels
            and each.on is not UNKNOWN
            and month.first_day <= each.on <= month.last_day
        ]
        words = ", ".join(f"{each.level} on {each.on}" for each in found)
        yield Check(
            rule_id="ccm.complex.decision_making",
            outcome=Outcome.MET,
            message=f"Medical decision making of the month is documented: {words}.",
            parameters=uses(month.rules, [f"{_COMPLEX}initial.mdm_levels"]),
            evidence=tuple(each.id for each in found if each.id),
        )
    elif claim.program is Program.COCM and not claim.element.startswith(_BRIEF):
        first = cocm.episode_of(owner).first
        yield Check(
            rule_id="cocm.episode",
            outcome=Outcome.MET,
            message="The month is the first of its episode."
            if first is None
            else f"The first month of the episode was {first}; this is a later one.",
            parameters=uses(month.rules, ["cocm.episode.break_months"]),
        )


def _unit_check(
    month: MonthFacts,
    claim: Claim,
    ladder: Ladder,
    unit: int,
    rules: DatedRules,
    paths: Sequence[str],
) -> Check:
    """Return the node of one unit; unit 0 is the base code's only one."""
    minutes = ladder.minutes_for(unit)
    through = minutes * MINUTE
    after = ladder.minutes_for(unit - 1) * MINUTE if unit else 0
    second = reached_at(claim.spans, through)
    entries = entry_seconds(claim.spans, after=after, through=through)
    listed = ", ".join(f"{entry} {duration(seconds)}" for entry, seconds in entries.items())
    when = f"met {clock_words(month, second)}" if second is not None else "not met"
    since = "; since the threshold before" if after else ""
    return Check(
        rule_id=f"{claim.element}.unit.{unit or 1}",
        outcome=Outcome.MET if second is not None else Outcome.NOT_MET,
        message=f"Unit {unit or 1} of {claim.code} at {minutes} minutes: {when}.",
        observed=f"{duration(through)} counted by then{since}: {listed}.",
        codes=(claim.code,),
        parameters=uses(rules, paths),
        evidence=tuple(entries),
    )


def _rule_words(month: MonthFacts, ladder: Ladder) -> str:
    """Say which of the payer's choices set a threshold, where one did."""
    policy = month.facts.policy
    if not ladder.element.startswith("cocm."):
        return ""
    if f"{ladder.element}.initial.minutes" not in month.rule_book.parameters:
        return f"The payer's policy: {policy.g2214_minimum_minutes} minutes at least."
    if policy.cocm_time_rule == "full":
        return "The payer's policy: every block in full."
    return "The payer's policy: a block is earned past its midpoint."


def _event_checks(
    month: MonthFacts, claim: Claim, owner: ProgramMonth | None, beside: Collection[str]
) -> Iterable[Check]:
    """Yield what decided a line that no threshold decides."""
    rule_id = f"{claim.element}.event"
    if claim.program is Program.TCM:
        words, evidence = _transition(month, claim)
    elif claim.element.startswith(f"{_CARE_PLANNING}."):
        rule_id = f"{_CARE_PLANNING}.visit"
        words, evidence = _planning_visit(month, claim)
    elif claim.is_additional:
        rule_id = f"{claim.element}.entry"
        first = next(iter(claim.spans), None)
        base = " and ".join(code for code in claim.base if code in beside)
        words = f"Work on the program is counted in the month; billed with {base}."
        evidence = (first.entry,) if first is not None else ()
    else:
        words, conditions = _level(month, claim)
        enrollment = owner.enrollment if owner is not None else None
        named = (enrollment.id,) if enrollment is not None and enrollment.id else ()
        evidence = (*named, *conditions)
    yield Check(
        rule_id=rule_id,
        outcome=Outcome.MET,
        message=words,
        codes=(claim.code,),
        parameters=uses(month.rules, [f"{claim.element}.hcpcs"]),
        evidence=evidence,
    )


def _transition(month: MonthFacts, claim: Claim) -> tuple[str, tuple[str, ...]]:
    discharge = next(each for each in month.facts.discharges if each.id == claim.discharge)
    days = (claim.fixed_on - discharge.discharged_on).days if claim.fixed_on is not None else 0
    level = discharge.mdm.value if discharge.mdm not in {None, UNKNOWN} else ""
    return (
        f"Discharged {discharge.discharged_on}, visit on day {days} after it"
        + (f", {level} decision making." if level else "."),
        (discharge.id,),
    )


def _planning_visit(month: MonthFacts, claim: Claim) -> tuple[str, tuple[str, ...]]:
    visits = month.facts.initiating_visits
    found = () if visits is UNKNOWN else visits
    ids = tuple(each.id for each in found if each.on == claim.fixed_on and each.id)
    return f"The practitioner planned care beyond the initiating visit of {claim.fixed_on}.", ids


def _level(month: MonthFacts, claim: Claim) -> tuple[str, tuple[str, ...]]:
    conditions = month.facts.patient.conditions
    known = () if conditions is UNKNOWN else conditions
    months = month.rules.integer("apcm.conditions.initial.expected_months")
    lasting = chronic(known, months)
    ids = tuple(
        each.id or f"patient.conditions[{place}]"
        for place, each in enumerate(known)
        if each in lasting
    )
    level = claim.element.split(".")[1].replace("_", " ")
    count = len(lasting)
    noun = "condition" if count == 1 else "conditions"
    return f"{level.capitalize()}: {count} lasting {noun} with a significant risk.", ids


def _cap_checks(month: MonthFacts, claim: Claim, line: ServiceLine) -> Iterable[Check]:
    """Yield the cap that applies to a line's units: the payer's, else the table's or the code's."""
    table = month.rule_book.unit_caps(line.code, month.last_day)
    ladder = claim.ladder
    most = ladder.units_max if ladder is not None and claim.is_additional else None
    words: list[str] = []
    paths: tuple[str, ...] = ()
    cites: tuple[str, ...] = ()
    if line.code in month.caps.payer:
        words.append(f"The payer pays at most {month.caps.payer[line.code]}.")
    else:
        if table is not None:
            words.append(f"{table.source}: at most {table.units}. {table.note}".strip())
            cites = citations(Reason.UNIT_CAP)
        if most is not None:
            words.append(f"The code's own rule: at most {most} in a month.")
            paths = (f"{claim.element}.units_max",)
    if words:
        yield Check(
            rule_id=f"{line.program.value.lower()}.units.{line.code}",
            outcome=Outcome.MET,
            message=f"{line.units} of {line.earned_units} earned units may be billed.",
            observed=" ".join(words),
            parameters=uses(month.rules, (p for p in paths if p in month.rule_book.parameters)),
            citations=cites,
        )


def _day_check(month: MonthFacts, claim: Claim, line: ServiceLine, rule_id: str) -> Check:
    on = line.date_of_service
    met = f" The last threshold was met {line.threshold_met_on}." if claim.ladder else ""
    return Check(
        rule_id=f"{rule_id}.date_of_service",
        outcome=Outcome.MET,
        message=f"Date of service {on}: {_day_words(month, claim, on)}.",
        observed=met.strip(),
    )


def _day_words(month: MonthFacts, claim: Claim, on: date) -> str:
    if claim.fixed_on is not None:
        return "as the claim asks" if claim.ladder is not None else "the day of the visit"
    if on == month.last_day:
        return "the last day of the month"
    return "the day of death" if on == month.deceased_on else "the day the last threshold was met"


def _amount_check(month: MonthFacts, line: ServiceLine, rule_id: str) -> Check:
    found = allowed_of(month, line.code, line.date_of_service)
    if found is None or line.allowed is None:
        return Check(
            rule_id=f"{rule_id}.amount",
            outcome=Outcome.NOT_APPLICABLE,
            message=f"No amount is on file for {line.code} on {line.date_of_service}.",
            observed=month.rule_book.not_yet_published(line.date_of_service),
        )
    place = f"locality {found.locality}" if found.locality else "national"
    setting = "facility" if found.setting is Setting.FACILITY else "nonfacility"
    each = f"{line.units} x {amount_text(found.amount)} = " if line.units > 1 else ""
    return Check(
        rule_id=f"{rule_id}.amount",
        outcome=Outcome.MET,
        message=f"Allowed: {each}${amount_text(line.allowed)}.",
        observed=f"{found.schedule}, {found.release}, {place}, {setting}: {found.formula}.",
    )
