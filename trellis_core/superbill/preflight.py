"""The pre-flight: what a claim still needs, everything at once, and what a person should look at.

What is missing or malformed stands between a draft and a claim. A caution stands in nobody's way.
Each has a code of ``PreflightCode``; where it is recorded follows from the code alone.
"""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final

from trellis_core.care.people import Patient, Practice
from trellis_core.care.vocabulary import PayerKind, Program
from trellis_core.rules.determination import ServiceLine
from trellis_core.superbill.bill import (
    DIAGNOSES_MAX,
    Diagnosis,
    Missing,
    Practitioner,
    SuperbillLine,
    day_text,
)
from trellis_core.superbill.material import Material
from trellis_core.values import icd10_table
from trellis_core.values.codes import is_icd10, is_mbi, is_npi, is_place_of_service, is_tin

SEXES: Final = frozenset({"female", "male", "other", "unknown"})
"""A sex as charts have it."""

LEAST_DIAGNOSES: Final = {Program.CCM: 2}
"""Programs whose service is for several conditions: a claim with fewer diagnoses is turned down."""

_ZIP: Final = re.compile(r"\d{5}(-?\d{4})?", re.ASCII)
_STATE: Final = re.compile(r"[A-Z]{2}", re.ASCII)


class PreflightCode(StrEnum):
    """What the pre-flight finds; an open choice has a code of its own, ``DECISION_`` and the question."""

    PRACTICE_NPI = "PRACTICE_NPI"
    PRACTICE_NPI_MALFORMED = "PRACTICE_NPI_MALFORMED"
    PRACTICE_TIN = "PRACTICE_TIN"
    PRACTICE_TIN_MALFORMED = "PRACTICE_TIN_MALFORMED"
    PRACTICE_ADDRESS = "PRACTICE_ADDRESS"
    PRACTICE_ADDRESS_MALFORMED = "PRACTICE_ADDRESS_MALFORMED"
    PLACE_OF_SERVICE = "PLACE_OF_SERVICE"
    BILLING_PRACTITIONER = "BILLING_PRACTITIONER"
    RENDERING_NPI = "RENDERING_NPI"
    RENDERING_NPI_MALFORMED = "RENDERING_NPI_MALFORMED"
    SUPERVISING_NPI = "SUPERVISING_NPI"
    SUPERVISING_NPI_MALFORMED = "SUPERVISING_NPI_MALFORMED"
    BIRTH_DATE = "BIRTH_DATE"
    BIRTH_DATE_MALFORMED = "BIRTH_DATE_MALFORMED"
    SEX = "SEX"
    SEX_MALFORMED = "SEX_MALFORMED"
    PATIENT_ADDRESS = "PATIENT_ADDRESS"
    PATIENT_ADDRESS_MALFORMED = "PATIENT_ADDRESS_MALFORMED"
    PAYER = "PAYER"
    MEMBER_ID = "MEMBER_ID"
    MBI_MALFORMED = "MBI_MALFORMED"
    ICD10_NEEDED = "ICD10_NEEDED"
    ICD10_MALFORMED = "ICD10_MALFORMED"
    DIAGNOSES = "DIAGNOSES"
    DIAGNOSIS_POINTER = "DIAGNOSIS_POINTER"
    TWO_DIAGNOSES = "TWO_DIAGNOSES"

    ICD10_NOT_ON_FILE = "ICD10_NOT_ON_FILE"
    ICD10_HEADING = "ICD10_HEADING"
    ENROLLED_ELSEWHERE = "ENROLLED_ELSEWHERE"
    DIAGNOSES_LEFT_OUT = "DIAGNOSES_LEFT_OUT"
    AMOUNT_NOT_ON_FILE = "AMOUNT_NOT_ON_FILE"
    CHARGE_BELOW_ALLOWED = "CHARGE_BELOW_ALLOWED"
    CHARGE_NOT_ON_FILE = "CHARGE_NOT_ON_FILE"


CAUTIONS: Final = frozenset(
    {
        PreflightCode.ICD10_NOT_ON_FILE,
        PreflightCode.ICD10_HEADING,
        PreflightCode.ENROLLED_ELSEWHERE,
        PreflightCode.DIAGNOSES_LEFT_OUT,
        PreflightCode.AMOUNT_NOT_ON_FILE,
        PreflightCode.CHARGE_BELOW_ALLOWED,
        PreflightCode.CHARGE_NOT_ON_FILE,
    }
)
"""What stands in nobody's way."""


def what_is_missing(
    of: Material,
    *,
    services: Sequence[ServiceLine],
    lines: Sequence[SuperbillLine],
    diagnoses: Sequence[Diagnosis],
    billing: Practitioner | None,
    programs: set[Program],
) -> tuple[Missing, ...]:
    """Return everything that stands between a draft and a claim."""
    found = [
        Missing(
            code=f"DECISION_{each.question.upper()}",
            message=f"{each.program}: choose {each.question.replace('_', ' ')} "
            f"({' or '.join(each.options)}). Its lines are left out until a person has chosen.",
        )
        for each in of.determination.decisions_needed
        if each.program in programs
    ]
    found += _of_practice(of.practice)
    found += _of_place(lines)
    found += _of_patient(of)
    found += _of_coverage(of)
    found += _of_practitioners(lines, billing)
    found += _of_diagnoses(of, services, lines, diagnoses)
    return tuple(found)


def what_to_look_at(
    of: Material,
    *,
    lines: Sequence[SuperbillLine],
    diagnoses: Sequence[Diagnosis],
    left_out: int,
) -> tuple[Missing, ...]:
    """Return what a person should look at before a claim is sent; none of it stands in the way."""
    found = list(_odd_codes(diagnoses))
    if left_out:
        found.append(
            _needs(
                PreflightCode.DIAGNOSES_LEFT_OUT,
                f"A claim takes {DIAGNOSES_MAX} diagnoses; {left_out} more of the chart's conditions "
                "are left out.",
            )
        )
    found += [
        _needs(
            PreflightCode.ENROLLED_ELSEWHERE,
            f"{program}: the chart says that another practice has the patient in this program. "
            "Only one practice is paid for a month of it.",
        )
        for program in dict.fromkeys(line.program for line in lines)
        if program in of.elsewhere
    ]
    found += _odd_amounts(lines)
    return tuple(found)


# --- what stands in the way ---------------------------------------------------------------------


def _of_practice(practice: Practice) -> Iterable[Missing]:
    if not practice.npi:
        yield _needs(PreflightCode.PRACTICE_NPI, "Record the practice's NPI under Settings.")
    elif not is_npi(practice.npi):
        yield _needs(
            PreflightCode.PRACTICE_NPI_MALFORMED,
            "The practice's NPI under Settings is not one: it has ten digits, and the last one "
            "checks the others.",
        )
    if not practice.tin:
        yield _needs(
            PreflightCode.PRACTICE_TIN, "Record the practice's tax id (TIN) under Settings."
        )
    elif not is_tin(practice.tin):
        yield _needs(
            PreflightCode.PRACTICE_TIN_MALFORMED,
            "The practice's tax id (TIN) under Settings is not one: it has nine digits, such as "
            "12-3456789.",
        )
    if not (practice.address_line and practice.city and practice.state and practice.postal_code):
        yield _needs(
            PreflightCode.PRACTICE_ADDRESS,
            "Record the practice's address with its ZIP code under Settings.",
        )
    elif not _is_address(practice.state, practice.postal_code):
        yield _needs(
            PreflightCode.PRACTICE_ADDRESS_MALFORMED,
            "The practice's address under Settings needs a state of two letters and a ZIP code of "
            "five or nine digits.",
        )


def _of_place(lines: Sequence[SuperbillLine]) -> Iterable[Missing]:
    if any(not is_place_of_service(line.place_of_service) for line in lines):
        yield _needs(
            PreflightCode.PLACE_OF_SERVICE,
            "The place of service under Settings is not a code that payers know: it has two digits, "
            "for example 11 for an office. Patients of a site have the site's.",
        )


def _of_patient(of: Material) -> Iterable[Missing]:
    patient = of.patient
    if patient.birth_date is None:
        yield _needs(
            PreflightCode.BIRTH_DATE, "Record the patient's birth date on the chart, details."
        )
    elif patient.birth_date > of.month.last_day:
        yield _needs(
            PreflightCode.BIRTH_DATE_MALFORMED,
            "The patient's birth date on the chart, details, lies after the month.",
        )
    if not patient.sex:
        yield _needs(
            PreflightCode.SEX, "Record the patient's sex as the payer has it on the chart, details."
        )
    elif patient.sex not in SEXES:
        yield _needs(
            PreflightCode.SEX_MALFORMED,
            "The patient's sex on the chart, details, is not a word that a claim knows. Choose it "
            "again.",
        )
    yield from _of_address(patient)


def _of_address(patient: Patient) -> Iterable[Missing]:
    if not (patient.address_line and patient.city and patient.state and patient.postal_code):
        yield _needs(
            PreflightCode.PATIENT_ADDRESS,
            "Record the patient's address with state and ZIP code on the chart, details.",
        )
    elif not _is_address(patient.state, patient.postal_code):
        yield _needs(
            PreflightCode.PATIENT_ADDRESS_MALFORMED,
            "The patient's address on the chart, details, needs a state of two letters and a ZIP code "
            "of five or nine digits.",
        )


def _of_coverage(of: Material) -> Iterable[Missing]:
    coverage = of.patient.coverage
    if coverage is None:
        yield _needs(
            PreflightCode.PAYER,
            f"No coverage is on record for {of.month}. Record the patient's coverage in that month.",
        )
    elif not coverage.member_id:
        yield _needs(
            PreflightCode.MEMBER_ID,
            "Record the member id of the patient's coverage on the chart, details.",
        )
    elif coverage.kind is PayerKind.MEDICARE and not is_mbi(coverage.member_id):
        yield _needs(
            PreflightCode.MBI_MALFORMED,
            "The member id of the patient's Medicare coverage does not have the form of one: eleven "
            "characters as on the card, without S, L, O, I, B and Z. Copy it from the card.",
        )


def _of_practitioners(
    lines: Sequence[SuperbillLine], billing: Practitioner | None
) -> Iterable[Missing]:
    if billing is None:
        yield _needs(
            PreflightCode.BILLING_PRACTITIONER,
            "Name the billing practitioner on the chart, enrollment.",
        )
    elif not billing.npi:
        yield _needs(
            PreflightCode.RENDERING_NPI, "Record the billing practitioner's own NPI under People."
        )
    elif not is_npi(billing.npi):
        yield _needs(
            PreflightCode.RENDERING_NPI_MALFORMED,
            "The billing practitioner's NPI under People is not one: it has ten digits, and the last "
            "one checks the others.",
        )
    others = {
        line.supervising.npi or ""
        for line in lines
        if line.supervising is not None and line.supervising != line.rendering
    }
    if "" in others:
        yield _needs(
            PreflightCode.SUPERVISING_NPI,
            "Record the supervising practitioner's NPI under People.",
        )
    if any(each and not is_npi(each) for each in others):
        yield _needs(
            PreflightCode.SUPERVISING_NPI_MALFORMED,
            "The supervising practitioner's NPI under People is not one: it has ten digits, and the "
            "last one checks the others.",
        )


def _of_diagnoses(
    of: Material,
    services: Sequence[ServiceLine],
    lines: Sequence[SuperbillLine],
    diagnoses: Sequence[Diagnosis],
) -> Iterable[Missing]:
    uncoded = {
        condition.id or condition.text
        for line in services
        for condition in of.conditions(line.program)
        if condition.icd10 is None
    }
    if uncoded:
        yield _needs(
            PreflightCode.ICD10_NEEDED,
            f"Give {len(uncoded)} condition(s) an ICD-10-CM code; "
            "another coding alone does not go on a claim.",
        )
    malformed = [each.letter for each in diagnoses if not is_icd10(each.icd10)]
    if malformed:
        yield _needs(
            PreflightCode.ICD10_MALFORMED,
            f"The code of diagnosis {', '.join(malformed)} does not have the form of an ICD-10-CM "
            "code, such as E11.9. Correct it on the chart, conditions.",
        )
    without = sorted({line.program for line in lines if not line.diagnosis_pointers})
    if lines and not diagnoses:
        yield _needs(PreflightCode.DIAGNOSES, "Record the diagnoses that the services were for.")
    elif without:
        yield _needs(
            PreflightCode.DIAGNOSIS_POINTER, f"Record the diagnosis for {', '.join(without)}."
        )
    few = {
        line.program: LEAST_DIAGNOSES[line.program]
        for line in lines
        if 0 < len(line.diagnosis_pointers) < LEAST_DIAGNOSES.get(line.program, 0)
    }
    for program, least in few.items():
        yield _needs(
            PreflightCode.TWO_DIAGNOSES,
            f"{program} is for several conditions: its lines need {least} diagnoses. Record another on "
            "the chart, conditions, or have it attested.",
        )


def _is_address(state: str, postal_code: str) -> bool:
    return bool(_STATE.fullmatch(state) and _ZIP.fullmatch(postal_code))


# --- what a person should look at ---------------------------------------------------------------


def _odd_codes(diagnoses: Sequence[Diagnosis]) -> Iterable[Missing]:
    odd: dict[PreflightCode, list[str]] = {}
    for each in diagnoses:
        if not is_icd10(each.icd10):
            continue
        kind = _kind_of(each.icd10)
        if kind is not None:
            odd.setdefault(kind, []).append(each.letter)
    if not odd:
        return
    table = icd10_table.about()
    on_file = (
        f"the ICD-10-CM table on file ({table.release}, from {day_text(table.in_force_since)})"
    )
    if unknown := odd.get(PreflightCode.ICD10_NOT_ON_FILE):
        yield _needs(
            PreflightCode.ICD10_NOT_ON_FILE,
            f"The code of diagnosis {', '.join(unknown)} is not in {on_file}. It may be of another "
            "release, or mistyped.",
        )
    if headings := odd.get(PreflightCode.ICD10_HEADING):
        yield _needs(
            PreflightCode.ICD10_HEADING,
            f"The code of diagnosis {', '.join(headings)} is a heading in {on_file}. A claim takes one "
            "of the codes under it.",
        )


@lru_cache(maxsize=4_096)
def _kind_of(code: str) -> PreflightCode | None:
    """Say what is odd about a code of the right form; None for nothing."""
    found = icd10_table.lookup(code)
    if found is None:
        return PreflightCode.ICD10_NOT_ON_FILE
    return None if found.is_billable else PreflightCode.ICD10_HEADING


def _odd_amounts(lines: Sequence[SuperbillLine]) -> Iterable[Missing]:
    unpriced = [line.code for line in lines if line.allowed is None]
    if unpriced:
        yield _needs(
            PreflightCode.AMOUNT_NOT_ON_FILE,
            f"No allowed amount is on file for {_listed(unpriced)} on the date of service.",
        )
    low = [
        line.code
        for line in lines
        if line.charge is not None and line.allowed is not None and line.charge < line.allowed
    ]
    if low:
        yield _needs(
            PreflightCode.CHARGE_BELOW_ALLOWED,
            f"The charge for {_listed(low)} is below the allowed amount. A payer pays no more than "
            "was charged.",
        )
    uncharged = [line.code for line in lines if line.charge is None]
    if uncharged and len(uncharged) < len(lines):
        yield _needs(
            PreflightCode.CHARGE_NOT_ON_FILE,
            f"No list of charges has {_listed(uncharged)} on the date of service, while other lines "
            "have a charge.",
        )


def _listed(codes: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(codes))


def _needs(code: PreflightCode, message: str) -> Missing:
    return Missing(code=code.value, message=message)
