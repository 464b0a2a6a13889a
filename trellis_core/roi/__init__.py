"""What care management may bring a practice, what it costs, and what decides it: a model as data.

Pure and exact: inputs and a source of amounts in, months out. It needs no patient data. Every input
stands in ``ASSUMPTIONS`` with its default, its range and where it comes from; an input without a
source at hand has no default and brings nothing until somebody enters a figure. ``model`` has the
formulas.
"""

from trellis_core.roi.answer import assumptions_json, result_json
from trellis_core.roi.assumptions import (
    ASSUMPTIONS,
    ENTER_YOURS,
    GROUPS,
    Assumption,
    Complexity,
    PayerClass,
    ScheduleChoice,
    Worker,
    assumption,
)
from trellis_core.roi.drivers import Swing, WaterfallStep, ccm_against_apcm, swings, waterfall
from trellis_core.roi.inputs import (
    RoiInputs,
    complexity_of,
    complexity_of_mix,
    inputs_json,
    inputs_of_link,
    link_text,
    pairs_of,
    query_of,
    with_complexity,
)
from trellis_core.roi.model import simulate
from trellis_core.roi.presets import (
    FLOOR_PATIENTS,
    Floor,
    Preset,
    floor_inputs,
    floors,
    presets,
    read_inputs,
)
from trellis_core.roi.rates import NO_CONTRACTS, AllowedAmount, Amounts, Contracts, RateUsed
from trellis_core.roi.results import (
    FIRST_YEAR,
    MONTHS,
    NOT_COUNTED,
    ProgramResult,
    RoiMonth,
    RoiResult,
    StaffNeed,
    Total,
    total_of,
)

__all__ = [
    "ASSUMPTIONS",
    "ENTER_YOURS",
    "FIRST_YEAR",
    "FLOOR_PATIENTS",
    "GROUPS",
    "MONTHS",
    "NOT_COUNTED",
    "NO_CONTRACTS",
    "AllowedAmount",
    "Amounts",
    "Assumption",
    "Complexity",
    "Contracts",
    "Floor",
    "PayerClass",
    "Preset",
    "ProgramResult",
    "RateUsed",
    "RoiInputs",
    "RoiMonth",
    "RoiResult",
    "ScheduleChoice",
    "StaffNeed",
    "Swing",
    "Total",
    "WaterfallStep",
    "Worker",
    "assumption",
    "assumptions_json",
    "ccm_against_apcm",
    "complexity_of",
    "complexity_of_mix",
    "floor_inputs",
    "floors",
    "inputs_json",
    "inputs_of_link",
    "link_text",
    "pairs_of",
    "presets",
    "query_of",
    "read_inputs",
    "result_json",
    "simulate",
    "swings",
    "total_of",
    "waterfall",
    "with_complexity",
]
