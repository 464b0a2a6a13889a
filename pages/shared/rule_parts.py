"""The first part of the rule book page: one program's rules on one day, in words, values, amounts."""

from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, rule_codes, rule_reading, rule_text, widgets
from trellis_core.care.people import Practice
from trellis_core.care.vocabulary import Program
from trellis_core.rules.rulebook import RuleBook

WORDS: Final = "In words"
VALUES: Final = "Every value"
FORMULAS: Final = "How amounts are computed"
VIEWS: Final = (WORDS, VALUES, FORMULAS)

_LEFT: Final = (
    rule_reading.BILLS,
    rule_reading.EARNS,
    rule_reading.PATIENTS,
    rule_reading.RECORD,
    rule_reading.EXCLUDES,
)


def say_when(book: RuleBook, prefix: str, on: date, today: date) -> None:
    """Say where a day lies outside of what is published, and where a check is over a year old."""
    if not rule_codes.is_published(book, on):
        last = formats.day(book.covered_until)
        st.warning(
            f"**{formats.day(on)} is not yet published.** The rule book covers days up to {last} "
            f"({formats.plain(book.covered_by)}). "
            "What stands here is the newest on file and may change; no amount is shown.",
            icon=":material/event_upcoming:",
        )
    elif loaded := book.amounts_only(on):
        st.warning(formats.plain(loaded), icon=":material/event_upcoming:")
    stale = rule_text.stale_words(book, prefix, today)
    if stale:
        st.warning(stale, icon=":material/history:")


def words(book: RuleBook, program: Program, on: date, text: str, practice: Practice) -> None:
    """Draw a program's rules as a biller reads them."""
    rows = rule_codes.code_rows(book, program.value.lower(), on, practice)
    if not rows:
        widgets.empty(
            f"{program} had no code in force on {formats.day(on)}. Choose a later day.",
            icon="event_busy",
        )
        return
    found = rule_reading.sections(book, program, on, text)
    if not found:
        widgets.empty("No rule here holds these words on this day.", icon="search_off")
        return
    if not text:
        _codes(book, rows, on, practice)
    left, right = st.columns(2, gap="large")
    with left:
        _sections(book, {name: found[name] for name in _LEFT if name in found})
    with right:
        if not text:
            _bands(book, program, on)
        _sections(book, {name: found[name] for name in found if name not in _LEFT})
    st.caption(rule_text.reading_words(book.sources))


def _codes(book: RuleBook, rows: list[rule_codes.CodeRow], on: date, practice: Practice) -> None:
    frame = pd.DataFrame(
        {
            "Code": row.code,
            "Service": row.label,
            "Needs": row.needs,
            "Most units": str(row.most) if row.most else formats.DASH,
            "Since": formats.day(row.since),
            "National": formats.money(row.national.amount if row.national else None),
            "Here": formats.money(row.here.amount if row.here else None),
        }
        for row in rows
    )
    is_published = rule_codes.is_published(book, on)
    if not is_published:
        frame = frame.drop(columns=["National", "Here"])
    elif not practice.locality:
        frame = frame.drop(columns="Here")
    widgets.table(
        frame,
        alt="Codes of the program with minutes, units and amounts",
        columns={"Service": st.column_config.TextColumn(width="medium")},
    )
    said = []
    if is_published:
        place = f"Here: {practice.state} {practice.locality}. " if practice.locality else ""
        said.append(
            f"{place}Amounts are Medicare's for one unit, {formats.words(practice.setting).lower()}, in full."
        )
    table = rule_codes.cap_table(book, on)
    if table is not None:
        age = rule_codes.age_words(table, on)
        said.append(
            f"Units are capped by [CMS's table of {formats.day(table.effective_from)}]({table.url})"
            f"{f', {age}' if age else ''}."
        )
    st.markdown(f":small[{' '.join(said)}]")


def _bands(book: RuleBook, program: Program, on: date) -> None:
    found = rule_codes.bands(book, program.value.lower(), on)
    if not found:
        return
    st.markdown("## From minutes to codes")
    lines = ["| Minutes | Codes |", "|:--|:--|"]
    for band in found:
        if len(found) > 1:
            lines.append(f"| **{formats.plain(band.title)}** | |")
        lines += [
            f"| {rule_text.unbroken(minutes)} | {formats.plain(codes)} |"
            for minutes, codes in band.rows
        ]
    st.markdown("\n".join(lines))


def written(book: RuleBook, each: rule_reading.Sentence) -> str:
    """Write a sentence as a list item, with its note, first day and sources."""
    kept = rule_text.note_words(each.note)
    note = f" :small[*{formats.plain(kept)}*]" if kept else ""
    under = rule_text.since_line(each.since, each.citations, book.sources, each.note)
    return f"- {each.text}{note}  \n  {under}"


def _sections(book: RuleBook, found: dict[str, list[rule_reading.Sentence]]) -> None:
    for name, sentences in found.items():
        lines = [f"## {name}", *(written(book, each) for each in sentences)]
        st.markdown("\n".join(lines))


def values(book: RuleBook, prefix: str, on: date, text: str) -> None:
    """Draw a chapter's parameters by element, each with value, first day and sources."""
    is_ended_shown = st.toggle("Show rules that ended or have not begun", key="rule_book_all")
    rows = rule_text.matching(rule_text.rows_on(book, prefix, on), text, book.sources)
    rows = [row for row in rows if is_ended_shown or row.state == "in force"]
    if not rows:
        widgets.empty("No rule here holds these words on this day.", icon="search_off")
        return
    for element in dict.fromkeys(row.element for row in rows):
        st.markdown(f"## {formats.plain(rule_text.element_title(element))}")
        own = [row for row in rows if row.element == element]
        st.markdown(rule_text.table_of(own, book.sources))
    st.caption(rule_text.reading_words(book.sources))


def formulas(book: RuleBook, prefix: str, on: date, text: str, practice: Practice) -> None:
    """Draw how the amount of each code came about, for the person who checks it."""
    wanted = text.lower().split()
    rows = []
    for row in rule_codes.code_rows(book, prefix, on, practice):
        held = f"{row.code} {row.label}".lower()
        shown = row.here or row.national
        if shown is not None and all(word in held for word in wanted):
            rows.append(
                {
                    "Code": row.code,
                    "Service": row.label,
                    "Amount": formats.money(shown.amount),
                    "How it is computed": shown.formula,
                    "Schedule": f"{shown.schedule}, {shown.release}",
                }
            )
    if not rows:
        widgets.empty("No amount is on file for these codes on this day.", icon="money_off")
        return
    widgets.table(pd.DataFrame(rows), alt="How each amount is computed")
    place = f"{practice.state} {practice.locality}" if practice.locality else "the nation"
    st.caption(f"Full allowed amount of one unit for {place}, from the tables that CMS published.")
