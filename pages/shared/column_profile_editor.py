"""The dialog on column profiles: which columns another system wants, with the first row as it will be."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared import state, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.documents.columns import EVERY_COLUMN, FIELDS, field_label, lines_table
from trellis_core.services.column_profiles import (
    LONGEST_NAME,
    Column,
    ColumnProfile,
    column_profiles,
    remove_column_profile,
    save_column_profile,
)
from trellis_core.superbill import Superbill
from trellis_core.values.spreadsheet_text import safe_text

TRELLIS: Final = "Trellis"
"""What the columns without a profile are called."""

_FORM: Final = "superbills_profile"
_NEW: Final = "New profile"
_SHOWN_ROWS: Final = 9
_ROW_HEIGHT, _HEADER_HEIGHT = 35, 38
_FIELD_OF: Final = {field_label(name): name for name in FIELDS}
_PLACE, _HEADING, _FIELD, _CONSTANT = "Place", "Heading", "Field", "Constant"


def choice(person: Actor) -> str | None:
    """Draw the choice of columns; return the profile's name, None for Trellis' own columns."""
    names = [each.name for each in column_profiles(store=store.store(), actor=person)]
    key = f"{state.form_key(_FORM)}_choice"
    chosen = st.selectbox("Columns of CSV and XLSX", [TRELLIS, *names], key=key, width=260)
    return None if chosen == TRELLIS else chosen


def button(person: Actor, bills: Sequence[Superbill]) -> None:
    """Draw the button that opens the dialog, for those who may edit profiles."""
    if may(person, Operation.EDIT_PROFILES) and st.button(
        "Column profiles", key="superbills_profiles", icon=":material/view_column:"
    ):
        st.session_state.pop(f"{_FORM}_which", None)
        _dialog(person, next((bill for bill in bills if bill.lines), None))


@st.dialog("Column profiles", icon=":material/view_column:", width="large")
def _dialog(person: Actor, example: Superbill | None) -> None:
    st.caption(
        "Which columns your practice-management system wants, in which order, under which headings."
    )
    with widgets.command():
        stored = column_profiles(store=store.store(), actor=person)
        by_id = {each.id or each.name: each for each in stored}
        chosen, start = st.columns(2)
        which = chosen.selectbox(
            "Profile",
            [_NEW, *by_id],
            format_func=lambda key: by_id[key].name if key in by_id else key,
            key=f"{_FORM}_which",
        )
        profile = by_id.get(which)
        if profile is not None and profile.is_built_in:
            _read(profile, example)
        elif profile is not None:
            _edit(profile, person, example)
        else:
            _begin(stored, person, example, start)


def _read(profile: ColumnProfile, example: Superbill | None) -> None:
    st.caption(
        "Part of Trellis, and not to be changed: the items of the CMS-1500 (02/12) form that a "
        "superbill knows. Begin a new profile with its columns to have them your way."
    )
    widgets.table(
        rows_of(profile.columns).drop(columns=[_PLACE]), alt="Columns of the profile",
        key=f"{_FORM}_read",
    )  # fmt: skip
    _preview(profile.columns, example)


def _begin(
    stored: Sequence[ColumnProfile],
    person: Actor,
    example: Superbill | None,
    place: DeltaGenerator,
) -> None:
    starts = {TRELLIS: EVERY_COLUMN} | {each.name: each.columns for each in stored}
    start = place.selectbox("Begin with the columns of", list(starts), key=f"{_FORM}_start")
    _edit(ColumnProfile(name="", columns=starts[start]), person, example, start=start)


def _edit(
    profile: ColumnProfile, person: Actor, example: Superbill | None, *, start: str = ""
) -> None:
    key = f"{state.form_key(_FORM)}_{profile.id}_{start}"
    name = st.text_input("Name", profile.name, max_chars=LONGEST_NAME, key=f"{key}_name")
    edited = st.data_editor(
        rows_of(profile.columns),
        key=f"{key}_columns",
        num_rows="dynamic",
        hide_index=True,
        alt="Columns of the profile, in their order",
        height=_SHOWN_ROWS * _ROW_HEIGHT + _HEADER_HEIGHT,
        column_config={
            _PLACE: st.column_config.NumberColumn(
                width=70, help="Columns stand by this number; 2.5 comes between 2 and 3."
            ),
            _HEADING: st.column_config.TextColumn(width=190),
            _FIELD: st.column_config.SelectboxColumn(
                width=230, options=list(_FIELD_OF), help="Empty for a constant."
            ),
            _CONSTANT: st.column_config.TextColumn(
                width=150, help="The same words in every row, where there is no field."
            ),
        },
    )
    columns = columns_of(edited.to_dict("records"))
    _preview(columns, example)
    with st.container(horizontal=True):
        if st.button("Save", type="primary", key=f"{key}_save"):
            _save(replace(profile, name=name, columns=columns), person)
        if profile.id:
            with st.popover("Remove", icon=":material/delete:"):
                st.write("Files that were made with it stay as they are.")
                if st.button("Remove this profile", key=f"{key}_remove"):
                    _remove(profile, person)


def _save(profile: ColumnProfile, person: Actor) -> None:
    made = save_column_profile(profile, store=store.store(), actor=person, clock=store.clock())
    state.renew_form_id(_FORM)
    st.session_state[f"{state.form_key(_FORM)}_choice"] = made.name
    state.flash(f"Column profile {made.name} saved.")
    st.rerun()


def _remove(profile: ColumnProfile, person: Actor) -> None:
    remove_column_profile(profile.id, store=store.store(), actor=person, clock=store.clock())
    state.renew_form_id(_FORM)
    state.flash(f"Column profile {profile.name} removed.")
    st.rerun()


def _preview(columns: Sequence[Column], example: Superbill | None) -> None:
    if example is None or not columns:
        return
    table = lines_table([replace(example, lines=example.lines[:1])], columns)
    (row,) = table.rows
    st.caption("The first row, as it will be:")
    widgets.table(
        pd.DataFrame(
            [["" if cell is None else safe_text(str(cell)) for cell in row]],
            columns=_apart(table.headings),
        ),
        alt="First row with these columns",
        key=f"{_FORM}_preview",
    )


def _apart(headings: Sequence[str]) -> list[str]:
    """Return headings that a table on screen can tell apart; saving refuses two that are alike."""
    seen: dict[str, int] = {}
    for heading in headings:
        seen[heading] = seen.get(heading, 0) + 1
    told: dict[str, int] = {}
    made = []
    for heading in headings:
        told[heading] = told.get(heading, 0) + 1
        made.append(heading if seen[heading] == 1 else f"{heading} ({told[heading]})")
    return made


def rows_of(columns: Sequence[Column]) -> pd.DataFrame:
    """Return columns as the rows of the editor."""
    return pd.DataFrame(
        [
            {
                _PLACE: float(place),
                _HEADING: column.heading,
                _FIELD: field_label(column.field) if column.field else None,
                _CONSTANT: column.constant,
            }
            for place, column in enumerate(columns, 1)
        ]
    )


def columns_of(rows: Sequence[dict[Any, Any]]) -> tuple[Column, ...]:
    """Return the columns that the editor's rows say, in the order of their numbers.

    A row without a number comes last; one with nothing in it is none.
    """
    known = [
        row for row in rows if any(_said(row.get(name)) for name in (_HEADING, _FIELD, _CONSTANT))
    ]
    placed = sorted(known, key=lambda row: _place(row.get(_PLACE)))
    return tuple(
        Column(
            heading=_said(row.get(_HEADING)),
            field=_FIELD_OF.get(_said(row.get(_FIELD)), ""),
            constant=_said(row.get(_CONSTANT)),
        )
        for row in placed
    )


def _place(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and not pd.isna(value) else float("inf")


def _said(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
