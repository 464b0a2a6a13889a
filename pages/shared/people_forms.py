"""The forms of the page about people: adding, changing, links, leaving, and the rules of sign-in."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import streamlit as st

from pages.shared import formats, state, store, widgets
from trellis_core.access import AccessRole, Actor
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import Credential, StaffRole
from trellis_core.services import invitations, people
from trellis_core.services.people import LONGEST_IDLE, SHORTEST_IDLE, Person
from trellis_core.services.sign_in import SignInRules
from trellis_core.values.unknown import UNKNOWN

_LINK: Final = "people_link"
_NEW: Final = "new"
_MAY: Final = {
    None: "Does not sign in",
    AccessRole.COORDINATOR: "Care coordinator: charts, time, consents",
    AccessRole.BILLER: "Biller: months, superbills, exports",
    AccessRole.OWNER: "Owner: everything, people and settings",
    AccessRole.AUDITOR: "Auditor: reads and verifies, changes nothing",
    AccessRole.OWN_WORK: "Own clinical work: a practitioner's or consultant's alone",
}


def standing(person: Person) -> str:
    """Say in two words how it stands with a person's sign-in."""
    if not person.member.is_active:
        return "Left"
    if person.member.access is None:
        return formats.DASH
    if person.is_locked:
        return "Locked: needs a link"
    if person.has_link:
        return "Link not used yet"
    return "Ready" if person.can_sign_in else "Needs a link"


def show_link() -> None:
    """Show a link that was just made, once, with the way to hand it over."""
    made = st.session_state.pop(_LINK, None)
    if made is None:
        return
    with st.container(border=True):
        st.markdown(f"**{formats.plain(made[0])}**")
        st.code(made[1], language=None, wrap_lines=True)
        st.caption(
            "It is shown only now. Hand it over yourself, in person or in a message only they read; "
            "whoever opens it first sets the password."
        )


def change(found: Sequence[Person], actor: Actor) -> None:
    """Draw the form that changes one person, and what can be done about their sign-in."""
    by_id = {one.member.id: one for one in found}
    chosen = st.selectbox(
        "Person", list(by_id), format_func=lambda key: by_id[key].member.signature, key="people_who"
    )
    person = by_id[chosen]
    _link_and_leave(person, actor)
    entered = _form(person.member, person.sign_in_name, key=chosen, label="Save changes")
    if entered is not None:
        with widgets.command():
            people.change_person(
                entered[0],
                sign_in_name=entered[1],
                store=store.store(),
                actor=actor,
                clock=store.clock(),
            )
            state.flash("Saved.")
            st.rerun()


def add(actor: Actor) -> None:
    """Draw the form for somebody new; a link follows at once where they sign in."""
    blank = StaffMember(id="", role=StaffRole.CLINICAL_STAFF, access=AccessRole.COORDINATOR)
    entered = _form(blank, None, key=_NEW, label="Add")
    if entered is None:
        return
    with widgets.command():
        made = people.add_person(
            entered[0],
            sign_in_name=entered[1],
            store=store.store(),
            actor=actor,
            clock=store.clock(),
        )
        state.flash(f"{made.signature} was added.")
        if made.access is not None and not store.is_sample():
            _make_link(made, actor)
        st.rerun()


def rules(actor: Actor) -> None:
    """Draw how long a session may stay idle, and who needs one-time codes."""
    held = people.rules_of_sign_in(store=store.store(), actor=actor)
    with st.form("people_rules", border=False):
        minutes = st.number_input(
            "Minutes without use until the screen locks",
            min_value=SHORTEST_IDLE // timedelta(minutes=1),
            max_value=LONGEST_IDLE // timedelta(minutes=1),
            value=held.idle // timedelta(minutes=1),
            key="people_idle",
            width=320,
            help="A running timer goes on and an unsaved note is kept. Everyone signs in again "
            "after twelve hours.",
        )
        needs_codes = st.checkbox(
            "Owners and billers need a one-time code beside their password",
            held.needs_second_factor,
            key="people_codes",
            help="Whoever has none yet sets it up at the next sign-in. Everybody else may.",
        )
        is_sent = st.form_submit_button("Save", type="primary", key="people_rules_save")
    if is_sent:
        with widgets.command():
            people.set_rules_of_sign_in(
                SignInRules(
                    idle=timedelta(minutes=int(minutes)), needs_second_factor=bool(needs_codes)
                ),
                store=store.store(),
                actor=actor,
                clock=store.clock(),
            )
            state.flash("Saved. It holds for everyone from now on.")
            st.rerun()


def _form(
    held: StaffMember, sign_in_name: str | None, *, key: str, label: str
) -> tuple[StaffMember, str] | None:
    """Draw a person's fields; return what was entered once it is sent."""
    with st.form(f"people_form_{key}", border=False):
        first, second, third = st.columns(3)
        roles, credentials = list(StaffRole), [UNKNOWN, *Credential]
        entered = replace(
            held,
            given_name=first.text_input(
                "Given name", held.given_name, key=f"people_given_{key}"
            ).strip(),
            family_name=second.text_input(
                "Family name", held.family_name, key=f"people_family_{key}"
            ).strip(),
            npi=third.text_input("NPI", held.npi or "", key=f"people_npi_{key}").strip() or None,
            role=first.selectbox(
                "Work",
                roles,
                index=roles.index(held.role),
                format_func=formats.words,
                key=f"people_role_{key}",
                help="Decides whose minutes count.",
            ),
            credential=second.selectbox(
                "Credential",
                credentials,
                index=credentials.index(held.credential),
                format_func=_credential,
                key=f"people_credential_{key}",
            ),
            access=first.selectbox(
                "May",
                list(_MAY),
                index=list(_MAY).index(held.access),
                format_func=lambda each: _MAY[each],
                key=f"people_access_{key}",
            ),
        )
        name = second.text_input("Signs in as", sign_in_name or "", key=f"people_name_{key}")
        is_sent = st.form_submit_button(label, type="primary", key=f"people_save_{key}")
    return (entered, name) if is_sent else None


def _credential(value: object) -> str:
    if value is UNKNOWN:
        return "Not recorded"
    return str(value) or "None"


def _link_and_leave(person: Person, actor: Actor) -> None:
    member = person.member
    with st.container(horizontal=True):
        if not member.is_active:
            if st.button("Let back in", icon=":material/login:", key="people_back"):
                with widgets.command():
                    people.reactivate(
                        member.id, store=store.store(), actor=actor, clock=store.clock()
                    )
                    state.flash("Active again. A new link lets them sign in.")
                    st.rerun()
            return
        words = "Make a reset link" if person.can_sign_in else "Make an invitation link"
        if member.access is not None and st.button(
            words,
            icon=":material/link:",
            key="people_make_link",
            disabled=member.id == actor.person_id,
            help="The old password, the codes and every open session end at once."
            if person.can_sign_in
            else None,
        ):
            with widgets.command():
                _make_link(member, actor)
                st.rerun()
        if st.button(
            "End access", icon=":material/person_off:", key="people_leave",
            help="Every open session ends at once. Their entries and everything they did stays.",
        ):  # fmt: skip
            with widgets.command():
                people.deactivate(member.id, store=store.store(), actor=actor, clock=store.clock())
                state.flash(f"{member.signature} has no access any more.")
                st.rerun()


def _make_link(member: StaffMember, actor: Actor) -> None:
    """Make a link and keep it for the next drawing alone."""
    made = invitations.make_link(member.id, store=store.store(), actor=actor, clock=store.clock())
    until = formats.moment(made.expires_at, store.zone(actor))
    here = urlsplit(st.context.url or "")
    address = f"{here.scheme}://{here.netloc}/auth/invite/{made.token}"
    st.session_state[_LINK] = (f"Link for {member.signature}, good once until {until}", address)
