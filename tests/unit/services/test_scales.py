"""Rating scales: what answers make of a total, and the safety task that no result goes without."""

from datetime import date, timedelta

import pytest

from tests.support.ledger_case import NURSE, OWNER
from tests.support.work_case import NOW, PRACTICE, TODAY, fill_practice, put, restricted
from trellis_core.care.vocabulary import Program, ScaleUse
from trellis_core.care.work import TaskKind
from trellis_core.errors import CommandRefusedError, DuplicateCommandError
from trellis_core.services.scale_results import results_of_list, scale_results
from trellis_core.services.scales import excuse_scale, record_scale
from trellis_core.services.tasks import open_tasks
from trellis_core.store.tables import PatientRow, RatingScaleRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.unknown import UNKNOWN

WHO = "pt-1"


@pytest.fixture
def store(store):
    fill_practice(store)
    return store


def around(store, actor=NURSE):
    return {"store": store, "actor": actor, "clock": FixedClock(NOW)}


def recorded(store, instrument="PHQ-9", *, on=TODAY, patient_id=WHO, **facts):
    return record_scale(patient_id, instrument=instrument, on=on, **facts, **around(store))


def refused(code):
    return pytest.raises(CommandRefusedError, check=lambda error: error.code == code)


def test_the_total_follows_from_the_answers(store):
    made = recorded(
        store, "phq 9", answers=[1, 2, 1, 2, 0, 1, 1, 0, 0], acted_on=ScaleUse.PLAN_KEPT
    )
    assert (made.scale.instrument, made.scale.score, made.by) == ("PHQ-9", 8, "staff-nurse")
    assert scale_results(WHO, **around(store)) == (made,)
    assert results_of_list([WHO, "pt-2"], **around(store)) == {WHO: (made,)}
    assert open_tasks(WHO, **around(store)) == ()


def test_a_missing_answer_leaves_no_total_and_is_kept(store):
    made = recorded(store, answers=[1] * 8 + [None])
    assert made.scale.score is UNKNOWN
    assert made.safety is UNKNOWN
    assert scale_results(WHO, **around(store)) == (made,)


@pytest.mark.parametrize(
    ("instrument", "facts", "title"),
    [
        ("PHQ-9", {"answers": [0] * 8 + [1]}, "Safety check today: PHQ-9 item 9 is above zero"),
        ("PHQ-9", {"answers": [None] * 8 + [2], "score": 9}, "Safety check today: PHQ-9 item 9 is above zero"),
        ("EPDS", {"answers": [0] * 9 + [3]}, "Safety check today: EPDS item 10 is above zero"),
        ("C-SSRS", {"answers": [1, 0, None, None, None, 0, None]}, "Safety check today: C-SSRS, low risk"),
        ("C-SSRS", {"answers": [1, 1, None, None, None, 0, None]}, "Safety check today: C-SSRS, a positive answer"),
        ("C-SSRS", {"level": "high"}, "Safety check today: C-SSRS, high risk"),
    ],
)  # fmt: skip
def test_a_safety_task_is_raised_at_once_whatever_the_total(store, instrument, facts, title):
    made = recorded(store, instrument, program=Program.BHI, **facts)
    (task,) = open_tasks(WHO, **around(store))
    assert task == made.task
    assert (task.kind, task.title, task.due_on) == (TaskKind.SAFETY, title, TODAY)
    assert (task.source_id, task.program) == (made.scale.id, Program.BHI)


def test_a_form_sent_twice_is_one_result_and_one_task(store):
    facts = {"answers": [0] * 8 + [1], "scale_id": "form-1"}
    assert recorded(store, **facts) == recorded(store, **facts)
    assert len(scale_results(WHO, **around(store))) == 1
    assert len(open_tasks(WHO, **around(store))) == 1
    with pytest.raises(DuplicateCommandError):
        recorded(store, answers=[0] * 9, scale_id="form-1")


@pytest.mark.parametrize(
    ("code", "instrument", "facts"),
    [
        ("SCORE_OUT_OF_RANGE", "PHQ-9", {"score": 28}),
        ("SCORE_OUT_OF_RANGE", "MoCA", {"score": 31}),
        ("SCORE_DIFFERS", "PHQ-9", {"score": 2, "answers": [3] + [None] * 8}),
        ("SCORE_DIFFERS", "PHQ-9", {"score": 27, "answers": [2] + [None] * 8}),
        ("SCORE_DIFFERS", "A diary", {"score": 2, "answers": [3]}),
        ("ANSWERS_OF_ANOTHER_SCALE", "PHQ-9", {"answers": [1] * 7}),
        ("ANSWERS_OF_ANOTHER_SCALE", "PHQ-9", {"answers": [4] * 9}),
        ("LEVEL_NEEDED", "C-SSRS", {"score": 3}),
        ("LEVEL_DIFFERS", "C-SSRS", {"level": "severe"}),
        ("LEVEL_DIFFERS", "C-SSRS", {"level": "low", "answers": [1, 1, 0, 1, 0, 0, 0]}),
        ("SCALE_ID_MALFORMED", "PHQ-9", {"score": 3, "scale_id": "form 1"}),
        ("DAY_IN_FUTURE", "PHQ-9", {"score": 3, "on": TODAY + timedelta(days=1)}),
    ],
)
def test_what_cannot_be_is_refused(store, code, instrument, facts):
    with refused(code):
        recorded(store, instrument, **facts)
    assert scale_results(WHO, **around(store)) == ()


def test_the_ends_of_the_range_and_of_what_is_open_are_taken(store):
    for score in (0, 27):
        assert recorded(store, score=score).scale.score == score
    for score in (2, 26):
        assert recorded(store, score=score, answers=[2] + [None] * 8).scale.score == score
    assert recorded(store, "C-SSRS", answers=[0, 0, None, None, None, 0, None]).level == "none"
    assert recorded(store, "MDQ", level="positive").level == "positive"


def test_answers_of_another_form_of_a_scale_are_not_read(store):
    put(store, RatingScaleRow(
        practice_id=PRACTICE, id="old", patient_id=WHO, instrument="PHQ-9", on_day=date(2026, 1, 5),
        score=4, answers="[1, 3]",
    ))  # fmt: skip
    (found,) = scale_results(WHO, **around(store))
    assert (found.answers, found.safety, found.scale.score) == (None, UNKNOWN, 4)


def test_a_list_leaves_closed_charts_out(store):
    recorded(store, score=3)
    recorded(store, score=4, patient_id="pt-2")
    put(store, restricted(WHO))
    assert set(results_of_list([WHO, "pt-2"], **around(store))) == {"pt-2"}
    assert set(results_of_list([WHO, "pt-2"], **around(store, OWNER))) == {WHO, "pt-2"}


def test_why_no_scale_applies_is_documented_and_taken_back(store):
    assert excuse_scale(WHO, reason="  Cannot be\nasked ", **around(store)) == "Cannot be asked"
    for reason in ("", " ", "x" * 301):
        with refused("EXCUSE_NEEDED"):
            excuse_scale(WHO, reason=reason, **around(store))
    with store.reading() as unit:
        row = unit.session.get(PatientRow, (PRACTICE, WHO))
    assert row.scale_not_applicable == "Cannot be asked"
    assert excuse_scale(WHO, reason=None, **around(store)) is None
