"""How condition values are read: numbers, moments, booleans, bytes and addresses.

Each function takes a text and gives a value that can be compared, or None where the text is nothing
of the kind. Source: auth-iam.md §4.5.
"""

import base64
import binascii
import re
import socket
from datetime import date
from decimal import Decimal
from functools import lru_cache

NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
EPOCH = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,9})?")
MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(?:Z|([+-])([0-9]{2}):([0-9]{2}))?)?"
)
READ = 512
"""How many moments and addresses are kept as read: all conditions of a request ask about the same ones."""
EPOCH_DAY = date(1970, 1, 1).toordinal()


def read_number(text: str) -> Decimal | None:
    return Decimal(text) if NUMBER.fullmatch(text) else None


def read_boolean(text: str) -> str | None:
    folded = text.lower()
    return folded if folded in ("true", "false") else None


def read_bytes(text: str) -> bytes | None:
    """The bytes a base64 text stands for."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


@lru_cache(maxsize=READ)
def read_moment(text: str) -> Decimal | None:
    """Seconds since 1970: of a date, of a date and time (no zone means UTC), or as they stand.

    Source: the W3C's profile of ISO 8601, but for years and months without a day.
    """
    if EPOCH.fullmatch(text):
        return Decimal(text)
    matched = MOMENT.fullmatch(text)
    if matched is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, *zone = matched.groups(default="0")
    hours, minutes = map(int, zone)
    if int(hour) > 23 or int(minute) > 59 or int(second) > 59 or hours > 23 or minutes > 59:
        return None
    try:
        days = date(int(year), int(month), int(day)).toordinal() - EPOCH_DAY
    except ValueError:
        return None
    ahead = (hours * 60 + minutes) * (-60 if sign == "-" else 60)
    return (
        days * 86_400 + int(hour) * 3_600 + int(minute) * 60 + int(second) - ahead + Decimal(f"0.{fraction}")
    )


@lru_cache(maxsize=READ)
def read_address(text: str) -> bytes | None:
    """An IPv4 address in 4 bytes or an IPv6 address in 16: so one never equals the other."""
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, ValueError):
        return None


def read_network(text: str) -> tuple[bytes, int] | None:
    """An address and how many of its bits count; a bare address counts with all. More bits than
    that may be set in it: `10.1.2.3/8` is taken as `10.0.0.0/8`."""
    address, slash, length = text.partition("/")
    octets = read_address(address)
    if octets is None:
        return None
    if not slash:
        return octets, 8 * len(octets)
    if not (length.isascii() and length.isdigit() and len(length) < 4 and int(length) <= 8 * len(octets)):
        return None
    return octets, int(length)
