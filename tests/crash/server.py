"""openecr as a process that may be killed, and started again on what it left."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Timer
from typing import Any

import boto3
from botocore.config import Config

START_SECONDS = 30
START_LIMIT_SECONDS = 5
"""After a crash a server must answer again in this time (reliability.md A1)."""
DEATH_SECONDS = 30
FSCK_SECONDS = 120
OPENECR = (sys.executable, "-m", "openecr")
READY = re.compile(r"^ready\b.*:(\d+)")


class Server:
    """A server on the data directory, from here until it dies or is stopped.

    failpoints  as in FAILPOINTS
    port        0: any free one
    under       a command that runs the server, such as strace
    jobs        False: it does what it is asked and nothing by itself
    """

    def __init__(
        self,
        data: Path,
        *,
        failpoints: str = "",
        port: int = 0,
        under: Sequence[str] = (),
        jobs: bool = True,
    ) -> None:
        began = time.monotonic()
        self.log = data.parent / f"{data.name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*under, *OPENECR, "serve", "--dev", "--port", str(port), "--data-dir", data],
                env={**environment(), "FAILPOINTS": failpoints, "OPENECR_JOBS": str(jobs).lower()},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.port = self._wait_until_ready()
        self.start_seconds = time.monotonic() - began

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def create_repository(self, name: str) -> str:
        """Returns its ARN."""
        ecr = boto3.client(
            "ecr",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="anybody",
            aws_secret_access_key="anything",
            config=Config(retries={"total_max_attempts": 1}),
        )
        arn: str = ecr.create_repository(repositoryName=name)["repository"]["repositoryArn"]
        return arn

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> None:
        """Let it end by itself, which it must do well."""
        self.process.send_signal(signal.SIGTERM)
        assert self.wait() == 0, self.log.read_text()[-5000:]

    def wait(self) -> int:
        """Its exit code, or the signal it died by, as a negative number."""
        code = self.process.wait(DEATH_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *failure: object) -> None:
        if self.process.returncode is None:
            self.kill()

    def _wait_until_ready(self) -> int:
        assert self.process.stdout is not None
        giving_up = Timer(START_SECONDS, self.process.kill)
        giving_up.start()
        try:
            for line in self.process.stdout:
                if ready := READY.match(line):
                    return int(ready[1])
        finally:
            giving_up.cancel()
        self.wait()
        raise AssertionError("The server did not start: " + self.log.read_text()[-5000:])


def fsck(data: Path, journal: Path) -> tuple[int, str]:
    """`openecr fsck --deep --journal`: its exit code and what it printed."""
    ended = subprocess.run(
        [*OPENECR, "fsck", "--deep", "--data-dir", data, "--journal", journal],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=FSCK_SECONDS,
    )
    return ended.returncode, ended.stdout + ended.stderr


def environment() -> dict[str, Any]:
    """Nothing of the user's settings, nor of a test around this one."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("OPENECR_") and name not in ("FAILPOINTS", "COV_CORE_SOURCE")
    }
