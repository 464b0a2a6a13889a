"""Writing into a chart: what is kept, what is refused, and for whom."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from inspect import signature

import pytest

from trellis_core.access import AccessRole, Actor
from trellis_core.care.records import InitiatingVisit, Visit
from trellis_core.care.registry import RegistryStatus
from trellis_core.care.vocabulary import (
    CocmEndReason,
    ConsentElement,
    ConsentMethod,
    ContactOutcome,
    DischargedFrom,
    DischargedTo,
    MdmLevel,
    Program,
    ScaleUse,
    StayKind,
    Track,
    VisitModality,
)
from trellis_core.errors import (
    CommandRefusedError,
    InvalidHcpcsError,
    InvalidIcd10Error,
    NotFoundError,
    PermissionDeniedError,
)
from trellis_core.services import (
    care_plans,
    cocm,
    conditions,
    consents,
    discharges,
    enrollments,
    scales,
    visits,
)
from trellis_core.services.caseload import Chart, chart
from trellis_core.store.engine import Store
from trellis_core.store.tables import RatingScaleRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN

MODULES = (care_plans, cocm, conditions, consents, discharges, enrollments, scales, visits)
DAY = date(2026, 11, 20)
TOMORROW = DAY + timedelta(days=1)
NOVEMBER = ServiceMonth(2026, 11)
OWNER = Actor(
    practice_id="trellis-sample",
    person_id="md-1",
    role=AccessRole.OWNER,
    is_billing_practitioner=True,
)
NURSE = Actor(practice_id="trellis-sample", person_id="rn-1", role=AccessRole.COORDINATOR)
STRANGER = replace(OWNER, practice_id="another-practice")
WHO = "p-224"  # discharged yesterday, in no program yet


class Desk:
    """The services with store, actor and clock filled in."""

    def __init__(self, store: Store, clock: FixedClock, actor: Actor = OWNER) -> None:
        self.store, self.clock, self.actor = store, clock, actor

    def __getattr__(self, name: str) -> Callable[..., object]:
        service = next(getattr(module, name) for module in MODULES if hasattr(module, name))
        return lambda *words, **facts: service(
            *words, **facts, store=self.store, actor=self.actor, clock=self.clock
        )

    def chart(self, patient_id: str = WHO) -> Chart:
        return chart(patient_id, month=NOVEMBER, store=self.store, actor=OWNER)


@pytest.fixture
def desk(sample_store: Store, clock: FixedClock) -> Desk:
    return Desk(sample_store, clock)


def refused(code: str, attempt: Callable[[], object]) -> str:
    with pytest.raises(CommandRefusedError) as caught:
        attempt()
    assert caught.value.code == code
    for private in ("Hazelnut", "Birgitta", "1952"):
        assert private not in str(caught.value)
    return str(caught.value)


def test_a_condition_is_added_and_later_coded(desk: Desk) -> None:
    made = desk.add_condition(WHO, icd10="E03.9", text="Thyroid", expected_months=None)
    assert made in desk.chart().conditions
    coded = desk.code_condition(made.id, icd10="E06.3", expected_months=12, significant_risk=True)
    assert coded in desk.chart().conditions
    assert coded.text == "Thyroid"
    assert coded.behavioral is UNKNOWN
    message = refused("CONDITION_LISTED", lambda: desk.add_condition(WHO, icd10="E06.3"))
    assert made.id in message
    refused("CONDITION_LISTED", lambda: desk.code_condition(made.id, icd10="I10"))
    with pytest.raises(InvalidIcd10Error):
        desk.add_condition(WHO, icd10="diabetes")
    refused("DAY_IN_FUTURE", lambda: desk.add_condition(WHO, icd10="E66.9", onset_on=TOMORROW))


def test_a_patient_is_enrolled_once_at_a_time_in_a_program(desk: Desk) -> None:
    def enroll(**facts: object) -> object:
        return desk.enroll(
            WHO,
            **{
                "program": Program.CCM,
                "started_on": date(2026, 11, 2),
                "billing_practitioner": "md-1",
            }
            | facts,
        )

    made = enroll()
    assert made in desk.chart().enrollments
    assert "End it first" in refused("ALREADY_ENROLLED", enroll)
    enroll(program=Program.BHI)  # another program does not mind
    refused("END_BEFORE_START", lambda: desk.end_enrollment(made.id, ended_on=date(2026, 11, 1)))
    assert desk.end_enrollment(made.id, ended_on=date(2026, 11, 10)).ended_on == date(2026, 11, 10)
    refused("ALREADY_ENDED", lambda: desk.end_enrollment(made.id, ended_on=DAY))
    refused("ALREADY_ENROLLED", lambda: enroll(started_on=date(2026, 11, 10)))
    enroll(started_on=date(2026, 11, 11))
    assert len(desk.chart().enrollments) == 3


def test_an_enrollment_names_practitioners_and_a_condition_where_it_is_about_one(
    desk: Desk,
) -> None:
    facts = {"started_on": DAY, "billing_practitioner": "np-1"}
    refused(
        "CONDITION_NOT_ASKED",
        lambda: desk.enroll(WHO, program=Program.CCM, condition="I10", **facts),
    )
    made = desk.enroll(
        WHO, program=Program.PCM, condition="J45.40", supervising_practitioner="md-1", **facts
    )
    assert desk.chart().enrollments == (made,)
    refused(
        "NOT_A_BILLING_PRACTITIONER",
        lambda: desk.enroll(WHO, program=Program.CCM, started_on=DAY, billing_practitioner="rn-1"),
    )
    with pytest.raises(NotFoundError, match="nobody"):
        desk.enroll(WHO, program=Program.CCM, started_on=DAY, billing_practitioner="nobody")
    refused(
        "AFTER_DEATH",
        lambda: desk.enroll(
            "p-217", program=Program.BHI, started_on=DAY, billing_practitioner="md-1"
        ),
    )


def test_a_track_is_elected_by_a_billing_practitioner_and_may_be_changed(desk: Desk) -> None:
    def elect(track: Track, program: Program = Program.CCM) -> object:
        return desk.elect_track("p-213", program=program, month=NOVEMBER, track=track)

    elect(Track.PRACTITIONER)
    assert desk.chart("p-213").enrollments[0].track is Track.PRACTITIONER
    elect(Track.STAFF)
    assert desk.chart("p-213").enrollments[0].track is Track.STAFF
    refused("NO_TRACKS", lambda: elect(Track.STAFF, Program.BHI))
    nurse = Desk(desk.store, desk.clock, NURSE)
    with pytest.raises(PermissionDeniedError):
        nurse.elect_track("p-213", program=Program.CCM, month=NOVEMBER, track=Track.STAFF)


def test_a_consent_keeps_its_true_day_and_is_revoked_once(desk: Desk) -> None:
    made = desk.record_consent(
        WHO,
        program=Program.CCM,
        obtained_on=date(2026, 11, 3),
        method=ConsentMethod.VERBAL,
        documented=True,
        billing_practitioner="md-1",
        obtained_by="rn-1",
        elements=frozenset({ConsentElement.AVAILABILITY, ConsentElement.COST_SHARING}),
        backdating_reason="Found on paper",
    )
    assert desk.chart().consents == (made,)
    bare = desk.record_consent(WHO, program=Program.BHI, obtained_on=DAY)
    assert bare.elements is UNKNOWN
    assert bare in desk.chart().consents
    none_told = desk.record_consent(WHO, program=Program.PCM, obtained_on=DAY, elements=frozenset())
    assert none_told in desk.chart().consents
    refused(
        "DAY_IN_FUTURE",
        lambda: desk.record_consent(WHO, program=Program.CCM, obtained_on=TOMORROW),
    )
    refused("END_BEFORE_START", lambda: desk.revoke_consent(made.id, revoked_on=date(2026, 11, 2)))
    refused("DAY_IN_FUTURE", lambda: desk.revoke_consent(made.id, revoked_on=TOMORROW))
    assert desk.revoke_consent(made.id, revoked_on=DAY).revoked_on == DAY
    refused("ALREADY_REVOKED", lambda: desk.revoke_consent(made.id, revoked_on=DAY))


def test_a_care_plan_is_established_revised_and_handed_over(desk: Desk) -> None:
    made = desk.record_care_plan(
        WHO, program=Program.CCM, established_on=date(2026, 11, 3), goals="Breathe well"
    )
    assert made.copy_given_on is None
    refused(
        "END_BEFORE_START",
        lambda: desk.give_care_plan_copy(made.id, copy_given_on=date(2026, 11, 2)),
    )
    desk.give_care_plan_copy(made.id, copy_given_on=date(2026, 11, 4))
    desk.revise_care_plan(made.id, revised_on=date(2026, 11, 12))
    refused(
        "END_BEFORE_START",
        lambda: desk.revise_care_plan(made.id, revised_on=date(2026, 11, 11)),
    )
    kept = desk.revise_care_plan(made.id, revised_on=DAY, goals="Breathe easily")
    assert desk.chart().care_plans == (kept,)
    assert kept == replace(
        made, copy_given_on=date(2026, 11, 4), revised_on=DAY, goals="Breathe easily"
    )


def test_a_visit_is_separate_or_opens_a_program(desk: Desk) -> None:
    plain = desk.record_visit(WHO, on=DAY, code="99214", by="md-1")
    assert isinstance(plain, Visit)
    opening = desk.record_visit(
        WHO,
        on=DAY,
        is_initiating=True,
        by="other",
        program_discussed=frozenset({Program.CCM, Program.BHI}),
        care_planning_by_practitioner=False,
    )
    assert isinstance(opening, InitiatingVisit)
    assert desk.chart().visits == (plain,)
    assert desk.chart().initiating_visits == (opening,)
    with pytest.raises(InvalidHcpcsError):
        desk.record_visit(WHO, on=DAY, code="9921")
    refused("DAY_IN_FUTURE", lambda: desk.record_visit(WHO, on=TOMORROW))


def test_decision_making_is_documented_by_a_billing_practitioner(desk: Desk) -> None:
    facts = {"program": Program.CCM, "level": MdmLevel.MODERATE, "on": DAY}
    made = desk.record_decision_making(WHO, by="np-1", **facts)
    assert desk.chart().decision_making == (made,)
    refused(
        "NOT_A_BILLING_PRACTITIONER",
        lambda: desk.record_decision_making(WHO, by="rn-1", **facts),
    )
    with pytest.raises(PermissionDeniedError):
        Desk(desk.store, desk.clock, NURSE).record_decision_making(WHO, by="np-1", **facts)


def test_a_scale_is_kept_with_its_answers(desk: Desk) -> None:
    made = desk.record_scale(
        WHO,
        instrument=" PHQ-2 ",
        on=DAY,
        score=3,
        acted_on=ScaleUse.PLAN_KEPT,
        answers=[1, 2],
    )
    assert made.scale.instrument == "PHQ-2"
    assert desk.chart().rating_scales == (made.scale,)
    with desk.store.reading() as unit:
        row = unit.session.get(RatingScaleRow, ("trellis-sample", made.scale.id))
    assert (row.answers, row.by) == ("[1, 2]", "md-1")
    refused(
        "SCORE_DIFFERS",
        lambda: desk.record_scale(WHO, instrument="PHQ-2", on=DAY, score=3, answers=[3, 3]),
    )
    refused("SCORE_BELOW_ZERO", lambda: desk.record_scale(WHO, instrument="X", on=DAY, score=-1))
    refused("INSTRUMENT_NEEDED", lambda: desk.record_scale(WHO, instrument=" ", on=DAY))
    refused("DAY_IN_FUTURE", lambda: desk.record_scale(WHO, instrument="X", on=TOMORROW))


def test_a_cocm_episode_is_referred_reviewed_and_ended(desk: Desk) -> None:
    desk.enter_registry(WHO, entered_on=DAY, referred_on=date(2026, 11, 2))
    review = desk.record_caseload_review(WHO, on=DAY, consultant="psy-1", recommendation="Wait.")
    view = desk.chart()
    assert (view.cocm_referred_on, view.registry_entered_on) == (date(2026, 11, 2), DAY)
    assert view.caseload_reviews == (review,)
    refused(
        "END_BEFORE_START",
        lambda: desk.end_cocm(WHO, on=date(2026, 11, 1), because=CocmEndReason.GOAL_MET),
    )
    end = desk.end_cocm(WHO, on=DAY, because=CocmEndReason.GOAL_MET)
    assert desk.chart().cocm_ended == end
    desk.enter_registry(WHO, entered_on=DAY)
    assert desk.chart().cocm_ended == end
    desk.enter_registry(WHO, entered_on=DAY, referred_on=DAY)  # a new episode
    assert desk.chart().cocm_ended is None
    with pytest.raises(NotFoundError):
        desk.record_caseload_review(WHO, on=DAY, consultant="other")


def test_a_discharge_is_followed_up_step_by_step(desk: Desk) -> None:
    made = desk.record_discharge(
        WHO,
        discharged_on=date(2026, 11, 10),
        discharged_from=DischargedFrom.INPATIENT_ACUTE,
        discharged_to=DischargedTo.HOME,
        facility_name="Bluebell Ridge Hospital",
    )
    assert made in desk.chart().discharges
    refused(
        "DISCHARGE_RECORDED", lambda: desk.record_discharge(WHO, discharged_on=date(2026, 11, 10))
    )
    for hour in (18, 15):  # noon and nine in New York, written down the other way round
        desk.record_discharge_contact(
            made.id,
            at=datetime(2026, 11, 11, hour, tzinfo=UTC),
            outcome=ContactOutcome.ATTEMPTED,
            by="rn-1",
        )
    kept = desk.record_discharge_visit(
        made.id,
        on=date(2026, 11, 16),
        by="md-1",
        modality=VisitModality.IN_PERSON,
        mdm=MdmLevel.HIGH,
        medications_reconciled_on=date(2026, 11, 16),
    )
    found = next(one for one in desk.chart().discharges if one.id == made.id)
    assert found == kept
    assert [contact.at.hour for contact in found.contacts] == [15, 18]
    assert found.visit is not None
    assert found.facility_name == "Bluebell Ridge Hospital"
    desk.record_discharge_visit(made.id, on=date(2026, 11, 17), by="md-1")
    corrected = next(one for one in desk.chart().discharges if one.id == made.id)
    assert corrected.visit.on == date(2026, 11, 17)
    assert corrected.mdm is None
    assert corrected.medications_reconciled_on == date(2026, 11, 16)


def test_follow_up_before_the_discharge_or_after_today_is_refused(desk: Desk) -> None:
    discharge = desk.chart().discharges[0]  # of yesterday
    for at, code in (
        (datetime(2026, 11, 18, 15, tzinfo=UTC), "END_BEFORE_START"),
        (datetime(2026, 11, 21, 15, tzinfo=UTC), "DAY_IN_FUTURE"),
        (datetime(2026, 11, 20, 9), "TIME_WITHOUT_ZONE"),  # noqa: DTZ001 - that is the point
    ):
        refused(code, lambda at=at: desk.record_discharge_contact(discharge.id, at=at))
    refused(
        "END_BEFORE_START",
        lambda: desk.record_discharge_visit(discharge.id, on=date(2026, 11, 18)),
    )
    refused("DAY_IN_FUTURE", lambda: desk.record_discharge_visit(discharge.id, on=TOMORROW))
    with pytest.raises(NotFoundError, match="di-9"):
        desk.record_discharge_contact("di-9", at=datetime(2026, 11, 20, 15, tzinfo=UTC))


def test_today_is_the_practices_day_not_greenwichs(desk: Desk) -> None:
    desk.clock.instant = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)  # still the 20th in New York
    refused("DAY_IN_FUTURE", lambda: desk.record_visit(WHO, on=TOMORROW))
    desk.clock.instant = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
    desk.record_visit(WHO, on=TOMORROW)


def test_a_stay_lasts_until_its_end_is_recorded(desk: Desk) -> None:
    made = desk.record_facility_stay(WHO, admitted_on=date(2026, 11, 12), kind=StayKind.INPATIENT)
    assert desk.chart().stays == (made,)
    refused(
        "END_BEFORE_START",
        lambda: desk.end_facility_stay(made.id, discharged_on=date(2026, 11, 11)),
    )
    assert desk.end_facility_stay(made.id, discharged_on=DAY).discharged_on == DAY
    refused(
        "END_BEFORE_START",
        lambda: desk.record_facility_stay(
            WHO, admitted_on=DAY, discharged_on=date(2026, 11, 1), kind=StayKind.OBSERVATION
        ),
    )


def test_a_service_of_another_practice_is_recorded(desk: Desk) -> None:
    made = desk.record_other_service(WHO, on=DAY, code="99490", by="other", same_practice=False)
    assert desk.chart().other_services == (made,)
    with pytest.raises(NotFoundError):
        desk.record_other_service(WHO, on=DAY, code="99490", by="nobody")


WRITES: list[tuple[str, tuple[str, ...], dict[str, object]]] = [
    ("add_condition", (WHO,), {"icd10": "E03.9"}),
    ("code_condition", ("dx-1",), {"icd10": "E03.9"}),
    (
        "enroll",
        (WHO,),
        {"program": Program.CCM, "started_on": DAY, "billing_practitioner": "md-1"},
    ),
    ("end_enrollment", ("en-1",), {"ended_on": DAY}),
    (
        "change_practitioners",
        ("en-1",),
        {"from_day": DAY, "billing_practitioner": "md-1"},
    ),
    (
        "elect_track",
        (WHO,),
        {"program": Program.CCM, "month": NOVEMBER, "track": Track.STAFF},
    ),
    ("record_consent", (WHO,), {"program": Program.CCM, "obtained_on": DAY}),
    ("revoke_consent", ("co-1",), {"revoked_on": DAY}),
    ("give_consent_copy", ("co-1",), {"copy_given_on": DAY}),
    ("decline_consent", (WHO,), {"program": Program.CCM, "declined_on": DAY}),
    ("record_care_plan", (WHO,), {"program": Program.CCM, "established_on": DAY}),
    ("revise_care_plan", ("cp-1",), {"revised_on": DAY}),
    ("give_care_plan_copy", ("cp-1",), {"copy_given_on": DAY}),
    ("record_visit", (WHO,), {"on": DAY}),
    (
        "record_decision_making",
        (WHO,),
        {"program": Program.CCM, "level": MdmLevel.HIGH, "on": DAY},
    ),
    ("record_scale", (WHO,), {"instrument": "PHQ-9", "on": DAY}),
    ("excuse_scale", (WHO,), {"reason": "Cannot be asked"}),
    ("enter_registry", (WHO,), {"entered_on": DAY}),
    ("mark_for_discussion", (WHO,), {"is_wanted": True}),
    (
        "keep_registry_mark",
        (WHO,),
        {
            "status": RegistryStatus.ACTIVE,
            "next_appointment_on": None,
            "relapse_plan_on": None,
        },
    ),
    ("end_cocm", (WHO,), {"on": DAY, "because": CocmEndReason.GOAL_MET}),
    ("record_caseload_review", (WHO,), {"on": DAY}),
    ("record_discharge", (WHO,), {"discharged_on": DAY}),
    ("record_discharge_contact", ("d-224",), {"at": datetime(2026, 11, 20, 15, tzinfo=UTC)}),
    ("record_discharge_visit", ("d-224",), {"on": DAY}),
    ("record_facility_stay", (WHO,), {"admitted_on": DAY, "kind": StayKind.INPATIENT}),
    ("end_facility_stay", ("st-1",), {"discharged_on": DAY}),
    ("take_back_visit", ("d-224",), {}),
    ("record_reconciliation", ("d-224",), {"on": DAY}),
    ("record_discharge_management", ("d-224",), {"on": DAY, "by": "md-1"}),
    ("record_readmission", ("d-224",), {"on": DAY}),
    ("record_death", (WHO,), {"on": DAY}),
    ("correct_discharge", ("d-224",), {"discharged_on": DAY}),
    (
        "correct_discharge_contact",
        ("d-224",),
        {
            "was_at": datetime(2026, 11, 20, 15, tzinfo=UTC),
            "at": datetime(2026, 11, 20, 16, tzinfo=UTC),
        },
    ),
    ("take_back_contact", ("d-224",), {"at": datetime(2026, 11, 20, 15, tzinfo=UTC)}),
    ("take_back_discharge", ("d-224",), {}),
    ("correct_facility_stay", ("st-1",), {"admitted_on": DAY, "kind": StayKind.INPATIENT}),
    ("take_back_facility_stay", ("st-1",), {}),
    ("record_other_service", (WHO,), {"on": DAY, "code": "99490"}),
]


@pytest.mark.parametrize("role", [AccessRole.BILLER, AccessRole.AUDITOR])
def test_no_biller_or_auditor_writes_into_a_chart(desk: Desk, role: AccessRole) -> None:
    who = replace(OWNER, role=role, is_billing_practitioner=False)
    reader = Desk(desk.store, desk.clock, who)
    for name, words, facts in WRITES:
        with pytest.raises(PermissionDeniedError):
            getattr(reader, name)(*words, **facts)


def test_another_practices_chart_does_not_exist(desk: Desk) -> None:
    stranger = Desk(desk.store, desk.clock, STRANGER)
    before = desk.chart()
    for name, words, facts in WRITES:
        with pytest.raises(NotFoundError):
            getattr(stranger, name)(*words, **facts)
    assert desk.chart() == before


def test_every_service_that_writes_is_listed_here() -> None:
    written = {
        name
        for module in MODULES
        for name, value in vars(module).items()
        if callable(value)
        and not name.startswith("_")
        and getattr(value, "__module__", "") == module.__name__
        and "actor" in signature(value).parameters
    }
    assert written == {name for name, _, _ in WRITES}
