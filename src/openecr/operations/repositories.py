"""CreateRepository, DescribeRepositories, DeleteRepository, PutImageTagMutability; the catalog."""

import secrets
import time
from datetime import datetime

from openecr.domain import encryption, resource_tags, tag_mutability
from openecr.domain.addresses import is_reserved_name
from openecr.domain.registry import Kind
from openecr.domain.repository import Repository
from openecr.errors import (
    InvalidParameterException,
    LimitExceededException,
    RepositoryNotEmptyException,
    RepositoryNotFoundException,
)
from openecr.metadata.database import Transaction
from openecr.operations import catalog
from openecr.operations.authorize import require
from openecr.operations.call import Call, Output
from openecr.operations.gate import any_repository, operation
from openecr.operations.paging import last_name, next_token, page, refuse_with

IMAGES_AT_ONCE = 250
"""Of a repository that is deleted: a transaction with so many takes some tens of milliseconds."""


@operation("ecr", "ecr-public")
def create_repository(call: Call) -> Output:
    """Make a repository.

    Input   repositoryName, tags; ecr: registryId, imageTagMutability, imageTagMutabilityExclusionFilters,
            imageScanningConfiguration, encryptionConfiguration; ecr-public: catalogData
    Output  repository; ecr-public: catalogData too
    Raises  InvalidParameterException, InvalidTagParameterException, TooManyTagsException,
            RepositoryAlreadyExistsException, LimitExceededException; ecr: KmsException
    Source  control-plane.md §2.2, §9.3
    """
    name = call.input["repositoryName"]
    if is_reserved_name(name):
        raise InvalidParameterException(
            member="repositoryName", reason="must not begin with the name of a registry"
        )
    texts, logo = catalog.parse(call.input.get("catalogData", {}))
    new = Repository(
        id=0,
        registry=call.registry,
        name=name,
        created_at=_moment_of_creation(call),
        mutability=tag_mutability.parse(
            call.input.get("imageTagMutability", tag_mutability.MUTABLE),
            call.input.get("imageTagMutabilityExclusionFilters"),
        ),
        scan_on_push=call.input.get("imageScanningConfiguration", {}).get("scanOnPush", False),
        encryption=encryption.parse(call.input.get("encryptionConfiguration"), call.registry),
    )
    tags = resource_tags.parse(call.input.get("tags") or [], most=call.quotas.resource_tags)
    if tags:
        require(call, "TagResource", new.arn)

    with call.transaction() as db:
        repository = db.repositories.add(new)
        _check_count(call, db)
        db.resource_tags.put(repository, tags)
        if call.registry.kind is Kind.PRIVATE:
            return {"repository": describe(call, db, repository)}

        db.catalogs.put_texts(repository, texts)
        db.catalogs.put_logo(repository, logo)
        if not any(alias.is_default for alias in db.aliases.of_account(call.registry.account)):
            db.aliases.add(call.registry.account, _new_alias(db), is_default=True, at=call.now)
        return {
            "repository": describe(call, db, repository),
            "catalogData": catalog.describe(call, db, repository),
        }


def _check_count(call: Call, db: Transaction) -> None:
    """Raises LimitExceededException where the registry has one too many by now."""
    most = call.quotas.repositories
    if db.repositories.count(call.registry) > most:
        raise LimitExceededException(
            f"The registry with id '{call.registry.id}' cannot have more than {most} repositories."
        )


def named_repositories(call: Call) -> list[str]:
    """The repositories asked for by name, or all."""
    names = call.input.get("repositoryNames")
    return [call.registry.repository_arn(name) for name in names] if names else any_repository(call)


@operation("ecr", "ecr-public", resource=named_repositories)
def describe_repositories(call: Call) -> Output:
    """Repositories by name, or all of a registry, page by page.

    Input   registryId; either repositoryNames (1 to 100), or maxResults (default 100) and nextToken
    Output  repositories, nextToken
    Raises  InvalidParameterException; RepositoryNotFoundException for the first unknown name
    Source  control-plane.md §2.4
    """
    names = call.input.get("repositoryNames")
    if names:
        refuse_with(call, "repositoryNames")
        with call.reading() as db:
            found = [db.repositories.get(call.registry, name) for name in dict.fromkeys(names)]
            return {"repositories": [describe(call, db, each) for each in found]}

    asked = page(call)
    after = asked.after[0] if asked.after else ""
    with call.reading() as db:
        found = db.repositories.page(call.registry, after=after, limit=asked.limit + 1)
        shown = found[: asked.limit]
        output: Output = {"repositories": [describe(call, db, each) for each in shown]}
    if len(found) > asked.limit:
        output["nextToken"] = next_token(call, [shown[-1].name])
    return output


@operation("ecr", "ecr-public", resource=any_repository, action="DescribeRepositories", unlisted=True)
def list_repository_names(call: Call) -> Output:
    """The catalog of the OCI front.

    Input   maxResults (default 100, at most 1000), last (a name; the list goes on after it)
    Output  repositoryNames, more (whether there are more)
    """
    last, limit = last_name(call)
    with call.reading() as db:
        names = db.repositories.names(call.registry, after=last, limit=limit + 1)
    return {"repositoryNames": names[:limit], "more": 0 < limit < len(names)}


@operation("ecr", "ecr-public")
def delete_repository(call: Call) -> Output:
    """Delete a repository; with `force`, also one that has images.

    Very many images go before it, some at a time: everybody who writes waits for a transaction. Where that
    is cut short the repository stays, with fewer images.

    Input   repositoryName, registryId, force
    Output  repository, as it was
    Raises  RepositoryNotFoundException, RepositoryNotEmptyException
    Source  control-plane.md §2.3
    """
    name = call.input["repositoryName"]
    with call.reading() as db:
        repository = db.repositories.get(call.registry, name)
    is_forced = call.input.get("force", False)
    if is_forced:
        _delete_most_images(call, repository)
    with call.transaction() as db:
        repository = _as_it_is_now(db, repository)
        if not is_forced and db.repositories.has_images(repository):
            raise RepositoryNotEmptyException(repository_name=name, registry_id=call.registry.id)
        described = describe(call, db, repository)
        abandoned = db.uploads.of_repository(repository)
        db.repositories.delete(repository, at=call.now)
    for upload_id in abandoned:
        call.blobs.discard(upload_id)
    return {"repository": described}


def _delete_most_images(call: Call, repository: Repository) -> None:
    """All but the few that may go with the repository; so may those that a new index has come to list."""
    with call.reading() as db:
        images = db.image_lists.from_new_to_old(repository)
    for first in range(0, len(images) - IMAGES_AT_ONCE, IMAGES_AT_ONCE):
        some = images[first : first + IMAGES_AT_ONCE]
        with call.transaction() as db:
            began = time.monotonic()
            _as_it_is_now(db, repository)
            if not db.images.are_listed_elsewhere(some):
                db.images.delete_many(repository, some, at=call.now)
        # Who waits for the lock in another process looks for it only now and then: as long as it was held, it
        # is to be had.
        time.sleep(time.monotonic() - began)


def _as_it_is_now(db: Transaction, repository: Repository) -> Repository:
    """Itself, not another that has taken its name. Raises RepositoryNotFoundException."""
    found = db.repositories.find_by_id(repository.id)
    if found is None:
        raise RepositoryNotFoundException(repository_name=repository.name, registry_id=repository.registry.id)
    return found


@operation("ecr")
def put_image_tag_mutability(call: Call) -> Output:
    """Say which tags may move, from now on.

    Input   repositoryName, registryId, imageTagMutability, imageTagMutabilityExclusionFilters
    Output  registryId, repositoryName, imageTagMutability, imageTagMutabilityExclusionFilters if any
    Raises  InvalidParameterException, RepositoryNotFoundException
    Source  control-plane.md §2.6, §2.7
    """
    mutability = tag_mutability.parse(
        call.input["imageTagMutability"], call.input.get("imageTagMutabilityExclusionFilters")
    )
    with call.transaction() as db:
        repository = db.repositories.get(call.registry, call.input["repositoryName"])
        db.repositories.set_mutability(repository, mutability)
    return {"registryId": call.registry.id, "repositoryName": repository.name} | _mutability(mutability)


def describe(call: Call, db: Transaction, repository: Repository) -> Output:
    """A Repository as both APIs show it; each picks its members. Source: control-plane.md §2.1, §9.2."""
    public = call.registry.kind is Kind.PUBLIC
    alias = db.aliases.find_primary(repository.registry.account) if public else None
    encrypted = {"encryptionType": repository.encryption.type}
    if repository.encryption.kms_key:
        encrypted["kmsKey"] = repository.encryption.kms_key
    return {
        "repositoryArn": repository.arn,
        "registryId": repository.registry.id,
        "repositoryName": repository.name,
        "repositoryUri": call.stores.addresses.repository_uri(
            repository.registry, repository.name, alias=alias, origin=call.origin
        ),
        "createdAt": repository.created_at,
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": encrypted,
    } | _mutability(repository.mutability)


def _mutability(mutability: tag_mutability.TagMutability) -> Output:
    output: Output = {"imageTagMutability": mutability.setting}
    if mutability.filters:
        output["imageTagMutabilityExclusionFilters"] = [
            {"filterType": "WILDCARD", "filter": pattern} for pattern in mutability.filters
        ]
    return output


def _moment_of_creation(call: Call) -> datetime:
    """Whole seconds where it is private; where it is public, milliseconds. Sources: control-plane.md §1.4;
    AWS CLI, examples of ecr-public create-repository."""
    is_public = call.registry.kind is Kind.PUBLIC
    return call.now.replace(microsecond=call.now.microsecond // 1000 * 1000 if is_public else 0)


def _new_alias(db: Transaction) -> str:
    """A default alias as AWS gives them: 8 letters and digits. Source: control-plane.md §9.2."""
    while True:
        alias = secrets.choice("abcdefghijklmnopqrstuvwxyz") + "".join(
            secrets.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(7)
        )
        if db.aliases.find_account(alias) is None:
            return alias
