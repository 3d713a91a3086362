"""What a setting makes of the quotas."""

from dataclasses import replace

from openecr.domain.quotas import DEFAULTS, Quotas, kinds_and_name, with_changes
from openecr.domain.registry import Kind


def test_without_changes_they_are_those_of_ecr():
    assert with_changes({}) == DEFAULTS
    assert DEFAULTS[Kind.PRIVATE] == Quotas(100_000, 100_000, 1_000, 4_200, 52_000, 50, 100, 10_000)
    assert DEFAULTS[Kind.PUBLIC] == Quotas(10_000, 100_000, 1_000, 1_000, 10_000, 50, 100, 10_000)


def test_a_name_is_about_both_kinds_and_one_with_a_kind_counts_more():
    for changes in (
        {"repositories": 5, "ecr-public.repositories": 7, "ecr.layer_parts": 3},
        {"ecr-public.repositories": 7, "ecr.layer_parts": 3, "repositories": 5},
    ):
        assert with_changes(changes) == {
            Kind.PRIVATE: replace(DEFAULTS[Kind.PRIVATE], repositories=5, layer_parts=3),
            Kind.PUBLIC: replace(DEFAULTS[Kind.PUBLIC], repositories=7),
        }


def test_what_is_no_name_is_none():
    for written in (
        "",
        "images",
        "ecr.",
        "ecr.images",
        "sts.sessions",
        "ecr-public.sessions",
        "ecr.ecr.sessions",
    ):
        assert kinds_and_name(written) is None
    assert kinds_and_name("ecr.sessions") == ([Kind.PRIVATE], "sessions")
