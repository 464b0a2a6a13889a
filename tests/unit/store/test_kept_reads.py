"""What one reader has read stands until what it was read from changes, and no longer."""

import random
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import func, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select

from tests.support.small_panel import WRITTEN_AT, SmallPanel, at, counted_statements
from trellis_core.errors import StoreError
from trellis_core.ledger.journal import EventKind
from trellis_core.store import kept_reads
from trellis_core.store.engine import Store, open_store
from trellis_core.store.kept_reads import KeptReads
from trellis_core.store.moments import one_moment
from trellis_core.store.tables import (
    ENTRY,
    EVENT,
    MONTH_ROLL,
    PatientRow,
    PracticeRow,
    RunningTimerRow,
    SignInRow,
    StaffRow,
    SuperbillApprovalRow,
)
from trellis_core.store.unit_of_work import EventDraft

PRACTICE = "prac-1"
NOT_TOLD = {
    "background_job_part",
    "import_row",
    "invitation",
    "kept_rule_book",
    "note_draft",
    "second_factor",
    "sign_in",
    "sign_in_attempt",
    "sign_in_step",
    "store_identity",
    "suggested_time",
}
"""Tables of which nothing tells what changed: asked of the store again after every commit."""


@dataclass
class Reader:
    """Somebody who looks at a practice again and again."""

    store: Store
    practice_id: str = PRACTICE
    kept: KeptReads = field(default_factory=KeptReads)
    asked: list[str] = field(default_factory=list)

    @contextmanager
    def look(self):
        self.asked.clear()
        with (
            counted_statements(self.store) as said,
            one_moment(self.store, practice_id=self.practice_id, kept=self.kept),
        ):
            yield
        self.asked.extend(
            each for each in said if not each.startswith(("PRAGMA", "BEGIN", "SET", "SHOW"))
        )

    def names(self):
        with self.store.reading() as unit:
            return [
                row.family_name
                for row in unit.session.exec(
                    select(PatientRow)
                    .where(PatientRow.practice_id == self.practice_id)
                    .order_by(col(PatientRow.id))
                )
            ]

    def seconds(self):
        with self.store.reading() as unit:
            return unit.connection.execute(
                select(func.sum(ENTRY.c.seconds)).where(ENTRY.c.practice_id == self.practice_id)
            ).scalar()

    def rolled(self):
        with self.store.reading() as unit:
            rows = unit.connection.execute(
                select(MONTH_ROLL.c.patient_id, MONTH_ROLL.c.seconds)
                .where(MONTH_ROLL.c.practice_id == self.practice_id)
                .order_by(MONTH_ROLL.c.patient_id, MONTH_ROLL.c.program)
            )
            return [(row.patient_id, row.seconds) for row in rows]

    def practice(self):
        with self.store.reading() as unit:
            return unit.session.get(PracticeRow, self.practice_id).name

    def staff(self):
        with self.store.reading() as unit:
            found = unit.session.exec(
                select(StaffRow.id).where(StaffRow.practice_id == self.practice_id)
            )
            return sorted(found)

    def timers(self):
        with self.store.reading() as unit:
            found = unit.session.exec(
                select(RunningTimerRow.staff_id).where(
                    RunningTimerRow.practice_id == self.practice_id
                )
            )
            return sorted(found)

    def approvals(self):
        with self.store.reading() as unit:
            found = unit.session.exec(
                select(SuperbillApprovalRow.superbill_id).where(
                    SuperbillApprovalRow.practice_id == self.practice_id
                )
            )
            return sorted(found)

    def sessions(self):
        with self.store.reading() as unit:
            found = unit.session.exec(
                select(SignInRow).where(SignInRow.practice_id == self.practice_id)
            )
            return sorted(row.staff_id for row in found if row.ended_at is None)

    def events(self):
        with self.store.reading() as unit:
            return unit.connection.execute(
                select(func.count()).where(EVENT.c.practice_id == self.practice_id)
            ).scalar()

    def everything(self):
        return (
            self.names(),
            self.seconds(),
            self.rolled(),
            self.practice(),
            self.staff(),
            self.timers(),
            self.approvals(),
            self.sessions(),
            self.events(),
        )


@pytest.fixture
def panel(store):
    made = SmallPanel(store)
    made.enrolled("p-1")
    made.enrolled("p-2")
    made.log("p-1", 5, at=at(3))
    return made


@pytest.fixture
def reader(panel):
    return Reader(panel.store)


def change(store, kind, key, **values):
    with store.writing(at=WRITTEN_AT) as unit:
        row = unit.session.get(kind, key)
        for name, value in values.items():
            setattr(row, name, value)
        unit.session.add(row)


def about(statements, table):
    return [each for each in statements if f"FROM {table} " in " ".join(each.split()) + " "]


def test_what_stands_is_not_asked_for_again(reader):
    with reader.look():
        before = reader.everything()
    with reader.look():
        assert reader.everything() == before
    assert len(reader.asked) == 1, "how far the chains have come, and nothing else"


def test_what_is_asked_for_twice_in_one_look_is_read_once(reader):
    with reader.look():
        for _ in range(3):
            reader.names()
    assert len(about(reader.asked, "patient")) == 1


def test_an_entry_lets_go_of_time_and_of_nothing_else(panel, reader):
    with reader.look():
        reader.names()
        reader.seconds()
        reader.timers()
    panel.log("p-2", 7, at=at(4))
    with reader.look():
        assert reader.seconds() == 12 * 60
        assert len(reader.names()) == 2
        reader.timers()
    assert not about(reader.asked, "patient")
    assert len(reader.asked) == 2


def test_a_changed_record_is_read_again_and_other_tables_are_not(panel, reader):
    with reader.look():
        reader.names()
        reader.seconds()
        reader.staff()
    change(panel.store, PatientRow, (PRACTICE, "p-1"), family_name="Willow")
    with reader.look():
        assert "Willow" in reader.names()
        reader.seconds()
        reader.staff()
    assert not about(reader.asked, "staff")
    assert not about(reader.asked, "entry")


def test_what_another_process_wrote_is_seen(panel, reader):
    with reader.look():
        reader.names()
    second = open_store(panel.store.url) if panel.store.path else panel.store
    with second.writing(at=WRITTEN_AT) as unit:
        unit.session.add(panel.patient("p-9", "Sorrel"))
    if second is not panel.store:
        second.close()
    with reader.look():
        assert "Sorrel" in reader.names()


def test_timers_are_compared_since_no_chain_tells_of_them(panel, reader):
    with reader.look():
        assert reader.timers() == []
    timer = RunningTimerRow(
        practice_id=PRACTICE,
        staff_id="rn-1",
        entry_id="t-1",
        patient_id="p-1",
        program="CCM",
        started_at=WRITTEN_AT,
    )
    panel.add(timer)
    with reader.look():
        assert reader.timers() == ["rn-1"]
    panel.log("p-2", 7, at=at(4))
    with reader.look():
        reader.timers()
    assert len(reader.asked) == 1


def test_of_what_nothing_tells_everything_is_asked_again_after_any_commit(panel, reader):
    sign_in = SignInRow(
        token_sha256="a" * 64,
        practice_id=PRACTICE,
        staff_id="rn-1",
        created_at=WRITTEN_AT,
        last_seen_at=WRITTEN_AT,
    )
    panel.add(sign_in)
    with reader.look():
        assert reader.sessions() == ["rn-1"]
    change(panel.store, SignInRow, "a" * 64, ended_at=WRITTEN_AT + timedelta(minutes=1))
    with reader.look():
        assert reader.sessions() == []


def test_an_approval_is_told_by_its_event(panel, reader):
    with reader.look():
        assert reader.approvals() == []
    with panel.store.writing(at=WRITTEN_AT) as unit:
        unit.session.add(
            SuperbillApprovalRow(
                practice_id=PRACTICE,
                ym=202611,
                superbill_id="s-1",
                sha256="0",
                approved_by="dr-1",
                approved_at=WRITTEN_AT,
            )
        )
        unit.journal.append([event(EventKind.APPROVED)])
    with reader.look():
        assert reader.approvals() == ["s-1"]


def event(kind):
    return EventDraft(practice_id=PRACTICE, kind=kind, subject_kind="superbill", subject_id="s-1")


def test_an_event_that_is_not_known_lets_go_of_everything(panel, reader):
    with reader.look():
        reader.names()
        reader.staff()
    with panel.store.writing(at=WRITTEN_AT) as unit:
        unit.journal.append([event(EventKind.RESTORED)])
    with reader.look():
        reader.names()
        reader.staff()
    assert about(reader.asked, "patient")
    assert about(reader.asked, "staff")


def commit_meanwhile(panel):
    done = threading.Thread(target=lambda: panel.log("p-2", 7, at=at(4)))
    done.start()
    done.join()


def test_one_unit_of_work_sees_one_moment(panel, reader):
    with reader.look(), panel.store.reading() as unit:
        reader.names()
        commit_meanwhile(panel)
        found = unit.connection.execute(select(func.sum(ENTRY.c.seconds))).scalar()
        assert found == 5 * 60, "as it was when the unit began"
        assert reader.seconds() == 12 * 60, "another unit of work, begun after it"


def test_a_unit_of_work_sees_what_was_committed_before_it_began(panel, reader):
    with reader.look():
        assert reader.seconds() == 5 * 60
        commit_meanwhile(panel)
        assert reader.seconds() == 12 * 60


def test_who_writes_sees_it_in_the_same_look(panel, reader):
    with reader.look():
        assert reader.seconds() == 5 * 60
        panel.log("p-2", 7, at=at(4))
        assert reader.seconds() == 12 * 60
        change(panel.store, PatientRow, (PRACTICE, "p-1"), family_name="Willow")
        assert "Willow" in reader.names()


def test_a_write_within_a_reading_unit_leaves_the_unit_its_moment(panel, reader):
    with reader.look(), panel.store.reading() as unit:
        assert reader.seconds() == 5 * 60
        panel.log("p-2", 7, at=at(4))
        assert reader.seconds() == 12 * 60, "another unit of work, begun after it"
        found = unit.connection.execute(select(func.sum(ENTRY.c.seconds))).scalar()
        assert found == 5 * 60


def test_a_look_within_a_look_is_the_same_look(panel, reader):
    with reader.look():
        reader.names()
        with one_moment(panel.store, practice_id=PRACTICE, kept=KeptReads()):
            reader.names()
        reader.names()
    assert len(about(reader.asked, "patient")) == 1
    assert panel.store.shared_reading is None


def test_another_practices_answers_are_never_taken(panel, reader):
    SmallPanel(panel.store, practice_id="prac-2").enrolled("p-7")
    with reader.look():
        ours = reader.names()
    reader.practice_id = "prac-2"
    with reader.look():
        assert len(reader.names()) == 1
        assert reader.names() != ours


def test_what_names_no_practice_is_read_in_each_look(panel, reader):
    def everybody():
        with panel.store.reading() as unit:
            return len(unit.session.exec(select(StaffRow.id)).all())

    with reader.look():
        before = everybody()
    SmallPanel(panel.store, practice_id="prac-2")
    with reader.look():
        assert everybody() == before * 2


def test_a_long_answer_is_read_again(panel, reader, monkeypatch):
    monkeypatch.setattr(kept_reads, "_MOST_ROWS", 1)
    for _ in range(2):
        with reader.look():
            assert len(reader.names()) == 2
        assert len(about(reader.asked, "patient")) == 1


@pytest.mark.parametrize("name", ["_MOST_ROWS_IN_ALL", "_MOST_ANSWERS"])
def test_no_more_is_kept_than_the_limits_allow(reader, monkeypatch, name):
    monkeypatch.setattr(kept_reads, name, 2)
    for _ in range(2):
        with reader.look():
            reader.everything()
    assert len(reader.kept._answers) <= 2
    assert reader.kept._rows == sum(each.size for each in reader.kept._answers.values())


def test_a_statement_in_words_is_known_by_its_words_and_values(panel, reader):
    def named(patient_id):
        with panel.store.reading() as unit:
            return unit.connection.execute(
                text("SELECT family_name FROM patient WHERE practice_id = :ours AND id = :id"),
                {"ours": PRACTICE, "id": patient_id},
            ).scalar()

    with reader.look():
        named("p-1")
    change(panel.store, PatientRow, (PRACTICE, "p-1"), family_name="Willow")
    with reader.look():
        assert named("p-1") == "Willow"
        assert named("p-2") != "Willow"
    with reader.look():
        assert named("p-1") == "Willow"
    assert len(reader.asked) == 1


def test_after_an_error_of_the_database_the_next_unit_reads(panel, reader):
    with reader.look():
        with pytest.raises((StoreError, DBAPIError)):
            ask_nonsense(panel.store)
        assert len(reader.names()) == 2
    with reader.look():
        assert len(reader.names()) == 2


def ask_nonsense(store):
    with store.reading() as unit:
        unit.connection.execute(text("SELECT nonsense FROM nowhere"))


def test_a_reader_whose_run_still_ends_reads_apart(panel, reader):
    with reader.look():
        before = reader.everything()
        other = []
        second = threading.Thread(target=lambda: other.append(look_apart(panel.store, reader.kept)))
        second.start()
        second.join()
    assert other == [before]
    assert not reader.kept.lock.locked()


def look_apart(store, kept):
    with one_moment(store, practice_id=PRACTICE, kept=kept):
        return Reader(store).everything()


def test_of_every_table_it_is_decided_how_its_changes_are_noticed():
    assert kept_reads._ALL_TABLES - kept_reads.TOLD == NOT_TOLD
    assert kept_reads.TOLD <= kept_reads._ALL_TABLES


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_kept_reads_and_fresh_ones_are_equal(panel, seed):
    chance = random.Random(seed)  # noqa: S311 - the same for the same seed
    reader = Reader(panel.store)
    made = []

    def rename():
        change(
            panel.store,
            PatientRow,
            (PRACTICE, chance.choice(["p-1", "p-2"])),
            family_name=f"Name {chance.random()}",
        )

    def time():
        made.append(panel.log(chance.choice(["p-1", "p-2"]), 3, at=at(chance.randint(2, 20))))

    def void():
        if made:
            panel.void(made.pop())

    def colleague():
        panel.add(panel.staff(f"new-{chance.random()}", "clinical_staff", "RN"))

    def practice():
        change(panel.store, PracticeRow, PRACTICE, name=f"Name {chance.random()}")

    def timer():
        with panel.store.writing(at=WRITTEN_AT) as unit:
            row = unit.session.get(RunningTimerRow, (PRACTICE, "rn-1"))
            if row is not None:
                unit.session.delete(row)
                return
            unit.session.add(
                RunningTimerRow(
                    practice_id=PRACTICE,
                    staff_id="rn-1",
                    entry_id=f"t-{chance.random()}",
                    patient_id="p-1",
                    program="CCM",
                    started_at=WRITTEN_AT,
                )
            )

    for _ in range(40):
        for _ in range(chance.randint(0, 2)):
            chance.choice([rename, time, void, colleague, practice, timer])()
        with reader.look():
            kept = reader.everything()
            if chance.random() < 0.3:
                chance.choice([rename, time, colleague, timer])()
                kept = reader.everything()
        assert kept == Reader(panel.store).everything()
