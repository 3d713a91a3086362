"""D1: everybody at once, without grace: no image is ever broken."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta

import pytest

from tests.races.live import SECONDS, live
from tests.races.pushing import prepare, stress, stress_in_process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(SECONDS * 4 + 120)]

NONE = timedelta(0)
HARDLY = timedelta(milliseconds=60)
"""About as long as a push takes: it ends in the middle of some."""
SHORT = timedelta(seconds=2)
"""Long enough for one push, on a machine that has other things to do."""


@pytest.mark.parametrize("lease", [NONE, HARDLY])
def test_without_much_of_a_lease_clients_upload_again_and_no_image_is_broken(tmp_path, lease):
    prepare(tmp_path)
    with live(tmp_path, lease) as installation:
        tally = stress(installation, SECONDS, seed=1)
        print(dict(tally))
        assert (tally["broken"], tally["errors"]) == (0, 0)
        assert tally["pushed"] > 0
        assert tally["collected"] >= SECONDS
        assert tally["again"] > 0
        assert installation.fsck(deep=True) == []


def test_with_a_lease_nobody_has_to_upload_again(tmp_path):
    prepare(tmp_path)
    with live(tmp_path, SHORT) as installation:
        tally = stress(installation, max(SECONDS, 2 * SHORT.total_seconds()), seed=2)
        print(dict(tally))
        assert (tally["broken"], tally["errors"], tally["again"]) == (0, 0, 0)
        assert tally["pushed"] > SECONDS
        assert tally["collected"] >= SECONDS
        assert installation.fsck(deep=True) == []


@pytest.mark.parametrize("lease", [HARDLY, SHORT])
def test_the_same_in_two_processes_upon_one_database(tmp_path, lease):
    prepare(tmp_path)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as processes:
        running = [
            processes.submit(stress_in_process, tmp_path, lease, max(SECONDS, 4), seed) for seed in (3, 4)
        ]
        tallies = [each.result() for each in running]
    print([dict(tally) for tally in tallies])
    for tally in tallies:
        assert (tally["broken"], tally["errors"]) == (0, 0)
        assert tally["pushed"] > 0
    assert sum(tally["collected"] for tally in tallies) >= SECONDS
    with live(tmp_path, NONE) as installation:
        assert installation.fsck(deep=True) == []
