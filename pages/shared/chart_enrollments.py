"""The chart's enrollments with their history, and the forms to enroll, end, change and elect a track."""

from datetime import date, timedelta
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import elsewhere_view, formats, month_strip, store, widgets
from pages.shared.chart_base import ChartView, save, wanted_program
from trellis_core.care.records import Enrollment, Practitioners
from trellis_core.care.vocabulary import Program, Track
from trellis_core.services import enrollments, practice_options
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN, Maybe

ENROLLED: Final = (Program.CCM, Program.PCM, Program.BHI, Program.COCM)
"""Programs that every practice may enroll in: TCM begins with a discharge."""

HELP_SUPERVISOR: Final = (
    "Who supervises the staff who do the work. Each entry takes whoever supervises on its day."
)
HELP_CHANGE: Final = (
    "One practitioner bills a whole month, so another one begins on the first day of a month and needs "
    "a consent of their own. Who supervises may change on any day."
)


def programs(view: ChartView) -> list[Program]:
    """Return the programs that the practice enrolls in; APCM where it is switched on."""
    options = practice_options.options(store=store.store(), actor=view.person)
    return [*ENROLLED, Program.APCM] if options.offers_apcm else list(ENROLLED)


def first_program(view: ChartView, options: list[Program]) -> int:
    """Return the place of the program that a button asked for, else of one that the patient is in."""
    enrolled = (
        at
        for at, each in enumerate(options)
        if enrollments.enrollment_in(view.chart.enrollments, each, view.month) is not None
    )
    return wanted_program(options, otherwise=next(enrolled, 0))


def draw(view: ChartView) -> None:
    """Draw the enrollments with their history, and the forms to enroll, end, change and elect."""
    listed = view.chart.enrollments
    if listed:
        rows = [
            row
            for each in sorted(listed, key=lambda each: str(each.started_on), reverse=True)
            for row in _rows(view, each)
        ]
        widgets.table(pd.DataFrame(rows), alt="Enrollments", key=view.key("chart_enrollments"))
    else:
        widgets.empty("Not enrolled in any program.", icon="person_add")
    if not view.may_edit:
        elsewhere_view.draw(view)
        if view.person.is_billing_practitioner:
            _track_form(view)
        return
    left, right = st.columns(2, gap="large")
    with left:
        enroll_form(view)
    with right:
        practitioner_form(view)
        _end_form(view)
        _track_form(view)
    elsewhere_view.draw(view)


def _rows(view: ChartView, of: Enrollment) -> list[dict[str, str]]:
    """Return a line for each stretch of an enrollment with the same practitioners, the newest first."""
    spans = of.practitioners or (
        Practitioners(
            from_day=of.started_on,
            billing_practitioner=of.billing_practitioner,
            supervising_practitioner=of.supervising_practitioner,
        ),
    )
    rows = []
    for at, span in enumerate(spans):
        is_last = at == len(spans) - 1
        until = of.ended_on if is_last else _day_before(spans[at + 1].from_day)
        rows.append(
            {
                "Program": of.program.value,
                "From": formats.day(span.from_day),
                "Through": formats.NOT_RECORDED
                if until is UNKNOWN
                else formats.day(until)
                if until
                else "goes on",
                "Billing practitioner": view.signature(span.billing_practitioner),
                "Supervising": "the same"
                if span.supervising_practitioner is None
                else view.signature(span.supervising_practitioner),
                "Condition": _text(of.condition),
                "Track this month": _text(of.track) if is_last else formats.DASH,
            }
        )
    return rows[::-1]


def _day_before(day: Maybe[date]) -> Maybe[date]:
    return UNKNOWN if day is UNKNOWN else day - timedelta(days=1)


def _text(value: Maybe[str | None]) -> str:
    if value is UNKNOWN:
        return formats.NOT_RECORDED
    return formats.DASH if value is None else formats.words(value) if value.islower() else value


def enroll_form(
    view: ChartView, *, form: str = "chart_enroll", only: Program | None = None
) -> None:
    """Draw the form that enrolls the patient in a program.

    Args:
        view: The chart.
        form: Prefix of the widget keys; another page may show the form too.
        only: The one program that it is about; None to let it be chosen.
    """
    st.markdown("## Enroll")
    elsewhere_view.warning(view)
    options = programs(view) if only is None else [only]
    codes = [each.icd10 for each in view.chart.conditions if each.icd10]
    running = {each.program for each in _running(view)}
    first = next((at for at, each in enumerate(options) if each not in running), 0)
    with st.form(view.key(form)):
        program = st.selectbox(
            "Program", options, index=wanted_program(options, otherwise=first), key=view.key(f"{form}_program"),
            disabled=only is not None,
        )  # fmt: skip
        started = st.date_input("From", value=view.today, key=view.key(f"{form}_from"))
        biller = st.selectbox(
            "Billing practitioner", view.practitioners, format_func=view.signature,
            key=view.key(f"{form}_biller"),
        )  # fmt: skip
        supervisor = _supervisor_input(view, None, key=view.key(f"{form}_supervisor"))
        condition = st.selectbox(
            "The one condition (PCM only)", [None, *codes],
            format_func=lambda each: formats.DASH if each is None else each,
            key=view.key(f"{form}_condition"),
        )  # fmt: skip
        if st.form_submit_button("Enroll", type="primary", key=view.key(f"{form}_save")):
            save(
                lambda: enrollments.enroll(
                    view.patient.id,
                    program=program,
                    started_on=started,
                    billing_practitioner=biller,
                    supervising_practitioner=supervisor,
                    condition=condition if program is Program.PCM else None,
                    **view.services,
                ),
                f"Enrolled in {program}.",
            )


def _supervisor_input(view: ChartView, now: str | None, *, key: str) -> str | None:
    options = [None, *view.practitioners]
    chosen: str | None = st.selectbox(
        "Supervising practitioner", options, index=options.index(now) if now in options else 0,
        format_func=lambda each: "The billing practitioner" if each is None else view.signature(each),
        key=key, help=HELP_SUPERVISOR,
    )  # fmt: skip
    return chosen


def _running(view: ChartView) -> list[Enrollment]:
    return [each for each in view.chart.enrollments if not isinstance(each.ended_on, date)]


def practitioner_form(
    view: ChartView, *, form: str = "chart_practitioner", only: Program | None = None
) -> None:
    """Draw the form that says who bills and who supervises from a day on."""
    running = [each for each in _running(view) if only in {None, each.program}]
    if not running:
        return
    st.markdown("## Change practitioners")
    which = st.selectbox(
        "Enrollment", running, format_func=lambda each: each.program.value,
        index=wanted_program([each.program for each in running]), key=view.key(f"{form}_which"),
        disabled=len(running) == 1,
    )  # fmt: skip
    with st.container(border=True):
        now = which.practitioners[-1] if which.practitioners else which
        named = now.billing_practitioner
        first = ServiceMonth.of(view.today).plus(1).first_day
        if named is UNKNOWN and which.started_on is not UNKNOWN:
            first = which.started_on  # nobody is named yet: from the start
        from_day = st.date_input(
            "From", value=first,
            key=view.key(f"{form}_from_{which.id}"), help=HELP_CHANGE,
        )  # fmt: skip
        people = view.practitioners
        biller = st.selectbox(
            "Billing practitioner", people, format_func=view.signature,
            index=people.index(named) if named in people else 0,
            key=view.key(f"{form}_biller_{which.id}"),
        )  # fmt: skip
        supervisor = _supervisor_input(
            view, now.supervising_practitioner, key=view.key(f"{form}_supervisor_{which.id}")
        )
        st.caption("Another billing practitioner begins with a month and needs a new consent.")
        month_strip.closed_notice(from_day, view.person)
        if st.button("Change practitioners", key=view.key(f"{form}_save_{which.id}")):
            save(
                lambda: enrollments.change_practitioners(
                    which.id,
                    from_day=from_day,
                    billing_practitioner=biller,
                    supervising_practitioner=supervisor,
                    **view.services,
                ),
                f"{which.program}: practitioners from {formats.day(from_day)} recorded.",
            )


def _end_form(view: ChartView) -> None:
    running = _running(view)
    if not running:
        return
    st.markdown("## End an enrollment")
    with st.form(view.key("chart_end")):
        which = st.selectbox(
            "Enrollment",
            running,
            format_func=lambda each: each.program.value,
            key=view.key("chart_end_which"),
        )
        last = st.date_input("Last day, included", value=view.today, key=view.key("chart_end_on"))
        if st.form_submit_button("End enrollment", key=view.key("chart_end_save")):
            save(
                lambda: enrollments.end_enrollment(
                    which.id,
                    ended_on=last,
                    **view.services,
                ),
                f"{which.program} ends on {formats.day(last)}.",
            )


def _track_form(view: ChartView) -> None:
    named = {each.program for each in view.chart.enrollments}
    options: list[Program] = [each for each in (Program.CCM, Program.PCM) if each in named]
    if not options:
        return
    st.markdown("## Whose minutes this month")
    if not view.person.is_billing_practitioner:
        st.caption(
            "Only a billing practitioner elects the track: the staff's minutes or their own. "
            "Ask one to sign in and choose here."
        )
        return
    with st.form(view.key("chart_track")):
        program = st.selectbox(
            "Program", options, index=wanted_program(options), key=view.key("chart_track_program")
        )
        track = st.segmented_control(
            "Track", list(Track), format_func=formats.words, default=Track.STAFF, required=True,
            key=view.key("chart_track_track"),
        )  # fmt: skip
        if st.form_submit_button("Elect the track", key=view.key("chart_track_save")):
            save(
                lambda: enrollments.elect_track(
                    view.patient.id,
                    program=program,
                    month=view.month,
                    track=track,
                    **view.services,
                ),
                f"{program} is billed from {formats.words(track).lower()} minutes this month.",
            )
