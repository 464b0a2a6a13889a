"""The access log's events as a table, and in a line how many there are and from when to when."""

from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from pages.shared import formats
from pages.shared.ledger_history import moment
from trellis_core.services.access_reading import AccessEvent, AccessPage

BADGE: Final = ":orange-badge[:material/emergency: Emergency access]"
_NO_BREAK: Final = "\u00a0"


def draw(page: AccessPage, zone: ZoneInfo) -> None:
    """Draw a page of events; no column for files where none left."""
    frame = pd.DataFrame(
        [
            {
                "No.": f"{event.number:,}",
                "When": _when(event, zone),
                "Who": _who(event),
                "What happened": _what(event),
                "Patient": _patient(event),
                "File": f"`{event.file}`" if event.file else "",
            }
            for event in page.events
        ]
    )
    if not frame["File"].any():
        frame = frame.drop(columns="File")
    st.table(
        frame, border="horizontal", hide_index=True, alt="Events of the access log, newest first"
    )


def summary(page: AccessPage, zone: ZoneInfo) -> str:
    """Say how many events there are, and from when to when."""
    many = formats.count(page.counted, "event")
    many = f"More than {many}" if page.has_more else many
    if page.oldest is None or page.newest is None:
        return f"{many}."
    first, last = moment(page.oldest, zone), moment(page.newest, zone)
    return f"{many}, from {first} to {last}." if first != last else f"{many}, {first}."


def _when(event: AccessEvent, zone: ZoneInfo) -> str:
    """Write an instant so that a narrow column breaks it between day and hour only."""
    day, _, hour = formats.plain(moment(event.at, zone)).rpartition(", ")
    return f"{day.replace(' ', _NO_BREAK)}, {hour.replace(' ', _NO_BREAK)}"


def _who(event: AccessEvent) -> str:
    """Say who did it, and as which user of the computer where it was a command."""
    said = f"As {event.who}, by whom is not known" if event.is_claimed else event.who
    said = f"{said} (system user {event.system_user})" if event.system_user else said
    return formats.plain(said)


def _what(event: AccessEvent) -> str:
    """Say what happened, whose sign-in or access it changed, and that it was an emergency."""
    said = formats.plain(f"{event.concerns}: {event.what}" if event.concerns else event.what)
    return f"{said} {BADGE}" if event.is_emergency else said


def _patient(event: AccessEvent) -> str:
    """Name the patient with a link to the chart; for whoever may not see charts, that it is one."""
    if event.patient_id is None:
        return formats.DASH
    if event.patient is None:
        return "a patient"
    return f"[{formats.plain(event.patient)}](chart?patient={quote(event.patient_id, safe='')})"
