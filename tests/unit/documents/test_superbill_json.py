"""JSON of superbills keeps the keys that other systems read, and matches its own schema."""

import json
from dataclasses import replace

import jsonschema

from tests.support.superbill_case import CASE, NOVEMBER, PATIENT, TRACK_NEEDED, finished_bill
from trellis_core.documents.superbill_json import superbills_json, superbills_schema


def test_a_line_has_its_id_code_units_minutes_day_amounts_and_entries() -> None:
    answer = json.loads(json.dumps(superbills_json([CASE.only()], month=NOVEMBER)))

    (bill,) = answer["superbills"]
    assert (answer["month"], answer["schema"]) == ("2026-11", "trellis.superbills/1")
    assert (bill["number"], bill["patient"], bill["replaces"]) == (None, PATIENT.id, None)
    line = bill["lines"][0]
    expected = {
        "code": "99490",
        "units": 1,
        "minutes": 42,
        "date_of_service": "2026-11-30",
        "allowed": "66.13",
        "charge": None,
        "entries": ["t1", "t2", "t3"],
    }
    assert {key: line[key] for key in expected} == expected


def test_names_and_birth_dates_are_not_in_it() -> None:
    text = json.dumps(superbills_json([CASE.only()], month=NOVEMBER), ensure_ascii=False)

    assert PATIENT.family_name not in text
    assert "1948" not in text


def test_answers_match_the_schema() -> None:
    schema = superbills_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for case in (
        CASE,
        replace(CASE, ledger_head=None).with_patient(coverage=None),
        CASE.with_determination(decisions_needed=(TRACK_NEEDED,)),
    ):
        jsonschema.validate(superbills_json(case.built(), month=NOVEMBER), schema)
    jsonschema.validate(superbills_json([], month=NOVEMBER), schema)


def test_charges_attestations_and_what_became_of_it_are_in_it() -> None:
    answer = json.loads(json.dumps(superbills_json([finished_bill()], month=NOVEMBER)))
    jsonschema.validate(answer, superbills_schema())

    (bill,) = answer["superbills"]
    assert (bill["charge"], bill["number"], bill["replaced_by"]) == ("250.50", 12, 15)
    assert {line["charge_schedule"] for line in bill["lines"]} == {"Office list 2026"}
    assert [each["code"] for each in bill["cautions"]] == ["CHARGE_BELOW_ALLOWED"]
    assert bill["attestations"][0] == {
        "program": "CCM",
        "diagnoses": ["E11.22", "I50.32"],
        "by": "Ingrid Vale, MD",
        "at": "2026-12-01T09:00:00-05:00",
    }
    assert bill["track_time"] == [
        {"program": "CCM", "track": "staff", "seconds": 2535, "minutes": 42}
    ]


def test_every_key_is_in_the_schema() -> None:
    (bill,) = json.loads(json.dumps(superbills_json([finished_bill()], month=NOVEMBER)))[
        "superbills"
    ]
    described = json.loads(json.dumps(superbills_schema()))["properties"]["superbills"]["items"]

    assert set(bill) == set(described["properties"]) == set(described["required"])
    lines = described["properties"]["lines"]["items"]
    assert set(bill["lines"][0]) == set(lines["properties"]) == set(lines["required"])
