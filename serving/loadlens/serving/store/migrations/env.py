"""Runs the migrations on the connection that `migrate` hands over."""

from alembic import context

# Importing makes their tables known.
from loadlens.serving.store import (  # noqa: F401
    access_tables,
    alarm_tables,
    lease_tables,
    manifest_tables,
    queue_tables,
    retention_tables,
    room_tables,
    settings_tables,
    waste_tables,
)
from loadlens.serving.store.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
