"""What may be asked: one function per operation, in the file of its noun.

An operation is registered by `@operation` in its file and reached only through `gate.py`, which
authorises, runs and audits. Its output is spelled as on the wire; the service model picks the
members. It reads, asks `domain` and `policy`, writes through `call.transaction()` and `call.blobs`.
Not here: anything about HTTP or JSON (the fronts), rules without I/O (domain), SQL (metadata). To
add one: the function, in the file of its noun; a new file also goes into `all.py`.
"""
