"""``trellis month review`` and ``submitted`` from outside: every patient, and what was sent."""

import json
from datetime import date

import pytest

from tests.support.empty_store import empty_store
from tests.support.month_case import MonthCase
from tests.support.small_panel import at
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import EntryMode
from trellis_core.cli import main
from trellis_core.store.engine import open_store
from trellis_core.store.tables import StaffRow


@pytest.fixture
def url(tmp_path):
    """October: one ready, one short of its minutes, one without consent, one without a member id."""
    url = empty_store(tmp_path / "practice.db")
    store = open_store(url)
    case = MonthCase(store)
    biller = case.panel.staff("bill-1", "non_clinical", "")
    biller.access = AccessRole.BILLER.value
    case.panel.add(biller)
    case.change(StaffRow, case.practice_id, "rn-1", access=AccessRole.COORDINATOR.value)
    case.enrolled("fern", "reed", "moss")
    case.change_patient("moss", member_id=None, birth_date=date(1944, 2, 3))
    case.change_patient("reed", birth_date=date(1951, 7, 9))
    for day, (patient, minutes) in enumerate((("fern", 25), ("reed", 19), ("moss", 25)), 6):
        case.panel.log(patient, minutes, at=at(day, month=10), mode=EntryMode.TIMED)
    store.close()
    return url


def month(url, what, *words, person="bill-1"):
    return main(["month", what, "2026-10", "--store", url, "--as", person, *words])


def test_every_patient_has_a_row_with_a_state_and_what_it_needs(url, capsys):
    assert month(url, "review", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["schema"], answer["month"]) == ("trellis.month-review/1", "2026-10")
    rows = {row["patient"]: row for row in answer["rows"]}
    states = {patient: row["state"] for patient, row in rows.items()}
    assert states == {"fern": "ready", "reed": "under", "moss": "blocked"}
    assert answer["counts"] == {"billed": 0, "decision": 0, "ready": 1, "blocked": 1, "under": 1}
    assert rows["fern"]["codes"] == ["99490"]
    assert rows["fern"]["seconds"]["counted"] == 25 * 60
    assert rows["reed"]["minutes_to_next"] == 1
    assert [each["code"] for each in rows["moss"]["reasons"]] == ["MEMBER_ID"]
    assert answer["expected"] == "132.26"


def test_a_state_is_asked_for_and_an_unknown_one_is_refused(url, capsys):
    assert month(url, "review", "--state", "under") == 0
    said = capsys.readouterr().out
    assert "October 2026 is open: 0 billed, 0 needs a decision, 1 ready, 1 blocked" in said
    assert "reed CCM: under threshold, 19 min" in said
    assert "fern" not in said
    with pytest.raises(SystemExit):
        month(url, "review", "--state", "lost")


def test_an_issued_superbill_is_marked_as_submitted(url, capsys):
    month(url, "close")
    capsys.readouterr()
    assert month(url, "submitted", "--superbill", "1", "--on", "2026-11-02", "--claim", "C-77") == 0
    assert "Superbill 1 is submitted as of 2026-11-02, claim C-77." in capsys.readouterr().out
    month(url, "review", "--state", "billed", "--json")
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["submitted"] == {"superbill": 1, "on": "2026-11-02", "claim": "C-77"}
    assert row["file_by"] == "2027-10-31"


def test_a_number_that_the_month_has_not_issued_is_refused(url, capsys):
    assert month(url, "submitted", "--superbill", "9", "--on", "2026-11-02") == 2
    assert "No superbill '9'" in capsys.readouterr().err


def test_a_coordinator_marks_nothing_as_submitted(url, capsys):
    month(url, "close")
    capsys.readouterr()
    words = ("--superbill", "1", "--on", "2026-11-02")
    assert month(url, "submitted", *words, person="rn-1") == 2
    assert "may not" in capsys.readouterr().err
