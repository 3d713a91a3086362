"""What must always hold: between rows, between rows and bytes, and what clients were promised.

    I1  a tag points to an image of its own repository, and every image has its manifest and is marked as
        tagged where it is
    I2  what a manifest lists is there, in its own repository
    I3  every blob an image uses is live, and every live blob's bytes are there, in full
    I4  every fact that a client wrote down as acknowledged is so (a journal; see parse_journal)
    I7  the images of a repository are as many as it is said to have: quotas rest on it
    I8  what identities, policies, access keys and sessions name is there, in their own account
    I0  the database itself is whole (deep)

Deep: bytes are hashed, manifests' as well as blobs', and manifests are parsed and held against the
rows. May run beside a server: a blob that seems amiss is asked for again before it is called so.
Source: reliability.md §4.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from openecr.blobs.files import FileBlobs
from openecr.domain import manifest as manifests
from openecr.domain.names import Digest
from openecr.domain.tier import ARCHIVE
from openecr.errors import InvalidParameterException
from openecr.metadata.database import Database
from openecr.metadata.identity_invariants import breaches
from openecr.metadata.invariants import Invariants, StoredBlob, StoredManifest

PAGE = 500
PAGE_WITH_BYTES = 8
"""Manifests, which are held with their bytes: up to 4 MiB each."""


@dataclass(frozen=True, slots=True)
class Breach:
    """invariant  I0, I1 …; text  what is wrong, naming the thing"""

    invariant: str
    text: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.text}"


@dataclass(slots=True)
class Journal:
    """What clients were told, at the end."""

    tags: dict[tuple[str, str], set[Digest | None]] = field(default_factory=dict)
    """(repository's ARN, tag) → where it may point: what was acknowledged last, and what was tried since.
    None, that it is not there, until anything was acknowledged."""
    stored: set[tuple[str, Digest]] = field(default_factory=set)
    """(repository's ARN, digest) of each layer and image acknowledged."""


def parse_journal(lines: Iterable[str]) -> Journal:
    """Read a client's journal: one JSON object a line, in the order things happened; one writer per tag.

    {"op": "layer" | "image" | "try", "repository": ARN, "digest": sha256:…, "tag": of images, or absent}
    `layer` and `image` were acknowledged; `try` says that an image is about to be put under a tag, so
    that from then on the tag may point to it. A last line without its end was never written whole,
    and does not count. Raises ValueError where a line is not understood.
    """
    journal = Journal()
    for line in lines:
        if not line.endswith("\n"):
            break
        try:
            fact = json.loads(line)
            op, place, digest, tag = (
                fact["op"],
                fact["repository"],
                Digest.parse(fact["digest"]),
                fact.get("tag"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a line of a journal: {line!r}") from error
        if op == "try":
            journal.tags.setdefault((place, tag), {None}).add(digest)
        elif op in ("image", "layer"):
            journal.stored.add((place, digest))
            if tag is not None:
                journal.tags[place, tag] = {digest}
        else:
            raise ValueError(f"not a line of a journal: {line!r}")
    return journal


def fsck(
    database: Database,
    blobs: FileBlobs,
    *,
    deep: bool = False,
    journal: Journal | None = None,
    step: Callable[[], None] = lambda: None,
) -> Iterator[Breach]:
    """Every breach there is, as it is found.

    step  called now and then: whoever has it done may raise there to end it
    """
    yield from _rows(database, deep)
    yield from _blobs(database, blobs, deep, step)
    if deep:
        yield from _manifests(database)
    if journal is not None:
        yield from _promises(database, journal)


def _rows(database: Database, deep: bool) -> list[Breach]:
    with database.reading() as db:
        facts = Invariants(db.connection)
        names = facts.repositories()
        damage = facts.damage() if deep else []
        rules = (
            ("I1", "has no manifest", facts.images_without_manifest()),
            ("I1", "is not marked as tagged or untagged as it is", facts.mismarked_images()),
            ("I2", "lists an image that is not in its repository", facts.images_without_child()),
            ("I3", "uses a blob that is not live, or not its repository's", facts.images_without_blob()),
        )
        tags = facts.broken_tags()
        counts = facts.miscounted_repositories()
        sizes = facts.miscounted_registries()
        identities = list(breaches(db.connection))
    return [
        *(Breach("I0", f"the database is damaged: {text}") for text in damage),
        *(Breach("I1", f"{_name(names, place)}:{tag} points to no image of its own") for place, tag in tags),
        *(
            Breach(rule, f"{_name(names, place)}@{digest} {what}")
            for rule, what, found in rules
            for place, digest in found
        ),
        *(
            Breach("I7", f"{_name(names, place)} is said to have {said} images and has {count}")
            for place, said, count in counts
        ),
        *(
            Breach("I7", f"of {registry.repository_arn('*')} there are said to be {said}, and are {count}")
            for registry, said, count in sizes
        ),
        *(Breach("I8", text) for text in identities),
    ]


def _blobs(database: Database, blobs: FileBlobs, deep: bool, step: Callable[[], None]) -> Iterator[Breach]:
    last = 0
    while True:
        step()
        with database.reading() as db:
            page = Invariants(db.connection).blobs(after=last, limit=PAGE)
        if not page:
            return
        last = page[-1].id
        for each in page:
            wrong = _wrong_with(each, blobs, deep)
            if wrong is None:
                continue
            with database.reading() as db:
                is_live = Invariants(db.connection).is_live(each)
            if is_live:  # not collected since the page was read
                yield Breach("I3", f"blob {each.digest} under key {each.key} {wrong}")


def _wrong_with(blob: StoredBlob, blobs: FileBlobs, deep: bool) -> str | None:
    if blob.tier == ARCHIVE and not blobs.has_archive:
        return "is in an archive that no setting names"
    blobs = blobs.at(blob.tier)
    size_bytes = blobs.size(blob.key)
    if size_bytes is None:
        return "has no bytes in the store"
    if size_bytes != blob.size_bytes:
        return f"has {size_bytes} bytes in the store in place of {blob.size_bytes}"
    if deep:
        digest = blobs.sha256(blob.key)
        if digest != blob.digest:
            return f"has other bytes in the store, with digest {digest}"
    return None


def _manifests(database: Database) -> Iterator[Breach]:
    with database.reading() as db:
        names = Invariants(db.connection).repositories()
    last = 0
    while True:
        with database.reading() as db:
            facts = Invariants(db.connection)
            page = [
                (each, facts.references(each)) for each in facts.manifests(after=last, limit=PAGE_WITH_BYTES)
            ]
        if not page:
            return
        last = page[-1][0].image_id
        for each, references in page:
            for invariant, wrong in _wrong_with_manifest(each, references):
                yield Breach(invariant, f"{_name(names, each.repository_id)}@{each.digest} {wrong}")


def _wrong_with_manifest(stored: StoredManifest, references: set[Digest]) -> Iterator[tuple[str, str]]:
    digest = Digest.of_sha256(hashlib.sha256(stored.content).digest())
    if digest != stored.digest:
        yield "I1", f"has another manifest, with digest {digest}"
        return
    try:
        parsed = manifests.parse(stored.content.decode(), stored.media_type)
    except InvalidParameterException:
        yield "I1", "has a manifest that is none"
        return
    for each in parsed.children:
        if each.digest not in references:
            yield "I2", f"lists {each.digest}, which no row says"
    for each in parsed.layers if parsed.config is None else (parsed.config, *parsed.layers):
        if each.digest not in references and not each.is_foreign:
            yield "I3", f"uses {each.digest}, which no row says"


def _promises(database: Database, journal: Journal) -> list[Breach]:
    broken = []
    with database.reading() as db:
        facts = Invariants(db.connection)
        places = {name: id_ for id_, name in facts.repositories().items()}
        for name, digest in sorted(journal.stored):
            if name not in places or not facts.has(places[name], digest):
                broken.append(Breach("I4", f"{name}@{digest} was acknowledged and is not there"))
        for (name, tag), allowed in sorted(journal.tags.items()):
            found = facts.tagged(places[name], tag) if name in places else None
            if found not in allowed:
                told = " or ".join(sorted(str(each) for each in allowed))
                broken.append(Breach("I4", f"{name}:{tag} points to {found} in place of {told}"))
    return broken


def _name(names: Mapping[int, str], place: int) -> str:
    return names.get(place, f"repository number {place}, which is not there,")
