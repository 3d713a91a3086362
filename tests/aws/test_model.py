import subprocess
import sys

import pytest

from openecr.aws.model import Shape, coverage, find_target, services
from tests.aws.shapes import OPERATIONS, botocore_model

SERVICES = ["ecr", "ecr-public"]


@pytest.mark.parametrize("service", SERVICES)
def test_the_operations_are_those_botocore_knows(service):
    ours, theirs = services()[service], botocore_model(service)

    assert sorted(ours.operations) == sorted(theirs.operation_names)
    assert ours.target_prefix == theirs.metadata["targetPrefix"]
    for name, operation in ours.operations.items():
        described = theirs.operation_model(name)
        assert list(operation.input.members) == list(described.input_shape.members)
        assert operation.input.required == set(described.input_shape.required_members)
        assert list(operation.output.members) == list(described.output_shape.members)
        assert operation.errors == {shape.name for shape in described.error_shapes}


@pytest.mark.parametrize("service", SERVICES)
def test_the_errors_are_those_botocore_knows(service):
    theirs = {shape.name: set(shape.members) for shape in botocore_model(service).error_shapes}

    assert {code: set(shape.members) for code, shape in services()[service].errors.items()} == theirs


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


def test_coverage_has_every_operation_of_both_services():
    assert {service: len(names) for service, names in coverage().items()} == {
        service: len(botocore_model(service).operation_names) for service in SERVICES
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
