"""`make bench`: openecr and other servers under the same load, in one run, on one machine.

What lives here: the servers (`peers.py`), the load (`load.py`, `client.py`), the work (`workloads.py`, one
table) and the report. What does not: anything the test suite runs. To add a workload, write a function
in `workloads.py` and give it a line in the table there; to add a server, a class in `peers.py`.

How it measures. Every server is up all the time, idle but for its turn, and pinned to one core; the load
comes from another core. A round asks all of them, one after the other; the ratio is taken inside each round
and the median of the rounds is reported, so that a slow minute of the machine slows both sides of a ratio.
The figure to trust is the server's CPU time per request: neighbours hardly touch it, while they halve a rate.
"""
