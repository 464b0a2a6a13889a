"""The audit packet's page: a list is found, what is not in the month is named, and a file is given."""

import pytest

from pages.shared import packet_view
from trellis_core.access import AccessRole
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.billing import superbills
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.values.periods import ServiceMonth

PAGE = "insight/audit_packet"
OCTOBER = ServiceMonth(2026, 10)


@pytest.fixture
def closed(dashboard):
    """The sample practice with October closed."""
    close_month(
        CloseMonth(month=OCTOBER, form_id="close"),
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.OWNER),
        clock=dashboard.clock,
        rule_book=load_rule_book(),
    )
    return dashboard


def bills(dashboard):
    return superbills(
        month=OCTOBER,
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.OWNER),
        clock=dashboard.clock,
        rule_book=load_rule_book(),
    )


def rows(at):
    return at.dataframe[0].value


def texts(at):
    return " ".join(each.value for kind in (at.warning, at.error, at.success) for each in kind)


def test_a_month_that_is_not_closed_leads_to_those_that_are(closed):
    at = closed.open(AccessRole.AUDITOR, PAGE)
    assert not at.dataframe
    at.button(key="packet_month_2026-10").click().run()
    assert not at.exception
    assert at.text_area(key="packet_list_Superbill numbers").value == ""


def test_a_pasted_list_is_found_and_what_is_not_of_the_month_is_named(closed):
    at = closed.open(AccessRole.BILLER, PAGE, month="2026-10")
    at.text_area[0].input("2, 1\n999")
    at.button(key="FormSubmitter:packet_form_Superbill numbers-Show").click().run()
    assert sorted(rows(at)["Superbills"]) == ["No. 1", "No. 2"]
    assert set(rows(at)["Decided again"]) == {"Same answer"}
    assert "999" in texts(at)
    assert "The whole ledger holds" in texts(at)
    one = next(bill for bill in bills(closed) if bill.number == 2)
    at.segmented_control(key="packet_kind").set_value("Record numbers (MRN)").run()
    at.text_area[0].input(f"{one.patient.mrn}\nnobody's number")
    at.button(key="FormSubmitter:packet_form_Record numbers (MRN)-Show").click().run()
    assert list(rows(at)["Record number"]) == [one.patient.mrn]
    assert "nobody's number" in texts(at)


def test_superbills_are_picked_and_the_file_is_offered(closed):
    at = closed.open(AccessRole.AUDITOR, PAGE, month="2026-10")
    at.segmented_control(key="packet_kind").set_value("Pick superbills").run()
    at.multiselect(key="packet_picked_2026-10").set_value([3]).run()
    assert list(rows(at)["Superbills"]) == ["No. 3"]
    button = at.get("download_button")[0].proto
    assert button.label == "Audit packet (ZIP)"


def test_a_superbill_leads_to_its_patients_packet_for_who_may_read_it(closed):
    one = next(bill for bill in bills(closed) if bill.number == 1)
    for role in (AccessRole.OWNER, AccessRole.AUDITOR):
        at = closed.open(role, PAGE, month="2026-10", patient=one.patient.id)
        assert list(rows(at)["Patient"]) == [one.patient.name]
        at.button(key="packet_another").click().run()
        assert not at.dataframe
    with pytest.raises(ValueError, match="navigation page"):
        closed.open(AccessRole.COORDINATOR, PAGE, month="2026-10", patient=one.patient.id)


def test_a_list_is_cut_at_what_separates_it():
    assert packet_view.words_of("1,2;3 4\n5\t6", are_numbers=True) == list("123456")
    assert packet_view.words_of("A 1, B 2\nC 3", are_numbers=False) == ["A 1", "B 2", "C 3"]
    assert packet_view.words_of(" , ;\n", are_numbers=True) == []
