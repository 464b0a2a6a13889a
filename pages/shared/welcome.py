"""What an empty store shows: explore the sample practice, or set up your own."""

import streamlit as st

from pages.shared import routes, set_up, store, widgets
from trellis_core.sample import demo_day, load_sample, sample_today
from trellis_core.settings import load_settings
from trellis_core.values.clock import SystemClock


def draw() -> None:
    """Draw the two ways to begin."""
    st.image(str(routes.ICON), width=56, alt="Trellis")
    widgets.heading("Welcome to Trellis")
    st.write(
        "Trellis keeps the minutes, consents and plans behind monthly care-management services, "
        "shows how far each patient is from the next code, and writes the superbill. "
        "There is no practice in this store yet. Choose how to begin."
    )
    explore, own = st.columns(2, gap="large", border=True)
    with explore:
        st.header("Explore the sample practice", anchor=False)
        st.write(
            "A small practice with fictional patients, each there to show one thing. "
            "Look around as coordinator, biller, owner or auditor."
        )
        if st.button("Load the sample practice", type="primary", icon=":material/science:"):
            with widgets.command(), st.spinner("Loading the sample practice…"):
                _load()
                store.leave_to(store.SIGN_IN_PATH)
                st.rerun()
    with own:
        st.header("Set up your own", anchor=False)
        st.write(
            "Five short steps: the practice, where it is paid, its time zone, you as its owner, "
            "and how you sign in."
        )
        is_own = st.toggle("Set up our practice", key="welcome_own")
        st.caption("On a server without a screen, the same is done by this command:")
        st.code(_command(), language="bash", wrap_lines=True)
    if is_own:
        set_up.draw()
    st.caption("Deciding whether to start? The calculator needs no practice and no patient.")
    routes.link("roi", "Estimate what it would bring", icon=":material/calculate:")
    widgets.disclaimer()


def _command() -> str:
    if load_settings().database_url is None:
        return "trellis init"
    return f"trellis init --store {store.store().url}"


def _load() -> None:
    day = demo_day(sample_today(SystemClock()), store.rule_book())
    load_sample(store.sample_target(), day=day)
