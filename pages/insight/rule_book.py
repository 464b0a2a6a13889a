"""Rule book: the rules in force on a day in plain words, with value, since when and source."""

from datetime import date, timedelta

import pandas as pd
import streamlit as st

from pages.shared import formats, rule_text, store, widgets
from trellis_core.access import Operation
from trellis_core.care.vocabulary import Program
from trellis_core.rules.facts import Policy
from trellis_core.rules.labels import code_label
from trellis_core.rules.sources import RANK

actor = store.require(Operation.READ_RULE_BOOK)
practice = store.practice(actor)
book = store.rule_book()


def rules(prefix: str, on: date, text: str) -> None:
    """Draw a program's parameters by element, in words."""
    rows = rule_text.matching(rule_text.rows_on(book, prefix, on), text, book.sources)
    is_ended_shown = st.toggle("Show rules that ended or have not begun", key="rule_book_all")
    rows = [row for row in rows if is_ended_shown or row.state == "in force"]
    if not rows:
        widgets.empty("No rule here holds these words on this day.", icon="search_off")
        return
    for element in dict.fromkeys(row.element for row in rows):
        st.markdown(f"#### {formats.plain(rule_text.element_title(element))}")
        own = [row for row in rows if row.element == element]
        st.markdown(rule_text.table_of(own, book.sources))
    st.caption(
        "Rank is the order of authority: "
        + ", ".join(f"{place} {rule_text.KINDS[kind]}" for place, kind in enumerate(RANK, start=1))
        + ". "
        + rule_text.reading_words(book.sources)
    )


def amounts(prefix: str, on: date, text: str) -> None:
    """Draw a program's codes with the day's national and local amounts."""
    codes = rule_text.codes_on(book, prefix, on)
    rows = []
    for code in codes:
        if text and text.lower() not in f"{code} {code_label(code)}".lower():
            continue
        national = book.amounts.allowed(code, on=on, setting=practice.setting)
        local = book.amounts.allowed(
            code, on=on, state=practice.state, locality=practice.locality,
            setting=practice.setting, qualifying_apm=practice.qualifying_apm,
        )  # fmt: skip
        rows.append(
            {
                "Code": code,
                "Service": code_label(code),
                "National": formats.money(national.amount if national else None),
                "Here": formats.money(local.amount if local else None),
                "How it is computed": local.formula if local else "no amount on file for this day",
                "Schedule": f"{local.schedule} {local.release}" if local else formats.DASH,
            }
        )
    if not rows:
        widgets.empty("No code here holds these words on this day.", icon="search_off")
        return
    frame = pd.DataFrame(rows)
    if not practice.locality:
        frame = frame.drop(columns="Here")
    widgets.table(frame, alt="Codes with their amounts", key="rule_book_amounts")
    here = f"Here: {practice.state} {practice.locality}, " if practice.locality else ""
    last = book.amounts.last_priced_day
    st.caption(
        f"One unit, full allowed amount. {here}{formats.words(practice.setting)}. "
        f"Amounts are on file up to {formats.day(last)}; later days have none."
    )


def changed(prefix: str, on: date) -> None:
    """Draw what differs between a day and an earlier one."""
    earlier = st.date_input(
        "Compared with",
        value=on - timedelta(days=365),
        key="rule_book_earlier",
        format="YYYY-MM-DD",
    )
    found = rule_text.changes(book, prefix, earlier, on)
    if not found:
        widgets.empty("Nothing changed between these days.", icon="check")
        return
    widgets.table(
        pd.DataFrame(found, columns=["Rule", formats.day(earlier), formats.day(on)]),
        alt="Rules that differ between two days", key="rule_book_changes",
    )  # fmt: skip


def policies() -> None:
    """Draw the points on which payers differ, with the default answer."""
    st.markdown(
        "Authorities or payers differ on these points. Trellis uses these answers unless a payer's own is set."
    )
    frame = pd.DataFrame(rule_text.policy_words(Policy()), columns=["Point", "Default"])
    st.dataframe(frame, hide_index=True, height="content", alt="Payer-policy defaults")


widgets.heading(
    "Rule book",
    f"Edition {book.version}. Every value is dated and cited; nothing is current by itself.",
)
left, middle, right = st.columns([3.1, 1, 1.3])
prefixes = rule_text.chapters(book)
program = left.segmented_control(
    "Program", list(prefixes), format_func=lambda each: prefixes[each], required=True,
    default=Program.CCM.lower(), key="rule_book_program",
)  # fmt: skip
day = middle.date_input(
    "In force on", value=store.today(actor), key="rule_book_day", format="YYYY-MM-DD"
)
words = right.text_input(
    "Search",
    placeholder="copy, 99439, business days",
    icon=":material/search:",
    key="rule_book_text",
)
part = st.segmented_control(
    "Part", ["Rules", "Codes and amounts", "What changed", "Payer policy", "Not covered"],
    default="Rules", required=True, key="rule_book_part", label_visibility="collapsed",
)  # fmt: skip
if part == "Rules":
    rules(program, day, words)
elif part == "Codes and amounts":
    amounts(program, day, words)
elif part == "What changed":
    changed(program, day)
elif part == "Payer policy":
    policies()
else:
    st.markdown("\n".join(f"- {formats.plain(each)}" for each in rule_text.NOT_COVERED))
checked = formats.day(rule_text.reviewed_on(book, program))
st.caption(
    f"Compiled on {checked}. Fingerprint {formats.plain(book.fingerprint[:23])}: "
    "it stands on every superbill drawn up with this edition."
)
widgets.disclaimer()
