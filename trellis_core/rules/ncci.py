"""CMS's correct-coding tables: how many units are payable, and which codes exclude each other.

Both are published per date of service. Past the newest edition on file the newest applies, and
says how old it is; before the first edition nothing is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from trellis_core.rules.published import PublishedTable, TableKind, rows_of


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
                age = (on - provenance.effective_from).days
                return replace(
                    cap,
                    note=f"The newest table on file is that of {cap.effective.isoformat()}, "
                    f"{age} days before the date of service.",
                )
        return None

    def pair_edit(self, one: str, other: str, on: date) -> PairEdit | None:
        """Return the edit between two codes, whichever comes first; None where there is none."""
        for effective, pairs in self._pairs:
            if effective <= on:
                edit = pairs.get(frozenset((one, other)))
                is_over = edit is not None and edit.deleted_on is not None and edit.deleted_on < on
                return None if is_over else edit
        return None


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
