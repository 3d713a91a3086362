"""What an alias may be called. Source: control-plane.md §9.2, advanced-features.md §9.1."""

import pytest

from openecr.domain.registry_alias import check_name, reserved_word


@pytest.mark.parametrize("name", ["ab", "a1", "tools", "a1.b2_c3-d4", "a" * 50])
def test_a_name_that_an_alias_may_have(name):
    assert check_name(name) is None


@pytest.mark.parametrize(
    "name",
    ["", "a", "1a", "Tools", "a" * 51, "to..ols", "tools-", "-tools", "to ols", "tools\n", "töols", "a.b/c"],
)
def test_a_name_that_no_alias_may_have(name):
    assert "2 to 50 lower-case letters" in check_name(name)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("aws", "aws"),
        ("my-aws", "aws"),
        ("ecr.public", "ecr"),
        ("tools", None),
        ("awsome", None),
        ("testing", None),
    ],
)
def test_a_reserved_word_is_found_where_it_stands_alone(name, word):
    assert reserved_word(name) == word
