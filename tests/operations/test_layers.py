"""BatchCheckLayerAvailability, GetDownloadUrlForLayer. Source: control-plane.md §3.1, §3.6, §3.7."""

from datetime import timedelta

import pytest
import requests

from openecr.domain.names import Digest
from openecr.domain.registry import private_registry
from openecr.metadata.query import milliseconds
from tests.builders import NOBODYS, a_config, a_layer, an_image
from tests.operations.refusals import invalid, no_repository, refusal

REPOSITORY = "team/app"
UNKNOWN = "sha256:" + "0" * 64
DEFAULT_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DIGEST_PATTERN = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"


def checked(api, *digests, repository=REPOSITORY):
    answer = api.batch_check_layer_availability(repositoryName=repository, layerDigests=list(digests))
    return answer["layers"], answer["failures"]


def availability(api, digest, repository=REPOSITORY) -> str:
    (layer,), failures = checked(api, digest, repository=repository)
    assert failures == []
    return layer["layerAvailability"]


def url_of(ecr, digest, repository=REPOSITORY) -> str:
    answer = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)
    assert answer["layerDigest"] == digest
    return answer["downloadUrl"]


def download(url, method="GET", **headers):
    """What anybody gets who has the URL: without credentials."""
    return requests.request(method, url, headers=headers, timeout=30)


def not_found(digest, repository=REPOSITORY) -> tuple[str, str]:
    return (
        "LayersNotFoundException",
        f"The layer with digest '{digest}' does not exist within the repository with name '{repository}' "
        "in the registry with id '000000000000'",
    )


def inaccessible(digest) -> tuple[str, str]:
    return (
        "LayerInaccessibleException",
        f"The layer with digest '{digest}' in the repository with name '{REPOSITORY}' in registry with id "
        "'000000000000' is not associated with an image",
    )


@pytest.fixture
def downloadable(docker, repository):
    """A layer with content worth cutting, and an image that uses it."""
    layer = a_layer(bytes(range(256)) * 100)
    docker.push(repository, an_image(layers=[layer]), "1.0")
    return layer


# BatchCheckLayerAvailability.


def test_what_is_known_of_a_layer_comes_with_its_availability(api, registry):
    layer, config = a_layer(media_type="application/vnd.example.layer"), a_config()
    for blob in (layer, config):
        registry.push_blob(REPOSITORY, blob)

    def known(blob, media_type):
        return {
            "layerDigest": blob.digest,
            "layerAvailability": "AVAILABLE",
            "layerSize": len(blob.content),
            "mediaType": media_type,
        }

    asked = [layer.digest, UNKNOWN, config.digest]
    unknown = {"layerDigest": UNKNOWN, "layerAvailability": "UNAVAILABLE"}
    assert checked(api, *asked) == ([known(layer, DEFAULT_TYPE), unknown, known(config, DEFAULT_TYPE)], [])
    registry.push(REPOSITORY, an_image(layers=[layer], config=config), "1.0")
    expected = [known(layer, layer.media_type), unknown, known(config, config.media_type)]
    assert checked(api, *asked) == (expected, [])


def test_a_digest_that_nothing_here_can_have_is_unavailable(api, registry):
    """ECR's pattern allows it, and one failure would end a pull or push of containerd's."""
    assert checked(api, *NOBODYS) == (
        [{"layerDigest": text, "layerAvailability": "UNAVAILABLE"} for text in NOBODYS],
        [],
    )


def test_a_digest_that_is_none_fails_alone(api, registry):
    layer = a_layer()
    registry.push_blob(REPOSITORY, layer)
    malformed = [
        "nonsense",
        "sha256:",
        ":" + "0" * 64,
        "sha256:" + "g" * 64,
        "sha256/" + "0" * 64,
        "x" * 1000,
    ]
    layers, failures = checked(api, "", *malformed, layer.digest)
    assert [each["layerDigest"] for each in layers] == [layer.digest]
    assert failures == [
        {
            "layerDigest": "",
            "failureCode": "MissingLayerDigest",
            "failureReason": "Invalid request parameters: layer digest cannot be null or empty",
        },
        *(
            {
                "layerDigest": text,
                "failureCode": "InvalidLayerDigest",
                "failureReason": "Invalid request parameters: layer digest should satisfy the regex "
                f"'{DIGEST_PATTERN}'",
            }
            for text in malformed
        ),
    ]


def test_a_layer_asked_for_twice_is_told_once(api):
    assert checked(api, UNKNOWN, "bad", UNKNOWN, "bad")[0] == [
        {"layerDigest": UNKNOWN, "layerAvailability": "UNAVAILABLE"}
    ]
    assert len(checked(api, UNKNOWN, "bad", UNKNOWN, "bad")[1]) == 1


def test_up_to_a_hundred_digests_of_a_thousand_characters_are_checked(api):
    digests = [f"sha256:{number:064x}" for number in range(101)]
    assert len(checked(api, *digests[:100])[0]) == 100
    assert refusal(checked, api, *digests) == invalid(
        "layerDigests", "Member must have length less than or equal to 100"
    )
    assert refusal(checked, api, "x" * 1001) == invalid(
        "layerDigests", "Member must have length less than or equal to 1000"
    )


def test_a_layer_is_of_one_repository(api, registry):
    api.create_repository(repositoryName="other")
    layer = a_layer()
    registry.push_blob(REPOSITORY, layer)
    assert availability(api, layer.digest) == "AVAILABLE"
    assert availability(api, layer.digest, "other") == "UNAVAILABLE"
    assert registry.head_blob("other", layer.digest).status == 404
    assert refusal(checked, api, UNKNOWN, repository="nowhere") == no_repository("nowhere")
    nowhere = registry.get_blob("nowhere", UNKNOWN)
    assert (nowhere.status, nowhere.error) == (404, "NAME_UNKNOWN")


def test_the_registry_of_an_alias_can_be_asked(ecr_public):
    created = ecr_public.create_repository(repositoryName=REPOSITORY)["repository"]
    alias = created["repositoryUri"].split("/")[-3]
    asked = {"repositoryName": REPOSITORY, "layerDigests": [UNKNOWN]}
    answer = ecr_public.batch_check_layer_availability(registryId=alias, **asked)
    assert answer["layers"][0]["layerAvailability"] == "UNAVAILABLE"
    assert refusal(ecr_public.batch_check_layer_availability, registryId="nobody", **asked) == (
        "RegistryNotFoundException",
        "The registry with id 'nobody' does not exist",
    )


# GetDownloadUrlForLayer.


def test_a_layer_can_be_downloaded_while_an_image_uses_it(ecr, docker, repository):
    """The states of control-plane.md §3.1."""
    layer = a_layer()
    image = an_image(layers=[layer])
    asked = {"repositoryName": repository, "layerDigest": layer.digest}

    assert refusal(ecr.get_download_url_for_layer, **asked) == not_found(layer.digest)
    docker.push_layers(repository, image)
    assert refusal(ecr.get_download_url_for_layer, **asked) == inaccessible(layer.digest)
    assert docker.get_blob(repository, layer.digest).body == layer.content  # the specification: at once

    docker.put_manifest(repository, "1.0", image)
    for blob in image.blobs:
        assert download(url_of(ecr, blob.digest)).content == blob.content

    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "1.0"}])
    assert refusal(ecr.get_download_url_for_layer, **asked) == inaccessible(layer.digest)
    assert availability(ecr, layer.digest) == "AVAILABLE"
    assert docker.put_manifest(repository, "1.0", image).status == 201


def test_a_download_url_must_be_asked_for_with_what_is_there(ecr, repository):
    wrong = invalid("layerDigest", f"must satisfy regular expression '{DIGEST_PATTERN}'")
    for digest in ("nonsense", "sha256:", UNKNOWN + "g"):
        asked = {"repositoryName": repository, "layerDigest": digest}
        assert refusal(ecr.get_download_url_for_layer, **asked) == wrong
    for digest in (UNKNOWN, *NOBODYS):
        asked = {"repositoryName": repository, "layerDigest": digest}
        assert refusal(ecr.get_download_url_for_layer, **asked) == not_found(digest)
    asked = {"repositoryName": "nowhere", "layerDigest": UNKNOWN}
    assert refusal(ecr.get_download_url_for_layer, **asked) == no_repository("nowhere")


def test_a_download_gives_the_bytes_whole_or_in_part(ecr, server, downloadable):
    url, content = url_of(ecr, downloadable.digest), downloadable.content
    assert url.startswith(server.url + "/")

    whole = download(url)
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["Accept-Ranges"] == "bytes"
    head = download(url, "HEAD")
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(content)))

    for asked, first, last in (
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        ("bytes=25000-", 25000, 25599),
        ("bytes=-10", 25590, 25599),
        ("bytes=25590-99999", 25590, 25599),
    ):
        answer = download(url, Range=asked)
        assert (answer.status_code, answer.content) == (206, content[first : last + 1])
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(content)}"
    past = download(url, Range=f"bytes={len(content)}-")
    assert (past.status_code, past.headers["Content-Range"]) == (416, f"bytes */{len(content)}")


def test_a_download_is_for_reading(ecr, downloadable):
    url = url_of(ecr, downloadable.digest)
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        assert download(url, method).status_code == 405


def test_a_download_url_is_good_for_an_hour(ecr, clock, downloadable):
    clock.now = clock.now.replace(microsecond=0)
    url = url_of(ecr, downloadable.digest)
    clock.advance(seconds=3599)
    assert download(url).status_code == 200
    clock.advance(seconds=1)
    for method in ("GET", "HEAD"):
        refused = download(url, method)
        assert refused.status_code == 403
        assert downloadable.content not in refused.content
    clock.advance(days=1)
    assert download(url).status_code == 403


def test_a_download_url_cannot_be_changed(ecr, downloadable):
    url = url_of(ecr, downloadable.digest)
    base, _, signed = url.rpartition("/")
    changed = [
        signed[:at] + ("A" if signed[at] != "A" else "B") + signed[at + 1 :] for at in range(len(signed))
    ]
    for text in [*changed, signed[:-1], signed + "A", "", "x", signed + "/", "../" + signed]:
        answer = download(f"{base}/{text}")
        assert answer.status_code in (403, 404), text
        assert downloadable.content not in answer.content
    assert download(url).content == downloadable.content


def test_a_download_url_ends_with_its_repository(ecr, docker, repository, downloadable):
    url = url_of(ecr, downloadable.digest)
    ecr.delete_repository(repositoryName=repository, force=True)
    assert download(url).status_code == 404
    ecr.create_repository(repositoryName=repository)
    docker.push(repository, an_image(layers=[downloadable]), "1.0")
    assert download(url).status_code == 404
    assert download(url_of(ecr, downloadable.digest)).content == downloadable.content


def test_a_download_url_ends_when_the_layer_is_deleted(ecr, docker, repository, downloadable):
    url = url_of(ecr, downloadable.digest)
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "1.0"}])
    assert docker.delete_blob(repository, downloadable.digest).status == 202
    assert download(url).status_code == 404


# That a layer is there is a promise. Source: reliability.md §3, rule 2.

ASKERS = {
    "api": lambda ecr, docker, layer: availability(ecr, layer.digest) == "AVAILABLE",
    "HEAD": lambda ecr, docker, layer: docker.head_blob(REPOSITORY, layer.digest).status == 200,
    "GET": lambda ecr, docker, layer: docker.get_blob(REPOSITORY, layer.digest).status == 200,
}


def lease_of(server, layer):
    with server.parts.stores.database.reading() as db:
        repository = db.repositories.get(private_registry("000000000000", "us-east-1"), REPOSITORY)
        return db.layers.find(repository, Digest(layer.digest)).lease_until


def shorten_lease(server, clock, **left):
    """Of all layers, to that much."""
    until = milliseconds(clock() + timedelta(**left))
    with server.parts.stores.database.transaction() as db:
        db.connection.driver.execute("UPDATE repository_blob SET lease_until = ?", (until,))


@pytest.mark.parametrize(("asker", "is_a_promise"), [("api", True), ("HEAD", True), ("GET", False)])
def test_who_asks_whether_a_layer_is_there_has_it_for_half_a_day_at_least(
    ecr, docker, server, clock, repository, asker, is_a_promise
):
    layer = a_layer()
    docker.push_blob(REPOSITORY, layer)
    whole = lease_of(server, layer)

    shorten_lease(server, clock, hours=12, milliseconds=1)
    long = lease_of(server, layer)
    assert ASKERS[asker](ecr, docker, layer)
    assert lease_of(server, layer) == long

    shorten_lease(server, clock, hours=12, milliseconds=-1)
    short = lease_of(server, layer)
    assert ASKERS[asker](ecr, docker, layer)
    assert lease_of(server, layer) == (whole if is_a_promise else short)


def test_of_many_layers_each_is_promised_whose_lease_is_short(ecr, docker, server, clock, repository):
    old, new = a_layer(), a_layer()
    docker.push_blob(REPOSITORY, old)
    shorten_lease(server, clock, hours=1)
    clock.advance(minutes=1)
    docker.push_blob(REPOSITORY, new)
    whole = lease_of(server, new)
    clock.advance(minutes=1)

    layers, _ = checked(ecr, old.digest, UNKNOWN, new.digest)

    assert [each["layerAvailability"] for each in layers] == ["AVAILABLE", "UNAVAILABLE", "AVAILABLE"]
    assert lease_of(server, old) - whole == timedelta(minutes=1)
    assert lease_of(server, new) == whole
