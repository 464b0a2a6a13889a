"""The ICD-10-CM table that ships with Trellis: what it says about itself, and what is found in it."""

import gzip
from datetime import date
from pathlib import Path

import pytest

from trellis_core.values import icd10_table
from trellis_core.values.codes import icd10

FILE = Path(icd10_table.__file__).parent / "tables" / "icd10cm.tsv.gz"


@pytest.fixture(scope="module")
def rows():
    with gzip.open(FILE, "rt", encoding="utf-8", newline="\n") as file:
        return [line.rstrip("\n").split("\t") for line in file]


def test_the_table_is_the_one_that_its_facts_describe(rows):
    told = icd10_table.about()
    assert told.sha256 == icd10_table.digest()
    assert told.codes == len(rows)
    assert told.billable == sum(kind == "+" for _, kind, _ in rows) == 74_719
    assert (told.release, told.in_force_since) == ("April 2026", date(2026, 4, 1))
    assert told.built_on >= told.in_force_since
    assert told.made_from == "simple-icd-10-cm 1.5.0"


def test_every_code_is_one_in_form_and_stands_in_order(rows):
    codes = [code for code, _, _ in rows]
    assert codes == sorted(set(codes))
    assert all(icd10(code) for code in codes)


def test_codes_are_found_wherever_they_stand(rows):
    for code, kind, title in [rows[0], *rows[1::997], rows[-1]]:
        found = icd10_table.lookup(code)
        assert found is not None
        assert (found.code, found.title, found.is_billable) == (code, title, kind == "+")


@pytest.mark.parametrize(
    "code", ["E11.99", "A", "Z99.9999", "", "e11.9", "E119", "A00.", "ZZZ", "É11"]
)
def test_what_is_no_code_of_the_table_is_not_found(code):
    assert icd10_table.lookup(code) is None


@pytest.mark.parametrize(
    ("heading", "first", "count"),
    [
        ("I12", ["I12.0", "I12.9"], 2),
        ("E11.0", ["E11.00", "E11.01"], 2),
        ("S72.001", ["S72.001A", "S72.001B"], 16),
        ("W00", ["W00.0", "W00.1"], 4),
        ("I10", [], 0),
    ],
)
def test_a_heading_shows_the_codes_one_step_below(heading, first, count):
    below = [each.code for each in icd10_table.children(heading)]
    assert below[: len(first)] == first
    assert len(below) == count


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("e11", "E11"),
        ("E119", "E11.9"),
        ("qa0.0101", "QA0.0101"),
        (" hypertension ", "I10"),
        ("heart fail", "I50.9"),
        ("Ménière left", "H81.02"),
        ("meniere left", "H81.02"),
        ("failure, HEART", "I50.9"),
    ],
)
def test_a_search_finds_codes_and_words(text, first):
    assert icd10_table.search(text)[0].code == first


@pytest.mark.parametrize("text", ["", "a", "zzzz", "Z99.99999", "日本", "--", "ypertension"])
def test_a_search_that_finds_nothing_returns_nothing(text):
    assert icd10_table.search(text) == ()


def test_a_search_gives_no_more_than_it_was_asked_for_and_each_code_once():
    found = icd10_table.search("encounter right", limit=7)
    assert len(found) == len({each.code for each in found}) == 7
    assert all(each.is_billable for each in found)
    assert len(icd10_table.search("E11", limit=3)) == 3
