"""Principals whose permissions a test sets, call by call, through IAM and STS."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.every_operation.permissions import ACCOUNT
from tests.running import ROOT, Clock, RunningServer

OTHER = "111122223333"
Statement = dict[str, Any]


def allow(action: str, resource: str) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def deny(action: str, resource: str) -> Statement:
    return {"Effect": "Deny", "Action": action, "Resource": resource}


def policy(*statements: Statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@dataclass
class User:
    """A user with one policy, or none."""

    iam: Any  # boto3, as the root of its account
    name: str
    arn: str
    key: tuple[str, str]

    def may(self, *statements: Statement) -> None:
        """Exactly this from now on."""
        if statements:
            self.iam.put_user_policy(UserName=self.name, PolicyName="may", PolicyDocument=policy(*statements))
        else:
            self._forget()

    def _forget(self) -> None:
        if self.iam.list_user_policies(UserName=self.name)["PolicyNames"]:
            self.iam.delete_user_policy(UserName=self.name, PolicyName="may")


def a_user(iam: Any, name: str, **settings: str) -> User:
    made = iam.create_user(UserName=name, **settings)["User"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return User(iam, name, made["Arn"], (key["AccessKeyId"], key["SecretAccessKey"]))


class House:
    """An account with a repository `ab` in each service, and those who ask for it."""

    def __init__(self, server: RunningServer, clock: Clock) -> None:
        self.server, self.url, self.root = server, server.url, ROOT
        self._iam = server.client("iam")
        self.user = a_user(self._iam, "somebody")

        boundary = self._iam.create_policy(PolicyName="bounds", PolicyDocument=policy(allow("*", "*")))
        self._boundary: str = boundary["Policy"]["Arn"]
        self.bounded = a_user(self._iam, "bounded", PermissionsBoundary=self._boundary)

        self.stranger = a_user(server.client("iam", key=server.account(OTHER)), "stranger")

        # A role that may do everything, for those who may assume it.
        self._assumer = a_user(self._iam, "assumer")
        trust = {"Effect": "Allow", "Principal": {"AWS": self._assumer.arn}, "Action": "sts:AssumeRole"}
        role = self._iam.create_role(RoleName="worker", AssumeRolePolicyDocument=policy(trust))["Role"]
        self._iam.put_role_policy(RoleName="worker", PolicyName="may", PolicyDocument=policy(allow("*", "*")))
        self._role: str = role["Arn"]
        self.session_arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/shift"

        # Signatures are of the real time: the server's may be a quarter of an hour from it, and a session
        # lasts at least as long.
        clock.advance(minutes=-14)
        self.expired_session = self.session(seconds=900)
        self.expired_password = server.password(key=self.expired_session)
        clock.advance(minutes=16)
        for service in ("ecr", "ecr-public"):
            self.server.client(service).create_repository(repositoryName="ab")

    def session(self, session_policy: str | None = None, *, seconds: int = 3600) -> tuple[str, str, str]:
        """New credentials of the role, limited by a session policy."""
        sts = self.server.client("sts", key=self._assumer.key)
        given = {} if session_policy is None else {"Policy": session_policy}
        made = sts.assume_role(RoleArn=self._role, RoleSessionName="shift", DurationSeconds=seconds, **given)[
            "Credentials"
        ]
        return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]

    def bound(self, *statements: Statement) -> None:
        """Exactly this is inside the boundary from now on."""
        for version in self._iam.list_policy_versions(PolicyArn=self._boundary)["Versions"]:
            if not version["IsDefaultVersion"]:
                self._iam.delete_policy_version(PolicyArn=self._boundary, VersionId=version["VersionId"])
        self._iam.create_policy_version(
            PolicyArn=self._boundary, PolicyDocument=policy(*statements), SetAsDefault=True
        )

    def open_to(self, account: str, service: str, *actions: str) -> None:
        """The repository `ab` is there, and its policy allows that account these actions."""
        self.ensure(service)
        statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": list(actions)}
        self.server.client(service).set_repository_policy(
            repositoryName="ab", policyText=policy(statement), force=True
        )

    def ensure(self, service: str) -> None:
        """The repository `ab` is there."""
        client = self.server.client(service)
        if not self._has_repository(client):
            client.create_repository(repositoryName="ab")

    def close(self, service: str) -> None:
        """The repository `ab` has no policy."""
        client = self.server.client(service)
        if self._has_repository(client):
            with suppress(client.exceptions.RepositoryPolicyNotFoundException):
                client.delete_repository_policy(repositoryName="ab")

    def _has_repository(self, client: Any) -> bool:
        return any(each["repositoryName"] == "ab" for each in client.describe_repositories()["repositories"])
