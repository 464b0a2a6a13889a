"""Superbills as charges and documents."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trellis_core.fhir.names import Names
from trellis_core.fhir.shapes import Resource
from trellis_core.store.chart_query import ChartRows
from trellis_core.superbill import Superbill


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """A superbill and what became of it.

    Attributes:
        superseded_by: Number of the version that replaced it; None while it stands.
        is_submitted: A claim was sent from it.
        pdf: The superbill as a PDF; None to leave it out.
    """

    bill: Superbill
    superseded_by: int | None = None
    is_submitted: bool = False
    pdf: bytes | None = None


def charge_resources(
    names: Names,
    chart: ChartRows,
    charged: Sequence[Charged],
    roots: Mapping[str, str],
    *,
    with_claims: bool = False,
) -> Iterator[Resource]:
    """Write a month's charges."""
    raise NotImplementedError


def issued_text_of(resource: Mapping[str, object]) -> str | None:
    """Return the text of an issued superbill that a document holds; None where it holds none."""
    raise NotImplementedError
