"""Secrets at rest: AES-256-GCM under the master key.

For what must be stored so that it can be read again: a signature cannot be verified with a hash of the
secret. What is sealed is bound to what it is *about* (an access key id), so a row's secret does not open
in another row. Layout: format (1 byte), key id (8), nonce (12), ciphertext with its tag (16 more bytes
than the plain text). The key id tells a wrong master key from a damaged row, and lets a rotation find
what is still sealed under the old one.

A fresh random nonce per seal: safe for 2**32 secrets under one key (NIST SP 800-38D §8.3).
"""

import hmac
import re
import secrets

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
    def __init__(self, master_key: bytes) -> None:
        if len(master_key) != MASTER_KEY_BYTES:
            raise InvalidMasterKey(f"A master key has {MASTER_KEY_BYTES} bytes.")
        self._cipher = AESGCM(master_key)
        self.key_id = hmac.digest(master_key, b"openecr master key id", "sha256")[:KEY_ID_BYTES]
        """Names the master key without telling anything of it."""

    def seal(self, plain: bytes, about: bytes) -> bytes:
        """`plain` sealed; it opens only under the same master key and with the same `about`."""
        head = _FORMAT + self.key_id
        nonce = secrets.token_bytes(NONCE_BYTES)
        return head + nonce + self._cipher.encrypt(nonce, plain, head + about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """What was sealed. Raises OtherMasterKey, SealBroken."""
        head, nonce = sealed[: len(_FORMAT) + KEY_ID_BYTES], sealed[_HEAD_BYTES - NONCE_BYTES : _HEAD_BYTES]
        if len(sealed) < _HEAD_BYTES + TAG_BYTES or not head.startswith(_FORMAT):
            raise SealBroken
        if head != _FORMAT + self.key_id:
            raise OtherMasterKey
        try:
            return self._cipher.decrypt(nonce, sealed[_HEAD_BYTES:], head + about)
        except InvalidTag:
            raise SealBroken from None
