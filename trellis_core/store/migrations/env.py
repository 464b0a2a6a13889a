"""Alembic's entry: runs the migrations on the connection it is handed, in its transaction."""

from alembic import context

from trellis_core.store.tables import TrellisTable

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=TrellisTable.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
