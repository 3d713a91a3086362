"""What holds for each operation of both service models, from the day it is written.

Walks the models, so an operation that is added is covered at once. Source: design.md §5;
control-plane.md §1.5–§1.7, §1.10; reliability.md F8, J5.
"""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from openecr.aws.model import SERVICES, services
from openecr.operations.all import OPERATIONS as IMPLEMENTED
from tests.api_client import ApiClient
from tests.aws.shapes import OPERATIONS, values
from tests.depth import examples
from tests.every_operation.answers import check
from tests.every_operation.conftest import OTHER
from tests.every_operation.inputs import (
    OWNER,
    REPOSITORY,
    as_json,
    beyond_a_bound,
    largest,
    overlong_strings,
    smallest,
    with_a_wrong_type,
    without_a_required_member,
)
from tests.identity.received import INVALID_CLIENT, MISMATCH
from tests.running import ROOT

ACTIONS = {"ListImageReferrers": "BatchGetImage"}
"""Operations that a policy allows under another name. Source: control-plane.md §1.10."""
NOT_FOUND = {
    "CompleteLayerUpload": "UploadNotFoundException",
    "CreateRepository": "RepositoryAlreadyExistsException",
    "DeleteLifecyclePolicy": "LifecyclePolicyNotFoundException",
    "DeleteRegistryPolicy": "RegistryPolicyNotFoundException",
    "DeleteRepositoryPolicy": "RepositoryPolicyNotFoundException",
    "DeregisterPullTimeUpdateExclusion": "ExclusionNotFoundException",
    "GetAccountSetting": "ValidationException",
    "GetDownloadUrlForLayer": "LayersNotFoundException",
    "GetLifecyclePolicy": "LifecyclePolicyNotFoundException",
    "GetLifecyclePolicyPreview": "LifecyclePolicyPreviewNotFoundException",
    "GetRegistryPolicy": "RegistryPolicyNotFoundException",
    "GetRepositoryPolicy": "RepositoryPolicyNotFoundException",
    "PutAccountSetting": "ValidationException",
    "PutImage": "InvalidParameterException",
    "PutLifecyclePolicy": "InvalidParameterException",
    "PutRegistryPolicy": "InvalidParameterException",
    "SetRepositoryPolicy": "InvalidParameterException",
    "StartLifecyclePolicyPreview": "LifecyclePolicyNotFoundException",
    "UploadLayerPart": "UploadNotFoundException",
    "UpdateImageStorageClass": "ImageNotFoundException",
}
"""What the smallest valid input gets of an operation that does not succeed with it."""


def each(operations):
    names = [f"{operation.service}.{operation.name}" for operation in operations]
    return pytest.mark.parametrize("operation", operations, ids=names)


_have = [every for every in OPERATIONS if (every.service, every.name) in IMPLEMENTED]
every_operation = each(OPERATIONS)
every_implemented_operation = each(_have)
every_missing_operation = each([every for every in OPERATIONS if every not in _have])
every_operation_on_any_registry = each([every for every in _have if "registryId" in every.input.members])


def ask(node, operation, document, *, key=ROOT, **headers):
    return ApiClient(node.url, key).ask(operation.service, operation.name, document, **headers)


def told(answer) -> tuple[int, str, str | None]:
    """Status, code and message of an error."""
    assert answer.json["__type"] == answer.headers["x-amzn-ErrorType"]
    return answer.status, answer.json["__type"], answer.json.get("message")


def invalid(member, reason) -> tuple[int, str, str]:
    text = f"Invalid parameter at '{member}' failed to satisfy constraint: '{reason}'"
    return 400, "InvalidParameterException", text


def test_both_models_are_walked_whole():
    counts = {name: len(services()[name].operations) for name in SERVICES}
    assert counts["ecr"] >= 62
    assert counts["ecr-public"] >= 23
    assert len(OPERATIONS) == sum(counts.values())


# Who asks. More of it: test_authorization_matrix.py.


@every_operation
def test_a_wrong_signature_is_refused(node, operation):
    service = services()[operation.service]
    other = next(name for name in service.operations if name != operation.name)
    for changed in (
        {"key": (ROOT[0], "another-secret-of-the-tests-0123456789abc")},
        {"X_Amz_Target": f"{service.target_prefix}.{other}"},
    ):
        refused = ask(node, operation, largest(operation), **changed)
        assert told(refused) == (400, "InvalidSignatureException", MISMATCH)


@every_operation
def test_a_key_nobody_has_is_refused(node, operation):
    refused = ask(node, operation, largest(operation), key=("AKIAIOSFODNN7EXAMPLE", "any-secret"))
    assert told(refused) == (400, "UnrecognizedClientException", INVALID_CLIENT)


@every_operation_on_any_registry
def test_the_root_of_another_account_is_denied(node, stranger, operation):
    """Whether there is such a repository or not: permission comes before existence."""
    service = operation.service
    action = f"{service}:{ACTIONS.get(operation.name, operation.name)}"
    region = "us-east-1" if service == "ecr" else ""
    for name in (REPOSITORY, "nowhere"):
        member = {"repositoryName": name} if "repositoryName" in operation.input.members else {}
        if not member:
            member = {"repositoryNames": [name]}
        asked = smallest(operation) | member | {"registryId": OWNER}
        assert told(ask(node, operation, asked, key=stranger)) == (
            400,
            "AccessDeniedException",
            f"User: arn:aws:iam::{OTHER}:root is not authorized to perform: {action} on resource: "
            f"arn:aws:{service}:{region}:{OWNER}:repository/{name} because no resource-based policy allows "
            f"the {action} action",
        )


@every_operation_on_any_registry
def test_a_registry_that_does_not_exist_is_nobody_s(node, operation):
    asked = smallest(operation) | {"registryId": "999999999999"}
    assert told(ask(node, operation, asked))[:2] == (400, "AccessDeniedException")
    if operation.input.members["registryId"].max is not None:  # an alias will do
        outcome = check(ask(node, operation, asked | {"registryId": "nobody"}), operation)
        assert outcome in ("RegistryNotFoundException", "RepositoryNotFoundException")


# What is asked.


@every_missing_operation
def test_what_is_not_implemented_says_so(node, operation):
    expected = (
        501,
        "NotImplementedException",
        f"The operation {operation.name} of ecr is not implemented by openecr yet.",
    )
    if operation.service == "ecr-public":
        text = f"The operation {operation.name} is not supported by openecr yet."
        expected = (400, "UnsupportedCommandException", text)
    for document in (largest(operation), {}, {"repositoryName": 7}):
        assert told(ask(node, operation, document)) == expected


def test_what_only_a_front_needs_is_no_operation_of_the_api(node):
    listed = {(service.name, name) for service in services().values() for name in service.operations}
    unlisted = IMPLEMENTED.keys() - listed
    assert ("ecr", "MountLayer") in unlisted
    for service, name in unlisted:
        refused = ApiClient(node.url).ask(service, name, {"repositoryName": REPOSITORY})
        assert told(refused) == (400, "UnknownOperationException", None)


@every_implemented_operation
def test_a_missing_member_is_told(node, operation):
    for document, member in without_a_required_member(operation):
        assert told(ask(node, operation, document)) == invalid(member, "Member must not be null")


@every_implemented_operation
def test_a_wrong_type_is_told(node, operation):
    for document, text in with_a_wrong_type(operation):
        assert told(ask(node, operation, document)) == (400, "SerializationException", text)
    for document, text in (([], "Start of list found where not expected"), ("x", None), (7, None)):
        assert told(ask(node, operation, document)) == (400, "SerializationException", text)


@every_implemented_operation
def test_what_is_beyond_a_bound_is_told(node, operation):
    for document, member, reason in beyond_a_bound(operation):
        assert told(ask(node, operation, document)) == invalid(member, reason)


@every_implemented_operation
def test_a_string_without_a_bound_may_be_long_and_does_no_harm(node, operation):
    for document in overlong_strings(operation):
        check(ask(node, operation, document), operation)


# What is answered.


@every_implemented_operation
def test_the_answer_to_a_valid_input_is_of_the_shape_of_the_model(server, operation):
    server.client(operation.service).create_repository(repositoryName=REPOSITORY)
    outcome = check(ask(server, operation, smallest(operation)), operation)
    assert outcome == NOT_FOUND.get(operation.name, "ok")


@every_implemented_operation
def test_with_every_member_there_is_an_answer_of_the_model(server, operation):
    server.client(operation.service).create_repository(repositoryName=REPOSITORY)
    document = largest(operation)
    check(ask(server, operation, document), operation)
    document.pop("nextToken", None)
    check(ask(server, operation, document), operation)


@every_implemented_operation
@hypothesis_settings(max_examples=examples(6), deadline=None, database=None)
@given(data=st.data())
def test_whatever_is_asked_there_is_an_answer_of_the_model(node, operation, data):
    """Never a 500, never an error of another operation. Names of what is there are mixed in."""
    document = data.draw(values(operation.input))
    for member, value in largest(operation).items():
        if data.draw(st.booleans()):
            document[member] = value
    if operation.name == "DeleteRepository":
        document["repositoryName"] = "nowhere"
    check(ask(node, operation, as_json(document)), operation)
