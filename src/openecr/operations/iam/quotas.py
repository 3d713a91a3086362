"""The quotas of an account: one line each, by the name that a refusal tells.

Source: IAM user guide, "IAM and AWS STS quotas" (the defaults); auth-iam.md §2.5, §4.1; the names as
error messages quote them, PoliciesPerAccount, OpenIDConnectProvidersPerAccount and TagsPer… by analogy.
"""

from dataclasses import dataclass

from openecr.domain.principal import IdentityKind
from openecr.errors import LimitExceededException


@dataclass(frozen=True, slots=True)
class Quota:
    name: str
    most: int

    def check(self, count: int) -> None:
        """Raises LimitExceededException if so many are too many."""
        if count > self.most:
            raise LimitExceededException(f"Cannot exceed quota for {self.name}: {self.most}")


USERS = Quota("UsersPerAccount", 5000)
GROUPS = Quota("GroupsPerAccount", 300)
ROLES = Quota("RolesPerAccount", 1000)
POLICIES = Quota("PoliciesPerAccount", 1500)
OIDC_PROVIDERS = Quota("OpenIDConnectProvidersPerAccount", 100)

GROUPS_OF_USER = Quota("GroupsPerUser", 10)
ACCESS_KEYS = Quota("AccessKeysPerUser", 2)
POLICY_VERSIONS = Quota("VersionsPerPolicy", 5)
ATTACHED_POLICIES = {
    IdentityKind.USER: Quota("PoliciesPerUser", 10),
    IdentityKind.GROUP: Quota("PoliciesPerGroup", 10),
    IdentityKind.ROLE: Quota("PoliciesPerRole", 10),
}
TAGS = 50
"""Of one entity. The name that a refusal tells says of what: TagsPerUser."""

# Characters, white space not counted.
MANAGED_POLICY = Quota("PolicySize", 6144)
TRUST_POLICY = Quota("ACLSizePerRole", 2048)
INLINE_POLICIES = {IdentityKind.USER: 2048, IdentityKind.GROUP: 5120, IdentityKind.ROLE: 10240}
"""Of all inline policies of one identity together."""
