"""Range headers: RFC 9110 §14, and sentences that hold for all of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openecr.domain.ranges import ByteRange, RangeNotSatisfiable, content_range, parse_range


@pytest.mark.parametrize(
    ("header", "offset", "length"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=99-99", 99, 1),
        ("bytes=0-", 0, 100),
        ("bytes=10-", 10, 90),
        ("bytes=10-1000", 10, 90),
        ("bytes=10-" + "9" * 60, 10, 90),
        ("bytes=-1", 99, 1),
        ("bytes=-100", 0, 100),
        ("bytes=-101", 0, 100),
        ("bytes=-18446744073709551616", 0, 100),
        ("bytes= 5-6 ", 5, 2),
        ("Bytes=5-6", 5, 2),
        ("bytes=0005-06", 5, 2),
    ],
)
def test_a_range_of_a_hundred_bytes(header, offset, length):
    assert parse_range(header, 100) == ByteRange(offset, length)


@pytest.mark.parametrize(
    "header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=5-2", "bytes=18446744073709551616-"]
)
def test_a_range_without_a_byte_cannot_be_satisfied(header):
    with pytest.raises(RangeNotSatisfiable):
        parse_range(header, 100)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes=",
        "bytes=-",
        "bytes",
        "bytes=a-b",
        "bytes=1",
        "bytes=+1-2",
        "bytes=1-2-3",
        "bytes=0x1-2",
        "bytes=1 - 2",
        "bytes=0-1,3-4",
        "bytes=" + ",".join(["0-1"] * 10_000),
        "bytes=0-" + "9" * 5000,
        "bytes=٣-٤",
        "items=0-1",
        "0-1",
    ],
)
def test_what_is_no_single_range_is_ignored(header):
    assert parse_range(header, 100) is None


def test_nothing_of_an_empty_file_can_be_asked_for():
    for header in ("bytes=0-", "bytes=0-0", "bytes=-1"):
        with pytest.raises(RangeNotSatisfiable):
            parse_range(header, 0)


def test_content_range_names_the_last_byte():
    assert content_range(ByteRange(10, 90), 100) == "bytes 10-99/100"


sizes = st.integers(0, 1 << 62)
numbers = st.integers(0, 1 << 70)


@given(first=numbers, last=numbers, size=sizes)
def test_a_range_is_what_slicing_gives(first, last, size):
    expected = range(size)[first : last + 1]
    header = f"bytes={first}-{last}"
    if not expected or first > last:
        with pytest.raises(RangeNotSatisfiable):
            parse_range(header, size)
    else:
        assert parse_range(header, size) == ByteRange(expected[0], expected[-1] - expected[0] + 1)


@given(count=numbers, size=sizes)
def test_a_suffix_is_what_slicing_gives(count, size):
    if not count or not size:
        with pytest.raises(RangeNotSatisfiable):
            parse_range(f"bytes=-{count}", size)
    else:
        expected = range(size)[-count:] if count <= size else range(size)
        assert parse_range(f"bytes=-{count}", size) == ByteRange(expected[0], size - expected[0])


@given(header=st.text() | st.from_regex(r"bytes=[0-9,\- ]{0,40}", fullmatch=True), size=sizes)
def test_no_header_leads_outside_the_file(header, size):
    try:
        part = parse_range(header, size)
    except RangeNotSatisfiable:
        return
    if part is not None:
        assert 0 <= part.offset < part.offset + part.length <= size
