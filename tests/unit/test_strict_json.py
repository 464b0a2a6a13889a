"""Strict JSON: whatever a parser would have to guess about is refused, in bounded time."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis_core.case_file.strict_json import parse, path_text, read_each, shown
from trellis_core.errors import InputRefusedError

ONE = b'{"service_month": "2026-11", "case": %b}'


def refused(data: bytes) -> tuple[str, str]:
    with pytest.raises(InputRefusedError) as caught:
        parse(data)
    assert caught.value.message
    return caught.value.code, caught.value.path


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n\t\r",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf" * 2 + b"{}",
        b"\xff\xfe",
        '{"case": 1}'.encode("utf-16"),
        '{"case": 1}'.encode("utf-16-le"),
        '{"case": 1}'.encode("utf-32"),
        '{"case": "é"}'.encode("latin-1"),
        b'{"case": "\xed\xa0\x80"}',
        b'{"case": "\xc0\x80"}',
        b'{"case": "\xf5\x80\x80\x80"}',
        b"{",
        b"[",
        b"[1,]",
        b"[1 2]",
        b"{'service_month': 1}",
        b'{"service_month": "2026-11",}',
        b'{"service_month": "2026-11"} x',
        b'{"service_month": "2026-11"}\n{"service_month": "2026-12"}',
        b'{"service_month": "2026-11"}\x00',
        b"[] []",
        b"// why\n{}",
        b"\x0b{}",
        b"\xc2\xa0{}",
        b'{"case": "a\x00b"}',
        b'{"case": "a\nb"}',
        b'{"case": "a\\x41"}',
        b'{"case": "a\\u12"}',
        b'{"case": "' + b"\\" * 99_999,
        *(
            ONE % number
            for number in (b"nan", b"inf", b"01", b"+1", b"1.", b".5", b"-", b"0x10", b"1_0", b"1e")
        ),
        ONE % "\uff11".encode(),
    ],
)
def test_what_is_not_json_is_refused_whole(data: bytes) -> None:
    assert refused(data) == ("NOT_JSON", "")


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_a_constant_that_is_no_json_is_refused_where_it_stands(constant: bytes) -> None:
    assert refused(ONE % constant) == ("NOT_JSON", "case")
    assert refused(b"[" + ONE % constant + b"]") == ("NOT_JSON", "[0].case")


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (ONE % b'"a\\u0000"', "case"),
        (ONE % b'"a\\ud83d"', "case"),
        (ONE % b'"\\ude00\\ud83d"', "case"),
        (ONE % b'["x", "\\uDBFF"]', "case[1]"),
        (b'{"a\\u0000b": 1}', ""),
        (b'[{}, {"staff": [{"a\\udc00": 1}]}]', "[1].staff[0]"),
    ],
)
def test_nul_and_lone_surrogates_are_refused_where_they_stand(data: bytes, path: str) -> None:
    assert refused(data) == ("NOT_JSON", path)


def test_a_pair_of_surrogates_and_a_written_backslash_are_texts() -> None:
    assert parse(b'"\\ud83d\\ude00"') == "😀"
    assert parse(b'"\\\\u0000"') == "\\u0000"
    assert parse(b'"\\u0001"') == "\x01"


def test_a_byte_order_mark_is_forgiven() -> None:
    assert parse(b'\xef\xbb\xbf {"a": 1} \n') == {"a": 1}


@pytest.mark.parametrize("depth", [65, 66, 999, 1001, 100_000])
def test_65_levels_are_too_deep(depth: int) -> None:
    assert refused(b"[" * depth + b"]" * depth) == ("TOO_DEEP", "")
    assert refused(b"[" * depth) == ("TOO_DEEP", "")
    assert refused(b'{"a":' * depth + b"1" + b"}" * depth) == ("TOO_DEEP", "")
    assert refused(b'[{"a":' + b"[" * (depth - 2) + b"]" * (depth - 2) + b"}]") == ("TOO_DEEP", "")


def test_64_levels_are_read_and_brackets_within_texts_are_none() -> None:
    assert parse(b"[" * 64 + b"]" * 64)
    assert parse(b'{"a":' * 64 + b"1" + b"}" * 64)
    assert parse(b"[" + b"[]," * 500 + b"[]]")
    assert parse(b'{"a": "' + b"[{" * 100_000 + b'\\"{"}')


@pytest.mark.parametrize(
    "number",
    [
        b"18446744073709551616",
        b"-9223372036854775809",
        b"1e20",
        b"1e400",
        b"-1e400",
        b"1e1000000",
        b"1e99999999999999999999",
        b"1e-99999999999999999999",
        b"9" * 10_000,
        b"1" + b"0" * 500 + b".5",
        b"0." + b"1" * 10_000,
    ],
)
def test_numbers_beyond_64_bits_are_refused_where_they_stand(number: bytes) -> None:
    assert refused(b'[{"entries": [{"seconds": %b}]}]' % number) == (
        "OUT_OF_RANGE",
        "[0].entries[0].seconds",
    )


def test_numbers_are_exact() -> None:
    assert parse(b"[18446744073709551615, -9223372036854775808, -0]") == [2**64 - 1, -(2**63), 0]
    assert parse(b"0.1000000000000000055511151231257827") == Decimal(
        "0.1000000000000000055511151231257827"
    )
    assert isinstance(parse(b"1E2"), Decimal)
    assert isinstance(parse(b"20.0"), Decimal)
    assert parse(b"1e-400") == Decimal("1e-400")


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (b'{"a": 1, "b": 2, "a": 1}', "a"),
        (b'{"case": 1, "\\u0063ase": 2}', "case"),
        (b'[{}, {"month": 1, "patient": {"sex": 1, "id": 2, "sex": 3}}]', "[1].patient.sex"),
        (b'{"a": [{"b": [{"c": 1, "c": 2}]}]}', "a[0].b[0].c"),
    ],
)
def test_a_key_given_twice_is_refused_with_its_path(data: bytes, path: str) -> None:
    assert refused(data) == ("DUPLICATE_KEY", path)


def test_a_refusal_says_where_to_look() -> None:
    with pytest.raises(InputRefusedError, match="at line 2, column 10"):
        parse(b'{"a": 1,\n "b": 2, }')
    with pytest.raises(InputRefusedError, match="line 3, column 1"):
        parse(b"{}\n\nx")


@pytest.mark.parametrize(
    "data",
    [
        b"9" * 20_000_000,
        b"0." + b"9" * 20_000_000,
        b"[" + b",".join([b"9" * 10_000] * 2000) + b"]",
        b"[" * 5_000_000,
        b'{"a":' * 2_000_000,
        b'"' + b"\\" * 10_000_001,
        b"{" + b'"a":1,' * 1_000_000 + b'"a":1}',
        b"\xff" * 20_000_000,
        b'"' + b"\\ud83d" * 1_000_000 + b'"',
    ],
)
def test_a_hostile_document_is_refused(data: bytes) -> None:
    refused(data)


def test_items_are_read_one_at_a_time_and_the_first_refusal_of_json_comes_first() -> None:
    def number(item: object) -> int:
        assert isinstance(item, int)
        if item < 0:
            from trellis_core.case_file.strict_json import RefusedHereError

            raise RefusedHereError("OUT_OF_RANGE", "Below zero.")
        return item

    read = read_each("[1, 2, -3, -4]", number)
    assert (next(read), next(read)) == (1, 2)
    with pytest.raises(InputRefusedError) as caught:
        next(read)
    assert (caught.value.code, caught.value.path) == ("OUT_OF_RANGE", "[2]")
    for broken in ("[1, -3", "[-3, 4 5]", "[-3, NaN]", "[-3] x", "[-3,]"):
        with pytest.raises(InputRefusedError) as caught:
            list(read_each(broken, number))
        assert caught.value.code == "NOT_JSON"
    assert list(read_each(" [ ] ", number)) == []
    assert list(read_each(" 7 ", number)) == [7]


def test_an_inputs_own_text_is_shown_short_and_without_controls() -> None:
    assert shown("rn-1") == "rn-1"
    assert shown("x" * 100_000) == "x" * 40 + "…"
    assert shown("a\x1b[31m\u202e") == "a\\u001b[31m\\u202e"
    assert path_text([1, "staff", 2, "npi"]) == "[1].staff[2].npi"
    assert len(path_text(["x" * 100_000, 3])) < 50


def outcome_of(data: bytes) -> str:
    try:
        parse(data)
    except InputRefusedError as refusal:
        return refusal.code
    return "READ"


CODES = {"NOT_JSON", "TOO_DEEP", "DUPLICATE_KEY", "OUT_OF_RANGE", "READ"}


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert outcome_of(data) in CODES


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='{}[]":,0123456789.eE+-\\u\x00 nultrfas', max_size=60))
def test_any_text_like_json_is_read_or_refused(text: str) -> None:
    assert outcome_of(text.encode()) in CODES


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(json_values, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_what_is_json_is_read_as_it_is(
    value: object, indent: int | str | None, ensure_ascii: bool
) -> None:
    written = json.dumps(value, indent=indent, ensure_ascii=ensure_ascii)
    if "\\u0000" in written:
        return
    assert parse(written.encode("utf-8")) == value
    assert list(read_each(written, lambda item: item)) == (
        value if isinstance(value, list) else [value]
    )
