"""Which bytes a Range header asks for. Source: RFC 9110 §14 (single ranges; RFC 7233 before it)."""

import re
from dataclasses import dataclass

BYTE_RANGE = re.compile(r"bytes=[ \t]*(?:([0-9]+)-([0-9]*)|-([0-9]+))[ \t]*", re.ASCII | re.IGNORECASE)
MAX_HEADER_LENGTH = 128
"""Beyond this no single range of a real file is meant."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    offset: int
    length: int


class RangeNotSatisfiable(ValueError):
    """No byte of the file is in the range: 416."""


def parse_range(header: str | None, size_bytes: int) -> ByteRange | None:
    """The bytes asked for of a file of that size; None where all of it is to be sent, with 200.

    `bytes=a-b` and `bytes=a-` are cut at the end of the file, `bytes=-n` are its last n. Several
    ranges, another unit and what is no range at all are ignored, as the RFC lets a server do.
    A first byte past the end, `-0`, and, as the OCI specification has it, a last byte before the
    first raise RangeNotSatisfiable.
    """
    if header is None or len(header) > MAX_HEADER_LENGTH:
        return None
    matched = BYTE_RANGE.fullmatch(header)
    if matched is None:
        return None
    first, last, suffix = matched.groups()

    if suffix is not None:
        length = min(int(suffix), size_bytes)
        if length == 0:
            raise RangeNotSatisfiable(header)
        return ByteRange(size_bytes - length, length)

    offset = int(first)
    end = min(int(last) + 1, size_bytes) if last else size_bytes
    if offset >= end:
        raise RangeNotSatisfiable(header)
    return ByteRange(offset, end - offset)


def content_range(part: ByteRange | None, size_bytes: int) -> str:
    """The value of Content-Range: in a 206 `bytes 0-99/1234`, in a 416, of no part, `bytes */1234`."""
    if part is None:
        return f"bytes */{size_bytes}"
    return f"bytes {part.offset}-{part.offset + part.length - 1}/{size_bytes}"
