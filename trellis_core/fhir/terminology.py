"""Own codes and extensions, said in FHIR: CodeSystem, ValueSet and StructureDefinition.

They go along with every export, so that whoever reads it finds what each own code and field means.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final
from uuid import uuid5

from trellis_core.fhir import profiles
from trellis_core.fhir.shapes import JsonValue, Resource, narrative
from trellis_core.fhir.terms import Addition, Part, Terms, additions, code_systems, words_of

VERSION: Final = "1"
"""Of every code system, value set and extension. What they say changes with it alone."""

_DATE: Final = "2026-11-23"
_PUBLISHER: Final = "Trellis"
_FHIR_VERSION: Final = "4.0.1"
_BASE_EXTENSION: Final = "http://hl7.org/fhir/StructureDefinition/Extension"
_SLICE: Final = re.compile(r":[^.]*")


@cache
def terminology() -> tuple[Resource, ...]:
    """Return every own code system with its value set, then every own extension."""
    made: list[Resource] = []
    for each in code_systems():
        made += [_code_system(each), _value_set(each)]
    return (*made, *map(_structure, additions()))


def _head(kind: str, url: str, title: str, description: str) -> Resource:
    own_id = str(uuid5(profiles.NAMESPACE, url))
    return {
        "resourceType": kind,
        "id": own_id,
        "text": narrative(f"{title}.", description),
        "url": url,
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{own_id}"}],
        "version": VERSION,
        "name": "Trellis" + "".join(word.capitalize() for word in title.split()),
        "title": title,
        "status": "active",
        "experimental": False,
        "date": _DATE,
        "publisher": _PUBLISHER,
        "description": description,
    }


def _value_set_url(terms: Terms) -> str:
    return terms.url.replace("/CodeSystem/", "/ValueSet/")


def _code_system(terms: Terms) -> Resource:
    return {
        **_head("CodeSystem", terms.url, terms.title, terms.description),
        "caseSensitive": True,
        "valueSet": _value_set_url(terms),
        "content": "complete",
        "count": len(terms.codes),
        "concept": [
            {"code": code, "display": _display(code), "definition": meaning}
            for code, meaning in terms.codes.items()
        ],
    }


def _display(code: str) -> str:
    words = words_of(code) if code.islower() else code
    return words[:1].upper() + words[1:]


def _value_set(terms: Terms) -> Resource:
    return {
        **_head("ValueSet", _value_set_url(terms), terms.title, terms.description),
        "compose": {"include": [{"system": terms.url}]},
    }


def _structure(addition: Addition) -> Resource:
    return {
        **_head("StructureDefinition", addition.url, addition.title, addition.description),
        "fhirVersion": _FHIR_VERSION,
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": each} for each in addition.on],
        "type": "Extension",
        "baseDefinition": _BASE_EXTENSION,
        "derivation": "constraint",
        "differential": {"element": [*_elements(addition)]},
    }


def _elements(addition: Addition) -> Iterable[Resource]:
    yield {
        "id": "Extension",
        "path": "Extension",
        "short": addition.title,
        "definition": addition.description,
        "min": 0,
        "max": "1",
    }
    if addition.parts:
        yield from _part_elements("Extension", addition.parts)
    else:
        yield {"id": "Extension.extension", "path": "Extension.extension", "max": "0"}
    yield {"id": "Extension.url", "path": "Extension.url", "fixedUri": addition.url}
    value: Resource = {"id": "Extension.value[x]", "path": "Extension.value[x]"}
    if addition.parts:
        yield {**value, "min": 0, "max": "0"}
        return
    of: Resource = {"code": addition.value}
    if addition.target:
        of["targetProfile"] = [f"http://hl7.org/fhir/StructureDefinition/{addition.target}"]
    yield {**value, "min": 1, "type": [of]}


def _part_elements(within: str, parts: Sequence[Part]) -> Iterable[Resource]:
    """Write parts: what they are told apart by, then each.

    Args:
        within: Id of the element that they are parts of.
        parts: The parts.
    """
    path = _SLICE.sub("", within)
    discriminator: JsonValue = [{"type": "value", "path": "url"}]
    yield {
        "id": f"{within}.extension",
        "path": f"{path}.extension",
        "slicing": {"discriminator": discriminator, "rules": "closed"},
        "min": sum(part.is_needed for part in parts),
    }
    for part in parts:
        own = f"{within}.extension:{part.name}"
        yield {
            "id": own,
            "path": f"{path}.extension",
            "sliceName": part.name,
            "short": part.meaning.removesuffix("."),
            "definition": part.meaning,
            "min": int(part.is_needed),
            "max": "*" if part.is_repeated else "1",
        }
        if part.parts:
            yield from _part_elements(own, part.parts)
        yield {"id": f"{own}.url", "path": f"{path}.extension.url", "fixedUri": part.name}
        value: Resource = {"id": f"{own}.value[x]", "path": f"{path}.extension.value[x]"}
        if part.types:
            yield {**value, "min": 1, "type": [{"code": each} for each in part.types]}
        else:
            yield {**value, "max": "0"}
