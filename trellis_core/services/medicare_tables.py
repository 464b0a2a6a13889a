"""Loading a year's published Medicare tables into a practice's store, before an edition of Trellis has them.

From then on the practice's rule book prices dates of service in that year. A year is loaded, replaced
or removed as a whole. What was closed keeps the rule book under which it was closed.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from sqlalchemy import select as select_columns
from sqlmodel import col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import Setting
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.rules.published import Provenance, TableKind, TableText
from trellis_core.rules.rulebook import RuleBook, load_rule_book
from trellis_core.services.access_log import audited
from trellis_core.services.medicare_drawing import ReadFiles, draw_up, read_files
from trellis_core.services.medicare_year import MedicarePreview, MedicareYear, Place
from trellis_core.services.rule_books import tables_loaded, with_loaded, year_of
from trellis_core.store.engine import Store
from trellis_core.store.tables import MONTH_MARK, MedicareTableRow, PracticeRow, SiteRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth

_YEAR_OF_MONTHS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class YearOnFile:
    """A Medicare year whose amounts are on file.

    Attributes:
        is_loaded: The practice loaded it; False for a year that ships with Trellis.
        is_used: False for a loaded year that ships with this edition of Trellis, which is used instead.
        factor: The conversion factor on the year's last day; None where none holds.
        qualifying_factor: The same for qualifying participants.
        digests: sha256 by the table's name: of the file as it was read, or of the shipped table.
        loaded_at: None for a year that ships with Trellis.
    """

    year: int
    schedule: str
    release: str
    source: str
    url: str
    retrieved: date
    is_loaded: bool
    is_used: bool
    factor: Decimal | None
    qualifying_factor: Decimal | None
    digests: Mapping[str, str]
    loaded_by: str = ""
    loaded_at: datetime | None = None


@audited
def medicare_tables_on_file(*, store: Store, actor: Actor) -> tuple[YearOnFile, ...]:
    """Return the Medicare years with amounts, the newest first: shipped ones, and the practice's own.

    Raises:
        PermissionDeniedError: The actor may not read the practice's facts.
        StoreError: What was loaded cannot be read.
    """
    require(actor, Operation.READ_PRACTICE)
    shipped = load_rule_book()
    with store.reading() as unit:
        rows = _rows(unit, actor.practice_id)
        book = with_loaded(shipped, tables_loaded(unit, actor.practice_id))
        by_year: dict[int, list[tuple[str, Provenance]]] = {}
        for row in rows.values():
            told = Provenance.model_validate(tomllib.loads(row.sidecar))
            by_year.setdefault(year_of(row.name), []).append((row.name, told))
        found = [
            _on_file(shipped, year, tables, None)
            for year, tables in _shipped_years(shipped).items()
        ]
        found += [
            _on_file(book, year, tables, rows[f"rvu_{year}"]) for year, tables in by_year.items()
        ]
    last = 0 if shipped.covered_until is None else shipped.covered_until.year
    used = [replace(each, is_used=not each.is_loaded or each.year > last) for each in found]
    return tuple(sorted(used, key=lambda each: (-each.year, each.is_loaded)))


@audited
def preview_medicare(
    given: MedicareYear, *, store: Store, actor: Actor, clock: Clock
) -> MedicarePreview:
    """Say what loading a year would bring; nothing is stored.

    Raises:
        PermissionDeniedError: The actor may not change settings.
        CommandRefusedError: The files cannot be used, or the year cannot be loaded.
    """
    require(actor, Operation.EDIT_SETTINGS)
    today = clock.now().date()
    read = read_files(given, shipped=load_rule_book(), today=today)
    with store.reading() as unit:
        return _drawn_up(unit, actor.practice_id, given, read, today)[0]


@audited
def load_medicare(
    given: MedicareYear, *, store: Store, actor: Actor, clock: Clock
) -> MedicarePreview:
    """Load a year, whole or not at all, and return what that brought.

    Raises:
        PermissionDeniedError: The actor may not change settings.
        CommandRefusedError: The files cannot be used, or the year cannot be loaded. Nothing was saved.
    """
    require(actor, Operation.EDIT_SETTINGS)
    now = clock.now()
    read = read_files(given, shipped=load_rule_book(), today=now.date())
    with store.writing(actor=actor, at=now) as unit:
        preview, tables = _drawn_up(unit, actor.practice_id, given, read, now.date())
        for table in tables:
            row = unit.session.get(MedicareTableRow, (actor.practice_id, table.name))
            row = row or MedicareTableRow(
                practice_id=actor.practice_id,
                name=table.name,
                content="",
                sidecar="",
                loaded_by="",
                loaded_at=now,
            )
            row.content, row.sidecar = table.content, table.sidecar
            row.loaded_by, row.loaded_at = actor.person_id, now
            unit.session.add(row)
    return preview


@audited
def remove_medicare(year: int, *, store: Store, actor: Actor, clock: Clock) -> None:
    """Remove a loaded year; its dates of service have no amount from then on.

    Raises:
        PermissionDeniedError: The actor may not change settings.
        NotFoundError: The practice did not load that year.
        CommandRefusedError: A later year is on file, or a month of that year was closed.
    """
    require(actor, Operation.EDIT_SETTINGS)
    with store.writing(actor=actor, at=clock.now()) as unit:
        rows = _rows(unit, actor.practice_id)
        own = [row for row in rows.values() if year_of(row.name) == year]
        if not own:
            raise NotFoundError("loaded Medicare year", str(year))
        later = sorted({year_of(name) for name in rows if year_of(name) > year})
        if later:
            raise CommandRefusedError(
                "LATER_YEAR_LOADED", f"{later[0]} is on file as well. Remove the last year first."
            )
        if closed := _closed_months(unit, actor.practice_id, year):
            told = ", ".join(each.in_words for each in closed)
            raise CommandRefusedError(
                "MONTH_CLOSED_WITH_IT",
                f"{told} was closed with these amounts, and its corrections are priced by them. They "
                "stay; a later release can be loaded in their place.",
            )
        for row in own:
            unit.session.delete(row)


# --- parts --------------------------------------------------------------------------------------


def _drawn_up(
    unit: UnitOfWork, practice_id: str, given: MedicareYear, read: ReadFiles, today: date
) -> tuple[MedicarePreview, tuple[TableText, ...]]:
    loaded = tables_loaded(unit, practice_id)
    is_there = any(year_of(each.name) == given.year for each in loaded)
    if is_there and not given.replace:
        raise CommandRefusedError(
            "YEAR_LOADED",
            f"The tables of {given.year} are on file. Add --replace to load this release in their place.",
        )
    before = with_loaded(
        load_rule_book(), [each for each in loaded if year_of(each.name) < given.year]
    )
    practice = unit.session.get(PracticeRow, practice_id)
    if practice is None:
        raise NotFoundError("practice", practice_id)
    place = Place(
        state=practice.state,
        number=practice.locality,
        setting=Setting(practice.setting),
        qualifying_apm=practice.qualifying_apm,
    )
    sites = unit.session.exec(
        select(SiteRow.state, SiteRow.locality).where(SiteRow.practice_id == practice_id)
    )
    own = {f"{state}-{number}" for state, number in sites if state and number}
    if place.locality is not None:
        own.add(place.locality)
    preview, tables = draw_up(given, read, before=before, place=place, sites=own, today=today)
    warnings = list(preview.warnings)
    if is_there and (closed := _closed_months(unit, practice_id, given.year)):
        told = ", ".join(each.in_words for each in closed)
        warnings.append(
            f"{told} was closed with the amounts on file. What was issued stays; its adjustments are "
            "priced by these."
        )
    return replace(preview, warnings=tuple(warnings), replaces=is_there), tables


def _closed_months(unit: UnitOfWork, practice_id: str, year: int) -> tuple[ServiceMonth, ...]:
    """Return the months of a year that were ever closed."""
    marks = unit.connection.execute(
        select_columns(MONTH_MARK.c.ym)
        .where(
            MONTH_MARK.c.practice_id == practice_id,
            MONTH_MARK.c.ym > year * _YEAR_OF_MONTHS,
            MONTH_MARK.c.ym < (year + 1) * _YEAR_OF_MONTHS,
        )
        .distinct()
    ).scalars()
    return tuple(ServiceMonth.from_ym(int(each)) for each in sorted(marks))


def _rows(unit: UnitOfWork, practice_id: str) -> dict[str, MedicareTableRow]:
    found = unit.session.exec(
        select(MedicareTableRow)
        .where(MedicareTableRow.practice_id == practice_id)
        .order_by(col(MedicareTableRow.name))
    )
    return {row.name: row for row in found}


def _shipped_years(shipped: RuleBook) -> dict[int, list[tuple[str, Provenance]]]:
    found: dict[int, list[tuple[str, Provenance]]] = {}
    for table in shipped.tables:
        if table.provenance.kind in {TableKind.RVU, TableKind.GPCI}:
            year = table.provenance.effective_from.year
            found.setdefault(year, []).append((table.name, table.provenance))
    return found


def _on_file(
    book: RuleBook, year: int, tables: list[tuple[str, Provenance]], row: MedicareTableRow | None
) -> YearOnFile:
    _, values = next(each for each in tables if each[1].kind is TableKind.RVU)
    last = date(year, 12, 31)
    return YearOnFile(
        year=year,
        schedule=values.schedule or "",
        release=values.release,
        source=values.source,
        url=values.url,
        retrieved=values.retrieved,
        is_loaded=row is not None,
        is_used=True,
        factor=book.amounts.conversion_factor(on=last),
        qualifying_factor=book.amounts.conversion_factor(on=last, qualifying_apm=True),
        digests=MappingProxyType(
            {
                name: told.read_from_sha256 or told.sha256
                for name, told in tables
                if told.kind is not TableKind.CONVERSION_FACTORS
            }
        ),
        loaded_by="" if row is None else row.loaded_by,
        loaded_at=None if row is None else row.loaded_at,
    )
