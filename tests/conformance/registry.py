"""The registry that is judged: the one in the environment, or an openecr started for the purpose."""

import base64
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import boto3

READY = re.compile(r"^ready\b.*:(\d+)")
STOP_SECONDS = 30


@contextmanager
def registry(environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """OCI_… variables for a registry that answers; where OCI_REGISTRY is not set, an openecr runs meanwhile.

    Of ours everything is asked: the version is dev unless OCI_VERSION says otherwise.
    """
    if environment.get("OCI_REGISTRY"):
        yield dict(environment)
        return
    with tempfile.TemporaryDirectory() as folder, _openecr(Path(folder)) as port:
        repositories = {
            "OCI_REPO1": environment.get("OCI_REPO1", "conformance/repo1"),
            "OCI_REPO2": environment.get("OCI_REPO2", "conformance/repo2"),
        }
        password = _prepare(f"http://localhost:{port}", repositories.values())
        yield {
            "OCI_VERSION": "dev",
            **environment,
            **repositories,
            "OCI_REGISTRY": f"localhost:{port}",
            "OCI_TLS": "disabled",
            "OCI_USERNAME": "AWS",
            "OCI_PASSWORD": password,
        }


def asked(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that decide which cases there are, known before a registry is: see registry()."""
    return dict(environment) if environment.get("OCI_REGISTRY") else {"OCI_VERSION": "dev", **environment}


@contextmanager
def _openecr(folder: Path) -> Iterator[int]:
    """A server with its data in the folder, until the block ends; gives its port."""
    arguments = ("serve", "--dev", "--port", "0", "--data-dir", str(folder / "data"))
    with (
        (folder / "log").open("w+") as log,
        subprocess.Popen(
            [sys.executable, "-m", "openecr", *arguments],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        ) as server,
    ):
        try:
            assert server.stdout is not None
            ready = next(filter(None, map(READY.match, server.stdout)), None)
            if ready is None:
                log.seek(0)
                raise RuntimeError(f"openecr ended before it was ready:\n{log.read()}")
            # It may go on writing; a full pipe must not stop it.
            threading.Thread(target=deque, args=(server.stdout, 0), daemon=True).start()
            yield int(ready[1])
        finally:
            server.terminate()
            try:
                server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
                raise


def _prepare(url: str, repositories: Iterable[str]) -> str:
    """Create the repositories, whose tags may move. Returns the password of user AWS."""
    ecr = boto3.client(
        "ecr",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="AKIACONFORMANCE00000",
        aws_secret_access_key="any-will-do-in-dev-mode",
    )
    for repository in repositories:
        ecr.create_repository(repositoryName=repository, imageTagMutability="MUTABLE")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode().partition(":")[2]
