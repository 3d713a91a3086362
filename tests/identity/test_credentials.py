"""Access keys: their form, and that no secret is told by accident."""

import re

import pytest

from openecr.identity.credentials import (
    AccessKey,
    InvalidAccessKey,
    make_access_key,
    make_session_key,
    make_session_token,
    matches,
    parse_access_key,
    token_sha256,
)


@pytest.mark.parametrize(("make", "prefix"), [(make_access_key, "AKIA"), (make_session_key, "ASIA")])
def test_a_new_key_looks_like_one_of_aws_and_is_like_no_other(make, prefix):
    keys = [make() for _ in range(200)]

    for key in keys:
        assert re.fullmatch(prefix + "[A-Z2-7]{16}", key.id)
        assert re.fullmatch("[A-Za-z0-9+/]{40}", key.secret)
        assert parse_access_key(key.id, key.secret) == key
    assert len({key.id for key in keys}) == len({key.secret for key in keys}) == len(keys)


def test_a_session_token_is_long_plain_and_new_each_time():
    tokens = [make_session_token() for _ in range(200)]

    assert all(re.fullmatch("OECR[A-Za-z0-9+/]{64}", token) for token in tokens)
    assert len(set(tokens)) == len({token_sha256(token) for token in tokens}) == 200


def test_a_session_token_is_kept_as_its_hash():
    assert token_sha256("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert len(token_sha256("\udce9")) == 32  # whatever a client sends


def test_the_secret_is_not_in_the_repr():
    key = make_access_key()

    assert key.secret not in repr(key)
    assert key.id in repr(key)


SECRET = "s" * 40


@pytest.mark.parametrize("id_", ["A" * 16, "A" * 128, "my_own_key_for_ci"])
def test_an_id_that_someone_chose(id_):
    assert parse_access_key(id_, SECRET) == AccessKey(id_, SECRET)


@pytest.mark.parametrize("id_", ["", "A" * 15, "A" * 129, "A" * 15 + "/", "A" * 16 + "\n", "é" * 16])
def test_an_id_that_can_be_none(id_):
    with pytest.raises(InvalidAccessKey, match="16 to 128 letters"):
        parse_access_key(id_, SECRET)


@pytest.mark.parametrize("secret", ["s" * 16, "s" * 128, "!~" * 10])
def test_a_secret_that_someone_chose(secret):
    assert parse_access_key("A" * 20, secret).secret == secret


@pytest.mark.parametrize("secret", ["", "s" * 15, "s" * 129, "s" * 16 + "\n", "with blank in it", "é" * 16])
def test_a_secret_that_can_be_none_is_not_repeated(secret):
    with pytest.raises(InvalidAccessKey, match="16 to 128 printable") as error:
        parse_access_key("A" * 20, secret)
    assert not secret or secret not in str(error.value)


@pytest.mark.parametrize("text", ["", "abc", "é", "\udce9"])
def test_texts_match_only_themselves(text):
    assert matches(text, text)
    assert not matches(text, text + "x")
    assert not matches(text + "x", text)
