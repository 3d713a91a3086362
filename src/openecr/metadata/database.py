"""Connections and transactions; all that is particular to SQLite.

A process has one writing connection behind a lock and one reading connection per thread. Writers
begin IMMEDIATE, so what they read is what they write upon; readers see one moment of the database
and wait for nobody (WAL). A transaction that returned survives loss of power: its commit is in the log,
and the log is synced, by one sync for all who wait (group_sync.py).
Source: design.md §2 "Metadata", performance.md §6.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path
from typing import TypeVar, cast

from openecr.errors import ServiceUnavailable
from openecr.metadata.access_keys import AccessKeys
from openecr.metadata.account_settings import AccountSettings
from openecr.metadata.accounts import Accounts
from openecr.metadata.aliases import Aliases
from openecr.metadata.bookmarks import Bookmarks
from openecr.metadata.catalogs import Catalogs
from openecr.metadata.collecting import Collecting
from openecr.metadata.damage import Damage
from openecr.metadata.garbage import Garbage
from openecr.metadata.group_sync import GroupSync
from openecr.metadata.identities import Identities
from openecr.metadata.identity_policies import IdentityPolicies
from openecr.metadata.image_lists import ImageLists
from openecr.metadata.images import Images
from openecr.metadata.jobs import Jobs
from openecr.metadata.layers import Layers
from openecr.metadata.lifecycle_facts import LifecycleFacts
from openecr.metadata.lifecycle_policies import LifecyclePolicies
from openecr.metadata.lifecycle_previews import LifecyclePreviews
from openecr.metadata.managed_policies import ManagedPolicies
from openecr.metadata.migrate import migrate
from openecr.metadata.oidc_providers import OidcProviders
from openecr.metadata.outbox import Outbox
from openecr.metadata.pull_time_exclusions import PullTimeExclusions
from openecr.metadata.pull_times import PullTimes
from openecr.metadata.query import Connection
from openecr.metadata.referrers import Referrers
from openecr.metadata.registry_scanning import RegistryScannings
from openecr.metadata.removals import Removals
from openecr.metadata.repositories import Repositories
from openecr.metadata.resource_policies import RegistryPolicies, RepositoryPolicies
from openecr.metadata.resource_tags import ResourceTags
from openecr.metadata.revocations import Revocations
from openecr.metadata.sealed import Sealed
from openecr.metadata.sessions import Sessions
from openecr.metadata.signing_keys import SigningKeys
from openecr.metadata.tags import Tags
from openecr.metadata.tiers import Tiers
from openecr.metadata.uploads import Uploads

BUSY_SECONDS = 5.0
"""How long a writer waits for others, in this process and outside, before the caller is told to come back."""

LOG_PAGES = 4000
"""Of 4 KiB: when the log has so many, whoever commits puts it into the database first, which takes some
milliseconds in place of a tenth of one. By SQLite's usual thousand three of a hundred pushes had to."""
CHECKED_NANOSECONDS = 50_000
"""How long one look at whether anything was written serves a thread: the few look-ups of one request. It is
less than the shortest way of an answer to a client and of its next request back, so nobody who was told of
a write can find it undone."""
RECALLED = 512
"""How many answers a thread remembers; then it begins anew."""
RECALLED_BYTES = 32 << 10
TROUBLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
}
"""A database that is held by another process, full, or failing: the caller may come back later."""

Found = TypeVar("Found")


class Transaction:
    """What an operation sees of the database: its nouns."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.access_keys = AccessKeys(connection)
        self.account_settings = AccountSettings(connection)
        self.accounts = Accounts(connection)
        self.aliases = Aliases(connection)
        self.bookmarks = Bookmarks(connection)
        self.collecting = Collecting(connection)
        self.catalogs = Catalogs(connection)
        self.damage = Damage(connection)
        self.garbage = Garbage(connection)
        self.identities = Identities(connection)
        self.identity_policies = IdentityPolicies(connection)
        self.image_lists = ImageLists(connection)
        self.images = Images(connection)
        self.jobs = Jobs(connection)
        self.layers = Layers(connection)
        self.lifecycle_facts = LifecycleFacts(connection)
        self.lifecycle_policies = LifecyclePolicies(connection)
        self.lifecycle_previews = LifecyclePreviews(connection)
        self.managed_policies = ManagedPolicies(connection)
        self.oidc_providers = OidcProviders(connection)
        self.outbox = Outbox(connection)
        self.pull_time_exclusions = PullTimeExclusions(connection)
        self.pull_times = PullTimes(connection)
        self.referrers = Referrers(connection)
        self.registry_policies = RegistryPolicies(connection)
        self.registry_scanning = RegistryScannings(connection)
        self.removals = Removals(connection)
        self.repositories = Repositories(connection)
        self.repository_policies = RepositoryPolicies(connection)
        self.resource_tags = ResourceTags(connection)
        self.revocations = Revocations(connection)
        self.sealed = Sealed(connection)
        self.sessions = Sessions(connection)
        self.signing_keys = SigningKeys(connection)
        self.tags = Tags(connection)
        self.tiers = Tiers(connection)
        self.uploads = Uploads(connection)


class _Reader:
    """The reading connection of one thread, and what it remembers of one state of the database."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.transaction = Transaction(connection)
        self.version: object = None
        self.checked_at = 0  # by time.monotonic_ns
        self.recalled: dict[Hashable, object] = {}


class Database:
    """The metadata of one data directory. Made ready (created or migrated) when opened."""

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        """Raises ServiceUnavailable where it is held or the disk fails, NewerDatabase (migrate.py), OSError,
        sqlite3.DatabaseError where it is damaged or none."""
        self._path = path
        self._busy_seconds = busy_seconds
        self._readers = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._writing = threading.Lock()
        self._waited_in_vain_at = -inf
        self.news = threading.Event()
        """Set when this process has written an event to the outbox; whoever dispatches them clears it."""
        path.touch(mode=0o600)  # it holds sealed secrets; SQLite gives its log the same mode
        try:
            writer = self._open()
            migrate(writer, path)
            writer.execute("PRAGMA synchronous=NORMAL")  # what FULL adds, GroupSync does
            writer.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
        except BaseException as error:
            self._close_connections()
            if isinstance(error, sqlite3.OperationalError):
                _tell_of_trouble(error)
            raise
        self._writer = Transaction(Connection(writer))
        self._log = GroupSync(f"{path}-wal")
        _make_names_safe(path)

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Transaction]:
        """All of it happens, or nothing. Raises ServiceUnavailable where another writer stays too long.

        durable  False for what may be forgotten when power is lost, such as who is busy with what
        """
        until = time.monotonic() + self._busy_seconds
        if not self._writing.acquire(timeout=self._busy_seconds):
            raise ServiceUnavailable
        try:
            driver = self._writer.connection.driver
            self._begin(driver, until)
            self._writer.connection.has_news = False
            try:
                yield self._writer
                driver.execute("COMMIT")
            except BaseException:
                if driver.in_transaction:
                    driver.execute("ROLLBACK")
                raise
            if self._writer.connection.has_news:
                self.news.set()
        except sqlite3.OperationalError as error:
            _tell_of_trouble(error)
            raise
        finally:
            self._writing.release()
        if durable:
            self.sync()

    def sync(self) -> None:
        """What was committed so far, by whomever, survives loss of power when this returns. Raises
        ServiceUnavailable where the disk fails."""
        self._log.wait()

    def prepare_for_many(self, *, log_pages: int) -> None:
        """For a process that does nothing but have very many images deleted: that takes half as long so.

        log_pages  when the log has so many, it is put into the database: in a larger one more of the pages
                   are the same again
        And SQLite does not look into four tables for each image, whether anything refers to it still:
        Images.delete_many does, once for all.
        """
        driver = self._writer.connection.driver
        driver.execute(f"PRAGMA wal_autocheckpoint={log_pages}")
        driver.execute("PRAGMA foreign_keys=OFF")

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """One moment of the database, as this thread's own connection sees it. Raises ServiceUnavailable
        where the disk fails."""
        try:
            reader = self._reader()
            driver = reader.connection.driver
            driver.execute("BEGIN")
            try:
                yield reader.transaction
            finally:
                if driver.in_transaction:  # SQLite ends it by itself where the disk fails
                    driver.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            _tell_of_trouble(error)
            raise

    def recall(
        self, key: Hashable, read: Callable[[Transaction], Found], *, size_of: Callable[[Found], int]
    ) -> Found:
        """What `read` finds, or what it found before under that key if nothing was written since.

        One look at SQLite's `data_version`, which every commit on another connection moves, in place of
        several look-ups by key: for what is asked again and again, such as a manifest by its tag. The
        answer is shared: nobody may change it. One of more than RECALLED_BYTES, by `size_of`, is not
        remembered, nor is what `read` raises.
        """
        reader = self._checked_reader()
        if key in reader.recalled:
            return cast(Found, reader.recalled[key])
        with self.reading() as transaction:
            found = read(transaction)
        if size_of(found) <= RECALLED_BYTES:
            reader.recalled[key] = found
        return found

    def _checked_reader(self) -> "_Reader":
        """This thread's, which remembers nothing that was written over since."""
        try:
            reader = self._reader()
            now = time.monotonic_ns()
            if now - reader.checked_at < CHECKED_NANOSECONDS:
                return reader
            version = reader.connection.driver.execute("PRAGMA data_version").fetchone()
        except sqlite3.OperationalError as error:
            _tell_of_trouble(error)
            raise
        if version != reader.version or len(reader.recalled) >= RECALLED:
            reader.recalled.clear()
            reader.version = version
        reader.checked_at = now
        return reader

    def _begin(self, driver: sqlite3.Connection, until: float) -> None:
        """Begin to write, when whoever writes outside this process has ended, or at the latest `until`.

        After one has waited in vain, the next try once and do not wait: else a queue of writers, each
        with its own patience, would keep the last of them for many times as long.
        """
        now = time.monotonic()
        is_held = now - self._waited_in_vain_at < self._busy_seconds
        patience = 0 if is_held else max(0, round((until - now) * 1000))
        driver.execute(f"PRAGMA busy_timeout={patience}")
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            self._waited_in_vain_at = time.monotonic()
            raise
        self._waited_in_vain_at = -inf

    def _reader(self) -> "_Reader":
        reader: _Reader | None = getattr(self._readers, "reader", None)
        if reader is None:
            reader = self._readers.reader = _Reader(Connection(self._open()))
        return reader

    def close(self) -> None:
        self._log.close()
        self._close_connections()

    def _close_connections(self) -> None:
        for driver in self._opened:
            driver.close()
        self._opened.clear()

    def _open(self) -> sqlite3.Connection:
        # Connections are made by the thread that uses them and closed by the one that stops the server.
        # What is deleted is overwritten where its page is written anyway: some builds of SQLite write zeros
        # over whole pages that are free, which is a fifth of what it costs to delete many images.
        driver = sqlite3.connect(
            self._path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False
        )
        self._opened.append(driver)
        driver.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
            "PRAGMA cache_size=-16384; PRAGMA mmap_size=268435456; PRAGMA temp_store=MEMORY;"
            "PRAGMA secure_delete=FAST;"
        )
        return driver


def _tell_of_trouble(error: sqlite3.OperationalError) -> None:
    """Raises ServiceUnavailable unless the error is a mistake of ours."""
    if error.sqlite_errorcode & 0xFF in TROUBLE:
        raise ServiceUnavailable from error


def _make_names_safe(path: Path) -> None:
    """Sync the folder that names the database and its log, and the one that names the folder.

    A log is made anew after each orderly end, and syncing a file does not promise its name.
    """
    own = path.absolute().parent
    _sync_folder(own)
    with suppress(PermissionError):  # one we may not read is not where we made ours
        _sync_folder(own.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
