"""Amounts keep their digits on the way into a file or to a server; texts keep their letters."""

import json
from decimal import Decimal
from types import MappingProxyType

import pytest

from trellis_core.errors import FhirExportError
from trellis_core.fhir.writing import json_line


@pytest.mark.parametrize("digits", ["66.10", "0.00", "-12.50", "100", "0.1234567890123456789"])
def test_an_amount_is_a_number_with_its_own_digits(digits):
    assert json_line({"value": Decimal(digits)}) == f'{{"value":{digits}}}'


def test_an_amount_in_thousands_is_written_out():
    assert json_line({"value": Decimal("1E+3")}) == '{"value":1000}'


def test_letters_stand_as_they_are_and_a_line_is_one_line():
    text = 'O\'Brien "Ñandú"\nsecond line\u2028 \\u0000'
    line = json_line({"text": text, "parts": [MappingProxyType({"x": (1, 2.5, True, None)})]})
    assert "Ñandú" in line
    assert "\n" not in line
    assert json.loads(line) == {"text": text, "parts": [{"x": [1, 2.5, True, None]}]}


@pytest.mark.parametrize("value", [float("nan"), Decimal("Infinity"), "a\udc00b", "\udc00"])
def test_what_json_cannot_say_is_refused_by_type_and_id_only(value):
    with pytest.raises(FhirExportError, match=r"Patient p1 holds (a|half) ") as refused:
        json_line({"resourceType": "Patient", "id": "p1", "value": value})
    assert str(refused.value).isascii()


def test_a_text_that_looks_like_a_marked_number_is_no_way_to_write_one():
    with pytest.raises(FhirExportError):
        json_line(
            {"resourceType": "Basic", "id": "b", "text": "\udc0012.5\udc00", "value": Decimal(1)}
        )
