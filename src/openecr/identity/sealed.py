"""Secrets at rest: AES-256-GCM under the master key.

For what must be stored so that it can be read again: a signature cannot be verified with a hash of the
secret. What is sealed is bound to what it is *about* (an access key id), so a row's secret does not open
in another row. Layout: format (1 byte), key id (8), nonce (12), ciphertext with its tag (16 more bytes
than the plain text). The key id tells a wrong master key from a damaged row, and lets a rotation find
what is still sealed under the old one.

While one master key takes the place of another, a sealer has both: the first seals, all open. Another
process may have begun that at any time, so the keys are looked at anew before each seal, and when a secret
turns up that was sealed under a key that is not known.

A fresh random nonce per seal: safe for 2**32 secrets under one key (NIST SP 800-38D §8.3).
"""

import hmac
import re
import secrets
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MASTER_KEY_BYTES = 32
KEY_ID_BYTES = 8
NONCE_BYTES = 12
TAG_BYTES = 16

_FORMAT = b"\x01"
_HEAD_BYTES = len(_FORMAT) + KEY_ID_BYTES + NONCE_BYTES
_MASTER_KEY = re.compile(r"[0-9a-fA-F]{64}")


class InvalidMasterKey(ValueError):
    """A text that is no master key. The message never holds the text."""


class OtherMasterKey(Exception):
    """Sealed under another master key than this one."""


class SealBroken(Exception):
    """Not what was sealed, or about something else: cut short, changed, or moved to another row."""


def make_master_key() -> str:
    """A new master key, as the text to keep: 64 hexadecimal digits."""
    return secrets.token_hex(MASTER_KEY_BYTES)


def parse_master_key(text: str) -> bytes:
    """The 32 bytes of a kept master key; blanks and the line's end around it do not count.

    Raises InvalidMasterKey
    """
    text = text.strip()
    if not _MASTER_KEY.fullmatch(text):
        raise InvalidMasterKey("A master key has 64 hexadecimal digits.")
    return bytes.fromhex(text)


class Sealer:
    def __init__(self, *master_keys: bytes, reload: Callable[[], Sequence[bytes]] | None = None) -> None:
        """The first of the master keys seals, all open.

        reload  the master keys as they are kept now; without it they stay what they are
        Raises InvalidMasterKey, as do `seal` and `open` where `reload` returns none that can be
        """
        self._reload = reload
        self._ciphers: dict[bytes, AESGCM] = {}  # by key id; none is ever taken out
        self._key_id = self._take(master_keys)

    def seal(self, plain: bytes, about: bytes) -> bytes:
        """`plain` sealed; it opens only under the same master key and with the same `about`.

        To be called within the transaction that stores it. A rotation seals all that is stored anew, in one
        transaction, after the new key is kept: a secret that is stored before is among those, and one that
        is stored after was sealed when the new key could be seen.
        """
        key_id = self._key_id if self._reload is None else self._take(self._reload())
        nonce = secrets.token_bytes(NONCE_BYTES)
        head = _FORMAT + key_id
        return head + nonce + self._ciphers[key_id].encrypt(nonce, plain, head + about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """What was sealed. Raises OtherMasterKey, SealBroken."""
        head, nonce = sealed[: len(_FORMAT) + KEY_ID_BYTES], sealed[_HEAD_BYTES - NONCE_BYTES : _HEAD_BYTES]
        if len(sealed) < _HEAD_BYTES + TAG_BYTES or not head.startswith(_FORMAT):
            raise SealBroken
        key_id = head[len(_FORMAT) :]
        if key_id not in self._ciphers and self._reload is not None:
            self._take(self._reload())
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise OtherMasterKey
        try:
            return cipher.decrypt(nonce, sealed[_HEAD_BYTES:], head + about)
        except InvalidTag:
            raise SealBroken from None

    def _take(self, master_keys: Sequence[bytes]) -> bytes:
        """Know these keys too; the id of the first. Those known before still open: somebody may have read
        a row before it was replaced."""
        if not master_keys or any(len(key) != MASTER_KEY_BYTES for key in master_keys):
            raise InvalidMasterKey(f"A master key has {MASTER_KEY_BYTES} bytes.")
        named = {_key_id(key): key for key in master_keys}
        if new := {id_: AESGCM(key) for id_, key in named.items() if id_ not in self._ciphers}:
            self._ciphers = self._ciphers | new  # others may be reading the table that was
        return next(iter(named))


def _key_id(master_key: bytes) -> bytes:
    """Names a master key without telling anything of it."""
    return hmac.digest(master_key, b"openecr master key id", "sha256")[:KEY_ID_BYTES]
