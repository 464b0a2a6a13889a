"""What payers have agreed to pay, for those who plan with it: contract lists, and whom they are of."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sqlmodel import select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import PayerKind
from trellis_core.fees import ListedSchedule
from trellis_core.roi import PayerClass
from trellis_core.services.access_log import audited
from trellis_core.services.billing_records import FeeListKind, fee_lists
from trellis_core.store.engine import Store
from trellis_core.store.tables import PastCoverageRow, PatientRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill import EVERY_PAYER
from trellis_core.values.folding import folded

CLASS_OF_KIND: Final[Mapping[PayerKind, PayerClass]] = MappingProxyType(
    {
        PayerKind.MEDICARE: PayerClass.ORIGINAL,
        PayerKind.MEDICARE_ADVANTAGE: PayerClass.ADVANTAGE,
        PayerKind.MEDICAID: PayerClass.MEDICAID,
        PayerKind.COMMERCIAL: PayerClass.COMMERCIAL,
    }
)
"""The calculator's class of a coverage's payer. No coverage is of both Medicare and Medicaid: who has
both has a coverage of each, so that no payer is of the class ``dual``."""


@audited
def contract_schedules(*, store: Store, actor: Actor) -> dict[str, ListedSchedule]:
    """Return the practice's contract lists by the payer's name.

    Raises:
        PermissionDeniedError: The actor may not use the calculator.
    """
    require(actor, Operation.READ_ROI)
    with store.reading() as unit:
        return _contracts(unit, actor.practice_id)


@audited
def payer_classes(*, store: Store, actor: Actor) -> Mapping[str, tuple[PayerClass, ...]]:
    """Return the classes of every payer that a coverage names, present or past, by the payer's name.

    Where coverages of one payer differ, it is of several classes.

    Raises:
        PermissionDeniedError: The actor may not use the calculator.
    """
    require(actor, Operation.READ_ROI)
    with store.reading() as unit:
        return _classes(unit, actor.practice_id)


@audited
def payer_class_lists(*, store: Store, actor: Actor) -> Mapping[PayerClass, tuple[str, ...]]:
    """Return which payers with a contract list belong to a class, by name; every class is there.

    Raises:
        PermissionDeniedError: The actor may not use the calculator.
    """
    require(actor, Operation.READ_ROI)
    with store.reading() as unit:
        listed = _contracts(unit, actor.practice_id)
        classes = _classes(unit, actor.practice_id) if listed else {}
    return {
        each: tuple(payer for payer, of in classes.items() if payer in listed and each in of)
        for each in PayerClass
    }


def _contracts(unit: UnitOfWork, practice_id: str) -> dict[str, ListedSchedule]:
    found = fee_lists(unit, practice_id, FeeListKind.CONTRACT)
    return {payer: found[payer] for payer in sorted(found) if payer != EVERY_PAYER}


def _classes(unit: UnitOfWork, practice_id: str) -> dict[str, tuple[PayerClass, ...]]:
    found: dict[str, set[PayerClass]] = {}
    for row in (PatientRow, PastCoverageRow):
        chosen = select(row.payer_name, row.payer_kind).where(row.practice_id == practice_id)
        for payer, kind in unit.session.exec(chosen.distinct()):
            if payer:
                found.setdefault(payer, set()).add(CLASS_OF_KIND[PayerKind(kind)])
    return {
        payer: tuple(each for each in PayerClass if each in found[payer])
        for payer in sorted(found, key=lambda each: (folded(each), each))
    }
