"""The judge: holds a server that was started again to every line of a journal.

Over HTTP, byte for byte, as any client would ask; and by `openecr fsck --deep --journal`, which looks
behind. Returns what it found wrong, so that a test can also demand that something be found.
"""

from pathlib import Path

import requests

from tests.crash.journal import TIMEOUT_SECONDS, Fact, read, sha256
from tests.crash.server import Server, fsck

ACCEPT = "application/vnd.oci.image.manifest.v1+json"


def judge(server: Server, data: Path, journal: Path) -> list[str]:
    """All breaches of what the journal says was acknowledged. The server must be running on `data`."""
    facts = read(journal)
    with requests.Session() as http:
        http.trust_env = False
        http.auth = ("AWS", "anything")
        breaches = [wrong for fact in facts for wrong in _wrong_with(http, server.url, fact)]
        breaches += _wrong_tags(http, server.url, facts)
    code, said = fsck(data, journal)
    if code != 0:
        breaches.append(f"fsck ended with {code}: {said}")
    return breaches


def _wrong_with(http: requests.Session, url: str, fact: Fact) -> list[str]:
    """What is wrong with the bytes of an acknowledged layer or image, asked for by digest."""
    if fact.op == "try":
        return []
    kind = "blobs" if fact.op == "layer" else "manifests"
    return _wrong_bytes(http, f"{url}/v2/{fact.name}/{kind}/{fact.digest}", fact.digest)


def _wrong_tags(http: requests.Session, url: str, facts: list[Fact]) -> list[str]:
    """Tags that point neither to what was acknowledged last nor to what was tried after it."""
    allowed: dict[tuple[str, str], set[str]] = {}
    for fact in facts:
        if fact.tag is None:
            continue
        place = fact.name, fact.tag
        if fact.op == "image":
            allowed[place] = {fact.digest}
        elif place in allowed:
            allowed[place].add(fact.digest)
    breaches = []
    for (name, tag), digests in allowed.items():
        found = _get(http, f"{url}/v2/{name}/manifests/{tag}")
        if isinstance(found, str):
            breaches.append(found)
        elif sha256(found) not in digests:
            breaches.append(f"{name}:{tag} is {sha256(found)} in place of {digests}")
    return breaches


def _wrong_bytes(http: requests.Session, url: str, digest: str) -> list[str]:
    found = _get(http, url)
    if isinstance(found, str):
        return [found]
    return [] if sha256(found) == digest else [f"{url} has bytes with digest {sha256(found)}"]


def _get(http: requests.Session, url: str) -> bytes | str:
    """The bytes, or why there are none."""
    try:
        answer = http.get(url, headers={"Accept": ACCEPT}, timeout=TIMEOUT_SECONDS)
    except requests.RequestException as failure:
        return f"{url} was not answered: {failure}"
    return answer.content if answer.status_code == 200 else f"{url} is answered {answer.status_code}"
