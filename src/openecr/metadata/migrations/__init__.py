"""Migrations: numbered, forwards only, run by Alembic at start (`metadata/migrate.py`).

Each is a file of `versions/`; the newest one's number is `HEAD` in migrate.py. A migration speaks of
the tables as they were, so it imports nothing from `schema.py`.
"""
