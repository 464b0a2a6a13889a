"""What the journal is told of views, searches and prints: once in a while, before anything shows."""

from dataclasses import replace
from datetime import timedelta

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
from trellis_core.errors import NotFoundError, PermissionDeniedError, StoreError
from trellis_core.ledger.journal import EventKind
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import (
    access_events,
    billing,
    board,
    caseload,
    entry_history,
    months,
    what_if,
)
from trellis_core.services.access_events import Recently, note_print
from trellis_core.services.journal import journal
from trellis_core.services.time_log import entries_of, log_time
from trellis_core.store.engine import Store
from trellis_core.store.tables import EVENT, EmergencyAccessRow, RestrictedChartRow
from trellis_core.values.periods import ServiceMonth

MONTH = ServiceMonth(2026, 11)
QUARTER = timedelta(minutes=15)


@pytest.fixture
def practice(any_store: Store) -> Store:
    """A store that holds two practices, on either database."""
    fill(any_store)
    return any_store


def told(store, kind, actor=OWNER):
    return journal(kinds=(kind,), store=store, actor=actor).events


def look(store, clock, patient_id="pt-1", actor=NURSE):
    return caseload.chart(patient_id, month=MONTH, store=store, actor=actor, clock=clock)


def search(store, clock, text, actor=NURSE, **more):
    return caseload.patients(text=text, store=store, actor=actor, clock=clock, **more)


def test_a_look_at_a_chart_is_told_with_person_patient_and_hour(practice, clock):
    look(practice, clock)
    (view,) = told(practice, EventKind.VIEWED)
    assert (view.subject_kind, view.subject_id, view.patient_id) == ("chart", "pt-1", "pt-1")
    assert (view.author_id, view.recorded_at) == (NURSE.person_id, clock.now())
    assert (view.details, view.reason) == ({}, "")
    assert view.sentence() == "Chart seen"


def test_looking_again_is_told_after_a_quarter_of_an_hour_and_not_a_second_before(practice, clock):
    look(practice, clock)
    clock.instant += QUARTER - timedelta(seconds=1)
    look(practice, clock)
    assert len(told(practice, EventKind.VIEWED)) == 1
    clock.instant += timedelta(seconds=1)
    look(practice, clock)
    assert len(told(practice, EventKind.VIEWED)) == 2


def test_a_clock_that_was_set_back_hides_no_look(practice, clock):
    look(practice, clock)
    clock.instant -= timedelta(seconds=1)
    look(practice, clock)
    assert len(told(practice, EventKind.VIEWED)) == 2


def test_each_person_and_each_patient_is_told_apart(practice, clock):
    for actor in (NURSE, OTHER_NURSE, AUDITOR):
        for patient_id in ("pt-1", "pt-2"):
            look(practice, clock, patient_id, actor)
    seen = {(view.author_id, view.patient_id) for view in told(practice, EventKind.VIEWED)}
    assert len(seen) == 6


def test_every_way_to_one_patients_records_is_one_look(practice, clock):
    book = load_rule_book()
    entry = log_time(work(), store=practice, actor=NURSE, clock=clock).entry
    look(practice, clock, actor=OWNER)
    common = {"store": practice, "actor": OWNER, "clock": clock}
    board.patient_month("pt-1", month=MONTH, rule_book=book, **common)
    what_if.on_record("pt-1", month=MONTH, **common)
    entries_of(month=MONTH, patient_id="pt-1", **common)
    entry_history.entry_history(entry.id, rule_book=book, **common)
    months.month_review(MONTH, patient_id="pt-1", rule_book=book, **common)
    assert len(told(practice, EventKind.VIEWED)) == 1


@pytest.mark.parametrize("way", ["month", "what if", "entries", "history", "superbills"])
def test_each_way_to_one_patients_records_is_told_by_itself(practice, clock, way):
    book = load_rule_book()
    entry = log_time(work(), store=practice, actor=NURSE, clock=clock).entry
    common = {"store": practice, "actor": OWNER, "clock": clock}
    ways = {
        "month": lambda: board.patient_month("pt-1", month=MONTH, rule_book=book, **common),
        "what if": lambda: what_if.on_record("pt-1", month=MONTH, **common),
        "entries": lambda: entries_of(month=MONTH, patient_id="pt-1", **common),
        "history": lambda: entry_history.entry_history(entry.id, rule_book=book, **common),
        "superbills": lambda: months.month_review(
            MONTH, patient_id="pt-1", rule_book=book, **common
        ),
    }
    ways[way]()
    (view,) = told(practice, EventKind.VIEWED)
    assert (view.author_id, view.patient_id) == (OWNER.person_id, "pt-1")


def test_lists_of_many_patients_are_no_look_at_a_chart(practice, clock):
    log_time(work(), store=practice, actor=NURSE, clock=clock)
    common = {"store": practice, "actor": OWNER, "clock": clock}
    before = journal(store=practice, actor=OWNER).total
    for _ in range(2):
        board.board(month=MONTH, rule_book=load_rule_book(), **common)
        entries_of(month=MONTH, **common)
        months.month_review(MONTH, rule_book=load_rule_book(), **common)
        caseload.charts_of_list(["pt-2", "pt-1"], month=MONTH, store=practice, actor=OWNER)
        caseload.patients(**common)
    assert journal(store=practice, actor=OWNER).total == before


def test_a_list_of_charts_keeps_the_order_asked_for(practice):
    found = caseload.charts_of_list(["pt-3", "pt-1"], month=MONTH, store=practice, actor=NURSE)
    assert [chart.patient.id for chart in found] == ["pt-3", "pt-1"]
    with pytest.raises(NotFoundError):
        caseload.charts_of_list(["pt-9"], month=MONTH, store=practice, actor=NURSE)


def test_a_chart_that_is_not_there_is_refused_and_not_seen(practice, clock):
    for actor in (NURSE, STRANGER):
        with pytest.raises(NotFoundError):
            look(practice, clock, "pt-9" if actor is NURSE else "pt-1", actor)
    assert not told(practice, EventKind.VIEWED)
    assert len(told(practice, EventKind.DENIED)) == 1
    assert len(told(practice, EventKind.DENIED, actor=STRANGER)) == 1


def test_a_look_in_an_emergency_says_so_while_it_lasts(practice, clock):
    with practice.writing(actor=BILLER, at=clock.now()) as unit:
        unit.session.add(
            EmergencyAccessRow(
                practice_id="practice-1",
                id="em-1",
                patient_id="pt-1",
                staff_id=BILLER.person_id,
                reason="Called from the ward",
                began_at=clock.now(),
                ends_at=clock.now() + timedelta(hours=1),
            )
        )
    look(practice, clock, actor=BILLER)
    look(practice, clock, "pt-2", actor=BILLER)
    look(practice, clock, actor=AUDITOR)
    clock.advance(hours=1)
    look(practice, clock, actor=BILLER)
    later, by_auditor, other, first = told(practice, EventKind.VIEWED)
    assert first.details == {"emergency": "em-1"}
    assert first.sentence() == "Chart seen in an emergency"
    assert [each.details for each in (other, by_auditor, later)] == [{}, {}, {}]


def test_a_chart_is_not_shown_where_the_journal_cannot_be_told(practice, clock):
    with practice.writing(actor=OWNER) as unit:
        unit.session.connection()
        with pytest.raises(StoreError):
            look(practice, clock)
        with pytest.raises(StoreError):
            search(practice, clock, "Example")
    assert not told(practice, EventKind.VIEWED)
    look(practice, clock)
    assert len(told(practice, EventKind.VIEWED)) == 1


# --- searches --------------------------------------------------------------------------------


def test_a_search_is_told_with_the_number_found_and_never_with_the_text(practice, clock):
    assert search(practice, clock, "exam").total == 3
    (event,) = told(practice, EventKind.SEARCHED)
    assert (event.subject_kind, event.subject_id, event.patient_id) == ("search", "patients", None)
    assert (event.details, event.reason) == ({"found": 3}, "")
    assert event.sentence() == "Searched for patients, 3 found"
    with practice.reading() as unit:
        bodies = " ".join(unit.connection.execute(EVENT.select()).scalars("body"))
    assert "exam" not in bodies


def test_the_same_text_is_one_search_for_a_quarter_of_an_hour_on_every_page(practice, clock):
    for text in ("Example", " example ", "EXAMPLE"):
        for offset in (0, 1, 2):
            search(practice, clock, text, limit=1, offset=offset)
    board.board(
        month=MONTH, text="example", rule_book=load_rule_book(),
        store=practice, actor=NURSE, clock=clock,
    )  # fmt: skip
    assert len(told(practice, EventKind.SEARCHED)) == 1
    clock.instant += QUARTER - timedelta(seconds=1)
    search(practice, clock, "example")
    assert len(told(practice, EventKind.SEARCHED)) == 1
    clock.instant += timedelta(seconds=1)
    search(practice, clock, "example")
    assert len(told(practice, EventKind.SEARCHED)) == 2


def test_another_text_and_another_person_are_searches_of_their_own(practice, clock):
    search(practice, clock, "m1")
    search(practice, clock, "m2")
    search(practice, clock, "m1", actor=OTHER_NURSE)
    search(practice, clock, "nobody at all")
    found = [event.details["found"] for event in told(practice, EventKind.SEARCHED)]
    assert found == [0, 1, 1, 1]


@pytest.mark.parametrize("text", ["", "   ", "\t\n"])
def test_no_text_is_no_search(practice, clock, text):
    search(practice, clock, text)
    assert not told(practice, EventKind.SEARCHED)


def test_a_search_of_the_board_is_told_too(practice, clock):
    common = {"store": practice, "actor": NURSE, "clock": clock, "rule_book": load_rule_book()}
    for _ in range(3):
        board.board(month=MONTH, text="nobody", **common)
    (event,) = told(practice, EventKind.SEARCHED)
    assert event.details == {"found": 0}


@pytest.mark.parametrize("text", ["'; drop table event;--", "%", "=1+1", "\ud800", "x" * 10_000])
def test_hostile_texts_are_searches_like_others(sqlite_store, clock, text):
    fill(sqlite_store)
    if text != "\ud800":
        search(sqlite_store, clock, text)
    access_events.note_search(text, found=0, store=sqlite_store, actor=NURSE, clock=clock)
    (event,) = told(sqlite_store, EventKind.SEARCHED)
    assert event.details == {"found": 0}


# --- prints ----------------------------------------------------------------------------------


def printed(store, clock, page="chart", patient_id=None, actor=NURSE):
    note_print(page, patient_id=patient_id, store=store, actor=actor, clock=clock)
    return told(store, EventKind.PRINTED)


def test_a_print_is_told_with_page_and_patient(practice, clock):
    (event,) = printed(practice, clock, "chart", "pt-2")
    assert (event.subject_kind, event.subject_id, event.patient_id) == ("page", "chart", "pt-2")
    assert event.sentence() == "Printed the page chart"


@pytest.mark.parametrize("patient_id", ["pt-9", "\x00", "\ud800", "'--", "pt-1\x00"])
def test_a_print_names_no_patient_that_the_practice_does_not_have(practice, clock, patient_id):
    (event,) = printed(practice, clock, None, patient_id)
    assert (event.subject_id, event.patient_id) == ("other", None)
    assert event.sentence() == "Printed a page"


def test_a_print_names_no_patient_of_another_practice(practice, clock):
    note_print("chart", patient_id="pt-1", store=practice, actor=STRANGER, clock=clock)
    (event,) = told(practice, EventKind.PRINTED, actor=STRANGER)
    assert event.patient_id is None


def test_a_browser_that_says_twice_that_it_prints_is_told_once(practice, clock):
    assert len(printed(practice, clock)) == 1
    clock.advance(seconds=9)
    assert len(printed(practice, clock)) == 1
    clock.advance(seconds=1)
    assert len(printed(practice, clock)) == 2


def test_a_print_takes_a_right(practice, clock, monkeypatch):
    monkeypatch.setattr("trellis_core.access.POLICY", {})
    with pytest.raises(PermissionDeniedError):
        note_print("chart", patient_id=None, store=practice, actor=NURSE, clock=clock)


# --- the memory ------------------------------------------------------------------------------


def test_the_memory_is_bounded_and_forgets_the_oldest(clock):
    memory = Recently(QUARTER, most=2)
    for name in ("a", "b", "a", "c"):
        memory.keep((name,), now=clock.now())
    assert [memory.knows((name,), now=clock.now()) for name in ("a", "b", "c")] == [
        True, False, True,
    ]  # fmt: skip


def test_practices_and_stores_are_remembered_apart(practice, clock):
    elsewhere = replace(NURSE, practice_id="practice-2")
    search(practice, clock, "m1")
    search(practice, clock, "m1", actor=elsewhere)
    assert len(told(practice, EventKind.SEARCHED, actor=STRANGER)) == 1


def test_a_coordinators_journal_shows_neither_who_looked_nor_who_may(practice, clock):
    look(practice, clock, actor=OWNER)
    look(practice, clock, actor=NURSE)
    with practice.writing(actor=OWNER, at=clock.now()) as unit:
        unit.session.add(
            RestrictedChartRow(
                practice_id="practice-1",
                patient_id="pt-2",
                restricted_by=OWNER.person_id,
                restricted_at=clock.now(),
                readers=NURSE.person_id,
            )
        )
    assert {event.subject_kind for event in journal(store=practice, actor=NURSE).events} == {
        "patient"
    }
    for asked in ({"kinds": (EventKind.VIEWED,)}, {"subject_kind": "restricted_chart"}):
        assert journal(store=practice, actor=NURSE, **asked).total == 0
        assert journal(store=practice, actor=AUDITOR, **asked).total > 0


def test_a_superbill_asked_for_by_its_number_is_a_look(practice, clock):
    book = load_rule_book()
    with pytest.raises(NotFoundError):
        billing.superbills(
            month=MONTH, number=1, store=practice, actor=OWNER, clock=clock, rule_book=book
        )
    assert not told(practice, EventKind.VIEWED)
