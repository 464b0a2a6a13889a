"""Attested diagnoses on the chart: what the month was for, in the practitioner's order."""

import streamlit as st

from pages.shared import formats, month_strip
from pages.shared.chart_base import ChartView, save, wanted_program
from trellis_core.access import Operation, may
from trellis_core.care.records import Condition
from trellis_core.care.vocabulary import Program
from trellis_core.services import attestations
from trellis_core.services.attestations import AttestDiagnoses
from trellis_core.superbill import Attestation
from trellis_core.superbill.bill import LETTERS
from trellis_core.values import icd10_table


def draw(view: ChartView) -> None:
    """Draw what was attested about the month in view, and the form for a billing practitioner."""
    programs = _programs(view)
    attested = attestations.attested_in(view.patient.id, view.month, **view.services)
    if not programs and not attested:
        return
    st.markdown(f"## Diagnoses of {formats.month_name(view.month)}")
    for each in attested:
        _attested(view, each)
    if not attested:
        st.caption(
            "Nobody attested what the month was for. Superbills name the conditions that fit each "
            "program, in the order of the list."
        )
    if view.month.first_day > view.today:
        return
    if not may(view.person, Operation.DOCUMENT_DECISION):
        st.caption("A billing practitioner attests them here.")
        return
    if programs:
        _form(view, programs, attested)


def _programs(view: ChartView) -> list[Program]:
    """Return the programs in which the patient is, or was, enrolled, in the usual order."""
    named = {each.program for each in view.chart.enrollments}
    named |= {Program.TCM} if view.chart.discharges else set()
    return [each for each in Program if each in named]


def _attested(view: ChartView, each: Attestation) -> None:
    on_chart = {condition.id: condition for condition in view.chart.conditions}
    said = [
        f"{letter} {_words(on_chart[condition])}"
        for letter, condition in zip(LETTERS, each.conditions, strict=False)
        if condition in on_chart
    ]
    who = f"{each.by}, {formats.moment(each.at, view.zone)}"
    st.markdown(f":material/verified: **{each.program}**: {formats.plain('; '.join(said))}")
    st.caption(formats.plain(f"Attested by {who}"))


def _words(condition: Condition) -> str:
    """Write a condition with its code: in words as the chart has it, else the code's own title."""
    found = icd10_table.lookup(condition.icd10) if condition.icd10 else None
    title = condition.text or (found.title if found else "")
    return f"{condition.icd10 or 'no code'} {title}".strip()


def _form(view: ChartView, programs: list[Program], attested: tuple[Attestation, ...]) -> None:
    coded = {each.id: each for each in view.chart.conditions if each.icd10 is not None}
    if not coded:
        st.caption("No condition has an ICD-10-CM code yet. Complete the list above first.")
        return
    key = view.key(f"chart_attest_{view.month}")
    with st.container(border=True):
        program = st.selectbox(
            "Program", programs, index=wanted_program(programs), key=f"{key}_program"
        )
        before = next((each for each in attested if each.program is program), None)
        chosen = st.multiselect(
            "The month was for, the most important first",
            list(coded),
            default=[each for each in before.conditions if each in coded] if before else [],
            format_func=lambda each: _words(coded[each]),
            key=f"{key}_{program}",
            placeholder="Choose conditions in order",
            help="The order in which you choose them is the order on the claim: the first is "
            "diagnosis A.",
        )
        month_strip.closed_month_notice(view.month, view.person)
        if st.button(
            "Attest the diagnoses" if before is None else "Attest anew",
            icon=":material/verified:",
            key=f"{key}_save",
        ):
            save(
                lambda: attestations.attest_diagnoses(
                    AttestDiagnoses(
                        patient_id=view.patient.id,
                        program=program,
                        month=view.month,
                        conditions=chosen,
                    ),
                    **view.services,
                ),
                f"Diagnoses of {program} attested for {formats.month_name(view.month)}.",
            )
