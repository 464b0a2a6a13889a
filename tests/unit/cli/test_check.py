"""``trellis check``: status and answer for a sound and for an altered store."""

import json
from pathlib import Path

import jsonschema
import pysqlite3
import pytest

from tests.support.empty_store import empty_store
from tests.support.ledger_case import NURSE, OWNER, STRANGER, fill, work
from trellis_core.cli import main
from trellis_core.cli.check import json_schema
from trellis_core.services.checkpoints import make_checkpoint
from trellis_core.services.time_log import log_time
from trellis_core.store.engine import open_store


@pytest.fixture
def path(tmp_path: Path, clock) -> Path:
    """A store with three entries."""
    path = tmp_path / "trellis.db"
    store = open_store(empty_store(path))
    fill(store)
    for _ in range(3):
        log_time(work(note="Called"), store=store, actor=NURSE, clock=clock)
    store.close()
    return path


def alter(path: Path) -> None:
    other = pysqlite3.connect(path, isolation_level=None)
    other.execute("DROP TRIGGER guard_entry_update")
    other.execute("UPDATE entry SET body = replace(body, ',1200,', ',1260,') WHERE seq = 2")
    other.close()


def checked(capsys: pytest.CaptureFixture[str], path: Path, *more: str) -> tuple[int, dict]:
    status = main(["check", "--store", f"sqlite:///{path}", "--json", *more])
    told = json.loads(capsys.readouterr().out)
    jsonschema.validate(told, json_schema())
    return status, told


def test_a_sound_store_ends_with_status_zero(path, capsys):
    status, told = checked(capsys, path)
    assert status == 0
    assert (told["ok"], told["entries"], told["findings"]) == (True, 3, [])
    assert main(["check", "--store", f"sqlite:///{path}"]) == 0
    out = capsys.readouterr().out
    # Both practices' journals have the check before this one.
    assert out.startswith("Intact: 3 entries and 13 events verified in ")
    assert out.endswith("; no checkpoint yet.\n")
    assert out.count("\n") == 1


def test_an_altered_store_ends_with_status_one_and_names_guard_and_entry(path, capsys):
    alter(path)
    status, told = checked(capsys, path)
    assert status == 1
    assert not told["ok"]
    found = {(each["code"], each["practice"], each["seq"]) for each in told["findings"]}
    assert ("L001", "practice-1", 2) in found
    assert ("L008", None, None) in found
    assert all(each["remedy"] for each in told["findings"])


def test_people_read_number_place_and_remedy(path, capsys):
    alter(path)
    assert main(["check", "--store", f"sqlite:///{path}"]) == 1
    out = capsys.readouterr().out
    assert (
        "L001  practice-1: Entry 2 was changed after it was written: its hash does not fit its "
        "contents."
    ) in out
    assert "L008  The guard 'guard_entry_update' is missing." in out
    assert "compare this place with the last backup" in out
    assert out.rstrip().endswith("in 3 entries and 11 events.")


def test_a_named_person_checks_their_own_practice(path, capsys):
    status, told = checked(capsys, path, "--as", OWNER.person_id)
    assert (status, [each["practice"] for each in told["practices"]]) == (0, ["practice-1"])
    status, told = checked(capsys, path, "--as", STRANGER.person_id)
    assert [each["practice"] for each in told["practices"]] == ["practice-2"]
    assert main(["check", "--store", f"sqlite:///{path}", "--as", NURSE.person_id]) == 2


def test_a_store_without_a_practice_is_no_sound_ledger(tmp_path, capsys):
    assert main(["check", "--store", f"sqlite:///{tmp_path / 'mistyped.db'}"]) == 2
    assert "no practice" in capsys.readouterr().err


def test_the_quick_check_reads_what_came_after_the_newest_checkpoint(path, capsys, clock):
    store = open_store(f"sqlite:///{path}")
    make_checkpoint("asked", store=store, clock=clock, actor=OWNER)
    log_time(work(note="Later"), store=store, actor=NURSE, clock=clock)
    store.close()
    status, told = checked(capsys, path, "--since-checkpoint", "--as", OWNER.person_id)
    assert (status, told["scope"], told["entries"]) == (0, "since_checkpoint", 1)
    assert [(one["number"], one["ledger_seq"]) for one in told["checkpoints"]] == [(1, 3)]
    assert told["checkpoints"][0]["in_file"] is True
    main(["check", "--store", f"sqlite:///{path}", "--since-checkpoint"])
    out = capsys.readouterr().out
    assert "since the newest checkpoint verified" in out
    assert "newest checkpoint 1, " in out


def test_the_full_check_finds_what_is_wrong_with_an_index(path, capsys):
    status, told = checked(capsys, path, "--full")
    assert (status, told["ok"]) == (0, True)
    with pytest.raises(SystemExit):
        main(["check", "--store", f"sqlite:///{path}", "--full", "--since-checkpoint"])


def test_a_file_of_checkpoints_kept_elsewhere_is_compared(path, capsys, clock, tmp_path):
    elsewhere = tmp_path / "elsewhere.jsonl"
    store = open_store(f"sqlite:///{path}")
    made = make_checkpoint("asked", store=store, clock=clock, actor=OWNER)
    store.close()
    made.file.rename(elsewhere)
    status, told = checked(capsys, path, "--anchors", str(elsewhere))
    assert (status, told["findings"]) == (0, [])
    elsewhere.write_text("x\n")
    status, told = checked(capsys, path, "--anchors", str(elsewhere))
    assert (status, {one["code"] for one in told["findings"]}) == (1, {"L017", "L021"})
    assert main(["check", "--store", f"sqlite:///{path}", "--anchors", str(tmp_path / "no")]) == 2
    assert "no file of checkpoints" in capsys.readouterr().err


def test_warnings_are_told_and_leave_the_store_intact(path, capsys, clock):
    store = open_store(f"sqlite:///{path}")
    made = make_checkpoint("asked", store=store, clock=clock, actor=OWNER)
    store.close()
    made.file.unlink()
    assert main(["check", "--store", f"sqlite:///{path}"]) == 0
    out = capsys.readouterr().out
    assert "L021  warning: practice-1: The checkpoint file" in out
    assert out.splitlines()[-1].startswith("Intact: ")
