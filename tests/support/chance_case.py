"""Months made by chance around a complete case, so that much is billed and much stands in the way."""

import copy
from random import Random
from typing import Any

from tests.support.scenario_case import FOUR, TWO, complete, entry

PROGRAMS = ("CCM", "PCM", "BHI", "CoCM", "APCM", "TCM")
TIMED = ("CCM", "PCM", "BHI", "CoCM")
CODES = [
    *("99490", "99439", "99491", "99437", "99487", "99489", "G0506"),
    *("99424", "99425", "99426", "99427", "99484", "G0323", "99492", "99493", "99494", "G2214"),
    *("99495", "99496", "G0556", "G0557", "G0558", "G0568", "G0569", "G0570"),
]
OTHER_CODES = [*CODES, "90960", "G0181", "G0511", "99446", "98016", "99358", "99214", "12345"]
PEOPLE = ["dr-1", "dr-2", "rn-1", "bhcm-1", "psy-1", "desk-1"]


class Month:
    """Draws one month."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - cases, not secrets

    def rarely(self, share: float = 0.15) -> bool:
        """Say yes in some of the cases."""
        return self.random.random() < share

    def day(self, low: int = 1, high: int = 30) -> str:
        """Return a day of November 2026."""
        return f"2026-11-{self.random.randint(low, high):02d}"

    def instant(self) -> str:
        """Return a minute of the first days of November or of its edges."""
        day = self.random.choice(["2026-10-31", "2026-11-30", *(["2026-11-03", "2026-11-04"] * 5)])
        return f"{day}T{self.random.randint(0, 23):02d}:{self.random.choice([0, 5, 30, 59]):02d}:00-05:00"

    def entries(self) -> list[dict[str, Any]]:
        """Return some entries, many of them at once, some corrected."""
        found = []
        for number in range(self.random.randint(0, 9)):
            change: dict[str, Any] = {}
            if self.rarely():
                change["replaces"] = f"t{self.random.randint(0, number - 1)}" if number else None
            if self.rarely(0.4):
                change["recorded_at"] = self.instant()
            if self.rarely():
                change["patients_sharing"] = self.random.randint(2, 7)
            if self.rarely(0.05):
                change["billed_elsewhere"] = True
            if self.rarely():
                change["separate_from_visit"] = self.random.choice([True, False, None])
            if self.rarely():
                change["contact"] = self.random.choice(["none", "attempted", "reached"])
            if self.rarely(0.05):
                change["activity"] = "administrative"
            if self.rarely(0.05):
                change["condition"] = "E11.9"
            found.append(
                entry(
                    f"t{number}",
                    self.random.choice([1, 5, 16, 20, 30, 31, 40, 75, 90, 200])
                    + self.random.choice([0, 0, 1 / 60, 0.5, 59 / 60]),
                    program=self.random.choice([*TIMED * 3, "APCM", "TCM"]),
                    staff=self.random.choice([*PEOPLE, "dr-1", "rn-1", "bhcm-1", None]),
                    at=self.instant(),
                    **change,
                )
            )
        return found

    def other_services(self) -> list[dict[str, Any]]:
        """Return services that somebody reported."""
        found = []
        for _ in range(self.random.randint(0, 2)):
            service: dict[str, Any] = {"on": self.day(), "code": self.random.choice(OTHER_CODES)}
            if self.rarely(0.8):
                service["by"] = self.random.choice(["dr-1", "dr-2", "other"])
            if self.rarely(0.6):
                service["same_practice"] = self.rarely(0.5)
            if self.rarely():
                service["on"] = self.random.choice(["2026-10-31", "2026-12-01"])
            found.append(service)
        return found

    def requested(self) -> list[object] | None:
        """Return a claim to judge, or none."""
        if self.rarely(0.5):
            return None
        lines: list[object] = []
        for code in self.random.choices(CODES, k=self.random.randint(0, 5)):
            line: dict[str, Any] = {"code": code}
            if self.rarely(0.3):
                line["units"] = self.random.randint(1, 3)
            if self.rarely(0.3):
                line["date_of_service"] = self.random.choice(
                    [self.day(), "2026-12-01", "2026-10-31", "2025-12-31"]
                )
            if self.rarely(0.2):
                line["by"] = self.random.choice(["dr-1", "dr-2", "rn-1"])
            lines.append(line if len(line) > 1 or self.rarely(0.5) else code)
        return lines

    def case(self, programs: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return the month's case, of some programs or of any."""
        programs = programs or tuple(self.random.sample(PROGRAMS, self.random.randint(1, 5)))
        case = complete(*programs)
        case["staff"].append({"id": "dr-2", "role": "billing_practitioner", "credential": "NP"})
        case["time_entries"] = self.entries()
        case["other_services"] = self.other_services()
        case["requested"] = self.requested()
        case["payer"] = {
            "kind": self.random.choice(
                ["medicare", "medicare_advantage", "medicaid", "commercial"]
            ),
            "policy": self.policy(),
        }
        self.dates(case)
        self.second_enrollments(case)
        return case

    def policy(self) -> dict[str, Any]:
        """Return some stated policy."""
        choices: dict[str, list[Any]] = {
            "cocm_time_rule": ["midpoint", "full"],
            "count_facility_time": [True, False],
            "ccm_pcm_different_practitioner": [True, False],
            "ccm_with_tcm": [True, False],
            "same_day_visit_time": ["exclude", "attest"],
            "tcm_bundles": [["99490"], ["99484", "99439"]],
            "scale_interval": ["month", "since_enrollment"],
            "g2214_accepted": [True, False],
            "unit_caps": [{"99494": 1}, {"99439": 1, "99490": 0}],
        }
        return {
            key: self.random.choice(values) for key, values in choices.items() if self.rarely(0.1)
        }

    def dates(self, case: dict[str, Any]) -> None:
        """Let some things begin or end within the month."""
        if self.rarely():
            case["as_of"] = self.random.choice(
                ["2026-11-04T12:00:00-05:00", "2026-11-30T23:59:59-05:00", "2026-10-20T00:00:00Z"]
            )
        if self.rarely():
            case["patient"]["deceased_on"] = self.day()
        if self.rarely():
            case["practice"]["date_of_service"] = "threshold_met"
        if self.rarely(0.3):
            case["visits"] = [{"on": self.day(3, 4), "code": "99214", "by": "dr-1"}]
        self.paperwork(case)
        self.events(case)

    def paperwork(self, case: dict[str, Any]) -> None:
        """Let consents and enrollments begin or end within the month."""
        for record in case["consents"]:
            if self.rarely(0.1):
                record["obtained_on"] = self.day()
            if self.rarely(0.1):
                record["revoked_on"] = self.random.choice(["2026-10-05", "2026-11-03"])
        for record in case["enrollments"]:
            if self.rarely(0.1):
                record["ended_on"] = self.day(1, 6)
            if self.rarely(0.1):
                record["started_on"] = self.day(1, 6)
            if self.rarely(0.1):
                record["track"] = self.random.choice(["staff", "practitioner"])

    def events(self, case: dict[str, Any]) -> None:
        """Let things happen beside the programs."""
        if self.rarely(0.3):
            case["facility_stays"] = [
                {
                    "admitted_on": self.day(1, 4),
                    "discharged_on": self.random.choice([None, self.day(4, 8)]),
                    "kind": self.random.choice(["inpatient", "snf_part_a", "observation"]),
                }
                for _ in range(self.random.randint(1, 2))
            ]
        if self.rarely(0.3):
            case["medical_decision_making"] = [
                {"program": "CCM", "level": "high", "by": "dr-1", "on": self.day()}
            ]
        if self.rarely(0.3):
            case["other_patient_entries"] = [
                {"staff": self.random.choice(PEOPLE), "started_at": self.instant(), "seconds": 1200}
            ]
        if self.rarely(0.3):
            case["prior_services"] = [
                {"month": "2026-10", "code": self.random.choice(CODES), "units": 1, "by": "dr-1"}
            ]

    def second_enrollments(self, case: dict[str, Any]) -> None:
        """Enroll again, or with another practitioner, and let that one have a consent."""
        for record in list(case["enrollments"]):
            if self.rarely(0.1):
                again = copy.deepcopy(record)
                again["started_on"] = self.day(6, 12)
                again["ended_on"] = None
                if self.rarely(0.5):
                    again["billing_practitioner"] = "dr-2"
                    behavioral = record["program"] in {"BHI", "CoCM"}
                    case["consents"].append(
                        {
                            "program": record["program"],
                            "obtained_on": "2026-01-05",
                            "method": "verbal",
                            "documented": True,
                            "billing_practitioner": "dr-2",
                            "obtained_by": "rn-1",
                            "elements": TWO if behavioral else FOUR,
                            "revoked_on": None,
                        }
                    )
                case["enrollments"].append(again)


def month_by_chance(seed: int, programs: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return one month made by chance."""
    return Month(seed).case(programs)


def shuffled(value: Any, rng: Random) -> Any:
    """Return a case with every list in another order."""
    if isinstance(value, dict):
        return {key: shuffled(inner, rng) for key, inner in value.items()}
    if isinstance(value, list):
        mixed = [shuffled(inner, rng) for inner in value]
        rng.shuffle(mixed)
        return mixed
    return value
