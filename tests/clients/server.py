"""openecr as its users have it: a process, an address, an access key."""

import base64
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

from tests.clients.programs import Daemon, Program

ACCESS_KEY_ID = "AKIACLIENTSCLIENTS00"
SECRET_ACCESS_KEY = "a-secret-that-only-the-tests-of-clients-know"
ACCOUNT = "000000000000"
REGION = "us-east-1"

Key = tuple[str, str] | tuple[str, str, str]
"""Access key id, secret and, of temporary credentials, session token."""

ROOT = (ACCESS_KEY_ID, SECRET_ACCESS_KEY)


class Server:
    """A server of its own, on a free port, from here until `stop()`.

    address   host and port as image names begin with; `url` is the same for an SDK
    exports   the lines that it prints to be pasted into a shell
    settings  what it is told beside the key of its root
    """

    def __init__(self, data: Path, settings: Mapping[str, str] | None = None):
        self._data = data
        self._settings = settings or {}
        self.start()

    def start(self) -> None:
        """Start it, or start it once more on what it had stored; the port will be another."""
        self._daemon = Daemon(
            sys.executable, "-m", "openecr", "serve", "--port", "0", "--data-dir", self._data,
            ready=r"^ready\b.*:(\d+)",
            environment={
                **os.environ,
                "OPENECR_ROOT_ACCESS_KEY_ID": ACCESS_KEY_ID,
                "OPENECR_ACCESS_LOG": "true",  # the tests look into it
                "OPENECR_ROOT_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
                **self._settings,
            },
        )  # fmt: skip
        self.exports = "".join(line for line in self._daemon.said if re.match(r" *export ", line))
        self.address = f"localhost:{self._daemon.ready[1]}"
        self.url = f"http://{self.address}"

    def stop(self) -> None:
        """End it, and see that it ends well and that no client met a fault of its own."""
        assert self._daemon.stop() == 0
        faults = [line for line in self._daemon.said if re.search(r"\bstatus=5\d\d\b|Traceback", line)]
        assert faults == []

    def kill(self) -> None:
        self._daemon.kill()

    def account(self, number: str) -> Key:
        """A new account with that number: the key of its root."""
        openecr = Program((sys.executable, "-m", "openecr"), os.environ)
        told = openecr("account", "create", "--account", number, "--data-dir", self._data)
        id, secret = re.findall(r"^export [A-Z_]+=(.+)$", told, re.MULTILINE)
        return id, secret

    def client(self, service: str, region: str = REGION, *, key: Key = ROOT) -> Any:
        """boto3's client for a service, signing with that key."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=key[0],
            aws_secret_access_key=key[1],
            aws_session_token=key[2] if len(key) > 2 else None,
        )

    def log_in(self, program: Program, *, key: Key = ROOT, address: str | None = None) -> None:
        """Log a client in, as its user would; to the server by that name of it."""
        program(
            "login", "--username=AWS", "--password-stdin", address or self.address,
            stdin=self.password(key=key),
        )  # fmt: skip

    def password(self, region: str = REGION, *, key: Key = ROOT) -> str:
        """What logs a client in to the private registry of a region; the user name is AWS."""
        answer = self.client("ecr", region, key=key).get_authorization_token()
        return _password(answer["authorizationData"][0])

    def public_password(self) -> str:
        """The same for the public registry."""
        answer = self.client("ecr-public").get_authorization_token()
        return _password(answer["authorizationData"])

    def resident_mib(self, what: str) -> float:
        """Its memory: `VmRSS`, what it holds now, or `VmHWM`, the most it held since `forget_peak()`."""
        status = Path(f"/proc/{self._daemon.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith(f"{what}:"))
        return int(line.split()[1]) / 1024

    def forget_peak(self) -> None:
        """Let VmHWM begin again at VmRSS. Source: proc(5), /proc/pid/clear_refs."""
        Path(f"/proc/{self._daemon.pid}/clear_refs").write_text("5")


def _password(authorization: dict[str, Any]) -> str:
    user, _, password = base64.b64decode(authorization["authorizationToken"]).decode().partition(":")
    assert user == "AWS"
    return password
