"""`kill -9` at each step of a push: nothing acknowledged is lost, and the push can be done again."""

import os
import signal
from pathlib import Path
from random import Random

import pytest
import requests

from tests.crash.journal import UNANSWERED, Client, Journal, sha256
from tests.crash.judge import judge
from tests.crash.server import START_LIMIT_SECONDS, Server

SEEDS = int(os.environ.get("OPENECR_CRASH_SEEDS", "2"))
PUSHES = 5
# How often a push comes by at least: what is killed at one of its first hits is killed for certain.
STEPS_OF_A_BLOB = {
    "upload.created": 3,
    "part.partial_write": 3,
    "complete.digest_checked": 3,
    "blob.before_fsync": 3,
    "blob.after_fsync": 3,
    "blob.after_rename": 3,
    "blob.after_directory_fsync": 3,
    "complete.before_commit": 3,
    "complete.after_commit": 3,
    "complete.before_answer": 3,
}
STEPS_OF_AN_IMAGE = {"image.before_commit": 2, "image.after_commit": 2, "image.before_answer": 2}
STEPS = STEPS_OF_A_BLOB | STEPS_OF_AN_IMAGE


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("failpoint", STEPS)
def test_a_push_survives_a_kill(tmp_path: Path, journal: Journal, failpoint: str, seed: int) -> None:
    data = tmp_path / "data"
    hit = Random(f"{failpoint}/{seed}").randint(1, STEPS[failpoint] * PUSHES)
    with Server(data, failpoints=f"{failpoint}=kill9@{hit}") as server:
        client = Client(server.url, server.create_repository("crash/app"), journal, seed)
        interrupted = push_until_it_dies(client)
        assert server.wait() == -signal.SIGKILL

    with Server(data) as server:
        assert server.start_seconds <= START_LIMIT_SECONDS
        assert judge(server, data, journal.path) == []

        client.url = server.url
        client.push(interrupted)
        client.push(PUSHES)

        assert judge(server, data, journal.path) == []
        server.stop()
    client.close()


def push_until_it_dies(client: Client) -> int:
    """The number of the push that was not answered to the end."""
    for number in range(PUSHES):
        try:
            client.push(number)
        except UNANSWERED:
            return number
    pytest.fail("nobody was killed")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_an_upload_goes_on_after_a_kill_where_its_last_acknowledged_part_ended(
    tmp_path: Path, seed: int
) -> None:
    """The part that was being received counts for nothing, however much of it was written."""
    data, random = tmp_path / "data", Random(seed)
    first, lost, rest = (random.randbytes(random.randrange(1, 100_000)) for _ in range(3))
    octets = {"Content-Type": "application/octet-stream"}
    with requests.Session() as http:
        http.trust_env = False
        http.auth = ("AWS", "anything")
        with Server(data, failpoints="part.partial_write=kill9@2") as server:
            server.create_repository("crash/app")
            started = http.post(f"{server.url}/v2/crash/app/blobs/uploads/", timeout=60)
            going = http.patch(server.url + started.headers["Location"], first, headers=octets, timeout=60)
            assert going.status_code == 202
            location = going.headers["Location"]
            with pytest.raises(UNANSWERED):
                http.patch(server.url + location, lost, headers=octets, timeout=60)
            assert server.wait() == -signal.SIGKILL

        with Server(data) as server:
            status = http.get(server.url + location, timeout=60)
            assert (status.status_code, status.headers["Range"]) == (204, f"0-{len(first) - 1}")

            going = http.patch(server.url + status.headers["Location"], rest, headers=octets, timeout=60)
            digest = sha256(first + rest)
            separator = "&" if "?" in location else "?"
            done = http.put(f"{server.url}{going.headers['Location']}{separator}digest={digest}", timeout=60)

            assert done.status_code == 201, done.text
            stored = http.get(f"{server.url}/v2/crash/app/blobs/{digest}", timeout=60)
            assert stored.content == first + rest
