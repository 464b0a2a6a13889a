"""The practice's people: only an owner changes them, and an owner is always left."""

from dataclasses import replace
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
    THERE,
    another,
    at_once,
    change,
    events,
    fill,
    kinds,
    opened,
    set_up_codes,
)
from trellis_core.access import AccessRole
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import Credential, StaffRole
from trellis_core.errors import (
    CommandRefusedError,
    InvalidNpiError,
    NotFoundError,
    PermissionDeniedError,
    SignInRefusedError,
)
from trellis_core.ledger.journal import EventKind
from trellis_core.services import invitations, people
from trellis_core.services.sign_in import SignInRules, sign_in
from trellis_core.store.engine import Store
from trellis_core.store.tables import StaffRow

NEW = StaffMember(
    id="",
    role=StaffRole.CLINICAL_STAFF,
    credential=Credential.RN,
    given_name="Fern",
    family_name="Alder",
    access=AccessRole.COORDINATOR,
)


@pytest.fixture
def store(any_store: Store) -> Store:
    fill(any_store)
    return any_store


def member_of(who, **changes):
    return replace(
        StaffMember(
            id=who.person_id,
            role=StaffRole.CLINICAL_STAFF,
            family_name=who.person_id,
            access=who.role,
        ),
        **changes,
    )


def found(store, clock, who):
    told = people.people(store=store, actor=OWNER, clock=clock)
    return next(one for one in told if one.member.id == who.person_id)


# --- who may -----------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", [NURSE, BILLER, AUDITOR])
def test_only_an_owner_manages_people_and_the_try_is_on_record(store, clock, actor):
    rules = SignInRules()
    common = {"store": store, "actor": actor, "clock": clock}
    tries = (
        lambda: people.people(**common),
        lambda: people.add_person(NEW, sign_in_name="fern", **common),
        lambda: people.change_person(member_of(actor, access=AccessRole.OWNER), **common),
        lambda: people.deactivate(OWNER.person_id, **common),
        lambda: people.reactivate(OWNER.person_id, **common),
        lambda: people.set_rules_of_sign_in(rules, **common),
        lambda: invitations.make_link(actor.person_id, **common),
    )
    for each in tries:
        with pytest.raises(PermissionDeniedError):
            each()
    assert kinds(store, EventKind.DENIED) == [EventKind.DENIED] * len(tries)


def test_another_practices_people_are_not_seen_and_not_found(store, clock):
    told = people.people(store=store, actor=STRANGER, clock=clock)
    assert [one.sign_in_name for one in told] == ["wren@there"]
    common = {"store": store, "actor": STRANGER, "clock": clock}
    for each in (
        lambda: people.change_person(member_of(NURSE), **common),
        lambda: people.deactivate(NURSE.person_id, **common),
        lambda: people.reactivate(NURSE.person_id, **common),
    ):
        with pytest.raises(NotFoundError):
            each()
    people.set_rules_of_sign_in(SignInRules(idle=timedelta(minutes=5)), **common)
    assert people.rules_of_sign_in(store=store, actor=OWNER).idle == timedelta(minutes=15)


# --- adding and changing -----------------------------------------------------------------------


def test_somebody_new_cannot_sign_in_before_a_link_was_used(store, clock):
    made = people.add_person(NEW, sign_in_name=" Fern ", store=store, actor=OWNER, clock=clock)
    with pytest.raises(SignInRefusedError):
        sign_in("fern", "", store=store, clock=clock)
    link = invitations.make_link(made.id, store=store, actor=OWNER, clock=clock)
    invitations.use_link(link.token, PASSWORD, store=store, clock=clock)
    assert sign_in("fern", PASSWORD, store=store, clock=clock).actor.person_id == made.id


@pytest.mark.parametrize(
    ("member", "name", "error", "match"),
    [
        (NEW, None, CommandRefusedError, "needs a name"),
        (NEW, "  ", CommandRefusedError, "needs a name"),
        (NEW, "ASH", CommandRefusedError, "taken"),
        (NEW, "wren@there", CommandRefusedError, "taken"),
        (NEW, "x" * 201, CommandRefusedError, "up to 200"),
        (NEW, "fe\x00rn", CommandRefusedError, "up to 200"),
        (replace(NEW, family_name=" "), "fern", CommandRefusedError, "family name"),
        (replace(NEW, npi="1234567890"), "fern", InvalidNpiError, "check digit"),
        (replace(NEW, access=AccessRole.OWN_WORK), "fern", CommandRefusedError, "own clinical"),
        (replace(NEW, id=NURSE.person_id), "fern", CommandRefusedError, "there already"),
    ],
)
def test_somebody_who_cannot_be_is_not_added(store, clock, member, name, error, match):
    before = len(events(store))
    with pytest.raises(error, match=match):
        people.add_person(member, sign_in_name=name, store=store, actor=OWNER, clock=clock)
    assert len(events(store)) == before


def test_a_name_of_two_hundred_characters_is_good(store, clock):
    people.add_person(NEW, sign_in_name="x" * 200, store=store, actor=OWNER, clock=clock)


def test_somebody_who_never_signs_in_needs_no_name(store, clock):
    made = people.add_person(replace(NEW, access=None), store=store, actor=OWNER, clock=clock)
    assert made.access is None


def test_ones_own_name_may_stay_and_another_practices_is_taken_also_for_the_same_id(store, clock):
    common = {"store": store, "actor": OWNER, "clock": clock}
    people.change_person(member_of(OWNER), sign_in_name="Wren@Here", **common)
    with pytest.raises(CommandRefusedError, match="taken"):
        people.change_person(member_of(OWNER), sign_in_name="wren@there", **common)
    people.change_person(member_of(OWNER), sign_in_name="wren", **common)
    assert sign_in("wren", PASSWORD, store=store, clock=clock).actor == OWNER


def test_who_is_active_is_not_changed_by_the_way(store, clock):
    people.deactivate(NURSE.person_id, store=store, actor=OWNER, clock=clock)
    told = people.change_person(
        member_of(NURSE, given_name="Ash"), store=store, actor=OWNER, clock=clock
    )
    assert not told.is_active
    assert told.given_name == "Ash"


# --- an owner is left --------------------------------------------------------------------------


@pytest.mark.parametrize("others_password", [None, "no owner"])
def test_the_last_owner_who_can_sign_in_stays(store, clock, others_password):
    """An owner without a password, or who left, is not one who is left."""
    change(store, NURSE, access="owner", password_hash=None)
    change(store, AUDITOR, access="owner", is_active=False)
    common = {"store": store, "actor": OWNER, "clock": clock}
    token, _ = opened(OWNER, store=store, clock=clock)
    for each in (
        lambda: people.deactivate(OWNER.person_id, **common),
        lambda: people.change_person(member_of(OWNER, access=AccessRole.BILLER), **common),
        lambda: people.change_person(member_of(OWNER, access=None), **common),
    ):
        with pytest.raises(CommandRefusedError, match="keeps an active owner"):
            each()
    assert found(store, clock, OWNER).member.is_active
    assert EventKind.SIGN_INS_ENDED not in kinds(store)
    assert token


def test_with_another_owner_one_may_go(store, clock):
    change(store, NURSE, access="owner")
    people.deactivate(OWNER.person_id, store=store, actor=OWNER, clock=clock)
    owner = replace(NURSE, role=AccessRole.OWNER)
    with pytest.raises(CommandRefusedError, match="keeps an active owner"):
        people.deactivate(NURSE.person_id, store=store, actor=owner, clock=clock)


def test_another_practices_owner_is_not_one_of_this(store, clock):
    with pytest.raises(CommandRefusedError, match="keeps an active owner"):
        people.deactivate(OWNER.person_id, store=store, actor=OWNER, clock=clock)
    assert THERE != HERE


@pytest.mark.parametrize("repetition", range(3))
def test_two_owners_who_end_each_others_access_at_once_leave_one(store, clock, repetition):
    change(store, NURSE, access="owner")
    nurse = replace(NURSE, role=AccessRole.OWNER)
    with another(store) as second:
        results = at_once(
            lambda: people.deactivate(NURSE.person_id, store=store, actor=OWNER, clock=clock),
            lambda: people.change_person(
                member_of(OWNER, access=AccessRole.BILLER), store=second, actor=nurse, clock=clock
            ),
        )
    assert sum(isinstance(each, CommandRefusedError) for each in results) == 1, results
    with store.reading() as unit:
        rows = [unit.session.get_one(StaffRow, (HERE, each.person_id)) for each in (OWNER, NURSE)]
    assert sum(row.is_active and row.access == "owner" for row in rows) == 1


# --- leaving and coming back -------------------------------------------------------------------


def test_whoever_left_comes_back_with_a_new_link_only(store, clock):
    people.deactivate(NURSE.person_id, store=store, actor=OWNER, clock=clock)
    people.reactivate(NURSE.person_id, store=store, actor=OWNER, clock=clock)
    with pytest.raises(SignInRefusedError):
        sign_in(NAMES[NURSE], PASSWORD, store=store, clock=clock)
    link = invitations.make_link(NURSE.person_id, store=store, actor=OWNER, clock=clock)
    invitations.use_link(link.token, NEW_PASSWORD, store=store, clock=clock)
    assert opened(NURSE, store=store, clock=clock, password=NEW_PASSWORD)


def test_letting_somebody_back_in_who_never_left_changes_nothing(store, clock):
    token, _ = opened(OWNER, store=store, clock=clock)
    before = len(events(store))
    people.reactivate(OWNER.person_id, store=store, actor=OWNER, clock=clock)
    assert len(events(store)) == before
    assert opened(OWNER, store=store, clock=clock)
    assert token


def test_whoever_left_is_told_apart_in_the_list(store, clock):
    set_up_codes(BILLER, store=store, clock=clock)
    opened(NURSE, store=store, clock=clock)
    people.deactivate(NURSE.person_id, store=store, actor=OWNER, clock=clock)
    told = people.people(store=store, actor=OWNER, clock=clock)
    assert told[-1].member.id == NURSE.person_id
    assert (told[-1].last_seen_at, found(store, clock, BILLER).last_seen_at) == (clock.now(), None)
    assert [one.member.id for one in told if one.has_codes] == [BILLER.person_id]


# --- how everyone signs in ---------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [5, 60])
def test_an_idle_time_of_five_to_sixty_minutes_is_good(store, clock, minutes):
    rules = SignInRules(idle=timedelta(minutes=minutes))
    people.set_rules_of_sign_in(rules, store=store, actor=OWNER, clock=clock)
    assert people.rules_of_sign_in(store=store, actor=NURSE) == rules


@pytest.mark.parametrize(
    "idle",
    [
        timedelta(minutes=4),
        timedelta(minutes=61),
        timedelta(minutes=5, seconds=-1),
        timedelta(minutes=60, seconds=1),
        timedelta(minutes=15, seconds=30),
        timedelta(),
        timedelta(minutes=-15),
    ],
)
def test_any_other_idle_time_is_refused(store, clock, idle):
    with pytest.raises(CommandRefusedError, match="5 to 60"):
        people.set_rules_of_sign_in(SignInRules(idle=idle), store=store, actor=OWNER, clock=clock)
    assert people.rules_of_sign_in(store=store, actor=OWNER) == SignInRules()


def test_a_change_of_the_rules_is_a_record(store, clock):
    rules = SignInRules(needs_second_factor=True)
    people.set_rules_of_sign_in(rules, store=store, actor=OWNER, clock=clock)
    assert events(store)[-1][:2] == (EventKind.RECORDED, HERE)


# --- one's own password ------------------------------------------------------------------------


def test_ones_own_password_is_changed_for_the_present_one(store, clock):
    common = {"store": store, "actor": NURSE, "clock": clock}
    with pytest.raises(CommandRefusedError, match="12 characters"):
        people.change_own_password(PASSWORD, "short", **common)
    with pytest.raises(CommandRefusedError, match="not your present"):
        people.change_own_password("wrong", NEW_PASSWORD, **common)
    people.change_own_password(PASSWORD, NEW_PASSWORD, **common)
    with pytest.raises(SignInRefusedError):
        sign_in(NAMES[NURSE], PASSWORD, store=store, clock=clock)
    assert opened(NURSE, store=store, clock=clock, password=NEW_PASSWORD)
    told = [one[2] for one in events(store) if one[0] is EventKind.CHANGED]
    assert told == ['{"password":"set"}']
