"""Questions about a month: whom they go to, what they hold back, and who settles them."""

from datetime import UTC, datetime

import pytest

from tests.support.month_case import NOVEMBER, MonthCase
from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import EntryMode, Program
from trellis_core.care.work import PatientNote
from trellis_core.errors import (
    CommandRefusedError,
    DuplicateCommandError,
    MonthClosedError,
    PermissionDeniedError,
)
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import notes
from trellis_core.services.board import board
from trellis_core.services.inbox import inbox
from trellis_core.services.merging import MergePatients, merge_patients
from trellis_core.services.questions import AskAboutMonth, ask_about_month, open_questions
from trellis_core.services.restricted import restrict_chart
from trellis_core.services.review_rows import OpenQuestion
from trellis_core.services.time_log import LONGEST_NOTE
from trellis_core.store.engine import Store
from trellis_core.store.tables import StaffRow
from trellis_core.values.periods import ServiceMonth

TENTH = datetime(2026, 11, 10, 15, 0, tzinfo=UTC)
QUESTION = "Was the daughter spoken to on the 10th?"


@pytest.fixture
def case(store: Store) -> MonthCase:
    """Two billable months; the nurse coordinates, and desk-1 sends the claims."""
    made = MonthCase(store)
    made.enrolled("p1", "p2")
    for kind, access in (("rn-1", "coordinator"), ("sw-1", "coordinator"), ("desk-1", "biller")):
        made.change(StaffRow, made.practice_id, kind, access=access)
    for hour, patient in enumerate(("p1", "p2"), 15):
        made.panel.log(patient, 25, at=TENTH.replace(hour=hour), mode=EntryMode.TIMED)
    return made


def biller(case: MonthCase) -> Actor:
    return case.actor(AccessRole.BILLER, "desk-1")


def ask(case: MonthCase, *, actor: Actor | None = None, **more: object) -> PatientNote:
    given = {"note_id": "q-1", "patient_id": "p1", "month": NOVEMBER, "program": Program.CCM,
             "to_staff": "rn-1", "text": QUESTION}  # fmt: skip
    return ask_about_month(
        AskAboutMonth(**(given | more)),  # type: ignore[arg-type]
        store=case.store,
        actor=actor or biller(case),
        clock=case.clock,
    )


def answer(case: MonthCase, actor: Actor, words: str = "Yes, at noon.") -> PatientNote:
    return notes.answer_hand_off(
        "q-1", answer=words, store=case.store, actor=actor, clock=case.clock
    )


def waiting(case: MonthCase, **more: object) -> dict[str, tuple[OpenQuestion, ...]]:
    with case.store.reading() as unit:
        return open_questions(unit, case.practice_id, NOVEMBER, **more)  # type: ignore[arg-type]


def ready(case: MonthCase) -> set[str]:
    return {bill.patient.id for bill in case.bills() if bill.is_ready}


def test_a_question_holds_that_patients_drafts_back_until_it_is_answered(case: MonthCase) -> None:
    assert ready(case) == {"p1", "p2"}
    asked = ask(case)
    assert asked.asks == NOVEMBER
    assert ready(case) == {"p2"}
    (found,) = waiting(case)["p1"]
    assert (found.text, found.asked_by_name, found.to_staff) == (QUESTION, "desk-1", "rn-1")
    assert found.program is Program.CCM
    assert waiting(case, patient_id="p2") == {}

    answered = answer(case, case.actor(AccessRole.COORDINATOR, "rn-1"))
    assert (answered.answer, answered.answered_by, answered.asks) == (
        "Yes, at noon.", "rn-1", NOVEMBER,
    )  # fmt: skip
    assert ready(case) == {"p1", "p2"}
    assert waiting(case) == {}
    (kept,) = notes.notes_of("p1", store=case.store, actor=biller(case), clock=case.clock)
    assert (kept.text, kept.made_by, kept.answer) == (QUESTION, "desk-1", "Yes, at noon.")


def test_it_waits_on_the_colleagues_home_and_on_the_board_of_that_month(case: MonthCase) -> None:
    ask(case)
    nurse = case.actor(AccessRole.COORDINATOR, "rn-1")
    (there,) = inbox(store=case.store, actor=nurse, clock=case.clock).hand_offs
    assert there.asks == NOVEMBER

    def asked(month: ServiceMonth) -> list[str]:
        found = board(
            month=month, store=case.store, actor=nurse, clock=case.clock,
            rule_book=load_rule_book(),
        )  # fmt: skip
        return [row.patient_id for row in found.rows if found.work_of(row).questions]

    assert asked(NOVEMBER) == ["p1"]
    assert asked(NOVEMBER.plus(1)) == []
    answer(case, nurse)
    assert asked(NOVEMBER) == []


def test_only_the_one_asked_or_whoever_asked_settles_it(case: MonthCase) -> None:
    ask(case)
    with pytest.raises(CommandRefusedError) as refused:
        answer(case, case.actor(AccessRole.COORDINATOR, "sw-1"))
    assert refused.value.code == "NOT_YOUR_HAND_OFF"
    assert answer(case, biller(case), "Found it in the call log.").answered_by == "desk-1"
    assert ready(case) == {"p1", "p2"}


def test_the_same_form_asks_once(case: MonthCase) -> None:
    assert ask(case) == ask(case)
    with pytest.raises(DuplicateCommandError):
        ask(case, month=NOVEMBER.plus(1))
    with pytest.raises(DuplicateCommandError):
        notes.write_note(
            "p1", text=QUESTION, program=Program.CCM, to_staff="rn-1", note_id="q-1",
            store=case.store, actor=biller(case), clock=case.clock,
        )  # fmt: skip
    assert len(waiting(case)["p1"]) == 1


REFUSED: tuple[tuple[dict[str, object], str], ...] = (
    ({"text": "  "}, "QUESTION_EMPTY_OR_LONG"),
    ({"text": "x" * (LONGEST_NOTE + 1)}, "QUESTION_EMPTY_OR_LONG"),
    ({"to_staff": "desk-1"}, "HANDED_TO_ONESELF"),
    ({"to_staff": "dr-1"}, "COLLEAGUE_WITHOUT_CHART"),
    ({"to_staff": "rn-1", "patient_id": "p2"}, "COLLEAGUE_WITHOUT_CHART"),
)


def test_what_is_refused(case: MonthCase) -> None:
    restrict_chart(
        "p2",
        readers=["desk-1"],
        store=case.store,
        actor=case.actor(AccessRole.OWNER, "sw-1"),
        clock=case.clock,
    )
    for more, code in REFUSED:
        with pytest.raises(CommandRefusedError) as refused:
            ask(case, **more)
        assert refused.value.code == code, more
    assert waiting(case) == {}
    assert ask(case, text="x" * LONGEST_NOTE).is_waiting


def test_a_closed_month_is_not_asked_about_and_who_reads_alone_does_not_ask(
    case: MonthCase,
) -> None:
    with pytest.raises(PermissionDeniedError):
        ask(case, actor=case.actor(AccessRole.COORDINATOR, "sw-1"))
    case.close()
    with pytest.raises(MonthClosedError, match="nothing was asked"):
        ask(case)
    case.reopen()
    assert ask(case).is_waiting


def test_a_question_follows_a_merged_record(case: MonthCase) -> None:
    ask(case, patient_id="p2", program=None)
    merge_patients(
        MergePatients(
            merge_id="m-1", patient_id="p1", merged_patient_id="p2", reason="The same person twice"
        ),
        store=case.store, actor=case.actor(AccessRole.OWNER, "dr-1"), clock=case.clock,
    )  # fmt: skip
    assert list(waiting(case)) == ["p1"]
    nurse = case.actor(AccessRole.COORDINATOR, "rn-1")
    (there,) = inbox(store=case.store, actor=nurse, clock=case.clock).hand_offs
    assert there.patient_id == "p1"
    notes.answer_hand_off(there.id, answer="Yes", store=case.store, actor=nurse, clock=case.clock)
    assert waiting(case) == {}
