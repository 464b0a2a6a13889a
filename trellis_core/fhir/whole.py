"""The statement that an export is whole, how many resources of each type it has, and what is closed.

It is the last thing that the export of a whole practice writes. Without it, or with another count than
what is there, an export is a part: it is for other systems, and not brought back into an empty store.
"""

from collections.abc import Iterable, Mapping
from typing import Final, cast

from trellis_core.errors import InputRefusedError, InvalidPeriodError
from trellis_core.fhir import profiles
from trellis_core.fhir.names import Names
from trellis_core.fhir.shapes import JsonValue, Resource, concept
from trellis_core.values.periods import ServiceMonth

EDITION: Final = 1
"""The form of a whole export: what is kept, and how. A later one that reads differently has another."""

_KIND: Final = "whole"
_EDITION: Final = "edition"
_COUNT: Final = "count"
_TYPE: Final = "type"
_NUMBER: Final = "number"
_CLOSED: Final = "closed"


def whole_statement(
    names: Names, counts: Mapping[str, int], closed: Iterable[ServiceMonth] = ()
) -> Resource:
    """Return the resource that says an export is whole.

    Args:
        names: The practice's.
        counts: How many resources of each type are written, this statement not counted.
        closed: The months that are closed, with superbills or without.
    """
    identifier = names.identifier(_KIND, names.practice_id)
    parts: list[JsonValue] = [{"url": _EDITION, "valueInteger": EDITION}]
    parts += [
        {
            "url": _COUNT,
            "extension": [
                {"url": _TYPE, "valueCode": name},
                {"url": _NUMBER, "valueInteger": counts[name]},
            ],
        }
        for name in sorted(counts)
    ]
    parts += [{"url": _CLOSED, "valueString": str(month)} for month in sorted(set(closed))]
    return {
        **names.head(_KIND, names.practice_id),
        "extension": [{"url": profiles.WHOLE, "extension": parts}],
        "identifier": [identifier],
        "code": concept(profiles.RECORD_KIND, _KIND),
    }


def counts_of(resource: Mapping[str, object]) -> Mapping[str, int] | None:
    """Return how many resources of each type an export says it has; None for any other resource.

    Raises:
        InputRefusedError: The statement is not as ``whole_statement`` writes it, or of an edition
            that this one does not read.
    """
    parts = _parts(resource)
    if parts is None:
        return None
    counted = [each for each in parts if _url(each) != _CLOSED]
    counts = dict(_count(each) for each in counted)
    if len(counts) != len(counted):
        raise _refused("The statement that an export is whole counts a type twice.")
    return counts


def closed_of(resource: Mapping[str, object]) -> tuple[ServiceMonth, ...]:
    """Return the months that an export says are closed; none for any other resource.

    Raises:
        InputRefusedError: As ``counts_of``.
    """
    found = [each for each in _parts(resource) or () if _url(each) == _CLOSED]
    try:
        return tuple(ServiceMonth.parse(str(each.get("valueString"))) for each in found)
    except InvalidPeriodError:
        raise _refused("The statement that an export is whole names no month.") from None


def _parts(resource: Mapping[str, object]) -> list[Mapping[str, object]] | None:
    """Return what a statement says after its edition; None for any other resource."""
    extensions = resource.get("extension")
    if resource.get("resourceType") != "Basic" or not isinstance(extensions, list):
        return None
    (found, *more) = [each for each in extensions if _url(each) == profiles.WHOLE] or (None,)
    if found is None:
        return None
    parts = found.get("extension")
    if more or not isinstance(parts, list) or not parts or not all(map(_url, parts)):
        raise _refused("The statement that an export is whole cannot be read.")
    edition, *others = parts
    if _url(edition) != _EDITION or edition.get("valueInteger") != EDITION:
        raise _refused("The export was written by an edition of Trellis that this one cannot read.")
    return others


def _count(part: Mapping[str, object]) -> tuple[str, int]:
    parts = part.get("extension") if _url(part) == _COUNT else None
    if isinstance(parts, list) and [_url(each) for each in parts] == [_TYPE, _NUMBER]:
        name, number = parts[0].get("valueCode"), parts[1].get("valueInteger")
        if type(name) is str and type(number) is int and number >= 0:
            return name, number
    raise _refused("The statement that an export is whole has a count that cannot be read.")


def _url(part: object) -> object:
    return cast("object", part.get("url")) if isinstance(part, dict) else None


def _refused(message: str) -> InputRefusedError:
    return InputRefusedError("WHOLE", "extension", message)
