"""The chart: from an imported patient with SNOMED conditions only to a month that bills."""

from datetime import date, time
from zoneinfo import ZoneInfo

import pytest

from pages.shared import chart_map, time_entry
from tests.support.bundles import snomed_only_bundle
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import ConsentElement, MdmLevel, Program
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import board, caseload, conditions, consents, fhir_import
from trellis_core.values import icd10_table
from trellis_core.values.periods import ServiceMonth

PAGE = "coordinate/patient_chart"
MONTH = ServiceMonth(2026, 11)
TODAY = date(2026, 11, 20)


def said(at) -> str:
    kinds = (at.markdown, at.caption, at.text, at.warning, at.title)
    return "\n".join(item.value for kind in kinds for item in kind).replace("\\", "")


class Chart:
    """One person's open chart of one patient."""

    def __init__(self, dashboard, patient_id, role=AccessRole.COORDINATOR):
        self.dashboard, self.patient_id, self.role = dashboard, patient_id, role
        self.at = dashboard.open(role, PAGE)
        self.at.query_params["patient"] = patient_id
        self.go("month-state")

    def go(self, section):
        self.at.query_params["section"] = section
        return self.run()

    def k(self, name, program=""):
        return f"{name}__{self.patient_id}{program}"

    def run(self):
        self.at.run()
        assert not self.at.exception, self.at.exception
        return self

    def press(self, key):
        self.at.button(key=key).click()
        self.run()
        assert not self.at.error, self.at.error[0].value
        return self

    def tick(self, key):
        self.at.checkbox(key=key).check()

    def month(self):
        return self._month().determination

    def entries(self):
        return self._month().entries

    def _month(self):
        return board.patient_month(
            self.patient_id,
            month=MONTH,
            store=self.dashboard.store,
            actor=self.dashboard.actor(self.role),
            clock=self.dashboard.clock,
            rule_book=load_rule_book(),
        )

    def records(self):
        return caseload.chart(
            self.patient_id,
            month=MONTH,
            store=self.dashboard.store,
            actor=self.dashboard.actor(self.role),
        )


@pytest.fixture
def imported(dashboard, tmp_path):
    """A patient as an import leaves one: two conditions with SNOMED codes and nothing else."""
    coordinator = dashboard.actor(AccessRole.COORDINATOR)
    fhir_import.import_fhir(
        [snomed_only_bundle(tmp_path)],
        store=dashboard.store,
        actor=coordinator,
        clock=dashboard.clock,
    )
    (patient,) = caseload.patients(text="Thornapple", store=dashboard.store, actor=coordinator).rows
    return patient.id


def test_an_imported_patient_becomes_a_month_that_bills_without_leaving_the_chart(
    dashboard, imported
):
    chart = Chart(dashboard, imported).go("conditions")
    assert "2 conditions without an ICD-10-CM code" in said(chart.at)
    for code in ("E11.9", "I10"):
        here = next(
            key
            for key in (f"chart_code_icd10_{each.id}" for each in chart.records().conditions)
            if any(field.key == key for field in chart.at.text_input)
        )
        own = here.removeprefix("chart_code_icd10_")
        chart.at.text_input(key=here).set_value(code)
        chart.at.radio(key=f"chart_code_months_{own}_kind").set_value(
            "Expected to last so many months"
        )
        chart.at.segmented_control(key=f"chart_code_risk_{own}").set_value("Yes")
        chart.press(f"chart_code_save_{own}")
    assert "without an ICD-10-CM" not in said(chart.at)

    chart.go("enrollment")
    chart.at.selectbox(key=chart.k("chart_enroll_program")).set_value(Program.CCM)
    chart.at.date_input(key=chart.k("chart_enroll_from")).set_value(date(2026, 11, 2))
    chart.press(chart.k("chart_enroll_save"))

    chart.go("visits")
    chart.at.date_input(key=chart.k("chart_visit_on")).set_value(date(2026, 11, 2))
    chart.at.text_input(key=chart.k("chart_visit_code")).set_value("99214")
    chart.press(chart.k("chart_visit_save"))

    chart.go("consent")
    chart.at.date_input(key=chart.k("chart_consent_on")).set_value(date(2026, 11, 2))
    chart.run()
    chart.at.text_input(key=chart.k("chart_consent_reason")).set_value("Signed on paper that day")
    for element in ConsentElement:
        if chart_map.is_asked(element, Program.CCM):
            chart.tick(chart.k(f"chart_consent_{element}"))
    chart.press(chart.k("chart_consent_save"))

    chart.go("care-plan")
    chart.at.date_input(key=chart.k("chart_plan_on")).set_value(date(2026, 11, 3))
    chart.tick(chart.k("chart_plan_copy"))
    chart.press(chart.k("chart_plan_save"))

    chart.go("month-state")
    assert not [each for each in chart.month().blocked if each.reason is not Reason.TIME_NOT_MET]
    length = next(box for box in chart.at.segmented_control if box.key.endswith("_length"))
    length.set_value(time_entry.OTHER)
    chart.run()
    minutes = next(field for field in chart.at.number_input if field.key.endswith("_minutes"))
    minutes.set_value(25)
    chart.run()
    save = next(button for button in chart.at.button if button.label == "Save entry")
    chart.press(save.key)
    assert [(line.code, line.units) for line in chart.month().lines] == [("99490", 1)]
    assert "**99490** x 1" in said(chart.run().at)


def test_a_missing_consent_is_named_with_a_button_that_opens_its_form(dashboard):
    chart = Chart(dashboard, "p-206")
    assert "No consent" in said(chart.at)
    consents.decline_consent(
        "p-206",
        program=Program.CCM,
        declined_on=TODAY,
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.OWNER),
        clock=dashboard.clock,
    )
    text = said(chart.run().at)
    assert "**No consent" not in text
    assert "Consent declined. The consent was declined on Nov 20, 2026." in text.replace("*", "")
    assert "These minutes will not count: consent declined." in text
    fix = next(
        b for b in chart.at.button if b.label == chart_map.ACTIONS[chart_map.Section.CONSENT]
    )
    chart.press(fix.key)
    assert chart.at.selectbox(key=chart.k("chart_consent_program", "CCM")).value == Program.CCM
    assert chart.at.query_params["section"] == "consent"


def test_a_consent_shows_each_element_and_can_be_revoked(dashboard):
    chart = Chart(dashboard, "p-208").go("consent")
    text = said(chart.at)
    assert f"{chart_map.ELEMENTS[ConsentElement.COST_SHARING]} (not told)" in text
    assert f"{chart_map.ELEMENTS[ConsentElement.AVAILABILITY]} (not told)" not in text
    (consent,) = chart.records().consents
    chart.press(f"chart_revoke_save_{consent.id}")
    assert chart.records().consents[0].revoked_on == TODAY


def test_a_copy_given_later_is_recorded_on_the_plan(dashboard):
    chart = Chart(dashboard, "p-210").go("care-plan")
    (plan,) = chart.records().care_plans
    assert plan.copy_given_on is None
    chart.press(f"chart_copy_save_{plan.id}")
    assert chart.records().care_plans[0].copy_given_on == TODAY


def test_a_revision_keeps_the_plan_and_dates_it(dashboard):
    chart = Chart(dashboard, "p-101").go("care-plan")
    (plan,) = chart.records().care_plans
    chart.press(f"chart_revise_{plan.id}")
    goals = next(area for area in chart.at.text_area if area.label == "Measurable goals")
    assert goals.value == plan.goals
    goals.set_value("Walk daily")
    chart.press(f"chart_revise_save_{plan.id}")
    assert [each.number for each in chart.records().plan_versions] == [1, 2]
    (revised,) = chart.records().care_plans
    assert (revised.revised_on, revised.goals) == (TODAY, "Walk daily")


def test_a_total_joins_the_trend(dashboard):
    chart = Chart(dashboard, "p-205").go("scales")
    form = f"scale_p-205_{chart.at.session_state['trellis'].form_ids['scale_p-205']}"
    chart.at.segmented_control(key="scale_p-205_way").set_value("Total only")
    chart.run()
    chart.at.number_input(key=f"{form}_PHQ-9_total").set_value(7)
    chart.press("scale_p-205_save")
    assert any(each.score == 7 and each.on == TODAY for each in chart.records().rating_scales)
    assert "6 points lower" in said(chart.at)


def test_only_a_billing_practitioner_gets_the_form_for_decision_making(dashboard):
    chart = Chart(dashboard, "p-212").go("visits")
    assert "Only a billing practitioner documents it" in said(chart.at)
    chart = Chart(dashboard, "p-212", AccessRole.OWNER).go("visits")
    chart.at.segmented_control(key=chart.k("chart_mdm_level")).set_value(MdmLevel.HIGH)
    chart.press(chart.k("chart_mdm_save"))
    assert any(each.level is MdmLevel.HIGH for each in chart.records().decision_making)


def test_a_discharge_a_contact_and_a_visit_are_recorded_on_one_page(dashboard):
    chart = Chart(dashboard, "p-101", AccessRole.OWNER).go("discharges")
    chart.at.date_input(key=f"{chart.k('chart_discharge')}_on").set_value(date(2026, 11, 16))
    chart.press(f"{chart.k('chart_discharge')}_save")
    (discharge,) = chart.records().discharges
    chart.at.date_input(key=f"chart_contact_{discharge.id}_on").set_value(date(2026, 11, 17))
    chart.at.button(key=f"chart_contact_{discharge.id}_tried").click()
    chart.run()
    assert "Give the time of an earlier day" in chart.at.error[0].value
    chart.at.time_input(key=f"chart_contact_{discharge.id}_at").set_value(time(9, 5))
    chart.press(f"chart_contact_{discharge.id}_reached")
    chart.at.segmented_control(key=f"chart_form_{discharge.id}_Contact").set_value("Visit")
    chart.run()
    chart.at.date_input(key=f"chart_visit_{discharge.id}_on").set_value(date(2026, 11, 19))
    chart.press(f"chart_visit_{discharge.id}_save")
    chart.at.segmented_control(key=f"chart_form_{discharge.id}_Contact").set_value("Correct")
    chart.run()
    chart.at.date_input(key=f"chart_discharge_{discharge.id}_on").set_value(date(2026, 11, 15))
    chart.press(f"chart_discharge_{discharge.id}_save")
    (discharge,) = chart.records().discharges
    (contact,) = discharge.contacts
    assert contact.at.astimezone(ZoneInfo("America/New_York")).time() == time(9, 5)
    assert discharge.visit.on == date(2026, 11, 19)
    assert discharge.discharged_on == date(2026, 11, 15)


@pytest.mark.parametrize("section", list(chart_map.Section))
@pytest.mark.parametrize("patient_id", ["p-101", "p-213", "p-218", "p-221", "p-224", "p-225"])
def test_every_section_of_a_chart_draws(dashboard, section, patient_id):
    chart = Chart(dashboard, patient_id).go(str(section))
    assert not chart.at.error
    assert chart.at.title


def test_a_reader_sees_the_chart_without_forms(dashboard):
    chart = Chart(dashboard, "p-206", AccessRole.BILLER)
    labels = {button.label for button in chart.at.button}
    assert not labels & set(chart_map.ACTIONS.values())
    chart.go("consent")
    assert not any(button.label == "Record consent" for button in chart.at.button)


def test_a_patient_of_nowhere_is_refused_in_words(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR, PAGE)
    at.query_params["patient"] = "p-nobody"
    at.run()
    assert not at.exception
    assert "No patient" in at.error[0].value


@pytest.mark.parametrize(
    "reason",
    [
        each
        for each in Reason
        if each.name.endswith("_MISSING")
        or each.name.startswith("UNKNOWN_")
        or each.name.startswith("CONSENT_")
    ],
)
def test_every_missing_fact_leads_somewhere(reason):
    final = {
        Reason.CONSENT_PARTIAL_MONTH,
        Reason.UNKNOWN_SAME_PRACTICE,
        Reason.UNKNOWN_ON,
        Reason.UNKNOWN_APCM_SERVICES_DOCUMENTED,
    }
    leads = chart_map.section_for(reason) is not None or chart_map.is_practice_fact(reason)
    assert leads or reason in final


def own_entry(chart):
    return next(
        entry
        for entry in chart.entries()
        if entry.staff_id == chart.dashboard.actor(chart.role).person_id
    )


def choose(chart, entry):
    """Choose an entry in the chart's table, as a click on its row does."""
    shown = sorted(chart.entries(), key=lambda each: each.started_at, reverse=True)
    state = chart.at.session_state
    times = state["entries_chosen"] if "entries_chosen" in state else 0  # noqa: SIM401 - no get
    rows = hash(tuple(each.id for each in shown)) & 0xFFFFFFFF
    place = [each.id for each in shown].index(entry.id)
    state[f"chart_entries_{rows:x}_{times}"] = {
        "selection": {"rows": [place], "columns": [], "cells": []}
    }
    chart.run()
    return f"correct_{entry.id}"


def can_correct(chart, key):
    return any(button.key == f"{key}_save" for button in chart.at.button)


def test_an_entry_on_the_day_of_a_visit_counts_once_stated_to_be_apart(dashboard):
    chart = Chart(dashboard, "p-108").go("visits")
    entry = own_entry(chart)
    chart.at.checkbox(key=chart.k("chart_visit_initiating")).uncheck()
    chart.at.date_input(key=chart.k("chart_visit_on")).set_value(entry.service_day)
    chart.at.text_input(key=chart.k("chart_visit_code")).set_value("99213")
    chart.press(chart.k("chart_visit_save")).go("month-state")
    assert "Day of a visit" in " ".join(chart.at.dataframe[0].value["Counts"])
    key = choose(chart, entry)
    chart.at.segmented_control(key=f"{key}_separate").set_value("Yes")
    chart.at.text_input(key=f"{key}_reason").set_value("Called hours after the visit")
    chart.press(f"{key}_save")
    assert "Day of a visit" not in " ".join(chart.at.dataframe[0].value["Counts"])
    assert "Replaced by a correction" in set(chart.at.dataframe[0].value["Counts"])


def test_a_correction_changes_what_was_changed_and_keeps_the_rest_to_the_second(dashboard):
    chart = Chart(dashboard, "p-108")
    entry = own_entry(chart)
    key = choose(chart, entry)
    chart.at.number_input(key=f"{key}_minutes").set_value(3)
    chart.at.text_area(key=f"{key}_note").set_value("What was really done")
    chart.at.text_input(key=f"{key}_reason").set_value("Counted twice")
    chart.press(f"{key}_save")
    (new,) = (each for each in chart.entries() if each.replaces == entry.id)
    assert (new.seconds, new.note) == (180 + entry.seconds % 60, "What was really done")
    assert (new.started_at, new.activity, new.contact) == (
        entry.started_at,
        entry.activity,
        entry.contact,
    )
    assert not can_correct(chart, choose(chart, entry)), "it is replaced already"
    assert "It stays on record" in "".join(each.value for each in chart.at.info)


def test_taking_back_needs_a_reason_and_takes_the_minutes_back(dashboard):
    chart = Chart(dashboard, "p-108")
    entry, before = own_entry(chart), chart.month().meters[0].seconds
    key = choose(chart, entry)
    chart.at.button(key=f"{key}_void").click()
    chart.run()
    assert "reason" in chart.at.error[0].value
    choose(chart, entry)
    chart.at.text_input(key=f"{key}_reason").set_value("Logged for another patient")
    chart.press(f"{key}_void")
    assert chart.month().meters[0].seconds == before - entry.seconds


def test_a_coordinator_corrects_own_entries_only(dashboard):
    chart = Chart(dashboard, "p-102")
    others = next(each for each in chart.entries() if each.staff_id != "rn-1")
    person = dashboard.actor(AccessRole.COORDINATOR).person_id
    for entry in (others, own_entry(Chart(dashboard, "p-108"))):
        patient = Chart(dashboard, entry.patient_id)
        assert can_correct(patient, choose(patient, entry)) is (entry.staff_id == person)
    owner = Chart(dashboard, "p-102", AccessRole.OWNER)
    assert can_correct(owner, choose(owner, others))


def test_what_was_typed_for_one_patient_never_stands_in_anothers_form(dashboard):
    chart = Chart(dashboard, "p-101").go("consent")
    chart.tick(chart.k(f"chart_consent_{ConsentElement.COST_SHARING}"))
    chart.run()
    chart.at.query_params["patient"] = "p-206"
    chart.run()
    boxes = [box for box in chart.at.checkbox if (box.key or "").startswith("chart_consent_")]
    assert boxes
    assert not any(box.value for box in boxes if "documented" not in box.key)


def test_a_code_is_found_by_words_and_one_that_a_claim_may_not_take_is_doubted(dashboard):
    chart = Chart(dashboard, "p-101").go("conditions")
    chart.at.text_input(key=chart.k("chart_find_2")).set_value("diabetes neuropathic").run()
    matches = next(each for each in chart.at.selectbox if each.label == "Matches")
    matches.set_value(icd10_table.lookup("E11.610")).run()
    chart.press(chart.k("chart_condition") + "_save")
    (made,) = [each for each in chart.records().conditions if each.icd10 == "E11.610"]
    assert made.text == icd10_table.lookup("E11.610").title
    assert not chart.at.warning
    chart.at.text_input(key=chart.k("chart_condition") + "_1_icd10").set_value("E11")
    chart.press(chart.k("chart_condition") + "_1_save")
    assert "E11 is a heading" in chart.at.warning[0].value


def test_a_refusal_leaves_what_was_typed_and_a_success_leaves_the_form_empty(dashboard):
    chart = Chart(dashboard, "p-101").go("visits")
    key = chart.k("chart_other")
    chart.at.text_input(key=f"{key}_code").set_value("9096")
    chart.at.segmented_control(key=f"{key}_own").set_value("No")
    chart.at.button(key=f"{key}_save").click()
    chart.run()
    assert "9096" in chart.at.error[0].value
    assert chart.at.text_input(key=f"{key}_code").value == "9096"
    assert chart.at.segmented_control(key=f"{key}_own").value == "No"
    chart.at.text_input(key=f"{key}_code").set_value("90960")
    chart.press(f"{key}_save")
    assert not chart.at.text_input(key=f"{key}_1_code").value
    assert chart.at.segmented_control(key=f"{key}_1_own").value is None
    # what a colleague saves meanwhile does not empty it either
    chart.go("conditions")
    key = chart.k("chart_condition")
    chart.at.text_input(key=f"{key}_icd10").set_value("G43.909")
    chart.at.text_input(key=f"{key}_text").set_value("Migraine")
    services = {"store": dashboard.store, "actor": dashboard.actor(AccessRole.OWNER)}
    conditions.add_condition("p-101", icd10="E78.5", clock=dashboard.clock, **services)
    chart.press(f"{key}_save")
    assert "Migraine" in [each.text for each in chart.records().conditions]


def test_a_new_coverage_and_word_of_another_practice_show_on_the_chart(dashboard):
    chart = Chart(dashboard, "p-102").go("details")
    chart.at.text_input(key=chart.k("chart_coverage_new") + "_payer").set_value("Heron Lake")
    chart.at.date_input(key=chart.k("chart_coverage_new") + "_from").set_value(date(2026, 12, 1))
    chart.press(chart.k("chart_coverage_new") + "_save")
    assert chart.records().patient.coverage.payer_name == "Heron Lake"
    assert chart.records().coverage.payer_name == "Medicare Part B"
    chart.go("enrollment")
    chart.at.selectbox(key=chart.k("chart_elsewhere") + "_program").set_value(Program.BHI)
    chart.press(chart.k("chart_elsewhere") + "_save")
    assert "Another practice has this patient in BHI" in chart.at.warning[0].value
