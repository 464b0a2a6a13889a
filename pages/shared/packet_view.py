"""What an audit packet holds, on screen: each superbill with its entries and what was decided again."""

import re
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, state, store, widgets
from trellis_core.access import Actor
from trellis_core.documents.packet_parts import PacketContents, PacketPatient, ReplayResult
from trellis_core.services.months import closed_from
from trellis_core.values.periods import ServiceMonth

_OFFERED: Final = 6
_SHOWN_AT_MOST: Final = 20
_SAME: Final = "Same answer"
_MONTHS_BACK: Final = 35

_HOLDS: Final = """\
- `packet.pdf`: each superbill as issued; every entry with its number, receipt and hash, how it came \
in, its corrections with their reasons, and whether it counts or why not; consents, plans, visits and \
scales on file; who attested and approved; the rules with their sources; the close and its checkpoint.
- `packet.json`: the same for programs, with everything that was hashed and signed.
- `check_packet.py`: checks the packet with Python alone, without Trellis.

Notes are part of the evidence and are in it, unless they were withheld."""


def words_of(text: str, *, are_numbers: bool) -> list[str]:
    """Return the parts of a pasted list; record numbers may hold spaces, superbills' do not.

    Example:
        >>> words_of("12, 14  31", are_numbers=True)
        ['12', '14', '31']
    """
    parts = re.split(r"[\s,;]+" if are_numbers else r"[\n\r\t,;]+", text)
    return [part.strip() for part in parts if part.strip()]


def draw(contents: PacketContents) -> None:
    """Draw the check of the store, a row for each patient, and what differs."""
    bills = contents.superbills()
    results = [result for each in contents.patients for result in each.replays]
    first, second, third = st.columns(3)
    first.metric("Superbills", f"{len(bills):,}")
    second.metric("Entries", f"{sum(len(each.entries) for each in contents.patients):,}")
    third.metric(
        "Decided again",
        f"{sum(result.is_same is True for result in results):,} of {len(results):,} the same",
        help="From the records as they are now, by the rules that were kept with the close.",
    )
    if contents.check_problems:
        st.error(
            formats.plain(
                "The check of the store found problems, and the packet says so: "
                f"{'; '.join(contents.check_problems)}. Check the ledger on its page first."
            ),
            icon=":material/gpp_bad:",
        )
    else:
        st.success(
            formats.plain(
                f"The whole ledger holds: {formats.count(contents.ledger_seq, 'entry', 'entries')}, "
                "closes and records."
            ),
            icon=":material/verified_user:",
        )
    widgets.table(
        pd.DataFrame([_row(each) for each in contents.patients]),
        alt="What the packet holds, one row for each patient",
        key="packet_rows",
    )
    _differences(contents)
    with st.expander("What is in the file", icon=":material/folder_zip:", key="packet_holds"):
        st.markdown(_HOLDS)


def _row(each: PacketPatient) -> dict[str, object]:
    return {
        "Superbills": ", ".join(f"No. {bill.number}" for bill in each.superbills) or formats.DASH,
        "Patient": each.patient.name,
        "Record number": each.patient.mrn,
        "Codes": ", ".join(
            f"{line.code} x {line.units}" if line.units > 1 else line.code
            for bill in each.superbills
            for line in bill.bill.lines
        )
        or formats.DASH,
        "Entries": len(each.entries),
        "Decided again": "; ".join(_result_words(result) for result in each.replays),
    }


def _result_words(result: ReplayResult) -> str:
    if result.is_same is None:
        return result.why_not
    if result.is_same:
        return _SAME
    return formats.count(len(result.differences), "difference")


def _differences(contents: PacketContents) -> None:
    """Say of each patient whose month is decided otherwise now what differs, and what came later."""
    shown = 0
    for each in contents.patients:
        for result in each.replays:
            if result.is_same is not False or shown >= _SHOWN_AT_MOST:
                continue
            shown += 1
            with st.expander(
                formats.plain(f"{each.patient.name}: decided otherwise now"),
                icon=":material/difference:",
                key=f"packet_differs_{each.patient.id}_{result.period}",
            ):
                for sentence in result.differences:
                    st.markdown(f"- {formats.plain(sentence)}")
                if result.recorded_later:
                    st.caption("Recorded after the close, and perhaps why:")
                    for sentence in result.recorded_later:
                        st.markdown(f"- {formats.plain(sentence)}")
                st.caption("What was issued stands. A correction needs the month reopened.")


def closed_months(person: Actor, month: ServiceMonth) -> None:
    """Draw a button for each of the last closed months."""
    today = ServiceMonth.of(store.today(person))
    found = closed_from(
        today.plus(-_MONTHS_BACK).first_day,
        store=store.store(),
        actor=person,
        clock=store.clock(),
    )
    with st.container(horizontal=True):
        for each in reversed(found[-_OFFERED:]):
            if each != month:
                st.button(
                    each.in_words,
                    key=f"packet_month_{each}",
                    icon=":material/lock:",
                    on_click=_show,
                    args=(str(each),),
                )


def _show(chosen: str) -> None:
    st.session_state[state.MONTH_KEY] = chosen
