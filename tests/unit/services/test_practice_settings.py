"""Changing what the practice says about itself."""

from dataclasses import replace

import pytest

from trellis_core.access import AccessRole, Actor
from trellis_core.care.people import Practice, StaffMember
from trellis_core.care.vocabulary import StaffRole
from trellis_core.errors import (
    CommandRefusedError,
    InvalidNpiError,
    InvalidPeriodError,
    PermissionDeniedError,
    TrellisError,
    UnknownLocalityError,
)
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import practice as practices
from trellis_core.services.practice_settings import edit_practice
from trellis_core.store.engine import Store
from trellis_core.values.clock import FixedClock

OWNER = Actor(practice_id="fernbank", person_id="md-1", role=AccessRole.OWNER)


@pytest.fixture
def held(store: Store, clock: FixedClock) -> Practice:
    return practices.create_practice(
        practices.CreatePractice(
            practice=Practice(id="fernbank", name="Fernbank"),
            owner=StaffMember(id="md-1", role=StaffRole.BILLING_PRACTITIONER),
            sign_in_name="owner",
            password="long enough to keep",
        ),
        store=store,
        clock=clock,
    )


def edit(changed: Practice, store: Store, clock: FixedClock, actor: Actor = OWNER) -> Practice:
    return edit_practice(changed, store=store, actor=actor, clock=clock, rule_book=load_rule_book())


def test_a_change_is_stored_and_what_was_unknown_becomes_known(
    store: Store, clock: FixedClock, held: Practice
) -> None:
    wanted = replace(
        held,
        name=" Fernbank Care ",
        npi="1234567893",
        state="NY",
        locality="01",
        certified_ehr=True,
    )
    made = edit(wanted, store, clock)
    assert made == replace(wanted, name="Fernbank Care")
    assert practices.the_practice(store=store, actor=OWNER) == made


def test_neither_the_id_nor_the_mark_of_the_sample_can_be_changed(
    store: Store, clock: FixedClock, held: Practice
) -> None:
    made = edit(replace(held, id="other", is_sample=True), store, clock)
    assert (made.id, made.is_sample) == ("fernbank", False)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"name": "  "}, CommandRefusedError),
        ({"npi": "1234567890"}, InvalidNpiError),
        ({"time_zone": "Mars/Olympus"}, InvalidPeriodError),
        ({"locality": "01"}, CommandRefusedError),
        ({"state": "NY", "locality": "77"}, UnknownLocalityError),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    store: Store,
    clock: FixedClock,
    held: Practice,
    changes: dict[str, str],
    error: type[TrellisError],
) -> None:
    with pytest.raises(error):
        edit(replace(held, **changes), store, clock)
    assert practices.the_practice(store=store, actor=OWNER) == held


@pytest.mark.parametrize("role", [each for each in AccessRole if each is not AccessRole.OWNER])
def test_only_an_owner_changes_settings(
    store: Store, clock: FixedClock, held: Practice, role: AccessRole
) -> None:
    with pytest.raises(PermissionDeniedError):
        edit(held, store, clock, Actor(practice_id="fernbank", person_id="x", role=role))
