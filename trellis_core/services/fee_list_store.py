"""A practice's lists of amounts in the store: found, written as a whole, removed."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from sqlmodel import col, select

from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.fees import ListedAmount
from trellis_core.services.billing_records import FeeListKind, fee_lists
from trellis_core.services.fee_files import MAX_ROWS, overlap, place_of, what_is_wrong
from trellis_core.store.tables import FeeListAmountRow, FeeListRow, PastCoverageRow, PatientRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill import EVERY_PAYER
from trellis_core.values.folding import folded
from trellis_core.values.money import cents_of

NAME_LENGTH: Final = 120
"""Characters of a list's name."""

NAMES: Final = {FeeListKind.CHARGES: "Charges", FeeListKind.CONTRACT: "Contract"}
"""What a list is called where nobody named it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeList:
    """A list of amounts.

    Attributes:
        payer_name: As coverages have it; ``EVERY_PAYER`` for the one that holds where a payer has none.
        name: What documents call it.
        source: How it came in.
        amounts: By code and day.
    """

    kind: FeeListKind
    payer_name: str
    name: str
    source: str = ""
    amounts: tuple[ListedAmount, ...]

    def holding(self, on: date) -> dict[str, Decimal]:
        """Return the amounts that hold on a day, by code."""
        return {each.code: each.amount for each in self.amounts if each.covers(on)}


def plain_name(kind: FeeListKind, payer_name: str) -> str:
    """Return what a list is called where nobody named it."""
    return f"{NAMES[kind]}, {payer_name}" if payer_name else NAMES[kind]


def payers(unit: UnitOfWork, practice_id: str) -> tuple[str, ...]:
    """Return the names of payers as the practice's coverages have them."""
    found: set[str] = set()
    for row in (PatientRow, PastCoverageRow):
        named = unit.session.exec(
            select(row.payer_name).where(row.practice_id == practice_id).distinct()
        )
        found.update(each for each in named if each)
    return tuple(sorted(found, key=lambda each: (folded(each), each)))


def payer_of(unit: UnitOfWork, practice_id: str, kind: FeeListKind, payer_name: str) -> str:
    """Return a payer's name as coverages have it: a list under another name would never be used.

    Raises:
        CommandRefusedError: No coverage names the payer, or a contract names none.
    """
    name = payer_name.strip()
    if not name and kind is FeeListKind.CONTRACT:
        raise CommandRefusedError(
            "PAYER_MISSING", "A contract is with one payer. Name it as coverages have it."
        )
    if not name:
        return EVERY_PAYER
    known = [*payers(unit, practice_id), *fee_lists(unit, practice_id, kind)]
    if name in known:
        return name
    alike = [each for each in dict.fromkeys(known) if each and folded(each) == folded(name)]
    if len(alike) == 1:
        return alike[0]
    raise CommandRefusedError(
        "PAYER_UNKNOWN",
        "No coverage of a patient names this payer, so that its list would never be used. Write it as "
        "coverages have it.",
    )


def lists_of(unit: UnitOfWork, practice_id: str, kind: FeeListKind) -> tuple[FeeList, ...]:
    """Return the lists of a kind, the one for every payer first."""
    found = [
        FeeList(
            kind=kind,
            payer_name=payer,
            name=listed.name,
            source=listed.release,
            amounts=tuple(sorted(listed.amounts, key=place_of)),
        )
        for payer, listed in fee_lists(unit, practice_id, kind).items()
    ]
    return tuple(sorted(found, key=lambda each: (each.payer_name != EVERY_PAYER, each.payer_name)))


def list_of(
    unit: UnitOfWork, practice_id: str, kind: FeeListKind, payer_name: str
) -> FeeList | None:
    """Return a payer's list; None where there is none."""
    return next(
        (each for each in lists_of(unit, practice_id, kind) if each.payer_name == payer_name), None
    )


def list_there(unit: UnitOfWork, practice_id: str, kind: FeeListKind, payer_name: str) -> FeeList:
    """Return a payer's list.

    Raises:
        NotFoundError: There is none.
    """
    found = list_of(unit, practice_id, kind, payer_name)
    if found is None:
        raise NotFoundError("list of amounts", payer_name)
    return found


def _amount_rows(
    unit: UnitOfWork, practice_id: str, kind: FeeListKind, payer_name: str
) -> list[FeeListAmountRow]:
    return list(
        unit.session.exec(
            select(FeeListAmountRow).where(
                FeeListAmountRow.practice_id == practice_id,
                FeeListAmountRow.kind == kind.value,
                col(FeeListAmountRow.payer_name) == payer_name,
            )
        )
    )


def write_list(unit: UnitOfWork, practice_id: str, made: FeeList) -> None:
    """Store a list as a whole; what did not change stays as it was written.

    Raises:
        CommandRefusedError: An amount cannot stand on it, or it would be empty.
    """
    _check(made)
    key = (practice_id, made.kind.value, made.payer_name)
    head = unit.session.get(FeeListRow, key) or FeeListRow(
        practice_id=practice_id, kind=made.kind.value, payer_name=made.payer_name, name=made.name
    )
    head.name, head.source = made.name, made.source
    unit.session.add(head)
    wanted = {place_of(each): each for each in made.amounts}
    for row in _amount_rows(unit, practice_id, made.kind, made.payer_name):
        amount = wanted.pop((row.code, row.from_day), None)
        if amount is None:
            unit.session.delete(row)
            continue
        row.to_day, row.amount_cents = amount.effective_through, cents_of(amount.amount)
        unit.session.add(row)
    for amount in wanted.values():
        unit.session.add(_amount_row(practice_id, made, amount))


def remove_list(unit: UnitOfWork, practice_id: str, kind: FeeListKind, payer_name: str) -> None:
    """Remove a list with all of its amounts."""
    for row in _amount_rows(unit, practice_id, kind, payer_name):
        unit.session.delete(row)
    head = unit.session.get(FeeListRow, (practice_id, kind.value, payer_name))
    if head is not None:
        unit.session.delete(head)


def _amount_row(practice_id: str, of: FeeList, amount: ListedAmount) -> FeeListAmountRow:
    """Make the row of an amount of a list."""
    return FeeListAmountRow(
        practice_id=practice_id,
        kind=of.kind.value,
        payer_name=of.payer_name,
        code=amount.code,
        from_day=amount.effective_from,
        to_day=amount.effective_through,
        amount_cents=cents_of(amount.amount),
    )


def _check(made: FeeList) -> None:
    if len(made.name) > NAME_LENGTH:
        raise CommandRefusedError(
            "NAME_LONG", f"A list's name may have {NAME_LENGTH} characters. Shorten it."
        )
    if not made.amounts:
        raise CommandRefusedError(
            "NO_AMOUNTS", "The list would have no amount left. Remove it instead."
        )
    if len(made.amounts) > MAX_ROWS:
        raise CommandRefusedError(
            "TOO_LARGE", f"A list may have {MAX_ROWS:,} amounts. Leave out what is not needed."
        )
    earlier: ListedAmount | None = None
    for each in sorted(made.amounts, key=place_of):
        wrong = what_is_wrong(each) or (overlap(earlier, each) if earlier is not None else None)
        if wrong is not None:
            raise CommandRefusedError("AMOUNT_REFUSED", f"{each.code}: {wrong}")
        earlier = each
