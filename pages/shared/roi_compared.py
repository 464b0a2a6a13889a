"""The ROI page's results side by side: cases of one practice, and named scenarios.

What nobody has entered is "enter yours", never a zero.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pandas as pd

from pages.shared import formats, roi_drawing, roi_plots
from trellis_core import roi
from trellis_core.care.vocabulary import Program
from trellis_core.documents import roi_words
from trellis_core.documents.roi_words import ENTER, WORKER_WORDS
from trellis_core.roi import RoiInputs, RoiMonth, RoiResult, ScheduleChoice, Total

MOST_SCENARIOS: Final = 4
NOT_ON_FILE: Final = "not on file"


def place_words(inputs: RoiInputs) -> str:
    """Name year, place and schedule of a scenario's amounts."""
    if inputs.schedule is ScheduleChoice.PUBLISHED_ESTIMATE:
        return f"{inputs.year}, quoted estimate"
    return f"Medicare {inputs.year}, {inputs.place}"


def program_words(inputs: RoiInputs) -> str:
    """Name the programs that are on."""
    return ", ".join(str(each) for each in Program if each in inputs.programs) or "none"


def received_words(result: RoiResult, of: Total | RoiMonth) -> str:
    """Write what arrives; "not on file" where something is billed and no amount or rate is known."""
    is_unknown = bool(result.unpaid) or any(rate.amount is None for rate in result.rates)
    if of.billed and not of.allowed and is_unknown:
        return NOT_ON_FILE
    return formats.money(of.cash)


def _break_even_words(result: RoiResult) -> str:
    if roi_drawing.is_nothing(result):
        return roi_words.DASH
    return str(result.break_even_month or f"not in {roi.MONTHS} months")


def _range_words(result: RoiResult) -> str:
    if result.low == result.high:
        return "the same at both ends"
    return f"{roi_words.dollars(result.low)} to {roi_words.dollars(result.high)}"


_RANGE: Final = "Range of that net"
_ASSUMED: Final[Mapping[str, Callable[[RoiResult], str]]] = {
    "Amounts": lambda result: place_words(result.inputs),
    "Programs": lambda result: program_words(result.inputs),
    "Who does the work": lambda result: WORKER_WORDS[result.inputs.worker],
}
_FIGURES: Final[Mapping[str, Callable[[RoiResult], str]]] = {
    "Enrolled at month 12": lambda result: f"{result.first_year.enrolled:,.1f}",
    "Billed months, first year": lambda result: f"{result.first_year.billed:,.1f}",
    "Received, first year": lambda result: received_words(result, result.first_year),
    "Cost, first year": lambda result: formats.money(result.first_year.cost),
    "Net, first year": lambda result: formats.money(result.first_year.net),
    _RANGE: _range_words,
    "Break-even month": _break_even_words,
    "Net of a steady month": lambda result: formats.money(result.steady.net),
    "Positions, steady month": lambda result: f"{result.steady.fte:.2f}",
}


def side_by_side(results: Mapping[str, RoiResult]) -> pd.DataFrame:
    """Return the figures that decide, a row for each and a column for each result."""
    rows = [row for row in _figures(results) if row[""] != _RANGE]
    return pd.DataFrame(rows)


def of_scenarios(results: Mapping[str, RoiResult]) -> pd.DataFrame:
    """Return named scenarios side by side: what they assume first, then what they bring."""
    assumed = [
        {"": label, **{name: write(result) for name, result in results.items()}}
        for label, write in _ASSUMED.items()
    ]
    return pd.DataFrame([*assumed, *_figures(results)])


def _figures(results: Mapping[str, RoiResult]) -> list[dict[str, str]]:
    return [
        {
            "": label,
            **{
                name: ENTER if _is_blank(result) else write(result)
                for name, result in results.items()
            },
        }
        for label, write in _FIGURES.items()
    ]


def _is_blank(result: RoiResult) -> bool:
    """Say whether every program still lacks an input: then no figure is a forecast."""
    return bool(result.programs) and all(part.missing for part in result.programs)


def of_differences(results: Mapping[str, RoiResult]) -> pd.DataFrame:
    """Return the inputs in which scenarios differ; empty where they do not.

    Year, place, programs and worker are left out: they stand in the scenarios' own table.
    """
    inputs = {name: result.inputs for name, result in results.items()}
    rows = []
    for row in roi.ASSUMPTIONS:
        if len({each.value(row.name) for each in inputs.values()}) > 1:
            words = {
                name: roi_words.shown(row, each.value(row.name)) for name, each in inputs.items()
            }
            rows.append({"": roi_plots.standing(row.label), **words})
    for label, write in CHOICES.items():
        words = {name: write(each) for name, each in inputs.items()}
        if label not in _SHOWN_ABOVE and len(set(words.values())) > 1:
            rows.append({"": label, **words})
    return pd.DataFrame(rows)


CHOICES: Final[Mapping[str, Callable[[RoiInputs], str]]] = {
    "Who does the work": lambda inputs: WORKER_WORDS[inputs.worker],
    "Programs that are on": program_words,
    "Year of the amounts": lambda inputs: str(inputs.year),
    "Place of the amounts": lambda inputs: inputs.place,
    "Setting": lambda inputs: str(inputs.setting),
    "Qualifying APM participant": lambda inputs: "yes" if inputs.qualifying_apm else "no",
    "Schedule": lambda inputs: (
        "Medicare" if inputs.schedule is ScheduleChoice.MEDICARE else "quoted estimate"
    ),
    "Contract of Medicare Advantage": lambda inputs: inputs.contract_advantage or "none chosen",
    "Contract of Medicaid": lambda inputs: inputs.contract_medicaid or "none chosen",
    "Contract of commercial payers": lambda inputs: inputs.contract_commercial or "none chosen",
}
_SHOWN_ABOVE: Final = frozenset(
    {
        "Who does the work",
        "Programs that are on",
        "Year of the amounts",
        "Place of the amounts",
        "Schedule",
    }
)


def named(results: Sequence[tuple[str, RoiResult]]) -> dict[str, RoiResult]:
    """Return at most four scenarios by name; a name that stands twice gets a number."""
    found: dict[str, RoiResult] = {}
    for name, result in results[:MOST_SCENARIOS]:
        shown, number = name, 1
        while shown in found or not shown:
            number += 1
            shown = f"{name or 'Scenario'} ({number})"
        found[shown] = result
    return found
