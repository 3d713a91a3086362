"""May this caller do that? The policies are asked, and a refusal is put in words.

The engine (`policy/`) judges values; what it judges is gathered in `grounds.py`, read once per state of the
database (Database.recall). Changed policies count from the next request on, in every process.

Two rules stand before all policies. Anybody, anonymous callers too, may pull from a public registry
(data-plane.md §3.3: "Public pulls need no permission and a repository policy cannot deny them"). And what
GetSessionToken gives is not for IAM (API reference, GetSessionToken: not without MFA, which is not here).
"""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from openecr.domain.account_settings import OPENECR_EXPLAIN_DENIALS
from openecr.domain.registry import Kind, owner_of
from openecr.errors import AccessDeniedException, UnrecognizedClientException
from openecr.operations.context_keys import Asked, Context, Value
from openecr.operations.grounds import Grounds, read_grounds
from openecr.policy.evaluate import Decision
from openecr.policy.request import AccessRequest

if TYPE_CHECKING:
    from openecr.operations.call import Call

PULL_ACTIONS = frozenset(
    {"BatchGetImage", "GetDownloadUrlForLayer", "BatchCheckLayerAvailability", "ListImages"}
)
"""What a pull over `/v2/` consists of. None but the availability check exists in the public API."""


def may(call: "Call", action: str, resource: str, *, context: Mapping[str, Value] | None = None) -> bool:
    """Whether the caller may do `action` on `resource`, for what is left out where it may not."""
    return _is_open_to_all(call, action) or _refusal(call, action, resource, context) is None


def require(call: "Call", action: str, resource: str, *, context: Mapping[str, Value] | None = None) -> None:
    """Return if the caller may. Raises AccessDeniedException, in AWS's words, otherwise;
    UnrecognizedClientException for credentials that the service does not take.

    action    PutImage, of the service that is asked, or with its own: sts:GetServiceBearerToken
    resource  an ARN, or `*` for actions that have no resource type
    context   further context keys, in lower case
    Source    auth-iam.md §4.9
    """
    if _is_open_to_all(call, action):
        return
    if call.service == "iam" and call.caller.session_id and not call.caller.role_arn:
        raise UnrecognizedClientException
    refusal = _refusal(call, action, resource, context)
    if refusal is not None:
        raise denial(call, *refusal)


def _refusal(
    call: "Call", action: str, resource: str, context: Mapping[str, Value] | None
) -> tuple[AccessRequest, Decision] | None:
    """What the policies were asked, and why they refuse; None if they do not."""
    action = action if ":" in action else f"{call.service}:{action}"
    grounds = grounds_of(call, resource)
    if grounds.is_allowed(action):
        return None
    request = request_of(call, grounds, action, resource, context)
    decision = grounds.decide(request)
    return None if decision.allowed else (request, decision)


def denial(call: "Call", request: AccessRequest, decision: Decision) -> AccessDeniedException:
    """The refusal; with the explanation, which a caller sees only where `_may_see_why` says so."""
    error = AccessDeniedException(
        arn=request.principal.arn,
        action=request.action,
        resource=request.resource,
        reason=decision.suffix(request.action),
    )
    error.why = decision.explain(request)
    if _may_see_why(call, request):
        error.explanation = error.why
    return error


def grounds_of(call: "Call", resource: str) -> Grounds:
    """The grounds of a decision about the caller and a resource, as they are now."""
    caller = call.caller
    return call.stores.database.recall(
        ("grounds", caller.arn, caller.principal_id, caller.session_id, resource),
        partial(read_grounds, caller=caller, resource=resource),
        size_of=lambda grounds: grounds.size,
    )


def request_of(
    call: Asked, grounds: Grounds, action: str, resource: str, context: Mapping[str, Value] | None
) -> AccessRequest:
    """What the engine is asked. Context keys are found when a condition asks for them.

    action  with its service: ecr:PutImage
    """
    return AccessRequest(
        principal=grounds.principal,
        action=action,
        resource=resource,
        resource_account=owner_of(resource) or call.caller.account,
        context=Context(call, resource, grounds.principal_tags, {**grounds.session_facts, **(context or {})}),
    )


def _is_open_to_all(call: "Call", action: str) -> bool:
    return call.via_oci and call.registry.kind is Kind.PUBLIC and action in PULL_ACTIONS


def _may_see_why(call: "Call", request: AccessRequest) -> bool:
    """In `--dev` everybody; else whoever is of the account that owns the resource, if that wants it: the
    explanation tells of both sides' policies."""
    if call.stores.is_dev:
        return True
    if call.caller.account != request.resource_account:
        return False
    with call.reading() as db:
        return db.account_settings.find(call.registry, OPENECR_EXPLAIN_DENIALS) == "ENABLED"
