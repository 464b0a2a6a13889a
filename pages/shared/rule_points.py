"""What the rule book says beside its rules: payer policy, what is not covered, credentials, sources."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Final

import streamlit as st

from pages.shared import formats, rule_parts, rule_reading, rule_text, widgets
from trellis_core.rules.points import PolicyDefault, PolicyPoint
from trellis_core.rules.rulebook import RuleBook
from trellis_core.rules.sources import RANK, source_id

_YES: Final = ":material/check: yes"


def answer_words(point: PolicyPoint, answer: PolicyDefault) -> str:
    """Write an answer to a payer-policy point.

    Example:
        >>> from trellis_core.rules.rulebook import load_rule_book
        >>> points = {point.key: point for point in load_rule_book().policy_points}
        >>> answer_words(points["tcm_bundles"], ()), answer_words(points["unit_caps"], {"99494": 4})
        ('None', '99494: 4')
    """
    if isinstance(answer, Mapping):
        return ", ".join(f"{code}: {units}" for code, units in answer.items()) or (
            "The dated table of unit caps"
        )
    if isinstance(answer, tuple):
        return ", ".join(answer) or "None"
    return point.answers.get(str(answer).lower(), formats.words(str(answer)))


def policy(book: RuleBook) -> None:
    """Draw the points on which payers differ, with every answer, who says what and why."""
    st.caption(
        f"Authorities or payers differ on {formats.count(len(book.policy_points), 'point')}. "
        "Trellis uses the default unless a payer's own answer is set."
    )
    for point in book.policy_points:
        with st.container(border=True):
            default = answer_words(point, point.default)
            lines = [
                f"**{formats.plain(point.question)}**",
                f"- **Default: {formats.plain(default)}**",
            ]
            lines += [
                f"- Or: {formats.plain(words)}"
                for key, words in point.answers.items()
                if key != str(point.default).lower()
            ]
            st.markdown("\n".join(lines))
            _positions(book, point.positions, f"Why this default: {point.note}", point.citations)


def _positions(
    book: RuleBook, positions: tuple[str, ...], why: str, citations: tuple[str, ...]
) -> None:
    said = "\n".join(f"- {formats.plain(each)}" for each in positions)
    st.markdown(
        f"{said}\n\n{formats.plain(why)}  \n{rule_text.sources_words(citations, book.sources)}"
    )


def not_covered(book: RuleBook, text: str = "") -> None:
    """Draw the programs that Trellis leaves out, and what nobody has settled."""
    wanted = text.lower().split()

    def holds(*words: str) -> bool:
        held = " ".join(words).lower()
        return all(each in held for each in wanted)

    programs = [
        each
        for each in book.adjacent_programs
        if holds(each.name, *each.codes, each.why, each.beside)
    ]
    open_points = [
        each for each in book.open_points if holds(each.question, each.reading, *each.positions)
    ]
    if not programs and not open_points:
        widgets.empty("Nothing here holds these words.", icon="search_off")
        return
    if programs:
        st.markdown("## Programs that Trellis does not cover")
        for each in programs:
            with st.container(border=True):
                st.markdown(
                    f"**{formats.plain(each.name)}**: {', '.join(each.codes)}\n\n"
                    f"{formats.plain(each.why)} {formats.plain(each.beside)}  \n"
                    f"{rule_text.sources_words(each.citations, book.sources)}"
                )
    if open_points:
        st.markdown("## What nobody has settled")
        for point in open_points:
            with st.container(border=True):
                st.markdown(f"**{formats.plain(point.question)}**")
                _positions(
                    book, point.positions, f"As Trellis reads it: {point.reading}", point.citations
                )


def credentials(book: RuleBook, on: date) -> None:
    """Draw what each credential allows on a day."""
    lines = [
        "| Credential | Bills care management | Bills the behavioral code | Earns staff time | Psychiatric consultant |",
        "|:--|:--|:--|:--|:--|",
    ]
    for row in book.credentials_on(on):
        cells = (
            row.bills_care_management,
            row.bills_behavioral,
            row.earns_time,
            row.is_prescribing_consultant,
        )
        marks = " | ".join(_YES if each else formats.DASH for each in cells)
        lines.append(
            f"| **{formats.plain(row.credential)}**, {formats.plain(row.title)} | {marks} |"
        )
    st.markdown("\n".join(lines))
    found = rule_reading.resting_on(book, "credential", on)
    found += rule_reading.resting_on(book, "supervision", on)
    st.markdown(
        "\n".join(["## On what this rests", *(rule_parts.written(book, each) for each in found)])
    )


def sources(book: RuleBook) -> None:
    """Draw every document that the rule book relies on, the strongest first."""
    uses = _uses(book)
    st.caption(
        "Where documents disagree, the lower rank number prevails. "
        f"{rule_text.reading_words(book.sources)}"
    )
    lines = ["| Rank | Document | Published | Read | Cited |", "|:--|:--|:--|:--|:--|"]
    for source in sorted(
        book.sources.values(), key=lambda each: (RANK.index(each.kind), each.locator)
    ):
        mark = rule_text.NOT_READ if source.retrieved_on is None else ""
        read = formats.day(source.retrieved_on) if source.retrieved_on else "not read"
        note = f" :small[*{formats.plain(source.note)}*]" if source.note else ""
        cells = (
            rule_text.unbroken(f"{RANK.index(source.kind) + 1}, {rule_text.KINDS[source.kind]}"),
            f"[{formats.plain(source.locator)}]({source.url}){mark}: {formats.plain(source.title)}{note}",
            rule_text.unbroken(formats.day(source.published_on)),
            rule_text.unbroken(read),
            rule_text.unbroken(formats.count(uses[source.id], "time")),
        )
        lines.append(f"| {' | '.join(cells)} |")
    st.markdown("\n".join(lines))


def _uses(book: RuleBook) -> Counter[str]:
    """Count how often each document is cited."""
    return Counter(
        source_id(citation)
        for cited in (
            *(value.citations for one in book.parameters.values() for value in one.values),
            *(one.citations for one in book.policy_points),
            *(one.citations for one in book.open_points),
            *(one.citations for one in book.adjacent_programs),
        )
        for citation in cited
    )
