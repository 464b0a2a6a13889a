"""The statement that an export is whole."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from trellis_core.errors import InputRefusedError
from trellis_core.fhir.checking import checked
from trellis_core.fhir.names import Names, Style
from trellis_core.fhir.whole import counts_of, whole_statement

COUNTS = {"Patient": 43, "Basic": 0}


def statement() -> dict[str, Any]:
    names = Names(practice_id="p-1", zone=ZoneInfo("America/New_York"), style=Style.RELATIVE)
    return whole_statement(names, COUNTS)


def test_it_is_valid_fhir_and_says_what_was_counted() -> None:
    assert counts_of(checked(statement())) == COUNTS
    for other in ({"resourceType": "Patient"}, {"resourceType": "Basic", "extension": []}, {}):
        assert counts_of(other) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: parts.clear(),
        lambda parts: parts.pop(0),
        lambda parts: parts[0].update(valueInteger=2),
        lambda parts: parts.append(parts[1]),
        lambda parts: parts[1]["extension"].pop(),
        lambda parts: parts[1]["extension"][1].update(valueInteger=-1),
        lambda parts: parts[1]["extension"][1].update(valueInteger=True),
        lambda parts: parts[1]["extension"][0].pop("valueCode"),
        lambda parts: parts.append("secret"),
    ],
)
def test_what_it_does_not_say_is_refused(change: Callable[[list[Any]], object]) -> None:
    changed = statement()
    change(changed["extension"][0]["extension"])
    with pytest.raises(InputRefusedError, match=r"statement|edition") as caught:
        counts_of(changed)
    assert "secret" not in str(caught.value)
