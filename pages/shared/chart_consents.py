"""The chart's consents with each element, what was declined, and the forms to record an answer."""

from collections.abc import Callable
from datetime import date
from types import ModuleType
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared import active_time, formats, month_strip, store, widgets
from pages.shared.chart_base import ChartView, save
from pages.shared.chart_enrollments import first_program
from pages.shared.chart_map import ELEMENTS, is_asked
from trellis_core.access import Actor, Operation
from trellis_core.care.records import Consent, DeclinedConsent, stands_declined
from trellis_core.care.vocabulary import Activity, ConsentElement, ConsentMethod, Program
from trellis_core.services import consents, enrollments, paperwork
from trellis_core.services.downloads import FileForm
from trellis_core.services.suggestions import Origin
from trellis_core.values.unknown import UNKNOWN

AGREED: Final = "Agreed"
DECLINED: Final = "Declined"
PATIENT: Final = "The patient"
REPRESENTATIVE: Final = "A representative"

HELP_ON: Final = (
    "The true day on which the patient agreed. Minutes before it do not count. A day before today "
    "needs a reason, and shows as recorded later."
)
HELP_METHOD: Final = (
    "Consent by word of mouth is enough where it is written down in the record: who asked, when, and "
    "what was said."
)
HELP_DOCUMENTED: Final = (
    "A note in the medical record says that the patient agreed and what was explained. Recording it "
    "here is such a note."
)
HELP_COPY: Final = (
    "Handed over, sent by mail, or put where the patient reads it, such as a portal. Reading it aloud "
    "is no copy."
)
HELP_ELEMENT: Final = {
    ConsentElement.COST_SHARING: "For example: there may be a monthly charge, such as the usual "
    "coinsurance, also for months without a visit. Say it also to those with a second insurance."
}


def draw(view: ChartView) -> None:
    """Draw the consents with each element, what was declined, and the form for an answer."""
    for sentence in renewals(view):
        st.warning(sentence, icon=":material/published_with_changes:")
    for each in view.chart.consents:
        _consent(view, each)
    for refusal in view.chart.declined:
        _declined(view, refusal)
    if not view.chart.consents and not view.chart.declined:
        widgets.empty("No consent on record.", icon="handshake")
    if view.may_edit:
        consent_form(view)


def biller_now(view: ChartView, program: Program) -> str | None:
    """Return who bills a program in the month that is looked at; None where nobody is named."""
    enrollment = enrollments.enrollment_in(view.chart.enrollments, program, view.month)
    named = UNKNOWN if enrollment is None else enrollment.billing_practitioner
    return None if named is UNKNOWN else named


def renewals(view: ChartView, only: Program | None = None) -> list[str]:
    """Say for which programs the consent on record names another practitioner than the one who bills."""
    said = []
    for program in Program:
        biller = biller_now(view, program)
        standing = [
            each
            for each in view.chart.consents
            if each.program is program and not isinstance(each.revoked_on, date)
        ]
        named = {each.billing_practitioner for each in standing}
        if only in {None, program} and biller and standing and biller not in named | {UNKNOWN}:
            before = formats.plain(view.signature(standing[-1].billing_practitioner))
            said.append(
                f"**{program}**: the consent on record is for {before}. "
                f"{formats.plain(view.signature(biller))} bills "
                f"{formats.month_name(view.month)}: ask for a new consent."
            )
    return said


def _consent(view: ChartView, consent: Consent) -> None:
    with st.container(border=True):
        is_revoked = isinstance(consent.revoked_on, date)
        state = f", revoked {formats.day(consent.revoked_on)}" if is_revoked else ""
        st.markdown(f"**{consent.program}** · obtained {formats.day(consent.obtained_on)}{state}")
        st.caption(formats.plain("; ".join(_facts(view, consent))))
        if consent.backdating_reason:
            recorded = "" if consent.recorded_at is None else _local_day(view, consent)
            st.caption(
                f":material/history: Recorded {recorded} for {formats.day(consent.obtained_on)}: "
                f"{formats.plain(consent.backdating_reason)}"
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
        with st.container(horizontal=True):
            print_button(view, consent.program, consent=consent)
            if view.may_edit and consent.copy_given_on is None:
                with st.popover("Copy given", icon=":material/contact_page:"):
                    _copy(view, consent)
            if view.may_edit and not is_revoked:
                with st.popover("Revoke", icon=":material/undo:"):
                    _revoke(view, consent)


def _facts(view: ChartView, consent: Consent) -> list[str]:
    method = formats.NOT_RECORDED if consent.method is UNKNOWN else str(consent.method)
    facts = [formats.words(method)]
    if consent.given_by or consent.recorded_at:
        facts.append(f"given by {consent.given_by or 'the patient'}")
    facts += [
        f"taken by {view.signature(consent.obtained_by)}",
        f"for {view.signature(consent.billing_practitioner)}",
        f"documented: {formats.yes_no(consent.documented).lower()}",
    ]
    if consent.copy_given_on is not None:
        facts.append(f"copy given {formats.day(consent.copy_given_on)}")
    return facts


def _local_day(view: ChartView, consent: Consent) -> str:
    at = consent.recorded_at
    return "" if at is None else formats.day(at.astimezone(view.zone).date())


def _copy(view: ChartView, consent: Consent) -> None:
    with st.form(f"chart_consent_copy_{consent.id}"):
        on = st.date_input(
            "Given on", value=view.today, max_value=view.today,
            key=f"chart_consent_copy_on_{consent.id}", help=HELP_COPY,
        )  # fmt: skip
        if st.form_submit_button("Save", key=f"chart_consent_copy_save_{consent.id}"):
            save(
                lambda: consents.give_consent_copy(consent.id, copy_given_on=on, **view.services),
                f"Copy of the {consent.program} consent recorded.",
            )


def _revoke(view: ChartView, consent: Consent) -> None:
    with st.form(f"chart_revoke_{consent.id}"):
        on = st.date_input("Revoked on", value=view.today, key=f"chart_revoke_on_{consent.id}")
        if st.form_submit_button("Revoke consent", key=f"chart_revoke_save_{consent.id}"):
            save(
                lambda: consents.revoke_consent(consent.id, revoked_on=on, **view.services),
                f"{consent.program} consent revoked.",
            )


def _declined(view: ChartView, refusal: DeclinedConsent) -> None:
    stands = stands_declined(view.chart.declined, view.chart.consents, refusal.program) == refusal
    with st.container(border=True):
        tail = "" if stands else ", a later answer stands"
        st.markdown(
            f":material/do_not_disturb_on: **{refusal.program}** · declined "
            f"{formats.day(refusal.declined_on)}{tail}"
        )
        by = refusal.given_by or "the patient"
        st.caption(
            formats.plain(
                f"Answered by {by}; asked by {view.signature(refusal.asked_by)}"
                f"{f'; {refusal.reason}' if refusal.reason else ''}"
            )
        )


def print_button(
    view: ChartView,
    program: Program,
    *,
    consent: Consent | None = None,
    practitioner: str | None = None,
    key: str = "chart_consent_print",
) -> None:
    """Draw the button that prints a consent form: what is on record, or one to be signed."""

    def make(person: Actor) -> bytes:
        return paperwork.consent_form(
            view.patient.id,
            program=program,
            consent_id=None if consent is None else consent.id,
            practitioner=practitioner,
            store=store.store(),
            actor=person,
            clock=store.clock(),
            rule_book=store.rule_book(),
        )

    widgets.download(
        "Form to sign" if consent is None else "Print",
        make,
        operation=Operation.READ_CHART,
        form=FileForm.CONSENT_FORM,
        file_name=f"consent-{formats.program_slug(program)}.pdf",
        media_type="application/pdf",
        key=f"{key}_{consent.id}" if consent else view.key(key),
        patient_id=view.patient.id,
        icon=":material/print:",
    )


def consent_form(
    view: ChartView, *, form: str = "chart_consent", only: Program | None = None
) -> None:
    """Draw the form that records a patient's answer: agreed with every element, or declined.

    Args:
        view: The chart.
        form: Prefix of the widget keys; another page may show the form too.
        only: The one program that it is about; None to let it be chosen.
    """
    options = list(Program) if only is None else [only]
    program = options[0]
    if only is None:
        st.markdown("## Record an answer")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if only is None:
            program = st.selectbox(
                "Program", options, index=first_program(view, options), width=200,
                key=view.key(f"{form}_program"),
            )  # fmt: skip
        answer = st.segmented_control(
            "Answer", [AGREED, DECLINED], default=AGREED, required=True,
            key=view.key(f"{form}_answer"),
        )  # fmt: skip
    if answer == DECLINED:
        _decline_form(view, program, form)
    else:
        _agree_form(view, program, form)


def _agree_form(view: ChartView, program: Program, form: str) -> None:
    row = st.container(horizontal=True)
    method = row.segmented_control(
        "How", list(ConsentMethod), format_func=formats.words, default=ConsentMethod.VERBAL,
        required=True, key=view.key(f"{form}_method"), help=HELP_METHOD,
    )  # fmt: skip
    given_by = _given_by(view, form, row)
    first, second = st.columns(2)
    on = first.date_input(
        "Obtained on", value=view.today, max_value=view.today, key=view.key(f"{form}_on"),
        help=HELP_ON,
    )  # fmt: skip
    taker = _asked_by(view, form, second, "Taken by")
    month_strip.closed_notice(on, view.person)
    biller = _practitioner(view, program, form)
    reason = ""
    if on < view.today:
        reason = st.text_input(
            f"Why it is recorded only today, for {formats.day(on)}",
            max_chars=consents.LONGEST_REASON, key=view.key(f"{form}_reason"),
            placeholder="For example: signed on paper in the clinic, found while filing",
        )  # fmt: skip
    st.caption("What the patient was told")
    asked = consents.elements_asked(program, on=on, rule_book=store.rule_book())
    told = frozenset(
        element
        for element in ConsentElement
        if (element in asked or is_asked(element, program))
        and st.checkbox(
            f"{ELEMENTS[element]}{'' if element in asked else ' (optional)'}",
            key=view.key(f"{form}_{element}"),
            help=HELP_ELEMENT.get(element),
        )
    )
    row = st.container(horizontal=True, gap="medium")
    is_documented = row.checkbox(
        "Documented in the record", value=True, key=view.key(f"{form}_documented"),
        help=HELP_DOCUMENTED,
    )  # fmt: skip
    has_copy = row.checkbox(
        "A copy was given that day", key=view.key(f"{form}_copy"), help=HELP_COPY
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        is_saved = st.button("Record consent", type="primary", key=view.key(f"{form}_save"))
        print_button(view, program, practitioner=biller, key=f"{form}_print")
    if not is_saved:
        return

    def record() -> None:
        consents.record_consent(
            view.patient.id,
            program=program,
            obtained_on=on,
            method=method,
            documented=is_documented,
            billing_practitioner=UNKNOWN if biller is None else biller,
            obtained_by=UNKNOWN if taker is None else taker,
            elements=told,
            representative=given_by(),
            copy_given_on=on if has_copy else None,
            backdating_reason=reason,
            **view.services,
        )
        _worked(view, program)

    save(record, f"{program} consent recorded.")


def _decline_form(view: ChartView, program: Program, form: str) -> None:
    first, second = st.columns(2)
    on = first.date_input(
        "Declined on", value=view.today, max_value=view.today, key=view.key(f"{form}_no_on")
    )
    asked_by = _asked_by(view, form, second, "Asked by")
    given_by = _given_by(view, form, st)
    reason = st.text_input(
        "Why, in the patient's words", max_chars=consents.LONGEST_REASON,
        key=view.key(f"{form}_no_reason"), placeholder="May stay empty",
    )  # fmt: skip
    st.caption("The patient may be asked again at any time; a consent then takes its place.")
    if st.button("Record refusal", type="primary", key=view.key(f"{form}_no_save")):

        def record() -> None:
            consents.decline_consent(
                view.patient.id,
                program=program,
                declined_on=on,
                representative=given_by(),
                asked_by=UNKNOWN if asked_by is None else asked_by,
                reason=reason,
                **view.services,
            )
            _worked(view, program)

        save(record, f"{program}: the patient declined.")


def _worked(view: ChartView, program: Program) -> None:
    active_time.note_work(
        Origin.CONSENT,
        patient_id=view.patient.id,
        program=program,
        activity=Activity.ADMINISTRATIVE,
        person=view.person,
    )


def _practitioner(view: ChartView, program: Program, form: str) -> str | None:
    people = view.practitioners
    biller = biller_now(view, program)
    chosen: str | None = st.selectbox(
        "For which practitioner", people, format_func=view.signature,
        index=people.index(biller) if biller in people else 0 if people else None,
        key=view.key(f"{form}_biller_{program}"),
        help="Who bills the program. A consent holds for this practitioner alone.",
    )  # fmt: skip
    return chosen


def _asked_by(view: ChartView, form: str, where: DeltaGenerator, label: str) -> str | None:
    people = [member.id for member in view.people.values() if member.is_active]
    me = view.person.person_id
    chosen: str | None = where.selectbox(
        label, people, format_func=view.signature, index=people.index(me) if me in people else 0,
        key=view.key(f"{form}_taker"),
    )  # fmt: skip
    return chosen


def _given_by(
    view: ChartView, form: str, where: DeltaGenerator | ModuleType
) -> Callable[[], str | None]:
    """Draw who answered; return what names them, which refuses a representative without a name."""
    who = where.segmented_control(
        "Answered by", [PATIENT, REPRESENTATIVE], default=PATIENT, required=True,
        key=view.key(f"{form}_who"),
    )  # fmt: skip
    if who != REPRESENTATIVE:
        return lambda: None
    first, second = st.columns(2)
    name = first.text_input("Name", max_chars=120, key=view.key(f"{form}_who_name"))
    relation = second.text_input(
        "Relation to the patient", max_chars=80, key=view.key(f"{form}_who_relation"),
        placeholder="Daughter, health care proxy",
    )  # fmt: skip
    return lambda: consents.named_representative(name, relation)
