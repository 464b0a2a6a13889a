"""The rule book: every threshold, code and limit with its dates and citations.

``parameters/*.toml`` hold the values, ``sources.toml`` the documents, ``tables/*.csv`` the
published tables; ``points.py`` says what the other files hold. A value is asked for on a date of
service; there is no "current" value.

Example:
    >>> load_rule_book().version
    '2026.4'
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)

from trellis_core.errors import (
    ParameterNotInForceError,
    RuleBookFormatError,
    UnknownParameterError,
)
from trellis_core.rules.amounts import AmountTables, PartB
from trellis_core.rules.credentials import credential_rows
from trellis_core.rules.ncci import CodingEdits, UnitCap
from trellis_core.rules.points import (
    FILES,
    AdjacentProgram,
    CredentialRow,
    OpenPoint,
    Points,
    PolicyPoint,
)
from trellis_core.rules.published import (
    PublishedTable,
    TableText,
    file_bytes,
    read_table,
    read_tables,
)
from trellis_core.rules.reading import read_toml, sentences, take_reviewed_on
from trellis_core.rules.sources import Source, rests_on_guidance_only, source_id
from trellis_core.rules.trace import ParameterUse

VERSION: Final = "2026.4"
"""The edition of the rule book: year, then the number of the edition in it."""

ParameterValue = int | Decimal | str | bool | tuple[str, ...]


def _allowed_value(given: object) -> ParameterValue:
    if isinstance(given, list) and given and all(isinstance(each, str) for each in given):
        return tuple(given)
    if type(given) in {bool, int, Decimal, str}:
        return given  # type: ignore[return-value]  # the line above tells the kinds apart
    message = "a value is a whole number, a decimal, a text, true or false, or a list of texts"
    raise ValueError(message)


def _citations(given: object) -> object:
    if not given or not isinstance(given, list):
        message = "a list with at least one source id is needed; every value is cited"
        raise ValueError(message)
    return tuple(given)


class DatedValue(BaseModel):
    """A value, or the end of a parameter, from one day on.

    Attributes:
        effective_from: First day on which it holds.
        value: What holds; None where the parameter ended on that day.
        ended: True where the parameter has no value from that day on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    effective_from: date
    value: Annotated[ParameterValue | None, PlainValidator(_allowed_value)] = None
    ended: bool = False
    citations: Annotated[tuple[str, ...], BeforeValidator(_citations)]
    note: str = ""

    @model_validator(mode="after")
    def _is_a_value_or_an_end(self) -> Self:
        if (self.value is None) != self.ended:
            message = "exactly one of 'value' and 'ended = true' is needed"
            raise ValueError(message)
        return self


class Parameter(BaseModel):
    """One named quantity of the rules with all its dated values.

    Attributes:
        path: For example ``ccm.clinical_staff.initial.minutes``.
        unit: What is counted: ``minute``, ``day``, ``hcpcs`` and so on.
        values: Ascending by date.
        file: Name of the file that defines it.
        reviewed_on: When somebody last checked that file against its sources.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    path: str
    description: str = Field(min_length=1)
    unit: str = Field(min_length=1)
    values: tuple[DatedValue, ...]
    file: str
    reviewed_on: date

    @model_validator(mode="after")
    def _dates_ascend(self) -> Self:
        if not self.values:
            message = "'values' is empty; give at least one dated value"
            raise ValueError(message)
        days = [value.effective_from for value in self.values]
        for earlier, later in pairwise(days):
            if later <= earlier:
                message = f"{later} follows {earlier}; order the values by date, one for each day"
                raise ValueError(message)
        kinds = {type(value.value).__name__ for value in self.values if not value.ended}
        if len(kinds) > 1:
            message = f"values are of different kinds ({', '.join(sorted(kinds))}); use one kind"
            raise ValueError(message)
        if self.values[0].ended:
            message = "the first value is an end; give the value that ended before it"
            raise ValueError(message)
        return self

    @property
    def newest(self) -> DatedValue:
        """The value or end with the latest date, which may lie ahead."""
        return self.values[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What the published tables hold."""

    tables: tuple[PublishedTable, ...]
    amounts: AmountTables
    coding_edits: CodingEdits
    part_b: PartB

    @classmethod
    def read(cls, folder: Path, problems: list[str]) -> Self:
        """Read every table of a folder; add a sentence to ``problems`` for each mistake."""
        return cls.of(read_tables(folder, problems), problems)

    @classmethod
    def of(cls, tables: tuple[PublishedTable, ...], problems: list[str]) -> Self:
        """Take tables that were read; add a sentence to ``problems`` for each row that does not read."""
        return cls(
            tables=tables,
            amounts=AmountTables(tables, problems),
            coding_edits=CodingEdits(tables, problems),
            part_b=PartB(tables, problems),
        )


class RuleBook:
    """Every parameter, source and published table of one edition.

    Attributes:
        version: The edition.
        fingerprint: ``sha256:`` and the digest of all files; kept with every issued superbill.
        files: The text of every file by its name in the folder, in the order of the names.
        parameters: By path.
        sources: By id.
        policy_points: Points that a payer's policy settles.
        open_points: Points that nobody has settled.
        adjacent_programs: Programs that Trellis does not cover.
        points_reviewed_on: The oldest day on which one of these three was checked.
        tables: The published tables with their provenance.
        amounts: Medicare's allowed amounts.
        coding_edits: Unit caps and pairs of codes that exclude each other.
        part_b: Deductible, coinsurance and sequestration.
    """

    def __init__(
        self,
        *,
        version: str,
        files: Mapping[str, str],
        parameters: Mapping[str, Parameter],
        sources: Mapping[str, Source],
        published: Published,
        points: Points,
    ) -> None:
        self.version: Final = version
        self.files: Final[Mapping[str, str]] = MappingProxyType(dict(files))
        self.fingerprint: Final = fingerprint_of(files)
        self.parameters: Final[Mapping[str, Parameter]] = MappingProxyType(dict(parameters))
        self.sources: Final[Mapping[str, Source]] = MappingProxyType(dict(sources))
        self.policy_points: Final[tuple[PolicyPoint, ...]] = points.policy
        self.open_points: Final[tuple[OpenPoint, ...]] = points.open
        self.adjacent_programs: Final[tuple[AdjacentProgram, ...]] = points.adjacent_programs
        self.points_reviewed_on: Final = points.reviewed_on
        self.tables: Final = published.tables
        self.amounts: Final = published.amounts
        self.coding_edits: Final = published.coding_edits
        self.part_b: Final = published.part_b
        self._timelines: Final = {
            path: (
                tuple(value.effective_from for value in parameter.values),
                tuple(
                    None
                    if value.value is None
                    else ParameterUse(
                        path,
                        value.value,
                        value.effective_from,
                        value.citations,
                        parameter.unit,
                        parameter.description,
                        rests_on_guidance_only(value.citations, self.sources),
                    )
                    for value in parameter.values
                ),
            )
            for path, parameter in self.parameters.items()
        }

    @classmethod
    def from_folder(cls, folder: Path, *, version: str = VERSION) -> Self:
        """Read a rule book from its folder.

        Args:
            folder: Where its files are.
            version: The edition that they are.

        Raises:
            RuleBookFormatError: With every problem of every file.
        """
        problems: list[str] = []
        sources = _read_sources(folder / "sources.toml", problems)
        parameters = _read_parameters(folder / "parameters", sources, problems)
        points = Points.read(folder, sources, problems)
        published = Published.read(folder / "tables", problems)
        if problems:
            raise RuleBookFormatError(problems)
        return cls(
            version=version,
            files=_files(folder),
            parameters=parameters,
            sources=sources,
            published=published,
            points=points,
        )

    def with_tables(self, added: Iterable[TableText], *, version: str) -> Self:
        """Return this rule book with more published tables, as if they stood in its folder.

        Its files and its fingerprint have them too, so that it reads the same once it was kept.

        Args:
            added: Tables under names that it does not have.
            version: What the edition with them is called.

        Raises:
            RuleBookFormatError: A table does not read, or one of that name is there already.
        """
        more = tuple(added)
        problems = [
            f"{each.name}: the rule book has a table of that name; remove the added one."
            for each in more
            if not self.files.keys().isdisjoint(each.files)
        ]
        read = [
            read_table(each.name, each.content.encode(), each.sidecar, problems) for each in more
        ]
        tables = (*self.tables, *(table for table in read if table is not None))
        published = Published.of(tuple(sorted(tables, key=lambda each: each.name)), problems)
        if problems:
            raise RuleBookFormatError(problems)
        files = dict(self.files)
        for each in more:
            files |= each.files
        return type(self)(
            version=version,
            files=dict(sorted(files.items())),
            parameters=self.parameters,
            sources=self.sources,
            published=published,
            points=Points(
                policy=self.policy_points,
                open=self.open_points,
                adjacent_programs=self.adjacent_programs,
                reviewed_on=self.points_reviewed_on,
            ),
        )

    @property
    def covered_until(self) -> date | None:
        """The last day that the published documents on file cover; None where none is on file."""
        return self.amounts.last_priced_day

    @property
    def covered_by(self) -> str:
        """The published document that sets the last covered day, in words."""
        last = self.covered_until
        editions = self.amounts.factor_editions
        return "; ".join(each.source for each in editions if each.effective_through == last)

    def not_yet_published(self, on: date) -> str:
        """Say that a day lies after the last covered one; empty where it does not.

        Such a day is judged by the rules that have no end date, and nothing on it is priced.

        Example:
            >>> load_rule_book().not_yet_published(date(2026, 12, 31))
            ''
        """
        last = self.covered_until
        if last is not None and on <= last:
            return ""
        known = f"the last covered day is {last.isoformat()}" if last else "no amounts are on file"
        return f"Not yet published for {on.isoformat()}: {known}. Nothing on that day is priced."

    def amounts_only(self, on: date) -> str:
        """Say that a practice loaded a day's amounts, so that its rules were not reviewed; else empty.

        Example:
            >>> load_rule_book().amounts_only(date(2026, 12, 31))
            ''
        """
        if not any(
            table.provenance.read_from_sha256 is not None and table.provenance.covers(on)
            for table in self.tables
        ):
            return ""
        return (
            f"The amounts of {on.year} were loaded by the practice. The rules of that year were not "
            "reviewed: what stands here is the newest on file and may change."
        )

    def find(self, path: str, *, on: date) -> ParameterUse | None:
        """Return a parameter's value on a day with its date and citations; None where it has none.

        Raises:
            UnknownParameterError: No file defines the path.
        """
        timeline = self._timelines.get(path)
        if timeline is None:
            near = get_close_matches(path, self.parameters, n=1)
            raise UnknownParameterError(path, near[0] if near else None)
        days, uses = timeline
        place = bisect_right(days, on)
        return uses[place - 1] if place else None

    def use(self, path: str, *, on: date) -> ParameterUse:
        """Return a parameter's value on a day with its date and citations.

        Raises:
            UnknownParameterError: No file defines the path.
            ParameterNotInForceError: It has no value on that day.
        """
        found = self.find(path, on=on)
        if found is None:
            values = self.parameters[path].values
            ends = [each.effective_from for each in values if each.ended]
            past = [day for day in ends if day <= on]
            raise ParameterNotInForceError(
                path, on, values[0].effective_from, past[-1] if past else None
            )
        return found

    def value(self, path: str, *, on: date) -> ParameterValue:
        """Return a parameter's value on a day; raises as ``use`` does."""
        return self.use(path, on=on).value

    def integer(self, path: str, *, on: date) -> int:
        """Return a parameter that is a whole number; raises as ``use`` does."""
        value = self.value(path, on=on)
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong_kind(path, value, "a whole number")
        return value

    def number(self, path: str, *, on: date) -> Decimal:
        """Return a parameter that is a number; raises as ``use`` does."""
        value = self.value(path, on=on)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise _wrong_kind(path, value, "a number")
        return Decimal(value)

    def text(self, path: str, *, on: date) -> str:
        """Return a parameter that is a text, such as a code; raises as ``use`` does."""
        value = self.value(path, on=on)
        if not isinstance(value, str):
            raise _wrong_kind(path, value, "a text")
        return value

    def texts(self, path: str, *, on: date) -> tuple[str, ...]:
        """Return a parameter that is a list of texts; raises as ``use`` does."""
        value = self.value(path, on=on)
        if not isinstance(value, tuple):
            raise _wrong_kind(path, value, "a list of texts")
        return value

    def flag(self, path: str, *, on: date) -> bool:
        """Return a parameter that is yes or no; raises as ``use`` does."""
        value = self.value(path, on=on)
        if not isinstance(value, bool):
            raise _wrong_kind(path, value, "true or false")
        return value

    def is_in_force(self, path: str, *, on: date) -> bool:
        """Say whether a parameter has a value on a day.

        Raises:
            UnknownParameterError: No file defines the path.
        """
        return self.find(path, on=on) is not None

    def credentials_on(self, day: date) -> tuple[CredentialRow, ...]:
        """Return what every credential allows on a day."""
        return credential_rows(self, day)

    def unit_caps(self, code: str, on: date) -> UnitCap | None:
        """Return the most units of a code payable on a date of service; None where none is known."""
        return self.coding_edits.unit_cap(code, on)


def _wrong_kind(path: str, value: ParameterValue, wanted: str) -> RuleBookFormatError:
    return RuleBookFormatError([f"Parameter '{path}' is {value!r}; {wanted} is needed here."])


@lru_cache(maxsize=1)
def load_rule_book() -> RuleBook:
    """Return the rule book that ships with Trellis; read once."""
    return RuleBook.from_folder(Path(__file__).parent)


def _read_sources(file: Path, problems: list[str]) -> dict[str, Source]:
    sources: dict[str, Source] = {}
    for name, body in (read_toml(file, problems) or {}).items():
        if not isinstance(body, dict):
            problems.append(f"{file.name}, '{name}': a table is needed, headed [\"{name}\"].")
            continue
        try:
            sources[name] = Source.model_validate({**body, "id": name})
        except ValidationError as error:
            problems.extend(sentences(file.name, name, error))
    return sources


def _read_parameters(
    folder: Path, sources: Mapping[str, Source], problems: list[str]
) -> dict[str, Parameter]:
    parameters: dict[str, Parameter] = {}
    for file in sorted(folder.glob("*.toml")):
        content = read_toml(file, problems)
        if content is None:
            continue
        reviewed_on = take_reviewed_on(file, content, problems)
        for path, body in content.items():
            parameter = _read_parameter(
                path, body, file=file.name, reviewed_on=reviewed_on, problems=problems
            )
            if parameter is None:
                continue
            if path in parameters:
                problems.append(
                    f"{file.name}, '{path}': also defined in {parameters[path].file}; keep one."
                )
            parameters[path] = parameter
            problems.extend(_unresolved(parameter, sources))
    return parameters


def _read_parameter(
    path: str, body: object, *, file: str, reviewed_on: date, problems: list[str]
) -> Parameter | None:
    if not isinstance(body, dict) or "values" not in body:
        problems.append(
            f"{file}, '{path}': a table with 'values' is needed; "
            'put the whole path in quotes, for example ["ccm.staff.minutes"].'
        )
        return None
    values = body["values"]
    if not isinstance(values, list):
        problems.append(
            f"{file}, '{path}': 'values' is a list of dated values; put it in brackets."
        )
        return None
    given = {
        **body,
        "values": tuple(values),
        "path": path,
        "file": file,
        "reviewed_on": reviewed_on,
    }
    try:
        return Parameter.model_validate(given)
    except ValidationError as error:
        problems.extend(sentences(file, path, error))
    return None


def _unresolved(parameter: Parameter, sources: Mapping[str, Source]) -> list[str]:
    return [
        f"{parameter.file}, '{parameter.path}', {value.effective_from}: "
        f"no source '{source_id(citation)}' in sources.toml; add it there or correct the citation."
        for value in parameter.values
        for citation in value.citations
        if source_id(citation) not in sources
    ]


def _files(folder: Path) -> dict[str, str]:
    """Return the text of every file of a rule book's folder, in the order of the names."""
    files = [
        folder / "sources.toml",
        *(folder / name for name in FILES),
        *(folder / "parameters").glob("*.toml"),
        *(folder / "tables").glob("*.toml"),
        *(folder / "tables").glob("*.csv"),
    ]
    named = sorted((file.relative_to(folder).as_posix(), file) for file in files)
    return {name: file_bytes(file).decode("utf-8") for name, file in named}


def fingerprint_of(files: Mapping[str, str]) -> str:
    """Return the fingerprint of a rule book's files: ``sha256:`` and the digest of names and texts.

    Args:
        files: Each file's text by its name in the rule book's folder.
    """
    digest = hashlib.sha256()
    for name, text in sorted(files.items()):
        told, content = name.encode(), text.encode()
        digest.update(b"%d:%b%d:%b" % (len(told), told, len(content), content))
    return f"sha256:{digest.hexdigest()}"
