"""`openecr fsck`: what it prints, and the code it ends with."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from openecr.cli import main
from tests.builders import an_image
from tests.jobs.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.database.close()


@pytest.fixture
def fsck(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command on that installation: exit code, what it printed, what it complained of."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["fsck", "--data-dir", str(tmp_path), *arguments])
        printed = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, printed.out, printed.err

    return run


def test_a_sound_installation(installation, fsck):
    installation.create("team/app")
    installation.push("team/app", an_image(), "1.0")

    assert fsck("--deep") == (0, "No breach.\n", "")


def test_each_breach_is_a_line_and_the_code_is_1(installation, fsck):
    installation.create("team/app")
    image = an_image()
    installation.push("team/app", image, "1.0")
    for blob in image.blobs:
        installation.path(blob).unlink()

    code, printed, _ = fsck()

    assert code == 1
    *breaches, count = printed.splitlines()
    assert {line.split()[2] for line in breaches} == {blob.digest for blob in image.blobs}
    assert count == "Breaches: 2."


def test_a_journal_is_checked_too(installation, fsck, tmp_path):
    arn = installation.create("team/app")
    journal = tmp_path / "journal"
    digest = "sha256:" + "0" * 64
    journal.write_text(json.dumps({"op": "layer", "repository": arn, "digest": digest}) + "\n")

    assert fsck("--journal", str(journal)) == (
        1,
        f"I4 {arn}@{digest} was acknowledged and is not there\nBreaches: 1.\n",
        "",
    )


def test_a_database_that_cannot_be_read_is_a_breach(installation, fsck):
    installation.database.close()
    content = installation.file.read_bytes()
    installation.file.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))

    code, printed, _ = fsck("--deep")

    assert code == 1
    assert printed.startswith("I0 ")


@pytest.mark.parametrize("text", [None, "nonsense\n"])
def test_a_journal_that_cannot_be_read_is_no_breach_but_no_check_either(installation, fsck, tmp_path, text):
    journal = tmp_path / "journal"
    if text is not None:
        journal.write_text(text)

    code, printed, complained = fsck("--journal", str(journal))

    assert (code, printed) == (2, "")
    assert "journal" in complained


def test_a_folder_without_a_database_is_not_called_sound(fsck, tmp_path):
    code, printed, complained = fsck()

    assert (code, printed) == (2, "")
    assert "There is no database" in complained
    assert list(tmp_path.iterdir()) == []
