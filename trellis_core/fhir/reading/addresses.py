"""Which resource a reference means: by type and id, whole address, ``urn:uuid:`` or identifier."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from trellis_core.fhir.reading.document import Entry
from trellis_core.fhir.reading.values import Json, first, mappings, text

_NOBODY: Final = -1
"""Stands where one address means two resources of different files."""


def token(system: str, value: str) -> str:
    """Write an identifier as searches do."""
    return f"{system}|{value}"


def wanted_identifier(reference: Json, kind: str) -> str | None:
    """Return the identifier that a reference searches for; None where it names a resource itself.

    Args:
        reference: A Reference.
        kind: The type that it has to be of.

    Example:
        >>> wanted_identifier({"reference": "Patient?identifier=urn:x%7C7"}, "Patient")
        'urn:x|7'
    """
    written = text(reference.get("reference"))
    if written.startswith(f"{kind}?"):
        for part in written.partition("?")[2].split("&"):
            name, _, value = part.partition("=")
            if name == "identifier" and "|" in unquote(value):
                return unquote(value)
        return None
    own = first(reference.get("identifier"))
    system, value = text(own.get("system")), text(own.get("value"))
    return token(system, value) if not written and system and value else None


@dataclass(slots=True)
class Addresses:
    """Every address of the resources that are kept: in their own Bundle first, then among all files."""

    _own: dict[tuple[int, str, str], int] = field(default_factory=dict)
    _shared: dict[tuple[str, str], int] = field(default_factory=dict)

    def put(self, entry: Entry, number: int) -> None:
        """Remember a resource by all its addresses.

        Args:
            entry: The resource.
            number: What is found by them.
        """
        kind = entry.kind
        keys = [entry.full_url] if entry.full_url else []
        if own := text(entry.resource.get("id")):
            keys.append(f"{kind}/{own}")
        keys += [
            f"?{token(text(each.get('system')), value)}"
            for each in mappings(entry.resource.get("identifier"))
            if (value := text(each.get("value")))
        ]
        for key in keys:
            self._own.setdefault((entry.scope, kind, key), number)
            was = self._shared.setdefault((kind, key), number)
            if was != number and not key.startswith("?"):
                self._shared[kind, key] = _NOBODY

    def find(self, scope: int, reference: Json, kind: str) -> int | None:
        """Return which resource of a type a reference means; None for none of them.

        Args:
            scope: Of the resource that refers.
            reference: A Reference.
            kind: The type that it has to be of.
        """
        if (identifier := wanted_identifier(reference, kind)) is not None:
            return self._at(scope, kind, f"?{identifier}")
        written = text(reference.get("reference")).split("/_history/")[0]
        if not written:
            return None
        found = self._at(scope, kind, written)
        if found is None and "/" in written:
            found = self._at(scope, kind, "/".join(written.rsplit("/", 2)[-2:]))
        return found

    def _at(self, scope: int, kind: str, key: str) -> int | None:
        found = self._own.get((scope, kind, key), self._shared.get((kind, key), _NOBODY))
        return None if found == _NOBODY else found
