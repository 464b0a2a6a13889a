"""What care management may bring a practice, what it costs, and what decides it: a model as data.

Pure and exact: inputs and a source of amounts in, months out. Nothing is rounded before it is
shown. It needs no patient data. Every input stands in ``ASSUMPTIONS`` with its default, its range
and where it comes from; an input without a source at hand has no default and brings nothing until
somebody enters a figure.

Model, for each program and month ``m``::

    eligible    = panel x Medicare x conditions x seen
    enrolled(m) = enrolled(m-1) x (1 - attrition) + adds(m)
    billed      = enrolled x reach
    allowed     = billed x Σ mix x amount
    cash        = allowed x Σ payer share x (0.80 x (1 - sequestration) + 0.20 x collected) x (1 - denials)
    minutes     = billed x minutes x (1 + overhead) + (enrolled - billed) x idle minutes
    cost        = minutes / 60 x wage x load + enrolled x fee + fixed
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Context, Decimal, localcontext
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

from trellis_core.care.vocabulary import Program, Setting
from trellis_core.errors import InputRefusedError, InvalidValueError
from trellis_core.values.money import amount_text

MONTHS: Final = 36
_FIRST_YEAR: Final = 12
_EXACT: Final = Context(prec=50)
_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_MINUTES_AN_HOUR: Final = Decimal(60)
_MONTHS_A_YEAR: Final = Decimal(12)

ENTER_YOURS: Final = "No source at hand: enter yours. Until then it brings nothing."
_WORKING: Final = "A working assumption without a public source; replace it by your own figure."


class Complexity(StrEnum):
    """How often a billed month holds more than one unit."""

    LOW = "low"
    TYPICAL = "typical"
    HIGH = "high"


class Worker(StrEnum):
    """Who does the work."""

    LPN = "LPN"
    RN = "RN"
    SOCIAL_WORKER = "social_worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """One input of the calculator, as a person should see it before changing it.

    Attributes:
        name: The field of ``RoiInputs``.
        label: What it is, in words.
        default: None where nobody has given a figure: the page then says "enter yours".
        unit: ``share``, ``dollars``, ``minutes``, ``patients``, ``months``, ``hours`` or ``choice``.
        low: Lower end of the range to try; None where there is none.
        high: Upper end.
        source: Where the default comes from; empty for a working assumption.
        dated: When the source's figure is from.
        note: What to know about it; says so where a figure is old or has no source.
    """

    name: str
    label: str
    default: Decimal | None
    unit: str
    low: Decimal | None = None
    high: Decimal | None = None
    source: str = ""
    dated: str = ""
    note: str = ""

    @property
    def is_blank(self) -> bool:
        """Nobody has given a figure; the practice must."""
        return self.default is None


def _row(
    name: str,
    label: str,
    default: str | None,
    unit: str,
    span: tuple[str, str] | None = None,
    *,
    source: str = "",
    dated: str = "",
    note: str | None = None,
) -> Assumption:
    if note is None:
        note = ENTER_YOURS if default is None else "" if source else _WORKING
    return Assumption(
        name=name,
        label=label,
        default=None if default is None else Decimal(default),
        unit=unit,
        low=Decimal(span[0]) if span else None,
        high=Decimal(span[1]) if span else None,
        source=source,
        dated=dated,
        note=note,
    )


_BLS: Final = "U.S. Bureau of Labor Statistics, Occupational Employment and Wage Statistics"

ASSUMPTIONS: Final[tuple[Assumption, ...]] = (
    _row("panel", "Active panel", "2000", "patients", ("500", "10000"), note="Your own count."),
    _row(
        "medicare_share",
        "Share of the panel with Medicare",
        "0.22",
        "share",
        ("0.10", "0.50"),
        source="Medical Group Management Association (MGMA)",
        dated="2013",
        note="Old: a figure of 2013. Use your own payer mix.",
    ),
    _row(
        "conditions_share",
        "Of these, with two or more chronic conditions",
        "0.68",
        "share",
        ("0.50", "0.80"),
        source="CMS, chronic conditions among Medicare beneficiaries",
        note="Beneficiaries of original Medicare; your panel may differ.",
    ),
    _row("seen_share", "Of these, seen within a year", "0.90", "share", ("0.70", "1.00")),
    _row(
        "consent_share",
        "Of these, consenting by the end of the ramp",
        "0.30",
        "share",
        ("0.10", "0.50"),
    ),
    _row(
        "ramp_months", "Months over which they are recruited, evenly", "12", "months", ("6", "24")
    ),
    _row("attrition", "Enrolled patients who leave each month", "0.025", "share", ("0.01", "0.05")),
    _row(
        "replacement",
        "After the ramp, leavers who are replaced",
        "1",
        "share",
        ("0", "1"),
        note="A choice of the model: enrollment then holds the level that the ramp reached.",
    ),
    _row(
        "reach",
        "Share of enrolled months that reach a unit",
        "0.70",
        "share",
        ("0.42", "0.90"),
        note="The input that decides most. " + _WORKING,
    ),
    _row("add_on_40", "Billed months that reach 40 minutes", "0.15", "share", ("0", "0.30")),
    _row("add_on_60", "Billed months that reach 60 minutes", "0.05", "share", ("0", "0.10")),
    _row(
        "complex_share",
        "Billed CCM months that are complex",
        "0",
        "share",
        ("0", "0.10"),
        note="None until you enter a share: complex months need documented decision making.",
    ),
    _row("billable_minutes", "Minutes in a billed month", "24", "minutes", ("20", "40")),
    _row("overhead", "Other work for each billable minute", "0.50", "share", ("0.20", "1.00")),
    _row(
        "idle_minutes",
        "Minutes in an enrolled month that is not billed",
        "8",
        "minutes",
        ("0", "15"),
    ),
    _row(
        "wage_lpn",
        "Hourly wage of a licensed practical nurse",
        "29.97",
        "dollars",
        ("23", "38"),
        source=_BLS,
        dated="May 2024",
    ),
    _row(
        "wage_rn",
        "Hourly wage of a registered nurse",
        "45.00",
        "dollars",
        ("32", "65"),
        source=_BLS,
        dated="May 2024",
    ),
    _row(
        "wage_social_worker",
        "Hourly wage of a social worker",
        "28.88",
        "dollars",
        ("20", "45"),
        source=_BLS,
        dated="May 2024",
    ),
    _row("load", "Total cost for each dollar of wage", "1.42", "share", ("1.20", "1.60")),
    _row("software_fee", "Software, for each enrolled month", "15", "dollars", ("0", "30")),
    _row(
        "fixed_cost", "Fixed cost a month", "0", "dollars", ("0", "2000"), note="Your own figure."
    ),
    _row(
        "coinsurance_share",
        "Part of the allowed amount that the patient owes",
        "0.20",
        "share",
        source="Social Security Act, section 1833(a)(1): Medicare Part B pays 80 percent",
        note="Set by law; the deductible is not modelled.",
    ),
    _row("coinsurance_collected", "Of that, collected", "0.85", "share", ("0.50", "1.00")),
    _row(
        "sequestration",
        "Cut of Medicare's own part",
        "0.02",
        "share",
        source="Balanced Budget and Emergency Deficit Control Act, section 251A, as amended",
        note="Set by law.",
    ),
    _row("denials", "Claims denied for good", "0.05", "share", ("0.01", "0.12")),
    _row(
        "payer_original",
        "Payer mix: original Medicare",
        "1",
        "share",
        note="The five shares sum to 1.",
    ),
    _row("payer_advantage", "Payer mix: Medicare Advantage", "0", "share", note="Enter yours."),
    _row(
        "payer_dual",
        "Payer mix: Qualified Medicare Beneficiaries",
        "0",
        "share",
        note="Enter yours. Their coinsurance may not be charged and collects nothing.",
    ),
    _row("payer_medicaid", "Payer mix: Medicaid", "0", "share", note="Enter yours."),
    _row("payer_commercial", "Payer mix: commercial", "0", "share", note="Enter yours."),
    _row(
        "rate_advantage",
        "Medicare Advantage rate as a share of Medicare's",
        "1",
        "share",
        ("0.90", "1.10"),
        note="Plans differ; use your contract.",
    ),
    _row("rate_medicaid", "Medicaid rate as a share of Medicare's", None, "share"),
    _row("rate_commercial", "Commercial rate as a share of Medicare's", None, "share"),
    _row(
        "base_amount",
        "Your own amount for the CCM base unit",
        None,
        "dollars",
        note="Blank: the fee schedule's amount.",
    ),
    _row("pcm_share", "Share of Medicare patients with one condition fit for PCM", None, "share"),
    _row(
        "bhi_share",
        "Share of Medicare patients with a behavioral condition fit for BHI",
        None,
        "share",
    ),
    _row("cocm_caseload", "CoCM caseload at the end of the ramp", None, "patients"),
    _row("cocm_minutes", "Care manager's minutes in a billed CoCM month", None, "minutes"),
    _row(
        "cocm_consultant_minutes",
        "Consultant's minutes for each CoCM patient-month",
        None,
        "minutes",
    ),
    _row("cocm_consultant_hourly", "Consultant's cost an hour", None, "dollars"),
    _row("tcm_discharges", "Discharges a month that complete every TCM step", None, "patients"),
    _row("tcm_minutes", "Staff minutes for each TCM discharge", None, "minutes"),
    _row(
        "tcm_high_share",
        "Of these, of high complexity",
        "0",
        "share",
        note="None until you enter a share: every discharge is then the moderate code.",
    ),
    _row("apcm_share", "Enrolled APCM months with every element documented", None, "share"),
    _row("apcm_minutes", "Staff minutes in an APCM month", None, "minutes"),
    _row(
        "oversight_minutes",
        "Practitioner's oversight for each enrolled month",
        "3",
        "minutes",
        ("0", "10"),
        note="Shown as opportunity cost, not in cost. " + _WORKING,
    ),
    _row("practitioner_hourly", "What a practitioner's hour brings elsewhere", None, "dollars"),
    _row(
        "hours_per_fte",
        "Hours of one full-time position a year",
        "2080",
        "hours",
        note="52 weeks of 40 hours.",
    ),
)
"""Every number the model reads, in the order in which a page shows them."""

_BY_NAME: Final[Mapping[str, Assumption]] = MappingProxyType({a.name: a for a in ASSUMPTIONS})


def assumption(name: str) -> Assumption:
    """Return one input's description.

    Example:
        >>> assumption("medicare_share").dated
        '2013'
    """
    return _BY_NAME[name]


_DEFAULT: Final[Mapping[str, Decimal]] = MappingProxyType(
    {row.name: row.default for row in ASSUMPTIONS if row.default is not None}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoiInputs:
    """Everything the model reads. Field names, units and sources stand in ``ASSUMPTIONS``.

    Attributes:
        programs: The programs switched on; CCM and APCM exclude each other in one patient-month.
        year: The year whose amounts are used.
    """

    panel: Decimal = _DEFAULT["panel"]
    medicare_share: Decimal = _DEFAULT["medicare_share"]
    conditions_share: Decimal = _DEFAULT["conditions_share"]
    seen_share: Decimal = _DEFAULT["seen_share"]
    consent_share: Decimal = _DEFAULT["consent_share"]
    ramp_months: Decimal = _DEFAULT["ramp_months"]
    attrition: Decimal = _DEFAULT["attrition"]
    replacement: Decimal = _DEFAULT["replacement"]
    reach: Decimal = _DEFAULT["reach"]
    add_on_40: Decimal = _DEFAULT["add_on_40"]
    add_on_60: Decimal = _DEFAULT["add_on_60"]
    complex_share: Decimal = _DEFAULT["complex_share"]
    billable_minutes: Decimal = _DEFAULT["billable_minutes"]
    overhead: Decimal = _DEFAULT["overhead"]
    idle_minutes: Decimal = _DEFAULT["idle_minutes"]
    wage_lpn: Decimal = _DEFAULT["wage_lpn"]
    wage_rn: Decimal = _DEFAULT["wage_rn"]
    wage_social_worker: Decimal = _DEFAULT["wage_social_worker"]
    load: Decimal = _DEFAULT["load"]
    software_fee: Decimal = _DEFAULT["software_fee"]
    fixed_cost: Decimal = _DEFAULT["fixed_cost"]
    coinsurance_share: Decimal = _DEFAULT["coinsurance_share"]
    coinsurance_collected: Decimal = _DEFAULT["coinsurance_collected"]
    sequestration: Decimal = _DEFAULT["sequestration"]
    denials: Decimal = _DEFAULT["denials"]
    payer_original: Decimal = _DEFAULT["payer_original"]
    payer_advantage: Decimal = _DEFAULT["payer_advantage"]
    payer_dual: Decimal = _DEFAULT["payer_dual"]
    payer_medicaid: Decimal = _DEFAULT["payer_medicaid"]
    payer_commercial: Decimal = _DEFAULT["payer_commercial"]
    rate_advantage: Decimal = _DEFAULT["rate_advantage"]
    rate_medicaid: Decimal | None = None
    rate_commercial: Decimal | None = None
    base_amount: Decimal | None = None
    pcm_share: Decimal | None = None
    bhi_share: Decimal | None = None
    cocm_caseload: Decimal | None = None
    cocm_minutes: Decimal | None = None
    cocm_consultant_minutes: Decimal | None = None
    cocm_consultant_hourly: Decimal | None = None
    tcm_discharges: Decimal | None = None
    tcm_minutes: Decimal | None = None
    tcm_high_share: Decimal = _DEFAULT["tcm_high_share"]
    apcm_share: Decimal | None = None
    apcm_minutes: Decimal | None = None
    oversight_minutes: Decimal = _DEFAULT["oversight_minutes"]
    practitioner_hourly: Decimal | None = None
    hours_per_fte: Decimal = _DEFAULT["hours_per_fte"]
    worker: Worker = Worker.LPN
    programs: frozenset[Program] = frozenset({Program.CCM})
    year: int = 2026
    state: str | None = None
    locality: str | None = None
    setting: Setting = Setting.NONFACILITY
    qualifying_apm: bool = False

    def __post_init__(self) -> None:
        problems = _problems(self)
        if problems:
            raise InvalidValueError(" ".join(problems))

    def value(self, name: str) -> Decimal | None:
        """Return one number by its name in ``ASSUMPTIONS``."""
        value: Decimal | None = getattr(self, _BY_NAME[name].name)
        return value


_ABOVE_ONE: Final = frozenset(
    {"load", "overhead", "rate_advantage", "rate_medicaid", "rate_commercial"}
)
_PAYERS: Final = (
    "payer_original",
    "payer_advantage",
    "payer_dual",
    "payer_medicaid",
    "payer_commercial",
)


def _problems(inputs: RoiInputs) -> list[str]:
    found = []
    for row in ASSUMPTIONS:
        value = inputs.value(row.name)
        if value is None:
            continue
        if not value.is_finite() or value < 0:
            found.append(f"{row.name} must be a number from 0 up.")
        elif row.unit == "share" and row.name not in _ABOVE_ONE and value > 1:
            found.append(f"{row.name} is a share: from 0 to 1, for example 0.70 for 70%.")
    if sum((inputs.value(name) or _ZERO for name in _PAYERS), _ZERO) != 1:
        found.append("The five shares of the payer mix must sum to 1.")
    if inputs.ramp_months < 1 or inputs.ramp_months != inputs.ramp_months.to_integral_value():
        found.append("ramp_months must be a whole number of months from 1 up.")
    if inputs.hours_per_fte == 0:
        found.append("hours_per_fte must be more than 0.")
    if {Program.CCM, Program.APCM} <= inputs.programs:
        found.append("CCM and APCM exclude each other in one patient-month; switch one off.")
    return found


class AllowedAmount(Protocol):
    """An amount with the schedule it stands in."""

    @property
    def amount(self) -> Decimal:
        """Dollars for one unit."""
        ...

    @property
    def schedule(self) -> str:
        """The schedule's name, for example ``medicare-2026``."""
        ...

    @property
    def release(self) -> str:
        """The publisher's release."""
        ...


class Amounts(Protocol):
    """Where amounts come from: the fee tables of the rule book."""

    def allowed(
        self,
        code: str,
        *,
        on: date,
        state: str | None,
        locality: str | None,
        setting: Setting,
        qualifying_apm: bool,
    ) -> AllowedAmount | None:
        """Return the allowed amount of one unit, or None where none is on file."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RateUsed:
    """An amount that the model used, named for what it is."""

    code: str
    amount: Decimal | None
    schedule: str = ""
    release: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoiMonth:
    """One month of the model; nothing in it is rounded.

    Attributes:
        month: 1 for the first month.
        recruited: Patients recruited so far.
        enrolled: Patients enrolled in this month, over all programs.
        billed: Patient-months that reach a unit.
        allowed: Allowed amount of what is billed.
        cash: What arrives.
        minutes: Minutes of paid work.
        net: Cash less cost.
        cumulative: Net since the first month.
        fte: Full-time positions that the minutes need.
    """

    month: int
    recruited: Decimal = _ZERO
    enrolled: Decimal = _ZERO
    billed: Decimal = _ZERO
    allowed: Decimal = _ZERO
    cash: Decimal = _ZERO
    minutes: Decimal = _ZERO
    cost: Decimal = _ZERO
    net: Decimal = _ZERO
    cumulative: Decimal = _ZERO
    fte: Decimal = _ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Sums over some months; ``enrolled`` is the last month's."""

    recruited: Decimal
    enrolled: Decimal
    billed: Decimal
    allowed: Decimal
    cash: Decimal
    minutes: Decimal
    cost: Decimal
    net: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramResult:
    """What one program brings in the first year, before fixed cost.

    Attributes:
        missing: Inputs that nobody has entered; the program then brings nothing.
    """

    program: Program
    first_year: Total
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoiResult:
    """The model's answer.

    Attributes:
        eligible: Patients who meet CCM's (or APCM's) conditions.
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
        rates: Each amount used, with its schedule.
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
    rates: tuple[RateUsed, ...]
    not_counted: tuple[str, ...]


NOT_COUNTED: Final = (
    "The Part B deductible, secondary insurance and the timing of payments.",
    "The practitioner's oversight: shown beside the cost as opportunity cost, never in it.",
    "Visits, tests and other services that care management may lead to or save.",
    "Setting up: training, work on the record system, the first care plans.",
    "85 percent of the schedule where a nurse practitioner or physician assistant bills.",
)

# Codes by service element: (element, code). A code without an amount in the chosen year brings 0.
_CCM_BASE, _CCM_MORE, _CCM_COMPLEX = "99490", "99439", "99487"
_PCM_BASE, _PCM_MORE = "99426", "99427"
_BHI = "99484"
_COCM_FIRST, _COCM_NEXT = "99492", "99493"
_TCM_MODERATE, _TCM_HIGH = "99495", "99496"
_APCM_TWO, _APCM_QMB = "G0557", "G0558"


class _Rates:
    """The amounts of one year and place, and which of them were asked for."""

    def __init__(self, inputs: RoiInputs, amounts: Amounts) -> None:
        self._inputs = inputs
        self._amounts = amounts
        self.used: dict[str, RateUsed] = {}

    def of(self, code: str) -> Decimal:
        """Return one unit's amount; 0 where none is on file."""
        if code not in self.used:
            self.used[code] = self._look_up(code)
        return self.used[code].amount or _ZERO

    def _look_up(self, code: str) -> RateUsed:
        inputs = self._inputs
        if code == _CCM_BASE and inputs.base_amount is not None:
            return RateUsed(code=code, amount=inputs.base_amount, schedule="own amount")
        found = self._amounts.allowed(
            code,
            on=date(inputs.year, 12, 31),
            state=inputs.state,
            locality=inputs.locality,
            setting=inputs.setting,
            qualifying_apm=inputs.qualifying_apm,
        )
        if found is None:
            return RateUsed(code=code, amount=None)
        return RateUsed(
            code=code, amount=found.amount, schedule=found.schedule, release=found.release
        )


def _cash_share(inputs: RoiInputs) -> Decimal:
    """Return the part of an allowed amount that arrives, over the payer mix."""
    owed = inputs.coinsurance_share
    paid = _ONE - owed
    medicare = paid * (_ONE - inputs.sequestration)
    collected = owed * inputs.coinsurance_collected
    share = (
        inputs.payer_original * (medicare + collected)
        + inputs.payer_advantage * inputs.rate_advantage * (medicare + collected)
        + inputs.payer_dual * medicare
        + inputs.payer_medicaid * (inputs.rate_medicaid or _ZERO) * paid
        + inputs.payer_commercial * (inputs.rate_commercial or _ZERO) * (paid + collected)
    )
    return share * (_ONE - inputs.denials)


def _wage(inputs: RoiInputs, worker: Worker) -> Decimal:
    return {
        Worker.LPN: inputs.wage_lpn,
        Worker.RN: inputs.wage_rn,
        Worker.SOCIAL_WORKER: inputs.wage_social_worker,
    }[worker]


@dataclass(frozen=True, slots=True)
class _Level:
    """Enrollment of one program in one month."""

    recruited: Decimal
    enrolled: Decimal
    added: Decimal


def _levels(inputs: RoiInputs, recruits: Decimal) -> list[_Level]:
    """Return 36 months of enrollment: an even ramp, then leavers replaced."""
    ramp = int(inputs.ramp_months)
    enrolled = recruited = _ZERO
    levels = []
    for month in range(1, MONTHS + 1):
        left = enrolled * inputs.attrition
        added = recruits / ramp if month <= ramp else left * inputs.replacement
        enrolled = enrolled - left + added
        recruited += added
        levels.append(_Level(recruited, enrolled, added))
    return levels


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """How one program's enrolled months become units, minutes and cost."""

    recruits: Decimal
    reach: Decimal
    amount: Callable[[_Level], Decimal]
    minutes: Decimal
    wage: Decimal
    fee: Decimal
    other_cost: Decimal = _ZERO
    idle_minutes: Decimal = _ZERO


def _medicare_seen(inputs: RoiInputs) -> Decimal:
    return inputs.panel * inputs.medicare_share * inputs.seen_share


def _staff_program(inputs: RoiInputs, share: Decimal, amount: Decimal) -> _Work:
    return _Work(
        recruits=_medicare_seen(inputs) * share * inputs.consent_share,
        reach=inputs.reach,
        amount=lambda _level: amount,
        minutes=inputs.billable_minutes * (_ONE + inputs.overhead),
        wage=_wage(inputs, inputs.worker),
        fee=inputs.software_fee,
        idle_minutes=inputs.idle_minutes,
    )


def _ccm(inputs: RoiInputs, rates: _Rates) -> _Work:
    more = inputs.add_on_40 + inputs.add_on_60
    plain = rates.of(_CCM_BASE) + more * rates.of(_CCM_MORE)
    complex_amount = rates.of(_CCM_COMPLEX) if inputs.complex_share else _ZERO
    amount = (_ONE - inputs.complex_share) * plain + inputs.complex_share * complex_amount
    return _staff_program(inputs, inputs.conditions_share, amount)


def _pcm(inputs: RoiInputs, rates: _Rates) -> _Work:
    more = inputs.add_on_40 + inputs.add_on_60
    amount = rates.of(_PCM_BASE) + more * rates.of(_PCM_MORE)
    return _staff_program(inputs, inputs.pcm_share or _ZERO, amount)


def _bhi(inputs: RoiInputs, rates: _Rates) -> _Work:
    return _staff_program(inputs, inputs.bhi_share or _ZERO, rates.of(_BHI))


def _cocm(inputs: RoiInputs, rates: _Rates) -> _Work:
    first, following = rates.of(_COCM_FIRST), rates.of(_COCM_NEXT)

    def amount(level: _Level) -> Decimal:
        new = level.added / level.enrolled if level.enrolled else _ZERO
        return new * first + (_ONE - new) * following

    consultant = (inputs.cocm_consultant_minutes or _ZERO) / _MINUTES_AN_HOUR
    return _Work(
        recruits=inputs.cocm_caseload or _ZERO,
        reach=inputs.reach,
        amount=amount,
        minutes=(inputs.cocm_minutes or _ZERO) * (_ONE + inputs.overhead),
        wage=_wage(inputs, Worker.SOCIAL_WORKER),
        fee=inputs.software_fee,
        other_cost=consultant * (inputs.cocm_consultant_hourly or _ZERO),
        idle_minutes=inputs.idle_minutes,
    )


def _tcm(inputs: RoiInputs, rates: _Rates) -> _Work:
    amount = (_ONE - inputs.tcm_high_share) * rates.of(_TCM_MODERATE)
    if inputs.tcm_high_share:
        amount += inputs.tcm_high_share * rates.of(_TCM_HIGH)
    return _Work(
        recruits=inputs.tcm_discharges or _ZERO,
        reach=_ONE,
        amount=lambda _level: amount,
        minutes=(inputs.tcm_minutes or _ZERO) * (_ONE + inputs.overhead),
        wage=_wage(inputs, inputs.worker),
        fee=_ZERO,
    )


def _apcm(inputs: RoiInputs, rates: _Rates) -> _Work:
    qmb = inputs.payer_dual
    amount = (_ONE - qmb) * rates.of(_APCM_TWO)
    if qmb:
        amount += qmb * rates.of(_APCM_QMB)
    return _Work(
        recruits=_medicare_seen(inputs) * inputs.conditions_share * inputs.consent_share,
        reach=inputs.apcm_share or _ZERO,
        amount=lambda _level: amount,
        minutes=(inputs.apcm_minutes or _ZERO) * (_ONE + inputs.overhead),
        wage=_wage(inputs, inputs.worker),
        fee=inputs.software_fee,
    )


_PROGRAMS: Final[
    tuple[tuple[Program, Callable[[RoiInputs, _Rates], _Work], tuple[str, ...]], ...]
] = (
    (Program.CCM, _ccm, ()),
    (Program.PCM, _pcm, ("pcm_share",)),
    (Program.BHI, _bhi, ("bhi_share",)),
    (
        Program.COCM,
        _cocm,
        ("cocm_caseload", "cocm_minutes", "cocm_consultant_minutes", "cocm_consultant_hourly"),
    ),
    (Program.APCM, _apcm, ("apcm_share", "apcm_minutes")),
    (Program.TCM, _tcm, ("tcm_discharges", "tcm_minutes")),
)


def _program_months(inputs: RoiInputs, work: _Work, *, is_tcm: bool) -> list[RoiMonth]:
    levels = (
        [_Level(work.recruits * m, work.recruits, work.recruits) for m in range(1, MONTHS + 1)]
        if is_tcm
        else _levels(inputs, work.recruits)
    )
    cash_share = _cash_share(inputs)
    hours = inputs.hours_per_fte / _MONTHS_A_YEAR
    months = []
    for number, level in enumerate(levels, start=1):
        billed = level.enrolled * work.reach
        allowed = billed * work.amount(level)
        minutes = billed * work.minutes + (level.enrolled - billed) * work.idle_minutes
        cost = minutes / _MINUTES_AN_HOUR * work.wage * inputs.load + level.enrolled * (
            work.fee + work.other_cost
        )
        cash = allowed * cash_share
        months.append(
            RoiMonth(
                month=number,
                recruited=level.recruited,
                enrolled=level.enrolled,
                billed=billed,
                allowed=allowed,
                cash=cash,
                minutes=minutes,
                cost=cost,
                net=cash - cost,
                fte=minutes / _MINUTES_AN_HOUR / hours,
            )
        )
    return months


_SUMMED: Final = (
    "recruited",
    "enrolled",
    "billed",
    "allowed",
    "cash",
    "minutes",
    "cost",
    "net",
    "fte",
)


def _together(inputs: RoiInputs, parts: Sequence[Sequence[RoiMonth]]) -> tuple[RoiMonth, ...]:
    """Add the programs up, and the fixed cost once."""
    months: list[RoiMonth] = []
    cumulative = _ZERO
    for index in range(MONTHS):
        sums: dict[str, Decimal] = {
            name: sum((getattr(part[index], name) for part in parts), _ZERO) for name in _SUMMED
        }
        sums["cost"] += inputs.fixed_cost
        sums["net"] -= inputs.fixed_cost
        cumulative += sums["net"]
        months.append(RoiMonth(month=index + 1, cumulative=cumulative, **sums))
    return tuple(months)


def _total(months: Sequence[RoiMonth]) -> Total:
    def add(name: str) -> Decimal:
        return sum((getattr(month, name) for month in months), _ZERO)

    return Total(
        recruited=months[-1].recruited,
        enrolled=months[-1].enrolled,
        billed=add("billed"),
        allowed=add("allowed"),
        cash=add("cash"),
        minutes=add("minutes"),
        cost=add("cost"),
        net=add("net"),
    )


def _missing(inputs: RoiInputs, needs: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in needs if inputs.value(name) is None)


def _run(
    inputs: RoiInputs, rates: _Rates
) -> tuple[tuple[RoiMonth, ...], tuple[ProgramResult, ...]]:
    parts: list[list[RoiMonth]] = []
    results = []
    for program, work_of, needs in _PROGRAMS:
        if program not in inputs.programs:
            continue
        missing = _missing(inputs, needs)
        work = work_of(inputs, rates)
        if missing:
            work = replace(work, recruits=_ZERO)
        months = _program_months(inputs, work, is_tcm=program is Program.TCM)
        parts.append(months)
        results.append(
            ProgramResult(program=program, first_year=_total(months[:_FIRST_YEAR]), missing=missing)
        )
    return _together(inputs, parts), tuple(results)


def _first_year_net(inputs: RoiInputs, rates: _Rates) -> Decimal:
    months, _ = _run(inputs, rates)
    return _total(months[:_FIRST_YEAR]).net


def _break_even_month(months: Sequence[RoiMonth]) -> int | None:
    """Return the first month from which the cumulative net never falls below 0 again."""
    answer = None
    for month in reversed(months):
        if month.cumulative < 0:
            break
        answer = month.month
    return answer


def _break_even_enrollment(inputs: RoiInputs, steady: RoiMonth) -> Decimal | None:
    """Return the enrollment at which a steady month's net is 0; None where no number is enough."""
    if not steady.enrolled:
        return None
    each = (steady.net + inputs.fixed_cost) / steady.enrolled
    return inputs.fixed_cost / each if each > 0 else None


def simulate(inputs: RoiInputs, amounts: Amounts) -> RoiResult:
    """Run the model over 36 months.

    The amounts are those of the last day of ``inputs.year``; a code without an amount there
    brings nothing and is named in ``rates``.

    Args:
        inputs: What the practice assumes.
        amounts: The fee tables.
    """
    reach = _BY_NAME["reach"]
    with localcontext(_EXACT):
        rates = _Rates(inputs, amounts)
        months, programs = _run(inputs, rates)
        first_year = _total(months[:_FIRST_YEAR])
        none = _first_year_net(replace(inputs, reach=_ZERO), rates)
        every = _first_year_net(replace(inputs, reach=_ONE), rates)
        patient_months = sum((month.enrolled for month in months[:_FIRST_YEAR]), _ZERO)
        oversight = patient_months * inputs.oversight_minutes
        hourly = inputs.practitioner_hourly
        return RoiResult(
            inputs=inputs,
            eligible=_medicare_seen(inputs) * inputs.conditions_share,
            months=months,
            first_year=first_year,
            steady=months[-1],
            low=_first_year_net(replace(inputs, reach=reach.low or _ZERO), rates),
            high=_first_year_net(replace(inputs, reach=reach.high or _ONE), rates),
            break_even_month=_break_even_month(months),
            break_even_enrollment=_break_even_enrollment(inputs, months[-1]),
            break_even_reach=_zero_between(none, every),
            oversight_minutes=oversight,
            oversight_cost=None if hourly is None else oversight / _MINUTES_AN_HOUR * hourly,
            programs=programs,
            rates=tuple(rates.used.values()),
            not_counted=NOT_COUNTED,
        )


def _zero_between(at_none: Decimal, at_all: Decimal) -> Decimal | None:
    """Return where a straight line from 0 to 1 crosses 0; None where it does not."""
    if at_none >= 0 or at_all < 0:
        return None
    return -at_none / (at_all - at_none)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing:
    """How far one input moves the first year's net, from one end of its range to the other."""

    name: str
    label: str
    low: Decimal
    high: Decimal
    net_at_low: Decimal
    net_at_high: Decimal

    @property
    def width(self) -> Decimal:
        """Dollars between the two ends."""
        return abs(self.net_at_high - self.net_at_low)


def swings(inputs: RoiInputs, amounts: Amounts) -> tuple[Swing, ...]:
    """Return what moves the first year's net, widest first: the bars of a tornado plot.

    Inputs that move nothing are left out.
    """
    found = []
    with localcontext(_EXACT):
        rates = _Rates(inputs, amounts)
        for row in ASSUMPTIONS:
            if row.low is None or row.high is None or inputs.value(row.name) is None:
                continue
            nets = [
                _first_year_net(_with(inputs, {row.name: end}), rates)
                for end in (row.low, row.high)
            ]
            if nets[0] != nets[1]:
                found.append(
                    Swing(
                        name=row.name,
                        label=row.label,
                        low=row.low,
                        high=row.high,
                        net_at_low=nets[0],
                        net_at_high=nets[1],
                    )
                )
    return tuple(sorted(found, key=lambda swing: (-swing.width, swing.name)))


_MIXES: Final[Mapping[Complexity, tuple[Decimal, Decimal]]] = MappingProxyType(
    {
        Complexity.LOW: (_ZERO, _ZERO),
        Complexity.TYPICAL: (_DEFAULT["add_on_40"], _DEFAULT["add_on_60"]),
        Complexity.HIGH: (_BY_NAME["add_on_40"].high or _ONE, _BY_NAME["add_on_60"].high or _ONE),
    }
)


def with_complexity(inputs: RoiInputs, complexity: Complexity) -> RoiInputs:
    """Return the inputs with one of three mixes of further units.

    Low has base units only, typical the defaults, high the upper ends of their ranges. Complex
    CCM stays as entered: it needs documented decision making, not more minutes alone.
    """
    forty, sixty = _MIXES[complexity]
    return replace(inputs, add_on_40=forty, add_on_60=sixty)


def complexity_of(inputs: RoiInputs) -> Complexity | None:
    """Return the mix that the inputs hold; None for one of the practice's own."""
    held = (inputs.add_on_40, inputs.add_on_60)
    return next((name for name, mix in _MIXES.items() if mix == held), None)


FLOOR_PATIENTS: Final = 15
QUOTED_ESTIMATE: Final = Decimal(62)
"""The rounded estimate of one CCM month that is often quoted; no schedule holds it."""


def floor_inputs(patients: int = FLOOR_PATIENTS, base_amount: Decimal | None = None) -> RoiInputs:
    """Return the plain arithmetic that people quote, as inputs: N patients x one base unit a month.

    Everybody is billed from the first month, all of it arrives, and nothing costs anything.

    Args:
        patients: How many.
        base_amount: An amount of your own; None for the fee schedule's.
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
        coinsurance_collected=_ONE,
        sequestration=_ZERO,
        denials=_ZERO,
        base_amount=base_amount,
    )


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

    The first is left out where the year has no amount on file.
    """
    used = _Rates(inputs, amounts)
    used.of(_CCM_BASE)
    rate = used.used[_CCM_BASE]
    place = f"{inputs.state} {inputs.locality}" if inputs.locality else "national"
    basis = f"{_CCM_BASE}, {rate.schedule} {rate.release}, {place}, {inputs.setting}".replace(
        " ,", ","
    )
    rows = [] if rate.amount is None else [(rate.amount, basis)]
    rows.append((QUOTED_ESTIMATE, "often quoted estimate; no fee schedule holds it"))
    return tuple(
        Floor(
            patients=patients,
            unit_amount=amount,
            month=patients * amount,
            year=patients * amount * _MONTHS_A_YEAR,
            basis=text,
        )
        for amount, text in rows
    )


def presets() -> Mapping[str, RoiInputs]:
    """Return the named sets of inputs that a page offers."""
    start = RoiInputs()
    return MappingProxyType(
        {
            "floor": floor_inputs(),
            "floor_quoted_estimate": floor_inputs(base_amount=QUOTED_ESTIMATE),
            "low_complexity": with_complexity(start, Complexity.LOW),
            "typical": start,
            "high_complexity": with_complexity(start, Complexity.HIGH),
        }
    )


_OWN_FIELDS: Final = frozenset(field.name for field in fields(RoiInputs))
_KEYS: Final = (*(field.name for field in fields(RoiInputs)), "complexity", "preset")
_PLAIN_NUMBER: Final = re.compile(r"-?\d{1,12}(?:\.\d{1,12})?", re.ASCII)


def _with(inputs: RoiInputs, changes: Mapping[str, object]) -> RoiInputs:
    return RoiInputs(**({f.name: getattr(inputs, f.name) for f in fields(inputs)} | dict(changes)))


def read_inputs(document: Mapping[str, object]) -> RoiInputs:
    """Return the inputs of a JSON document; what it does not name keeps its default.

    Besides the fields it may name a ``preset`` to start from and a ``complexity``. Numbers are
    numbers or texts of digits; null clears a figure that may be blank.

    Raises:
        InputRefusedError: An unknown key, a wrong type or a value out of range.
    """
    for key in document:
        if key not in _KEYS:
            raise InputRefusedError("UNKNOWN_KEY", key, f"There is no input '{key}'.")
    inputs = RoiInputs()
    if "preset" in document:
        offered = presets()
        inputs = offered[_choice("preset", document["preset"], tuple(offered))]
    if document.get("complexity") is not None:  # null: a mix of the practice's own
        named = _choice("complexity", document["complexity"], tuple(Complexity))
        inputs = with_complexity(inputs, Complexity(named))
    changes = {key: _read(key, value) for key, value in document.items() if key in _OWN_FIELDS}
    try:
        return _with(inputs, changes)
    except InvalidValueError as error:
        raise InputRefusedError("OUT_OF_RANGE", "", str(error)) from error


def _choice(path: str, value: object, allowed: Sequence[str]) -> str:
    if not isinstance(value, str):
        raise InputRefusedError("WRONG_TYPE", path, "A text is needed.")
    if value not in allowed:
        raise InputRefusedError("UNKNOWN_VALUE", path, f"Use one of: {', '.join(allowed)}.")
    return value


def _read(key: str, value: object) -> object:
    if key in _BY_NAME:
        return _number(key, value)
    if key == "programs":
        if not isinstance(value, list):
            raise InputRefusedError("WRONG_TYPE", key, "A list of programs is needed.")
        names = [_choice(f"programs[{i}]", item, tuple(Program)) for i, item in enumerate(value)]
        return frozenset(Program(name) for name in names)
    if key in ("worker", "setting"):
        kind: type[StrEnum] = Worker if key == "worker" else Setting
        return kind(_choice(key, value, tuple(kind)))
    if key == "year":
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 9999:  # noqa: PLR2004 - the calendar
            raise InputRefusedError("WRONG_TYPE", key, "A year such as 2026 is needed.")
        return value
    wanted: type = bool if key == "qualifying_apm" else str
    is_absent = value is None and wanted is not bool
    if not (is_absent or isinstance(value, wanted)):
        raise InputRefusedError("WRONG_TYPE", key, f"A {wanted.__name__} is needed.")
    return value


def _number(key: str, value: object) -> Decimal | None:
    if value is None:
        if not _BY_NAME[key].is_blank:
            raise InputRefusedError("WRONG_TYPE", key, "A number is needed.")
        return None
    text = value if isinstance(value, str) else str(value)
    if isinstance(value, bool) or not _PLAIN_NUMBER.fullmatch(text):
        raise InputRefusedError("WRONG_TYPE", key, 'A number such as 0.70 or "0.70" is needed.')
    return Decimal(text)


_SHOWN: Final = Decimal("0.0001")


def _plain(value: Decimal | None) -> str | None:
    """Write a number without an exponent, to four places, without needless zeroes."""
    if value is None:
        return None
    with localcontext(_EXACT):
        text = f"{value.quantize(_SHOWN):f}"
    return text.rstrip("0").rstrip(".") or "0"


def inputs_json(inputs: RoiInputs) -> dict[str, object]:
    """Return every input as JSON values, in the order of ``ASSUMPTIONS``, then the choices."""
    complexity = complexity_of(inputs)
    return {
        **{row.name: _plain(inputs.value(row.name)) for row in ASSUMPTIONS},
        "complexity": None if complexity is None else str(complexity),
        "worker": str(inputs.worker),
        "programs": [str(program) for program in Program if program in inputs.programs],
        "year": inputs.year,
        "state": inputs.state,
        "locality": inputs.locality,
        "setting": str(inputs.setting),
        "qualifying_apm": inputs.qualifying_apm,
    }


def assumptions_json(inputs: RoiInputs) -> list[dict[str, object]]:
    """Return each input with its value, default, range, source and date."""
    return [
        {
            "name": row.name,
            "label": row.label,
            "value": _plain(inputs.value(row.name)),
            "default": _plain(row.default),
            "unit": row.unit,
            "low": _plain(row.low),
            "high": _plain(row.high),
            "source": row.source or None,
            "dated": row.dated or None,
            "note": row.note or None,
        }
        for row in ASSUMPTIONS
    ]


def _total_json(total: Total) -> dict[str, object]:
    return {
        "recruited": _plain(total.recruited),
        "enrolled": _plain(total.enrolled),
        "billed": _plain(total.billed),
        "allowed": amount_text(total.allowed),
        "cash": amount_text(total.cash),
        "minutes": _plain(total.minutes),
        "cost": amount_text(total.cost),
        "net": amount_text(total.net),
    }


def _month_json(month: RoiMonth) -> dict[str, object]:
    return {
        "month": month.month,
        "enrolled": _plain(month.enrolled),
        "billed": _plain(month.billed),
        "allowed": amount_text(month.allowed),
        "cash": amount_text(month.cash),
        "minutes": _plain(month.minutes),
        "cost": amount_text(month.cost),
        "net": amount_text(month.net),
        "cumulative": amount_text(month.cumulative),
        "fte": _plain(month.fte),
    }


def result_json(result: RoiResult) -> dict[str, object]:
    """Return a result as JSON values: dollars with two decimals, rounded here and nowhere before."""
    oversight = result.oversight_cost
    return {
        "year": result.inputs.year,
        "locality": (
            f"{result.inputs.state} {result.inputs.locality}" if result.inputs.locality else None
        ),
        "setting": str(result.inputs.setting),
        "eligible": _plain(result.eligible),
        "first_year": _total_json(result.first_year),
        "range": {"low": amount_text(result.low), "high": amount_text(result.high)},
        "steady_month": _month_json(result.steady),
        "break_even_month": result.break_even_month,
        "break_even_enrollment": _plain(result.break_even_enrollment),
        "break_even_reach": _plain(result.break_even_reach),
        "oversight_minutes": _plain(result.oversight_minutes),
        "oversight_cost": None if oversight is None else amount_text(oversight),
        "programs": [
            {
                "program": str(part.program),
                "missing": list(part.missing),
                **_total_json(part.first_year),
            }
            for part in result.programs
        ],
        "months": [_month_json(month) for month in result.months],
        "rates": [
            {
                "code": rate.code,
                "amount": None if rate.amount is None else amount_text(rate.amount),
                "schedule": rate.schedule or None,
                "release": rate.release or None,
            }
            for rate in result.rates
        ],
        "not_counted": list(result.not_counted),
    }
