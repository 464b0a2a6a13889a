"""Which seconds count, decided again one second at a time and compared."""

from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.chance_case import PEOPLE
from tests.support.scenario_case import complete, decided, entry

ZONES = ("America/New_York", "Pacific/Kiritimati", "Asia/Kolkata", "Pacific/Pago_Pago")
ROLES = {
    "CCM": {"dr-1", "rn-1", "bhcm-1"},
    "PCM": {"dr-1", "rn-1", "bhcm-1"},
    "BHI": {"dr-1", "rn-1", "bhcm-1"},
    "CoCM": {"dr-1", "bhcm-1"},
}
LONGITUDINAL = {"CCM", "PCM"}


def a_month(seed: int) -> dict[str, Any]:
    """Return a month around a change of clocks with work, visits, stays and other patients."""
    rng = Random(seed)  # noqa: S311 - cases, not secrets
    zone = rng.choice(ZONES)
    case = complete(*ROLES)
    case["service_month"] = month = rng.choice(["2026-03", "2026-11"])
    case["practice"]["time_zone"] = zone
    for enrolled in case["enrollments"]:
        enrolled["track"] = "staff"
    edges = [f"{month}-01", f"{month}-02", f"{month}-07", f"{month}-08", f"{month}-30"]

    def instant() -> datetime:
        day = date.fromisoformat(rng.choice(edges)) - timedelta(days=rng.choice([0, 0, 1]))
        at = datetime(day.year, day.month, day.day, rng.randint(0, 23), tzinfo=ZoneInfo("UTC"))
        return at + timedelta(minutes=rng.choice([0, 5, 20, 59]))

    for number in range(rng.randint(1, 8)):
        more: dict[str, Any] = {}
        if rng.random() < 0.5:
            more["recorded_at"] = instant().isoformat()
        if rng.random() < 0.2:
            more["separate_from_visit"] = rng.choice([True, False])
        if rng.random() < 0.1:
            more["activity"] = "automated_call"
        if rng.random() < 0.1:
            more["billed_elsewhere"] = True
        case["time_entries"].append(
            entry(
                f"t{number}",
                rng.choice([1, 20, 45, 200, 1440]),
                program=rng.choice(list(ROLES)),
                staff=rng.choice([each for each in PEOPLE if each != "dr-2"]),
                at=instant().isoformat(),
                **more,
            )
        )
    add_days(case, edges, rng)
    if rng.random() < 0.3:
        case["other_patient_entries"] = [
            {"staff": "rn-1", "started_at": instant().isoformat(), "seconds": 1800}
        ]
    return case


def add_days(case: dict[str, Any], edges: list[str], rng: Random) -> None:
    """Add what takes days away: visits, stays, death, consent, the end of an enrollment, a payer."""
    if rng.random() < 0.4:
        case["visits"] = [{"on": rng.choice(edges), "code": "99214", "by": "dr-1"}]
    if rng.random() < 0.4:
        case["facility_stays"] = [
            {"admitted_on": edges[1], "discharged_on": edges[2], "kind": "inpatient"}
        ]
    if rng.random() < 0.4:
        case["patient"]["deceased_on"] = rng.choice(edges)
    if rng.random() < 0.4:
        rng.choice(case["consents"])["obtained_on"] = rng.choice(edges)
    if rng.random() < 0.4:
        rng.choice(case["enrollments"])["ended_on"] = rng.choice(edges)
    if rng.random() < 0.3:
        case["payer"] = {"policy": {"count_facility_time": False, "same_day_visit_time": "attest"}}


def one_by_one(case: dict[str, Any]) -> dict[str, int]:
    """Return the seconds that count of every entry."""
    zone = ZoneInfo(case["practice"]["time_zone"])
    taken: set[int] = set()
    counted: dict[str, int] = {}
    alone = [work for work in case["time_entries"] if kept(case, work, zone)]
    for work in sorted(alone, key=recorded_first):
        mine = kept(case, work, zone)
        if is_elsewhere(case, work, mine):
            continue
        counted[work["id"]] = len(mine - taken)
        taken |= mine
    return {name: seconds for name, seconds in counted.items() if seconds}


def start_of(work: dict[str, Any]) -> int:
    return int(datetime.fromisoformat(work["started_at"]).timestamp())


def recorded_first(work: dict[str, Any]) -> tuple[bool, float, int, str]:
    stamp = work.get("recorded_at")
    known = datetime.fromisoformat(stamp).timestamp() if stamp else 0.0
    return stamp is None, known, start_of(work), work["id"]


def is_elsewhere(case: dict[str, Any], work: dict[str, Any], mine: set[int]) -> bool:
    for other in case.get("other_patient_entries", ()):
        begun = start_of(other)
        if other["staff"] != work["staff"] or mine.isdisjoint(range(begun, begun + 1800)):
            continue
        if (True, 0.0, begun) <= recorded_first(work)[:3]:
            return True
    return False


def kept(case: dict[str, Any], work: dict[str, Any], zone: ZoneInfo) -> set[int]:
    """Return the seconds of an entry that no rule about the entry alone takes away."""
    program = work["program"]
    if work["staff"] not in ROLES[program] or work.get("billed_elsewhere"):
        return set()
    if work["activity"] == "automated_call":
        return set()
    start = start_of(work)
    days: dict[int, bool] = {}
    found: set[int] = set()
    for second in range(start, start + work["seconds"]):
        hour = second // 900
        if hour not in days:
            days[hour] = counts_on(case, work, datetime.fromtimestamp(second, zone).date())
        if days[hour]:
            found.add(second)
    return found


def counts_on(case: dict[str, Any], work: dict[str, Any], day: date) -> bool:
    program, on = work["program"], day.isoformat()
    (consent,) = (each for each in case["consents"] if each["program"] == program)
    (enrolled,) = (each for each in case["enrollments"] if each["program"] == program)
    policy = case.get("payer", {}).get("policy", {})
    if on[:7] != case["service_month"] or on < consent["obtained_on"]:
        return False
    if on > (enrolled["ended_on"] or on) or on > (case["patient"]["deceased_on"] or on):
        return False
    if program in LONGITUDINAL or not policy.get("count_facility_time", True):
        for stay in case.get("facility_stays", ()):
            if stay["admitted_on"] <= on < stay["discharged_on"]:
                return False
    is_visit = program in LONGITUDINAL and work["staff"] != "dr-1"
    if is_visit and any(visit["on"] == on for visit in case.get("visits", ())):
        separate = work.get("separate_from_visit")
        return separate is not False if policy else separate is True
    return True


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_what_counts_is_what_counts_one_second_at_a_time(first: int) -> None:
    for seed in range(first, first + 50):
        case = a_month(seed)
        assert dict(decided(case).counted_seconds) == one_by_one(case), seed
