"""What the disk can do to a store: refuse to write, to sync, to rename (reliability.md B2)."""

import errno
from pathlib import Path

import pytest

from openecr.blobs.files import FileBlobs, UploadLost
from tests.blobs.helpers import a_blob, an_upload, append, commit, read, sha256

FAULTS = ["ENOSPC", "EIO", "EMFILE", "EROFS"]


def number(name: str) -> int:
    return getattr(errno, name)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_part_that_cannot_be_written_fails_and_frees_its_room(blobs, faults, fault):
    upload = an_upload()
    append(blobs, upload, 0, b"first ")
    faults(f"blob.write=raise:{fault}@2")

    with pytest.raises(OSError) as failure:
        append(blobs, upload, 6, b"written", b"refused")

    assert failure.value.errno == number(fault)
    assert [each.size_bytes for each in blobs.staged()] == [6]
    append(blobs, upload, 6, b"second")
    assert str(blobs.digest(upload, 12)) == sha256(b"first second")


def test_a_part_that_could_not_be_synced_is_thrown_away_with_its_upload(blobs, faults):
    """A second sync might succeed although the kernel has dropped the bytes."""
    upload = an_upload()
    append(blobs, upload, 0, b"first ")
    faults("blob.fsync=raise:EIO@1")

    with pytest.raises(OSError, match="Input/output error"):
        append(blobs, upload, 6, b"second")

    assert list(blobs.staged()) == []
    with pytest.raises(UploadLost):
        append(blobs, upload, 6, b"second")
    append(blobs, upload, 0, b"anew")
    assert str(blobs.digest(upload, 4)) == sha256(b"anew")


def test_a_first_part_whose_name_could_not_be_synced_is_thrown_away(blobs, faults):
    faults("blob.fsync=raise:EIO@2")

    with pytest.raises(OSError, match="Input/output error"):
        append(blobs, an_upload(), 0, b"first")

    assert list(blobs.staged()) == []


# With an old folder a commit syncs the file and the folder; with a new one the folder above it between them.
@pytest.mark.parametrize("sync", [1, 2, 3])
def test_a_blob_that_could_not_be_synced_is_thrown_away(blobs, faults, sync):
    upload = an_upload()
    append(blobs, upload, 0, b"content")
    faults(f"blob.fsync=raise:EIO@{sync}")

    with pytest.raises(OSError, match="Input/output error"):
        commit(blobs, upload, b"content")

    assert blobs.size(upload) is None
    assert not any(Path(blobs.path(upload)).parent.parent.iterdir()) or sync == 3
    faults("")
    if sync == 2:  # its own bytes were safe, and it still had its staging name
        assert read(blobs, commit(blobs, upload, b"content")) == b"content"
    else:
        with pytest.raises(UploadLost):
            commit(blobs, upload, b"content")


def test_a_commit_that_is_repeated_syncs_what_the_first_may_not_have_come_to(blobs, faults):
    key = a_blob(blobs, b"content")
    faults("blob.fsync=raise:EIO@1")

    with pytest.raises(OSError, match="Input/output error"):
        commit(blobs, key, b"content")

    assert read(blobs, key) == b"content"  # it may be a blob already, of which a row speaks


def test_a_folder_that_another_process_made_is_synced_by_each_that_relies_on_it(blobs, restarted, faults):
    """Its maker may have died, or be slow, between making it and making it safe."""
    first = an_upload()
    second = first[:2] + an_upload()[2:]
    for upload in (first, second):
        append(blobs, upload, 0, upload.encode())
    commit(blobs, first, first.encode())
    later = restarted()
    faults("blob.fsync=raise:EIO@2")  # after the file's own

    with pytest.raises(OSError, match="Input/output error"):
        commit(later, second, second.encode())

    assert read(later, first) == first.encode()
    assert read(later, commit(later, second, second.encode())) == second.encode()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_blob_that_could_not_get_its_name_can_be_committed_later(blobs, faults, fault):
    upload = an_upload()
    append(blobs, upload, 0, b"content")
    faults(f"blob.rename=raise:{fault}@1")

    with pytest.raises(OSError) as failure:
        commit(blobs, upload, b"content")

    assert failure.value.errno == number(fault)
    assert blobs.size(upload) is None
    assert read(blobs, commit(blobs, upload, b"content")) == b"content"


def test_other_blobs_can_be_read_and_written_after_a_fault(blobs, faults):
    old = a_blob(blobs, b"old")
    faults("blob.write=raise:ENOSPC@1")
    with pytest.raises(OSError, match="No space left"):
        a_blob(blobs, b"refused")

    assert read(blobs, old) == b"old"
    assert read(blobs, a_blob(blobs, b"new")) == b"new"


def test_a_store_that_cannot_make_its_folders_safe_does_not_start(root, faults):
    faults("blob.fsync=raise:EIO@1")

    with pytest.raises(OSError, match="Input/output error"):
        FileBlobs(root)


def test_a_store_without_fsync_never_syncs(root, faults):
    faults("blob.fsync=raise:EIO")
    with pytest.raises(OSError, match="Input/output error"):
        FileBlobs(root)
    faults("")

    blobs = FileBlobs(root, fsync=False)

    assert read(blobs, a_blob(blobs, b"content")) == b"content"
