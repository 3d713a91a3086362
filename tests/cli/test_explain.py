"""`openecr explain`: what it prints, and the code it ends with. It agrees with the server."""

import pytest
from botocore.exceptions import ClientError

from openecr.cli import main
from tests.cli.commands import openecr
from tests.every_operation.principals import a_user, allow, deny, policy
from tests.operations.refusals import refusal

OWNER, OTHER = "000000000000", "111122223333"
ARN = f"arn:aws:ecr:us-east-1:{OWNER}:repository/team/app"
ROOT_ARN = f"arn:aws:iam::{OWNER}:root"


@pytest.fixture
def explain(server, settings, capsys):
    """Runs the command beside the server: exit code, what it printed, what it complained of."""

    def run(principal, action="ecr:PutImage", resource=ARN, *more):
        given = ["--principal", principal, "--action", action, "--resource", resource, *more]
        with pytest.raises(SystemExit) as ended:
            main(["explain", "--data-dir", str(settings["data_dir"]), *given])
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


@pytest.fixture
def iam(server):
    return server.client("iam")


@pytest.fixture
def alice(iam, repository):
    return a_user(iam, "alice")


@pytest.fixture
def ci(iam, alice):
    """A role that alice may assume: its ARN."""
    trust = {"Effect": "Allow", "Principal": {"AWS": alice.arn}, "Action": "sts:AssumeRole"}
    return iam.create_role(RoleName="ci", Path="/team/", AssumeRolePolicyDocument=policy(trust))["Role"][
        "Arn"
    ]


def grant(principal, action="ecr:PutImage", **members):
    return policy({"Effect": "Allow", "Principal": principal, "Action": action} | members)


def test_a_user_is_denied_what_no_policy_allows(explain, alice):
    code, printed, complained = explain(alice.arn)
    assert (code, complained) == (1, "")
    assert "no identity-based policy allows the ecr:PutImage action" in printed


def test_the_statement_that_decides_is_named_with_its_place(explain, ecr, alice):
    alice.may(allow("ecr:*", "*"))
    code, printed, _ = explain(alice.arn)
    assert code == 0
    assert "user policy may" in printed
    ecr.set_repository_policy(
        repositoryName="team/app",
        policyText=policy({"Effect": "Deny", "Principal": {"AWS": alice.arn}, "Action": "ecr:PutImage"}),
    )
    code, printed, _ = explain(alice.arn)
    assert code == 1
    assert "repository policy of team/app" in printed
    assert "line 3, column 19" in printed  # as the text is shown: line and column of the statement


def test_every_kind_of_principal_is_known(explain, ecr, server, alice, ci):
    ecr.set_repository_policy(repositoryName="team/app", policyText=grant({"AWS": [alice.arn, ci]}))
    session = f"arn:aws:sts::{OWNER}:assumed-role/ci/shift"
    expected = {ROOT_ARN: 0, alice.arn: 0, ci: 0, session: 0, "anonymous": 1}
    assert {principal: explain(principal)[0] for principal in expected} == expected
    ecr.set_repository_policy(repositoryName="team/app", policyText=grant({"AWS": session}))
    assert explain(session)[0] == 0
    assert explain(session.replace("shift", "other"))[0] == 1
    assert explain(ci)[0] == 1  # a session of the role, but none that was named


def test_the_other_side_is_asked_across_accounts(explain, ecr, server, repository):
    bob = a_user(server.client("iam", key=server.account(OTHER)), "bob")
    bob.may(allow("*", "*"))
    code, printed, _ = explain(bob.arn)
    assert code == 1
    assert "no resource-based policy allows" in printed
    ecr.put_registry_policy(
        policyText=grant({"AWS": OTHER}, Resource=f"arn:aws:ecr:us-east-1:{OWNER}:repository/*")
    )
    code, printed, _ = explain(bob.arn)
    assert code == 0
    assert "registry policy" in printed
    ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V1")
    assert explain(bob.arn)[0] == 1


def test_a_principal_may_be_named_in_short(explain, server, alice):
    bob = a_user(server.client("iam", key=server.account(OTHER)), "bob")
    bob.may(allow("ecr:GetAuthorizationToken", "*"))
    theirs = ["ecr:GetAuthorizationToken", "*", "--account", OTHER]
    for name, arn in (("user/bob", bob.arn), ("root", f"arn:aws:iam::{OTHER}:root")):
        assert explain(name, *theirs) == explain(arn, "ecr:GetAuthorizationToken", "*")
        assert explain(name, *theirs)[0] == 0
    assert explain("user/alice") == explain(alice.arn)


def test_context_is_given_or_follows_from_the_question(explain, ecr, iam, alice):
    iam.tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "blue"}])
    ecr.tag_resource(resourceArn=ARN, tags=[{"Key": "owner", "Value": "blue"}])
    conditions = {
        "StringEquals": {"aws:PrincipalTag/team": "${aws:ResourceTag/owner}", "aws:username": "alice"},
        "ArnEquals": {"aws:PrincipalArn": alice.arn},
        "IpAddress": {"aws:SourceIp": "192.0.2.0/24"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]},
        "DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"},
    }
    alice.may(allow("ecr:PutImage", "*") | {"Condition": conditions})
    assert explain(alice.arn)[0] == 1
    address = ["--context", "aws:SourceIp=192.0.2.1", "AWS:TagKeys=a"]
    assert explain(alice.arn, "ecr:PutImage", ARN, *address)[0] == 0
    assert explain(alice.arn, "ecr:PutImage", ARN, *address, "--context", "aws:tagkeys=b")[0] == 0
    assert explain(alice.arn, "ecr:PutImage", ARN, *address, "--context", "aws:tagkeys=c")[0] == 1
    earlier = [*address, "aws:CurrentTime=2019-01-01T00:00:00Z"]
    assert explain(alice.arn, "ecr:PutImage", ARN, *earlier)[0] == 1


def test_a_session_brings_its_policies(explain, server, iam, alice, ci):
    alice.may(allow("sts:AssumeRole", "*"))
    iam.put_role_policy(RoleName="ci", PolicyName="may", PolicyDocument=policy(allow("ecr:*", "*")))
    assumed = server.client("sts", key=alice.key).assume_role(
        RoleArn=ci, RoleSessionName="shift", Policy=policy(allow("ecr:BatchGetImage", "*"))
    )
    arn, key = assumed["AssumedRoleUser"]["Arn"], assumed["Credentials"]["AccessKeyId"]
    assert explain(arn)[0] == 0
    for principal in (arn, ci):
        code, printed, _ = explain(principal, "ecr:PutImage", ARN, "--session", key)
        assert code == 1
        assert "no session policy allows the ecr:PutImage action" in printed
        assert explain(principal, "ecr:BatchGetImage", ARN, "--session", key)[0] == 0
    for principal in (alice.arn, arn.replace("shift", "other"), ROOT_ARN):
        code, _, complained = explain(principal, "ecr:PutImage", ARN, "--session", key)
        assert (code, complained) == (2, f"openecr: {principal} has no session {key}.\n")
    trust = policy({"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "sts:AssumeRole"})
    other = iam.create_role(RoleName="other", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    assert explain(other, "ecr:PutImage", ARN, "--session", key)[0] == 2


def test_what_has_no_resource_is_asked_of_the_account(explain, alice):
    alice.may(allow("ecr:GetAuthorizationToken", "*"))
    assert explain(alice.arn, "ecr:GetAuthorizationToken", "*")[0] == 0
    assert explain(alice.arn, "ecr:PutRegistryPolicy", "*")[0] == 1
    code, printed, _ = explain("anonymous", "ecr:GetAuthorizationToken", "*")
    assert code == 1
    assert f" account {OWNER} " in printed


def test_public_pulls_are_open_to_all(explain, repository):
    public = f"arn:aws:ecr-public::{OWNER}:repository/tools"
    for action in ("BatchGetImage", "GetDownloadUrlForLayer", "ListImages"):
        assert explain("anonymous", f"ecr-public:{action}", public) == (
            0,
            f"ALLOWED anonymous ecr-public:{action} {public}\n  anybody may pull from a public registry\n",
            "",
        )
    assert explain("anonymous", "ecr-public:PutImage", public)[0] == 1


def test_assuming_a_role_is_asked_of_its_trust_policy(explain, server, iam, alice, ci):
    """As STS asks: it names alice, which is enough in the same account."""
    bob = a_user(iam, "bob")
    bob.may(allow("*", "*"))
    given = {"RoleArn": ci, "RoleSessionName": "shift"}
    assert server.client("sts", key=alice.key).assume_role(**given)["AssumedRoleUser"]
    assert explain(alice.arn, "sts:AssumeRole", ci)[0] == 0
    with pytest.raises(ClientError, match="because no role trust policy allows the sts:AssumeRole action"):
        server.client("sts", key=bob.key).assume_role(**given)
    assert explain(bob.arn, "sts:AssumeRole", ci)[0] == 1
    assert "trust policy of ci" in explain(alice.arn, "sts:AssumeRole", ci)[1]
    assert explain(ROOT_ARN, "sts:AssumeRole", ci) == (
        1,
        f"DENIED {ROOT_ARN} sts:AssumeRole {ci}\n  roles may not be assumed by root accounts\n",
        "",
    )
    assert explain(bob.arn, "sts:GetCallerIdentity", "*")[0] == 0
    assert explain("anonymous", "sts:GetCallerIdentity", "*")[0] == 1


def test_a_role_that_is_not_there_lets_nobody_in(explain, alice):
    gone = f"arn:aws:iam::{OWNER}:role/gone"
    alice.may(allow("sts:*", "*"))
    assert explain(alice.arn, "sts:AssumeRole", gone)[0] == 1


def test_it_agrees_with_the_server(explain, server, ecr, alice):
    alice.may(allow("ecr:*", "*"), deny("ecr:DeleteRepository", ARN))
    client = server.client("ecr", key=alice.key)
    _, message = refusal(client.delete_repository, repositoryName="team/app")
    code, printed, _ = explain(alice.arn, "ecr:DeleteRepository")
    assert code == 1
    assert message.rpartition(ARN)[2].strip() in printed
    assert client.describe_images(repositoryName="team/app")["imageDetails"] == []
    assert explain(alice.arn, "ecr:DescribeImages")[0] == 0


# Questions that are none.


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        (
            ("nobody",),
            f"arn:aws:iam::{OWNER}:nobody is no ARN of a user, a role, a role's session or a root, "
            "nor anonymous.",
        ),
        (
            (f"arn:aws:iam::{OWNER}:group/team",),
            f"arn:aws:iam::{OWNER}:group/team is no ARN of a user, a role, a role's session or a root, "
            "nor anonymous.",
        ),
        ((f"arn:aws:iam::{OWNER}:user/bob",), f"There is no arn:aws:iam::{OWNER}:user/bob."),
        ((f"arn:aws:iam::{OWNER}:role/bob",), f"There is no arn:aws:iam::{OWNER}:role/bob."),
        (
            (f"arn:aws:sts::{OWNER}:assumed-role/bob/shift",),
            f"There is no role of arn:aws:sts::{OWNER}:assumed-role/bob/shift.",
        ),
        ((f"arn:aws:iam::{OTHER}:root",), f"There is no account {OTHER}."),
        ((ROOT_ARN, "PutImage"), "PutImage is no action: one is a service and a name, as in ecr:PutImage."),
        ((ROOT_ARN, "ecr:*"), "ecr:* is no action: one is a service and a name, as in ecr:PutImage."),
        ((ROOT_ARN, "ecr:PutImage", "team/app"), "team/app is no ARN, nor *."),
        (
            (ROOT_ARN, "ecr:PutImage", ARN, "--context", "aws:SourceIp"),
            "aws:SourceIp is no context key with its value, as in aws:SourceIp=192.0.2.1.",
        ),
        ((ROOT_ARN, "ecr:PutImage", ARN, "--session", "ASIANONE"), f"{ROOT_ARN} has no session ASIANONE."),
    ],
)
def test_a_bad_question_is_told_from_a_denial(explain, question, complaint):
    assert explain(*question) == (2, "", f"openecr: {complaint}\n")


def test_a_database_that_cannot_be_read_explains_nothing(tmp_path):
    (tmp_path / "openecr.sqlite3").write_text("a text that is long enough to be told from a database")
    question = ["--principal", ROOT_ARN, "--action", "ecr:PutImage", "--resource", ARN]
    ended = openecr("explain", *question, "--data-dir", tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "openecr: the database cannot be read: file is not a database\n"


def test_no_server_need_run(tmp_path):
    openecr("account", "create", "--account", OWNER, "--data-dir", tmp_path)
    question = ["--principal", "root", "--action", "ecr:PutImage", "--resource", ARN]
    ended = openecr("explain", *question, "--data-dir", tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"ALLOWED {ROOT_ARN} ecr:PutImage {ARN}\n")


def test_without_a_database_there_is_nothing_to_explain(tmp_path):
    question = ["--principal", ROOT_ARN, "--action", "ecr:PutImage", "--resource", ARN]
    ended = openecr("explain", *question, "--data-dir", tmp_path / "data")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"openecr: There is no database {tmp_path}/data/openecr.sqlite3.\n"
    assert list(tmp_path.iterdir()) == []
