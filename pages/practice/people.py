"""People and sign-in: who works here, what each may do, their links, and how everyone signs in."""

import pandas as pd
import streamlit as st

from pages.shared import formats, people_forms, store, widgets
from trellis_core.access import Operation
from trellis_core.services import people

actor = store.require(Operation.MANAGE_PEOPLE)
zone = store.zone(actor)
found = people.people(store=store.store(), actor=actor, clock=store.clock())
COLUMNS = {
    "Last seen": st.column_config.TextColumn(width=130),
    "Sign-in": st.column_config.TextColumn(width=150),
}

widgets.heading(
    "People and sign-in",
    "Somebody new gets a link that is good once. Another role, or leaving, ends what is open at once.",
)
people_forms.show_link()
widgets.table(
    pd.DataFrame(
        [
            {
                "Name": one.member.signature,
                "Work": formats.words(one.member.role),
                "May": formats.role(one.member.access),
                "Signs in as": one.sign_in_name or formats.DASH,
                "Sign-in": people_forms.standing(one),
                "Codes": "Yes" if one.has_codes else formats.DASH,
                "Last seen": formats.moment(one.last_seen_at, zone),
            }
            for one in found
        ]
    ),
    alt="People of the practice and how they sign in",
    key="people_table",
    columns=COLUMNS,
)
change, add, rules = st.tabs(["Change a person", "Add a person", "How people sign in"])
with change:
    people_forms.change(found, actor)
with add:
    people_forms.add(actor)
with rules:
    people_forms.rules(actor)
