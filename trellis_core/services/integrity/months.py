"""Closes, superbills and what was decided, compared with each other and with the ledger.

A close is an event that says how the ledger stood, what was issued, and a digest of every document.
Its mark, the documents and the entries of its month must agree with it.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, and_, exists, select

from trellis_core.ledger.journal import EventKind
from trellis_core.services.integrity.chains import JOURNAL, LEDGER, Span, raw_rows
from trellis_core.services.integrity.documents import (
    add,
    check_claims,
    check_documents,
    check_rule_books,
    check_superbills,
    month_name,
)
from trellis_core.services.integrity.report import Found
from trellis_core.store.tables import (
    ENTRY,
    EVENT,
    MONTH_DETERMINATION,
    MONTH_MARK,
    SUPERBILL,
)

_OF_MONTHS: Final = (EventKind.MONTH_CLOSED.value, EventKind.MONTH_REOPENED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """A close or reopening with its event's columns, as far as there is one."""

    practice_id: str
    ym: int
    number: int
    event_seq: int
    ledger_seq: int
    recorded_at: int
    kind: str | None
    details: str | None
    event_ledger_seq: int | None
    event_recorded_at: int | None

    @property
    def is_close(self) -> bool:
        return self.number % 2 == 1

    @property
    def period(self) -> int:
        return (self.number - 1) // 2

    @property
    def called(self) -> str:
        return f"The {'close' if self.is_close else 'reopening'} of {month_name(self.ym)}"


def check_months(connection: Connection, span: Span, found: Found) -> None:
    """Compare closes with their events, documents with their digests, and entries with closes."""
    marks = _marks(connection, span)
    _check_marks(connection, span, marks, found)
    _check_late_entries(connection, span, marks, found)
    if span.is_whole:
        check_superbills(connection, span, found)
        check_documents(connection, span, found)
        check_claims(connection, span, found)
        check_rule_books(connection, span, found)
        _check_digests(connection, span, marks, found)


def _marks(connection: Connection, span: Span) -> list[_Mark]:
    columns = MONTH_MARK.c
    rows = connection.execute(
        select(
            *(columns[name] for name in ("practice_id", "ym", "number", "event_seq")),
            *(columns[name] for name in ("ledger_seq", "recorded_at")),
            EVENT.c.kind,
            EVENT.c.details,
            EVENT.c.ledger_seq,
            EVENT.c.recorded_at,
        )
        .select_from(
            MONTH_MARK.outerjoin(
                EVENT,
                and_(EVENT.c.practice_id == columns.practice_id, EVENT.c.seq == columns.event_seq),
            )
        )
        .where(*span.of(MONTH_MARK))
        .order_by(columns.practice_id, columns.ym, columns.number)
    )
    names = tuple(_Mark.__dataclass_fields__)
    return [_Mark(**dict(zip(names, row, strict=True))) for row in rows]


def _check_marks(connection: Connection, span: Span, marks: list[_Mark], found: Found) -> None:
    """See that closes and reopenings follow in turn, each with an event that says the same."""
    counted: dict[tuple[str, int], int] = defaultdict(int)
    for mark in marks:
        counted[mark.practice_id, mark.ym] += 1
        problem = _mark_problem(mark, counted[mark.practice_id, mark.ym])
        if problem is not None:
            add(found, f"{mark.called} {problem}.", mark.practice_id, mark.event_seq)
    unmarked = select(EVENT.c.practice_id, EVENT.c.seq, EVENT.c.kind, EVENT.c.subject_id).where(
        EVENT.c.kind.in_(_OF_MONTHS),
        ~exists().where(
            MONTH_MARK.c.practice_id == EVENT.c.practice_id, MONTH_MARK.c.event_seq == EVENT.c.seq
        ),
        *span.of(EVENT, JOURNAL),
    )
    for practice_id, seq, kind, month in connection.execute(unmarked):
        said = "closed" if kind == EventKind.MONTH_CLOSED.value else "reopened"
        add(
            found,
            f"Event {seq} {said} the month {month}, but the store no longer says so",
            practice_id,
            seq,
        )


def _mark_problem(mark: _Mark, expected: int) -> str | None:
    wanted = _OF_MONTHS[0] if mark.is_close else _OF_MONTHS[1]
    told = _details(mark.details)
    if mark.number != expected:
        return f"has the number {mark.number}; the next of that month is {expected}"
    if mark.kind != wanted:
        return f"has no event: event {mark.event_seq} is not one"
    if (mark.ledger_seq, mark.recorded_at) != (mark.event_ledger_seq, mark.event_recorded_at):
        return f"was changed: event {mark.event_seq} names another end of the ledger or time"
    said = {"ym": mark.ym, "ledger_seq": mark.ledger_seq} | (
        {"period": mark.period} if mark.is_close else {}
    )
    if any(told.get(name, value) != value for name, value in said.items()):
        return f"was changed: event {mark.event_seq} says something else"
    return None


def _details(text: object) -> Mapping[str, Any]:
    try:
        told = json.loads(text)  # type: ignore[arg-type]
    except (ValueError, TypeError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _check_late_entries(
    connection: Connection, span: Span, marks: list[_Mark], found: Found
) -> None:
    """Look for entries that came into a month while it was closed."""
    following = {(mark.practice_id, mark.ym, mark.number): mark for mark in marks}
    for mark in marks:
        if not mark.is_close:
            continue
        reopened = following.get((mark.practice_id, mark.ym, mark.number + 1))
        late = select(ENTRY.c.seq, ENTRY.c.entry_id).where(
            ENTRY.c.practice_id == mark.practice_id,
            ENTRY.c.ym == mark.ym,
            ENTRY.c.seq > max(mark.ledger_seq, span.start(LEDGER)),
        )
        if reopened is not None:
            late = late.where(ENTRY.c.seq <= reopened.ledger_seq)
        for seq, entry_id in connection.execute(late):
            found.add(
                "L015",
                f"Entry {seq} lies in {month_name(mark.ym)}, which was closed before it came.",
                practice_id=mark.practice_id,
                chain=LEDGER.name,
                seq=seq,
                subject_ids=(entry_id,),
            )


def _check_digests(connection: Connection, span: Span, marks: list[_Mark], found: Found) -> None:
    """Compare each close's digest with the documents that are there, and find those without one."""
    digests: dict[tuple[str, int, int], list[str]] = defaultdict(list)
    numbers: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    for (practice_id, ym, period), kind, name, digest in _issued(connection, span):
        digests[practice_id, ym, period].append(f"{kind} {name} {digest}\n")
        if kind == "S":
            numbers[practice_id, ym, period].append(int(name))
    for mark in marks:
        if not mark.is_close:
            continue
        key = (mark.practice_id, mark.ym, mark.period)
        told = _details(mark.details)
        documents = "".join(sorted(digests.pop(key, ())))
        if "digest" in told and told["digest"] != hashlib.sha256(documents.encode()).hexdigest():
            add(
                found,
                f"{mark.called} sealed other documents than there are: one was added, changed or "
                "taken away",
                mark.practice_id,
                mark.event_seq,
            )
        issued = sorted(numbers.get(key, ()))
        if "superbills" in told and told["superbills"] != (
            [issued[0], issued[-1]] if issued else None
        ):
            add(
                found,
                f"{mark.called} names other superbills than there are",
                mark.practice_id,
                mark.event_seq,
            )
    for practice_id, ym, period in sorted(digests):
        add(
            found,
            f"There are documents of {month_name(ym)} (period {period}), but no close of it",
            practice_id,
        )


def _issued(
    connection: Connection, span: Span
) -> Iterator[tuple[tuple[str, int, int], str, str, str]]:
    for kind, table, name in (("D", MONTH_DETERMINATION, "patient_id"), ("S", SUPERBILL, "number")):
        columns = (table.c[each] for each in ("practice_id", "ym", "period", name, "sha256"))
        for batch in raw_rows(connection, select(*columns).where(*span.of(table))):
            for practice_id, ym, period, subject, digest in batch:
                yield (practice_id, ym, period), kind, str(subject), digest
