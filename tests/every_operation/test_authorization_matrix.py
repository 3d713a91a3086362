"""Every operation of ECR and ECR Public, asked by everybody who may and may not.

The rows are the operations of the service models, with the permissions of `permissions.py`; the columns are
who asks. Each cell is a signed request over HTTP. Source: auth-iam.md §4.7–§4.9, §5; reliability.md J5.
"""

import json

import pytest

from openecr.operations.all import OPERATIONS as IMPLEMENTED
from tests.api_client import ApiClient
from tests.aws.shapes import OPERATIONS
from tests.every_operation.answers import check
from tests.every_operation.inputs import smallest
from tests.every_operation.permissions import ACCOUNT, PERMISSIONS
from tests.every_operation.principals import OTHER, allow, deny
from tests.identity.received import MISMATCH

FORGED = "another-secret-of-the-tests-0123456789abc"
EVERYTHING = allow("*", "*")

IMPLICIT = "because no {kind} allows the {action} action"
EXPLICIT = "with an explicit deny in an identity-based policy"

_ids = [f"{operation.service}.{operation.name}" for operation in OPERATIONS]
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=_ids)


def test_every_operation_has_a_row():
    asked = {(operation.service, operation.name) for operation in OPERATIONS}
    assert PERMISSIONS.keys() == asked


# Who asks.


def about_the_house(operation):
    """The smallest input that is about the repository `ab` of the account under test, however asked."""
    document = smallest(operation)
    members = operation.input.members
    if "repositoryNames" in members:
        document["repositoryNames"] = ["ab"]
    return document | ({"registryId": ACCOUNT} if "registryId" in members else {})


def is_about_another_account(operation):
    """Whether a caller of another account can name this account's things with it."""
    return bool({"registryId", "resourceArn"} & operation.input.members.keys())


def ask(house, operation, key, *, document=None, **headers):
    if document is None:
        document = about_the_house(operation)
    return ApiClient(house.url, key).ask(operation.service, operation.name, document, **headers)


def told(answer):
    return answer.status, answer.json["__type"], answer.json.get("message")


def denied(arn, permission, why):
    text = f"User: {arn} is not authorized to perform: {permission.action} on resource: {permission.resource}"
    return 400, "AccessDeniedException", f"{text} {why.format(action=permission.action)}"


def expect(answer, operation, expected):
    """A denial, word for word; or None: no denial, and an answer of the model."""
    if (operation.service, operation.name) not in IMPLEMENTED:
        assert told(answer)[1] in ("NotImplementedException", "UnsupportedCommandException")
    elif expected is None:
        assert check(answer, operation) != "AccessDeniedException"
    else:
        assert told(answer) == expected


def rows(operation):
    return PERMISSIONS[operation.service, operation.name]


@every_operation
def test_unsigned(house, operation):
    refused = ask(house, operation, house.root, Authorization=None)
    assert told(refused) == (400, "MissingAuthenticationTokenException", "Missing Authentication Token")


@every_operation
def test_bad_signature(house, operation):
    refused = ask(house, operation, (house.user.key[0], FORGED))
    assert told(refused) == (400, "InvalidSignatureException", MISMATCH)


@every_operation
def test_expired_session(house, operation):
    refused = ask(house, operation, house.expired_session)
    text = "The security token included in the request is expired"
    assert told(refused) == (400, "ExpiredTokenException", text)


@every_operation
def test_other_account(house, operation):
    """Whatever its own account allows it, it may do nothing here; at home it may."""
    house.close(operation.service)
    house.stranger.may(EVERYTHING)
    answer = ask(house, operation, house.stranger.key)
    why = IMPLICIT.format(kind="resource-based policy", action="{action}")
    refused = denied(house.stranger.arn, rows(operation)[0], why)
    expect(answer, operation, refused if is_about_another_account(operation) else None)


@every_operation
def test_no_policy(house, operation):
    house.user.may()
    why = IMPLICIT.format(kind="identity-based policy", action="{action}")
    answer = ask(house, operation, house.user.key)
    expect(answer, operation, denied(house.user.arn, rows(operation)[0], why))


@every_operation
def test_identity_allow(house, operation):
    """Exactly what the row says is enough, and nothing less is."""
    needed = rows(operation)
    house.user.may(*[allow(each.action, each.resource) for each in needed])
    expect(ask(house, operation, house.user.key), operation, None)

    why = IMPLICIT.format(kind="identity-based policy", action="{action}")
    for lacking in needed:
        house.user.may(
            allow("*", "arn:aws:s3:::elsewhere"),
            *[allow(each.action, each.resource) for each in needed if each is not lacking],
        )
        expect(ask(house, operation, house.user.key), operation, denied(house.user.arn, lacking, why))


@every_operation
def test_identity_deny(house, operation):
    for refused in rows(operation):
        house.user.may(EVERYTHING, deny(refused.action, refused.resource))
        answer = ask(house, operation, house.user.key)
        expect(answer, operation, denied(house.user.arn, refused, EXPLICIT))


@every_operation
def test_repository_policy_across_accounts(house, operation):
    """Both sides must allow it: the repository's policy and the caller's own account."""
    [needed, *_] = rows(operation)
    if not is_about_another_account(operation) or needed.resource == "*":
        house.stranger.may(EVERYTHING)  # no repository's policy speaks of that
        expect(ask(house, operation, house.stranger.key), operation, None)
        return
    house.open_to(OTHER, operation.service, needed.action)
    house.stranger.may(allow(needed.action, needed.resource))
    expect(ask(house, operation, house.stranger.key), operation, None)

    house.open_to(OTHER, operation.service, needed.action)
    house.stranger.may()
    why = IMPLICIT.format(kind="identity-based policy", action="{action}")
    answer = ask(house, operation, house.stranger.key)
    expect(answer, operation, denied(house.stranger.arn, needed, why))


@every_operation
def test_boundary(house, operation):
    for refused in rows(operation):
        house.bounded.may(EVERYTHING)
        house.bound({"Effect": "Allow", "NotAction": refused.action, "Resource": "*"})
        why = IMPLICIT.format(kind="permissions boundary", action="{action}")
        answer = ask(house, operation, house.bounded.key)
        expect(answer, operation, denied(house.bounded.arn, refused, why))

    house.bound(*[allow(each.action, each.resource) for each in rows(operation)])
    expect(ask(house, operation, house.bounded.key), operation, None)


@every_operation
def test_session_policy(house, operation):
    for refused in rows(operation):
        statement = {"Effect": "Allow", "NotAction": refused.action, "Resource": "*"}
        answer = ask(house, operation, house.session(json.dumps(document_of(statement))))
        why = IMPLICIT.format(kind="session policy", action="{action}")
        expect(answer, operation, denied(house.session_arn, refused, why))

    statements = [allow(each.action, each.resource) for each in rows(operation)]
    answer = ask(house, operation, house.session(json.dumps(document_of(*statements))))
    expect(answer, operation, None)


def document_of(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}
