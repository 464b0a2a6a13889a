"""A year of Medicare tables: read in CMS's layout, loaded whole, priced to the day, kept by closes.

Every number of 2027 here is the test's own; none was published.
"""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import select

from tests.support import medicare_files as files
from tests.support.medicare_files import SECRET, URL, indices, relative_values, table, year_2027
from tests.support.month_case import MonthCase
from tests.support.small_panel import counted_statements
from trellis_core.access import AccessRole
from trellis_core.cli import main
from trellis_core.errors import CommandRefusedError, NotFoundError, RuleBookFormatError, StoreError
from trellis_core.rules.published import TableText
from trellis_core.rules.rulebook import RuleBook, load_rule_book
from trellis_core.services import medicare_cells
from trellis_core.services.billing import superbills
from trellis_core.services.medicare_files import read_indices, read_relative_values
from trellis_core.services.medicare_tables import (
    load_medicare,
    medicare_tables_on_file,
    preview_medicare,
    remove_medicare,
)
from trellis_core.services.medicare_year import MedicareYear
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.services.replays import replay
from trellis_core.services.rule_books import rule_book_in_force
from trellis_core.store.engine import Store
from trellis_core.store.tables import MedicareTableRow, PracticeRow, SiteRow, StaffRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

JANUARY = ServiceMonth(2027, 1)
AFTER_JANUARY = datetime(2027, 2, 1, 14, tzinfo=UTC)
KNOWN = load_rule_book().amounts.codes


@pytest.fixture
def case(store: Store) -> MonthCase:
    return MonthCase(store, clock=FixedClock(AFTER_JANUARY))


def services(case: MonthCase) -> dict[str, Any]:
    return {"store": case.store, "actor": case.actor(AccessRole.OWNER), "clock": case.clock}


def book(case: MonthCase) -> RuleBook:
    return rule_book_in_force(case.store, case.practice_id)


def amount(of: RuleBook, on: date, code: str = "99490", **more: Any) -> Decimal | None:
    found = of.amounts.allowed(code, on=on, **more)
    return None if found is None else found.amount


def refusal(case: MonthCase, given: MedicareYear) -> CommandRefusedError:
    with pytest.raises(CommandRefusedError) as refused:
        load_medicare(given, **services(case))
    with case.store.reading() as unit:
        assert unit.session.exec(select(MedicareTableRow)).first() is None
    return refused.value


# --- the files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        relative_values(),
        relative_values(is_split=False, encoding="utf-8", line_end="\n"),
        relative_values(is_split=False, line_end="\r"),
        load_rule_book().files["tables/rvu_2026.csv"].encode(),
    ],
    ids=["split heading, cp1252", "one heading, UTF-8", "carriage returns", "Trellis's own form"],
)
def test_relative_values_read_in_every_form_and_no_description_is_kept(content):
    found = read_relative_values(content, year=2027, known=KNOWN)
    shipped = {row["code"]: row for row in table("rvu_2026")}
    assert found.rows.keys() == shipped.keys()
    for code, row in found.rows.items():
        if row["status"] == "A":
            assert row == shipped[code], code
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("columns", "with_floor", "alabama", "words"),
    [
        (("without", "with"), None, "1.000", "the file has both"),
        (("without", "with"), True, "1.000", "the file has both"),
        (("without", "with"), False, "0.988", "as chosen"),
        (("with",), None, "1.000", "the file's only ones"),
        (("without",), None, "0.988", "without the floor of 1.0, the file's only ones"),
        (("plain",), None, "1.000", "names no floor"),
        (("plain",), False, "1.000", "names no floor"),
    ],
)
def test_indices_with_and_without_the_floor(columns, with_floor, alabama, words):
    found = read_indices(indices(columns=columns), year=2027, with_floor=with_floor)
    assert len(found.rows) == len(table("gpci_2026"))
    assert found.rows["AL-00"]["work_gpci"] == alabama
    assert found.rows["AL-00"]["mac"] == "10112"
    assert found.rows["AK-01"]["name"] == "ALASKA"
    assert words in found.floor


def wrong_values(**more: Any) -> MedicareYear:
    return year_2027(relative_values=relative_values(**more))


def wrong_indices(**more: Any) -> MedicareYear:
    return year_2027(indices=indices(**more))


REFUSED: dict[str, tuple[MedicareYear, str, str]] = {
    "no heading": (year_2027(relative_values=b"a,b\n1,2\n"), "NO_HEADING", "HCPCS"),
    "a workbook": (year_2027(indices=b"PK\x03\x04more"), "NOT_CSV", "Unpack"),
    "no text": (year_2027(indices=b"State\x00"), "NOT_CSV", "no CSV"),
    "a column": (
        year_2027(relative_values=relative_values(is_split=False).replace(b"WORK RVU", b"WORK")),
        "COLUMNS_MISSING",
        "work_rvu",
    ),
    "no work index": (
        year_2027(indices=indices(columns=("plain",)).replace(b"PW GPCI", b"PW")),
        "COLUMNS_MISSING",
        "work_gpci",
    ),
    "another year's values": (wrong_values(year=2026), "OTHER_YEAR", "2026"),
    "another year's indices": (wrong_indices(year=2026), "OTHER_YEAR", "2026"),
    "a base code": (wrong_values(without=["99490", "99439"]), "CODES_ABSENT", "99439, 99490"),
    "no code at all": (
        wrong_values(without=[row["code"] for row in table("rvu_2026")]),
        "NO_ROWS",
        "none of the codes",
    ),
    "a word for a number": (
        wrong_values(cells={("99490", "work_rvu"): "one"}),
        "NUMBER_WRONG",
        "work_rvu of 99490",
    ),
    "a sign": (wrong_values(cells={("99490", "mp_rvu"): "-0.07"}), "NUMBER_WRONG", "mp_rvu"),
    "a wrong total": (
        wrong_values(cells={("99490", "total_fac_rvu"): "1.34"}), "TOTAL_WRONG", "99490",
    ),
    "no status": (wrong_values(cells={("99490", "status"): ""}), "STATUS_MISSING", "99490"),
    "a code twice": (
        wrong_values(more=[["99490", "", "", "A", "", *["1"] * 11]]), "CODE_TWICE", "99490",
    ),
    "the factor beside them": (wrong_values(factor="34.0001"), "FACTOR_DISAGREES", "34.0001"),
    "the qualifying file": (wrong_values(factor="34.1000"), "FACTOR_DISAGREES", "nonQPP"),
    "a locality": (wrong_indices(without=["WY-21"]), "LOCALITIES_ABSENT", "WY-21 WYOMING"),
    "a locality twice": (
        wrong_indices(more=[["1", "WY", "21", "AGAIN", "1", "1", "1", "1"]]),
        "LOCALITY_TWICE",
        "WY-21",
    ),
    "no state": (
        wrong_indices(more=[["1", "Wyoming", "22", "MORE", "1", "1", "1", "1"]]),
        "LOCALITY_WRONG",
        "row",
    ),
    "an index of 0": (wrong_indices(cells={("WY-21", "pe_gpci"): "0"}), "NUMBER_WRONG", "WY-21"),
    "no floor there": (
        replace(wrong_indices(columns=("without",)), with_floor=True), "NO_SUCH_COLUMN", "floor",
    ),
    "only the floor": (
        replace(wrong_indices(columns=("with",)), with_floor=False), "NO_SUCH_COLUMN", "floor",
    ),
    "no locality": (
        wrong_indices(without=[f"{r['state']}-{r['locality']}" for r in table("gpci_2026")]),
        "NO_ROWS",
        "no locality",
    ),
    "a shipped year": (replace(year_2027(), year=2026), "YEAR_SHIPPED", "2026"),
    "a year between": (
        year_2027(year=2028, relative_values=relative_values(year=2028), indices=indices(year=2028)),
        "YEAR_AHEAD",
        "Load 2027 before 2028",
    ),
    "no address": (year_2027(url="cms.gov"), "SOURCE_WRONG", "https://"),
    "a long release": (year_2027(release="R" * 61), "RELEASE_WRONG", "60"),
    "a day ahead": (year_2027(retrieved=date(2027, 2, 2)), "RETRIEVED_WRONG", "ahead"),
    "no factor": (year_2027(conversion_factor=Decimal(0)), "FACTOR_WRONG", "above 0"),
    "no number": (year_2027(conversion_factor=Decimal("NaN")), "FACTOR_WRONG", "above 0"),
}  # fmt: skip


def test_what_cannot_be_used_is_refused_as_a_whole_and_says_what_and_where(case, monkeypatch):
    for name, (given, code, words) in REFUSED.items():
        refused = refusal(case, given)
        assert (refused.code, words in str(refused)) == (code, True), (name, str(refused))
        assert SECRET not in str(refused)
    monkeypatch.setattr(medicare_cells, "MAX_BYTES", len(relative_values()) - 1)
    assert refusal(case, year_2027()).code == "TOO_LARGE"


@pytest.mark.parametrize(
    ("factor", "is_refused"),
    [("38.4110", False), ("38.4111", True), ("28.3908", False), ("28.3907", True)],
)
def test_a_factor_that_differs_by_more_than_15_percent_needs_a_word(case, factor, is_refused):
    given = replace(wrong_values(factor=factor), conversion_factor=Decimal(factor))
    if is_refused:
        refused = refusal(case, given)
        assert (refused.code, "33.4009" in str(refused)) == ("LARGE_CHANGE", True)
        given = replace(given, allow_large_change=True)
    assert load_medicare(given, **services(case)).conversion_factor == Decimal(factor)


def test_what_ended_is_loaded_with_a_word_but_never_the_practices_own_locality(case):
    given = year_2027(
        relative_values=relative_values(
            without=["G2214", "96127"], cells={("G0506", "status"): "I"}
        ),
        indices=indices(without=["WY-21"], more=[["1", "ZZ", "1", "NEW", "1", "1", "1", "1"]]),
        retired=frozenset({"G2214", "99490"}),
        allow_ended_localities=True,
    )
    found = preview_medicare(given, **services(case))
    assert (found.missing_codes, found.missing_localities) == (("96127", "G2214"), ("WY-21",))
    assert found.new_localities == ("ZZ-01",)
    told = " ".join(found.warnings)
    for words in ("lacks: 96127, G2214", "in the file: 99490", "any more: G0506", "ended: WY-21"):
        assert words in told
    case.panel.add(
        SiteRow(practice_id=case.practice_id, id="s", name="West", state="WY", locality="21")
    )
    assert refusal(case, given).code == "OWN_LOCALITY_GONE"


# --- a loaded year ------------------------------------------------------------------------------


def test_a_year_is_priced_from_its_first_day_to_its_last_in_the_practice_that_loaded_it(case):
    other = MonthCase(case.store, practice_id="prac-2", clock=case.clock)
    case.change(PracticeRow, case.practice_id, state="NY", locality="01")
    assert book(case) is load_rule_book()
    preview = preview_medicare(year_2027(), **services(case))
    assert book(case) is load_rule_book()  # nothing was stored
    assert load_medicare(year_2027(), **services(case)) == preview
    loaded = book(case)
    # 1.98 relative value units at $33.4009 in 2026, at the test's $34.0000 and $34.1000 in 2027
    assert [amount(loaded, day) for day in (date(2026, 12, 31), date(2027, 1, 1))] == [
        Decimal("66.13"), Decimal("67.32"),
    ]  # fmt: skip
    assert amount(loaded, date(2027, 12, 31)) == Decimal("67.32")
    assert amount(loaded, date(2028, 1, 1)) is None
    assert amount(loaded, date(2027, 7, 1), qualifying_apm=True) == Decimal("67.52")
    assert (loaded.version, loaded.covered_until) == ("2026.4+medicare-2027", date(2027, 12, 31))
    assert loaded.covered_by.startswith("CMS, conversion factors of the CY2027")
    assert loaded.not_yet_published(date(2027, 12, 31)) == ""
    assert "not reviewed" in loaded.amounts_only(date(2027, 1, 1))
    assert [loaded.amounts_only(day) for day in (date(2026, 12, 31), date(2028, 1, 1))] == ["", ""]
    assert "2027-12-31" in loaded.not_yet_published(date(2028, 1, 1))
    shown = next(each for each in preview.amounts if each.code == "99490")
    assert (shown.before, shown.after, shown.change) == (
        Decimal("66.13"), Decimal("67.32"), Decimal("1.8"),
    )  # fmt: skip
    assert shown.here_after == amount(loaded, date(2027, 1, 1), state="NY", locality="01")
    assert (preview.release, preview.locality, preview.localities) == ("RVU27A", "NY-01", 109)
    assert book(other) is load_rule_book()
    assert book(case) is loaded
    with counted_statements(case.store) as statements:
        assert book(case) is loaded
    assert not statements
    load_medicare(year_2027(), **(services(other)))
    assert book(other) is loaded  # the same tables are built once


def test_years_on_file_are_told_with_release_source_day_and_digest(case):
    load_medicare(year_2027(retrieved=date(2027, 1, 4)), **services(case))
    newest, *rest = medicare_tables_on_file(store=case.store, actor=case.actor())
    assert (newest.year, newest.is_loaded, newest.url) == (2027, True, URL)
    assert newest.retrieved == date(2027, 1, 4)
    assert newest.digests["rvu_2027"] == hashlib.sha256(relative_values()).hexdigest()
    assert (newest.factor, newest.qualifying_factor) == (files.FACTOR, files.QUALIFYING)
    assert [each.year for each in rest] == [2026, 2025, 2024]
    assert not any(each.is_loaded for each in rest)


def test_a_loaded_year_is_replaced_with_a_word_only_and_removed_from_the_last(case):
    load_medicare(year_2027(qualifying_factor=None), **services(case))
    assert amount(book(case), date(2027, 1, 1), qualifying_apm=True) is None
    with pytest.raises(CommandRefusedError) as refused:
        load_medicare(year_2027(), **services(case))
    assert refused.value.code == "YEAR_LOADED"
    assert load_medicare(year_2027(replace=True), **services(case)).replaces
    assert amount(book(case), date(2027, 1, 1), qualifying_apm=True) == Decimal("67.52")
    following = year_2027(
        year=2028, relative_values=relative_values(year=2028), indices=indices(year=2028)
    )
    load_medicare(following, **services(case))
    assert book(case).version == "2026.4+medicare-2027+medicare-2028"
    assert amount(book(case), date(2028, 12, 31)) == Decimal("67.32")
    with pytest.raises(CommandRefusedError, match="2028 is on file"):
        remove_medicare(2027, **services(case))
    remove_medicare(2028, **services(case))
    remove_medicare(2027, **services(case))
    assert book(case) is load_rule_book()
    with pytest.raises(NotFoundError):
        remove_medicare(2027, **services(case))


def test_january_bills_once_the_year_is_loaded_and_its_close_is_decided_again_by_the_same(case):
    case.enrolled("p-1")
    case.log("p-1", 24, at=datetime(2027, 1, 12, 15, tzinfo=UTC))

    def drafts():
        return superbills(
            month=JANUARY,
            store=case.store,
            actor=case.actor(),
            clock=case.clock,
            rule_book=book(case),
        )

    assert not [line.allowed for bill in drafts() for line in bill.lines if line.allowed]
    load_medicare(year_2027(), **services(case))
    (bill,) = drafts()
    assert [(line.code, line.allowed) for line in bill.lines] == [("99490", Decimal("67.32"))]
    closed = close_month(
        CloseMonth(month=JANUARY, form_id="close-of-january"),
        store=case.store, actor=case.actor(), clock=case.clock, rule_book=book(case),
    )  # fmt: skip
    assert len(closed.issued) == 1
    with pytest.raises(CommandRefusedError, match="January 2027 was closed"):
        remove_medicare(2027, **services(case))
    closed_with = book(case).fingerprint
    again = preview_medicare(year_2027(replace=True, release="RVU27B"), **services(case))
    assert any("January 2027 was closed" in each for each in again.warnings)
    load_medicare(year_2027(replace=True, release="RVU27B"), **services(case))
    assert book(case).fingerprint != closed_with
    found = replay(
        JANUARY, "p-1", store=case.store, actor=case.actor(), clock=case.clock, rule_book=book(case)
    )  # fmt: skip
    assert (found.fingerprint, found.rule_book_version) == (closed_with, "2026.4+medicare-2027")
    assert found.is_same


def test_tables_that_were_changed_around_trellis_are_refused_by_name(case):
    load_medicare(year_2027(), **services(case))
    key = case.practice_id, "rvu_2027"
    with case.store.reading() as unit:
        sidecar = unit.session.get(MedicareTableRow, key).sidecar
    case.change(
        MedicareTableRow, *key, content="code\n", sidecar=sidecar + 'read_from_sha256 = "0"\n'
    )
    with pytest.raises(StoreError, match="rvu_2027"):
        book(case)
    load_medicare(year_2027(replace=True), **services(case))
    assert amount(book(case), date(2027, 1, 1)) == Decimal("67.32")


def test_a_rule_book_takes_no_table_of_a_name_that_it_has():
    shipped = load_rule_book()
    there = TableText(
        name="rvu_2026",
        content=shipped.files["tables/rvu_2026.csv"],
        sidecar=shipped.files["tables/rvu_2026.toml"],
    )
    with pytest.raises(RuleBookFormatError, match="a table of that name"):
        shipped.with_tables([there], version="2026.4+again")


# --- the command --------------------------------------------------------------------------------


def test_the_command_rehearses_loads_and_removes(case, sqlite_store, tmp_path, capsys):
    values, places = tmp_path / "values.csv", tmp_path / "places.csv"
    values.write_bytes(relative_values())
    places.write_bytes(indices())
    around = ("--store", case.store.url, "--as", "rn-1")
    case.change(PracticeRow, case.practice_id, state="NY", locality="01")
    case.change(StaffRow, case.practice_id, "rn-1", access=AccessRole.OWNER.value)
    command = (
        "import", "medicare", "--year", "2027", "--rvu", str(values), "--gpci", str(places),
        "--conversion-factor", "34", "--source", URL, *around,
    )  # fmt: skip
    assert main([*command, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "99490" in said
    assert "67.32" in said
    assert "Nothing was stored" in said
    assert "does not mean that the rules" in said
    assert main([*command, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["schema"], answer["stored"], answer["rules_reviewed"]) == (
        "trellis.import-medicare/1", True, False,
    )  # fmt: skip
    asked = ("rates", "99490", "--on", "2027-01-01", "--store")
    assert main([*asked, case.store.url]) == 0
    assert "67.32" in capsys.readouterr().out
    assert main([*asked, f"sqlite:///{tmp_path / 'none.db'}"]) == 0
    assert "67.32" not in capsys.readouterr().out
    assert not (tmp_path / "none.db").exists(), "asking for amounts makes no store"
    assert main([*command]) == 2
    assert "--replace" in capsys.readouterr().err
    assert main(["import", "medicare", "--year", "2027", "--remove", *around]) == 0
    assert main(["import", "medicare", "--year", "2027", *around]) == 2
    assert "add --rvu, --gpci, --conversion-factor, --source" in capsys.readouterr().err
