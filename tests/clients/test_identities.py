"""Users, roles, accounts and pods, with clients other than docker (docs/access.md, test_access.py)."""

import json
from dataclasses import replace

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.clients.cluster import AUDIENCE, ISSUER
from tests.clients.layouts import a_file_system
from tests.clients.server import ACCOUNT, REGION, Server

READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
PULL_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
POWER_USER = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/kubernetes.default.svc"


@pytest.fixture
def cluster_server(folder, cluster):
    """One that knows the keys of the cluster."""
    server = Server(folder / "data", cluster.setting)
    yield server
    server.stop()


def test_who_may_only_pull_is_refused_a_push_in_ecr_s_words(
    skopeo, podman, server, repository, layout, image, source, folder
):
    skopeo("copy", source, f"docker://{repository.uri}:1.0")
    reader = a_user(server, "reader", policy=READ_ONLY)
    for program in (skopeo, podman):
        server.log_in(program, key=reader)

    skopeo("copy", f"docker://{repository.uri}:1.0", f"dir:{folder}/pulled")
    podman("pull", f"{repository.uri}:1.0")
    assert (folder / "pulled" / "manifest.json").read_bytes() == image.content

    other = layout.add(a_file_system({"etc/motd": b"goodbye\n"}), "other")
    complaint = skopeo.refused("copy", other, f"docker://{repository.uri}:2.0")
    assert denial("reader", "InitiateLayerUpload", repository) in complaint
    complaint = podman.refused("push", f"{repository.uri}:1.0", f"{repository.uri}:2.0")
    assert denial("reader", "PutImage", repository) in complaint
    with pytest.raises(ClientError) as refused:
        server.client("ecr", key=reader).put_image(
            repositoryName=repository.name, imageManifest=image.manifest, imageTag="2.0"
        )
    assert refused.value.response["Error"]["Message"] == denial("reader", "PutImage", repository)


def test_who_may_not_even_ask_for_a_layer_is_refused_without_words(skopeo, server, repository, source):
    """skopeo asks first whether a layer is there, by HEAD, whose answer has no body."""
    server.log_in(skopeo, key=a_user(server, "puller"))

    assert "403 (Forbidden)" in skopeo.refused("copy", source, f"docker://{repository.uri}:1.0")


@pytest.mark.parametrize("form", ["host", "path"])
def test_another_account_pulls_what_the_repository_s_policy_opens_to_it(
    skopeo_anywhere, server, ecr, hosts, repository, image, source, folder, form
):
    account = {"host": "222233334444", "path": "333344445555"}[form]
    skopeo_anywhere("copy", source, f"docker://{repository.uri}:1.0")
    stranger = a_user(server, "stranger", root=server.account(account))
    server.log_in(skopeo_anywhere, key=stranger, address=hosts[form].partition("/")[0])
    pull = ("copy", f"docker://{hosts[form]}/{repository.name}:1.0", f"dir:{folder}/pulled")

    assert (
        f"User: arn:aws:iam::{account}:user/stranger is not authorized to perform: ecr:BatchGetImage on "
        f"resource: arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository.name} because no resource-based "
        "policy allows the ecr:BatchGetImage action"
    ) in skopeo_anywhere.refused(*pull)

    opened = allow({"AWS": account}, "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
    ecr.set_repository_policy(repositoryName=repository.name, policyText=opened)
    skopeo_anywhere(*pull)
    assert (folder / "pulled" / "manifest.json").read_bytes() == image.content


def test_a_role_pushes_until_it_is_deleted(podman, skopeo, server, ecr, repository, source, folder):
    deployer = a_user(server, "deployer", policy=None)
    iam = server.client("iam")
    trust = allow({"AWS": f"arn:aws:iam::{ACCOUNT}:user/deployer"}, "sts:AssumeRole")
    role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust)["Role"]
    iam.attach_role_policy(RoleName="deploy", PolicyArn=POWER_USER)
    sts = server.client("sts", key=deployer)
    session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="a-job")
    server.log_in(podman, key=key_of(session))
    skopeo("copy", source, f"oci-archive:{folder}/small.tar:localhost/small:1.0")
    podman("load", f"--input={folder}/small.tar")

    podman("push", "localhost/small:1.0", f"{repository.uri}:1.0")
    iam.detach_role_policy(RoleName="deploy", PolicyArn=POWER_USER)
    iam.delete_role(RoleName="deploy")

    refusal = podman.refused("push", "localhost/small:1.0", f"{repository.uri}:2.0")
    assert "invalid status code from registry 403 (Forbidden)" in refusal
    (image,) = ecr.describe_images(repositoryName=repository.name)["imageDetails"]
    assert image["imageTags"] == ["1.0"]


def test_a_pod_pulls_with_no_key_but_the_token_of_its_service_account(
    skopeo, ctr, cluster, cluster_server, image, source
):
    server = cluster_server
    repository = server.client("ecr").create_repository(repositoryName="team/app")["repository"]
    name = f"{repository['repositoryUri']}:1.0"
    server.log_in(skopeo)
    skopeo("copy", source, f"docker://{name}")
    iam = server.client("iam")
    iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=[AUDIENCE])
    trust = allow({"Federated": PROVIDER}, "sts:AssumeRoleWithWebIdentity")
    role = iam.create_role(RoleName="workload", AssumeRolePolicyDocument=trust)["Role"]
    iam.attach_role_policy(RoleName="workload", PolicyArn=PULL_ONLY)

    nobody = boto3.client(
        "sts",
        endpoint_url=server.url,
        region_name=REGION,
        config=Config(signature_version=UNSIGNED),
    )
    session = nobody.assume_role_with_web_identity(
        RoleArn=role["Arn"], RoleSessionName="a-pod", WebIdentityToken=cluster.token("prod:workload")
    )
    login = f"--user=AWS:{server.password(key=key_of(session))}"
    replace(ctr, flags={})("images", "pull", "--plain-http", "--snapshotter=native", login, name)

    assert ctr("content", "get", image.digest) == image.manifest


def a_user(server, name, *, root=None, policy=PULL_ONLY):
    """A new user with that policy, of the account whose root is given: an access key."""
    iam = server.client("iam", **({"key": root} if root else {}))
    iam.create_user(UserName=name)
    if policy:
        iam.attach_user_policy(UserName=name, PolicyArn=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def key_of(session):
    given = session["Credentials"]
    return given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]


def allow(principal, *actions):
    """The text of a policy that names who may do what with what it is about."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def denial(user, action, repository):
    """Source: auth-iam.md §4.9"""
    return (
        f"User: arn:aws:iam::{ACCOUNT}:user/{user} is not authorized to perform: ecr:{action} on resource: "
        f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository.name} because no identity-based policy "
        f"allows the ecr:{action} action"
    )
