"""What the servers are filled with: each thing once per server, when a workload first asks for it."""

from bench.content import KIB, Manifest, Payload, a_manifest
from bench.peers import Peer

IMAGE, UPLOADS, MANY_TAGS, HUGE_TAGS = "bench/image", "bench/uploads", "bench/tags", "bench/more-tags"
TAG = "1.0"


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


def _first_time(peer: Peer, what: str) -> bool:
    if what in peer.seeded:
        return False
    peer.seeded.add(what)
    return True
