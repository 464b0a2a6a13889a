"""The rules of one day: a quantity before its day, a place without a table, an end of a duty."""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

import trellis_core.rules
from tests.support.scenario_case import complete, entry, facts_of, in_month
from trellis_core.care.vocabulary import Program, Setting
from trellis_core.errors import ParameterNotInForceError, RuleBookFormatError
from trellis_core.rules.dated_rules import rules_on
from trellis_core.rules.determine import determine
from trellis_core.rules.rulebook import RuleBook, load_rule_book
from trellis_core.values.periods import ServiceMonth


def test_a_number_before_its_day_or_of_another_kind_is_an_error_that_names_it() -> None:
    book = load_rule_book()
    with pytest.raises(ParameterNotInForceError, match="complex"):
        rules_on(book, date(2016, 12, 31)).integer("ccm.complex.initial.minutes")
    assert rules_on(book, date(2017, 1, 1)).integer("ccm.complex.initial.minutes") == 60
    with pytest.raises(RuleBookFormatError, match="a whole number is needed"):
        rules_on(book, date(2026, 1, 1)).integer("ccm.complex.initial.hcpcs")


@pytest.mark.parametrize(("locality", "is_priced"), [("01", True), ("77", False)])
def test_a_place_that_the_years_table_does_not_list_has_no_amount(
    locality: str, *, is_priced: bool
) -> None:
    found = rules_on(load_rule_book(), date(2026, 11, 30)).allowed(
        "99490",
        state="NY",
        locality=locality,
        setting=Setting.NONFACILITY,
        qualifying_apm=False,
    )
    assert (found is not None) is is_priced


@pytest.mark.parametrize(
    ("key", "duty"),
    [
        ("around_the_clock_access", "access.requires_around_the_clock"),
        ("certified_ehr", "record.requires_certified_ehr"),
    ],
)
@pytest.mark.parametrize("program", ["CCM", "PCM"])
def test_a_duty_that_a_rule_book_ends_is_asked_for_until_that_day_only(
    tmp_path: Path, program: str, key: str, duty: str
) -> None:
    folder = tmp_path / "rules"
    shutil.copytree(Path(trellis_core.rules.__file__).parent, folder)
    file = folder / "parameters" / f"{program.lower()}.toml"
    head, name, rest = file.read_text("utf-8").partition(f'["{program.lower()}.{duty}"]')
    ends = '\n  { effective_from = 2026-12-01, ended = true, citations = ["mln-ccm"] },\n]'
    file.write_text(head + name + rest.replace("\n]", ends, 1), "utf-8")
    book = RuleBook.from_folder(folder)
    for month, is_billed in (("2026-11", False), ("2026-12", True)):
        case = in_month(month, complete(program))
        case["practice"][key] = False
        case["time_entries"] = [entry("t1", 30, program=program, at=f"{month}-03T10:00:00-05:00")]
        answer = determine(facts_of(case), rule_book=book, explain=True)
        assert bool(answer.lines) is is_billed


@pytest.mark.parametrize(
    ("earlier", "code"),
    [
        ((), "99492"),
        (((Program.COCM, ServiceMonth(2026, 10)),), "99493"),
        (((Program.COCM, ServiceMonth(2026, 11)),), "99492"),
        (((Program.BHI, ServiceMonth(2026, 10)),), "99492"),
    ],
)
def test_minutes_that_the_store_knows_of_make_a_later_month(
    earlier: tuple[tuple[Program, ServiceMonth], ...], code: str
) -> None:
    case = complete("CoCM")
    case["time_entries"] = [entry("t1", 40, program="CoCM", staff="bhcm-1")]
    facts = replace(facts_of(case), earlier_months_with_time=earlier)
    answer = determine(facts, rule_book=load_rule_book())
    assert [line.code for line in answer.lines] == [code]
