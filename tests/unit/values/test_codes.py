"""Codes are checked strings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trellis_core.errors import InvalidHcpcsError, InvalidIcd10Error, InvalidNpiError
from trellis_core.values.codes import hcpcs, icd10, is_npi, npi
from trellis_core.values.unknown import UNKNOWN


def test_the_standards_worked_example_is_an_npi():
    assert npi("1234567893") == "1234567893"


@pytest.mark.parametrize(
    "text",
    ["1234567890", "123456789", "12345678933", "3234567893", "\uff11234567893", "", " 1234567893"],
)
def test_a_wrong_npi_is_refused(text):
    with pytest.raises(InvalidNpiError):
        npi(text)


@given(st.integers(min_value=100000000, max_value=299999999))
def test_exactly_one_check_digit_makes_an_npi(stem):
    assert sum(is_npi(f"{stem}{digit}") for digit in range(10)) == 1


@pytest.mark.parametrize("text", ["99490", "G0556", "0001F"])
def test_procedure_codes_keep_letters_and_zeroes(text):
    assert hcpcs(text) == text


@pytest.mark.parametrize("text", ["9949", "994900", "g0556", "GG056", ""])
def test_a_wrong_procedure_code_is_refused(text):
    with pytest.raises(InvalidHcpcsError):
        hcpcs(text)


@pytest.mark.parametrize(
    "text", ["I10", "E11.9", "S72.001A", "F84.0", "C7A.00", "Z3A.10", "QA0.0101"]
)
def test_diagnosis_codes_of_every_shape(text):
    assert icd10(text) == text


@pytest.mark.parametrize(
    "text", ["e11.9", "E119", "E11.", "E11.99999", "11.9", "E1", "EE1.9", "QB0.1"]
)
def test_a_wrong_diagnosis_code_is_refused(text):
    with pytest.raises(InvalidIcd10Error):
        icd10(text)


def test_an_unknown_fact_has_no_truth():
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(UNKNOWN)
    assert repr(UNKNOWN) == "UNKNOWN"
