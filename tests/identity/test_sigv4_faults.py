"""Every fault of a signature that is found before its key is asked for, with its name and its text.

Source: auth-iam.md §1.6.
"""

from datetime import timedelta
from urllib.parse import quote

import pytest

from openecr.domain import registry
from openecr.errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    ServiceError,
    UnrecognizedClientException,
)
from openecr.identity import sigv4
from tests.identity.received import (
    ACCESS_KEY_ID,
    INVALID_CLIENT,
    MISMATCH,
    Received,
    headers_of,
    parse,
    presign,
    sign,
)
from tests.identity.vectors import PRESIGNED, PRIVATE, PUBLIC, VECTOR_TIME

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def fault(expected: type[ServiceError], text: str, request: Received, **circumstances: object) -> None:
    """The request is refused when it is parsed, with this error and exactly this text."""
    with pytest.raises(expected) as error:
        parse(request, **circumstances)
    assert error.type is expected
    assert error.value.text == text


# Authentication that is not there, or not readable.


def test_no_authentication_at_all():
    for request in (sign().with_header("Authorization", None), sign().with_header("Authorization", "")):
        fault(MissingAuthenticationTokenException, "Missing Authentication Token", request)


def test_header_and_query_at_once():
    fault(
        IncompleteSignatureException,
        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
        presign().with_header("Authorization", sign().headers["Authorization"]),
    )


@pytest.mark.parametrize(
    ("header", "sentences"),
    [
        ("AWS4-HMAC-SHA256", "Credential Signature SignedHeaders"),
        ("AWS4-HMAC-SHA256 Credential=ABCDEF", "Signature SignedHeaders"),
        ("AWS4-HMAC-SHA256 Signature=ab, SignedHeaders=host", "Credential"),
        ("AWS4-HMAC-SHA256 Credential=ABCDEF, SignedHeaders=, Signature=ab", "SignedHeaders"),
        ("AWS4-HMAC-SHA256 Credential=ABCDEF, SignedHeaders=host", "Signature"),
    ],
)
def test_parameters_missing_from_the_header(header, sentences):
    text = "".join(f"Authorization header requires '{name}' parameter. " for name in sentences.split())
    request = sign().with_header("Authorization", header)

    fault(IncompleteSignatureException, f"{text}Authorization={header}", request)


def test_everything_missing_from_the_header_and_the_date_too():
    request = sign().with_header("Authorization", "AWS4-HMAC-SHA256").with_header("X-Amz-Date", None)
    fault(
        IncompleteSignatureException,
        "Authorization header requires 'Credential' parameter. "
        "Authorization header requires 'Signature' parameter. "
        "Authorization header requires 'SignedHeaders' parameter. "
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
        "Authorization=AWS4-HMAC-SHA256",
        request,
    )


@pytest.mark.parametrize(
    ("header", "echo"),
    [("Basic QVdTOnBhc3N3b3Jk", "Basic"), ("Bearer a.b=c", "Bearer"), ("QVdTOnBhc3N3b3Jk==", "")],
)
def test_what_another_scheme_holds_is_not_repeated(header, echo):
    fault(
        IncompleteSignatureException,
        "Authorization header requires 'Credential' parameter. "
        "Authorization header requires 'Signature' parameter. "
        f"Authorization header requires 'SignedHeaders' parameter. Authorization={echo}",
        sign().with_header("Authorization", header),
    )


def test_a_part_without_an_equal_sign():
    header = "AWS4-HMAC-SHA256 Credential= AKID/20260102/us-east-1/ecr/aws4_request, Signature=ab"
    fault(
        IncompleteSignatureException,
        "'AKID/20260102/us-east-1/ecr/aws4_request' not a valid key=value pair (missing equal-sign) "
        f"in Authorization header: '{header}'.",
        sign().with_header("Authorization", header),
    )


def test_a_parameter_given_twice():
    header = "AWS4-HMAC-SHA256 Signature=ab, Signature=cd"
    fault(
        IncompleteSignatureException,
        f"Authorization header has the parameter 'Signature' more than once. Authorization={header}",
        sign().with_header("Authorization", header),
    )


def test_two_authorization_headers():
    request = sign()
    twice = headers_of(*request.headers.items(), ("Authorization", request.headers["Authorization"]))

    with pytest.raises(IncompleteSignatureException):
        parse(request.but(headers=twice))


def test_what_a_client_sent_is_repeated_only_so_far_and_only_as_text():
    with pytest.raises(IncompleteSignatureException) as error:
        parse(sign().with_header("Authorization", "AWS4-HMAC-SHA256 \udce9=" + "x" * 5000))

    assert error.value.text.endswith("x")
    assert len(error.value.text) < 3 * sigv4.ECHO_CHARACTERS
    assert "AWS4-HMAC-SHA256 ?=x" in error.value.text


IN_QUERY = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"]


@pytest.mark.parametrize("missing", IN_QUERY)
def test_parameters_missing_from_the_query(missing):
    request = presign()
    pairs = [pair for pair in request.query.split("&") if not pair.startswith(f"{missing}=")]

    for query in ("&".join(pairs), "&".join([*pairs, f"{missing}="])):
        fault(
            IncompleteSignatureException,
            f"AWS query-string parameters must include '{missing}'. Re-examine the query-string parameters.",
            request.but(query=query),
            service="sts",
        )


@pytest.mark.parametrize("only", ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"])
def test_nearly_everything_missing_from_the_query(only):
    text = " ".join(
        f"AWS query-string parameters must include '{name}'." for name in IN_QUERY if name != only
    )
    fault(
        IncompleteSignatureException,
        f"{text} Re-examine the query-string parameters.",
        presign().but(query=f"{only}=x"),
    )


@pytest.mark.parametrize("name", [*IN_QUERY, "X-Amz-Expires", "X-Amz-Security-Token"])
def test_a_parameter_of_the_query_given_twice(name):
    request = presign(session_token="token")
    fault(
        IncompleteSignatureException,
        f"AWS query-string parameters must include '{name}' once. Re-examine the query-string parameters.",
        request.but(query=f"{request.query}&{name}=x"),
        service="sts",
    )


# The clock.


def test_fifteen_minutes_either_way_are_allowed_and_no_second_more():
    request = sign()

    for minutes in (-15, 0, 15):
        assert parse(request, now=request.at + minutes * MINUTE)
    # What remains of a second does not count: the client has none either.
    assert parse(request, now=request.at + 15 * MINUTE + timedelta(microseconds=999_999))
    for beyond in (15 * MINUTE + SECOND, -15 * MINUTE - SECOND):
        with pytest.raises(InvalidSignatureException):
            parse(request, now=request.at + beyond)


def test_a_signature_that_is_too_old():
    fault(
        InvalidSignatureException,
        "Signature expired: 20260102T030405Z is now earlier than 20260102T030406Z "
        "(20260102T031906Z - 15 min.)",
        PRIVATE,
        now=VECTOR_TIME + 15 * MINUTE + SECOND,
    )


def test_a_signature_that_is_too_new():
    fault(
        InvalidSignatureException,
        "Signature not yet current: 20260102T030405Z is still later than 20260102T030404Z "
        "(20260102T024904Z + 15 min.)",
        PRIVATE,
        now=VECTOR_TIME - 15 * MINUTE - SECOND,
    )


@pytest.mark.parametrize(
    ("expires", "lives", "shown"),
    [
        (1, SECOND, "1 sec."),
        (60, MINUTE, "1 min."),
        (90, 90 * SECOND, "90 sec."),
        (900, 15 * MINUTE, "15 min."),
        (3600, 15 * MINUTE, "15 min."),
        (604_800, 15 * MINUTE, "15 min."),
    ],
)
def test_a_presigned_request_lives_as_long_as_it_says_but_not_over_the_window(expires, lives, shown):
    request = presign(expires=expires)

    assert parse(request, service="sts", now=request.at - 15 * MINUTE)
    assert parse(request, service="sts", now=request.at + lives)
    now = request.at + lives + SECOND
    fault(
        InvalidSignatureException,
        f"Signature expired: {request.at:%Y%m%dT%H%M%SZ} is now earlier than "
        f"{request.at + SECOND:%Y%m%dT%H%M%SZ} ({now:%Y%m%dT%H%M%SZ} - {shown})",
        request,
        service="sts",
        now=now,
    )


def test_a_presigned_request_that_does_not_say_lives_for_the_window():
    request = presign().with_query("&X-Amz-Expires=900", "")

    assert parse(request, service="sts", now=request.at + 15 * MINUTE)
    with pytest.raises(InvalidSignatureException):
        parse(request, service="sts", now=request.at + 15 * MINUTE + SECOND)


@pytest.mark.parametrize("expires", ["0", "-1", "604801", "9" * 5000, "1.5", "x", "", "%C2%B2", "%D9%A1"])
def test_an_expiry_that_cannot_be(expires):
    fault(
        IncompleteSignatureException,
        "X-Amz-Expires must be a number of seconds between 1 and 604800. "
        "Re-examine the query-string parameters.",
        presign().with_query("X-Amz-Expires=900", f"X-Amz-Expires={expires}"),
        service="sts",
    )


@pytest.mark.parametrize(
    "date",
    [
        "201",
        "1442252505",
        "20261302T030405Z",
        "20260102T240505Z",
        "20260102T030405",
        "2026-01-02T03:04:05Z",
        "20260102T030405+0000",
        "20260102t030405z",
        "٢٠٢٦٠١٠٢T030405Z",
        "Sun, 23 Nov 2014 04:07:43 GMT",
    ],
)
def test_a_date_in_another_form(date):
    fault(
        IncompleteSignatureException,
        f"Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601",
        sign().with_header("X-Amz-Date", date),
    )


@pytest.mark.parametrize(
    "date", ["Fri, 31 Feb 2026 03:04:05 GMT", "Fri, 02 Jan 2026 03:04:05 +0200", "2026", "\udce9"]
)
def test_a_date_header_in_another_form(date):
    fault(
        IncompleteSignatureException,
        f"Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601".replace(
            "\udce9", "?"
        ),
        sign().with_header("X-Amz-Date", None).with_header("Date", date),
    )


# What is signed.


def test_host_must_be_signed():
    fault(
        InvalidSignatureException,
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        PRIVATE.with_authorization("host;", ""),
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [("x-amz-target", "X-Amz-Target"), ("X-AMZ-DATE", "X-Amz-Date"), ("X-Amz-Meta-a", "X-Amz-Meta-A")],
)
def test_headers_of_aws_must_be_signed(name, shown):
    request = PRIVATE.with_header(name, PRIVATE.headers.get(name, "1"))
    names = [
        signed for signed in ("content-type", "host", "x-amz-date", "x-amz-target") if signed != name.lower()
    ]

    fault(
        InvalidSignatureException,
        f"'{shown}' must be a 'SignedHeader' in the AWS Authorization.",
        request.with_authorization("content-type;host;x-amz-date;x-amz-target", ";".join(names)),
    )


@pytest.mark.parametrize(
    "names",
    [
        "host;content-type;x-amz-date;x-amz-target",
        "content-type;host;host;x-amz-date;x-amz-target",
        "Content-Type;host;x-amz-date;x-amz-target",
        "content-type;host;never-sent;x-amz-date;x-amz-target",
        ";content-type;host;x-amz-date;x-amz-target",
    ],
)
def test_names_that_aws_would_not_sign_do_not_match(names):
    fault(
        InvalidSignatureException,
        MISMATCH,
        PRIVATE.with_authorization("content-type;host;x-amz-date;x-amz-target", names),
    )


# By whom, for where.


@pytest.mark.parametrize("algorithm", ["AWS4-ECDSA-P256-SHA256", "AWS4-HMAC-SHA25"])
def test_another_algorithm(algorithm):
    text = f"Unsupported AWS 'algorithm': '{algorithm}' (only AWS4-HMAC-SHA256 for now). "

    fault(IncompleteSignatureException, text, sign().with_authorization("AWS4-HMAC-SHA256", algorithm))
    fault(
        IncompleteSignatureException,
        text,
        presign().with_query("AWS4-HMAC-SHA256", algorithm),
        service="sts",
    )


@pytest.mark.parametrize(
    "credential", ["AKIDEXAMPLE", "a/b/c/d", "a/b/c/d/e/f", "AKID/20260102/us-east-1/ecr/aws4_request/"]
)
def test_a_credential_of_another_number_of_parts(credential):
    text = (
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
        f"got '{credential}'"
    )
    old = "AKIDEXAMPLE/20260102/us-east-1/ecr/aws4_request"
    fault(IncompleteSignatureException, text, PRIVATE.with_authorization(old, credential))
    fault(
        IncompleteSignatureException,
        text,
        PRESIGNED.with_query(quote(old.replace("/ecr/", "/sts/"), safe=""), quote(credential, safe="")),
        service="sts",
    )


@pytest.mark.parametrize(
    "region", ["", "c", "US-EAST-1", "us_east_1", "useast", "us-east-1.evil", "us-east-1\u0661"]
)
def test_a_region_that_is_none(region):
    fault(
        InvalidSignatureException,
        f"Credential should be scoped to a valid region, not '{region}'. ",
        PRIVATE.with_authorization("us-east-1", region),
    )


def test_a_region_is_what_the_domain_takes_for_one():
    assert sigv4.REGION.pattern == registry.REGION.pattern


def test_another_service():
    fault(
        InvalidSignatureException,
        "Credential should be scoped to correct service: 'ecr'. ",
        PUBLIC,
        service="ecr",
    )


def test_another_terminator():
    fault(
        InvalidSignatureException,
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws4_response'. ",
        PRIVATE.with_authorization("aws4_request", "aws4_response"),
    )


def test_another_day():
    fault(
        InvalidSignatureException,
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        "'20260103' != '20260102', from '20260102T030405Z'.",
        PRIVATE.with_authorization("20260102", "20260103"),
    )


def test_all_faults_of_the_scope_in_one_message():
    fault(
        InvalidSignatureException,
        "Credential should be scoped to a valid region, not 'c'. "
        "Credential should be scoped to correct service: 'ecr'. "
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. "
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        "'b' != '20260102', from '20260102T030405Z'.",
        PRIVATE.with_authorization("20260102/us-east-1/ecr/aws4_request", "b/c/d/e"),
    )


@pytest.mark.parametrize("id_", ["", "a.b", "é", "\udce9", "A" * 129])
def test_an_access_key_id_that_no_key_can_have(id_):
    fault(UnrecognizedClientException, INVALID_CLIENT, PRIVATE.with_authorization("AKIDEXAMPLE", id_))


def test_the_faults_come_in_the_order_of_aws():
    request = sign()
    everything_wrong = (
        request.with_header("X-Amz-Date", "yesterday")
        .with_authorization("host;", "")
        .with_authorization("AWS4-HMAC-SHA256", "AWS4-HMAC-MD5")
        .with_authorization(f"{ACCESS_KEY_ID}/", "")
    )
    texts = []
    for mend in (
        lambda r: r,
        lambda r: r.with_header("X-Amz-Date", "20200101T000000Z"),
        lambda r: r.with_header("X-Amz-Date", f"{request.at:%Y%m%dT%H%M%SZ}"),
        lambda r: r.with_authorization("content-type;", "content-type;host;"),
        lambda r: r.with_authorization("AWS4-HMAC-MD5", "AWS4-HMAC-SHA256"),
        lambda r: r.with_authorization("Credential=", "Credential=../"),
    ):
        everything_wrong = mend(everything_wrong)
        with pytest.raises(ServiceError) as error:
            parse(everything_wrong)
        texts.append(error.value.text.split(" ")[:2])

    assert texts == [
        ["Date", "must"],
        ["Signature", "expired:"],
        ["'Host'", "or"],
        ["Unsupported", "AWS"],
        ["Credential", "must"],
        ["The", "security"],
    ]
