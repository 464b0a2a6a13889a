"""A month's own figures as values, and how they are counted from lines, time and enrollments.

Pure: whatever comes from the store is given. What is not on record is None, never zero.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from trellis_core.care.vocabulary import Program
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.months import Standing
from trellis_core.store.own_figures_query import EnrolledSpan
from trellis_core.values.money import from_cents
from trellis_core.values.periods import ServiceMonth

_SECONDS_A_MINUTE: Final = Decimal(60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """What of a program's month has a line.

    Attributes:
        months: Patients with a line; of transitional care, its lines: a discharge each.
        allowed: Allowed dollars of the lines, as far as they are on file; None where none is.
        without_amount: Lines without an amount on file.
        first: Patients billed for the first block of staff time.
        second: Of those, with at least one further block.
        third: Of those, with at least two.
        complex_months: Patients billed for complex chronic care.
        complex_more: Of those, with at least one further half hour.
        short: Patients billed for the short code of collaborative care.
        behavioral: Patients billed for advanced primary care with its behavioral add-on.
        high: Discharges billed at high complexity.
        timed: Patients billed for whose program time is recorded.
        seconds: Of recorded time that stands, whether or not all of it counted toward a code.
    """

    months: int
    allowed: Decimal | None
    without_amount: int
    first: int
    second: int
    third: int
    complex_months: int
    complex_more: int
    short: int
    behavioral: int
    high: int
    timed: int
    seconds: int

    @property
    def minutes(self) -> Decimal | None:
        """Recorded minutes in a billed month, on average."""
        return mean_minutes(self.seconds, self.months)


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresOfProgram:
    """A program's month, in patients.

    Attributes:
        enrolled: Whose enrollment holds on a day of the month, or who is billed; of transitional care,
            which has no enrollment, the discharges billed.
        at_begin: Enrolled before the month began and on its first day.
        started: Enrolled in the month and not at its begin.
        ended: Whose enrollment ended in the month and who is not enrolled after it.
        left: Of ``at_begin``, those who ended.
        billed: None where the month is open and not drawn up.
        idle: Enrolled and not billed; None as ``billed``.
        idle_seconds: Time recorded for those.
    """

    program: Program
    enrolled: int
    at_begin: int
    started: int
    ended: int
    left: int
    billed: Billed | None
    idle: int | None
    idle_seconds: int | None

    @property
    def reach(self) -> Decimal | None:
        """Share of the enrolled who are billed."""
        return None if self.billed is None else share(self.billed.months, self.enrolled)

    @property
    def attrition(self) -> Decimal | None:
        """Share of those enrolled at the month's begin who left in it."""
        return share(self.left, self.at_begin)

    @property
    def idle_minutes(self) -> Decimal | None:
        """Recorded minutes in an enrolled month that is not billed, on average."""
        if self.idle is None or self.idle_seconds is None:
            return None
        return mean_minutes(self.idle_seconds, self.idle)


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresOfMonth:
    """A month's figures.

    Attributes:
        is_over: The month is over in the practice's zone; one that runs is left out of every mean.
        is_on_record: It is not before the first month with recorded time or a line. An earlier month is
            none of zero, whoever was enrolled then: the practice did not work with Trellis yet.
        is_counted: It is on record and what is billed of it is known: not where an older month was never
            closed.
        programs: Only programs with somebody enrolled or billed.
        paid: Recorded payments for the month's superbills of all programs; None where none is.
    """

    month: ServiceMonth
    standing: Standing
    is_over: bool
    is_on_record: bool
    is_counted: bool
    programs: Mapping[Program, FiguresOfProgram]
    paid: Decimal | None

    @property
    def is_closed(self) -> bool:
        """No time enters the month."""
        return self.standing is Standing.CLOSED

    @property
    def allowed(self) -> Decimal | None:
        """Allowed dollars of all programs, as far as they are on file; None where none is."""
        known = [
            each.billed.allowed
            for each in self.programs.values()
            if each.billed is not None and each.billed.allowed is not None
        ]
        return sum(known, Decimal(0)) if known else None

    @property
    def collected(self) -> Decimal | None:
        """Recorded payments as a share of the allowed dollars; None where either is not on file."""
        if self.paid is None or not self.allowed:
            return None
        return self.paid / self.allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFigures:
    """A practice's months, the oldest first; months that have not begun are left out."""

    months: tuple[FiguresOfMonth, ...]

    @property
    def measured(self) -> tuple[FiguresOfMonth, ...]:
        """The months that means are taken over: complete ones on record, else the one that runs."""
        known = [each for each in self.months if each.is_counted]
        return tuple(each for each in known if each.is_over) or tuple(known[-1:])

    def of(self, *programs: Program) -> tuple[FiguresOfProgram, ...]:
        """Return the figures of some programs in every month that means are taken over."""
        return tuple(
            each.programs[program]
            for each in self.measured
            for program in programs
            if program in each.programs
        )


def share(part: int, whole: int) -> Decimal | None:
    """Return a part of a whole; None where there is no whole."""
    return Decimal(part) / Decimal(whole) if whole else None


def mean_minutes(seconds: int, months: int) -> Decimal | None:
    """Return minutes for each month on average; None where there is no month."""
    return Decimal(seconds) / _SECONDS_A_MINUTE / Decimal(months) if months else None


# --- counting -----------------------------------------------------------------------------------

Key = tuple[str, str]
"""Patient and program."""


# What a code says of a month, as a bit: tens of thousands of lines are asked.
_FIRST, _MORE, _COMPLEX, _COMPLEX_MORE, _SHORT, _BEHAVIORAL, _HIGH = (1 << bit for bit in range(7))


def kinds_on(day: date, rule_book: RuleBook) -> Mapping[str, int]:
    """Return what the codes in force on a day say of a month, by code."""
    found: dict[str, int] = {}
    for kind, paths in _PATHS.items():
        for path in paths:
            use = rule_book.find(path, on=day)
            if use is not None:
                code = str(use.value)
                found[code] = found.get(code, 0) | kind
    return found


_PATHS: Final[Mapping[int, tuple[str, ...]]] = {
    _FIRST: (
        "ccm.clinical_staff.initial.hcpcs",
        "pcm.clinical_staff.initial.hcpcs",
        "cocm.initial_month.initial.hcpcs",
        "cocm.subsequent_month.initial.hcpcs",
    ),
    _MORE: (
        "ccm.clinical_staff.additional.hcpcs",
        "pcm.clinical_staff.additional.hcpcs",
        "cocm.additional.hcpcs",
    ),
    _COMPLEX: ("ccm.complex.initial.hcpcs",),
    _COMPLEX_MORE: ("ccm.complex.additional.hcpcs",),
    _SHORT: ("cocm.brief_month.initial.hcpcs",),
    _BEHAVIORAL: ("apcm.bhi.additional.hcpcs",),
    _HIGH: ("tcm.high_complexity.initial.hcpcs",),
}


@dataclass(slots=True)
class PatientMonth:
    """One patient's lines of one program and month, added up.

    Attributes:
        kinds: Of all its codes.
        more: Units of further blocks of staff time.
        high: Lines of high complexity.
    """

    lines: int = 0
    cents: int = 0
    without: int = 0
    kinds: int = 0
    more: int = 0
    high: int = 0

    def add(self, kind: int, units: int, cents: int | None) -> None:
        """Add a line of a kind."""
        self.lines += 1
        if cents is None:
            self.without += 1
        else:
            self.cents += cents
        if kind:
            self.kinds |= kind
            if kind & _MORE:
                self.more += units
            elif kind & _HIGH:
                self.high += 1


@dataclass(slots=True)
class _Members:
    """The patients of a program's enrollments around one month."""

    month: set[str] = field(default_factory=set)
    begin: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    after: set[str] = field(default_factory=set)


def members_of(
    spans: Iterable[EnrolledSpan], month: ServiceMonth, person: Mapping[str, str]
) -> dict[str, _Members]:
    """Return, by program, whose enrollments hold in a month, at its begin, end in it and go on after it.

    Args:
        spans: Enrollments; both days of each are included.
        month: The month.
        person: For a record that was merged, the one that stands for the person.
    """
    first, last = month.first_day, month.last_day
    found: dict[str, _Members] = {}
    for patient_id, program, started, ended in spans:
        if started > last or (ended is not None and ended < first):
            continue
        who = person.get(patient_id, patient_id)
        of = found.setdefault(program, _Members())
        of.month.add(who)
        if started < first:
            of.begin.add(who)
        if ended is not None and ended <= last:
            of.ended.add(who)
        else:
            of.after.add(who)
    return found


def programs_of(
    members: Mapping[str, _Members],
    billed: Mapping[Key, PatientMonth] | None,
    seconds: Mapping[Key, int],
) -> dict[Program, FiguresOfProgram]:
    """Return a month's figures by program.

    Args:
        members: By program, as ``members_of`` gives them.
        billed: The lines of each patient's program; None where what is billed is not known.
        seconds: Recorded time of each patient's program.
    """
    bills: dict[str, dict[str, PatientMonth]] = {}
    for (patient_id, program), of in (billed or {}).items():
        bills.setdefault(program, {})[patient_id] = of
    return {
        program: _program(
            program,
            members.get(program.value, _Members()),
            None if billed is None else bills.get(program.value, {}),
            seconds,
        )
        for program in Program
        if program.value in bills or (program.value in members and program is not Program.TCM)
    }


def _program(
    program: Program,
    of: _Members,
    bills: Mapping[str, PatientMonth] | None,
    seconds: Mapping[Key, int],
) -> FiguresOfProgram:
    name = program.value
    idle = None if bills is None else of.month - bills.keys()
    enrolled = len(of.month | bills.keys()) if bills is not None else len(of.month)
    counted = None if bills is None else _billed(name, bills, seconds)
    if program is Program.TCM:
        of, idle = _Members(), set()
        enrolled = counted.months if counted is not None else 0
    gone = of.ended - of.after
    return FiguresOfProgram(
        program=program,
        enrolled=enrolled,
        at_begin=len(of.begin),
        started=len(of.month - of.begin),
        ended=len(gone),
        left=len(gone & of.begin),
        billed=counted,
        idle=None if idle is None else len(idle),
        idle_seconds=None if idle is None else sum(seconds.get((who, name), 0) for who in idle),
    )


def _billed(name: str, bills: Mapping[str, PatientMonth], seconds: Mapping[Key, int]) -> Billed:
    every = bills.values()
    lines, without = sum(each.lines for each in every), sum(each.without for each in every)
    timed = [seconds[who, name] for who in bills if seconds.get((who, name))]
    return Billed(
        months=lines if name == Program.TCM.value else len(bills),
        allowed=None
        if lines and lines == without
        else from_cents(sum(each.cents for each in every)),
        without_amount=without,
        first=sum(1 for each in every if each.kinds & _FIRST),
        second=sum(1 for each in every if each.kinds & _FIRST and each.more > 0),
        third=sum(1 for each in every if each.kinds & _FIRST and each.more > 1),
        complex_months=sum(1 for each in every if each.kinds & _COMPLEX),
        complex_more=sum(
            1 for each in every if each.kinds & _COMPLEX and each.kinds & _COMPLEX_MORE
        ),
        short=sum(1 for each in every if each.kinds & _SHORT),
        behavioral=sum(1 for each in every if each.kinds & _BEHAVIORAL),
        high=sum(each.high for each in every),
        timed=len(timed),
        seconds=sum(timed),
    )
