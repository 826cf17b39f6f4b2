"""Run the migrations in the transaction of the caller, as Alembic wants it: this file is executed, not imported."""

from alembic import context

from pipeline.store.database import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
