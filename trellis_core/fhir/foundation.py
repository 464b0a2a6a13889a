"""What stands behind patients: the practice, its people and places, and payers."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from trellis_core.fhir.checking import checked
from trellis_core.fhir.names import Names
from trellis_core.fhir.people import (
    payer_resource,
    practice_resource,
    site_resources,
    staff_resources,
)
from trellis_core.fhir.shapes import Resource
from trellis_core.store.chart_query import PracticeRows

Referred = AbstractSet[tuple[str, str]]
"""Kind and key of people, places and payers that resources refer to."""

_KINDS: Final = ("payer", "site", "staff")


def referred_of(names: Names) -> Referred:
    """Return what was referred to since the names were last asked, and forget it."""
    found = {each for each in names.used if each[0] in _KINDS}
    names.used.clear()
    return found


def foundation(
    names: Names, practice: PracticeRows, referred: Referred, *, everybody: bool = False
) -> Sequence[Resource]:
    """Return the practice, and those people, places and payers that were referred to.

    Args:
        names: How records are called.
        practice: Whose.
        referred: Kind and key of each.
        everybody: Take along everybody who works there and every place.

    Raises:
        FhirExportError: A resource is not valid FHIR R4.
    """
    keys = {kind: {key for of, key in referred if of == kind} for kind in _KINDS}
    made = [
        practice_resource(names, practice),
        *(payer_resource(names, payer) for payer in sorted(keys["payer"])),
        *staff_resources(names, practice, None if everybody else keys["staff"]),
        *site_resources(names, practice, None if everybody else keys["site"]),
    ]
    return [checked(each) for each in made]
