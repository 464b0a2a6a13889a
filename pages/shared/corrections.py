"""Correcting an entry or taking it back: a new entry with a reason; what was recorded stays visible.

Opened by choosing the entry in any table that shows it.
"""

from datetime import datetime, timedelta
from typing import Final, Literal

import streamlit as st

from pages.shared import formats, state, store, time_forms, widgets
from pages.shared.note_field import forget, text_of
from trellis_core.access import Actor, Operation, may
from trellis_core.care.vocabulary import ContactState
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services import caseload
from trellis_core.services.time_log import CorrectTime, Receipt, correct_time
from trellis_core.values.periods import wall_time

_MINUTE: Final = 60
_LONGEST: Final = 720
_DONE: Final = "correction_done"
_YES_NO: Final = ("Yes", "No")

Way = Literal["save", "void"]


def dialog(person: Actor) -> None:
    """Open what was asked for by choosing an entry in a table; nothing where none was chosen."""
    entry = st.session_state.pop(widgets.CHOSEN_ENTRY, None)
    if isinstance(entry, TimeEntry):
        st.session_state.pop(_DONE, None)
        _dialog(entry, person)


def may_correct(person: Actor, entry: TimeEntry) -> bool:
    """Say whether the person may correct an entry; the service asks again."""
    if may(person, Operation.CORRECT_OTHERS_TIME):
        return True
    return may(person, Operation.LOG_OWN_TIME) and entry.staff_id == person.person_id


@st.dialog("Time entry", icon=":material/edit_note:", width="medium")
def _dialog(entry: TimeEntry, person: Actor) -> None:
    if st.session_state.pop(_DONE, None) == entry.id:
        st.rerun()
    widgets.show_refusals()
    who = store.people(person).get(entry.staff_id or "")
    name = caseload.patient_names([entry.patient_id], store=store.store(), actor=person)
    zone = store.zone(person)
    st.caption(
        formats.plain(
            f"{name.get(entry.patient_id, formats.DASH)} · {entry.program} · "
            f"{formats.moment(entry.started_at, zone)} · {formats.length(entry.seconds)} · "
            f"by {who.signature if who else 'nobody named'} · receipt {entry.code}"
        )
    )
    if entry.is_reversed:
        why = f" Reason: {formats.plain(entry.reason)}" if entry.reason else ""
        st.info(f"This entry was taken back. It stays on record.{why}", icon=":material/history:")
    elif not may_correct(person, entry):
        st.info(
            "Only an owner corrects another person's time. Ask who recorded it, or an owner.",
            icon=":material/lock:",
        )
    else:
        _fields(entry, person)


def _fields(entry: TimeEntry, person: Actor) -> None:
    key, here = _key(entry), entry.started_at.astimezone(store.zone(person))
    if entry.patients_sharing > 1:
        st.info(
            f"This activity is shared by {entry.patients_sharing} patients. A correction changes "
            "their entries with it, a voided entry takes all of them back.",
            icon=":material/group:",
        )
    day, start, minutes, seconds = st.columns([1.4, 1.2, 1, 1])
    day.date_input("Day", value=here.date(), key=f"{key}_day")
    start.time_input(
        "Start", value=here.time().replace(second=0, microsecond=0), step=60, key=f"{key}_time"
    )
    minutes.number_input(
        "Minutes",
        min_value=0,
        max_value=_LONGEST,
        value=entry.seconds // _MINUTE,
        key=f"{key}_minutes",
    )
    seconds.number_input(
        "Seconds",
        min_value=0,
        max_value=_MINUTE - 1,
        value=entry.seconds % _MINUTE,
        key=f"{key}_seconds",
    )
    _begin(f"{key}_activity", entry.activity)
    time_forms.activity_field(key, entry.program, also=entry.activity)
    contact, apart, elsewhere = st.columns(3)
    contact.segmented_control(
        "Contact",
        list(ContactState),
        format_func=formats.contact,
        default=entry.contact,
        key=f"{key}_contact",
    )
    apart.segmented_control(
        "Apart from a visit",
        _YES_NO,
        default=_word(entry.separate_from_visit),
        key=f"{key}_separate",
        help="Time on the day of a billed visit counts where this is so.",
    )
    elsewhere.segmented_control(
        "Billed elsewhere",
        _YES_NO,
        default=_word(entry.billed_elsewhere),
        key=f"{key}_billed",
        help="The minutes are part of another service that is billed.",
    )
    time_forms.words_field(
        key, form=_form(entry), patient_id=entry.patient_id, person=person, initial=entry.note
    )
    st.text_input("Reason", key=f"{key}_reason", placeholder="Why, for the record")
    with st.container(horizontal=True):
        _button("Save correction", "save", entry, person)
        _button("Take the entry back", "void", entry, person)


def _button(label: str, way: Way, entry: TimeEntry, person: Actor) -> None:
    st.button(
        label,
        type="primary" if way == "save" else "secondary",
        key=f"{_key(entry)}_{way}",
        on_click=_correct,
        args=(entry, person, way),
    )


def _correct(entry: TimeEntry, person: Actor, way: Way) -> None:
    key, kept = _key(entry), st.session_state
    seconds = int(kept[f"{key}_minutes"]) * _MINUTE + int(kept[f"{key}_seconds"])
    words = text_of(f"{key}_note")
    with widgets.command_in_callback():
        receipt = correct_time(
            CorrectTime(
                entry_id_new=state.form_id(key),
                entry_id=entry.id,
                seconds=None if way == "void" else seconds,
                reason=(kept.get(f"{key}_reason") or "").strip(),
                started_at=_moved(entry, person),
                activity=kept[f"{key}_activity"],
                note=None if words == entry.note.strip() else words,
                separate_from_visit=_fact(kept.get(f"{key}_separate")),
                billed_elsewhere=_fact(kept.get(f"{key}_billed")),
                contact=kept.get(f"{key}_contact"),
            ),
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )
        state.renew_form_id(key)
        forget(_form(entry), entry.patient_id, person)
        state.flash(_said(receipt, way))
        kept[_DONE] = entry.id


def _moved(entry: TimeEntry, person: Actor) -> datetime | None:
    """Return another start; None where day and time are as they were, seconds and all."""
    key, kept, zone = _key(entry), st.session_state, store.zone(person)
    here = entry.started_at.astimezone(zone)
    was = here.replace(second=0, microsecond=0)
    if (kept[f"{key}_day"], kept[f"{key}_time"]) == (was.date(), was.time()):
        return None
    moved = wall_time(kept[f"{key}_day"], kept[f"{key}_time"], zone)
    return moved + timedelta(seconds=here.second)


def _begin(key: str, value: object) -> None:
    """Let a field begin with what the entry says."""
    if key not in st.session_state:
        st.session_state[key] = value


def _word(value: bool | None) -> str | None:  # noqa: FBT001 - a fact, not a switch
    return None if value is None else "Yes" if value else "No"


def _fact(word: str | None) -> bool | None:
    return None if word is None else word == "Yes"


def _said(receipt: Receipt, way: Way) -> str:
    what = "Taken back" if way == "void" else "Corrected"
    return f"{what}. Entry {receipt.number:,}, code {receipt.code}; the old one stays visible."


def _key(entry: TimeEntry) -> str:
    return f"correct_{entry.id}"


def _form(entry: TimeEntry) -> str:
    return f"correct {entry.id}"
