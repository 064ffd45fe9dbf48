"""Runs the migrations on the connection that `migrate` hands over."""

from alembic import context

from loadlens.serving.store import alarm_tables
from loadlens.serving.store.tables import Base

assert alarm_tables  # imported for its tables

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
