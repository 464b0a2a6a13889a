"""Guessing: ten refusals are free, then waits that grow, then a lock; for every process alike."""

from datetime import timedelta

import pytest

from tests.support.signing_in import (
    NAMES,
    NURSE,
    OWNER,
    PASSWORD,
    another,
    at_once,
    change,
    events,
    everything_written,
    fill,
    kinds,
    opened,
)
from trellis_core.errors import CommandRefusedError, SignInRefusedError
from trellis_core.ledger.journal import EventKind
from trellis_core.services import invitations, people, sign_in_attempts
from trellis_core.services.sign_in import sign_in, unlock
from trellis_core.services.sign_in_attempts import attempts_at, locked_among, note_refusal
from trellis_core.store.engine import Store

NAME = NAMES[NURSE]
WRONG = "wrong"


@pytest.fixture
def store(any_store: Store) -> Store:
    fill(any_store)
    return any_store


def guess(store, clock, *, name=NAME, password=WRONG):
    with pytest.raises(SignInRefusedError) as refused:
        sign_in(name, password, store=store, clock=clock)
    return str(refused.value)


def refused(store, clock, times, *, name=NAME):
    """Count refusals as signing in does, without the cost of each check."""
    with store.writing() as unit:
        for _ in range(times):
            note_refusal(unit, name, now=clock.now())


def counted(store, name=NAME):
    with store.reading() as unit:
        return attempts_at(unit, name).refused


def test_nine_refusals_leave_the_right_password_good(store, clock):
    for _ in range(9):
        guess(store, clock)
    assert opened(NURSE, store=store, clock=clock)
    assert counted(store) == 0


def test_after_ten_refusals_the_right_password_is_refused_with_the_same_sentence(store, clock):
    sentences = {guess(store, clock) for _ in range(10)}
    assert counted(store) == 10
    assert {guess(store, clock, password=PASSWORD)} == sentences
    assert counted(store) == 10  # what is tried while waiting is not counted


@pytest.mark.parametrize(
    ("times", "minutes"), [(10, 1), (11, 2), (12, 4), (13, 8), (14, 15), (15, 15), (99, 15)]
)
def test_each_further_refusal_waits_twice_as_long_up_to_a_quarter_of_an_hour(
    store, clock, times, minutes
):
    refused(store, clock, times)
    clock.advance(minutes=minutes, seconds=-1)
    guess(store, clock, password=PASSWORD)
    clock.advance(seconds=1)
    assert opened(NURSE, store=store, clock=clock)


def test_a_hundred_refusals_lock_until_an_owner_makes_a_link(store, clock):
    refused(store, clock, 99)
    clock.advance(minutes=15)
    guess(store, clock)
    clock.advance(days=30)
    guess(store, clock, password=PASSWORD)
    (locked,) = [
        one for one in people.people(store=store, actor=OWNER, clock=clock) if one.is_locked
    ]
    assert locked.member.id == NURSE.person_id
    link = invitations.make_link(NURSE.person_id, store=store, actor=OWNER, clock=clock)
    invitations.use_link(link.token, PASSWORD, store=store, clock=clock)
    assert opened(NURSE, store=store, clock=clock)


def test_the_lock_is_an_event_once_at_ten_and_once_at_a_hundred(store, clock):
    refused(store, clock, 9)
    for _ in range(3):
        guess(store, clock)  # the tenth, and two while waiting
    clock.advance(minutes=1)
    guess(store, clock)
    locked = [one for one in events(store) if one[0] is EventKind.SIGN_IN_LOCKED]
    assert locked == [(EventKind.SIGN_IN_LOCKED, NURSE.person_id, '{"refused":10}')]
    refused(store, clock, 88)
    clock.advance(minutes=15)
    guess(store, clock)
    guess(store, clock)
    assert [one[2] for one in events(store) if one[0] is EventKind.SIGN_IN_LOCKED] == [
        '{"refused":10}',
        '{"refused":100}',
    ]
    assert kinds(store, EventKind.SIGN_IN_REFUSED) == [EventKind.SIGN_IN_REFUSED] * 6


def test_refusals_say_why_to_the_owner_and_nothing_of_what_was_typed(store, clock):
    guess(store, clock, password="open sesame of ours")
    change(store, NURSE, is_active=False)
    guess(store, clock, password=PASSWORD)
    refused(store, clock, 9)
    guess(store, clock, password=PASSWORD)
    told = [one[2] for one in events(store) if one[0] is EventKind.SIGN_IN_REFUSED]
    assert told == [
        '{"how":"password","why":"wrong_password"}',
        '{"how":"password","why":"no_access"}',
        '{"how":"password","why":"waiting"}',
    ]
    assert "sesame" not in everything_written(store)
    assert PASSWORD not in everything_written(store)


def test_an_unknown_name_waits_as_a_known_one_and_is_no_event(store, clock):
    before = len(events(store))
    for _ in range(10):
        guess(store, clock, name="nobody")
    with store.reading() as unit:
        assert attempts_at(unit, "nobody").must_wait(clock.now())
    assert len(events(store)) == before


def test_a_name_is_the_same_with_blanks_and_in_capitals(store, clock):
    refused(store, clock, 5, name=f" {NAME.upper()} ")
    refused(store, clock, 5)
    guess(store, clock, password=PASSWORD)
    assert counted(store) == 10


def test_one_name_does_not_wait_for_another(store, clock):
    refused(store, clock, 50)
    assert opened(OWNER, store=store, clock=clock)
    assert counted(store) == 50


def test_the_count_survives_a_restart_and_is_that_of_every_process(store, clock):
    refused(store, clock, 9)
    with another(store) as second:
        guess(second, clock)
        assert counted(store) == 10
    with another(store) as third:
        guess(third, clock, password=PASSWORD)
    guess(store, clock, password=PASSWORD)


def test_refusals_at_the_same_time_in_two_processes_are_all_counted(store, clock):
    def thirty(one):
        for _ in range(30):
            refused(one, clock, 1)

    with another(store) as second:
        assert (
            at_once(*(lambda s=s: thirty(s) for s in (store, second, store, second))) == [None] * 4
        )
    assert counted(store) == 120


def test_guesses_at_the_same_time_lock_once(store, clock):
    refused(store, clock, 8)
    with another(store) as second:
        results = at_once(
            *(lambda s=s: sign_in(NAME, "wrong", store=s, clock=clock) for s in (store, second) * 3)
        )
    assert {type(each) for each in results} == {SignInRefusedError}
    assert kinds(store, EventKind.SIGN_IN_LOCKED) == [EventKind.SIGN_IN_LOCKED]


def test_names_of_nobody_are_forgotten_after_a_day_and_those_of_people_never(store, clock):
    refused(store, clock, 3, name="nobody")
    refused(store, clock, 3)
    clock.advance(days=1)
    refused(store, clock, 1, name="else")
    assert counted(store, "nobody") == 3
    clock.advance(seconds=1)
    refused(store, clock, 1, name="else")
    assert (counted(store, "nobody"), counted(store), counted(store, "else")) == (0, 3, 2)


def test_a_wrong_password_of_ones_own_counts_too(store, clock):
    token, _ = opened(NURSE, store=store, clock=clock)
    with pytest.raises(CommandRefusedError, match="not your present password"):
        people.change_own_password("wrong", PASSWORD, store=store, actor=NURSE, clock=clock)
    clock.advance(minutes=15)
    with pytest.raises(SignInRefusedError):
        unlock(token, "wrong", store=store, clock=clock)
    assert counted(store) == 2
    refused(store, clock, 8)
    with pytest.raises(CommandRefusedError, match="not your present password"):
        people.change_own_password(PASSWORD, PASSWORD + "!", store=store, actor=NURSE, clock=clock)
    with pytest.raises(SignInRefusedError):
        unlock(token, PASSWORD, store=store, clock=clock)
    assert [one[2] for one in events(store) if one[0] is EventKind.SIGN_IN_REFUSED] == [
        '{"how":"own_password","why":"wrong_password"}',
        '{"how":"unlock","why":"wrong_password"}',
        '{"how":"own_password","why":"waiting"}',
        '{"how":"unlock","why":"waiting"}',
    ]


def test_what_was_typed_is_not_in_the_store(store, clock):
    refused(store, clock, 1, name="mallory@example")
    with store.reading() as unit:
        kept = unit.connection.exec_driver_sql("SELECT name_sha256 FROM sign_in_attempt").scalars()
        assert all("mallory" not in each for each in kept)


def test_locked_names_are_found_among_many(store, clock):
    refused(store, clock, sign_in_attempts.LOCKED_AFTER)
    refused(store, clock, sign_in_attempts.LOCKED_AFTER - 1, name="bo")
    with store.reading() as unit:
        assert locked_among(unit, ["ash", "bo", "sage"]) == {"ash"}
        assert locked_among(unit, []) == frozenset()


def test_a_wait_ends_to_the_second(store, clock):
    refused(store, clock, 10)
    with store.reading() as unit:
        found = attempts_at(unit, NAME)
    assert found.must_wait(clock.now() + timedelta(seconds=59, milliseconds=999))
    assert not found.must_wait(clock.now() + timedelta(minutes=1))
