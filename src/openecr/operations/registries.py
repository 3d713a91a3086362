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
            until the first repository is created (control-plane.md Appendix C, U25)
    """
    page(call)  # refuses a token: a list of one never gave any
    with call.reading() as db:
        aliases = db.aliases.of_account(call.registry.account)
    primary = aliases[0][0] if aliases else ""
    registry = {
        "registryId": call.registry.id,
        "registryArn": call.registry.arn,
        "registryUri": call.stores.addresses.registry_uri(primary, origin=call.origin),
        "verified": False,
        "aliases": [
            {
                "name": name,
                "status": "ACTIVE",
                "primaryRegistryAlias": is_primary,
                "defaultRegistryAlias": is_default,
            }
            for name, is_primary, is_default in aliases
        ],
    }
    return {"registries": [registry]}
