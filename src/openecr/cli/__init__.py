"""The command `openecr`: one file per command, and the table of them.

A command's module has `add_arguments(parser)` and `run(arguments)`, which returns the exit code. Only the
module of the command that was given is imported, and it imports what is heavy inside its functions.
To add one: its file, and a line in COMMANDS.

argparse, of the standard library: Typer makes a server that starts in a second start in one and a
third, for it takes every option through pydantic.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from openecr import __version__

COMMANDS = {
    "serve": "run the server",
    "worker": "do the work that waits, apart from the server",
    "gc": "say what waits to be removed and why something is kept; collect now",
    "lifecycle": "say what a lifecycle policy will have done by some day, or have it followed now",
    "jobs": "list, retry or cancel the work that waits",
    "account": "make an account, list those there are, or vouch for one",
    "alias": "give a public registry a name, or take one away",
    "explain": "say whether somebody may do something, and why",
    "coverage": "print which operations are implemented",
    "fsck": "check that everything is there that must be",
    "scrub": "read all stored bytes, and mark those that are damaged",
    "revoke": "end all sessions and tokens of somebody",
    "rotate-master-key": "seal all secrets under a new master key",
}
"""Each in the module of its name, with `_` for `-`."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, and exit with its code: 0 if it did what was asked, 2 if it was asked wrongly."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(
        prog="openecr", description="Amazon ECR and Amazon ECR Public, self-hosted."
    )
    parser.add_argument("--version", action="version", version=f"openecr {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, sentence in COMMANDS.items():
        command = commands.add_parser(name, help=sentence, description=sentence.capitalize() + ".")
        if given[:1] == [name]:
            module = import_module(f"openecr.cli.{name.replace('-', '_')}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    parsed = parser.parse_args(given)
    if arguments is None and parsed.command != "serve":
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # the process is ours: what is printed may go to `head`
    sys.exit(parsed.run(parsed))
