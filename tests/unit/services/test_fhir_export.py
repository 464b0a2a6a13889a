"""An export is whole or not there, holds what the person may see, and fits what a server takes at once."""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, update

from tests.support.exported_practice import (
    CLOCK,
    NOVEMBER,
    OCTOBER,
    copied,
    exported,
    owner_of,
    sample_at,
)
from trellis_core.access import AccessRole
from trellis_core.cli import main
from trellis_core.errors import (
    ChartRestrictedError,
    CommandRefusedError,
    FhirExportError,
    NotFoundError,
    PermissionDeniedError,
)
from trellis_core.fhir.forms import MOST_ENTRIES
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.fhir_export import ExportForm, FhirWanted, export_fhir, zipped
from trellis_core.services.restricted import restrict_chart
from trellis_core.store.engine import Store
from trellis_core.store.tables import PatientRow

PATIENT = "p-101"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample practice, made once."""
    path = tmp_path_factory.mktemp("export") / "store.db"
    sample_at(path).close()
    return path


@pytest.fixture
def store(file: Path, tmp_path: Path) -> Iterator[Store]:
    opened = copied(file, tmp_path / "store.db")
    yield opened
    opened.close()


def given(store: Store, role: AccessRole = AccessRole.OWNER) -> dict[str, Any]:
    return {
        "store": store,
        "actor": replace(
            owner_of(store), role=role, person_id="md-1" if role is AccessRole.OWNER else "biller-1"
        ),
        "clock": CLOCK,
        "rule_book": load_rule_book(),
    }


def restricted(store: Store) -> None:
    restrict_chart(PATIENT, readers=(), store=store, actor=owner_of(store), clock=CLOCK)


def test_a_chart_that_is_not_open_stays_out_and_the_export_is_then_not_whole(
    store: Store, tmp_path: Path
) -> None:
    restricted(store)
    wanted = FhirWanted(form=ExportForm.NDJSON)
    made = export_fhir(wanted, tmp_path / "out", **given(store, AccessRole.BILLER))
    whole = export_fhir(wanted, tmp_path / "all", **given(store))
    assert (made.patients, made.left_out, whole.patients, whole.left_out) == (42, 1, 43, 0)
    assert made.lines[0] == "One patient was left out: the chart is not open to you."
    assert PATIENT not in "".join(
        path.read_text("utf-8") for path in (tmp_path / "out").iterdir()
    ).replace(f"{PATIENT}-", "")
    assert "/whole" not in (tmp_path / "out" / "Basic.ndjson").read_text("utf-8")
    assert "/whole" in (tmp_path / "all" / "Basic.ndjson").read_text("utf-8")
    named = FhirWanted(form=ExportForm.BUNDLE, patient_ids=(PATIENT,))
    with pytest.raises(ChartRestrictedError):
        export_fhir(named, tmp_path / "one", **given(store, AccessRole.BILLER))
    assert not list((tmp_path / "one").iterdir())


@pytest.mark.parametrize("role", [AccessRole.COORDINATOR, AccessRole.AUDITOR])
def test_who_may_not_export_gets_nothing(store: Store, tmp_path: Path, role: AccessRole) -> None:
    with pytest.raises(PermissionDeniedError):
        export_fhir(FhirWanted(form=ExportForm.BUNDLE), tmp_path / "out", **given(store, role))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_empty_stays_as_it_is(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "manifest.json").write_text("mine")
    with pytest.raises(CommandRefusedError, match="is not empty"):
        export_fhir(FhirWanted(form=ExportForm.BUNDLE), folder, **given(store))
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]
    assert (folder / "manifest.json").read_text() == "mine"


def test_a_record_that_fhir_cannot_say_leaves_no_file_and_is_named(
    store: Store, tmp_path: Path
) -> None:
    with store.writing(at=CLOCK.now()) as unit:
        table = PatientRow.__table__  # type: ignore[attr-defined] # made by the mapper
        odd = update(table).where(table.c.id == PATIENT).values(family_name="\x07")
        unit.connection.execute(odd)
    with pytest.raises(FhirExportError, match=r"^Patient [0-9a-f-]{36} ") as refused:
        export_fhir(FhirWanted(form=ExportForm.NDJSON), tmp_path / "out", **given(store))
    assert "\x07" not in str(refused.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_month_has_its_own_time_and_who_was_in_it(store: Store, tmp_path: Path) -> None:
    found = exported(store, tmp_path / "out", ExportForm.NDJSON, month=OCTOBER)
    starts = {each["performedPeriod"]["start"][:7] for each in found.of("Procedure")}
    assert starts == {"2026-10"}
    assert 0 < found.made.patients < 43
    assert {each["occurrencePeriod"]["start"] for each in found.of("ChargeItem")} == {"2026-10-01"}


def test_somebody_of_another_practice_is_not_there(store: Store, tmp_path: Path) -> None:
    wanted = FhirWanted(form=ExportForm.BUNDLE, patient_ids=("p-101", "pt-elsewhere"))
    with pytest.raises(NotFoundError):
        export_fhir(wanted, tmp_path / "out", **given(store))


def test_transactions_stand_by_themselves_and_are_not_too_large(
    store: Store, tmp_path: Path
) -> None:
    found = exported(store, tmp_path / "out", ExportForm.TRANSACTION, with_claims=True)
    assert [path.name for path in found.files][:2] == [
        "transaction-00001.json",
        "transaction-00002.json",
    ]
    for path in found.files:
        bundle = json.loads(path.read_bytes())
        assert bundle["type"] == "transaction"
        assert len(bundle["entry"]) <= MOST_ENTRIES + 40
        urls = {each["fullUrl"] for each in bundle["entry"]}
        assert len(urls) == len(bundle["entry"])
        text = json.dumps(bundle)
        assert {f"urn:uuid:{part[:36]}" for part in text.split('"urn:uuid:')[1:]} <= urls
        for each in bundle["entry"]:
            assert "id" not in each["resource"]
            request = each["request"]
            kind = each["resource"]["resourceType"]
            if kind in {"Provenance", "AuditEvent"}:
                assert request["method"] == "POST"
                assert request["ifNoneExist"].startswith("_tag=https://")
            else:
                assert request["method"] == "PUT"
                assert request["url"].startswith(f"{kind}?")
    distinct = {
        each["fullUrl"] for path in found.files for each in json.loads(path.read_bytes())["entry"]
    }
    assert len(distinct) == found.made.total


def test_a_chart_that_is_too_large_is_repeated_with_the_next_of_its_months(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = exported(store, tmp_path / "one", ExportForm.TRANSACTION, patient_ids=(PATIENT,))
    monkeypatch.setattr("trellis_core.fhir.forms.MOST_ENTRIES", 10)
    parts = exported(store, tmp_path / "parts", ExportForm.TRANSACTION, patient_ids=(PATIENT,))
    assert len(whole.files) == 1
    assert len(parts.files) > 2
    assert parts.made.resources == whole.made.resources
    patients = [each for each in parts.resources if each["resourceType"] == "Patient"]
    assert len(patients) >= 2
    assert patients == patients[:1] * len(patients)


def test_the_number_of_statements_does_not_depend_on_the_number_of_patients(
    store: Store, tmp_path: Path
) -> None:
    def statements(*ids: str) -> int:
        said = 0
        with store.reading() as unit:
            engine = unit.connection.engine

        def count(*_: object) -> None:
            nonlocal said
            said += 1

        event.listen(engine, "before_cursor_execute", count)
        exported(store, tmp_path / f"s{len(ids)}", ExportForm.NDJSON, patient_ids=ids)
        event.remove(engine, "before_cursor_execute", count)
        return said

    with store.reading() as unit:
        everybody = (
            unit.session.connection().exec_driver_sql("select id from patient").scalars().all()
        )
    assert statements(*everybody[:5]) == statements(*everybody[:40])


def test_the_journal_names_an_export_and_everybody_who_was_asked_for(
    store: Store, tmp_path: Path
) -> None:
    exported(store, tmp_path / "whole", ExportForm.NDJSON)
    exported(store, tmp_path / "two", ExportForm.NDJSON, patient_ids=("p-102", PATIENT))
    with store.reading() as unit:
        said = unit.session.connection().exec_driver_sql(
            "select patient_id, details, author_id from event where kind = 'exported' order by seq"
        )
        events = [(patient, json.loads(details), author) for patient, details, author in said]
    assert [patient for patient, _, _ in events] == [None, PATIENT, "p-102"]
    assert {author for _, _, author in events} == {owner_of(store).person_id}
    assert [details["patients"] for _, details, _ in events] == [43, 2, 2]
    assert events[0][1]["what"] == "records as FHIR"


def test_a_zip_of_the_same_files_is_the_same(store: Store, tmp_path: Path) -> None:
    found = exported(store, tmp_path / "out", ExportForm.NDJSON, month=NOVEMBER)
    content = zipped(found.folder, found.made)
    assert content == zipped(found.folder, found.made)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert archive.namelist() == [name for name, _ in found.made.files]
        assert archive.read("manifest.json") == (found.folder / "manifest.json").read_bytes()


def test_the_command_says_what_it_needs(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = ["--store", f"sqlite:///{tmp_path / 'store.db'}"]
    assert main(["export", "fhir", "--out", str(tmp_path / "a"), *url]) == 2
    assert "Give --form and --out" in capsys.readouterr().err
    assert (
        main(
            [
                "export",
                "fhir",
                "--documents-only",
                "--form",
                "ndjson",
                "--out",
                str(tmp_path / "b"),
                *url,
            ]
        )
        == 2
    )
    assert "--documents-only goes with --to" in capsys.readouterr().err
    out = ["--form", "bundle", "--patient", PATIENT, "--out", str(tmp_path / "c"), *url]
    assert main(["export", "fhir", *out, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["patients"] == 1
    assert said["files"][0]["name"] == "bundle.json"
    assert main(["export", "fhir", *out]) == 2
