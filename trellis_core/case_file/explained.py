"""Why, as a biller reads it: a program's verdict, what is missing, the tree, and its sources.

The tree is drawn, never decided again. Citations are numbers that the notes at the end resolve.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from trellis_core.care.vocabulary import Program
from trellis_core.rules.determination import Determination
from trellis_core.rules.labels import source_kind_label
from trellis_core.rules.sources import RANK, Source, place_in, source_id
from trellis_core.rules.trace import Check, Outcome, ParameterUse

WIDTH: Final = 100
"""Columns of the text form."""

_STEP: Final = 2
_MARKS: Final = {
    Outcome.MET: "+",
    Outcome.NOT_MET: "-",
    Outcome.UNKNOWN: "?",
    Outcome.NOT_APPLICABLE: ".",
}
_LEGEND: Final = "+ met   - not met, or not counted   ? not known   . does not apply"
_VERDICTS: Final = {
    Outcome.MET: "may be billed",
    Outcome.NOT_MET: "may not be billed",
    Outcome.UNKNOWN: "cannot be decided before a fact is known",
    Outcome.NOT_APPLICABLE: "nothing to bill",
}


def wrapped(text: str, indent: int, *, mark: str = "") -> list[str]:
    """Return a sentence in lines of the text form, those after the first under its words."""
    first = " " * indent + (f"{mark} " if mark else "")
    return textwrap.wrap(
        text,
        width=WIDTH,
        initial_indent=first,
        subsequent_indent=" " * (len(first) if mark else indent + _STEP),
        break_long_words=False,
        break_on_hyphens=False,
    )


def explained(determination: Determination) -> list[str]:
    """Return every program's tree and the sources, in lines."""
    if not determination.trace:
        return []
    notes = {source.id: place for place, source in enumerate(determination.sources, start=1)}
    lines = ["", "Why", *wrapped(_LEGEND, _STEP)]
    for program, root in determination.trace:
        lines += ["", *_program(program, root, notes)]
    if determination.sources:
        lines += ["", "Sources, the strongest first"]
        lines += [
            line
            for place, source in enumerate(determination.sources, start=1)
            for line in wrapped(_source_words(source), _STEP, mark=f"[{place}]")
        ]
    return lines


def _program(program: Program, root: Check, notes: Mapping[str, int]) -> Iterable[str]:
    yield from wrapped(f"{program}: {_VERDICTS[root.outcome]}", _STEP)
    yield from wrapped(root.message, 2 * _STEP)
    name = root.rule_id
    missing = [each for each in root.children if each.rule_id.startswith(f"{name}.block.")]
    asked = [each for each in root.children if each.rule_id.startswith(f"{name}.decision.")]
    rest = [each for each in root.children if each not in missing and each not in asked]
    shown: set[ParameterUse] = set()
    for heading, checks in (
        ("What is missing", missing),
        ("A person must decide", asked),
        ("How it was decided", rest),
    ):
        if checks:
            yield ""
            yield from wrapped(heading, 2 * _STEP)
            for check in checks:
                yield from _check(check, notes, shown, 3 * _STEP)


def _check(
    check: Check, notes: Mapping[str, int], shown: set[ParameterUse], indent: int
) -> Iterable[str]:
    """Write a check and everything under it; a value is written where it first decides."""
    cites = _numbers(check.citations, notes)
    is_weak = check.is_guidance_only and bool(check.citations)
    guidance = " Rests on guidance only." if is_weak else ""
    codes = f"{' or '.join(check.codes)}: " if check.reason and check.codes else ""
    yield from wrapped(
        f"{codes}{check.message}{cites}{guidance}", indent, mark=_MARKS[check.outcome]
    )
    under = indent + _STEP
    if check.observed and not any(each.reason for each in (check, *check.children)):
        yield from wrapped(check.observed, under)
    if check.evidence and not _are_named(check):
        yield from wrapped(f"On record as {', '.join(check.evidence)}.", under)
    for use in check.parameters:
        if use not in shown:
            shown.add(use)
            yield from wrapped(_parameter_words(use, notes), under)
    for child in check.children:
        yield from _check(child, notes, shown, under)


def _are_named(check: Check) -> bool:
    """Say whether the sentences of a check and its children name its evidence already."""
    said = check.message + check.observed + "".join(each.message for each in check.children)
    is_repeated = any(set(each.evidence) & set(check.evidence) for each in check.children)
    return is_repeated or all(each in said for each in check.evidence)


def _parameter_words(use: ParameterUse, notes: Mapping[str, int]) -> str:
    what = use.description.rstrip(".") or use.path
    guidance = ", rests on guidance only" if use.is_guidance_only else ""
    return (
        f"{what}: {_value_words(use)}, in force since {use.effective_from.isoformat()}{guidance}."
        f"{_numbers(use.citations, notes)}"
    )


def _value_words(use: ParameterUse) -> str:
    match use.value:
        case bool():
            return "yes" if use.value else "no"
        case tuple():
            return ", ".join(_words(each) for each in use.value)
        case int() | Decimal():
            plural = "" if use.value == 1 else "s"
            return f"{use.value} {use.unit}{plural}" if use.unit else str(use.value)
        case _:
            return _words(use.value)


def _words(text: str) -> str:
    return text.replace("_", " ")


def _numbers(citations: Sequence[str], notes: Mapping[str, int]) -> str:
    """Return citations as the numbers of the notes, with the place where one is named."""
    if not citations:
        return ""
    ranked = sorted(dict.fromkeys(citations), key=lambda each: notes.get(source_id(each), 0))
    named = (f"{notes.get(source_id(each), source_id(each))} {place_in(each)}" for each in ranked)
    return f" [{', '.join(each.strip() for each in named)}]"


def _source_words(source: Source) -> str:
    read = (
        f"read {source.retrieved_on.isoformat()}"
        if source.retrieved_on is not None
        else "cited as others cite it, not itself read"
    )
    return (
        f"{source.title}. {source.publisher}, {source.locator}. Rank {RANK.index(source.kind) + 1} "
        f"of {len(RANK)}, {source_kind_label(source.kind)}; {read}. {source.url}"
    )
