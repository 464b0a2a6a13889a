"""The journal as it is read: who did what, with what changed in words, and for whom."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import event, select

from tests.support.ledger_case import AUDITOR, BILLER, NURSE, OWNER, STRANGER, fill, work
from trellis_core.access import AccessRole
from trellis_core.care.people import Practice, StaffMember
from trellis_core.care.vocabulary import Program, StaffRole
from trellis_core.errors import SignInRefusedError
from trellis_core.ledger.journal import EventKind
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import by_hand, caseload, consents, passwords, practice_settings
from trellis_core.services import practice as practices
from trellis_core.services import sign_in as sign_ins
from trellis_core.services.entry_history import withhold_note
from trellis_core.services.journal import PAGE_EVENTS, journal
from trellis_core.services.time_log import log_time
from trellis_core.store.engine import Store
from trellis_core.store.tables import EVENT, EVENT_TEXT, ConsentRow, StaffRow

TYPED = "correct horse battery staple"


@pytest.fixture
def practice(any_store: Store) -> Store:
    """A store that holds a practice, on either database."""
    fill(any_store)
    return any_store


def newest(store, **wanted):
    return journal(store=store, actor=OWNER, **wanted).events[0]


def consent(store, clock, patient_id="pt-1", actor=NURSE):
    return consents.record_consent(
        patient_id,
        program=Program.CCM,
        obtained_on=date(2026, 11, 3),
        backdating_reason="Found on paper",
        store=store,
        actor=actor,
        clock=clock,
    )


def test_a_record_names_its_author_its_hour_and_what_it_says(practice, clock):
    made = consent(practice, clock)
    told = newest(practice)
    assert (told.kind, told.subject_kind, told.subject_id) == (
        EventKind.RECORDED, "consent", made.id,
    )  # fmt: skip
    assert (told.author_id, told.recorded_at, told.patient_id) == (
        NURSE.person_id, clock.now(), "pt-1",
    )  # fmt: skip
    assert told.system_user is None
    assert told.sentence() == (
        "Consent of CCM recorded: why it was recorded later: Found on paper; obtained on: 2026-11-03;"
        " program: CCM"
    )
    assert told.hash.startswith(told.code)


def test_a_change_is_said_in_words_with_what_it_was_before(practice, clock):
    made = consent(practice, clock)
    with practice.writing(actor=OWNER, at=clock.now()) as unit:
        row = unit.session.get(ConsentRow, ("practice-1", made.id))
        row.obtained_on = date(2026, 10, 27)
        unit.session.add(row)
    told = newest(practice)
    assert told.sentence() == "Consent of CCM: obtained on changed from 2026-11-03 to 2026-10-27"
    assert told.author_id == OWNER.person_id
    clock.advance(days=1)
    consents.revoke_consent(
        made.id, revoked_on=date(2026, 11, 4), store=practice, actor=NURSE, clock=clock
    )
    told = newest(practice)
    assert told.sentence() == "Consent of CCM: revoked on: 2026-11-04"
    assert told.recorded_at == clock.now()


def test_a_removed_record_is_an_event_and_its_id_can_be_used_again(practice, clock):
    made = consent(practice, clock)
    with practice.writing(actor=OWNER, at=clock.now()) as unit:
        unit.session.delete(unit.session.get(ConsentRow, ("practice-1", made.id)))
    told = newest(practice)
    assert told.sentence() == "Consent of CCM removed"
    assert told.changes == ()


def test_people_are_named_where_a_field_holds_one(practice, clock):
    consents.record_consent(
        "pt-1", program=Program.CCM, obtained_on=date(2026, 11, 3), obtained_by="staff-nurse",
        backdating_reason="Found on paper", store=practice, actor=NURSE, clock=clock,
    )  # fmt: skip
    assert "obtained by: Rosa D." in newest(practice).sentence({"staff-nurse": "Rosa D."})
    assert "obtained by: staff-nurse" in newest(practice).sentence()


def test_settings_and_patients_name_who_changed_them(practice, clock):
    was = practices.the_practice(store=practice, actor=OWNER)
    practice_settings.edit_practice(
        replace(was, name="Harbor Lane"), store=practice, actor=OWNER, clock=clock,
        rule_book=load_rule_book(),
    )  # fmt: skip
    assert newest(practice).sentence() == "Practice: name changed from Example to Harbor Lane"
    assert newest(practice).author_id == OWNER.person_id
    who = caseload.patient("pt-1", store=practice, actor=NURSE)
    caseload.edit_patient(
        replace(who, phone="518-555-0101"), store=practice, actor=NURSE, clock=clock
    )
    assert newest(practice).sentence() == "Patient: phone: 518-555-0101"
    made = caseload.register_patient(
        replace(who, mrn="M99"), store=practice, actor=NURSE, clock=clock
    )
    assert (newest(practice).patient_id, newest(practice).author_id) == (made.id, NURSE.person_id)


def test_a_filter_asks_for_one_record_one_person_one_kind_or_some_days(practice, clock):
    start = clock.now()
    mine = consent(practice, clock)
    clock.advance(days=1)
    consent(practice, clock, "pt-2", OWNER)

    def numbers(**wanted):
        page = journal(store=practice, actor=AUDITOR, **wanted)
        assert page.total == len(page.events)
        return len(page.events)

    everything = numbers()
    assert numbers(subject_kind="consent") == 2
    assert numbers(subject_kind="consent", subject_id=mine.id) == 1
    assert numbers(patient_id="pt-2") == 2  # registered, and the consent
    assert numbers(author_id=OWNER.person_id) == 1
    assert numbers(kinds=(EventKind.CHANGED,)) == 0
    tomorrow = start + timedelta(days=1)
    assert numbers(subject_kind="consent", since=start, until=tomorrow) == 1
    assert numbers(subject_kind="consent", since=tomorrow) == 1
    assert numbers(since=start, until=start) == 0
    assert everything > 2
    assert journal(store=practice, actor=STRANGER).total == 2  # the practice and its one person


def test_pages_follow_one_another_newest_first_and_are_read_by_two_statements(practice, clock):
    for _ in range(PAGE_EVENTS + 5):
        consent(practice, clock)
    said: list[str] = []
    event.listen(
        practice.engine, "before_cursor_execute", lambda *a: said.append(a[2]), named=False
    )
    first = journal(store=practice, actor=AUDITOR, limit=10_000)
    assert len([each for each in said if "event" in each or "head" in each]) == 2
    second = journal(store=practice, actor=AUDITOR, offset=PAGE_EVENTS)
    assert len(first.events) == PAGE_EVENTS
    numbers = [told.number for told in (*first.events, *second.events)]
    assert numbers == list(range(first.total, 0, -1))


def test_a_coordinator_sees_patients_records_and_no_people(practice, clock):
    consent(practice, clock)
    seen = journal(store=practice, actor=NURSE)
    assert {told.subject_kind for told in seen.events} == {"patient", "consent"}
    assert seen.total == len(seen.events) == 4
    assert journal(subject_kind="staff", store=practice, actor=NURSE).total == 0
    assert journal(subject_kind="staff", store=practice, actor=BILLER).total > 0


# --- signing in ------------------------------------------------------------------------------


@pytest.fixture
def harbor(any_store: Store, clock) -> Store:
    """A practice whose owner has a password."""
    practices.create_practice(
        practices.CreatePractice(
            practice=Practice(id="practice-1", name="Harbor Lane"),
            owner=StaffMember(id="staff-owner", role=StaffRole.BILLING_PRACTITIONER),
            others=(
                StaffMember(
                    id="staff-nurse",
                    role=StaffRole.CLINICAL_STAFF,
                    access=AccessRole.COORDINATOR,
                ),
            ),
            sign_in_name="ada",
            password=TYPED,
        ),
        store=any_store,
        clock=clock,
        system_user="jo",
    )
    return any_store


def everything_written(store) -> str:
    with store.reading() as unit:
        bodies = unit.connection.execute(select(EVENT.c.body)).scalars().all()
        texts = unit.connection.execute(select(EVENT_TEXT.c.text)).scalars().all()
    return "\n".join([*bodies, *texts])


def test_signing_in_and_out_are_events_that_hold_no_token(harbor, clock):
    token, actor = sign_ins.sign_in("ada", TYPED, store=harbor, clock=clock)
    told = newest(harbor)
    assert (told.kind, told.subject_kind, told.subject_id) == (
        EventKind.SIGNED_IN, "session", "staff-owner",
    )  # fmt: skip
    assert (told.author_id, told.details) == (actor.person_id, {"how": "password"})
    clock.advance(minutes=5)
    sign_ins.end_sign_in(token, store=harbor, clock=clock)
    told = newest(harbor)
    assert (told.kind, told.author_id, told.recorded_at) == (
        EventKind.SIGNED_OUT, "staff-owner", clock.now(),
    )  # fmt: skip
    sign_ins.end_sign_in(token, store=harbor, clock=clock)
    sign_ins.end_sign_in("no such token", store=harbor, clock=clock)
    kinds = (EventKind.SIGNED_IN, EventKind.SIGNED_OUT)
    assert journal(kinds=kinds, store=harbor, actor=OWNER).total == 2
    assert token not in everything_written(harbor)


def test_a_refused_sign_in_names_the_person_and_nothing_that_was_typed(harbor, clock):
    refused = (EventKind.SIGN_IN_REFUSED,)
    with pytest.raises(SignInRefusedError):
        sign_ins.sign_in("ada", "an open sesame of ours", store=harbor, clock=clock)
    told = newest(harbor)
    assert (told.kind, told.subject_id, told.author_id) == (refused[0], "staff-owner", None)
    assert told.details == {"how": "password", "why": "wrong_password"}
    assert told.sentence() == "Sign-in refused, the password was wrong"
    with pytest.raises(SignInRefusedError):
        sign_ins.sign_in("mallory typed this", TYPED, store=harbor, clock=clock)
    assert journal(kinds=refused, store=harbor, actor=OWNER).total == 1
    with harbor.writing() as unit:
        row = unit.session.get(StaffRow, ("practice-1", "staff-owner"))
        row.is_active = False
        unit.session.add(row)
    with pytest.raises(SignInRefusedError):
        sign_ins.sign_in("ada", TYPED, store=harbor, clock=clock)
    assert newest(harbor).details == {"how": "password", "why": "no_access"}
    said = everything_written(harbor)
    assert "sesame" not in said
    assert "mallory" not in said
    assert TYPED not in said


def test_an_unknown_name_leaves_no_trace(harbor, clock):
    with harbor.reading() as unit:
        before = unit.connection.exec_driver_sql("SELECT count(*) FROM sign_in").scalar_one()
    written = everything_written(harbor)
    with pytest.raises(SignInRefusedError):
        sign_ins.sign_in("nobody", TYPED, store=harbor, clock=clock)
    with harbor.reading() as unit:
        after = unit.connection.exec_driver_sql("SELECT count(*) FROM sign_in").scalar_one()
    assert (before, written) == (after, everything_written(harbor))


def test_a_sample_practice_says_that_nobody_typed_a_password(practice, clock):
    with practice.writing(actor=OWNER) as unit:
        for practice_id in ("practice-1", "practice-2"):
            unit.connection.exec_driver_sql(
                f"UPDATE practice SET is_sample = true WHERE id = '{practice_id}'"
            )
    sign_ins.demo_sign_in("staff-nurse", store=practice, clock=clock)
    told = newest(practice)
    assert (told.author_id, told.details) == ("staff-nurse", {"how": "sample"})
    assert told.sentence() == "Signed in, in the sample practice, without a password"


def test_a_new_password_is_a_change_without_the_secret(harbor, clock):
    with harbor.reading() as unit:
        first = unit.session.get(StaffRow, ("practice-1", "staff-owner")).password_hash
    recorded = journal(
        subject_kind="staff", subject_id="staff-owner", store=harbor, actor=OWNER
    ).events[0]
    assert (recorded.kind, recorded.author_id) == (EventKind.RECORDED, "staff-owner")
    assert recorded.system_user == "jo"
    with harbor.writing(actor=OWNER, at=clock.now()) as unit:
        row = unit.session.get(StaffRow, ("practice-1", "staff-owner"))
        row.password_hash = second = passwords.password_hash(f"{TYPED} again")
        unit.session.add(row)
    told = newest(harbor)
    assert told.kind is EventKind.CHANGED
    assert told.sentence() == "Person of the practice: password set"
    said = everything_written(harbor)
    for secret in (first, second, TYPED, "password_hash", "argon2"):
        assert secret not in said


def test_a_changed_role_is_an_event_with_both_roles(harbor):
    with harbor.writing(actor=OWNER) as unit:
        row = unit.session.get(StaffRow, ("practice-1", "staff-nurse"))
        row.access, row.is_active = AccessRole.AUDITOR.value, False
        unit.session.add(row)
    assert newest(harbor).sentence() == (
        "Person of the practice: role changed from coordinator to auditor; "
        "active changed from yes to no"
    )


def test_a_command_names_the_systems_user(practice, clock):
    actor = by_hand.cli_actor(practice, "staff-nurse")
    assert actor.system_user == by_hand.system_user()
    assert actor.system_user
    consent(practice, clock, actor=actor)
    assert newest(practice).system_user == actor.system_user
    consent(practice, clock)
    assert newest(practice).system_user is None


def test_the_systems_user_is_not_taken_from_the_environment(monkeypatch):
    true = by_hand.system_user()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert by_hand.system_user() == true


def test_a_withheld_note_is_told_with_its_reason_and_not_its_words(practice, clock):
    made = log_time(work(note="Quillfeather"), store=practice, actor=NURSE, clock=clock).entry
    withhold_note(made.id, reason="A name", store=practice, actor=OWNER, clock=clock)
    told = newest(practice)
    assert told.sentence() == "Note withheld (entry 1): A name"
    assert (told.subject_id, told.patient_id, told.ledger_number) == (made.id, "pt-1", 1)
    assert told.recorded_at == clock.now()
