"""What a claim lacks, field by field: absent, malformed, and right at both sides of each rule."""

import csv
import io
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.support.superbill_case import (
    CASE,
    CONDITIONS,
    DETERMINATION,
    DOCTOR,
    ENROLLMENTS,
    FACTS,
    FIRST_LINE,
    PATIENT,
    PRACTICE,
    SECOND_DOCTOR,
    STAFF,
    Case,
    crowded,
)
from trellis_core.care.people import Coverage
from trellis_core.care.vocabulary import PayerKind, Program
from trellis_core.documents.superbill_csv import superbill_csv
from trellis_core.fees import read_schedule
from trellis_core.rules.facts import PatientFacts
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.superbill import CAUTIONS, EVERY_PAYER, Charges, PreflightCode, build_superbills
from trellis_core.values import icd10_table


def missing(case: Case) -> list[str]:
    return [each.code for each in case.only().missing]


def cautions(case: Case) -> list[str]:
    return [each.code for each in case.only().cautions]


def of_practice(**changes: Any) -> Case:
    return replace(CASE, practice=replace(PRACTICE, **changes))


def insured(member_id: str | None, kind: PayerKind = PayerKind.MEDICARE) -> Case:
    return CASE.with_patient(coverage=Coverage(payer_name="P", kind=kind, member_id=member_id))


def billed_by(npi: str | None) -> Case:
    staff = tuple(replace(each, npi=npi) if each.id == DOCTOR.id else each for each in STAFF)
    return replace(CASE, staff=staff)


def supervised_by(npi: str | None) -> Case:
    staff = tuple(replace(each, npi=npi) if each.id == SECOND_DOCTOR.id else each for each in STAFF)
    enrollments = tuple(
        replace(each, supervising_practitioner=SECOND_DOCTOR.id) for each in ENROLLMENTS
    )
    return replace(CASE.with_facts(enrollments=enrollments), staff=staff)


def with_codes(*codes: str) -> Case:
    """A month of chronic care alone, with these codes on the chart."""
    conditions = tuple(
        replace(CONDITIONS[0], id=f"c{place}", icd10=code) for place, code in enumerate(codes)
    )
    return CASE.with_facts(
        patient=PatientFacts(id=PATIENT.id, conditions=conditions)
    ).with_determination(lines=(FIRST_LINE,))


def test_a_complete_month_lacks_nothing_and_asks_for_no_look():
    assert (missing(CASE), cautions(CASE)) == ([], [])


@pytest.mark.parametrize(
    ("case", "code"),
    [
        (of_practice(npi=""), "PRACTICE_NPI"),
        (of_practice(npi="1234567890"), "PRACTICE_NPI_MALFORMED"),
        (of_practice(tin=None), "PRACTICE_TIN"),
        (of_practice(tin="00-0000000"), "PRACTICE_TIN_MALFORMED"),
        (of_practice(tin="1-23456789"), "PRACTICE_TIN_MALFORMED"),
        (of_practice(tin="12345678"), "PRACTICE_TIN_MALFORMED"),
        (of_practice(tin="123456789"), None),
        (of_practice(postal_code=""), "PRACTICE_ADDRESS"),
        (of_practice(postal_code="1304"), "PRACTICE_ADDRESS_MALFORMED"),
        (of_practice(postal_code="13045-0001"), None),
        (of_practice(place_of_service=""), "PLACE_OF_SERVICE"),
        (of_practice(place_of_service="1"), "PLACE_OF_SERVICE"),
        (of_practice(place_of_service="30"), "PLACE_OF_SERVICE"),
        (of_practice(place_of_service="22"), None),
        (billed_by(""), "RENDERING_NPI"),
        (billed_by("1245319590"), "RENDERING_NPI_MALFORMED"),
        (supervised_by(None), "SUPERVISING_NPI"),
        (supervised_by("1093817465"), "SUPERVISING_NPI_MALFORMED"),
        (supervised_by(SECOND_DOCTOR.npi), None),
        (CASE.with_patient(birth_date=None), "BIRTH_DATE"),
        (CASE.with_patient(birth_date=date(2026, 12, 1)), "BIRTH_DATE_MALFORMED"),
        (CASE.with_patient(birth_date=date(2026, 11, 30)), None),
        (CASE.with_patient(sex=None), "SEX"),
        (CASE.with_patient(sex="w"), "SEX_MALFORMED"),
        (CASE.with_patient(sex="unknown"), None),
        (CASE.with_patient(address_line=""), "PATIENT_ADDRESS"),
        (CASE.with_patient(state="New York"), "PATIENT_ADDRESS_MALFORMED"),
        (CASE.with_patient(postal_code="130456789"), None),
        (CASE.with_patient(coverage=None), "PAYER"),
        (insured(None), "MEMBER_ID"),
        (insured("", PayerKind.COMMERCIAL), "MEMBER_ID"),
        (insured("1EG4TE5MK7"), "MBI_MALFORMED"),
        (insured("1EG4TE5MK733"), "MBI_MALFORMED"),
        (insured("0EG4TE5MK73"), "MBI_MALFORMED"),
        (insured("1SG4TE5MK73"), "MBI_MALFORMED"),
        (insured("1EG4TE5MBZ3"), "MBI_MALFORMED"),
        (insured("1EG-4TE5-MK73"), "MBI_MALFORMED"),
        (insured("1EG4-TE5-MK73"), None),
        (insured("anything", PayerKind.MEDICARE_ADVANTAGE), None),
        (with_codes("E119", "I10"), "ICD10_MALFORMED"),
        (with_codes("I10"), "TWO_DIAGNOSES"),
        (with_codes("E11.9", "I10"), None),
        (with_codes(), "DIAGNOSES"),
    ],
)
def test_each_field_is_named_when_it_is_absent_or_malformed(case: Case, code: str | None):
    assert missing(case) == ([] if code is None else [code])
    assert not any(each.code in CAUTIONS for each in case.only().missing)


def test_one_diagnosis_is_enough_for_a_program_that_is_for_one():
    behavioral = (CONDITIONS[3],)
    case = CASE.with_facts(
        patient=PatientFacts(id=PATIENT.id, conditions=behavioral)
    ).with_determination(lines=tuple(x for x in DETERMINATION.lines if x.program is Program.BHI))
    assert missing(case) == []


@pytest.mark.parametrize(
    ("codes", "found"),
    [
        (("E11.9", "I10"), []),
        (("E11.9", "I10.99"), ["ICD10_NOT_ON_FILE"]),
        (("E11", "I10"), ["ICD10_HEADING"]),
    ],
)
def test_a_code_that_the_table_lacks_is_a_caution_that_names_the_table(
    codes: tuple[str, ...], found: list[str]
):
    bill = with_codes(*codes).only()
    assert [each.code for each in bill.cautions] == found
    assert bill.is_ready
    assert not (found and bill.is_clean)
    table = icd10_table.about()
    for each in bill.cautions:
        assert table.release in each.message
        assert f"{table.in_force_since:%m/%d/%Y}" in each.message
        assert codes[0] not in each.message


def charged(text: str) -> Case:
    lines = "code,amount,effective_from\n" + text
    return replace(CASE, charges=Charges({EVERY_PAYER: read_schedule(lines, name="own")}))


@pytest.mark.parametrize(
    ("charges", "found"),
    [
        ("99490,66.13,2026-01-01\n99439,50.44,2026-01-01\n99484,53.60,2026-01-01\n", []),
        (
            "99490,66.12,2026-01-01\n99439,50.44,2026-01-01\n99484,53.60,2026-01-01\n",
            ["CHARGE_BELOW_ALLOWED"],
        ),
        ("99490,66.13,2026-01-01\n99439,50.44,2026-01-01\n", ["CHARGE_NOT_ON_FILE"]),
        ("G0556,20.00,2026-01-01\n", []),
    ],
)
def test_charges_below_what_is_allowed_or_not_there_are_looked_at(charges: str, found: list[str]):
    case = charged(charges)
    assert (cautions(case), missing(case)) == (found, [])


def test_an_amount_that_is_not_on_file_and_diagnoses_left_out_are_looked_at():
    unpriced = replace(FIRST_LINE, allowed=None, unit_allowed=None)
    assert cautions(CASE.with_determination(lines=(unpriced,))) == ["AMOUNT_NOT_ON_FILE"]
    assert "DIAGNOSES_LEFT_OUT" in {each.code for each in crowded().built()[0].cautions}


@pytest.mark.parametrize(("program", "found"), [("CCM", ["ENROLLED_ELSEWHERE"]), ("PCM", [])])
def test_a_program_that_another_practice_has_the_patient_in_is_looked_at(
    program: str, found: list[str]
):
    (bill,) = build_superbills(
        practice=PRACTICE,
        patient=PATIENT,
        staff=STAFF,
        facts=FACTS,
        determination=DETERMINATION,
        rule_book=load_rule_book(),
        elsewhere=[Program(program)],
    )
    assert [each.code for each in bill.cautions] == found


def test_every_code_says_what_and_where_in_a_sentence():
    codes = {each.value for each in PreflightCode}
    assert codes >= {each.value for each in CAUTIONS}
    for bill in (of_practice(npi="1", tin="1", place_of_service="x").only(), insured("1").only()):
        for each in bill.missing:
            assert each.message.endswith(".")


@pytest.mark.parametrize(
    ("entered", "kind", "claimed"),
    [
        ("1eg4-te5-mk73", PayerKind.MEDICARE, "1EG4TE5MK73"),
        ("W12-345-x", PayerKind.MEDICARE_ADVANTAGE, "W12-345-x"),
        (None, PayerKind.MEDICARE, ""),
    ],
)
def test_a_claim_has_a_medicare_id_without_the_cards_hyphens(
    entered: str | None, kind: PayerKind, claimed: str
):
    bill = insured(entered, kind).only()
    assert bill.member_id == claimed
    rows = csv.DictReader(io.StringIO(superbill_csv([bill])))
    assert {row["member_id"] for row in rows} == {claimed}
