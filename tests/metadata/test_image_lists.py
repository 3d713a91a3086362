"""Whatever is in a repository, under every filter, by pages of any size: the pages together are the list."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openecr.domain.image import STATUSES
from openecr.domain.names import Digest
from openecr.domain.registry import private_registry
from openecr.metadata.database import Database
from tests.depth import examples
from tests.metadata.people import ACCOUNT

TAGS = ("A", "a", "a-", "a.", "a_", "aa", "b", "10", "9", "x" * 128)
TAGGED = {"ANY": (True, False), "TAGGED": (True,), "UNTAGGED": (False,)}
TYPES = (None, "text/a", "text/b")
SUBJECT = Digest.of_sha256(b"s" * 32)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    database = Database(tmp_path_factory.mktemp("lists") / "x.db")
    yield database
    database.close()


@st.composite
def contents(draw):
    """Images as (digest, status, tags, artifact type); no tag twice."""
    tags = list(TAGS)
    images = []
    for number in draw(st.lists(st.integers(0, 255), unique=True, max_size=8)):
        own = draw(st.lists(st.sampled_from(tags), unique=True, max_size=3)) if tags else []
        tags = [tag for tag in tags if tag not in own]
        status, kind = draw(st.sampled_from(STATUSES)), draw(st.sampled_from(TYPES))
        images.append((bytes([number]) * 32, status, sorted(own), kind))
    return sorted(images)


def store(db, images):
    """Behind everyone's back; returns the repository, which has nothing else in it."""
    ask = db.connection.driver.execute
    ask("DELETE FROM repository")
    for name in ("ours", "others"):
        ask(
            "INSERT INTO repository (kind, account_id, region, name, created_at, tag_mutability,"
            " mutability_filters, scan_on_push, encryption_type)"
            " VALUES ('ecr', ?, 'eu-central-1', ?, 0, 'MUTABLE', '[]', 0, 'AES256')",
            (ACCOUNT, name),
        )
    registry = private_registry(ACCOUNT, "eu-central-1")
    ours, others = db.repositories.get(registry, "ours"), db.repositories.get(registry, "others")
    for place in (ours, others):
        for digest, status, tags, kind in images:
            (image,) = ask(
                "INSERT INTO image (repository_id, digest, media_type, artifact_media_type, size_bytes,"
                " manifest_size_bytes, subject, annotations, status, pushed_at, is_tagged)"
                " VALUES (?, ?, '', ?, 0, 0, ?, '{}', ?, 0, ?) RETURNING id",
                (place.id, digest, kind, SUBJECT.raw, status, bool(tags)),
            ).fetchone()
            for tag in tags:
                ask("INSERT INTO tag VALUES (?, ?, ?, NULL, 0)", (place.id, tag, image))
    return ours


def pages(read, size, begin):
    """All that `read(after, limit)` gives, page by page, each from the last entry of the one before."""
    found, after = [], begin
    while True:
        page = read(after, size)
        assert len(page) <= size
        found += page
        if len(page) < size:
            return found
        after = page[-1]


@given(images=contents(), size=st.integers(1, 4))
@settings(max_examples=examples(20), deadline=None, database=None)
def test_the_pages_of_images_are_the_list_under_every_filter(database, images, size):
    with database.transaction(durable=False) as db:
        repository = store(db, images)
        for tagged, status in product(TAGGED, ("ANY", *STATUSES)):
            passing = [
                each for each in images if status in ("ANY", each[1]) and bool(each[2]) in TAGGED[tagged]
            ]

            def images_after(after, limit, tagged=tagged, status=status):
                page = db.image_lists.page(repository, tagged=tagged, status=status, after=after, limit=limit)
                return [image.digest.raw for image in page]

            def ids_after(after, limit, tagged=tagged, status=status):
                page = db.image_lists.ids(repository, tagged=tagged, status=status, after=after, limit=limit)
                return [(digest.raw, tag or "") for digest, tag in page]

            assert pages(images_after, size, b"") == [digest for digest, *_ in passing]
            assert pages(ids_after, size, (b"", "")) == [
                (digest, tag) for digest, _, tags, _ in passing for tag in tags or [""]
            ]


@given(images=contents(), size=st.integers(1, 4), types=st.lists(st.sampled_from(TYPES[1:]), max_size=3))
@settings(max_examples=examples(20), deadline=None, database=None)
def test_the_pages_of_referrers_are_the_list_under_every_filter(database, images, size, types):
    with database.transaction(durable=False) as db:
        repository = store(db, images)
        for status in ("ANY", *STATUSES):

            def after(after, limit, status=status):
                found, more = db.referrers.page(
                    repository,
                    [SUBJECT.raw],
                    artifact_types=types,
                    status=status,
                    after=after,
                    limit=limit,
                )
                assert not more or len(found) == limit
                return [image.digest.raw for image in found]

            assert pages(after, size, b"") == [
                digest
                for digest, own, _, kind in images
                if status in ("ANY", own) and (not types or kind in types)
            ]
