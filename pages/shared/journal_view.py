"""The journal: who did what and when, newest first, with what changed in words."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from pages.shared import formats, store, widgets
from pages.shared.ledger_history import moment
from trellis_core.access import Actor
from trellis_core.ledger.journal import EventKind
from trellis_core.services import caseload
from trellis_core.services.journal import PAGE_EVENTS, JournalEvent, JournalPage, journal
from trellis_core.services.record_words import RECORDS

_ANYTHING: Final = "Everything"
_MOST_FIELDS: Final = 6
_NO_BREAK: Final = "\u00a0"
_MOST_MATCHES: Final = 20
_GROUPS: Final[Mapping[str, tuple[EventKind, ...] | None]] = MappingProxyType(
    {
        _ANYTHING: None,
        "Records made": (EventKind.RECORDED,),
        "Records changed or removed": (EventKind.CHANGED, EventKind.REMOVED),
        "Sign-ins": (EventKind.SIGNED_IN, EventKind.SIGNED_OUT, EventKind.SIGN_IN_REFUSED),
        "Refused sign-ins": (EventKind.SIGN_IN_REFUSED,),
        "Closes and approvals": (
            EventKind.MONTH_CLOSED,
            EventKind.MONTH_REOPENED,
            EventKind.APPROVED,
            EventKind.APPROVAL_ENDED,
        ),
        "Withheld notes": (EventKind.NOTE_WITHHELD,),
        "Exports and backups": (EventKind.EXPORTED, EventKind.BACKED_UP, EventKind.RESTORED),
        "Signing keys": (EventKind.KEY_NAMED,),
    }
)


def draw(person: Actor) -> None:
    """Draw the filters and the events that they leave."""
    zone = store.zone(person)
    people = {key: member.signature for key, member in store.people(person).items()}
    happened, subject, who = st.columns(3)
    group = happened.selectbox("What happened", list(_GROUPS), key="journal_group")
    about = subject.selectbox(
        "About",
        [None, *RECORDS],
        format_func=lambda name: "Anything" if name is None else formats.words(RECORDS[name]),
        key="journal_about",
    )
    author = who.selectbox(
        "By",
        [None, *people],
        format_func=lambda one: "Anybody" if one is None else people[one],
        key="journal_author",
    )
    patient, since, until = st.columns(3)
    text = patient.text_input(
        "Patient", key="journal_patient", placeholder="Name, record number or birth date"
    )
    first = since.date_input("From", value=None, key="journal_from", format="YYYY-MM-DD")
    last = until.date_input("To", value=None, key="journal_to", format="YYYY-MM-DD")
    patient_id = _patient(text, person)
    if text.strip() and patient_id is None:
        widgets.empty("No patient matches.", icon="search_off")
        return
    wanted = (group, about, author, first, last, patient_id)
    if st.session_state.get("journal_wanted") != wanted:
        st.session_state["journal_wanted"] = wanted
        st.session_state.pop("journal_page", None)

    def read(page: int) -> JournalPage:
        return journal(
            kinds=_GROUPS[group],
            subject_kind=about,
            author_id=author,
            patient_id=patient_id,
            since=None if first is None else _midnight(first, zone),
            until=None if last is None else _midnight(last + timedelta(days=1), zone),
            offset=(page - 1) * PAGE_EVENTS,
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )

    found = read(int(st.session_state.get("journal_page") or 1))
    if not found.total:
        widgets.empty("Nothing like that has happened.", icon="history")
        return
    pages = -(-found.total // PAGE_EVENTS)
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.caption(f"{formats.count(found.total, 'event')}, newest first.")
        if pages > 1:
            st.pagination(pages, key="journal_page")
    _table(found, person, people=people, zone=zone)


def _patient(text: str, person: Actor) -> str | None:
    """Return the patient that a text names; a choice where it names several."""
    if not text.strip():
        return None
    found = caseload.patients(
        text=text.strip(),
        limit=_MOST_MATCHES,
        store=store.store(),
        actor=person,
        clock=store.clock(),
    )
    named = {one.id: f"{one.name}, MRN {one.mrn}" if one.mrn else one.name for one in found.rows}
    if len(named) > 1:
        more = found.total - len(named)
        return st.selectbox(
            "Which patient",
            list(named),
            format_func=lambda one: named[one],
            key="journal_which",
            help=f"{more} more match; write more of the name." if more else None,
        )
    return next(iter(named), None)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)


def _table(found: JournalPage, person: Actor, *, people: Mapping[str, str], zone: ZoneInfo) -> None:
    concerned = {each.patient_id for each in found.events if each.patient_id}
    names = caseload.patient_names(concerned, store=store.store(), actor=person)
    st.table(
        pd.DataFrame(
            [
                {
                    "No.": f"{each.number:,}",
                    "When": _when(each.recorded_at, zone),
                    "Who": formats.plain(_who(each, people)),
                    "What happened": formats.plain(_said(each, people)),
                    "Patient": formats.plain(names.get(each.patient_id or "", formats.DASH)),
                    "Receipt": f"`{each.code}`",
                }
                for each in found.events
            ]
        ),
        border="horizontal",
        hide_index=True,
        alt="Events of the journal, newest first",
    )


def _when(at: datetime, zone: ZoneInfo) -> str:
    """Write an instant so that a narrow column breaks it between day and hour only."""
    day, _, hour = formats.plain(moment(at, zone)).rpartition(", ")
    return f"{day.replace(' ', _NO_BREAK)}, {hour.replace(' ', _NO_BREAK)}"


def _who(each: JournalEvent, people: Mapping[str, str]) -> str:
    named = "Trellis" if each.author_id is None else people.get(each.author_id, each.author_id)
    if each.kind is EventKind.SIGN_IN_REFUSED:
        named = f"As {people.get(each.subject_id, each.subject_id)}"
    return f"{named} (system user {each.system_user})" if each.system_user else named


def _said(each: JournalEvent, people: Mapping[str, str]) -> str:
    """Say what happened; of a new record the first fields, of a change every one."""
    over = len(each.changes) - _MOST_FIELDS
    if each.kind is not EventKind.RECORDED or over <= 0:
        return each.sentence(people)
    return f"{each.sentence(people, most=_MOST_FIELDS)}; and {formats.count(over, 'more field')}"
