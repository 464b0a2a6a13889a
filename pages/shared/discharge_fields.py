"""The fields of a discharge that more than one form asks for, and their words."""

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any, Final

import streamlit as st

from pages.shared import formats, store
from pages.shared.discharge_desk import Desk
from trellis_core.care.records import Discharge, DischargeContact
from trellis_core.care.vocabulary import (
    DischargedFrom,
    DischargedTo,
)
from trellis_core.values.periods import wall_time
from trellis_core.values.unknown import UNKNOWN, Maybe


def facts_input(key: str, *, today: date, held: Discharge | None = None) -> dict[str, Any]:
    """Draw the fields of a discharge and return them as its service takes them.

    Args:
        key: First part of the widgets' keys.
        today: The practice's calendar day.
        held: What is on record; None for a new one.
    """
    left_side, right_side = st.columns(2)
    on = left_side.date_input(
        "Discharged on",
        value=today if held is None else held.discharged_on,
        max_value=today,
        key=f"{key}_on",
    )
    name = right_side.text_input(
        "Facility", held.facility_name if held else "", max_chars=200, key=f"{key}_facility"
    )
    left = left_side.selectbox(
        "From",
        list(DischargedFrom),
        index=_index(list(DischargedFrom), held.discharged_from if held else UNKNOWN),
        format_func=_place_words,
        placeholder="Not recorded",
        key=f"{key}_from",
    )
    right = right_side.selectbox(
        "To",
        list(DischargedTo),
        index=_index(list(DischargedTo), held.discharged_to if held else UNKNOWN),
        format_func=_place_words,
        placeholder="Not recorded",
        key=f"{key}_to",
    )
    return {
        "discharged_on": on,
        "discharged_from": UNKNOWN if left is None else left,
        "discharged_to": UNKNOWN if right is None else right,
        "facility_name": name.strip(),
    }


def _index(options: list[Any], held: object) -> int | None:
    return options.index(held) if held in options else None


_CAPITALS: Final = frozenset({"snf", "irf", "cmhc"})


def _place_words(value: str) -> str:
    return value.upper() if value in _CAPITALS else formats.words(value)


def place_words(value: Maybe[DischargedFrom | DischargedTo]) -> str:
    """Write where a patient came from or went, as it stands in a sentence.

    Example:
        >>> place_words(DischargedFrom.SNF), place_words(DischargedFrom.INPATIENT_ACUTE)
        ('SNF', 'inpatient acute')
    """
    if value is UNKNOWN:
        return formats.NOT_RECORDED
    return value.upper() if value in _CAPITALS else formats.words(value).lower()


def when_and_who(
    desk: Desk, key: str, held: DischargeContact | None = None
) -> tuple[tuple[date, time | None], str]:
    """Draw when a contact was and who made it; return day and time, and the person's id.

    Args:
        desk: The discharge.
        key: First part of the widgets' keys.
        held: What is on record; None for a new one.
    """
    day, at, who = st.columns([1, 1, 1.4])
    local = None if held is None else held.at.astimezone(desk.zone)
    on: date = day.date_input(
        "Day",
        value=desk.today if local is None else local.date(),
        min_value=min(desk.discharge.discharged_on, desk.today),
        max_value=desk.today,
        key=f"{key}_on",
    )
    hour: time | None = at.time_input(
        "Time (empty: now)" if held is None else "Time",
        value=None if local is None else local.time().replace(second=0, microsecond=0),
        step=60,
        key=f"{key}_at",
    )
    options = desk.callers
    if held is not None and isinstance(held.by, str) and held.by not in options:
        options = [held.by, *options]
    by: str = who.selectbox(
        "By",
        options,
        index=options.index(held.by) if held is not None and held.by in options else 0,
        format_func=desk.name,
        key=f"{key}_by",
    )
    return (on, hour), by


def moment(desk: Desk, on: date, at: time | None) -> datetime | None:
    """Return when it was: now, where no time is given today."""
    now = store.clock().now()
    if at is not None:
        return wall_time(on, at, desk.zone)
    if on == desk.today:
        return now.replace(second=0, microsecond=0)
    st.error("Give the time of an earlier day: the two business days are counted from it.")
    return None


def pick(
    place: Any,  # noqa: ANN401 - a column; its kind has no public name
    label: str,
    options: list[Any],
    held: object,
    words: Callable[[Any], str],
    key: str,
) -> Any:  # noqa: ANN401 - one of the options
    """Draw a picker that begins with what is on record, else with the first."""
    if isinstance(held, str) and held not in options:
        options = [*options, held]
    index = options.index(held) if held in options else 0
    return place.selectbox(label, options, index=index, format_func=words, key=key)
