"""The rule book in plain words: a value with its unit, a citation as a link, a rule as a row."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from pages.shared import formats
from trellis_core.care.vocabulary import Program
from trellis_core.rules.facts import Policy
from trellis_core.rules.rulebook import Parameter, ParameterValue, RuleBook
from trellis_core.rules.sources import RANK, Source, SourceKind, place_in, source_id

KINDS: Final = {
    SourceKind.STATUTE: "statute",
    SourceKind.CFR: "regulation (CFR)",
    SourceKind.FEDERAL_REGISTER: "Federal Register",
    SourceKind.CMS_MANUAL: "CMS manual",
    SourceKind.TRANSMITTAL: "CMS transmittal",
    SourceKind.NCCI: "NCCI edits",
    SourceKind.MLN: "CMS booklet",
    SourceKind.FAQ: "CMS questions and answers",
    SourceKind.AMA_CPT: "CPT guidance",
}

NOT_READ: Final = "\u00a0†"
_NO_BREAK: Final = "\u00a0"
_UNBROKEN: Final = 24

_COUNTED: Final = {
    "minute": ("minute", "minutes"),
    "day": ("day", "days"),
    "calendar_day": ("day", "days"),
    "business_day": ("business day", "business days"),
    "month": ("month", "months"),
    "week": ("week", "weeks"),
    "year": ("year", "years"),
    "hour": ("hour", "hours"),
    "unit": ("unit", "units"),
    "condition": ("condition", "conditions"),
    "patient": ("patient", "patients"),
}


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


def value_words(value: ParameterValue, unit: str) -> str:
    """Write a value with its unit.

    Example:
        >>> value_words(20, "minute"), value_words(1, "month"), value_words(True, "switch")
        ('20 minutes', '1 month', 'yes')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(formats.words(each) if each.islower() else each for each in value)
    if isinstance(value, int | Decimal):
        if unit in {"dollar", "dollars", "usd"}:
            return formats.money(Decimal(value))
        singular, plural = _COUNTED.get(unit.replace("-", "_").replace(" ", "_"), (unit, unit))
        return f"{value:,} {singular if value == 1 else plural}"
    return value.replace("_", " ") if value.islower() else value


def chapters(rule_book: RuleBook) -> dict[str, str]:
    """Return the first words of all paths with their titles: the programs, then the rest.

    Example:
        >>> from trellis_core.rules.rulebook import load_rule_book
        >>> next(iter(chapters(load_rule_book()).items()))
        ('ccm', 'CCM')
    """
    programs = {program.value.lower(): program.value for program in Program}
    found = {path.partition(".")[0] for path in rule_book.parameters}
    rest = {
        name: "All programs" if name == "common" else formats.words(name)
        for name in sorted(found - programs.keys())
    }
    return {name: title for name, title in programs.items() if name in found} | rest


def codes_on(rule_book: RuleBook, prefix: str, on: date) -> tuple[str, ...]:
    """Return the codes of a chapter on a day that a fee table lists, each once, in its own order."""
    found: list[str] = []
    for path, parameter in rule_book.parameters.items():
        if parameter.unit != "hcpcs" or path.partition(".")[0] != prefix:
            continue
        use = rule_book.find(path, on=on)
        if use is not None:
            found.extend(use.value if isinstance(use.value, tuple) else (str(use.value),))
    return tuple(code for code in dict.fromkeys(found) if code in rule_book.amounts.codes)


def rows_on(rule_book: RuleBook, prefix: str, on: date) -> tuple[RuleRow, ...]:
    """Return every parameter under a path's first word, as it stands on a day."""
    return tuple(
        _row(parameter, on)
        for path, parameter in rule_book.parameters.items()
        if path.partition(".")[0] == prefix
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
        note = f" *{_cell(row.note)}*" if row.note else ""
        value = f"**{_cell(row.value)}**" if row.state == "in force" else f"*{row.state}*"
        if len(row.value) <= _UNBROKEN:
            value = value.replace(" ", _NO_BREAK)
        lines.append(
            f"| {_cell(row.description.rstrip('.'))}{note} | {value} | {formats.day(row.since).replace(' ', _NO_BREAK)} "
            f"| {'; '.join(citation_link(each, sources) for each in row.citations)} |"
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
    return (
        f"[{_cell(source.locator)}]({source.url}){mark}{where} "
        f":small[{KINDS[source.kind]}, rank {RANK.index(source.kind) + 1}]"
    )


def reading_words(sources: Mapping[str, Source]) -> str:
    """Say what the mark at a citation means, and how many documents carry it."""
    unread = sum(source.retrieved_on is None for source in sources.values())
    if not unread:
        return "Every document cited was read for this edition."
    return (
        f"† marks {unread} of {len(sources)} documents that are cited as other documents cite them and "
        "were not read themselves for this edition. Open the link before you rely on one."
    )


def changes(
    rule_book: RuleBook, prefix: str, earlier: date, later: date
) -> list[tuple[str, str, str]]:
    """Return what differs between two days: description, value then, value later."""
    pairs = zip(rows_on(rule_book, prefix, earlier), rows_on(rule_book, prefix, later), strict=True)
    return [
        (after.description, before.value or before.state, after.value or after.state)
        for before, after in pairs
        if (before.value, before.state) != (after.value, after.state)
    ]


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


POLICIES: Final[tuple[tuple[str, str, Mapping[object, str]], ...]] = (
    (
        "cocm_time_rule",
        "When a CoCM code's time is reached",
        {"midpoint": "past the midpoint of its time", "full": "at its full time"},
    ),
    (
        "g2214_minimum_minutes",
        "Minutes for the short CoCM code G2214",
        {16: "16, past the midpoint", 30: "30, the full time"},
    ),
    ("g2214_accepted", "The payer takes G2214", {True: "yes", False: "no"}),
    (
        "cocm_initial_per",
        "An initial CoCM month is allowed once per",
        {"episode": "episode of care", "calendar_year": "calendar year"},
    ),
    (
        "count_facility_time",
        "Behavioral minutes during an inpatient stay",
        {True: "count", False: "do not count"},
    ),
    (
        "ccm_pcm_different_practitioner",
        "CCM and PCM in one month by two practitioners",
        {True: "allowed", False: "not allowed"},
    ),
    ("ccm_with_tcm", "CCM in a month with TCM", {True: "allowed", False: "not allowed"}),
    (
        "same_day_visit_time",
        "Minutes on the day of a separately billed visit",
        {
            "exclude": "count only where stated to be apart from the visit",
            "attest": "count unless stated to be part of the visit",
        },
    ),
    (
        "tcm_visit_count",
        "How the days to a TCM visit are counted",
        {
            "exclusive": "from the day after discharge (days 7 and 14)",
            "inclusive": "with the day of discharge (days 6 and 13)",
        },
    ),
    (
        "tcm_nursing_facility",
        "A discharge to a nursing facility",
        {"warn": "warns", "block": "blocks TCM"},
    ),
    ("tcm_bundles", "Codes that the payer counts as part of TCM", {(): "none"}),
    (
        "scale_interval",
        "A BHI rating scale must be dated",
        {"month": "in the service month", "since_enrollment": "since enrollment"},
    ),
    ("unit_caps", "Units that the payer pays", {}),
)
"""Points on which authorities or payers differ: setting, question, and each answer in words."""


def policy_words(policy: Policy) -> list[tuple[str, str]]:
    """Return each payer-policy point with the answer that a policy gives.

    Example:
        >>> policy_words(Policy())[6]
        ('CCM in a month with TCM', 'allowed')
    """

    def answer(name: str, answers: Mapping[object, str]) -> str:
        held = getattr(policy, name)
        if name == "unit_caps":
            caps = ", ".join(f"{code}: {units}" for code, units in held.items())
            return caps or "the dated table of unit caps"
        return answers.get(held) or ", ".join(str(each) for each in held)

    return [(question, answer(name, answers)) for name, question, answers in POLICIES]


NOT_COVERED: Final = (
    (
        "Remote monitoring (RPM, RTM), community health integration (CHI), principal illness "
        "navigation (PIN) and annual wellness visits are not covered."
    ),
    (
        "Unit caps and code pairs come from the CMS tables of the third quarter of 2024, the newest "
        "on file; later editions may differ."
    ),
    (
        "Amounts are Medicare's fee schedule. What Medicaid, Medicare Advantage and commercial payers "
        "pay is in their contracts."
    ),
    "A month after the last priced day has rules but no amounts; none is guessed.",
    "Local coverage articles of single Medicare contractors are not modelled.",
)
"""What the rule book leaves out, in words."""


def reviewed_on(rule_book: RuleBook, prefix: str) -> date:
    """Return when a chapter was last checked against its sources: its oldest check."""
    return min(
        parameter.reviewed_on
        for path, parameter in rule_book.parameters.items()
        if path.partition(".")[0] == prefix
    )
