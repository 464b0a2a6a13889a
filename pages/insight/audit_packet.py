"""Audit packet: a closed month's superbills with everything behind them, for a payer or an auditor."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from pages.shared import formats, packet_view, routes, state, store, widgets
from trellis_core.access import Actor, Operation
from trellis_core.services import packets
from trellis_core.services.billing import superbills
from trellis_core.services.caseload import patient_names
from trellis_core.services.downloads import FileForm
from trellis_core.services.months import month_state

NUMBERS: Final = "Superbill numbers"
RECORDS: Final = "Record numbers (MRN)"
PICK: Final = "Pick superbills"

actor = store.require(Operation.READ_PACKET)
month = store.month(actor)


def pasted(kind: str) -> packets.Sample | None:
    """Draw the field for a list; return what of it is in the month, None before one is given."""
    with st.form(f"packet_form_{kind}", border=False):
        words = st.text_area(
            kind, key=f"packet_list_{kind}", height=90,
            placeholder="12, 14, 31" if kind == NUMBERS else "One on each line",
            help=f"As on the payer's list, separated by commas or lines. At most {packets.LONGEST_LIST}.",
        )  # fmt: skip
        st.form_submit_button("Show", type="primary")
    listed = packet_view.words_of(words, are_numbers=kind == NUMBERS)
    if not listed:
        return None
    found = packets.find_sample(
        listed, month=month, are_numbers=kind == NUMBERS, store=store.store(), actor=actor
    )
    if found.unknown:
        named = ", ".join(found.unknown)
        st.warning(
            formats.plain(f"Not among the superbills of {month.in_words}: {named}"),
            icon=":material/search_off:",
        )
    return found.sample


def picked() -> packets.Sample | None:
    """Draw a choice among the month's superbills; return the chosen ones, None for none."""
    issued = superbills(
        month=month, store=store.store(), actor=actor, clock=store.clock(),
        rule_book=store.rule_book(),
    )  # fmt: skip
    called = {
        bill.number: f"No. {bill.number} · {bill.patient.name}"
        for bill in issued
        if bill.number is not None
    }
    called = widgets.few_of(dict(sorted(called.items())), key=f"packet_picked_{month}")
    chosen = st.multiselect(
        "Superbills", list(called), key=f"packet_picked_{month}",
        format_func=lambda number: called[number], placeholder="Choose one or more",
        max_selections=packets.LONGEST_LIST,
    )  # fmt: skip
    return packets.Sample(numbers=tuple(chosen)) if chosen else None


def asked() -> packets.Sample | None:
    """Draw what the packet is to be about; the address may name one patient."""
    patient_id = st.query_params.get(state.PATIENT_KEY)
    if patient_id:
        name = patient_names([patient_id], store=store.store(), actor=actor).get(patient_id)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(formats.plain(name or "One patient"))
            if st.button("Another list", key="packet_another", type="tertiary"):
                del st.query_params[state.PATIENT_KEY]
                st.rerun()
        return packets.Sample(patient_ids=(patient_id,))
    kind = st.segmented_control(
        "List of", [NUMBERS, RECORDS, PICK], default=NUMBERS, required=True, key="packet_kind"
    )
    return picked() if kind == PICK else pasted(str(kind))


def draw(sample: packets.Sample) -> None:
    """Draw what the packet holds, and the button that gives it."""
    contents = packets.packet_contents(
        month=month, patient_ids=sample.patient_ids, numbers=sample.numbers, store=store.store(),
        actor=actor, clock=store.clock(), rule_book=store.rule_book(),
    )  # fmt: skip
    packet_view.draw(contents)
    named: Sequence[str] = [each.patient.id for each in contents.patients]

    def make(person: Actor) -> bytes:
        return packets.packet(
            month=month, patient_ids=sample.patient_ids, numbers=sample.numbers,
            store=store.store(), actor=person, clock=store.clock(), rule_book=store.rule_book(),
        ).content  # fmt: skip

    widgets.download(
        "Audit packet (ZIP)", make, operation=Operation.READ_PACKET, form=FileForm.AUDIT_PACKET,
        file_name=f"audit-packet-{month}.zip", media_type=packets.MEDIA_TYPE, key="packet_zip",
        patient_id=named[0] if len(named) == 1 else None, month=month,
        icon=":material/folder_zip:",
    )  # fmt: skip


widgets.heading(
    "Audit packet",
    f"{formats.month_name(month)}. What was issued, every minute behind it, and a program that checks it.",
)  # fmt: skip
with widgets.command():
    now = month_state(month, store=store.store(), actor=actor, clock=store.clock())
    if not now.marks:
        widgets.empty(
            f"{month.in_words} is not closed, so nothing of it was issued. A packet is of a closed month.",
            icon="lock_open",
        )
        packet_view.closed_months(actor, month)
    elif (wanted := asked()) is None:
        st.caption("Name the superbills of a payer's list, or of your own sample.")
    elif wanted.numbers or wanted.patient_ids:
        draw(wanted)
    routes.link("superbills", "Superbills", icon=":material/receipt_long:")
widgets.disclaimer()
