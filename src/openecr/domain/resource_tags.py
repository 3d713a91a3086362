"""Resource tags: the keys and values a repository may carry. Source: control-plane.md §2.8."""

import re
from collections.abc import Mapping, Sequence, Sized
from typing import Any

from openecr.errors import InvalidTagParameterException, TooManyTagsException

ALLOWED = re.compile(r"[\w +\-=.:/@]*")


def parse(tags: Sequence[Mapping[str, Any]], *, most: int) -> dict[str, str]:
    """Tags as they came (`[{"Key": "env", "Value": "dev"}]`) → key to value, in order. At most so many.

    A tag without a value has an empty one (public API). Raises TooManyTagsException,
    InvalidTagParameterException.
    """
    check_count(tags, most)
    parsed: dict[str, str] = {}
    for tag in tags:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if not 1 <= len(key) <= 128:
            raise InvalidTagParameterException("The tag key must have between 1 and 128 characters.")
        if len(value) > 256:
            raise InvalidTagParameterException("The tag value must have at most 256 characters.")
        if not ALLOWED.fullmatch(key) or not ALLOWED.fullmatch(value):
            raise InvalidTagParameterException("The tag key or value has a character that is not allowed.")
        refuse_reserved(key)
        refuse_reserved(value)
        if key in parsed:
            raise InvalidTagParameterException("The same tag key is given more than once.")
        parsed[key] = value
    return parsed


def refuse_reserved(text: str) -> None:
    """Raises where a key or a value is one that only AWS may set."""
    if text.lower().startswith("aws:"):
        raise InvalidTagParameterException("aws: prefixed tag key names are not allowed for external use.")


def check_count(tags: Sized, most: int) -> None:
    if len(tags) > most:
        raise TooManyTagsException(limit=most)
