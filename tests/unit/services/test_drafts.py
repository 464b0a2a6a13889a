"""Notes typed and not saved: kept for their author alone, and no part of any record."""

import pytest
from sqlmodel import func, select

from trellis_core.access import AccessRole, Actor
from trellis_core.care.people import Patient, Practice, StaffMember
from trellis_core.care.vocabulary import StaffRole
from trellis_core.errors import CommandRefusedError, NotFoundError, PermissionDeniedError
from trellis_core.services import drafts, people
from trellis_core.services.caseload import register_patient
from trellis_core.services.practice import CreatePractice, create_practice
from trellis_core.store.tables import EVENT, NoteDraftRow

FORM = "ccm_entry"
TEXT = "  Refill moved;\n spoke with her daughter.  "


def member(name, access):
    return StaffMember(id=name, role=StaffRole.CLINICAL_STAFF, family_name=name, access=access)


@pytest.fixture
def nurse():
    return Actor(practice_id="p1", person_id="nurse", role=AccessRole.COORDINATOR)


@pytest.fixture
def owner():
    return Actor(practice_id="p1", person_id="owner", role=AccessRole.OWNER)


@pytest.fixture
def patient(store, clock, owner):
    create_practice(
        CreatePractice(
            practice=Practice(id="p1", name="A practice"),
            owner=member("owner", AccessRole.OWNER),
            sign_in_name="owner",
            password="a long enough password",
            others=(member("nurse", AccessRole.COORDINATOR),),
        ),
        store=store,
        clock=clock,
    )
    made = Patient(id="", mrn="1", family_name="Somebody")
    return register_patient(made, store=store, actor=owner, clock=clock).id


@pytest.fixture
def keep(store, clock, nurse, patient):
    def kept(text, form=FORM, patient_id=patient, actor=nurse):
        drafts.keep(text, form=form, patient_id=patient_id, store=store, actor=actor, clock=clock)

    return kept


@pytest.fixture
def take(store, nurse, patient):
    def taken(form=FORM, patient_id=patient, actor=nurse):
        return drafts.take(form=form, patient_id=patient_id, store=store, actor=actor)

    return taken


def rows(store):
    with store.reading() as unit:
        return list(unit.session.exec(select(NoteDraftRow)))


def test_what_was_typed_comes_back_as_typed_until_it_is_dropped(store, keep, take, nurse, patient):
    assert take() == ""
    keep("Refill")
    keep(TEXT)
    assert take() == take() == TEXT
    drafts.drop(form=FORM, patient_id=patient, store=store, actor=nurse)
    assert take() == ""
    drafts.drop(form=FORM, patient_id=patient, store=store, actor=nurse)


@pytest.mark.parametrize("empty", ["", "  \n "])
def test_an_emptied_field_leaves_nothing_behind(store, keep, empty):
    keep(TEXT)
    keep(empty)
    keep(empty)
    assert rows(store) == []


def test_each_form_and_patient_has_a_draft_of_its_own(keep, take):
    keep("for the month", form="chart_entry")
    keep("for nobody", patient_id="")
    keep(TEXT)
    assert take(form="chart_entry") == "for the month"
    assert take(patient_id="") == "for nobody"
    assert take() == TEXT


def test_nobody_else_reads_a_draft_not_even_the_owner(keep, take, owner):
    keep(TEXT)
    assert take(actor=owner) == ""
    keep("the owner's", actor=owner)
    assert (take(), take(actor=owner)) == (TEXT, "the owner's")


def test_somebody_elses_draft_is_not_dropped(store, keep, take, owner, patient):
    keep(TEXT)
    drafts.drop(form=FORM, patient_id=patient, store=store, actor=owner)
    assert take() == TEXT


def test_the_same_ids_in_another_practice_are_another_persons(keep, take):
    keep(TEXT)
    stranger = Actor(practice_id="p2", person_id="nurse", role=AccessRole.COORDINATOR)
    assert take(actor=stranger) == ""
    with pytest.raises(NotFoundError):
        keep("x", actor=stranger)


def test_the_text_may_be_as_long_as_a_note(keep, take):
    keep("x" * 4000)
    with pytest.raises(CommandRefusedError, match="4,001 characters; 4,000 are the most"):
        keep("x" * 4001)
    assert len(take()) == 4000


def test_a_patient_that_is_not_there_has_no_draft(keep, take):
    with pytest.raises(NotFoundError):
        keep(TEXT, patient_id="pt-none")
    assert take(patient_id="pt-none") == ""


def test_who_may_do_nothing_keeps_nothing(keep, store):
    nobody = Actor(practice_id="p1", person_id="nurse", role=AccessRole.OWN_WORK)
    with pytest.raises(PermissionDeniedError):
        keep(TEXT, actor=nobody)
    assert rows(store) == []


def test_the_form_begins_with_the_patient_of_the_newest_draft(
    store, clock, keep, nurse, owner, patient
):
    other = register_patient(
        Patient(id="", mrn="2", family_name="Else"), store=store, actor=owner, clock=clock
    ).id

    def newest(actor=nurse):
        return drafts.patient_of_newest(form=FORM, store=store, actor=actor)

    assert newest() is None
    keep("one")
    clock.advance(seconds=1)
    keep("two", patient_id=other)
    assert newest() == other
    clock.advance(seconds=1)
    keep("one again")
    assert newest() == patient
    assert newest(owner) is None


def test_drafts_of_a_month_ago_go_with_the_next_one(store, clock, keep, take, owner):
    keep("old")
    keep("the owner's", actor=owner)
    clock.advance(days=30)
    keep("new", form="chart_entry")
    assert take() == "old"
    clock.advance(seconds=1)
    keep("newer", form="chart_entry")
    assert take() == ""
    assert take(form="chart_entry") == "newer"
    assert take(actor=owner) == "the owner's", "nobody's draft is touched by another person"


def test_a_draft_is_no_record_and_no_event(store, keep):
    def events():
        with store.reading() as unit:
            return (
                unit.session.connection().execute(select(func.count()).select_from(EVENT)).scalar()
            )

    before = events()
    keep(TEXT)
    keep("")
    assert events() == before


def test_whoever_left_takes_the_drafts_out_of_reach(store, clock, keep, take, owner):
    keep(TEXT)
    people.deactivate("nurse", store=store, actor=owner, clock=clock)
    assert take(actor=owner) == ""
