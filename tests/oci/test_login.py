"""Logging in, as a client does it: challenges, `/token/`, pulling without a login. The host is a header."""

import base64
import json
from datetime import datetime, timedelta
from urllib.parse import urlencode

import pytest

from tests.builders import an_image
from tests.oci.asking import basic, bearer
from tests.oci.wire import send

REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
PUBLIC = "public.ecr.aws"
INVALID = b'{"errors":[{"code":"DENIED","message":"Your Authorization Token is invalid."}]}\n'
EXPIRED = (
    b'{"errors":[{"code":"DENIED","message":'
    b'"Your authorization token has expired. Reauthenticate and try again."}]}\n'
)
NOT_AUTHORIZED = b'{"errors":[{"code":"DENIED","message":"Not Authorized"}]}\n'
DIGEST = "sha256:" + "0" * 64
API_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
JSON = {"Content-Type": "application/json; charset=utf-8"} | API_VERSION
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def ask(server):
    """Ask with a Host header and credentials: whatever a client may come with."""

    def ask(path="/v2/", host=None, credentials=(), method="GET", body=b"", **more):
        headers = {"Host": host or f"localhost:{server.port}"} | dict(credentials) | more
        return send(server, method, path, headers, body)

    return ask


def said(answer):
    own = ("Date", "Connection", "Content-Length")
    return (
        answer.status,
        {name: each for name, each in answer.headers.items() if name not in own},
        answer.body,
    )


def challenge_of(server, host):
    """What is answered to no credentials, or bad ones, at a host that is named so."""
    if host == REGISTRY:
        header = f'Basic realm="http://{REGISTRY}/",service="ecr.amazonaws.com"'
        type_ = "text/plain; charset=utf-8"
        return 401, {"WWW-Authenticate": header, "Content-Type": type_} | API_VERSION, b"Not Authorized\n"
    at, service = (PUBLIC, PUBLIC) if host else (f"localhost:{server.port}", "ecr.amazonaws.com")
    header = f'Bearer realm="http://{at}/token/",service="{service}",scope="aws"'
    return 401, {"WWW-Authenticate": header, "Content-Type": "application/json"} | API_VERSION, NOT_AUTHORIZED


HOSTS = pytest.mark.parametrize("host", [REGISTRY, PUBLIC, None], ids=["private", "public", "plain"])


# Without credentials.


@HOSTS
def test_who_says_nothing_is_told_how_to_log_in(server, ask, repository, host):
    for path in ("/v2/", "/v2", f"/v2/{repository}/tags/list", "/v2/no/where/manifests/1", "/v2/no-route"):
        assert said(ask(path, host)) == challenge_of(server, host)
    for method in ("PUT", "POST", "PATCH", "DELETE"):
        answer = ask(f"/v2/{repository}/manifests/1", host, method=method)
        assert said(answer) == challenge_of(server, host)


@HOSTS
def test_head_is_told_the_same_without_a_body(server, ask, host):
    status, headers, body = challenge_of(server, host)
    answer = ask("/v2/", host, method="HEAD")
    assert said(answer) == (status, headers, b"")
    assert answer.headers["Content-Length"] == str(len(body))


# With credentials that hold.


def test_a_private_registry_is_opened_by_basic(server, ask, repository):
    for host in (REGISTRY, f"{REGISTRY}:443", REGISTRY.upper(), None):
        answer = ask("/v2/", host, basic(server.password()))
        assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, "0", b"")
        assert ask(f"/v2/{repository}/tags/list", host, basic(server.password())).status == 200


def test_the_schemes_are_written_in_any_case(server, ask):
    for scheme in ("Basic", "basic", "BASIC"):
        header = basic(server.password())["Authorization"].replace("Basic", scheme)
        assert ask("/v2/", REGISTRY, {"Authorization": header}).status == 200


@pytest.mark.parametrize("host", [PUBLIC, None], ids=["public", "plain"])
def test_a_login_at_the_token_endpoint_gives_back_what_opens_the_registry(ask, server, public, host):
    password = server.public_password()
    answer = ask("/token/?service=public.ecr.aws&scope=aws", host, basic(password))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["token"] == answer.json["access_token"] == password
    assert answer.json["expires_in"] in (43_199, 43_200)
    assert datetime.fromisoformat(answer.json["issued_at"]).utcoffset() == timedelta(0)
    prefix = public.docker.prefix.removeprefix("public.ecr.aws/") if host else public.docker.prefix
    path = f"/v2/{prefix}{public.repository}/blobs/uploads/"
    assert ask("/v2/", host, bearer(password)).status == 200
    assert ask(path, host, bearer(answer.json["token"]), method="POST").status == 202


def test_a_plain_host_gives_back_a_private_token_too(ask, server, repository):
    """docker logs in there by the Bearer challenge."""
    token = ask("/token/?service=ecr.amazonaws.com", None, basic(server.password())).json["token"]
    assert ask(f"/v2/{repository}/tags/list", None, bearer(token)).status == 200


def test_containerd_logs_in_by_a_form(ask, server, repository):
    password = server.password()
    for fields in (
        {"grant_type": "password", "username": "AWS", "password": password, "service": "x", "scope": "y"},
        {"grant_type": "refresh_token", "refresh_token": password, "service": "x"},
    ):
        body = urlencode(fields).encode()
        answer = ask("/token/", None, FORM, method="POST", body=body)
        assert (answer.status, answer.json["access_token"]) == (200, password)
        assert ask(f"/v2/{repository}/tags/list", None, bearer(password)).status == 200
        for changed in ({"username": "me"}, {"password": "wrong", "refresh_token": "wrong"}):
            if set(changed) & set(fields):
                body = urlencode(fields | changed).encode()
                assert ask("/token/", None, FORM, method="POST", body=body).status == 401


def test_the_api_s_authorization_token_is_a_bearer_token(ask, ecr_public):
    token = ecr_public.get_authorization_token()["authorizationData"]["authorizationToken"]
    assert ask("/v2/", PUBLIC, bearer(token)).status == 200
    assert ask("/v2/", PUBLIC, bearer(token[:-4])).status == 400


def test_there_is_no_token_endpoint_on_a_private_host(ask, server):
    answer = ask("/token/", REGISTRY, basic(server.password()))
    assert (answer.status, answer.body) == (404, b"404 page not found\n")


# Without a login.


@pytest.fixture
def pushed(public):
    image = an_image()
    assert public.docker.push(public.repository, image, "1.0").status == 201
    return image


def spelled(public, host):
    """How the repository is called at that host."""
    prefix = public.docker.prefix.removeprefix("public.ecr.aws/") if host else public.docker.prefix
    return prefix + public.repository


@pytest.mark.parametrize("host", [PUBLIC, None], ids=["public", "plain"])
def test_a_public_image_is_pulled_without_a_login(ask, public, pushed, host):
    """By way of the challenge, as docker does."""
    name = spelled(public, host)
    refused = ask(f"/v2/{name}/manifests/1.0", host)
    parameters = dict(
        part.split("=", 1) for part in refused.headers["WWW-Authenticate"].removeprefix("Bearer ").split(",")
    )
    realm, service = (parameters[key].strip('"') for key in ("realm", "service"))
    path = "/" + realm.partition("://")[2].partition("/")[2]
    answer = ask(f"{path}?service={service}&scope=repository:{name}:pull", host)
    assert answer.json["expires_in"] in (3_599, 3_600)
    anonymous = bearer(answer.json["token"])

    assert ask("/v2/", host, anonymous).status == 200
    assert ask(f"/v2/{name}/manifests/1.0", host, anonymous).body == pushed.content
    assert ask(f"/v2/{name}/manifests/1.0", host, anonymous, method="HEAD").status == 200
    for blob in pushed.blobs:
        assert ask(f"/v2/{name}/blobs/{blob.digest}", host, anonymous).body == blob.content
        assert ask(f"/v2/{name}/blobs/{blob.digest}", host, anonymous, method="HEAD").status == 200
    assert ask(f"/v2/{name}/tags/list", host, anonymous).json["tags"] == ["1.0"]
    assert ask(f"/v2/{name}/referrers/{pushed.digest}", host, anonymous).status == 200


@pytest.mark.parametrize("host", [PUBLIC, None], ids=["public", "plain"])
def test_who_is_not_logged_in_is_asked_to_before_changing_anything(server, ask, public, pushed, host):
    """Whether there is such a repository is not said."""
    anonymous = bearer(ask("/token/", host).json["token"])
    name = spelled(public, host)
    upload = "blobs/uploads/00000000-0000-4000-8000-000000000000"
    for there in (name, name.replace(public.repository, "no/where")):
        for method, rest in (
            ("POST", "blobs/uploads/"),
            ("POST", f"blobs/uploads/?mount={pushed.blobs[0].digest}"),
            ("PATCH", upload),
            ("PUT", f"{upload}?digest={pushed.digest}"),
            ("GET", upload),
            ("DELETE", upload),
            ("DELETE", f"blobs/{pushed.blobs[0].digest}"),
            ("PUT", "manifests/1.0"),
            ("DELETE", "manifests/1.0"),
        ):
            answer = ask(f"/v2/{there}/{rest}", host, anonymous, method=method)
            assert said(answer) == challenge_of(server, host), (method, rest)
    assert public.docker.get_manifest(public.repository, "1.0").body == pushed.content


def test_nothing_private_is_open_to_who_is_not_logged_in(server, ask, repository):
    anonymous = bearer(ask("/token/", None).json["token"])
    for path in (f"/v2/{repository}/tags/list", "/v2/no/where/tags/list", "/v2/_catalog"):
        assert said(ask(path, None, anonymous)) == challenge_of(server, None)
        assert said(ask(path, REGISTRY, anonymous)) == challenge_of(server, REGISTRY)


# Credentials that do not hold.


def part(text):
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def header(token):
    text = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def swapped(token, **claims):
    """The token with another header, under its old signature."""
    _, payload, signature = token.split(".")
    return ".".join([part(json.dumps(header(token) | claims, separators=(",", ":"))), payload, signature])


FORGED = {
    "of no algorithm": lambda token: swapped(token, alg="none"),
    "of no algorithm, unsigned": lambda token: swapped(token, alg="none").rpartition(".")[0] + ".",
    "of another algorithm": lambda token: swapped(token, alg="HS512"),
    "of a public key's algorithm": lambda token: swapped(token, alg="RS256"),
    "of another key": lambda token: swapped(token, kid="0" * 8),
    "of a key it brings": lambda token: swapped(token, jwk={"kty": "oct", "k": "AAAA"}),
    "of another type": lambda token: swapped(token, typ="JWT"),
    "with another payload": lambda token: ".".join(
        [token.split(".")[0], part('{"kind":"private"}'), token.split(".")[2]]
    ),
    "with no payload": lambda token: token.split(".")[0] + ".." + token.split(".")[2],
    "without a signature": lambda token: token.rpartition(".")[0] + ".",
    "of two parts": lambda token: token.rpartition(".")[0],
    "of four parts": lambda token: token + ".AAAA",
    "cut": lambda token: token[:-1],
    "longer by a letter": lambda token: token + "A",
    "with one letter changed": lambda token: token[:-9] + ("A" if token[-9] != "A" else "B") + token[-8:],
    "padded": lambda token: token + "=",
    "nothing": lambda token: "",
    "far too long": lambda token: token + "A" * 9_000,
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_token_is_none(server, ask, kind):
    private, public = server.password(), server.public_password()
    forged = FORGED[kind](private)
    for host in (REGISTRY, None):
        assert said(ask("/v2/", host, basic(forged))) == challenge_of(server, host)
    assert said(ask("/token/", None, basic(forged))) == challenge_of(server, None)
    forged = FORGED[kind](public)
    assert said(ask("/v2/", PUBLIC, bearer(forged))) == (400, JSON, INVALID)
    assert said(ask("/v2/", None, bearer(forged))) == challenge_of(server, None)
    assert said(ask("/token/", PUBLIC, basic(forged))) == (400, JSON, INVALID)
    assert ask("/v2/", REGISTRY, basic(private)).status == 200
    assert ask("/v2/", PUBLIC, bearer(public)).status == 200


def test_what_else_we_sign_is_no_password(ecr, server, ask, repository):
    for name in ("second", "third"):
        ecr.create_repository(repositoryName=name)
    page = ecr.describe_repositories(maxResults=1)["nextToken"]
    assert said(ask("/v2/", REGISTRY, basic(page))) == challenge_of(server, REGISTRY)
    assert said(ask("/v2/", None, bearer(page))) == challenge_of(server, None)


@HOSTS
def test_only_the_user_aws_logs_in(server, ask, host):
    password = server.public_password() if host == PUBLIC else server.password()
    path = "/token/" if host == PUBLIC else "/v2/"
    refusal = (400, JSON, INVALID) if host == PUBLIC else challenge_of(server, host)
    for user in ("aws", "Aws", "AWS ", "", "root", "000000000000"):
        assert said(ask(path, host, basic(password, user))) == refusal
    assert ask(path, host, basic(password)).status == 200


@HOSTS
def test_a_header_that_names_nobody_is_none(server, ask, host):
    refusal = (400, JSON, INVALID) if host == PUBLIC else challenge_of(server, host)
    for value in (
        "",
        "Basic",
        "Basic !",
        "Basic QVdT",
        "Basic /w==",
        "Bearer",
        "Digest a=b",
        "AWS4-HMAC-SHA256 x",
    ):
        assert said(ask("/v2/", host, {"Authorization": value})) == refusal, value


def test_each_host_takes_its_own_scheme(server, ask):
    private, public = server.password(), server.public_password()
    assert said(ask("/v2/", REGISTRY, bearer(private))) == challenge_of(server, REGISTRY)
    assert said(ask("/v2/", PUBLIC, basic(public))) == (400, JSON, INVALID)
    for credentials in (basic(private), bearer(private), basic(public), bearer(public)):
        assert ask("/v2/", None, credentials).status == 200


# Tokens of another time, place and kind.


def test_a_token_holds_for_twelve_hours(server, ask, clock):
    private, public = server.password(), server.public_password()
    begun = clock.now.replace(microsecond=0)
    clock.now = begun + timedelta(hours=12, seconds=-1)
    assert ask("/v2/", REGISTRY, basic(private)).status == 200
    assert ask("/v2/", PUBLIC, bearer(public)).status == 200
    clock.now = begun + timedelta(hours=12)
    for host in (REGISTRY, None):
        assert said(ask("/v2/", host, basic(private))) == (403, JSON, EXPIRED)
    assert said(ask("/token/", PUBLIC, basic(public))) == (403, JSON, EXPIRED)
    assert said(ask("/v2/", PUBLIC, bearer(public))) == (400, JSON, INVALID)
    assert said(ask("/v2/", None, bearer(private))) == challenge_of(server, None)


def test_an_anonymous_token_holds_for_an_hour(server, ask, clock):
    tokens = {host: ask("/token/", host).json["token"] for host in (PUBLIC, None)}
    begun = clock.now.replace(microsecond=0)
    clock.now = begun + timedelta(hours=1, seconds=-1)
    assert {ask("/v2/", host, bearer(token)).status for host, token in tokens.items()} == {200}
    clock.now = begun + timedelta(hours=1)
    assert said(ask("/v2/", PUBLIC, bearer(tokens[PUBLIC]))) == (400, JSON, INVALID)
    assert said(ask("/v2/", None, bearer(tokens[None]))) == challenge_of(server, None)


def test_a_token_from_the_future_is_none(server, ask, clock):
    """A little may be another node's clock."""
    clock.now = clock.now.replace(microsecond=0)
    password = server.password()
    clock.advance(minutes=-5)
    assert ask("/v2/", REGISTRY, basic(password)).status == 200
    clock.advance(seconds=-1)
    assert said(ask("/v2/", REGISTRY, basic(password))) == challenge_of(server, REGISTRY)


def test_a_token_is_one_of_its_region(server, ask, repository):
    password = server.password(region="eu-west-1")
    assert said(ask(f"/v2/{repository}/tags/list", REGISTRY, basic(password))) == (403, JSON, INVALID)
    assert said(ask("/v2/", REGISTRY, basic(password))) == (403, JSON, INVALID)
    assert ask("/v2/", REGISTRY.replace("us-east-1", "eu-west-1"), basic(password)).status == 200


def test_a_token_is_one_of_its_kind(server, ask, repository, public, pushed):
    private_token, public_token = server.password(), server.public_password()
    path = f"/v2/{repository}/tags/list"
    assert said(ask(path, REGISTRY, basic(public_token))) == (403, JSON, INVALID)
    assert said(ask(path, None, basic(public_token))) == (403, JSON, INVALID)
    name = spelled(public, PUBLIC)
    assert said(ask(f"/v2/{name}/tags/list", PUBLIC, bearer(private_token))) == (400, JSON, INVALID)
    assert said(ask("/token/", PUBLIC, basic(private_token))) == (400, JSON, INVALID)
    # docker keeps one login for each host and port, so where one serves both, both are open
    assert ask(f"/v2/{spelled(public, None)}/tags/list", None, basic(private_token)).status == 200


# Whose it is.


def test_the_registry_of_another_account_is_closed_and_says_nothing_of_what_is_in_it(server, ask, repository):
    password = server.password(key=server.account("111122223333"))
    for name in (repository, "no/where"):
        for method, rest, action in (
            ("GET", "tags/list", "ListImages"),
            ("GET", "manifests/1.0", "BatchGetImage"),
            ("PUT", "manifests/1.0", "PutImage"),
            ("POST", "blobs/uploads/", "InitiateLayerUpload"),
        ):
            refused = ask(f"/v2/{name}/{rest}", REGISTRY, basic(password), method=method)
            assert (refused.status, refused.error) == (403, "DENIED")
            assert refused.message == (
                f"User: arn:aws:iam::111122223333:root is not authorized to perform: ecr:{action} on "
                f"resource: arn:aws:ecr:us-east-1:000000000000:repository/{name} because no resource-based "
                f"policy allows the ecr:{action} action"
            )


def test_a_public_image_is_pulled_by_anybody_and_pushed_by_its_owner(server, ask, public, pushed):
    stranger = bearer(server.public_password(key=server.account("111122223333")))
    name = spelled(public, PUBLIC)
    assert ask(f"/v2/{name}/manifests/1.0", PUBLIC, stranger).body == pushed.content
    refused = ask(f"/v2/{name}/manifests/2.0", PUBLIC, stranger, method="PUT", body=pushed.content)
    assert (refused.status, refused.error) == (403, "DENIED")
    assert "ecr-public:PutImage on resource: arn:aws:ecr-public::000000000000:repository/" in refused.message
    owner = bearer(server.public_password())
    assert ask(f"/v2/{name}/manifests/2.0", PUBLIC, owner, method="PUT", body=pushed.content).status == 201


def test_who_may_not_push_is_not_asked_for_what_to_push(server, ask, repository):
    stranger = basic(server.password(key=server.account("111122223333")))
    begun = {"Expect": "100-continue", "Content-Length": "1000000"}
    upload = "blobs/uploads/00000000-0000-4000-8000-000000000000"
    for method, rest in (
        ("PUT", "manifests/1.0"),
        ("PATCH", upload),
        ("POST", "blobs/uploads/?digest=" + DIGEST),
    ):
        path = f"/v2/{repository}/{rest}"
        assert ask(path, REGISTRY, method=method, **begun).status == 401
        assert ask(path, REGISTRY, stranger, method, **begun).status == 403
