"""The weekly review of the caseload: the month's weeks, and going through patients one by one."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared import formats, program_facts, state, store, widgets
from pages.shared.note_field import forget, note_field
from trellis_core.access import Actor, Operation, may
from trellis_core.care.registry import RegistryFlag, RegistryStatus
from trellis_core.rules.marks import RegistryLimits
from trellis_core.services import caseload_sessions, cocm
from trellis_core.services.caseload_sessions import CaseloadSession
from trellis_core.services.registry import Registry, RegistryRow

REVIEW_FORM: Final = "cocm_review"
"""Under which a recommendation is kept until it is saved, in the session, here and on the chart."""

_FORM: Final = "caseload_session"
_DAYS_BEFORE: Final = timedelta(days=6)
_MINUTE: Final = 60
_LONGEST: Final = 24 * 60
"""Minutes that a session takes at most."""

Drawing = Callable[[RegistryRow, RegistryLimits, Actor], DeltaGenerator]


def draw(found: Registry, person: Actor, *, patient: Drawing) -> str | None:
    """Draw the weeks of the month and the session that goes on, or the button that starts one.

    Returns the patient who is being talked about in a session; None without one.

    Args:
        found: The registry.
        person: Who reads it.
        patient: Draws what there is to talk about one patient, and returns where to write.
    """
    with st.container(border=True):
        st.markdown("**Weekly review**")
        week_strip(found.weeks, found.reviewed, on=found.on)
        if not may(person, Operation.RECORD_RECOMMENDATION):
            return None
        session = caseload_sessions.open_session(store=store.store(), actor=person)
        if session is None:
            _start(person)
            return None
        return _walk(found, session, person, patient)


def is_open(person: Actor) -> bool:
    """Say whether a session goes on that the person takes part in."""
    if not may(person, Operation.RECORD_RECOMMENDATION):
        return False
    return caseload_sessions.open_session(store=store.store(), actor=person) is not None


def week_strip(weeks: Sequence[date], reviewed: Sequence[bool], *, on: date) -> None:
    """Draw a badge for each week of a month: reviewed, not reviewed, or not over yet.

    A week belongs to the month of its Thursday, as the rules divide it.

    Args:
        weeks: The Sunday of each.
        reviewed: Whether there was a review in it.
        on: The day as of which it is drawn.
    """
    with st.container(horizontal=True, gap="small"):
        for sunday, is_reviewed in zip(weeks, reviewed, strict=True):
            words = week_words(sunday, is_reviewed=is_reviewed, on=on)
            if is_reviewed:
                st.badge(words, icon=":material/check:", color="green")
            elif sunday < on:
                st.badge(words, icon=":material/close:", color="orange")
            else:
                st.badge(words, icon=":material/schedule:", color="gray")


def week_words(sunday: date, *, is_reviewed: bool, on: date) -> str:
    """Write a week, Monday to Sunday, and whether it had a review.

    Example:
        >>> week_words(date(2026, 11, 8), is_reviewed=True, on=date(2026, 11, 22))
        'Nov 2 to 8: reviewed'
        >>> week_words(date(2026, 11, 29), is_reviewed=False, on=date(2026, 11, 24))
        'Nov 23 to 29: not yet'
    """
    monday = sunday - _DAYS_BEFORE
    end = str(sunday.day) if sunday.month == monday.month else f"{sunday:%b} {sunday.day}"
    if is_reviewed:
        said = "reviewed"
    elif sunday < on:
        said = "no review"
    else:
        said = "not yet" if monday <= on else "to come"
    return f"{monday:%b} {monday.day} to {end}: {said}"


def _start(person: Actor) -> None:
    if not may(person, Operation.LOG_OWN_TIME):
        st.caption("The care manager starts the session; it then shows here.")
        return
    consultants = program_facts.consultants(person)
    if not consultants:
        program_facts.no_consultant(person)
        return
    who, button = st.columns([1, 2], vertical_alignment="bottom")
    consultant = who.selectbox(
        "Psychiatric consultant",
        list(consultants),
        format_func=lambda staff_id: consultants[staff_id],
        key="session_consultant",
    )
    if button.button("Start the review", icon=":material/play_arrow:", key="session_start"):
        with widgets.command():
            caseload_sessions.start_session(
                consultant=consultant,
                session_id=state.form_id(_FORM),
                store=store.store(),
                actor=person,
                clock=store.clock(),
            )
            state.renew_form_id(_FORM)
            st.rerun()


def _queue(found: Registry, session: CaseloadSession) -> list[RegistryRow]:
    """Return whom the session goes through, in the order in which it began.

    A recommendation takes flags away; the order stays as it was, so that nobody is passed over.
    """
    rows = {row.row.patient_id: row for row in found.rows}
    key = f"session_queue_{session.id}"
    if key not in st.session_state:
        pressing = frozenset(RegistryFlag) - {RegistryFlag.AT_TARGET}
        st.session_state[key] = [
            who
            for who, row in rows.items()
            if who in session.discussed
            or (row.status is not RegistryStatus.INACTIVE and pressing & set(row.flags))
        ]
    wanted: list[str] = st.session_state[key]
    if st.toggle("Also patients without a flag", key=f"session_all_{session.id}"):
        wanted = [*wanted, *(who for who in rows if who not in wanted)]
    return [rows[who] for who in wanted if who in rows]


def _walk(found: Registry, session: CaseloadSession, person: Actor, patient: Drawing) -> str | None:
    people = store.people(person)
    consultant = people.get(session.consultant or "")
    led_by = people.get(session.led_by)
    began = formats.moment(session.began_at, store.zone(person))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            formats.plain(
                f"With {consultant.signature if consultant else 'a consultant'}, led by "
                f"{led_by.signature if led_by else 'a colleague'} since {began}. "
                + _discussed_words(len(session.discussed))
            )
        )
        if session.led_by == person.person_id:
            with st.popover("Finish", icon=":material/stop_circle:"):
                _finish(session, person)
    queue = _queue(found, session)
    if not queue:
        st.caption(
            "Nobody stands out this week. Switch on patients without a flag to go through all."
        )
        return None
    key = f"session_place_{session.id}"
    if key not in st.session_state:
        st.session_state[key] = _next_open(queue, session, after=-1)
    place: int = min(st.session_state[key], len(queue) - 1)
    row = queue[place]
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Previous", icon=":material/chevron_left:", key="session_previous", disabled=not place
        ):
            _go(key, place - 1)
        if st.button(
            "Next",
            icon=":material/chevron_right:",
            key="session_next",
            disabled=place == len(queue) - 1,
        ):
            _go(key, place + 1)
        is_done = row.row.patient_id in session.discussed
        st.markdown(f"Patient {place + 1} of {len(queue)}{' · discussed' if is_done else ''}")
    if all(each.row.patient_id in session.discussed for each in queue):
        st.caption(
            ":material/check_circle: Everyone here is discussed. Whoever leads the session can finish it above."
        )
    st.header(formats.plain(row.row.patient_name), anchor=False)
    week_strip(found.weeks, row.reviewed, on=found.on)
    with patient(row, found.limits, person):
        _recommend(
            row, session, person, after=lambda: _go(key, _next_open(queue, session, after=place))
        )
    return row.row.patient_id


def _discussed_words(many: int) -> str:
    return f"{formats.count(many, 'patient')} discussed." if many else "Nobody discussed yet."


def _next_open(queue: Sequence[RegistryRow], session: CaseloadSession, *, after: int) -> int:
    """Return the place of the next patient who was not discussed; the last place if there is none."""
    places = [
        place
        for place, row in enumerate(queue)
        if place > after and row.row.patient_id not in session.discussed
    ]
    return places[0] if places else min(max(after, 0), len(queue) - 1)


def _go(key: str, place: int) -> None:
    st.session_state[key] = place
    st.rerun()


def _recommend(
    row: RegistryRow, session: CaseloadSession, person: Actor, *, after: Callable[[], None]
) -> None:
    who = row.row.patient_id
    key = f"session_said_{session.id}_{who}"
    said = note_field(
        "Recommendation",
        form=REVIEW_FORM,
        patient_id=who,
        person=person,
        key=key,
        height=90,
        placeholder="What the consultant recommends to the treating practitioner.",
    )
    with st.container(horizontal=True):
        is_saved = st.button(
            "Save and go on",
            type="primary",
            icon=":material/check:",
            key="session_save",
        )
        is_bare = st.button("Discussed, no recommendation", key="session_bare")
    if not is_saved and not is_bare:
        return
    if is_saved and not said:
        st.error("Write the recommendation, or choose that there is none.")
        return
    if is_bare and said:
        st.error("There is a recommendation above. Save it, or empty the field first.")
        return
    with widgets.command():
        cocm.record_caseload_review(
            who,
            on=store.today(person),
            recommendation=said,
            session_id=session.id,
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )
        forget(REVIEW_FORM, who, person, key=key)
        state.flash("Review saved.")
        after()


def _finish(session: CaseloadSession, person: Actor) -> None:
    measured = (store.clock().now() - session.began_at).total_seconds()
    whole = max(int(measured) // _MINUTE, 1)
    sharing = len(session.discussed)
    if not sharing:
        st.caption("Nobody was discussed, so no time is logged.")
        _finish_button(session, person, None, label="End the session", is_bare=True)
        return
    typed = st.number_input(
        "Minutes of the session",
        min_value=1,
        max_value=_LONGEST,
        value=None,
        placeholder=f"{whole:,}, as measured",
        step=1,
        key=f"session_minutes_{session.id}",
        help="Leave it empty for the time since it began, or enter how long it really took.",
    )
    minutes = whole if typed is None else int(typed)
    each = formats.length(minutes * _MINUTE // sharing)
    patients = formats.count(sharing, "patient")
    st.caption(
        f"Your time, divided among {patients}: {each} each. The consultant's minutes do not count."
        if sharing > 1
        else "Your time goes to the one patient discussed. The consultant's minutes do not count."
    )
    seconds = None if typed is None else minutes * _MINUTE
    _finish_button(session, person, seconds, label="Finish and log the time", is_bare=False)
    _finish_button(session, person, 0, label="Finish without time", is_bare=True)


def _finish_button(
    session: CaseloadSession, person: Actor, seconds: int | None, *, label: str, is_bare: bool
) -> None:
    key = "session_end" if is_bare else "session_finish"
    if not st.button(label, key=key, type="secondary" if is_bare else "primary"):
        return
    with widgets.command():
        done = caseload_sessions.finish_session(
            session.id, seconds=seconds, store=store.store(), actor=person, clock=store.clock()
        )
        entries = formats.count(len(done.receipts), "entry", "entries")
        state.flash(f"Review finished: {entries} saved." if done.receipts else "Review finished.")
        st.rerun()
