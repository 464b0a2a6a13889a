"""The practice's own figures, against small months that were counted by hand, and what takes the guesses' place."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from sqlmodel import select

from tests.support.month_case import MonthCase
from tests.support.small_panel import at, counted_statements
from tests.support.tampering import tamper
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Program
from trellis_core.errors import CommandRefusedError
from trellis_core.roi import RoiInputs, assumption
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.claims import PaidBy, RecordPayment, record_payment
from trellis_core.services.forecasts import Compared, forecast_against_actual, total_of
from trellis_core.services.merging import MergePatients, merge_patients
from trellis_core.services.months import Standing
from trellis_core.services.own_figures import OwnFigures, own_figures
from trellis_core.services.own_figures_counting import Billed, FiguresOfMonth, FiguresOfProgram
from trellis_core.services.own_inputs import Replacement, inputs_from_figures, span_words
from trellis_core.services.restricted import restrict_chart
from trellis_core.store.engine import Store, open_store
from trellis_core.store.tables import EnrollmentRow, RatingScaleRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

BOOK = load_rule_book()
AUGUST, SEPTEMBER, OCTOBER, NOVEMBER = (ServiceMonth(2026, each) for each in (8, 9, 10, 11))
NOW = at(22, 17)
FIRST, MORE = Decimal("66.13"), Decimal("50.44")
"""The national amounts of the first and of each further 20 minutes of chronic care in 2026."""
CCM_ON = RoiInputs()


def months_of(
    case: MonthCase, first: ServiceMonth = SEPTEMBER, last: ServiceMonth = NOVEMBER
) -> OwnFigures:
    return own_figures(
        first, last, store=case.store, actor=case.actor(), clock=case.clock, rule_book=BOOK
    )


def replaced_in(case: MonthCase, base: RoiInputs = CCM_ON) -> Replacement:
    return inputs_from_figures(months_of(case), base)


def enrolled(case: MonthCase, patient_id: str, **changes: date) -> None:
    """Give a patient's enrollment other days."""
    with case.store.reading() as unit:
        of = EnrollmentRow.patient_id == patient_id
        (own_id,) = unit.session.exec(select(EnrollmentRow.id).where(of)).all()
    case.change(EnrollmentRow, case.practice_id, own_id, **changes)


def worked(
    case: MonthCase, month: int, program: Program = Program.CCM, *, day: int = 10, **minutes: int
) -> None:
    """Record time of a day, an hour for each patient."""
    for hour, (patient_id, length) in enumerate(minutes.items()):
        case.panel.log(patient_id, length, at=at(day, 12 + hour, month=month), program=program)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MonthCase]:
    """September and October closed, November running. Nothing in a test changes it."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('own') / 'trellis.db'}")
    case = MonthCase(store, clock=FixedClock(NOW))
    case.enrolled("p1", "p2", "p3", "p4", "p5", "p6")
    case.enrolled("b1", program=Program.BHI)
    case.panel.add(
        RatingScaleRow(
            practice_id=case.practice_id, id="rs-1", patient_id="b1", on_day=date(2026, 9, 2),
            instrument="PHQ-9", score=12, use="systematic",
        )
    )  # fmt: skip
    enrolled(case, "p4", ended_on=date(2026, 9, 30))
    enrolled(case, "p5", ended_on=date(2026, 10, 1))
    enrolled(case, "p6", started_on=date(2026, 10, 2))
    worked(case, 9, p1=20, p2=19, p3=59, p4=5)
    worked(case, 9, Program.BHI, day=11, b1=20)
    worked(case, 10, p1=39, p2=40, p3=60)
    worked(case, 10, Program.BHI, day=11, b1=19)
    worked(case, 11, p1=25)
    case.close(SEPTEMBER)
    case.close(OCTOBER)
    yield case
    store.close()


@pytest.fixture
def case(store: Store) -> MonthCase:
    return MonthCase(store, clock=FixedClock(NOW))


def test_a_closed_month_is_counted_by_program(year: MonthCase):
    september, october, november = months_of(year).months
    assert (september.standing, september.is_over) == (Standing.CLOSED, True)
    assert set(september.programs) == {Program.CCM, Program.BHI}
    ccm = september.programs[Program.CCM]
    assert (ccm.enrolled, ccm.at_begin, ccm.started) == (5, 5, 0)
    assert (ccm.idle, ccm.idle_seconds, ccm.idle_minutes) == (3, 24 * 60, Decimal(8))
    assert ccm.reach == Decimal("0.4")
    assert ccm.billed == Billed(
        months=2, allowed=2 * FIRST + MORE, without_amount=0, first=2, second=1, third=0,
        complex_months=0, complex_more=0, short=0, behavioral=0, high=0, timed=2,
        seconds=79 * 60,
    )  # fmt: skip
    bhi = september.programs[Program.BHI]
    assert bhi.billed is not None
    assert (bhi.enrolled, bhi.billed.months, bhi.billed.minutes) == (1, 1, Decimal(20))
    assert october.programs[Program.BHI].reach == 0
    assert november.programs[Program.BHI].idle_minutes == 0


def test_an_enrollment_counts_through_its_last_day(year: MonthCase):
    """One ended on September 30, one on October 1; one began on October 2."""
    september, october, _ = (each.programs[Program.CCM] for each in months_of(year).months)
    assert (september.ended, september.left, september.attrition) == (1, 1, Decimal("0.2"))
    assert (october.enrolled, october.at_begin, october.started) == (5, 4, 1)
    assert (october.ended, october.left, october.attrition) == (1, 1, Decimal("0.25"))


def test_who_begins_and_leaves_in_one_month_is_no_attrition(case: MonthCase):
    case.enrolled("p1", "p2", "p3")
    enrolled(case, "p1", started_on=date(2026, 9, 1), ended_on=date(2026, 9, 20))
    enrolled(case, "p2", ended_on=date(2026, 9, 14))
    own = case.panel.chart("p2")
    again = next(row for row in own if isinstance(row, EnrollmentRow))
    again.started_on = date(2026, 9, 15)
    case.panel.add(again)
    of = months_of(case).months[0].programs[Program.CCM]
    assert (of.enrolled, of.at_begin, of.started, of.ended, of.left) == (3, 2, 1, 1, 0)


def test_the_mix_is_told_from_the_units_billed(case: MonthCase):
    minutes = {"p39": 39, "p40": 40, "p59": 59, "p60": 60}
    case.enrolled(*minutes)
    worked(case, 10, **minutes)
    case.close(OCTOBER)
    billed = months_of(case, OCTOBER, OCTOBER).months[0].programs[Program.CCM].billed
    assert billed is not None
    assert (billed.first, billed.second, billed.third) == (4, 3, 1)


def test_the_month_that_runs_shows_its_drafts_and_is_left_out_of_means(year: MonthCase):
    figures = months_of(year)
    running = figures.months[-1]
    assert (running.standing, running.is_over, running.is_counted) == (Standing.OPEN, False, True)
    assert running.programs[Program.CCM].billed is not None
    assert running.programs[Program.CCM].billed.allowed == FIRST
    assert figures.measured == figures.months[:2]
    alone = months_of(year, NOVEMBER)
    assert alone.measured == alone.months
    assert inputs_from_figures(alone, CCM_ON).is_provisional
    assert not inputs_from_figures(figures, CCM_ON).is_provisional


def test_a_month_without_anything_on_record_is_not_a_month_of_zero(year: MonthCase):
    august = months_of(year, AUGUST).months[0]
    assert (august.standing, august.is_on_record) == (Standing.OPEN, False)
    assert august.programs[Program.CCM].enrolled == 5
    assert august.programs[Program.CCM].billed is None
    assert august.programs[Program.CCM].reach is None
    assert august not in months_of(year, AUGUST).measured
    assert months_of(year, NOVEMBER.following, NOVEMBER.plus(2)).months == ()


def test_an_empty_month_is_one_of_zero_once_the_practice_records_time(case: MonthCase):
    """Closed before the first entry it says nothing; after it, that nothing was billed."""
    case.enrolled("p1")
    worked(case, 9, p1=20)
    for month in (AUGUST, SEPTEMBER, OCTOBER):
        case.close(month)
    found = months_of(case, AUGUST, OCTOBER)
    assert [each.is_counted for each in found.months] == [False, True, True]
    assert [each.programs[Program.CCM].reach for each in found.months] == [None, 1, 0]


def test_an_older_month_that_was_never_closed_is_not_drawn_up(case: MonthCase):
    case.enrolled("p1")
    for month in (8, 9, 10, 11):
        worked(case, month, p1=20)
    figures = months_of(case, AUGUST)
    assert [each.is_counted for each in figures.months] == [False, False, True, True]
    assert [each.is_on_record for each in figures.months] == [True] * 4
    assert [each.month for each in figures.measured] == [OCTOBER]


def test_a_reopened_month_stays_as_it_was_issued_until_it_is_closed_again(case: MonthCase):
    case.enrolled("p1", "p2")
    worked(case, 10, p1=20, p2=15)
    case.close(OCTOBER)
    case.reopen(OCTOBER)
    worked(case, 10, day=11, p1=25, p2=10)

    def found() -> tuple[int, int, int | None, int | None]:
        of = months_of(case, OCTOBER, OCTOBER).months[0].programs[Program.CCM]
        assert of.billed is not None
        return of.billed.months, of.billed.seconds // 60, of.idle, of.idle_seconds

    assert found() == (1, 20, 1, 15 * 60)
    assert months_of(case, OCTOBER).months[0].standing is Standing.REOPENED
    case.close(OCTOBER)
    assert found() == (2, 70, 0, 0)


def test_lines_of_before_amounts_were_kept_are_read_from_their_documents(
    sqlite_store: Store,
):
    case = MonthCase(sqlite_store, clock=FixedClock(NOW))
    case.enrolled("p1", "p2")
    worked(case, 10, p1=40, p2=20)
    case.close(OCTOBER)
    tamper(sqlite_store, "UPDATE superbill_line SET allowed_cents = NULL WHERE patient_id = 'p1'")
    billed = months_of(case, OCTOBER, OCTOBER).months[0].programs[Program.CCM].billed
    assert billed is not None
    assert (billed.allowed, billed.without_amount) == (2 * FIRST + MORE, 0)


def test_a_year_without_amounts_leaves_the_dollars_unknown(case: MonthCase):
    january = ServiceMonth(2027, 1)
    case.clock = FixedClock(NOW.replace(year=2027, month=2, day=10))
    case.enrolled("p1")
    case.panel.log("p1", 20, at=at(10).replace(year=2027, month=1))
    case.close(january)
    figures = months_of(case, january, january)
    billed = figures.months[0].programs[Program.CCM].billed
    assert billed is not None
    assert (billed.months, billed.allowed, billed.without_amount) == (1, None, 1)
    assert figures.months[0].allowed is None
    assert figures.months[0].collected is None


def test_merged_records_are_one_person_and_restricted_charts_are_in_the_totals(case: MonthCase):
    case.enrolled("fern", "fern-2", "closed-chart")
    worked(case, 10, **{"fern-2": 20, "closed-chart": 5})
    case.close(OCTOBER)
    merge_patients(
        MergePatients(
            merge_id="m-1",
            patient_id="fern",
            merged_patient_id="fern-2",
            reason="Same person, two intakes",
        ),
        store=case.store,
        actor=case.actor(AccessRole.OWNER, "dr-1"),
        clock=case.clock,
    )
    restrict_chart(
        "closed-chart",
        store=case.store,
        actor=case.actor(AccessRole.OWNER, "dr-1"),
        clock=case.clock,
    )
    of = months_of(case, OCTOBER, OCTOBER).months[0].programs[Program.CCM]
    assert (of.enrolled, of.idle, of.idle_seconds, of.reach) == (2, 1, 300, Decimal("0.5"))


def test_payments_are_a_share_of_what_was_allowed_and_unknown_without_one(case: MonthCase):
    case.enrolled("p1")
    worked(case, 9, p1=20)
    worked(case, 10, p1=20)
    case.close(SEPTEMBER)
    case.close(OCTOBER)
    record_payment(
        RecordPayment(
            payment_id=str(uuid4()),
            number=1,
            paid_by=PaidBy.PAYER,
            on=date(2026, 10, 20),
            amount=Decimal("52.90"),
        ),
        store=case.store,
        actor=case.actor(),
        clock=case.clock,
    )
    september, october = months_of(case, SEPTEMBER, OCTOBER).months
    assert september.collected == Decimal("52.90") / FIRST
    assert (october.paid, october.collected) == (None, None)


def test_as_many_statements_for_two_patients_as_for_twenty(sqlite_store: Store, tmp_path: Path):
    def statements(store: Store, patients: int) -> int:
        case = MonthCase(store, clock=FixedClock(NOW))
        names = [f"p{number}" for number in range(patients)]
        case.enrolled(*names)
        for number, name in enumerate(names):
            case.panel.log(name, 20, at=at(1 + number, month=10))
            case.panel.log(name, 20, at=at(1 + number, month=11))
        case.close(OCTOBER)
        with counted_statements(store) as said:
            figures = months_of(case)
        assert figures.measured[0].programs[Program.CCM].reach == 1
        return len(said)

    other = open_store(f"sqlite:///{tmp_path / 'other.db'}")
    assert statements(sqlite_store, 2) == statements(other, 20)
    other.close()


def test_a_span_that_is_none_or_too_long_is_refused(case: MonthCase):
    for first, last in ((OCTOBER, SEPTEMBER), (OCTOBER.plus(-60), OCTOBER)):
        with pytest.raises(CommandRefusedError, match="1 to 60 months"):
            months_of(case, first, last)
    assert months_of(case, OCTOBER.plus(-59), OCTOBER).months


# --- in place of the guesses -----------------------------------------------------------------


def test_own_figures_take_the_place_of_the_guesses_and_say_how_they_were_measured(year: MonthCase):
    found = replaced_in(year)
    own = {each.name: each.own for each in found.replaced}
    assert own == {
        "attrition": Decimal("0.2222"),  # 2 of 9
        "reach": Decimal("0.5000"),  # 5 of 10
        "billable_minutes": Decimal("43.6"),  # 218 in 5
        "idle_minutes": Decimal("4.8"),  # 24 in 5
        "add_on_40": Decimal("0.6000"),  # 3 of 5
        "add_on_60": Decimal("0.2000"),  # 1 of 5
        "complex_share": Decimal("0.0000"),
    }
    assert {name: found.inputs.value(name) for name in own} == own
    assert (found.inputs.panel, found.inputs.overhead) == (CCM_ON.panel, CCM_ON.overhead)
    how = {each.name: (each.before, each.how) for each in found.replaced}
    assert how["reach"] == (
        assumption("reach").default,
        "5 of 10 enrolled CCM months billed, 2026-09 to 2026-10",
    )
    left = {each.name: each.why for each in found.left}
    assert left["complex_more_share"] == "Nothing on record measures it in these months."
    assert "refused" in left["denials"]


def test_staff_programs_are_weighed_together_and_only_those_that_are_on(year: MonthCase):
    both = replace(CCM_ON, programs=frozenset({Program.CCM, Program.BHI}), bhi_share=Decimal("0.1"))
    (reach,) = (each for each in replaced_in(year, both).replaced if each.name == "reach")
    assert reach.own == Decimal("0.5000")  # 5 of 10, and 1 of 2
    assert reach.how == "6 of 12 enrolled CCM and BHI months billed, 2026-09 to 2026-10"
    tcm = replaced_in(year, replace(CCM_ON, programs=frozenset({Program.TCM})))
    assert tcm.replaced == ()
    assert {"tcm_discharges", "tcm_high_share", "tcm_minutes"} < {each.name for each in tcm.left}


NOTHING = Billed(
    months=0, allowed=Decimal("0.00"), without_amount=0, first=0, second=0, third=0,
    complex_months=0, complex_more=0, short=0, behavioral=0, high=0, timed=0, seconds=0,
)  # fmt: skip


def month(
    at_month: ServiceMonth, *programs: tuple[Program, int, Billed], is_over: bool = True
) -> FiguresOfMonth:
    """Make a month of programs with so many enrolled and what was billed of them."""
    return FiguresOfMonth(
        month=at_month,
        standing=Standing.CLOSED,
        is_over=is_over,
        is_on_record=True,
        is_counted=True,
        programs={
            program: FiguresOfProgram(
                program=program,
                enrolled=many,
                at_begin=many,
                started=0,
                ended=0,
                left=0,
                billed=billed,
                idle=many - billed.months,
                idle_seconds=0,
            )
            for program, many, billed in programs
        },
        paid=None,
    )


def test_other_programs_have_their_own_inputs():
    cocm = replace(NOTHING, months=4, first=3, second=1, short=1, timed=4, seconds=200 * 60)
    tcm = replace(NOTHING, months=3, high=1, timed=2, seconds=90 * 60)
    apcm = replace(NOTHING, months=6, behavioral=3)
    figures = OwnFigures(
        months=(
            month(
                SEPTEMBER, (Program.COCM, 5, cocm), (Program.TCM, 3, tcm), (Program.APCM, 8, apcm)
            ),
            month(OCTOBER, (Program.COCM, 7, NOTHING), (Program.APCM, 0, NOTHING)),
        )
    )
    on = frozenset({Program.COCM, Program.TCM, Program.APCM})
    found = inputs_from_figures(figures, replace(CCM_ON, programs=on))
    assert {each.name: each.own for each in found.replaced} == {
        "attrition": 0,
        "cocm_caseload": 7,
        "cocm_minutes": 50,
        "cocm_more_share": Decimal("0.3333"),
        "cocm_short_share": Decimal("0.25"),
        "tcm_discharges": Decimal("1.5"),
        "tcm_high_share": Decimal("0.3333"),
        "tcm_minutes": 45,
        "apcm_share": Decimal("0.75"),
        "apcm_behavioral_share": Decimal("0.5"),
    }
    assert "apcm_minutes" in {each.name for each in found.left}
    assert span_words(figures.months[:1]) == "2026-09"
    assert (
        span_words((month(AUGUST), *figures.months[1:])) == "2026-08 to 2026-10 (2 of these months)"
    )


def test_a_figure_that_the_model_does_not_take_is_left_with_the_reason():
    odd = replace(NOTHING, months=1, first=1, second=2)
    found = inputs_from_figures(OwnFigures(months=(month(OCTOBER, (Program.CCM, 2, odd)),)), CCM_ON)
    assert found.inputs.reach == Decimal("0.5")
    assert found.inputs.add_on_40 == CCM_ON.add_on_40
    (why,) = (each.why for each in found.left if each.name == "add_on_40")
    assert why.startswith("The model does not take 2.0000: 2 of 1 CCM months")


# --- a forecast beside what came -------------------------------------------------------------


def billed(months: int, dollars: str | None, without: int = 0) -> Billed:
    allowed = None if dollars is None else Decimal(dollars)
    return replace(NOTHING, months=months, allowed=allowed, without_amount=without)


FLAT = RoiInputs(
    panel=Decimal(100), medicare_share=Decimal(1), conditions_share=Decimal(1),
    seen_share=Decimal(1), consent_share=Decimal("0.1"), ramp_months=Decimal(1),
    attrition=Decimal(0), reach=Decimal("0.5"), add_on_40=Decimal(0), add_on_60=Decimal(0),
)  # fmt: skip
"""Ten patients from the first month, five of them billed: 5 x 66.13 each month."""


def test_a_forecast_is_compared_by_month_from_its_start():
    figures = OwnFigures(
        months=(
            month(AUGUST, (Program.CCM, 9, billed(9, "600.00"))),
            month(
                SEPTEMBER, (Program.CCM, 8, billed(4, "264.52")), (Program.BHI, 3, billed(2, "9"))
            ),
            replace(month(OCTOBER, (Program.CCM, 10, billed(6, "396.78"))), paid=Decimal("300.00")),
            month(NOVEMBER, (Program.CCM, 10, billed(1, "66.13")), is_over=False),
        )
    )
    found = forecast_against_actual(FLAT, SEPTEMBER, figures, BOOK.amounts)
    september, october, november = found
    assert [(each.month, each.number) for each in found] == [
        (SEPTEMBER, 1), (OCTOBER, 2), (NOVEMBER, 3),
    ]  # fmt: skip
    assert september.enrolled == Compared(Decimal(10), Decimal(8))
    assert (september.billed.error, september.billed.error_share) == (-1, Decimal("-0.2"))
    assert september.allowed == Compared(5 * FIRST, Decimal("264.52"))
    assert september.cash.actual is None
    assert october.cash.actual == Decimal("300.00")
    total = total_of(found)
    assert total.months == 2
    assert total.enrolled == Compared(Decimal(20), Decimal(18))
    assert total.billed == Compared(Decimal(10), Decimal(10))
    assert total.cash == Compared(october.cash.forecast, Decimal("300.00"))
    assert total.mean_error["billed"] == Decimal("0.2")
    assert november.billed.actual == 1
    assert total_of([november]).billed is None
    assert total_of([november]).mean_error["billed"] is None


def test_what_is_not_on_record_has_no_error():
    unknown = month(
        SEPTEMBER, (Program.CCM, 8, billed(4, None, 4)), (Program.BHI, 1, billed(1, "9"))
    )
    bare = replace(month(OCTOBER), is_on_record=False, is_counted=False, paid=Decimal(1))
    idle = month(NOVEMBER, (Program.CCM, 3, billed(0, "0.00")))
    figures = OwnFigures(months=(replace(unknown, paid=Decimal(50)), bare, idle))
    september, october, november = forecast_against_actual(FLAT, SEPTEMBER, figures, BOOK.amounts)
    assert (september.allowed.actual, september.without_amount) == (None, 4)
    assert september.cash.actual is None, "also for a program that the scenario leaves out"
    assert (october.enrolled.actual, october.billed.actual, october.cash.error) == (None,) * 3
    assert november.allowed.actual == 0
    assert Compared(Decimal(0), Decimal(5)).error_share is None
    assert forecast_against_actual(FLAT, NOVEMBER.following, figures, BOOK.amounts) == ()
