"""``trellis import`` and ``trellis sample``: reports and exit statuses."""

import json
from datetime import date
from pathlib import Path

import pytest

from trellis_core.cli import main
from trellis_core.sample import app_folder, load_sample
from trellis_core.services.by_hand import cli_actor
from trellis_core.services.caseload import patients
from trellis_core.services.sign_in import sign_in
from trellis_core.store.engine import open_store
from trellis_core.values.clock import SystemClock

FHIR = Path(__file__).parents[2] / "data" / "fhir"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'practice.db'}"


@pytest.fixture
def sample(url: str) -> str:
    store = open_store(url)
    load_sample(store, day=date(2026, 11, 20))
    store.close()
    return url


def total(url: str) -> int:
    store = open_store(url)
    found = patients(store=store, actor=cli_actor(store, None)).total
    store.close()
    return found


def test_fhir_files_are_rehearsed_and_then_read(
    sample: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["import", "fhir", str(FHIR), "--store", sample, "--json"]
    assert main([*words, "--dry-run"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["added"], told["stored"]) == (22, False)
    assert total(sample) == 43
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["added"], told["stored"]) == (
        "trellis.import-fhir/1", 22, True,
    )  # fmt: skip
    assert total(sample) == 47
    assert (told["resources"], told["read"] + sum(told["not_read"].values())) == (536, 536)
    assert main(words[:-1]) == 0
    said = capsys.readouterr().out
    assert "Patients: 4 here already." in said
    assert "There was nothing new to store." in said


def test_what_is_refused_in_part_ends_with_one_and_as_a_whole_with_two(
    sample: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "Ada Fern.json"
    file.write_text(
        '{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}]}'
    )
    assert main(["import", "fhir", str(file), "--store", sample]) == 1
    file.write_text("{}")
    assert main(["import", "fhir", str(file), "--store", sample]) == 2
    told = capsys.readouterr()
    assert "NOT_A_BUNDLE at file 1" in told.err
    assert "Fern" not in told.out + told.err


def test_only_someone_of_the_practice_who_may_import_does(
    sample: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["import", "fhir", str(FHIR), "--store", sample, "--as"]
    assert main([*words, "bill-1"]) == 2
    assert main([*words, "nobody"]) == 2
    assert total(sample) == 43
    assert main([*words, "rn-1"]) == 0


def test_a_practice_comes_from_a_folder_or_not_at_all(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["import", "practice", "--store", url, "--day", "2026-11-20"]
    assert main([*words, str(tmp_path / "nowhere")]) == 2
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "practice.json").write_text('{"id": "x", "name": "X"}')
    assert main([*words, str(bad)]) == 2
    assert "staff.csv: the file is missing." in capsys.readouterr().out
    assert main([*words, str(app_folder() / "sample_data")]) == 0
    assert "patients.csv: 43" in capsys.readouterr().out
    assert total(url) == 43
    assert main([*words, str(app_folder() / "sample_data")]) == 2


def test_a_synthetic_practice_needs_an_empty_store_that_was_named(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    size = ["--patients", "10", "--entries", "60", "--months", "2", "--seed", "3"]
    assert main(["sample", *size]) == 2
    assert "--store or DATABASE_URL" in capsys.readouterr().err
    assert main(["sample", *size, "--store", url, "--json"]) == 0
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert (answer["patients"], answer["entries"], answer["months"]) == (10, 60, 2)
    assert answer["minutes"] > 60
    assert sum(answer["programs"].values()) >= 10
    assert f"trellis demo --store {url}" in said.err
    assert total(url) == 10
    assert main(["sample", *size, "--store", url]) == 2
    monkeypatch.setenv("DATABASE_URL", url)
    assert main(["sample", *size]) == 2
    assert main(["sample", *size, "--months", "121"]) == 2
    with pytest.raises(SystemExit):
        main(["sample", "--patients", "0"])


def test_the_owner_of_an_imported_practice_is_asked_for_a_password(
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "fernbank"
    folder.mkdir()
    (folder / "practice.json").write_text('{"id": "fernbank", "name": "Fernbank"}')
    (folder / "staff.csv").write_text(
        "id,role,given_name,family_name,access\ndr-1,billing_practitioner,Wren,Fern,owner\n"
    )
    (folder / "patients.csv").write_text("id,mrn,family_name,birth_date\np-1,M-1,Moss,1950-01-02\n")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _: "a long and private phrase")
    words = ["import", "practice", str(folder), "--store", url, "--sign-in-name", "Wren"]
    assert main(words) == 0
    store = open_store(url)
    _, actor = sign_in("wren", "a long and private phrase", store=store, clock=SystemClock())
    assert actor.person_id == "dr-1"
    store.close()


def test_without_a_terminal_an_imported_practice_says_that_nobody_can_sign_in(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "fernbank"
    folder.mkdir()
    (folder / "practice.json").write_text('{"id": "fernbank", "name": "Fernbank"}')
    (folder / "staff.csv").write_text("id,role,given_name,family_name\nrn-1,clinical_staff,A,B\n")
    (folder / "patients.csv").write_text("id,mrn,family_name,birth_date\n")
    assert main(["import", "practice", str(folder), "--store", url]) == 0
    assert "Nobody can sign in yet" in capsys.readouterr().err
