"""The case file: every refusal by its code and path, unknown and none kept apart, and the answer."""

import json
from datetime import UTC, date, datetime, timedelta

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis_core.care.vocabulary import (
    Activity,
    Credential,
    DateOfServiceRule,
    PayerKind,
    PracticeKind,
    Setting,
)
from trellis_core.case_file import (
    case_schema,
    determination_schema,
    read_cases,
)
from trellis_core.errors import InputRefusedError
from trellis_core.rules.facts import DEFAULT_POLICY, Facts
from trellis_core.values.unknown import UNKNOWN

MONTH = {"service_month": "2026-11"}
STAFF = [
    {"id": "dr-1", "role": "billing_practitioner", "credential": "MD", "npi": "1234567893"},
    {"id": "rn-1", "role": "clinical_staff", "credential": "RN"},
]
ENTRY = {
    "id": "t1",
    "program": "CCM",
    "staff": "rn-1",
    "started_at": "2026-11-03T10:00:00-05:00",
    "seconds": 1200,
    "activity": "record_review",
}


def case(**more: object) -> dict[str, object]:
    return {**MONTH, **more}


def read(document: object) -> Facts:
    return read_cases(json.dumps(document).encode()).facts[0]


def refused(data: bytes | object) -> tuple[str, str]:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    with pytest.raises(InputRefusedError) as caught:
        read_cases(raw)
    assert caught.value.message
    return caught.value.code, caught.value.path


def test_an_id_given_twice_is_refused() -> None:
    assert refused(case(staff=[STAFF[0], STAFF[1], STAFF[0]])) == ("DUPLICATE_ID", "staff[2].id")
    assert refused(case(staff=STAFF, time_entries=[ENTRY, ENTRY])) == (
        "DUPLICATE_ID",
        "time_entries[1].id",
    )
    discharge = {"id": "d1", "discharged_on": "2026-11-02"}
    assert refused(case(discharges=[discharge, discharge])) == ("DUPLICATE_ID", "discharges[1].id")
    assert refused(case(staff=[{**STAFF[0], "id": "other"}])) == ("DUPLICATE_ID", "staff[0].id")


def test_an_unknown_key_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(InputRefusedError) as caught:
        read(case(enrolments=[]))
    assert (caught.value.code, caught.value.path) == ("UNKNOWN_KEY", "enrolments")
    assert "Did you mean 'enrollments'?" in caught.value.message
    assert refused(case(payer={"policy": {"cocm_time": "full"}})) == (
        "UNKNOWN_KEY",
        "payer.policy.cocm_time",
    )
    assert refused([MONTH, case(staff=[{**STAFF[0], "name": "x"}])]) == (
        "UNKNOWN_KEY",
        "[1].staff[0].name",
    )


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"staff": [{**STAFF[0], "credential": "md"}]}, "staff[0].credential"),
        ({"staff": [{**STAFF[0], "role": "Clinical_Staff"}]}, "staff[0].role"),
        ({"enrollments": [{"program": "COCM"}]}, "enrollments[0].program"),
        ({"payer": {"kind": "Medicare"}}, "payer.kind"),
        (
            {"payer": {"policy": {"g2214_minimum_minutes": 20}}},
            "payer.policy.g2214_minimum_minutes",
        ),
        ({"practice": {"setting": "office"}}, "practice.setting"),
        ({"consents": [{"program": "CCM", "elements": ["costs"]}]}, "consents[0].elements[0]"),
        (
            {"staff": STAFF, "time_entries": [{**ENTRY, "activity": "chat"}]},
            "time_entries[0].activity",
        ),
        ({"cocm_ended": {"on": "2026-03-20", "because": "moved"}}, "cocm_ended.because"),
        (
            {"discharges": [{"id": "d", "discharged_on": "2026-11-02", "from": "home"}]},
            "discharges[0].from",
        ),
    ],
)
def test_a_value_outside_its_closed_list_is_refused(more: dict[str, object], path: str) -> None:
    assert refused(case(**more)) == ("UNKNOWN_VALUE", path)


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"staff": STAFF, "time_entries": [{**ENTRY, "staff": "rn-9"}]}, "time_entries[0].staff"),
        ({"staff": STAFF, "time_entries": [{**ENTRY, "staff": "other"}]}, "time_entries[0].staff"),
        (
            {"staff": STAFF, "time_entries": [{**ENTRY, "replaces": "t9"}]},
            "time_entries[0].replaces",
        ),
        (
            {
                "staff": STAFF,
                "other_patient_entries": [
                    {"staff": "x", "started_at": "2026-11-03T10:00:00Z", "seconds": 1}
                ],
            },
            "other_patient_entries[0].staff",
        ),
        ({"billing_practitioner": "dr-9", "staff": STAFF}, "billing_practitioner"),
        (
            {"enrollments": [{"program": "CCM", "billing_practitioner": "dr-9"}]},
            "enrollments[0].billing_practitioner",
        ),
        ({"consents": [{"program": "CCM", "obtained_by": "x"}]}, "consents[0].obtained_by"),
        ({"initiating_visits": [{"on": "2026-01-02", "by": "x"}]}, "initiating_visits[0].by"),
        ({"visits": [{"on": "2026-11-02", "by": "x"}]}, "visits[0].by"),
        (
            {"caseload_reviews": [{"on": "2026-11-02", "consultant": "x"}]},
            "caseload_reviews[0].consultant",
        ),
        (
            {"prior_services": [{"month": "2026-10", "code": "99493", "by": "x"}]},
            "prior_services[0].by",
        ),
        (
            {"other_services": [{"on": "2026-11-02", "code": "90960", "by": "x"}]},
            "other_services[0].by",
        ),
        (
            {
                "discharges": [
                    {
                        "id": "d",
                        "discharged_on": "2026-11-02",
                        "contacts": [{"at": "2026-11-03T10:00:00Z", "by": "x"}],
                    }
                ]
            },
            "discharges[0].contacts[0].by",
        ),
        (
            {
                "discharges": [
                    {
                        "id": "d",
                        "discharged_on": "2026-11-02",
                        "visit": {"on": "2026-11-05", "by": "x"},
                    }
                ]
            },
            "discharges[0].visit.by",
        ),
        (
            {"requested": ["99490", {"code": "99439", "by": "other"}], "staff": STAFF},
            "requested[1].by",
        ),
    ],
)
def test_a_reference_to_an_id_that_is_not_there_is_refused(
    more: dict[str, object], path: str
) -> None:
    assert refused(case(**more)) == ("UNKNOWN_REFERENCE", path)


def test_anyone_outside_the_practice_may_have_done_a_service() -> None:
    facts = read(
        case(
            other_services=[{"on": "2026-11-02", "code": "90960", "by": "other"}],
            discharges=[
                {
                    "id": "d",
                    "discharged_on": "2026-11-02",
                    "contacts": [{"at": "2026-11-03T10:00:00Z", "by": "other"}],
                    "discharge_day_management_by": "other",
                }
            ],
        )
    )
    assert facts.other_services[0].by == "other"


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (1, ""),
        ("x", ""),
        (None, ""),
        ([1], "[0]"),
        ([[MONTH]], "[0]"),
        (case(case=7), "case"),
        ({"service_month": 202611}, "service_month"),
        ({"service_month": None}, "service_month"),
        (case(practice={"qualifying_apm": 1}), "practice.qualifying_apm"),
        (case(practice={"certified_ehr": None}), "practice.certified_ehr"),
        (case(practice=[]), "practice"),
        (case(staff={}), "staff"),
        (case(staff=[{"id": 7, "role": "clinical_staff"}]), "staff[0].id"),
        (case(staff=STAFF, time_entries=[{**ENTRY, "seconds": True}]), "time_entries[0].seconds"),
        (case(staff=STAFF, time_entries=[{**ENTRY, "seconds": "9"}]), "time_entries[0].seconds"),
        (case(staff=STAFF, time_entries=[{**ENTRY, "seconds": 1.5}]), "time_entries[0].seconds"),
        (case(payer={"policy": {"unit_caps": []}}), "payer.policy.unit_caps"),
        (case(payer={"policy": {"unit_caps": {"99439": "2"}}}), "payer.policy.unit_caps.99439"),
        (case(payer={"policy": {"cocm_time_rule": 1}}), "payer.policy.cocm_time_rule"),
        (case(patient={"birth_date": 1950}), "patient.birth_date"),
        (case(as_of=1), "as_of"),
        (case(requested=[1]), "requested[0]"),
    ],
)
def test_a_wrong_type_is_refused(document: object, path: str) -> None:
    assert refused(document) == ("WRONG_TYPE", path)


@pytest.mark.parametrize("seconds", [0, -1, 86_401, 2**63])
def test_seconds_outside_a_day_are_refused(seconds: int) -> None:
    assert refused(case(staff=STAFF, time_entries=[{**ENTRY, "seconds": seconds}])) == (
        "OUT_OF_RANGE",
        "time_entries[0].seconds",
    )


@pytest.mark.parametrize("seconds", [1, 86_400])
def test_seconds_at_both_ends_of_a_day_are_read(seconds: int) -> None:
    facts = read(case(staff=STAFF, time_entries=[{**ENTRY, "seconds": seconds}]))
    assert facts.time_entries[0].seconds == seconds


def test_counts_below_one_are_refused() -> None:
    assert refused(case(staff=STAFF, time_entries=[{**ENTRY, "patients_sharing": 0}])) == (
        "OUT_OF_RANGE",
        "time_entries[0].patients_sharing",
    )
    assert refused(case(requested=[{"code": "99490", "units": 0}])) == (
        "OUT_OF_RANGE",
        "requested[0].units",
    )


@pytest.mark.parametrize(
    "day",
    ["2026-02-29", "2026-13-01", "2026-1-1", "20260101", "2026-01-01T00:00:00Z", "", "0001-01-01"],
)
def test_an_impossible_day_is_refused(day: str) -> None:
    assert refused(case(patient={"deceased_on": day})) == ("BAD_DATE", "patient.deceased_on")


@pytest.mark.parametrize(
    "month", ["2026-13", "2026-00", "2026-1", "2026", "26-11", "2026-11-01", ""]
)
def test_a_month_not_so_written_is_refused(month: str) -> None:
    assert refused({"service_month": month}) == ("BAD_DATE", "service_month")
    assert refused(case(prior_services=[{"month": month, "code": "99493"}])) == (
        "BAD_DATE",
        "prior_services[0].month",
    )


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-03T10:00:00",
        "2026-11-03",
        "2026-11-03 10:00:00-05:00",
        "2026-11-31T10:00:00-05:00",
        "2026-11-03T25:00:00-05:00",
        "2026-11-03T10:00:00-25:00",
        "2026-W45-2T10:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "noon",
        "",
    ],
)
def test_a_naive_or_impossible_time_is_refused(time: str) -> None:
    assert refused(case(staff=STAFF, time_entries=[{**ENTRY, "started_at": time}])) == (
        "BAD_TIME",
        "time_entries[0].started_at",
    )
    assert refused(case(as_of=time)) == ("BAD_TIME", "as_of")


@pytest.mark.parametrize("npi", ["1234567890", "123456789", "3234567893", "12345678931", ""])
def test_a_malformed_npi_is_refused_with_the_path_of_a_list(npi: str) -> None:
    document = [MONTH, case(staff=[*STAFF, {"id": "x", "role": "clinical_staff", "npi": npi}])]
    assert refused(document) == ("BAD_NPI", "[1].staff[2].npi")
    assert refused(document[1]) == ("BAD_NPI", "staff[2].npi")


@pytest.mark.parametrize("code", ["E119", "e11.9", "E11.", "11.9", "E11.12345", ""])
def test_a_malformed_diagnosis_is_refused(code: str) -> None:
    assert refused(case(patient={"conditions": [{"icd10": code}]})) == (
        "BAD_ICD10",
        "patient.conditions[0].icd10",
    )
    assert refused(case(enrollments=[{"program": "PCM", "condition": code}])) == (
        "BAD_ICD10",
        "enrollments[0].condition",
    )


@pytest.mark.parametrize(
    "zone", ["EST5", "America/Gotham", "", "../../etc/passwd", "America", "a" * 5000]
)
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    assert refused(case(practice={"time_zone": zone})) == ("BAD_TIME_ZONE", "practice.time_zone")


def test_a_locality_that_is_not_in_the_tables_is_refused() -> None:
    wanted = ("BAD_LOCALITY", "practice.locality")
    assert refused(case(practice={"state": "NY", "locality": "77"})) == wanted
    assert refused(case(practice={"state": "NY", "locality": "1"})) == wanted
    assert refused(case(practice={"state": "ZZ", "locality": "01"})) == wanted
    assert refused(case(practice={"locality": "01"})) == wanted
    assert read(case(practice={"state": "NY", "locality": "01"})).practice.locality == "01"
    assert read(case(practice={"state": None, "locality": None})).practice.state is None


def test_required_keys_that_are_missing_are_named() -> None:
    assert refused({}) == ("MISSING_KEY", "service_month")
    for key in ("id", "program", "staff", "started_at", "seconds"):
        entry = {name: value for name, value in ENTRY.items() if name != key}
        assert refused(case(staff=STAFF, time_entries=[entry])) == (
            "MISSING_KEY",
            f"time_entries[0].{key}",
        )
    assert refused(case(time_entries=[ENTRY])) == ("MISSING_KEY", "staff")
    assert read(case(time_entries=[{**ENTRY, "staff": None}])).time_entries[0].staff_id is None
    assert refused(case(requested=[{"units": 1}])) == ("MISSING_KEY", "requested[0].code")


def test_one_bad_case_refuses_the_whole_input() -> None:
    assert refused([MONTH, MONTH, {"service_month": "2026-13"}]) == (
        "BAD_DATE",
        "[2].service_month",
    )


def test_an_absent_key_is_unknown_and_null_is_known_to_be_none() -> None:
    bare = read(MONTH)
    for fact in (
        bare.enrollments,
        bare.consents,
        bare.initiating_visits,
        bare.care_plans,
        bare.rating_scales,
        bare.registry_entered_on,
        bare.caseload_reviews,
        bare.cocm_referred_on,
        bare.cocm_ended,
        bare.apcm_services_documented,
        bare.patient.last_seen_on,
        bare.patient.deceased_on,
        bare.patient.conditions,
        bare.practice.certified_ehr,
        bare.practice.around_the_clock_access,
    ):
        assert fact is UNKNOWN
    told = read(
        case(
            enrollments=[],
            consents=None,
            rating_scales=[],
            registry_entered_on=None,
            cocm_ended=None,
            patient={"last_seen_on": None, "deceased_on": None, "conditions": []},
            facility_stays=[{"admitted_on": "2026-11-01", "discharged_on": None}],
        )
    )
    assert (told.enrollments, told.consents, told.rating_scales) == ((), (), ())
    assert (told.registry_entered_on, told.cocm_ended) == (None, None)
    assert (told.patient.last_seen_on, told.patient.deceased_on) == (None, None)
    assert told.patient.conditions == ()
    assert told.facility_stays[0].discharged_on is None


def test_defaults_are_the_printed_ones() -> None:
    bare = read(MONTH)
    assert bare.payer_kind is PayerKind.MEDICARE
    assert bare.policy == DEFAULT_POLICY
    assert bare.practice.time_zone == "America/New_York"
    assert bare.practice.kind is PracticeKind.PHYSICIAN_PRACTICE
    assert bare.practice.setting is Setting.NONFACILITY
    assert bare.practice.date_of_service is DateOfServiceRule.MONTH_END
    assert (bare.practice.qualifying_apm, bare.practice.tcm_hold_until_day_30) == (False, False)
    assert bare.requested is None
    for events in (
        bare.time_entries,
        bare.other_patient_entries,
        bare.visits,
        bare.other_services,
        bare.prior_services,
        bare.facility_stays,
        bare.discharges,
        bare.medical_decision_making,
    ):
        assert events == ()
    entry = read(case(staff=STAFF, time_entries=[ENTRY])).time_entries[0]
    assert (entry.patients_sharing, entry.billed_elsewhere) == (1, False)
    assert (entry.contact, entry.condition, entry.separate_from_visit) == (None, None, None)


def test_a_policy_knows_what_was_stated() -> None:
    policy = read(case(payer={"policy": {"ccm_with_tcm": True, "unit_caps": {"99494": 4}}})).policy
    assert policy.stated == {"ccm_with_tcm", "unit_caps"}
    assert policy.unit_caps == {"99494": 4}
    assert read(MONTH).policy.stated == frozenset()


def test_a_credential_is_unknown_when_absent_and_none_when_empty_or_null() -> None:
    people = read(
        case(
            staff=[
                {"id": "a", "role": "clinical_staff"},
                {"id": "b", "role": "clinical_staff", "credential": ""},
                {"id": "c", "role": "clinical_staff", "credential": None},
            ]
        )
    ).staff
    assert people[0].credential is UNKNOWN
    assert people[1].credential is Credential.NONE
    assert people[2].credential is Credential.NONE


def test_a_record_that_never_was_is_no_record() -> None:
    facts = read(
        case(
            enrollments=[{"program": "CCM", "started_on": None}],
            consents=[{"program": "CCM", "obtained_on": None}],
            care_plans=[{"program": "CCM", "established_on": None}],
            medical_decision_making=[{"program": "CCM", "level": None}],
        )
    )
    assert (facts.enrollments, facts.consents, facts.care_plans) == ((), (), ())
    assert facts.medical_decision_making == ()


def test_a_record_that_does_not_say_what_it_is_about_leaves_its_list_unknown() -> None:
    facts = read(
        case(
            enrollments=[{"program": "CCM"}, {"started_on": "2026-01-05"}],
            rating_scales=[{"on": "2026-11-02"}],
            cocm_ended={"on": "2026-03-02"},
        )
    )
    assert facts.enrollments is UNKNOWN
    assert facts.rating_scales is UNKNOWN
    assert facts.cocm_ended is UNKNOWN


def test_records_without_an_id_are_named_by_their_place() -> None:
    facts = read(
        case(staff=[{"role": "clinical_staff"}], discharges=[{"discharged_on": "2026-11-02"}])
    )
    assert facts.staff[0].id == "staff[0]"
    assert facts.discharges[0].id == "discharges[0]"


def test_an_entry_without_activity_is_judged_by_its_role() -> None:
    entry = {name: value for name, value in ENTRY.items() if name != "activity"}
    facts = read(case(staff=STAFF, time_entries=[{**entry, "note": None}]))
    assert facts.time_entries[0].activity is Activity.OTHER_CLINICAL
    assert facts.time_entries[0].note == ""


def test_requested_takes_plain_codes_and_lines() -> None:
    facts = read(
        case(
            staff=STAFF,
            requested=[
                "99487",
                {"code": "99439", "units": 1, "date_of_service": "2026-11-30", "by": "dr-1"},
            ],
        )
    )
    assert facts.requested is not None
    assert [each.code for each in facts.requested] == ["99487", "99439"]
    assert facts.requested[1].date_of_service == date(2026, 11, 30)
    assert read(case(requested=[])).requested == ()


def test_a_list_is_answered_as_a_list_and_one_case_as_one() -> None:
    assert not read_cases(json.dumps(MONTH).encode()).is_list
    assert read_cases(json.dumps([MONTH]).encode()).is_list
    assert read_cases(b"[]").facts == ()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=12)
    | st.sampled_from(
        ["CCM", "TCM", "rn-1", "2026-11", "2026-11-03", "2026-11-03T10:00:00Z", "99490"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "program",
                    "staff",
                    "on",
                    "by",
                    "code",
                    "policy",
                    "role",
                    "contacts",
                    "visit",
                ]
            )
            | st.text(max_size=6),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
known_keys = tuple(case_schema()["$defs"]["case"]["properties"])  # type: ignore[index]


def outcome_of(data: bytes) -> str:
    try:
        read_cases(data)
    except InputRefusedError as refusal:
        return refusal.code
    return "READ"


CODES = {
    "NOT_JSON",
    "TOO_DEEP",
    "DUPLICATE_KEY",
    "DUPLICATE_ID",
    "UNKNOWN_KEY",
    "UNKNOWN_VALUE",
    "UNKNOWN_REFERENCE",
    "WRONG_TYPE",
    "OUT_OF_RANGE",
    "BAD_DATE",
    "BAD_TIME",
    "BAD_NPI",
    "BAD_ICD10",
    "BAD_TIME_ZONE",
    "BAD_LOCALITY",
    "MISSING_KEY",
}


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(known_keys), json_values, max_size=4))
def test_any_value_under_a_known_key_is_read_or_refused(members: dict[str, object]) -> None:
    document = {**MONTH, "staff": STAFF, **members}
    assert outcome_of(json.dumps(document).encode()) in CODES | {"READ"}


def test_schemas_are_valid_and_accept_what_is_read() -> None:
    jsonschema.Draft202012Validator.check_schema(case_schema())
    jsonschema.Draft202012Validator.check_schema(determination_schema())
    good = case(staff=STAFF, time_entries=[ENTRY], practice={"state": "NY", "locality": "01"})
    jsonschema.validate(good, case_schema())
    jsonschema.validate([good, MONTH], case_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(case(enrolments=[]), case_schema())


def test_instants_keep_their_offset() -> None:
    facts = read(case(as_of="2026-11-03T10:00:00-05:00"))
    assert facts.as_of == datetime(2026, 11, 3, 15, tzinfo=UTC)
    assert facts.as_of is not None
    assert facts.as_of.utcoffset() == timedelta(hours=-5)
