"""The ``trellis`` command: for scheduled jobs, for other systems and for questions asked by hand.

Every command lives in a module of its own with ``add_parser(subparsers)`` and ``run(args)``;
it is imported only when it is asked for. Exit status: 0 done, 1 something was found, 2 the input
or the usage was refused.

Example:
    >>> main(["rates", "99490", "--on", "2026-06-30"])
    code   on          allowed  schedule       release  locality  setting
    99490  2026-06-30    66.13  medicare-2026  RVU26C   national  nonfacility
           1.98 RVU x 33.4009 = 66.13
    0
"""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol, cast

from trellis_core import __version__, quiet_logs
from trellis_core.cli.common import Subparsers
from trellis_core.errors import TrellisError

DONE: Final = 0
"""Exit status: done."""
FOUND: Final = 1
"""Exit status: done, and something was found that needs a person."""
REFUSED: Final = 2
"""Exit status: the input or the usage was refused."""
INTERRUPTED: Final = 130
"""Exit status: stopped from the keyboard."""


class CommandModule(Protocol):
    """What a command's module offers."""

    add_parser: Callable[[Subparsers], object]
    run: Callable[[argparse.Namespace], int]


@dataclass(frozen=True, slots=True)
class Command:
    """A command's module and its line in the help."""

    module: str
    help: str


COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    {
        "demo": Command("demo", "open the dashboard on a made-up sample practice"),
        "serve": Command("serve", "open the dashboard on the practice's own store"),
        "work": Command("work", "make the large files that people asked the dashboard for"),
        "init": Command("init", "set up a new practice: its name, its owner, its time zone"),
        "people": Command("people", "who works here: add people, end access, make sign-in links"),
        "board": Command("board", "who is billable this month, who is close, who is blocked"),
        "log": Command("log", "record care-coordination time"),
        "correct": Command("log", "correct or void recorded time; the old entry stays on record"),
        "superbills": Command("superbills", "write a month's superbills as PDF, CSV or FHIR"),
        "packet": Command("packet", "write an audit packet: everything behind issued superbills"),
        "month": Command(
            "month",
            "show a month's state, approve its drafts, close it, reopen it for an adjustment",
        ),
        "import": Command("import_", "read patients, time or FHIR files from another system"),
        "check": Command("check", "prove that no ledger entry was changed or removed"),
        "checkpoint": Command(
            "checkpoint", "sign where the ledger stands, for keeping outside this machine"
        ),
        "export": Command("export", "write the ledger for others to check without Trellis"),
        "backup": Command("backup", "write the whole store into one encrypted, checked file"),
        "restore": Command("backup", "put a backup in a store's place, checked before and after"),
        "determine": Command(
            "determine", "say what a case file's month may be billed for, and why"
        ),
        "rates": Command("rates", "show Medicare's amount for a code on a date, and its formula"),
        "roi": Command("roi", "estimate what care management would bring and cost a practice"),
        "schema": Command("schema", "print the JSON Schema of a document"),
        "sample": Command("sample", "fill an empty store with made-up patients"),
    }
)
"""Every command in the order of the help."""


class _Help(argparse.HelpFormatter):
    """Help with each command's line beside its name."""

    def __init__(self, prog: str) -> None:
        longest = max(map(len, COMMANDS))
        super().__init__(prog, max_help_position=longest + 6)
        self._action_max_length = longest + 4


def available_commands() -> dict[str, Command]:
    """Return the commands whose modules are installed."""
    return {name: each for name, each in COMMANDS.items() if find_spec(_module_name(each))}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    Args:
        argv: The words after ``trellis``; those of the process where absent.
    """
    if argv is None:
        quiet_logs.keep_ids_only()
    words = list(sys.argv[1:] if argv is None else argv)
    _open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        status = _run(words)
        sys.stdout.flush()
    except TrellisError as error:
        print(f"trellis: {error}", file=sys.stderr)
        return REFUSED
    except BrokenPipeError:
        _forget_standard_output()
        return DONE
    except OSError as error:
        _forget_standard_output()
        print(f"trellis: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("trellis: stopped.", file=sys.stderr)
        return INTERRUPTED
    return status


def _run(words: Sequence[str]) -> int:
    asked = next((word for word in words if not word.startswith("-")), None)
    commands = available_commands()
    parser = argparse.ArgumentParser(
        prog="trellis",
        description="Care-coordination time, consent and superbills for small practices.",
        epilog="'trellis COMMAND --help' says more about a command. "
        "Trellis supports billing decisions; a person at the practice makes them.",
        formatter_class=_Help,
    )
    parser.add_argument("--version", action="version", version=f"trellis {__version__}")
    subparsers: Subparsers = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True
    )
    module: CommandModule | None = None
    if asked in commands:
        module = cast("CommandModule", importlib.import_module(_module_name(commands[asked])))
        module.add_parser(subparsers)
    for name, command in commands.items():
        if name not in subparsers.choices:
            subparsers.add_parser(name, help=command.help)
    args = parser.parse_args(words)
    if module is None:
        parser.error("name a command")
    return module.run(args)


def _module_name(command: Command) -> str:
    return f"{__name__}.{command.module}"


def _open_missing_streams() -> None:
    """Give a process that was started without a standard stream an empty one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nothing = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - the process closes it
            setattr(sys, name, nothing)


def _forget_standard_output() -> None:
    """Let nothing more be written to a reader that has gone."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = io.StringIO()
