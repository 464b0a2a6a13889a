"""Taking imported patients back: while nobody has used their charts, and never afterwards."""

from collections.abc import Callable
from datetime import date

import pytest
from sqlmodel import select

from tests.support.signing_in import events
from tests.support.small_panel import SmallPanel
from trellis_core.access import AccessRole
from trellis_core.care.people import Patient
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.ledger.journal import EventKind
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import (
    caseload,
    conditions,
    drafts,
    enrollments,
    restricted,
    timers,
)
from trellis_core.services.care_plans import record_care_plan
from trellis_core.services.imports.batches import Outcome, report
from trellis_core.services.imports.columns import ImportKind, ImportSettings
from trellis_core.services.imports.look import look_at
from trellis_core.services.imports.patients import import_patients
from trellis_core.services.imports.undo import undo_import
from trellis_core.services.integrity import check_store
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.services.time_log import LogTime, log_time
from trellis_core.store.tables import ConditionRow, EnrollmentRow, PatientRow
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

CONTENT = b"""mrn,last,icd10,program,enrolled from,npi
N-1,Fern,E11.9; I10,CCM,2026-09-01,1234567893
N-2,Moss,I10,,,
N-3,,,,,
"""


@pytest.fixture
def panel(store) -> SmallPanel:
    return SmallPanel(store)


class Case:
    """An import of two patients, and who acts."""

    def __init__(self, panel: SmallPanel, clock) -> None:
        self.store, self.clock = panel.store, clock
        self.owner = panel.actor(AccessRole.OWNER)
        self.around = {"store": self.store, "actor": self.owner, "clock": clock}
        self.batch = self.run().batch

    def run(self):
        look = look_at(CONTENT, kind=ImportKind.PATIENTS, store=self.store, actor=self.owner)
        return import_patients(
            CONTENT, settings=ImportSettings(columns=look.columns), **self.around
        )

    def undo(self):
        return undo_import(self.batch.id, **self.around)

    def rows(self, kind):
        with self.store.reading() as unit:
            return unit.session.exec(select(kind)).all()

    def patient(self, mrn: str) -> str:
        return next(row.id for row in self.rows(PatientRow) if row.mrn == mrn)


@pytest.fixture
def case(panel, clock) -> Case:
    return Case(panel, clock)


def test_everything_goes_again_and_the_journal_says_who_took_it_back(case):
    caseload.chart(case.patient("N-1"), month=ServiceMonth(2026, 11), **case.around)
    done = case.undo()
    assert (done.kind, done.taken_back) == (ImportKind.PATIENTS, 2)
    for kind in (PatientRow, ConditionRow, EnrollmentRow):
        assert not case.rows(kind)
    told = [(kind, subject) for kind, subject, _ in events(case.store, "prac-1")]
    assert told.count((EventKind.REMOVED, case.batch.id)) == 0
    assert told[-1] == (EventKind.CHANGED, case.batch.id)
    assert sum(kind is EventKind.REMOVED for kind, _ in told) == 2 + 3 + 1
    batch = report(case.batch.id, store=case.store, actor=case.owner).batch
    assert (batch.undone_by, batch.undone_at) == (case.owner.person_id, case.clock.now())
    assert check_store(store=case.store, clock=case.clock).ok
    with pytest.raises(CommandRefusedError, match="taken back before"):
        case.undo()
    again = case.run()
    assert again.batch.id != case.batch.id
    assert again.batch.counts == {Outcome.ADDED: 2, Outcome.REFUSED: 1}


def _log(case: Case, patient_id: str) -> None:
    log_time(
        LogTime(
            entry_id=new_entry_id(), patient_id=patient_id, program=Program.CCM, staff_id="rn-1",
            started_at=case.clock.now(), seconds=60, activity=Activity.RECORD_REVIEW,
        ),
        **case.around,
    )  # fmt: skip


def _code(case: Case, _: str) -> None:
    row = case.rows(ConditionRow)[0]
    conditions.code_condition(row.id, icd10="E11.65", **case.around)


def _edit(case: Case, patient_id: str) -> None:
    caseload.edit_patient(
        Patient(id=patient_id, mrn="N-1", family_name="Fern", phone="1"), **case.around
    )


USES: dict[str, Callable[[Case, str], object]] = {
    "Time is recorded": _log,
    "A timer runs": lambda case, patient_id: timers.start_timer(
        patient_id=patient_id, program=Program.CCM, **case.around
    ),
    "Somebody's unsaved note waits": lambda case, patient_id: drafts.keep(
        "Spoke", form="time", patient_id=patient_id, **case.around
    ),
    "Patient changed": _edit,
    "Condition recorded": lambda case, patient_id: conditions.add_condition(
        patient_id, icd10="F32.1", **case.around
    ),
    "Condition changed": _code,
    "Enrollment recorded": lambda case, patient_id: enrollments.enroll(
        patient_id, program=Program.BHI, started_on=date(2026, 9, 1),
        billing_practitioner="dr-1", **case.around,
    ),
    "Care plan recorded": lambda case, patient_id: record_care_plan(
        patient_id, program=Program.CCM, established_on=date(2026, 9, 1), **case.around
    ),
    "Restricted chart recorded": lambda case, patient_id: restricted.restrict_chart(
        patient_id, readers=(), **case.around
    ),
}  # fmt: skip


@pytest.mark.parametrize("use", USES)
def test_a_chart_that_was_used_stands_in_the_way_with_its_row(case, use):
    patient_id = case.patient("N-1")
    USES[use](case, patient_id)
    with pytest.raises(CommandRefusedError) as refused:
        case.undo()
    assert f"{use}: row 2." in str(refused.value)
    assert "Nothing was changed" in str(refused.value)
    assert len(case.rows(PatientRow)) == 2


def test_a_closed_month_stands_in_the_way(case):
    close_month(
        CloseMonth(month=ServiceMonth(2026, 10), form_id="close"),
        rule_book=load_rule_book(), **case.around,
    )  # fmt: skip
    with pytest.raises(CommandRefusedError, match="A month is closed with the patient: row 2"):
        case.undo()


def test_an_import_of_another_practice_is_not_there(case):
    with pytest.raises(NotFoundError):
        undo_import("imp-000000000000", **case.around)
