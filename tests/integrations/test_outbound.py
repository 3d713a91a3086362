"""The one way out: where it connects to, what it takes, and that it ends (reliability.md I1–I4)."""

import gzip
import socket
import subprocess
import sys
import threading
import time
from ipaddress import IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openecr.integrations.outbound import (
    MAX_REDIRECTS,
    Outbound,
    OutboundFailed,
    is_public,
    resolve,
)
from tests.integrations.conftest import HOST
from tests.integrations.serving import answer, make_certificate, serving

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
PATIENCE_SECONDS = 5
"""Far more than any deadline of these tests, far less than what would have to be waited for without."""


def at(*addresses):
    """A resolver that knows one answer."""
    return lambda host, port: list(addresses)


def failure(outbound, url, **how):
    with pytest.raises(OutboundFailed) as told:
        outbound.get(url, **how)
    assert str(told.value) == "The address could not be fetched."
    return told.value.reason


# An answer.


def test_an_answer_is_fetched_with_its_headers(outbound, server, url):
    server.answers["/path?and=query"] = answer(b'{"a": 1}', Cache_Control="max-age=60")
    fetched = outbound.get(f"{url}/path?and=query")
    assert fetched.body == b'{"a": 1}'
    assert fetched.headers["cache-control"] == "max-age=60"

    [request] = server.requests
    assert request.startswith("GET /path?and=query HTTP/1.1\r\n")
    assert f"\r\nHost: {HOST}:{server.port}\r\n" in request
    assert "\r\nAccept-Encoding: identity\r\n" in request
    assert "authorization" not in request.lower()
    assert server.names == [HOST]


def test_a_path_need_not_be_given(outbound, server, url):
    server.answers["/"] = answer(b"root")
    assert outbound.get(url).body == b"root"


@pytest.mark.parametrize("sizes", [[5], [1, 4], [1] * 5])
def test_an_answer_may_come_in_chunks(outbound, server, url, sizes):
    chunks = b"".join(b"%x\r\n%s\r\n" % (size, b"x" * size) for size in sizes)
    server.answers["/"] = answer(
        chunks + b"0\r\n\r\n", Transfer_Encoding="chunked", **{"Content-Length": "9"}
    )
    assert outbound.get(url, max_bytes=5).body == b"xxxxx"
    assert "longer" in failure(outbound, url, max_bytes=4)


def test_an_answer_without_a_length_ends_with_the_connection(outbound, server, url):
    server.answers["/"] = b"HTTP/1.0 200 OK\r\n\r\nxxxxx"
    assert outbound.get(url, max_bytes=5).body == b"xxxxx"
    assert "longer" in failure(outbound, url, max_bytes=4)


@pytest.mark.parametrize("status", ["201 Created", "204 No Content", "304 Not Modified", "404 Not Found"])
def test_an_answer_is_a_200(outbound, server, url, status):
    server.answers["/"] = answer(status=status)
    assert status[:3] in failure(outbound, url)


def test_importing_it_imports_no_http_client():
    program = "import sys, openecr.integrations.outbound; sys.exit('http.client' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


# I1: where we connect to.


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "127.3.2.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0.0.0.0",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
    ],
)
def test_this_machine_is_refused_however_it_is_written(server, certificate, host):
    server.answers["/"] = answer()
    reason = failure(Outbound(ca_file=certificate), f"https://{host}:{server.port}/")
    assert "may not connect" in reason or (host == "localhost." and "gaierror" in reason)
    assert server.connections == 0


@pytest.mark.parametrize(
    "address",
    [
        # this machine, this network
        *("127.0.0.1", "127.255.255.255", "0.0.0.0", "0.1.2.3", "::1", "::"),
        # private
        *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "100.127.255.255"),
        *("fd00::1", "fc00::1", "fdff:ffff::1", "fec0::1"),
        # link-local, with the metadata services of clouds
        *("169.254.169.254", "169.254.170.2", "fe80::1", "fe80::1%eth0", "fd00:ec2::254"),
        "168.63.129.16",
        # nobody's
        *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "ff02::1", "ff0e::1"),
        *("192.0.0.8", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"),
        *("192.88.99.1", "2001:db8::1", "3fff::1", "2001::1", "2001:2::1", "2001:10::1", "100::1"),
        *("5f00::1", "4000::1", "1fff::1", "64:ff9b:1::1"),
        # one of these, wrapped
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0.0.0.0"),
        "::ffff:168.63.129.16",
        *("2002:7f00:1::1", "2002:a00:1::", "2002:a9fe:a9fe::1", "2002::1"),
        *("64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::"),
        *("::127.0.0.1", "::10.0.0.1", "::8.8.8.8"),
    ],
)
def test_an_address_that_is_not_public_is_refused(address):
    assert not is_public(ip_address(address))
    assert "may not connect" in failure(Outbound(resolve=at(address)), "https://issuer.example/")


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
        *("126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0"),
        *("168.63.129.15", "168.63.129.17"),
        *("192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"),
        *("2606:4700:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "2001:200::1"),
        *("::ffff:8.8.8.8", "2002:808:808::1", "64:ff9b::8.8.8.8"),
    ],
)
def test_an_address_that_is_public_is_not_refused(address):
    assert is_public(ip_address(address))


def is_special(address):
    return (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
    )


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_that_python_knows_as_special_is_never_public(address):
    wrapped = [
        IPv6Address(int(IPv6Address("::ffff:0:0")) + int(address)),
        IPv6Address(int(IPv6Address("64:ff9b::")) + int(address)),
        IPv6Address((0x2002 << 112) + (int(address) << 80)),
    ]
    assert {is_public(each) for each in wrapped} == {is_public(address)}
    assert not (is_special(address) and is_public(address))


@given(st.ip_addresses(v=6))
def test_an_ipv6_address_that_python_knows_as_special_is_never_public(address):
    is_wrapped = address.ipv4_mapped is not None or address in ip_network("64:ff9b::/96")
    assert is_wrapped or not (is_special(address) and is_public(address))


def test_an_allowed_network_is_reached_in_every_form_of_its_addresses(server, certificate):
    server.answers["/"] = answer()
    for address in ("127.0.0.1", "::ffff:127.0.0.1"):
        outbound = Outbound(allowed_networks=LOOPBACK, ca_file=certificate, resolve=at(address))
        assert outbound.get(f"https://{HOST}:{server.port}/").body == b"{}"
    for network in ("10.0.0.0/8", "127.0.0.2/32", "::ffff:0:0/112"):
        outbound = Outbound(
            allowed_networks=[ip_network(network)], ca_file=certificate, resolve=at("127.0.0.1")
        )
        failure(outbound, f"https://{HOST}:{server.port}/")


def test_the_system_resolves_names_and_addresses_alike():
    assert resolve("2130706433", 443) == ["127.0.0.1"]
    assert resolve("::1", 443) == ["::1"]
    assert {ip_address(each).is_loopback for each in resolve("localhost", 443)} == {True}


def test_the_error_does_not_tell_an_open_port_from_a_closed_one(server, certificate, outbound):
    server.answers["/"] = answer(status="404 Not Found")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    refusing = Outbound(ca_file=certificate)
    for asking in (refusing, outbound):
        for port in (server.port, closed):
            failure(asking, f"https://127.0.0.1:{port}/")
    # Nor does the time: no connection is tried.
    assert server.connections == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "issuer.example",
        "//issuer.example/",
        "ftp://issuer.example/",
        "file:///etc/passwd",
        "https:issuer.example",
        "https:/issuer.example/",
        "https://",
        "https:///path",
        "https://:443/",
        "https://user@issuer.example/",
        "https://user:password@issuer.example/",
        "https://issuer.example@127.0.0.1/",
        "https://issuer.example\\@127.0.0.1/",
        "https://127.0.0.1#@issuer.example/",
        "https://issuer.example#fragment",
        "https://issuer.example/#fragment",
        "https://issuer.example?query",
        "https://issuer.example:0/",
        "https://issuer.example:65536/",
        "https://issuer.example:-1/",
        "https://issuer.example:٤٤٣/",
        "https://issuer.example:/",
        "https://issuer..example/",
        "https://.example/",
        "https://issuer.example../",
        "https://ⅰssuer.example/",
        "https://issuer%2eexample/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://[issuer.example]/",
        "https://issuer.example/a b",
        "https://issuer.example/\r\nX: y",
        "https://issuer.example/\x00",
        "https://issuer.example/é",
        " https://issuer.example/",
        "https://issuer.example/\n",
        "https://issuer.example\n",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 127 + "a/",
        "https://issuer.example/" + "a" * 2048,
    ],
)
def test_what_is_no_plain_url_is_refused_before_anything_is_resolved(url):
    asked = []

    def remember(host, port):
        asked.append(host)
        return []

    failure(Outbound(resolve=remember), url)
    assert asked == []


def test_a_url_may_be_as_long_as_2048_characters(outbound, server, url):
    path = "/" + "a" * (2048 - len(url) - 1)
    server.answers[path] = answer()
    assert outbound.get(url + path).body == b"{}"
    failure(outbound, url + path + "a")


def test_http_is_for_allowed_networks_alone():
    with serving(None) as server:
        server.answers["/"] = answer(b"plain")
        url = f"http://{HOST}:{server.port}/"
        allowed = Outbound(allowed_networks=LOOPBACK, resolve=at("127.0.0.1"))
        assert allowed.get(url).body == b"plain"
        assert f"Host: {HOST}:{server.port}\r\n" in server.requests[0]
        public = Outbound(allowed_networks=LOOPBACK, resolve=at("8.8.8.8", "2606:4700:4700::1111"))
        assert "by http" in failure(public, url)
        assert server.connections == 1


# I2: the address that was checked is the one that is used.


def test_a_name_that_changes_its_address_is_asked_at_the_one_that_was_checked(certificate):
    answers = iter([["127.0.0.2"], ["127.0.0.1"]])
    with (
        serving(certificate, address="127.0.0.2") as checked,
        serving(certificate, address="127.0.0.1", port=checked.port) as internal,
    ):
        checked.answers["/"] = answer(b"checked")
        internal.answers["/"] = answer(b"internal")
        outbound = Outbound(
            allowed_networks=[ip_network("127.0.0.2/32")],
            ca_file=certificate,
            resolve=lambda host, port: next(answers),
        )
        assert outbound.get(f"https://{HOST}:{checked.port}/").body == b"checked"
        assert checked.names == [HOST]
        assert next(answers) == ["127.0.0.1"]  # nobody asked for it
        assert internal.connections == 0


def test_of_several_addresses_those_that_are_not_permitted_are_left_out(certificate):
    with (
        serving(certificate, address="127.0.0.2") as permitted,
        serving(certificate, address="127.0.0.1", port=permitted.port) as internal,
    ):
        permitted.answers["/"] = answer(b"permitted")
        outbound = Outbound(
            allowed_networks=[ip_network("127.0.0.2/32")],
            ca_file=certificate,
            resolve=at("127.0.0.1", "10.0.0.1", "127.0.0.2"),
        )
        assert outbound.get(f"https://{HOST}:{permitted.port}/").body == b"permitted"
        assert internal.connections == 0


def test_the_next_address_is_tried_where_one_does_not_answer(server, certificate):
    server.answers["/"] = answer()
    url = f"https://{HOST}:{server.port}/"

    def of(*addresses):
        return Outbound(allowed_networks=LOOPBACK, ca_file=certificate, resolve=at(*addresses))

    assert of("127.0.0.9", "127.0.0.8", "127.0.0.7", "127.0.0.1").get(url).body == b"{}"
    failure(of("127.0.0.9", "127.0.0.8", "127.0.0.7", "127.0.0.6", "127.0.0.1"), url)


def test_a_name_that_does_not_resolve_is_a_failure():
    def unknown(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def too_strange(host, port):
        raise UnicodeError("label too long")

    for resolving in (unknown, too_strange, at(), at("not an address")):
        failure(Outbound(resolve=resolving), "https://issuer.example/")
    assert "gaierror" in failure(Outbound(), "https://name.invalid/")


# TLS.


def test_the_certificate_must_be_for_the_name(server, certificate):
    server.answers["/"] = answer()
    outbound = Outbound(allowed_networks=LOOPBACK, ca_file=certificate, resolve=at("127.0.0.1"))
    assert outbound.get(f"https://{HOST}.:{server.port}/").body == b"{}"
    assert outbound.get(f"https://127.0.0.1:{server.port}/").body == b"{}"
    for other in ("other.example", "127.0.0.2", f"x.{HOST}"):
        assert "CERTIFICATE_VERIFY_FAILED" in failure(outbound, f"https://{other}:{server.port}/")
    assert len(server.requests) == 2


def test_an_authority_must_be_known(server, certificate, tmp_path):
    server.answers["/"] = answer()
    url = f"https://{HOST}:{server.port}/"
    for file in (None, make_certificate(tmp_path / "other.pem", HOST)):
        outbound = Outbound(allowed_networks=LOOPBACK, ca_file=file, resolve=at("127.0.0.1"))
        assert "CERTIFICATE_VERIFY_FAILED" in failure(outbound, url)
    for file in (tmp_path / "none.pem", tmp_path):
        outbound = Outbound(allowed_networks=LOOPBACK, ca_file=file, resolve=at("127.0.0.1"))
        failure(outbound, url)
    assert server.requests == []


def test_a_certificate_that_has_ended_is_refused(tmp_path):
    ended = make_certificate(tmp_path / "ended.pem", HOST, ended=True)
    with serving(ended) as server:
        outbound = Outbound(allowed_networks=LOOPBACK, ca_file=ended, resolve=at("127.0.0.1"))
        assert "expired" in failure(outbound, f"https://{HOST}:{server.port}/")


def test_an_ipv6_address_is_asked_by_its_name_in_brackets(certificate):
    with serving(certificate, address="::1") as server:
        server.answers["/"] = answer()
        outbound = Outbound(allowed_networks=LOOPBACK, ca_file=certificate)
        assert outbound.get(f"https://[::1]:{server.port}/").body == b"{}"
        assert f"Host: [::1]:{server.port}\r\n" in server.requests[0]


# I3: redirects.


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_followed(outbound, server, url, status):
    server.answers["/"] = answer(status=status, Location="/there?x=1")
    server.answers["/there?x=1"] = answer(status=status, Location=f"{url}/end")
    server.answers["/end"] = answer(b"end")
    assert outbound.get(url).body == b"end"


def test_redirects_end(outbound, server, url):
    for hop in range(MAX_REDIRECTS + 1):
        server.answers[f"/{hop}"] = answer(status="302 Found", Location=f"/{hop + 1}")
    server.answers[f"/{MAX_REDIRECTS + 1}"] = answer(b"end")
    assert outbound.get(f"{url}/1").body == b"end"
    assert "redirects" in failure(outbound, f"{url}/0")
    server.answers["/loop"] = answer(status="302 Found", Location="/loop")
    failure(outbound, f"{url}/loop")


def test_a_redirect_into_our_network_is_refused(server, certificate, url):
    with serving(certificate, address="127.0.0.2") as internal:
        internal.answers["/"] = answer(b"internal")
        outbound = Outbound(
            allowed_networks=[ip_network("127.0.0.1/32")],
            ca_file=certificate,
            resolve=lambda host, port: (
                {HOST: ["127.0.0.1"], "inside.example": ["127.0.0.2"]}.get(host) or resolve(host, port)
            ),
        )
        for number, place in enumerate(
            (
                f"https://127.0.0.2:{internal.port}/",
                f"https://inside.example:{internal.port}/",
                f"//inside.example:{internal.port}/",
                "https://169.254.169.254/latest/meta-data/",
                f"https://user@{HOST}:{server.port}/",
                "https://[::1",
                "file:///etc/passwd",
                "gopher://127.0.0.2/",
                "https://ⅰ.example/",
            )
        ):
            server.answers["/"] = answer(status="302 Found", Location="/again")
            server.answers["/again"] = answer(status="302 Found", Location=place)
            failure(outbound, url)
            assert len(server.requests) == 2 * (number + 1)
        assert internal.connections == 0


def test_a_redirect_from_https_to_http_is_refused(outbound, server, url):
    with serving(None) as plain:
        plain.answers["/"] = answer(status="302 Found", Location=f"{url}/end")
        server.answers["/"] = answer(status="302 Found", Location=f"http://{HOST}:{plain.port}/")
        server.answers["/end"] = answer(b"end")
        assert "not https" in failure(outbound, url)
        assert plain.connections == 0
        assert outbound.get(f"http://{HOST}:{plain.port}/").body == b"end"  # the other way is fine


def test_a_redirect_to_nowhere_is_no_answer(outbound, server, url):
    server.answers["/"] = answer(status="302 Found")
    assert "302" in failure(outbound, url)


# I4: bodies, and everything else without an end.


def test_an_answer_is_taken_to_its_bound_and_not_a_byte_further(outbound, server, url):
    server.answers["/"] = answer(b"x" * 1000)
    assert outbound.get(url, max_bytes=1000).body == b"x" * 1000
    assert "longer than 999" in failure(outbound, url, max_bytes=999)


def test_a_length_beyond_the_bound_is_refused_unread(outbound, server, url):
    server.answers["/"] = answer(b"", **{"Content-Length": str(100 << 30)})
    assert "longer" in failure(outbound, url, max_bytes=1000)


@pytest.mark.parametrize(
    "given",
    [
        answer(b"x" * 9, **{"Content-Length": "10"}),
        answer(b"", **{"Content-Length": "10"}),
        answer(b"5\r\nxx", Transfer_Encoding="chunked"),
        answer(b"5\r\nxxxxx\r\n", Transfer_Encoding="chunked"),
        answer(b"zz\r\nxxxxx\r\n", Transfer_Encoding="chunked"),
        answer(b"-5\r\nxxxxx\r\n0\r\n\r\n", Transfer_Encoding="chunked"),
        b"",
        b"\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"\x00" * 100,
    ],
)
def test_an_answer_that_is_not_whole_is_none(outbound, server, url, given):
    server.answers["/"] = given
    failure(outbound, url)


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
def test_what_is_compressed_is_not_taken(outbound, server, url, encoding):
    server.answers["/"] = answer(gzip.compress(bytes(10 << 20)), Content_Encoding=encoding)
    assert encoding in failure(outbound, url)
    server.answers["/"] = answer(Content_Encoding="Identity")
    assert outbound.get(url).body == b"{}"


def endlessly(piece, *, pause_seconds=0.0, first=b"", stopping):
    """An answer that goes on until whoever asked hangs up."""

    def give(connection):
        connection.sendall(first)
        while not stopping.wait(pause_seconds):
            connection.sendall(piece)

    return give


HEAD = b"HTTP/1.1 200 OK\r\n"
FLOODS = {
    "body": (HEAD + b"\r\n", b"x" * 65536),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    "small chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 10000),
    "one chunk of a negative size": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", b"x" * 65536),
    "the name of a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 65536),
    "what ends the chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 10000),
    "header lines": (HEAD, b"X: y\r\n" * 10000),
    "one header line": (HEAD, b"x" * 65536),
    "the status line": (b"", b"x" * 65536),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_cut_off_before_the_deadline(outbound, server, url, flood):
    first, piece = FLOODS[flood]
    server.answers["/"] = endlessly(piece, first=first, stopping=server.stopping)
    assert "TimeoutError" not in failure(outbound, url, max_bytes=100_000)


DRIPS = {
    "nothing": (b"", b""),
    "the status line": (b"", b"x"),
    "a header": (HEAD, b"x"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "the body": (HEAD + b"Content-Length: 100000\r\n\r\n", b"x"),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "redirects": (b"HTTP/1.1 302 Found\r\nLocation: ", b"/"),
}


@pytest.mark.parametrize("drip", DRIPS)
def test_a_drip_ends_at_the_deadline(server, certificate, url, drip):
    first, piece = DRIPS[drip]
    server.answers["/"] = endlessly(piece, pause_seconds=0.02, first=first, stopping=server.stopping)
    outbound = Outbound(
        allowed_networks=LOOPBACK, ca_file=certificate, resolve=at("127.0.0.1"), total_seconds=0.3
    )
    began = time.monotonic()
    assert "TimeoutError" in failure(outbound, url)
    assert time.monotonic() - began < PATIENCE_SECONDS


def test_the_deadline_is_for_all_redirects_together(server, certificate, url):
    def slowly(connection):
        if not server.stopping.wait(0.2):
            connection.sendall(answer(status="302 Found", Location="/"))

    server.answers["/"] = slowly
    outbound = Outbound(
        allowed_networks=LOOPBACK, ca_file=certificate, resolve=at("127.0.0.1"), total_seconds=0.5
    )
    assert "redirects" not in failure(outbound, url)


def test_a_server_that_never_begins_tls_is_left_at_the_deadline(certificate):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        outbound = Outbound(
            allowed_networks=LOOPBACK, ca_file=certificate, resolve=at("127.0.0.1"), total_seconds=0.2
        )
        began = time.monotonic()
        failure(outbound, f"https://{HOST}:{listener.getsockname()[1]}/")
        assert time.monotonic() - began < PATIENCE_SECONDS


def test_a_server_that_takes_no_connection_is_left_when_patience_ends(certificate):
    """Its queue is full, so what asks to connect is not even answered."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        outbound = Outbound(allowed_networks=LOOPBACK, resolve=at("127.0.0.1"), connect_seconds=0.2)
        began = time.monotonic()
        failure(outbound, f"https://{HOST}:{port}/")
        assert time.monotonic() - began < PATIENCE_SECONDS
        for each in waiting:
            each.close()


def test_a_resolver_that_never_answers_is_left_at_the_deadline():
    over = threading.Event()

    def never(host, port):
        over.wait()
        return []

    began = time.monotonic()
    failure(Outbound(resolve=never, total_seconds=0.1), "https://issuer.example/")
    assert time.monotonic() - began < PATIENCE_SECONDS
    over.set()


def test_many_may_ask_at_once(outbound, server, url):
    server.answers["/"] = answer(b"x" * 10_000)
    bodies = []
    threads = [threading.Thread(target=lambda: bodies.append(outbound.get(url).body)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bodies == [b"x" * 10_000] * 8
