"""Facts, in SQL. Takes and returns domain values, never rows.

`schema.py` has every table with what a row means; `database.py` the connections, transactions and
all that is particular to SQLite; then one file of queries per noun. A query is a `Query` at the top
of its file: a SQLAlchemy statement, compiled once to text and run on the plain driver connection.
Not here: rules (domain), bytes (blobs). To add a noun: its tables in schema.py with a migration, a
file with its queries, a line in `Transaction`.
"""
