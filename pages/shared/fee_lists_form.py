"""The part of Settings with the practice's own amounts: what it charges, and what payers agreed to."""

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from pages.shared import fee_list_ways as ways
from pages.shared import formats, store, widgets
from pages.shared.fee_list_ways import WORDS, Way, payer_words
from trellis_core.access import Actor, Operation, may
from trellis_core.roi import PayerClass
from trellis_core.rules.labels import code_label
from trellis_core.services import contracts, fee_lists
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.fee_list_store import NAMES, FeeList, plain_name
from trellis_core.superbill import EVERY_PAYER

_SHARES: Final[Mapping[PayerClass, str]] = {
    PayerClass.ADVANTAGE: "Medicare Advantage",
    PayerClass.MEDICAID: "Medicaid",
    PayerClass.COMMERCIAL: "commercial",
}
"""The shares of the calculator's payer mix that a contract can stand for."""

_DAYS: Final = {"From": 92, "Through": 92}
"""Pixels of the columns with days."""


def draw(person: Actor) -> None:
    """Draw the lists of both kinds, and for who may change settings how to keep them."""
    classes = (
        contracts.payer_classes(store=store.store(), actor=person)
        if may(person, Operation.READ_ROI)
        else None
    )
    for kind in FeeListKind:
        _draw_kind(person, kind, classes)


def _draw_kind(
    person: Actor, kind: FeeListKind, classes: Mapping[str, Sequence[PayerClass]] | None
) -> None:
    words = WORDS[kind]
    st.markdown(f"## {words.heading}")
    lists = fee_lists.lists_on_file(kind, store=store.store(), actor=person)
    st.caption(words.used)
    if lists:
        _tables(kind, lists, classes)
    else:
        st.markdown(words.none)
    if may(person, Operation.EDIT_SETTINGS):
        _record(person, kind, lists, classes or {})


def _tables(
    kind: FeeListKind, lists: Sequence[FeeList], classes: Mapping[str, Sequence[PayerClass]] | None
) -> None:
    words = WORDS[kind]
    rows = [_row(each) for each in lists]
    if kind is FeeListKind.CONTRACT and classes is not None:
        rows = [
            row | {"Used for": _used_for(of.payer_name, classes)}
            for row, of in zip(rows, lists, strict=True)
        ]
    widgets.table(
        pd.DataFrame(rows),
        alt=f"Lists of {words.amounts}",
        key=f"{words.key}_lists",
        columns=_widths({"For": 195, "List": 115, "Codes": 58, **_DAYS, "Came in": 140}),
    )
    number = sum(len(each.amounts) for each in lists)
    with st.expander(
        f"Every amount ({number:,})", icon=":material/list:", key=f"{words.key}_every"
    ):
        widgets.table(
            pd.DataFrame([row for each in lists for row in _amount_rows(each, words.amount)]),
            alt=f"Every one of the {words.amounts}, with its list, payer and days",
            key=f"{words.key}_amounts",
            columns={
                **_widths({"Code": 65, "Service": 185, **_DAYS, "For": 195}),
                words.amount: st.column_config.NumberColumn(format="dollar", width=105),
            },
        )


def _record(
    person: Actor,
    kind: FeeListKind,
    lists: Sequence[FeeList],
    classes: Mapping[str, Sequence[PayerClass]],
) -> None:
    words = WORDS[kind]
    payers = _payers_to_offer(person, kind, lists, classes)
    if not payers:
        st.caption(
            "A contract is with a payer as coverages have it, and no coverage names one yet."
        )
        return
    with st.expander(words.record, icon=":material/request_quote:", key=f"{words.key}_open"):
        first, second = st.columns([1, 2])
        payer = first.selectbox(
            words.whose, payers, format_func=payer_words, key=f"{words.key}_payer"
        )
        held = next((each for each in lists if each.payer_name == payer), None)
        offered = [each for each in Way if held is not None or each is not Way.KEEP]
        way = second.segmented_control(
            "How", offered, default=Way.TYPED, required=True,
            key=f"{words.key}_way_{len(offered)}",
        )  # fmt: skip
        if way is Way.FILE:
            ways.from_file(person, kind, payer, held)
        elif way is Way.KEEP and held is not None:
            ways.keep(person, held)
        else:
            ways.typed(person, kind, payer)


def _payers_to_offer(
    person: Actor,
    kind: FeeListKind,
    lists: Sequence[FeeList],
    classes: Mapping[str, Sequence[PayerClass]],
) -> list[str]:
    """Return whose lists can be kept: of contracts first those that are used."""
    payers = list(fee_lists.payers_on_file(store=store.store(), actor=person))
    if kind is FeeListKind.CHARGES:
        payers.insert(0, EVERY_PAYER)
    else:
        payers.sort(key=lambda each: _SHARES.keys().isdisjoint(classes.get(each, ())))
    return list(dict.fromkeys((*payers, *(each.payer_name for each in lists))))


def _used_for(payer: str, classes: Mapping[str, Sequence[PayerClass]]) -> str:
    """Say for what a payer's contract is used."""
    shares = [_SHARES[each] for each in classes.get(payer, ()) if each in _SHARES]
    if shares:
        return f"ROI: {', '.join(shares)}"
    if PayerClass.ORIGINAL in classes.get(payer, ()):
        return "Not used: original Medicare"
    return "Not used: on no coverage"


def _widths(pixels: Mapping[str, int]) -> dict[str, ColumnConfig]:
    return {name: st.column_config.Column(width=width) for name, width in pixels.items()}


def _called(of: FeeList) -> str:
    """Return a list's name, without its payer where nobody named it: that stands beside it."""
    return NAMES[of.kind] if of.name == plain_name(of.kind, of.payer_name) else of.name


def _row(of: FeeList) -> dict[str, object]:
    begins = min(each.effective_from for each in of.amounts)
    ends = [each.effective_through for each in of.amounts]
    last = max((each for each in ends if each is not None), default=None)
    return {
        "For": payer_words(of.payer_name),
        "List": _called(of),
        "Codes": len({each.code for each in of.amounts}),
        "From": formats.day(begins),
        "Through": "lasts" if None in ends else formats.day(last),
        "Came in": of.source or formats.DASH,
    }


def _amount_rows(of: FeeList, amount: str) -> list[dict[str, object]]:
    return [
        {
            "Code": each.code,
            "Service": code_label(each.code),
            amount: float(each.amount),
            "From": formats.day(each.effective_from),
            "Through": formats.day(each.effective_through) if each.effective_through else "lasts",
            "For": payer_words(of.payer_name),
            "List": _called(of),
        }
        for each in of.amounts
    ]
