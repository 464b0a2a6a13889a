"""The rule book page: what a person reads of any day's rules, what changed, and what if."""

import doctest
import json
from dataclasses import replace
from datetime import date

import pytest

from pages.shared import (
    rule_codes,
    rule_compare,
    rule_exclusions,
    rule_points,
    rule_reading,
    rule_text,
    rule_tree,
    rule_what_if,
    rule_what_if_form,
)
from trellis_core.access import AccessRole
from trellis_core.care.people import Practice
from trellis_core.care.vocabulary import Program
from trellis_core.rules.facts import Policy
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.rules.sources import source_id
from trellis_core.rules.trace import Check, Outcome, ParameterUse
from trellis_core.services.board import BoardState, board, patient_month
from trellis_core.values.periods import ServiceMonth

PAGE = "insight/rule_book"
BOOK = load_rule_book()
TODAY = date(2026, 11, 20)
NOVEMBER = ServiceMonth(2026, 11)


def said(at) -> str:
    """Return all that is written on the page, as read: no escapes, no hard spaces."""
    texts = [item.value for item in (*at.markdown, *at.caption, *at.warning, *at.error)]
    return "\n".join(texts).replace("\\", "").replace("\u00a0", " ")


def opened(dashboard, part=None, role=AccessRole.BILLER):
    at = dashboard.open(role, PAGE)
    return at if part is None else turned(at, "rule_book_part", part)


def turned(at, key, value):
    at.segmented_control(key=key).set_value(value).run()
    assert not at.exception, at.exception
    return at


def on_day(at, day):
    at.date_input(key="rule_book_day").set_value(day).run()
    assert not at.exception, at.exception
    return at


def line_with(text: str, words: str) -> str:
    """Return a line of the page and the one under it."""
    lines = text.splitlines()
    place = next(i for i, line in enumerate(lines) if words in line)
    return "\n".join(lines[place : place + 2])


@pytest.mark.parametrize(
    "module", [rule_text, rule_codes, rule_reading, rule_points, rule_tree, rule_what_if_form]
)
def test_the_examples_in_the_docstrings_hold(module):
    assert not doctest.testmod(module).failed


# --- one program on one day, in words ----------------------------------------------------------


def test_a_rule_stands_with_value_since_and_a_ranked_link(dashboard):
    rule = line_with(said(opened(dashboard)), "99490 needs")
    assert "**20 minutes** in the calendar month" in rule
    assert "Since Jan 1, 2015" in rule
    assert "[79 FR 67548](https://www.federalregister.gov/" in rule
    assert "(Federal Register, rank 3)" in rule
    assert "guidance only" not in rule


def test_a_value_that_rests_on_guidance_only_says_so(dashboard):
    rule = line_with(said(opened(dashboard)), "No minute of **non-clinical staff** counts.")
    assert "guidance only" in rule


def test_every_section_that_a_biller_asks_for_is_there(dashboard):
    text = said(opened(dashboard))
    for heading in rule_reading.SECTIONS[:-1]:
        assert f"## {heading}" in text
    assert "at least **2 chronic conditions**" in text
    assert "Billed by **MD, DO, NP" in text
    assert "**Principal care management** (99426, 99424) by the same practitioner" in text


def test_minutes_and_the_codes_that_they_come_to_stand_in_a_small_table(dashboard):
    text = said(opened(dashboard))
    for row in ("| 0 to 19 | —", "| 20 to 39 | 99490", "| 60 and more | 99490 + 2 x 99439"):
        assert row in text


def test_a_cap_says_how_old_its_table_is(dashboard):
    text = said(opened(dashboard))
    assert "99489: at most **10 units** by CMS's table of Jul 1, 2024." in text
    assert "28 months old on this day" in text
    assert "months old" not in said(on_day(opened(dashboard), date(2024, 8, 1)))


@pytest.mark.parametrize(("day", "code"), [("2020-12-31", "G2058"), ("2021-01-01", "99439")])
def test_the_add_on_code_is_that_of_the_chosen_day(dashboard, day, code):
    at = on_day(opened(dashboard), date.fromisoformat(day))
    assert f"**{code}** is the code for each further block of staff time" in said(at)
    assert list(at.dataframe[0].value["Code"])[1] == code
    other = {"G2058", "99439"} - {code}
    assert f"**{other.pop()}**" not in said(at)


def test_a_day_before_the_first_code_says_so(dashboard):
    at = on_day(opened(dashboard), date(2014, 12, 31))
    assert "CCM had no code in force on Dec 31, 2014" in said(at)
    assert not at.dataframe


@pytest.mark.parametrize(("day", "is_published"), [("2026-12-31", True), ("2027-01-01", False)])
def test_a_day_after_the_covered_period_is_not_yet_published_and_has_no_amount(
    dashboard, day, is_published
):
    at = on_day(opened(dashboard), date.fromisoformat(day))
    shown = at.dataframe[0].value
    assert ("National" in shown.columns) is is_published
    assert ("is not yet published" in said(at)) is not is_published
    assert ("$66.13" in shown.to_string()) is is_published
    turned(at, "rule_book_view", "How amounts are computed")
    assert ("No amount is on file" in said(at)) is not is_published


def test_a_check_over_a_year_old_is_a_warning():
    checked = rule_text.reviewed_on(BOOK, "ccm")
    a_year = checked.replace(year=checked.year + 1)
    assert rule_text.stale_words(BOOK, "ccm", a_year) == ""
    later = a_year.replace(day=a_year.day + 1)
    assert "over a year ago" in rule_text.stale_words(BOOK, "ccm", later)


def test_a_practice_reads_the_warning_about_an_old_check(dashboard, monkeypatch):
    monkeypatch.setenv("TRELLIS_TODAY", "2027-12-01")
    assert "over a year ago" in said(opened(dashboard))


def test_a_search_keeps_only_rules_that_hold_every_word(dashboard):
    at = opened(dashboard)
    at.text_input(key="rule_book_text").set_value("copy plan").run()
    assert "with a copy for the patient or caregiver" in said(at)
    assert "99490 needs" not in said(at)
    at.text_input(key="rule_book_text").set_value("nothing like this").run()
    assert "No rule here" in said(at)


def test_every_value_is_there_for_who_wants_the_table(dashboard):
    at = turned(opened(dashboard), "rule_book_view", "Every value")
    row = next(line for line in said(at).splitlines() if "before the initial service" in line)
    assert "**20 minutes**" in row
    assert "Jan 1, 2015" in row
    assert "rank 3" in row
    assert "First day not confirmed" not in said(at)


def test_an_amount_shows_how_it_is_computed(dashboard):
    at = turned(opened(dashboard), "rule_book_view", "How amounts are computed")
    shown = at.dataframe[0].value.set_index("Code").loc["99490"]
    assert shown["Amount"] == "$66.13"
    assert shown["How it is computed"] == "1.98 RVU x 33.4009 = 66.13"


@pytest.mark.parametrize("chapter", list(rule_text.chapters(BOOK)))
def test_every_chapter_reads_as_words(chapter):
    rows = rule_text.rows_on(BOOK, chapter, date(2026, 11, 30))
    assert rows
    for row in rows:
        assert row.description
        assert row.state != "in force" or row.value
        assert rule_text.table_of([row], BOOK.sources).count("https://") >= 1


def test_every_parameter_is_in_a_chapter_and_every_rule_of_a_program_in_a_sentence():
    chapters = rule_text.chapters(BOOK)
    rows = [row.path for name in chapters for row in rule_text.rows_on(BOOK, name, TODAY)]
    assert sorted(rows) == sorted(BOOK.parameters)
    read = {
        each.path
        for program in Program
        for sentences in rule_reading.sections(BOOK, program, TODAY).values()
        for each in sentences
    }
    for path in BOOK.parameters:
        own = f"{path.rpartition('.')[0]}.hcpcs"
        is_due = BOOK.is_in_force(path, on=TODAY) and (
            own not in BOOK.parameters or BOOK.is_in_force(own, on=TODAY)
        )
        assert (path in read) is is_due, path


@pytest.mark.parametrize("program", list(Program))
@pytest.mark.parametrize(
    "day", ["2013-01-01", "2020-06-01", "2025-12-31", "2026-11-20", "2027-03-01"]
)
def test_no_sentence_shows_a_raw_word_or_an_unfilled_place(program, day):
    found = rule_reading.sections(BOOK, program, date.fromisoformat(day))
    for sentences in found.values():
        for each in sentences:
            text = each.text.replace("\\", "")
            assert not {"{", "}", "_"} & set(text), text
            assert "1 years" not in text
            assert "****" not in text
            assert each.citations
            assert each.since <= date.fromisoformat(day)


def test_what_excludes_what_is_what_the_engine_says():
    found = rule_exclusions.exclusions(BOOK, Program.BHI, TODAY)
    with_cocm = next(each for each in found if each.program is Program.COCM)
    assert with_cocm.is_barred
    assert not with_cocm.whoever
    assert {"99492", "99493", "G2214"} == set(with_cocm.others)
    (beside,) = [
        each
        for each in rule_exclusions.exclusions(BOOK, Program.TCM, TODAY)
        if each.program is Program.CCM
    ]
    assert not beside.is_barred
    assert beside.is_policy
    before = rule_exclusions.exclusions(BOOK, Program.CCM, date(2024, 12, 31))
    assert Program.APCM not in {each.program for each in before}


# --- two dates ---------------------------------------------------------------------------------


def compared(dashboard, earlier, later, program=""):
    at = opened(dashboard, "Compare two dates")
    at.selectbox(key="rule_book_compare_program").set_value(program)
    at.date_input(key="rule_book_earlier").set_value(earlier)
    at.date_input(key="rule_book_later").set_value(later).run()
    assert not at.exception, at.exception
    return at


def test_what_changed_names_both_values_the_first_day_and_sources(dashboard):
    text = said(compared(dashboard, date(2020, 12, 31), date(2021, 1, 1), "ccm"))
    row = next(line for line in text.splitlines() if "each further block of staff time" in line)
    assert "| G2058 | **99439** | Jan 1, 2021 |" in row
    assert "[85 FR 84472](https://" in row


def test_two_days_may_be_given_in_either_order(dashboard):
    one = said(compared(dashboard, date(2021, 1, 1), date(2020, 12, 31), "ccm"))
    assert "| G2058 | **99439** |" in one


def test_nothing_changed_is_said(dashboard):
    text = said(compared(dashboard, date(2026, 3, 1), date(2026, 3, 2)))
    assert "No rule changed" in text
    assert "no amount changed" in text


def test_codes_that_began_and_amounts_that_changed_are_listed(dashboard):
    at = compared(dashboard, date(2025, 12, 31), date(2026, 1, 1))
    table = at.dataframe[0].value.set_index("Code")
    assert list(table.loc["99490"])[1:] == ["Changed", "$60.49", "$66.13", "+$5.64 (+9.3%)"]
    assert table.loc["G0570", "What"] == "Began"
    ended = compared(dashboard, date(2025, 9, 30), date(2025, 10, 1)).dataframe[0].value
    assert list(ended.set_index("Code").loc[["G0511"], "What"]) == ["Ended"]


def test_amounts_of_the_practices_locality_differ_from_the_nations():
    here = Practice(id="p", name="P", state="NY", locality="01")
    days = (date(2025, 6, 1), date(2026, 6, 1))
    local, national = (
        rule_compare.amount_changes(BOOK, ["ccm"], *days, here, is_local=is_local)
        for is_local in (True, False)
    )
    assert [each.code for each in local] == [each.code for each in national]
    assert local[0].after != national[0].after


# --- sources, points, credentials --------------------------------------------------------------


def test_all_sources_stand_by_rank_with_their_links_and_marks(dashboard):
    text = said(opened(dashboard, "Sources"))
    rows = [line for line in text.splitlines() if line.startswith("| ") and "](https://" in line]
    assert len(rows) == len(BOOK.sources)
    ranks = [int(row[2]) for row in rows]
    assert ranks == sorted(ranks)
    for source in BOOK.sources.values():
        row = next(row for row in rows if f"]({source.url})" in row and source.locator in row)
        assert ("†" in row) is (source.retrieved_on is None)
        assert ("not read" in row) is (source.retrieved_on is None)


def test_a_document_that_was_not_read_is_marked_and_the_mark_is_explained():
    unread = next(source for source in BOOK.sources.values() if source.retrieved_on is None)
    read = unread.model_copy(update={"retrieved_on": date(2026, 11, 1)})
    assert "†" in rule_text.citation_link(unread.id, {unread.id: unread})
    assert "†" not in rule_text.citation_link(read.id, {read.id: read})
    assert "† marks 1 of 2 documents" in rule_text.reading_words({"a": unread, "b": read})
    assert "†" not in rule_text.reading_words({"b": read})


def test_programs_that_are_not_covered_stand_with_codes_and_why(dashboard):
    at = opened(dashboard, "Not covered")
    text = said(at)
    for program in BOOK.adjacent_programs:
        assert program.name in text
        assert program.why in text
        assert ", ".join(program.codes) in text
    for point in BOOK.open_points:
        assert point.question in text
        assert f"As Trellis reads it: {point.reading}" in text
        assert all(each in text for each in point.positions)
    at.text_input(key="rule_book_text").set_value("99457").run()
    assert said(at).count("## ") == 1


def test_every_payer_policy_point_stands_with_answers_positions_and_note(dashboard):
    text = said(opened(dashboard, "Payer policy"))
    for point in BOOK.policy_points:
        assert point.question in text
        assert f"Default: {rule_points.answer_words(point, point.default)}" in text
        assert all(words in text for words in point.answers.values())
        assert all(each in text for each in point.positions)
        assert f"Why this default: {point.note}" in text
    assert {point.key for point in BOOK.policy_points} == set(Policy.__dataclass_fields__) - {
        "stated"
    }


@pytest.mark.parametrize(("day", "bills"), [("2023-12-31", False), ("2024-01-01", True)])
def test_credentials_are_those_of_the_day(dashboard, day, bills):
    text = said(on_day(opened(dashboard, "Credentials"), date.fromisoformat(day)))
    row = next(line for line in text.splitlines() if line.startswith("| **LMFT**"))
    cells = [cell.strip() for cell in row.strip("| ").split("|")]
    assert ("yes" in cells[2]) is bills
    assert "yes" not in cells[1]
    assert "yes" in cells[3]
    doctor = next(line for line in text.splitlines() if line.startswith("| **MD**"))
    assert [("yes" in cell) for cell in doctor.strip("| ").split("|")[1:]] == [
        True, False, True, True,
    ]  # fmt: skip
    assert "## On what this rests" in text
    assert "is not yet published" not in text
    assert "Since Jan 1," in text


def test_choices_outlive_a_look_at_another_part(dashboard):
    at = on_day(opened(dashboard), date(2020, 6, 1))
    turned(turned(at, "rule_book_part", "Sources"), "rule_book_part", "Rules")
    assert at.date_input(key="rule_book_day").value == date(2020, 6, 1)


# --- what if -----------------------------------------------------------------------------------


def asked(dashboard, name, role=AccessRole.COORDINATOR):
    """Open "what if" on a patient of the sample practice, found by name."""
    at = opened(dashboard, "What if", role)
    at.text_input(key="rule_book_patient_search").set_value(name).run()
    assert not at.exception, at.exception
    return at


def cells(at, first: str) -> list[str]:
    """Return a row of the table of lines and minutes."""
    row = next(line for line in said(at).splitlines() if line.startswith(f"| {first}"))
    return [cell.strip(" *") for cell in row.strip("| ").split("|")]


@pytest.fixture
def short_of_time(dashboard):
    """A name of the sample with CCM minutes, a consent and a plan, under the first code."""
    rows = board(
        month=NOVEMBER,
        state=BoardState.REACH,
        program=Program.CCM,
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.COORDINATOR),
        clock=dashboard.clock,
        rule_book=BOOK,
    ).rows
    return next(row for row in rows if row.minutes_to_next and not row.reached)


def add_minutes(at, count):
    patient = at.selectbox(key="rule_book_patient").value
    at.number_input(key="rule_book_if_minutes_0").set_value(count)
    at.selectbox(key=f"rule_book_if_program_0_{patient}").set_value(Program.CCM).run()
    assert not at.exception, at.exception
    return at


def test_added_minutes_reach_a_code_on_one_side_only(dashboard, short_of_time):
    at = asked(dashboard, short_of_time.mrn)
    assert at.selectbox(key="rule_book_patient").value == short_of_time.patient_id
    assert "Nothing here is written" in said(at)
    add_minutes(at, short_of_time.minutes_to_next - 1)
    assert "99490" not in "".join(line for line in said(at).splitlines() if line[:7] == "| 99490")
    add_minutes(at, short_of_time.minutes_to_next)
    assert cells(at, "99490") == ["99490, CCM staff, first 20 min", "—", "1 unit, $66.13"]
    assert at.metric[2].value == "+$66.13"
    assert "gone with the changes" in said(at)


def test_both_trees_show_values_since_when_and_links_without_a_raw_id(dashboard, short_of_time):
    at = add_minutes(asked(dashboard, short_of_time.mrn), 20)
    trees = [
        item.value
        for item in at.markdown
        if item.value.count("\n- ") + item.value.count("  - ") > 5
    ]
    assert len(trees) == 2
    for tree in trees:
        assert "since Jan 1, 2015" in tree.replace("\\", "")
        assert "](https://" in tree
    month = patient_month(
        short_of_time.patient_id, month=NOVEMBER, store=dashboard.store,
        actor=dashboard.actor(AccessRole.COORDINATOR), clock=dashboard.clock, rule_book=BOOK,
    )  # fmt: skip
    assert month.entries
    for entry in month.entries:
        assert entry.id not in said(at)
    assert "the minutes added" in said(at)
    assert "what-if" not in said(at)


def test_nothing_of_what_was_asked_is_kept_or_written(dashboard, short_of_time):
    def entries():
        return patient_month(
            short_of_time.patient_id, month=NOVEMBER, store=dashboard.store,
            actor=dashboard.actor(AccessRole.OWNER), clock=dashboard.clock, rule_book=BOOK,
        )  # fmt: skip

    before = entries()
    assert before.entries
    at = add_minutes(asked(dashboard, short_of_time.mrn), 60)
    at.segmented_control(key="rule_book_if_level").set_value("High").run()
    at.multiselect(key="rule_book_if_copies").set_value([Program.CCM]).run()
    assert "99487" in said(at)
    after = entries()
    assert replace(after.facts, as_of=None) == replace(before.facts, as_of=None)
    assert after.entries == before.entries
    assert short_of_time.patient_id not in json.dumps(dict(at.query_params))
    at.button(key="rule_book_clear").click().run()
    assert at.number_input(key="rule_book_if_minutes_0").value == 0
    assert at.metric[2].value == "$0.00"


@pytest.mark.parametrize("key", [point.key for point in BOOK.policy_points if point.answers])
def test_every_policy_point_can_be_answered_otherwise(dashboard, key):
    at = asked(dashboard, "")
    point = next(each for each in BOOK.policy_points if each.key == key)
    at.selectbox(key=f"rule_book_if_policy_{key}").set_value(list(point.answers)[-1]).run()
    assert not at.exception
    assert not at.error
    assert len(at.metric) == 3


def test_a_list_of_caps_that_does_not_read_is_explained(dashboard):
    at = asked(dashboard, "")
    at.text_input(key="rule_book_if_policy_unit_caps").set_value("99439 one").run()
    assert "Write it as 99494: 4." in said(at)
    at.text_input(key="rule_book_if_policy_unit_caps").set_value("99439: 1").run()
    assert not at.error


@pytest.mark.parametrize("role", [each for each in AccessRole if each is not AccessRole.OWN_WORK])
def test_everybody_who_may_see_charts_may_ask(dashboard, role):
    assert len(asked(dashboard, "", role).metric) == 3


def test_a_consultant_with_own_work_alone_reads_the_rules_and_is_not_offered_it(dashboard):
    at = opened(dashboard, role=AccessRole.OWN_WORK)
    assert "What if" not in at.segmented_control(key="rule_book_part").options


def test_who_may_not_see_charts_is_not_offered_it(dashboard, monkeypatch):
    from trellis_core import access

    monkeypatch.setitem(access.POLICY, access.Operation.READ_CHART, frozenset({AccessRole.OWNER}))
    at = opened(dashboard, role=AccessRole.AUDITOR)
    assert "What if" not in at.segmented_control(key="rule_book_part").options
    assert (
        "What if"
        in opened(dashboard, role=AccessRole.OWNER).segmented_control(key="rule_book_part").options
    )


def test_a_practice_without_patients_is_told_so(new_practice):
    at = new_practice.open(page=PAGE)
    turned(at, "rule_book_part", "What if")
    assert "No patient is registered yet." in said(at)
    for part in (
        "Rules",
        "Compare two dates",
        "Credentials",
        "Payer policy",
        "Not covered",
        "Sources",
    ):
        turned(at, "rule_book_part", part)


def test_a_tree_says_what_is_not_met_and_what_is_not_recorded():
    use = ParameterUse("a.b", 20, date(2015, 1, 1), (next(iter(BOOK.sources)),), unit="minute")
    tree = Check(
        rule_id="x", outcome=Outcome.NOT_MET, message="20 minutes by e-1.", parameters=(use,),
        children=(Check(rule_id="y", outcome=Outcome.UNKNOWN, message="A consent."),),
    )  # fmt: skip
    text = rule_tree.written(tree, BOOK.sources, {"e-1": "the nurse"}).replace("\\", "")
    assert "**Not met:** 20 minutes by the nurse." in text
    assert "**20 minutes**, since Jan 1, 2015." in text
    assert "\n  - :orange[:material/help:] **Not recorded:** A consent." in text


def test_what_differs_between_two_trees_is_marked():
    def tree(minutes):
        met = Check(rule_id="y", outcome=Outcome.MET, message="A consent.")
        time = Check(rule_id="z", outcome=Outcome.MET, message=f"{minutes} minutes.")
        return Check(rule_id="x", outcome=Outcome.MET, message="CCM.", children=(met, time))

    text = rule_tree.written(tree(20), BOOK.sources, {}, beside=tree(17)).replace("\\", "")
    assert [line.endswith(":blue-badge[differs]") for line in text.splitlines()] == [
        False, False, True,
    ]  # fmt: skip


def test_a_sum_with_an_amount_missing_is_no_sum(dashboard, short_of_time):
    seen = patient_month(
        short_of_time.patient_id, month=NOVEMBER, store=dashboard.store,
        actor=dashboard.actor(AccessRole.OWNER), clock=dashboard.clock, rule_book=BOOK,
    ).determination  # fmt: skip
    assert rule_what_if.total_of(replace(seen, lines=())) == 0


def test_every_citation_of_the_page_names_a_source():
    for program in Program:
        for sentences in rule_reading.sections(BOOK, program, TODAY).values():
            for each in sentences:
                assert all(source_id(one) in BOOK.sources for one in each.citations)
