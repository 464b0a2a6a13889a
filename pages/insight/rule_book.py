"""Rule book: the rules of any day in plain words, what changed, who may bill, and what if."""

from datetime import date

import streamlit as st

from pages.shared import (
    formats,
    rule_compare,
    rule_parts,
    rule_points,
    rule_text,
    rule_what_if,
    store,
    widgets,
)
from trellis_core.access import Operation, may
from trellis_core.care.vocabulary import Program

RULES, COMPARE, CREDENTIALS = "Rules", "Compare two dates", "Credentials"
POLICY, NOT_COVERED, SOURCES, WHAT_IF = "Payer policy", "Not covered", "Sources", "What if"
KEPT = (
    "rule_book_program", "rule_book_day", "rule_book_text", "rule_book_view",
    "rule_book_compare_program", "rule_book_earlier", "rule_book_later", "rule_book_patient",
)  # fmt: skip

actor = store.require(Operation.READ_RULE_BOOK)
practice = store.practice(actor)
book = store.rule_book()
today = store.today(actor)
programs = {program.value.lower(): program for program in Program}


def keep_choices() -> None:
    """Keep what was chosen in parts that are not on screen."""
    for key in KEPT:
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]


def ask_day(place: "st.delta_generator.DeltaGenerator") -> date:
    """Ask for the day whose rules are shown."""
    chosen: date = place.date_input(
        "In force on", value=today, key="rule_book_day", format="YYYY-MM-DD",
        min_value=rule_text.FIRST_DAY, max_value=rule_text.LAST_DAY,
    )  # fmt: skip
    return chosen


def ask_text(place: "st.delta_generator.DeltaGenerator", example: str) -> str:
    """Ask for words to search for."""
    return place.text_input(
        "Search", placeholder=example, icon=":material/search:", key="rule_book_text"
    ).strip()


def rules() -> None:
    """Draw one program's rules on one day."""
    chapters = rule_text.chapters(book)
    left, middle, right = st.columns([3.1, 1, 1.3])
    chosen = left.segmented_control(
        "Program", list(chapters), format_func=lambda each: chapters[each], required=True,
        default=Program.CCM.lower(), key="rule_book_program",
    )  # fmt: skip
    day = ask_day(middle)
    text = ask_text(right, "copy, 99439, business days")
    rule_parts.say_when(book, chosen, day, today)
    program = programs.get(chosen)
    view = rule_parts.VALUES
    if program is not None:
        view = st.segmented_control(
            "View", rule_parts.VIEWS, default=rule_parts.WORDS, required=True,
            key="rule_book_view", label_visibility="collapsed",
        )  # fmt: skip
    if view == rule_parts.WORDS and program is not None:
        rule_parts.words(book, program, day, text, practice)
    elif view == rule_parts.FORMULAS:
        rule_parts.formulas(book, chosen, day, text, practice)
    else:
        rule_parts.values(book, chosen, day, text)
    checked = formats.day(rule_text.reviewed_on(book, chosen))
    st.caption(f"Checked against its sources on {checked}.")


keep_choices()
widgets.heading(
    "Rule book",
    f"Edition {book.version}. Every value is dated and cited; nothing is current by itself.",
)
parts = [RULES, COMPARE, CREDENTIALS, POLICY, NOT_COVERED, SOURCES]
if may(actor, Operation.READ_CHART):
    parts.append(WHAT_IF)
part = st.segmented_control(
    "Part", parts, default=RULES, required=True, key="rule_book_part", label_visibility="collapsed"
)
if part == RULES:
    rules()
elif part == COMPARE:
    rule_compare.draw(book, today, practice)
elif part == CREDENTIALS:
    on, _ = st.columns([1, 4])
    day = ask_day(on)
    rule_parts.say_when(book, rule_text.COMMON, day, today)
    rule_points.credentials(book, day)
elif part == POLICY:
    rule_points.policy(book)
elif part == NOT_COVERED:
    words, _ = st.columns([1.3, 4])
    rule_points.not_covered(book, ask_text(words, "RPM, 99457"))
elif part == SOURCES:
    rule_points.sources(book)
else:
    rule_what_if.draw(actor, book, store.month(actor))
st.caption(
    f"Fingerprint {formats.plain(book.fingerprint[:23])}: "
    "it stands on every superbill drawn up with this edition."
)
widgets.disclaimer()
