"""What documents, screens and the command line say of the calculator, in the same words. Plain text."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, localcontext
from typing import Final

from trellis_core.care.vocabulary import Program
from trellis_core.roi import (
    FIRST_YEAR,
    MONTHS,
    Assumption,
    PayerClass,
    RateUsed,
    RoiInputs,
    RoiResult,
    ScheduleChoice,
    Worker,
    assumption,
)
from trellis_core.roi.inputs import EXACT, plain_number
from trellis_core.values.money import CENT, to_cents

DASH: Final = "—"
ENTER: Final = "enter yours"
"""Stands where nobody has given a figure."""

WORKER_WORDS: Final = {
    Worker.LPN: "licensed practical nurse",
    Worker.RN: "registered nurse",
    Worker.SOCIAL_WORKER: "social worker",
}
CONSULTANT: Final = "psychiatric consultant"

PAYER_WORDS: Final = {
    PayerClass.ORIGINAL: "original Medicare",
    PayerClass.ADVANTAGE: "Medicare Advantage",
    PayerClass.DUAL: "Qualified Medicare Beneficiaries",
    PayerClass.MEDICAID: "Medicaid",
    PayerClass.COMMERCIAL: "commercial payers",
}

_PERCENT: Final = Decimal(100)
_ONE: Final = Decimal(1)
_TENTH: Final = Decimal("0.1")
_PART: Final = Decimal("0.001")


def shown(row: Assumption, value: Decimal | None) -> str:
    """Write one input's value with its unit, exactly; ``enter yours`` where there is none.

    Example:
        >>> shown(assumption("medicare_share"), Decimal("0.22"))
        '22%'
        >>> shown(assumption("wage_lpn"), Decimal("29.97"))
        '$29.97'
        >>> shown(assumption("billable_minutes"), Decimal("24"))
        '24 minutes'
    """
    if value is None:
        return ENTER
    with localcontext(EXACT):
        if row.unit == "share":
            return f"{_grouped(value * _PERCENT)}%"
        if row.unit == "dollars":
            is_whole_cents = value == value.quantize(CENT)
            return f"${value:,.2f}" if is_whole_cents else f"${_grouped(value)}"
        unit = row.unit.removesuffix("s") if value == 1 else row.unit
        return f"{_grouped(value)} {unit}"


def span(row: Assumption) -> str:
    """Write the range to try; a dash where there is none.

    Example:
        >>> span(assumption("reach"))
        '42% to 90%'
    """
    if row.low is None or row.high is None:
        return DASH
    return f"{shown(row, row.low)} to {shown(row, row.high)}"


def origin(row: Assumption) -> str:
    """Write where the default comes from and when it is from; ``none`` without a source.

    Example:
        >>> origin(assumption("medicare_share"))
        'Medical Group Management Association (MGMA), 2013'
    """
    return ", ".join(part for part in (row.source, row.dated) if part) or "none"


def dollars(amount: Decimal) -> str:
    """Write an amount in whole dollars, for sums in which cents are noise.

    Example:
        >>> dollars(Decimal("-462.30")), dollars(Decimal("12345.50"))
        ('-$462', '$12,346')
    """
    whole = to_cents(amount).quantize(_ONE, rounding=ROUND_HALF_UP)
    return f"-${-whole:,f}" if whole < 0 else f"${abs(whole):,f}"


def share(part: Decimal) -> str:
    """Write a share that the model works out, to a tenth of a percent.

    Example:
        >>> share(Decimal("0.42005")), share(Decimal("0.7"))
        ('42%', '70%')
    """
    return f"{_grouped(part.quantize(_PART, rounding=ROUND_HALF_UP) * _PERCENT)}%"


def counted(number: Decimal, noun: str) -> str:
    """Write a number of something, rounded to a whole one from ten up and to a tenth below.

    Example:
        >>> counted(Decimal("335.9"), "billed month"), counted(Decimal("1"), "billed month")
        ('336 billed months', '1 billed month')
    """
    step = _TENTH if number < 10 else _ONE  # noqa: PLR2004 - two digits
    near = number.quantize(step, rounding=ROUND_HALF_UP)
    return f"{_grouped(near)} {noun if near == 1 else noun + 's'}"


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does.

    Example:
        >>> listed(["CCM", "PCM", "TCM"])
        'CCM, PCM and TCM'
    """
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def label_inside(label: str) -> str:
    """Write an input's label as it stands inside a sentence: small at its start, unless a name.

    Example:
        >>> label_inside("Active panel"), label_inside("CoCM caseload at the end of the ramp")
        ('active panel', 'CoCM caseload at the end of the ramp')
    """
    first, _, _ = label.partition(" ")
    is_name = first[1:] != first[1:].lower() or first in {"Medicare", "Medicaid"}
    return label if is_name else label[:1].lower() + label[1:]


def choices(inputs: RoiInputs) -> tuple[tuple[str, str], ...]:
    """Return the inputs that are no numbers, each with its value in words."""
    estimate = inputs.schedule is ScheduleChoice.PUBLISHED_ESTIMATE
    programs = [str(program) for program in Program if program in inputs.programs]
    contracts = {
        payer: f"Contract of {words}"
        for payer, words in PAYER_WORDS.items()
        if payer not in {PayerClass.ORIGINAL, PayerClass.DUAL}
    }
    return (
        ("Programs that are on", listed(programs) or "none"),
        ("Who does the work", WORKER_WORDS[inputs.worker]),
        ("Year of the amounts", str(inputs.year)),
        ("Place of the amounts", inputs.place),
        ("Setting", str(inputs.setting)),
        ("Medicare's amounts", "the often quoted estimate" if estimate else "the fee schedule"),
        ("Qualifying APM participant", "yes" if inputs.qualifying_apm else "no"),
        *((words, inputs.contract_of(payer) or "none") for payer, words in contracts.items()),
    )


def amounts_line(result: RoiResult) -> str:
    """Name every schedule of which an amount was used, and the codes without one.

    Example:
        ``Amounts: medicare-2026 RVU26C, NY 01, nonfacility.``
    """
    named: dict[str, None] = {}
    for rate in result.rates:
        if rate.amount is not None:
            named[schedule_words(rate, result.inputs)] = None
    absent = [rate.code for rate in result.rates if rate.amount is None]
    said = f"Amounts: {'; '.join(named) or 'none used'}."
    if absent:
        said += f" None on file for {listed(list(dict.fromkeys(absent)))}."
    return said


def schedule_words(rate: RateUsed, inputs: RoiInputs) -> str:
    """Name the schedule of one amount for what it is."""
    named = f"{rate.schedule} {rate.release}".strip()
    if rate.is_estimate:
        return f"{named}, an estimate, no fee schedule"
    if rate.payer:
        return named if rate.payer in rate.schedule else f"contract of {rate.payer}: {named}"
    if not rate.place:
        return f"your own amount for {rate.code}"
    apm = ", qualifying APM participant" if inputs.qualifying_apm else ""
    return f"{named}, {rate.place}, {inputs.setting}{apm}"


def missing_lines(result: RoiResult) -> tuple[str, ...]:
    """Say for each program that is on what it still needs before it brings anything."""
    return tuple(
        f"{part.program} brings nothing until {'this is' if len(part.missing) == 1 else 'these are'} "
        f"entered: {'; '.join(label_inside(assumption(name).label) for name in part.missing)}."
        for part in result.programs
        if part.missing
    )


def unpaid_line(result: RoiResult) -> str:
    """Name the payers that bring nothing as nobody has given their rate; empty where there are none."""
    if not result.unpaid:
        return ""
    payers = [PAYER_WORDS[payer] for payer in result.unpaid]
    is_one = payers == ["Medicaid"]
    named = listed(payers)
    return f"{named[:1].upper()}{named[1:]} {'brings' if is_one else 'bring'} nothing: no rate is entered."


def summary(result: RoiResult) -> str:
    """Say in a few plain sentences what the result holds; nothing that is not in it."""
    year = result.first_year
    came = (
        f"In the first year {dollars(year.cash)} comes in for "
        f"{counted(year.billed, 'billed month')}, with {counted(year.enrolled, 'patient')} enrolled "
        f"in month {FIRST_YEAR}."
    )
    sentences = [
        _programs(result),
        came if result.programs else "",
        _left(year.cost, year.net),
        _range(result),
        _turn(result),
        _decides(result),
        *missing_lines(result),
        unpaid_line(result),
    ]
    return " ".join(_kept(sentences))


def _kept(sentences: Iterable[str]) -> list[str]:
    return [sentence for sentence in sentences if sentence]


def _programs(result: RoiResult) -> str:
    names = [str(part.program) for part in result.programs]
    if not names:
        return "No program is on, so nothing comes in."
    own = WORKER_WORDS[Worker.SOCIAL_WORKER]
    worker = own if names == [Program.COCM] else WORKER_WORDS[result.inputs.worker]
    said = f"{listed(names)} {'is' if len(names) == 1 else 'are'} on, by a {worker}"
    return f"{said}, CoCM by a {own}." if Program.COCM in names and worker != own else f"{said}."


def _left(cost: Decimal, net: Decimal) -> str:
    if net < 0:
        return f"It costs {dollars(cost)}, more than comes in: the net is {dollars(net)}."
    return f"It costs {dollars(cost)} and leaves a net of {dollars(net)}."


def _range(result: RoiResult) -> str:
    reach = assumption("reach")
    if result.low == result.high or reach.low is None or reach.high is None:
        return ""
    return (
        f"The net is {dollars(result.low)} where {share(reach.low)} of enrolled months reach a unit, "
        f"and {dollars(result.high)} where {share(reach.high)} do."
    )


def _turn(result: RoiResult) -> str:
    if not result.first_year.cash and not result.first_year.cost:
        return ""
    month = result.break_even_month
    if month is None:
        return f"The cumulative net does not come to stay at zero or above within {MONTHS} months."
    if month == 1:
        return f"The cumulative net stays at zero or above in all {MONTHS} months."
    return f"The cumulative net stays at zero or above from month {month}."


def _decides(result: RoiResult) -> str:
    said = []
    if result.break_even_reach is not None:
        said.append(
            f"The first year breaks even where {share(result.break_even_reach)} of enrolled months "
            f"reach a unit; {share(result.inputs.reach)} are assumed."
        )
    if result.break_even_enrollment:
        most = result.break_even_enrollment.quantize(_ONE, rounding=ROUND_CEILING)
        noun = "patient" if most == 1 else "patients"
        said.append(f"After the ramp a month breaks even with {most:,f} enrolled {noun}.")
    return " ".join(said)


def _grouped(number: Decimal) -> str:
    """Write a number with thousands' commas, without needless zeroes."""
    whole, dot, rest = (plain_number(number) or "").partition(".")
    return f"{int(whole):,}{dot}{rest}"
