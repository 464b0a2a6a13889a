"""Files as other systems export them: a Bundle or one resource as JSON, or one resource a line (NDJSON).

What is no FHIR is refused by its first bytes or by its size, before anything is parsed, with a sentence
that says what it is and what to do. A refusal never repeats a file's name or anything it says.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Final

from trellis_core.case_file.strict_json import MAX_DEPTH, parse
from trellis_core.errors import InputRefusedError
from trellis_core.fhir import profiles
from trellis_core.fhir.reading.values import Json, mappings, text

MAX_BYTES: Final = 20 * 1024 * 1024
"""The longest document, or line of NDJSON, that is read."""
MAX_BYTES_OF_LINES: Final = 200 * 1024 * 1024
"""The largest NDJSON file."""
WHOLE_PRACTICE: Final = "WHOLE_PRACTICE"
"""Code of the refusal of what another edition of the same practice is made again from."""

_MOST_VALUES: Final = 1_500_000
"""A Bundle of 20 MB as record systems write it holds about half as many."""
_LARGE: Final = 1024 * 1024
"""From this many bytes on, a quick look says first whether a document was cut off."""
_HEAD: Final = 1024
_ENDINGS: Final = (".ndjson", ".json")
_DIVIDE: Final = (
    "A JSON document may have 20 MB. Export fewer patients at a time, or export NDJSON "
    "(one resource a line)."
)
_SAID_HERE: Final[Mapping[str, str]] = {
    "TOO_DEEP": f"The document is nested over {MAX_DEPTH} levels deep. No FHIR resource needs that; "
    "export it again.",
    "DUPLICATE_KEY": "An object has one key twice. Export the file again.",
}
_CUT_OFF: Final = (
    "The file ends in the middle: it was cut off when it was saved or sent. Export it again."
)
_AS_JSON: Final = "Export FHIR R4 as JSON: a Bundle, or NDJSON."
_FIRST_BYTES: Final = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"MSH|", "an HL7 version 2 message"),
)
_PACKED: Final = (
    (b"PK\x03\x04", "a ZIP archive or an Office document. Unpack it and choose the files inside"),
    (b"\x1f\x8b", "packed (gzip). Unpack it and choose the file inside"),
)
_BLANK: Final = b" \t\r\n"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


@cache
def is_r4_type(kind: str) -> bool:
    """Say whether R4 has a type of resource.

    Example:
        >>> is_r4_type("Patient"), is_r4_type("Zephyrina"), is_r4_type("fhirtypes")
        (True, False, False)
    """
    if not re.fullmatch(r"[A-Z][A-Za-z]+", kind, re.ASCII):
        return False
    return find_spec(f"fhir.resources.R4B.{kind.lower()}") is not None


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource and where it stood.

    Attributes:
        file: Number of its file, from 1.
        scope: Whose references reach it first: its Bundle's number; 0 for single resources and NDJSON,
            which refer to one another across files.
        full_url: The address that its Bundle uses for it.
        resource: The resource, without its text for people.
    """

    file: int
    scope: int
    full_url: str
    resource: Json

    @property
    def kind(self) -> str:
        """Resource type; ``Unknown`` for what R4 does not have, which could be anybody's name."""
        kind = text(self.resource.get("resourceType"))
        return kind if is_r4_type(kind) else "Unknown"

    @property
    def place(self) -> str:
        """Name the resource by kind, id and file, which say nothing about anybody."""
        own = text(self.resource.get("id"))
        plain = "".join(each for each in own if each.isascii() and (each.isalnum() or each in ".-"))
        return f"{self.kind} {plain[:64] or 'without id'} in file {self.file}"


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Return the files to read; a folder stands for its ``.json`` and ``.ndjson`` files.

    Raises:
        InputRefusedError: There is none.
    """
    files: list[Path] = []
    for number, path in enumerate(paths, 1):
        if path.is_dir():
            found = [each for each in path.iterdir() if each.suffix.lower() in _ENDINGS]
            files += sorted(found, key=lambda each: (not each.name.startswith("Basic"), each.name))
        elif path.is_file():
            files.append(path)
        else:
            raise InputRefusedError("FILE_MISSING", f"path {number}", "There is no such file.")
    if not files:
        raise InputRefusedError("FILE_MISSING", "", "There is no .json or .ndjson file to read.")
    return files


def entries_of(files: Iterable[Path]) -> Iterator[Entry]:
    """Yield the resources of files, one file after another. Nothing may be used before the last.

    Raises:
        InputRefusedError: A file is not FHIR that can be read; the place is its number.
    """
    for number, path in enumerate(files, 1):
        try:
            yield from _entries_of_file(path, number)
        except InputRefusedError as error:
            where = f"file {number}, {error.path}" if error.path else f"file {number}"
            raise InputRefusedError(error.code, where, error.message) from None


def entries_of_document(data: bytes, number: int = 1) -> Iterator[Entry]:
    """Yield the resources of one document.

    Args:
        data: JSON or NDJSON.
        number: Of its file.

    Raises:
        InputRefusedError: Not FHIR that can be read.
    """
    refuse_other_kinds(data[:_HEAD])
    if _is_lines(data):
        yield from _entries_of_lines(iter(data.splitlines(keepends=True)), number)
    else:
        yield from _entries_of_json(data, number)


def _entries_of_file(path: Path, number: int) -> Iterator[Entry]:
    size = path.stat().st_size
    with path.open("rb") as file:
        refuse_other_kinds(file.read(_HEAD))
        file.seek(0)
        if path.suffix.lower() == ".ndjson":
            if size > MAX_BYTES_OF_LINES:
                raise InputRefusedError(
                    "TOO_LARGE", "", "An NDJSON file may have 200 MB. Divide it after any line."
                )
            yield from _entries_of_lines(_lines(file), number)
        elif size > MAX_BYTES:
            raise InputRefusedError("TOO_LARGE", "", _DIVIDE)
        else:
            yield from entries_of_document(file.read(), number)


def refuse_other_kinds(head: bytes) -> None:
    """Refuse what its first bytes show to be something else than JSON.

    Raises:
        InputRefusedError: With what it is.
    """
    for mark, what in _PACKED:
        if head.startswith(mark):
            raise InputRefusedError("NOT_JSON", "", f"The file is {what}.")
    plain = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    found = next((what for mark, what in _FIRST_BYTES if plain.startswith(mark)), "")
    if not found and (head.startswith(_UTF_16) or b"\x00" in head):
        what = "UTF-16 text" if head.startswith(_UTF_16) else "not text"
        raise InputRefusedError("NOT_JSON", "", f"The file is {what}. Save it as JSON in UTF-8.")
    if plain.startswith(b"<"):
        is_page = plain[:200].lower().startswith((b"<!doctype html", b"<html"))
        found = "a web page (HTML), perhaps of a sign-in that ran out" if is_page else "XML"
    elif plain and plain[:1] not in b'{["':
        line = plain.splitlines()[0]
        if any(line.count(mark) > 1 for mark in (b",", b";", b"\t")):
            raise InputRefusedError(
                "NOT_JSON",
                "",
                "The file is a table (CSV) and not FHIR. Bring it in under Import, "
                "'Patients or time from a CSV file'.",
            )
    if found:
        raise InputRefusedError("NOT_JSON", "", f"The file is {found}. {_AS_JSON}")


def _is_lines(data: bytes) -> bool:
    """Say whether a document is one resource a line, whatever it is called."""
    line, _, rest = data.partition(b"\n")
    return line.rstrip().endswith(b"}") and rest.lstrip().startswith(b"{")


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(MAX_BYTES + 1):
        yield line


def _entries_of_lines(lines: Iterator[bytes], number: int) -> Iterator[Entry]:
    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            resource = _strict_json(line)
            yield from _entries(resource, number, 0)
        except InputRefusedError as error:
            where = f"line {place:,}" + (f", {error.path}" if error.path else "")
            raise InputRefusedError(error.code, where, error.message) from None


def _entries_of_json(data: bytes, number: int) -> Iterator[Entry]:
    document = _strict_json(data)
    if isinstance(document, Mapping) and "transactionTime" in document and "output" in document:
        return  # the list of files that comes with NDJSON
    yield from _entries(document, number, number)


def _strict_json(data: bytes) -> object:
    """Parse JSON and refuse what is not exactly that, or would need far more memory than it has bytes.

    A refusal never repeats a key: in another system's file it could be about a person.
    """
    if len(data) > MAX_BYTES:
        raise InputRefusedError("TOO_LARGE", "", _DIVIDE)
    if sum(data.count(mark) for mark in (b"[", b"{", b",")) > _MOST_VALUES:
        raise InputRefusedError(
            "TOO_LARGE", "", f"The document holds more than {_MOST_VALUES:,} values. Divide it."
        )
    if not data.strip():
        raise InputRefusedError("NOT_JSON", "", "The file is empty. Export it again.")
    if data.lstrip(_BLANK).startswith(b"{") and not data.rstrip(_BLANK).endswith(b"}"):
        raise InputRefusedError("NOT_JSON", "", _CUT_OFF)
    if len(data) > _LARGE and _is_cut_off(data):
        raise InputRefusedError("NOT_JSON", "", _CUT_OFF)
    try:
        return parse(data)
    except InputRefusedError as error:
        said = _SAID_HERE.get(error.code, error.message)
        if error.code == "NOT_JSON" and _is_cut_off(data):
            said = _CUT_OFF
        raise InputRefusedError(error.code, "", said) from None
    except RecursionError:
        raise InputRefusedError("TOO_DEEP", "", _SAID_HERE["TOO_DEEP"]) from None


def _is_cut_off(data: bytes) -> bool:
    """Say whether JSON is right as far as it goes."""
    whole = data.decode("utf-8", "ignore").rstrip()
    try:
        json.loads(whole, parse_int=len, parse_float=len)
    except json.JSONDecodeError as error:
        return whole[:1] in ("{", "[") and (
            error.pos >= len(whole) or error.msg.startswith("Unterminated string")
        )
    except RecursionError:
        return False
    return False


def _entries(document: object, number: int, scope: int) -> Iterator[Entry]:
    kind = document.get("resourceType") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(kind, str) or not is_r4_type(kind):
        raise InputRefusedError(
            "NOT_A_BUNDLE", "", f"This JSON is not FHIR R4: it names no resourceType. {_AS_JSON}"
        )
    if kind != "Bundle":
        yield _entry(document, number, 0, "")
        return
    if document.get("type") == "history":
        raise InputRefusedError(
            "NOT_A_BUNDLE",
            "",
            "The Bundle is a history: it holds earlier versions beside those that stand. Export "
            "what stands today.",
        )
    entries = document.get("entry")
    for place, entry in enumerate(entries if isinstance(entries, list) else mappings(entries)):
        resource = entry.get("resource") if isinstance(entry, Mapping) else None
        if (
            not isinstance(entry, Mapping)
            or not isinstance(resource, Mapping)
            or not text(resource.get("resourceType"))
        ):
            raise InputRefusedError(
                "WRONG_TYPE", f"entry[{place}]", "An entry of a Bundle needs a resource."
            )
        yield _entry(resource, number, scope, text(entry.get("fullUrl")))


def _entry(resource: Json, number: int, scope: int, full_url: str) -> Entry:
    _refuse_whole(resource)
    kept = {key: value for key, value in resource.items() if key != "text"}
    return Entry(number, scope, full_url, kept)


def _refuse_whole(resource: Json) -> None:
    """Refuse the export of a whole practice, which has a way of its own."""
    if resource.get("resourceType") != "Basic":
        return
    own = profiles.identifier_system("whole")
    if any(text(each.get("system")) == own for each in mappings(resource.get("identifier"))):
        raise InputRefusedError(
            WHOLE_PRACTICE,
            "",
            "This is a whole practice as Trellis exported it. It is brought back into an empty store, "
            "on the server, with 'trellis import fhir'.",
        )
