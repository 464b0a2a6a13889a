"""``trellis determine``: what a case file's months may be billed for, and why."""

import argparse
import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final, NoReturn

from trellis_core.case_file import (
    CaseStream,
    determination_json,
    determination_text,
    each_case,
)
from trellis_core.cli.common import Subparsers, accept_store_option
from trellis_core.errors import InputRefusedError
from trellis_core.rules.determination import Determination

_STANDARD_INPUT: Final = "-"
_CONTROLS: Final = re.compile(
    r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
"""What moves a terminal's cursor, changes its colors or turns its writing round."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "determine",
        help="say what a case file's month may be billed for, and why",
        description="Read one patient-month as JSON and say what may be billed, what may not "
        "and why. Needs no database. A file holds one case or a list of cases.",
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a case file, or - for standard input"
    )
    parser.add_argument(
        "--explain", action="store_true", help="show every check and its parameters"
    )
    parser.add_argument(
        "--format",
        choices=("json", "text"),
        default="json",
        help="the answer's form (default: json)",
    )
    parser.add_argument(
        "--json", dest="format", action="store_const", const="json", help="as --format json"
    )
    accept_store_option(parser)


def run(args: argparse.Namespace) -> int:
    """Answer the cases, or refuse them all."""
    files: list[str] = args.files
    answers: list[str] = []
    is_list = len(files) > 1
    try:
        for place, name in enumerate(files):
            if name == _STANDARD_INPUT in files[:place]:
                _refuse_again()
            is_list |= _answer(name, args, answers)
    except InputRefusedError as refused:
        print(_refusal(refused), file=sys.stderr)
        return 2
    if args.format == "text":
        sys.stdout.write("\n".join(answers))
    elif is_list:
        sys.stdout.write("[\n" + ",\n".join(answers) + "\n]\n" if answers else "[]\n")
    else:
        sys.stdout.write(f"{answers[0]}\n")
    return 0


def _refuse_again() -> NoReturn:
    raise InputRefusedError("NOT_JSON", "", "Standard input can be read once. Write - once.")


def _answer(name: str, args: argparse.Namespace, answers: list[str]) -> bool:
    """Add the answers of one file's cases; say whether it held a list.

    Each case is answered as soon as it is read, and forgotten: a long list costs the memory of
    its text and of its answers.
    """
    from trellis_core.rules.determine import determine
    from trellis_core.rules.rulebook import load_rule_book

    is_one_of_several = len(args.files) > 1
    try:
        cases: CaseStream = each_case(_bytes_of(name))
        rule_book = load_rule_book()
        is_alone = not cases.is_list and not is_one_of_several
        for facts in cases.facts:
            found = determine(facts, rule_book=rule_book, explain=args.explain)
            answers.append(
                _text(found)
                if args.format == "text"
                else _json(found, explain=args.explain, is_alone=is_alone)
            )
    except InputRefusedError as refused:
        if not is_one_of_several:
            raise
        raise InputRefusedError(
            refused.code, refused.path, f"In '{_shown(name)}': {refused.message}"
        ) from refused
    return cases.is_list


def _json(found: Determination, *, explain: bool, is_alone: bool) -> str:
    """Write an answer on one line; the only one so that a person can read it."""
    return json.dumps(determination_json(found, explain=explain), indent=2 if is_alone else None)


def _text(found: Determination) -> str:
    """Write an answer for a terminal, which no text of the input may steer."""
    named = found if found.case is None else replace(found, case=" ".join(found.case.split()))
    return _CONTROLS.sub(lambda each: f"\\u{ord(each[0]):04x}", determination_text(named))


def _bytes_of(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == _STANDARD_INPUT else Path(name).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputRefusedError(
            "NOT_JSON", "", f"'{_shown(name)}' cannot be read: {reason}. Give a file of JSON."
        ) from error


def _shown(name: str) -> str:
    """Return a file's name as text, whatever bytes it is made of."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _refusal(refused: InputRefusedError) -> str:
    return json.dumps({"error": refused.code, "path": refused.path, "message": refused.message})
