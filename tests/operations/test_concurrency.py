"""Many at once: what each is told, and what stays. Source: reliability.md C1–C6; control-plane.md §12."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from botocore.exceptions import ClientError

from openecr.jobs.fsck import fsck
from tests.builders import a_config, a_layer, an_image, an_index, sha256
from tests.operations.nodes import a_node
from tests.registry_client import RegistryClient

REPOSITORY = "team/app"
MIB = 1 << 20


def at_once(tasks):
    """Run all of them at the same time, each in a thread; what they return, in their order."""
    tasks = list(tasks)
    start = threading.Barrier(len(tasks))

    def run(task):
        start.wait(timeout=30)
        return task()

    with ThreadPoolExecutor(len(tasks)) as threads:
        return list(threads.map(run, tasks))


def outcome(ask, *things, **given) -> str:
    """`ok`, or the code of the error."""
    try:
        ask(*things, **given)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "ok"


def variants(registry, count):
    """Images that share their layers, which are pushed: each is one more request."""
    config, layer = a_config(), a_layer()
    images = [
        an_image(config=config, layers=[layer], annotations={"number": str(number)})
        for number in range(count)
    ]
    registry.push_layers(REPOSITORY, images[0])
    return images


def again(registry) -> RegistryClient:
    """The same client with a connection of its own."""
    return RegistryClient(registry.url, registry.http.auth[1], prefix=registry.prefix)


def rows(server, query) -> list:
    with server.parts.stores.database.reading() as db:
        return db.connection.driver.execute(query).fetchall()


# Names that only one may have.


def test_of_many_writers_of_an_immutable_tag_one_wins(ecr, docker, repository):
    ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    images = variants(docker, 32)

    def put(image):
        return outcome(ecr.put_image, repositoryName=repository, imageManifest=image.manifest, imageTag="1.0")

    outcomes = at_once(partial(put, image) for image in images)
    assert sorted(outcomes) == ["ImageTagAlreadyExistsException"] * 31 + ["ok"]
    winner = images[outcomes.index("ok")]
    assert ecr.list_images(repositoryName=repository)["imageIds"] == [
        {"imageDigest": winner.digest, "imageTag": "1.0"}
    ]
    assert put(winner) == "ImageAlreadyExistsException"


def test_of_many_pushes_to_an_immutable_tag_one_wins(ecr, docker, repository):
    ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    images = variants(docker, 32)
    clients = [again(docker) for _ in images]
    answers = at_once(
        partial(client.put_manifest, repository, "1.0", image)
        for client, image in zip(clients, images, strict=True)
    )
    assert sorted(answer.status for answer in answers) == [201] + [400] * 31
    assert {answer.error for answer in answers if answer.status == 400} == {"TAG_INVALID"}
    winner = images[[answer.status for answer in answers].index(201)]
    assert docker.get_manifest(repository, "1.0").body == winner.content
    assert len(ecr.describe_images(repositoryName=repository)["imageDetails"]) == 1


def test_of_many_creators_of_a_repository_one_wins(server, service):
    client = server.client(service)
    outcomes = at_once([lambda: outcome(client.create_repository, repositoryName=REPOSITORY)] * 50)
    assert sorted(outcomes) == ["RepositoryAlreadyExistsException"] * 49 + ["ok"]
    assert len(client.describe_repositories()["repositories"]) == 1


def test_a_public_registry_is_given_one_alias_by_many_first_repositories(ecr_public):
    at_once(partial(ecr_public.create_repository, repositoryName=f"app-{number}") for number in range(16))
    uris = [each["repositoryUri"] for each in ecr_public.describe_repositories()["repositories"]]
    assert len(uris) == 16
    assert len({uri.rpartition("/")[0] for uri in uris}) == 1
    (registry,) = ecr_public.describe_registries()["registries"]
    assert len(registry["aliases"]) == 1


# Layers.


def test_a_layer_uploaded_by_many_at_once_is_stored_once(ecr, server, docker, repository, tmp_path):
    for number in range(4):
        ecr.create_repository(repositoryName=f"copy-{number}")
    names = [repository, *(f"copy-{number}" for number in range(4))]
    layer = a_layer(b"0123456789abcdef" * 16384)
    clients = [again(docker) for _ in range(50)]
    answers = at_once(
        partial(client.push_blob, name, layer) for client, name in zip(clients, names * 10, strict=True)
    )
    assert [answer.status for answer in answers] == [201] * 50
    assert rows(server, "SELECT state, size_bytes FROM blob") == [("live", len(layer.content))]
    assert rows(server, "SELECT count(*) FROM repository_blob") == [(5,)]
    assert rows(server, "SELECT count(*) FROM upload") == [(0,)]
    ((key,),) = rows(server, "SELECT key FROM blob")
    server.run_jobs("collect_garbage")
    assert [path.name for path in tmp_path.rglob("*-*-*-*-*") if path.is_file()] == [key]
    for name in names:
        assert docker.get_blob(name, layer.digest).body == layer.content


def test_of_two_parts_at_the_same_place_one_is_taken(registry):
    location = registry.start_upload(REPOSITORY).headers["Location"]
    parts = [bytes([number]) * (2 * MIB) for number in (1, 2)]
    positions = f"0-{2 * MIB - 1}"
    answers = at_once(
        partial(again(registry).patch, location, part, Content_Range=positions) for part in parts
    )
    assert sorted(answer.status for answer in answers) == [202, 416]
    taken = parts[[answer.status for answer in answers].index(202)]
    assert registry.ask("GET", location).headers["Range"] == positions
    assert registry.finish_upload(location, sha256(taken)).status == 201


def test_of_the_same_part_sent_many_times_one_is_taken(api):
    upload = api.initiate_layer_upload(repositoryName=REPOSITORY)["uploadId"]
    part = {"partFirstByte": 0, "partLastByte": 9, "layerPartBlob": b"0123456789"}
    named = {"repositoryName": REPOSITORY, "uploadId": upload}
    outcomes = at_once([lambda: outcome(api.upload_layer_part, **named, **part)] * 10)
    assert sorted(outcomes) == ["InvalidLayerPartException"] * 9 + ["ok"]
    api.complete_layer_upload(**named, layerDigests=[sha256(b"0123456789")])


def test_an_upload_completed_by_many_at_once_is_one_layer(api):
    upload = api.initiate_layer_upload(repositoryName=REPOSITORY)["uploadId"]
    part = {"partFirstByte": 0, "partLastByte": 9, "layerPartBlob": b"0123456789"}
    named = {"repositoryName": REPOSITORY, "uploadId": upload}
    api.upload_layer_part(**named, **part)
    digests = [sha256(b"0123456789")]
    outcomes = at_once([lambda: outcome(api.complete_layer_upload, **named, layerDigests=digests)] * 10)
    assert outcomes.count("ok") == 1
    assert set(outcomes) <= {"ok", "UploadNotFoundException", "ServiceUnavailable"}
    checked = api.batch_check_layer_availability(repositoryName=REPOSITORY, layerDigests=digests)
    assert checked["layers"][0]["layerAvailability"] == "AVAILABLE"


# Tags that move, and images that go.


@dataclass
class Seen:
    """An image that was written, or read, and between which times."""

    digest: str
    began: float
    ended: float


def timed(digest_of) -> Seen:
    began = time.monotonic()
    digest = digest_of()
    return Seen(digest, began, time.monotonic())


def test_a_tag_that_many_move_always_shows_what_was_put_there(registry, api):
    """Each read sees a write that had begun, and that no other write had surely replaced."""
    images = variants(registry, 40)
    registry.put_manifest(REPOSITORY, "latest", images[0])
    done = threading.Event()

    def write(mine):
        http = again(registry)

        def put(image):
            assert http.put_manifest(REPOSITORY, "latest", image).status == 201
            return image.digest

        return [timed(partial(put, image)) for image in mine]

    def read():
        http, reads = again(registry), []

        def get():
            answer = http.get_manifest(REPOSITORY, "latest")
            assert answer.status == 200
            assert sha256(answer.body) == answer.headers["Docker-Content-Digest"]
            return sha256(answer.body)

        while not done.is_set() or not reads:
            reads.append(timed(get))
        return reads

    first = [Seen(images[0].digest, 0, 0)]
    with ThreadPoolExecutor(3) as readers:
        reading = [readers.submit(read) for _ in range(3)]
        written = at_once(partial(write, images[1 + number :: 8]) for number in range(8))
        done.set()
        reads = [seen for each in reading for seen in each.result()]
    reads.append(timed(lambda: sha256(registry.get_manifest(REPOSITORY, "latest").body)))

    writes = {seen.digest: seen for each in [first, *written] for seen in each}
    assert len(writes) == 40
    for seen in reads:
        write_seen = writes[seen.digest]
        assert write_seen.began <= seen.ended
        assert not [
            other for other in writes.values() if write_seen.ended < other.began and other.ended < seen.began
        ]
    assert len(api.describe_images(repositoryName=REPOSITORY)["imageDetails"]) == 40
    assert registry.tags(REPOSITORY).json["tags"] == ["latest"]


def test_a_tag_moved_at_one_node_has_moved_at_the_other(loop, settings, clock, docker, repository):
    with a_node(loop, settings, clock) as other:
        elsewhere = other.docker()
        for image in variants(docker, 10):
            assert docker.put_manifest(repository, "latest", image).status == 201
            for client in (elsewhere, docker, elsewhere):
                assert client.get_manifest(repository, "latest").body == image.content
            assert elsewhere.delete_manifest(repository, image.digest).status == 202
            for client in (docker, elsewhere, docker):
                assert client.get_manifest(repository, "latest").status == 404


def test_an_index_never_loses_a_child_while_it_is_pushed(ecr, docker, repository):
    for child in variants(docker, 12):
        docker.put_manifest(repository, child.digest, child)
        index = an_index(child)
        put = partial(ecr.put_image, repositoryName=repository, imageManifest=index.manifest)
        gone = [{"imageDigest": child.digest}]
        delete = partial(ecr.batch_delete_image, repositoryName=repository, imageIds=gone)
        pushed, deleted = at_once([partial(outcome, put), delete])
        codes = [each["failureCode"] for each in deleted["failures"]]
        assert (pushed, codes) in (
            ("ok", ["ImageReferencedByManifestList"]),
            ("ReferencedImagesNotFoundException", []),
        )
        assert docker.head_manifest(repository, child.digest).status == (200 if pushed == "ok" else 404)


def test_a_repository_deleted_while_it_is_pushed_to_leaves_nothing_behind(server, ecr, docker, repository):
    stores = server.parts.stores

    def push(client):
        statuses = set()
        for _ in range(4):
            image = an_image()
            answers = [client.push_blob(repository, blob) for blob in image.blobs]
            answers.append(client.put_manifest(repository, "1.0", image))
            statuses |= {(answer.status, "" if answer.status == 201 else answer.error) for answer in answers}
        return statuses

    pushes = [partial(push, again(docker)) for _ in range(6)]
    delete = partial(ecr.delete_repository, repositoryName=repository, force=True)
    *told, _ = at_once([*pushes, delete])
    assert set().union(*told) <= {(201, ""), (404, "NAME_UNKNOWN"), (404, "BLOB_UPLOAD_UNKNOWN")}
    for table in ("repository", "image", "tag", "upload", "repository_blob"):
        assert rows(server, f"SELECT count(*) FROM {table}") == [(0,)], table
    assert list(stores.blobs.staged()) == []
    assert list(fsck(stores.database, stores.blobs, deep=True)) == []
