"""A year's Medicare tables drawn up from CMS's files: what they say beside the year before, and their text.

Nothing here reads a store. What cannot be used is refused as a whole.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from trellis_core.errors import CommandRefusedError
from trellis_core.rules.amounts import AmountTables
from trellis_core.rules.labels import labelled_codes
from trellis_core.rules.published import TableKind, TableText
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.medicare_files import (
    GPCI_COLUMNS,
    RVU_COLUMNS,
    GeographicIndices,
    RelativeValues,
    read_indices,
    read_relative_values,
)
from trellis_core.services.medicare_year import CodeAmounts, MedicarePreview, MedicareYear, Place
from trellis_core.values.spreadsheet_text import csv_text

LARGE_CHANGE: Final = Decimal("0.15")
"""By how much of itself a conversion factor may differ from the last one without a further word."""

FACTOR_COLUMNS: Final = ("effective_from", "effective_through", "basis", "conversion_factor")
_URL: Final = re.compile(r"https://[^\s\x00-\x1f\x7f]{4,500}")
_LONGEST_RELEASE: Final = 60
_PLACES: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFiles:
    """The two files of a year as they read."""

    values: RelativeValues
    indices: GeographicIndices


def read_files(given: MedicareYear, *, shipped: RuleBook, today: date) -> ReadFiles:
    """Read a year's files, and refuse what is said with them where it cannot stand.

    Raises:
        CommandRefusedError: A file or a word cannot be used.
    """
    if shipped.covered_until is not None and given.year <= shipped.covered_until.year:
        raise CommandRefusedError(
            "YEAR_SHIPPED",
            f"The amounts of {given.year} ship with Trellis, through {shipped.covered_until}. "
            "Nothing needs to be loaded.",
        )
    if _URL.fullmatch(given.url) is None:
        raise CommandRefusedError(
            "SOURCE_WRONG",
            "The source is the address at cms.gov where the files came from, beginning with https://.",
        )
    if len(given.release) > _LONGEST_RELEASE or not given.release.isprintable():
        raise CommandRefusedError(
            "RELEASE_WRONG",
            f"A release's name has at most {_LONGEST_RELEASE} characters, as RVU27A.",
        )
    if given.retrieved is not None and given.retrieved > today:
        raise CommandRefusedError(
            "RETRIEVED_WRONG", "The day of the download lies ahead. Give the day, or leave it out."
        )
    for factor in (given.conversion_factor, given.qualifying_factor):
        _check_number(factor)
    values = read_relative_values(
        given.relative_values, year=given.year, known=shipped.amounts.codes
    )
    _check_beside(given, values)
    indices = read_indices(given.indices, year=given.year, with_floor=given.with_floor)
    return ReadFiles(values=values, indices=indices)


def _check_number(factor: Decimal | None) -> None:
    if factor is None:
        return
    exponent = factor.as_tuple().exponent
    if (
        not factor.is_finite()
        or factor <= 0
        or not isinstance(exponent, int)
        or exponent < -_PLACES
    ):
        raise CommandRefusedError(
            "FACTOR_WRONG", "A conversion factor is a number of dollars above 0, such as 33.4009."
        )


def _check_beside(given: MedicareYear, values: RelativeValues) -> None:
    """Refuse a factor that is not the one beside the relative values."""
    others = sorted(each for each in values.factors if each != given.conversion_factor)
    if not others:
        return
    told = ", ".join(str(each) for each in others)
    if others == [given.qualifying_factor]:
        raise CommandRefusedError(
            "FACTOR_DISAGREES",
            f"The relative value file has the factor {told}, the one of qualifying participants. "
            "Choose the file whose name ends in nonQPP; its relative values are the same.",
        )
    raise CommandRefusedError(
        "FACTOR_DISAGREES",
        f"The relative value file has the conversion factor {told}, and {given.conversion_factor} was "
        "given. Give the factor of the final rule, or choose the file that belongs to it.",
    )


def draw_up(
    given: MedicareYear,
    read: ReadFiles,
    *,
    before: RuleBook,
    place: Place,
    sites: Iterable[str],
    today: date,
) -> tuple[MedicarePreview, tuple[TableText, ...]]:
    """Lay a year beside the one before, and return its tables.

    Args:
        given: What was said with the files.
        read: The files.
        before: The rule book without this year.
        place: The practice's.
        sites: Localities of its sites, for example ``NY-01``.
        today: When it is loaded.

    Raises:
        CommandRefusedError: A year lies between, a factor, a code or a locality is not as it must be.
    """
    last = before.covered_until
    if last is None or given.year != last.year + 1:
        following = given.year - 1 if last is None else last.year + 1
        raise CommandRefusedError(
            "YEAR_AHEAD",
            f"The last year on file is {following - 1}. Load {following} before {given.year}.",
        )
    factors = [
        (given.conversion_factor, before.amounts.conversion_factor(on=last)),
        (
            given.qualifying_factor,
            before.amounts.conversion_factor(on=last, qualifying_apm=True),
        ),
    ]
    for factor, was in factors:
        _check_change(factor, was, is_allowed=given.allow_large_change)
    warnings = [*_codes(given, read, before.amounts, last)]
    was_there = {each.key: each for each in before.amounts.localities(on=last)}
    rows = read.indices.rows
    gone = sorted(was_there.keys() - rows.keys())
    _check_localities(given, gone, {key: was_there[key].name for key in gone}, {*sites})
    if gone:
        warnings.append(f"Localities that ended: {', '.join(gone)}.")
    if renamed := sorted(
        key for key in was_there.keys() & rows.keys()
        if rows[key]["name"].casefold() != was_there[key].name.casefold()
    ):  # fmt: skip
        warnings.append(f"Localities with another name than the year before: {', '.join(renamed)}.")
    if given.qualifying_factor is None:
        warnings.append(
            "No factor of qualifying participants was given: a practice that is one has no amounts."
        )
    retrieved = given.retrieved or today
    release = given.release.strip() or read.values.release or f"CY{given.year}"
    tables = _tables(given, read, release=release, retrieved=retrieved)
    after = before.with_tables(tables, version=before.version).amounts
    billed = {code: place for place, code in enumerate(labelled_codes())}
    codes = sorted(
        before.amounts.codes_on(last) | after.codes_on(given.first_day),
        key=lambda code: (billed.get(code, len(billed)), code),
    )
    preview = MedicarePreview(
        year=given.year,
        schedule=given.schedule,
        release=release,
        url=given.url,
        retrieved=retrieved,
        conversion_factor=given.conversion_factor,
        conversion_factor_before=factors[0][1],
        qualifying_factor=given.qualifying_factor,
        qualifying_factor_before=factors[1][1],
        floor=read.indices.floor,
        locality=place.locality,
        amounts=tuple(
            CodeAmounts(
                code=code,
                before=_national(before.amounts, code, last),
                after=_national(after, code, given.first_day),
                here_before=_here(before.amounts, code, last, place),
                here_after=_here(after, code, given.first_day, place),
            )
            for code in codes
        ),
        localities=len(rows),
        localities_before=len(was_there),
        new_localities=tuple(sorted(rows.keys() - was_there.keys())),
        missing_localities=tuple(gone),
        new_codes=tuple(sorted(after.codes_on(given.first_day) - before.amounts.codes_on(last))),
        missing_codes=tuple(
            sorted(before.amounts.codes_on(last) - after.codes_on(given.first_day))
        ),
        warnings=tuple(warnings),
        file_digests={
            f"rvu_{given.year}": read.values.sha256,
            f"gpci_{given.year}": read.indices.sha256,
        },
    )
    return preview, tables


def _check_change(factor: Decimal | None, was: Decimal | None, *, is_allowed: bool) -> None:
    if factor is None or was is None or is_allowed:
        return
    if abs(factor / was - 1) > LARGE_CHANGE:
        raise CommandRefusedError(
            "LARGE_CHANGE",
            f"The factor {factor} differs by more than 15 percent from the last one, {was}. Compare it "
            "with the final rule, and say that it may (--allow-large-change).",
        )


def _codes(given: MedicareYear, read: ReadFiles, before: AmountTables, last: date) -> Iterable[str]:
    """Refuse absent codes of the programs that nobody said were retired; return what to look at."""
    was_there = before.codes_on(last)
    absent = was_there - read.values.rows.keys()
    needed = sorted((absent & {*labelled_codes()}) - given.retired)
    if needed:
        raise CommandRefusedError(
            "CODES_ABSENT",
            f"The relative value file lacks codes of the care programs: {', '.join(needed)}. Choose the "
            "whole file, and name each code that CMS ended as such (--retired CODE).",
        )
    if absent:
        yield f"Codes of {last.year} that the file lacks: {', '.join(sorted(absent))}."
    if there := sorted(given.retired & read.values.rows.keys()):
        yield f"Said to be retired, but in the file: {', '.join(there)}."
    without = sorted(
        code
        for code, row in read.values.rows.items()
        if row["status"] != "A" and _national(before, code, last) is not None
    )
    if without:
        yield f"Codes that have no national amount any more: {', '.join(without)}."


def _check_localities(
    given: MedicareYear, gone: Sequence[str], names: Mapping[str, str], own: set[str]
) -> None:
    if ours := sorted(own & {*gone}):
        raise CommandRefusedError(
            "OWN_LOCALITY_GONE",
            f"The GPCI file lacks the practice's own locality {', '.join(ours)}. Choose the whole file; "
            "where CMS ended the locality, change it in Settings first.",
        )
    if gone and not given.allow_ended_localities:
        told = ", ".join(f"{key} {names[key]}" for key in gone)
        raise CommandRefusedError(
            "LOCALITIES_ABSENT",
            f"The GPCI file lacks {len(gone)} of the localities of {given.year - 1}: {told}. Choose the "
            "whole file; where CMS ended them, say that they may be absent (--allow-ended-localities).",
        )


def _national(amounts: AmountTables, code: str, on: date) -> Decimal | None:
    found = amounts.allowed(code, on=on)
    return None if found is None else found.amount


def _here(amounts: AmountTables, code: str, on: date, place: Place) -> Decimal | None:
    if place.locality is None:
        return None
    found = amounts.allowed(
        code,
        on=on,
        state=place.state,
        locality=place.number,
        setting=place.setting,
        qualifying_apm=place.qualifying_apm,
    )
    return None if found is None else found.amount


# --- the tables' text ---------------------------------------------------------------------------


def _tables(
    given: MedicareYear, read: ReadFiles, *, release: str, retrieved: date
) -> tuple[TableText, ...]:
    year = given.year
    days = {"effective_from": str(given.first_day), "effective_through": str(given.last_day)}
    factors = [
        {**days, "basis": "nonqualifying", "conversion_factor": str(given.conversion_factor)}
    ]
    if given.qualifying_factor is not None:
        factors.append(
            {**days, "basis": "qualifying", "conversion_factor": str(given.qualifying_factor)}
        )

    def table(
        kind: TableKind, name: str, content: str, source: str, digest: str | None, note: str
    ) -> TableText:
        said: dict[str, str | date] = {"kind": kind.value}
        if digest is not None:
            said["schedule"] = given.schedule
        said |= {
            "effective_from": given.first_day,
            "effective_through": given.last_day,
            "source": f"CMS, {source} of the CY{year} Physician Fee Schedule, loaded by the practice",
            "release": release,
            "url": given.url,
            "retrieved": retrieved,
            "sha256": hashlib.sha256(content.encode()).hexdigest(),
        }
        if digest is not None:
            said["read_from_sha256"] = digest
        return TableText(
            name=f"{name}_{year}", content=content, sidecar=_toml(said | {"note": note})
        )

    return (
        table(
            TableKind.CONVERSION_FACTORS,
            "conversion_factors",
            _csv(FACTOR_COLUMNS, factors),
            "conversion factors",
            None,
            "As they were typed in.",
        ),
        table(
            TableKind.GPCI,
            "gpci",
            _csv(GPCI_COLUMNS, read.indices.rows.values()),
            "geographic practice cost indices (Addendum E)",
            read.indices.sha256,
            read.indices.floor,
        ),
        table(
            TableKind.RVU,
            "rvu",
            _csv(RVU_COLUMNS, read.values.rows.values()),
            "relative value file",
            read.values.sha256,
            "Codes that Trellis knows only. Descriptors are left out.",
        ),
    )


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """Write a table with line feeds as line ends, as tables of the rule book have them."""
    cells = ([row[column] for column in columns] for row in rows)
    return csv_text([columns, *cells]).replace("\r\n", "\n")


def _toml(said: Mapping[str, str | date]) -> str:
    """Write a sidecar: a JSON string without control characters is one of TOML as well."""
    return "".join(
        f"{name} = {json.dumps(value, ensure_ascii=False) if isinstance(value, str) else value}\n"
        for name, value in said.items()
    )
