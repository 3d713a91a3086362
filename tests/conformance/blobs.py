"""Blobs: the ways to push one, reading it whole and in ranges, and what a registry must refuse.

Each function is the check of a case. Those that push end by reading what the answer's Location names.
Source: data-plane.md §1.3, §1.4, §2.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .client import Answer, Client, NonconformingError, UnsupportedError
from .content import OCTET_STREAM, Blob

CHUNK_BYTES = 1024  # unless the registry announces a larger minimum
RANGE_BLOB_BYTES = 2048

OCTETS = {"Content-Type": OCTET_STREAM}


# Pushing


def post_only(client: Client, repository: str, blob: Blob) -> None:
    """The whole blob in the POST. 202 means "not this way": then it is put as if nothing had been sent."""
    answer = _post_whole(client, repository, blob).has_status(201, 202)
    if answer.status == 201:
        return _is_stored(client, answer, blob)
    put = client("PUT", answer.location, query={"digest": blob.digest}, headers=OCTETS, body=blob.content)
    put.has_status(201)
    raise UnsupportedError("a POST with content is answered 202")


def post_put(client: Client, repository: str, blob: Blob) -> None:
    """POST, then the whole blob in the PUT."""
    upload = start_upload(client, repository)
    put = client("PUT", upload.location, query={"digest": blob.digest}, headers=OCTETS, body=blob.content)
    _is_stored(client, put, blob)


def stream(client: Client, repository: str, blob: Blob) -> None:
    """One PATCH with chunked transfer encoding, which says neither length nor range."""
    upload = start_upload(client, repository)
    patch = client("PATCH", upload.location, headers=OCTETS, body=blob.content, streamed=True).has_status(202)
    _is_stored(client, _close(client, patch.location, blob), blob)


def chunked(client: Client, repository: str, blob: Blob, *, chunks: int = 1, put_last: bool = False) -> None:
    """PATCHes with Content-Range; the last chunk may ride in the PUT.

    The blob grows when the registry announces chunks larger than it has: only so can it have that many.
    """
    upload = start_upload(client, repository)
    if chunks > 1:
        blob.grow(chunks * max(_minimum(upload), CHUNK_BYTES) - 5)
    location = upload.location
    for chunk in _cut(blob, chunks, _minimum(upload)):
        if put_last and chunk.is_last:
            return _is_stored(client, _send_chunk(client, "PUT", location, chunk, blob), blob)
        location = _send_chunk(client, "PATCH", location, chunk).has_status(202).location
    _is_stored(client, _close(client, location, blob), blob)


def chunked_out_of_order(client: Client, repository: str, blob: Blob, *, put_last: bool = False) -> None:
    """Before each chunk comes one that is not due: 416, and the upload goes on from where it says it is."""
    upload = start_upload(client, repository)
    blob.grow(3 * max(_minimum(upload), CHUNK_BYTES) - 5)
    location = upload.location
    pieces = list(_cut(blob, 3, _minimum(upload)))
    for chunk in pieces:
        wrong = pieces[0] if chunk.is_last else pieces[pieces.index(chunk) + 1]
        method = "PUT" if put_last and wrong.is_last else "PATCH"
        _send_chunk(client, method, location, wrong, blob if method == "PUT" else None).has_status(416)
        location = _position(client, location, received=chunk.start)

        if put_last and chunk.is_last:
            return _is_stored(client, _send_chunk(client, "PUT", location, chunk, blob), blob)
        location = _send_chunk(client, "PATCH", location, chunk).has_status(202).location
    _is_stored(client, _close(client, location, blob), blob)


def mount(client: Client, repository: str, source: str | None, blob: Blob) -> None:
    """Mount a blob the source has. 202 opens an ordinary upload, which must then work.

    source   None: the registry may look wherever it likes
    """
    answer = _post_mount(client, repository, source, blob)
    if answer.status == 201:
        return _is_stored(client, answer, blob)
    _is_stored(client, _put_after_mount(client, answer, blob), blob)
    raise UnsupportedError("the mount is answered 202")


def mount_missing(client: Client, repository: str, source: str, blob: Blob) -> None:
    """Nothing to mount is no error: 202, and the upload works."""
    answer = _post_mount(client, repository, source, blob).has_status(202)
    _is_stored(client, _put_after_mount(client, answer, blob), blob)


def cancel(client: Client, repository: str) -> None:
    """DELETE ends an upload; nothing is left to ask about."""
    upload = start_upload(client, repository)
    client("DELETE", upload.location).has_status(204)
    client("GET", upload.location).has_status(404)


def start_upload(client: Client, repository: str) -> Answer:
    return client("POST", f"/v2/{repository}/blobs/uploads/").has_status(202)


# Refusing content that is not of its digest


def refuses_post_only(client: Client, repository: str, blob: Blob) -> None:
    """400; or 202 where a POST with content is not known, and 400 to the PUT after it."""
    answer = _post_whole(client, repository, blob).has_status(400, 202)
    if answer.status == 202:
        put = client("PUT", answer.location, query={"digest": blob.digest}, headers=OCTETS, body=blob.content)
        put.has_status(400)
        raise UnsupportedError("a POST with content is answered 202")


def refuses_post_put(client: Client, repository: str, blob: Blob) -> None:
    location = start_upload(client, repository).location
    put = client("PUT", location, query={"digest": blob.digest}, headers=OCTETS, body=blob.content)
    put.has_status(400)


def refuses_chunked(client: Client, repository: str, blob: Blob, *, put_last: bool = False) -> None:
    upload = start_upload(client, repository)
    location = upload.location
    for chunk in _cut(blob, 3, _minimum(upload)):
        if put_last and chunk.is_last:
            _send_chunk(client, "PUT", location, chunk, blob).has_status(400)
            return
        location = _send_chunk(client, "PATCH", location, chunk).has_status(202).location
    _close(client, location, blob).has_status(400)


def refuses_stream(client: Client, repository: str, blob: Blob) -> None:
    upload = start_upload(client, repository)
    patch = client("PATCH", upload.location, headers=OCTETS, body=blob.content, streamed=True).has_status(202)
    _close(client, patch.location, blob).has_status(400)


# Reading


def head(client: Client, repository: str, blob: Blob) -> None:
    answer = client("HEAD", path(repository, blob)).has_status(200).has_body(b"")
    answer.has_header("Content-Length", str(len(blob.content)))
    answer.has_digest(blob.digest, required="API_BLOBS_DIGEST_HEADER" in client.settings.on)


def get(client: Client, repository: str, blob: Blob) -> None:
    answer = client("GET", path(repository, blob)).has_status(200).has_body(blob.content)
    answer.has_header("Content-Length", str(len(blob.content)))
    answer.has_digest(blob.digest, required="API_BLOBS_DIGEST_HEADER" in client.settings.on)


def get_missing(client: Client, repository: str, blob: Blob) -> None:
    client("GET", path(repository, blob)).has_status(404)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A Range header without its unit, and the bytes it selects of RANGE_BLOB_BYTES; None: none."""

    asked: str
    selects: tuple[int, int] | None


RANGES = (
    ByteRange("500-1499", (500, 1499)),
    ByteRange("500-", (500, 2047)),
    ByteRange("-500", (1548, 2047)),
    ByteRange("2000-5000", (2000, 2047)),
    ByteRange("500-0", None),
    ByteRange("5000-10000", None),
)


def get_range(client: Client, repository: str, blob: Blob, wanted: ByteRange) -> None:
    """206 with exactly these bytes, or 416. The whole blob with 200 means that ranges are not known."""
    answer = client("GET", path(repository, blob), headers={"Range": f"bytes={wanted.asked}"})
    if answer.status == 200:
        answer.has_body(blob.content).has_header("Content-Length", str(len(blob.content)))
        raise UnsupportedError("a range is answered with the whole blob")
    if wanted.selects is None:
        answer.has_status(416)
        return
    first, last = wanted.selects
    answer.has_status(206).has_body(blob.content[first : last + 1])
    answer.has_header("Content-Length", str(last + 1 - first))
    answer.has_header("Content-Range", f"bytes {first}-{last}/{len(blob.content)}", f"bytes {first}-{last}/*")
    answer.has_digest(blob.digest, required=False)


def path(repository: str, blob: Blob) -> str:
    return f"/v2/{repository}/blobs/{blob.digest}"


# Steps


@dataclass(frozen=True, slots=True)
class Chunk:
    content: bytes
    start: int
    is_last: bool

    @property
    def content_range(self) -> str:
        """Both ends counted, without unit and total: the specification's own form, not HTTP's."""
        return f"{self.start}-{self.start + len(self.content) - 1}"


def _minimum(upload: Answer) -> int:
    """The size below which the registry may refuse a chunk that is not the last."""
    return int(upload.headers.get("OCI-Chunk-Min-Length", "0"))


def _cut(blob: Blob, chunks: int, minimum: int) -> Iterator[Chunk]:
    """At most that many chunks, all but the last of one size, which is not below the minimum."""
    size = max(-(-len(blob.content) // chunks), minimum)
    for start in range(0, len(blob.content), size):
        content = blob.content[start : start + size]
        yield Chunk(content, start, is_last=start + size >= len(blob.content))


def _send_chunk(
    client: Client, method: str, location: str, chunk: Chunk, closing: Blob | None = None
) -> Answer:
    """PATCH, or a PUT that closes the upload of that blob."""
    query = {"digest": closing.digest} if closing else {}
    headers = OCTETS | {"Content-Range": chunk.content_range}
    return client(method, location, query=query, headers=headers, body=chunk.content)


def _close(client: Client, location: str, blob: Blob) -> Answer:
    return client("PUT", location, query={"digest": blob.digest}, headers=OCTETS, body=b"")


def _position(client: Client, location: str, *, received: int) -> str:
    """Ask an upload where it is: it must have that many bytes. Returns its Location.

    With nothing received `0-0` and other forms are in use, so then only the beginning is looked at.
    """
    answer = client("GET", location).has_status(204)
    first, _, last = answer.headers.get("Range", "").partition("-")
    if first != "0" or not last.isdecimal() or (received and int(last) != received - 1):
        raise NonconformingError(f"Range is {answer.headers.get('Range')!r} after {received} bytes")
    return answer.location


def _post_whole(client: Client, repository: str, blob: Blob) -> Answer:
    target = f"/v2/{repository}/blobs/uploads/"
    return client("POST", target, query={"digest": blob.digest}, headers=OCTETS, body=blob.content)


def _post_mount(client: Client, repository: str, source: str | None, blob: Blob) -> Answer:
    query = {"mount": blob.digest} | ({"from": source} if source else {})
    return client("POST", f"/v2/{repository}/blobs/uploads/", query=query).has_status(201, 202)


def _put_after_mount(client: Client, answer: Answer, blob: Blob) -> Answer:
    return client("PUT", answer.location, query={"digest": blob.digest}, headers=OCTETS, body=blob.content)


def _is_stored(client: Client, answer: Answer, blob: Blob) -> None:
    """201, the digest asked for, and the bytes at Location."""
    answer.has_status(201)
    answer.has_digest(blob.digest, required="API_BLOBS_DIGEST_HEADER" in client.settings.on)
    client("GET", answer.location).has_status(200).has_body(blob.content)
