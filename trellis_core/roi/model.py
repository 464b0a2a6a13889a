"""The model itself: 36 months of enrollment, billing, cash, work and cost for each program.

For each program and month ``m``::

    eligible    = panel x Medicare x conditions x seen
    enrolled(m) = enrolled(m-1) x (1 - attrition) + adds(m)
    billed      = enrolled x reach
    allowed     = billed x Σ payer share x Σ units x that payer's amount
    cash        = (allowed - sequestration - coinsurance not collected) x (1 - denials)
    minutes     = billed x minutes x (1 + overhead) + (enrolled - billed) x idle minutes
    cost        = minutes / 60 x wage x load + enrolled x fee + consultant + fixed

It computes with fifty digits. Dollars are settled once: what has come in by the end of each month is
rounded to the cent, and a month's part is the difference. So months add up to years, programs to
the practice and the parts of a dollar to the dollar, to the cent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Final

from trellis_core.roi.assumptions import PayerClass, Worker, assumption
from trellis_core.roi.inputs import EXACT, RoiInputs
from trellis_core.roi.programs import (
    MINUTES_AN_HOUR,
    PROGRAMS,
    Level,
    ProgramModel,
    Work,
    medicare_seen,
)
from trellis_core.roi.rates import NO_CONTRACTS, Amounts, Contracts, Rates
from trellis_core.roi.results import (
    FIRST_YEAR,
    MONTHS,
    NOT_COUNTED,
    ProgramResult,
    RoiMonth,
    RoiResult,
    StaffNeed,
    total_of,
)
from trellis_core.values.money import ZERO, to_cents

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_MONTHS_A_YEAR: Final = Decimal(12)


@dataclass(slots=True)
class _Money:
    """Dollars of one month, exact: each line is what is left after the one above it."""

    allowed: Decimal = _ZERO
    after_sequestration: Decimal = _ZERO
    after_coinsurance: Decimal = _ZERO
    cash: Decimal = _ZERO
    staff: Decimal = _ZERO
    with_software: Decimal = _ZERO
    cost: Decimal = _ZERO


_LINES: Final = (
    "allowed",
    "after_sequestration",
    "after_coinsurance",
    "cash",
    "staff",
    "with_software",
    "cost",
)


def levels(inputs: RoiInputs, work: Work, *, months: int = MONTHS) -> Iterator[Level]:
    """Return enrollment month by month: an even ramp, then leavers replaced."""
    if work.is_by_discharge:
        for month in range(1, months + 1):
            yield Level(work.recruits * month, work.recruits, work.recruits)
        return
    ramp = int(inputs.ramp_months)
    enrolled = recruited = _ZERO
    for month in range(1, months + 1):
        left = enrolled * inputs.attrition
        added = work.recruits / ramp if month <= ramp else left * inputs.replacement
        enrolled = enrolled - left + added
        recruited += added
        yield Level(recruited, enrolled, added)


def _wage(inputs: RoiInputs, worker: Worker) -> Decimal:
    return {
        Worker.LPN: inputs.wage_lpn,
        Worker.RN: inputs.wage_rn,
        Worker.SOCIAL_WORKER: inputs.wage_social_worker,
    }[worker]


def _money(
    inputs: RoiInputs, rates: Rates, work: Work, level: Level, minutes: Decimal
) -> Iterator[tuple[str, Decimal]]:
    """Give one month's dollars line by line, exact."""
    billed = level.enrolled * work.reach
    owed = inputs.coinsurance_share
    allowed = cut = lost = _ZERO
    for payer in PayerClass:
        share = inputs.payer_share(payer)
        if not share:
            continue
        units = work.units(payer, level)
        each = sum(
            (number * rates.paid_by(payer, code) for code, number in units.items() if number),
            _ZERO,
        )
        part = billed * share * each
        allowed += part
        if payer in _MEDICARE:
            cut += part * (_ONE - owed) * inputs.sequestration
        lost += part * owed * _not_collected(inputs, payer)
    yield "allowed", allowed
    yield "after_sequestration", allowed - cut
    yield "after_coinsurance", allowed - cut - lost
    yield "cash", (allowed - cut - lost) * (_ONE - inputs.denials)
    staff = minutes / MINUTES_AN_HOUR * _wage(inputs, work.worker) * inputs.load
    software = level.enrolled * work.fee
    yield "staff", staff
    yield "with_software", staff + software
    yield "cost", staff + software + level.enrolled * work.consultant + work.retainer


_MEDICARE: Final = frozenset({PayerClass.ORIGINAL, PayerClass.ADVANTAGE, PayerClass.DUAL})


def _not_collected(inputs: RoiInputs, payer: PayerClass) -> Decimal:
    """Return the part of the coinsurance that nobody pays.

    A Qualified Medicare Beneficiary may not be charged it; Medicaid's contracted amount is taken
    to arrive whole.
    """
    if payer is PayerClass.DUAL:
        return _ONE
    return _ZERO if payer is PayerClass.MEDICAID else _ONE - inputs.coinsurance_collected


def program_months(
    inputs: RoiInputs, rates: Rates, work: Work, *, months: int = MONTHS
) -> list[RoiMonth]:
    """Return one program's months, settled in cents."""
    hours = inputs.hours_per_fte / _MONTHS_A_YEAR
    sums = dict.fromkeys(_LINES, _ZERO)
    settled = dict.fromkeys(_LINES, ZERO)
    cumulative = ZERO
    found = []
    for number, level in enumerate(levels(inputs, work, months=months), start=1):
        billed = level.enrolled * work.reach
        minutes = billed * work.minutes + (level.enrolled - billed) * work.idle_minutes
        now = _Money()
        for line, dollars in _money(inputs, rates, work, level, minutes):
            sums[line] += dollars
            whole = to_cents(sums[line])
            setattr(now, line, whole - settled[line])
            settled[line] = whole
        net = now.cash - now.cost
        cumulative += net
        found.append(
            RoiMonth(
                month=number,
                recruited=level.recruited,
                enrolled=level.enrolled,
                billed=billed,
                allowed=now.allowed,
                sequestered=now.allowed - now.after_sequestration,
                uncollected=now.after_sequestration - now.after_coinsurance,
                denied=now.after_coinsurance - now.cash,
                cash=now.cash,
                minutes=minutes,
                staff_cost=now.staff,
                software_cost=now.with_software - now.staff,
                consultant_cost=now.cost - now.with_software,
                cost=now.cost,
                net=net,
                cumulative=cumulative,
                fte=minutes / MINUTES_AN_HOUR / hours,
            )
        )
    return found


_SUMMED: Final = (
    "recruited",
    "enrolled",
    "billed",
    "allowed",
    "sequestered",
    "uncollected",
    "denied",
    "cash",
    "minutes",
    "staff_cost",
    "software_cost",
    "consultant_cost",
    "cost",
    "net",
    "fte",
)


def _together(
    inputs: RoiInputs, parts: Sequence[Sequence[RoiMonth]], months: int
) -> tuple[RoiMonth, ...]:
    """Add the programs up, and the practice's fixed cost once."""
    found: list[RoiMonth] = []
    cumulative = fixed_so_far = ZERO
    for index in range(months):
        sums: dict[str, Decimal] = {
            name: sum((getattr(part[index], name) for part in parts), _ZERO) for name in _SUMMED
        }
        fixed = to_cents(inputs.fixed_cost * (index + 1)) - fixed_so_far
        fixed_so_far += fixed
        sums["cost"] += fixed
        sums["net"] -= fixed
        cumulative += sums["net"]
        found.append(RoiMonth(month=index + 1, fixed_cost=fixed, cumulative=cumulative, **sums))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Run:
    """One pass of the model."""

    months: tuple[RoiMonth, ...]
    parts: tuple[tuple[ProgramModel, Work, list[RoiMonth]], ...]


def run(inputs: RoiInputs, rates: Rates, *, months: int = MONTHS) -> Run:
    """Run every program that is on."""
    parts = []
    for each in PROGRAMS:
        if each.program in inputs.programs:
            work = each.work(inputs)
            if each.missing(inputs):
                work = replace(work, recruits=_ZERO, retainer=_ZERO)
            parts.append((each, work, program_months(inputs, rates, work, months=months)))
    together = _together(inputs, [part for _, _, part in parts], months)
    return Run(together, tuple(parts))


def first_year_net(inputs: RoiInputs, rates: Rates) -> Decimal:
    """Return the net of the first twelve months."""
    return run(inputs, rates, months=FIRST_YEAR).months[-1].cumulative


def simulate(inputs: RoiInputs, amounts: Amounts, contracts: Contracts = NO_CONTRACTS) -> RoiResult:
    """Run the model over 36 months.

    The amounts are those of the last day of ``inputs.year``; a code without an amount there
    brings nothing and is named in ``rates``.

    Args:
        inputs: What the practice assumes.
        amounts: The fee tables.
        contracts: Payers' contracted amounts, of which the inputs may name some.

    Raises:
        InputRefusedError: No amounts of the year or of the place are on file, or no list of a
            payer that the inputs name.
        UnknownLocalityError: The year's table has no such locality.
    """
    reach = assumption("reach")
    with localcontext(EXACT):
        rates = Rates(inputs, amounts, contracts)
        whole = run(inputs, rates)
        none = first_year_net(replace(inputs, reach=_ZERO), rates)
        every = first_year_net(replace(inputs, reach=_ONE), rates)
        first_year = total_of(whole.months[:FIRST_YEAR])
        patient_months = sum((month.enrolled for month in whole.months[:FIRST_YEAR]), _ZERO)
        oversight = patient_months * inputs.oversight_minutes
        hourly = inputs.practitioner_hourly
        return RoiResult(
            inputs=inputs,
            eligible=medicare_seen(inputs) * inputs.conditions_share,
            months=whole.months,
            first_year=first_year,
            steady=whole.months[-1],
            low=first_year_net(replace(inputs, reach=reach.low or _ZERO), rates),
            high=first_year_net(replace(inputs, reach=reach.high or _ONE), rates),
            break_even_month=_break_even_month(whole.months),
            break_even_enrollment=_break_even_enrollment(whole),
            break_even_reach=_zero_between(none, every),
            oversight_minutes=oversight,
            oversight_cost=(
                None if hourly is None else to_cents(oversight / MINUTES_AN_HOUR * hourly)
            ),
            programs=tuple(
                ProgramResult(
                    program=each.program,
                    first_year=total_of(months[:FIRST_YEAR]),
                    steady=months[-1],
                    missing=each.missing(inputs),
                )
                for each, _, months in whole.parts
            ),
            staff=_staff(inputs, whole),
            rates=rates.used,
            unpaid=tuple(
                payer
                for payer in PayerClass
                if inputs.payer_share(payer) and rates.brings_nothing(payer)
            ),
            not_counted=NOT_COUNTED,
        )


def _staff(inputs: RoiInputs, whole: Run) -> tuple[StaffNeed, ...]:
    """Return who is needed in the last month, the consultant last."""
    hours = inputs.hours_per_fte / _MONTHS_A_YEAR
    minutes: dict[Worker | None, Decimal] = {}
    dollars: dict[Worker | None, Decimal] = {}

    def add(worker: Worker | None, more: Decimal, cost: Decimal) -> None:
        if more or cost:
            minutes[worker] = minutes.get(worker, _ZERO) + more
            dollars[worker] = dollars.get(worker, ZERO) + cost

    for _, work, months in whole.parts:
        add(work.worker, months[-1].minutes, months[-1].staff_cost)
    for _, work, months in whole.parts:
        last = months[-1]
        add(None, last.enrolled * work.consultant_minutes, last.consultant_cost)
    return tuple(
        StaffNeed(
            worker=worker,
            minutes=minutes[worker],
            fte=minutes[worker] / MINUTES_AN_HOUR / hours,
            dollars=dollars[worker],
        )
        for worker in minutes
    )


def _zero_between(at_none: Decimal, at_all: Decimal) -> Decimal | None:
    """Return where a straight line from 0 to 1 crosses 0; None where it does not."""
    if at_none >= 0 or at_all < 0:
        return None
    return -at_none / (at_all - at_none)


def _break_even_month(months: Sequence[RoiMonth]) -> int | None:
    """Return the first month from which the cumulative net never falls below 0 again."""
    answer = None
    for month in reversed(months):
        if month.cumulative < 0:
            break
        answer = month.month
    return answer


def _break_even_enrollment(whole: Run) -> Decimal | None:
    """Return the enrollment at which a steady month's net is 0; None where no number is enough."""
    steady = whole.months[-1]
    if not steady.enrolled:
        return None
    fixed = steady.fixed_cost + sum((work.retainer for _, work, _ in whole.parts), _ZERO)
    each = (steady.net + fixed) / steady.enrolled
    return fixed / each if each > 0 else None
