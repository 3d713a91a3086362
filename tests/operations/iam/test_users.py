"""CreateUser, GetUser, ListUsers, UpdateUser, DeleteUser. Source: auth-iam.md §2.2, §2.5."""

from dataclasses import replace

import pytest

from openecr.domain.principal import Identity, IdentityKind
from tests.operations.iam.asking import (
    ACCOUNT,
    NAMELESS,
    NO_SUCH_PAGE,
    OTHER_ACCOUNT,
    a_session,
    a_user,
    allow,
    conflict,
    denied,
    no_such,
    over_quota,
    pages,
    plain,
    policy,
    refusal,
)

ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"


def arn(path_and_name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:user/{path_and_name}"


def a_policy(iam, name="limits") -> str:
    """The ARN of a managed policy."""
    made = iam.create_policy(PolicyName=name, PolicyDocument=policy(allow("ecr:*")))
    return made["Policy"]["Arn"]


def boundary(policy_arn: str) -> dict[str, str]:
    """As users are shown with it."""
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": policy_arn}


def test_a_user_is_made_and_shown(iam, clock):
    made = iam.create_user(UserName="bob")["User"]
    user_id = made["UserId"]
    assert user_id.startswith("AIDA")
    assert len(user_id) == 21
    assert made == {
        "Path": "/",
        "UserName": "bob",
        "UserId": user_id,
        "Arn": arn("bob"),
        "CreateDate": clock.now.replace(microsecond=0),
    }
    assert iam.get_user(UserName="bob")["User"] == made


def test_a_path_is_part_of_the_arn(iam):
    made = iam.create_user(UserName="bob", Path="/team/blue/")["User"]
    assert (made["Path"], made["Arn"]) == ("/team/blue/", arn("team/blue/bob"))


def test_a_name_is_found_in_any_case_and_kept_as_it_was_given(iam):
    made = iam.create_user(UserName="Bob")["User"]
    assert iam.get_user(UserName="bOB")["User"] == made
    taken = (409, "EntityAlreadyExists", "User with name BOB already exists.")
    assert refusal(iam.create_user, UserName="BOB", Path="/elsewhere/") == taken


def test_a_user_may_have_a_boundary_and_tags_from_the_beginning(iam):
    limits = a_policy(iam)
    tags = [{"Key": "team", "Value": "blue"}, {"Key": "Env", "Value": ""}]
    made = iam.create_user(UserName="bob", PermissionsBoundary=limits, Tags=tags)["User"]
    assert made["PermissionsBoundary"] == boundary(limits)
    assert made["Tags"] == [tags[1], tags[0]]  # by key
    assert iam.get_user(UserName="bob")["User"] == made


def test_a_boundary_must_be_a_policy_that_is_there_for_the_account(iam, server):
    aws = "arn:aws:iam::aws:policy/"
    iam.create_user(UserName="bob", PermissionsBoundary=f"{aws}AmazonEC2ContainerRegistryReadOnly")
    other = a_policy(server.client("iam", key=server.account(OTHER_ACCOUNT)))
    for unknown in (
        f"arn:aws:iam::{ACCOUNT}:policy/nowhere",
        f"{aws}NoSuchPolicy",
        other,
        f"arn:aws:iam::{ACCOUNT}:user/bob",
    ):
        assert refusal(iam.create_user, UserName="ann", PermissionsBoundary=unknown) == (
            404,
            "NoSuchEntity",
            f"Scope ARN: {unknown} does not exist or is not attachable.",
        )
    no_arn = "a-policy-without-an-arn"
    assert refusal(iam.create_user, UserName="ann", PermissionsBoundary=no_arn) == (
        400,
        "InvalidInput",
        f"ARN {no_arn} is not valid.",
    )
    assert refusal(iam.get_user, UserName="ann") == no_such("user", "ann")


def test_the_account_has_5000_users_at_most(iam, server, clock):
    first = Identity("", IdentityKind.USER, ACCOUNT, "/", "", clock.now)
    with server.parts.stores.database.transaction() as db:
        for number in range(4999):
            db.identities.add(replace(first, id=f"AIDA{number:017}", name=f"user-{number}"))
    iam.create_user(UserName="the-last")
    assert refusal(iam.create_user, UserName="too-many") == over_quota("UsersPerAccount", 5000)
    assert refusal(iam.get_user, UserName="too-many") == no_such("user", "too-many")
    server.client("iam", key=server.account(OTHER_ACCOUNT)).create_user(UserName="elsewhere")


def test_a_user_who_gives_no_name_is_told_of_itself(iam, server):
    bob = server.client(
        "iam", key=a_user(iam, "Bob", allow("iam:GetUser", arn("team/${aws:username}")), Path="/team/")
    )
    assert bob.get_user()["User"] == iam.get_user(UserName="bob")["User"]


def test_the_root_has_neither_name_nor_path(iam, server, clock):
    made_at = clock.now.replace(microsecond=0)
    clock.advance(minutes=5)
    told = iam.get_user()["User"]
    assert told == {"UserId": ACCOUNT, "Arn": ROOT_ARN, "CreateDate": made_at}


def test_a_session_of_a_role_is_no_user(server):
    session = server.client("iam", key=a_session(server, allow("iam:*")))
    assert refusal(session.get_user) == NAMELESS
    assert session.get_user(UserName="assumer")["User"]["UserName"] == "assumer"


def test_a_session_that_may_not_ask_is_denied_first(server):
    session = server.client("iam", key=a_session(server))
    me = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/shift"
    assert refusal(session.get_user) == denied(me, "iam:GetUser", me)


def test_nobody_is_found_who_is_not_there(iam):
    for ask, given in (
        (iam.get_user, {}),
        (iam.update_user, {"NewUserName": "ann"}),
        (iam.delete_user, {}),
        (iam.list_groups_for_user, {}),
    ):
        assert refusal(ask, UserName="Nobody", **given) == no_such("user", "Nobody")


def test_users_are_listed_by_name_whatever_its_case(iam):
    assert plain(iam.list_users()) == {"Users": [], "IsTruncated": False}
    limits = a_policy(iam)
    iam.create_user(UserName="carl", PermissionsBoundary=limits, Tags=[{"Key": "k", "Value": "v"}])
    ann = iam.create_user(UserName="ann")["User"]
    iam.create_user(UserName="Bob")
    listed = iam.list_users()["Users"]
    assert [user["UserName"] for user in listed] == ["ann", "Bob", "carl"]
    assert listed[0] == ann
    assert listed[2].keys() == ann.keys(), "a list tells neither boundaries nor tags"


def test_users_are_listed_under_a_path(iam):
    for name, path in (("a", "/"), ("b", "/team/"), ("c", "/team/blue/"), ("d", "/Team/"), ("e", "/teams/")):
        iam.create_user(UserName=name, Path=path)

    def under(prefix):
        return "".join(user["UserName"] for user in iam.list_users(PathPrefix=prefix)["Users"])

    assert [under(prefix) for prefix in ("/", "/team/", "/team", "/team/b", "/t%", "/x")] == [
        "abcde",
        "bc",
        "bce",
        "c",
        "",
        "",
    ]


def test_pages_of_users_are_together_the_list(iam):
    names = [f"{'Uu'[number % 2]}ser-{number:02}" for number in range(7)]
    for name in reversed(names):
        iam.create_user(UserName=name, Path="/team/")
    iam.create_user(UserName="user-03x")
    for size, lengths in ((1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (8, [7]), (1000, [7])):
        found = pages(iam.list_users, "Users", size, PathPrefix="/team/")
        assert [len(page) for page in found] == lengths
        assert [user["UserName"] for page in found for user in page] == names


def test_the_longest_names_fit_into_a_marker(iam):
    for letter in "abc":
        iam.create_user(UserName=letter * 64)
        iam.create_group(GroupName=letter * 128)
    assert len(pages(iam.list_users, "Users", 1)) == 3
    assert len(pages(iam.list_groups, "Groups", 1)) == 3


def test_a_page_has_100_users_unless_more_are_asked_for(iam):
    for number in range(101):
        iam.create_user(UserName=f"user-{number:03}")
    page = iam.list_users()
    assert (len(page["Users"]), page["IsTruncated"]) == (100, True)
    assert len(iam.list_users(Marker=page["Marker"])["Users"]) == 1
    assert len(iam.list_users(MaxItems=1000)["Users"]) == 101


def test_a_marker_holds_for_its_list_alone(iam, server):
    other = server.client("iam", key=server.account(OTHER_ACCOUNT))
    for client in (iam, other):
        for name in ("ann", "bob"):
            client.create_user(UserName=name)
            client.create_group(GroupName=name)
    marker = iam.list_users(MaxItems=1)["Marker"]
    assert [user["UserName"] for user in iam.list_users(Marker=marker)["Users"]] == ["bob"]
    for ask, asked in (
        (other.list_users, {"Marker": marker}),
        (iam.list_groups, {"Marker": marker}),
        (iam.list_users, {"Marker": marker, "PathPrefix": "/a/"}),
        (iam.list_users, {"Marker": marker[:-1] + ("B" if marker[-1] == "A" else "A")}),
        (iam.list_users, {"Marker": "bob"}),
    ):
        assert refusal(ask, **asked) == NO_SUCH_PAGE


def test_a_user_is_renamed_and_stays_who_it_is(iam, server):
    key = a_user(iam, "bob", allow("iam:GetUser"))
    before = iam.get_user(UserName="bob")["User"]
    iam.update_user(UserName="BOB", NewUserName="Robert", NewPath="/team/")
    renamed = before | {"UserName": "Robert", "Path": "/team/", "Arn": arn("team/Robert")}
    assert server.client("iam", key=key).get_user()["User"] == renamed
    assert iam.get_user(UserName="robert")["User"] == renamed
    assert refusal(iam.get_user, UserName="bob") == no_such("user", "bob")
    assert iam.create_user(UserName="bob")["User"]["UserId"] != before["UserId"]


def test_name_and_path_change_alone_too(iam):
    iam.create_user(UserName="bob", Path="/a/")
    iam.update_user(UserName="bob", NewPath="/b/")
    assert iam.get_user(UserName="bob")["User"]["Arn"] == arn("b/bob")
    iam.update_user(UserName="bob", NewUserName="BOB")
    assert iam.get_user(UserName="bob")["User"]["Arn"] == arn("b/BOB")
    iam.update_user(UserName="bob")
    assert iam.get_user(UserName="bob")["User"]["Arn"] == arn("b/BOB")


def test_nobody_is_given_a_name_that_another_has(iam):
    iam.create_user(UserName="ann")
    iam.create_user(UserName="bob")
    taken = (409, "EntityAlreadyExists", "User with name Ann already exists.")
    assert refusal(iam.update_user, UserName="bob", NewUserName="Ann", NewPath="/x/") == taken
    assert iam.get_user(UserName="bob")["User"]["Path"] == "/"


def test_who_renames_must_be_allowed_on_the_old_name_and_on_the_new(iam, server):
    for name, statements in (
        ("old", [allow("iam:UpdateUser", arn("bob"))]),
        ("new", [allow("iam:UpdateUser", arn("team/rob"))]),
        ("both", [allow("iam:UpdateUser", arn("bob")), allow("iam:UpdateUser", arn("team/rob"))]),
    ):
        a_user(iam, name)
        iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=policy(*statements))
    iam.create_user(UserName="bob")
    clients = {name: as_user(iam, server, name) for name in ("old", "new", "both")}
    asked = {"UserName": "bob", "NewUserName": "rob", "NewPath": "/team/"}
    assert refusal(clients["old"].update_user, **asked) == denied(
        arn("old"), "iam:UpdateUser", arn("team/rob")
    )
    assert refusal(clients["new"].update_user, **asked) == denied(arn("new"), "iam:UpdateUser", arn("bob"))
    clients["both"].update_user(**asked)


def as_user(iam, server, name):
    """A client with another key of that user."""
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return server.client("iam", key=(key["AccessKeyId"], key["SecretAccessKey"]))


def test_a_user_goes_only_when_nothing_of_it_is_left(iam):
    key, _ = a_user(iam, "bob", allow("iam:GetUser"), PermissionsBoundary=a_policy(iam, "boundary"))
    attached = a_policy(iam)
    iam.attach_user_policy(UserName="bob", PolicyArn=attached)
    iam.create_group(GroupName="team")
    iam.add_user_to_group(GroupName="team", UserName="bob")

    assert refusal(iam.delete_user, UserName="bob") == conflict("delete access keys")
    iam.delete_access_key(UserName="bob", AccessKeyId=key)
    assert refusal(iam.delete_user, UserName="bob") == conflict("delete policies")
    iam.delete_user_policy(UserName="bob", PolicyName="may")
    assert refusal(iam.delete_user, UserName="bob") == conflict("detach all policies")
    iam.detach_user_policy(UserName="bob", PolicyArn=attached)
    assert refusal(iam.delete_user, UserName="bob") == conflict("remove users from group")
    iam.remove_user_from_group(GroupName="team", UserName="bob")
    iam.delete_user(UserName="BOB")
    assert refusal(iam.delete_user, UserName="bob") == no_such("user", "bob")
    assert iam.list_users()["Users"] == []


def test_a_user_made_anew_is_another(iam):
    first = iam.create_user(UserName="bob", Tags=[{"Key": "k", "Value": "v"}])["User"]
    iam.delete_user(UserName="bob")
    second = iam.create_user(UserName="bob")["User"]
    assert second["UserId"] != first["UserId"]
    assert "Tags" not in second


def test_accounts_know_nothing_of_each_others_users(iam, server):
    other = server.client("iam", key=server.account(OTHER_ACCOUNT))
    ours = iam.create_user(UserName="bob")["User"]
    assert refusal(other.get_user, UserName="bob") == no_such("user", "bob")
    theirs = other.create_user(UserName="bob")["User"]
    assert theirs["Arn"] == f"arn:aws:iam::{OTHER_ACCOUNT}:user/bob"
    other.delete_user(UserName="bob")
    assert iam.list_users()["Users"] == [ours]
    assert other.list_users()["Users"] == []


@pytest.mark.parametrize(
    ("asked", "may"),
    [
        ({"UserName": "new", "Path": "/team/"}, True),
        ({"UserName": "new"}, False),
        ({"UserName": "new", "Path": "/team/", "Tags": [{"Key": "k", "Value": "v"}]}, False),
    ],
)
def test_who_makes_users_may_be_held_to_a_path_and_needs_more_to_tag(iam, server, asked, may):
    maker = server.client("iam", key=a_user(iam, "maker", allow("iam:CreateUser", arn("team/*"))))
    if may:
        maker.create_user(**asked)
        return
    action, resource = ("TagUser", "team/new") if "Tags" in asked else ("CreateUser", "new")
    assert refusal(maker.create_user, **asked) == denied(arn("maker"), f"iam:{action}", arn(resource))
    assert refusal(iam.get_user, UserName="new") == no_such("user", "new")


def test_who_makes_users_may_be_held_to_a_boundary(iam, server):
    limits, other = a_policy(iam), a_policy(iam, "other")
    bounded = allow("iam:CreateUser") | {"Condition": {"StringEquals": {"iam:PermissionsBoundary": limits}}}
    maker = server.client("iam", key=a_user(iam, "maker", bounded))
    for asked in ({}, {"PermissionsBoundary": other}):
        assert refusal(maker.create_user, UserName="new", **asked) == denied(
            arn("maker"), "iam:CreateUser", arn("new")
        )
    maker.create_user(UserName="new", PermissionsBoundary=limits)
