"""Everything the model reads, in one frozen object; its JSON and its link."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Context, Decimal, localcontext
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, urlencode

from trellis_core.care.vocabulary import Program, Setting
from trellis_core.errors import InputRefusedError, InvalidValueError
from trellis_core.roi.assumptions import (
    ASSUMPTIONS,
    DEFAULTS,
    Complexity,
    PayerClass,
    ScheduleChoice,
    Worker,
    assumption,
)

EXACT: Final = Context(prec=50)
"""Digits with which the model computes; nothing is rounded before it is settled in cents."""

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoiInputs:
    """Everything the model reads. Names, units and sources of the numbers stand in ``ASSUMPTIONS``.

    Attributes:
        programs: The programs switched on; APCM excludes CCM and PCM in one patient-month.
        year: The year whose amounts are used.
        schedule: Where Medicare's amounts come from.
        contract_advantage: Payer whose contracted amounts Medicare Advantage pays; None for the
            share of Medicare's rate.
        contract_medicaid: As ``contract_advantage``, for Medicaid.
        contract_commercial: As ``contract_advantage``, for commercial payers.
    """

    panel: Decimal = DEFAULTS["panel"]
    medicare_share: Decimal = DEFAULTS["medicare_share"]
    conditions_share: Decimal = DEFAULTS["conditions_share"]
    seen_share: Decimal = DEFAULTS["seen_share"]
    consent_share: Decimal = DEFAULTS["consent_share"]
    ramp_months: Decimal = DEFAULTS["ramp_months"]
    attrition: Decimal = DEFAULTS["attrition"]
    replacement: Decimal = DEFAULTS["replacement"]
    reach: Decimal = DEFAULTS["reach"]
    add_on_40: Decimal = DEFAULTS["add_on_40"]
    add_on_60: Decimal = DEFAULTS["add_on_60"]
    complex_share: Decimal = DEFAULTS["complex_share"]
    complex_more_share: Decimal = DEFAULTS["complex_more_share"]
    initiating_share: Decimal = DEFAULTS["initiating_share"]
    billable_minutes: Decimal = DEFAULTS["billable_minutes"]
    overhead: Decimal = DEFAULTS["overhead"]
    idle_minutes: Decimal = DEFAULTS["idle_minutes"]
    wage_lpn: Decimal = DEFAULTS["wage_lpn"]
    wage_rn: Decimal = DEFAULTS["wage_rn"]
    wage_social_worker: Decimal = DEFAULTS["wage_social_worker"]
    load: Decimal = DEFAULTS["load"]
    software_fee: Decimal = DEFAULTS["software_fee"]
    fixed_cost: Decimal = DEFAULTS["fixed_cost"]
    coinsurance_share: Decimal = DEFAULTS["coinsurance_share"]
    coinsurance_collected: Decimal = DEFAULTS["coinsurance_collected"]
    sequestration: Decimal = DEFAULTS["sequestration"]
    denials: Decimal = DEFAULTS["denials"]
    payer_original: Decimal = DEFAULTS["payer_original"]
    payer_advantage: Decimal = DEFAULTS["payer_advantage"]
    payer_dual: Decimal = DEFAULTS["payer_dual"]
    payer_medicaid: Decimal = DEFAULTS["payer_medicaid"]
    payer_commercial: Decimal = DEFAULTS["payer_commercial"]
    rate_advantage: Decimal = DEFAULTS["rate_advantage"]
    rate_medicaid: Decimal | None = None
    rate_commercial: Decimal | None = None
    base_amount: Decimal | None = None
    pcm_share: Decimal | None = None
    bhi_share: Decimal | None = None
    cocm_caseload: Decimal | None = None
    cocm_minutes: Decimal | None = None
    cocm_consultant_minutes: Decimal | None = None
    cocm_consultant_hourly: Decimal | None = None
    cocm_retainer: Decimal | None = None
    cocm_more_share: Decimal = DEFAULTS["cocm_more_share"]
    cocm_short_share: Decimal = DEFAULTS["cocm_short_share"]
    tcm_discharges: Decimal | None = None
    tcm_minutes: Decimal | None = None
    tcm_high_share: Decimal = DEFAULTS["tcm_high_share"]
    apcm_share: Decimal | None = None
    apcm_minutes: Decimal | None = None
    apcm_level_one_share: Decimal | None = None
    apcm_behavioral_share: Decimal | None = None
    oversight_minutes: Decimal = DEFAULTS["oversight_minutes"]
    practitioner_hourly: Decimal | None = None
    hours_per_fte: Decimal = DEFAULTS["hours_per_fte"]
    worker: Worker = Worker.LPN
    programs: frozenset[Program] = frozenset({Program.CCM})
    year: int = 2026
    state: str | None = None
    locality: str | None = None
    setting: Setting = Setting.NONFACILITY
    qualifying_apm: bool = False
    schedule: ScheduleChoice = ScheduleChoice.MEDICARE
    contract_advantage: str | None = None
    contract_medicaid: str | None = None
    contract_commercial: str | None = None

    def __post_init__(self) -> None:
        problems = _problems(self)
        if problems:
            raise InvalidValueError(" ".join(problems))

    def value(self, name: str) -> Decimal | None:
        """Return one number by its name in ``ASSUMPTIONS``."""
        value: Decimal | None = getattr(self, assumption(name).name)
        return value

    def payer_share(self, payer: PayerClass) -> Decimal:
        """Return a class's part of the payer mix."""
        return self.value(f"payer_{payer}") or _ZERO

    def contract_of(self, payer: PayerClass) -> str | None:
        """Return the payer whose contracted amounts hold for a class; None for none."""
        return {
            PayerClass.ADVANTAGE: self.contract_advantage,
            PayerClass.MEDICAID: self.contract_medicaid,
            PayerClass.COMMERCIAL: self.contract_commercial,
        }.get(payer)

    @property
    def place(self) -> str:
        """The place of the amounts, in words: ``national`` or for example ``NY 01``."""
        return f"{self.state} {self.locality}" if self.locality else "national"


_ABOVE_ONE: Final = frozenset(
    {"load", "overhead", "rate_advantage", "rate_medicaid", "rate_commercial"}
)
_LARGEST: Final = Decimal(10) ** 9


def _problems(inputs: RoiInputs) -> list[str]:
    found = []
    for row in ASSUMPTIONS:
        value = inputs.value(row.name)
        if value is None:
            continue
        if not value.is_finite() or value < 0:
            found.append(f"{row.name} must be a number from 0 up.")
        elif value > _LARGEST:
            found.append(f"{row.name} is larger than any practice: at most 1,000,000,000.")
        elif row.unit == "share" and row.name not in _ABOVE_ONE and value > 1:
            found.append(f"{row.name} is a share: from 0 to 1, for example 0.70 for 70%.")
    if sum((inputs.payer_share(payer) for payer in PayerClass), _ZERO) != 1:
        found.append("The five shares of the payer mix must sum to 1.")
    if inputs.ramp_months < 1 or inputs.ramp_months != inputs.ramp_months.to_integral_value():
        found.append("ramp_months must be a whole number of months from 1 up.")
    if inputs.hours_per_fte == 0:
        found.append("hours_per_fte must be more than 0.")
    if (inputs.state is None) != (inputs.locality is None):
        found.append("state and locality are given together, or neither for national amounts.")
    return found + _overlaps(inputs)


def _overlaps(inputs: RoiInputs) -> list[str]:
    """Return what would pay one patient-month twice."""
    found = [
        f"{program} and APCM exclude each other in one patient-month; switch one off."
        for program in (Program.CCM, Program.PCM)
        if {program, Program.APCM} <= inputs.programs
    ]
    if inputs.add_on_60 > inputs.add_on_40:
        found.append(
            "add_on_60 is at most add_on_40: months that reach 60 minutes are among those that reach 40."
        )
    if inputs.conditions_share + _in_pcm_instead(inputs) > 1:
        found.append(
            "conditions_share and pcm_share are shares of the same patients, who are in CCM or in "
            "PCM: at most 1 together."
        )
    if inputs.conditions_share + (inputs.apcm_level_one_share or _ZERO) > 1:
        found.append(
            "conditions_share and apcm_level_one_share are shares of the same patients: at most 1 "
            "together."
        )
    return found


def _in_pcm_instead(inputs: RoiInputs) -> Decimal:
    """Return the share of Medicare patients who are in PCM where others are in CCM."""
    both = {Program.CCM, Program.PCM} <= inputs.programs
    return (inputs.pcm_share or _ZERO) if both else _ZERO


def most_with_conditions(inputs: RoiInputs) -> Decimal:
    """Return the largest share of patients with several conditions that the other shares leave."""
    return _ONE - max(_in_pcm_instead(inputs), inputs.apcm_level_one_share or _ZERO)


_MIXES: Final[Mapping[Complexity, tuple[Decimal, Decimal]]] = MappingProxyType(
    {
        Complexity.LOW: (_ZERO, _ZERO),
        Complexity.TYPICAL: (DEFAULTS["add_on_40"], DEFAULTS["add_on_60"]),
        Complexity.HIGH: (
            assumption("add_on_40").high or _ONE,
            assumption("add_on_60").high or _ONE,
        ),
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
    return complexity_of_mix(add_on_40=inputs.add_on_40, add_on_60=inputs.add_on_60)


def complexity_of_mix(*, add_on_40: Decimal, add_on_60: Decimal) -> Complexity | None:
    """Return the name of a mix of further units; None for one of the practice's own."""
    held = (add_on_40, add_on_60)
    return next((name for name, mix in _MIXES.items() if mix == held), None)


def changed(inputs: RoiInputs, changes: Mapping[str, object]) -> RoiInputs:
    """Return the inputs with some fields changed, by name."""
    return RoiInputs(**({f.name: getattr(inputs, f.name) for f in fields(inputs)} | dict(changes)))


_PLAIN_NUMBER: Final = re.compile(r"-?\d{1,12}(?:\.\d{1,12})?", re.ASCII)
_NUMBERS: Final = frozenset(row.name for row in ASSUMPTIONS)
OWN_FIELDS: Final = tuple(field.name for field in fields(RoiInputs))
"""The names of every input, as a document may use them."""
_CHOICES: Final[Mapping[str, type[StrEnum]]] = MappingProxyType(
    {"worker": Worker, "setting": Setting, "schedule": ScheduleChoice}
)
_CALENDAR: Final = range(1, 10_000)
_LONGEST_TEXT: Final = 200


def read_fields(document: Mapping[str, object], start: RoiInputs) -> RoiInputs:
    """Return inputs with the fields of a JSON document in place of the start's.

    Raises:
        InputRefusedError: A wrong type or a value out of range.
    """
    changes = {key: _read(key, value) for key, value in document.items() if key in OWN_FIELDS}
    try:
        return changed(start, changes)
    except InvalidValueError as error:
        raise InputRefusedError("OUT_OF_RANGE", "", str(error)) from error


def one_of(path: str, value: object, allowed: Sequence[str]) -> str:
    """Return a text that is one of a closed list.

    Raises:
        InputRefusedError: It is none, or no text.
    """
    if not isinstance(value, str):
        raise InputRefusedError("WRONG_TYPE", path, "A text is needed.")
    if value not in allowed:
        raise InputRefusedError("UNKNOWN_VALUE", path, f"Use one of: {', '.join(allowed)}.")
    return value


def _read(key: str, value: object) -> object:
    if key in _NUMBERS:
        return _number(key, value)
    if key == "programs":
        if not isinstance(value, list):
            raise InputRefusedError("WRONG_TYPE", key, "A list of programs is needed.")
        names = [one_of(f"programs[{i}]", item, tuple(Program)) for i, item in enumerate(value)]
        return frozenset(Program(name) for name in names)
    if key in _CHOICES:
        kind = _CHOICES[key]
        return kind(one_of(key, value, tuple(kind)))
    if key == "year":
        if isinstance(value, bool) or not isinstance(value, int) or value not in _CALENDAR:
            raise InputRefusedError("WRONG_TYPE", key, "A year such as 2026 is needed.")
        return value
    wanted: type = bool if key == "qualifying_apm" else str
    is_absent = value is None and wanted is not bool
    if not (is_absent or isinstance(value, wanted)):
        raise InputRefusedError("WRONG_TYPE", key, f"A {wanted.__name__} is needed.")
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        raise InputRefusedError("OUT_OF_RANGE", key, f"At most {_LONGEST_TEXT} characters.")
    return value


def _number(key: str, value: object) -> Decimal | None:
    if value is None:
        if not assumption(key).is_blank:
            raise InputRefusedError("WRONG_TYPE", key, "A number is needed.")
        return None
    text = value if isinstance(value, str) else str(value)
    if isinstance(value, bool) or not _PLAIN_NUMBER.fullmatch(text):
        raise InputRefusedError("WRONG_TYPE", key, 'A number such as 0.70 or "0.70" is needed.')
    return Decimal(text)


_SHOWN: Final = Decimal("0.000001")


def plain_number(value: Decimal | None) -> str | None:
    """Write a number without an exponent, to six places, without needless zeroes."""
    if value is None:
        return None
    with localcontext(EXACT):
        text = f"{value.quantize(_SHOWN):f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def inputs_json(inputs: RoiInputs) -> dict[str, object]:
    """Return every input as JSON values, in the order of ``ASSUMPTIONS``, then the choices."""
    complexity = complexity_of(inputs)
    return {
        **{row.name: plain_number(inputs.value(row.name)) for row in ASSUMPTIONS},
        "complexity": None if complexity is None else str(complexity),
        **choices_json(inputs),
    }


def choices_json(inputs: RoiInputs) -> dict[str, object]:
    """Return the inputs that are no numbers as JSON values."""
    return {
        "worker": str(inputs.worker),
        "programs": [str(program) for program in Program if program in inputs.programs],
        "year": inputs.year,
        "state": inputs.state,
        "locality": inputs.locality,
        "setting": str(inputs.setting),
        "qualifying_apm": inputs.qualifying_apm,
        "schedule": str(inputs.schedule),
        "contract_advantage": inputs.contract_advantage,
        "contract_medicaid": inputs.contract_medicaid,
        "contract_commercial": inputs.contract_commercial,
    }


def link_text(inputs: RoiInputs) -> str:
    """Return what differs from the defaults as the query of a link; empty where nothing does.

    It can be read by anybody and holds numbers and choices only.

    Example:
        >>> link_text(RoiInputs(panel=Decimal(900), worker=Worker.RN))
        'panel=900&worker=RN'
    """
    start = {**numbers_of(RoiInputs()), **choices_json(RoiInputs())}
    own = {**numbers_of(inputs), **choices_json(inputs)}
    return query_of((key, _text(value)) for key, value in own.items() if value != start[key])


def query_of(pairs: Iterable[tuple[str, str]]) -> str:
    """Return names and texts as the query of a link."""
    return urlencode(list(pairs))


def pairs_of(query: str) -> list[tuple[str, str]]:
    """Return the names and texts of a link's query."""
    return parse_qsl(query, keep_blank_values=True)


def inputs_of_link(query: str) -> RoiInputs:
    """Return the inputs of a link's query; what it does not name keeps its default.

    Raises:
        InputRefusedError: An unknown key, a key twice, a wrong value or one out of range.
    """
    document: dict[str, object] = {}
    for key, text in pairs_of(query):
        if key not in OWN_FIELDS:
            raise InputRefusedError("UNKNOWN_KEY", key, f"There is no input '{key}'.")
        if key in document:
            raise InputRefusedError("DUPLICATE_KEY", key, "It is named twice.")
        document[key] = _of_text(key, text)
    return read_fields(document, RoiInputs())


def numbers_of(inputs: RoiInputs) -> dict[str, str | None]:
    """Return the inputs that are numbers, as texts."""
    return {row.name: plain_number(inputs.value(row.name)) for row in ASSUMPTIONS}


def _text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _of_text(key: str, text: str) -> object:
    if key == "programs":
        return text.split(",") if text else []
    if key == "qualifying_apm":
        return one_of(key, text, ("yes", "no")) == "yes"
    if key == "year":
        return int(text) if text.isascii() and text.isdigit() and len(text) == 4 else text  # noqa: PLR2004
    return text or None
