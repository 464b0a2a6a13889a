"""Performance, Payments: expected against recorded payments, by payer and by superbill."""

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import claim_forms, formats, performance_plots, roi_plots, routes, store, widgets
from trellis_core.access import Actor
from trellis_core.services.caseload import patient_names
from trellis_core.services.months import Standing
from trellis_core.services.performance_money import (
    ClaimMoney,
    PaidOfPayer,
    PaidState,
    PaymentsOfMonth,
)

_STATES: Final = {
    PaidState.OVERPAID: "Overpaid",
    PaidState.PARTLY: "Partly paid",
    PaidState.NOTHING: "Nothing on file",
    PaidState.UNKNOWN: "No amount on file",
    PaidState.FULL: "Paid in full",
}
_ALL: Final = "All"
_MOST_LISTED: Final = 500
_MOST_PAYERS: Final = 12
NO_PAYER: Final = "Payer not recorded"


def draw(found: PaymentsOfMonth, person: Actor) -> None:
    """Draw the sums, the payers, the superbills and the form for a payment."""
    if not found.claims:
        is_open = found.standing is Standing.OPEN
        widgets.empty(
            "Nothing is issued for this month yet: it is open. Superbills are issued when it is closed."
            if is_open
            else "No superbill stands for this month.",
            icon="receipt_long",
        )
        routes.link("superbills", "Open the month's superbills", icon=":material/receipt_long:")
        return
    total = found.total
    waiting = [each for each in found.claims if each.state is PaidState.NOTHING]
    _metrics(total, sent=sum(each.sent_on is not None for each in waiting))
    st.caption(
        "Expected is the full allowed amount, the patient's share included. A superbill without a "
        "payment may be unpaid, denied, or paid and not written down here: Trellis cannot tell these "
        "apart. Payments for a version that was replaced count with the one that stands."
    )
    _payers(found)
    shown = _superbills(found, person)
    claim_forms.payment(person, shown, form="performance_payment")


def _metrics(total: PaidOfPayer, *, sent: int) -> None:
    first, second, third, fourth = st.columns(4)
    first.metric("Expected", formats.money(total.expected))
    is_bare = total.nothing == total.superbills
    second.metric("Payments", "not on file" if is_bare else formats.money(total.paid))
    third.metric(
        "Outstanding",
        formats.money(total.outstanding),
        help="Expected less what is on file, for each superbill that has less than is expected.",
    )
    fourth.metric("Overpaid", formats.money(total.overpaid))
    bare = f"{total.nothing:,} of {formats.count(total.superbills, 'superbill')}"
    words = f"{bare} without a payment on file, {formats.money(total.nothing_amount)} expected."
    if total.nothing:
        words += f" Of these {sent:,} with a claim that is recorded as sent."
    if total.without_amount:
        words += f" {total.without_amount:,} with a line that has no amount, not in the sums."
    st.caption(formats.plain(words))


def _payers(found: PaymentsOfMonth) -> None:
    st.header("By payer", anchor=False)
    payers = sorted(found.by_payer, key=lambda each: -each.expected)
    if any(each.paid for each in payers):
        most = payers[:_MOST_PAYERS]
        words = payer_words(payers)
        st.plotly_chart(
            performance_plots.compared(
                [each.payer or NO_PAYER for each in most],
                [float(each.expected) for each in most],
                [float(each.paid) for each in most],
            ),
            config=roi_plots.PLOT_CONFIG,
            key="performance_payers",
            alt=words,
        )
        st.caption(formats.plain(words))
    else:
        widgets.empty("No payment is recorded for this month's superbills yet.", icon="payments")
    widgets.table(
        pd.DataFrame(
            {
                "Payer": each.payer or NO_PAYER,
                "Superbills": f"{each.superbills:,}",
                "Expected": formats.money(each.expected),
                "Recorded": formats.money(each.paid if each.nothing < each.superbills else None),
                "Outstanding": formats.money(each.outstanding),
                "Overpaid": formats.money(each.overpaid),
                "Without a payment": f"{each.nothing:,}",
            }
            for each in payers
        ),
        alt="Expected and recorded payments by payer",
    )
    if found.by_side:
        sides = ", ".join(
            f"{claim_forms.paid_by_words(side).lower()} {formats.money(amount)}"
            for side, amount in sorted(found.by_side.items())
        )
        st.caption(formats.plain(f"Paid by: {sides}."))


def payer_words(payers: Sequence[PaidOfPayer]) -> str:
    """Say in words how payments compare with what was expected, by payer."""
    parts = [
        f"{each.payer or NO_PAYER} "
        + ("nothing on file" if each.nothing == each.superbills else formats.money_whole(each.paid))
        + f" of {formats.money_whole(each.expected)} expected"
        for each in payers[:_MOST_PAYERS]
    ]
    return f"Recorded payments: {'; '.join(parts)}."


def _superbills(found: PaymentsOfMonth, person: Actor) -> Mapping[int, str]:
    """Draw the superbills of the chosen state; return words by number for the form."""
    st.header("By superbill", anchor=False)
    states = {each.state for each in found.claims}
    chosen = st.segmented_control(
        "State",
        [_ALL, *(words for state, words in _STATES.items() if state in states)],
        default=_ALL,
        required=True,
        key="performance_paid_state",
        label_visibility="collapsed",
        wrap=True,
    )
    listed = [each for each in found.claims if chosen in (_ALL, _STATES[each.state])]
    shown = listed[:_MOST_LISTED]
    names = patient_names({each.patient_id for each in shown}, store=store.store(), actor=person)
    widgets.table(
        pd.DataFrame([_row(each, names) for each in shown]), alt="Superbills and their payments"
    )
    if len(listed) > len(shown):
        st.caption(f"The first {len(shown):,} of {len(listed):,}; the file has all.")
    return {
        each.number: f"No. {each.number}, {names.get(each.patient_id, formats.DASH)}, "
        f"{formats.money(each.allowed)}"
        for each in shown
    }


def _row(each: ClaimMoney, names: Mapping[str, str]) -> dict[str, str]:
    return {
        "No.": str(each.number),
        "Patient": names.get(each.patient_id, formats.DASH),
        "Payer": each.payer or formats.NOT_RECORDED,
        "Expected": formats.money(each.allowed),
        "Recorded": formats.money(each.paid),
        "Outstanding": formats.money(each.outstanding if each.allowed is not None else None),
        "State": _STATES[each.state],
        "Claim sent": formats.NOT_RECORDED if each.sent_on is None else formats.day(each.sent_on),
    }
