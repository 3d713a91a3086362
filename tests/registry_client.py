"""A client of the OCI front over plain HTTP, as small as one can be: it sends what it is told."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from tests.builders import Blob, Image


@dataclass
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def error(self) -> str:
        """The OCI error code."""
        return self.json["errors"][0]["code"]

    @property
    def message(self) -> str:
        return self.json["errors"][0]["message"]

    @property
    def json(self) -> Any:
        import json

        return json.loads(self.body)


class RegistryClient:
    """Speaks `/v2/` at `http://host:port`, with a password or without.

    prefix   stands before each repository name: `public.ecr.aws/alias/`
    """

    def __init__(self, url: str, password: str | None = None, *, prefix: str = "", user: str = "AWS") -> None:
        self.url = url
        self.prefix = prefix
        self.http = requests.Session()
        self.http.trust_env = False
        if password is not None:
            self.http.auth = (user, password)

    def ask(self, method: str, path: str, *, query: str = "", body: Any = None, **headers: str) -> Answer:
        """`path` follows the host and is sent as it is; header names have `_` for `-`."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = requests.Request(method, self.url, data=body, headers=names, auth=self.http.auth)
        prepared = self.http.prepare_request(request)
        prepared.url = (
            self.url + path + (f"?{query}" if query and "?" not in path else f"&{query}" if query else "")
        )
        answer = self.http.send(prepared, allow_redirects=False, timeout=60)
        return Answer(answer.status_code, answer.headers, answer.content)

    def path(self, repository: str, rest: str) -> str:
        return f"/v2/{self.prefix}{repository}/{rest}"

    # Layers.

    def start_upload(self, repository: str, query: str = "", **headers: str) -> Answer:
        return self.ask("POST", self.path(repository, "blobs/uploads/"), query=query, **headers)

    def push_blob(self, repository: str, blob: Blob) -> Answer:
        """POST, then the whole body in the closing PUT."""
        started = self.start_upload(repository)
        if started.status != 202:
            return started
        return self.finish_upload(started.headers["Location"], blob.digest, blob.content)

    def finish_upload(self, location: str, digest: str, body: bytes = b"", **headers: str) -> Answer:
        headers.setdefault("Content_Type", "application/octet-stream")
        return self.ask("PUT", location, query=f"digest={quote(digest)}", body=body, **headers)

    def patch(self, location: str, body: Any, **headers: str) -> Answer:
        headers.setdefault("Content_Type", "application/octet-stream")
        return self.ask("PATCH", location, body=body, **headers)

    def get_blob(self, repository: str, digest: str, **headers: str) -> Answer:
        return self.ask("GET", self.path(repository, f"blobs/{digest}"), **headers)

    def head_blob(self, repository: str, digest: str) -> Answer:
        return self.ask("HEAD", self.path(repository, f"blobs/{digest}"))

    def delete_blob(self, repository: str, digest: str) -> Answer:
        return self.ask("DELETE", self.path(repository, f"blobs/{digest}"))

    # Manifests.

    def push_layers(self, repository: str, image: Image) -> None:
        for blob in image.blobs:
            answer = self.push_blob(repository, blob)
            assert answer.status == 201, answer.body

    def push(self, repository: str, image: Image, reference: str | None = None) -> Answer:
        """All that the image needs, then its manifest, under a tag or its own digest."""
        for child in image.children:
            assert self.push(repository, child).status == 201
        self.push_layers(repository, image)
        return self.put_manifest(repository, reference or image.digest, image)

    def put_manifest(self, repository: str, reference: str, image: Image, query: str = "") -> Answer:
        path = self.path(repository, f"manifests/{reference}")
        return self.ask("PUT", path, query=query, body=image.content, Content_Type=image.media_type)

    def get_manifest(self, repository: str, reference: str, **headers: str) -> Answer:
        return self.ask("GET", self.path(repository, f"manifests/{reference}"), **headers)

    def head_manifest(self, repository: str, reference: str) -> Answer:
        return self.ask("HEAD", self.path(repository, f"manifests/{reference}"))

    def delete_manifest(self, repository: str, reference: str) -> Answer:
        return self.ask("DELETE", self.path(repository, f"manifests/{reference}"))

    # Lists.

    def tags(self, repository: str, query: str = "") -> Answer:
        return self.ask("GET", self.path(repository, "tags/list"), query=query)

    def referrers(self, repository: str, digest: str, query: str = "") -> Answer:
        return self.ask("GET", self.path(repository, f"referrers/{digest}"), query=query)

    def follow(self, answer: Answer) -> Answer:
        """The page that the answer's Link names."""
        target = answer.headers["Link"].partition("<")[2].partition(">")[0]
        parts = urlsplit(target)
        return self.ask("GET", parts.path, query=parts.query)
