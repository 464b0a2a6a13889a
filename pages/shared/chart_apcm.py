"""The chart's advanced primary care: whether the month is documented, what was worked on, the level."""

import streamlit as st

from pages.shared import formats, store
from pages.shared.chart_base import ChartView, save, yes_no_input
from trellis_core.access import Operation, may
from trellis_core.rules.labels import code_label
from trellis_core.services import apcm
from trellis_core.services.apcm import WORK_WORDS, ApcmElement
from trellis_core.values.unknown import UNKNOWN


def draw(view: ChartView) -> None:
    """Draw what is stated about the month's services, and the form that states it."""
    held = apcm.month_stated(view.patient.id, month=view.month, **view.services)
    month = formats.month_name(view.month)
    beneficiary = formats.yes_no(view.patient.qualified_medicare_beneficiary).lower()
    st.caption(
        formats.plain(f"Qualified Medicare beneficiary: {beneficiary}. {_level_words(view)}")
    )
    if held is None:
        st.markdown(f"Nothing is stated yet about the services of {month}.")
    else:
        worked = ", ".join(WORK_WORDS[each].lower() for each in held.elements) or "nothing named"
        said = (
            f"Services of {month} documented: {formats.yes_no(held.is_documented).lower()}; "
            f"{worked}. Stated by {view.signature(held.stated_by)} on "
            f"{formats.moment(held.stated_at, view.zone)}."
        )
        st.text(said)
    if not view.may_edit:
        return
    if view.month.first_day > view.today:
        st.caption("The month has not begun. What was done is stated from its first day.")
        return
    key = f"{view.key('chart_apcm')}_{view.month}"
    with st.form(key):
        is_documented = yes_no_input(
            "The record shows what was done this month",
            UNKNOWN if held is None else held.is_documented,
            key=f"{key}_documented",
        )
        elements = st.pills(
            "Worked on",
            list(ApcmElement),
            selection_mode="multi",
            default=list(held.elements) if held else [],
            format_func=lambda each: WORK_WORDS[each],
            key=f"{key}_elements",
        )
        if st.form_submit_button("Save", type="primary", key=f"{key}_save"):
            save(
                lambda: apcm.document_month(
                    view.patient.id,
                    month=view.month,
                    is_documented=is_documented,
                    elements=elements,
                    **view.services,
                ),
                f"What was done in {month} is saved.",
            )


def _level_words(view: ChartView) -> str:
    """Say which level the month's facts come to, for whoever may see the board."""
    if not may(view.person, Operation.READ_BOARD):
        return ""
    found = apcm.apcm_patients(
        [view.patient.id], month=view.month, rule_book=store.rule_book(), **view.services
    )
    level = found[0].level if found else None
    return f"Level by the facts on record: {level}, {code_label(level)}." if level else ""
