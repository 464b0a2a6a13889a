"""Your sign-in: one's own password and one-time codes."""

import streamlit as st

from pages.shared import formats, state, store, widgets
from trellis_core.access import Actor, Operation
from trellis_core.errors import CommandRefusedError
from trellis_core.services import people
from trellis_core.services.passwords import SHORTEST_PASSWORD
from trellis_core.services.people import OwnSignIn

actor = store.require(Operation.CHANGE_OWN_SIGN_IN)
SET_UP = "/auth/second-factor"


def password(own: OwnSignIn, person: Actor) -> None:
    """Draw the form that changes the password."""
    with st.form("own_password", clear_on_submit=True):
        st.markdown("**Password**")
        st.caption(
            f"You sign in as {formats.plain(own.sign_in_name or '')}. {SHORTEST_PASSWORD} characters or "
            "more; a few words are easy to remember. You sign in again afterwards, everywhere."
        )
        old = st.text_input("Present password", type="password", key="own_old")
        new = st.text_input("New password", type="password", key="own_new")
        again = st.text_input("The same again", type="password", key="own_again")
        is_sent = st.form_submit_button("Change password", type="primary", key="own_save")
    if is_sent:
        with widgets.command():
            if new != again:
                raise CommandRefusedError(
                    "PASSWORDS_DIFFER", "The two new passwords differ. Nothing was changed."
                )
            people.change_own_password(
                old, new, store=store.store(), actor=person, clock=store.clock()
            )
            store.leave_to(store.SIGN_IN_PATH)


def codes(own: OwnSignIn, person: Actor) -> None:
    """Draw what there is to do about one-time codes."""
    with st.container(border=True):
        st.markdown("**One-time codes**")
        if not own.has_codes:
            st.caption(
                "An authenticator app on your telephone shows a code that changes every half "
                "minute. With it, a password that somebody learned is not enough."
            )
            if st.button("Set up one-time codes", icon=":material/qr_code_2:", key="own_set_up"):
                store.leave_to(SET_UP)
            return
        left = formats.count(own.spare_codes_left, "spare code")
        st.caption(f"Set up. {left} left; each is good once, for a lost telephone.")
        if own.needs_codes:
            st.caption(
                "The practice asks owners and billers for them. For a new telephone, let another "
                "owner make you a reset link."
            )
            return
        given = st.text_input("Your password", type="password", key="own_codes_password")
        if st.button("Remove my codes", key="own_remove"):
            with widgets.command():
                people.remove_own_codes(
                    given, store=store.store(), actor=person, clock=store.clock()
                )
                state.flash("One-time codes removed. Your password alone signs you in.")
                st.rerun()


widgets.heading("Your sign-in", "Your own password and one-time codes.")
mine = people.own_sign_in(store=store.store(), actor=actor)
if mine.sign_in_name is None:
    widgets.empty("In the sample practice nobody signs in with a password.", icon="science")
else:
    first, second = st.columns(2, gap="large")
    with first:
        password(mine, actor)
    with second:
        codes(mine, actor)
