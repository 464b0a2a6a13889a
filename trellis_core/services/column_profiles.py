"""Column profiles: which columns a practice-management system wants, under which headings, in which order.

A profile changes how a table of claim lines is laid out and nothing of what it says. One profile is
built in, cannot be changed, and follows the items of the CMS-1500 (02/12) claim form.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlmodel import select

from trellis_core.access import Actor, Operation, require
from trellis_core.documents.columns import FIELDS, Column
from trellis_core.documents.form_items import ICD_10
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.services.access_log import audited
from trellis_core.store.engine import Store
from trellis_core.store.tables import ColumnProfileRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill.bill import LETTERS
from trellis_core.values.clock import Clock
from trellis_core.values.folding import folded
from trellis_core.values.ids import new_id

__all__ = [
    "BUILT_IN",
    "LONGEST_NAME",
    "LONGEST_TEXT",
    "MOST_COLUMNS",
    "Column",
    "ColumnProfile",
    "column_profiles",
    "profile_named",
    "remove_column_profile",
    "save_column_profile",
]

LONGEST_NAME: Final = 60
LONGEST_TEXT: Final = 200
"""Characters of a heading, and of a constant."""
MOST_COLUMNS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """The columns that another system wants.

    Attributes:
        id: Empty for one that is to be made, and for the built-in one.
        name: The practice's own, whatever the letters' case.
        columns: In their order.
        made_by: Who changed it last, as a staff id; empty for the built-in one.
        made_at: When; None for the built-in one.
        is_built_in: It is part of Trellis and cannot be changed.
    """

    id: str = ""
    name: str
    columns: tuple[Column, ...]
    made_by: str = ""
    made_at: datetime | None = None
    is_built_in: bool = False


def _of_form(*items: tuple[str, str]) -> tuple[Column, ...]:
    return tuple(Column(heading=heading, field=field) for heading, field in items)


BUILT_IN: Final = ColumnProfile(
    name="CMS-1500 boxes",
    is_built_in=True,
    columns=(
        *_of_form(
            ("1a", "member_id"),
            ("2", "patient_name"),
            ("3", "birth_date_us"),
            ("3 Sex", "sex_letter"),
            ("5", "patient_street"),
            ("5 City", "patient_city"),
            ("5 State", "patient_state"),
            ("5 ZIP", "patient_zip"),
            ("5 Telephone", "patient_phone"),
        ),
        Column(heading="21 ICD Ind.", constant=ICD_10),
        *_of_form(
            *((f"21{letter}", f"diagnosis_{letter.lower()}_without_point") for letter in LETTERS),
            ("24A From", "date_of_service_us"),
            ("24A To", "date_of_service_us"),
            ("24B", "place_of_service"),
            ("24D", "code"),
            ("24D Modifiers", "modifiers"),
            ("24E", "diagnosis_pointers"),
            ("24F", "charge"),
            ("24G", "units"),
            ("24J", "rendering_npi"),
            ("25", "billing_tin_digits"),
            ("26", "mrn"),
            ("28", "charge_total"),
            ("33", "billing_name"),
            ("33 Street", "billing_street"),
            ("33 City", "billing_city"),
            ("33 State", "billing_state"),
            ("33 ZIP", "billing_zip"),
            ("33 Telephone", "billing_phone"),
            ("33a", "billing_npi"),
        ),
    ),
)
"""The items of the claim form for which a superbill holds the datum; the others are left out."""


@audited
def column_profiles(*, store: Store, actor: Actor) -> tuple[ColumnProfile, ...]:
    """Return the practice's profiles by name, after the built-in one.

    Raises:
        PermissionDeniedError: The actor may not draw superbills up.
    """
    require(actor, Operation.DRAFT_SUPERBILL)
    with store.reading() as unit:
        return _every(unit, actor.practice_id)


@audited
def save_column_profile(
    command: ColumnProfile, *, store: Store, actor: Actor, clock: Clock
) -> ColumnProfile:
    """Make a profile, or change or rename one.

    Args:
        command: The profile as it shall be; with an empty id a new one.
        store: The store.
        actor: Who edits.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not edit profiles.
        NotFoundError: No such profile, or it was removed meanwhile.
        CommandRefusedError: The name is missing, too long or taken, or the columns cannot be written.
    """
    require(actor, Operation.EDIT_PROFILES)
    made = replace(
        command,
        id=command.id or new_id("cp"),
        name=" ".join(command.name.split()),
        columns=tuple(replace(each, heading=each.heading.strip()) for each in command.columns),
        made_by=actor.person_id,
        made_at=clock.now(),
        is_built_in=False,
    )
    _check(made)
    with store.writing(actor=actor, at=clock.now()) as unit:
        others = [each for each in _every(unit, actor.practice_id) if each.id != made.id]
        if any(folded(each.name) == folded(made.name) for each in others):
            raise CommandRefusedError(
                "PROFILE_NAME_TAKEN",
                f"There is a column profile '{made.name}' already. Give another name.",
            )
        row = _row(unit, actor.practice_id, command.id) if command.id else None
        row = row or ColumnProfileRow(
            practice_id=actor.practice_id,
            id=made.id,
            name=made.name,
            columns="[]",
            made_by=actor.person_id,
            made_at=clock.now(),
        )
        row.name, row.columns = made.name, _columns_text(made.columns)
        row.made_by, row.made_at = actor.person_id, clock.now()
        unit.session.add(row)
    return made


@audited
def remove_column_profile(profile_id: str, *, store: Store, actor: Actor, clock: Clock) -> None:
    """Remove a profile; files that were made with it stay as they are.

    Raises:
        PermissionDeniedError: The actor may not edit profiles.
        NotFoundError: No such profile, or it was removed already.
    """
    require(actor, Operation.EDIT_PROFILES)
    with store.writing(actor=actor, at=clock.now()) as unit:
        unit.session.delete(_row(unit, actor.practice_id, profile_id))


def profile_named(unit: UnitOfWork, practice_id: str, name: str) -> ColumnProfile:
    """Return the profile of a name, whatever its letters' case.

    Raises:
        CommandRefusedError: There is none; the message names those that there are.
    """
    every = _every(unit, practice_id)
    wanted = folded(" ".join(name.split()))
    for each in every:
        if folded(each.name) == wanted:
            return each
    names = ", ".join(f"'{each.name}'" for each in every)
    raise CommandRefusedError(
        "PROFILE_UNKNOWN", f"No column profile '{name}'. Choose one of these: {names}."
    )


def _every(unit: UnitOfWork, practice_id: str) -> tuple[ColumnProfile, ...]:
    rows = unit.session.exec(
        select(ColumnProfileRow).where(ColumnProfileRow.practice_id == practice_id)
    ).all()
    stored = sorted(map(_profile_of, rows), key=lambda each: (folded(each.name), each.id))
    return (BUILT_IN, *stored)


def _row(unit: UnitOfWork, practice_id: str, profile_id: str) -> ColumnProfileRow:
    row = unit.session.get(ColumnProfileRow, (practice_id, profile_id))
    if row is None:
        raise NotFoundError("column profile", profile_id)
    return row


def _profile_of(row: ColumnProfileRow) -> ColumnProfile:
    return ColumnProfile(
        id=row.id,
        name=row.name,
        columns=tuple(Column(**each) for each in json.loads(row.columns)),
        made_by=row.made_by,
        made_at=row.made_at,
    )


def _columns_text(columns: Sequence[Column]) -> str:
    content = [
        {"heading": each.heading}
        | ({"field": each.field} if each.field else {"constant": each.constant})
        for each in columns
    ]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _check(profile: ColumnProfile) -> None:
    if not 1 <= len(profile.name) <= LONGEST_NAME or not profile.name.isprintable():
        raise CommandRefusedError(
            "PROFILE_NAME", f"A column profile needs a name of 1 to {LONGEST_NAME} characters."
        )
    if not 1 <= len(profile.columns) <= MOST_COLUMNS:
        raise CommandRefusedError(
            "PROFILE_COLUMNS",
            f"A column profile has 1 to {MOST_COLUMNS} columns, and this one "
            f"{len(profile.columns)}. Add or remove some.",
        )
    headings: dict[str, int] = {}
    for number, column in enumerate(profile.columns, 1):
        _check_column(column, number)
        first = headings.setdefault(column.heading, number)
        if first != number:
            raise CommandRefusedError(
                "PROFILE_HEADING_TWICE",
                f"Columns {first} and {number} have the heading '{column.heading}'. A system that "
                "reads the file finds columns by their headings: give each its own.",
            )


def _check_column(column: Column, number: int) -> None:
    if not column.heading or max(len(column.heading), len(column.constant)) > LONGEST_TEXT:
        raise CommandRefusedError(
            "PROFILE_HEADING",
            f"Column {number} needs a heading, and neither heading nor constant may be longer than "
            f"{LONGEST_TEXT} characters.",
        )
    if any(not sign.isprintable() for sign in column.heading + column.constant):
        raise CommandRefusedError(
            "PROFILE_TEXT",
            f"Column {number} holds a character that is not printed, for example a line break. "
            "Type the heading and the constant on one line.",
        )
    if column.field and column.constant:
        raise CommandRefusedError(
            "PROFILE_FIELD_AND_CONSTANT",
            f"Column {number} has a field and a constant. Choose one of them.",
        )
    if column.field and column.field not in FIELDS:
        raise CommandRefusedError(
            "PROFILE_FIELD",
            f"Column {number} names '{column.field}', which is no field of a claim line.",
        )
