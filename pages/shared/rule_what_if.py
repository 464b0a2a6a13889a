"""What if: a patient's month as it is beside the same month with a few facts changed.

Nothing is written, and nothing is kept between people: what was chosen lives in this session's
widgets, the answers only while they are drawn. Neither name nor id gets into the address.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import streamlit as st

from pages.shared import (
    formats,
    routes,
    rule_text,
    rule_tree,
    rule_what_if_form,
    store,
    widgets,
)
from trellis_core.access import Actor
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import Program
from trellis_core.rules.determination import Blocked, Determination, ServiceLine
from trellis_core.rules.labels import code_label, program_label
from trellis_core.rules.reason_texts import title
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services import caseload
from trellis_core.services import what_if as service
from trellis_core.services.what_if import WhatIf
from trellis_core.values.periods import ServiceMonth, zone_named

SIDES: Final = ("As it is", "What if")
_MOST_PATIENTS: Final = 50


@dataclass(frozen=True, slots=True)
class LineRow:
    """One code on both sides."""

    code: str
    before: str
    after: str


@st.fragment
@store.at_one_moment
def draw(actor: Actor, book: RuleBook, month: ServiceMonth) -> None:
    """Draw the question and its answer; only this part runs again while facts are changed."""
    st.caption(
        "Nothing here is written: no entry, no consent, no setting. The answer is gone when you leave. "
        f"The month is {formats.month_name(month)}, as chosen in the sidebar; its rules are those of "
        f"{formats.day(month.last_day)}, which cannot be changed here."
    )
    patient_id = _patient(actor)
    if patient_id is None:
        return
    people = {each.id: each for each in store.people(actor).values() if each.is_active}
    with widgets.command():
        facts = service.on_record(
            patient_id, month=month, store=store.store(), actor=actor, clock=store.clock()
        )
        changes = rule_what_if_form.draw(book, facts, people, today=store.today(actor))
        answer = service.what_if(facts, changes, rule_book=book)
        _answer(answer, book, people, is_changed=changes != service.Changes())


def _patient(actor: Actor) -> str | None:
    """Ask for a patient of the practice; None where there is none to choose."""
    left, middle = st.columns([1, 1.6], vertical_alignment="bottom")
    text = left.text_input(
        "Search patients",
        key="rule_book_patient_search",
        placeholder="Name, MRN or birth date",
        icon=":material/search:",
    )
    found = caseload.patients(
        text=text,
        limit=_MOST_PATIENTS,
        store=store.store(),
        actor=actor,
        clock=store.clock(),
    )
    names = {
        each.id: f"{each.name} · {each.mrn}" for each in found.rows if each.id not in found.closed
    }
    if not names:
        with middle:
            st.selectbox("Patient", [], disabled=True, placeholder="Nobody found",
                         key="rule_book_nobody")  # fmt: skip
        widgets.empty(
            "Nobody is found by these words." if text else "No patient is registered yet.",
            icon="person_search",
        )
        if not text:
            routes.link("patients", "Patients", icon=":material/group:")
        return None
    more = found.total - len(found.rows)
    chosen: str = middle.selectbox(
        "Patient",
        list(names),
        format_func=lambda each: names[each],
        key="rule_book_patient",
        help=f"{more:,} more; type a part of the name." if more > 0 else None,
    )
    return chosen


def _answer(
    answer: WhatIf, book: RuleBook, people: Mapping[str, StaffMember], *, is_changed: bool
) -> None:
    _totals(answer, book)
    _lines(answer)
    _blocks(answer, book, is_changed=is_changed)
    _trees(answer, book, names_of(answer, people))


def total_of(determination: Determination) -> Decimal | None:
    """Return the sum of a month's lines; None where a line has no amount on file."""
    amounts = [line.allowed for line in determination.lines]
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None


def _totals(answer: WhatIf, book: RuleBook) -> None:
    before, after = total_of(answer.as_it_is), total_of(answer.changed)
    gain = after - before if before is not None and after is not None else None
    columns = st.columns(3)
    columns[0].metric(SIDES[0], formats.money(before), border=True)
    columns[1].metric(SIDES[1], formats.money(after), border=True)
    columns[2].metric(
        "Difference", rule_text.signed(gain) if gain is not None else formats.DASH,
        border=True,
    )  # fmt: skip
    if gain is None:
        last = formats.day(book.covered_until)
        st.caption(f"Amounts are on file up to {last}; lines after that have none.")


def line_rows(answer: WhatIf) -> list[LineRow]:
    """Return every code of either side with its units and amount on both."""
    sides = [{line.code: line for line in side.lines} for side in (answer.as_it_is, answer.changed)]
    return [
        LineRow(code, *(_line_words(side.get(code)) for side in sides))
        for code in dict.fromkeys(code for side in sides for code in side)
    ]


def _line_words(line: ServiceLine | None) -> str:
    if line is None:
        return formats.DASH
    return f"{formats.count(line.units, 'unit')}, {formats.money(line.allowed)}"


def _minutes_rows(answer: WhatIf) -> list[tuple[str, str, str]]:
    def keyed(side: Determination) -> dict[str, str]:
        return {
            f"{meter.program} minutes{f', {meter.track}' if meter.track else ''}": formats.minutes(
                meter.minutes
            )
            for meter in side.meters
        }

    before, after = keyed(answer.as_it_is), keyed(answer.changed)
    return [
        (name, before.get(name, formats.DASH), after.get(name, formats.DASH))
        for name in dict.fromkeys((*before, *after))
    ]


def _lines(answer: WhatIf) -> None:
    rows = [
        (f"{row.code}, {code_label(row.code)}", row.before, row.after) for row in line_rows(answer)
    ]
    rows += _minutes_rows(answer)
    if not rows:
        widgets.empty("Nothing is billed or timed on either side.", icon="receipt_long")
        return
    lines = [f"| Lines and minutes | {SIDES[0]} | {SIDES[1]} |", "|:--|:--|:--|"]
    for what, before, after in rows:
        shown = rule_text.unbroken(after)
        changed = f"**{shown}**" if before != after else shown
        lines.append(f"| {formats.plain(what)} | {rule_text.unbroken(before)} | {changed} |")
    st.markdown("\n".join(lines))


def _blocks(answer: WhatIf, book: RuleBook, *, is_changed: bool) -> None:
    st.markdown("## What stands in the way")
    keys = [{_key(each) for each in side.blocked} for side in (answer.as_it_is, answer.changed)]
    columns = st.columns(2, gap="large")
    marks = ("gone with the changes", "added by the changes")
    for column, name, side, others, mark in zip(
        columns, SIDES, (answer.as_it_is, answer.changed), reversed(keys), marks, strict=True
    ):
        lines = [f"**{name}**"]
        for each in side.blocked:
            badge = f" :blue-badge[{mark}]" if is_changed and _key(each) not in others else ""
            cited = rule_text.sources_words(each.citations, book.sources) if each.citations else ""
            lines.append(
                f"- :material/block: {each.program}, {', '.join(each.codes)}: "
                f"**{formats.plain(title(each.reason))}.**{badge} "
                f"{formats.plain(each.message)}  \n  {cited}"
            )
        lines += [
            f"- :material/help: {each.program}: a person must choose the "
            f"{formats.plain(each.question)} ({formats.plain(' or '.join(each.options))})."
            for each in side.decisions_needed
        ]
        lines += [
            f"- :material/info: {each.program}: {formats.plain(each.message)}"
            for each in side.warnings
        ]
        if len(lines) == 1:
            lines.append("- :material/check: Nothing.")
        column.markdown("\n".join(lines))


def _key(blocked: Blocked) -> tuple[str, str]:
    return blocked.program, blocked.reason


def names_of(answer: WhatIf, people: Mapping[str, StaffMember]) -> dict[str, str]:
    """Return what to write for the ids that a tree of checks names: no raw id is shown."""
    zone = zone_named(answer.facts.practice.time_zone)
    names = {
        entry.id: f"entry of {formats.moment(entry.started_at, zone)}"
        for entry in answer.facts.time_entries
    }
    names |= {
        entry.id: "the minutes added"
        for entry in answer.changed_facts.time_entries
        if entry.id not in names
    }
    return names | {member.id: member.signature for member in people.values()}


def _trees(answer: WhatIf, book: RuleBook, names: Mapping[str, str]) -> None:
    trees = [dict(side.trace or ()) for side in (answer.as_it_is, answer.changed)]
    programs = list(dict.fromkeys(program for tree in trees for program in tree))
    if not programs:
        return
    st.markdown("## The checks")
    first = next(
        (each for each in programs if trees[0].get(each) != trees[1].get(each)), programs[0]
    )
    chosen = programs[0]
    if len(programs) > 1:
        chosen = st.segmented_control(
            "Program", programs, format_func=_program_name, default=first, required=True,
            key=f"rule_book_tree_{first}", label_visibility="collapsed",
        )  # fmt: skip
    columns = st.columns(2, gap="large")
    for column, name, tree, other in zip(columns, SIDES, trees, reversed(trees), strict=True):
        check = tree.get(chosen)
        if check is None:
            column.markdown(f"**{name}**\n\n{formats.plain(program_label(chosen))} is not in play.")
            continue
        written = rule_tree.written(check, book.sources, names, beside=other.get(chosen))
        column.markdown(f"**{name}**\n\n{written}")


def _program_name(program: Program) -> str:
    return program_label(program)
