"""D5: a collector that is killed between any two steps is followed by one that does the rest."""

import signal
from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import a_layer, an_image
from tests.cli.commands import openecr
from tests.jobs.garbage import can_be_read, delete
from tests.jobs.installation import Installation

pytestmark = pytest.mark.slow

STEPS = [
    ("gc.collected", 1),
    ("gc.bytes_removed", 1),
    ("gc.bytes_removed", 3),
    ("job.step", 2),
    ("job.step", 4),
]


@pytest.mark.parametrize(("point", "hit"), STEPS)
def test_a_collector_that_was_killed_is_followed_by_one_that_does_the_rest(tmp_path, point, hit):
    installation = Installation(tmp_path)
    installation.now = datetime.now(UTC) - timedelta(days=3)
    installation.create("team/app")
    again = a_layer(b"it comes again")
    dead, kept = an_image(layers=[again, a_layer()]), an_image()
    for image in (dead, kept):
        installation.push("team/app", image)
    delete(installation, "team/app", dead.digest)
    installation.now = datetime.now(UTC)
    assert openecr("gc", "run", "--data-dir", tmp_path).returncode == 0
    installation.push("team/app", an_image(layers=[again]), "again")  # before its old bytes have gone
    installation.ask_database("UPDATE removal SET due_at = 0")
    for image in (dead, kept):  # and more that is to be collected
        installation.push("team/app", image)
    delete(installation, "team/app", dead.digest)
    installation.ask_database("UPDATE repository_blob SET lease_until = 0")
    installation.ask_database("UPDATE garbage_review SET since = 0")

    killed = openecr("gc", "run", "--data-dir", tmp_path, FAILPOINTS=f"{point}=kill9@{hit}")
    assert killed.returncode == -signal.SIGKILL
    assert installation.fsck(deep=True) == []
    assert openecr("gc", "run", "--data-dir", tmp_path).returncode == 0
    installation.ask_database("UPDATE removal SET due_at = 0")
    assert openecr("gc", "run", "--data-dir", tmp_path).returncode == 0

    assert installation.fsck(deep=True) == []
    assert installation.ask_database("SELECT count(*) FROM removal") == (0,)
    assert [can_be_read(installation, "team/app", blob) for blob in (again, *kept.blobs)] == [True] * 3
    assert len(list(installation.blobs.keys())) == installation.ask_database("SELECT count(*) FROM blob")[0]
    installation.database.close()
