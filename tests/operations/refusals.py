"""What a call of the API is refused with, to be compared whole."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError


def refused(ask: Callable[..., Any], /, *things: Any, **given: Any) -> Mapping[str, Any]:
    """The answer to a call that must fail by the caller's fault, with the members its error has."""
    try:
        answer = ask(*things, **given)
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        return error.response
    raise AssertionError(f"It was not refused: {answer}")


def refusal(ask: Callable[..., Any], /, *things: Any, **given: Any) -> tuple[str, str]:
    """Code and message."""
    error = refused(ask, *things, **given)["Error"]
    return error["Code"], error["Message"]


def invalid(member: str, reason: str) -> tuple[str, str]:
    """The refusal of a member that breaks a constraint. Source: control-plane.md §1.7."""
    return (
        "InvalidParameterException",
        f"Invalid parameter at '{member}' failed to satisfy constraint: '{reason}'",
    )


def no_repository(name: str, registry_id: str = "000000000000") -> tuple[str, str]:
    return (
        "RepositoryNotFoundException",
        f"The repository with name '{name}' does not exist in the registry with id '{registry_id}'",
    )
