"""Rating scales: their items, and what answers, a total and a change of it mean.

What each scale is stands in ``instruments.toml`` with its source. Labels are Trellis's own topic
words; an instrument's wording is never kept here. Nothing is guessed: a missing answer leaves a
total unknown, and a rule that nobody set is none.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from trellis_core.errors import InvalidValueError
from trellis_core.values.unknown import UNKNOWN, Maybe

_FILE: Final = Path(__file__).with_name("instruments.toml")

Answers: TypeAlias = Sequence[int | None]
"""Points of each item in the form's order; None where there is no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An answer that can be given, and its points."""

    label: str
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A question, by its topic."""

    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """A score from which a scale is read as positive; ``sex`` None where it is one for all."""

    at_least: int
    label: str
    sex: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Items of one group, by number, and how many of them must be raised."""

    name: str
    first: int
    last: int
    needed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A rating scale.

    Attributes:
        items: Empty where only the total or the level is entered.
        highest: Highest total; None for a scale that has levels instead of a sum.
        bands: First score of each band with its words, ascending.
        response_part: Part of the first score that must be gone to count as a response.
        response_points: Points that must be gone, where that is the rule.
        is_response_by_band: A response is a lower band.
        remission_below: A score below it is remission.
        target_below: A score below it is at target.
        worse_points: A rise since the score before that counts as worse, where one is known.
        is_higher_better: A rising score is an improvement.
        levels: Of a scale without a sum, from the least to the most.
        safety_items: Numbers of items where any point asks for a safety check the same day.
        safety_levels: Levels that ask for the same.
        loinc: Code of the total or level, where it was verified.
        permission: Who owns it and what use is free, in one line.
        source: Where this was taken from, and ``as_of`` when it was last looked at.
    """

    name: str
    about: str
    items: tuple[Item, ...]
    highest: int | None
    bands: tuple[tuple[int, str], ...]
    cut_offs: tuple[CutOff, ...]
    response_part: Fraction | None
    response_points: int | None
    is_response_by_band: bool
    remission_below: int | None
    target_below: int | None
    worse_points: int | None
    is_higher_better: bool
    levels: tuple[str, ...]
    level_words: Mapping[str, str]
    safety_items: tuple[int, ...]
    safety_levels: frozenset[str]
    clusters: tuple[Cluster, ...]
    cluster_points: int
    loinc: str | None
    permission: str
    source: str
    as_of: date
    note: str

    @property
    def has_sum(self) -> bool:
        """Its result is a total; otherwise it is a level."""
        return self.highest is not None


def instruments() -> Mapping[str, Instrument]:
    """Return every scale that Trellis knows, by its name, in the order in which they are offered."""
    return _read()[0]


def instrument_named(name: str) -> Instrument | None:
    """Return the scale of a name, as people write it; None for one that Trellis does not know.

    Example:
        >>> instrument_named("phq9").name, instrument_named("PHQ-9M").name
        ('PHQ-9', 'PHQ-A')
    """
    return _read()[1].get(_spelled(name))


def score(instrument: Instrument, answers: Answers) -> Maybe[int]:
    """Return the sum of the answers; unknown while one is missing. Nothing is filled in for it.

    Raises:
        InvalidValueError: The answers are not those of the scale, or it has no sum.
    """
    points = checked(instrument, answers)
    if not instrument.has_sum:
        raise InvalidValueError(f"{instrument.name} has a level and no sum. Ask for its level.")
    given = [each for each in points if each is not None]
    return sum(given) if len(given) == len(points) else UNKNOWN


def checked(instrument: Instrument, answers: Answers) -> tuple[int | None, ...]:
    """Return answers that are as many as the items, each with points that its item can have.

    Raises:
        InvalidValueError: They are not.
    """
    if len(answers) != len(instrument.items):
        raise InvalidValueError(
            f"{instrument.name} has {len(instrument.items)} items and {len(answers)} answers were "
            "given. Give one for each, and nothing for an item without an answer."
        )
    for number, (item, points) in enumerate(zip(instrument.items, answers, strict=True), start=1):
        if points is not None and points not in {option.points for option in item.options}:
            raise InvalidValueError(
                f"Item {number} of {instrument.name} has no answer with {points} points."
            )
    return tuple(answers)


def band(instrument: Instrument, total: Maybe[int | None]) -> str | None:
    """Return the words of the band in which a total lies; None without a total or bands.

    Example:
        >>> band(instruments()["PHQ-9"], 9), band(instruments()["PHQ-9"], 10)
        ('mild', 'moderate')
    """
    if not isinstance(total, int):
        return None
    within = [words for first, words in instrument.bands if first <= total]
    return within[-1] if within else None


def cut_offs_met(
    instrument: Instrument, total: Maybe[int | None], *, sex: str | None = None
) -> tuple[tuple[CutOff, bool], ...]:
    """Return the cut-offs that concern a person, each with whether a total reaches it.

    Where the person's sex is not on record or is neither of the two, all are returned.

    Args:
        instrument: The scale.
        total: The total; nothing is returned without one.
        sex: As on record.
    """
    if not isinstance(total, int):
        return ()
    named = {each.sex for each in instrument.cut_offs}
    return tuple(
        (each, total >= each.at_least)
        for each in instrument.cut_offs
        if each.sex is None or sex not in named or each.sex == sex
    )


def response(
    instrument: Instrument, first: Maybe[int | None], last: Maybe[int | None]
) -> bool | None:
    """Say whether the change from the first to the last total is a response.

    None where a total is missing, where the first left nothing to respond from, or where no rule is
    known for the scale.

    Example:
        >>> response(instruments()["PHQ-9"], 17, 9), response(instruments()["PHQ-9"], 17, 8)
        (False, True)
    """
    if not isinstance(first, int) or not isinstance(last, int) or not first:
        return None
    if instrument.response_part is not None:
        return last <= first * (1 - instrument.response_part)
    if instrument.response_points is not None:
        return first - last >= instrument.response_points
    if instrument.is_response_by_band:
        bands = [sum(start <= total for start, _ in instrument.bands) for total in (first, last)]
        return bands[1] < bands[0]
    return None


def remission(instrument: Instrument, last: Maybe[int | None]) -> bool | None:
    """Say whether a total is in remission; None without a total or a rule for the scale."""
    if not isinstance(last, int) or instrument.remission_below is None:
        return None
    return last < instrument.remission_below


def at_target(
    instrument: Instrument, first: Maybe[int | None], last: Maybe[int | None]
) -> bool | None:
    """Say whether treatment is at target: below the scale's mark, or down by the part that counts.

    None without a total or a mark for the scale.
    """
    if not isinstance(last, int):
        return None
    if instrument.target_below is None:
        return None
    return last < instrument.target_below or (
        instrument.response_part is not None and response(instrument, first, last) is True
    )


def is_worse(instrument: Instrument, totals: Sequence[int]) -> bool:
    """Say whether the newest total, of one course oldest first, is worse.

    Worse than the first by any points, or than the one before by as many as count for the scale.

    Example:
        >>> [is_worse(instruments()["PHQ-9"], each) for each in ([9, 10], [20, 8, 12], [20, 8, 13])]
        [True, False, True]
    """
    if len(totals) <= 1:
        return False
    rises = [totals[-1] - totals[0], totals[-1] - totals[-2]]
    if instrument.is_higher_better:
        rises = [-each for each in rises]
    step = instrument.worse_points
    return rises[0] > 0 or (step is not None and rises[1] >= step)


def clusters_met(instrument: Instrument, answers: Answers) -> Mapping[str, Maybe[bool]]:
    """Return for each cluster whether enough of its items are raised; unknown where it is open.

    Example:
        >>> dict(clusters_met(instruments()["PCL-5"], [2] + [0] * 19))
        {'B': True, 'C': False, 'D': False, 'E': False}
    """
    points = checked(instrument, answers)
    found: dict[str, Maybe[bool]] = {}
    for each in instrument.clusters:
        mine = points[each.first - 1 : each.last]
        raised = sum(one is not None and one >= instrument.cluster_points for one in mine)
        if raised >= each.needed:
            found[each.name] = True
        else:
            found[each.name] = False if raised + mine.count(None) < each.needed else UNKNOWN
    return found


_THOUGHTS: Final = 1  # places of the answers of the suicide-risk screen, from 0
_METHOD: Final = 2
_INTENT: Final = 3
_PLAN: Final = 4
_EVER: Final = 5
_RECENT: Final = 6


def risk_level(instrument: Instrument, answers: Answers) -> Maybe[str]:
    """Return the level of the suicide-risk screen; unknown while an answer could still raise it.

    Items that the form passes over after a "no" count as not positive. A level is never a number.
    """
    points = _after_skips(checked(instrument, answers))
    high = [points[place] for place in (_INTENT, _PLAN, _RECENT)]
    if 1 in high:
        return instrument.levels[3]
    if None in high:
        return UNKNOWN
    for level, asked in ((2, (points[_METHOD], points[_EVER])), (1, points[:_METHOD])):
        if 1 in asked:
            return instrument.levels[level]
        if None in asked:
            return UNKNOWN
    return instrument.levels[0]


def _after_skips(points: tuple[int | None, ...]) -> tuple[int | None, ...]:
    filled = list(points)
    if points[_THOUGHTS] == 0:
        for place in (_METHOD, _INTENT, _PLAN):
            filled[place] = filled[place] or 0
    if points[_EVER] == 0:
        filled[_RECENT] = filled[_RECENT] or 0
    return tuple(filled)


def asks_for_safety(
    instrument: Instrument,
    *,
    answers: Answers | None = None,
    total: Maybe[int | None] = UNKNOWN,
    level: str | None = None,
) -> Maybe[bool]:
    """Say whether a result asks for a safety check the same day, whatever the total.

    Unknown where the item that decides it has no answer: that is not "no".

    Args:
        instrument: The scale; one without such items never asks.
        answers: Its answers, where they are known.
        total: Its total; zero answers for every item, and so does the highest.
        level: Its level, of a scale that has levels.
    """
    if not instrument.safety_items:
        return False
    if level is not None and level in instrument.safety_levels:
        return True
    if answers is not None:
        points = checked(instrument, answers)
        if not instrument.has_sum:
            points = _after_skips(points)
        mine = [points[number - 1] for number in instrument.safety_items]
        if any(mine):
            return True
        if None not in mine:
            return False
    if level is not None or total == 0:
        return False
    return True if total is not UNKNOWN and total == instrument.highest else UNKNOWN


def _spelled(name: str) -> str:
    """Return a name without case, hyphens and spaces, as people write it."""
    return "".join(sign for sign in name.casefold() if sign.isalnum())


@cache
def _read() -> tuple[Mapping[str, Instrument], Mapping[str, Instrument]]:
    told = tomllib.loads(_FILE.read_text("utf-8"))
    found = {each["name"]: _instrument(each, told["reviewed_on"]) for each in told["instrument"]}
    spelled = {
        _spelled(name): found[each["name"]]
        for each in told["instrument"]
        for name in (each["name"], *each.get("aliases", ()))
    }
    return MappingProxyType(found), MappingProxyType(spelled)


def _instrument(told: Mapping[str, Any], as_of: date) -> Instrument:
    items = tuple(
        Item(label=label, options=_options(told, number))
        for number, label in enumerate(told.get("items", ()), start=1)
    )
    levels = tuple(told.get("levels", ()))
    highest = told.get("highest", sum(item.options[_most(item)].points for item in items))
    part = told.get("response_part")
    return Instrument(
        name=told["name"],
        about=told["about"],
        items=items,
        highest=None if levels else highest,
        bands=tuple(sorted((int(first), words) for first, words in told.get("bands", {}).items())),
        cut_offs=tuple(
            CutOff(at_least=each["from"], label=each["label"], sex=each.get("sex"))
            for each in told.get("cut_offs", ())
        ),
        response_part=None if part is None else Fraction(str(part)),
        response_points=told.get("response_points"),
        is_response_by_band=told.get("response_band", False),
        remission_below=told.get("remission_below"),
        target_below=told.get("target_below"),
        worse_points=told.get("worse_points"),
        is_higher_better=told.get("lowest_is_worst", False),
        levels=levels,
        level_words=MappingProxyType(told.get("level_words", {})),
        safety_items=tuple(told.get("safety_items", ())),
        safety_levels=frozenset(told.get("safety_levels", ())),
        clusters=tuple(
            Cluster(name=name, **each) for name, each in told.get("clusters", {}).items()
        ),
        cluster_points=told.get("cluster_points", 0),
        loinc=told.get("loinc"),
        permission=told["copyright"],
        source=told["source"],
        as_of=as_of,
        note=told.get("note", ""),
    )


def _most(item: Item) -> int:
    return max(range(len(item.options)), key=lambda place: item.options[place].points)


def _options(told: Mapping[str, Any], number: int) -> tuple[Option, ...]:
    labels = told.get("options_of", {}).get(str(number), told["options"])
    points = told.get("points_of", {}).get(str(number), list(range(len(labels))))
    if number in told.get("reversed", ()):
        points = points[::-1]
    return tuple(
        Option(label=label, points=each) for label, each in zip(labels, points, strict=True)
    )
