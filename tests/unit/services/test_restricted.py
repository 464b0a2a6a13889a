"""Restricting a chart, opening it in an emergency, reviewing that; and consultants' own work."""

import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.support.small_panel import SmallPanel, at, counted_statements
from trellis_core.access import POLICY, AccessRole, Actor, Operation
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.errors import (
    ChartRestrictedError,
    CommandRefusedError,
    NotFoundError,
    PermissionDeniedError,
)
from trellis_core.ledger.journal import EventKind
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.board import board, patient_month
from trellis_core.services.caseload import chart, charts_of_list, patients
from trellis_core.services.chart_guard import guard, reach
from trellis_core.services.cocm import record_caseload_review
from trellis_core.services.integrity import check_store
from trellis_core.services.journal import journal
from trellis_core.services.registry import registry
from trellis_core.services.restricted import (
    chart_access,
    closed_charts,
    emergencies,
    end_emergency,
    lift_restriction,
    open_in_emergency,
    restrict_chart,
    restricted_charts,
    review_emergency,
)
from trellis_core.services.time_log import LogTime, entries_of, log_time
from trellis_core.services.timers import StopTimer, start_timer, stop_timer
from trellis_core.store.engine import Store
from trellis_core.store.tables import EnrollmentRow, PatientRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
REASON = "Daughter called, he fainted"


def person(person_id: str, role: AccessRole, **more: bool) -> Actor:
    return Actor(practice_id="prac-1", person_id=person_id, role=role, **more)


OWNER = person("own-1", AccessRole.OWNER)
NURSE = person("rn-1", AccessRole.COORDINATOR)
WORKER = person("sw-1", AccessRole.COORDINATOR)
BILLER = person("bill-1", AccessRole.BILLER)
AUDITOR = person("audit-1", AccessRole.AUDITOR)
DOCTOR = person("dr-1", AccessRole.OWN_WORK, is_billing_practitioner=True)
CONSULTANT = person("psy-1", AccessRole.OWN_WORK, is_psychiatric_consultant=True)
STRANGER = Actor(practice_id="prac-2", person_id="own-2", role=AccessRole.OWNER)
OTHERS = [NURSE, BILLER, AUDITOR, DOCTOR]


@pytest.fixture
def store(any_store: Store) -> Store:
    """A practice with a patient in CCM, one in CoCM, and one in nothing; and another practice."""
    panel = SmallPanel(any_store)
    panel.add(
        panel.staff("own-1", "clinical_staff", "RN"),
        panel.staff("psy-1", "psychiatric_consultant", "MD", "1000000806"),
        panel.staff("bill-1", "non_clinical", ""),
        panel.staff("audit-1", "non_clinical", ""),
    )
    panel.add(
        panel.patient("p-ccm", "O'Briarly-Fern", birth_date=date(1941, 11, 2)),
        panel.patient("p-cocm", "Larkspur"),
        panel.patient("p-none", "Zöller"),
    )
    panel.add(*panel.chart("p-ccm"), *panel.chart("p-cocm", program=Program.COCM))
    panel.log("p-ccm", 20, at=at(10))
    panel.log("p-cocm", 30, at=at(11), program=Program.COCM, staff_id="sw-1")
    SmallPanel(any_store, "prac-2")
    return any_store


class Desk:
    """Services with a store and a clock."""

    def __init__(self, store: Store, clock: FixedClock) -> None:
        self.store, self.clock = store, clock

    def __call__(self, service, *given, actor=OWNER, **named):
        takes = service.__wrapped__.__code__.co_varnames
        around = {"store": self.store, "actor": actor, "clock": self.clock}
        if "rule_book" in takes:
            around["rule_book"] = load_rule_book()
        return service(*given, **{k: v for k, v in around.items() if k in takes}, **named)

    def restrict(self, patient_id="p-ccm", *readers):
        return self(restrict_chart, patient_id, readers=readers)

    def is_open(self, patient_id, actor):
        """Ask in every way at once: they never differ."""
        with self.store.reading() as unit:
            now = self.clock.now()
            try:
                guard(unit, actor, patient_id, now=now)
            except ChartRestrictedError:
                is_open = False
            else:
                is_open = True
            assert reach(unit, actor, now=now).is_open(patient_id) is is_open
        assert (patient_id not in self(closed_charts, [patient_id], actor=actor)) is is_open
        assert self(chart_access, patient_id, actor=actor).is_open is is_open
        return is_open

    def open(self, patient_id="p-ccm", actor=NURSE, reason=REASON):
        return self(open_in_emergency, patient_id, reason, actor=actor)

    def events(self, subject_kind, actor=OWNER):
        page = self(journal, subject_kind=subject_kind, actor=actor)
        return list(reversed(page.events))


@pytest.fixture
def desk(store: Store, clock: FixedClock) -> Desk:
    return Desk(store, clock)


# --- restricting -----------------------------------------------------------------------------


def test_a_restricted_chart_is_open_to_owners_and_named_readers_alone(desk):
    assert all(desk.is_open("p-ccm", actor) for actor in (OWNER, WORKER, *OTHERS))
    made = desk.restrict("p-ccm", "sw-1", "sw-1")
    assert made.readers == ("sw-1",)
    assert (made.patient_name, made.restricted_by) == ("O'Briarly-Fern, Ada", "own-1")
    assert desk.is_open("p-ccm", OWNER)
    assert desk.is_open("p-ccm", WORKER)
    assert not any(desk.is_open("p-ccm", actor) for actor in OTHERS)
    assert all(desk.is_open("p-none", actor) for actor in OTHERS)
    assert desk(restricted_charts) == (made,)
    assert desk(chart_access, "p-ccm").readers == ("sw-1",)
    assert desk(chart_access, "p-ccm", actor=WORKER).readers == ()

    assert desk.restrict("p-ccm", "rn-1").readers == ("rn-1",)
    assert desk.is_open("p-ccm", NURSE)
    assert not desk.is_open("p-ccm", WORKER)

    desk(lift_restriction, "p-ccm")
    assert all(desk.is_open("p-ccm", actor) for actor in (WORKER, *OTHERS))
    desk(lift_restriction, "p-ccm")
    assert desk(restricted_charts) == ()
    said = [(event.kind, event.author_id) for event in desk.events("restricted_chart")]
    kinds = [EventKind.RECORDED, EventKind.CHANGED, EventKind.REMOVED]
    assert said == [(kind, "own-1") for kind in kinds]


def test_restricting_without_readers_leaves_the_owners(desk):
    desk.restrict()
    assert not desk.is_open("p-ccm", WORKER)


def test_a_reader_whose_id_begins_like_anothers_is_not_that_person(desk):
    desk.restrict("p-ccm", "own-1")
    assert not desk.is_open("p-ccm", person("own", AccessRole.COORDINATOR))
    assert not desk.is_open("p-ccm", person("1", AccessRole.COORDINATOR))


def test_an_id_with_a_blank_cannot_be_named_as_a_reader(desk):
    panel = SmallPanel(desk.store, is_there=True)
    panel.add(panel.staff("rn 1", "clinical_staff", "RN"))
    with pytest.raises(CommandRefusedError) as refused:
        desk.restrict("p-ccm", "rn 1")
    assert refused.value.code == "READER_ID"
    assert desk(restricted_charts) == ()


@pytest.mark.parametrize("actor", [*OTHERS, CONSULTANT], ids=lambda a: a.person_id)
def test_only_an_owner_restricts_lifts_lists_and_reviews(desk, actor):
    for service, given in (
        (restrict_chart, ["p-ccm"]),
        (lift_restriction, ["p-ccm"]),
        (restricted_charts, []),
        (emergencies, []),
        (review_emergency, ["em-1"]),
    ):
        with pytest.raises(PermissionDeniedError):
            desk(service, *given, actor=actor)


def test_what_belongs_to_another_practice_is_not_there(desk):
    desk.restrict()
    access = desk.open()
    for service, given in (
        (restrict_chart, ["p-ccm"]),
        (lift_restriction, ["p-ccm"]),
        (chart_access, ["p-ccm"]),
        (open_in_emergency, ["p-ccm", REASON]),
        (end_emergency, [access.id]),
        (review_emergency, [access.id]),
    ):
        with pytest.raises(NotFoundError):
            desk(service, *given, actor=STRANGER)
    nurse_there = replace(NURSE, practice_id="prac-2")
    with pytest.raises(NotFoundError):
        desk(chart, "p-ccm", month=NOVEMBER, actor=nurse_there)
    assert desk(restricted_charts, actor=STRANGER) == ()
    assert desk(emergencies, actor=STRANGER) == ()
    with pytest.raises(NotFoundError):
        desk.restrict("p-ccm", "own-2")
    with pytest.raises(NotFoundError):
        desk.restrict("p-nobody")


# --- emergencies -----------------------------------------------------------------------------


@pytest.mark.parametrize("actor", [*OTHERS, CONSULTANT], ids=lambda a: a.person_id)
def test_an_emergency_opens_the_chart_for_exactly_an_hour_and_nobody_else(desk, actor):
    desk.restrict()
    began = desk.clock.now()
    made = desk.open(actor=actor)
    assert (made.began_at, made.ends_at, made.ended_at) == (began, began + HOUR, None)
    assert made.reason == REASON
    assert desk.is_open("p-ccm", actor)
    assert not desk.is_open("p-ccm", WORKER)
    assert desk(chart_access, "p-ccm", actor=actor).emergency == made
    desk.clock.instant = began + HOUR - SECOND
    assert desk.is_open("p-ccm", actor)
    assert desk(chart, "p-ccm", month=NOVEMBER, actor=actor).patient.id == "p-ccm"
    desk.clock.instant = began + HOUR
    assert not desk.is_open("p-ccm", actor)
    assert desk(chart_access, "p-ccm", actor=actor).emergency is None
    with pytest.raises(ChartRestrictedError, match="'p-ccm'"):
        desk(chart, "p-ccm", month=NOVEMBER, actor=actor)


@pytest.mark.parametrize(
    ("reason", "is_enough"),
    [
        ("123456789", False),
        ("1234567890", True),
        ("   123456789   ", False),
        ("12345\n    6789", True),
        ("          ", False),
        ("x" * 500, True),
        ("x" * 501, False),
    ],
)
def test_a_reason_has_ten_to_five_hundred_characters(desk, reason, is_enough):
    desk.restrict()
    if is_enough:
        assert desk.open(reason=reason).reason == " ".join(reason.split())
        return
    with pytest.raises(CommandRefusedError) as refused:
        desk.open(reason=reason)
    assert refused.value.code == "REASON_LENGTH"
    assert not desk.is_open("p-ccm", NURSE)


def test_a_chart_that_is_open_needs_no_emergency(desk):
    for actor in (OWNER, NURSE):
        with pytest.raises(CommandRefusedError) as refused:
            desk.open("p-none", actor)
        assert refused.value.code == "CHART_OPEN"
    assert desk(emergencies) == ()


def test_opening_again_gives_the_same_hour_and_afterwards_another(desk):
    desk.restrict()
    first = desk.open()
    desk.clock.advance(minutes=30)
    assert desk.open(reason="Another reason for it") == first
    desk.clock.advance(minutes=30)
    second = desk.open(reason="Another reason for it")
    assert second.id != first.id
    assert [each.reason for each in desk(emergencies)] == [REASON, "Another reason for it"]


def test_the_person_ends_it_before_the_hour_is_over(desk):
    desk.restrict()
    made = desk.open()
    desk.clock.advance(minutes=5)
    with pytest.raises(NotFoundError):
        desk(end_emergency, made.id, actor=WORKER)
    assert desk.is_open("p-ccm", NURSE)
    ended = desk(end_emergency, made.id, actor=NURSE)
    assert ended.ended_at == ended.over_at == desk.clock.now()
    assert not desk.is_open("p-ccm", NURSE)
    desk.clock.advance(minutes=5)
    assert desk(end_emergency, made.id, actor=NURSE) == ended
    assert desk.open().id != made.id


def test_one_that_ran_out_is_not_ended_afterwards(desk):
    desk.restrict()
    made = desk.open()
    desk.clock.advance(hours=1)
    assert desk(end_emergency, made.id, actor=NURSE).ended_at is None


def test_an_owner_ends_it_and_reviews_it_when_it_is_over(desk):
    desk.restrict()
    made = desk.open()
    with pytest.raises(CommandRefusedError) as refused:
        desk(review_emergency, made.id)
    assert refused.value.code == "STILL_OPEN"
    desk(end_emergency, made.id)
    assert not desk.is_open("p-ccm", NURSE)
    assert [each.id for each in desk(emergencies)] == [made.id]
    seen = desk(review_emergency, made.id)
    assert (seen.reviewed_by, seen.reviewed_at) == ("own-1", desk.clock.now())
    assert desk(emergencies) == ()
    assert desk(emergencies, with_reviewed=True) == (seen,)
    desk.clock.advance(minutes=1)
    another = person("own-3", AccessRole.OWNER)
    assert desk(review_emergency, made.id, actor=another) == seen
    with pytest.raises(NotFoundError):
        desk(review_emergency, "em-nothing")


def test_the_journal_holds_who_when_whom_and_why_and_the_reason_beside_the_chain(desk):
    desk.restrict()
    made = desk.open()
    desk(end_emergency, made.id, actor=NURSE)
    desk(review_emergency, made.id)
    opened, ended, reviewed = desk.events("emergency_access")
    assert [each.author_id for each in (opened, ended, reviewed)] == ["rn-1", "rn-1", "own-1"]
    assert {each.patient_id for each in (opened, ended, reviewed)} == {"p-ccm"}
    assert opened.kind is EventKind.RECORDED
    assert {change.words: change.after for change in opened.changes}["reason"] == REASON
    assert [change.words for change in ended.changes] == ["ended early at"]
    assert [change.words for change in reviewed.changes] == ["reviewed at", "reviewed by"]
    with desk.store.reading() as unit:
        bodies = unit.connection.exec_driver_sql("SELECT body FROM event").scalars().all()
    assert not [body for body in bodies if "fainted" in body]
    assert check_store(desk.store, clock=desk.clock).ok


def test_two_people_have_an_hour_each_and_one_person_who_asks_twice_at_once_has_one(desk):
    desk.restrict()
    asking = [NURSE, NURSE, NURSE, WORKER, WORKER, BILLER]
    given, lock = [], threading.Lock()

    def ask(actor: Actor) -> None:
        made = desk.open(actor=actor)
        with lock:
            given.append((actor.person_id, made.id))

    threads = [threading.Thread(target=ask, args=(actor,)) for actor in asking]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given) == len(asking)
    assert len({access for _, access in given}) == 3
    assert len(desk(emergencies)) == 3
    assert len(desk.events("emergency_access")) == 3


# --- what lists, months and the journal give of a closed chart --------------------------------


def test_a_closed_chart_is_left_out_of_the_list_and_found_by_whole_words_with_initials_only(desk):
    desk.restrict("p-ccm", "sw-1")

    def found(text, actor=NURSE):
        return desk(patients, text=text, actor=actor)

    assert [row.id for row in found("").rows] == ["p-cocm", "p-none"]
    assert found("").total == 2
    for text in ("briarly", "o'bri", "%", "-", "ad", "m-p", "fern -"):
        assert "p-ccm" not in [row.id for row in found(text).rows], text
    for text in ("o'briarly", "FERN", "Ada", "O'Briarly-Fern, Ada", "m-p-ccm", "1941-11-02"):
        page = found(text)
        assert "p-ccm" in page.closed, text
        (row,) = (row for row in page.rows if row.id == "p-ccm")
        assert (row.name, row.mrn) == ("Restricted chart, A. O.", "")
        assert replace(row, family_name="", given_name="") == type(row)(
            id="p-ccm", mrn="", family_name=""
        )
    for actor in (OWNER, WORKER):
        assert "p-ccm" in [row.id for row in found("", actor).rows]
        assert found("briarly", actor).rows[0].family_name == "O'Briarly-Fern"
        assert found("briarly", actor).closed == frozenset()
    desk.open()
    assert found("briarly").rows[0].family_name == "O'Briarly-Fern"


def test_a_page_of_patients_counts_closed_charts_as_it_lists_them(desk):
    desk.restrict()
    page = desk(patients, text="ada", limit=2, actor=NURSE)
    assert (page.total, len(page.rows)) == (3, 2)


def test_the_months_board_and_time_go_on_without_the_notes(desk):
    desk.restrict()
    rows = desk(board, month=NOVEMBER, actor=NURSE).rows
    assert {row.patient_id for row in rows} == {"p-ccm", "p-cocm"}
    notes = {each.patient_id: each.note for each in desk(entries_of, month=NOVEMBER, actor=NURSE)}
    assert notes == {"p-ccm": "", "p-cocm": "spoke about diet"}
    notes = {each.patient_id: each.note for each in desk(entries_of, month=NOVEMBER)}
    assert notes["p-ccm"] == "spoke about diet"
    both = ["p-cocm", "p-ccm"]
    listed = desk(charts_of_list, both, month=NOVEMBER, actor=NURSE)
    assert [each.patient.id for each in listed] == ["p-cocm"]
    assert len(desk(charts_of_list, both, month=NOVEMBER)) == 2


def test_the_journal_lists_events_of_a_closed_chart_without_what_a_record_says(desk):
    desk.restrict()
    told = desk(journal, patient_id="p-ccm", subject_kind="consent", actor=OWNER).events
    seen = desk(journal, patient_id="p-ccm", subject_kind="consent", actor=NURSE).events
    assert len(seen) == len(told) > 0
    assert all(each.changes for each in told)
    assert not any(each.changes or each.reason for each in seen)
    assert {each.title for each in seen} == {"Consent"}
    desk.open()
    opened = desk(journal, patient_id="p-ccm", subject_kind="consent", actor=NURSE).events
    assert opened == told
    access = desk.events("emergency_access", actor=AUDITOR)
    assert "fainted" in str(access[0].changes)
    assert not desk.events("emergency_access", actor=WORKER)


def test_a_timer_that_runs_when_the_chart_is_closed_can_be_stopped(desk):
    desk(start_timer, patient_id="p-ccm", program=Program.CCM, actor=NURSE)
    desk.clock.advance(minutes=10)
    desk.restrict()
    receipt = desk(stop_timer, StopTimer(activity=Activity.CARE_COORDINATION), actor=NURSE)
    assert receipt.entry.seconds == 600
    with pytest.raises(ChartRestrictedError):
        desk(
            log_time,
            LogTime(
                entry_id=new_entry_id(), patient_id="p-ccm", program=Program.CCM,
                staff_id="rn-1", started_at=at(12), seconds=60,
                activity=Activity.CARE_COORDINATION,
            ),
            actor=NURSE,
        )  # fmt: skip


@pytest.mark.parametrize("actor", [*OTHERS, CONSULTANT], ids=lambda a: a.person_id)
def test_asking_costs_one_statement_for_a_chart_and_few_for_a_list(desk, actor):
    for readers in ((), ("sw-1",)):
        with desk.store.reading() as unit:
            with counted_statements(desk.store) as said:
                try:
                    guard(unit, actor, "p-ccm", now=desk.clock.now())
                except ChartRestrictedError:
                    assert readers or actor is CONSULTANT
            assert len(said) == 1
            with counted_statements(desk.store) as said:
                reach(unit, actor, now=desk.clock.now())
            most = 4 if actor is CONSULTANT else 2 if readers else 1
            assert len(said) == most
        desk.restrict("p-ccm", "sw-1")


def test_an_owner_costs_nothing(desk):
    with desk.store.reading() as unit, counted_statements(desk.store) as said:
        guard(unit, OWNER, "p-ccm", now=desk.clock.now())
        reach(unit, OWNER, now=desk.clock.now())
    assert not said


# --- own work --------------------------------------------------------------------------------


def test_whoever_reads_charts_may_read_the_registry():
    assert POLICY[Operation.READ_CHART] <= POLICY[Operation.READ_REGISTRY]


def test_a_consultant_opens_charts_of_collaborative_care_alone(desk):
    assert desk.is_open("p-cocm", CONSULTANT)
    assert not desk.is_open("p-ccm", CONSULTANT)
    assert not desk.is_open("p-none", CONSULTANT)
    assert desk(chart, "p-cocm", month=NOVEMBER, actor=CONSULTANT).enrollments
    assert desk(patient_month, "p-cocm", month=NOVEMBER, actor=CONSULTANT).entries
    for patient_id in ("p-ccm", "p-none"):
        with pytest.raises(ChartRestrictedError):
            desk(chart, patient_id, month=NOVEMBER, actor=CONSULTANT)
        with pytest.raises(ChartRestrictedError):
            desk(record_caseload_review, patient_id, on=date(2026, 11, 20), actor=CONSULTANT)
    for service in (board, entries_of):
        with pytest.raises(PermissionDeniedError):
            desk(service, month=NOVEMBER, actor=CONSULTANT)


def test_a_consultant_with_a_role_opens_what_the_role_opens(desk):
    both = replace(CONSULTANT, role=AccessRole.COORDINATOR)
    assert desk.is_open("p-ccm", both)
    desk.restrict()
    assert not desk.is_open("p-ccm", both)


def change(store: Store, kind, *key, **changes) -> None:
    with store.writing(actor=OWNER) as unit:
        row = unit.session.get(kind, key)
        for name, value in changes.items():
            setattr(row, name, value)
        unit.session.add(row)


@pytest.mark.parametrize(
    ("referred", "ended", "is_open"),
    [
        (None, None, False),
        (date(2026, 11, 1), None, True),
        (date(2026, 11, 1), date(2026, 11, 19), False),
    ],
)
def test_a_referral_opens_a_chart_until_the_episode_ends(desk, referred, ended, is_open):
    change(
        desk.store, PatientRow, "prac-1", "p-none",
        cocm_referred_on=referred, cocm_ended_on=ended, cocm_ended_because=None,
    )  # fmt: skip
    assert desk.is_open("p-none", CONSULTANT) is is_open


@pytest.mark.parametrize(
    ("ended", "is_open"), [(date(2026, 11, 19), False), (date(2026, 11, 20), True)]
)
def test_an_enrollment_opens_a_chart_until_the_end_of_its_last_day(desk, ended, is_open):
    with desk.store.reading() as unit:
        found = unit.connection.exec_driver_sql(
            "SELECT id FROM enrollment WHERE patient_id = 'p-cocm'"
        )
        enrollment_id = found.scalar_one()
    change(desk.store, EnrollmentRow, "prac-1", enrollment_id, ended_on=ended)
    assert desk.is_open("p-cocm", CONSULTANT) is is_open
    desk.clock.instant = at(21, 4, 59)  # one minute before midnight in New York
    assert desk.is_open("p-cocm", CONSULTANT) is is_open
    desk.clock.instant = at(21, 5)
    assert not desk.is_open("p-cocm", CONSULTANT)


def test_a_restricted_chart_of_collaborative_care_is_closed_to_a_consultant_who_is_not_named(desk):
    desk.restrict("p-cocm")
    assert not desk.is_open("p-cocm", CONSULTANT)
    assert desk(registry, month=NOVEMBER, actor=CONSULTANT).rows == ()
    desk.restrict("p-cocm", "psy-1")
    assert desk.is_open("p-cocm", CONSULTANT)
    desk.restrict("p-ccm", "psy-1")
    assert not desk.is_open("p-ccm", CONSULTANT)


def test_a_consultant_reads_the_registry_records_a_recommendation_and_finds_who_is_in_it(desk):
    found = desk(registry, month=NOVEMBER, actor=CONSULTANT)
    everybodys = desk(board, month=NOVEMBER, program=Program.COCM).rows
    assert tuple(each.row for each in found.rows) == everybodys
    assert [row.patient_id for row in everybodys] == ["p-cocm"]
    desk(
        record_caseload_review,
        "p-cocm",
        on=date(2026, 11, 20),
        consultant="psy-1",
        recommendation="Go on",
        actor=CONSULTANT,
    )
    (review,) = desk(chart, "p-cocm", month=NOVEMBER, actor=CONSULTANT).caseload_reviews
    assert review.recommendation == "Go on"
    assert [row.id for row in desk(patients, actor=CONSULTANT).rows] == ["p-cocm"]
    page = desk(patients, text="zöller", actor=CONSULTANT)
    assert [row.name for row in page.rows] == ["Restricted chart, A. Z."]
    desk.open("p-none", CONSULTANT)
    assert desk.is_open("p-none", CONSULTANT)


def test_nobody_without_a_right_to_any_chart_learns_anything(desk):
    nobody = person("x-1", AccessRole.OWN_WORK)
    for service, given in (
        (chart_access, ["p-ccm"]),
        (closed_charts, [["p-ccm"]]),
        (open_in_emergency, ["p-ccm", REASON]),
        (end_emergency, ["em-1"]),
    ):
        with pytest.raises(PermissionDeniedError):
            desk(service, *given, actor=nobody)
    with pytest.raises(PermissionDeniedError):
        desk(registry, month=NOVEMBER, actor=nobody)
