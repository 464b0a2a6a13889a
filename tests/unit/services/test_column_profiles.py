"""Column profiles: made, changed, renamed and removed by those who may, and used by every table of lines."""

import csv
import io
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import pytest

from tests.support.small_panel import SmallPanel
from tests.support.superbill_case import CASE
from trellis_core.access import AccessRole
from trellis_core.documents.columns import FIELDS, field_label, lines_table
from trellis_core.documents.superbill_csv import superbill_csv
from trellis_core.errors import CommandRefusedError, NotFoundError, PermissionDeniedError
from trellis_core.services.column_profiles import (
    BUILT_IN,
    Column,
    ColumnProfile,
    column_profiles,
    profile_named,
    remove_column_profile,
    save_column_profile,
)
from trellis_core.superbill import Diagnosis

CODE = Column(heading="CPT", field="code")
SITE = Column(heading="Site", constant="Main")


@pytest.fixture
def desk(store, clock):
    panel = SmallPanel(store)

    def save(command, role=AccessRole.BILLER):
        return save_column_profile(command, store=store, actor=panel.actor(role), clock=clock)

    def names(role=AccessRole.COORDINATOR):
        return [each.name for each in column_profiles(store=store, actor=panel.actor(role))]

    def remove(profile_id):
        actor = panel.actor(AccessRole.BILLER)
        remove_column_profile(profile_id, store=store, actor=actor, clock=clock)

    return SimpleNamespace(
        store=store, practice=panel.practice_id, save=save, names=names, remove=remove
    )


def test_a_profile_is_made_changed_renamed_and_removed(desk):
    made = desk.save(ColumnProfile(name="  Our   system ", columns=(CODE, SITE)))
    assert desk.names() == ["CMS-1500 boxes", "Our system"]

    desk.save(replace(made, name="OUR SYSTEM", columns=(SITE, CODE)))
    with desk.store.reading() as unit:
        found = profile_named(unit, desk.practice, "our system")
    assert (found.name, found.columns) == ("OUR SYSTEM", (SITE, CODE))

    desk.remove(made.id)
    assert desk.names() == ["CMS-1500 boxes"]
    with pytest.raises(NotFoundError):
        desk.remove(made.id)
    with pytest.raises(NotFoundError):
        desk.save(made)


def test_a_name_is_one_profile_whatever_its_letters(desk):
    first = desk.save(ColumnProfile(name="Ours", columns=(CODE,)))
    desk.save(replace(first, columns=(SITE,)))
    for taken in ("OURS", "cms-1500 BOXES"):
        with pytest.raises(CommandRefusedError, match="already") as refused:
            desk.save(ColumnProfile(name=taken, columns=(CODE,)))
        assert refused.value.code == "PROFILE_NAME_TAKEN"


@pytest.mark.parametrize(
    ("name", "columns", "code"),
    [
        ("a", 1, None),
        ("a" * 60, 1, None),
        ("a" * 61, 1, "PROFILE_NAME"),
        ("  ", 1, "PROFILE_NAME"),
        ("a\x00b", 1, "PROFILE_NAME"),
        ("a", 100, None),
        ("a", 101, "PROFILE_COLUMNS"),
        ("a", 0, "PROFILE_COLUMNS"),
    ],
)
def test_names_and_numbers_of_columns_have_bounds(desk, name, columns, code):
    given = tuple(Column(heading=f"H{number}", field="code") for number in range(columns))
    if code is None:
        assert desk.save(ColumnProfile(name=name, columns=given)).columns == given
    else:
        with pytest.raises(CommandRefusedError) as refused:
            desk.save(ColumnProfile(name=name, columns=given))
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("column", "code"),
    [
        (Column(heading=" ", field="code"), "PROFILE_HEADING"),
        (Column(heading="x" * 201, field="code"), "PROFILE_HEADING"),
        (Column(heading="a\nb", field="code"), "PROFILE_TEXT"),
        (Column(heading="a", field="code", constant="b"), "PROFILE_FIELD_AND_CONSTANT"),
        (Column(heading="a", field="note"), "PROFILE_FIELD"),
        (Column(heading="CPT", field="mrn"), "PROFILE_HEADING_TWICE"),
    ],
)
def test_a_column_that_cannot_be_written_is_refused_by_its_number(desk, column, code):
    with pytest.raises(CommandRefusedError, match="2") as refused:
        desk.save(ColumnProfile(name="Ours", columns=(CODE, column)))
    assert refused.value.code == code


def test_only_those_who_may_edit_profiles_do(desk):
    with pytest.raises(PermissionDeniedError):
        desk.save(ColumnProfile(name="Ours", columns=(CODE,)), role=AccessRole.COORDINATOR)
    with pytest.raises(PermissionDeniedError):
        desk.names(role=AccessRole.AUDITOR)


def test_an_unknown_name_is_refused_with_the_names_that_there_are(desk):
    desk.save(ColumnProfile(name="Ours", columns=(CODE,)))
    with desk.store.reading() as unit, pytest.raises(CommandRefusedError) as refused:
        profile_named(unit, desk.practice, "Theirs")
    assert "'CMS-1500 boxes', 'Ours'" in str(refused.value)


def test_the_built_in_profile_has_the_forms_items():
    (line, *_) = CASE.only().lines
    eleven = tuple(
        Diagnosis(letter=letter, icd10=f"E11.{place}2", text="", condition_id="c")
        for place, letter in enumerate("ABCDEFGHIJK")
    )
    bill = replace(
        CASE.with_patient(sex="female", family_name="Fern", given_name="Ada").only(),
        lines=(line,),
        diagnoses=eleven,
    )
    table = lines_table([bill], BUILT_IN.columns)
    (row,) = table.rows
    said = dict(zip(table.headings, row, strict=True))

    assert (said["1a"], said["2"], said["3 Sex"]) == (bill.payer.member_id, "Fern, Ada", "F")
    assert said["3"] == bill.patient.birth_date.strftime("%m/%d/%Y")
    assert (said["21 ICD Ind."], said["21A"], said["21K"], said["21L"]) == (
        "0", "E1102", "E11102", "",
    )  # fmt: skip
    assert said["24A From"] == said["24A To"] == line.date_of_service.strftime("%m/%d/%Y")
    assert (said["24B"], said["24D"], said["24G"]) == (line.place_of_service, line.code, line.units)
    assert (said["25"], said["33a"]) == ("123456789", bill.practice.npi)
    assert not {"17", "27", "31"} & set(said)


@pytest.mark.parametrize(("lines", "has_total"), [(6, True), (7, False)])
def test_the_forms_total_is_given_where_the_lines_fit_on_one_form(lines, has_total):
    bill = CASE.only()
    line = replace(bill.lines[0], charge=Decimal("10.00"))
    crowded = replace(bill, lines=(line,) * lines)
    total = FIELDS["charge_total"](crowded, line)
    assert total == (Decimal("60.00") if has_total else None)


def test_every_field_has_a_name_of_its_own_on_screen():
    assert len({field_label(name) for name in FIELDS}) == len(FIELDS)


def test_a_constant_that_could_be_a_formula_is_made_safe():
    columns = (Column(heading="=1+1", constant="@SUM(1)"),)
    rows = list(csv.reader(io.StringIO(superbill_csv([CASE.only()], columns), newline="")))
    assert rows[0] == ["'=1+1"]
    assert rows[1] == ["'@SUM(1)"]
