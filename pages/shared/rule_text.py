"""The rule book in plain words: a value with its unit, a citation as a link, a rule as a row."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from pages.shared import formats
from trellis_core.care.vocabulary import Program
from trellis_core.rules.rulebook import Parameter, RuleBook
from trellis_core.rules.sources import (
    RANK,
    Source,
    SourceKind,
    by_authority,
    place_in,
    rests_on_guidance_only,
    source_id,
)
from trellis_core.superbill.rule_values import value_words
from trellis_core.values.periods import same_day_earlier_year

KINDS: Final = {
    SourceKind.STATUTE: "statute",
    SourceKind.CFR: "regulation (CFR)",
    SourceKind.FEDERAL_REGISTER: "Federal Register",
    SourceKind.CMS_MANUAL: "CMS manual",
    SourceKind.TRANSMITTAL: "CMS transmittal",
    SourceKind.NCCI: "NCCI edits",
    SourceKind.MLN: "CMS booklet",
    SourceKind.FAQ: "CMS FAQ",
    SourceKind.AMA_CPT: "CPT guidance",
}

GUIDANCE_ONLY: Final = ":orange-badge[guidance only]"
"""Marks a value behind which stands no rule, only explanatory guidance."""
COMMON: Final = "common"
"""The chapter of what all programs share."""
NOT_READ: Final = "\u00a0†"
_UNCONFIRMED: Final = "First day not confirmed in what was read."
_PROGRAMS: Final = frozenset(program.value.lower() for program in Program)
_NO_BREAK: Final = "\u00a0"
_UNBROKEN: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """One parameter as it stands on a day.

    Attributes:
        element: The part of its path that groups it.
        value: In words; empty where it has none on the day.
        state: ``in force``, ``not yet`` or ``ended``.
    """

    path: str
    element: str
    description: str
    value: str
    since: date | None
    citations: tuple[str, ...]
    note: str
    state: str


def chapters(rule_book: RuleBook) -> dict[str, str]:
    """Return the chapters with their titles: the programs, then what they share.

    Example:
        >>> from trellis_core.rules.rulebook import load_rule_book
        >>> next(iter(chapters(load_rule_book()).items()))
        ('ccm', 'CCM')
    """
    found = {chapter_of(path) for path in rule_book.parameters}
    programs = {program.value.lower(): program.value for program in Program}
    return {
        name: title
        for name, title in (programs | {COMMON: "All programs"}).items()
        if name in found
    }


def chapter_of(path: str) -> str:
    """Return the chapter of a parameter: its program, or what all programs share.

    Example:
        >>> chapter_of("ccm.conditions.initial.count_min"), chapter_of("credentials.earning_time.licensed")
        ('ccm', 'common')
    """
    first = path.partition(".")[0]
    return first if first in _PROGRAMS else COMMON


def rows_on(rule_book: RuleBook, prefix: str, on: date) -> tuple[RuleRow, ...]:
    """Return every parameter of a chapter, as it stands on a day."""
    return tuple(
        _row(parameter, on)
        for path, parameter in rule_book.parameters.items()
        if chapter_of(path) == prefix
    )


def matching(rows: Iterable[RuleRow], text: str, sources: Mapping[str, Source]) -> list[RuleRow]:
    """Return the rows whose words, value, path or sources hold every word of a search."""
    wanted = text.lower().split()

    def words_of(row: RuleRow) -> str:
        titles = [sources[source_id(each)].title for each in row.citations]
        return " ".join((row.path, row.description, row.value, row.note, *titles)).lower()

    return [row for row in rows if all(word in words_of(row) for word in wanted)]


def element_title(element: str) -> str:
    """Write a group's heading.

    Example:
        >>> element_title("clinical_staff.initial")
        'Clinical staff, initial'
    """
    return formats.words(element.replace(".", ", ")) if element else "General"


def table_of(rows: Sequence[RuleRow], sources: Mapping[str, Source]) -> str:
    """Write rules as a Markdown table: rule, value, since, sources."""
    lines = ["| Rule | Value | Since | Source |", "|:--|:--|:--|:--|"]
    for row in rows:
        kept = note_words(row.note)
        note = f". *{_cell(kept)}*" if kept else ""
        doubt = " :small[first day not confirmed]" if _UNCONFIRMED in row.note else ""
        value = f"**{_cell(row.value)}**" if row.state == "in force" else f"*{row.state}*"
        if len(row.value) <= _UNBROKEN:
            value = value.replace(" ", _NO_BREAK)
        lines.append(
            f"| {_cell(row.description.rstrip('.'))}{note} | {value} | {formats.day(row.since).replace(' ', _NO_BREAK)}{doubt} "
            f"| {sources_words(row.citations, sources)} |"
        )
    return "\n".join(lines)


def citation_link(citation: str, sources: Mapping[str, Source]) -> str:
    """Write a citation as a link with its kind and place in the order of authority.

    ``NOT_READ`` marks a document that is cited as others cite it and was not itself read.
    """
    source = sources[source_id(citation)]
    place = place_in(citation)
    where = f", {_cell(place)}" if place else ""
    mark = NOT_READ if source.retrieved_on is None else ""
    return f"[{_cell(source.locator)}]({source.url}){mark}{where} ({kind_words(source.kind)})"


def kind_words(kind: SourceKind) -> str:
    """Write a kind of document with its rank: 1 is the strongest.

    Example:
        >>> kind_words(SourceKind.MLN)
        'CMS booklet, rank 7'
    """
    return f"{KINDS[kind]}, rank {RANK.index(kind) + 1}"


def citation_links(citations: Iterable[str], sources: Mapping[str, Source]) -> str:
    """Write citations as links, the strongest first."""
    ordered = by_authority(dict.fromkeys(citations), sources)
    return "; ".join(citation_link(each, sources) for each in ordered)


def sources_words(citations: Sequence[str], sources: Mapping[str, Source]) -> str:
    """Write citations small, as links; say where nothing but guidance stands behind a value."""
    links = f":small[{citation_links(citations, sources)}]"
    return f"{links} {GUIDANCE_ONLY}" if rests_on_guidance_only(citations, sources) else links


def since_line(
    since: date, citations: Sequence[str], sources: Mapping[str, Source], note: str = ""
) -> str:
    """Write under a sentence since when it holds and on what it rests."""
    doubt = " (first day not confirmed)" if _UNCONFIRMED in note else ""
    line = f":small[Since {formats.day(since)}{doubt}: {citation_links(citations, sources)}]"
    return f"{line} {GUIDANCE_ONLY}" if rests_on_guidance_only(citations, sources) else line


def note_words(note: str) -> str:
    """Return a note without what the line under the sentence says already."""
    return " ".join(note.replace(_UNCONFIRMED, "").split())


def reading_words(sources: Mapping[str, Source]) -> str:
    """Say what the mark at a citation means, and how many documents carry it."""
    unread = sum(source.retrieved_on is None for source in sources.values())
    if not unread:
        return "Every document cited was read for this edition."
    return (
        f"† marks {unread} of {len(sources)} documents that are cited as other documents cite them and "
        "were not read themselves for this edition. Open the link before you rely on one."
    )


def stale_words(rule_book: RuleBook, prefix: str, today: date) -> str:
    """Say that a chapter was not checked for a year; empty where it was."""
    checked = reviewed_on(rule_book, prefix)
    if same_day_earlier_year(today, 1) <= checked:
        return ""
    return (
        f"These rules were last checked against their sources on {formats.day(checked)}, "
        "over a year ago. Open the links before you rely on one."
    )


def _row(parameter: Parameter, on: date) -> RuleRow:
    held = [value for value in parameter.values if value.effective_from <= on]
    newest = held[-1] if held else parameter.values[0]
    is_in_force = bool(held) and not newest.ended
    return RuleRow(
        path=parameter.path,
        element=".".join(parameter.path.split(".")[1:-1]),
        description=parameter.description,
        value=value_words(newest.value, parameter.unit)
        if is_in_force and newest.value is not None
        else "",
        since=newest.effective_from,
        citations=newest.citations,
        note=newest.note,
        state="in force" if is_in_force else "ended" if held else "not yet",
    )


def _cell(text: str) -> str:
    return formats.plain(text)


def reviewed_on(rule_book: RuleBook, prefix: str) -> date:
    """Return when a chapter was last checked against its sources: its oldest check."""
    return min(
        parameter.reviewed_on
        for path, parameter in rule_book.parameters.items()
        if chapter_of(path) == prefix
    )


FIRST_DAY: Final = date(2010, 1, 1)
"""First day that the page's calendars offer: before any program's first rule."""
LAST_DAY: Final = date(2035, 12, 31)
"""Last day that they offer."""


def year_before(day: date) -> date:
    """Return the same day a year earlier."""
    return same_day_earlier_year(day, 1)


def unbroken(text: str) -> str:
    """Escape a short value and keep it on one line; a long one may wrap."""
    shown = formats.plain(text)
    return shown.replace(" ", _NO_BREAK) if len(text) <= _UNBROKEN else shown


def signed(difference: Decimal) -> str:
    """Write how much an amount grew or fell.

    Example:
        >>> signed(Decimal("5.64")), signed(Decimal("-2")), signed(Decimal(0))
        ('+$5.64', '-$2.00', '$0.00')
    """
    sign = "+" if difference > 0 else "-" if difference < 0 else ""
    return f"{sign}{formats.money(abs(difference))}"
