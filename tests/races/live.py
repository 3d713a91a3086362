"""An installation whose clock is the real one, without grace."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from openecr.domain.collecting import Brakes
from openecr.metadata import layers
from tests.jobs.garbage import bound
from tests.jobs.installation import Installation

SECONDS = float(os.environ.get("OPENECR_RACE_SECONDS", "3"))
ORDERS = int(os.environ.get("OPENECR_RACE_ORDERS", "60"))
EVER = timedelta(days=10_000)
BLIND = Brakes(floor_bytes=1 << 60, jump=EVER)

Tally = Counter[str]


class Live(Installation):
    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    @now.setter
    def now(self, _: datetime) -> None:
        """It is what it is."""


@contextmanager
def live(root: Path, lease: timedelta) -> Iterator[Live]:
    """One that collects at once what has no lease, and removes it at once."""
    usual, layers.LEASE = layers.LEASE, lease
    installation = Live(root)
    installation.blobs._fsync = False  # nobody pulls the plug here
    installation.database._log.wait = lambda: None
    bound(installation, gc_grace=timedelta(0), gc_removal_delay=timedelta(0), gc_brakes=BLIND)
    installation.tools = replace(installation.tools, wait=lambda seconds: None)  # nor has anybody a turn
    try:
        yield installation
    finally:
        layers.LEASE = usual
        installation.database.close()


def without_foreign_keys(installation: Installation) -> None:
    """The database's own guard is off: it would turn a lost layer into an error."""
    installation.database._writer.connection.driver.execute("PRAGMA foreign_keys=OFF")
