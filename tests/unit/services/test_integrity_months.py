"""The check of closed months: marks, documents and entries must agree with what each close sealed."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.tampering import codes, messages, sample, tamper
from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.integrity import Scope, check_store
from trellis_core.services.month_close import CloseMonth, ReopenMonth, close_month, reopen_month
from trellis_core.services.sign_in import demo_actors
from trellis_core.services.time_log import LogTime, log_time
from trellis_core.store.engine import Store, open_store
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

OCTOBER = ServiceMonth(2026, 10)
MADE = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The sample practice with October closed, reopened, added to and closed again."""
    path = tmp_path_factory.mktemp("months") / "trellis.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRELLIS_DATA_FOLDER", str(path.parent))
        store, clock = open_store(f"sqlite:///{path}"), FixedClock(MADE)
        sample(store)
        owner = owner_of(store)
        close = {"store": store, "actor": owner, "clock": clock, "rule_book": load_rule_book()}
        close_month(CloseMonth(month=OCTOBER, form_id="close"), **close)
        reopen_month(
            ReopenMonth(month=OCTOBER, form_id="open", reason="a late note"),
            store=store,
            actor=owner,
            clock=clock,
        )
        log(store, clock)
        close_month(CloseMonth(month=OCTOBER, form_id="again"), **close)
        store.close()
    return path


@pytest.fixture
def closed(made: Path, tmp_path: Path) -> Store:
    for name in (made.name, f"{made.name}.checkpoints.jsonl"):
        shutil.copy(made.parent / name, tmp_path / name)
    store = open_store(f"sqlite:///{tmp_path / made.name}")
    yield store
    store.close()


def owner_of(store: Store) -> Actor:
    return next(a for _, a in demo_actors(store=store) if a.role is AccessRole.OWNER)


def log(store: Store, clock: FixedClock) -> None:
    nurse = next(a for _, a in demo_actors(store=store) if a.role is AccessRole.COORDINATOR)
    log_time(
        LogTime(
            entry_id="late",
            patient_id="p-101",
            program=Program.CCM,
            staff_id=nurse.person_id,
            started_at=datetime(2026, 10, 6, 14, 0, tzinfo=UTC),
            seconds=1800,
            activity=Activity.CARE_COORDINATION,
        ),
        store=store,
        actor=nurse,
        clock=clock,
    )


def test_a_month_closed_reopened_and_closed_again_is_sound(closed):
    with closed.reading() as unit:
        bills, versions = unit.connection.exec_driver_sql(
            "SELECT count(*), max(version) FROM superbill"
        ).one()
    assert bills > 10
    assert versions == 2
    for scope in Scope:
        assert check_store(closed, clock=FixedClock(MADE), scope=scope).findings == ()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM month_mark WHERE number = 3", "closed the month 2026-10, but the store no"),
        ("DELETE FROM month_mark WHERE number = 2", "has the number 3; the next of that month is 2"),
        ("UPDATE month_mark SET event_seq = event_seq - 1 WHERE number = 1", "has no event"),
        ("UPDATE month_mark SET ledger_seq = ledger_seq + 1 WHERE number = 3", "was changed: event"),
        ("UPDATE month_mark SET recorded_at = recorded_at + 1 WHERE number = 3", "was changed"),
        ("UPDATE month_mark SET ym = 202609", "was changed: event"),
        ("DELETE FROM superbill WHERE number = 3", "Superbill 3 is missing"),
        ("DELETE FROM superbill WHERE number IN (3, 4)", "Superbills 3 to 4 are missing"),
        ("UPDATE superbill SET number = 0 WHERE number = 1", "has a number that none can have"),
        ("UPDATE superbill SET sha256 = '0' WHERE number = 2", "Superbill 2 is not the document"),
        ("UPDATE superbill SET document = zeroblob(9) WHERE number = 2", "its digest does not fit"),
        ("UPDATE superbill SET replaces = 2 WHERE version = 2", "what it replaces is not there"),
        ("UPDATE superbill SET changes_claim = 0 WHERE number = 2", "columns that differ from its"),
        ("UPDATE superbill SET changes_claim = 1 - changes_claim WHERE version = 2",
         "says wrongly whether a claim must be corrected"),
        ("UPDATE superbill SET patient_id = 'x' WHERE number = 2", "columns that differ"),
        ("UPDATE superbill SET issued_at = issued_at + 1 WHERE number = 2", "columns that differ"),
        ("UPDATE superbill_line SET units = units + 1 WHERE number = 2", "lines that differ"),
        ("UPDATE superbill_line SET billing_practitioner = 'x' WHERE number = 2", "lines that"),
        ("DELETE FROM superbill_line WHERE number = 2", "has lines that differ"),
        ("UPDATE superbill_line SET ym = 202609 WHERE number = 2", "belongs to no such superbill"),
        ("DELETE FROM month_determination WHERE patient_id = 'p-101' AND period = 0",
         "sealed other documents than there are"),
        ("UPDATE month_determination SET document = zeroblob(9) WHERE patient_id = 'p-101'",
         "What the close of 2026-10 decided for patient 'p-101' is not what was written"),
        ("UPDATE month_determination SET period = 7 WHERE period = 0",
         "There are documents of 2026-10 (period 7), but no close of it"),
    ],
)  # fmt: skip
def test_what_does_not_agree_with_a_close_is_named(closed, statement, said):
    tamper(closed, statement)
    report = check_store(closed, clock=FixedClock(MADE))
    assert not report.ok
    assert any(said in message for message in messages(report, "L014")), messages(report, "L014")


def test_an_entry_in_a_month_that_was_closed_before_is_named(closed):
    clock = FixedClock(MADE)
    with closed.reading() as unit:
        mark = tuple(
            unit.connection.exec_driver_sql(
                "SELECT practice_id, ym, number, event_seq, ledger_seq, recorded_at "
                "FROM month_mark WHERE number = 3"
            ).one()
        )
    tamper(closed, "DELETE FROM month_mark WHERE number = 3")
    nurse = next(a for _, a in demo_actors(store=closed) if a.role is AccessRole.COORDINATOR)
    late = log_time(
        LogTime(
            entry_id="too-late",
            patient_id="p-102",
            program=Program.CCM,
            staff_id=nurse.person_id,
            started_at=datetime(2026, 10, 7, 14, 0, tzinfo=UTC),
            seconds=600,
            activity=Activity.CARE_COORDINATION,
        ),
        store=closed,
        actor=nurse,
        clock=clock,
    ).entry
    tamper(closed, ("INSERT INTO month_mark VALUES (?, ?, ?, ?, ?, ?)", mark))
    for scope in Scope:
        report = check_store(closed, clock=clock, scope=scope)
        assert codes(report) == {("L015", late.seq)}
        assert "2026-10, which was closed before it came" in report.findings[0].message
