"""A body on its way to a front: when it is asked for, how much of it, and what ends it early."""

import gzip
import hashlib
import random

import pytest

from openecr.errors import (
    MalformedHttpRequestException,
    RequestAbortedException,
    RequestEntityTooLargeException,
)
from openecr.port import BATCH_BYTES


def told(body):
    return f"{len(body)} {hashlib.sha256(body).hexdigest()}".encode()


def chunked(*parts):
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_a_body_arrives_whole(served):
    assert served.ask("PUT /read HTTP/1.1\nHost: a\nContent-Length: 5\n\n", b"hello").body == told(b"hello")


def test_a_body_in_chunks_arrives_whole(served):
    body = chunked(b"hel", b"lo", b"x" * 70_000)
    answer = served.ask("PUT /read HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n", body)
    assert answer.body == told(b"hello" + b"x" * 70_000)


def test_no_body_is_an_empty_one(served):
    assert served.ask("PUT /read HTTP/1.1\nHost: a\n\n").body == told(b"")
    assert served.ask("PUT /batches HTTP/1.1\nHost: a\nContent-Length: 0\n\n").body.startswith(b"0 0 ")


def test_a_compressed_body_arrives_as_it_was_sent(served):
    bomb = gzip.compress(b"\0" * 5_000_000)
    head = f"PUT /read HTTP/1.1\nHost: a\nContent-Encoding: gzip\nContent-Length: {len(bomb)}\n\n"
    assert served.ask(head, bomb).body == told(bomb)


def test_the_length_is_known_before_the_body_is_read(served):
    served.ask("PUT /read HTTP/1.1\nHost: a\nContent-Length: 5\n\n", b"hello")
    assert served.seen.requests[-1].body.length == 5
    served.ask("PUT /read HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n", chunked(b"hello"))
    assert served.seen.requests[-1].body.length is None
    served.ask("GET / HTTP/1.1\nHost: a\n\n")
    assert served.seen.requests[-1].body.length == 0


# Batches.


def test_a_large_body_comes_in_batches_of_bounded_size(served):
    body = random.Random(1).randbytes(9_000_001)
    head = f"PUT /batches HTTP/1.1\nHost: a\nContent-Length: {len(body)}\n\n"
    count, largest, digest = served.ask(head, body).body.split()

    assert int(count) == len(body)
    assert 256 << 10 <= int(largest) <= BATCH_BYTES
    assert digest.decode() == hashlib.sha256(body).hexdigest()


def test_tiny_chunks_are_gathered_into_batches(served):
    pieces = [bytes([number % 256]) * 100 for number in range(6_000)]
    head = "PUT /batches HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n"
    count, largest, digest = served.ask(head, chunked(*pieces)).body.split()

    assert int(count) == 600_000
    assert int(largest) >= 256 << 10
    assert digest.decode() == hashlib.sha256(b"".join(pieces)).hexdigest()


# 100 Continue.


@pytest.mark.parametrize("action", ["read", "batches"])
def test_continue_is_sent_when_the_body_is_asked_for(served, action):
    with served.connect() as client:
        client.send(f"PUT /{action} HTTP/1.1\nHost: a\nContent-Length: 5\nExpect: 100-continue\n\n")
        assert client.answer().status == 100
        client.send_bytes(b"hello")
        assert client.answer().body.startswith(b"5 ")


def test_a_client_that_waits_is_refused_without_being_asked_for_its_body(served):
    with served.connect() as client:
        client.send("PUT /refuse HTTP/1.1\nHost: a\nContent-Length: 1000000000\nExpect: 100-continue\n\n")
        answer = client.answer()

        assert answer.status == 401
        assert answer.headers["Connection"] == "close"
        assert client.is_closed()


def test_a_client_that_announces_too_much_is_refused_without_being_asked_for_it(served):
    with served.connect() as client:
        client.send("PUT /read?10 HTTP/1.1\nHost: a\nContent-Length: 11\nExpect: 100-continue\n\n")
        assert client.answer().status == 413


def test_continue_is_not_sent_to_a_client_that_does_not_wait(served):
    with served.connect() as client:
        client.send("PUT /read HTTP/1.1\nHost: a\nContent-Length: 5\nExpect: 100-continue\n\n", b"hello")
        answer = client.answer()
        assert (answer if answer.status != 100 else client.answer()).body == told(b"hello")


# Limits.


def test_a_body_of_exactly_the_limit_is_read(served):
    assert served.ask("PUT /read?5 HTTP/1.1\nHost: a\nContent-Length: 5\n\n", b"hello").status == 200
    head = "PUT /read?5 HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n"
    assert served.ask(head, chunked(b"hel", b"lo")).status == 200


def test_a_body_beyond_the_limit_is_refused(served):
    assert served.ask("PUT /read?4 HTTP/1.1\nHost: a\nContent-Length: 5\n\n", b"hello").status == 413
    head = "PUT /read?4 HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n"
    assert served.ask(head, chunked(b"hel", b"lo")).status == 413
    assert isinstance(served.seen.failures[-1], RequestEntityTooLargeException)


def test_a_body_without_end_is_refused_at_the_limit(served):
    with served.connect() as client:
        client.send("PUT /read?100000 HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n")
        for _ in range(2):
            client.send_bytes(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        answer = client.answer()

        assert answer.status == 413
        assert answer.headers["Connection"] == "close"


# Refused, with a body on its way.


def test_after_a_refusal_a_short_body_is_skipped_and_the_connection_goes_on(served):
    with served.connect() as client:
        client.send("PUT /refuse HTTP/1.1\nHost: a\nContent-Length: 500000\n\n")
        answer = client.answer()
        assert answer.status == 401
        assert "Connection" not in answer.headers
        client.send_bytes(b"x" * 500_000)
        client.send("GET / HTTP/1.1\nHost: a\n\n")
        assert client.answer().body == b"hello\n"


def test_after_a_refusal_a_long_body_is_not_waited_for(served):
    with served.connect() as client:
        client.send("PUT /refuse HTTP/1.1\nHost: a\nContent-Length: 1000000000\n\n", b"x" * 500_000)
        answer = client.answer()

        assert answer.status == 401
        assert answer.headers["Connection"] == "close"
        assert client.is_closed()


def test_a_client_that_goes_on_sending_after_a_refusal_is_cut(served):
    with served.connect() as client:
        client.send("PUT /refuse HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n")
        assert client.answer().status == 401
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            client.send_bytes((b"10000\r\n" + b"x" * 65536 + b"\r\n") * 1000)


# Ended early.


@pytest.mark.parametrize("action", ["read", "batches"])
def test_a_client_that_leaves_in_the_middle_of_a_body_is_noticed(served, action):
    before = len(served.seen.failures)
    with served.connect() as client:
        client.send(f"PUT /{action} HTTP/1.1\nHost: a\nContent-Length: 1000000\n\n", b"x" * 1000)
    failures = served.seen.wait_for(served.seen.failures, before + 1)

    assert isinstance(failures[-1], RequestAbortedException)
    assert served.seen.crashes == []


def test_a_client_that_stops_in_the_middle_of_a_body_is_told(served):
    with served.connect() as client:
        client.send("PUT /read HTTP/1.1\nHost: a\nContent-Length: 10\n\n", b"short")
        client.socket.shutdown(1)
        answer = client.answer()

        assert answer.status == 400
        assert answer.body == b"The request body ended early.\n"
        assert client.is_closed()


def test_a_body_that_turns_out_to_be_malformed_is_refused_by_the_front(served):
    with served.connect() as client:
        before = len(served.seen.requests)
        client.send("PUT /batches HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n")
        served.seen.wait_for(served.seen.requests, before + 1)
        client.send_bytes(b"5\r\nhello\r\n+5\r\nhello\r\n")
        answer = client.answer()

        assert answer.status == 400
        assert isinstance(served.seen.failures[-1], MalformedHttpRequestException)
        assert client.is_closed()
