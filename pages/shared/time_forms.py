"""Fields that every way to record time has: what was done, with whom, for whom else, and if it counts."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import streamlit as st

from pages.shared import block_words, chart_map, emergency_view, formats, routes, store, widgets
from pages.shared.note_field import note_field
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Activity, ContactState, Program
from trellis_core.rules.marks import late_after
from trellis_core.rules.reasons import Reason
from trellis_core.services import board as boards
from trellis_core.services.time_log import Receipt
from trellis_core.services.timers import time_taken
from trellis_core.values.periods import ServiceMonth

CONTACTS: Final = frozenset({Activity.PATIENT_CONTACT, Activity.FAMILY_CAREGIVER_CONTACT})
"""Activities that are a conversation with the patient or whoever cares for them."""

_USUAL: Final = (
    Activity.PATIENT_CONTACT,
    Activity.CARE_COORDINATION,
    Activity.RECORD_REVIEW,
    Activity.PROVIDER_COMMUNICATION,
    Activity.PHARMACY_COMMUNICATION,
    Activity.MEDICATION_RECONCILIATION,
    Activity.CARE_PLAN_UPDATE,
    Activity.FAMILY_CAREGIVER_CONTACT,
)
_FIRST: Final[Mapping[Program, tuple[Activity, ...]]] = {
    Program.BHI: (
        Activity.PATIENT_CONTACT,
        Activity.SCALE_ADMINISTRATION,
        Activity.PLAN_CHECK_IN,
        Activity.CARE_COORDINATION,
        Activity.FAMILY_CAREGIVER_CONTACT,
        Activity.MEDICATION_ADJUSTMENT,
    ),
    Program.COCM: (
        Activity.PATIENT_CONTACT,
        Activity.CASELOAD_REVIEW,
        Activity.REGISTRY_UPDATE,
        Activity.SCALE_ADMINISTRATION,
        Activity.PLAN_CHECK_IN,
        Activity.MEDICATION_ADJUSTMENT,
    ),
    Program.TCM: (
        Activity.PATIENT_CONTACT,
        Activity.MEDICATION_RECONCILIATION,
        Activity.REFERRAL_OR_TRANSITION,
        Activity.RECORD_REVIEW,
        Activity.FAMILY_CAREGIVER_CONTACT,
        Activity.COMMUNITY_RESOURCE,
    ),
}
_ONLY_IN: Final[Mapping[Activity, frozenset[Program]]] = {
    Activity.CASELOAD_REVIEW: frozenset({Program.COCM}),
    Activity.REGISTRY_UPDATE: frozenset({Program.COCM}),
    Activity.SCALE_ADMINISTRATION: frozenset({Program.BHI, Program.COCM, Program.CCM}),
    Activity.PLAN_CHECK_IN: frozenset({Program.BHI, Program.COCM}),
}


def activities_of(program: Program) -> tuple[Activity, ...]:
    """Return what may be done in a program, what is done most first.

    Example:
        >>> activities_of(Program.COCM)[1], Activity.CASELOAD_REVIEW in activities_of(Program.CCM)
        (<Activity.CASELOAD_REVIEW: 'caseload_review'>, False)
    """
    first = _FIRST.get(program, _USUAL)
    rest = (
        each for each in (*_USUAL, *Activity) if program in _ONLY_IN.get(each, frozenset(Program))
    )
    return tuple(dict.fromkeys((*first, *rest)))


def activity_field(key: str, program: Program, *, also: Activity | None = None) -> Activity:
    """Draw the picker of activities of a program.

    Args:
        key: Prefix of the widget's key.
        program: The program.
        also: What an entry says already, which may be another program's.
    """
    offered = activities_of(program)
    if also is not None and also not in offered:
        offered = (*offered, also)
    chosen: Activity = st.selectbox(
        "Activity", offered, format_func=formats.activity, key=f"{key}_activity"
    )
    return chosen


def contact_field(key: str) -> None:
    """Draw whether patient or caregiver was spoken to."""
    st.segmented_control(
        "Contact with patient or caregiver",
        list(ContactState),
        format_func=formats.contact,
        key=f"{key}_contact",
    )


def words_field(key: str, *, form: str, patient_id: str, person: Actor, initial: str = "") -> None:
    """Draw the note, which is kept while it is not saved."""
    note_field(
        "Note",
        form=form,
        patient_id=patient_id,
        person=person,
        key=f"{key}_note",
        height=90,
        placeholder="What was done, for the record",
        initial=initial,
    )


def what_was_done(key: str, *, form: str, patient_id: str, program: Program, person: Actor) -> None:
    """Draw activity, contact and note of work that a timer measured."""
    activity_field(key, program)
    contact_field(key)
    words_field(key, form=form, patient_id=patient_id, person=person)


def sharing_fields(
    key: str, *, patient_id: str, program: Program, month: ServiceMonth, person: Actor
) -> None:
    """Draw who else the activity concerned: patients of the same program, found by name."""
    if not st.toggle("Shared with other patients", key=f"{key}_is_shared"):
        return
    names = {
        each: name
        for each, name in _enrolled(program, month=month, person=person).items()
        if each != patient_id
    }
    if not names:
        st.caption(f"Nobody else is in {program} this month.")
        return
    offered = widgets.few_of(names, key=f"{key}_shared")
    st.multiselect(
        "Further patients",
        list(offered),
        format_func=lambda each: offered[each],
        key=f"{key}_shared",
        placeholder="Type a name",
        select_all=False,
    )


def shared_with(key: str) -> tuple[str, ...]:
    """Return the further patients that are chosen."""
    if not st.session_state.get(f"{key}_is_shared"):
        return ()
    return tuple(st.session_state.get(f"{key}_shared") or ())


def each_words(seconds: int, others: Sequence[str]) -> str:
    """Say how much of a shared activity each patient gets.

    Example:
        >>> each_words(1800, ["b", "c"]), each_words(100, ["b", "c"])
        ('Divided among 3 patients: 10 min for each.', 'Divided among 3 patients: 33 s for each.')
    """
    sharing = len(others) + 1
    return f"Divided among {sharing} patients: {formats.length(seconds // sharing)} for each."


def _enrolled(program: Program, *, month: ServiceMonth, person: Actor) -> Mapping[str, str]:
    rows = boards.board(
        month=month,
        program=program,
        store=store.store(),
        actor=person,
        clock=store.clock(),
        rule_book=store.rule_book(),
    ).rows
    closed = emergency_view.closed([row.patient_id for row in rows], person)
    return {
        row.patient_id: row.patient_name
        for row in sorted(rows, key=lambda row: row.patient_name)
        if row.patient_id not in closed
    }


def late_caption(started_at: datetime, seconds: int) -> None:
    """Say, before it is saved, that an entry will show as late."""
    after = late_after(store.rule_book(), started_at.date())
    gone = store.clock().now().timestamp() - started_at.timestamp() - seconds
    if gone > after.total_seconds():
        hours = round(after.total_seconds() / 3600)
        st.caption(
            f":material/history: More than {hours} hours after the work: the entry will show as late."
        )


def overlap_warning(started_at: datetime, seconds: int, person: Actor) -> None:
    """Say, before it is saved, that the person has other time recorded at that hour."""
    taken = time_taken(started_at, seconds, store=store.store(), actor=person, clock=store.clock())
    if taken is None:
        return
    zone = store.zone(person)
    since, until = (clock_words(at, zone) for at in (taken.start, taken.end))
    st.warning(
        f"You have time from {since} to {until} already. One person's minutes count once: choose "
        "Other and give the right start.",
        icon=":material/report:",
    )


def clock_words(at: datetime, zone: ZoneInfo) -> str:
    """Write the hour of an instant.

    Example:
        >>> from datetime import UTC
        >>> clock_words(datetime(2026, 11, 3, 19, 5, tzinfo=UTC), ZoneInfo("America/New_York"))
        '2:05 PM'
    """
    local = at.astimezone(zone)
    return f"{local.hour % 12 or 12}:{local:%M %p}"


def preview(
    patient_id: str,
    program: Program,
    *,
    person: Actor,
    on: date | None = None,
    activity: Activity = Activity.CARE_COORDINATION,
    apart: str | None = None,
) -> None:
    """Say at once whether the person's minutes would count and, if not, why and where to fix it.

    Args:
        patient_id: For whom.
        program: For which program.
        person: Who works.
        on: On which day; None for now.
        activity: What is done.
        apart: Key of the box that attests work apart from a visit that day; drawn where it matters.
    """
    is_apart = True if apart and st.session_state.get(apart) else None
    with widgets.command():
        found = boards.preview_entry(
            patient_id,
            program,
            person.person_id,
            on=on,
            activity=activity,
            separate_from_visit=is_apart,
            store=store.store(),
            actor=person,
            clock=store.clock(),
            rule_book=store.rule_book(),
        )
        if apart and (is_apart or found.reason is Reason.SAME_DAY_VISIT):
            st.checkbox("This work was apart from the visit that day", key=apart)
        if found.counts:
            return
        why, message = "see the chart", found.message
        if found.reason:
            why = block_words.short(found.reason, found.declined).lower()
            message = block_words.sentence(found.reason, message, found.declined)
        st.warning(
            f"**These minutes will not count: {formats.plain(why)}.** {formats.plain(message)}",
            icon=":material/report:",
        )
        section = chart_map.section_for(found.reason) if found.reason else None
        if section is not None:
            routes.link(
                "chart",
                chart_map.ACTIONS.get(section, "Open the chart"),
                patient_id=patient_id,
                section=section,
                icon=":material/edit_note:",
            )


def receipt_sentence(receipt: Receipt) -> str:
    """Write what was saved, with the entry's number and code in the ledger."""
    sharing = receipt.entry.patients_sharing
    shared = f", shared by {formats.count(sharing, 'patient')}" if sharing > 1 else ""
    parts = f" in {len(receipt.also) + 1} entries" if receipt.also else ""
    return (
        f"Saved {formats.length(receipt.seconds)} of {receipt.entry.program}{shared}{parts}: "
        f"entry {receipt.number:,}, code {receipt.code}."
    )
