"""What calls of IAM are refused with, to be compared whole; and users to call it as."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

ACCOUNT = "000000000000"
OTHER_ACCOUNT = "111122223333"

Refusal = tuple[int, str, str]
"""HTTP status, code, message."""


def refusal(ask: Callable[..., Any], /, **given: Any) -> Refusal:
    """Of a call that must fail."""
    try:
        answer = ask(**given)
    except ClientError as error:
        said = error.response
        return said["ResponseMetadata"]["HTTPStatusCode"], said["Error"]["Code"], said["Error"]["Message"]
    raise AssertionError(f"It was not refused: {answer}")


def no_such(kind: str, name: str) -> Refusal:
    return 404, "NoSuchEntity", f"The {kind} with name {name} cannot be found."


def over_quota(name: str, most: int) -> Refusal:
    return 409, "LimitExceeded", f"Cannot exceed quota for {name}: {most}"


def conflict(what: str) -> Refusal:
    return 409, "DeleteConflict", f"Cannot delete entity, must {what} first."


def denied(who: str, action: str, resource: str) -> Refusal:
    """Where no policy of a user, or of a role's session, allows it."""
    return (
        403,
        "AccessDenied",
        f"User: {who} is not authorized to perform: {action} on resource: {resource} because no "
        f"identity-based policy allows the {action} action",
    )


NAMELESS: Refusal = (400, "ValidationError", "Must specify userName when calling with non-User credentials")
NO_SUCH_PAGE: Refusal = (400, "ValidationError", "Invalid Marker.")


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def a_user(iam: Any, name: str, *statements: dict[str, Any], **settings: Any) -> tuple[str, str]:
    """A new user who may do what the statements say; returns the key."""
    iam.create_user(UserName=name, **settings)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=policy(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def a_session(server: Any, *statements: dict[str, Any]) -> tuple[str, str, str]:
    """The credentials of a session `shift` of a new role `worker` that may do what the statements say."""
    iam = server.client("iam")
    assumer = a_user(iam, "assumer")
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/assumer"},
        "Action": "sts:AssumeRole",
    }
    role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=policy(trust))["Role"]
    if statements:
        iam.put_role_policy(RoleName="worker", PolicyName="may", PolicyDocument=policy(*statements))
    sts = server.client("sts", key=assumer)
    made = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="shift")["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]


def pages(ask: Callable[..., Any], member: str, size: int, **asked: Any) -> list[list[Any]]:
    """A whole list, in pages of that size."""
    found, marker = [], {}
    while True:
        page = ask(MaxItems=size, **asked, **marker)
        found.append(page[member])
        assert page["IsTruncated"] is ("Marker" in page)
        if not page["IsTruncated"]:
            return found
        assert len(page["Marker"]) <= 320, "the model takes no longer one"
        marker = {"Marker": page["Marker"]}


def plain(answer: Any) -> Any:
    """An answer without what boto3 says of it."""
    return {member: value for member, value in answer.items() if member != "ResponseMetadata"}
