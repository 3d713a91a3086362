"""A logo: a PNG or JPEG picture for a public repository, judged by its bytes.

It is never decoded here, for it is served as it came: what we must know is that it is the whole of one
picture of a kind that browsers show and of a size that fits, and nothing else beside. So its structure is
walked from the first byte to the last, and what does not fit is refused: bytes after the end, which may be
another file altogether, first of all. SVG is refused with all that is neither, for it is a program.
Sources: control-plane.md §9.5; PNG, third edition, §5 and §11; JPEG, ITU-T T.81, Annex B. The texts are ours.
"""

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from openecr.errors import InvalidParameterException

PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
SMALLEST_SIDE: Final = 60
LARGEST_SIDE: Final = 2048
"""Of a picture, in pixels."""
MOST_PARTS: Final = 4096
"""Chunks of a PNG, segments of a JPEG: real ones have some dozens, and a hundred thousand would take long."""

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
PNG_BIT_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""By the type of colour."""
PALETTE: Final = 3
CHUNK_NAME = re.compile(rb"[A-Za-z]{2}[A-Z][A-Za-z]")

JPEG_START: Final = b"\xff\xd8"
JPEG_END: Final = 0xD9
FRAMES: Final = (0xC0, 0xC1, 0xC2)
"""Baseline, extended and progressive: what browsers show."""
SCAN: Final = 0xDA
SEGMENTS: Final = {0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)}
"""Tables, the interval of restarts, comments, what applications add."""
MARKER = re.compile(rb"\xff++([^\x00])", re.DOTALL)
IN_A_SCAN = re.compile(rb"(?:[^\xff]++|\xff[\x00\xd0-\xd7])*+", re.DOTALL)
"""The picture itself: any bytes, but that after FF comes nothing except a stuffed 00 or a restart. It goes
back over nothing, so half a megabyte takes no stack."""


@dataclass(frozen=True)
class Logo:
    media_type: str  # PNG or JPEG
    content: bytes

    @cached_property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.content).digest()


class _Malformed(Exception):
    """Not the whole of one picture."""


def parse(content: bytes) -> Logo:
    """A picture as a client sent it. Raises InvalidParameterException, and nothing else."""
    if content.startswith(PNG_SIGNATURE):
        kind, media_type, size = "PNG", PNG, _size_of_png
    elif content.startswith(JPEG_START):
        kind, media_type, size = "JPEG", JPEG, _size_of_jpeg
    else:
        raise _refused("Image must be a PNG or a JPEG")
    try:
        width, height = size(content)
    except _Malformed:
        raise _refused(f"Image must be a whole and well-formed {kind}, with nothing after its end") from None
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in (width, height)):
        smallest, largest = f"{SMALLEST_SIDE}x{SMALLEST_SIDE}", f"{LARGEST_SIDE}x{LARGEST_SIDE}"
        raise _refused(f"Image dimensions must be between {smallest} and {largest}")
    return Logo(media_type, content)


def _refused(reason: str) -> InvalidParameterException:
    return InvalidParameterException(member="logoImageBlob", reason=reason)


def _size_of_png(content: bytes) -> tuple[int, int]:
    """Width and height. Raises _Malformed."""
    chunks = list(_chunks(content))
    names = [name for name, _ in chunks]
    _must(names[0] == b"IHDR" and names.count(b"IHDR") == 1)
    header = chunks[0][1]
    _must(len(header) == 13)
    width, height, depth, colour, compression, filtering, interlacing = struct.unpack(">IIBBBBB", header)
    _must(depth in PNG_BIT_DEPTHS.get(colour, ()))
    _must((compression, filtering) == (0, 0) and interlacing in (0, 1))
    # The picture is in consecutive chunks, the palette before them.
    _must(b"IDAT" in names)
    first, count = names.index(b"IDAT"), names.count(b"IDAT")
    _must(names[first : first + count] == [b"IDAT"] * count)
    _must(colour != PALETTE or b"PLTE" in names[:first])
    return width, height


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, data) of each chunk up to IEND, which is there and is the last."""
    at = len(PNG_SIGNATURE)
    for _ in range(MOST_PARTS):
        _must(at + 12 <= len(content))
        length = int.from_bytes(content[at : at + 4])
        end = at + 8 + length
        _must(end + 4 <= len(content))
        name, data = content[at + 4 : at + 8], content[at + 8 : end]
        _must(CHUNK_NAME.fullmatch(name) is not None)
        _must(zlib.crc32(content[at + 4 : end]) == int.from_bytes(content[end : end + 4]))
        at = end + 4
        yield name, data
        if name == b"IEND":
            _must(data == b"" and at == len(content))
            return
    raise _Malformed


def _size_of_jpeg(content: bytes) -> tuple[int, int]:
    """Width and height. Raises _Malformed."""
    size: tuple[int, int] | None = None
    has_picture = False
    at = len(JPEG_START)
    for _ in range(MOST_PARTS):
        marker, at = _marker(content, at)
        if marker == JPEG_END:
            _must(size is not None and has_picture and at == len(content))
            assert size is not None
            return size
        data, at = _segment(content, at)
        if marker in FRAMES:
            _must(size is None)
            size = _size_of_frame(data)
        elif marker == SCAN:
            _must(size is not None)
            found = IN_A_SCAN.match(content, at)
            assert found is not None  # it matches nothing, too
            _must(found.end() > at)
            at = found.end()
            has_picture = True
        else:
            _must(marker in SEGMENTS)
    raise _Malformed


def _marker(content: bytes, at: int) -> tuple[int, int]:
    """A marker, which any number of FF may precede, and where it ends."""
    found = MARKER.match(content, at)
    if found is None:
        raise _Malformed
    return found[1][0], found.end()


def _segment(content: bytes, at: int) -> tuple[bytes, int]:
    """What follows a marker, and where it ends."""
    end = at + int.from_bytes(content[at : at + 2])
    _must(at + 2 <= end <= len(content))
    return content[at + 2 : end], end


def _size_of_frame(data: bytes) -> tuple[int, int]:
    _must(len(data) >= 6)
    precision, height, width, components = struct.unpack(">BHHB", data[:6])
    _must(precision == 8 and components in (1, 3, 4) and len(data) == 6 + 3 * components)
    return width, height


def _must(holds: bool) -> None:
    if not holds:
        raise _Malformed
