"""The frame around every page: page settings, the role's menu, the sidebar, the running timer."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final

import streamlit as st

from pages.shared import (
    active_time,
    corrections,
    emergency_view,
    formats,
    job_view,
    ledger_health,
    state,
    store,
    time_entry,
    welcome,
    widgets,
    work_parts,
)
from pages.shared.routes import ICON, PAGES, ROOT, home_of, link, menu, open_page, spec
from trellis_core.access import AccessRole, Actor, Operation, may
from trellis_core.care.people import Practice
from trellis_core.services import caseload
from trellis_core.values.periods import ServiceMonth

if TYPE_CHECKING:
    from streamlit.navigation.page import Page

SIDEBAR_WIDTH: Final = 256
ROI: Final = "roi"
"""The one page that needs no practice."""
_SEARCH_HITS: Final = 6


def main() -> None:
    """Draw the dashboard: run by ``dashboard.py`` on every rerun."""
    st.set_page_config(
        page_title="Trellis",
        page_icon=str(ICON),
        layout="wide",
        initial_sidebar_state=SIDEBAR_WIDTH,
    )
    if store.is_empty():
        _run_alone(welcome.draw, "Welcome", also=(ROI,))
        return
    with store.one_moment():
        _signed_in()


def _signed_in() -> None:
    person = store.actor()
    if person is None:
        _run_alone(store.stop_signed_out, "Signed out")
        return
    active_time.interacted()
    chosen = st.navigation(_navigation(person), expanded=True)
    st.logo(str(ICON), size="large")
    practice = store.practice(person)
    _sidebar(person, practice)
    state.state().is_sample = practice.is_sample
    time_entry.timer_bar(person)
    corrections.dialog(person)
    active_time.offer_missed(person)
    work_parts.suggestion_bar(person)
    ledger_health.banner(person)
    emergency_view.banner(person)
    widgets.show_flashes()
    try:
        chosen.run()
    finally:
        active_time.look_at(state.chosen_patient())


def _run_alone(draw: Callable[[], None], title: str, *, also: Collection[str] = ()) -> None:
    """Run one thing whatever the address names, and the pages that need no practice."""
    st.navigation(
        [st.Page(draw, title=title, url_path="start", default=True)]
        + [
            _page(page.name, is_listed=False)
            if page.name in also
            else st.Page(draw, title=title, url_path=page.name, visibility="hidden")  # links wait
            for page in PAGES
        ],
        position="hidden",
    ).run()


def _navigation(person: Actor) -> dict[str, list["Page"]]:
    listed = menu(person)
    named = {name for names in listed.values() for name in names}
    sections: dict[str, list[Page]] = {
        section: [_page(name) for name in names] for section, names in listed.items()
    }
    first = next(iter(sections))
    home = home_of(person)

    def go_home() -> None:
        open_page(home, patient_id=state.chosen_patient())

    sections[first].insert(
        0, st.Page(go_home, title="Home", url_path="home", default=True, visibility="hidden")
    )
    if "programs" in named:
        named.add("ccm")
    sections[first].extend(
        _page(page.name, is_listed=False)
        for page in PAGES
        if page.name not in named and may(person, page.operation)
    )
    return sections


def _page(name: str, *, is_listed: bool = True) -> "Page":
    found = spec("ccm" if name == "programs" else name)
    return st.Page(
        ROOT / f"pages/{found.path}.py",
        title="Programs" if name == "programs" else found.title,
        icon=":material/health_and_safety:" if name == "programs" else found.icon,
        url_path=found.name,
        visibility="visible" if is_listed else "hidden",
    )


def _sidebar(person: Actor, practice: Practice) -> None:
    today = store.today(person)
    with st.sidebar:
        state.restore_month(today)
        months = state.month_options(today)
        chosen = st.session_state[state.MONTH_KEY]
        st.selectbox(
            "Service month",
            months,
            index=months.index(chosen)
            if chosen in months
            else 0,  # should the first run be cut off
            format_func=lambda text: formats.month_name(ServiceMonth.parse(text)),
            key=state.MONTH_KEY,
        )
        state.keep_month(today)
        _search(person)
        me = store.people(person).get(person.person_id)
        st.divider()
        st.markdown(f"**{formats.plain(me.signature if me else person.person_id)}**")
        st.caption(f"{_role_words(person)} · {formats.plain(practice.name)}")
        with st.container(horizontal=True, gap="small"):
            if st.button("Sign out", icon=":material/logout:", key="shell_sign_out"):
                store.leave_to(store.SIGN_OUT_PATH)
            if not practice.is_sample and may(person, Operation.CHANGE_OWN_SIGN_IN):
                link("own-sign-in", "Your sign-in", icon=":material/key:")
        if may(person, Operation.READ_ACCESS_LOG) and not may(person, Operation.READ_LEDGER):
            link("access-log", "Your access log", icon=":material/policy:")
        job_view.draw(person)


def _role_words(person: Actor) -> str:
    """Write what a person is here; who has no role of the practice is what the own work is."""
    if person.role is AccessRole.OWN_WORK:
        if person.is_psychiatric_consultant:
            return "Psychiatric consultant"
        if person.is_billing_practitioner:
            return "Billing practitioner"
    return formats.role(person.role)


def _search(person: Actor) -> None:
    if not may(person, Operation.READ_REGISTRY):
        return
    text = st.text_input(
        "Find a patient",
        key="shell_search",
        placeholder="Name, MRN or birth date",
        icon=":material/search:",
    ).strip()
    if not text:
        return
    found = caseload.patients(
        text=text, limit=_SEARCH_HITS, store=store.store(), actor=person, clock=store.clock()
    )
    for patient in found.rows:
        words = [patient.name, *([patient.mrn] if patient.mrn else [])]
        link("chart", " · ".join(words), patient_id=patient.id)
    if not found.rows:
        st.caption("Nobody found.")
    elif found.total > len(found.rows):
        st.caption(f"{found.total - len(found.rows):,} more; type more of the name.")
