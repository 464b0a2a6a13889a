"""What a biller does for the whole month at once: approve what is clean, and take it along."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from pages.shared import formats, superbill_approval, superbill_files
from trellis_core.access import Actor, Operation, may
from trellis_core.services.billing import Form
from trellis_core.services.review import ReviewOfMonth
from trellis_core.superbill import Superbill
from trellis_core.superbill.totals import current
from trellis_core.values.periods import ServiceMonth

_FORMS: Final[dict[Form, str]] = {"pdf": "PDF", "csv": "CSV"}
_OFFERED: Final = "month_review_offered"
"""Under which it is kept for which month the approved superbills are offered."""


def clean(review: ReviewOfMonth) -> list[Superbill]:
    """Return the drafts that may be approved together: clean, by all that is known of their patients."""
    ids = {row.superbill_id for row in review.rows if row.is_clean}
    return [bill for bill in superbill_approval.waiting(review.bills.superbills) if bill.id in ids]


def draw(review: ReviewOfMonth, person: Actor) -> None:
    """Draw the buttons that approve what is clean, and what is approved as one file."""
    month = review.state.month
    bills = clean(review)
    with st.container(horizontal=True, vertical_alignment="center"):
        if bills and may(person, Operation.APPROVE_SUPERBILL):
            st.button(
                "Approve and download",
                type="primary",
                icon=":material/file_download_done:",
                key="month_review_approve_download",
                help="Approves everything that is clean in the month, and offers what is approved as one file.",
                on_click=_approve_and_offer,
                kwargs={"bills": bills, "person": person, "month": month},
            )
        superbill_approval.month_button(bills, person, month=month)
    if st.session_state.get(_OFFERED) == str(month):
        _offer(review, month)


def _approve_and_offer(*, bills: Sequence[Superbill], person: Actor, month: ServiceMonth) -> None:
    superbill_approval.approve(bills=bills, person=person, month=month)
    st.session_state[_OFFERED] = str(month)


def _offer(review: ReviewOfMonth, month: ServiceMonth) -> None:
    """Draw the downloads of what is approved."""
    approved = [bill for bill in current(review.bills.superbills) if bill.approval is not None]
    if not approved:
        return
    ids = frozenset(bill.id for bill in approved)
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", key="month_review_offer"
    ):
        said = formats.count(len(approved), "superbill")
        st.markdown(f":material/verified: {said} approved. Take them along:", width="content")
        superbill_files.buttons(_FORMS, approved, month=month, only=ids)
