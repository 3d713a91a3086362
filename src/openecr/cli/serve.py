"""`openecr serve`: run the server, and say how to reach it."""

import argparse
import gc
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING

from openecr import failpoints
from openecr.cli.saying import fail, faults_told, note, say
from openecr.settings import PREFIX, Settings

if TYPE_CHECKING:
    from openecr.identity.credentials import AccessKey

FLAGS = ("host", "port", "data_dir", "dev", "workers", "log_format")
"""The settings that have a flag; all have a variable and a line in the file."""
SERVICES = ("ECR", "ECR_PUBLIC", "STS", "IAM")
"""Those whose calls are sent here, by the names the SDKs give their AWS_ENDPOINT_URL_… variables."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    others = []
    for each in fields(Settings):
        sentence = each.metadata["sentence"]
        if each.name not in FLAGS:
            others.append(f"  {PREFIX}{each.name.upper()}\n      {sentence}")
        elif isinstance(each.default, bool):
            parser.add_argument(_flag(each.name), action="store_true", default=None, help=sentence)
        else:
            text = f"{sentence} [{each.default}]"
            parser.add_argument(_flag(each.name), metavar="VALUE", help=text)
    parser.add_argument("--config", metavar="FILE", help="A TOML file with any of the settings.")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "Every flag is also a variable (OPENECR_DATA_DIR). Further settings:\n\n" + "\n".join(
        others
    )


def run(arguments: argparse.Namespace) -> int:
    # Hundreds of modules are imported now, of which nothing becomes garbage.
    gc.disable()
    with faults_told():
        settings = Settings.read({name: getattr(arguments, name) for name in (*FLAGS, "config")})
    from openecr.server.listeners import CannotListen, open_listeners

    try:
        listeners = open_listeners(settings.host, settings.port, settings.workers)
    except CannotListen as error:
        return fail(error)
    if settings.workers == 1:
        return _serve_alone(settings, listeners[0])
    return _serve_together(settings, listeners)


def _serve_alone(settings: Settings, listeners: list[socket.socket]) -> int:
    from openecr.server import process
    from openecr.server.app import build
    from openecr.server.listeners import port_of

    port = port_of(listeners[0])
    with faults_told():
        process.open_certificate(settings)
        parts = build(settings, port=port)
        parts.release_claims()
    told = partial(_tell, settings, port, parts.new_root_key)
    process.run(parts, listeners, is_first=True, on_ready=told)
    return 0


def _serve_together(settings: Settings, listeners: list[list[socket.socket]]) -> int:
    from openecr.server import process
    from openecr.server.app import build
    from openecr.server.listeners import port_of
    from openecr.server.workers import supervise

    port = port_of(listeners[0][0])
    # What is made at the first start is made before there are several, and closed again: open
    # connections and threads do not survive a fork.
    with faults_told():
        process.open_certificate(settings)
        parts = build(settings, port=port)
        parts.release_claims()
        parts.close()

    def work(number: int, mine: list[socket.socket], on_ready: Callable[[], None]) -> None:
        process.run(build(settings, port=port), mine, is_first=number == 0, on_ready=on_ready)

    return supervise(
        listeners,
        work,
        partial(_tell, settings, port, parts.new_root_key),
        partial(_release_claims, settings),
        reloads=settings.tls_certificate is not None,
    )


def _release_claims(settings: Settings, process: int) -> None:
    """Free the uploads that a worker was adding to when it died. What keeps us from it is told: they are
    free in ten minutes anyway."""
    from openecr.errors import ServiceError
    from openecr.metadata.database import Database

    try:
        with closing(Database(settings.database_path)) as database, database.transaction() as db:
            db.uploads.release_of(process)
    except (OSError, sqlite3.Error, ServiceError) as error:
        note(f"the claims of {process} stay: {error}")


def _tell(settings: Settings, port: int, new_root_key: "AccessKey | None") -> None:
    """What somebody wants to know who has just started it; last the line that scripts wait for."""
    url = settings.local_url(port)
    lines = ["", f"  address         {url}", f"  data directory  {settings.data_dir.absolute()}"]
    if settings.dev:
        lines += [
            "",
            "  WARNING: --dev. No credentials are checked: whoever reaches this port is the root",
            "  of any account.",
        ]
    if failpoints.armed():
        lines += ["", f"  WARNING: FAILPOINTS. This server fails on purpose: {', '.join(failpoints.armed())}"]
    if new_root_key is not None:
        lines += ["", "  The root key is new. Its secret is shown this once:"]
    lines += ["", *(f"  export AWS_ENDPOINT_URL_{service}={url}" for service in SERVICES)]
    lines += [f"  export {name}={value}" for name, value in _credentials(settings, new_root_key)]
    # botocore reads the one, the other SDKs the other.
    lines += [f"  export {name}={settings.region}" for name in ("AWS_REGION", "AWS_DEFAULT_REGION")]
    lines += ["", f"ready: {url}"]
    say("\n".join(lines))


def _credentials(settings: Settings, new_root_key: "AccessKey | None") -> list[tuple[str, str]]:
    """Those to paste, as far as they may be shown."""
    if new_root_key is not None:
        key = new_root_key.id, new_root_key.secret
    elif settings.root_access_key_id is not None:
        key = settings.root_access_key_id, '"$OPENECR_ROOT_SECRET_ACCESS_KEY"'
    elif settings.dev:
        key = settings.account, "any"
    else:
        return []  # shown at the first start
    return [("AWS_ACCESS_KEY_ID", key[0]), ("AWS_SECRET_ACCESS_KEY", key[1])]


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
