"""Run by Alembic: connects it to the database that `migrate.upgrade` names.

All migrations are one transaction, which holds the write lock from its beginning: one that fails or is
killed leaves nothing behind, and of two servers that start at once, one migrates and the other waits.
"""

from typing import Any

from alembic import context
from sqlalchemy import URL, Connection, create_engine, event

from openecr.metadata.migrate import WAIT_SECONDS

engine = create_engine(
    URL.create("sqlite", database=str(context.config.attributes["path"])),
    connect_args={"timeout": WAIT_SECONDS},
)


@event.listens_for(engine, "connect")
def _leave_transactions_to_us(driver: Any, _: Any) -> None:
    driver.isolation_level = None  # else the driver begins none before statements that change the schema


@event.listens_for(engine, "begin")
def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


with engine.begin() as connection:
    context.configure(connection=connection, render_as_batch=True, transaction_per_migration=False)
    context.run_migrations()
engine.dispose()
