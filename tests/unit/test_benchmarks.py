"""The benchmarks run and say what they measured; what they measure is nobody's test."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.__main__ import run as run_all
from benchmarks.board import run as run_board
from benchmarks.browser import missing as missing_browser
from benchmarks.cases import PROGRAMS, case
from benchmarks.determination import run
from benchmarks.ledger import QUICK
from benchmarks.ledger import run as run_ledger
from benchmarks.made import make, url_of
from benchmarks.measure import percentile
from benchmarks.parts import PARTS, Asked
from benchmarks.rows import (
    Row,
    at_most,
    grows_at_most,
    memory_within,
    one_table,
    times_the_floor,
)
from benchmarks.sessions import floor as floor_of_sessions
from benchmarks.sessions import report as report_sessions
from benchmarks.sessions import run as run_sessions
from benchmarks.superbills import run as run_superbills
from tests.support.scenario_case import decided


def test_the_determination_benchmark_reports_every_step_beside_its_floor() -> None:
    report = run(cases=20, rounds=1)
    rows = re.findall(
        r"^\| ([a-zA-Z][^|]+) \| [\d.]+ s \| [\d.]+ µs \| [\d.]+ \|$", report, re.MULTILINE
    )
    assert rows == [
        "bare loop over the entries",
        "determine",
        "determine with its trace",
        "determine and write as JSON",
        "read the case file",
    ]
    assert "20 patient-months with" in report


def test_the_measured_panel_bills_in_every_program() -> None:
    billed = {PROGRAMS[number] for number in range(len(PROGRAMS)) if decided(case(number)).lines}
    assert billed == set(PROGRAMS)


def test_the_ledger_benchmark_reports_every_figure_beside_its_floor() -> None:
    report = run_ledger(replace(QUICK, entries=200, singles=2, seconds=0.2))
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in report.splitlines()
        if line.startswith("| ") and not line.startswith(("| what", "| :"))
    ]
    figures = {row[0]: row[1:] for row in rows}
    measured = re.compile(r"[\d,]+(\.\d+)? (ms|s|entries)")
    for name in (
        "one entry a transaction, half of them within",
        "a hundred a transaction, half of them within",
        "2 processes, 40 a second in all, half of them within",
        "2 processes as fast as they can, in a second",
        "five thousand a transaction, in a second",
    ):
        figure, floor, ratio, _ = figures[name]
        assert measured.fullmatch(figure)
        assert measured.fullmatch(floor)
        assert float(ratio) > 0
    for word in ("check of ", "check of what came since", "backup, ", "close of a month"):
        assert any(name.startswith(word) for name in figures), word
    assert [row[1].split()[0] for row in rows if row[0] == "… refused"] == ["0", "0"]
    assert "200 entries, every third with a note" in report


def test_the_board_benchmark_reports_every_look_with_its_statements() -> None:
    report = run_board(patients=10, entries=20, rounds=1)
    rows = re.findall(r"^\| ([a-z][^|]+) \| [\d,]+ ms \| (\d+) \|$", report, re.MULTILINE)
    statements = {name: int(count) for name, count in rows}
    assert statements["a look while nothing changes"] == 0
    assert 0 < statements["after somebody opened a chart"] < statements["after one entry"]
    assert statements["one patient, read anew"] <= 16


def test_the_superbills_benchmark_reports_every_kind_of_file() -> None:
    report = run_superbills(patients=3, entries=30)
    rows = re.findall(
        r"^\| ([a-zA-Z][^|]+) \| [\d.]+ s \| [\d.]+ ms \| [\d.]+ MiB \| [\d.]+ MiB \|$",
        report,
        re.MULTILINE,
    )
    assert len(rows) == 7
    assert re.match(r"[1-3] superbills with \d+ lines of 3 patients", report)


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(1, 101)]
    assert [percentile(values, part) for part in (1, 50, 99, 100)] == [1.0, 50.0, 99.0, 100.0]
    assert percentile([7.0], 50) == 7.0


# --- the whole ----------------------------------------------------------------------------------


def test_the_whole_writes_one_table_with_floors_targets_and_growth(tmp_path: Path) -> None:
    report = run_all(("sample", "verify"), sizes=(3, 6), store_folder=tmp_path)
    lines = {cells[0]: cells[1:] for cells in _table(report)}
    assert list(lines["what"]) == [
        "measured by", "at 3", "at 6", "floor at 6", "ratio", "target", "growth", "peak memory",
    ]  # fmt: skip
    verified = lines["verify: the whole store"]
    assert verified[0] == "processor"
    assert all(each.endswith("s") for each in verified[1:4])
    assert float(verified[4].replace(",", "")) > 0
    assert verified[5].startswith("≤ 10.0 s; ≤ 4 floors")
    assert verified[7].endswith("MiB")
    assert "- verify, 6 patients: 600 entries." in report
    assert "The floors: of the sample and of an import, as many rows" in report
    again = run_all(("sample",), sizes=(3, 6), store_folder=tmp_path)
    assert "sample of 6: not measured; it was there." in again


def test_the_whole_names_what_a_machine_lacks_and_what_did_not_end_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PARTS, "browser", replace(PARTS["browser"], missing=lambda: "no Chromium"))
    report = run_all(("browser",), sizes=(2, 2), store_folder=tmp_path, is_quick=True)
    assert "- browser: not measured; no Chromium." in report
    (tmp_path / "practice-2.db").write_bytes(b"no store")
    report = run_all(("verify",), sizes=(2, 2), store_folder=tmp_path, is_quick=True)
    assert re.search(r"- verify with 2 patients: did not end well; .*Error", report)


def test_a_missed_target_is_marked_at_the_large_practice() -> None:
    limits = (at_most(0.1), times_the_floor(3), memory_within(10), grows_at_most(10))
    small = Row(what="a look", figure=0.02, by="clock", targets=limits)
    large = replace(small, figure=0.3, floor=0.1, peak=20 * 1024 * 1024)
    cells = _table(one_table({"a look": small}, {"a look": large}, ("10", "100")))[-1]
    assert cells[2:5] == ("20 ms", "300 ms", "100 ms")
    assert cells[6].split("; ") == [
        "≤ 100 ms **missed**", "≤ 3 floors", "≤ 10 MiB **missed**", "growth ≤ 10 **missed**",
    ]  # fmt: skip
    assert cells[5] == "3.0"
    assert cells[7:] == ("15.0", "20 MiB")


# --- what it is put together from ---------------------------------------------------------------


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = url_of(tmp_path_factory.mktemp("practice"), 6)
    make(url, patients=6)
    return url


@pytest.fixture
def asked(practice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """A copy of a small practice, to be measured in this process."""
    monkeypatch.setenv("TRELLIS_DATA_FOLDER", str(tmp_path / "data"))
    shutil.copy(practice.removeprefix("sqlite:///"), tmp_path / "copy.db")
    url = f"sqlite:///{tmp_path / 'copy.db'}"
    return Asked(patients=6, url=url, folder=tmp_path, is_quick=True)


def test_sessions_look_at_the_board_over_websockets_while_a_colleague_records(asked: Asked) -> None:
    loads = run_sessions(asked.url, asked.folder, counts=(1, 2), seconds=0.6, warm=0.2, period=0.3)
    assert [load.sessions for load in loads] == [1, 2]
    assert [load.refused for load in loads] == [[], []]
    for load in loads:
        assert len(load.waits) == len(load.sizes) >= 2 * load.sessions
        assert min(load.waits) > 0
        assert min(load.sizes) > 1_000, "a look brings the board"
        assert load.peak >= load.resident > 0
    told = report_sessions(loads)
    assert [cells[0] for cells in _table(told)] == ["sessions", "1", "2"]
    assert "Errors: 0." in told


def test_the_floor_of_a_look_is_a_page_with_nothing_behind_it(tmp_path: Path) -> None:
    (load,) = floor_of_sessions(tmp_path, counts=(1,), seconds=0.5, period=0.2)
    assert len(load.waits) >= 2
    assert load.refused == []


def test_a_close_tells_what_others_waited(asked: Asked) -> None:
    found = PARTS["close"].run(asked)
    figures = {row.what: row for row in found.rows}
    close = figures["month: its close, without PDFs"]
    assert close.figure > (close.floor or 0) > 0
    waits = [row for name, row in figures.items() if "others" in name]
    assert len(waits) == 2
    assert all(row.figure > 0 and row.floor for row in waits)
    assert re.match(r"[1-6] superbills; the close took", found.detail)


def test_entries_are_appended_by_several_processes_into_the_practice(asked: Asked) -> None:
    found = PARTS["append"].run(asked)
    assert [row.what.rpartition(" ")[2] for row in found.rows] == ["p50", "p99"]
    assert all(row.floor for row in found.rows)
    assert found.detail.endswith("entries, 0 refused.")


def test_files_of_superbills_and_fhir_are_measured(asked: Asked) -> None:
    drawn = PARTS["pdf"].run(asked)
    assert len(drawn.rows) == 2
    assert re.match(r"[1-6] superbills\.", drawn.detail)
    fhir = PARTS["fhir"].run(asked)
    assert (fhir.rows[0].floor or 0) > 0
    assert re.match(r"\d+ resources", fhir.detail)


def test_reading_a_practice_from_elsewhere_is_measured(asked: Asked) -> None:
    found = PARTS["import"].run(asked)
    assert [row.what.partition(",")[0] for row in found.rows] == [
        "import: patients from CSV",
        "import: five rows of time a patient from CSV",
        "import: both as a practice's folder",
    ]
    assert found.detail == "30 rows of time."


def test_the_browser_is_passed_over_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert missing_browser() == "no Chromium was found"


def _table(report: str) -> list[tuple[str, ...]]:
    """Return the cells of a report's first table, its headings first."""
    lines = [line for line in report.splitlines() if line.startswith("| ")]
    cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    return [each for each in cells if not each[0].startswith(":-")]
