"""The three forms of an export, each written as it comes: one Bundle, transactions, files by type.

Nothing is held but a transaction's worth of resources. A collection Bundle is one file for reading;
transactions load into a FHIR server, and loading them again changes nothing; files by type are as Bulk
Data has them, for large data and for another Trellis.
"""

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Protocol, Self, cast
from urllib.parse import quote

from trellis_core.errors import FhirExportError
from trellis_core.fhir import profiles
from trellis_core.fhir.foundation import Referred
from trellis_core.fhir.patient import PatientParts
from trellis_core.fhir.shapes import Resource
from trellis_core.fhir.writing import json_line

BUNDLE_FILE: Final = "bundle.json"
MANIFEST_FILE: Final = "manifest.json"
MOST_ENTRIES: Final = 500
"""Entries of a transaction, as far as one patient's month allows: servers limit what they take at once."""

_BY_ADDRESS: Final = frozenset({"CodeSystem", "StructureDefinition", "ValueSet"})
_WITHOUT_IDENTIFIER: Final = frozenset({"AuditEvent", "Provenance"})

Behind = Callable[[Referred], Sequence[Resource]]
"""Gives the practice, and those people, places and payers."""


About = Callable[[str], Resource]
"""Gives the record of a patient's export, by the SHA-256 of what was exported."""


class FormWriter(Protocol):
    """Writes an export in one form, patient by patient."""

    counts: Counter[str]

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def terms(self, resources: Iterable[Resource]) -> None:
        """Write own code systems, value sets and extensions."""

    def patient(self, parts: PatientParts, about: About, referred: Referred) -> None:
        """Write one patient, and the record of the export."""

    def rest(self, resources: Iterable[Resource]) -> None:
        """Write what stands behind the patients, and what belongs to none."""

    def end(self, resources: Iterable[Resource]) -> None:
        """Write the last resources, and end."""


def entry_of_transaction(resource: Resource) -> Resource:
    """Return a resource as a transaction's entry: made where it is new, changed where it is not.

    It is found again by its identifier, terms by their address, and what has no identifier in R4 by its
    tag. The server gives the id.

    Raises:
        FhirExportError: The resource has nothing to be found by.
    """
    kind = str(resource["resourceType"])
    body = {name: value for name, value in resource.items() if name != "id"}
    if kind in _WITHOUT_IDENTIFIER:
        (tag,) = cast("Mapping[str, Sequence[Mapping[str, str]]]", resource["meta"])["tag"]
        request: Resource = {
            "method": "POST",
            "url": kind,
            "ifNoneExist": f"_tag={_token(tag['system'], tag['code'])}",
        }
    elif kind in _BY_ADDRESS:
        address = quote(str(resource["url"]), safe="")
        request = {"method": "PUT", "url": f"{kind}?url={address}"}
    else:
        identifiers = cast("Sequence[Mapping[str, str]] | Mapping[str, str] | None",
                           resource.get("identifier"))  # fmt: skip
        if not identifiers:
            raise FhirExportError(f"{kind} {resource.get('id')} has no identifier to be found by.")
        first = identifiers if isinstance(identifiers, Mapping) else identifiers[0]
        found_by = _token(first["system"], first["value"])
        request = {"method": "PUT", "url": f"{kind}?identifier={found_by}"}
    return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": body, "request": request}


def _token(system: str, value: str) -> str:
    return f"{quote(system, safe=':/.-_')}|{quote(value, safe='')}"


def collection(head: Resource, resources: Iterable[Resource]) -> bytes:
    """Return resources as one collection Bundle.

    Args:
        head: What the Bundle says of itself: id and timestamp.
        resources: Each checked.
    """
    lines = b",\n".join(_entry_line(each, json_line(each)) for each in resources)
    return b"%s%s\n]}\n" % (_beginning(head), lines)


def _beginning(head: Resource) -> bytes:
    begin: Resource = {"resourceType": "Bundle", **head, "type": "collection"}
    return json_line(begin).removesuffix(b"}") + b',"entry":[\n'


def _entry_line(resource: Resource, line: bytes) -> bytes:
    return b'{"fullUrl":"urn:uuid:%s","resource":%s}' % (str(resource["id"]).encode(), line)


class _Files:
    """Files in a folder, closed together."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, IO[bytes]] = {}
        self._stack = ExitStack()
        self._referred: set[tuple[str, str]] = set()
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _file(self, name: str) -> IO[bytes]:
        if name not in self._open:
            self._open[name] = self._stack.enter_context((self._folder / name).open("xb"))
        return self._open[name]


class _OneByOne(_Files, ABC):
    """Files into which each resource is written as it comes.

    Args:
        folder: Where.
        behind: Gives what stands behind what was written.
    """

    def __init__(self, folder: Path, behind: Behind) -> None:
        super().__init__(folder)
        self._behind = behind

    @abstractmethod
    def _put(self, resource: Resource, line: bytes) -> None:
        """Write a resource that is a line of JSON already."""

    def _write(self, resource: Resource) -> bytes:
        self.counts[str(resource["resourceType"])] += 1
        line = json_line(resource)
        self._put(resource, line)
        return line

    def terms(self, resources: Iterable[Resource]) -> None:
        """Write own code systems, value sets and extensions."""
        for each in resources:
            self._write(each)

    def patient(self, parts: PatientParts, about: About, referred: Referred) -> None:
        """Write one patient, and the record of the export."""
        self._referred |= referred
        digest = hashlib.sha256()
        for each in parts.all:
            digest.update(self._write(each))
        self._write(about(digest.hexdigest()))

    def rest(self, resources: Iterable[Resource]) -> None:
        """Write what stands behind the patients, and what belongs to none."""
        for each in (*self._behind(self._referred), *resources):
            self._write(each)


class BundleFile(_OneByOne):
    """One collection Bundle.

    Args:
        folder: Where.
        head: What the Bundle says of itself: id and timestamp.
        behind: Gives what stands behind what was written.
    """

    def __init__(self, folder: Path, head: Resource, behind: Behind) -> None:
        super().__init__(folder, behind)
        self._bundle = self._file(BUNDLE_FILE)
        self._bundle.write(_beginning(head))
        self._parting = b""

    def _put(self, resource: Resource, line: bytes) -> None:
        self._bundle.write(self._parting + _entry_line(resource, line))
        self._parting = b",\n"

    def end(self, resources: Iterable[Resource]) -> None:
        """Write the last resources, and end."""
        for each in resources:
            self._write(each)
        self._bundle.write(b"\n]}\n")


class FilesByType(_OneByOne):
    """A file for each type of resource, one resource a line, with a manifest.

    Args:
        folder: Where.
        at: When the store was read, as an instant.
        behind: Gives what stands behind what was written.
    """

    def __init__(self, folder: Path, at: str, behind: Behind) -> None:
        super().__init__(folder, behind)
        self._at = at

    def _put(self, resource: Resource, line: bytes) -> None:
        self._file(f"{resource['resourceType']}.ndjson").write(line + b"\n")

    def end(self, resources: Iterable[Resource]) -> None:
        """Write the last resources, then the manifest."""
        for each in resources:
            self._write(each)
        manifest: Resource = {
            "transactionTime": self._at,
            "request": f"{profiles.BASE}/$export",
            "requiresAccessToken": False,
            "output": [
                {"type": kind, "url": f"{kind}.ndjson", "count": count}
                for kind, count in sorted(self.counts.items())
            ],
            "error": [],
        }
        self._file(MANIFEST_FILE).write(json_line(manifest) + b"\n")


class Transactions(_Files):
    """Transaction Bundles that each stand by themselves, numbered.

    Several small patients share one. A large chart is repeated with the next of its months: what a
    server already has stays as it is.

    Args:
        folder: Where.
        behind: Gives what stands behind what a transaction refers to.
    """

    def __init__(self, folder: Path, behind: Behind) -> None:
        super().__init__(folder)
        self._behind = behind
        self._waiting: list[Resource] = []
        self._behind_seen: set[str] = set()
        self._number = 0

    def terms(self, resources: Iterable[Resource]) -> None:
        """Write own code systems, value sets and extensions."""
        self._add(resources)

    def _add(self, resources: Iterable[Resource]) -> None:
        for each in resources:
            self.counts[str(each["resourceType"])] += 1
            self._waiting.append(each)

    def patient(self, parts: PatientParts, about: About, referred: Referred) -> None:
        """Put one patient into as few transactions as hold them."""
        digest = hashlib.sha256()
        for each in parts.all:
            digest.update(json_line(each))
        size = 1 + len(parts.chart) + sum(map(len, parts.months))
        if len(self._waiting) + size > MOST_ENTRIES:
            self._flush()
        self._referred |= referred
        self._add((*parts.chart, about(digest.hexdigest())))
        began = len(self._waiting)
        for month in parts.months:
            is_full = len(self._waiting) + len(month) > MOST_ENTRIES
            if is_full and len(self._waiting) > began:
                self._flush()
                self._referred |= referred
                self._waiting = [*parts.chart]
                began = len(self._waiting)
            self._add(month)

    def rest(self, resources: Iterable[Resource]) -> None:
        """Put what belongs to no patient into the last transaction."""
        self._add(resources)

    def end(self, resources: Iterable[Resource]) -> None:
        """End the last transaction."""
        self._add(resources)
        self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        behind = self._behind(self._referred)
        self._referred = set()
        for each in behind:
            if str(each["id"]) not in self._behind_seen:
                self._behind_seen.add(str(each["id"]))
                self.counts[str(each["resourceType"])] += 1
        entries = [entry_of_transaction(each) for each in (*behind, *self._waiting)]
        self._waiting = []
        self._number += 1
        bundle: Resource = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        name = f"transaction-{self._number:05}.json"
        with (self._folder / name).open("xb") as file:
            file.write(json_line(bundle) + b"\n")
