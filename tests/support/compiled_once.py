"""Statements are turned into SQL once in a run, not once for every store that a test opens.

SQLAlchemy keeps the SQL of a statement with the engine, and an engine belongs to one store: thousands
of tests with a store of their own turned the same statements into the same words. Here all stores of
one kind of database and one driver share what is kept, as all users of one store do on a server.
"""

from collections.abc import Hashable
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Mapper
from sqlalchemy.util import LRUCache

_STATEMENTS = 5_000


class _Shared(LRUCache[Any, Any]):
    """Keeps SQL by statement, kind of database and driver; not by the engine that asked first."""

    __slots__ = ()

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_of_any_engine(key), default)

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(_of_any_engine(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_of_any_engine(key), value)


def _of_any_engine(key: tuple[Any, ...]) -> tuple[Hashable, ...]:
    dialect, *of_statement = key
    return type(dialect), dialect.dbapi, *of_statement


def share_compiled_statements() -> None:
    """Let every engine share its compiled statements with all others."""
    shared = _Shared(_STATEMENTS)
    Engine._compiled_cache = property(lambda _: shared, lambda _, own: None)  # type: ignore[assignment]
    Mapper._compiled_cache = shared  # type: ignore[method-assign, assignment]
