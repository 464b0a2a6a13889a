"""The file and the schema: what the database says of its own, and whether the guards stand."""

from hashlib import sha256

from sqlalchemy import Connection

from trellis_core.services.integrity.report import Found
from trellis_core.store.dialects import SQLITE, physical_problems, schema_of
from trellis_core.store.engine import Store
from trellis_core.store.guards_postgres import wanted_schema
from trellis_core.store.guards_sqlite import SQLITE_TRIGGERS
from trellis_core.store.migrations import reference_schema


def check_file(connection: Connection, found: Found, *, is_full: bool) -> None:
    """Note what the database finds wrong with its own file.

    Args:
        connection: To the store.
        found: Where it is noted.
        is_full: Compare every index with its table as well.
    """
    for problem in physical_problems(connection, is_full=is_full):
        found.add("L011", f"The database file is damaged: {problem}.")


def check_schema(store: Store, connection: Connection, found: Found) -> None:
    """Compare tables, indexes and guards with those that this version makes."""
    wanted, actual = reference_schema(store.engine), schema_of(connection)
    for (kind, name), definition in wanted.items():
        _compare(kind, name, definition, actual.get((kind, name)), found)
    for kind, name in sorted(actual.keys() - wanted.keys()):
        found.add(
            "L009", f"The store has a {kind} '{name}' that is not Trellis's.", subject_ids=(name,)
        )


def check_guards(connection: Connection, found: Found) -> None:
    """Compare the guards alone: what a quick check has time for."""
    actual = schema_of(connection)
    wanted = (
        {("trigger", name): definition for name, definition in SQLITE_TRIGGERS.items()}
        if connection.dialect.name == SQLITE
        else wanted_schema()
    )
    for (kind, name), definition in wanted.items():
        _compare(kind, name, definition, actual.get((kind, name)), found)
    for kind, name in sorted(actual.keys() - wanted.keys()):
        if kind == "trigger":
            found.add(
                "L009",
                f"The store has a {kind} '{name}' that is not Trellis's.",
                subject_ids=(name,),
            )


def _compare(kind: str, name: str, wanted: str, actual: str | None, found: Found) -> None:
    called = f"The {'guard' if kind == 'trigger' else kind} '{name}'"
    if actual is None:
        found.add("L008", f"{called} is missing.", subject_ids=(name,))
    elif actual != wanted and _digest(actual) != _digest(wanted):
        found.add("L008", f"{called} is not the one Trellis made.", subject_ids=(name,))


def _digest(definition: str) -> bytes:
    """Return the digest of a definition, whatever its line breaks and blanks."""
    return sha256("".join(definition.split()).encode()).digest()
