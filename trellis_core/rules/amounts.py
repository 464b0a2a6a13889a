"""Medicare's allowed amounts, computed from the published values by date, locality and setting.

Amount = (work RVU x work GPCI + practice expense RVU x its GPCI + malpractice RVU x its GPCI)
x conversion factor, rounded half up to the cent once. Nationally every GPCI is 1.
A year without tables has no amounts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import chain
from typing import Final

from trellis_core.care.vocabulary import Setting
from trellis_core.errors import UnknownLocalityError
from trellis_core.rules.published import Provenance, PublishedTable, TableKind, rows_of
from trellis_core.values.money import amount_text, to_cents

_ONE: Final = Decimal(1)
_ACTIVE: Final = frozenset({"A", ""})
"""Status marks under which a row carries an amount; the 2024 file at hand has no marks."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the three parts of an amount: a relative value and its geographic index."""

    rvu: Decimal
    gpci: Decimal

    @property
    def weighted(self) -> Decimal:
        """Relative value times index."""
        return self.rvu * self.gpci


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The full allowed amount of one unit, and how it came about.

    Attributes:
        amount: Dollars, whole cents.
        schedule: For example ``medicare-2026``.
        release: The publisher's name of the edition of relative values.
        locality: For example ``NY-01``; None for the national amount.
    """

    code: str
    amount: Decimal
    schedule: str
    release: str
    locality: str | None
    setting: Setting
    work: Part
    practice_expense: Part
    malpractice: Part
    conversion_factor: Decimal

    @property
    def formula(self) -> str:
        """The computation in one line, for the person who checks it."""
        if self.locality is None:
            total = self.work.rvu + self.practice_expense.rvu + self.malpractice.rvu
            return f"{total} RVU x {self.conversion_factor} = {amount_text(self.amount)}"
        return (
            f"({self.work.rvu} work x {self.work.gpci}"
            f" + {self.practice_expense.rvu} practice expense x {self.practice_expense.gpci}"
            f" + {self.malpractice.rvu} malpractice x {self.malpractice.gpci})"
            f" x {self.conversion_factor} = {amount_text(self.amount)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Locality:
    """A Medicare payment locality of one year with its geographic indices."""

    mac: str
    state: str
    number: str
    name: str
    work: Decimal
    practice_expense: Decimal
    malpractice: Decimal

    @property
    def key(self) -> str:
        """State and number, for example ``NY-01``."""
        return f"{self.state}-{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyLocality:
    """Which locality a county belongs to; ``*`` stands for all, or all other, counties."""

    state: str
    county: str
    locality_state: str
    locality: str
    area: str


@dataclass(frozen=True, slots=True)
class _RelativeValues:
    code: str
    is_priced: bool
    work: Decimal
    nonfacility_practice_expense: Decimal
    facility_practice_expense: Decimal
    malpractice: Decimal
    is_paid_in_facility: bool


@dataclass(frozen=True, slots=True)
class _ConversionFactor:
    effective_from: date
    effective_through: date
    basis: str
    factor: Decimal

    def applies(self, *, on: date, qualifying_apm: bool) -> bool:
        bases = {"all", "qualifying" if qualifying_apm else "nonqualifying"}
        return self.basis in bases and self.effective_from <= on <= self.effective_through


@dataclass(frozen=True, slots=True)
class _Year:
    provenance: Provenance
    values: Mapping[str, _RelativeValues]


class PartBItem(StrEnum):
    """A figure of Medicare Part B that every fee-schedule service shares."""

    ANNUAL_DEDUCTIBLE = "annual_deductible"
    STANDARD_PREMIUM = "standard_premium"
    COINSURANCE = "coinsurance"
    SEQUESTRATION = "sequestration"


@dataclass(frozen=True, slots=True)
class _PartBFigure:
    item: PartBItem
    effective_from: date
    effective_through: date | None
    value: Decimal


class AmountTables:
    """Relative values, geographic indices and conversion factors of every year on file."""

    def __init__(
        self, tables: Sequence[PublishedTable] = (), problems: list[str] | None = None
    ) -> None:
        """Take the tables; add a sentence to ``problems`` for every row that does not read."""
        found: list[str] = [] if problems is None else problems
        self._years = tuple(
            _Year(
                table.provenance,
                {values.code: values for values in rows_of(table, _relative_values, found)},
            )
            for table in tables
            if table.provenance.kind is TableKind.RVU
        )
        self._localities = tuple(
            (table.provenance, {each.key: each for each in rows_of(table, _locality, found)})
            for table in tables
            if table.provenance.kind is TableKind.GPCI
        )
        factors = [
            table for table in tables if table.provenance.kind is TableKind.CONVERSION_FACTORS
        ]
        self.factor_editions: Final = tuple(table.provenance for table in factors)
        self._factors = tuple(
            chain.from_iterable(rows_of(table, _conversion_factor, found) for table in factors)
        )
        self.counties: Final = tuple(
            chain.from_iterable(
                rows_of(table, _county, found)
                for table in tables
                if table.provenance.kind is TableKind.COUNTY_LOCALITY
            )
        )
        self._memo: dict[tuple[object, ...], Allowed | None] = {}

    @property
    def codes(self) -> frozenset[str]:
        """Every code that any year's table lists."""
        return frozenset(chain.from_iterable(year.values for year in self._years))

    def codes_on(self, on: date) -> frozenset[str]:
        """Return the codes that a day's year lists; none where no table is on file."""
        return frozenset(
            chain.from_iterable(year.values for year in self._years if year.provenance.covers(on))
        )

    def conversion_factor(self, *, on: date, qualifying_apm: bool = False) -> Decimal | None:
        """Return a day's conversion factor in dollars; None where none is on file."""
        factors = (
            each.factor
            for each in self._factors
            if each.applies(on=on, qualifying_apm=qualifying_apm)
        )
        return next(factors, None)

    @property
    def last_priced_day(self) -> date | None:
        """The last date of service for which amounts are on file."""
        return max((factor.effective_through for factor in self._factors), default=None)

    def has_locality(self, state: str, locality: str) -> bool:
        """Say whether any year's table lists a locality."""
        key = f"{state}-{locality}"
        return any(key in localities for _, localities in self._localities)

    def localities(self, *, on: date) -> tuple[Locality, ...]:
        """Return the localities of a day's year, by state and number; none where no table is on file."""
        for provenance, localities in self._localities:
            if provenance.covers(on):
                return tuple(localities[key] for key in sorted(localities))
        return ()

    def allowed(
        self,
        code: str,
        *,
        on: date,
        state: str | None = None,
        locality: str | None = None,
        setting: Setting = Setting.NONFACILITY,
        qualifying_apm: bool = False,
    ) -> Allowed | None:
        """Return one unit's full allowed amount; None where no amount is on file for that date.

        No amount: a code that the year's file does not list, one that contractors price, one
        that is not paid in a facility, a locality in a year without indices, a year without
        tables. State and locality are given together or the national amount is meant.

        Raises:
            UnknownLocalityError: The year's table has no such locality.
        """
        factor = next(
            (each for each in self._factors if each.applies(on=on, qualifying_apm=qualifying_apm)),
            None,
        )
        year = next((each for each in self._years if each.provenance.covers(on)), None)
        key = (code, year and year.provenance.schedule, factor, state, locality, setting)
        if key not in self._memo:
            self._memo[key] = (
                None
                if year is None or factor is None
                else self._compute(code, on, year, factor, state, locality, setting)
            )
        return self._memo[key]

    def _compute(
        self,
        code: str,
        on: date,
        year: _Year,
        factor: _ConversionFactor,
        state: str | None,
        locality: str | None,
        setting: Setting,
    ) -> Allowed | None:
        place = self._place(on, state, locality)
        values = year.values.get(code)
        if values is None or not values.is_priced:
            return None
        if setting is Setting.FACILITY and not values.is_paid_in_facility:
            return None
        if place is None and state is not None and locality is not None:
            return None
        expense = (
            values.facility_practice_expense
            if setting is Setting.FACILITY
            else values.nonfacility_practice_expense
        )
        work = Part(values.work, place.work if place else _ONE)
        practice_expense = Part(expense, place.practice_expense if place else _ONE)
        malpractice = Part(values.malpractice, place.malpractice if place else _ONE)
        total = work.weighted + practice_expense.weighted + malpractice.weighted
        return Allowed(
            code=code,
            amount=to_cents(total * factor.factor),
            schedule=year.provenance.schedule or year.provenance.release,
            release=year.provenance.release,
            locality=place.key if place else None,
            setting=setting,
            work=work,
            practice_expense=practice_expense,
            malpractice=malpractice,
            conversion_factor=factor.factor,
        )

    def _place(self, on: date, state: str | None, locality: str | None) -> Locality | None:
        if state is None or locality is None:
            return None
        key = f"{state}-{locality}"
        for provenance, localities in self._localities:
            if provenance.covers(on):
                if key not in localities:
                    raise UnknownLocalityError(state, locality, on.year)
                return localities[key]
        if not self.has_locality(state, locality):
            raise UnknownLocalityError(state, locality, on.year)
        return None


class PartB:
    """Medicare Part B's deductible, coinsurance and sequestration, dated."""

    def __init__(
        self, tables: Sequence[PublishedTable] = (), problems: list[str] | None = None
    ) -> None:
        """Take the tables; add a sentence to ``problems`` for every row that does not read."""
        found: list[str] = [] if problems is None else problems
        self._figures = tuple(
            chain.from_iterable(
                rows_of(table, _part_b_figure, found)
                for table in tables
                if table.provenance.kind is TableKind.PART_B
            )
        )

    def value(self, item: PartBItem, *, on: date) -> Decimal | None:
        """Return a figure on a day; None where none is on file."""
        for figure in self._figures:
            is_over = figure.effective_through is not None and figure.effective_through < on
            if figure.item is item and figure.effective_from <= on and not is_over:
                return figure.value
        return None


def _part_b_figure(row: dict[str, str]) -> _PartBFigure:
    through = row["effective_through"]
    return _PartBFigure(
        PartBItem(row["item"]),
        date.fromisoformat(row["effective_from"]),
        date.fromisoformat(through) if through else None,
        Decimal(row["value"]),
    )


def _relative_values(row: dict[str, str]) -> _RelativeValues:
    is_priced = row["status"] in _ACTIVE and bool(row["work_rvu"])
    return _RelativeValues(
        code=row["code"],
        is_priced=is_priced,
        work=Decimal(row["work_rvu"] or 0),
        nonfacility_practice_expense=Decimal(row["nonfac_pe_rvu"] or 0),
        facility_practice_expense=Decimal(row["fac_pe_rvu"] or 0),
        malpractice=Decimal(row["mp_rvu"] or 0),
        is_paid_in_facility=row["fac_na_indicator"] != "NA",
    )


def _locality(row: dict[str, str]) -> Locality:
    return Locality(
        mac=row["mac"],
        state=row["state"],
        number=row["locality"],
        name=row["name"],
        work=Decimal(row["work_gpci"]),
        practice_expense=Decimal(row["pe_gpci"]),
        malpractice=Decimal(row["mp_gpci"]),
    )


def _conversion_factor(row: dict[str, str]) -> _ConversionFactor:
    return _ConversionFactor(
        date.fromisoformat(row["effective_from"]),
        date.fromisoformat(row["effective_through"]),
        row["basis"],
        Decimal(row["conversion_factor"]),
    )


def _county(row: dict[str, str]) -> CountyLocality:
    return CountyLocality(
        state=row["county_state"],
        county=row["county"],
        locality_state=row["state_of_locality"],
        locality=row["locality"],
        area=row["area"],
    )
