"""Coverage with dates, sites, word of other practices, and the facts of a condition, as services keep them."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from tests.support.small_panel import SmallPanel
from trellis_core.access import AccessRole
from trellis_core.care.people import Coverage, Site
from trellis_core.care.vocabulary import PayerKind, Program
from trellis_core.errors import (
    CommandRefusedError,
    NotFoundError,
    PermissionDeniedError,
    UnknownLocalityError,
)
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.caseload import chart, edit_patient, patient
from trellis_core.services.conditions import add_condition, code_condition, doubts_about
from trellis_core.services.coverage import (
    change_coverage,
    correct_past_coverage,
    remove_past_coverage,
)
from trellis_core.services.elsewhere import end_elsewhere, record_elsewhere
from trellis_core.services.sites import save_site, sites
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

CLOCK = FixedClock(datetime(2026, 11, 20, 17, tzinfo=UTC))
TODAY = date(2026, 11, 20)
NOVEMBER = ServiceMonth(2026, 11)
NEW = Coverage(
    payer_name=" Meadow Health ", kind=PayerKind.COMMERCIAL, started_on=date(2026, 11, 1)
)


class Desk:
    """A small practice, and what a page passes to services."""

    def __init__(self, store):
        self.panel = SmallPanel(store)
        row = self.panel.patient(
            "p-1",
            payer_name="Medicare Part B",
            member_id="M-1",
            coverage_started_on=date(2026, 9, 1),
        )
        self.panel.add(row)
        self.around = {"store": store, "actor": self.panel.actor(), "clock": CLOCK}
        self.owner = self.around | {"actor": self.panel.actor(AccessRole.OWNER)}

    def chart(self, month=NOVEMBER):
        return chart("p-1", month=month, **self.around)

    def refused(self, code, command):
        with pytest.raises(CommandRefusedError) as refusal:
            command()
        assert refusal.value.code == code


@pytest.fixture
def desk(store):
    return Desk(store)


def test_a_new_coverage_ends_the_one_before_on_the_day_before(desk):
    made = change_coverage("p-1", coverage=NEW, **desk.around)
    assert made.payer_name == "Meadow Health"
    seen = desk.chart()
    assert seen.patient.coverage == made == seen.coverage
    (past,) = seen.past_coverages
    assert past.coverage == Coverage(
        payer_name="Medicare Part B",
        member_id="M-1",
        started_on=date(2026, 9, 1),
        ended_on=date(2026, 10, 31),
    )
    assert desk.chart(ServiceMonth(2026, 10)).coverage == past.coverage
    assert desk.chart(ServiceMonth(2026, 8)).coverage is None


def test_a_coverage_that_had_ended_keeps_its_end_and_a_first_one_takes_no_place(desk):
    ended = replace(
        patient("p-1", **desk.around),
        coverage=Coverage(payer_name="Old", ended_on=date(2026, 9, 15)),
    )
    edit_patient(ended, **desk.around)
    change_coverage("p-1", coverage=NEW, **desk.around)
    assert [each.coverage.ended_on for each in desk.chart().past_coverages] == [date(2026, 9, 15)]
    assert desk.chart(ServiceMonth(2026, 10)).coverage is None
    edit_patient(replace(patient("p-1", **desk.around), coverage=None), **desk.around)
    change_coverage("p-1", coverage=replace(NEW, started_on=TODAY), **desk.around)
    assert len(desk.chart().past_coverages) == 1


@pytest.mark.parametrize(
    ("coverage", "code"),
    [
        (replace(NEW, started_on=None), "COVERAGE_START_NEEDED"),
        (replace(NEW, payer_name=" "), "PAYER_NEEDED"),
        (replace(NEW, started_on=date(2026, 9, 1)), "COVERAGE_NOT_LATER"),
        (replace(NEW, ended_on=date(2026, 10, 31)), "END_BEFORE_START"),
    ],
)
def test_a_coverage_that_cannot_be_is_refused(desk, coverage, code):
    desk.refused(code, lambda: change_coverage("p-1", coverage=coverage, **desk.around))
    assert desk.chart().past_coverages == ()


def test_an_earlier_coverage_is_corrected_within_its_neighbours_and_taken_off(desk):
    change_coverage("p-1", coverage=NEW, **desk.around)
    (past,) = desk.chart().past_coverages

    def correct(**changed):
        return correct_past_coverage(
            past.id, coverage=replace(past.coverage, **changed), **desk.around
        )

    assert correct(ended_on=date(2026, 10, 30)).coverage.ended_on == date(2026, 10, 30)
    desk.refused("COVERAGE_OVERLAPS", lambda: correct(ended_on=date(2026, 11, 1)))
    desk.refused("COVERAGE_END_NEEDED", lambda: correct(ended_on=None))
    held = patient("p-1", **desk.around)
    for started_on, is_refused in ((date(2026, 10, 31), True), (date(2026, 11, 1), False)):
        correct(ended_on=date(2026, 10, 31))
        edited = replace(held, coverage=replace(held.coverage, started_on=started_on))
        if is_refused:
            desk.refused("COVERAGE_OVERLAPS", lambda e=edited: edit_patient(e, **desk.around))
        else:
            edit_patient(edited, **desk.around)
    remove_past_coverage(past.id, **desk.around)
    assert desk.chart().past_coverages == ()
    with pytest.raises(NotFoundError):
        correct()


def test_sites_are_kept_by_the_owner_and_close_without_losing_their_patients(desk):
    book = {"rule_book": load_rule_book()}
    made = save_site(
        Site(id="", name=" Mill Street ", state="CA", locality="51"), **desk.owner, **book
    )
    assert sites(store=desk.owner["store"], actor=desk.around["actor"]) == (made,)
    edit_patient(replace(patient("p-1", **desk.around), site_id=made.id), **desk.around)
    assert desk.chart().site == made
    closed = save_site(replace(made, is_active=False), **desk.owner, **book)
    edit_patient(replace(patient("p-1", **desk.around), phone="1"), **desk.around)
    assert desk.chart().site == closed
    edit_patient(replace(patient("p-1", **desk.around), site_id=None), **desk.around)
    desk.refused(
        "SITE_CLOSED",
        lambda: edit_patient(
            replace(patient("p-1", **desk.around), site_id=made.id), **desk.around
        ),
    )
    for wrong, code in (
        (replace(made, name=" "), "NAME_NEEDED"),
        (replace(made, place_of_service="1"), "PLACE_OF_SERVICE"),
        (replace(made, state=None), "STATE_NEEDED"),
        (replace(made, id="", name="MILL STREET"), "SITE_NAME_TAKEN"),
    ):
        desk.refused(code, lambda w=wrong: save_site(w, **desk.owner, **book))
    with pytest.raises(UnknownLocalityError):
        save_site(replace(made, locality="99"), **desk.owner, **book)
    with pytest.raises(NotFoundError):
        save_site(replace(made, id="nowhere", name="Other"), **desk.owner, **book)
    with pytest.raises(NotFoundError):
        edit_patient(replace(patient("p-1", **desk.around), site_id="nowhere"), **desk.around)
    with pytest.raises(PermissionDeniedError):
        save_site(made, **desk.around, **book)


def test_word_of_another_practice_is_kept_until_it_ends(desk):
    made = record_elsewhere(
        "p-1", program=Program.CCM, learned_on=TODAY, other_practice=" Meadow ", **desk.around
    )
    assert desk.chart().elsewhere == (made,)
    assert made.other_practice == "Meadow"
    ended = end_elsewhere(made.id, ended_on=date(2026, 11, 19), **desk.around)
    assert [ended.is_open_on(day) for day in (date(2026, 11, 19), TODAY)] == [True, False]
    assert made.is_open_on(TODAY)
    tomorrow = date(2026, 11, 21)
    desk.refused("DAY_IN_FUTURE", lambda: end_elsewhere(made.id, ended_on=tomorrow, **desk.around))
    desk.refused(
        "DAY_IN_FUTURE",
        lambda: record_elsewhere("p-1", program=Program.CCM, learned_on=tomorrow, **desk.around),
    )


def test_a_conditions_words_and_first_day_can_be_corrected_or_left(desk):
    made = add_condition("p-1", icd10="E11.9", text="Diabetes", onset_on=TODAY, **desk.around)
    left = code_condition(made.id, icd10="E11.65", **desk.around)
    assert (left.text, left.onset_on) == ("Diabetes", TODAY)
    changed = code_condition(made.id, icd10="E11.65", text="", onset_on=None, **desk.around)
    assert (changed.text, changed.onset_on) == ("", None)
    desk.refused(
        "DAY_IN_FUTURE",
        lambda: code_condition(made.id, icd10="E11.9", onset_on=date(2026, 11, 21), **desk.around),
    )


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("E11.9", ""),
        ("E11.99", "E11.99 is not in the ICD-10-CM release of April 2026"),
        ("I12", "I12 is a heading. A claim needs more characters: I12.0, I12.9."),
        ("E11", "E11.0, E11.1, E11.2, E11.3, E11.4, E11.5, E11.6, E11.8 and 2 more."),
    ],
)
def test_a_code_that_a_claim_may_not_take_is_doubted_and_never_refused(desk, code, says):
    assert says in doubts_about(code) if says else doubts_about(code) == ""
    assert add_condition("p-1", icd10=code, **desk.around).icd10 == code
