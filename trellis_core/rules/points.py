"""What the rule book says beside its parameters: disputed points, open questions, other programs.

``policy.toml`` holds the points that a payer's policy settles, ``open_points.toml`` those that
nobody has settled, ``programs.toml`` the programs that Trellis does not cover.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
)

from trellis_core.rules.reading import read_toml, sentences, take_reviewed_on
from trellis_core.rules.sources import Source, source_id

PolicyDefault = bool | int | str | tuple[str, ...] | Mapping[str, int]


def _some(given: object) -> object:
    if not given or not isinstance(given, list):
        message = "a list with at least one text is needed"
        raise ValueError(message)
    return tuple(given)


def _default(given: object) -> PolicyDefault:
    if isinstance(given, list) and all(isinstance(each, str) for each in given):
        return tuple(given)
    if isinstance(given, dict) and all(type(each) is int for each in given.values()):
        return MappingProxyType(given)
    if type(given) in {bool, int, str}:
        return given  # type: ignore[return-value]  # the line above tells the kinds apart
    message = "a default is a text, a whole number, true or false, a list or a table of numbers"
    raise ValueError(message)


Words = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[Words, ...], BeforeValidator(_some)]
_CONFIG: Final = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPoint:
    """A point on which authorities or payers differ and that a payer's policy settles.

    Attributes:
        key: The key of ``payer.policy`` in a case file.
        default: What holds where a payer's policy says nothing.
        answers: An answer as text and what it means; empty where it is a list or a table.
        positions: Who says what, a sentence each.
        note: Why this default.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG

    key: str
    question: Words
    default: Annotated[PolicyDefault, PlainValidator(_default)]
    answers: Annotated[Mapping[str, Words], AfterValidator(MappingProxyType)]
    positions: Texts
    note: Words
    citations: Texts

    @property
    def default_key(self) -> str:
        """The default as its answer's key, for example ``true``."""
        return str(self.default).lower() if isinstance(self.default, bool) else str(self.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPoint:
    """A point that nobody has settled and that no setting changes.

    Attributes:
        reading: What Trellis does, and why.
        positions: Who says what, a sentence each.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG

    key: str
    question: Words
    reading: Words
    positions: Texts
    citations: Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjacentProgram:
    """A program that Trellis does not cover.

    Attributes:
        why: Why it is not covered.
        beside: What holds where it is billed beside the programs that are.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG

    key: str
    name: Words
    codes: Texts
    why: Words
    beside: Words
    citations: Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRow:
    """What one credential allows on one day.

    Attributes:
        bills_care_management: May bill the codes of physicians and the like.
        bills_behavioral: May bill behavioral integration under the code of its own.
        earns_time: May earn staff time where the practice gives the person a role that does.
        is_prescribing_consultant: May be the psychiatric consultant of collaborative care.
    """

    credential: str
    title: str
    bills_care_management: bool
    bills_behavioral: bool
    earns_time: bool
    is_prescribing_consultant: bool
    note: str
    citations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """What the three files hold, in their order.

    Attributes:
        reviewed_on: The oldest day on which somebody last checked one of them against its sources.
    """

    policy: tuple[PolicyPoint, ...]
    open: tuple[OpenPoint, ...]
    adjacent_programs: tuple[AdjacentProgram, ...]
    reviewed_on: date

    @classmethod
    def read(cls, folder: Path, sources: Mapping[str, Source], problems: list[str]) -> "Points":
        """Read the files of a folder; add a sentence to ``problems`` for each mistake."""
        days: list[date] = []
        return cls(
            policy=_read(PolicyPoint, folder / "policy.toml", sources, problems, days),
            open=_read(OpenPoint, folder / "open_points.toml", sources, problems, days),
            adjacent_programs=_read(
                AdjacentProgram, folder / "programs.toml", sources, problems, days
            ),
            reviewed_on=min(days, default=date.min),
        )


FILES: Final = ("policy.toml", "open_points.toml", "programs.toml")
"""The files that ``Points`` is read from."""

_P = TypeVar("_P", PolicyPoint, OpenPoint, AdjacentProgram)


def _read(
    kind: type[_P],
    file: Path,
    sources: Mapping[str, Source],
    problems: list[str],
    days: list[date],
) -> tuple[_P, ...]:
    content = read_toml(file, problems)
    if content is None:
        return ()
    days.append(take_reviewed_on(file, content, problems))
    found: list[_P] = []
    adapter = TypeAdapter(kind)
    for key, body in content.items():
        if not isinstance(body, dict):
            problems.append(f"{file.name}, '{key}': a table is needed, headed [\"{key}\"].")
            continue
        try:
            point = adapter.validate_python({**body, "key": key})
        except ValidationError as error:
            problems.extend(sentences(file.name, key, error))
            continue
        problems.extend(
            f"{file.name}, '{key}': no source '{source_id(citation)}' in sources.toml; "
            "add it there or correct the citation."
            for citation in point.citations
            if source_id(citation) not in sources
        )
        problems.extend(f"{file.name}, '{key}': {each}." for each in _mistakes(point))
        found.append(point)
    return tuple(found)


def _mistakes(point: object) -> list[str]:
    if not isinstance(point, PolicyPoint) or not point.answers:
        return []
    if point.default_key in point.answers:
        return []
    known = ", ".join(point.answers)
    return [f"the default {point.default_key} is none of its answers ({known})"]
