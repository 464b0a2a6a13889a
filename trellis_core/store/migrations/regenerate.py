"""Writes the first migration anew from ``tables.py``, before the first release.

    python -m trellis_core.store.migrations.regenerate

It writes ``versions/0002_first.py``: every table, then the guards of ``guards.py``. Read the
file before it is committed. Stores made by an older first migration are then to be made anew.
"""

from pathlib import Path
from typing import Final, Literal

import pysqlite3
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from sqlalchemy import Computed, create_engine

from trellis_core.store.guards import BodyField
from trellis_core.store.tables import TrellisTable

_PATH: Final = Path(__file__).parent / "versions" / "0002_first.py"
_FILE: Final = '''"""The first schema: the practice's records, the ledger and its guards.

Revision ID: 0002
Revises:
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from trellis_core.store import dialects, guards

revision = "0002"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table and index, then the guards."""
    {upgrade}
    dialects.install_guards(op.get_bind())
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
    """Return the text of the first migration for the tables as they are."""
    engine = create_engine("sqlite://", module=pysqlite3)
    with engine.connect() as connection:
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
