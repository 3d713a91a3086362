"""TagUser, UntagUser, ListUserTags; tags of a new user. Source: IAM user guide, "Tags for IAM resources"."""

import pytest

from tests.operations.iam.asking import no_such, over_quota, pages, plain, refusal

DUPLICATE = (
    400,
    "InvalidInput",
    "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
)
RESERVED = (400, "InvalidInput", "aws: prefixed tag key names are not allowed for external use.")


def tags(**given):
    """`key="value"`, as they are sent."""
    return [{"Key": key, "Value": value} for key, value in given.items()]


@pytest.fixture
def bob(iam):
    iam.create_user(UserName="bob")

    def tags_of_bob():
        shown = [(tag["Key"], tag["Value"]) for tag in iam.list_user_tags(UserName="bob")["Tags"]]
        told = iam.get_user(UserName="bob")["User"].get("Tags", [])
        assert [(tag["Key"], tag["Value"]) for tag in told] == shown
        return shown

    return tags_of_bob


def test_tags_are_set_and_listed_by_key(iam, bob):
    assert plain(iam.list_user_tags(UserName="bob")) == {"Tags": [], "IsTruncated": False}
    assert plain(iam.tag_user(UserName="BOB", Tags=tags(team="blue", Env="", cost="1"))) == {}
    assert bob() == [("Env", ""), ("cost", "1"), ("team", "blue")]
    iam.tag_user(UserName="bob", Tags=tags(team="red"))
    assert bob() == [("Env", ""), ("cost", "1"), ("team", "red")]


def test_a_key_counts_in_any_case_and_is_kept_as_it_was_last_given(iam, bob):
    iam.tag_user(UserName="bob", Tags=tags(Team="blue", env="a"))
    iam.tag_user(UserName="bob", Tags=tags(TEAM="red"))
    assert bob() == [("TEAM", "red"), ("env", "a")]
    iam.untag_user(UserName="bob", TagKeys=["team", "Team", "no-such-key"])
    assert bob() == [("env", "a")]


def test_a_key_is_given_once(iam, bob):
    for twice in (tags(k="1") + tags(k="2"), tags(k="1", K="2")):
        assert refusal(iam.tag_user, UserName="bob", Tags=twice) == DUPLICATE
        assert refusal(iam.create_user, UserName="ann", Tags=twice) == DUPLICATE
    assert bob() == []
    assert refusal(iam.get_user, UserName="ann") == no_such("user", "ann")


def test_keys_of_aws_are_not_ours_to_set(iam, bob):
    for key in ("aws:cloudformation:stack-name", "AWS:x", "aws:"):
        given = tags(fine="v", **{key: "v"})
        assert refusal(iam.tag_user, UserName="bob", Tags=given) == RESERVED
        assert refusal(iam.create_user, UserName="ann", Tags=given) == RESERVED
        assert refusal(iam.untag_user, UserName="bob", TagKeys=["fine", key]) == RESERVED
    assert bob() == []
    iam.tag_user(UserName="bob", Tags=tags(awsome="aws:x"))
    assert bob() == [("awsome", "aws:x")]


def test_a_user_has_fifty_tags_at_most(iam, bob):
    iam.tag_user(UserName="bob", Tags=tags(**{f"key-{number}": "v" for number in range(50)}))
    assert len(bob()) == 50
    assert refusal(iam.tag_user, UserName="bob", Tags=tags(more="v")) == over_quota("TagsPerUser", 50)
    iam.tag_user(UserName="bob", Tags=tags(**{"KEY-7": "changed"}))
    iam.untag_user(UserName="bob", TagKeys=["key-0"])
    iam.tag_user(UserName="bob", Tags=tags(more="v"))
    assert len(bob()) == 50


def test_keys_and_values_may_be_long_and_of_any_script(iam, bob):
    given = tags(**{letter * 128: "字" * 256 for letter in "漢äx"})
    iam.tag_user(UserName="bob", Tags=given)
    found = pages(iam.list_user_tags, "Tags", 1, UserName="bob")
    assert sorted(str(page) for page in found) == sorted(str([tag]) for tag in given)


def test_the_model_says_what_a_tag_may_be(iam, bob):
    for key, value in (("k*", "v"), ("k", "v;"), ("k" * 129, "v"), ("k", "v" * 257)):
        for ask, user in ((iam.tag_user, "bob"), (iam.create_user, "ann")):
            status, code, _ = refusal(ask, UserName=user, Tags=[{"Key": key, "Value": value}])
            assert (status, code) == (400, "ValidationError")
    many = tags(**{f"key-{number}": "v" for number in range(51)})
    status, code, _ = refusal(iam.tag_user, UserName="bob", Tags=many)
    assert (status, code) == (400, "ValidationError")
    assert bob() == []


def test_pages_of_tags_are_together_the_list(iam, bob):
    iam.tag_user(UserName="bob", Tags=tags(a="1", b="2", c="3", d="4", e="5"))
    for size, lengths in ((1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (6, [5])):
        found = pages(iam.list_user_tags, "Tags", size, UserName="bob")
        assert [len(page) for page in found] == lengths
        assert [tag["Key"] for page in found for tag in page] == list("abcde")


def test_nobody_who_is_not_there_has_tags(iam):
    for ask, given in (
        (iam.tag_user, {"Tags": tags(k="v")}),
        (iam.untag_user, {"TagKeys": ["k"]}),
        (iam.list_user_tags, {}),
    ):
        assert refusal(ask, UserName="Nobody", **given) == no_such("user", "Nobody")
