"""`openecr coverage`, and the page that is made of it."""

import subprocess
from pathlib import Path

import pytest
from botocore.loaders import Loader

from tests.cli.commands import OPENECR, environment, openecr

DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"


@pytest.fixture(scope="module")
def listed():
    """Per service the heading, and the lines below it as (is there, name, note)."""
    ended = openecr("coverage")
    assert (ended.returncode, ended.stderr) == (0, "")
    found = {}
    for section in ended.stdout.strip().split("\n\n"):
        heading, *lines = section.splitlines()
        service, _, counts = heading.partition(": ")
        rows = [line.split(maxsplit=2) for line in lines]
        found[service] = counts, [(row[0] == "yes", row[1], "".join(row[2:])) for row in rows]
    return found


def test_all_four_services_are_listed(listed):
    assert list(listed) == ["ecr", "ecr-public", "sts", "iam"]


@pytest.mark.parametrize("service", ["ecr", "ecr-public", "sts", "iam"])
def test_every_operation_of_the_model_has_its_line_and_all_are_counted(listed, service):
    names = list(Loader().load_service_model(service, "service-2")["operations"])
    counts, rows = listed[service]

    assert [name for _, name, note in rows if "unlisted" not in note] == names
    there = sum(is_there for is_there, name, _ in rows if name in names)
    assert counts == f"{there} of {len(names)} operations, {len(names) - there} missing"


def test_what_is_there_and_what_is_not(listed):
    there = {
        (service, name) for service, (_, rows) in listed.items() for is_there, name, _ in rows if is_there
    }

    assert {("ecr", "PutImage"), ("ecr-public", "PutImage"), ("ecr", "ListTags")} <= there
    assert ("ecr", "StartImageScan") not in there
    assert ("iam", "CreateSAMLProvider") not in there


def test_what_is_only_stored_says_so(listed):
    notes = {name: note for is_there, name, note in listed["ecr"][1] if is_there}

    assert notes["CreateRepository"] == "(scan on push, encryption: stored only)"
    assert notes["PutRegistryScanningConfiguration"] == "(scanning: stored only)"
    assert notes["MountLayer"] == "(unlisted: for the OCI front)"
    assert notes["PutImage"] == ""


def test_what_is_missing_can_be_had_alone(listed):
    ended = openecr("coverage", "--missing")

    missing = [
        f"{of} {name}" for of, (_, rows) in listed.items() for is_there, name, _ in rows if not is_there
    ]
    assert (ended.returncode, ended.stdout.splitlines()) == (0, missing)


def test_the_page_says_what_the_code_does():
    ended = openecr("coverage", "--markdown")

    assert ended.returncode == 0
    assert ended.stdout == DOCUMENT.read_text(), "make docs"


def test_a_reader_that_has_seen_enough_ends_it_silently():
    shell = subprocess.run(
        ["sh", "-c", '"$0" "$@" | head -1', *OPENECR, "coverage"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert shell.stderr == ""
    assert shell.stdout.startswith("ecr: ")
