"""The pictures of a scenario on paper, of lines and boxes: net over time, where dollars go, what decides."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final

from trellis_core.documents.layout import (
    ACCENT,
    CARE,
    INK,
    LINE,
    QUIET,
    SHADE,
    Colour,
    width_of,
)
from trellis_core.documents.roi_leaf import Cell, Leaf
from trellis_core.documents.roi_words import dollars, shown
from trellis_core.documents.superbill_sheet import MARGIN, WIDTH
from trellis_core.roi import FIRST_YEAR, RoiResult, Swing, WaterfallStep, assumption

_SPENT: Final[Colour] = (205, 160, 106)
_LESS: Final[Colour] = (214, 176, 130)
_MORE: Final[Colour] = (120, 166, 170)
_APART: Final = 9.0
_GUTTER: Final = 62.0


class _Scale:
    """Dollars as places between two ends."""

    def __init__(self, values: Sequence[Decimal], start: float, end: float) -> None:
        """Take what has to fit; 0 always does where it is among the values."""
        self.low, self.high = min(values), max(values)
        self._start, self._length = start, end - start

    def at(self, value: Decimal) -> float:
        """Return the place of a value."""
        span = self.high - self.low
        part = float((value - self.low) / span) if span else 0.5
        return self._start + self._length * part


def net_over_time(leaf: Leaf, result: RoiResult, *, x: float, width: float, height: float) -> None:
    """Draw the cumulative net month by month as a line over zero."""
    top, points = leaf.y, [month.cumulative for month in result.months]
    size = leaf.body * 0.9
    right, bottom = x + width - 6, top + height - size * 2.2
    up = _Scale([Decimal(0), *points], bottom, top + size)
    widest = max(width_of(dollars(value), size) for value in (up.high, up.low))
    left = x + min(_GUTTER, max(widest, width_of("$0", size)) + 6)
    taken: list[float] = []
    for value in dict.fromkeys((Decimal(0), up.high, up.low)):
        y = up.at(value)
        leaf.rule(left, y, right, y, colour=QUIET if not value else LINE)
        if all(abs(y - other) >= _APART * leaf.scale for other in taken):
            words = dollars(value)
            wide = width_of(words, size)
            fit = min(size, size * (_GUTTER - 6) / wide)
            leaf.text_right(left - 4, y + size * 0.35, words, size=fit, colour=QUIET)
            taken.append(y)
    step = (right - left) / (len(points) - 1)
    places = [(left + step * at, up.at(value)) for at, value in enumerate(points)]
    for (x_from, y_from), (x_to, y_to) in pairwise(places):
        leaf.rule(x_from, y_from, x_to, y_to, colour=ACCENT, width=1.4)
    for month in (1, *range(FIRST_YEAR, len(points) + 1, FIRST_YEAR)):
        place = left + step * (month - 1)
        leaf.rule(place, bottom, place, bottom + 3, colour=QUIET)
        words = f"month {month}" if month == 1 else str(month)
        wide = width_of(words, size)
        leaf.text(place - (wide / 2), bottom + size * 1.6, words, size=size, colour=QUIET)
    turn = result.break_even_month
    if turn is not None and turn > 1:
        place, y = places[turn - 1]
        leaf.rule(place, y - 5, place, y + 5, colour=CARE, width=1.2)
        words = f"zero or above from month {turn}"
        at = min(place + 4, right - width_of(words, size))
        leaf.text(max(at, left), max(y - 7, top + size), words, size=size, colour=CARE)
    leaf.y = top + height


def where_it_goes(leaf: Leaf, steps: Sequence[WaterfallStep], *, x: float, width: float) -> None:
    """Draw the steps from allowed to net as bars, each from where the one above it ends."""
    label, amount = width * 0.45, width * 0.27
    first = leaf.y
    running, ends = Decimal(0), []
    for step in steps:
        start = Decimal(0) if step.is_level else running
        running = step.dollars if step.is_level else running + step.dollars
        ends.append((start, running))
    every = [Decimal(0), *(end for pair in ends for end in pair)]
    across = _Scale(every, x + label + 2, x + width - amount - 2)
    for step, (start, end) in zip(steps, ends, strict=True):
        top = leaf.y
        leaf.row(
            [
                Cell(words=step.label, width=label, is_bold=step.is_level),
                Cell(words="", width=width - label - amount),
                Cell(
                    words=_signed(step.dollars),
                    width=amount,
                    is_right=True,
                    is_one_line=True,
                    is_bold=step.is_level,
                ),
            ],
            x=x,
        )
        leaf.down(1.6)
        near, far = sorted((across.at(start), across.at(end)))
        fill = ACCENT if step.is_level else _SPENT
        tall = leaf.body * 0.85
        if step.dollars:
            leaf.box(near, top + leaf.body * 0.42, max(far - near, 0.5), tall, fill=fill)
    zero = across.at(Decimal(0))
    leaf.rule(zero, first, zero, leaf.y, colour=QUIET)


def what_decides(leaf: Leaf, swings: Sequence[Swing], net: Decimal) -> None:
    """Draw how far each input moves the first year's net, around the net as it stands."""
    label, end = 176.0, 98.0
    left = MARGIN + label + end + 4
    values = [net, *(each for swing in swings for each in (swing.net_at_low, swing.net_at_high))]
    across = _Scale(values, left, MARGIN + WIDTH - end - 4)
    middle, first = across.at(net), leaf.y
    for swing in swings:
        row = assumption(swing.name)
        low = (swing.net_at_low, f"{shown(row, swing.low)}: {dollars(swing.net_at_low)}")
        high = (swing.net_at_high, f"{shown(row, swing.high)}: {dollars(swing.net_at_high)}")
        (less, less_words), (more, more_words) = sorted((low, high), key=lambda each: each[0])
        top = leaf.y
        leaf.row(
            [
                Cell(words=swing.label, width=label),
                Cell(words=less_words, width=end, is_right=True, is_one_line=True, colour=INK),
                Cell(words="", width=WIDTH - label - 2 * end),
                Cell(words=more_words, width=end, is_one_line=True, colour=INK),
            ]
        )
        tall = leaf.body * 0.85
        for one, other, fill in ((less, min(net, more), _LESS), (max(net, less), more, _MORE)):
            near, far = across.at(one), across.at(other)
            if far > near:
                leaf.box(near, top + leaf.body * 0.42, far - near, tall, fill=fill)
    leaf.rule(middle, first, middle, leaf.y, colour=INK, width=0.8)


def cards(leaf: Leaf, figures: Sequence[tuple[str, str]]) -> None:
    """Write figures beside one another on a shaded ground, each under what it is."""
    gap, height = 8.0, 36 * leaf.scale
    width = (WIDTH - gap * (len(figures) - 1)) / len(figures)
    leaf.down(6)
    for at, (label, figure) in enumerate(figures):
        x = MARGIN + at * (width + gap)
        leaf.box(x, leaf.y, width, height, fill=SHADE)
        size = leaf.body * 0.95
        size = min(size, size * (width - 16) / width_of(label, size))
        leaf.text(x + 8, leaf.y + height * 0.36, label, size=size, colour=QUIET)
        size = 13 * leaf.scale
        size = min(size, size * (width - 16) / width_of(figure, size, is_bold=True))
        leaf.text(x + 8, leaf.y + height * 0.8, figure, size=size, is_bold=True)
    leaf.y += height


def _signed(amount: Decimal) -> str:
    return f"-${-amount:,.2f}" if amount < 0 else f"${amount:,.2f}"
