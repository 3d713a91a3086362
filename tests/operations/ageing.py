"""Time that has passed for what is stored, where the clock cannot go on: signatures hold for minutes only."""

from datetime import timedelta
from typing import Any

TIMES = {
    "image": ("pushed_at", "pulled_at", "archived_at", "activated_at"),
    "lifecycle_preview": ("started_at",),
    "lifecycle_policy": ("put_at",),
}


def make_older(server: Any, **duration: float) -> None:
    """All images, policies and previews are so much older than they were."""
    milliseconds = round(timedelta(**duration) / timedelta(milliseconds=1))
    with server.parts.stores.database.transaction() as db:
        for table, columns in TIMES.items():
            changes = ", ".join(f"{column} = {column} - {milliseconds}" for column in columns)
            db.connection.driver.execute(f"UPDATE {table} SET {changes}")
