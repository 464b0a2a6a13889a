"""Comparing names without case and accents inside the database: one function, on both of them.

On SQLite it is ``values.folding.folded`` itself; PostgreSQL is given the same table of letters, and
reads it for the few texts that are not plain ASCII.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from trellis_core.values import folding

SQLITE_FUNCTION: Final = "trellis_folded"


class folded(FunctionElement[str]):  # noqa: N801 - written as a function in statements
    """A text in small letters without accents."""

    type = String()
    inherit_cache = True

    def __init__(self, text: ColumnElement[str] | Mapped[str]) -> None:
        super().__init__(text)


def folded_or_null(text: str | None) -> str | None:
    """Return a text as it is looked for; null stays null. For SQLite."""
    return None if text is None else folding.folded(text)


@compiles(folded, "sqlite")
def _on_sqlite(element: folded, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ANN401
    return f"{SQLITE_FUNCTION}({compiler.process(element.clauses, **kw)})"


@compiles(folded, "postgresql")
def _on_postgresql(element: folded, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ANN401
    text = compiler.process(element.clauses, **kw)
    old, new = (
        compiler.render_literal_value(letters, String()) for letters in (folding.FROM, folding.TO)
    )
    return (
        f"CASE WHEN octet_length({text}) = char_length({text}) THEN lower({text}) "
        f"ELSE lower(translate({text}, {old}, {new})) END"
    )
