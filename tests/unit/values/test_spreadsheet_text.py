"""No text of a CSV runs in a spreadsheet, and no number turns into text."""

import ast
import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trellis_core.values.ids import derived_entry_id, new_entry_id, new_id
from trellis_core.values.spreadsheet_text import csv_text, safe_text

ROOT = Path(__file__).parents[3]
STARTS = [
    "=", "+", "-", "@", "\t", "\r", "\n", "\x00", "\uff1d", "\uff0b", "\uff0d", "\uff20",
    " =", "\t=", "  +", "\x00=", "\u00a0@", "\r\n=",
]  # fmt: skip


@pytest.mark.parametrize("start", STARTS)
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(start):
    assert safe_text(f"{start}1+1") == f"'{start}1+1".replace("\x00", "")


@pytest.mark.parametrize(
    "words", ["", "99490", "a=1", "O'Brien", "'=1", "(1)", "2026-11-30", " Ada", "\u200f=1", "#N/A"]
)
def test_any_other_text_stays_as_it_is(words):
    assert safe_text(words) == words


def test_numbers_stay_numbers_and_nothing_stays_nothing():
    rows = [(-20, Decimal("-66.13"), None, "-20", Decimal("1E-7"), 0)]
    assert csv_text(rows) == "-20,-66.13,,'-20,0.0000001,0\r\n"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_a_table_read_back_has_the_same_cells_and_none_that_runs(words):
    (found,) = csv.reader(io.StringIO(csv_text([words]), newline=""), strict=True)
    assert found == [safe_text(each) for each in words]
    for cell in found:
        assert not cell.lstrip().startswith(("=", "+", "-", "@"))
        assert not cell.startswith(("\t", "\r", "\n"))


def test_ids_never_begin_with_what_would_be_changed():
    for made in (new_id("pt"), new_entry_id(), derived_entry_id("a", "reversal")):
        assert safe_text(made) == made
        assert made[0].isalnum()


def test_every_csv_that_leaves_is_written_here():
    """Whoever writes CSV elsewhere could forget the rule."""
    writers = {"writer", "DictWriter", "to_csv"}
    found = [
        str(path.relative_to(ROOT))
        for folder in ("trellis_core", "pages")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in writers
        and (node.attr == "to_csv" or ast.unparse(node.value) == "csv")
    ]
    assert found == ["trellis_core/values/spreadsheet_text.py"]
