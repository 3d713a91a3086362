"""Policy documents of a certain length."""

import json

from openecr.domain.principal import policy_size
from tests.operations.iam.asking import allow


def of_size(characters: int, filler: str = "x") -> str:
    """A policy of that many characters, most of them fillers, and some blanks."""
    document = {"Version": "2012-10-17", "Statement": [allow("ecr:*", "arn:aws:ecr:*:*:repository/")]}
    spare = characters - policy_size(json.dumps(document))
    document["Statement"][0]["Resource"] += filler * spare
    return json.dumps(document, indent=8, ensure_ascii=False)
