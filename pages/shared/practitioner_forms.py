"""What a billing practitioner decides about one patient's month, on the program's own page."""

import streamlit as st

from pages.shared import formats, program_facts, store, widgets
from pages.shared.program_frame import ProgramView
from trellis_core.access import Operation, may
from trellis_core.care.vocabulary import MdmLevel, Track
from trellis_core.services import enrollments, visits


def draw(view: ProgramView, *, asks_decision: bool) -> None:
    """Draw the election of the track and, where asked for, decision making, for the selected row.

    Args:
        view: The program page.
        asks_decision: The program has codes that ask for documented decision making.
    """
    row = view.chosen
    if row is None:
        return
    if not may(view.person, Operation.DOCUMENT_DECISION):
        what = (
            "elects the track and documents decision making"
            if asks_decision
            else "elects the track"
        )
        st.caption(f"Only a billing practitioner {what}. Ask one to sign in and choose here.")
        return
    chart = program_facts.chart_of(view, row.patient_id)
    enrollment = program_facts.enrollment_of(chart, view.program, view.month)
    elected = enrollment.track if enrollment and isinstance(enrollment.track, Track) else None
    track, decision = st.columns(2)
    with track:
        _track(view, row.patient_id, elected)
    if asks_decision:
        with decision:
            _decision(view, row.patient_id)


def _track(view: ProgramView, patient_id: str, elected: Track | None) -> None:
    key = f"{formats.program_slug(view.program)}_track_{patient_id}_{view.month}"
    with st.form(key):
        track = st.segmented_control(
            f"Whose minutes in {formats.month_name(view.month)}",
            list(Track),
            format_func=formats.words,
            default=elected or Track.STAFF,
            required=True,
            key=f"{key}_which",
        )
        words = "Elect the track" if elected is None else "Change the track"
        if st.form_submit_button(words, icon=":material/check:", key=f"{key}_save"):
            with widgets.command():
                enrollments.elect_track(
                    patient_id,
                    program=view.program,
                    month=view.month,
                    track=track or Track.STAFF,
                    store=store.store(),
                    actor=view.person,
                    clock=store.clock(),
                )
                widgets.say(
                    f"{view.program} is billed from {formats.words(track or Track.STAFF).lower()} "
                    f"minutes in {formats.month_name(view.month)}."
                )
                st.rerun()


def _decision(view: ProgramView, patient_id: str) -> None:
    key = f"{formats.program_slug(view.program)}_mdm_{patient_id}_{view.month}"
    latest = min(view.today, view.month.last_day)
    if view.month.first_day > view.today:
        st.caption("The month has not begun; decision making is documented from its first day.")
        return
    with st.form(key):
        level = st.segmented_control(
            "Decision making of yours, for a complex month",
            list(MdmLevel),
            format_func=formats.words,
            default=MdmLevel.MODERATE,
            required=True,
            key=f"{key}_level",
        )
        on = st.date_input(
            "Day", value=latest, min_value=view.month.first_day, max_value=latest, key=f"{key}_on"
        )
        if st.form_submit_button("Document it", icon=":material/check:", key=f"{key}_save"):
            with widgets.command():
                visits.record_decision_making(
                    patient_id,
                    program=view.program,
                    level=level or MdmLevel.MODERATE,
                    on=on,
                    by=view.person.person_id,
                    store=store.store(),
                    actor=view.person,
                    clock=store.clock(),
                )
                widgets.say("Decision making documented.")
                st.rerun()


def track_words(elected: object, used: Track | None) -> str:
    """Write a month's track: the elected one, else the one that its minutes fall to.

    Example:
        >>> track_words(Track.PRACTITIONER, Track.STAFF), track_words(None, Track.STAFF)
        ('Practitioner, elected', 'Staff')
    """
    if isinstance(elected, Track):
        return f"{formats.words(elected)}, elected"
    return formats.words(used) if used else formats.DASH
