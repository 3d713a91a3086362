"""Which repositories are scanned, and when. Source: advanced-features.md §1.3."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openecr.domain import scanning
from openecr.domain.scanning import RegistryScanning, RepositoryScanning, ScanningRule, in_force, matches
from openecr.errors import InvalidParameterException

NAMES = ("prod", "repo-prod", "prod-repo", "repo-prod-repo", "prodrepo")


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("prod", NAMES),
        ("*prod", ("prod", "repo-prod")),
        ("prod*", ("prod", "prod-repo", "prodrepo")),
        ("*prod*", NAMES),
        ("prod*repo", ("prod-repo", "prodrepo")),
        ("*", NAMES),
        ("team/", ()),
    ],
)
def test_the_table_of_the_user_guide(pattern, matched):
    assert tuple(name for name in NAMES if matches(pattern, name)) == matched


@given(st.text("ab./*", min_size=1, max_size=8), st.text("ab./", min_size=1, max_size=10))
def test_a_filter_is_part_of_the_name_or_with_a_star_all_of_it(pattern, name):
    anything = ".*".join(map(re.escape, pattern.split("*")))
    asked = re.fullmatch if "*" in pattern else re.search
    assert matches(pattern, name) is (asked(anything, name) is not None)


@given(st.text("ab-", min_size=1, max_size=6), st.text("ab-/", min_size=1, max_size=10))
def test_a_star_on_both_sides_changes_nothing(pattern, name):
    assert matches(pattern, name) is matches(f"*{pattern}*", name)


def rule(frequency, *filters):
    return {"scanFrequency": frequency, "repositoryFilters": [{"filter": each} for each in filters]}


@pytest.mark.parametrize(
    ("scan_type", "frequencies"),
    [
        ("BASIC", ["CONTINUOUS_SCAN"]),
        ("BASIC", ["MANUAL"]),
        ("BASIC", ["SCAN_ON_PUSH", "SCAN_ON_PUSH"]),
        ("ENHANCED", ["MANUAL"]),
        ("ENHANCED", ["CONTINUOUS_SCAN", "CONTINUOUS_SCAN"]),
        (None, ["CONTINUOUS_SCAN"]),
    ],
)
def test_what_does_not_go_together_is_refused(scan_type, frequencies):
    with pytest.raises(InvalidParameterException):
        scanning.parse(scan_type, [rule(each, "*") for each in frequencies])


def test_enhanced_takes_a_rule_of_each_frequency_and_the_stronger_one_counts():
    both = scanning.parse("ENHANCED", [rule("SCAN_ON_PUSH", "*", "x"), rule("CONTINUOUS_SCAN", "prod")])
    assert in_force(both, "prod", scan_on_push=False) == RepositoryScanning("CONTINUOUS_SCAN", ("prod",))
    assert in_force(both, "dev", scan_on_push=False) == RepositoryScanning("SCAN_ON_PUSH", ("*",))


@pytest.mark.parametrize("scan_type", ["BASIC", "ENHANCED"])
def test_what_no_filter_matches_is_scanned_by_hand(scan_type):
    registry = RegistryScanning(scan_type, (ScanningRule("SCAN_ON_PUSH", ("prod",)),))
    assert in_force(registry, "dev", scan_on_push=False) == RepositoryScanning("MANUAL", ())
    own = "SCAN_ON_PUSH" if scan_type == "BASIC" else "MANUAL"
    assert in_force(registry, "dev", scan_on_push=True) == RepositoryScanning(own, ())
