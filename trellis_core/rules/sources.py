"""The documents that the rule book relies on, and how much weight each kind has.

A citation is a source's id, or a narrower place in it: ``"pfs-2021-final-rule#p84639"``.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from trellis_core.errors import UnknownSourceError


class SourceKind(StrEnum):
    """What kind of document a source is."""

    STATUTE = "statute"
    CFR = "cfr"
    FEDERAL_REGISTER = "federal-register"
    CMS_MANUAL = "cms-manual"
    TRANSMITTAL = "transmittal"
    NCCI = "ncci"
    MLN = "mln"
    FAQ = "faq"
    AMA_CPT = "ama-cpt"


RANK: Final[tuple[SourceKind, ...]] = (
    SourceKind.STATUTE,
    SourceKind.CFR,
    SourceKind.FEDERAL_REGISTER,
    SourceKind.CMS_MANUAL,
    SourceKind.TRANSMITTAL,
    SourceKind.NCCI,
    SourceKind.MLN,
    SourceKind.FAQ,
    SourceKind.AMA_CPT,
)
"""Kinds of source from the strongest to the weakest."""

GUIDANCE: Final = frozenset({SourceKind.MLN, SourceKind.FAQ})
"""Kinds that explain rules without making them."""


class Source(BaseModel):
    """One document, as ``sources.toml`` lists it.

    Attributes:
        id: Short name used in citations.
        locator: Where it is found in print, for example ``85 FR 84472``.
        published_on: When it was published, which is not when it takes effect.
        retrieved_on: When somebody last read it at its address, where that is known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str
    title: str = Field(min_length=1)
    publisher: str = Field(min_length=1)
    kind: SourceKind = Field(strict=False)
    locator: str = Field(min_length=1)
    url: str = Field(pattern=r"^https://[^\s]+$")
    published_on: date | None = None
    retrieved_on: date | None = None
    note: str = ""


def source_id(citation: str) -> str:
    """Return the source's id of a citation, without the place in it.

    Example:
        >>> source_id("pfs-2021-final-rule#p84639")
        'pfs-2021-final-rule'
    """
    return citation.partition("#")[0]


def place_in(citation: str) -> str:
    """Return the place that a citation names in its source, or an empty text."""
    return citation.partition("#")[-1]


def source_of(citation: str, sources: Mapping[str, Source]) -> Source:
    """Return the document that a citation names.

    Raises:
        UnknownSourceError: No such document is listed.
    """
    found = sources.get(source_id(citation))
    if found is None:
        raise UnknownSourceError(source_id(citation))
    return found


def by_authority(citations: Iterable[str], sources: Mapping[str, Source]) -> tuple[str, ...]:
    """Return citations with the strongest source first; equals keep their order."""
    return tuple(sorted(citations, key=lambda each: RANK.index(source_of(each, sources).kind)))


def rests_on_guidance_only(citations: Iterable[str], sources: Mapping[str, Source]) -> bool:
    """Say whether nothing but explanatory guidance stands behind a value."""
    kinds = {source_of(each, sources).kind for each in citations}
    return bool(kinds) and kinds <= GUIDANCE
