"""DescribeRegistry (private) and DescribeRegistries (public)."""

from openecr.operations.call import Call, Output
from openecr.operations.gate import everything, operation
from openecr.operations.paging import page


@operation("ecr", resource=everything, inline=True)
def describe_registry(call: Call) -> Output:
    """The caller's registry and how it is replicated.

    Input   nothing
    Output  registryId, replicationConfiguration {rules}
    Source  advanced-features.md §4.1: `rules` is always there
    """
    return {"registryId": call.registry.id, "replicationConfiguration": {"rules": []}}


def registry_arn(call: Call) -> list[str]:
    return [call.registry.arn]


@operation("ecr-public", resource=registry_arn, inline=True)
def describe_registries(call: Call) -> Output:
    """The caller's public registry, the only one there is to list.

    Input   maxResults, nextToken
    Output  registries [{registryId, registryArn, registryUri, verified, aliases}], without an alias
            until the first repository is created or one is given (control-plane.md Appendix C, U25)
    Source  control-plane.md §9.2, §9.5
    """
    page(call)  # refuses a token: a list of one never gave any
    with call.reading() as db:
        aliases = db.aliases.of_account(call.registry.account)
        is_verified = db.catalogs.is_verified(call.registry.account)
    primary = aliases[0].name if aliases else ""
    registry = {
        "registryId": call.registry.id,
        "registryArn": call.registry.arn,
        "registryUri": call.stores.addresses.registry_uri(primary, origin=call.origin),
        "verified": is_verified,
        "aliases": [
            {
                "name": alias.name,
                "status": "ACTIVE",  # an operator gives an alias or does not: none is pending or rejected
                "primaryRegistryAlias": alias.is_primary,
                "defaultRegistryAlias": alias.is_default,
            }
            for alias in aliases
        ],
    }
    return {"registries": [registry]}
