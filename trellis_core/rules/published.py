"""Published tables as files: a CSV with the publisher's columns and a sidecar that says whence.

A table without its sidecar, or whose content does not have the sidecar's digest, is refused.
"""

import csv
import hashlib
import io
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class TableKind(StrEnum):
    """What a published table holds."""

    RVU = "rvu"
    GPCI = "gpci"
    CONVERSION_FACTORS = "conversion-factors"
    COUNTY_LOCALITY = "county-locality"
    MUE = "mue"
    PTP = "ptp"
    PART_B = "part-b"


class Provenance(BaseModel):
    """The sidecar of a table: what it is and where it came from.

    Attributes:
        schedule: Name of the fee schedule that it belongs to, where it belongs to one.
        effective_from: First date of service for which it was published.
        effective_through: Last such date; None where a later edition decides.
        release: The publisher's name of the edition.
        sha256: Digest of the CSV file with line feeds as line ends.
        read_from_sha256: Digest of the publisher's file as a practice read it in; None for a table that
            ships with Trellis.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: TableKind = Field(strict=False)
    schedule: str | None = None
    effective_from: date
    effective_through: date | None = None
    source: str = Field(min_length=1)
    release: str = Field(min_length=1)
    url: str = Field(pattern=r"^https://[^\s]+$")
    retrieved: date
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    read_from_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    note: str = ""

    def covers(self, on: date) -> bool:
        """Say whether the table was published for a date of service."""
        return self.effective_from <= on and (
            self.effective_through is None or on <= self.effective_through
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TableText:
    """A table as text, from elsewhere than a folder.

    Attributes:
        name: As a file of the tables' folder without its ending, for example ``rvu_2027``.
        content: CSV with line feeds as line ends.
        sidecar: TOML.
    """

    name: str
    content: str
    sidecar: str

    @property
    def files(self) -> dict[str, str]:
        """Its two files by their names in a rule book's folder."""
        return {
            f"tables/{self.name}.csv": self.content,
            f"tables/{self.name}.toml": self.sidecar,
        }


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """One table with its provenance; every row has every column, as text."""

    name: str
    provenance: Provenance
    rows: tuple[dict[str, str], ...]


Row = TypeVar("Row")


def file_bytes(file: Path) -> bytes:
    """Return a rule file's content with line feeds as line ends, whatever the checkout made of them."""
    return file.read_bytes().replace(b"\r\n", b"\n")


def read_tables(folder: Path, problems: list[str]) -> tuple[PublishedTable, ...]:
    """Read every table of a folder; add a sentence to ``problems`` for each that is wrong."""
    names = {file.stem for file in folder.glob("*.csv")} | {
        file.stem for file in folder.glob("*.toml")
    }
    found = (_read_table(folder, name, problems) for name in sorted(names))
    return tuple(table for table in found if table is not None)


def _read_table(folder: Path, name: str, problems: list[str]) -> PublishedTable | None:
    content, sidecar = folder / f"{name}.csv", folder / f"{name}.toml"
    for file in (content, sidecar):
        if not file.is_file():
            problems.append(f"{file.name}: the file is missing; a table is a CSV and its sidecar.")
            return None
    return read_table(name, file_bytes(content), sidecar.read_text("utf-8"), problems)


def read_table(
    name: str, content: bytes, sidecar: str, problems: list[str]
) -> PublishedTable | None:
    """Read one table; None with a sentence in ``problems`` for each mistake.

    Args:
        name: Of its files, without their endings.
        content: CSV with line feeds as line ends.
        sidecar: TOML.
        problems: Added to.
    """
    try:
        provenance = Provenance.model_validate(tomllib.loads(sidecar))
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{name}.toml: not TOML: {error}.")
        return None
    except ValidationError as error:
        problems.extend(
            f"{name}.toml, '{'.'.join(map(str, detail['loc']))}': {detail['msg']}."
            for detail in error.errors(include_url=False)
        )
        return None
    digest = hashlib.sha256(content).hexdigest()
    if digest != provenance.sha256:
        problems.append(
            f"{name}.csv: sha256 is {digest}, its sidecar says {provenance.sha256}; "
            "restore the published file, or record the new edition in the sidecar."
        )
        return None
    rows = tuple(csv.DictReader(io.StringIO(content.decode("utf-8"))))
    return PublishedTable(name, provenance, rows)


def rows_of(
    table: PublishedTable, make: Callable[[dict[str, str]], Row], problems: list[str]
) -> Sequence[Row]:
    """Return a table's rows as values; add a sentence to ``problems`` for each that is wrong."""
    made: list[Row] = []
    for number, row in enumerate(table.rows, start=1):
        try:
            made.append(make(row))
        except (KeyError, ValueError, ArithmeticError) as error:
            problems.append(f"{table.name}.csv, row {number}: {type(error).__name__}: {error}.")
    return made
