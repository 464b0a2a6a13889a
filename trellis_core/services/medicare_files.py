"""Medicare's published files as CMS gives them out, and as Trellis keeps them.

The relative value file (PPRRVU) has titles above a heading of one or several lines; the file of
geographic indices (GPCI, Addendum E) has titles above its heading and notes below its rows. Columns
are found by their words. Of the relative values only codes that Trellis knows are taken, without a
modifier, and never a description. A file in Trellis's own form, as in ``rules/tables``, reads as well.
No sentence repeats a cell but a code, a locality, a year or a number.
"""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from trellis_core.services.medicare_cells import (
    AGAIN,
    Records,
    check_year,
    columns_missing,
    number_of,
    place_of,
    places_of,
    reader_of,
    refused,
    text_of,
    with_heading,
    words_of,
)

RVU_COLUMNS: Final = (
    "code",
    "status",
    "global_days",
    "work_rvu",
    "nonfac_pe_rvu",
    "fac_pe_rvu",
    "mp_rvu",
    "total_nonfac_rvu",
    "total_fac_rvu",
    "fac_na_indicator",
)
"""The columns of a table of relative values as Trellis keeps it."""

GPCI_COLUMNS: Final = ("mac", "state", "locality", "name", "work_gpci", "pe_gpci", "mp_gpci")
"""The columns of a table of geographic indices as Trellis keeps it."""

_RVU: Final = "The relative value file"
_GPCI: Final = "The GPCI file"
_LINES_OF_A_HEADING: Final = 4
_CELLS_OF_A_HEADING: Final = 3
_RELEASE: Final = re.compile(r"\bRVU\d\d[A-D](?:R)?\b", re.IGNORECASE | re.ASCII)
_STATE: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_DIGITS: Final = re.compile(r"\d{1,2}", re.ASCII)
_MAC: Final = re.compile(r"\d{1,5}", re.ASCII)
_LONGEST_NAME: Final = 120
_ACTIVE: Final = "A"
_ROUNDING: Final = Decimal("0.02")
"""How far a total may be from its parts: each is rounded by itself."""


_RVU_WORDS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "status": (frozenset({"status"}), frozenset()),
    "work_rvu": (frozenset({"work", "rvu"}), frozenset()),
    "nonfac_pe_rvu": (frozenset({"nonfac", "pe", "rvu"}), frozenset()),
    "fac_pe_rvu": (frozenset({"fac", "pe", "rvu"}), frozenset()),
    "mp_rvu": (frozenset({"mp", "rvu"}), frozenset()),
    "total_nonfac_rvu": (frozenset({"nonfac", "total"}), frozenset()),
    "total_fac_rvu": (frozenset({"fac", "total"}), frozenset()),
    "global_days": (frozenset({"days"}), frozenset()),
}
"""Words that a column's heading has, and words that it must not have."""

_GPCI_WORDS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "state": (frozenset({"state"}), frozenset({"of"})),
    "name": (frozenset({"name"}), frozenset()),
    "pe_gpci": (frozenset({"pe", "gpci"}), frozenset()),
    "mp_gpci": (frozenset({"mp", "gpci"}), frozenset()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeValues:
    """What a relative value file says of the codes that Trellis knows.

    Attributes:
        rows: By code; each has every one of ``RVU_COLUMNS``.
        factors: The conversion factors that stand beside them.
        release: As the file names it; empty where it does not.
        sha256: Digest of the file as it came.
    """

    rows: Mapping[str, Mapping[str, str]]
    factors: frozenset[Decimal]
    release: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GeographicIndices:
    """What a file of geographic indices says.

    Attributes:
        rows: By state and number, for example ``NY-01``; each has every one of ``GPCI_COLUMNS``.
        floor: Which column of work indices was used, as a sentence.
        sha256: Digest of the file as it came.
    """

    rows: Mapping[str, Mapping[str, str]]
    floor: str
    sha256: str


# --- relative values ----------------------------------------------------------------------------


def read_relative_values(content: bytes, *, year: int, known: Collection[str]) -> RelativeValues:
    """Read a relative value file.

    Args:
        content: A file of CMS, or one in the form of ``rules/tables/rvu_*.csv``.
        year: For which it must have been published, where it names a year.
        known: The codes to take; every other row is passed over unread.

    Raises:
        CommandRefusedError: It is no such file, is of another year, or a row cannot be used.
    """
    text = text_of(content, _RVU)
    records, at = with_heading(text, _is_rvu_heading, _RVU, "HCPCS")
    check_year(records[:at], year, _RVU)
    headings = [words_of(each) for each in _stacked(records, at)]
    places = places_of(headings, _RVU_WORDS)
    is_own = {"work", "rvu"} in headings and headings[0] == {"code"}
    code = 0 if is_own else place_of(headings, {"hcpcs"})
    modifier = None if is_own else place_of(headings, {"mod"}, {"modifier"})
    after = places.get("fac_pe_rvu", len(headings))
    na = next(
        (at for at in range(after, len(headings)) if {"na", "indicator"} <= headings[at]), None
    )
    lacking = [name for name in _RVU_WORDS if name not in places]
    if na is None:
        lacking.append("facility NA indicator")
    if not is_own and modifier is None:
        lacking.append("modifier")
    if code is None or lacking:
        raise columns_missing(_RVU, lacking, "the PPRRVU file of the yearly or quarterly release")
    factor = place_of(headings, {"conv", "factor"}, {"conversion", "factor"})
    rows: dict[str, Mapping[str, str]] = {}
    factors = set()
    for number, record in enumerate(records[at + 1 :], at + 2):
        cell = reader_of(record)
        if cell(code).upper() not in known or (modifier is not None and cell(modifier)):
            continue
        name = cell(code).upper()
        if name in rows:
            raise refused(
                "CODE_TWICE", f"{_RVU} has {name} twice without a modifier (row {number})."
            )
        row = {"code": name, "fac_na_indicator": cell(na).upper() if na is not None else ""}
        row |= {each: cell(place) for each, place in places.items()}
        _check_values(name, row, number, is_own=is_own)
        rows[name] = {each: row[each] for each in RVU_COLUMNS}
        if factor is not None and row["status"] == _ACTIVE:
            factors.add(number_of(cell(factor), f"the conversion factor of {name}", number, _RVU))
    if not rows:
        raise refused(
            "NO_ROWS",
            f"{_RVU} has none of the codes that Trellis knows. Choose the PPRRVU file of the release.",
        )
    found = _RELEASE.search("\n".join(" ".join(record) for record in records[:at]))
    return RelativeValues(
        rows=rows,
        factors=frozenset(factors),
        release=found[0].upper() if found else "",
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _check_values(code: str, row: dict[str, str], number: int, *, is_own: bool) -> None:
    """Refuse numbers that do not read, and totals that are not the sum of their parts."""
    row["status"] = row["status"].upper()
    if not row["status"] and not is_own:
        raise refused("STATUS_MISSING", f"{_RVU}, row {number}: {code} has no status code. {AGAIN}")
    parts = {}
    for name in ("work_rvu", "nonfac_pe_rvu", "fac_pe_rvu", "mp_rvu"):
        if row[name] or row["status"] == _ACTIVE:
            parts[name] = number_of(row[name], f"{name} of {code}", number, _RVU)
    if row["status"] != _ACTIVE:
        return
    for total, expense in (
        ("total_nonfac_rvu", "nonfac_pe_rvu"),
        ("total_fac_rvu", "fac_pe_rvu"),
    ):
        said = number_of(row[total], f"{total} of {code}", number, _RVU)
        if abs(said - parts["work_rvu"] - parts[expense] - parts["mp_rvu"]) > _ROUNDING:
            raise refused(
                "TOTAL_WRONG",
                f"{_RVU}, row {number}: {total} of {code} is not the sum of its three parts. {AGAIN}",
            )


def _is_rvu_heading(record: Sequence[str]) -> bool:
    words = [words_of(each) for each in record]
    return (
        {"hcpcs"} in words
        or {"hcpcs", "code"} in words
        or (bool(words) and words[0] == {"code"} and {"work", "rvu"} in words)
    )


def _stacked(records: Records, at: int) -> list[str]:
    """Return the heading's columns, each with what the lines above it say of it."""
    lines = [records[at]]
    for above in reversed(records[max(0, at - _LINES_OF_A_HEADING) : at]):
        if sum(1 for cell in above if cell.strip()) < _CELLS_OF_A_HEADING:
            break
        lines.insert(0, above)
    width = len(records[at])
    return [" ".join(line[place] for line in lines if place < len(line)) for place in range(width)]


# --- geographic indices -------------------------------------------------------------------------


def read_indices(content: bytes, *, year: int, with_floor: bool | None) -> GeographicIndices:
    """Read a file of geographic indices.

    Args:
        content: A file of CMS, or one in the form of ``rules/tables/gpci_*.csv``.
        year: For which it must have been published, where it names a year.
        with_floor: Whether to use the work indices with the floor of 1.0; None for those, where the
            file has both, and else for what it has.

    Raises:
        CommandRefusedError: It is no such file, is of another year, or a row cannot be used.
    """
    text = text_of(content, _GPCI)
    records, at = with_heading(text, _is_gpci_heading, _GPCI, "State")
    check_year(records[: at + 1], year, _GPCI)
    headings = [words_of(each) for each in records[at]]
    places = places_of(headings, _GPCI_WORDS)
    for name, choices in (
        ("mac", ({"mac"}, {"medicare", "administrative", "contractor"})),
        ("locality", ({"locality", "number"}, {"locality", "code"}, {"locality"})),
    ):
        if (place := place_of(headings, *choices)) is not None:
            places[name] = place
    work, floor = _work_column(headings, with_floor=with_floor)
    places["work_gpci"] = work
    lacking = [name for name in GPCI_COLUMNS if name not in places]
    if lacking:
        raise columns_missing(_GPCI, lacking, "the GPCI file (Addendum E) of the same release")
    rows: dict[str, Mapping[str, str]] = {}
    for number, record in enumerate(records[at + 1 :], at + 2):
        cell = reader_of(record)
        row = {name: cell(places[name]) for name in GPCI_COLUMNS}
        if not any(row[name] for name in GPCI_COLUMNS[1:]):
            continue  # a note below the rows, or an empty line
        wanted = (("state", _STATE), ("locality", _DIGITS), ("mac", _MAC))
        if any(form.fullmatch(row[name]) is None for name, form in wanted):
            raise refused(
                "LOCALITY_WRONG",
                f"{_GPCI}, row {number}: no contractor, state of two letters and number of a locality. {AGAIN}",
            )
        if not row["name"].isprintable() or len(row["name"]) > _LONGEST_NAME:
            raise refused(
                "LOCALITY_WRONG", f"{_GPCI}, row {number}: no name of a locality. {AGAIN}"
            )
        row["locality"] = row["locality"].zfill(2)
        row["mac"] = row["mac"].zfill(5)
        row["name"] = " ".join(row["name"].rstrip("*").split())
        key = f"{row['state']}-{row['locality']}"
        if key in rows:
            raise refused("LOCALITY_TWICE", f"{_GPCI} has {key} twice (row {number}). {AGAIN}")
        for name in ("work_gpci", "pe_gpci", "mp_gpci"):
            if number_of(row[name], f"{name} of {key}", number, _GPCI) <= 0:
                raise refused(
                    "NUMBER_WRONG", f"{_GPCI}, row {number}: {name} of {key} is 0. {AGAIN}"
                )
        rows[key] = row
    if not rows:
        raise refused("NO_ROWS", f"{_GPCI} has no locality below its heading. {AGAIN}")
    return GeographicIndices(rows=rows, floor=floor, sha256=hashlib.sha256(content).hexdigest())


def _work_column(headings: Sequence[set[str]], *, with_floor: bool | None) -> tuple[int, str]:
    """Return the column of work indices to use, and which it is in words."""
    work = [
        place
        for place, words in enumerate(headings)
        if "gpci" in words and ("pw" in words or "work" in words)
    ]
    without = [place for place in work if "without" in headings[place]]
    others = [place for place in work if place not in without]
    says_floor = [place for place in others if "floor" in headings[place]]
    if not work:
        raise columns_missing(
            _GPCI, ["work_gpci"], "the GPCI file (Addendum E) of the same release"
        )
    if with_floor is False:
        if without:
            return without[0], "Work indices without the floor of 1.0, as chosen."
        if says_floor:
            raise refused(
                "NO_SUCH_COLUMN",
                f"{_GPCI} has work indices with the floor of 1.0 only. Use those (without --no-work-floor).",
            )
        return others[0], "The file's only column of work indices; its heading names no floor."
    if with_floor and not others:
        raise refused(
            "NO_SUCH_COLUMN",
            f"{_GPCI} has work indices without the floor of 1.0 only. Use those (without --work-floor).",
        )
    if without and others:
        return others[0], "Work indices with the floor of 1.0; the file has both."
    if says_floor:
        return says_floor[0], "Work indices with the floor of 1.0, the file's only ones."
    if others:
        return others[0], "The file's only column of work indices; its heading names no floor."
    return without[0], "Work indices without the floor of 1.0, the file's only ones."


def _is_gpci_heading(record: Sequence[str]) -> bool:
    words = [words_of(each) for each in record]
    return {"state"} in words and any("gpci" in each for each in words)
