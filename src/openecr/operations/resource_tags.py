"""TagResource, UntagResource, ListTagsForResource. Only repositories can be tagged."""

import re

from openecr.domain import resource_tags
from openecr.domain.registry import Kind
from openecr.domain.repository import Repository
from openecr.errors import InvalidParameterException
from openecr.metadata.database import Transaction
from openecr.operations.call import Call, Output
from openecr.operations.gate import operation

ARN = re.compile(r"arn:aws[a-z-]*:(ecr|ecr-public):([a-z0-9-]*):([0-9]{12}):repository/(.{1,256})")


def arn_in_input(call: Call) -> list[str]:
    """`resourceArn`, which must be of this service and, in ecr, of the region that is asked."""
    arn = call.input["resourceArn"]
    found = ARN.fullmatch(arn)
    region = "" if call.registry.kind is Kind.PUBLIC else call.registry.region
    if not found or found[1] != call.registry.kind or found[2] != region:
        raise InvalidParameterException(member="resourceArn", reason="Invalid ARN")
    return [arn]


@operation("ecr", "ecr-public", resource=arn_in_input)
def tag_resource(call: Call) -> Output:
    """Set resource tags; those with other keys stay.

    Input   resourceArn, tags [{Key, Value}]
    Output  nothing
    Raises  InvalidParameterException, InvalidTagParameterException, TooManyTagsException,
            RepositoryNotFoundException
    Source  control-plane.md §2.8
    """
    tags = resource_tags.parse(call.input["tags"])
    with call.transaction() as db:
        repository = _repository(call, db)
        resource_tags.check_count(db.resource_tags.list(repository) | tags)
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
    found = ARN.fullmatch(call.input["resourceArn"])
    assert found is not None, "the gate has asked arn_in_input"
    return db.repositories.get(call.registry, found[4])
