"""The tables of the ROI page's parts: a result's figures as words, in rows and columns.

Dollars that a table adds up stand with their cents and add up to the cent. What nobody has entered
is "enter yours", what no list holds is "not on file"; neither is ever a zero.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import pandas as pd

from pages.shared import formats, roi_compared
from trellis_core import roi
from trellis_core.documents import roi_words
from trellis_core.documents.roi_words import DASH, ENTER, PAYER_WORDS, WORKER_WORDS
from trellis_core.roi import (
    PayerClass,
    ProgramResult,
    RateUsed,
    RoiInputs,
    RoiMonth,
    RoiResult,
    Total,
)
from trellis_core.rules.labels import code_label

_AN_HOUR: Final = Decimal(60)


def of_months(result: RoiResult, *, count: int) -> pd.DataFrame:
    """Return the first months in whole dollars, with a row of totals; beyond a year one for each.

    Args:
        result: The model's answer.
        count: How many months: a whole number of years.
    """
    rows = []
    for start in range(0, count, roi.FIRST_YEAR):
        year = result.months[start : start + roi.FIRST_YEAR]
        rows += [_month_row(month) for month in year]
        if count > roi.FIRST_YEAR:
            rows.append(_total_row(f"Year {start // roi.FIRST_YEAR + 1}", year))
    rows.append(_total_row("Total", result.months[:count]))
    return pd.DataFrame(rows)


def _month_row(month: RoiMonth) -> dict[str, str]:
    return {
        "Month": str(month.month),
        "Enrolled": f"{month.enrolled:,.1f}",
        "Billed": f"{month.billed:,.1f}",
        "Received": roi_words.dollars(month.cash),
        "Cost": roi_words.dollars(month.cost),
        "Net": roi_words.dollars(month.net),
        "Cumulative": roi_words.dollars(month.cumulative),
        "Hours": f"{month.minutes / _AN_HOUR:,.1f}",
        "Positions": f"{month.fte:.2f}",
    }


def _total_row(label: str, months: Sequence[RoiMonth]) -> dict[str, str]:
    total = roi.total_of(months)
    return {
        "Month": label,
        "Enrolled": "",
        "Billed": f"{total.billed:,.1f}",
        "Received": roi_words.dollars(total.cash),
        "Cost": roi_words.dollars(total.cost),
        "Net": roi_words.dollars(total.net),
        "Cumulative": roi_words.dollars(months[-1].cumulative),
        "Hours": f"{total.minutes / _AN_HOUR:,.1f}",
        "Positions": "",
    }


def of_steps(total: Total) -> pd.DataFrame:
    """Return the steps from allowed to net, to the cent, each with its share of what is allowed."""
    return pd.DataFrame(
        [
            {
                "Step": step.label,
                "Dollars": formats.money(step.dollars),
                "Of what is allowed": (
                    roi_words.share(step.dollars / total.allowed) if total.allowed else DASH
                ),
            }
            for step in roi.waterfall(total)
        ]
    )


def of_programs(result: RoiResult, *, steady: bool) -> pd.DataFrame:
    """Return each program's part, the practice's fixed cost, and the sum that the page shows.

    Args:
        result: The model's answer.
        steady: The last month instead of the first year.
    """
    rows = [_program_row(result, part, steady=steady) for part in result.programs]
    whole = result.steady if steady else result.first_year
    if whole.fixed_cost:
        rows.append(
            _row_of(
                "Fixed cost",
                "",
                "",
                formats.money(whole.fixed_cost),
                formats.money(-whole.fixed_cost),
            )
        )
    if len(rows) > 1:
        rows.append(_figures_of("Together", result, whole))
    return pd.DataFrame(rows)


def _program_row(result: RoiResult, part: ProgramResult, *, steady: bool) -> dict[str, str]:
    if part.missing:
        return _row_of(str(part.program), ENTER, DASH, DASH, DASH)
    return _figures_of(str(part.program), result, part.steady if steady else part.first_year)


def _figures_of(label: str, result: RoiResult, of: Total | RoiMonth) -> dict[str, str]:
    return _row_of(
        label,
        f"{of.billed:,.1f}",
        roi_compared.received_words(result, of),
        formats.money(of.cost),
        formats.money(of.net),
    )


def _row_of(label: str, billed: str, received: str, cost: str, net: str) -> dict[str, str]:
    return {
        "Program": label,
        "Billed months": billed,
        "Received": received,
        "Cost": cost,
        "Net": net,
    }


def of_staff(result: RoiResult) -> pd.DataFrame:
    """Return who is needed: everybody in month 12, then each worker in the last month."""
    month = result.months[roi.FIRST_YEAR - 1]
    rows = []
    if month.minutes:
        rows.append(
            _staff_row(month.month, _paid_staff(result), month.minutes, month.fte, month.staff_cost)
        )
    if month.consultant_cost:
        minutes = sum(
            (
                part.first_year.enrolled * (result.inputs.cocm_consultant_minutes or 0)
                for part in result.programs
                if part.first_year.consultant_cost
            ),
            Decimal(0),
        )
        hours = result.inputs.hours_per_fte / roi.FIRST_YEAR
        rows.append(
            _staff_row(
                month.month,
                roi_words.CONSULTANT,
                minutes,
                minutes / _AN_HOUR / hours,
                month.consultant_cost,
            )
        )
    rows += [
        _staff_row(
            result.steady.month,
            WORKER_WORDS[need.worker] if need.worker else roi_words.CONSULTANT,
            need.minutes,
            need.fte,
            need.dollars,
        )
        for need in result.staff
    ]
    return pd.DataFrame(rows)


def _paid_staff(result: RoiResult) -> str:
    workers = [need.worker for need in result.staff if need.worker]
    return WORKER_WORDS[workers[0]] if len(workers) == 1 else "all staff together"


def _staff_row(
    month: int, who: str, minutes: Decimal, fte: Decimal, dollars: Decimal
) -> dict[str, str]:
    return {
        "Month": str(month),
        "Who": f"{who[:1].upper()}{who[1:]}",
        "Hours a month": f"{minutes / _AN_HOUR:,.1f}",
        "Full-time positions": f"{fte:.2f}",
        "Cost a month": formats.money(dollars),
    }


def of_rates(result: RoiResult) -> pd.DataFrame:
    """Return every amount that the model used, each named for what it is."""
    return pd.DataFrame([_rate_row(rate) for rate in result.rates])


def _rate_row(rate: RateUsed) -> dict[str, str]:
    is_known = rate.amount is not None
    is_medicare = bool(rate.place) and is_known
    return {
        "Code": rate.code,
        "For": code_label(rate.code),
        "Amount of a unit": formats.money(rate.amount)
        if rate.amount is not None
        else roi_compared.NOT_ON_FILE,
        "Kind": _kind(rate) if is_known else DASH,
        "Schedule": rate.schedule or DASH,
        "Release": rate.release or DASH,
        "Place": rate.place or DASH,
        "Payer": rate.payer or ("Medicare" if is_medicare else DASH),
    }


def _kind(rate: RateUsed) -> str:
    if rate.is_estimate:
        return "estimate, no fee schedule"
    if rate.payer:
        return "contract"
    return "fee schedule" if rate.place else "your own amount"


def of_sources(inputs: RoiInputs) -> pd.DataFrame:
    """Return every input with its value, default, range, source, date and note; choices last."""
    rows = [
        {
            "Input": row.label,
            "Value": roi_words.shown(row, inputs.value(row.name)),
            "Default": roi_words.shown(row, row.default) if row.default is not None else "none",
            "Range": roi_words.span(row),
            "Source": row.source or "none",
            "Date": row.dated or DASH,
            "Note": row.note,
        }
        for row in roi.ASSUMPTIONS
    ]
    start = RoiInputs()
    rows += [
        {
            "Input": label,
            "Value": write(inputs),
            "Default": write(start),
            "Range": DASH,
            "Source": "none",
            "Date": DASH,
            "Note": "Your choice.",
        }
        for label, write in roi_compared.CHOICES.items()
    ]
    return pd.DataFrame(rows)


def shares_words(inputs: RoiInputs) -> str:
    """Say how payers without a list of their own are paid; empty where only Medicare pays."""
    rates = {
        PayerClass.ADVANTAGE: inputs.rate_advantage,
        PayerClass.MEDICAID: inputs.rate_medicaid,
        PayerClass.COMMERCIAL: inputs.rate_commercial,
    }
    said = [
        f"{PAYER_WORDS[payer]} at {roi_words.share(rate)} of these amounts"
        for payer, rate in rates.items()
        if inputs.payer_share(payer) and rate is not None and inputs.contract_of(payer) is None
    ]
    return f"Without a contract of their own: {roi_words.listed(said)}." if said else ""
