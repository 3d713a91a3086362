"""May this caller do that? The one function where policies decide.

Until there are policies the rule is short: the root of an account may do everything in its account
and nothing in another; anybody, anonymous callers too, may pull from a public registry
(data-plane.md §3.3: "Public pulls need no permission and a repository policy cannot deny them").
"""

from typing import TYPE_CHECKING

from openecr.domain.registry import Kind
from openecr.errors import AccessDeniedException

if TYPE_CHECKING:
    from openecr.operations.call import Call

PULL_ACTIONS = frozenset(
    {"BatchGetImage", "GetDownloadUrlForLayer", "BatchCheckLayerAvailability", "ListImages"}
)
"""What a pull over `/v2/` consists of. None but the availability check exists in the public API."""


def decide(call: "Call", action: str, resource: str) -> str | None:
    """Why the caller may not do `action` (PutImage) on `resource` (an ARN, or `*`); None if it may.

    The reason is worded as AWS words it. Source: auth-iam.md §4.9.
    """
    if call.registry.kind is Kind.PUBLIC and call.via_oci and action in PULL_ACTIONS:
        return None
    owner = call.caller.account if resource == "*" else resource.split(":", 5)[4]
    if call.caller.is_root and owner == call.caller.account:
        return None
    return f"because no resource-based policy allows the {call.registry.kind}:{action} action"


def require(call: "Call", action: str, resource: str) -> None:
    """Raises AccessDeniedException, in AWS's words, unless the caller may."""
    reason = decide(call, action, resource)
    if reason is not None:
        raise AccessDeniedException(
            arn=call.caller.arn, action=f"{call.registry.kind}:{action}", resource=resource, reason=reason
        )
