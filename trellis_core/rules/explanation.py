"""The tree of every program: its lines, what blocks it, what was asked of it, and its time.

Asked only where somebody wants to know why. Nothing is decided here: a tree repeats what was
decided with the records, values and documents behind it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from trellis_core.care.vocabulary import Program
from trellis_core.rules.claims import Claim, ProgramResult
from trellis_core.rules.clean_time import seconds_by_entry
from trellis_core.rules.determination import Blocked, DecisionNeeded, Pending, ServiceLine
from trellis_core.rules.gates import uses
from trellis_core.rules.labels import program_label
from trellis_core.rules.line_checks import duration, line_check
from trellis_core.rules.month_facts import UNKNOWN_PREFIX, MonthFacts, Problem
from trellis_core.rules.on_record import with_records
from trellis_core.rules.reason_texts import citations, question, sentence, title
from trellis_core.rules.reasons import Reason
from trellis_core.rules.sources import RANK, Source, by_authority, rests_on_guidance_only, source_of
from trellis_core.rules.trace import Check, Outcome, all_of, cited, flattened

Lost = tuple[str, int, Reason]

_BY_TABLE: Final[Mapping[Reason, str]] = {
    Reason.ESRD_SAME_MONTH: "common.esrd_monthly.hcpcs",
    Reason.CARE_PLAN_OVERSIGHT_SAME_MONTH: "common.care_plan_oversight.hcpcs",
}
"""Conflicts with services that a list of the rule book names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a determination came to, as its trees need it.

    Attributes:
        others: What was decided for the billing practitioners that a claim to judge names.
        lines: Every line with the claim that it stands on.
        blocked: Every block with the problem behind it.
        lost: Entry id, seconds and reason of all time that does not count.
    """

    month: MonthFacts
    results: Mapping[Program, ProgramResult]
    others: Mapping[str | None, Mapping[Program, ProgramResult]]
    lines: Sequence[tuple[Claim, ServiceLine]]
    blocked: Sequence[tuple[Blocked, Problem]]
    lost: Sequence[Lost]
    decisions: Sequence[DecisionNeeded]
    pending: Sequence[Pending]


def trees(decided: Decided, *, is_brief: bool = False) -> tuple[tuple[Program, Check], ...]:
    """Return one tree for every program that was decided, billed or blocked.

    Args:
        decided: What was decided.
        is_brief: Neither name the records behind a check nor put its citations in order.
    """
    programs = dict.fromkeys(
        (
            *decided.results,
            *(line.program for _, line in decided.lines),
            *(block.program for block, _ in decided.blocked),
        )
    )
    if is_brief:
        return tuple((program, _tree(program, decided, is_brief=True)) for program in programs)
    return tuple((program, _weighed(_tree(program, decided), decided)) for program in programs)


def documents(
    found: Iterable[tuple[Program, Check]], sources: Mapping[str, Source]
) -> tuple[Source, ...]:
    """Return the documents that trees cite, the strongest first, each once."""
    named = {
        source_of(citation, sources).id: source_of(citation, sources)
        for _, root in found
        for check in flattened(root)
        for citation in cited(check)
    }
    return tuple(sorted(named.values(), key=lambda each: (RANK.index(each.kind), each.id)))


def _weighed(check: Check, decided: Decided) -> Check:
    """Return a tree whose citations begin with the strongest and which says what is guidance only."""
    sources = decided.month.rule_book.sources
    return replace(
        check,
        citations=by_authority(check.citations, sources),
        is_guidance_only=rests_on_guidance_only(cited(check), sources),
        children=tuple(_weighed(child, decided) for child in check.children),
    )


def _tree(program: Program, decided: Decided, *, is_brief: bool = False) -> Check:
    name = program.value.lower()
    result = decided.results.get(program)
    lines = tuple(
        line_check(
            decided.month,
            claim,
            line,
            owner=result.owner if result is not None else None,
            beside={each.code for _, each in decided.lines},
        )
        for claim, line in decided.lines
        if line.program is program
    )
    blocks = tuple(
        _block_check(decided, block, problem, name)
        for block, problem in decided.blocked
        if block.program is program
    )
    questions = tuple(
        _question_check(each, name) for each in decided.decisions if each.program is program
    )
    shown = {check.rule_id for line in lines for check in flattened(line)}
    asked: tuple[Check, ...] = ()
    if result is not None and result.checks:
        asked = tuple(
            check if is_brief else with_records(check, result.owner)
            for check in result.checks
            if check.rule_id not in shown
        )
    return Check(
        rule_id=name,
        outcome=_verdict(lines, blocks),
        message=_summary(program, decided),
        children=(
            *lines,
            *blocks,
            *questions,
            *asked,
            *_asked_of_others(program, decided, name),
            *_time(program, decided, name),
        ),
    )


def _asked_of_others(program: Program, decided: Decided, name: str) -> Iterator[Check]:
    """Yield what was asked of a billing practitioner whom only the claim names."""
    own = decided.results.get(program)
    for by, results in decided.others.items():
        result = results.get(program)
        if by is None or result is None or not result.checks:
            continue
        if own is not None and own.owner.biller_id == by:
            continue
        checks = [with_records(check, result.owner) for check in result.checks]
        message = f"The same for {by}, whom the claim names as billing practitioner."
        yield replace(all_of(f"{name}.by.{by}", message, checks), evidence=(by,))


def _verdict(lines: Sequence[Check], blocks: Sequence[Check]) -> Outcome:
    """A program with a line is met; without one, what blocks it says whether a fact is missing."""
    if lines:
        return Outcome.MET
    if not blocks:
        return Outcome.NOT_APPLICABLE
    is_open = all(block.outcome is Outcome.UNKNOWN for block in blocks)
    return Outcome.UNKNOWN if is_open else Outcome.NOT_MET


def _summary(program: Program, decided: Decided) -> str:
    """Return the one sentence of a program's month."""
    mine = [line for _, line in decided.lines if line.program is program]
    blocked: dict[tuple[str, ...], list[str]] = {}
    for block, _ in decided.blocked:
        if block.program is program:
            listed = blocked.setdefault(block.codes, [])
            listed.extend(t for t in (title(block.reason),) if t not in listed)
    said = []
    if mine:
        listed = [f"{line.units} x {line.code}" for line in mine]
        said.append(f"{_joined(listed)} may be billed")
    billed = {line.code for line in mine}
    for codes, titles in blocked.items():
        named = _named(codes, billed) or "nothing"
        said.append(f"{named} may not be billed ({', '.join(titles)})")
    if not said:
        said.append(_otherwise(program, decided))
    return f"{program_label(program)}: {'; '.join(said)}."


def _otherwise(program: Program, decided: Decided) -> str:
    """Say why a program has neither a line nor a block."""
    stands_in = f"{Program.APCM.value}.{program.value}".lower()
    codes = [line.code for claim, line in decided.lines if claim.element.startswith(stands_in)]
    if codes:
        return f"nothing of its own is billed; {_joined(codes)} stands for it"
    ahead = [each for each in decided.pending if each.program is program]
    return _waiting(ahead) if ahead else "nothing is billed this month"


def _waiting(ahead: Sequence[Pending]) -> str:
    steps = (f"{each.step.replace('_', ' ')} by {each.by}" for each in ahead)
    return f"not decided yet, still to come {_joined(list(dict.fromkeys(steps)))}"


def _named(codes: Sequence[str], billed: Collection[str]) -> str:
    """Name blocked codes; of one that is billed in part, what was asked beyond it."""
    return _joined([f"more of {code}" if code in billed else code for code in codes], "or")


def _joined(words: Sequence[str], last: str = "and") -> str:
    if len(words) <= 1:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _block_check(decided: Decided, block: Blocked, problem: Problem, name: str) -> Check:
    """Return the node of one block; a conflict names both services and which of them stands."""
    conflict = _conflict(decided, problem, block.program)
    is_unknown = block.reason.startswith(UNKNOWN_PREFIX)
    billed = {line.code for _, line in decided.lines if line.program is block.program}
    codes = _named(block.codes, billed)
    return Check(
        rule_id=f"{name}.block.{block.reason.value}",
        outcome=Outcome.UNKNOWN if is_unknown else Outcome.NOT_MET,
        message=block.message,
        observed=f"{title(block.reason)}: {codes} may not be billed." if codes else "",
        reason=block.reason.value,
        codes=block.codes,
        citations=block.citations,
        evidence=problem.evidence,
        children=(conflict,) if conflict is not None else (),
    )


def _conflict(decided: Decided, problem: Problem, program: Program) -> Check | None:
    month = decided.month
    code, other = problem.values.get("code"), problem.values.get("other")
    parameters: tuple[str, ...] = ()
    words = f"{other} stands beside {code}."
    if problem.reason in _BY_TABLE:
        parameters = (_BY_TABLE[problem.reason],)
        listed = month.rules.texts(parameters[0])
        found = [
            f"{each.code} of {each.on}"
            for each in month.facts.other_services
            if each.code in listed and month.first_day <= each.on <= month.last_day
        ]
        words = f"Reported: {', '.join(found)}."
    elif problem.reason is Reason.BILLED_BY_OTHER_PRACTITIONER:
        words = f"{code or 'The program'} is reported by another practitioner, whose claim stands."
    elif code is None or other is None:
        return None
    else:
        words = f"The pair is {code} and {other}; {other} stands, so {code} gives way."
    return Check(
        rule_id=f"{program.value.lower()}.concurrency",
        outcome=Outcome.NOT_MET,
        message=words,
        observed=sentence(problem.reason),
        parameters=uses(month.rules, parameters),
        citations=citations(problem.reason, program),
    )


def _question_check(decision: DecisionNeeded, name: str) -> Check:
    return Check(
        rule_id=f"{name}.decision.{decision.question}",
        outcome=Outcome.UNKNOWN,
        message=question(decision.question, decision.options),
        observed="A person of the practice must decide before a superbill is issued.",
    )


def _time(program: Program, decided: Decided, name: str) -> Iterator[Check]:
    """Yield a program's time: what was logged, what counts, and what does not, reason by reason."""
    entries = decided.month.entries.get(program, ())
    logged = {entry.id: entry.seconds for entry in entries}
    lent = _lent(program, decided, set(logged))
    if not logged and not lent:
        return
    by_reason: dict[Reason, dict[str, int]] = {}
    left = dict(logged)
    for entry, seconds, reason in decided.lost:
        if entry in left:
            mine = by_reason.setdefault(reason, {})
            mine[entry] = mine.get(entry, 0) + seconds
            left[entry] -= seconds
    counts = {entry: seconds for entry, seconds in left.items() if seconds}
    total, whole = sum(counts.values()), sum(logged.values())
    yield Check(
        rule_id=f"{name}.time",
        outcome=Outcome.MET,
        message=f"{duration(whole)} logged: {duration(total)} count, "
        f"{duration(whole - total)} do not."
        if by_reason
        else f"{duration(whole)} logged; all of it counts.",
        evidence=tuple(logged),
        children=(
            _part(f"{name}.time.counted", Outcome.MET, "Counted", counts),
            *(
                replace(
                    _part(f"{name}.time.{reason.value}", Outcome.NOT_MET, title(reason), seconds),
                    reason=reason.value,
                    observed=sentence(reason),
                    citations=citations(reason, program),
                )
                for reason, seconds in by_reason.items()
            ),
            *lent,
        ),
    )


def _part(rule_id: str, outcome: Outcome, words: str, seconds: Mapping[str, int]) -> Check:
    listed = ", ".join(f"{entry} {duration(each)}" for entry, each in seconds.items())
    total = duration(sum(seconds.values()))
    return Check(
        rule_id=rule_id,
        outcome=outcome,
        message=f"{words}: {total}" + (f" ({listed})." if listed else "."),
        evidence=tuple(seconds),
    )


def _lent(program: Program, decided: Decided, own: set[str]) -> tuple[Check, ...]:
    """Return the time of another program that a program's claims stand on."""
    result = decided.results.get(program)
    claim = next(iter(result.claims), None) if result is not None else None
    if claim is None or claim.ladder is None:
        return ()
    seconds = seconds_by_entry(span for span in claim.spans if span.entry not in own)
    if not seconds:
        return ()
    rule_id = f"{program.value.lower()}.time.other_program"
    return (_part(rule_id, Outcome.MET, "Counted here from another program's entries", seconds),)
