"""What cells say: days in many forms, codes, words; and columns by their headings."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from trellis_core.care.vocabulary import Activity, ContactState, PayerKind, Program
from trellis_core.case_file.csv_table import read_table
from trellis_core.errors import CommandRefusedError, InputRefusedError
from trellis_core.services.imports import cells
from trellis_core.services.imports.cells import CellError
from trellis_core.services.imports.columns import (
    FIELDS,
    DayOrder,
    ImportKind,
    ImportSettings,
    guess,
    missing,
    normal,
    read_mapping,
    refuse_unusable,
    template,
)

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "import.md"
NEW_YORK = ZoneInfo("America/New_York")
M, D = DayOrder.MONTH_FIRST, DayOrder.DAY_FIRST


def test_a_day_is_read():
    for text, order, day in [
        ("1950-03-04", None, date(1950, 3, 4)),
        ("1950/3/4", None, date(1950, 3, 4)),
        ("19500304", None, date(1950, 3, 4)),
        ("03/04/1950", M, date(1950, 3, 4)),
        ("03.04.1950", D, date(1950, 4, 3)),
        ("3-25-1950", None, date(1950, 3, 25)),
        ("25/3/1950", None, date(1950, 3, 25)),
        ("4/4/1950", None, date(1950, 4, 4)),
        ("4-Mar-1950", None, date(1950, 3, 4)),
        ("Sept 4, 1950", None, date(1950, 9, 4)),
        ("4 march 1950", None, date(1950, 3, 4)),
        ("1950-03-04T00:00:00Z", None, date(1950, 3, 4)),
        ("3/4/1950 12:00:00 AM", M, date(1950, 3, 4)),
        ("3/4/1950 0:00", M, date(1950, 3, 4)),
        ("1900-01-01", None, date(1900, 1, 1)),
        ("2200-12-31", None, date(2200, 12, 31)),
    ]:
        assert cells.day(text, order) == day


def test_a_day_that_is_none_is_refused():
    for text, order, words in [
        ("03/04/1950", None, "cannot be told apart"),
        ("25/03/1950", M, "other way round"),
        ("03/25/1950", D, "other way round"),
        ("02/30/1950", M, "no such day"),
        ("13/13/1950", M, "no such day"),
        ("3/4/50", M, "two digits"),
        ("18326", M, "bare number"),
        ("1899-12-31", None, "before 1900"),
        ("2201-01-01", None, "after 2200"),
        ("4 Foo 1950", None, "Not a day"),
        ("yesterday", None, "Not a day"),
        ("1950-03-04 10:00", None, "Not a day"),
    ]:
        with pytest.raises(CellError, match=words) as refused:
            cells.day(text, order)
        assert text not in str(refused.value)


def test_unambiguous_days_show_the_order_of_the_others():
    for days, shown, is_asked in [
        (["03/04/1950", "12/31/1950"], {M}, True),
        (["03/04/1950", "31/12/1950"], {D}, True),
        (["12/31/1950", "31/12/1950"], {M, D}, False),
        (["03/04/1950", "4/4/1950", ""], set(), True),
        (["1950-03-04", "4/4/1950"], set(), False),
    ]:
        assert cells.order_of(days) == (frozenset(shown), is_asked)


def test_a_time_is_read_by_the_practices_clock():
    for text, order, at in [
        ("2026-11-03T10:00:00-05:00", None, datetime(2026, 11, 3, 15, tzinfo=UTC)),
        ("2026-11-03T15:00:00Z", None, datetime(2026, 11, 3, 15, tzinfo=UTC)),
        ("2026-11-03T10:00", None, datetime(2026, 11, 3, 15, tzinfo=UTC)),
        ("2026-11-03 10:00", None, datetime(2026, 11, 3, 15, tzinfo=UTC)),
        ("11/3/2026, 10:00 AM", M, datetime(2026, 11, 3, 15, tzinfo=UTC)),
        ("3.11.2026 12:30 pm", D, datetime(2026, 11, 3, 17, 30, tzinfo=UTC)),
        ("2026-11-01 01:30", None, datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
    ]:
        assert cells.instant(text, NEW_YORK, order) == at


def test_a_time_that_is_none_is_refused():
    for text, words in [
        ("2026-11-03", "time of day is missing"),
        ("2026-03-08 02:30", "skip that time"),
        ("2026-11-03 25:00", "Not a time of day"),
        ("2026-11-03 13:00 PM", "Not a time of day"),
        ("2026-11-03T10:00:00+99:00", "Not a time"),
        ("11/3/2026 10:00", "cannot be told apart"),
    ]:
        with pytest.raises(CellError, match=words):
            cells.instant(text, NEW_YORK, None)


def test_a_cell_is_read():
    for read, text, value in [
        (cells.sex, " F ", "female"),
        (cells.sex, "Non-Binary", "other"),
        (cells.state, "ny", "NY"),
        (cells.payer_kind, "Part C", PayerKind.MEDICARE_ADVANTAGE),
        (cells.programs, "ccm; CoCM", (Program.CCM, Program.COCM)),
        (cells.activity, "Care coordination", Activity.CARE_COORDINATION),
        (cells.activity, "care-coordination", Activity.CARE_COORDINATION),
        (cells.contact, "Left message", ContactState.ATTEMPTED),
        (cells.seconds, "17", 1020),
        (cells.seconds, "12,5 min", 750),
        (cells.conditions, "E119|i10", (("E11.9", ""), ("I10", ""))),
        (cells.conditions, "E11.9 - Type 2, mild; E11.9", (("E11.9", "Type 2, mild"),)),
        (cells.record_number, " 0012 ", "0012"),
        (cells.record_number, "9" * 64, "9" * 64),
        (cells.member_id, "123456789", "123456789"),
        (cells.words, "x" * 1000, "x" * 1000),
        (cells.line, "=cmd|' /C calc'!A1", "=cmd|' /C calc'!A1"),
    ]:
        assert read(text) == value


def test_a_cell_that_cannot_be_read_says_why_and_not_what():
    for read, text, words in [
        (cells.sex, "purple", "female, male, other"),
        (cells.state, "New York", "two letters"),
        (cells.payer_kind, "HMO", "medicare_advantage"),
        (cells.programs, "RPM", "CCM"),
        (cells.programs, "tcm", "discharge"),
        (cells.activity, "lunch", "care_coordination"),
        (cells.seconds, "soon", "number of minutes"),
        (cells.seconds, "1.01", "whole seconds"),
        (cells.conditions, "sugar", "no ICD-10-CM code"),
        (cells.conditions, ";".join(f"A{n:02d}.1" for n in range(51)), "more than 50"),
        (cells.npi, "1234567890", "check digit"),
        (cells.record_number, "1.23E+11", "shortened"),
        (cells.record_number, "9" * 65, "64 characters"),
        (cells.member_id, "123-45-6789A", "Social Security"),
        (cells.words, "x" * 1001, "1,000 characters"),
        (cells.line, "half \ud83d", "cannot be kept"),
    ]:
        with pytest.raises(CellError, match=words) as refused:
            read(text)
        assert text not in str(refused.value)


def test_a_payers_kind_is_never_a_guess():
    for name, kind in [
        ("Medicare", PayerKind.MEDICARE),
        ("Medicaid of NY", PayerKind.MEDICAID),
        ("Fernbank Medicare Advantage", PayerKind.MEDICARE_ADVANTAGE),
        ("Medicare Part C", PayerKind.MEDICARE_ADVANTAGE),
        ("Medicare/Medicaid dual", None),
        ("Medicare Supplement", None),
        ("Commercial", None),
    ]:
        assert cells.kind_by_name(name) is kind


# --- columns ---------------------------------------------------------------------------------


def table(heading: str, *rows: str):
    return read_table("\n".join((heading, *rows)).encode())


def test_a_heading_of_other_systems_is_known():
    for heading, key in [
        ("Chart #", "mrn"),
        ("PatientDOB", "birth_date"),
        ("DATE_OF_BIRTH", "birth_date"),
        ("Pt Last Name", "family_name"),
        ("Primary Insurance", "payer_name"),
        ("MBI", "member_id"),
        ("Diagnosis Codes", "conditions"),
        ("Zip", "postal_code"),
    ]:
        assert guess(table(heading, "x"), ImportKind.PATIENTS).columns == {key: 1}


@pytest.mark.parametrize("kind", ImportKind)
def test_no_heading_stands_for_two_fields_and_the_template_needs_no_mapping(kind):
    headings = [each for one in FIELDS[kind] for each in {*one.headings, normal(one.label)}]
    assert sorted(headings) == sorted(set(headings))
    assert all(normal(each) == each for each in headings)
    made = read_table(template(kind))
    assert guess(made, kind).columns.keys() == {one.key for one in FIELDS[kind] if one.example}
    assert missing(guess(made, kind).columns, kind) == ()


@pytest.mark.parametrize(
    ("heading", "cell"),
    [("SSN", ""), ("Social Security No.", "1"), ("Soc. Sec.", "1"), ("Phone", "123-45-6789")],
)
def test_social_security_numbers_are_left_out_by_heading_and_by_content(heading, cell):
    made = table(f"MRN,Last,{heading}", f"1,Fern,{cell}", f"2,Moss,{cell}")
    guessed = guess(made, ImportKind.PATIENTS)
    assert guessed.left_out == {3}
    assert guessed.columns == {"mrn": 1, "family_name": 2}
    with pytest.raises(CommandRefusedError, match="never read"):
        refuse_unusable({"mrn": 1, "family_name": 2, "phone": 3}, ImportKind.PATIENTS, made)


def test_what_a_file_must_say():
    for kind, keys, lacking in [
        (ImportKind.PATIENTS, "mrn", ("Family name",)),
        (ImportKind.PATIENTS, "mrn name", ()),
        (ImportKind.PATIENTS, "family_name", ("Record number",)),
        (ImportKind.TIME, "mrn program person minutes activity start", ()),
        (ImportKind.TIME, "mrn program person minutes activity day clock", ()),
        (ImportKind.TIME, "mrn program person minutes activity day", ("Time of day",)),
        (ImportKind.TIME, "mrn program person minutes activity", ("Start (day and time)",)),
    ]:
        assert missing(dict.fromkeys(keys.split(), 1), kind) == lacking


def test_a_mapping_file_names_columns_by_their_heading():
    made = table("Nr,Who,When", "1,Fern,03/04/1950")
    said = {
        "columns": {"mrn": "Nr", "name": "Who"},
        "dates": "day_first",
        "other_payers": "medicaid",
    }
    settings = read_mapping(json.dumps(said).encode(), table=made, kind=ImportKind.PATIENTS)
    assert settings == ImportSettings(
        columns={"mrn": 1, "name": 2}, dates=D, other_payers=PayerKind.MEDICAID
    )
    assert ImportSettings.from_json(settings.as_json()) == settings
    assert "Nr" not in settings.as_json()


def test_a_mapping_file_that_is_none_is_refused():
    for said in [
        "[]",
        "{}",
        '{"columns": {"mrn": "Nr"}, "more": 1}',
        '{"columns": {"shoe_size": "Nr"}}',
        '{"columns": {"mrn": "Number"}}',
        '{"columns": {"mrn": 1}}',
        '{"columns": {}, "dates": "first"}',
        '{"columns": {}, "other_payers": ["medicare"]}',
        "not json",
    ]:
        with pytest.raises(InputRefusedError):
            read_mapping(said.encode(), table=table("Nr", "1"), kind=ImportKind.PATIENTS)


@pytest.mark.parametrize("kind", ImportKind)
def test_the_guide_has_the_headings_and_the_template(kind):
    guide = GUIDE.read_text(encoding="utf-8")
    for each in FIELDS[kind]:
        assert f"| {each.label} | `{each.key}` | {', '.join(each.headings)} |" in guide
    assert (GUIDE.parent / f"import-{kind}.csv").read_bytes() == template(kind)
