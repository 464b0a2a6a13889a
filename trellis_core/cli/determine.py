"""``trellis determine``: what a case file's months may be billed for, and why."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trellis_core.case_file import (
    Cases,
    determination_json,
    determination_text,
    read_cases,
)
from trellis_core.cli.common import Subparsers, accept_store_option, print_json
from trellis_core.errors import InputRefusedError
from trellis_core.rules.determination import Determination

_STANDARD_INPUT: Final = "-"


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
    from trellis_core.rules.determine import determine
    from trellis_core.rules.rulebook import load_rule_book

    try:
        documents = [_read(name, is_one_of_several=len(args.files) > 1) for name in args.files]
    except InputRefusedError as refused:
        print(_refusal(refused), file=sys.stderr)
        return 2
    rule_book = load_rule_book()
    answers = (
        determine(facts, rule_book=rule_book, explain=args.explain)
        for cases in documents
        for facts in cases.facts
    )
    if args.format == "text":
        _print_text(answers)
    elif len(documents) == 1 and not documents[0].is_list:
        print_json(determination_json(next(answers), explain=args.explain))
    else:
        _print_list(answers, explain=args.explain)
    return 0


def _read(name: str, *, is_one_of_several: bool) -> Cases:
    try:
        data = sys.stdin.buffer.read() if name == _STANDARD_INPUT else Path(name).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputRefusedError("NOT_JSON", "", f"'{name}' cannot be read: {reason}.") from error
    try:
        return read_cases(data)
    except InputRefusedError as refused:
        if not is_one_of_several:
            raise
        raise InputRefusedError(
            refused.code, refused.path, f"In '{name}': {refused.message}"
        ) from refused


def _refusal(refused: InputRefusedError) -> str:
    return json.dumps({"error": refused.code, "path": refused.path, "message": refused.message})


def _print_list(answers: Iterator[Determination], *, explain: bool) -> None:
    """Print one answer a line, and nothing before all are known."""
    lines = [json.dumps(determination_json(answer, explain=explain)) for answer in answers]
    sys.stdout.write("[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n")


def _print_text(answers: Iterator[Determination]) -> None:
    sys.stdout.write("\n".join(determination_text(answer) for answer in answers))
