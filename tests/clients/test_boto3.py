"""boto3: an image pushed and fetched through the JSON API alone, as amazon-ecr-containerd-resolver does.

Source: data-plane.md §4.8, and that program's order of calls.
"""

import json

import requests

from tests.builders import OCI_MANIFEST, sha256

PART_LIMIT_BYTES = 20 * 1024 * 1024  # what the API takes in one blob


def test_a_debian_is_pushed_by_the_api_and_pulled_by_skopeo(ecr, skopeo, debian, repository, folder):
    manifest = read(debian, debian.digest)
    layers = [d["digest"] for d in descriptors(manifest)]
    missing = ecr.batch_check_layer_availability(repositoryName=repository.name, layerDigests=layers)
    assert [layer["layerAvailability"] for layer in missing["layers"]] == ["UNAVAILABLE"] * len(layers)

    for digest in layers:
        upload_layer(ecr, repository, read(debian, digest), digest)
    put = ecr.put_image(
        repositoryName=repository.name,
        imageManifest=manifest.decode(),
        imageManifestMediaType=OCI_MANIFEST,
        imageDigest=debian.digest,
        imageTag="bookworm",
    )
    skopeo("copy", f"docker://{repository.uri}:bookworm", f"dir:{folder}/pulled")

    assert put["image"]["imageId"] == {"imageDigest": debian.digest, "imageTag": "bookworm"}
    assert (folder / "pulled" / "manifest.json").read_bytes() == manifest
    for digest in layers:
        assert (folder / "pulled" / digest.removeprefix("sha256:")).read_bytes() == read(debian, digest)


def test_a_debian_pushed_by_skopeo_is_fetched_by_the_api(ecr, skopeo, debian, repository):
    skopeo("copy", debian.source, f"docker://{repository.uri}:bookworm")

    found = ecr.batch_get_image(
        repositoryName=repository.name,
        imageIds=[{"imageTag": "bookworm"}],
        acceptedMediaTypes=[OCI_MANIFEST],
    )
    (image,) = found["images"]
    assert image["imageManifest"].encode() == read(debian, debian.digest)
    for descriptor in descriptors(image["imageManifest"]):
        url = download_url(ecr, repository, descriptor["digest"])
        assert sha256(requests.get(url, timeout=60).content) == descriptor["digest"]


def test_a_layer_is_fetched_in_ranges_without_credentials(ecr, skopeo, repository, image, source):
    skopeo("copy", source, f"docker://{repository.uri}:1.0")
    layer = image.blobs[-1]
    size = len(layer.content)
    url = download_url(ecr, repository, layer.digest)

    head = requests.head(url, timeout=60)
    whole = requests.get(url, timeout=60)
    first = requests.get(url, headers={"Range": "bytes=0-9"}, timeout=60)
    rest = requests.get(url, headers={"Range": "bytes=10-"}, timeout=60)

    assert (head.status_code, head.headers["Content-Length"]) == (200, str(size))
    assert (whole.status_code, whole.content) == (200, layer.content)
    assert (first.status_code, rest.status_code) == (206, 206)
    assert first.headers["Content-Range"] == f"bytes 0-9/{size}"
    assert first.content + rest.content == layer.content


def upload_layer(ecr, repository, content: bytes, digest: str) -> None:
    upload = ecr.initiate_layer_upload(repositoryName=repository.name)
    here = {"repositoryName": repository.name, "uploadId": upload["uploadId"]}
    for first in range(0, len(content), upload["partSize"]):
        part = content[first : first + upload["partSize"]]
        last = first + len(part) - 1
        answer = ecr.upload_layer_part(**here, partFirstByte=first, partLastByte=last, layerPartBlob=part)
        assert answer["lastByteReceived"] == last
    assert ecr.complete_layer_upload(**here, layerDigests=[digest])["layerDigest"] == digest


def download_url(ecr, repository, digest: str) -> str:
    answer = ecr.get_download_url_for_layer(repositoryName=repository.name, layerDigest=digest)
    assert answer["layerDigest"] == digest
    return answer["downloadUrl"]


def descriptors(manifest: str | bytes) -> list[dict]:
    document = json.loads(manifest)
    return [*document["layers"], document["config"]]


def read(debian, digest: str) -> bytes:
    return (debian.layout / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()
