"""The parts below the ROI page's answer: each function draws one of them.

Every plot is told in words under it, and every part names the schedule, place and year of its
dollars. Where nothing comes in and nothing is spent, a part says so and draws no empty plot.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

import streamlit as st

from pages.shared import formats, roi_compared, roi_drawing, roi_plots, roi_tables, widgets
from trellis_core import roi
from trellis_core.care.vocabulary import Program
from trellis_core.documents import roi_words
from trellis_core.roi import Amounts, Contracts, RoiInputs, RoiResult, Swing

_MOST_BARS: Final = 10
_MOST_NAMED: Final = 3
_TWELVE, _ALL = "First 12 months", f"All {roi.MONTHS} months"
_APCM_NEEDS: Final = ("apcm_share", "apcm_minutes")


def first_year(result: RoiResult) -> None:
    """Draw the first year month by month, then what follows it."""
    if roi_drawing.is_empty(result):
        return
    chosen = st.segmented_control(
        "Months shown", [_TWELVE, _ALL], default=_TWELVE, required=True, key="roi_part_months",
        label_visibility="collapsed",
    )  # fmt: skip
    count = roi.MONTHS if chosen == _ALL else roi.FIRST_YEAR
    shown = result.months[:count]
    total = roi.total_of(shown)
    words = (
        f"Months 1 to {count}: {roi_words.dollars(total.cash)} received, "
        f"{roi_words.dollars(total.cost)} spent, {roi_words.dollars(total.net)} net. "
        f"{_lowest_words(result)}"
    )
    roi_drawing.plot(roi_plots.months(shown), words, key="roi_part_months_plot")
    roi_drawing.table(
        roi_tables.of_months(result, count=count),
        alt=f"The first {count} months, with totals",
        key="roi_part_months_table",
        note="Whole dollars, each rounded by itself; to the cent every column adds up.",
    )
    roi_drawing.say(_after_words(result), roi_words.amounts_line(result))


def _lowest_words(result: RoiResult) -> str:
    lowest = min(result.months, key=lambda month: month.cumulative)
    if lowest.cumulative >= 0:
        return "The cumulative net is never below zero."
    return (
        f"The cumulative net is lowest in month {lowest.month}, at "
        f"{roi_words.dollars(lowest.cumulative)}."
    )


def _after_words(result: RoiResult) -> str:
    later = roi.total_of(result.months[roi.FIRST_YEAR :])
    month = result.steady
    return (
        f"Months {roi.FIRST_YEAR + 1} to {roi.MONTHS} bring a net of {roi_words.dollars(later.net)}. "
        f"A steady month (month {month.month}) has "
        f"{roi_words.counted(month.enrolled, 'patient')} enrolled and "
        f"{roi_words.counted(month.billed, 'billed month')}: {roi_words.dollars(month.cash)} "
        f"received, {roi_words.dollars(month.cost)} spent, {roi_words.dollars(month.net)} net."
    )


def where_it_goes(result: RoiResult) -> None:
    """Draw the first year's steps from what payers allow to what is left."""
    if roi_drawing.is_empty(result):
        return
    year = result.first_year
    steps = roi.waterfall(year)
    share = f" ({roi_words.share(year.cash / year.allowed)})" if year.allowed else ""
    words = (
        f"In the first year payers allow {roi_words.dollars(year.allowed)}, of which "
        f"{roi_words.dollars(year.cash)} arrives{share}. {roi_words.dollars(year.cost)} is spent, "
        f"so the net is {roi_words.dollars(year.net)}."
    )
    roi_drawing.plot(roi_plots.waterfall(steps), words, key="roi_part_waterfall")
    roi_drawing.table(
        roi_tables.of_steps(year),
        alt="The steps from allowed to net, to the cent",
        key="roi_part_steps",
    )
    roi_drawing.say(roi_words.amounts_line(result))


def what_decides(result: RoiResult, amounts: Amounts, contracts: Contracts) -> None:
    """Draw what moves the first year's net most, and name what still brings nothing."""
    if roi_drawing.is_empty(result):
        return
    bars = roi.swings(result.inputs, amounts, contracts)[:_MOST_BARS]
    words = (
        "Each input goes from one end of its range to the other, all else as entered. Most is "
        f"decided by {'; '.join(_swing_words(bar) for bar in bars[:_MOST_NAMED])}."
    )
    roi_drawing.plot(
        roi_plots.tornado(bars, base=result.first_year.net), words, key="roi_part_tornado"
    )
    roi_drawing.say(roi_words.amounts_line(result))
    roi_drawing.tell_gaps(result)


def _swing_words(bar: Swing) -> str:
    row = roi.assumption(bar.name)
    return (
        f"{roi_words.label_inside(roi_plots.standing(bar.label))}, {roi_words.span(row)}: "
        f"{roi_words.dollars(bar.net_at_low)} to {roi_words.dollars(bar.net_at_high)}"
    )


def range_of(result: RoiResult, amounts: Amounts, contracts: Contracts) -> None:
    """Draw the low, the entered and the high case side by side."""
    if roi_drawing.is_empty(result):
        return
    reach = roi.assumption("reach")
    low, high = reach.low or Decimal(0), reach.high or Decimal(1)
    if result.low == result.high:
        st.caption(
            f"Low, typical and high are the same here: none of the programs that are on bills by "
            f"the {roi_words.label_inside(reach.label)}."
        )
        return
    cases = {
        f"Low: {roi_words.share(low)}": _at(result, low, amounts, contracts),
        f"As entered: {roi_words.shown(reach, result.inputs.reach)}": result,
        f"High: {roi_words.share(high)}": _at(result, high, amounts, contracts),
    }
    roi_drawing.table(
        roi_compared.side_by_side(cases),
        alt="The low, the entered and the high case side by side",
        key="roi_part_range",
        note=f"Only the {roi_words.label_inside(reach.label)} moves; everything else stays as "
        "entered. Other inputs may be wrong as well, so the true range is wider.",
    )
    roi_drawing.say(roi_words.amounts_line(result))


def _at(result: RoiResult, reach: Decimal, amounts: Amounts, contracts: Contracts) -> RoiResult:
    return roi.simulate(replace(result.inputs, reach=reach), amounts, contracts)


def staff_and_break_even(result: RoiResult) -> None:
    """Draw who is needed, and from where on the practice does not lose."""
    if roi_drawing.is_empty(result):
        return
    if result.staff:
        roi_drawing.table(
            roi_tables.of_staff(result),
            alt="Who is needed in month 12 and in a steady month",
            key="roi_part_staff",
            left=2,
            note=f"One full-time position is {result.inputs.hours_per_fte:,f} hours a year."
            + _retainer_words(result),
        )
        words = (
            f"Positions by month: {result.months[0].fte:.2f} in month 1, "
            f"{result.months[roi.FIRST_YEAR - 1].fte:.2f} in month {roi.FIRST_YEAR}, "
            f"{result.steady.fte:.2f} in month {result.steady.month}."
        )
        if any(need.worker is None for need in result.staff):
            words += f" The {roi_words.CONSULTANT} is not in it."
        roi_drawing.plot(roi_plots.positions(result.months), words, key="roi_part_positions")
    st.markdown("**Break-even**")
    st.markdown("\n".join(f"- {formats.plain(each)}" for each in break_even_words(result)))
    st.markdown("**Beside the cost**")
    st.markdown(formats.plain(_oversight_words(result)))
    roi_drawing.say(roi_words.amounts_line(result))


def _retainer_words(result: RoiResult) -> str:
    if not any(need.worker is None for need in result.staff) or not result.inputs.cocm_retainer:
        return ""
    return f" The {roi_words.CONSULTANT}'s cost is with the retainer."


def break_even_words(result: RoiResult) -> tuple[str, ...]:
    """Say from which month, enrollment and share of billed months on the practice does not lose."""
    month, reach = result.break_even_month, result.break_even_reach
    if month is None:
        turn = f"The cumulative net does not come to stay at zero or above in {roi.MONTHS} months."
    elif month == 1:
        turn = "The cumulative net is at zero or above from the first month on."
    else:
        turn = f"The cumulative net stays at zero or above from month {month} on."
    if reach is not None:
        need = (
            f"The first year breaks even where {roi_words.share(reach)} of enrolled months reach a "
            f"unit; {roi_words.shown(roi.assumption('reach'), result.inputs.reach)} are assumed."
        )
    elif result.low == result.high:
        need = "No program that is on bills by the share of months that reach a unit."
    elif result.first_year.net < 0:
        need = "The first year does not break even, even if every enrolled month reaches a unit."
    else:
        need = "The first year does not lose, even if no enrolled month reaches a unit."
    return (turn, _enrollment_words(result), need)


def _enrollment_words(result: RoiResult) -> str:
    enough, month = result.break_even_enrollment, result.steady
    if not month.enrolled:
        return "Nobody is enrolled in a steady month."
    if enough is None:
        return (
            "No number of patients makes a steady month break even: a patient costs more than a "
            "patient brings."
        )
    if not enough:
        return (
            "There is no fixed cost, so a steady month brings something from the first patient on."
        )
    return (
        f"A steady month breaks even with {enough:,.1f} enrolled patients; "
        f"{month.enrolled:,.1f} are forecast."
    )


def _oversight_words(result: RoiResult) -> str:
    hours = result.oversight_minutes / 60
    said = (
        f"The practitioner's oversight takes {hours:,.1f} hours in the first year. It is time that "
        "could bring something elsewhere, so it stands beside the cost and never in it: "
    )
    if result.oversight_cost is None:
        return f"{said}enter what a practitioner's hour brings elsewhere to see it in dollars."
    return f"{said}{formats.money(result.oversight_cost)} at the hourly figure entered."


def programs_part(result: RoiResult) -> None:
    """Draw each program's part of the first year and of a steady month."""
    if not result.programs:
        widgets.empty("No program is on. Switch one on under Assumptions.")
        return
    for title, steady in (
        ("**First year**", False),
        (f"**A steady month (month {result.steady.month})**", True),
    ):
        st.markdown(title)
        roi_drawing.table(
            roi_tables.of_programs(result, steady=steady),
            alt=f"Each program's part: {'a steady month' if steady else 'the first year'}",
            key=f"roi_part_programs_{'steady' if steady else 'year'}",
        )
    is_one = len(result.programs) == 1
    roi_drawing.say(
        "" if is_one else "The parts add up to the cent. A patient in two programs counts in both.",
        roi_words.amounts_line(result),
    )
    roi_drawing.tell_gaps(result)


def ccm_or_apcm(inputs: RoiInputs, amounts: Amounts, contracts: Contracts) -> None:
    """Draw the same practice with CCM and with APCM instead, and what each of them needs."""
    with_ccm, with_apcm = roi.ccm_against_apcm(inputs, amounts, contracts)
    if roi_drawing.is_nothing(with_ccm):
        roi_drawing.is_empty(with_ccm)
        return
    others = [each for each in Program if each in inputs.programs - _RIVALS]
    st.markdown(
        "- **CCM** bills a month once its minutes reach a unit, and needs a consent and a care plan.\n"
        "- **APCM** counts no minutes. It needs every element of its checklist in place and "
        "documented, and pays by level. In that patient-month it excludes CCM, PCM and TCM."
    )
    missing = [name for name in _APCM_NEEDS if inputs.value(name) is None]
    frame = roi_compared.side_by_side({"With CCM": with_ccm, "With APCM instead": with_apcm})
    if missing:
        frame["With APCM instead"] = roi_words.ENTER
        labels = roi_words.listed(
            [roi_words.label_inside(roi.assumption(name).label) for name in missing]
        )
        st.info(formats.plain(f"APCM cannot be forecast yet. Enter under Assumptions: {labels}."))
    roi_drawing.table(
        frame, alt="The practice with CCM and with APCM instead", key="roi_part_rivals"
    )
    if not missing:
        gain = with_apcm.first_year.net - with_ccm.first_year.net
        roi_drawing.say(
            f"With these inputs APCM leaves {roi_words.dollars(abs(gain))} "
            f"{'more' if gain >= 0 else 'less'} than CCM in the first year."
        )
    same = (
        f"{roi_words.listed([str(each) for each in others])} as entered in both. " if others else ""
    )
    lines = [roi_words.amounts_line(with_ccm), roi_words.amounts_line(with_apcm)]
    if missing or lines[0] == lines[1]:
        roi_drawing.say(f"{same}{lines[0]}")
    else:
        roi_drawing.say(f"{same}With CCM: {lines[0]} With APCM: {lines[1]}")


_RIVALS: Final = frozenset({Program.CCM, Program.PCM, Program.APCM})


def rates_used(result: RoiResult) -> None:
    """Draw every amount that the model used, with its schedule."""
    if not result.rates:
        widgets.empty(formats.plain(" ".join(["No amount was used.", *roi_drawing.gaps(result)])))
        return
    roi_drawing.table(
        roi_tables.of_rates(result),
        alt="Every amount used, with its schedule",
        key="roi_part_rates",
        left=0,
    )
    said = [roi_words.amounts_line(result)]
    if any(rate.amount is None for rate in result.rates):
        said.append("A code that is not on file brings nothing in this forecast.")
    roi_drawing.say(*said, roi_tables.shares_words(result.inputs), roi_words.unpaid_line(result))


def sources(inputs: RoiInputs) -> None:
    """Draw the list of every input with its value, default, range, source, date and note."""
    roi_drawing.text_table(
        roi_tables.of_sources(inputs), alt="Every input with its source", height=600
    )


def compare(results: Sequence[tuple[str, RoiResult]]) -> None:
    """Draw up to four named scenarios side by side, and the inputs in which they differ."""
    found = roi_compared.named(results)
    if not found:
        widgets.empty("Choose a scenario to see it here.")
        return
    drawn = {name: result for name, result in found.items() if not roi_drawing.is_nothing(result)}
    if drawn:
        ends = "; ".join(
            f"{name}: {roi_words.dollars(result.months[-1].cumulative)}"
            for name, result in drawn.items()
        )
        words = f"Cumulative net after {roi.MONTHS} months. {ends}."
        paths = {
            name: [month.cumulative for month in result.months] for name, result in drawn.items()
        }
        roi_drawing.plot(roi_plots.scenarios(paths), words, key="roi_part_compared")
    roi_drawing.text_table(roi_compared.of_scenarios(found), alt="Scenarios side by side")
    different = roi_compared.of_differences(found)
    if len(found) == 1:
        st.caption("Choose another scenario to see in which inputs they differ.")
    elif different.empty:
        st.caption("All other inputs are the same.")
    else:
        st.markdown("**Inputs that differ**")
        roi_drawing.text_table(different, alt="Inputs in which the scenarios differ")
    reach = roi.assumption("reach")
    roi_drawing.say(
        f"The range of a net: {roi_words.span(reach)} as the {roi_words.label_inside(reach.label)}."
    )
    said: dict[str, list[str]] = {}
    for name, result in found.items():
        line = " ".join([roi_words.amounts_line(result), *roi_words.missing_lines(result)])
        said.setdefault(line, []).append(name)
    for line, names in said.items():
        roi_drawing.say("" if len(said) == 1 else f"{roi_words.listed(names)}.", line)
