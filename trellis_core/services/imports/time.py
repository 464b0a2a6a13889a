"""Time from a CSV: a look first, then entries that say they were imported.

Everything that is asked of a typed entry is asked of a row. An entry's id follows from the file and
the row, so that the same file twice adds nothing.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import and_, exists, select

from trellis_core.access import Actor, Operation, may, require
from trellis_core.care.vocabulary import ContactState, EntryMode, Program
from trellis_core.case_file.csv_table import MAX_CELL, CsvRow, CsvTable
from trellis_core.errors import CommandRefusedError, InvalidValueError, NotFoundError
from trellis_core.ledger.chain import EntryKind
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import Reach, reach
from trellis_core.services.imports import cells
from trellis_core.services.imports.batches import (
    BatchReport,
    Outcome,
    Problem,
    Progress,
    RowReport,
    begin,
    digest_of,
    go_on,
    times_undone,
)
from trellis_core.services.imports.cells import CellError
from trellis_core.services.imports.columns import (
    FIELDS,
    ImportKind,
    ImportSettings,
    open_file,
    refuse_unusable,
)
from trellis_core.services.imports.patients import Preview
from trellis_core.services.imports.people import Panel, panel_of, staff_of
from trellis_core.services.time_drafts import LogTime, append_open, drafts_of
from trellis_core.store.engine import Store
from trellis_core.store.month_query import closed_since
from trellis_core.store.tables import ENTRY, ImportBatchRow, PracticeRow
from trellis_core.store.unit_of_work import Draft, UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.ids import derived_entry_id
from trellis_core.values.periods import ServiceMonth, zone_named

_T = TypeVar("_T")
_Work = tuple[str, str, str, int, int]
"""Person, patient, program, start and seconds: what makes two pieces of work one."""

LABELS: Final = {each.key: each.label for each in FIELDS[ImportKind.TIME]}
_LONGEST: Final = int(timedelta(days=1).total_seconds())
_IDS_AT_ONCE: Final = 500
_NOT_SAVED: Final = "the rest of the file was not imported"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLine:
    """What a row says; ``drafts`` is empty where it has a problem.

    Attributes:
        repeats: The earlier row of the file that says the same.
        overlaps: The earlier row of the file whose work of the same person it overlaps.
    """

    number: int
    drafts: tuple[Draft, ...] = ()
    problems: tuple[Problem, ...] = ()
    repeats: int | None = None
    overlaps: int | None = None

    @property
    def entry_id(self) -> str:
        """The id of its entry."""
        return self.drafts[0].body.entry_id

    @property
    def start(self) -> int:
        """When the work began, in seconds since 1970."""
        return self.drafts[0].body.started_at

    @property
    def seconds(self) -> int:
        """How long it took."""
        return sum(draft.body.seconds for draft in self.drafts)

    @property
    def staff_id(self) -> str:
        """Who did it."""
        return self.drafts[0].body.staff_id or ""

    @property
    def work(self) -> _Work:
        """What makes it the same as another."""
        body = self.drafts[0].body
        return (self.staff_id, body.patient_id, body.program.value, self.start, body.seconds)

    @property
    def months(self) -> set[ServiceMonth]:
        """The months that it enters."""
        return {ServiceMonth.from_ym(draft.body.ym) for draft in self.drafts}


@audited
def preview_time(
    content: bytes, *, settings: ImportSettings, store: Store, actor: Actor, clock: Clock
) -> Preview:
    """Say what an import of time would do; nothing is stored.

    Raises:
        PermissionDeniedError: The actor may not import, or may not record time.
        CommandRefusedError: The file cannot be read, or a column is missing.
    """
    _require(actor)
    table = open_file(content)
    now = clock.now()
    with store.reading() as unit:
        lines = _lines(unit, table, digest_of(content), settings, actor=actor, now=now)
        ledger = _Ledger.of(unit, actor.practice_id, lines, own={})
    reports = [_judged(line, ledger) for line in lines]
    counts: dict[Outcome, int] = {}
    for each in reports:
        counts[each.outcome] = counts.get(each.outcome, 0) + 1
    return Preview(
        rows_total=len(lines),
        counts=counts,
        rows=tuple(each for each in reports if each.outcome is not Outcome.ADDED or each.problems),
    )


@audited
def import_time(
    content: bytes,
    *,
    settings: ImportSettings | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
    on_progress: Progress | None = None,
) -> BatchReport:
    """Import the time of a file, or go on with an import of it that was stopped.

    Args:
        content: The file.
        settings: How it is read; None goes on as it was begun.
        store: The store.
        actor: Who imports; an owner anybody's time, others their own.
        clock: When.
        on_progress: Told after each part of some hundred rows; what it raises stops the import, and
            what is stored stays.

    Raises:
        PermissionDeniedError: The actor may not import, or may not record time.
        CommandRefusedError: The file cannot be read, a column is missing, or an import of the file
            that was stopped reads it in another way.
        MonthClosedError: A month was closed while the import ran; what is stored stays.
    """
    _require(actor)
    table = open_file(content)
    now = clock.now()
    digest = digest_of(content)
    if settings is not None:
        refuse_unusable(settings.columns, ImportKind.TIME, table)
    batch, kept = begin(
        ImportKind.TIME,
        digest,
        settings,
        rows=len(table.rows),
        store=store,
        actor=actor,
        now=now,
    )
    with store.reading() as unit:
        lines = _lines(unit, table, digest, kept, actor=actor, now=now)
        zone = _zone(unit, actor)
    own = {line.entry_id: line.number for line in lines if line.drafts}

    def write(
        unit: UnitOfWork, row: ImportBatchRow, part: Sequence[TimeLine], at: datetime
    ) -> list[RowReport]:
        ledger = _Ledger.of(unit, row.practice_id, part, own=own)
        within = reach(unit, actor, now=at)
        reports = [_judged(line, ledger, within) for line in part]
        drafts = [
            replace(draft, body=replace(draft.body, recorded_at=int(at.timestamp())))
            for line, report in zip(part, reports, strict=True)
            if report.outcome is Outcome.ADDED
            for draft in line.drafts
        ]
        if drafts:
            append_open(unit, drafts, zone=zone, lost=_NOT_SAVED)
        return reports

    return go_on(
        batch.id, lines, write, store=store, actor=actor, clock=clock, on_progress=on_progress
    )


def _require(actor: Actor) -> None:
    require(actor, Operation.IMPORT_RECORDS)
    require(actor, Operation.LOG_OWN_TIME)


def _zone(unit: UnitOfWork, actor: Actor) -> ZoneInfo:
    practice = unit.session.get(PracticeRow, actor.practice_id)
    if practice is None:
        raise NotFoundError("practice", actor.practice_id)
    return zone_named(practice.time_zone)


# --- what becomes of a row -------------------------------------------------------------------


@dataclass(slots=True)
class _Ledger:
    """What the ledger holds around some rows, and which months are closed."""

    recorded: set[str] = field(default_factory=set)
    works: set[_Work] = field(default_factory=set)
    busy: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    closed: Collection[ServiceMonth] = ()

    @classmethod
    def of(
        cls,
        unit: UnitOfWork,
        practice_id: str,
        lines: Iterable[TimeLine],
        *,
        own: Mapping[str, int],
    ) -> "_Ledger":
        """Read what matters to some rows, in a few statements whatever their number.

        Args:
            unit: The unit of work.
            practice_id: Whose ledger.
            lines: The rows.
            own: Entry ids of the same file, which do not overlap themselves.
        """
        good = [line for line in lines if line.drafts]
        made = cls()
        if not good:
            return made
        made.closed = closed_since(unit, practice_id, {m for line in good for m in line.months})
        ids = {line.entry_id for line in good} | own.keys()
        made.recorded |= _recorded(unit, practice_id, [line.entry_id for line in good])
        first = min(line.start for line in good) - _LONGEST
        last = max(line.start + line.seconds for line in good)
        taken_back = ENTRY.alias("taken_back")
        stands = ~exists().where(
            and_(
                taken_back.c.practice_id == ENTRY.c.practice_id,
                taken_back.c.reverses == ENTRY.c.entry_id,
            )
        )
        found = unit.connection.execute(
            select(
                ENTRY.c.entry_id,
                ENTRY.c.staff_id,
                ENTRY.c.patient_id,
                ENTRY.c.program,
                ENTRY.c.started_at,
                ENTRY.c.seconds,
                stands.label("stands"),
            ).where(
                ENTRY.c.practice_id == practice_id,
                ENTRY.c.kind == EntryKind.TIME.value,
                ENTRY.c.staff_id.in_({line.staff_id for line in good}),
                ENTRY.c.started_at.between(first, last),
            )
        )
        for entry_id, staff_id, patient_id, program, start, seconds, is_standing in found:
            if entry_id not in ids and is_standing:
                made.works.add((staff_id, patient_id, program, start, seconds))
                made.busy.setdefault(staff_id, []).append((start, start + seconds))
        for spans in made.busy.values():
            spans.sort()
        return made

    def is_busy(self, line: TimeLine) -> bool:
        """Say whether recorded time of the same person overlaps a row's."""
        spans = self.busy.get(line.staff_id, [])
        first = bisect_left(spans, (line.start - _LONGEST, 0))
        last = bisect_left(spans, (line.start + line.seconds, 0))
        return any(end > line.start for _, end in spans[first:last])


def _recorded(unit: UnitOfWork, practice_id: str, entry_ids: Sequence[str]) -> set[str]:
    """Return which of some ids are in the ledger."""
    found: set[str] = set()
    for first in range(0, len(entry_ids), _IDS_AT_ONCE):
        wanted = select(ENTRY.c.entry_id).where(
            ENTRY.c.practice_id == practice_id,
            ENTRY.c.entry_id.in_(entry_ids[first : first + _IDS_AT_ONCE]),
        )
        found.update(unit.connection.execute(wanted).scalars())
    return found


def _judged(line: TimeLine, ledger: _Ledger, within: Reach | None = None) -> RowReport:
    """Say what becomes of a row; ``within`` asks once more for charts that were just closed."""
    if line.problems:
        return RowReport(number=line.number, outcome=Outcome.REFUSED, problems=line.problems)
    outcome, said = _answer(line, ledger, within)
    return RowReport(
        number=line.number,
        outcome=outcome,
        problems=() if said is None else (said,),
        subject_id=line.entry_id if outcome is Outcome.ADDED else None,
    )


def _answer(
    line: TimeLine, ledger: _Ledger, within: Reach | None
) -> tuple[Outcome, Problem | None]:
    closed = sorted(line.months & set(ledger.closed))
    found: tuple[Outcome, Problem | None]
    if line.entry_id in ledger.recorded:
        found = Outcome.HERE, None
    elif line.repeats is not None:
        found = Outcome.HERE, Problem("", f"Says the same as row {line.repeats}.")
    elif line.work in ledger.works:
        found = Outcome.HERE, Problem("", "The same work is recorded already.")
    elif within is not None and not within.is_open(line.drafts[0].body.patient_id):
        found = Outcome.REFUSED, _restricted()
    elif closed:
        said = f"{closed[0].in_words} is closed. Reopen the month, or leave the row out."
        found = Outcome.REFUSED, Problem(LABELS["start"], said)
    elif line.overlaps is not None:
        said = f"Overlaps row {line.overlaps}, of the same person. Both are recorded."
        found = Outcome.ADDED, Problem("", said)
    elif ledger.is_busy(line):
        found = Outcome.ADDED, Problem("", "Overlaps recorded time of the same person.")
    else:
        found = Outcome.ADDED, None
    return found


def _restricted() -> Problem:
    return Problem(LABELS["mrn"], "The chart is restricted. Ask the practice's owner.")


# --- reading the rows ------------------------------------------------------------------------


def _lines(
    unit: UnitOfWork,
    table: CsvTable,
    digest: str,
    settings: ImportSettings,
    *,
    actor: Actor,
    now: datetime,
) -> list[TimeLine]:
    """Read every row; what is wrong with one is said beside it."""
    refuse_unusable(settings.columns, ImportKind.TIME, table)
    practice_id = actor.practice_id
    staff: dict[str, str] = {}
    for row in staff_of(unit, practice_id):
        for name in (row.npi, row.sign_in_name, row.id):
            if name:
                staff[name.casefold()] = row.id
    attempt = times_undone(unit, practice_id, ImportKind.TIME, digest)
    reading = _Reading(
        table=table,
        settings=settings,
        zone=_zone(unit, actor),
        staff=staff,
        panel=panel_of(unit, practice_id),
        within=reach(unit, actor, now=now),
        actor=actor,
        now=now,
        file_id=f"{digest}/{attempt}",
    )
    return _compared([reading.line(row) for row in table.rows])


def _compared(lines: Sequence[TimeLine]) -> list[TimeLine]:
    """Name, beside each row, the earlier row that it repeats or overlaps."""
    first: dict[_Work, int] = {}
    busy: dict[str, list[tuple[int, int, int]]] = {}
    made = []
    for each in lines:
        line = each
        if line.drafts:
            spans = busy.setdefault(line.staff_id, [])
            end = line.start + line.seconds
            if line.work in first:
                line = replace(line, repeats=first[line.work])
            else:
                nearby = spans[
                    bisect_left(spans, (line.start - _LONGEST, 0, 0)) : bisect_left(
                        spans, (end, 0, 0)
                    )
                ]
                over = [number for _, until, number in nearby if until > line.start]
                line = replace(line, overlaps=min(over, default=None))
                first[line.work] = line.number
                insort(spans, (line.start, end, line.number))
        made.append(line)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """Reads rows, with what they are checked against."""

    table: CsvTable
    settings: ImportSettings
    zone: ZoneInfo
    staff: Mapping[str, str]
    panel: Panel
    within: Reach
    actor: Actor
    now: datetime
    file_id: str

    def line(self, row: CsvRow) -> TimeLine:
        """Return what a row says."""
        if not row.cells:
            said = (
                f"The row has {row.found} cells, the heading has {len(self.table.headings)}. "
                "A separator or a quotation mark is missing or too many."
            )
            return TimeLine(number=row.number, problems=(Problem("", said),))
        problems: list[Problem] = []
        cell = _Cells(row, self.settings, problems)
        patient_id = self._patient(cell)
        staff_id = self._person(cell)
        program = cell.needed("program", lambda text: cells.choice(text, Program))
        started_at = self._start(cell)
        seconds = cell.needed("minutes", cells.seconds)
        activity = cell.needed("activity", cells.activity)
        note = cell.value("note", lambda text: cells.words(text, longest=MAX_CELL), "")
        none: ContactState | None = None
        contact = cell.value("contact", cells.contact, none)
        if (
            problems
            or patient_id is None
            or staff_id is None
            or program is None
            or started_at is None
            or seconds is None
            or activity is None
        ):
            return TimeLine(number=row.number, problems=tuple(problems))
        command = LogTime(
            entry_id=derived_entry_id(self.file_id, f"row-{row.number}"),
            patient_id=patient_id,
            program=program,
            staff_id=staff_id,
            started_at=started_at,
            seconds=seconds,
            activity=activity,
            note=note,
            contact=contact,
            mode=EntryMode.IMPORTED,
        )
        try:
            drafts = drafts_of(
                command,
                zone=self.zone,
                practice_id=self.actor.practice_id,
                author_id=self.actor.person_id,
                now=self.now,
            )
        except (CommandRefusedError, InvalidValueError) as error:
            key = "minutes" if getattr(error, "code", "") == "SECONDS_OUT_OF_RANGE" else "start"
            return TimeLine(number=row.number, problems=(Problem(LABELS[key], str(error)),))
        return TimeLine(number=row.number, drafts=drafts)

    def _patient(self, cell: "_Cells") -> str | None:
        mrn = cell.needed("mrn", cells.record_number)
        if mrn is None:
            return None
        person = self.panel.numbered(mrn)
        if person is None:
            cell.fail("mrn", "No patient has this record number. Register the patient first.")
            return None
        if person.is_merged:
            cell.fail("mrn", "The record was merged into another. Use that record's number.")
            return None
        if not self.within.is_open(person.id):
            cell.problems.append(_restricted())
            return None
        return person.id

    def _person(self, cell: "_Cells") -> str | None:
        named = cell.needed("person", cells.line)
        if named is None:
            return None
        found = self.staff.get(named.casefold())
        if found is None:
            cell.fail(
                "person",
                "Nobody here goes by this. Write a sign-in name, an NPI or an id of People.",
            )
            return None
        if found != self.actor.person_id and not may(self.actor, Operation.CORRECT_OTHERS_TIME):
            cell.fail("person", "Somebody else's time. Only an owner imports that.")
            return None
        return found

    def _start(self, cell: "_Cells") -> datetime | None:
        order = self.settings.dates
        if "start" in self.settings.columns:
            return cell.needed("start", lambda text: cells.instant(text, self.zone, order))
        on: date | None = cell.needed("day", lambda text: cells.day(text, order))
        at = cell.needed("clock", cells.clock)
        if on is None or at is None:
            return None
        return cell.made("clock", lambda: cells.moment(on, at, self.zone))


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of one row; what is wrong with them is kept."""

    row: CsvRow
    settings: ImportSettings
    problems: list[Problem]

    def fail(self, key: str, text: str) -> None:
        """Note what is wrong with a cell."""
        self.problems.append(Problem(LABELS[key], text))

    def needed(self, key: str, read: Callable[[str], _T]) -> _T | None:
        """Return what a cell says that must not be empty; None where that was noted as wrong."""
        if not self._text(key):
            self.fail(key, "A value is needed.")
            return None
        none: _T | None = None
        return self.value(key, read, none)

    def value(self, key: str, read: Callable[[str], _T], empty: _T) -> _T:
        """Return what a cell says; what an empty one, or one that cannot be read, stands for."""
        text = self._text(key)
        if not text:
            return empty
        if len(text) > MAX_CELL:
            self.fail(key, f"Longer than {MAX_CELL:,} characters. Shorten it.")
            return empty
        found = self.made(key, lambda: read(text))
        return empty if found is None else found

    def made(self, key: str, make: Callable[[], _T]) -> _T | None:
        """Return what is made of cells; None where that was noted as wrong."""
        try:
            return make()
        except CellError as error:
            self.fail(key, str(error))
            return None

    def _text(self, key: str) -> str:
        place = self.settings.columns.get(key)
        return "" if place is None else self.row.cells[place - 1].strip()
