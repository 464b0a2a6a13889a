"""Suggested time: where it may lie, how it joins, and that only its doer settles it, once and in time."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.support.ledger_case import BILLER, NURSE, OTHER_NURSE, OWNER, work
from tests.support.work_case import NOW, enrolled, fill_practice, part, put, restricted, timer
from trellis_core.care.active import SAME_STRETCH, Span
from trellis_core.care.vocabulary import Activity, EntryMode, Program
from trellis_core.errors import (
    ChartRestrictedError,
    CommandRefusedError,
    DuplicateCommandError,
    MonthClosedError,
    NotFoundError,
    PermissionDeniedError,
)
from trellis_core.services import drafts, measured_time
from trellis_core.services.notes import write_note
from trellis_core.services.suggestions import (
    LEAST_SECONDS,
    OFFERED_FOR,
    Origin,
    confirm,
    discard,
    offer,
    offer_missed,
    open_suggestions,
)
from trellis_core.services.time_log import entries_of, log_time
from trellis_core.services.timers import start_timer
from trellis_core.values.clock import FixedClock

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(store):
    fill_practice(store)
    return store


def before(minutes, seconds=0):
    return NOW - timedelta(minutes=minutes, seconds=seconds)


def offered(store, *spans, actor=NURSE, now=NOW, **more):
    """Offer a note's time to the nurse: by default the four minutes until now."""
    given = {
        "patient_id": "pt-1",
        "program": None,
        "activity": Activity.RECORD_REVIEW,
        "spans": list(spans) or [Span(now - timedelta(minutes=4), now)],
        **more,
    }
    origin = given.pop("origin", Origin.NOTE)
    return offer(origin, store=store, actor=actor, clock=FixedClock(now), **given)


def opened(store, actor=NURSE, now=NOW):
    return open_suggestions(store=store, actor=actor, clock=FixedClock(now))


def confirmed(store, suggestion, actor=NURSE, now=NOW, **more):
    return confirm(suggestion.id, store=store, actor=actor, clock=FixedClock(now), **more)


def logged(store):
    return entries_of(month=None, store=store, actor=OWNER)


def refused(code):
    return pytest.raises(CommandRefusedError, check=lambda error: error.code == code)


def test_what_was_offered_counts_once_it_is_confirmed(store):
    (made,) = offered(store)
    assert (made.seconds, made.program, made.started_at) == (240, Program.CCM, before(4))
    assert opened(store) == (made,)
    assert logged(store) == ()
    receipt = confirmed(store, made, note="Read the letter")
    assert opened(store) == ()
    (entry,) = logged(store)
    assert (entry.id, entry.mode, entry.seconds, entry.note, entry.program, entry.activity) == (
        made.id, EntryMode.SUGGESTED, 240, "Read the letter", Program.CCM, Activity.RECORD_REVIEW,
    )  # fmt: skip
    assert confirmed(store, made, note="Read the letter").number == receipt.number
    assert len(logged(store)) == 1
    with pytest.raises(DuplicateCommandError):
        confirmed(store, made, seconds=60, note="Read the letter")
    with refused("SUGGESTION_SETTLED"):
        discard(made.id, store=store, actor=NURSE, clock=FixedClock(NOW))


@pytest.mark.parametrize(("seconds", "number"), [(LEAST_SECONDS - 1, 0), (LEAST_SECONDS, 1)])
def test_too_little_is_not_offered(store, seconds, number):
    assert len(offered(store, Span(NOW - seconds * SECOND, NOW))) == number


@pytest.mark.parametrize(
    ("since", "seconds"),
    [(before(5), []), (before(4), []), (before(4) + 30 * SECOND, [30]), (NOW, [240])],
)
def test_what_a_running_timer_measures_is_not_offered(store, since, seconds):
    put(store, timer(since))
    made = offered(store)
    assert [each.seconds for each in made] == seconds
    assert all(each.made_at <= since for each in made)


@pytest.mark.parametrize(
    ("part_from", "lasts", "seconds"),
    [
        (before(6), 120, [240]),  # ends where the work begins
        (before(6), 121, [239]),
        (before(3), 60, [60, 120]),  # in the middle: apart before and after
        (NOW, 60, [240]),  # begins where it ends
        (NOW - SECOND, 60, [239]),
        (before(5), 400, []),
    ],
)
def test_no_suggestion_overlaps_a_timer(store, part_from, lasts, seconds):
    put(store, timer(part_from, paused_at=NOW), part(part_from, lasts))
    assert [each.seconds for each in offered(store)] == seconds


@pytest.mark.parametrize(
    ("started_at", "lasts", "seconds"),
    [(before(14), 600, 240), (before(14), 601, 239), (before(3), 120, 60)],
)
def test_nor_what_is_logged_already(store, started_at, lasts, seconds):
    command = work(started_at=started_at, seconds=lasts)
    log_time(command, store=store, actor=NURSE, clock=FixedClock(NOW))
    assert max(each.seconds for each in offered(store)) == seconds


def test_work_of_one_stretch_joins(store):
    (first,) = offered(store)
    later = NOW + timedelta(minutes=6)
    (second,) = offered(
        store,
        Span(later - timedelta(minutes=5), later),
        now=later,
        origin=Origin.CARE_PLAN,
        activity=Activity.CARE_PLAN_UPDATE,
    )
    assert (second.id, second.started_at, second.seconds) == (first.id, first.started_at, 540)
    assert (second.activity, second.origin) == (Activity.CARE_PLAN_UPDATE, Origin.CARE_PLAN)
    last = later + timedelta(minutes=1)
    (third,) = offered(store, Span(last - 40 * SECOND, last), now=last)
    assert (third.id, third.seconds, third.activity) == (first.id, 580, Activity.CARE_PLAN_UPDATE)
    assert len(opened(store, now=last)) == 1


@pytest.mark.parametrize(("over", "number"), [(timedelta(), 1), (SECOND, 2)])
def test_work_too_far_apart_does_not(store, over, number):
    offered(store)
    begins = NOW + SAME_STRETCH + over
    ends = begins + timedelta(minutes=2)
    offered(store, Span(begins, ends), now=ends)
    assert len(opened(store, now=ends)) == number


def test_nor_does_work_with_another_patient_between(store):
    offered(store)
    second = NOW + timedelta(minutes=3)
    offered(store, Span(NOW, second), now=second, patient_id="pt-2", program=Program.BHI)
    third = second + timedelta(minutes=1)
    offered(store, Span(second, third), now=third)
    assert [(each.patient_id, each.seconds) for each in opened(store, now=third)] == [
        ("pt-1", 60), ("pt-2", 180), ("pt-1", 240),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("patient_id", "program", "suggested"),
    [
        ("pt-1", None, Program.CCM),
        ("pt-1", Program.CCM, Program.CCM),
        ("pt-1", Program.PCM, None),
        ("pt-2", None, None),
        ("pt-2", Program.BHI, Program.BHI),
    ],
)
def test_the_program_is_one_of_the_patients(store, patient_id, program, suggested):
    (made,) = offered(store, patient_id=patient_id, program=program)
    assert made.program is suggested
    if suggested is None:
        with refused("PROGRAM_NOT_ENROLLED"):
            confirmed(store, made)
    with refused("PROGRAM_NOT_ENROLLED"):
        confirmed(store, made, program=Program.COCM)
    receipt = confirmed(store, made, program=Program.CCM)
    assert receipt.entry.program is Program.CCM


@pytest.mark.parametrize(
    ("since", "until", "number"),
    [
        (date(2026, 11, 20), None, 1),
        (date(2026, 11, 21), None, 0),
        (date(2026, 1, 5), date(2026, 11, 20), 1),
        (date(2026, 1, 5), date(2026, 11, 19), 0),
    ],
)
def test_who_is_in_no_program_that_day_has_no_minutes(store, since, until, number):
    put(store, enrolled("pt-3", Program.PCM, since=since, until=until))
    assert len(offered(store, patient_id="pt-3")) == number


@pytest.mark.parametrize("seconds", [1, 239, 240])
def test_it_may_be_shortened(store, seconds):
    (made,) = offered(store)
    assert confirmed(store, made, seconds=seconds).seconds == seconds


@pytest.mark.parametrize("seconds", [-60, 0, 241])
def test_it_is_never_lengthened(store, seconds):
    (made,) = offered(store)
    with refused("LONGER_THAN_MEASURED"):
        confirmed(store, made, seconds=seconds)
    assert opened(store) == (made,)


def test_what_was_logged_meanwhile_is_not_counted_twice(store):
    (made,) = offered(store)
    command = work(started_at=before(5), seconds=180)
    log_time(command, store=store, actor=NURSE, clock=FixedClock(NOW))
    with pytest.raises(CommandRefusedError, match="At most 2 min of it are free"):
        confirmed(store, made)
    assert confirmed(store, made, seconds=120).entry.started_at == before(2)


@pytest.mark.parametrize(("since", "is_free"), [(NOW, True), (NOW - SECOND, False)])
def test_nor_what_is_being_timed(store, since, is_free):
    (made,) = offered(store)
    put(store, timer(since))
    if is_free:
        assert confirmed(store, made, now=NOW + timedelta(minutes=1)).seconds == 240
    else:
        with refused("TIME_TAKEN"):
            confirmed(store, made, now=NOW + timedelta(minutes=1))


def test_measured_time_with_breaks_finds_its_place(store):
    """Two minutes of work in ten: logged where the person has logged nothing."""
    spans = Span(before(10), before(9)), Span(before(1), NOW)
    (made,) = offered(store, *spans)
    log_time(
        work(started_at=before(10), seconds=90), store=store, actor=NURSE, clock=FixedClock(NOW)
    )
    assert confirmed(store, made).entry.started_at == before(8, 30)


def test_work_over_the_end_of_the_month_is_divided_where_the_practice_says(store):
    midnight = datetime(2026, 12, 1, 5, tzinfo=UTC)  # in New York
    (made,) = offered(store, Span(midnight - 2 * MINUTE, midnight + MINUTE), now=midnight + MINUTE)
    receipt = confirmed(store, made, now=midnight + MINUTE)
    entries = (receipt.entry, *receipt.also)
    assert [(str(each.service_day), each.seconds) for each in entries] == [
        ("2026-11-30", 120), ("2026-12-01", 60),
    ]  # fmt: skip


@pytest.mark.parametrize("settle", [confirm, discard])
@pytest.mark.parametrize("actor", [OTHER_NURSE, OWNER])
def test_nobody_else_sees_or_settles_it(store, settle, actor):
    (made,) = offered(store)
    assert opened(store, actor=actor) == ()
    with pytest.raises(NotFoundError):
        settle(made.id, store=store, actor=actor, clock=FixedClock(NOW))
    assert opened(store) == (made,)


def test_who_logs_no_time_is_offered_none(store):
    for call in (offered, opened):
        with pytest.raises(PermissionDeniedError):
            call(store, actor=BILLER)


def test_a_discarded_one_is_gone(store):
    (made,) = offered(store)
    for _ in range(2):
        discard(made.id, store=store, actor=NURSE, clock=FixedClock(NOW))
    assert opened(store) == ()
    with refused("SUGGESTION_SETTLED"):
        confirmed(store, made)
    assert logged(store) == ()


def test_of_a_chart_that_was_closed_it_neither_shows_nor_counts(store):
    (made,) = offered(store)
    put(store, restricted("pt-1"))
    assert opened(store) == ()
    for call in (lambda: confirmed(store, made), lambda: offered(store)):
        with pytest.raises(ChartRestrictedError):
            call()


@pytest.mark.parametrize(("over", "is_open"), [(timedelta(), True), (SECOND, False)])
def test_it_is_gone_after_a_week(store, over, is_open):
    (made,) = offered(store)
    then = NOW + OFFERED_FOR + over
    assert bool(opened(store, now=then)) is is_open
    if is_open:
        assert confirmed(store, made, now=then).seconds == 240
        return
    with refused("SUGGESTION_EXPIRED"):
        confirmed(store, made, now=then)
    offered(store, now=then)
    with pytest.raises(NotFoundError):
        confirmed(store, made, now=then)


def test_a_closed_month_refuses_it_and_keeps_it(store, monkeypatch):
    (made,) = offered(store)
    monkeypatch.setattr(
        "trellis_core.services.closed_months.closed_since",
        lambda _unit, _practice, months: {next(iter(months)): NOW},
    )
    with pytest.raises(MonthClosedError):
        confirmed(store, made)
    assert opened(store) == (made,)


# --- what is measured and not offered yet -----------------------------------------------------


def keep(store, *spans, patient_id="pt-1", actor=NURSE, now=NOW):
    measured_time.keep_measured(
        {patient_id: spans}, store=store, actor=actor, clock=FixedClock(now)
    )


def typed(store, *spans, text="Sleeps", now=NOW, **form):
    drafts.keep(
        text, patient_id="pt-1", worked=spans, store=store, actor=NURSE, clock=FixedClock(now),
        **{"form": "note"} | form,
    )  # fmt: skip


def waiting(store, actor=NURSE):
    with store.reading() as unit:
        return measured_time.all_of(unit, actor)


def test_what_was_measured_before_the_server_died_is_offered_with_what_came_after(store):
    keep(store, Span(before(9), before(8)), Span(before(8), before(5)))
    keep(store, Span(before(9), before(6)), patient_id="pt-unknown")
    typed(store, Span(before(6), before(4)))
    assert [each.spans for each in waiting(store).values()] == [(Span(before(9), before(4)),)]
    assert opened(store) == ()
    (made,) = offered(store, Span(before(5), before(2)))
    assert (made.started_at, made.seconds, made.made_at) == (before(9), 420, before(2))
    assert waiting(store) == {}


@pytest.mark.parametrize("settle", [None, confirm, discard])
def test_the_same_work_is_never_offered_twice(store, settle):
    """As another device measures it, which was open in the same minutes: only what lies beside."""
    spans = Span(before(10), before(9)), Span(before(5), before(2))
    (made,) = offered(store, *spans)
    if settle is not None:
        settle(made.id, store=store, actor=NURSE, clock=FixedClock(NOW))
    assert offered(store, *spans) == ()
    keep(store, Span(before(12), NOW))
    rest = offered(store, *spans)
    assert sum(each.seconds for each in rest) == 240 + (240 if settle is None else 0)
    assert sum(each.seconds for each in opened(store)) == 240 + (240 if settle is None else 0)


@pytest.mark.parametrize(("over", "seconds"), [(timedelta(), 300), (SECOND, 60)])
@pytest.mark.parametrize("way", ["seen", "typed"])
def test_time_waits_while_the_work_goes_on_or_its_words_wait(store, way, over, seconds):
    """Until the next thing is done, and until it is saved."""
    (keep if way == "seen" else typed)(store, Span(before(4), NOW))
    begins = NOW + over + (SAME_STRETCH if way == "seen" else measured_time.KEPT_FOR - MINUTE)
    found = offered(store, Span(begins, begins + MINUTE), now=begins + MINUTE)
    assert sum(each.seconds for each in found) == seconds
    assert len(found) == (2 if way == "typed" and not over else 1)


@pytest.mark.parametrize("way", ["dropped", "emptied"])
def test_words_that_are_gone_keep_no_time(store, way):
    typed(store, Span(before(4), NOW))
    typed(store, form="plan")
    now = NOW + SAME_STRETCH + SECOND
    for form, seconds in (("plan", 240), ("note", 0)):
        if way == "dropped":
            drafts.drop(form=form, patient_id="pt-1", store=store, actor=NURSE)
        else:
            typed(store, text=" ", form=form, now=now)
        keep(store, Span(now, now + SECOND), now=now + SECOND)
        (kept,) = waiting(store).values()
        assert sum(each.seconds for each in kept.spans) == seconds + 1


def test_too_little_goes_on_being_measured(store):
    assert offered(store, Span(before(1), before(1) + 29 * SECOND)) == ()
    (made,) = offered(store, Span(before(0, 1), NOW))
    assert made.seconds == 30


def missed(store, now):
    return offer_missed(store=store, actor=NURSE, clock=FixedClock(now))


def test_an_offer_that_was_cut_off_after_the_saving_is_made_when_a_page_is_opened(store):
    keep(store, Span(before(4), NOW))
    later = NOW + timedelta(days=1)
    assert missed(store, later) == ()
    write_note("pt-1", text="Sleeps.", store=store, actor=NURSE, clock=FixedClock(NOW))
    (made,) = missed(store, later)
    assert (made.seconds, made.origin, made.program) == (240, Origin.NOTE, Program.CCM)
    assert missed(store, later) == ()
    assert waiting(store) == {}


def test_but_not_for_what_was_offered_or_was_too_little(store):
    write_note("pt-1", text="Sleeps.", store=store, actor=NURSE, clock=FixedClock(NOW))
    offered(store, Span(before(1), before(1) + 29 * SECOND))
    later = NOW + timedelta(minutes=2)
    keep(store, Span(NOW, later), now=later)
    assert missed(store, later) == ()


def test_a_timer_that_starts_later_leaves_what_was_offered(store):
    offered(store)
    start_timer(
        patient_id="pt-2", program=Program.CCM, store=store, actor=NURSE, clock=FixedClock(NOW)
    )
    assert len(opened(store)) == 1
