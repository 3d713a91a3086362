"""The workloads: one function each, and one table at the end that says who runs it and what it must reach.

A function makes what it needs on a server (once), loads it, and returns its figures: `rate` per second, `cpu`
seconds of the server per request, `authorising` how many of these a user's policies cost, `p50` and `p99`
seconds, `alone` the p99 of the same while nothing else happens and `times` how many times that the `p99` is,
`memory` and `growth` in bytes, `start` and `took` in seconds. What is counted in bytes (a download of 1 GiB
may be cut off by the clock) is told per request of `size_bytes`.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from random import Random
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench.client import open_source, upload
from bench.content import GIB, KIB, MIB, Payload, a_manifest
from bench.cpu import cpu_seconds, memory_bytes
from bench.fill import (
    HUGE_TAGS,
    IMAGE,
    MANY_TAGS,
    TAG,
    UPLOADS,
    fill_blob,
    fill_image,
    fill_layers,
    fill_tags,
    fill_user,
)
from bench.jobs import follow_policy, push_beside_collector, put_beside_lifecycle
from bench.lists import LISTS
from bench.load import Act, Clients, Figures, Load, SignedRequest, flush_disk, in_parallel, wrk
from bench.peers import (
    ACCESS_KEY_ID,
    AWS,
    MANIFESTS,
    PUSHES,
    READS,
    REGION,
    SECRET_ACCESS_KEY,
    STARTS,
    TAGS,
    Openecr,
    Peer,
    fresh,
    put_manifest,
)

Measure = Callable[[Peer, int], Figures]
"""Load this server for that many seconds."""


# manifests


def get_manifest(peer: Peer, seconds: int, *, by: str) -> Figures:
    manifest = fill_image(peer)
    reference = TAG if by == "tag" else manifest.digest
    path = f"/v2/{IMAGE}/manifests/{reference}"
    return _figures(_wrk_get(peer, path, connections=32, seconds=seconds))


def get_manifest_as_user(peer: Peer, seconds: int, *, conditions: bool) -> Figures:
    """The same by tag, as a user of 50 statements; `authorising`, how much more CPU that is than as the root,
    who has none, measured just before."""
    assert isinstance(peer, Openecr)
    user = fill_user(peer, conditions=conditions)
    as_root = get_manifest(peer, seconds, by="tag")
    load = _wrk_get(peer, f"/v2/{IMAGE}/manifests/{TAG}", connections=32, seconds=seconds, headers=user)
    figures = _figures(load)
    return {**figures, "authorising": figures["cpu"] - as_root["cpu"]}


def head_manifest(peer: Peer, seconds: int) -> Figures:
    fill_image(peer)
    path = f"/v2/{IMAGE}/manifests/{TAG}"

    def make() -> Act:
        connections = [peer.connect() for _ in range(32)]

        def act() -> int:
            for connection in connections:
                connection.send_request("HEAD", path)
            for connection in connections:
                assert connection.receive(has_body=False).status == 200
            return len(connections)

        return act

    return _figures(in_parallel(peer.pid, make, count=1, seconds=seconds))


def push_manifest(peer: Peer, seconds: int) -> Figures:
    """Each is new, and gets a tag of its own."""
    config, layers = fill_layers(peer, UPLOADS)

    def make() -> Act:
        connection = peer.connect()
        own = os.urandom(6).hex()
        numbers = count()

        def act() -> int:
            name = f"{own}-{next(numbers)}"
            put_manifest(connection, UPLOADS, name, a_manifest(config, layers, name=name))
            return 1

        return act

    return _figures(in_parallel(peer.pid, make, count=8, seconds=seconds))


# blobs


def get_blob(peer: Peer, seconds: int, *, size_bytes: int, connections: int) -> Figures:
    """By wrk; from 10 MiB on it is busier receiving than a server that uses sendfile is with sending."""
    blob = fill_blob(peer, size_bytes)
    path = f"/v2/{IMAGE}/blobs/{blob.digest}"
    return _figures(_wrk_get(peer, path, connections=connections, seconds=seconds, size_bytes=size_bytes))


def get_blob_unread(peer: Peer, seconds: int) -> Figures:
    """By clients that throw the bytes away unread, so that the server is what limits the rate."""
    blob = fill_blob(peer, 10 * MIB)
    load = in_parallel(peer.pid, partial(_downloader, peer, blob), count=8, seconds=seconds)
    return _figures(load, per=blob.size_bytes)


def upload_blobs(peer: Peer, seconds: int, *, size_bytes: int, connections: int) -> Figures:
    fill_layers(peer, UPLOADS)
    peer.source.payload(size_bytes)  # hashes the common part once, here, so that no client has to
    flush_disk(peer.directory)
    return _figures(
        in_parallel(peer.pid, partial(_uploader, peer, size_bytes), count=connections, seconds=seconds)
    )


def pull_while_pushing(peer: Peer, seconds: int) -> Figures:
    """The rate and the wait of manifest GETs while four clients upload 10 MiB blobs without a pause."""
    fill_image(peer)
    fill_layers(peer, UPLOADS)
    peer.source.payload(10 * MIB)
    flush_disk(peer.directory)
    uploads = Clients(peer.pid, partial(_uploader, peer, 10 * MIB), count=4, seconds=seconds)
    uploads.start()
    pulls = _wrk_get(peer, f"/v2/{IMAGE}/manifests/{TAG}", connections=8, seconds=seconds)
    return {"rate": pulls.rate, "p99": pulls.p99_seconds, "uploaded": uploads.finish().rate * 10 * MIB}


# tags


def list_all_tags(peer: Peer, seconds: int) -> Figures:
    """All 10,000, in pages of 1,000 where the server makes pages; the whole list counts as one request."""
    total = 10_000
    fill_tags(peer, MANY_TAGS, total)

    def make() -> Act:
        connection = peer.connect()

        def act() -> int:
            path, found = f"/v2/{MANY_TAGS}/tags/list?n=1000", 0
            while path:
                page = connection.request("GET", path, expect=200)
                found += len(json.loads(page.body)["tags"] or ())  # v3 ends with a page of null
                path = page.headers.get("link", "").partition("<")[2].partition(">")[0]
            assert found == total, f"{peer.name} listed {found} tags of {total}"
            return 1

        return act

    return _figures(in_parallel(peer.pid, make, count=4, seconds=seconds))


def page_through_tags(peer: Peer, seconds: int) -> Figures:
    """Pages of 100 from anywhere in 100,000 tags, one at a time."""
    tags = fill_tags(peer, HUGE_TAGS, 100_000)

    def make() -> Act:
        connection = peer.connect()
        random = Random(1)

        def act() -> int:
            query = urlencode({"n": 100, "last": random.choice(tags[:-100])})
            page = connection.request("GET", f"/v2/{HUGE_TAGS}/tags/list?{query}", expect=200)
            assert len(json.loads(page.body)["tags"]) == 100
            return 1

        return act

    return _figures(in_parallel(peer.pid, make, count=1, seconds=seconds))


def page_through(peer: Peer, seconds: int, *, what: str) -> Figures:
    """Pages of 100 of a list of 100,000, one at a time, whatever the filter (bench/lists.py)."""
    load = LISTS[what](peer, seconds)
    return {**_figures(load), "p50": load.p50_seconds}


# the AWS API


def call_operation(peer: Peer, seconds: int, *, operation: str, members: dict[str, object]) -> Figures:
    """One operation, signed; the signatures differ, so that no server can know one by heart."""
    fill_image(peer)
    body = json.dumps(members)
    requests = [_sign(peer, operation, body, number) for number in range(64)]
    load = wrk(peer.pid, peer.address, "/", connections=16, seconds=seconds, headers={}, signed=requests)
    return _figures(load)


def _sign(peer: Peer, operation: str, body: str, number: int) -> SignedRequest:
    host = f"{peer.address[0]}:{peer.address[1]}"
    headers = {
        "Host": host,
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}",
        "X-Bench": str(number),
    }
    request = AWSRequest("POST", f"http://{host}/", data=body, headers=headers)
    SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), "ecr", REGION).add_auth(request)
    return SignedRequest(dict(request.headers.items()), body)


# memory and start


def start_cold(peer: Peer, seconds: int, *, with_data: bool) -> Figures:
    """From exec to the first answer; with an empty data directory, or with one a server has made before."""
    with fresh(peer) as server:
        if with_data:
            server.start()
            server.stop()
        began = time.perf_counter()
        server.start()
        return {"start": time.perf_counter() - began, "cpu": cpu_seconds(server.pid)}


def stand_idle(peer: Peer, seconds: int) -> Figures:
    with fresh(peer) as server:
        server.start()
        server.log_in()
        time.sleep(1)
        return {"memory": memory_bytes(server.pid)}


def move_huge_blob(peer: Peer, seconds: int, *, up: bool) -> Figures:
    """How much the server grows while 2 GiB go through it, after a first small push or pull."""
    with fresh(peer) as server:
        server.start()
        server.log_in()
        fill_layers(server, UPLOADS)
        if up:
            blob = server.source.payload(2 * GIB)
            make = partial(_uploader, server, blob.size_bytes)
        else:
            blob = fill_blob(server, 2 * GIB)
            small = fill_blob(server, 64 * KIB)
            in_parallel(server.pid, partial(_downloader, server, small), count=1, seconds=0)
            make = partial(_downloader, server, blob)
        before = memory_bytes(server.pid)
        peak = _peak_memory(server, make)
        return {"growth": peak - before, "memory": peak}


def _peak_memory(peer: Peer, make: Callable[[], Act]) -> int:
    """The most memory seen, looking 50 times a second, while one client makes one step."""
    peak, done = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, memory_bytes(peer.pid))

    client = Clients(peer.pid, make, count=1, seconds=0)
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        client.start()
        client.finish()
    finally:
        done.set()
        watcher.join()
    return peak


# the load


def _wrk_get(
    peer: Peer,
    path: str,
    *,
    connections: int,
    seconds: int,
    size_bytes: int = 0,
    headers: Mapping[str, str] | None = None,
) -> Load:
    """headers   of whom to be, if not of the root"""
    return wrk(
        peer.pid,
        peer.address,
        path,
        connections=connections,
        seconds=seconds,
        headers=headers or peer.headers,
        size_bytes=size_bytes,
    )


def _downloader(peer: Peer, blob: Payload) -> Act:
    connection = peer.connect()
    return lambda: connection.discard(f"/v2/{IMAGE}/blobs/{blob.digest}")


def _uploader(peer: Peer, size_bytes: int) -> Act:
    connection, source = peer.connect(), open_source(peer.source.path)

    def act() -> int:
        upload(connection, UPLOADS, peer.source.payload(size_bytes), source)
        return 1

    return act


def _figures(load: Load, *, per: int = 1) -> Figures:
    return {
        "rate": load.rate / per,
        "cpu": load.cpu_seconds / load.count * per,
        "p99": load.p99_seconds,
    }


# the table


@dataclass(frozen=True, slots=True)
class Gate:
    """What a figure must reach: a number by itself, or so many times what a peer has in the same round."""

    figure: str
    bound: float
    peer: str = ""


@dataclass(frozen=True, slots=True)
class Workload:
    name: str
    title: str
    needs: str  # what a server must be able to do, to be asked
    measure: Measure
    gates: tuple[Gate, ...]
    size_bytes: int = 0  # where rates are told in bytes
    heavy: bool = False  # left out by --quick
    ours_only: bool = False


_SMALL_READ = (Gate("cpu", 3, "registry v3"), Gate("cpu", 9, "registry 2.8"))
_PROMPT_READ = (*_SMALL_READ, Gate("p99", 0.025))
_BULK_READ = (Gate("rate", 0.9, "nginx"), Gate("cpu", 4, "registry v3"))
_BULK_WRITE = (Gate("cpu", 0.8, "ceiling"), Gate("cpu", 1.1, "registry v3"), Gate("rate", 1.3, "registry v3"))
_AUTHORISING = (Gate("authorising", 30e-6),)
_GROWTH = (Gate("growth", 16 * MIB),)
_START = (Gate("start", 1.0),)
_PAGE = (Gate("p99", 0.010),)
_HARDLY_LONGER = (Gate("times", 1.2),)
_MOTO = (Gate("rate", 10, "moto"),)

_by_tag = partial(get_manifest, by="tag")
_by_digest = partial(get_manifest, by="digest")
_as_user = partial(get_manifest_as_user, conditions=False)
_as_user_with_conditions = partial(get_manifest_as_user, conditions=True)
_get_64k = partial(get_blob, size_bytes=64 * KIB, connections=32)
_get_10m = partial(get_blob, size_bytes=10 * MIB, connections=8)
_get_1g = partial(get_blob, size_bytes=GIB, connections=2)
_upload_64k = partial(upload_blobs, size_bytes=64 * KIB, connections=8)
_upload_10m = partial(upload_blobs, size_bytes=10 * MIB, connections=1)
_upload_10m_x8 = partial(upload_blobs, size_bytes=10 * MIB, connections=8)
_upload_512m = partial(upload_blobs, size_bytes=512 * MIB, connections=1)
_describe = partial(call_operation, operation="DescribeRepositories", members={"repositoryNames": [IMAGE]})
_batch_get = partial(
    call_operation,
    operation="BatchGetImage",
    members={"repositoryName": IMAGE, "imageIds": [{"imageTag": TAG}]},
)
_token = partial(call_operation, operation="GetAuthorizationToken", members={})

WORKLOADS = [
    Workload("manifest-by-tag", "manifest GET by tag, 2 KiB x32", READS, _by_tag, _PROMPT_READ),
    Workload("manifest-by-digest", "manifest GET by digest, 2 KiB x32", READS, _by_digest, _PROMPT_READ),
    Workload(
        "manifest-as-user",
        "manifest GET by tag x32, a user of 50 statements",
        AWS,
        _as_user,
        _AUTHORISING,
        ours_only=True,
    ),
    Workload(
        "manifest-as-user-if",
        "the same, each statement with a condition",
        AWS,
        _as_user_with_conditions,
        _AUTHORISING,
        ours_only=True,
    ),
    Workload("manifest-head", "manifest HEAD by tag x32", READS, head_manifest, _SMALL_READ),
    Workload("blob-64k", "blob GET 64 KiB x32", READS, _get_64k, (Gate("cpu", 10, "registry v3"),)),
    Workload("blob-10m", "blob GET 10 MiB x8", READS, _get_10m, _BULK_READ, size_bytes=10 * MIB),
    Workload(
        "blob-10m-unread", "the same, client reads nothing", READS, get_blob_unread, (), size_bytes=10 * MIB
    ),
    Workload("blob-1g", "blob GET 1 GiB x2", READS, _get_1g, _BULK_READ, size_bytes=GIB, heavy=True),
    Workload("upload-64k", "upload 64 KiB x8", PUSHES, _upload_64k, (Gate("rate", 3, "registry v3"),)),
    Workload("upload-10m", "upload 10 MiB x1", PUSHES, _upload_10m, _BULK_WRITE, size_bytes=10 * MIB),
    Workload("upload-10m-x8", "upload 10 MiB x8", PUSHES, _upload_10m_x8, _BULK_WRITE, size_bytes=10 * MIB),
    Workload(
        "upload-512m",
        "upload 512 MiB x1",
        PUSHES,
        _upload_512m,
        _BULK_WRITE,
        size_bytes=512 * MIB,
        heavy=True,
    ),
    Workload(
        "manifest-put",
        "manifest PUT, 2 KiB x8",
        MANIFESTS,
        push_manifest,
        (Gate("rate", 1000), Gate("rate", 3, "registry v3")),
    ),
    Workload(
        "tags-list", "tags/list, all of 10,000 x4", TAGS, list_all_tags, (Gate("cpu", 4, "registry v3"),)
    ),
    Workload(
        "tags-page",
        "tags/list, 100 of 100,000 x1",
        TAGS,
        page_through_tags,
        _PAGE,
        heavy=True,
        ours_only=True,
    ),
    *(
        Workload(
            f"page-{name}",
            f"{name.replace('-', ', ')}: 100 of 100,000 x1",
            AWS,
            partial(page_through, what=name),
            _PAGE,
            heavy=True,
            ours_only=True,
        )
        for name in LISTS
    ),
    Workload(
        "mixed",
        "manifest GET x8 during 4 uploads",
        MANIFESTS,
        pull_while_pushing,
        (Gate("rate", 2.5, "registry v3"), Gate("p99", 0.060)),
    ),
    Workload(
        "push-beside-collector",
        "push x1 while garbage is collected",
        AWS,
        push_beside_collector,
        _HARDLY_LONGER,
        heavy=True,
        ours_only=True,
    ),
    Workload(
        "put-beside-lifecycle",
        "manifest PUT x1 while a policy is followed",
        AWS,
        put_beside_lifecycle,
        _HARDLY_LONGER,
        heavy=True,
        ours_only=True,
    ),
    Workload(
        "lifecycle",
        "lifecycle run over 100,000 images",
        AWS,
        follow_policy,
        (Gate("took", 5.0), Gate("growth", 128 * MIB)),
        heavy=True,
        ours_only=True,
    ),
    Workload("describe-repositories", "DescribeRepositories(1), signed x16", AWS, _describe, _MOTO),
    Workload("batch-get-image", "BatchGetImage(1), signed x16", AWS, _batch_get, _MOTO),
    Workload("authorization-token", "GetAuthorizationToken, signed x16", AWS, _token, _MOTO),
    Workload("cold-start", "cold start, no data", STARTS, partial(start_cold, with_data=False), _START),
    Workload("start-again", "cold start, with data", STARTS, partial(start_cold, with_data=True), _START),
    Workload("idle-memory", "idle memory", STARTS, stand_idle, (Gate("memory", 90 * MIB),)),
    Workload(
        "memory-up",
        "growth by a push of 2 GiB",
        STARTS,
        partial(move_huge_blob, up=True),
        _GROWTH,
        heavy=True,
    ),
    Workload(
        "memory-down",
        "growth by a pull of 2 GiB",
        STARTS,
        partial(move_huge_blob, up=False),
        _GROWTH,
        heavy=True,
    ),
]
