"""Filling in a rating scale: item by item or by its total, scored while it is filled in."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import streamlit as st

from pages.shared import active_time, formats, routes, state, store, widgets
from trellis_core.access import Actor
from trellis_core.care.instruments import (
    Instrument,
    Item,
    asks_for_safety,
    band,
    clusters_met,
    cut_offs_met,
    instruments,
    risk_level,
)
from trellis_core.care.instruments import score as score_of
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import Activity, Program, ScaleUse
from trellis_core.care.work import TaskKind
from trellis_core.services import scales, tasks
from trellis_core.services.suggestions import Origin
from trellis_core.values.unknown import UNKNOWN, Maybe, Unknown

_BY_ITEM: Final = "Item by item"
_BY_TOTAL: Final = "Total only"
_BY_LEVEL: Final = "Level only"
_NAME_WIDTH: Final = 150
_LABEL_WIDTH: Final = 176
_COPY: Final = (
    "Read each question from your copy of the instrument. The words here name its topic only."
)


def offered() -> list[str]:
    """Return the names of the scales that the form offers."""
    return list(instruments())


def safety_notice(patient_id: str, person: Actor) -> None:
    """Say that a safety check is open for a patient, with a link to the task."""
    found = [
        task
        for task in tasks.open_tasks(
            patient_id, store=store.store(), actor=person, clock=store.clock()
        )
        if task.kind is TaskKind.SAFETY
    ]
    for task in found:
        with st.container(border=True):
            st.markdown(
                f":material/health_and_safety: **{formats.plain(task.title)}.** Ask about safety, "
                "follow your practice's protocol, and note in the task what was done."
            )
            routes.link(
                "chart", "Open the task", patient_id=patient_id, section="notes",
                icon=":material/task_alt:",
            )  # fmt: skip


@st.fragment
@store.at_one_moment
def draw(
    patient_id: str,
    *,
    person: Actor,
    program: Program | None,
    sex: str | None,
    today: date,
    people: Mapping[str, StaffMember],
    first: str = "PHQ-9",
) -> None:
    """Draw the form for one patient; only the form runs again while it is filled in.

    Args:
        patient_id: Whose.
        person: Who fills it in.
        program: To which program the work and a safety task belong.
        sex: As on record, for cut-offs that depend on it.
        today: The practice's calendar day.
        people: The practice's people by id.
        first: The scale that is offered first.
    """
    form = f"scale_{patient_id}"
    key = f"{form}_{state.form_id(form)}"
    names = offered()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Scale", names, index=names.index(first), key=f"{form}_name", width=_NAME_WIDTH
        )
        known = instruments()[name]
        mode = _BY_TOTAL
        if known.items:
            mode = st.segmented_control(
                "Enter",
                [_BY_ITEM, _BY_TOTAL],
                default=_BY_ITEM,
                required=True,
                format_func=lambda way: (
                    _BY_LEVEL if way == _BY_TOTAL and not known.has_sum else way
                ),
                key=f"{form}_way",
            )
        on = st.date_input("Day", value=today, max_value=today, key=f"{key}_on", width=_NAME_WIDTH)
        by = st.selectbox(
            "Asked by",
            _staff(person, people),
            format_func=lambda each: people[each].signature,
            key=f"{key}_by",
        )
    st.caption(formats.plain(f"{known.permission} {known.note}".strip()))
    entry = f"{key}_{name}"
    answers: list[int | None] | None = None
    total: int | None = None
    level: str | None = None
    if mode == _BY_ITEM and known.items:
        st.caption(_COPY)
        answers = [_item(item, number, key=entry) for number, item in enumerate(known.items, 1)]
    else:
        total, level, answers = _result_only(known, key=entry)
    reading = _Reading(known, answers, total, level, is_by_item=mode == _BY_ITEM)
    reading.draw(sex)
    use = st.segmented_control(
        "What followed",
        list(ScaleUse),
        format_func=formats.words,
        key=f"{key}_use",
        help="How the score informed care. Without it the month's bill shows a warning.",
    )
    if not st.button("Save the scale", type="primary", icon=":material/check:", key=f"{form}_save"):
        return
    if reading.is_empty:
        st.error(f"Nothing is filled in yet. {_what_is_asked(known)}")
        return
    with widgets.command():
        scales.record_scale(
            patient_id,
            instrument=name,
            on=on,
            score=UNKNOWN if total is None else total,
            level=level,
            answers=answers,
            acted_on=UNKNOWN if use is None else use,
            by=by,
            program=program,
            scale_id=state.form_id(form),
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )
        state.renew_form_id(form)
        active_time.note_work(
            Origin.SCALE,
            patient_id=patient_id,
            program=program,
            activity=Activity.SCALE_ADMINISTRATION,
            person=person,
        )
        state.flash(
            f"{name} saved. A safety task for today was raised."
            if reading.safety is True
            else f"{name} saved."
        )
        st.rerun()


def excuse(patient_id: str, said: str | None, *, person: Actor, may_edit: bool) -> None:
    """Draw why no rating scale applies in behavioral integration, and the form that says so.

    Args:
        patient_id: Whose.
        said: The reason on record.
        person: Who reads it.
        may_edit: The person may write into this chart.
    """
    if not said and not may_edit:
        return
    key = f"scale_excuse_{patient_id}"
    with st.container(border=True):
        st.markdown("**No scale applies**")
        if said:
            st.markdown(formats.plain(said))
        else:
            st.caption(
                "Behavioral integration asks for a rating scale where one applies. If none does, "
                "document why; the month's bill then says so."
            )
        if not may_edit:
            return
        reason: str | None = None
        if said:
            is_asked = st.button("Take the reason back", key=f"{key}_back")
        else:
            with st.form(key, border=False):
                reason = st.text_input(
                    "Reason",
                    max_chars=scales.LONGEST_EXCUSE,
                    placeholder="For example: cannot answer, and no observer's scale exists",
                    key=f"{key}_reason",
                )
                is_asked = st.form_submit_button("Document the reason", key=f"{key}_save")
    if is_asked:
        with widgets.command():
            scales.excuse_scale(
                patient_id, reason=reason, store=store.store(), actor=person, clock=store.clock()
            )
            state.flash("Reason documented." if reason else "Reason taken back.")
            st.rerun()


def _staff(person: Actor, people: Mapping[str, StaffMember]) -> list[str]:
    active = [each for each, member in people.items() if member.is_active]
    return [person.person_id, *(each for each in active if each != person.person_id)]


def _item(item: Item, number: int, *, key: str) -> int | None:
    """Draw one item in one line; return the points of the answer, None without one.

    Answers that do not fit beside the item stand under it.
    """
    words = item_words(item, number)
    labels = [option.label for option in item.options]
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(formats.plain(words), width=_LABEL_WIDTH)
        chosen = st.segmented_control(
            words, labels, key=f"{key}_{number}", label_visibility="collapsed"
        )
    return None if chosen is None else item.options[labels.index(chosen)].points


def item_words(item: Item, number: int) -> str:
    """Write an item with its number, which is the form's own where its label begins with one.

    Example:
        >>> item_words(Item(label="Mood", options=()), 2)
        '2. Mood'
        >>> item_words(Item(label="6 Behavior, past 3 months", options=()), 7)
        '6. Behavior, past 3 months'
    """
    own, _, words = item.label.partition(" ")
    return f"{own}. {words}" if own.isdigit() else f"{number}. {item.label}"


def _what_is_asked(known: Instrument) -> str:
    result = "enter the total" if known.has_sum else "choose the result"
    return f"Answer the items, or {result}." if known.items else f"{result[0].upper()}{result[1:]}."


def _result_only(
    known: Instrument, *, key: str
) -> tuple[int | None, str | None, list[int | None] | None]:
    """Draw the field for a total, with the item that asks for safety, or for a level."""
    if known.highest is None:
        level = st.segmented_control(
            "Result",
            list(known.levels),
            format_func=lambda each: formats.words(known.level_words[each]),
            key=f"{key}_level",
        )
        return None, level, None
    field, rest = st.columns([1, 3], vertical_alignment="bottom")
    total = field.number_input(
        f"Total, 0 to {known.highest}", min_value=0, max_value=known.highest, value=None, step=1,
        key=f"{key}_total",
    )  # fmt: skip
    if not known.safety_items:
        return total, None, None
    (number,) = known.safety_items
    with rest:
        points = _item(known.items[number - 1], number, key=f"{key}_safety")
    answers: list[int | None] = [None] * len(known.items)
    answers[number - 1] = points
    return total, None, None if points is None else answers


class _Reading:
    """What has been filled in so far, and what it means."""

    def __init__(
        self,
        known: Instrument,
        answers: list[int | None] | None,
        total: int | None,
        level: str | None,
        *,
        is_by_item: bool,
    ) -> None:
        self._known, self._answers, self._is_by_item = known, answers, is_by_item
        self.total: Maybe[int] = UNKNOWN if total is None else total
        self.level = level
        if is_by_item and answers is not None:
            if known.has_sum:
                self.total = score_of(known, answers)
            else:
                found = risk_level(known, answers)
                self.level = None if isinstance(found, Unknown) else found
        self.is_empty = (
            self.total is UNKNOWN
            and self.level is None
            and not any(each is not None for each in answers or ())
        )
        self.safety = (
            False
            if self.is_empty
            else asks_for_safety(known, answers=answers, total=self.total, level=self.level)
        )

    def draw(self, sex: str | None) -> None:
        """Draw the total as it stands, what it means, and a calm word where safety is asked for."""
        known = self._known
        with st.container(border=True, key=f"scale_reading_{known.name}"):
            st.markdown(formats.plain(self._words()))
            more = self._more(sex)
            if more:
                st.caption(formats.plain(more))
        if self.safety is True:
            st.warning(
                "This answer asks for a safety check today, whatever the total. Saving raises a task "
                "for it; stay with the patient until you have asked about safety.",
                icon=":material/health_and_safety:",
            )

    def _words(self) -> str:
        known, answers = self._known, self._answers or []
        given = [each for each in answers if each is not None]
        missing = formats.count(len(answers) - len(given), "item")
        if not known.has_sum:
            said = None if self.level is None else known.level_words[self.level]
            if said is not None:
                return f"{known.name}: {said}."
            asked = "Answer the items that decide it" if self._is_by_item else "Choose it above"
            return f"{known.name}: no result yet. {asked}."
        if isinstance(self.total, int):
            words = band(known, self.total)
            return f"Total {self.total} of {known.highest}{f': {words}' if words else ''}."
        if self._is_by_item and given:
            return f"No total yet: {missing} without an answer. So far {sum(given)}."
        return f"No total yet. {known.name} runs from 0 to {known.highest}."

    def _more(self, sex: str | None) -> str:
        known = self._known
        said = [
            f"{cut_off.label if is_met else cut_off.label.replace('positive', 'not positive')} "
            f"(from {cut_off.at_least})"
            for cut_off, is_met in cut_offs_met(known, self.total, sex=sex)
        ]
        if known.clusters and self._answers is not None and self._is_by_item:
            words = {True: "met", False: "not met", UNKNOWN: "open"}
            met = clusters_met(known, self._answers)
            said.append("clusters " + ", ".join(f"{name} {words[met[name]]}" for name in met))
        text = "; ".join(said)
        return f"{text[:1].upper()}{text[1:]}." if text else ""
