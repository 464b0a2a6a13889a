"""The chart's paperwork: conditions, enrollments, consents and care plans, each with its forms."""

from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, widgets
from pages.shared.chart_base import ChartView, save, wanted_program, yes_no_input
from pages.shared.chart_map import ELEMENTS, is_asked
from trellis_core.care.records import CarePlan, Condition, Consent
from trellis_core.care.vocabulary import ConsentElement, ConsentMethod, Program, Track
from trellis_core.services import care_records
from trellis_core.values.unknown import UNKNOWN, Maybe

_CHRONIC: Final = "Expected to last so many months"
_SHORT: Final = "Known not to be chronic"
_OPEN: Final = "Not recorded"


ENROLLED: Final = (Program.CCM, Program.PCM, Program.BHI, Program.COCM)
"""Programs with an enrollment: TCM begins with a discharge, and APCM has no service record yet."""


def conditions(view: ChartView) -> None:
    """Draw the conditions, those without an ICD-10-CM code first, and the form that completes one."""
    listed = sorted(view.chart.conditions, key=lambda each: each.icd10 is not None)
    uncoded = [each for each in listed if each.icd10 is None]
    if uncoded:
        st.warning(
            f"{formats.count(len(uncoded), 'condition')} without an ICD-10-CM code. "
            "A claim needs one; another coding alone does not bill.",
            icon=":material/label_off:",
        )
    if listed:
        rows = [
            {
                "ICD-10-CM": each.icd10 or "needed",
                "Condition": each.text or formats.DASH,
                "Expected": _expected(each.expected_months),
                "Significant risk": formats.yes_no(each.significant_risk),
                "Behavioral": formats.yes_no(each.behavioral),
                "Since": formats.day(each.onset_on),
                "SNOMED CT": each.snomed or formats.DASH,
            }
            for each in listed
        ]
        widgets.table(pd.DataFrame(rows), alt="Conditions", key=view.key("chart_conditions"))
    else:
        widgets.empty("No condition on record.", icon="stethoscope")
    if not view.may_edit:
        return
    left, right = st.columns(2, gap="large")
    with left:
        if listed:
            _code_form(view, listed)
    with right:
        _condition_form(view)


def _expected(months: Maybe[int | None]) -> str:
    if months is UNKNOWN:
        return formats.NOT_RECORDED
    return "not chronic" if months is None else formats.count(months, "month")


def _code_form(view: ChartView, listed: list[Condition]) -> None:
    st.markdown("#### Complete a condition")
    chosen = st.selectbox(
        "Condition",
        listed,
        format_func=lambda each: f"{each.icd10 or 'no code'}: {each.text or each.icd10}",
        key=view.key("chart_code_which")
        + f"_{len([each for each in listed if each.icd10 is None])}",
    )
    with st.form(f"chart_code_{chosen.id}"):
        code = st.text_input(
            "ICD-10-CM code",
            value=chosen.icd10 or "",
            placeholder="E11.9",
            key=f"chart_code_icd10_{chosen.id}",
        )
        months = _months_input(chosen.expected_months, key=f"chart_code_months_{chosen.id}")
        risk = yes_no_input(
            "Significant risk of death, acute worsening or functional decline",
            chosen.significant_risk,
            key=f"chart_code_risk_{chosen.id}",
        )
        behavioral = yes_no_input(
            "Mental, behavioral or psychiatric",
            chosen.behavioral,
            key=f"chart_code_behavioral_{chosen.id}",
        )
        if st.form_submit_button(
            "Save condition", type="primary", key=f"chart_code_save_{chosen.id}"
        ):
            save(
                lambda: care_records.code_condition(
                    chosen.id,
                    icd10=code.strip().upper(),
                    expected_months=months,
                    significant_risk=risk,
                    behavioral=behavioral,
                    **view.services,
                ),
                "Condition saved.",
            )


def _months_input(value: Maybe[int | None], *, key: str) -> Maybe[int | None]:
    start = 0 if value is UNKNOWN else 2 if value is None else 1
    kind = st.radio(
        "Duration", [_OPEN, _CHRONIC, _SHORT], index=start, key=f"{key}_kind", horizontal=True
    )
    months = st.number_input(
        "Months (12 or more for a chronic condition)",
        min_value=1,
        max_value=1200,
        value=value if isinstance(value, int) else 12,
        key=key,
        help="Counts where the duration above is in months.",
    )
    if kind == _OPEN:
        return UNKNOWN
    return None if kind == _SHORT else int(months)


def _condition_form(view: ChartView) -> None:
    st.markdown("#### Add a condition")
    with st.form(view.key("chart_condition"), clear_on_submit=True):
        code = st.text_input(
            "ICD-10-CM code", placeholder="I10", key=view.key("chart_condition_icd10")
        )
        text = st.text_input(
            "In words", placeholder="Hypertension", key=view.key("chart_condition_text")
        )
        months = _months_input(12, key=view.key("chart_condition_months"))
        risk = yes_no_input(
            "Significant risk of death, acute worsening or functional decline",
            UNKNOWN,
            key=view.key("chart_condition_risk"),
        )
        behavioral = yes_no_input(
            "Mental, behavioral or psychiatric", UNKNOWN, key=view.key("chart_condition_behavioral")
        )
        if st.form_submit_button("Add condition", key=view.key("chart_condition_save")):
            save(
                lambda: care_records.add_condition(
                    view.patient.id,
                    icd10=code.strip().upper(),
                    text=text.strip(),
                    expected_months=months,
                    significant_risk=risk,
                    behavioral=behavioral,
                    **view.services,
                ),
                "Condition added.",
            )


def enrollments(view: ChartView) -> None:
    """Draw the enrollments with their history, and the forms to enroll, end and elect a track."""
    listed = view.chart.enrollments
    if listed:
        rows = [
            {
                "Program": each.program.value,
                "From": formats.day(each.started_on),
                "Through": formats.NOT_RECORDED
                if each.ended_on is UNKNOWN
                else formats.day(each.ended_on)
                if each.ended_on
                else "goes on",
                "Billing practitioner": view.signature(each.billing_practitioner),
                "Supervising": "the same"
                if each.supervising_practitioner is None
                else view.signature(each.supervising_practitioner),
                "Condition": _text(each.condition),
                "Track this month": _text(each.track),
            }
            for each in sorted(listed, key=lambda each: str(each.started_on), reverse=True)
        ]
        widgets.table(pd.DataFrame(rows), alt="Enrollments", key=view.key("chart_enrollments"))
    else:
        widgets.empty("Not enrolled in any program.", icon="person_add")
    if not view.may_edit:
        if view.person.is_billing_practitioner:
            _track_form(view)
        return
    left, right = st.columns(2, gap="large")
    with left:
        _enroll_form(view)
    with right:
        _end_form(view)
        _track_form(view)


def _text(value: Maybe[str | None]) -> str:
    if value is UNKNOWN:
        return formats.NOT_RECORDED
    return formats.DASH if value is None else formats.words(value) if value.islower() else value


def _enroll_form(view: ChartView) -> None:
    st.markdown("#### Enroll")
    options = list(ENROLLED)
    codes = [each.icd10 for each in view.chart.conditions if each.icd10]
    with st.form(view.key("chart_enroll")):
        program = st.selectbox(
            "Program", options, index=wanted_program(options), key=view.key("chart_enroll_program")
        )
        started = st.date_input("From", value=view.today, key=view.key("chart_enroll_from"))
        biller = st.selectbox(
            "Billing practitioner", view.practitioners, format_func=view.signature,
            key=view.key("chart_enroll_biller"),
        )  # fmt: skip
        supervisor = st.selectbox(
            "Supervising practitioner", [None, *view.practitioners],
            format_func=lambda each: "The billing practitioner" if each is None else view.signature(each),
            key=view.key("chart_enroll_supervisor"),
        )  # fmt: skip
        condition = st.selectbox(
            "The one condition (PCM only)", [None, *codes],
            format_func=lambda each: formats.DASH if each is None else each,
            key=view.key("chart_enroll_condition"),
        )  # fmt: skip
        if st.form_submit_button("Enroll", type="primary", key=view.key("chart_enroll_save")):
            save(
                lambda: care_records.enroll(
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


def _end_form(view: ChartView) -> None:
    running = [
        each for each in view.chart.enrollments if not isinstance(each.ended_on, type(view.today))
    ]
    if not running:
        return
    st.markdown("#### End an enrollment")
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
                lambda: care_records.end_enrollment(
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
    st.markdown("#### Whose minutes this month")
    if not view.person.is_billing_practitioner:
        st.caption(
            "Only a billing practitioner elects the track. Ask one to sign in and choose here."
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
                lambda: care_records.elect_track(
                    view.patient.id,
                    program=program,
                    month=view.month,
                    track=track,
                    **view.services,
                ),
                f"{program} is billed from {formats.words(track).lower()} minutes this month.",
            )


def consents(view: ChartView) -> None:
    """Draw the consents with each element, and the forms to record and revoke one."""
    for each in view.chart.consents:
        _consent(view, each)
    if not view.chart.consents:
        widgets.empty("No consent on record.", icon="handshake")
    if view.may_edit:
        consent_form(view)


def _consent(view: ChartView, consent: Consent) -> None:
    with st.container(border=True):
        is_revoked = consent.revoked_on is not UNKNOWN and consent.revoked_on is not None
        state = f", revoked {formats.day(consent.revoked_on)}" if is_revoked else ""
        method = formats.NOT_RECORDED if consent.method is UNKNOWN else str(consent.method)
        st.markdown(f"**{consent.program}** · obtained {formats.day(consent.obtained_on)}{state}")
        st.caption(
            formats.plain(
                f"{formats.words(method)}; taken by {view.signature(consent.obtained_by)}; for "
                f"{view.signature(consent.billing_practitioner)}; documented: "
                f"{formats.yes_no(consent.documented).lower()}"
            )
        )
        given = consent.elements
        if given is UNKNOWN:
            st.caption("Which elements were explained is not recorded.")
        else:
            st.markdown(
                "  \n".join(
                    f":material/{'check_box' if element in given else 'check_box_outline_blank'}: "
                    f"{words}{'' if element in given else ' (not told)'}"
                    for element, words in ELEMENTS.items()
                    if element in given or is_asked(element, consent.program)
                )
            )
        if view.may_edit and not is_revoked:
            with (
                st.popover("Revoke", icon=":material/undo:"),
                st.form(f"chart_revoke_{consent.id}"),
            ):
                on = st.date_input(
                    "Revoked on", value=view.today, key=f"chart_revoke_on_{consent.id}"
                )
                if st.form_submit_button("Revoke consent", key=f"chart_revoke_save_{consent.id}"):
                    save(
                        lambda: care_records.revoke_consent(
                            consent.id,
                            revoked_on=on,
                            **view.services,
                        ),
                        f"{consent.program} consent revoked.",
                    )


def consent_form(view: ChartView, *, form: str = "chart_consent") -> None:
    """Draw the form that records a consent with every element.

    Args:
        view: The chart.
        form: Prefix of the widget keys; another page may show the form too.
    """
    st.markdown("#### Record a consent")
    options = list(Program)
    with st.form(view.key(form)):
        first, second, third = st.columns(3)
        program = first.selectbox(
            "Program", options, index=wanted_program(options), key=view.key(f"{form}_program")
        )
        on = second.date_input(
            "Obtained on", value=view.today, max_value=view.today, key=view.key(f"{form}_on"),
            help="The true day. Minutes before it do not count.",
        )  # fmt: skip
        method = third.segmented_control(
            "How", list(ConsentMethod), format_func=formats.words, default=ConsentMethod.VERBAL,
            required=True, key=view.key(f"{form}_method"),
        )  # fmt: skip
        biller = first.selectbox(
            "For which practitioner", view.practitioners, format_func=view.signature,
            key=view.key(f"{form}_biller"),
        )  # fmt: skip
        people = [member.id for member in view.people.values() if member.is_active]
        taker = second.selectbox(
            "Taken by", people, format_func=view.signature,
            index=people.index(view.person.person_id) if view.person.person_id in people else 0,
            key=view.key(f"{form}_taker"),
        )  # fmt: skip
        is_documented = third.checkbox(
            "Documented in the record", value=True, key=view.key(f"{form}_documented")
        )
        st.caption("What the patient was told")
        told = frozenset(
            element
            for element in ConsentElement
            if st.checkbox(ELEMENTS[element], key=view.key(f"{form}_{element}"))
        )
        if st.form_submit_button("Record consent", type="primary", key=view.key(f"{form}_save")):
            save(
                lambda: care_records.record_consent(
                    view.patient.id,
                    program=program,
                    obtained_on=on,
                    method=method,
                    documented=is_documented,
                    billing_practitioner=biller,
                    obtained_by=taker,
                    elements=told,
                    **view.services,
                ),
                f"{program} consent recorded.",
            )


def care_plans(view: ChartView) -> None:
    """Draw the care plans, and the forms to establish and revise one and to give a copy."""
    for each in view.chart.care_plans:
        _plan(view, each)
    if not view.chart.care_plans:
        widgets.empty("No care plan on record.", icon="checklist")
    if not view.may_edit:
        return
    st.markdown("#### Establish a care plan")
    options = list(Program)
    with st.form(view.key("chart_plan")):
        first, second, third = st.columns(3)
        program = first.selectbox(
            "Program", options, index=wanted_program(options), key=view.key("chart_plan_program")
        )
        on = second.date_input(
            "Established on", value=view.today, max_value=view.today, key=view.key("chart_plan_on")
        )
        has_copy = third.checkbox("A copy was given that day", key=view.key("chart_plan_copy"))
        goals = st.text_area("Goals", key=view.key("chart_plan_goals"), height=100, max_chars=4000)
        if st.form_submit_button("Save care plan", type="primary", key=view.key("chart_plan_save")):
            save(
                lambda: care_records.record_care_plan(
                    view.patient.id,
                    program=program,
                    established_on=on,
                    copy_given_on=on if has_copy else None,
                    goals=goals.strip(),
                    **view.services,
                ),
                f"{program} care plan saved.",
            )


def _plan(view: ChartView, plan: CarePlan) -> None:
    with st.container(border=True):
        revised = (
            ", never revised"
            if plan.revised_on is None
            else f", revised {formats.day(plan.revised_on)}"
        )
        st.markdown(f"**{plan.program}** · established {formats.day(plan.established_on)}{revised}")
        given = "not given" if plan.copy_given_on is None else formats.day(plan.copy_given_on)
        st.caption(f"Copy to patient or caregiver: {given}")
        if plan.goals:
            st.text(plan.goals)
        if not view.may_edit:
            return
        with st.container(horizontal=True):
            with st.popover("Copy given", icon=":material/contact_page:"):
                _copy(view, plan)
            with st.popover("Revise", icon=":material/edit:"):
                _revise(view, plan)


def _copy(view: ChartView, plan: CarePlan) -> None:
    with st.form(f"chart_copy_{plan.id}"):
        on = st.date_input(
            "Given on", value=view.today, max_value=view.today, key=f"chart_copy_on_{plan.id}"
        )
        if st.form_submit_button("Save", key=f"chart_copy_save_{plan.id}"):
            save(
                lambda: care_records.give_care_plan_copy(
                    plan.id,
                    copy_given_on=on,
                    **view.services,
                ),
                f"Copy of the {plan.program} care plan recorded.",
            )


def _revise(view: ChartView, plan: CarePlan) -> None:
    with st.form(f"chart_revise_{plan.id}"):
        on = st.date_input(
            "Revised on", value=view.today, max_value=view.today, key=f"chart_revise_on_{plan.id}"
        )
        goals = st.text_area("Goals", value=plan.goals, key=f"chart_revise_goals_{plan.id}")
        if st.form_submit_button("Save revision", key=f"chart_revise_save_{plan.id}"):
            save(
                lambda: care_records.revise_care_plan(
                    plan.id,
                    revised_on=on,
                    goals=goals.strip(),
                    **view.services,
                ),
                f"{plan.program} care plan revised.",
            )
