"""Issued documents: superbills with their numbers, versions and lines, and what was decided."""

import hashlib
import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, and_, exists, select

from trellis_core.errors import InvalidValueError
from trellis_core.rules.rulebook import fingerprint_of
from trellis_core.services.integrity.chains import JOURNAL, Span, raw_rows
from trellis_core.services.integrity.report import Found
from trellis_core.services.kept_rule_books import files_of
from trellis_core.store.tables import (
    MONTH_DETERMINATION,
    SUPERBILL,
    SUPERBILL_LINE,
    TrellisTable,
)
from trellis_core.superbill.issued import claim_of, superbill_of, unpacked
from trellis_core.values.money import cents_of

_LARGEST_DOCUMENT: Final = 64_000_000
_THREADS: Final = 2
_AT_ONCE: Final = 100


def add(found: Found, said: str, practice_id: str, event: int | None = None) -> None:
    """Note that closes and what they issued do not agree.

    Args:
        found: Where.
        said: A sentence, with or without its full stop.
        practice_id: Whose.
        event: The close's number in the journal, where it is about one.
    """
    found.add(
        "L014",
        said if said.endswith(".") else f"{said}.",
        practice_id=practice_id,
        chain=None if event is None else JOURNAL.name,
        seq=event,
    )


def month_name(ym: int) -> str:
    """Return a month as people write it."""
    return f"{ym // 100}-{ym % 100:02d}"


def check_superbills(connection: Connection, span: Span, found: Found) -> None:
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
            add(found, missing, practice_id)
        if (version == 1) != (replaces is None) or (version != 1 and earlier is None):
            add(
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
        add(found, f"A line of superbill {number} belongs to no such superbill", practice_id)


def check_documents(connection: Connection, span: Span, found: Found) -> None:
    """Unpack every issued document, compare its digest, and the rows beside it with what it says."""
    bill, decided = SUPERBILL.c, MONTH_DETERMINATION.c
    lines = _lines(connection, span)
    bills = select(
        bill.practice_id, bill.number, bill.sha256, bill.document, *(bill[name] for name in _BILL)
    ).where(*span.of(SUPERBILL))
    decisions = select(
        decided.practice_id, decided.patient_id, decided.sha256, decided.document, decided.ym
    ).where(*span.of(MONTH_DETERMINATION))
    with ThreadPoolExecutor(max_workers=_THREADS) as beside:
        for batch in raw_rows(connection, bills):
            read = _read(beside, batch)
            for (practice_id, number, _, _, *row), document in zip(batch, read, strict=True):
                problem = (
                    "is not the document that was issued: its digest does not fit"
                    if document is None
                    else _bill_problem(document, number, row, lines[practice_id, number])
                )
                if problem is not None:
                    add(found, f"Superbill {number} {problem}", practice_id)
        for batch in raw_rows(connection, decisions):
            read = _read(beside, batch)
            for (practice_id, patient_id, _, _, ym), document in zip(batch, read, strict=True):
                if document is None:
                    add(
                        found,
                        f"What the close of {month_name(ym)} decided for patient '{patient_id}' is not "
                        "what was written: its digest does not fit",
                        practice_id,
                    )


def check_claims(connection: Connection, span: Span, found: Found) -> None:
    """See that each version says rightly whether a claim of the one before must be corrected."""
    bill, before = SUPERBILL.c, SUPERBILL.alias("before")
    rows = select(
        bill.practice_id,
        bill.number,
        bill.changes_claim,
        bill.sha256,
        bill.document,
        before.c.sha256,
        before.c.document,
    ).select_from(
        SUPERBILL.join(
            before,
            and_(before.c.practice_id == bill.practice_id, before.c.number == bill.replaces),
        )
    )
    for batch in raw_rows(connection, rows.where(*span.of(SUPERBILL))):
        for practice_id, number, changes_claim, *documents in batch:
            try:
                now, then = (
                    claim_of(superbill_of(unpacked(document, digest)))
                    for digest, document in (documents[:2], documents[2:])
                )
            except (InvalidValueError, TypeError):
                continue  # told where every document is read
            if changes_claim != int(now != then):
                add(
                    found,
                    f"Superbill {number} says wrongly whether a claim must be corrected",
                    practice_id,
                )


def check_rule_books(connection: Connection, span: Span, found: Found) -> None:
    """See that every rule book that a close kept has the fingerprint under which it was kept."""
    kept = TrellisTable.metadata.tables["kept_rule_book"]
    rows = select(kept.c.practice_id, kept.c.version, kept.c.fingerprint, kept.c.document)
    for batch in raw_rows(connection, rows.where(*span.of(kept))):
        for practice_id, version, fingerprint, document in batch:
            files = files_of(document)
            if files is None or fingerprint_of(files) != fingerprint:
                add(
                    found,
                    f"The rule book {version} that a close kept is not the one it closed with: its "
                    "fingerprint does not fit",
                    practice_id,
                )


def _read(beside: ThreadPoolExecutor, rows: Sequence[Any]) -> Iterator[bytes | None]:
    """Unpack the documents of some rows, whose third column is the digest and the fourth the document."""
    if len(rows) <= _AT_ONCE:
        yield from _all_unpacked(rows)
        return
    parts = (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))
    for read in beside.map(_all_unpacked, parts):
        yield from read


def _all_unpacked(rows: Sequence[Any]) -> list[bytes | None]:
    return [_unpacked(row[2], row[3]) for row in rows]


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


_BILL: Final = (
    *("superbill_id", "version", "replaces", "ym", "period", "patient_id", "issued_at"),
    "changes_claim",
)
_LINE: Final = ("program", "code", "units", "date_of_service")
_AMOUNTS: Final = ("allowed", "charge")
_NOT_KEPT: Final = (None, None)
"""Amounts of a line of before they were kept: they are read from the document."""

_Line = tuple[object, ...]


def _lines(connection: Connection, span: Span) -> dict[tuple[str, int], list[_Line]]:
    """Return the lines of each superbill as the table has them."""
    line = SUPERBILL_LINE.c
    found: dict[tuple[str, int], list[_Line]] = defaultdict(list)
    rows = select(
        line.practice_id,
        line.number,
        line.line_id,
        *(line[name] for name in _LINE),
        line.billing_practitioner,
        *(line[f"{name}_cents"] for name in _AMOUNTS),
    ).where(*span.of(SUPERBILL_LINE))
    for batch in raw_rows(connection, rows):
        for practice_id, number, *parts in batch:
            found[practice_id, number].append(tuple(parts))
    return found


def _bill_problem(
    document: bytes, number: int, row: list[object], lines: list[_Line]
) -> str | None:
    """Return how the rows of a superbill differ from its document; None where they do not."""
    try:
        told = json.loads(document)["superbill"]
        closed, month = told["closed"], told["service_month"]
        said = [
            told["number"],
            told["id"],
            told["version"],
            told["replaces"],
            month["year"] * 100 + month["month"],
            closed["period"],
            told["patient"]["id"],
            int(datetime.fromisoformat(closed["at"]).timestamp()),
        ]
        billing = (told["billing"] or {}).get("staff_id")
        listed = _numbered(told["lines"], billing)
    except (ArithmeticError, ValueError, KeyError, TypeError, RecursionError):
        return "holds a document that is no superbill"
    *stored, changes_claim = row
    if said != [number, *stored] or (told["version"] == 1 and changes_claim != 1):
        return "has columns that differ from its document"
    if not _agree(listed, sorted(lines, key=repr)):
        return "has lines that differ from its document"
    return None


def _agree(listed: Sequence[_Line], stored: Sequence[_Line]) -> bool:
    """Say whether lines are what the document says; amounts that were not kept agree with any."""
    amounts = len(_AMOUNTS)
    return len(listed) == len(stored) and all(
        said[:-amounts] == kept[:-amounts] and kept[-amounts:] in {_NOT_KEPT, said[-amounts:]}
        for said, kept in zip(listed, stored, strict=True)
    )


def _cents(amount: str | None) -> int | None:
    return None if amount is None else cents_of(Decimal(amount))


def _numbered(lines: list[dict[str, Any]], billing: object) -> list[_Line]:
    """Return a document's lines as the table has them: an id that comes again gets a number."""
    given: Counter[object] = Counter()
    listed: list[_Line] = []
    for line in lines:
        given[line["id"]] += 1
        again = f"-{given[line['id']]}" if given[line["id"]] > 1 else ""
        amounts = (_cents(line[name]) for name in _AMOUNTS)
        told = (line[name] for name in _LINE)
        listed.append((f"{line['id']}{again}", *told, billing, *amounts))
    return sorted(listed, key=repr)
