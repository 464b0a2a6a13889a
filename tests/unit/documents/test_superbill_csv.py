"""CSV for practice-management systems: a stable head, codes as text, nothing that runs."""

import csv
import io
from dataclasses import replace

import pytest

from tests.support.superbill_case import CASE, FIRST_LINE, crowded, finished_bill
from trellis_core.documents.superbill_csv import superbill_csv

FIRST_COLUMNS = [
    "line_id",
    "superbill_number",
    "version",
    "replaces",
    "patient_id",
    "mrn",
    "last_name",
    "first_name",
    "birth_date",
    "sex",
    "payer",
    "member_id",
    "program",
    "code",
    "modifiers",
    "units",
    "date_of_service",
    "place_of_service",
    "diagnoses",
    "diagnosis_pointers",
    "minutes",
    "charge",
    "allowed",
    "schedule",
    "rendering_name",
    "rendering_npi",
    "supervising_name",
    "supervising_npi",
    "billing_name",
    "billing_npi",
    "billing_tin",
    "performed_by",
]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_first_columns_are_the_contracts() -> None:
    header = superbill_csv([]).removesuffix("\r\n").split(",")

    assert header[: len(FIRST_COLUMNS)] == FIRST_COLUMNS
    assert len(set(header)) == len(header)


def test_there_is_one_row_for_each_line_with_its_facts() -> None:
    first, *others = rows(superbill_csv([CASE.only()]))

    assert [row["code"] for row in others] == ["99439", "99484"]
    expected = {
        "superbill_number": "",
        "version": "1",
        "mrn": "W-00412",
        "last_name": "O\u2019Brien",
        "birth_date": "1948-02-09",
        "member_id": "1EG4TE5MK73",
        "program": "CCM",
        "code": "99490",
        "units": "1",
        "date_of_service": "2026-11-30",
        "place_of_service": "11",
        "diagnoses": "A:E11.22 B:I50.32 C:F33.1",
        "diagnosis_pointers": "ABC",
        "minutes": "42",
        "charge": "",
        "allowed": "66.13",
        "schedule": "medicare-2026",
        "rendering_npi": "1245319599",
        "supervising_npi": "1245319599",
        "billing_npi": "1234567893",
        "billing_tin": "12-3456789",
        "locality": "national",
        "threshold_met_at": "2026-11-03T10:20:00-05:00",
    }
    assert {key: first[key] for key in expected} == expected
    assert first["performed_by"].startswith("Rosa Delgado, RN 30 min; ")


def test_lines_end_with_carriage_return_and_line_feed() -> None:
    text = superbill_csv([CASE.only()])

    assert text.count("\r\n") == text.count("\n") == 4


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\x00", " =", "\uff1d"])
def test_a_text_that_a_spreadsheet_would_run_is_neutralised(start: str) -> None:
    text = superbill_csv([CASE.with_patient(family_name=f"{start}HYPERLINK(1)").only()])

    assert rows(text)[0]["last_name"].startswith("'")
    assert "\x00" not in text


def test_a_quote_a_comma_and_a_line_break_stay_inside_their_cell() -> None:
    name = 'Vale, "Inga"\nSmith'
    text = superbill_csv([CASE.with_patient(family_name=name).only()])

    assert rows(text)[0]["last_name"] == name


def test_codes_that_begin_with_a_letter_or_zero_stay_text() -> None:
    line = replace(FIRST_LINE, code="G0506")
    case = CASE.with_determination(lines=(line,)).with_patient(mrn="00412")
    (row,) = rows(superbill_csv([replace(case.only(), number=12)]))

    assert (row["code"], row["mrn"], row["superbill_number"]) == ("G0506", "00412", "12")


def test_what_is_missing_is_a_column() -> None:
    assert rows(superbill_csv([CASE.with_patient(sex=None).only()]))[0]["missing"] == "SEX"


def test_every_line_of_a_crowded_month_is_a_row() -> None:
    assert len(rows(superbill_csv([crowded().only()]))) == 22


def test_whose_list_who_attested_and_who_approved_are_columns() -> None:
    first, _, last = rows(superbill_csv([finished_bill()]))

    assert (first["charge"], last["charge"]) == ("95.00", "80.00")
    expected = {
        "charge_schedule": "Office list 2026",
        "approved_by": "Beatriz Cuenta",
        "attested_by": "Ingrid Vale, MD",
        "cautions": "CHARGE_BELOW_ALLOWED",
        "replaced_by": "15",
        "status": "issued",
    }
    assert {key: last[key] for key in expected} == expected
    (plain, *_) = rows(superbill_csv([CASE.only()]))
    assert {plain[key] for key in ("charge", "charge_schedule", "approved_by", "attested_by")} == {
        ""
    }
