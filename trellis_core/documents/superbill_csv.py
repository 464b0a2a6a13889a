"""Superbill lines as CSV, one row for each claim line, for practice-management systems.

The first columns and their order are a contract; more may follow, none is ever removed.
"""

from collections.abc import Sequence

from trellis_core.documents.columns import EVERY_COLUMN, Column, lines_table
from trellis_core.superbill import Superbill
from trellis_core.values.spreadsheet_text import csv_text


def superbill_csv(superbills: Sequence[Superbill], columns: Sequence[Column] = EVERY_COLUMN) -> str:
    """Write superbills' lines as CSV, RFC 4180: comma, double quotes, CR LF.

    Codes are text, days are ISO 8601, amounts have two decimals.

    Args:
        superbills: In the order of the rows.
        columns: Another system's columns; those of the contract where nobody chose.
    """
    table = lines_table(superbills, columns)
    return csv_text([table.headings, *table.rows])
