"""The month review on screen: a biller approves, asks and marks as submitted; others only read it."""

from datetime import UTC, datetime, timedelta

import pytest

from pages.shared import store as page_store
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import restricted
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.services.review import review_month
from trellis_core.services.review_rows import ReviewState
from trellis_core.services.time_log import LogTime, log_time
from trellis_core.superbill.totals import current, expected
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

PAGE = "billing/month_review"
OCTOBER = ServiceMonth(2026, 10)


def reviewed(dashboard, month=OCTOBER):
    return review_month(
        month,
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.BILLER),
        clock=dashboard.clock,
        rule_book=load_rule_book(),
    )


def in_month(dashboard, role, month="2026-10", **query):
    at = dashboard.open(role, PAGE)
    at.selectbox(key="month").set_value(month)
    for key, value in query.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception
    return at


def said(at) -> str:
    kinds = (at.markdown, at.caption, at.text, at.header, at.error, at.toast)
    return "\n".join(item.value for kind in kinds for item in kind).replace("\\", "")


def labels(at) -> set[str]:
    return {button.label for button in at.button}


def row_of(dashboard, state, month=OCTOBER):
    return next(row for row in reviewed(dashboard, month).rows if row.state is state)


def closed(dashboard):
    close_month(
        CloseMonth(month=OCTOBER, form_id="close-1"),
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.BILLER),
        clock=dashboard.clock,
        rule_book=load_rule_book(),
    )


def test_the_states_add_up_to_everybody_and_to_the_superbills(dashboard):
    at = in_month(dashboard, AccessRole.BILLER)
    found = reviewed(dashboard)
    tiles = {item.label: item.value for item in at.metric}
    assert tiles["Ready"] == str(found.counts[ReviewState.READY])
    assert sum(int(value) for value in tiles.values()) == len(found.rows)
    assert len(at.dataframe[0].value) == min(len(found.rows), 50)
    assert found.expected(found.rows) == expected(current(found.bills.superbills))
    assert "October 2026 is open" in said(at)
    assert "A close would issue" in said(at)


def test_the_filters_stand_in_the_address_and_narrow_table_and_states(dashboard):
    at = in_month(dashboard, AccessRole.BILLER)
    at.segmented_control(key="month_review_state").set_value("under").run()
    at.selectbox(key="month_review_program").set_value(Program.CCM).run()
    found = [
        row
        for row in reviewed(dashboard).rows
        if row.state is ReviewState.UNDER and row.program is Program.CCM
    ]
    assert list(at.dataframe[0].value["Patient"]) == [row.patient_name for row in found]
    assert at.query_params["state"] in ("under", ["under"])
    assert at.query_params["program"] in ("CCM", ["CCM"])
    at.text_input(key="month_review_text").set_value(found[0].mrn).run()
    assert list(at.dataframe[0].value["MRN"]) == [found[0].mrn]
    assert found[0].mrn not in str(dict(at.query_params))
    at.button(key="month_review_clear").click().run()
    at.segmented_control(key="month_review_state").set_value("all").run()
    assert len(at.dataframe[0].value) == min(len(reviewed(dashboard).rows), 50)


def test_a_biller_approves_what_is_clean_and_is_offered_it_as_one_file(dashboard):
    at = in_month(dashboard, AccessRole.BILLER)
    clean = {row.superbill_id for row in reviewed(dashboard).rows if row.is_clean}
    assert f"Approve {len(clean)} clean superbills" in labels(at)
    at.button(key="month_review_approve_download").click().run()
    assert not at.exception
    assert {row.superbill_id for row in reviewed(dashboard).rows if row.approval} == clean
    assert f"{len(clean)} superbills approved. Take them along:" in said(at)
    assert {"PDF", "CSV"} <= {each.label for each in at.get("download_button")}
    assert "Approve and download" not in labels(at)


def test_a_row_says_what_is_in_its_way_and_links_to_the_form(dashboard):
    row = row_of(dashboard, ReviewState.BLOCKED)
    at = in_month(dashboard, AccessRole.OWNER, patient=row.patient_id)
    text = said(at)
    assert row.reasons[0].message in text
    assert row.reasons[0].title in text
    links = [each.proto for each in at.get("page_link")]
    assert any(f"section={row.reasons[0].section}" in str(link) for link in links)


def test_a_question_goes_to_the_coordinator_and_holds_the_row(dashboard):
    row = row_of(dashboard, ReviewState.READY)
    at = in_month(dashboard, AccessRole.BILLER, patient=row.patient_id)
    form = f"month_review_ask_{row.patient_id}_{row.program.value}_"
    assert at.selectbox(key=f"{form}_to").value == row.coordinator
    at.button(key=f"{form}_save").click().run()
    assert "Write the question" in said(at), "an empty question is refused"
    at.text_area(key=f"{form}_text").set_value("Was the *daughter* reached?")
    at.button(key=f"{form}_save").click().run()
    held = next(
        each
        for each in reviewed(dashboard).rows
        if (each.patient_id, each.program) == (row.patient_id, row.program)
    )
    assert held.state is ReviewState.DECISION
    assert held.question is not None
    assert held.question.to_staff == row.coordinator
    assert "must answer since" in said(at)
    assert "Was the *daughter* reached?" in {item.value for item in at.text}


def test_a_choice_of_track_is_the_practitioners_who_is_asked_with_a_click(dashboard):
    row = next(
        each
        for each in reviewed(dashboard).rows
        if each.reasons and each.reasons[0].code == "DECISION_TRACK"
    )
    at = in_month(dashboard, AccessRole.BILLER, patient=row.patient_id)
    assert "The billing practitioner chooses the track" in said(at)
    form = f"month_review_ask_{row.patient_id}_{row.program.value}_"
    assert at.selectbox(key=f"{form}_to").value == row.billing_id
    at.button(key=f"{form}_save").click().run()
    asked = next(each for each in reviewed(dashboard).rows if each.patient_id == row.patient_id)
    assert asked.question is not None
    assert asked.question.text.startswith("Which track bills CCM")


def test_weak_time_is_accepted_only_with_a_reason(dashboard):
    row = next(
        each for each in reviewed(dashboard).rows
        if each.state is ReviewState.UNDER and each.program is Program.CCM
    )  # fmt: skip
    actor = dashboard.actor(AccessRole.COORDINATOR)
    log_time(
        LogTime(
            entry_id=new_entry_id(), patient_id=row.patient_id, program=Program.CCM,
            staff_id=actor.person_id, started_at=datetime(2026, 10, 30, 21, 10, tzinfo=UTC),
            seconds=(row.minutes_to_next or 0) * 60, activity=Activity.CARE_COORDINATION,
            note="Called the pharmacy.",
        ),
        store=dashboard.store, actor=actor, clock=dashboard.clock,
    )  # fmt: skip
    at = in_month(dashboard, AccessRole.BILLER, patient=row.patient_id)
    assert "rests on weak time" in said(at)
    at.button(key="superbills_approve_one").click().run()
    assert "Say why the unit stands" in said(at)
    (reason,) = [each for each in at.text_input if each.label == "Why the unit stands"]
    reason.set_value("The pharmacy's own log shows the call.").run()
    at.button(key="superbills_approve_one").click().run()
    decided = next(each for each in reviewed(dashboard).rows if each.patient_id == row.patient_id)
    assert (decided.state, decided.approval is not None) == (ReviewState.READY, True)


def test_a_billed_row_is_marked_as_submitted_with_the_days_that_are_left(dashboard):
    closed(dashboard)
    row = row_of(dashboard, ReviewState.BILLED)
    at = in_month(dashboard, AccessRole.BILLER, patient=row.patient_id)
    today = page_store.today(dashboard.actor(AccessRole.BILLER))
    left = (row.file_by - today).days
    assert f"No. {row.number} is not submitted yet" in said(at)
    assert f"{left} days left to file" in said(at)
    assert "Send the question" not in labels(at), "nothing is held back in a closed month"
    form = f"month_review_submit_{row.number}"
    at.date_input(key=f"{form}_on").set_value(today - timedelta(days=1))
    at.text_input(key=f"{form}_claim").set_value("CLM-77")
    at.button(key=f"{form}_save").click().run()
    assert not at.exception
    sent = row_of(dashboard, ReviewState.BILLED).submission
    assert sent is not None
    assert (sent.claim_number, sent.submitted_on) == ("CLM-77", today - timedelta(days=1))
    assert f"No. {row.number} is submitted" in said(at)
    pay = f"month_review_pay_{row.number}"
    at.number_input(key=f"{pay}_amount").set_value(66.13)
    at.button(key=f"{pay}_save").click().run()
    assert "Paid so far **$66.13**" in said(at)


@pytest.mark.parametrize("role", [AccessRole.COORDINATOR, AccessRole.AUDITOR])
def test_whoever_may_only_read_sees_every_row_and_no_action(dashboard, role):
    row = row_of(dashboard, ReviewState.READY)
    at = in_month(dashboard, role, patient=row.patient_id)
    assert len(at.dataframe[0].value) == min(len(reviewed(dashboard).rows), 50)
    assert row.patient_name in said(at)
    named = labels(at)
    assert (
        not {"Approve", "Approve and download", "Send the question", "Close October 2026"} & named
    )
    assert not [label for label in named if label.startswith("Approve ")]


def test_a_restricted_chart_has_its_row_and_no_strip(dashboard):
    row = row_of(dashboard, ReviewState.READY)
    restricted.restrict_chart(
        row.patient_id, store=dashboard.store,
        actor=dashboard.actor(AccessRole.OWNER), clock=dashboard.clock,
    )  # fmt: skip
    at = in_month(dashboard, AccessRole.BILLER, patient=row.patient_id)
    assert row.patient_name in list(at.dataframe[0].value["Patient"])
    assert "This chart is restricted and not open to you." in said(at)
    assert "Approve" not in labels(at)


def test_a_month_without_anybody_says_what_to_do(dashboard):
    at = in_month(dashboard, AccessRole.BILLER, month="2024-11")
    assert "Nobody is enrolled this month" in said(at)
    assert {item.value for item in at.metric} == {"0"}
