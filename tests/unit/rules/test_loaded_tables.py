"""A rule book with a year of tables that did not ship with it."""

import hashlib
from datetime import date
from decimal import Decimal

import pytest

from trellis_core.errors import RuleBookFormatError
from trellis_core.rules.published import TableText
from trellis_core.rules.rulebook import load_rule_book

YEAR = "effective_from = 2027-01-01\neffective_through = 2027-12-31\n"
FACTORS = (
    "effective_from,effective_through,basis,conversion_factor\n"
    "2027-01-01,2027-12-31,nonqualifying,33.0000\n"
    "2027-01-01,2027-12-31,qualifying,34.0000\n"
)
VALUES = (
    "code,status,global_days,work_rvu,nonfac_pe_rvu,fac_pe_rvu,mp_rvu,fac_na_indicator\n"
    "99490,A,XXX,1.00,0.91,0.24,0.09,\n"
)
"""Test numbers: nobody published them."""


def table(name: str, kind: str, content: str, **changed: str) -> TableText:
    said = {
        "kind": kind,
        "schedule": "medicare-2027",
        "source": "A test",
        "release": "RVU27A",
        "url": "https://www.cms.gov/",
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
        "read_from_sha256": "0" * 64,
    } | changed
    sidecar = "".join(f'{key} = "{value}"\n' for key, value in said.items())
    return TableText(name=name, content=content, sidecar=f"{sidecar}{YEAR}retrieved = 2026-12-01\n")


LOADED = (
    table("conversion_factors_2027", "conversion-factors", FACTORS),
    table("rvu_2027", "rvu", VALUES),
)


def test_a_loaded_year_is_priced_from_its_first_day_to_its_last_and_its_rules_are_not_called_reviewed():
    shipped = load_rule_book()
    book = shipped.with_tables(LOADED, version="2026.4+medicare-2027")
    amounts = {
        day: book.amounts.allowed("99490", on=day)
        for day in (
            date(2026, 12, 31),
            date(2027, 1, 1),
            date(2027, 12, 31),
            date(2028, 1, 1),
        )
    }
    assert [each and each.amount for each in amounts.values()] == [
        Decimal("66.13"),
        Decimal("66.00"),
        Decimal("66.00"),
        None,
    ]
    assert book.covered_until == date(2027, 12, 31)
    assert book.fingerprint != shipped.fingerprint
    assert set(book.files) - set(shipped.files) == {name for each in LOADED for name in each.files}
    assert book.amounts.codes_on(date(2027, 6, 1)) == {"99490"}
    assert book.amounts.codes_on(date(2028, 1, 1)) == frozenset()
    factor = book.amounts.conversion_factor
    assert factor(on=date(2027, 1, 1)) == Decimal(33)
    assert factor(on=date(2027, 1, 1), qualifying_apm=True) == Decimal(34)
    assert factor(on=date(2028, 1, 1)) is None
    assert book.amounts_only(date(2026, 12, 31)) == ""
    assert "were loaded by the practice" in book.amounts_only(date(2027, 1, 1))


@pytest.mark.parametrize(
    ("added", "problem"),
    [
        (table("rvu_2026", "rvu", VALUES), "has a table of that name"),
        (table("rvu_2027", "rvu", VALUES, sha256="0" * 64), "sha256"),
        (table("rvu_2027", "rvu", VALUES.replace("0.91", "many")), "row 1"),
    ],
)
def test_a_table_that_does_not_read_or_is_there_already_is_refused(
    added: TableText, problem: str
) -> None:
    with pytest.raises(RuleBookFormatError, match=problem):
        load_rule_book().with_tables((added,), version="x")
