"""Named sets of inputs to start from, and the plain arithmetic that people quote."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from types import MappingProxyType
from typing import Final

from trellis_core.care.vocabulary import Program
from trellis_core.errors import InputRefusedError
from trellis_core.roi.assumptions import Complexity, ScheduleChoice, Worker
from trellis_core.roi.inputs import EXACT, OWN_FIELDS, RoiInputs, one_of, read_fields
from trellis_core.roi.inputs import with_complexity as mixed
from trellis_core.roi.rates import CCM_BASE, NO_CONTRACTS, Amounts, Rates
from trellis_core.values.money import to_cents

FLOOR_PATIENTS: Final = 15
_ONE: Final = Decimal(1)
_ZERO: Final = Decimal(0)
_MONTHS_A_YEAR: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A named set of inputs.

    Attributes:
        name: By which a document asks for it.
        label: In words.
        about: What it sets, and what is left to enter.
    """

    name: str
    label: str
    about: str
    inputs: RoiInputs


def floor_inputs(
    patients: int = FLOOR_PATIENTS, schedule: ScheduleChoice = ScheduleChoice.MEDICARE
) -> RoiInputs:
    """Return the plain arithmetic that people quote, as inputs: N patients x one base unit a month.

    Everybody is billed from the first month, all of it arrives, and nothing costs anything.

    Args:
        patients: How many.
        schedule: The fee schedule, or the estimate that is often quoted.
    """
    return RoiInputs(
        panel=Decimal(patients),
        medicare_share=_ONE,
        conditions_share=_ONE,
        seen_share=_ONE,
        consent_share=_ONE,
        ramp_months=_ONE,
        attrition=_ZERO,
        reach=_ONE,
        add_on_40=_ZERO,
        add_on_60=_ZERO,
        billable_minutes=_ZERO,
        idle_minutes=_ZERO,
        software_fee=_ZERO,
        oversight_minutes=_ZERO,
        coinsurance_collected=_ONE,
        sequestration=_ZERO,
        denials=_ZERO,
        schedule=schedule,
    )


def presets() -> Mapping[str, Preset]:
    """Return the named sets of inputs that a page offers, by name."""
    start = RoiInputs()
    every = (
        Preset(
            name="floor",
            label="The floor",
            about=f"{FLOOR_PATIENTS} patients, one {CCM_BASE} a month each, everything paid, no cost. "
            "Arithmetic, not a forecast.",
            inputs=floor_inputs(),
        ),
        Preset(
            name="floor_quoted_estimate",
            label="The floor at the quoted estimate",
            about="The same at the often quoted $62, which no fee schedule holds.",
            inputs=floor_inputs(schedule=ScheduleChoice.PUBLISHED_ESTIMATE),
        ),
        Preset(
            name="typical",
            label="Typical small practice",
            about="CCM by a licensed practical nurse, every input at its default.",
            inputs=start,
        ),
        Preset(
            name="low_complexity",
            label="Low complexity",
            about="As the typical practice, base units only.",
            inputs=mixed(start, Complexity.LOW),
        ),
        Preset(
            name="high_complexity",
            label="High complexity",
            about="As the typical practice, more months of 40 and 60 minutes.",
            inputs=mixed(start, Complexity.HIGH),
        ),
        Preset(
            name="behavioral_clinic",
            label="Behavioral clinic",
            about="BHI and CoCM by a social worker. Enter your behavioral share, your caseload, and "
            "what the care manager and the consultant need: no source gives them.",
            inputs=replace(
                start,
                programs=frozenset({Program.BHI, Program.COCM}),
                worker=Worker.SOCIAL_WORKER,
            ),
        ),
        Preset(
            name="specialty",
            label="Specialty practice",
            about="PCM by a registered nurse. Enter the share of your Medicare patients whose one "
            "condition you manage: no source gives it.",
            inputs=replace(start, programs=frozenset({Program.PCM}), worker=Worker.RN),
        ),
    )
    return MappingProxyType({each.name: each for each in every})


def read_inputs(document: Mapping[str, object]) -> RoiInputs:
    """Return the inputs of a JSON document; what it does not name keeps its default.

    Besides the fields it may name a ``preset`` to start from and a ``complexity``. Numbers are
    numbers or texts of digits; null clears a figure that may be blank.

    Raises:
        InputRefusedError: An unknown key, a wrong type or a value out of range.
    """
    for key in document:
        if key not in (*OWN_FIELDS, "complexity", "preset"):
            raise InputRefusedError("UNKNOWN_KEY", key, f"There is no input '{key}'.")
    inputs = RoiInputs()
    if "preset" in document:
        offered = presets()
        inputs = offered[one_of("preset", document["preset"], tuple(offered))].inputs
    if document.get("complexity") is not None:  # null: a mix of the practice's own
        named = one_of("complexity", document["complexity"], tuple(Complexity))
        inputs = mixed(inputs, Complexity(named))
    return read_fields(document, inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The plain arithmetic beside the model, with the amount named for what it is."""

    patients: int
    unit_amount: Decimal
    month: Decimal
    year: Decimal
    basis: str


def floors(
    inputs: RoiInputs, amounts: Amounts, *, patients: int = FLOOR_PATIENTS
) -> tuple[Floor, ...]:
    """Return the floor at the fee schedule's amount and at the often quoted estimate, side by side.

    Raises:
        InputRefusedError: No amounts of the year or of the place are on file.
    """
    with localcontext(EXACT):
        own = replace(inputs, schedule=ScheduleChoice.MEDICARE, base_amount=None)
        quoted = replace(own, schedule=ScheduleChoice.PUBLISHED_ESTIMATE)
        found = []
        for each in (own, quoted):
            rates = Rates(_without_contracts(each), amounts, NO_CONTRACTS)
            amount = rates.of(CCM_BASE)
            rate = rates.used[0]
            basis = (
                "often quoted estimate; no fee schedule holds it"
                if rate.is_estimate
                else f"{CCM_BASE}, {rate.schedule} {rate.release}, {rate.place}, {inputs.setting}"
            )
            if rate.amount is not None:
                found.append(
                    Floor(
                        patients=patients,
                        unit_amount=amount,
                        month=to_cents(patients * amount),
                        year=to_cents(patients * amount * _MONTHS_A_YEAR),
                        basis=basis,
                    )
                )
        return tuple(found)


def _without_contracts(inputs: RoiInputs) -> RoiInputs:
    return replace(
        inputs, contract_advantage=None, contract_medicaid=None, contract_commercial=None
    )
