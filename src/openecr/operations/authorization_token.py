"""GetAuthorizationToken: a password for docker."""

from openecr.domain.registry import Kind
from openecr.operations.call import Call, Output
from openecr.operations.gate import everything, operation


@operation("ecr", "ecr-public", resource=everything, inline=True)
def get_authorization_token(call: Call) -> Output:
    """A token that stands for the caller at the registry for 12 hours.

    Input   registryIds (ecr only, deprecated: it changes nothing but `proxyEndpoint`)
    Output  authorizationData: authorizationToken (base64 of `AWS:` and the password), expiresAt and,
            in ecr, proxyEndpoint. A list in ecr, one element per registry id; one object in ecr-public
    Source  control-plane.md §9.4, §10
    """
    caller = call.caller
    minted = call.stores.tokens.mint(
        kind="private" if call.registry.kind is Kind.PRIVATE else "public",
        account=caller.account,
        region=call.registry.region,
        principal_arn=caller.arn,
        principal_id=caller.principal_id,
        now=call.now,
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
