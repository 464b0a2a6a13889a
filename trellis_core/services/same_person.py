"""Records that may be of one person: shown before a patient is registered or changed, never a bar."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from sqlalchemy import ColumnElement, func
from sqlmodel import col, or_, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.people import Patient
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import reach
from trellis_core.store.care_mapping import patient_of
from trellis_core.store.engine import Store
from trellis_core.store.tables import PatientRow
from trellis_core.values.clock import Clock
from trellis_core.values.folding import folded

_ALIKE: Final = 0.8
"""How alike two names are, from 0 to 1, that may be one with a slip in it."""
_PHONE_DIGITS: Final = 10
_BETWEEN_DIGITS: Final = " -.()+/"
_AT_MOST: Final = 5
_COMPARED_AT_MOST: Final = 50
"""People with one birth date, member id or phone who are compared two by two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A patient who may be the same person.

    Attributes:
        because: What the two have in common, as the end of a sentence.
    """

    patient: Patient
    because: str


@audited
def may_be_same(
    command: Patient, *, store: Store, actor: Actor, clock: Clock
) -> tuple[Suspect, ...]:
    """Return patients who may be the person that is about to be registered or changed.

    Same birth date and a similar name, the same member id, or the same phone and a similar name.
    Charts that are not open to the actor, and records that were merged, are left out.

    Args:
        command: The patient as typed; the record with the same id is not meant.
        store: The store.
        actor: Who registers or edits.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not edit charts.
    """
    require(actor, Operation.EDIT_CHART)
    asked = _asked(command)
    if not asked:
        return ()
    with store.reading() as unit:
        within = reach(unit, actor, now=clock.now())
        rows = unit.session.exec(
            select(PatientRow)
            .where(
                PatientRow.practice_id == actor.practice_id,
                PatientRow.id != command.id,
                col(PatientRow.merged_into).is_(None),
                or_(*asked),
            )
            .order_by(col(PatientRow.family_name), col(PatientRow.id))
        ).all()
        others = [patient_of(row) for row in rows if within.is_open(row.id)]
    found = [(each, _in_common(command, each)) for each in others]
    return tuple(Suspect(patient=each, because=because) for each, because in found if because)[
        :_AT_MOST
    ]


def of_one_person(patients: Iterable[Patient]) -> dict[str, Suspect]:
    """Return, by patient id, another of these patients who may be the same person.

    Those who share nothing with anybody are left out. Where very many share a birth date, member id
    or phone, each is compared with the first fifty only.

    Args:
        patients: Whose records to compare with each other.

    Example:
        >>> one = Patient(id="1", mrn="1", family_name="Fern", phone="555-010-0100")
        >>> found = of_one_person(
        ...     [one, Patient(id="2", mrn="2", family_name="Fern", phone="5550100100")]
        ... )
        >>> found["1"].patient.id, found["1"].because
        ('2', 'same phone and a similar name')
    """
    alike: dict[tuple[str, object], list[Patient]] = defaultdict(list)
    for each in patients:
        for kind, value in (
            ("member", _member_id(each)), ("birth", each.birth_date), ("phone", _digits(each.phone))
        ):  # fmt: skip
            if value:
                alike[kind, value].append(each)
    found: dict[str, Suspect] = {}
    for group in alike.values():
        for at, one in enumerate(group[:_COMPARED_AT_MOST]):
            for other in group[at + 1 :]:
                if one.id in found and other.id in found:
                    continue
                if because := _in_common(one, other):
                    found.setdefault(one.id, Suspect(patient=other, because=because))
                    found.setdefault(other.id, Suspect(patient=one, because=because))
    return found


def _asked(command: Patient) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if command.birth_date is not None:
        found.append(col(PatientRow.birth_date) == command.birth_date)
    if member_id := _member_id(command):
        found.append(func.upper(col(PatientRow.member_id)) == member_id)
    if digits := _digits(command.phone):
        plain: ColumnElement[str] = func.replace(col(PatientRow.phone), " ", "")
        for each in _BETWEEN_DIGITS[1:]:
            plain = func.replace(plain, each, "")
        found.append(plain.like(f"%{digits}"))
    return found


def _in_common(one: Patient, other: Patient) -> str:
    """Return what tells that two records may be of one person; empty where nothing does."""
    if _member_id(one) and _member_id(one) == _member_id(other):
        return "same member id"
    if not is_similar(one, other):
        return ""
    if one.birth_date is not None and one.birth_date == other.birth_date:
        return "same birth date and a similar name"
    if _digits(one.phone) and _digits(one.phone) == _digits(other.phone):
        return "same phone and a similar name"
    return ""


def is_similar(one: Patient, other: Patient) -> bool:
    """Say whether two names may be one person's: a slip, a second name, names in another order.

    Example:
        >>> one = Patient(id="1", mrn="1", family_name="Muñoz-Vega", given_name="Ana")
        >>> is_similar(one, Patient(id="2", mrn="2", family_name="Munoz", given_name="Anna"))
        True
        >>> is_similar(one, Patient(id="2", mrn="2", family_name="Birch", given_name="Ana"))
        False
    """
    mine, theirs = _parts(one), _parts(other)
    if set(mine) <= set(theirs) or set(theirs) <= set(mine):
        return True
    if SequenceMatcher(None, " ".join(sorted(mine)), " ".join(sorted(theirs))).ratio() >= _ALIKE:
        return True
    family = set(_words(one.family_name)) & set(_words(other.family_name))
    given, also = folded(one.given_name), folded(other.given_name)
    return bool(family) and given[:1] == also[:1]


def _parts(patient: Patient) -> list[str]:
    return [*_words(patient.family_name), *_words(patient.given_name)]


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", folded(name))


def _member_id(patient: Patient) -> str:
    coverage = patient.coverage
    return "" if coverage is None else (coverage.member_id or "").strip().upper()


def _digits(phone: str) -> str:
    """Return the ten digits of a number; empty where it has fewer."""
    digits = re.sub(r"\D", "", phone)[-_PHONE_DIGITS:]
    return digits if len(digits) == _PHONE_DIGITS else ""
