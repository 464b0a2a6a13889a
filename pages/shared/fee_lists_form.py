"""The part of Settings with what the practice charges: its lists, typed or from a file."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, state, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.services import fee_lists
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.downloads import FileForm
from trellis_core.services.fee_list_store import FeeList
from trellis_core.services.fee_lists import ChangeAmounts, FeeChange, FeePreview, What
from trellis_core.services.fee_rows import FeeRow, rows_to_type
from trellis_core.superbill import EVERY_PAYER
from trellis_core.values.money import to_cents

_KIND: Final = FeeListKind.CHARGES
_KEY: Final = "settings_fees"
_CHARGE: Final = "Charge"
_ROW_HEIGHT: Final = 35
_TABLE_ROWS: Final = 12
_WORDS: Final = {What.ADDED: "New", What.CHANGED: "Changed", What.REMOVED: "Goes"}


class _Way(StrEnum):
    """How a list is kept."""

    TYPED = "Type them in"
    FILE = "From a file"
    KEEP = "Download, end or remove"


def draw(person: Actor) -> None:
    """Draw the lists of charges, and for who may change settings how to keep them."""
    st.markdown("## Charges")
    lists = fee_lists.lists_on_file(_KIND, store=store.store(), actor=person)
    st.caption(
        "What the practice charges for one unit, on superbills beside the allowed amount. A payer's "
        "own list comes before the one for every payer."
    )
    if lists:
        widgets.table(
            pd.DataFrame([_row(each) for each in lists]),
            alt="Lists of charges",
            key=f"{_KEY}_lists",
        )
    else:
        st.markdown("No list is on file: superbills show no charge.")
    if not may(person, Operation.EDIT_SETTINGS):
        return
    payers = fee_lists.payers_on_file(store=store.store(), actor=person)
    names = dict.fromkeys((EVERY_PAYER, *payers, *(each.payer_name for each in lists)))
    with st.expander("Record charges", icon=":material/request_quote:", key=f"{_KEY}_open"):
        first, second = st.columns([1, 2], vertical_alignment="bottom")
        payer = first.selectbox(
            "Charges for", list(names), format_func=_payer_words, key=f"{_KEY}_payer"
        )
        held = next((each for each in lists if each.payer_name == payer), None)
        ways = [each for each in _Way if held is not None or each is not _Way.KEEP]
        way = second.segmented_control(
            "How", ways, default=_Way.TYPED, required=True, key=f"{_KEY}_way_{len(ways)}"
        )
        if way is _Way.FILE:
            _file(person, payer)
        elif way is _Way.KEEP and held is not None:
            _keep(person, held)
        else:
            _typed(person, payer)


def _payer_words(payer: str) -> str:
    return payer or "Every payer"


def _row(of: FeeList) -> dict[str, object]:
    begins = min(each.effective_from for each in of.amounts)
    ends = [each.effective_through for each in of.amounts]
    last = max((each for each in ends if each is not None), default=None)
    return {
        "For": _payer_words(of.payer_name),
        "List": of.name,
        "Codes": len({each.code for each in of.amounts}),
        "From": formats.day(begins),
        "Through": "lasts" if None in ends else formats.day(last),
        "Came in": of.source or formats.DASH,
    }


# --- typed --------------------------------------------------------------------------------------


def _typed(person: Actor, payer: str) -> None:
    today = store.today(person)
    key = f"{state.form_key(_KEY)}_{payer}"
    from_day = st.date_input(
        "They hold from", today.replace(day=1), format="YYYY-MM-DD", key=f"{key}_from",
        help="What holds now ends the day before.",
    )  # fmt: skip
    rows = rows_to_type(
        _KIND, payer_name=payer, on=from_day, store=store.store(), actor=person,
        rule_book=store.rule_book(),
    )  # fmt: skip
    with st.form(f"{key}_form", border=False):
        edited = st.data_editor(
            _frame(rows),
            hide_index=True,
            disabled=["Code", "Service", "Medicare here"],
            key=f"{key}_rows_{from_day}",
            alt="Charges by code",
            height=_TABLE_ROWS * _ROW_HEIGHT + _ROW_HEIGHT,
            column_config={
                "Code": st.column_config.TextColumn(width=80),
                "Medicare here": st.column_config.NumberColumn(
                    format="dollar", help="The full allowed amount on that day, for comparison."
                ),
                _CHARGE: st.column_config.NumberColumn(
                    format="dollar", min_value=0.01, step=0.01, help="Empty for none."
                ),
            },
        )
        is_sent = st.form_submit_button("Save charges", type="primary", key=f"{key}_save")
    if is_sent:
        _save_typed(person, payer, from_day, typed_amounts(rows, edited))


def _frame(rows: Sequence[FeeRow]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Code": [each.code for each in rows],
            "Service": [each.label for each in rows],
            "Medicare here": pd.Series(
                [None if each.allowed is None else float(each.allowed) for each in rows],
                dtype="float",
            ),
            _CHARGE: pd.Series(
                [None if each.amount is None else float(each.amount) for each in rows],
                dtype="float",
            ),
        }
    )


def typed_amounts(rows: Sequence[FeeRow], edited: pd.DataFrame) -> dict[str, Decimal | None]:
    """Return the amounts that differ from those that hold, by code; None for one that was emptied."""
    found: dict[str, Decimal | None] = {}
    for row, typed in zip(rows, edited[_CHARGE].tolist(), strict=True):
        amount = None if pd.isna(typed) else to_cents(Decimal(str(typed)))
        if amount != row.amount:
            found[row.code] = amount
    return found


def _save_typed(
    person: Actor, payer: str, from_day: date, amounts: dict[str, Decimal | None]
) -> None:
    if not amounts:
        st.info("No charge was changed.", icon=":material/info:")
        return
    with widgets.command():
        changes = fee_lists.change_amounts(
            ChangeAmounts(kind=_KIND, payer_name=payer, from_day=from_day, amounts=amounts),
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )
        state.renew_form_id(_KEY)
        codes = len({each.either.code for each in changes})
        state.flash(f"Charges saved: {formats.count(codes, 'code')}, from {formats.day(from_day)}.")
        st.rerun()


# --- from a file --------------------------------------------------------------------------------


def _file(person: Actor, payer: str) -> None:
    key = f"{state.form_key(_KEY)}_{payer}"
    file = st.file_uploader("CSV file with charges", type=["csv", "txt"], key=f"{key}_file")
    st.caption(
        "Columns: code, amount, effective_from and, where an amount ends, effective_through. The file "
        "takes the place of the whole list. Nothing is saved before you have seen what changes."
    )
    if file is None:
        return
    with widgets.command():
        content = file.getvalue()
        found = fee_lists.preview_fee_list(
            content, kind=_KIND, payer_name=payer, store=store.store(), actor=person
        )
        _preview(found, key)
        can_save = bool(found.changes) and not found.refused
        if not found.refused and not found.changes:
            st.caption("The list has all of that already.")
        if st.button(
            f"Save as the list for {formats.plain(payer) or 'every payer'}",
            type="primary", disabled=not can_save, key=f"{key}_import",
        ):  # fmt: skip
            fee_lists.import_fee_list(
                content, kind=_KIND, payer_name=payer, store=store.store(), actor=person,
                clock=store.clock(),
            )  # fmt: skip
            state.renew_form_id(_KEY)
            state.flash(f"Charges saved: {formats.count(len(found.amounts), 'row')}.")
            st.rerun()


def _preview(found: FeePreview, key: str) -> None:
    columns = st.columns(3)
    for place, (words, number) in zip(
        columns,
        (
            ("Rows read", found.rows),
            ("Refused", len(found.refused)),
            ("Changes", len(found.changes)),
        ),
        strict=True,
    ):
        place.metric(words, f"{number:,}", border=True)
    if found.refused:
        st.warning(
            "A list is saved as a whole. Mend these rows and choose the file again.",
            icon=":material/checklist:",
        )
        widgets.table(
            pd.DataFrame(
                [
                    {"Row": each.number, "What is wrong": f"{each.text[:1].upper()}{each.text[1:]}"}
                    for each in found.refused
                ]
            ),
            alt="Rows that cannot be used, and why",
            key=f"{key}_refused",
            columns={"Row": st.column_config.NumberColumn(width=60)},
        )
    elif found.changes:
        widgets.table(
            pd.DataFrame([_change(each) for each in found.changes]),
            alt="What changes on the list",
            key=f"{key}_changes",
        )


def _change(each: FeeChange) -> dict[str, str]:
    def told(amount: Decimal | None, through: date | None) -> str:
        if amount is None:
            return formats.DASH
        return formats.money(amount) + (f" through {formats.day(through)}" if through else "")

    before, after = each.before, each.after
    return {
        "": _WORDS[each.what],
        "Code": each.either.code,
        "From": formats.day(each.either.effective_from),
        "Now": told(before.amount, before.effective_through) if before else formats.DASH,
        "Then": told(after.amount, after.effective_through) if after else formats.DASH,
    }


# --- keeping ------------------------------------------------------------------------------------


def _keep(person: Actor, held: FeeList) -> None:
    key = f"{state.form_key(_KEY)}_{held.payer_name}"
    payer = held.payer_name
    widgets.download(
        "Download as CSV",
        lambda who: fee_lists.fee_list_csv(_KIND, payer_name=payer, store=store.store(), actor=who),
        operation=Operation.READ_PRACTICE,
        form=FileForm.FEE_LIST_CSV,
        file_name="charges.csv",
        media_type="text/csv",
        key=f"{key}_download",
    )
    with (
        st.form(f"{key}_end", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        last_day = st.date_input(
            "Last day on which the list holds", store.today(person), format="YYYY-MM-DD",
            key=f"{key}_last", width=240,
        )  # fmt: skip
        is_ended = st.form_submit_button("End the list", key=f"{key}_end_save")
    if is_ended and isinstance(last_day, date):
        with widgets.command():
            fee_lists.end_fee_list(
                _KIND, payer_name=payer, last_day=last_day, store=store.store(), actor=person,
                clock=store.clock(),
            )  # fmt: skip
            state.flash(f"The list ends on {formats.day(last_day)}.")
            st.rerun()
    is_meant = st.checkbox(
        "Remove the list with all of its amounts, also those of earlier days", key=f"{key}_meant"
    )
    if st.button("Remove the list", disabled=not is_meant, key=f"{key}_remove"):
        with widgets.command():
            fee_lists.remove_fee_list(
                _KIND, payer_name=payer, store=store.store(), actor=person, clock=store.clock()
            )
            state.renew_form_id(_KEY)
            state.flash("The list is removed.")
            st.rerun()
