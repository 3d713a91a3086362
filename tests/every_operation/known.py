"""What a generated call can name: things made beforehand, and whatever the server said in earlier answers.

Values are found by the name of the member that takes them: `repositoryName`, `uploadId`, `nextToken`. What
an answer about a repository says is remembered of that repository, so that an upload is mostly asked for
where it is.
"""

import base64
import json
from collections import defaultdict, deque
from collections.abc import Iterator
from random import Random
from typing import Any

from tests.builders import Blob, a_config, a_docker_image, a_layer, an_artifact, an_image, an_index, sha256
from tests.every_operation.inputs import OWNER
from tests.every_operation.principals import OTHER

REMEMBERED = 20
"""Values of one member, in one place: newer ones take the place of the oldest."""

SETTLED = ("ab", "team/app", "x" * 205)
"""Repositories that have, again and again, all that the manifests below need."""
UNSETTLED = ("team/app-2", "team/app.2", "a-b/c_d/e.f", "0/1")
"""Repositories that come and go."""
REPOSITORIES = SETTLED + UNSETTLED
LAYERS = tuple(a_layer(content) for content in (b"{}", b"a layer", b"another layer" * 99))
_config: Blob = a_config()
_plain = an_image(config=_config, layers=[LAYERS[1]])
_docker = a_docker_image()
IMAGES = (
    _plain,
    an_image(config=LAYERS[0], layers=list(LAYERS[1:]), annotations={"a": "\u00e9"}),
    an_artifact(subject=_plain),
    an_artifact(subject=_plain, artifact_type="text/a"),
    _docker,
    an_index(_plain, _docker),
    an_index(),
)
BLOBS = tuple({blob.digest: blob for image in IMAGES for blob in (*LAYERS, *image.blobs)}.values())


def _policy(*actions: str, principal: str = OTHER, **more: Any) -> str:
    statement = {"Sid": "s", "Effect": "Allow", "Principal": {"AWS": principal}, "Action": list(actions)}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | more]})


def _lifecycle(**selection: Any) -> str:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 3} | selection
    rule = {
        "rulePriority": 1,
        "description": "keep few",
        "selection": selection,
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [rule]}, indent=4)


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c63606060"
    "60000000050001a5f645400000000049454e44ae426082"
)

MADE: dict[str, tuple[Any, ...]] = {
    "repositoryName": REPOSITORIES,
    "registryId": (OWNER, OWNER, OTHER, "999999999999"),
    "imageTag": ("latest", "1.0", "1.0-rc", "A", "_", "x" * 128, "-no"),
    "imageDigest": (*(image.digest for image in IMAGES), sha256(b"nobody's")),
    "imageManifest": tuple(image.manifest for image in IMAGES),
    "imageManifestMediaType": tuple({image.media_type for image in IMAGES}),
    "layerDigest": (*(blob.digest for blob in BLOBS), sha256(b"nobody's")),
    "layerPartBlob": tuple(base64.b64encode(layer.content).decode() for layer in LAYERS),
    "logoImageBlob": (base64.b64encode(PNG).decode(),),
    "policyText": (
        _policy("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
        _policy("ecr-public:DescribeImages"),
        _policy("ecr:ReplicateImage", Resource="*"),
        _policy("ecr:*", Condition={"StringEquals": {"aws:PrincipalAccount": OTHER}}),
        "{}",
    ),
    "lifecyclePolicyText": (
        _lifecycle(),
        _lifecycle(tagStatus="untagged", countType="sinceImagePushed", countUnit="days", countNumber=1),
        _lifecycle(tagStatus="tagged", tagPatternList=["1.*"]),
        _lifecycle(tagStatus="tagged"),
    ),
    "principalArn": (f"arn:aws:iam::{OWNER}:role/puller", f"arn:aws:iam::{OTHER}:user/a/b"),
    "resourceArn": tuple(
        f"arn:aws:{service}:{region}:{OWNER}:repository/{name}"
        for service, region in (("ecr", "us-east-1"), ("ecr-public", ""))
        for name in REPOSITORIES
    ),
    "artifactType": ("text/a", "application/vnd.example.sbom", "text/none"),
    "name": ("BASIC_SCAN_TYPE_VERSION", "REGISTRY_POLICY_SCOPE", "BLOB_MOUNTING", "NONE"),
    "value": ("V1", "V2", "AWS_NATIVE", "CLAIR", "ENABLED", "DISABLED"),
    "filter": ("*", "team/*", "latest*", "**"),
    "tagKey": ("team", "cost center", "aws:none", "Grüße"),
    "Key": ("team", "cost center", "aws:none", "Grüße"),
    "Value": ("blue", "", "a+b=c/d@e"),
    "displayName": ("The bench", "é"),
}
SAME = {
    "Key": "tagKey",
    "childImageDigest": "imageDigest",
    "digest": "imageDigest",
    "repositoryArn": "resourceArn",
    "subjectManifestDigest": "imageDigest",
}
"""Members of answers, by the member of an input that takes what they say."""


class Known:
    """Of one service: values by member, and by repository and member."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], deque[Any]] = defaultdict(lambda: deque(maxlen=REMEMBERED))

    def one(self, random: Random, member: str, repository: str) -> Any | None:
        """A value for that member, if any was made or told: rather one of that repository."""
        own, others = self._told[repository, member], self._told["", member]
        choices = [each for each in (own, own, others, MADE.get(member, ())) if each]
        return random.choice(random.choice(choices)) if choices else None

    def learn(self, answer: Any, repository: str) -> None:
        """Remember what an answer to a question about that repository says."""
        for member, value in _scalars(answer):
            for place in (repository, ""):
                if value not in self._told[place, SAME.get(member, member)]:
                    self._told[place, SAME.get(member, member)].append(value)


def _scalars(value: Any, member: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _scalars(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from _scalars(each, singular(member))
    elif isinstance(value, str):
        yield member, value


def singular(name: str) -> str:
    """What an element of such a list is called elsewhere: layerDigests → layerDigest."""
    return name.removesuffix("s")
