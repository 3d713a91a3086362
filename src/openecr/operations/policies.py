"""Resource policies: who may use a repository, and who the repositories of a registry.

A text is checked, stored with the unique ids of the users and roles it names, so that one made anew under
an old name has nothing of what the old one had, and shown with their ARNs again, as ECR prints it. What a
policy means, `policy/` knows; `authorize.py` asks the row written here at every request, so a change counts
from the next one on, in every process. Source: control-plane.md §5, §9.3; auth-iam.md §6.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from openecr.domain.account_settings import REGISTRY_POLICY_SCOPE
from openecr.domain.repository import Repository
from openecr.errors import (
    InvalidParameterException,
    RegistryPolicyNotFoundException,
    RepositoryPolicyNotFoundException,
)
from openecr.metadata.database import Transaction
from openecr.operations.authorize import request_of
from openecr.operations.call import Call, Output
from openecr.operations.gate import everything, operation
from openecr.operations.grounds import V1_ACTIONS, read_grounds
from openecr.operations.stored_policies import PrincipalNotFound, to_show, to_store
from openecr.policy.document import Kind, MalformedPolicy, parse
from openecr.policy.evaluate import Reason

INVALID_REPOSITORY_POLICY = "Invalid repository policy provided"
INVALID_REGISTRY_POLICY = "Invalid registry policy provided"
PRINCIPAL_NOT_FOUND = "Principal not found"
LOCK_OUT = "The policy would prevent you from setting another policy in the future; set force to override"
"""Ours: AWS's words are unknown. Source: control-plane.md §5.4."""


@operation("ecr", "ecr-public")
def set_repository_policy(call: Call) -> Output:
    """Give a repository a policy, in place of the one it may have had.

    Input   repositoryName, registryId, policyText (JSON), force
    Output  registryId, repositoryName, policyText as it is shown from now on
    Raises  InvalidParameterException for a text that is no such policy, for one that names a user or role
            its account does not have, and, without `force`, for one that would deny the caller to set the
            next; RepositoryNotFoundException
    Source  control-plane.md §5; auth-iam.md §6.1
    """
    text = call.input["policyText"]
    try:
        parse(text, Kind.REPOSITORY, service=call.registry.kind)
    except MalformedPolicy:
        raise _invalid(INVALID_REPOSITORY_POLICY) from None
    with call.transaction() as db:
        repository = db.repositories.get(call.registry, call.input["repositoryName"])
        stored = _stored(db, text, Kind.REPOSITORY)
        if not call.input.get("force") and _locks_out(call, db, repository, stored):
            raise _invalid(LOCK_OUT)
        db.repository_policies.put(repository, stored)
        return _shown(db, repository, stored)


@operation("ecr", "ecr-public")
def get_repository_policy(call: Call) -> Output:
    """The policy of a repository.

    Input   repositoryName, registryId
    Output  registryId, repositoryName, policyText
    Raises  RepositoryNotFoundException, RepositoryPolicyNotFoundException
    """
    with call.reading() as db:
        repository = db.repositories.get(call.registry, call.input["repositoryName"])
        return _shown(db, repository, _get(db, repository))


@operation("ecr", "ecr-public")
def delete_repository_policy(call: Call) -> Output:
    """Take its policy away from a repository.

    Input   repositoryName, registryId
    Output  registryId, repositoryName, policyText as it was
    Raises  RepositoryNotFoundException, RepositoryPolicyNotFoundException
    """
    with call.transaction() as db:
        repository = db.repositories.get(call.registry, call.input["repositoryName"])
        stored = _get(db, repository)
        db.repository_policies.delete(repository)
        return _shown(db, repository, stored)


@operation("ecr", resource=everything)
def put_registry_policy(call: Call) -> Output:
    """Give the caller's registry a policy, in place of the one it may have had.

    Input   policyText (JSON)
    Output  registryId, policyText as it is shown from now on
    Raises  InvalidParameterException for a text that is no such policy, or speaks of more than the
            registry's scope has, and for one that names a user or role its account does not have
    Source  control-plane.md §5.5; auth-iam.md §6.3
    """
    text = call.input["policyText"]
    try:
        parse(text, Kind.REGISTRY)
    except MalformedPolicy:
        raise _invalid(INVALID_REGISTRY_POLICY) from None
    with call.transaction() as db:
        if db.account_settings.find(call.registry, REGISTRY_POLICY_SCOPE) == "V1" and not _is_of_v1(text):
            raise _invalid(INVALID_REGISTRY_POLICY)
        stored = _stored(db, text, Kind.REGISTRY)
        db.registry_policies.put(call.registry, stored)
        return {"registryId": call.registry.id, "policyText": to_show(db, stored)}


@operation("ecr", resource=everything)
def get_registry_policy(call: Call) -> Output:
    """The policy of the caller's registry.

    Input   nothing
    Output  registryId, policyText
    Raises  RegistryPolicyNotFoundException
    """
    with call.reading() as db:
        stored = db.registry_policies.find(call.registry)
        if stored is None:
            raise RegistryPolicyNotFoundException(registry_id=call.registry.id)
        return {"registryId": call.registry.id, "policyText": to_show(db, stored)}


@operation("ecr", resource=everything)
def delete_registry_policy(call: Call) -> Output:
    """Take its policy away from the caller's registry.

    Input   nothing
    Output  registryId, policyText as it was
    Raises  RegistryPolicyNotFoundException
    """
    with call.transaction() as db:
        stored = db.registry_policies.find(call.registry)
        if stored is None:
            raise RegistryPolicyNotFoundException(registry_id=call.registry.id)
        db.registry_policies.delete(call.registry)
        return {"registryId": call.registry.id, "policyText": to_show(db, stored)}


def _get(db: Transaction, repository: Repository) -> str:
    """The repository's policy as it is stored. Raises RepositoryPolicyNotFoundException."""
    stored = db.repository_policies.find(repository)
    if stored is None:
        raise RepositoryPolicyNotFoundException(
            repository_name=repository.name, registry_id=repository.registry.id
        )
    return stored


def _shown(db: Transaction, repository: Repository, stored: str) -> Output:
    return {
        "registryId": repository.registry.id,
        "repositoryName": repository.name,
        "policyText": to_show(db, stored),
    }


def _stored(db: Transaction, text: str, kind: Kind) -> str:
    """The text with unique ids for principals. Raises InvalidParameterException."""
    try:
        return to_store(db, text, kind)
    except PrincipalNotFound:
        raise _invalid(PRINCIPAL_NOT_FOUND) from None


def _locks_out(call: Call, db: Transaction, repository: Repository, stored: str) -> bool:
    """Whether the policy would deny the caller to set the next, or take more work to ask than a request may
    cause. One that merely is silent locks no owner out: it leaves them what their own policies allow.

    Source: control-plane.md §5.4
    """
    grounds = read_grounds(db, call.caller, repository.arn, repository_policy=stored)
    request = request_of(call, grounds, f"{call.service}:SetRepositoryPolicy", repository.arn, None)
    decision = grounds.decide(request)
    return decision.reason is Reason.RP_DENY or (decision.is_cut_off and not decision.allowed)


def _is_of_v1(text: str) -> bool:
    """Whether a registry policy names actions of scope V1 only, one by one; or `ecr:*`, of which only those
    count. Source: user guide, "Private registry permissions"."""
    allowed = {action.lower() for action in V1_ACTIONS} | {"ecr:*"}
    return all(
        "NotAction" not in statement and all(action.lower() in allowed for action in _texts(statement))
        for statement in _statements(text)
    )


def _statements(text: str) -> Iterator[Mapping[str, Any]]:
    """Of a policy that has been parsed."""
    found = json.loads(text)["Statement"]
    yield from found if isinstance(found, list) else [found]


def _texts(statement: Mapping[str, Any]) -> list[str]:
    found = statement["Action"]
    return found if isinstance(found, list) else [found]


def _invalid(reason: str) -> InvalidParameterException:
    return InvalidParameterException(member="PolicyText", reason=reason)
