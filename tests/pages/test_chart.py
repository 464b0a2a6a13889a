"""The chart: from an imported patient with SNOMED conditions only to a month that bills."""

from datetime import date

import pytest

from pages.shared import chart_map
from tests.support.bundles import snomed_only_bundle
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import ConsentElement, MdmLevel, Program
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import board, caseload, exchange
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
    exchange.import_fhir(
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
    for element in ConsentElement:
        chart.tick(chart.k(f"chart_consent_{element}"))
    chart.press(chart.k("chart_consent_save"))

    chart.go("care-plan")
    chart.at.date_input(key=chart.k("chart_plan_on")).set_value(date(2026, 11, 3))
    chart.tick(chart.k("chart_plan_copy"))
    chart.press(chart.k("chart_plan_save"))

    chart.go("month-state")
    assert not [each for each in chart.month().blocked if each.reason is not Reason.TIME_NOT_MET]
    minutes = next(field for field in chart.at.number_input if field.key.endswith("_minutes"))
    minutes.set_value(25)
    chart.run()
    save = next(button for button in chart.at.button if button.label == "Save entry")
    chart.press(save.key)
    assert [(line.code, line.units) for line in chart.month().lines] == [("99490", 1)]
    assert "**99490** x 1" in said(chart.run().at)


def test_a_missing_consent_is_named_with_a_button_that_opens_its_form(dashboard):
    chart = Chart(dashboard, "p-206")
    text = said(chart.at)
    assert "No consent" in text
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
    chart.at.text_area(key=f"chart_revise_goals_{plan.id}").set_value("Walk daily")
    chart.press(f"chart_revise_save_{plan.id}")
    (revised,) = chart.records().care_plans
    assert (revised.revised_on, revised.goals) == (TODAY, "Walk daily")


def test_a_score_out_of_range_is_refused_and_a_good_one_joins_the_trend(dashboard):
    chart = Chart(dashboard, "p-205").go("scales")
    chart.at.number_input(key=chart.k("chart_scale_score")).set_value(28)
    chart.at.button(key=chart.k("chart_scale_save")).click()
    chart.run()
    assert "runs from 0 to 27" in chart.at.error[0].value
    chart.at.number_input(key=chart.k("chart_scale_score")).set_value(7)
    chart.press(chart.k("chart_scale_save"))
    assert any(each.score == 7 and each.on == TODAY for each in chart.records().rating_scales)
    assert "PHQ-9" in said(chart.at)


def test_only_a_billing_practitioner_gets_the_form_for_decision_making(dashboard):
    chart = Chart(dashboard, "p-212").go("visits")
    assert "Only a billing practitioner documents it" in said(chart.at)
    chart = Chart(dashboard, "p-212", AccessRole.OWNER).go("visits")
    chart.at.segmented_control(key=chart.k("chart_mdm_level")).set_value(MdmLevel.HIGH)
    chart.press(chart.k("chart_mdm_save"))
    assert any(each.level is MdmLevel.HIGH for each in chart.records().decision_making)


def test_a_discharge_a_contact_and_a_visit_are_recorded_on_one_page(dashboard):
    chart = Chart(dashboard, "p-101", AccessRole.OWNER).go("discharges")
    chart.at.date_input(key=chart.k("chart_discharge_on")).set_value(date(2026, 11, 16))
    chart.press(chart.k("chart_discharge_save"))
    (discharge,) = chart.records().discharges
    chart.at.date_input(key=f"chart_contact_{discharge.id}_on").set_value(date(2026, 11, 17))
    chart.press(f"chart_contact_{discharge.id}_save")
    chart.at.date_input(key=f"chart_dvisit_{discharge.id}_on").set_value(date(2026, 11, 19))
    chart.at.date_input(key=f"chart_dvisit_{discharge.id}_meds").set_value(date(2026, 11, 19))
    chart.press(f"chart_dvisit_{discharge.id}_save")
    (discharge,) = chart.records().discharges
    assert len(discharge.contacts) == 1
    assert discharge.visit.on == date(2026, 11, 19)


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


def correction_pickers(chart):
    return [box for box in chart.at.selectbox if (box.key or "").startswith("chart_correct_which")]


def test_an_entry_on_the_day_of_a_visit_counts_once_stated_to_be_apart(dashboard):
    chart = Chart(dashboard, "p-108").go("visits")
    entry = own_entry(chart)
    chart.at.checkbox(key=chart.k("chart_visit_initiating")).uncheck()
    chart.at.date_input(key=chart.k("chart_visit_on")).set_value(entry.service_day)
    chart.at.text_input(key=chart.k("chart_visit_code")).set_value("99213")
    chart.press(chart.k("chart_visit_save")).go("month-state")
    assert "Day of a visit" in " ".join(chart.at.dataframe[0].value["Counts"])
    key = f"chart_correct_{entry.id}"
    chart.at.segmented_control(key=f"{key}_separate").set_value("Yes")
    chart.at.text_input(key=f"{key}_reason").set_value("Called hours after the visit")
    chart.press(f"{key}_save")
    assert "Day of a visit" not in " ".join(chart.at.dataframe[0].value["Counts"])
    assert "Replaced by a correction" in set(chart.at.dataframe[0].value["Counts"])


def test_a_void_needs_a_reason_and_takes_the_minutes_back(dashboard):
    chart = Chart(dashboard, "p-108")
    entry, before = own_entry(chart), chart.month().meters[0].seconds
    key = f"chart_correct_{entry.id}"
    chart.at.button(key=f"{key}_void").click()
    chart.run()
    assert "reason" in chart.at.error[0].value
    chart.at.text_input(key=f"{key}_reason").set_value("Logged for another patient")
    chart.press(f"{key}_void")
    assert chart.month().meters[0].seconds == before - entry.seconds


def test_a_coordinator_corrects_own_entries_only(dashboard):
    chart = Chart(dashboard, "p-102")
    mine = {entry.id for entry in chart.entries() if entry.staff_id == "rn-1"}
    offered = [
        box for box in chart.at.selectbox if (box.key or "").startswith("chart_correct_which")
    ]
    assert len(offered) == bool(mine)
    owner = Chart(dashboard, "p-102", AccessRole.OWNER)
    assert correction_pickers(owner)
    assert correction_pickers(Chart(dashboard, "p-108"))


def test_what_was_typed_for_one_patient_never_stands_in_anothers_form(dashboard):
    chart = Chart(dashboard, "p-101").go("consent")
    chart.tick(chart.k(f"chart_consent_{ConsentElement.COST_SHARING}"))
    chart.run()
    chart.at.query_params["patient"] = "p-206"
    chart.run()
    boxes = [box for box in chart.at.checkbox if (box.key or "").startswith("chart_consent_")]
    assert boxes
    assert not any(box.value for box in boxes if "documented" not in box.key)
