"""`openecr gc`: what it says, and what it does."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from openecr.cli import main
from openecr.domain.collecting import Brakes
from tests.builders import a_layer, an_image, sha512
from tests.jobs.garbage import TRUSTING, bound, delete
from tests.jobs.installation import Installation

DAY = timedelta(days=1)
UNKNOWN = "sha256:" + "0" * 64


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """One with a repository, three days ago: the command goes by the real time."""
    installation = Installation(tmp_path)
    installation.now = datetime.now(UTC).replace(microsecond=0) - 3 * DAY
    installation.create("team/app")
    yield installation
    installation.database.close()


@pytest.fixture
def gc(installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs the command on that installation: exit code, what it printed."""

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["gc", *arguments, "--data-dir", str(tmp_path)])
        printed = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, printed.out + (printed.err if ended.value.code == 2 else "")

    return run


def told(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def test_a_new_installation_has_nothing_to_collect(gc):
    assert gc("status") == (
        0,
        "not paused\nin review: 0 blobs\nto be removed: 0 blobs, 0 bytes\nreclaimed: 0 blobs, 0 bytes\n",
    )


def test_from_review_over_removal_to_what_was_reclaimed(installation, gc):
    layer = a_layer(b"x" * 1000)
    installation.push_layer("team/app", layer)
    pushed = installation.now
    assert gc("status")[1].splitlines()[1] == (
        f"in review: 1 blobs, the first not before {told(pushed + 2 * DAY)}"
    )
    assert gc("run", "--dry-run") == (0, f"{layer.digest}  1000\nwould go: 1 blobs, 1000 bytes of 1000\n")
    assert gc("status")[1].splitlines()[1].startswith("in review: 1 blobs")

    assert gc("run") == (0, "collected: 1 blobs; removed: 0\n")
    assert gc("run", "--dry-run")[1].startswith("would go: 0 blobs, 0 bytes")
    assert gc("status")[1].splitlines()[1:3] == [
        "in review: 0 blobs",
        f"to be removed: 1 blobs, 1000 bytes, the first not before {due(installation)}",
    ]

    installation.ask_database("UPDATE removal SET due_at = 0")
    assert gc("run") == (0, "collected: 0 blobs; removed: 1\n")
    assert gc("status")[1].splitlines()[2:] == [
        "to be removed: 0 blobs, 0 bytes",
        "reclaimed: 1 blobs, 1000 bytes",
    ]
    audited = (installation.file.parent / "audit.jsonl").read_text().splitlines()
    assert len(audited) == 1
    assert layer.digest in audited[0]


def due(installation) -> str:
    [at] = installation.ask_database("SELECT due_at FROM removal")
    return told(datetime.fromtimestamp(at / 1000, UTC))


# Why.


def test_why_something_is_kept(installation, gc):
    installation.create("other")
    image = an_image()
    installation.push("team/app", image, "1.0")
    layer = image.blobs[1]
    installation.now += 3 * DAY
    installation.push_layer("other", layer)

    code, text = gc("why", layer.digest)

    assert code == 0
    app, other = (
        f"arn:aws:ecr:eu-central-1:123456789012:repository/{name}" for name in ("team/app", "other")
    )
    key = installation.path(layer).name
    assert text.splitlines() == [
        f"{layer.digest} is a blob of {len(layer.content)} bytes, live, under key {key}",
        f"  used by {app}@{image.digest}",
        f"  promised to {other} until {told(installation.now + DAY)}",
        f"  was promised to {app} until {told(installation.now - 2 * DAY)}",
        f"  looked at not before {told(installation.now + 2 * DAY)}: if nothing holds it then, it goes",
        f"{layer.digest}: the bytes under key {copy_of(installation)} go not before "
        f"{told(installation.now)}: the same bytes were there already",
    ]
    assert gc("why", image.digest) == (0, f"{image.digest} is an image of {app}\n")


def copy_of(installation) -> str:
    [key] = installation.ask_database("SELECT key FROM removal")
    return key


def test_why_something_is_kept_that_many_images_use(installation, gc):
    layer = a_layer()
    for _ in range(22):
        installation.push("team/app", an_image(layers=[layer]))

    lines = gc("why", layer.digest)[1].splitlines()
    assert len([line for line in lines if "used by arn:" in line]) == 20
    assert "  used by 2 images more" in lines


def test_that_something_is_going_and_then_that_nothing_is_known_of_it(installation, gc):
    image = an_image()
    installation.push("team/app", image)
    delete(installation, "team/app", image.digest)
    digest = image.blobs[0].digest
    gc("run")
    assert gc("why", digest) == (
        0,
        f"{digest}: the bytes under key {copy_of_digest(installation, digest)} go not before "
        f"{due(installation)}: nothing used it and no lease was left\n",
    )
    assert gc("why", UNKNOWN) == (1, f"{UNKNOWN}: nothing is known of it\n")


def copy_of_digest(installation, digest: str) -> str:
    [key] = installation.ask_database("SELECT key FROM removal WHERE hex(digest) = ?", digest[7:].upper())
    return key


def test_a_layer_is_found_by_the_sha512_it_was_pushed_under(installation, gc):
    content = b"by another digest"
    layer = a_layer(content, digest=sha512(content))
    installation.push_layer("team/app", layer)

    assert gc("why", layer.digest)[1].startswith(f"{a_layer(content).digest} is a blob")


def test_what_is_no_digest_is_told(gc):
    assert gc("why", "latest")[0] == 2


# Paused.


def test_an_operator_sees_why_it_is_paused_and_lets_it_go_on(installation, gc):
    bound(installation, gc_brakes=Brakes(floor_bytes=0, jump=TRUSTING.jump))
    installation.push_layer("team/app", a_layer(b"x" * 1000))
    installation.now += 2 * DAY
    installation.run("collect_garbage")

    reason = "paused: 1000 bytes in a day would be more than 10 % of the 1000 stored"
    assert gc("status")[1].splitlines()[0] == reason
    assert gc("run") == (0, f"collected: 0 blobs; removed: 0\n{reason}\n")
    assert gc("run", "--dry-run")[1].splitlines()[-1] == reason

    assert gc("resume") == (0, "not paused\n")
    assert gc("status")[1].splitlines()[0] == "not paused"
    assert gc("run") == (0, "collected: 1 blobs; removed: 0\n")


def test_a_folder_without_a_database_gets_none(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["gc", "status", "--data-dir", str(tmp_path / "nothing")])
    assert ended.value.code == 2
    assert "There is no database" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()
