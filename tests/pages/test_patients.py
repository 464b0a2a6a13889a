"""Patients: find, register, import, and open the chart."""

from datetime import date

from tests.support.bundles import snomed_only_bundle
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Program
from trellis_core.services import caseload, coding, fhir_import

PAGE = "coordinate/patients"


def names(at) -> list[str]:
    return list(at.dataframe[0].value["Name"])


def test_the_list_is_searched_by_name_record_number_and_birth_date(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR, PAGE)
    for text in ("brambleton", "JF-1021", "1947-04-04"):
        at.text_input(key="patients_text").set_value(text).run()
        assert names(at) == ["Brambleton, Ezekiel"]
    at.text_input(key="patients_text").set_value("nobody of this name").run()
    assert not at.dataframe
    assert any("Nobody matches" in item.value for item in at.markdown)


def test_a_row_tells_programs_and_where_the_month_stands(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR, PAGE)
    at.text_input(key="patients_text").set_value("brambleton").run()
    row = at.dataframe[0].value.iloc[0]
    assert list(row["Programs"]) == ["CCM"]
    assert row["November 2026"] == "CCM blocked by paperwork"


def test_a_person_registers_a_patient_and_lands_on_the_chart(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR, PAGE)
    at.segmented_control(key="patients_part").set_value("Register").run()
    at.text_input(key="patients_new_family").set_value("Goosefoot")
    at.text_input(key="patients_new_mrn").set_value("NEW-1")
    at.button(key="patients_new_save").click().run()
    assert not at.error
    found = caseload.patients(
        text="Goosefoot", store=dashboard.store, actor=dashboard.actor(AccessRole.COORDINATOR)
    )
    assert found.total == 1
    assert at.title[0].value == "Goosefoot"


def test_a_missing_record_number_is_refused_with_what_to_do(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR, PAGE)
    at.segmented_control(key="patients_part").set_value("Register").run()
    at.text_input(key="patients_new_family").set_value("Goosefoot")
    at.button(key="patients_new_save").click().run()
    assert "record number" in at.error[0].value


def test_imported_conditions_without_a_code_show_on_the_list(dashboard, tmp_path):
    coordinator = dashboard.actor(AccessRole.COORDINATOR)
    fhir_import.import_fhir(
        [snomed_only_bundle(tmp_path)],
        store=dashboard.store,
        actor=coordinator,
        clock=dashboard.clock,
    )
    at = dashboard.open(AccessRole.COORDINATOR, PAGE)
    at.text_input(key="patients_text").set_value("Thornapple").run()
    assert at.dataframe[0].value.iloc[0]["ICD-10-CM"] == "2 needed"
    (patient,) = caseload.patients(text="Thornapple", store=dashboard.store, actor=coordinator).rows
    counts = coding.uncoded_counts([patient.id, "p-101"], store=dashboard.store, actor=coordinator)
    assert counts == {patient.id: 2}


def test_those_who_only_read_get_no_forms(dashboard):
    at = dashboard.open(AccessRole.BILLER, PAGE)
    assert at.segmented_control(key="patients_part").options == ["List", "Who may qualify"]


def test_a_likely_double_is_shown_before_it_is_saved_and_never_barred(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR, PAGE)
    at.segmented_control(key="patients_part").set_value("Register").run()
    at.text_input(key="patients_new_family").set_value("Okonkwo")
    at.text_input(key="patients_new_given").set_value("Amara")
    at.text_input(key="patients_new_mrn").set_value("NEW-2")
    at.date_input(key="patients_new_born").set_value(date(1948, 3, 14))
    at.button(key="patients_new_save").click().run()
    assert "may be the same person" in at.warning[0].value
    coordinator = dashboard.actor(AccessRole.COORDINATOR)
    assert caseload.patients(text="NEW-2", store=dashboard.store, actor=coordinator).total == 0
    at.switch_page("pages/coordinate/patient_chart.py")  # to compare; what was entered is kept
    at.query_params["patient"] = "p-101"
    at.run()
    at.switch_page("pages/coordinate/patients.py").run()
    at.segmented_control(key="patients_part").set_value("Register").run()
    assert at.text_input(key="patients_new_mrn").value == "NEW-2"
    at.button(key="patients_same_anyway").click().run()
    assert at.title[0].value == "Okonkwo, Amara"
    assert caseload.patients(text="NEW-2", store=dashboard.store, actor=coordinator).total == 1


def test_who_may_qualify_is_listed_by_program(dashboard):
    at = dashboard.open(AccessRole.BILLER, PAGE)
    at.segmented_control(key="patients_part").set_value("Who may qualify").run()
    assert len(at.dataframe[0].value) > 5
    at.segmented_control(key="qualify_program").set_value(Program.BHI).run()
    shown = at.dataframe[0].value
    assert {tuple(each) for each in shown["May qualify for"]} == {("BHI",)}
    at.segmented_control(key="qualify_which").set_value("A fact is not recorded").run()
    assert not at.dataframe


def test_fhir_is_looked_at_first_and_then_stored_as_shown(dashboard, tmp_path):
    coordinator = dashboard.actor(AccessRole.COORDINATOR)
    at = dashboard.open(AccessRole.COORDINATOR, PAGE)
    at.segmented_control(key="patients_part").set_value("Import").run()
    content = snomed_only_bundle(tmp_path).read_bytes()
    at.file_uploader[0].set_value([("Thornapple.json", content, "application/json")]).run()
    assert not at.error
    assert {each.label: each.value for each in at.metric} == {
        "New patients": "1", "Here already": "0", "Differences": "0", "To do": "1",
    }  # fmt: skip
    kinds = at.dataframe[0].value
    assert kinds[["What", "New"]].to_numpy().tolist() == [["Patients", 1], ["Conditions", 2]]
    assert at.dataframe[1].value.iloc[0].tolist() == [
        "Thornapple, Isolde", "Give an ICD-10-CM code", "2 conditions",
    ]  # fmt: skip
    found = caseload.patients(text="Thornapple", store=dashboard.store, actor=coordinator)
    assert found.total == 0
    at.button(key="patients_import").click().run()
    assert "1 patient imported" in at.success[0].value
    found = caseload.patients(text="Thornapple", store=dashboard.store, actor=coordinator)
    assert found.total == 1
    at.button(key="patients_import_anew").click().run()
    assert not at.dataframe
    other = content.replace(b"1950-04-05", b"1950-05-04")
    at.file_uploader[0].set_value([("again.json", other, "application/json")]).run()
    assert at.button(key="patients_import").disabled
    differs = at.dataframe[1].value.iloc[0].tolist()
    assert differs == ["Thornapple, Isolde", "Birth date", "1950-04-05", "1950-05-04"]


def test_a_wrong_fhir_file_is_refused_on_the_page_without_its_name(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR, PAGE)
    at.segmented_control(key="patients_part").set_value("Import").run()
    at.file_uploader[0].set_value([("Quillfeather.json", b"%PDF-1.7", "application/json")]).run()
    assert at.error[0].value.replace("\\", "").startswith("File 1: The file is a PDF")
    assert "Quillfeather" not in at.error[0].value
    assert not any(each.key == "patients_import" for each in at.button)
