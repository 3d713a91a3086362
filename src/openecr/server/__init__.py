"""One process that answers: sockets, hosts, threads, health.

`app.py` joins the parts; nothing else does. `adapter.py` speaks HTTP and knows no registry, `hosts.py`
says which front a request is for, `pools.py` says where a call runs. Not here: what a request means
(the fronts), what an operation does (operations).
To add something under `/-/`: a line in the table of `own.py`. To limit something: a line in
`limits.py`, where every bound has its name, and a test in `tests/server` that stands on it.
"""
