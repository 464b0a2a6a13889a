"""The rule book page: what holds on a day, in words, with links, amounts and what changed."""

from datetime import date

import pytest

from pages.shared import rule_text
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Program
from trellis_core.rules.facts import Policy
from trellis_core.rules.rulebook import load_rule_book

PAGE = "insight/rule_book"
BOOK = load_rule_book()


def said(at) -> str:
    return "\n".join(item.value for item in at.markdown).replace("\\", "").replace("\u00a0", " ")


def test_a_rule_stands_with_value_since_and_a_ranked_link(dashboard):
    text = said(dashboard.open(AccessRole.BILLER, PAGE))
    row = next(line for line in text.splitlines() if "before the initial service" in line)
    assert "**20 minutes**" in row
    assert "Jan 1, 2015" in row
    assert "](https://www.federalregister.gov/" in row
    assert "Federal Register, rank 3" in row


def test_the_add_on_code_is_that_of_the_chosen_day(dashboard):
    at = dashboard.open(AccessRole.BILLER, PAGE)
    assert "**99439**" in said(at)
    at.date_input(key="rule_book_day").set_value(date(2020, 12, 31)).run()
    assert "**G2058**" in said(at)
    assert "**99439**" not in said(at)


def test_a_search_keeps_only_rules_that_hold_every_word(dashboard):
    at = dashboard.open(AccessRole.BILLER, PAGE)
    at.text_input(key="rule_book_text").set_value("copy plan").run()
    assert "gets a copy of the plan" in said(at)
    assert "before the initial service" not in said(at)
    at.text_input(key="rule_book_text").set_value("nothing like this").run()
    assert "No rule here" in said(at)


def test_amounts_are_those_of_the_day_and_absent_where_none_is_on_file(dashboard):
    at = dashboard.open(AccessRole.BILLER, PAGE)
    at.segmented_control(key="rule_book_part").set_value("Codes and amounts").run()
    table = at.dataframe[0].value.set_index("Code")
    assert table.loc["99490", "National"] == "$66.13"
    at.date_input(key="rule_book_day").set_value(date(2027, 3, 31)).run()
    table = at.dataframe[0].value.set_index("Code")
    assert table.loc["99490", "National"] == "—"


def test_what_changed_names_both_values(dashboard):
    at = dashboard.open(AccessRole.BILLER, PAGE)
    at.segmented_control(key="rule_book_part").set_value("What changed").run()
    at.date_input(key="rule_book_earlier").set_value(date(2020, 6, 1)).run()
    rows = at.dataframe[0].value
    code = rows[rows["Rule"].str.startswith("Code for each further block of staff time")]
    assert list(code.iloc[0])[1:] == ["G2058", "99439"]


@pytest.mark.parametrize("part", ["Payer policy", "Not covered"])
def test_what_payers_decide_and_what_is_not_covered_is_said(dashboard, part):
    at = dashboard.open(AccessRole.BILLER, PAGE)
    at.segmented_control(key="rule_book_part").set_value(part).run()
    assert not at.exception
    assert "payers differ" in said(at) or "not covered" in said(at)


@pytest.mark.parametrize("prefix", list(rule_text.chapters(BOOK)))
def test_every_chapter_of_the_rule_book_reads_as_words(prefix):
    rows = rule_text.rows_on(BOOK, prefix, date(2026, 11, 30))
    assert rows
    for row in rows:
        assert row.description
        assert row.state != "in force" or row.value
        assert rule_text.table_of([row], BOOK.sources).count("https://") >= 1


def test_the_chapters_begin_with_every_program():
    assert list(rule_text.chapters(BOOK))[: len(Program)] == [p.value.lower() for p in Program]


def test_every_point_of_a_policy_is_answered_in_words():
    asked = {name for name, _, _ in rule_text.POLICIES}
    assert asked == {name for name in Policy.__dataclass_fields__ if name != "stated"}
    assert all(answer for _, answer in rule_text.policy_words(Policy()))


def test_a_document_that_was_not_read_is_marked_and_the_mark_is_explained():
    sources = load_rule_book().sources
    unread = next(source for source in sources.values() if source.retrieved_on is None)
    read = unread.model_copy(update={"retrieved_on": date(2026, 11, 1)})

    assert "†" in rule_text.citation_link(unread.id, {unread.id: unread})
    assert "†" not in rule_text.citation_link(read.id, {read.id: read})
    assert "† marks 1 of 2 documents" in rule_text.reading_words({"a": unread, "b": read})
    assert "†" not in rule_text.reading_words({"b": read})
