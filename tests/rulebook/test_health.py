"""The health of the shipped rule book: cited, used, read, dated, and the only home of numbers."""

import ast
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlparse

import pytest

from tests.rulebook.test_contract_documents import example
from trellis_core import rules
from trellis_core.care.vocabulary import Program
from trellis_core.case_file import case_schema
from trellis_core.rules.dated_rules import program_of_codes
from trellis_core.rules.facts import Policy
from trellis_core.rules.points import AdjacentProgram, OpenPoint, PolicyPoint
from trellis_core.rules.published import TableKind
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
    assert date(2025, 1, 1) < book.points_reviewed_on <= REVIEWED_BY


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


def test_the_policy_points_are_the_settings_of_the_contract(book: RuleBook) -> None:
    printed = example(1)["payer"]["policy"]
    schema = case_schema()["$defs"]["case"]["properties"]["payer"]["properties"]["policy"]  # type: ignore[index]
    assert [point.key for point in book.policy_points] == list(printed)
    for point in book.policy_points:
        kind = schema["properties"][point.key]
        assert point.default == getattr(Policy(), point.key), point.key
        if point.key != "unit_caps":  # printed with an example, not with its default
            default = point.default
            shown = list(default) if isinstance(default, tuple) else default
            assert shown == printed[point.key], point.key
        answers = kind.get("enum") or ([True, False] if kind.get("type") == "boolean" else [])
        texts = {str(each).lower() if isinstance(each, bool) else str(each) for each in answers}
        assert set(point.answers) == texts, point.key


def test_points_have_keys_of_their_own_and_say_each_thing_once(book: RuleBook) -> None:
    keys = [point.key for point in points_of(book)]
    assert len(set(keys)) == len(keys)
    questions = [point.question for point in (*book.policy_points, *book.open_points)]
    assert len(set(questions)) == len(questions)
    said = [text for point in (*book.policy_points, *book.open_points) for text in point.positions]
    assert len(set(said)) == len(said)


def test_words_of_points_are_whole_sentences(book: RuleBook) -> None:
    told = [text for point in book.policy_points for text in (*point.positions, point.note)]
    told += [text for point in book.open_points for text in (*point.positions, point.reading)]
    told += [text for program in book.adjacent_programs for text in (program.why, program.beside)]
    assert [text for text in told if not text.endswith(".") or (not text[0].isupper() and not text[0].isdigit())] == []  # fmt: skip
    asked = [point.question for point in (*book.policy_points, *book.open_points)]
    assert [text for text in asked if text.endswith((".", "?"))] == []


def test_no_program_that_is_not_covered_has_a_code_that_an_element_decides(book: RuleBook) -> None:
    decided = program_of_codes(book)
    codes = [code for program in book.adjacent_programs for code in program.codes]
    assert len(set(codes)) == len(codes)
    assert [code for code in codes if code in decided] == []
    assert [code for code in codes if not re.fullmatch(r"\d{5}|G\d{4}", code)] == []


def test_the_book_covers_2024_to_2026_and_prices_nothing_later(book: RuleBook) -> None:
    last = book.covered_until
    assert last == date(2026, 12, 31)
    assert book.covered_by.startswith("CMS, conversion factors")
    assert book.not_yet_published(last) == ""
    assert book.not_yet_published(last + timedelta(days=1)) == (
        "Not yet published for 2027-01-01: the last covered day is 2026-12-31. Nothing on that day is priced."
    )
    priced = {code for code in book.amounts.codes if book.amounts.allowed(code, on=last)}
    assert {"99490", "G0570"} <= priced
    later = last + timedelta(days=1)
    assert {code for code in priced if book.amounts.allowed(code, on=later)} == set()


@pytest.mark.parametrize(
    ("on", "words"),
    [
        (date(2024, 6, 30), "no table on file for 2024-06-30"),
        (date(2024, 7, 1), "table of 2024-07-01"),
        (date(2024, 9, 30), "table of 2024-07-01"),
        (date(2024, 10, 1), "table of 2024-07-01, newest on file, 3 months old on 2024-10-01"),
        (date(2026, 11, 30), "table of 2024-07-01, newest on file, 28 months old on 2026-11-30"),
    ],
)
def test_the_edit_tables_say_their_age(book: RuleBook, on: date, words: str) -> None:
    assert book.coding_edits.age_words(TableKind.MUE, on) == words
    assert book.coding_edits.age_words(TableKind.PTP, on) == words


def test_own_marks_say_that_they_are_our_own(book: RuleBook) -> None:
    own = {path for path in book.parameters if ".registry." in path or ".late_entry." in path}
    assert own
    for path in own | {"common.care_plan.review_within_years", "bhi.rating_scale.within_days"}:
        assert all("Trellis's own" in each.note for each in book.parameters[path].values), path


def test_behavioral_programs_cite_no_booklet_of_chronic_care(book: RuleBook) -> None:
    for path, parameter in book.parameters.items():
        if path.startswith(("bhi.", "cocm.")):
            cited = {source_id(each) for value in parameter.values for each in value.citations}
            assert not cited & {"mln-ccm", "cms-faq-ccm"}, path
    for program in (Program.BHI, Program.COCM):
        for reason in reasons_of_every_program():
            cited = {source_id(each) for each in citations(reason, program)}
            assert not cited & {"mln-ccm", "cms-faq-ccm"}, reason


def reasons_of_every_program() -> list[Reason]:
    """Reasons that block any program, by the first table of the contract."""
    text = (DOCS / "case-format.md").read_text("utf-8")
    section = text.split("\n## Reason codes\n")[1].split("**Time that does not count")[0]
    listed = re.findall(r"^\| `([A-Z0-9_]+)`", section, re.MULTILINE)
    theirs = {"MDM_NOT_DOCUMENTED", "APCM_SAME_MONTH", "ESRD_SAME_MONTH", "CARE_PLAN_OVERSIGHT_SAME_MONTH"}  # fmt: skip
    return [Reason(each) for each in listed if each not in theirs]


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
