"""An answer on its way out: its head, its length, files, and what becomes of a mistake of ours."""

import email.utils
import random
import ssl
import time

import pytest

from openecr.server.sending import SMALL_FILE_BYTES
from tests.server.certificates import make_certificate
from tests.server.serving import Raw, serving

GET = "GET {} HTTP/1.1\nHost: a\n\n"


@pytest.fixture(scope="module")
def file(served, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "layer"
    path.write_bytes(random.Random(2).randbytes(12_000_000))
    served.front.file = path
    return path


# The head.


def test_every_answer_has_the_date(served):
    for path in ("/", "/nothing", "/headless", "/refuse", "/crash", "/busy"):
        date = email.utils.parsedate_to_datetime(served.ask(GET.format(path)).headers["Date"])
        assert abs(date.timestamp() - time.time()) < 5
        assert date.tzinfo is not None


def test_an_answer_to_head_keeps_its_length_and_has_no_body(served):
    with served.connect() as client:
        client.send(
            "HEAD /headless HTTP/1.1\nHost: a\n\nHEAD / HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\nHost: a\n\n"
        )
        answer = client.answer(head_only=True)
        assert (answer.headers["Content-Length"], answer.count, answer.headers["X-Kept"]) == (
            "12345",
            1,
            "yes",
        )
        # A front that gives a body all the same: its length is told, and it is not sent.
        assert client.answer(head_only=True).headers["Content-Length"] == "6"
        assert client.answer().body == b"hello\n"


def test_an_answer_without_a_body_says_so(served):
    answer = served.ask("POST /created HTTP/1.1\nHost: a\n\n")
    assert (answer.status, answer.headers["Content-Length"], answer.count) == (201, "0", 1)


def test_204_has_no_length(served):
    assert "Content-Length" not in served.ask(GET.format("/nothing")).headers


@pytest.mark.parametrize(("path", "status"), [("/busy", 503), ("/throttled", 429)])
def test_who_comes_too_early_or_too_often_is_told_when_to_come_again(served, path, status):
    answer = served.ask(GET.format(path))
    assert answer.status == status
    assert answer.headers["Retry-After"] == "1"
    assert "Retry-After" not in served.ask(GET.format("/")).headers


# Mistakes of ours.


def test_a_front_that_fails_is_told_in_the_log_and_answered_with_500(served):
    with served.connect() as client:
        client.send(GET.format("/crash"))
        answer = client.answer()

        assert answer.status == 500
        assert b"mistake" not in answer.body
        assert client.is_closed()
    request, error = served.seen.wait_for(served.seen.crashes)[-1]
    assert request.path == "/crash"
    assert str(error) == "a mistake of ours"


def test_a_header_cannot_end_its_line(served):
    answer = served.ask(GET.format("/split"))
    assert answer.status == 500
    assert "Set-Cookie" not in answer.headers


# Files.


@pytest.mark.parametrize(
    ("offset", "length"),
    [
        (0, 12_000_000),
        (0, 1),
        (11_999_999, 1),
        (5, SMALL_FILE_BYTES),
        (5, SMALL_FILE_BYTES + 1),
        (1_234_567, 7_654_321),
        (3, 0),
    ],
)
def test_a_part_of_a_file_is_sent_byte_for_byte(served, file, offset, length):
    with served.connect() as client:
        client.send(GET.format(f"/send?{offset},{length}"))
        answer = client.answer()
        assert answer.headers["Content-Length"] == str(length)
        assert answer.body == file.read_bytes()[offset : offset + length]

        client.send(GET.format("/"))
        assert client.answer().body == b"hello\n"


def test_head_of_a_file_tells_its_length(served, file):
    answer = served.ask("HEAD /send?0,12000000 HTTP/1.1\nHost: a\n\n")
    assert answer.headers["Content-Length"] == "12000000"


@pytest.mark.parametrize("length", [1000, 1_000_000])
def test_a_file_that_is_not_there_or_too_short_is_a_500_before_any_byte(served, file, length):
    crashes = len(served.seen.crashes)
    assert served.ask(GET.format(f"/send?12000000,{length}")).status == 500
    served.seen.wait_for(served.seen.crashes, crashes + 1)
    try:
        served.front.file = file.with_name("gone")
        assert served.ask(GET.format(f"/send?0,{length}")).status == 500
    finally:
        served.front.file = file


def test_a_file_that_is_cut_while_it_is_sent_ends_the_connection(served, file, tmp_path):
    shrinking = tmp_path / "shrinking"
    shrinking.write_bytes(b"x" * 50_000_000)
    try:
        served.front.file = shrinking
        with served.connect() as client:
            client.send(GET.format("/send?0,50000000"))
            got = len(client.socket.recv(1000))
            with shrinking.open("r+b") as cut:
                cut.truncate(1000)
            try:
                while data := client.socket.recv(1 << 20):
                    got += len(data)
            except ConnectionResetError:
                pass
            assert got < 50_000_000
    finally:
        served.front.file = file


def test_a_client_that_leaves_a_download_leaves_nothing_open(served, file):
    before = len(served.seen.answers)
    for _ in range(3):
        with served.connect() as client:
            client.send(GET.format("/send?0,12000000"))
            client.socket.recv(1000)
    answers = served.seen.wait_for(served.seen.answers, before + 3)

    assert all(sent < 12_000_000 for _, _, _, sent, _ in answers[-3:])


# TLS.


def test_everything_works_through_tls(file, tmp_path):
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=certificate[0])
    with serving(tls=context) as served, Raw(served.port, trusting) as client:
        served.front.file = file
        client.send(GET.format("/send?1,11000000"))
        assert client.answer().body == file.read_bytes()[1:11_000_001]
        client.send("PUT /read HTTP/1.1\nHost: a\nContent-Length: 5\nExpect: 100-continue\n\n")
        assert client.answer().status == 100
        client.send_bytes(b"hello")
        assert client.answer().body.startswith(b"5 ")
        assert served.seen.requests[-1].origin == "https://a"
        client.send("PUT /refuse HTTP/1.1\nHost: a\nContent-Length: 1000000000\n\n", b"x" * 100_000)
        assert client.answer().status == 401
