"""STS: who am I, and temporary credentials. Source: auth-iam.md §2.3, §2.4."""

import json

import pytest
import requests
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.every_operation.principals import a_user, allow, deny, policy
from tests.running import ROOT

ACCOUNT = "000000000000"
OTHER = "111122223333"
EVERYTHING = allow("*", "*")


@pytest.fixture
def iam(server):
    return server.client("iam")


@pytest.fixture
def alice(iam):
    return a_user(iam, "alice")


@pytest.fixture
def sts(server, alice):
    """As alice."""
    return server.client("sts", key=alice.key)


def a_role(iam, name="dev", *, trusts, condition=None, actions="sts:AssumeRole", **settings):
    statement = {"Effect": "Allow", "Principal": {"AWS": trusts}, "Action": actions}
    if condition:
        statement["Condition"] = condition
    trust = policy(statement)
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **settings)["Role"]


def assumed(sts, role, **given):
    return sts.assume_role(RoleArn=role["Arn"], RoleSessionName="shift", **given)


def key_of(answer):
    made = answer["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]


def refused(call, **given):
    """Status, code and message."""
    with pytest.raises(ClientError) as error:
        call(**given)
    answer = error.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


# Who am I.


def test_everybody_learns_who_they_are_even_under_a_deny(server, iam, alice, sts):
    alice.may(deny("*", "*"))
    role = a_role(iam, trusts=alice.arn, Path="/team/")
    user_id = iam.get_user(UserName="alice")["User"]["UserId"]

    root = server.client("sts").get_caller_identity()
    user = sts.get_caller_identity()

    assert (root["UserId"], root["Account"], root["Arn"]) == (
        ACCOUNT,
        ACCOUNT,
        f"arn:aws:iam::{ACCOUNT}:root",
    )
    assert (user["UserId"], user["Arn"]) == (user_id, f"arn:aws:iam::{ACCOUNT}:user/alice")
    alice.may()
    session = server.client("sts", key=key_of(assumed(sts, role))).get_caller_identity()
    assert session["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/shift"
    assert session["UserId"] == f"{role['RoleId']}:shift"


def test_a_pre_signed_url_tells_who_signed_it(server, iam, alice, sts):
    session = key_of(assumed(sts, a_role(iam, trusts=alice.arn)))
    for key, arn in ((ROOT, f"arn:aws:iam::{ACCOUNT}:root"), (session, "assumed-role/dev/shift")):
        url = f"{server.url}/?Action=GetCallerIdentity&Version=2011-06-15"
        request = AWSRequest("GET", url)
        SigV4QueryAuth(Credentials(*key), "sts", "us-east-1", expires=60).add_auth(request)
        answer = requests.get(request.prepare().url, timeout=10)
        assert answer.status_code == 200
        assert arn in answer.text
        assert requests.get(request.prepare().url + "0", timeout=10).status_code == 403


# Assuming a role.


def test_a_role_may_be_assumed_by_whom_it_trusts(server, iam, alice, sts, ecr):
    role = a_role(iam, trusts=alice.arn)
    iam.put_role_policy(
        RoleName="dev", PolicyName="make", PolicyDocument=policy(allow("ecr:CreateRepository", "*"))
    )

    answer = assumed(sts, role)

    assert answer["AssumedRoleUser"] == {
        "AssumedRoleId": f"{role['RoleId']}:shift",
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/shift",
    }
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    assert "PackedPolicySize" not in answer
    server.client("ecr", key=key_of(answer)).create_repository(repositoryName="made")
    text = (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/dev/shift is not authorized to perform: "
        f"ecr:DeleteRepository on resource: arn:aws:ecr:us-east-1:{ACCOUNT}:repository/made because no "
        "identity-based policy allows the ecr:DeleteRepository action"
    )
    client = server.client("ecr", key=key_of(answer))
    assert refused(client.delete_repository, repositoryName="made") == (400, "AccessDeniedException", text)


def test_trusting_the_account_leaves_it_to_the_account(iam, alice, sts):
    role = a_role(iam, trusts=ACCOUNT)
    status, code, text = refused(lambda: assumed(sts, role))
    assert (status, code) == (403, "AccessDenied")
    assert text == (
        f"User: {alice.arn} is not authorized to perform: sts:AssumeRole on resource: {role['Arn']} "
        "because no identity-based policy allows the sts:AssumeRole action"
    )
    alice.may(allow("sts:AssumeRole", role["Arn"]))
    assert assumed(sts, role)


@pytest.mark.parametrize(
    ("may", "told"),
    [
        (True, "because no role trust policy allows the sts:AssumeRole action"),
        (False, "because no identity-based policy allows the sts:AssumeRole action"),
    ],
)
def test_nobody_learns_which_roles_there_are(iam, alice, sts, may, told):
    alice.may(*[allow("sts:AssumeRole", "*")] if may else [])
    service = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="of-a-service", AssumeRolePolicyDocument=policy(service))
    if not may:
        a_role(iam, "of-the-account", trusts=ACCOUNT)
    for name in ("of-a-service", "gone", *([] if may else ["of-the-account"])):
        arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
        text = f"User: {alice.arn} is not authorized to perform: sts:AssumeRole on resource: {arn} {told}"
        answer = refused(sts.assume_role, RoleArn=arn, RoleSessionName="shift")
        assert answer == (403, "AccessDenied", text)


def test_a_root_may_not_assume_a_role(server, iam):
    role = a_role(iam, trusts=ACCOUNT)
    told = refused(lambda: assumed(server.client("sts"), role))
    assert told == (403, "AccessDenied", "Roles may not be assumed by root accounts.")


def test_a_role_of_another_account_needs_both_sides(server, iam):
    bob = a_user(server.client("iam", key=server.account(OTHER)), "bob")
    role = a_role(iam, trusts=OTHER)
    sts = server.client("sts", key=bob.key)
    assert "no identity-based policy allows" in refused(lambda: assumed(sts, role))[2]
    bob.may(allow("sts:AssumeRole", role["Arn"]))
    assert assumed(sts, role)["AssumedRoleUser"]["Arn"].startswith(f"arn:aws:sts::{ACCOUNT}:")

    iam.delete_role(RoleName="dev")
    role = a_role(iam, trusts=ACCOUNT)
    assert "no role trust policy allows" in refused(lambda: assumed(sts, role))[2]


def test_a_user_made_anew_is_not_the_one_that_was_trusted(server, iam, alice):
    role = a_role(iam, trusts=alice.arn)
    iam.delete_access_key(UserName="alice", AccessKeyId=alice.key[0])
    iam.delete_user(UserName="alice")
    again = a_user(iam, "alice")
    assert refused(lambda: assumed(server.client("sts", key=again.key), role))[1] == "AccessDenied"


def test_what_is_no_role_is_told(sts, alice):
    told = refused(sts.assume_role, RoleArn=alice.arn, RoleSessionName="shift")
    assert told == (400, "ValidationError", f"{alice.arn} is invalid")


def test_an_external_id_is_what_the_trust_policy_asks_for(iam, alice, sts):
    role = a_role(iam, trusts=alice.arn, condition={"StringEquals": {"sts:ExternalId": "7-of-9"}})
    assert refused(lambda: assumed(sts, role))[1] == "AccessDenied"
    assert refused(lambda: assumed(sts, role, ExternalId="7-of-8"))[1] == "AccessDenied"
    assert assumed(sts, role, ExternalId="7-of-9")


def test_a_session_lasts_as_long_as_it_may(server, clock, iam, alice, sts):
    role = a_role(iam, trusts=alice.arn, MaxSessionDuration=7200)
    whole = clock.now.replace(microsecond=0)
    for given, seconds in (({}, 3600), ({"DurationSeconds": 900}, 900), ({"DurationSeconds": 7200}, 7200)):
        ends = assumed(sts, role, **given)["Credentials"]["Expiration"]
        assert (ends - whole).total_seconds() == seconds
    assert refused(lambda: assumed(sts, role, DurationSeconds=7201)) == (
        400,
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )


def test_a_role_assumed_by_a_role_lasts_an_hour(server, iam, alice, sts):
    first = a_role(iam, "first", trusts=alice.arn)
    second = a_role(iam, "second", trusts=first["Arn"], MaxSessionDuration=7200)
    chained = server.client("sts", key=key_of(assumed(sts, first)))
    assert refused(lambda: assumed(chained, second, DurationSeconds=3601)) == (
        400,
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    )
    made = key_of(assumed(chained, second))
    arn = server.client("sts", key=made).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/second/shift"


def test_session_tags_are_the_principal_s_and_go_on_where_they_shall(server, iam, alice, sts, repository):
    """Tags need a permission of their own in the trust policy."""
    first = a_role(iam, "first", trusts=alice.arn)
    given = {"Tags": [{"Key": "Team", "Value": "blue"}], "TransitiveTagKeys": ["team"]}
    assert "sts:TagSession" in refused(lambda: assumed(sts, first, **given))[2]

    both = ["sts:AssumeRole", "sts:TagSession"]
    iam.delete_role(RoleName="first")
    first = a_role(iam, "first", trusts=alice.arn, actions=both)
    second = a_role(iam, "second", trusts=first["Arn"], actions=both)
    blue = {"StringEquals": {"aws:PrincipalTag/Team": "blue"}}
    iam.put_role_policy(
        RoleName="second",
        PolicyName="blue",
        PolicyDocument=policy(allow("ecr:ListImages", "*") | {"Condition": blue}),
    )
    for tags, may in ((given, True), ({}, False)):
        chained = server.client("sts", key=key_of(assumed(sts, first, **tags)))
        ecr = server.client("ecr", key=key_of(assumed(chained, second)))
        if may:
            ecr.list_images(repositoryName=repository)
        else:
            assert refused(ecr.list_images, repositoryName=repository)[1] == "AccessDeniedException"


def test_a_role_s_tags_are_known_to_policies_about_assuming_it(iam, alice, sts):
    role = a_role(iam, trusts=alice.arn, Tags=[{"Key": "level", "Value": "prod"}])
    for key in ("aws:ResourceTag/level", "iam:ResourceTag/Level"):
        alice.may(deny("sts:AssumeRole", "*") | {"Condition": {"StringEquals": {key: "prod"}}})
        assert "explicit deny in an identity-based policy" in refused(lambda: assumed(sts, role))[2]


def test_a_source_identity_that_stays_must_be_allowed_again(server, iam, alice, sts):
    first = a_role(iam, "first", trusts=alice.arn, actions=["sts:AssumeRole", "sts:SetSourceIdentity"])
    second = a_role(iam, "second", trusts=first["Arn"])
    chained = server.client("sts", key=key_of(assumed(sts, first, SourceIdentity="ann")))
    assert "sts:SetSourceIdentity" in refused(lambda: assumed(chained, second))[2]


def test_a_source_identity_stays(server, iam, alice, sts):
    actions = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    first = a_role(iam, "first", trusts=alice.arn, actions=actions)
    second = a_role(iam, "second", trusts=first["Arn"], actions=actions)
    answer = assumed(sts, first, SourceIdentity="ann")
    assert answer["SourceIdentity"] == "ann"
    chained = server.client("sts", key=key_of(answer))
    assert assumed(chained, second)["SourceIdentity"] == "ann"
    text = "The source identity is already set for this assume role session"
    told = refused(lambda: assumed(chained, second, SourceIdentity="bob"))
    assert told == (400, "ValidationError", text)


def test_a_session_policy_only_takes_away(server, iam, alice, sts, repository):
    role = a_role(iam, trusts=alice.arn)
    iam.put_role_policy(
        RoleName="dev", PolicyName="list", PolicyDocument=policy(allow("ecr:ListImages", "*"))
    )
    answer = assumed(sts, role, Policy=policy(allow("ecr:Describe*", "*")))
    assert 0 < answer["PackedPolicySize"] < 100
    ecr = server.client("ecr", key=key_of(answer))
    assert (
        "no session policy allows the ecr:ListImages"
        in refused(ecr.list_images, repositoryName=repository)[2]
    )
    assert "no identity-based policy allows" in refused(ecr.describe_images, repositoryName=repository)[2]

    managed = iam.create_policy(PolicyName="list", PolicyDocument=policy(allow("ecr:List*", "*")))["Policy"]
    answer = assumed(sts, role, PolicyArns=[{"arn": managed["Arn"]}])
    server.client("ecr", key=key_of(answer)).list_images(repositoryName=repository)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"Policy": "{"}, "MalformedPolicyDocument"),
        ({"Policy": '{"Statement": []}' + " " * 3 + "x"}, "MalformedPolicyDocument"),
        ({"PolicyArns": [{"arn": f"arn:aws:iam::{ACCOUNT}:policy/none"}]}, "ValidationError"),
        ({"TransitiveTagKeys": ["team"]}, "ValidationError"),
        ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]}, "ValidationError"),
        ({"Tags": [{"Key": "aws:x", "Value": "1"}]}, "ValidationError"),
        ({"TokenCode": "123456", "SerialNumber": "arn:aws:iam::1:mfa/x"}, "AccessDenied"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_what_cannot_be_given_to_a_session(iam, alice, sts, given, code):
    role = a_role(iam, trusts=alice.arn, actions="sts:*")
    assert refused(lambda: assumed(sts, role, **given))[1] == code


def test_too_much_to_pack_is_refused(iam, alice, sts):
    role = a_role(iam, trusts=alice.arn)
    long = policy(*[allow(f"ecr:{'x' * 200}{number}", "*") for number in range(100)])
    assert refused(lambda: assumed(sts, role, Policy=long))[:2] == (400, "PackedPolicyTooLarge")


# The user's own temporary credentials.


def test_a_user_s_session_may_what_the_user_may(server, clock, alice, sts, repository):
    alice.may(allow("ecr:ListImages", "*"))
    answer = sts.get_session_token()
    whole = clock.now.replace(microsecond=0)
    assert (answer["Credentials"]["Expiration"] - whole).total_seconds() == 43_200
    session = key_of(answer)
    server.client("ecr", key=session).list_images(repositoryName=repository)
    assert server.client("sts", key=session).get_caller_identity()["Arn"] == alice.arn
    again = server.client("sts", key=session)
    text = "Cannot call GetSessionToken with session credentials"
    assert refused(again.get_session_token) == (403, "AccessDenied", text)


def test_a_user_s_session_is_not_for_iam(server, alice, sts):
    """Else a day's credentials would make lasting ones. Those of a role may, if the role may."""
    alice.may(allow("iam:*", "*"))
    iam = server.client("iam", key=key_of(sts.get_session_token()))
    invalid = (403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    assert refused(iam.create_access_key, UserName="alice") == invalid


def test_a_root_s_session_lasts_an_hour(server, clock):
    ends = server.client("sts").get_session_token(DurationSeconds=7200)["Credentials"]["Expiration"]
    assert (ends - clock.now.replace(microsecond=0)).total_seconds() == 3600


def test_a_session_ends_with_its_token_its_role_and_its_time(server, clock, iam, alice, sts):
    role = a_role(iam, trusts=alice.arn)
    id_, secret, token = key_of(assumed(sts, role))
    invalid = (403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    for key in ((id_, secret), (id_, secret, token[:-1]), (*alice.key, token)):
        assert refused(server.client("sts", key=key).get_caller_identity) == invalid
    old = key_of(assumed(sts, role, DurationSeconds=900))
    iam.delete_role(RoleName="dev")
    assert refused(server.client("sts", key=old).get_caller_identity) == invalid


def test_an_expired_session_says_so(server, clock, iam, alice, sts):
    clock.advance(minutes=-14)
    old = key_of(assumed(sts, a_role(iam, trusts=alice.arn), DurationSeconds=900))
    clock.advance(minutes=15, seconds=-1)
    server.client("sts", key=old).get_caller_identity()
    clock.advance(seconds=1)
    text = "The security token included in the request is expired"
    assert refused(server.client("sts", key=old).get_caller_identity) == (403, "ExpiredToken", text)


def test_an_access_key_tells_its_account(server, alice, sts):
    other = server.account(OTHER)
    root = server.client("sts")
    assert root.get_access_key_info(AccessKeyId=other[0])["Account"] == OTHER
    assert root.get_access_key_info(AccessKeyId=alice.key[0])["Account"] == ACCOUNT
    assert refused(root.get_access_key_info, AccessKeyId="AKIAIOSFODNN7EXAMPLE")[1] == "ValidationError"
    assert refused(sts.get_access_key_info, AccessKeyId=alice.key[0])[1] == "AccessDenied"


def test_secrets_are_told_once_and_never_in_the_audit(server, iam, alice, sts):
    answer = assumed(sts, a_role(iam, trusts=alice.arn))
    audit = (server.parts.settings.data_dir / "audit.jsonl").read_text()
    [line] = [json.loads(line) for line in audit.splitlines() if '"AssumeRole"' in line]
    assert line["responseElements"]["Credentials"]["SessionToken"] == "HIDDEN"
    for secret in (answer["Credentials"]["SecretAccessKey"], answer["Credentials"]["SessionToken"]):
        assert secret not in audit
    assert alice.key[1] not in audit


def test_whatever_gives_credentials_is_written_down(server, iam, alice, sts):
    sts.get_session_token()
    assumed(sts, a_role(iam, trusts=alice.arn))
    audit = (server.parts.settings.data_dir / "audit.jsonl").read_text()
    names = [json.loads(line)["eventName"] for line in audit.splitlines()]
    assert {"CreateAccessKey", "GetSessionToken", "AssumeRole"} <= set(names)
