"""The ways in which a list of amounts is kept: typed, from a file, ended or removed.

Charges and contracted amounts are kept alike; what differs are the words of ``WORDS``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import pandas as pd
import streamlit as st

from pages.shared import formats, state, store, widgets
from trellis_core.access import Actor, Operation
from trellis_core.services import fee_lists
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.downloads import FileForm
from trellis_core.services.fee_list_store import NAME_LENGTH, FeeList, plain_name
from trellis_core.services.fee_lists import ChangeAmounts, FeeChange, FeePreview, What
from trellis_core.services.fee_rows import FeeRow, rows_to_type
from trellis_core.values.money import to_cents

_ROW_HEIGHT: Final = 35
_TABLE_ROWS: Final = 12
_DONE: Final = {What.ADDED: "New", What.CHANGED: "Changed", What.REMOVED: "Goes"}


class Way(StrEnum):
    """How a list is kept."""

    TYPED = "Type them in"
    FILE = "From a file"
    KEEP = "Download, end or remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindWords:
    """What a kind of list is called on screen.

    Attributes:
        key: Of its widgets.
        heading: Over its lists.
        used: Where its amounts are used.
        none: Where there is no list.
        record: Over what records one.
        whose: Before the payer's name.
        amount: Over one amount.
        amounts: Several.
        saved: That they are.
        file_name: Of its download; nothing about a payer.
    """

    key: str
    heading: str
    used: str
    none: str
    record: str
    whose: str
    amount: str
    amounts: str
    saved: str
    file_name: str


WORDS: Final[Mapping[FeeListKind, KindWords]] = MappingProxyType(
    {
        FeeListKind.CHARGES: KindWords(
            key="settings_fees",
            heading="Charges",
            used="What the practice charges for one unit: on superbills beside the allowed amount. A "
            "payer's own list comes before the one for every payer.",
            none="No list is on file: superbills show no charge.",
            record="Record charges",
            whose="Charges for",
            amount="Charge",
            amounts="charges",
            saved="Charges saved",
            file_name="charges.csv",
        ),
        FeeListKind.CONTRACT: KindWords(
            key="settings_contracts",
            heading="Contracts",
            used="What a payer has agreed to pay for one unit: the ROI calculator can take it for that "
            "payer's share of the panel. Superbills keep Medicare's allowed amount.",
            none="No contract is on file: the ROI calculator asks for such payers' amounts as a share of "
            "Medicare's.",
            record="Record a contract",
            whose="Contract with",
            amount="Agreed amount",
            amounts="agreed amounts",
            saved="Contract saved",
            file_name="contract.csv",
        ),
    }
)


def payer_words(payer: str) -> str:
    """Say whose a list is."""
    return payer or "Every payer"


# --- typed --------------------------------------------------------------------------------------


def typed(person: Actor, kind: FeeListKind, payer: str) -> None:
    """Draw every code with its amount, to be changed from a day on."""
    words = WORDS[kind]
    today = store.today(person)
    key = f"{state.form_key(words.key)}_{payer}"
    from_day = st.date_input(
        "They hold from", today.replace(day=1), format="YYYY-MM-DD", key=f"{key}_from", width=240,
        help="What holds now ends the day before.",
    )  # fmt: skip
    rows = rows_to_type(
        kind, payer_name=payer, on=from_day, store=store.store(), actor=person,
        rule_book=store.rule_book(),
    )  # fmt: skip
    with st.form(f"{key}_form", border=False):
        edited = st.data_editor(
            _frame(rows, words.amount),
            hide_index=True,
            disabled=["Code", "Service", "Medicare here"],
            key=f"{key}_rows_{from_day}",
            alt=f"{words.heading} by code",
            height=_TABLE_ROWS * _ROW_HEIGHT + _ROW_HEIGHT,
            column_config={
                "Code": st.column_config.TextColumn(width=80),
                "Medicare here": st.column_config.NumberColumn(
                    format="dollar", help="The full allowed amount on that day, for comparison."
                ),
                words.amount: st.column_config.NumberColumn(
                    format="dollar", min_value=0.01, step=0.01, help="Empty for none."
                ),
            },
        )
        is_sent = st.form_submit_button(f"Save {words.amounts}", type="primary", key=f"{key}_save")
    if is_sent:
        _save_typed(person, kind, payer, from_day, typed_amounts(rows, edited[words.amount]))


def _frame(rows: Sequence[FeeRow], amount: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Code": [each.code for each in rows],
            "Service": [each.label for each in rows],
            "Medicare here": pd.Series(
                [None if each.allowed is None else float(each.allowed) for each in rows],
                dtype="float",
            ),
            amount: pd.Series(
                [None if each.amount is None else float(each.amount) for each in rows],
                dtype="float",
            ),
        }
    )


def typed_amounts(rows: Sequence[FeeRow], edited: "pd.Series[Any]") -> dict[str, Decimal | None]:
    """Return the amounts that differ from those that hold, by code; None for one that was emptied."""
    found: dict[str, Decimal | None] = {}
    for row, typed in zip(rows, edited.tolist(), strict=True):
        amount = None if pd.isna(typed) else to_cents(Decimal(str(typed)))
        if amount != row.amount:
            found[row.code] = amount
    return found


def _save_typed(
    person: Actor,
    kind: FeeListKind,
    payer: str,
    from_day: date,
    amounts: Mapping[str, Decimal | None],
) -> None:
    words = WORDS[kind]
    if not amounts:
        st.info("No amount was changed.", icon=":material/info:")
        return
    with widgets.command():
        changes = fee_lists.change_amounts(
            ChangeAmounts(kind=kind, payer_name=payer, from_day=from_day, amounts=amounts),
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )
        state.renew_form_id(words.key)
        codes = len({each.either.code for each in changes})
        state.flash(f"{words.saved}: {formats.count(codes, 'code')}, from {formats.day(from_day)}.")
        st.rerun()


# --- from a file --------------------------------------------------------------------------------


def from_file(person: Actor, kind: FeeListKind, payer: str, held: FeeList | None) -> None:
    """Draw a file's upload, what it would change, and the button that saves it."""
    words = WORDS[kind]
    key = f"{state.form_key(words.key)}_{payer}"
    file = st.file_uploader(
        f"CSV file with {words.amounts}", type=["csv", "txt"], key=f"{key}_file"
    )
    st.caption(
        "Columns: code, amount, effective_from and, where an amount ends, effective_through. The file "
        "takes the place of the whole list. Nothing is saved before you have seen what changes."
    )
    if file is None:
        return
    called = held.name if held is not None else plain_name(kind, payer)
    name = st.text_input(
        "What the list is called", called, max_chars=NAME_LENGTH, key=f"{key}_name"
    )
    with widgets.command():
        content = file.getvalue()
        found = fee_lists.preview_fee_list(
            content, kind=kind, payer_name=payer, store=store.store(), actor=person
        )
        _preview(found, key)
        is_other = bool(found.changes) or (name.strip() or called) != called
        if not found.refused and not is_other:
            st.caption("The list has all of that already.")
        if st.button(
            f"Save as {words.amounts}, {formats.plain(payer) or 'every payer'}",
            type="primary", disabled=bool(found.refused) or not is_other, key=f"{key}_import",
        ):  # fmt: skip
            fee_lists.import_fee_list(
                content, kind=kind, payer_name=payer, name=name, store=store.store(), actor=person,
                clock=store.clock(),
            )  # fmt: skip
            state.renew_form_id(words.key)
            state.flash(f"{words.saved}: {formats.count(len(found.amounts), 'row')}.")
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
        "": _DONE[each.what],
        "Code": each.either.code,
        "From": formats.day(each.either.effective_from),
        "Now": told(before.amount, before.effective_through) if before else formats.DASH,
        "Then": told(after.amount, after.effective_through) if after else formats.DASH,
    }


# --- keeping ------------------------------------------------------------------------------------


def keep(person: Actor, held: FeeList) -> None:
    """Draw a list's download, and how it ends or goes."""
    kind, payer, words = held.kind, held.payer_name, WORDS[held.kind]
    key = f"{state.form_key(words.key)}_{payer}"
    widgets.download(
        "Download as CSV",
        lambda who: fee_lists.fee_list_csv(kind, payer_name=payer, store=store.store(), actor=who),
        operation=Operation.READ_PRACTICE,
        form=FileForm.FEE_LIST_CSV,
        file_name=words.file_name,
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
                kind, payer_name=payer, last_day=last_day, store=store.store(), actor=person,
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
                kind, payer_name=payer, store=store.store(), actor=person, clock=store.clock()
            )
            state.renew_form_id(words.key)
            state.flash("The list is removed.")
            st.rerun()
