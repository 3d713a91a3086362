"""`/token/`: what it gives for a login, for none, and to whom it gives nothing."""

from datetime import timedelta
from urllib.parse import urlencode

import orjson
import pytest

from tests.oci.asking import (
    ACCOUNT,
    DEFAULT_ACCOUNT,
    NOON,
    PLAIN_HOST,
    PRIVATE_HOST,
    PUBLIC_HOST,
    REGION,
    Desk,
    a_request,
    basic,
    bearer,
)

INVALID = b'{"errors":[{"code":"DENIED","message":"Your Authorization Token is invalid."}]}\n'


@pytest.fixture
def desk() -> Desk:
    return Desk()


def ask(desk, method="GET", host=PLAIN_HOST, path="/token/", **more):
    return desk.ask(a_request(method, path, host=host, **more))


def given(response):
    assert response.status == 200, response.body
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    return orjson.loads(response.body)


def form(**fields):
    return {
        "method": "POST",
        "body": urlencode(fields).encode(),
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
    }


@pytest.mark.parametrize("host", [PLAIN_HOST, PUBLIC_HOST])
@pytest.mark.parametrize("path", ["/token/", "/token"])
def test_without_a_login_the_token_is_anonymous(desk, host, path):
    query = "service=public.ecr.aws&scope=aws&scope=repository:a/b:pull"
    answer = given(ask(desk, host=host, path=path, query=query))
    claims = desk.tokens.verify(answer["token"], NOON)
    assert (claims.kind, claims.account, claims.arn) == ("anonymous", "", "anonymous")
    assert answer["access_token"] == answer["token"]
    assert (answer["expires_in"], answer["issued_at"]) == (3600, "2026-07-01T12:00:00Z")


def test_a_private_token_comes_back_as_it_is_with_the_time_it_has_left(desk):
    token = desk.token()
    desk.now = NOON + timedelta(hours=2)
    answer = given(ask(desk, headers=basic(token)))
    assert answer["token"] == token
    assert (answer["expires_in"], answer["issued_at"]) == (36_000, "2026-07-01T14:00:00Z")


@pytest.mark.parametrize("host", [PLAIN_HOST, PUBLIC_HOST])
def test_a_public_token_comes_back_and_opens_what_its_principal_may(desk, host):
    token = desk.token("public")
    answer = given(ask(desk, host=host, headers=basic(token)))
    assert answer["token"] == token
    request = a_request(path="/v2/p8v8e7e5/app/tags/list", host=PUBLIC_HOST, headers=bearer(answer["token"]))
    assert desk.who(request).account == ACCOUNT


def test_a_private_token_is_none_on_the_public_host(desk):
    response = ask(desk, host=PUBLIC_HOST, headers=basic(desk.token()))
    assert (response.status, response.body) == (400, INVALID)


def test_an_expired_login_is_told_so(desk):
    for host, kind in ((PLAIN_HOST, "private"), (PUBLIC_HOST, "public")):
        desk.now = NOON
        headers = basic(desk.token(kind))
        desk.now = NOON + timedelta(hours=12)
        response = ask(desk, host=host, headers=headers)
        assert response.status == 403
        assert orjson.loads(response.body)["errors"] == [
            {
                "code": "DENIED",
                "message": "Your authorization token has expired. Reauthenticate and try again.",
            }
        ]


@pytest.mark.parametrize(
    "headers",
    [basic("wrong"), basic("wrong", user="me"), {"Authorization": "Digest x"}, {"Authorization": "Basic x"}],
)
def test_a_wrong_login_gets_no_token(desk, headers):
    assert ask(desk, headers=headers).status == 401
    public = ask(desk, host=PUBLIC_HOST, headers=headers)
    assert (public.status, public.body) == (400, INVALID)


def test_an_anonymous_token_cannot_be_prolonged(desk):
    assert ask(desk, headers=basic(desk.token("anonymous"))).status == 401


def test_a_bearer_token_is_no_login(desk):
    assert ask(desk, headers=bearer(desk.token())).status == 401


def test_a_login_of_a_principal_that_is_gone_gets_no_token(desk):
    headers = basic(desk.token())
    desk.principals.clear()
    assert ask(desk, headers=headers).status == 403


def test_containerd_s_form_is_a_login(desk):
    token = desk.token()
    answer = given(
        ask(desk, **form(grant_type="password", username="AWS", password=token, service="x", scope="aws"))
    )
    assert answer["access_token"] == token


def test_a_refresh_token_is_a_login(desk):
    token = desk.token()
    assert given(ask(desk, **form(grant_type="refresh_token", refresh_token=token)))["token"] == token


def test_a_form_without_a_login_asks_for_an_anonymous_token(desk):
    answer = given(ask(desk, **form(service="x", scope="aws")))
    assert desk.tokens.verify(answer["token"], NOON).kind == "anonymous"


def test_a_form_with_a_wrong_login_gets_no_token(desk):
    assert ask(desk, **form(username="AWS", password="wrong")).status == 401
    assert ask(desk, **form(username="me", password=desk.token())).status == 401


@pytest.mark.parametrize("body", [b"\xff=1", b"&".join(b"a%d=1" % at for at in range(40))])
def test_a_form_that_cannot_be_read_is_refused(desk, body):
    assert ask(desk, "POST", body=body).status == 400


def test_a_form_is_read_up_to_its_limit(desk):
    assert ask(desk, "POST", body=b"a=" + b"x" * ((64 << 10) - 2)).status == 200
    response = ask(desk, "POST", body=b"a=" + b"x" * ((64 << 10) - 1))
    assert response.status == 413


def test_a_private_host_has_no_token_endpoint(desk):
    response = ask(desk, host=PRIVATE_HOST, headers=basic(desk.token()))
    assert (response.status, response.body) == (404, b"404 page not found\n")


def test_nothing_lies_beneath_it(desk):
    assert ask(desk, path="/token/x").status == 404
    assert ask(desk, path="/tokens").status == 404


def test_it_knows_get_and_post_only(desk):
    response = ask(desk, "PUT")
    assert (response.status, response.headers["Allow"]) == (405, "GET, POST")


def test_in_development_any_login_gets_a_token_that_keeps_its_account():
    desk = Desk(dev=True)
    for user, account in ((ACCOUNT, ACCOUNT), ("me", DEFAULT_ACCOUNT)):
        answer = given(ask(desk, headers=basic("x", user=user)))
        request = a_request(path="/v2/app/tags/list", headers=bearer(answer["token"]))
        assert desk.who(request).account == account


def test_what_development_gives_is_nothing_elsewhere(desk):
    token = given(ask(Desk(dev=True), headers=basic("x", user=ACCOUNT)))["token"]
    request = a_request(path=f"/v2/{ACCOUNT}.dkr.ecr.{REGION}/app/tags/list", headers=bearer(token))
    assert not desk.is_known(request)
