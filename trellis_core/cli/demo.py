"""``trellis demo``: the dashboard on a made-up practice, on this machine only."""

import argparse
from pathlib import Path
from typing import Final

from trellis_core.cli._server_process import (
    LOCAL_ADDRESS,
    Serving,
    add_server_options,
    free_port,
    refuse_other_machines,
    run_server,
)
from trellis_core.cli.common import Subparsers, day_argument, print_message
from trellis_core.errors import CommandRefusedError, StoreError
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.sample import demo_day, load_sample, sample_today
from trellis_core.services.by_hand import note_command
from trellis_core.services.practice import has_practice, is_sample
from trellis_core.settings import load_settings, sqlite_url
from trellis_core.store.engine import open_store
from trellis_core.values.clock import SystemClock

_SUFFIXES: Final = ("", "-wal", "-shm", "-journal", ".lock", ".checkpoints.jsonl")


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    demo = subparsers.add_parser(
        "demo",
        help="open the dashboard on a made-up sample practice",
        description="Open the dashboard on a sample practice in a store of its own. What you enter "
        "is kept for the next time; --fresh starts over.",
    )
    demo.add_argument(
        "--fresh", action="store_true", help="delete the demonstration's own store and start over"
    )
    demo.add_argument(
        "--day",
        type=day_argument,
        metavar="DATE",
        help="the day it takes place on; today if absent",
    )
    demo.add_argument(
        "--store", metavar="URL", help="another store for the demonstration; empty or its own"
    )
    add_server_options(demo)


def run(args: argparse.Namespace) -> int:
    """Serve the dashboard until it is stopped."""
    return run_server(_demo(args), opens_browser=not args.no_browser, is_json=args.json)


def _demo(args: argparse.Namespace) -> Serving:
    refuse_other_machines(None)
    port = free_port(args.port, at=LOCAL_ADDRESS)
    today = sample_today(SystemClock())
    priced = demo_day(args.day or today, load_rule_book())
    if args.day is not None and priced < args.day:
        print_message(
            f"There are no amounts after {priced.isoformat()}; the demonstration takes place then."
        )
    own = load_settings().data_folder.expanduser().absolute() / "demo" / "trellis.db"
    url = args.store or sqlite_url(own)
    if args.fresh:
        _start_over(url, own)
    store = open_store(url)
    try:
        if not has_practice(store=store):
            print_message("Loading the sample practice …")
            load_sample(store, day=priced)
        elif not is_sample(store=store):
            raise CommandRefusedError("NOT_A_SAMPLE", _OTHER_DATA)
        note_command("demo", store=store)
    finally:
        store.close()
    return Serving(
        url=url,
        listen=LOCAL_ADDRESS,
        port=port,
        day=None if priced == today else priced,
        is_demo=True,
    )


_OTHER_DATA: Final = (
    "This store holds a practice of real people, not the sample. Nothing was changed. "
    "Open it with 'trellis serve', or leave --store out."
)

_ON_A_SERVER: Final = (
    "A demonstration on a database server is not deleted from here. Make an empty database and name "
    "it with --store, or leave --fresh out."
)


def _start_over(url: str, own: Path) -> None:
    """Delete the demonstration's store, whoever named it, only where it is a sample's."""
    is_own = url == sqlite_url(own)
    path = own
    if not is_own or own.exists():
        try:
            store = open_store(url)
        except StoreError:
            if not is_own:
                raise
            # Its own store in a form that this version does not read: it is made anew.
        else:
            try:
                if has_practice(store=store) and not is_sample(store=store):
                    raise CommandRefusedError("NOT_A_SAMPLE", _OTHER_DATA)
                if store.path is None:
                    raise CommandRefusedError("NOT_A_FILE", _ON_A_SERVER)
                path = store.path
            finally:
                store.close()
    try:
        for suffix in _SUFFIXES:
            Path(f"{path}{suffix}").unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"The demonstration's store cannot be deleted ({error.strerror}). "
            "Stop the demonstration that is using it, then try again."
        ) from error
