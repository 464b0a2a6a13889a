"""Several tables in one statement give what each gives by itself, on both databases."""

from datetime import UTC, date, datetime, timedelta, timezone

from tests.support.small_panel import SmallPanel, counted_statements
from trellis_core.store.engine import Store
from trellis_core.store.small_tables import Part, read_together
from trellis_core.store.tables import DischargeContactRow, StaffRow, TaskRow, VisitRow

EAST = timezone(timedelta(hours=-5))


def test_every_kind_of_value_comes_back_as_it_was_stored(any_store: Store) -> None:
    panel = SmallPanel(any_store)
    panel.add(
        DischargeContactRow(
            practice_id="prac-1", id="c", discharge_id="d", patient_id="p-1",
            at=datetime(2026, 11, 3, 10, 0, 1, 5, tzinfo=EAST),
        ),
        VisitRow(
            practice_id="prac-1", id="v2", patient_id="p-2", on_day=date(2026, 11, 4), by="dr-1",
            is_initiating=True,
        ),
        VisitRow(
            practice_id="prac-1", id="v1", patient_id="p-1", on_day=date(2026, 11, 3),
            care_planning_by_practitioner=False,
        ),
    )  # fmt: skip
    kinds = (DischargeContactRow, VisitRow, StaffRow, TaskRow)
    parts = [Part(kind, (kind.__table__.c.practice_id == "prac-1",)) for kind in kinds]
    with any_store.reading() as unit, counted_statements(any_store) as statements:
        found = read_together(unit.connection, parts)
        few = read_together(unit.connection, parts, among={"p-1"})
    assert len([each for each in statements if "json" in each]) == 2
    (contact,) = found.of(DischargeContactRow)
    assert contact.at == datetime(2026, 11, 3, 15, 0, 1, 5, tzinfo=UTC)
    assert contact.outcome is None
    first, second = found.of(VisitRow)
    assert (first.id, first.on_day, first.by, first.is_initiating) == (
        "v1", date(2026, 11, 3), None, False,
    )  # fmt: skip
    assert first.care_planning_by_practitioner is False
    assert second.is_initiating is True
    assert second.care_planning_by_practitioner is None
    assert [row.id for row in found.of(StaffRow)] == ["desk-1", "dr-1", "rn-1", "sw-1"]
    assert found.of(TaskRow) == []
    assert [row.id for row in few.of(VisitRow)] == ["v1"]
    assert len(few.of(StaffRow)) == 4
