"""Adjustments: what a second close issues, what stands, and that nothing issued ever changes."""

import json
from dataclasses import replace
from datetime import date

import pysqlite3
import pytest

from tests.support.month_case import DECEMBER, NOVEMBER, MonthCase
from tests.support.small_panel import at
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Program
from trellis_core.errors import NotFoundError, StoreError
from trellis_core.services.checkpoints import make_checkpoint
from trellis_core.services.integrity import check_store
from trellis_core.services.issued_superbills import read_issued
from trellis_core.services.months import Standing
from trellis_core.services.time_log import CorrectTime, correct_time
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    ConditionRow,
    EnrollmentRow,
    PracticeRow,
    StaffRow,
    TrackElectionRow,
)
from trellis_core.superbill import Superbill, SuperbillStatus
from trellis_core.values.ids import new_entry_id


@pytest.fixture
def case(store: Store) -> MonthCase:
    return filled(store)


@pytest.fixture
def any_case(any_store: Store) -> MonthCase:
    return filled(any_store)


def filled(store: Store) -> MonthCase:
    """Fern has 42 minutes, Reed 25; November is closed with No. 1 and 2."""
    case = MonthCase(store)
    case.enrolled("fern", "reed")
    case.panel.log("fern", 22, at=at(3), entry_id="t-one")
    case.panel.log("fern", 20, at=at(10), entry_id="t-two")
    case.panel.log("reed", 25, at=at(5), entry_id="t-three")
    case.close()
    return case


def void(case: MonthCase, entry_id: str) -> None:
    correct_time(
        CorrectTime(
            entry_id_new=new_entry_id(), entry_id=entry_id, seconds=None, reason="Never happened"
        ),
        store=case.store,
        actor=case.actor(AccessRole.OWNER),
        clock=case.clock,
    )


def issued(case: MonthCase) -> dict[int, Superbill]:
    with case.store.reading() as unit:
        return {each.number: each.bill for each in read_issued(unit, case.practice_id)}


def test_closing_again_without_a_change_issues_nothing(any_case: MonthCase):
    before = any_case.document("pdf").content
    any_case.reopen()
    again = any_case.close()
    assert (again.issued, again.counts.unchanged, again.period) == ((), 2, 1)
    assert any_case.document("pdf").content == before
    assert any_case.numbers() == [1, 2]
    assert check_store(any_case.store).ok


def test_a_late_entry_makes_a_new_version_of_that_superbill_alone(any_case: MonthCase):
    any_case.reopen()
    any_case.log("reed", 20, at=at(12))
    again = any_case.close()

    (one,) = again.issued
    assert (one.number, one.patient_id, one.version, one.replaces) == (3, "reed", 2, 2)
    assert one.changes_claim
    assert not one.is_withdrawal
    review = any_case.review()
    assert [bill.number for bill in review.superbills] == [1, 3]
    (old,) = review.replaced
    assert (old.number, old.superseded_by, old.bill.lines[0].minutes) == (2, 3, 25)
    new = next(bill for bill in review.superbills if bill.number == 3)
    assert [line.code for line in new.lines] == ["99490", "99439"]
    assert new.id == old.bill.id
    assert check_store(any_case.store).ok


def test_a_version_that_was_replaced_says_so_and_nothing_else_changes(case: MonthCase):
    before = issued(case)[2]
    case.reopen()
    assert issued(case)[2] == before
    case.log("reed", 20, at=at(12))
    case.close()

    old, new = issued(case)[2], issued(case)[3]
    assert (old.replaced_by, new.replaces, new.replaced_by) == (3, 2, None)
    assert replace(old, replaced_by=None) == before
    assert check_store(case.store).ok
    (answer,) = json.loads(case.document("json", number=2).content)["superbills"]
    assert answer["replaced_by"] == 3


def test_more_time_of_the_same_code_does_not_change_the_claim(case: MonthCase):
    case.reopen()
    case.log("reed", 5, at=at(12))
    (one,) = case.close().issued
    assert (one.version, one.replaces, one.changes_claim) == (2, 2, False)


@pytest.mark.parametrize(
    ("kind", "key", "change", "is_claim"),
    [
        ("patient", "fern", {"member_id": "9AC8TE5MK73"}, True),
        ("patient", "fern", {"birth_date": date(1950, 2, 2)}, True),
        ("patient", "fern", {"family_name": "Fernly"}, True),
        ("patient", "fern", {"address_line": "9 Elm Street"}, False),
        ("patient", "fern", {"mrn": "M-9"}, False),
        ("practice", "", {"tin": "98-7654321"}, True),
        ("practice", "", {"npi": "1093817462"}, True),
        ("practice", "", {"phone": "555-0199"}, False),
        ("staff", "dr-1", {"npi": "1093817462"}, True),
        ("staff", "dr-1", {"family_name": "Vale"}, False),
        ("condition", "", {"icd10": "E11.65"}, True),
        ("condition", "", {"text": "Diabetes"}, False),
        ("patient", "fern", {"phone": "555-0123"}, None),
        ("patient", "fern", {"last_seen_on": date(2026, 11, 30)}, None),
        ("condition", "", {"onset_on": date(2020, 1, 1)}, None),
    ],
)
def test_what_a_changed_record_does_to_what_was_issued(
    case: MonthCase, kind, key, change, is_claim
):
    """None: nothing that a superbill of the month says has changed, so nothing is issued."""
    case.reopen()
    if kind == "patient":
        case.change_patient(key, **change)
    elif kind == "practice":
        case.change(PracticeRow, case.practice_id, **change)
    elif kind == "staff":
        case.change(StaffRow, case.practice_id, key, **change)
    else:
        with case.store.reading() as unit:
            condition = unit.connection.exec_driver_sql(
                "SELECT id FROM condition WHERE patient_id = 'fern' AND icd10 = 'E11.9'"
            ).scalar_one()
        case.change(ConditionRow, case.practice_id, condition, **change)
    found = {each.replaces: each.changes_claim for each in case.close().issued}
    if is_claim is None:
        assert found == {}
    else:
        assert found[1] is is_claim
        assert set(found) == ({1, 2} if kind in {"practice", "staff"} else {1})


def test_what_bills_nothing_any_more_is_withdrawn(any_case: MonthCase):
    any_case.reopen()
    void(any_case, "t-three")
    (one,) = any_case.close().issued
    assert (one.number, one.replaces, one.is_withdrawal, one.changes_claim) == (3, 2, True, True)
    withdrawal = issued(any_case)[3]
    assert withdrawal.is_withdrawn
    assert withdrawal.notes[0] == "Replaces 2. Nothing is billed."
    assert (withdrawal.lines, withdrawal.missing, withdrawal.version) == ((), (), 2)
    assert [(row.entry_id, row.is_reversed) for row in withdrawal.time] == [("t-three", True)]
    assert withdrawal.not_billed
    assert any_case.document("pdf", number=3).content.startswith(b"%PDF")

    any_case.reopen()
    assert any_case.close().issued == ()  # it stays withdrawn, and says so once
    any_case.reopen()
    any_case.log("reed", 21, at=at(20))
    (back,) = any_case.close().issued
    assert (back.number, back.version, back.replaces, back.is_withdrawal) == (4, 3, 3, False)
    assert check_store(any_case.store).ok


def test_who_is_out_of_play_is_withdrawn_as_well(case: MonthCase):
    case.reopen()
    void(case, "t-three")
    with case.store.reading() as unit:
        enrollment = unit.connection.exec_driver_sql(
            "SELECT id FROM enrollment WHERE patient_id = 'reed'"
        ).scalar_one()
    case.change(EnrollmentRow, case.practice_id, enrollment, ended_on=date(2026, 10, 31))
    (one,) = case.close().issued
    assert (one.patient_id, one.is_withdrawal) == ("reed", True)


def test_another_payer_is_another_superbill_and_the_old_one_is_withdrawn(case: MonthCase):
    case.reopen()
    case.change_patient(
        "fern",
        payer_name="Aetna Medicare Advantage",
        payer_kind="medicare_advantage",
        member_id="W-1",
    )
    first, second = case.close().issued
    assert (first.number, first.version, first.replaces, first.is_withdrawal) == (3, 1, None, False)
    assert (second.number, second.version, second.replaces, second.is_withdrawal) == (4, 2, 1, True)
    both = issued(case)
    assert both[3].payer is not None
    assert both[3].payer.payer_name == "Aetna Medicare Advantage"
    assert both[4].payer is not None
    assert both[4].payer.payer_name == "Medicare Part B"


def test_a_new_version_that_lacks_something_is_held_back_and_the_old_one_stands(case: MonthCase):
    case.reopen()
    case.log("reed", 20, at=at(12))
    case.change_patient("reed", member_id=None)
    closed = case.close()
    assert closed.issued == ()
    (held,) = closed.held_back
    assert (held.patient_id, held.replaces) == ("reed", 2)
    assert [bill.number for bill in case.bills()] == [1, 2]


def test_an_open_choice_holds_back_and_does_not_withdraw(case: MonthCase):
    case.reopen()
    case.log("fern", 30, at=at(14), person="dr-1")
    review = case.review()
    assert review.state.counts is not None
    assert review.state.counts.decisions == 1
    closed = case.close()
    assert [each.patient_id for each in closed.issued] == []
    (held,) = closed.held_back
    assert (held.patient_id, held.replaces) == ("fern", 1)
    assert {each.code for each in held.missing} == {"DECISION_TRACK"}
    case.reopen()
    case.panel.add(
        TrackElectionRow(
            practice_id=case.practice_id, patient_id="fern", program="CCM", ym=202611,
            track="staff", elected_by="dr-1", elected_at=case.clock.now(),
        )
    )  # fmt: skip
    (one,) = case.close().issued
    assert (one.patient_id, one.version, one.replaces) == ("fern", 2, 1)


def test_a_reopened_month_shows_what_stands_beside_what_would_change(any_case: MonthCase):
    any_case.reopen()
    any_case.log("reed", 20, at=at(12))
    void(any_case, "t-one")
    void(any_case, "t-two")
    review = any_case.review()
    assert review.state.standing is Standing.REOPENED
    shown = [
        (bill.patient.id, bill.number, bill.version, bill.replaces, bill.status, len(bill.lines))
        for bill in review.superbills
    ]
    assert shown == [
        ("fern", 1, 1, None, SuperbillStatus.ISSUED, 2),
        ("fern", None, 2, 1, SuperbillStatus.DRAFT, 0),
        ("reed", 2, 1, None, SuperbillStatus.ISSUED, 1),
        ("reed", None, 2, 2, SuperbillStatus.DRAFT, 2),
    ]
    assert set(review.changes.values()) == {True}
    counts = review.state.counts
    assert counts is not None
    assert (counts.ready, counts.replacing, counts.withdrawn, counts.unchanged) == (2, 2, 1, 0)
    assert any_case.bills() == review.superbills


def test_documents_of_a_closed_month_never_change(case: MonthCase):
    forms = ("pdf", "zip", "csv", "json")
    before = {form: case.document(form).content for form in forms}
    case.change_patient(
        "fern", family_name="Zinnia", member_id="9AC8TE5MK73", address_line="Elsewhere"
    )
    case.change(PracticeRow, case.practice_id, name="Another name", tin="98-7654321")
    case.change(StaffRow, case.practice_id, "dr-1", family_name="Renamed")
    case.log("fern", 50, at=at(1, 12, month=12))
    assert {form: case.document(form).content for form in forms} == before

    case.reopen()
    case.close()
    assert case.numbers() == [1, 2, 3, 4]
    old = {number: case.document("pdf", number=number).content for number in (1, 2)}
    case.change_patient("fern", family_name="Aster")
    assert {number: case.document("pdf", number=number).content for number in (1, 2)} == old
    assert case.document("csv", number=1).content.count(b"Fern,") == 2


def test_an_issued_superbill_names_its_number_and_its_close(case: MonthCase):
    (fern, _) = case.bills()
    assert (fern.number, fern.version, fern.status) == (1, 1, SuperbillStatus.ISSUED)
    assert fern.closed is not None
    assert (fern.closed.ledger_seq, fern.closed.period) == (3, 0)
    assert fern.checkpoint is not None
    rows = case.document("csv").content.decode().splitlines()
    assert rows[1].split(",")[1:4] == ["1", "1", ""]


def test_a_superbill_that_is_not_there_is_not_found(case: MonthCase):
    for month, number in ((NOVEMBER, 3), (NOVEMBER, 0), (DECEMBER, 1)):
        with pytest.raises(NotFoundError):
            case.bills(month, number=number)
    assert case.bills(number=2)[0].patient.id == "reed"


def test_a_patient_and_a_program_pick_issued_superbills(case: MonthCase):
    assert [bill.number for bill in case.bills(patient_id="reed")] == [2]
    assert [bill.number for bill in case.bills(program=Program.CCM)] == [1, 2]
    assert case.bills(program=Program.TCM) == ()
    with pytest.raises(NotFoundError):
        case.bills(patient_id="nobody")


def test_fhir_of_a_closed_month_says_what_was_issued(case: MonthCase):
    bundle = json.loads(case.document("fhir", patient_id="fern").content)
    (document,) = [
        entry["resource"]
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "DocumentReference"
    ]
    assert document["docStatus"] == "final"
    case.reopen()
    case.log("fern", 20, at=at(14))
    again = json.loads(case.document("fhir", patient_id="fern").content)
    charges = [
        entry["resource"]["code"]["coding"][0]["code"]
        for entry in again["entry"]
        if entry["resource"]["resourceType"] == "ChargeItem"
    ]
    assert sorted(charges) == ["99439", "99490"]


def test_a_document_that_was_changed_around_trellis_is_not_drawn(case: MonthCase):
    connection = pysqlite3.connect(case.store.path)
    connection.execute("DROP TRIGGER guard_superbill_update")
    connection.execute("UPDATE superbill SET document = zeroblob(9) WHERE number = 2")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="Superbill 2 is not as it was issued"):
        case.bills()
    assert case.bills(number=1)[0].number == 1


def test_the_checkpoint_of_an_issued_superbill_is_the_first_that_seals_it(case: MonthCase):
    first = case.bills()[0].checkpoint
    for minute in range(0, 50, 10):
        case.log("fern", 1, at=at(1, 12, minute, month=12))
        make_checkpoint("asked", store=case.store, clock=case.clock, actor=case.actor())
        assert case.bills()[0].checkpoint == first
