"""Proving that what was acknowledged is stored, and saying how much that was."""

from dataclasses import dataclass

from sqlalchemy import text

from tests.support.fault_writers import AT_ONCE, Acknowledged
from trellis_core.services.integrity import check_store
from trellis_core.store.engine import Store

FIGURES: list[str] = []
"""What each test counted; printed when all are done."""


def say(figures: str) -> None:
    """Keep a line for the end of the run."""
    FIGURES.append(figures)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store holds.

    Attributes:
        entries: Id, number and code of each entry, reversals included.
        reversals: Those among them that take another one back; a correction's receipt is of the
            entry that replaces it.
        records: Ids of consents that have their event in the journal.
        running: Entry ids of running timers.
    """

    entries: frozenset[tuple[str, int, str]]
    reversals: frozenset[tuple[str, int, str]]
    records: frozenset[str]
    running: frozenset[str]


def stored(store: Store) -> Stored:
    """Read what a store holds, past every service."""
    with store.reading() as unit:
        entries = unit.connection.execute(text("SELECT entry_id, seq, hash, kind FROM entry")).all()
        links = [(row.entry_id, row.seq, bytes(row.hash).hex()[:8]) for row in entries]
        records = unit.connection.execute(
            text(
                "SELECT c.id FROM consent AS c JOIN event AS e ON e.practice_id = c.practice_id "
                "AND e.subject_kind = 'consent' AND e.subject_id = c.id AND e.kind = 'recorded'"
            )
        ).scalars()
        loose = unit.connection.execute(
            text(
                "SELECT count(*) FROM consent AS c WHERE NOT EXISTS (SELECT 1 FROM event AS e "
                "WHERE e.subject_kind = 'consent' AND e.subject_id = c.id)"
            )
        ).scalar()
        assert loose == 0, "A record was saved without its event."
        timers = unit.connection.execute(text("SELECT entry_id FROM running_timer")).scalars()
        return Stored(
            entries=frozenset(links),
            reversals=frozenset(
                link for link, row in zip(links, entries, strict=True) if row.kind == "reversal"
            ),
            records=frozenset(records),
            running=frozenset(timers),
        )


def prove(store: Store, said: Acknowledged, *, name: str, more: str = "", unsaid: int = 0) -> None:
    """Compare what was acknowledged with what is stored, and check every chain.

    Args:
        store: The store.
        said: What its writers were told.
        name: What was done to them.
        more: Figures to print besides.
        unsaid: How many units of work may have been saved without an acknowledgement.
    """
    kept = stored(store)
    unanswered = kept.entries - kept.reversals - said.entries
    lost = said.entries - kept.entries
    numbers = sorted(number for _, number, _ in kept.entries)
    ids = {entry_id for entry_id, _, _ in kept.entries}
    report = check_store(store)
    say(
        f"{name}: {more}{', ' if more else ''}acknowledged {len(said.entries)} entries and "
        f"{len(said.records)} records, lost {len(lost) + len(said.records - kept.records)}, "
        f"saved without an answer {len(unanswered)}, "
        f"findings {len(report.findings)}"
    )
    assert said.raw == ()
    assert lost == set()
    assert said.records <= kept.records
    assert said.timers <= ids | kept.running
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(ids) == len(numbers)
    assert len(unanswered) <= unsaid * AT_ONCE
    assert report.ok, report.findings[:5]
