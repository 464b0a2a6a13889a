"""What if: a month with changed facts beside the month as it is; nothing is ever written."""

from datetime import UTC, date, datetime
from types import MappingProxyType

import pytest

from tests.support.small_panel import SmallPanel, at, counted_statements
from trellis_core.access import AccessRole, Actor, Operation
from trellis_core.care.vocabulary import MdmLevel, Program, StaffRole
from trellis_core.errors import CommandRefusedError, NotFoundError, PermissionDeniedError
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import what_if as service
from trellis_core.services.what_if import AddedMinutes, Changes, WhatIf
from trellis_core.store.engine import Store
from trellis_core.store.ledger_query import read_entries
from trellis_core.store.tables import CarePlanRow, FacilityStayRow, VisitRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
NOW = FixedClock(datetime(2026, 11, 20, 17, tzinfo=UTC))


@pytest.fixture
def panel(store: Store) -> SmallPanel:
    return SmallPanel(store)


def asked(
    panel: SmallPanel,
    changes: Changes | None = None,
    *,
    patient: str = "p-1",
    role: AccessRole = AccessRole.COORDINATOR,
    actor: Actor | None = None,
    month: ServiceMonth = NOVEMBER,
) -> WhatIf:
    facts = service.on_record(
        patient, month=month, store=panel.store, actor=actor or panel.actor(role), clock=NOW
    )
    return service.what_if(facts, changes or Changes(), rule_book=load_rule_book())


def codes(determination) -> dict[str, int]:
    return {line.code: line.units for line in determination.lines}


def reasons(determination) -> set[Reason]:
    return {block.reason for block in determination.blocked}


def minutes(count: int, staff_id: str | None = "rn-1", **more) -> Changes:
    program = more.pop("program", Program.CCM)
    return Changes(added=(AddedMinutes(program=program, minutes=count, staff_id=staff_id, **more),))


@pytest.mark.parametrize(
    ("count", "expected"), [(2, {}), (3, {"99490": 1}), (23, {"99490": 1, "99439": 1})]
)
def test_added_minutes_reach_a_code_exactly_at_its_minutes(panel, count, expected) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 17, at=at(3))
    answer = asked(panel, minutes(count))
    assert codes(answer.as_it_is) == {}
    assert codes(answer.changed) == expected
    assert Reason.TIME_NOT_MET in reasons(answer.as_it_is)


def test_nothing_is_written(panel) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 17, at=at(3))
    with panel.store.reading() as uow:
        before = read_entries(uow, panel.practice_id, month=NOVEMBER, patient_ids=["p-1"])
    with counted_statements(panel.store) as statements:
        asked(
            panel,
            Changes(
                added=(AddedMinutes(program=Program.CCM, minutes=30, staff_id="rn-1"),),
                consent_on=MappingProxyType({Program.CCM: date(2026, 11, 1)}),
                scale_on=date(2026, 11, 2),
                copies_given=frozenset({Program.CCM}),
                decision_making=MdmLevel.HIGH,
                policy=MappingProxyType({"ccm_with_tcm": False}),
            ),
        )
    written = {
        (words[0].upper(), words[2])
        for words in (statement.split() for statement in statements)
        if words[0].upper() in {"INSERT", "UPDATE", "DELETE", "REPLACE"}
    }
    assert written <= {("INSERT", "event")}, "the journal is told who looks, and that is all"
    with panel.store.reading() as uow:
        assert before == read_entries(uow, panel.practice_id, month=NOVEMBER, patient_ids=["p-1"])


def test_two_additions_and_the_days_own_entry_do_not_overlap(panel) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 10, at=at(20, 13))
    added = AddedMinutes(program=Program.CCM, minutes=5, staff_id="rn-1")
    answer = asked(panel, Changes(added=(added, added)))
    assert answer.imagined_on == date(2026, 11, 20)
    assert codes(answer.changed) == {"99490": 1}
    assert answer.changed.not_counted == ()


@pytest.mark.parametrize(
    ("role", "program", "counts"),
    [
        (StaffRole.CLINICAL_STAFF, Program.CCM, True),
        (StaffRole.BEHAVIORAL_CARE_MANAGER, Program.COCM, True),
        (StaffRole.CLINICAL_STAFF, Program.COCM, False),
    ],
)
def test_somebody_new_earns_time_as_the_role_does(panel, role, program, counts) -> None:
    panel.enrolled("p-1", program=program)
    answer = asked(panel, minutes(20, None, program=program, role=role))
    (meter,) = [each for each in answer.changed.meters if each.program is program]
    assert (meter.minutes == 20) is counts


def test_a_consent_counts_from_its_day_and_takes_the_block_away(panel) -> None:
    panel.add(panel.patient("p-1"), *panel.chart("p-1", has_consent=False))
    panel.log("p-1", 20, at=at(10))
    before = asked(panel, Changes(consent_on=MappingProxyType({Program.CCM: date(2026, 11, 10)})))
    assert Reason.CONSENT_MISSING in reasons(before.as_it_is)
    assert codes(before.changed) == {"99490": 1}
    after = asked(panel, Changes(consent_on=MappingProxyType({Program.CCM: date(2026, 11, 11)})))
    assert codes(after.changed) == {}
    assert [lost.reason for lost in after.changed.not_counted] == [Reason.BEFORE_CONSENT]


def test_a_scale_on_file_takes_the_behavioral_block_away(panel) -> None:
    panel.enrolled("p-1", program=Program.BHI)
    panel.log("p-1", 20, at=at(10), program=Program.BHI)
    answer = asked(panel, Changes(scale_on=date(2026, 11, 1)))
    assert reasons(answer.as_it_is) == {Reason.RATING_SCALE_MISSING}
    assert codes(answer.changed) == {"99484": 1}
    earlier = asked(panel, Changes(scale_on=date(2026, 10, 31)))
    assert reasons(earlier.changed) == {Reason.RATING_SCALE_MISSING}


def test_a_copy_given_takes_its_block_away_and_a_missing_plan_is_imagined(panel) -> None:
    chart = panel.chart("p-1")
    for row in chart:
        if isinstance(row, CarePlanRow):
            row.copy_given_on = None
    panel.add(panel.patient("p-1"), *chart)
    panel.add(
        panel.patient("p-2"),
        *(row for row in panel.chart("p-2") if not isinstance(row, CarePlanRow)),
    )
    given = Changes(copies_given=frozenset({Program.CCM}))
    for patient in ("p-1", "p-2"):
        panel.log(patient, 20, at=at(10 if patient == "p-1" else 11))
        answer = asked(panel, given, patient=patient)
        assert codes(answer.as_it_is) == {}
        assert codes(answer.changed) == {"99490": 1}


@pytest.mark.parametrize("level", [MdmLevel.MODERATE, MdmLevel.HIGH])
def test_decision_making_turns_sixty_minutes_into_the_complex_code(panel, level) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 60, at=at(3))
    answer = asked(panel, Changes(decision_making=level))
    assert codes(answer.as_it_is) == {"99490": 1, "99439": 2}
    assert codes(answer.changed) == {"99487": 1}


def test_a_payers_answer_changes_only_the_changed_side(panel) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 60, at=at(3))
    answer = asked(panel, Changes(policy=MappingProxyType({"unit_caps": {"99439": 1}})))
    assert codes(answer.as_it_is) == {"99490": 1, "99439": 2}
    assert codes(answer.changed) == {"99490": 1, "99439": 1}
    assert answer.changed_facts.policy.stated == {"unit_caps"}


def test_imagined_time_avoids_visits_and_stays(panel) -> None:
    panel.enrolled("p-1")
    own = {"practice_id": panel.practice_id, "patient_id": "p-1"}
    panel.add(
        VisitRow(id="v", on_day=date(2026, 11, 20), code="99214", by="dr-1", **own),
        FacilityStayRow(
            id="s", admitted_on=date(2026, 11, 17), discharged_on=date(2026, 11, 20),
            kind="inpatient", **own,
        ),
    )  # fmt: skip
    answer = asked(panel, minutes(20))
    assert answer.imagined_on == date(2026, 11, 16)
    assert codes(answer.changed) == {"99490": 1}


@pytest.mark.parametrize(
    ("month", "day"),
    [
        (ServiceMonth(2026, 9), date(2026, 9, 30)),
        (NOVEMBER, date(2026, 11, 20)),
        (ServiceMonth(2026, 12), date(2026, 12, 1)),
    ],
)
def test_imagined_records_stay_within_the_month(panel, month, day) -> None:
    panel.enrolled("p-1")
    answer = asked(panel, minutes(20), month=month)
    assert answer.imagined_on == day
    (meter,) = answer.changed.meters
    assert meter.minutes == 20


def test_both_sides_carry_their_tree(panel) -> None:
    panel.enrolled("p-1")
    answer = asked(panel, minutes(20))
    for side in (answer.as_it_is, answer.changed):
        assert [program for program, _ in side.trace] == [Program.CCM]


# --- who may ask, and what is refused ----------------------------------------------------------


@pytest.mark.parametrize("role", [each for each in AccessRole if each is not AccessRole.OWN_WORK])
def test_every_role_that_may_see_charts_may_ask(panel, role) -> None:
    panel.enrolled("p-1")
    assert asked(panel, role=role).facts.patient.id == "p-1"


def test_whoever_has_own_work_alone_and_none_of_it_may_not_ask(panel) -> None:
    panel.enrolled("p-1")
    with pytest.raises(PermissionDeniedError):
        asked(panel, role=AccessRole.OWN_WORK)


def test_a_role_that_may_not_see_charts_is_refused_before_anything_is_read(
    panel, monkeypatch
) -> None:
    from trellis_core import access

    panel.enrolled("p-1")
    monkeypatch.setitem(access.POLICY, Operation.READ_CHART, frozenset({AccessRole.OWNER}))
    with counted_statements(panel.store) as statements, pytest.raises(PermissionDeniedError):
        asked(panel, role=AccessRole.AUDITOR)
    assert not [each for each in statements if "patient" in each and each.startswith("SELECT")]


def test_another_practices_patient_is_not_found(panel, store) -> None:
    panel.enrolled("p-1")
    SmallPanel(store, practice_id="prac-2").enrolled("p-9")
    with pytest.raises(NotFoundError):
        asked(panel, patient="p-9")
    with pytest.raises(NotFoundError):
        asked(panel, minutes(20, "nobody"))


@pytest.mark.parametrize("count", [0, -5, 601])
def test_minutes_beyond_a_days_work_are_refused(panel, count) -> None:
    panel.enrolled("p-1")
    with pytest.raises(CommandRefusedError, match="Give 1 to 600"):
        asked(panel, minutes(count))


@pytest.mark.parametrize(
    "answers", [{"nonsense": True}, {"cocm_time_rule": "sometimes"}, {"stated": frozenset()}]
)
def test_a_policy_point_or_answer_that_does_not_exist_is_refused(panel, answers) -> None:
    panel.enrolled("p-1")
    with pytest.raises(CommandRefusedError):
        asked(panel, Changes(policy=MappingProxyType(answers)))
