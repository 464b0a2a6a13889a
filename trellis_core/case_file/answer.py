"""The determination as JSON, as text and as a schema: drawn, never decided again."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from trellis_core.care.vocabulary import Program, Track
from trellis_core.case_file.explained import explained, wrapped
from trellis_core.case_file.forms import (
    ABSENT,
    AMOUNT,
    DAY,
    DAY_OR_NULL,
    FLAG,
    STRING,
    STRING_OR_NULL,
    STRINGS,
    WHOLE,
    WHOLE_OR_NULL,
    Form,
    FormKey,
    Schema,
    closed,
)
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
from trellis_core.rules.labels import code_label
from trellis_core.rules.reason_texts import question
from trellis_core.rules.reasons import Reason
from trellis_core.rules.sources import RANK, Source, SourceKind, source_id
from trellis_core.rules.trace import Check, Outcome, ParameterUse, cited, flattened
from trellis_core.values.money import amount_text

SCHEMA_NAME: Final = "trellis.determination/1"
"""Name and version of the answer's form; keys are only ever added within a version."""


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _amount(amount: Decimal | None) -> object:
    return ABSENT if amount is None else amount_text(amount)


_LINE: Final = Form[ServiceLine](
    FormKey("code", STRING, lambda line: line.code),
    FormKey("units", WHOLE, lambda line: line.units),
    FormKey("earned_units", WHOLE, lambda line: line.earned_units),
    FormKey("program", closed(Program), lambda line: line.program.value),
    FormKey("minutes", WHOLE_OR_NULL, lambda line: line.minutes),
    FormKey("date_of_service", DAY, lambda line: line.date_of_service.isoformat()),
    FormKey("threshold_met_on", DAY_OR_NULL, lambda line: _day(line.threshold_met_on)),
    FormKey("allowed", AMOUNT, lambda line: _amount(line.allowed), may_be_absent=True),
    FormKey(
        "currency",
        {"const": "USD"},
        lambda line: ABSENT if line.allowed is None else "USD",
        may_be_absent=True,
    ),
    FormKey("entries", STRINGS, lambda line: list(line.entries)),
    FormKey("checks", STRINGS, lambda line: list(line.checks)),
)

_BLOCKED: Final = Form[Blocked](
    FormKey("program", closed(Program), lambda each: each.program.value),
    FormKey("codes", STRINGS, lambda each: list(each.codes)),
    FormKey("reason", closed(Reason), lambda each: each.reason.value),
    FormKey("message", STRING, lambda each: each.message),
    FormKey("citations", STRINGS, lambda each: list(each.citations)),
)

_WARNING: Final = Form[Notice](
    FormKey("program", closed(Program), lambda each: each.program.value),
    FormKey("reason", closed(Reason), lambda each: each.reason.value),
    FormKey("message", STRING, lambda each: each.message),
)

_METER: Final = Form[Meter](
    FormKey("program", closed(Program), lambda each: each.program.value),
    FormKey("track", closed(Track, None), lambda each: each.track and each.track.value),
    FormKey("minutes", WHOLE, lambda each: each.minutes),
    FormKey("seconds", WHOLE, lambda each: each.seconds),
    FormKey("reached", STRINGS, lambda each: list(each.reached)),
    FormKey("next_code", STRING_OR_NULL, lambda each: each.next_code),
    FormKey("next_at_minutes", WHOLE_OR_NULL, lambda each: each.next_at_minutes),
    FormKey("minutes_to_next", WHOLE_OR_NULL, lambda each: each.minutes_to_next),
)

_NOT_COUNTED: Final = Form[NotCounted](
    FormKey("entry", STRING, lambda each: each.entry),
    FormKey("seconds", WHOLE, lambda each: each.seconds),
    FormKey("reason", closed(Reason), lambda each: each.reason.value),
    FormKey("message", STRING, lambda each: each.message),
)

_ALTERNATIVE_LINE: Final = Form[AlternativeLine](
    FormKey("code", STRING, lambda each: each.code),
    FormKey("units", WHOLE, lambda each: each.units),
)

_ALTERNATIVE: Final = Form[Alternative](
    FormKey("program", closed(Program), lambda each: each.program.value),
    FormKey(
        "lines", _ALTERNATIVE_LINE.list_schema, lambda each: _ALTERNATIVE_LINE.draw_all(each.lines)
    ),
    FormKey("why", STRING, lambda each: each.why),
)

_DECISION: Final = Form[DecisionNeeded](
    FormKey("program", closed(Program), lambda each: each.program.value),
    FormKey("question", STRING, lambda each: each.question),
    FormKey("options", STRINGS, lambda each: list(each.options)),
)

_DEADLINES: Final = Form[TcmDeadlines](
    FormKey("program", {"const": Program.TCM.value}, lambda _: Program.TCM.value),
    FormKey("discharge", STRING, lambda each: each.discharge),
    FormKey("contact_by", DAY, lambda each: each.contact_by.isoformat()),
    FormKey("high_visit_by", DAY, lambda each: each.high_visit_by.isoformat()),
    FormKey("moderate_visit_by", DAY, lambda each: each.moderate_visit_by.isoformat()),
    FormKey("last_day", DAY, lambda each: each.last_day.isoformat()),
)

_PENDING: Final = Form[Pending](
    FormKey("program", closed(Program), lambda each: each.program.value),
    FormKey("discharge", STRING, lambda each: each.discharge),
    FormKey("step", STRING, lambda each: each.step),
    FormKey("by", DAY, lambda each: each.by.isoformat()),
)

_RULE_BOOK: Final = Form[Determination](
    FormKey("version", STRING, lambda each: each.rule_book_version),
    FormKey("fingerprint", STRING, lambda each: each.rule_book_fingerprint),
)


def _parameter_value(use: ParameterUse) -> object:
    match use.value:
        case tuple():
            return list(use.value)
        case Decimal():
            return str(use.value)
        case _:
            return use.value


_PARAMETER: Final = Form[ParameterUse](
    FormKey("path", STRING, lambda each: each.path),
    FormKey("description", STRING, lambda each: each.description),
    FormKey("value", {"type": ["integer", "string", "boolean", "array"]}, _parameter_value),
    FormKey("unit", STRING, lambda each: each.unit),
    FormKey("effective_from", DAY, lambda each: each.effective_from.isoformat()),
    FormKey("citations", STRINGS, lambda each: list(each.citations)),
    FormKey("guidance_only", FLAG, lambda each: each.is_guidance_only),
)

_CHECK_REF: Final[Schema] = {"$ref": "#/$defs/check"}

_CHECK: Final[Form[Check]] = Form(
    FormKey("rule_id", STRING, lambda each: each.rule_id),
    FormKey("outcome", closed(Outcome), lambda each: each.outcome.value),
    FormKey("message", STRING, lambda each: each.message),
    FormKey("observed", STRING, lambda each: each.observed),
    FormKey("reason", closed(Reason), lambda each: each.reason or ABSENT, may_be_absent=True),
    FormKey("codes", STRINGS, lambda each: list(each.codes) or ABSENT, may_be_absent=True),
    FormKey(
        "parameters", _PARAMETER.list_schema, lambda each: _PARAMETER.draw_all(each.parameters)
    ),
    FormKey("citations", STRINGS, lambda each: list(each.citations)),
    FormKey("guidance_only", FLAG, lambda each: each.is_guidance_only),
    FormKey("evidence", STRINGS, lambda each: list(each.evidence)),
    FormKey(
        "children",
        {"type": "array", "items": _CHECK_REF},
        lambda each: _CHECK.draw_all(each.children),
    ),
)


_SOURCE: Final = Form[Source](
    FormKey("title", STRING, lambda each: each.title),
    FormKey("publisher", STRING, lambda each: each.publisher),
    FormKey("kind", closed(SourceKind), lambda each: each.kind.value),
    FormKey("rank", {"type": "integer", "minimum": 1}, lambda each: RANK.index(each.kind) + 1),
    FormKey("locator", STRING, lambda each: each.locator),
    FormKey("url", STRING, lambda each: each.url),
    FormKey("published_on", DAY_OR_NULL, lambda each: _day(each.published_on)),
    FormKey("was_read", FLAG, lambda each: each.retrieved_on is not None),
    FormKey("read_on", DAY_OR_NULL, lambda each: _day(each.retrieved_on)),
)

_SOURCES_SCHEMA: Final[Schema] = {
    "type": "object",
    "description": "Every document that the tree cites, by the part of a citation before '#'. "
    "Rank 1 is the strongest authority.",
    "additionalProperties": {"$ref": "#/$defs/source"},
}


def _root_schema() -> Schema:
    """Return the schema of a program's tree: a check with the documents that it cites."""
    root = _CHECK.schema
    properties, required = root["properties"], root["required"]
    if isinstance(properties, dict) and isinstance(required, list):
        root["properties"] = {**properties, "sources": _SOURCES_SCHEMA}
        root["required"] = [*required, "sources"]
    return root


def _trace(determination: Determination) -> dict[str, object]:
    listed = {source.id: source for source in determination.sources}
    drawn: dict[str, object] = {}
    for program, root in determination.trace or ():
        named = {source_id(each) for check in flattened(root) for each in cited(check)}
        sources = {name: _SOURCE.draw(source) for name, source in listed.items() if name in named}
        drawn[program.value] = {**_CHECK.draw(root), "sources": sources}
    return drawn


_ANSWER: Final = Form[Determination](
    FormKey("schema", {"const": SCHEMA_NAME}, lambda _: SCHEMA_NAME),
    FormKey("case", STRING_OR_NULL, lambda each: each.case),
    FormKey("service_month", STRING, lambda each: str(each.service_month)),
    FormKey("rule_book", _RULE_BOOK.schema, _RULE_BOOK.draw),
    FormKey("lines", _LINE.list_schema, lambda each: _LINE.draw_all(each.lines)),
    FormKey("blocked", _BLOCKED.list_schema, lambda each: _BLOCKED.draw_all(each.blocked)),
    FormKey("warnings", _WARNING.list_schema, lambda each: _WARNING.draw_all(each.warnings)),
    FormKey("meters", _METER.list_schema, lambda each: _METER.draw_all(each.meters)),
    FormKey(
        "not_counted",
        _NOT_COUNTED.list_schema,
        lambda each: _NOT_COUNTED.draw_all(each.not_counted),
    ),
    FormKey(
        "alternatives",
        _ALTERNATIVE.list_schema,
        lambda each: _ALTERNATIVE.draw_all(each.alternatives),
    ),
    FormKey(
        "decisions_needed",
        _DECISION.list_schema,
        lambda each: _DECISION.draw_all(each.decisions_needed),
    ),
    FormKey("deadlines", _DEADLINES.list_schema, lambda each: _DEADLINES.draw_all(each.deadlines)),
    FormKey("pending", _PENDING.list_schema, lambda each: _PENDING.draw_all(each.pending)),
    FormKey(
        "trace",
        {"type": "object", "additionalProperties": {"$ref": "#/$defs/tree"}},
        _trace,
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
        "$defs": {"tree": _root_schema(), "check": _CHECK.schema, "source": _SOURCE.schema},
    }


def determination_text(determination: Determination) -> str:
    """Write the answer as a biller reads it."""
    title = f"Service month {determination.service_month}"
    if determination.case:
        title += f": {determination.case}"
    sections: Mapping[str, list[str]] = {
        "May be billed": _lines_text(determination),
        "May not be billed": [
            f"{each.program} {', '.join(each.codes)}: {each.message}".replace(" :", ":")
            for each in determination.blocked
        ],
        "Take note": [f"{each.program}: {each.message}" for each in determination.warnings],
        "A person must decide": [
            f"{each.program}: {question(each.question, each.options)} "
            "The practice must choose before a superbill is issued."
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
            f"{each.entry}, {_duration(each.seconds)}: {each.message}"
            for each in determination.not_counted
        ],
        "Days to keep after discharge": [
            f"{each.discharge}: contact by {each.contact_by}, visit by {each.high_visit_by} "
            f"(high) or {each.moderate_visit_by} (moderate), last day {each.last_day}"
            for each in determination.deadlines
        ],
        "Still to come": [
            f"{each.program} {each.discharge}: {each.step.replace('_', ' ')} by {each.by}"
            for each in determination.pending
        ],
    }
    written = [title, "=" * len(title)]
    for heading, lines in sections.items():
        if lines:
            written += ["", heading, *(part for line in lines for part in wrapped(line, 2))]
    written += explained(determination)
    edition = determination.rule_book_fingerprint.removeprefix("sha256:")[:12]
    written += ["", f"Rule book {determination.rule_book_version}, {edition}"]
    return "\n".join(written) + "\n"


def _lines_text(determination: Determination) -> list[str]:
    if not determination.lines:
        return ["Nothing."]
    return [
        f"{line.units} x {line.code}  {code_label(line.code)}; {line.date_of_service}"
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
