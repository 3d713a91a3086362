"""`openecr serve` as a user meets it: a process that says where it is, answers, and ends in order."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server.certificates import make_certificate
from tests.server.serving import PATIENCE_SECONDS, Raw

HEALTH = "GET /-/healthz HTTP/1.1\nHost: localhost\n\n"


class Process:
    def __init__(self, *flags, **variables):
        environ = {name: value for name, value in os.environ.items() if not name.startswith("OPENECR_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "openecr", *flags],
            env=environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = []

    def wait_until_ready(self):
        for line in self.process.stdout:
            self.said.append(line.strip())
            if line.startswith("ready"):
                return int(re.search(r":([0-9]+)$", line.strip())[1])
        raise AssertionError(self.process.stderr.read())

    def wait_for_error(self, text):
        assert any(text in line for line in self.process.stderr)

    def end(self, number=signal.SIGTERM):
        """Its exit code, and what it said on standard error."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        _, errors = self.process.communicate(timeout=3 * PATIENCE_SECONDS)
        return self.process.returncode, errors


@contextmanager
def started(*flags, **variables):
    process = Process("serve", "--port", "0", *flags, **variables)
    try:
        yield process
    finally:
        process.process.kill()
        process.process.communicate()


def exports(process):
    return dict(
        line.removeprefix("export ").split("=", 1) for line in process.said if line.startswith("export ")
    )


def children_of(process):
    with open(f"/proc/{process}/task/{process}/children") as children:
        return [int(child) for child in children.read().split()]


def is_running(process):
    return os.path.exists(f"/proc/{process}")


def is_listening(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS).close()
    except ConnectionError:  # refused; or reset, if it stopped between the two
        return False
    return True


def answered_by(port):
    """The certificate of a server that answered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    with Raw(port, context) as client:
        assert client.socket.selected_alpn_protocol() == "http/1.1"
        client.send(HEALTH)
        assert client.answer().body == b"ok\n"
        return client.socket.getpeercert(binary_form=True)


def test_a_server_says_how_to_reach_it_and_shows_its_key_once(tmp_path):
    data = tmp_path / "data"
    with started("--data-dir", str(data), OPENECR_ACCESS_LOG="true") as process:
        port = process.wait_until_ready()
        with Raw(port) as client:
            client.send(HEALTH)
            assert client.answer().body == b"ok\n"
        told = exports(process)
        assert told["AWS_ENDPOINT_URL_ECR"] == f"http://localhost:{port}"
        assert told["AWS_REGION"] == "us-east-1"
        assert re.fullmatch(r"AKIA[A-Z2-7]{16}", told["AWS_ACCESS_KEY_ID"])
        assert len(told["AWS_SECRET_ACCESS_KEY"]) == 40
        assert any(str(data) in line for line in process.said)
        code, errors = process.end()
        assert code == 0
        assert "path=/-/healthz status=200" in errors
    assert (data / "master.key").stat().st_mode & 0o777 == 0o600

    with started("--data-dir", str(data), "--log-format", "json") as process:
        process.wait_until_ready()
        assert "AWS_SECRET_ACCESS_KEY" not in exports(process)
        assert process.end(signal.SIGINT) == (0, "")


def test_a_server_that_is_told_to_stop_finishes_what_is_under_way(tmp_path):
    form = b"grant_type=password&service=x&username=AWS&password=any"
    with started("--data-dir", str(tmp_path), "--dev") as process:
        port = process.wait_until_ready()
        assert any("WARNING" in line for line in process.said)
        with Raw(port) as client, Raw(port) as idle:
            idle.send(HEALTH)
            idle.answer()
            client.send(
                "POST /token/ HTTP/1.1\nHost: localhost\nExpect: 100-continue\n"
                f"Content-Type: application/x-www-form-urlencoded\nContent-Length: {len(form)}\n\n"
            )
            assert client.answer().status == 100
            client.send_bytes(form[:10])

            process.process.send_signal(signal.SIGTERM)
            assert idle.is_closed()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
            client.send_bytes(form[10:])
            answer = client.answer()
            assert (answer.status, answer.headers["Connection"]) == (200, "close")
        assert process.wait() == (0, "")


def test_a_second_signal_cuts_it_short(tmp_path):
    with started("--data-dir", str(tmp_path)) as process:
        port = process.wait_until_ready()
        with Raw(port) as client:
            client.send("POST /token/ HTTP/1.1\nHost: a\nContent-Length: 10\nExpect: 100-continue\n\n")
            assert client.answer().status == 100
            process.process.send_signal(signal.SIGTERM)
            while is_listening(port):
                assert process.process.poll() is None
            assert process.end() == (0, "")


def test_workers_share_the_port_and_are_replaced(tmp_path):
    with started("--data-dir", str(tmp_path), "--workers", "2") as process:
        port = process.wait_until_ready()
        children = children_of(process.process.pid)
        assert len(children) == 2

        os.kill(children[0], signal.SIGKILL)
        while len(now := children_of(process.process.pid)) < 2 or now == children:
            assert process.process.poll() is None
        for _ in range(20):  # the kernel spreads them over both
            with Raw(port) as client:
                client.send(HEALTH)
                assert client.answer().status == 200
        code, errors = process.end()
        assert (code, errors) == (0, "worker 0 ended with -9\n")
    assert not any(is_running(child) for child in now)


@pytest.fixture
def tls(tmp_path):
    """A server with a certificate, and where that and its key are."""
    certificate, key = make_certificate(tmp_path / "1")
    with started(
        "--data-dir",
        str(tmp_path / "data"),
        OPENECR_TLS_CERTIFICATE=str(certificate),
        OPENECR_TLS_KEY=str(key),
    ) as process:
        yield process, certificate, key


def reload_until_changed(process, port, before):
    process.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + PATIENCE_SECONDS
    while answered_by(port) == before:
        assert time.monotonic() < until


def test_a_new_certificate_is_taken_without_a_restart(tls, tmp_path):
    process, *_ = tls
    port = process.wait_until_ready()
    assert exports(process)["AWS_ENDPOINT_URL_ECR"] == f"https://localhost:{port}"
    before = answered_by(port)
    make_certificate(tmp_path / "1")
    reload_until_changed(process, port, before)
    assert process.end()[0] == 0


def test_a_certificate_without_its_key_leaves_the_one_before_in_use(tls, tmp_path):
    process, certificate, key = tls
    port = process.wait_until_ready()
    before = answered_by(port)
    other, its_key = make_certificate(tmp_path / "2")
    other.replace(certificate)
    process.process.send_signal(signal.SIGHUP)
    process.wait_for_error("certificate not read")
    assert answered_by(port) == before
    its_key.replace(key)
    reload_until_changed(process, port, before)
    assert process.end()[0] == 0


def test_it_leaves_no_core_for_it_would_hold_secrets(tmp_path):
    with started("--data-dir", str(tmp_path / "data")) as process:
        process.wait_until_ready()
        limits = Path(f"/proc/{process.process.pid}/limits").read_text()
        assert re.search(r"^Max core file size +0 ", limits, re.MULTILINE)
        assert process.end()[0] == 0


FAULTS = [
    (["--host", "203.0.113.1"], {}, "cannot listen on 203.0.113.1"),
    ([], {"OPENECR_MASTER_KEY": "short"}, "64 hexadecimal digits"),
    ([], {"OPENECR_TLS_CERTIFICATE": "/nowhere.pem"}, "No such file"),
]


@pytest.mark.parametrize(("flags", "variables", "told"), FAULTS, ids=[told for *_, told in FAULTS])
def test_what_keeps_it_from_starting_is_told_in_a_line(tmp_path, flags, variables, told):
    code, errors = Process("serve", "--port", "0", "--data-dir", str(tmp_path), *flags, **variables).wait()
    assert code == 2
    assert told in errors
    assert errors.count("\n") == 1


def test_a_port_that_is_taken_is_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for workers in ("1", "2"):
            process = Process("serve", "--port", port, "--workers", workers, "--data-dir", str(tmp_path))
            code, errors = process.wait()
            assert code == 2
            assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in errors
