"""What is no HTTP gets a 4xx and the end of the connection, never a 500. Source: reliability.md G1."""

import pytest

IN_CHUNKS = b"PUT /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
MALFORMED = {
    "content-length-and-transfer-encoding": (
        b"PUT /read HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "two-content-lengths": (
        b"PUT /read HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"
    ),
    "two-equal-content-lengths": (
        b"PUT /read HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd"
    ),
    "a-list-of-content-lengths": b"PUT /read HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd",
    "a-signed-content-length": b"PUT /read HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd",
    "a-negative-content-length": b"PUT /read HTTP/1.1\r\nHost: a\r\nContent-Length: -4\r\n\r\nabcd",
    "a-content-length-beyond-64-bits": b"PUT /read HTTP/1.1\r\nHost: a\r\nContent-Length: "
    + b"9" * 40
    + b"\r\n\r\n",
    "a-header-ended-by-a-bare-line-feed": b"GET / HTTP/1.1\nHost: a\n\n",
    "a-bare-carriage-return": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    "no-host": b"GET / HTTP/1.1\r\n\r\n",
    "two-hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a-host-that-is-none": b'GET / HTTP/1.1\r\nHost: a"b\r\n\r\n',
    "a-host-with-a-path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "absolute-form": b"GET http://elsewhere/v2/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "asterisk-form": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "authority-form": b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a-fragment": b"GET /v2/#x HTTP/1.1\r\nHost: a\r\n\r\n",
    "bytes-in-the-path-that-are-no-text": b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    "utf-8-in-the-path": "GET /ä HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
    "bytes-in-a-header-that-are-no-text": b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: \xff\xfe\r\n\r\n",
    "a-nul-in-a-header": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    "a-folded-header": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "a-blank-before-the-colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "no-version": b"GET /\r\nHost: a\r\n\r\n",
    "an-unknown-version": b"GET / HTTP/3.0\r\nHost: a\r\n\r\n",
    "http-2-with-prior-knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an-unknown-method": b"FETCH / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a-blank-in-the-target": b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "another-transfer-coding": (
        b"PUT /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
    ),
    "a-transfer-coding-that-is-not-the-last": (
        b"PUT /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"
    ),
    "chunks-in-http-1.0": b"PUT /read HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a-signed-chunk-size": IN_CHUNKS + b"+5\r\nabcde\r\n0\r\n\r\n",
    "a-chunk-size-in-hexadecimal-prefix": (IN_CHUNKS + b"0x5\r\nabcde\r\n0\r\n\r\n"),
    "a-chunk-longer-than-its-size": (IN_CHUNKS + b"3\r\nabcde\r\n0\r\n\r\n"),
    "a-chunk-size-beyond-64-bits": (
        b"PUT /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\nabc\r\n"
    ),
    "tls-on-a-plain-port": bytes.fromhex("16030100f8010000f40303") + b"\x00" * 40,
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_http_is_refused_and_the_connection_closed(served, raw):
    with served.connect() as client:
        client.send_bytes(raw)
        answer = client.answer()

        assert answer.status == 400
        assert "Date" in answer.headers
        assert client.is_closed()
    assert served.seen.crashes == []


TOO_LARGE = {
    "a-header-of-2-mb": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * (2 << 20) + b"\r\n\r\n",
    "a-target-of-17-kb": b"GET /" + b"x" * (17 << 10) + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a-header-just-too-long": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * ((16 << 10) + 1) + b"\r\n\r\n",
    "too-much-in-all": b"GET / HTTP/1.1\r\nHost: a\r\n"
    + b"".join(b"X%d: %s\r\n" % (i, b"x" * 15_000) for i in range(5))
    + b"\r\n",
}


@pytest.mark.parametrize("raw", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_a_head_that_is_too_large_is_refused_and_the_connection_closed(served, raw):
    with served.connect() as client:
        client.send_bytes(raw)
        answer = client.answer()

        assert answer.status == 431
        assert client.is_closed()
    assert served.seen.crashes == []


def test_ten_thousand_headers_are_refused(served):
    with served.connect() as client:
        client.send_bytes(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 10_000 + b"\r\n")

        assert client.answer().status in (400, 431)
        assert client.is_closed()


def test_a_head_that_is_just_small_enough_is_answered(served):
    largest = "x" * (16 << 10)
    assert served.ask(f"GET / HTTP/1.1\nHost: a\nX: {largest}\n\n").status == 200
    assert served.ask(f"GET /?{'x' * ((16 << 10) - 2)} HTTP/1.1\nHost: a\n\n").status == 200
    assert served.ask("GET / HTTP/1.1\nHost: a\n" + "X: y\n" * 127 + "\n").status == 200


def test_a_trickled_head_without_end_is_refused_by_its_size(served):
    with served.connect() as client:
        client.send("GET / HTTP/1.1\nHost: a\n")
        for number in range(5):
            client.send(f"X{number}: {'x' * 15_000}\n")

        assert client.answer().status == 431


def test_nonsense_behind_a_good_request_is_refused_after_its_answer(served):
    with served.connect() as client:
        before = len(served.seen.requests)
        client.send("GET /wait HTTP/1.1\nHost: a\n\n")
        served.seen.wait_for(served.seen.requests, before + 1)
        client.send("NONSENSE\n\n")
        served.front.may_go_on.set()

        assert client.answer().body == b"waited\n"
        assert client.answer().status == 400
        assert client.is_closed()


def test_the_target_reaches_the_front_as_it_was_sent(served):
    served.ask("GET /plain/%2e%2E/a%2Fb//c;d?x=%20&&y=+&z=%C3%A4 HTTP/1.1\nHost: Registry.Example:80\n\n")

    request = served.seen.requests[-1]
    assert request.path == "/plain/%2e%2E/a%2Fb//c;d"
    assert request.query == "x=%20&&y=+&z=%C3%A4"
    assert request.host == "Registry.Example:80"
    assert request.origin == "http://Registry.Example:80"
    assert request.source_address == "127.0.0.1"
