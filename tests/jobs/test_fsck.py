"""fsck finds nothing where all is well, and each breach where one thing is not."""

import json

import pytest

from openecr.jobs.fsck import parse_journal
from tests.builders import Image, a_layer, an_artifact, an_image, an_index, sha256, sha512


@pytest.fixture
def pushed(installation) -> tuple[str, Image, Image]:
    """(ARN of the repository team/app, an image tagged 1.0, an index of it tagged both)."""
    arn = installation.create("team/app")
    image = an_image()
    index = an_index(image, an_image())
    installation.push("team/app", image, "1.0")
    installation.push("team/app", index, "both")
    return arn, image, index


def test_an_installation_without_anything_is_sound(installation):
    assert installation.fsck(deep=True) == []


def test_what_was_pushed_is_sound(installation, pushed):
    _, image, _ = pushed
    installation.create("other")
    installation.push("other", image, "again")
    installation.push("team/app", an_artifact(subject=image))
    foreign = a_layer(b"never pushed")
    urls = {"urls": ["https://example.com/layer"]}
    manifest = json.loads(an_image().manifest)
    config = a_layer(b"{}")
    manifest |= {"config": config.descriptor, "layers": [foreign.descriptor | urls]}
    installation.push("team/app", Image(json.dumps(manifest), manifest["mediaType"], (config,)))

    assert installation.fsck() == []
    assert installation.fsck(deep=True) == []


def test_a_manifest_may_name_a_layer_by_the_sha512_it_was_pushed_under(installation):
    installation.create("team/app")
    content = b"known by another digest"
    layer = a_layer(content, digest=sha512(content))
    installation.push("team/app", an_image(layers=[layer]), "1.0")

    assert installation.fsck(deep=True) == []


# Rows. Each statement breaks one rule.


def test_a_tag_without_its_image_is_found(installation, pushed):
    arn, image, _ = pushed
    installation.ask_database("UPDATE tag SET image_id = 999 WHERE name = '1.0'")

    assert installation.fsck() == [
        f"I1 {arn}:1.0 points to no image of its own",
        f"I1 {arn}@{image.digest} is not marked as tagged or untagged as it is",
    ]


@pytest.mark.parametrize(
    "statement", ["UPDATE image SET is_tagged = 0", "DELETE FROM tag WHERE name = '1.0'"]
)
def test_an_image_that_is_marked_as_it_is_not_is_found(installation, pushed, statement):
    arn, image, _ = pushed
    installation.ask_database(statement)

    wrong = f"I1 {arn}@{image.digest} is not marked as tagged or untagged as it is"
    assert wrong in installation.fsck()


def test_what_does_not_hold_between_identities_is_found(installation):
    installation.ask_database("INSERT INTO inline_policy VALUES ('AIDA', 'pull', '{}')")

    assert installation.fsck() == ["I8 a row of inline_policy is of a row of identity that is not there"]


def test_a_repository_that_is_said_to_have_more_images_or_fewer_is_found(installation, pushed):
    for change in (1, -2):
        installation.ask_database(f"UPDATE repository SET image_count = image_count + {change}")
        said = 3 + (1 if change == 1 else -1)
        assert installation.fsck() == [f"I7 {pushed[0]} is said to have {said} images and has 3"]


def test_a_registry_that_is_said_to_have_more_repositories_or_fewer_is_found(installation):
    every = installation.create("app").removesuffix("app") + "*"
    for said in (2, 0):
        installation.ask_database(f"UPDATE repository_count SET count = {said}")
        assert installation.fsck() == [f"I7 of {every} there are said to be {said}, and are 1"]
    installation.ask_database("DELETE FROM repository_count")
    assert installation.fsck() == [f"I7 of {every} there are said to be 0, and are 1"]


def test_a_tag_of_another_repositorys_image_is_found(installation, pushed):
    arn = installation.create("other")
    installation.ask_database(
        "UPDATE tag SET repository_id = (SELECT id FROM repository WHERE name = 'other') WHERE name = 'both'"
    )

    assert installation.fsck() == [f"I1 {arn}:both points to no image of its own"]


def test_an_image_without_its_manifest_is_found(installation, pushed):
    arn, image, _ = pushed
    installation.ask_database(
        "DELETE FROM manifest WHERE image_id = (SELECT image_id FROM tag WHERE name = '1.0')"
    )

    assert installation.fsck() == [f"I1 {arn}@{image.digest} has no manifest"]


def test_an_index_without_one_of_its_images_is_found(installation, pushed):
    arn, _, index = pushed
    installation.ask_database(
        "UPDATE image_child SET child_id = 999 WHERE child_id = (SELECT image_id FROM tag WHERE name = '1.0')"
    )

    assert installation.fsck() == [f"I2 {arn}@{index.digest} lists an image that is not in its repository"]
    assert f"I2 {arn}@{index.digest} lists {pushed[1].digest}, which no row says" in installation.fsck(
        deep=True
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE blob SET state = 'deleting' WHERE digest = x'{}'",
        "DELETE FROM repository_blob WHERE blob_id = (SELECT id FROM blob WHERE digest = x'{}')",
        "DELETE FROM blob WHERE digest = x'{}'",
    ],
)
def test_an_image_whose_blob_is_not_its_repositorys_is_found(installation, pushed, statement):
    arn, image, _ = pushed
    installation.ask_database(statement.format(image.blobs[1].digest[7:]))

    wrong = "uses a blob that is not live, or not its repository's"
    assert installation.fsck() == [f"I3 {arn}@{image.digest} {wrong}"]


def test_a_row_that_does_not_say_what_its_manifest_uses_is_found_deep(installation, pushed):
    arn, image, _ = pushed
    layer = image.blobs[1].digest
    installation.ask_database(
        f"DELETE FROM image_blob WHERE blob_id = (SELECT id FROM blob WHERE digest = x'{layer[7:]}')"
    )

    assert installation.fsck() == []
    assert installation.fsck(deep=True) == [f"I3 {arn}@{image.digest} uses {layer}, which no row says"]


def test_another_manifest_than_the_digest_names_is_found_deep(installation, pushed):
    arn, image, _ = pushed
    installation.ask_database(
        "UPDATE manifest SET content = CAST('{}' AS BLOB) "
        "WHERE image_id = (SELECT image_id FROM tag WHERE name = '1.0')"
    )

    assert installation.fsck() == []
    digest = sha256(b"{}")
    assert installation.fsck(deep=True) == [
        f"I1 {arn}@{image.digest} has another manifest, with digest {digest}"
    ]


# Bytes.


def test_a_blob_without_bytes_is_found(installation, pushed):
    layer = pushed[1].blobs[0]
    path = installation.path(layer)
    path.unlink()

    assert installation.fsck() == [f"I3 blob {layer.digest} under key {path.name} has no bytes in the store"]


def test_a_blob_cut_short_is_found(installation, pushed):
    layer = pushed[1].blobs[0]
    path = installation.path(layer)
    path.write_bytes(layer.content[:-1])

    size = len(layer.content)
    wrong = f"has {size - 1} bytes in the store in place of {size}"
    assert installation.fsck() == [f"I3 blob {layer.digest} under key {path.name} {wrong}"]


def test_a_blob_with_one_bit_changed_is_found_deep(installation, pushed):
    layer = pushed[1].blobs[0]
    path = installation.path(layer)
    changed = bytes([layer.content[0] ^ 1]) + layer.content[1:]
    path.write_bytes(changed)

    assert installation.fsck() == []
    wrong = f"has other bytes in the store, with digest {sha256(changed)}"
    assert installation.fsck(deep=True) == [f"I3 blob {layer.digest} under key {path.name} {wrong}"]


def test_every_breach_is_told_not_only_the_first(installation, pushed):
    for layer in pushed[1].blobs:
        installation.path(layer).unlink()
    installation.ask_database("UPDATE tag SET image_id = 999 WHERE name = '1.0'")

    assert [breach[:2] for breach in installation.fsck()] == ["I1", "I1", "I3", "I3"]


def test_more_blobs_and_manifests_than_one_page_holds_are_all_looked_at(installation, monkeypatch):
    monkeypatch.setattr("openecr.jobs.fsck.PAGE", 2)
    monkeypatch.setattr("openecr.jobs.fsck.PAGE_WITH_BYTES", 2)
    arn = installation.create("team/app")
    images = [an_image() for _ in range(3)]
    for image in images:
        installation.push("team/app", image)
    for image in images:
        installation.path(image.blobs[1]).unlink()
        config = image.blobs[0].digest[7:]
        installation.ask_database(
            f"DELETE FROM image_blob WHERE blob_id = (SELECT id FROM blob WHERE digest = x'{config}')"
        )

    breaches = installation.fsck(deep=True)

    assert sum("has no bytes" in breach for breach in breaches) == 3
    assert sum(breach.startswith(f"I3 {arn}@") for breach in breaches) == 3


# What clients were promised.


def fact(op: str, place: str, digest: str, tag: str | None = None) -> str:
    return json.dumps({"op": op, "repository": place, "digest": digest, "tag": tag}) + "\n"


def test_what_was_acknowledged_and_is_there_is_no_breach(installation, pushed):
    arn, image, index = pushed
    lines = [
        *(fact("layer", arn, layer.digest) for layer in image.blobs),
        fact("try", arn, image.digest, "1.0"),
        fact("image", arn, image.digest, "1.0"),
        fact("image", arn, index.digest),
    ]

    assert installation.fsck(journal=parse_journal(lines)) == []


@pytest.mark.parametrize("op", ["layer", "image"])
@pytest.mark.parametrize("place", ["team/app", "never/made"])
def test_what_was_acknowledged_and_is_not_there_is_found(installation, pushed, op, place):
    arn = pushed[0].replace("team/app", place)
    digest = sha256(b"never pushed")

    breaches = installation.fsck(journal=parse_journal([fact(op, arn, digest)]))

    assert breaches == [f"I4 {arn}@{digest} was acknowledged and is not there"]


def test_a_tag_that_points_elsewhere_than_was_acknowledged_is_found(installation, pushed):
    arn, image, index = pushed
    lines = [fact("image", arn, image.digest, "both"), fact("image", arn, index.digest, "gone")]

    assert installation.fsck(journal=parse_journal(lines)) == [
        f"I4 {arn}:both points to {index.digest} in place of {image.digest}",
        f"I4 {arn}:gone points to None in place of {index.digest}",
    ]


def test_a_tag_may_point_to_what_was_tried_after_the_last_acknowledgement(installation, pushed):
    arn, image, index = pushed
    tried = [fact("image", arn, image.digest, "both"), fact("try", arn, index.digest, "both")]
    acknowledged = [fact("try", arn, index.digest, "1.0"), fact("image", arn, image.digest, "1.0")]
    never_there = [fact("try", arn, index.digest, "2.0")]

    assert installation.fsck(journal=parse_journal(tried + acknowledged + never_there)) == []


def test_a_line_the_client_did_not_live_to_finish_does_not_count():
    whole = fact("layer", "arn", sha256(b""))

    assert parse_journal([whole, whole[:-20]]) == parse_journal([whole])


@pytest.mark.parametrize(
    "line", ["nonsense\n", "{}\n", "[]\n", fact("eat", "arn", sha256(b"")), fact("layer", "arn", "sha256:1")]
)
def test_a_journal_that_is_not_understood_is_refused(line):
    with pytest.raises(ValueError, match="journal"):
        parse_journal([line])
