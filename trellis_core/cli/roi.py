"""``trellis roi``: what care management would bring and cost a practice, from stated assumptions."""

import argparse
import hashlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final

from trellis_core.case_file.strict_json import parse
from trellis_core.cli._files import STANDARD_OUTPUT, write_whole
from trellis_core.cli.common import Subparsers, add_store_options, print_json, print_message
from trellis_core.documents.disclaimer import DISCLAIMER
from trellis_core.documents.roi_csv import scenario_csv
from trellis_core.documents.roi_words import amounts_line, summary
from trellis_core.errors import CommandRefusedError, InputRefusedError
from trellis_core.roi import (
    NO_CONTRACTS,
    Contracts,
    Floor,
    RoiInputs,
    RoiResult,
    assumptions_json,
    floors,
    inputs_json,
    link_text,
    read_inputs,
    result_json,
    simulate,
    swings,
)
from trellis_core.rules.amounts import AmountTables
from trellis_core.values.clock import SystemClock
from trellis_core.values.money import amount_text

SCHEMA_NAME: Final = "trellis.roi/1"
"""Name and version of the answer's form."""

_STANDARD_INPUT: Final = "-"
_MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {"pdf": "application/pdf", "csv": "text/csv"}
)


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "roi",
        help="estimate what care management would bring and cost a practice",
        description="Estimate what care management would bring and cost over three years. Inputs "
        "that the file does not name keep their defaults; every input is shown with its default, "
        "its source and its date. Needs no patient data and no store. Where a store is named, its "
        "loaded Medicare tables are used and, with --as, its payers' contracted amounts.",
    )
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE.json",
        help='inputs as JSON, for example {"panel": 2000, "worker": "RN"}; - for standard input',
    )
    parser.add_argument(
        "--scenario", metavar="NAME", help="a saved scenario of the practice in place of a file"
    )
    for form, about in (("pdf", "two pages to hand on"), ("csv", "a table for a spreadsheet")):
        parser.add_argument(
            f"--{form}",
            metavar="PATH",
            help=f"write {about}: the file, or a folder to write it in; - for standard output in "
            "place of the answer",
        )
    add_store_options(parser)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What a calculation stands on, in a practice or without one."""

    inputs: RoiInputs
    amounts: AmountTables
    give: Callable[[str, Callable[[], bytes]], bytes]
    made_on: date
    contracts: Contracts
    name: str = ""
    practice_name: str = ""


def run(args: argparse.Namespace) -> int:
    """Show inputs and results, and write the files that were asked for."""
    if args.scenario is not None and args.file is not None:
        raise CommandRefusedError(
            "TWO_INPUTS", "Name a file or a scenario, not both: each holds every input."
        )
    if args.pdf == STANDARD_OUTPUT == args.csv:
        raise CommandRefusedError("TWO_OUTPUTS", "Only one file can go to standard output.")
    inputs = RoiInputs() if args.file is None else _read(args.file)
    # A store may have to be opened, which an answer without one does without.
    from trellis_core.cli import _rule_book

    named = bool(args.pdf or args.csv or _contracts_of(inputs))
    if args.scenario or args.as_person or (named and _rule_book.names_store(args)):
        from trellis_core.cli._roi_practice import in_practice

        with in_practice(args) as found:
            name, own = found.scenario(args.scenario) if args.scenario else ("", inputs)
            return _answer(
                args,
                _Ground(
                    inputs=own,
                    amounts=found.amounts,
                    give=found.give,
                    made_on=found.today,
                    contracts=found.contracts,
                    name=name,
                    practice_name=found.practice_name,
                ),
            )
    return _answer(
        args,
        _Ground(
            inputs=inputs,
            amounts=_rule_book.book_for(args).amounts,
            give=lambda _, make: make(),
            made_on=SystemClock().now().astimezone().date(),
            contracts=NO_CONTRACTS,
        ),
    )


def _contracts_of(inputs: RoiInputs) -> tuple[str, ...]:
    every = (inputs.contract_advantage, inputs.contract_medicaid, inputs.contract_commercial)
    return tuple(name for name in every if name is not None)


def _answer(args: argparse.Namespace, ground: _Ground) -> int:
    result = simulate(ground.inputs, ground.amounts, ground.contracts)
    plain = floors(ground.inputs, ground.amounts)
    files, is_answered = _files(args, ground, result, plain)
    if is_answered:
        return 0
    if args.json:
        print_json(
            {
                "schema": SCHEMA_NAME,
                "disclaimer": DISCLAIMER,
                "scenario": ground.name or None,
                "link": link_text(ground.inputs),
                "summary": summary(result),
                "amounts": amounts_line(result),
                "inputs": inputs_json(ground.inputs),
                "assumptions": assumptions_json(ground.inputs),
                "results": result_json(result),
                "floor": [_floor_json(floor) for floor in plain],
                "files": files,
            }
        )
        return 0
    from trellis_core.cli._roi_text import answer_lines

    for line in answer_lines(result, plain, name=ground.name):
        print(line)
    print(f"\n{DISCLAIMER}")
    return 0


def _files(
    args: argparse.Namespace, ground: _Ground, result: RoiResult, plain: tuple[Floor, ...]
) -> tuple[list[dict[str, object]], bool]:
    """Write the files that were asked for; say whether one took the answer's place."""

    def as_pdf() -> bytes:
        # Draws, with libraries that an answer does without.
        from trellis_core.documents.roi_pdf import scenario_pdf

        return scenario_pdf(
            result,
            name=ground.name,
            practice_name=ground.practice_name,
            swings=swings(ground.inputs, ground.amounts, ground.contracts),
            floors=plain,
            made_on=ground.made_on,
        )

    makers = {"pdf": as_pdf, "csv": lambda: scenario_csv(result, name=ground.name)}
    written: list[dict[str, object]] = []
    is_answered = False
    for form, make in makers.items():
        path: str | None = getattr(args, form)
        if path is None:
            continue
        content = ground.give(form, make)
        if path == STANDARD_OUTPUT:
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
            is_answered = True
            continue
        target = write_whole(content, Path(path), file_name=f"roi-{result.inputs.year}.{form}")
        print_message(f"Wrote {target} ({len(content):,} bytes).")
        written.append(
            {
                "file": str(target),
                "media_type": _MEDIA_TYPES[form],
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
    return written, is_answered


def _read(name: str) -> RoiInputs:
    """Read inputs from a file; the answer of this command is one too."""
    try:
        data = sys.stdin.buffer.read() if name == _STANDARD_INPUT else Path(name).read_bytes()
    except (OSError, ValueError) as error:
        raise InputRefusedError("NOT_JSON", "", f"'{name}' cannot be read as a file.") from error
    document = parse(data)
    if isinstance(document, dict) and document.get("schema") == SCHEMA_NAME:
        document = document.get("inputs")
    if not isinstance(document, dict):
        raise InputRefusedError("WRONG_TYPE", "", "An object with inputs is needed.")
    return read_inputs(document)


def _floor_json(floor: Floor) -> dict[str, object]:
    return {
        "patients": floor.patients,
        "unit_amount": amount_text(floor.unit_amount),
        "month": amount_text(floor.month),
        "year": amount_text(floor.year),
        "basis": floor.basis,
    }
