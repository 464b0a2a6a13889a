"""An own export of a whole practice, brought back into an empty store: everything it holds, or nothing.

Records keep their ids and say what they said. Time keeps its seconds, people, months and programs, under
the id that each piece of work began with, on the days of the practice's present time zone; corrections
and what was taken back are history that stays where it was. Issued superbills keep numbers, lines and amounts, and their months are closed.

Not in an export, and so not here afterwards: notes, tasks and other free text, sign-ins, claims and
payments, what closes decided and held back, and who recorded what when. The journal
and the ledger begin anew and say that the records were brought in today; see ``returned_time`` and
``returned_closes`` for what that changes.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final, cast

from trellis_core.errors import CommandRefusedError
from trellis_core.fhir.kept import KEPT
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services.exchange import ImportReport, add_in_bulk, append_entries, draft_of
from trellis_core.services.practice import add_practice_row, has_practice
from trellis_core.services.returned_closes import Issued, changed_later, problems_of, write_closes
from trellis_core.services.returned_files import Problems, is_whole_export, own_export
from trellis_core.services.returned_records import Gathered, check_together, gather
from trellis_core.services.returned_time import in_order, recorded_again
from trellis_core.store.engine import Store
from trellis_core.store.mapping import practice_of
from trellis_core.store.tables import PracticeRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.periods import local_day, zone_named

__all__ = ["is_whole_export", "return_practice"]

_AT_A_TIME: Final = 5_000
_PRACTICE: Final = "practice"


def return_practice(
    paths: Iterable[Path],
    *,
    store: Store,
    clock: Clock,
    system_user: str | None = None,
    dry_run: bool = False,
) -> ImportReport:
    """Set up a practice in an empty store from an own export of all of it.

    Args:
        paths: A folder with the export's files by type and their manifest; or one collection Bundle.
        store: A store that holds no practice.
        clock: When it is brought in. The sample practice's time is recorded after its work.
        system_user: The operating system's user, where a command is run by hand.
        dry_run: Read and check only.

    Raises:
        CommandRefusedError: The store already holds a practice.
        InputRefusedError: There is no such export. What is wrong within one does not raise; the report
            names file and line of each problem, and nothing is stored.
    """
    export = own_export(paths)
    _refuse_practice(store)
    problems = Problems()
    gathered = gather(export.resources(problems), problems)
    check_together(gathered, problems)
    if not problems.count:
        _check_superbills(gathered, problems)
    read = sum(map(len, gathered.records.values()))
    read += len(gathered.entries) + len(gathered.issued)
    if problems.count:
        return ImportReport(
            read=read,
            matched=0,
            refused=problems.count,
            added=0,
            is_stored=False,
            lines=("Nothing was stored.", *problems.lines),
        )
    lines = _lines(gathered)
    if not dry_run:
        now = clock.now()
        with store.writing(at=now) as unit:
            unit.journal.act_for(system_user=system_user)
            _store(unit, gathered, at=now)
    return ImportReport(
        read=read, matched=0, refused=0, added=read, is_stored=not dry_run, lines=lines
    )


def _refuse_practice(store: Store) -> None:
    if has_practice(store=store):
        raise CommandRefusedError(
            "STORE_NOT_EMPTY",
            "This store already holds a practice, and a whole one is brought into an empty store only. "
            "Nothing was changed. Name another store.",
        )


def _check_superbills(gathered: Gathered, problems: Problems) -> None:
    issued = (bill for _, bill in gathered.issued)
    for problem in problems_of(issued, _practice(gathered).id):
        problems.add("", problem)


def _store(unit: UnitOfWork, gathered: Gathered, *, at: datetime) -> None:
    """Write everything: records in the order of ``KEPT``, then time, then closed months."""
    practice = _practice(gathered)
    add_practice_row(unit, practice)
    for kind in KEPT:
        if kind != _PRACTICE:
            rows = gathered.rows(kind, practice.id)
            while part := list(islice(rows, _AT_A_TIME)):
                add_in_bulk(unit, part)
        gathered.records[kind].clear()
    _append(unit, in_order(entry for _, entry in gathered.entries), practice, at=at)
    issued = (bill for _, bill in gathered.issued)
    write_closes(unit, practice.id, issued, gathered.closed, at=at)


def _practice(gathered: Gathered) -> PracticeRow:
    (practice,) = gathered.rows(_PRACTICE, "")
    return cast("PracticeRow", practice)


def _append(
    unit: UnitOfWork, entries: Sequence[TimeEntry], practice: PracticeRow, *, at: datetime
) -> None:
    """Append time to the ledger in its old order."""
    if practice.is_sample:
        append_entries(unit, entries, practice=practice_of(practice), at=at)
        return
    zone = zone_named(practice.time_zone)
    drafts = (
        draft_of(
            entry,
            practice_id=practice.id,
            service_day=local_day(entry.started_at, zone),
            recorded_at=recorded_at,
        )
        for entry, recorded_at in zip(entries, recorded_again(entries, at=at), strict=True)
    )
    while part := tuple(islice(drafts, _AT_A_TIME)):
        unit.ledger.append(part)


def _lines(gathered: Gathered) -> tuple[str, ...]:
    """Return what is brought back, and what to know about it."""
    counts = {kind: len(held) for kind, held in gathered.records.items()}
    counts |= {"time-entry": len(gathered.entries), "superbill": len(gathered.issued)}
    issued: list[Issued] = [bill for _, bill in gathered.issued]
    billed = {bill.month for bill in issued}
    zone = zone_named(_practice(gathered).time_zone)
    adjusted = set(changed_later(issued, (entry for _, entry in gathered.entries), zone))
    if gathered.closed:
        adjusted |= billed - gathered.closed
    lines = [f"{kind}: {count}" for kind, count in counts.items() if count]
    lines += [
        f"{month.in_words} is closed, and what was issued stands."
        for month in sorted(billed | gathered.closed)
    ]
    lines += [
        f"{month.in_words} was open for an adjustment. It is closed here; reopen it to go on."
        for month in sorted(adjusted)
    ]
    has_access = any(held.record.get("access") for held in gathered.records["staff"])
    if has_access and not _practice(gathered).is_sample:
        lines.append("Nobody can sign in yet: an export holds no passwords.")
    return tuple(lines)
