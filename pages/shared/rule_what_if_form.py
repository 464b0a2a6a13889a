"""The facts that "what if" lets a person change, as one calm block of controls."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

import streamlit as st

from pages.shared import formats, rule_text
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import MdmLevel, Program, StaffRole
from trellis_core.errors import CommandRefusedError
from trellis_core.rules.facts import Facts
from trellis_core.rules.labels import program_label
from trellis_core.rules.points import PolicyPoint
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.what_if import (
    MOST_MINUTES,
    ROLES,
    AddedMinutes,
    Changes,
    PolicyAnswer,
    enrolled,
)

PREFIX: Final = "rule_book_if_"
"""How the widget keys of every change begin."""
AS_SET: Final = ""
_ADDITIONS: Final = 3
_NEW: Final = "new:"
_ORDER: Final = (
    *ROLES, StaffRole.PSYCHIATRIC_CONSULTANT, StaffRole.NON_CLINICAL,
)  # fmt: skip
"""Who is offered first: those whose minutes usually count."""
_TIMED: Final = (Program.CCM, Program.PCM, Program.BHI, Program.COCM, Program.APCM)
_PLANNED: Final = _TIMED
_LEVELS: Final = {"As recorded": None, "Moderate": MdmLevel.MODERATE, "High": MdmLevel.HIGH}


def draw(
    book: RuleBook, facts: Facts, people: Mapping[str, StaffMember], *, today: date
) -> Changes:
    """Draw the controls and return what is imagined.

    Args:
        book: The rules.
        facts: What is on record about the month.
        people: Who works for the practice, by id.
        today: The practice's day.

    Raises:
        CommandRefusedError: A list of codes does not read.
    """
    month = facts.service_month
    day = max(min(today, month.last_day), month.first_day)
    with st.container(border=True):
        head, button = st.columns([3, 1], vertical_alignment="center")
        head.markdown("**What if …**")
        button.button(
            "Take all changes back", on_click=_clear, key="rule_book_clear",
            icon=":material/undo:", width="stretch",
        )  # fmt: skip
        added = _added(facts, people)
        left, right = st.columns(2, gap="medium")
        with left:
            consent_on = _consent(day)
            copies = st.multiselect(
                "Care plan on file, copy given", _PLANNED, format_func=_name,
                key=f"{PREFIX}copies", placeholder="As recorded",
            )  # fmt: skip
        with right:
            scale_on = _scale(day)
            level = st.segmented_control(
                "Decision making documented", list(_LEVELS), default="As recorded",
                required=True, key=f"{PREFIX}level",
                help="For complex chronic care, and for discharges in play.",
            )  # fmt: skip
        policy = _policy(book)
    return Changes(
        added=added,
        consent_on=consent_on,
        scale_on=scale_on,
        copies_given=frozenset(copies),
        decision_making=_LEVELS[level],
        policy=policy,
    )


def _clear() -> None:
    for key in [key for key in st.session_state if str(key).startswith(PREFIX)]:
        del st.session_state[key]


def _name(program: Program) -> str:
    return program_label(program)


def _added(facts: Facts, people: Mapping[str, StaffMember]) -> tuple[AddedMinutes, ...]:
    """Draw one line to add minutes, and another once it is used."""
    workers = {
        each.id: f"{each.signature} ({formats.words(each.role).lower()})"
        for each in sorted(people.values(), key=lambda each: _ORDER.index(each.role))
    } | {f"{_NEW}{role}": f"Somebody new: {formats.words(role).lower()}" for role in ROLES}
    own = [each.program for each in enrolled(facts) if each.program in _TIMED]
    programs = list(dict.fromkeys((*own, *_TIMED)))
    found: list[AddedMinutes] = []
    for place in range(_ADDITIONS):
        if place > len(found):
            break
        minutes, program, person = st.columns([1, 1, 2])
        count = minutes.number_input(
            "More minutes", min_value=0, max_value=MOST_MINUTES, value=0, step=1,
            key=f"{PREFIX}minutes_{place}",
        )  # fmt: skip
        chosen = program.selectbox(
            "For",
            programs,
            format_func=str,
            key=f"{PREFIX}program_{place}_{facts.patient.id}",
        )
        who = person.selectbox(
            "By", list(workers), format_func=lambda each: workers[each],
            key=f"{PREFIX}who_{place}",
        )  # fmt: skip
        if not count:
            break
        role = next((each for each in ROLES if who == f"{_NEW}{each}"), None)
        found.append(
            AddedMinutes(program=chosen, minutes=int(count), staff_id=who)
            if role is None
            else AddedMinutes(program=chosen, minutes=int(count), role=role)
        )
    return tuple(found)


def _consent(day: date) -> Mapping[Program, date]:
    program, on = st.columns([1, 1.15])
    chosen = program.selectbox(
        "Consent", ["", *_TIMED], format_func=lambda each: str(each) or "As recorded",
        key=f"{PREFIX}consent",
        help="Complete: documented, with every element, for the program's billing practitioner; in place of what is on record.",
    )  # fmt: skip
    dated = on.date_input(
        "Dated", value=day, key=f"{PREFIX}consent_on", disabled=not chosen,
        format="YYYY-MM-DD", min_value=rule_text.FIRST_DAY, max_value=rule_text.LAST_DAY,
    )  # fmt: skip
    return MappingProxyType({Program(chosen): dated} if chosen else {})


def _scale(day: date) -> date | None:
    is_on, on = st.columns([1, 1.15])
    chosen = is_on.selectbox(
        "Rating scale", [False, True],
        format_func=lambda each: "PHQ-9 on file" if each else "As recorded",
        key=f"{PREFIX}scale",
    )  # fmt: skip
    dated = on.date_input(
        "Dated", value=day, key=f"{PREFIX}scale_on", disabled=not chosen,
        format="YYYY-MM-DD", min_value=rule_text.FIRST_DAY, max_value=rule_text.LAST_DAY,
    )  # fmt: skip
    return dated if chosen else None


# --- payer policy -----------------------------------------------------------------------------


def _policy(book: RuleBook) -> Mapping[str, PolicyAnswer]:
    """Draw every payer-policy point, folded; return those with another answer."""
    found: dict[str, PolicyAnswer] = {}
    with st.expander("Payer policy", icon=":material/gavel:", key=f"{PREFIX}policy"):
        columns = st.columns(2, gap="medium")
        for place, point in enumerate(book.policy_points):
            with columns[place % len(columns)]:
                answer = _point(point)
            if answer is not None:
                found[point.key] = answer
    return MappingProxyType(found)


def _point(point: PolicyPoint) -> PolicyAnswer | None:
    key = f"{PREFIX}policy_{point.key}"
    if not point.answers:
        is_table = isinstance(point.default, Mapping)
        typed = st.text_input(
            point.question, key=key,
            placeholder="As set; for example 99494: 4" if is_table else "As set; codes, with spaces between",
        ).strip()  # fmt: skip
        if not typed:
            return None
        return _table(typed) if is_table else tuple(typed.upper().replace(",", " ").split())
    chosen = st.selectbox(
        point.question,
        [AS_SET, *point.answers],
        format_func=lambda each: point.answers[each] if each else "As set for the practice",
        key=key,
    )
    return typed_answer(point, chosen) if chosen else None


def typed_answer(point: PolicyPoint, chosen: str) -> PolicyAnswer:
    """Return an answer's value from its text, of the default's kind.

    Example:
        >>> from trellis_core.rules.rulebook import load_rule_book
        >>> points = {point.key: point for point in load_rule_book().policy_points}
        >>> typed_answer(points["g2214_minimum_minutes"], "30")
        30
    """
    if isinstance(point.default, bool):
        return chosen == "true"
    return int(chosen) if isinstance(point.default, int) else chosen


def _table(typed: str) -> Mapping[str, int]:
    """Read ``99494: 4, 99439: 1``."""
    found: dict[str, int] = {}
    for part in typed.replace(";", ",").split(","):
        code, _, units = part.partition(":")
        if not units.strip().isdigit():
            raise CommandRefusedError(
                "UNITS_UNREADABLE",
                f"'{part.strip()}' is not a code with its units. Write it as 99494: 4.",
            )
        found[code.strip().upper()] = int(units)
    return MappingProxyType(found)
