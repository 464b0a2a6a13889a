"""The practice, its people and places and lists as FHIR."""

from datetime import UTC, date, datetime

from tests.support.chart_case import AT, OWN, codes, names, of_type, practice_rows, problems
from trellis_core.fhir import profiles
from trellis_core.fhir.checking import checked
from trellis_core.fhir.kept import record_of
from trellis_core.fhir.people import (
    payer_resource,
    practice_records,
    practice_resource,
    site_resources,
    staff_resources,
)
from trellis_core.store.tables import (
    ApcmCapabilityRow,
    CaseloadSessionRow,
    FeeListAmountRow,
    FeeListRow,
    PracticeOptionRow,
    SiteRow,
    StaffRow,
)

NPI = "1234567893"


def systems(resource: dict[str, object]) -> dict[str, str]:
    return {each["system"]: each["value"] for each in resource["identifier"][1:]}


def test_a_practice_has_the_numbers_that_are_numbers() -> None:
    right = practice_resource(names(), practice_rows(npi=NPI, tin="12-3456789", state="NY"))
    wrong = practice_resource(names(), practice_rows(npi="1234567890", tin="none", phone=" "))

    assert systems(checked(right)) == {profiles.NPI: NPI, profiles.EIN: "12-3456789"}
    assert right["address"] == [{"state": "NY", "country": "US"}]
    assert systems(checked(wrong)) == {}
    assert "telecom" not in wrong
    assert record_of(right)[1]["tin"] == "12-3456789"
    assert not problems([right])


def test_a_person_has_a_role_only_where_the_practice_can_be_reached() -> None:
    rows = (
        StaffRow(
            **OWN,
            id="np-1",
            role="clinical_staff",
            credential="RN",
            npi=NPI,
            given_name="Máire",
            family_name="O'Brien",
            sign_in_name="secret",
            password_hash="secret",
        ),
        StaffRow(**OWN, id="x-1", role="non_clinical", npi="1", given_name="Cher", is_active=False),
    )
    told = practice_rows(*rows)
    nurse, role, clerk, _ = (checked(e) for e in staff_resources(names(), told, {"np-1", "x-1"}))

    assert nurse["name"] == [{"family": "O'Brien", "given": ["Máire"]}]
    assert systems(nurse) == {profiles.NPI: NPI}
    assert codes(nurse["qualification"][0]["code"]) == [(profiles.CREDENTIAL, "RN")]
    assert codes(role["code"][0]) == [(profiles.STAFF_ROLE, "clinical_staff")]
    assert codes(role["specialty"][0]) == [(profiles.NUCC, "163W00000X")]
    assert role["telecom"] == [{"system": "phone", "value": "518-555-0100", "use": "work"}]
    assert (clerk["name"], clerk["active"], systems(clerk)) == ([{"family": "Cher"}], False, {})
    assert "secret" not in str(nurse)
    silent = list(staff_resources(names(), practice_rows(*rows, phone=""), None))
    assert {each["resourceType"] for each in silent} == {"Practitioner"}
    assert len(silent) == 7


def test_places_and_payers_stand_for_themselves() -> None:
    told = practice_rows(
        SiteRow(**OWN, id="s1", name="Mill\u00a0Annex", city="Juniper Falls"),
        SiteRow(**OWN, id="s2", name="Closed", place_of_service="XX", is_active=False),
    )
    mill, closed = (checked(each) for each in site_resources(names(), told, None))
    payer = checked(payer_resource(names(), "Smith\u00a0& Sons"))

    assert mill["name"] == "Mill Annex"
    assert codes(mill["type"][0]) == [(profiles.PLACE_OF_SERVICE, "11")]
    assert (closed["status"], closed.keys() & {"type", "address", "telecom"}) == ("inactive", set())
    assert [e["id"] for e in site_resources(names(), told, {"s2"})] == [closed["id"]]
    assert payer["name"] == "Smith & Sons"
    assert codes(payer["type"][0])[0][1] == "pay"


def test_the_practices_own_lists_are_kept_whole_and_concern_no_patient() -> None:
    began = datetime(2026, 11, 12, 2, 0, tzinfo=UTC)
    rows = (
        PracticeOptionRow(**OWN, offers_apcm=True),
        FeeListRow(**OWN, kind="charges", payer_name="", name="Charges"),
        FeeListAmountRow(
            **OWN,
            kind="charges",
            payer_name="",
            code="99490",
            from_day=date(2024, 1, 1),
            amount_cents=12050,
        ),
        ApcmCapabilityRow(
            **OWN, element="access", is_in_place=False, stated_by="gone", stated_on=AT.date()
        ),
        CaseloadSessionRow(**OWN, id="cs", led_by="cm-1", began_at=began, discussed="p-1 p-2"),
    )
    made = [checked(each) for each in practice_records(names(), practice_rows(*rows))]
    option, fee_list, amount, capability, session = made

    assert {each["resourceType"] for each in made} == {"Basic"}
    assert len({each["id"] for each in made}) == 5
    assert not [each for each in made if "subject" in each]
    assert record_of(option) == (
        "practice-option",
        {"shows_dollars_per_minute": False, "offers_apcm": True},
    )
    assert record_of(fee_list)[1]["payer_name"] == ""
    assert record_of(amount)[1]["amount_cents"] == 12050
    assert "author" not in capability
    assert (session["created"], session["author"]) == (
        "2026-11-11",
        names().reference("staff", "cm-1"),
    )
    assert of_type(made, "Basic") == made
