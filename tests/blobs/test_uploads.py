"""Bytes on their way in: parts, their digest, what happens when one is cut short."""

import fcntl
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openecr.blobs import files
from openecr.blobs.files import FileBlobs, UploadLost
from openecr.errors import ServiceUnavailable
from tests.blobs.helpers import (
    a_blob,
    an_upload,
    append,
    append_each,
    commit,
    pieces,
    push_and_die,
    read,
    sha256,
    sha512,
)
from tests.depth import examples

cuts = st.lists(st.integers(min_value=0), max_size=6)
same_store = settings(
    max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@same_store
@given(content=st.binary(max_size=5_000), parts=cuts, batches=cuts)
def test_parts_in_any_cut_give_one_digest(blobs, content, parts, batches):
    upload, size = an_upload(), 0
    for part in pieces(content, parts):
        size = append(blobs, upload, size, *pieces(part, batches))

    assert str(blobs.digest(upload, size)) == sha256(content)
    assert str(blobs.digest(upload, size, "sha512")) == sha512(content)
    assert read(blobs, commit(blobs, upload, content)) == content


@same_store
@given(content=st.binary(max_size=5_000), parts=cuts, restarts=st.sets(st.integers(0, 6)))
def test_restarts_between_parts_do_not_change_the_digest(blobs, restarted, content, parts, restarts):
    upload, size, store = an_upload(), 0, blobs
    for number, part in enumerate(pieces(content, parts)):
        if number in restarts:
            store = restarted()
        size = append(store, upload, size, part)

    assert str(store.digest(upload, size)) == sha256(content)
    assert read(store, commit(store, upload, content)) == content


@same_store
@given(parts=st.lists(st.tuples(st.booleans(), st.binary(max_size=50)), max_size=8))
def test_processes_that_take_turns_agree_on_the_digest(blobs, restarted, parts):
    upload, size, stores = an_upload(), 0, (blobs, restarted())
    for which, part in parts:
        size = append(stores[which], upload, size, part)

    content = b"".join(part for _, part in parts)
    assert {str(store.digest(upload, size)) for store in stores} == {sha256(content)}


def test_an_upload_received_by_one_process_is_never_read_again(blobs):
    upload = an_upload()
    append(blobs, upload, 0, b"a" * 1000)
    append(blobs, upload, 1000, b"b" * 500)

    blobs.digest(upload, 1500)

    assert blobs.rehashed_bytes == 0


def test_after_a_restart_the_bytes_are_read_once_however_often_the_digest_is_asked(blobs, restarted):
    upload = an_upload()
    append(blobs, upload, 0, b"a" * 1000)
    later = restarted()
    for offset in (1000, 1500, 2000):
        append(later, upload, offset, b"b" * 500)

    for _ in range(2):
        assert str(later.digest(upload, 2500)) == sha256(b"a" * 1000 + b"b" * 1500)

    assert later.rehashed_bytes == 2500


def test_only_so_many_running_digests_are_kept_and_the_others_are_read_again(blobs, monkeypatch, root):
    monkeypatch.setattr(files, "RUNNING_DIGESTS", 2)
    store = FileBlobs(root)
    uploads = [an_upload() for _ in range(3)]
    for upload in uploads:
        append(store, upload, 0, b"x" * 10)

    assert {str(store.digest(upload, 10)) for upload in uploads[1:]} == {sha256(b"x" * 10)}
    assert store.rehashed_bytes == 0
    assert str(store.digest(uploads[0], 10)) == sha256(b"x" * 10)
    assert store.rehashed_bytes == 10


# What was not acknowledged does not count.


def test_a_part_that_fails_leaves_nothing_behind(blobs):
    upload = an_upload()
    append(blobs, upload, 0, b"first ")

    def broken_off() -> Iterator[bytes]:
        yield b"half of the sec"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        append_each(blobs, upload, 6, broken_off())

    assert [(each.upload_id, each.size_bytes) for each in blobs.staged()] == [(upload, 6)]
    append(blobs, upload, 6, b"second")
    assert str(blobs.digest(upload, 12)) == sha256(b"first second")


def test_a_part_that_could_not_write_anything_leaves_the_digest_as_it_was(blobs, faults):
    upload = an_upload()
    append(blobs, upload, 0, b"first")
    faults("blob.write=raise:ENOSPC@1")
    with pytest.raises(OSError, match="No space left"):
        append(blobs, upload, 5, b"second")

    assert str(blobs.digest(upload, 5)) == sha256(b"first")


def test_bytes_beyond_the_offset_are_cut_off_by_the_next_part(blobs):
    upload = an_upload()
    append(blobs, upload, 0, b"acknowledged", b" and never acknowledged")

    append(blobs, upload, 12, b"!")

    assert [each.size_bytes for each in blobs.staged()] == [13]
    assert str(blobs.digest(upload, 13)) == sha256(b"acknowledged!")
    assert read(blobs, commit(blobs, upload, b"acknowledged!")) == b"acknowledged!"


def test_bytes_beyond_the_size_are_no_part_of_the_blob(blobs):
    upload = an_upload()
    append(blobs, upload, 0, b"acknowledged", b" and never acknowledged")

    assert str(blobs.digest(upload, 12)) == sha256(b"acknowledged")
    assert str(blobs.digest(upload, 12, "sha512")) == sha512(b"acknowledged")
    assert read(blobs, commit(blobs, upload, b"acknowledged")) == b"acknowledged"


def test_a_process_killed_within_a_part_leaves_an_upload_that_can_go_on(blobs, root):
    upload = an_upload()
    push_and_die(root, upload, "the bytes of a dead process", "part.partial_write")

    append(blobs, upload, 0, b"others")

    assert str(blobs.digest(upload, 6)) == sha256(b"others")
    assert read(blobs, commit(blobs, upload, b"others")) == b"others"


def test_the_first_part_can_be_sent_again(blobs):
    upload = an_upload()
    append(blobs, upload, 0, b"a longer first attempt")

    append(blobs, upload, 0, b"again")

    assert str(blobs.digest(upload, 5)) == sha256(b"again")


@pytest.mark.parametrize("there", [None, b"less"])
def test_an_upload_whose_bytes_are_gone_says_so(blobs, there):
    upload = an_upload()
    if there is not None:
        append(blobs, upload, 0, there)

    with pytest.raises(UploadLost), blobs.append(upload, 5):
        pytest.fail("the part began")
    with pytest.raises(UploadLost):
        blobs.digest(upload, 5)
    with pytest.raises(UploadLost):
        commit(blobs, upload, b"hello")
    assert list(blobs.keys()) == []


# Writers who should not be there: a claim can expire while its holder sleeps.


def test_only_one_writer_at_a_time_can_hold_an_upload(blobs, restarted):
    upload = an_upload()
    with blobs.append(upload, 0) as part:
        part.write(b"mine")
        for store in (blobs, restarted()):
            with pytest.raises(ServiceUnavailable), store.append(upload, 0):
                pytest.fail("a second writer began")
            with pytest.raises(ServiceUnavailable):
                commit(store, upload, b"")

    assert str(blobs.digest(upload, 4)) == sha256(b"mine")


def test_the_digest_is_that_of_the_bytes_even_if_another_process_wrote_them_anew(blobs, restarted):
    upload = an_upload()
    append(blobs, upload, 0, b"what came first")

    append(restarted(), upload, 0, b"WHAT CAME LATER")

    assert str(blobs.digest(upload, 15)) == sha256(b"WHAT CAME LATER")


def test_a_part_of_an_upload_that_was_discarded_meanwhile_is_not_acknowledged(blobs):
    upload = an_upload()

    def meanwhile_discarded() -> Iterator[bytes]:
        yield b"for nothing"
        blobs.discard(upload)

    with pytest.raises(UploadLost):
        append_each(blobs, upload, 0, meanwhile_discarded())

    assert list(blobs.staged()) == []


def test_a_commit_whose_upload_is_discarded_meanwhile_makes_no_blob(blobs, monkeypatch):
    """Cancelled, or gone with its repository, between our opening the file and its getting its name."""
    upload = an_upload()
    append(blobs, upload, 0, b"content")
    sync = os.fsync

    def sync_too_late(descriptor: int) -> None:
        monkeypatch.setattr(os, "fsync", sync)
        blobs.discard(upload)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync_too_late)
    with pytest.raises(UploadLost):
        commit(blobs, upload, b"content")
    assert list(blobs.keys()) == []


def test_a_commit_is_of_the_bytes_whose_digest_was_checked(blobs, restarted):
    upload = an_upload()
    append(blobs, upload, 0, b"checked")
    digest = blobs.digest(upload, 7)
    for writer in (restarted(), blobs):
        append(writer, upload, 0, b"changed")

        with pytest.raises(UploadLost):
            blobs.commit(upload, 7, digest)

    assert list(blobs.keys()) == []
    append(blobs, upload, 0, b"checked")
    assert read(blobs, blobs.commit(upload, 7, digest)) == b"checked"


def test_a_commit_is_not_repeated_for_other_bytes_of_the_same_size(blobs):
    upload = an_upload()
    append(blobs, upload, 0, b"checked")
    digest = blobs.digest(upload, 7)
    append(blobs, upload, 0, b"changed")
    commit(blobs, upload, b"changed")

    with pytest.raises(UploadLost):
        blobs.commit(upload, 7, digest)


def test_a_commit_does_not_read_bytes_whose_digest_is_known(blobs, restarted):
    upload = an_upload()
    append(blobs, upload, 0, b"content")
    later = restarted()
    digest = later.digest(upload, 7)

    later.commit(upload, 7, digest)

    assert later.rehashed_bytes == 7  # once, for the digest


def test_a_late_part_cannot_change_a_blob(blobs):
    key = a_blob(blobs, b"finished")

    with pytest.raises(UploadLost), blobs.append(key, 8):
        pytest.fail("the part began")
    assert read(blobs, key) == b"finished"


def test_a_part_that_was_opened_before_the_commit_cannot_change_the_blob(blobs, restarted, monkeypatch):
    """The other process commits between our opening the file and our holding it."""
    upload = an_upload()
    append(blobs, upload, 0, b"finished")
    hold = fcntl.flock

    def hold_too_late(descriptor: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", hold)
        commit(restarted(), upload, b"finished")
        hold(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", hold_too_late)
    with pytest.raises(UploadLost):
        append(blobs, upload, 8, b" and more")
    assert read(blobs, upload) == b"finished"


def test_parts_racing_with_the_commit_never_change_the_blob(blobs):
    """Whoever comes second is refused, in whichever order they come."""
    for _ in range(50):
        upload = an_upload()
        append(blobs, upload, 0, b"right")
        together = threading.Barrier(2)

        def finish(upload=upload, together=together) -> bool:
            together.wait(10)
            try:
                commit(blobs, upload, b"right")
            except ServiceUnavailable:
                return False
            return True

        def add(upload=upload, together=together) -> None:
            together.wait(10)
            try:
                append(blobs, upload, 5, b" and wrong")
            except (ServiceUnavailable, UploadLost):
                return

        with ThreadPoolExecutor(2) as pool:
            committed, added = pool.submit(finish), pool.submit(add)
            added.result(10)
            key = upload if committed.result(10) else commit(blobs, upload, b"right")
        assert read(blobs, key) == b"right"


def test_many_threads_store_blobs_at_once(blobs):
    contents = [bytes([number]) * (number * 1000) for number in range(48)]

    with ThreadPoolExecutor(16) as pool:
        keys = list(pool.map(lambda content: a_blob(blobs, content), contents))

    assert [read(blobs, key) for key in keys] == contents
    assert sorted(blobs.keys()) == sorted(keys)
    assert list(blobs.staged()) == []


def test_what_is_staged_is_told_with_size_and_age(blobs, root):
    upload = an_upload()
    append(blobs, upload, 0, b"12345")
    (root / "staging" / "no-upload").write_bytes(b"")

    (staged,) = blobs.staged()

    assert (staged.upload_id, staged.size_bytes) == (upload, 5)
    written = (root / "staging" / upload).stat().st_mtime
    assert staged.modified_at.timestamp() == pytest.approx(written, abs=1e-3)
    assert staged.modified_at.tzinfo is not None


def test_a_discarded_upload_is_gone_and_may_be_discarded_again(blobs):
    upload = an_upload()
    append(blobs, upload, 0, b"12345")

    for _ in range(2):
        blobs.discard(upload)

    assert list(blobs.staged()) == []
    with pytest.raises(UploadLost), blobs.append(upload, 5):
        pytest.fail("the part began")


def test_discarding_removes_a_file_that_was_committed_and_never_recorded(blobs):
    key = a_blob(blobs, b"nobody was told")

    blobs.discard(key)

    assert blobs.size(key) is None


def test_everything_is_private_to_its_user(blobs, root: Path):
    append(blobs, an_upload(), 0, b"staged")
    a_blob(blobs, b"stored")

    modes = {path.is_dir(): set() for path in root.rglob("*")}
    for path in [root, *root.rglob("*")]:
        modes[path.is_dir()].add(path.stat().st_mode & 0o777)
    assert modes == {True: {0o700}, False: {0o600}}
