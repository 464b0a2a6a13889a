"""The statement that an export is whole."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from trellis_core.errors import InputRefusedError
from trellis_core.fhir.checking import checked
from trellis_core.fhir.names import Names, Style
from trellis_core.fhir.whole import closed_of, counts_of, whole_statement
from trellis_core.values.periods import ServiceMonth

COUNTS = {"Patient": 43, "Basic": 0}
CLOSED = (ServiceMonth(2026, 9), ServiceMonth(2026, 10))


def statement() -> dict[str, Any]:
    names = Names(practice_id="p-1", zone=ZoneInfo("America/New_York"), style=Style.RELATIVE)
    return whole_statement(names, COUNTS, CLOSED)


def test_it_is_valid_fhir_and_says_what_was_counted() -> None:
    assert counts_of(checked(statement())) == COUNTS
    assert closed_of(statement()) == CLOSED
    for other in ({"resourceType": "Patient"}, {"resourceType": "Basic", "extension": []}, {}):
        assert counts_of(other) is None
        assert closed_of(other) == ()


CHANGES: tuple[Callable[[list[Any]], object], ...] = (
    lambda parts: parts.clear(),
    lambda parts: parts.pop(0),
    lambda parts: parts[0].update(valueInteger=2),
    lambda parts: parts.append(parts[1]),
    lambda parts: parts[1]["extension"].pop(),
    lambda parts: parts[1]["extension"][1].update(valueInteger=-1),
    lambda parts: parts[1]["extension"][1].update(valueInteger=True),
    lambda parts: parts[1]["extension"][0].pop("valueCode"),
    lambda parts: parts.append("secret"),
    lambda parts: parts[-1].update(valueString="secret"),
)


def test_what_it_does_not_say_is_refused() -> None:
    for change in CHANGES:
        changed = statement()
        change(changed["extension"][0]["extension"])
        with pytest.raises(InputRefusedError, match=r"statement|edition") as caught:
            counts_of(changed), closed_of(changed)
        assert "secret" not in str(caught.value)
