"""The workbook says what the CSV says, adds its sums, and no cell of it is ever taken for something else."""

import csv
import io
from dataclasses import replace
from decimal import Decimal

import pytest
from openpyxl import load_workbook

from tests.support.superbill_case import CASE, NOVEMBER, crowded
from trellis_core.documents.columns import Column, ColumnKind, lines_table
from trellis_core.documents.entries_csv import ENTRY_COLUMNS, entries_csv
from trellis_core.documents.superbill_csv import superbill_csv
from trellis_core.documents.superbill_xlsx import superbill_xlsx
from trellis_core.errors import InvalidValueError
from trellis_core.superbill import SuperbillStatus


def sheet(bills, name="Lines", **more):
    content = superbill_xlsx(bills, month=NOVEMBER, **more)
    return load_workbook(io.BytesIO(content))[name]


def values(found):
    return [["" if cell is None else cell for cell in row] for row in found.values]


def text_of(value, kind):
    if value == "":
        return ""
    return f"{value:.2f}" if kind is ColumnKind.AMOUNT else str(value)


def test_the_sheet_of_lines_has_the_columns_and_values_of_the_csv():
    bills = [CASE.only(), replace(crowded().only(), number=12, id="sb-2")]
    kinds = lines_table(bills).kinds
    head, *rows = values(sheet(bills))
    said = list(csv.reader(io.StringIO(superbill_csv(bills), newline="")))

    assert head == said[0]
    assert [
        [text_of(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in rows
    ] == said[1:]


def test_codes_and_ids_are_texts_and_amounts_and_counts_are_numbers():
    bill = replace(CASE.with_patient(mrn="0012345678901234567").only(), number=7)
    found = sheet([bill])
    cells = {cell.value: found.cell(2, cell.column) for cell in found[1]}

    for name in ("code", "mrn", "rendering_npi", "superbill_number", "date_of_service"):
        assert (cells[name].data_type, cells[name].number_format) == ("s", "@"), name
    assert cells["mrn"].value == "0012345678901234567"
    assert cells["date_of_service"].value == bill.lines[0].date_of_service.isoformat()
    for name in ("units", "minutes", "allowed"):
        assert cells[name].data_type == "n", name
    assert cells["allowed"].number_format == "0.00"
    assert found.freeze_panes == "A2"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t="])
def test_what_could_be_a_formula_is_a_text_as_in_the_csv(start):
    bill = CASE.with_patient(family_name=f"{start}HYPERLINK(1)").only()
    found = sheet([bill])
    head = [cell.value for cell in found[1]]
    cell = found.cell(2, head.index("last_name") + 1)

    assert (cell.data_type, cell.value) == ("s", f"'{start}HYPERLINK(1)")


def test_the_superbills_have_a_row_each_and_a_row_of_totals():
    first = CASE.only()
    unpriced = replace(
        first, id="sb-2", lines=tuple(replace(line, charge=None) for line in first.lines)
    )
    priced = replace(
        first, lines=tuple(replace(line, charge=Decimal("100.10")) for line in first.lines)
    )
    head, *rows, total = values(sheet([priced, unpriced], "Superbills"))
    last = dict(zip(head, total, strict=True))

    assert [row[0] for row in rows] == [first.id, "sb-2"]
    assert last["superbill_id"] == "Total of 2 superbills"
    assert last["lines"] == 2 * len(first.lines)
    assert last["allowed"] == float(2 * first.allowed_total)
    assert last["charge"] == pytest.approx(100.10 * len(first.lines))
    about = dict(values(sheet([priced, unpriced], "About")))
    assert "1 of 2 superbills have no charge for every line" in about["Amounts"]


def test_a_draft_and_what_it_replaces_are_added_up_once():
    issued = replace(CASE.only(), number=4, status=SuperbillStatus.ISSUED)
    draft = replace(CASE.only(), id="sb-draft", replaces=4)
    head, *rows, total = values(sheet([issued, draft], "Superbills"))

    assert [row[head.index("in_totals")] for row in rows] == ["no", "yes"]
    assert total[head.index("allowed")] == float(draft.allowed_total)


def test_a_month_without_superbills_is_a_workbook_that_says_so():
    assert values(sheet([]))[1:] == []
    assert "Nothing" in dict(values(sheet([], "About")))["Made from"]


def test_the_same_superbills_give_the_same_bytes():
    bills = [CASE.only()]
    assert superbill_xlsx(bills, month=NOVEMBER) == superbill_xlsx(bills, month=NOVEMBER)


def test_a_profile_lays_the_lines_out_and_is_named():
    columns = (Column(heading="CPT", field="code"), Column(heading="From", constant="Trellis"))
    bill = CASE.only()
    assert values(sheet([bill], columns=columns, profile="Ours")) == [
        ["CPT", "From"],
        *([line.code, "Trellis"] for line in bill.lines),
    ]
    about = dict(values(sheet([bill], "About", columns=columns, profile="Ours")))
    assert about["Column profile"] == "Ours"


@pytest.mark.parametrize(("length", "fits"), [(32_767, True), (32_768, False)])
def test_a_text_that_no_cell_holds_is_refused_and_not_cut(length, fits):
    columns = (Column(heading="Long", constant="x" * length),)
    if fits:
        assert values(sheet([CASE.only()], columns=columns))[1] == ["x" * length]
    else:
        with pytest.raises(InvalidValueError, match="Shorten"):
            superbill_xlsx([CASE.only()], month=NOVEMBER, columns=columns)


def entry_rows(bill):
    return list(csv.DictReader(io.StringIO(entries_csv([bill]), newline="")))


def test_every_entry_has_a_row_with_what_counted_and_why_not():
    bill = replace(CASE.only(), number=7)
    rows = {row["entry_id"]: row for row in entry_rows(bill)}

    assert list(rows) == [entry.entry_id for entry in bill.time]
    counted, clerk = rows["t1"], rows["t4"]
    assert (counted["minutes"], counted["seconds"], counted["counted"]) == ("20", "1230", "yes")
    assert (clerk["counted_seconds"], clerk["counted"]) == ("0", "no")
    assert clerk["why_not"]
    assert (counted["superbill_number"], counted["receipt_code"]) == ("7", "7abbf6e2")
    assert counted["date"] == "2026-11-03"
    assert "Secret words" not in entries_csv([bill])


def test_what_was_not_kept_about_an_entry_is_empty_and_not_no():
    bill = CASE.only()
    older = replace(bill.time[0], mode="", recorded_at=None, is_late=False)
    half = replace(bill.time[1], counted_seconds=bill.time[1].seconds - 1, is_late=True)
    old, new = entry_rows(replace(bill, time=(older, half)))

    assert (old["mode"], old["late"], old["recorded_at"]) == ("", "", "")
    assert (new["late"], new["counted"]) == ("yes", "partly")
    assert tuple(old) == ENTRY_COLUMNS
