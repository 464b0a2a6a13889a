"""Codes of a program on a day: what they are, their minutes and units, amounts, minutes to codes."""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from pages.shared import formats
from trellis_core.care.people import Practice
from trellis_core.errors import UnknownLocalityError
from trellis_core.rules.amounts import Allowed
from trellis_core.rules.cocm import month_ladder
from trellis_core.rules.dated_rules import rules_on
from trellis_core.rules.facts import DEFAULT_POLICY
from trellis_core.rules.labels import code_label
from trellis_core.rules.published import Provenance, TableKind
from trellis_core.rules.rulebook import RuleBook
from trellis_core.rules.units import Caps, Ladder, plain_ladder
from trellis_core.values.periods import ServiceMonth, months_between

TRACKS: Final = {
    "ccm.clinical_staff": "Staff time",
    "ccm.complex": "Staff time, with moderate or high decision making",
    "ccm.practitioner": "The practitioner's own time",
    "pcm.clinical_staff": "Staff time",
    "pcm.practitioner": "The practitioner's own time",
    "bhi.clinical_staff": "Staff time",
    "bhi.behavioral_professional": "The behavioral professional's own time",
    "cocm.initial_month": "First month of an episode",
    "cocm.subsequent_month": "Later month of an episode",
}
"""Ways to bill a month by minutes, and how a biller names them."""

_BANDS_WITHOUT_CAP: Final = 3
_BRIEF: Final = "cocm.brief_month.initial.hcpcs"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """One code on a day.

    Attributes:
        needs: Minutes or days, in short.
        most: Units that may be billed in a month; None for no limit on file.
        national: Amount of one unit with every geographic index at 1.
        here: The same in the practice's locality; None where the practice named none.
    """

    code: str
    label: str
    needs: str
    most: int | None
    since: date
    national: Allowed | None
    here: Allowed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """What a month's minutes come to on one way to bill."""

    title: str
    rows: tuple[tuple[str, str], ...]


def is_published(book: RuleBook, on: date) -> bool:
    """Say whether a day lies in the covered period."""
    return not book.not_yet_published(on)


def codes_on(book: RuleBook, prefix: str, on: date) -> dict[str, str]:
    """Return the codes of a program on a day with the path of each, in the rule book's order.

    Only what the program bills: lists of other services, such as visits, are left out.
    """
    found: dict[str, str] = {}
    for path, parameter in book.parameters.items():
        if parameter.unit == "hcpcs" and path.partition(".")[0] == prefix:
            use = book.find(path, on=on)
            if use is not None and isinstance(use.value, str):
                found.setdefault(use.value, path)
    return found


def code_rows(book: RuleBook, prefix: str, on: date, practice: Practice) -> list[CodeRow]:
    """Return a program's codes on a day with minutes, units and amounts."""
    caps = Caps(rules=rules_on(book, on), payer={})
    rows = []
    for code, path in codes_on(book, prefix, on).items():
        element = path.removesuffix(".hcpcs")
        rows.append(
            CodeRow(
                code=code,
                label=code_label(code),
                needs=_needs(book, element, on),
                most=caps.of(code, _number(book, f"{element}.units_max", on)),
                since=book.use(path, on=on).effective_from,
                national=amount(book, code, on, practice, is_local=False),
                here=amount(book, code, on, practice, is_local=True),
            )
        )
    return rows


def amount(
    book: RuleBook, code: str, on: date, practice: Practice, *, is_local: bool
) -> Allowed | None:
    """Return one unit's allowed amount, in the practice's locality or nationally."""
    if not is_published(book, on) or (is_local and not practice.locality):
        return None
    try:
        return book.amounts.allowed(
            code,
            on=on,
            state=practice.state if is_local else None,
            locality=practice.locality if is_local else None,
            setting=practice.setting,
            qualifying_apm=practice.qualifying_apm,
        )
    except UnknownLocalityError:
        return None


def bands(book: RuleBook, prefix: str, on: date) -> list[Bands]:
    """Return, for each way to bill by minutes, which minutes come to which codes."""
    found = []
    rules = rules_on(book, on)
    caps = Caps(rules=rules, payer={})
    for element, title in TRACKS.items():
        if element.partition(".")[0] != prefix:
            continue
        if prefix == "cocm":
            is_full = DEFAULT_POLICY.cocm_time_rule == "full"
            ladder = month_ladder(rules, element, is_full=is_full)
        else:
            ladder = plain_ladder(rules, element)
        if ladder is not None:
            brief = rules.code(_BRIEF) if prefix == "cocm" else None
            found.append(Bands(title=title, rows=_bands(ladder, caps, brief)))
    return found


def _bands(ladder: Ladder, caps: Caps, brief: str | None) -> tuple[tuple[str, str], ...]:
    """Return rows of minutes and codes, from nothing up to the cap."""
    steps = [(0, formats.DASH)]
    short = DEFAULT_POLICY.g2214_minimum_minutes
    if brief is not None and short < ladder.initial_at:
        steps.append((short, brief))
    steps.append((ladder.initial_at, ladder.initial))
    cap = None
    if ladder.additional is not None:
        cap = caps.of(ladder.additional, ladder.units_max)
        shown = min(cap or _BANDS_WITHOUT_CAP, _BANDS_WITHOUT_CAP)
        steps += [
            (ladder.minutes_for(unit), f"{ladder.initial} + {unit} x {ladder.additional}")
            for unit in range(1, shown + 1)
        ]
    rows = [(f"{begins} to {ends - 1}", codes) for (begins, codes), (ends, _) in pairwise(steps)]
    begins, codes = steps[-1]
    if ladder.additional is not None and (cap is None or cap > _BANDS_WITHOUT_CAP):
        most = "" if cap is None else f", at most {cap}"
        codes += f"; one more each {ladder.additional_each} minutes{most}"
    return (*rows, (f"{begins} and more", codes))


def cap_table(book: RuleBook, on: date) -> Provenance | None:
    """Return where the day's unit caps come from: the newest table that had begun."""
    begun = [
        table.provenance
        for table in book.tables
        if table.provenance.kind is TableKind.MUE and table.provenance.effective_from <= on
    ]
    return max(begun, key=lambda each: each.effective_from, default=None)


def age_words(table: Provenance, on: date) -> str:
    """Say how old a table is on a day it was not published for; empty where it was."""
    if table.covers(on):
        return ""
    months = months_between(ServiceMonth.of(table.effective_from), ServiceMonth.of(on))
    return f"{formats.count(months, 'month')} old on this day"


def _needs(book: RuleBook, element: str, on: date) -> str:
    first = _number(book, f"{element}.minutes", on)
    each = _number(book, f"{element}.minutes_each", on)
    days = _number(book, f"{element}.within_days", on)
    middle = _number(book, f"{element}.midpoint_minutes", on)
    if each is not None:
        return f"each {each} min" + (f", from {middle}" if middle else "")
    if first is not None:
        return f"{first} min, from {middle}" if middle else f"{first} min"
    if days is not None:
        return f"visit by day {days}"
    if element == _BRIEF.removesuffix(".hcpcs"):
        return f"from {DEFAULT_POLICY.g2214_minimum_minutes} min"
    return formats.DASH


def _number(book: RuleBook, path: str, on: date) -> int | None:
    use = book.find(path, on=on) if path in book.parameters else None
    return use.value if use is not None and type(use.value) is int else None
