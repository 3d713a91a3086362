"""What one call may ask at most, where it is we who say so; and what ends under a call's hands."""

import json
from threading import Thread

import pytest

from openecr import failpoints
from openecr.operations.images import MANIFESTS_BYTES
from tests.builders import OCI_MANIFEST, a_layer, an_image, sha256
from tests.operations.interrupted import until
from tests.operations.refusals import refusal

REPOSITORY = "team/app"
LARGEST = 4 << 20
ARN = "arn:aws:ecr:us-east-1:000000000000:repository/team/app"


def test_manifests_of_16_mib_are_given_at_once(ecr, docker, repository):
    image = an_image()
    docker.push_layers(repository, image)
    for tag, length in (("largest", LARGEST), ("small", 1000)):
        text = image.manifest + " " * (length - len(image.manifest))
        path = docker.path(repository, f"manifests/{tag}")
        assert docker.ask("PUT", path, body=text.encode(), Content_Type=OCI_MANIFEST).status == 201

    def get(*tags):
        return ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag} for tag in tags])

    assert MANIFESTS_BYTES == 4 * LARGEST
    assert len(get(*["largest"] * 4)["images"]) == 4
    assert len(get(*["small"] * 100)["images"]) == 100
    assert refusal(get, *["largest"] * 4, "small") == (
        "LimitExceededException",
        "The manifests of one call cannot be larger than 16 MiB together.",
    )


def test_any_number_of_tag_keys_may_be_removed(ecr, repository, server):
    ecr.tag_resource(resourceArn=ARN, tags=[{"Key": "k7", "Value": "v"}, {"Key": "other", "Value": "v"}])
    ecr.untag_resource(resourceArn=ARN, tagKeys=[f"k{number}" for number in range(20_000)])
    assert ecr.list_tags_for_resource(resourceArn=ARN)["tags"] == [{"Key": "other", "Value": "v"}]
    last = (server.parts.settings.data_dir / "audit.jsonl").read_text().splitlines()[-1]
    assert len(last) < 10_000
    assert json.loads(last)["requestParameters"]["tagKeys"][-1] == "… 19900 more"


def test_a_config_must_be_here_wherever_else_it_is(docker, repository):
    layer = a_layer()
    image = an_image(layers=[])
    document = json.loads(image.manifest)
    foreign = {**layer.descriptor, "urls": ["https://example.com/layer"]}

    def put(**changes):
        body = json.dumps(document | changes).encode()
        path = docker.path(repository, f"manifests/{sha256(body)}")
        return docker.ask("PUT", path, body=body, Content_Type=OCI_MANIFEST)

    docker.push_layers(repository, image)
    assert put(layers=[foreign]).status == 201
    refused = put(config=foreign)
    assert (refused.status, refused.error) == (400, "MANIFEST_BLOB_UNKNOWN")


@pytest.mark.parametrize("how", ["cancelled", "repository deleted"])
def test_an_upload_that_ends_while_it_is_completed_is_told_as_such(registry, api, server, how):
    """By then its file has its final name; nobody may be told to come again."""
    layer = a_layer()
    location = registry.start_upload(REPOSITORY).headers["Location"]
    registry.patch(location, layer.content)
    failpoints.arm("complete.before_commit=sleep:1@1")
    try:
        answers = []
        closing = Thread(target=lambda: answers.append(registry.finish_upload(location, layer.digest)))
        closing.start()
        blobs = server.parts.settings.blob_root / "blobs"
        until(lambda: [path for path in blobs.rglob("*") if path.is_file()])
        if how == "cancelled":
            assert server.docker().ask("DELETE", location).status == 204
        else:
            api.delete_repository(repositoryName=REPOSITORY)
        closing.join()
    finally:
        failpoints.arm("")
    expected = "BLOB_UPLOAD_UNKNOWN" if how == "cancelled" else "NAME_UNKNOWN"
    assert (answers[0].status, answers[0].error) == (404, expected)
    assert [path for path in blobs.rglob("*") if path.is_file()] == []


def test_a_blob_that_was_lost_is_healed_by_pushing_it_again(registry, server):
    """Nobody may be told 201 for bytes that are thrown away. Source: reliability.md B3."""
    layer = a_layer()
    blobs = server.parts.settings.blob_root / "blobs"
    for damage in (lambda path: path.unlink(), lambda path: path.write_bytes(b"cut")):
        registry.push_blob(REPOSITORY, layer)
        server.run_jobs("collect_garbage")  # what a push before has replaced is no blob any more
        with server.parts.stores.database.reading() as db:
            [key] = db.connection.driver.execute("SELECT key FROM blob").fetchone()
        damage(next(blobs.rglob(key)))
        assert registry.push_blob(REPOSITORY, layer).status == 201
        assert registry.get_blob(REPOSITORY, layer.digest).body == layer.content
