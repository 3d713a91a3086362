"""Tokens that must open nothing: forged, bent, out of time, or of somebody who may no longer have them.

Each on every kind of host, in a request for something that is there. Sources: reliability.md J1;
auth-iam.md §3.3 (which status).
"""

import base64
import hmac
import json
from dataclasses import dataclass
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from openecr.identity.tokens import TokenKey, Tokens
from tests.builders import an_image
from tests.every_operation.principals import OTHER, a_user, allow, policy
from tests.oci.asking import basic, bearer
from tests.operations.nodes import a_node
from tests.registry_client import RegistryClient

REPOSITORY = "team/app"
LIFE = timedelta(hours=12)
SECOND = timedelta(seconds=1)

# What a host answers: status, OCI code, message, and which scheme is asked for.
SERVED = (200, None, None, None)
BASIC = (401, None, None, "Basic")
BEARER = (401, "DENIED", "Not Authorized", "Bearer")
INVALID = (403, "DENIED", "Your Authorization Token is invalid.", None)
INVALID_IN_PUBLIC = (400, "DENIED", "Your Authorization Token is invalid.", None)
EXPIRED = (403, "DENIED", "Your authorization token has expired. Reauthenticate and try again.", None)


@dataclass
class Answers:
    """To one token, of each kind of host: a private registry's, ECR Public's, one that names none."""

    private: tuple
    public: tuple
    plain: tuple


FORGED = Answers(BASIC, INVALID_IN_PUBLIC, BEARER)
TOO_LATE = Answers(EXPIRED, INVALID_IN_PUBLIC, EXPIRED)
OF_NOBODY = Answers(INVALID, INVALID, INVALID)
GOOD = Answers(SERVED, SERVED, SERVED)


class Desk:
    """A server with an image in a registry of each kind, and whoever asks it for that with a token."""

    def __init__(self, server, clock):
        self.server, self.clock = server, clock
        server.client("ecr").create_repository(repositoryName=REPOSITORY)
        made = server.client("ecr-public").create_repository(repositoryName=REPOSITORY)["repository"]
        self.alias = made["repositoryUri"].split("/")[-3]
        server.docker().push(REPOSITORY, an_image(), "1.0")
        public = f"public.ecr.aws/{self.alias}/"
        RegistryClient(server.url, server.public_password(), prefix=public).push(
            REPOSITORY, an_image(), "1.0"
        )

    def ask(self, private, public, *, server=None):
        """The answers to a token of each kind: the one for private registries, and the other."""
        path = f"{REPOSITORY}/manifests/1.0"
        port = (server or self.server).port
        region = f"000000000000.dkr.ecr.us-east-1.ecr.localhost:{port}"
        return Answers(
            self._answer(server, f"/v2/{path}", region, basic(private)),
            self._answer(
                server, f"/v2/{self.alias}/{path}", f"public.ecr.aws.localhost:{port}", bearer(public)
            ),
            self._answer(server, f"/v2/{path}", f"localhost:{port}", basic(private)),
        )

    def _answer(self, server, path, host, credentials):
        client = RegistryClient((server or self.server).url)
        answer = client.ask("GET", path, Host=host, **credentials)
        if answer.status == 200:
            return SERVED
        scheme = answer.headers.get("WWW-Authenticate", "").partition(" ")[0] or None
        is_json = answer.headers["Content-Type"].startswith("application/json")
        return (answer.status, *((answer.error, answer.message) if is_json else (None, None)), scheme)

    def tokens(self, key=None):
        """A token of each kind, as the API gives them to the owner of the key, or to the root."""
        given = {} if key is None else {"key": key}
        return self.server.password(**given), self.server.public_password(**given)


@pytest.fixture
def desk(server, clock):
    return Desk(server, clock)


def test_the_tokens_that_are_bent_here_are_good(desk):
    assert desk.ask(*desk.tokens()) == GOOD


# Forgers. Each is given a good token and the key that signed it, and makes another.


def parts(token):
    return token.split(".")


def encoded(value):
    text = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def decoded(part):
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def signed(key, header, payload, *, hash_="sha256", secret=None):
    """Any header and payload under the server's own key: what nobody outside can do."""
    text = f"{encoded(header)}.{encoded(payload)}"
    secret = secret or hmac.digest(key.secret, b"openecr authorization token", "sha256")
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), hash_))}"


def with_header(**changes):
    def forge(token, key):
        header, payload, _ = parts(token)
        return signed(key, decoded(header) | changes, decoded(payload))

    return forge


def with_claims(**changes):
    """The claims of a token changed, and its old signature."""

    def forge(token, key):
        header, payload, signature = parts(token)
        return ".".join((header, encoded(decoded(payload) | changes), signature))

    return forge


def unsigned(token, key):
    _, payload, _ = parts(token)
    return f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{payload}."


def by_rsa(token, key):
    """Signed by a key of one's own, which the header names."""
    header, payload, _ = parts(token)
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = own.public_key().public_numbers()
    jwk = {"kty": "RSA", "e": "AQAB", "n": encoded(numbers.n.to_bytes(256, "big"))}
    text = f"{encoded(decoded(header) | {'alg': 'RS256', 'jwk': jwk})}.{payload}"
    return f"{text}.{encoded(own.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def by_a_public_key_as_secret(token, key):
    """The swap of RS256 for HS256: the server has no public key, so anyone's will do."""
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    pem = own.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    header, payload, _ = parts(token)
    return signed(key, decoded(header), decoded(payload), secret=pem)


def by_the_secret_itself(token, key):
    """Our tokens are signed with what is derived from it."""
    header, payload, _ = parts(token)
    return signed(key, decoded(header), decoded(payload), secret=key.secret)


def by_a_longer_hash(token, key):
    header, payload, _ = parts(token)
    return signed(key, decoded(header), decoded(payload), hash_="sha512")


def of_another_installation(token, key):
    _, payload, _ = parts(token)
    return signed(TokenKey(key.id, b"x" * 32), decoded(parts(token)[0]), decoded(payload))


def from_the_future(token, key):
    header, payload, _ = parts(token)
    claims = decoded(payload)
    later = 5 * 60 * 1000 + 1000
    return signed(key, decoded(header), claims | {"iat_ms": claims["iat_ms"] + later})


def swapped(token, key):
    header, payload, signature = parts(token)
    return ".".join((payload, header, signature))


FORGERIES = {
    "no algorithm": unsigned,
    "alg none, but signed": with_header(alg="none"),
    "alg HS512": with_header(alg="HS512"),
    "alg RS256": with_header(alg="RS256"),
    "a key of one's own in the header": by_rsa,
    "a public key as the secret": by_a_public_key_as_secret,
    "another hash": by_a_longer_hash,
    "the secret nothing is signed with": by_the_secret_itself,
    "another kid": with_header(kid="gone"),
    "no kid": with_header(kid=None),
    "another type": with_header(typ="JWT"),
    "a critical extension": with_header(crit=["b64"], b64=False),
    "another installation's": of_another_installation,
    "issued in the future": from_the_future,
    "another account": with_claims(account="111122223333"),
    "another principal": with_claims(principal="111122223333"),
    "another access key": with_claims(key="AKIAANOTHERS00000000"),
    "another region": with_claims(region="eu-west-1"),
    "another kind": with_claims(kind="anonymous"),
    "a later end": with_claims(exp=2_000_000_000),
    "parts swapped": swapped,
    "no signature": lambda token, _: token.rpartition(".")[0],
    "an empty signature": lambda token, _: token.rpartition(".")[0] + ".",
    "a character less": lambda token, _: token[:-1],
    "half of it": lambda token, _: token[: len(token) // 2],
    "a character more": lambda token, _: token + "A",
    "padding": lambda token, _: token + "=",
    "a fourth part": lambda token, _: token + ".A",
    "twice itself": lambda token, _: f"{token}.{token}",
    "another case": lambda token, _: token.swapcase(),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_token_opens_nothing(desk, forge):
    [key] = signing_keys(desk.server)
    private, public = desk.tokens()
    assert desk.ask(forge(private, key), forge(public, key)) == FORGED


def signing_keys(server):
    stores = server.parts.stores
    with stores.database.reading() as db:
        return [TokenKey(id_, stores.sealer.open(text, id_.encode())) for id_, text in db.signing_keys.list()]


def test_whoever_had_the_key_could_forge(desk):
    """So the forgeries above fail for what they forge, not for how they are made."""
    [key] = signing_keys(desk.server)
    header, payload, _ = zip(*(parts(token) for token in desk.tokens()), strict=True)
    assert desk.ask(*map(signed, (key, key), map(decoded, header), map(decoded, payload))) == GOOD


def test_the_signature_of_one_token_is_not_another_s(desk):
    (first, second), (third, fourth) = desk.tokens(), desk.tokens()
    mixed = (
        ".".join((*parts(good)[:2], parts(other)[2])) for good, other in ((first, third), (second, fourth))
    )
    assert desk.ask(*mixed) == FORGED


def test_a_token_whose_signing_key_is_gone_opens_nothing(desk, loop, settings, clock):
    """The key is replaced and the servers started anew: every token ends, whoever's it is."""
    tokens = desk.tokens()
    with desk.server.parts.stores.database.transaction() as db:
        db.connection.driver.execute("DELETE FROM signing_key")
    with a_node(loop, settings, clock) as anew:
        assert desk.ask(*tokens, server=anew) == FORGED


# Audience: the kind of registry and the region a token is for.


def test_a_token_of_the_other_kind_is_refused(desk):
    private, public = desk.tokens()
    assert desk.ask(public, private) == Answers(INVALID, INVALID_IN_PUBLIC, INVALID)


def test_a_token_of_another_region_is_refused_where_the_host_names_one(desk):
    abroad = desk.server.password(region="eu-west-1")
    assert desk.ask(abroad, desk.tokens()[1]).private == INVALID


def test_an_account_that_is_gone_takes_its_tokens_with_it(desk):
    tokens = desk.tokens(desk.server.account(OTHER))
    with desk.server.parts.stores.database.transaction() as db:
        db.connection.driver.execute("DELETE FROM account WHERE id = ?", (OTHER,))
    assert desk.ask(*tokens) == OF_NOBODY


# Time.


@pytest.mark.parametrize(
    ("after", "answers"),
    [
        (timedelta(0), GOOD),
        (LIFE - SECOND, GOOD),
        (LIFE, TOO_LATE),
        (LIFE + SECOND, TOO_LATE),
        (100 * LIFE, TOO_LATE),
        (timedelta(minutes=-5), GOOD),  # issued by another server, whose clock is ahead
        (timedelta(minutes=-5) - SECOND, FORGED),
    ],
    ids=str,
)
def test_a_token_holds_for_twelve_hours_to_the_second(desk, clock, after, answers):
    clock.now = clock.now.replace(microsecond=0)
    tokens = desk.tokens()
    clock.now += after
    assert desk.ask(*tokens) == answers


# Replay: a good token, whose owner may no longer have it.


@dataclass
class Owner:
    """Somebody who may pull, and has a token of each kind."""

    name: str
    key: tuple
    tokens: tuple


@pytest.fixture
def iam(server):
    return server.client("iam")


@pytest.fixture
def user(desk, iam):
    user = a_user(iam, "puller")
    may_pull(user.may)
    return Owner("puller", user.key, desk.tokens(user.key))


@pytest.fixture
def session(desk, iam, user):
    """Of a role that the user assumes."""
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:user/puller"},
        "Action": "sts:AssumeRole",
    }
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=policy(trust))
    may_pull(
        lambda *may: iam.put_role_policy(RoleName="deploy", PolicyName="may", PolicyDocument=policy(*may))
    )
    made = desk.server.client("sts", key=user.key).assume_role(
        RoleArn="arn:aws:iam::000000000000:role/deploy", RoleSessionName="monday", DurationSeconds=900
    )["Credentials"]
    key = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
    return Owner("deploy", key, desk.tokens(key))


def may_pull(put):
    put(allow("ecr:*", "*"), allow("ecr-public:*", "*"), allow("sts:GetServiceBearerToken", "*"))


def revoke(server, id_):
    clock = server.parts.stores.clock
    with server.parts.stores.database.transaction() as db:
        db.revocations.put(id_, clock() + timedelta(milliseconds=1))


def delete_user(iam, name, key):
    iam.delete_access_key(UserName=name, AccessKeyId=key[0])
    iam.delete_user_policy(UserName=name, PolicyName="may")
    iam.delete_user(UserName=name)


def make_anew(iam, name, key):
    delete_user(iam, name, key)
    a_user(iam, name)


def delete_role(iam, name):
    iam.delete_role_policy(RoleName=name, PolicyName="may")
    iam.delete_role(RoleName=name)


USER_ENDS = {
    "its key is disabled": lambda iam, name, key: iam.update_access_key(
        UserName=name, AccessKeyId=key[0], Status="Inactive"
    ),
    "its key is deleted": lambda iam, name, key: iam.delete_access_key(UserName=name, AccessKeyId=key[0]),
    "it is deleted": delete_user,
    "it is made anew under its name": make_anew,
}


@pytest.mark.parametrize("end", USER_ENDS.values(), ids=USER_ENDS)
def test_a_user_s_token_opens_nothing_once(desk, iam, user, end):
    assert desk.ask(*user.tokens) == GOOD
    end(iam, user.name, user.key)
    assert desk.ask(*user.tokens) == OF_NOBODY


def test_a_token_outlives_the_end_of_another_key_of_its_user(desk, iam, user):
    other = iam.create_access_key(UserName=user.name)["AccessKey"]["AccessKeyId"]
    iam.delete_access_key(UserName=user.name, AccessKeyId=other)
    assert desk.ask(*user.tokens) == GOOD


def test_a_session_s_token_ends_with_its_session(desk, clock, session):
    assert desk.ask(*session.tokens) == GOOD
    clock.now = clock.now.replace(microsecond=0) + timedelta(seconds=899)
    assert desk.ask(*session.tokens) == GOOD
    clock.now += SECOND
    assert desk.ask(*session.tokens) == TOO_LATE
    desk.server.run_jobs("expire_sessions")
    assert desk.ask(*session.tokens) == TOO_LATE
    clock.now += timedelta(days=2)
    assert desk.server.run_jobs("expire_sessions") > 0
    assert desk.ask(*session.tokens) == TOO_LATE


def test_a_session_s_token_opens_nothing_once_its_role_is_deleted(desk, iam, session):
    delete_role(iam, session.name)
    assert desk.ask(*session.tokens) == OF_NOBODY


def test_a_session_s_token_outlives_the_key_it_was_assumed_with(desk, iam, user, session):
    delete_user(iam, user.name, user.key)
    assert desk.ask(*user.tokens) == OF_NOBODY
    assert desk.ask(*session.tokens) == GOOD


def test_a_revocation_ends_the_tokens_there_are_on_every_server_at_once(
    desk, iam, user, session, loop, settings, clock
):
    """Two servers on the same data; what one of them is told, or a command beside them, both go by."""
    role = iam.get_role(RoleName=session.name)["Role"]["RoleId"]
    owner = iam.get_user(UserName=user.name)["User"]["UserId"]
    root = desk.tokens()
    with a_node(loop, settings, clock) as second:
        for id_, tokens in ((role, session.tokens), (owner, user.tokens), ("000000000000", root)):
            assert desk.ask(*tokens) == desk.ask(*tokens, server=second) == GOOD
            revoke(second, id_)
            assert desk.ask(*tokens) == desk.ask(*tokens, server=second) == OF_NOBODY
        clock.advance(milliseconds=2)  # the next one, however this one is rounded
        for key in (user.key, None):  # it ends what was given, not who may ask for more
            anew = desk.tokens(key)
            assert desk.ask(*anew) == desk.ask(*anew, server=second) == GOOD


@pytest.mark.parametrize("end", [USER_ENDS["its key is disabled"], USER_ENDS["it is deleted"]])
def test_the_end_of_a_key_is_known_to_every_server_at_once(desk, iam, user, end, loop, settings, clock):
    with a_node(loop, settings, clock) as second:
        assert desk.ask(*user.tokens, server=second) == GOOD
        end(iam, user.name, user.key)
        assert desk.ask(*user.tokens) == desk.ask(*user.tokens, server=second) == OF_NOBODY


def test_a_token_made_by_hand_is_as_the_api_makes_them(desk):
    """Guards the forger: what it knows of the form is what the server knows."""
    [key] = signing_keys(desk.server)
    claims = Tokens([key]).verify(desk.tokens()[0], desk.clock.now)
    assert (claims.kind, claims.account, claims.region) == ("private", "000000000000", "us-east-1")
