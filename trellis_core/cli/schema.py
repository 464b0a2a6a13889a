"""``trellis schema``: the JSON Schema of a document that Trellis reads or writes."""

import argparse
import importlib
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import Final, cast

from trellis_core.case_file import case_schema, determination_schema
from trellis_core.cli.common import Subparsers, accept_store_option, print_json

_SCHEMA_MODULES: Final[Mapping[str, str]] = MappingProxyType(
    {"board": "trellis_core.cli.board", "superbill": "trellis_core.cli.superbills"}
)
"""Documents whose schema stands beside the command that writes them, as ``json_schema``."""

Schema = dict[str, object]


def schemas() -> dict[str, Callable[[], Schema]]:
    """Return every document that has a schema."""
    found: dict[str, Callable[[], Schema]] = {
        "case": case_schema,
        "determination": determination_schema,
    }
    for name, module_name in _SCHEMA_MODULES.items():
        if find_spec(module_name) is not None:
            made = getattr(importlib.import_module(module_name), "json_schema", None)
            if made is not None:
                found[name] = cast("Callable[[], Schema]", made)
    return found


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "schema",
        help="print the JSON Schema of a document",
        description="Print the JSON Schema of a document that Trellis reads or writes.",
    )
    parser.add_argument("document", choices=tuple(schemas()), help="which document")
    parser.add_argument("--json", action="store_true", help="the only form; accepted for symmetry")
    accept_store_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the schema."""
    print_json(schemas()[args.document]())
    return 0
