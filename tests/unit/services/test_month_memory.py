"""The kept month: it says what drawing it up anew says, and costs little while little changes."""

import io
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from tests.support.month_case import DECEMBER, NOVEMBER, OVER, MonthCase
from tests.support.small_panel import at, counted_statements
from tests.support.tampering import tamper
from trellis_core.access import AccessRole
from trellis_core.care.people import Coverage
from trellis_core.care.vocabulary import EntryMode, PayerKind, Program
from trellis_core.cli._close_progress import CloseProgress
from trellis_core.errors import StoreError, TrellisError
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import issued_superbills
from trellis_core.services.access_events import note_view
from trellis_core.services.approvals import ApproveSuperbills, approve_superbills
from trellis_core.services.attestations import AttestDiagnoses, attest_diagnoses
from trellis_core.services.billing_records import QUESTION_OPEN, FeeListKind
from trellis_core.services.checkpoints import make_checkpoint
from trellis_core.services.coverage import change_coverage
from trellis_core.services.issued_superbills import IssuedMemory, read_issued
from trellis_core.services.merging import MergePatients, merge_patients
from trellis_core.services.month_close import ClosedMonth, CloseMonth, close_month
from trellis_core.services.month_memory import looking
from trellis_core.services.month_plan import MonthPlan, plan_month
from trellis_core.services.months import plan_at
from trellis_core.services.notes import answer_hand_off
from trellis_core.services.questions import AskAboutMonth, ask_about_month
from trellis_core.services.superbill_drafts import Step, tell_nobody
from trellis_core.services.superbill_owners import patients_of
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    ConditionRow,
    ConsentRow,
    DischargeRow,
    EnrollmentRow,
    FeeListAmountRow,
    FeeListRow,
    StaffRow,
)
from trellis_core.superbill.sharing import SharedParts
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

BOOK = load_rule_book()


@pytest.fixture
def case(store: Store) -> MonthCase:
    case = MonthCase(store)
    case.enrolled("p-1", "p-2", "p-3", "p-4")
    case.change(StaffRow, "prac-1", "dr-1", access="owner")
    case.panel.log("p-1", 25, at=at(3), mode=EntryMode.TIMED)
    case.panel.log("p-2", 25, at=at(4), mode=EntryMode.TIMED)
    return case


def kept(case: MonthCase, month: ServiceMonth = NOVEMBER) -> MonthPlan:
    with looking(case.store, practice_id=case.practice_id, clock=case.clock) as look:
        return plan_at(look, case.practice_id, month, rule_book=BOOK)


def anew(case: MonthCase, month: ServiceMonth = NOVEMBER) -> MonthPlan:
    with case.store.reading() as unit:
        return plan_month(unit, case.practice_id, month, as_of=case.now(), rule_book=BOOK)


def drafts(case: MonthCase) -> dict[str, object]:
    return {each.patient.id: each.superbills for each in kept(case).bills.patients}


def approve(case: MonthCase) -> None:
    approve_superbills(ApproveSuperbills(month=NOVEMBER), **service(case), rule_book=BOOK)


def service(case: MonthCase, role: AccessRole = AccessRole.BILLER, person: str = "rn-1") -> dict:
    return {"store": case.store, "actor": case.actor(role, person), "clock": case.clock}


class Changes:
    """What may happen to a month, by chance."""

    def __init__(self, case: MonthCase, seed: int) -> None:
        self.case = case
        self.chance = random.Random(seed)  # noqa: S311 - an order of changes, not a secret
        self.made = 0
        self.logged: list[str] = []
        self.asked: list[str] = []

    def who(self) -> str:
        return self.chance.choice(("p-1", "p-2", "p-3", "p-4", "p-5"))

    def new(self) -> str:
        self.made += 1
        return f"made-{self.made}"

    def log(self) -> None:
        start = at(self.chance.randrange(1, 5), 15, self.chance.randrange(0, 30))
        mode = self.chance.choice((EntryMode.TIMED, EntryMode.TYPED))
        minutes = self.chance.randrange(5, 40)
        self.logged.append(self.case.panel.log(self.who(), minutes, at=start, mode=mode))

    def void(self) -> None:
        if self.logged:
            self.case.panel.void(self.logged.pop(self.chance.randrange(len(self.logged))))

    def revoke(self) -> None:
        day = self.chance.choice((None, date(2026, 10, 3), date(2026, 11, 12)))
        self._rows(ConsentRow, self.who(), revoked_on=day)

    def end(self) -> None:
        day = self.chance.choice((None, date(2026, 10, 31), date(2026, 11, 15)))
        self._rows(EnrollmentRow, self.who(), ended_on=day)

    def discharge(self) -> None:
        day = date(2026, 11, self.chance.randrange(5, 30))
        own = {"practice_id": self.case.practice_id, "patient_id": self.who()}
        self.case.panel.add(DischargeRow(id=self.new(), discharged_on=day, **own))

    def rename(self) -> None:
        self.case.change_patient(
            self.who(), family_name=self.chance.choice(("Fern", "Moss", "Ash"))
        )

    def demote(self) -> None:
        role = self.chance.choice(("clinical_staff", "non_clinical"))
        self.case.change(StaffRow, self.case.practice_id, "rn-1", role=role)

    def charge(self) -> None:
        own = {"practice_id": self.case.practice_id, "kind": FeeListKind.CHARGES.value}
        with self.case.store.writing() as unit:
            unit.session.merge(FeeListRow(payer_name="", name=self.new(), **own))
            unit.session.merge(
                FeeListAmountRow(
                    payer_name="", code="99490", from_day=date(2026, 1, 1),
                    amount_cents=self.chance.randrange(9000, 9999), **own,
                )
            )  # fmt: skip

    def cover(self) -> None:
        day = date(2026, 11, self.chance.randrange(1, 30))
        covered = Coverage(
            payer_name="Meadow", kind=PayerKind.COMMERCIAL, member_id="M1", started_on=day
        )
        change_coverage(self.who(), coverage=covered, **service(self.case, AccessRole.OWNER))

    def attest(self) -> None:
        who = self.chance.choice(("p-1", "p-2", "p-3"))
        with self.case.store.reading() as unit:
            found = unit.session.exec(select(ConditionRow.id).where(ConditionRow.patient_id == who))
            conditions = tuple(self.chance.sample(sorted(found), 2))
        attest_diagnoses(
            AttestDiagnoses(
                patient_id=who, program=Program.CCM, month=NOVEMBER, conditions=conditions
            ),
            **service(self.case, AccessRole.OWNER, "dr-1"),
        )

    def ask(self) -> None:
        note_id = self.new()
        self.asked.append(note_id)
        ask_about_month(
            AskAboutMonth(
                note_id=note_id, patient_id=self.who(), month=NOVEMBER, to_staff="dr-1",
                text="Was this a call?",
            ),
            **service(self.case),
        )  # fmt: skip

    def answer(self) -> None:
        if self.asked:
            answer_hand_off(
                self.asked.pop(), answer="Yes.", **service(self.case, AccessRole.OWNER, "dr-1")
            )

    def approve(self) -> None:
        approve(self.case)

    def merge(self) -> None:
        merge_patients(
            MergePatients(
                merge_id=self.new(),
                patient_id="p-1",
                merged_patient_id="p-4",
                reason="Same person, two intakes",
            ),
            **service(self.case, AccessRole.OWNER, "dr-1"),
        )

    def close(self) -> None:
        self.case.close()

    def reopen(self) -> None:
        self.case.reopen()

    def seal(self) -> None:
        make_checkpoint("asked", store=self.case.store, clock=self.case.clock,
                        actor=self.case.actor(AccessRole.OWNER))  # fmt: skip

    def wait(self) -> None:
        self.case.clock = FixedClock(self.case.now() + timedelta(hours=self.chance.choice((1, 14))))

    def look(self) -> None:
        note_view(self.who(), **service(self.case))

    def _rows(self, kind: type, who: str, **changes: object) -> None:
        with self.case.store.writing() as unit:
            for row in unit.session.exec(select(kind).where(kind.patient_id == who)):
                for name, value in changes.items():
                    setattr(row, name, value)

    def all(self) -> list[Callable[[], None]]:
        often = [self.log] * 5 + [self.void, self.approve, self.ask, self.attest, self.seal]
        return [
            *often, self.revoke, self.end, self.discharge, self.rename, self.demote, self.charge,
            self.cover, self.answer, self.close, self.reopen, self.wait, self.look,
        ]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_after_any_change_the_kept_month_is_what_drawing_it_up_anew_gives(
    case: MonthCase, seed: int
) -> None:
    case.panel.add(case.panel.patient("p-5"))
    changes = Changes(case, seed)
    acts = [changes.chance.choice(changes.all()) for _ in range(22)]
    acts.insert(changes.chance.randrange(22), changes.merge)
    kept(case)
    done = 0
    for act in acts:
        with suppress(
            TrellisError, IntegrityError
        ):  # a month may be closed, a question answered already
            act()
            done += 1
        assert kept(case) == anew(case), act.__name__
    assert done > len(acts) // 2


def test_a_second_look_draws_nobody_up_and_asks_as_much_for_four_as_for_none(
    case: MonthCase,
) -> None:
    first = drafts(case)
    note_view("p-1", **service(case))
    with counted_statements(case.store) as statements:
        again = drafts(case)
    assert all(again[each] == first[each] for each in first)
    assert not any("condition" in each for each in statements)
    with counted_statements(case.store) as for_none:
        kept(case, DECEMBER)
        for_none.clear()
        kept(case, DECEMBER)
    assert len(statements) == len(for_none)


def test_one_entry_draws_up_whom_it_is_of_and_whose_time_it_overlaps(case: MonthCase) -> None:
    case.panel.log("p-3", 30, at=at(5), mode=EntryMode.TIMED)
    before = drafts(case)
    case.panel.log("p-2", 30, at=at(3, 15, 10), mode=EntryMode.TIMED)  # while p-1 was timed
    after = drafts(case)
    assert after["p-3"] is before["p-3"]
    assert after["p-1"] is not before["p-1"]
    assert after["p-2"] != before["p-2"]
    assert kept(case) == anew(case)


def test_what_is_laid_over_a_draft_ends_with_what_it_is_of(case: MonthCase) -> None:
    (one, two) = kept(case).bills.superbills
    assert (one.approval, two.approval) == (None, None)
    approve(case)
    before = drafts(case)
    assert all(bill.approval for bill in kept(case).bills.superbills)
    ask_about_month(
        AskAboutMonth(
            note_id="asked", patient_id="p-1", month=NOVEMBER, to_staff="dr-1", text="Why?"
        ),
        **service(case),
    )
    (one, two) = kept(case).bills.superbills
    assert [each.code for each in one.missing] == [QUESTION_OPEN]
    assert drafts(case)["p-2"] is before["p-2"]
    case.panel.log("p-2", 1, at=at(9), mode=EntryMode.TIMED)
    assert kept(case).bills.superbills[1].approval is None


def test_midnight_ends_what_is_kept(case: MonthCase) -> None:
    case.clock = FixedClock(OVER + timedelta(hours=23, minutes=58))  # New York: two minutes before
    before = drafts(case)
    case.clock = FixedClock(OVER + timedelta(hours=23, minutes=59))
    assert drafts(case)["p-1"] is before["p-1"]
    case.clock = FixedClock(OVER + timedelta(hours=24))
    assert drafts(case)["p-1"] is not before["p-1"]


def test_only_two_months_are_kept(case: MonthCase) -> None:
    before = drafts(case)
    kept(case, DECEMBER)
    assert drafts(case)["p-1"] is before["p-1"]
    for number in (8, 9):
        kept(case, ServiceMonth(2026, number))
    assert drafts(case)["p-1"] is not before["p-1"]


def test_what_is_shared_is_equal_and_held_once(case: MonthCase) -> None:
    one, two = kept(case).bills.superbills
    assert one.practice is two.practice
    assert one.rules[0] is two.rules[0]
    for bill in anew(case).bills.superbills:
        assert SharedParts().sharing(bill) == bill


def test_looks_at_once_while_somebody_writes_end_with_the_newest_month(case: MonthCase) -> None:
    problems: list[BaseException] = []
    stop = threading.Event()

    def look() -> None:
        try:
            while not stop.is_set():
                kept(case)
        except BaseException as problem:  # noqa: BLE001 - told to the test's own thread
            problems.append(problem)

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for minute in range(10):
        case.panel.log("p-3", 3, at=at(9, 15, minute * 3), mode=EntryMode.TIMED)
    stop.set()
    for reader in readers:
        reader.join()
    assert not problems
    assert kept(case) == anew(case)
    assert "p-3" in drafts(case)


# --- what was issued -----------------------------------------------------------------------------


def issued(case: MonthCase, memory: IssuedMemory | None) -> tuple:
    with case.store.reading() as unit:
        return read_issued(unit, case.practice_id, month=NOVEMBER, memory=memory)


def documents(statements: list[str]) -> int:
    return sum("superbill.document" in each for each in statements)


def test_issued_superbills_are_unpacked_once_and_say_what_became_of_them(case: MonthCase) -> None:
    case.close()
    memory = IssuedMemory()
    assert issued(case, memory) == issued(case, None)
    with counted_statements(case.store) as statements:
        first = issued(case, memory)
    assert documents(statements) == 0
    assert [each.bill for each in issued(case, memory)] == [each.bill for each in first]
    case.reopen()
    case.panel.log("p-1", 20, at=at(20), mode=EntryMode.TIMED)
    case.close()
    after = issued(case, memory)
    assert after == issued(case, None)
    assert after[0].bill.replaced_by == 3


def test_no_more_issued_superbills_are_kept_than_are_to_be(case: MonthCase) -> None:
    case.close()
    memory = IssuedMemory(1)
    for _ in range(2):
        assert issued(case, memory) == issued(case, None)
    with counted_statements(case.store) as statements:
        issued(case, memory)
    assert documents(statements) == 1


def test_a_document_that_was_changed_is_refused_when_it_is_read(case: MonthCase) -> None:
    case.close()
    memory, good = IssuedMemory(), issued(case, None)
    tamper(case.store, f"UPDATE superbill SET sha256 = '{'0' * 64}'")
    with pytest.raises(StoreError, match="not as it was issued"):
        issued(case, memory)
    assert len(good) == 2


def test_a_look_at_a_closed_month_reads_no_document_twice(case: MonthCase) -> None:
    case.close()
    first = case.review()
    with counted_statements(case.store) as statements:
        assert case.review() == first
    assert documents(statements) == 0
    assert issued_superbills.KEPT_AT_MOST > 10_000


# --- whose superbills they are ------------------------------------------------------------------


def owners(case: MonthCase, *ids: str) -> frozenset[str] | None:
    with case.store.reading() as unit:
        return patients_of(unit, case.practice_id, NOVEMBER, ids)


def test_a_superbills_patient_is_found_by_its_id_also_after_the_payer_changed(
    case: MonthCase,
) -> None:
    one, two = anew(case).bills.superbills
    assert owners(case, one.id) == {"p-1"}
    assert owners(case, one.id, two.id) == {"p-1", "p-2"}
    assert owners(case, one.id, "sb-000000000000") is None
    day = date(2026, 12, 1)
    covered = Coverage(payer_name="Meadow", kind=PayerKind.COMMERCIAL, started_on=day)
    change_coverage("p-1", coverage=covered, **service(case, AccessRole.OWNER))
    assert owners(case, one.id) == {"p-1"}


def test_approving_one_reads_one_patients_month(case: MonthCase) -> None:
    one, two = anew(case).bills.superbills
    with counted_statements(case.store) as statements:
        done = approve_superbills(
            ApproveSuperbills(month=NOVEMBER, seen={one.id: None}), **service(case), rule_book=BOOK
        )
    assert done.superbills == (one.id,)
    assert any("condition.patient_id IN" in each for each in statements)
    assert [each.approval is None for each in kept(case).bills.superbills] == [False, True]
    assert two.id not in done.superbills


# --- how far a close has come -------------------------------------------------------------------


def close(case: MonthCase, told: Callable[[Step, int, int], None]) -> ClosedMonth:
    return close_month(
        CloseMonth(month=NOVEMBER, form_id="form"), **service(case), rule_book=BOOK, told=told
    )


def test_a_close_tells_how_far_each_step_has_come(case: MonthCase) -> None:
    heard: list[tuple[Step, int, int]] = []
    close(case, lambda *said: heard.append(said))
    assert list(dict.fromkeys(step for step, _, _ in heard)) == list(Step)
    for step, of in zip(Step, (4, 4, 2, 2), strict=True):
        told = [(done, whole) for each, done, whole in heard if each is step]
        assert told == sorted(told)
        assert told[-1] == (of, of)
        assert {whole for _, whole in told} == {of}


def test_a_close_that_fails_while_it_writes_leaves_nothing(case: MonthCase) -> None:
    def fail(step: Step, done: int, of: int) -> None:
        if (step, done) == (Step.WRITTEN, of):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        close(case, fail)
    assert (case.state().marks, case.numbers()) == (0, [])
    assert close(case, tell_nobody).created


def test_what_a_close_issues_is_never_what_looks_keep(case: MonthCase) -> None:
    kept(case)
    heard: list[Step] = []
    close(case, lambda step, _done, _of: heard.append(step))
    assert Step.DRAWN_UP in heard


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("out", "of", "said"),
    [
        (_Terminal(), 99, ""),
        (_Terminal(), 100, "\rPlanned 100 of 100 patients."),
        (io.StringIO(), 100, ""),
    ],
    ids=["few", "many", "not a terminal"],
)
def test_only_a_terminal_is_told_and_only_of_many(out: io.StringIO, of: int, said: str) -> None:
    told = CloseProgress(out)
    for done in range(1, of + 1):
        told(Step.DRAWN_UP, done, of)
    assert out.getvalue() == said
    told(Step.WRITTEN, of, of)
    assert out.getvalue().endswith("\r") == bool(said)
