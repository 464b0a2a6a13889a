"""How a result explains itself: a tree of checks, each with its outcome, parameters and evidence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Outcome(StrEnum):
    """The answer of one check. Unknown means that a fact is missing; it is never "no"."""

    MET = "met"
    NOT_MET = "not-met"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"


@dataclass(frozen=True, slots=True)
class ParameterUse:
    """A parameter's value as it stood on the date of service.

    Attributes:
        unit: What is counted: ``minute``, ``hcpcs`` and so on.
        description: What it is, in words.
        is_guidance_only: Whether nothing but explanatory guidance stands behind it.
    """

    path: str
    value: int | Decimal | str | bool | tuple[str, ...]
    effective_from: date
    citations: tuple[str, ...]
    unit: str = ""
    description: str = ""
    is_guidance_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One requirement's result.

    Attributes:
        rule_id: For example ``ccm.clinical_staff.initial.time``; a problem's is its reason code.
        message: A sentence for the biller.
        observed: What was found, in words.
        reason: The reason code, where the check is a problem or a block.
        codes: Codes that a line bills or a block names.
        parameters: The rule-book values that decided.
        citations: Documents behind it, apart from those of its parameters.
        is_guidance_only: Whether all that is cited explains rules without making them.
        evidence: Ids of entries and records, never names.
        children: The checks under it; kept also after the verdict is clear.
    """

    rule_id: str
    outcome: Outcome
    message: str
    observed: str = ""
    reason: str = ""
    codes: tuple[str, ...] = ()
    parameters: tuple[ParameterUse, ...] = ()
    citations: tuple[str, ...] = ()
    is_guidance_only: bool = False
    evidence: tuple[str, ...] = ()
    children: tuple["Check", ...] = ()


def all_of(rule_id: str, message: str, children: Sequence[Check]) -> Check:
    """Combine checks that must all hold: one not met decides, else one unknown leaves it open."""
    outcomes = {child.outcome for child in children}
    if Outcome.NOT_MET in outcomes:
        outcome = Outcome.NOT_MET
    elif Outcome.UNKNOWN in outcomes:
        outcome = Outcome.UNKNOWN
    else:
        outcome = Outcome.MET
    return Check(rule_id=rule_id, outcome=outcome, message=message, children=tuple(children))


def any_of(rule_id: str, message: str, children: Sequence[Check]) -> Check:
    """Combine checks of which one must hold: one met decides, else one unknown leaves it open."""
    outcomes = {child.outcome for child in children}
    if Outcome.MET in outcomes:
        outcome = Outcome.MET
    elif Outcome.UNKNOWN in outcomes:
        outcome = Outcome.UNKNOWN
    else:
        outcome = Outcome.NOT_MET
    return Check(rule_id=rule_id, outcome=outcome, message=message, children=tuple(children))


def flattened(check: Check) -> Iterator[Check]:
    """Yield a check and everything under it, from the top."""
    yield check
    for child in check.children:
        yield from flattened(child)


def cited(check: Check) -> tuple[str, ...]:
    """Return every citation of a check itself and of its parameters, each once."""
    return tuple(
        dict.fromkeys((*check.citations, *(c for use in check.parameters for c in use.citations)))
    )
