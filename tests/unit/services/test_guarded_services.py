"""Every service of one patient's chart, on a restricted chart: who is refused, and who is not.

The services and how to call them are those of the policy's table; a new one that names a patient or
a record of one is asked here without a further word.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.policy_case import CASES, Case, Ids, Site, call, kinds_of_ids
from tests.support.two_practices import HOME, NOW, actor, ids_of, make_store
from trellis_core.access import AccessRole, Actor
from trellis_core.errors import ChartRestrictedError
from trellis_core.services.restricted import restrict_chart
from trellis_core.store.engine import Store, open_store
from trellis_core.store.tables import EmergencyAccessRow
from trellis_core.values.clock import FixedClock

PATIENTS = tuple(f"{HOME}-pt-{number}" for number in (1, 2, 3))
OF_A_CHART = {
    "patient", "other_patient", "cocm_patient", "condition", "enrollment", "consent", "care_plan",
    "discharge", "stay", "entry", "colleagues_entry", "superbill",
}  # fmt: skip
"""What ids may be of that lie in one patient's chart."""

NOT_GUARDED = {
    "access_events.note_print": "keeps who printed what; gives nothing away",
    "access_reading.access_log": "says who looked at a chart, not what is in it",
    "apcm.apcm_patients": "leaves closed charts out",
    "caseload.charts_of_list": "leaves closed charts out",
    "caseload.patient_names": "names patients for what is about a whole month",
    "caseload.register_patient": "makes a patient whom nobody has restricted yet",
    "coding.uncoded_counts": "counts for a list",
    "entry_pages.determinations_of": "leaves closed charts out",
    "downloads.deliver": "hands on what a guarded service has made",
    "drafts.drop": "the person's own unsaved words",
    "drafts.keep": "the person's own unsaved words",
    "drafts.take": "the person's own unsaved words",
    "measured_time.keep_measured": "leaves closed charts out",
    "journal.journal": "shows events of closed charts without what a record says",
    "notes.write_note, handed over": "asks as well whether the colleague may open the chart",
    "packets.find_sample": "says which of a list the month issued; the packet itself asks",
    "questions.ask_about_month": "asks as well whether the colleague may open the chart",
    "restricted.chart_access": "says whether a chart is open, so that a closed one can be opened",
    "restricted.closed_charts": "says which charts are closed",
    "restricted.lift_restriction": "an owner's alone",
    "restricted.open_in_emergency": "opens what is closed",
    "restricted.restrict_chart": "an owner's alone",
    "same_person.may_be_same": "leaves closed charts out",
    "scale_results.results_of_list": "leaves closed charts out",
    "suggestions.open_suggestions": "leaves closed charts out",
}
"""Services that take such an id and yet refuse nobody for a restricted chart, and why."""

OTHERS = ("coordinator", "biller", "auditor", "practitioner", "coordinating-practitioner")
GUARDED = {
    case.name: case
    for case in CASES
    if OF_A_CHART & set(kinds_of_ids(case)) and not NOT_GUARDED.keys() & {case.service, case.name}
}


def refused_kind(case: Case) -> str | None:
    """Return somebody besides the owner who may do it; None where nobody else may."""
    return next((kind for kind in OTHERS if case.is_allowed(kind)), None)


BY_OTHERS = {name: case for name, case in GUARDED.items() if refused_kind(case)}


@pytest.fixture(scope="module")
def restricted_practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with two practices, made once; every chart of the first is closed to all but owners."""
    folder = tmp_path_factory.mktemp("guarded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRELLIS_DATA_FOLDER", str(folder / "data"))
        make_store(folder / "store.db")
        with closing(open_store(f"sqlite:///{folder / 'store.db'}")) as store:
            restrict(store)
    return folder


@pytest.fixture
def store(restricted_practice: Path, tmp_path: Path, data_folder: Path) -> Iterator[Store]:
    shutil.copytree(restricted_practice / "data", data_folder)
    for file in restricted_practice.glob("store.db*"):
        shutil.copy(file, tmp_path / file.name)
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


def restrict(store: Store, *readers: str) -> None:
    """Close every chart of the first practice, but for owners and those who are named."""
    for patient_id in PATIENTS:
        restrict_chart(
            patient_id,
            readers=readers,
            store=store,
            actor=actor(HOME, "owner"),
            clock=FixedClock(NOW),
        )


@dataclass
class Tried:
    """A service on a store whose every chart is restricted."""

    store: Store
    case: Case
    kind: str
    folder: Path

    @property
    def actor(self) -> Actor:
        return actor(HOME, self.kind)

    def open_in_emergency(self, *, began: timedelta) -> None:
        with self.store.writing(actor=self.actor, at=NOW) as unit:
            unit.session.add_all(
                EmergencyAccessRow(
                    practice_id=HOME,
                    id=f"em-{patient_id}",
                    patient_id=patient_id,
                    staff_id=self.actor.person_id,
                    reason="Fainted at home",
                    began_at=NOW + began,
                    ends_at=NOW + began + timedelta(hours=1),
                )
                for patient_id in PATIENTS
            )

    def __call__(self) -> Any:
        if self.case.before is not None:
            self.case.before(Site(self.store, self.actor, self.folder))
        ids = Ids(ids_of(HOME, self.kind), self.folder, me=self.actor.person_id, instead={})
        return call(self.case, ids, store=self.store, actor=self.actor)


def newest_event(store: Store) -> dict[str, Any]:
    with store.reading() as unit:
        (body,) = unit.connection.exec_driver_sql(
            f"SELECT body FROM event WHERE practice_id = '{HOME}' ORDER BY seq DESC LIMIT 1"
        ).one()
    said = json.loads(body)
    return {"kind": said[4], "subject": said[6], "patient": said[7], "details": said[10]}


def test_an_exception_is_a_service_and_not_guarded_as_well():
    assert set(NOT_GUARDED) <= {said for case in CASES for said in (case.service, case.name)}
    assert len(BY_OTHERS) > 40


@pytest.mark.parametrize("name", BY_OTHERS)
def test_somebody_who_is_not_named_is_refused_and_the_journal_told(store, tmp_path, name):
    case = GUARDED[name]
    tried = Tried(store, case, refused_kind(case), tmp_path)
    with pytest.raises(ChartRestrictedError) as refused:
        tried()
    assert refused.value.patient_id in PATIENTS
    assert newest_event(store) == {
        "kind": "denied",
        "subject": case.service.rpartition(".")[2],
        "patient": refused.value.patient_id,
        "details": '{"why":"restricted"}',
    }


@pytest.mark.parametrize("name", BY_OTHERS)
def test_a_named_reader_is_not_refused(store, tmp_path, name):
    kind = refused_kind(GUARDED[name])
    restrict(store, actor(HOME, kind).person_id)
    Tried(store, GUARDED[name], kind, tmp_path)()


@pytest.mark.parametrize("name", BY_OTHERS)
def test_in_an_emergency_nobody_is_refused_until_the_hour_is_over(store, tmp_path, name):
    case = GUARDED[name]
    tried = Tried(store, case, refused_kind(case), tmp_path)
    tried.open_in_emergency(began=timedelta(seconds=1) - timedelta(hours=1))
    tried()


@pytest.mark.parametrize("name", BY_OTHERS)
def test_the_hour_is_over_after_an_hour(store, tmp_path, name):
    case = GUARDED[name]
    tried = Tried(store, case, refused_kind(case), tmp_path)
    tried.open_in_emergency(began=-timedelta(hours=1))
    with pytest.raises(ChartRestrictedError):
        tried()


@pytest.mark.parametrize("name", [n for n, case in GUARDED.items() if case.is_allowed("owner")])
def test_an_owner_is_not_refused(store, tmp_path, name):
    assert actor(HOME, "owner").role is AccessRole.OWNER
    Tried(store, GUARDED[name], "owner", tmp_path)()
