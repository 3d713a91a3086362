"""Which tags may move."""

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openecr.domain import tag_mutability
from openecr.domain.tag_mutability import TagMutability, matches
from openecr.errors import InvalidParameterException


def filters(*patterns):
    return [{"filterType": "WILDCARD", "filter": pattern} for pattern in patterns]


@pytest.mark.parametrize(
    ("setting", "patterns", "immutable", "mutable"),
    [
        ("MUTABLE", [], [], ["1.0", "latest"]),
        ("IMMUTABLE", [], ["1.0", "latest"], []),
        ("IMMUTABLE_WITH_EXCLUSION", ["latest*"], ["1.0", "xlatest"], ["latest", "latest-1"]),
        ("MUTABLE_WITH_EXCLUSION", ["v*", "release"], ["v1", "release"], ["1.0", "release-1"]),
    ],
)
def test_each_setting_says_which_tags_are_immutable(setting, patterns, immutable, mutable):
    mutability = tag_mutability.parse(setting, filters(*patterns))
    assert all(mutability.is_immutable(tag) for tag in immutable)
    assert not any(mutability.is_immutable(tag) for tag in mutable)


@pytest.mark.parametrize("setting", ["MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"])
@pytest.mark.parametrize("given_filters", [None, []])
def test_an_exclusion_needs_filters(setting, given_filters):
    with pytest.raises(InvalidParameterException) as caught:
        tag_mutability.parse(setting, given_filters)
    assert caught.value.text == (
        "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: "
        f"'ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as {setting}'"
    )


@pytest.mark.parametrize("setting", ["MUTABLE", "IMMUTABLE"])
def test_filters_need_an_exclusion(setting):
    with pytest.raises(InvalidParameterException, match="can't be set when"):
        tag_mutability.parse(setting, filters("a"))


def test_a_filter_has_two_wildcards_at_most():
    assert tag_mutability.parse("IMMUTABLE_WITH_EXCLUSION", filters("*a*")) == TagMutability(
        "IMMUTABLE_WITH_EXCLUSION", ("*a*",)
    )
    with pytest.raises(InvalidParameterException, match="at most 2 wildcards"):
        tag_mutability.parse("IMMUTABLE_WITH_EXCLUSION", filters("*a*b*"))


@given(st.text("ab.*", min_size=1, max_size=8), st.text("ab.", max_size=10))
def test_a_star_stands_for_any_run_and_all_else_for_itself(pattern, tag):
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), tag) is not None
    assert matches(pattern, tag) is expected
    assert matches(pattern, tag) is fnmatch.fnmatchcase(tag, pattern)
