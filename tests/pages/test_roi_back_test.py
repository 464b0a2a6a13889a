"""The back-test: own figures beside the guesses, a forecast beside what came, and what to do without either."""

from uuid import uuid4

import pytest
from streamlit.testing.v1 import AppTest

from trellis_core.access import AccessRole, Actor
from trellis_core.roi import RoiInputs
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.values.periods import ServiceMonth

OCTOBER = ServiceMonth(2026, 10)


def page() -> None:
    """Draw the part alone, for the owner."""
    import streamlit as st

    from pages.shared import roi_back_test, store
    from trellis_core.roi import NO_CONTRACTS, RoiInputs

    roi_back_test.draw(
        st.session_state["actor"],
        RoiInputs(),
        store.rule_book().amounts,
        NO_CONTRACTS,
        forecasts=st.session_state["forecasts"],
        on_use=lambda inputs: st.session_state.update(used=inputs),
    )


def opened(actor, forecasts) -> AppTest:
    at = AppTest.from_function(page, default_timeout=60)
    at.session_state["actor"], at.session_state["forecasts"] = actor, forecasts
    at.run()
    assert not at.exception, at.exception
    return at


def said(at: AppTest) -> str:
    kinds = ("header", "markdown", "caption", "error")
    return " ".join(each.value for kind in kinds for each in getattr(at, kind)).replace("\\", "")


def test_own_figures_stand_beside_the_guesses_and_a_forecast_beside_what_came(dashboard):
    close_month(
        CloseMonth(month=OCTOBER, form_id=str(uuid4())),
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.BILLER),
        clock=dashboard.clock,
        rule_book=load_rule_book(),
    )
    later = OCTOBER.plus(3)
    at = opened(
        dashboard.actor(AccessRole.OWNER),
        [("Plan", RoiInputs(), OCTOBER), ("Later", RoiInputs(), later)],
    )
    own, left, compared = (each.value for each in at.dataframe)
    assert list(own.columns) == ["Input", "Your guess", "Your own figure", "How measured"]
    reach = own[own["Input"] == "Share of enrolled months that reach a unit"].iloc[0]
    assert reach["Your guess"] == "70%"
    assert "enrolled CCM months billed, 2026-10" in reach["How measured"]
    assert "Claims denied for good" in set(left["Input"])
    assert list(compared["Month"]) == ["October 2026"]
    assert "In 1 complete month:" in said(at)
    assert len(at.get("plotly_chart")) == 2
    at.button(key="roi_use_own").click().run()
    used = at.session_state["used"]
    assert f"{used.reach:.2%}".rstrip("%0") in reach["Your own figure"]
    at.selectbox[0].set_value(1).run()
    assert "No month from January 2027 on is complete" in said(at)


@pytest.mark.usefixtures("new_practice")
def test_without_a_month_and_without_a_scenario_it_says_what_to_do():
    owner = Actor(practice_id="new", person_id="owner", role=AccessRole.OWNER)
    at = opened(owner, [])
    words = said(at)
    assert "No month of data yet. Enroll patients" in words
    assert "No scenario has a first month yet. Open Scenarios above" in words
    assert not at.dataframe
