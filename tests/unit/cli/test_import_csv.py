"""``trellis import patients`` and ``trellis import time``: reports, exit statuses, mappings, undo."""

import json
from datetime import date
from pathlib import Path

import pytest

from trellis_core.cli import main
from trellis_core.sample import load_sample
from trellis_core.services.by_hand import cli_actor
from trellis_core.services.caseload import patients
from trellis_core.store.engine import open_store

PATIENTS = (
    "Nr;Who;Born;SSN\n7;Fern, Ada;03/04/1950;123-45-6789\n8;Moss, Bo;31/12/1950;\n9;Sedge;;\n"
)
TIME = (
    "mrn,program,staff,start,minutes,activity\n"
    "JF-1001,CCM,rn-1,2026-11-03 06:00,5,record_review\n"
    "JF-1001,CCM,np-1,2026-11-03 06:00,5,record_review\n"
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path / 'practice.db'}"
    store = open_store(made)
    load_sample(store, day=date(2026, 11, 20))
    store.close()
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Fern family.csv"
    path.write_text(PATIENTS, encoding="windows-1252")
    return path


def total(url: str) -> int:
    store = open_store(url)
    found = patients(store=store, actor=cli_actor(store, None)).total
    store.close()
    return found


def test_patients_are_rehearsed_imported_matched_and_taken_back(url, file, tmp_path, capsys):
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps({"columns": {"mrn": "Nr", "name": "Who", "birth_date": "Born"}}))
    words = ["import", "patients", str(file), "--mapping", str(mapping), "--store", url]
    assert main([*words, "--dry-run"]) == 1
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "Column 4 holds Social Security numbers: it was left out.",
        "Row 4, Whole name: Write the family name, a comma and the given name.",
        (
            "3 rows: 2 patients would be added, 0 here already, "
            "0 passed over as a probable double, 1 refused."
        ),
    ]
    assert total(url) == 43
    assert main([*words, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["schema"], answer["read"], answer["added"], answer["stored"]) == (
        "trellis.import/1", 3, 2, True,
    )  # fmt: skip
    assert answer["rows"][0]["row"] == 4
    assert total(url) == 45
    assert main(words) == 1
    assert "0 patients added, 2 here already" in capsys.readouterr().out
    assert main(["import", "patients", "--undo", answer["batch"], "--store", url]) == 0
    assert capsys.readouterr().out == "Taken back: 2 patients.\n"
    assert total(url) == 43
    told = capsys.readouterr()
    assert "Fern" not in told.out + told.err


def test_an_owner_imports_anybodys_time_and_a_coordinator_only_their_own(url, tmp_path, capsys):
    file = tmp_path / "time.csv"
    file.write_text(TIME)
    words = ["import", "time", str(file), "--store", url]
    assert main([*words, "--as", "rn-1", "--dry-run"]) == 1
    assert "Row 3, Person: Somebody else's time." in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    batch = json.loads(capsys.readouterr().out)["batch"]
    assert main(words) == 0
    assert "0 entries added, 2 here already" in capsys.readouterr().out
    assert main(["import", "time", "--undo", batch, "--store", url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["taken_back"] == 2


def test_what_cannot_be_read_as_a_whole_ends_with_two(url, file, tmp_path, capsys):
    words = ["import", "patients", str(file), "--store", url]
    for content, said in (
        ("MRN,Name\n1,Fern\n", "comma and the given name"),
        ("MRN,Last,DOB\n1,Fern,03/04/1950\n", '"month_first" or "day_first"'),
        ("Nr,Born\n1,1950\n", "No column is chosen for: Record number, Family name"),
        ("", "empty"),
    ):
        file.write_text(content)
        assert main(words) == (1 if "comma" in said else 2)
        told = capsys.readouterr()
        assert said in told.out + told.err
        assert "Fern family" not in told.out + told.err
    assert main([*words, "--mapping", str(tmp_path / "nowhere")]) == 2
    assert main(["import", "patients", "--store", url]) == 2
    assert main(["import", "patients", str(file), "--undo", "imp-1", "--store", url]) == 2
    assert main(["import", "patients", "--undo", "imp-1", "--store", url]) == 2
    assert main([*words, "--as", "bill-1"]) == 2
    assert total(url) == 43
