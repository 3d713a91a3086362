"""Pictures as small as they can be, whole and valid, and made here from their specifications."""

import struct
import zlib


def a_png(width: int = 60, height: int = 60, *, colour: tuple[int, int, int] = (0, 102, 204)) -> bytes:
    """A PNG of one colour, 8 bits a channel. Source: PNG, third edition, §5, §11."""
    row = b"\x00" + bytes(colour) * width
    return png(
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(row * height, 9)),
        (b"IEND", b""),
    )


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these chunks, with their check sums."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, data) for name, data in chunks)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def a_jpeg(width: int = 64, height: int = 64, *, frame: int = 0xC0) -> bytes:
    """A grey JPEG: each block of 8 by 8 is two bits, "as bright as the last" and "nothing more".

    Source: ITU-T T.81, Annex B, F.1.2.
    """
    blocks = -(-width // 8) * -(-height // 8)
    bits = "00" * blocks
    bits += "1" * (-len(bits) % 8)
    picture = int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\x00")
    one_code = bytes([1, *[0] * 15, 0])  # a table with one code, of one bit, for the value 0
    return (
        b"\xff\xd8"
        + segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
        + segment(0xDB, b"\x00" + bytes([1] * 64))
        + segment(frame, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")
        + segment(0xC4, b"\x00" + one_code + b"\x10" + one_code)
        + segment(0xDA, b"\x01\x01\x00\x00\x3f\x00")
        + picture
        + b"\xff\xd9"
    )


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data
