"""The ROI page's results side by side: cases of one practice, and named scenarios.

What nobody has entered is "enter yours", never a zero.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pandas as pd

from pages.shared import formats
from trellis_core import roi
from trellis_core.care.vocabulary import Program
from trellis_core.documents import roi_words
from trellis_core.documents.roi_words import ENTER, WORKER_WORDS
from trellis_core.roi import RoiInputs, RoiResult, ScheduleChoice

MOST_SCENARIOS: Final = 4


def place_words(inputs: RoiInputs) -> str:
    """Name year, place and schedule of a scenario's amounts."""
    if inputs.schedule is ScheduleChoice.PUBLISHED_ESTIMATE:
        return f"{inputs.year}, quoted estimate"
    return f"Medicare {inputs.year}, {inputs.place}"


def program_words(inputs: RoiInputs) -> str:
    """Name the programs that are on."""
    return ", ".join(str(each) for each in Program if each in inputs.programs) or "none"


_OF_EACH: Final[Mapping[str, Callable[[RoiResult], str]]] = {
    "Enrolled at month 12": lambda result: f"{result.first_year.enrolled:,.1f}",
    "Billed months, first year": lambda result: f"{result.first_year.billed:,.1f}",
    "Received, first year": lambda result: formats.money(result.first_year.cash),
    "Cost, first year": lambda result: formats.money(result.first_year.cost),
    "Net, first year": lambda result: formats.money(result.first_year.net),
    "Break-even month": lambda result: (
        str(result.break_even_month) if result.break_even_month else f"not in {roi.MONTHS} months"
    ),
    "Net of a steady month": lambda result: formats.money(result.steady.net),
    "Positions, steady month": lambda result: f"{result.steady.fte:.2f}",
}
_NET: Final = "Net, first year"


def side_by_side(results: Mapping[str, RoiResult]) -> pd.DataFrame:
    """Return the figures that decide, a row for each and a column for each result."""
    return _columns(results, _OF_EACH)


def of_scenarios(results: Mapping[str, RoiResult]) -> pd.DataFrame:
    """Return named scenarios side by side: what they assume first, then what they bring."""
    measures: dict[str, Callable[[RoiResult], str]] = {
        "Amounts": lambda result: place_words(result.inputs),
        "Programs": lambda result: program_words(result.inputs),
        "Who does the work": lambda result: WORKER_WORDS[result.inputs.worker],
    }
    frame = _columns(results, measures)
    rows = dict(_OF_EACH)
    figures = _columns(results, rows)
    after = list(rows).index(_NET) + 1
    span = _columns(results, {"Range of that net": _range_words})
    return pd.concat([frame, figures.iloc[:after], span, figures.iloc[after:]], ignore_index=True)


def _range_words(result: RoiResult) -> str:
    return f"{roi_words.dollars(result.low)} to {roi_words.dollars(result.high)}"


def _columns(
    results: Mapping[str, RoiResult], measures: Mapping[str, Callable[[RoiResult], str]]
) -> pd.DataFrame:
    choices = {"Amounts", "Programs", "Who does the work"}
    return pd.DataFrame(
        [
            {
                "": label,
                **{
                    name: ENTER if _is_blank(result) and label not in choices else write(result)
                    for name, result in results.items()
                },
            }
            for label, write in measures.items()
        ]
    )


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
            rows.append({"": row.label, **words})
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
