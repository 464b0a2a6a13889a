"""What the sample practice shows of consents, plans and practitioners, and what its files refuse."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from trellis_core.care.plans import changed_between
from trellis_core.care.vocabulary import Program
from trellis_core.sample import app_folder, load_sample
from trellis_core.services import caseload
from trellis_core.services.practice_files import read_practice_files
from trellis_core.services.sign_in import demo_actors
from trellis_core.store.engine import Store
from trellis_core.values.periods import ServiceMonth

DAY = date(2026, 11, 22)
OCTOBER = ServiceMonth(2026, 10)
FOLDER = app_folder() / "sample_data"


def test_the_sample_shows_a_refusal_a_late_record_two_versions_and_a_change(store: Store) -> None:
    load_sample(store, day=DAY)
    owner = demo_actors(store=store)[0][1]

    def chart(patient_id: str) -> caseload.Chart:
        return caseload.chart(patient_id, month=OCTOBER, store=store, actor=owner)

    (refusal,) = chart("p-207").declined
    assert (refusal.program, refusal.asked_by) == (Program.CCM, "rn-1")
    (late,) = chart("p-209").consents
    assert late.recorded_at is not None
    assert late.recorded_at.date() == date(2026, 10, 16)
    assert late.obtained_on == date(2026, 10, 14)
    assert late.backdating_reason
    (given,) = chart("p-216").consents
    assert given.given_by == "Sofia Tamarind (daughter and health care proxy)"
    planned = chart("p-212")
    first, second = planned.plan_versions
    assert (first.number, second.number) == (1, 2)
    assert changed_between(first, second)
    assert planned.care_plans[0].goals == second.elements["goals"]
    (enrolled,) = chart("p-214").enrollments
    assert enrolled.practitioners_on(date(2026, 10, 14)).supervisor == "md-1"
    assert enrolled.practitioners_on(date(2026, 10, 15)).supervisor == "np-1"


@pytest.mark.parametrize(
    ("name", "row", "said"),
    [
        (
            "care_plan_versions.csv",
            "p-101,BHI,1,M-1-05,rn-1,,,Walk,,,,,,,",
            "care_plans.csv has no row of 'p-101' and BHI",
        ),
        (
            "enrollment_practitioners.csv",
            "p-101,PCM,M-1-01,md-1,",
            "enrollments.csv has no row of 'p-101' and PCM",
        ),
        ("enrollment_practitioners.csv", "p-214,CCM,M-1-20,,", "billing_practitioner"),
        ("declined_consents.csv", "p-207,CCM,,verbal,,rn-1,", "declined_on"),
    ],
)
def test_a_row_about_nothing_on_file_is_refused(
    tmp_path: Path, name: str, row: str, said: str
) -> None:
    shutil.copytree(FOLDER, tmp_path / "practice")
    path = tmp_path / "practice" / name
    path.write_text(path.read_text(encoding="utf-8") + row + "\n", encoding="utf-8")
    problems = read_practice_files(tmp_path / "practice", day=DAY).problems
    assert len(problems) == 1
    assert said in problems[0]
