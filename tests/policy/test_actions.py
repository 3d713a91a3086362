"""The actions a repository policy may name, held against the service models."""

import botocore.session
import pytest

from openecr.policy.actions import REPOSITORY_ACTIONS

WITHOUT_AN_OPERATION = {"BatchImportUpstreamImage", "GetImageCopyStatus", "ReplicateImage"}
WITHOUT_AN_ACTION = {"ListImageReferrers"}
"""Asked for as BatchGetImage. Source: auth-iam.md §5.1."""
BY_ARN = {"ListTagsForResource", "TagResource", "UntagResource"}
OF_SOME_OR_ALL = {"BatchGetRepositoryScanningConfiguration", "DescribeRepositories"}


@pytest.mark.parametrize("service", REPOSITORY_ACTIONS)
def test_they_are_those_of_the_operations_on_a_repository(service):
    model = botocore.session.get_session().get_service_model(service)
    on_a_repository = {
        name
        for name in model.operation_names
        if "repositoryName" in model.operation_model(name).input_shape.required_members
    }
    known = set(REPOSITORY_ACTIONS[service].split())

    assert on_a_repository - known == WITHOUT_AN_ACTION & set(model.operation_names)
    assert known - on_a_repository == (BY_ARN | OF_SOME_OR_ALL | WITHOUT_AN_OPERATION) & (
        set(model.operation_names) | (WITHOUT_AN_OPERATION if service == "ecr" else set())
    )
