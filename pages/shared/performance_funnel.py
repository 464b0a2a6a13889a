"""Performance, Funnel: from enrolled to billed, and how minutes lie around the thresholds."""

import pandas as pd
import streamlit as st

from pages.shared import formats, performance_plots, roi_plots, widgets
from trellis_core.care.vocabulary import Program
from trellis_core.services.months import Standing
from trellis_core.services.performance import FunnelOfMonth
from trellis_core.services.performance_reach import NEAR_MINUTES, Spread, Steps
from trellis_core.services.performance_time import Share


def draw(found: FunnelOfMonth) -> None:
    """Draw the steps of all programs together, of each, and the minutes of one."""
    st.header("From enrolled to billed", anchor=False)
    if found.steps:
        words = steps_words(found.total)
        st.plotly_chart(
            performance_plots.funnel(found.total),
            config=roi_plots.PLOT_CONFIG,
            key="performance_funnel",
            alt=words,
        )
        st.caption(formats.plain(words))
        widgets.table(
            pd.DataFrame([_row(program, steps) for program, steps in found.steps.items()]),
            alt="Steps from enrolled to billed by program",
        )
        billed = "on a draft" if found.standing is Standing.OPEN else "on what stands as issued"
        st.caption(
            f"A patient counts once in each program. Billed: with a line {billed}. Over threshold: the "
            "counted minutes reach a unit; for APCM, which has no minutes, the checklist is complete."
        )
    else:
        widgets.empty("Nobody is enrolled in this month, so there are no steps to show.")
    if found.discharges:
        st.caption(
            f"Transitional care needs no enrollment: {formats.count(found.discharges, 'discharge')} "
            f"in this month's reach, {found.discharges_billed:,} billed."
        )
    st.header("Minutes around the thresholds", anchor=False)
    _spreads({program: of for program, of in found.spreads.items() if of.minutes})


def _spreads(spreads: dict[Program, Spread]) -> None:
    if not spreads:
        widgets.empty("No minutes count toward a code in this month yet.", icon="timelapse")
        return
    most = max(spreads, key=lambda program: sum(spreads[program].minutes.values()))
    program = st.segmented_control(
        "Program",
        list(spreads),
        default=most,
        required=True,
        format_func=str,
        key="performance_program",
        label_visibility="collapsed",
    )
    of = spreads.get(program or most) or spreads[most]
    words = spread_words(of)
    st.plotly_chart(
        performance_plots.spread(of),
        config=roi_plots.PLOT_CONFIG,
        key="performance_spread",
        alt=words,
    )
    st.caption(formats.plain(words))
    st.caption(
        "Many just over a mark and few just under it can come from good planning, since the board says "
        "who is near. An auditor asks whether the work was needed: Contemporaneity says how such time "
        "was written down."
    )


def _row(program: Program, steps: Steps) -> dict[str, str]:
    return {
        "Program": program.value,
        "Enrolled": f"{steps.enrolled:,}",
        "Consented": f"{steps.consented:,}",
        "Over threshold": f"{steps.over:,}",
        "Billed": f"{steps.billed:,}",
        "Billed of enrolled": share_words(Share(steps.billed, steps.enrolled)),
    }


def share_words(share: Share) -> str:
    """Write a share as a percentage; where the numbers are small as numbers alone.

    Example:
        >>> share_words(Share(30, 40)), share_words(Share(3, 4)), share_words(Share(0, 0))
        ('75%', '3 of 4', '—')
    """
    if not share.whole:
        return formats.DASH
    fraction = share.fraction
    return f"{share.part:,} of {share.whole:,}" if fraction is None else f"{fraction:.0%}"


def steps_words(steps: Steps) -> str:
    """Say in words what the funnel shows: where most are lost."""
    losses = {
        "for want of a consent": steps.enrolled - steps.consented,
        "below the first threshold": steps.consented - steps.over,
        "after the threshold, for paperwork or a choice that waits": steps.over - steps.billed,
    }
    where = max(losses, key=lambda each: losses[each])
    most = f" Most stop {where}: {losses[where]:,}." if losses[where] else ""
    return (
        f"{steps.enrolled:,} enrolled, {steps.consented:,} consented, {steps.over:,} over threshold, "
        f"{steps.billed:,} billed.{most}"
    )


def spread_words(of: Spread) -> str:
    """Say in words how minutes lie around each mark that anybody is near."""
    words = []
    for mark, code in of.marks.items():
        below, above = of.near(mark)
        if below or above:
            words.append(
                f"{mark} min ({code}): {below:,} up to {NEAR_MINUTES} minutes below, {above:,} in the "
                f"{NEAR_MINUTES} minutes from it on"
            )
    near = "; ".join(words) or "nobody is within 5 minutes of a mark"
    many = formats.count(sum(of.minutes.values()), "patient")
    return f"{many} with counted time, {of.without_time:,} without. {near[:1].upper()}{near[1:]}."
