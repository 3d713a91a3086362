"""SetRepositoryPolicy, GetRepositoryPolicy, DeleteRepositoryPolicy: the text, whom it names, who may set it.

What a policy does: test_repository_policy_effects.py. The vectors W01–W32 are those of auth-iam.md §6.4.
Source: control-plane.md §5, §9.3; auth-iam.md §6.
"""

import json

import pytest

from tests.builders import an_image
from tests.every_operation.principals import a_user, allow, policy
from tests.operations.refusals import invalid, no_repository, refusal
from tests.operations.resource_policies import (
    NOBODY,
    OTHER,
    OWNER,
    PUSH,
    REPOSITORY,
    a_stranger,
    grant,
    refuse,
    set_policy,
)
from tests.registry_client import RegistryClient

MALFORMED = invalid("PolicyText", "Invalid repository policy provided")
NOT_FOUND = invalid("PolicyText", "Principal not found")
LOCKED_OUT = invalid(
    "PolicyText",
    "The policy would prevent you from setting another policy in the future; set force to override",
)
NO_POLICY = (
    "RepositoryPolicyNotFoundException",
    f"Repository policy does not exist for the repository with name '{REPOSITORY}' "
    f"in the registry with id '{OWNER}'",
)


def a_statement(**members):
    """Everybody may pull; with other members in place of, or beside, those. None takes one out."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"} | members
    return {name: value for name, value in statement.items() if value is not None}


def shown(client):
    """What Get says, as JSON."""
    return json.loads(client.get_repository_policy(repositoryName=REPOSITORY)["policyText"])


# The text.

ACCEPTED = {
    "W01 no Version": {"Statement": [a_statement()]},
    "W02 one statement, not in a list": {"Version": "2012-10-17", "Statement": a_statement()},
    "W03 blanks in a Sid": {"Statement": [a_statement(Sid="allow public pull")]},
    "W04 an Id": {"Version": "2008-10-17", "Id": "x", "Statement": [a_statement()]},
    "W14 every action of the service": {"Statement": [a_statement(Action=["ecr:*"])]},
    "W14 every action": {"Statement": [a_statement(Action="*")]},
    "W17 an account that is unknown": {
        "Statement": [a_statement(Principal={"AWS": f"arn:aws:iam::{NOBODY}:root"})]
    },
    "W17 a user of an account that is unknown": {
        "Statement": [a_statement(Principal={"AWS": f"arn:aws:iam::{NOBODY}:user/none"})]
    },
    "W22 two statements with one Sid": {"Statement": [a_statement(Sid="a"), a_statement(Sid="a")]},
    "W24 a service": {"Statement": [a_statement(Principal={"Service": "lambda.amazonaws.com"})]},
    "W24 a service nobody knows": {"Statement": [a_statement(Principal={"Service": "x.example.com"})]},
    "W32 the last character there may be": {"Statement": [a_statement(Sid="ÿ")]},
    "all but some": {"Statement": [a_statement(Action=None, NotAction=["ecr:PutImage"])]},
    "all but somebody": {
        "Statement": [
            a_statement(Effect="Deny", Principal=None, NotPrincipal={"AWS": f"arn:aws:iam::{OWNER}:root"})
        ]
    },
    "a condition": {
        "Statement": [
            a_statement(Condition={"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32"]}})
        ]
    },
}
REFUSED = {
    "W05 a Resource": policy(a_statement(Resource="*")),
    "W06 no Principal": policy(a_statement(Principal=None)),
    "W07 Principal and NotPrincipal": policy(a_statement(Effect="Deny", NotPrincipal="*")),
    "W08 Action and NotAction": policy(a_statement(NotAction="ecr:PutImage")),
    "W09 an effect in lower case": policy(a_statement(Effect="allow")),
    "W10 a version that is none": json.dumps({"Version": "2013-01-01", "Statement": [a_statement()]}),
    "W11 an unknown member": policy(a_statement(Foo=1)),
    "W12 an action of another service": policy(a_statement(Action="s3:GetObject")),
    "W12 one of them": policy(a_statement(Action=["ecr:PutImage", "s3:GetObject"])),
    "W13 an action that is about no repository": policy(a_statement(Action="ecr:GetAuthorizationToken")),
    "W15 an action that is none": policy(a_statement(Action="ecr:NoSuchThing")),
    "W18 a pattern of a principal": policy(a_statement(Principal={"AWS": f"arn:aws:iam::{OTHER}:user/*"})),
    "W18 half an ARN": policy(a_statement(Principal={"AWS": "arn:aws:iam::123:*"})),
    "W19 an operator that is none": policy(a_statement(Condition={"StringMatches": {"aws:username": "x"}})),
    "W20 an operator without a key": policy(a_statement(Condition={"StringEquals": "x"})),
    "W21 a member twice": '{"Statement":{"Effect":"Deny","Effect":"Allow","Principal":"*","Action":"ecr:*"}}',
    "W23 no statement": '{"Version":"2012-10-17","Statement":[]}',
    "W23 nothing in it": "{}",
    "W23 nothing": "",
    "W23 null": "null",
    "W23 a string": '"text"',
    "W23 no JSON": "{",
    "W32 a character that may not be": policy(a_statement(Sid="€")).replace("\\u20ac", "€"),
    "W32 the first character that may not be": policy(a_statement(Sid="x")).replace('"x"', '"Ā"'),
}


@pytest.mark.parametrize("what", ACCEPTED)
def test_a_policy_is_shown_as_it_was_meant(ecr, repository, what):
    meant = ACCEPTED[what]
    answer = ecr.set_repository_policy(repositoryName=repository, policyText=json.dumps(meant))

    del answer["ResponseMetadata"]
    assert {**answer, "policyText": json.loads(answer["policyText"])} == {
        "registryId": OWNER,
        "repositoryName": repository,
        "policyText": meant,
    }
    # And what is shown is a policy that means the same.
    again = ecr.set_repository_policy(repositoryName=repository, policyText=answer["policyText"])
    assert again["policyText"] == answer["policyText"]


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_policy_is_refused_and_the_old_one_stays(ecr, repository, what):
    before = set_policy(ecr, a_statement(Sid="before"))
    assert (
        refusal(ecr.set_repository_policy, repositoryName=repository, policyText=REFUSED[what]) == MALFORMED
    )
    assert ecr.get_repository_policy(repositoryName=repository)["policyText"] == before


def test_the_text_is_printed_as_ecr_prints_it(ecr, repository):
    """W01, and the sample of control-plane.md §5.2: order and blanks are the printer's, lists stay lists."""
    document = {
        "Statement": [
            {
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                "Principal": "*",
                "Sid": "AllowPull",
                "Effect": "Allow",
            },
            {
                "Condition": {"Bool": {"aws:SecureTransport": False}},
                "Effect": "Deny",
                "NotAction": "ecr:PutImage",
                "Principal": {"AWS": OTHER, "Service": ["lambda.amazonaws.com"]},
            },
        ],
        "Version": "2012-10-17",
    }
    expected = """{
  "Version" : "2012-10-17",
  "Statement" : [ {
    "Sid" : "AllowPull",
    "Effect" : "Allow",
    "Principal" : "*",
    "Action" : [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ]
  }, {
    "Effect" : "Deny",
    "Principal" : {
      "AWS" : "arn:aws:iam::111122223333:root",
      "Service" : [ "lambda.amazonaws.com" ]
    },
    "NotAction" : "ecr:PutImage",
    "Condition" : {
      "Bool" : {
        "aws:SecureTransport" : false
      }
    }
  } ]
}"""
    text = json.dumps(document, separators=(",", ":"))
    assert ecr.set_repository_policy(repositoryName=repository, policyText=text)["policyText"] == expected
    assert ecr.get_repository_policy(repositoryName=repository)["policyText"] == expected
    assert ecr.delete_repository_policy(repositoryName=repository)["policyText"] == expected


def padded(length):
    """A policy of so many characters, which account numbers make longer when it is printed."""
    principals = {"AWS": [OTHER] * 100}
    short = policy(a_statement(Principal=principals, Sid=""))
    return policy(a_statement(Principal=principals, Sid="x" * (length - len(short))))


def test_the_length_of_a_text_is_limited_as_it_is_sent(ecr, repository):
    """W31. Printed, it may be longer."""
    too_long = invalid("policyText", "Member must have length less than or equal to 10240")
    assert (
        refusal(ecr.set_repository_policy, repositoryName=repository, policyText=padded(10_241)) == too_long
    )
    answer = ecr.set_repository_policy(repositoryName=repository, policyText=padded(10_240))
    assert len(answer["policyText"]) > 10_240
    assert ecr.get_repository_policy(repositoryName=repository)["policyText"] == answer["policyText"]
    stranger = f"arn:aws:iam::{OTHER}:root"
    assert shown(ecr)["Statement"][0]["Principal"]["AWS"] == [stranger] * 100


def test_a_policy_is_replaced_and_deleted(ecr, repository):
    for ask in (ecr.get_repository_policy, ecr.delete_repository_policy):
        assert refusal(ask, repositoryName=repository) == NO_POLICY
    for sid in ("first", "second"):
        set_policy(ecr, a_statement(Sid=sid))
        assert [each["Sid"] for each in shown(ecr)["Statement"]] == [sid]
    deleted = ecr.delete_repository_policy(repositoryName=repository)
    assert (deleted["registryId"], deleted["repositoryName"]) == (OWNER, repository)
    assert json.loads(deleted["policyText"])["Statement"][0]["Sid"] == "second"
    for ask in (ecr.get_repository_policy, ecr.delete_repository_policy):
        assert refusal(ask, repositoryName=repository) == NO_POLICY


def test_only_a_repository_that_is_there_has_a_policy(ecr):
    text = policy(a_statement())
    nowhere = no_repository("nowhere")
    assert refusal(ecr.set_repository_policy, repositoryName="nowhere", policyText=text) == nowhere
    assert refusal(ecr.get_repository_policy, repositoryName="nowhere") == nowhere
    assert refusal(ecr.delete_repository_policy, repositoryName="nowhere") == nowhere


def test_a_policy_dies_with_its_repository(ecr, repository):
    set_policy(ecr, a_statement())
    ecr.delete_repository(repositoryName=repository)
    ecr.create_repository(repositoryName=repository)
    assert refusal(ecr.get_repository_policy, repositoryName=repository) == NO_POLICY


# Whom it names.


def test_a_principal_that_is_not_there_is_refused(ecr, repository):
    """W16, of every kind; and nothing is stored."""
    for principal in (f"arn:aws:iam::{OWNER}:role/none", f"arn:aws:iam::{OWNER}:user/team/none"):
        for named in (principal, [f"arn:aws:iam::{NOBODY}:root", principal]):
            text = policy(a_statement(Principal={"AWS": named}))
            assert refusal(ecr.set_repository_policy, repositoryName=repository, policyText=text) == NOT_FOUND
    assert refusal(ecr.get_repository_policy, repositoryName=repository) == NO_POLICY


def test_principals_are_shown_by_their_arn_until_they_are_gone(server, ecr, repository):
    """A namesake that comes after has another id, and is not meant. Source: auth-iam.md §4.2."""
    iam = server.client("iam")
    user = a_user(iam, "alice", Path="/team/")
    role = iam.create_role(
        RoleName="ci", AssumeRolePolicyDocument=policy(grant({"AWS": user.arn}, "sts:AssumeRole"))
    )["Role"]
    set_policy(ecr, grant({"AWS": [user.arn, OTHER, role["Arn"]]}))
    names = [user.arn, f"arn:aws:iam::{OTHER}:root", role["Arn"]]
    assert shown(ecr)["Statement"][0]["Principal"] == {"AWS": names}

    iam.update_user(UserName="alice", NewUserName="alicia", NewPath="/")
    renamed = user.arn.replace("team/alice", "alicia")
    assert shown(ecr)["Statement"][0]["Principal"] == {"AWS": [renamed, *names[1:]]}

    id_ = iam.get_user(UserName="alicia")["User"]["UserId"]
    iam.delete_access_key(UserName="alicia", AccessKeyId=user.key[0])
    iam.delete_user(UserName="alicia")
    iam.delete_role(RoleName="ci")
    namesake = a_user(iam, "alicia")
    assert shown(ecr)["Statement"][0]["Principal"] == {"AWS": [id_, names[1], role["RoleId"]]}
    images = server.client("ecr", key=namesake.key)
    code, _ = refusal(images.batch_get_image, repositoryName=repository, imageIds=[{"imageTag": "1.0"}])
    assert code == "AccessDeniedException"


# Who may set it.


@pytest.fixture
def stranger(server):
    return a_stranger(server)


def test_another_account_sets_a_policy_if_it_is_let(server, ecr, repository, stranger):
    theirs = server.client("ecr", key=stranger.key)
    text = policy(grant({"AWS": stranger.arn}, "ecr:*", Sid="theirs"))
    asked = {"registryId": OWNER, "repositoryName": repository}
    for ask, given in (
        (theirs.set_repository_policy, {"policyText": text}),
        (theirs.get_repository_policy, {}),
        (theirs.delete_repository_policy, {}),
    ):
        assert refusal(ask, **asked, **given)[0] == "AccessDeniedException"
    set_policy(ecr, grant({"AWS": stranger.arn}, "ecr:*RepositoryPolicy"))
    assert theirs.set_repository_policy(**asked, policyText=text)["registryId"] == OWNER
    assert shown(ecr)["Statement"][0]["Sid"] == "theirs"
    assert theirs.get_repository_policy(**asked)["repositoryName"] == repository
    theirs.delete_repository_policy(**asked)
    assert refusal(theirs.get_repository_policy, **asked)[0] == "AccessDeniedException"


@pytest.mark.parametrize(
    "statement",
    [
        refuse("*", "ecr:*"),
        refuse({"AWS": OWNER}, "ecr:SetRepositoryPolicy"),
        refuse({"AWS": f"arn:aws:iam::{NOBODY}:root"}, "ecr:*")
        | {"Principal": None}
        | {"NotPrincipal": {"AWS": f"arn:aws:iam::{NOBODY}:root"}},
        refuse("*", "ecr:Set*", Condition={"IpAddress": {"aws:SourceIp": "127.0.0.1"}}),
    ],
    ids=["everybody", "the account", "all but others", "this address"],
)
def test_who_would_lock_themselves_out_must_insist(ecr, repository, statement):
    """W25."""
    statement = {name: value for name, value in statement.items() if value is not None}
    text = policy(statement)
    for given in ({}, {"force": False}):
        ask = {"repositoryName": repository, "policyText": text, **given}
        assert refusal(ecr.set_repository_policy, **ask) == LOCKED_OUT
    assert refusal(ecr.get_repository_policy, repositoryName=repository) == NO_POLICY
    ecr.set_repository_policy(repositoryName=repository, policyText=text, force=True)
    again = refusal(ecr.set_repository_policy, repositoryName=repository, policyText=text, force=True)
    assert again[0] == "AccessDeniedException"


@pytest.mark.parametrize(
    "statement",
    [
        refuse({"AWS": OTHER}, "ecr:*"),
        refuse("*", [*PUSH, "ecr:DeleteRepositoryPolicy"]),
        refuse("*", "ecr:*", Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
        grant({"AWS": OTHER}),
    ],
    ids=["others", "other actions", "another address", "no word of the caller"],
)
def test_who_locks_only_others_out_need_not_insist(ecr, repository, statement):
    for _ in range(2):
        set_policy(ecr, statement)


def test_locking_out_is_about_who_asks(server, ecr, repository):
    """A user may take the right from the root, and may not from themselves."""
    user = a_user(server.client("iam"), "alice")
    user.may(allow("ecr:*", "*"))
    theirs = server.client("ecr", key=user.key)
    text = policy(refuse({"AWS": user.arn}, "ecr:*"))
    ask = {"repositoryName": repository, "policyText": text}
    assert refusal(theirs.set_repository_policy, **ask) == LOCKED_OUT
    assert ecr.set_repository_policy(**ask)["repositoryName"] == repository


def test_a_policy_that_takes_too_much_work_to_ask_locks_out_too(server, ecr, repository):
    """Whoever it leaves to their own policies: those are asked after it."""
    user = a_user(server.client("iam"), "alice")
    user.may(allow("ecr:*", "arn:aws:ecr:*:*:repository/*"))
    theirs = server.client("ecr", key=user.key)
    costly = ["*?" * number + "*ÿ*" for number in range(40, 100)]
    light = grant("*", Condition={"StringLike": {"aws:UserAgent": costly[:1]}})
    heavy = grant("*", "ecr:*", Condition={"StringLike": {"aws:UserAgent": costly}})
    set_policy(theirs, light)
    ask = {"repositoryName": repository, "policyText": policy(heavy).replace("\\u00ff", "ÿ")}
    assert refusal(theirs.set_repository_policy, **ask) == LOCKED_OUT
    for _ in range(2):
        ecr.set_repository_policy(**ask)  # the root needs no policy


# Public repositories.


@pytest.fixture
def tools(ecr_public):
    ecr_public.create_repository(repositoryName="tools")
    return "tools"


def test_a_public_policy_speaks_of_public_actions(ecr_public, tools):
    for action in ("ecr-public:PutImage", "ecr-public:*", "*"):
        text = policy(grant({"AWS": OTHER}, action))
        answer = ecr_public.set_repository_policy(repositoryName=tools, policyText=text)
        assert (answer["registryId"], answer["repositoryName"]) == (OWNER, tools)
        statement = json.loads(answer["policyText"])["Statement"][0]
        assert (statement["Action"], statement["Principal"]["AWS"]) == (action, f"arn:aws:iam::{OTHER}:root")
        assert ecr_public.get_repository_policy(repositoryName=tools)["policyText"] == answer["policyText"]
    for action in ("ecr:PutImage", "ecr-public:GetAuthorizationToken", "ecr-public:NoSuchThing"):
        text = policy(grant({"AWS": OTHER}, action))
        assert refusal(ecr_public.set_repository_policy, repositoryName=tools, policyText=text) == MALFORMED
    assert ecr_public.delete_repository_policy(repositoryName=tools)["policyText"] == answer["policyText"]
    assert refusal(ecr_public.get_repository_policy, repositoryName=tools)[0] == NO_POLICY[0]


def test_no_policy_keeps_anybody_from_pulling_what_is_public(server, ecr_public, tools):
    uri = ecr_public.describe_repositories()["repositories"][0]["repositoryUri"]
    prefix = uri.partition("/")[2].removesuffix(tools)
    image = an_image()
    owner = RegistryClient(server.url, server.public_password(), prefix=prefix)
    assert owner.push(tools, image, "1.0").status == 201
    text = policy(refuse("*", "ecr-public:*"))
    ecr_public.set_repository_policy(repositoryName=tools, policyText=text, force=True)

    for client in (RegistryClient(server.url, prefix=prefix), owner):
        if client is not owner:
            token = client.ask("GET", "/token/", query="service=public.ecr.aws&scope=aws").json["token"]
            client.http.headers["Authorization"] = f"Bearer {token}"
        assert client.get_manifest(tools, "1.0").body == image.content
        for blob in image.blobs:
            assert client.get_blob(tools, blob.digest).body == blob.content
            assert client.head_blob(tools, blob.digest).status == 200
        assert client.tags(tools).json["tags"] == ["1.0"]
    assert owner.start_upload(tools).error == "DENIED"


def test_another_account_pushes_to_a_public_repository_if_it_is_let(server, ecr_public, tools, stranger):
    uri = ecr_public.describe_repositories()["repositories"][0]["repositoryUri"]
    prefix = uri.partition("/")[2].removesuffix(tools)
    client = RegistryClient(server.url, server.public_password(key=stranger.key), prefix=prefix)
    assert client.start_upload(tools).error == "DENIED"
    actions = [each.replace("ecr:", "ecr-public:") for each in PUSH]
    text = policy(grant({"AWS": OTHER}, actions))
    ecr_public.set_repository_policy(repositoryName=tools, policyText=text)
    assert client.push(tools, an_image(), "1.0").status == 201
    assert client.delete_manifest(tools, "1.0").error == "DENIED"


def test_the_policies_of_both_services_are_apart(ecr, ecr_public):
    for client in (ecr, ecr_public):
        client.create_repository(repositoryName="tools")
    ecr.set_repository_policy(repositoryName="tools", policyText=policy(a_statement()))
    assert refusal(ecr_public.get_repository_policy, repositoryName="tools")[0] == NO_POLICY[0]
