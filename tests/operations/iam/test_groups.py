"""Groups and who is in them. Source: auth-iam.md §2.5; answers of AWS recorded in 2026."""

from tests.operations.iam.asking import (
    ACCOUNT,
    NO_SUCH_PAGE,
    OTHER_ACCOUNT,
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


def arn(path_and_name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:group/{path_and_name}"


def members(iam, group):
    return [user["UserName"] for user in iam.get_group(GroupName=group)["Users"]]


def groups_of(iam, user):
    return [group["GroupName"] for group in iam.list_groups_for_user(UserName=user)["Groups"]]


def test_a_group_is_made_and_shown(iam, clock):
    made = iam.create_group(GroupName="Team", Path="/dev/")["Group"]
    group_id = made["GroupId"]
    assert group_id.startswith("AGPA")
    assert made == {
        "Path": "/dev/",
        "GroupName": "Team",
        "GroupId": group_id,
        "Arn": arn("dev/Team"),
        "CreateDate": clock.now.replace(microsecond=0),
    }
    assert plain(iam.get_group(GroupName="TEAM")) == {"Group": made, "Users": [], "IsTruncated": False}
    taken = (409, "EntityAlreadyExists", "Group with name team already exists.")
    assert refusal(iam.create_group, GroupName="team") == taken


def test_a_group_is_no_user_of_that_name(iam):
    iam.create_group(GroupName="team")
    assert refusal(iam.get_user, UserName="team") == no_such("user", "team")
    iam.create_user(UserName="team")
    iam.delete_group(GroupName="team")
    iam.get_user(UserName="team")


def test_groups_are_listed_by_name_and_path(iam):
    assert plain(iam.list_groups()) == {"Groups": [], "IsTruncated": False}
    for name, path in (("c", "/dev/"), ("B", "/"), ("a", "/dev/x/"), ("d", "/development/")):
        iam.create_group(GroupName=name, Path=path)
    assert [group["GroupName"] for group in iam.list_groups()["Groups"]] == ["a", "B", "c", "d"]
    found = pages(iam.list_groups, "Groups", 1, PathPrefix="/dev/")
    assert [[group["GroupName"] for group in page] for page in found] == [["a"], ["c"]]


def test_users_are_put_in_and_taken_out(iam):
    for name in ("bob", "Ann"):
        iam.create_user(UserName=name)
    for name in ("team", "Crew"):
        iam.create_group(GroupName=name)
        for user in ("bob", "ann", "ANN"):  # who is in stays in
            assert plain(iam.add_user_to_group(GroupName=name.upper(), UserName=user)) == {}
    assert iam.get_group(GroupName="team")["Users"] == iam.list_users()["Users"]
    assert iam.list_groups_for_user(UserName="bob")["Groups"] == iam.list_groups()["Groups"]

    for _ in range(2):  # who is not in may be taken out
        assert plain(iam.remove_user_from_group(GroupName="team", UserName="bob")) == {}
    assert members(iam, "team") == ["Ann"]
    assert groups_of(iam, "bob") == ["Crew"]


def test_who_or_what_is_not_there_is_told_the_user_first(iam):
    for ask in (iam.add_user_to_group, iam.remove_user_from_group):
        assert refusal(ask, GroupName="nowhere", UserName="nobody") == no_such("user", "nobody")
    iam.create_user(UserName="bob")
    for ask, given in (
        (iam.add_user_to_group, {"UserName": "bob"}),
        (iam.remove_user_from_group, {"UserName": "bob"}),
        (iam.get_group, {}),
        (iam.update_group, {"NewPath": "/x/"}),
        (iam.delete_group, {}),
    ):
        assert refusal(ask, GroupName="nowhere", **given) == no_such("group", "nowhere")
    assert refusal(iam.list_groups_for_user, UserName="nobody") == no_such("user", "nobody")


def test_pages_of_members_and_of_groups_are_together_the_lists(iam):
    names = [f"{'Nn'[number % 2]}ame-{number}" for number in range(5)]
    for name in names:
        iam.create_user(UserName=name)
        iam.create_group(GroupName=name)
        iam.add_user_to_group(GroupName="name-0", UserName=name)
        iam.add_user_to_group(GroupName=name, UserName="name-0")
    for ask, member, asked, shown in (
        (iam.get_group, "Users", {"GroupName": "name-0"}, "UserName"),
        (iam.list_groups_for_user, "Groups", {"UserName": "name-0"}, "GroupName"),
    ):
        for size, lengths in ((1, [1] * 5), (2, [2, 2, 1]), (5, [5])):
            found = pages(ask, member, size, **asked)
            assert [len(page) for page in found] == lengths
            assert [each[shown] for page in found for each in page] == names
    marker = iam.get_group(GroupName="name-0", MaxItems=1)["Marker"]
    assert refusal(iam.get_group, GroupName="name-1", Marker=marker) == NO_SUCH_PAGE


def test_a_page_goes_on_after_a_member_who_left(iam):
    iam.create_group(GroupName="team")
    for name in ("a", "b", "c"):
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName="team", UserName=name)
    marker = iam.get_group(GroupName="team", MaxItems=1)["Marker"]
    iam.remove_user_from_group(GroupName="team", UserName="a")
    rest = iam.get_group(GroupName="team", Marker=marker)["Users"]
    assert [user["UserName"] for user in rest] == ["b", "c"]


def test_a_group_is_renamed_and_stays_what_it_is(iam):
    iam.create_user(UserName="bob")
    before = iam.create_group(GroupName="team")["Group"]
    iam.create_group(GroupName="crew")
    iam.add_user_to_group(GroupName="team", UserName="bob")
    taken = (409, "EntityAlreadyExists", "Group with name Crew already exists.")
    assert refusal(iam.update_group, GroupName="team", NewGroupName="Crew") == taken

    assert plain(iam.update_group(GroupName="TEAM", NewGroupName="Gang", NewPath="/dev/")) == {}
    after = iam.get_group(GroupName="gang")
    assert after["Group"] == before | {"GroupName": "Gang", "Path": "/dev/", "Arn": arn("dev/Gang")}
    assert [user["UserName"] for user in after["Users"]] == ["bob"]
    assert refusal(iam.get_group, GroupName="team") == no_such("group", "team")
    iam.update_group(GroupName="gang", NewPath="/ops/")
    assert iam.get_group(GroupName="gang")["Group"]["Arn"] == arn("ops/Gang")


def test_who_renames_must_be_allowed_on_the_old_name_and_on_the_new(iam, server):
    iam.create_group(GroupName="team", Path="/dev/")
    boss = server.client("iam", key=a_user(iam, "boss", allow("iam:UpdateGroup", arn("dev/team"))))
    boss.update_group(GroupName="team", NewPath="/dev/")
    assert refusal(boss.update_group, GroupName="team", NewGroupName="crew") == denied(
        f"arn:aws:iam::{ACCOUNT}:user/boss", "iam:UpdateGroup", arn("dev/crew")
    )


def test_a_group_goes_only_when_nothing_of_it_is_left(iam):
    attached = iam.create_policy(PolicyName="p", PolicyDocument=policy(allow("ecr:*")))["Policy"]["Arn"]
    iam.create_user(UserName="bob")
    iam.create_group(GroupName="team")
    iam.add_user_to_group(GroupName="team", UserName="bob")
    iam.put_group_policy(GroupName="team", PolicyName="may", PolicyDocument=policy(allow("ecr:*")))
    iam.attach_group_policy(GroupName="team", PolicyArn=attached)

    assert refusal(iam.delete_group, GroupName="team") == conflict("remove users from group")
    iam.remove_user_from_group(GroupName="team", UserName="bob")
    assert refusal(iam.delete_group, GroupName="team") == conflict("delete policies")
    iam.delete_group_policy(GroupName="team", PolicyName="may")
    assert refusal(iam.delete_group, GroupName="team") == conflict("detach all policies")
    iam.detach_group_policy(GroupName="team", PolicyArn=attached)
    assert plain(iam.delete_group(GroupName="TEAM")) == {}
    assert iam.list_groups()["Groups"] == []
    assert groups_of(iam, "bob") == []


def test_a_user_is_in_10_groups_at_most_and_the_account_has_300(iam, server):
    iam.create_user(UserName="bob")
    for number in range(300):
        iam.create_group(GroupName=f"group-{number}")
    assert refusal(iam.create_group, GroupName="more") == over_quota("GroupsPerAccount", 300)
    assert refusal(iam.get_group, GroupName="more") == no_such("group", "more")
    server.client("iam", key=server.account(OTHER_ACCOUNT)).create_group(GroupName="more")

    for number in range(10):
        iam.add_user_to_group(GroupName=f"group-{number}", UserName="bob")
    asked = {"GroupName": "group-10", "UserName": "bob"}
    assert refusal(iam.add_user_to_group, **asked) == over_quota("GroupsPerUser", 10)
    iam.add_user_to_group(GroupName="group-9", UserName="bob")
    assert len(groups_of(iam, "bob")) == 10
    iam.remove_user_from_group(GroupName="group-0", UserName="bob")
    iam.add_user_to_group(**asked)


def test_a_member_has_what_the_group_may_do(iam, server):
    bob = server.client("iam", key=a_user(iam, "bob"))
    iam.create_group(GroupName="team")
    iam.put_group_policy(GroupName="team", PolicyName="may", PolicyDocument=policy(allow("iam:GetUser")))
    user = f"arn:aws:iam::{ACCOUNT}:user/bob"
    assert refusal(bob.get_user) == denied(user, "iam:GetUser", user)
    iam.add_user_to_group(GroupName="team", UserName="bob")
    bob.get_user()
    iam.remove_user_from_group(GroupName="team", UserName="bob")
    assert refusal(bob.get_user) == denied(user, "iam:GetUser", user)


def test_accounts_know_nothing_of_each_others_groups(iam, server):
    other = server.client("iam", key=server.account(OTHER_ACCOUNT))
    iam.create_group(GroupName="team")
    iam.create_user(UserName="bob")
    assert refusal(other.get_group, GroupName="team") == no_such("group", "team")
    other.create_user(UserName="bob")
    asked = {"GroupName": "team", "UserName": "bob"}
    assert refusal(other.add_user_to_group, **asked) == no_such("group", "team")
    assert other.list_groups()["Groups"] == []
