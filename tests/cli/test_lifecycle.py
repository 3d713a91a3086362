"""`openecr lifecycle`: what a policy will have done by some day, and to have it followed now."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import an_image
from tests.cli.commands import openecr
from tests.domain.policies import UNTAGGED, a_text, keep, older_than
from tests.jobs.installation import Installation

PLACE = ("--account", "123456789012", "--region", "eu-central-1", "--repository", "team/app")


@pytest.fixture
def installation(tmp_path):
    """Two images, ten days old, of which one has a tag."""
    installation = Installation(tmp_path)
    installation.now = datetime.now(UTC) - timedelta(days=10)
    installation.create("team/app")
    for tag in (None, "1.0"):
        installation.push("team/app", an_image(), tag)
    installation.now = datetime.now(UTC)
    yield installation
    installation.database.close()


def put(installation, *rules):
    installation.ask("PutLifecyclePolicy", repositoryName="team/app", lifecyclePolicyText=a_text(*rules))


def ask(tmp_path, *arguments, place=PLACE):
    return openecr("lifecycle", *arguments, *place, "--data-dir", tmp_path)


def day(days):
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


def images(installation):
    return {
        each["imageDigest"]: each.get("imageTags", ["-"])
        for each in installation.ask("DescribeImages", repositoryName="team/app")["imageDetails"]
    }


def test_what_a_policy_will_have_done_by_a_day(installation, tmp_path):
    (untagged,) = (digest for digest, tags in images(installation).items() if tags == ["-"])
    put(installation, older_than(12, **UNTAGGED))
    later = ask(tmp_path, "simulate", "--at", day(30))
    assert (later.returncode, later.stderr) == (0, "")
    going, counted = later.stdout.splitlines()
    assert going.split()[1:] == ["expire", "rule", "1", untagged, "-"]
    assert day(2) <= going.split()[0] <= day(3)
    assert counted == "expired: 1; archived: 0; left: 1 of 2"
    sooner = ask(tmp_path, "simulate", "--at", day(0))
    assert sooner.stdout == "expired: 0; archived: 0; left: 2 of 2\n"
    assert len(images(installation)) == 2


def test_what_another_policy_would_do(installation, tmp_path):
    file = tmp_path / "policy.json"
    file.write_text(a_text(older_than(5, 3, "transition")))
    told = ask(tmp_path, "simulate", "--policy", file, "--at", f"{day(1)}T00:00:00Z")
    assert [line.split()[1:4] for line in told.stdout.splitlines()[:2]] == [["transition", "rule", "3"]] * 2
    assert told.stdout.splitlines()[2] == "expired: 0; archived: 2; left: 2 of 2"


def test_a_policy_is_followed_by_the_next_job(installation, tmp_path):
    put(installation, keep(1))
    installation.work()
    assert len(images(installation)) == 2
    told = ask(tmp_path, "run")
    assert told.stdout == "the policy of team/app is followed by the next job\n"
    installation.now = datetime.now(UTC)
    installation.work()
    assert list(images(installation).values()) == [["1.0"]]


def test_what_cannot_be_asked(installation, tmp_path):
    for what in (("run",), ("simulate", "--at", day(1))):
        refused = ask(tmp_path, *what)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "Lifecycle policy does not exist for the repository with name 'team/app'" in refused.stderr
        unknown = ask(tmp_path, *what, place=(*PLACE[:-1], "team/none"))
        assert "The repository with name 'team/none' does not exist" in unknown.stderr
    put(installation, keep(1))
    for date, complaint in (
        (day(-2), "is over, or more than 100 years ahead"),
        (day(36_530), "is over, or more than 100 years ahead"),
        ("tomorrow", "Invalid isoformat string: 'tomorrow'"),
    ):
        refused = ask(tmp_path, "simulate", "--at", date)
        assert refused.returncode == 2
        assert complaint in refused.stderr
    file = tmp_path / "policy.json"
    file.write_text("{}")
    refused = ask(tmp_path, "simulate", "--policy", file, "--at", day(1))
    assert 'object has missing required properties (["rules"])' in refused.stderr
