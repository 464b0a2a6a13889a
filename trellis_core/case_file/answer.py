"""The determination as JSON, as text and as a schema: drawn, never decided again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, Generic, TypeVar

from trellis_core.care.vocabulary import Program, Track
from trellis_core.rules.determination import (
    Alternative,
    AlternativeLine,
    Blocked,
    DecisionNeeded,
    Determination,
    Meter,
    NotCounted,
    Notice,
    Pending,
    ServiceLine,
    TcmDeadlines,
)
from trellis_core.rules.reasons import Reason
from trellis_core.rules.trace import Check, Outcome, ParameterUse, explain
from trellis_core.values.money import amount_text

SCHEMA_NAME: Final = "trellis.determination/1"
"""Name and version of the answer's form; keys are only ever added within a version."""

Schema = dict[str, object]
T = TypeVar("T")

_STRING: Final[Schema] = {"type": "string"}
_STRINGS: Final[Schema] = {"type": "array", "items": _STRING}
_WHOLE: Final[Schema] = {"type": "integer", "minimum": 0}
_WHOLE_OR_NULL: Final[Schema] = {"type": ["integer", "null"], "minimum": 0}
_DAY: Final[Schema] = {"type": "string", "format": "date"}
_DAY_OR_NULL: Final[Schema] = {"type": ["string", "null"], "format": "date"}
_AMOUNT: Final[Schema] = {"type": "string", "pattern": r"^\d+\.\d{2}$"}


def _closed(kind: type[StrEnum], *more: None) -> Schema:
    return {"enum": [*(each.value for each in kind), *more]}


@dataclass(frozen=True, slots=True)
class _Absent:
    """The value of a key that is left out."""


_ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True)
class _Key(Generic[T]):
    """One key of the answer: its schema, and how its value is drawn."""

    name: str
    schema: Schema
    draw: Callable[[T], object]
    may_be_absent: bool = False


class _Form(Generic[T]):
    """The form of one kind of object."""

    def __init__(self, *keys: _Key[T]) -> None:
        self._keys: Final = keys

    def draw(self, value: T) -> dict[str, object]:
        """Return the object of a value."""
        drawn: dict[str, object] = {}
        for key in self._keys:
            item = key.draw(value)
            if item is not _ABSENT:
                drawn[key.name] = item
        return drawn

    def draw_all(self, values: Iterable[T]) -> list[dict[str, object]]:
        """Return the objects of values in order."""
        return [self.draw(each) for each in values]

    @property
    def schema(self) -> Schema:
        """The JSON Schema of the object."""
        return {
            "type": "object",
            "properties": {key.name: key.schema for key in self._keys},
            "required": [key.name for key in self._keys if not key.may_be_absent],
        }

    @property
    def list_schema(self) -> Schema:
        """The JSON Schema of a list of such objects."""
        return {"type": "array", "items": self.schema}


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _amount(amount: Decimal | None) -> object:
    return _ABSENT if amount is None else amount_text(amount)


_LINE: Final = _Form[ServiceLine](
    _Key("code", _STRING, lambda line: line.code),
    _Key("units", _WHOLE, lambda line: line.units),
    _Key("earned_units", _WHOLE, lambda line: line.earned_units),
    _Key("program", _closed(Program), lambda line: line.program.value),
    _Key("minutes", _WHOLE_OR_NULL, lambda line: line.minutes),
    _Key("date_of_service", _DAY, lambda line: line.date_of_service.isoformat()),
    _Key("threshold_met_on", _DAY_OR_NULL, lambda line: _day(line.threshold_met_on)),
    _Key("allowed", _AMOUNT, lambda line: _amount(line.allowed), may_be_absent=True),
    _Key(
        "currency",
        {"const": "USD"},
        lambda line: _ABSENT if line.allowed is None else "USD",
        may_be_absent=True,
    ),
    _Key("entries", _STRINGS, lambda line: list(line.entries)),
    _Key("checks", _STRINGS, lambda line: list(line.checks)),
)

_BLOCKED: Final = _Form[Blocked](
    _Key("program", _closed(Program), lambda each: each.program.value),
    _Key("codes", _STRINGS, lambda each: list(each.codes)),
    _Key("reason", _closed(Reason), lambda each: each.reason.value),
    _Key("message", _STRING, lambda each: each.message),
    _Key("citations", _STRINGS, lambda each: list(each.citations)),
)

_WARNING: Final = _Form[Notice](
    _Key("program", _closed(Program), lambda each: each.program.value),
    _Key("reason", _closed(Reason), lambda each: each.reason.value),
    _Key("message", _STRING, lambda each: each.message),
)

_METER: Final = _Form[Meter](
    _Key("program", _closed(Program), lambda each: each.program.value),
    _Key("track", _closed(Track, None), lambda each: each.track and each.track.value),
    _Key("minutes", _WHOLE, lambda each: each.minutes),
    _Key("seconds", _WHOLE, lambda each: each.seconds),
    _Key("reached", _STRINGS, lambda each: list(each.reached)),
    _Key("next_code", {"type": ["string", "null"]}, lambda each: each.next_code),
    _Key("next_at_minutes", _WHOLE_OR_NULL, lambda each: each.next_at_minutes),
    _Key("minutes_to_next", _WHOLE_OR_NULL, lambda each: each.minutes_to_next),
)

_NOT_COUNTED: Final = _Form[NotCounted](
    _Key("entry", _STRING, lambda each: each.entry),
    _Key("seconds", _WHOLE, lambda each: each.seconds),
    _Key("reason", _closed(Reason), lambda each: each.reason.value),
    _Key("message", _STRING, lambda each: each.message),
)

_ALTERNATIVE_LINE: Final = _Form[AlternativeLine](
    _Key("code", _STRING, lambda each: each.code),
    _Key("units", _WHOLE, lambda each: each.units),
)

_ALTERNATIVE: Final = _Form[Alternative](
    _Key("program", _closed(Program), lambda each: each.program.value),
    _Key(
        "lines", _ALTERNATIVE_LINE.list_schema, lambda each: _ALTERNATIVE_LINE.draw_all(each.lines)
    ),
    _Key("why", _STRING, lambda each: each.why),
)

_DECISION: Final = _Form[DecisionNeeded](
    _Key("program", _closed(Program), lambda each: each.program.value),
    _Key("question", _STRING, lambda each: each.question),
    _Key("options", _STRINGS, lambda each: list(each.options)),
)

_DEADLINES: Final = _Form[TcmDeadlines](
    _Key("program", {"const": Program.TCM.value}, lambda _: Program.TCM.value),
    _Key("discharge", _STRING, lambda each: each.discharge),
    _Key("contact_by", _DAY, lambda each: each.contact_by.isoformat()),
    _Key("high_visit_by", _DAY, lambda each: each.high_visit_by.isoformat()),
    _Key("moderate_visit_by", _DAY, lambda each: each.moderate_visit_by.isoformat()),
    _Key("last_day", _DAY, lambda each: each.last_day.isoformat()),
)

_PENDING: Final = _Form[Pending](
    _Key("program", _closed(Program), lambda each: each.program.value),
    _Key("discharge", _STRING, lambda each: each.discharge),
    _Key("step", _STRING, lambda each: each.step),
    _Key("by", _DAY, lambda each: each.by.isoformat()),
)

_RULE_BOOK: Final = _Form[Determination](
    _Key("version", _STRING, lambda each: each.rule_book_version),
    _Key("fingerprint", _STRING, lambda each: each.rule_book_fingerprint),
)


def _parameter_value(use: ParameterUse) -> object:
    match use.value:
        case tuple():
            return list(use.value)
        case Decimal():
            return str(use.value)
        case _:
            return use.value


_PARAMETER: Final = _Form[ParameterUse](
    _Key("path", _STRING, lambda each: each.path),
    _Key("value", {"type": ["integer", "string", "boolean", "array"]}, _parameter_value),
    _Key("effective_from", _DAY, lambda each: each.effective_from.isoformat()),
    _Key("citations", _STRINGS, lambda each: list(each.citations)),
)

_CHECK_REF: Final[Schema] = {"$ref": "#/$defs/check"}

_CHECK: Final[_Form[Check]] = _Form(
    _Key("rule_id", _STRING, lambda each: each.rule_id),
    _Key("outcome", _closed(Outcome), lambda each: each.outcome.value),
    _Key("message", _STRING, lambda each: each.message),
    _Key("observed", _STRING, lambda each: each.observed),
    _Key("parameters", _PARAMETER.list_schema, lambda each: _PARAMETER.draw_all(each.parameters)),
    _Key("evidence", _STRINGS, lambda each: list(each.evidence)),
    _Key(
        "children",
        {"type": "array", "items": _CHECK_REF},
        lambda each: _CHECK.draw_all(each.children),
    ),
)


def _trace(trace: Sequence[tuple[Program, Check]]) -> dict[str, object]:
    return {program.value: _CHECK.draw(check) for program, check in trace}


_ANSWER: Final = _Form[Determination](
    _Key("schema", {"const": SCHEMA_NAME}, lambda _: SCHEMA_NAME),
    _Key("case", {"type": ["string", "null"]}, lambda each: each.case),
    _Key("service_month", _STRING, lambda each: str(each.service_month)),
    _Key("rule_book", _RULE_BOOK.schema, _RULE_BOOK.draw),
    _Key("lines", _LINE.list_schema, lambda each: _LINE.draw_all(each.lines)),
    _Key("blocked", _BLOCKED.list_schema, lambda each: _BLOCKED.draw_all(each.blocked)),
    _Key("warnings", _WARNING.list_schema, lambda each: _WARNING.draw_all(each.warnings)),
    _Key("meters", _METER.list_schema, lambda each: _METER.draw_all(each.meters)),
    _Key(
        "not_counted",
        _NOT_COUNTED.list_schema,
        lambda each: _NOT_COUNTED.draw_all(each.not_counted),
    ),
    _Key(
        "alternatives",
        _ALTERNATIVE.list_schema,
        lambda each: _ALTERNATIVE.draw_all(each.alternatives),
    ),
    _Key(
        "decisions_needed",
        _DECISION.list_schema,
        lambda each: _DECISION.draw_all(each.decisions_needed),
    ),
    _Key("deadlines", _DEADLINES.list_schema, lambda each: _DEADLINES.draw_all(each.deadlines)),
    _Key("pending", _PENDING.list_schema, lambda each: _PENDING.draw_all(each.pending)),
    _Key(
        "trace",
        {"type": "object", "additionalProperties": _CHECK_REF},
        lambda each: _trace(each.trace or ()),
    ),
)


def determination_json(determination: Determination, *, explain: bool) -> dict[str, object]:
    """Return the answer as the contract writes it.

    Args:
        determination: What was decided.
        explain: Draw the tree of checks too; else ``trace`` is empty.
    """
    answer = _ANSWER.draw(determination)
    if not explain:
        answer["trace"] = {}
    return answer


def determination_schema() -> Schema:
    """Return the JSON Schema of one answer."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Trellis determination",
        "description": "What may be billed for one patient-month, what may not, and why. "
        "Amounts are texts with two decimals, absent where no amount is on file.",
        **_ANSWER.schema,
        "$defs": {"check": _CHECK.schema},
    }


def determination_text(determination: Determination) -> str:
    """Write the answer as a biller reads it."""
    title = f"Service month {determination.service_month}"
    if determination.case:
        title += f": {determination.case}"
    sections: Mapping[str, list[str]] = {
        "May be billed": _lines_text(determination),
        "May not be billed": [
            f"{each.program} {', '.join(each.codes)}: {each.message} ({each.reason})".replace(
                " :", ":"
            )
            for each in determination.blocked
        ],
        "Take note": [
            f"{each.program}: {each.message} ({each.reason})" for each in determination.warnings
        ],
        "A person must decide": [
            f"{each.program}: {each.question} ({' or '.join(each.options)})"
            for each in determination.decisions_needed
        ],
        "Could be billed instead": [
            f"{each.program}: "
            + ", ".join(f"{line.units} x {line.code}" for line in each.lines)
            + f". {each.why}"
            for each in determination.alternatives
        ],
        "Time": [_meter_text(each) for each in determination.meters],
        "Time that does not count": [
            f"{each.entry}, {_duration(each.seconds)}: {each.message} ({each.reason})"
            for each in determination.not_counted
        ],
        "Days to keep after discharge": [
            f"{each.discharge}: contact by {each.contact_by}, visit by {each.high_visit_by} "
            f"(high) or {each.moderate_visit_by} (moderate), last day {each.last_day}"
            for each in determination.deadlines
        ],
        "Still to come": [
            f"{each.program} {each.discharge}: {each.step} by {each.by}"
            for each in determination.pending
        ],
    }
    written = [title, "=" * len(title)]
    for heading, lines in sections.items():
        if lines:
            written += ["", heading, *(f"  {line}" for line in lines)]
    if determination.trace:
        written += ["", "Why"]
        for program, check in determination.trace:
            written += [f"  {program}", *(f"    {line}" for line in explain(check))]
    edition = determination.rule_book_fingerprint.removeprefix("sha256:")[:12]
    written += ["", f"Rule book {determination.rule_book_version}, {edition}"]
    return "\n".join(written) + "\n"


def _lines_text(determination: Determination) -> list[str]:
    if not determination.lines:
        return ["Nothing."]
    return [
        f"{line.units} x {line.code}  {line.program}, {line.date_of_service}"
        + (f", {line.minutes} minutes" if line.minutes is not None else "")
        + (", no amount on file" if line.allowed is None else f", ${amount_text(line.allowed)}")
        + (f" (time earned {line.earned_units})" if line.earned_units > line.units else "")
        for line in determination.lines
    ]


def _meter_text(meter: Meter) -> str:
    track = f" ({meter.track})" if meter.track else ""
    reached = f"; reached {', '.join(meter.reached)}" if meter.reached else ""
    ahead = (
        f"; {meter.minutes_to_next} more for {meter.next_code}"
        if meter.next_code is not None and meter.minutes_to_next is not None
        else ""
    )
    return f"{meter.program}{track}: {meter.minutes} minutes{reached}{ahead}"


def _duration(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}:{rest:02d} min"
