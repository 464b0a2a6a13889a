"""Pieces that several pages draw: notices, badges, tables of entries, the disclaimer."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.elements.lib.column_types import ColumnConfig

from pages.shared import formats, media, state, store
from trellis_core.access import Actor, Operation, may
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import Program
from trellis_core.documents.disclaimer import DISCLAIMER
from trellis_core.errors import InputRefusedError, NotSignedInError, TrellisError
from trellis_core.ledger.entries import TimeEntry
from trellis_core.rules.determination import Determination, NotCounted
from trellis_core.rules.marks import late_after
from trellis_core.rules.reason_texts import title
from trellis_core.rules.reasons import Reason
from trellis_core.services import downloads
from trellis_core.services import sign_in as sign_ins
from trellis_core.services.downloads import FileForm
from trellis_core.values.periods import ServiceMonth

COUNTS: Final = "Counts"

CHOSEN_ENTRY: Final = "chosen_entry"
"""Under which the entry is kept that was chosen in a table, until the next drawing opens it."""

_TIMES_CHOSEN: Final = "entries_chosen"
MOST_OFFERED: Final = 100
"""A choice among more than this is searched."""
MOST_FOUND: Final = 20
_Option = TypeVar("_Option")


@contextmanager
def command() -> Iterator[None]:
    """Run one service call and, where it is refused, show its sentence: the only place to catch.

    Example:
        ``with widgets.command(): log_time(…)``
    """
    try:
        yield
    except TrellisError as error:
        st.error(formats.plain(sentence_of(error)), icon=":material/block:")


def sentence_of(error: TrellisError) -> str:
    """Return a refusal's words for a person: where and what, without the code that programs read.

    Example:
        >>> sentence_of(InputRefusedError("NOT_JSON", "file 2", "The file is XML."))
        'File 2: The file is XML.'
    """
    if not isinstance(error, InputRefusedError):
        return str(error)
    return (
        f"{error.path[:1].upper()}{error.path[1:]}: {error.message}"
        if error.path
        else error.message
    )


@contextmanager
def command_in_callback() -> Iterator[None]:
    """Run one service call inside a widget's callback; a refusal is kept for the next drawing."""
    try:
        yield
    except TrellisError as error:
        state.state().refusals.append(sentence_of(error))


def show_refusals() -> None:
    """Show what a callback was refused, once."""
    said, state.state().refusals = state.state().refusals, []
    for sentence in said:
        st.error(formats.plain(sentence), icon=":material/block:")


def show_flashes() -> None:
    """Show what was kept for this rerun, for example the receipt of a saved entry."""
    for sentence in state.take_flashes():
        st.toast(formats.plain(sentence), icon=":material/check_circle:", duration="long")
    show_refusals()


def disclaimer() -> None:
    """Draw the one disclaimer, small."""
    st.caption(formats.plain(DISCLAIMER))


def heading(text: str, under: str = "") -> None:
    """Draw a page's title with one quiet sentence under it, and whether this is the sample practice."""
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.title(text, anchor=False, width="content")
        if state.state().is_sample:
            st.badge(
                "Sample practice — fictional patients", icon=":material/science:", color="gray"
            )
    if under:
        st.caption(under)


_TRACKS: Final = 8
_MAIN_TRACKS: Final = 5
_TRACK_WIDTH: Final = 82
_TRACK_GAP: Final = 16
"""Pixels. All tracks need 768; where there is less, the part beside goes under the main one."""


def beside() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Return the main part of a page and the one at its side; on an upright tablet it stands below."""
    grid = st.grid(_TRACKS, min_column_width=_TRACK_WIDTH, gap=("medium", _TRACK_GAP))
    return (
        grid.cell(column_span=_MAIN_TRACKS),
        grid.cell(column_span=_TRACKS - _MAIN_TRACKS),
    )


def empty(text: str, *, icon: str = "inbox") -> None:
    """Say that there is nothing here, and what would fill it."""
    with st.container(border=True):
        st.markdown(f":material/{icon}:  {text}")


def entry_marks(entry: TimeEntry) -> str:
    """Say how an entry came to be: timed or typed, late, estimated, corrected.

    Example:
        >>> from datetime import datetime, UTC
        >>> from trellis_core.care.vocabulary import Activity, Program
        >>> entry_marks(TimeEntry(id="e", program=Program.CCM, staff_id="s", seconds=60,
        ...     started_at=datetime(2026, 11, 3, tzinfo=UTC), activity=Activity.RECORD_REVIEW))
        'Typed'
    """
    marks = [formats.mode(entry.mode)]
    if is_late(entry):
        marks.append("late")
    if entry.is_estimated:
        marks.append("estimated")
    if entry.is_reversed:
        marks.append("replaced")
    elif entry.replaces:
        marks.append("correction")
    return ", ".join(marks)


def is_late(entry: TimeEntry) -> bool:
    """Say whether an entry was recorded long after the work."""
    if entry.recorded_at is None:
        return False
    ended = entry.started_at.timestamp() + entry.seconds
    mark = late_after(store.rule_book(), entry.started_at.date())
    return entry.recorded_at.timestamp() - ended > mark.total_seconds()


def held_back(determination: Determination) -> dict[Program, str]:
    """Return the programs whose minutes bill nothing for want of paperwork, and the first reason."""
    billed = {line.program for line in determination.lines}
    held: dict[Program, str] = {}
    for block in determination.blocked:
        if block.program not in billed and block.reason is not Reason.TIME_NOT_MET:
            held.setdefault(block.program, title(block.reason))
    return held


def counted_words(
    entry: TimeEntry,
    counted: Mapping[str, int],
    lost: Mapping[str, Sequence[NotCounted]],
    held: Mapping[Program, str],
) -> str:
    """Say how much of an entry counts, what holds it back and, where it does not count, why."""
    seconds = counted.get(entry.id, 0)
    reasons = ", ".join(dict.fromkeys(title(item.reason) for item in lost.get(entry.id, ())))
    if entry.is_reversed:
        return "Replaced by a correction"
    if seconds and not reasons:
        why = held.get(entry.program)
        return f"Held back: {why}" if why else COUNTS
    if seconds:
        return f"{formats.length(seconds)} count; {reasons}"
    return f"Does not count: {reasons}" if reasons else "Does not count"


def entries_table(
    entries: Sequence[TimeEntry],
    *,
    people: Mapping[str, StaffMember],
    zone: ZoneInfo,
    determinations: Iterable[Determination] = (),
    patient_names: Mapping[str, str] | None = None,
    key: str | None = None,
) -> None:
    """Draw time entries as one table, newest first; who logs time opens one by choosing it.

    Args:
        entries: Reversed ones included; they show as replaced.
        people: The practice's people by id.
        zone: The practice's time zone.
        determinations: The patient-months' answers, to say what counts and why not.
        patient_names: Names by patient id, where the table spans patients.
        key: Widget key; without one nothing can be chosen.
    """
    if not entries:
        empty("No time recorded this month yet. Start a timer or type an entry.", icon="schedule")
        return
    counted: dict[str, int] = {}
    lost: dict[str, list[NotCounted]] = {}
    held: dict[str, Mapping[Program, str]] = {}
    for determination in determinations:
        counted |= dict(determination.counted_seconds)
        held |= dict.fromkeys(dict(determination.counted_seconds), held_back(determination))
        for item in determination.not_counted:
            lost.setdefault(item.entry, []).append(item)
    rows = []
    shown = sorted(entries, key=lambda item: item.started_at, reverse=True)
    for entry in shown:
        who = people.get(entry.staff_id or "")
        row = {"Started": formats.moment(entry.started_at, zone)}
        if patient_names is not None:
            row["Patient"] = patient_names.get(entry.patient_id, formats.DASH)
        row |= {
            "Length": formats.length(entry.seconds),
            "Counts": counted_words(entry, counted, lost, held.get(entry.id, {})),
            "Activity": formats.activity(entry.activity),
            "By": who.signature if who else formats.DASH,
            "Recorded": entry_marks(entry),
            "Note": entry.note,
            "Receipt": entry.code,
        }
        rows.append(row)
    columns = (
        {"Counts": st.column_config.TextColumn(width=190)}
        if any(row["Counts"] != COUNTS for row in rows)
        else None
    )
    person = store.actor() if key else None
    if person is None or not may(person, Operation.LOG_OWN_TIME):
        table(pd.DataFrame(rows), key=key, alt=_ENTRIES, columns=columns)
        return
    event = st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        key=entries_key(key or "", shown),
        alt=_ENTRIES,
        column_config=columns,
        on_select="rerun",
        selection_mode="single-row",
    )
    st.caption("Choose an entry to correct it or take it back.")
    chosen = event["selection"]["rows"]
    if chosen and chosen[0] < len(shown):
        st.session_state[CHOSEN_ENTRY] = shown[chosen[0]]
        st.session_state[_TIMES_CHOSEN] = st.session_state.get(_TIMES_CHOSEN, 0) + 1
        st.rerun()


def entries_key(key: str, shown: Sequence[TimeEntry]) -> str:
    """Return the widget key of a table of entries: another for other rows, and after a choice."""
    rows = hash(tuple(entry.id for entry in shown)) & 0xFFFFFFFF
    return f"{key}_{rows:x}_{st.session_state.get(_TIMES_CHOSEN, 0)}"


_ENTRIES: Final = "Time entries of the month"


def table(
    frame: pd.DataFrame,
    *,
    alt: str,
    key: str | None = None,
    columns: Mapping[str, ColumnConfig] | None = None,
    row_height: int | None = None,
) -> None:
    """Draw a read-only table the way every page does."""
    st.dataframe(
        frame,
        hide_index=True,
        key=key,
        alt=alt,
        column_config=dict(columns) if columns else None,
        row_height=row_height,
    )


def turn_pages(key: str, *, at: int, pages: int) -> None:
    """Draw the choice of a page where there is more than one.

    Args:
        key: Of the widget; its value in the session's state is the page to read, from 1.
        at: The page that is shown: the last one where the chosen one is not there any more.
        pages: How many there are.
    """
    if pages <= 1:
        return
    if st.session_state.get(key, 1) != at:
        st.session_state[key] = at
    st.pagination(pages, key=key)


def few_of(options: Mapping[_Option, str], *, key: str) -> dict[_Option, str]:
    """Return the options that a choice offers: all, or where there are many, those that are searched.

    What is chosen already stays offered. The search is made here, so that a browser is never sent more.

    Args:
        options: The words of each, in the order in which they are offered.
        key: Of the choice; its value in the session's state is one option, or several.
    """
    if len(options) <= MOST_OFFERED:
        return dict(options)
    wanted = st.text_input(
        "Find",
        key=f"{key}_find",
        placeholder=f"Part of the name, among {len(options):,}",
        icon=":material/search:",
    )
    words = wanted.casefold().split()
    held = st.session_state.get(key)
    chosen = held if isinstance(held, list) else [held]
    found = [each for each in options if each in chosen]
    if words:
        hits = (
            each for each, name in options.items() if all(word in name.casefold() for word in words)
        )
        found.extend(each for each in islice(hits, MOST_FOUND) if each not in found)
        if not found:
            st.caption("Nobody found.")
    return {each: options[each] for each in found}


def download(
    label: str,
    make: Callable[[Actor], bytes],
    *,
    operation: Operation,
    form: FileForm,
    file_name: str,
    media_type: str,
    key: str,
    patient_id: str | None = None,
    month: ServiceMonth | None = None,
    icon: str = ":material/download:",
    without_practice: Callable[[], bytes] | None = None,
) -> None:
    """Draw a button whose file is made only when it is clicked: the only way out of a page.

    The sign-in that drew the button is asked again on the click, so that a button outlives neither
    the sign-in nor the right. The file is named in the access log before it leaves, and only the
    browser of that sign-in can fetch it.

    Args:
        label: The button's words.
        make: Asks a service for the file, for whoever is signed in on the click.
        operation: What the person must be allowed to do.
        form: What kind of file it is.
        file_name: Ids, numbers and months only; nothing about a person.
        media_type: Of the file.
        key: Widget key.
        patient_id: Whom the file is about; None where it is about several or nobody.
        month: The service month that it is about.
        icon: Before the words.
        without_practice: Makes the file while the store holds no practice: there is nobody to sign
            in, no journal, and no record that the file could hold. None where that cannot be.
    """
    st.download_button(
        label,
        data=delivery(
            make,
            operation=operation,
            form=form,
            patient_id=patient_id,
            month=month,
            token=store.session_token(),
            without_practice=without_practice,
        ),
        file_name=file_name,
        mime=media_type,
        key=key,
        icon=icon,
        on_click="ignore",
    )


def delivery(
    make: Callable[[Actor], bytes],
    *,
    operation: Operation,
    form: FileForm,
    patient_id: str | None = None,
    month: ServiceMonth | None = None,
    token: str | None,
    without_practice: Callable[[], bytes] | None = None,
) -> Callable[[], bytes]:
    """Return what a download's button does on a click; ``download`` says what each word means.

    The file is made for whoever holds the token, which drew the button.
    """

    def deliver() -> bytes:
        media.belongs_to(token)
        if without_practice is not None and store.is_empty():
            return without_practice()
        person = sign_ins.actor_of_token(token or "", store=store.store(), clock=store.clock())
        if person is None:
            raise NotSignedInError
        with store.working_for(person):
            return downloads.deliver(
                lambda: make(person),
                operation=operation,
                form=form,
                patient_id=patient_id,
                month=month,
                store=store.store(),
                actor=person,
                clock=store.clock(),
            )

    return deliver


def say(sentence: str) -> None:
    """Say something on the next rerun, for example that a form was saved."""
    state.flash(sentence)
