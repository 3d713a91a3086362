"""The record of something that the service did by itself, shaped as CloudTrail shapes it.

Source: advanced-features.md §8.2, `AwsServiceEvent`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from openecr.domain.registry import Registry

SERVICE = "ecr.amazonaws.com"


def service_event(
    name: str, details: Mapping[str, Any], *, at: datetime, registry: Registry | None = None
) -> dict[str, Any]:
    """registry  the one it is about, if it is about one"""
    event = {
        "eventVersion": "1.11",
        "userIdentity": {"accountId": "", "invokedBy": SERVICE},
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": SERVICE,
        "eventName": name,
        "sourceIPAddress": SERVICE,
        "userAgent": SERVICE,
        "requestParameters": None,
        "responseElements": None,
        "eventID": str(uuid4()),
        "readOnly": False,
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "serviceEventDetails": dict(details),
        "eventCategory": "Management",
    }
    if registry is not None:
        event["userIdentity"] = {"accountId": registry.account, "invokedBy": SERVICE}
        event |= {"awsRegion": registry.region, "recipientAccountId": registry.account}
    return event
