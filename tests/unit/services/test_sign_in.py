"""Signing in: one answer for every refusal, and sessions that end when they must."""

from datetime import timedelta

import pytest

from tests.support.signing_in import (
    AUDITOR,
    BILLER,
    HERE,
    NAMES,
    NEW_PASSWORD,
    NURSE,
    OWNER,
    PASSWORD,
    STRANGER,
    WatchedHasher,
    another,
    at_once,
    change,
    code_at,
    events,
    everything_written,
    fill,
    kinds,
    opened,
    set_up_codes,
)
from trellis_core.access import AccessRole
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import StaffRole
from trellis_core.errors import CommandRefusedError, NotFoundError, SignInRefusedError
from trellis_core.ledger.journal import EventKind
from trellis_core.services import invitations, passwords, people, second_factor
from trellis_core.services.sign_in import (
    SIGN_IN_LIFETIME,
    CodeWanted,
    SignInRules,
    actor_of_token,
    ask_again,
    end_sign_in,
    ends_at,
    is_signed_in,
    locked_session,
    person_of_step,
    person_without_use,
    sign_in,
    sign_in_with_code,
    sign_in_with_first_code,
    unlock,
)
from trellis_core.services.sign_in_attempts import note_refusal
from trellis_core.store.engine import Store

SECOND = timedelta(seconds=1)


@pytest.fixture
def store(any_store: Store) -> Store:
    fill(any_store)
    return any_store


@pytest.fixture
def hasher(monkeypatch) -> WatchedHasher:
    """The real hasher, watched."""
    watched = WatchedHasher(passwords._hasher)
    monkeypatch.setattr(passwords, "_hasher", watched)
    return watched


def is_in(token, *, store, clock) -> bool:
    return is_signed_in(token, store=store, clock=clock)


def choose(store, clock, *, minutes=15, needs_second_factor=False):
    people.set_rules_of_sign_in(
        SignInRules(idle=timedelta(minutes=minutes), needs_second_factor=needs_second_factor),
        store=store,
        actor=OWNER,
        clock=clock,
    )


# --- one answer --------------------------------------------------------------------------------


def no_password(store, clock):
    change(store, NURSE, password_hash=None)


def left(store, clock):
    change(store, NURSE, is_active=False)


def no_access(store, clock):
    change(store, NURSE, access=None)


def must_wait(store, clock):
    with store.writing() as unit:
        for _ in range(10):
            note_refusal(unit, NAMES[NURSE], now=clock.now())


@pytest.mark.parametrize(
    ("prepare", "name", "typed", "is_of_somebody"),
    [
        (None, "nobody", PASSWORD, False),
        (None, "", "", False),
        (None, NAMES[NURSE], "wrong", True),
        (None, NAMES[NURSE], "", True),
        (no_password, NAMES[NURSE], PASSWORD, False),
        (left, NAMES[NURSE], PASSWORD, True),
        (no_access, NAMES[NURSE], PASSWORD, True),
        (must_wait, NAMES[NURSE], PASSWORD, True),
        (None, "x" * 10_000, PASSWORD, False),
        (None, "ash\x00", PASSWORD, False),
        (None, "ash\ud800", "\ud800" * 12, False),
        (None, "ash' OR '1'='1", PASSWORD, False),
    ],
)
def test_every_refusal_is_one_sentence_after_one_check(
    store, clock, hasher, prepare, name, typed, is_of_somebody
):
    if prepare is not None:
        prepare(store, clock)
    with pytest.raises(SignInRefusedError) as refused:
        sign_in(name, typed, store=store, clock=clock)
    assert str(refused.value) == str(SignInRefusedError())
    assert len(hasher.hashes) == 1
    assert (hasher.hashes[0] != passwords._NOBODY) is is_of_somebody


def test_a_password_that_was_reset_while_it_was_checked_opens_nothing(store, clock, hasher):
    with another(store) as elsewhere:
        hasher.meanwhile = [
            lambda: invitations.make_link(
                NURSE.person_id, store=elsewhere, actor=OWNER, clock=clock
            )
        ]
        with pytest.raises(SignInRefusedError):
            sign_in(NAMES[NURSE], PASSWORD, store=store, clock=clock)
    assert EventKind.SIGNED_IN not in kinds(store)


def test_somebody_who_left_while_the_password_was_checked_is_not_let_in(store, clock, hasher):
    with another(store) as elsewhere:
        hasher.meanwhile = [
            lambda: people.deactivate(NURSE.person_id, store=elsewhere, actor=OWNER, clock=clock)
        ]
        with pytest.raises(SignInRefusedError):
            sign_in(NAMES[NURSE], PASSWORD, store=store, clock=clock)
    assert EventKind.SIGNED_IN not in kinds(store)


def test_a_lucky_guess_among_many_at_once_is_refused_too(store, clock, hasher):
    """The tenth refusal comes while the right password is being checked."""
    with another(store) as elsewhere:
        hasher.meanwhile = [lambda: must_wait(elsewhere, clock)]
        with pytest.raises(SignInRefusedError):
            sign_in(NAMES[NURSE], PASSWORD, store=store, clock=clock)


def test_each_practices_people_sign_in_to_their_own(store, clock):
    assert opened(OWNER, store=store, clock=clock).actor == OWNER
    assert opened(STRANGER, store=store, clock=clock).actor == STRANGER


# --- sessions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [5, 15, 60])
def test_a_session_ends_to_the_second_after_the_idle_time_that_the_practice_chose(
    store, clock, minutes
):
    choose(store, clock, minutes=minutes)
    token, _ = opened(NURSE, store=store, clock=clock)
    clock.advance(minutes=minutes, seconds=-1)
    assert is_in(token, store=store, clock=clock)
    assert ends_at(token, store=store, clock=clock) == clock.now() + SECOND
    clock.advance(seconds=1)
    assert not is_in(token, store=store, clock=clock)
    assert actor_of_token(token, store=store, clock=clock) is None
    assert ends_at(token, store=store, clock=clock) is None


def test_another_practices_idle_time_is_its_own(store, clock):
    choose(store, clock, minutes=5)
    token, _ = opened(STRANGER, store=store, clock=clock)
    clock.advance(minutes=15, seconds=-1)
    assert is_in(token, store=store, clock=clock)


def test_use_begins_the_idle_time_anew_and_looking_does_not(store, clock):
    used, _ = opened(NURSE, store=store, clock=clock)
    looked, _ = opened(NURSE, store=store, clock=clock)
    clock.advance(minutes=14)
    assert actor_of_token(used, store=store, clock=clock) == NURSE
    assert person_without_use(looked, store=store, clock=clock) == NURSE
    clock.advance(minutes=14)
    assert is_in(used, store=store, clock=clock)
    assert not is_in(looked, store=store, clock=clock)


def test_a_session_ends_twelve_hours_after_it_began_however_busy(store, clock):
    token, _ = opened(NURSE, store=store, clock=clock)
    began = clock.now()
    while clock.now() < began + SIGN_IN_LIFETIME - timedelta(minutes=10):
        clock.advance(minutes=10)
        assert actor_of_token(token, store=store, clock=clock) == NURSE
    clock.instant = began + timedelta(hours=12) - SECOND
    assert actor_of_token(token, store=store, clock=clock) == NURSE
    clock.instant = began + timedelta(hours=12)
    assert actor_of_token(token, store=store, clock=clock) is None


def signed_out(store, clock, token):
    end_sign_in(token, store=store, clock=clock)


def another_role(store, clock, token):
    member = StaffMember(
        id=NURSE.person_id,
        role=StaffRole.CLINICAL_STAFF,
        family_name="Ash",
        access=AccessRole.BILLER,
    )
    people.change_person(member, store=store, actor=OWNER, clock=clock)


def another_profession(store, clock, token):
    member = StaffMember(
        id=NURSE.person_id,
        role=StaffRole.BILLING_PRACTITIONER,
        family_name="Ash",
        access=NURSE.role,
    )
    people.change_person(member, store=store, actor=OWNER, clock=clock)


def access_taken(store, clock, token):
    member = StaffMember(
        id=NURSE.person_id, role=StaffRole.CLINICAL_STAFF, family_name="Ash", access=None
    )
    people.change_person(member, store=store, actor=OWNER, clock=clock)


def deactivated(store, clock, token):
    people.deactivate(NURSE.person_id, store=store, actor=OWNER, clock=clock)


def reset(store, clock, token):
    invitations.make_link(NURSE.person_id, store=store, actor=OWNER, clock=clock)


def another_password(store, clock, token):
    people.change_own_password(PASSWORD, NEW_PASSWORD, store=store, actor=NURSE, clock=clock)


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (signed_out, None),
        (another_role, "role_changed"),
        (another_profession, "role_changed"),
        (access_taken, "role_changed"),
        (deactivated, "deactivated"),
        (reset, "reset"),
        (another_password, "password_changed"),
    ],
)
def test_a_session_ends_at_once_and_its_cookie_is_worth_nothing(store, clock, happens, why):
    token, _ = opened(NURSE, store=store, clock=clock)
    other, _ = opened(OWNER, store=store, clock=clock)
    happens(store, clock, token)
    assert actor_of_token(token, store=store, clock=clock) is None
    assert not is_in(token, store=store, clock=clock)
    assert locked_session(token, store=store, clock=clock) is None
    with pytest.raises(SignInRefusedError):
        unlock(token, PASSWORD, store=store, clock=clock)
    assert is_in(other, store=store, clock=clock)
    ended = [one[2] for one in events(store) if one[0] is EventKind.SIGN_INS_ENDED]
    assert ended == ([] if why is None else [f'{{"sessions":1,"why":"{why}"}}'])
    assert kinds(store, EventKind.SIGNED_OUT) == ([EventKind.SIGNED_OUT] if why is None else [])


def test_a_change_that_leaves_the_role_leaves_the_session(store, clock):
    token, _ = opened(NURSE, store=store, clock=clock)
    member = StaffMember(
        id=NURSE.person_id, role=StaffRole.CLINICAL_STAFF, family_name="Birch", access=NURSE.role
    )
    people.change_person(member, store=store, actor=OWNER, clock=clock)
    assert is_in(token, store=store, clock=clock)


def test_signing_out_twice_or_with_a_strange_token_is_no_error_and_one_event(store, clock):
    token, _ = opened(NURSE, store=store, clock=clock)
    for each in (token, token, "unknown", "\ud800"):
        end_sign_in(each, store=store, clock=clock)
    assert kinds(store, EventKind.SIGNED_OUT) == [EventKind.SIGNED_OUT]


# --- unlocking ---------------------------------------------------------------------------------


def test_the_own_password_unlocks_under_a_new_token_and_the_old_one_is_dead(store, clock):
    token, _ = opened(NURSE, store=store, clock=clock)
    clock.advance(minutes=14)
    assert locked_session(token, store=store, clock=clock) is None  # not idle yet
    clock.advance(minutes=1)
    assert locked_session(token, store=store, clock=clock).member.id == NURSE.person_id
    again, actor = unlock(token, PASSWORD, store=store, clock=clock)
    assert actor == NURSE
    assert again != token
    assert is_in(again, store=store, clock=clock)
    assert not is_in(token, store=store, clock=clock)
    with pytest.raises(SignInRefusedError):
        unlock(token, PASSWORD, store=store, clock=clock)


def test_nobody_elses_password_unlocks(store, clock):
    change(store, AUDITOR, password_hash=passwords.password_hash(NEW_PASSWORD))
    token, _ = opened(NURSE, store=store, clock=clock)
    clock.advance(minutes=15)
    for typed in (NEW_PASSWORD, "wrong", ""):
        with pytest.raises(SignInRefusedError):
            unlock(token, typed, store=store, clock=clock)
    assert unlock(token, PASSWORD, store=store, clock=clock).actor == NURSE


def test_unlocking_does_not_lengthen_the_twelve_hours(store, clock):
    token, _ = opened(NURSE, store=store, clock=clock)
    clock.advance(hours=11, minutes=50)
    token, _ = unlock(token, PASSWORD, store=store, clock=clock)
    clock.advance(minutes=10, seconds=-1)
    assert is_in(token, store=store, clock=clock)
    clock.advance(seconds=1)
    assert not is_in(token, store=store, clock=clock)
    with pytest.raises(SignInRefusedError):
        unlock(token, PASSWORD, store=store, clock=clock)


def test_two_unlocks_at_once_open_one_session(store, clock):
    token, _ = opened(NURSE, store=store, clock=clock)
    clock.advance(minutes=15)
    with another(store) as second:
        results = at_once(
            *(lambda s=s: unlock(token, PASSWORD, store=s, clock=clock) for s in (store, second))
        )
    assert sum(isinstance(each, SignInRefusedError) for each in results) == 1


@pytest.mark.parametrize("token", ["", "unknown", "\ud800", "x" * 5_000])
def test_a_strange_token_is_nobodys_and_takes_as_long(store, clock, hasher, token):
    assert actor_of_token(token, store=store, clock=clock) is None
    assert locked_session(token, store=store, clock=clock) is None
    with pytest.raises(SignInRefusedError):
        unlock(token, PASSWORD, store=store, clock=clock)
    assert hasher.hashes == [passwords._NOBODY]


# --- the code after the password ---------------------------------------------------------------


@pytest.mark.parametrize("who", [OWNER, BILLER, NURSE, AUDITOR])
def test_owners_and_billers_need_a_code_where_the_practice_says_so(store, clock, who):
    choose(store, clock, needs_second_factor=True)
    found = sign_in(NAMES[who], PASSWORD, store=store, clock=clock)
    assert isinstance(found, CodeWanted) is (who in {OWNER, BILLER})
    assert EventKind.SIGNED_IN not in kinds(store) or who in {NURSE, AUDITOR}


def test_nobody_needs_one_by_itself_and_whoever_set_it_up_is_asked(store, clock):
    assert opened(BILLER, store=store, clock=clock)
    secret, _ = set_up_codes(NURSE, store=store, clock=clock)
    wanted = sign_in(NAMES[NURSE], PASSWORD, store=store, clock=clock)
    assert wanted.is_set_up
    clock.advance(seconds=30)
    made = sign_in_with_code(wanted.step, code_at(secret, clock), store=store, clock=clock)
    assert made.actor == NURSE
    assert is_in(made.token, store=store, clock=clock)


def test_a_step_is_good_for_ten_minutes_and_no_session(store, clock):
    secret, _ = set_up_codes(NURSE, store=store, clock=clock)
    first = sign_in(NAMES[NURSE], PASSWORD, store=store, clock=clock)
    second = sign_in(NAMES[NURSE], PASSWORD, store=store, clock=clock)
    assert actor_of_token(first.step, store=store, clock=clock) is None
    clock.advance(minutes=10, seconds=-1)
    assert person_of_step(second.step, store=store, clock=clock) == NURSE
    assert sign_in_with_code(first.step, code_at(secret, clock), store=store, clock=clock)
    clock.advance(seconds=31)
    for step in (first.step, second.step, "unknown", "\ud800"):
        with pytest.raises(SignInRefusedError):
            sign_in_with_code(step, code_at(secret, clock), store=store, clock=clock)


@pytest.mark.parametrize("happens", [deactivated, reset, another_role])
def test_a_step_dies_with_the_sessions(store, clock, happens):
    secret, _ = set_up_codes(NURSE, store=store, clock=clock)
    wanted = sign_in(NAMES[NURSE], PASSWORD, store=store, clock=clock)
    happens(store, clock, None)
    clock.advance(seconds=30)
    with pytest.raises(SignInRefusedError):
        sign_in_with_code(wanted.step, code_at(secret, clock), store=store, clock=clock)


def test_wrong_codes_are_counted_with_wrong_passwords(store, clock):
    secret, _ = set_up_codes(NURSE, store=store, clock=clock)
    wanted = sign_in(NAMES[NURSE], PASSWORD, store=store, clock=clock)
    for _ in range(10):
        with pytest.raises(SignInRefusedError):
            sign_in_with_code(wanted.step, "000000", store=store, clock=clock)
    clock.advance(seconds=30)
    with pytest.raises(SignInRefusedError):
        sign_in_with_code(wanted.step, code_at(secret, clock), store=store, clock=clock)
    with pytest.raises(SignInRefusedError):
        sign_in(NAMES[NURSE], PASSWORD, store=store, clock=clock)
    clock.advance(seconds=30)
    assert sign_in_with_code(wanted.step, code_at(secret, clock), store=store, clock=clock)
    assert kinds(store, EventKind.SIGN_IN_LOCKED) == [EventKind.SIGN_IN_LOCKED]


def test_a_right_password_alone_does_not_forget_wrong_codes(store, clock):
    set_up_codes(NURSE, store=store, clock=clock)
    for _ in range(5):
        wanted = sign_in(NAMES[NURSE], PASSWORD, store=store, clock=clock)
        for _ in range(2):
            with pytest.raises(SignInRefusedError):
                sign_in_with_code(wanted.step, "000000", store=store, clock=clock)
    with pytest.raises(SignInRefusedError):
        sign_in(NAMES[NURSE], PASSWORD, store=store, clock=clock)


def test_a_first_code_sets_up_and_signs_in(store, clock):
    choose(store, clock, needs_second_factor=True)
    wanted = sign_in(NAMES[BILLER], PASSWORD, store=store, clock=clock)
    assert not wanted.is_set_up
    with pytest.raises(SignInRefusedError):  # there is no code that would be right
        sign_in_with_code(wanted.step, "", store=store, clock=clock)
    person = person_of_step(wanted.step, store=store, clock=clock)
    secret = second_factor.begin_set_up(label="bo", store=store, actor=person).secret
    with pytest.raises(CommandRefusedError, match="not the present code"):
        sign_in_with_first_code(wanted.step, "000000", store=store, clock=clock)
    made = sign_in_with_first_code(wanted.step, code_at(secret, clock), store=store, clock=clock)
    assert is_in(made.opened.token, store=store, clock=clock)
    assert len(made.spare_codes) == 10
    with pytest.raises(SignInRefusedError):
        sign_in_with_first_code(wanted.step, code_at(secret, clock), store=store, clock=clock)


def test_a_secret_that_was_shown_and_not_confirmed_is_another_after_the_next_password(store, clock):
    """Whoever knew the password once must not have planted a secret that they know too."""
    choose(store, clock, needs_second_factor=True)
    sign_in(NAMES[BILLER], PASSWORD, store=store, clock=clock)
    first = second_factor.begin_set_up(label="bo", store=store, actor=BILLER).secret
    assert second_factor.begin_set_up(label="bo", store=store, actor=BILLER).secret == first
    sign_in(NAMES[BILLER], PASSWORD, store=store, clock=clock)
    assert second_factor.begin_set_up(label="bo", store=store, actor=BILLER).secret != first


def test_the_password_is_asked_again_of_somebody_signed_in(store, clock):
    token, _ = opened(NURSE, store=store, clock=clock)
    assert ask_again(token, PASSWORD, store=store, clock=clock).is_set_up is False
    with pytest.raises(SignInRefusedError):
        ask_again(token, "wrong", store=store, clock=clock)
    end_sign_in(token, store=store, clock=clock)
    with pytest.raises(SignInRefusedError):
        ask_again(token, PASSWORD, store=store, clock=clock)


# --- what is written ---------------------------------------------------------------------------


def test_no_secret_of_signing_in_is_in_the_journal_or_readable_in_the_store(store, clock):
    choose(store, clock, needs_second_factor=True)
    wanted = sign_in(NAMES[BILLER], PASSWORD, store=store, clock=clock)
    secret, spare = set_up_codes(BILLER, store=store, clock=clock)
    clock.advance(seconds=30)
    code = code_at(secret, clock)
    token = sign_in_with_code(wanted.step, code, store=store, clock=clock).token
    clock.advance(minutes=15)
    again, _ = unlock(token, PASSWORD, store=store, clock=clock)
    link = invitations.make_link(BILLER.person_id, store=store, actor=OWNER, clock=clock)
    invitations.use_link(link.token, NEW_PASSWORD, store=store, clock=clock)
    written = everything_written(store)
    with store.reading() as unit:
        kept = "\n".join(
            str(unit.connection.exec_driver_sql(f"SELECT * FROM {table}").all())
            for table in ("staff", "sign_in", "sign_in_step", "sign_in_attempt", "invitation")
        )
    told = {wanted.step, secret, *spare, token, again, link.token, PASSWORD, NEW_PASSWORD}
    assert not [each for each in told if each in written or each in kept]
    assert "argon2" not in written
    with store.reading() as unit:
        hashes = unit.connection.exec_driver_sql("SELECT password_hash FROM staff").scalars().all()
    assert not [each for each in hashes if each in written]
    assert [one for one in events(store, HERE) if one[0] is EventKind.SIGNED_IN] == [
        (EventKind.SIGNED_IN, BILLER.person_id, '{"how":"code"}'),
        (EventKind.SIGNED_IN, BILLER.person_id, '{"how":"unlock"}'),
    ]


def test_another_practices_people_are_not_found(store, clock):
    with pytest.raises(NotFoundError):
        people.deactivate(NURSE.person_id, store=store, actor=STRANGER, clock=clock)
    with pytest.raises(NotFoundError):
        invitations.make_link(NURSE.person_id, store=store, actor=STRANGER, clock=clock)
