"""A tree of checks as nested sentences: each with its outcome, values, since when, and sources."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from pages.shared import formats, rule_text
from trellis_core.rules.sources import Source
from trellis_core.rules.trace import Check, Outcome, ParameterUse
from trellis_core.superbill.rule_values import value_words

MARKS: Final = {
    Outcome.MET: ":green[:material/check:]",
    Outcome.NOT_MET: ":red[:material/close:] **Not met:**",
    Outcome.UNKNOWN: ":orange[:material/help:] **Not recorded:**",
    Outcome.NOT_APPLICABLE: ":gray[:material/remove:] Not asked for:",
}
_DAY: Final = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_MOST_SHOWN: Final = 80


_DIFFERS: Final = " :blue-badge[differs]"


def written(
    check: Check,
    sources: Mapping[str, Source],
    names: Mapping[str, str],
    *,
    beside: Check | None = None,
) -> str:
    """Write a check and everything under it as one Markdown list.

    Args:
        check: The tree.
        sources: The documents that its citations name.
        names: What to write for the ids of entries and people.
        beside: Another tree of the same program: what it does not say alike is marked.
    """
    alike = None if beside is None else set(_heads(beside, names))
    return "\n".join(_lines(check, sources, names, alike, 0))


def _heads(check: Check, names: Mapping[str, str]) -> Iterator[str]:
    """Yield what a tree says, check by check, values and sources apart."""
    yield _head(check, names)
    for child in check.children:
        yield from _heads(child, names)


def _head(check: Check, names: Mapping[str, str]) -> str:
    seen = f" :small[{formats.plain(said(check.observed, names))}]" if check.observed else ""
    return f"{MARKS[check.outcome]} {formats.plain(said(check.message, names))}{seen}"


def said(text: str, names: Mapping[str, str]) -> str:
    """Write a sentence of the rules as a person reads it: no raw id, days in words.

    Example:
        >>> said("e-1 met 2026-11-07", {"e-1": "the entry"})
        'the entry met Nov 7, 2026'
    """
    for raw, name in names.items():
        if raw in text:
            text = re.sub(rf"(?<![\w-]){re.escape(raw)}(?![\w-])", name, text)
    return _DAY.sub(lambda found: formats.day(date.fromisoformat(found[0])), text)


def _lines(
    check: Check,
    sources: Mapping[str, Source],
    names: Mapping[str, str],
    alike: set[str] | None,
    depth: int,
) -> list[str]:
    indent = "  " * depth
    head = _head(check, names)
    mark = _DIFFERS if alike is not None and head not in alike else ""
    under = [f"{indent}  {_use(use, sources)}" for use in check.parameters]
    if check.citations:
        under.append(f"{indent}  {rule_text.sources_words(check.citations, sources)}")
    lines = ["  \n".join([f"{indent}- {head}{mark}", *under])]
    for child in check.children:
        lines.extend(_lines(child, sources, names, alike, depth + 1))
    return lines


def _use(use: ParameterUse, sources: Mapping[str, Source]) -> str:
    value = value_words(use.value, use.unit)
    if len(value) > _MOST_SHOWN:
        value = f"{value[:_MOST_SHOWN].rpartition(',')[0]}, and more"
    what = formats.plain(use.description.rstrip(".") or use.path)
    since = formats.day(use.effective_from)
    return (
        f":small[{what}: **{formats.plain(value)}**, since {since}.] "
        f"{rule_text.sources_words(use.citations, sources)}"
    )
