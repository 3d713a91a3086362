"""Failpoints: each stands where its table says, and does what the environment says."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import openecr
from openecr import failpoints
from openecr.failpoints import POINTS, fp

SOURCES = Path(openecr.__file__).parent


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


def test_each_point_of_the_table_stands_in_the_code_and_each_in_the_code_is_in_the_table():
    used = Counter(
        name
        for source in SOURCES.rglob("*.py")
        if source.name != "failpoints.py"
        for name in re.findall(r"\bfp\(\"([^\"]+)\"\)", source.read_text())
    )

    assert used == Counter(POINTS.keys())


def test_without_being_set_a_point_does_nothing():
    assert failpoints.armed() == []
    assert not any(fp(name) for name in POINTS)


def test_a_point_raises_the_error_it_is_told_to():
    failpoints.arm("blob.write=raise:ENOSPC")

    for _ in range(2):
        with pytest.raises(OSError, match="No space left on device") as raised:
            fp("blob.write")
        assert raised.value.errno == errno.ENOSPC
    assert not fp("blob.fsync")


def test_a_point_with_a_number_acts_at_that_hit_only():
    failpoints.arm("blob.fsync=skip@3")

    assert [fp("blob.fsync") for _ in range(5)] == [False, False, True, False, False]


def test_several_points_are_set_at_once_and_told():
    failpoints.arm("blob.fsync=skip; blob.write=raise:EIO@2;")

    assert failpoints.armed() == ["blob.fsync", "blob.write"]
    assert fp("blob.fsync")
    assert not fp("blob.write")
    with pytest.raises(OSError, match="Input/output error"):
        fp("blob.write")


@pytest.mark.parametrize(
    "text",
    [
        "blob.write",
        "blob.write=",
        "blob.write=explode",
        "blob.write=raise:ENOSUCHTHING",
        "blob.write=skip@0",
        "no.such_point=kill9",
        "blob.write=skip blob.fsync=skip",
    ],
)
def test_what_is_not_understood_is_refused(text):
    """A misspelt point would kill nobody, and the test that set it would pass."""
    with pytest.raises(ValueError, match="FAILPOINTS"):
        failpoints.arm(text)
    assert failpoints.armed() == []


def run(failpoint: str) -> subprocess.CompletedProcess[bytes]:
    program = "from openecr.failpoints import fp\nfor n in range(3): fp('blob.write'); print(n, flush=True)"
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "FAILPOINTS": failpoint},
        capture_output=True,
        timeout=30,
    )


def test_the_environment_can_kill_a_process_at_a_hit_of_a_point():
    ended = run("blob.write=kill9@3")

    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout == b"0\n1\n"


def test_the_environment_can_delay_a_process():
    failpoints.arm("blob.write=sleep:0.2@2")
    before = time.monotonic()
    fp("blob.write")
    between = time.monotonic()
    fp("blob.write")

    assert time.monotonic() - between >= 0.2
    assert between - before < 0.2


def test_a_process_with_an_environment_that_is_not_understood_does_not_start():
    ended = run("blob.wriet=kill9")

    assert ended.returncode == 1
    assert b"not understood" in ended.stderr
