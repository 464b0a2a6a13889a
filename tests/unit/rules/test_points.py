"""The files of disputed points, open points and other programs: every mistake with its sentence."""

from datetime import date
from pathlib import Path

import pytest

from trellis_core.errors import RuleBookFormatError
from trellis_core.rules.facts import Policy
from trellis_core.rules.points import FILES, Points
from trellis_core.rules.rulebook import RuleBook, load_rule_book
from trellis_core.rules.sources import Source, SourceKind

SOURCES = {
    "booklet": Source(
        id="booklet",
        title="A booklet",
        publisher="CMS",
        kind=SourceKind.MLN,
        locator="MLN 1",
        url="https://www.cms.gov/booklet",
    )
}
GOOD = {
    "policy": """
["g2214_minimum_minutes"]
question = "How many minutes"
default = 16
answers = { "16" = "The midpoint", "30" = "All" }
positions = ["One says 16.", "Another says 30."]
note = "The rule outranks a page."
citations = ["booklet#page 4"]

["tcm_bundles"]
question = "Which codes"
default = ["99358"]
answers = {}
positions = ["A plan bundles one."]
note = "None for Medicare."
citations = ["booklet"]

["unit_caps"]
question = "How many units"
default = { "99494" = 4 }
answers = {}
positions = ["A state says 4."]
note = "The table."
citations = ["booklet"]
""",
    "open_points": """
["author"]
question = "Who writes"
reading = "Anyone."
positions = ["Nobody says."]
citations = ["booklet"]
""",
    "programs": """
["rpm"]
name = "Remote monitoring"
codes = ["99453", "99454"]
why = "It counts days."
beside = "It may stand."
citations = ["booklet"]
""",
}


REVIEWED = "reviewed_on = 2026-01-15\n"


def read(tmp_path: Path, **changed: str) -> tuple[Points, list[str]]:
    for name, text in (GOOD | changed).items():
        (tmp_path / f"{name}.toml").write_text(f"{REVIEWED}{text}", "utf-8")
    problems: list[str] = []
    return Points.read(tmp_path, SOURCES, problems), problems


def test_every_kind_of_default_is_read(tmp_path: Path) -> None:
    points, problems = read(tmp_path)
    assert problems == []
    assert [point.default for point in points.policy] == [16, ("99358",), {"99494": 4}]
    assert points.policy[0].answers == {"16": "The midpoint", "30": "All"}
    assert points.open[0].positions == ("Nobody says.",)
    assert points.adjacent_programs[0].codes == ("99453", "99454")


def test_what_was_read_cannot_be_changed(tmp_path: Path) -> None:
    points, _ = read(tmp_path)
    with pytest.raises(TypeError):
        points.policy[0].answers["16"] = "other"  # type: ignore[index]
    with pytest.raises(TypeError):
        points.policy[2].default["99494"] = 9  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        ("policy", 'note = "The table."\n', "", "policy.toml, 'unit_caps', note: missing; add it."),
        (
            "policy",
            'note = "The table."',
            'nore = "The table."\nnote = "The table."',
            "policy.toml, 'unit_caps', nore: not a known key; remove it or correct its spelling.",
        ),
        (
            "policy",
            "default = 16",
            "default = 16.5",
            (
                "policy.toml, 'g2214_minimum_minutes', default: "
                "a default is a text, a whole number, true or false, a list or a table of numbers."
            ),
        ),
        (
            "policy",
            'positions = ["A state says 4."]',
            "positions = []",
            "policy.toml, 'unit_caps', positions: a list with at least one text is needed.",
        ),
        (
            "policy",
            "default = 16",
            "default = 17",
            "policy.toml, 'g2214_minimum_minutes': the default 17 is none of its answers (16, 30).",
        ),
        (
            "open_points",
            'reading = "Anyone."',
            'reading = ""',
            "open_points.toml, 'author', reading: string should have at least 1 character.",
        ),
        (
            "open_points",
            'citations = ["booklet"]',
            'citations = ["letter#page 1"]',
            (
                "open_points.toml, 'author': no source 'letter' in sources.toml; "
                "add it there or correct the citation."
            ),
        ),
        (
            "open_points",
            GOOD["open_points"],
            'author = "me"',
            "open_points.toml, 'author': a table is needed, headed [\"author\"].",
        ),
        (
            "programs",
            'codes = ["99453", "99454"]',
            'codes = ["99453", 99454]',
            "programs.toml, 'rpm', codes[1]: input should be a valid string.",
        ),
        (
            "programs",
            'codes = ["99453", "99454"]',
            'codes = "99453"',
            "programs.toml, 'rpm', codes: a list with at least one text is needed.",
        ),
        (
            "programs",
            'name = "Remote monitoring"',
            "name = Remote",
            "programs.toml: not TOML: Invalid value (at line 4, column 8).",
        ),
    ],
)
def test_a_mistake_says_where_it_is_and_what_to_do(
    tmp_path: Path, name: str, old: str, new: str, problem: str
) -> None:
    assert old in GOOD[name]
    _, problems = read(tmp_path, **{name: GOOD[name].replace(old, new)})
    assert problems == [problem]


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_said(tmp_path: Path, name: str) -> None:
    read(tmp_path)
    (tmp_path / name).unlink()
    problems: list[str] = []
    Points.read(tmp_path, SOURCES, problems)
    assert problems == [f"{name}: the file is missing; add it."]


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_when_it_was_reviewed(tmp_path: Path, name: str) -> None:
    points, _ = read(tmp_path)
    assert points.reviewed_on == date(2026, 1, 15)
    for text in ("", 'reviewed_on = "today"\n'):
        (tmp_path / name).write_text(text, "utf-8")
        problems: list[str] = []
        Points.read(tmp_path, SOURCES, problems)
        assert problems == [
            (
                f"{name}: 'reviewed_on' is missing or not a day; "
                "state the day on which somebody checked the file against its sources."
            )
        ]


def test_the_rule_book_refuses_such_a_mistake_and_its_fingerprint_covers_the_files(
    tmp_path: Path,
) -> None:
    (tmp_path / "parameters").mkdir()
    source = '["booklet"]\ntitle = "A"\npublisher = "CMS"\nkind = "mln"\nlocator = "1"\nurl = "https://www.cms.gov/a"\n'
    (tmp_path / "sources.toml").write_text(source, "utf-8")
    read(tmp_path)
    first = RuleBook.from_folder(tmp_path)
    assert [point.key for point in first.open_points] == ["author"]
    changed = GOOD["open_points"].replace("Anyone", "Nobody")
    (tmp_path / "open_points.toml").write_text(f"{REVIEWED}{changed}", "utf-8")
    assert RuleBook.from_folder(tmp_path).fingerprint != first.fingerprint
    (tmp_path / "programs.toml").write_text(f"{REVIEWED}rpm = 1", "utf-8")
    with pytest.raises(RuleBookFormatError, match="'rpm': a table is needed"):
        RuleBook.from_folder(tmp_path)


def held(column: str, on: date) -> set[str]:
    return {row.credential for row in load_rule_book().credentials_on(on) if getattr(row, column)}


def test_who_bills_care_management() -> None:
    for on in (date(2024, 1, 1), date(2026, 12, 31)):
        assert held("bills_care_management", on) == {"MD", "DO", "NP", "PA", "CNS", "CNM"}


@pytest.mark.parametrize(
    ("on", "credentials"),
    [
        (date(2022, 12, 31), set()),
        (date(2023, 1, 1), {"PhD", "PsyD", "LCSW"}),
        (date(2023, 12, 31), {"PhD", "PsyD", "LCSW"}),
        (date(2024, 1, 1), {"PhD", "PsyD", "LCSW", "LMFT", "LPC"}),
    ],
)
def test_who_bills_the_behavioral_month_with_a_code_of_the_own(
    on: date, credentials: set[str]
) -> None:
    assert held("bills_behavioral", on) == credentials


def test_who_may_be_the_psychiatric_consultant() -> None:
    assert held("is_prescribing_consultant", date(2026, 11, 30)) == {"MD", "DO", "NP", "PA", "CNS"}


def test_every_credential_has_a_title_a_note_and_its_documents() -> None:
    rows = load_rule_book().credentials_on(date(2026, 11, 30))
    assert len({row.title for row in rows}) == len(rows) == 23
    for row in rows:
        assert row.earns_time, row
        assert "giving the role" in row.note, row
        assert "cfr-410-26#(b)(5)" in row.citations, row


def test_before_the_first_parameter_nobody_may_do_anything() -> None:
    for row in load_rule_book().credentials_on(date(2012, 12, 31)):
        assert not any((row.bills_care_management, row.earns_time, row.citations)), row


def test_the_defaults_of_the_file_are_those_of_the_facts() -> None:
    points = load_rule_book().policy_points
    stated = {name for name in Policy.__dataclass_fields__ if name != "stated"}
    assert {point.key for point in points} == stated
    assert {point.key: point.default for point in points} == {
        name: getattr(Policy(), name) for name in stated
    }
