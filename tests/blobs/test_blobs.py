"""Finished blobs: commits, and repeated ones; empty blobs; removal; names."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openecr.blobs.files import UploadLost
from openecr.blobs.paths import InvalidKey
from tests.blobs.helpers import a_blob, an_upload, append, commit, push_and_die, read, sha256
from tests.depth import examples

WITHIN_COMMIT = ["blob.before_fsync", "blob.after_fsync", "blob.after_rename", "blob.after_directory_fsync"]


def test_the_key_of_a_blob_is_the_id_of_its_upload(blobs, root):
    key = a_blob(blobs, b"content")

    assert Path(blobs.path(key)) == root / "blobs" / key[:2] / key
    assert blobs.size(key) == 7
    assert str(blobs.sha256(key)) == sha256(b"content")
    assert list(blobs.keys()) == [key]
    assert list(blobs.staged()) == []


def test_a_commit_can_be_repeated(blobs, restarted):
    key = a_blob(blobs, b"content")

    for store in (blobs, restarted()):
        assert str(store.digest(key, 7)) == sha256(b"content")
        assert commit(store, key, b"content") == key
    assert read(blobs, key) == b"content"


@pytest.mark.parametrize("failpoint", WITHIN_COMMIT)
def test_a_commit_cut_short_by_a_crash_can_be_repeated(blobs, root, failpoint):
    upload = an_upload()
    push_and_die(root, upload, "content", failpoint)

    assert str(blobs.digest(upload, 7)) == sha256(b"content")
    assert commit(blobs, upload, b"content") == upload

    assert read(blobs, upload) == b"content"
    assert list(blobs.staged()) == []


def test_a_commit_is_not_repeated_for_a_blob_of_another_size(blobs):
    key = a_blob(blobs, b"content")

    with pytest.raises(UploadLost):
        commit(blobs, key, b"contents")


def test_a_blob_may_be_empty(blobs):
    """No part came at all, or one without bytes; and the commit is repeatable as any."""
    never, empty = an_upload(), an_upload()
    append(blobs, empty, 0)

    for upload in (never, empty):
        assert str(blobs.digest(upload, 0)) == sha256(b"")
        for _ in range(2):
            assert read(blobs, commit(blobs, upload, b"")) == b""
    assert sorted(blobs.keys()) == sorted([never, empty])
    assert list(blobs.staged()) == []


def test_a_blob_that_was_removed_is_gone_and_may_be_removed_again(blobs):
    key, other = a_blob(blobs, b"content"), a_blob(blobs, b"other")

    for _ in range(2):
        blobs.remove(key)

    assert blobs.size(key) is None
    assert blobs.sha256(key) is None
    assert list(blobs.keys()) == [other]


def test_a_download_that_has_begun_goes_on_after_the_blob_was_removed(blobs):
    key = a_blob(blobs, b"content")

    with Path(blobs.path(key)).open("rb") as file:
        blobs.remove(key)
        assert file.read() == b"content"


def test_a_store_finds_what_an_earlier_one_left(blobs, restarted):
    upload = an_upload()
    append(blobs, upload, 0, b"staged")
    key = a_blob(blobs, b"stored")

    later = restarted()

    assert [each.upload_id for each in later.staged()] == [upload]
    assert list(later.keys()) == [key]


KEY = "0f9d1a52-6d3c-4d0e-9d0a-1c1f0b3a7e55"
hostile = st.one_of(
    st.text(),
    st.sampled_from(
        [
            "",
            ".",
            "..",
            "../" + KEY,
            KEY + "/..",
            KEY.upper(),
            KEY + "\n",
            KEY + "\0",
            KEY.replace("-", ""),
            "%2e%2e",
        ]
    ),
)


@settings(
    max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(text=hostile)
def test_no_path_is_made_from_anything_but_a_uuid(blobs, root, text):
    def appends(text: str) -> None:
        with blobs.append(text, 0):
            pytest.fail("the part began")

    def commits(text: str) -> None:
        commit(blobs, text, b"")

    def digests(text: str) -> None:
        blobs.digest(text, 0)

    for act in (appends, commits, digests, blobs.discard, blobs.path, blobs.size, blobs.sha256, blobs.remove):
        with pytest.raises(InvalidKey):
            act(text)
    assert sorted(path.name for path in root.parent.rglob("*")) == ["blobs", "data", "staging"]
