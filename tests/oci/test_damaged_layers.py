"""A layer whose stored bytes are damaged: never a whole wrong answer, and a push of the same bytes heals it.

Source: reliability.md B3.
"""

import os
from pathlib import Path

import pytest
import requests

from openecr.domain.names import Digest
from tests.builders import a_layer, an_image

SIZES = [1000, 300_000]  # one that is sent in one piece, one by sendfile


@pytest.fixture(params=SIZES)
def layer(request, docker, repository):
    layer = a_layer(os.urandom(request.param))
    docker.push_layers(repository, an_image(layers=[layer]))
    return layer


@pytest.fixture
def file(server, ecr, layer):
    """Its bytes in the store."""
    stores = server.parts.stores
    with stores.database.reading() as db:
        [found] = [
            each for each in db.damage.stored(after=0, limit=100) if each.digest == Digest.parse(layer.digest)
        ]
    return Path(stores.blobs.path(found.key))


def shorten(path):
    os.truncate(path, path.stat().st_size - 1)


def lengthen(path):
    with path.open("ab") as file:
        file.write(b"x")


@pytest.mark.parametrize("damage", [shorten, lengthen, Path.unlink])
def test_bytes_that_are_missing_or_of_another_size_are_an_error_before_scrub_has_been_there(
    docker, repository, layer, file, damage
):
    assert docker.get_blob(repository, layer.digest).status == 200

    damage(file)

    assert docker.get_blob(repository, layer.digest).status == 500
    assert docker.get_blob(repository, layer.digest, Range="bytes=0-9").status == 500


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [flip_a_bit, shorten, Path.unlink])
def test_a_damaged_layer_is_found_and_is_there_for_nobody_until_it_is_pushed_again(
    server, ecr, docker, repository, layer, file, damage
):
    image = an_image(layers=[layer])
    assert docker.push(repository, image, "1.0").status == 201
    url = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=layer.digest)["downloadUrl"]
    assert requests.get(url, timeout=10).content == layer.content
    ecr.create_repository(repositoryName="other")
    damage(file)

    server.run_jobs("scrub")

    # Neither of both fronts knows it.
    assert docker.get_blob(repository, layer.digest).error == "BLOB_UNKNOWN"
    assert docker.head_blob(repository, layer.digest).status == 404
    assert requests.get(url, timeout=10).status_code == 404
    mount = f"mount={layer.digest}&from={repository}"
    assert docker.start_upload("other", mount).status == 202
    with pytest.raises(ecr.exceptions.LayersNotFoundException):
        ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=layer.digest)
    asked = {"repositoryName": repository, "layerDigests": [layer.digest]}
    [told] = ecr.batch_check_layer_availability(**asked)["layers"]
    assert told["layerAvailability"] == "UNAVAILABLE"
    again = an_image(layers=[layer])
    docker.push_blob(repository, again.blobs[0])
    assert docker.put_manifest(repository, "2.0", again).error == "MANIFEST_BLOB_UNKNOWN"
    with pytest.raises(ecr.exceptions.LayersNotFoundException):
        ecr.put_image(repositoryName=repository, imageManifest=again.manifest)
    metrics = requests.get(f"{server.url}/-/metrics", timeout=10).text
    assert "openecr_scrub_marked_blobs_total 1.0" in metrics

    # The same bytes, pushed again, are served at once, to the image that had them too.
    assert docker.push_blob(repository, layer).status == 201
    assert docker.get_blob(repository, layer.digest).body == layer.content
    assert requests.get(url, timeout=10).content == layer.content
    assert docker.start_upload("other", mount).status == 201
    assert docker.put_manifest(repository, "2.0", again).status == 201
