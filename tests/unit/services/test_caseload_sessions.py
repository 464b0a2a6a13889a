"""The weekly review: a session that survives anything, and how its minutes are divided."""

from datetime import date, datetime, timedelta

import pytest

from tests.support.ledger_case import BILLER, NURSE, OTHER_NURSE, OWNER
from tests.support.work_case import CONSULTANT, NOW, TODAY, enrolled, fill_practice, put, restricted
from trellis_core.care.vocabulary import Activity, EntryMode, Program
from trellis_core.errors import (
    ChartRestrictedError,
    CommandRefusedError,
    MonthClosedError,
    NotFoundError,
    PermissionDeniedError,
)
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import cocm
from trellis_core.services.caseload import chart
from trellis_core.services.caseload_sessions import (
    finish_session,
    open_session,
    sessions_of,
    start_session,
)
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.services.time_log import entries_of
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
BEGAN = NOW - timedelta(minutes=31)


@pytest.fixture
def store(store):
    fill_practice(store)
    put(store, *(enrolled(f"pt-{number}", Program.COCM) for number in (1, 2, 3)))
    return store


def around(store, actor=NURSE, at=NOW):
    return {"store": store, "actor": actor, "clock": FixedClock(at)}


def started(store, actor=NURSE, at=BEGAN, **given):
    return start_session(consultant="staff-psych", **given, **around(store, actor, at))


def said(store, session, patient_id, words="Go on", actor=NURSE):
    return cocm.record_caseload_review(
        patient_id, on=TODAY, recommendation=words, session_id=session.id, **around(store, actor)
    )


def refused(code):
    return pytest.raises(CommandRefusedError, check=lambda error: error.code == code)


def entries(store):
    return entries_of(month=NOVEMBER, program=Program.COCM, **around(store, OWNER))


def test_a_session_is_found_again_by_its_leader_and_its_consultant(store):
    session = started(store)
    said(store, session, "pt-2")
    said(store, session, "pt-1", actor=CONSULTANT)
    for actor in (NURSE, CONSULTANT):
        found = open_session(store=store, actor=actor)
        assert found is not None
        assert (found.id, found.began_at, set(found.discussed)) == (
            session.id, BEGAN, {"pt-1", "pt-2"},
        )  # fmt: skip
    assert open_session(store=store, actor=OTHER_NURSE) is None
    assert started(store, session_id="again").id == session.id


def test_one_person_leads_one_session(store):
    started(store, session_id="form-1")
    assert started(store, OTHER_NURSE).id != "form-1"
    with refused("NOT_A_CONSULTANT"):
        start_session(consultant="staff-doctor", **around(store, OWNER))
    with pytest.raises(NotFoundError):
        start_session(consultant="nobody", **around(store, OWNER))
    with refused("SESSION_ID_MALFORMED"):
        started(store, OWNER, session_id="form 1")
    for actor in (CONSULTANT, BILLER):
        with pytest.raises(PermissionDeniedError):
            started(store, actor)


def test_a_patient_has_one_review_in_a_session(store):
    session = started(store)
    first = said(store, session, "pt-1", "Raise the dose")
    again = said(store, session, "pt-1", "Raise the dose; see in a week")
    (kept,) = chart("pt-1", month=NOVEMBER, **around(store)).caseload_reviews
    assert (kept, first.id) == (again, kept.id)
    assert kept.consultant == "staff-psych"
    cocm.record_caseload_review("pt-1", on=TODAY, **around(store))  # by itself: another
    assert len(chart("pt-1", month=NOVEMBER, **around(store)).caseload_reviews) == 2


def test_the_measured_time_is_divided_among_those_discussed(store):
    session = started(store)
    for patient_id in ("pt-1", "pt-2", "pt-3"):
        said(store, session, patient_id)
    done = finish_session(session.id, **around(store))
    assert (done.session.seconds, done.session.ended_at) == (1860, NOW)
    found = entries(store)
    assert {entry.patient_id for entry in found} == {"pt-1", "pt-2", "pt-3"}
    assert len(done.receipts) == 3
    for entry in found:
        assert (entry.seconds, entry.patients_sharing, entry.started_at) == (1860, 3, BEGAN)
        assert (entry.activity, entry.mode) == (Activity.CASELOAD_REVIEW, EntryMode.TIMED)
        assert entry.staff_id == "staff-nurse"
    assert open_session(store=store, actor=NURSE) is None
    (kept,) = sessions_of(month=NOVEMBER, store=store, actor=NURSE)
    assert (kept.seconds, set(kept.discussed)) == (1860, {"pt-1", "pt-2", "pt-3"})
    assert finish_session(session.id, **around(store)).receipts == ()
    assert len(entries(store)) == 3
    with refused("SESSION_FINISHED"):
        said(store, session, "pt-1")


@pytest.mark.parametrize(
    ("seconds", "began"),
    [(600, BEGAN), (1860, BEGAN), (3600, NOW - timedelta(hours=1)), (86_400, NOW - timedelta(days=1))],
)  # fmt: skip
def test_typed_minutes_are_typed_and_never_end_in_the_future(store, seconds, began):
    session = started(store)
    said(store, session, "pt-1")
    finish_session(session.id, seconds=seconds, **around(store))
    (entry,) = entries(store)
    assert (entry.seconds, entry.started_at, entry.mode) == (seconds, began, EntryMode.TYPED)
    assert entry.patients_sharing == 1


@pytest.mark.parametrize("discussed", [(), ("pt-1",)])
def test_a_session_can_end_without_time(store, discussed):
    session = started(store)
    for patient_id in discussed:
        said(store, session, patient_id)
    seconds = 0 if discussed else None
    assert finish_session(session.id, seconds=seconds, **around(store)).receipts == ()
    assert entries(store) == ()
    assert open_session(store=store, actor=NURSE) is None


def test_a_session_left_open_over_a_day_asks_for_its_length(store):
    session = started(store, at=NOW - timedelta(days=1, seconds=1))
    said(store, session, "pt-1")
    for seconds in (None, -1, 86_401):
        with refused("SESSION_TOO_LONG"):
            finish_session(session.id, seconds=seconds, **around(store))
    assert open_session(store=store, actor=NURSE) is not None
    assert finish_session(session.id, seconds=1200, **around(store)).receipts


def test_others_neither_finish_nor_add_to_a_session(store):
    session = started(store)
    with refused("NOT_YOUR_SESSION"):
        finish_session(session.id, **around(store, OTHER_NURSE))
    with refused("NOT_YOUR_SESSION"):
        said(store, session, "pt-1", actor=OTHER_NURSE)
    with pytest.raises(NotFoundError):
        finish_session("another", **around(store))


def test_a_chart_closed_meanwhile_takes_no_review_and_loses_no_time(store):
    session = started(store)
    said(store, session, "pt-1")
    put(store, restricted("pt-1"), restricted("pt-2"))
    with pytest.raises(ChartRestrictedError):
        said(store, session, "pt-2")
    assert [one.entry.patient_id for one in finish_session(session.id, **around(store)).receipts] == [
        "pt-1"
    ]  # fmt: skip


def test_in_a_closed_month_the_session_goes_on(store):
    began = datetime.fromisoformat("2026-10-30T15:00:00+00:00")
    session = started(store, at=began)
    cocm.record_caseload_review(
        "pt-1", on=date(2026, 10, 30), session_id=session.id, **around(store)
    )
    close_month(
        CloseMonth(month=ServiceMonth(2026, 10), form_id="close"),
        rule_book=load_rule_book(),
        **around(store, OWNER),
    )
    with pytest.raises(MonthClosedError):
        finish_session(session.id, seconds=600, **around(store))
    assert open_session(store=store, actor=NURSE) is not None
