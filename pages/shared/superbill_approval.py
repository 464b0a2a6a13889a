"""Approving drafts: all that are clean with one click, or one, with a reason where weak time earns a unit."""

from collections.abc import Sequence

import streamlit as st

from pages.shared import formats, state, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.services.approvals import (
    BECAUSE_WORDS,
    LONGEST_REASON,
    ApproveSuperbills,
    TakeBackApproval,
    approve_superbills,
    take_back_approval,
)
from trellis_core.superbill import Superbill
from trellis_core.superbill.issued import content_sha256
from trellis_core.values.periods import ServiceMonth


def waiting(bills: Sequence[Superbill]) -> list[Superbill]:
    """Return the drafts that may be approved together: clean, and not approved yet."""
    return [
        bill for bill in bills if bill.number is None and bill.is_clean and bill.approval is None
    ]


def month_button(bills: Sequence[Superbill], person: Actor, *, month: ServiceMonth) -> None:
    """Draw the button that approves everything that is clean; nothing where nothing waits."""
    clean = waiting(bills)
    if clean and may(person, Operation.APPROVE_SUPERBILL):
        st.button(
            f"Approve {formats.count(len(clean), 'clean superbill')}",
            icon=":material/done_all:",
            key="superbills_approve_clean",
            help="Those that lack nothing and rest on time that was timed and written down in time.",
            on_click=approve,
            kwargs={"bills": clean, "person": person, "month": month},
        )


def one(bill: Superbill, person: Actor, *, month: ServiceMonth) -> None:
    """Draw what approves one draft; nothing where it is approved or not ready."""
    if bill.number is not None or not may(person, Operation.APPROVE_SUPERBILL):
        return
    if bill.approval is not None:
        st.button(
            "Take the approval back",
            icon=":material/undo:",
            key="superbills_take_back",
            on_click=_take_back,
            kwargs={"bill": bill, "person": person, "month": month},
        )
    if not bill.is_ready or not (bill.approval is None or bill.is_undecided):
        return
    if bill.is_undecided:
        st.text_input(
            "Why the unit stands",
            key=f"superbills_reason_{bill.id}",
            max_chars=LONGEST_REASON,
            placeholder="For the auditor: how the late, estimated or typed time is known",
        )
    st.button(
        "Accept and approve" if bill.is_undecided else "Approve",
        type="primary",
        icon=":material/done:",
        key="superbills_approve_one",
        on_click=approve,
        kwargs={"bills": [bill], "person": person, "month": month, "is_one": True},
    )


def _take_back(*, bill: Superbill, person: Actor, month: ServiceMonth) -> None:
    with widgets.command_in_callback():
        take_back_approval(
            TakeBackApproval(month=month, superbill_id=bill.id),
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )
        state.flash("Approval taken back. The superbill is a draft again.")


def approve(
    *, bills: Sequence[Superbill], person: Actor, month: ServiceMonth, is_one: bool = False
) -> None:
    """Approve drafts as they are on the screen, inside a widget's callback.

    Args:
        bills: As they were seen.
        person: Who approves.
        month: Their service month.
        is_one: One was named, so that weak time may be accepted with the reason that was typed.
    """
    is_decided = is_one and bills[0].is_undecided
    reason = st.session_state.get(f"superbills_reason_{bills[0].id}") or "" if is_decided else ""
    with widgets.command_in_callback():
        done = approve_superbills(
            ApproveSuperbills(
                month=month,
                seen={bill.id: content_sha256(bill) for bill in bills},
                is_decided=is_decided,
                reason=reason,
            ),
            store=store.store(),
            actor=person,
            clock=store.clock(),
            rule_book=store.rule_book(),
        )
        if done.superbills:
            state.flash(f"{formats.count(len(done.superbills), 'superbill')} approved.")
        for because, words in BECAUSE_WORDS.items():
            many = sum(each.because is because for each in done.passed_over)
            if many:
                state.flash(f"{formats.count(many, 'superbill')} not approved: {words}.")
