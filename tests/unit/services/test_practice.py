"""Setting up a practice, signing in, and acting in the sample."""

from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256

import pytest
from sqlmodel import select

from trellis_core.access import AccessRole, Actor
from trellis_core.care.people import Practice, StaffMember
from trellis_core.care.vocabulary import Credential, StaffRole
from trellis_core.errors import (
    CommandRefusedError,
    InvalidNpiError,
    InvalidPeriodError,
    NotFoundError,
    SignInRefusedError,
)
from trellis_core.sample import load_sample
from trellis_core.services.by_hand import cli_actor
from trellis_core.services.practice import (
    CreatePractice,
    create_practice,
    first_owner,
    has_practice,
    is_sample,
    staff,
    the_practice,
)
from trellis_core.services.sign_in import (
    SIGN_IN_IDLE,
    SIGN_IN_LIFETIME,
    actor_of_token,
    demo_actors,
    demo_sign_in,
    end_sign_in,
    give_first_sign_in,
    sign_in,
)
from trellis_core.store.engine import Store
from trellis_core.store.tables import SignInRow, StaffRow
from trellis_core.values.clock import FixedClock

PASSWORD = "a long and private phrase"
OWNER = StaffMember(
    id="st-1",
    role=StaffRole.BILLING_PRACTITIONER,
    credential=Credential.MD,
    npi="1234567893",
    given_name="Wren",
    family_name="Hollyhock",
)
NURSE = StaffMember(
    id="st-2",
    role=StaffRole.CLINICAL_STAFF,
    credential=Credential.RN,
    given_name="Ash",
    family_name="Fern",
    access=AccessRole.COORDINATOR,
)
COMMAND = CreatePractice(
    practice=Practice(id="pr-1", name="Fernbank Practice"),
    owner=OWNER,
    sign_in_name="Wren@Fernbank",
    password=PASSWORD,
    others=(NURSE,),
)


@pytest.fixture
def practice(store: Store, clock: FixedClock) -> Practice:
    return create_practice(COMMAND, store=store, clock=clock)


def test_a_new_practice_has_an_owner_who_can_sign_in(
    store: Store, clock: FixedClock, practice: Practice
) -> None:
    assert has_practice(store=store)
    assert not is_sample(store=store)
    token, actor = sign_in(" wren@fernbank ", PASSWORD, store=store, clock=clock)
    assert actor == Actor(
        practice_id="pr-1",
        person_id="st-1",
        role=AccessRole.OWNER,
        is_billing_practitioner=True,
    )
    assert actor_of_token(token, store=store, clock=clock) == actor
    assert the_practice(store=store, actor=actor) == practice
    assert [member.id for member in staff(store=store, actor=actor)] == ["st-1", "st-2"]


def test_a_store_takes_one_practice_only(
    store: Store, clock: FixedClock, practice: Practice
) -> None:
    with pytest.raises(CommandRefusedError, match="already holds a practice"):
        create_practice(COMMAND, store=store, clock=clock)


@pytest.mark.parametrize(
    ("command", "error", "match"),
    [
        (replace(COMMAND, password=None), CommandRefusedError, "sign-in name and a password"),
        (replace(COMMAND, sign_in_name=" "), CommandRefusedError, "sign-in name and a password"),
        (replace(COMMAND, password="eleven char"), CommandRefusedError, "12 characters"),
        (replace(COMMAND, owner=replace(OWNER, npi="1234567890")), InvalidNpiError, "check digit"),
        (
            replace(COMMAND, practice=replace(COMMAND.practice, time_zone="Mars/Olympus")),
            InvalidPeriodError,
            "not a time zone",
        ),
    ],
)
def test_a_practice_that_could_not_work_is_not_set_up(
    store: Store,
    clock: FixedClock,
    command: CreatePractice,
    error: type[Exception],
    match: str,
) -> None:
    with pytest.raises(error, match=match):
        create_practice(command, store=store, clock=clock)
    assert not has_practice(store=store)


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(
    store: Store, clock: FixedClock, practice: Practice
) -> None:
    sentences = set()
    for name, password in (("wren@fernbank", "wrong"), ("nobody", PASSWORD), ("", "")):
        with pytest.raises(SignInRefusedError) as caught:
            sign_in(name, password, store=store, clock=clock)
        sentences.add(str(caught.value))
    assert len(sentences) == 1


def test_a_person_without_access_or_who_has_left_cannot_sign_in(
    store: Store, clock: FixedClock, practice: Practice
) -> None:
    for change in ({"access": None}, {"is_active": False}):
        with store.writing() as unit:
            row = unit.session.get(StaffRow, ("pr-1", "st-1"))
            row.access, row.is_active = "owner", True
            for name, value in change.items():
                setattr(row, name, value)
            unit.session.add(row)
        with pytest.raises(SignInRefusedError):
            sign_in("wren@fernbank", PASSWORD, store=store, clock=clock)


def test_neither_password_nor_token_is_stored(
    store: Store, clock: FixedClock, practice: Practice
) -> None:
    token, _ = sign_in("wren@fernbank", PASSWORD, store=store, clock=clock)
    with store.reading() as unit:
        person = unit.session.get(StaffRow, ("pr-1", "st-1"))
        kept = unit.session.exec(select(SignInRow)).one()
    assert person.password_hash.startswith("$argon2id$")
    assert PASSWORD not in person.password_hash
    assert kept.token_sha256 == sha256(token.encode()).hexdigest()
    assert token not in kept.model_dump_json()


def test_a_sign_in_ends_after_fifteen_idle_minutes(
    store: Store, clock: FixedClock, practice: Practice
) -> None:
    token, actor = sign_in("wren@fernbank", PASSWORD, store=store, clock=clock)
    clock.instant += SIGN_IN_IDLE - timedelta(seconds=1)
    assert actor_of_token(token, store=store, clock=clock) == actor
    clock.instant += SIGN_IN_IDLE - timedelta(seconds=1)  # the request before counts
    assert actor_of_token(token, store=store, clock=clock) == actor
    clock.instant += SIGN_IN_IDLE
    assert actor_of_token(token, store=store, clock=clock) is None


def test_a_sign_in_ends_after_twelve_hours_however_busy(
    store: Store, clock: FixedClock, practice: Practice
) -> None:
    token, actor = sign_in("wren@fernbank", PASSWORD, store=store, clock=clock)
    began = clock.instant
    while clock.instant + timedelta(minutes=10) < began + SIGN_IN_LIFETIME:
        clock.advance(minutes=10)
        assert actor_of_token(token, store=store, clock=clock) == actor
    clock.instant = began + SIGN_IN_LIFETIME
    assert actor_of_token(token, store=store, clock=clock) is None


def test_signing_out_ends_the_sign_in_at_once_and_twice_is_no_error(
    store: Store, clock: FixedClock, practice: Practice
) -> None:
    token, _ = sign_in("wren@fernbank", PASSWORD, store=store, clock=clock)
    end_sign_in(token, store=store, clock=clock)
    assert actor_of_token(token, store=store, clock=clock) is None
    end_sign_in(token, store=store, clock=clock)
    end_sign_in("unknown", store=store, clock=clock)


def test_a_changed_role_counts_from_the_next_request(
    store: Store, clock: FixedClock, practice: Practice
) -> None:
    token, _ = sign_in("wren@fernbank", PASSWORD, store=store, clock=clock)
    with store.writing() as unit:
        row = unit.session.get(StaffRow, ("pr-1", "st-1"))
        row.access = "auditor"
        unit.session.add(row)
    found = actor_of_token(token, store=store, clock=clock)
    assert found is not None
    assert found.role is AccessRole.AUDITOR
    with store.writing() as unit:
        row = unit.session.get(StaffRow, ("pr-1", "st-1"))
        row.is_active = False
        unit.session.add(row)
    assert actor_of_token(token, store=store, clock=clock) is None


def test_nobody_acts_in_a_real_practice_without_signing_in(
    store: Store, clock: FixedClock, practice: Practice
) -> None:
    for attempt in (
        lambda: demo_actors(store=store),
        lambda: demo_sign_in("st-1", store=store, clock=clock),
    ):
        with pytest.raises(CommandRefusedError, match="Only the sample practice"):
            attempt()
    with pytest.raises(CommandRefusedError, match="--as"):
        cli_actor(store, None)


def test_a_command_acts_as_the_person_named_by_id_or_sign_in_name(
    store: Store, practice: Practice
) -> None:
    assert cli_actor(store, "st-2").role is AccessRole.COORDINATOR
    assert cli_actor(store, "Wren@Fernbank").person_id == "st-1"
    with pytest.raises(NotFoundError):
        cli_actor(store, "st-9")


def test_an_empty_store_has_nobody_to_act_as(store: Store) -> None:
    assert not has_practice(store=store)
    assert not is_sample(store=store)
    with pytest.raises(CommandRefusedError, match="trellis init"):
        cli_actor(store, None)


def test_the_sample_practice_is_entered_without_a_password(store: Store, clock: FixedClock) -> None:
    load_sample(store, day=date(2026, 11, 20))
    assert is_sample(store=store)
    everyone = demo_actors(store=store)
    assert everyone[0][1].role is AccessRole.OWNER
    assert {actor.role for _, actor in everyone} == set(AccessRole)
    assert "desk-1" not in {member.id for member, _ in everyone}  # has no access
    token, actor = demo_sign_in("rn-1", store=store, clock=clock)
    assert actor_of_token(token, store=store, clock=clock) == actor
    with pytest.raises(NotFoundError):
        demo_sign_in("desk-1", store=store, clock=clock)
    assert cli_actor(store, None).person_id == "md-1"
    assert cli_actor(store, "bill-1").role is AccessRole.BILLER


def test_the_owner_of_an_imported_practice_gets_one_first_sign_in(
    store: Store, clock: FixedClock, practice: Practice
) -> None:
    with store.writing() as unit:
        row = unit.session.get(StaffRow, ("pr-1", "st-1"))
        row.sign_in_name = row.password_hash = None
        unit.session.add(row)
    assert first_owner(store=store) == "st-1"

    def give(person: str) -> None:
        give_first_sign_in(person, sign_in_name="Wren", password=PASSWORD, store=store, clock=clock)

    with pytest.raises(CommandRefusedError, match="not an owner"):
        give("st-2")
    with pytest.raises(NotFoundError):
        give("st-9")
    give("st-1")
    assert sign_in("wren", PASSWORD, store=store, clock=clock)[1].person_id == "st-1"
    with pytest.raises(CommandRefusedError, match="sign in already"):
        give("st-1")
