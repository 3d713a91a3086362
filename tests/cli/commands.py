"""The command `openecr` as somebody at a terminal has it: typed, read, interrupted."""

import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config

from tests.clients.programs import Daemon
from tests.running import Key

OPENECR = (sys.executable, "-m", "openecr")
LIMIT_SECONDS = 30  # for a command that ends
EXPORT = re.compile(r" *export (\w+)=(.*)\n")
READY = r"^ready: (http\S+)$"


def openecr(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command that ends: its code, what it printed and what it complained of."""
    return subprocess.run(
        [*OPENECR, *map(str, arguments)],
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )


class Serving:
    """`openecr serve` on a free port, that has said it is ready."""

    def __init__(self, daemon: Daemon):
        self.daemon = daemon
        self.url = daemon.ready[1]
        self.lines = [line.strip() for line in daemon.said]
        self.exports = dict(found.groups() for line in daemon.said if (found := EXPORT.fullmatch(line)))

    @property
    def key(self) -> Key:
        """The one it printed."""
        return self.exports["AWS_ACCESS_KEY_ID"], self.exports["AWS_SECRET_ACCESS_KEY"]

    def repositories(self, key: Key) -> list[str]:
        """The ARNs of the repositories that the owner of the key has."""
        described = self.client(key).describe_repositories()["repositories"]
        return [each["repositoryArn"] for each in described]

    def password(self, key: Key) -> str:
        """What `docker login` is given."""
        [data] = self.client(key).get_authorization_token()["authorizationData"]
        return base64.b64decode(data["authorizationToken"]).decode().removeprefix("AWS:")

    def made_access_key(self, key: Key) -> Key:
        """Another key of the owner of that one."""
        made = self.client(key, "iam").create_access_key()["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]

    def client(self, key: Key, service: str = "ecr"):
        return boto3.client(
            service,
            endpoint_url=self.url,
            aws_access_key_id=key[0],
            aws_secret_access_key=key[1],
            aws_session_token=key[2] if len(key) > 2 else None,
            region_name=self.exports["AWS_REGION"],
            config=Config(retries={"total_max_attempts": 1}),
        )


@contextmanager
def serving(*flags: object, **variables: str) -> Iterator[Serving]:
    """A server, from here to the end of the block. It must end well when it is asked to."""
    command = [*OPENECR, "serve", *map(str, flags)]
    if "--port" not in flags:
        command += ["--port", "0"]
    daemon = Daemon(*command, ready=READY, environment=environment(**variables))
    try:
        yield Serving(daemon)
        assert daemon.stop() == 0, daemon.said
    finally:
        daemon.kill()


def environment(**variables: str) -> dict[str, str]:
    """Nothing of the user's settings, nor of a test around this one."""
    return {"PATH": os.environ["PATH"], "HOME": os.devnull, **variables}


def children(pid: int) -> list[int]:
    """The processes that a process has made and that have not ended."""
    return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
