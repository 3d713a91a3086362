"""Of jobs, for `/-/metrics`: how many there are, how long the oldest has been due, what they have left.

All of it is read from the rows when it is asked for, so every process tells the same, whoever does the jobs:
over several processes these are not to be added up.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from openecr.domain.job import State
from openecr.errors import ServiceUnavailable
from openecr.jobs import figures
from openecr.metadata.database import Database

if TYPE_CHECKING:
    from prometheus_client import Metric


def job_families(database: Database, clock: Callable[[], datetime]) -> Iterable["Metric"]:
    """Nothing where the database cannot be read: `/-/readyz` says that, and the other metrics stay."""
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

    try:
        with database.reading() as db:
            counts = db.jobs.counts()
            due_at = db.jobs.oldest_due(clock())
            events = db.outbox.count()
            left = figures.find_all(db)
    except ServiceUnavailable:
        return

    jobs = GaugeMetricFamily("openecr_jobs", "Jobs that wait, are run or were given up.", labels=["state"])
    for state in State:
        jobs.add_metric([state], counts.get(state, 0))
    yield jobs
    yield GaugeMetricFamily(
        "openecr_oldest_due_job_seconds",
        "How long the oldest job that is due has waited; 0 where none is due.",
        value=0.0 if due_at is None else (clock() - due_at).total_seconds(),
    )
    yield GaugeMetricFamily("openecr_outbox_events", "Events that are no jobs yet.", value=events)
    for name, value in left.items():
        family = CounterMetricFamily if figures.FIGURES[name].is_counter else GaugeMetricFamily
        yield family(f"openecr_{name}", figures.FIGURES[name].sentence, value=value)
