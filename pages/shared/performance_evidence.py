"""Performance, Contemporaneity: whether time was written down as it was worked, in plain sentences."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, performance_plots, roi_plots, widgets
from pages.shared.performance_funnel import share_words
from pages.shared.performance_time import names_of
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import EntryMode
from trellis_core.services.performance_time import (
    FEW,
    Contemporaneity,
    Lag,
    Origin,
    Share,
    TopUps,
)

_ORIGINS: Final = {
    Origin.TIMED: "Timed",
    Origin.SUGGESTED: "Suggested, confirmed",
    Origin.TYPED: "Typed",
    Origin.IMPORTED: "Imported",
    Origin.ESTIMATED: "Estimated",
}
_CHANCE: Final = Share(1, 5)
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_TWO: Final = 2


def draw(found: Contemporaneity, people: Mapping[str, StaffMember]) -> None:
    """Draw each figure with a sentence of what it means and does not mean."""
    if not found.entries:
        widgets.empty("No time is recorded in this month yet.", icon="schedule")
        return
    if found.entries < FEW:
        entries = formats.count(found.entries, "entry", "entries")
        st.info(
            f"{entries} in this month: too few for percentages. The numbers are given as they are.",
            icon=":material/info:",
        )
    _metrics(found)
    st.caption(
        "None of these figures proves anything about anybody. They say where an auditor would look "
        "twice, so that you can look first."
    )
    _origins(found)
    _lag(found.lag, corrections=found.corrections)
    _rounds(found)
    _top_ups(found.top_ups, people)


def _metrics(found: Contemporaneity) -> None:
    first, second, third, fourth = st.columns(4)
    timed = Share(found.origins[Origin.TIMED], found.entries)
    first.metric("Timed", share_words(timed), help="Entries measured by a running timer.")
    second.metric(
        "Written down, median", lag_words(found.lag.median), help="After the work had ended."
    )
    third.metric("Nine of ten within", lag_words(found.lag.ninth_tenth))
    fourth.metric(
        f"Later than {span_words(found.lag.after)}",
        share_words(found.lag.late),
        help="The rule book's mark for late entries; it is Trellis's own and blocks nothing.",
    )


def _origins(found: Contemporaneity) -> None:
    st.header("How lengths are known", anchor=False)
    words = origin_words(found)
    st.plotly_chart(
        performance_plots.parts({_ORIGINS[origin]: many for origin, many in found.origins.items()}),
        config=roi_plots.PLOT_CONFIG,
        key="performance_origins",
        alt=words,
    )
    st.caption(formats.plain(words))
    st.caption(
        "A timer measures, and so does what Trellis suggests from work done in it. A typed length is "
        "somebody's word, an estimate a guess that says so, an imported one another system's. Typed is "
        "not wrong: it is harder to show."
    )


def origin_words(found: Contemporaneity) -> str:
    """Say how many entries are of which kind."""
    parts = [
        f"{_ORIGINS[origin].lower()} {many:,}"
        + ("" if found.entries < FEW else f" ({many / found.entries:.0%})")
        for origin, many in found.origins.items()
        if many
    ]
    return f"{formats.count(found.entries, 'entry', 'entries')}: {', '.join(parts)}."


def _lag(lag: Lag, *, corrections: int) -> None:
    st.header("When it was written down", anchor=False)
    st.markdown(
        f"Half of the entries were written down within {lag_words(lag.median)} of the work, nine of ten "
        f"within {lag_words(lag.ninth_tenth)}. Later than {span_words(lag.after)}: {lag.late.part:,} of "
        f"{lag.late.whole:,}."
    )
    replaced = (
        f"{formats.count(corrections, 'entry', 'entries')} of them took the place of one that was "
        "corrected, which counts from the correction. "
        if corrections
        else ""
    )
    st.caption(
        f"Long after the work means from memory. {replaced}Imported time counts from the day of its "
        "import. Late entries bill like others; a unit that only they earn waits for a decision."
    )


def _rounds(found: Contemporaneity) -> None:
    st.header("Round lengths", anchor=False)
    rows = [
        {
            "Came in": formats.mode(mode),
            "Entries": f"{share.whole:,}",
            "Multiple of 5 min": f"{share.part:,}",
            "Share": share_words(share),
            "By chance": "20%",
        }
        for mode, share in found.rounds.items()
    ]
    if not rows:
        widgets.empty("No entry is as long as a minute.", icon="timer")
        return
    widgets.table(pd.DataFrame(rows), alt="Entries of a round length by how they came in")
    st.caption(formats.plain(round_words(found.rounds)))


def round_words(rounds: Mapping[EntryMode, Share]) -> str:
    """Say what round lengths mean, and whether typed ones are rounder than chance."""
    typed = rounds.get(EntryMode.TYPED)
    lead = "Of whole minutes one in five is a multiple of 5 by chance."
    if typed is not None and typed.whole >= FEW:
        fraction = typed.fraction or 0.0
        times = fraction * _CHANCE.whole
        is_more = times >= _TWO
        lead += (
            f" Typed lengths are round {times:.1f} times as often: people round when they type."
            if is_more
            else " Typed lengths are not rounder than twice that."
        )
    return (
        f"{lead} A round length may still be right, and a visit of 10 minutes is planned as such; a "
        "month of nothing else says that lengths were written from habit."
    )


def _top_ups(found: TopUps, people: Mapping[str, StaffMember]) -> None:
    st.header("Ends exactly at a threshold", anchor=False)
    whole = found.share
    if not whole.whole:
        widgets.empty("Nobody's time reached a unit in this month yet.", icon="flag")
        return
    names = names_of(found.reached, people)
    st.markdown(
        f"For {whole.part:,} of {formats.count(whole.whole, 'patient and program', 'patients and programs')} "
        "that reached a unit, the entry written down last took it there with less than a minute to spare."
    )
    rows = [
        {
            "Last entry by": names[person],
            "Reached a unit": f"{many:,}",
            "Of these exactly": f"{found.found.get(person, 0):,}",
            "Share": share_words(Share(found.found.get(person, 0), many)),
        }
        for person, many in sorted(
            found.reached.items(), key=lambda each: (-each[1], names[each[0]])
        )
    ]
    widgets.table(pd.DataFrame(rows), alt="Months that end exactly at a threshold by person")
    st.caption(
        "An entry of ten minutes that crosses a mark stops within the first minute after it about once "
        "in ten times by chance, a shorter one more often. Far more than that may mean that work ends "
        "when the unit is there, or that lengths are chosen to reach it; it may also be one person who "
        "finishes what others began. Time of two tracks together is left out."
    )


def lag_words(seconds: int | None) -> str:
    """Write how long something took to be written down.

    Example:
        >>> lag_words(0), lag_words(300), lag_words(9000), lag_words(200000), lag_words(None)
        ('under a minute', '5 min', '2.5 h', '2.3 days', '—')
    """
    if seconds is None:
        return formats.DASH
    if seconds < 60:  # noqa: PLR2004
        return "under a minute"
    if seconds < _HOUR:
        return formats.minutes(seconds // 60)
    if seconds < _TWO * _DAY:
        return f"{seconds / _HOUR:.1f} h"
    return f"{seconds / _DAY:,.1f} days"


def span_words(after: timedelta) -> str:
    """Write the rule book's mark.

    Example:
        >>> span_words(timedelta(hours=72))
        '72 h'
    """
    return f"{after.total_seconds() / _HOUR:g} h"
