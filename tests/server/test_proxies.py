"""Behind a proxy: what it says counts if it is one of ours, and else nothing does."""

from ipaddress import ip_network

import pytest

from tests.server.serving import serving

FORWARDED = "X-Forwarded-For: {}\nX-Forwarded-Proto: https\nX-Forwarded-Host: registry.example\n"


@pytest.fixture(scope="module")
def behind():
    with serving(proxies=[ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")]) as server:
        yield server


def asked(server, headers):
    assert server.ask(f"GET / HTTP/1.1\nHost: inner:3270\n{headers}\n").status == 200
    request = server.seen.requests[-1]
    return request.origin, request.source_address


def test_a_proxy_of_ours_says_where_the_client_came_from_and_what_it_asked(behind):
    assert asked(behind, FORWARDED.format("203.0.113.7")) == ("https://registry.example", "203.0.113.7")


def test_nobody_else_says_it(served):
    assert asked(served, FORWARDED.format("203.0.113.7")) == ("http://inner:3270", "127.0.0.1")


def test_the_client_is_the_last_that_no_proxy_of_ours_is(behind):
    # 198.51.100.1 is what the client claims; 203.0.113.7 is what our outer proxy saw.
    told = FORWARDED.format("198.51.100.1, 203.0.113.7, 10.1.2.3")
    assert asked(behind, told) == ("https://registry.example", "203.0.113.7")


@pytest.mark.parametrize(
    "headers",
    [
        "",
        "X-Forwarded-For: nonsense\nX-Forwarded-Proto: gopher\nX-Forwarded-Host: a/b\n",
        "X-Forwarded-For: \nX-Forwarded-Proto: \nX-Forwarded-Host: \n",
    ],
)
def test_what_says_nothing_changes_nothing(behind, headers):
    assert asked(behind, headers) == ("http://inner:3270", "127.0.0.1")
