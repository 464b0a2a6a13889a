"""A year's Medicare files as somebody gives them, and what they would bring: values without behavior."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from trellis_core.care.vocabulary import Setting
from trellis_core.rules.labels import code_label

NOT_REVIEWED: Final = (
    "These are amounts only. Loading them does not mean that the rules of the year were reviewed: new "
    "codes, thresholds and limits, the coding edits and the deductible come with a new edition of Trellis."
)

_TENTH: Final = Decimal("0.1")
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class MedicareYear:
    """A year's files, and what is said with them.

    Attributes:
        relative_values: CMS's PPRRVU file as CSV.
        indices: CMS's GPCI file (Addendum E) as CSV.
        conversion_factor: Dollars for one relative value unit.
        qualifying_factor: The same for qualifying participants in an advanced APM; None for none on file.
        url: Where the files were downloaded.
        release: The publisher's name of the edition; empty for what the file says.
        retrieved: When they were downloaded; None for today.
        with_floor: Whether the work indices have the floor of 1.0; None for those where there are both.
        retired: Codes that may be absent, because CMS ended them.
        replace: The year is on file and is to be replaced.
        allow_large_change: A conversion factor may differ by more than ``LARGE_CHANGE``.
        allow_ended_localities: Localities of the year before may be absent.
    """

    year: int
    relative_values: bytes = field(repr=False)
    indices: bytes = field(repr=False)
    conversion_factor: Decimal
    qualifying_factor: Decimal | None = None
    url: str
    release: str = ""
    retrieved: date | None = None
    with_floor: bool | None = None
    retired: frozenset[str] = frozenset()
    replace: bool = False
    allow_large_change: bool = False
    allow_ended_localities: bool = False

    @property
    def first_day(self) -> date:
        """The first date of service that it prices."""
        return date(self.year, 1, 1)

    @property
    def last_day(self) -> date:
        """The last one."""
        return date(self.year, 12, 31)

    @property
    def schedule(self) -> str:
        """The fee schedule's name."""
        return f"medicare-{self.year}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a practice is paid.

    Attributes:
        locality: State and number, for example ``NY-01``; None for national amounts.
    """

    state: str | None
    number: str | None
    setting: Setting
    qualifying_apm: bool

    @property
    def locality(self) -> str | None:
        """State and number, for example ``NY-01``; None for national amounts."""
        return f"{self.state}-{self.number}" if self.state and self.number else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeAmounts:
    """One code's amounts at the end of the year before and in the year; None where there is none.

    Attributes:
        before: National, in a nonfacility setting.
        here_before: In the practice's own locality and setting.
    """

    code: str
    before: Decimal | None
    after: Decimal | None
    here_before: Decimal | None
    here_after: Decimal | None

    @property
    def label(self) -> str:
        """Trellis's own short label, empty where it has none."""
        label = code_label(self.code)
        return "" if label == self.code else label

    @property
    def change(self) -> Decimal | None:
        """By how many percent the national amount changes, to a tenth; None where one is missing."""
        if not self.before or self.after is None:
            return None
        return ((self.after / self.before - 1) * _PERCENT).quantize(_TENTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class MedicarePreview:
    """What loading a year would bring.

    Attributes:
        floor: Which work indices are used, as a sentence.
        locality: The practice's own, for example ``NY-01``; None where it is paid national amounts.
        new_codes: On file for this year and not for the one before.
        missing_codes: The other way round.
        amounts: Codes of the care programs first.
        warnings: What somebody should look at, a sentence each.
        file_digests: sha256 of each file as it came, by the table's name.
        replaces: The year is on file already.
    """

    year: int
    schedule: str
    release: str
    url: str
    retrieved: date
    conversion_factor: Decimal
    conversion_factor_before: Decimal | None
    qualifying_factor: Decimal | None
    qualifying_factor_before: Decimal | None
    floor: str
    locality: str | None
    amounts: tuple[CodeAmounts, ...]
    localities: int
    localities_before: int
    new_localities: tuple[str, ...]
    missing_localities: tuple[str, ...]
    new_codes: tuple[str, ...]
    missing_codes: tuple[str, ...]
    warnings: tuple[str, ...]
    file_digests: Mapping[str, str]
    replaces: bool = False
