"""Links: good once and for a while, for the person they were made for."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.signing_in import (
    HERE,
    NAMES,
    NEW_PASSWORD,
    NURSE,
    OWNER,
    PASSWORD,
    STRANGER,
    another,
    at_once,
    change,
    events,
    everything_written,
    fill,
    kinds,
    opened,
    set_up_codes,
)
from trellis_core.access import AccessRole
from trellis_core.errors import CommandRefusedError, NotFoundError, SignInRefusedError
from trellis_core.ledger.journal import EventKind
from trellis_core.services import people
from trellis_core.services.invitations import LinkKind, invited, make_link, use_link
from trellis_core.services.sign_in import actor_of_token, sign_in
from trellis_core.store.engine import Store
from trellis_core.store.tables import InvitationRow, PracticeRow, StaffRow

SECOND = timedelta(seconds=1)


@pytest.fixture
def store(any_store: Store) -> Store:
    """Both practices; the nurse has not had a password yet."""
    fill(any_store)
    change(any_store, NURSE, password_hash=None)
    return any_store


def made(store, clock, *, who=NURSE, actor=OWNER):
    return make_link(who.person_id, store=store, actor=actor, clock=clock)


@pytest.mark.parametrize(("kind", "hours"), [(LinkKind.INVITATION, 72), (LinkKind.RESET, 24)])
def test_a_link_is_good_to_its_last_second(store, clock, kind, hours):
    if kind is LinkKind.RESET:
        use_link(made(store, clock).token, PASSWORD, store=store, clock=clock)
    link = made(store, clock)
    assert (link.kind, link.expires_at) == (kind, clock.now() + timedelta(hours=hours))
    clock.instant = link.expires_at
    for each in (
        lambda: invited(link.token, store=store, clock=clock),
        lambda: use_link(link.token, NEW_PASSWORD, store=store, clock=clock),
    ):
        with pytest.raises(SignInRefusedError):
            each()
    clock.instant = link.expires_at - SECOND
    told = invited(link.token, store=store, clock=clock)
    assert (told.member.id, told.sign_in_name, told.kind) == (NURSE.person_id, "ash", kind)
    use_link(link.token, NEW_PASSWORD, store=store, clock=clock)
    assert opened(NURSE, store=store, clock=clock, password=NEW_PASSWORD)


def test_a_link_is_good_once(store, clock):
    link = made(store, clock)
    use_link(link.token, PASSWORD, store=store, clock=clock)
    for each in (
        lambda: invited(link.token, store=store, clock=clock),
        lambda: use_link(link.token, NEW_PASSWORD, store=store, clock=clock),
    ):
        with pytest.raises(SignInRefusedError):
            each()
    assert opened(NURSE, store=store, clock=clock)


def test_a_link_used_twice_at_once_sets_one_password(store, clock):
    link = made(store, clock)
    with another(store) as second:
        results = at_once(
            lambda: use_link(link.token, PASSWORD, store=store, clock=clock),
            lambda: use_link(link.token, NEW_PASSWORD, store=second, clock=clock),
        )
    assert sum(isinstance(each, SignInRefusedError) for each in results) == 1, results


def test_a_newer_link_makes_the_older_one_worthless(store, clock):
    older, newer = made(store, clock), made(store, clock)
    with pytest.raises(SignInRefusedError):
        use_link(older.token, PASSWORD, store=store, clock=clock)
    use_link(newer.token, PASSWORD, store=store, clock=clock)


def test_a_password_that_is_too_short_leaves_the_link_good(store, clock):
    link = made(store, clock)
    with pytest.raises(CommandRefusedError, match="12 characters"):
        use_link(link.token, "short", store=store, clock=clock)
    use_link(link.token, PASSWORD, store=store, clock=clock)


@pytest.mark.parametrize("token", ["", "unknown", "\ud800", "x" * 10_000])
def test_a_strange_link_is_refused_before_anything_is_computed(store, clock, token):
    with pytest.raises(SignInRefusedError):
        use_link(token, "short", store=store, clock=clock)


def test_a_reset_takes_password_codes_and_sessions_away_at_once(store, clock):
    use_link(made(store, clock).token, PASSWORD, store=store, clock=clock)
    token, _ = opened(NURSE, store=store, clock=clock)
    set_up_codes(NURSE, store=store, clock=clock)
    link = made(store, clock)
    written = kinds(store)
    assert actor_of_token(token, store=store, clock=clock) is None
    with pytest.raises(SignInRefusedError):
        sign_in(NAMES[NURSE], PASSWORD, store=store, clock=clock)
    assert written[-4:] == [
        EventKind.CHANGED,
        EventKind.SECOND_FACTOR_REMOVED,
        EventKind.SIGN_INS_ENDED,
        EventKind.INVITED,
    ]
    use_link(link.token, NEW_PASSWORD, store=store, clock=clock)
    assert opened(NURSE, store=store, clock=clock, password=NEW_PASSWORD)


def test_leaving_makes_a_link_worthless_also_after_coming_back(store, clock):
    link = made(store, clock)
    people.deactivate(NURSE.person_id, store=store, actor=OWNER, clock=clock)
    for _ in range(2):
        with pytest.raises(SignInRefusedError):
            use_link(link.token, PASSWORD, store=store, clock=clock)
        people.reactivate(NURSE.person_id, store=store, actor=OWNER, clock=clock)


def test_a_link_for_somebody_who_may_not_sign_in_any_more_is_refused(store, clock):
    link = made(store, clock)
    change(store, NURSE, access=None)
    with pytest.raises(SignInRefusedError):
        use_link(link.token, PASSWORD, store=store, clock=clock)


@pytest.mark.parametrize(
    "columns", [{"access": None}, {"is_active": False}, {"sign_in_name": None}]
)
def test_no_link_is_made_for_somebody_who_may_not_sign_in(store, clock, columns):
    change(store, NURSE, **columns)
    with pytest.raises(CommandRefusedError, match="may not sign in"):
        made(store, clock)


def test_no_link_is_made_in_the_sample_practice(store, clock):
    with store.writing() as unit:
        row = unit.session.get_one(PracticeRow, HERE)
        row.is_sample = True
        unit.session.add(row)
    with pytest.raises(CommandRefusedError, match="sample practice"):
        made(store, clock)


def test_an_owner_resets_themselves_on_the_server_only(store, clock):
    with pytest.raises(CommandRefusedError, match="Change your own password"):
        made(store, clock, who=OWNER)
    by_hand = replace(OWNER, system_user="root")
    link = made(store, clock, who=OWNER, actor=by_hand)
    use_link(link.token, NEW_PASSWORD, store=store, clock=clock)
    assert opened(OWNER, store=store, clock=clock, password=NEW_PASSWORD)


def test_a_link_is_of_one_practice(store, clock):
    with pytest.raises(NotFoundError):
        made(store, clock, actor=STRANGER)
    change(store, NURSE, access=AccessRole.OWNER.value)
    use_link(made(store, clock).token, PASSWORD, store=store, clock=clock)
    theirs = make_link(
        STRANGER.person_id,
        store=store,
        actor=replace(STRANGER, system_user="root"),
        clock=clock,
    )
    use_link(theirs.token, NEW_PASSWORD, store=store, clock=clock)  # the id is also an owner's here
    assert opened(OWNER, store=store, clock=clock)
    assert opened(STRANGER, store=store, clock=clock, password=NEW_PASSWORD)


def test_whoever_waits_does_not_wait_after_the_link(store, clock):
    for _ in range(10):
        with pytest.raises(SignInRefusedError):
            sign_in(NAMES[NURSE], "wrong", store=store, clock=clock)
    link = made(store, clock)
    use_link(link.token, PASSWORD, store=store, clock=clock)
    assert opened(NURSE, store=store, clock=clock)


def test_neither_token_nor_password_is_kept_or_written(store, clock):
    link = made(store, clock)
    assert re.fullmatch(r"[\w-]{43}", link.token)
    with store.reading() as unit:
        (row,) = unit.connection.exec_driver_sql("SELECT * FROM invitation").all()
    assert link.token not in str(row)
    use_link(link.token, PASSWORD, store=store, clock=clock)
    written = everything_written(store)
    assert link.token not in written
    assert PASSWORD not in written
    assert (EventKind.INVITED, NURSE.person_id, '{"hours":72,"kind":"invitation"}') in events(store)
    with store.reading() as unit:
        kept = unit.session.get_one(StaffRow, (HERE, NURSE.person_id)).password_hash
        assert unit.session.get(InvitationRow, link.token) is None
    assert kept not in written
