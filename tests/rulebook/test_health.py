"""The health of the shipped rule book: cited, used, read, dated, and the only home of numbers."""

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import urlparse

import pytest

from trellis_core import rules
from trellis_core.rules.points import AdjacentProgram, OpenPoint, PolicyPoint
from trellis_core.rules.reason_texts import citations
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import RuleBook, load_rule_book
from trellis_core.rules.sources import rests_on_guidance_only, source_id

RULES = Path(rules.__file__).parent
DOCS = Path(__file__).parents[2] / "docs"
REVIEWED_BY = date(2026, 11, 22)
OFFICIAL_HOSTS = {
    "www.cms.gov",
    "www.ecfr.gov",
    "www.federalregister.gov",
    "www.govinfo.gov",
    "uscode.house.gov",
    "www.congress.gov",
    "www.opm.gov",
    "www.medicare.gov",
    "www.ama-assn.org",
}
PLUMBING = {"rulebook.py", "reading.py", "sources.py", "published.py", "facts.py"}
"""Modules that read files or hold the case file's defaults; every other one holds logic."""


@pytest.fixture(scope="module")
def book() -> RuleBook:
    return load_rule_book()


def points_of(book: RuleBook) -> tuple[PolicyPoint | OpenPoint | AdjacentProgram, ...]:
    return (*book.policy_points, *book.open_points, *book.adjacent_programs)


def modules() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(RULES.glob("*.py")):
        if file.name not in PLUMBING:
            yield file.name, ast.parse(file.read_text("utf-8"))


def test_every_value_is_cited_and_every_source_is_used(book: RuleBook) -> None:
    cited = {
        source_id(citation)
        for parameter in book.parameters.values()
        for value in parameter.values
        for citation in value.citations
    }
    cited |= {source_id(citation) for reason in Reason for citation in citations(reason)}
    cited |= {source_id(citation) for point in points_of(book) for citation in point.citations}
    assert cited == set(book.sources)


def test_sources_and_tables_are_on_official_hosts(book: RuleBook) -> None:
    urls = [source.url for source in book.sources.values()]
    urls += [table.provenance.url for table in book.tables]
    assert {urlparse(url).hostname for url in urls} <= OFFICIAL_HOSTS


def test_sources_were_read_after_they_were_published(book: RuleBook) -> None:
    for source in book.sources.values():
        if source.retrieved_on is not None:
            assert source.retrieved_on <= REVIEWED_BY, source.id
            assert (source.published_on or date.min) <= source.retrieved_on, source.id


def test_every_file_says_when_it_was_reviewed(book: RuleBook) -> None:
    for parameter in book.parameters.values():
        assert date(2025, 1, 1) < parameter.reviewed_on <= REVIEWED_BY, parameter.file


def test_a_path_begins_with_its_file(book: RuleBook) -> None:
    for path, parameter in book.parameters.items():
        assert path.split(".")[0] == parameter.file.removesuffix(".toml")
        assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+){2,}", path), path


def test_codes_have_the_form_of_codes(book: RuleBook) -> None:
    for path, parameter in book.parameters.items():
        if parameter.unit == "hcpcs":
            for dated in parameter.values:
                codes = dated.value if isinstance(dated.value, tuple) else (dated.value,)
                for code in codes:
                    assert code is None or re.fullmatch(r"\d{5}|G\d{4}", str(code)), path


def test_every_code_that_can_be_billed_today_has_an_amount(book: RuleBook) -> None:
    on = date(2026, 11, 30)
    codes = {
        str(use.value)
        for path in book.parameters
        if path.endswith(("initial.hcpcs", "additional.hcpcs"))
        if (use := book.find(path, on=on)) is not None and isinstance(use.value, str)
    }
    assert "99490" in codes
    assert {code for code in codes if book.amounts.allowed(code, on=on) is None} == set()


def _templates(tree: ast.Module) -> Iterator[re.Pattern[str]]:
    """Yield what each text in a module could spell; a replaced part spells anything."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.compile(re.escape(node.value))
        elif isinstance(node, ast.JoinedStr):
            parts = [
                re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"[a-z0-9_.]+"
                for part in node.values
            ]
            fixed = "".join(
                str(part.value) for part in node.values if isinstance(part, ast.Constant)
            )
            if re.search(r"[a-z_]{4,}", fixed):
                yield re.compile("".join(parts))


def test_no_parameter_is_unread(book: RuleBook) -> None:
    templates = [each for _, tree in modules() for each in _templates(tree)]
    unread = [
        path for path in book.parameters if not any(each.fullmatch(path) for each in templates)
    ]
    assert unread == []


def _cache_bounds(tree: ast.Module) -> set[ast.expr]:
    """Return how much memory a cache may hold: a bound of the machine, not of a rule."""
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "maxsize"
    }


def test_rule_modules_hold_no_number_but_minus_one_zero_and_one() -> None:
    found = [
        f"{name}:{node.lineno}: {node.value}"
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, int | float | complex)
        and node not in _cache_bounds(tree)
        and not isinstance(node.value, bool)
        and node.value not in {0, 1}
    ]
    assert found == []


def test_rule_modules_hold_no_code_as_a_text() -> None:
    found = [
        f"{name}:{node.lineno}: {node.value}"
        for name, tree in modules()
        if name != "labels.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"\d{5}|[A-Z]\d{4}", node.value)
    ]
    assert found == []


def test_reasons_are_those_of_the_contract() -> None:
    text = (DOCS / "case-format.md").read_text("utf-8")
    section = text.split("\n## Reason codes\n")[1].split("\n## ")[0]
    listed = set(re.findall(r"^\| `([A-Z0-9_]+)`", section, re.MULTILINE))
    listed |= set(re.findall(r"\| `(UNKNOWN_[A-Z0-9_]+)`", section))
    assert listed == {reason.value for reason in Reason}
    tables = re.findall(r"^\| `([A-Z0-9_]+)`", section, re.MULTILINE)
    assert len(tables) == len(set(tables))


def test_every_reason_names_listed_sources_only(book: RuleBook) -> None:
    for reason in Reason:
        for citation in citations(reason):
            assert source_id(citation) in book.sources, reason


def test_what_rests_on_guidance_only_can_be_told(book: RuleBook) -> None:
    resting = {
        path
        for path, parameter in book.parameters.items()
        if rests_on_guidance_only(parameter.newest.citations, book.sources)
    }
    assert resting < set(book.parameters)
