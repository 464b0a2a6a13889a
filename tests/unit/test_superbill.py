"""A superbill holds what the determination proposes, and says what stands behind it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tests.support.superbill_case import (
    ADD_ON,
    ASSISTANT,
    BHI_LINE,
    CASE,
    CONDITIONS,
    DETERMINATION,
    DOCTOR,
    ENROLLMENTS,
    ENTRIES,
    FACTS,
    FIRST_LINE,
    NOVEMBER,
    NURSE,
    PATIENT,
    PRACTICE,
    SECOND_DOCTOR,
    TRACK_NEEDED,
    Case,
    crowded,
    entry,
)
from trellis_core.care.people import Coverage
from trellis_core.care.records import (
    CaseloadReview,
    Condition,
    Consent,
    DecisionMaking,
    Discharge,
    DischargeContact,
    DischargeVisit,
    RatingScale,
)
from trellis_core.care.vocabulary import ContactOutcome, MdmLevel, Program
from trellis_core.fees import read_schedule
from trellis_core.rules.facts import PatientFacts
from trellis_core.superbill import (
    EVERY_PAYER,
    Charges,
    Superbill,
    SuperbillStatus,
    minutes_by_share,
)
from trellis_core.values.unknown import UNKNOWN


def missing_codes(bill: Superbill) -> list[str]:
    return [each.code for each in bill.missing]


def test_a_complete_month_is_one_ready_draft_of_version_one_without_a_number() -> None:
    bill = CASE.only()

    assert (bill.number, bill.version, bill.replaces) == (None, 1, None)
    assert bill.status is SuperbillStatus.DRAFT
    assert bill.missing == ()
    assert bill.is_ready


def test_a_base_stands_before_the_add_on_that_its_minutes_reach_later() -> None:
    assert [line.code for line in CASE.only().lines] == ["99490", "99439", "99484"]


def test_the_same_month_gets_the_same_ids_when_time_is_added() -> None:
    before = CASE.only()
    more = replace(ADD_ON, units=2, earned_units=2, minutes=62, allowed=Decimal("100.88"))
    after = CASE.with_determination(lines=(FIRST_LINE, more, BHI_LINE)).only()

    assert after.id == before.id
    assert [line.id for line in after.lines] == [line.id for line in before.lines]


def test_every_line_of_a_month_has_an_id_of_its_own() -> None:
    ids = [line.id for line in crowded().only().lines]

    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "other",
    [
        replace(CASE, practice=replace(PRACTICE, id="practice-2")),
        CASE.with_patient(id="patient-2"),
        CASE.with_patient(coverage=Coverage(payer_name="Another payer", member_id="1")),
    ],
)
def test_another_practice_patient_or_payer_is_another_superbill(other: Case) -> None:
    assert other.only().id != CASE.only().id


def test_two_billing_practitioners_get_two_superbills() -> None:
    case = CASE.with_determination(
        lines=(FIRST_LINE, replace(BHI_LINE, by=SECOND_DOCTOR.id))
    ).with_facts(
        enrollments=(ENROLLMENTS[0], replace(ENROLLMENTS[1], billing_practitioner=SECOND_DOCTOR.id))
    )

    first, second = case.built()

    assert [line.code for line in first.lines] == ["99490"]
    assert [line.code for line in second.lines] == ["99484"]
    assert second.billing is not None
    assert second.billing.npi == SECOND_DOCTOR.npi
    assert {row.program for row in first.time} == {Program.CCM}
    assert {row.program for row in second.time} == {Program.BHI}


def test_a_month_in_which_nothing_bills_has_no_superbill() -> None:
    assert CASE.with_determination(lines=()).built() == ()


def test_a_line_that_waits_for_a_choice_is_named_and_not_billable() -> None:
    bill = CASE.with_determination(decisions_needed=(TRACK_NEEDED,)).only()

    assert [line.code for line in bill.lines] == ["99484"]
    assert [each.code for each in bill.withheld] == ["99490", "99439"]
    assert missing_codes(bill) == ["DECISION_TRACK"]
    assert not bill.is_ready
    assert bill.allowed_total == BHI_LINE.allowed


def test_a_month_with_nothing_but_an_open_choice_is_still_listed() -> None:
    bill = CASE.with_determination(
        lines=(FIRST_LINE, ADD_ON), decisions_needed=(TRACK_NEEDED,)
    ).only()

    assert bill.lines == ()
    assert not bill.is_ready
    assert "staff or practitioner" in bill.missing[0].message


def test_totals_add_up_and_one_unknown_amount_makes_them_unknown() -> None:
    assert CASE.only().allowed_total == Decimal("170.17")
    unpriced = CASE.with_determination(lines=(FIRST_LINE, replace(ADD_ON, allowed=None))).only()
    assert unpriced.allowed_total is None
    assert unpriced.lines[1].fee_source is None


def test_an_allowed_amount_names_its_schedule_release_and_locality() -> None:
    source = CASE.only().lines[0].fee_source

    assert source is not None
    assert (source.schedule, source.locality) == ("medicare-2026", None)
    assert source.release.startswith("RVU26")
    assert source.text.endswith("national, nonfacility")


def test_a_line_says_at_how_many_minutes_its_last_unit_is_reached() -> None:
    two = replace(ADD_ON, units=2, earned_units=2, minutes=60)
    lines = CASE.with_determination(lines=(FIRST_LINE, two, BHI_LINE)).only().lines

    assert [line.needed_minutes for line in lines] == [20, 60, None]


def test_charges_come_from_the_practices_schedule_times_units() -> None:
    two = replace(ADD_ON, units=2)
    listed = read_schedule(
        "code,amount,effective_from\n99490,95.00,2026-01-01\n99439,70.00,2026-01-01\n", name="own"
    )
    charges = Charges({EVERY_PAYER: listed})
    bill = replace(CASE.with_determination(lines=(FIRST_LINE, two)), charges=charges).only()

    assert [line.charge for line in bill.lines] == [Decimal("95.00"), Decimal("140.00")]
    assert bill.charge_total == Decimal("235.00")
    assert CASE.only().charge_total is None


# Diagnoses


def test_each_program_points_at_its_own_conditions() -> None:
    bill = CASE.only()

    assert [each.icd10 for each in bill.diagnoses] == ["E11.22", "I50.32", "F33.1"]
    pointers = {line.code: line.diagnosis_pointers for line in bill.lines}
    assert pointers == {"99490": ("A", "B", "C"), "99439": ("A", "B", "C"), "99484": ("C",)}


def test_principal_care_management_points_at_its_one_condition() -> None:
    pcm = replace(ENROLLMENTS[0], program=Program.PCM, condition="I50.32")
    line = replace(FIRST_LINE, program=Program.PCM, code="99426")
    bill = CASE.with_facts(enrollments=(pcm,)).with_determination(lines=(line,)).only()

    assert [each.icd10 for each in bill.diagnoses] == ["I50.32"]
    assert bill.lines[0].diagnosis_pointers == ("A",)


@pytest.mark.parametrize(("months", "is_on_it"), [(11, False), (12, True), (13, True)])
def test_a_condition_of_chronic_care_lasts_twelve_months_or_more(
    months: int, is_on_it: bool
) -> None:
    conditions = (*CONDITIONS[:2], replace(CONDITIONS[3], behavioral=False, expected_months=months))
    case = CASE.with_facts(patient=PatientFacts(id=PATIENT.id, conditions=conditions))
    bill = case.with_determination(lines=(FIRST_LINE,)).only()

    assert ("F33.1" in {each.icd10 for each in bill.diagnoses}) is is_on_it


def test_a_claim_takes_twelve_diagnoses_and_four_pointers() -> None:
    bill = crowded().only()

    assert [each.letter for each in bill.diagnoses] == list("ABCDEFGHIJKL")
    assert bill.diagnoses_left_out == 2
    assert all(len(line.diagnosis_pointers) <= 4 for line in bill.lines)


def test_what_a_line_points_at_is_never_crowded_out_by_another_programs_diagnoses() -> None:
    physical = (
        Condition(
            id=f"c{number}",
            icd10=f"E11.{number}",
            expected_months=120,
            significant_risk=True,
            behavioral=False,
        )
        for number in range(10, 25)
    )
    conditions = (*physical, CONDITIONS[3])
    bill = CASE.with_facts(patient=PatientFacts(id=PATIENT.id, conditions=conditions)).only()

    behavioral = next(line for line in bill.lines if line.code == "99484")
    (letter,) = behavioral.diagnosis_pointers
    assert {each.letter: each.icd10 for each in bill.diagnoses}[letter] == "F33.1"


def test_transitional_care_points_at_what_is_on_the_chart() -> None:
    line = replace(FIRST_LINE, program=Program.TCM, code="99496", minutes=None, entries=())
    bill = CASE.with_determination(lines=(line,)).only()

    assert [each.icd10 for each in bill.diagnoses] == ["E11.22", "I50.32", "J06.9", "F33.1"]


# People and time


def test_performed_by_names_each_person_with_minutes_that_add_up_to_the_line() -> None:
    line = CASE.only().lines[0]

    assert [(each.signature, each.minutes) for each in line.performed_by] == [
        ("Rosa Delgado, RN", 30),
        (f"{ASSISTANT.name}, CMA", 12),
    ]
    assert sum(each.minutes for each in line.performed_by) == line.minutes


@pytest.mark.parametrize(
    ("seconds", "shares"),
    [([1199], (19,)), ([1200], (20,)), ([59, 59], (1, 0)), ([30, 30], (1, 0)), ([], ())],
)
def test_shared_minutes_are_floored_once(seconds: list[int], shares: tuple[int, ...]) -> None:
    assert minutes_by_share(seconds) == shares


def test_the_practitioner_renders_and_the_named_supervisor_supervises() -> None:
    enrollment = replace(ENROLLMENTS[0], supervising_practitioner=SECOND_DOCTOR.id)
    line = CASE.with_facts(enrollments=(enrollment, ENROLLMENTS[1])).only().lines[0]

    assert line.rendering is not None
    assert line.supervising is not None
    assert (line.rendering.npi, line.supervising.npi) == (DOCTOR.npi, SECOND_DOCTOR.npi)


def test_every_entry_stands_on_page_two_with_what_counted_or_why_not() -> None:
    rows = {row.entry_id: row for row in CASE.only().time}

    assert sorted(rows) == ["t1", "t2", "t3", "t4", "t5"]
    assert (rows["t1"].seconds, rows["t1"].counted_seconds) == (1230, 1230)
    assert rows["t1"].started_at.isoformat() == "2026-11-03T10:00:00-05:00"
    assert rows["t4"].counted_seconds == 0
    (reason,) = rows["t4"].reasons
    assert reason[1] == "Time of non-clinical staff does not count."


def test_no_words_of_a_note_reach_a_superbill() -> None:
    assert "Secret words" not in repr(CASE.only())


def test_the_threshold_is_told_in_the_practices_zone() -> None:
    met_at = CASE.only().lines[0].threshold_met_at

    assert met_at is not None
    assert met_at.isoformat() == "2026-11-03T10:20:00-05:00"


def test_the_data_is_as_of_the_last_thing_recorded() -> None:
    assert CASE.only().data_as_of == datetime(2026, 11, 20, 16, tzinfo=UTC)
    no_time = replace(FIRST_LINE, entries=())
    bare = CASE.with_facts(time_entries=()).with_determination(lines=(no_time,)).only()
    assert bare.data_as_of == datetime(2026, 12, 1, 5, tzinfo=UTC)


def test_time_of_a_program_that_nobody_bills_is_still_shown() -> None:
    stray = entry("t9", 8, program=Program.APCM)
    rows = CASE.with_facts(time_entries=(*ENTRIES, stray)).only().time

    assert "t9" in {row.entry_id for row in rows}


# Rules and records


def test_rules_that_a_line_met_come_with_value_date_and_citation() -> None:
    bill = CASE.only()
    rules = {rule.rule_id: rule for rule in bill.rules}

    assert rules["ccm.time"].in_force_since == date(2015, 1, 1)
    assert rules["bhi.time"].in_force_since is None
    assert rules["ccm.time"].citations == ("pfs-2015-final-rule#p67721",)
    assert rules["ccm.time"].values == ("ccm.clinical_staff.initial.minutes = 20 since 2015-01-01",)
    assert {source.id for source in bill.sources} == {"pfs-2015-final-rule", "pfs-2020-final-rule"}


def test_without_a_trace_the_lines_still_name_the_rules_they_met() -> None:
    bill = CASE.with_determination(trace=None).only()

    assert bill.rules == ()
    assert bill.lines[0].rules == ("ccm.time",)


def test_what_is_not_billed_says_why() -> None:
    (blocked,) = CASE.only().not_billed

    assert (blocked.program, blocked.codes) == (Program.PCM, ("99426",))
    assert blocked.reason == "CONSENT_MISSING"


def test_consent_plan_visit_and_scale_are_on_file_with_their_dates() -> None:
    records = {record.kind: record.text for record in CASE.only().records}

    assert records["Consent"] == "obtained 02/27/2026, verbal, by Rosa Delgado, RN, documented"
    assert (
        records["Care plan"] == "established 03/02/2026, revised 11/18/2026, copy given 03/05/2026"
    )
    assert records["Initiating visit"] == "02/27/2026, 99214, Ingrid Vale, MD, discussed CCM"
    assert records["Rating scale"] == "PHQ-9 11/20/2026, score 11"


def test_unknown_facts_are_said_to_be_not_recorded() -> None:
    case = CASE.with_facts(
        consents=(Consent(program=Program.CCM),),
        initiating_visits=UNKNOWN,
        care_plans=UNKNOWN,
        rating_scales=(RatingScale(instrument="GAD-7", on=date(2026, 11, 4)),),
    )
    records = {record.kind: record.text for record in case.only().records}

    assert records == {
        "Consent": "date not recorded",
        "Rating scale": "GAD-7 11/04/2026, no score recorded",
    }


def test_decision_making_registry_and_reviews_are_on_file() -> None:
    cocm = replace(BHI_LINE, program=Program.COCM, code="99493")
    case = CASE.with_determination(lines=(FIRST_LINE, cocm)).with_facts(
        medical_decision_making=(
            DecisionMaking(
                program=Program.CCM, level=MdmLevel.HIGH, by=DOCTOR.id, on=date(2026, 11, 9)
            ),
            DecisionMaking(
                program=Program.CCM, level=MdmLevel.LOW, by=DOCTOR.id, on=date(2026, 10, 9)
            ),
        ),
        registry_entered_on=date(2026, 9, 1),
        caseload_reviews=(
            CaseloadReview(on=date(2026, 11, 6), consultant="gone"),
            CaseloadReview(on=date(2026, 11, 13), consultant="gone"),
            CaseloadReview(on=date(2026, 11, 20)),
            CaseloadReview(on=date(2026, 10, 6), consultant=DOCTOR.id),
        ),
    )
    texts = [(record.kind, record.text) for record in case.only().records]

    assert ("Decision making", "high, 11/09/2026, Ingrid Vale, MD") in texts
    assert not any("10/09/2026" in text for _, text in texts)
    assert ("Registry", "entered 09/01/2026") in texts
    assert [text for kind, text in texts if kind == "Caseload review"] == [
        "11/06/2026, 11/13/2026, someone outside the practice",
        "11/20/2026",
    ]


def test_a_transitional_line_shows_its_discharge_contact_visit_and_reconciliation() -> None:
    discharge = Discharge(
        id="d1",
        discharged_on=date(2026, 10, 30),
        contacts=(
            DischargeContact(
                at=datetime(2026, 11, 2, 15, tzinfo=UTC),
                outcome=ContactOutcome.REACHED,
                by=NURSE.id,
            ),
        ),
        visit=DischargeVisit(on=date(2026, 11, 5), by=DOCTOR.id),
        mdm=MdmLevel.HIGH,
        medications_reconciled_on=date(2026, 11, 5),
    )
    line = replace(FIRST_LINE, program=Program.TCM, code="99496", minutes=None, entries=())
    bill = CASE.with_facts(discharges=(discharge,)).with_determination(lines=(line,)).only()

    (record,) = [each for each in bill.records if each.kind == "Discharge"]
    assert record.text == (
        "discharged 10/30/2026; contact 11/02/2026; visit 11/05/2026; "
        "medications reconciled 11/05/2026; decision making high"
    )


# Pre-flight


@pytest.mark.parametrize(
    ("case", "code"),
    [
        (replace(CASE, practice=replace(PRACTICE, npi=None)), "PRACTICE_NPI"),
        (replace(CASE, practice=replace(PRACTICE, tin=None)), "PRACTICE_TIN"),
        (replace(CASE, practice=replace(PRACTICE, postal_code="")), "PRACTICE_ADDRESS"),
        (CASE.with_patient(birth_date=None), "BIRTH_DATE"),
        (CASE.with_patient(sex=None), "SEX"),
        (CASE.with_patient(coverage=None), "PAYER"),
        (CASE.with_patient(coverage=Coverage(payer_name="Medicare")), "MEMBER_ID"),
        (replace(CASE, staff=(replace(DOCTOR, npi=None), NURSE, ASSISTANT)), "RENDERING_NPI"),
        (replace(CASE, staff=(NURSE, ASSISTANT)), "BILLING_PRACTITIONER"),
        (
            replace(
                CASE.with_facts(
                    enrollments=(
                        replace(ENROLLMENTS[0], supervising_practitioner=NURSE.id),
                        ENROLLMENTS[1],
                    )
                )
            ),
            "SUPERVISING_NPI",
        ),
        (
            CASE.with_facts(
                patient=PatientFacts(
                    id=PATIENT.id,
                    conditions=(*CONDITIONS, replace(CONDITIONS[0], id="c9", icd10=None)),
                )
            ),
            "ICD10_NEEDED",
        ),
        (CASE.with_facts(patient=PatientFacts(id=PATIENT.id, conditions=())), "DIAGNOSES"),
        (
            CASE.with_facts(patient=PatientFacts(id=PATIENT.id, conditions=CONDITIONS[:2])),
            "DIAGNOSIS_POINTER",
        ),
    ],
)
def test_preflight_names_the_one_thing_that_is_missing(case: Case, code: str) -> None:
    bill = case.only()

    assert missing_codes(bill) == [code]
    assert not bill.is_ready


def test_preflight_names_everything_at_once_and_nobody() -> None:
    case = replace(
        CASE.with_patient(coverage=None, birth_date=None),
        practice=replace(PRACTICE, npi=None, tin=None),
    )
    bill = case.only()

    assert missing_codes(bill) == ["PRACTICE_NPI", "PRACTICE_TIN", "BIRTH_DATE", "PAYER"]
    assert not any(PATIENT.family_name in each.message for each in bill.missing)


# Notes


def test_a_qualified_medicare_beneficiary_is_not_charged_and_the_superbill_says_so() -> None:
    note = CASE.with_patient(qualified_medicare_beneficiary=True).only().notes

    assert any("may not be charged" in words for words in note)
    assert CASE.only().notes == ()
    assert CASE.with_patient(qualified_medicare_beneficiary=UNKNOWN).only().notes == ()


def test_a_nurse_practitioners_smaller_fee_is_pointed_out() -> None:
    case = CASE.with_determination(lines=(replace(FIRST_LINE, by=SECOND_DOCTOR.id),)).with_facts(
        enrollments=(replace(ENROLLMENTS[0], billing_practitioner=SECOND_DOCTOR.id),)
    )

    assert any("physician's amount" in words for words in case.only().notes)


def test_an_enrollment_of_another_time_does_not_name_the_supervisor() -> None:
    old = replace(
        ENROLLMENTS[0],
        started_on=date(2025, 1, 1),
        ended_on=date(2025, 12, 31),
        supervising_practitioner=SECOND_DOCTOR.id,
    )
    later = replace(
        ENROLLMENTS[0], started_on=date(2026, 12, 1), supervising_practitioner=SECOND_DOCTOR.id
    )
    line = CASE.with_facts(enrollments=(ENROLLMENTS[0], old, later)).only().lines[0]

    assert line.supervising == line.rendering


def test_an_entry_without_a_person_says_so() -> None:
    nobody = replace(ENTRIES[3], staff_id=None)
    rows = {
        row.entry_id: row
        for row in CASE.with_facts(time_entries=(*ENTRIES[:3], nobody)).only().time
    }

    assert rows["t4"].person == "Not recorded"


def test_the_month_and_the_rule_book_are_the_determinations() -> None:
    bill = CASE.only()

    assert bill.service_month == NOVEMBER
    assert bill.rule_book_fingerprint == DETERMINATION.rule_book_fingerprint
    assert bill.ledger_head == CASE.ledger_head
    assert FACTS.service_month == bill.service_month
