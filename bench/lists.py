"""Pages of long lists of ours: 100 of 100,000 images, tags, referrers or repositories, whatever the filter.

What is listed is put into the database by SQL, beside the running server: to push so much would take longer
than all measurements together. Nothing of it can be pulled.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import cache, partial
from random import Random
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench.client import Connection
from bench.load import Act, Load, in_parallel
from bench.peers import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Openecr, Peer

MANY = 100_000
FEW = 200
"""How many of them a filter lets through that is about few."""
ACCOUNT = "000000000000"
IMAGES, REFERRERS = "bench/many-images", "bench/many-referrers"
SUBJECT = hashlib.sha256(b"subject")
RARE = "application/vnd.example.rare"


def load_operation(peer: Peer, seconds: float, *, operation: str, members: dict[str, object]) -> Load:
    """Page after page of the list, 100 entries each, signed, from one client; at its end it begins anew."""
    assert isinstance(peer, Openecr)
    fill_lists(peer)

    def make() -> Act:
        connection = Connection(peer.address, {})  # each request has an Authorization of its own
        pages = _pages(peer, connection, operation, {"maxResults": 100} | members)

        def act() -> int:
            next(pages)
            return 1

        return act

    return in_parallel(peer.pid, make, count=1, seconds=seconds)


def load_catalog(peer: Peer, seconds: float) -> Load:
    """Pages of 100 names from anywhere among the repositories."""
    assert isinstance(peer, Openecr)
    fill_lists(peer)

    def make() -> Act:
        connection, random = peer.connect(), Random(1)

        def act() -> int:
            query = urlencode({"n": 100, "last": _name(random.randrange(MANY - 100))})
            page = connection.request("GET", f"/v2/_catalog?{query}", expect=200)
            assert len(json.loads(page.body)["repositories"]) == 100
            return 1

        return act

    return in_parallel(peer.pid, make, count=1, seconds=seconds)


def _pages(peer: Openecr, connection: Connection, operation: str, asked: dict[str, object]) -> Iterator[None]:
    most = MANY if not {"filter"} & asked.keys() else FEW
    while True:
        token, found = None, 0
        while found == 0 or token is not None:
            page = _ask(peer, connection, operation, asked | ({"nextToken": token} if token else {}))
            token = page.pop("nextToken", None)
            (entries,) = page.values()
            assert entries, f"{operation}: a page of {asked} is empty"
            found += len(entries)
            yield
        assert found >= most, f"{operation}: {found} of {asked}"


def _ask(
    peer: Openecr, connection: Connection, operation: str, members: dict[str, object]
) -> dict[str, list[object]]:
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}",
    }
    url = f"http://{peer.address[0]}:{peer.address[1]}/"
    request = AWSRequest("POST", url, data=json.dumps(members).encode(), headers=headers)
    SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), "ecr", REGION).add_auth(request)
    signed = {name: value for name, value in request.headers.items() if name != "Host"}
    answer = connection.request("POST", "/", request.data, expect=200, headers=signed)
    page: dict[str, list[object]] = json.loads(answer.body)
    return page


# filling


@cache
def fill_lists(peer: Openecr) -> None:
    """100,000 repositories; 100,000 images in one of them, of which 200 have no tag, 200 are archived and all
    others one tag; 100,000 referrers of one subject in another, of which 200 are of a rare type."""
    peer.create_repository(IMAGES)
    peer.create_repository(REFERRERS)
    with closing(sqlite3.connect(peer.directory / "data" / "openecr.sqlite3", timeout=30)) as driver, driver:
        ids = dict(driver.execute("SELECT name, id FROM repository"))
        driver.executemany(
            "INSERT INTO repository (kind, account_id, region, name, created_at, tag_mutability,"
            " mutability_filters, scan_on_push, encryption_type)"
            " VALUES ('ecr', ?, ?, ?, 0, 'MUTABLE', '[]', 0, 'AES256')",
            ((ACCOUNT, REGION, _name(number)) for number in range(MANY)),
        )
        driver.execute("UPDATE repository_count SET count = count + ?", (MANY,))
        driver.executemany(_ADD_IMAGE, (_image(ids[IMAGES], number) for number in range(MANY)))
        driver.execute(
            "INSERT INTO tag (repository_id, name, image_id, created_at)"
            " SELECT repository_id, 'v' || id, id, 0 FROM image WHERE repository_id = ? AND is_tagged",
            (ids[IMAGES],),
        )
        driver.executemany(_ADD_IMAGE, (_referrer(ids[REFERRERS], number) for number in range(MANY)))
        driver.execute("ANALYZE")


_ADD_IMAGE = (
    "INSERT INTO image (repository_id, digest, media_type, artifact_media_type, size_bytes,"
    " manifest_size_bytes, subject, annotations, status, pushed_at, is_tagged)"
    " VALUES (?, ?, 'application/vnd.oci.image.manifest.v1+json', ?, 1000, 500, ?, '{}', ?, 0, ?)"
)


def _image(repository: int, number: int) -> tuple[object, ...]:
    is_tagged, is_archived = number % (MANY // FEW) != 0, number % (MANY // FEW) == 1
    config = "application/vnd.oci.image.config.v1+json"
    status = "ARCHIVED" if is_archived else "ACTIVE"
    return repository, hashlib.sha256(b"%d" % number).digest(), config, None, status, is_tagged


def _referrer(repository: int, number: int) -> tuple[object, ...]:
    kind = RARE if number % (MANY // FEW) == 0 else "application/vnd.example.sbom"
    digest = hashlib.sha256(b"referrer %d" % number).digest()
    return repository, digest, kind, SUBJECT.digest(), "ACTIVE", False


def _name(number: int) -> str:
    return f"many/{number:06}"


_images = {"repositoryName": IMAGES}
_referrers = {"repositoryName": REFERRERS, "subjectId": {"imageDigest": f"sha256:{SUBJECT.hexdigest()}"}}
LISTS = {
    "images-describe": partial(load_operation, operation="DescribeImages", members=_images),
    "images-describe-archived": partial(
        load_operation, operation="DescribeImages", members=_images | {"filter": {"imageStatus": "ARCHIVED"}}
    ),
    "images-list": partial(load_operation, operation="ListImages", members=_images),
    "images-list-untagged": partial(
        load_operation, operation="ListImages", members=_images | {"filter": {"tagStatus": "UNTAGGED"}}
    ),
    "referrers-list": partial(
        load_operation, operation="ListImageReferrers", members=_referrers | {"maxResults": 50}
    ),
    "referrers-list-rare": partial(
        load_operation,
        operation="ListImageReferrers",
        members=_referrers | {"maxResults": 50, "filter": {"artifactTypes": [RARE]}},
    ),
    "repositories-describe": partial(load_operation, operation="DescribeRepositories", members={}),
    "repositories-catalog": load_catalog,
}
"""By the names of the workloads, how each is loaded."""
