"""The amounts that the model uses: Medicare's, an estimate, a practice's own, a payer's contract."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias

from trellis_core.care.vocabulary import Setting
from trellis_core.errors import InputRefusedError
from trellis_core.fees import PUBLISHED_ESTIMATE, ListedSchedule
from trellis_core.roi.assumptions import PayerClass, ScheduleChoice
from trellis_core.roi.inputs import RoiInputs

CCM_BASE: Final = "99490"
_ZERO: Final = Decimal(0)

Contracts: TypeAlias = Mapping[str, ListedSchedule]
"""Payers' contracted amounts, by the payer's name as the practice's coverages have it."""

NO_CONTRACTS: Final[Contracts] = MappingProxyType({})


class AllowedAmount(Protocol):
    """An amount with the schedule it stands in."""

    @property
    def amount(self) -> Decimal:
        """Dollars for one unit."""
        ...

    @property
    def schedule(self) -> str:
        """The schedule's name, for example ``medicare-2026``."""
        ...

    @property
    def release(self) -> str:
        """The publisher's release."""
        ...


class Amounts(Protocol):
    """Where Medicare's amounts come from: the fee tables of the rule book."""

    def allowed(
        self,
        code: str,
        *,
        on: date,
        state: str | None,
        locality: str | None,
        setting: Setting,
        qualifying_apm: bool,
    ) -> AllowedAmount | None:
        """Return the allowed amount of one unit, or None where none is on file."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RateUsed:
    """An amount that the model used, named for what it is.

    Attributes:
        amount: Dollars for one unit; None where none is on file: the code then brings nothing.
        payer: The payer whose list it stands on; empty for the schedule that Medicare's payers share.
        place: The place of the amount, or empty for a list.
        is_estimate: The amount is nobody's fee schedule.
    """

    code: str
    amount: Decimal | None
    schedule: str = ""
    release: str = ""
    payer: str = ""
    place: str = ""
    is_estimate: bool = False


class Rates:
    """The amounts of one year and place by payer, and which of them were asked for."""

    def __init__(self, inputs: RoiInputs, amounts: Amounts, contracts: Contracts) -> None:
        """Take the tables and lists.

        Raises:
            InputRefusedError: No amounts of the year or of the place are on file, or no list of a
                payer that the inputs name.
        """
        self._inputs = inputs
        self._amounts = amounts
        self._on = date(inputs.year, 12, 31)
        self._lists: dict[PayerClass, tuple[str, ListedSchedule]] = {}
        self._used: dict[tuple[str, str], RateUsed] = {}
        for payer in PayerClass:
            name = inputs.contract_of(payer)
            if name is not None and name not in contracts:
                raise InputRefusedError(
                    "UNKNOWN_VALUE",
                    f"contract_{payer}",
                    f"No contracted amounts of '{name}' are on file. Load them in Settings, or "
                    "enter a share of Medicare's rate.",
                )
            if name is not None:
                self._lists[payer] = (name, contracts[name])
        self._check_year()

    @property
    def used(self) -> tuple[RateUsed, ...]:
        """Every amount that was asked for, in that order."""
        return tuple(self._used.values())

    def of(self, code: str) -> Decimal:
        """Return one unit's amount on the schedule of Medicare's payers; 0 where none is on file."""
        return self._found(code, "").amount or _ZERO

    def paid_by(self, payer: PayerClass, code: str) -> Decimal:
        """Return what a class of payers allows for one unit; 0 where that is not on file."""
        inputs = self._inputs
        if payer in self._lists:
            return self._found(code, self._lists[payer][0]).amount or _ZERO
        share = {
            PayerClass.ADVANTAGE: inputs.rate_advantage,
            PayerClass.MEDICAID: inputs.rate_medicaid,
            PayerClass.COMMERCIAL: inputs.rate_commercial,
        }.get(payer, Decimal(1))
        return _ZERO if share is None else share * self.of(code)

    def brings_nothing(self, payer: PayerClass) -> bool:
        """Say whether nobody has given a rate of a class of payers."""
        rates = {
            PayerClass.MEDICAID: self._inputs.rate_medicaid,
            PayerClass.COMMERCIAL: self._inputs.rate_commercial,
        }
        return payer not in self._lists and payer in rates and rates[payer] is None

    def _found(self, code: str, payer: str) -> RateUsed:
        key = (code, payer)
        if key not in self._used:
            self._used[key] = self._listed(code, payer) if payer else self._look_up(code)
        return self._used[key]

    def _listed(self, code: str, payer: str) -> RateUsed:
        listed = next(each for name, each in self._lists.values() if name == payer)
        rate = listed.rate(code, on=self._on)
        return RateUsed(
            code=code,
            amount=None if rate is None else rate.amount,
            schedule=listed.name,
            release=listed.release,
            payer=payer,
        )

    def _look_up(self, code: str) -> RateUsed:
        inputs = self._inputs
        if code == CCM_BASE and inputs.base_amount is not None:
            return RateUsed(code=code, amount=inputs.base_amount, schedule="own amount")
        if inputs.schedule is ScheduleChoice.PUBLISHED_ESTIMATE:
            rate = PUBLISHED_ESTIMATE.rate(code, on=self._on)
            return RateUsed(
                code=code,
                amount=None if rate is None else rate.amount,
                schedule=PUBLISHED_ESTIMATE.name,
                release=PUBLISHED_ESTIMATE.release,
                is_estimate=True,
            )
        found = self._medicare(code, national=False)
        if found is None:
            return RateUsed(code=code, amount=None, place=inputs.place)
        return RateUsed(
            code=code,
            amount=found.amount,
            schedule=found.schedule,
            release=found.release,
            place=inputs.place,
        )

    def _medicare(self, code: str, *, national: bool) -> AllowedAmount | None:
        inputs = self._inputs
        return self._amounts.allowed(
            code,
            on=self._on,
            state=None if national else inputs.state,
            locality=None if national else inputs.locality,
            setting=Setting.NONFACILITY if national else inputs.setting,
            qualifying_apm=inputs.qualifying_apm,
        )

    def _check_year(self) -> None:
        """Refuse a year or a place without amounts: the base code stands for the whole table."""
        inputs = self._inputs
        if inputs.schedule is not ScheduleChoice.MEDICARE:
            return
        if self._medicare(CCM_BASE, national=True) is None:
            raise InputRefusedError(
                "OUT_OF_RANGE",
                "year",
                f"No Medicare amounts of {inputs.year} are on file. Choose another year, or load its "
                "tables once they are published: 'trellis import medicare' says how.",
            )
        if inputs.locality is not None and self._medicare(CCM_BASE, national=False) is None:
            raise InputRefusedError(
                "OUT_OF_RANGE",
                "locality",
                f"For {inputs.year} only national amounts are on file. Choose national amounts, or "
                "another year.",
            )
