"""Runs the migrations on the connection that `migrate` hands over."""

from alembic import context

from loadlens.serving.store import access_tables, alarm_tables, waste_tables
from loadlens.serving.store.tables import Base

assert access_tables, (alarm_tables, waste_tables)  # imported for their tables

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
