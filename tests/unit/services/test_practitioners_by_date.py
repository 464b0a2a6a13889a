"""Who bills an enrollment and who supervises it, on both sides of the day on which that changes."""

from collections.abc import Callable
from datetime import date

import pytest
from sqlmodel import select

from tests.support.month_case import DECEMBER, NOVEMBER, MonthCase
from tests.support.small_panel import STARTED, at
from trellis_core.access import AccessRole
from trellis_core.care.records import Enrollment, Practitioners
from trellis_core.care.vocabulary import ConsentMethod, Program
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import board, caseload, consents, enrollments, months
from trellis_core.store.engine import Store
from trellis_core.store.tables import EnrollmentPractitionerRow
from trellis_core.superbill import Superbill
from trellis_core.values.periods import ServiceMonth

TENTH = date(2026, 11, 10)
FIRST_OF_DECEMBER = date(2026, 12, 1)
ALL_TOLD = frozenset({"availability", "cost_sharing", "one_practitioner", "right_to_stop"})


@pytest.fixture
def case(store: Store) -> MonthCase:
    case = MonthCase(store)
    case.enrolled("fern")
    case.panel.add(
        case.panel.staff("dr-2", "billing_practitioner", "MD", "1000000103"),
        case.panel.staff("np-1", "billing_practitioner", "NP", "1000000202"),
    )
    return case


def enrolled(case: MonthCase, month: ServiceMonth = NOVEMBER) -> Enrollment:
    chart = caseload.chart(
        "fern", month=month, store=case.store, actor=case.actor(AccessRole.OWNER)
    )
    return chart.enrollments[0]


def change(
    case: MonthCase, from_day: date, biller: str, supervisor: str | None = None
) -> Enrollment:
    return enrollments.change_practitioners(
        enrolled(case).id,
        from_day=from_day,
        billing_practitioner=biller,
        supervising_practitioner=supervisor,
        store=case.store,
        actor=case.actor(AccessRole.OWNER),
        clock=case.clock,
    )


def refused(code: str, attempt: Callable[[], object]) -> str:
    with pytest.raises(CommandRefusedError) as caught:
        attempt()
    assert caught.value.code == code
    return str(caught.value)


def on(case: MonthCase, day: date, month: ServiceMonth = NOVEMBER) -> tuple[object, object]:
    found = enrollments.practitioners_on(enrolled(case, month), day)
    return found.billing_practitioner, found.supervisor


def bill(case: MonthCase, month: ServiceMonth) -> Superbill:
    (found,) = case.bills(month)
    return found


def blocking(case: MonthCase, month: ServiceMonth) -> set[Reason]:
    found = board.patient_month(
        "fern",
        month=month,
        store=case.store,
        actor=case.actor(AccessRole.OWNER),
        clock=case.clock,
        rule_book=load_rule_book(),
    )
    return {each.reason for each in found.determination.blocked} - {Reason.TIME_NOT_MET}


def test_whoever_bills_supervises_until_somebody_else_is_named(case: MonthCase) -> None:
    assert enrolled(case).practitioners == ()
    assert on(case, STARTED) == ("dr-1", "dr-1")
    made = change(case, TENTH, "dr-1", "np-1")
    assert [each.from_day for each in made.practitioners] == [STARTED, TENTH]
    assert on(case, date(2026, 11, 9)) == ("dr-1", "dr-1")
    assert on(case, TENTH) == ("dr-1", "np-1")
    assert on(case, date(2025, 1, 1)) == ("dr-1", "dr-1")  # before the start: who began
    # the chart of October still says who supervised in October
    assert enrolled(case, ServiceMonth(2026, 10)).supervising_practitioner is None
    assert enrolled(case, NOVEMBER).supervising_practitioner == "np-1"


def test_a_supervisor_who_is_the_biller_is_nobody_else(case: MonthCase) -> None:
    change(case, TENTH, "dr-1", "np-1")
    made = change(case, date(2026, 11, 20), "dr-1", "dr-1")
    assert made.practitioners[-1].supervising_practitioner is None


@pytest.mark.parametrize(
    ("day", "is_kept"),
    [
        (date(2026, 11, 30), False),
        (date(2026, 12, 1), True),
        (date(2026, 12, 2), False),
        (date(2027, 1, 1), True),
    ],
)
def test_another_biller_begins_on_the_first_day_of_a_month(
    case: MonthCase, day: date, is_kept: bool
) -> None:
    if is_kept:
        assert change(case, day, "dr-2").practitioners[-1] == Practitioners(
            from_day=day, billing_practitioner="dr-2"
        )
    else:
        said = refused("BILLS_WHOLE_MONTHS", lambda: change(case, day, "dr-2"))
        assert ServiceMonth.of(day).plus(1).first_day.isoformat() in said
        assert enrolled(case).practitioners == ()


def test_what_cannot_be_is_refused(case: MonthCase) -> None:
    refused("NOT_AFTER_START", lambda: change(case, STARTED, "dr-1", "np-1"))
    refused("NOTHING_CHANGES", lambda: change(case, TENTH, "dr-1"))
    refused("NOT_A_BILLING_PRACTITIONER", lambda: change(case, TENTH, "dr-1", "rn-1"))
    with pytest.raises(NotFoundError, match="nobody"):
        change(case, FIRST_OF_DECEMBER, "nobody")
    change(case, TENTH, "dr-1", "np-1")
    refused("LATER_CHANGE", lambda: change(case, date(2026, 11, 9), "dr-1", "dr-2"))
    enrollments.end_enrollment(
        enrolled(case).id,
        ended_on=date(2026, 11, 30),
        store=case.store,
        actor=case.actor(AccessRole.OWNER),
        clock=case.clock,
    )
    change(case, date(2026, 11, 30), "dr-1", "dr-2")
    refused("AFTER_END", lambda: change(case, FIRST_OF_DECEMBER, "dr-2"))


def test_a_change_of_the_same_day_is_corrected_or_taken_back(case: MonthCase) -> None:
    change(case, TENTH, "dr-1", "np-1")
    assert len(change(case, TENTH, "dr-1", "dr-2").practitioners) == 2
    assert on(case, TENTH) == ("dr-1", "dr-2")
    assert change(case, TENTH, "dr-1").practitioners == ()
    with case.store.reading() as unit:
        assert not unit.session.exec(select(EnrollmentPractitionerRow)).all()


def test_time_says_who_supervised_that_day_and_the_line_who_did_on_its_own(
    case: MonthCase,
) -> None:
    case.panel.log("fern", 12, at=at(9))
    case.panel.log("fern", 12, at=at(10))
    before = bill(case, NOVEMBER)
    assert [row.supervised_by for row in before.time] == ["", ""]
    change(case, TENTH, "dr-1", "np-1")
    after = bill(case, NOVEMBER)
    assert [row.supervised_by for row in after.time] == ["dr-1, MD", "np-1, NP"]
    (line,) = after.lines
    assert line.supervising is not None
    assert line.supervising.staff_id == "np-1"  # a month's service is dated by its last day
    assert line.rendering == before.lines[0].rendering
    assert line.allowed == before.lines[0].allowed


def test_a_month_before_the_change_stays_as_it_was(case: MonthCase) -> None:
    case.panel.log("fern", 25, at=at(9))
    was = bill(case, NOVEMBER)
    change(case, FIRST_OF_DECEMBER, "dr-2", "np-1")
    assert bill(case, NOVEMBER) == was
    assert blocking(case, NOVEMBER) == set()


@pytest.mark.parametrize(
    ("day", "closed", "versions"),
    [(date(2026, 11, 30), (NOVEMBER,), [1, 2]), (FIRST_OF_DECEMBER, (), [1])],
)
def test_what_was_issued_stays_and_a_month_counts_the_change_once_it_is_reopened(
    case: MonthCase, day: date, closed: tuple[ServiceMonth, ...], versions: list[int]
) -> None:
    case.log("fern", 25, at=at(9))
    case.close()
    told = {"store": case.store, "actor": case.actor(), "clock": case.clock}
    assert months.closed_from(day, **told) == closed
    (was,) = case.bills()
    change(case, day, "dr-1", "np-1")
    assert case.bills() == (was,)
    case.reopen()
    assert months.closed_from(day, **told) == ()
    assert len(case.close().issued) == len(versions) - 1
    (now,) = case.bills()
    assert now.version == versions[-1]


def test_another_biller_asks_for_another_consent_and_bills_with_it(case: MonthCase) -> None:
    change(case, FIRST_OF_DECEMBER, "dr-2")
    assert Reason.CONSENT_OTHER_PRACTITIONER in blocking(case, DECEMBER)
    consents.record_consent(
        "fern",
        program=Program.CCM,
        obtained_on=FIRST_OF_DECEMBER,
        method=ConsentMethod.VERBAL,
        documented=True,
        billing_practitioner="dr-2",
        obtained_by="rn-1",
        elements=ALL_TOLD,
        store=case.store,
        actor=case.actor(AccessRole.OWNER),
        clock=case.clock,
    )
    assert Reason.CONSENT_OTHER_PRACTITIONER not in blocking(case, DECEMBER)
    assert blocking(case, NOVEMBER) == set()
