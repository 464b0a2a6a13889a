"""What others make of an export: validators find nothing, and a server takes it once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.exported_practice import (
    NOVEMBER,
    copied,
    correct,
    entries_of,
    exported,
    sample_at,
    with_a_past,
)
from tests.support.node import US_CORE, FhirServer, validated
from trellis_core.cli import main
from trellis_core.services.fhir_export import ExportForm
from trellis_core.services.fhir_push import push, push_documents
from trellis_core.services.fhir_wire import Patience
from trellis_core.store.engine import Store, open_store

pytestmark = pytest.mark.node

AT_ONCE = Patience(tries=1, longest_wait=1.0, pause=0.0)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The sample practice with a past, made once."""
    folder = tmp_path_factory.mktemp("export")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRELLIS_DATA_FOLDER", str(folder / "data"))
        store = sample_at(folder / "store.db")
        with_a_past(store)
        store.close()
        yield folder / "store.db"


@pytest.fixture
def store(file: Path, tmp_path: Path) -> Iterator[Store]:
    opened = copied(file, tmp_path / "store.db")
    yield opened
    opened.close()


def bundles(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted(folder.glob("transaction-*.json"))]


@pytest.mark.parametrize("us_core", US_CORE)
def test_check_02_validators_of_others_find_no_error(
    store: Store, tmp_path: Path, us_core: str, record_property: Callable[[str, object], None]
) -> None:
    forms = list(ExportForm) if us_core == "7.0.0" else [ExportForm.BUNDLE]
    files = [
        file
        for form in forms
        for file in exported(store, tmp_path / form.value, form, with_claims=True).files
    ]
    found = validated(files, us_core=us_core)
    checks = ", ".join(f"{name} {count:,}" for name, count in sorted(found.checks.items()))
    record_property(
        f"US Core {us_core}", f"{found.resources:,} resources, {len(found.errors)} errors; {checks}"
    )
    assert found.errors == ()
    assert found.resources > 1_000 * len(forms)
    assert found.checks["profile"] > 500 * len(forms)
    assert all(found.checks[each] > 1_000 * len(forms) for each in ("schema", "medplum", "lantana"))


def test_checks_08_and_09_a_server_takes_it_once_and_one_edit_is_one_version(
    store: Store, tmp_path: Path, fhir_server: FhirServer
) -> None:
    def send(name: str) -> None:
        made = exported(store, tmp_path / name, ExportForm.TRANSACTION, month=NOVEMBER)
        assert len(made.files) > 1
        report = push(bundles(made.folder), to=fhir_server.url, token=None, patience=AT_ONCE)
        assert report.is_complete, report.lines

    send("first")
    counts, versions = fhir_server.counts(), fhir_server.versions()
    assert counts["Patient"] > 30
    assert counts["Provenance"] > 50
    assert set(versions.values()) == {1}

    # The same files again: nothing is made, and nothing is changed.
    report = push(bundles(tmp_path / "first"), to=fhir_server.url, token=None, patience=AT_ONCE)
    assert report.is_complete
    assert (fhir_server.counts(), fhir_server.versions()) == (counts, versions)
    assert report.created == 0

    # A correction that moves no charge: one resource has a new version, and a trail is added.
    entry = entries_of(store, NOVEMBER)[0]
    correct(store, entry, entry.seconds + 1)
    send("second")
    after = fhir_server.versions()
    changed = {key for key, number in after.items() if number != versions.get(key, 1)}
    assert {key.partition("/")[0] for key in changed} <= {"Procedure", "Encounter"}
    assert len([key for key in changed if key.startswith("Procedure/")]) == 1
    new = {key.partition("/")[0] for key in after.keys() - versions.keys()}
    assert new == {"AuditEvent", "Provenance"}


def test_checks_10_and_11_a_bad_entry_changes_nothing_and_is_named(
    store: Store, tmp_path: Path, fhir_server: FhirServer
) -> None:
    made = exported(store, tmp_path / "out", ExportForm.TRANSACTION, month=NOVEMBER)
    first, *rest = bundles(made.folder)
    place = next(
        number
        for number, each in enumerate(first["entry"])
        if each["resource"]["resourceType"] == "Procedure"
    )
    first["entry"][place]["resource"]["status"] = ["completed"]
    report = push([first, *rest], to=fhir_server.url, token=None, patience=AT_ONCE)
    assert not report.is_complete
    assert report.transactions == 0
    assert fhir_server.counts() == {}
    assert f"entry {place + 1}" in " ".join(report.failures) or "Procedure" in " ".join(
        report.failures
    )


def test_documents_alone_reach_the_patient_whom_the_server_knows(
    store: Store, tmp_path: Path, fhir_server: FhirServer
) -> None:
    made = exported(store, tmp_path / "files", ExportForm.NDJSON)
    patients = {f"Patient/{each['id']}": each for each in made.of("Patient")}
    pairs = [
        (dict(patients[each["subject"]["reference"]]), dict(each))
        for each in made.of("DocumentReference")
    ]
    known = [dict(each) for each in made.of("Patient")]
    assert push_documents(pairs, to=fhir_server.url, token=None).transactions == 0
    for each in known:
        fhir_server.create(
            {
                "resourceType": "Patient",
                "identifier": each["identifier"][1:2],
                "name": each["name"],
            }
        )
    for _ in range(2):
        report = push_documents(pairs, to=fhir_server.url, token=None)
        assert report.is_complete, report.failures
        assert fhir_server.counts() == {
            "Patient": len(known), "DocumentReference": len(pairs),
        }  # fmt: skip


def test_the_command_sends_and_says_what_came_of_it(
    file: Path, tmp_path: Path, fhir_server: FhirServer, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    copied(file, tmp_path / "store.db").close()
    given = ["export", "fhir", "--month", "2026-11", "--to", fhir_server.url, "--store", url]
    assert main([*given, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == "trellis.fhir-export/1"
    assert said["sent"]["complete"] is True
    assert fhir_server.counts()["Patient"] == said["patients"]
    assert main(["export", "fhir", "--to", "http://fhir.example.org", "--store", url]) == 2
    assert "https" in capsys.readouterr().err
    with open_store(url).reading() as unit:
        events = unit.session.connection().exec_driver_sql(
            "select subject_kind, subject_id from event where kind = 'exported' order by seq"
        )
        assert [kind for kind, _ in events] == ["fhir", "fhir_server"]
