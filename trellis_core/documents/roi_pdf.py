"""A scenario of the calculator on two pages: what it answers, and all that it rests on.

Both pages are drawn in the largest letters with which everything fits, so that nothing is cut and
no third page follows. The same scenario made on the same day gives the same bytes.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Final

from trellis_core.documents.drawing import pdf_of
from trellis_core.documents.layout import ACCENT, QUIET, Page
from trellis_core.documents.paper import day_words
from trellis_core.documents.roi_drawings import cards, net_over_time, what_decides, where_it_goes
from trellis_core.documents.roi_leaf import Cell, Leaf, fitted
from trellis_core.documents.roi_words import (
    CONSULTANT,
    WORKER_WORDS,
    amounts_line,
    choices,
    dollars,
    origin,
    schedule_words,
    share,
    shown,
    summary,
)
from trellis_core.documents.superbill_sheet import MARGIN, WIDTH, footed
from trellis_core.roi import (
    ASSUMPTIONS,
    FIRST_YEAR,
    MONTHS,
    Floor,
    RoiInputs,
    RoiMonth,
    RoiResult,
    Swing,
    Total,
    assumption,
    waterfall,
)

TITLE: Final = "Care management: a scenario"
"""Stands at the head of a scenario without a name, and in what describes the file."""

_STANDING: Final = (
    "What would follow from stated assumptions: no forecast, no promise. No patient data."
)
_BARS: Final = 10
_GAP: Final = 22.0
_PICTURE: Final = 150.0
_HALF: Final = (WIDTH - _GAP) / 2
_MINUTES_AN_HOUR: Final = 60


def scenario_pdf(
    result: RoiResult,
    *,
    name: str,
    practice_name: str = "",
    swings: Sequence[Swing],
    floors: Sequence[Floor] = (),
    made_on: date,
) -> bytes:
    """Draw a scenario on two letter pages; what describes the file names nobody.

    Args:
        result: The model's answer.
        name: What the scenario is called; empty for none.
        practice_name: Whose it is; empty for nobody's.
        swings: What moves the first year's net, widest first; the first ten are drawn.
        floors: The plain arithmetic beside the model.
        made_on: The day that stands on it, and the document's creation date.

    Returns:
        The file's bytes.
    """
    pages = scenario_pages(
        result,
        name=name,
        practice_name=practice_name,
        swings=swings,
        floors=floors,
        made_on=made_on,
    )
    return pdf_of(pages, title=TITLE, made_at=datetime.combine(made_on, time(), UTC))


def scenario_pages(
    result: RoiResult,
    *,
    name: str,
    practice_name: str,
    swings: Sequence[Swing],
    floors: Sequence[Floor],
    made_on: date,
) -> list[Page]:
    """Lay a scenario out on its two pages."""

    def front(leaf: Leaf) -> None:
        _head(leaf, name or TITLE, practice_name, made_on)
        _answer(leaf, result)
        _first_year(leaf, result)
        _pictures(leaf, result)
        _floors(leaf, floors)

    def back(leaf: Leaf) -> None:
        leaf.down(9)
        leaf.paragraph(name or TITLE, size=9.5, is_bold=True, colour=ACCENT)
        _decides(leaf, result, swings[:_BARS])
        _programs(leaf, result)
        _staff(leaf, result)
        _inputs(leaf, result.inputs)
        _amounts(leaf, result)

    pages = [fitted(front), fitted(back)]
    footed(pages, _STANDING)
    return pages


# --- page 1: the answer ---------------------------------------------------------------------------


def _head(leaf: Leaf, name: str, practice_name: str, made_on: date) -> None:
    leaf.paragraph(name, size=15, is_bold=True, colour=ACCENT)
    about = (practice_name, TITLE if name != TITLE else "", f"made {day_words(made_on)}")
    leaf.down(2)
    leaf.paragraph(" · ".join(part for part in about if part), size=8, colour=QUIET)
    leaf.down(6)
    leaf.rule(MARGIN, leaf.y, MARGIN + WIDTH, leaf.y, colour=ACCENT, width=1.2)
    leaf.down(4)


def _answer(leaf: Leaf, result: RoiResult) -> None:
    leaf.paragraph(summary(result), size=8.6)
    leaf.down(3)
    leaf.paragraph(amounts_line(result), size=7.6, colour=QUIET)
    reach = assumption("reach")
    entered = share(result.inputs.reach)
    figures = [(f"As entered: {entered} of months reach a unit", result.first_year.net)]
    if reach.low is not None and reach.high is not None:
        figures.insert(0, (f"Low: {share(reach.low)} of months reach a unit", result.low))
        figures.append((f"High: {share(reach.high)} of months reach a unit", result.high))
    leaf.heading("Net of the first year")
    cards(leaf, [(label, dollars(net)) for label, net in figures])


def _numbers(words: Sequence[str], widths: Sequence[float], *, is_bold: bool = False) -> list[Cell]:
    """Return a row of which all but the first cell are numbers."""
    return [
        Cell(words=word, width=width, is_right=at > 0, is_one_line=True, is_bold=is_bold)
        for at, (word, width) in enumerate(zip(words, widths, strict=True))
    ]


_MONTH_HEADS: Final = (
    "Month",
    "Enrolled",
    "Billed",
    "Allowed, $",
    "Received, $",
    "Cost, $",
    "Net, $",
    "Net so far, $",
)
_MONTH_WIDTHS: Final = (70.0, 48.0, 48.0, 70.0, 70.0, 70.0, 72.0, 80.0)


def _month_words(of: RoiMonth | Total) -> tuple[str, ...]:
    sums = (of.allowed, of.cash, of.cost, of.net)
    return (f"{of.enrolled:,.1f}", f"{of.billed:,.1f}", *(f"{each:,.2f}" for each in sums))


def _first_year(leaf: Leaf, result: RoiResult) -> None:
    leaf.heading("The first year by month")
    leaf.shaded_row(_numbers(_MONTH_HEADS, _MONTH_WIDTHS, is_bold=True))
    for month in result.months[:FIRST_YEAR]:
        words = (str(month.month), *_month_words(month), f"{month.cumulative:,.2f}")
        leaf.row(_numbers(words, _MONTH_WIDTHS))
    whole = ("First year", *_month_words(result.first_year), "")
    leaf.shaded_row(_numbers(whole, _MONTH_WIDTHS, is_bold=True))
    last = result.steady
    words = (f"Month {last.month}", *_month_words(last), f"{last.cumulative:,.2f}")
    leaf.row(_numbers(words, _MONTH_WIDTHS))


def _pictures(leaf: Leaf, result: RoiResult) -> None:
    top, right = leaf.y, MARGIN + _HALF + _GAP
    leaf.heading("Where the first year's dollars go", x=right, width=_HALF)
    leaf.down(3)
    start = leaf.y
    where_it_goes(leaf, waterfall(result.first_year), x=right, width=_HALF)
    end = max(leaf.y, start + _PICTURE * leaf.scale)
    leaf.y = top
    leaf.heading(f"Net so far over {MONTHS} months", width=_HALF)
    leaf.down(3)
    net_over_time(leaf, result, x=MARGIN, width=_HALF, height=end - leaf.y)


def _floors(leaf: Leaf, floors: Sequence[Floor]) -> None:
    if not floors:
        return
    leaf.heading("Beside it: plain arithmetic, without any cost")
    for floor in floors:
        leaf.paragraph(
            f"{floor.patients:,} patients x ${floor.unit_amount:,.2f} = ${floor.month:,.2f} a month, "
            f"${floor.year:,.2f} a year ({floor.basis})."
        )


# --- page 2: what it rests on ---------------------------------------------------------------------


def _decides(leaf: Leaf, result: RoiResult, swings: Sequence[Swing]) -> None:
    leaf.heading("What decides it")
    if not swings:
        leaf.paragraph("No input moves the first year's net.")
        return
    leaf.paragraph(
        f"The first year's net, {dollars(result.first_year.net)}, where one input moves from one end "
        "of its range to the other and all else stays.",
        colour=QUIET,
        size=7.2,
    )
    leaf.down(2)
    what_decides(leaf, swings, result.first_year.net)


_PROGRAM_HEADS: Final = (
    "Program, first year",
    "Enrolled",
    "Billed",
    "Allowed, $",
    "Received, $",
    "Cost, $",
    "Net, $",
)
_PROGRAM_WIDTHS: Final = (128.0, 54.0, 54.0, 73.0, 73.0, 73.0, 73.0)


def _programs(leaf: Leaf, result: RoiResult) -> None:
    leaf.heading("Programs")
    leaf.shaded_row(_numbers(_PROGRAM_HEADS, _PROGRAM_WIDTHS, is_bold=True))
    for part in result.programs:
        label = f"{part.program}, inputs missing" if part.missing else str(part.program)
        words = (label, *_month_words(part.first_year))
        leaf.row(_numbers(words, _PROGRAM_WIDTHS))
    year = result.first_year
    if year.fixed_cost:
        fixed = (f"{year.fixed_cost:,.2f}", f"{-year.fixed_cost:,.2f}")
        leaf.row(_numbers(("Fixed cost", "", "", "", "", *fixed), _PROGRAM_WIDTHS))
    whole = ("Practice", *_month_words(year))
    leaf.shaded_row(_numbers(whole, _PROGRAM_WIDTHS, is_bold=True))


def _staff(leaf: Leaf, result: RoiResult) -> None:
    leaf.heading("Staff and break-even")
    for need in result.staff:
        worker = CONSULTANT if need.worker is None else WORKER_WORDS[need.worker]
        leaf.paragraph(
            f"In month {result.steady.month} a {worker} works "
            f"{need.minutes / _MINUTES_AN_HOUR:,.1f} hours, {need.fte:,.2f} of a full-time position, "
            f"for {dollars(need.dollars)}."
        )
    month, reach = result.break_even_month, result.break_even_reach
    enrolled = result.break_even_enrollment
    turn = f"from month {month} on" if month else f"not within {MONTHS} months"
    said = [f"Cumulative net at zero or above: {turn}."]
    if reach is not None:
        said.append(f"Months that must reach a unit in the first year: {share(reach)}.")
    if enrolled:
        said.append(f"Enrolled patients that a month after the ramp needs: {enrolled:,.1f}.")
    cost = "" if result.oversight_cost is None else f": {dollars(result.oversight_cost)}"
    hours = result.oversight_minutes / _MINUTES_AN_HOUR
    said.append(
        f"The practitioner's oversight takes {hours:,.1f} hours of the first year, not in cost{cost}."
    )
    leaf.paragraph(" ".join(said))


def _inputs(leaf: Leaf, inputs: RoiInputs) -> None:
    """Write every input once: first those that differ from their defaults."""
    marks = {words: at for at, words in enumerate(_origins(), start=1)}
    changed: list[list[Cell]] = []
    same: list[list[Cell]] = []
    for row in ASSUMPTIONS:
        value, mark = inputs.value(row.name), marks.get(origin(row))
        source = "" if mark is None else f"[{mark}]"
        words, default = shown(row, value), shown(row, row.default)
        if value == row.default:
            same.append(_same(row.label, words, source))
        else:
            changed.append(_changed(row.label, words, default, source))
    for (label, words), (_, default) in zip(choices(inputs), choices(RoiInputs()), strict=True):
        if words == default:
            same.append(_same(label, words, ""))
        else:
            changed.append(_changed(label, words, default, "", is_number=False))
    if changed:
        leaf.heading("Inputs that differ from their defaults: value, default")
        _in_columns(leaf, changed)
    if same:
        leaf.heading("Inputs at their defaults")
        _in_columns(leaf, same)
    leaf.down(2)
    listed = "; ".join(f"[{mark}] {words}" for words, mark in marks.items())
    leaf.paragraph(
        f"Sources of the defaults: {listed}. A default without a mark is a working assumption or a "
        "choice: replace it by your own figure.",
        size=6.4,
        colour=QUIET,
    )


def _origins() -> tuple[str, ...]:
    return tuple(dict.fromkeys(origin(row) for row in ASSUMPTIONS if row.source))


def _same(label: str, words: str, source: str) -> list[Cell]:
    return [
        Cell(words=label, width=156),
        Cell(words=words, width=78, is_right=True),
        Cell(words=source, width=_HALF - 234, is_right=True, colour=QUIET),
    ]


def _changed(
    label: str, words: str, default: str, source: str, *, is_number: bool = True
) -> list[Cell]:
    return [
        Cell(words=label, width=118),
        Cell(words=words, width=62, is_right=True, is_bold=True, is_one_line=is_number),
        Cell(words=default, width=56, is_right=True, colour=QUIET),
        Cell(words=source, width=_HALF - 236, is_right=True, colour=QUIET),
    ]


def _in_columns(leaf: Leaf, rows: Sequence[Sequence[Cell]]) -> None:
    """Write rows in two columns that are about as high as each other."""
    size = leaf.body * 0.84
    heights = []
    for row in rows:
        probe = Leaf(leaf.scale)
        probe.row(row, size=size)
        heights.append(probe.y - Leaf(leaf.scale).y)
    split = min(range(len(rows), -1, -1), key=lambda at: max(sum(heights[:at]), sum(heights[at:])))
    top = leaf.y
    for row in rows[:split]:
        leaf.row(row, size=size)
    left, leaf.y = leaf.y, top
    for row in rows[split:]:
        leaf.row(row, x=MARGIN + _HALF + _GAP, size=size)
    leaf.y = max(left, leaf.y)


def _amounts(leaf: Leaf, result: RoiResult) -> None:
    """Write every amount under its schedule, and what is not counted."""
    leaf.heading("Amounts used, and what is not counted")
    named: dict[str, list[str]] = {}
    for rate in result.rates:
        words = "none on file" if rate.amount is None else f"${rate.amount:,.2f}"
        schedule = "No amount" if rate.amount is None else schedule_words(rate, result.inputs)
        named.setdefault(schedule, []).append(f"{rate.code} {words}")
    for schedule, codes in named.items():
        leaf.paragraph(f"{schedule}: {', '.join(codes)}.", size=6.8)
    leaf.paragraph(f"Not counted: {' '.join(result.not_counted)}", size=6.8)
