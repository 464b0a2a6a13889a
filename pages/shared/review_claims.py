"""What becomes of an issued superbill: the claim was sent, by when it must be, and what was paid."""

import streamlit as st

from pages.shared import claim_forms, formats, state, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.services.claims import (
    LONGEST_CLAIM_NUMBER,
    MarkSubmitted,
    mark_submitted,
    take_back_submission,
)
from trellis_core.services.review_rows import ReviewRow
from trellis_core.superbill.filing import days_left


def draw(row: ReviewRow, person: Actor) -> None:
    """Draw what is on record about an issued superbill's claim, and the forms that record more."""
    if row.number is None:
        return
    st.markdown(_sent_words(row))
    if row.submission is None:
        st.caption(formats.plain(deadline_words(row, person)))
    if row.paid is not None:
        st.markdown(f":material/payments: Paid so far **{formats.plain(formats.money(row.paid))}**")
    if not may(person, Operation.RECORD_CLAIM):
        return
    with st.container(horizontal=True):
        said = "Mark as submitted" if row.submission is None else "Correct the submission"
        submit, pay = (f"month_review_{what}_{row.number}" for what in ("submit", "pay"))
        with st.popover(said, icon=":material/send:", key=f"{state.form_key(submit)}_open"):
            _submit_form(submit, row, person)
        key = f"{state.form_key(pay)}_open"
        with st.popover("Record a payment", icon=":material/payments:", key=key):
            claim_forms.payment(person, {row.number: f"No. {row.number}"}, form=pay)


def deadline_words(row: ReviewRow, person: Actor) -> str:
    """Say by when the claim has to be with its payer, and how many days that are."""
    left = days_left(row.file_by, store.today(person))
    if row.file_by is None or left is None:
        return "By when this payer takes the claim is not on file. See the contract."
    if left < 0:
        return (
            f"The last day to file was {formats.day(row.file_by)}: the payer may refuse the claim."
        )
    return f"{formats.count(left, 'day')} left to file: by {formats.day(row.file_by)}."


def _sent_words(row: ReviewRow) -> str:
    sent = row.submission
    if sent is None:
        return f":material/outbox: **No. {row.number} is not submitted yet**"
    number = f", claim {sent.claim_number}" if sent.claim_number else ", no claim number recorded"
    by = formats.plain(f"on {formats.day(sent.submitted_on)}{number}, recorded by {sent.by_name}.")
    return f":material/outbox: **No. {row.number} is submitted** {by}"


def _submit_form(form: str, row: ReviewRow, person: Actor) -> None:
    key, today, sent = state.form_key(form), store.today(person), row.submission
    with st.form(f"{key}_form", border=False):
        on = st.date_input(
            "Submitted on",
            value=sent.submitted_on if sent else today,
            max_value=today,
            format="MM/DD/YYYY",
            key=f"{key}_on",
        )
        claim = st.text_input(
            "Claim number",
            value=sent.claim_number if sent else "",
            max_chars=LONGEST_CLAIM_NUMBER,
            key=f"{key}_claim",
            help="The payer's or clearing house's. Leave it empty where there is none yet.",
        )
        if st.form_submit_button("Mark as submitted", type="primary", key=f"{key}_save"):
            with widgets.command():
                mark_submitted(
                    MarkSubmitted(number=row.number or 0, on=on, claim_number=claim),
                    store=store.store(), actor=person, clock=store.clock(),
                )  # fmt: skip
                _done(form, f"No. {row.number} is marked as submitted.")
    if sent is not None and st.button("Take it back", type="tertiary", key=f"{key}_back"):
        with widgets.command():
            take_back_submission(
                row.number or 0, store=store.store(), actor=person, clock=store.clock()
            )
            _done(form, f"No. {row.number} is not marked as submitted any more.")


def _done(form: str, sentence: str) -> None:
    state.renew_form_id(form)
    state.flash(sentence)
    st.rerun()
