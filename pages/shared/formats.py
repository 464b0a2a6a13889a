"""How money, days, minutes and names are written on screen: the only place that decides it."""

import re
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from trellis_core.access import AccessRole
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.values.money import to_cents
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN, Maybe

DASH: Final = "—"
"""Stands where there is nothing to show."""

NOT_RECORDED: Final = "not recorded"
"""Stands where a fact is unknown: nobody wrote it down."""

_ESCAPED: Final = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]()<>#+-.!|~$:"})

_LINK_START: Final = re.compile(r"(?<=http)(?=s?:)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
_JOINER: Final = "\N{WORD JOINER}"
"""Shows as nothing and parts a text in two where Markdown would make a link of the whole."""

_ACTIVITY: Final = {
    Activity.SCALE_ADMINISTRATION: "Rating scale",
    Activity.PLAN_CHECK_IN: "Plan check-in",
    Activity.OTHER_CLINICAL: "Other clinical work",
    Activity.FAMILY_CAREGIVER_CONTACT: "Family or caregiver contact",
    Activity.REFERRAL_OR_TRANSITION: "Referral or transition",
    Activity.CARE_PLAN_UPDATE: "Care-plan update",
}
_MODE: Final = {
    EntryMode.TIMED: "Timed",
    EntryMode.TYPED: "Typed",
    EntryMode.SUGGESTED: "Suggested",
    EntryMode.IMPORTED: "Imported",
}
_CONTACT: Final = {
    ContactState.NONE: "None",
    ContactState.ATTEMPTED: "Tried",
    ContactState.REACHED: "Reached",
}


def money(amount: Decimal | None) -> str:
    """Write an amount of dollars with its cents; a dash for none.

    Example:
        >>> money(Decimal("1066.125")), money(Decimal("-462.3")), money(None)
        ('$1,066.13', '-$462.30', '—')
    """
    if amount is None:
        return DASH
    exact = to_cents(amount)
    return f"-${-exact:,.2f}" if exact < 0 else f"${abs(exact):,.2f}"


def money_whole(amount: Decimal) -> str:
    """Write an amount in whole dollars, for sums where cents are noise.

    Example:
        >>> money_whole(Decimal("12345.50"))
        '$12,346'
    """
    whole = to_cents(amount).to_integral_value(rounding="ROUND_HALF_UP")
    return f"${whole:,f}" if whole >= 0 else f"-${-whole:,f}"


def day(on: Maybe[date | None]) -> str:
    """Write a day; a dash for none and "not recorded" for unknown.

    Example:
        >>> day(date(2026, 11, 3)), day(None), day(UNKNOWN)
        ('Nov 3, 2026', '—', 'not recorded')
    """
    if on is UNKNOWN:
        return NOT_RECORDED
    return DASH if on is None else f"{on:%b} {on.day}, {on.year}"


def short_day(on: date | None) -> str:
    """Write a day of the month at hand, with its weekday.

    Example:
        >>> short_day(date(2026, 11, 3))
        'Tue, Nov 3'
    """
    return DASH if on is None else f"{on:%a}, {on:%b} {on.day}"


def month_name(month: ServiceMonth) -> str:
    """Write a service month in words.

    Example:
        >>> month_name(ServiceMonth(2026, 11))
        'November 2026'
    """
    return f"{month.first_day:%B} {month.year}"


def moment(at: datetime | None, zone: ZoneInfo) -> str:
    """Write an instant as the practice's clock shows it.

    Example:
        >>> from datetime import UTC
        >>> moment(datetime(2026, 11, 3, 19, 5, tzinfo=UTC), ZoneInfo("America/New_York"))
        'Nov 3, 2:05 PM'
    """
    if at is None:
        return DASH
    local = at.astimezone(zone)
    return f"{local:%b} {local.day}, {local.hour % 12 or 12}:{local:%M %p}"


def minutes(count: int | None) -> str:
    """Write whole minutes.

    Example:
        >>> minutes(17)
        '17 min'
    """
    return DASH if count is None else f"{count:,} min"


def length(seconds: int) -> str:
    """Write a length of work in minutes, with seconds where there are some.

    Example:
        >>> length(1044), length(1200), length(45)
        ('17 min 24 s', '20 min', '45 s')
    """
    whole, rest = divmod(seconds, 60)
    if not whole:
        return f"{rest} s"
    return f"{whole:,} min {rest} s" if rest else f"{whole:,} min"


def elapsed(seconds: int) -> str:
    """Write a running clock.

    Example:
        >>> elapsed(754), elapsed(4000)
        ('12:34', '1:06:40')
    """
    whole, rest = divmod(max(seconds, 0), 60)
    hours, left = divmod(whole, 60)
    return f"{hours}:{left:02d}:{rest:02d}" if hours else f"{left}:{rest:02d}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun.

    Example:
        >>> count(1, "patient"), count(12, "patient"), count(0, "entry", "entries")
        ('1 patient', '12 patients', '0 entries')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def words(value: StrEnum | str) -> str:
    """Write a member of a closed list in sentence case.

    Example:
        >>> words("inpatient_acute")
        'Inpatient acute'
    """
    text = str(value).replace("_", " ").replace("-", " ").strip()
    return text[:1].upper() + text[1:]


def activity(value: Activity) -> str:
    """Write what was done in a time entry.

    Example:
        >>> activity(Activity.PATIENT_CONTACT)
        'Patient contact'
    """
    return _ACTIVITY.get(value, words(value))


def mode(value: EntryMode) -> str:
    """Write how an entry came to be."""
    return _MODE[value]


def contact(value: ContactState | None) -> str:
    """Write whether the patient or caregiver was spoken to."""
    return "Not stated" if value is None else _CONTACT[value]


_ROLES: Final = {
    AccessRole.COORDINATOR: "Care coordinator",
    AccessRole.OWN_WORK: "Own clinical work",
}


def role(value: AccessRole | None) -> str:
    """Write a person's role.

    Example:
        >>> role(AccessRole.COORDINATOR)
        'Care coordinator'
    """
    if value is None:
        return DASH
    return _ROLES.get(value) or words(value)


def yes_no(value: Maybe[bool | None]) -> str:
    """Write a yes-or-no fact; unknown is never "no"."""
    if value is UNKNOWN:
        return NOT_RECORDED
    return DASH if value is None else "Yes" if value else "No"


def program_slug(program: Program) -> str:
    """Return a program's word in URLs and widget keys.

    Example:
        >>> program_slug(Program.COCM)
        'cocm'
    """
    return program.value.lower()


def short_name(member: StaffMember) -> str:
    """Write a colleague's name as it fits a narrow column: given name and initial.

    Example:
        >>> from trellis_core.care.vocabulary import StaffRole
        >>> role = StaffRole.CLINICAL_STAFF
        >>> short_name(StaffMember(id="s", role=role, given_name="Rosa", family_name="Delgado"))
        'Rosa D.'
    """
    if not member.given_name or not member.family_name:
        return member.name
    return f"{member.given_name} {member.family_name[0]}."


def plain(text: str) -> str:
    r"""Escape a person's words so that Markdown shows them as typed: no image, link or markup.

    Nothing can be escaped about a bare address, of which Markdown makes a link as well; so it gets an
    invisible character inside.

    Example:
        >>> plain("*hi* ![x](//evil)")
        '\\*hi\\* \\!\\[x\\]\\(//evil\\)'
    """
    return _LINK_START.sub(_JOINER, " ".join(text.split())).translate(_ESCAPED)
