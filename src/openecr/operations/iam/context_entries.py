"""ContextEntries: the context keys that a simulated request has. Source: the service model, ContextEntry."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from openecr.errors import InvalidInputException
from openecr.operations.context_keys import Value
from openecr.policy.values import read_address, read_boolean, read_bytes, read_moment, read_number

READERS: dict[str, Callable[[str], object]] = {
    "string": str,
    "numeric": read_number,
    "boolean": read_boolean,
    "ip": read_address,
    "binary": read_bytes,
    "date": read_moment,
}
"""By ContextKeyType without its `List`: what makes a value of a text, or None where it is no such value."""
SHOWN_CHARACTERS = 200


def parse_context_entries(entries: Sequence[Mapping[str, Any]]) -> dict[str, Value]:
    """The context keys, in lower case; a tuple is the value of one whose type is a list.

    Without a type a key has one text, or a list of them if it is not one.
    Raises InvalidInputException for an entry without a name, a name that comes twice, a value that is not of
    its type, and several values, or none, of a type that has one
    """
    found: dict[str, Value] = {}
    for entry in entries:
        name, values = entry.get("ContextKeyName"), tuple(entry.get("ContextKeyValues") or ())
        if name is None:
            raise InvalidInputException("A context entry has a ContextKeyName.")
        if name.lower() in found:
            raise InvalidInputException(f"The context key {name} is given twice.")
        type_ = entry.get("ContextKeyType") or ("string" if len(values) == 1 else "stringList")
        read = READERS[type_.removesuffix("List")]
        for value in values:
            if read(value) is None:
                shown = value[:SHOWN_CHARACTERS]
                raise InvalidInputException(f"The value {shown} of the context key {name} is no {type_}.")
        if type_.endswith("List"):
            found[name.lower()] = values
        elif len(values) == 1:
            found[name.lower()] = values[0]
        else:
            raise InvalidInputException(f"The context key {name} has one value, for it is a {type_}.")
    return found
