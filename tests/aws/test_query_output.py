"""An output and its shape → XML, which botocore reads as the same values."""

import re
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote, unquote
from xml.etree import ElementTree

import pytest
from botocore.parsers import create_parser
from hypothesis import given, settings
from hypothesis import strategies as st

from openecr.aws.query import answer
from tests.aws.shapes import QUERY_OPERATIONS, botocore_model, operation_of, shapes_of, values
from tests.depth import examples

REQUEST_ID = "0a1b2c3d-1111-2222-3333-444455556666"
DOCUMENT = '{"Version": "2012-10-17", "Statement": [{"Resource": "arn:aws:s3:::a/*~b_c-d.e"}]}'
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_botocore_reads(response, operation):
    shape = botocore_model(operation.service).operation_model(operation.name).output_shape
    raw = {"status_code": response.status, "headers": response.headers, "body": response.body}
    read = create_parser("query").parse(raw, shape)
    assert read.pop("ResponseMetadata")["RequestId"] == REQUEST_ID
    return read


def told(service, name, output):
    return as_botocore_reads(
        answer(output, operation_of(service, name), REQUEST_ID), operation_of(service, name)
    )


def as_read(value, shape):
    """What a reader of XML can have of a value: no characters that XML lacks, no parts of a second."""
    match shape.type:
        case "structure":
            return {name: as_read(member, shape.members[name]) for name, member in value.items()}
        case "list":
            return [as_read(element, shape.element) for element in value]
        case "map":
            entries = {NOT_XML.sub("", key): as_read(element, shape.value) for key, element in value.items()}
            return entries
        case "timestamp":
            return value.replace(microsecond=0)
        case "string":
            return quote(value, safe="") if shape.name == "policyDocumentType" else NOT_XML.sub("", value)
    return value


@pytest.mark.parametrize(
    "operation", QUERY_OPERATIONS, ids=lambda operation: f"{operation.service}.{operation.name}"
)
@settings(max_examples=examples(4), deadline=None, database=None)
@given(data=st.data())
def test_botocore_reads_every_output_as_it_is(operation, data):
    output = data.draw(values(operation.output))

    response = answer(output, operation, REQUEST_ID)

    assert response.status == 200
    assert as_botocore_reads(response, operation) == as_read(output, operation.output)


def test_every_output_has_only_types_that_can_be_written():
    known = {"structure", "list", "map", "string", "integer", "boolean", "timestamp", "blob"}
    for operation in QUERY_OPERATIONS:
        assert {shape.type for _, shape in shapes_of(operation.output)} <= known


def test_an_answer_is_a_document_in_the_namespace_of_its_service():
    response = answer(
        {"Arn": "a", "UserId": "u", "Account": "1"}, operation_of("sts", "GetCallerIdentity"), REQUEST_ID
    )

    assert response.headers == {"Content-Type": "text/xml", "x-amzn-RequestId": REQUEST_ID}
    assert response.body == (
        b'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        b"<Arn>a</Arn><UserId>u</UserId><Account>1</Account></GetCallerIdentityResult><ResponseMetadata>"
        b"<RequestId>0a1b2c3d-1111-2222-3333-444455556666</RequestId></ResponseMetadata>"
        b"</GetCallerIdentityResponse>"
    )


def test_an_operation_without_a_result_answers_with_its_request_id_alone():
    response = answer({"color": "red"}, operation_of("iam", "DeleteUser"), REQUEST_ID)

    assert response.body == (
        b'<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata>'
        b"<RequestId>0a1b2c3d-1111-2222-3333-444455556666</RequestId></ResponseMetadata></DeleteUserResponse>"
    )


def test_what_is_none_and_what_the_shape_does_not_have_stay_home():
    output = {"Users": [{"UserName": "a", "Path": None, "secret": "x"}], "IsTruncated": False, "Marker": None}

    assert told("iam", "ListUsers", output) == {"Users": [{"UserName": "a"}], "IsTruncated": False}


def test_lists_and_maps_may_be_empty():
    assert told("iam", "ListUsers", {"Users": [], "IsTruncated": True}) == {"Users": [], "IsTruncated": True}
    assert told("iam", "GetAccountSummary", {"SummaryMap": {}}) == {"SummaryMap": {}}
    assert told("iam", "GetAccountSummary", {"SummaryMap": {"Users": 3}}) == {"SummaryMap": {"Users": 3}}


def test_times_are_whole_seconds_of_utc():
    east = timezone(timedelta(hours=2))
    response = answer(
        {"Users": [{"CreateDate": datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=east)}]},
        operation_of("iam", "ListUsers"),
        REQUEST_ID,
    )

    assert b"<CreateDate>2026-01-02T01:04:05Z</CreateDate>" in response.body
    with pytest.raises(AssertionError, match="without a zone"):
        told("iam", "ListUsers", {"Users": [{"CreateDate": datetime(2026, 1, 2)}]})  # noqa: DTZ001


def test_bytes_are_base64():
    assert told("iam", "GetCredentialReport", {"Content": b"a,b\n"}) == {"Content": b"a,b\n"}


@pytest.mark.parametrize(
    ("name", "output", "path"),
    [
        ("GetPolicyVersion", {"PolicyVersion": {"Document": DOCUMENT}}, ("PolicyVersion", "Document")),
        ("GetRole", {"Role": {"AssumeRolePolicyDocument": DOCUMENT}}, ("Role", "AssumeRolePolicyDocument")),
        ("GetUserPolicy", {"PolicyDocument": DOCUMENT}, ("PolicyDocument",)),
        ("GetGroupPolicy", {"PolicyDocument": DOCUMENT}, ("PolicyDocument",)),
        ("GetRolePolicy", {"PolicyDocument": DOCUMENT}, ("PolicyDocument",)),
    ],
)
def test_policies_leave_percent_encoded(name, output, path):
    value = told("iam", name, output)
    for step in path:
        value = value[step]

    assert value.startswith("%7B%22Version%22%3A%20%222012-10-17%22%2C%20%22Statement%22")
    assert value.endswith("arn%3Aaws%3As3%3A%3A%3Aa%2F%2A~b_c-d.e%22%7D%5D%7D")
    assert unquote(value) == DOCUMENT


def test_texts_that_only_look_like_policies_leave_as_they_are():
    output = {"EvaluationResults": [{"EvalActionName": "a%20b", "EvalDecision": DOCUMENT}]}

    assert told("iam", "SimulateCustomPolicy", output) == output


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<a href='x'>&amp;", "&lt;a href='x'&gt;&amp;amp;"),
        ("]]>", "]]&gt;"),
        ("a\r\nb\tc\r", "a&#13;\nb\tc&#13;"),
        ("\x00a\x1f\x7f\ufffe\uffffb\ud800", "a\x7fb"),
        ("é日\U0001f600", "é日\U0001f600"),
    ],
)
def test_a_text_cannot_break_out_of_its_element(text, written):
    response = answer({"Account": text}, operation_of("sts", "GetAccessKeyInfo"), REQUEST_ID)

    assert f"<Account>{written}</Account>".encode() in response.body
    [account] = ElementTree.fromstring(response.body).iter(
        "{https://sts.amazonaws.com/doc/2011-06-15/}Account"
    )
    assert account.text == NOT_XML.sub("", text)


def test_keys_of_maps_are_escaped_too():
    assert told("iam", "GetAccountSummary", {"SummaryMap": {"<Users>&": 3}}) == {
        "SummaryMap": {"<Users>&": 3}
    }


def test_a_time_of_another_century_is_written_with_four_digits():
    output = {"Users": [{"CreateDate": datetime(998, 1, 2, tzinfo=UTC)}]}

    assert (
        b"<CreateDate>0998-01-02T00:00:00Z"
        in answer(output, operation_of("iam", "ListUsers"), REQUEST_ID).body
    )
