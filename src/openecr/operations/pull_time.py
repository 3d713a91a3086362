"""RegisterPullTimeUpdateExclusion, DeregisterPullTimeUpdateExclusion, ListPullTimeUpdateExclusions.

Whose pulls leave `lastRecordedPullTime` as it is: scanners, mirrors, and others that pull without use. A user
by its ARN, the sessions of a role by the role's. Each list holds for the registry of one region.
"""

from openecr.errors import (
    ExclusionAlreadyExistsException,
    ExclusionNotFoundException,
    LimitExceededException,
)
from openecr.operations.call import Call, Output
from openecr.operations.gate import everything, operation
from openecr.operations.paging import next_token, page


@operation("ecr", resource=everything)
def register_pull_time_update_exclusion(call: Call) -> Output:
    """Let the pulls of a user, or of a role's sessions, leave no trace from now on.

    Input   principalArn (of a user or role, of any account; it need not be there)
    Output  principalArn, createdAt
    Raises  ExclusionAlreadyExistsException, LimitExceededException
    Source  control-plane.md A.1; advanced-features.md §6.3
    """
    principal = call.input["principalArn"]
    with call.transaction() as db:
        if db.pull_time_exclusions.has(call.registry, principal):
            raise ExclusionAlreadyExistsException(principal=principal, registry_id=call.registry.id)
        most = call.quotas.pull_time_exclusions
        if db.pull_time_exclusions.count(call.registry) >= most:
            raise LimitExceededException(
                f"A registry cannot have more than {most} pull time update exclusions."
            )
        db.pull_time_exclusions.add(call.registry, principal, at=call.now)
    return {"principalArn": principal, "createdAt": call.now}


@operation("ecr", resource=everything)
def deregister_pull_time_update_exclusion(call: Call) -> Output:
    """Let its pulls count again.

    Input   principalArn
    Output  principalArn
    Raises  ExclusionNotFoundException
    Source  control-plane.md A.1
    """
    principal = call.input["principalArn"]
    with call.transaction() as db:
        if not db.pull_time_exclusions.remove(call.registry, principal):
            raise ExclusionNotFoundException(principal=principal, registry_id=call.registry.id)
    return {"principalArn": principal}


@operation("ecr", resource=everything)
def list_pull_time_update_exclusions(call: Call) -> Output:
    """The ARNs, in their order.

    Input   maxResults (default 100), nextToken
    Output  pullTimeUpdateExclusions (ARNs), nextToken
    Raises  InvalidParameterException
    Source  control-plane.md A.1
    """
    asked = page(call)
    with call.reading() as db:
        found = db.pull_time_exclusions.page(
            call.registry, after=asked.after[0] if asked.after else "", limit=asked.limit + 1
        )
    shown = found[: asked.limit]
    output: Output = {"pullTimeUpdateExclusions": shown}
    if len(found) > asked.limit:
        output["nextToken"] = next_token(call, [shown[-1]])
    return output
