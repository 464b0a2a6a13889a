"""Performance, Time: minutes by person and activity, and the month as a calendar."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, performance_plots, roi_plots, widgets
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import Activity
from trellis_core.services.performance_time import WorkOfMonth

_SECONDS_A_MINUTE: Final = 60
_BARS: Final = 15
_NARROWEST: Final = 360
_SATURDAY: Final = 5


def draw(found: WorkOfMonth, people: Mapping[str, StaffMember]) -> None:
    """Draw who worked how long on what, and on which days."""
    if not found.entries:
        widgets.empty("No time is recorded in this month yet.", icon="schedule")
        return
    names = names_of((person for person, _ in found.by_person), people)
    by_person: Counter[str] = Counter()
    by_activity: Counter[str] = Counter()
    for (person, activity), seconds in found.by_person.items():
        by_person[names[person]] += seconds
        by_activity[formats.activity(activity)] += seconds
    st.caption(
        formats.plain(
            f"{found.seconds // _SECONDS_A_MINUTE:,} min in {formats.count(found.entries, 'entry', 'entries')} "
            f"on {formats.count(found.patients, 'patient')}. All time that stands, whether or not it "
            "counts toward a code; what was taken back or replaced is left out."
        )
    )
    grid = st.grid(2, min_column_width=_NARROWEST, gap="medium")
    for title, amounts, key in (
        ("Minutes by person", by_person, "performance_people"),
        ("Minutes by activity", by_activity, "performance_activities"),
    ):
        with grid.cell():
            st.header(title, anchor=False)
            shown = dict(amounts.most_common(_BARS))
            words = bars_words(amounts)
            st.plotly_chart(
                performance_plots.bars(shown), config=roi_plots.PLOT_CONFIG, key=key, alt=words
            )
            st.caption(formats.plain(words))
    with st.expander("Minutes by person and activity", icon=":material/table:"):
        widgets.table(_crossed(found, names), alt="Minutes by person and activity")
    st.header("The month", anchor=False)
    words = calendar_words(found.by_day)
    st.plotly_chart(
        performance_plots.calendar(found.by_day),
        config=roi_plots.PLOT_CONFIG,
        key="performance_calendar",
        alt=words,
    )
    st.caption(formats.plain(words))


def names_of(ids: Iterable[str], people: Mapping[str, StaffMember]) -> dict[str, str]:
    """Return a name for each person, short where that tells them apart; no two are the same.

    Args:
        ids: Staff ids; empty for nobody named.
        people: The practice's people by id.
    """
    found: dict[str, str] = {}
    short = Counter(formats.short_name(member) for member in people.values())
    for each in sorted(set(ids)):
        member = people.get(each)
        name = "Nobody named" if not each else "Somebody unknown"
        if member is not None:
            name = formats.short_name(member)
            name = member.signature if short[name] > 1 else name
        again = sum(name == other or other.startswith(f"{name} (") for other in found.values())
        found[each] = f"{name} ({again + 1})" if again else name
    return found


def _crossed(found: WorkOfMonth, names: Mapping[str, str]) -> pd.DataFrame:
    worked = [each for each in Activity if any(of == each for _, of in found.by_person)]
    rows = []
    for person in sorted(names, key=lambda who: names[who].casefold()):
        seconds = {each: found.by_person.get((person, each), 0) for each in worked}
        rows.append(
            {"Person": names[person]}
            | {formats.activity(each): seconds[each] // _SECONDS_A_MINUTE for each in worked}
            | {"All": sum(seconds.values()) // _SECONDS_A_MINUTE}
        )
    return pd.DataFrame(rows)


def bars_words(amounts: Mapping[str, int]) -> str:
    """Say in words who or what has the most minutes.

    Example:
        >>> bars_words({"Rosa D.": 5400, "Lee K.": 600})
        'Most: Rosa D. with 90 min, 90% of all; 2 in all.'
    """
    most = max(amounts, key=lambda name: amounts[name])
    share = amounts[most] / sum(amounts.values())
    beyond = f", of which the first {_BARS} are shown" if len(amounts) > _BARS else ""
    return (
        f"Most: {most} with {amounts[most] // _SECONDS_A_MINUTE:,} min, {share:.0%} of all; "
        f"{len(amounts):,} in all{beyond}."
    )


def calendar_words(by_day: Mapping[date, int]) -> str:
    """Say in words which day has the most minutes, and how much fell on weekends and the last days."""
    whole = sum(by_day.values())
    most = max(by_day, key=lambda day: by_day[day])
    weekend = sum(seconds for day, seconds in by_day.items() if day.weekday() >= _SATURDAY)
    last = sum(by_day[day] for day in sorted(by_day)[-3:])
    bare = sum(not seconds for seconds in by_day.values())
    return (
        f"Most on {formats.short_day(most)}, {by_day[most] // _SECONDS_A_MINUTE:,} min. On weekends "
        f"{weekend / whole:.0%} of the minutes, on the month's last three days {last / whole:.0%}. "
        f"{formats.count(bare, 'day')} without any."
    )
