"""GetAccountAuthorizationDetails. Source: answers of AWS recorded in 2026."""

import json

import pytest

from tests.operations.iam.asking import ACCOUNT, NO_SUCH_PAGE, OTHER_ACCOUNT, allow, plain, policy, refusal

LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
PULL_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
TRUST = policy(
    {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ann"},
        "Action": "sts:AssumeRole",
    }
)
DOCUMENT = policy(allow("ecr:BatchGetImage"))
TAGS = [{"Key": "team", "Value": "blue"}]


@pytest.fixture
def house(iam):
    """Two users, two groups, two roles, two policies of their own and two of AWS in use; IAM."""
    own = [
        iam.create_policy(PolicyName=name, PolicyDocument=DOCUMENT, Description="ours")["Policy"]["Arn"]
        for name in ("limits", "own")
    ]
    iam.create_policy_version(PolicyArn=own[1], PolicyDocument=policy(allow("*")))
    iam.create_user(UserName="ann")
    iam.create_user(UserName="bob", Path="/team/", Tags=TAGS, PermissionsBoundary=own[0])
    iam.create_group(GroupName="Crew")
    iam.create_group(GroupName="team")
    iam.create_role(RoleName="builder", AssumeRolePolicyDocument=TRUST)
    iam.create_role(
        RoleName="worker", AssumeRolePolicyDocument=TRUST, Tags=TAGS, PermissionsBoundary=PULL_ONLY
    )
    iam.add_user_to_group(GroupName="team", UserName="bob")
    for kind, name in (("user", "bob"), ("group", "team"), ("role", "worker")):
        whom = {f"{kind.capitalize()}Name": name}
        getattr(iam, f"put_{kind}_policy")(PolicyName="inline", PolicyDocument=DOCUMENT, **whom)
        getattr(iam, f"attach_{kind}_policy")(PolicyArn=own[1], **whom)
    iam.attach_group_policy(GroupName="Crew", PolicyArn=READ_ONLY)
    return iam


def names(details):
    """What is told, list by list."""
    keys = ("UserName", "GroupName", "RoleName", "PolicyName")
    return [[each[key] for each in details[member]] for member, key in zip(LISTS, keys, strict=True)]


EVERYTHING = [
    ["ann", "bob"],
    ["Crew", "team"],
    ["builder", "worker"],
    ["limits", "own", PULL_ONLY.rpartition("/")[2], READ_ONLY.rpartition("/")[2]],
]


def test_an_empty_account_has_empty_lists(iam):
    details = plain(iam.get_account_authorization_details())
    assert details == {member: [] for member in LISTS} | {"IsTruncated": False}


def test_all_that_there_is_is_told(house):
    assert names(house.get_account_authorization_details()) == EVERYTHING


def test_users_are_told_in_full(house):
    ann, bob = house.get_account_authorization_details()["UserDetailList"]
    nothing = {"GroupList": [], "AttachedManagedPolicies": [], "Tags": []}
    assert ann == house.get_user(UserName="ann")["User"] | nothing
    assert bob == house.get_user(UserName="bob")["User"] | {
        "UserPolicyList": [{"PolicyName": "inline", "PolicyDocument": json.loads(DOCUMENT)}],
        "GroupList": ["team"],
        "AttachedManagedPolicies": [{"PolicyName": "own", "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/own"}],
        "Tags": TAGS,
        "PermissionsBoundary": {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/limits",
        },
    }


def test_groups_are_told_in_full(house):
    crew, team = house.get_account_authorization_details()["GroupDetailList"]
    assert crew == house.get_group(GroupName="crew")["Group"] | {
        "GroupPolicyList": [],
        "AttachedManagedPolicies": [{"PolicyName": READ_ONLY.rpartition("/")[2], "PolicyArn": READ_ONLY}],
    }
    assert team["GroupPolicyList"] == [{"PolicyName": "inline", "PolicyDocument": json.loads(DOCUMENT)}]


def test_roles_are_told_in_full(house):
    builder, worker = house.get_account_authorization_details()["RoleDetailList"]
    told = house.get_role(RoleName="builder")["Role"]
    assert builder == {
        "Path": "/",
        "RoleName": "builder",
        "RoleId": told["RoleId"],
        "Arn": told["Arn"],
        "CreateDate": told["CreateDate"],
        "AssumeRolePolicyDocument": json.loads(TRUST),
        "InstanceProfileList": [],
        "RolePolicyList": [],
        "AttachedManagedPolicies": [],
        "Tags": [],
    }
    assert worker["RolePolicyList"] == [{"PolicyName": "inline", "PolicyDocument": json.loads(DOCUMENT)}]
    assert worker["Tags"] == TAGS
    assert worker["PermissionsBoundary"]["PermissionsBoundaryArn"] == PULL_ONLY


def test_policies_are_told_with_their_versions(house):
    limits, own, pull_only, read_only = house.get_account_authorization_details()["Policies"]
    versions = own.pop("PolicyVersionList")
    assert own | {"Tags": []} == house.get_policy(PolicyArn=own["Arn"])["Policy"]
    assert [(each["VersionId"], each["IsDefaultVersion"]) for each in versions] == [
        ("v2", False),
        ("v1", True),
    ]
    assert [each["Document"] for each in versions] == [json.loads(policy(allow("*"))), json.loads(DOCUMENT)]
    counts = [
        (each["AttachmentCount"], each["PermissionsBoundaryUsageCount"])
        for each in (limits, own, pull_only, read_only)
    ]
    assert counts == [(0, 1), (3, 0), (0, 1), (1, 0)]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (["User"], (0,)),
        (["Group"], (1,)),
        (["Role"], (2,)),
        (["Role", "User"], (0, 2)),
        (["LocalManagedPolicy", "AWSManagedPolicy"], (3,)),
    ],
)
def test_a_filter_picks_kinds(house, wanted, told):
    details = house.get_account_authorization_details(Filter=wanted)
    assert names(details) == [EVERYTHING[index] if index in told else [] for index in range(4)]


def test_a_filter_picks_whose_policies(house):
    for wanted, told in (("LocalManagedPolicy", slice(0, 2)), ("AWSManagedPolicy", slice(2, 4))):
        details = house.get_account_authorization_details(Filter=[wanted])
        assert names(details)[3] == EVERYTHING[3][told]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10, 11])
@pytest.mark.parametrize("asked", [{}, {"Filter": ["AWSManagedPolicy", "Group"]}])
def test_pages_are_together_the_whole(house, size, asked):
    together = [[], [], [], []]
    page = house.get_account_authorization_details(MaxItems=size, **asked)
    while True:
        told = names(page)
        together = [before + more for before, more in zip(together, told, strict=True)]
        if not page["IsTruncated"]:
            break
        assert sum(map(len, told)) == size
        marker = page["Marker"]
        page = house.get_account_authorization_details(MaxItems=size, Marker=marker, **asked)
    assert 1 <= sum(map(len, told)) <= size
    assert together == names(house.get_account_authorization_details(**asked))


def test_a_marker_holds_for_its_filter_alone(house):
    marker = house.get_account_authorization_details(MaxItems=1)["Marker"]
    asked = {"Filter": ["User"], "Marker": marker}
    assert refusal(house.get_account_authorization_details, **asked) == NO_SUCH_PAGE


def test_another_account_is_told_nothing(house, server):
    other = server.client("iam", key=server.account(OTHER_ACCOUNT))
    assert names(other.get_account_authorization_details()) == [[], [], [], []]
