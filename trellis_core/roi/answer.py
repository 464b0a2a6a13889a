"""Inputs and results as JSON values."""

from decimal import Decimal
from typing import Final

from trellis_core.roi.assumptions import ASSUMPTIONS
from trellis_core.roi.drivers import waterfall
from trellis_core.roi.inputs import RoiInputs, choices_json, plain_number
from trellis_core.roi.results import RoiMonth, RoiResult, StaffNeed, Total
from trellis_core.values.money import amount_text

_CHOICES: Final = {
    "worker": "Who does the work",
    "programs": "Programs that are on",
    "year": "Year of the amounts",
    "state": "State of the Medicare locality; null for national amounts",
    "locality": "Number of the Medicare locality; null for national amounts",
    "setting": "Facility or not",
    "qualifying_apm": "Qualifying participant of an advanced alternative payment model",
    "schedule": "Where Medicare's amounts come from",
    "contract_advantage": "Payer whose contracted amounts Medicare Advantage pays",
    "contract_medicaid": "Payer whose contracted amounts Medicaid pays",
    "contract_commercial": "Payer whose contracted amounts commercial payers pay",
}


def assumptions_json(inputs: RoiInputs) -> list[dict[str, object]]:
    """Return each input with its value, default, range, source and date: numbers, then choices."""
    numbers: list[dict[str, object]] = [
        {
            "name": row.name,
            "label": row.label,
            "value": plain_number(inputs.value(row.name)),
            "default": plain_number(row.default),
            "unit": row.unit,
            "low": plain_number(row.low),
            "high": plain_number(row.high),
            "source": row.source or None,
            "dated": row.dated or None,
            "note": row.note or None,
        }
        for row in ASSUMPTIONS
    ]
    own, start = choices_json(inputs), choices_json(RoiInputs())
    return numbers + [
        {
            "name": name,
            "label": label,
            "value": own[name],
            "default": start[name],
            "unit": "choice",
            "low": None,
            "high": None,
            "source": None,
            "dated": None,
            "note": "Your choice.",
        }
        for name, label in _CHOICES.items()
    ]


_DOLLARS: Final = (
    "allowed",
    "sequestered",
    "uncollected",
    "denied",
    "cash",
    "staff_cost",
    "software_cost",
    "consultant_cost",
    "fixed_cost",
    "cost",
    "net",
)
_PLAIN: Final = ("recruited", "enrolled", "billed", "minutes")


def _figures(of: Total | RoiMonth) -> dict[str, object]:
    return {
        **{name: plain_number(getattr(of, name)) for name in _PLAIN},
        **{name: amount_text(getattr(of, name)) for name in _DOLLARS},
    }


def _month_json(month: RoiMonth) -> dict[str, object]:
    return {
        "month": month.month,
        **_figures(month),
        "cumulative": amount_text(month.cumulative),
        "fte": plain_number(month.fte),
    }


def _staff_json(need: StaffNeed) -> dict[str, object]:
    return {
        "worker": "psychiatric_consultant" if need.worker is None else str(need.worker),
        "minutes": plain_number(need.minutes),
        "fte": plain_number(need.fte),
        "dollars": amount_text(need.dollars),
    }


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else amount_text(value)


def result_json(result: RoiResult) -> dict[str, object]:
    """Return a result as JSON values: dollars with two decimals, which add up to the cent."""
    return {
        "year": result.inputs.year,
        "locality": result.inputs.place if result.inputs.locality else None,
        "setting": str(result.inputs.setting),
        "eligible": plain_number(result.eligible),
        "first_year": _figures(result.first_year),
        "range": {"low": amount_text(result.low), "high": amount_text(result.high)},
        "steady_month": _month_json(result.steady),
        "break_even_month": result.break_even_month,
        "break_even_enrollment": plain_number(result.break_even_enrollment),
        "break_even_reach": plain_number(result.break_even_reach),
        "oversight_minutes": plain_number(result.oversight_minutes),
        "oversight_cost": _amount(result.oversight_cost),
        "waterfall": [
            {"step": step.label, "amount": amount_text(step.dollars), "is_level": step.is_level}
            for step in waterfall(result.first_year)
        ],
        "programs": [
            {
                "program": str(part.program),
                "missing": list(part.missing),
                **_figures(part.first_year),
            }
            for part in result.programs
        ],
        "staff": [_staff_json(need) for need in result.staff],
        "months": [_month_json(month) for month in result.months],
        "rates": [
            {
                "code": rate.code,
                "amount": _amount(rate.amount),
                "schedule": rate.schedule or None,
                "release": rate.release or None,
                "place": rate.place or None,
                "payer": rate.payer or None,
                "is_estimate": rate.is_estimate,
            }
            for rate in result.rates
        ],
        "unpaid": [str(payer) for payer in result.unpaid],
        "not_counted": list(result.not_counted),
    }
