"""Where key sets come from: a file, or the issuer itself, which is asked no oftener than it must be."""

import json
import os
import threading
from datetime import timedelta

import pytest

from openecr.integrations.oidc_keys import (
    FAILURE_LIFETIME,
    GRACE,
    LIFETIME,
    MAX_ASKING,
    MAX_BYTES,
    MAX_KEYS,
    KeySets,
    KeysUnavailable,
)
from tests.integrations.conftest import HOST
from tests.integrations.serving import answer, serving
from tests.running import Clock

ACCOUNT = "111122223333"
CONFIGURATION = "/id/X/.well-known/openid-configuration"
KEYS = "/id/X/keys"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def issuer(server):
    """As IAM keeps it."""
    return f"{HOST}:{server.port}/id/X"


@pytest.fixture
def key_sets(outbound, clock):
    return KeySets(outbound, {}, clock)


def key_set(*ids):
    return {"keys": [{"kty": "RSA", "kid": each, "n": "n", "e": "AQAB"} for each in ids]}


def publish(server, *ids, path="/id/X", **headers):
    """The issuer has these keys from now on."""
    url = f"https://{HOST}:{server.port}{path}"
    configuration = {"issuer": url, "jwks_uri": f"{url}/keys", "response_types_supported": ["id_token"]}
    server.answers[f"{path}/.well-known/openid-configuration"] = answer(json.dumps(configuration).encode())
    server.answers[f"{path}/keys"] = answer(json.dumps(key_set(*ids)).encode(), **headers)


def unavailable(find, issuer):
    with pytest.raises(KeysUnavailable) as told:
        find(issuer, account=ACCOUNT)
    assert str(told.value) == "The keys of the issuer could not be had."
    return told.value.reason


def asked(server):
    return [request.split()[1] for request in server.requests]


# By asking.


def test_an_issuer_is_asked_for_its_configuration_and_that_for_its_keys(key_sets, server, issuer):
    publish(server, "one")
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("one")
    assert asked(server) == [CONFIGURATION, KEYS]


def test_an_issuer_may_be_named_as_a_token_names_it(key_sets, server, issuer):
    publish(server, "one")
    for name in (issuer, f"https://{issuer}", f"{issuer}/", f"https://{issuer}/"):
        assert key_sets.find(name, account=ACCOUNT) == key_set("one")
    assert len(server.requests) == 2


def test_an_issuer_may_name_itself_with_a_slash_at_the_end(key_sets, server, issuer):
    publish(server, "one")
    configuration = {"issuer": f"https://{issuer}/", "jwks_uri": f"https://{issuer}/keys"}
    server.answers[CONFIGURATION] = answer(json.dumps(configuration).encode())
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("one")


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://other.example/id/X"},
        {"issuer": None},
        {"issuer": ["https://issuer.example"]},
        {"jwks_uri": None},
        {"jwks_uri": 1},
        {"jwks_uri": ""},
        {"jwks_uri": "/keys"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
def test_a_configuration_must_be_the_issuers_and_say_where_the_keys_are(key_sets, server, issuer, changes):
    publish(server, "one")
    configuration = {"issuer": f"https://{issuer}", "jwks_uri": f"https://{issuer}/keys"} | changes
    server.answers[CONFIGURATION] = answer(json.dumps(configuration).encode())
    unavailable(key_sets.find, issuer)
    assert asked(server) == [CONFIGURATION]


def test_a_configuration_must_name_its_issuer_with_https(outbound, clock, server, issuer):
    publish(server, "one")
    for name in (issuer, f"http://{issuer}"):
        configuration = {"issuer": name, "jwks_uri": f"https://{issuer}/keys"}
        server.answers[CONFIGURATION] = answer(json.dumps(configuration).encode())
        unavailable(KeySets(outbound, {}, clock).find, issuer)
    assert set(asked(server)) == {CONFIGURATION}


@pytest.mark.parametrize(
    "place", ["https://169.254.169.254/keys", "https://10.0.0.1/keys", "http://issuer.example/keys"]
)
def test_the_address_of_the_keys_is_judged_like_any_other(key_sets, server, issuer, place):
    publish(server, "one")
    configuration = {"issuer": f"https://{issuer}", "jwks_uri": place}
    server.answers[CONFIGURATION] = answer(json.dumps(configuration).encode())
    unavailable(key_sets.find, issuer)
    assert server.connections == 1


def test_keys_are_not_fetched_without_tls(key_sets, server, issuer):
    """Not where `http` would be allowed either."""
    publish(server, "one")
    with serving(None) as plain:
        plain.answers["/keys"] = answer(json.dumps(key_set("one")).encode())
        configuration = {"issuer": f"https://{issuer}", "jwks_uri": f"http://{HOST}:{plain.port}/keys"}
        server.answers[CONFIGURATION] = answer(json.dumps(configuration).encode())
        unavailable(key_sets.find, issuer)
        assert plain.connections == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"keys": null}',
        b'{"keys": {}}',
        b'{"keys": [1]}',
        b'{"keys": [{}, []]}',
        b'{"keys": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"\xff",
    ],
)
@pytest.mark.parametrize("path", [CONFIGURATION, KEYS])
def test_what_is_no_key_set_or_configuration_is_refused(key_sets, server, issuer, body, path):
    publish(server, "one")
    server.answers[path] = answer(body)
    unavailable(key_sets.find, issuer)


def test_a_key_set_has_a_hundred_keys_at_most(outbound, server, issuer, clock):
    publish(server, *map(str, range(MAX_KEYS)))
    assert len(KeySets(outbound, {}, clock).find(issuer, account=ACCOUNT)["keys"]) == MAX_KEYS
    publish(server, *map(str, range(MAX_KEYS + 1)))
    unavailable(KeySets(outbound, {}, clock).find, issuer)


@pytest.mark.parametrize("path", [CONFIGURATION, KEYS])
def test_a_document_has_256_kib_at_most(outbound, server, issuer, clock, path):
    publish(server, "one")
    body = server.answers[path].partition(b"\r\n\r\n")[2]
    server.answers[path] = answer(body.ljust(MAX_BYTES))
    assert KeySets(outbound, {}, clock).find(issuer, account=ACCOUNT) == key_set("one")
    server.answers[path] = answer(body.ljust(MAX_BYTES + 1))
    assert "longer" in unavailable(KeySets(outbound, {}, clock).find, issuer)


def test_the_reason_is_told_to_the_log_alone(key_sets, server):
    assert "127.0.0.1" in unavailable(key_sets.find, f"{HOST}:{server.port + 1}")


@pytest.mark.parametrize(
    "issuer", ["", "/", "user@issuer.example", "issuer.example#", "https://https://x", "é"]
)
def test_an_issuer_that_is_no_address_is_not_asked(key_sets, server, issuer):
    unavailable(key_sets.find, issuer)
    assert server.connections == 0


# How long an answer is kept.


@pytest.mark.parametrize(
    ("cache_control", "lifetime"),
    [
        (None, timedelta(hours=1)),
        ("public", timedelta(hours=1)),
        ("public, max-age=7200", timedelta(hours=2)),
        ('Max-Age="7200"', timedelta(hours=2)),
        ("max-age=0", timedelta(minutes=5)),
        ("no-store", timedelta(minutes=5)),
        ("max-age=7200, no-cache", timedelta(minutes=5)),
        ("max-age=299", timedelta(minutes=5)),
        ("max-age=301", timedelta(seconds=301)),
        ("max-age=999999999", timedelta(hours=24)),
        ("max-age=-1", timedelta(hours=1)),
        ("x-max-age=7200", timedelta(hours=1)),
        ("s-maxage=7200", timedelta(hours=1)),
    ],
)
def test_an_answer_is_kept_as_long_as_it_says_within_bounds(
    key_sets, server, issuer, clock, cache_control, lifetime
):
    publish(server, "one", Cache_Control=cache_control)
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("one")
    publish(server, "two")

    clock.now += lifetime - timedelta(microseconds=1)
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("one")
    clock.now += timedelta(microseconds=1)
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("two")


def test_a_failure_is_kept_for_a_minute(key_sets, server, issuer, clock):
    server.answers[CONFIGURATION] = answer(status="503 Unavailable")
    assert "503" in unavailable(key_sets.find, issuer)
    publish(server, "one")

    clock.advance(seconds=59.999)
    assert "503" in unavailable(key_sets.find, issuer)
    assert "503" in unavailable(key_sets.refresh, issuer)
    assert len(server.requests) == 1
    clock.advance(seconds=0.001)
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("one")


def test_keys_that_are_over_are_used_for_an_hour_where_they_cannot_be_renewed(
    key_sets, server, issuer, clock
):
    publish(server, "one")
    assert key_sets.find(issuer, account=ACCOUNT)
    server.answers[KEYS] = answer(status="503 Unavailable")

    clock.now += LIFETIME
    asked_before = len(server.requests)
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("one")
    assert len(server.requests) > asked_before
    clock.now += GRACE - timedelta(microseconds=1)
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("one")
    clock.now += timedelta(microseconds=1)
    assert "503" in unavailable(key_sets.find, issuer)

    publish(server, "two")
    clock.now += FAILURE_LIFETIME
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("two")


def test_keys_that_cannot_be_renewed_are_asked_for_once_a_minute(key_sets, server, issuer, clock):
    publish(server, "one")
    key_sets.find(issuer, account=ACCOUNT)
    server.answers[KEYS] = answer(status="503 Unavailable")
    clock.now += LIFETIME
    key_sets.find(issuer, account=ACCOUNT)
    publish(server, "two")
    asked_before = len(server.requests)

    clock.now += FAILURE_LIFETIME - timedelta(microseconds=1)
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("one")
    assert len(server.requests) == asked_before
    clock.now += timedelta(microseconds=1)
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("two")


def test_answers_of_so_many_issuers_are_kept(outbound, clock, server):
    key_sets = KeySets(outbound, {}, clock, max_issuers=3)
    names = [f"{HOST}:{server.port}/{number}" for number in range(4)]
    for number in range(4):
        publish(server, str(number), path=f"/{number}")
    for name in names[:3]:
        key_sets.find(name, account=ACCOUNT)
    key_sets.find(names[0], account=ACCOUNT)  # used again, so another one is the oldest
    key_sets.find(names[3], account=ACCOUNT)
    server.requests.clear()
    for name in (names[0], names[2], names[3]):
        key_sets.find(name, account=ACCOUNT)
    assert server.requests == []
    key_sets.find(names[1], account=ACCOUNT)
    assert len(server.requests) == 2


# An unknown key.


def test_an_issuer_is_asked_anew_for_an_unknown_key_but_once_a_minute(key_sets, server, issuer, clock):
    publish(server, "one")
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("one")
    publish(server, "two")

    clock.advance(seconds=59.999)
    assert key_sets.refresh(issuer, account=ACCOUNT) == key_set("one")
    assert len(server.requests) == 2
    clock.advance(seconds=0.001)
    assert key_sets.refresh(issuer, account=ACCOUNT) == key_set("two")
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("two")

    publish(server, "three")
    clock.advance(seconds=59.999)
    assert key_sets.refresh(issuer, account=ACCOUNT) == key_set("two")
    clock.advance(seconds=0.001)
    assert key_sets.refresh(issuer, account=ACCOUNT) == key_set("three")


def test_an_unknown_key_costs_nobody_the_known_ones(key_sets, server, issuer, clock):
    publish(server, "one")
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("one")
    server.answers[KEYS] = answer(status="503 Unavailable")
    clock.advance(minutes=5)
    assert key_sets.refresh(issuer, account=ACCOUNT) == key_set("one")
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("one")

    publish(server, "two")
    clock.advance(seconds=59.999)
    assert key_sets.refresh(issuer, account=ACCOUNT) == key_set("one")  # that it failed was a question too
    clock.advance(seconds=0.001)
    assert key_sets.refresh(issuer, account=ACCOUNT) == key_set("two")


def test_an_issuer_never_found_may_be_refreshed(key_sets, server, issuer):
    publish(server, "one")
    assert key_sets.refresh(issuer, account=ACCOUNT) == key_set("one")


# Many at once.


class Gate:
    """An answer that waits until it may go on, and lets a test wait until it was asked for."""

    def __init__(self, given):
        self.given = given
        self.reached = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self, connection):
        self.reached.release()
        assert self.open.wait(5)
        connection.sendall(self.given)


def in_thread(find, issuer, account, told):
    def run():
        try:
            told.append(find(issuer, account=account))
        except KeysUnavailable as error:
            told.append(error.reason)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def slow(server, path):
    """An issuer there that answers when it is let."""
    publish(server, "slow", path=path)
    configuration = f"{path}/.well-known/openid-configuration"
    gate = server.answers[configuration] = Gate(server.answers[configuration])
    return gate


def test_one_thread_asks_and_those_of_other_accounts_wait_for_its_answer(key_sets, server, issuer):
    publish(server, "one")
    gate = server.answers[CONFIGURATION] = Gate(server.answers[CONFIGURATION])
    told = []
    threads = [in_thread(key_sets.find, issuer, f"account {number}", told) for number in range(MAX_ASKING)]
    assert gate.reached.acquire(timeout=5)
    gate.open.set()
    for thread in threads:
        thread.join()
    assert told == [key_set("one")] * MAX_ASKING
    assert asked(server) == [CONFIGURATION, KEYS]


def test_few_may_wait_and_who_comes_then_is_told_so(key_sets, server, issuer):
    """Slow issuers must not take all threads; those that are known already are found meanwhile."""
    publish(server, "known", path="/known")
    known = f"{HOST}:{server.port}/known"
    assert key_sets.find(known, account=ACCOUNT) == key_set("known")

    gates = [slow(server, f"/{number}") for number in range(MAX_ASKING)]
    told = []
    threads = [
        in_thread(key_sets.find, f"{HOST}:{server.port}/{number}", f"account {number}", told)
        for number in range(MAX_ASKING)
    ]
    for gate in gates:
        assert gate.reached.acquire(timeout=5)

    publish(server, "one")
    assert "too many" in unavailable(key_sets.find, issuer)
    assert key_sets.find(known, account=ACCOUNT) == key_set("known")
    for gate in gates:
        gate.open.set()
    for thread in threads:
        thread.join()
    assert told == [key_set("slow")] * MAX_ASKING
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("one")  # being told so is no failure of it


def test_the_slow_issuers_of_one_account_keep_no_other_from_its_own(key_sets, server, issuer):
    publish(server, "one")
    gate, _ = slow(server, "/0"), slow(server, "/1")
    told = []
    thread = in_thread(key_sets.find, f"{HOST}:{server.port}/0", "another", told)
    assert gate.reached.acquire(timeout=5)

    with pytest.raises(KeysUnavailable) as refused:
        key_sets.find(f"{HOST}:{server.port}/1", account="another")
    assert "too many" in refused.value.reason
    assert key_sets.find(issuer, account=ACCOUNT) == key_set("one")
    gate.open.set()
    thread.join()
    assert told == [key_set("slow")]


def test_keys_that_are_over_are_used_while_others_ask(key_sets, server, issuer, clock):
    publish(server, "one")
    key_sets.find(issuer, account=ACCOUNT)
    clock.now += LIFETIME
    gate, told = slow(server, "/0"), []
    thread = in_thread(key_sets.find, f"{HOST}:{server.port}/0", ACCOUNT, told)
    assert gate.reached.acquire(timeout=5)

    assert key_sets.find(issuer, account=ACCOUNT) == key_set("one")
    assert "too many" in unavailable(key_sets.refresh, issuer)  # not told that the key is unknown: it may be
    clock.now += GRACE
    unavailable(key_sets.find, issuer)
    gate.open.set()
    thread.join()


# From files.


@pytest.fixture
def file(tmp_path):
    return tmp_path / "keys.json"


@pytest.fixture
def from_file(outbound, clock, file):
    return KeySets(outbound, {"https://cluster.example/": file}, clock)


def test_an_issuer_with_a_file_is_not_asked(from_file, file, server):
    file.write_text(json.dumps(key_set("one")))
    for name in ("cluster.example", "https://cluster.example", "https://cluster.example/"):
        assert from_file.find(name, account=ACCOUNT) == key_set("one")
        assert from_file.refresh(name, account=ACCOUNT) == key_set("one")
    assert server.connections == 0
    unavailable(from_file.find, "cluster.example/path")


def test_a_file_is_read_again_when_it_changes(from_file, file):
    file.write_text(json.dumps(key_set("one")))
    first = from_file.find("cluster.example", account=ACCOUNT)
    assert from_file.find("cluster.example", account=ACCOUNT) is first

    file.write_text(json.dumps(key_set("one", "two")))  # another size
    assert from_file.find("cluster.example", account=ACCOUNT) == key_set("one", "two")

    was = file.stat()
    replacement = file.with_name("new.json")
    replacement.write_text(json.dumps(key_set("two", "one")))  # the same size, the same times
    os.utime(replacement, ns=(was.st_atime_ns, was.st_mtime_ns))
    replacement.replace(file)
    assert file.stat().st_size == was.st_size
    assert from_file.find("cluster.example", account=ACCOUNT) == key_set("two", "one")

    file.write_text(json.dumps(key_set("six", "one")))  # in place, the same size
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns + 1))
    assert from_file.find("cluster.example", account=ACCOUNT) == key_set("six", "one")


def test_a_mounted_file_is_read_where_its_links_point_now(outbound, clock, tmp_path):
    """As Kubernetes mounts a ConfigMap: keys.json → ..data/keys.json, ..data → ..2026_01_02."""
    for name in ("..one", "..two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keys.json").write_text(json.dumps(key_set(name[2:])))
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / "keys.json").symlink_to("..data/keys.json")
    key_sets = KeySets(outbound, {"cluster.example": tmp_path / "keys.json"}, clock)
    assert key_sets.find("cluster.example", account=ACCOUNT) == key_set("one")

    (tmp_path / "..next").symlink_to("..two")
    (tmp_path / "..next").replace(tmp_path / "..data")
    assert key_sets.find("cluster.example", account=ACCOUNT) == key_set("two")


def test_a_file_that_is_no_key_set_is_told_and_may_be_mended(from_file, file):
    assert "No such file" in unavailable(from_file.find, "cluster.example")
    file.write_text("{")
    assert "JSON" in unavailable(from_file.find, "cluster.example")
    file.write_text(json.dumps(key_set(*map(str, range(MAX_KEYS + 1)))))
    unavailable(from_file.find, "cluster.example")
    file.write_text(json.dumps(key_set("one")).ljust(MAX_BYTES + 1))
    assert "longer" in unavailable(from_file.find, "cluster.example")
    file.write_text(json.dumps(key_set("one")).ljust(MAX_BYTES))
    assert from_file.find("cluster.example", account=ACCOUNT) == key_set("one")
    file.unlink()
    unavailable(from_file.find, "cluster.example")


def test_a_folder_is_no_file(outbound, clock, tmp_path):
    unavailable(KeySets(outbound, {"cluster.example": tmp_path}, clock).find, "cluster.example")
