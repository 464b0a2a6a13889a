"""What a cell of another system's file says: days, codes and words; or why it cannot be read.

No sentence repeats what stood in a cell.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from trellis_core.care.vocabulary import Activity, ContactState, PayerKind, Program
from trellis_core.case_file.csv_table import MAX_CELL
from trellis_core.errors import InvalidPeriodError, InvalidValueError
from trellis_core.ledger.chain import stored_text
from trellis_core.services.imports.columns import DayOrder
from trellis_core.values import codes
from trellis_core.values.periods import wall_time

_E = TypeVar("_E", bound=StrEnum)

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200
MOST_CONDITIONS: Final = 50
LONGEST_LINE: Final = 200
LONGEST_NUMBER: Final = 64
LONGEST_STATEMENT: Final = 1_000

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_LONG_MONTHS: Final = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_ISO: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", re.ASCII)
_DIGITS: Final = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_SLASHED: Final = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})", re.ASCII)
_SHORT_YEAR: Final = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2}", re.ASCII)
_DAY_WORD: Final = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th)?[ -]([a-z]{3,9})\.?,?[ -](\d{4})", re.ASCII
)
_WORD_DAY: Final = re.compile(
    r"([a-z]{3,9})\.?[ -](\d{1,2})(?:st|nd|rd|th)?,?[ -](\d{4})", re.ASCII
)
_MIDNIGHT: Final = re.compile(
    r"(?:T|\s+)(?:0{1,2}:00(?::00(?:\.0+)?)?(?:Z|[+-]00:00)?|12:00(?::00)? ?am)\Z", re.IGNORECASE
)
_CLOCK: Final = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([ap])?\.?(?:m\.?)?", re.ASCII | re.IGNORECASE
)
_SHORTENED: Final = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)
_SSN: Final = re.compile(r"\d{3}-\d{2}-\d{4}[A-Z]?\d?", re.IGNORECASE)
_CODE: Final = re.compile(r"[A-Z]\d[0-9A-Z](?:\.?[0-9A-Z]{1,4})?", re.ASCII | re.IGNORECASE)
_MINUTES: Final = re.compile(r"(\d{1,5})(?:[.,](\d{1,2}))?\s*(?:m|min|mins|minutes?)?\.?", re.ASCII)
_DOTLESS: Final = 3
_NOON: Final = 12
_SECONDS: Final = 60

_SEXES: Final[Mapping[str, str]] = {
    "f": "female", "female": "female", "woman": "female",
    "m": "male", "male": "male", "man": "male",
    "o": "other", "other": "other", "x": "other", "nonbinary": "other", "non-binary": "other",
    "u": "unknown", "unk": "unknown", "unknown": "unknown",
}  # fmt: skip
_KINDS: Final[Mapping[str, PayerKind]] = {
    "medicare": PayerKind.MEDICARE, "medicare part b": PayerKind.MEDICARE,
    "part b": PayerKind.MEDICARE, "traditional medicare": PayerKind.MEDICARE,
    "original medicare": PayerKind.MEDICARE, "mb": PayerKind.MEDICARE,
    "medicare advantage": PayerKind.MEDICARE_ADVANTAGE, "ma": PayerKind.MEDICARE_ADVANTAGE,
    "part c": PayerKind.MEDICARE_ADVANTAGE, "medicare part c": PayerKind.MEDICARE_ADVANTAGE,
    "medicaid": PayerKind.MEDICAID, "mc": PayerKind.MEDICAID,
    "commercial": PayerKind.COMMERCIAL, "private": PayerKind.COMMERCIAL,
    "ci": PayerKind.COMMERCIAL, "commercial insurance": PayerKind.COMMERCIAL,
}  # fmt: skip
_CONTACTS: Final[Mapping[str, ContactState]] = {
    "tried": ContactState.ATTEMPTED,
    "attempt": ContactState.ATTEMPTED,
    "left message": ContactState.ATTEMPTED,
    "no answer": ContactState.ATTEMPTED,
    "spoke": ContactState.REACHED,
    "no": ContactState.NONE,
}


class CellError(Exception):
    """A cell that cannot be read; its text says why without what stood there."""


# --- texts -----------------------------------------------------------------------------------


def line(text: str, *, longest: int = LONGEST_LINE) -> str:
    r"""Return a text on one line; a formula is a text like any other.

    Example:
        >>> line("  12  Oak\n Street "), line("=SUM(1)")
        ('12 Oak Street', '=SUM(1)')
    """
    return _stored(" ".join(text.split()), longest)


def words(text: str, *, longest: int = LONGEST_STATEMENT) -> str:
    """Return a text that may have several lines."""
    return _stored("\n".join(each.rstrip() for each in text.strip().splitlines()), longest)


def _stored(text: str, longest: int) -> str:
    if len(text) > min(longest, MAX_CELL):
        raise CellError(f"Longer than {longest:,} characters. Shorten it.")
    try:
        return stored_text(text)
    except InvalidValueError:
        raise CellError("Holds characters that cannot be kept. Type it again.") from None


def record_number(text: str) -> str:
    """Return a record number.

    Example:
        >>> record_number("1.2E+11")
        Traceback (most recent call last):
            ...
        trellis_core.services.imports.cells.CellError: A spreadsheet has shortened the number. Format the column as text there, and export again.
    """
    number = line(text, longest=LONGEST_NUMBER)
    if _SHORTENED.fullmatch(number):
        raise CellError(
            "A spreadsheet has shortened the number. Format the column as text there, and "
            "export again."
        )
    return number


def member_id(text: str) -> str:
    """Return a member id; never a Social Security number."""
    number = line(text, longest=LONGEST_NUMBER)
    if _SSN.fullmatch(number):
        raise CellError("Looks like a Social Security number, which is never kept. Leave it out.")
    if _SHORTENED.fullmatch(number):
        return record_number(number)
    return number


def state(text: str) -> str:
    """Return a state's two letters."""
    code = line(text).upper()
    if len(code) != 2 or not code.isalpha():  # noqa: PLR2004 - letters of a state
        raise CellError("Not a state. Write its two letters, for example NY.")
    return code


def sex(text: str) -> str:
    """Return a sex as charts have it."""
    return _listed(text, _SEXES, "female, male, other, unknown")


def payer_kind(text: str) -> PayerKind:
    """Return a kind of payer."""
    return _listed(text, _KINDS, ", ".join(each.value for each in PayerKind))


def kind_by_name(payer: str) -> PayerKind | None:
    """Return the kind that a payer's name itself says; None where it says none.

    Example:
        >>> kind_by_name("Medicare Part B").value, kind_by_name("Fernbank Mutual")
        ('medicare', None)
    """
    name = payer.casefold()
    if "advantage" in name and "medicare" in name:
        return PayerKind.MEDICARE_ADVANTAGE
    if "medicaid" in name:
        return None if "medicare" in name else PayerKind.MEDICAID
    if _KINDS.get(name) is PayerKind.MEDICARE_ADVANTAGE and name != "ma":
        return PayerKind.MEDICARE_ADVANTAGE
    return PayerKind.MEDICARE if name in {"medicare", "medicare part b", "part b"} else None


def choice(text: str, kind: type[_E], more: Mapping[str, _E] | None = None) -> _E:
    """Return a member of a closed list, written with blanks, hyphens or underscores."""
    known = {_plain(each.value): each for each in kind if each.value} | dict(more or {})
    return _listed(_plain(text), known, ", ".join(each.value for each in kind if each.value))


def programs(text: str) -> tuple[Program, ...]:
    """Return the programs of a cell, each once."""
    found = dict.fromkeys(
        choice(part, Program) for part in re.split(r"[;,|/\n]", text) if part.strip()
    )
    if Program.TCM in found:
        raise CellError("TCM begins with a discharge. Record the discharge in the chart instead.")
    return tuple(found)


def activity(text: str) -> Activity:
    """Return what was done."""
    return choice(text, Activity)


def contact(text: str) -> ContactState:
    """Return whether somebody was spoken to."""
    return choice(text, ContactState, _CONTACTS)


def _plain(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", text.strip().casefold()))


_T = TypeVar("_T")


def _listed(text: str, known: Mapping[str, _T], listed: str) -> _T:
    found = known.get(" ".join(text.split()).casefold())
    if found is None:
        raise CellError(f"Not one of: {listed}.")
    return found


def conditions(text: str) -> tuple[tuple[str, str], ...]:
    """Return the ICD-10-CM codes of a cell with the words beside each, every code once.

    Example:
        >>> conditions("e119 Type 2 diabetes, without complications; I10 F32.1")
        (('E11.9', 'Type 2 diabetes, without complications'), ('I10', ''), ('F32.1', ''))
    """
    found: dict[str, str] = {}
    for part in re.split(r"[;|\n]", text):
        last = ""
        for piece in part.split(","):
            tokens = piece.split()
            if not tokens:
                continue
            if all(_CODE.fullmatch(each) for each in tokens):
                for each in tokens:
                    last = _code(each)
                    found.setdefault(last, "")
            elif _CODE.fullmatch(tokens[0].rstrip(":")):
                last = _code(tokens[0].rstrip(":"))
                found.setdefault(last, " ".join(tokens[1:]).lstrip("-\N{EN DASH}\N{EM DASH} :"))
            elif last:
                found[last] = ", ".join(each for each in (found[last], " ".join(tokens)) if each)
            else:
                raise CellError(
                    "Holds something that is no ICD-10-CM code, such as E11.9. Separate codes by semicolons."
                )
    if len(found) > MOST_CONDITIONS:
        raise CellError(f"Holds more than {MOST_CONDITIONS} codes. Divide the list.")
    return tuple((code, line(said)) for code, said in found.items())


def _code(text: str) -> str:
    code = text.upper()
    if "." not in code and len(code) > _DOTLESS:
        code = f"{code[:_DOTLESS]}.{code[_DOTLESS:]}"
    try:
        return codes.icd10(code)
    except InvalidValueError:
        raise CellError(
            "Holds something that is no ICD-10-CM code, such as E11.9. Separate codes by semicolons."
        ) from None


def npi(text: str) -> str:
    """Return an NPI."""
    try:
        return codes.npi(line(text))
    except InvalidValueError:
        raise CellError("Not an NPI: ten digits with a right check digit are needed.") from None


# --- days and times --------------------------------------------------------------------------


def day(text: str, order: DayOrder | None) -> date:
    """Return a day, written in one of several ways.

    Args:
        text: As ``1950-03-04``, ``19500304``, ``3/4/1950``, ``4 Mar 1950`` or ``March 4, 1950``,
            with or without a midnight.
        order: What ``3/4/1950`` means; None where nobody said, which refuses such a day only if it
            can be read in both ways.

    Example:
        >>> day("03/04/1950", DayOrder.DAY_FIRST).isoformat(), day("Mar 4, 1950", None).isoformat()
        ('1950-04-03', '1950-03-04')
    """
    said = _MIDNIGHT.sub("", " ".join(text.split())).casefold()
    if (match := _ISO.fullmatch(said) or _DIGITS.fullmatch(said)) is not None:
        return _date(int(match[1]), int(match[2]), int(match[3]))
    if (match := _SLASHED.fullmatch(said)) is not None:
        return _slashed(int(match[1]), int(match[2]), int(match[3]), order)
    if (match := _DAY_WORD.fullmatch(said)) is not None:
        return _date(int(match[3]), _month(match[2]), int(match[1]))
    if (match := _WORD_DAY.fullmatch(said)) is not None:
        return _date(int(match[3]), _month(match[1]), int(match[2]))
    if _SHORT_YEAR.fullmatch(said):
        raise CellError("The year has two digits. Write all four.")
    if said.isdigit():
        raise CellError("A bare number. Format the column as a date where the file comes from.")
    raise CellError("Not a day. Write it as YYYY-MM-DD.")


def _slashed(first: int, second: int, year: int, order: DayOrder | None) -> date:
    if order is None:
        if first <= len(_MONTHS) and second <= len(_MONTHS) and first != second:
            raise CellError("Month and day cannot be told apart. Choose which comes first.")
        order = DayOrder.DAY_FIRST if first > len(_MONTHS) else DayOrder.MONTH_FIRST
    if order is DayOrder.DAY_FIRST:
        first, second = second, first
    if first > len(_MONTHS) >= second:
        raise CellError("Month and day stand the other way round than in the rest of the file.")
    return _date(year, first, second)


def _month(word: str) -> int:
    number = _MONTHS.get(word[:3])
    if number is None or not _LONG_MONTHS[number - 1].startswith(word.removesuffix("t")):
        raise CellError("Not a day. Write it as YYYY-MM-DD.")
    return number


def _date(year: int, month: int, number: int) -> date:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise CellError(f"The year lies before {FIRST_YEAR} or after {LAST_YEAR}. Correct it.")
    try:
        return date(year, month, number)
    except ValueError:
        raise CellError("There is no such day. Correct it.") from None


def order_of(values: Iterable[str]) -> tuple[frozenset[DayOrder], bool]:
    """Return what the days of some columns show: which order they are in, and whether some need it.

    Args:
        values: The cells, as they stand.

    Returns:
        The orders that unambiguous days are in (none, one or both), and whether any day can be
        read in both.

    Example:
        >>> order_of(["03/04/1950", "12/31/1948"])
        (frozenset({<DayOrder.MONTH_FIRST: 'month_first'>}), True)
    """
    seen: set[DayOrder] = set()
    is_asked = False
    for value in values:
        said = value.split()
        match = _SLASHED.fullmatch(said[0]) if said else None
        if match is None:
            continue
        first, second = int(match[1]), int(match[2])
        if first > len(_MONTHS) >= second:
            seen.add(DayOrder.DAY_FIRST)
        elif second > len(_MONTHS) >= first:
            seen.add(DayOrder.MONTH_FIRST)
        else:
            is_asked = is_asked or first != second
    return frozenset(seen), is_asked


def instant(text: str, zone: ZoneInfo, order: DayOrder | None) -> datetime:
    """Return when work began: ISO 8601 with its offset, or a day and a time of the practice's clock.

    Example:
        >>> instant("2026-11-03 2:05 PM", ZoneInfo("America/New_York"), None).isoformat()
        '2026-11-03T19:05:00+00:00'
    """
    said = " ".join(text.split())
    if "T" in said[10:11] and not _CLOCK.fullmatch(said[11:]):
        try:
            found = datetime.fromisoformat(said)
        except ValueError:
            raise CellError("Not a time. Write it as 2026-11-03 10:00.") from None
        if found.tzinfo is not None:
            return found.astimezone(UTC)
        return moment(found.date(), found.time().replace(microsecond=0), zone)
    said = said[:10] + " " + said[11:] if "T" in said[10:11] else said
    parts = re.split(r",?\s+(?=\d{1,2}:\d)", said, maxsplit=1)
    if len(parts) == 1:
        raise CellError("The time of day is missing. Write it as 2026-11-03 10:00.")
    return moment(day(parts[0], order), clock(parts[1]), zone)


def moment(on: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the instant of a day and a time of the practice's clock."""
    try:
        return wall_time(on, at, zone).astimezone(UTC)
    except InvalidPeriodError:
        raise CellError(
            "The clocks skip that time on that day. Write the time that the clock showed."
        ) from None


def clock(text: str) -> time:
    """Return a time of day.

    Example:
        >>> clock("9:05 pm"), clock("21:05")
        (datetime.time(21, 5), datetime.time(21, 5))
    """
    match = _CLOCK.fullmatch(" ".join(text.split()))
    hour, half = (int(match[1]), (match[4] or "").casefold()) if match else (-1, "")
    if half:
        hour = hour % _NOON + (_NOON if half == "p" else 0) if 1 <= hour <= _NOON else -1
    try:
        return time(hour, int(match[2]) if match else 0, int((match and match[3]) or 0))
    except ValueError:
        raise CellError("Not a time of day. Write it as 14:30 or 2:30 PM.") from None


def seconds(text: str) -> int:
    """Return a length of work, written in minutes.

    Example:
        >>> seconds("17"), seconds("12.5 min")
        (1020, 750)
    """
    match = _MINUTES.fullmatch(" ".join(text.split()).casefold())
    if match is None:
        raise CellError("Not a number of minutes, such as 17 or 12.5.")
    hundredths = int((match[2] or "0").ljust(2, "0"))
    found, rest = divmod((int(match[1]) * 100 + hundredths) * _SECONDS, 100)
    if rest:
        raise CellError("Not whole seconds. Round the minutes.")
    return found
