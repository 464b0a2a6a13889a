"""``trellis work``: works on what people have the dashboard do by itself, beside or without one."""

import argparse
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Final

from trellis_core.cli.common import Subparsers, open_store_of
from trellis_core.values.clock import Clock, ShiftedClock, SystemClock

if TYPE_CHECKING:
    from trellis_core.services.job_worker import Worker

FOR_SERVER: Final = "--for-server"
"""Of a process that a dashboard's server starts: it ends with the server, or when nothing is to be done."""

_IDLE_SECONDS: Final = 60.0
_NICE: Final = 10
_STANDARD_INPUT: Final = 0


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "work",
        help="make the large files that people asked the dashboard for",
        description="Work on what people asked the dashboard for and it does by itself: large files, the "
        "close of a large month, the check of a large ledger. A dashboard starts such a process when "
        "there is something to do; run this one beside several dashboards, to have it done elsewhere.",
    )
    parser.add_argument(
        "--store",
        metavar="URL",
        help="the practice's store; else DATABASE_URL, else a file in your data folder",
    )
    parser.add_argument(FOR_SERVER, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--shift-days", type=int, default=0, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Work until it is told to end."""
    from trellis_core.services.by_hand import note_command
    from trellis_core.services.job_worker import Worker

    if hasattr(os, "nice"):
        os.nice(_NICE)  # people's pages first
    clock: Clock = ShiftedClock(args.shift_days) if args.shift_days else SystemClock()
    with closing(open_store_of(args)) as store:
        if not args.for_server:
            note_command("work", store=store)
        worker = Worker(store, clock=clock, idle_seconds=_IDLE_SECONDS if args.for_server else None)
        if args.for_server:
            threading.Thread(target=_end_with_server, args=(worker,), daemon=True).start()
        with _ended_by_signals(worker):
            worker.start()
            worker.wait()
    return 0


@contextmanager
def _ended_by_signals(worker: "Worker") -> Iterator[None]:
    """Let the keyboard and a service manager end it: what it works on is given back first."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        worker.end()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_with_server(worker: "Worker") -> None:
    """End when the server is gone: it holds the other end of the standard input, and writes nothing."""
    with suppress(OSError):
        os.read(_STANDARD_INPUT, 1)
    worker.end()
