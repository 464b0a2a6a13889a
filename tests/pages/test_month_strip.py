"""Closing and reopening a month on the Superbills page, and where a closed month shows besides."""

from datetime import UTC, date, datetime

import pytest

from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Activity
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.board import board
from trellis_core.services.board_rows import BoardState
from trellis_core.services.month_close import CloseMonth, ReopenMonth, close_month, reopen_month
from trellis_core.services.months import Standing, month_state
from trellis_core.services.time_log import LogTime, log_time
from trellis_core.store.tables import PatientRow
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

PAGE = "billing/superbills"
OCTOBER = ServiceMonth(2026, 10)
NOVEMBER = ServiceMonth(2026, 11)


def in_month(dashboard, role, month="2026-10", page=PAGE, **query):
    at = dashboard.open(role, page, **query)
    at.selectbox(key="month").set_value(month)
    at.run()
    assert not at.exception, at.exception
    return at


def said(at) -> str:
    kinds = (at.markdown, at.caption, at.text, at.warning, at.header, at.error)
    return "\n".join(item.value for kind in kinds for item in kind).replace("\\", "")


def labels(at) -> set[str]:
    return {button.label for button in at.button}


def standing(dashboard, month=OCTOBER):
    return month_state(
        month,
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.BILLER),
        clock=dashboard.clock,
    )


def close(dashboard, month=OCTOBER, *, early=False):
    return close_month(
        CloseMonth(
            month=month, form_id=f"test-{month}-{standing(dashboard, month).marks}", early=early
        ),
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.BILLER),
        clock=dashboard.clock,
        rule_book=load_rule_book(),
    )


def test_a_biller_closes_a_month_that_says_what_will_happen(dashboard):
    at = in_month(dashboard, AccessRole.BILLER)
    assert "October 2026 is open" in said(at)
    at.button(key="month_close").click().run()
    text = said(at)
    assert "will get the next numbers" in text
    assert "A late entry needs an adjustment" in text
    at.button(key="month_close_confirm").click().run()
    assert not at.exception
    found = standing(dashboard)
    assert found.standing is Standing.CLOSED
    text = said(at)
    assert "October 2026 is closed, by" in text
    assert f"{len(found.issued)} superbills, No. 1 to {len(found.issued)}" in text
    assert f"code {found.code}" in text
    numbers = list(at.dataframe[0].value["No."])
    assert sorted(map(int, numbers)) == list(found.issued)
    assert set(at.dataframe[0].value["State"]) == {"Issued"}
    if found.counts.held_back:
        assert "Held back" in text


def test_a_reopening_asks_for_its_reason_and_says_it(dashboard):
    close(dashboard)
    at = in_month(dashboard, AccessRole.OWNER)
    at.button(key="month_reopen").click().run()
    at.button(key="month_reopen_confirm").click().run()
    assert "needs a reason" in said(at)
    assert standing(dashboard).is_closed
    at.button(key="month_reopen").click().run()
    at.text_input(key="month_reopen_reason").set_value("A late note of Dr. Vale")
    at.button(key="month_reopen_confirm").click().run()
    assert not at.exception
    text = said(at)
    assert "October 2026 is reopened for adjustment 1, by" in text
    assert "Reason: A late note of Dr. Vale" in text
    assert "Close October 2026" in labels(at)


@pytest.mark.parametrize("role", [AccessRole.COORDINATOR, AccessRole.AUDITOR])
def test_others_see_how_the_month_stands_and_cannot_change_it(dashboard, role):
    at = in_month(dashboard, role)
    assert "October 2026 is open" in said(at)
    assert not {label for label in labels(at) if label.startswith(("Close Oct", "Reopen"))}
    close(dashboard)
    at = in_month(dashboard, role)
    assert "October 2026 is closed" in said(at)
    assert not {label for label in labels(at) if label.startswith(("Close Oct", "Reopen"))}


def test_a_month_that_is_not_over_is_closed_only_on_purpose(dashboard):
    at = in_month(dashboard, AccessRole.BILLER, "2026-11")
    at.button(key="month_close").click().run()
    assert at.button(key="month_close_confirm").disabled
    assert (
        "Close it early, because the practice stops" in at.checkbox(key="month_close_early").label
    )


def test_an_older_version_can_be_shown_and_downloaded(dashboard):
    closed = close(dashboard)
    first = closed.issued[0]
    owner = dashboard.actor(AccessRole.OWNER)
    reopen_month(
        ReopenMonth(month=OCTOBER, form_id="test-r", reason="A typo"),
        store=dashboard.store, actor=owner, clock=dashboard.clock,
    )  # fmt: skip
    with dashboard.store.writing(actor=owner) as unit:
        row = unit.session.get(PatientRow, (owner.practice_id, first.patient_id))
        row.member_id = "9AC8TE5MK73"
        unit.session.add(row)
    at = in_month(dashboard, AccessRole.BILLER)
    states = list(at.dataframe[0].value["State"])
    assert f"Would replace No. {first.number}" in states
    again = close(dashboard)
    assert [each.replaces for each in again.issued] == [first.number]
    at = in_month(dashboard, AccessRole.BILLER)
    assert "older version" in " ".join(expander.label for expander in at.expander)
    at.selectbox(key="superbills_older").set_value(first.number).run()
    assert not at.exception
    text = said(at)
    assert f"No. {first.number} · version 1" in text
    assert "9AC8TE5MK73" not in text
    assert {"PDF", "CSV"} <= {button.label for button in at.get("download_button")}


def test_a_closed_month_is_marked_on_thresholds_and_refuses_entry(dashboard):
    page = "coordinate/thresholds"
    at = in_month(dashboard, AccessRole.COORDINATOR, "2026-11", page)
    assert "is closed" not in said(at)
    close(dashboard, NOVEMBER, early=True)
    at = in_month(dashboard, AccessRole.COORDINATOR, "2026-11", page, patient="p-101")
    assert "November 2026 is closed since" in said(at)
    assert "Time for it is refused" in said(at)


def test_the_entry_form_says_that_a_closed_month_takes_no_time(dashboard):
    close(dashboard, NOVEMBER, early=True)
    at = dashboard.open(AccessRole.COORDINATOR, "coordinate/thresholds", patient="p-101")
    assert "an entry for it is refused. Ask your biller to reopen it" in said(at)
    save = next(button for button in at.button if button.label == "Save entry")
    assert save.disabled
    # records are taken, and the form says what they do not change any more: up to the month's end
    at = dashboard.open(AccessRole.COORDINATOR, "coordinate/patient_chart", patient="p-101")
    at.query_params["section"] = "enrollment"
    at.run()
    for day, is_told in ((date(2026, 11, 30), True), (date(2026, 12, 1), False)):
        (since,) = (each for each in at.date_input if "chart_practitioner_from" in each.key)
        since.set_value(day).run()
        told = [each.value for each in at.info if "does not change" in each.value]
        assert bool(told) is is_told
        assert not told or told[0].startswith("November 2026 is closed: ")


def test_a_close_asks_what_becomes_of_units_that_only_weak_time_earns(dashboard):
    """The minutes that somebody lacks to a first unit are typed in, long after the work."""
    nurse = dashboard.actor(AccessRole.COORDINATOR)
    found = board(
        month=OCTOBER,
        store=dashboard.store,
        actor=nurse,
        clock=dashboard.clock,
        rule_book=load_rule_book(),
    )
    row = next(
        each
        for each in found.rows
        if each.state is BoardState.REACH and each.minutes_to_next and not each.reached
    )
    log_time(
        LogTime(
            entry_id=new_entry_id(),
            patient_id=row.patient_id,
            program=row.program,
            staff_id=nurse.person_id,
            started_at=datetime(2026, 10, 29, 22, 0, tzinfo=UTC),
            seconds=row.minutes_to_next * 60,
            activity=Activity.CARE_COORDINATION,
            note="from the call log",
        ),
        store=dashboard.store,
        actor=nurse,
        clock=dashboard.clock,
    )
    at = in_month(dashboard, AccessRole.BILLER)
    assert "Needs a decision on weak time" in list(at.dataframe[0].value["State"])
    at.button(key="month_close").click().run()
    choice = at.radio(key="month_close_undecided")
    assert choice.value == choice.options[0] == "Hold them back until somebody has"
    at.button(key="month_close_confirm").click().run()
    counts = standing(dashboard).counts
    assert counts is not None
    held = {each.patient_id: [one.code for one in each.missing] for each in counts.held_back}
    assert held[row.patient_id] == ["UNDECIDED"]
