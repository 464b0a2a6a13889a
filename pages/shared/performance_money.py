"""Performance, Money: dollars captured and uncaptured by month, and what each number does not say."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, performance_plots, roi_plots, widgets
from trellis_core.services.months import Standing
from trellis_core.services.performance_money import MonthMoney
from trellis_core.values.money import ZERO

_NOT_ON_FILE: Final = "not on file"
_STANDING: Final = {
    Standing.OPEN: "Open, drafts",
    Standing.CLOSED: "Closed",
    Standing.REOPENED: "Reopened, as issued",
}


def draw(months: Sequence[MonthMoney]) -> None:
    """Draw the chosen month's dollars, the plot of all months, and the table.

    Args:
        months: The oldest first; the chosen one last.
    """
    _metrics(months[-1])
    bare = next((place for place, each in enumerate(months) if _is_known(each)), len(months) - 1)
    months = months[bare:]
    if any(_has_dollars(each) for each in months):
        words = summary(months)
        st.plotly_chart(
            performance_plots.dollars(months),
            config=roi_plots.PLOT_CONFIG,
            key="performance_dollars",
            alt=words,
        )
        st.caption(formats.plain(words))
    else:
        widgets.empty(
            "No month of this span has a superbill yet: nothing was issued, and the open month has no "
            "draft with a line.",
            icon="payments",
        )
    widgets.table(pd.DataFrame([_row(each) for each in reversed(months)]), alt="Dollars by month")
    if bare:
        st.caption(
            f"{formats.count(bare, 'earlier month')} never closed and not worked out here: choose one "
            "in the sidebar to see its drafts."
        )
    st.caption(
        "Captured: full allowed amounts, the patients' share included, of what stands as issued; of an "
        "open month, of its drafts. Uncaptured: what the next unit or the missing record would bring, "
        "from the records as they are today, for the chosen month and the one before. It is help for "
        "planning, no reason for work that a patient does not need. Older months keep only how many "
        "superbills their close held back."
    )


def _has_dollars(each: MonthMoney) -> bool:
    captured = each.captured is not None and bool(each.captured.amount)
    return captured or (each.uncaptured is not None and bool(each.uncaptured.total))


def _is_known(each: MonthMoney) -> bool:
    return each.captured is not None or each.paid is not None


def _metrics(month: MonthMoney) -> None:
    first, second, third, fourth = st.columns(4)
    first.metric(
        "Captured" if month.standing is not Standing.OPEN else "Captured, drafts",
        _NOT_ON_FILE if month.captured is None else formats.money(month.captured.amount),
        help="Full allowed amounts of every line, the patients' share included.",
    )
    more = month.uncaptured
    second.metric(
        "Within reach",
        _NOT_ON_FILE if more is None else formats.money(more.reach),
        help="What the next unit would bring where time alone is missing.",
    )
    third.metric(
        "Blocked",
        _NOT_ON_FILE if more is None else formats.money(more.blocked),
        help="What would bill once the paperwork that is missing is there.",
    )
    fourth.metric(
        "Payments",
        _NOT_ON_FILE if month.paid is None else formats.money(month.paid),
        help="Recorded for this month's superbills, whenever they were paid.",
    )
    if month.captured is not None and month.captured.without:
        lines = formats.count(month.captured.without, "line")
        st.caption(f"{lines} without an amount on file: not in the sum.")
    if more is not None and more.unknown:
        rows = formats.count(more.unknown, "row")
        st.caption(
            f"{rows} within reach or blocked not in the sum: nothing helps this month, or no amount is "
            "on file."
        )


def _row(each: MonthMoney) -> dict[str, str]:
    captured, more = each.captured, each.uncaptured
    return {
        "Month": formats.month_name(each.month),
        "State": _STANDING[each.standing],
        "Superbills": _NOT_ON_FILE if captured is None else f"{captured.superbills:,}",
        "Captured": _NOT_ON_FILE if captured is None else formats.money(captured.amount),
        "Within reach": _NOT_ON_FILE if more is None else formats.money(more.reach),
        "Blocked": _NOT_ON_FILE if more is None else formats.money(more.blocked),
        "Held back": _NOT_ON_FILE if each.held_back is None else f"{each.held_back:,}",
        "Paid": _NOT_ON_FILE if each.paid is None else formats.money(each.paid),
    }


def summary(months: Sequence[MonthMoney]) -> str:
    """Say what the plot of the months shows."""
    known = [each for each in months if each.captured is not None and each.captured.superbills]
    words = []
    if known:
        best = max(known, key=_amount)
        total = formats.money_whole(sum(map(_amount, known), ZERO))
        span = formats.count(len(known), "month")
        words.append(f"Captured in {span} with superbills: {total}")
        if len(known) > 1:
            amount = formats.money_whole(_amount(best))
            words.append(f"most in {formats.month_name(best.month)}, {amount}")
    more = months[-1].uncaptured
    if more is not None:
        name = formats.month_name(months[-1].month)
        words.append(
            f"in {name} {formats.money_whole(more.reach)} within reach and "
            f"{formats.money_whole(more.blocked)} blocked by paperwork"
        )
    return f"{'; '.join(words)}."


def _amount(each: MonthMoney) -> Decimal:
    return ZERO if each.captured is None else each.captured.amount
