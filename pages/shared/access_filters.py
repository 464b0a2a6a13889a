"""The access log's filters: kept in the address as ids, words and days, so that a link shows the same."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import streamlit as st

from pages.shared import formats, state, store
from trellis_core.access import Actor, Operation, may
from trellis_core.errors import InvalidPeriodError
from trellis_core.services import caseload
from trellis_core.services.access_reading import AccessFilters, AccessGroup, reads_everybodys
from trellis_core.values.periods import parse_day

WHAT_KEY: Final = "what"
WHO_KEY: Final = "who"
FROM_KEY: Final = "from"
TO_KEY: Final = "to"
BEFORE_KEY: Final = "before"
"""Query parameter that names the event after which a page goes on."""

_ANY: Final = ""
_WIDGET: Final = "access_log_{}"
_MOST_MATCHES: Final = 20
_MOST_DIGITS: Final = 19


def filters() -> AccessFilters:
    """Return the filters that the address names; what cannot be read asks for nothing."""
    what = st.query_params.get(WHAT_KEY)
    return AccessFilters(
        group=next((group for group in AccessGroup if group == what), None),
        person_id=st.query_params.get(WHO_KEY) or None,
        patient_id=state.chosen_patient() or None,
        first=_day(FROM_KEY),
        last=_day(TO_KEY),
    )


def before() -> int | None:
    """Return the number of the event after which the page goes on; None for the newest."""
    text = st.query_params.get(BEFORE_KEY, "")
    is_number = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    return int(text) if is_number else None


def draw(person: Actor, chosen: AccessFilters, people: Mapping[str, str]) -> None:
    """Draw the filters as the address names them; a changed one changes the address.

    Args:
        person: Who reads.
        chosen: What the address names.
        people: Signatures by staff id.
    """
    is_everybodys = reads_everybodys(person)
    what, who, patient, first, last = st.columns([1.3, 1.3, 1.4, 1, 1])
    _select(
        what,
        "What happened",
        WHAT_KEY,
        chosen.group,
        {group: group.label for group in AccessGroup},
        "Everything",
    )
    if is_everybodys:
        unknown = {} if chosen.person_id is None else {chosen.person_id: "Nobody of this practice"}
        _select(who, "Who", WHO_KEY, chosen.person_id, unknown | dict(people), "Anybody")
    else:
        me = people.get(person.person_id, person.person_id)
        who.text_input("Who", value=me, disabled=True, key=_WIDGET.format("me"))
    if may(person, Operation.READ_CHART):
        with patient:
            _patient(person, chosen.patient_id)
    _date(first, "From", FROM_KEY, chosen.first)
    _date(last, "To", TO_KEY, chosen.last)


def _put(parameter: str, value: str | None) -> None:
    st.query_params.pop(BEFORE_KEY, None)
    if value:
        st.query_params[parameter] = value
    else:
        st.query_params.pop(parameter, None)


def _select(
    place: st.delta_generator.DeltaGenerator,
    label: str,
    parameter: str,
    chosen: str | None,
    options: Mapping[str, str],
    anything: str,
) -> None:
    key = _WIDGET.format(parameter)
    st.session_state[key] = chosen or _ANY

    def keep() -> None:
        _put(parameter, st.session_state[key])

    place.selectbox(
        label,
        [_ANY, *options],
        format_func=lambda one: options.get(one, anything),
        key=key,
        on_change=keep,
    )


def _date(
    place: st.delta_generator.DeltaGenerator, label: str, parameter: str, chosen: date | None
) -> None:
    key = _WIDGET.format(parameter)
    st.session_state[key] = chosen

    def keep() -> None:
        day = st.session_state[key]
        _put(parameter, None if day is None else day.isoformat())

    place.date_input(
        label,
        key=key,
        format="YYYY-MM-DD",
        on_change=keep,
        min_value=date(2000, 1, 1),
        max_value=date(2100, 12, 31),
    )


def _patient(person: Actor, chosen: str | None) -> None:
    """Draw the patient's filter: a search while none is chosen, the name with a way back after."""
    if chosen is not None:
        name = _names(person, chosen).get(chosen, "Nobody of this practice")
        st.selectbox(
            "Patient",
            [chosen, _ANY],
            format_func=lambda one: name if one else "Anybody",
            key=_WIDGET.format("patient"),
            on_change=_put,
            args=(state.PATIENT_KEY, None),
        )
        return
    text = st.text_input(
        "Patient", key=_WIDGET.format("find"), placeholder="Name, MRN or birth date"
    ).strip()
    if not text:
        return
    found = caseload.patients(
        text=text,
        limit=_MOST_MATCHES,
        store=store.store(),
        actor=person,
        clock=store.clock(),
    )
    named = {one.id: f"{one.name}, MRN {one.mrn}" for one in found.rows}
    if not named:
        st.caption("No patient matches.")
        return

    def keep() -> None:
        _put(state.PATIENT_KEY, st.session_state[_WIDGET.format("which")])

    more = found.total - len(named)
    st.selectbox(
        "Which patient",
        [_ANY, *named],
        format_func=lambda one: named.get(one, "Choose"),
        key=_WIDGET.format("which"),
        on_change=keep,
        help=f"{formats.count(more, 'more patient')} match; write more." if more else None,
    )


def _names(person: Actor, patient_id: str) -> Mapping[str, str]:
    if not patient_id.isprintable():
        return {}
    return caseload.patient_names([patient_id], store=store.store(), actor=person)


def _day(parameter: str) -> date | None:
    try:
        day = parse_day(st.query_params.get(parameter, ""))
    except InvalidPeriodError:
        return None
    return day if date(2000, 1, 1) <= day <= date(2100, 12, 31) else None
