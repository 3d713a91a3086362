"""Pushers against collectors of garbage, on purpose at the worst moment. Source: reliability.md §3, D1–D6.

    test_stress.py     D1: at random, in threads and in two processes, without grace, with hardly a lease
    test_orders.py     D2, D3: a promise, then the collector, then the manifest
    test_mutations.py  D4: with one rule left out each of these fails
    test_kill.py       D5: a collector that is killed between two steps
    test_downloads.py  D6: a download of what is collected meanwhile

    OPENECR_RACE_SECONDS   how long each stress lasts [3]; 600 by night
    OPENECR_RACE_ORDERS    how often each order is gone through [60]; 10000 by night

`pytest tests/races` runs what takes a moment, `pytest -m slow tests/races` the stress.
How much longer a push takes beside the collector is measured by `make bench` (bench/jobs.py).
"""
