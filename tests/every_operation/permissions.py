"""Which permission each operation needs: what AWS's service authorization reference says, by hand.

Held apart from the code, so that the matrix compares two things. An operation without a row fails.
Source: auth-iam.md §5.1–§5.4, control-plane.md Appendix B, data-plane.md §6.1.
"""

from dataclasses import dataclass

ACCOUNT = "000000000000"
REGION = "us-east-1"


@dataclass(frozen=True)
class Permission:
    action: str  # ecr:PutImage
    resource: str  # the ARN, or `*`


def repository_arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION if service == 'ecr' else ''}:{ACCOUNT}:repository/{name}"


ON_A_REPOSITORY = {
    "ecr": """
        BatchCheckLayerAvailability BatchDeleteImage BatchGetImage BatchGetRepositoryScanningConfiguration
        CompleteLayerUpload CreateRepository DeleteLifecyclePolicy DeleteRepository DeleteRepositoryPolicy
        DescribeImageReplicationStatus DescribeImageScanFindings DescribeImageSigningStatus DescribeImages
        DescribeRepositories GetDownloadUrlForLayer GetLifecyclePolicy GetLifecyclePolicyPreview
        GetRepositoryPolicy InitiateLayerUpload ListImages ListTagsForResource PutImage
        PutImageScanningConfiguration PutImageTagMutability PutLifecyclePolicy SetRepositoryPolicy
        StartImageScan StartLifecyclePolicyPreview TagResource UntagResource UpdateImageStorageClass
        UploadLayerPart
    """,
    "ecr-public": """
        BatchCheckLayerAvailability BatchDeleteImage CompleteLayerUpload CreateRepository DeleteRepository
        DeleteRepositoryPolicy DescribeImageTags DescribeImages DescribeRepositories
        GetRepositoryCatalogData GetRepositoryPolicy InitiateLayerUpload ListTagsForResource PutImage
        PutRepositoryCatalogData SetRepositoryPolicy TagResource UntagResource UploadLayerPart
    """,
}
ON_NOTHING = {
    "ecr": """
        CreatePullThroughCacheRule CreateRepositoryCreationTemplate DeletePullThroughCacheRule
        DeleteRegistryPolicy DeleteRepositoryCreationTemplate DeleteSigningConfiguration
        DeregisterPullTimeUpdateExclusion DescribePullThroughCacheRules DescribeRegistry
        DescribeRepositoryCreationTemplates GetAccountSetting GetAuthorizationToken GetRegistryPolicy
        GetRegistryScanningConfiguration GetSigningConfiguration ListPullTimeUpdateExclusions
        PutAccountSetting PutRegistryPolicy PutRegistryScanningConfiguration PutReplicationConfiguration
        PutSigningConfiguration RegisterPullTimeUpdateExclusion UpdatePullThroughCacheRule
        UpdateRepositoryCreationTemplate ValidatePullThroughCacheRule
    """,
}
ON_THE_REGISTRY = {"ecr-public": "DescribeRegistries GetRegistryCatalogData PutRegistryCatalogData"}


def _table() -> dict[tuple[str, str], tuple[Permission, ...]]:
    made: dict[tuple[str, str], tuple[Permission, ...]] = {}
    registry = f"arn:aws:ecr-public::{ACCOUNT}:registry/{ACCOUNT}"
    for names, resource in ((ON_A_REPOSITORY, None), (ON_NOTHING, "*"), (ON_THE_REGISTRY, registry)):
        for service, text in names.items():
            for name in text.split():
                of = resource or repository_arn(service, "ab")
                made[service, name] = (Permission(f"{service}:{name}", of),)
    # Calls without an action of their own.
    made["ecr", "ListImageReferrers"] = (Permission("ecr:BatchGetImage", repository_arn("ecr", "ab")),)
    for name in ("StartReplicationBackfill", "StopReplicationBackfill"):
        made["ecr", name] = (Permission("ecr:PutReplicationConfiguration", "*"),)
    for name in ("ListReplicationBackfills", "DescribeReplicationBackfillResults"):
        made["ecr", name] = (Permission("ecr:DescribeRegistry", "*"),)
    # A call that needs two.
    made["ecr-public", "GetAuthorizationToken"] = (
        Permission("ecr-public:GetAuthorizationToken", "*"),
        Permission("sts:GetServiceBearerToken", "*"),
    )
    return made


PERMISSIONS = _table()
"""(service, operation) → what a policy must allow, in the order it is asked."""


WHOLE = ("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload")


@dataclass(frozen=True)
class Route:
    """A request of the OCI front, about the private repository `ab` unless it says otherwise."""

    method: str
    path: str  # after /v2/; {digest} of a layer that is there, {upload} are put in
    actions: tuple[str, ...]  # in the order they are asked
    body: bytes = b""
    resource: str = "ab"

    @property
    def permissions(self) -> tuple[Permission, ...]:
        return tuple(Permission(action, repository_arn("ecr", self.resource)) for action in self.actions)


ROUTES = (
    Route("GET", "_catalog", ("ecr:DescribeRepositories",), resource="*"),
    Route("GET", "ab/tags/list", ("ecr:ListImages",)),
    Route("GET", "ab/manifests/latest", ("ecr:BatchGetImage",)),
    Route("HEAD", "ab/manifests/latest", ("ecr:BatchGetImage",)),
    Route("PUT", "ab/manifests/latest", ("ecr:PutImage",), b"{}"),
    Route("DELETE", "ab/manifests/latest", ("ecr:BatchDeleteImage",)),
    Route("HEAD", "ab/blobs/{digest}", ("ecr:BatchCheckLayerAvailability",)),
    Route("GET", "ab/blobs/{digest}", ("ecr:GetDownloadUrlForLayer",)),
    Route("DELETE", "ab/blobs/{digest}", ("ecr:BatchDeleteImage",)),
    Route("POST", "ab/blobs/uploads/", ("ecr:InitiateLayerUpload",)),
    Route("POST", "ab/blobs/uploads", ("ecr:InitiateLayerUpload",)),
    Route("POST", "ab/blobs/uploads/?mount={digest}&from=ab", ("ecr:InitiateLayerUpload",)),
    Route("POST", "ab/blobs/uploads/?digest={digest}", WHOLE, b"layer"),
    Route("GET", "ab/blobs/uploads/{upload}", ("ecr:UploadLayerPart",)),
    Route("PATCH", "ab/blobs/uploads/{upload}", ("ecr:UploadLayerPart",), b"layer"),
    Route("DELETE", "ab/blobs/uploads/{upload}", ("ecr:UploadLayerPart",)),
    Route("PUT", "ab/blobs/uploads/{upload}?digest={digest}", ("ecr:CompleteLayerUpload",)),
    Route(
        "PUT",
        "ab/blobs/uploads/{upload}?digest={digest}&whole",
        ("ecr:CompleteLayerUpload", "ecr:UploadLayerPart"),
        b"layer",
    ),
    Route("GET", "ab/referrers/{digest}", ("ecr:BatchGetImage",)),
)
