"""Strict JSON: what a parser would guess about is refused, with the place where it stands.

Refused are text that is not UTF-8 or not JSON, NaN and Infinity, numbers beyond 64 bits, NUL and
lone surrogates, nesting deeper than 64 and a key given twice.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

from trellis_core.errors import InputRefusedError

MAX_DEPTH: Final = 64
"""How deep arrays and objects may be nested."""

_MOST_DIGITS: Final = 400
"""Digits that a number may be written with before it is beyond 64 bits in any reading."""
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_LARGEST_MAGNITUDE: Final = 19
"""Power of ten of the largest number of 64 bits."""
_LONGEST_SHOWN: Final = 40
"""Characters of an input's own text that a message or a path repeats."""

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_SUSPECT_TEXT: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})")
_LONE_OR_NUL: Final = re.compile("[\x00\ud800-\udfff]")
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")

Step = str | int
T = TypeVar("T")


def shown(text: str) -> str:
    """Return an input's text as a message may repeat it: short, on one line, without controls.

    Example:
        >>> shown("a" * 50)[-3:], len(shown(chr(10)))
        ('aa…', 6)
    """
    cut = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
    if cut.isprintable():
        return cut
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in cut)


def path_text(steps: Sequence[Step]) -> str:
    """Write a place in a document, for example ``[1].staff[2].npi``."""
    return "".join(
        f"[{step}]" if isinstance(step, int) else f".{shown(step)}" for step in steps
    ).lstrip(".")


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


class _Constant:
    """NaN or an infinity, until its place is known."""

    def __init__(self, text: str) -> None:
        self.text = text


class _RepeatedKeys(dict[str, object]):
    """An object that gave a key twice, until its place is known."""

    repeated: str = ""


_BEYOND: Final = _BeyondNumber()


def parse(data: bytes) -> object:
    """Return the value of a strict JSON document; numbers with a fraction come as ``Decimal``.

    Raises:
        InputRefusedError: With the code of the first thing wrong.
    """
    document = _Document(decoded(data))
    value, end = document.value(document.first)
    document.refuse_deep(document.first, end)
    document.refuse_more(end)
    return value


def decoded(data: bytes) -> str:
    """Return a document's text, without the mark that some editors put before it.

    Raises:
        InputRefusedError: It is not UTF-8, or empty.
    """
    try:
        text = data.decode("utf-8").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    except UnicodeDecodeError as error:
        found = (
            "is UTF-16 or UTF-32"
            if data.startswith(_UTF_16)
            else f"is not UTF-8 (byte {error.start:,} cannot stand there)"
        )
        raise InputRefusedError("NOT_JSON", "", f"The input {found}. Save it as UTF-8.") from None
    if _past_space(text, 0) == len(text):
        raise InputRefusedError(
            "NOT_JSON", "", "The input is empty. Give a case, or a list of cases, as JSON."
        )
    return text


def is_list(text: str) -> bool:
    """Say whether a document is a list."""
    return text.startswith("[", _past_space(text, 0))


def read_each(text: str, read: Callable[[object], T]) -> Iterator[T]:
    """Yield what is read from a document's value or, where it is a list, from each of its items.

    Items are parsed one at a time, so that a long list costs no more memory than its longest
    item. Nothing may be used before the last is read: a refusal can still come. A document that
    is not JSON is refused as such, even where an earlier item is not what ``read`` wants.

    Args:
        text: The document.
        read: Makes a value of an item; raises ``RefusedHereError`` where it cannot.

    Raises:
        InputRefusedError: With the code, the place and the reason.

    Example:
        >>> list(read_each("[1, 2]", str))
        ['1', '2']
    """
    document = _Document(text)
    if is_list(text):
        yield from _read_items(document, read)
        return
    value, end = document.value(document.first)
    document.refuse_more(end)
    try:
        made = read(value)
    except RefusedHereError as refused:
        document.refuse_deep(document.first, end)
        raise refused.as_refusal() from None
    yield made


def _read_items(document: "_Document", read: Callable[[object], T]) -> Iterator[T]:
    text = document.text
    held: InputRefusedError | None = None
    at = _past_space(text, document.first + 1)
    place = 0
    while place or not text.startswith("]", at):
        value, end = document.value(at, place)
        if held is None:
            try:
                made = read(value)
            except RefusedHereError as refused:
                document.refuse_deep(at, end, depth=1)
                held = refused.inside(place).as_refusal()
            else:
                yield made
        at = _past_space(text, end)
        if text.startswith("]", at):
            break
        if not text.startswith(",", at):
            raise _not_json(json.JSONDecodeError("Expecting ',' delimiter", text, at))
        at = _past_space(text, at + 1)
        place += 1
    document.refuse_more(at + 1)
    if held is not None:
        raise held


class _Document:
    """One document's text, and the hooks of its parser.

    The hooks note what must be looked for once places are known.
    """

    def __init__(self, text: str) -> None:
        self.text: Final = text
        self.first: Final = _past_space(text, 0)
        self._is_suspect = False
        self._decoder: Final = json.JSONDecoder(
            object_pairs_hook=self._members,
            parse_int=self._integer,
            parse_float=self._decimal,
            parse_constant=self._constant,
        )

    def value(self, start: int, *steps: Step) -> tuple[object, int]:
        """Return the value at a place of the text and where it ends."""
        try:
            value, end = self._decoder.raw_decode(self.text, start)
        except json.JSONDecodeError as error:
            self.refuse_deep(start, error.pos, depth=len(steps))
            raise _not_json(error) from None
        except RecursionError:
            self.refuse_deep(start, len(self.text), depth=len(steps))
            raise
        if self._is_suspect or _SUSPECT_TEXT.search(self.text, start, end):
            self.refuse_deep(start, end, depth=len(steps))
            try:
                _refuse_suspects(value)
            except RefusedHereError as refused:
                for step in steps:
                    refused.inside(step)
                raise refused.as_refusal() from None
        return value, end

    def refuse_deep(self, start: int, end: int, *, depth: int = 0) -> None:
        """Refuse a part of the text that is nested too deep.

        Args:
            start: Where it begins, outside of any string.
            end: Where it ends.
            depth: How many containers are around it.
        """
        text = self.text
        if depth + text.count("[", start, end) + text.count("{", start, end) <= MAX_DEPTH:
            return
        for found in _STRING_OR_BRACKET.finditer(text, start, end):
            mark = found[0]
            if mark in "[{":
                depth += 1
                if depth > MAX_DEPTH:
                    raise InputRefusedError(
                        "TOO_DEEP",
                        "",
                        f"Arrays and objects are nested deeper than {MAX_DEPTH} at "
                        f"{_place(text, found.start())}. A case needs far fewer; send it flat.",
                    )
            elif mark in "]}":
                depth -= 1

    def refuse_more(self, end: int) -> None:
        """Refuse text after the document's value."""
        rest = _past_space(self.text, end)
        if rest != len(self.text):
            raise _not_json(json.JSONDecodeError("Extra data", self.text, rest))

    def _members(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        self._is_suspect = True
        repeated = _RepeatedKeys(found)
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                repeated.repeated = key
                break
            seen.add(key)
        return repeated

    def _integer(self, text: str) -> object:
        if len(text) <= _MOST_DIGITS and _SMALLEST <= (number := int(text)) <= _LARGEST:
            return number
        self._is_suspect = True
        return _BEYOND

    def _decimal(self, text: str) -> object:
        if len(text) <= _MOST_DIGITS:
            try:
                number = Decimal(text)
            except InvalidOperation:  # an exponent beyond what any decimal can hold
                pass
            else:
                if number.adjusted() <= _LARGEST_MAGNITUDE and _SMALLEST <= number <= _LARGEST:
                    return number
        self._is_suspect = True
        return _BEYOND

    def _constant(self, text: str) -> object:
        self._is_suspect = True
        return _Constant(text)


def _past_space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return start if found is None else found.end()


def _place(text: str, at: int) -> str:
    line = text.count("\n", 0, at) + 1
    return f"line {line:,}, column {at - text.rfind(chr(10), 0, at):,}"


def _not_json(error: json.JSONDecodeError) -> InputRefusedError:
    return InputRefusedError(
        "NOT_JSON",
        "",
        f"The input is not JSON: {error.msg.removesuffix(' at')} at "
        f"{_place(error.doc, error.pos)}. Write strict JSON there: double quotes, "
        "no comment, no comma after the last member, one document a file.",
    )


def _refuse_suspects(value: object) -> None:
    if isinstance(value, str):
        _refuse_text(value)
    elif value is _BEYOND:
        raise RefusedHereError(
            "OUT_OF_RANGE", "The number does not fit 64 bits. Send the number that is meant."
        )
    elif isinstance(value, _Constant):
        raise RefusedHereError(
            "NOT_JSON",
            f"{value.text} is not a JSON number. Leave the key out if the fact is unknown.",
        )
    elif isinstance(value, list):
        for place, item in enumerate(value):
            try:
                _refuse_suspects(item)
            except RefusedHereError as refused:
                raise refused.inside(place) from None
    elif isinstance(value, dict):
        if isinstance(value, _RepeatedKeys):
            raise RefusedHereError(
                "DUPLICATE_KEY",
                f"The key '{shown(value.repeated)}' is given twice. Keep the one that is meant.",
                value.repeated,
            )
        for key, item in value.items():
            _refuse_text(key)
            try:
                _refuse_suspects(item)
            except RefusedHereError as refused:
                raise refused.inside(key) from None


def _refuse_text(text: str) -> None:
    if _LONE_OR_NUL.search(text):
        raise RefusedHereError(
            "NOT_JSON",
            "A text here holds a NUL or half of a surrogate pair. Send the characters themselves.",
        )
