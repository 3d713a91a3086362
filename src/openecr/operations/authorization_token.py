"""GetAuthorizationToken: a password for docker."""

from datetime import datetime

from openecr.domain.registry import Kind
from openecr.identity.tokens import LIFETIMES
from openecr.operations.authorize import require
from openecr.operations.call import Call, Output
from openecr.operations.gate import everything, operation

BEARER_TOKEN = "sts:GetServiceBearerToken"  # noqa: S105 - an action
BEARER_TOKEN_CONTEXT = {
    "sts:awsservicename": "ecr-public.amazonaws.com",
    "sts:durationseconds": str(int(LIFETIMES["public"].total_seconds())),
}
"""What ECR Public's token needs a permission for, beside the operation. Source: auth-iam.md §2.3, §3.1."""


@operation("ecr", "ecr-public", resource=everything, inline=True)
def get_authorization_token(call: Call) -> Output:
    """A token that stands for the caller at the registry for 12 hours.

    One that is asked for with temporary credentials ends with them, and `expiresAt` says so: AWS writes 12
    hours there, and does not tell whether they hold (auth-iam.md §3.1, §3.3).

    Input   registryIds (ecr only, deprecated: it changes nothing but `proxyEndpoint`)
    Output  authorizationData: authorizationToken (base64 of `AWS:` and the password), expiresAt and,
            in ecr, proxyEndpoint. A list in ecr, one element per registry id; one object in ecr-public
    Source  control-plane.md §9.4, §10
    """
    caller = call.caller
    if call.registry.kind is Kind.PUBLIC:
        require(call, BEARER_TOKEN, "*", context=BEARER_TOKEN_CONTEXT)
    minted = call.stores.tokens.mint(
        kind="private" if call.registry.kind is Kind.PRIVATE else "public",
        account=caller.account,
        region=call.registry.region,
        principal_arn=caller.arn,
        principal_id=caller.principal_id,
        key=caller.access_key_id,
        now=call.now,
        until=_end_of_session(call),
    )
    data = {"authorizationToken": minted.authorization_token, "expiresAt": minted.expires_at}
    if call.registry.kind is Kind.PUBLIC:
        return {"authorizationData": data}
    return {
        "authorizationData": [
            data
            | {
                "proxyEndpoint": call.stores.addresses.proxy_endpoint(
                    id_, call.registry.region, origin=call.origin
                )
            }
            for id_ in call.input.get("registryIds") or [call.registry.id]
        ]
    }


def _end_of_session(call: Call) -> datetime | None:
    """When the caller's credentials end, if they do."""
    id_ = call.caller.session_id
    if not id_:
        return None
    return call.stores.database.recall(
        ("end of session", id_),
        lambda db: session.expires_at if (session := db.sessions.find(id_)) is not None else None,
        size_of=lambda _: len(id_),
    )
