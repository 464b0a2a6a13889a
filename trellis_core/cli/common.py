"""What the commands share: the store's options, printing, and the types of argparse."""

import argparse
import json
import sys
from datetime import date
from typing import TYPE_CHECKING, TypeAlias

from trellis_core.errors import InvalidPeriodError
from trellis_core.values.periods import ServiceMonth, parse_day

if TYPE_CHECKING:
    from trellis_core.access import Actor
    from trellis_core.store.engine import Store

    Subparsers: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001
else:
    Subparsers = object


def add_store_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that reads or writes a practice."""
    parser.add_argument(
        "--store",
        metavar="URL",
        help="the practice's store; else DATABASE_URL, else a file in your data folder",
    )
    parser.add_argument(
        "--as",
        dest="as_person",
        metavar="PERSON",
        help="who does this: the id or sign-in name of an active person of the practice",
    )
    add_json_option(parser)


def accept_store_option(parser: argparse.ArgumentParser) -> None:
    """Accept the store's option, as every command does, where no store is needed."""
    parser.add_argument("--store", help=argparse.SUPPRESS)


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add the option for an answer that other programs read."""
    parser.add_argument("--json", action="store_true", help="answer in JSON")


def open_store_of(args: argparse.Namespace) -> "Store":
    """Open the store that the options name.

    Raises:
        StoreError: It cannot be used.
    """
    from trellis_core.store.engine import open_store

    return open_store(store_url_of(args))


def acting_person(args: argparse.Namespace, store: "Store") -> "Actor":
    """Return who the command acts as; that it was run is in the journal when this returns.

    Raises:
        CommandRefusedError: Nobody was named where somebody must be.
        NotFoundError: The person named may not act here.
        StoreError: The journal could not be written.
    """
    from trellis_core.services.by_hand import cli_actor

    return cli_actor(store, args.as_person, command=command_name(args))


def command_name(args: argparse.Namespace) -> str:
    """Return the command's name as the journal has it, with its part where it has parts.

    Example:
        >>> command_name(argparse.Namespace(command="month", what="close", month="2026-11"))
        'month close'
    """
    part = getattr(args, "what", None) or getattr(args, "kind", None)
    return f"{args.command} {part}" if part else str(args.command)


def store_url_of(args: argparse.Namespace) -> str:
    """Return the URL of the store that the options name, with its password: never print it."""
    from trellis_core.settings import default_store_url, load_settings

    url: str = args.store or default_store_url(load_settings())
    return url


def print_json(value: object) -> None:
    """Print an answer as indented JSON on standard output."""
    json.dump(value, sys.stdout, indent=2)
    sys.stdout.write("\n")


def print_message(message: str) -> None:
    """Print a sentence for the person at the terminal, apart from the answer."""
    print(message, file=sys.stderr)


def day_argument(text: str) -> date:
    """Read an option that is a day."""
    try:
        return parse_day(text)
    except InvalidPeriodError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def month_argument(text: str) -> ServiceMonth:
    """Read an option that is a month."""
    try:
        return ServiceMonth.parse(text)
    except InvalidPeriodError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
