"""Files in CMS's layout for a year that is not published: the last year's numbers, moved by the test.

Every number of 2027 here is a test's own. None was published.
"""

import csv
import io
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Final

from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.medicare_year import MedicareYear

FACTOR: Final = Decimal("34.0000")
QUALIFYING: Final = Decimal("34.1000")
URL: Final = "https://www.cms.gov/test-files-of-no-year"

_SPLIT: Final = (
    ["", "", "", "", "NOT USED FOR", "", "", "NON-FAC", "", "", "", "", "", "", "", ""],
    ["", "", "", "STATUS", "MEDICARE", "WORK", "NON-FAC", "NA", "FACILITY", "NA", "MP",
     "NON-FACILITY", "FACILITY", "PCTC", "GLOB", "CONV"],
    ["HCPCS", "MOD", "DESCRIPTION", "CODE", "PAYMENT", "RVU", "PE RVU", "INDICATOR", "PE RVU",
     "INDICATOR", "RVU", "TOTAL", "TOTAL", "IND", "DAYS", "FACTOR"],
)  # fmt: skip
_ONE_LINE: Final = (
    ["HCPCS", "MOD", "DESCRIPTION", "STATUS CODE", "NOT USED FOR MEDICARE PAYMENT", "WORK RVU",
     "NON-FAC PE RVU", "NON-FAC NA INDICATOR", "FACILITY PE RVU", "FACILITY NA INDICATOR", "MP RVU",
     "TOTAL NON-FAC", "TOTAL FAC", "PCTC IND", "GLOB DAYS", "CONV FACTOR"],
)  # fmt: skip
SECRET: Final = "A description that must not be kept \u2013 quoted"


def table(name: str) -> list[dict[str, str]]:
    """Return a shipped table's rows."""
    return list(csv.DictReader(io.StringIO(load_rule_book().files[f"tables/{name}.csv"])))


def _text(rows: Collection[Collection[str]], encoding: str, line_end: str) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=line_end).writerows(rows)
    return out.getvalue().encode(encoding)


def relative_values(
    *,
    year: int = 2027,
    without: Collection[str] = (),
    cells: Mapping[tuple[str, str], str] | None = None,
    is_split: bool = True,
    factor: str = "34.0000",
    encoding: str = "cp1252",
    line_end: str = "\r\n",
    more: Collection[Collection[str]] = (),
) -> bytes:
    """Return a file like PPRRVU with the codes of 2026; ``cells`` changes some, by code and column."""
    rows: list[list[str]] = [
        ["", "", f"{year} National Physician Fee Schedule Relative Value File January Release"],
        ["", "", "Released 12/29/2026 RVU27A"],
        ["", "", "Descriptions only are copyright 2025 of somebody."],
        *(_SPLIT if is_split else _ONE_LINE),
    ]
    for shipped in table("rvu_2026"):
        code = shipped["code"]
        if code in without:
            continue
        row = shipped | {name: text for (of, name), text in (cells or {}).items() if of == code}
        rows.append(
            [
                code, "", SECRET, row["status"], "", row["work_rvu"] or "0.00",
                row["nonfac_pe_rvu"] or "0.00", "", row["fac_pe_rvu"] or "0.00", row["fac_na_indicator"],
                row["mp_rvu"] or "0.00", row["total_nonfac_rvu"] or "0.00",
                row["total_fac_rvu"] or "0.00", "0", row["global_days"], row.get("factor", factor),
            ]
        )  # fmt: skip
    rows += [
        ["99490", "26", SECRET, "A", "", "9.99", *[""] * 9, factor],
        ["00000", "", SECRET, "A", "", "not a number", *[""] * 9, factor],
        *(list(each) for each in more),
    ]
    return _text(rows, encoding, line_end)


def indices(
    *,
    year: int = 2027,
    without: Collection[str] = (),
    columns: Collection[str] = ("without", "with"),
    cells: Mapping[tuple[str, str], str] | None = None,
    more: Collection[Collection[str]] = (),
    notes: bool = True,
) -> bytes:
    """Return a file like the GPCI file, with the localities of 2026 and the floor as ``columns`` say."""
    work = {
        "without": f"{year} PW GPCI (without 1.0 Floor)",
        "with": f"{year} PW GPCI (with 1.0 Floor)",
        "plain": f"{year} PW GPCI",
    }
    rows: list[list[str]] = [
        [f"ADDENDUM E. FINAL CY {year} GEOGRAPHIC PRACTICE COST INDICES (GPCIs)"],
        [],
        ["Medicare Administrative Contractor (MAC)", "State", "Locality Number", "Locality Name",
         *(work[each] for each in columns), f"{year} PE GPCI", f"{year} MP GPCI"],
    ]  # fmt: skip
    for row in table("gpci_2026"):
        key = f"{row['state']}-{row['locality']}"
        if key in without:
            continue
        row |= {name: text for (of, name), text in (cells or {}).items() if of == key}
        value = {
            "without": row["work_gpci_without_floor"],
            "with": row["work_gpci"],
            "plain": row["work_gpci"],
        }
        rows.append(
            [row["mac"].lstrip("0"), row["state"], str(int(row["locality"])), f"{row['name']}*",
             *(value[each] for each in columns), row["pe_gpci"], row["mp_gpci"]]
        )  # fmt: skip
    rows += [list(each) for each in more]
    if notes:
        rows += [[], ["* A note below the rows, with a comma."]]
    return b"\xef\xbb\xbf" + _text(rows, "utf-8", "\n")


def year_2027(**changes: object) -> MedicareYear:
    """Return a year's files with everything that is said with them."""
    given: dict[str, object] = {
        "year": 2027,
        "relative_values": relative_values(),
        "indices": indices(),
        "conversion_factor": FACTOR,
        "qualifying_factor": QUALIFYING,
        "url": URL,
    }
    return MedicareYear(**(given | changes))  # type: ignore[arg-type]
