"""A lifecycle policy: its text, checked, and its rules. Source: control-plane.md §6.2, §6.3.

ECR checks a text in three steps, and the first thing that is wrong is told: is it JSON at all, has it the
right shape (the words are those of the JSON schema library that ECR uses), do its rules go together.
What a policy does, lifecycle.py knows.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from openecr.errors import InvalidParameterException

MEMBER = "LifecyclePolicyText"
UNMAPPABLE = "Could not map policyString into LifecyclePolicy."
NO_VARIANT = "instance failed to match exactly one schema (matched 0 out of 2)"

MOST_RULES = 50
MOST_WILDCARDS = 4
LARGEST_NUMBER = 2**31 - 1
"""Of a priority or a count: they are Java's integers there, and so on the wire."""
FEWEST_DAYS_ARCHIVED = 90

TAGGED, UNTAGGED, ANY = "tagged", "untagged", "any"
STANDARD, ARCHIVE = "standard", "archive"
EXPIRE, TRANSITION = "expire", "transition"
COUNT, SINCE_PUSHED = "imageCountMoreThan", "sinceImagePushed"
SINCE_PULLED, SINCE_TRANSITIONED = "sinceImagePulled", "sinceImageTransitioned"


@dataclass(frozen=True, slots=True)
class _CountType:
    """What goes together with a count type."""

    storage_class: str
    actions: tuple[str, ...]
    has_unit: bool = True
    smallest: int = 1


_COUNT_TYPES: Mapping[str, _CountType] = {
    COUNT: _CountType(STANDARD, (EXPIRE, TRANSITION), has_unit=False),
    SINCE_PUSHED: _CountType(STANDARD, (EXPIRE, TRANSITION)),
    SINCE_PULLED: _CountType(STANDARD, (TRANSITION,)),
    SINCE_TRANSITIONED: _CountType(ARCHIVE, (EXPIRE,), smallest=FEWEST_DAYS_ARCHIVED),
}


@dataclass(frozen=True, slots=True)
class Rule:
    priority: int  # 1 comes first
    description: str | None
    tag_status: str  # tagged, untagged, any
    tag_patterns: tuple[str, ...]  # of a rule about tagged images: these, where `*` is any run of characters,
    tag_prefixes: tuple[str, ...]  # or these
    storage_class: str  # of the images it sees: standard, archive
    count_type: str
    count_number: int  # images, or days
    action: str  # expire, transition (to the archive)

    @property
    def is_count(self) -> bool:
        return self.count_type == COUNT


@dataclass(frozen=True, slots=True)
class LifecyclePolicy:
    text: str  # without blanks, keys in the order given
    rules: tuple[Rule, ...]  # by priority


def parse(text: str) -> LifecyclePolicy:
    """Raises InvalidParameterException for whatever is no policy, in ECR's words. Its length is the model's
    to check."""
    document = _document(text)
    rules = [_rule(each) for each in _rules(document)]
    _check_together(rules)
    rules.sort(key=lambda rule: rule.priority)
    return LifecyclePolicy(_minified(document), tuple(rules))


def _invalid(detail: str) -> NoReturn:
    raise InvalidParameterException(member=MEMBER, reason=f"Lifecycle policy validation failure: {detail}")


# Is it JSON?


class _NoJson(ValueError):
    pass


def _document(text: str) -> Any:
    try:
        document = json.loads(text, object_pairs_hook=_without_repetition, parse_constant=_refuse_constant)
        _minified(document).encode()  # half a surrogate pair cannot be stored
    except (ValueError, RecursionError):
        _invalid(UNMAPPABLE)
    if not isinstance(document, dict):
        _invalid(UNMAPPABLE)
    return document


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two equal keys one would be lost, and nobody could say which was meant."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _NoJson
    return made


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity, which Python reads and JSON has not."""
    raise _NoJson(name)


def _minified(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


# Has it the right shape?


def _rules(document: Any) -> list[Any]:
    members = _object(document, required=("rules",))
    return _list(members["rules"], most=MOST_RULES)


def _rule(value: Any) -> Rule:
    members = _object(value, required=("action", "rulePriority", "selection"), optional=("description",))
    priority = _integer(members["rulePriority"])
    description = _text(members["description"]) if "description" in members else None
    return _selection(members["selection"], priority, description, members["action"])


def _selection(value: Any, priority: int, description: str | None, action_value: Any) -> Rule:
    members = _object(
        value,
        required=("countNumber", "countType", "tagStatus"),
        optional=("countUnit", "storageClass", "tagPatternList", "tagPrefixList"),
    )
    tag_status = _one_of(members["tagStatus"], (ANY, TAGGED, UNTAGGED))
    patterns = _tags(members, "tagPatternList")
    prefixes = _tags(members, "tagPrefixList")
    storage_class = _one_of(members.get("storageClass", STANDARD), (ARCHIVE, STANDARD))
    count_type = _text(members["countType"])
    count_number = _integer(members["countNumber"])
    unit = _text(members["countUnit"]) if "countUnit" in members else None
    action = _action(action_value)

    variant = _COUNT_TYPES.get(count_type)
    if (
        variant is None
        or unit != ("days" if variant.has_unit else None)
        or storage_class != variant.storage_class
        or action not in variant.actions
        or count_number < variant.smallest
        or (patterns and prefixes)
        or ((patterns or prefixes) and tag_status != TAGGED)
    ):
        _invalid(NO_VARIANT)
    return Rule(
        priority,
        description,
        tag_status,
        patterns,
        prefixes,
        storage_class,
        count_type,
        count_number,
        action,
    )


def _tags(members: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Empty where the member is not there."""
    if name not in members:
        return ()
    texts = tuple(_text(each) for each in _list(members[name]))
    if len(set(texts)) < len(texts):
        _invalid("array must not contain duplicate elements")
    return texts


def _action(value: Any) -> str:
    members = _object(value, required=("type",), optional=("targetStorageClass",))
    type_ = _one_of(members["type"], (EXPIRE, TRANSITION))
    if "targetStorageClass" in members:
        _one_of(members["targetStorageClass"], (ARCHIVE,))
    if ("targetStorageClass" in members) != (type_ == TRANSITION):
        _invalid(NO_VARIANT)
    return type_


def _object(value: Any, *, required: Sequence[str], optional: Sequence[str] = ()) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        _wrong_type(value, "object")
    if missing := sorted(set(required) - value.keys()):
        _invalid(f"object has missing required properties ({_minified(missing)})")
    if unknown := sorted(value.keys() - {*required, *optional}):
        _invalid(f"object instance has properties which are not allowed by the schema: {_minified(unknown)}")
    return value


def _list(value: Any, *, most: int | None = None) -> list[Any]:
    if not isinstance(value, list):
        _wrong_type(value, "array")
    if not value:
        _invalid("array is too short: must have at least 1 elements but instance has 0 elements")
    if most is not None and len(value) > most:
        _invalid(
            f"array is too long: must have at most {most} elements but instance has {len(value)} elements"
        )
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        _wrong_type(value, "string")
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        _wrong_type(value, "integer")
    if value < 1:
        _invalid(f"numeric instance is lower than the required minimum (minimum: 1, found: {value})")
    if value > LARGEST_NUMBER:
        _invalid(UNMAPPABLE)
    return value


def _one_of(value: Any, possible: Sequence[str]) -> str:
    text = _text(value)
    if text not in possible:
        _invalid(
            f"instance value ({_minified(text)}) not found in enum (possible values: {_minified(possible)})"
        )
    return text


_TYPES: Mapping[type, str] = {
    bool: "boolean",
    dict: "object",
    float: "number",
    int: "integer",
    list: "array",
    str: "string",
    type(None): "null",
}


def _wrong_type(value: Any, wanted: str) -> NoReturn:
    _invalid(
        f"instance type ({_TYPES[type(value)]}) does not match any allowed primitive type "
        f'(allowed: ["{wanted}"])'
    )


# Do its rules go together?


def _check_together(rules: Sequence[Rule]) -> None:
    for priority, count in Counter(rule.priority for rule in rules).items():
        if count > 1:
            _invalid(f"Duplicate rulePriority '{priority}' found")
    for rule in rules:
        if rule.tag_status == TAGGED and not rule.tag_patterns and not rule.tag_prefixes:
            _invalid("Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.")
        if any(pattern.count("*") > MOST_WILDCARDS for pattern in rule.tag_patterns):
            _invalid(f"tagPatternList entries must not contain more than {MOST_WILDCARDS} wildcards")
    for storage_class in (STANDARD, ARCHIVE):
        _check_class([rule for rule in rules if rule.storage_class == storage_class])


def _check_class(rules: Sequence[Rule]) -> None:
    """Those about images of one storage class."""
    if sum(rule.tag_status == UNTAGGED for rule in rules) > 1:
        _invalid("Only one rule can select Untagged images per storage class")
    last = max((rule.priority for rule in rules), default=0)
    if any(rule.tag_status == ANY and rule.priority < last for rule in rules):
        _invalid("Rule for tagStatus=ANY must have the lowest priority per storage class")
    for name, lists in (
        ("tagPrefixList", [frozenset(rule.tag_prefixes) for rule in rules if rule.tag_prefixes]),
        ("tagPatternList", [frozenset(rule.tag_patterns) for rule in rules if rule.tag_patterns]),
    ):
        if len(set(lists)) < len(lists):
            _invalid(f"Multiple rules must not have the same {name} per storage class")
