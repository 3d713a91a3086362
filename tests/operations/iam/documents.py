"""Policy documents of a certain length."""

import json

from tests.operations.iam.asking import allow


def of_size(characters: int) -> str:
    """A policy of that many characters, and some blanks."""
    document = {"Version": "2012-10-17", "Statement": [allow("ecr:*", "arn:aws:ecr:*:*:repository/")]}
    spare = characters - len("".join(json.dumps(document).split()))
    document["Statement"][0]["Resource"] += "x" * spare
    return json.dumps(document, indent=8)
