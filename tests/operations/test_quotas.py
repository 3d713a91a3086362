"""Quotas: each is reached, and one step beyond it is refused. Source: control-plane.md §7.1, §7.2."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from tests.builders import OCI_MANIFEST, an_image
from tests.operations.refusals import refusal

REPOSITORY = "team/app"
OTHER = "111122223333"


@pytest.fixture
def settings(settings):
    quotas = {
        "repositories": 3,
        "images_per_repository": 2,
        "tags_per_image": 2,
        "layer_parts": 2,
        "layer_mebibytes": 1,
        "resource_tags": 2,
        "pull_time_exclusions": 1,
        "sessions": 2,
        "ecr-public.repositories": 2,
    }
    return settings | {"quotas": quotas}


def limit(text):
    return "LimitExceededException", text


def put(api, image, **given):
    return api.put_image(repositoryName=REPOSITORY, imageManifest=image.manifest, **given)


def test_a_registry_has_so_many_repositories(server, service, api):
    most = 3 if service == "ecr" else 2
    for number in range(1, most):
        api.create_repository(repositoryName=f"r{number}")
    assert refusal(api.create_repository, repositoryName="another") == limit(
        f"The registry with id '000000000000' cannot have more than {most} repositories."
    )
    assert refusal(api.create_repository, repositoryName=REPOSITORY)[0] == "RepositoryAlreadyExistsException"
    assert len(api.describe_repositories()["repositories"]) == most

    server.client(service, key=server.account(OTHER)).create_repository(repositoryName="another")
    if service == "ecr":
        server.client("ecr", region="eu-west-1").create_repository(repositoryName="another")
    api.delete_repository(repositoryName="r1")
    api.create_repository(repositoryName="another")


def test_a_repository_has_so_many_images(registry, api):
    images = [an_image() for _ in range(3)]
    for image in images:
        registry.push_layers(REPOSITORY, image)
    for image in images[:2]:
        put(api, image)
    refused = limit(
        "The repository with name 'team/app' in the registry with id '000000000000' "
        "cannot have more than 2 images."
    )
    assert refusal(put, api, images[2]) == refused
    answer = registry.put_manifest(REPOSITORY, "latest", images[2])
    assert (answer.status, answer.error) == (403, "DENIED")
    assert answer.json["errors"][0]["message"] == refused[1]

    put(api, images[0], imageTag="a")  # one that is there may have another tag
    api.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": images[0].digest}])
    put(api, images[2])
    assert refusal(put, api, images[0])[0] == "LimitExceededException"


def test_an_image_has_so_many_tags(registry, api):
    image, other = an_image(), an_image()
    for each in (image, other):
        registry.push_layers(REPOSITORY, each)
    for tag in ("a", "b"):
        put(api, image, imageTag=tag)
    refused = limit(
        f"The image with digest '{image.digest}' in the repository with name 'team/app' in the registry with "
        "id '000000000000' cannot have more than 2 tags."
    )
    assert refusal(put, api, image, imageTag="c") == refused
    path = registry.path(REPOSITORY, f"manifests/{other.digest}?tag=c&tag=d&tag=e")
    answer = registry.ask("PUT", path, body=other.content, Content_Type=OCI_MANIFEST)
    assert (answer.status, answer.error) == (403, "DENIED")
    details = api.describe_images(repositoryName=REPOSITORY)["imageDetails"]
    assert [sorted(each["imageTags"]) for each in details] == [["a", "b"]]

    put(api, other, imageTag="b")  # which takes it away
    put(api, image, imageTag="c")


def test_of_two_pushes_at_the_limit_one_wins(registry, api, server):
    for _ in range(3):
        images = [an_image() for _ in range(4)]
        for image in images:
            registry.push_layers(REPOSITORY, image)
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(lambda image: registry.put_manifest(REPOSITORY, image.digest, image), images)
        assert sorted(answer.status for answer in answers) == [201, 201, 403, 403]
        stored = [
            {"imageDigest": each["imageDigest"]}
            for each in api.describe_images(repositoryName=REPOSITORY)["imageDetails"]
        ]
        assert len(stored) == 2
        api.batch_delete_image(repositoryName=REPOSITORY, imageIds=stored)


def test_a_layer_has_so_many_parts_and_bytes(api):
    part = bytes(5 << 10)
    upload = api.initiate_layer_upload(repositoryName=REPOSITORY)["uploadId"]

    def send(first, blob):
        return api.upload_layer_part(
            repositoryName=REPOSITORY,
            uploadId=upload,
            partFirstByte=first,
            partLastByte=first + len(blob) - 1,
            layerPartBlob=blob,
        )

    assert refusal(send, 0, bytes((1 << 20) + 1)) == limit("A layer cannot be larger than 1 MiB.")
    send(0, part)
    assert refusal(send, len(part), bytes((1 << 20) - len(part) + 1))[0] == "LimitExceededException"
    send(len(part), bytes((1 << 20) - len(part)))
    assert refusal(send, 1 << 20, b"x") == limit("A layer upload cannot have more than 2 parts.")


def test_over_oci_a_layer_has_any_number_of_parts_and_so_many_bytes(registry):
    location = registry.start_upload(REPOSITORY).headers["Location"]
    for _ in range(4):
        assert registry.patch(location, bytes(256 << 10)).status == 202
    answer = registry.patch(location, b"x")
    assert (answer.status, answer.error) == (403, "DENIED")


def test_a_repository_has_so_many_resource_tags(api):
    def tags(*keys):
        return [{"Key": key, "Value": "v"} for key in keys]

    too_many = ("TooManyTagsException", "The repository cannot have more than 2 tags.")
    assert refusal(api.create_repository, repositoryName="other", tags=tags("a", "b", "c")) == too_many
    arn = api.create_repository(repositoryName="other", tags=tags("a", "b"))["repository"]["repositoryArn"]
    assert refusal(api.tag_resource, resourceArn=arn, tags=tags("c")) == too_many
    api.tag_resource(resourceArn=arn, tags=tags("b"))


def test_a_registry_excludes_so_many_principals(ecr):
    arns = [f"arn:aws:iam::000000000000:role/{name}" for name in "ab"]
    ecr.register_pull_time_update_exclusion(principalArn=arns[0])
    assert refusal(ecr.register_pull_time_update_exclusion, principalArn=arns[1]) == limit(
        "A registry cannot have more than 1 pull time update exclusions."
    )


def test_a_principal_has_so_many_sessions_that_live(server, clock):
    def begin(key):
        return server.client("sts", key=key).get_session_token(DurationSeconds=900)

    users = []
    for name in ("alice", "bob"):
        iam = server.client("iam")
        iam.create_user(UserName=name)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        users.append((made["AccessKeyId"], made["SecretAccessKey"]))
    alice, bob = users
    for _ in range(2):
        begin(alice)
    with pytest.raises(ClientError) as caught:
        begin(alice)
    assert caught.value.response["Error"]["Code"] == "Throttling"
    begin(bob)
    root = server.account(OTHER)
    for _ in range(2):
        begin(root)
    with pytest.raises(ClientError):
        begin(root)
    server.client("sts").get_session_token()  # another root's do not count
    clock.advance(seconds=900)  # a later signature would be of too long ago
    begin(alice)
