"""The import's second step: which column of the file says what, with samples to choose by."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

import streamlit as st

from pages.shared import formats, store, widgets
from pages.shared.import_flow import Draft, Step
from trellis_core.access import Actor
from trellis_core.care.vocabulary import PayerKind
from trellis_core.services.imports.columns import (
    FIELDS,
    DayOrder,
    Field,
    ImportKind,
    ImportSettings,
    missing,
)
from trellis_core.services.imports.look import FileLook, day_orders
from trellis_core.services.imports.patients import preview_patients
from trellis_core.services.imports.time import preview_time

ACROSS: Final = 4
LONGEST_SAMPLE: Final = 24
NOT_THERE: Final = "Not in the file"
_ORDERS: Final = {
    DayOrder.MONTH_FIRST: "March 4 (month first)",
    DayOrder.DAY_FIRST: "April 3 (day first)",
}


def draw(draft: Draft, content: bytes, actor: Actor) -> None:
    """Draw the choice of columns; the button leads to the first look."""
    look = draft.look
    if look is None:
        return
    st.caption(
        f"{formats.count(look.rows, 'row')} read. Each field shows what stands in its column; "
        "change what was guessed wrong, and leave out what you do not need."
    )
    guessed = draft.settings.columns if draft.settings else look.columns
    found = [each for each in FIELDS[draft.kind] if each.key in guessed]
    others = [each for each in FIELDS[draft.kind] if each.key not in guessed]
    chosen = _columns(draft, look, found)
    if others:
        title = f"{NOT_THERE}: {formats.count(len(others), 'field')}"
        with st.expander(title, expanded=bool(missing(guessed, draft.kind))):
            chosen |= _columns(draft, look, others)
    _left_over(look, chosen)
    settings = _choices(draft, content, chosen)
    lacking = missing(chosen, draft.kind)
    if lacking:
        st.caption(f":material/info: Still needed: {', '.join(lacking)}.")
    if st.button(
        "Look at what would happen",
        type="primary",
        key="import_look",
        disabled=bool(lacking) or settings is None,
    ):
        with widgets.command(), st.spinner("Comparing with the practice"):
            seen(draft, content, settings or ImportSettings(columns=chosen), actor)
            st.rerun()


def seen(draft: Draft, content: bytes, settings: ImportSettings, actor: Actor) -> None:
    """Keep what an import would do, and go on to the first look."""
    look_ahead = preview_patients if draft.kind is ImportKind.PATIENTS else preview_time
    draft.preview = look_ahead(
        content, settings=settings, store=store.store(), actor=actor, clock=store.clock()
    )
    draft.settings, draft.step = settings, Step.LOOK


def _columns(draft: Draft, look: FileLook, fields: Sequence[Field]) -> dict[str, int]:
    """Draw fields in their groups; return the column of each that has one."""
    chosen: dict[str, int] = {}
    for group, of_group in groupby(fields, key=lambda each: each.group):
        st.markdown(f"**{group}**")
        listed = list(of_group)
        for first in range(0, len(listed), ACROSS):
            for place, each in zip(
                st.columns(ACROSS), listed[first : first + ACROSS], strict=False
            ):
                with place:
                    column = _column(draft, look, each)
                if column is not None:
                    chosen[each.key] = column
    return chosen


def _column(draft: Draft, look: FileLook, each: Field) -> int | None:
    """Draw one field's choice with samples of the column under it."""
    free = [place for place in range(1, len(look.headings) + 1) if place not in look.left_out]
    options: list[int | None] = [None, *free]
    guessed = (draft.settings.columns if draft.settings else look.columns).get(each.key)
    column = st.selectbox(
        each.label,
        options,
        index=options.index(guessed) if guessed in options else 0,
        format_func=lambda place: NOT_THERE if place is None else look.headings[place - 1],
        key=f"import_{draft.kind.value}_{draft.digest[:8]}_{each.key}",
    )
    samples = look.samples[column - 1] if column is not None else ()
    words = " · ".join(formats.plain(_short(sample)) for sample in samples)
    if column is not None:
        st.caption(words or "(empty)")
    return column


def _short(sample: str) -> str:
    return sample if len(sample) <= LONGEST_SAMPLE else f"{sample[: LONGEST_SAMPLE - 1]}…"


def _left_over(look: FileLook, chosen: dict[str, int]) -> None:
    """Name the columns that are not read, those of Social Security numbers apart."""
    private = [formats.plain(look.headings[place - 1]) for place in sorted(look.left_out)]
    if private:
        st.info(
            f"Left out: {', '.join(private)}. Social Security numbers are never read.",
            icon=":material/shield:",
        )
    others = [
        formats.plain(heading)
        for place, heading in enumerate(look.headings, 1)
        if place not in look.left_out and place not in chosen.values()
    ]
    if others:
        st.caption(f"Not read: {', '.join(others)}")


def _choices(draft: Draft, content: bytes, chosen: dict[str, int]) -> ImportSettings | None:
    """Draw what the file leaves open; None while it must be chosen first."""
    settings = ImportSettings(columns=chosen)
    orders = day_orders(content, chosen, draft.kind)
    left, right = st.columns(2)
    if not orders.is_asked:
        left, right = right, left
    if orders.is_asked:
        options = list(_ORDERS)
        order = left.radio(
            "In this file, 03/04/1950 is",
            options,
            index=options.index(orders.shown) if orders.shown else None,
            format_func=_ORDERS.__getitem__,
            horizontal=True,
            key=f"import_order_{draft.digest[:8]}",
            help="Preset where other days of the file show it.",
        )
        if order is None:
            left.caption(":material/info: Choose: the file itself does not show it.")
            return None
        settings = replace(settings, dates=order)
    else:
        settings = replace(settings, dates=orders.shown)
    if "payer_name" in chosen:
        kinds: list[PayerKind | None] = [None, *PayerKind]
        other = right.selectbox(
            "Payers whose kind neither name nor column says",
            kinds,
            format_func=lambda kind: (
                "Refuse such rows" if kind is None else f"Are {formats.words(kind).lower()}"
            ),
            key=f"import_payers_{draft.digest[:8]}",
        )
        settings = replace(settings, other_payers=other)
    return settings
