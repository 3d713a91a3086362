"""Chunks: where each must begin, what is not one, and that the upload outlives every mistake."""

import itertools

import pytest

from tests.builders import sha256
from tests.oci.wire import Connection, credentials, send


@pytest.fixture
def location(docker, repository):
    """An upload that has the bytes `01234`."""
    begun = docker.start_upload(repository).headers["Location"]
    return docker.patch(begun, b"01234", Content_Range="0-4").headers["Location"]


def finishes_as(docker, location, content) -> bool:
    """Whether the upload holds these bytes but for the last one, which comes now."""
    return docker.finish_upload(location, sha256(content), content[-1:]).status == 201


# Order.


@pytest.mark.parametrize("range_", ["0-4", "4-6", "6-8", "10-14", f"{2**63 - 3}-{2**63 - 1}"])
def test_a_chunk_out_of_order_is_refused_and_the_upload_goes_on(docker, location, range_):
    first, last = map(int, range_.split("-"))
    chunk = b"x" * (last - first + 1)
    refused = docker.patch(location, chunk, Content_Range=range_)
    assert (refused.status, refused.error) == (416, "RANGE_INVALID")
    assert refused.message == f"First byte of the layer part is {first} instead of 5"
    assert docker.ask("GET", location).headers["Range"] == "0-4"
    assert docker.patch(location, b"567", Content_Range="5-7").status == 202
    assert finishes_as(docker, location, b"012345678")


def test_a_chunk_out_of_order_in_the_put_is_refused_and_the_upload_goes_on(docker, location):
    refused = docker.finish_upload(location, sha256(b"01234567"), b"67", Content_Range="6-7")
    assert (refused.status, refused.error) == (416, "RANGE_INVALID")
    assert docker.ask("GET", location).headers["Range"] == "0-4"
    done = docker.finish_upload(location, sha256(b"01234567"), b"567", Content_Range="5-7")
    assert done.status == 201


def test_the_first_chunk_must_be_the_first(docker, repository):
    location = docker.start_upload(repository).headers["Location"]
    assert docker.patch(location, b"1234", Content_Range="1-4").status == 416
    assert docker.ask("GET", location).headers["Range"] == "0-0"
    assert docker.patch(location, b"01234", Content_Range="0-4").status == 202


def test_a_chunk_sent_twice_counts_once(docker, location):
    """A client that lost our answer sends the chunk again, learns how far we are and goes on."""
    assert docker.patch(location, b"567", Content_Range="5-7").status == 202
    again = docker.patch(location, b"567", Content_Range="5-7")
    assert (again.status, again.message) == (416, "First byte of the layer part is 5 instead of 8")
    assert finishes_as(docker, location, b"012345678")


# What a range says.


@pytest.mark.parametrize(
    "range_", ["5-7", "bytes 5-7/8", "bytes 5-7/*", "bytes=5-7", "bytes 5-7", " 5-7 ", "5-7/100", "00005-07"]
)
def test_a_range_may_be_written_as_http_has_it(server, docker, location, range_):
    headers = credentials(docker) | {"Content-Range": range_}
    assert send(server, "PATCH", location, headers, b"567").headers["Range"] == "0-7"


def test_what_is_no_range_is_refused_and_the_upload_goes_on(server, docker, location):
    for range_ in (
        "",
        "5",
        "5-",
        "-7",
        "7-5",
        "5-7,8-9",
        "5-7/x",
        "a-b",
        "+5-7",
        "0x5-0x7",
        "5 - 7",
        "bits 5-7/8",
        "٥-٧",
        f"5-{10**20}",
        "5-" + "7" * 10_000,
        "-".join(["5"] * 1_000),
    ):
        headers = credentials(docker) | {"Content-Range": range_}
        for answer in (
            send(server, "PATCH", location, headers, b"567"),
            send(server, "PUT", f"{location}?digest={sha256(b'01234567')}", headers, b"567"),
        ):
            assert (answer.status, answer.error) == (416, "RANGE_INVALID"), range_
    assert docker.patch(location, b"567", Content_Range="5-7").headers["Range"] == "0-7"


@pytest.mark.parametrize("range_", ["5-6", "5-8"])
def test_a_chunk_must_be_as_long_as_its_range(docker, location, range_):
    refused = docker.patch(location, b"567", Content_Range=range_)
    assert (refused.status, refused.error) == (400, "SIZE_INVALID")
    refused = docker.finish_upload(location, sha256(b"01234567"), b"567", Content_Range=range_)
    assert (refused.status, refused.error) == (400, "SIZE_INVALID")
    assert docker.ask("GET", location).headers["Range"] == "0-4"
    assert docker.patch(location, b"567", Content_Range="5-7").status == 202


@pytest.mark.parametrize("range_", ["5-6", "5-8"])
def test_a_streamed_chunk_must_be_as_long_as_its_range(docker, location, range_):
    refused = docker.patch(location, iter([b"56", b"7"]), Content_Range=range_)
    assert (refused.status, refused.error) == (416, "RANGE_INVALID")
    assert docker.ask("GET", location).headers["Range"] == "0-4"
    assert docker.patch(location, iter([b"56", b"7"]), Content_Range="5-7").status == 202
    assert finishes_as(docker, location, b"012345678")


def test_an_empty_chunk_changes_nothing(docker, location):
    assert docker.patch(location, b"").headers["Range"] == "0-4"
    assert docker.patch(location, iter([])).headers["Range"] == "0-4"
    assert finishes_as(docker, location, b"012345")


def test_chunks_of_any_size_make_one_layer(docker, repository):
    content = bytes(range(256)) * 40
    cuts = [0, 1, 2, 257, 4096, 4097, 10_000, len(content)]
    location = docker.start_upload(repository).headers["Location"]
    for first, end in itertools.pairwise(cuts):
        part = docker.patch(location, content[first:end], Content_Range=f"{first}-{end - 1}")
        assert (part.status, part.headers["Range"]) == (202, f"0-{end - 1}")
    assert docker.finish_upload(location, sha256(content)).status == 201
    assert docker.get_blob(repository, sha256(content)).body == content


# Bodies that do not come, or should not.


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_body_that_ends_early_does_not_count(server, docker, location, method):
    query = "" if method == "PATCH" else f"?digest={sha256(b'0123456789')}"
    for headers, body in (({"Content-Length": "5"}, b"567"), ({"Transfer-Encoding": "chunked"}, b"5\r\n567")):
        with Connection(server, method, location + query, credentials(docker) | headers) as connection:
            connection.send(body)
            connection.end()
            answer = connection.answer()
        assert (answer.status, answer.error) == (400, "SIZE_INVALID")
        assert docker.ask("GET", location).headers["Range"] == "0-4"
    assert finishes_as(docker, location, b"012345")


def test_a_malformed_body_does_not_count(server, docker, location):
    headers = credentials(docker) | {"Transfer-Encoding": "chunked"}
    answer = send(server, "PATCH", location, headers, b"3\r\n567\r\nno size\r\n")
    assert answer.status == 400
    assert docker.ask("GET", location).headers["Range"] == "0-4"
    assert finishes_as(docker, location, b"012345")


def test_a_layer_that_would_be_too_large_is_refused_before_it_is_sent(server, private, public):
    for registry, most in ((private, 52_000 << 20), (public, 10_000 << 20)):
        docker, repository = registry.docker, registry.repository
        location = docker.start_upload(repository).headers["Location"]
        headers = credentials(docker) | {"Expect": "100-continue"}
        refused = send(server, "PATCH", location, headers | {"Content-Length": str(most + 1)})
        assert (refused.status, refused.error) == (403, "DENIED")
        assert refused.message == f"A layer cannot be larger than {most >> 20} MiB."

        accepted = headers | {"Content-Length": str(most)}
        with Connection(server, "PATCH", location, accepted) as connection:
            connection.wait_for_continue()


def test_a_refusal_comes_before_the_body_is_asked_for(server, docker, repository):
    """Go clients that are still sending hide an answer behind a broken pipe."""
    headers = {"Content-Length": "9999999", "Expect": "100-continue"}
    unknown = docker.path("no/where", "blobs/uploads/00000000-0000-4000-8000-000000000000")
    assert send(server, "PATCH", unknown, headers).status == 401
    assert send(server, "PATCH", unknown, headers | credentials(docker)).error == "NAME_UNKNOWN"
    location = docker.start_upload(repository).headers["Location"]
    ahead = headers | credentials(docker) | {"Content-Range": "1-9999999"}
    assert send(server, "PATCH", location, ahead).status == 416
