"""Changing a store's file around Trellis."""

from datetime import UTC, date, datetime

import pysqlite3

from trellis_core.ledger.chain import ENTRY_DOMAIN, chained_hash
from trellis_core.ledger.journal import EVENT_DOMAIN
from trellis_core.sample import load_sample
from trellis_core.services.integrity import CheckReport
from trellis_core.store.engine import Store
from trellis_core.store.guards_sqlite import SQLITE_TRIGGERS

Statement = str | tuple[str, tuple[object, ...]]

SAMPLE_DAY = date(2026, 11, 20)
SAMPLE_MADE = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
_DOMAINS = {"entry": ENTRY_DOMAIN, "event": EVENT_DOMAIN}


def tamper(store: Store, *statements: Statement) -> None:
    """Change the file around Trellis: guards dropped, the change made, guards put back."""
    other = pysqlite3.connect(store.path, isolation_level=None)
    for name in SQLITE_TRIGGERS:
        other.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        if isinstance(statement, str):
            other.execute(statement)
        else:
            other.execute(*statement)
    for text in SQLITE_TRIGGERS.values():
        other.execute(text.strip())
    other.close()


def rewritten(store: Store, table: str, start: int, old: str, new: str) -> list[Statement]:
    """Return what writes a chain of the first practice anew from a link on, with right hashes.

    Args:
        store: The store.
        table: ``entry`` or ``event``.
        start: The first link that is written anew.
        old: What its body said.
        new: What it says instead.
    """
    with store.reading() as unit:
        rows = unit.connection.exec_driver_sql(
            f"SELECT practice_id, seq, prev, body FROM {table} WHERE seq >= {start} "
            f"AND practice_id = (SELECT min(practice_id) FROM {table}) ORDER BY seq"
        ).all()
    head = "ledger_head" if table == "entry" else "journal_head"
    prev, made = rows[0].prev, []
    for row in rows:
        text = row.body.replace(old, new, 1) if row.seq == start else row.body
        digest = chained_hash(_DOMAINS[table], prev, text)
        made.append(
            (
                f"UPDATE {table} SET prev = ?, hash = ?, body = ? WHERE practice_id = ? AND seq = ?",
                (prev, digest, text, row.practice_id, row.seq),
            )
        )
        prev = digest
    made.append((f"UPDATE {head} SET hash = ? WHERE practice_id = ?", (prev, rows[0].practice_id)))
    return made


def codes(report: CheckReport) -> set[tuple[str, int | None]]:
    """Return the codes found, each with its place in a chain."""
    return {(finding.code, finding.seq) for finding in report.findings}


def messages(report: CheckReport, code: str) -> list[str]:
    """Return what was said under one code."""
    return [finding.message for finding in report.findings if finding.code == code]


def sample(store: Store) -> None:
    """Load the sample practice as it stands on 20 November 2026."""
    load_sample(store, day=SAMPLE_DAY)
