"""Every resource that leaves is checked through its R4B class, whose elements are those of R4.

The classes come one by one, when the first resource of a type does: each costs time to import.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from typing import Final, TypeAlias, cast

from pydantic import BaseModel, ValidationError

from trellis_core.errors import FhirExportError
from trellis_core.fhir.shapes import Resource
from trellis_core.fhir.writing import json_line

Check: TypeAlias = Callable[[Iterable[Resource]], tuple[Resource, ...]]
"""Returns resources that are valid, unchanged; raises where one is not."""

_DIGEST_LENGTH: Final = 16


@cache
def r4_class(resource_type: str) -> type[BaseModel]:
    """Return the class that a type of resource is checked by.

    Raises:
        FhirExportError: There is no such type in R4.
    """
    try:
        module = import_module(f"fhir.resources.R4B.{resource_type.lower()}")
    except ModuleNotFoundError:
        raise FhirExportError(f"FHIR R4 has no resource of the type '{resource_type}'.") from None
    return cast("type[BaseModel]", getattr(module, resource_type))


def checked(resource: Resource) -> Resource:
    """Return a resource that is valid by its class, unchanged.

    Raises:
        FhirExportError: It is not; the message names the resource by type and id, and where it is
            wrong, never what stands there.
    """
    kind = str(resource["resourceType"])
    try:
        r4_class(kind).model_validate(resource)
    except ValidationError as error:
        places = sorted({".".join(map(str, each["loc"])) for each in error.errors()})
        raise FhirExportError(
            f"{kind} {resource.get('id')} is not valid FHIR R4 at {', '.join(places)}. "
            "Correct the record it was made from and export again."
        ) from None
    return resource


def all_checked(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """Return resources that are valid, each checked.

    Raises:
        FhirExportError: One is not.
    """
    return tuple(map(checked, resources))


class CheckedBefore:
    """Checks resources that are written together, but not those that were found valid before.

    What is valid depends on nothing but the resources and the classes that they are checked by. To check
    them takes three quarters of an export.

    Args:
        known: What ``taken`` returned earlier, in a process before this one as well.
    """

    def __init__(self, known: Iterable[bytes] = ()) -> None:
        self._known = {each for some in known for each in _digests(some)}
        self._new: list[bytes] = []
        self._by = f"fhir.resources {version('fhir.resources')} pydantic {version('pydantic')}"

    def __call__(self, resources: Iterable[Resource]) -> tuple[Resource, ...]:
        """Return resources that are valid.

        Raises:
            FhirExportError: One is not, or cannot be written.
        """
        found = tuple(resources)
        whole = sha256(self._by.encode())
        for each in found:
            whole.update(json_line(each) + b"\n")
        digest = whole.digest()[:_DIGEST_LENGTH]
        if digest not in self._known:
            all_checked(found)
            self._known.add(digest)
            self._new.append(digest)
        return found

    def taken(self) -> bytes:
        """Return digests of what was found valid since this was asked last; nothing of what it says."""
        new, self._new = b"".join(self._new), []
        return new


def _digests(some: bytes) -> Iterator[bytes]:
    for begin in range(0, len(some), _DIGEST_LENGTH):
        yield some[begin : begin + _DIGEST_LENGTH]
