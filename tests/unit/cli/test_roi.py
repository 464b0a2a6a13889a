"""``trellis roi``: inputs with their sources, and results, as text and as JSON."""

import json
from pathlib import Path

import pytest

from trellis_core.cli import main
from trellis_core.documents.disclaimer import DISCLAIMER


def answer_of(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main(["roi", "--json", *words]) == 0
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


def written(folder: Path, document: object) -> str:
    file = folder / "inputs.json"
    file.write_text(json.dumps(document))
    return str(file)


def test_without_a_file_the_defaults_are_shown_with_source_and_date(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = answer_of(capsys)
    assert answer["schema"] == "trellis.roi/1"
    assert answer["disclaimer"] == DISCLAIMER
    rows = answer["assumptions"]
    assert isinstance(rows, list)
    share = next(row for row in rows if row["name"] == "medicare_share")
    assert (share["value"], share["default"], share["dated"]) == ("0.22", "0.22", "2013")
    assert "MGMA" in share["source"]


def test_a_file_of_inputs_gives_the_worked_check_from_the_published_amounts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, {"panel": 2000, "add_on_40": "0.15", "add_on_60": 0})
    results = answer_of(capsys, file)["results"]
    assert isinstance(results, dict)
    year = results["first_year"]
    assert (year["cash"], year["cost"], year["net"]) == ("22434.17", "16591.13", "5843.04")
    assert results["rates"][0]["schedule"] == "medicare-2026"


def test_the_answer_can_be_given_back_as_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = answer_of(capsys, written(tmp_path, {"worker": "RN", "reach": 0.5}))
    second = answer_of(capsys, written(tmp_path, first))
    assert second == first


def test_the_text_shows_inputs_results_floor_and_disclaimer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["roi"]) == 0
    text = capsys.readouterr().out
    assert "enter yours" in text
    assert "15 patients x 66.13 = 991.95 a month, 11903.40 a year" in text
    assert "15 patients x 62.00 = 930.00 a month, 11160.00 a year" in text
    assert "amounts of 2026, national, nonfacility" in text
    assert text.rstrip().endswith(DISCLAIMER)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{"pannel": 1}', "UNKNOWN_KEY"),
        ('{"panel": NaN}', "NOT_JSON"),
        ('{"panel": 1, "panel": 2}', "DUPLICATE_KEY"),
        ("[]", "WRONG_TYPE"),
        ("", "NOT_JSON"),
    ],
)
def test_a_bad_file_is_refused_with_exit_status_two(
    tmp_path: Path, content: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "inputs.json"
    file.write_text(content)
    assert main(["roi", str(file)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert code in printed.err


def test_a_file_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["roi", "/nowhere/inputs.json"]) == 2
    assert "cannot be read" in capsys.readouterr().err
