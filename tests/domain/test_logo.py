"""A logo is the whole of one PNG or JPEG of a size that fits. Source: control-plane.md §9.5."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openecr.domain import logo
from openecr.domain.logo import JPEG, PNG
from openecr.errors import InvalidParameterException
from tests.pictures import a_jpeg, a_png, chunk, png, segment

NEITHER = "Image must be a PNG or a JPEG"
NO_PNG = "Image must be a whole and well-formed PNG, with nothing after its end"
NO_JPEG = "Image must be a whole and well-formed JPEG, with nothing after its end"
NO_SIZE = "Image dimensions must be between 60x60 and 2048x2048"


def refusal(content: bytes) -> str:
    with pytest.raises(InvalidParameterException) as refused:
        logo.parse(content)
    before = "Invalid parameter at 'logoImageBlob' failed to satisfy constraint: '"
    assert refused.value.text.startswith(before)
    return refused.value.text.removeprefix(before).removesuffix("'")


def header(width=60, height=60, depth=8, colour=2, compression=0, filtering=0, interlacing=0):
    values = (width, height, depth, colour, compression, filtering, interlacing)
    return b"IHDR", struct.pack(">IIBBBBB", *values)


DATA = b"IDAT", zlib.compress(b"")
PALETTE = b"PLTE", b"\x00\x00\x00"
TEXT = b"tEXt", b"Comment\x00hello"
END = b"IEND", b""

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
TABLES = segment(0xDB, b"\x00" + bytes([1] * 64))
FRAME = segment(0xC0, struct.pack(">BHHB", 8, 60, 60, 1) + b"\x01\x11\x00")
SCAN = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00")
BITS = b"\x12\xff\x00\x34\xff\xd0\x56"


# What is taken.


@pytest.mark.parametrize(("media_type", "make"), [(PNG, a_png), (JPEG, a_jpeg)])
def test_a_picture_is_known_by_its_bytes_and_kept_as_it_came(media_type, make):
    content = make()
    parsed = logo.parse(content)
    assert (parsed.media_type, parsed.content) == (media_type, content)


@pytest.mark.parametrize("make", [a_png, a_jpeg])
@pytest.mark.parametrize("size", [(60, 60), (60, 2048), (2048, 60), (2048, 2048)])
def test_a_side_has_60_to_2048_pixels(make, size):
    assert logo.parse(make(*size))


@pytest.mark.parametrize("make", [a_png, a_jpeg])
@pytest.mark.parametrize("size", [(59, 60), (60, 59), (2049, 60), (60, 2049)])
def test_a_side_of_one_pixel_more_or_less_is_refused(make, size):
    assert refusal(make(*size)) == NO_SIZE


@pytest.mark.parametrize(
    "chunks",
    [
        (header(), DATA, END),
        (header(), DATA, DATA, DATA, END),
        (header(), TEXT, PALETTE, DATA, TEXT, END),
        (header(colour=3), PALETTE, DATA, END),
        (header(depth=16, colour=6, interlacing=1), DATA, END),
    ],
)
def test_a_png_of_any_good_build(chunks):
    assert logo.parse(png(*chunks)).media_type == PNG


@pytest.mark.parametrize(
    "parts",
    [
        (SOI, FRAME, SCAN, BITS, EOI),
        (SOI, segment(0xE1, b"Exif\x00\x00"), TABLES, FRAME, SCAN, BITS, SCAN, BITS, EOI),
        (SOI, b"\xff\xff", FRAME, SCAN, BITS, b"\xff\xff", EOI),
        (SOI, FRAME.replace(b"\xff\xc0", b"\xff\xc2"), segment(0xFE, b"hello"), SCAN, BITS, EOI),
    ],
)
def test_a_jpeg_of_any_good_build(parts):
    assert logo.parse(b"".join(parts)).media_type == JPEG


# What is refused.


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a" + bytes(100),
        b"RIFF\x00\x00\x00\x00WEBPVP8 ",
        b"<!doctype html>",
        b"\x89PNG",
        b"\xff",
        b" " + a_png(),
    ],
)
def test_what_is_neither_is_refused(content):
    assert refusal(content) == NEITHER


@pytest.mark.parametrize(
    "content",
    [
        a_png() + b"\x00",
        a_png() + b"<script>alert(1)</script>",
        a_png() + a_png(),
        png((b"IEND", b"x")),
        png(END),
        png(DATA, header(), END),
        png(header(), header(), DATA, END),
        png(header(), END),
        png(header(), DATA, TEXT, DATA, END),
        png(header(colour=3), DATA, PALETTE, END),
        png(header(colour=3, depth=16), PALETTE, DATA, END),
        png(header(colour=1), DATA, END),
        png(header(depth=3), DATA, END),
        png(header(compression=1), DATA, END),
        png(header(filtering=1), DATA, END),
        png(header(interlacing=2), DATA, END),
        png((b"IHDR", header()[1] + b"\x00"), DATA, END),
        png(header(), (b"ID\x00T", b""), DATA, END),
        png(header(), DATA, END).replace(b"IDAT", b"IDAt"),
        b"\x89PNG\r\n\x1a\n" + chunk(*header()) + b"\xff\xff\xff\xffIDAT",
    ],
)
def test_a_png_that_is_not_whole_or_not_alone_is_refused(content):
    assert refusal(content) == NO_PNG


@pytest.mark.parametrize(
    "parts",
    [
        (SOI,),
        (SOI, EOI),
        (SOI, FRAME, SCAN, BITS, EOI, b"\x00"),
        (SOI, FRAME, SCAN, BITS, EOI, b"<?php"),
        (SOI, FRAME, SCAN, BITS),
        (SOI, FRAME, SCAN, BITS, b"\xff"),
        (SOI, FRAME, SCAN, EOI),
        (SOI, FRAME, EOI),
        (SOI, SCAN, BITS, EOI),
        (SOI, FRAME, FRAME, SCAN, BITS, EOI),
        (SOI, FRAME.replace(b"\xff\xc0", b"\xff\xc3"), SCAN, BITS, EOI),
        (SOI, FRAME.replace(b"\x08\x00", b"\x0c\x00"), SCAN, BITS, EOI),
        (SOI, FRAME + b"x", SCAN, BITS, EOI),
        (SOI, segment(0xC0, b"\x08"), SCAN, BITS, EOI),
        (SOI, segment(0xC0, struct.pack(">BHHB", 8, 60, 60, 2) + bytes(6)), SCAN, BITS, EOI),
        (SOI, b"\xff\x01", FRAME, SCAN, BITS, EOI),
        (SOI, b"\xff\xe0\x00\x01", FRAME, SCAN, BITS, EOI),
        (SOI, b"\xff\xe0\xff\xff", FRAME, SCAN, BITS, EOI),
        (SOI, SOI, FRAME, SCAN, BITS, EOI),
    ],
)
def test_a_jpeg_that_is_not_whole_or_not_alone_is_refused(parts):
    assert refusal(b"".join(parts)) == NO_JPEG


@pytest.mark.parametrize("content", [a_png(), a_jpeg()])
def test_no_beginning_of_a_picture_is_one(content):
    for length in range(len(content)):
        assert refusal(content[:length])


def test_a_picture_has_4096_parts_at_most():
    """The header, the picture and the end of a PNG are parts; of a JPEG, frame, scan and end."""
    for more, taken in ((0, True), (1, False)):
        png_ = png(header(), *[TEXT] * (4093 + more), DATA, END)
        jpeg = SOI + segment(0xFE, b"") * (4093 + more) + FRAME + SCAN + BITS + EOI
        if taken:
            assert logo.parse(png_)
            assert logo.parse(jpeg)
        else:
            assert (refusal(png_), refusal(jpeg)) == (NO_PNG, NO_JPEG)


# Properties.


@given(st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", SOI, SOI + FRAME + SCAN]), st.binary(max_size=300))
def test_whatever_the_bytes_nothing_but_the_refusal_is_raised(start, rest):
    try:
        parsed = logo.parse(start + rest)
    except InvalidParameterException:
        return
    assert parsed.content == start + rest


@given(st.data())
def test_nothing_but_the_refusal_is_raised_where_bytes_of_a_picture_are_changed(data):
    content = bytearray(data.draw(st.sampled_from([a_png(), a_jpeg()])))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        logo.parse(bytes(content))
    except InvalidParameterException:
        return


@given(st.sampled_from([a_png(), a_jpeg()]), st.binary(min_size=1, max_size=50))
def test_whatever_comes_after_a_picture_is_refused(content, more):
    assert refusal(content + more) in (NO_PNG, NO_JPEG)


@given(st.data())
def test_a_png_with_any_byte_changed_is_refused(data):
    content = bytearray(a_png())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    assert refusal(bytes(content)) in (NO_PNG, NEITHER)
