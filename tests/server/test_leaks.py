"""No secret is where it need not be: log, audit, metrics, errors, database and its log, a copy of all that.

Secrets are planted, used in every way that works and in many that do not, and then looked for, in all forms
they have on their way. Source: reliability.md J7.
"""

import base64
import json
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

import boto3
import pytest
import requests
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ParamValidationError

from openecr.server.master_key import MASTER_KEY_FILE
from openecr.server.telemetry import AUDIT_FILE
from tests.builders import an_image
from tests.cli.commands import openecr, serving
from tests.every_operation.principals import allow, policy
from tests.registry_client import RegistryClient

ROOT = ("AKIAPLANTEDROOT00000", "planted/root+secret/0123456789abcdefABCD")
GIVES_SECRETS = {"AssumeRole", "CreateAccessKey", "GetAuthorizationToken", "GetSessionToken"}
JWT = ".".join(
    base64.urlsafe_b64encode(part).rstrip(b"=").decode()
    for part in (b'{"alg":"RS256","kid":"k"}', b'{"iss":"https://idp.example","sub":"planted"}', b"s" * 256)
)


@dataclass
class Planted:
    """Secrets by name, and every answer that had no business to hold one."""

    secrets: dict[str, str] = field(default_factory=dict)
    answers: list[bytes] = field(default_factory=list)

    def found_in(self, haystack: bytes) -> list[str]:
        return [name for name, secret in self.secrets.items() if any(n in haystack for n in needles(secret))]


def needles(secret):
    """As the secret is, as a URL, JSON and XML write it, in hexadecimal, in base64 wherever it begins."""
    raw = secret.encode()
    yield from (raw, quote(secret, safe="").encode(), raw.replace(b"/", b"\\/"), raw.hex().encode())
    if set(secret) <= set("0123456789abcdef"):
        yield bytes.fromhex(secret)
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        yield encoded[4 * bool(shift) : -4]  # without what depends on the neighbours


@dataclass
class User:
    """Somebody with credentials, whose answers are kept."""

    url: str
    planted: Planted
    key: tuple[str, ...]

    def client(self, service):
        client = boto3.client(
            service,
            endpoint_url=self.url,
            aws_access_key_id=self.key[0],
            aws_secret_access_key=self.key[1],
            aws_session_token=self.key[2] if len(self.key) > 2 else None,
            region_name="us-east-1",
        )
        client.meta.events.register("after-call", self._keep)
        return client

    def _keep(self, http_response, model, **_):
        if model.name not in GIVES_SECRETS or http_response.status_code != 200:
            self.planted.answers.append(http_response.content + str(http_response.headers).encode())

    def tries(self, service, operation, **given):
        """A call that may fail."""
        with suppress(ClientError, ParamValidationError):
            getattr(self.client(service), operation)(**given)

    def docker(self):
        [data] = self.client("ecr").get_authorization_token()["authorizationData"]
        token = data["authorizationToken"]
        password = base64.b64decode(token).decode().removeprefix("AWS:")
        self.planted.secrets |= {f"password {self.key[0]}": password, f"token {self.key[0]}": token}
        return RegistryClient(self.url, password)


def test_a_secret_would_be_found_wherever_it_were():
    planted = Planted({"it": ROOT[1]})
    for text in (
        ROOT[1],
        quote(ROOT[1], safe=""),
        json.dumps(ROOT[1]).replace("/", "\\/"),
        ROOT[1].encode().hex(),
        *(base64.b64encode(f"{'x' * n}:{ROOT[1]}:more".encode()).decode() for n in range(3)),
    ):
        assert planted.found_in(f"before {text} after".encode()) == ["it"]
    assert planted.found_in(ROOT[1][:-1].encode()) == []
    assert Planted({"master": "01" * 32}).found_in(b"\1" * 32) == ["master"]


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """What was planted, and where it is looked for: name → bytes."""
    data = tmp_path_factory.mktemp("installation") / "data"
    planted = Planted({"root secret": ROOT[1], "JWT": JWT})
    variables = {
        "OPENECR_ROOT_ACCESS_KEY_ID": ROOT[0],
        "OPENECR_ROOT_SECRET_ACCESS_KEY": ROOT[1],
        "OPENECR_ACCESS_LOG": "true",
    }
    with serving("--data-dir", data, **variables) as server:
        planted.secrets["master key"] = (data / MASTER_KEY_FILE).read_text().strip()
        root = User(server.url, planted, ROOT)
        user, session = make_principals(root)
        for who in (root, user, session):
            be_busy(who)
        ask_badly(server.url, planted)
        assert openecr("account", "list", "--data-dir", data).returncode == 0
        planted.answers.append(requests.get(f"{server.url}/-/metrics", timeout=10).content)
        places = {f"while it runs: {name}": content for name, content in files(data, data.parent / "copy")}
        said = server.daemon.said
    places |= {f"afterwards: {name}": content for name, content in files(data, data.parent / "backup")}
    places["log"] = "".join(said).encode()
    places |= {f"answer {number}": answer for number, answer in enumerate(planted.answers)}
    return planted, places


def files(data, copy):
    """All of a backup but the file that the master key is kept in."""
    shutil.copytree(data, copy)
    for path in sorted(copy.rglob("*")):
        if path.is_file() and path.name != MASTER_KEY_FILE:
            yield path.relative_to(copy).as_posix(), path.read_bytes()


def make_principals(root):
    """A user, and the session of a role that it assumed."""
    iam = root.client("iam")
    arn = iam.create_user(UserName="planted")["User"]["Arn"]
    made = iam.create_access_key(UserName="planted")["AccessKey"]
    iam.put_user_policy(UserName="planted", PolicyName="pull", PolicyDocument=policy(allow("ecr:Get*", "*")))
    trust = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="planted", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="planted", PolicyName="all", PolicyDocument=policy(allow("ecr:*", "*")))
    user = User(root.url, root.planted, (made["AccessKeyId"], made["SecretAccessKey"]))
    got = user.client("sts").assume_role(RoleArn=role, RoleSessionName="monday")["Credentials"]
    session = User(root.url, root.planted, (got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"]))
    root.planted.secrets |= {
        "user secret": user.key[1],
        "session secret": session.key[1],
        "session token": session.key[2],
    }
    return user, session


def be_busy(who):
    """A mix of what works and what does not, over both fronts."""
    docker = who.docker()
    who.tries("ecr", "create_repository", repositoryName="team/app")
    who.tries("ecr", "create_repository", repositoryName="No/Name")
    who.tries("ecr", "describe_repositories", repositoryNames=["nowhere"])
    who.tries("ecr", "delete_repository", repositoryName="nowhere")
    who.tries("ecr-public", "get_authorization_token")
    who.tries("iam", "create_user", UserName="planted")
    who.tries("iam", "list_access_keys", UserName="planted")
    who.tries("iam", "get_user", UserName="nobody")
    who.tries("sts", "get_caller_identity")
    who.tries("sts", "get_session_token")
    image = an_image()
    for blob in image.blobs:
        docker.push_blob("team/app", blob)
    docker.put_manifest("team/app", "1.0", image)
    for answer in (
        docker.get_manifest("team/app", "1.0"),
        docker.get_manifest("team/app", "2.0"),
        docker.get_manifest("nowhere", "1.0"),
        docker.ask("GET", "/v2/no/such/route"),
        docker.ask("PUT", "/v2/"),
    ):
        who.planted.answers.append(answer.body + str(answer.headers).encode())
    ask_presigned(who)


def ask_presigned(who):
    """GetCallerIdentity by a URL that carries the session token; right, too late, and bent."""
    for bend in (lambda url: url, lambda url: url.replace("Signature=", "Signature=0"), lambda url: url[:-1]):
        request = AWSRequest("GET", f"{who.url}/?Action=GetCallerIdentity&Version=2011-06-15")
        SigV4QueryAuth(Credentials(*who.key), "sts", "us-east-1").add_auth(request)
        who.planted.answers.append(requests.get(bend(request.url), timeout=10).content)


def ask_badly(url, planted):
    """Secrets where they do not belong, but where a client may well put them."""
    secrets = dict(planted.secrets)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for secret in secrets.values():
        as_user, as_stranger = (
            base64.b64encode(f"{user}:{secret}".encode()).decode() for user in ("AWS", "me")
        )
        for headers in (
            {"Authorization": f"Basic {as_user}"},
            {"Authorization": f"Basic {as_stranger}"},
            {"Authorization": f"Bearer {secret}"},
            {"Authorization": f"Bearer {secret[:-1]}"},
            {"Authorization": secret},
            {"Authorization": f"AWS4-HMAC-SHA256 {secret}"},
            {"X-Amz-Security-Token": secret, "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.PutImage"},
        ):
            for method, path in (("GET", "/v2/"), ("GET", "/token/"), ("POST", "/")):
                answer = requests.request(method, url + path, headers=headers, timeout=10)
                # A login gets its password back, and AWS repeats what follows its own scheme, where it cannot
                # read it, to who sent it (auth-iam.md §1.6). Nobody else may learn of it.
                is_repeated = path == "/" and headers.get("Authorization", "").startswith("AWS4-")
                if (path, answer.status_code) != ("/token/", 200) and not is_repeated:
                    planted.answers.append(answer.content + str(answer.headers).encode())
        for fields in ({"username": "me", "password": secret}, {"refresh_token": secret[:-1]}):
            answer = requests.post(f"{url}/token/", data=fields, headers=form, timeout=10)
            planted.answers.append(answer.content)

    for token in (JWT, JWT + "x" * 20_000):
        fields = {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": "arn:aws:iam::000000000000:role/planted",
            "RoleSessionName": "monday",
            "WebIdentityToken": token,
        }
        planted.answers.append(requests.post(url, data=urlencode(fields), headers=form, timeout=10).content)
        planted.answers.append(requests.get(f"{url}/?{urlencode(fields)}"[:8000], timeout=10).content)


def test_what_was_planted_was_used(planted):
    """And what is looked through is what there is to look through."""
    found, places = planted
    assert len(found.secrets) == 6 + 2 * 3
    for place, trace in (
        ("log", b"agent=python-requests"),
        (f"while it runs: {AUDIT_FILE}", b'"userName":"planted"'),
        ("while it runs: openecr.sqlite3-wal", b":user/planted"),
        ("afterwards: openecr.sqlite3", b":user/planted"),
    ):
        assert trace in places[place], place
    assert sum(name.startswith("answer") for name in places) > 200


def test_no_secret_is_where_it_need_not_be(planted):
    found, places = planted
    hits = {name: leaked for name, content in places.items() if (leaked := found.found_in(content))}
    assert hits == {}
