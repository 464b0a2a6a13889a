"""The program pages: the board of discharges, advanced primary care, and what all of them share."""

from datetime import date, time

import pytest

from pages.shared import tcm_board
from tests.support.two_practices import NOVEMBER
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import ContactOutcome, MdmLevel, Program, Track
from trellis_core.documents.disclaimer import DISCLAIMER
from trellis_core.rules.determination import StepState, TcmDeadlines
from trellis_core.services import apcm, caseload, conditions
from trellis_core.services.apcm import ApcmElement
from trellis_core.services.board_rows import BoardRow, BoardState
from trellis_core.services.practice_options import PracticeOption, set_options
from trellis_core.services.time_log import entries_of

OVERDUE = "p-223"  # discharged eight days ago, nobody reached


def said(at) -> str:
    kinds = (at.markdown, at.caption, at.title, at.header, at.text)
    return "\n".join(item.value for kind in kinds for item in kind).replace("\\", "")


def services(dashboard, role=AccessRole.COORDINATOR):
    return {
        "store": dashboard.store,
        "actor": dashboard.actor(role),
        "clock": dashboard.clock,
    }


def opened(dashboard, page, patient_id, role=AccessRole.COORDINATOR):
    return dashboard.open(role, f"programs/{page}", patient=patient_id)


def press(at, key):
    at.button(key=key).click().run()
    assert not at.exception
    assert not at.error, at.error[0].value
    return at


def offer(dashboard):
    set_options(PracticeOption(offers_apcm=True), **services(dashboard, AccessRole.OWNER))


def test_a_review_says_what_is_missing_and_goes_on_to_the_next_patient(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR, "programs/cocm")
    assert {"Minutes", "Next"} <= set(at.dataframe[1].value.columns)
    press(at, "session_start")
    assert "Nobody discussed yet." in said(at)
    at.button(key="session_save").click().run()
    assert [each.value for each in at.error] == [
        "Write the recommendation, or choose that there is none."
    ]
    for many in (1, 2):
        press(at, "session_bare")
        assert f"{many} patient" in said(at)
    assert "Everyone here is discussed." in said(at)


@pytest.mark.parametrize("page", ["ccm", "tcm"])
def test_the_months_lines_leave_out_what_they_all_share(dashboard, page):
    at = dashboard.open(AccessRole.COORDINATOR, f"programs/{page}")
    (lines,) = [each.value for each in at.dataframe if "Allowed" in each.value.columns]
    assert "Date of service" not in lines.columns
    assert "Date of service: Nov" in said(at)
    assert ("Minutes" in lines.columns) is (page == "ccm")


# --- the board of discharges ------------------------------------------------------------------


def row(name: str, left_on: date, *, done: str = "", visited_on: date | None = None) -> BoardRow:
    """Make a row of the board with deadlines as a discharge sets them."""
    day = left_on.toordinal()
    deadlines = TcmDeadlines(
        discharge=name,
        contact_by=date.fromordinal(day + 2),
        high_visit_by=date.fromordinal(day + 7),
        moderate_visit_by=date.fromordinal(day + 14),
        last_day=date.fromordinal(day + 29),
    )
    due = {
        "contact": deadlines.contact_by,
        "visit": deadlines.moderate_visit_by,
        "medication_reconciliation": visited_on or deadlines.moderate_visit_by,
        "decision_making": deadlines.last_day,
    }
    return BoardRow(
        patient_id=name, patient_name=name, mrn="", program=Program.TCM, track=None, minutes=0,
        seconds=0, reached=(), next_code=None, next_at_minutes=None, minutes_to_next=None, ticks=(),
        state=BoardState.REACH, blocked=(), warnings=(), expected=0, expected_if_cleared=None,
        steps=tuple(
            StepState(discharge=name, step=step, due=on, is_done=step in done.split())
            for step, on in due.items()
        ),
        last_touch=None, coordinator=None, phone="", best_time="", language="", caregiver="",
        discharge=name, discharged_on=left_on, visited_on=visited_on, deadlines=deadlines,
    )  # fmt: skip


def cells(made: BoardRow, today: date) -> dict[str, str]:
    return {name: words for name, (words, _) in tcm_board._cells(made, today).items()}


def test_overdue_discharges_come_first_and_finished_ones_last():
    finished = "contact visit medication_reconciliation decision_making"
    rows = [
        row("later", date(2026, 11, 21)),
        row("finished", date(2026, 11, 1), done=finished),
        row("overdue", date(2026, 11, 10)),
        row("today", date(2026, 11, 20)),
    ]
    assert [each.patient_id for each in tcm_board.in_order(rows)] == [
        "overdue", "today", "later", "finished",
    ]  # fmt: skip
    assert tcm_board.summary(rows, date(2026, 11, 22)) == (
        "1 overdue · 1 due today · 1 due later · 1 with every step done"
    )


@pytest.mark.parametrize(
    ("today", "contact", "early", "late", "day"),
    [
        (date(2026, 11, 9), "due Wed, Nov 11", "due Mon, Nov 16", "due Mon, Nov 23", "day 1, to Dec 8"),
        (date(2026, 11, 11), "due today", "due Mon, Nov 16", "due Mon, Nov 23", "day 3, to Dec 8"),
        (date(2026, 11, 12), "overdue, Nov 11", "due Mon, Nov 16", "due Mon, Nov 23", "day 4, to Dec 8"),
        (date(2026, 11, 16), "overdue, Nov 11", "due today", "due Mon, Nov 23", "day 8, to Dec 8"),
        (date(2026, 11, 17), "overdue, Nov 11", "passed, Nov 16", "due Mon, Nov 23", "day 9, to Dec 8"),
        (date(2026, 11, 24), "overdue, Nov 11", "passed, Nov 16", "overdue, Nov 23", "day 16, to Dec 8"),
        (date(2026, 12, 8), "overdue, Nov 11", "passed, Nov 16", "overdue, Nov 23", "day 30, to Dec 8"),
        (date(2026, 12, 9), "overdue, Nov 11", "passed, Nov 16", "overdue, Nov 23", "over, Dec 8"),
    ],
)  # fmt: skip
def test_each_deadline_says_where_it_stands_on_each_of_its_days(today, contact, early, late, day):
    found = cells(row("a", date(2026, 11, 9)), today)
    assert (found["Contact"], found["Visit in 7 days"], found["Visit in 14 days"]) == (
        contact, early, late,
    )  # fmt: skip
    assert found["Discharged"] == f"Nov 9: {day}"


@pytest.mark.parametrize(
    ("visited_on", "early"), [(date(2026, 11, 16), "done"), (date(2026, 11, 17), "later")]
)
def test_a_visit_after_the_seventh_day_is_no_fault_but_not_the_early_one(visited_on, early):
    found = cells(
        row("a", date(2026, 11, 9), done="visit", visited_on=visited_on), date(2026, 11, 20)
    )
    assert (found["Visit in 7 days"], found["Visit in 14 days"]) == (early, "done")


def test_the_steps_of_a_discharge_are_recorded_where_it_is_selected(dashboard):
    at = opened(dashboard, "tcm", OVERDUE)
    assert "attempts in time: 0" in said(at)
    table = at.dataframe[0].value
    assert table["Contact"].iloc[0].startswith("overdue")
    which = "tcm_contact_d-223"
    at.date_input(key=f"{which}_on").set_value(date(2026, 11, 13))
    at.time_input(key=f"{which}_at").set_value(time(9, 30))
    press(at, f"{which}_tried")
    at.date_input(key=f"{which}_1_on").set_value(date(2026, 11, 16))
    at.time_input(key=f"{which}_1_at").set_value(time(16, 0))
    press(at, f"{which}_1_tried")
    assert "attempts in time: 2" in said(at)
    press(at, "tcm_visit_d-223_save")
    at.segmented_control(key="tcm_form_d-223_Medications").set_value("Readmitted, died").run()
    at.date_input(key="tcm_readmission_d-223_on").set_value(date(2026, 11, 18))
    press(at, "tcm_readmission_d-223_save")
    chart = caseload.chart(OVERDUE, month=NOVEMBER, **services(dashboard))
    (discharge,) = chart.discharges
    assert [each.outcome for each in discharge.contacts] == [ContactOutcome.ATTEMPTED] * 2
    me = dashboard.actor(AccessRole.COORDINATOR).person_id
    assert {each.by for each in discharge.contacts} == {me}
    assert discharge.visit.by in {"md-1", "np-1"}
    assert discharge.readmitted_on == date(2026, 11, 18)


def test_a_discharge_is_added_from_the_page_and_selected(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR, "programs/tcm")
    at.text_input(key="tcm_add_find").set_value("Okonkwo").run()
    at.date_input(key="tcm_add_new_on").set_value(date(2026, 11, 19))
    press(at, "tcm_add_new_save")
    assert "Okonkwo-Vale, Amara" in said(at)
    assert "Open the chart" in [each.label for each in at.get("page_link")] or "day 2" in said(at)


@pytest.mark.parametrize("role", [AccessRole.BILLER, AccessRole.AUDITOR])
def test_readers_of_the_board_have_no_forms(dashboard, role):
    at = opened(dashboard, "tcm", OVERDUE, role)
    assert "Your role reads the steps" in said(at)
    assert not [each for each in at.text_input if each.key.startswith("tcm_add")]


# --- advanced primary care --------------------------------------------------------------------


def test_the_page_of_primary_care_is_there_once_it_is_switched_on(dashboard):
    assert "switched off" in said(dashboard.open(AccessRole.OWNER, "programs/apcm"))
    offer(dashboard)
    at = dashboard.open(AccessRole.OWNER, "programs/apcm")
    assert "0 of 12 elements in place, 12 not stated yet" in said(at)
    assert at.button(key="apcm_attest").disabled
    for element in ApcmElement:
        at.segmented_control(key=f"apcm_{element}").set_value("Yes")
    press(at, "apcm_elements_save")
    press(at, "apcm_attest")
    held = apcm.capabilities(store=dashboard.store, actor=dashboard.actor(AccessRole.OWNER))
    assert held.is_attested is True
    reader = dashboard.open(AccessRole.COORDINATOR, "programs/apcm")
    assert "12 of 12 elements in place · attested" in said(reader)
    assert not [each for each in reader.button if each.key == "apcm_attest"]


def test_a_month_is_stated_on_the_chart_of_a_practice_that_offers_it(dashboard):
    offer(dashboard)
    at = dashboard.open(AccessRole.COORDINATOR, "coordinate/patient_chart")
    at.query_params["patient"], at.query_params["section"] = "p-101", "apcm"
    at.run()
    key = "chart_apcm__p-101_2026-11"
    at.segmented_control(key=f"{key}_documented").set_value("Yes")
    at.button_group(key=f"{key}_elements").set_value([ApcmElement.CARE_PLAN])
    press(at, f"{key}_save")
    held = apcm.month_stated("p-101", month=NOVEMBER, **services(dashboard))
    assert held.is_documented is True
    assert held.elements == (ApcmElement.CARE_PLAN,)


# --- chronic and principal care -----------------------------------------------------------------


def test_a_practitioner_elects_the_track_and_documents_decision_making_in_place(dashboard):
    at = opened(dashboard, "ccm", "p-101", AccessRole.OWNER)
    at.segmented_control(key="ccm_track_p-101_2026-11_which").set_value(Track.PRACTITIONER)
    press(at, "ccm_track_p-101_2026-11_save")
    assert at.dataframe[1].value["Track"].iloc[0] == "Practitioner, elected"
    at.segmented_control(key="ccm_mdm_p-101_2026-11_level").set_value(MdmLevel.HIGH)
    press(at, "ccm_mdm_p-101_2026-11_save")
    assert at.dataframe[1].value["Decision making"].iloc[0].startswith("High")
    reader = opened(dashboard, "ccm", "p-101")
    assert "Only a billing practitioner elects the track" in said(reader)


def test_work_on_another_condition_is_marked_and_does_not_count(dashboard):
    conditions.add_condition("p-204", icd10="I10", text="Hypertension", **services(dashboard))
    at = opened(dashboard, "pcm", "p-204")
    key = f"pcm_entry_{at.session_state['trellis'].form_ids['pcm_entry']}"
    at.segmented_control(key=f"{key}_length").set_value(10).run()
    at.selectbox(key=f"{key}_about_p-204").set_value("I10").run()
    assert "does not count here" in said(at)
    press(at, f"{key}_save")
    kept = entries_of(
        month=NOVEMBER, patient_id="p-204", program=Program.PCM, **services(dashboard)
    )
    assert [each.condition for each in kept if each.seconds == 600] == ["I10"]


# --- what all of them share -------------------------------------------------------------------


@pytest.mark.parametrize("page", ["ccm", "pcm", "bhi", "cocm", "tcm", "apcm"])
def test_a_program_page_has_its_parts_and_one_disclaimer(dashboard, page):
    offer(dashboard)
    at = dashboard.open(AccessRole.COORDINATOR, f"programs/{page}")
    assert not at.exception
    assert {"This month's entries", "Superbills"} <= {each.value for each in at.header}
    plain = [each.value.replace("\\", "") for each in at.caption]
    assert plain.count(DISCLAIMER) == 1
