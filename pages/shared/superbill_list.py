"""The Superbills page's list: sums, rows, picking one, and older versions."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.shared import formats, state, superbill_view
from trellis_core.services.issued_superbills import IssuedSuperbill
from trellis_core.services.months import MonthReview
from trellis_core.superbill import Superbill, SuperbillStatus
from trellis_core.superbill.totals import current, expected
from trellis_core.values.periods import ServiceMonth

__all__ = ["current", "expected", "is_ready", "older", "picked", "rows_of", "totals"]


def totals(review: MonthReview) -> None:
    """Draw the month's counts and the expected amount."""
    bills = current(review.superbills)
    first, second, third, fourth = st.columns(4)
    first.metric("Superbills", f"{len(bills):,}")
    if review.state.is_closed:
        counts = review.state.counts
        second.metric("Lines", f"{sum(len(bill.lines) for bill in bills):,}")
        third.metric("Held back", f"{len(counts.held_back) if counts else 0:,}")
    else:
        ready = [bill for bill in bills if is_ready(bill)]
        second.metric("Ready", f"{len(ready):,}")
        third.metric("Need something", f"{len(bills) - len(ready):,}")
    fourth.metric(
        "Expected, all lines", formats.money(expected(bills)),
        help="Full allowed amounts of every line below, the patients' share included.",
    )  # fmt: skip


def is_ready(bill: Superbill) -> bool:
    """Say whether nothing is missing, and no unit waits for somebody's decision."""
    return bill.is_ready and not bill.is_undecided


def rows_of(bills: Sequence[Superbill]) -> pd.DataFrame:
    """Return one row per superbill for the table; numbers and versions once there are some."""
    rows = []
    for bill in bills:
        row: dict[str, object] = {}
        if any(each.number is not None for each in bills):
            row["No."] = formats.DASH if bill.number is None else str(bill.number)
            row["Version"] = str(bill.version)
        row |= {
            "Patient": bill.patient.name,
            "MRN": bill.patient.mrn,
            "Programs": ", ".join(dict.fromkeys(line.program.value for line in bill.lines)),
            "Lines": superbill_view.codes_words(bill.lines),
            "Units": str(sum(line.units for line in bill.lines)) if bill.lines else formats.DASH,
            "Allowed": formats.money(bill.allowed_total if bill.lines else None),
            "State": superbill_view.status_words(bill),
            "Payer": bill.payer.payer_name if bill.payer else formats.NOT_RECORDED,
        }
        rows.append(row)
    return pd.DataFrame(rows)


def picked(bills: Sequence[Superbill], *, month: ServiceMonth) -> list[Superbill]:
    """Draw the list; return the superbills of the selected rows, or of the patient in the address."""
    named = state.chosen_patient()
    start = next((place for place, bill in enumerate(bills) if bill.patient.id == named), None)
    marks = hash(tuple((bill.id, bill.number) for bill in bills)) & 0xFFFF
    is_issued = all(bill.status is SuperbillStatus.ISSUED for bill in bills)
    chosen = st.dataframe(
        rows_of(bills),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default=None if start is None else {"selection": {"rows": [start]}},
        key=f"superbills_list_{month}_{marks:x}",
        alt="Superbills of the month",
        column_config={
            name: st.column_config.TextColumn(width=70, alignment="right")
            for name in ("No.", "Version", "Units")
        }
        | {"State": st.column_config.TextColumn(width=85 if is_issued else 170)},
    )
    return [bills[row] for row in sorted(chosen["selection"]["rows"]) if row < len(bills)]


def older(replaced: Sequence[IssuedSuperbill]) -> Superbill | None:
    """Draw the versions that were replaced; return the one that is chosen."""
    if not replaced:
        return None
    by_number = {each.number: each for each in replaced}

    def words(number: int | None) -> str:
        if number is None:
            return "None"
        one = by_number[number]
        lines = superbill_view.codes_words(one.bill.lines) or "withdrawn"
        return f"No. {number}, {one.bill.patient.name}: {lines}, replaced by {one.superseded_by}"

    with st.expander(
        f"Replaced, {formats.count(len(replaced), 'older version')}",
        icon=":material/history:",
        key="superbills_replaced",
    ):
        number = st.selectbox(
            "Show an older version", [None, *by_number], format_func=words, key="superbills_older"
        )
    return None if number is None else by_number[number].bill
