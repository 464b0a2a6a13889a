"""Closes, superbills and what was decided, compared with each other and with the ledger.

A close is an event that says how the ledger stood, what was issued, and a digest of every document.
Its mark, the documents and the entries of its month must agree with it.
"""

import hashlib
import json
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, and_, exists, select

from trellis_core.ledger.journal import EventKind
from trellis_core.services.integrity.chains import JOURNAL, LEDGER, Span, raw_rows
from trellis_core.services.integrity.report import Found
from trellis_core.store.tables import (
    ENTRY,
    EVENT,
    MONTH_DETERMINATION,
    MONTH_MARK,
    SUPERBILL,
    SUPERBILL_LINE,
)

_OF_MONTHS: Final = (EventKind.MONTH_CLOSED.value, EventKind.MONTH_REOPENED.value)
_LARGEST_DOCUMENT: Final = 64_000_000
_THREADS: Final = 2


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
        return f"The {'close' if self.is_close else 'reopening'} of {_month(self.ym)}"


def check_months(connection: Connection, span: Span, found: Found) -> None:
    """Compare closes with their events, documents with their digests, and entries with closes."""
    marks = _marks(connection, span)
    _check_marks(connection, span, marks, found)
    _check_late_entries(connection, span, marks, found)
    if span.is_whole:
        _check_superbills(connection, span, found)
        _check_documents(connection, span, found)
        _check_digests(connection, span, marks, found)


def _month(ym: int) -> str:
    return f"{ym // 100}-{ym % 100:02d}"


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
            _add(found, f"{mark.called} {problem}.", mark.practice_id, mark.event_seq)
    unmarked = select(EVENT.c.practice_id, EVENT.c.seq, EVENT.c.kind, EVENT.c.subject_id).where(
        EVENT.c.kind.in_(_OF_MONTHS),
        ~exists().where(
            MONTH_MARK.c.practice_id == EVENT.c.practice_id, MONTH_MARK.c.event_seq == EVENT.c.seq
        ),
        *span.of(EVENT, JOURNAL),
    )
    for practice_id, seq, kind, month in connection.execute(unmarked):
        said = "closed" if kind == EventKind.MONTH_CLOSED.value else "reopened"
        _add(
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
                f"Entry {seq} lies in {_month(mark.ym)}, which was closed before it came.",
                practice_id=mark.practice_id,
                chain=LEDGER.name,
                seq=seq,
                subject_ids=(entry_id,),
            )


def _check_superbills(connection: Connection, span: Span, found: Found) -> None:
    """See that superbills are numbered without gaps, and versions follow each other."""
    columns = SUPERBILL.c
    before = SUPERBILL.alias("before")
    rows = connection.execute(
        select(
            *(columns[name] for name in ("practice_id", "number", "version", "replaces")),
            before.c.number,
        )
        .select_from(
            SUPERBILL.outerjoin(
                before,
                and_(
                    before.c.practice_id == columns.practice_id,
                    before.c.number == columns.replaces,
                    before.c.superbill_id == columns.superbill_id,
                    before.c.version == columns.version - 1,
                    before.c.ym == columns.ym,
                    before.c.patient_id == columns.patient_id,
                ),
            )
        )
        .where(*span.of(SUPERBILL))
        .order_by(columns.practice_id, columns.number)
    )
    last: tuple[str, int] = ("", 0)
    for row in rows:
        practice_id, number, version, replaces, earlier = list(row)
        expected = last[1] + 1 if practice_id == last[0] else 1
        if number != expected:
            missing = (
                f"Superbill {expected} is missing"
                if number == expected + 1
                else f"Superbills {expected} to {number - 1} are missing"
                if number > expected
                else f"Superbill {number} has a number that none can have"
            )
            _add(found, missing, practice_id)
        if (version == 1) != (replaces is None) or (version != 1 and earlier is None):
            _add(
                found,
                f"Superbill {number} is version {version}, but what it replaces is not there",
                practice_id,
            )
        last = (practice_id, number)
    _check_lines(connection, span, found)


def _check_lines(connection: Connection, span: Span, found: Found) -> None:
    line = SUPERBILL_LINE.c
    stray = (
        select(line.practice_id, line.number)
        .where(
            ~exists().where(
                SUPERBILL.c.practice_id == line.practice_id,
                SUPERBILL.c.number == line.number,
                SUPERBILL.c.patient_id == line.patient_id,
                SUPERBILL.c.ym == line.ym,
            ),
            *span.of(SUPERBILL_LINE),
        )
        .distinct()
    )
    for practice_id, number in connection.execute(stray):
        _add(found, f"A line of superbill {number} belongs to no such superbill", practice_id)


def _check_documents(connection: Connection, span: Span, found: Found) -> None:
    """Unpack every issued document and compare its digest, beside the reading of the next ones."""
    bill, decided = SUPERBILL.c, MONTH_DETERMINATION.c
    lines = _lines(connection, span)
    bills = select(*(bill[name] for name in ("practice_id", "number", "sha256", "document"))).where(
        *span.of(SUPERBILL)
    )
    decisions = select(
        *(decided[name] for name in ("practice_id", "patient_id", "sha256", "document", "ym"))
    ).where(*span.of(MONTH_DETERMINATION))
    with ThreadPoolExecutor(max_workers=_THREADS) as beside:
        for batch in raw_rows(connection, bills):
            read = beside.map(_unpacked, (row[2] for row in batch), (row[3] for row in batch))
            for (practice_id, number, _, _), document in zip(batch, read, strict=True):
                if document is None:
                    _add(
                        found,
                        f"Superbill {number} is not the document that was issued: "
                        "its digest does not fit",
                        practice_id,
                    )
                elif not _has_lines(document, lines.get((practice_id, number), set())):
                    _add(
                        found,
                        f"The lines of superbill {number} are not those of its document",
                        practice_id,
                    )
        for batch in raw_rows(connection, decisions):
            read = beside.map(_unpacked, (row[2] for row in batch), (row[3] for row in batch))
            for (practice_id, patient_id, _, _, ym), document in zip(batch, read, strict=True):
                if document is None:
                    _add(
                        found,
                        f"What the close of {_month(ym)} decided for patient '{patient_id}' is not "
                        "what was written: its digest does not fit",
                        practice_id,
                    )


def _unpacked(told: object, document: object) -> bytes | None:
    """Return a document whose digest fits; None for any other."""
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(document, _LARGEST_DOCUMENT)  # type: ignore[arg-type]
    except (zlib.error, TypeError):
        return None
    if not unpacking.eof or unpacking.unused_data or hashlib.sha256(content).hexdigest() != told:
        return None
    return content


_Line = tuple[object, ...]
_LINE: Final = ("program", "code", "units", "date_of_service")


def _lines(connection: Connection, span: Span) -> dict[tuple[str, int], set[_Line]]:
    """Return the lines of each superbill as the table has them."""
    line = SUPERBILL_LINE.c
    found: dict[tuple[str, int], set[_Line]] = defaultdict(set)
    rows = select(line.practice_id, line.number, *(line[name] for name in _LINE)).where(
        *span.of(SUPERBILL_LINE)
    )
    for batch in raw_rows(connection, rows):
        for practice_id, number, *parts in batch:
            found[practice_id, number].add(tuple(parts))
    return found


def _has_lines(document: bytes, lines: set[_Line]) -> bool:
    """Say whether a document's lines are those of the table, as far as it lists lines."""
    try:
        told = json.loads(document)
    except (ValueError, RecursionError):
        return False
    listed = told.get("lines") if isinstance(told, dict) else None
    if not isinstance(listed, list):
        return True
    return {tuple(each.get(name) for name in _LINE) for each in listed} == lines


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
            _add(
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
            _add(
                found,
                f"{mark.called} names other superbills than there are",
                mark.practice_id,
                mark.event_seq,
            )
    for practice_id, ym, period in sorted(digests):
        _add(
            found,
            f"There are documents of {_month(ym)} (period {period}), but no close of it",
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


def _add(found: Found, said: str, practice_id: str, event: int | None = None) -> None:
    message = said if said.endswith(".") else f"{said}."
    found.add(
        "L014",
        message,
        practice_id=practice_id,
        chain=None if event is None else JOURNAL.name,
        seq=event,
    )
