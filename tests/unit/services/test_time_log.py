"""Recording, timing, dividing and correcting minutes of work."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from tests.support.ledger_case import (
    AUDITOR,
    BILLER,
    NURSE,
    OTHER_NURSE,
    OWNER,
    STRANGER,
    fill,
    work,
)
from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.errors import (
    CommandRefusedError,
    DuplicateCommandError,
    EntryAlreadyReversedError,
    EntryNotFoundError,
    InvalidPeriodError,
    InvalidValueError,
    NotFoundError,
    PermissionDeniedError,
)
from trellis_core.services.time_log import (
    CorrectTime,
    correct_time,
    entries_of,
    log_time,
)
from trellis_core.services.timers import (
    StopTimer,
    discard_timer,
    running_timer,
    start_timer,
    stop_timer,
)
from trellis_core.store.engine import Store
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def practice(any_store: Store) -> Store:
    """A store that holds a practice, on either database."""
    fill(any_store)
    return any_store


def test_a_saved_entry_says_what_was_entered_and_where_it_is(practice, clock):
    command = work(
        note="Reviewed inhaler use \u2014 caf\u00e9",
        condition="E11.9",
        patients_sharing=2,
        billed_elsewhere=True,
        separate_from_visit=False,
        contact=ContactState.REACHED,
    )
    receipt = log_time(command, store=practice, actor=NURSE, clock=clock)
    (entry,) = entries_of(month=NOVEMBER, store=practice, actor=NURSE)
    assert receipt.entry == entry
    assert (receipt.number, receipt.code, receipt.created) == (1, entry.code, True)
    assert len(receipt.code) == 8
    for name in (
        "patient_id", "program", "staff_id", "started_at", "seconds", "activity", "note",
        "condition", "patients_sharing", "billed_elsewhere", "separate_from_visit", "contact",
        "mode", "is_estimated",
    ):  # fmt: skip
        assert getattr(entry, name) == getattr(command, name), name
    assert entry.id == command.entry_id
    assert entry.recorded_at == clock.now()
    assert entry.author_id == NURSE.person_id
    assert str(entry.service_day) == "2026-11-03"
    assert not entry.is_reversed


def test_the_same_form_sent_twice_is_one_entry_with_one_receipt(practice, clock):
    command = work(note="Called")
    first = log_time(command, store=practice, actor=NURSE, clock=clock)
    clock.advance(minutes=3)
    second = log_time(command, store=practice, actor=NURSE, clock=clock)
    assert (first.created, second.created) == (True, False)
    assert (first.entry, first.number, first.code) == (second.entry, second.number, second.code)
    assert len(entries_of(month=NOVEMBER, store=practice, actor=NURSE)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": 1201},
        {"note": "Other words"},
        {"patient_id": "pt-2"},
        {"program": Program.PCM},
        {"activity": Activity.RECORD_REVIEW},
        {"contact": ContactState.NONE},
        {"is_estimated": True},
        {"separate_from_visit": False},
    ],
)
def test_the_same_form_id_with_other_contents_is_refused(practice, clock, change):
    command = work(note="Called")
    log_time(command, store=practice, actor=NURSE, clock=clock)
    with pytest.raises(DuplicateCommandError):
        log_time(
            work(**{"entry_id": command.entry_id, "note": "Called"} | change),
            store=practice,
            actor=NURSE,
            clock=clock,
        )
    assert len(entries_of(month=NOVEMBER, store=practice, actor=NURSE)) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"seconds": 0}, "SECONDS_OUT_OF_RANGE"),
        ({"seconds": -60}, "SECONDS_OUT_OF_RANGE"),
        ({"seconds": 86_401}, "SECONDS_OUT_OF_RANGE"),
        ({"patients_sharing": 0}, "SHARING_OUT_OF_RANGE"),
        ({"patients_sharing": 1001}, "SHARING_OUT_OF_RANGE"),
        ({"patients_sharing": 2**70}, "SHARING_OUT_OF_RANGE"),
        ({"note": "x" * 4001}, "NOTE_TOO_LONG"),
        ({"entry_id": ""}, "ENTRY_ID_MALFORMED"),
        ({"entry_id": "x" * 65}, "ENTRY_ID_MALFORMED"),
        ({"entry_id": "'; DROP TABLE entry;--"}, "ENTRY_ID_MALFORMED"),
    ],
)
def test_impossible_work_is_refused_and_nothing_is_kept(practice, clock, change, code):
    with pytest.raises(CommandRefusedError) as refused:
        log_time(work(**change), store=practice, actor=NURSE, clock=clock)
    assert refused.value.code == code
    assert entries_of(month=None, store=practice, actor=NURSE) == ()


@pytest.mark.parametrize("seconds", [1, 86_400])
def test_the_shortest_and_the_longest_work_are_taken(practice, clock, seconds):
    receipt = log_time(work(seconds=seconds), store=practice, actor=NURSE, clock=clock)
    assert receipt.seconds == seconds


def test_work_may_start_five_minutes_ahead_of_the_clock_and_no_later(practice, clock):
    limit = clock.now() + timedelta(minutes=5)
    log_time(work(started_at=limit), store=practice, actor=NURSE, clock=clock)
    with pytest.raises(CommandRefusedError) as refused:
        log_time(
            work(started_at=limit + timedelta(seconds=1)),
            store=practice,
            actor=NURSE,
            clock=clock,
        )
    assert refused.value.code == "STARTS_IN_FUTURE"


@pytest.mark.parametrize("offset", [-12, 0, 14])
@pytest.mark.parametrize(("year", "error"), [(1, InvalidPeriodError), (9999, CommandRefusedError)])
def test_the_ends_of_the_calendar_are_refused_in_words(practice, clock, year, error, offset):
    zone = timezone(timedelta(hours=offset))
    start = datetime(year, 1, 1, tzinfo=zone) if year == 1 else datetime(year, 12, 31, tzinfo=zone)
    with pytest.raises(error):
        log_time(work(started_at=start), store=practice, actor=NURSE, clock=clock)


def test_a_start_without_an_offset_is_refused(practice, clock):
    naive = datetime(2026, 11, 3, 10, 0)  # noqa: DTZ001 - what is refused
    with pytest.raises(InvalidPeriodError):
        log_time(work(started_at=naive), store=practice, actor=NURSE, clock=clock)


@pytest.mark.parametrize("note", ["a\x00b", "half \ud83d of a character"])
def test_text_that_no_database_keeps_is_refused(practice, clock, note):
    with pytest.raises(InvalidValueError):
        log_time(work(note=note), store=practice, actor=NURSE, clock=clock)
    assert entries_of(month=None, store=practice, actor=NURSE) == ()


@pytest.mark.parametrize(
    "note", ["'; DROP TABLE entry;--", "=1+1", "<script>alert(1)</script>", "\U0001f489 \u4e2d"]
)
def test_hostile_notes_come_back_as_they_were_typed(practice, clock, note):
    log_time(work(note=note), store=practice, actor=NURSE, clock=clock)
    assert entries_of(month=None, store=practice, actor=NURSE)[0].note == note


def test_unknown_patients_and_people_are_refused(practice, clock):
    with pytest.raises(NotFoundError):
        log_time(work(patient_id="pt-9"), store=practice, actor=NURSE, clock=clock)
    with pytest.raises(NotFoundError):
        log_time(work(staff_id="staff-9"), store=practice, actor=OWNER, clock=clock)
    with pytest.raises(NotFoundError):
        log_time(work(staff_id=STRANGER.person_id), store=practice, actor=STRANGER, clock=clock)


def test_only_the_owner_records_anothers_time(practice, clock):
    with pytest.raises(PermissionDeniedError):
        log_time(work(), store=practice, actor=OTHER_NURSE, clock=clock)
    receipt = log_time(work(), store=practice, actor=OWNER, clock=clock)
    assert receipt.entry.staff_id == NURSE.person_id
    assert receipt.entry.author_id == OWNER.person_id


@pytest.mark.parametrize("reader", [BILLER, AUDITOR])
def test_people_who_only_read_record_nothing(practice, clock, reader):
    receipt = log_time(work(), store=practice, actor=NURSE, clock=clock)
    commands = [
        lambda: log_time(
            work(staff_id=reader.person_id), store=practice, actor=reader, clock=clock
        ),
        lambda: correct_time(
            correction(receipt.entry.id, seconds=None), store=practice, actor=reader, clock=clock
        ),
        lambda: start_timer(
            patient_id="pt-1", program=Program.CCM, store=practice, actor=reader, clock=clock
        ),
        lambda: stop_timer(
            StopTimer(activity=Activity.RECORD_REVIEW), store=practice, actor=reader, clock=clock
        ),
        lambda: discard_timer(store=practice, actor=reader),
        lambda: running_timer(store=practice, actor=reader),
    ]
    for command in commands:
        with pytest.raises(PermissionDeniedError):
            command()
    assert len(entries_of(month=None, store=practice, actor=reader)) == 1


def test_another_practices_entries_are_neither_seen_nor_corrected(practice, clock):
    receipt = log_time(work(), store=practice, actor=NURSE, clock=clock)
    assert entries_of(month=None, store=practice, actor=STRANGER) == ()
    with pytest.raises(EntryNotFoundError):
        correct_time(
            correction(receipt.entry.id, seconds=60), store=practice, actor=STRANGER, clock=clock
        )


# Months and clocks


def test_work_over_months_end_is_divided_at_the_practices_midnight(practice, clock):
    command = work(started_at=datetime(2026, 10, 31, 23, 50, tzinfo=NEW_YORK), seconds=25 * 60)
    receipt = log_time(command, store=practice, actor=NURSE, clock=clock)
    (rest,) = receipt.also
    assert (receipt.entry.seconds, rest.seconds, receipt.seconds) == (600, 900, 1500)
    assert (str(receipt.entry.service_day), str(rest.service_day)) == ("2026-10-31", "2026-11-01")
    assert rest.started_at == datetime(2026, 11, 1, 0, 0, tzinfo=NEW_YORK)
    assert receipt.entry.parent == rest.parent == command.entry_id
    assert receipt.entry.id == command.entry_id != rest.id
    assert entries_of(month=NOVEMBER, store=practice, actor=NURSE) == (rest,)
    again = log_time(command, store=practice, actor=NURSE, clock=clock)
    assert not again.created
    assert (again.entry, again.also) == (receipt.entry, receipt.also)


def test_work_that_ends_at_the_months_last_instant_is_one_entry(practice, clock):
    command = work(started_at=datetime(2026, 10, 31, 23, 50, tzinfo=NEW_YORK), seconds=600)
    receipt = log_time(command, store=practice, actor=NURSE, clock=clock)
    assert receipt.also == ()
    assert receipt.entry.parent is None


def test_work_over_midnight_inside_a_month_is_one_entry_of_the_first_day(practice, clock):
    command = work(started_at=datetime(2026, 11, 3, 23, 50, tzinfo=NEW_YORK), seconds=1200)
    receipt = log_time(command, store=practice, actor=NURSE, clock=clock)
    assert receipt.also == ()
    assert str(receipt.entry.service_day) == "2026-11-03"


@pytest.mark.parametrize(
    ("zone", "month"),
    [
        ("America/New_York", "2026-05"),
        ("America/Phoenix", "2026-05"),
        ("Pacific/Honolulu", "2026-05"),
        ("America/Puerto_Rico", "2026-05"),
        ("Pacific/Guam", "2026-06"),
        ("Asia/Manila", "2026-06"),
        ("Asia/Kolkata", "2026-06"),
    ],
)
def test_the_practices_zone_decides_the_month(store, clock, zone, month):
    fill(store, time_zone=zone)
    log_time(
        work(started_at=datetime(2026, 6, 1, 3, 30, tzinfo=UTC), seconds=600),
        store=store,
        actor=NURSE,
        clock=clock,
    )
    assert len(entries_of(month=ServiceMonth.parse(month), store=store, actor=NURSE)) == 1


def test_a_month_that_began_in_summer_time_ends_at_local_midnight(practice):
    clock = FixedClock(datetime(2026, 12, 2, tzinfo=UTC))
    command = work(started_at=datetime(2026, 11, 30, 23, 59, tzinfo=NEW_YORK), seconds=120)
    divided = log_time(command, store=practice, actor=NURSE, clock=clock)
    assert (divided.entry.seconds, divided.also[0].seconds) == (60, 60)


# Corrections


def correction(entry_id: str, **changes: object) -> CorrectTime:
    fields: dict[str, object] = {
        "entry_id_new": new_entry_id(),
        "entry_id": entry_id,
        "seconds": 600,
        "reason": "typed the wrong length",
    }
    return CorrectTime(**(fields | changes))


def test_a_correction_keeps_the_old_entry_and_adds_the_right_one(practice, clock):
    original = log_time(work(note="Called"), store=practice, actor=NURSE, clock=clock).entry
    clock.advance(minutes=1)
    command = correction(original.id)
    receipt = correct_time(command, store=practice, actor=NURSE, clock=clock)
    old, new = entries_of(month=NOVEMBER, store=practice, actor=NURSE)
    assert old.is_reversed
    assert old.reason == new.reason == "typed the wrong length"
    assert (old.seconds, new.seconds) == (1200, 600)
    assert new.replaces == old.id
    assert new.note == old.note == "Called"
    assert new == receipt.entry
    assert receipt.number == 3  # the reversal is the second
    assert new.id == command.entry_id_new


def test_a_void_takes_the_entry_back_and_adds_none(practice, clock):
    original = log_time(work(), store=practice, actor=NURSE, clock=clock).entry
    command = correction(original.id, seconds=None, reason="wrong patient")
    receipt = correct_time(command, store=practice, actor=NURSE, clock=clock)
    (only,) = entries_of(month=NOVEMBER, store=practice, actor=NURSE)
    assert only.is_reversed
    assert only.reason == "wrong patient"
    assert (receipt.entry, receipt.number, receipt.created) == (only, 2, True)
    again = correct_time(command, store=practice, actor=NURSE, clock=clock)
    assert (again.number, again.code, again.created) == (2, receipt.code, False)


def test_the_same_correction_sent_twice_is_one(practice, clock):
    original = log_time(work(), store=practice, actor=NURSE, clock=clock).entry
    command = correction(original.id)
    first = correct_time(command, store=practice, actor=NURSE, clock=clock)
    clock.advance(seconds=9)
    second = correct_time(command, store=practice, actor=NURSE, clock=clock)
    assert (second.entry, second.number, second.created) == (first.entry, first.number, False)
    with pytest.raises(DuplicateCommandError):
        correct_time(
            correction(original.id, entry_id_new=command.entry_id_new, seconds=601),
            store=practice,
            actor=NURSE,
            clock=clock,
        )


@pytest.mark.parametrize("seconds", [None, 300])
def test_an_entry_is_corrected_once_and_then_its_replacement_is(practice, clock, seconds):
    original = log_time(work(), store=practice, actor=NURSE, clock=clock).entry
    replacement = correct_time(
        correction(original.id), store=practice, actor=NURSE, clock=clock
    ).entry
    with pytest.raises(EntryAlreadyReversedError):
        correct_time(
            correction(original.id, seconds=seconds), store=practice, actor=NURSE, clock=clock
        )
    correct_time(
        correction(replacement.id, seconds=seconds), store=practice, actor=NURSE, clock=clock
    )


def test_a_correction_may_move_the_entry_to_its_right_patient_program_and_month(practice, clock):
    original = log_time(work(), store=practice, actor=NURSE, clock=clock).entry
    receipt = correct_time(
        correction(
            original.id,
            seconds=1200,
            patient_id="pt-2",
            program=Program.PCM,
            started_at=datetime(2026, 10, 31, 23, 50, tzinfo=NEW_YORK),
            activity=Activity.RECORD_REVIEW,
            note="",
            contact=ContactState.ATTEMPTED,
        ),
        store=practice,
        actor=NURSE,
        clock=clock,
    )
    assert (receipt.entry.patient_id, receipt.entry.program) == ("pt-2", Program.PCM)
    assert [receipt.entry.seconds, receipt.also[0].seconds] == [600, 600]
    assert {receipt.entry.replaces, receipt.also[0].replaces} == {original.id}
    assert receipt.entry.note == ""


def test_correcting_a_timed_length_makes_it_typed_and_rewording_does_not(practice, clock):
    start_timer(patient_id="pt-1", program=Program.CCM, store=practice, actor=NURSE, clock=clock)
    clock.advance(minutes=20)
    timed = stop_timer(
        StopTimer(activity=Activity.RECORD_REVIEW), store=practice, actor=NURSE, clock=clock
    ).entry
    reworded = correct_time(
        correction(timed.id, seconds=timed.seconds, note="What was done"),
        store=practice,
        actor=NURSE,
        clock=clock,
    ).entry
    assert reworded.mode is EntryMode.TIMED
    retyped = correct_time(correction(reworded.id), store=practice, actor=NURSE, clock=clock).entry
    assert retyped.mode is EntryMode.TYPED


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_a_correction_needs_a_reason(practice, clock, reason):
    original = log_time(work(), store=practice, actor=NURSE, clock=clock).entry
    with pytest.raises(CommandRefusedError) as refused:
        correct_time(
            correction(original.id, reason=reason), store=practice, actor=NURSE, clock=clock
        )
    assert refused.value.code == "REASON_MISSING"


def test_a_correction_that_changes_nothing_is_refused(practice, clock):
    original = log_time(work(), store=practice, actor=NURSE, clock=clock).entry
    with pytest.raises(CommandRefusedError) as refused:
        correct_time(
            correction(original.id, seconds=1200), store=practice, actor=NURSE, clock=clock
        )
    assert refused.value.code == "NOTHING_CHANGED"


def test_only_the_owner_corrects_anothers_entry(practice, clock):
    original = log_time(work(), store=practice, actor=NURSE, clock=clock).entry
    with pytest.raises(PermissionDeniedError):
        correct_time(correction(original.id), store=practice, actor=OTHER_NURSE, clock=clock)
    receipt = correct_time(correction(original.id), store=practice, actor=OWNER, clock=clock)
    assert receipt.entry.staff_id == NURSE.person_id
    assert receipt.entry.author_id == OWNER.person_id


def test_neither_a_missing_entry_nor_a_reversal_can_be_corrected(practice, clock):
    original = log_time(work(), store=practice, actor=NURSE, clock=clock).entry
    void = correction(original.id, seconds=None)
    correct_time(void, store=practice, actor=NURSE, clock=clock)
    for entry_id in ("nothing-here", void.entry_id_new):
        with pytest.raises(EntryNotFoundError):
            correct_time(correction(entry_id), store=practice, actor=NURSE, clock=clock)


def test_the_form_id_of_an_entry_cannot_be_used_again_for_a_correction(practice, clock):
    first = log_time(work(), store=practice, actor=NURSE, clock=clock).entry
    second = log_time(work(), store=practice, actor=NURSE, clock=clock).entry
    for seconds in (None, 600):
        with pytest.raises(DuplicateCommandError):
            correct_time(
                correction(first.id, entry_id_new=second.id, seconds=seconds),
                store=practice,
                actor=NURSE,
                clock=clock,
            )


def test_entries_are_read_by_month_patient_and_program(practice, clock):
    log_time(work(), store=practice, actor=NURSE, clock=clock)
    log_time(work(patient_id="pt-2"), store=practice, actor=NURSE, clock=clock)
    log_time(work(program=Program.BHI), store=practice, actor=NURSE, clock=clock)
    october = datetime(2026, 10, 3, 15, 0, tzinfo=UTC)
    log_time(work(started_at=october), store=practice, actor=NURSE, clock=clock)

    def seqs(**chosen: object) -> list[int | None]:
        read = entries_of(**({"month": NOVEMBER} | chosen), store=practice, actor=NURSE)
        return [entry.seq for entry in read]

    assert seqs() == [1, 2, 3]
    assert seqs(patient_id="pt-1") == [1, 3]
    assert seqs(program=Program.BHI) == [3]
    assert seqs(month=None) == [1, 2, 3, 4]
