"""How the resources of an action are called in general: what a simulation says it is about.

    ecr:PutImage → arn:${Partition}:ecr:${Region}:${Account}:repository/${RepositoryName}

An action on resources of several types, or of none, has `*`.
Source: the service model, EvaluationResult; service authorization reference, "Resource types defined by …"
"""

from openecr.policy.actions import REPOSITORY_ACTIONS

ANYTHING = "*"

REPOSITORY = "arn:${Partition}:ecr:${Region}:${Account}:repository/${RepositoryName}"
PUBLIC_REPOSITORY = "arn:${Partition}:ecr-public::${Account}:repository/${RepositoryName}"
PUBLIC_REGISTRY = "arn:${Partition}:ecr-public::${Account}:registry/${RegistryId}"
USER = "arn:${Partition}:iam::${Account}:user/${UserNameWithPath}"
GROUP = "arn:${Partition}:iam::${Account}:group/${GroupNameWithPath}"
ROLE = "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}"
POLICY = "arn:${Partition}:iam::${Account}:policy/${PolicyNameWithPath}"
OIDC_PROVIDER = "arn:${Partition}:iam::${Account}:oidc-provider/${OidcProviderName}"

ACTIONS = {
    REPOSITORY: {"ecr": REPOSITORY_ACTIONS["ecr"]},
    PUBLIC_REPOSITORY: {"ecr-public": REPOSITORY_ACTIONS["ecr-public"]},
    PUBLIC_REGISTRY: {"ecr-public": "DescribeRegistries GetRegistryCatalogData PutRegistryCatalogData"},
    USER: {
        "iam": """
            AttachUserPolicy ChangePassword CreateAccessKey CreateLoginProfile CreateServiceSpecificCredential
            CreateUser DeactivateMFADevice DeleteAccessKey DeleteLoginProfile DeleteSSHPublicKey
            DeleteServiceSpecificCredential DeleteSigningCertificate DeleteUser DeleteUserPermissionsBoundary
            DeleteUserPolicy DetachUserPolicy EnableMFADevice GetAccessKeyLastUsed GetLoginProfile
            GetSSHPublicKey GetUser GetUserPolicy ListAccessKeys ListAttachedUserPolicies ListGroupsForUser
            ListMFADevices ListSSHPublicKeys ListServiceSpecificCredentials ListSigningCertificates
            ListUserPolicies ListUserTags PutUserPermissionsBoundary PutUserPolicy
            ResetServiceSpecificCredential ResyncMFADevice TagUser UntagUser UpdateAccessKey
            UpdateLoginProfile UpdateSSHPublicKey UpdateServiceSpecificCredential UpdateSigningCertificate
            UpdateUser UploadSSHPublicKey UploadSigningCertificate
        """,
        "sts": "GetFederationToken",
    },
    GROUP: {
        "iam": """
            AddUserToGroup AttachGroupPolicy CreateGroup DeleteGroup DeleteGroupPolicy DetachGroupPolicy
            GetGroup GetGroupPolicy ListAttachedGroupPolicies ListGroupPolicies PutGroupPolicy
            RemoveUserFromGroup UpdateGroup
        """,
    },
    ROLE: {
        "iam": """
            AttachRolePolicy CreateRole DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy
            DetachRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies ListInstanceProfilesForRole
            ListRolePolicies ListRoleTags PassRole PutRolePermissionsBoundary PutRolePolicy TagRole UntagRole
            UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription
        """,
        "sts": "AssumeRole AssumeRoleWithSAML AssumeRoleWithWebIdentity SetSourceIdentity",
    },
    POLICY: {
        "iam": """
            CreatePolicy CreatePolicyVersion DeletePolicy DeletePolicyVersion GetPolicy GetPolicyVersion
            ListEntitiesForPolicy ListPolicyTags ListPolicyVersions SetDefaultPolicyVersion TagPolicy
            UntagPolicy
        """,
    },
    OIDC_PROVIDER: {
        "iam": """
            AddClientIDToOpenIDConnectProvider CreateOpenIDConnectProvider DeleteOpenIDConnectProvider
            GetOpenIDConnectProvider ListOpenIDConnectProviderTags RemoveClientIDFromOpenIDConnectProvider
            TagOpenIDConnectProvider UntagOpenIDConnectProvider UpdateOpenIDConnectProviderThumbprint
        """,
    },
}
"""The names of actions, by what they are done to and by service."""

_TEMPLATES = {
    f"{service}:{name}".lower(): template
    for template, services in ACTIONS.items()
    for service, names in services.items()
    for name in names.split()
}


def arn_template(action: str) -> str:
    """The form of the ARNs that an action is done to; `*` where there is none. Letter case does not count.

    action  with its service: ecr:PutImage
    """
    return _TEMPLATES.get(action.lower(), ANYTHING)
