"""Settings: who the practice is, where it is, what it attests, and its people."""

from dataclasses import replace

import streamlit as st

from pages.shared import (
    fee_lists_form,
    formats,
    medicare_form,
    people_table,
    places,
    practice_choices,
    routes,
    state,
    store,
    widgets,
)
from pages.shared.chart_base import yes_no_input
from trellis_core.access import Operation, may
from trellis_core.care.people import Practice
from trellis_core.care.vocabulary import DateOfServiceRule, PracticeKind, Setting
from trellis_core.services.practice_settings import edit_practice
from trellis_core.values.unknown import Maybe

actor = store.require(Operation.READ_PRACTICE)
practice = store.practice(actor)
ATTESTED = (
    (
        "around_the_clock_access",
        "Someone with access to the record answers urgent needs at any hour",
    ),
    ("certified_ehr", "Patient information is recorded in certified EHR technology"),
    ("apcm_capabilities", "Every APCM practice capability is in place"),
    ("performance_reporting", "The practice reports performance (MVP or a model)"),
)
SAID_HERE = tuple(each for each in ATTESTED if each[0] != "apcm_capabilities")
"""What APCM asks for is attested element by element, on its own page."""


def facts() -> None:
    """Draw the practice's facts for those who may not change them."""
    locality = f"{practice.state} {practice.locality}" if practice.locality else "national amounts"
    lines = (
        practice.name,
        f"NPI {practice.npi or formats.NOT_RECORDED}",
        f"TIN {practice.tin or formats.NOT_RECORDED}",
        practice.address_line or "Address not recorded",
        f"{practice.city} {practice.state or ''} {practice.postal_code}".strip(),
        f"Medicare locality {locality}, {practice.setting}; time zone {practice.time_zone}",
        f"Date of service: {formats.words(practice.date_of_service).lower()}",
    )
    st.text("\n".join(lines))
    for name, words in ATTESTED:
        st.markdown(f"- {words}: **{formats.yes_no(getattr(practice, name))}**")


def form() -> None:
    """Draw the form that changes the practice."""
    with st.form("settings"):
        entered = _identity(practice)
        entered = _place(entered)
        st.markdown("**What the practice attests**")
        given: dict[str, Maybe[bool]] = {}
        columns = st.columns(2)
        for place, (name, words) in enumerate(SAID_HERE):
            with columns[place % 2]:
                given[name] = yes_no_input(words, getattr(practice, name), key=f"settings_{name}")
        is_sent = st.form_submit_button("Save settings", type="primary", key="settings_save")
    if is_sent:
        entered = replace(
            entered,
            around_the_clock_access=given["around_the_clock_access"],
            certified_ehr=given["certified_ehr"],
            performance_reporting=given["performance_reporting"],
        )
        with widgets.command():
            edit_practice(entered, rule_book=store.rule_book(), store=store.store(), actor=actor, clock=store.clock())  # fmt: skip
            state.flash("Settings saved.")
            st.rerun()


def _identity(held: Practice) -> Practice:
    first, second, third = st.columns(3)
    return replace(
        held,
        name=first.text_input("Name", held.name, key="settings_name"),
        npi=second.text_input("NPI", held.npi or "", key="settings_npi").strip() or None,
        tin=third.text_input("Tax id (TIN)", held.tin or "", key="settings_tin").strip() or None,
        address_line=first.text_input("Street", held.address_line, key="settings_street").strip(),
        city=second.text_input("City", held.city, key="settings_city").strip(),
        postal_code=third.text_input("ZIP code", held.postal_code, key="settings_zip").strip(),
    )


def _place(held: Practice) -> Practice:
    first, second, third = st.columns(3)
    code, number = places.locality_input(
        first, (held.state, held.locality), today=store.today(actor), key="settings_locality"
    )
    kinds, settings, rules = list(PracticeKind), list(Setting), list(DateOfServiceRule)
    return replace(
        held,
        state=code,
        locality=number,
        kind=second.selectbox(
            "Kind of practice", kinds, index=kinds.index(held.kind), format_func=formats.words,
            key="settings_kind",
        ),
        setting=third.selectbox(
            "Setting", settings, index=settings.index(held.setting), format_func=formats.words,
            key="settings_setting",
        ),
        time_zone=first.text_input("Time zone", held.time_zone, key="settings_zone").strip(),
        place_of_service=third.text_input(
            "Place of service", held.place_of_service, key="settings_pos", max_chars=2,
            help="Two digits: 11 office, 19 and 22 outpatient departments of a hospital.",
        ).strip(),
        date_of_service=second.selectbox(
            "Date of a monthly service", rules, index=rules.index(held.date_of_service),
            format_func=formats.words, key="settings_dos",
        ),
        qualifying_apm=third.checkbox(
            "Qualifying participant in an advanced APM", held.qualifying_apm, key="settings_apm"
        ),
    )  # fmt: skip


widgets.heading("Settings", "The practice and its people, as documents and rules see them.")
if may(actor, Operation.EDIT_SETTINGS):
    form()
else:
    facts()
practice_choices.draw(actor)
if may(actor, Operation.EXPORT_FHIR):
    routes.link("exchange", "Exchange: records as FHIR files", icon=":material/swap_horiz:")
places.draw_sites(actor)
fee_lists_form.draw(actor)
medicare_form.draw(actor)
people_table.draw(actor)
