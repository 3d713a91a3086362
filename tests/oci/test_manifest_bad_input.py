"""What is sent for a manifest and is none: a clear refusal by both fronts, soon, and nothing is stored."""

import json
import time
import tracemalloc
from functools import partial

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import OCI_INDEX, OCI_MANIFEST, an_image, an_index
from tests.depth import examples

NOT_JSON = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
MOST_BYTES = 4_194_304
UNKNOWN = "sha256:" + "0" * 64
ARTIFACT_MANIFEST = "application/vnd.oci.artifact.manifest.v1+json"
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"


@pytest.fixture
def image(docker, repository):
    """An image of which all but the manifest is there."""
    image = an_image()
    docker.push_layers(repository, image)
    return image


def put(docker, repository, content, media_type=OCI_MANIFEST, reference="bad"):
    """Over OCI."""
    path = docker.path(repository, f"manifests/{reference}")
    return docker.ask("PUT", path, body=content, Content_Type=media_type)


def put_image(ecr, repository, text, media_type=OCI_MANIFEST):
    """The same by the API: None, or the error's code and message."""
    asked = {"repositoryName": repository, "imageManifest": text, "imageManifestMediaType": media_type}
    try:
        ecr.put_image(**asked, imageTag="bad")
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return None


def is_empty(ecr, docker, repository) -> bool:
    return (
        ecr.list_images(repositoryName=repository)["imageIds"] == []
        and docker.tags(repository).json["tags"] == []
        and docker.get_manifest(repository, "bad").status == 404
    )


# Texts that are no JSON object, made of one that is.

TEXTS = {
    "blanks": lambda good: " \r\n\t",
    "null": lambda good: "null",
    "a number": lambda good: "2",
    "a string": lambda good: json.dumps(good),
    "a list": lambda good: f"[{good}]",
    "an empty object": lambda good: "{}",
    "cut short": lambda good: good[:-1],
    "two of them": lambda good: good + good,
    "something after it": lambda good: good + "\x00",
    "a trailing comma": lambda good: good[:-1] + ",}",
    "a comment": lambda good: good + "// a comment",
    "single quotes": lambda good: good.replace('"', "'"),
    "a byte order mark": lambda good: "\ufeff" + good,
    "a bare control character": lambda good: good[:-1] + ',"x":"\x01"}',
    "NaN": lambda good: good[:-1] + ',"x":NaN}',
    "Infinity": lambda good: good[:-1] + ',"x":-Infinity}',
    "half a surrogate pair": lambda good: good[:-1] + ',"x":"\\ud800"}',
    "half a pair in a name": lambda good: good[:-1] + ',"\\udfff":1}',
    "a key twice": lambda good: good[:-1] + ',"schemaVersion":2}',
    "a key twice in other words": lambda good: good[:-1] + ',"schema\\u0056ersion":2}',
    "a key twice further in": lambda good: good.replace('"size"', '"digest":"x","size"', 1),
    "a number of 5,000 digits": lambda good: good[:-1] + ',"x":' + "9" * 5_000 + "}",
    "100,000 lists, never closed": lambda good: "[" * 100_000,
    "100,000 lists": lambda good: good[:-1] + ',"x":' + "[" * 100_000 + "]" * 100_000 + "}",
    "100,000 objects": lambda good: good[:-1] + ',"x":' + '{"x":' * 100_000 + "1" + "}" * 100_001,
    "125,000 layers": lambda good: good.replace('"layers":[', '"layers":[' + "{}," * 125_000),
    "250,000 numbers": lambda good: good[:-1] + ',"x":[' + "1," * 250_000 + "1]}",
}


@pytest.mark.parametrize("fault", TEXTS)
def test_text_that_is_no_manifest_is_refused(ecr, docker, repository, image, fault):
    text = TEXTS[fault](image.manifest)
    refused = put(docker, repository, text.encode())
    assert (refused.status, refused.error, refused.message) == (405, "UNSUPPORTED", NOT_JSON)
    assert put_image(ecr, repository, text) == ("InvalidParameterException", NOT_JSON)
    assert is_empty(ecr, docker, repository)
    assert put(docker, repository, image.content).status == 201


def test_nothing_is_no_manifest(ecr, docker, repository, image):
    for content in (b"", iter([])):
        refused = put(docker, repository, content)
        assert (refused.status, refused.error, refused.message) == (405, "UNSUPPORTED", NOT_JSON)
    assert is_empty(ecr, docker, repository)
    assert put(docker, repository, image.content).status == 201


def test_half_a_character_is_no_text_of_a_call(ecr, docker, repository, image):
    """Not one that JSON writes within a manifest, but one in the JSON that carries it."""
    text = image.manifest[:-1] + ',"x":"\ud83d"}'
    assert put_image(ecr, repository, text)[0] == "SerializationException"
    assert is_empty(ecr, docker, repository)
    assert put_image(ecr, repository, text.replace("\ud83d", "\U0001f433")) is None


@pytest.mark.parametrize(
    "content",
    [b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", "é".encode("latin-1")],
    ids=["no start", "a surrogate", "overlong", "beyond Unicode", "Latin-1"],
)
def test_bytes_that_are_no_utf_8_are_no_manifest(ecr, docker, repository, image, content):
    for bad in (content, image.content[:-1] + b',"x":"' + content + b'"}'):
        refused = put(docker, repository, bad)
        assert (refused.status, refused.error, refused.message) == (405, "UNSUPPORTED", NOT_JSON)
    assert is_empty(ecr, docker, repository)
    assert put(docker, repository, image.content).status == 201


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_manifest_in_another_encoding_is_none(ecr, docker, repository, image, encoding):
    assert put(docker, repository, image.manifest.encode(encoding)).message == NOT_JSON
    assert is_empty(ecr, docker, repository)


# Objects that are no manifest.

ABSENT = "no such member"
MEMBERS = {
    "schemaVersion": [ABSENT, None, 1, 3, "2", True, 2.5, [2], {}],
    "mediaType": [0, "", [], OCI_MANIFEST + ";v=1", OCI_INDEX, ARTIFACT_MANIFEST, SCHEMA_1, "text/plain"],
    "config": [ABSENT, None, [], "x", {}, False],
    "layers": [ABSENT, None, {}, "x", [None], [[]], [1], [{}]],
    "subject": ["x", [], {}, {"digest": UNKNOWN}, 0, False],
    "annotations": [[], "x", {"a": 1}, {"a": None}, {"a": {}}, 0],
    "artifactType": [0, [], {}, True],
}
DESCRIPTORS = {
    "digest": [
        ABSENT,
        None,
        7,
        "",
        "sha256:",
        "sha256:abc",
        UNKNOWN + "0",
        UNKNOWN + "\n",
        "SHA256:" + "0" * 64,
        "sha256:" + "A" * 64,
        "md5:" + "0" * 32,
        "../../etc/passwd",
        "sha256:../../../../etc/passwd",
        "0" * 1_000_000,
    ],
    "size": [ABSENT, None, -1, 1.5, 1e3, "5", True, 2**63, 10**30, []],
    "mediaType": [ABSENT, None, 7, []],
}


def with_member(document, name, value):
    changed = {**document, name: value}
    return {key: each for key, each in changed.items() if each is not ABSENT}


@pytest.mark.parametrize("member", MEMBERS)
def test_a_document_of_another_shape_is_refused(ecr, docker, repository, image, member):
    good = json.loads(image.manifest)
    for value in MEMBERS[member]:
        text = json.dumps(with_member(good, member, value))
        refused = put(docker, repository, text.encode())
        assert (refused.status, refused.message) == (405, NOT_JSON), text
        assert put_image(ecr, repository, text) == ("InvalidParameterException", NOT_JSON), text
    assert is_empty(ecr, docker, repository)
    assert put(docker, repository, json.dumps(good).encode()).status == 201


@pytest.mark.parametrize("member", DESCRIPTORS)
def test_a_descriptor_of_another_shape_is_refused(ecr, docker, repository, image, member):
    good = json.loads(image.manifest)
    for value in DESCRIPTORS[member]:
        bad = with_member(good["layers"][0], member, value)
        for changed in ({"config": bad}, {"layers": [bad]}, {"subject": bad}):
            text = json.dumps(good | changed)
            refused = put(docker, repository, text.encode())
            assert (refused.status, refused.message) == (405, NOT_JSON), text
            assert put_image(ecr, repository, text) == ("InvalidParameterException", NOT_JSON), text
    assert is_empty(ecr, docker, repository)
    assert put(docker, repository, json.dumps(good).encode()).status == 201


@pytest.mark.parametrize(
    "manifests", [ABSENT, None, {}, "x", [None], [1], [{}], [{"digest": UNKNOWN}]], ids=str
)
def test_an_index_of_another_shape_is_refused(ecr, docker, repository, manifests):
    good = json.loads(an_index().manifest)
    text = json.dumps(with_member(good, "manifests", manifests))
    refused = put(docker, repository, text.encode(), OCI_INDEX)
    assert (refused.status, refused.message) == (405, NOT_JSON)
    assert put_image(ecr, repository, text, OCI_INDEX) == ("InvalidParameterException", NOT_JSON)
    assert is_empty(ecr, docker, repository)
    assert put(docker, repository, json.dumps(good).encode(), OCI_INDEX).status == 201


def test_an_index_cannot_list_itself_or_what_is_not_there(ecr, docker, repository, image):
    """Whatever digest it writes, its own is another."""
    index = an_index(image)
    own = index.manifest.replace(image.digest, index.digest)
    for text in (index.manifest, own):
        refused = put(docker, repository, text.encode(), OCI_INDEX)
        assert (refused.status, refused.error) == (400, "MANIFEST_BLOB_UNKNOWN")
        assert put_image(ecr, repository, text, OCI_INDEX)[0] == "ReferencedImagesNotFoundException"
    assert is_empty(ecr, docker, repository)
    assert docker.push(repository, index, "1.0").status == 201


def test_a_subject_that_is_not_there_is_no_fault(docker, repository, image):
    text = json.dumps(json.loads(image.manifest) | {"subject": image.descriptor})
    assert put(docker, repository, text.encode()).headers["OCI-Subject"] == image.digest
    assert docker.get_manifest(repository, "bad").body == text.encode()


# Bounds.


def test_so_many_layers_and_no_more(ecr, docker, repository, image):
    good = json.loads(image.manifest)
    (layer,) = good["layers"]
    most, more = (json.dumps(good | {"layers": [layer] * count}) for count in (4_096, 4_097))
    assert put(docker, repository, more.encode()).message == NOT_JSON
    assert put_image(ecr, repository, more) == ("InvalidParameterException", NOT_JSON)
    assert is_empty(ecr, docker, repository)
    assert put(docker, repository, most.encode()).status == 201
    assert docker.get_manifest(repository, "bad").body == most.encode()


def test_so_many_values_and_no_more(ecr, docker, repository, image):
    """Signs that part values: the manifest's own, and those of a list that is only there to be long."""
    own = sum(image.manifest.count(sign) for sign in "{[,") + len(",[")
    most, more = (
        image.manifest[:-1] + ',"x":[' + "1," * (count - own) + "1]}" for count in (200_000, 200_001)
    )
    assert put(docker, repository, more.encode()).message == NOT_JSON
    assert put_image(ecr, repository, more) == ("InvalidParameterException", NOT_JSON)
    assert is_empty(ecr, docker, repository)
    assert put(docker, repository, most.encode()).status == 201
    assert docker.get_manifest(repository, "bad").body == most.encode()


def test_so_many_bytes_and_no_more(ecr, docker, repository, image):
    filled = image.manifest + " " * (MOST_BYTES - len(image.manifest))
    refused = put(docker, repository, filled.encode() + b" ")
    assert (refused.status, refused.error) == (413, "SIZE_INVALID")
    code, message = put_image(ecr, repository, filled + " ")
    assert (code, "less than or equal to 4194304" in message) == ("InvalidParameterException", True)
    assert is_empty(ecr, docker, repository)
    assert put(docker, repository, filled.encode()).status == 201
    assert docker.get_manifest(repository, "bad").body == filled.encode()


def largest(unit: str) -> bytes:
    """A document of 4 MiB that is nearly all one thing."""
    head = f'{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{{}},"layers":['
    return (head + unit * ((MOST_BYTES - len(head) - 3) // len(unit)) + "1]}").encode()


UNITS = ["{},", "[],", '{"a":1},', "1.5,", '"ab",', "[", '{"":', "9", "9" * 4_000 + ","]
HOSTILE = {unit[:9]: partial(largest, unit) for unit in UNITS} | {
    "as many names as are read": lambda: json.dumps({f"{number:06}": 1 for number in range(200_000)}).encode()
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_manifest_costs_little(ecr, docker, repository, what):
    """Less than a second of this process's time, and less than 50 MB; where boto3 makes its copies of it
    in the same process, less than 100."""
    content = HOSTILE[what]()
    text = content.decode()

    def by_oci():
        return put(docker, repository, content).message == NOT_JSON

    def by_api():
        code, _ = put_image(ecr, repository, text)
        return code in ("InvalidParameterException", "SerializationException")

    for is_refused, most_bytes in ((by_oci, 50 << 20), (by_api, 100 << 20)):
        started = time.process_time()
        assert is_refused()
        assert time.process_time() - started < 1
        tracemalloc.start()
        try:
            assert is_refused()
            assert tracemalloc.get_traced_memory()[1] < most_bytes
        finally:
            tracemalloc.stop()


# Whatever it is.

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def changed_manifests(draw):
    """How to change a manifest: the path to one of its values, and what to put there."""
    paths = [("schemaVersion",), ("mediaType",), ("config",), ("layers",), ("subject",), ("annotations",)]
    paths += [("layers", 0), ("manifests",), ("artifactType",), ("extra",)]
    paths += [
        (*path, name) for path in (("config",), ("layers", 0)) for name in ("digest", "size", "mediaType")
    ]
    return draw(st.sampled_from(paths)), draw(values)


@settings(
    max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changed_manifests())
def test_whatever_stands_in_a_manifest_both_fronts_take_it_or_refuse_it(
    ecr, docker, repository, image, change
):
    path, value = change
    document = json.loads(image.manifest)
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    text = json.dumps(document)

    docker.delete_manifest(repository, "bad")
    answer = put(docker, repository, text.encode())
    if answer.status == 201:
        assert docker.get_manifest(repository, "bad").body == text.encode()
        assert put_image(ecr, repository, text)[0] == "ImageAlreadyExistsException"
        return
    assert 400 <= answer.status < 500
    code, message = put_image(ecr, repository, text)
    assert code in ("InvalidParameterException", "LayersNotFoundException")
    assert message == answer.message
    assert docker.get_manifest(repository, "bad").status == 404
