"""What the forms of one discharge share: whose it is, who may have acted, and how a form is saved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

import streamlit as st

from pages.shared import active_time, formats, state, store, widgets
from trellis_core.access import Actor
from trellis_core.care.people import StaffMember
from trellis_core.care.records import Discharge, DischargeContact
from trellis_core.care.vocabulary import (
    OTHER,
    Activity,
    ContactOutcome,
    Program,
    StaffRole,
)
from trellis_core.services.suggestions import Origin
from trellis_core.values.unknown import UNKNOWN, Maybe

_ELSEWHERE: Final = "Another practice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the forms of one discharge are drawn from.

    Attributes:
        died_on: The patient's death, where one is on record.
        prefix: First word of every widget's key: the page's.
    """

    discharge: Discharge
    patient_id: str
    died_on: date | None
    person: Actor
    people: Mapping[str, StaffMember]
    zone: ZoneInfo
    today: date
    prefix: str

    @property
    def services(self) -> dict[str, Any]:
        """What a form passes on to its service."""
        return {"store": store.store(), "actor": self.person, "clock": store.clock()}

    @property
    def practitioners(self) -> list[str]:
        """Ids of the people who may bill, whoever is signed in first where that is one."""
        found = [
            member.id
            for member in self.people.values()
            if member.role is StaffRole.BILLING_PRACTITIONER and member.is_active
        ]
        return sorted(found, key=lambda each: each != self.person.person_id)

    @property
    def callers(self) -> list[str]:
        """Ids of the people who may have called, whoever is signed in first."""
        found = [
            member.id
            for member in self.people.values()
            if member.is_active and member.role is not StaffRole.NON_CLINICAL
        ]
        return sorted(found, key=lambda each: each != self.person.person_id)

    def name(self, staff_id: Maybe[str | None]) -> str:
        """Write a person's name and credential."""
        if staff_id is UNKNOWN:
            return formats.NOT_RECORDED
        if staff_id is None:
            return "Nobody"
        if staff_id == OTHER:
            return _ELSEWHERE
        member = self.people.get(staff_id)
        return member.signature if member else _ELSEWHERE

    def key(self, form: str) -> str:
        """Return the first part of a form's keys; another after each save, so that it begins anew."""
        return state.form_key(self._form(form))

    def _form(self, form: str) -> str:
        return f"{self.prefix}_{form}_{self.discharge.id}"

    def save(
        self,
        form: str,
        command: Callable[[], object],
        done: str,
        activity: Activity = Activity.REFERRAL_OR_TRANSITION,
    ) -> None:
        """Run one service call; offer the time it took, say what was saved, or why it was refused.

        Args:
            form: The form's word in the keys.
            command: The call.
            done: What to say, without names.
            activity: What kind of work it was.
        """
        with widgets.command():
            command()
            state.renew_form_id(self._form(form))
            active_time.note_work(
                Origin.DISCHARGE_STEP,
                patient_id=self.patient_id,
                program=Program.TCM,
                activity=activity,
                person=self.person,
            )
            state.flash(done)
            st.rerun()


def contact_words(desk: Desk, contact: DischargeContact) -> str:
    """Write an attempt or contact in one line."""
    if contact.outcome is UNKNOWN:
        outcome = formats.NOT_RECORDED
    else:
        outcome = "reached" if contact.outcome is ContactOutcome.REACHED else "tried"
    return f"{formats.moment(contact.at, desk.zone)}: {outcome}, {desk.name(contact.by)}"
