"""The loader of the rule book: dates, ends, kinds, and every mistake with its sentence."""

import hashlib
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from trellis_core.errors import (
    ParameterNotInForceError,
    RuleBookFormatError,
    UnknownParameterError,
    UnknownSourceError,
)
from trellis_core.rules.rulebook import RuleBook, load_rule_book
from trellis_core.rules.sources import by_authority, place_in, rests_on_guidance_only, source_of

SOURCES = """
["rule-2021"]
title = "CY 2021 Physician Fee Schedule final rule"
publisher = "CMS"
kind = "federal-register"
locator = "85 FR 84472"
url = "https://www.federalregister.gov/citation/85-FR-84472"
published_on = 2020-12-28
retrieved_on = 2026-01-15

["booklet"]
title = "A booklet"
publisher = "CMS"
kind = "mln"
locator = "MLN 1"
url = "https://www.cms.gov/booklet"
retrieved_on = 2026-01-15

["questions"]
title = "Questions and answers"
publisher = "CMS"
kind = "faq"
locator = "Question 1"
url = "https://www.cms.gov/faq"
retrieved_on = 2026-01-15
"""

GOOD = """
reviewed_on = 2026-01-15

["staff.minutes"]
description = "Staff time before the service may be reported."
unit = "minute"
values = [{ effective_from = 2015-01-01, value = 20, citations = ["rule-2021#p1"] }]

["staff.additional.hcpcs"]
description = "Code of each further block."
unit = "hcpcs"
values = [
  { effective_from = 2020-01-01, value = "G2058", citations = ["rule-2021"] },
  { effective_from = 2021-01-01, value = "99439", citations = ["rule-2021", "booklet"] },
  { effective_from = 2025-10-01, ended = true, citations = ["rule-2021"], note = "Gone." },
]

["staff.roles"]
description = "Whose time counts."
unit = "role"
values = [{ effective_from = 2015-01-01, value = ["nurse", "doctor"], citations = ["booklet"] }]

["factor"]
description = "A factor."
unit = "share"
values = [{ effective_from = 2015-01-01, value = 0.85, citations = ["rule-2021"] }]

["switch"]
description = "A switch."
unit = "switch"
values = [{ effective_from = 2015-01-01, value = true, citations = ["rule-2021"] }]
"""


def folder(tmp_path: Path, sources: str = SOURCES, **files: str) -> Path:
    (tmp_path / "parameters").mkdir(exist_ok=True)
    (tmp_path / "sources.toml").write_text(sources, "utf-8")
    for name in ("policy", "open_points", "programs"):
        (tmp_path / f"{name}.toml").write_text("reviewed_on = 2026-01-15\n", "utf-8")
    for name, text in files.items():
        (tmp_path / "parameters" / f"{name}.toml").write_text(text, "utf-8")
    return tmp_path


@pytest.fixture
def book(tmp_path: Path) -> RuleBook:
    return RuleBook.from_folder(folder(tmp_path, good=GOOD))


def parameter(
    values: str, *, path: str = '"x"', rest: str = 'description = "d"\nunit = "u"'
) -> str:
    return f"reviewed_on = 2026-01-15\n[{path}]\n{rest}\nvalues = {values}\n"


def problems_of(tmp_path: Path, text: str, sources: str = SOURCES) -> tuple[str, ...]:
    with pytest.raises(RuleBookFormatError) as caught:
        RuleBook.from_folder(folder(tmp_path, sources, bad=text))
    return caught.value.problems


def test_a_value_holds_from_its_day_and_not_the_day_before(book: RuleBook) -> None:
    path = "staff.additional.hcpcs"
    first = date(2020, 1, 1)
    assert not book.is_in_force(path, on=first - timedelta(days=1))
    assert book.text(path, on=first) == "G2058"
    assert book.text(path, on=date(2020, 12, 31)) == "G2058"
    assert book.text(path, on=date(2021, 1, 1)) == "99439"
    assert book.text(path, on=date(2025, 9, 30)) == "99439"
    assert not book.is_in_force(path, on=date(2025, 10, 1))


def test_a_use_names_its_date_and_citations(book: RuleBook) -> None:
    use = book.use("staff.additional.hcpcs", on=date(2024, 5, 1))
    assert use.path == "staff.additional.hcpcs"
    assert use.effective_from == date(2021, 1, 1)
    assert use.citations == ("rule-2021", "booklet")


def test_asking_before_the_first_date_says_which_date_is_the_first(book: RuleBook) -> None:
    with pytest.raises(ParameterNotInForceError) as caught:
        book.value("staff.additional.hcpcs", on=date(2019, 12, 31))
    assert str(caught.value) == (
        "Parameter 'staff.additional.hcpcs' has no value in force on 2019-12-31; the first is from "
        "2020-01-01. Pass the date of service, not today's date."
    )


def test_asking_after_the_end_says_when_it_ended(book: RuleBook) -> None:
    with pytest.raises(ParameterNotInForceError, match="it ended on 2025-10-01"):
        book.value("staff.additional.hcpcs", on=date(2026, 1, 1))


def test_an_unknown_path_is_answered_with_the_nearest(book: RuleBook) -> None:
    with pytest.raises(UnknownParameterError, match=r"Did you mean 'staff\.minutes'\?"):
        book.is_in_force("staff.minute", on=date(2026, 1, 1))


def test_decimals_are_exact_and_lists_are_tuples(book: RuleBook) -> None:
    on = date(2026, 1, 1)
    assert book.number("factor", on=on) == Decimal("0.85")
    assert book.number("staff.minutes", on=on) == Decimal(20)
    assert book.texts("staff.roles", on=on) == ("nurse", "doctor")
    assert book.flag("switch", on=on) is True
    assert book.integer("staff.minutes", on=on) == 20


@pytest.mark.parametrize(
    ("ask", "path"),
    [
        ("integer", "switch"),
        ("integer", "factor"),
        ("number", "switch"),
        ("text", "staff.minutes"),
        ("texts", "staff.additional.hcpcs"),
        ("flag", "staff.minutes"),
    ],
)
def test_a_value_of_another_kind_is_not_passed_off(book: RuleBook, ask: str, path: str) -> None:
    with pytest.raises(RuleBookFormatError, match="is needed here"):
        getattr(book, ask)(path, on=date(2024, 1, 1))


def test_the_newest_value_may_be_an_end(book: RuleBook) -> None:
    assert book.parameters["staff.additional.hcpcs"].newest.ended
    assert book.parameters["staff.minutes"].reviewed_on == date(2026, 1, 15)
    assert book.parameters["staff.minutes"].file == "good.toml"


def test_the_fingerprint_changes_with_any_file_and_with_nothing_else(tmp_path: Path) -> None:
    place = folder(tmp_path, good=GOOD)
    first = RuleBook.from_folder(place).fingerprint
    assert first.startswith("sha256:")
    assert RuleBook.from_folder(place).fingerprint == first
    (place / "parameters" / "good.toml").write_bytes(GOOD.replace("\n", "\r\n").encode())
    assert RuleBook.from_folder(place).fingerprint == first
    (place / "parameters" / "good.toml").write_text(GOOD.replace("value = 20", "value = 21"))
    assert RuleBook.from_folder(place).fingerprint != first
    (place / "parameters" / "good.toml").write_text(GOOD)
    (place / "sources.toml").write_text(SOURCES + "# a remark\n")
    assert RuleBook.from_folder(place).fingerprint != first


def test_sources_have_a_rank_of_authority(book: RuleBook) -> None:
    assert by_authority(["questions", "booklet#2", "rule-2021"], book.sources) == (
        "rule-2021",
        "booklet#2",
        "questions",
    )
    assert rests_on_guidance_only(["booklet", "questions"], book.sources)
    assert not rests_on_guidance_only(["booklet", "rule-2021#p1"], book.sources)
    assert not rests_on_guidance_only([], book.sources)
    assert place_in("rule-2021#p1") == "p1"
    with pytest.raises(UnknownSourceError, match="No source 'gone'"):
        source_of("gone#1", book.sources)


VALUE = '{ effective_from = 2015-01-01, value = 1, citations = ["booklet"] }'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            parameter(f"[{VALUE}]").replace("reviewed_on = 2026-01-15\n", ""),
            (
                "bad.toml: 'reviewed_on' is missing or not a day; "
                "state the day on which somebody checked the file against its sources."
            ),
        ),
        (
            parameter(f"[{VALUE.replace('booklet', 'nowhere#3')}]"),
            (
                "bad.toml, 'x', 2015-01-01: no source 'nowhere' in sources.toml; "
                "add it there or correct the citation."
            ),
        ),
        (
            parameter(f"[{VALUE}, {VALUE}]"),
            (
                "bad.toml, 'x': 2015-01-01 follows 2015-01-01; "
                "order the values by date, one for each day."
            ),
        ),
        (
            parameter(f"[{VALUE}, {VALUE.replace('2015', '2014')}]"),
            (
                "bad.toml, 'x': 2014-01-01 follows 2015-01-01; "
                "order the values by date, one for each day."
            ),
        ),
        (
            parameter(f"[{VALUE.replace('value = 1', 'value = 1, ended = true')}]"),
            "bad.toml, 'x', values[0]: exactly one of 'value' and 'ended = true' is needed.",
        ),
        (
            parameter(f"[{VALUE.replace('value = 1, ', '')}]"),
            "bad.toml, 'x', values[0]: exactly one of 'value' and 'ended = true' is needed.",
        ),
        (
            parameter(f"[{VALUE.replace('value = 1', 'ended = true')}]"),
            "bad.toml, 'x': the first value is an end; give the value that ended before it.",
        ),
        (
            parameter(f"[{VALUE}, {VALUE.replace('2015', '2016').replace('= 1,', '= true,')}]"),
            "bad.toml, 'x': values are of different kinds (bool, int); use one kind.",
        ),
        (
            parameter("7"),
            "bad.toml, 'x': 'values' is a list of dated values; put it in brackets.",
        ),
        (parameter("[]"), "bad.toml, 'x': 'values' is empty; give at least one dated value."),
        (
            parameter(f"[{VALUE.replace('[' + chr(34) + 'booklet' + chr(34) + ']', '[]')}]"),
            (
                "bad.toml, 'x', values[0].citations: a list with at least one source id is needed; "
                "every value is cited."
            ),
        ),
        (
            parameter(f"[{VALUE.replace('value = 1', 'value = { a = 1 }')}]"),
            (
                "bad.toml, 'x', values[0].value: a value is a whole number, a decimal, a text, "
                "true or false, or a list of texts."
            ),
        ),
        (
            parameter(f"[{VALUE.replace('value = 1', 'value = [1]')}]"),
            (
                "bad.toml, 'x', values[0].value: a value is a whole number, a decimal, a text, "
                "true or false, or a list of texts."
            ),
        ),
        (
            parameter(f"[{VALUE.replace('2015-01-01', '2015-01-01T00:00:00')}]"),
            "bad.toml, 'x', values[0].effective_from: input should be a valid date.",
        ),
        (
            parameter(f"[{VALUE}]", rest='descripton = "d"\ndescription = "d"\nunit = "u"'),
            "bad.toml, 'x', descripton: not a known key; remove it or correct its spelling.",
        ),
        (
            parameter(f"[{VALUE}]", rest='description = "d"'),
            "bad.toml, 'x', unit: missing; add it.",
        ),
        (
            parameter(f"[{VALUE}]", path="staff.minutes"),
            (
                "bad.toml, 'staff': a table with 'values' is needed; "
                'put the whole path in quotes, for example ["ccm.staff.minutes"].'
            ),
        ),
    ],
)
def test_each_mistake_has_its_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    assert problems_of(tmp_path, text) == (sentence,)


def test_toml_that_does_not_parse_is_named(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, parameter(f"[{VALUE}]") + '["x"]\n')
    assert problem.startswith("bad.toml: not TOML:")


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    place = folder(tmp_path)
    (place / "parameters" / "bad.toml").write_bytes(b'"\xff"')
    with pytest.raises(RuleBookFormatError, match=r"bad\.toml: the file is not UTF-8"):
        RuleBook.from_folder(place)


def test_a_path_in_two_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleBookFormatError) as caught:
        RuleBook.from_folder(
            folder(tmp_path, one=parameter(f"[{VALUE}]"), two=parameter(f"[{VALUE}]"))
        )
    assert caught.value.problems == ("two.toml, 'x': also defined in one.toml; keep one.",)


def test_missing_and_malformed_sources_are_named(tmp_path: Path) -> None:
    bad = SOURCES.replace('kind = "mln"', 'kind = "blog"').replace(
        "https://www.cms.gov/faq", "cms.gov"
    )
    problems = problems_of(tmp_path, GOOD, bad)
    assert any(each.startswith("sources.toml, 'booklet', kind:") for each in problems)
    assert any(each.startswith("sources.toml, 'questions', url:") for each in problems)
    (tmp_path / "sources.toml").unlink()
    with pytest.raises(RuleBookFormatError, match=r"sources\.toml: the file is missing; add it\."):
        RuleBook.from_folder(tmp_path)


def test_a_source_without_a_heading_of_its_own_is_named(tmp_path: Path) -> None:
    assert problems_of(tmp_path, GOOD, f'stray = "x"\n{SOURCES}') == (
        "sources.toml, 'stray': a table is needed, headed [\"stray\"].",
    )


def test_all_problems_of_all_files_come_together(tmp_path: Path) -> None:
    one = parameter("[]")
    two = parameter(f"[{VALUE.replace('booklet', 'nowhere')}]", path='"y"')
    with pytest.raises(RuleBookFormatError) as caught:
        RuleBook.from_folder(
            folder(tmp_path, SOURCES.replace('kind = "faq"', "kind = 1"), one=one, two=two)
        )
    assert len(caught.value.problems) == 3
    assert "3 problem(s)" in str(caught.value)


def test_a_table_whose_content_changed_is_refused(tmp_path: Path) -> None:
    place = folder(tmp_path, good=GOOD)
    tables = place / "tables"
    tables.mkdir()
    content = b"code,units,mai,rationale\n99490,1,2,policy\n"
    sidecar = (
        'kind = "mue"\neffective_from = 2024-07-01\nsource = "CMS"\nrelease = "2024 Q3"\n'
        'url = "https://www.cms.gov/"\nretrieved = 2026-11-22\nsha256 = "{}"\n'
    )
    (tables / "mue.csv").write_bytes(content)
    (tables / "mue.toml").write_text(sidecar.format(hashlib.sha256(content).hexdigest()))
    cap = RuleBook.from_folder(place).unit_caps("99490", date(2026, 1, 1))
    assert cap is not None
    assert cap.units == 1
    (tables / "mue.csv").write_bytes(content.replace(b"99490,1", b"99490,9"))
    with pytest.raises(RuleBookFormatError, match=r"mue\.csv: sha256 is .*, its sidecar says"):
        RuleBook.from_folder(place)
    changed = content.replace(b"99490,1", b"99490,one")
    (tables / "mue.csv").write_bytes(changed)
    (tables / "mue.toml").write_text(sidecar.format(hashlib.sha256(changed).hexdigest()))
    with pytest.raises(RuleBookFormatError, match=r"mue\.csv, row 1: ValueError"):
        RuleBook.from_folder(place)
    (tables / "mue.toml").write_text('kind = "mue"\n')
    with pytest.raises(RuleBookFormatError, match=r"mue\.toml, 'sha256': Field required"):
        RuleBook.from_folder(place)
    (tables / "mue.toml").write_text("kind = \n")
    with pytest.raises(RuleBookFormatError, match=r"mue\.toml: not TOML"):
        RuleBook.from_folder(place)
    (tables / "mue.toml").unlink()
    with pytest.raises(RuleBookFormatError, match=r"mue\.toml: the file is missing"):
        RuleBook.from_folder(place)


def test_the_shipped_rule_book_loads_once() -> None:
    assert load_rule_book() is load_rule_book()
    assert load_rule_book().version == "2026.4"
