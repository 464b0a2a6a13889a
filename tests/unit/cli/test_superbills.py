"""``trellis superbills`` from outside: files, refusals, standard output."""

import json
import os
import stat

import pytest

from tests.support.empty_store import empty_store
from tests.support.small_panel import SmallPanel, at
from trellis_core.access import AccessRole
from trellis_core.cli import main
from trellis_core.store.engine import open_store


@pytest.fixture
def url(tmp_path):
    """The URL of a store in which Fern has 42 minutes and a biller may act."""
    url = empty_store(tmp_path / "practice.db")
    store = open_store(url)
    panel = SmallPanel(store)
    biller = panel.staff("bill-1", "non_clinical", "")
    biller.access = AccessRole.BILLER.value
    panel.add(biller)
    panel.enrolled("fern", "moss")
    panel.log("fern", 42, at=at(3))
    store.close()
    return url


def run(url, *words):
    return main(["superbills", "2026-11", "--store", url, "--as", "bill-1", *words])


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("pdf", b"%PDF"),
        ("zip", b"PK"),
        ("csv", b"line_id"),
        ("xlsx", b"PK"),
        ("entries", b"superbill_id"),
    ],
)
def test_a_document_is_written_where_it_was_asked_for(url, tmp_path, form, start):
    out = tmp_path / f"bills.{form}"

    assert run(url, "--format", form, "--out", str(out)) == 0
    assert out.read_bytes().startswith(start)
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps rights elsewhere")
def test_only_its_owner_can_read_a_written_document(url, tmp_path):
    out = tmp_path / "bills.csv"
    run(url, "--format", "csv", "--out", str(out))

    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_in_a_folder_the_document_gets_its_own_name(url, tmp_path, capsys):
    folder = tmp_path / "out"
    folder.mkdir()

    assert run(url, "--format", "pdf", "--out", str(folder), "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    (written,) = folder.iterdir()
    assert answer["file"] == str(written)
    assert written.name == f"superbills-2026-11-{answer['sha256'][:8]}.pdf"


def test_a_hyphen_is_standard_output(url, capfdbinary):
    assert run(url, "--format", "json", "--out", "-") == 0
    answer = json.loads(capfdbinary.readouterr().out)
    assert [line["code"] for line in answer["superbills"][0]["lines"]] == ["99490", "99439"]


def test_a_profile_decides_the_columns_and_an_unknown_one_is_refused(url, tmp_path, capsys):
    out = tmp_path / "lines.csv"
    words = ("--format", "csv", "--out", str(out), "--profile")

    assert run(url, *words, "CMS-1500 boxes") == 0
    heading = out.read_text().splitlines()[0]
    assert heading.split(",")[:1] != ["line_id"]
    assert "24D" in heading
    assert run(url, *words, "Nobody's") == 2
    assert "CMS-1500 boxes" in capsys.readouterr().err


def test_named_superbills_are_written_alone_and_an_unknown_one_is_refused(url, capfdbinary):
    run(url, "--format", "json", "--out", "-")
    (bill,) = json.loads(capfdbinary.readouterr().out)["superbills"]
    words = ("--format", "json", "--out", "-", "--superbill")

    assert run(url, *words, bill["id"]) == 0
    assert json.loads(capfdbinary.readouterr().out)["superbills"] == [bill]
    assert run(url, *words, bill["id"], "--superbill", "sb-000000000000") == 2
    assert b"sb-000000000000" in capfdbinary.readouterr().err


def test_a_form_that_is_not_offered_says_so(url, tmp_path, capsys):
    assert run(url, "--format", "837p", "--out", str(tmp_path / "x")) == 2
    assert "not offered yet" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_nothing_to_bill_is_refused_with_the_reason(url, tmp_path, capsys):
    words = ("--format", "pdf", "--out", str(tmp_path / "x.pdf"), "--patient", "moss")

    assert run(url, *words) == 2
    assert "nothing can be billed yet" in capsys.readouterr().err


def test_a_program_is_named_in_any_case_and_an_unknown_one_is_refused(url, tmp_path, capsys):
    out = str(tmp_path / "bills.csv")

    assert run(url, "--format", "csv", "--out", out, "--program", "ccm") == 0
    with pytest.raises(SystemExit) as refused:
        run(url, "--format", "csv", "--out", out, "--program", "XYZ")
    assert refused.value.code == 2
    assert "CCM, PCM" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_refused(url, tmp_path, capsys):
    out = tmp_path / "missing" / "bills.csv"

    assert run(url, "--format", "csv", "--out", str(out)) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_fhir_needs_a_patient(url, tmp_path, capsys):
    out = tmp_path / "fern.json"

    assert run(url, "--format", "fhir", "--out", str(out)) == 2
    assert "Name the patient" in capsys.readouterr().err
    assert run(url, "--format", "fhir", "--out", str(out), "--patient", "fern") == 0
    assert json.loads(out.read_bytes())["resourceType"] == "Bundle"


def test_the_schema_of_superbills_can_be_asked_for(capsys):
    assert main(["schema", "superbill"]) == 0
    assert "superbills" in json.loads(capsys.readouterr().out)["properties"]
