"""``trellis schema``: the JSON Schema of a document that Trellis reads or writes."""

import argparse
import importlib
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import Final, cast

from trellis_core.cli.common import Subparsers, accept_store_option, print_json

Schema = dict[str, object]

_MAKERS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "case": ("trellis_core.case_file", "case_schema"),
        "determination": ("trellis_core.case_file", "determination_schema"),
        "board": ("trellis_core.cli.board", "json_schema"),
        "superbill": ("trellis_core.cli.superbills", "json_schema"),
    }
)
"""The module and function that make each document's schema from what writes the document."""


def documents() -> tuple[str, ...]:
    """Return the documents that have a schema."""
    return tuple(name for name, (module, _) in _MAKERS.items() if find_spec(module))


def schema_of(document: str) -> Schema:
    """Return a document's JSON Schema."""
    module, function = _MAKERS[document]
    made = cast("Callable[[], Schema]", getattr(importlib.import_module(module), function))
    return made()


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "schema",
        help="print the JSON Schema of a document",
        description="Print the JSON Schema of a document that Trellis reads or writes.",
    )
    parser.add_argument("document", choices=documents(), help="which document")
    parser.add_argument("--json", action="store_true", help="the only form; accepted as everywhere")
    accept_store_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the schema."""
    print_json(schema_of(args.document))
    return 0
