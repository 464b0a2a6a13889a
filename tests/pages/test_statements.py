"""Every page asks the store for little: the same for a small practice and for a large one."""

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from pages.shared import routes
from pages.shared import store as page_store
from tests.pages.conftest import DAY, Dashboard
from tests.support.small_panel import counted_statements
from trellis_core.access import AccessRole, may
from trellis_core.care.vocabulary import Activity, EntryMode, Program
from trellis_core.services.time_log import LogTime, log_time
from trellis_core.store.engine import open_store
from trellis_core.store.tables import StaffRow
from trellis_core.synthetic import Size, load_synthetic
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id

MOST = 12
SIZES = (12, 300)
ROLES = (AccessRole.OWNER, AccessRole.COORDINATOR, AccessRole.BILLER)
OF_A_PATIENT = frozenset(
    {"thresholds", "patients", "chart", "consents", *routes.PROGRAM_PAGES, "apcm", "month-review"}
    | {"superbills", "ledger", "audit-packet"}
)
PATIENT, OTHER = "p-1", "p-2"


@dataclass
class Counts:
    """Statements of four runs of a page: its first, one more, and after an entry and another."""

    first: int = 0
    warm: int = 0
    after: list[int] = field(default_factory=list)


@pytest.fixture(scope="session")
def practices(tmp_path_factory):
    """Two made-up practices, alike but for their size."""
    made = {}
    for patients in SIZES:
        path = tmp_path_factory.mktemp("sized") / "trellis.db"
        opened = open_store(f"sqlite:///{path}")
        load_synthetic(
            opened,
            size=Size(patients=patients, entries=patients * 8, months=2, seed=7),
            day=DAY,
            clock=FixedClock(datetime(2026, 11, 20, 20, tzinfo=UTC)),
        )
        with opened.writing() as unit:
            practice_id = unit.session.exec(select(StaffRow.practice_id)).first()
            unit.session.add(
                StaffRow(
                    practice_id=practice_id,
                    id="biller",
                    role="non_clinical",
                    given_name="Bill",
                    family_name="Ledgerly",
                    access=AccessRole.BILLER,
                )
            )
        opened.close()
        made[patients] = path
    return made


@pytest.fixture
def sized(practices, tmp_path, monkeypatch):
    """Open the dashboard on the practice of a size."""
    held = {"token": None}
    monkeypatch.setenv("TRELLIS_TODAY", DAY.isoformat())
    monkeypatch.delenv("TRELLIS_DEMO", raising=False)
    monkeypatch.setattr(page_store, "session_token", lambda: held["token"])

    def opened(patients):
        page_store.close_all()
        path = tmp_path / f"{patients}.db"
        shutil.copy(practices[patients], path)
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{path}")
        return Dashboard(f"sqlite:///{path}", lambda token: held.update(token=token))

    yield opened
    page_store.close_all()


def runs_of(dashboard, role, page, patient_id):
    """Count the statements of a page's runs."""
    counts = Counts()
    address = {} if patient_id is None else {"patient": patient_id}
    with counted_statements(dashboard.store) as said:
        at = dashboard.open(role, page.path, **address)
        counts.first = taken(said)
        at.run()
        taken(said)
        at.run()
        counts.warm = taken(said)
        for number in range(2):
            log_minutes(dashboard, number)
            taken(said)
            at.run()
            counts.after.append(taken(said))
    assert not at.exception
    assert at.title[0].value not in {"You are signed out", "Not for your role"}
    return counts


def taken(said):
    """Count what was asked for, apart from where a transaction begins."""
    number = sum(not each.startswith(("PRAGMA", "BEGIN")) for each in said)
    said.clear()
    return number


def log_minutes(dashboard, number):
    actor = dashboard.actor(AccessRole.COORDINATOR)
    log_time(
        LogTime(
            entry_id=new_entry_id(),
            patient_id=OTHER,
            program=Program.CCM,
            staff_id=actor.person_id,
            started_at=dashboard.clock.now() - timedelta(minutes=20 - 5 * number),
            seconds=60,
            activity=Activity.RECORD_REVIEW,
            mode=EntryMode.TYPED,
            note="",
        ),
        store=dashboard.store,
        actor=actor,
        clock=dashboard.clock,
    )


def cases():
    for page in routes.PAGES:
        for patient_id in (None, PATIENT) if page.name in OF_A_PATIENT else (None,):
            yield pytest.param(page, patient_id, id=page.name + ("-of-one" if patient_id else ""))


@pytest.mark.parametrize("role", ROLES, ids=str)
@pytest.mark.parametrize(("page", "patient_id"), list(cases()))
def test_a_page_that_runs_again_takes_few_statements_whatever_the_size(
    sized, role, page, patient_id
):
    small = sized(SIZES[0])
    if not may(small.actor(role), page.operation):
        pytest.skip("not for this role")
    few = runs_of(small, role, page, patient_id)
    many = runs_of(sized(SIZES[1]), role, page, patient_id)
    assert max(few.warm, many.warm) <= MOST
    assert max(after - before for after, before in zip(many.after, few.after, strict=True)) <= 2
