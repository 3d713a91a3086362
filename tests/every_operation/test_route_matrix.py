"""Every route of the OCI front, asked by everybody who may and may not: the matrix of the other front.

Each cell is a request with a docker password. Source: data-plane.md §6.1; auth-iam.md §3.3, §4.9.
"""

import re

import pytest

from openecr.oci.routes import ROUTES as SERVED
from tests.builders import a_layer
from tests.every_operation.permissions import ACCOUNT, ROUTES
from tests.every_operation.principals import OTHER, allow, deny, policy
from tests.registry_client import RegistryClient

EVERYTHING = allow("*", "*")
NEEDS_NO_PERMISSION = {("GET", ""), ("HEAD", ""), ("GET", "_oci/ext/discover")}
"""Nothing but that the credentials hold."""

IMPLICIT = "because no {kind} allows the {action} action"
EXPLICIT = "with an explicit deny in an identity-based policy"

every_route = pytest.mark.parametrize("route", ROUTES, ids=[f"{each.method} {each.path}" for each in ROUTES])


def test_every_route_has_a_row():
    served = {(method, re.sub(r"\{[a-z]+\}", "x", path)) for method, path, _ in SERVED} - {
        (method, path) for method, path in NEEDS_NO_PERMISSION
    }
    rows = set()
    for each in ROUTES:
        path = each.path.partition("?")[0].replace("ab/", "x/", 1).replace("latest", "x")
        rows.add((each.method, re.sub(r"\{[a-z]+\}", "x", path)))
    assert rows == served


@pytest.fixture(scope="session")
def layer(house):
    """One that `ab` has."""
    return a_layer()


def ask(house, route, layer, password, *, prefix=""):
    """Send the request of a route, all it speaks of being there."""
    owner = house.server.docker()
    house.close("ecr")
    house.ensure("ecr")
    assert owner.push_blob("ab", layer).status == 201
    return send(house, route, layer, password, prefix)


def send(house, route, layer, password, prefix=""):
    owner = house.server.docker()
    upload = owner.start_upload("ab").headers["Docker-Upload-UUID"]
    path = route.path.replace("{digest}", layer.digest).replace("{upload}", upload)
    client = RegistryClient(house.url, password)
    return client.ask(route.method, f"/v2/{prefix}{path}", body=route.body)


def denied(answer, arn, permission, why):
    """A denial, word for word; of a HEAD only its status."""
    assert answer.status == 403
    if answer.body:
        text = f"User: {arn} is not authorized to perform: {permission.action} on resource: "
        text += f"{permission.resource} {why.format(action=permission.action)}"
        assert answer.json["errors"] == [{"code": "DENIED", "message": text}]


def not_denied(answer):
    assert answer.status not in (401, 403)
    assert answer.status < 500


def logged_in(house, user, *statements):
    """The password of a user who may log in, and what else is said."""
    user.may(allow("ecr:GetAuthorizationToken", "*"), *statements)
    return house.server.password(key=user.key)


@every_route
def test_no_credentials(house, layer, route):
    answer = ask(house, route, layer, None)
    assert answer.status == 401
    assert "WWW-Authenticate" in answer.headers


@every_route
def test_forged_token(house, layer, route):
    password = logged_in(house, house.user, EVERYTHING)
    head, body, seal = password.rsplit(".", 2)
    answer = ask(house, route, layer, f"{head}.{body}.{seal[::-1]}")
    assert answer.status == 401
    assert "WWW-Authenticate" in answer.headers


@every_route
def test_ended_session(house, layer, route):
    answer = ask(house, route, layer, house.expired_password)
    assert answer.status == 403
    if answer.body:
        text = "Your authorization token has expired. Reauthenticate and try again."
        assert answer.json["errors"] == [{"code": "DENIED", "message": text}]


@every_route
def test_other_account(house, layer, route):
    password = logged_in(house, house.stranger, EVERYTHING)
    answer = ask(house, route, layer, password, prefix=f"{ACCOUNT}.dkr.ecr.us-east-1/")
    why = IMPLICIT.format(kind="resource-based policy", action="{action}")
    denied(answer, house.stranger.arn, route.permissions[0], why)


@every_route
def test_no_policy(house, layer, route):
    password = logged_in(house, house.user)
    why = IMPLICIT.format(kind="identity-based policy", action="{action}")
    denied(ask(house, route, layer, password), house.user.arn, route.permissions[0], why)


@every_route
def test_identity_allow(house, layer, route):
    needed = route.permissions
    password = logged_in(house, house.user, *[allow(each.action, each.resource) for each in needed])
    not_denied(ask(house, route, layer, password))

    why = IMPLICIT.format(kind="identity-based policy", action="{action}")
    for lacking in needed:
        others = [allow(each.action, each.resource) for each in needed if each is not lacking]
        password = logged_in(house, house.user, *others)
        denied(ask(house, route, layer, password), house.user.arn, lacking, why)


@every_route
def test_identity_deny(house, layer, route):
    for refused in route.permissions:
        password = logged_in(house, house.user, EVERYTHING, deny(refused.action, refused.resource))
        denied(ask(house, route, layer, password), house.user.arn, refused, EXPLICIT)


@every_route
def test_repository_policy_across_accounts(house, layer, route):
    if route.resource != "ab":
        return  # no repository's policy speaks of the list of repositories
    allowed = [allow(each.action, each.resource) for each in route.permissions]
    password = logged_in(house, house.stranger, *allowed)
    ask(house, route, layer, None)  # all is there
    house.open_to(OTHER, "ecr", *route.actions)
    not_denied(send(house, route, layer, password, f"{ACCOUNT}.dkr.ecr.us-east-1/"))


@every_route
def test_boundary(house, layer, route):
    for refused in route.permissions:
        house.bound({"Effect": "Allow", "NotAction": refused.action, "Resource": "*"})
        password = logged_in(house, house.bounded, EVERYTHING)
        why = IMPLICIT.format(kind="permissions boundary", action="{action}")
        denied(ask(house, route, layer, password), house.bounded.arn, refused, why)


@every_route
def test_session_policy(house, layer, route):
    for refused in route.permissions:
        statement = {"Effect": "Allow", "NotAction": refused.action, "Resource": "*"}
        password = house.server.password(key=house.session(policy(statement)))
        why = IMPLICIT.format(kind="session policy", action="{action}")
        denied(ask(house, route, layer, password), house.session_arn, refused, why)
