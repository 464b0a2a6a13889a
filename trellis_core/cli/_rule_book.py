"""The rule book that a command works with: the practice's own where it acts on a store."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trellis_core.cli.common import (
    acting_person,
    command_name,
    open_store_of,
    print_message,
    store_url_of,
)
from trellis_core.rules.rulebook import RuleBook, load_rule_book
from trellis_core.services.rule_books import practices_of, rule_book_in_force
from trellis_core.settings import load_settings

if TYPE_CHECKING:
    from trellis_core.access import Actor
    from trellis_core.store.engine import Store

_FILE: Final = "sqlite:///"


def rule_book_of(store: "Store", actor: "Actor") -> RuleBook:
    """Return the rule book of the practice in which a command acts.

    Raises:
        StoreError: What the practice loaded cannot be read.
    """
    return rule_book_in_force(store, actor.practice_id)


def book_for(args: argparse.Namespace) -> RuleBook:
    """Return the rule book for a command that needs no store: of the store that was named, if one was.

    A store is named by ``--store`` or ``DATABASE_URL``; without one, or with an empty one, the shipped
    rule book answers. Who acts is named by ``--as``, where the command has it; without it the store's
    only practice is meant. That the command was run is in the journal, as of every command that opens
    a store.

    Raises:
        NotFoundError: The person named may not act there.
        StoreError: The store cannot be used.
    """
    if not names_store(args):
        return load_rule_book()
    store = open_store_of(args)
    try:
        if getattr(args, "as_person", None) is not None:
            return rule_book_of(store, acting_person(args, store))
        return _of_the_only_practice(args, store)
    finally:
        store.close()


def names_store(args: argparse.Namespace) -> bool:
    """Say whether a store was named, by ``--store`` or ``DATABASE_URL``, and is there."""
    is_named = getattr(args, "store", None) is not None or load_settings().database_url is not None
    return is_named and not _is_missing(store_url_of(args))


def _of_the_only_practice(args: argparse.Namespace, store: "Store") -> RuleBook:
    from trellis_core.services.by_hand import note_command

    note_command(command_name(args), store=store)
    practices = practices_of(store)
    if len(practices) == 1:
        return rule_book_in_force(store, practices[0])
    if practices:
        print_message(
            "The store holds several practices: the tables that ship with Trellis are used. Name a "
            "person of one with --as for what that practice loaded."
        )
    return load_rule_book()


def _is_missing(url: str) -> bool:
    """Say whether a store is a file that is not there: asking for amounts must not make one."""
    path = url.removeprefix(_FILE)
    return path != url and not Path(path).exists()
