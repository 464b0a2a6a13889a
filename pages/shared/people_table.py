"""The practice's people on Settings, as documents and rules see them."""

import pandas as pd
import streamlit as st

from pages.shared import formats, routes, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.values.unknown import UNKNOWN


def draw(person: Actor) -> None:
    """Draw who works for the practice, and for who manages people the way to their page."""
    st.markdown("## People")
    if may(person, Operation.MANAGE_PEOPLE):
        routes.link("people", "People and sign-in", icon=":material/badge:")
    widgets.table(
        pd.DataFrame(
            [
                {
                    "Name": member.name,
                    "Role": formats.words(member.role),
                    "Credential": formats.NOT_RECORDED
                    if member.credential is UNKNOWN
                    else member.credential or "none",
                    "NPI": member.npi or formats.DASH,
                    "Access": formats.role(member.access),
                    "Active": "Yes" if member.is_active else "No",
                }
                for member in store.people(person).values()
            ]
        ),
        alt="People of the practice",
        key="settings_people",
    )
