"""Reading the ledger in bulk: one statement, whatever the number of entries."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, TypeVar

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    select,
)

from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.ledger.chain import EntryKind, note_hmac, parse_body, receipt_code
from trellis_core.ledger.entries import TimeEntry
from trellis_core.store.mapping import instant_of
from trellis_core.store.tables import ENTRY, ENTRY_NOTE, WITHHELD_NOTE
from trellis_core.store.unit_of_work import Appended, UnitOfWork
from trellis_core.values.periods import ServiceMonth

_E = ENTRY.alias("e")
_N = ENTRY_NOTE.alias("n")
_TAKEN_BACK = ENTRY.alias("taken_back")
_TAKEN_BACK_NOTE = ENTRY_NOTE.alias("taken_back_note")
_REPLACED = ENTRY.alias("replaced")
_REPLACED_NOTE = ENTRY_NOTE.alias("replaced_note")
_W = WITHHELD_NOTE.alias("withheld")
_TAKEN_BACK_W = WITHHELD_NOTE.alias("taken_back_withheld")
_REPLACED_W = WITHHELD_NOTE.alias("replaced_withheld")

_Word = TypeVar("_Word", bound=StrEnum)


def _words(kind: type[_Word]) -> Mapping[str, _Word]:
    return {word.value: word for word in kind}


_PROGRAMS: Final = _words(Program)
_ACTIVITIES: Final = _words(Activity)
_MODES: Final = _words(EntryMode)
_CONTACTS: Final = _words(ContactState)


def read_entries(
    unit: UnitOfWork,
    practice_id: str,
    *,
    month: ServiceMonth | None = None,
    patient_ids: Collection[str] | None = None,
    program: Program | None = None,
    entry_ids: Collection[str] | None = None,
) -> tuple[TimeEntry, ...]:
    """Return the entries of time of a practice, reversed ones flagged, in the ledger's order.

    Those of a month, or by name, are put in order here: an order of its own would lead the database
    through the whole ledger to find them.

    Args:
        unit: The unit of work.
        practice_id: Whose ledger.
        month: The service month; None for all.
        patient_ids: Only of these patients.
        program: Only of this program.
        entry_ids: Only these.
    """
    chosen = _all_entries().where(_E.c.practice_id == practice_id)
    if month is not None:
        chosen = chosen.where(_E.c.ym == month.ym)
    if patient_ids is not None:
        chosen = chosen.where(_E.c.patient_id.in_(patient_ids))
    if program is not None:
        chosen = chosen.where(_E.c.program == program.value)
    if entry_ids is not None:
        chosen = chosen.where(_E.c.entry_id.in_(entry_ids))
    if month is None and entry_ids is None:
        return tuple(_entry(row) for row in unit.connection.execute(chosen))
    found = [_entry(row) for row in unit.connection.execute(chosen.order_by(None))]
    return tuple(sorted(found, key=attrgetter("seq")))


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryTotals:
    """A month's entries in sum.

    Attributes:
        entries: Of time, with those that were taken back.
        taken_back: How many of them were.
        seconds: Of those that stand.
    """

    entries: int
    taken_back: int
    seconds: int


def read_totals(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth, programs: Collection[Program] = ()
) -> EntryTotals:
    """Return a month's entries in sum, from the index of the month alone.

    Args:
        unit: The unit of work.
        practice_id: Whose ledger.
        month: The service month.
        programs: Only of these; none for all.
    """
    taken_back = func.coalesce(func.sum(case((ENTRY.c.seconds < 0, 1), else_=0)), 0)
    statement = select(func.count(), taken_back, func.coalesce(func.sum(ENTRY.c.seconds), 0))
    rows, reversals, seconds = unit.connection.execute(
        statement.where(*_of_month(ENTRY, practice_id, month, programs))
    ).one()
    return EntryTotals(
        entries=int(rows) - int(reversals), taken_back=int(reversals), seconds=int(seconds)
    )


def read_page(
    unit: UnitOfWork,
    practice_id: str,
    month: ServiceMonth,
    *,
    programs: Collection[Program] = (),
    by_start: bool,
    first: int,
    limit: int,
) -> tuple[TimeEntry, ...]:
    """Return a page of a month's entries of time, the newest first, reversed ones flagged.

    Args:
        unit: The unit of work.
        practice_id: Whose ledger.
        month: The service month.
        programs: Only of these; none for all.
        by_start: The work that began last comes first; else the entry that was added last.
        first: Entries before the page.
        limit: Entries on it.
    """
    one = ENTRY.alias("one")
    # Not by the column itself: its index leads through the whole ledger to find a month.
    order = [one.c.started_at.desc(), one.c.seq.desc()] if by_start else [(one.c.seq + 0).desc()]
    page = (
        select(one.c.seq)
        .where(*_of_month(one, practice_id, month, programs), one.c.seconds > 0)
        .order_by(*order)
        .limit(limit)
        .offset(first)
    )
    chosen = _all_entries().where(
        _E.c.practice_id == practice_id, _E.c.seq.in_(select(page.subquery().c.seq))
    )
    found = [_entry(row) for row in unit.connection.execute(chosen.order_by(None))]
    key = attrgetter("started_at", "seq") if by_start else attrgetter("seq")
    return tuple(sorted(found, key=key, reverse=True))


def _of_month(
    entry: FromClause, practice_id: str, month: ServiceMonth, programs: Collection[Program]
) -> list[ColumnElement[bool]]:
    where = [entry.c.practice_id == practice_id, entry.c.ym == month.ym]
    if programs:
        where.append(entry.c.program.in_(sorted(each.value for each in programs)))
    return where


def _all_entries() -> Select[Any]:
    return (
        select(
            _E.c.entry_id,
            _E.c.program,
            _E.c.staff_id,
            _E.c.started_at,
            _E.c.seconds,
            _E.c.activity,
            _E.c.patient_id,
            _shown(_N, _W),
            _E.c.condition,
            _E.c.patients_sharing,
            _E.c.billed_elsewhere,
            _E.c.separate_from_visit,
            _E.c.contact,
            _E.c.recorded_at,
            _E.c.replaces,
            _TAKEN_BACK.c.seq,
            _shown(_TAKEN_BACK_NOTE, _TAKEN_BACK_W),
            _shown(_REPLACED_NOTE, _REPLACED_W),
            _W.c.seq,
            _E.c.is_estimated,
            _E.c.mode,
            _E.c.author_id,
            _E.c.parent,
            _E.c.service_day,
            _E.c.seq,
            _E.c.hash,
        )
        .select_from(_E)
        .outerjoin(_TAKEN_BACK, _reverses(_TAKEN_BACK, _E.c.entry_id))
        .outerjoin(_REPLACED, _reverses(_REPLACED, _E.c.replaces))
        .outerjoin(_N, _goes_with(_N, _E))
        .outerjoin(_W, _goes_with(_W, _E))
        .outerjoin(_TAKEN_BACK_NOTE, _goes_with(_TAKEN_BACK_NOTE, _TAKEN_BACK))
        .outerjoin(_TAKEN_BACK_W, _goes_with(_TAKEN_BACK_W, _TAKEN_BACK))
        .outerjoin(_REPLACED_NOTE, _goes_with(_REPLACED_NOTE, _REPLACED))
        .outerjoin(_REPLACED_W, _goes_with(_REPLACED_W, _REPLACED))
        .where(_E.c.kind == EntryKind.TIME.value)
        .order_by(_E.c.seq)
    )


def _reverses(reversal: FromClause, entry_id: ColumnElement[str]) -> ColumnElement[bool]:
    return and_(reversal.c.practice_id == _E.c.practice_id, reversal.c.reverses == entry_id)


def _goes_with(text: FromClause, entry: FromClause) -> ColumnElement[bool]:
    return and_(text.c.practice_id == entry.c.practice_id, text.c.seq == entry.c.seq)


def _shown(note: FromClause, withheld: FromClause) -> ColumnElement[str | None]:
    """Return a note's words, and nothing where it is withheld."""
    return case((withheld.c.seq.is_(None), note.c.text))


def _entry(row: Row[*tuple[Any, ...]]) -> TimeEntry:
    (
        entry_id, program, staff_id, started_at, seconds, activity, patient_id, note, condition,
        sharing, elsewhere, separate, contact, recorded_at, replaces, taken_back, taken_back_because,
        replaced_because, withheld, is_estimated, mode, author_id, parent, service_day, seq, digest,
    ) = row  # fmt: skip
    return TimeEntry(
        id=entry_id,
        program=_PROGRAMS[program],
        staff_id=staff_id,
        started_at=instant_of(started_at),
        seconds=seconds,
        activity=_ACTIVITIES[activity],
        patient_id=patient_id,
        note=note or "",
        condition=condition,
        patients_sharing=sharing,
        billed_elsewhere=elsewhere == 1,
        separate_from_visit=None if separate is None else separate == 1,
        contact=None if contact is None else _CONTACTS[contact],
        recorded_at=instant_of(recorded_at),
        replaces=replaces,
        is_reversed=taken_back is not None,
        reason=(replaced_because if taken_back is None else taken_back_because) or "",
        is_note_withheld=withheld is not None,
        is_estimated=is_estimated == 1,
        mode=_MODES[mode],
        author_id=author_id,
        parent=parent,
        service_day=date.fromisoformat(service_day),
        seq=seq,
        code=receipt_code(digest),
    )


def find_entry(unit: UnitOfWork, practice_id: str, entry_id: str) -> Appended | None:
    """Return one entry, of either kind, as the ledger holds it; None where there is none."""
    return _found(unit, _BY_ID, practice_id, entry_id)


def find_reversal(unit: UnitOfWork, practice_id: str, entry_id: str) -> Appended | None:
    """Return the entry that took another one back; None where it stands."""
    return _found(unit, _BY_REVERSED, practice_id, entry_id)


def find_shared(unit: UnitOfWork, practice_id: str, entry_id: str) -> tuple[str, ...]:
    """Return the other patients' entries that stand of an activity that patients shared.

    As the rules know them: the same person, start, length and number of patients.
    """
    one, other, gone = ENTRY.alias("one"), ENTRY.alias("other"), ENTRY.alias("gone")
    same = ("practice_id", "kind", "staff_id", "started_at", "seconds", "patients_sharing")
    return tuple(
        unit.connection.execute(
            select(other.c.entry_id)
            .select_from(
                one.join(
                    other,
                    and_(
                        *(one.c[name] == other.c[name] for name in same),
                        one.c.entry_id != other.c.entry_id,
                    ),
                )
            )
            .where(
                one.c.practice_id == practice_id,
                one.c.entry_id == entry_id,
                one.c.patients_sharing > 1,
                ~exists().where(
                    gone.c.practice_id == other.c.practice_id, gone.c.reverses == other.c.entry_id
                ),
            )
            .order_by(other.c.seq)
        ).scalars()
    )


def was_written_with(unit: UnitOfWork, entry: Appended, words: str) -> bool:
    """Say whether these were an entry's words, also where nobody is shown them any more.

    Args:
        unit: The unit of work.
        entry: As it was found.
        words: In the form in which notes are stored.
    """
    if entry.note or entry.body.note_hmac is None:
        return entry.note == words
    salt = unit.connection.execute(
        select(ENTRY_NOTE.c.salt).where(
            ENTRY_NOTE.c.practice_id == entry.body.practice_id,
            ENTRY_NOTE.c.seq == entry.body.seq,
        )
    ).scalar_one_or_none()
    return salt is not None and note_hmac(bytes(salt), words) == entry.body.note_hmac


def _one_entry(which: ColumnElement[str]) -> Select[Any]:
    """Return what reads one entry: made once, because every append asks it."""
    return (
        select(ENTRY.c.body, ENTRY.c.hash, _shown(ENTRY_NOTE, WITHHELD_NOTE).label("text"))
        .select_from(ENTRY)
        .outerjoin(ENTRY_NOTE, _goes_with(ENTRY_NOTE, ENTRY))
        .outerjoin(WITHHELD_NOTE, _goes_with(WITHHELD_NOTE, ENTRY))
        .where(ENTRY.c.practice_id == bindparam("practice"), which == bindparam("entry"))
    )


_BY_ID: Final = _one_entry(ENTRY.c.entry_id)
_BY_REVERSED: Final = _one_entry(ENTRY.c.reverses)


def _found(
    unit: UnitOfWork, wanted: Select[Any], practice_id: str, entry_id: str
) -> Appended | None:
    row = unit.connection.execute(
        wanted, {"practice": practice_id, "entry": entry_id}
    ).one_or_none()
    if row is None:
        return None
    return Appended(body=parse_body(row.body), hash=bytes(row.hash), note=row.text or "")
