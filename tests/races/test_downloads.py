"""D6: who has begun to download something has all of it, though it is collected and removed meanwhile."""

from dataclasses import replace
from datetime import timedelta

import requests

from openecr.jobs.collect_garbage import collect_garbage
from openecr.jobs.work import Work
from tests.builders import a_layer
from tests.races.live import BLIND

MIB = 1 << 20


def test_a_slow_download_of_what_is_collected_meanwhile_comes_to_its_end(server, docker, clock, ecr):
    ecr.create_repository(repositoryName="team/app")
    layer = a_layer(bytes(range(256)) * (64 * MIB // 256))
    docker.push_blob("team/app", layer)
    url = f"{server.url}{docker.path('team/app', f'blobs/{layer.digest}')}"

    with requests.get(url, auth=docker.http.auth, stream=True, timeout=60) as answer:
        assert answer.status_code == 200
        received = bytearray(answer.raw.read(64 << 10))
        clock.advance(hours=48)
        tools = server.parts.worker._tools
        bounds = replace(tools.bounds, gc_removal_delay=timedelta(0), gc_brakes=BLIND)
        collect_garbage(Work(replace(tools, bounds=bounds), {}, clock()))
        assert list(server.parts.stores.blobs.keys()) == []
        while batch := answer.raw.read(MIB):
            received += batch

    assert bytes(received) == layer.content
