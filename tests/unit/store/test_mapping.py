"""Practice and people survive the way into their rows and back."""

from dataclasses import fields
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from trellis_core.access import AccessRole
from trellis_core.care.people import Practice, StaffMember
from trellis_core.care.vocabulary import (
    Credential,
    DateOfServiceRule,
    PracticeKind,
    Setting,
    StaffRole,
)
from trellis_core.store.engine import Store
from trellis_core.store.mapping import practice_of, practice_row, staff_of, staff_row
from trellis_core.store.tables import PracticeRow, StaffRow
from trellis_core.values.unknown import UNKNOWN

NOW = datetime(2026, 11, 20, tzinfo=UTC)
MAYBE = st.sampled_from([True, False, UNKNOWN])
TEXT = st.text(max_size=12)

PRACTICES = st.builds(
    Practice,
    id=TEXT,
    name=TEXT,
    npi=st.none() | TEXT,
    tin=st.none() | TEXT,
    address_line=TEXT,
    city=TEXT,
    postal_code=TEXT,
    phone=TEXT,
    time_zone=TEXT,
    state=st.none() | TEXT,
    locality=st.none() | TEXT,
    setting=st.sampled_from(Setting),
    qualifying_apm=st.booleans(),
    kind=st.sampled_from(PracticeKind),
    date_of_service=st.sampled_from(DateOfServiceRule),
    place_of_service=TEXT,
    tcm_hold_until_day_30=st.booleans(),
    around_the_clock_access=MAYBE,
    certified_ehr=MAYBE,
    apcm_capabilities=MAYBE,
    performance_reporting=MAYBE,
    is_sample=st.booleans(),
)
STAFF = st.builds(
    StaffMember,
    id=TEXT,
    role=st.sampled_from(StaffRole),
    credential=st.just(UNKNOWN) | st.sampled_from(Credential),
    npi=st.none() | TEXT,
    given_name=TEXT,
    family_name=TEXT,
    access=st.none() | st.sampled_from(AccessRole),
    is_active=st.booleans(),
)


@given(PRACTICES)
def test_a_practice_comes_back_as_it_went(practice):
    assert practice_of(practice_row(practice, created_at=NOW)) == practice


@given(PRACTICES, PRACTICES)
def test_a_changed_practice_replaces_every_field_but_its_birth(before, after):
    row = practice_row(before, created_at=NOW)
    changed = practice_row(after, created_at=datetime(2030, 1, 1, tzinfo=UTC), row=row)
    assert changed is row
    assert changed.created_at == NOW
    read = practice_of(row)
    assert all(
        getattr(read, field.name) == getattr(after, field.name)
        for field in fields(Practice)
        if field.name != "id"
    )


@given(STAFF)
def test_a_person_comes_back_as_they_went(member):
    assert staff_of(staff_row(member, practice_id="practice-1")) == member


def test_unknown_false_and_no_credential_stay_three_things_in_the_file(store: Store):
    members = [
        StaffMember(id="a", role=StaffRole.CLINICAL_STAFF, credential=UNKNOWN),
        StaffMember(id="b", role=StaffRole.CLINICAL_STAFF, credential=Credential.NONE),
    ]
    practice = Practice(id="p", name="x", certified_ehr=False, apcm_capabilities=UNKNOWN)
    with store.writing() as unit:
        unit.session.add(practice_row(practice, created_at=NOW))
        unit.session.add_all([staff_row(each, practice_id="p") for each in members])
    with store.reading() as unit:
        assert practice_of(unit.session.get_one(PracticeRow, "p")) == practice
        assert [staff_of(unit.session.get_one(StaffRow, ("p", each))) for each in "ab"] == members
        assert unit.session.get_one(PracticeRow, "p").created_at == NOW
