"""What a manifest refers to, and what is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openecr.domain import manifest
from openecr.errors import InvalidParameterException
from tests.builders import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, a_layer, an_artifact, an_image, an_index

REFUSAL = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"


def refused(text: str, media_type: str | None = None) -> bool:
    with pytest.raises(InvalidParameterException) as caught:
        manifest.parse(text, media_type)
    return caught.value.text == REFUSAL


def document(**changes):
    return {**json.loads(an_image().manifest), **changes}


def test_an_image_refers_to_its_config_and_its_layers():
    image = an_image()
    parsed = manifest.parse(image.manifest)
    assert (parsed.config.digest.text, parsed.layers[0].digest.text) == tuple(b.digest for b in image.blobs)
    assert parsed.layers_size_bytes == image.size_bytes
    assert not parsed.is_index


def test_an_index_refers_to_its_children():
    child = an_image()
    parsed = manifest.parse(an_index(child).manifest)
    assert parsed.is_index
    assert [each.digest.text for each in parsed.children] == [child.digest]


def test_an_artifact_names_its_subject_and_its_type():
    subject = an_image()
    parsed = manifest.parse(an_artifact(subject=subject, artifact_type="text/x").manifest)
    assert parsed.subject.text == subject.digest
    assert parsed.artifact_media_type == "text/x"


def test_without_an_artifact_type_the_type_of_the_config_counts():
    assert manifest.parse(an_image().manifest).artifact_media_type.endswith("image.config.v1+json")


def test_the_media_type_may_come_from_outside_but_must_not_differ():
    bare = json.dumps({key: value for key, value in document().items() if key != "mediaType"})
    assert manifest.parse(bare, OCI_MANIFEST).media_type == OCI_MANIFEST
    assert refused(bare)
    assert refused(an_image().manifest, DOCKER_MANIFEST)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"text"',
        "\ufeff{}",
        "[" * 100_000,
        '{"schemaVersion": 2, "schemaVersion": 2}',
        '{"schemaVersion": NaN}',
        '{"schemaVersion": ' + "9" * 5_000 + "}",
    ],
    ids=["empty", "cut", "list", "null", "string", "bom", "deep", "key twice", "nan", "huge number"],
)
def test_text_that_is_no_json_object_is_refused(text):
    assert refused(text, OCI_MANIFEST)


@pytest.mark.parametrize(
    "changes",
    [
        {"schemaVersion": 1},
        {"schemaVersion": True},
        {"schemaVersion": None},
        {"mediaType": "application/vnd.docker.distribution.manifest.v1+json"},
        {"mediaType": "application/vnd.oci.artifact.manifest.v1+json"},
        {"mediaType": 7},
        {"config": None},
        {"config": []},
        {"layers": None},
        {"layers": {}},
        {"layers": [1]},
        {"layers": [{**a_layer().descriptor, "size": -1}]},
        {"layers": [{**a_layer().descriptor, "size": 1 << 63}]},
        {"layers": [{**a_layer().descriptor, "size": 1.5}]},
        {"layers": [{**a_layer().descriptor, "size": True}]},
        {"layers": [{**a_layer().descriptor, "digest": "sha256:abc"}]},
        {"layers": [{**a_layer().descriptor, "digest": "../../etc/passwd"}]},
        {"layers": [{**a_layer().descriptor, "mediaType": None}]},
        {"subject": "sha256:abc"},
        {"artifactType": 1},
        {"artifactType": "half a pair: \ud800"},
        {"annotations": []},
        {"annotations": {"a": 1}},
    ],
    ids=str,
)
def test_a_document_of_another_shape_is_refused(changes):
    assert refused(json.dumps(document(**changes)))


def test_a_manifest_may_hold_so_many_descriptors_and_no_more():
    layer = a_layer().descriptor
    at_the_bound = json.dumps(document(layers=[layer] * manifest.DESCRIPTORS))
    assert len(manifest.parse(at_the_bound).layers) == manifest.DESCRIPTORS
    assert refused(json.dumps(document(layers=[layer] * (manifest.DESCRIPTORS + 1))))


def test_the_sizes_of_a_manifest_are_a_long_together():
    half = {**a_layer().descriptor, "size": manifest.MOST_BYTES // 2}
    at_the_bound = document(config={**half, "size": manifest.MOST_BYTES // 2 + 1}, layers=[half])
    assert manifest.parse(json.dumps(at_the_bound)).layers_size_bytes == manifest.MOST_BYTES
    assert refused(json.dumps(document(config=half, layers=[half, {**half, "size": 2}])))


def test_an_index_may_be_empty_but_not_without_a_list():
    assert manifest.parse(an_index().manifest).children == ()
    assert refused(json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
members = st.sampled_from(
    ["schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "artifactType", "annotations"]
)


@given(st.dictionaries(members, json_values))
def test_whatever_stands_in_a_manifest_it_is_parsed_or_refused(changes):
    try:
        parsed = manifest.parse(json.dumps(document(**changes)))
    except InvalidParameterException as refusal:
        assert refusal.text == REFUSAL
    else:
        assert parsed.media_type in manifest.MANIFEST_TYPES | manifest.INDEX_TYPES


@given(st.text(max_size=200))
def test_any_text_is_parsed_or_refused(text):
    assert refused(text, OCI_MANIFEST)
