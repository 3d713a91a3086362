"""The master key: where it is kept, and how another takes its place.

It is a file of the data directory (mode 0600), or comes from the environment. The file has a key a line:
the first seals; those that follow only open what was sealed before, while a rotation is under way, or
after one that was killed.

A rotation may be cut short after any step, and begun again:

    1. a new key is the first of the file, before the old one
    2. every secret is sealed anew, in one transaction
    3. the new key is the only one of the file

A server that runs meanwhile reads the file before it seals, and when it meets a key it does not know
(identity/sealed.py), so it needs no word of it. Keys from the environment cannot be read again: there the
one who rotates them stops the server, or starts it with both keys before and with the new one after.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from openecr.failpoints import fp
from openecr.identity.sealed import InvalidMasterKey, Sealer, make_master_key, parse_master_key
from openecr.metadata.database import Database

MASTER_KEY_FILE = "master.key"


class RotationUnderWay(Exception):
    """Somebody else is about to give this data directory another master key."""


def open_sealer(
    data_dir: Path, given: str | None, new: str | None = None, *, database: Database | None = None
) -> Sealer:
    """The sealer of this installation.

    given     the master key from the environment; without it, those of the file, which is made if missing
    new       beside the given one: the one that takes its place
    database  what it is for: where that has secrets, no key is made, which would open none of them
    Raises    InvalidMasterKey, OSError, ServiceUnavailable
    """
    if given is not None:
        return Sealer(*(parse_master_key(text) for text in (new, given) if text is not None))
    file = data_dir / MASTER_KEY_FILE
    if not file.exists():
        # Looked at once more: another process may have made it meanwhile, and sealed something.
        if database is not None and _has_secrets(database) and not file.exists():
            raise InvalidMasterKey(
                f"There is no {file}, and the database has secrets that were sealed under a master key: that "
                "file's, or one to be set as OPENECR_MASTER_KEY."
            )
        _make(file)
    return Sealer(*_read(file), reload=lambda: _read(file))


def rotate(data_dir: Path, database: Database) -> int:
    """Put a new key in the place of the file's, under which everything is sealed. How many secrets that were.

    Raises RotationUnderWay, InvalidMasterKey, OtherMasterKey, SealBroken, OSError, ServiceUnavailable: then
    nothing is lost, and it can be tried again
    """
    file = (data_dir / MASTER_KEY_FILE).resolve()  # where it is a link, keys are kept where that points
    with _alone_in(data_dir):
        new = make_master_key()
        _write(file, [new, *(key.hex() for key in _read(file))])
        fp("rotation.begun")
        count = seal_anew(database, Sealer(*_read(file)))
        fp("rotation.sealed_anew")
        _write(file, [new])
    return count


def seal_anew(database: Database, sealer: Sealer) -> int:
    """Seal every secret there is as the sealer does now. How many.

    Raises OtherMasterKey, SealBroken, ServiceUnavailable: then they are as they were
    """
    with database.transaction() as db:
        secrets = db.sealed.all()
        for kind, id_, sealed in secrets:
            fp("rotation.sealing")
            about = id_.encode()
            db.sealed.replace(kind, id_, sealer.seal(sealer.open(sealed, about), about))
    return len(secrets)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Of two rotations at a time, each would take its own key for the only one."""
    with _opened(folder) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RotationUnderWay from None
        yield


def _has_secrets(database: Database) -> bool:
    with database.reading() as db:
        return bool(db.sealed.samples())


def _read(file: Path) -> list[bytes]:
    """The keys of the file, of which there is at least one. Raises InvalidMasterKey, OSError."""
    keys = [
        parse_master_key(line) for line in file.read_text("ascii", "replace").splitlines() if line.strip()
    ]
    if not keys:
        raise InvalidMasterKey(f"There is no master key in {file}.")
    return keys


def _make(file: Path) -> None:
    """See to it that the file is there, whole and durable, made by one process only."""
    # A name of its own each time: a start that was killed here may have left a draft.
    descriptor, draft = tempfile.mkstemp(prefix=f"{file.stem}.", dir=file.parent)
    try:
        _fill(descriptor, [make_master_key()])
        os.link(draft, file)
    except FileExistsError:
        pass  # another process was faster: its key is the one
    finally:
        os.unlink(draft)
    _make_names_safe(file.parent)


def _write(file: Path, keys: list[str]) -> None:
    """The file with these keys, durably; at any moment it is the old one or the new one, whole.

    The draft has a name that is always the same, so what a killed rotation left, keys among it, is gone
    with the next.
    """
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    _fill(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), keys)
    os.rename(draft, file)
    _make_names_safe(file.parent)


def _fill(descriptor: int, keys: list[str]) -> None:
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{key}\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())


def _make_names_safe(folder: Path) -> None:
    with _opened(folder) as descriptor:
        os.fsync(descriptor)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
