"""Run by Alembic: connects it to the database that `migrate.upgrade` names."""

from alembic import context
from sqlalchemy import create_engine

engine = create_engine(f"sqlite:///{context.config.attributes['path']}")
with engine.begin() as connection:
    context.configure(connection=connection, render_as_batch=True, transaction_per_migration=False)
    context.run_migrations()
engine.dispose()
