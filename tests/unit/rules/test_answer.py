"""The answer as a whole: what is said once, and what is compared."""

import copy
from typing import Any

import pytest

from tests.support.scenario_case import complete, decided, entry
from trellis_core.rules.reasons import Reason


def test_two_sent_claims_to_be_revisited_are_one_warning() -> None:
    case = complete("TCM")
    first = case["discharges"][0]
    first["billed_on"] = "2026-11-12"
    first["contacts"] = []
    second = copy.deepcopy(first) | {"id": "d2", "discharged_on": "2026-11-04"}
    case["discharges"] = [first, second]
    assert [notice.reason for notice in decided(case).warnings] == [Reason.TCM_RECLAIM]


def complex_month(minutes: int, **policy: Any) -> dict[str, Any]:
    case = complete("CCM")
    case["payer"] = {"kind": "medicare", "policy": policy}
    making = {"program": "CCM", "level": "high", "by": "dr-1", "on": "2026-11-12"}
    case["medical_decision_making"] = [making]
    case["time_entries"] = [entry("t1", minutes)]
    return case


@pytest.mark.parametrize(
    ("minutes", "policy", "pays_less"),
    [
        (60, {}, True),
        (60, {"unit_caps": {"99439": 1}}, False),
        (60, {"unit_caps": {"99490": 0}}, False),
        (89, {}, True),
        (90, {}, False),
        (90, {"unit_caps": {"99489": 0, "99439": 3}}, True),
    ],
)
def test_complex_care_is_compared_with_the_plain_units_that_would_be_paid(
    minutes: int, policy: dict[str, Any], *, pays_less: bool
) -> None:
    answer = decided(complex_month(minutes, **policy))
    assert {line.code for line in answer.lines} <= {"99487", "99489"}
    warned = Reason.COMPLEX_PAYS_LESS in {notice.reason for notice in answer.warnings}
    assert warned is pays_less
