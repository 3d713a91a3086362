"""Everything under `/-/`: health, metrics, layers by a signed URL, logos."""

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from multidict import CIMultiDict

from openecr.domain.logo import Logo
from openecr.errors import ServiceUnavailable
from openecr.identity.tokens import Tokens, make_token_key
from openecr.port import FileRange, Request
from openecr.server.downloads import Downloads
from openecr.server.logos import Logos
from openecr.server.own import OwnFront
from openecr.server.telemetry import AuditFile, Exposition, Log, Telemetry

DIGEST = "sha256:" + "a" * 64
NOW = datetime(2026, 11, 21, tzinfo=UTC)
LOGO = Logo("image/png", b"a picture")
TOKENS = Tokens([make_token_key()])


def find_layer(repository_id, digest):
    return ("/blobs/one", 100) if (repository_id, digest) == (7, DIGEST) else None


def find_logo(sha256):
    return LOGO if sha256 == LOGO.sha256 else None


def front(*, now=NOW, checks=None, sources=()):
    downloads = Downloads(TOKENS, find_layer, lambda: now)
    return OwnFront(Exposition(list(sources)), downloads, Logos(find_logo), checks or {})


def ask(path, *, method="GET", to=None, **headers):
    request = Request("id", method, path, "", CIMultiDict(headers), "", "http", None)
    return asyncio.run((to or front()).handle(request))


def url(repository_id=7, digest=DIGEST):
    return "/-/layers/" + TOKENS.sign_download(repository_id, digest, NOW + timedelta(hours=1))


# Layers.


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_signed_url_opens_its_layer(method):
    answer = ask(url(), method=method)
    assert (answer.status, answer.body) == (200, FileRange("/blobs/one", 0, 100, 100))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Docker-Content-Digest"] == DIGEST


def test_a_part_of_a_layer():
    answer = ask(url(), Range="bytes=10-19")
    assert (answer.status, answer.body) == (206, FileRange("/blobs/one", 10, 10, 100))
    assert answer.headers["Content-Range"] == "bytes 10-19/100"


def test_a_part_beyond_the_layer():
    answer = ask(url(), Range="bytes=100-")
    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */100")


def test_a_part_of_another_layer_is_not_taken_for_one_of_this():
    assert ask(url(), **{"Range": "bytes=10-", "If-Range": f'"{DIGEST}"'}).status == 206
    assert ask(url(), **{"Range": "bytes=10-", "If-Range": '"sha256:b"'}).status == 200


@pytest.mark.parametrize(
    "change", [lambda text: text[:-1], lambda text: text + "A", lambda text: "", str.upper]
)
def test_a_url_that_is_not_ours_opens_nothing(change):
    prefix, _, signed = url().rpartition("/")
    assert ask(f"{prefix}/{change(signed)}").status == 403


def test_a_url_is_good_until_its_time_is_over():
    assert ask(url(), to=front(now=NOW + timedelta(seconds=3599))).status == 200
    expired = ask(url(), to=front(now=NOW + timedelta(hours=1)))
    assert (expired.status, expired.body) == (403, b"Request has expired\n")


def test_a_layer_that_has_left_the_repository_is_gone():
    assert ask(url(repository_id=8)).status == 404
    assert ask(url(digest="sha256:" + "b" * 64)).status == 404


# Logos.


LOGO_PATH = f"/-/logos/{LOGO.sha256.hex()}"


def test_a_logo_is_told_what_it_is_and_may_do_nothing():
    answer = ask(LOGO_PATH)
    assert (answer.status, answer.body) == (200, b"a picture")
    assert answer.headers == {
        "Content-Type": "image/png",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "public, max-age=3600",
        "ETag": f'"{LOGO.sha256.hex()}"',
    }


@pytest.mark.parametrize("condition", ['"{}"', 'W/"{}"', '"other", "{}"', "*"])
def test_a_logo_that_the_client_has_is_not_sent_again(condition):
    answer = ask(LOGO_PATH, **{"If-None-Match": condition.format(LOGO.sha256.hex())})
    assert (answer.status, answer.body) == (304, None)
    assert answer.headers.keys() == {"ETag", "Cache-Control"}


@pytest.mark.parametrize("condition", ['"other"', "", LOGO.sha256.hex()])
def test_a_logo_that_the_client_has_another_of_is_sent(condition):
    assert ask(LOGO_PATH, **{"If-None-Match": condition}).status == 200


def test_a_logo_is_not_read_while_all_others_wait():
    readers = []

    def find(sha256):
        readers.append(threading.get_ident())
        return LOGO

    asyncio.run(Logos(find).handle(Request("id", "GET", LOGO_PATH, "", CIMultiDict(), "", "http", None)))
    assert len(readers) == 1
    assert readers != [threading.get_ident()]


@pytest.mark.parametrize(
    "path",
    [
        "/-/logos/",
        LOGO_PATH + "/",
        LOGO_PATH + "0",
        LOGO_PATH[:-1],
        LOGO_PATH.upper(),
        f"/-/logos/{'0' * 64}",
        "/-/logos/../../etc/passwd",
        LOGO_PATH[:-2] + "%41",
    ],
)
def test_what_is_no_logo_is_not_there(path):
    assert ask(path).status == 404
    assert ask(path, **{"If-None-Match": "*"}).status == 404


@pytest.mark.parametrize("path", [url(), LOGO_PATH, "/-/healthz", "/-/readyz", "/-/metrics"])
def test_what_can_only_be_read_is_only_read(path):
    answer = ask(path, method="DELETE")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


# Health.


def test_health():
    assert ask("/-/healthz").body == b"ok\n"
    assert ask("/-/readyz").body == b"ready\n"
    assert ask("/-/other").status == 404


def test_a_server_whose_stores_do_not_answer_is_alive_and_not_ready():
    def busy():
        raise ServiceUnavailable

    def broken():
        raise OSError("no disk")

    for check in (busy, broken):
        to = front(checks={"database": check})
        assert ask("/-/healthz", to=to).status == 200
        answer = ask("/-/readyz", to=to)
        assert (answer.status, answer.body[:9]) == (503, b"database:")


# Metrics.


def test_answers_are_counted(tmp_path):
    with (tmp_path / "log").open("w") as stream:
        log = Log("json", stream)
        telemetry = Telemetry(log, access_log=True)
        audit = AuditFile(tmp_path / "audit.jsonl", log)
        asked = Request("id", "GET", "/v2/", "", CIMultiDict(), "127.0.0.1", "http", None)
        for seconds in (0.0005, 0.003, 100.0):
            telemetry.answered("oci", asked, 200, 10, seconds)
        telemetry.malformed("127.0.0.1", "nonsense")
        telemetry.crashed(asked, RuntimeError("a mistake"))
        answer = ask("/-/metrics", to=front(sources=[telemetry.families, audit.families]))
        audit.close()
        log.close()

    text = answer.body.decode()
    for line in (
        'openecr_http_requests_total{front="oci",method="GET",status="200"} 3.0',
        'openecr_http_request_seconds_bucket{front="oci",le="0.001"} 1.0',
        'openecr_http_request_seconds_bucket{front="oci",le="0.005"} 2.0',
        'openecr_http_request_seconds_bucket{front="oci",le="+Inf"} 3.0',
        'openecr_http_request_seconds_count{front="oci"} 3.0',
        'openecr_http_sent_bytes_total{front="oci"} 30.0',
        "openecr_http_malformed_total 1.0",
        "openecr_crashes_total 1.0",
        "openecr_audit_lost_records_total 0.0",
    ):
        assert line in text.splitlines()
    assert answer.headers["Content-Type"].startswith("text/plain")
    events = [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines()]
    assert events == ["request", "request", "request", "malformed", "crashed"]
