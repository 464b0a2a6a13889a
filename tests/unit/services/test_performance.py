"""What Performance counts, against small months that were counted by hand."""

import csv
import io
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.support.month_case import NOVEMBER, OVER, MonthCase
from tests.support.tampering import tamper
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Activity, EntryMode, Program
from trellis_core.errors import StoreError
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.claims import (
    MarkSubmitted,
    PaidBy,
    RecordPayment,
    mark_submitted,
    record_payment,
)
from trellis_core.services.issued_amounts import IssuedAmounts
from trellis_core.services.months import Standing
from trellis_core.services.performance import (
    FunnelOfMonth,
    contemporaneity,
    funnel,
    money_by_month,
    payments,
    time_of_month,
)
from trellis_core.services.performance_file import HEADINGS, performance_file
from trellis_core.services.performance_money import (
    MonthMoney,
    PaidState,
    PaymentsOfMonth,
    claims_of,
)
from trellis_core.services.performance_reach import Steps
from trellis_core.services.performance_time import FEW, Contemporaneity, Origin, Share
from trellis_core.services.time_log import CorrectTime, correct_time
from trellis_core.store.engine import Store
from trellis_core.store.month_query import IssuedRow
from trellis_core.store.performance_query import PaidSum
from trellis_core.store.tables import ConsentRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

BOOK = load_rule_book()
FIRST, MORE = Decimal("66.13"), Decimal("50.44")
"""The national amounts of the first and of each further 20 minutes of chronic care in 2026."""
LATE_AFTER = timedelta(hours=BOOK.integer("common.late_entry.after_hours", on=OVER.date()))


@pytest.fixture
def case(store: Store) -> MonthCase:
    made = MonthCase(store)
    made.enrolled("p1", "p2")
    return made


_hours = Counter[str]()


@pytest.fixture(autouse=True)
def _first_hour() -> None:
    _hours.clear()


def worked(case: MonthCase, patient_id: str, minutes: int, **more: Any) -> str:
    """Record time on the tenth, an hour after the one before, timed and at once."""
    _hours[""] += 1
    at = datetime(2026, 11, 10, 12, tzinfo=UTC) + timedelta(hours=_hours[""])
    return case.panel.log(patient_id, minutes, **({"at": at, "mode": EntryMode.TIMED} | more))


def services(case: MonthCase) -> dict[str, Any]:
    return {
        "store": case.store,
        "actor": case.actor(),
        "clock": case.clock,
        "rule_book": BOOK,
    }


def dollars(case: MonthCase, months: int = 3, month: ServiceMonth = NOVEMBER) -> list[MonthMoney]:
    return list(money_by_month(month, months=months, **services(case)))


def funnel_of(case: MonthCase) -> FunnelOfMonth:
    return funnel(NOVEMBER, **services(case))


def written(case: MonthCase) -> Contemporaneity:
    return contemporaneity(NOVEMBER, **services(case))


def paid(case: MonthCase) -> PaymentsOfMonth:
    return payments(NOVEMBER, store=case.store, actor=case.actor())


def pay(case: MonthCase, number: int, amount: str, by: PaidBy = PaidBy.PAYER) -> None:
    record_payment(
        RecordPayment(
            payment_id=str(uuid4()),
            number=number,
            paid_by=by,
            on=date(2026, 12, 1),
            amount=Decimal(amount),
        ),
        store=case.store,
        actor=case.actor(),
        clock=case.clock,
    )


# --- dollars ---------------------------------------------------------------------------------


def test_an_open_month_counts_its_drafts_and_what_is_within_reach_or_blocked(case: MonthCase):
    case.enrolled("p3", "p4")
    case.panel.add(case.panel.patient("p5"))
    case.panel.add(*case.panel.chart("p5", has_consent=False))
    worked(case, "p1", 20)
    worked(case, "p2", 19)
    worked(case, "p3", 39)
    worked(case, "p5", 25)
    older, before, found = dollars(case)
    assert found.standing is Standing.OPEN
    assert found.captured is not None
    assert (found.captured.amount, found.captured.superbills) == (2 * FIRST, 2)
    assert found.uncaptured is not None
    assert (found.uncaptured.reach, found.uncaptured.blocked) == (FIRST, FIRST)
    assert (found.uncaptured.rows, found.uncaptured.unknown) == (2, 0)
    assert (found.held_back, found.paid) == (None, None)
    assert before.captured is not None
    assert before.captured.superbills == 0
    assert (older.month, older.captured, older.uncaptured) == (ServiceMonth(2026, 9), None, None)


def test_a_closed_month_counts_what_stands_as_issued_also_when_it_is_long_past(case: MonthCase):
    case.enrolled("p3", sex=None)
    worked(case, "p1", 40)
    worked(case, "p2", 20)
    worked(case, "p3", 20)
    case.close()
    (found,) = dollars(case, 1)
    assert found.standing is Standing.CLOSED
    assert found.captured is not None
    assert (found.captured.amount, found.captured.superbills) == (2 * FIRST + MORE, 2)
    assert found.held_back == 1
    case.clock = FixedClock(datetime(2027, 2, 10, 15, tzinfo=UTC))
    long_past = dollars(case, 4, ServiceMonth(2027, 2))[0]
    assert (long_past.month, long_past.captured) == (NOVEMBER, found.captured)
    assert (long_past.uncaptured, long_past.held_back) == (None, 1)


def test_a_reopened_month_counts_what_stands_and_no_version_twice(case: MonthCase):
    worked(case, "p1", 20)
    case.close()
    case.reopen()
    worked(case, "p1", 20)
    (found,) = dollars(case, 1)
    assert (found.standing, found.captured and found.captured.amount) == (Standing.REOPENED, FIRST)
    case.close()
    (found,) = dollars(case, 1)
    assert found.captured is not None
    assert (found.captured.amount, found.captured.superbills) == (FIRST + MORE, 1)


def test_amounts_of_lines_from_before_they_were_kept_are_read_from_the_document(
    sqlite_store: Store,
):
    case = MonthCase(sqlite_store)
    case.enrolled("p1", "p2")
    worked(case, "p1", 40)
    worked(case, "p2", 20)
    case.close()
    tamper(sqlite_store, "UPDATE superbill_line SET allowed_cents = NULL WHERE code = '99439'")
    (found,) = dollars(case, 1)
    assert found.captured is not None
    assert (found.captured.amount, found.captured.without) == (2 * FIRST + MORE, 0)


def test_a_document_that_was_changed_gives_no_amount(sqlite_store: Store):
    case = MonthCase(sqlite_store)
    case.enrolled("p1")
    worked(case, "p1", 20)
    case.close()
    tamper(sqlite_store, "UPDATE superbill SET document = x'00'")
    with pytest.raises(StoreError, match="Superbill 1 is not as it was issued"):
        paid(case)


# --- steps and minutes -----------------------------------------------------------------------


def test_each_step_is_among_the_one_before_and_both_sides_of_a_threshold_count(case: MonthCase):
    case.enrolled("p3", sex=None)
    case.enrolled("p4")
    case.panel.add(case.panel.patient("p5"))
    case.panel.add(*case.panel.chart("p5", has_consent=False))
    for patient, minutes in (("p1", 20), ("p2", 19), ("p3", 24), ("p5", 25)):
        worked(case, patient, minutes)
    found = funnel_of(case)
    assert found.steps == {Program.CCM: Steps(enrolled=5, consented=4, over=2, billed=2)}
    assert found.total == found.steps[Program.CCM]
    case.close()
    issued = funnel_of(case)
    assert issued.standing is Standing.CLOSED
    assert issued.steps[Program.CCM].billed == 1
    spread = found.spreads[Program.CCM]
    assert dict(spread.minutes) == {19: 1, 20: 1, 24: 1, 25: 1}
    assert spread.without_time == 1
    assert spread.marks[20] == "99490"
    assert spread.near(20) == (1, 2)
    assert spread.near(25) == (2, 1)


def test_whoever_is_billed_took_every_step_whatever_the_records_say_since(case: MonthCase):
    worked(case, "p1", 20)
    case.close()
    with case.store.reading() as unit:
        consent = unit.session.connection().exec_driver_sql(
            "SELECT id FROM consent WHERE patient_id = 'p1'"
        )
        (consent_id,) = consent.scalars()
    case.change(ConsentRow, "prac-1", consent_id, revoked_on=date(2026, 2, 1))
    assert funnel_of(case).steps[Program.CCM] == Steps(enrolled=2, consented=2, over=1, billed=1)


def test_a_program_without_a_bill_needs_no_month_to_be_closed(case: MonthCase):
    case.enrolled("p3", program=Program.BHI)
    worked(case, "p3", 20, program=Program.BHI, staff_id="sw-1")
    steps = funnel_of(case).steps
    assert set(steps) == {Program.CCM, Program.BHI}
    assert steps[Program.CCM].over == 0


# --- time ------------------------------------------------------------------------------------


def test_minutes_are_counted_by_person_activity_and_day_and_a_correction_once(case: MonthCase):
    entry = worked(case, "p1", 20)
    worked(case, "p1", 10, staff_id="dr-1", activity=Activity.RECORD_REVIEW)
    worked(case, "p2", 7, at=datetime(2026, 12, 1, 4, 30, tzinfo=UTC))
    case.panel.void(worked(case, "p2", 5))
    case.clock = FixedClock(datetime(2026, 11, 30, 15, tzinfo=UTC))
    correct_time(
        CorrectTime(entry_id_new=str(uuid4()), entry_id=entry, seconds=15 * 60, reason="too long"),
        store=case.store,
        actor=case.actor(AccessRole.OWNER),
        clock=case.clock,
    )
    found = time_of_month(NOVEMBER, store=case.store, actor=case.actor())
    assert dict(found.by_person) == {
        ("rn-1", Activity.CARE_COORDINATION): 22 * 60,
        ("dr-1", Activity.RECORD_REVIEW): 10 * 60,
    }
    assert (found.entries, found.patients, found.seconds) == (3, 2, 32 * 60)
    assert len(found.by_day) == 30
    assert written(case).corrections == 1
    assert {day.day: seconds // 60 for day, seconds in found.by_day.items() if seconds} == {
        10: 25, 30: 7,
    }  # fmt: skip


def test_origins_part_the_entries_and_an_estimate_is_one_however_it_came_in(case: MonthCase):
    worked(case, "p1", 3)
    worked(case, "p1", 3, mode=EntryMode.TYPED)
    worked(case, "p1", 3, mode=EntryMode.SUGGESTED)
    worked(case, "p1", 3, mode=EntryMode.IMPORTED)
    worked(case, "p1", 3, is_estimated=True)
    worked(case, "p1", 3, mode=EntryMode.TYPED, is_estimated=True)
    found = written(case)
    assert dict(found.origins) == {
        Origin.TIMED: 1,
        Origin.SUGGESTED: 1,
        Origin.TYPED: 1,
        Origin.IMPORTED: 1,
        Origin.ESTIMATED: 2,
    }
    assert found.entries == 6


def test_recording_later_than_the_mark_is_late_and_at_the_mark_is_not(case: MonthCase):
    for lag in (timedelta(), timedelta(minutes=1), LATE_AFTER, LATE_AFTER + timedelta(seconds=1)):
        worked(case, "p1", 3, recorded_after=lag)
    lag = written(case).lag
    assert lag.late == Share(1, 4)
    assert lag.late.fraction is None
    assert lag.after == LATE_AFTER
    assert lag.median == 60
    assert lag.ninth_tenth == LATE_AFTER.total_seconds() + 1


def test_round_lengths_are_told_apart_by_how_they_came_in(case: MonthCase):
    for minutes in (5, 10, 11, 14):
        worked(case, "p1", minutes, mode=EntryMode.TYPED)
    for minutes in (4, 6, 15):
        worked(case, "p2", minutes)
    rounds = written(case).rounds
    assert dict(rounds) == {EntryMode.TIMED: Share(1, 3), EntryMode.TYPED: Share(2, 4)}


def test_no_share_is_given_of_few(case: MonthCase):
    assert (Share(3, FEW - 1).fraction, Share(5, FEW).fraction) == (None, 0.25)
    empty = written(case)
    assert (empty.entries, empty.lag.median, empty.lag.ninth_tenth) == (0, None, None)
    assert empty.top_ups.share == Share(0, 0)


def test_a_last_entry_that_just_reaches_a_unit_is_told_by_person(case: MonthCase):
    case.enrolled("p3", "p4", "p5")
    worked(case, "p1", 15)
    worked(case, "p1", 5, staff_id="dr-1")  # 20: just there
    worked(case, "p2", 15)
    worked(case, "p2", 6)  # 21: a minute to spare
    worked(case, "p3", 35)
    worked(case, "p3", 5)  # 40: just there again
    worked(case, "p4", 19)  # nowhere
    worked(case, "p5", 20)
    case.panel.void(worked(case, "p5", 3))  # 20 of one entry that stands
    found = written(case).top_ups
    assert dict(found.found) == {"dr-1": 1, "rn-1": 2}
    assert dict(found.reached) == {"dr-1": 1, "rn-1": 3}
    assert found.share == Share(3, 4)


def test_the_entry_written_down_last_counts_not_the_one_worked_last(case: MonthCase):
    at = datetime(2026, 11, 20, 15, tzinfo=UTC)
    worked(case, "p1", 15, at=at, staff_id="dr-1")
    worked(case, "p1", 5, at=at - timedelta(days=9), recorded_after=timedelta(days=10))
    assert dict(written(case).top_ups.found) == {"rn-1": 1}


def test_time_that_does_not_count_makes_no_top_up(case: MonthCase):
    worked(case, "p1", 20)
    worked(case, "p1", 4, staff_id="desk-1")
    found = written(case).top_ups
    assert dict(found.found) == {"rn-1": 1}
    assert dict(found.reached) == {"desk-1": 1}


# --- payments --------------------------------------------------------------------------------


def test_payments_are_compared_with_what_was_expected_and_one_is_taken_back(case: MonthCase):
    case.enrolled("p3", "p4", payer_name="Acme", payer_kind="commercial")
    for patient in ("p1", "p2", "p3", "p4"):
        worked(case, patient, 20)
    case.close()
    assert paid(case).total.nothing == 4
    pay(case, 1, "52.90")
    pay(case, 1, "13.23", PaidBy.PATIENT)
    pay(case, 2, "60.00")
    pay(case, 2, "-10.00")
    pay(case, 3, "70.00")
    mark_submitted(
        MarkSubmitted(number=4, on=date(2026, 12, 1)),
        store=case.store,
        actor=case.actor(),
        clock=case.clock,
    )
    found = paid(case)
    assert [each.state for each in found.claims] == [
        PaidState.FULL, PaidState.PARTLY, PaidState.OVERPAID, PaidState.NOTHING,
    ]  # fmt: skip
    assert found.claims[1].outstanding == Decimal("16.13")
    assert found.claims[3].paid is None
    assert [each.sent_on for each in found.claims] == [None, None, None, date(2026, 12, 1)]
    acme, medicare = found.by_payer
    assert (acme.payer, acme.superbills, acme.expected, acme.paid) == (
        "Acme", 2, 2 * FIRST, Decimal("70.00"),
    )  # fmt: skip
    assert (acme.overpaid, acme.outstanding) == (Decimal("3.87"), FIRST)
    assert (acme.nothing, acme.nothing_amount) == (1, FIRST)
    assert (medicare.paid, medicare.outstanding) == (Decimal("116.13"), Decimal("16.13"))
    assert dict(found.by_side) == {"patient": Decimal("13.23"), "payer": Decimal("172.90")}
    assert dollars(case, 1)[0].paid == Decimal("186.13")


def test_what_was_taken_back_whole_is_on_file_as_nothing_paid(case: MonthCase):
    worked(case, "p1", 20)
    case.close()
    pay(case, 1, "66.13")
    pay(case, 1, "-66.13")
    (claim,) = paid(case).claims
    assert (claim.paid, claim.state, claim.outstanding) == (Decimal(0), PaidState.PARTLY, FIRST)


def test_a_payment_for_a_version_that_was_replaced_counts_with_the_one_that_stands(
    case: MonthCase,
):
    worked(case, "p1", 20)
    case.close()
    pay(case, 1, "66.13")
    case.reopen()
    worked(case, "p1", 20)
    case.close()
    (claim,) = paid(case).claims
    assert (claim.number, claim.paid, claim.outstanding) == (2, FIRST, MORE)


def test_a_superbill_without_an_amount_is_neither_paid_nor_outstanding():
    row = IssuedRow(
        number=1, superbill_id="s", version=1, replaces=None, superseded_by=None, period=0,
        patient_id="p", changes_claim=True, has_lines=True, issued_at=OVER, document=b"", sha256="",
    )  # fmt: skip
    amounts = {1: IssuedAmounts(payer="", lines=(FIRST, None))}
    assert (amounts[1].known, amounts[1].without) == (FIRST, 1)
    (bare,) = claims_of([row], amounts, [], {})
    assert (bare.allowed, bare.paid, bare.state) == (None, None, PaidState.NOTHING)
    (some,) = claims_of([row], amounts, [PaidSum(1, "payer", 6613, 1)], {})
    assert (some.state, some.outstanding, some.overpaid) == (PaidState.UNKNOWN, 0, 0)


# --- the file --------------------------------------------------------------------------------


def test_the_file_holds_every_figure_and_nobodys_name(case: MonthCase):
    worked(case, "p1", 20)
    case.close()
    pay(case, 1, "50.00")
    content = performance_file(NOVEMBER, **services(case)).decode()
    assert not [word for word in ("Fern", "Ada", "p1") if word in content]
    heading, *rows = csv.reader(io.StringIO(content))
    assert tuple(heading) == HEADINGS
    found = {(row[0], row[1], row[2], row[3]): row[4] for row in rows}
    assert found["dollars", "2026-11", "closed", "captured"] == "66.13"
    assert found["dollars", "2026-09", "open", "captured"] == ""
    assert found["funnel", "2026-11", "CCM", "billed"] == "1"
    assert found["time", "2026-11", "rn-1", "care_coordination"] == "1200"
    assert found["ends_at_threshold", "2026-11", "rn-1", "programs"] == "1"
    assert found["superbill", "2026-11", "1", "paid"] == "50.00"
    assert found["payer", "2026-11", "Medicare Part B", "outstanding"] == "16.13"
