"""A forecast beside what became of it, month by month, and how far it was off."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trellis_core import roi
from trellis_core.care.vocabulary import Program
from trellis_core.services.own_figures_counting import FiguresOfMonth, OwnFigures
from trellis_core.values.periods import ServiceMonth

__all__ = ["Compared", "MonthCompared", "TotalCompared", "forecast_against_actual", "total_of"]


@dataclass(frozen=True, slots=True)
class Compared:
    """A forecast figure beside the actual one.

    Attributes:
        actual: None where it is not on record.
    """

    forecast: Decimal
    actual: Decimal | None

    @property
    def error(self) -> Decimal | None:
        """Actual minus forecast: above zero where more came than was foreseen."""
        return None if self.actual is None else self.actual - self.forecast

    @property
    def error_share(self) -> Decimal | None:
        """The error as a share of the forecast; None where the forecast is zero."""
        if self.actual is None or not self.forecast:
            return None
        return (self.actual - self.forecast) / self.forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthCompared:
    """One month of a forecast.

    Attributes:
        number: 1 for the forecast's first month.
        is_over: The month is over; one that runs is left out of totals and of the mean error.
        enrolled: Patients in the programs that the scenario has on, discharges among them.
        billed: Patient-months with a line.
        allowed: Allowed dollars of the lines.
        cash: Recorded payments; unknown where none is recorded, or where the month's superbills are
            also for programs that the scenario leaves out.
        without_amount: Lines without an amount on file: the actual dollars are at least so much.
    """

    month: ServiceMonth
    number: int
    is_over: bool
    enrolled: Compared
    billed: Compared
    allowed: Compared
    cash: Compared
    without_amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalCompared:
    """Complete months added up; each figure over the months for which it is on record.

    Attributes:
        months: Complete months that are on record.
        enrolled: Patient-months; None as the others where no month has the figure.
        mean_error: By figure, the mean of the months' absolute errors in percent of the forecast, as a
            share; None where no month has one.
    """

    months: int
    enrolled: Compared | None
    billed: Compared | None
    allowed: Compared | None
    cash: Compared | None
    mean_error: dict[str, Decimal | None]


def forecast_against_actual(
    inputs: roi.RoiInputs,
    starts: ServiceMonth,
    figures: OwnFigures,
    amounts: roi.Amounts,
    contracts: roi.Contracts = roi.NO_CONTRACTS,
) -> tuple[MonthCompared, ...]:
    """Return what a scenario foresaw and what came, for each month that both know.

    Args:
        inputs: The scenario.
        starts: The service month that its month 1 stands for.
        figures: The practice's months.
        amounts: The fee tables.
        contracts: Payers' contracted amounts.

    Raises:
        InputRefusedError: No amounts of the scenario's year or place are on file.
    """
    foreseen = roi.simulate(inputs, amounts, contracts).months
    found = []
    for each in figures.months:
        number = _months_between(starts, each.month) + 1
        if 1 <= number <= len(foreseen):
            found.append(_compared(foreseen[number - 1], each, inputs.programs))
    return tuple(found)


def total_of(months: Sequence[MonthCompared]) -> TotalCompared:
    """Add the complete months up."""
    complete = [each for each in months if each.is_over]
    return TotalCompared(
        months=sum(each.billed.actual is not None for each in complete),
        enrolled=_added([each.enrolled for each in complete]),
        billed=_added([each.billed for each in complete]),
        allowed=_added([each.allowed for each in complete]),
        cash=_added([each.cash for each in complete]),
        mean_error={name: _mean_error(complete, of) for name, of in _FIGURES.items()},
    )


_FIGURES: dict[str, Callable[[MonthCompared], Compared]] = {
    "enrolled": lambda month: month.enrolled,
    "billed": lambda month: month.billed,
    "allowed": lambda month: month.allowed,
    "cash": lambda month: month.cash,
}


def _months_between(first: ServiceMonth, last: ServiceMonth) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def _compared(
    foreseen: roi.RoiMonth, came: FiguresOfMonth, programs: frozenset[Program]
) -> MonthCompared:
    own = [of for program, of in came.programs.items() if program in programs]
    billed = [of.billed for of in own if of.billed is not None]
    known = [of.allowed for of in billed if of.allowed is not None]
    is_counted = came.is_counted
    dollars = sum(known, Decimal(0)) if known or not billed else None
    others = any(
        of.billed is not None and of.billed.months
        for program, of in came.programs.items()
        if program not in programs
    )

    def actual(number: Decimal | int | None) -> Decimal | None:
        return None if number is None or not is_counted else Decimal(number)

    return MonthCompared(
        month=came.month,
        number=foreseen.month,
        is_over=came.is_over,
        enrolled=Compared(
            foreseen.enrolled,
            Decimal(sum(of.enrolled for of in own)) if came.is_on_record else None,
        ),
        billed=Compared(foreseen.billed, actual(sum(of.months for of in billed))),
        allowed=Compared(foreseen.allowed, actual(dollars)),
        cash=Compared(foreseen.cash, actual(None if others else came.paid)),
        without_amount=sum(of.without_amount for of in billed),
    )


def _added(of: Sequence[Compared]) -> Compared | None:
    known = [(each.forecast, each.actual) for each in of if each.actual is not None]
    if not known:
        return None
    return Compared(
        sum((forecast for forecast, _ in known), Decimal(0)),
        sum((actual for _, actual in known), Decimal(0)),
    )


def _mean_error(
    months: Sequence[MonthCompared], of: Callable[[MonthCompared], Compared]
) -> Decimal | None:
    errors = [abs(share) for month in months if (share := of(month).error_share) is not None]
    return sum(errors, Decimal(0)) / len(errors) if errors else None
