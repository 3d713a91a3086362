"""`openecr scrub`: what it prints, and the code it ends with."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from openecr.cli import main
from openecr.jobs import scrub as job
from openecr.server.telemetry import AUDIT_FILE
from tests.builders import an_image
from tests.jobs.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.database.close()


@pytest.fixture
def scrub(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command on that installation: exit code, what it printed, what it complained of."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["scrub", "--data-dir", str(tmp_path), *arguments])
        printed = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, printed.out, printed.err

    return run


def test_a_sound_installation(installation, scrub):
    installation.create("team/app")
    image = an_image()
    installation.push("team/app", image, "1.0")
    size = sum(len(blob.content) for blob in image.blobs)

    code, printed, _ = scrub()

    assert (code, printed) == (0, f"Blobs: 2. Bytes: {size}. Damaged: 0. Whole again: 0.\n")


def test_each_damaged_blob_is_a_line_with_the_images_that_use_it_below(installation, scrub, tmp_path):
    arn = installation.create("team/app")
    image = an_image()
    installation.push("team/app", image, "1.0")
    config, layer = image.blobs
    key = installation.path(layer).name
    installation.path(layer).write_bytes(layer.content[:-1])

    code, printed, _ = scrub("--rate", "0")

    assert code == 1
    assert printed.splitlines() == [
        f"{layer.digest} under key {key} has {len(layer.content) - 1} bytes in place of {len(layer.content)}",
        f"    {arn}@{image.digest}",
        f"Blobs: 2. Bytes: {len(config.content)}. Damaged: 1. Whole again: 0.",
    ]
    assert "BlobDamagedEvent" in (tmp_path / AUDIT_FILE).read_text()

    installation.push_layer("team/app", layer)
    assert scrub()[0] == 0


def test_the_status_is_that_of_the_last_pass(installation, scrub):
    assert scrub("--status") == (0, "No pass has ended yet.\n", "")

    installation.create("team/app")
    image = an_image()
    installation.push("team/app", image)
    installation.path(image.blobs[0]).unlink()
    scrub()
    code, printed, _ = scrub("--status")

    assert code == 1
    assert re.fullmatch(
        r"The last pass ended 20..-..-..T..:..:..Z. Blobs: 2. Bytes: \d+. Damaged: 1. Whole again: 0.\n",
        printed,
    )


def test_the_status_tells_of_a_pass_that_is_under_way(installation, scrub):
    with installation.database.transaction() as db:
        db.bookmarks.put(job.PLACE, {"began_at": 0, "blobs": 7, "size_bytes": 70, "damaged": 1})

    assert scrub("--status")[1].splitlines()[1:] == [
        "One is under way since 1970-01-01T00:00:00Z. "
        "So far: Blobs: 7. Bytes: 70. Damaged: 1. Whole again: 0."
    ]


def test_a_store_that_is_not_there_is_no_damage_unless_one_says_so(installation, scrub, monkeypatch):
    monkeypatch.setattr(job, "MISSING_IN_A_ROW", 1)
    installation.create("team/app")
    image = an_image()
    installation.push("team/app", image)
    for blob in image.blobs:
        installation.path(blob).unlink()

    code, printed, complained = scrub()
    assert (code, printed) == (2, "")
    assert "is the store there?" in complained

    code, printed, _ = scrub("--all")
    assert code == 1
    assert "Damaged: 2." in printed


@pytest.mark.parametrize(
    ("rate", "code"), [("0", 0), ("65536", 0), ("65535", 2), ("1", 2), ("fast", 2), ("-1", 2)]
)
def test_a_rate_is_nothing_or_enough(installation, scrub, rate, code):
    assert scrub(f"--rate={rate}")[0] == code


def test_a_folder_without_a_database_is_not_called_sound(scrub, tmp_path):
    code, printed, complained = scrub()

    assert (code, printed) == (2, "")
    assert "There is no database" in complained
    assert list(tmp_path.iterdir()) == []
