"""``trellis determine`` from outside: files, standard input, lists, refusals and forms."""

import io
import json
import sys
from pathlib import Path

import pytest

from trellis_core.cli import main

MONTH = {"service_month": "2026-11"}
FORTY_TWO_MINUTES = {
    "case": "42 staff minutes",
    "service_month": "2026-11",
    "practice": {"around_the_clock_access": True, "certified_ehr": True},
    "staff": [
        {"id": "dr-1", "role": "billing_practitioner", "credential": "MD", "npi": "1234567893"},
        {"id": "rn-1", "role": "clinical_staff", "credential": "RN"},
    ],
    "patient": {
        "id": "p-1",
        "deceased_on": None,
        "last_seen_on": "2025-12-20",
        "conditions": [
            {"icd10": "E11.9", "expected_months": 12, "significant_risk": True},
            {"icd10": "I10", "expected_months": 12, "significant_risk": True},
        ],
    },
    "enrollments": [
        {
            "program": "CCM",
            "started_on": "2026-01-05",
            "ended_on": None,
            "billing_practitioner": "dr-1",
            "track": None,
        }
    ],
    "consents": [
        {
            "program": "CCM",
            "obtained_on": "2026-01-05",
            "method": "verbal",
            "documented": True,
            "billing_practitioner": "dr-1",
            "obtained_by": "rn-1",
            "elements": ["availability", "cost_sharing", "one_practitioner", "right_to_stop"],
            "revoked_on": None,
        }
    ],
    "care_plans": [
        {
            "program": "CCM",
            "established_on": "2026-01-05",
            "revised_on": None,
            "copy_given_on": "2026-01-06",
        }
    ],
    "time_entries": [
        {
            "id": "t1",
            "program": "CCM",
            "staff": "rn-1",
            "started_at": "2026-11-03T10:00:00-05:00",
            "seconds": 1200,
            "activity": "medication_reconciliation",
        },
        {
            "id": "t2",
            "program": "CCM",
            "staff": "rn-1",
            "started_at": "2026-11-18T10:00:00-05:00",
            "seconds": 1320,
            "activity": "patient_contact",
        },
    ],
}


def write(tmp_path: Path, document: object, name: str = "case.json") -> str:
    file = tmp_path / name
    file.write_text(json.dumps(document), "utf-8")
    return str(file)


def refusal(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    captured = capsys.readouterr()
    assert captured.out == ""
    found: dict[str, str] = json.loads(captured.err)
    assert list(found) == ["error", "path", "message"]
    return found


def test_42_staff_minutes_earn_the_first_and_one_further_block(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["determine", write(tmp_path, FORTY_TWO_MINUTES)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"] == "trellis.determination/1"
    assert answer["case"] == "42 staff minutes"
    assert [(each["code"], each["units"], each["allowed"]) for each in answer["lines"]] == [
        ("99439", 1, "50.44"),
        ("99490", 1, "66.13"),
    ]
    assert [each["threshold_met_on"] for each in answer["lines"]] == ["2026-11-18", "2026-11-03"]
    assert {each["date_of_service"] for each in answer["lines"]} == {"2026-11-30"}
    assert answer["blocked"] == []
    assert answer["trace"] == {}


def test_the_tree_of_checks_comes_with_explain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, FORTY_TWO_MINUTES)
    assert main(["determine", file, "--explain"]) == 0
    explained = json.loads(capsys.readouterr().out)
    assert explained["trace"]["CCM"]["outcome"] == "met"
    assert main(["determine", file]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert {**explained, "trace": {}} == plain


def test_one_case_gives_an_object_and_a_list_gives_a_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, several, none = (
        {"case": "a", **MONTH},
        [{"case": "b", **MONTH}, {"case": "c", **MONTH}],
        [],
    )
    assert main(["determine", write(tmp_path, one)]) == 0
    assert json.loads(capsys.readouterr().out)["case"] == "a"
    assert main(["determine", write(tmp_path, several)]) == 0
    assert [each["case"] for each in json.loads(capsys.readouterr().out)] == ["b", "c"]
    assert main(["determine", write(tmp_path, several[:1])]) == 0
    assert [each["case"] for each in json.loads(capsys.readouterr().out)] == ["b"]
    assert main(["determine", write(tmp_path, none)]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_several_files_give_one_flat_list_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = write(tmp_path, {"case": "a", **MONTH}, "1.json")
    second = write(tmp_path, [{"case": "b", **MONTH}, {"case": "c", **MONTH}], "2.json")
    assert main(["determine", first, second, first]) == 0
    assert [each["case"] for each in json.loads(capsys.readouterr().out)] == ["a", "b", "c", "a"]


def test_standard_input_is_a_file_named_by_a_dash(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.dumps({"case": "piped", **MONTH}).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert main(["determine", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["case"] == "piped"


def test_a_refused_input_answers_nothing_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    staff = [*FORTY_TWO_MINUTES["staff"], {"id": "x", "role": "clinical_staff", "npi": "1"}]
    bad = {**FORTY_TWO_MINUTES, "staff": staff}
    assert main(["determine", write(tmp_path, bad)]) == 2
    assert (found := refusal(capsys))["error"] == "BAD_NPI"
    assert found["path"] == "staff[2].npi"
    assert main(["determine", write(tmp_path, [MONTH, bad])]) == 2
    assert refusal(capsys)["path"] == "[1].staff[2].npi"


def test_one_bad_file_refuses_all_and_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = write(tmp_path, MONTH, "good.json"), write(tmp_path, {}, "bad.json")
    assert main(["determine", good, bad]) == 2
    found = refusal(capsys)
    assert (found["error"], found["path"]) == ("MISSING_KEY", "service_month")
    assert "bad.json" in found["message"]


def test_a_file_that_cannot_be_read_is_refused_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (str(tmp_path / "gone.json"), str(tmp_path), "nul\0name"):
        assert main(["determine", name]) == 2
        assert refusal(capsys)["error"] == "NOT_JSON"


def test_text_is_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["determine", write(tmp_path, FORTY_TWO_MINUTES), "--format", "text"]) == 0
    text = capsys.readouterr().out
    assert (
        "May be billed\n  1 x 99439  CCM staff, each further 20 min; 2026-11-30, 42 minutes, $50.44\n"
        in text
    )
    assert "  1 x 99490  CCM staff, first 20 min; 2026-11-30, 42 minutes, $66.13\n" in text


def test_no_file_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["determine"])
    assert caught.value.code == 2
    assert "FILE" in capsys.readouterr().err


def test_two_thousand_cases_are_answered_in_one_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, [FORTY_TWO_MINUTES] * 2000)
    assert main(["determine", file]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert len(answers) == 2000
    assert len(answers[-1]["lines"]) == 2
