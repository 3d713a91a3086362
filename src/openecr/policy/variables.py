"""Policy variables: `${aws:username}` in a resource or a condition value stands for what the request says.

`${key, 'default'}` has a value where the request has none; `${*}`, `${?}` and `${$}` are those three
characters and no wildcards. What is put in is literal too. Source: auth-iam.md §4.3.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from openecr.policy.inquiry import Inquiry
from openecr.policy.malformed import MalformedPolicy
from openecr.policy.matching import MANY, ONE, with_wildcards

VARIABLE = re.compile(r"\$\{(?:([*?$])|([^*?$,'{}][^,'{}]*)(?:, *'([^']*)')?)\}")


class Variable(NamedTuple):
    key: str  # as written
    folded_key: str  # as it is asked for
    default: str | None


class Template(NamedTuple):
    """A pattern or text with holes: literals[0], a variable, literals[1], …, the last literal."""

    literals: tuple[str, ...]
    variables: tuple[Variable, ...]


def read_all(
    texts: Sequence[str], *, has_wildcards: bool, has_variables: bool
) -> tuple[list[str], tuple[Template, ...]]:
    """What texts of a policy mean: patterns (`has_wildcards`) or plain texts; and those that have holes.

    has_variables  their place and the policy's version know variables; else `${` is text like any other
    Raises MalformedPolicy where a `${` begins no variable.
    """
    parse = with_wildcards if has_wildcards else str
    plain: list[str] = []
    templates: list[Template] = []
    for text in texts:
        if not has_variables or "${" not in text:
            plain.append(parse(text))
            continue
        template = _template(text, parse)
        if template.variables:
            templates.append(template)
        else:
            plain.append(template.literals[0])
    return plain, tuple(templates)


def fill_all(templates: Iterable[Template], inquiry: Inquiry) -> list[str]:
    """The patterns or texts meant in this request. One of which a variable has no value, or several, is
    left out: it matches nothing. Raises TooMuchWork."""
    filled = (_fill(template, inquiry) for template in templates)
    return [text for text in filled if text is not None]


def _template(text: str, parse: Callable[[str], str]) -> Template:
    # Of pieces, joined at the end: to add to a long text a thousand times is to copy it as often.
    literals: list[list[str]] = [[]]
    variables: list[Variable] = []
    place = 0
    for found in VARIABLE.finditer(text):
        literals[-1].append(parse(_checked(text[place : found.start()])))
        character, key, default = found.groups()
        if character:
            literals[-1].append(character)
        else:
            variables.append(Variable(key, key.lower(), default))
            literals.append([])
        place = found.end()
    literals[-1].append(parse(_checked(text[place:])))
    return Template(tuple(map("".join, literals)), tuple(variables))


def _checked(text: str) -> str:
    if "${" in text:
        raise MalformedPolicy(f"a variable cannot be read: {text[text.index('${') :][:40]}")
    return text


def _fill(template: Template, inquiry: Inquiry) -> str | None:
    inquiry.spend(5)
    filled = [template.literals[0]]
    for variable, literal in zip(template.variables, template.literals[1:], strict=True):
        value = inquiry.look_up(variable.folded_key)
        if not isinstance(value, str):
            value = variable.default
        # A wildcard of ours is nothing that a request holds in good faith.
        if value is None or MANY in value or ONE in value:
            return None
        inquiry.spend(len(value) >> 7)
        filled += (value, literal)
    text = "".join(filled)
    inquiry.spend(len(text) >> 7)
    return text
