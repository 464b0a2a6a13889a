"""What an import reads at most: file by file, before anything is stored."""

from datetime import date

import pytest

from tests.support.small_panel import SmallPanel
from trellis_core.errors import InputRefusedError
from trellis_core.services.fhir_import import import_fhir
from trellis_core.services.practice_files import MAX_FILE_BYTES, read_practice_files

DAY = date(2026, 11, 20)
PRACTICE = b'{"id": "p", "name": "A practice"}'
STAFF = b"id,role,given_name,family_name\ns1,clinical_staff,Ada,Fern\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "practice.json").write_bytes(PRACTICE)
    (tmp_path / "staff.csv").write_bytes(STAFF)
    (tmp_path / "patients.csv").write_bytes(b"id,mrn,family_name,given_name,birth_date\n")
    return tmp_path


def test_the_folder_of_these_tests_can_be_read(folder):
    assert read_practice_files(folder, day=DAY).problems == ()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"id": "p", "id": "q", "name": "x"}', "DUPLICATE_KEY"),
        (b'{"id": NaN, "name": "x"}', "NOT_JSON"),
        (b'{"id": 1e400, "name": "x"}', "OUT_OF_RANGE"),
        (b'{"id": "\\ud83d", "name": "x"}', "NOT_JSON"),
        (b"[" * 100_000, "TOO_DEEP"),
        (b" " * (MAX_FILE_BYTES + 1), "TOO_LARGE"),
    ],
)
def test_a_practice_that_is_not_strict_json_is_refused(folder, content, code):
    (folder / "practice.json").write_bytes(content)
    with pytest.raises(InputRefusedError) as caught:
        read_practice_files(folder, day=DAY)
    assert (caught.value.code, caught.value.path) == (code, "practice.json")


def test_a_table_may_have_twenty_megabytes(folder):
    (folder / "staff.csv").write_bytes(STAFF.ljust(MAX_FILE_BYTES + 1, b"\n"))
    with pytest.raises(InputRefusedError, match="20 MB"):
        read_practice_files(folder, day=DAY)


def test_a_cell_without_an_end_is_a_problem_of_its_row(folder):
    (folder / "staff.csv").write_bytes(STAFF + b's2,clinical_staff,"' + b"x" * 5_000_000)
    (problem,) = read_practice_files(folder, day=DAY).problems
    assert "cannot be read as CSV" in problem


def test_reading_stops_after_a_thousand_problems(folder):
    (folder / "staff.csv").write_bytes(STAFF + b"x,y\n" * 1_000_000)
    problems = read_practice_files(folder, day=DAY).problems
    assert 1_000 < len(problems) < 1_010
    assert "reading stopped" in problems[1_000]


def test_a_bundle_over_the_limit_is_refused_by_its_place_and_not_by_its_name(
    store, clock, tmp_path
):
    path = tmp_path / "Zephyrina Quillfeather.json"
    path.write_bytes(b" " * (MAX_FILE_BYTES + 1))
    with pytest.raises(InputRefusedError) as caught:
        import_fhir([path], store=store, actor=SmallPanel(store).actor(), clock=clock)
    assert (caught.value.code, caught.value.path) == ("TOO_LARGE", "file 1")
    assert "Quillfeather" not in str(caught.value)
