"""The store's schema over time. A store is brought up to date when it is opened.

Nobody runs a migration by hand. A migration that stores may already have gone through never
changes: what ``tables.py`` gains comes in a file of its own in ``versions/``, and
``SCHEMA_VERSION`` names the newest, which is written by::

    python -m trellis_core.store.migrations.regenerate
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Final, cast
from uuid import uuid4

from sqlalchemy import Connection, Engine, create_engine, insert, inspect, select

from trellis_core.errors import SchemaVersionError, StoreError
from trellis_core.store import guards_postgres
from trellis_core.store.dialects import POSTGRESQL, schema_of
from trellis_core.store.tables import STORE_IDENTITY
from trellis_core.store.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from alembic.config import Config

SCHEMA_VERSION: Final = "0008"
"""The migration that this version of Trellis reads and writes."""

_DRAFT: Final = "0001"


def upgrade(engine: Engine, writing: Callable[[], AbstractContextManager[UnitOfWork]]) -> None:
    """Bring a store's schema up to date; do nothing where it is.

    Args:
        engine: The store's.
        writing: Opens a writing unit of work: the whole upgrade is one.

    Raises:
        SchemaVersionError: The store's schema is of a version that this one does not know.
    """
    with engine.connect() as connection, connection.begin():
        found = _version(connection)
    if found == SCHEMA_VERSION:
        return
    with writing() as unit:
        _upgrade_in(unit.connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if version is None else str(version)


def _upgrade_in(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - only a store that is behind pays for the import
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    found = _version(connection)
    config = alembic_config()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found == _DRAFT:
        raise StoreError(
            "The store was made by a draft of Trellis, before its first release, whose ledger had "
            "another form. Name another store, or let 'trellis demo --fresh' make the sample anew."
        )
    if found is not None and found not in known:
        raise SchemaVersionError(found, SCHEMA_VERSION)
    if found is None and set(inspect(connection).get_table_names()) - {"alembic_version"}:
        raise SchemaVersionError(None, SCHEMA_VERSION)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if connection.execute(select(STORE_IDENTITY.c.id)).first() is None:
        connection.execute(insert(STORE_IDENTITY).values(id=str(uuid4())))


def alembic_config() -> "Config":
    """Return Alembic's settings; there is no ``alembic.ini``."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def reference_schema(engine: Engine) -> Mapping[tuple[str, str], str]:
    """Return the schema as the migrations make it.

    Of SQLite from an empty store; of PostgreSQL its guards, as they are written.

    Args:
        engine: A store's engine, whose dialect and driver are used.
    """
    if engine.dialect.name == POSTGRESQL:
        return guards_postgres.wanted_schema()
    return _reference_schema(engine.dialect.name, cast("ModuleType", engine.dialect.loaded_dbapi))


@cache
def _reference_schema(dialect: str, driver: ModuleType) -> Mapping[tuple[str, str], str]:
    blank = create_engine(f"{dialect}://", module=driver)
    try:
        with blank.begin() as connection:
            _upgrade_in(connection)
            return MappingProxyType(schema_of(connection))
    finally:
        blank.dispose()
