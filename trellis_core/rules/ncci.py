"""CMS's correct-coding tables: how many units are payable, and which codes exclude each other.

Both are published per date of service. Past the newest edition on file the newest applies, and
says how old it is; before the first edition nothing is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from trellis_core.rules.published import Provenance, PublishedTable, TableKind, rows_of
from trellis_core.values.periods import ServiceMonth, months_between


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCap:
    """The most units of a code that are payable for one date of service.

    Attributes:
        mai: Who may go beyond it: 2 nobody (policy), 3 nobody without clinical grounds.
        effective: First day of the edition it is from.
        source: The edition in words.
        note: Says when the edition is older than the date of service; else empty.
    """

    code: str
    units: int
    mai: str
    effective: date
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairEdit:
    """Two codes that may not be paid together on one date of service.

    Attributes:
        modifier_indicator: ``0`` never, ``1`` a modifier may allow it, ``9`` deleted.
        deleted_on: Last day of the edit; None while it lasts.
    """

    column1: str
    column2: str
    modifier_indicator: str
    deleted_on: date | None
    effective: date
    source: str


class CodingEdits:
    """The unit caps and pair edits of every edition on file."""

    def __init__(
        self, tables: Sequence[PublishedTable] = (), problems: list[str] | None = None
    ) -> None:
        """Take the tables; add a sentence to ``problems`` for every row that does not read."""
        found: list[str] = [] if problems is None else problems
        newest_first = sorted(tables, key=lambda each: each.provenance.effective_from, reverse=True)
        self._editions = tuple(table.provenance for table in newest_first)
        self._caps = tuple(
            (table.provenance, {cap.code: cap for cap in _caps(table, found)})
            for table in newest_first
            if table.provenance.kind is TableKind.MUE
        )
        self._pairs = tuple(
            (
                table.provenance.effective_from,
                {
                    frozenset((edit.column1, edit.column2)): edit
                    for edit in sorted(_pairs(table, found), key=lambda each: not each.deleted_on)
                },
            )
            for table in newest_first
            if table.provenance.kind is TableKind.PTP
        )

    def unit_cap(self, code: str, on: date) -> UnitCap | None:
        """Return the cap on a date of service; None where the edition of that day has none."""
        for provenance, caps in self._caps:
            if provenance.effective_from <= on:
                cap = caps.get(code)
                if cap is None or provenance.covers(on):
                    return cap
                words = edition_words(provenance, on)
                return replace(cap, note=f"{words[:1].upper()}{words[1:]}.")
        return None

    def age_words(self, kind: TableKind, on: date) -> str:
        """Say which edition of the caps (``MUE``) or pairs (``PTP``) holds on a day, and how old it is."""
        for provenance in self._editions:
            if provenance.kind is kind and provenance.effective_from <= on:
                return edition_words(provenance, on)
        return f"no table on file for {on.isoformat()}"

    def pair_edit(self, one: str, other: str, on: date) -> PairEdit | None:
        """Return the edit between two codes, whichever comes first; None where there is none."""
        for effective, pairs in self._pairs:
            if effective <= on:
                edit = pairs.get(frozenset((one, other)))
                is_over = edit is not None and edit.deleted_on is not None and edit.deleted_on < on
                return None if is_over else edit
        return None


def edition_words(provenance: Provenance, on: date) -> str:
    """Say which edition a table is and, past its last day, how old it is on a day.

    Example:
        >>> from trellis_core.rules.rulebook import load_rule_book
        >>> load_rule_book().coding_edits.age_words(TableKind.MUE, date(2026, 11, 30))
        'table of 2024-07-01, newest on file, 28 months old on 2026-11-30'
    """
    table = f"table of {provenance.effective_from.isoformat()}"
    if provenance.covers(on):
        return table
    months = months_between(ServiceMonth.of(provenance.effective_from), ServiceMonth.of(on))
    old = f"{months} months" if months != 1 else "1 month"
    return f"{table}, newest on file, {old} old on {on.isoformat()}"


def _caps(table: PublishedTable, problems: list[str]) -> Sequence[UnitCap]:
    provenance = table.provenance
    return rows_of(
        table,
        lambda row: UnitCap(
            code=row["code"],
            units=int(row["units"]),
            mai=row["mai"],
            effective=provenance.effective_from,
            source=provenance.source,
        ),
        problems,
    )


def _pairs(table: PublishedTable, problems: list[str]) -> Sequence[PairEdit]:
    provenance = table.provenance
    return rows_of(
        table,
        lambda row: PairEdit(
            column1=row["column1"],
            column2=row["column2"],
            modifier_indicator=row["modifier_indicator"],
            deleted_on=date.fromisoformat(row["deleted_on"]) if row["deleted_on"] else None,
            effective=provenance.effective_from,
            source=provenance.source,
        ),
        problems,
    )
