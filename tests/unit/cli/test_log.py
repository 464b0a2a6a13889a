"""``trellis log`` and ``trellis correct`` as a scheduled job uses them."""

import io
import json
from pathlib import Path

import jsonschema
import pytest

from tests.support.empty_store import empty_store
from tests.support.ledger_case import NURSE, OWNER, fill
from trellis_core.cli import main
from trellis_core.cli.log import json_schema
from trellis_core.services.time_log import entries_of
from trellis_core.store.engine import open_store

KEY = "3f2b1c8e-0000-4000-8000-000000000001"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a store that holds a practice."""
    url = empty_store(tmp_path / "trellis.db")
    store = open_store(url)
    fill(store)
    store.close()
    return url


def words(url: str, **changes: str) -> list[str]:
    """Return the words of ``trellis log`` for twenty minutes by the nurse."""
    options = {
        "patient": "pt-1",
        "program": "CCM",
        "staff": NURSE.person_id,
        "start": "2026-11-03T10:00:00-05:00",
        "minutes": "20",
        "activity": "care_coordination",
        "note": "Called",
        "as": NURSE.person_id,
        "store": url,
    } | changes
    return ["log", *(word for name, value in options.items() for word in (f"--{name}", value))]


def answer(capsys: pytest.CaptureFixture[str], argv: list[str], status: int = 0) -> dict:
    """Run a command with ``--json`` and return its answer."""
    capsys.readouterr()
    assert main([*argv, "--json"]) == status
    told = json.loads(capsys.readouterr().out)
    jsonschema.validate(told, json_schema())
    return told


def entries(url: str):
    store = open_store(url)
    found = entries_of(month=None, store=store, actor=NURSE)
    store.close()
    return found


def test_a_logged_entry_is_in_the_ledger_with_the_number_and_code_that_were_told(url, capsys):
    told = answer(capsys, words(url))
    (entry,) = entries(url)
    assert (told["entry"], told["number"], told["code"]) == (entry.id, entry.seq, entry.code)
    assert (told["created"], told["also"]) == (True, [])
    assert (entry.seconds, entry.note, entry.staff_id) == (1200, "Called", NURSE.person_id)


def test_time_that_does_not_count_is_kept_and_says_why(url, capsys):
    told = answer(capsys, words(url))
    assert told["counted"] is False
    assert told["reason"] == "NOT_ENROLLED"


def test_the_same_key_twice_is_one_entry(url, capsys):
    first = answer(capsys, words(url, key=KEY))
    second = answer(capsys, words(url, key=KEY))
    assert (first["entry"], first["created"], second["created"]) == (KEY, True, False)
    assert first["code"] == second["code"]
    assert len(entries(url)) == 1


def test_the_same_key_with_other_contents_is_refused(url, capsys):
    answer(capsys, words(url, key=KEY))
    assert main(words(url, key=KEY, minutes="21")) == 2
    assert KEY in capsys.readouterr().err
    assert len(entries(url)) == 1


def test_the_note_comes_from_standard_input_where_asked(url, capsys, monkeypatch):
    typed = io.TextIOWrapper(io.BytesIO("Caf\u00e9 \u2014 called\n".encode()), encoding="latin-1")
    monkeypatch.setattr("sys.stdin", typed)
    answer(capsys, words(url, note="-"))
    assert entries(url)[0].note == "Caf\u00e9 \u2014 called"


def test_a_note_that_is_not_utf8_is_refused(url, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe")))
    assert main(words(url, note="-")) == 2
    assert entries(url) == ()


def test_contact_is_taken_in_the_words_of_the_list(url, capsys):
    answer(capsys, words(url, contact="reached"))
    assert entries(url)[0].contact == "reached"
    with pytest.raises(SystemExit) as ended:
        main(words(url, contact="maybe"))
    assert ended.value.code == 2


def test_programs_are_named_in_any_case(url, capsys):
    answer(capsys, words(url, program="cocm"))
    assert entries(url)[0].program == "CoCM"


@pytest.mark.parametrize(
    "changes",
    [
        {"program": "XYZ"},
        {"minutes": "0"},
        {"minutes": "1441"},
        {"minutes": "2.5"},
        {"minutes": "-5"},
        {"start": "2026-11-03T10:00:00"},
        {"start": "yesterday"},
        {"activity": "lunch"},
    ],
)
def test_malformed_words_end_with_status_two_and_save_nothing(url, capsys, changes):
    with pytest.raises(SystemExit) as ended:
        main(words(url, **changes))
    assert ended.value.code == 2
    assert entries(url) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"patient": "pt-9"},
        {"staff": "staff-9", "as": OWNER.person_id},
        {"staff": OWNER.person_id},
        {"as": "nobody"},
        {"start": "2999-01-01T10:00:00-05:00"},
        {"key": "not a key"},
    ],
)
def test_refused_commands_end_with_status_two_and_save_nothing(url, capsys, changes):
    assert main(words(url, **changes)) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("trellis: ")
    assert entries(url) == ()


def test_work_over_months_end_names_both_parts(url, capsys):
    told = answer(capsys, words(url, start="2026-10-31T23:50:00-04:00", minutes="25"))
    first, rest = entries(url)
    assert told["entry"] == first.id
    assert told["also"] == [rest.id]


def test_a_correction_replaces_and_a_void_does_not(url, capsys):
    logged = answer(capsys, words(url))
    common = ["--store", url, "--as", NURSE.person_id]
    corrected = answer(
        capsys,
        ["correct", logged["entry"], "--minutes", "12", "--reason", "mistyped", *common],
    )
    old, new = entries(url)
    assert (corrected["entry"], corrected["number"]) == (new.id, 3)
    assert (old.is_reversed, new.seconds, new.reason) == (True, 720, "mistyped")
    voided = answer(capsys, ["correct", new.id, "--void", "--reason", "wrong patient", *common])
    assert (voided["entry"], voided["number"], voided["counted"]) == (new.id, 4, False)
    assert all(entry.is_reversed for entry in entries(url))
    assert main(["correct", new.id, "--void", "--reason", "again", *common]) == 2


def test_a_correction_is_either_a_length_or_a_void(url, capsys):
    for change in ([], ["--void", "--minutes", "5"]):
        with pytest.raises(SystemExit) as ended:
            main(["correct", "x", *change, "--reason", "y", "--store", url])
        assert ended.value.code == 2


def test_people_read_sentences(url, capsys):
    assert main(words(url, key=KEY)) == 0
    first = capsys.readouterr().out
    assert first.startswith(f"Saved: entry {KEY}, no. 1, code ")
    assert "does not count toward CCM" in first
    assert main(words(url, key=KEY)) == 0
    assert capsys.readouterr().out.startswith("Saved before: ")
