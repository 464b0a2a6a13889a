"""A first look at a file: its columns with samples, what they probably say, how its days are written."""

from collections.abc import Mapping
from dataclasses import dataclass

from trellis_core.access import Actor, Operation, require
from trellis_core.services.access_log import audited
from trellis_core.services.imports.cells import order_of
from trellis_core.services.imports.columns import (
    DATES,
    DayOrder,
    ImportKind,
    guess,
    open_file,
    samples,
    values_of,
)
from trellis_core.store.engine import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLook:
    """What a file is like.

    Attributes:
        headings: One a column.
        samples: Of each column, some of its values; none of a column that is left out.
        columns: Field to column, as guessed; the first column is 1.
        left_out: Columns of Social Security numbers.
        rows: How many rows it has.
    """

    headings: tuple[str, ...]
    samples: tuple[tuple[str, ...], ...]
    columns: Mapping[str, int]
    left_out: frozenset[int]
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOrders:
    """How the days of a file are written.

    Attributes:
        is_asked: Some can be read in both ways, as 03/04/1950.
        shown: The order that the others are in; None where they show none, or both.
    """

    is_asked: bool
    shown: DayOrder | None


@audited
def look_at(content: bytes, *, kind: ImportKind, store: Store, actor: Actor) -> FileLook:
    """Return what a file is like; nothing is stored.

    Raises:
        PermissionDeniedError: The actor may not import.
        CommandRefusedError: The file cannot be read.
    """
    del store  # whoever may not import is told to its journal
    require(actor, Operation.IMPORT_RECORDS)
    table = open_file(content)
    guessed = guess(table, kind)
    return FileLook(
        headings=table.headings,
        samples=tuple(
            () if place in guessed.left_out else samples(table, place)
            for place in range(1, len(table.headings) + 1)
        ),
        columns=guessed.columns,
        left_out=guessed.left_out,
        rows=len(table.rows),
    )


def day_orders(content: bytes, columns: Mapping[str, int], kind: ImportKind) -> DayOrders:
    """Return how the days of the chosen columns are written, all of them together.

    Raises:
        CommandRefusedError: The file cannot be read.
    """
    table = open_file(content)
    seen, is_asked = order_of(
        values_of(table, [columns[key] for key in DATES[kind] if key in columns])
    )
    return DayOrders(is_asked=is_asked, shown=next(iter(seen)) if len(seen) == 1 else None)
