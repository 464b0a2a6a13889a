"""``trellis board``: the JSON contract, the table and the exit status."""

import json
import re

import pytest

from tests.support.small_panel import SmallPanel, at
from trellis_core.cli import main
from trellis_core.store.engine import Store
from trellis_core.store.tables import DischargeRow, StaffRow


@pytest.fixture
def panel(store: Store) -> SmallPanel:
    panel = SmallPanel(store)
    with store.writing() as uow:
        nurse = uow.session.get(StaffRow, ("prac-1", "rn-1"))
        assert nurse is not None
        nurse.access = "coordinator"
        uow.session.add(nurse)
    panel.enrolled("p-1")
    panel.add(panel.patient("p-2"), *panel.chart("p-2", has_consent=False))
    panel.log("p-1", 25, at=at(3, month=2))
    panel.log("p-2", 17, at=at(4, month=2))
    return panel


def run(panel: SmallPanel, *words: str, month: str = "2026-02") -> int:
    return main(["board", "--month", month, "--store", panel.store.url, "--as", "rn-1", *words])


def test_the_json_answer_has_the_keys_of_the_contract(
    panel: SmallPanel, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(panel, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer == {
        "schema": "trellis.board/1",
        "month": "2026-02",
        "rows": [
            {
                "patient": "p-2",
                "program": "CCM",
                "minutes": 17,
                "seconds": 1020,
                "reached": [],
                "next_code": "99490",
                "minutes_to_next": 3,
                "state": "blocked",
                "blocked": ["CONSENT_MISSING"],
                "expected": "0.00",
                "expected_if_cleared": "66.13",
            },
            {
                "patient": "p-1",
                "program": "CCM",
                "minutes": 25,
                "seconds": 1500,
                "reached": ["99490"],
                "next_code": "99439",
                "minutes_to_next": 15,
                "state": "billable",
                "blocked": [],
                "expected": "66.13",
                "expected_if_cleared": "116.57",
            },
        ],
    }


def test_a_discharge_has_steps_and_no_minutes_to_go(
    panel: SmallPanel, capsys: pytest.CaptureFixture[str]
) -> None:
    panel.add(
        DischargeRow(
            practice_id="prac-1", id="d-1", patient_id="p-1", discharged_on=at(2, month=2).date(),
            discharged_from="inpatient_acute", discharged_to="home",
        )
    )  # fmt: skip
    run(panel, "--json")
    row = next(
        row for row in json.loads(capsys.readouterr().out)["rows"] if row["program"] == "TCM"
    )
    assert row["minutes_to_next"] is None
    assert row["discharge"] == "d-1"
    assert row["steps"][0] == {"step": "contact", "due": "2026-02-04", "done": False}


def test_only_rows_of_the_state_asked_for_are_listed(
    panel: SmallPanel, capsys: pytest.CaptureFixture[str]
) -> None:
    run(panel, "--json", "--state", "billable")
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["patient"] for row in rows] == ["p-1"]


def test_the_table_names_patients_by_id_and_the_counts_go_to_standard_error(
    panel: SmallPanel, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(panel) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0].split() == [
        "patient",
        "program",
        "minutes",
        "next",
        "to",
        "go",
        "state",
        "expected",
        "blocked",
    ]
    assert re.fullmatch(r"p-2 +CCM +17 +99490 +3 +blocked +0\.00 +CONSENT_MISSING", lines[1])
    assert re.fullmatch(r"p-1 +CCM +25 +99439 +15 +billable +66\.13", lines[2])
    assert "Fern" not in printed.out
    assert "1 billable" in printed.err


def test_a_month_without_anybody_prints_no_table(
    panel: SmallPanel, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(panel, month="2025-01") == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "words",
    [["--month", "2026-13"], ["--month", "2026-2"], [], ["--month", "2026-02", "--state", "soon"]],
)
def test_a_missing_or_wrong_option_is_refused(
    panel: SmallPanel, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["board", "--store", panel.store.url, *words])
    assert stopped.value.code == 2
    assert capsys.readouterr().out == ""
