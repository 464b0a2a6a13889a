"""What the model answers: months, totals, programs, staff, amounts; every sum is exact to the cent."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from trellis_core.care.vocabulary import Program
from trellis_core.roi.assumptions import PayerClass, Worker
from trellis_core.roi.inputs import RoiInputs
from trellis_core.roi.rates import RateUsed
from trellis_core.values.money import ZERO

MONTHS: Final = 36
FIRST_YEAR: Final = 12
_NONE: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoiMonth:
    """One month of the model. Dollars are whole cents; patients and minutes are not rounded.

    ``allowed - sequestered - uncollected - denied = cash``;
    ``staff_cost + software_cost + consultant_cost + fixed_cost = cost``; ``cash - cost = net``.

    Attributes:
        month: 1 for the first month.
        recruited: Patients recruited so far.
        enrolled: Patients enrolled in this month, over all programs.
        billed: Patient-months that reach a unit.
        allowed: What the payers allow for what is billed.
        sequestered: Cut of Medicare's own part.
        uncollected: Coinsurance that nobody pays.
        denied: Of the rest, denied for good.
        cash: What arrives.
        minutes: Minutes of paid work.
        staff_cost: Wages for these minutes with what an employer pays on top.
        software_cost: Fee for each enrolled month.
        consultant_cost: Of collaborative care: the consultant by the hour, and a retainer.
        fixed_cost: What a month costs without a patient.
        net: Cash less cost.
        cumulative: Net since the first month.
        fte: Full-time positions that the minutes need.
    """

    month: int
    recruited: Decimal = _NONE
    enrolled: Decimal = _NONE
    billed: Decimal = _NONE
    allowed: Decimal = ZERO
    sequestered: Decimal = ZERO
    uncollected: Decimal = ZERO
    denied: Decimal = ZERO
    cash: Decimal = ZERO
    minutes: Decimal = _NONE
    staff_cost: Decimal = ZERO
    software_cost: Decimal = ZERO
    consultant_cost: Decimal = ZERO
    fixed_cost: Decimal = ZERO
    cost: Decimal = ZERO
    net: Decimal = ZERO
    cumulative: Decimal = ZERO
    fte: Decimal = _NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Sums over some months as ``RoiMonth`` has them; ``recruited`` and ``enrolled`` are the last month's."""

    recruited: Decimal
    enrolled: Decimal
    billed: Decimal
    allowed: Decimal
    sequestered: Decimal
    uncollected: Decimal
    denied: Decimal
    cash: Decimal
    minutes: Decimal
    staff_cost: Decimal
    software_cost: Decimal
    consultant_cost: Decimal
    fixed_cost: Decimal
    cost: Decimal
    net: Decimal


def total_of(months: Sequence[RoiMonth]) -> Total:
    """Return the sums over some months, at least one."""

    def add(name: str) -> Decimal:
        start: Decimal = getattr(months[0], name)
        return sum((getattr(month, name) for month in months[1:]), start)

    return Total(
        recruited=months[-1].recruited,
        enrolled=months[-1].enrolled,
        billed=add("billed"),
        allowed=add("allowed"),
        sequestered=add("sequestered"),
        uncollected=add("uncollected"),
        denied=add("denied"),
        cash=add("cash"),
        minutes=add("minutes"),
        staff_cost=add("staff_cost"),
        software_cost=add("software_cost"),
        consultant_cost=add("consultant_cost"),
        fixed_cost=add("fixed_cost"),
        cost=add("cost"),
        net=add("net"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramResult:
    """What one program brings, before the practice's fixed cost.

    Attributes:
        first_year: Months 1 to 12.
        steady: The last month of the model.
        missing: Inputs that nobody has entered; the program then brings nothing.
    """

    program: Program
    first_year: Total
    steady: RoiMonth
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffNeed:
    """Who is needed, in the last month of the model.

    Attributes:
        worker: None for the psychiatric consultant.
        minutes: In that month.
        fte: Full-time positions.
        dollars: What that work costs in that month.
    """

    worker: Worker | None
    minutes: Decimal
    fte: Decimal
    dollars: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RoiResult:
    """The model's answer.

    Attributes:
        eligible: Patients who meet CCM's (or APCM's second level's) conditions.
        months: Month by month, 36 of them.
        first_year: Months 1 to 12.
        steady: The last month of the model: the level after the ramp.
        low: First-year net at the lower end of the range of ``reach``.
        high: At its upper end.
        break_even_month: First month from which the cumulative net stays at 0 or above.
        break_even_enrollment: Enrolled patients at which a steady month's net is 0.
        break_even_reach: Share of months that must reach a unit for the first year to break even.
        oversight_minutes: Practitioner's minutes in the first year: opportunity cost, not in cost.
        oversight_cost: Those minutes in dollars; None until an hourly figure is entered.
        programs: Each program that is on.
        staff: Who is needed once the ramp is over.
        rates: Each amount used, with its schedule.
        unpaid: Classes of the payer mix for which nobody has given a rate; they bring nothing.
        not_counted: What the model leaves out, in words.
    """

    inputs: RoiInputs
    eligible: Decimal
    months: tuple[RoiMonth, ...]
    first_year: Total
    steady: RoiMonth
    low: Decimal
    high: Decimal
    break_even_month: int | None
    break_even_enrollment: Decimal | None
    break_even_reach: Decimal | None
    oversight_minutes: Decimal
    oversight_cost: Decimal | None
    programs: tuple[ProgramResult, ...]
    staff: tuple[StaffNeed, ...]
    rates: tuple[RateUsed, ...]
    unpaid: tuple[PayerClass, ...]
    not_counted: tuple[str, ...]


NOT_COUNTED: Final = (
    "The Part B deductible, secondary insurance and the timing of payments.",
    "The practitioner's oversight: shown beside the cost as opportunity cost, never in it.",
    "Visits, tests and other services that care management may lead to or save.",
    "Setting up: training, work on the record system, the first care plans.",
    "85 percent of the schedule where a nurse practitioner or physician assistant bills.",
    "Time of a practitioner who does the work in person, and the codes for it.",
)
