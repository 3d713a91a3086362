"""Which repositories of a registry are to be scanned, and when. Source: advanced-features.md §1.3.

Kept and shown; nothing scans yet ("stored only", design.md §5).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openecr.domain.tag_mutability import matches as matches_whole
from openecr.errors import InvalidParameterException

BASIC = "BASIC"
ENHANCED = "ENHANCED"
MANUAL = "MANUAL"
SCAN_ON_PUSH = "SCAN_ON_PUSH"
CONTINUOUS_SCAN = "CONTINUOUS_SCAN"

FREQUENCIES = {BASIC: (SCAN_ON_PUSH,), ENHANCED: (CONTINUOUS_SCAN, SCAN_ON_PUSH)}
"""What rules may say under each type, the strongest first: where two rules match, it counts."""


@dataclass(frozen=True, slots=True)
class ScanningRule:
    frequency: str
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RegistryScanning:
    """What a registry says. Until it says anything, images are scanned by hand alone."""

    scan_type: str = BASIC
    rules: tuple[ScanningRule, ...] = ()


@dataclass(frozen=True, slots=True)
class RepositoryScanning:
    """What holds for one repository, and the filters that made it so."""

    frequency: str
    filters: tuple[str, ...]

    @property
    def is_on_push(self) -> bool:
        return self.frequency == SCAN_ON_PUSH


def parse(scan_type: str | None, rules: Sequence[Mapping[str, Any]] | None) -> RegistryScanning:
    """A type and its rules, as they came; who gives no type means BASIC, as where nothing was ever put.

    Raises InvalidParameterException where they do not go together. The words are ours: AWS's are not known.
    """
    scan_type = scan_type or BASIC
    parsed = tuple(
        ScanningRule(rule["scanFrequency"], tuple(each["filter"] for each in rule["repositoryFilters"]))
        for rule in rules or ()
    )
    allowed = FREQUENCIES[scan_type]
    for rule in parsed:
        if rule.frequency not in allowed:
            raise InvalidParameterException(
                member="scanFrequency",
                reason=f"Member must be one of [{', '.join(allowed)}] when scanType is set as {scan_type}",
            )
    if len({rule.frequency for rule in parsed}) < len(parsed):
        raise InvalidParameterException(
            member="rules", reason="Member must not have more than one rule for a scanFrequency"
        )
    return RegistryScanning(scan_type, parsed)


def in_force(registry: RegistryScanning, repository_name: str, *, scan_on_push: bool) -> RepositoryScanning:
    """What holds for a repository.

    scan_on_push  the repository's own setting, which ENHANCED overrules [inferred]
    """
    matched = {
        rule.frequency: tuple(each for each in rule.filters if matches(each, repository_name))
        for rule in registry.rules
    }
    for frequency in FREQUENCIES[registry.scan_type]:
        if filters := matched.get(frequency):
            return RepositoryScanning(frequency, filters)
    own = SCAN_ON_PUSH if scan_on_push and registry.scan_type == BASIC else MANUAL
    return RepositoryScanning(own, ())


def matches(pattern: str, name: str) -> bool:
    """Whether a filter means a repository: it is part of the name; with `*` it is all of it."""
    return matches_whole(pattern, name) if "*" in pattern else pattern in name
