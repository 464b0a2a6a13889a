"""The strip that says how a month stands, with closing and reopening for owner and biller."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import streamlit as st

from pages.shared import close_progress, formats, state, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.services.job_wanted import closed_as
from trellis_core.services.month_close import (
    CloseMonth,
    HeldBack,
    ReopenMonth,
    close_month,
    reopen_month,
)
from trellis_core.services.month_plan import MonthCounts
from trellis_core.services.months import (
    MonthReview,
    MonthState,
    Standing,
    closed_from,
    month_state,
    number_ranges,
)
from trellis_core.values.periods import ServiceMonth

_HOLD: Final = "Hold them back until somebody has"
_ISSUE: Final = "Issue them as they are"
_LISTED: Final = 12
_NAMED: Final = 2
_ICONS: Final = {
    Standing.OPEN: ":material/lock_open:",
    Standing.CLOSED: ":material/lock:",
    Standing.REOPENED: ":material/lock_reset:",
}


def draw(review: MonthReview, person: Actor, *, names: Mapping[str, str]) -> None:
    """Draw the strip.

    Args:
        review: The month with its superbills.
        person: Who is signed in.
        names: Patients' names by id, for what is held back.
    """
    month = review.state
    if close_progress.draw(month.month, person):
        return
    zone = store.zone(person)
    with st.container(
        border=True,
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        key="month_strip",
    ):
        with st.container(width="stretch", gap=None):
            st.markdown(f"{_ICONS[month.standing]} **{_standing_words(month, zone)}**")
            st.caption(formats.plain(_counts_words(month)))
        if month.is_closed:
            if may(person, Operation.REOPEN_MONTH) and st.button("Reopen…", key="month_reopen"):
                _reopen_dialog(month, person)
        elif may(person, Operation.CLOSE_MONTH) and st.button(
            f"Close {month.month.in_words}", key="month_close"
        ):
            _close_dialog(month, person, names)


def closed_words(month: ServiceMonth, person: Actor) -> str | None:
    """Say since when a month is closed; None where it is not."""
    found = month_state(month, store=store.store(), actor=person, clock=store.clock())
    if not found.is_closed or found.since is None:
        return None
    return f"{month.in_words} is closed since {_moment(found.since, store.zone(person))}"


def closed_notice(since: date, person: Actor) -> None:
    """Say where a record that holds from a day on would be too late for months that are closed.

    It is taken all the same, unlike time: what is true is recorded, and what was issued stays.
    """
    closed = closed_from(since, store=store.store(), actor=person, clock=store.clock())
    if not closed:
        return
    is_one = len(closed) == 1
    what, it = " and ".join(month.in_words for month in closed), "it" if is_one else "them"
    if len(closed) > _NAMED:
        what = f"{len(closed):,} months from {closed[0].in_words} to {closed[-1].in_words}"
    st.info(
        f"{what} {'is' if is_one else 'are'} closed: what was issued for {it} does not change. For "
        f"this to count there, ask your biller to reopen {it} and to close {it} again.",
        icon=":material/lock:",
    )


def closed_month_notice(month: ServiceMonth, person: Actor) -> None:
    """Say where what is recorded about one month comes after its close: what was issued stays."""
    said = closed_words(month, person)
    if said is not None:
        st.info(
            f"{said}: what was issued for it does not change. For this to count there, ask your "
            "biller to reopen it and to close it again.",
            icon=":material/lock:",
        )


def _moment(at: datetime, zone: ZoneInfo) -> str:
    return f"{formats.day(at.astimezone(zone).date())}, {at.astimezone(zone):%H:%M}"


def _standing_words(month: MonthState, zone: ZoneInfo) -> str:
    name = month.month.in_words
    if month.since is None:
        return f"{name} is open"
    who = formats.plain(f"by {month.by_name} on {_moment(month.since, zone)}")
    if month.is_closed:
        early = ", before it was over" if month.is_early else ""
        return f"{name} is closed, {who}{early}"
    return f"{name} is reopened for adjustment {month.adjustment}, {who}"


def _counts_words(month: MonthState) -> str:
    words = []
    if month.issued:
        many = formats.count(len(month.issued), "superbill")
        words.append(f"{many}, No. {number_ranges(month.issued)}")
    elif month.is_closed:
        words.append("no superbill issued")
    counts = month.counts
    if counts is not None:
        if month.is_closed:
            words += [f"{len(counts.held_back):,} held back"] if counts.held_back else []
        else:
            words.append(preview_words(counts))
    words.append(formats.count(month.entries, "entry", "entries"))
    if month.is_closed and month.code:
        words.append(f"event {month.event:,}, code {month.code}")
    said = " · ".join(words)
    said = f"{said[:1].upper()}{said[1:]}"
    return f"{said}. Reason: {month.reason}" if month.reason else said


def preview_words(counts: MonthCounts) -> str:
    """Say by counts what a close would do: issue, replace, withdraw, hold back, and what nobody decided.

    Example:
        >>> preview_words(MonthCounts(in_play=9, billable=4, ready=3, replacing=1, withdrawn=0,
        ...     unchanged=0, decisions=1, approved=2, undecided=0, held_back=()))
        'a close would issue 2 and replace 1 · 1 choice open'
    """
    first = counts.ready - counts.replacing
    does = [f"issue {first:,}"]
    if counts.replacing > counts.withdrawn:
        does.append(f"replace {counts.replacing - counts.withdrawn:,}")
    if counts.withdrawn:
        does.append(f"withdraw {counts.withdrawn:,}")
    if counts.held_back:
        does.append(f"hold back {len(counts.held_back):,}")
    listed = " and ".join(filter(None, [", ".join(does[:-1]), does[-1]]))
    words = [f"a close would {listed}"]
    if counts.undecided:
        words.append(f"{counts.undecided:,} on weak time undecided")
    if counts.decisions:
        words.append(f"{formats.count(counts.decisions, 'choice')} open")
    return " · ".join(words)


# --- closing ------------------------------------------------------------------------------------


@st.dialog("Close the month", icon=":material/lock:", width="medium")
def _close_dialog(month: MonthState, person: Actor, names: Mapping[str, str]) -> None:
    if store.actor() is None or _has_moved(month, person):
        st.rerun()
    widgets.show_refusals()
    name, counts = month.month.in_words, month.counts
    if counts is not None:
        st.markdown("\n".join(f"- {formats.plain(each)}" for each in _what_happens(month)))
        held_back_list(counts.held_back, names)
    if month.running:
        people = store.people(person)
        who = ", ".join(people[each].name if each in people else each for each in month.running)
        st.warning(
            formats.plain(f"A timer that started in {name} still runs: {who}. Stop it first."),
            icon=":material/timer:",
        )
    if counts is not None and counts.undecided:
        many = formats.count(counts.undecided, "superbill")
        st.warning(
            f"{many} with a unit that only late, estimated or typed time earns, which nobody has accepted.",
            icon=":material/help:",
        )
        st.radio("What becomes of them?", [_HOLD, _ISSUE], key="month_close_undecided")
    is_early = False
    if not month.is_over:
        is_early = st.checkbox(
            f"{name} is not over. Close it early, because the practice stops.",
            key="month_close_early",
        )
    st.button(
        f"Close {name}",
        type="primary",
        key="month_close_confirm",
        disabled=bool(month.running) or not (month.is_over or is_early),
        on_click=_close,
        kwargs={"month": month, "person": person, "is_early": is_early},
    )


def _close(*, month: MonthState, person: Actor, is_early: bool) -> None:
    form = f"month_close_{month.month}_{month.marks}"
    with widgets.command_in_callback():
        command = CloseMonth(
            month=month.month,
            form_id=state.form_id(form),
            early=is_early,
            holds_undecided=st.session_state.get("month_close_undecided") == _HOLD,
        )
        if close_progress.is_large(month.counts):
            close_progress.begin(command, person)
            return
        closed = close_month(
            command,
            store=store.store(),
            actor=person,
            clock=store.clock(),
            rule_book=store.rule_book(),
        )
        state.renew_form_id(form)
        for sentence in close_progress.closed_words(closed_as(closed)):
            state.flash(sentence)


def _has_moved(month: MonthState, person: Actor) -> bool:
    """Say whether the month was closed or reopened since the dialog was opened."""
    now = month_state(month.month, store=store.store(), actor=person, clock=store.clock())
    return now.marks != month.marks


def _what_happens(month: MonthState) -> list[str]:
    counts = month.counts
    if counts is None:
        return []
    first = counts.ready - counts.replacing
    said = [f"{formats.count(first, 'superbill')} will get the next numbers and be issued."]
    if counts.replacing:
        said.append(
            f"{formats.count(counts.replacing, 'superbill')} will replace what was issued before; "
            f"{counts.withdrawn:,} of them withdraw it."
        )
    if counts.unchanged:
        said.append(f"{formats.count(counts.unchanged, 'superbill')} will stand as issued.")
    if counts.held_back:
        said.append(
            f"{formats.count(len(counts.held_back), 'superbill')} will be held back until what is "
            "missing is recorded and the month is closed again."
        )
    said.append(
        f"Time for {month.month.in_words} will be refused from then on. A late entry needs an "
        "adjustment: reopen the month, record it, close it again. What was issued stays readable."
    )
    return said


def held_back_list(held_back: tuple[HeldBack, ...], names: Mapping[str, str]) -> None:
    """List what gets no number, and what each lacks."""
    lines = []
    for each in held_back[:_LISTED]:
        who = names.get(each.patient_id, each.patient_id)
        stands = f" (No. {each.replaces} stands)" if each.replaces else ""
        lacks = " ".join(one.message for one in each.missing)
        lines.append(f"- {formats.plain(f'{who}{stands}: {lacks}')}")
    if len(held_back) > _LISTED:
        lines.append(f"- and {len(held_back) - _LISTED:,} more")
    if lines:
        st.markdown("**Held back**\n" + "\n".join(lines))


# --- reopening ----------------------------------------------------------------------------------


@st.dialog("Reopen the month", icon=":material/lock_reset:")
def _reopen_dialog(month: MonthState, person: Actor) -> None:
    if store.actor() is None or _has_moved(month, person):
        st.rerun()
    widgets.show_refusals()
    st.markdown(
        f"{month.month.in_words} takes time again until it is closed once more. The close and every issued "
        "superbill stay; the next close issues a new version of what changed, and only of that."
    )
    st.text_input(
        "Reason", key="month_reopen_reason", placeholder="Why, for the record", max_chars=500
    )
    st.button(
        "Reopen",
        type="primary",
        key="month_reopen_confirm",
        on_click=_reopen,
        kwargs={"month": month, "person": person},
    )


def _reopen(*, month: MonthState, person: Actor) -> None:
    form = f"month_reopen_{month.month}_{month.marks}"
    with widgets.command_in_callback():
        found = reopen_month(
            ReopenMonth(
                month=month.month,
                form_id=state.form_id(form),
                reason=st.session_state.get("month_reopen_reason") or "",
            ),
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )
        state.renew_form_id(form)
        state.flash(f"{month.month.in_words} is reopened for adjustment {found.adjustment}.")
