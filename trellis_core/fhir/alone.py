"""A document that stands by itself, for a server that takes documents and nothing else of an export."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

from trellis_core.fhir.shapes import JsonValue, Resource

_OF_META: Final = ("profile", "security", "tag")


def standing_alone(
    document: Resource, *, subject: str, targets: Mapping[str, str] | None = None
) -> Resource:
    """Return a DocumentReference without references to what the server does not have.

    What refers to somebody else keeps the name or the identifier that stands beside the reference; where
    there is neither, it is left out, and so are the records that the document rests on.

    Args:
        document: As it is exported.
        subject: The patient's address on the server, ``Patient/…``.
        targets: By the id of another document in the export, that document's address on the server.
    """
    alone = cast("Resource", _without_strangers(document) or {})
    alone.pop("id", None)
    alone.pop("relatesTo", None)
    alone["subject"] = {"reference": subject}
    meta, context = document.get("meta"), alone.get("context")
    if isinstance(meta, Mapping):
        alone["meta"] = {key: meta[key] for key in _OF_META if key in meta}
    if isinstance(context, dict):
        context.pop("related", None)
    relations = _relations(document, targets or {})
    if relations:
        alone["relatesTo"] = relations
    return {key: value for key, value in alone.items() if value not in ({}, [])}


def related_ids(document: Resource) -> tuple[str, ...]:
    """Return the ids of the documents that a document relates to."""
    return tuple(each for _, each in _related(document))


def _related(document: Resource) -> list[tuple[Mapping[str, JsonValue], str]]:
    listed = document.get("relatesTo")
    found = []
    for each in listed if isinstance(listed, list) else []:
        target = each.get("target")
        if isinstance(target, Mapping):
            identity = str(target.get("reference", "")).replace(":", "/").rpartition("/")[2]
            found.append((each, identity))
    return found


def _relations(document: Resource, targets: Mapping[str, str]) -> list[JsonValue]:
    return [
        {**each, "target": {"reference": targets[identity]}}
        for each, identity in _related(document)
        if identity in targets
    ]


def _without_strangers(value: JsonValue) -> JsonValue:
    """Return a value without references out of it; None where nothing is left."""
    if isinstance(value, Mapping):
        reference = value.get("reference")
        if isinstance(reference, str) and not reference.startswith("#"):
            kept: Resource = {key: each for key, each in value.items() if key != "reference"}
            return kept if {"display", "identifier"} & kept.keys() else None
        parts = {key: _without_strangers(each) for key, each in value.items()}
        is_lost = any(parts[key] is None for key in parts if key in {"valueReference", "extension"})
        whole: Resource = {key: each for key, each in parts.items() if each is not None}
        return None if not whole or (is_lost and "url" in value) else whole
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [left for each in value if (left := _without_strangers(each)) is not None] or None
    return value
