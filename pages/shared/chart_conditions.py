"""The chart's conditions with their titles, the forms that list and complete one, and the risk statement."""

from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import chart_attestations, chart_risk, code_finder, formats, state, widgets
from pages.shared.chart_base import ChartView, save, yes_no_input
from trellis_core.care.records import Condition
from trellis_core.services import conditions
from trellis_core.values import icd10_table
from trellis_core.values.unknown import UNKNOWN, Maybe

_CHRONIC: Final = "Expected to last so many months"
_SHORT: Final = "Known not to be chronic"
_OPEN: Final = "Not recorded"
_OLDEST: Final = date(1900, 1, 1)
_NEW: Final = "chart_condition"
_COLUMNS: Final = {
    "ICD-10-CM": st.column_config.TextColumn(width="small"),
    "Title": st.column_config.TextColumn(
        width=260, help=f"ICD-10-CM, release of {icd10_table.about().release}."
    ),
}


def draw(view: ChartView) -> None:
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
                "Title": _title(each.icd10),
                "In words": each.text or formats.DASH,
                "Expected": _expected(each.expected_months),
                "Significant risk": formats.yes_no(each.significant_risk),
                "Behavioral": formats.yes_no(each.behavioral),
                "Since": formats.day(each.onset_on),
                "SNOMED CT": each.snomed or formats.DASH,
            }
            for each in listed
        ]
        said = {name for row in rows for name in row if row[name] != formats.DASH}
        kept = [name for name in rows[0] if name in said or name not in {"Since", "SNOMED CT"}]
        rows = [{name: row[name] for name in kept} for row in rows]
        widgets.table(
            pd.DataFrame(rows), alt="Conditions", key=view.key("chart_conditions"), columns=_COLUMNS
        )
        _doubts(listed)
    else:
        widgets.empty("No condition on record.", icon="stethoscope")
    chart_risk.draw(view)
    chart_attestations.draw(view)
    if not view.may_edit:
        return
    code_finder.draw(
        view,
        code_key=_new_key(view, "icd10"),
        text_key=_new_key(view, "text"),
        turn=len(listed),
    )
    left, right = st.columns(2, gap="large")
    if listed:
        with left:
            _code_form(view, listed)
    with right if listed else left:
        _condition_form(view)


def _new_key(view: ChartView, name: str) -> str:
    """Return a field's key in the form for a new condition: another form once it was saved."""
    return f"{state.form_key(view.key(_NEW))}_{name}"


def _title(code: str | None) -> str:
    found = icd10_table.lookup(code) if code else None
    return found.title if found else formats.DASH


def _doubts(listed: list[Condition]) -> None:
    """Warn of codes that a claim may not take, and suggest what a chapter makes likely."""
    codes = dict.fromkeys(each.icd10 for each in listed if each.icd10)
    for doubt in filter(None, map(conditions.doubts_about, codes)):
        st.warning(doubt, icon=":material/rule:")
    for each in listed:
        if each.behavioral is UNKNOWN and each.icd10 and _is_likely_behavioral(each):
            st.info(
                f"{each.icd10} is of the chapter of mental and behavioral disorders. Say below "
                "whether it is a behavioral condition: BHI and CoCM ask for one.",
                icon=":material/psychology:",
            )


def _is_likely_behavioral(condition: Condition) -> bool:
    return condition.icd10 is not None and conditions.is_of_behavioral_chapter(condition.icd10)


def _expected(months: Maybe[int | None]) -> str:
    if months is UNKNOWN:
        return formats.NOT_RECORDED
    return "not chronic" if months is None else formats.count(months, "month")


def _code_form(view: ChartView, listed: list[Condition]) -> None:
    st.markdown("## Complete a condition")
    chosen = st.selectbox(
        "Condition",
        listed,
        format_func=lambda each: f"{each.icd10 or 'no code'}: {each.text or _title(each.icd10)}",
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
        text = st.text_input("In words", value=chosen.text, key=f"chart_code_text_{chosen.id}")
        onset = st.date_input(
            "Since", value=chosen.onset_on, min_value=_OLDEST, max_value=view.today,
            key=f"chart_code_onset_{chosen.id}", format="YYYY-MM-DD",
        )  # fmt: skip
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
                lambda: conditions.code_condition(
                    chosen.id,
                    icd10=code.strip().upper(),
                    text=text.strip(),
                    onset_on=onset,
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
    st.markdown("## Add a condition")
    with st.form(_new_key(view, "form")):
        code = st.text_input("ICD-10-CM code", placeholder="I10", key=_new_key(view, "icd10"))
        text = st.text_input("In words", placeholder="Hypertension", key=_new_key(view, "text"))
        months = _months_input(12, key=_new_key(view, "months"))
        risk = yes_no_input(
            "Significant risk of death, acute worsening or functional decline",
            UNKNOWN,
            key=_new_key(view, "risk"),
        )
        behavioral = yes_no_input(
            "Mental, behavioral or psychiatric", UNKNOWN, key=_new_key(view, "behavioral")
        )
        if st.form_submit_button("Add condition", key=_new_key(view, "save")):
            save(
                lambda: conditions.add_condition(
                    view.patient.id,
                    icd10=code.strip().upper(),
                    text=text.strip(),
                    expected_months=months,
                    significant_risk=risk,
                    behavioral=behavioral,
                    **view.services,
                ),
                "Condition added.",
                form=view.key(_NEW),
            )
