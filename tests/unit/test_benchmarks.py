"""The benchmarks run and say what they measured; what they measure is nobody's test."""

import re

from benchmarks.cases import PROGRAMS, case
from benchmarks.determination import run
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
