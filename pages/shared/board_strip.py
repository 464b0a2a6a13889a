"""The strip under the board: what is on record about the selected patient, one line each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Final, TypeVar

import streamlit as st

from pages.shared import (
    board_table,
    board_view,
    chart_map,
    emergency_view,
    formats,
    routes,
    store,
    time_entry,
    widgets,
    work_parts,
)
from pages.shared.board_view import RowKey
from pages.shared.chart_map import Section
from trellis_core.access import Actor, Operation, may
from trellis_core.care.records import CarePlan, Consent, DeclinedConsent, RatingScale
from trellis_core.care.vocabulary import Program
from trellis_core.care.work import OpenWork
from trellis_core.services.board import BoardRow, PatientMonth
from trellis_core.values.unknown import UNKNOWN, Maybe

_BEHAVIORAL: Final = frozenset({Program.BHI, Program.COCM})
_R = TypeVar("_R", Consent, CarePlan)
REFRESH_SECONDS: Final = 4


def draw(chosen: RowKey | None, person: Actor) -> None:
    """Draw the selected row's strip: contact line, what counts, what blocks, and time entry."""
    if chosen is not None and emergency_view.is_closed(chosen[0], person):
        emergency_view.notice(chosen[0])
        return
    found = chosen and board_view.read_row(chosen, month=store.month(person), person=person)
    if not found or chosen is None:
        return
    row, work = found
    program = Program(row.program)
    facts, entry = widgets.beside()
    with facts:
        st.header(f"{formats.plain(row.patient_name)} · {program}", anchor=False)
        _questions(work, person)
        _live_strip(chosen, person)
    with entry:
        time_entry.panel(
            "thresholds_entry",
            person=person,
            patients={row.patient_id: row.patient_name},
            programs=(program,),
        )


def _questions(work: OpenWork, person: Actor) -> None:
    """Draw what is asked about the month, with the answer where this person gives it.

    Apart from what draws itself again, so that nobody's words are taken away while they are typed.
    """
    people = store.people(person)
    for note in work.questions:
        with st.container(border=True):
            st.caption(work_parts.note_head(note, person=person, people=people))
            work_parts.note_body(note, person=person, people=people)
            if work_parts.may_answer(note, person, people):
                work_parts.answer_form(note, person=person, where="strip")


@st.fragment(run_every=REFRESH_SECONDS)
@store.at_one_moment
def _live_strip(chosen: RowKey, person: Actor) -> None:
    store.keep_signed_in_only()
    if emergency_view.is_closed(chosen[0], person):
        st.rerun()
    month = store.month(person)
    found = board_view.read_row(chosen, month=month, person=person)
    if found is None:
        st.rerun()
    row, work = found
    st.markdown(board_view.contact_line(row))
    below = records(row, work=work, person=person, today=store.today(person))
    board_view.detail(row, month=month, person=person, records=below)


def records(
    row: BoardRow, *, work: OpenWork, person: Actor, today: date
) -> Callable[[PatientMonth], None]:
    """Return what draws a row's records: what is to do, consent, care plan, scales, the month's end.

    Args:
        row: The row.
        work: What is open for its patient.
        person: Who looks; links to forms are for whoever may fill them in.
        today: The practice's calendar day.
    """

    def draw(found: PatientMonth) -> None:
        for section, icon, words in _lines(row, found, work=work, today=today):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f":material/{icon}: {words}", width="stretch")
                if section is not None and may(person, Operation.EDIT_CHART):
                    routes.link(
                        "chart",
                        chart_map.TITLES[section],
                        patient_id=row.patient_id,
                        section=section,
                        icon=":material/edit_note:",
                    )

    return draw


def _lines(
    row: BoardRow, found: PatientMonth, *, work: OpenWork, today: date
) -> Iterable[tuple[Section | None, str, str]]:
    facts, program = found.facts, row.program
    tasks = replace(work, questions=())
    open_work = ", ".join(board_table.work_words(tasks, today=today)) if work.tasks else "nothing"
    yield Section.NOTES, "event", f"**To do**: {formats.plain(open_work)}"
    if program is not Program.TCM:
        said = consent_words(_of(program, facts.consents), row.declined)
        yield Section.CONSENT, "handshake", f"**Consent**: {said}"
        said = plan_words(_of(program, facts.care_plans))
        yield Section.PLAN, "assignment", f"**Care plan**: {said}"
    scales = () if facts.rating_scales is UNKNOWN else facts.rating_scales
    if scales or program in _BEHAVIORAL:
        yield Section.SCALES, "monitoring", f"**Scales**: {formats.plain(scale_words(scales))}"
    if not row.steps:
        last = facts.service_month.last_day
        left = board_table.days_left(last, today=today, over="over")
        yield None, "hourglass", f"**Month**: ends {formats.short_day(last)}, {left}"


def _of(program: Program, found: Maybe[tuple[_R, ...]]) -> list[_R]:
    return [] if found is UNKNOWN else [each for each in found if each.program is program]


def consent_words(consents: Sequence[Consent], declined: DeclinedConsent | None = None) -> str:
    """Say in a line whether there is a consent, since when and how it was given, or who said no when.

    Args:
        consents: To the program.
        declined: The patient's answer that stands, where it was no.

    Example:
        >>> consent_words([])
        'never recorded'
        >>> consent_words([], DeclinedConsent(program=Program.CCM, declined_on=date(2026, 11, 3)))
        'declined on Nov 3, 2026'
    """
    if declined is not None:
        before = f"; before: {consent_words(consents)}" if consents else ""
        return f"declined on {formats.day(declined.declined_on)}{before}"
    if not consents:
        return "never recorded"
    newest = max(consents, key=lambda each: _day(each.obtained_on))
    if newest.revoked_on is not UNKNOWN and newest.revoked_on is not None:
        return f"revoked on {formats.day(newest.revoked_on)}"
    method = newest.method if newest.method is UNKNOWN else formats.words(newest.method).lower()
    how = formats.NOT_RECORDED if method is UNKNOWN else method
    return f"{formats.day(newest.obtained_on)}, {how}"


def plan_words(plans: Sequence[CarePlan]) -> str:
    """Say in a line since when there is a care plan, when it was revised, and whether it was shared.

    Example:
        >>> plan_words([])
        'none recorded'
    """
    if not plans:
        return "none recorded"
    plan = max(plans, key=lambda each: _day(each.established_on))
    parts = [f"since {formats.day(plan.established_on)}"]
    if plan.revised_on is not UNKNOWN and plan.revised_on is not None:
        parts.append(f"revised {formats.day(plan.revised_on)}")
    if plan.copy_given_on is None:
        parts.append("copy not given")
    else:
        parts.append(f"copy given {formats.day(plan.copy_given_on)}")
    return ", ".join(parts)


def scale_words(scales: Sequence[RatingScale]) -> str:
    """Say in a line the newest score, and the one before of the same scale.

    Example:
        >>> scale_words([RatingScale(instrument="PHQ-9", on=date(2026, 11, 3), score=14)])
        'PHQ-9 14 on Nov 3, 2026'
    """
    if not scales:
        return "none recorded"
    newest, *before = sorted(scales, key=lambda each: each.on, reverse=True)
    said = f"{newest.instrument} {_score(newest)} on {formats.day(newest.on)}"
    earlier = next((each for each in before if each.instrument == newest.instrument), None)
    return said if earlier is None else f"{said}, before that {_score(earlier)}"


def _score(scale: RatingScale) -> str:
    if scale.score is UNKNOWN or scale.score is None:
        return "without a score"
    return str(scale.score)


def _day(on: Maybe[date]) -> date:
    return date.min if on is UNKNOWN else on
