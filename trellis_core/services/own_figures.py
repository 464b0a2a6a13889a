"""The practice's own figures by month and program: enrolled, billed, how far, how long, and what was paid.

They take the place of the calculator's guesses, and are what a forecast is compared with. A closed month
is counted from the lines that stand as issued and from the time that stood at its close; an open one from
today's drafts. Nothing is decided again for a closed month.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import CommandRefusedError
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.services.issued_amounts import amounts_of
from trellis_core.services.months import Standing, month_review, practice_zone
from trellis_core.services.own_figures_counting import (
    Billed,
    FiguresOfMonth,
    FiguresOfProgram,
    Key,
    OwnFigures,
    PatientMonth,
    kinds_on,
    members_of,
    programs_of,
)
from trellis_core.store.engine import Store
from trellis_core.store.own_figures_query import (
    IssuedLine,
    RecordedTime,
    enrolled_spans,
    first_on_record,
    issued_lines,
    merged_into,
    recorded_time,
    time_as_closed,
)
from trellis_core.store.performance_query import marks_in, paid_by_month
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill import Superbill
from trellis_core.values.clock import Clock
from trellis_core.values.money import cents_of, from_cents
from trellis_core.values.periods import ServiceMonth, local_day

__all__ = ["Billed", "FiguresOfMonth", "FiguresOfProgram", "OwnFigures", "own_figures"]

MOST_MONTHS: Final = 60
"""So many months at most are counted at once."""

_DRAWN_UP: Final = 2
"""So many open months, the newest, are drawn up; an older one that was never closed is not counted."""

_Row = TypeVar("_Row")


@audited
def own_figures(
    first: ServiceMonth,
    last: ServiceMonth,
    *,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> OwnFigures:
    """Return what a practice enrolled, billed, worked and was paid, by month and program.

    Totals of the whole practice, charts that are restricted included, as on the Performance page: no
    patient can be told from them.

    Args:
        first: The first month.
        last: The last; months that have not begun are left out.
        store: The store.
        actor: Who asks.
        clock: When.
        rule_book: The rules, for the codes of further units and for the drafts of an open month.

    Raises:
        PermissionDeniedError: The actor may not see the practice's performance.
        CommandRefusedError: The last month is before the first, or the span is too long.
        StoreError: An issued superbill is not as it was issued.
    """
    require(actor, Operation.READ_PERFORMANCE)
    if not first <= last < first.plus(MOST_MONTHS):
        raise CommandRefusedError(
            "MONTHS_OUT_OF_RANGE",
            f"{first} to {last} is not a span of 1 to {MOST_MONTHS} months. Choose a later last month, "
            "or fewer months.",
        )
    practice_id = actor.practice_id
    with store.reading() as unit:
        today = local_day(clock.now(), practice_zone(unit, practice_id))
        running = ServiceMonth.of(today)
        span = [each for each in map(first.plus, range(MOST_MONTHS)) if each <= min(last, running)]
        marks = marks_in(unit, practice_id, span)
    drafts = {
        each: _draft_lines(
            month_review(
                each, store=store, actor=actor, clock=clock, rule_book=rule_book
            ).superbills
        )
        for each in [each for each in span if each.ym not in marks][-_DRAWN_UP:]
    }
    with store.reading() as unit:
        counting = _Counting(
            unit=unit,
            practice_id=practice_id,
            span=span,
            marks=marks,
            drafts=drafts,
            rule_book=rule_book,
            store=store,
            person=merged_into(unit, practice_id),
        )
        return OwnFigures(months=tuple(counting.months(running)))


def _draft_lines(bills: Iterable[Superbill]) -> tuple[IssuedLine, ...]:
    return tuple(
        IssuedLine(
            ym=0,
            patient_id=bill.patient.id,
            program=line.program.value,
            code=line.code,
            units=line.units,
            allowed_cents=None if line.allowed is None else cents_of(line.allowed),
            number=0,
            line_id=line.id,
        )
        for bill in bills
        for line in bill.lines
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counting:
    """Counts a practice's months, one after the other."""

    unit: UnitOfWork
    practice_id: str
    span: Sequence[ServiceMonth]
    marks: Mapping[int, int]
    drafts: Mapping[ServiceMonth, Sequence[IssuedLine]]
    rule_book: RuleBook
    store: Store
    person: Mapping[str, str]

    def months(self, running: ServiceMonth) -> Iterator[FiguresOfMonth]:
        """Give each month's figures."""
        if not self.span:
            return
        unit, practice_id = self.unit, self.practice_id
        first, last = self.span[0], self.span[-1]
        begins = first_on_record(unit, practice_id)
        enrolled = enrolled_spans(unit, practice_id, first, last)
        paid = paid_by_month(unit, practice_id, self.span)
        reopened = [each for each in self.span if self._standing(each) is Standing.REOPENED]
        as_closed = time_as_closed(unit, practice_id, reopened)
        lines = _InTurn(issued_lines(unit, practice_id, first, last))
        times = _InTurn(recorded_time(unit, practice_id, first, last))
        for month in self.span:
            of = members_of(enrolled, month, self.person)
            seconds = self._seconds(as_closed.get(month.ym), times.of(month.ym))
            standing = self._standing(month)
            issued = lines.of(month.ym)
            billed: dict[Key, PatientMonth] | None = None
            if standing is not Standing.OPEN:
                billed = self._billed(issued, month)
            elif month in self.drafts:
                billed = self._billed(self.drafts[month], month)
            is_on_record = bool(billed) or (begins is not None and begins <= month)
            yield FiguresOfMonth(
                month=month,
                standing=standing,
                is_over=month < running,
                is_on_record=is_on_record,
                is_counted=is_on_record and billed is not None,
                programs=programs_of(of, billed if is_on_record else None, seconds),
                paid=None if month.ym not in paid else from_cents(paid[month.ym]),
            )

    def _standing(self, month: ServiceMonth) -> Standing:
        marks = self.marks.get(month.ym, 0)
        if not marks:
            return Standing.OPEN
        return Standing.CLOSED if marks % 2 else Standing.REOPENED

    def _seconds(
        self, as_closed: Iterable[RecordedTime] | None, now: Iterable[RecordedTime]
    ) -> Counter[Key]:
        found: Counter[Key] = Counter()
        person = self.person
        for _, patient_id, program, seconds in now if as_closed is None else as_closed:
            if seconds:
                found[person.get(patient_id, patient_id), program] += seconds
        return found

    def _billed(self, lines: Iterable[IssuedLine], month: ServiceMonth) -> dict[Key, PatientMonth]:
        kinds, person = kinds_on(month.last_day, self.rule_book), self.person
        found: dict[Key, PatientMonth] = {}
        bare: dict[tuple[int, str], PatientMonth] = {}
        for _, patient_id, program, code, units, cents, number, line_id in lines:
            key = person.get(patient_id, patient_id), program
            of = found.get(key)
            if of is None:
                of = found[key] = PatientMonth()
            of.add(kinds.get(code, 0), units, cents)
            if cents is None and number:
                bare[number, line_id] = of
        if bare:
            self._look_up(bare)
        return found

    def _look_up(self, bare: Mapping[tuple[int, str], PatientMonth]) -> None:
        """Read amounts from the documents of lines of before they were kept with the lines."""
        numbers = {number for number, _ in bare}
        kept = amounts_of(self.unit, self.practice_id, numbers, store=self.store)
        for number, amounts in kept.items():
            for line_id, amount in zip(amounts.ids, amounts.lines, strict=True):
                of = bare.get((number, line_id))
                if of is not None and amount is not None:
                    of.cents += cents_of(amount)
                    of.without -= 1


class _InTurn(Generic[_Row]):
    """Rows that come month by month, asked for month by month."""

    def __init__(self, groups: Iterator[tuple[int, Iterator[_Row]]]) -> None:
        self._groups = groups
        self._next = next(groups, None)

    def of(self, ym: int) -> list[_Row]:
        """Return a month's rows; months are to be asked for in order."""
        if self._next is None or self._next[0] != ym:
            return []
        rows = list(self._next[1])
        self._next = next(self._groups, None)
        return rows
