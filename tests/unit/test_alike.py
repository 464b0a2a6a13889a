"""A month decided at once gives everybody the answer that ``determine`` gives to each."""

from datetime import UTC, datetime

import pytest

from tests.support.chance_panel import ChancePanel
from tests.support.small_panel import SmallPanel, counted_statements
from trellis_core.panel import PanelMonth, decide_month, determine_panel, panel_facts
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.board_rows import rows_by_patient, rows_of_panel
from trellis_core.store.engine import Store
from trellis_core.store.panel_query import read_panel
from trellis_core.store.tables import PracticeRow
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
LATER = datetime(2027, 1, 15, 17, tzinfo=UTC)
PATIENTS = 160


def decided(panel: SmallPanel, month: ServiceMonth, as_of: datetime) -> PanelMonth:
    with panel.store.reading() as unit:
        return decide_month(unit, panel.practice_id, month, as_of=as_of, rule_book=load_rule_book())


def assert_same(panel: SmallPanel, month: ServiceMonth, as_of: datetime) -> PanelMonth:
    """Compare with each patient decided alone, the rows of the board too."""
    book = load_rule_book()
    at_once = decided(panel, month, as_of)
    with panel.store.reading() as unit:
        rows = read_panel(unit, panel.practice_id, month)
    each = determine_panel(panel_facts(rows, as_of=as_of), rule_book=book)
    assert list(at_once.determinations) == list(each)
    for patient_id, determination in each.items():
        assert at_once.determinations[patient_id] == determination, patient_id
    on_board = rows_by_patient(rows, as_of=as_of, rule_book=book)
    assert rows_of_panel(at_once, rule_book=book) == on_board
    return at_once


@pytest.mark.parametrize("seed", range(6))
def test_everybody_gets_the_answer_of_determine(store: Store, seed: int) -> None:
    panel = SmallPanel(store)
    ChancePanel(panel, seed, patients=PATIENTS)
    found = assert_same(panel, NOVEMBER, LATER)
    together = len(found.determinations) - len(found.facts)
    assert together > len(found.determinations) / 8  # else hardly anything was compared
    bills = [one for one in found.determinations.values() if one.lines]
    assert len(bills) > PATIENTS / 5


@pytest.mark.parametrize(
    "as_of",
    [
        datetime(2026, 10, 20, 12, tzinfo=UTC),
        datetime(2026, 11, 1, 5, tzinfo=UTC),
        datetime(2026, 11, 16, 15, 30, tzinfo=UTC),
        datetime(2026, 12, 1, 4, 58, tzinfo=UTC),
        datetime(2026, 12, 1, 5, tzinfo=UTC),
    ],
)
def test_at_any_instant(store: Store, as_of: datetime) -> None:
    panel = SmallPanel(store)
    ChancePanel(panel, 77, patients=PATIENTS)
    assert_same(panel, NOVEMBER, as_of)


@pytest.mark.parametrize(
    "month", [ServiceMonth(2024, 11), ServiceMonth(2026, 10), ServiceMonth(2026, 12)]
)
def test_in_the_months_beside(store: Store, month: ServiceMonth) -> None:
    panel = SmallPanel(store)
    ChancePanel(panel, 78, patients=PATIENTS)
    assert_same(panel, month, LATER)


@pytest.mark.parametrize(
    "setting",
    [
        {"kind": "rural_health_clinic"},
        {"date_of_service": "threshold_met"},
        {"policy": '{"scale_interval": "since_enrollment"}'},
        {"policy": '{"same_day_visit_time": "attest", "unit_caps": {"99439": 1}}'},
        {"around_the_clock_access": None, "apcm_capabilities": True, "performance_reporting": True},
        {"time_zone": "Pacific/Auckland"},
    ],
    ids=["rural", "threshold", "scales", "payer", "attested", "zone"],
)
def test_whatever_the_practice_is_set_to(store: Store, setting: dict[str, object]) -> None:
    panel = SmallPanel(store)
    ChancePanel(panel, 79, patients=80)
    with store.writing(at=panel.now()) as unit:
        practice = unit.session.get(PracticeRow, panel.practice_id)
        assert practice is not None
        for name, value in setting.items():
            setattr(practice, name, value)
    assert_same(panel, NOVEMBER, LATER)


def test_on_both_databases(any_store: Store) -> None:
    panel = SmallPanel(any_store)
    ChancePanel(panel, 80, patients=60)
    assert_same(panel, NOVEMBER, LATER)


def test_the_statements_are_as_many_for_two_patients_as_for_many(store: Store) -> None:
    panel = SmallPanel(store)
    panel.enrolled("q-1", "q-2")
    with counted_statements(store) as few:
        decided(panel, NOVEMBER, LATER)
    ChancePanel(panel, 81, patients=PATIENTS)
    with counted_statements(store) as many:
        decided(panel, NOVEMBER, LATER)
    frame, everybody, cache = 2, 13, 3
    assert len(few) == frame + cache + everybody + 1  # and one of two months that are alike
    assert len(many) <= frame + cache + everybody + 12
