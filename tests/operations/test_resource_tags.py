"""TagResource, UntagResource, ListTagsForResource, over both APIs. Source: control-plane.md §2.8."""

import pytest

from tests.operations.refusals import invalid, no_repository, refusal

REPOSITORY = "team/app"
BAD_ARN = invalid("resourceArn", "Invalid ARN")


@pytest.fixture
def arn(api):
    return api.describe_repositories()["repositories"][0]["repositoryArn"]


def tag(api, arn, **tags):
    """`key="value"`, in this order."""
    given = [{"Key": key, "Value": value} for key, value in tags.items()]
    answer = api.tag_resource(resourceArn=arn, tags=given)
    assert answer.keys() == {"ResponseMetadata"}


def tags_of(api, arn):
    return [(tag["Key"], tag["Value"]) for tag in api.list_tags_for_resource(resourceArn=arn)["tags"]]


def no_tag(text) -> tuple[str, str]:
    return "InvalidTagParameterException", text


def test_tags_are_listed_in_the_order_they_were_set(api, arn):
    assert tags_of(api, arn) == []
    tag(api, arn, env="dev", team="a")
    tag(api, arn, empty="", Env="other")
    assert tags_of(api, arn) == [("env", "dev"), ("team", "a"), ("empty", ""), ("Env", "other")]


def test_a_tag_set_again_has_the_new_value_and_the_others_stay(api, arn):
    tag(api, arn, env="dev", team="a")
    tag(api, arn, env="prod")
    assert dict(tags_of(api, arn)) == {"env": "prod", "team": "a"}


def test_tags_are_removed_by_key(api, arn):
    tag(api, arn, env="dev", team="a", other="b")
    answer = api.untag_resource(resourceArn=arn, tagKeys=["env", "other", "no-such-key"])
    assert answer.keys() == {"ResponseMetadata"}
    assert tags_of(api, arn) == [("team", "a")]
    api.untag_resource(resourceArn=arn, tagKeys=[])
    api.untag_resource(resourceArn=arn, tagKeys=["ENV"])
    assert tags_of(api, arn) == [("team", "a")]


def test_a_repository_has_fifty_tags_at_most(api, arn):
    tag(api, arn, **{f"key-{number}": "v" for number in range(49)})
    too_many = ("TooManyTagsException", "The repository cannot have more than 50 tags.")
    two = [{"Key": "new", "Value": "v"}, {"Key": "newer", "Value": "v"}]
    assert refusal(api.tag_resource, resourceArn=arn, tags=two) == too_many
    assert len(tags_of(api, arn)) == 49
    tag(api, arn, new="v", **{"key-0": "changed"})
    assert refusal(api.tag_resource, resourceArn=arn, tags=two[1:]) == too_many
    tag(api, arn, new="changed")
    api.untag_resource(resourceArn=arn, tagKeys=["new"])
    tag(api, arn, newer="v")


def test_keys_and_values_have_their_lengths(api, arn, service):
    tag(api, arn, **{"k" * 128: "v" * 256})
    for key, value, member, length in (
        ("k" * 129, "v", "Key", 128),
        ("k", "v" * 257, "Value", 256),
    ):
        given = [{"Key": key, "Value": value}]
        if service == "ecr-public":  # whose model says so
            reason = f"Member must have length less than or equal to {length}"
            expected = invalid(member, reason)
        elif member == "Key":
            expected = no_tag("The tag key must have between 1 and 128 characters.")
        else:
            expected = no_tag("The tag value must have at most 256 characters.")
        assert refusal(api.tag_resource, resourceArn=arn, tags=given) == expected
    assert tags_of(api, arn) == [("k" * 128, "v" * 256)]


def test_keys_and_values_are_of_letters_digits_blanks_and_a_few_signs(api, arn):
    tag(api, arn, **{"aZ09 +-=._:/@": "äß 漢字 +-=._:/@"})
    for key, value in (("a,b", "v"), ("k", "v!"), ("k", "<v>"), ("k\x00", "v"), ("k*", "v")):
        given = [{"Key": key, "Value": value}]
        refused = no_tag("The tag key or value has a character that is not allowed.")
        assert refusal(api.tag_resource, resourceArn=arn, tags=given) == refused
    assert len(tags_of(api, arn)) == 1


def test_some_keys_and_values_are_not_ours_to_set(api, arn):
    reserved = no_tag("aws: prefixed tag key names are not allowed for external use.")
    for key in ("aws:cloudformation:stack-name", "AWS:x", "aws:"):
        given = [{"Key": "fine", "Value": "v"}, {"Key": key, "Value": "v"}]
        assert refusal(api.tag_resource, resourceArn=arn, tags=given) == reserved
        assert refusal(api.untag_resource, resourceArn=arn, tagKeys=["fine", key]) == reserved
        given = [{"Key": "fine", "Value": key}]
        assert refusal(api.tag_resource, resourceArn=arn, tags=given) == reserved
    assert tags_of(api, arn) == []
    tag(api, arn, awsome="not aws:x")


def test_a_key_is_given_once(api, arn):
    given = [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]
    refused = no_tag("The same tag key is given more than once.")
    assert refusal(api.tag_resource, resourceArn=arn, tags=given) == refused
    assert tags_of(api, arn) == []


@pytest.mark.parametrize("service", ["ecr-public"])
def test_a_public_tag_may_have_no_value_but_must_have_a_key(api, arn):
    api.tag_resource(resourceArn=arn, tags=[{"Key": "k"}])
    assert tags_of(api, arn) == [("k", "")]
    refused = no_tag("The tag key must have between 1 and 128 characters.")
    assert refusal(api.tag_resource, resourceArn=arn, tags=[{"Value": "v"}]) == refused


@pytest.mark.parametrize("service", ["ecr-public"])
def test_a_public_list_of_tags_has_200_at_most(api, arn):
    many = [{"Key": f"k{number}", "Value": "v"} for number in range(201)]
    reason = "Member must have length less than or equal to 200"
    assert refusal(api.tag_resource, resourceArn=arn, tags=many) == invalid("tags", reason)
    keys = [each["Key"] for each in many]
    assert refusal(api.untag_resource, resourceArn=arn, tagKeys=keys) == invalid("tagKeys", reason)
    api.untag_resource(resourceArn=arn, tagKeys=keys[:200])


def asks(api, arn):
    """The three operations, about this ARN."""
    return [
        lambda: api.list_tags_for_resource(resourceArn=arn),
        lambda: api.tag_resource(resourceArn=arn, tags=[{"Key": "k", "Value": "v"}]),
        lambda: api.untag_resource(resourceArn=arn, tagKeys=["k"]),
    ]


def test_what_is_no_arn_of_a_repository_is_refused(api, arn, service):
    other_service = "ecr" if service == "ecr-public" else "ecr-public"
    for wrong in (
        REPOSITORY,
        "arn:aws:ecr",
        arn.replace("repository/", "registry/"),
        arn.replace(f"repository/{REPOSITORY}", "repository/"),
        arn.replace(f":{service}:", f":{other_service}:"),
        arn.replace(f":{service}:", ":s3:"),
        arn.replace("000000000000", "0000"),
    ):
        for ask in asks(api, wrong):
            assert refusal(ask) == BAD_ARN


def test_the_arn_of_an_unknown_repository_names_none(api, arn):
    for ask in asks(api, arn.replace(REPOSITORY, "nowhere")):
        assert refusal(ask) == no_repository("nowhere")


@pytest.mark.parametrize("service", ["ecr"])
def test_a_repository_is_tagged_in_its_own_region(api, arn):
    for ask in asks(api, arn.replace("us-east-1", "eu-west-1")) + asks(api, arn.replace("us-east-1", "")):
        assert refusal(ask) == BAD_ARN


@pytest.mark.parametrize("service", ["ecr-public"])
def test_a_public_arn_has_no_region(api, arn, server):
    assert arn == f"arn:aws:ecr-public::000000000000:repository/{REPOSITORY}"
    for ask in asks(api, arn.replace("::", ":us-east-1:")):
        assert refusal(ask) == BAD_ARN
    tag(server.client("ecr-public", region="eu-west-1"), arn, k="v")
    assert tags_of(api, arn) == [("k", "v")]


def test_the_repository_of_another_account_cannot_be_tagged(api, arn, server, service):
    tag(api, arn, k="v")
    other = server.client(service, key=server.account("111122223333"))
    actions = ("ListTagsForResource", "TagResource", "UntagResource")
    for ask, action in zip(asks(other, arn), actions, strict=True):
        assert refusal(ask) == (
            "AccessDeniedException",
            f"User: arn:aws:iam::111122223333:root is not authorized to perform: {service}:{action} on "
            f"resource: {arn} because no resource-based policy allows the {service}:{action} action",
        )
    assert tags_of(api, arn) == [("k", "v")]


def test_tags_die_with_their_repository(api, arn):
    tag(api, arn, k="v")
    api.delete_repository(repositoryName=REPOSITORY)
    for ask in asks(api, arn):
        assert refusal(ask) == no_repository(REPOSITORY)
    api.create_repository(repositoryName=REPOSITORY)
    assert tags_of(api, arn) == []
