"""Time from a CSV: every check of a typed entry, ids that follow from the file, and reversals."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import select

from tests.support.ledger_case import BILLER, NURSE, OTHER_NURSE, OWNER, fill, work
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.errors import CommandRefusedError, PermissionDeniedError
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.imports.batches import Outcome
from trellis_core.services.imports.columns import ImportKind, ImportSettings
from trellis_core.services.imports.look import look_at
from trellis_core.services.imports.time import import_time, preview_time
from trellis_core.services.imports.undo import REASON, undo_import
from trellis_core.services.integrity import check_store
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.services.restricted import restrict_chart
from trellis_core.services.time_log import CorrectTime, correct_time, entries_of, log_time
from trellis_core.store.engine import Store
from trellis_core.store.tables import ImportRowRow, PatientRow, StaffRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
HEADING = "mrn,program,staff,start,minutes,activity,note,contact"
GOOD = 'M1,CCM,staff-nurse,2026-11-03 10:00,20,Care coordination,"Refill, =1+1",reached'


@pytest.fixture(autouse=True)
def filled(store: Store) -> None:
    fill(store)


def file(*rows: str, heading: str = HEADING) -> bytes:
    return "\n".join((heading, *rows, "")).encode()


def run(content: bytes, store: Store, clock: FixedClock, *, actor: Actor = OWNER, **more):
    look = look_at(content, kind=ImportKind.TIME, store=store, actor=actor)
    settings = ImportSettings(columns=look.columns)
    return import_time(content, settings=settings, store=store, actor=actor, clock=clock, **more)


def told(found) -> list[tuple[int, str, str]]:
    return [(row.number, each.field, each.text) for row in found.rows for each in row.problems]


def entries(store: Store, clock: FixedClock):
    return entries_of(month=None, store=store, actor=OWNER, clock=clock)


def test_a_row_becomes_an_entry_that_says_it_was_imported(store, clock):
    done = run(file(GOOD), store, clock, actor=NURSE)
    assert done.batch.counts == {Outcome.ADDED: 1}
    (entry,) = entries(store, clock)
    assert (entry.mode, entry.program, entry.activity) == (
        EntryMode.IMPORTED, Program.CCM, Activity.CARE_COORDINATION,
    )  # fmt: skip
    assert entry.started_at == datetime(2026, 11, 3, 15, tzinfo=UTC)
    assert (entry.seconds, entry.note, entry.contact) == (
        1200,
        "Refill, =1+1",
        ContactState.REACHED,
    )
    assert (entry.staff_id, entry.author_id, entry.recorded_at) == (
        NURSE.person_id, NURSE.person_id, clock.now(),
    )  # fmt: skip


def test_the_same_file_twice_adds_nothing_also_under_another_clock(store, clock):
    content = file(GOOD, "M2,CCM,staff-owner,2026-10-31 23:50,20,record review,,")
    first = run(content, store, clock)
    assert first.batch.counts == {Outcome.ADDED: 2}
    assert len(entries(store, clock)) == 3, "work over a month's end is two entries"
    clock.advance(hours=1)
    assert run(content, store, clock).batch.counts == {Outcome.HERE: 2}
    assert len(entries(store, clock)) == 3


def test_the_same_work_in_another_file_is_here_already(store, clock):
    log_time(work(), store=store, actor=NURSE, clock=clock)
    done = run(file(GOOD, GOOD), store, clock)
    assert told(done) == [
        (2, "", "The same work is recorded already."),
        (3, "", "Says the same as row 2."),
    ]
    assert len(entries(store, clock)) == 1


def test_overlaps_are_recorded_and_named_once_and_neighbours_are_not(store, clock):
    log_time(work(patient_id="pt-2"), store=store, actor=NURSE, clock=clock)
    row = "M1,CCM,staff-nurse,2026-11-03 {},{},record_review,,"
    content = file(
        row.format("10:19:59", "1"), row.format("10:20", "10"), row.format("10:29", "1"),
        row.format("09:50", "10"), "M1,CCM,staff-other,2026-11-03 10:00,10,record_review,,",
    )  # fmt: skip
    done = run(content, store, clock)
    assert done.batch.counts == {Outcome.ADDED: 5}
    assert told(done) == [
        (2, "", "Overlaps recorded time of the same person."),
        (3, "", "Overlaps row 2, of the same person. Both are recorded."),
        (4, "", "Overlaps row 3, of the same person. Both are recorded."),
    ]


BAD = {
    "patient": ("M9,CCM,staff-nurse,2026-11-03 10:00,5,record_review,,", "Record number", "No patient"),
    "merged": ("M3,CCM,staff-nurse,2026-11-03 10:00,5,record_review,,", "Record number", "merged"),
    "person": ("M1,CCM,nobody,2026-11-03 10:00,5,record_review,,", "Person", "Nobody here"),
    "program": ("M1,RPM,staff-nurse,2026-11-03 10:00,5,record_review,,", "Program", "Not one of"),
    "start": ("M1,CCM,staff-nurse,2026-11-03,5,record_review,,", "Start (day and time)", "time of day"),
    "future": ("M1,CCM,staff-nurse,2026-11-20 12:06,5,record_review,,", "Start (day and time)", "in the future"),
    "old": ("M1,CCM,staff-nurse,1999-11-20 12:06,5,record_review,,", "Start (day and time)", "before 2000"),
    "none": ("M1,CCM,staff-nurse,2026-11-03 10:00,0,record_review,,", "Minutes", "at least a second"),
    "long": ("M1,CCM,staff-nurse,2026-11-03 10:00,1441,record_review,,", "Minutes", "24 hours"),
    "empty": ("M1,CCM,staff-nurse,2026-11-03 10:00,,record_review,,", "Minutes", "needed"),
    "what": ("M1,CCM,staff-nurse,2026-11-03 10:00,5,lunch,,", "Activity", "Not one of"),
    "contact": ("M1,CCM,staff-nurse,2026-11-03 10:00,5,record_review,,maybe", "Contact", "Not one of"),
    "note": (f"M1,CCM,staff-nurse,2026-11-03 10:00,5,record_review,{'x' * 4_001},", "Note", "4,000"),
}  # fmt: skip


def test_every_kind_of_bad_cell_is_named(store, clock):
    with store.writing(at=clock.now()) as unit:
        row = unit.session.get(PatientRow, ("practice-1", "pt-3"))
        row.merged_into = "pt-1"
        unit.session.add(row)
    content = file(*(row for row, _, _ in BAD.values()))
    look = look_at(content, kind=ImportKind.TIME, store=store, actor=OWNER)
    settings = ImportSettings(columns=look.columns)
    found = preview_time(content, settings=settings, store=store, actor=OWNER, clock=clock)
    assert found.counts == {Outcome.REFUSED: len(BAD)}
    for number, (name, (_, column, words)) in enumerate(BAD.items(), 2):
        said = told(found)[number - 2]
        assert said[:2] == (number, column), name
        assert words in said[2], name
    assert not entries(store, clock)
    edge = ("2026-11-20 12:05,5", "2026-11-03 10:00,1440", "2026-11-03 10:00,0.5")
    rows = (f"M1,CCM,staff-nurse,{each},record_review,," for each in edge)
    assert run(file(*rows), store, clock).batch.counts == {Outcome.ADDED: 3}


def test_a_person_goes_by_id_sign_in_name_and_npi_and_day_and_time_by_two_columns(store, clock):
    with store.writing(at=clock.now()) as unit:
        row = unit.session.get(StaffRow, ("practice-1", NURSE.person_id))
        row.npi, row.sign_in_name = "1234567893", "ash"
        unit.session.add(row)
    rows = (f"M1,ccm,{who},{day},9:0{n} AM,5,record review" for n, (who, day) in enumerate(
        [("Staff-Nurse", "11/13/2026"), ("ASH", "11/13/2026"), ("1234567893", "13-Nov-2026")]
    ))  # fmt: skip
    content = file(*rows, heading="patient id,program,user,date,time,minutes,activity")
    assert run(content, store, clock).batch.counts == {Outcome.ADDED: 3}  # fmt: skip
    assert {entry.staff_id for entry in entries(store, clock)} == {NURSE.person_id}
    assert {entry.service_day for entry in entries(store, clock)} == {date(2026, 11, 13)}


def test_coordinators_import_their_own_time_and_owners_anybodys(store, clock):
    content = file(GOOD, GOOD.replace("staff-nurse", "staff-other"))
    done = run(content, store, clock, actor=OTHER_NURSE)
    assert told(done) == [(2, "Person", "Somebody else's time. Only an owner imports that.")]
    assert run(content, store, clock).batch.counts == {Outcome.ADDED: 1, Outcome.HERE: 1}
    with pytest.raises(PermissionDeniedError):
        run(content, store, clock, actor=BILLER)


def test_restricted_charts_and_closed_months_are_refused_row_by_row(store, clock):
    restrict_chart("pt-2", readers=(), store=store, actor=OWNER, clock=clock)
    close_month(
        CloseMonth(month=ServiceMonth(2026, 10), form_id="close"),
        store=store, actor=OWNER, clock=clock, rule_book=load_rule_book(),
    )  # fmt: skip
    row = "{},CCM,staff-nurse,{} 10:00,5,record_review,,"
    content = file(
        row.format("M2", "2026-11-03"),
        row.format("M1", "2026-10-31"),
        row.format("M1", "2026-11-01"),
    )
    done = run(content, store, clock, actor=NURSE)
    assert told(done) == [
        (2, "Record number", "The chart is restricted. Ask the practice's owner."),
        (3, "Start (day and time)", "October 2026 is closed. Reopen the month, or leave the row out."),
    ]  # fmt: skip
    assert done.batch.counts == {Outcome.REFUSED: 2, Outcome.ADDED: 1}


# --- taking it back --------------------------------------------------------------------------


def test_time_is_taken_back_by_reversals_and_can_be_imported_anew(store, clock):
    content = file(GOOD, "M2,CCM,staff-owner,2026-10-31 23:50,20,record review,,")
    batch = run(content, store, clock).batch
    kept = next(each for each in entries(store, clock) if each.patient_id == "pt-1")
    correct_time(
        CorrectTime(entry_id_new="by-hand", entry_id=kept.id, seconds=600, reason="Ten"),
        store=store, actor=NURSE, clock=clock,
    )  # fmt: skip
    with pytest.raises(PermissionDeniedError):
        undo_import(batch.id, store=store, actor=NURSE, clock=clock)
    done = undo_import(batch.id, store=store, actor=OWNER, clock=clock)
    assert (done.taken_back, done.corrected) == (1, 1)
    standing = [each.id for each in entries(store, clock) if not each.is_reversed]
    assert standing == ["by-hand"]
    assert [each.reason for each in entries(store, clock) if each.patient_id == "pt-2"] == [
        REASON
    ] * 2
    with pytest.raises(CommandRefusedError, match="taken back before"):
        undo_import(batch.id, store=store, actor=OWNER, clock=clock)
    assert run(content, store, clock).batch.counts == {Outcome.ADDED: 2}
    assert check_store(store=store, clock=clock).ok


def test_time_of_a_closed_month_stands_in_the_way_with_its_row(store, clock):
    later = "M1,CCM,staff-nurse,2026-11-02 10:00,5,record_review,,"
    batch = run(file(later, later.replace("11-02", "10-02")), store, clock).batch
    close_month(
        CloseMonth(month=ServiceMonth(2026, 10), form_id="close"),
        store=store, actor=OWNER, clock=clock, rule_book=load_rule_book(),
    )  # fmt: skip
    with pytest.raises(CommandRefusedError, match=r"October 2026 is closed: row 3\. Nothing"):
        undo_import(batch.id, store=store, actor=OWNER, clock=clock)
    assert not [each for each in entries(store, clock) if each.is_reversed]


def test_an_import_of_time_that_stopped_goes_on(store, clock):
    rows = [
        f"M1,CCM,staff-nurse,{datetime(2026, 11, 1, 6, tzinfo=UTC) + timedelta(minutes=5 * n):%Y-%m-%d %H:%M},5,"
        "record_review,,"
        for n in range(250)
    ]

    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(file(*rows), store, clock, on_progress=stop)
    assert len(entries(store, clock)) == 200
    done = import_time(file(*rows), store=store, actor=OWNER, clock=clock)
    assert done.batch.counts == {Outcome.ADDED: 250}
    assert done.rows == ()
    with store.reading() as unit:
        assert len(unit.session.exec(select(ImportRowRow)).all()) == 250
