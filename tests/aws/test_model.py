import subprocess
import sys

import pytest

from openecr.aws.model import QUERY_SERVICES, SERVICES, Shape, coverage, find_target, services
from tests.aws.shapes import OPERATIONS, botocore_model

ALL = SERVICES + QUERY_SERVICES


@pytest.mark.parametrize("service", ALL)
def test_the_services_are_those_botocore_knows(service):
    ours, theirs = services()[service], botocore_model(service)

    assert ours.name == theirs.signing_name == service
    assert ours.protocol == theirs.metadata["protocol"] == ("json" if service in SERVICES else "query")
    assert ours.version == theirs.api_version
    assert ours.target_prefix == theirs.metadata.get("targetPrefix", "")
    assert ours.xml_namespace == theirs.metadata.get("xmlNamespace", "")


@pytest.mark.parametrize("service", ALL)
def test_the_operations_are_those_botocore_knows(service):
    ours, theirs = services()[service], botocore_model(service)

    assert sorted(ours.operations) == sorted(theirs.operation_names)
    for name, operation in ours.operations.items():
        described = theirs.operation_model(name)
        given, got = described.input_shape, described.output_shape
        assert list(operation.input.members) == ([] if given is None else list(given.members))
        assert operation.input.required == (set() if given is None else set(given.required_members))
        assert list(operation.output.members) == ([] if got is None else list(got.members))
        assert operation.result_wrapper == ("" if got is None else got.serialization.get("resultWrapper", ""))
        assert operation.errors == {shape.name for shape in described.error_shapes}
        assert operation.is_unsigned == (described.auth_type == "none")


@pytest.mark.parametrize("service", ALL)
def test_the_errors_are_those_botocore_knows(service):
    shapes = botocore_model(service).error_shapes
    ours = services()[service]

    assert {name: set(shape.members) for name, shape in ours.errors.items()} == {
        shape.name: set(shape.members) for shape in shapes
    }
    for shape in shapes:
        code, status = ours.error_codes[shape.name]
        assert code == shape.error_code
        unsaid = 500 if shape.name == "ServerException" else 400
        assert status == shape.metadata.get("error", {}).get("httpStatusCode", unsaid)


def test_an_error_of_the_query_services_has_a_code_and_a_status_of_its_own():
    assert services()["iam"].error_codes["NoSuchEntityException"] == ("NoSuchEntity", 404)
    assert services()["iam"].error_codes["LimitExceededException"] == ("LimitExceeded", 409)
    assert services()["iam"].error_codes["ServiceFailureException"] == ("ServiceFailure", 500)
    assert services()["sts"].error_codes["ExpiredTokenException"] == ("ExpiredTokenException", 400)
    assert services()["sts"].error_codes["IDPRejectedClaimException"] == ("IDPRejectedClaim", 403)
    assert services()["ecr"].error_codes["LimitExceededException"] == ("LimitExceededException", 400)


def test_who_has_a_token_of_an_identity_provider_signs_nothing():
    unsigned = {
        name
        for service in services().values()
        for name, operation in service.operations.items()
        if operation.is_unsigned
    }

    assert unsigned == {"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"}


def test_what_is_secret_is_known_as_such():
    operations = services()["sts"].operations

    assert operations["AssumeRoleWithWebIdentity"].input.members["WebIdentityToken"].is_sensitive
    assert not operations["AssumeRoleWithWebIdentity"].input.members["RoleArn"].is_sensitive


def test_constraints_are_read_with_the_shapes():
    create = services()["ecr"].operations["CreateRepository"].input

    assert create.members["repositoryName"].min == 2
    assert create.members["repositoryName"].max == 256
    assert create.members["repositoryName"].pattern is not None
    assert "IMMUTABLE" in create.members["imageTagMutability"].enum
    assert create.required == {"repositoryName"}
    tag = create.members["tags"].element
    assert tag is not None
    assert list(tag.members) == ["Key", "Value"]


def test_a_shape_used_twice_is_one():
    ecr = services()["ecr"].operations

    put, describe = ecr["PutImage"].input, ecr["DescribeImages"].input
    assert put.members["repositoryName"] is describe.members["repositoryName"]


@pytest.mark.parametrize(
    "operation", OPERATIONS, ids=lambda operation: f"{operation.service}.{operation.name}"
)
def test_a_target_names_its_operation(operation):
    prefix = services()[operation.service].target_prefix

    assert find_target(f"{prefix}.{operation.name}") == (services()[operation.service], operation)


def test_a_target_may_name_a_service_and_no_operation_of_it():
    ecr, public = services()["ecr"], services()["ecr-public"]

    assert find_target("AmazonEC2ContainerRegistry_V20150921.ListStacks") == (ecr, None)
    assert find_target("AmazonEC2ContainerRegistry_V20150921") == (ecr, None)
    assert find_target("AmazonEC2ContainerRegistry_V20150921.PutImage.") == (ecr, None)
    assert find_target("AmazonEC2ContainerRegistry_V20150921.putimage") == (ecr, None)
    assert find_target("SpencerFrontendService.BatchGetImage") == (public, None)


@pytest.mark.parametrize("target", ["", ".", "PutImage", ".PutImage", "DynamoDB_20120810.ListTables"])
def test_a_target_may_name_nothing(target):
    assert find_target(target) == (None, None)


def test_coverage_has_every_operation_of_all_services():
    assert {service: len(names) for service, names in coverage().items()} == {
        service: len(botocore_model(service).operation_names) for service in ALL
    }
    assert "PutImage" in coverage()["ecr"]
    assert "DescribeRegistries" in coverage()["ecr-public"]


def test_a_shape_is_itself_alone():
    assert Shape("A", "string") != Shape("A", "string")


def test_botocore_is_read_and_not_imported():
    program = (
        "import sys; from openecr.aws.model import services; "
        "assert services(); print('botocore' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
