"""Writes the newest migration anew from ``tables.py``, before its release.

    python -m trellis_core.store.migrations.regenerate

It writes ``versions/0008_background_jobs.py``: what ``tables.py`` has and the migrations before it do not.
Read the file before it is committed. A migration that was released is never written again.
"""

from pathlib import Path
from typing import Final, Literal

import pysqlite3
from alembic import command
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from sqlalchemy import Computed, create_engine

from trellis_core.store.guards import BodyField
from trellis_core.store.migrations import alembic_config
from trellis_core.store.tables import TrellisTable

_BEFORE: Final = "0007"
_PATH: Final = Path(__file__).parent / "versions" / "0008_background_jobs.py"
_FILE: Final = '''"""Background jobs: what the server does by itself for a person, and the pieces that it makes.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from trellis_core.store import dialects

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, indexes and columns, then let the working role use them."""
    {upgrade}
    dialects.grant_rights(op.get_bind())

'''


def _render(kind: str, item: object, context: AutogenContext) -> str | Literal[False]:
    """Write types of SQLModel and the ledger's cut columns as they are imported in the file."""
    if (
        kind == "server_default"
        and isinstance(item, Computed)
        and isinstance(item.sqltext, BodyField)
    ):
        return f"sa.Computed({item.sqltext!r}, persisted=True)"
    if kind == "type" and type(item).__module__.startswith("sqlmodel"):
        context.imports.add("import sqlmodel")
        return f"sqlmodel.sql.sqltypes.{item!r}"
    return False


def regenerate() -> str:
    """Return the text of the newest migration for the tables as they are."""
    engine = create_engine("sqlite://", module=pysqlite3)
    with engine.connect() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, _BEFORE)
        context = MigrationContext.configure(connection, opts={"render_item": _render})
        script = produce_migrations(context, TrellisTable.metadata)
        operations = script.upgrade_ops
        if operations is None:
            raise RuntimeError("Alembic produced no operations.")
        code = render_python_code(
            operations, render_item=_render, migration_context=context, alembic_module_prefix="op."
        )
    engine.dispose()
    lines = [line for line in code.strip().splitlines() if not line.strip().startswith("# ###")]
    return _FILE.format(upgrade="\n".join(lines).strip())


if __name__ == "__main__":
    _PATH.write_text(regenerate(), encoding="utf-8")
