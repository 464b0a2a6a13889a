"""The ROI page's inputs: the widgets, what they say to the model, and the address that keeps them."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import streamlit as st

from pages.shared import formats, roi_place, state
from pages.shared.review_filters import payer_mark
from trellis_core import roi
from trellis_core.care.vocabulary import Program
from trellis_core.documents import roi_words
from trellis_core.errors import InputRefusedError
from trellis_core.roi import Assumption, Complexity, PayerClass, RoiInputs, Worker
from trellis_core.rules.amounts import AmountTables

WORKERS: Final = {
    Worker.LPN: "Licensed practical nurse",
    Worker.RN: "Registered nurse",
    Worker.SOCIAL_WORKER: "Social worker",
}
FIRST_VIEW: Final = frozenset({"panel"})
PROGRAMS: Final = (*(each for each in Program if each is not Program.APCM), Program.APCM)
_PAYERS: Final = {
    PayerClass.ADVANTAGE: "Medicare Advantage",
    PayerClass.MEDICAID: "Medicaid",
    PayerClass.COMMERCIAL: "Commercial payers",
}
_PERCENT: Final = Decimal(100)
_ACROSS: Final = 4
_FINEST: Final = 8
_MIX: Final = ("add_on_40", "add_on_60")
_KEPT: Final = "roi_kept"
_READ: Final = "roi_read"
_NOT_INPUTS: Final = frozenset({state.MONTH_KEY, state.PATIENT_KEY, state.SECTION_KEY})

Lists = Mapping[PayerClass, tuple[str, ...]]
"""Payers with contracted amounts, by class."""


def first_inputs() -> None:
    """Draw the three inputs that a first answer needs."""
    held = {name: st.session_state.get(_key(name)) for name in _MIX}
    if None not in held.values():  # a mix of one's own is none of the three
        mix = {name: Decimal(str(value)) / _PERCENT for name, value in held.items()}
        st.session_state["roi_complexity"] = roi.complexity_of_mix(**mix)
    row = st.container(horizontal=True, gap="medium")  # goes on in a second line on a narrow screen
    row.number_input(
        "Patients in your panel", min_value=0.0, step=100.0, format="%.0f", key=_key("panel"),
        value=_held(_key("panel")),
        help="Active patients of the practice, all payers.", width=210,
    )  # fmt: skip
    row.segmented_control(
        "Complexity of your patients", list(Complexity), format_func=formats.words,
        key="roi_complexity", on_change=_take_complexity, default=_held("roi_complexity"),
        help="How often a billed month holds more than one unit of time.",
    )  # fmt: skip
    row.segmented_control(
        "Who does the work", list(WORKERS), format_func=lambda each: WORKERS[each],
        key="roi_worker", required=True, default=_held("roi_worker"),
    )  # fmt: skip


def from_widgets() -> RoiInputs:
    """Return the model's inputs as the page's widgets stand.

    Raises:
        InputRefusedError: The inputs contradict each other.
    """
    kept = st.session_state
    document: dict[str, object] = {}
    for row in roi.ASSUMPTIONS:
        if _key(row.name) in kept:
            value = _value(row, kept[_key(row.name)])
            if value is not None or row.is_blank:
                document[row.name] = None if value is None else f"{value:f}"
    document |= roi_place.chosen()
    document["worker"] = str(kept.get("roi_worker") or Worker.LPN)
    document["programs"] = [str(each) for each in kept.get("roi_programs", (Program.CCM,))]
    for payer in _PAYERS:
        document[f"contract_{payer}"] = kept.get(_contract_key(payer)) or None
    return roi.read_inputs(document)


def take(inputs: RoiInputs, tables: AmountTables) -> None:
    """Set every widget to some inputs: in a callback, or before the widgets are drawn.

    Raises:
        InputRefusedError: The year's table has no such locality; nothing was set.
    """
    roi_place.take(inputs, tables)
    kept = st.session_state
    for row in roi.ASSUMPTIONS:
        value = inputs.value(row.name)
        scaled = None if value is None else value * (_PERCENT if row.unit == "share" else 1)
        kept[_key(row.name)] = None if scaled is None else round(float(scaled), _FINEST)
    kept["roi_complexity"] = roi.complexity_of(inputs)
    kept["roi_worker"] = inputs.worker
    kept["roi_programs"] = [each for each in PROGRAMS if each in inputs.programs]
    for payer in _PAYERS:
        kept[_contract_key(payer)] = inputs.contract_of(payer)


def restore(opening: RoiInputs, tables: AmountTables, payers: Collection[str]) -> None:
    """Take up the inputs of the address; where it names none, those that were left last, or the opening's.

    Args:
        opening: With what the page opens.
        tables: The fee tables.
        payers: Payers with contracted amounts; the address names them by a mark.
    """
    if _key("panel") in st.session_state:
        return
    named = [pair for pair in st.query_params.items() if pair[0] not in _NOT_INPUTS]
    query = roi.query_of(named) if named else st.session_state.get(_KEPT)
    if query is None:
        take(opening, tables)
        return
    try:
        take(_with_names(roi.inputs_of_link(query), payers), tables)
    except InputRefusedError as error:
        take(opening, tables)
        state.state().refusals.append(
            f"The link does not read, so the calculator opened as usual. {error}"
        )


def keep(inputs: RoiInputs, opening: RoiInputs) -> str:
    """Write into the address what differs from the model's defaults; return that.

    Nothing is written while the page is as it opens.
    """
    query = roi.link_text(_with_marks(inputs)) or f"year={inputs.year}"
    words = {} if inputs == opening else dict(roi.pairs_of(query))
    st.session_state[_KEPT] = query
    for name in [name for name in st.query_params if name not in _NOT_INPUTS]:
        if name not in words:
            st.query_params.pop(name, None)
    for name, word in words.items():
        if st.query_params.get(name) != word:
            st.query_params[name] = word
    return query


def _with_marks(inputs: RoiInputs) -> RoiInputs:
    """Name payers by a mark: an address holds no name."""
    marks = {
        f"contract_{payer}": payer_mark(name)
        for payer in _PAYERS
        if (name := inputs.contract_of(payer)) is not None
    }
    return replace(inputs, **marks)  # type: ignore[arg-type]  # names of contracts are texts


def _with_names(inputs: RoiInputs, payers: Collection[str]) -> RoiInputs:
    names = {payer_mark(name): name for name in payers}
    found = {
        f"contract_{payer}": names.get(mark, mark)
        for payer in _PAYERS
        if (mark := inputs.contract_of(payer)) is not None
    }
    return replace(inputs, **found)  # type: ignore[arg-type]  # names of contracts are texts


def _take_complexity() -> None:
    """Set the mix of further units to the one that the page's control names."""
    level = st.session_state.get("roi_complexity")
    if level is None:
        return
    mixed = roi.with_complexity(RoiInputs(), level)
    for name in _MIX:
        value = mixed.value(name)
        st.session_state[_key(name)] = float((value or 0) * _PERCENT)


def assumptions(tables: AmountTables, lists: Lists) -> None:
    """Draw every assumption with its default, range, source and date."""
    first_line = st.container(horizontal=True, vertical_alignment="bottom")
    first_line.pills(
        "Programs", PROGRAMS, selection_mode="multi", key="roi_programs",
        default=_held("roi_programs"),
        help="APCM excludes CCM and PCM in one patient-month.",
    )  # fmt: skip
    first_line.checkbox(
        "Qualifying APM participant", bool(_held(roi_place.QUALIFYING)), key=roi_place.QUALIFYING,
        help="Of an advanced alternative payment model. From 2026 such a participant has a "
        "conversion factor of its own.",
    )  # fmt: skip
    roi_place.draw(tables)
    for title, every in roi.GROUPS.items():
        names = [name for name in every if name not in FIRST_VIEW]
        st.markdown(f"**{title}**")
        for start in range(0, len(names), _ACROSS):
            row = st.columns(_ACROSS, vertical_alignment="bottom")
            for column, name in zip(row, names[start : start + _ACROSS], strict=False):
                with column:
                    _input(roi.assumption(name))
    _contracts(lists)
    st.caption(
        "Hover over a question mark for the source, its date and the range to try. A figure "
        "without a public source is a working assumption: replace it by your own."
    )


def _contracts(lists: Lists) -> None:
    """Draw the choice of contracted amounts, where any are on file."""
    offered = [payer for payer in _PAYERS if lists.get(payer)]
    if not offered:
        return
    for column, payer in zip(st.columns(_ACROSS), offered, strict=False):
        options = [None, *lists[payer]]
        held = _held(_contract_key(payer))
        column.selectbox(
            f"{_PAYERS[payer]}: contracted amounts", options,
            key=_contract_key(payer), index=options.index(held) if held in options else 0,
            format_func=lambda each: "none: the share above" if each is None else each,
            help="Of this payer's list, in place of a share of Medicare's rate.",
        )  # fmt: skip


def _held(key: str) -> Any:  # noqa: ANN401 - of the widget's own kind
    """Return a widget's value for its default too: the browser has it should a run be cut off."""
    return st.session_state.get(key)


def _contract_key(payer: PayerClass) -> str:
    return f"roi_contract_{payer}"


def _key(name: str) -> str:
    return f"roi_{name}"


def _value(row: Assumption, entered: float | None) -> Decimal | None:
    if entered is None:
        return None
    number = Decimal(str(entered))
    return number / _PERCENT if row.unit == "share" else number


def _input(row: Assumption) -> None:
    unit = {"share": ", %", "dollars": ", $"}.get(row.unit, "")
    about = [
        f"Default {roi_words.shown(row, row.default)}." if row.default is not None else "",
        f"Range to try: {roi_words.span(row)}." if row.low is not None else "",
        f"Source: {roi_words.origin(row)}." if row.source else "",
        row.note,
    ]
    st.number_input(
        f"{row.label}{unit}",
        min_value=0.0,
        step=1.0,
        format="%g",
        key=_key(row.name),
        value=_held(_key(row.name)),
        placeholder="enter yours",
        help=formats.plain(" ".join(part for part in about if part)),
    )
