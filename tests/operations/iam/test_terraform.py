"""What Terraform asks for a role, a policy and their attachment: apply, plan, change, destroy.

The calls of its resources aws_iam_role, aws_iam_policy and aws_iam_role_policy_attachment, in their order.
It compares documents by what they say, and takes a difference for a change somebody has made.
Source: hashicorp/terraform-provider-aws, internal/service/iam: role.go, policy.go, role_policy_attachment.go.
"""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.operations.iam.asking import ACCOUNT, allow, no_such, policy, refusal
from tests.operations.iam.test_managed_policies import no_policy

TAGS = [{"Key": "managed-by", "Value": "terraform"}]
PULL = policy(allow("ecr:BatchGetImage"), allow("ecr:GetDownloadUrlForLayer"))
PUSH = policy(allow(["ecr:BatchGetImage", "ecr:PutImage"]))
POLICY_ARN = f"arn:aws:iam::{ACCOUNT}:policy/ci/registry"


@dataclass
class Terraform:
    iam: Any
    trust: str

    def create(self) -> None:
        made = self.iam.create_role(
            RoleName="deploy",
            Path="/ci/",
            AssumeRolePolicyDocument=self.trust,
            MaxSessionDuration=3600,
            Tags=TAGS,
        )
        assert made["Role"]["RoleName"] == "deploy"
        self.read_role()

        made = self.iam.create_policy(
            PolicyName="registry", Path="/ci/", PolicyDocument=PULL, Description="", Tags=TAGS
        )
        assert made["Policy"]["Arn"] == POLICY_ARN
        self.read_policy(PULL)

        self.iam.attach_role_policy(RoleName="deploy", PolicyArn=POLICY_ARN)
        self.read_attachment()

    def read_role(self) -> None:
        role = self.iam.get_role(RoleName="deploy")["Role"]
        assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/ci/deploy"
        assert role["RoleId"].startswith("AROA")
        assert (role["Path"], role["MaxSessionDuration"]) == ("/ci/", 3600)
        assert role["Tags"] == TAGS
        assert "PermissionsBoundary" not in role
        assert role["AssumeRolePolicyDocument"] == json.loads(self.trust)
        assert self.iam.list_role_policies(RoleName="deploy")["PolicyNames"] == []

    def read_policy(self, document: str) -> None:
        shown = self.iam.get_policy(PolicyArn=POLICY_ARN)["Policy"]
        assert (shown["PolicyName"], shown["Path"]) == ("registry", "/ci/")
        assert shown["Tags"] == TAGS
        assert not shown.get("Description")
        version = self.iam.get_policy_version(PolicyArn=POLICY_ARN, VersionId=shown["DefaultVersionId"])
        assert version["PolicyVersion"]["Document"] == json.loads(document)

    def read_attachment(self) -> None:
        attached = self.iam.list_attached_role_policies(RoleName="deploy")["AttachedPolicies"]
        assert {"PolicyName": "registry", "PolicyArn": POLICY_ARN} in attached

    def change_policy(self, document: str) -> None:
        """Make room for a version, add it, put it in force."""
        versions = self.iam.list_policy_versions(PolicyArn=POLICY_ARN)["Versions"]
        if len(versions) == 5:
            others = [each for each in versions if not each["IsDefaultVersion"]]
            oldest = min(others, key=lambda each: each["CreateDate"])
            self.iam.delete_policy_version(PolicyArn=POLICY_ARN, VersionId=oldest["VersionId"])
        added = self.iam.create_policy_version(
            PolicyArn=POLICY_ARN, PolicyDocument=document, SetAsDefault=False
        )
        version = added["PolicyVersion"]["VersionId"]
        self.iam.set_default_policy_version(PolicyArn=POLICY_ARN, VersionId=version)
        self.read_policy(document)

    def destroy(self) -> None:
        self.iam.detach_role_policy(RoleName="deploy", PolicyArn=POLICY_ARN)

        for version in self.iam.list_policy_versions(PolicyArn=POLICY_ARN)["Versions"]:
            if not version["IsDefaultVersion"]:
                self.iam.delete_policy_version(PolicyArn=POLICY_ARN, VersionId=version["VersionId"])
        self.iam.delete_policy(PolicyArn=POLICY_ARN)

        assert self.iam.list_instance_profiles_for_role(RoleName="deploy")["InstanceProfiles"] == []
        assert self.iam.list_attached_role_policies(RoleName="deploy")["AttachedPolicies"] == []
        assert self.iam.list_role_policies(RoleName="deploy")["PolicyNames"] == []
        self.iam.delete_role(RoleName="deploy")


@pytest.fixture
def terraform(iam):
    user = iam.create_user(UserName="ci")["User"]
    trust = policy({"Effect": "Allow", "Principal": {"AWS": user["Arn"]}, "Action": "sts:AssumeRole"})
    return Terraform(iam, trust)


def test_a_role_a_policy_and_their_attachment_live_as_terraform_has_it(iam, terraform, clock):
    terraform.create()

    # The next plan finds nothing to do.
    terraform.read_role()
    terraform.read_policy(PULL)
    terraform.read_attachment()

    # So many changes that old versions have to go.
    for document in (PUSH, PULL) * 3:
        clock.advance(minutes=1)
        terraform.change_policy(document)
    terraform.read_attachment()

    # Another trust policy, and tags one by one.
    terraform.trust = policy(
        {"Effect": "Allow", "Principal": {"Service": "ecr.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    iam.update_assume_role_policy(RoleName="deploy", PolicyDocument=terraform.trust)
    iam.tag_role(RoleName="deploy", Tags=[{"Key": "team", "Value": "blue"}])
    iam.untag_role(RoleName="deploy", TagKeys=["team"])
    terraform.read_role()

    terraform.destroy()
    assert refusal(iam.get_role, RoleName="deploy") == no_such("role", "deploy")
    assert refusal(iam.get_policy, PolicyArn=POLICY_ARN) == no_policy(POLICY_ARN)
