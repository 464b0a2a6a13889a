"""Superbills: the month's drafts, what each still needs, and their documents."""

from collections.abc import Sequence
from decimal import Decimal

import pandas as pd
import streamlit as st

from pages.shared import formats, routes, state, store, superbill_files, superbill_view, widgets
from trellis_core.access import Operation, may
from trellis_core.services import billing
from trellis_core.services.billing import Form
from trellis_core.superbill import Superbill
from trellis_core.values.money import ZERO

actor = store.require(Operation.READ_SUPERBILL)
month = store.month(actor)


def totals(bills: Sequence[Superbill]) -> None:
    """Draw the month's counts and the expected amount."""
    ready = [bill for bill in bills if bill.is_ready]
    expected = sum((bill.allowed_total or ZERO for bill in bills), ZERO)
    first, second, third, fourth = st.columns(4)
    first.metric("Superbills", len(bills))
    second.metric("Ready", len(ready))
    third.metric("Need something", len(bills) - len(ready))
    fourth.metric(
        "Expected, all lines", formats.money(expected),
        help="Full allowed amounts of every line below, the patients' share included.",
    )  # fmt: skip


def rows_of(bills: Sequence[Superbill]) -> pd.DataFrame:
    """Return one row per superbill for the table."""
    return pd.DataFrame(
        [
            {
                "Patient": bill.patient.name,
                "MRN": bill.patient.mrn,
                "Programs": ", ".join(dict.fromkeys(line.program.value for line in bill.lines)),
                "Lines": superbill_view.codes_words(bill.lines),
                "Units": str(sum(line.units for line in bill.lines))
                if bill.lines
                else formats.DASH,
                "Allowed": formats.money(bill.allowed_total if bill.lines else None),
                "State": superbill_view.status_words(bill),
                "Payer": bill.payer.payer_name if bill.payer else formats.NOT_RECORDED,
            }
            for bill in bills
        ]
    )


def picked(bills: Sequence[Superbill]) -> Superbill | None:
    """Draw the list; return the superbill of the selected row, or of the patient in the address."""
    named = state.chosen_patient()
    start = next((place for place, bill in enumerate(bills) if bill.patient.id == named), None)
    chosen = st.dataframe(
        rows_of(bills),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        selection_default=None if start is None else {"selection": {"rows": [start]}},
        key=f"superbills_list_{month}",
        alt="Superbills of the month",
        column_config={"Units": st.column_config.TextColumn(width="small", alignment="right")},
    )
    rows = chosen["selection"]["rows"]
    return bills[rows[0]] if rows and rows[0] < len(bills) else None


widgets.heading(
    "Superbills", f"{formats.month_name(month)}. Drafts of what the records support today."
)
with widgets.command():
    everything = billing.superbills(
        month=month, store=store.store(), actor=actor, clock=store.clock(),
        rule_book=store.rule_book(),
    )  # fmt: skip
    if not everything:
        widgets.empty("Nothing can be billed in this month yet.", icon="receipt_long")
        routes.link("thresholds", "See how far each patient is", icon=":material/timelapse:")
    else:
        totals(everything)
        shown = st.segmented_control(
            "Show", ["All", "Ready", "Need something"], default="All", required=True,
            key="superbills_show", label_visibility="collapsed",
        )  # fmt: skip
        listed = [
            bill for bill in everything if shown == "All" or bill.is_ready == (shown == "Ready")
        ]
        if listed:
            bill = picked(listed)
            if may(actor, Operation.DRAFT_SUPERBILL):
                superbill_files.buttons(superbill_files.MONTH_FORMS, everything, month=month)
            if bill is None:
                st.caption("Select a row to see the superbill.")
            else:
                superbill_view.draw(bill, rule_book=store.rule_book())
                if may(actor, Operation.DRAFT_SUPERBILL):
                    forms: dict[Form, str] = {"pdf": "PDF", "csv": "CSV"}
                    if may(actor, Operation.EXPORT_FHIR):
                        forms["fhir"] = "FHIR bundle"
                    superbill_files.buttons(forms, [bill], month=month, patient_id=bill.patient.id)
                routes.link("chart", "Open the chart", patient_id=bill.patient.id)
        else:
            widgets.empty("No superbill in this state.")
        total = sum((bill.allowed_total or ZERO for bill in listed), Decimal(0))
        st.caption(
            formats.plain(f"{formats.count(len(listed), 'superbill')}, {formats.money(total)}.")
        )
widgets.disclaimer()
