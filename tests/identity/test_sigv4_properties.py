"""What botocore signs we accept; with any byte of it changed we refuse."""

from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from openecr.errors import ServiceError
from tests.depth import examples
from tests.identity.received import Received, presign, sign, verify

FEW = settings(max_examples=examples(50), deadline=None)
MANY = settings(max_examples=examples(100), deadline=None)

# Whatever may stand in a header: not control characters, which no server lets through.
printable = st.characters(exclude_categories=["Cs", "Cc"])
names = st.from_regex(r"(x-amz-meta-|X-Custom-|accept-|Content-)[A-Za-z0-9_-]{1,12}", fullmatch=True)
values = st.one_of(
    st.text(printable, max_size=20),
    st.lists(st.sampled_from(["a", "B ", '"c   d"', "  ", "\t", "é", "\u3000", "%2F", "+", ",", "="])).map(
        "".join
    ),
)
headers = st.lists(st.tuples(names, values), max_size=6)
# Some names twice and more, in any spelling.
repeated = st.lists(
    st.tuples(st.sampled_from(["X-Amz-Meta-A", "x-amz-meta-a", "X-AMZ-META-A"]), values), max_size=3
)
methods = st.sampled_from(["GET", "POST", "PUT", "HEAD", "DELETE"])
bodies = st.binary(max_size=50)
session_tokens = st.none() | st.text("ABCabc012/+=", min_size=1, max_size=40)

segments = st.one_of(
    st.sampled_from(["", ".", "..", "v2", "%2F", "a%20b", "(x)", "a;b=c", "*", "~-_."]),
    st.text(printable, min_size=1, max_size=6).map(lambda text: quote(text, safe="!$&'()*+,;=:@~")),
)
paths = st.lists(segments, max_size=5).map(lambda parts: "/" + "/".join(parts))
plain_paths = st.lists(st.from_regex("[a-z0-9%~_-]{1,6}", fullmatch=True), max_size=3).map(
    lambda parts: "/" + "/".join(parts)
)

parameter_texts = st.text(printable, max_size=6).map(lambda text: quote(text, safe="-_.~"))
parameters = st.one_of(
    st.tuples(parameter_texts, parameter_texts).map("=".join),
    parameter_texts,  # a name without a value
    st.sampled_from(["", "a", "a=", "A=1", "a=1", "a=1", "b=%2B", "b=%20", "X-Amz-Date=old", "Action=X"]),
)
queries = st.lists(parameters, max_size=5).map("&".join)


@FEW
@given(methods, paths, queries, headers, repeated, bodies, session_tokens)
def test_what_botocore_signs_in_the_header_is_accepted(
    method, path, query, headers, repeated, body, session_token
):
    request = sign(
        method=method,
        path=path,
        query=query,
        headers=headers + repeated,
        body=body,
        session_token=session_token,
    )

    assert verify(request, session_token=session_token).session_token == session_token


presigned_queries = st.lists(
    st.tuples(st.text(printable, min_size=1, max_size=6), st.text(printable, max_size=6)), max_size=4
).map(lambda pairs: "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs))


@FEW
@given(methods, paths, presigned_queries, headers, repeated, session_tokens, st.integers(1, 604_800))
def test_what_botocore_presigns_is_accepted(method, path, query, headers, repeated, session_token, expires):
    request = presign(
        method=method,
        path=path,
        query=query,
        headers=headers + repeated,
        session_token=session_token,
        expires=expires,
    )

    assert verify(request, service="sts", session_token=session_token).session_token == session_token


def changed(text: str, place: int) -> str:
    """`text` with one character replaced by a letter that is no blank, hexadecimal or special."""
    return text[:place] + ("y" if text[place] in "xX" else "x") + text[place + 1 :]


def refused(request: Received, session_token: str | None, service: str) -> None:
    with pytest.raises(ServiceError) as error:
        verify(request, service=service, session_token=session_token)
    assert error.value.code in {
        "MissingAuthenticationTokenException",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "UnrecognizedClientException",
    }
    error.value.text.encode()  # and the text can go out


@MANY
@given(st.data(), methods, plain_paths, queries, headers, st.binary(min_size=1, max_size=20), session_tokens)
def test_a_request_signed_in_the_header_is_refused_with_any_byte_changed(
    data, method, path, query, headers, body, session_token
):
    request = sign(
        method=method, path=path, query=query, headers=headers, body=body, session_token=session_token
    )
    part = data.draw(st.sampled_from(["method", "path", "query", "header", "header", "header", "body"]))

    if part == "header":
        unsigned = {"accept-encoding"} - set(request.headers["Authorization"].lower().split(";"))
        name = data.draw(st.sampled_from(sorted({name.lower() for name in request.headers} - unsigned)))
        value = request.headers[name]
        assume(value.strip())
        place = data.draw(st.sampled_from([i for i, letter in enumerate(value) if not letter.isspace()]))
        altered = request.with_header(name, changed(value, place))
    elif part == "body":
        place = data.draw(st.integers(0, len(body) - 1))
        bit = 1 << data.draw(st.integers(0, 7))
        altered = request.but(body=body[:place] + bytes([body[place] ^ bit]) + body[place + 1 :])
    else:
        text = getattr(request, part)
        assume(text)
        place = data.draw(st.integers(0, len(text) - 1))
        altered = request.but(**{part: changed(text, place)})

    refused(altered, session_token, "ecr")


@MANY
@given(st.data(), plain_paths, presigned_queries, headers, session_tokens)
def test_a_presigned_request_is_refused_with_any_byte_changed(data, path, query, headers, session_token):
    request = presign(path=path, query=query, headers=headers, session_token=session_token)
    part = data.draw(st.sampled_from(["method", "path", "query", "query", "query", "query"]))
    text = getattr(request, part)
    place = data.draw(st.integers(0, len(text) - 1))

    refused(request.but(**{part: changed(text, place)}), session_token, "sts")


@FEW
@given(st.data(), headers, session_tokens)
def test_a_request_is_refused_with_a_signed_header_taken_away_or_one_put_in(data, headers, session_token):
    request = sign(headers=headers, session_token=session_token)
    signed = verify(request, session_token=session_token).signed_headers

    refused(request.with_header(data.draw(st.sampled_from(signed)), None), session_token, "ecr")
    refused(request.with_header("X-Amz-Put-In", "1"), session_token, "ecr")
    assert verify(request.with_header("Put-In", "1"), session_token=session_token)


@FEW
@given(st.text(max_size=60), st.text(max_size=60), st.lists(st.tuples(names, values)))
def test_no_text_at_all_does_harm(authorization, query, headers):
    """Whatever arrives, the answer is a refusal with a name, and its text can be sent."""
    request = sign(headers=headers).with_header("Authorization", f"AWS4-HMAC-SHA256 {authorization}")
    refused(request, None, "ecr")
    refused(request.with_header("Authorization", authorization), None, "ecr")
    refused(request.but(query=f"X-Amz-Algorithm=AWS4-HMAC-SHA256&{query}"), None, "ecr")
