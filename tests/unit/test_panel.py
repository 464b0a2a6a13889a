"""Facts and determinations of a whole panel, from a real store."""

from datetime import date, datetime

import pytest

from tests.support.small_panel import SmallPanel, at, counted_statements
from trellis_core.care.records import CocmEnd, Enrollment
from trellis_core.care.vocabulary import (
    CocmEndReason,
    Credential,
    DischargedFrom,
    MdmLevel,
    PayerKind,
    Program,
    ScaleUse,
    Track,
)
from trellis_core.panel import (
    determine_panel,
    is_enrolled,
    overlapping_elsewhere,
    panel_facts,
)
from trellis_core.rules.determine import determine
from trellis_core.rules.facts import Facts
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.store.engine import Store
from trellis_core.store.panel_query import PanelRows, read_panel
from trellis_core.store.tables import (
    CarePlanRow,
    ConditionRow,
    ConsentRow,
    DischargeContactRow,
    DischargeRow,
    EnrollmentRow,
    OtherServiceRow,
    PracticeRow,
    RatingScaleRow,
    TrackElectionRow,
)
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN

NOVEMBER = ServiceMonth(2026, 11)
NOW = at(20, 17)


@pytest.fixture
def panel(store: Store) -> SmallPanel:
    return SmallPanel(store)


def rows_of(
    panel: SmallPanel, patient_ids: list[str] | None = None, month: ServiceMonth = NOVEMBER
) -> PanelRows:
    with panel.store.reading() as uow:
        return read_panel(uow, panel.practice_id, month, patient_ids)


def facts_of(
    panel: SmallPanel,
    patient_id: str = "p-1",
    *,
    month: ServiceMonth = NOVEMBER,
    as_of: datetime | None = NOW,
) -> Facts:
    return panel_facts(rows_of(panel, month=month), as_of=as_of)[patient_id]


def test_a_chart_becomes_facts_with_the_practice_and_its_people(panel: SmallPanel) -> None:
    panel.enrolled("p-1")
    facts = facts_of(panel)
    assert facts.service_month == NOVEMBER
    assert facts.as_of == NOW
    assert facts.payer_kind is PayerKind.MEDICARE
    assert facts.practice.around_the_clock_access is True
    assert facts.practice.apcm_capabilities is UNKNOWN
    assert facts.billing_practitioner == "dr-1"
    assert {member.id: member.credential for member in facts.staff} == {
        "dr-1": Credential.MD,
        "rn-1": Credential.RN,
        "sw-1": Credential.LCSW,
        "desk-1": Credential.NONE,
    }
    assert facts.patient.id == "p-1"
    assert facts.patient.last_seen_on == date(2025, 12, 20)
    assert isinstance(facts.patient.conditions, tuple)
    assert {condition.icd10 for condition in facts.patient.conditions} == {"E11.9", "I10", "F32.1"}
    assert isinstance(facts.enrollments, tuple)
    assert [e.program for e in facts.enrollments] == [Program.CCM]
    assert isinstance(facts.initiating_visits, tuple)
    assert [visit.on for visit in facts.initiating_visits] == [date(2025, 12, 20)]
    assert facts.visits == ()
    assert facts.rating_scales == ()


def test_what_was_not_recorded_is_unknown_and_what_has_an_empty_list_is_known(
    panel: SmallPanel,
) -> None:
    own = {"practice_id": "prac-1", "patient_id": "p-1"}
    panel.add(
        panel.patient(
            "p-1", birth_date=None, qualified_medicare_beneficiary=None, last_seen_on=None
        ),
        EnrollmentRow(id="e", program="CCM", started_on=date(2026, 1, 5), **own),
        ConsentRow(id="k", program="CCM", **own),
        CarePlanRow(id="c", program="CCM", **own),
    )
    facts = facts_of(panel)
    assert facts.patient.birth_date is UNKNOWN
    assert facts.patient.qualified_medicare_beneficiary is UNKNOWN
    assert facts.patient.last_seen_on is UNKNOWN
    assert facts.patient.conditions is UNKNOWN
    assert facts.billing_practitioner is None
    assert isinstance(facts.enrollments, tuple)
    assert facts.enrollments[0].billing_practitioner is UNKNOWN
    assert facts.enrollments[0].ended_on is None
    assert isinstance(facts.consents, tuple)
    assert facts.consents[0].obtained_on is UNKNOWN
    assert facts.consents[0].elements is UNKNOWN
    assert facts.consents[0].revoked_on is None
    assert isinstance(facts.care_plans, tuple)
    assert facts.care_plans[0].established_on is UNKNOWN
    assert facts.care_plans[0].copy_given_on is None
    assert facts.initiating_visits == ()
    assert facts.apcm_services_documented is UNKNOWN


def test_a_patient_who_was_never_seen_is_known_to_be_so(panel: SmallPanel) -> None:
    panel.enrolled("p-2")
    panel.add(panel.patient("p-1", last_seen_on=None, is_never_seen=True), *panel.chart("p-1"))
    assert facts_of(panel).patient.last_seen_on is None


def test_conditions_without_an_icd10_code_are_kept_apart(panel: SmallPanel) -> None:
    own = {"practice_id": "prac-1", "patient_id": "p-1"}
    panel.add(
        panel.patient("p-1"),
        EnrollmentRow(id="e", program="CCM", started_on=date(2026, 1, 5), **own),
        ConditionRow(id="c1", snomed="44054006", **own),
    )
    assert facts_of(panel).patient.conditions is UNKNOWN
    panel.add(ConditionRow(id="c2", icd10="I10", is_short_term=True, **own))
    conditions = facts_of(panel).patient.conditions
    assert isinstance(conditions, tuple)
    assert [condition.icd10 for condition in conditions] == ["I10"]
    assert conditions[0].expected_months is None
    assert conditions[0].behavioral is UNKNOWN
    assert [condition.snomed for condition in facts_of(panel).patient.uncoded] == ["44054006"]


def test_a_condition_that_is_not_coded_yet_may_be_the_enrolled_one(panel: SmallPanel) -> None:
    own = {"practice_id": "prac-1", "patient_id": "p-1"}
    panel.add(
        panel.patient("p-1"),
        EnrollmentRow(
            id="e", program="PCM", started_on=date(2026, 1, 5), condition="I50.22", **own
        ),
        ConditionRow(id="c1", icd10="I10", expected_months=24, significant_risk=True, **own),
    )
    found = determine(facts_of(panel), rule_book=load_rule_book())
    assert Reason.CONDITIONS_NOT_MET in {each.reason for each in found.blocked}
    panel.add(ConditionRow(id="c2", snomed="84114007", **own))
    found = determine(facts_of(panel), rule_book=load_rule_book())
    reasons = {each.reason for each in found.blocked}
    assert Reason.UNKNOWN_ICD10 in reasons
    assert Reason.CONDITIONS_NOT_MET not in reasons


def test_only_patients_in_play_have_facts(panel: SmallPanel) -> None:
    panel.enrolled("enrolled")
    panel.add(
        *(
            panel.patient(name)
            for name in ("idle", "timed", "discharged", "long ago", "ended", "from december")
        )
    )
    panel.log("timed", 5, at=at(3))
    own = {"practice_id": "prac-1"}
    panel.add(
        DischargeRow(
            id="d1", patient_id="discharged", discharged_on=date(2026, 11, 5), **own
        ),
        DischargeRow(id="d2", patient_id="long ago", discharged_on=date(2026, 9, 15), **own),
        EnrollmentRow(
            id="e1", patient_id="ended", program="CCM", started_on=date(2026, 1, 5),
            ended_on=date(2026, 10, 31), **own,
        ),
        EnrollmentRow(
            id="e2", patient_id="from december", program="CCM", started_on=date(2026, 12, 1), **own
        ),
    )  # fmt: skip
    assert set(panel_facts(rows_of(panel), as_of=NOW)) == {"enrolled", "timed", "discharged"}
    assert set(panel_facts(rows_of(panel, ["idle"]), as_of=NOW)) == {"idle"}


@pytest.mark.parametrize(
    ("started_on", "ended_on", "answer"),
    [
        (date(2026, 11, 30), None, True),
        (date(2026, 12, 1), None, False),
        (date(2026, 1, 5), date(2026, 11, 1), True),
        (date(2026, 1, 5), date(2026, 10, 31), False),
        (UNKNOWN, UNKNOWN, True),
    ],
)
def test_an_enrollment_holds_on_any_day_of_the_month(
    started_on: date, ended_on: date | None, answer: bool
) -> None:
    enrollment = Enrollment(program=Program.CCM, started_on=started_on, ended_on=ended_on)
    assert is_enrolled(enrollment, NOVEMBER) is answer


def test_entries_keep_the_ledgers_order_and_say_when_they_were_taken_back(
    panel: SmallPanel,
) -> None:
    panel.enrolled("p-1")
    panel.log("p-1", 10, at=at(9), entry_id="late day first")
    panel.log("p-1", 12, at=at(4), entry_id="voided", staff_id=None)
    panel.void("voided")
    entries = facts_of(panel).time_entries
    assert [(e.id, e.is_reversed) for e in entries] == [("late day first", False), ("voided", True)]
    assert entries[0].started_at == at(9)
    assert entries[0].seconds == 600
    assert entries[0].service_day == date(2026, 11, 9)
    assert entries[0].note == ""
    assert entries[1].staff_id is None


def test_only_overlapping_time_of_the_same_person_on_others_is_a_fact(panel: SmallPanel) -> None:
    panel.enrolled("p-1", "p-2", "p-3")
    panel.log("p-1", 30, at=at(3, 15, 0))
    panel.log("p-2", 10, at=at(3, 15, 10))
    panel.log("p-2", 10, at=at(3, 15, 30))  # begins as the first ends
    panel.log("p-3", 10, at=at(3, 15, 5), staff_id="dr-1")
    panel.log("p-3", 10, at=at(3, 15, 12), entry_id="voided")
    panel.void("voided")
    panel.log("p-1", 5, at=at(3, 15, 20))  # the same patient
    found = panel_facts(rows_of(panel), as_of=NOW)
    assert [(o.staff_id, o.started_at, o.seconds) for o in found["p-1"].other_patient_entries] == [
        ("rn-1", at(3, 15, 10), 600)
    ]
    assert [o.seconds for o in found["p-2"].other_patient_entries] == [1800]
    assert found["p-2"].other_patient_entries[0].recorded_at == at(3, 15, 30)
    assert found["p-3"].other_patient_entries == ()


def test_one_patient_alone_has_the_same_facts_as_in_the_whole_panel(panel: SmallPanel) -> None:
    panel.enrolled("p-1", "p-2")
    panel.log("p-1", 30, at=at(3, 15, 0))
    panel.log("p-2", 10, at=at(3, 15, 10))
    panel.log("p-2", 10, at=at(7, 15, 10))
    whole = panel_facts(rows_of(panel), as_of=NOW)
    for patient_id in ("p-1", "p-2"):
        alone = panel_facts(rows_of(panel, [patient_id]), as_of=NOW)
        assert alone == {patient_id: whole[patient_id]}


def test_a_long_entry_overlaps_everything_under_it(panel: SmallPanel) -> None:
    panel.enrolled("p-1", "p-2", "p-3")
    panel.log("p-1", 60, at=at(3, 15, 0))
    panel.log("p-2", 5, at=at(3, 15, 10))
    panel.log("p-3", 5, at=at(3, 15, 40))
    found = overlapping_elsewhere(rows_of(panel))
    assert {who: len(others) for who, others in found.items()} == {"p-1": 2, "p-2": 1, "p-3": 1}


def test_an_election_is_the_months_own(panel: SmallPanel) -> None:
    panel.enrolled("p-1")
    panel.add(
        TrackElectionRow(
            practice_id="prac-1", patient_id="p-1", program="CCM", ym=202611,
            track="practitioner", elected_by="dr-1", elected_at=NOW,
        )
    )  # fmt: skip
    november = facts_of(panel).enrollments
    october = facts_of(panel, month=ServiceMonth(2026, 10)).enrollments
    assert isinstance(november, tuple)
    assert isinstance(october, tuple)
    assert november[0].track is Track.PRACTITIONER
    assert october[0].track is None


def test_two_billing_practitioners_leave_the_patients_open(panel: SmallPanel) -> None:
    panel.enrolled("p-1")
    own = {"practice_id": "prac-1", "patient_id": "p-1", "program": "BHI"}
    panel.add(
        panel.staff("np-1", "billing_practitioner", "NP"),
        EnrollmentRow(
            id="old", started_on=date(2026, 1, 1), ended_on=date(2026, 5, 1),
            billing_practitioner="np-1", **own,
        ),
    )  # fmt: skip
    assert facts_of(panel).billing_practitioner == "dr-1"
    panel.add(
        EnrollmentRow(id="new", started_on=date(2026, 6, 1), billing_practitioner="np-1", **own)
    )
    assert facts_of(panel).billing_practitioner is None


def test_services_of_this_practice_in_earlier_months_are_prior_services(panel: SmallPanel) -> None:
    panel.enrolled("p-1")
    own = {"practice_id": "prac-1", "patient_id": "p-1"}
    panel.add(
        OtherServiceRow(
            id="o1", on_day=date(2026, 10, 31), code="99492", by="dr-1", same_practice=True, **own
        ),
        OtherServiceRow(
            id="o2", on_day=date(2026, 11, 1), code="90960", by="dr-1", same_practice=True, **own
        ),
        OtherServiceRow(id="o3", on_day=date(2026, 11, 2), code="99490", by="other", **own),
    )
    facts = facts_of(panel)
    assert [(s.month, s.code, s.by) for s in facts.prior_services] == [
        (ServiceMonth(2026, 10), "99492", "dr-1")
    ]
    assert [(s.code, s.same_practice) for s in facts.other_services] == [
        ("90960", True),
        ("99490", UNKNOWN),
    ]


def test_a_discharge_comes_with_its_contacts_visit_and_steps(panel: SmallPanel) -> None:
    panel.enrolled("p-1")
    own = {"practice_id": "prac-1", "patient_id": "p-1"}
    panel.add(
        DischargeRow(
            id="d1", discharged_on=date(2026, 11, 2), discharged_from="inpatient_acute",
            visit_on=date(2026, 11, 9), visit_by="dr-1", visit_modality="in_person", mdm="high",
            medications_reconciled_on=date(2026, 11, 9), **own,
        ),
        DischargeRow(id="d2", discharged_on=date(2026, 11, 10), **own),
        DischargeContactRow(id="c2", discharge_id="d1", at=at(4), outcome="reached", **own),
        DischargeContactRow(id="c1", discharge_id="d1", at=at(3), outcome="attempted", **own),
    )  # fmt: skip
    first, second = facts_of(panel).discharges
    assert first.discharged_from is DischargedFrom.INPATIENT_ACUTE
    assert first.discharged_to is UNKNOWN
    assert first.mdm is MdmLevel.HIGH
    assert isinstance(first.contacts, tuple)
    assert [contact.at for contact in first.contacts] == [at(3), at(4)]
    assert first.visit is not UNKNOWN
    assert first.visit is not None
    assert first.visit.on == date(2026, 11, 9)
    assert second.visit is None
    assert second.contacts == ()


def test_behavioral_facts_come_from_the_patient_the_scales_and_the_roll_up(
    panel: SmallPanel,
) -> None:
    panel.add(
        panel.patient(
            "p-1",
            cocm_referred_on=date(2026, 9, 1),
            registry_entered_on=date(2026, 9, 2),
            cocm_ended_on=date(2026, 11, 20),
            cocm_ended_because="goal_met",
        ),
        *panel.chart("p-1", program=Program.COCM),
        RatingScaleRow(
            practice_id="prac-1", id="s1", patient_id="p-1", instrument="PHQ-9",
            on_day=date(2026, 11, 3), score=9, acted_on="plan_kept",
        ),
    )  # fmt: skip
    panel.log("p-1", 10, at=at(3, month=9), program=Program.COCM, staff_id="sw-1")
    facts = facts_of(panel)
    assert facts.cocm_referred_on == date(2026, 9, 1)
    assert facts.registry_entered_on == date(2026, 9, 2)
    assert facts.cocm_ended == CocmEnd(on=date(2026, 11, 20), because=CocmEndReason.GOAL_MET)
    assert isinstance(facts.rating_scales, tuple)
    assert facts.rating_scales[0].acted_on is ScaleUse.PLAN_KEPT
    assert facts.earlier_months_with_time == ((Program.COCM, ServiceMonth(2026, 9)),)


def test_a_stated_policy_overrides_the_default_and_says_that_it_was_stated(store: Store) -> None:
    panel = SmallPanel(store)
    panel.enrolled("p-1")
    assert facts_of(panel).policy.stated == frozenset()
    with store.writing() as uow:
        row = uow.session.get(PracticeRow, "prac-1")
        assert row is not None
        row.policy = '{"ccm_with_tcm": false, "tcm_bundles": ["99358"], "unit_caps": {"99494": 4}}'
        uow.session.add(row)
    policy = facts_of(panel).policy
    assert policy.ccm_with_tcm is False
    assert policy.tcm_bundles == ("99358",)
    assert policy.unit_caps["99494"] == 4
    assert policy.stated == {"ccm_with_tcm", "tcm_bundles", "unit_caps"}
    assert policy.cocm_time_rule == "midpoint"


def test_a_whole_panel_is_determined_from_one_read(panel: SmallPanel) -> None:
    panel.enrolled("p-1", "p-2")
    panel.log("p-1", 25, at=at(3))
    panel.log("p-2", 7, at=at(4))
    with counted_statements(panel.store) as statements:
        found = determine_panel(panel_facts(rows_of(panel), as_of=NOW), rule_book=load_rule_book())
    assert len(statements) <= 27
    assert [line.code for line in found["p-1"].lines] == ["99490"]
    assert found["p-2"].lines == ()
