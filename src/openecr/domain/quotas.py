"""How much there may be of anything, by default as much as ECR allows. Source: control-plane.md §7.1, §7.2.

An operation finds the quotas of its registry's kind in `call.quotas`. What AWS does not adjust may be changed
too. IAM's own are in `operations/iam/quotas.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from openecr.domain.registry import Kind

MOST = 999_999_999
"""What a quota may be set to; none of the counts is stored in less than four bytes."""


@dataclass(frozen=True, slots=True)
class Quotas:
    repositories: int = 100_000  # of a registry
    images_per_repository: int = 100_000
    tags_per_image: int = 1_000
    layer_parts: int = 4_200  # as the API counts them: over OCI a layer has any number
    layer_mebibytes: int = 52_000
    resource_tags: int = 50  # of a repository
    pull_time_exclusions: int = 100  # of a private registry
    sessions: int = 10_000  # of a role, a user or a root, that have not expired [ours]


DEFAULTS: Mapping[Kind, Quotas] = {
    Kind.PRIVATE: Quotas(),
    Kind.PUBLIC: Quotas(repositories=10_000, layer_parts=1_000, layer_mebibytes=10_000),
}

NAMES = tuple(each.name for each in fields(Quotas))
OF_PRIVATE_REGISTRIES_ONLY = frozenset({"pull_time_exclusions", "sessions"})
PREFIXES = {f"{kind}.": kind for kind in Kind}


def kinds_and_name(written: str) -> tuple[list[Kind], str] | None:
    """What `repositories`, or `ecr-public.repositories`, is about; None for what is no quota's name."""
    for prefix, kind in PREFIXES.items():
        if written.startswith(prefix):
            name = written.removeprefix(prefix)
            is_known = name in NAMES and not (kind is Kind.PUBLIC and name in OF_PRIVATE_REGISTRIES_ONLY)
            return ([kind], name) if is_known else None
    return (list(Kind), written) if written in NAMES else None


def with_changes(changes: Mapping[str, int]) -> dict[Kind, Quotas]:
    """The defaults, and what is said otherwise: by name for both kinds of registries, or for one of them
    (`ecr-public.repositories`), which counts more."""
    changed = dict(DEFAULTS)
    for written in sorted(changes, key=lambda each: "." in each):
        found = kinds_and_name(written)
        assert found is not None, "a setting is parsed before it gets here"
        kinds, name = found
        for kind in kinds:
            changed[kind] = replace(changed[kind], **{name: changes[written]})
    return changed
