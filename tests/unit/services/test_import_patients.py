"""Patients from a CSV: what is new, here, doubtful and refused; stopped, gone on with, never double."""

import signal
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlmodel import select

from tests.support.small_panel import SmallPanel, counted_statements
from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import PayerKind
from trellis_core.errors import CommandRefusedError, PermissionDeniedError
from trellis_core.services.caseload import chart, patients
from trellis_core.services.imports.batches import (
    ROWS_AT_ONCE,
    Outcome,
    batches,
    report_file,
    unfinished,
)
from trellis_core.services.imports.columns import DayOrder, ImportKind, ImportSettings
from trellis_core.services.imports.look import look_at
from trellis_core.services.imports.patients import import_patients, preview_patients
from trellis_core.services.restricted import restrict_chart
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    ConditionRow,
    EnrollmentRow,
    ImportBatchRow,
    ImportRowRow,
    PatientRow,
)
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

HEADING = (
    "mrn,family name,given name,dob,sex,payer,member id,coverage from,coverage through,"
    "last seen,icd10,program,enrolled from,npi,risk"
)
GOOD = "N-1,Fern,Ada,1948-03-14,F,Medicare,1EG4,,,2026-11-01,E11.9; i10,CCM,2026-09-01,1234567893,Frail"


@pytest.fixture
def panel(store: Store) -> SmallPanel:
    return SmallPanel(store)


@pytest.fixture
def nurse(panel: SmallPanel) -> Actor:
    return panel.actor(AccessRole.COORDINATOR)


def file(*rows: str, heading: str = HEADING) -> bytes:
    return "\n".join((heading, *rows, "")).encode()


def settings_of(content: bytes, *, store: Store, actor: Actor, **more: object) -> ImportSettings:
    look = look_at(content, kind=ImportKind.PATIENTS, store=store, actor=actor)
    return ImportSettings(columns=look.columns, **more)  # type: ignore[arg-type]


class Importing:
    """Imports and previews as one person."""

    def __init__(self, store: Store, actor: Actor, clock: FixedClock) -> None:
        self.around = {"store": store, "actor": actor, "clock": clock}
        self.store, self.actor = store, actor

    def look(self, content: bytes, **more: object):
        settings = settings_of(content, store=self.store, actor=self.actor, **more)
        return preview_patients(content, settings=settings, **self.around)

    def run(self, content: bytes, *, on_progress=None, **more: object):
        settings = settings_of(content, store=self.store, actor=self.actor, **more)
        return import_patients(content, settings=settings, on_progress=on_progress, **self.around)

    def go_on(self, content: bytes):
        return import_patients(content, **self.around)

    def rows(self, kind: type):
        with self.store.reading() as unit:
            return unit.session.exec(select(kind)).all()


@pytest.fixture
def importing(store: Store, nurse: Actor, clock: FixedClock) -> Importing:
    return Importing(store, nurse, clock)


def told(found) -> list[tuple[int, str, str]]:
    return [(row.number, each.field, each.text) for row in found.rows for each in row.problems]


def test_a_row_becomes_a_chart_with_everything_it_says(importing, store, nurse, clock):
    done = importing.run(file(GOOD))
    assert (done.batch.counts, done.rows) == ({Outcome.ADDED: 1}, ())
    found = patients(text="N-1", store=store, actor=nurse, clock=clock).rows[0]
    made = chart(found.id, month=ServiceMonth(2026, 11), store=store, actor=nurse, clock=clock)
    person = made.patient
    assert (person.name, person.birth_date, person.sex) == (
        "Fern, Ada",
        date(1948, 3, 14),
        "female",
    )
    assert (person.coverage.kind, person.coverage.member_id) == (PayerKind.MEDICARE, "1EG4")
    assert (person.last_seen_on, person.risk_statement) == (date(2026, 11, 1), "Frail")
    assert [each.icd10 for each in made.conditions] == ["E11.9", "I10"]
    (enrolled,) = made.enrollments
    assert (enrolled.program, enrolled.started_on) == ("CCM", date(2026, 9, 1))
    assert enrolled.billing_practitioner == "dr-1"


def test_what_a_file_does_not_say_stays_unknown_and_a_formula_stays_a_text(importing):
    importing.run(file("N-1,=HYPERLINK(1),", heading="mrn,last name,first name"))
    (row,) = importing.rows(PatientRow)
    assert (row.family_name, row.birth_date, row.sex) == ("=HYPERLINK(1)", None, None)
    assert (row.payer_name, row.last_seen_on, row.is_never_seen) == (None, None, False)


BAD = {
    "mrn": (",Fern,,,,,,,,,,,,,", "Record number", "needed"),
    "short": ("1.2E+9,Fern,,,,,,,,,,,,,", "Record number", "shortened"),
    "family": ("N-1,,,,,,,,,,,,,,", "Family name", "needed"),
    "day": ("N-1,Fern,,1950-02-30,,,,,,,,,,,", "Birth date", "no such day"),
    "future": ("N-1,Fern,,2026-11-21,,,,,,,,,,,", "Birth date", "after today"),
    "seen": ("N-1,Fern,,,,,,,,2026-11-21,,,,,", "Last seen", "after today"),
    "sex": ("N-1,Fern,,,purple,,,,,,,,,,", "Sex", "Not one of"),
    "payer": ("N-1,Fern,,,,Fernbank Mutual,1EG5,,,,,,,,", "Payer", "Choose one"),
    "member": ("N-1,Fern,,,,,1EG4,,,,,,,,", "Payer", "needs the payer"),
    "ssn": ("N-1,Fern,,,,Medicare,123-45-6789,,,,,,,,", "Member id", "Social Security"),
    "ends": ("N-1,Fern,,,,Medicare,1EG6,2020-02-02,2020-02-01,,,,,,", "Coverage through", "before"),
    "icd": ("N-1,Fern,,,,,,,,,sugar,,,,", "Conditions (ICD-10-CM)", "no ICD-10-CM"),
    "program": ("N-1,Fern,,,,,,,,,,RPM,2026-09-01,,", "Program", "Not one of"),
    "start": ("N-1,Fern,,,,,,,,,,CCM,,,", "Enrolled from", "needs the day"),
    "alone": ("N-1,Fern,,,,,,,,,,,2026-09-01,,", "Program", "needs its program"),
    "npi": ("N-1,Fern,,,,,,,,,,CCM,2026-09-01,1000000103,", "Billing practitioner (NPI)", "People"),
    "check": ("N-1,Fern,,,,,,,,,,,,1234567890,", "Billing practitioner (NPI)", "check digit"),
    "long": (f"N-1,{'x' * 201},,,,,,,,,,,,,", "Family name", "200 characters"),
    "cell": (f"N-1,Fern,,,,,,,,,,,,,{'x' * 4_001}", "Risk statement", "4,000 characters"),
    "cells": ("N-1,Fern", "", "2 cells"),
}


def test_every_kind_of_bad_cell_is_named_by_row_and_column_and_nothing_is_repeated(importing):
    found = importing.look(file(*(row for row, _, _ in BAD.values())))
    assert found.counts == {Outcome.REFUSED: len(BAD)}
    for number, ((name, (row, column, words)), said) in enumerate(
        zip(BAD.items(), told(found), strict=True), 2
    ):
        assert said[:2] == (number, column), name
        assert words in said[2], name
        for cell in row.split(","):
            assert len(cell) < 4 or cell not in said[2], name
    importing.run(file(*(row for row, _, _ in BAD.values())))
    assert not importing.rows(PatientRow)
    kept = " ".join(row.problem for row in importing.rows(ImportRowRow))
    assert "purple" not in kept
    assert "Fern" not in kept
    listed = report_file(
        batches(store=importing.store, actor=importing.actor)[0].id,
        store=importing.store,
        actor=importing.actor,
    ).decode("utf-8-sig")
    assert listed.splitlines()[:2] == [
        "row,result,column,what", "2,refused,Record number,A record number is needed.",
    ]  # fmt: skip


def test_yesterday_and_today_are_past(importing):
    assert importing.look(file("N-1,Fern,,2026-11-20,,,,,,2026-11-20,,,,,")).counts == {
        Outcome.ADDED: 1
    }


def test_whoever_is_here_stays_and_a_second_row_of_one_number_is_refused(importing, panel):
    panel.add(
        PatientRow(
            practice_id="prac-1", id="pt-here", mrn="N-1", family_name="Moss", phone="1",
            birth_date=date(1950, 1, 1), created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
    )  # fmt: skip
    done = importing.run(
        file(GOOD.replace("N-1", "n-1"), "N-2,Moss,,,,,,,,,,,,,", "n-2,Sedge,,,,,,,,,,,,,")
    )
    assert done.batch.counts == {Outcome.HERE: 1, Outcome.ADDED: 1, Outcome.REFUSED: 1}
    assert told(done) == [
        (2, "Birth date", "The chart with this record number has another birth date. The chart was kept."),
        (4, "Record number", "Row 3 has the same record number. Correct one of them."),
    ]  # fmt: skip
    here, _ = importing.rows(PatientRow)
    assert (here.family_name, here.phone, here.birth_date) == ("Moss", "1", date(1950, 1, 1))


def test_a_probable_double_is_passed_over_unless_it_is_chosen(importing, panel):
    panel.add(
        PatientRow(
            practice_id="prac-1", id="pt-here", mrn="OLD-1", family_name="O'Briarly",
            given_name="Maeve", birth_date=date(1941, 11, 2),
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
    )  # fmt: skip
    content = file(
        "N-1,OBRIARLY,Maeve,1941-11-02,,,,,,,,,,,",
        "N-2,O'Briarley,M.,1941-11-02,,,,,,,,,,,",
        "N-3,O'Briarly,Maeve,1941-11-03,,,,,,,,,,,",
        "N-4,Moss,Maeve,1941-11-02,,,,,,,,,,,",
        "N-5,Mosss,Mae,1941-11-02,,,,,,,,,,,",
    )
    found = importing.look(content)
    assert [(each.number, each.here_name, each.like_row) for each in found.suspects] == [
        (2, "O'Briarly, Maeve", None),
        (3, "O'Briarly, Maeve", 2),
        (6, "", 5),
    ]
    done = importing.run(content, chosen=frozenset({3}))
    assert done.batch.counts == {Outcome.ADDED: 3, Outcome.SUSPECTED: 2}
    assert {row.mrn for row in importing.rows(PatientRow)} == {"OLD-1", "N-2", "N-3", "N-4"}


def test_a_restricted_chart_is_matched_and_nothing_of_it_is_shown(importing, panel, clock):
    panel.add(
        PatientRow(
            practice_id="prac-1", id="pt-here", mrn="N-1", family_name="Fern", given_name="Adah",
            birth_date=date(1948, 3, 15), created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
    )  # fmt: skip
    restrict_chart(
        "pt-here", readers=(), store=importing.store, actor=panel.actor(AccessRole.OWNER),
        clock=clock,
    )  # fmt: skip
    found = importing.look(file(GOOD, "N-2,Fern,Ada,1948-03-15,,,,,,,,,,,"))
    assert found.counts == {Outcome.HERE: 1, Outcome.SUSPECTED: 1}
    here, _ = found.rows
    assert (here.problems, here.subject_id) == ((), None)
    assert (found.suspects[0].here_id, found.suspects[0].here_name) == (None, "")


@pytest.mark.parametrize(
    ("order", "born", "words"),
    [
        (DayOrder.MONTH_FIRST, date(1950, 3, 4), None),
        (DayOrder.DAY_FIRST, date(1950, 4, 3), None),
        (None, None, "Choose which comes first"),
    ],
)
def test_the_order_of_a_days_parts_is_chosen_for_the_whole_file(importing, order, born, words):
    content = file("N-1,Fern,03/04/1950", heading="mrn,last,dob")
    done = importing.run(content, dates=order)
    assert [row.birth_date for row in importing.rows(PatientRow)] == ([born] if born else [])
    assert bool(told(done)) is (words is not None)
    assert words is None or words in told(done)[0][2]


def test_a_payers_unknown_kind_is_chosen_and_a_kind_alone_names_the_payer(importing):
    content = file(
        "N-1,Fern,Fernbank Mutual,", "N-2,Moss,,Medicaid", heading="mrn,last,payer,payer type"
    )
    importing.run(content, other_payers=PayerKind.COMMERCIAL)
    assert {(row.payer_name, row.payer_kind) for row in importing.rows(PatientRow)} == {
        ("Fernbank Mutual", "commercial"),
        ("Medicaid", "medicaid"),
    }


def test_a_code_that_no_claim_takes_waits_for_one_in_the_chart(importing):
    done = importing.run(file("N-1,Fern,E11; I10; E11.99 Odd sugar", heading="mrn,last,icd10"))
    assert done.batch.counts == {Outcome.ADDED: 1}
    assert "2 codes are no billable" in told(done)[0][2]
    assert {(row.icd10, row.text) for row in importing.rows(ConditionRow)} == {
        ("I10", ""),
        (None, "E11"),
        (None, "E11.99 Odd sugar"),
    }


def test_a_look_stores_nothing_and_asks_the_store_as_often_for_many_rows(importing, store):
    def count(rows: int) -> int:
        content = file(
            *(f"N-{number},Fern{'x' * (number % 40)}" for number in range(rows)), heading="mrn,last"
        )
        with counted_statements(store) as said:
            assert importing.look(content).rows_total == rows
        return len(said)

    assert count(3) == count(300)
    assert not importing.rows(PatientRow)
    assert not importing.rows(ImportBatchRow)


# --- stopped and gone on with ----------------------------------------------------------------

MANY = file(
    *(f"N-{number},Fern,1950-01-01" for number in range(2 * ROWS_AT_ONCE + 1)), heading="mrn,last,x"
)


class StopError(Exception):
    """Whoever looks on stops the import."""


def stop(done: int, of: int) -> None:
    raise StopError


def test_an_import_that_stopped_goes_on_with_the_same_file_and_nothing_is_double(importing):
    with pytest.raises(StopError):
        importing.run(MANY, on_progress=stop)
    assert len(importing.rows(PatientRow)) == ROWS_AT_ONCE
    begun = unfinished(MANY, kind=ImportKind.PATIENTS, store=importing.store, actor=importing.actor)
    assert (begun.rows_done, begun.rows_total) == (ROWS_AT_ONCE, 2 * ROWS_AT_ONCE + 1)
    with pytest.raises(CommandRefusedError, match="stopped after 200 of 401"):
        importing.run(MANY, dates=DayOrder.DAY_FIRST)
    done = importing.go_on(MANY)
    assert done.batch.id == begun.id
    assert done.batch.counts == {Outcome.ADDED: 2 * ROWS_AT_ONCE + 1}
    assert len({row.mrn for row in importing.rows(PatientRow)}) == 2 * ROWS_AT_ONCE + 1
    again = importing.run(MANY)
    assert again.batch.counts == {Outcome.HERE: 2 * ROWS_AT_ONCE + 1}


KILLED = """
import os, signal, sys
from tests.unit.services.test_import_patients import MANY, Importing
from tests.support.small_panel import SmallPanel
from trellis_core.access import AccessRole, Actor
from trellis_core.store.engine import open_store
from trellis_core.values.clock import SystemClock
store = open_store(sys.argv[1])
actor = Actor(practice_id="prac-1", person_id="rn-1", role=AccessRole.COORDINATOR)
Importing(store, actor, SystemClock()).run(
    MANY, on_progress=lambda done, of: os.kill(os.getpid(), signal.SIGKILL)
)
"""


def test_a_killed_process_leaves_whole_parts(sqlite_store, clock):
    panel = SmallPanel(sqlite_store)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, f"sqlite:///{sqlite_store.path}"],
        cwd=Path(__file__).parents[3], check=False, capture_output=True,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    importing = Importing(sqlite_store, panel.actor(), clock)
    assert len(importing.rows(PatientRow)) == len(importing.rows(ImportRowRow)) == ROWS_AT_ONCE
    assert importing.go_on(MANY).batch.counts == {Outcome.ADDED: 2 * ROWS_AT_ONCE + 1}


def test_two_runs_of_one_import_do_not_both_write(importing):
    def other(done: int, of: int) -> None:
        importing.go_on(MANY)

    with pytest.raises(CommandRefusedError, match="somewhere else"):
        importing.run(MANY, on_progress=other)
    assert len(importing.rows(PatientRow)) == 2 * ROWS_AT_ONCE + 1


@pytest.mark.parametrize("role", [AccessRole.BILLER, AccessRole.AUDITOR, AccessRole.OWN_WORK])
def test_only_owners_and_coordinators_import(store, panel, clock, role):
    actor = panel.actor(role)
    for ask in (
        lambda: look_at(MANY, kind=ImportKind.PATIENTS, store=store, actor=actor),
        lambda: import_patients(MANY, store=store, actor=actor, clock=clock),
        lambda: batches(store=store, actor=actor),
    ):
        with pytest.raises(PermissionDeniedError):
            ask()


def test_an_enrollment_may_leave_its_practitioner_unknown(importing):
    importing.run(file("N-1,Fern,CCM,2026-09-01", heading="mrn,last,program,enrolled from"))
    (row,) = importing.rows(EnrollmentRow)
    assert row.billing_practitioner is None
