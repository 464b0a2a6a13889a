"""Several enrollments in one program of one month: which of them the month is decided for.

Only one practitioner bills chronic or advanced primary care in a month. Enrollments are asked in a
stated order, the case's practitioner first, then by start; the first that earns a code is
proposed, and another that earned one is named.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from trellis_core.care.records import Enrollment
from trellis_core.care.vocabulary import Program
from trellis_core.rules.claims import Block, ProgramResult, alternative
from trellis_core.rules.clean_time import CleanTime
from trellis_core.rules.month_facts import MonthFacts, Problem, covers, program_month
from trellis_core.rules.reasons import Reason
from trellis_core.values.unknown import UNKNOWN

Results = dict[Program, ProgramResult]
Rivals = Mapping[Program, Sequence[Enrollment]]
Decide = Callable[[Mapping[Program, Enrollment]], tuple[Results, CleanTime]]

ONE_A_MONTH: Final = frozenset({Program.CCM, Program.APCM})
"""Programs that one practitioner bills for a patient and month."""


def rivals_of(month: MonthFacts) -> Rivals:
    """Return the enrollments of every program of the month that has more than one."""
    enrollments = month.facts.enrollments
    if enrollments is UNKNOWN or len({each.program for each in enrollments}) == len(enrollments):
        return {}
    groups = {program: _groups(month, enrollments, program) for program in Program}
    return {program: group for program, group in groups.items() if len(group) > 1}


def _groups(
    month: MonthFacts, enrollments: Iterable[Enrollment], program: Program
) -> list[Enrollment]:
    """Return one enrollment of the month per practitioner and condition, in the stated order."""
    mine = [
        each
        for each in enrollments
        if each.program is program and covers(each, month.first_day, month.last_day)
    ]
    if len(mine) <= 1:
        return mine
    found: list[Enrollment] = []
    taken: set[tuple[object, object]] = set()
    preferred = program_month(month, program).enrollment
    for each in sorted(mine, key=lambda each: (each is not preferred, _start(each))):
        key = (each.billing_practitioner, each.condition)
        if key not in taken:
            taken.add(key)
            found.append(each)
    return found


def _start(enrollment: Enrollment) -> date:
    return date.min if enrollment.started_on is UNKNOWN else enrollment.started_on


def settle_rivals(
    rivals: Rivals, results: Results, clean: CleanTime, decide: Decide
) -> tuple[Results, CleanTime]:
    """Decide the month for one enrollment of each program, and name the others that earned a code."""
    chosen: dict[Program, Enrollment] = {}
    for program, groups in rivals.items():
        tried = [(each, decide({**chosen, program: each})) for each in groups]
        earning = [each for each in tried if _earns(each[1][0].get(program))]
        if not earning:
            continue
        enrollment, (results, clean) = earning[0]
        chosen[program] = enrollment
        for _, (other, _) in earning[1:]:
            _name(results[program], other[program])
    return results, clean


def _earns(result: ProgramResult | None) -> bool:
    return result is not None and result.is_open and bool(result.claims)


def _name(stands: ProgramResult, rival: ProgramResult) -> None:
    """Name a second enrollment that earned a code of its own."""
    bases = tuple(claim.code for claim in rival.claims if not claim.is_additional)
    if stands.owner.biller_id == rival.owner.biller_id:
        if stands.owner.condition != rival.owner.condition:
            problem = Problem(Reason.ONCE_PER_PRACTITIONER, {"code": bases[0]})
            stands.blocks.append(Block(bases, problem))
        return
    if stands.program in ONE_A_MONTH:
        stands.blocks.append(Block(bases, Problem(Reason.BILLED_BY_OTHER_PRACTITIONER)))
        return
    why = "Another practitioner's enrollment earned this; ask for it by that practitioner."
    stands.alternatives.append(alternative(stands.program, rival.claims, why))
