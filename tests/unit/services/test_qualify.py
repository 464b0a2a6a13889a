"""Who may qualify: both sides of each number of the rules, and what is not recorded named."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.support.small_panel import SmallPanel
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Program
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.qualify import who_may_qualify
from trellis_core.store.tables import (
    ConditionRow,
    ConsentDeclinedRow,
    DischargeRow,
    ElsewhereRow,
    EnrollmentRow,
    RestrictedChartRow,
)
from trellis_core.values.clock import FixedClock

TODAY = date(2026, 11, 20)
CLOCK = FixedClock(datetime(2026, 11, 20, 17, tzinfo=UTC))
CCM, PCM, BHI, COCM, TCM = Program.CCM, Program.PCM, Program.BHI, Program.COCM, Program.TCM


@pytest.fixture
def panel(store) -> SmallPanel:
    made = SmallPanel(store)
    made.add(made.patient("p-1"))
    return made


def own(panel):
    return {"practice_id": panel.practice_id, "patient_id": "p-1", "id": panel.new_id()}


def condition(
    panel, icd10="E11.9", months=12, *, risk=True, behavioral=False, short=False, text=""
):
    panel.add(
        ConditionRow(
            icd10=icd10,
            expected_months=months,
            significant_risk=risk,
            behavioral=behavioral,
            is_short_term=short,
            text=text,
            **own(panel),
        )
    )


def found(panel, **how):
    page = who_may_qualify(
        store=panel.store,
        actor=how.pop("actor", panel.actor()),
        clock=CLOCK,
        rule_book=load_rule_book(),
        **how,
    )
    return {one.program: one for row in page.rows for one in row.candidates}


def met(panel):
    return {program for program, one in found(panel).items() if one.is_met}


@pytest.mark.parametrize(
    ("months", "wanted"), [(2, set()), (3, {PCM}), (11, {PCM}), (12, {CCM, PCM})]
)
def test_two_lasting_conditions_meet_ccm_and_one_meets_pcm(panel, months, wanted):
    condition(panel, "E11.9", months)
    condition(panel, "I10", months)
    assert met(panel) == wanted


def test_one_condition_or_the_same_twice_is_not_two(panel):
    condition(panel, "E11.9")
    condition(panel, "E11.9")
    assert met(panel) == {PCM}
    assert found(panel)[PCM].because == "E11.9"
    condition(panel, "I10")
    assert found(panel)[CCM].because == "E11.9, I10"


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        ({"months": None}, "I10: expected duration"),
        ({"risk": None}, "I10: significant risk"),
        ({"months": None, "risk": None}, "I10: expected duration, significant risk"),
        ({"icd10": None, "text": "High pressure"}, "High pressure: ICD-10-CM code"),
    ],
)
def test_what_is_not_recorded_is_named_and_is_no_no(panel, facts, missing):
    condition(panel, "E11.9")
    condition(panel, **({"icd10": "I10"} | facts))
    assert met(panel) == {PCM}
    assert not found(panel)[CCM].is_met
    assert found(panel)[CCM].missing == (missing,)


@pytest.mark.parametrize(
    "facts", [{"risk": False}, {"short": True, "months": None}, {"months": 11}]
)
def test_a_known_no_is_no_candidate(panel, facts):
    condition(panel, "E11.9")
    condition(panel, "I10", **facts)
    assert CCM not in found(panel)


@pytest.mark.parametrize(
    ("icd10", "behavioral", "wanted"),
    [
        ("F32.1", True, {BHI: True, COCM: True}),
        ("F32.1", False, {}),
        ("F32.1", None, {BHI: False, COCM: False}),
        ("R45.1", True, {BHI: True, COCM: True}),
        ("R45.1", None, {}),
        (None, True, {BHI: False, COCM: False}),
    ],
)
def test_a_behavioral_condition_meets_both_behavioral_programs(panel, icd10, behavioral, wanted):
    condition(panel, icd10, None, risk=False, behavioral=behavioral)
    assert {program: one.is_met for program, one in found(panel).items()} == wanted


@pytest.mark.parametrize(
    ("ago", "facts", "wanted"),
    [
        (14, {}, True),
        (15, {}, None),
        (29, {"visit_on": TODAY - timedelta(days=20)}, True),
        (30, {"visit_on": TODAY - timedelta(days=20)}, None),
        (0, {}, True),
        (-1, {}, None),
        (3, {"readmitted_on": TODAY}, None),
        (3, {"billed_on": TODAY}, None),
        (3, {"discharged_to": None}, False),
        (3, {"discharged_from": None}, False),
    ],
)
def test_a_discharge_is_a_candidate_while_its_steps_can_be_done(panel, ago, facts, wanted):
    came = {"discharged_from": "inpatient_acute", "discharged_to": "home"}
    panel.add(
        DischargeRow(discharged_on=TODAY - timedelta(days=ago), **own(panel), **(came | facts))
    )
    one = found(panel).get(TCM)
    assert (None if one is None else one.is_met) is wanted


@pytest.mark.parametrize(
    ("program", "ended_on", "left"),
    [
        (CCM, None, {BHI, COCM}),
        (PCM, TODAY, {BHI, COCM}),
        (PCM, TODAY - timedelta(days=1), {CCM, PCM, BHI, COCM}),
        (COCM, None, {CCM, PCM}),
        (TCM, None, {CCM, PCM, BHI, COCM}),
    ],
)
def test_nobody_is_listed_beside_a_program_of_the_same_kind(panel, program, ended_on, left):
    for code in ("E11.9", "I10", "F32.1"):
        condition(panel, code, behavioral=code == "F32.1")
    panel.add(
        EnrollmentRow(
            program=program.value, started_on=date(2026, 1, 1), ended_on=ended_on, **own(panel)
        )
    )
    assert met(panel) == left


def test_doubts_are_told_where_another_practice_has_the_patient_or_consent_was_declined(panel):
    condition(panel, "E11.9")
    panel.add(
        ElsewhereRow(program="PCM", other_practice="Meadow", learned_on=TODAY, **own(panel)),
        ElsewhereRow(
            program="PCM", learned_on=TODAY, ended_on=TODAY - timedelta(days=1), **own(panel)
        ),
        ConsentDeclinedRow(program="PCM", declined_on=date(2026, 11, 2), **own(panel)),
    )
    assert found(panel)[PCM].doubts == ("In PCM at Meadow", "Declined PCM on Nov 2, 2026")


def test_the_dead_the_merged_and_closed_charts_are_left_out(panel):
    condition(panel, "E11.9")
    for patient_id, more in (("dead", {"deceased_on": TODAY}), ("merged", {"merged_into": "p-1"})):
        panel.add(panel.patient(patient_id, **more))
        panel.add(
            ConditionRow(
                icd10="E11.9",
                expected_months=12,
                significant_risk=True,
                **(own(panel) | {"patient_id": patient_id}),
            )
        )
    page = who_may_qualify(
        store=panel.store, actor=panel.actor(), clock=CLOCK, rule_book=load_rule_book()
    )
    assert [row.patient_id for row in page.rows] == ["p-1"]
    assert (page.total, page.met[PCM], page.open[PCM], page.met[CCM]) == (1, 1, 0, 0)
    panel.add(
        RestrictedChartRow(
            practice_id=panel.practice_id,
            patient_id="p-1",
            restricted_by="rn-1",
            restricted_at=CLOCK.now(),
        )
    )
    assert found(panel) == {}
    assert PCM in found(panel, actor=panel.actor(AccessRole.OWNER))


def test_filters_and_pages(panel):
    condition(panel, "E11.9")
    for at in range(3):
        panel.add(panel.patient(f"q-{at}", family_name=f"Ängel{at}"))
        panel.add(
            ConditionRow(
                icd10="F32.1", behavioral=None if at else True, significant_risk=False,
                **(own(panel) | {"patient_id": f"q-{at}"}),
            )
        )  # fmt: skip

    def ids(**how):
        page = who_may_qualify(
            store=panel.store, actor=panel.actor(), clock=CLOCK, rule_book=load_rule_book(), **how
        )
        return page.total, [row.patient_id for row in page.rows]

    assert ids() == (4, ["q-0", "q-1", "q-2", "p-1"])
    assert ids(limit=2, offset=1) == (4, ["q-1", "q-2"])
    assert ids(program=BHI) == (3, ["q-0", "q-1", "q-2"])
    assert ids(program=BHI, is_met=True) == (1, ["q-0"])
    assert ids(is_met=False) == (2, ["q-1", "q-2"])
