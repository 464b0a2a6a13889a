"""Charts that are not open to everybody: the closed door, opening it in an emergency, the review."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final, TypeVar

import streamlit as st

from pages.shared import formats, routes, state, store, widgets
from trellis_core.access import AccessRole, Actor, Operation, may
from trellis_core.errors import ChartRestrictedError
from trellis_core.services import caseload, restricted
from trellis_core.services.restricted import ChartAccess, EmergencyAccess

REFRESH_SECONDS: Final = 15
_MINUTE: Final = timedelta(minutes=1)
_REASON: Final = "emergency_reason"
_READERS: Final = "chart_readers"
_Answer = TypeVar("_Answer")


def closed(patient_ids: Collection[str], person: Actor) -> frozenset[str]:
    """Return those patients of a list whose charts are not open to a person."""
    return restricted.closed_charts(
        patient_ids, store=store.store(), actor=person, clock=store.clock()
    )


def is_closed(patient_id: str, person: Actor) -> bool:
    """Say whether a chart is not open to a person."""
    return bool(closed([patient_id], person))


def notice(patient_id: str) -> None:
    """Say in place of what stands in a chart that it is not open, with the way to the chart."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(":material/lock: This chart is restricted and not open to you.")
        routes.link("chart", "Open in an emergency", patient_id=patient_id)


# --- on the chart --------------------------------------------------------------------------------


def opened(patient_id: str, person: Actor, read: Callable[[str, Actor], _Answer]) -> _Answer | None:
    """Return what a chart's reading gives; draw the closed door and return None where it is refused.

    Args:
        patient_id: Whose chart.
        person: Who is signed in.
        read: Reads the chart; a refusal is in the access log.
    """
    try:
        return read(patient_id, person)
    except ChartRestrictedError:
        _closed_door(patient_id, person)
        return None


def _access(patient_id: str, person: Actor) -> ChartAccess:
    return restricted.chart_access(
        patient_id, store=store.store(), actor=person, clock=store.clock()
    )


def _closed_door(patient_id: str, person: Actor) -> None:
    if _access(patient_id, person).is_restricted:
        widgets.heading("This chart is restricted", "The practice's owner named who may open it.")
    else:
        widgets.heading(
            "This chart is not open to you",
            "You read the charts of patients who are in collaborative care.",
        )
    st.markdown("If you have to see it now, for the patient's sake, say why. It is then open to you "
                "for one hour. The practice's owners are told, and it is in the access log.")  # fmt: skip
    with st.form(f"emergency_{patient_id}", border=True):
        st.text_area(
            "Reason",
            key=f"{_REASON}_{patient_id}",
            max_chars=restricted.LONGEST_REASON,
            placeholder="What happened, and why you need this chart",
            help=f"At least {restricted.SHORTEST_REASON} characters.",
        )
        st.form_submit_button(
            "Open in an emergency",
            type="primary",
            icon=":material/emergency:",
            key="emergency_open",
            on_click=_open,
            args=(patient_id, person),
        )
    st.caption("If it can wait, ask the practice's owner to name you as a reader.")


def _open(patient_id: str, person: Actor) -> None:
    with widgets.command_in_callback():
        access = restricted.open_in_emergency(
            patient_id,
            st.session_state.get(f"{_REASON}_{patient_id}") or "",
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )
        until = _hour(access.ends_at, person)
        state.flash(f"The chart is open to you until {until}. The owners are told.")


def bar(patient_id: str, person: Actor) -> None:
    """Draw over an open chart who may open it, the time left of an emergency, the owner's menu."""
    access = _access(patient_id, person)
    if access.emergency is not None:
        _running(access.emergency, person)
    elif may(person, Operation.RESTRICT_CHART):
        _menu(access, person)
    elif access.is_restricted:
        st.caption(":material/lock: Restricted chart: open to the owners and to its named readers.")


@st.fragment(run_every=REFRESH_SECONDS)
@store.at_one_moment
def _running(access: EmergencyAccess, person: Actor) -> None:
    store.keep_signed_in_only()
    if is_closed(access.patient_id, person):
        st.rerun()
    left = -(-(access.ends_at - store.clock().now()) // _MINUTE)
    with st.container(
        border=True, horizontal=True, vertical_alignment="center",
        horizontal_alignment="distribute", key="emergency_bar",
    ):  # fmt: skip
        st.markdown(
            f":material/emergency: **Open in an emergency** until "
            f"{_hour(access.ends_at, person)}, {formats.count(max(left, 0), 'minute')} left. The owners are told."
        )
        if st.button("End now", key="emergency_end", on_click=_end, args=(access.id, person)):
            st.rerun()


def _end(access_id: str, person: Actor) -> None:
    with widgets.command_in_callback():
        restricted.end_emergency(access_id, store=store.store(), actor=person, clock=store.clock())
        state.flash("The emergency access is ended.")


# --- the owner's menu ----------------------------------------------------------------------------


def _menu(access: ChartAccess, person: Actor) -> None:
    people = {
        each.id: each.signature
        for each in store.people(person).values()
        if each.is_active and each.access not in {None, AccessRole.OWNER}
    }
    people |= {each: each for each in access.readers if each not in people}
    named = ", ".join(people[each] for each in access.readers)
    with st.container(horizontal=True, vertical_alignment="center"):
        if access.is_restricted:
            st.badge(
                formats.plain(f"Restricted: owners{f', {named}' if named else ' only'}"),
                icon=":material/lock:",
                color="gray",
            )
        with st.popover(
            "Readers" if access.is_restricted else "Restrict chart", icon=":material/lock_person:"
        ):
            st.caption(
                "A restricted chart is open to owners and to the readers named here. Anybody else "
                "needs a reason, has one hour, and you are told. The month's board, superbills and "
                "exports go on as before."
            )
            st.multiselect(
                "Readers",
                list(people),
                default=list(access.readers),
                format_func=lambda each: people[each],
                key=f"{_READERS}_{access.patient_id}",
            )
            st.button(
                "Save readers" if access.is_restricted else "Restrict this chart",
                type="primary",
                key="chart_restrict",
                on_click=_restrict,
                args=(access.patient_id, person),
            )
            if access.is_restricted:
                st.button(
                    "Lift the restriction",
                    key="chart_lift",
                    on_click=_lift,
                    args=(access.patient_id, person),
                )


def _restrict(patient_id: str, person: Actor) -> None:
    with widgets.command_in_callback():
        restricted.restrict_chart(
            patient_id,
            readers=st.session_state[f"{_READERS}_{patient_id}"],
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )
        state.flash("The chart is restricted.")


def _lift(patient_id: str, person: Actor) -> None:
    with widgets.command_in_callback():
        restricted.lift_restriction(
            patient_id, store=store.store(), actor=person, clock=store.clock()
        )
        state.flash("The restriction is lifted.")


# --- the owner's review --------------------------------------------------------------------------


def banner(person: Actor) -> None:
    """Tell an owner on every page that somebody opened a chart in an emergency."""
    if not may(person, Operation.REVIEW_EMERGENCY):
        return
    waiting = restricted.emergencies(store=store.store(), actor=person)
    if not waiting:
        return
    many = formats.count(len(waiting), "emergency access", "emergency accesses")
    with st.container(
        border=True, horizontal=True, vertical_alignment="center",
        horizontal_alignment="distribute", key="emergency_banner",
    ):  # fmt: skip
        st.markdown(f":material/emergency: **{many} to review.** Somebody opened a closed chart.")
        routes.link("emergency", "Review", icon=":material/fact_check:")


def draw(person: Actor) -> None:
    """Draw what was opened in an emergency: what waits for an owner first, then what was reviewed."""
    found = restricted.emergencies(with_reviewed=True, store=store.store(), actor=person)
    if not found:
        widgets.empty("No chart was opened in an emergency.", icon="task_alt")
        return
    names = caseload.patient_names(
        {each.patient_id for each in found}, store=store.store(), actor=person
    )
    people = {key: each.signature for key, each in store.people(person).items()}
    now = store.clock().now()
    waiting = [each for each in found if each.reviewed_at is None]
    if not waiting:
        widgets.empty("Nothing waits for a review.", icon="task_alt")
    for each in waiting:
        with st.container(border=True):
            st.markdown(_who(each, people=people, names=names))
            st.text(each.reason)
            st.caption(formats.plain(_when(each, person, now=now)))
            with st.container(horizontal=True, vertical_alignment="center"):
                if each.is_open(now):
                    st.button(
                        "End now", key=f"emergency_end_{each.id}", on_click=_end,
                        args=(each.id, person),
                    )  # fmt: skip
                else:
                    st.button(
                        "Mark as reviewed", type="primary", key=f"emergency_review_{each.id}",
                        on_click=_review, args=(each.id, person),
                    )  # fmt: skip
                routes.link("chart", "Open the chart", patient_id=each.patient_id)
    reviewed = [each for each in found if each.reviewed_at is not None]
    if reviewed:
        st.header("Reviewed", anchor=False)
    for each in reviewed:
        with st.container(border=True):
            st.markdown(_who(each, people=people, names=names))
            st.text(each.reason)
            by = people.get(each.reviewed_by or "", each.reviewed_by)
            st.caption(formats.plain(f"{_when(each, person, now=now)} Reviewed by {by}."))


def _who(each: EmergencyAccess, *, people: dict[str, str], names: dict[str, str]) -> str:
    who = people.get(each.staff_id, each.staff_id)
    return (
        f"**{formats.plain(who)}** opened the chart of **{formats.plain(names[each.patient_id])}**"
    )


def _when(each: EmergencyAccess, person: Actor, *, now: datetime) -> str:
    began, until = formats.moment(each.began_at, store.zone(person)), _hour(each.over_at, person)
    if each.is_open(now):
        return f"{began}, open until {until}."
    early = ", ended early" if each.ended_at is not None else ""
    return f"{began} to {until}{early}."


def _hour(at: datetime, person: Actor) -> str:
    """Write the hour alone; an emergency access lasts one."""
    return formats.moment(at, store.zone(person)).rpartition(", ")[2]


def _review(access_id: str, person: Actor) -> None:
    with widgets.command_in_callback():
        restricted.review_emergency(
            access_id, store=store.store(), actor=person, clock=store.clock()
        )
        state.flash("Marked as reviewed.")
