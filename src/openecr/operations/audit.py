"""The record of a call, shaped as CloudTrail shapes it. Source: advanced-features.md §8.2.

Unlike AWS, a call that came over the OCI front keeps the client's own address and agent: an audit
that hides them is worth less. Bytes (a layer part) are told by their length only, long texts (a manifest)
and long lists by their beginning.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from openecr.errors import AccessDeniedException, ServiceError
from openecr.identity.caller import Caller, PrincipalType

if TYPE_CHECKING:
    from openecr.operations.call import Call
    from openecr.operations.gate import Operation

AuditRecord = dict[str, Any]
AuditWriter = Callable[[AuditRecord], None]

SECRET_MEMBERS = frozenset(
    {
        "authorizationData",
        "authorizationToken",
        "downloadUrl",
        "Marker",
        "nextToken",
        "SecretAccessKey",
        "SessionToken",
        "WebIdentityToken",
    }
)
IDENTITY_TYPES = {
    PrincipalType.ROOT: "Root",
    PrincipalType.USER: "IAMUser",
    PrincipalType.ROLE: "AssumedRole",
    PrincipalType.FEDERATED: "FederatedUser",
}
TOLD_AS_IMAGE = {"UpdateImageStorageClass"}
"""Those whose response AWS records one level deeper than it is. Source: advanced-features.md §8.2."""
ANONYMOUS_BYTES = 4096
LONG_TEXT = 1024
LONG_LIST = 100


def record(call: "Call", output: Mapping[str, Any] | None, error: ServiceError | None) -> AuditRecord:
    """One CloudTrail record of a call that succeeded (`output`) or was refused (`error`)."""
    operation, caller = call.operation, call.caller
    made: AuditRecord = {
        "eventVersion": "1.11",
        "userIdentity": _identity(caller),
        "eventTime": _time(call.now),
        "eventSource": f"{call.service}.amazonaws.com",
        "eventName": operation.name,
        "awsRegion": call.registry.region,
        "sourceIPAddress": caller.source_address,
        "userAgent": _plain(caller.user_agent),
        "requestParameters": _parameters(call),
        "responseElements": None if output is None or operation.read_only else _response(operation, output),
        "requestID": call.request_id,
        "eventID": str(uuid4()),
        "readOnly": operation.read_only,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.registry.account,
        "eventCategory": "Management",
    }
    if error is not None:
        is_access = isinstance(error, AccessDeniedException)  # CloudTrail writes it without its suffix
        made["errorCode"] = error.code.removesuffix("Exception") if is_access else error.code
        made["errorMessage"] = error.text
        if error.why:
            made["additionalEventData"] = {"explanation": error.why}
    return made


def _response(operation: "Operation", output: Mapping[str, Any]) -> Any:
    told = _plain(output)
    return {"image": told} if operation.name in TOLD_AS_IMAGE else told


def _parameters(call: "Call") -> Any:
    """The input; of nobody in particular no more than a little, for it is not theirs to fill the disk."""
    told = _plain(call.input)
    if call.caller.is_anonymous and len(orjson.dumps(told)) > ANONYMOUS_BYTES:
        return {"omitted": f"more than {ANONYMOUS_BYTES} bytes"}
    return told


def _identity(caller: Caller) -> dict[str, Any]:
    """`userIdentity`. Source: advanced-features.md §8.2."""
    if caller.is_anonymous:
        return {"type": "AWSAccount", "principalId": "", "accountId": "anonymous"}
    made: dict[str, Any] = {
        "type": IDENTITY_TYPES[caller.type],
        "principalId": caller.principal_id,
        "arn": caller.arn,
        "accountId": caller.account,
        "accessKeyId": caller.access_key_id,
    }
    if caller.type is PrincipalType.USER:
        made["userName"] = _name(caller.arn)
    if caller.session_id:
        made["sessionContext"] = _session(caller)
    return made


def _session(caller: Caller) -> dict[str, Any]:
    made: dict[str, Any] = {"attributes": {"mfaAuthenticated": "true" if caller.has_mfa else "false"}}
    if caller.token_issued_at is not None:
        made["attributes"]["creationDate"] = _time(caller.token_issued_at)
    if caller.type is PrincipalType.ROLE:
        made["sessionIssuer"] = {
            "type": "Role",
            "principalId": caller.identity_id,
            "arn": caller.role_arn,
            "accountId": caller.account,
            "userName": _name(caller.role_arn),
        }
    return made


def _name(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


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
        return _time(value)
    if isinstance(value, str) and len(value) > LONG_TEXT:
        return value[:LONG_TEXT] + "…"
    return value
