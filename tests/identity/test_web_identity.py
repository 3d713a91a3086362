"""OIDC tokens: only what an issuer's key signed, for us, in its time, is believed."""

import base64
import hmac
import json
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from openecr.identity.web_identity import (
    CLOCK_SKEW,
    ExpiredWebIdentity,
    InvalidWebIdentity,
    UnknownKey,
    WebIdentity,
    WrongAudience,
    unverified_issuer,
    verify,
)
from tests.depth import examples

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
SECOND = int(NOW.timestamp())
SKEW = int(CLOCK_SKEW.total_seconds())
PROVIDER = "oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE"
ISSUER = f"https://{PROVIDER}"
CLAIMS = {
    "iss": ISSUER,
    "sub": "system:serviceaccount:team:app",
    "aud": "sts.amazonaws.com",
    "iat": SECOND - 60,
    "exp": SECOND + 600,
}


@cache
def key(kind, name="one"):
    """A private key, made once; another name, another key."""
    if kind == "RSA":
        return RSAKey.generate_key(2048, {"kid": name})
    return ECKey.generate_key(kind, {"kid": name})


def public(private, **members):
    """As a key set has it; a member that is None is left out."""
    jwk = private.as_dict(private=False) | members
    return {name: value for name, value in jwk.items() if value is not None}


def key_set(*keys):
    return {"keys": list(keys)}


def signed(claims=None, algorithm="RS256", private=None, **header):
    """A token of these claims, which are texts and numbers, or JSON already."""
    private = private or key("RSA")
    header = {"alg": algorithm, "kid": "one"} | header
    claims = CLAIMS if claims is None else claims
    payload = claims if isinstance(claims, str | bytes) else json.dumps(claims)
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    protected = {name: value for name, value in header.items() if value is not None}
    return jws.serialize_compact(protected, payload, private, registry=registry)


def signed_by_hand(header, payload=None):
    """A token whose header may be any text, signed rightly."""
    payload = json.dumps(CLAIMS) if payload is None else payload
    text = unsigned(header, payload)
    signature = key("RSA").private_key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{base64url(signature)}"


def unsigned(header, payload):
    """What a signature would be of."""
    return f"{base64url(header.encode())}.{base64url(payload.encode())}"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def checked(token, keys=None, *, issuer=PROVIDER, client_ids=("sts.amazonaws.com",), now=NOW):
    keys = key_set(public(key("RSA"))) if keys is None else keys
    return verify(token, keys, issuer=issuer, client_ids=client_ids, now=now)


def refused(token, keys=None, kind=InvalidWebIdentity, **how):
    with pytest.raises(InvalidWebIdentity) as told:
        checked(token, keys, **how)
    assert type(told.value) is kind
    assert told.value.reason == str(told.value) != ""
    return told.value


# A token that holds.


def test_a_token_says_who_it_is_for_whom_and_until_when():
    claims = CLAIMS | {"amr": ["pwd", "mfa"], "kubernetes.io": {"namespace": "team", "pod": {"name": "a"}}}
    assert checked(signed(claims)) == WebIdentity(
        subject="system:serviceaccount:team:app",
        audience="sts.amazonaws.com",
        issuer=ISSUER,
        expires_at=datetime.fromtimestamp(SECOND + 600, UTC),
        issued_at=datetime.fromtimestamp(SECOND - 60, UTC),
        amr=("pwd", "mfa"),
        claims=claims,
    )


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        ("RS256", "RSA"),
        ("RS384", "RSA"),
        ("RS512", "RSA"),
        ("ES256", "P-256"),
        ("ES384", "P-384"),
        ("ES512", "P-521"),
    ],
)
def test_every_algorithm_that_aws_takes_is_taken(algorithm, kind):
    token = signed(algorithm=algorithm, private=key(kind))
    assert checked(token, key_set(public(key(kind)))).subject == CLAIMS["sub"]
    other = public(key(kind, "another"), kid="one")
    refused(token, key_set(other))


def test_what_is_told_of_an_identity_holds_no_claims():
    assert "secret of the issuer" not in repr(checked(signed(CLAIMS | {"x": "secret of the issuer"})))


def test_joserfc_is_not_imported_before_a_token_is_verified():
    program = "import sys, openecr.identity.web_identity; sys.exit('joserfc' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


# What is no token.


@pytest.mark.parametrize(
    "token",
    [
        "",
        "four",
        "..",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        f"{base64url(b'{}')}.{base64url(b'{}')}.",
        f"{base64url(b'[]')}.{base64url(b'{}')}.AA",
        f"{base64url(b'{}')}.{base64url(b'null')}.AA",
        f"{base64url(b'{}')}.{base64url(b'0')}.AA",
        f"{base64url(b'{}')}.{base64url(bytes([0xFF]))}.AA",
        f"{base64url(b'{}')}.{base64url(b'{')}.AA",
        "tökén.é.ü",
    ],
)
def test_what_is_no_token_is_refused(token):
    with pytest.raises(InvalidWebIdentity):
        unverified_issuer(token)
    refused(token)


def test_a_token_may_have_20000_characters_and_not_one_more():
    start = len(signed(CLAIMS | {"x": ""}))
    padding_characters = (20_000 - start) * 3 // 4
    longest = max(
        (signed(CLAIMS | {"x": "x" * (padding_characters + n)}) for n in range(-4, 4)),
        key=lambda token: len(token) * (len(token) <= 20_000),
    )
    assert 19_997 < len(longest) <= 20_000
    assert checked(longest)
    too_long = signed(CLAIMS | {"x": "x" * (padding_characters + 8)})
    assert 20_000 < len(too_long) < 20_020
    refused(too_long)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_token_that_is_nested_deeper_than_we_can_read_is_refused(opening):
    closing = {"[": "]", '{"a":': "}"}[opening]
    depth = 1500
    refused(signed('{"a":' + opening * depth + "0" * (opening != "[") + closing * depth + "}"))


@pytest.mark.parametrize(
    "claims",
    [
        json.dumps(CLAIMS)[:-1] + ', "sub": "system:serviceaccount:team:admin"}',
        json.dumps(CLAIMS)[:-1] + ', "a": {"b": 1, "b": 2}}',
        json.dumps(CLAIMS)[:-1] + ', "a": NaN}',
        json.dumps(CLAIMS)[:-1] + ', "a": -Infinity}',
        json.dumps(CLAIMS)[:-1] + ', "a": "\\ud800"}',
        json.dumps(CLAIMS)[:-1] + ', "\\udfff": 1}',
        json.dumps(CLAIMS)[:-1] + ', "a": ' + "9" * 5000 + "}",
        json.dumps(CLAIMS) + "{}",
        "\ufeff" + json.dumps(CLAIMS),
    ],
)
def test_claims_that_may_be_read_in_two_ways_are_refused(claims):
    refused(signed(claims))


def test_a_header_with_a_name_twice_is_refused():
    assert checked(signed_by_hand('{"alg":"RS256","kid":"one"}'))
    refused(signed_by_hand('{"alg":"none","alg":"RS256","kid":"one"}'))
    refused(signed_by_hand('{"alg":"RS256","kid":"one","kid":"one"}'))


def test_a_token_with_any_character_changed_is_refused():
    token = signed(algorithm="ES256", private=key("P-256"))
    keys = key_set(public(key("P-256")))
    assert checked(token, keys)
    for at, character in enumerate(token):
        other = "A" if character != "A" else "B"
        with pytest.raises(InvalidWebIdentity):
            checked(token[:at] + other + token[at + 1 :], keys)
        with pytest.raises(InvalidWebIdentity):
            checked(token[:at], keys)


def test_a_base64_text_with_bits_to_spare_is_refused():
    head, claims, signature = signed(algorithm="RS256").split(".")  # 256 bytes: four bits are left over
    twin = signature[:-1] + chr(ord(signature[-1]) + 1)
    assert base64.urlsafe_b64decode(twin + "==") == base64.urlsafe_b64decode(signature + "==")
    refused(f"{head}.{claims}.{twin}")
    spare = base64url(json.dumps({"iss": "is"}).encode())
    assert len(spare) % 4 != 0
    with pytest.raises(InvalidWebIdentity):
        unverified_issuer(f"{head}.{spare[:-1]}{chr(ord(spare[-1]) + 1)}.AA")


@settings(max_examples=examples(70), deadline=None)
@given(st.text(max_size=200), st.text(max_size=200), st.binary(max_size=80))
def test_whatever_comes_is_refused_and_nothing_breaks(header, claims, signature):
    refused(".".join(base64url(part) for part in (header.encode(), claims.encode(), signature)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = ("alg", "kid", "typ", "crit", "b64", "jwk", "jku", "x5c", "x5u", "iss", "sub", "aud", "azp", "exp")


@settings(max_examples=examples(100), deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4),
    st.dictionaries(st.sampled_from((*NAMES, "iat", "nbf", "amr")), JSON, max_size=4),
    st.dictionaries(st.sampled_from(("kty", "kid", "use", "alg", "key_ops", "n", "e")), JSON, max_size=4),
)
def test_whatever_claims_are_signed_they_are_believed_or_refused(header, changes, key_changes):
    with suppress(InvalidWebIdentity):
        checked(signed_by_hand('{"alg": "RS256", "kid": "one"}', json.dumps(CLAIMS | changes)))
    with suppress(InvalidWebIdentity):
        checked(signed_by_hand(json.dumps({"alg": "RS256", "kid": "one"} | header)))
    with suppress(InvalidWebIdentity):
        checked(signed(), key_set(public(key("RSA")) | key_changes))


# Who signed it.


def test_a_token_without_a_signature_is_refused():
    for algorithm in ("none", "None", "NONE", ""):
        token = unsigned(json.dumps({"alg": algorithm}), json.dumps(CLAIMS)) + "."
        refused(token)
        refused(token + "AA")
        refused(token, key_set())


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_the_public_key_is_no_shared_secret(algorithm):
    private = key("RSA")
    pem = private.as_pem(private=False)
    der = private.public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = unsigned(json.dumps({"alg": algorithm, "kid": "one"}), json.dumps(CLAIMS))
    jwk = json.dumps(public(private)).encode()
    for secret in (pem, pem.strip(), der, jwk, private.as_dict()["n"].encode(), b""):
        digest = hmac.digest(secret, text.encode(), algorithm.replace("HS", "sha"))
        refused(f"{text}.{base64url(digest)}")
        # Nor where the key set says that it is one.
        secret_key = {"kty": "oct", "kid": "one", "k": base64url(secret), "alg": algorithm}
        refused(f"{text}.{base64url(digest)}", key_set(secret_key, public(private, alg=algorithm)))


def test_algorithms_that_aws_does_not_take_are_refused():
    secret = OctKey.import_key(b"s" * 64, {"kid": "one"})
    refused(signed(algorithm="HS256", private=secret), key_set(secret.as_dict(private=True)))
    refused(signed(algorithm="PS256"))
    edwards = OKPKey.generate_key("Ed25519", {"kid": "one"})
    refused(signed(algorithm="Ed25519", private=edwards), key_set(edwards.as_dict(private=False)))


@pytest.mark.parametrize("algorithm", [None, 1, ["RS256"], {"RS256": 1}, "rs256", "RS256 ", "RS1", "dir"])
def test_an_algorithm_must_be_one_that_we_know(algorithm):
    refused(signed_by_hand(json.dumps({"alg": algorithm, "kid": "one"})))
    refused(signed_by_hand('{"kid": "one"}'))


def test_a_key_the_token_brings_along_is_not_looked_at():
    attacker = key("RSA", "attacker")
    for header in (
        {"jwk": public(attacker)},
        {"jku": "https://attacker.example/keys"},
        {"x5u": "https://attacker.example/certificate"},
        {"x5c": ["AAAA"]},
    ):
        refused(signed(private=attacker, **header))
        assert checked(signed(**header))


@pytest.mark.parametrize(
    "header", [{"crit": ["b64"], "b64": False}, {"crit": ["exp"], "exp": 1}, {"b64": True}]
)
def test_an_extension_of_the_signature_is_refused(header):
    refused(signed_by_hand(json.dumps({"alg": "RS256", "kid": "one"} | header)))


def test_the_key_is_chosen_by_its_id():
    keys = key_set(public(key("RSA", "another")), public(key("P-256"), kid="third"), public(key("RSA")))
    assert checked(signed(), keys)
    assert checked(signed(private=key("RSA", "another"), kid="another"), keys)
    refused(signed(private=key("RSA", "another")), keys)  # the id of one key, signed with another
    refused(signed(kid="unknown"), keys, UnknownKey)
    refused(signed(kid=""), keys, UnknownKey)
    refused(signed(), key_set(), UnknownKey)
    refused(signed_by_hand('{"alg": "RS256", "kid": 1}'), key_set(public(key("RSA"), kid=1)))


def test_a_token_may_leave_out_the_id_where_one_key_fits():
    token = signed(kid=None)
    assert checked(token)
    assert checked(token, key_set(public(key("P-256")), public(key("RSA"), kid=None)))
    assert checked(token, key_set(public(key("RSA", "another"), use="enc"), public(key("RSA"))))
    refused(token, key_set(public(key("RSA")), public(key("RSA", "another"))))
    refused(token, key_set(public(key("P-256"))), UnknownKey)


@pytest.mark.parametrize(
    "members",
    [
        {"use": "enc"},
        {"use": ["sig"]},
        {"alg": "RS512"},
        {"alg": "RSA-OAEP"},
        {"alg": ["RS256"]},
        {"key_ops": ["encrypt"]},
        {"key_ops": []},
        {"key_ops": "verify"},
        {"kty": "EC"},
        {"kty": "oct"},
        {"kty": None},
        {"crv": "P-256"},
    ],
)
def test_a_key_that_is_for_something_else_is_no_key(members):
    refused(signed(), key_set(public(key("RSA"), **members)), UnknownKey)


@pytest.mark.parametrize(
    "members", [{"use": "sig"}, {"alg": "RS256"}, {"key_ops": ["verify"]}, {"x5c": "?"}, {"d": "private"}]
)
def test_a_key_may_say_what_it_is_for_and_more(members):
    assert checked(signed(), key_set(public(key("RSA"), **members)))


def test_a_curve_is_for_one_algorithm():
    token = signed(algorithm="ES256", private=key("P-256"))
    refused(token, key_set(public(key("P-384"))), UnknownKey)
    refused(token, key_set(public(key("P-256"), crv="P-384")), UnknownKey)
    refused(token, key_set(public(key("P-256"), crv="secp256k1")), UnknownKey)
    refused(token, key_set(public(key("P-256"), x=public(key("P-256", "another"))["x"])))  # not on the curve


@pytest.mark.parametrize(
    "members", [{"n": None}, {"n": ""}, {"n": 1}, {"n": "é"}, {"n": "A" * 342}, {"e": "AA"}]
)
def test_a_key_that_is_none_verifies_nothing(members):
    refused(signed(), key_set(public(key("RSA"), **members)))


def test_keys_that_are_too_short_or_too_long_verify_nothing():
    short = rsa.generate_private_key(public_exponent=65537, key_size=2040)
    text = ".".join(signed().split(".")[:2])
    signature = short.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    n = short.public_key().public_numbers().n
    jwk = {"kty": "RSA", "kid": "one", "n": base64url(n.to_bytes(255, "big")), "e": "AQAB"}
    refused(f"{text}.{base64url(signature)}", key_set(jwk))
    padded = jwk | {"n": base64url(n.to_bytes(512, "big"))}
    refused(f"{text}.{base64url(signature)}", key_set(padded))

    long = jwk | {"n": base64url(((1 << 8200) - 1).to_bytes(1025, "big"))}
    refused(f"{text}.{base64url(bytes(1025))}", key_set(long))


# For whom, and by whom.


def test_the_issuer_must_be_the_provider():
    token = signed()
    assert unverified_issuer(token) == ISSUER
    for other in (
        "oidc.eks.eu-central-1.amazonaws.com/id/OTHER",
        "oidc.eks.eu-central-1.amazonaws.com/id",
        PROVIDER.lower(),
        f"evil.example/{PROVIDER}",
        f"http://{PROVIDER}",
        "",
    ):
        refused(token, issuer=other)
    for said in (PROVIDER, f"http://{PROVIDER}", f"https://user@{PROVIDER}", f"{ISSUER}//", f" {ISSUER}"):
        refused(signed(CLAIMS | {"iss": said}))


def test_a_provider_is_called_as_its_tokens_say_but_for_the_scheme():
    slashed = signed(CLAIMS | {"iss": f"{ISSUER}/"})
    for issuer in (PROVIDER, ISSUER):
        assert checked(signed(), issuer=issuer).issuer == ISSUER
        assert checked(slashed, issuer=f"{issuer}/").issuer == f"{ISSUER}/"
        refused(signed(), issuer=f"{issuer}/")
        refused(slashed, issuer=issuer)


@pytest.mark.parametrize("audience", ["a", ["a"], ["other", "a"], ["b", "a"]])
def test_a_token_must_be_for_a_client_id(audience):
    token = signed(CLAIMS | {"aud": audience})
    assert checked(token, client_ids=("x", "a")).audience == "a"
    told = refused(token, kind=WrongAudience, client_ids=("x",))
    assert told.reason == "Incorrect token audience"
    refused(token, kind=WrongAudience, client_ids=())


def test_a_list_of_client_ids_is_no_text_to_search():
    refused(signed(CLAIMS | {"aud": "sts"}), kind=WrongAudience)
    refused(signed(CLAIMS | {"aud": ["s", "t"]}), kind=WrongAudience)


def test_the_party_a_token_was_handed_to_is_its_audience():
    token = signed(CLAIMS | {"aud": "service", "azp": "client"})
    assert checked(token, client_ids=("client",)).audience == "client"
    refused(token, kind=WrongAudience, client_ids=("service",))
    assert checked(token, client_ids=("service", "client")).claims["aud"] == "service"
    refused(signed(CLAIMS | {"azp": ""}))
    refused(signed(CLAIMS | {"azp": ["sts.amazonaws.com"]}))


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "iat"])
@pytest.mark.parametrize("value", [None, "", [], {}, True, 1.5, "missing"])
def test_a_claim_that_is_missing_or_of_the_wrong_kind_is_told(name, value):
    claims = CLAIMS | {name: value}
    if value == "missing":
        del claims[name]
    kind = WrongAudience if (name, value) == ("aud", "") else InvalidWebIdentity
    refused(signed(claims), kind=kind)


@pytest.mark.parametrize("audience", [1, {"a": 1}, [1], ["sts.amazonaws.com", 1], [["sts.amazonaws.com"]]])
def test_an_audience_is_one_text_or_some(audience):
    refused(signed(CLAIMS | {"aud": audience}))


@pytest.mark.parametrize("subject", [1, ["a"], {"a": "b"}, "x" * 256])
def test_a_subject_is_a_text_of_255_characters(subject):
    refused(signed(CLAIMS | {"sub": subject}))
    assert checked(signed(CLAIMS | {"sub": "x" * 255})).subject == "x" * 255


@pytest.mark.parametrize(("amr", "told"), [("pwd", ("pwd",)), (["a", "b"], ("a", "b")), ([], ())])
def test_how_a_subject_was_authenticated_is_told(amr, told):
    assert checked(signed(CLAIMS | {"amr": amr})).amr == told
    assert checked(signed()).amr == ()
    refused(signed(CLAIMS | {"amr": [1]}))


# When.


def test_a_token_ends_five_minutes_after_its_end_to_the_second():
    token = signed(CLAIMS | {"exp": SECOND})
    end = datetime.fromtimestamp(SECOND, UTC)
    last = end + timedelta(minutes=5) - timedelta(microseconds=1)
    assert checked(token, now=end)
    assert checked(token, now=last).expires_at == end
    told = refused(token, kind=ExpiredWebIdentity, now=last + timedelta(microseconds=1))
    assert told.expires_at == end


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_a_token_may_begin_five_minutes_from_now_and_not_later(name):
    now = datetime.fromtimestamp(SECOND, UTC)
    assert checked(signed(CLAIMS | {name: SECOND + SKEW}), now=now)
    refused(signed(CLAIMS | {name: SECOND + SKEW + 1}), now=now)
    refused(signed(CLAIMS | {name: SECOND + SKEW}), now=now - timedelta(microseconds=1))
    refused(signed(CLAIMS | {"nbf": SECOND, "iat": SECOND} | {name: SECOND + SKEW + 1}), now=now)


@pytest.mark.parametrize("moment", [10**15, -(10**15), 10**400, -1e9, "1", None, True, 1e9])
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
def test_a_moment_is_a_whole_number_of_seconds(name, moment):
    refused(signed(CLAIMS | {name: moment}))


def test_a_token_that_never_ends_is_a_token():
    last = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
    assert checked(signed(CLAIMS | {"exp": last})).expires_at.year == 9999


# What is told first.


def test_nothing_is_told_of_a_token_whose_signature_does_not_hold():
    """Who cannot sign learns neither the time nor the client ids."""
    for claims in (CLAIMS | {"exp": 1}, CLAIMS | {"aud": "other"}, {"iss": ISSUER}):
        told = refused(signed(claims, private=key("RSA", "another")))
        assert told.reason == refused(signed(private=key("RSA", "another"))).reason
