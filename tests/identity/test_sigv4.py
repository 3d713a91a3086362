"""Signatures that hold, and those that are well formed and do not.

Sources: auth-iam.md §1; the vector of trimmed values is from AWS's published signing suite.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from openecr.errors import InvalidSignatureException, UnrecognizedClientException
from openecr.identity import sigv4
from tests.identity.received import (
    ACCESS_KEY_ID,
    HOST,
    INVALID_CLIENT,
    MISMATCH,
    REGION,
    SECRET,
    Received,
    headers_of,
    parse,
    presign,
    sign,
    verify,
)
from tests.identity.vectors import PRESIGNED, PRIVATE, PUBLIC, VECTOR_TIME, WITH_TOKEN

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("request_", "service", "session_token"),
    [
        (PRIVATE, "ecr", None),
        (WITH_TOKEN, "ecr", "SESSIONTOKENEXAMPLE=="),
        (PUBLIC, "ecr-public", None),
        (PRESIGNED, "sts", "TOK/EN+="),
    ],
    ids=["private", "with a session token", "public", "pre-signed"],
)
def test_the_vectors_hold(request_, service, session_token):
    signed = parse(request_, service=service)

    token_sha256 = None if session_token is None else sha256(session_token.encode()).digest()
    sigv4.verify(signed, SECRET, sha256(request_.body).hexdigest(), session_token_sha256=token_sha256)
    assert signed.access_key_id == "AKIDEXAMPLE"
    assert (signed.region, signed.service, signed.day) == ("us-east-1", service, "20260102")
    assert signed.session_token == session_token
    assert SECRET not in repr(signed)
    assert signed.signature not in repr(signed)
    assert str(session_token) not in repr(signed)


def test_values_are_trimmed_and_inner_blanks_are_one():
    request = Received(
        "GET",
        "/",
        "",
        headers_of(
            ("Host", "example.amazonaws.com"),
            ("My-Header1", " value1"),
            ("My-Header2", ' "a   b   c" '),
            ("X-Amz-Date", "20150830T123600Z"),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                "SignedHeaders=host;my-header1;my-header2;x-amz-date, "
                "Signature=acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            ),
        ),
        b"",
        datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )
    signed = parse(request, service="service")

    sigv4.verify(signed, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", sha256(b"").hexdigest())
    canonical = signed.canonical_head + sha256(b"").hexdigest()
    assert (
        sha256(canonical.encode()).hexdigest()
        == "a726db9b0df21c14f559d0a978e563112acb1b9e05476f0a6a1c7d68f28605c7"
    )


# What is accepted besides what botocore does.


def test_the_parts_of_the_header_may_stand_in_any_order_without_blanks():
    request = sign()
    parts = request.headers["Authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(", ")

    assert verify(request.with_header("Authorization", "AWS4-HMAC-SHA256 " + ",".join(reversed(parts))))
    assert verify(request.with_header("Authorization", "AWS4-HMAC-SHA256   " + " , ".join(parts)))


def test_a_date_header_serves_where_there_is_no_x_amz_date():
    request = sign(headers=[("Date", "some day"), ("Content-Type", "application/x-amz-json-1.1")])
    assert "X-Amz-Date" not in request.headers
    assert request.headers["Date"].endswith("-0000")  # as botocore writes it

    assert verify(request).timestamp == f"{request.at:%Y%m%dT%H%M%SZ}"


def test_a_date_header_may_be_in_either_form():
    stamp = f"{VECTOR_TIME:%Y%m%dT%H%M%SZ}"
    for date in ("Fri, 02 Jan 2026 03:04:05 GMT", stamp):
        request = PRIVATE.with_header("X-Amz-Date", None).with_header("Date", date)
        request = request.with_authorization("content-type;host;x-amz-date", "content-type;date;host")

        assert parse(request).timestamp == stamp


def test_headers_that_a_proxy_added_need_no_signature():
    request = sign().with_header("X-Amzn-Trace-Id", "Root=1-5f84").with_header("X-Amz-Cf-Id", "abc==")

    assert verify(request.with_header("Via", "1.1 proxy"))


def test_a_header_sent_as_iso_8859_1_is_the_same_text():
    """botocore signs it as UTF-8, and its HTTP library sends it as ISO-8859-1."""
    request = sign(headers=[("X-Custom", "café")])
    sent = "café".encode("latin-1").decode("utf-8", "surrogateescape")

    assert verify(request.with_header("X-Custom", sent))


def test_bytes_that_are_no_utf8_in_path_and_query_are_signed_as_they_are():
    raw = b"\xe9".decode("utf-8", "surrogateescape")
    request = sign(path="/%E9", query="a=%E9")

    assert verify(request)
    assert verify(request.but(query=f"a={raw}"))
    with pytest.raises(InvalidSignatureException):
        verify(request.but(path=f"/{raw}"))  # encoded once, not twice


def test_a_plus_in_the_query_is_a_plus_and_no_blank():
    assert verify(sign(query="a=1%2B1").but(query="a=1+1"))
    with pytest.raises(InvalidSignatureException):
        verify(sign(query="a=1%201").but(query="a=1+1"))


def test_a_query_may_come_encoded_otherwise_and_in_another_order():
    assert verify(sign(query="a=%2F&b=x&b=y&c=").but(query="c&b=%79&a=%2f&b=x"))


def test_the_window_is_judged_when_the_request_arrives_not_when_its_body_has():
    request = sign()
    signed = parse(request, now=request.at + 15 * MINUTE)

    sigv4.verify(signed, SECRET, sha256(request.body).hexdigest())  # however much later


def test_a_content_hash_must_be_that_of_the_body():
    body_hash = sha256(b"{}").hexdigest()
    assert verify(sign(headers=[("X-Amz-Content-SHA256", body_hash)])).content_sha256 == body_hash

    for false in (sha256(b"").hexdigest(), "UNSIGNED-PAYLOAD", body_hash.upper(), ""):
        with pytest.raises(InvalidSignatureException) as error:
            verify(sign(headers=[("X-Amz-Content-SHA256", false)]))
        assert error.value.text == MISMATCH


class SignsTheBody(SigV4Auth):
    """Signs the hash of the body whatever the header says; botocore signs what the header says."""

    def canonical_request(self, request: AWSRequest) -> str:
        head, _, _ = super().canonical_request(request).rpartition("\n")
        return f"{head}\n{self.payload(request)}"


def test_a_content_hash_must_be_true_even_where_the_signature_is_right():
    true = [("X-Amz-Content-SHA256", sha256(b"{}").hexdigest())]
    assert verify(sign(headers=true, signer=SignsTheBody))

    with pytest.raises(InvalidSignatureException):
        verify(sign(headers=[("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")], signer=SignsTheBody))


# Whether it holds.


def test_the_secret_of_another_key_does_not_hold():
    request = sign()
    with pytest.raises(InvalidSignatureException) as error:
        sigv4.verify(parse(request), SECRET[::-1], sha256(request.body).hexdigest())

    assert error.value.text == MISMATCH


def test_a_new_secret_for_the_same_key_is_used_at_once():
    """Derived keys are remembered by the secret, so none outlives it."""
    request = sign()
    verify(request)

    with pytest.raises(InvalidSignatureException):
        sigv4.verify(parse(request), SECRET + "x", sha256(request.body).hexdigest())


@pytest.mark.parametrize(
    "change", [str.upper, lambda text: text[:-1], lambda text: text + "0", lambda text: "é"]
)
def test_a_signature_written_otherwise_does_not_match(change):
    request = sign()
    signature = parse(request).signature

    with pytest.raises(InvalidSignatureException) as error:
        verify(request.with_authorization(signature, change(signature)))
    assert error.value.text == MISMATCH


def test_the_session_token_must_be_the_one_of_the_key():
    request = sign(session_token="the token of the session")

    assert verify(request, session_token="the token of the session")
    with pytest.raises(UnrecognizedClientException) as error:
        verify(request, session_token="the token of another")
    assert error.value.text == INVALID_CLIENT


def test_a_long_term_key_with_a_session_token_is_refused():
    with pytest.raises(UnrecognizedClientException) as error:
        verify(sign(session_token="token"))
    assert error.value.text == INVALID_CLIENT
    with pytest.raises(UnrecognizedClientException):
        verify(presign(session_token="token"), service="sts")


def test_a_temporary_key_without_its_session_token_is_refused():
    with pytest.raises(UnrecognizedClientException) as error:
        verify(sign(), session_token="token")
    assert error.value.text == INVALID_CLIENT


def test_the_signature_is_judged_before_the_session_token():
    with pytest.raises(InvalidSignatureException):
        verify(sign(session_token="token").but(body=b"{ }"))


def test_the_key_is_remembered_and_only_so_many():
    sigv4._signing_key.cache_clear()
    request = sign()

    for _ in range(3):
        verify(request)
    assert sigv4._signing_key.cache_info()[:4] == (2, 1, sigv4.CACHED_KEYS, 1)


@pytest.mark.parametrize("service", ["ecr", "ecr-public", "sts", "iam"])
def test_the_service_a_signature_is_made_for_is_told_before_it_is_looked_at(service):
    for request in (sign(service=service), presign(service=service)):
        assert sigv4.scoped_service(request.query, request.headers) == service


@pytest.mark.parametrize(
    ("query", "authorization"),
    [
        ("", ""),
        ("", "AWS4-HMAC-SHA256 Credential=A/20260102/us-east-1/iam"),
        ("", "AWS4-HMAC-SHA256 NoCredential=A/20260102/us-east-1/iam/aws4_request"),
        ("RoleArn=%26X-Amz-Credential%3DA/20260102/us-east-1/iam/aws4_request", ""),
        ("Y-X-Amz-Credential=A/20260102/us-east-1/iam/aws4_request", ""),
    ],
)
def test_where_no_service_is_told_there_is_none(query, authorization):
    assert sigv4.scoped_service(query, headers_of(("Authorization", authorization))) == ""


def test_the_facts_a_front_needs_to_find_the_key():
    signed = parse(sign())

    assert (signed.access_key_id, signed.region, signed.service) == (ACCESS_KEY_ID, REGION, "ecr")
    assert "host" in signed.signed_headers
    assert HOST in signed.canonical_head
