"""Amounts keep their digits on the way into a file or to a server; texts keep their letters."""

import json
from decimal import Decimal
from types import MappingProxyType

import pytest

from trellis_core.errors import FhirExportError
from trellis_core.fhir.checking import checked
from trellis_core.fhir.writing import json_line


@pytest.mark.parametrize("digits", ["66.10", "0.00", "-12.50", "100", "0.1234567890123456789"])
def test_an_amount_is_a_number_with_its_own_digits(digits):
    assert json_line({"value": Decimal(digits)}) == b'{"value":%s}' % digits.encode()


def test_an_amount_in_thousands_is_written_out():
    assert json_line({"value": Decimal("1E+3")}) == b'{"value":1000}'


def test_letters_stand_as_they_are_and_a_line_is_one_line():
    text = 'O\'Brien "Ñandú"\nsecond line\u2028 \\u0000'
    line = json_line({"text": text, "parts": [MappingProxyType({"x": (1, True, None)})]})
    assert "Ñandú".encode() in line
    assert b"\n" not in line
    assert json.loads(line) == {"text": text, "parts": [{"x": [1, True, None]}]}


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), "a\udc00b", "\udc00"])
def test_what_json_cannot_say_is_refused_by_type_and_id_only(value):
    with pytest.raises(FhirExportError, match="Patient p1 holds ") as refused:
        json_line({"resourceType": "Patient", "id": "p1", "value": value})
    assert str(refused.value).isascii()


def test_a_float_that_is_no_number_leaves_no_check():
    value = {"value": float("nan"), "unit": "USD"}
    code = {"text": "Amount"}
    with pytest.raises(FhirExportError, match=r"Observation o1 .* valueQuantity"):
        checked(
            {
                "resourceType": "Observation",
                "id": "o1",
                "status": "final",
                "code": code,
                "valueQuantity": value,
            }
        )
