"""The calculator's inputs with a practice's own figures in place of the guesses, and how each was measured.

Only what the months on record say is replaced, and only for programs that the inputs have on. Shares and
means are weighted by patient-months; shares are rounded to four places, other figures to one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from trellis_core import roi
from trellis_core.care.vocabulary import Program
from trellis_core.errors import InvalidValueError
from trellis_core.services.own_figures_counting import (
    Billed,
    FiguresOfMonth,
    FiguresOfProgram,
    OwnFigures,
    mean_minutes,
    share,
)

__all__ = ["LeftAsItIs", "Replaced", "Replacement", "inputs_from_figures", "span_words"]

_SHARE_PLACES: Final = Decimal("0.0001")
_PLACES: Final = Decimal("0.1")
_STAFF: Final = (Program.CCM, Program.PCM, Program.BHI)
"""The programs that share one reach and one number of minutes in the model."""
_FURTHER: Final = (Program.CCM, Program.PCM)
"""The programs whose months hold further units in the model."""

_NEVER: Final = {
    "consent_share": "Who was asked and declined is not on record for everybody.",
    "overhead": "Trellis records work for patients, not the other work beside it.",
    "coinsurance_collected": "Payments are recorded by superbill, not by what they are a part of.",
    "denials": "A refusal is not recorded: a superbill without a payment may be unpaid, refused or "
    "not written down.",
}
"""Inputs that one might expect here and that nothing on record measures."""

_BARE: Final = "Nothing on record measures it in these months."


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """An input that was measured.

    Attributes:
        name: As in ``roi.ASSUMPTIONS``.
        before: The value it takes the place of; None where nobody had entered one.
        own: The practice's own.
        how: What was counted, with both numbers, and in which months.
    """

    name: str
    before: Decimal | None
    own: Decimal
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftAsItIs:
    """An input that could not be measured, and why."""

    name: str
    value: Decimal | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """Inputs with a practice's own figures.

    Attributes:
        inputs: To be used instead; the ones that were given where nothing was measured.
        months: In which was measured; empty where no month is on record.
        is_provisional: The only month still runs: its figures change every day.
    """

    inputs: roi.RoiInputs
    replaced: tuple[Replaced, ...]
    left: tuple[LeftAsItIs, ...]
    months: tuple[FiguresOfMonth, ...]
    is_provisional: bool


_Measured = tuple[str, Decimal | None, str]
"""An input's name, its own value where there is one, and what was counted."""


def inputs_from_figures(figures: OwnFigures, base: roi.RoiInputs) -> Replacement:
    """Return inputs with the practice's own reach, mix, minutes and attrition.

    Args:
        figures: The practice's months.
        base: What is replaced where it was measured, and kept where not.
    """
    months = figures.measured
    when = span_words(months)
    measured, left = [], []
    for name, value, how in _measured(figures, base.programs):
        before = base.value(name)
        if value is None:
            left.append(LeftAsItIs(name=name, value=before, why=_BARE))
        else:
            places = _SHARE_PLACES if roi.assumption(name).unit == "share" else _PLACES
            own = value.quantize(places, rounding=ROUND_HALF_UP)
            measured.append(Replaced(name=name, before=before, own=own, how=f"{how}, {when}"))
    inputs, replaced, refused = _taken(base, measured)
    left += refused
    left += [LeftAsItIs(name=name, value=base.value(name), why=why) for name, why in _NEVER.items()]
    return Replacement(
        inputs=inputs,
        replaced=tuple(replaced),
        left=tuple(left),
        months=months,
        is_provisional=any(not each.is_over for each in months),
    )


def _taken(
    base: roi.RoiInputs, measured: Sequence[Replaced]
) -> tuple[roi.RoiInputs, list[Replaced], list[LeftAsItIs]]:
    """Put own figures in; one that the model does not take beside the others is left, with its reason."""
    try:
        return _with(base, measured), list(measured), []
    except InvalidValueError:
        inputs, replaced, left = base, [], []
    for each in measured:
        try:
            inputs = _with(inputs, [each])
        except InvalidValueError as error:
            why = f"The model does not take {each.own:f}: {each.how}. {error}"
            left.append(LeftAsItIs(name=each.name, value=each.before, why=why))
        else:
            replaced.append(each)
    return inputs, replaced, left


def _with(inputs: roi.RoiInputs, own: Sequence[Replaced]) -> roi.RoiInputs:
    """Return inputs with some own figures.

    Raises:
        InvalidValueError: The model does not take them.
    """
    return replace(inputs, **{each.name: each.own for each in own})  # type: ignore[arg-type]


def span_words(months: Sequence[FiguresOfMonth]) -> str:
    """Name some months.

    Example:
        >>> span_words([])
        'no month'
    """
    if not months:
        return "no month"
    first, last = months[0].month, months[-1].month
    if first == last:
        return str(first)
    gaps = last != first.plus(len(months) - 1)
    return f"{first} to {last}" + (f" ({len(months)} of these months)" if gaps else "")


def _measured(figures: OwnFigures, programs: frozenset[Program]) -> Iterator[_Measured]:
    """Give every input that months can tell, of the programs that are on."""
    enrolling = tuple(each for each in Program if each in programs and each is not Program.TCM)
    if enrolling:
        yield _attrition(figures.of(*enrolling))
    staff = tuple(each for each in _STAFF if each in programs)
    if staff:
        yield from _staff_work(figures.of(*staff))
    further = tuple(each for each in _FURTHER if each in programs)
    if further:
        yield from _mix(figures.of(*further))
    if Program.CCM in programs:
        yield from _complex(figures.of(Program.CCM))
    if Program.COCM in programs:
        yield from _cocm(figures)
    if Program.TCM in programs:
        yield from _tcm(figures)
    if Program.APCM in programs:
        yield from _apcm(figures.of(Program.APCM))


def _attrition(rows: Sequence[FiguresOfProgram]) -> _Measured:
    left, begin = sum(row.left for row in rows), sum(row.at_begin for row in rows)
    how = f"{left:,} of {begin:,} {_names(rows)} enrollments at a month's begin ended in the month"
    return "attrition", share(left, begin), how


def _staff_work(rows: Sequence[FiguresOfProgram]) -> Iterator[_Measured]:
    billed, enrolled = _sum(rows, "months"), sum(row.enrolled for row in rows)
    names = _names(rows)
    yield (
        "reach",
        share(billed, enrolled),
        f"{billed:,} of {enrolled:,} enrolled {names} months billed",
    )
    seconds = _sum(rows, "seconds")
    how = f"{_minutes(seconds)} recorded minutes in {billed:,} billed {names} months"
    yield "billable_minutes", mean_minutes(seconds, billed), how
    idle = sum(row.idle or 0 for row in rows)
    wasted = sum(row.idle_seconds or 0 for row in rows)
    how = f"{_minutes(wasted)} recorded minutes in {idle:,} {names} months that are not billed"
    yield "idle_minutes", mean_minutes(wasted, idle), how


def _mix(rows: Sequence[FiguresOfProgram]) -> Iterator[_Measured]:
    first, names = _sum(rows, "first"), _names(rows)
    for name, field, words in (
        ("add_on_40", "second", "a second unit"),
        ("add_on_60", "third", "a third unit"),
    ):
        found = _sum(rows, field)
        how = f"{found:,} of {first:,} {names} months billed by staff time have {words}"
        yield name, share(found, first), how


def _complex(rows: Sequence[FiguresOfProgram]) -> Iterator[_Measured]:
    found, billed = _sum(rows, "complex_months"), _sum(rows, "months")
    yield (
        "complex_share",
        share(found, billed),
        f"{found:,} of {billed:,} billed CCM months are complex",
    )
    more = _sum(rows, "complex_more")
    yield (
        "complex_more_share",
        share(more, found),
        f"{more:,} of {found:,} complex CCM months have more",
    )


def _cocm(figures: OwnFigures) -> Iterator[_Measured]:
    rows = figures.of(Program.COCM)
    newest = rows[-1].enrolled if rows else 0
    how = "patients enrolled in CoCM in the last of the months"
    yield "cocm_caseload", Decimal(newest) if newest else None, how
    billed, seconds = _sum(rows, "months"), _sum(rows, "seconds")
    how = f"{_minutes(seconds)} recorded minutes in {billed:,} billed CoCM months"
    yield "cocm_minutes", mean_minutes(seconds, billed), how
    first, more, short = _sum(rows, "first"), _sum(rows, "second"), _sum(rows, "short")
    yield "cocm_more_share", share(more, first), f"{more:,} of {first:,} full CoCM months have more"
    yield (
        "cocm_short_share",
        share(short, billed),
        f"{short:,} of {billed:,} billed CoCM months are short",
    )


def _tcm(figures: OwnFigures) -> Iterator[_Measured]:
    rows, months = figures.of(Program.TCM), len(figures.measured)
    billed = _sum(rows, "months")
    how = f"{billed:,} discharges billed in {months} {'month' if months == 1 else 'months'}"
    yield "tcm_discharges", share(billed, months) if billed else None, how
    high = _sum(rows, "high")
    yield (
        "tcm_high_share",
        share(high, billed),
        f"{high:,} of {billed:,} billed discharges are of high complexity",
    )
    yield _where_timed("tcm_minutes", rows, "patients billed for TCM")


def _apcm(rows: Sequence[FiguresOfProgram]) -> Iterator[_Measured]:
    billed, enrolled = _sum(rows, "months"), sum(row.enrolled for row in rows)
    yield (
        "apcm_share",
        share(billed, enrolled),
        f"{billed:,} of {enrolled:,} enrolled APCM months billed",
    )
    more = _sum(rows, "behavioral")
    yield (
        "apcm_behavioral_share",
        share(more, billed),
        f"{more:,} of {billed:,} billed APCM months have the add-on",
    )
    yield _where_timed("apcm_minutes", rows, "billed APCM months")


def _where_timed(name: str, rows: Sequence[FiguresOfProgram], what: str) -> _Measured:
    """Measure minutes that nobody has to record: over those where some are, if any are."""
    timed, seconds = _sum(rows, "timed"), _sum(rows, "seconds")
    how = f"{_minutes(seconds)} recorded minutes of {timed:,} {what} that have any"
    return name, mean_minutes(seconds, timed), how


def _sum(rows: Sequence[FiguresOfProgram], field: str) -> int:
    billed: list[Billed] = [row.billed for row in rows if row.billed is not None]
    return sum(int(getattr(each, field)) for each in billed)


def _names(rows: Sequence[FiguresOfProgram]) -> str:
    held = {row.program for row in rows}
    names = [program.value for program in Program if program in held]
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def _minutes(seconds: int) -> str:
    return f"{seconds // 60:,}"
