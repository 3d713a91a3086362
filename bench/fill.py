"""What the servers are filled with: each thing once per server, when a workload first asks for it."""

import json
from collections.abc import Mapping
from functools import cache

from bench.content import KIB, Manifest, Payload, a_manifest
from bench.peers import Openecr, Peer

IMAGE, UPLOADS, MANY_TAGS, HUGE_TAGS = "bench/image", "bench/uploads", "bench/tags", "bench/more-tags"
TAG = "1.0"
STATEMENTS = 50
STATEMENTS_OF_A_POLICY = 10


def fill_image(peer: Peer) -> Manifest:
    config, layers = fill_layers(peer, IMAGE)
    manifest = a_manifest(config, layers, name="bench")
    if _first_time(peer, "image"):
        peer.put_manifest(IMAGE, TAG, manifest)
    return manifest


def fill_layers(peer: Peer, repository: str) -> tuple[Payload, list[Payload]]:
    """A config and eight layers of 1 KiB, the same in every server, in a repository made for them."""
    payloads = [peer.source.payload(KIB, (b"layer %d" % number).ljust(32)) for number in range(9)]
    if _first_time(peer, f"layers of {repository}"):
        peer.create_repository(repository)
        for payload in payloads:
            peer.put_blob(repository, payload)
    return payloads[0], payloads[1:]


def fill_blob(peer: Peer, size_bytes: int) -> Payload:
    fill_layers(peer, IMAGE)
    payload = peer.source.payload(size_bytes, b"blob".ljust(32))
    if _first_time(peer, f"blob of {size_bytes}"):
        peer.put_blob(IMAGE, payload)
    return payload


def fill_tags(peer: Peer, repository: str, number: int) -> list[str]:
    config, layers = fill_layers(peer, repository)
    tags = [f"v{index:06}" for index in range(number)]
    if _first_time(peer, f"tags of {repository}"):
        peer.put_tags(repository, a_manifest(config, layers, name="tagged"), tags)
    return tags


@cache
def fill_user(peer: Openecr, *, conditions: bool) -> Mapping[str, str]:
    """The headers of a user with 50 statements in force, of which the last one allows to pull the image, the
    others to pull other ones.

    conditions   each statement has one, about the address that the request comes from
    """
    name = "with-conditions" if conditions else "without-conditions"
    teams = [f"team-{number:02}" for number in range(STATEMENTS - 2)]
    statements = [
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        *(_a_statement(f"{team}/*", conditions=conditions) for team in teams),
        _a_statement(IMAGE, conditions=conditions),
    ]
    iam = peer.client("iam")
    iam.create_user(UserName=name)
    for first in range(0, STATEMENTS, STATEMENTS_OF_A_POLICY):
        policy = iam.create_policy(
            PolicyName=f"{name}-{first}",
            PolicyDocument=_a_policy(statements[first : first + STATEMENTS_OF_A_POLICY]),
        )
        iam.attach_user_policy(UserName=name, PolicyArn=policy["Policy"]["Arn"])
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return peer.headers_of((key["AccessKeyId"], key["SecretAccessKey"]))


def _a_statement(repositories: str, *, conditions: bool) -> dict[str, object]:
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Resource": f"arn:aws:ecr:*:*:repository/{repositories}",
    }
    if conditions:
        statement["Condition"] = {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "127.0.0.0/8"]}}
    return statement


def _a_policy(statements: list[dict[str, object]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _first_time(peer: Peer, what: str) -> bool:
    if what in peer.seeded:
        return False
    peer.seeded.add(what)
    return True
