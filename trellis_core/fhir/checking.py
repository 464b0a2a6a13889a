"""Every resource that leaves is checked through its R4B class, whose elements are those of R4.

The classes come one by one, when the first resource of a type does: each costs time to import.
"""

from functools import cache
from importlib import import_module
from typing import cast

from pydantic import BaseModel, ValidationError

from trellis_core.errors import FhirExportError
from trellis_core.fhir.shapes import Resource


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
