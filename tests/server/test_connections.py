"""A connection from its first byte to its last: pipelining, keep-alive, slow clients, the server's end."""

import pytest

from openecr.errors import RequestTimeoutException
from openecr.server.limits import Limits, Pace
from tests.server.serving import serving

GET = "GET {} HTTP/1.1\nHost: a\n\n"
QUICK = Limits(
    head_seconds=0.3,
    keep_alive_seconds=0.3,
    pace_window_seconds=0.3,
    linger_seconds=0.3,
    sweep_seconds=0.02,
)


@pytest.fixture(scope="module")
def impatient():
    with serving(QUICK) as server:
        yield server


# One after the other.


def test_requests_sent_ahead_are_answered_in_order(served):
    with served.connect() as client:
        client.send(
            "PUT /read HTTP/1.1\nHost: a\nContent-Length: 5\n\nhello"
            "GET / HTTP/1.1\nHost: a\n\n"
            "PUT /read HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc"
        )
        bodies = [client.answer().body for _ in range(3)]
        assert [body[:2] for body in bodies] == [b"5 ", b"he", b"3 "]


def test_many_more_requests_than_may_wait_are_all_answered(served):
    with served.connect() as client:
        for _ in range(3):
            client.send(GET.format("/") * 500)
            assert all(client.answer().body == b"hello\n" for _ in range(500))


def test_many_requests_with_bodies_are_all_answered_on_one_connection(served):
    with served.connect() as client:
        for _ in range(100):
            client.send("PUT /read HTTP/1.1\nHost: a\nContent-Length: 2\n\n")
            client.send_bytes(b"ab")
            assert client.answer().body.startswith(b"2 ")
        client.send(GET.format("/") * 40)
        assert all(client.answer().body == b"hello\n" for _ in range(40))


def test_a_client_that_asks_for_it_is_the_last(served):
    with served.connect() as client:
        client.send("GET / HTTP/1.1\nHost: a\nConnection: close\n\n")
        assert client.answer().headers["Connection"] == "close"
        assert client.is_closed()


def test_http_1_0_is_answered_and_closed_unless_it_asks_to_stay(served):
    with served.connect() as client:
        client.send("GET / HTTP/1.0\nConnection: keep-alive\n\n")
        assert client.answer().headers["Connection"] == "keep-alive"
        client.send("GET / HTTP/1.0\n\n")
        assert client.answer().headers["Connection"] == "close"
        assert client.is_closed()


@pytest.mark.parametrize("upgrade", ["h2c", "websocket"])
def test_an_upgrade_is_not_followed(served, upgrade):
    with served.connect() as client:
        client.send(f"GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: {upgrade}\n\n")
        answer = client.answer()
        assert (answer.status, answer.headers["Connection"]) == (200, "close")
        assert client.is_closed()


def test_a_client_that_has_sent_all_it_will_still_gets_its_answers(served):
    with served.connect() as client:
        client.send(GET.format("/") + GET.format("/nothing"))
        client.socket.shutdown(1)
        assert [client.answer().status, client.answer().status] == [200, 204]
        assert client.is_closed()


def test_a_client_that_leaves_before_the_answer_harms_nobody(served):
    before = len(served.seen.answers)
    with served.connect() as client:
        client.send(GET.format("/wait"))
        served.seen.wait_for(served.seen.requests)
    served.front.may_go_on.set()
    served.seen.wait_for(served.seen.answers, before + 1)
    assert served.seen.crashes == []


# Slow clients. Source: reliability.md G2.


def test_a_slow_head_is_cut(impatient):
    with impatient.connect() as client:
        client.send("GET / HTTP/1.1\nHost:")
        answer = client.answer()
        assert answer.status == 408
        assert client.is_closed()


def test_a_head_that_never_stops_coming_is_cut_all_the_same(impatient):
    with impatient.connect() as client:
        client.send("GET / HTTP/1.1\nHost: a\n")
        client.socket.settimeout(0.05)
        said = b""
        for number in range(200):
            try:
                client.send(f"X{number}: y\n")
                said = client.socket.recv(1000)
                break
            except TimeoutError:
                continue
        assert said.startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_closed(impatient):
    with impatient.connect() as client:
        client.send(GET.format("/"))
        assert client.answer().status == 200
        assert client.is_closed()


def test_a_body_that_does_not_come_is_cut(impatient):
    with impatient.connect() as client:
        client.send("PUT /batches HTTP/1.1\nHost: a\nContent-Length: 1000\n\n", b"x")
        answer = client.answer()
        assert answer.status == 408
        assert answer.headers["Connection"] == "close"
        assert client.is_closed()
    assert isinstance(impatient.seen.failures[-1], RequestTimeoutException)


def test_the_rest_of_a_refused_body_is_not_waited_for_forever(impatient):
    with impatient.connect() as client:
        client.send("PUT /refuse HTTP/1.1\nHost: a\nContent-Length: 1000\n\n", b"x")
        assert client.answer().status == 401
        assert client.is_closed()


def test_a_client_that_does_not_read_is_cut(impatient, tmp_path):
    impatient.front.file = tmp_path / "file"
    impatient.front.file.write_bytes(b"x" * 30_000_000)
    before = len(impatient.seen.answers)
    with impatient.connect() as client:
        client.send(GET.format("/send?0,30000000"))
        [*_, (_, _, status, sent, _)] = impatient.seen.wait_for(impatient.seen.answers, before + 1)
        assert status == 200
        assert 0 < sent < 30_000_000


def test_a_front_that_takes_its_time_is_not_the_clients_fault(impatient):
    with impatient.connect() as client:
        client.send(GET.format("/wait"))
        impatient.seen.wait_for(impatient.seen.requests)
        with impatient.connect() as other:  # waits until the idle one has been cut
            assert other.is_closed()
        impatient.front.may_go_on.set()
        assert client.answer().body == b"waited\n"


def test_pace_is_judged_over_the_window_and_not_before():
    limits = Limits(pace_window_seconds=30, pace_bytes_per_second=1024)
    silent, slow, steady = Pace(limits, 0), Pace(limits, 0), Pace(limits, 0)
    assert all(silent.keeps_up(0.5, 0) for _ in range(59))
    assert not silent.keeps_up(0.5, 0)
    assert all(slow.keeps_up(0.5, n // 2) for n in range(59))
    assert not slow.keeps_up(0.5, 30)
    assert all(steady.keeps_up(0.5, 512 * n) for n in range(1, 1000))


def test_pace_forgets_what_was_long_ago():
    limits = Limits(pace_window_seconds=30, pace_bytes_per_second=1024)
    stalled = Pace(limits, 0)
    assert stalled.keeps_up(1, 1 << 30)
    cut_after = next(n for n in range(1, 100) if not stalled.keeps_up(1, 1 << 30))
    assert cut_after == 30


# The end of the server.


def test_a_server_that_stops_finishes_what_is_under_way_and_takes_nothing_new():
    with serving() as served, served.connect() as busy, served.connect() as idle:
        idle.send(GET.format("/"))
        idle.answer()
        busy.send(GET.format("/wait"))
        served.seen.wait_for(served.seen.requests, 2)

        stopping = served.stop()
        assert idle.is_closed()
        with pytest.raises(ConnectionRefusedError):
            served.connect()
        assert not stopping.done()

        served.front.may_go_on.set()
        answer = busy.answer()
        assert (answer.body, answer.headers["Connection"]) == (b"waited\n", "close")
        assert busy.is_closed()
        assert stopping.result(10)


def test_a_server_that_stops_takes_the_rest_of_a_body_under_way():
    with serving() as served, served.connect() as client:
        client.send("PUT /read HTTP/1.1\nHost: a\nContent-Length: 10\n\n", b"hello")
        served.seen.wait_for(served.seen.requests)
        stopping = served.stop()
        client.send_bytes(b"hello")
        assert client.answer().body.startswith(b"10 ")
        assert stopping.result(10)


def test_a_server_that_stops_does_not_wait_forever():
    with serving(Limits(drain_seconds=0.1)) as served, served.connect() as client:
        client.send("PUT /read HTTP/1.1\nHost: a\nContent-Length: 10\n\n", b"hello")
        served.seen.wait_for(served.seen.requests)
        assert served.stop().result(10) is False
        assert client.is_closed()
