"""The folded primer of a program page, generated from the rule book: codes, minutes, amounts."""

from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, routes, rule_reading, store, widgets
from trellis_core.care.people import Practice
from trellis_core.care.vocabulary import Program
from trellis_core.rules.labels import code_label
from trellis_core.rules.rulebook import RuleBook

_CODE: Final = "hcpcs"
_MINUTES: Final = ("minutes", "minutes_each")


_PARTS: Final = (
    ("Who qualifies", (rule_reading.PATIENTS,)),
    ("What must exist first", (rule_reading.RECORD,)),
    ("Who does the work, and who bills", (rule_reading.EARNS, rule_reading.BILLS)),
)
"""Headings of the primer, each with the rule book's sections that stand under it."""


def draw(program: Program, *, practice: Practice, on: date) -> None:
    """Draw the primer, folded.

    Args:
        program: Which program.
        practice: Whose locality and setting give the amounts.
        on: The day whose rules and amounts are shown.
    """
    book = store.rule_book()
    prefix = f"{formats.program_slug(program)}."
    with st.expander("How this program is billed", icon=":material/menu_book:"):
        st.caption(f"From the rule book, as in force on {formats.day(on)}.")
        sections = rule_reading.sections(book, program, on)
        for heading, names in _PARTS:
            sentences = [each for name in names for each in sections.get(name, [])]
            if sentences:
                st.markdown(f"**{heading}**")
                st.markdown("\n".join(f"- {each.text}" for each in sentences))
        rows = _codes(book, prefix, practice=practice, on=on)
        if rows:
            st.markdown(f"**Minutes, codes and amounts of {on.year}, {_here(practice)}**")
            widgets.table(
                pd.DataFrame(rows),
                alt="Codes of the program with minutes and amounts",
                key=f"{prefix}primer",
            )
        routes.link("rule-book", "Open the rule book for the rest", icon=":material/menu_book:")


def _here(practice: Practice) -> str:
    """Say where the amounts are those of.

    Example:
        >>> _here(Practice(id="p", name="A", state="NY", locality="99"))
        'locality NY 99'
        >>> _here(Practice(id="p", name="A"))
        'national'
    """
    if practice.state and practice.locality:
        return f"locality {practice.state} {practice.locality}"
    return "national"


def _codes(book: RuleBook, prefix: str, *, practice: Practice, on: date) -> list[dict[str, str]]:
    rows = []
    for path in book.parameters:
        element, _, attribute = path.rpartition(".")
        if not path.startswith(prefix) or attribute != _CODE or not book.is_in_force(path, on=on):
            continue
        code = book.value(path, on=on)
        if not isinstance(code, str):
            continue
        allowed = book.amounts.allowed(
            code,
            on=on,
            state=practice.state if practice.locality else None,
            locality=practice.locality,
            setting=practice.setting,
            qualifying_apm=practice.qualifying_apm,
        )
        rows.append(
            {
                "Code": code,
                "What it is": code_label(code),
                "Minutes": _minutes(book, element, on=on),
                "Allowed here": formats.money(allowed.amount if allowed else None),
            }
        )
    return rows


def _minutes(book: RuleBook, element: str, *, on: date) -> str:
    for attribute in _MINUTES:
        path = f"{element}.{attribute}"
        if path in book.parameters and book.is_in_force(path, on=on):
            each = " each" if attribute == "minutes_each" else ""
            return f"{book.value(path, on=on)}{each}"
    return formats.DASH
