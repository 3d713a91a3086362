"""What commands say: what was asked for on the standard output, complaints on the standard error."""

import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

FAILED = 2
"""The exit code of a command that could not do what it was asked."""


def say(line: object) -> None:
    print(line, flush=True)  # noqa: T201 - this is what the command says


def note(line: object) -> None:
    """What people should know, and not what reads the output."""
    print(f"openecr: {line}", file=sys.stderr)  # noqa: T201 - as above


def fail(*faults: object) -> int:
    """The exit code, once it is told why."""
    for fault in faults:
        note(fault)
    return FAILED


@contextmanager
def faults_told() -> Iterator[None]:
    """What keeps a command from its work and is not a mistake of ours is told in a line; then it ends."""
    from openecr.errors import ServiceError, ServiceUnavailable
    from openecr.identity.sealed import OtherMasterKey, SealBroken
    from openecr.settings import InvalidSettings

    faults: Iterable[object]
    try:
        yield
        return
    except InvalidSettings as invalid:
        faults = invalid.faults
    except OtherMasterKey:
        faults = ["the secrets in this data directory were sealed with another master key"]
    except SealBroken:
        faults = ["a secret in the database is damaged; nothing was changed"]
    except ServiceUnavailable as error:
        faults = [f"the database cannot be used now: {error.__cause__ or error}; nothing was changed"]
    except sqlite3.DatabaseError as error:
        faults = [f"the database cannot be read: {error}"]
    except (OSError, ValueError, ServiceError) as error:
        faults = [error]
    sys.exit(fail(*faults))
