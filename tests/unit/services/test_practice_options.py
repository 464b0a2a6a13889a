"""What a practice may switch on: off until its owner does."""

import pytest

from trellis_core.access import AccessRole, Actor
from trellis_core.care.people import Practice, StaffMember
from trellis_core.care.vocabulary import StaffRole
from trellis_core.errors import PermissionDeniedError
from trellis_core.services.practice import CreatePractice, create_practice
from trellis_core.services.practice_options import PracticeOption, options, set_options
from trellis_core.store.engine import Store
from trellis_core.values.clock import FixedClock

OWNER = Actor(practice_id="fernbank", person_id="md-1", role=AccessRole.OWNER)


@pytest.fixture
def held(store: Store, clock: FixedClock) -> Store:
    create_practice(
        CreatePractice(
            practice=Practice(id="fernbank", name="Fernbank"),
            owner=StaffMember(id="md-1", role=StaffRole.BILLING_PRACTITIONER),
            sign_in_name="owner",
            password="long enough to keep",
        ),
        store=store,
        clock=clock,
    )
    return store


def test_a_practice_without_a_choice_has_nothing_switched_on(held: Store) -> None:
    assert options(store=held, actor=OWNER) == PracticeOption()


def test_an_owner_switches_on_and_off_again(held: Store, clock: FixedClock) -> None:
    for chosen in (
        PracticeOption(shows_dollars_per_minute=True),
        PracticeOption(offers_apcm=True),
        PracticeOption(),
    ):
        set_options(chosen, store=held, actor=OWNER, clock=clock)
        assert options(store=held, actor=OWNER) == chosen


def test_a_coordinator_reads_the_choice_and_cannot_change_it(
    held: Store, clock: FixedClock
) -> None:
    coordinator = Actor(practice_id="fernbank", person_id="rn-1", role=AccessRole.COORDINATOR)
    assert options(store=held, actor=coordinator) == PracticeOption()
    with pytest.raises(PermissionDeniedError):
        set_options(PracticeOption(offers_apcm=True), store=held, actor=coordinator, clock=clock)
