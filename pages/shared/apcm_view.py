"""Advanced primary care on its page: each patient's month, and what the practice states and attests."""

from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, program_facts, routes, state, store, widgets
from pages.shared.chart_base import yes_no_input
from pages.shared.program_frame import PAGE_ROWS, ProgramView
from trellis_core.access import Actor, Operation, may
from trellis_core.rules.labels import code_label
from trellis_core.services import apcm
from trellis_core.services.apcm import ELEMENT_WORDS, ApcmElement, ApcmPatient, Capabilities
from trellis_core.values.unknown import UNKNOWN, Maybe

_STATED: Final = {True: "in place", False: "not in place"}


def months(view: ProgramView) -> None:
    """Draw each patient's level, help with costs, documentation and add-ons; or the selected one's."""
    rows = [view.chosen] if view.chosen else sorted(view.rows, key=lambda row: row.patient_name)
    names = {row.patient_id: row.patient_name for row in rows[:PAGE_ROWS]}
    found = apcm.apcm_patients(
        list(names),
        month=view.month,
        store=store.store(),
        actor=view.person,
        clock=store.clock(),
        rule_book=store.rule_book(),
    )
    if not found:
        st.caption("Each enrolled patient's level, help with costs and documentation stand here.")
    else:
        widgets.table(
            pd.DataFrame([_cells(names[each.patient_id], each) for each in found]),
            alt="Levels, help with costs and documentation of the month",
            key="apcm_facts",
        )
    program_facts.more_than_shown(view)
    if view.chosen is not None:
        routes.link(
            "chart",
            f"State what was done in {formats.month_name(view.month)}",
            patient_id=view.chosen.patient_id,
            section="apcm",
            icon=":material/edit_note:",
        )


def _cells(name: str, each: ApcmPatient) -> dict[str, str]:
    return {
        "Patient": name,
        "Chronic conditions": formats.NOT_RECORDED
        if each.conditions is UNKNOWN
        else f"{each.conditions:,}",
        "QMB": formats.yes_no(each.is_beneficiary),
        "Level": "not decided yet"
        if each.level is None
        else f"{each.level}, {code_label(each.level)}",
        "Add-on": ", ".join(f"{code}, {code_label(code)}" for code in each.add_ons) or formats.DASH,
        "Documented": formats.NOT_RECORDED
        if each.stated is None
        else formats.yes_no(each.stated.is_documented),
        "Worked on": ", ".join(apcm.WORK_WORDS[one] for one in each.stated.elements)
        if each.stated and each.stated.elements
        else formats.DASH,
    }


# --- what the practice states ---------------------------------------------------------------------


def practice_states(view: ProgramView) -> None:
    """Draw what the practice states of each element, and for its owner the forms to state and attest."""
    person = view.person
    found = apcm.capabilities(store=store.store(), actor=person)
    many = sum(each.is_in_place is True for each in found.listed)
    unstated = sum(each.is_in_place is UNKNOWN for each in found.listed)
    said = f"{many} of {len(found.listed)} elements in place"
    if unstated:
        said += f", {unstated} not stated yet"
    attested = "attested" if found.is_attested is True else "not attested"
    st.header("What the practice can do", anchor=False)
    st.caption(
        f"{said} · {attested} · performance reporting: "
        f"{formats.yes_no(found.reports_performance).lower()}"
    )
    if may(person, Operation.EDIT_SETTINGS):
        _form(found, person)
    else:
        _read_only(found, person)
        st.caption("The practice's owner states and attests this.")


def _read_only(found: Capabilities, person: Actor) -> None:
    people = store.people(person)
    rows = [
        {
            "Element": ELEMENT_WORDS[each.element],
            "State": _words(each.is_in_place),
            "By": people[each.stated_by].signature if each.stated_by in people else formats.DASH,
            "On": formats.day(each.stated_on),
        }
        for each in found.listed
    ]
    with st.expander("The elements", icon=":material/checklist:"):
        widgets.table(pd.DataFrame(rows), alt="What the practice states", key="apcm_elements")


def _words(answer: Maybe[bool]) -> str:
    return "not stated" if answer is UNKNOWN else _STATED[answer]


def _form(found: Capabilities, person: Actor) -> None:
    people = store.people(person)
    with st.expander(
        "State each element",
        expanded=not found.is_complete,
        icon=":material/checklist:",
        key="apcm_checklist",
    ):
        st.caption("Yes: in place today, whether or not a patient needed it this month.")
        answers: dict[ApcmElement, Maybe[bool]] = {}
        with st.form("apcm_elements", border=False):
            columns = st.columns(2, gap="large")
            half = -(-len(found.listed) // 2)
            for place, each in enumerate(found.listed):
                with columns[place // half]:
                    said = people.get(each.stated_by or "")
                    who = f"{said.signature}, {formats.day(each.stated_on)}" if said else ""
                    answers[each.element] = yes_no_input(
                        ELEMENT_WORDS[each.element],
                        each.is_in_place,
                        key=f"apcm_{each.element}",
                        help_text=f"Stated by {who}." if who else "",
                    )
            is_sent = st.form_submit_button("Save the list", key="apcm_elements_save")
        if is_sent:
            with widgets.command():
                apcm.state_capabilities(
                    answers, store=store.store(), actor=person, clock=store.clock()
                )
                state.flash("The list is saved.")
                st.rerun()
    if found.is_attested is True:
        return
    with st.container(border=True):
        st.markdown(
            "Billing APCM means that the practice attests every element. "
            + (
                "All are stated to be in place: you can attest them."
                if found.is_complete
                else "State each of them first."
            )
        )
        if st.button(
            "Attest every element",
            type="primary",
            icon=":material/verified:",
            disabled=not found.is_complete,
            key="apcm_attest",
        ):
            with widgets.command():
                apcm.attest_capabilities(store=store.store(), actor=person, clock=store.clock())
                state.flash("Attested. Nothing is billed without it.")
                st.rerun()
    if found.reports_performance is not True:
        routes.link("settings", "State performance reporting in the settings")
