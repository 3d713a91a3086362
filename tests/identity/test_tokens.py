"""Authorization tokens, download signatures, page tokens: only what we made holds, as long as it should."""

import base64
import hmac
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OctKey

from openecr.identity import tokens
from openecr.identity.tokens import (
    ExpiredToken,
    InvalidToken,
    TokenKey,
    Tokens,
    make_token_key,
)
from tests.depth import examples

FEW = settings(max_examples=examples(50), deadline=None)
NOW = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
ISSUED = NOW.replace(microsecond=0)
MOMENT = timedelta(microseconds=1)
OLD = TokenKey("old", b"o" * 32)
NEW = TokenKey("new", b"n" * 32)
ROOT = {
    "account": "123456789012",
    "region": "eu-central-1",
    "principal_arn": "arn:aws:iam::123456789012:root",
    "principal_id": "123456789012",
    "key": "AKIA" + "X" * 16,
}
ANYONE = {"account": "", "region": "us-east-1", "principal_arn": "anonymous", "principal_id": ""}
URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture
def ours():
    return Tokens([NEW, OLD])


def private(tokens_, now=NOW):
    return tokens_.mint("private", **ROOT, now=now).password


# Authorization tokens.


@pytest.mark.parametrize(
    ("kind", "hours", "who"),
    [("private", 12, ROOT), ("public", 12, ROOT), ("anonymous", 1, ANYONE)],
)
def test_a_token_says_who_it_is_for_and_how_long(ours, kind, hours, who):
    minted = ours.mint(kind, **who, now=NOW)
    claims = ours.verify(minted.password, NOW)

    assert claims.kind == kind
    assert (claims.account, claims.region) == (who["account"], who["region"])
    assert (claims.arn, claims.principal_id) == (who["principal_arn"], who["principal_id"])
    assert claims.key == who.get("key", "")
    assert claims.issued_at == ISSUED + timedelta(milliseconds=678)
    assert claims.expires_at == minted.expires_at == ISSUED + timedelta(hours=hours)
    assert re.fullmatch("[0-9a-f]{16}", claims.id)
    assert minted.password not in repr(minted)


def test_it_holds_until_the_last_moment_and_not_at_its_expiry(ours):
    password = private(ours)
    expiry = ISSUED + timedelta(hours=12)

    for now in (NOW, expiry - MOMENT):
        assert ours.verify(password, now)
    for now in (expiry, expiry + timedelta(days=400)):
        with pytest.raises(ExpiredToken):
            ours.verify(password, now)
        with pytest.raises(ExpiredToken):
            Tokens([NEW]).verify(password, now)  # nothing remembered
    assert ours.verify(password, NOW)


def test_it_ends_with_the_key_it_was_asked_for_with(ours):
    for until, expiry in (
        (NOW + timedelta(hours=1), ISSUED + timedelta(hours=1)),
        (NOW + timedelta(hours=36), ISSUED + timedelta(hours=12)),
    ):
        minted = ours.mint("private", **ROOT, now=NOW, until=until)
        assert minted.expires_at == ours.verify(minted.password, NOW).expires_at == expiry
        assert ours.verify(minted.password, expiry - MOMENT)
        with pytest.raises(ExpiredToken):
            ours.verify(minted.password, expiry)


def test_it_may_have_been_issued_by_a_clock_ahead_of_ours_but_not_far(ours):
    password = private(ours)
    earliest = ISSUED + timedelta(milliseconds=678) - timedelta(minutes=5)

    assert ours.verify(password, earliest)
    with pytest.raises(InvalidToken):
        ours.verify(password, earliest - MOMENT)


def test_a_password_survives_what_tools_do_with_it(ours):
    minted = ours.mint("private", **ROOT, now=NOW)

    assert re.fullmatch("[A-Za-z0-9_.-]+", minted.password)
    assert len(minted.password) < 500
    assert base64.b64decode(minted.authorization_token).decode() == f"AWS:{minted.password}"


def test_even_the_longest_principal_fits_a_credential_store(ours):
    """A user's path may have 512 characters, a name 64. Windows keeps 2,560 bytes."""
    session = f"arn:aws:sts::123456789012:assumed-role/{'r' * 64}/{'s' * 64}"
    assert len(ours.mint("private", **ROOT | {"principal_arn": session}, now=NOW).password) < 1000

    user = f"arn:aws:iam::123456789012:user/{'p' * 510}/{'u' * 64}"
    longest = ROOT | {"principal_arn": user, "principal_id": f"AROA{'X' * 17}:{'s' * 64}"}
    assert len(ours.mint("private", **longest, now=NOW).password) < 1800


def test_no_two_tokens_are_the_same(ours):
    assert private(ours) != private(ours)


def test_the_new_key_signs_and_the_old_one_still_verifies():
    before = private(Tokens([OLD]))
    rotated = Tokens([NEW, OLD])

    assert rotated.verify(before, NOW)
    with pytest.raises(InvalidToken):
        Tokens([OLD]).verify(private(rotated), NOW)
    assert Tokens([NEW]).verify(private(rotated), NOW)
    with pytest.raises(InvalidToken):
        Tokens([NEW]).verify(before, NOW)


def test_a_key_of_the_same_name_is_not_the_same_key():
    with pytest.raises(InvalidToken):
        Tokens([TokenKey("new", b"x" * 32)]).verify(private(Tokens([NEW])), NOW)


@FEW
@given(st.data())
def test_it_does_not_hold_with_any_character_changed(data):
    ours = Tokens([NEW, OLD])
    password = private(ours)
    place = data.draw(st.integers(0, len(password) - 1))
    other = data.draw(st.sampled_from([c for c in URL_SAFE + ".=+/ \n:é\udce9\0" if c != password[place]]))

    with pytest.raises(InvalidToken):
        ours.verify(password[:place] + other + password[place + 1 :], NOW)


@FEW
@given(st.data())
def test_it_does_not_hold_with_anything_put_in(data):
    ours = Tokens([NEW, OLD])
    password = private(ours)
    place = data.draw(st.integers(0, len(password)))
    more = data.draw(st.sampled_from([*"A=. \n\0é", "==", "\r\n", ".A"]))

    with pytest.raises(InvalidToken):
        ours.verify(password[:place] + more + password[place:], NOW)


def test_it_does_not_hold_cut_short(ours):
    password = private(ours)

    for length in range(len(password)):
        with pytest.raises(InvalidToken):
            ours.verify(password[:length], NOW)


def test_a_token_of_more_than_4_kib_is_not_looked_at(ours):
    def minted(characters):
        return ours.mint("private", **ROOT | {"principal_arn": "a" * characters}, now=NOW).password

    longest = max((minted(n) for n in range(2700, 2850) if len(minted(n)) <= 4096), key=len)
    assert 4094 <= len(longest) <= 4096
    assert ours.verify(longest, NOW)
    with pytest.raises(InvalidToken):
        ours.verify(minted(2850), NOW)


@given(st.text(max_size=100))
def test_any_other_text_is_no_token(text):
    with pytest.raises(InvalidToken):
        Tokens([NEW]).verify(text, NOW)


def parts(password):
    return password.split(".")


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()


def authorization_key(key=NEW):
    """What our tokens are really signed with: the forger of these tests knows even that."""
    return hmac.digest(key.secret, b"openecr authorization token", "sha256")


def forged(header, payload, *, algorithm="HS256", secret=None):
    """A token with any header, properly signed by any algorithm and secret."""
    text = f"{encoded(header)}.{payload}"
    hash_ = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[algorithm]
    signature = hmac.digest(secret or authorization_key(), text.encode(), hash_)
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


HEADER = {"alg": "HS256", "kid": "new", "typ": "openecr2"}


def test_it_is_a_token_as_the_standard_has_it(ours):
    """RFC 7515, compact, as a library reads it that knows nothing of ours."""
    read = jws.deserialize_compact(private(ours), OctKey.import_key(authorization_key()), ["HS256"])

    assert read.headers() == HEADER
    assert json.loads(read.payload)["arn"] == ROOT["principal_arn"]


def test_the_forger_of_these_tests_could_forge(ours):
    """With our header and our key it would hold: so what follows is refused for its own reason."""
    assert ours.verify(forged(HEADER, parts(private(ours))[1]), NOW)


@pytest.mark.parametrize(
    "header",
    [
        HEADER | {"alg": "none"},
        HEADER | {"alg": "HS512"},
        HEADER | {"alg": "RS256"},
        HEADER | {"kid": "old"},
        HEADER | {"kid": "gone"},
        HEADER | {"typ": "JWT"},
        HEADER | {"typ": "openecr"},  # of an earlier form, which named no access key
        HEADER | {"crit": ["b64"], "b64": False},
        HEADER | {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"alg": "HS256", "typ": "openecr"},
        {"kid": "new", "alg": "HS256", "typ": "openecr"},
        {},
        [],
        "alg",
        1,
    ],
)
def test_another_header_is_refused_though_the_signature_is_right(ours, header):
    with pytest.raises(InvalidToken):
        ours.verify(forged(header, parts(private(ours))[1]), NOW)


def test_an_unsigned_token_is_refused(ours):
    _, payload, _ = parts(private(ours))

    for header in (HEADER, HEADER | {"alg": "none"}):
        with pytest.raises(InvalidToken):
            ours.verify(f"{encoded(header)}.{payload}.", NOW)


def test_a_token_by_another_algorithm_is_refused_whatever_its_header(ours):
    payload = parts(private(ours))[1]

    for algorithm in ("HS384", "HS512"):
        for header in (HEADER, HEADER | {"alg": algorithm}):
            with pytest.raises(InvalidToken):
                ours.verify(forged(header, payload, algorithm=algorithm), NOW)


def test_the_parts_of_two_tokens_do_not_make_a_third(ours):
    first, second = parts(private(ours)), parts(private(Tokens([OLD])))

    for mixed in (
        [second[0], first[1], first[2]],
        [first[0], second[1], first[2]],
        [first[0], first[1], second[2]],
    ):
        with pytest.raises(InvalidToken):
            ours.verify(".".join(mixed), NOW)


def test_the_secret_itself_signs_nothing(ours):
    """Only keys derived from it do, one for each purpose."""
    payload = parts(private(ours))[1]
    by_library = jws.serialize_compact(
        HEADER, base64.urlsafe_b64decode(payload + "=="), OctKey.import_key(NEW.secret)
    )

    for password in (by_library, forged(HEADER, payload, secret=NEW.secret)):
        with pytest.raises(InvalidToken):
            ours.verify(password, NOW)


def test_only_what_held_is_remembered_and_only_so_much(monkeypatch):
    monkeypatch.setattr(tokens, "CACHED_TOKENS", 3)
    ours = Tokens([NEW])
    passwords = [private(ours) for _ in range(5)]

    for password in passwords * 2:
        assert ours.verify(password, NOW)
        with pytest.raises(InvalidToken):
            ours.verify(password + "A", NOW)
    assert ours._verified.cache_info().currsize == 3
    assert ours.verify(passwords[-1], NOW) is ours.verify(passwords[-1], NOW)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [NEW, NEW],
        [NEW, TokenKey("new", b"x" * 32)],
        [TokenKey("short", b"x" * 31)],
        [TokenKey("long", b"x" * 33)],
        [TokenKey("", b"x" * 32)],
        [TokenKey("a.b", b"x" * 32)],
        [TokenKey("k" * 65, b"x" * 32)],
    ],
)
def test_keys_that_cannot_be(keys):
    with pytest.raises(ValueError):
        Tokens(keys)


def test_a_new_key_can_be_used_and_does_not_show_its_secret():
    key = make_token_key()

    assert Tokens([key]).verify(private(Tokens([key])), NOW)
    assert make_token_key() != key
    assert repr(key.secret) not in repr(key)


# Download signatures.

DIGEST = "sha256:" + "0a" * 32
LATER = NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("repository_id", "digest"), [(1, DIGEST), (2**62, "sha512:" + "0a" * 64), (0, "a.b.c:")]
)
def test_a_download_signature_opens_one_layer(ours, repository_id, digest):
    text = ours.sign_download(repository_id, digest, LATER)

    assert ours.verify_download(text, NOW) == (repository_id, digest)
    assert re.fullmatch("[A-Za-z0-9_-]+", text)


def test_a_download_signature_ends_when_it_says(ours):
    text = ours.sign_download(1, DIGEST, LATER)
    end = LATER.replace(microsecond=0)

    assert ours.verify_download(text, end - MOMENT)
    with pytest.raises(ExpiredToken):
        ours.verify_download(text, end)


def test_a_download_signature_outlives_a_rotation():
    text = Tokens([OLD]).sign_download(1, DIGEST, LATER)

    assert Tokens([NEW, OLD]).verify_download(text, NOW) == (1, DIGEST)
    with pytest.raises(InvalidToken):
        Tokens([NEW]).verify_download(text, NOW)


@FEW
@given(st.data())
def test_a_download_signature_does_not_hold_with_any_character_changed_or_put_in(data):
    ours = Tokens([NEW, OLD])
    text = ours.sign_download(1, DIGEST, LATER)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([c for c in URL_SAFE + "=+/. \né\udce9" if c != text[place]]))

    for false in (
        text[:place] + other + text[place + 1 :],
        text[:place] + other + text[place:],
        text[:place],
    ):
        with pytest.raises(InvalidToken):
            ours.verify_download(false, NOW)


@pytest.mark.parametrize("text", ["", "A", "A" * 5, "A" * 43, "A" * 44, "A" * 4096, "A" * 4097, "é"])
def test_a_text_that_is_no_download_signature(ours, text):
    with pytest.raises(InvalidToken):
        ours.verify_download(text, NOW)


# Page tokens.

SCOPE = "ListImages/123456789012/eu-central-1/team/app"
keys = st.lists(st.text(max_size=40) | st.integers(-(2**63), 2**63), max_size=4)


@FEW
@given(st.text(max_size=60), keys)
def test_a_page_token_goes_on_where_the_page_ended(scope, key):
    token = Tokens([OLD]).seal_page(scope, key)

    assert Tokens([NEW, OLD]).open_page(token, scope) == key
    assert re.fullmatch("[A-Za-z0-9_-]+", token)


@FEW
@given(st.text(max_size=20), st.text(max_size=20), keys)
def test_a_page_token_is_of_its_own_list_only(scope, other, key):
    ours = Tokens([NEW])
    token = ours.seal_page(scope, key)

    if other != scope:
        with pytest.raises(InvalidToken):
            ours.open_page(token, other)
    with pytest.raises(InvalidToken):
        ours.open_page(token, scope + "x")


@FEW
@given(st.data())
def test_a_page_token_does_not_hold_with_any_character_changed_or_put_in(data):
    ours = Tokens([NEW])
    token = ours.seal_page(SCOPE, ["1.0", 17])
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from([c for c in URL_SAFE + "=+/. \n" if c != token[place]]))

    for false in (
        token[:place] + other + token[place + 1 :],
        token[:place] + other + token[place:],
        token[:place],
    ):
        with pytest.raises(InvalidToken):
            ours.open_page(false, SCOPE)


@pytest.mark.parametrize("key", [[], [1], [10], [100]])
def test_a_page_token_is_one_text_and_no_other_that_decodes_alike(ours, key):
    """The last character of base64 has bits to spare."""
    token = ours.seal_page(SCOPE, key)

    assert [c for c in URL_SAFE if opens(ours, token[:-1] + c)] == [token[-1]]


def opens(ours, token):
    try:
        return ours.open_page(token, SCOPE) is not None
    except InvalidToken:
        return False


def test_the_end_of_the_scope_cannot_be_taken_for_the_beginning_of_the_key(ours):
    """The length of the scope is signed too."""
    token = ours.seal_page("ab", [1])
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    moved = base64.urlsafe_b64encode(raw[:32] + b"b" + raw[32:]).rstrip(b"=").decode()

    with pytest.raises(InvalidToken):
        ours.open_page(moved, "a")


def test_no_kind_of_token_passes_for_another(ours):
    password = private(ours)
    download = ours.sign_download(1, DIGEST, LATER)
    page = ours.seal_page("", ["1.0"])

    for false in (download, page):
        with pytest.raises(InvalidToken):
            ours.verify(false, NOW)
    for false in (password, password.replace(".", ""), page):
        with pytest.raises(InvalidToken):
            ours.verify_download(false, NOW)
    for false in (password, password.replace(".", ""), download):
        with pytest.raises(InvalidToken):
            ours.open_page(false, "")
