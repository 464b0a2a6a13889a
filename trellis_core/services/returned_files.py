"""The files of an own whole export, read a line at a time: what is in them, and whether all of it is.

Read are the files by type that an export writes with a manifest, and one collection Bundle of at most
20 MB. Transactions are for servers and are refused. Places are named by file and line, or by the number
of a Bundle's entry; what stands there is never repeated.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trellis_core.case_file.strict_json import parse
from trellis_core.errors import InputRefusedError
from trellis_core.fhir import profiles
from trellis_core.fhir.whole import counts_of

MANIFEST: Final = "manifest.json"
MAX_BUNDLE_BYTES: Final = 20 * 1024 * 1024
"""The largest Bundle that is read: it is held as a whole."""
MAX_LINE_BYTES: Final = 64 * 1024 * 1024
"""The longest line of a file that is read: a document with its drawing is far shorter."""
MAX_MANIFEST_BYTES: Final = 1024 * 1024
MOST_NAMED: Final = 50
"""Problems named one by one; of further ones only the number is."""

_FIRST: Final = ("Organization", "Practitioner", "Patient")
"""Types that others are understood by: read before them."""
_FILE: Final = re.compile(r"([A-Z][A-Za-z]{1,63})\.ndjson", re.ASCII)
_STATEMENT: Final = f'"extension":[{{"url":"{profiles.WHOLE}"'.encode()
_TAIL: Final = 64 * 1024
_AS_FILES: Final = (
    "Export the practice again as NDJSON files, which any amount of records fits into."
)

Json = Mapping[str, object]


@dataclass(slots=True)
class Problems:
    """What is wrong with an export, in the order in which it was found.

    Attributes:
        count: How many problems there are.
    """

    count: int = 0
    _named: list[str] = field(default_factory=list)

    def add(self, place: str, message: str) -> None:
        """Note a problem.

        Args:
            place: File and line; empty for the whole.
            message: A sentence that repeats nothing of a record.
        """
        self.count += 1
        if len(self._named) < MOST_NAMED:
            self._named.append(f"{place}: {message}" if place else message)

    @property
    def lines(self) -> tuple[str, ...]:
        """A sentence each, as far as they are named."""
        more = self.count - len(self._named)
        return (*self._named, *((f"There are {more} more problems.",) if more else ()))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource stands.

    Attributes:
        number: The line of its file, or the number of a Bundle's entry; from 1.
    """

    file: str
    number: int

    def __str__(self) -> str:
        word = "line" if self.file.endswith(".ndjson") else "entry"
        return f"{self.file} {word} {self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnExport:
    """An export that was found.

    Attributes:
        files: Files by type with the number of resources that the manifest gives each.
        bundle: A Bundle; None for files.
    """

    folder: Path
    files: Mapping[str, int] = field(default_factory=dict)
    bundle: Path | None = None

    def resources(self, problems: Problems) -> Iterator[tuple[Place, Json]]:
        """Go through every resource and the statement, the practice, its people and patients first.

        What cannot be read is noted and passed over. At the end the numbers are compared with those
        that the export itself gives.
        """
        counted: Counter[str] = Counter()
        stated: list[Mapping[str, int]] = []
        is_readable = True
        source = self._lines(problems) if self.bundle is None else self._entries(problems)
        for place, resource in source:
            try:
                found = counts_of(resource)
            except InputRefusedError as error:
                problems.add(str(place), error.message)
                is_readable = False
                continue
            if found is None:
                counted[str(resource["resourceType"])] += 1
            else:
                stated.append(found)
            yield place, resource
        if is_readable:
            _compare(counted, stated, problems)

    def _lines(self, problems: Problems) -> Iterator[tuple[Place, Json]]:
        for name in sorted(self.files, key=_turn):
            kind, lines = name.removesuffix(".ndjson"), 0
            with (self.folder / name).open("rb") as file:
                while line := file.readline(MAX_LINE_BYTES + 1):
                    lines += 1
                    place = Place(name, lines)
                    if len(line) > MAX_LINE_BYTES:
                        problems.add(str(place), "The line is longer than any that is read.")
                        break
                    resource = _resource(line, place, problems)
                    if resource is not None and resource.get("resourceType") != kind:
                        problems.add(str(place), f"This is no {kind}.")
                    elif resource is not None:
                        yield place, resource
            if lines != self.files[name]:
                problems.add(name, f"{lines} lines, but the manifest names {self.files[name]}.")

    def _entries(self, problems: Problems) -> Iterator[tuple[Place, Json]]:
        if self.bundle is None:
            return
        entries = _bundle(self.bundle)["entry"]
        found: list[tuple[Place, Json]] = []
        for number, entry in enumerate(entries if isinstance(entries, list) else (), 1):
            place = Place("the Bundle", number)
            resource = entry.get("resource") if isinstance(entry, Mapping) else None
            if not isinstance(resource, Mapping) or not _is_type(resource.get("resourceType")):
                problems.add(str(place), "This is no resource.")
            else:
                found.append((place, resource))
        yield from sorted(found, key=lambda each: _turn(str(each[1]["resourceType"])))


def own_export(paths: Iterable[Path]) -> OwnExport:
    """Find the one export that some paths name.

    Args:
        paths: A folder with a manifest and files by type, or a Bundle, or a folder with one.

    Raises:
        InputRefusedError: There is none, more than one, or one of another form; or a file that the
            manifest names is missing.
    """
    given = list(paths)
    if len(given) != 1 or not given[0].exists():
        raise InputRefusedError("FILE_MISSING", "", "Name the one folder of a whole export.")
    path = given[0]
    if path.is_file():
        return OwnExport(folder=path.parent, bundle=_refuse_large(path))
    if (path / MANIFEST).is_file():
        return OwnExport(folder=path, files=_manifest(path))
    bundles = sorted(path.glob("*.json"))
    if len(bundles) != 1:
        raise InputRefusedError(
            "NOT_AN_EXPORT",
            "",
            "The folder has no manifest.json and is no export that can be brought back. Transactions "
            f"are for other systems. {_AS_FILES}",
        )
    return OwnExport(folder=path, bundle=_refuse_large(bundles[0]))


def is_whole_export(paths: Iterable[Path]) -> bool:
    """Say whether some paths name an own export of a whole practice, from its last statement alone.

    Nothing is checked: whether everything is there is found when it is brought back.
    """
    given = list(paths)
    try:
        if len(given) != 1:
            return False
        path = given[0]
        if (path / MANIFEST).is_file():
            with (path / "Basic.ndjson").open("rb") as file:
                return any(_STATEMENT in line for line in _bounded(file))
        bundles = [path] if path.is_file() else sorted(path.glob("*.json"))
        if len(bundles) != 1:
            return False
        with bundles[0].open("rb") as file:
            file.seek(max(0, bundles[0].stat().st_size - _TAIL))
            return _STATEMENT in file.read()
    except OSError:
        return False


def _bounded(file: Iterable[bytes]) -> Iterator[bytes]:
    readline = file.readline  # type: ignore[attr-defined] # a file opened for reading bytes
    while line := readline(MAX_LINE_BYTES):
        yield line


def _refuse_large(path: Path) -> Path:
    if path.stat().st_size > MAX_BUNDLE_BYTES:
        raise InputRefusedError(
            "TOO_LARGE", "the Bundle", f"A Bundle of over 20 MB is not read. {_AS_FILES}"
        )
    return path


def _manifest(folder: Path) -> Mapping[str, int]:
    """Return the files that a manifest names, with the number of resources in each."""
    path = folder / MANIFEST
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise InputRefusedError("TOO_LARGE", MANIFEST, "This is no manifest of an export.")
    manifest = _parsed(path.read_bytes(), MANIFEST)
    output = manifest.get("output") if isinstance(manifest, Mapping) else None
    if not isinstance(output, list) or not output:
        raise InputRefusedError("NOT_AN_EXPORT", MANIFEST, "It names no files.")
    files: dict[str, int] = {}
    for number, each in enumerate(output, 1):
        name = each.get("url") if isinstance(each, Mapping) else None
        count = each.get("count") if isinstance(each, Mapping) else None
        if not isinstance(name, str) or not _FILE.fullmatch(name) or type(count) is not int:
            raise InputRefusedError(
                "NOT_AN_EXPORT", f"{MANIFEST} output {number}", "This is no file of an export."
            )
        if name in files or not (folder / name).is_file():
            what = "It is named twice." if name in files else "The file is missing."
            raise InputRefusedError("FILE_MISSING", name, what)
        files[name] = count
    more = sorted(path.name for path in folder.glob("*.ndjson") if path.name not in files)
    if more:
        raise InputRefusedError(
            "NOT_AN_EXPORT", MANIFEST, f"The folder has {len(more)} files that it does not name."
        )
    return files


def _bundle(path: Path) -> Json:
    bundle = _parsed(path.read_bytes(), "the Bundle")
    if not isinstance(bundle, Mapping) or bundle.get("resourceType") != "Bundle":
        raise InputRefusedError("NOT_AN_EXPORT", "the Bundle", "This is no FHIR Bundle.")
    if bundle.get("type") != "collection" or "entry" not in bundle:
        raise InputRefusedError(
            "NOT_AN_EXPORT",
            "the Bundle",
            f"Only a collection is brought back; transactions are for other systems. {_AS_FILES}",
        )
    return bundle


def _turn(name: str) -> tuple[int, str]:
    kind = name.removesuffix(".ndjson")
    return (_FIRST.index(kind) if kind in _FIRST else len(_FIRST), kind)


def _is_type(value: object) -> bool:
    return isinstance(value, str) and _FILE.fullmatch(f"{value}.ndjson") is not None


def _parsed(data: bytes, place: str) -> object:
    try:
        return parse(data)
    except (InputRefusedError, RecursionError):
        raise InputRefusedError("NOT_JSON", place, "This is not JSON that can be read.") from None


def _resource(line: bytes, place: Place, problems: Problems) -> Json | None:
    try:
        resource = _parsed(line, str(place))
    except InputRefusedError as error:
        problems.add(error.path, error.message)
        return None
    if not isinstance(resource, Mapping):
        problems.add(str(place), "This is no resource.")
        return None
    return resource


def _compare(counted: Counter[str], stated: list[Mapping[str, int]], problems: Problems) -> None:
    """Compare what is there with the export's own statement."""
    if len(stated) != 1:
        problems.add(
            "",
            "The export says twice that it is whole: files of two exports were mixed."
            if stated
            else "The export does not say that it is whole. Only a whole practice is brought back.",
        )
        return
    for kind in sorted({*counted, *stated[0]}):
        there, said = counted[kind], stated[0].get(kind, 0)
        if there != said:
            problems.add(
                "", f"There are {there} resources of the type {kind}; the export has {said}."
            )
