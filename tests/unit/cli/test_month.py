"""``trellis month`` from outside: states, closing, reopening, and what each exit status means."""

import json

import pytest

from tests.support.empty_store import empty_store
from tests.support.month_case import MonthCase
from tests.support.small_panel import at
from trellis_core.access import AccessRole
from trellis_core.cli import main
from trellis_core.store.engine import open_store
from trellis_core.store.tables import StaffRow
from trellis_core.values.ids import new_entry_id


@pytest.fixture
def url(tmp_path):
    """A practice whose October has two superbills ready and one that lacks its member id."""
    url = empty_store(tmp_path / "practice.db")
    store = open_store(url)
    case = MonthCase(store)
    biller = case.panel.staff("bill-1", "non_clinical", "")
    biller.access = AccessRole.BILLER.value
    case.panel.add(biller)
    case.change(StaffRow, case.practice_id, "rn-1", access=AccessRole.COORDINATOR.value)
    case.enrolled("fern", "reed", "moss")
    case.change_patient("moss", member_id=None)
    for day, patient in enumerate(("fern", "reed", "moss"), 6):
        case.panel.log(patient, 25, at=at(day, month=10))
    store.close()
    return url


def month(url, what, *words, person="bill-1"):
    return main(["month", what, "2026-10", "--store", url, "--as", person, *words])


def test_a_month_is_shown_closed_and_shown_again(url, capsys):
    assert month(url, "show") == 0
    said = capsys.readouterr().out
    assert "October 2026 is open." in said
    assert "A close would number 2 superbills." in said
    assert "Record the member id" in said

    assert month(url, "close") == 0
    said = capsys.readouterr().out
    assert "October 2026 is closed." in said
    assert "Issued: 2 superbills, No. 1 to 2." in said
    assert "Held back: sb-" in said
    assert "Receipt: event " in said
    assert "Checkpoint 1 of" in said

    assert month(url, "show") == 0
    assert "October 2026 is closed by bill-1 on" in capsys.readouterr().out


def test_a_second_close_ends_with_status_1_and_changes_nothing(url, capsys):
    assert month(url, "close") == 0
    capsys.readouterr()
    assert month(url, "close") == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "October 2026 was already closed by bill-1 at" in told.err


def test_the_same_key_is_one_close(url, capsys):
    key = new_entry_id()
    assert month(url, "close", "--key", key, "--json") == 0
    first = json.loads(capsys.readouterr().out)
    assert month(url, "close", "--key", key, "--json") == 0
    again = json.loads(capsys.readouterr().out)
    assert (first["created"], again["created"]) == (True, False)
    assert first | {"created": False} == again
    assert first["schema"] == "trellis.month-close/1"
    assert [each["number"] for each in first["superbills"]] == [1, 2]
    assert first["counts"]["held_back"][0]["missing"][0]["code"] == "MEMBER_ID"


def test_an_adjustment_says_what_replaces_what(url, capsys):
    month(url, "close")
    assert month(url, "reopen", "--reason", "Reed moved to another plan") == 0
    assert "is reopened for adjustment 1 by bill-1" in capsys.readouterr().out
    store = open_store(url)
    case = MonthCase(store, is_there=True)
    case.change_patient("reed", member_id="9AC8TE5MK73")
    case.change_patient("fern", address_line="9 Elm Street")
    case.change_patient("moss", member_id="1EG4TE5MK73")
    store.close()
    assert month(url, "close") == 0
    said = capsys.readouterr().out
    assert "October 2026 is closed for adjustment 1." in said
    assert "Issued: 3 superbills, No. 3 to 5." in said
    assert "No. 3 replaces 1; the claim stays as it was." in said  # an address is not on the claim
    assert "No. 5 replaces 2; the claim changes." in said


def test_reopening_needs_a_closed_month_and_words(url, capsys):
    assert month(url, "reopen", "--reason", "x") == 1
    assert "October 2026 is not closed" in capsys.readouterr().err
    month(url, "close")
    assert month(url, "reopen", "--reason", " ") == 2
    assert "needs a reason" in capsys.readouterr().err
    with pytest.raises(SystemExit) as refused:
        month(url, "reopen")
    assert refused.value.code == 2


def test_a_month_that_is_not_over_is_closed_early_only(url, capsys):
    words = ["month", "close", "2099-01", "--store", url, "--as", "bill-1"]
    assert main(words) == 1
    assert "January 2099 is not over" in capsys.readouterr().err
    assert main([*words, "--early"]) == 0
    assert "January 2099 is closed." in capsys.readouterr().out


def test_a_role_that_may_not_is_refused_with_status_2(url, capsys):
    assert month(url, "close", person="rn-1") == 2
    assert "may not do this" in capsys.readouterr().err
    assert month(url, "show", person="rn-1") == 0


def test_time_for_a_closed_month_is_refused_with_what_to_do(url, capsys):
    month(url, "close")
    words = (
        "log --patient fern --program CCM --start 2026-10-07T10:00:00-04:00 --minutes 5 "
        "--activity care_coordination"
    )
    assert main([*words.split(), "--store", url, "--as", "rn-1"]) == 2
    told = capsys.readouterr().err
    assert "October 2026 is closed since" in told
    assert "Reopen the month for an adjustment or ask your biller." in told


def test_an_older_superbill_is_written_by_its_number(url, tmp_path, capsys):
    month(url, "close")
    out = str(tmp_path / "one.csv")
    words = ["superbills", "2026-10", "--store", url, "--as", "bill-1", "--format", "csv"]
    assert main([*words, "--out", out, "--number", "2"]) == 0
    assert main([*words, "--out", out, "--number", "9"]) == 2
    assert "No superbill '9'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*words, "--out", out, "--number", "0"])


def test_drafts_are_approved_together_or_one_with_a_reason(url, capsys):
    """All three were typed, so none is clean; one lacks its member id."""
    assert month(url, "approve", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["schema"], answer["month"]) == ("trellis.month-approve/1", "2026-10")
    assert (answer["superbills"], answer["before"]) == ([], 0)
    because = {each["superbill"]: each["because"] for each in answer["passed_over"]}
    assert sorted(because.values()) == ["needs_decision", "needs_decision", "not_ready"]
    weak = sorted(each for each, why in because.items() if why == "needs_decision")

    assert month(url, "approve", "--superbill", weak[0]) == 1
    assert "only late, estimated or typed time earns a unit" in capsys.readouterr().out
    assert month(url, "approve", "--superbill", weak[0], "--reason", "The call log shows it") == 0
    assert "Approved: 1 superbill." in capsys.readouterr().out
    assert month(url, "show") == 0
    assert "Approved: 1. Waiting for a decision on weak time: 1." in capsys.readouterr().out

    assert month(url, "approve", "--take-back") == 2
    assert "add --superbill ID" in capsys.readouterr().err
    assert month(url, "approve", "--superbill", weak[0], "--take-back") == 0
    assert f"{weak[0]} is a draft again" in capsys.readouterr().out
    assert month(url, "approve", "--superbill", weak[0], "--take-back") == 2
    assert "No approval" in capsys.readouterr().err
    assert month(url, "approve", "--superbill", weak[0], "--reason", "The call log shows it") == 0
    capsys.readouterr()

    assert month(url, "close", "--hold-undecided") == 0
    said = capsys.readouterr().out
    assert "Issued: 1 superbill, No. 1." in said
    assert f"Held back: {weak[1]}" in said


def test_a_close_says_what_it_issued_that_nobody_decided(url, capsys):
    assert month(url, "close") == 0
    said = capsys.readouterr().out
    assert "2 superbills issued with a unit that only late, estimated or typed time earns" in said


def test_a_reason_without_a_named_superbill_is_refused(url, capsys):
    assert month(url, "approve", "--reason", "All is well") == 2
    assert "Name the superbill." in capsys.readouterr().err
