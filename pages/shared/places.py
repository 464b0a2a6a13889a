"""The practice's places: choosing a Medicare locality, and the sites beside the practice's own address."""

from dataclasses import replace
from datetime import date
from typing import Final

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared import formats, state, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.care.people import Site
from trellis_core.care.vocabulary import Setting
from trellis_core.services import sites

_NEW: Final = Site(id="", name="A new site")
_NATIONAL: Final = ""
HELP: Final = (
    "Amounts and place of service of a patient follow the patient's site, in every month that is not "
    "closed. Who has no site is seen at the practice's own address."
)


def locality_input(
    column: DeltaGenerator, held: tuple[str | None, str | None], *, today: date, key: str
) -> tuple[str | None, str | None]:
    """Draw the choice of a Medicare locality; return its state and number, None for national amounts.

    Args:
        column: Where to draw.
        held: State and number as they are.
        today: The localities of this day's year are offered.
        key: Widget key.
    """
    places = {each.key: each for each in store.rule_book().amounts.localities(on=today)}
    current = f"{held[0]}-{held[1]}" if held[0] and held[1] else _NATIONAL
    options = [_NATIONAL, *places]
    if current not in options:
        options.insert(1, current)
    chosen = column.selectbox(
        "Medicare locality", options, index=options.index(current), key=key,
        format_func=lambda each: "National amounts" if each == _NATIONAL else
        f"{each.replace('-', ' ')} {places[each].name if each in places else ''}".strip(),
    )  # fmt: skip
    code, _, number = chosen.partition("-")
    return code or held[0], number or None


def draw_sites(actor: Actor) -> None:
    """Draw the practice's sites, and for an owner the form that adds or changes one."""
    known = sites.sites(store=store.store(), actor=actor)
    st.markdown("## Sites", help=HELP)
    if known:
        widgets.table(
            pd.DataFrame([_row(each) for each in known]),
            alt="Sites of the practice",
            key="settings_sites",
        )
    if not may(actor, Operation.EDIT_SETTINGS):
        if not known:
            st.caption("Every patient is seen at the practice's own address.")
        return
    with st.expander("Add or change a site", icon=":material/add_location:"):
        chosen = st.selectbox(
            "Site", [_NEW, *known], format_func=lambda each: each.name,
            key=f"settings_site_which_{len(known)}",
        )  # fmt: skip
        _form(actor, replace(chosen, name="") if chosen == _NEW else chosen)


def _row(site: Site) -> dict[str, str]:
    address = (site.address_line, site.city, site.state or "", site.postal_code)
    return {
        "Site": site.name,
        "Address": " ".join(part for part in address if part) or formats.DASH,
        "Locality": f"{site.state} {site.locality}" if site.locality else "national amounts",
        "Setting": formats.words(site.setting),
        "Place of service": site.place_of_service,
        "Takes patients": "Yes" if site.is_active else "No",
    }


def _form(actor: Actor, held: Site) -> None:
    key = f"settings_site_{held.id}"
    with st.form(key, border=False):
        first, second, third = st.columns(3)
        name = first.text_input("Name of the site", held.name, key=f"{key}_name")
        street = second.text_input("Street", held.address_line, key=f"{key}_street")
        city = third.text_input("City", held.city, key=f"{key}_city")
        code, number = locality_input(
            first, (held.state, held.locality), today=store.today(actor), key=f"{key}_locality"
        )
        postal = second.text_input("ZIP code", held.postal_code, key=f"{key}_zip")
        phone = third.text_input("Phone", held.phone, key=f"{key}_phone")
        settings = list(Setting)
        setting = first.selectbox(
            "Setting", settings, index=settings.index(held.setting), format_func=formats.words,
            key=f"{key}_setting",
        )  # fmt: skip
        place = second.text_input(
            "Place of service", held.place_of_service, key=f"{key}_pos", max_chars=2,
            help="Two digits: 11 office, 19 and 22 outpatient departments of a hospital.",
        )  # fmt: skip
        is_active = third.checkbox("Takes patients", held.is_active, key=f"{key}_active")
        is_sent = st.form_submit_button("Save site", type="primary", key=f"{key}_save")
    if is_sent:
        with widgets.command():
            sites.save_site(
                replace(
                    held,
                    name=name,
                    address_line=street.strip(),
                    city=city.strip(),
                    postal_code=postal.strip(),
                    phone=phone.strip(),
                    state=code,
                    locality=number,
                    setting=setting,
                    place_of_service=place.strip(),
                    is_active=is_active,
                ),
                store=store.store(), actor=actor, clock=store.clock(), rule_book=store.rule_book(),
            )  # fmt: skip
            state.flash("Site saved.")
            st.rerun()
