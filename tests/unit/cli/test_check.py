"""``trellis check``: status and answer for a sound and for an altered store."""

import json
from pathlib import Path

import jsonschema
import pysqlite3
import pytest

from tests.support.ledger_case import NURSE, OWNER, STRANGER, fill, work
from trellis_core.cli import main
from trellis_core.cli.check import json_schema
from trellis_core.services.time_log import log_time
from trellis_core.store.engine import open_store


@pytest.fixture
def path(tmp_path: Path, clock) -> Path:
    """A store with three entries."""
    path = tmp_path / "trellis.db"
    store = open_store(f"sqlite:///{path}")
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
    assert out.startswith("Intact: 3 entries and 11 events verified in ")
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
