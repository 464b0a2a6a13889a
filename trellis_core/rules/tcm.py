"""Transitional care management: thirty days after a discharge, by steps instead of minutes.

The steps stand in ``tcm_steps.py``; which discharge is billed, and for how much, in
``tcm_claims.py``. The line belongs to the month of the visit; deadlines are listed in every month
that the thirty days touch.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from trellis_core.care.vocabulary import Program
from trellis_core.rules.business_days import in_words
from trellis_core.rules.claims import Block, ProgramResult, payer_may_deny
from trellis_core.rules.clean_time import CleanTime
from trellis_core.rules.determination import StepState
from trellis_core.rules.gates import outcome_of, problem_checks, uses
from trellis_core.rules.month_facts import Problem, ProgramMonth
from trellis_core.rules.reason_texts import citations, title
from trellis_core.rules.reasons import Reason
from trellis_core.rules.tcm_claims import Requests, Taken, decisions, settle, take_steps
from trellis_core.rules.tcm_steps import (
    Step,
    may_touch,
    tcm_rules,
    transition_of,
    undated_problems,
)
from trellis_core.rules.trace import Check, Outcome, all_of, any_of
from trellis_core.values.unknown import UNKNOWN

_SHOWN_STEPS: Final = ("contact", "visit", "medication_reconciliation", "decision_making")


def evaluate(owner: ProgramMonth, _clean: CleanTime) -> ProgramResult:
    """Decide every discharge whose thirty days touch the month."""
    result = ProgramResult(owner=owner, checks=[] if owner.month.explain else None)
    rules = owner.rules.keep("tcm", tcm_rules)
    if rules is None:
        return result
    result.base_codes = (rules.moderate, rules.high)
    all_taken = [
        take_steps(transition_of(discharge, owner, rules))
        for discharge in sorted(
            owner.month.facts.discharges, key=lambda each: (each.discharged_on, each.id)
        )
    ]
    settle(all_taken)
    in_play = [taken for taken in all_taken if taken.transition.touches_month]
    gaps = owner.month.facts.gaps
    undated = [
        each
        for each in (gaps.discharges if gaps is not None else ())
        if may_touch(each, rules, owner.month)
    ]
    asked = [each for one in undated for each in undated_problems(one, rules, owner.month)]
    result.blocks.extend(Block(result.base_codes, each) for each in asked)
    if not in_play and not undated and (owner.is_enrolled or owner.month.entries.get(Program.TCM)):
        result.blocks.append(Block(result.base_codes, Problem(Reason.TCM_FACILITY)))
    for taken in in_play:
        _report(result, taken)
    result.decisions.extend(decisions(all_taken))
    if result.checks is not None:
        _explain(result.checks, in_play)
    result.judge_line = Requests(month=owner.month, all_taken=all_taken, undated=tuple(asked)).judge
    return result


def _report(result: ProgramResult, taken: Taken) -> None:
    """Put one discharge into the program's answer."""
    result.deadlines.append(taken.transition.deadlines)
    result.pending.extend(taken.waiting)
    result.steps.extend(_states(taken))
    for step in taken.steps:
        result.warnings.extend(step.warnings)
    problems = list(taken.problems)
    if taken.rival is not None:
        problems.append(Problem(Reason.TCM_DUPLICATE_30_DAYS))
    codes = _codes_at_stake(taken)
    result.blocks.extend(Block(codes, problem) for problem in problems)
    if problems and taken.is_billed:
        result.warnings.append(Problem(Reason.TCM_RECLAIM))
    claim = taken.proposed
    if claim is not None:
        result.claims.append(claim)
        warned = {each.reason for step in taken.steps for each in step.warnings}
        if Reason.TCM_NURSING_FACILITY in warned:
            payer_may_deny(result, "tcm_nursing_facility", "a nursing-facility destination")


def _states(taken: Taken) -> list[StepState]:
    """Return the steps that a board shows; a visit counts if its practitioner may bill it."""
    by_name = {step.name: step for step in taken.steps}
    is_seen = by_name["visit"].is_done and by_name["practitioner"].is_done
    return [
        StepState(
            discharge=taken.discharge.id,
            step=name,
            due=by_name[name].due,
            is_done=is_seen if name == "visit" else by_name[name].is_done,
        )
        for name in _SHOWN_STEPS
    ]


def _codes_at_stake(taken: Taken) -> tuple[str, ...]:
    rules = taken.transition.rules
    if taken.transition.visit is None or taken.discharge.mdm in {UNKNOWN, None}:
        return rules.moderate, rules.high
    return (taken.code,)


# --- the trace --------------------------------------------------------------------------------


def _explain(checks: list[Check], in_play: Sequence[Taken]) -> None:
    """Add a node for every discharge; where there are several, one of them has to hold."""
    nodes = [_check(taken) for taken in in_play]
    if len(nodes) > 1:
        asks = "At least one discharge may be billed for transitional care."
        checks.append(any_of("tcm.discharges", asks, nodes))
    else:
        checks.extend(nodes)


def _check(taken: Taken) -> Check:
    """Return one discharge's node of the trace with a child for every step."""
    children = [_step_check(taken, step) for step in taken.steps]
    if taken.rival is not None:
        children.append(_rival_check(taken, taken.rival))
    if taken.held_until is not None:
        until = in_words(taken.held_until)
        children.append(
            Check(
                rule_id="tcm.thirty_days",
                outcome=Outcome.UNKNOWN,
                message=f"The practice holds the claim until {until} is over.",
                observed="There is still time.",
            )
        )
    day = in_words(taken.discharge.discharged_on)
    summed = all_of("tcm.discharge", f"Transitional care after the discharge on {day}.", children)
    return Check(
        rule_id=summed.rule_id,
        outcome=summed.outcome,
        message=summed.message,
        observed="; ".join(dict.fromkeys(title(each.reason) for each in taken.problems)),
        evidence=(taken.discharge.id,),
        children=summed.children,
    )


def _step_check(taken: Taken, step: Step) -> Check:
    """A step that is done is met; one that waits is open, not missed."""
    outcome = outcome_of(step.problems)
    if not step.is_applicable:
        outcome = Outcome.NOT_APPLICABLE
    elif not step.is_done and outcome is Outcome.MET:
        outcome = Outcome.UNKNOWN
    return Check(
        rule_id=f"tcm.{step.name}",
        outcome=outcome,
        message=step.asks,
        observed=step.found,
        parameters=uses(taken.transition.owner.rules, step.parameters),
        citations=() if step.bars is None else citations(step.bars, Program.TCM),
        evidence=step.evidence,
        children=problem_checks(map(_in_words, step.problems), Program.TCM),
    )


def _in_words(problem: Problem) -> Problem:
    """Return a problem whose sentence spells its days as a biller reads them."""
    values = {
        name: in_words(value) if isinstance(value, date) else value
        for name, value in problem.values.items()
    }
    return Problem(problem.reason, values, problem.evidence)


def _rival_check(taken: Taken, rival: Taken) -> Check:
    day = in_words(rival.discharge.discharged_on)
    why = "a claim was sent for it" if rival.is_billed else "it is the earlier one"
    return Check(
        rule_id="tcm.other_discharge",
        outcome=Outcome.NOT_MET,
        message="No other discharge within the period goes before this one.",
        observed=f"The discharge on {day} does: {why}.",
        parameters=uses(taken.transition.owner.rules, ("tcm.period.within_days",)),
        evidence=(rival.discharge.id,),
    )
