"""Death and loss of power: what was acknowledged is there afterwards, byte for byte.

A *journal client* pushes images and writes down, in a file of its own and synced, what the server has
acknowledged. The server dies: by `kill -9` at a failpoint (test_kill.py), at random (test_random_kills.py),
with the disk as it was at that instant (test_power.py). It is started again, and the *judge* holds it to
every line of the journal, over HTTP and by `openecr fsck --deep --journal`. Workers die between the steps of
their jobs (test_kill_jobs.py, job_cases.py).

    pytest -m slow tests/crash
    OPENECR_CRASH_SEEDS=20    seeds at each failpoint (2)
    OPENECR_CRASH_SECONDS=300 how long the server is killed at random (10)
    OPENECR_POWER_CUTS=200    instants at which the power is cut (3)

These need root, loop devices, mount and strace. Source: reliability.md §4, §5 A and B1.
"""
