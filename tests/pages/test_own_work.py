"""People who sign in for their own clinical work alone: what their pages show, and what they do."""

import pytest

from pages.shared import routes
from trellis_core.access import AccessRole, may
from trellis_core.care.vocabulary import MdmLevel, Program, Track
from trellis_core.ledger.journal import EventKind
from trellis_core.services import caseload, sign_in
from trellis_core.services.journal import journal
from trellis_core.store.tables import StaffRow
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
CHART = "coordinate/patient_chart"
CONSULTANT, PRACTITIONER = "psy-1", "np-1"
IN_COCM, NOT_IN_COCM = "p-219", "p-201"


@pytest.fixture
def own_work(dashboard):
    """The dashboard, with the nurse practitioner signing in for own work as the consultant does."""
    with dashboard.store.writing(actor=dashboard.actor(AccessRole.OWNER)) as unit:
        row = unit.session.get(StaffRow, ("trellis-sample", PRACTITIONER))
        row.access = AccessRole.OWN_WORK.value
        unit.session.add(row)
    return dashboard


def actor_of(dashboard, staff_id):
    return next(
        actor
        for _, actor in sign_in.demo_actors(store=dashboard.store)
        if actor.person_id == staff_id
    )


def enter(dashboard, staff_id, page=None, **query):
    token, _ = sign_in.demo_sign_in(staff_id, store=dashboard.store, clock=dashboard.clock)
    dashboard.set_token(token)
    return dashboard.open(None, page, **query)


def said(at) -> str:
    kinds = (at.markdown, at.caption, at.text, at.warning, at.error, at.title, at.header)
    return "\n".join(item.value for kind in kinds for item in kind).replace("\\", "")


def denied(dashboard):
    return journal(
        kinds=(EventKind.DENIED,),
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.OWNER),
        clock=dashboard.clock,
    ).events


@pytest.mark.parametrize("staff_id", [CONSULTANT, PRACTITIONER])
def test_everybody_opens_exactly_the_pages_of_their_rights_and_none_refuses(own_work, staff_id):
    person = actor_of(own_work, staff_id)
    at = enter(own_work, staff_id)
    for page in routes.PAGES:
        if not may(person, page.operation):
            with pytest.raises(ValueError, match="Could not find"):
                at.switch_page(f"pages/{page.path}.py")
            continue
        at.switch_page(f"pages/{page.path}.py").run()
        assert not at.exception, (page.name, at.exception)
        assert not at.error, page.name
        assert at.title[0].value != "Not for your role"
    assert not denied(own_work)


@pytest.mark.parametrize(
    ("staff_id", "names", "home"),
    [
        (CONSULTANT, ["cocm"], "Collaborative care"),
        (PRACTITIONER, ["thresholds", "patients"], "Thresholds"),
    ],
)
def test_the_menu_holds_their_own_work_and_the_first_page_is_home(own_work, staff_id, names, home):
    found = routes.menu(actor_of(own_work, staff_id))
    assert [name for each in found.values() for name in each] == names
    assert enter(own_work, staff_id).title[0].value == home


def test_a_consultant_sees_the_registry_and_no_other_patient(own_work):
    at = enter(own_work, CONSULTANT)
    assert any("Psychiatric consultant" in each.value for each in at.caption)
    (frame,) = at.dataframe
    assert list(frame.value["Patient"])
    assert {"Weeks", "PHQ-9", "GAD-7", "Contact", "Review", "Next", "Flags"} <= set(
        frame.value.columns
    )
    pressing = [each not in {"—", "at target"} for each in frame.value["Flags"]]
    assert pressing == sorted(pressing, reverse=True), "who needs talking about comes first"
    for words in ("Superbill", "Time entry", "Billable"):
        assert words not in said(at)


def test_a_consultant_records_a_recommendation(own_work):
    at = enter(own_work, CONSULTANT)
    frame = at.dataframe[0].value
    person = actor_of(own_work, CONSULTANT)
    names = {
        each.name: each.id
        for each in caseload.patients(store=own_work.store, actor=person, clock=own_work.clock).rows
    }
    patient_id = names[frame["Patient"][0].partition(" · ")[0]]
    at.session_state[f"cocm_caseload_{len(frame)}"] = {
        "selection": {"rows": [0], "columns": [], "cells": []}
    }
    at.run()
    assert at.selectbox(key="cocm_review_consultant").value == CONSULTANT
    area = next(each for each in at.text_area if each.label == "Recommendation")
    area.set_value("Raise the dose; see in two weeks.")
    at.button(key="cocm_review_save").click().run()
    assert not at.exception, at.exception
    assert not at.error
    chart = caseload.chart(
        patient_id, month=NOVEMBER, store=own_work.store, actor=person, clock=own_work.clock
    )
    assert "Raise the dose; see in two weeks." in [
        review.recommendation for review in chart.caseload_reviews
    ]


def test_a_consultant_reads_a_chart_of_the_registry_and_writes_nothing_into_it(own_work):
    for section in ("month-state", "scales", "enrollment", "visits", "details", "discharges"):
        at = enter(own_work, CONSULTANT, CHART, patient=IN_COCM, section=section)
        at.run()
        assert not at.exception, (section, at.exception)
        assert not at.error, section
        assert not [each for each in at.button if "save" in (each.key or "")], section


def test_another_chart_is_closed_to_a_consultant_but_for_an_emergency(own_work):
    at = enter(own_work, CONSULTANT, CHART, patient=NOT_IN_COCM)
    at.run()
    assert at.title[0].value == "This chart is not open to you"
    assert "Larkspur" not in said(at)
    at.text_area(key=f"emergency_reason_{NOT_IN_COCM}").set_value("Called by the crisis team")
    at.button(key="emergency_open").click().run()
    assert not at.exception, at.exception
    assert "Larkspur" in at.title[0].value
    assert "Open in an emergency" in said(at)


def test_a_practitioner_documents_decision_making_and_elects_the_track(own_work):
    person = actor_of(own_work, PRACTITIONER)
    found = {"store": own_work.store, "actor": person, "clock": own_work.clock}
    at = enter(own_work, PRACTITIONER, CHART, patient=NOT_IN_COCM, section="visits")
    at.run()
    assert not [each for each in at.button if each.label == "Record visit"]
    at.segmented_control(key=f"chart_mdm_level__{NOT_IN_COCM}").set_value(MdmLevel.HIGH)
    at.button(key=f"chart_mdm_save__{NOT_IN_COCM}").click().run()
    assert not at.exception, at.exception
    assert not at.error, at.error[0].value
    at.query_params["section"] = "enrollment"
    at.run()
    assert not [each for each in at.button if each.label == "Enroll"]
    at.segmented_control(key=f"chart_track_track__{NOT_IN_COCM}").set_value(Track.PRACTITIONER)
    at.button(key=f"chart_track_save__{NOT_IN_COCM}").click().run()
    assert not at.error, at.error[0].value
    chart = caseload.chart(NOT_IN_COCM, month=NOVEMBER, **found)
    assert [each.level for each in chart.decision_making][-1] is MdmLevel.HIGH
    assert [each.track for each in chart.enrollments if each.program is Program.CCM] == [
        Track.PRACTITIONER
    ]


def test_a_practitioner_logs_own_time_on_the_board(own_work):
    at = enter(own_work, PRACTITIONER, "coordinate/thresholds", patient=NOT_IN_COCM)
    at.run()
    assert not at.exception, at.exception
    assert [each for each in at.button if each.label == "Save entry"]
