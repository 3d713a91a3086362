"""Where in an upload a chunk belongs, as clients write it."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openecr.oci.error_response import Refused
from openecr.oci.uploads import parse_content_range

POSITIONS = st.integers(0, 2**63 - 1)


@given(
    POSITIONS, POSITIONS, st.sampled_from(["{}-{}", "bytes {}-{}/*", "bytes={}-{}", " {}-{} ", "{}-{}/99"])
)
def test_every_form_says_the_same(a, b, form):
    first, last = sorted((a, b))
    assert parse_content_range(form.format(first, last)) == (first, last)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "-",
        "5",
        "5-",
        "-5",
        "5-2",
        "a-b",
        "0-0-0",
        "+0-5",
        "0 - 5",
        "0x0-0x5",
        "٠-٥",
        "bytes */100",
        "bytes 0-5/",
        "0-5,6-9",
        "items 0-5/10",
        "0-" + "9" * 20,
        "9" * 10_000 + "-" + "9" * 10_000,
    ],
)
def test_what_is_no_range_is_not_satisfiable(header):
    with pytest.raises(Refused) as refused:
        parse_content_range(header)
    assert refused.value.response.status == 416
    assert orjson.loads(refused.value.response.body)["errors"][0]["code"] == "RANGE_INVALID"
