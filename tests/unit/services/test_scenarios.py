"""Scenarios of the ROI calculator: one of a name, and a list that an old one does not break."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest

from tests.support.small_panel import SmallPanel
from trellis_core.access import AccessRole
from trellis_core.errors import CommandRefusedError, NotFoundError, PermissionDeniedError
from trellis_core.roi import RoiInputs
from trellis_core.services.scenarios import (
    MOST_SCENARIOS,
    SaveScenario,
    remove_scenario,
    save_scenario,
    scenarios,
)
from trellis_core.store.tables import RoiScenarioRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

OTHER = RoiInputs(panel=Decimal(1500), year=2025, state="WI", locality="00")
OCTOBER = ServiceMonth(2026, 10)


@pytest.fixture
def panel(store) -> SmallPanel:
    return SmallPanel(store)


def save(panel, clock, name, role=AccessRole.OWNER, **more):
    command = SaveScenario(name=name, **({"inputs": OTHER} | more))
    return save_scenario(command, store=panel.store, actor=panel.actor(role), clock=clock)


def names(panel, role=AccessRole.AUDITOR):
    return [each.name for each in scenarios(store=panel.store, actor=panel.actor(role))]


def row(panel, name, document, **more):
    return RoiScenarioRow(
        practice_id=panel.practice_id, id=name, name=name, document=document,
        made_by="dr-1", made_at=panel.now(), **more,
    )  # fmt: skip


def test_a_scenario_is_saved_changed_renamed_and_removed(panel, clock):
    made = save(panel, clock, "  Next   year ", starts=OCTOBER)
    save(panel, clock, "all on RN")
    assert names(panel) == ["all on RN", "Next year"]
    (_, found) = scenarios(store=panel.store, actor=panel.actor(AccessRole.COORDINATOR))
    assert found == made
    assert (found.inputs, found.starts, found.problem) == (OTHER, OCTOBER, "")

    later = FixedClock(clock.now() + timedelta(hours=1))
    again = save(panel, later, "NEXT YEAR", AccessRole.BILLER, id=made.id, inputs=RoiInputs())
    assert (again.id, again.starts, again.made_at) == (made.id, None, later.now())
    assert names(panel) == ["all on RN", "NEXT YEAR"]

    owner = {"store": panel.store, "actor": panel.actor(AccessRole.OWNER), "clock": clock}
    remove_scenario(made.id, **owner)
    assert names(panel) == ["all on RN"]
    with pytest.raises(NotFoundError):
        remove_scenario(made.id, **owner)
    with pytest.raises(NotFoundError):
        save(panel, clock, "Next year", id=made.id)


def test_a_name_is_of_one_scenario_and_has_bounds(panel, clock):
    first = save(panel, clock, "Peña")
    second = save(panel, clock, "x" * 60)
    for name, code, id_ in (
        ("PENA", "SCENARIO_NAME_TAKEN", ""),
        ("pena", "SCENARIO_NAME_TAKEN", second.id),
        ("x" * 61, "SCENARIO_NAME", ""),
        ("  ", "SCENARIO_NAME", ""),
        ("a\x00b", "SCENARIO_NAME", ""),
    ):
        with pytest.raises(CommandRefusedError) as refused:
            save(panel, clock, name, id=id_)
        assert refused.value.code == code
    assert save(panel, clock, "Pena", id=first.id).name == "Pena"


def test_a_practice_keeps_fifty(panel, clock):
    panel.add(*(row(panel, f"s{n}", "{}") for n in range(MOST_SCENARIOS - 1)))
    last = save(panel, clock, "the last")
    with pytest.raises(CommandRefusedError) as refused:
        save(panel, clock, "one more")
    assert refused.value.code == "TOO_MANY_SCENARIOS"
    save(panel, clock, "still the last", id=last.id)


def test_what_does_not_read_any_more_stays_on_the_list_and_says_so(panel, clock):
    panel.add(
        row(panel, "a", '{"coffee": "3"}'),
        row(panel, "b", "[1]"),
        row(panel, "c", "{"),
        row(panel, "d", '{"panel": "900"}', starts_ym="2026-99"),
    )
    *bad, good = scenarios(store=panel.store, actor=panel.actor(AccessRole.BILLER))
    assert [each.inputs for each in bad] == [None] * 3
    assert "There is no input 'coffee'" in bad[0].problem
    assert all("Remove it" in each.problem for each in bad)
    assert (good.inputs, good.starts) == (RoiInputs(panel=Decimal(900)), None)
    mended = save(panel, clock, "a", id="a")
    assert (mended.inputs, mended.problem) == (OTHER, "")


def test_who_may_see_and_who_may_save(panel, clock):
    with pytest.raises(PermissionDeniedError):
        save(panel, clock, "mine", AccessRole.COORDINATOR)
    with pytest.raises(PermissionDeniedError):
        names(panel, AccessRole.OWN_WORK)


def test_two_who_save_one_name_at_once_make_one_scenario(panel, clock):
    together, ends = Barrier(2), []

    def work(panel_size):
        together.wait(30)
        try:
            ends.append(save(panel, clock, "At once", inputs=replace(OTHER, panel=panel_size)).id)
        except CommandRefusedError as refused:
            ends.append(refused.code)

    threads = [Thread(target=work, args=(Decimal(size),)) for size in (800, 900)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert names(panel) == ["At once"]
    assert sum(end == "SCENARIO_NAME_TAKEN" for end in ends) == 1
