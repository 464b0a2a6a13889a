"""Allowed amounts: every published amount comes out to the cent, and nothing else comes out."""

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from trellis_core.care.vocabulary import Setting
from trellis_core.errors import UnknownLocalityError
from trellis_core.rules.amounts import AmountTables, PartBItem
from trellis_core.rules.rulebook import load_rule_book

IN_2026 = date(2026, 6, 30)


@pytest.fixture(scope="module")
def amounts() -> AmountTables:
    return load_rule_book().amounts


def published() -> Iterator[tuple[str, date, Setting, bool, Decimal | None]]:
    with (Path(__file__).parent / "published_amounts.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield (
                row["code"],
                date.fromisoformat(row["on"]),
                Setting(row["setting"]),
                row["qualifying_apm"] == "yes",
                Decimal(row["allowed"]) if row["allowed"] else None,
            )


def amount(tables: AmountTables, code: str, on: date = IN_2026, **options: object) -> str | None:
    found = tables.allowed(code, on=on, **options)
    return None if found is None else str(found.amount)


def test_every_published_amount_comes_out_to_the_cent(amounts: AmountTables) -> None:
    rows = list(published())
    assert len(rows) > 400
    wrong = []
    for code, on, setting, qualifying, expected in rows:
        found = amounts.allowed(code, on=on, setting=setting, qualifying_apm=qualifying)
        if (found.amount if found else None) != expected:
            wrong.append((code, on, setting, qualifying, expected, found))
    assert wrong == []


def test_99490_in_each_period_and_setting(amounts: AmountTables) -> None:
    assert amount(amounts, "99490") == "66.13"
    assert amount(amounts, "99490", setting=Setting.FACILITY) == "43.76"
    assert amount(amounts, "99490", qualifying_apm=True) == "66.46"
    assert amount(amounts, "99490", date(2025, 12, 31)) == "60.49"
    assert amount(amounts, "99490", date(2025, 12, 31), qualifying_apm=True) == "60.49"
    assert amount(amounts, "99490", date(2024, 3, 1)) == "61.56"
    assert amount(amounts, "99490", date(2024, 3, 8)) == "61.56"
    assert amount(amounts, "99490", date(2024, 3, 9)) == "62.58"


def test_wisconsin_matches_eight_published_local_amounts(amounts: AmountTables) -> None:
    wanted = {
        "99492": "153.19",
        "99493": "138.71",
        "99494": "58.72",
        "99484": "55.04",
        "G2214": "58.01",
        "G0568": "154.25",
        "G0569": "139.45",
        "G0570": "55.36",
    }
    assert {code: amount(amounts, code, state="WI", locality="00") for code in wanted} == wanted


def test_the_lowest_and_the_highest_locality(amounts: AmountTables) -> None:
    assert amount(amounts, "99490", state="AR", locality="13") == "60.71"
    assert amount(amounts, "99490", state="AK", locality="01") == "83.76"
    everywhere = [
        amounts.allowed("99490", on=IN_2026, state=each.state, locality=each.number)
        for each in amounts.localities(on=IN_2026)
    ]
    assert len(everywhere) == 109
    found = sorted(each.amount for each in everywhere if each is not None)
    assert (found[0], found[-1]) == (Decimal("60.71"), Decimal("83.76"))


def test_the_years_meet_without_a_gap_and_end_with_2026(amounts: AmountTables) -> None:
    assert amount(amounts, "99490", date(2023, 12, 31)) is None
    assert amount(amounts, "99490", date(2024, 1, 1)) == "61.56"
    assert amount(amounts, "99490", date(2024, 12, 31)) == "62.58"
    assert amount(amounts, "99490", date(2025, 1, 1)) == "60.49"
    assert amount(amounts, "99490", date(2026, 1, 1)) == "66.13"
    assert amounts.last_priced_day == date(2026, 12, 31)
    assert amount(amounts, "99490", date(2026, 12, 31)) == "66.13"
    assert amount(amounts, "99490", date(2027, 1, 1)) is None


def test_codes_without_an_amount_have_none(amounts: AmountTables) -> None:
    assert amount(amounts, "98978") is None  # the contractor prices it
    assert amount(amounts, "99454", setting=Setting.FACILITY) is None  # not paid there
    assert amount(amounts, "99999") is None
    assert "98978" in amounts.codes
    assert "99999" not in amounts.codes
    assert amount(amounts, "G0568", date(2025, 12, 31)) is None


def test_2024_has_national_amounts_only(amounts: AmountTables) -> None:
    assert amount(amounts, "99490", date(2024, 6, 30), state="NY", locality="01") is None
    assert amount(amounts, "99490", date(2024, 6, 30), state="NY") == "62.58"
    with pytest.raises(UnknownLocalityError):
        amounts.allowed("99490", on=date(2024, 6, 30), state="NY", locality="77")


def test_an_unknown_locality_is_refused_whatever_the_code(amounts: AmountTables) -> None:
    with pytest.raises(UnknownLocalityError, match="No Medicare locality NY 77 in the 2026 table"):
        amounts.allowed("99490", on=IN_2026, state="NY", locality="77")
    with pytest.raises(UnknownLocalityError):
        amounts.allowed("99999", on=IN_2026, state="ZZ", locality="01")
    assert amounts.has_locality("NY", "01")
    assert not amounts.has_locality("NY", "1")


def test_an_amount_says_how_it_came_about(amounts: AmountTables) -> None:
    national = amounts.allowed("99490", on=IN_2026)
    assert national is not None
    assert national.formula == "1.98 RVU x 33.4009 = 66.13"
    assert (national.schedule, national.release, national.locality) == (
        "medicare-2026",
        "RVU26C",
        None,
    )
    local = amounts.allowed("99490", on=IN_2026, state="WI", locality="00")
    assert local is not None
    assert local.locality == "WI-00"
    assert local.formula == (
        "(1.00 work x 1.000 + 0.91 practice expense x 0.958 + 0.07 malpractice x 0.308)"
        " x 33.4009 = 63.24"
    )


def test_every_total_is_the_sum_of_its_parts() -> None:
    for table in load_rule_book().tables:
        for row in table.rows:
            if row.get("total_nonfac_rvu"):
                outside = [row["work_rvu"], row["nonfac_pe_rvu"], row["mp_rvu"]]
                inside = [row["work_rvu"], row["fac_pe_rvu"], row["mp_rvu"]]
                assert sum(map(Decimal, outside)) == Decimal(row["total_nonfac_rvu"]), row
                assert sum(map(Decimal, inside)) == Decimal(row["total_fac_rvu"]), row


def test_counties_lead_to_localities_that_exist(amounts: AmountTables) -> None:
    keys = {each.key for each in amounts.localities(on=IN_2026)}
    assert keys == {each.key for each in amounts.localities(on=date(2025, 6, 30))}
    assert {f"{each.locality_state}-{each.locality}" for each in amounts.counties} == keys
    assert amounts.localities(on=date(2024, 6, 30)) == ()


def test_unit_caps_are_dated_and_say_how_old_they_are() -> None:
    caps = load_rule_book().unit_caps
    units = {
        code: cap.units
        for code in (
            "99490",
            "99439",
            "99437",
            "99425",
            "99427",
            "99494",
            "99489",
            "99484",
            "G2214",
        )
        if (cap := caps(code, date(2026, 11, 30)))
    }
    assert units == {
        "99490": 1,
        "99439": 2,
        "99437": 2,
        "99425": 2,
        "99427": 2,
        "99494": 4,
        "99489": 10,
        "99484": 1,
        "G2214": 1,
    }
    first = date(2024, 7, 1)
    assert caps("99439", first - timedelta(days=1)) is None
    of_the_day = caps("99439", first)
    assert of_the_day is not None
    assert (of_the_day.effective, of_the_day.note, of_the_day.mai) == (first, "", "2")
    last = caps("99439", date(2024, 9, 30))
    assert last is not None
    assert last.note == ""
    later = caps("99439", date(2024, 10, 1))
    assert later is not None
    assert later.note == ("Table of 2024-07-01, newest on file, 3 months old on 2024-10-01.")
    assert caps("G0556", date(2026, 11, 30)) is None


def test_pair_edits_answer_in_either_order_while_they_last() -> None:
    pair = load_rule_book().coding_edits.pair_edit
    on = date(2026, 11, 30)
    edit = pair("99490", "99491", on)
    assert edit is not None
    assert (edit.column1, edit.modifier_indicator) == ("99491", "0")
    assert pair("99491", "99490", on) == edit
    assert pair("99495", "99490", on) is None  # deleted
    assert pair("99490", "G0556", on) is None
    assert pair("99490", "99491", date(2024, 6, 30)) is None


def test_part_b_figures_are_dated() -> None:
    value = load_rule_book().part_b.value
    assert value(PartBItem.ANNUAL_DEDUCTIBLE, on=date(2025, 12, 31)) == Decimal("257.00")
    assert value(PartBItem.ANNUAL_DEDUCTIBLE, on=date(2026, 1, 1)) == Decimal("283.00")
    assert value(PartBItem.ANNUAL_DEDUCTIBLE, on=date(2027, 1, 1)) is None
    assert value(PartBItem.COINSURANCE, on=date(2026, 6, 30)) == Decimal("0.20")
    assert value(PartBItem.SEQUESTRATION, on=date(2026, 6, 30)) == Decimal("0.02")


def test_no_table_ships_a_descriptor() -> None:
    columns = {column for table in load_rule_book().tables for row in table.rows for column in row}
    assert not {column for column in columns if "descr" in column.lower()}
