"""Strict JSON: what a parser would guess about is refused, with the place where it stands.

Refused are text that is not UTF-8 or not JSON, NaN and Infinity, numbers beyond 64 bits, NUL and
lone surrogates, nesting deeper than 64 and a key given twice.
"""

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NoReturn

from trellis_core.errors import InputRefusedError

MAX_DEPTH: Final = 64
"""How deep arrays and objects may be nested."""

_MOST_DIGITS: Final = 400
"""Digits that a number may be written with before it is beyond 64 bits in any reading."""
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_LARGEST_DECIMAL: Final = Decimal(2) ** 64

_STRINGS: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKETS: Final = re.compile(r"[\[\]{}]")
_SUSPECT_TEXT: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})")
_LONE_OR_NUL: Final = re.compile("[\x00\ud800-\udfff]")

Step = str | int


def path_text(steps: Sequence[Step]) -> str:
    """Write a place in a document, for example ``[1].staff[2].npi``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(
        "."
    )


class RefusedHereError(Exception):
    """A refusal on its way up; every container that it leaves adds its step."""

    def __init__(self, code: str, message: str, *steps: Step) -> None:
        self.code = code
        self.message = message
        self.steps: list[Step] = list(reversed(steps))
        super().__init__(message)

    def inside(self, step: Step) -> "RefusedHereError":
        """Return the refusal with the step of the container that holds its place."""
        self.steps.append(step)
        return self

    def as_refusal(self) -> InputRefusedError:
        """Return the refusal with its whole path."""
        return InputRefusedError(self.code, path_text(self.steps[::-1]), self.message)


class _BeyondNumber:
    """A number that does not fit 64 bits, until its place is known."""


class _RepeatedKeys(dict[str, object]):
    """An object that gave a key twice, until its place is known."""

    repeated: str = ""


_BEYOND: Final = _BeyondNumber()


def parse(data: bytes) -> object:
    """Return the value of a strict JSON document; numbers with a fraction come as ``Decimal``.

    Raises:
        InputRefusedError: With the code of the first thing wrong.
    """
    try:
        text = data.decode("utf-8").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    except UnicodeDecodeError as error:
        raise InputRefusedError(
            "NOT_JSON", "", f"The input is not UTF-8 (byte {error.start}). Save it as UTF-8."
        ) from error
    if not text.strip(" \t\r\n"):
        raise InputRefusedError("NOT_JSON", "", "The input is empty. Give a case as JSON.")
    _refuse_deep(text)
    reading = _Reading()
    try:
        document: object = json.loads(
            text,
            object_pairs_hook=reading.members,
            parse_int=reading.integer,
            parse_float=reading.decimal,
            parse_constant=reading.constant,
        )
    except json.JSONDecodeError as error:
        raise InputRefusedError(
            "NOT_JSON",
            "",
            f"The input is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
        ) from error
    except RefusedHereError as refused:
        raise refused.as_refusal() from None
    if reading.is_suspect or _SUSPECT_TEXT.search(text):
        try:
            _refuse_suspects(document)
        except RefusedHereError as refused:
            raise refused.as_refusal() from None
    return document


class _Reading:
    """The hooks of one parse; they note what must be looked for once places are known."""

    def __init__(self) -> None:
        self.is_suspect = False

    def members(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        self.is_suspect = True
        repeated = _RepeatedKeys(found)
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                repeated.repeated = key
                break
            seen.add(key)
        return repeated

    def integer(self, text: str) -> object:
        if len(text) <= _MOST_DIGITS and _SMALLEST <= (number := int(text)) <= _LARGEST:
            return number
        self.is_suspect = True
        return _BEYOND

    def decimal(self, text: str) -> object:
        if len(text) <= _MOST_DIGITS:
            number = Decimal(text)
            if abs(number) < _LARGEST_DECIMAL:
                return number
        self.is_suspect = True
        return _BEYOND

    def constant(self, text: str) -> NoReturn:
        raise RefusedHereError(
            "NOT_JSON", f"{text} is not a JSON number. Leave the key out if the fact is unknown."
        )


def _refuse_deep(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise InputRefusedError(
                "TOO_DEEP", "", f"Arrays and objects are nested deeper than {MAX_DEPTH}."
            )


def _refuse_suspects(value: object) -> None:
    if isinstance(value, str):
        _refuse_text(value)
    elif value is _BEYOND:
        raise RefusedHereError("OUT_OF_RANGE", "The number does not fit 64 bits.")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            try:
                _refuse_suspects(item)
            except RefusedHereError as refused:
                raise refused.inside(place) from None
    elif isinstance(value, dict):
        if isinstance(value, _RepeatedKeys):
            raise RefusedHereError(
                "DUPLICATE_KEY", f"The key '{value.repeated}' is given twice.", value.repeated
            )
        for key, item in value.items():
            _refuse_text(key)
            try:
                _refuse_suspects(item)
            except RefusedHereError as refused:
                raise refused.inside(key) from None


def _refuse_text(text: str) -> None:
    if _LONE_OR_NUL.search(text):
        raise RefusedHereError("NOT_JSON", "The text holds a NUL or half of a surrogate pair.")
