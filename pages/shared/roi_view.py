"""The ROI page's parts: reading the inputs from their widgets, the assumptions, the table, the CSV."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, roi_plots, widgets
from trellis_core import roi
from trellis_core.care.people import Practice
from trellis_core.care.vocabulary import Program, Setting
from trellis_core.documents.disclaimer import DISCLAIMER
from trellis_core.roi import Assumption, RoiInputs, RoiResult, Worker
from trellis_core.rules.amounts import AmountTables
from trellis_core.values.spreadsheet_text import Cell, csv_text

WORKERS: Final = {
    Worker.LPN: "Licensed practical nurse",
    Worker.RN: "Registered nurse",
    Worker.SOCIAL_WORKER: "Social worker",
}
NATIONAL: Final = "national"
FIRST_VIEW: Final = frozenset({"panel"})
_PERCENT: Final = Decimal(100)

_ACROSS: Final = 4
_MIX: Final = ("add_on_40", "add_on_60")


def inputs_from_widgets() -> RoiInputs:
    """Return the model's inputs as the page's widgets stand; defaults where none was touched.

    Raises:
        InputRefusedError: The inputs contradict each other.
    """
    kept = st.session_state
    document: dict[str, object] = {}
    for row in roi.ASSUMPTIONS:
        if _key(row.name) not in kept:
            continue
        value = _value(row, kept[_key(row.name)])
        if value is not None or row.is_blank:
            document[row.name] = None if value is None else f"{value:f}"
    place = str(kept.get("roi_place", NATIONAL))
    if place != NATIONAL:
        document["state"], _, document["locality"] = place.partition("-")
    programs: Sequence[Program] = kept.get("roi_programs") or (Program.CCM,)
    return roi.read_inputs(
        document
        | {
            "worker": str(kept.get("roi_worker") or Worker.LPN),
            "programs": [str(program) for program in programs],
            "year": int(kept.get("roi_year", RoiInputs().year)),
            "setting": str(kept.get("roi_setting", Setting.NONFACILITY)),
        }
    )


def take_complexity() -> None:
    """Set the mix of further units to the one that the page's control names."""
    level = st.session_state.get("roi_complexity")
    if level is None:
        return
    mixed = roi.with_complexity(RoiInputs(), level)
    for name in _MIX:
        value = mixed.value(name)
        st.session_state[_key(name)] = float((value or 0) * _PERCENT)


def reset() -> None:
    """Put every input of the page back to its default."""
    for key in [str(key) for key in st.session_state if str(key).startswith("roi_")]:
        del st.session_state[key]


def assumptions(practice: Practice) -> None:
    """Draw every assumption with its default, range, source and date."""
    first, second, third, fourth = st.columns([2.6, 1, 1.1, 1.1], vertical_alignment="bottom")
    first.pills(
        "Programs",
        [program for program in Program if program is not Program.APCM] + [Program.APCM],
        selection_mode="multi",
        default=[Program.CCM],
        key="roi_programs",
        help="CCM and APCM exclude each other in one patient-month.",
    )
    second.selectbox("Year of the amounts", [2026, 2025, 2024], key="roi_year")
    places = [NATIONAL]
    if practice.state and practice.locality:
        places.append(f"{practice.state}-{practice.locality}")
    third.selectbox(
        "Place of the amounts", places, format_func=formats.words, key="roi_place",
        help="National, or the practice's own Medicare locality as Settings name it.",
    )  # fmt: skip
    fourth.selectbox("Setting", list(Setting), format_func=formats.words, key="roi_setting")
    for title, every in roi.GROUPS.items():
        names = [name for name in every if name not in FIRST_VIEW]
        st.markdown(f"**{title}**")
        for start in range(0, len(names), _ACROSS):
            row = st.columns(_ACROSS, vertical_alignment="bottom")
            for column, name in zip(row, names[start : start + _ACROSS], strict=False):
                with column:
                    _input(roi.assumption(name))
    st.caption(
        "Hover over a question mark for the source, its date and the range to try. A figure "
        "without a public source is a working assumption: replace it by your own."
    )
    st.button("Put every input back to its default", key="roi_reset", on_click=reset)


def sources_table(inputs: RoiInputs) -> None:
    """Draw the list of every input with its value, default, range, source and date."""
    rows = [
        {
            "Input": row.label,
            "Value": _shown(row, inputs.value(row.name)),
            "Default": _shown(row, row.default),
            "Range": _span(row),
            "Source": " ".join(part for part in (row.source, row.dated) if part) or "none",
            "Note": row.note,
        }
        for row in roi.ASSUMPTIONS
    ]
    widgets.table(pd.DataFrame(rows), alt="Every input with its source", key="roi_sources")


def months_table(result: RoiResult) -> None:
    """Draw the first year month by month."""
    rows = [
        {
            "Month": str(month.month),
            "Enrolled": f"{month.enrolled:,.1f}",
            "Billed": f"{month.billed:,.1f}",
            "Cash": formats.money_whole(month.cash),
            "Cost": formats.money_whole(month.cost),
            "Net": formats.money_whole(month.net),
            "Cumulative": formats.money_whole(month.cumulative),
            "Hours of work": f"{month.minutes / 60:,.0f}",
            "Positions (full-time)": f"{month.fte:.2f}",
        }
        for month in result.months[:12]
    ]
    frame = pd.DataFrame(rows)
    st.dataframe(
        frame,
        hide_index=True,
        height="content",
        key="roi_months",
        alt="The first year month by month",
        column_config={
            name: st.column_config.TextColumn(alignment="right") for name in frame.columns
        },
    )


def summary(result: RoiResult) -> str:
    """Say in words what the plot shows."""
    year = result.first_year
    place = result.inputs.locality and f"{result.inputs.state} {result.inputs.locality}"
    turn = (
        f"The cumulative net stays above zero from month {result.break_even_month}."
        if result.break_even_month
        else "The cumulative net does not turn positive within 36 months."
    )
    share = result.break_even_reach
    need = (
        f" The year breaks even when {share:.0%} of enrolled months reach a unit." if share else ""
    )
    return (
        f"Over 12 months the net adds up to {formats.money_whole(year.net)}, between "
        f"{formats.money_whole(result.low)} and {formats.money_whole(result.high)}: "
        f"{year.enrolled:.0f} patients enrolled at month 12, {year.billed:,.0f} billed months, "
        f"{formats.money_whole(year.cash)} received, {formats.money_whole(year.cost)} spent. {turn}"
        f"{need} Amounts: Medicare {result.inputs.year}, {place or 'national'}, "
        f"{result.inputs.setting}."
    )


def drivers(result: RoiResult, amounts: AmountTables) -> None:
    """Draw what moves the first year's net most, and the programs' parts."""
    bars = roi.swings(result.inputs, amounts)[:8]
    st.plotly_chart(
        roi_plots.tornado(
            names=[bar.label for bar in bars],
            lows=[bar.net_at_low for bar in bars],
            highs=[bar.net_at_high for bar in bars],
            base=result.first_year.net,
        ),
        config=roi_plots.PLOT_CONFIG,
        key="roi_tornado",
        alt="What moves the first year's net most",
    )
    st.caption(
        formats.plain(
            "Each input from one end of its range to the other, all else equal. "
            + " ".join(
                f"{bar.label}: {formats.money_whole(bar.net_at_low)} to "
                f"{formats.money_whole(bar.net_at_high)}."
                for bar in bars[:3]
            )
        )
    )
    for part in result.programs:
        if part.missing:
            needed = ", ".join(roi.assumption(name).label.lower() for name in part.missing)
            st.info(f"{part.program} brings nothing yet. Enter under Assumptions: {needed}.")


def scenario_csv(result: RoiResult) -> bytes:
    """Return the scenario as CSV: the months, then every input with its source, then the disclaimer."""
    rows: list[Sequence[Cell]] = [
        ("month", "enrolled", "billed", "allowed", "cash", "cost", "net", "cumulative")
    ]
    for month in result.months:
        numbers = (month.allowed, month.cash, month.cost, month.net, month.cumulative)
        rows.append(
            (
                month.month,
                Decimal(f"{month.enrolled:.1f}"),
                Decimal(f"{month.billed:.1f}"),
                *(Decimal(f"{number:.2f}") for number in numbers),
            )
        )
    rows += [(), ("input", "value", "default", "source", "dated", "note")]
    for row in roi.ASSUMPTIONS:
        value = _shown(row, result.inputs.value(row.name))
        rows.append((row.label, value, _shown(row, row.default), row.source, row.dated, row.note))
    rows += [(), ("code", "amount", "schedule", "release")]
    rows += [
        (rate.code, formats.money(rate.amount), rate.schedule, rate.release)
        for rate in result.rates
    ]
    rows += [(), (DISCLAIMER,)]
    return csv_text(rows).encode()


def _key(name: str) -> str:
    return f"roi_{name}"


def _is_given(name: str, value: Decimal | None) -> bool:
    return value is not None or roi.assumption(name).is_blank


def _value(row: Assumption, entered: float | None) -> Decimal | None:
    if entered is None:
        return None
    number = Decimal(str(entered))
    return number / _PERCENT if row.unit == "share" else number


def _shown(row: Assumption, value: Decimal | None) -> str:
    if value is None:
        return "enter yours"
    if row.unit == "share":
        return f"{value * _PERCENT:.4g}%"
    if row.unit == "dollars":
        return formats.money(value)
    return f"{value:,f} {row.unit}"


def _span(row: Assumption) -> str:
    if row.low is None or row.high is None:
        return formats.DASH
    return f"{_shown(row, row.low)} to {_shown(row, row.high)}"


def _input(row: Assumption) -> None:
    unit = {"share": ", %", "dollars": ", $"}.get(row.unit, "")
    scale = _PERCENT if row.unit == "share" else Decimal(1)
    origin = " ".join(part for part in (row.source, f"({row.dated})" if row.dated else "") if part)
    about = [
        f"Default {_shown(row, row.default)}." if row.default is not None else "",
        f"Range to try: {_span(row)}." if row.low is not None else "",
        f"Source: {origin}." if origin else "",
        row.note,
    ]
    key = _key(row.name)
    if key not in st.session_state:
        st.session_state[key] = None if row.default is None else float(row.default * scale)
    st.number_input(
        f"{row.label}{unit}",
        min_value=0.0,
        step=1.0,
        format="%g",
        key=key,
        placeholder="enter yours",
        help=formats.plain(" ".join(part for part in about if part)),
    )
