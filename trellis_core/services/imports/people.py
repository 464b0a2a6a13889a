"""Who is here already, for an import: record numbers, birth dates and names in one read."""

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from difflib import SequenceMatcher
from typing import Final

import sqlmodel
from sqlalchemy import func, or_, select

from trellis_core.store.tables import PatientRow, StaffRow
from trellis_core.store.unit_of_work import UnitOfWork

_PATIENT: Final = PatientRow.__table__.c  # type: ignore[attr-defined] # made by the mapper
_ALIKE: Final = 0.8
"""How much two family names must share to look like one: a letter or two may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPerson:
    """What tells one patient from another."""

    id: str
    mrn: str
    family_name: str
    given_name: str
    birth_date: date | None
    is_merged: bool = False


@dataclass(slots=True)
class Panel:
    """Patients, to be found by record number, or by birth date and a similar name."""

    by_number: dict[str, KnownPerson] = field(default_factory=dict)
    by_birth: dict[date, list[KnownPerson]] = field(default_factory=dict)

    def add(self, person: KnownPerson) -> None:
        """Put a patient in."""
        self.by_number.setdefault(person.mrn.casefold(), person)
        if person.birth_date is not None and not person.is_merged:
            self.by_birth.setdefault(person.birth_date, []).append(person)

    def numbered(self, mrn: str) -> KnownPerson | None:
        """Return who has a record number; case does not matter."""
        return self.by_number.get(mrn.casefold())

    def twin(self, family: str, given: str, born: date | None) -> KnownPerson | None:
        """Return who was born on the same day and has a similar name; None where nobody has."""
        if born is None:
            return None
        for each in self.by_birth.get(born, ()):
            if is_alike((family, given), (each.family_name, each.given_name)):
                return each
        return None


def panel_of(
    unit: UnitOfWork,
    practice_id: str,
    *,
    mrns: Collection[str] | None = None,
    births: Collection[date] = (),
) -> Panel:
    """Return a practice's patients, in one statement.

    Args:
        unit: The unit of work.
        practice_id: Whose.
        mrns: Only those with one of these record numbers, or born on one of the days; None for all.
        births: With ``mrns``: the days.
    """
    wanted = select(
        _PATIENT.id,
        _PATIENT.mrn,
        _PATIENT.family_name,
        _PATIENT.given_name,
        _PATIENT.birth_date,
        _PATIENT.merged_into.is_not(None),
    ).where(_PATIENT.practice_id == practice_id)
    if mrns is not None:
        wanted = wanted.where(
            or_(
                _PATIENT.mrn.in_(mrns),
                func.lower(_PATIENT.mrn).in_({each.lower() for each in mrns}),
                _PATIENT.birth_date.in_(births),
            )
        )
    panel = Panel()
    # The order says who is meant where several records share a number.
    for found in unit.connection.execute(wanted.order_by(_PATIENT.created_at, _PATIENT.id)):
        patient_id, mrn, family, given, born, is_merged = found
        panel.add(
            KnownPerson(
                id=patient_id,
                mrn=mrn,
                family_name=family,
                given_name=given,
                birth_date=born,
                is_merged=is_merged,
            )
        )
    return panel


def staff_of(unit: UnitOfWork, practice_id: str) -> list[StaffRow]:
    """Return the practice's people, in one statement."""
    return list(
        unit.session.exec(
            sqlmodel.select(StaffRow)
            .where(StaffRow.practice_id == practice_id)
            .order_by(sqlmodel.col(StaffRow.id))
        ).all()
    )


def is_alike(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Say whether two names, family and given, may be one person's.

    The same family name suffices (a given name may be a short form), also with the names the other
    way round; a family name that differs by little does where the given names begin alike.

    Example:
        >>> is_alike(("O'Briarly", "Maeve"), ("OBRIARLY", "M.")), is_alike(("Fern", "A"), ("Moss", "A"))
        (True, False)
    """
    (family, given), (other_family, other_given) = map(_letters, one), map(_letters, other)
    if family == other_family or (given and (family, given) == (other_given, other_family)):
        return True
    if given[:1] != other_given[:1] and given and other_given:
        return False
    if min(len(family), len(other_family)) and (
        family.startswith(other_family) or other_family.startswith(family)
    ):
        return True
    return SequenceMatcher(None, family, other_family).ratio() >= _ALIKE


def _letters(name: str) -> str:
    """Return a name's letters, without accents and case."""
    parts: Iterable[str] = unicodedata.normalize("NFKD", name.casefold())
    return "".join(each for each in parts if each.isalpha())
