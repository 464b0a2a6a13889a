"""Where and when the calculator's amounts are from: year, state and county, setting, schedule."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

import streamlit as st

from pages.shared import formats
from trellis_core.care.people import Practice
from trellis_core.care.vocabulary import Setting
from trellis_core.errors import InputRefusedError
from trellis_core.roi import RoiInputs, ScheduleChoice
from trellis_core.rules.amounts import AmountTables, CountyLocality

NATIONAL: Final = "national"
YEAR, STATE, LOCALITY = "roi_year", "roi_state", "roi_locality"
SETTING, QUALIFYING, SCHEDULE = "roi_setting", "roi_qualifying_apm", "roi_schedule"
_FIRST_YEAR: Final = 2024
_BASE: Final = "99490"
_SCHEDULES: Final = {
    ScheduleChoice.MEDICARE: "Medicare's",
    ScheduleChoice.PUBLISHED_ESTIMATE: "Quoted estimate",
}


def years_on_file(tables: AmountTables) -> tuple[int, ...]:
    """Return the years with amounts, the newest first."""
    last = tables.last_priced_day
    every = range(_FIRST_YEAR, last.year + 1) if last else range(0)
    return tuple(
        year for year in reversed(every) if tables.allowed(_BASE, on=date(year, 12, 31)) is not None
    )


def start(practice: Practice | None, tables: AmountTables, *, today: date) -> RoiInputs:
    """Return the inputs with which the page opens: the defaults, at the practice's own place.

    The amounts are this year's, or the newest on file.
    """
    years = years_on_file(tables)
    year = min(today.year, years[0]) if years else today.year
    if practice is None:
        return RoiInputs(year=year)
    known = {each.key for each in tables.localities(on=date(year, 12, 31))}
    is_local = f"{practice.state}-{practice.locality}" in known
    return RoiInputs(
        year=year,
        state=practice.state if is_local else None,
        locality=practice.locality if is_local else None,
        setting=practice.setting,
        qualifying_apm=practice.qualifying_apm,
    )


def place_options(tables: AmountTables, state: str, *, year: int) -> dict[str, str]:
    """Return the choices within a state: whole localities first, then its counties.

    Args:
        tables: The fee tables.
        state: Of the county; a locality may reach over a state's line.
        year: Of the amounts.

    Returns:
        The words for each choice. A choice begins with the locality's key, such as ``NY-01``.
    """
    names = {each.key: each.name for each in tables.localities(on=date(year, 12, 31))}
    counties = [each for each in tables.counties if each.state == state]
    keys = {f"{each.locality_state}-{each.locality}" for each in counties}
    keys |= {key for key in names if key.startswith(f"{state}-")}
    found = {key: f"{key.replace('-', ' ')} {names[key]}" for key in sorted(keys & names.keys())}
    if len(found) > 1:
        found |= dict(_by_county(counties, names))
    return found


def _by_county(counties: list[CountyLocality], names: dict[str, str]) -> Iterator[tuple[str, str]]:
    for each in sorted(counties, key=lambda row: row.county):
        key = f"{each.locality_state}-{each.locality}"
        if key in names and each.county != "*":
            yield (
                f"{key} {each.county}",
                f"{each.county.title()}: {key.replace('-', ' ')}",
            )


def settle(tables: AmountTables) -> None:
    """Bring the widgets' values in line with each other, before they are read or drawn.

    A year of national amounts only has no place; another state has other localities.
    """
    kept = st.session_state
    if _is_national_only(tables):
        kept[STATE] = NATIONAL
    options = _options(tables)
    if kept.get(LOCALITY) not in options:
        kept[LOCALITY] = next(iter(options), None)


def _is_national_only(tables: AmountTables) -> bool:
    return not tables.localities(on=date(int(st.session_state[YEAR]), 12, 31))


def _options(tables: AmountTables) -> dict[str, str]:
    kept = st.session_state
    if kept[STATE] == NATIONAL:
        return {}
    return place_options(tables, kept[STATE], year=int(kept[YEAR]))


def draw(tables: AmountTables) -> None:
    """Draw the choices in one row, or in several where a screen is narrow."""
    row = st.container(horizontal=True)
    years = years_on_file(tables)
    row.selectbox("Year", years, index=_place_of(YEAR, years), key=YEAR, width=90)
    is_national_only = _is_national_only(tables)
    states = [NATIONAL, *sorted({each.state for each in tables.counties})]
    row.selectbox(
        "State", states, index=_place_of(STATE, states), key=STATE, disabled=is_national_only, width=165,
        format_func=lambda each: "National amounts" if each == NATIONAL else each,
        help="For this year only national amounts are on file." if is_national_only else None,
    )  # fmt: skip
    options = _options(tables)
    row.selectbox(
        "Locality or county", list(options), index=_place_of(LOCALITY, list(options)),
        key=LOCALITY, disabled=len(options) <= 1,  # as wide as there is room: names are long
        format_func=lambda each: options.get(each, each), placeholder="National amounts",
        help="Medicare pays by locality. Type a county's name to find its locality.",
    )  # fmt: skip
    settings, schedules = list(Setting), list(ScheduleChoice)
    row.selectbox(
        "Setting", settings, index=_place_of(SETTING, settings), format_func=formats.words,
        key=SETTING, width=125,
    )  # fmt: skip
    row.selectbox(
        "Whose amounts", schedules, index=_place_of(SCHEDULE, schedules),
        format_func=lambda each: _SCHEDULES[each], key=SCHEDULE, width=180,
        help=formats.plain(
            "The quoted estimate is what guides print for 2023, $62 and $47; no fee schedule holds it."
        ),
    )  # fmt: skip


def _place_of(key: str, options: Sequence[object]) -> int:
    """Return where a widget's value stands: its default too, should a run be cut off."""
    held = st.session_state.get(key)
    return options.index(held) if held in options else 0


def chosen() -> dict[str, object]:
    """Return the choices as an input document has them; nothing where nothing was drawn yet."""
    kept = st.session_state
    if YEAR not in kept:
        return {}
    place = kept.get(LOCALITY) if kept.get(STATE, NATIONAL) != NATIONAL else None
    state, _, locality = str(place).partition(" ")[0].partition("-") if place else ("", "", "")
    return {
        "year": int(kept[YEAR]),
        "state": state or None,
        "locality": locality or None,
        "setting": str(kept.get(SETTING, Setting.NONFACILITY)),
        "schedule": str(kept.get(SCHEDULE, ScheduleChoice.MEDICARE)),
        "qualifying_apm": bool(kept.get(QUALIFYING)),
    }


def take(inputs: RoiInputs, tables: AmountTables) -> None:
    """Set the widgets to some inputs: in a callback, or before they are drawn.

    Raises:
        InputRefusedError: The year's table has no such locality; nothing was set.
    """
    kept = st.session_state
    key = f"{inputs.state}-{inputs.locality}"
    known = {each.key for each in tables.localities(on=date(inputs.year, 12, 31))}
    if inputs.locality is not None and key not in known:
        raise InputRefusedError(
            "UNKNOWN_VALUE",
            "locality",
            f"There are no amounts of {inputs.place} for {inputs.year}. Choose another place or year.",
        )
    kept[YEAR] = inputs.year
    kept[SETTING], kept[SCHEDULE] = inputs.setting, inputs.schedule
    kept[QUALIFYING] = inputs.qualifying_apm
    kept[STATE] = inputs.state or NATIONAL
    kept[LOCALITY] = key if inputs.locality else None
