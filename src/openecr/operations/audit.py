"""The record of a call, shaped as CloudTrail shapes it. Source: advanced-features.md §8.2.

Unlike AWS, a call that came over the OCI front keeps the client's own address and agent: an audit
that hides them is worth less. Bytes (a layer part) are told by their length only, long texts (a manifest)
and long lists by their beginning.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from openecr.errors import ServiceError

if TYPE_CHECKING:
    from openecr.operations.call import Call

AuditRecord = dict[str, Any]
AuditWriter = Callable[[AuditRecord], None]

SECRET_MEMBERS = frozenset({"authorizationToken", "authorizationData", "downloadUrl", "nextToken"})
LONG_TEXT = 1024
LONG_LIST = 100


def record(call: "Call", output: Mapping[str, Any] | None, error: ServiceError | None) -> AuditRecord:
    """One CloudTrail record of a call that succeeded (`output`) or was refused (`error`)."""
    operation, caller = call.operation, call.caller
    made: AuditRecord = {
        "eventVersion": "1.11",
        "userIdentity": _identity(call),
        "eventTime": call.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{call.registry.kind}.amazonaws.com",
        "eventName": operation.name,
        "awsRegion": call.registry.region,
        "sourceIPAddress": caller.source_address,
        "userAgent": caller.user_agent,
        "requestParameters": _plain(call.input),
        "responseElements": None if output is None or operation.read_only else _plain(output),
        "requestID": call.request_id,
        "eventID": str(uuid4()),
        "readOnly": operation.read_only,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.registry.account,
        "eventCategory": "Management",
    }
    if error is not None:
        made["errorCode"] = error.code.removesuffix("Exception") if _is_access(error) else error.code
        made["errorMessage"] = error.text
    return made


def _is_access(error: ServiceError) -> bool:
    """CloudTrail writes AccessDenied without its suffix."""
    return error.code == "AccessDeniedException"


def _identity(call: "Call") -> dict[str, str]:
    caller = call.caller
    if caller.is_anonymous:
        return {"type": "AWSAccount", "principalId": "", "accountId": "anonymous"}
    return {
        "type": "Root",
        "principalId": caller.principal_id,
        "arn": caller.arn,
        "accountId": caller.account,
        "accessKeyId": caller.access_key_id,
    }


def _plain(value: Any) -> Any:
    """Values as JSON can hold them: no secrets, no bulk."""
    if isinstance(value, Mapping):
        return {key: "HIDDEN" if key in SECRET_MEMBERS else _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        shown = [_plain(item) for item in value[:LONG_LIST]]
        return shown if len(value) <= LONG_LIST else [*shown, f"… {len(value) - LONG_LIST} more"]
    if isinstance(value, bytes):
        return {"sizeInBytes": len(value)}
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, str) and len(value) > LONG_TEXT:
        return value[:LONG_TEXT] + "…"
    return value
