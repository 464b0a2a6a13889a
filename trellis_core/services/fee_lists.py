"""The practice's own lists of amounts: what it charges, and what a payer has agreed to.

A list is of every payer or of one, and is kept as a whole: a file takes the place of what was there.
Drafts of open months follow at once, and an approval of a draft whose charges changed ends by itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum, auto
from typing import Final

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import CommandRefusedError
from trellis_core.fees import ListedAmount
from trellis_core.services.access_log import audited
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.fee_files import (
    FeeFile,
    RefusedRow,
    fee_file,
    place_of,
    read_fee_file,
)
from trellis_core.services.fee_list_store import (
    FeeList,
    list_of,
    list_there,
    lists_of,
    payer_of,
    payers,
    plain_name,
    remove_list,
    write_list,
)
from trellis_core.store.engine import Store
from trellis_core.values.clock import Clock

_ONE_DAY: Final = timedelta(days=1)


class What(StrEnum):
    """What becomes of an amount."""

    ADDED = auto()
    CHANGED = auto()
    REMOVED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeChange:
    """What becomes of one code's amount from one day on.

    Attributes:
        before: None for what is added.
        after: None for what is removed.
    """

    what: What
    before: ListedAmount | None
    after: ListedAmount | None

    @property
    def either(self) -> ListedAmount:
        """The amount as it will be, or as it was."""
        found = self.after or self.before
        if found is None:
            raise ValueError("A change is of something.")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class FeePreview:
    """What saving a file would do.

    Attributes:
        payer_name: Whose list, as coverages have it; ``EVERY_PAYER`` for the general one.
        name: What the list is called.
        rows: How many rows the file has.
        refused: Rows that cannot be used; while there is one, nothing can be saved.
        changes: Against the list that is there.
        amounts: What the list would hold.
    """

    payer_name: str
    name: str
    rows: int
    refused: tuple[RefusedRow, ...]
    changes: tuple[FeeChange, ...]
    amounts: tuple[ListedAmount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAmounts:
    """Amounts that hold from a day on, of some codes of a list; None ends a code's amount."""

    kind: FeeListKind
    payer_name: str
    from_day: date
    amounts: Mapping[str, Decimal | None]


@audited
def lists_on_file(kind: FeeListKind, *, store: Store, actor: Actor) -> tuple[FeeList, ...]:
    """Return the practice's lists of a kind, the one for every payer first.

    Raises:
        PermissionDeniedError: The actor may not read the practice's facts.
    """
    require(actor, Operation.READ_PRACTICE)
    with store.reading() as unit:
        return lists_of(unit, actor.practice_id, kind)


@audited
def payers_on_file(*, store: Store, actor: Actor) -> tuple[str, ...]:
    """Return the names of payers as the practice's coverages have them.

    Raises:
        PermissionDeniedError: The actor may not read the practice's facts.
    """
    require(actor, Operation.READ_PRACTICE)
    with store.reading() as unit:
        return payers(unit, actor.practice_id)


@audited
def preview_fee_list(
    content: bytes,
    *,
    kind: FeeListKind,
    payer_name: str,
    name: str = "",
    store: Store,
    actor: Actor,
) -> FeePreview:
    """Say what saving a file as a list would do.

    Args:
        content: A CSV file as ``fee_files.read_fee_file`` reads it.
        kind: What the amounts are.
        payer_name: Whose list; ``EVERY_PAYER`` for the general one, which only charges have.
        name: What documents would call it; empty for what it is called now, or for a plain name.
        store: The store.
        actor: Who asks.

    Raises:
        PermissionDeniedError: The actor may not change settings.
        CommandRefusedError: The file is no such table, or no coverage names the payer.
    """
    require(actor, Operation.EDIT_SETTINGS)
    file = read_fee_file(content)
    with store.reading() as unit:
        payer = payer_of(unit, actor.practice_id, kind, payer_name)
        held = list_of(unit, actor.practice_id, kind, payer)
    return _preview(file, held, payer=payer, name=_called(name, held, kind, payer))


@audited
def import_fee_list(
    content: bytes,
    *,
    kind: FeeListKind,
    payer_name: str,
    name: str = "",
    store: Store,
    actor: Actor,
    clock: Clock,
) -> FeePreview:
    """Save a file as a list, in place of what the list held, and return what that did.

    Args:
        content: A CSV file as ``fee_files.read_fee_file`` reads it.
        kind: What the amounts are.
        payer_name: Whose list; ``EVERY_PAYER`` for the general one.
        name: What documents call it; empty for what it is called now, or for a plain name.
        store: The store.
        actor: Who saves.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not change settings.
        CommandRefusedError: The file is no such table, a row of it cannot be used, or no coverage
            names the payer. Nothing was saved.
    """
    require(actor, Operation.EDIT_SETTINGS)
    file = read_fee_file(content)
    if file.refused:
        first = file.refused[0]
        raise CommandRefusedError(
            "ROWS_REFUSED",
            f"{len(file.refused)} of {file.rows} rows cannot be used, so that nothing was saved. "
            f"Row {first.number}: {first.text} Mend the file and choose it again.",
        )
    source = f"imported {clock.now():%Y-%m-%d}"
    with store.writing(actor=actor, at=clock.now()) as unit:
        payer = payer_of(unit, actor.practice_id, kind, payer_name)
        held = list_of(unit, actor.practice_id, kind, payer)
        named = _called(name, held, kind, payer)
        made = FeeList(kind=kind, payer_name=payer, name=named, source=source, amounts=file.amounts)
        write_list(unit, actor.practice_id, made)
    return _preview(file, held, payer=payer, name=named)


@audited
def change_amounts(
    command: ChangeAmounts, *, store: Store, actor: Actor, clock: Clock
) -> tuple[FeeChange, ...]:
    """Change some codes' amounts from a day on, and return what that did.

    An amount that holds on the day ends the day before. What begins later stays.

    Args:
        command: The amounts; those that are as they were change nothing.
        store: The store.
        actor: Who changes them.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not change settings.
        CommandRefusedError: An amount cannot stand on a list, or no coverage names the payer.
    """
    require(actor, Operation.EDIT_SETTINGS)
    kind = command.kind
    with store.writing(actor=actor, at=clock.now()) as unit:
        payer = payer_of(unit, actor.practice_id, kind, command.payer_name)
        held = list_of(unit, actor.practice_id, kind, payer)
        before = () if held is None else held.amounts
        after = _changed(before, command)
        changes = changes_between(before, after)
        if changes:
            made = held or FeeList(
                kind=kind,
                payer_name=payer,
                name=plain_name(kind, payer),
                source=f"typed {clock.now():%Y-%m-%d}",
                amounts=(),
            )
            write_list(unit, actor.practice_id, replace(made, amounts=after))
    return changes


@audited
def end_fee_list(
    kind: FeeListKind,
    *,
    payer_name: str,
    last_day: date,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> FeeList:
    """Let nothing of a list hold after a day: amounts end then, and later ones go.

    Args:
        kind: What the amounts are.
        payer_name: Whose list.
        last_day: The last day on which it holds.
        store: The store.
        actor: Who ends it.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not change settings.
        NotFoundError: There is no such list.
        CommandRefusedError: The whole list begins later; it can be removed.
    """
    require(actor, Operation.EDIT_SETTINGS)
    with store.writing(actor=actor, at=clock.now()) as unit:
        held = list_there(unit, actor.practice_id, kind, payer_name)
        kept = tuple(
            each
            if each.effective_through is not None and each.effective_through <= last_day
            else replace(each, effective_through=last_day)
            for each in held.amounts
            if each.effective_from <= last_day
        )
        if not kept:
            raise CommandRefusedError(
                "BEGINS_LATER", "The whole list begins after that day. Remove it instead."
            )
        ended = replace(held, amounts=kept)
        write_list(unit, actor.practice_id, ended)
    return ended


@audited
def remove_fee_list(
    kind: FeeListKind, *, payer_name: str, store: Store, actor: Actor, clock: Clock
) -> None:
    """Remove a list with all of its amounts; the journal keeps what it was.

    Raises:
        PermissionDeniedError: The actor may not change settings.
        NotFoundError: There is no such list.
    """
    require(actor, Operation.EDIT_SETTINGS)
    with store.writing(actor=actor, at=clock.now()) as unit:
        list_there(unit, actor.practice_id, kind, payer_name)
        remove_list(unit, actor.practice_id, kind, payer_name)


@audited
def fee_list_csv(kind: FeeListKind, *, payer_name: str, store: Store, actor: Actor) -> bytes:
    """Return a list as a CSV file that can be imported again.

    Raises:
        PermissionDeniedError: The actor may not read the practice's facts.
        NotFoundError: There is no such list.
    """
    require(actor, Operation.READ_PRACTICE)
    with store.reading() as unit:
        return fee_file(list_there(unit, actor.practice_id, kind, payer_name).amounts)


def changes_between(
    before: Iterable[ListedAmount], after: Iterable[ListedAmount]
) -> tuple[FeeChange, ...]:
    """Return what differs between two lists, by code and day."""
    was = {place_of(each): each for each in before}
    will = {place_of(each): each for each in after}
    found = []
    for place in sorted(was.keys() | will.keys()):
        old, new = was.get(place), will.get(place)
        if old == new:
            continue
        what = What.ADDED if old is None else What.REMOVED if new is None else What.CHANGED
        found.append(FeeChange(what=what, before=old, after=new))
    return tuple(found)


def _called(name: str, held: FeeList | None, kind: FeeListKind, payer: str) -> str:
    return name.strip() or (held.name if held is not None else plain_name(kind, payer))


def _preview(file: FeeFile, held: FeeList | None, *, payer: str, name: str) -> FeePreview:
    return FeePreview(
        payer_name=payer,
        name=name,
        rows=file.rows,
        refused=file.refused,
        changes=changes_between(() if held is None else held.amounts, file.amounts),
        amounts=file.amounts,
    )


def _changed(before: Iterable[ListedAmount], command: ChangeAmounts) -> tuple[ListedAmount, ...]:
    from_day = command.from_day
    kept = {place_of(each): each for each in before}
    for code, amount in command.amounts.items():
        own = [each for each in kept.values() if each.code == code]
        holding = next((each for each in own if each.covers(from_day)), None)
        if (None if holding is None else holding.amount) == amount:
            continue
        later = min(
            (each.effective_from for each in own if each.effective_from > from_day), default=None
        )
        through = None if later is None else later - _ONE_DAY
        if holding is not None:
            through = holding.effective_through
            del kept[place_of(holding)]
            if holding.effective_from < from_day:
                ended = replace(holding, effective_through=from_day - _ONE_DAY)
                kept[place_of(ended)] = ended
        if amount is not None:
            made = ListedAmount(
                code=code, amount=amount, effective_from=from_day, effective_through=through
            )
            kept[place_of(made)] = made
    return tuple(sorted(kept.values(), key=place_of))
