"""Fee schedules by name: Medicare's, a practice's own, and the estimate that guides quote.

Medicare's amounts come from the published tables of the rule book. A practice's charges and
contracted amounts are a dated list that it brings itself. An estimate is always labelled so.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, Protocol

from trellis_core.care.vocabulary import Setting
from trellis_core.errors import FeeError, InvalidValueError
from trellis_core.rules.amounts import AmountTables
from trellis_core.values.codes import hcpcs
from trellis_core.values.money import cents_of, to_cents
from trellis_core.values.periods import parse_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What decides a Medicare amount beside code and date.

    Attributes:
        locality: Two digits; given together with the state, else the national amount is meant.
    """

    state: str | None = None
    locality: str | None = None
    setting: Setting = Setting.NONFACILITY
    qualifying_apm: bool = False


NATIONAL: Final = Place()
"""National amounts outside a facility."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One unit's amount under a schedule.

    Attributes:
        schedule: The schedule's name for that date, for example ``medicare-2026``.
        release: The publisher's edition, or how the list is known.
        locality: For example ``NY-01``; None for national amounts and for lists.
        setting: None where the schedule knows no difference.
        formula: How the amount came about.
        is_estimate: The amount is nobody's fee schedule.
    """

    code: str
    on: date
    amount: Decimal
    schedule: str
    release: str
    locality: str | None = None
    setting: Setting | None = None
    formula: str = ""
    is_estimate: bool = False


class FeeSchedule(Protocol):
    """Something that knows the amount of a code on a date."""

    @property
    def name(self) -> str:
        """The name by which it is asked for."""
        ...

    def rate(self, code: str, *, on: date) -> Rate | None:
        """Return one unit's amount; None where none is on file."""
        ...


@dataclass(frozen=True, slots=True)
class MedicareSchedule:
    """Medicare's physician fee schedule at one place.

    Attributes:
        tables: The published tables.
        place: Locality, setting and conversion factor.
    """

    tables: AmountTables
    place: Place = NATIONAL

    @property
    def name(self) -> str:
        """The name by which it is asked for."""
        return "medicare"

    def rate(self, code: str, *, on: date) -> Rate | None:
        """Return one unit's full allowed amount; None where none is on file.

        Raises:
            UnknownLocalityError: The year's table has no such locality.
        """
        found = self.tables.allowed(
            code,
            on=on,
            state=self.place.state,
            locality=self.place.locality,
            setting=self.place.setting,
            qualifying_apm=self.place.qualifying_apm,
        )
        if found is None:
            return None
        return Rate(
            code=code,
            on=on,
            amount=found.amount,
            schedule=found.schedule,
            release=found.release,
            locality=found.locality,
            setting=found.setting,
            formula=found.formula,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAmount:
    """One row of a dated list; both ends are included."""

    code: str
    amount: Decimal
    effective_from: date
    effective_through: date | None = None

    def covers(self, on: date) -> bool:
        """Say whether the row holds on a date of service."""
        return self.effective_from <= on and (
            self.effective_through is None or on <= self.effective_through
        )

    @property
    def span(self) -> str:
        """The days on which the row holds, in words."""
        begins = f"from {self.effective_from.isoformat()}"
        if self.effective_through is None:
            return begins
        return f"{begins} through {self.effective_through.isoformat()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSchedule:
    """A dated list of amounts, such as a practice's charges or a payer's contracted amounts.

    Where several rows of a code hold on a date, the one that began last decides.
    """

    name: str
    release: str
    amounts: tuple[ListedAmount, ...]
    is_estimate: bool = False

    def rate(self, code: str, *, on: date) -> Rate | None:
        """Return one unit's amount; None where the list has none for that date."""
        rows = [each for each in self.amounts if each.code == code and each.covers(on)]
        if not rows:
            return None
        row = max(rows, key=lambda each: each.effective_from)
        return Rate(
            code=code,
            on=on,
            amount=row.amount,
            schedule=self.name,
            release=self.release,
            is_estimate=self.is_estimate,
            formula=f"as listed {row.span}",
        )


_COLUMNS: Final = ("code", "amount", "effective_from", "effective_through")


def read_schedule(
    text: str, *, name: str, release: str = "the practice's own list"
) -> ListedSchedule:
    r"""Read a practice's schedule from CSV text.

    Columns: ``code``, ``amount``, ``effective_from`` and, if it ended, ``effective_through``.

    Raises:
        FeeError: With every row that does not read.

    Example:
        >>> own = read_schedule("code,amount,effective_from\n99490,95.00,2026-01-01\n", name="own")
        >>> own.rate("99490", on=date(2026, 6, 30)).amount
        Decimal('95.00')
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    missing = [each for each in _COLUMNS[:-1] if each not in (reader.fieldnames or ())]
    if missing:
        raise FeeError(
            f"The fee schedule '{name}' lacks the column(s) {', '.join(missing)}. "
            f"Its first line is {','.join(_COLUMNS)}."
        )
    amounts: list[ListedAmount] = []
    problems: list[str] = []
    for number, row in enumerate(reader, start=2):
        try:
            amounts.append(_listed_amount(row))
        except (InvalidValueError, InvalidOperation) as error:
            reason = (
                "the amount is not a number of dollars and cents"
                if isinstance(error, InvalidOperation)
                else str(error)
            )
            problems.append(f"line {number}: {reason}")
    if problems:
        raise FeeError(f"The fee schedule '{name}' was not read: {'; '.join(problems)}")
    return ListedSchedule(name=name, release=release, amounts=tuple(amounts))


def _listed_amount(row: dict[str, str | None]) -> ListedAmount:
    through = (row.get("effective_through") or "").strip()
    amount = Decimal((row["amount"] or "").strip().removeprefix("$"))
    if not amount.is_finite() or amount < 0:
        raise InvalidValueError(f"{amount} is not an amount that can be charged.")
    cents_of(amount)
    return ListedAmount(
        code=hcpcs((row["code"] or "").strip().upper()),
        amount=to_cents(amount),
        effective_from=parse_day((row["effective_from"] or "").strip()),
        effective_through=parse_day(through) if through else None,
    )


PUBLISHED_ESTIMATE: Final = ListedSchedule(
    name="published-estimate",
    release="quoted by guides since 2023",
    amounts=(
        ListedAmount(code="99490", amount=Decimal("62.00"), effective_from=date(2023, 1, 1)),
        ListedAmount(code="99439", amount=Decimal("47.00"), effective_from=date(2023, 1, 1)),
    ),
    is_estimate=True,
)
"""The often quoted 62 and 47 dollars, kept so that both can be shown, each named for what it is."""


def schedule_named(
    name: str, *, tables: AmountTables, place: Place = NATIONAL, own: Iterable[FeeSchedule] = ()
) -> FeeSchedule:
    """Return the schedule of a name.

    Raises:
        FeeError: There is none of that name.
    """
    known: list[FeeSchedule] = [MedicareSchedule(tables, place), PUBLISHED_ESTIMATE, *own]
    for schedule in known:
        if schedule.name == name:
            return schedule
    raise FeeError(
        f"There is no fee schedule '{name}'. Known: {', '.join(each.name for each in known)}."
    )
