"""The ROI page's back-test: the practice's own figures beside its guesses, and forecasts beside what came."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, roi_back_test_plots, roi_plots, routes, store, widgets
from trellis_core import roi
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Program
from trellis_core.documents import roi_words
from trellis_core.roi import Contracts, RoiInputs
from trellis_core.rules.amounts import AmountTables
from trellis_core.services.forecasts import (
    Compared,
    MonthCompared,
    TotalCompared,
    forecast_against_actual,
    total_of,
)
from trellis_core.services.own_figures import MOST_MONTHS, OwnFigures, own_figures
from trellis_core.services.own_inputs import Replacement, inputs_from_figures, span_words
from trellis_core.services.value_of_time import uncaptured_dollars
from trellis_core.values.periods import ServiceMonth

Forecast = tuple[str, RoiInputs, ServiceMonth]
"""A saved scenario: its name, its inputs and the month that its month 1 stands for."""

_MONTHS: Final = 12
_NOT_ON_FILE: Final = "not on file"


def draw(
    actor: Actor,
    inputs: RoiInputs,
    amounts: AmountTables,
    contracts: Contracts,
    *,
    forecasts: Sequence[Forecast],
    on_use: Callable[[RoiInputs], None],
) -> None:
    """Draw own figures beside the guesses, then a forecast beside what came of it.

    Args:
        actor: Who looks; one who may see the practice's performance.
        inputs: What the page holds now.
        amounts: The fee tables.
        contracts: Payers' contracted amounts.
        forecasts: Saved scenarios that have a first month.
        on_use: Takes the inputs with the practice's own figures, within the button's callback.
    """
    with st.spinner("Counting the months on record"):
        figures = _figures(actor, [starts for _, _, starts in forecasts])
    st.header("Your own figures")
    if figures.measured:
        _own(inputs_from_figures(figures, inputs), inputs, on_use)
    else:
        widgets.empty(
            "No month of data yet. Enroll patients, record time for them, and close the month once it "
            "is over: what it shows then stands here beside your guesses.",
            icon="hourglass_empty",
        )
    st.header("Forecast and actual")
    _back_test(figures, amounts, contracts, forecasts)


def not_captured(actor: Actor) -> None:
    """Say what the chosen month's board would still bring: the part of reach that is in sight."""
    month = store.month(actor)
    found = uncaptured_dollars(
        month, store=store.store(), actor=actor, clock=store.clock(), rule_book=store.rule_book()
    )
    if not found.rows and not found.unknown:
        return
    unknown = (
        f" For {formats.count(found.unknown, 'more row')} nothing is on file."
        if found.unknown
        else ""
    )
    st.header("Not captured yet")
    st.write(
        formats.plain(
            f"{formats.month_name(month)}: {formats.money_whole(found.reach)} lack time alone, and "
            f"{formats.money_whole(found.blocked)} are held back by a missing record.{unknown}"
        )
    )
    routes.link("thresholds", "Open the board", icon=":material/timelapse:")


def _figures(actor: Actor, starts: Sequence[ServiceMonth]) -> OwnFigures:
    """Count complete months; the one that runs only where it is the first."""
    running = ServiceMonth.of(store.today(actor))
    first = max(min([running.plus(-_MONTHS), *starts]), running.plus(1 - MOST_MONTHS))

    def counted(begin: ServiceMonth, end: ServiceMonth) -> OwnFigures:
        return own_figures(
            begin, end, store=store.store(), actor=actor, clock=store.clock(),
            rule_book=store.rule_book(),
        )  # fmt: skip

    found = counted(min(first, running.previous), running.previous)
    return found if found.measured else counted(running, running)


def _own(found: Replacement, inputs: RoiInputs, on_use: Callable[[RoiInputs], None]) -> None:
    when = span_words(found.months)
    if found.is_provisional:
        st.caption(
            f"From {when}, which still runs: these figures change every day. Wait for the end of the "
            "month before you rely on them."
        )
    else:
        st.caption(f"From complete months on record: {when}. The month that runs is left out.")
    if not found.replaced:
        widgets.empty(
            "Nothing in these months is of a program that is switched on here. Choose your programs "
            "under Assumptions.",
            icon="rule",
        )
        return
    rows = [
        {
            "Input": roi.assumption(each.name).label,
            "Your guess": roi_words.shown(roi.assumption(each.name), each.before),
            "Your own figure": roi_words.shown(roi.assumption(each.name), each.own),
            "How measured": each.how,
        }
        for each in found.replaced
    ]
    widgets.table(pd.DataFrame(rows), alt="Your guesses beside your own figures")
    if found.inputs == inputs:
        st.markdown(":material/check: The calculator uses your own figures.")
    else:
        st.button(
            "Use our own figures",
            type="primary",
            icon=":material/swap_horiz:",
            key="roi_use_own",
            on_click=on_use,
            args=(found.inputs,),
            help="Puts them in place of the guesses on this page. A saved scenario stays as it is.",
        )
    with st.expander(f"Not measured: {formats.count(len(found.left), 'input')}"):
        left = [
            {
                "Input": roi.assumption(each.name).label,
                "Stays at": roi_words.shown(roi.assumption(each.name), each.value),
                "Why": each.why,
            }
            for each in found.left
        ]
        widgets.table(pd.DataFrame(left), alt="Inputs that the records do not measure")
    st.caption(
        "Minutes are all that was recorded for the program and stands, whether or not all of it counted "
        "toward a code. Closed months count what was issued; open ones their drafts."
    )


def _back_test(
    figures: OwnFigures,
    amounts: AmountTables,
    contracts: Contracts,
    forecasts: Sequence[Forecast],
) -> None:
    if not forecasts:
        widgets.empty(
            "No scenario has a first month yet. Open Scenarios above, choose the month that the forecast "
            "begins with, and save: its months then stand here beside what came of them.",
            icon="bookmark_add",
        )
        return
    place = st.selectbox(
        "Scenario",
        range(len(forecasts)),
        format_func=lambda at: formats.plain(
            f"{forecasts[at][0]}, from {formats.month_name(forecasts[at][2])}"
        ),
        key=f"roi_back_test_{len(forecasts)}",
    )
    name, inputs, starts = forecasts[place]
    with widgets.command():
        months = forecast_against_actual(inputs, starts, figures, amounts, contracts)
        months = tuple(each for each in months if each.billed.actual is not None)
        if not months:
            widgets.empty(
                formats.plain(
                    f"No month from {formats.month_name(starts)} on is complete and on record yet. The "
                    f"first one will stand here beside the forecast of {name}."
                ),
                icon="hourglass_empty",
            )
            return
        _compared(months, inputs)


def _compared(months: Sequence[MonthCompared], inputs: RoiInputs) -> None:
    total = total_of(months)
    words = summary(months, total)
    left, right = st.columns(2)
    for column, title, parts, is_money in (
        (left, "Billed months", [each.billed for each in months], False),
        (right, "Allowed", [each.allowed for each in months], True),
    ):
        with column:
            st.markdown(f"**{title}**")
            st.plotly_chart(
                roi_back_test_plots.compared(
                    [each.month for each in months], parts, is_money=is_money
                ),
                config=roi_plots.PLOT_CONFIG,
                key=f"roi_back_test_{title}",
                alt=f"{title}, forecast and actual. {words}",
            )
    st.caption(formats.plain(words))
    is_paid = any(each.cash.actual is not None for each in months)
    rows = [_row(formats.month_name(each.month), each, is_paid=is_paid) for each in months]
    if total.months > 1:
        label = "Complete months" if any(not each.is_over for each in months) else "All months"
        rows.append(_row(label, total, is_paid=is_paid))
    widgets.table(pd.DataFrame(rows), alt="Forecast and actual by month")
    bare = sum(each.without_amount for each in months)
    notes = [
        f"Programs: {', '.join(each.value for each in Program if each in inputs.programs)}.",
        (
            "Enrolled counts everybody who was enrolled on a day of the month; a total counts "
            "patient-months. Errors are actual minus forecast."
        ),
        "Payments keep coming in after a month: the newest months are lower than they will be."
        if is_paid
        else "No payment is on file, or the superbills are also for programs outside the scenario: cash "
        "is not compared.",
        f"{formats.count(bare, 'line')} without an amount on file: not in the allowed dollars."
        if bare
        else "",
    ]
    st.caption(formats.plain(" ".join(note for note in notes if note)))


def _row(name: str, of: MonthCompared | TotalCompared, *, is_paid: bool) -> dict[str, str]:
    row = {
        "Month": name,
        "Enrolled: forecast, actual": _pair(of.enrolled, _number),
        "Billed: forecast, actual": _pair(of.billed, _number),
        "Billed: error": _error(of.billed, _number),
        "Allowed: forecast, actual": _pair(of.allowed, formats.money_whole),
        "Allowed: error": _error(of.allowed, formats.money_whole),
    }
    if is_paid:
        row["Payments: forecast, actual"] = _pair(of.cash, formats.money_whole)
    return row


def _number(value: Decimal) -> str:
    """Write a count: a forecast's to a tenth, a whole one without."""
    return f"{value:,.1f}".removesuffix(".0")


def _pair(of: Compared | None, write: Callable[[Decimal], str]) -> str:
    if of is None:
        return _NOT_ON_FILE
    actual = _NOT_ON_FILE if of.actual is None else write(of.actual)
    return f"{write(of.forecast)}, {actual}"


def _error(of: Compared | None, write: Callable[[Decimal], str]) -> str:
    if of is None or of.error is None:
        return formats.DASH
    part = "" if of.error_share is None else f" ({of.error_share:+.0%})"
    return f"{'+' if of.error > 0 else ''}{write(of.error)}{part}"


def summary(months: Sequence[MonthCompared], total: TotalCompared) -> str:
    """Say how far off the forecast was.

    Args:
        months: The months that are compared.
        total: Their complete ones.
    """
    if total.billed is None:
        return f"{formats.month_name(months[-1].month)} still runs: nothing can be said of the forecast."
    words = [
        (
            f"In {formats.count(total.months, 'complete month')}: {_number(total.billed.actual or Decimal(0))} "
            f"patient-months billed, forecast {_number(total.billed.forecast)}{_off(total.billed)}"
        )
    ]
    if total.allowed is not None:
        words.append(
            f"{formats.money_whole(total.allowed.actual or Decimal(0))} allowed, forecast "
            f"{formats.money_whole(total.allowed.forecast)}{_off(total.allowed)}"
        )
    mean = total.mean_error["billed"]
    if mean is not None and total.months > 1:
        words.append(f"a month's billed count was {mean:.0%} off on average, up or down")
    return "; ".join(words) + "."


def _off(of: Compared) -> str:
    share = of.error_share
    if share is None:
        return ""
    if not round(share, 2):
        return " (as forecast)"
    return f" ({abs(share):.0%} {'more' if share > 0 else 'less'})"
