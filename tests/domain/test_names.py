"""Names are valid because they exist."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openecr.domain.names import (
    PRIVATE_REPOSITORY_NAME,
    PUBLIC_REPOSITORY_NAME,
    TAG,
    Digest,
    InvalidName,
    find_digest,
    is_like_digest,
)
from tests.builders import NOBODYS


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_digest_is_an_algorithm_and_so_many_small_hexadecimal_digits(algorithm):
    length = {"sha256": 64, "sha512": 128}[algorithm]
    digest = Digest.parse(f"{algorithm}:{'a0' * (length // 2)}")
    assert len(digest.raw) == length // 2
    assert digest.algorithm == algorithm
    for wrong in (
        "a" * (length - 1),
        "a" * (length + 1),
        "A" * length,
        "g" * length,
        "a" * length + "\n",
        "../" + "a" * (length - 3),
    ):
        with pytest.raises(InvalidName):
            Digest.parse(f"{algorithm}:{wrong}")


def test_ecr_takes_more_for_a_digest_than_anything_here_can_have():
    ours = Digest.of_sha256(bytes(32))
    assert is_like_digest(ours.text)
    assert find_digest(ours.text) == ours
    for text in NOBODYS:
        assert is_like_digest(text)
        assert find_digest(text) is None
    for text in (
        "",
        "nonsense",
        ":",
        "sha256:",
        ":abc",
        "sha256:xyz",
        "sha256:ab\n",
        "ä:ab",
        "a:٣",
        ours.text + " ",
    ):
        assert not is_like_digest(text)
        assert find_digest(text) is None


@given(st.binary(min_size=32, max_size=32))
def test_a_digest_and_its_bytes_are_the_same_thing(raw):
    assert Digest.parse(Digest.of_sha256(raw).text).raw == raw


@pytest.mark.parametrize("name", ["ab", "a0", "a/b", "a.b/c-d", "a__b", "a--b", "team/app/x_y"])
def test_repository_names_that_are(name):
    assert PRIVATE_REPOSITORY_NAME.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["A", "a___b", "a..b", "-a", "a-", "a//b", "/a", "a/", "a b", "a\n", "ä", "..", "a/../b", "a%2fb"]
)
def test_repository_names_that_are_not(name):
    assert not PRIVATE_REPOSITORY_NAME.fullmatch(name)
    assert not PUBLIC_REPOSITORY_NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["a__b", "a--b"])
def test_public_names_keep_the_older_pattern(name):
    assert not PUBLIC_REPOSITORY_NAME.fullmatch(name)


def test_a_tag_has_128_characters_at_most():
    assert TAG.fullmatch("a" * 128)
    assert not TAG.fullmatch("a" * 129)
