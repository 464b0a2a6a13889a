"""Setting up a practice of one's own in an empty store: five short steps on one form."""

from dataclasses import dataclass
from typing import Final
from zoneinfo import available_timezones

import streamlit as st

from pages.shared import store, widgets
from trellis_core.care.people import Practice, StaffMember
from trellis_core.care.vocabulary import Credential, StaffRole
from trellis_core.errors import CommandRefusedError
from trellis_core.sample import sample_today
from trellis_core.services.passwords import SHORTEST_PASSWORD
from trellis_core.services.practice import CreatePractice, create_practice
from trellis_core.values.clock import SystemClock
from trellis_core.values.ids import new_id

_COMMON_ZONES: Final = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "America/Puerto_Rico",
)
_MAY_BILL: Final = frozenset(
    {
        Credential.MD,
        Credential.DO,
        Credential.NP,
        Credential.PA,
        Credential.CNS,
        Credential.CNM,
    }
)

_CREDENTIALS: Final = sorted(Credential, key=lambda each: each is not Credential.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    practice: Practice
    owner: StaffMember
    sign_in_name: str
    password: str
    again: str


def draw() -> None:
    """Draw the form; once it is sent and accepted, the browser goes to the sign-in page."""
    with st.form("set_up", border=False, enter_to_submit=False):
        practice = _practice()
        owner = _owner()
        st.markdown("**5. How you sign in**")
        first, second, third = st.columns(3)
        answers = _Answers(
            practice=practice,
            owner=owner,
            sign_in_name=first.text_input("Sign-in name", key="set_up_name"),
            password=second.text_input(
                "Password",
                type="password",
                key="set_up_password",
                help=f"{SHORTEST_PASSWORD} characters or more; a few words are easy to remember.",
            ),
            again=third.text_input("The same again", type="password", key="set_up_again"),
        )
        is_sent = st.form_submit_button("Set up the practice", type="primary", key="set_up_save")
    if is_sent:
        with widgets.command():
            _create(answers)
            store.leave_to(store.SIGN_IN_PATH)


def _practice() -> Practice:
    st.markdown("**1. The practice**")
    first, second, third = st.columns(3)
    name = first.text_input("Name of the practice", key="set_up_practice").strip()
    npi = second.text_input("NPI", key="set_up_npi", help="May follow later.").strip()
    tin = third.text_input("Tax id (TIN)", key="set_up_tin", help="May follow later.").strip()
    st.markdown("**2. Where it is paid**")
    today = sample_today(SystemClock())
    places = {each.key: each for each in store.rule_book().amounts.localities(on=today)}
    chosen = st.selectbox(
        "Medicare locality",
        [None, *places],
        key="set_up_locality",
        format_func=lambda key: (
            "National amounts, until you know it"
            if key is None
            else f"{key.replace('-', ' ')} {places[key].name}"
        ),
        width=480,
    )
    st.markdown("**3. Its time zone**")
    zone = st.selectbox(
        "Every day and month is counted in it",
        [*_COMMON_ZONES, *sorted(available_timezones() - set(_COMMON_ZONES))],
        key="set_up_zone",
        width=480,
    )
    state, _, locality = (chosen or "").partition("-")
    return Practice(
        id=new_id("pr"),
        name=name,
        npi=npi or None,
        tin=tin or None,
        time_zone=zone,
        state=state or None,
        locality=locality or None,
    )


def _owner() -> StaffMember:
    st.markdown("**4. You, its owner**")
    first, second, third, fourth = st.columns(4)
    given = first.text_input("Given name", key="set_up_given").strip()
    family = second.text_input("Family name", key="set_up_family").strip()
    credential = third.selectbox(
        "Credential",
        _CREDENTIALS,
        format_func=lambda each: each.value or "None",
        key="set_up_credential",
    )
    npi = fourth.text_input("Your own NPI", key="set_up_own_npi", help="May follow later.").strip()
    role = StaffRole.CLINICAL_STAFF if credential else StaffRole.NON_CLINICAL
    return StaffMember(
        id=new_id("st"),
        role=StaffRole.BILLING_PRACTITIONER if credential in _MAY_BILL else role,
        credential=credential,
        npi=npi or None,
        given_name=given,
        family_name=family,
    )


def _create(answers: _Answers) -> None:
    """Set the practice up.

    Raises:
        CommandRefusedError: A name is missing, the passwords differ or are too short, or somebody
            else was faster.
        InvalidValueError: An NPI is not one.
    """
    needed = {
        "the name of the practice": answers.practice.name,
        "your given name": answers.owner.given_name,
        "your family name": answers.owner.family_name,
        "a sign-in name": answers.sign_in_name.strip(),
        "a password": answers.password,
    }
    missing = [words for words, given in needed.items() if not given]
    if missing:
        raise CommandRefusedError(
            "ANSWERS_MISSING", f"Nothing was set up yet. Missing: {', '.join(missing)}."
        )
    if answers.password != answers.again:
        raise CommandRefusedError(
            "PASSWORDS_DIFFER", "The two passwords differ. Type the same one twice."
        )
    if not store.is_empty():
        raise CommandRefusedError("STORE_NOT_EMPTY", "A practice was set up here meanwhile.")
    create_practice(
        CreatePractice(
            practice=answers.practice,
            owner=answers.owner,
            sign_in_name=answers.sign_in_name,
            password=answers.password,
        ),
        store=store.store(),
        clock=store.clock(),
    )
