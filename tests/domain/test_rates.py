"""What a setting makes of the rates."""

from openecr.domain.rates import DEFAULTS, NAMES, kinds_and_name, with_changes
from openecr.domain.registry import Kind
from openecr.domain.token_bucket import rate


def test_without_changes_they_are_those_of_ecr():
    rates = with_changes({}, sharers=1)
    assert len(rates) == len(DEFAULTS[Kind.PRIVATE]) + len(DEFAULTS[Kind.PUBLIC]) == 16
    assert rates["ecr", "GetDownloadUrlForLayer"] == rate(3_000, 30_000)
    assert rates["ecr-public", "UploadLayerPart"] == rate(260, 2_600)
    assert rates["ecr-public", "AnonymousPull"] == rate(1, 10)


def test_those_who_share_a_rate_have_no_more_of_it_together():
    for sharers in (1, 3, 64):
        for key, whole in with_changes({}, sharers=1).items():
            share = with_changes({}, sharers=sharers)[key]
            assert share.interval >= whole.interval * sharers - sharers
            assert share.burst <= max(1, whole.burst // sharers)


def test_a_name_is_about_both_kinds_and_one_with_a_kind_counts_more():
    changes = {"ecr-public.PutImage": 3, "PutImage": 50, "AnonymousPull": 0.5}
    rates = with_changes(changes, sharers=1)
    assert rates["ecr", "PutImage"] == rate(50, 500)
    assert rates["ecr-public", "PutImage"] == rate(3, 30)
    assert rates["ecr-public", "AnonymousPull"] == rate(0.5, 5)


def test_what_has_no_rate_is_none():
    for written in (
        "",
        "DescribeImages",
        "ecr.AnonymousPull",
        "ecr-public.BatchGetImage",
        "sts.PutImage",
        ".PutImage",
    ):
        assert kinds_and_name(written) is None
    assert all(kinds_and_name(name) for name in NAMES)
