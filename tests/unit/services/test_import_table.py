"""A CSV of any practice system as a table: encodings, separators, and files that are none."""

from itertools import product

import pytest

from trellis_core.case_file import csv_table
from trellis_core.case_file.csv_table import MAX_BYTES, MAX_COLUMNS, MAX_ROWS, read_table
from trellis_core.errors import InputRefusedError

TEXT = 'Chart #,Last Name,Street\r\n007,Niño,"12 Oak, ""B""\r\nRear"\r\n\r\n008,=SUM(1),x\r\n'
ROWS = [(2, ("007", "Niño", '12 Oak, "B"\r\nRear')), (4, ("008", "=SUM(1)", "x"))]


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
        ("utf-32-le", b"\xff\xfe\x00\x00"),
        ("windows-1252", b""),
    ],
)
def test_a_file_is_read_in_its_encoding_and_quoted_line_ends_stay(encoding, mark):
    table = read_table(mark + TEXT.encode(encoding))
    assert table.encoding == encoding
    assert table.headings == ("Chart #", "Last Name", "Street")
    assert [(row.number, row.cells) for row in table.rows] == ROWS


def test_separator_and_line_ends_are_found_out():
    for separator, end, is_said in product(",;\t|", ("\r\n", "\n", "\r"), (False, True)):
        lines = [separator.join(row) for row in (("MRN", "Name"), ("1", "a"), ("2", "b"))]
        begin = f"sep={separator}{end}" if is_said else ""
        table = read_table((begin + end.join(lines)).encode())
        assert (table.separator, table.headings) == (separator, ("MRN", "Name"))
        assert [row.cells for row in table.rows] == [("1", "a"), ("2", "b")]


def test_headings_are_different_and_a_ragged_row_has_no_cells():
    table = read_table(b"a,,a,\n1,2,3,,\n1,2\n1,2,3,4,5\n9,9,9\n")
    assert table.headings == ("a", "Column 2", "a (column 3)")
    assert [(row.number, row.cells, row.found) for row in table.rows] == [
        (2, ("1", "2", "3"), 5),
        (3, (), 2),
        (4, (), 5),
        (5, ("9", "9", "9"), 3),
    ]


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "EMPTY", "empty"),
        (b"\xef\xbb\xbf \r\n,,\r\n", "EMPTY", "empty"),
        (b"MRN,Name\r\n\r\n", "NO_ROWS", "no row under it"),
        (b"PK\x03\x04....", "NOT_CSV", "Excel workbook"),
        (b"%PDF-1.7", "NOT_CSV", "PDF"),
        (b"a,b\n1,\x012\n", "NOT_CSV", "not a text file"),
        (b"a,b\n\x81\x8d,\xff\n1,2\n", "NOT_CSV", "not a text file"),
        (b"a\x00b,c\n1,2\n" * 3, "NOT_CSV", "not a text file"),
        ("a,b\n1,Niñ".encode()[:-1], "TRUNCATED", "middle of a character"),
        ("a,b\n1,Nin".encode("utf-16")[:-1], "TRUNCATED", "middle of a character"),
        (b'a,b\n1,2\n3,"four', "TRUNCATED", "row 3"),
        (b"a,b,c\n1,2,3\n4,5", "TRUNCATED", "row 3"),
        (b'a,b\n1,"x"y\n', "NOT_CSV", "Row 2"),
        (b'a,b\n1,"' + b"x" * 140_000 + b'"\n', "TOO_LARGE", "row 2"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_a_sentence(content, code, words):
    with pytest.raises(InputRefusedError) as refused:
        read_table(content)
    assert (refused.value.code, refused.value.path) == (code, "")
    assert words in refused.value.message


def test_limits_hold_on_both_sides(monkeypatch):
    assert (MAX_BYTES, MAX_ROWS, MAX_COLUMNS) == (20 * 1024 * 1024, 50_000, 500)
    wide = ",".join(f"c{number}" for number in range(MAX_COLUMNS))
    assert len(read_table(f"{wide}\n{wide}\n".encode()).headings) == MAX_COLUMNS
    with pytest.raises(InputRefusedError, match="501 columns"):
        read_table(f"{wide},more\n1\n".encode())
    monkeypatch.setattr(csv_table, "MAX_ROWS", 3)
    assert len(read_table(b"a\n1\n2\n3\n").rows) == 3
    with pytest.raises(InputRefusedError, match="4 rows"):
        read_table(b"a\n1\n2\n3\n4\n")
    monkeypatch.setattr(csv_table, "MAX_BYTES", 6)
    assert read_table(b"a\n1\n2\n").rows
    with pytest.raises(InputRefusedError, match="20 MB"):
        read_table(b"a\n1\n22\n")
