"""``trellis rates --schedule NAME``: one of the practice's own lists, found by its name or its payer."""

import argparse
from collections.abc import Sequence
from typing import Final

from trellis_core.cli.common import acting_person, open_store_of
from trellis_core.errors import FeeError
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.fee_list_store import FeeList
from trellis_core.services.fee_lists import lists_on_file
from trellis_core.settings import load_settings
from trellis_core.values.folding import folded

_WORDS: Final = {FeeListKind.CHARGES: "charges", FeeListKind.CONTRACT: "contract"}


def has_store(args: argparse.Namespace) -> bool:
    """Say whether somebody named a store to look in: no default one is opened for a name."""
    return bool(args.store or (args.as_person and load_settings().database_url))


def lists_of_practice(args: argparse.Namespace) -> tuple[FeeList, ...]:
    """Return the practice's lists of both kinds.

    Raises:
        PermissionDeniedError: The person may not read the practice's facts.
    """
    store = open_store_of(args)
    try:
        actor = acting_person(args, store)
        return tuple(
            each for kind in FeeListKind for each in lists_on_file(kind, store=store, actor=actor)
        )
    finally:
        store.close()


def list_named(lists: Sequence[FeeList], name: str) -> FeeList | None:
    """Return the list of a name or, where none is called that, of a payer.

    Raises:
        FeeError: Several lists are meant; it names them.
    """
    wanted = folded(name.strip())
    found = [each for each in lists if folded(each.name) == wanted] or [
        each for each in lists if each.payer_name and folded(each.payer_name) == wanted
    ]
    if len(found) > 1:
        raise FeeError(
            f"'{name}' may be {len(found)} lists: {'; '.join(map(list_words, found))}. "
            "Give the name of one, or its payer; 'trellis import fees --name' renames a list."
        )
    return found[0] if found else None


def list_words(of: FeeList) -> str:
    """Say which list it is.

    Example:
        >>> list_words(FeeList(kind=FeeListKind.CONTRACT, payer_name="Fernbank", name="Ours", amounts=()))
        "'Ours' (contract, Fernbank)"
    """
    return f"'{of.name}' ({_WORDS[of.kind]}, {of.payer_name or 'every payer'})"
