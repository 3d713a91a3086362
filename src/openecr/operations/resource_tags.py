"""TagResource, UntagResource, ListTagsForResource. Only repositories can be tagged."""

from openecr.domain import resource_tags
from openecr.domain.registry import Registry, parse_repository_arn
from openecr.domain.repository import Repository
from openecr.errors import InvalidParameterException
from openecr.metadata.database import Transaction
from openecr.operations.call import Call, Output
from openecr.operations.gate import operation


def arn_in_input(call: Call) -> list[str]:
    """`resourceArn`, which must be of this service and, in ecr, of the region that is asked."""
    registry, name = _place(call)
    if (registry.kind, registry.region) != (call.registry.kind, call.registry.region):
        raise _invalid_arn()
    return [registry.repository_arn(name)]


@operation("ecr", "ecr-public", resource=arn_in_input)
def tag_resource(call: Call) -> Output:
    """Set resource tags; those with other keys stay.

    Input   resourceArn, tags [{Key, Value}]
    Output  nothing
    Raises  InvalidParameterException, InvalidTagParameterException, TooManyTagsException,
            RepositoryNotFoundException
    Source  control-plane.md §2.8
    """
    tags = resource_tags.parse(call.input["tags"], most=call.quotas.resource_tags)
    with call.transaction() as db:
        repository = _repository(call, db)
        resource_tags.check_count(db.resource_tags.list(repository) | tags, call.quotas.resource_tags)
        db.resource_tags.put(repository, tags)
    return {}


@operation("ecr", "ecr-public", resource=arn_in_input)
def untag_resource(call: Call) -> Output:
    """Remove resource tags; keys that are not there are no error.

    Input   resourceArn, tagKeys
    Output  nothing
    Raises  InvalidParameterException, InvalidTagParameterException, RepositoryNotFoundException
    Source  control-plane.md §2.8
    """
    for key in call.input["tagKeys"]:
        resource_tags.refuse_reserved(key)
    with call.transaction() as db:
        repository = _repository(call, db)
        for key in db.resource_tags.list(repository).keys() & set(call.input["tagKeys"]):
            db.resource_tags.remove(repository, key)
    return {}


@operation("ecr", "ecr-public", resource=arn_in_input, inline=True)
def list_tags_for_resource(call: Call) -> Output:
    """The resource tags, in the order they were set.

    Input   resourceArn
    Output  tags [{Key, Value}]
    Raises  InvalidParameterException, RepositoryNotFoundException
    """
    with call.reading() as db:
        tags = db.resource_tags.list(_repository(call, db))
    return {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _repository(call: Call, db: Transaction) -> Repository:
    return db.repositories.get(*_place(call))


def _place(call: Call) -> tuple[Registry, str]:
    place = parse_repository_arn(call.input["resourceArn"])
    if place is None:
        raise _invalid_arn()
    return place


def _invalid_arn() -> InvalidParameterException:
    return InvalidParameterException(member="resourceArn", reason="Invalid ARN")
