"""Columns of data frames: kinds that say what a value is, and a frame made of rows.

Money is whole cents in a column whose name ends in ``_cents``: sums are exact, and an amount that is not on
file is ``<NA>``, which no sum takes for zero. ``in_dollars`` makes dollars of it for plots.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeAlias

import pandas as pd

from trellis_core.care.vocabulary import Program, Track
from trellis_core.services.board_rows import BoardState
from trellis_core.values.money import cents_of
from trellis_core.values.periods import ServiceMonth

Columns: TypeAlias = Mapping[str, Any]
"""Names in their order, each with its kind."""

TEXT: Final = "str"
WHOLE: Final = "Int64"
"""A whole number, or ``<NA>``."""
CENTS: Final = WHOLE
RATIO: Final = "Float64"
"""A number that was divided or estimated: for plots and plans, never an amount that anybody owes."""
DAY: Final = "datetime64[s]"
MONTH: Final = "period[M]"
PROGRAM: Final = pd.CategoricalDtype([each.value for each in Program])
TRACK: Final = pd.CategoricalDtype([each.value for each in Track])
STATE: Final = pd.CategoricalDtype([each.value for each in BoardState])

_CENTS_SUFFIX: Final = "_cents"
_CENTS_A_DOLLAR: Final = 100


def frame_of(rows: Iterable[tuple[object, ...]], columns: Columns) -> pd.DataFrame:
    """Return a frame of rows whose values are in the order of the columns."""
    table = list(rows)
    values = zip(*table, strict=True) if table else ((),) * len(columns)
    return pd.DataFrame(
        {
            name: pd.Series(list(each), dtype=kind)
            for (name, kind), each in zip(columns.items(), values, strict=True)
        }
    )


@cache
def period_of(month: ServiceMonth) -> pd.Period:
    """Return a service month as frames have it."""
    return pd.Period(year=month.year, month=month.month, freq="M")


def cents(amount: Decimal | None) -> int | None:
    """Return an amount as a frame has it; None where none is on file."""
    return None if amount is None else cents_of(amount)


def words(parts: Iterable[str]) -> str:
    """Return each word once, in order, with spaces between them."""
    return " ".join(dict.fromkeys(parts))


def in_dollars(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy with each ``*_cents`` column as dollars under its name without the ending.

    For plots and for reading. Add up cents before, not dollars after: a sum of dollars that are kept as
    floating-point numbers need not be exact.

    Example:
        >>> found = in_dollars(pd.DataFrame({"code": ["99490"], "allowed_cents": [6613]}))
        >>> found.to_dict("records")
        [{'code': '99490', 'allowed': 66.13}]
    """
    held = [name for name in frame.columns if str(name).endswith(_CENTS_SUFFIX)]
    made = frame.assign(**{name: frame[name] / _CENTS_A_DOLLAR for name in held})
    names = {name: str(name).removesuffix(_CENTS_SUFFIX) for name in held}
    return made.rename(columns=names)
