"""AWS's managed policies that concern ECR, which every account has by name, and AdministratorAccess.

Each is what a policy of that name permits at AWS, in our words. Of the versions AWS has gone through we
have the one in force, as v1; ids are derived from the names, not AWS's.
Source: AWS managed policy reference; auth-iam.md §5.5.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from openecr.domain.principal import AWS_ACCOUNT, POLICY_ID_PREFIX, ManagedPolicy

Statement = Mapping[str, Any]

_READ = (
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:GetRepositoryPolicy",
    "ecr:DescribeRepositories",
    "ecr:ListImages",
    "ecr:DescribeImages",
    "ecr:BatchGetImage",
    "ecr:GetLifecyclePolicy",
    "ecr:GetLifecyclePolicyPreview",
    "ecr:ListTagsForResource",
    "ecr:DescribeImageScanFindings",
)
_PUSH = ("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage")
_PULL = (
    "ecr:GetAuthorizationToken",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchImportUpstreamImage",
)
_PUBLIC_READ = (
    "ecr-public:GetAuthorizationToken",
    "sts:GetServiceBearerToken",
    "ecr-public:BatchCheckLayerAvailability",
    "ecr-public:GetRepositoryPolicy",
    "ecr-public:DescribeRepositories",
    "ecr-public:DescribeRegistries",
    "ecr-public:DescribeImages",
    "ecr-public:DescribeImageTags",
    "ecr-public:GetRepositoryCatalogData",
    "ecr-public:GetRegistryCatalogData",
)
_PUBLIC_PUSH = tuple(action.replace("ecr:", "ecr-public:") for action in _PUSH)


def _allow(*actions: str, **more: Any) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


_MAY_LET_REPLICATE = _allow(
    "iam:CreateServiceLinkedRole",
    Condition={"StringEquals": {"iam:AWSServiceName": ["replication.ecr.amazonaws.com"]}},
)

# Name, made and last changed (UTC), what it permits, statements.
_TABLE: tuple[tuple[str, str, str, str, tuple[Statement, ...]], ...] = (
    (
        "AdministratorAccess",
        "2015-02-06T18:39",
        "2015-02-06T18:39",
        "Everything, on every resource of the account.",
        (_allow("*"),),
    ),
    (
        "AmazonEC2ContainerRegistryFullAccess",
        "2015-12-21T17:06",
        "2020-12-05T00:04",
        "Everything in private registries.",
        (_allow("ecr:*", "cloudtrail:LookupEvents"), _MAY_LET_REPLICATE),
    ),
    (
        "AmazonEC2ContainerRegistryPowerUser",
        "2015-12-21T17:05",
        "2019-12-10T20:48",
        "Read, pull and push in private registries; nothing is deleted, no policy changed.",
        (_allow(*_READ, *_PUSH),),
    ),
    (
        "AmazonEC2ContainerRegistryPullOnly",
        "2024-10-04T16:58",
        "2024-10-04T16:58",
        "Pull from private registries.",
        (_allow(*_PULL),),
    ),
    (
        "AmazonEC2ContainerRegistryReadOnly",
        "2015-12-21T17:04",
        "2019-12-10T20:56",
        "Read private registries and pull from them.",
        (_allow(*_READ),),
    ),
    (
        "AmazonElasticContainerRegistryPublicFullAccess",
        "2020-12-01T17:25",
        "2020-12-01T17:25",
        "Everything in public registries.",
        (_allow("ecr-public:*", "sts:GetServiceBearerToken"),),
    ),
    (
        "AmazonElasticContainerRegistryPublicPowerUser",
        "2020-12-01T16:16",
        "2020-12-01T16:16",
        "Read and push in public registries; nothing is deleted, no policy changed.",
        (_allow(*_PUBLIC_READ, *_PUBLIC_PUSH),),
    ),
    (
        "AmazonElasticContainerRegistryPublicReadOnly",
        "2020-12-01T17:27",
        "2020-12-01T17:27",
        "Read public registries.",
        (_allow(*_PUBLIC_READ),),
    ),
)


def _policy(name: str, made: str, changed: str, description: str) -> ManagedPolicy:
    digest = base64.b32encode(hashlib.sha256(name.encode()).digest()).decode()
    return ManagedPolicy(
        POLICY_ID_PREFIX + digest[:17],
        AWS_ACCOUNT,
        "/",
        name,
        description,
        datetime.fromisoformat(made).replace(tzinfo=UTC),
        datetime.fromisoformat(changed).replace(tzinfo=UTC),
        default_version=1,
        latest_version=1,
    )


POLICIES: Mapping[str, ManagedPolicy] = {
    policy.arn: policy for policy in (_policy(*facts) for *facts, _ in _TABLE)
}
"""By ARN."""

DOCUMENTS: Mapping[str, str] = {
    _policy(*facts).arn: json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)
    for *facts, statements in _TABLE
}
"""What each permits: JSON, by ARN."""
