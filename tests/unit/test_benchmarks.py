"""The benchmarks run and say what they measured; what they measure is nobody's test."""

import re
from dataclasses import replace

from benchmarks.board import run as run_board
from benchmarks.cases import PROGRAMS, case
from benchmarks.determination import run
from benchmarks.ledger import QUICK
from benchmarks.ledger import run as run_ledger
from benchmarks.measure import percentile
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
