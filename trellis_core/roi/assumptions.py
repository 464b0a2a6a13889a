"""Every number that the model reads, as a person should see it before changing it.

An input without a source at hand has no default and brings nothing until somebody enters a figure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

ENTER_YOURS: Final = "No source at hand: enter yours. Until then it brings nothing."
_OPTIONAL: Final = "None until you enter one."
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


class PayerClass(StrEnum):
    """Who pays: the five shares of the payer mix."""

    ORIGINAL = "original"
    ADVANTAGE = "advantage"
    DUAL = "dual"
    MEDICAID = "medicaid"
    COMMERCIAL = "commercial"


class ScheduleChoice(StrEnum):
    """Where Medicare's amounts come from: the fee schedule, or the estimate that guides quote."""

    MEDICARE = "medicare"
    PUBLISHED_ESTIMATE = "published-estimate"


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
        is_known: A practice knows or decides it, so that it is no uncertainty of the answer.
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
    is_known: bool = False

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
    is_known: bool = False,
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
        is_known=is_known,
    )


_BLS: Final = "U.S. Bureau of Labor Statistics, Occupational Employment and Wage Statistics"

ASSUMPTIONS: Final[tuple[Assumption, ...]] = (
    _row(
        "panel",
        "Active panel",
        "2000",
        "patients",
        ("500", "10000"),
        note="Your own count.",
        is_known=True,
    ),
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
    _row(
        "complex_more_share",
        "Complex CCM months with one further half hour",
        "0",
        "share",
        note="None until you enter a share.",
    ),
    _row(
        "initiating_share",
        "New CCM patients with extended care planning at the first visit (G0506)",
        "0",
        "share",
        note="None until you enter a share: once for a patient, by the billing practitioner.",
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
    _row(
        "software_fee",
        "Software, for each enrolled month",
        "15",
        "dollars",
        ("0", "30"),
        is_known=True,
    ),
    _row(
        "fixed_cost",
        "Fixed cost a month",
        "0",
        "dollars",
        ("0", "2000"),
        note="Your own figure.",
        is_known=True,
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
    _row(
        "cocm_retainer",
        "Consultant's retainer and other fixed cost of CoCM a month",
        None,
        "dollars",
        note=_OPTIONAL,
    ),
    _row(
        "cocm_more_share",
        "Billed CoCM months with one further half hour",
        "0",
        "share",
        note="None until you enter a share.",
    ),
    _row(
        "cocm_short_share",
        "Billed CoCM months of the short code (G2214)",
        "0",
        "share",
        note="None until you enter a share.",
    ),
    _row(
        "tcm_discharges",
        "Discharges a month that complete every TCM step",
        None,
        "patients",
        note=f"{ENTER_YOURS} Patients in APCM do not count: TCM is part of APCM.",
    ),
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
        "apcm_level_one_share",
        "Share of Medicare patients with at most one condition who are in APCM too",
        None,
        "share",
        note=_OPTIONAL,
    ),
    _row(
        "apcm_behavioral_share",
        "Billed APCM months with the behavioral add-on (G0570)",
        None,
        "share",
        note=_OPTIONAL,
    ),
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

GROUPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Who is enrolled": (
            "panel",
            "medicare_share",
            "conditions_share",
            "seen_share",
            "consent_share",
            "ramp_months",
            "attrition",
            "replacement",
        ),
        "What is billed": (
            "reach",
            "add_on_40",
            "add_on_60",
            "complex_share",
            "complex_more_share",
            "initiating_share",
            "base_amount",
        ),
        "What the work costs": (
            "billable_minutes",
            "overhead",
            "idle_minutes",
            "wage_lpn",
            "wage_rn",
            "wage_social_worker",
            "load",
            "software_fee",
            "fixed_cost",
            "hours_per_fte",
            "oversight_minutes",
            "practitioner_hourly",
        ),
        "Who pays, and what arrives": (
            "payer_original",
            "payer_advantage",
            "payer_dual",
            "payer_medicaid",
            "payer_commercial",
            "rate_advantage",
            "rate_medicaid",
            "rate_commercial",
            "coinsurance_share",
            "coinsurance_collected",
            "sequestration",
            "denials",
        ),
        "Principal and behavioral care, discharges": (
            "pcm_share",
            "bhi_share",
            "tcm_discharges",
            "tcm_minutes",
            "tcm_high_share",
        ),
        "Collaborative care (CoCM)": (
            "cocm_caseload",
            "cocm_minutes",
            "cocm_consultant_minutes",
            "cocm_consultant_hourly",
            "cocm_retainer",
            "cocm_more_share",
            "cocm_short_share",
        ),
        "Advanced primary care (APCM)": (
            "apcm_share",
            "apcm_minutes",
            "apcm_level_one_share",
            "apcm_behavioral_share",
        ),
    }
)
"""Every assumption once, in the order of a conversation."""

_BY_NAME: Final[Mapping[str, Assumption]] = MappingProxyType({a.name: a for a in ASSUMPTIONS})


def assumption(name: str) -> Assumption:
    """Return one input's description.

    Example:
        >>> assumption("medicare_share").dated
        '2013'
    """
    return _BY_NAME[name]


DEFAULTS: Final[Mapping[str, Decimal]] = MappingProxyType(
    {row.name: row.default for row in ASSUMPTIONS if row.default is not None}
)
