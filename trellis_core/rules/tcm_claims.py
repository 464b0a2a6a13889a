"""One discharge in thirty days is billed: which one, and what may be claimed for it.

Every discharge has taken its steps by then. Of two unbilled ones the earlier goes first and a
person decides; a claim that was sent goes before both. A claim to be judged may name either.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from trellis_core.care.records import Discharge, DischargeVisit
from trellis_core.care.vocabulary import Program
from trellis_core.rules.claims import Claim
from trellis_core.rules.dated_rules import rules_on
from trellis_core.rules.determination import DecisionNeeded, Pending
from trellis_core.rules.facts import RequestedLine
from trellis_core.rules.month_facts import MonthFacts, Problem
from trellis_core.rules.reasons import Reason
from trellis_core.rules.tcm_steps import Step, Transition, may_report, no_timely_visit, steps_of
from trellis_core.values.unknown import UNKNOWN

CHECK_IDS: Final = (
    "tcm.discharge",
    "tcm.practitioner",
    "tcm.contact",
    "tcm.visit",
    "tcm.medication_reconciliation",
    "tcm.decision_making",
)
_THIRTY_DAYS: Final = "thirty_days"


@dataclass(slots=True, kw_only=True)
class Taken:
    """A discharge that has taken its steps.

    Attributes:
        held_until: The last day of the period, where the practice holds the claim until then.
        rival: Another discharge within thirty days that goes before this one.
    """

    transition: Transition
    steps: tuple[Step, ...]
    held_until: date | None = None
    rival: "Taken | None" = None

    @property
    def discharge(self) -> Discharge:
        """The discharge."""
        return self.transition.discharge

    @property
    def is_billed(self) -> bool:
        """Whether a claim has been sent for it."""
        return self.discharge.billed_on is not None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What bars it by itself, all of it; other discharges apart."""
        return tuple(problem for step in self.steps for problem in step.problems)

    @property
    def waiting(self) -> tuple[Pending, ...]:
        """Steps whose last day is still ahead, where they can still lead to a claim."""
        if any(problem.reason is Reason.DECEASED for problem in self.problems):
            return ()
        if self.rival is not None and self.rival.is_billed:
            return ()
        waits = [
            (step.name, step.waits_until) for step in self.steps if step.waits_until is not None
        ]
        if self.held_until is not None and self.rival is None:
            waits.append((_THIRTY_DAYS, self.held_until))
        return tuple(
            Pending(program=Program.TCM, discharge=self.discharge.id, step=name, by=day)
            for name, day in waits
        )

    @property
    def code(self) -> str:
        """The code that decision making and the day of the visit come to."""
        taken = self.transition
        rules = taken.rules
        return rules.high if taken.is_high and taken.is_early else rules.moderate

    @property
    def claim(self) -> Claim | None:
        """Its claim in the month of the visit, once every step is done; other discharges apart."""
        taken, visit = self.transition, self.transition.visit
        if visit is None or visit.by is UNKNOWN or self.held_until is not None:
            return None
        if not all(step.is_done for step in self.steps):
            return None
        month = taken.month
        if not month.first_day <= visit.on <= month.last_day:
            return None
        return claim_for(self, self.code, by=visit.by, on=visit.on)

    @property
    def proposed(self) -> Claim | None:
        """Its claim, where no other discharge within thirty days goes before it."""
        return self.claim if self.rival is None else None


def claim_for(taken: Taken, code: str, *, by: str, on: date) -> Claim | None:
    """Return a claim of one of the two codes; None where it is not in force on the day."""
    transition = taken.transition
    is_high = code == transition.rules.high
    element = f"tcm.{'high' if is_high else 'moderate'}_complexity.initial"
    if rules_on(transition.month.rule_book, on).code(f"{element}.hcpcs") != code:
        return None
    return Claim(
        program=Program.TCM,
        code=code,
        units=1,
        element=element,
        by=by,
        fixed_on=on,
        discharge=taken.discharge.id,
        checks=CHECK_IDS,
    )


def take_steps(transition: Transition) -> Taken:
    """Take every step, and hold the claim back where the practice waits for the thirty days."""
    taken = Taken(transition=transition, steps=steps_of(transition))
    last_day = transition.deadlines.last_day
    month = transition.month
    is_held = month.facts.practice.tcm_hold_until_day_30 and month.is_ahead(last_day)
    if is_held and all(step.is_done for step in taken.steps):
        taken.held_until = last_day
    return taken


def settle(all_taken: Sequence[Taken]) -> None:
    """Find for every discharge the one within thirty days that goes before it, if any does.

    A claim that was sent goes first, then the earlier discharge; one that is barred by itself
    stands in nobody's way unless it was billed. One that only lacks a fact may yet be billed.
    """
    standing: list[Taken] = []
    for taken in sorted(all_taken, key=_first_claimed):
        taken.rival = next((one for one in standing if _are_near(one, taken)), None)
        is_barred = any(not each.is_unknown for each in taken.problems)
        if taken.rival is None and (taken.is_billed or not is_barred):
            standing.append(taken)


def _first_claimed(taken: Taken) -> tuple[bool, date, date, str]:
    billed_on = taken.discharge.billed_on
    day = taken.discharge.discharged_on
    return billed_on is None, billed_on or day, day, taken.discharge.id


def _are_near(one: Taken, other: Taken) -> bool:
    return one.transition.is_near(other.transition)


def decisions(all_taken: Sequence[Taken]) -> Iterable[DecisionNeeded]:
    """Yield what only a person may decide: which of the unbilled discharges is billed."""
    for first in all_taken:
        others = [one for one in all_taken if one.rival is first and not one.problems]
        if not others or first.is_billed:
            continue
        group = [first, *others]
        if any(taken.transition.touches_month for taken in group):
            yield DecisionNeeded(
                program=Program.TCM,
                question="discharge",
                options=tuple(taken.discharge.id for taken in group),
            )


# --- a claim to be judged ---------------------------------------------------------------------

_MISSING: Final = {
    "contact": Reason.TCM_CONTACT,
    "medication_reconciliation": Reason.TCM_MEDICATION_RECONCILIATION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Answers a claim line as it is asked, for the discharge that bears it.

    A line means the discharge whose visit it names by day and practitioner; without these, the one
    that Trellis proposes, else the first that bears it.

    Attributes:
        all_taken: Every discharge on record.
        undated: What bars those whose day is not known.
    """

    month: MonthFacts
    all_taken: Sequence[Taken]
    undated: tuple[Problem, ...] = ()

    def judge(self, line: RequestedLine) -> tuple[list[Claim], list[Problem]]:
        """Return what may be billed of a line, and why the rest may not."""
        chosen = self._bearing(line)
        if not chosen:
            return [], self._barred(line)
        claims: list[Claim] = []
        problems: list[Problem] = []
        for taken, claim in chosen:
            if any(_goes_before(one, taken) for one in self._asked_for()):
                problems.append(Problem(Reason.TCM_DUPLICATE_30_DAYS))
            else:
                claims.append(claim)
        if line.units is not None and line.units > len(chosen):
            problems.append(Problem(Reason.ONCE_PER_PRACTITIONER, {"code": line.code}))
        return claims, problems

    def _bearing(self, line: RequestedLine) -> list[tuple[Taken, Claim]]:
        """Return the discharges that bear a line: all that earned the code, else the first."""
        able = [
            (taken, claim)
            for taken in sorted(self._in_play(), key=lambda one: _preference(one, line))
            if (visit := taken.transition.visit) is not None
            and visit.by is not UNKNOWN
            and not _problems_of(taken, line)
            and (claim := claim_for(taken, line.code, by=visit.by, on=visit.on)) is not None
        ]
        earned = [each for each in able if _earned(each[0], line)]
        return earned[: line.units] or able[:1]

    def _in_play(self) -> list[Taken]:
        return [taken for taken in self.all_taken if taken.transition.touches_month]

    def _asked_for(self) -> list[Taken]:
        lines = self.month.facts.requested or ()
        return [taken for line in lines for taken, _ in self._bearing(line)]

    def _barred(self, line: RequestedLine) -> list[Problem]:
        """Return what bars a line that no discharge bears, for the discharge that it means."""
        meant = min(self._in_play(), key=lambda one: _preference(one, line), default=None)
        if meant is None:
            return [*self.undated] or [Problem(Reason.TCM_FACILITY)]
        return _problems_of(meant, line)


def _goes_before(one: Taken, other: Taken) -> bool:
    return _are_near(one, other) and _rank(one) < _rank(other)


def _rank(taken: Taken) -> tuple[bool, date, str]:
    return taken.proposed is None, taken.discharge.discharged_on, taken.discharge.id


def _preference(taken: Taken, line: RequestedLine) -> tuple[object, ...]:
    visit = taken.transition.visit
    is_other_day = line.date_of_service is not None and (
        visit is None or visit.on != line.date_of_service
    )
    is_other_person = line.by is not None and (visit is None or visit.by != line.by)
    proposed = taken.proposed
    is_other_code = proposed is None or proposed.code != line.code
    return is_other_day, is_other_person, is_other_code, *_rank(taken)


def _earned(taken: Taken, line: RequestedLine) -> bool:
    proposed = taken.proposed
    return proposed is not None and proposed.code == line.code


def _problems_of(taken: Taken, line: RequestedLine) -> list[Problem]:
    """Find everything that keeps a line from being billed for one discharge."""
    found = list(taken.problems)
    if taken.rival is not None and taken.rival.is_billed:
        found.append(Problem(Reason.TCM_DUPLICATE_30_DAYS))
    found.extend(_not_done_yet(taken))
    visit = taken.transition.visit
    if visit is not None:
        found.extend(_other_person(taken.transition, visit, line))
        found.extend(_other_day(taken.transition, visit, line))
        if line.code == taken.transition.rules.high:
            found.extend(_less_than_high(taken.transition))
    return [each for place, each in enumerate(found) if each not in found[:place]]


def _not_done_yet(taken: Taken) -> Iterable[Problem]:
    """What still waits for its day cannot be claimed before that."""
    for step in taken.steps:
        if step.waits_until is not None:
            if step.name in _MISSING:
                yield Problem(_MISSING[step.name], {"day": step.waits_until})
            else:
                yield no_timely_visit(taken.transition, through=step.waits_until)
    if taken.held_until is not None:
        yield Problem(Reason.DATE_OF_SERVICE_TOO_EARLY)


def _other_person(
    transition: Transition, visit: DischargeVisit, line: RequestedLine
) -> Iterable[Problem]:
    """The line is the claim of who saw the patient; nobody else's visit is on record."""
    if line.by is None or visit.by is UNKNOWN or visit.by == line.by:
        return
    barred = list(may_report(transition, line.by))
    yield from barred or [
        no_timely_visit(transition, through=transition.deadlines.moderate_visit_by)
    ]


def _other_day(
    transition: Transition, visit: DischargeVisit, line: RequestedLine
) -> Iterable[Problem]:
    """The date of service is the day of the visit, which lies in the month that is judged."""
    month, on = transition.month, line.date_of_service or visit.on
    if on < visit.on:
        yield Problem(Reason.DATE_OF_SERVICE_TOO_EARLY, {"day": visit.on})
    elif not month.first_day <= on <= month.last_day:
        yield Problem(Reason.OUTSIDE_MONTH, {"day": on})
    elif on != visit.on:
        yield no_timely_visit(transition, since=on, through=on)


def _less_than_high(transition: Transition) -> Iterable[Problem]:
    if not transition.is_high:
        yield Problem(Reason.TCM_MDM, {"needed": "high"})
    if not transition.is_early:
        yield no_timely_visit(transition, through=transition.deadlines.high_visit_by)
