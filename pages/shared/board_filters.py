"""The board's filters: kept in the address as opaque values, so that a reload or a link opens them.

What is typed to search for a person is kept nowhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import streamlit as st

from pages.shared import formats, state, store
from pages.shared.chart_map import TITLES, Section, is_practice_fact, section_for
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Program
from trellis_core.rules.reasons import Reason
from trellis_core.services import sites
from trellis_core.services.board import Board, BoardState

MINE: Final = "mine"
"""Stands for whoever is signed in, so that a link shows everybody their own."""
OWN_ADDRESS: Final = "own"
"""Stands for the practice's own address, among its sites."""
PRACTICE: Final = "practice"
"""Stands for facts about the practice, among what is in the way."""
DUE: Final = "due"
_KEPT: Final = "thresholds_kept"
_NAMES: Final = ("program", "coordinator", "site", "blocked", "contact", "answer", "page")
"""Query parameters, and the ends of the widgets' keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What narrows the board.

    Attributes:
        coordinator: A staff id.
        site: A site's id; empty for the practice's own address.
        in_the_way: Reasons, one of which is in the way; None for any or none.
        is_contact_due: Only whose next contact is due by today.
    """

    program: Program | None = None
    coordinator: str | None = None
    site: str | None = None
    in_the_way: frozenset[Reason] | None = None
    is_contact_due: bool = False
    text: str = ""

    @property
    def is_any(self) -> bool:
        """Something narrows the board."""
        return self != Filters()


def reasons_of(group: str) -> frozenset[Reason]:
    """Return the reasons that one part of the chart, or the practice's settings, answers.

    Example:
        >>> Reason.CONSENT_MISSING in reasons_of("consent")
        True
    """
    if group == PRACTICE:
        return frozenset(reason for reason in Reason if is_practice_fact(reason))
    return frozenset(reason for reason in Reason if section_for(reason) == group)


def restore() -> None:
    """Take up the filters of the address; where it names nothing, those that were left last."""
    named = {name: st.query_params[name] for name in _NAMES if name in st.query_params}
    if not named and state.chosen_patient() is None:
        named = st.session_state.get(_KEPT, {})
    for name, value in named.items():
        key = f"thresholds_{name}"
        if key not in st.session_state and (read := _read(name, value)) is not None:
            st.session_state[key] = read


def _read(name: str, value: str) -> object:
    """Return a widget's value for a word of the address; None for a word that means nothing."""
    if name == "program":
        return next((program for program in Program if program.value == value), None)
    if name == "answer":
        return next((answer for answer in BoardState if answer.value == value), None)
    if name == "page":
        return int(value) if value.isascii() and value.isdigit() and int(value) else None
    if name == "blocked":
        return value if value in _GROUPS else None
    if name == "contact":
        return True if value == DUE else None
    return value


def keep(*, page: int) -> None:
    """Write the filters into the address, or take them out of it."""
    kept = st.session_state
    answer = kept.get("thresholds_answer")
    words = {
        "program": str(kept.get("thresholds_program") or ""),
        "coordinator": kept.get("thresholds_coordinator") or "",
        "site": kept.get("thresholds_site") or "",
        "blocked": kept.get("thresholds_blocked") or "",
        "contact": DUE if kept.get("thresholds_contact") else "",
        "answer": answer.value if isinstance(answer, BoardState) else "",
        "page": str(page) if page > 1 else "",
    }
    kept[_KEPT] = {name: word for name, word in words.items() if word}
    for name, word in words.items():
        if not word:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != word:
            st.query_params[name] = word


def chosen(person: Actor) -> Filters:
    """Return what narrows the board now."""
    kept = st.session_state
    program, coordinator = kept.get("thresholds_program"), kept.get("thresholds_coordinator")
    group, site = kept.get("thresholds_blocked"), kept.get("thresholds_site")
    return Filters(
        program=program if isinstance(program, Program) else None,
        coordinator=(person.person_id if coordinator == MINE else coordinator) or None,
        site="" if site == OWN_ADDRESS else site or None,
        in_the_way=reasons_of(group) if group else None,
        is_contact_due=bool(kept.get("thresholds_contact")),
        text=(kept.get("thresholds_text") or "").strip(),
    )


def places(found: Board, person: Actor) -> dict[str, str]:
    """Return names of the places to choose from; none where everybody is seen at one."""
    chosen = st.session_state.get("thresholds_site")
    if len(found.sites) <= 1 and not chosen:
        return {}
    names = {OWN_ADDRESS: "The practice's own address"} | {
        each.id: each.name for each in sites.sites(store=store.store(), actor=person)
    }
    wanted = {site or OWN_ADDRESS for site in (*found.sites, chosen)}
    return {site: name for site, name in names.items() if site in wanted} | dict.fromkeys(
        wanted - names.keys(), "A site that is gone"
    )


def draw(
    person: Actor,
    *,
    coordinators: frozenset[str],
    people: Mapping[str, str],
    at: Mapping[str, str],
) -> None:
    """Draw the filters behind one button that says what narrows the board.

    Args:
        person: Who looks.
        coordinators: Who has rows on the board.
        people: Short names of the practice's people by id.
        at: Names of the places where patients are seen; empty where there is one only.
    """
    named = st.session_state.get("thresholds_coordinator") or ""
    others = {*coordinators, named} - {"", MINE, person.person_id}
    ordered = sorted(others, key=lambda who: people.get(who, who))
    with st.popover(_words(people, at), icon=":material/filter_list:"):
        st.text_input("Name, MRN or birth date", key="thresholds_text")
        st.selectbox(
            "Program",
            ["", *Program],
            format_func=lambda program: str(program) or "All programs",
            key="thresholds_program",
        )
        st.selectbox(
            "Coordinator",
            ["", MINE, *ordered],
            format_func=lambda who: (
                {"": "Everybody", MINE: "Mine"}.get(who) or people.get(who, "Somebody who left")
            ),
            key="thresholds_coordinator",
            help="Who worked most on a row this month.",
        )
        if at:
            st.selectbox(
                "Site",
                ["", *at],
                format_func=lambda site: at.get(site, "All sites"),
                key="thresholds_site",
            )
        st.selectbox(
            "In the way",
            ["", *_GROUPS],
            format_func=lambda group: _GROUPS.get(group, "Anything or nothing"),
            key="thresholds_blocked",
        )
        st.toggle("Contact due today or overdue", key="thresholds_contact")
        st.button("Show everybody", on_click=_clear, type="tertiary", key="thresholds_clear")


def _clear() -> None:
    for name in ("program", "coordinator", "site", "blocked", "text"):
        st.session_state[f"thresholds_{name}"] = ""
    st.session_state["thresholds_contact"] = False


def _words(people: Mapping[str, str], at: Mapping[str, str]) -> str:
    kept = st.session_state
    who = kept.get("thresholds_coordinator") or ""
    parts = (
        kept.get("thresholds_text"),
        kept.get("thresholds_program"),
        "Mine" if who == MINE else people.get(who, who and "Somebody who left"),
        at.get(kept.get("thresholds_site") or ""),
        _GROUPS.get(kept.get("thresholds_blocked") or ""),
        "Contact due" if kept.get("thresholds_contact") else "",
    )
    return ", ".join(formats.plain(str(part)) for part in parts if part) or "Filter"


_GROUPS: Final = {
    **{
        section.value: TITLES[section]
        for section in Section
        if section is not Section.MONTH and section in TITLES
    },
    PRACTICE: "Practice settings",
}
"""What may be in the way, by the part of the chart that records it."""
