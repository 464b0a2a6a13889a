"""What was known at an instant."""

from typing import Any

import pytest

from tests.support.scenario_case import complete, decided, entry, facts_of, merged
from trellis_core.rules.as_of import known_at
from trellis_core.values.periods import zone_named

NOON = "2026-11-10T12:00:00-05:00"


def known(case: dict[str, Any]) -> Any:
    facts = facts_of(case | {"as_of": NOON})
    assert facts.as_of is not None
    return known_at(facts, facts.as_of, zone_named("America/New_York"))[0]


@pytest.mark.parametrize(("day", "kept"), [("2026-11-10", True), ("2026-11-11", False)])
def test_a_fact_of_the_day_itself_is_known_and_of_the_next_is_not(day: str, kept: bool) -> None:
    case = complete("CCM", "BHI", "TCM")
    case["visits"] = [{"on": day, "code": "99214", "by": "dr-1"}]
    case["rating_scales"][0]["on"] = day
    case["caseload_reviews"] = [{"on": day, "consultant": "psy-1"}]
    case["facility_stays"] = [{"admitted_on": day, "discharged_on": None, "kind": "inpatient"}]
    case["other_services"] = [{"on": day, "code": "99490", "by": "other"}]
    case["consents"][0]["obtained_on"] = day
    case["enrollments"][0]["started_on"] = day
    case["care_plans"][0]["established_on"] = day
    case["discharges"][0]["discharged_on"] = day
    facts = known(case)
    assert len(facts.visits) == kept
    assert len(facts.rating_scales) == kept
    assert len(facts.caseload_reviews) == kept
    assert len(facts.facility_stays) == kept
    assert len(facts.other_services) == kept
    assert len(facts.consents) == 1 + kept
    assert len(facts.enrollments) == 1 + kept
    assert len(facts.care_plans) == 1 + kept
    assert len(facts.discharges) == kept


def test_an_end_that_lay_ahead_is_not_known_yet() -> None:
    case = complete("CCM", "TCM")
    changed = merged(
        case,
        {
            "patient": {"deceased_on": "2026-11-12"},
            "consents": {0: {"revoked_on": "2026-11-12"}},
            "facility_stays": [
                {"admitted_on": "2026-11-01", "discharged_on": "2026-11-12", "kind": "inpatient"}
            ],
            "discharges": {
                0: {
                    "visit": {"on": "2026-11-12"},
                    "medications_reconciled_on": "2026-11-12",
                    "readmitted_on": "2026-11-12",
                    "billed_on": "2026-11-12",
                }
            },
        },
    )
    facts = known(changed)
    assert facts.patient.deceased_on is None
    assert facts.consents[0].revoked_on is None
    assert facts.facility_stays[0].discharged_on is None
    (discharge,) = facts.discharges
    assert (discharge.visit, discharge.medications_reconciled_on) == (None, None)
    assert (discharge.readmitted_on, discharge.billed_on) == (None, None)


def test_an_entry_without_a_record_time_is_known_when_it_is_over() -> None:
    case = complete("CCM")
    case["as_of"] = "2026-11-03T10:15:00-05:00"
    case["time_entries"] = [entry("t1", 20)]
    answer = decided(case)
    assert [(each.entry, each.reason) for each in answer.not_counted] == [("t1", "AFTER_AS_OF")]
    assert answer.meters[0].seconds == 0
