"""Who may assume a role, as it is said, kept and shown. Source: auth-iam.md §4.1, §4.2."""

import json
from urllib.parse import unquote

import pytest

from tests.operations.iam.asking import ACCOUNT, OTHER_ACCOUNT, over_quota, policy, refusal
from tests.operations.iam.kinds import TRUST
from tests.operations.iam.test_roles import a_role
from tests.running import ROOT, Clients


def user_arn(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:user/{name}"


def trusting(*principals: str) -> str:
    named = list(principals) if len(principals) > 1 else principals[0]
    return policy({"Effect": "Allow", "Principal": {"AWS": named}, "Action": "sts:AssumeRole"})


def malformed(text: str):
    return 400, "MalformedPolicyDocument", text


def trusted(iam, role="deploy"):
    """The principals that the role's trust policy names now."""
    document = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    return document["Statement"][0]["Principal"]["AWS"]


def text_of(server, role="deploy"):
    """The trust policy as it was answered, in every letter: boto3 only shows what it says."""
    client = Clients(server.port).client("iam", ROOT, "us-east-1")
    answered = []

    def look(parsed, **_):
        answered.append(unquote(parsed["Role"]["AssumeRolePolicyDocument"]))

    client.meta.events.register_first("after-call.iam.GetRole", look)
    client.get_role(RoleName=role)
    return answered[0]


def test_a_policy_that_names_no_user_and_no_role_is_shown_as_it_was_sent(server, iam):
    sent = """{ "Statement" : [ {"Action":"sts:AssumeRole",\n\t"Principal":{"Service":"ecr.amazonaws.com"},
        "Effect":"Allow", "Sid" : "100" } ] }"""
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=sent)
    assert text_of(server) == sent


def test_a_user_is_kept_by_id_and_shown_by_arn(iam):
    user = iam.create_user(UserName="bob", Path="/team/")["User"]
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trusting(user["Arn"]))
    assert trusted(iam) == user["Arn"]

    iam.update_user(UserName="bob", NewUserName="robert")
    assert trusted(iam) == user_arn("team/robert")


def test_a_user_who_is_gone_is_shown_by_id_and_a_namesake_is_another(iam):
    user = iam.create_user(UserName="bob")["User"]
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trusting(user["Arn"]))
    iam.delete_user(UserName="bob")
    assert trusted(iam) == user["UserId"]
    iam.create_user(UserName="bob")
    assert trusted(iam) == user["UserId"]


def test_an_id_that_nobody_has_cannot_be_trusted(iam):
    user = iam.create_user(UserName="bob")["User"]
    assert a_role(iam, "first")
    iam.update_assume_role_policy(RoleName="first", PolicyDocument=trusting(user["UserId"]))
    assert trusted(iam, "first") == user["Arn"]

    iam.delete_user(UserName="bob")
    unknown = malformed(f'Invalid principal in policy: "AWS":"{user["UserId"]}"')
    document = trusting(user["UserId"])
    assert refusal(iam.update_assume_role_policy, RoleName="first", PolicyDocument=document) == unknown


def test_a_role_can_trust_another_and_itself_when_it_is_there(iam):
    first = a_role(iam, "first")
    second = iam.create_role(RoleName="second", AssumeRolePolicyDocument=trusting(first["Arn"]))["Role"]
    both = trusting(first["Arn"], second["Arn"])
    iam.update_assume_role_policy(RoleName="second", PolicyDocument=both)
    assert trusted(iam, "second") == [first["Arn"], second["Arn"]]


@pytest.mark.parametrize("kind", ["user", "role"])
def test_users_and_roles_of_an_account_that_is_here_must_be_there(iam, server, kind):
    server.account(OTHER_ACCOUNT)
    for account in (ACCOUNT, OTHER_ACCOUNT):
        ghost = f"arn:aws:iam::{account}:{kind}/ghost"
        unknown = malformed(f'Invalid principal in policy: "AWS":"{ghost}"')
        asked = {"RoleName": "deploy", "AssumeRolePolicyDocument": trusting(ghost)}
        assert refusal(iam.create_role, **asked) == unknown
    assert iam.list_roles()["Roles"] == []


def test_a_path_is_part_of_who_is_trusted(iam):
    iam.create_user(UserName="bob", Path="/team/")
    unknown = malformed(f'Invalid principal in policy: "AWS":"{user_arn("bob")}"')
    asked = {"RoleName": "deploy", "AssumeRolePolicyDocument": trusting(user_arn("bob"))}
    assert refusal(iam.create_role, **asked) == unknown


def test_users_of_an_account_that_is_elsewhere_stay_as_written(iam):
    elsewhere = user_arn("ghost", "999999999999")
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trusting(elsewhere))
    assert trusted(iam) == elsewhere


def test_an_account_is_shown_as_its_root(iam):
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trusting(ACCOUNT, "999999999999"))
    assert trusted(iam) == [f"arn:aws:iam::{ACCOUNT}:root", "arn:aws:iam::999999999999:root"]


def test_who_else_may_be_trusted_stays_as_written(iam):
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/run"
    document = policy(
        {"Effect": "Allow", "Principal": {"AWS": session}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:TagSession"},
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/ci.example.com"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {"ci.example.com:aud": ACCOUNT}},
        },
    )
    made = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=document)["Role"]
    assert made["AssumeRolePolicyDocument"] == json.loads(document)


def test_what_merely_looks_like_a_principal_is_left_alone(iam):
    user = iam.create_user(UserName="bob")["User"]
    document = json.loads(trusting(user["Arn"]))
    document["Statement"][0]["Condition"] = {"ArnEquals": {"aws:PrincipalArn": user["Arn"]}}
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=json.dumps(document))
    iam.update_user(UserName="bob", NewUserName="robert")

    shown = iam.get_role(RoleName="deploy")["Role"]["AssumeRolePolicyDocument"]
    assert shown["Statement"][0]["Principal"]["AWS"] == user_arn("robert")
    assert shown["Statement"][0]["Condition"] == document["Statement"][0]["Condition"]


def test_another_policy_takes_the_place_of_the_first(iam):
    a_role(iam)
    iam.update_assume_role_policy(RoleName="deploy", PolicyDocument=trusting(ACCOUNT))
    assert trusted(iam) == f"arn:aws:iam::{ACCOUNT}:root"


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("no json", "This policy contains invalid Json"),
        ("[" * 100_000, "This policy contains invalid Json"),
        ("{}", "Syntax errors in policy."),
        ("[]", "Syntax errors in policy."),
        (policy(), "Syntax errors in policy."),
        (
            policy({"Effect": "allow", "Principal": "*", "Action": "sts:AssumeRole"}),
            "Syntax errors in policy.",
        ),
        (policy({"Principal": "*", "Action": "sts:AssumeRole"}), "Missing required field Effect"),
        (policy({"Effect": "Allow", "Action": "sts:AssumeRole"}), "Missing required field Principal"),
        (policy({"Effect": "Allow", "Principal": "*"}), "Missing required field Action"),
        (
            policy({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*"}),
            "Has prohibited field Resource",
        ),
        (trusting(user_arn("*")), f'Invalid principal in policy: "AWS":"{user_arn("*")}"'),
        (
            policy({"Effect": "Allow", "Principal": {"\ud800": "ci"}, "Action": "sts:AssumeRole"}),
            "Syntax errors in policy.",
        ),
        (trusting("bob\x01"), "Syntax errors in policy."),
        (trusting("bob"), 'Invalid principal in policy: "AWS":"bob"'),
        (
            policy({"Effect": "Allow", "Principal": {"Service": "*"}, "Action": "sts:AssumeRole"}),
            'Invalid principal in policy: "SERVICE":"*"',
        ),
        (
            policy({"Effect": "Allow", "Principal": {"Group": "ci"}, "Action": "sts:AssumeRole"}),
            'Invalid principal in policy: "Group"',
        ),
        (
            policy({"Effect": "Allow", "Principal": "*", "Action": ["sts:AssumeRole", "ecr:PutImage"]}),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
    ],
    ids=range(17),
)
def test_what_is_no_trust_policy_is_refused(iam, document, text):
    a_role(iam)
    asked = {"RoleName": "deploy", "PolicyDocument": document}
    assert refusal(iam.update_assume_role_policy, **asked) == malformed(text)
    asked = {"RoleName": "other", "AssumeRolePolicyDocument": document}
    assert refusal(iam.create_role, **asked) == malformed(text)


def test_a_trust_policy_has_2048_characters_at_most_blanks_not_counted(iam):
    document = json.loads(TRUST)
    document["Id"] = ""
    spare = 2048 - len("".join(json.dumps(document).split()))
    document["Id"] = "x" * spare
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=json.dumps(document, indent=8))
    document["Id"] += "x"
    asked = {"RoleName": "deploy", "PolicyDocument": json.dumps(document)}
    assert refusal(iam.update_assume_role_policy, **asked) == over_quota("ACLSizePerRole", 2048)
