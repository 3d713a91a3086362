"""Decoding, and digests and tags told from what is none."""

import string
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openecr.domain.names import DIGEST, PRIVATE_REPOSITORY_NAME, TAG
from openecr.oci.error_response import Refused
from openecr.oci.text import decoded, parse_digest, parse_tag, values_of

PLAIN = st.text(string.ascii_letters + string.digits + "._-:/+ ", max_size=30)


@given(PLAIN)
def test_what_is_encoded_comes_back(text):
    assert decoded(quote(text, safe="")) == text


@given(st.text())
def test_what_comes_out_can_be_printed_and_stored(text):
    plain = decoded(text)
    assert plain.isprintable()
    plain.encode()


@pytest.mark.parametrize(
    "written",
    [
        "app%00",
        "app%0a",
        "%c0%ae%c0%ae%2fetc",  # overlong dots
        "%ed%a0%80",  # half of a surrogate pair
        "%ff",
        "a%zz",
        "a%",
        "\udcff",
        "app%E2%80%AE",  # right-to-left override
        "caf%C3%A9",
        "cafe%CC%81",
        "..%5c..",
        "%2e%2e%2f%2e%2e",
    ],
)
def test_what_no_name_may_hold_makes_no_name(written):
    plain = decoded(written)
    for grammar in (PRIVATE_REPOSITORY_NAME, TAG, DIGEST):
        assert grammar.fullmatch(plain) is None


def test_a_parameter_may_be_given_several_times_and_without_a_value():
    query = "tag=a&n=5&tag=b%2Bc&tag&t%61g=d"
    assert values_of(query, "tag") == ["a", "b+c", "", "d"]
    assert values_of(query, "n") == ["5"]
    assert values_of(query, "last") == []
    assert values_of("", "n") == []


def test_a_plus_sign_is_one():
    assert values_of("artifactType=application/vnd.x+json", "artifactType") == ["application/vnd.x+json"]


@given(st.dictionaries(st.sampled_from(["n", "last", "from"]), PLAIN))
def test_a_query_gives_back_what_was_put_in(parameters):
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
    assert all(values_of(query, name) == [value] for name, value in parameters.items())


@pytest.mark.parametrize(
    "text",
    ["sha256:abc", "sha256:" + "A" * 64, "md5:" + "a" * 32, "sha512:" + "a" * 64, "", "sha256", ":"],
)
def test_a_malformed_digest_is_refused_in_the_service_s_words(text):
    with pytest.raises(Refused) as refused:
        parse_digest(text, "imageDigest")
    response = refused.value.response
    assert response.status == 400
    assert orjson.loads(response.body) == {
        "errors": [
            {
                "code": "DIGEST_INVALID",
                "message": "Invalid parameter at 'imageDigest' failed to satisfy constraint: "
                "'must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+''",
            }
        ]
    }


@pytest.mark.parametrize("text", ["", "-a", ".a", "a+b", "a" * 129, "a/b", "é"])
def test_a_malformed_tag_is_refused_in_the_service_s_words(text):
    with pytest.raises(Refused) as refused:
        parse_tag(text)
    response = refused.value.response
    assert response.status == 400
    assert orjson.loads(response.body) == {
        "errors": [
            {
                "code": "TAG_INVALID",
                "message": "Invalid parameter at 'imageTag' failed to satisfy constraint: "
                "'must satisfy regular expression '[a-zA-Z0-9-_.]+''",
            }
        ]
    }


def test_digests_and_tags_are_themselves():
    for digest in ("sha256:" + "0" * 64, "sha512:" + "f" * 128):
        assert parse_digest(digest, "layerDigest").text == digest
    for tag in ("a", "_", "A" * 128, "1.0-rc_1"):
        assert parse_tag(tag) == tag
