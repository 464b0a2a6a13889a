"""An entry's whole history, and notes that are withheld from everybody."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import event, select

from tests.support.ledger_case import AUDITOR, BILLER, NURSE, OWNER, STRANGER, fill, work
from trellis_core.access import Actor
from trellis_core.care.vocabulary import EntryMode, Program
from trellis_core.errors import (
    CommandRefusedError,
    DuplicateCommandError,
    EntryNotFoundError,
    PermissionDeniedError,
)
from trellis_core.ledger.chain import GENESIS, EntryKind, entry_hash
from trellis_core.ledger.journal import EventKind
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.entry_history import EntryHistory, entry_history, withhold_note
from trellis_core.services.journal import journal
from trellis_core.services.time_log import CorrectTime, correct_time, entries_of, log_time
from trellis_core.services.timers import StopTimer, start_timer, stop_timer
from trellis_core.store.engine import Store
from trellis_core.store.tables import ENTRY, MONTH_MARK, WITHHELD_NOTE
from trellis_core.store.unit_of_work import EventDraft
from trellis_core.values.ids import new_entry_id

CANARY = "Zanzibar Quillfeather"
BOOK = load_rule_book()


@pytest.fixture
def practice(any_store: Store) -> Store:
    """A store that holds a practice, on either database."""
    fill(any_store)
    return any_store


def history(store: Store, entry_id: str, actor: Actor = AUDITOR) -> EntryHistory:
    return entry_history(entry_id, store=store, actor=actor, rule_book=BOOK)


def correct(store, clock, entry_id, *, actor=NURSE, **changes):
    command = CorrectTime(
        **({"entry_id_new": new_entry_id(), "entry_id": entry_id, "seconds": 600} | changes)
    )
    return correct_time(command, store=store, actor=actor, clock=clock)


def test_a_history_holds_every_row_of_an_entry_whichever_of_them_is_asked_for(practice, clock):
    log_time(work(), store=practice, actor=NURSE, clock=clock)
    first = log_time(work(note="Called"), store=practice, actor=NURSE, clock=clock)
    log_time(work(), store=practice, actor=NURSE, clock=clock)
    clock.advance(minutes=4)
    second = correct(practice, clock, first.entry.id, reason="Typed one zero too many")
    log_time(work(), store=practice, actor=NURSE, clock=clock)
    third = correct(practice, clock, second.entry.id, seconds=300, reason="Still too long")
    void = correct(
        practice, clock, third.entry.id, actor=OWNER, seconds=None, reason="Wrong patient"
    )
    told = history(practice, first.entry.id)
    assert [row.number for row in told.rows] == [2, 4, 5, 7, 8, 9]
    assert [row.seconds for row in told.rows] == [1200, -1200, 600, -600, 300, -300]
    assert [row.reason for row in told.rows] == [
        "", "Typed one zero too many", "Typed one zero too many", "Still too long",
        "Still too long", "Wrong patient",
    ]  # fmt: skip
    assert [row.author_id for row in told.rows] == [NURSE.person_id] * 5 + [OWNER.person_id]
    assert [row.code for row in told.rows][::2] == [
        first.code,
        second.code,
        third.code,
    ]
    assert all(row.hash.startswith(row.code) and len(row.hash) == 64 for row in told.rows)
    assert told.standing == 0
    assert void.entry.id == third.entry.id
    assert told.row(first.entry.id).recorded_at == first.entry.recorded_at
    assert [row.is_reversed for row in told.rows] == [True, False] * 3
    for row in told.rows:
        assert history(practice, row.entry_id).rows == told.rows


def test_a_history_names_the_entry_alone_where_nothing_happened_to_it(practice, clock):
    alone = log_time(work(), store=practice, actor=NURSE, clock=clock)
    log_time(work(), store=practice, actor=NURSE, clock=clock)
    (row,) = history(practice, alone.entry.id).rows
    assert (row.kind, row.mode, row.staff_id) == (EntryKind.TIME, EntryMode.TYPED, NURSE.person_id)
    marks = (row.is_divided, row.is_reversed, row.is_estimated, row.has_note)
    assert marks == (False, False, False, False)
    assert row.closed_at is None


def test_parts_divided_at_months_end_belong_together_also_after_one_is_corrected(practice, clock):
    whole = log_time(
        work(started_at=datetime(2026, 11, 1, 3, 50, tzinfo=UTC), seconds=1500),
        store=practice,
        actor=NURSE,
        clock=clock,
    )
    rest = whole.also[0]
    correct(practice, clock, rest.id, seconds=60, reason="Went home earlier")
    told = history(practice, whole.entry.id)
    assert [row.seconds for row in told.rows] == [600, 900, -900, 60]
    assert [row.is_divided for row in told.rows] == [True, True, False, False]
    assert [str(row.month) for row in told.rows] == ["2026-10", "2026-11", "2026-11", "2026-11"]
    assert history(practice, rest.id).rows == told.rows
    # The one whole that replaces a part may itself cross month's end and be divided.
    again = correct(
        practice, clock, whole.entry.id, seconds=1500, reason="It was one call",
    )  # fmt: skip
    assert len(history(practice, again.also[0].id).rows) == 7


@pytest.mark.parametrize(("hours", "is_late"), [(72, False), (73, True)])
def test_a_row_says_whether_it_was_recorded_late(practice, clock, hours, is_late):
    clock.instant = datetime(2026, 11, 3, 15, 20, tzinfo=UTC)
    clock.advance(hours=hours)
    made = log_time(work(is_estimated=True), store=practice, actor=NURSE, clock=clock)
    (row,) = history(practice, made.entry.id).rows
    assert row.is_late is is_late
    assert row.is_estimated


def test_a_row_names_the_close_that_covers_it(practice, clock):
    before = log_time(work(), store=practice, actor=NURSE, clock=clock)
    marks = (EventKind.MONTH_CLOSED, EventKind.MONTH_REOPENED)
    for number, kind in enumerate(marks, 1):
        clock.advance(hours=1)
        with practice.writing(actor=OWNER, at=clock.now()) as unit:
            (happened,) = unit.journal.append(
                [
                    EventDraft(
                        practice_id="practice-1",
                        kind=kind,
                        subject_kind="month",
                        subject_id="2026-11",
                    )
                ]
            )
            unit.connection.execute(
                MONTH_MARK.insert().values(
                    practice_id="practice-1",
                    ym=202611,
                    number=number,
                    event_seq=happened.body.seq,
                    ledger_seq=1,
                    recorded_at=int(clock.now().timestamp()),
                )
            )
    after = correct(practice, clock, before.entry.id, reason="Found in the audit")
    rows = history(practice, after.entry.id).rows
    assert [row.period for row in rows] == [0, None, None]
    assert rows[0].closed_at == datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


def test_a_history_takes_two_statements_however_long_it_is(practice, clock):
    made = log_time(work(note="x"), store=practice, actor=NURSE, clock=clock).entry
    first = made
    for seconds in range(100, 112):
        made = correct(practice, clock, made.id, seconds=seconds, reason="Again", note="x").entry
    withhold_note(first.id, reason="Of another patient", store=practice, actor=OWNER, clock=clock)
    said: list[str] = []
    event.listen(
        practice.engine, "before_cursor_execute", lambda *a: said.append(a[2]), named=False
    )
    assert len(history(practice, first.id).rows) == 25
    asked = [each for each in said if each.startswith(("SELECT", "WITH"))]
    assert len([each for each in asked if "entry" in each or "event" in each]) == 2


def test_who_may_not_read_the_ledger_sees_no_history_and_nobody_another_practices(practice, clock):
    made = log_time(work(), store=practice, actor=NURSE, clock=clock).entry
    with pytest.raises(PermissionDeniedError):
        history(practice, made.id, NURSE)
    with pytest.raises(EntryNotFoundError):
        history(practice, made.id, STRANGER)
    with pytest.raises(EntryNotFoundError):
        history(practice, "no-such-entry")


# --- withheld notes --------------------------------------------------------------------------


def test_a_withheld_note_is_shown_to_nobody_and_the_chain_still_holds(practice, clock):
    made = log_time(work(note=CANARY), store=practice, actor=NURSE, clock=clock).entry
    done = withhold_note(
        made.id, reason=" Of another patient ", store=practice, actor=OWNER, clock=clock
    )
    assert (done.created, done.by, done.reason) == (True, OWNER.person_id, "Of another patient")
    (entry,) = entries_of(month=None, store=practice, actor=OWNER)
    assert (entry.note, entry.is_note_withheld) == ("", True)
    told = history(practice, made.id)
    assert told.rows[0].has_note
    assert told.rows[0].note == ""
    withheld = told.rows[0].withheld
    assert (withheld.by, withheld.at, withheld.reason) == (
        OWNER.person_id,
        clock.now(),
        "Of another patient",
    )
    for said in (told, entry, journal(store=practice, actor=OWNER)):
        assert "Zanzibar" not in repr(said)
    with practice.reading() as unit:
        (row,) = unit.connection.execute(select(ENTRY.c.prev, ENTRY.c.hash, ENTRY.c.body))
    assert bytes(row.prev) == GENESIS
    assert bytes(row.hash) == entry_hash(GENESIS, row.body)


def test_withholding_twice_is_one_event_and_says_when_it_was(practice, clock):
    made = log_time(work(note=CANARY), store=practice, actor=NURSE, clock=clock).entry
    first = withhold_note(made.id, reason="Once", store=practice, actor=OWNER, clock=clock)
    clock.advance(days=1)
    second = withhold_note(made.id, reason="Twice", store=practice, actor=OWNER, clock=clock)
    assert (second.created, second.reason, second.at) == (False, "Once", first.at)
    kinds = (EventKind.NOTE_WITHHELD,)
    assert journal(kinds=kinds, store=practice, actor=AUDITOR).total == 1


def test_the_reason_of_what_was_taken_back_can_be_withheld(practice, clock):
    made = log_time(work(), store=practice, actor=NURSE, clock=clock).entry
    correct(practice, clock, made.id, reason=CANARY)
    reversal = history(practice, made.id).rows[1]
    assert reversal.reason == CANARY
    withhold_note(reversal.entry_id, reason="A name", store=practice, actor=OWNER, clock=clock)
    told = history(practice, made.id)
    assert "Zanzibar" not in repr(told)
    assert told.rows[1].withheld is not None
    assert told.rows[2].withheld is None  # the new entry had no words of its own
    assert {entry.reason for entry in entries_of(month=None, store=practice, actor=OWNER)} == {""}


def test_an_entry_without_words_and_a_missing_reason_are_refused(practice, clock):
    silent = log_time(work(), store=practice, actor=NURSE, clock=clock).entry
    loud = log_time(work(note="Called"), store=practice, actor=NURSE, clock=clock).entry
    for entry_id, reason, code in (
        (silent.id, "Why", "NOTE_MISSING"),
        (loud.id, "  ", "REASON_MISSING"),
        (loud.id, "x" * 501, "REASON_MISSING"),
    ):
        with pytest.raises(CommandRefusedError) as caught:
            withhold_note(entry_id, reason=reason, store=practice, actor=OWNER, clock=clock)
        assert caught.value.code == code
    withhold_note(loud.id, reason="x" * 500, store=practice, actor=OWNER, clock=clock)
    with pytest.raises(EntryNotFoundError):
        withhold_note("none", reason="Why", store=practice, actor=OWNER, clock=clock)
    with pytest.raises(EntryNotFoundError):
        withhold_note(loud.id, reason="Why", store=practice, actor=STRANGER, clock=clock)


@pytest.mark.parametrize("who", [NURSE, BILLER, AUDITOR])
def test_only_an_owner_withholds(practice, clock, who):
    made = log_time(work(note="Called"), store=practice, actor=NURSE, clock=clock).entry
    with pytest.raises(PermissionDeniedError):
        withhold_note(made.id, reason="Why", store=practice, actor=who, clock=clock)


def test_a_correction_does_not_carry_withheld_words_into_the_new_entry(practice, clock):
    made = log_time(work(note=CANARY), store=practice, actor=NURSE, clock=clock).entry
    withhold_note(made.id, reason="A name", store=practice, actor=OWNER, clock=clock)
    new = correct(practice, clock, made.id, reason="Shorter").entry
    assert new.note == ""
    assert not history(practice, new.id).row(new.id).has_note


def test_copies_of_the_words_in_the_same_history_are_withheld_with_them(practice, clock):
    made = log_time(
        work(note=CANARY, started_at=datetime(2026, 11, 1, 3, 50, tzinfo=UTC), seconds=1500),
        store=practice,
        actor=NURSE,
        clock=clock,
    )
    correct(practice, clock, made.entry.id, seconds=500, reason="Shorter")  # keeps the words
    other = log_time(work(note=CANARY), store=practice, actor=NURSE, clock=clock).entry
    withhold_note(made.entry.id, reason="A name", store=practice, actor=OWNER, clock=clock)
    told = history(practice, made.entry.id)
    assert "Zanzibar" not in repr(told)
    assert [row.withheld is not None for row in told.rows] == [True, True, False, True]
    with practice.reading() as unit:
        hidden = unit.connection.execute(select(WITHHELD_NOTE.c.event_seq)).scalars().all()
    assert len(set(hidden)) == len(hidden) == 3
    assert history(practice, other.id).rows[0].note == CANARY  # another entry's own words


def test_a_form_sent_again_after_its_note_was_withheld_is_still_one_entry(practice, clock):
    command = work(note=CANARY, program=Program.CCM)
    made = log_time(command, store=practice, actor=NURSE, clock=clock)
    timer = start_timer(
        patient_id="pt-1", program=Program.CCM, store=practice, actor=NURSE, clock=clock
    )
    clock.advance(minutes=5)
    stop = StopTimer(activity=command.activity, note=CANARY, entry_id=timer.entry_id)
    stopped = stop_timer(stop, store=practice, actor=NURSE, clock=clock)
    for entry_id in (made.entry.id, stopped.entry.id):
        withhold_note(entry_id, reason="A name", store=practice, actor=OWNER, clock=clock)
    again = log_time(command, store=practice, actor=NURSE, clock=clock)
    assert (again.created, again.entry.note, again.code) == (False, "", made.code)
    assert stop_timer(stop, store=practice, actor=NURSE, clock=clock).code == stopped.code
    with pytest.raises(DuplicateCommandError):
        log_time(
            work(entry_id=command.entry_id, note=f"{CANARY}!"),
            store=practice,
            actor=NURSE,
            clock=clock,
        )
