"""The account: CreateAccountAlias, ListAccountAliases, DeleteAccountAlias, GetAccountSummary."""

from openecr.domain.principal import IdentityKind
from openecr.operations.call import Call, Output
from openecr.operations.gate import everything, operation
from openecr.operations.iam import quotas
from openecr.operations.iam.paging import by_position

USER, GROUP, ROLE = IdentityKind.USER, IdentityKind.GROUP, IdentityKind.ROLE

NOT_HERE = (
    "AccountMFAEnabled",
    "AccountPasswordPresent",
    "AccountSigningCertificatesPresent",
    "InstanceProfiles",
    "InstanceProfilesQuota",
    "MFADevices",
    "MFADevicesInUse",
    "ServerCertificates",
    "ServerCertificatesQuota",
    "SigningCertificatesPerUserQuota",
)
"""What there are none of and can be none of (absent.py)."""


@operation("iam", resource=everything)
def create_account_alias(call: Call) -> Output:
    """Give the account an alias, in place of the one it may have had. No two accounts share one.

    Input   AccountAlias
    Output  nothing
    Raises  EntityAlreadyExistsException
    """
    with call.transaction() as db:
        db.accounts.set_alias(call.caller.account, call.input["AccountAlias"])
    return {}


@operation("iam", resource=everything, inline=True)
def list_account_aliases(call: Call) -> Output:
    """The alias of the account, if it has one.

    Input   MaxItems, Marker
    Output  AccountAliases, IsTruncated
    Raises  ValidationError
    """
    with call.reading() as db:
        alias = db.accounts.find_alias(call.caller.account)
    return by_position(call, "AccountAliases", [] if alias is None else [alias])


@operation("iam", resource=everything)
def delete_account_alias(call: Call) -> Output:
    """Take the alias from the account.

    Input   AccountAlias
    Output  nothing
    Raises  NoSuchEntityException where the account has no such alias
    """
    with call.transaction() as db:
        db.accounts.remove_alias(call.caller.account, call.input["AccountAlias"])
    return {}


@operation("iam", resource=everything)
def get_account_summary(call: Call) -> Output:
    """How many of everything the account has, and may have.

    Output  SummaryMap, with every key of the model
    Source  API reference, GetAccountSummary; IAM user guide, "IAM and AWS STS quotas"
    """
    account = call.caller.account
    with call.reading() as db:
        counted = {
            "AccountAccessKeysPresent": int(db.access_keys.has_root_key(account)),
            "Groups": db.identities.count(account, GROUP),
            "Policies": db.managed_policies.count(account),
            "PolicyVersionsInUse": db.managed_policies.version_count(account),
            "Providers": len(db.oidc_providers.list(account)),
            "Roles": db.identities.count(account, ROLE),
            "Users": db.identities.count(account, USER),
        }
    limits = {
        "AccessKeysPerUserQuota": quotas.ACCESS_KEYS.most,
        "AssumeRolePolicySizeQuota": quotas.TRUST_POLICY.most,
        "AttachedPoliciesPerGroupQuota": quotas.ATTACHED_POLICIES[GROUP].most,
        "AttachedPoliciesPerRoleQuota": quotas.ATTACHED_POLICIES[ROLE].most,
        "AttachedPoliciesPerUserQuota": quotas.ATTACHED_POLICIES[USER].most,
        "GlobalEndpointTokenVersion": 2,  # session tokens hold in every region
        "GroupPolicySizeQuota": quotas.INLINE_POLICIES[GROUP],
        "GroupsPerUserQuota": quotas.GROUPS_OF_USER.most,
        "GroupsQuota": quotas.GROUPS.most,
        "PoliciesQuota": quotas.POLICIES.most,
        "PolicySizeQuota": quotas.MANAGED_POLICY.most,
        "PolicyVersionsInUseQuota": 10_000,  # more than there can be
        "RolePolicySizeQuota": quotas.INLINE_POLICIES[ROLE],
        "RolesQuota": quotas.ROLES.most,
        "UserPolicySizeQuota": quotas.INLINE_POLICIES[USER],
        "UsersQuota": quotas.USERS.most,
        "VersionsPerPolicyQuota": quotas.POLICY_VERSIONS.most,
    }
    return {"SummaryMap": counted | limits | dict.fromkeys(NOT_HERE, 0)}
