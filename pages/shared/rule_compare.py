"""Two days of the rule book beside each other: values, codes and amounts that differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd
import streamlit as st

from pages.shared import formats, rule_codes, rule_text, widgets
from trellis_core.care.people import Practice
from trellis_core.rules.labels import code_label
from trellis_core.rules.rulebook import RuleBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One rule that differs between two days.

    Attributes:
        since: The first day of what holds on the later day.
    """

    chapter: str
    description: str
    before: str
    after: str
    since: date
    citations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountChange:
    """One code whose amount differs, or that began or ended."""

    code: str
    before: str
    after: str
    difference: str
    what: str


def changes(book: RuleBook, prefixes: Sequence[str], earlier: date, later: date) -> list[Change]:
    """Return what differs between two days, by chapter and in the rule book's order."""
    titles = rule_text.chapters(book)
    found = []
    for prefix in prefixes:
        pairs = zip(
            rule_text.rows_on(book, prefix, earlier),
            rule_text.rows_on(book, prefix, later),
            strict=True,
        )
        for before, after in pairs:
            if (before.value, before.state) == (after.value, after.state) or after.since is None:
                continue
            found.append(
                Change(
                    chapter=titles[prefix],
                    description=after.description,
                    before=before.value or before.state,
                    after=after.value or after.state,
                    since=after.since,
                    citations=after.citations,
                )
            )
    return found


def amount_changes(
    book: RuleBook,
    prefixes: Sequence[str],
    earlier: date,
    later: date,
    practice: Practice,
    *,
    is_local: bool,
) -> list[AmountChange]:
    """Return the codes that began or ended between two days, and amounts that changed."""
    found: list[AmountChange] = []
    for prefix in prefixes:
        old = rule_codes.codes_on(book, prefix, earlier)
        new = rule_codes.codes_on(book, prefix, later)
        for code in dict.fromkeys((*old, *new)):
            before, after = (
                rule_codes.amount(book, code, on, practice, is_local=is_local)
                if code in held
                else None
                for on, held in ((earlier, old), (later, new))
            )
            what = "began" if code not in old else "ended" if code not in new else ""
            is_same = (before and before.amount) == (after and after.amount)
            if (is_same and not what) or any(each.code == code for each in found):
                continue
            difference = formats.DASH
            if before and after:
                gain = after.amount - before.amount
                share = gain / before.amount
                difference = f"{rule_text.signed(gain)} ({share:+.1%})"
            found.append(
                AmountChange(
                    code=code,
                    before=formats.money(before.amount if before else None),
                    after=formats.money(after.amount if after else None),
                    difference=difference,
                    what=what or ("changed" if before and after else "no amount on one day"),
                )
            )
    return found


def draw(book: RuleBook, today: date, practice: Practice) -> None:
    """Draw the comparison with its own two days and choice of programs."""
    titles = rule_text.chapters(book)
    left, middle, right = st.columns([2, 1, 1])
    chosen = left.selectbox(
        "Program",
        ["", *titles],
        format_func=lambda each: titles.get(each, "Everything"),
        key="rule_book_compare_program",
    )
    first = middle.date_input(
        "One day", value=rule_text.year_before(today), key="rule_book_earlier",
        format="YYYY-MM-DD", min_value=rule_text.FIRST_DAY, max_value=rule_text.LAST_DAY,
    )  # fmt: skip
    second = right.date_input(
        "Another day", value=today, key="rule_book_later",
        format="YYYY-MM-DD", min_value=rule_text.FIRST_DAY, max_value=rule_text.LAST_DAY,
    )  # fmt: skip
    earlier, later = sorted((first, second))
    prefixes = [chosen] if chosen else list(titles)
    found = changes(book, prefixes, earlier, later)
    st.markdown("## Rules")
    if found:
        st.markdown(_table(book, found, earlier, later))
    else:
        widgets.empty("No rule changed between these days.", icon="check")
    _amounts(book, prefixes, earlier, later, practice)


def _table(book: RuleBook, found: Sequence[Change], earlier: date, later: date) -> str:
    one, other = (rule_text.unbroken(formats.day(each)) for each in (earlier, later))
    lines = [
        f"| Program | Rule | {one} | {other} | Since | Sources |",
        "|:--|:--|:--|:--|:--|:--|",
    ]
    for each in found:
        cells = (
            formats.plain(each.chapter),
            formats.plain(each.description.rstrip(".")),
            rule_text.unbroken(each.before),
            f"**{rule_text.unbroken(each.after)}**",
            rule_text.unbroken(formats.day(each.since)),
            rule_text.sources_words(each.citations, book.sources),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _amounts(
    book: RuleBook, prefixes: Sequence[str], earlier: date, later: date, practice: Practice
) -> None:
    st.markdown("## Codes and amounts")
    is_local = False
    if practice.locality:
        here = f"{practice.state} {practice.locality}"
        place = st.segmented_control(
            "Amounts for", ["The nation", here], default=here, required=True,
            key="rule_book_compare_place", label_visibility="collapsed",
        )  # fmt: skip
        is_local = place == here
    found = amount_changes(book, prefixes, earlier, later, practice, is_local=is_local)
    if not found:
        widgets.empty("No code began or ended, and no amount changed.", icon="check")
        return
    frame = pd.DataFrame(
        {
            "Code": each.code,
            "Service": code_label(each.code),
            "What": formats.words(each.what),
            formats.day(earlier): each.before,
            formats.day(later): each.after,
            "Difference": each.difference,
        }
        for each in found
    )
    st.dataframe(
        frame, hide_index=True, height="content",
        alt="Codes and amounts that differ between two days",
    )  # fmt: skip
    last = book.covered_until
    if last is not None and later > last:
        st.caption(
            f"Days after {formats.day(last)} are not yet published: no amount is shown for them."
        )
