"""How a resource begins that shows a kept record: what it is called, the record itself, its identifier."""

from datetime import date, datetime

from trellis_core.fhir import profiles
from trellis_core.fhir.kept import key_of, record_extension
from trellis_core.fhir.names import Names
from trellis_core.fhir.shapes import Resource, concept, period


def recorded(
    names: Names, kind: str, row: object, profile: str = "", *extensions: Resource
) -> Resource:
    """Begin the resource that shows a row and holds it.

    Args:
        names: How records are called.
        kind: One of ``KEPT``.
        row: A row of its table.
        profile: The US Core profile that it claims; empty for none.
        extensions: What stands beside the record.
    """
    key = key_of(kind, row)
    resource = names.head(kind, key, profile)
    resource["extension"] = [*extensions, record_extension(kind, row)]
    resource["identifier"] = [names.identifier(kind, key)]
    return resource


def basic(
    names: Names,
    kind: str,
    row: object,
    *,
    subject: Resource | None = None,
    author: Resource | None = None,
    created: date | None = None,
) -> Resource:
    """Return a record for which FHIR R4 has no resource of its own.

    Args:
        names: How records are called.
        kind: One of ``KEPT``.
        row: A row of its table.
        subject: The patient; None for the practice's own records.
        author: Who stated it, where that is on record.
        created: The day it is of, where one is on record; an instant's in the practice's zone.
    """
    resource = recorded(names, kind, row)
    resource["code"] = concept(profiles.RECORD_KIND, kind, kind.replace("-", " ").capitalize())
    if subject is not None:
        resource["subject"] = subject
    if created is not None:
        day = created.astimezone(names.zone).date() if isinstance(created, datetime) else created
        resource["created"] = day.isoformat()
    if author is not None:
        resource["author"] = author
    return resource


def span(start: date | None, end: date | None) -> Resource:
    """Return a Period of days; an end that lies before the start is left to the record."""
    return period(start, end if start is None or end is None or end >= start else None)
