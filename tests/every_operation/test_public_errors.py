"""Each error that the model of ECR Public declares, row by row: how it is provoked, or why it never is.

Source: control-plane.md §9.6, which is the model's; §9.1 on regions.
"""

import itertools
import json
from uuid import uuid4

import pytest

from openecr.aws.model import services
from tests.builders import a_layer, an_image, an_index, sha256
from tests.every_operation.inputs import REPOSITORY, smallest
from tests.operations.nodes import a_node
from tests.operations.refusals import refused
from tests.running import ROOT, Clock

NOWHERE = "arn:aws:ecr-public::000000000000:repository/nowhere"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr-public:DescribeImages"}],
    }
)
OPERATIONS = services()["ecr-public"].operations
DECLARED = {(name, error) for name, operation in OPERATIONS.items() for error in operation.errors}

NEVER = {
    **{(name, "ServerException"): "no caller brings it about" for name in OPERATIONS},
    ("GetAuthorizationToken", "InvalidParameterException"): "its input has no members",
    ("GetRepositoryCatalogData", "RepositoryCatalogDataNotFoundException"): "none is answered as {} (U26)",
    ("PutImage", "ImageTagAlreadyExistsException"): "public tags are mutable",
    ("UntagResource", "TooManyTagsException"): "there are fewer afterwards",
}
IN_ANOTHER_REGION = "UnsupportedCommandException"


@pytest.fixture(scope="module")
def server(loop, tmp_path_factory):
    settings = settings_for(tmp_path_factory.mktemp("public")) | {"public_strict_region": True}
    with a_node(loop, settings, Clock()) as server:
        yield server


@pytest.fixture(scope="module")
def here(server):
    return Here(server)


@pytest.fixture
def narrow(loop, tmp_path):
    """A registry where little may be."""
    quotas = "repositories=2,images_per_repository=1,layer_parts=1"
    with a_node(loop, settings_for(tmp_path) | {"quotas": quotas}, Clock()) as server:
        yield Here(server)


def settings_for(folder):
    return {
        "data_dir": folder,
        "root_access_key_id": ROOT[0],
        "root_secret_access_key": ROOT[1],
        "access_log": False,
    }


class Here:
    """A public registry, and what a row may need in it."""

    def __init__(self, server):
        self.api = server.client("ecr-public")
        self._numbers = itertools.count()
        uri = self.api.create_repository(repositoryName=REPOSITORY)["repository"]["repositoryUri"]
        self._docker = server.docker(prefix=uri.partition("/")[2].removesuffix(REPOSITORY))

    def repository(self):
        name = f"r{next(self._numbers):02}"
        self.api.create_repository(repositoryName=name)
        return name

    def arn(self):
        return f"arn:aws:ecr-public::000000000000:repository/{self.repository()}"

    def image(self):
        """(repository, image): one that is there, as 1.0."""
        name, image = self.repository(), an_image()
        assert self._docker.push(name, image, "1.0").status == 201
        return name, image

    def upload(self, *parts):
        """repositoryName, uploadId: an upload with these parts."""
        name = self.repository()
        asked = {
            "repositoryName": name,
            "uploadId": self.api.initiate_layer_upload(repositoryName=name)["uploadId"],
        }
        first = 0
        for part in parts:
            self.api.upload_layer_part(
                **asked, partFirstByte=first, partLastByte=first + len(part) - 1, layerPartBlob=part
            )
            first += len(part)
        return asked


def a_layer_twice(here):
    name, image = here.image()
    (_, layer) = image.blobs
    upload = here.api.initiate_layer_upload(repositoryName=name)["uploadId"]
    asked = {"repositoryName": name, "uploadId": upload}
    last = len(layer.content) - 1
    here.api.upload_layer_part(**asked, partFirstByte=0, partLastByte=last, layerPartBlob=layer.content)
    return asked | {"layerDigests": [layer.digest]}


def the_same_image_again(here):
    name, image = here.image()
    return {"repositoryName": name, "imageManifest": image.manifest, "imageTag": "1.0"}


def as_another(here):
    name, image = here.image()
    return {"repositoryName": name, "imageManifest": image.manifest, "imageDigest": sha256(b"another")}


UPPER = {"repositoryName": "UPPER"}
NO_ARN = {"resourceArn": "arn:aws:s3:::bucket"}
RESERVED = [{"Key": "aws:name", "Value": "x"}]
MANY = [{"Key": f"k{number}", "Value": ""} for number in range(51)]
PROVOKED = {
    # What has a repository in its input, without anything more.
    **{
        (name, "RepositoryNotFoundException"): lambda here: {"repositoryName": "nowhere"}
        for name, error in DECLARED
        if error == "RepositoryNotFoundException" and "repositoryName" in OPERATIONS[name].input.members
    },
    **{
        (name, "RepositoryNotFoundException"): lambda here: {"resourceArn": NOWHERE}
        for name in ("ListTagsForResource", "TagResource", "UntagResource")
    },
    ("DescribeRepositories", "RepositoryNotFoundException"): lambda here: {"repositoryNames": ["nowhere"]},
    ("PutImage", "RepositoryNotFoundException"): lambda here: {
        "repositoryName": "nowhere",
        "imageManifest": an_image().manifest,
    },
    ("SetRepositoryPolicy", "RepositoryNotFoundException"): lambda here: {
        "repositoryName": "nowhere",
        "policyText": POLICY,
    },
    **{
        (name, "RegistryNotFoundException"): lambda here: {"registryId": "nobody"}
        for name, error in DECLARED
        if error == "RegistryNotFoundException"
    },
    **{
        (name, "InvalidParameterException"): lambda here: UPPER
        for name, error in DECLARED
        if error == "InvalidParameterException" and "repositoryName" in OPERATIONS[name].input.members
    },
    **{
        (name, "InvalidParameterException"): lambda here: NO_ARN
        for name in ("ListTagsForResource", "TagResource", "UntagResource")
    },
    ("DescribeRepositories", "InvalidParameterException"): lambda here: {"maxResults": 1001},
    ("DescribeRegistries", "InvalidParameterException"): lambda here: {"maxResults": 1001},
    ("PutRegistryCatalogData", "InvalidParameterException"): lambda here: {"displayName": "x" * 101},
    ("PutRepositoryCatalogData", "InvalidParameterException"): lambda here: {
        "repositoryName": here.repository(),
        "catalogData": {"logoImageBlob": b"<svg/>"},
    },
    # Repositories.
    ("CreateRepository", "RepositoryAlreadyExistsException"): lambda here: {"repositoryName": REPOSITORY},
    ("CreateRepository", "InvalidTagParameterException"): lambda here: {
        "repositoryName": "new",
        "tags": RESERVED,
    },
    ("CreateRepository", "TooManyTagsException"): lambda here: {"repositoryName": "new", "tags": MANY},
    ("DeleteRepository", "RepositoryNotEmptyException"): lambda here: {"repositoryName": here.image()[0]},
    **{
        (f"{verb}RepositoryPolicy", "RepositoryPolicyNotFoundException"): lambda here: {
            "repositoryName": here.repository()
        }
        for verb in ("Get", "Delete")
    },
    ("TagResource", "InvalidTagParameterException"): lambda here: {
        "resourceArn": here.arn(),
        "tags": RESERVED,
    },
    ("TagResource", "TooManyTagsException"): lambda here: {"resourceArn": here.arn(), "tags": MANY},
    ("UntagResource", "InvalidTagParameterException"): lambda here: {
        "resourceArn": here.arn(),
        "tagKeys": ["aws:name"],
    },
    # Layers.
    ("UploadLayerPart", "UploadNotFoundException"): lambda here: {
        "repositoryName": here.repository(),
        "uploadId": str(uuid4()),
        "layerPartBlob": b"x",
    },
    ("UploadLayerPart", "InvalidLayerPartException"): lambda here: (
        here.upload(b"one") | {"partFirstByte": 4, "partLastByte": 4, "layerPartBlob": b"x"}
    ),
    ("CompleteLayerUpload", "UploadNotFoundException"): lambda here: {
        "repositoryName": here.repository(),
        "uploadId": str(uuid4()),
    },
    ("CompleteLayerUpload", "EmptyUploadException"): lambda here: here.upload(),
    ("CompleteLayerUpload", "InvalidLayerException"): lambda here: (
        here.upload(b"one") | {"layerDigests": [sha256(b"two")]}
    ),
    ("CompleteLayerUpload", "LayerPartTooSmallException"): lambda here: (
        here.upload(b"one", b"two") | {"layerDigests": [sha256(b"onetwo")]}
    ),
    ("CompleteLayerUpload", "LayerAlreadyExistsException"): a_layer_twice,
    # Images.
    ("DescribeImages", "ImageNotFoundException"): lambda here: {
        "repositoryName": here.repository(),
        "imageIds": [{"imageTag": "none"}],
    },
    ("PutImage", "ImageAlreadyExistsException"): the_same_image_again,
    ("PutImage", "ImageDigestDoesNotMatchException"): as_another,
    ("PutImage", "LayersNotFoundException"): lambda here: {
        "repositoryName": here.repository(),
        "imageManifest": an_image(layers=[a_layer()]).manifest,
    },
    ("PutImage", "ReferencedImagesNotFoundException"): lambda here: {
        "repositoryName": here.repository(),
        "imageManifest": an_index(an_image()).manifest,
    },
}
LIMITED = {
    "CreateRepository": lambda here: {"repositoryName": f"after-{here.repository()}"},
    "PutImage": lambda here: {"repositoryName": here.image()[0], "imageManifest": an_index().manifest},
    "UploadLayerPart": lambda here: (
        here.upload(b"x") | {"partFirstByte": 1, "partLastByte": 1, "layerPartBlob": b"x"}
    ),
}
"""What is refused with LimitExceededException in a narrow registry."""


def ask(api, name, input):
    """What a call is refused with."""
    asked = smallest(OPERATIONS[name])
    if "layerPartBlob" in asked:
        asked |= {"partFirstByte": 0, "partLastByte": 0, "layerPartBlob": b"x"}
    if name == "PutRepositoryCatalogData":
        asked["catalogData"] = {}
    method = {each: python for python, each in api.meta.method_to_api_mapping.items()}[name]
    return refused(getattr(api, method), **asked | input)["Error"]


def test_each_error_of_the_model_is_provoked_or_never_raised():
    rows = PROVOKED.keys() | NEVER.keys()
    rows |= {(name, IN_ANOTHER_REGION) for name in OPERATIONS}
    rows |= {(name, "LimitExceededException") for name in LIMITED}
    assert rows == DECLARED
    assert PROVOKED.keys() & NEVER.keys() == set()


@pytest.mark.parametrize(("name", "code"), sorted(PROVOKED))
def test_an_error_of_the_model(here, name, code):
    assert ask(here.api, name, PROVOKED[name, code](here))["Code"] == code


@pytest.mark.parametrize("name", sorted(LIMITED))
def test_one_more_than_there_may_be(narrow, name):
    assert ask(narrow.api, name, LIMITED[name](narrow))["Code"] == "LimitExceededException"


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_in_another_region_no_operation_is_supported_where_that_is_asked_for(server, name):
    """Those that read neither: AWS has an address in us-west-2 and refuses them there."""
    for region in ("us-west-2", "eu-west-1"):
        error = ask(server.client("ecr-public", region=region), name, {})
        assert error["Code"] == IN_ANOTHER_REGION
        assert error["Message"] == f"{name} command is only supported in us-east-1."


def test_a_strict_region_is_of_the_public_api_alone(server, here):
    assert server.client("ecr", region="eu-west-1").describe_repositories()["repositories"] == []
    assert here.api.describe_registries()["registries"]
    assert server.docker(region="eu-west-1").ask("GET", "/v2/").status == 200
