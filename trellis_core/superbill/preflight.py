"""The pre-flight: what a claim still needs, everything at once."""

from collections.abc import Sequence

from trellis_core.care.vocabulary import Program
from trellis_core.rules.determination import ServiceLine
from trellis_core.superbill.bill import Diagnosis, Missing, Practitioner, SuperbillLine
from trellis_core.superbill.material import Material


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
    found += _missing_of_practice(of)
    found += _missing_of_patient(of)
    if billing is None:
        found.append(_needs("BILLING_PRACTITIONER", "Name the billing practitioner."))
    elif billing.npi is None:
        found.append(_needs("RENDERING_NPI", "Record the billing practitioner's own NPI."))
    if any(
        line.supervising is not None
        and line.supervising != line.rendering
        and line.supervising.npi is None
        for line in lines
    ):
        found.append(_needs("SUPERVISING_NPI", "Record the supervising practitioner's NPI."))
    found += _missing_diagnoses(of, services, lines, diagnoses)
    return tuple(found)


def _missing_of_practice(of: Material) -> list[Missing]:
    practice = of.practice
    has_address = practice.address_line and practice.city and practice.state
    needed = (
        (practice.npi, "PRACTICE_NPI", "Record the practice's NPI under Settings."),
        (practice.tin, "PRACTICE_TIN", "Record the practice's tax id (TIN) under Settings."),
        (
            has_address and practice.postal_code,
            "PRACTICE_ADDRESS",
            "Record the practice's address with its ZIP code under Settings.",
        ),
    )
    return [_needs(code, message) for value, code, message in needed if not value]


def _missing_of_patient(of: Material) -> list[Missing]:
    patient, coverage = of.patient, of.patient.coverage
    needed = (
        (patient.birth_date, "BIRTH_DATE", "Record the patient's birth date."),
        (patient.sex, "SEX", "Record the patient's sex as the payer has it."),
        (
            coverage,
            "PAYER",
            f"No coverage is on record for {of.month}. Record the patient's coverage in that month.",
        ),
        (
            coverage is None or coverage.member_id,
            "MEMBER_ID",
            "Record the member id of the patient's coverage.",
        ),
    )
    return [_needs(code, message) for value, code, message in needed if not value]


def _missing_diagnoses(
    of: Material,
    services: Sequence[ServiceLine],
    lines: Sequence[SuperbillLine],
    diagnoses: Sequence[Diagnosis],
) -> list[Missing]:
    found: list[Missing] = []
    uncoded = {
        condition.id or condition.text
        for line in services
        for condition in of.conditions(line.program)
        if condition.icd10 is None
    }
    if uncoded:
        found.append(
            _needs(
                "ICD10_NEEDED",
                f"Give {len(uncoded)} condition(s) an ICD-10-CM code; "
                "another coding alone does not go on a claim.",
            )
        )
    without = sorted({line.program for line in lines if not line.diagnosis_pointers})
    if lines and not diagnoses:
        found.append(_needs("DIAGNOSES", "Record the diagnoses that the services were for."))
    elif without:
        found.append(_needs("DIAGNOSIS_POINTER", f"Record the diagnosis for {', '.join(without)}."))
    return found


def what_to_look_at(
    of: Material,
    *,
    services: Sequence[ServiceLine],
    lines: Sequence[SuperbillLine],
    diagnoses: Sequence[Diagnosis],
) -> tuple[Missing, ...]:
    """Return what a person should look at before a claim is sent; none of it stands in the way."""
    del of, services, lines, diagnoses
    return ()


def _needs(code: str, message: str) -> Missing:
    return Missing(code=code, message=message)
