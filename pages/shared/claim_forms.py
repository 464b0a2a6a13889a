"""The form that records a payment for an issued superbill: the same wherever it stands."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import streamlit as st

from pages.shared import formats, state, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.services.claims import PaidBy, RecordPayment, record_payment

LONGEST_REMARK: Final = 300
_PAID_BY: Final = {
    PaidBy.PAYER: "The payer",
    PaidBy.OTHER_PAYER: "Another payer",
    PaidBy.PATIENT: "The patient",
}


def paid_by_words(side: str) -> str:
    """Write who paid."""
    return _PAID_BY[PaidBy(side)]


def payment(person: Actor, superbills: Mapping[int, str], *, form: str) -> None:
    """Draw the form; nothing for whoever may not record payments, or where nothing was issued.

    What was typed stays after a refusal; after a success the form is empty.

    Args:
        person: Who is signed in.
        superbills: Words by number, of issued superbills that may be chosen. With one there is no
            choice to make.
        form: The form's own name, for example ``performance_payment``.
    """
    if not superbills or not may(person, Operation.RECORD_CLAIM):
        return
    key = state.form_key(form)
    with st.form(f"{key}_form", border=True):
        st.markdown("**Record a payment**")
        number = next(iter(superbills))
        if len(superbills) > 1:
            number = st.selectbox(
                "Superbill",
                list(superbills),
                format_func=superbills.__getitem__,
                key=f"{key}_number",
            )
        amount, day, side = st.columns([1, 1, 2])
        paid = amount.number_input(
            "Amount, dollars",
            value=None,
            step=0.01,
            format="%.2f",
            key=f"{key}_amount",
            help="What was paid. A negative amount takes back.",
        )
        on = day.date_input(
            "Paid on",
            value=store.today(person),
            max_value=store.today(person),
            format="MM/DD/YYYY",
            key=f"{key}_day",
        )
        by = side.segmented_control(
            "Who paid",
            list(PaidBy),
            format_func=_PAID_BY.__getitem__,
            default=PaidBy.PAYER,
            required=True,
            wrap=True,
            key=f"{key}_by",
        )
        remark = st.text_input(
            "Remark",
            max_chars=LONGEST_REMARK,
            placeholder="For example the number of the remittance",
            key=f"{key}_remark",
        )
        is_sent = st.form_submit_button("Record payment", type="primary", key=f"{key}_save")
    if not is_sent:
        return
    with widgets.command():
        saved = record_payment(
            RecordPayment(
                payment_id=state.form_id(form),
                number=number,
                paid_by=by,
                on=on,
                amount=Decimal(0) if paid is None else Decimal(f"{paid:.2f}"),
                remark=remark,
            ),
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )
        state.renew_form_id(form)
        widgets.say(f"{formats.money(saved.amount)} recorded for superbill {saved.number}.")
        st.rerun()
