"""A panel of made-up patient-months for measuring: every program, a realistic mix, always the same."""

from datetime import datetime, timedelta
from typing import Any

PROGRAMS = (
    *("CCM",) * 60,
    *("PCM",) * 10,
    *("BHI",) * 10,
    *("CoCM",) * 10,
    *("TCM",) * 5,
    *("APCM",) * 5,
)
"""The program of each hundred patients."""

_STAFF = (
    {"id": "dr-1", "role": "billing_practitioner", "credential": "MD", "npi": "1234567893"},
    {"id": "rn-1", "role": "clinical_staff", "credential": "RN"},
    {"id": "ma-1", "role": "clinical_staff", "credential": "MA"},
    {"id": "bhcm-1", "role": "behavioral_care_manager", "credential": "LCSW"},
    {"id": "psy-1", "role": "psychiatric_consultant", "credential": "MD"},
)
_ELEMENTS = {
    "BHI": ("consult_specialists", "cost_sharing"),
    "CoCM": ("consult_specialists", "cost_sharing"),
}
_CHRONIC = ("availability", "cost_sharing", "one_practitioner", "right_to_stop")
_FIRST = datetime.fromisoformat("2026-11-02T08:00:00-05:00")


def case(number: int) -> dict[str, Any]:
    """Return one complete case; its program and its time follow from its number."""
    program = PROGRAMS[number % len(PROGRAMS)]
    enrollments = [] if program == "TCM" else [_enrollment(program)]
    return {
        "service_month": "2026-11",
        "practice": {
            "around_the_clock_access": True,
            "certified_ehr": True,
            "apcm_capabilities": True,
            "performance_reporting": True,
        },
        "staff": list(_STAFF),
        "patient": _patient(number),
        "enrollments": enrollments,
        "consents": [_consent(each["program"]) for each in enrollments],
        "initiating_visits": [
            {
                "on": "2025-12-20",
                "code": "99214",
                "by": "dr-1",
                "program_discussed": [each["program"] for each in enrollments],
                "care_planning_by_practitioner": False,
            }
        ],
        "care_plans": [
            {
                "program": each["program"],
                "established_on": "2026-01-05",
                "revised_on": None,
                "copy_given_on": "2026-01-06",
            }
            for each in enrollments
        ],
        "rating_scales": [
            {"instrument": "PHQ-9", "score": 11, "on": "2026-11-10", "acted_on": "plan_kept"}
        ],
        "registry_entered_on": "2026-01-05",
        "caseload_reviews": [
            {"on": f"2026-11-{day:02d}", "consultant": "psy-1"} for day in (5, 12, 19, 26)
        ],
        "cocm_referred_on": "2026-01-05",
        "cocm_ended": None,
        "apcm_services_documented": True,
        "discharges": [_discharge()] if program == "TCM" else [],
        "time_entries": [] if program == "TCM" else _entries(number, program),
    }


def _patient(number: int) -> dict[str, Any]:
    def condition(code: str, months: int, *, behavioral: bool) -> dict[str, Any]:
        return {
            "icd10": code,
            "expected_months": months,
            "significant_risk": True,
            "behavioral": behavioral,
        }

    return {
        "id": f"p-{number}",
        "birth_date": "1950-02-01",
        "sex": "female",
        "deceased_on": None,
        "qualified_medicare_beneficiary": False,
        "last_seen_on": "2025-12-20",
        "conditions": [
            condition("I50.22", 24, behavioral=False),
            condition("E11.9", 24, behavioral=False),
            condition("F33.1", 6, behavioral=True),
        ],
    }


def _enrollment(program: str) -> dict[str, Any]:
    return {
        "program": program,
        "started_on": "2026-01-05",
        "ended_on": None,
        "billing_practitioner": "dr-1",
        "condition": "I50.22" if program == "PCM" else None,
        "track": None,
    }


def _consent(program: str) -> dict[str, Any]:
    return {
        "program": program,
        "obtained_on": "2026-01-05",
        "method": "verbal",
        "documented": True,
        "billing_practitioner": "dr-1",
        "obtained_by": "rn-1",
        "elements": list(_ELEMENTS.get(program, _CHRONIC)),
        "revoked_on": None,
    }


def _discharge() -> dict[str, Any]:
    return {
        "id": "d1",
        "discharged_on": "2026-11-03",
        "from": "inpatient_acute",
        "to": "home",
        "contacts": [{"at": "2026-11-04T09:10:00-05:00", "outcome": "reached", "by": "rn-1"}],
        "visit": {
            "on": "2026-11-09",
            "by": "dr-1",
            "modality": "in_person",
            "video_declined": False,
        },
        "mdm": "high",
        "medications_reconciled_on": "2026-11-09",
        "discharge_day_management_on": None,
        "discharge_day_management_by": None,
    }


def _entries(number: int, program: str) -> list[dict[str, Any]]:
    """Return two to eight entries of a month: mostly calls of a few minutes, some longer work."""
    staff = ("bhcm-1",) if program in {"BHI", "CoCM"} else ("rn-1", "ma-1", "rn-1", "dr-1")
    found = []
    for place in range(2 + number % 7):
        started = _FIRST + timedelta(days=3 * place, minutes=(number * 7 + place * 41) % 540)
        found.append(
            {
                "id": f"t{place}",
                "program": program,
                "staff": staff[(number + place) % len(staff)],
                "started_at": started.isoformat(),
                "seconds": 180 + (number * 97 + place * 389) % 1200,
                "activity": "patient_contact" if place % 2 else "care_coordination",
                "contact": "reached" if place % 2 else None,
                "recorded_at": (started + timedelta(minutes=25)).isoformat(),
            }
        )
    return found
