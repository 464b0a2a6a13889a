"""What every section of the chart needs: the patient, the month, the person, and saving."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypedDict
from zoneinfo import ZoneInfo

import streamlit as st

from pages.shared import chart_map, formats, state, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.care.people import Patient, Practice, StaffMember
from trellis_core.care.vocabulary import Program, StaffRole
from trellis_core.services import caseload
from trellis_core.services.caseload import Chart
from trellis_core.store.engine import Store
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN, Maybe

SECTION_WIDGET: Final = "chart_section"
"""Widget key of the chart's section; the address is what decides it."""
_PATIENT_KEY: Final = "chart_patient"
_PROGRAM_KEY: Final = "chart_program"


class Services(TypedDict):
    """The arguments that every writing service takes."""

    store: Store
    actor: Actor
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartView:
    """One rerun's view of a chart."""

    chart: Chart
    month: ServiceMonth
    today: date
    person: Actor
    practice: Practice
    people: dict[str, StaffMember]
    zone: ZoneInfo
    may_edit: bool

    @property
    def patient(self) -> Patient:
        """The patient."""
        return self.chart.patient

    @property
    def services(self) -> Services:
        """What a form passes on to its service."""
        return {"store": store.store(), "actor": self.person, "clock": store.clock()}

    @property
    def practitioners(self) -> list[str]:
        """Ids of the people who may bill."""
        return self._with(StaffRole.BILLING_PRACTITIONER)

    @property
    def consultants(self) -> list[str]:
        """Ids of the psychiatric consultants."""
        return self._with(StaffRole.PSYCHIATRIC_CONSULTANT)

    def _with(self, role: StaffRole) -> list[str]:
        return [
            member.id for member in self.people.values() if member.role is role and member.is_active
        ]

    def key(self, name: str) -> str:
        """Return a form's or widget's key for this patient and the program in view.

        What was typed for one patient must never stand in another patient's form.
        """
        return f"{name}__{self.patient.id}{st.session_state.get(_PROGRAM_KEY) or ''}"

    def signature(self, staff_id: Maybe[str | None]) -> str:
        """Write a person's name and credential; says so where nobody recorded who."""
        if staff_id is UNKNOWN:
            return formats.NOT_RECORDED
        if staff_id is None:
            return formats.DASH
        member = self.people.get(staff_id)
        return member.signature if member else "someone outside the practice"


def read_view(patient_id: str, person: Actor) -> ChartView:
    """Return a patient's chart as this rerun sees it."""
    month = store.month(person)
    if st.session_state.get(_PATIENT_KEY) != patient_id:
        st.session_state[_PATIENT_KEY] = patient_id
        want_program(None)
    return ChartView(
        chart=caseload.chart(
            patient_id, month=month, store=store.store(), actor=person, clock=store.clock()
        ),
        month=month,
        today=store.today(person),
        person=person,
        practice=store.practice(person),
        people=store.people(person),
        zone=store.zone(person),
        may_edit=may(person, Operation.EDIT_CHART),
    )


def chosen_section(sections: Sequence[chart_map.Section]) -> chart_map.Section:
    """Return which of a chart's sections the address names, and set the page's control to it."""
    named = st.query_params.get(state.SECTION_KEY, "")
    known = {str(section): section for section in sections}
    section = known.get(named, chart_map.Section.MONTH)
    st.session_state[SECTION_WIDGET] = section
    return section


def keep_section() -> None:
    """Put the section that the control was set to into the address."""
    st.query_params[state.SECTION_KEY] = str(st.session_state[SECTION_WIDGET])


def go_to(section: chart_map.Section, program: Program | None = None) -> None:
    """Show a section of the chart on the next rerun, its form set to a program."""
    st.query_params[state.SECTION_KEY] = str(section)
    want_program(program)


def want_program(program: Program | None) -> None:
    """Let the forms begin with a program."""
    st.session_state[_PROGRAM_KEY] = program


def wanted_program(options: list[Program], *, otherwise: int = 0) -> int:
    """Return the place of the program that a button asked for, or of the first.

    Args:
        options: The programs to choose from.
        otherwise: The place where no button asked for one of them.
    """
    wanted = st.session_state.get(_PROGRAM_KEY)
    return options.index(wanted) if wanted in options else otherwise


def save(command: Callable[[], object], done: str, *, form: str | None = None) -> None:
    """Run one service call; say what was saved, or show why it was refused.

    Args:
        command: The call.
        done: What to say, without names.
        form: The form that begins anew then, where its keys come from ``state.form_key``.
    """
    with widgets.command():
        command()
        if form is not None:
            state.renew_form_id(form)
        state.flash(done)
        st.rerun()


def answer_of(words: str | None) -> Maybe[bool]:
    """Return a yes-or-no fact from a control; nothing chosen is unknown."""
    return UNKNOWN if words is None else words == "Yes"


def yes_no_input(label: str, value: Maybe[bool], *, key: str, help_text: str = "") -> Maybe[bool]:
    """Draw a control for a yes-or-no fact; leaving it open means not recorded."""
    chosen = st.segmented_control(
        label,
        ["Yes", "No"],
        default=None if value is UNKNOWN else "Yes" if value else "No",
        key=key,
        help=help_text or None,
    )
    return answer_of(chosen)
