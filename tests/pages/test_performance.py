"""The Performance page: each part on the sample practice, with nothing on file, and recording a payment."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from pages.shared import performance_money, performance_time
from trellis_core.access import AccessRole
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import StaffRole
from trellis_core.documents.disclaimer import DISCLAIMER
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.services.months import Standing
from trellis_core.services.performance import payments
from trellis_core.services.performance_money import Captured, MonthMoney
from trellis_core.values.periods import ServiceMonth

PAGE = "insight/performance"
OCTOBER = ServiceMonth(2026, 10)
PARTS = ("money", "funnel", "time", "contemporaneity", "payments")


def said(at) -> str:
    kinds = ("title", "header", "markdown", "caption", "info", "error")
    words = [each.value for kind in kinds for each in getattr(at, kind)]
    words += [f"{each.label} {each.value}" for each in at.metric]
    return " ".join(words).replace("\\", "")


def close_october(dashboard) -> None:
    close_month(
        CloseMonth(month=OCTOBER, form_id=str(uuid4())),
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.BILLER),
        clock=dashboard.clock,
        rule_book=load_rule_book(),
    )


def of_october(dashboard):
    return payments(OCTOBER, store=dashboard.store, actor=dashboard.actor(AccessRole.BILLER))


def plots(at) -> list:
    return list(at.get("plotly_chart"))


@pytest.mark.parametrize("part", PARTS)
def test_each_part_says_in_words_what_its_plots_show(dashboard, part):
    at = dashboard.open(AccessRole.OWNER, PAGE, section=part)
    words = said(at)
    assert at.title[0].value == "Performance"
    assert DISCLAIMER in words
    assert not at.error
    expected = {
        "money": "within reach and",
        "funnel": "enrolled,",
        "time": "All time that stands",
        "contemporaneity": "None of these figures proves anything",
        "payments": "Nothing is issued for this month yet: it is open",
    }
    assert expected[part] in words
    assert bool(plots(at)) is (part != "payments")
    for plot in plots(at):
        assert plot.proto.alt
        assert plot.proto.alt.replace("\\", "") in words


@pytest.mark.parametrize("part", PARTS)
def test_a_practice_with_nothing_on_file_sees_words_and_no_empty_plot(new_practice, part):
    at = new_practice.open(None, PAGE, section=part)
    assert not at.error
    assert not plots(at)
    assert any(":material/" in each.value for each in at.markdown)


def test_the_part_stays_in_the_address_and_the_owner_reaches_the_programs(dashboard):
    at = dashboard.open(AccessRole.OWNER, PAGE)
    at.segmented_control(key="performance_part").set_value("Time").run()
    assert at.query_params["section"] == "time"
    board = dashboard.open(AccessRole.OWNER, "coordinate/thresholds")
    links = {each.label.replace("\\", "") for each in board.get("page_link")}
    assert {"Chronic care", "Collaborative care", "Transitional care"} <= links
    board = dashboard.open(AccessRole.BILLER, "coordinate/thresholds")
    assert "Transitional care" not in {each.label for each in board.get("page_link")}


def test_a_payment_is_recorded_and_the_form_is_empty_after_that_alone(dashboard):
    close_october(dashboard)
    at = dashboard.open(AccessRole.BILLER, PAGE, section="payments", month="2026-10")
    assert "without a payment on file" in said(at)
    first = of_october(dashboard).claims[0]
    form = "performance_payment"
    at.text_input(key=f"{form}_remark").set_value("remittance 7")
    at.button(key=f"{form}_save").click().run()
    assert "Type what was paid" in said(at)
    assert at.text_input(key=f"{form}_remark").value == "remittance 7"
    at.number_input(key=f"{form}_amount").set_value(52.9)
    at.button(key=f"{form}_save").click().run()
    assert not at.error
    assert at.number_input(key=f"{form}_1_amount").value is None
    again = of_october(dashboard).claims[0]
    assert (again.number, again.paid) == (first.number, Decimal("52.90"))
    assert plots(at)


def test_an_auditor_reads_payments_and_records_none(dashboard):
    close_october(dashboard)
    at = dashboard.open(AccessRole.AUDITOR, PAGE, section="payments", month="2026-10")
    assert "without a payment on file" in said(at)
    assert not at.number_input


def test_the_words_under_the_dollars_leave_out_what_is_not_on_file():
    one = MonthMoney(
        month=OCTOBER,
        standing=Standing.CLOSED,
        captured=Captured(amount=Decimal("1234.50"), superbills=2, without=0),
        uncaptured=None,
        held_back=0,
        paid=None,
    )
    assert performance_money.summary([one]) == "Captured in 1 month with superbills: $1,235."


def test_people_of_one_short_name_are_told_apart():
    people = {
        key: StaffMember(
            id=key, role=StaffRole.CLINICAL_STAFF, given_name="Rosa", family_name=family
        )
        for key, family in (("a", "Delgado"), ("b", "Dunn"), ("c", "Dunn"), ("d", "Elm"))
    }
    names = performance_time.names_of(["a", "b", "c", "d", "", "gone"], people)
    assert names == {
        "": "Nobody named",
        "a": "Rosa Delgado",
        "b": "Rosa Dunn",
        "c": "Rosa Dunn (2)",
        "d": "Rosa E.",
        "gone": "Somebody unknown",
    }


def test_the_calendar_says_when_nothing_was_done():
    days = {date(2026, 11, day): 0 for day in range(1, 31)} | {date(2026, 11, 7): 5400}
    assert performance_time.calendar_words(days) == (
        "Most on Sat, Nov 7, 90 min. On weekends 100% of the minutes, on the month's last three days "
        "0%. 29 days without any."
    )
