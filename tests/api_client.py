"""A client of the AWS API over plain HTTP: it signs and sends what it is told, right or wrong."""

import json
from dataclasses import dataclass
from typing import Any

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from openecr.aws.model import services
from tests.registry_client import Answer
from tests.running import ROOT, Key

JSON = "application/x-amz-json-1.1"


@dataclass
class ApiClient:
    """Speaks AWS JSON 1.1 as the owner of a key."""

    url: str
    key: Key = ROOT
    region: str = "us-east-1"

    def ask(self, service: str, operation: str, document: Any = None, **headers: str | None) -> Answer:
        """Call an operation with any JSON there is.

        headers  put over the signed ones after signing; None takes one out. `_` stands for `-`
        """
        body = json.dumps({} if document is None else document).encode()
        signed = self.signed_headers(service, operation, body)
        for name, value in headers.items():
            if value is None:
                del signed[name.replace("_", "-")]
            else:
                signed[name.replace("_", "-")] = value
        with requests.Session() as http:
            http.trust_env = False
            answer = http.post(self.url, data=body, headers=signed, timeout=60)
        return Answer(answer.status_code, answer.headers, answer.content)

    def signed_headers(self, service: str, operation: str, body: bytes) -> dict[str, str]:
        """What a POST with that body is sent with, for who sends it by themselves."""
        target = f"{services()[service].target_prefix}.{operation}"
        request = AWSRequest("POST", self.url, {"Content-Type": JSON, "X-Amz-Target": target}, body)
        SigV4Auth(Credentials(*self.key), service, self.region).add_auth(request)
        return dict(request.headers.items())
