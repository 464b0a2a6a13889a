"""General behavioral health integration: a rating scale, a plan, and a team's monthly minutes."""

from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import (
    chart_scales,
    formats,
    program_facts,
    program_frame,
    scale_form,
    scale_plot,
    store,
    widgets,
)
from pages.shared.program_frame import ProgramView
from trellis_core.access import Operation, may
from trellis_core.care.instruments import band, instrument_named, response
from trellis_core.care.vocabulary import Program
from trellis_core.services.scale_results import ScaleResult, results_of_list, scale_results
from trellis_core.values.unknown import UNKNOWN, Maybe

_ROW_HEIGHT: Final = 66  # two lines
_WIDTHS: Final = {
    "Patient": 94, "Newest scale": 112, "Age": 58, "Change": 88, "Led to": 64, "Safety": 60,
}  # fmt: skip


def facts(view: ProgramView) -> None:
    """Draw the scale of the month, its trend and what it led to, for each patient."""
    shown = [view.chosen] if view.chosen else list(view.rows)[: program_facts.SHOWN]
    found = results_of_list(
        [row.patient_id for row in shown],
        store=store.store(),
        actor=view.person,
        clock=store.clock(),
    )
    rows = [
        {"Patient": row.patient_name} | _cells(found.get(row.patient_id, ()), view)
        for row in sorted(shown, key=lambda row: row.patient_name)
        if row.patient_id not in view.closed
    ]
    if rows:
        widgets.table(
            pd.DataFrame(rows),
            alt="Rating scales of the month",
            key="bhi_facts",
            columns={name: st.column_config.TextColumn(width=px) for name, px in _WIDTHS.items()},
            row_height=_ROW_HEIGHT,
        )
    else:
        widgets.empty("No patient here whose scale could be followed yet.", icon="query_stats")
    program_facts.more_than_shown(view)
    if view.chosen is None and rows:
        st.caption("Select a patient above to record the month's scale.")


def _cells(results: tuple[ScaleResult, ...], view: ProgramView) -> dict[str, object]:
    until = [each for each in results if each.scale.on <= view.month.last_day]
    if not until:
        nothing = dict.fromkeys(("Age", "Change", "Led to", "Safety"), formats.DASH)
        return {"Newest scale": "none yet", **nothing}
    newest = until[-1]
    return {
        "Newest scale": f"{newest.scale.instrument} {_score(newest)}, {formats.day(newest.scale.on)}",
        "Age": age_words(newest, view),
        "Change": _change(until),
        "Led to": program_facts.use_words(newest.scale),
        "Safety": _safety(newest.safety),
    }


def _change(results: list[ScaleResult]) -> str:
    """Write the change of the newest scale since its first score, and whether it is a response."""
    name = results[-1].scale.instrument
    scored = scale_plot.scores_of([each.scale for each in results if each.scale.instrument == name])
    if len(scored) <= 1:
        return formats.DASH
    (_, first), (_, last) = scored[0], scored[-1]
    known = instrument_named(name)
    answered = None if known is None else response(known, first, last)
    words = {True: ", response", False: ", no response yet", None: ""}[answered]
    return f"{first} → {last} ({last - first:+d}){words}"


def _score(result: ScaleResult) -> str:
    known = instrument_named(result.scale.instrument)
    if known is not None and result.level is not None:
        return known.level_words.get(result.level, result.level)
    words = None if known is None else band(known, result.scale.score)
    return program_facts.score_words(result.scale) + (f", {words}" if words else "")


def _safety(asked: Maybe[bool]) -> str:
    if asked is UNKNOWN:
        return "not asked"
    return "check asked for" if asked else formats.DASH


def age_words(result: ScaleResult, view: ProgramView) -> str:
    """Write how old a score is, and whether that is more than the rule book's mark, or twice it."""
    on = min(view.today, view.month.last_day)
    days = (on - result.scale.on).days
    mark = store.rule_book().integer("bhi.rating_scale.within_days", on=on)
    said = formats.count(days, "day")
    if days > 2 * mark:
        return f"{said}: over {2 * mark}"
    return f"{said}: over {mark}" if days > mark else said


def scale_of_month(view: ProgramView) -> None:
    """Draw the form of the month's scale and the scores over time, for the selected patient."""
    if view.chosen is None:
        return
    patient_id = view.chosen.patient_id
    found = chart_scales.by_instrument(
        scale_results(patient_id, store=store.store(), actor=view.person, clock=store.clock())
    )
    scale_form.safety_notice(patient_id, view.person)
    chart = program_facts.chart_of(view, patient_id)
    if may(view.person, Operation.EDIT_CHART):
        with st.expander("Record the month's scale", icon=":material/edit_note:", expanded=True):
            scale_form.draw(
                patient_id,
                person=view.person,
                program=Program.BHI,
                sex=chart.patient.sex,
                today=view.today,
                people=store.people(view.person),
                first=chart_scales.first_offered(found),
            )
    chart_scales.plots(found, sex=chart.patient.sex, key=f"bhi_scale_{patient_id}")
    scale_form.excuse(
        patient_id,
        chart.scale_not_applicable,
        person=view.person,
        may_edit=may(view.person, Operation.EDIT_CHART),
    )


program_frame.draw(
    Program.BHI,
    lead="Behavioral health care by the primary-care team, followed with a rating scale.",
    facts_title="Rating scale of the month",
    facts=facts,
    below=scale_of_month,
)
