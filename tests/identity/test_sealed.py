"""Secrets at rest: what was sealed opens unchanged, under its key and for what it is about only."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openecr.identity.sealed import (
    InvalidMasterKey,
    OtherMasterKey,
    SealBroken,
    Sealer,
    make_master_key,
    parse_master_key,
)
from tests.depth import examples

KEY = bytes(range(32))
FEW = settings(max_examples=examples(50), deadline=None)


@FEW
@given(st.binary(max_size=200), st.binary(max_size=50))
def test_what_was_sealed_opens_unchanged(plain, about):
    sealed = Sealer(KEY).seal(plain, about)

    assert Sealer(KEY).open(sealed, about) == plain
    assert len(sealed) == 1 + 8 + 12 + len(plain) + 16


@FEW
@given(st.binary(min_size=8, max_size=60), st.data())
def test_it_does_not_open_with_any_byte_changed(plain, data):
    sealed = Sealer(KEY).seal(plain, b"AKIA")
    place = data.draw(st.integers(0, len(sealed) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    changed = sealed[:place] + bytes([sealed[place] ^ bit]) + sealed[place + 1 :]

    with pytest.raises(OtherMasterKey if 1 <= place < 9 else SealBroken):
        Sealer(KEY).open(changed, b"AKIA")


def test_it_does_not_open_cut_short_or_with_more_behind_it():
    sealed = Sealer(KEY).seal(b"secret", b"AKIA")

    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            Sealer(KEY).open(sealed[:length], b"AKIA")
    with pytest.raises(SealBroken):
        Sealer(KEY).open(sealed + b"\0", b"AKIA")


def test_it_does_not_open_about_something_else():
    sealed = Sealer(KEY).seal(b"secret", b"AKIA1")

    with pytest.raises(SealBroken):
        Sealer(KEY).open(sealed, b"AKIA2")
    with pytest.raises(SealBroken):
        Sealer(KEY).open(sealed, b"")


def test_another_master_key_is_told_from_damage():
    sealed = Sealer(KEY).seal(b"secret", b"AKIA")

    with pytest.raises(OtherMasterKey):
        Sealer(KEY[::-1]).open(sealed, b"AKIA")


def test_the_same_secret_is_never_sealed_alike():
    assert len({Sealer(KEY).seal(b"secret", b"AKIA") for _ in range(100)}) == 100


def test_nothing_of_the_secret_or_the_key_shows():
    sealed = Sealer(KEY).seal(b"a secret to keep", b"AKIA")

    assert b"secret" not in sealed
    key_id = sealed[1:9]
    assert key_id not in KEY
    assert Sealer(KEY).seal(b"", b"")[1:9] == key_id != Sealer(KEY[::-1]).seal(b"", b"")[1:9]


def test_a_master_key_is_kept_as_text():
    text = make_master_key()

    assert parse_master_key(f"  {text.upper()}\n") == parse_master_key(text) == bytes.fromhex(text)
    assert len(parse_master_key(text)) == 32
    assert make_master_key() != text


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "g" * 64, "٠" * 64, "00 " * 32])
def test_a_text_that_is_no_master_key_is_not_repeated(text):
    with pytest.raises(InvalidMasterKey) as error:
        parse_master_key(text)
    assert str(error.value) == "A master key has 64 hexadecimal digits."


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_master_key_of_another_length(length):
    with pytest.raises(InvalidMasterKey):
        Sealer(bytes(length))
    with pytest.raises(InvalidMasterKey):
        Sealer(KEY, bytes(length))


def test_without_a_master_key_there_is_no_sealer():
    with pytest.raises(InvalidMasterKey):
        Sealer()


# Rotation.

NEW = bytes(range(1, 33))


def test_the_first_key_seals_and_all_open():
    before, after = Sealer(KEY), Sealer(NEW, KEY)

    assert after.open(before.seal(b"secret", b"AKIA"), b"AKIA") == b"secret"
    assert Sealer(NEW).open(after.seal(b"secret", b"AKIA"), b"AKIA") == b"secret"
    with pytest.raises(OtherMasterKey):
        before.open(after.seal(b"secret", b"AKIA"), b"AKIA")


class Kept:
    """Master keys as a file has them, and how often it was read."""

    def __init__(self, *keys):
        self.keys = keys
        self.reads = 0

    def __call__(self):
        self.reads += 1
        return self.keys


def test_a_sealer_seals_under_the_key_that_is_kept_by_then():
    kept = Kept(KEY)
    sealer = Sealer(KEY, reload=kept)
    assert Sealer(KEY).open(sealer.seal(b"secret", b"AKIA"), b"AKIA") == b"secret"

    kept.keys = (NEW, KEY)
    assert Sealer(NEW).open(sealer.seal(b"secret", b"AKIA"), b"AKIA") == b"secret"


def test_a_sealer_that_meets_another_key_looks_whether_it_is_kept():
    kept = Kept(KEY)
    sealer = Sealer(KEY, reload=kept)
    old, new = Sealer(KEY).seal(b"secret", b"AKIA"), Sealer(NEW).seal(b"secret", b"AKIA")
    with pytest.raises(OtherMasterKey):
        sealer.open(new, b"AKIA")

    kept.keys = (NEW,)
    assert sealer.open(new, b"AKIA") == b"secret"
    assert sealer.open(old, b"AKIA") == b"secret"  # read from a row before it was replaced
    assert kept.reads == 2


def test_what_can_be_opened_needs_no_look_at_the_keys_and_damage_none_either():
    kept = Kept(KEY)
    sealer = Sealer(KEY, reload=kept)
    sealed = Sealer(KEY).seal(b"secret", b"AKIA")

    assert sealer.open(sealed, b"AKIA") == b"secret"
    with pytest.raises(SealBroken):
        sealer.open(sealed, b"AKIB")
    assert kept.reads == 0
