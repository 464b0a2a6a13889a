"""One-time codes: good for a step to each side, once; spare ones once for ever."""

from datetime import UTC, datetime

import pytest

from tests.support.signing_in import (
    BILLER,
    NAMES,
    NURSE,
    OWNER,
    PASSWORD,
    STRANGER,
    another,
    at_once,
    code_at,
    everything_written,
    fill,
    kinds,
    set_up_codes,
)
from trellis_core.errors import CommandRefusedError, SignInRefusedError
from trellis_core.ledger.journal import EventKind
from trellis_core.services import people, second_factor
from trellis_core.services.sign_in import Opened, SignInRules, sign_in, sign_in_with_code
from trellis_core.store.engine import Store
from trellis_core.store.tables import SecondFactorRow


@pytest.fixture
def store(any_store: Store) -> Store:
    fill(any_store)
    return any_store


@pytest.fixture
def clock(clock):
    """The clock of every test, ten seconds into a step of thirty."""
    clock.instant = datetime(2026, 11, 20, 17, 0, 10, tzinfo=UTC)
    return clock


def accepted(code, *, store, clock, who=NURSE) -> bool:
    with store.writing() as unit:
        return second_factor.accept(unit, who.practice_id, who.person_id, code, now=clock.now())


@pytest.mark.parametrize(
    ("steps", "is_good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_code_is_good_one_step_early_and_one_step_late(store, clock, steps, is_good):
    secret, _ = set_up_codes(NURSE, store=store, clock=clock)
    clock.advance(minutes=5)
    assert accepted(code_at(secret, clock, steps=steps), store=store, clock=clock) is is_good


def test_a_code_is_good_to_the_last_second_of_the_step_after_its_own(store, clock):
    secret, _ = set_up_codes(NURSE, store=store, clock=clock)
    clock.advance(minutes=5)
    code = code_at(secret, clock)
    clock.advance(seconds=49)  # 59 s into the sixty of its own step and the next
    assert accepted(code, store=store, clock=clock)
    clock.advance(minutes=5, seconds=-49)
    code = code_at(secret, clock)
    clock.advance(seconds=50)
    assert not accepted(code, store=store, clock=clock)


def test_a_code_is_taken_once(store, clock):
    secret, _ = set_up_codes(NURSE, store=store, clock=clock)
    clock.advance(minutes=5)
    code = code_at(secret, clock)
    assert accepted(code, store=store, clock=clock)
    assert not accepted(code, store=store, clock=clock)
    clock.advance(seconds=30)
    assert not accepted(code, store=store, clock=clock)
    assert accepted(code_at(secret, clock), store=store, clock=clock)


def test_after_a_later_code_no_earlier_one_is_taken(store, clock):
    secret, _ = set_up_codes(NURSE, store=store, clock=clock)
    clock.advance(minutes=5)
    assert accepted(code_at(secret, clock, steps=1), store=store, clock=clock)
    assert not accepted(code_at(secret, clock), store=store, clock=clock)
    assert not accepted(code_at(secret, clock, steps=-1), store=store, clock=clock)


def test_the_code_that_confirmed_the_set_up_is_used_up(store, clock):
    secret, _ = set_up_codes(NURSE, store=store, clock=clock)
    assert not accepted(code_at(secret, clock), store=store, clock=clock)
    assert accepted(code_at(secret, clock, steps=1), store=store, clock=clock)


def test_one_code_sent_twice_at_once_opens_one_session(store, clock):
    secret, _ = set_up_codes(NURSE, store=store, clock=clock)
    clock.advance(minutes=5)
    code = code_at(secret, clock)
    steps = [sign_in(NAMES[NURSE], PASSWORD, store=store, clock=clock).step for _ in range(2)]
    with another(store) as second:
        results = at_once(
            lambda: sign_in_with_code(steps[0], code, store=store, clock=clock),
            lambda: sign_in_with_code(steps[1], code, store=second, clock=clock),
        )
    assert sorted(type(each).__name__ for each in results) == [
        Opened.__name__,
        SignInRefusedError.__name__,
    ]


def test_a_spare_code_is_good_once_at_any_time(store, clock):
    _, spare = set_up_codes(NURSE, store=store, clock=clock)
    assert len(set(spare)) == second_factor.SPARE_CODES
    clock.advance(days=400)
    assert accepted(spare[3], store=store, clock=clock)
    assert not accepted(spare[3], store=store, clock=clock)
    assert accepted(f" {spare[4].upper().replace('-', '')} ", store=store, clock=clock)
    assert people.own_sign_in(store=store, actor=NURSE).spare_codes_left == 8


@pytest.mark.parametrize("typed", ["", "000000", "-", "\x00", "\ud800", "1" * 10_000, "\uff11" * 6])
def test_anything_else_is_no_code(store, clock, typed):
    set_up_codes(NURSE, store=store, clock=clock)
    assert not accepted(typed, store=store, clock=clock)


def test_one_persons_codes_are_not_anothers(store, clock):
    secret, spare = set_up_codes(OWNER, store=store, clock=clock)
    set_up_codes(STRANGER, store=store, clock=clock)
    clock.advance(minutes=5)
    for code in (code_at(secret, clock), spare[0]):
        assert not accepted(code, store=store, clock=clock, who=STRANGER)
        assert not accepted(code, store=store, clock=clock, who=NURSE)


def test_a_set_up_counts_once_it_was_confirmed(store, clock):
    made = second_factor.begin_set_up(label="ash", store=store, actor=NURSE)
    assert made.address.startswith(f"otpauth://totp/Trellis:ash?secret={made.secret}")
    assert not people.own_sign_in(store=store, actor=NURSE).has_codes
    assert not accepted(code_at(made.secret, clock), store=store, clock=clock)
    with pytest.raises(CommandRefusedError, match="not the present code"):
        second_factor.confirm_set_up("000000", store=store, actor=NURSE, clock=clock)
    second_factor.confirm_set_up(code_at(made.secret, clock), store=store, actor=NURSE, clock=clock)
    assert people.own_sign_in(store=store, actor=NURSE).has_codes
    with pytest.raises(CommandRefusedError, match="set up already"):
        second_factor.begin_set_up(label="ash", store=store, actor=NURSE)
    with pytest.raises(CommandRefusedError, match="No set-up"):
        second_factor.confirm_set_up("000000", store=store, actor=NURSE, clock=clock)


def test_whoever_does_not_need_codes_takes_them_away_for_the_password(store, clock):
    set_up_codes(NURSE, store=store, clock=clock)
    with pytest.raises(CommandRefusedError, match="not your present password"):
        people.remove_own_codes("wrong", store=store, actor=NURSE, clock=clock)
    people.remove_own_codes(PASSWORD, store=store, actor=NURSE, clock=clock)
    assert isinstance(sign_in(NAMES[NURSE], PASSWORD, store=store, clock=clock), Opened)


def test_whoever_needs_codes_keeps_them(store, clock):
    set_up_codes(BILLER, store=store, clock=clock)
    rules = SignInRules(needs_second_factor=True)
    people.set_rules_of_sign_in(rules, store=store, actor=OWNER, clock=clock)
    with pytest.raises(CommandRefusedError, match="reset link"):
        people.remove_own_codes(PASSWORD, store=store, actor=BILLER, clock=clock)
    assert people.own_sign_in(store=store, actor=BILLER).has_codes


def test_setting_up_and_taking_away_are_events_without_the_secret(store, clock):
    secret, spare = set_up_codes(NURSE, store=store, clock=clock)
    people.remove_own_codes(PASSWORD, store=store, actor=NURSE, clock=clock)
    wanted = (EventKind.SECOND_FACTOR_SET, EventKind.SECOND_FACTOR_REMOVED)
    assert kinds(store, *wanted) == list(wanted)
    written = everything_written(store)
    assert not [each for each in (secret, *spare) if each in written]
    assert "second_factor" not in {row.split('"')[1] for row in written.split("\n") if '"' in row}


def test_spare_codes_are_kept_as_digests(store, clock):
    _, spare = set_up_codes(NURSE, store=store, clock=clock)
    with store.reading() as unit:
        row = unit.session.get_one(SecondFactorRow, (NURSE.practice_id, NURSE.person_id))
    assert len(row.spare_sha256.split()) == 10
    assert not [each for each in spare if each in row.spare_sha256]
