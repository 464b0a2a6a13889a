"""Superbills on screen: the month's list, what each needs, the preview and the documents."""

import pytest

from pages.shared import column_profile_editor, file_work, superbill_files, superbill_list
from tests.support.working import let_work
from trellis_core.access import AccessRole
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import billing
from trellis_core.services.column_profiles import Column, ColumnProfile, save_column_profile
from trellis_core.services.job_wanted import JobKind
from trellis_core.services.jobs import JobState
from trellis_core.values.money import ZERO
from trellis_core.values.periods import ServiceMonth

PAGE = "billing/superbills"
OCTOBER = ServiceMonth(2026, 10)
MONTH = {
    "Month as PDF",
    "Month as ZIP",
    "Month as CSV",
    "Month as XLSX",
    "Month's time as CSV",
}
ONE = {"PDF", "CSV", "XLSX", "Time as CSV"}


def bills_of(dashboard, **only):
    return billing.superbills(
        month=OCTOBER,
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.BILLER),
        clock=dashboard.clock,
        rule_book=load_rule_book(),
        **only,
    )


def in_month(dashboard, role, month="2026-10", patient=None):
    at = dashboard.open(role, PAGE)
    at.selectbox(key="month").set_value(month)
    if patient:
        at.query_params["patient"] = patient
    at.run()
    assert not at.exception
    return at


def said(at) -> str:
    kinds = (at.markdown, at.caption, at.text, at.warning, at.header)
    return "\n".join(item.value for kind in kinds for item in kind).replace("\\", "")


def test_the_list_shows_every_superbill_of_the_month_and_their_total(dashboard):
    at = in_month(dashboard, AccessRole.BILLER)
    bills = bills_of(dashboard)
    assert len(at.dataframe[0].value) == len(bills) >= 15
    tiles = {item.label: item.value for item in at.metric}
    total = sum((bill.allowed_total or ZERO for bill in bills), ZERO)
    assert tiles["Expected, all lines"] == f"${total:,.2f}"
    assert tiles["Ready"] == str(sum(bill.is_ready for bill in bills))


def test_ready_and_not_ready_divide_the_list(dashboard):
    at = in_month(dashboard, AccessRole.BILLER)
    whole = len(at.dataframe[0].value)
    at.segmented_control(key="superbills_show").set_value("Ready").run()
    ready = at.dataframe[0].value if at.dataframe else []
    assert all(words == "Ready" for words in (ready["State"] if len(ready) else []))
    at.segmented_control(key="superbills_show").set_value("Need something").run()
    rest = at.dataframe[0].value if at.dataframe else []
    assert len(ready) + len(rest) == whole
    assert all(words.startswith("Needs ") for words in (rest["State"] if len(rest) else []))


def test_a_patient_in_the_address_opens_that_superbill(dashboard):
    (bill,) = bills_of(dashboard, patient_id="p-101")
    at = in_month(dashboard, AccessRole.BILLER, patient="p-101")
    text = said(at)
    assert "Superbill, October 2026" in text
    assert bill.id in text
    assert bill.practice.npi in text
    assert bill.patient.coverage.member_id in text
    lines = next(frame.value for frame in at.dataframe if "Date of service" in frame.value)
    assert list(lines["Code"]) == [line.code for line in bill.lines]
    assert "A draft" in text


def test_the_preview_says_why_each_line_bills_with_sources(dashboard):
    at = in_month(dashboard, AccessRole.BILLER, patient="p-101")
    text = said(at)
    assert "On record" in text
    assert "Consent: obtained" in text
    assert "](https://" in text


@pytest.mark.parametrize(
    ("role", "labels"),
    [
        (AccessRole.BILLER, MONTH | ONE | {"FHIR bundle"}),
        (AccessRole.COORDINATOR, MONTH | ONE),
        (AccessRole.AUDITOR, set()),
    ],
)
def test_documents_are_offered_to_those_who_may_draw_them_up(dashboard, role, labels):
    at = in_month(dashboard, role, patient="p-101")
    assert {button.label for button in at.get("download_button")} == labels


def test_a_month_without_anything_billable_says_so_and_leads_on(dashboard):
    at = in_month(dashboard, AccessRole.BILLER, "2025-01")
    assert "Nothing can be billed" in said(at)
    assert not at.dataframe


def states(at) -> list[str]:
    return list(at.dataframe[0].value["State"])


def test_what_is_clean_is_approved_with_one_click(dashboard):
    at = in_month(dashboard, AccessRole.BILLER)
    clean = [bill for bill in bills_of(dashboard) if bill.is_clean]
    assert clean
    button = at.button(key="superbills_approve_clean")
    assert button.label.startswith(f"Approve {len(clean)} clean")
    button.click().run()
    assert not at.exception
    assert states(at).count("Approved") == len(clean)
    assert "superbills_approve_clean" not in {each.key for each in at.button}


def test_one_draft_is_approved_where_it_is_read(dashboard):
    (bill,) = bills_of(dashboard, patient_id="p-101")
    at = in_month(dashboard, AccessRole.BILLER, patient="p-101")
    at.button(key="superbills_approve_one").click().run()
    assert "Approved by " in said(at)
    (now,) = bills_of(dashboard, patient_id="p-101")
    assert now.approval is not None
    assert now.lines == bill.lines


def test_a_coordinator_sees_drafts_and_approves_none(dashboard):
    at = in_month(dashboard, AccessRole.COORDINATOR, patient="p-101")
    assert not {each.key for each in at.button} & {
        "superbills_approve_clean",
        "superbills_approve_one",
    }


def choosing(monkeypatch, rows):
    """Let the list answer as if these rows were selected: the test runner selects none."""
    monkeypatch.setattr(superbill_list, "picked", lambda bills, **_: [bills[row] for row in rows])


def test_several_selected_superbills_have_files_of_their_own(dashboard, monkeypatch):
    choosing(monkeypatch, [0, 2])
    at = in_month(dashboard, AccessRole.BILLER)
    first, _, third, *_ = bills_of(dashboard)
    total = first.allowed_total + third.allowed_total
    assert f"2 superbills selected, ${total:,.2f}." in said(at)
    labels = {button.label for button in at.get("download_button")}
    assert labels == set(superbill_files.SELECTION_FORMS.values())


def test_a_program_can_be_chosen_for_the_months_files(dashboard):
    at = in_month(dashboard, AccessRole.BILLER)
    offered = at.selectbox(key="superbills_program").options
    billed = {line.program.value for bill in bills_of(dashboard) for line in bill.lines}
    assert billed <= set(offered)
    at.selectbox(key="superbills_program").set_value("CoCM").run()
    assert not at.exception
    assert {button.label for button in at.get("download_button")} == MONTH


def test_profiles_are_offered_and_edited_by_those_who_may(dashboard):
    at = in_month(dashboard, AccessRole.BILLER)
    save_column_profile(
        ColumnProfile(name="Ours", columns=(Column(heading="CPT", field="code"),)),
        store=dashboard.store, actor=dashboard.actor(AccessRole.BILLER), clock=dashboard.clock,
    )  # fmt: skip
    at.run()
    (columns,) = [each for each in at.selectbox if each.label.startswith("Columns of")]
    assert columns.options == ["Trellis", "CMS-1500 boxes", "Ours"]
    columns.set_value("Ours").run()
    assert not at.exception
    at.button(key="superbills_profiles").click().run()
    assert not at.exception
    assert any(each.label == "Begin with the columns of" for each in at.selectbox)
    coordinators = in_month(dashboard, AccessRole.COORDINATOR)
    assert "superbills_profiles" not in {each.key for each in coordinators.button}


def test_the_editors_rows_are_the_columns_in_the_order_of_their_numbers():
    columns = (Column(heading="CPT", field="code"), Column(heading="Site", constant="Main"))
    rows = column_profile_editor.rows_of(columns).to_dict("records")
    assert column_profile_editor.columns_of(rows) == columns
    first, second = rows
    third = {"Place": None, "Heading": " MRN ", "Field": "MRN", "Constant": None}
    empty = {"Place": 1.0, "Heading": None, "Field": float("nan"), "Constant": ""}
    moved = [third, first, second | {"Place": 0.5}, empty]
    assert column_profile_editor.columns_of(moved) == (
        columns[1],
        columns[0],
        Column(heading="MRN", field="mrn"),
    )


@pytest.mark.parametrize(("limit", "is_large"), [(31, False), (30, True)])
def test_files_of_many_superbills_are_made_while_the_page_goes_on(
    dashboard, monkeypatch, limit, is_large
):
    monkeypatch.setattr(superbill_files, "LARGE", limit)
    at = in_month(dashboard, AccessRole.BILLER)
    assert len(bills_of(dashboard)) == 31
    buttons = {each.key for each in at.button}
    assert ("superbills_zip_all_large" in buttons) is is_large
    assert "Month as CSV" in {button.label for button in at.get("download_button")}
    if not is_large:
        return
    at.button(key="superbills_zip_all_large").click().run()
    assert not at.exception
    assert let_work() == 1
    person = dashboard.actor(AccessRole.BILLER)
    job = file_work.of(JobKind.SUPERBILLS, person)
    assert job.state is JobState.READY
    at.run()
    assert "Download the ZIP of 31 superbills, October 2026" in {
        button.label for button in at.get("download_button")
    }
    direct = billing.superbill_document(
        month=OCTOBER, form="zip", store=dashboard.store, clock=dashboard.clock,
        actor=dashboard.actor(AccessRole.BILLER), rule_book=load_rule_book(),
    )  # fmt: skip
    assert file_work.take(job.id, person) == direct.content
    at.run()
    assert {button.label for button in at.get("download_button")} <= MONTH


def test_a_table_of_very_many_is_made_while_the_page_goes_on(dashboard, monkeypatch):
    monkeypatch.setattr(superbill_files, "LARGE_TABLE", 30)
    at = in_month(dashboard, AccessRole.BILLER)
    at.button(key="superbills_csv_all_large").click().run()
    assert not at.exception
    let_work()
    at.run()
    assert "Download the CSV of 31 superbills, October 2026" in {
        button.label for button in at.get("download_button")
    }


def test_a_file_on_its_way_is_cancelled_where_it_is_shown(dashboard, monkeypatch):
    monkeypatch.setattr(superbill_files, "LARGE", 30)
    at = in_month(dashboard, AccessRole.BILLER)
    at.button(key="superbills_pdf_all_large").click().run()
    (bar,) = at.get("progress")
    assert "waiting for the server to begin" in bar.proto.text
    at.button(key="superbills_file_cancel").click().run()
    assert not at.get("progress")
    assert file_work.of(JobKind.SUPERBILLS, dashboard.actor(AccessRole.BILLER)) is None
    assert let_work() == 0
