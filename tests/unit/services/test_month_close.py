"""Closing a month: what is refused, what is written, and that it is done once; on both databases."""

import hashlib
import json
from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta

import pysqlite3
import pytest

from tests.support.month_case import NOVEMBER, OVER, MonthCase
from tests.support.small_panel import at
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Program
from trellis_core.errors import (
    CheckpointError,
    CommandRefusedError,
    DuplicateCommandError,
    MonthClosedError,
    MonthNotClosableError,
    PermissionDeniedError,
)
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import month_close
from trellis_core.services.billing import superbills
from trellis_core.services.integrity import check_store
from trellis_core.services.month_close import CloseMonth, ReopenMonth, close_month, reopen_month
from trellis_core.services.months import Standing, month_state
from trellis_core.services.timers import start_timer
from trellis_core.store.engine import Store
from trellis_core.store.month_query import marks_of
from trellis_core.store.tables import EVENT_TEXT, MONTH_DETERMINATION, SUPERBILL, RunningTimerRow
from trellis_core.superbill.issued import unpacked
from trellis_core.values.clock import FixedClock


@pytest.fixture
def case(store: Store) -> MonthCase:
    """Fern has 42 minutes, Moss 10 and Reed 25; nothing is missing."""
    return filled(store)


@pytest.fixture
def any_case(any_store: Store) -> MonthCase:
    """The same on either database."""
    return filled(any_store)


def filled(store: Store) -> MonthCase:
    case = MonthCase(store)
    case.enrolled("fern", "moss", "reed")
    case.panel.log("fern", 22, at=at(3), entry_id="t-one")
    case.panel.log("fern", 20, at=at(10), entry_id="t-two")
    case.panel.log("moss", 10, at=at(4))
    case.panel.log("reed", 25, at=at(5))
    return case


def test_a_close_numbers_what_is_ready_and_says_so(any_case: MonthCase):
    closed = any_case.close()

    assert [(each.number, each.patient_id, each.version) for each in closed.issued] == [
        (1, "fern", 1),
        (2, "reed", 1),
    ]
    assert (closed.entries, closed.seconds, closed.period) == (4, 77 * 60, 0)
    assert (closed.counts.in_play, closed.counts.billable, closed.held_back) == (3, 2, ())
    assert closed.created
    assert closed.checkpoint is not None
    assert closed.checkpoint.startswith("Checkpoint 1 of 2026-12-01")
    state = any_case.state()
    assert state.standing is Standing.CLOSED
    assert (state.issued, state.by, state.code) == ((1, 2), "rn-1", closed.code)
    assert state.counts == closed.counts
    assert check_store(any_case.store).ok


def test_the_event_names_the_ledger_and_seals_every_document(any_case: MonthCase):
    with any_case.store.reading() as unit:
        before = unit.connection.exec_driver_sql("SELECT seq FROM journal_head").scalar_one()
    any_case.close()
    with any_case.store.reading() as unit:
        (mark,) = marks_of(unit, any_case.practice_id, NOVEMBER)
        said = [
            f"D {row.patient_id} {row.sha256}\n"
            for row in unit.connection.execute(MONTH_DETERMINATION.select())
        ] + [
            f"S {row.number} {row.sha256}\n" for row in unit.connection.execute(SUPERBILL.select())
        ]
    details = dict(mark.details)
    assert list(details) == sorted(details)
    assert len(said) == 5
    book = load_rule_book()
    assert details == {
        "digest": hashlib.sha256("".join(sorted(said)).encode()).hexdigest(),
        "journal_seq": before,
        "ledger_head": details["ledger_head"],
        "ledger_seq": 4,
        "patients": 3,
        "period": 0,
        "rule_book": f"{book.version} {book.fingerprint}",
        "seconds": 77 * 60,
        "superbills": [1, 2],
        "ym": 202611,
    }
    assert mark.event == before + 1


def test_a_month_without_anything_can_be_closed(case: MonthCase):
    closed = case.close(NOVEMBER.plus(-8))
    assert (closed.issued, closed.entries, closed.counts.in_play) == ((), 0, 3)
    with case.store.reading() as unit:
        (mark,) = marks_of(unit, case.practice_id, NOVEMBER.plus(-8))
    assert mark.details["superbills"] is None


def test_what_lacks_something_is_held_back_with_what_it_lacks(any_case: MonthCase):
    any_case.change_patient("fern", member_id=None)
    closed = any_case.close()

    assert [each.patient_id for each in closed.issued] == ["reed"]
    (held,) = closed.held_back
    assert (held.patient_id, [one.code for one in held.missing]) == ("fern", ["MEMBER_ID"])
    state = any_case.state()
    assert state.counts is not None
    assert state.counts.held_back == closed.held_back
    assert [bill.patient.id for bill in any_case.bills()] == ["reed"]

    any_case.change_patient("fern", member_id="1EG4TE5MK73")
    any_case.reopen()
    again = any_case.close()
    assert [(each.number, each.patient_id, each.version) for each in again.issued] == [
        (2, "fern", 1)
    ]
    assert again.counts.unchanged == 1


@pytest.mark.parametrize("seconds", [-1, 0])
def test_the_month_must_be_over_to_the_second(any_case: MonthCase, seconds: int):
    any_case.clock = FixedClock(OVER + timedelta(seconds=seconds))
    if seconds < 0:
        with pytest.raises(MonthNotClosableError, match="November 2026 is not over"):
            any_case.close()
        assert any_case.state().standing is Standing.OPEN
        assert any_case.close(early=True).created
        assert any_case.state().is_early
    else:
        assert any_case.close().created
        assert not any_case.state().is_early


@pytest.mark.parametrize(
    ("started", "is_refused"),
    [
        (OVER - timedelta(seconds=1), True),
        (OVER, False),
        (at(1, 4) - timedelta(days=1) + timedelta(seconds=1), True),
        (at(1, 4) - timedelta(days=1), False),
    ],
)
def test_a_timer_that_started_in_the_month_holds_the_close_up(
    case: MonthCase, started, is_refused: bool
):
    """Also one of the day before it: its entry could reach into the month."""
    case.panel.add(
        RunningTimerRow(
            practice_id=case.practice_id, staff_id="sw-1", entry_id="e-1", patient_id="moss",
            program="CCM", started_at=started,
        )
    )  # fmt: skip
    if not is_refused:
        assert case.close().created
        return
    with pytest.raises(MonthNotClosableError, match=r"still runs for sw-1\. Stop it first"):
        case.close()
    assert case.numbers() == []
    assert case.state().running == ("sw-1",)


def test_no_timer_starts_in_a_month_that_was_closed_early(case: MonthCase):
    case.clock = FixedClock(at(25))
    case.close(early=True)
    with pytest.raises(
        MonthClosedError, match=r"closed since Nov 25, 2026, 10:00 EST; the timer was not"
    ):
        start_timer(
            patient_id="moss", program=Program.CCM, store=case.store,
            actor=case.actor(AccessRole.OWNER), clock=case.clock,
        )  # fmt: skip


def test_a_total_that_differs_from_its_entries_is_refused(case: MonthCase, monkeypatch):
    monkeypatch.setattr(month_close, "check_ledger", lambda **_: _Clean)
    around_the_guards(
        case,
        "DROP TRIGGER guard_month_roll_update",
        "UPDATE month_roll SET seconds = seconds + 60 WHERE patient_id = 'moss'",
    )
    with pytest.raises(MonthNotClosableError, match="the total of CCM for patient 'moss'"):
        case.close()
    assert case.numbers() == []


class _Clean:
    findings = ()


def around_the_guards(case: MonthCase, *statements: str) -> None:
    """Change a SQLite file as somebody would who gets around Trellis."""
    connection = pysqlite3.connect(case.store.path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_damaged_ledger_is_not_closed_over(case: MonthCase):
    around_the_guards(
        case, "DROP TRIGGER guard_entry_note_update", "UPDATE entry_note SET text = 'another'"
    )
    with pytest.raises(MonthNotClosableError, match="the check of the ledger found L0"):
        case.close()
    assert case.state().standing is Standing.OPEN


def test_the_second_closer_is_told_by_whom_and_when(any_case: MonthCase):
    any_case.close()
    with pytest.raises(
        MonthNotClosableError,
        match=r"November 2026 was already closed by rn-1 at Dec 1, 2026, 09:00 EST\.",
    ) as refused:
        any_case.close()
    assert refused.value.code == "ALREADY_CLOSED"


def test_the_same_form_gives_the_first_result_again(any_case: MonthCase):
    first = any_case.close(form_id="form-1")
    again = any_case.close(form_id="form-1")
    assert (first.created, again.created) == (True, False)
    assert again == month_close.replace(first, created=False)
    any_case.reopen()
    any_case.log("moss", 15, at=at(11))
    any_case.close()
    later = any_case.close(form_id="form-1")
    assert (later.issued, later.entries, later.seconds) == (
        first.issued,
        first.entries,
        first.seconds,
    )


def test_a_form_is_for_one_thing(case: MonthCase):
    case.close(form_id="form-1")
    with pytest.raises(DuplicateCommandError):
        case.reopen(form_id="form-1")
    with pytest.raises(DuplicateCommandError):
        case.close(NOVEMBER.previous, form_id="form-1")
    with case.store.reading() as unit:
        taken = unit.connection.exec_driver_sql("SELECT event_id FROM event LIMIT 1").scalar_one()
    with pytest.raises(DuplicateCommandError):
        case.close(NOVEMBER.previous, form_id=taken)
    with pytest.raises(CommandRefusedError, match="form's id"):
        case.close(NOVEMBER.previous, form_id="no blanks")


def test_only_owner_and_biller_close_and_reopen(case: MonthCase):
    services = {"store": case.store, "clock": case.clock}
    for role in (AccessRole.COORDINATOR, AccessRole.AUDITOR):
        with pytest.raises(PermissionDeniedError):
            close_month(
                CloseMonth(month=NOVEMBER, form_id="f"), actor=case.actor(role),
                rule_book=load_rule_book(), **services,
            )  # fmt: skip
        with pytest.raises(PermissionDeniedError):
            reopen_month(
                ReopenMonth(month=NOVEMBER, form_id="f", reason="x"),
                actor=case.actor(role),
                **services,
            )
        month_state(NOVEMBER, actor=case.actor(role), **services)
    assert case.state().marks == 0


def test_reopening_needs_a_closed_month_and_a_reason(any_case: MonthCase):
    with pytest.raises(MonthNotClosableError, match="November 2026 is not closed"):
        any_case.reopen()
    any_case.close()
    for reason in ("", "  ", "x" * 501):
        with pytest.raises(CommandRefusedError, match="needs a reason"):
            any_case.reopen(reason=reason)
    state = any_case.reopen(reason="x" * 500, form_id="form-2")
    assert (state.standing, state.adjustment, state.marks) == (Standing.REOPENED, 1, 2)
    assert any_case.reopen(form_id="form-2") == state
    with pytest.raises(MonthNotClosableError, match="is not closed"):
        any_case.reopen()
    closed = any_case.close()
    assert (closed.period, any_case.state().adjustment) == (1, 1)


def test_the_reason_is_kept_beside_the_chain(case: MonthCase):
    case.close()
    case.reopen(reason="Moss called about her brother")
    with case.store.reading() as unit:
        *_, mark = marks_of(unit, case.practice_id, NOVEMBER)
        body = unit.connection.exec_driver_sql(
            f"SELECT body FROM event WHERE seq = {mark.event}"
        ).scalar_one()
        texts = [row.text for row in unit.connection.execute(EVENT_TEXT.select())]
    assert "brother" not in body
    assert any("brother" in text for text in texts)
    assert mark.details == {"adjustment": 1, "ym": 202611}
    assert case.state().reason == "Moss called about her brother"


def test_a_checkpoint_that_fails_never_undoes_the_close(case: MonthCase, monkeypatch):
    made = month_close.make_checkpoint

    def fails(*_: object, **__: object) -> None:
        raise CheckpointError("The key cannot be read.")

    monkeypatch.setattr(month_close, "make_checkpoint", fails)
    closed = case.close(form_id="form-1")
    assert (closed.checkpoint, closed.checkpoint_problem) == (None, "The key cannot be read.")
    assert case.state().is_closed
    before = case.document("pdf").content

    monkeypatch.setattr(month_close, "make_checkpoint", made)
    with pytest.raises(MonthNotClosableError, match="already closed"):
        case.close()  # another command completes what the first could not
    sealed = case.close(form_id="form-1")
    assert sealed.checkpoint is not None
    assert sealed.checkpoint.startswith("Checkpoint 1 of")
    assert case.bills()[0].checkpoint == sealed.checkpoint
    assert case.document("pdf").content != before


def disturb(
    case: MonthCase, monkeypatch: pytest.MonkeyPatch, act: Callable[[int], object]
) -> list[bool]:
    """Let something happen after each plan that is made while others work; say where plans were made.

    Args:
        case: The practice.
        monkeypatch: Takes it all back.
        act: What happens; given how many plans were made.

    Returns:
        For each plan whether it was made under the lock.
    """
    reading, planned, made = case.store.reading, month_close.plan_month, []

    def plan(unit, *args, **named):
        made.append(unit.is_writable)
        return planned(unit, *args, **named)

    @contextmanager
    def disturbed():
        before = len(made)
        with reading() as unit:
            yield unit
        if len(made) > before:
            act(len(made))

    monkeypatch.setattr(month_close, "plan_month", plan)
    monkeypatch.setattr(case.store, "reading", disturbed)
    return made


def test_time_of_a_later_month_does_not_disturb_a_close(case: MonthCase, monkeypatch):
    made = disturb(case, monkeypatch, lambda _: case.log("fern", 5, at=OVER + timedelta(hours=1)))
    closed = case.close()
    assert made == [False]
    assert closed.entries == 4
    (closing,) = {bill.closed for bill in case.bills()}
    assert closing is not None
    assert closing.ledger_seq == 5
    assert check_store(case.store).ok


@pytest.mark.parametrize(
    "changed",
    [
        lambda case, made: case.log("moss", 1, at=at(12, minute=5 * made)),
        lambda case, made: case.log("moss", 1, at=at(12, minute=5 * made, month=10)),
        lambda case, made: case.change_patient("fern", mrn=f"M-{made}"),
    ],
    ids=["time of the month", "time of an earlier month", "a record"],
)
def test_a_plan_is_made_again_where_the_month_has_changed(case: MonthCase, monkeypatch, changed):
    made = disturb(case, monkeypatch, lambda number: changed(case, number))
    closed = case.close()
    assert made == [False, False, True]
    assert closed.entries in {4, 6}
    assert case.bills()[0].patient.mrn in {"M-fern", "M-2"}
    assert check_store(case.store).ok


def test_numbers_have_no_gap_over_months_and_practices(any_store: Store):
    one, other = MonthCase(any_store), MonthCase(any_store, "prac-2")
    for case in (one, other):
        case.enrolled("p-1", "p-2", "p-3")
        for month in (9, 10, 11):
            for place, patient in enumerate(("p-1", "p-2", "p-3")):
                if place != month - 9:
                    case.panel.log(patient, 30, at=at(10 + place, month=month))
    for months in ((9,), (10, 11)):
        for month in months:
            for case in (one, other):
                case.close(NOVEMBER.plus(month - 11))
    assert one.numbers() == other.numbers() == [1, 2, 3, 4, 5, 6]
    assert check_store(any_store).ok


def test_superbills_are_numbered_by_what_does_not_change(case: MonthCase):
    case.change_patient("reed", family_name="Aaronson")
    assert [bill.patient.id for bill in case.bills()] == ["reed", "fern"]
    assert [(each.number, each.patient_id) for each in case.close().issued] == [
        (1, "fern"),
        (2, "reed"),
    ]


def test_what_was_decided_is_kept_for_everybody_in_play(case: MonthCase):
    case.close()
    with case.store.reading() as unit:
        rows = unit.connection.execute(MONTH_DETERMINATION.select()).all()
    answers = {row.patient_id: json.loads(unpacked(row.document, row.sha256)) for row in rows}
    assert set(answers) == {"fern", "moss", "reed"}
    assert sorted(line["code"] for line in answers["fern"]["lines"]) == ["99439", "99490"]
    assert answers["moss"]["lines"] == []
    assert answers["moss"]["blocked"]


def test_another_practice_sees_and_closes_only_its_own(store: Store):
    one, other = filled(store), MonthCase(store, "prac-2")
    one.close()
    assert other.state().marks == 0
    assert superbills(
        month=NOVEMBER, store=store, actor=other.actor(), clock=other.clock,
        rule_book=load_rule_book(),
    ) == ()  # fmt: skip
