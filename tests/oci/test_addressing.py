"""The four ways to name a registry: by host, by `?ns=`, by path, and plainly. All lead to one repository."""

import pytest

from tests.builders import a_layer, an_image
from tests.registry_client import RegistryClient

OURS, THEIRS = "000000000000", "111122223333"


def by_host(client, account=OURS, region="us-east-1", domain="amazonaws.com", dkr="dkr.ecr"):
    """The client, naming a registry in each request's Host header."""
    made = RegistryClient(client.url, client.http.auth[1])
    made.http.headers["Host"] = f"{account}.{dkr}.{region}.{domain}"
    return made


def by_path(client, account=OURS, region="us-east-1"):
    return RegistryClient(client.url, client.http.auth[1], prefix=f"{account}.dkr.ecr.{region}/")


@pytest.fixture(params=["by host", "by path", "plain"])
def named(request, docker):
    """Our registry in us-east-1, named in one of the ways that can push."""
    return {"by host": by_host(docker), "by path": by_path(docker), "plain": docker}[request.param]


def ns(account=OURS, region="us-east-1"):
    return f"ns={account}.dkr.ecr.{region}.amazonaws.com"


# One repository.


def test_all_forms_lead_to_the_same_repository(docker, repository, named):
    image = an_image()
    assert named.push(repository, image, "1.0").status == 201
    for client in (by_host(docker), by_path(docker), docker):
        assert client.get_manifest(repository, "1.0").body == image.content
        assert client.get_blob(repository, image.blobs[0].digest).body == image.blobs[0].content
        assert client.tags(repository).json["tags"] == ["1.0"]
    answer = docker.ask("GET", docker.path(repository, "manifests/1.0"), query=ns())
    assert answer.body == image.content


@pytest.mark.parametrize(
    ("dkr", "domain"),
    [
        ("dkr.ecr", "amazonaws.com"),
        ("dkr.ecr-fips", "amazonaws.com"),
        ("dkr-ecr", "on.aws"),
        ("dkr.ecr", "amazonaws.com.cn"),
        ("dkr.ecr", "ecr.internal.example:8443"),
        ("dkr.ecr", "localhost"),
        ("DKR.ECR", "AmazonAWS.com."),
    ],
)
def test_a_host_names_a_registry_under_any_domain(docker, repository, dkr, domain):
    image = an_image()
    docker.push(repository, image, "1.0")
    assert by_host(docker, domain=domain, dkr=dkr).get_manifest(repository, "1.0").body == image.content


def test_answers_keep_the_form_of_the_request_and_name_no_host(docker, repository, named):
    layer, image = a_layer(), an_image()
    begun = named.start_upload(repository)
    assert begun.headers["Location"].startswith(named.path(repository, "blobs/uploads/"))
    part = named.patch(begun.headers["Location"], layer.content)
    assert part.headers["Location"] == begun.headers["Location"]
    done = named.finish_upload(part.headers["Location"], layer.digest)
    assert done.headers["Location"] == named.path(repository, f"blobs/{layer.digest}")
    done = named.push(repository, image, "1.0")
    assert done.headers["Location"] == named.path(repository, f"manifests/{image.digest}")
    named.put_manifest(repository, image.digest, image, "tag=2.0")
    first = named.tags(repository, "n=1")
    assert first.headers["Link"] == f'<{named.path(repository, "tags/list")}?n=1&last=1.0>; rel="next"'
    assert named.follow(first).json["tags"] == ["2.0"]
    assert first.json["name"] == named.prefix + repository
    assert named.ask("GET", f"/v2/{named.prefix}_catalog").json == {
        "repositories": [named.prefix + repository]
    }


def test_a_layer_is_mounted_in_every_form(ecr, docker, repository, named):
    layer = a_layer()
    ecr.create_repository(repositoryName="source")
    docker.push_blob("source", layer)
    mounted = named.start_upload(repository, f"mount={layer.digest}&from={named.prefix}source")
    assert (mounted.status, mounted.headers["Location"]) == (
        201,
        named.path(repository, f"blobs/{layer.digest}"),
    )


def test_errors_name_the_repository_and_the_account_as_they_are(server, named):
    foreign = (
        "is not authorized to perform: ecr:ListImages on resource: arn:aws:ecr:us-east-1:{}:repository/x/y"
    )
    missing = named.tags("no/where")
    assert (missing.status, missing.message) == (
        404,
        f"The repository with name 'no/where' does not exist in the registry with id '{OURS}'",
    )
    server.account(THEIRS)
    for client in (by_host(named, THEIRS), by_path(named, THEIRS)):
        refused = client.tags("x/y")
        assert (refused.status, foreign.format(THEIRS) in refused.message) == (403, True)


# ns.


def test_ns_names_the_registry_of_what_is_read(server, docker):
    """containerd sends it with every request to a mirror."""
    image = an_image()
    server.client("ecr", region="eu-west-1").create_repository(repositoryName="team/there")
    there = server.docker(region="eu-west-1")
    there.push("team/there", image, "1.0")
    there.push("team/there", image, "2.0")
    query = ns(region="eu-west-1")
    for path in ("manifests/1.0", f"manifests/{image.digest}", f"blobs/{image.blobs[0].digest}", "tags/list"):
        for method in ("GET", "HEAD") if "tags" not in path else ("GET",):
            answer = there.ask(method, there.path("team/there", path), query=query)
            assert answer.status == 200
    link = there.tags("team/there", f"n=1&{query}").headers["Link"]
    assert link == f'</v2/team/there/tags/list?n=1&last=1.0&{query}>; rel="next"'
    page = there.follow(there.tags("team/there", f"n=1&{query}"))
    assert page.json["tags"] == ["2.0"]
    encoded = query.replace(".", "%2E")
    assert there.ask("GET", there.path("team/there", "tags/list"), query=encoded).status == 200
    # and the token is not good for another region than its own, however that is named
    assert docker.ask("GET", docker.path("team/there", "tags/list"), query=query).status == 403


def test_ns_says_nothing_where_something_is_changed(server, docker, repository):
    image = an_image()
    server.client("ecr", region="eu-west-1").create_repository(repositoryName=repository)
    query = ns(THEIRS, "eu-west-1")
    started = docker.start_upload(repository, query)
    assert started.status == 202
    layer = image.blobs[0]
    assert (
        docker.ask(
            "PUT", started.headers["Location"], query=f"digest={layer.digest}&{query}", body=layer.content
        ).status
        == 201
    )
    assert docker.head_blob(repository, layer.digest).status == 200
    docker.push_layers(repository, image)
    assert docker.put_manifest(repository, "1.0", image, query).status == 201
    assert docker.get_manifest(repository, "1.0").status == 200
    assert docker.ask("DELETE", docker.path(repository, "manifests/1.0"), query=query).status == 202
    assert docker.get_manifest(repository, "1.0").status == 404


def test_a_host_that_names_a_registry_needs_no_ns(docker, repository):
    image = an_image()
    docker.push(repository, image, "1.0")
    ours = by_host(docker)
    for query in (ns(THEIRS), "ns=docker.io", "ns=", "ns=%00", "ns"):
        answer = ours.ask("GET", ours.path(repository, "manifests/1.0"), query=query)
        assert answer.body == image.content


def test_an_ns_that_names_no_registry_of_ours_says_nothing(docker, repository):
    image = an_image()
    docker.push(repository, image, "1.0")
    for query in (
        "ns=docker.io",
        "ns=",
        "ns",
        "ns=%00",
        "ns=12.dkr.ecr.us-east-1.amazonaws.com",
        "xns=" + ns(THEIRS),
    ):
        answer = docker.ask("GET", docker.path(repository, "manifests/1.0"), query=query)
        assert answer.body == image.content


def test_ns_names_the_public_registry_too(public):
    image = an_image()
    public.docker.push(public.repository, image, "1.0")
    path = f"/v2/{public.id}/{public.repository}/manifests/1.0"
    assert public.docker.ask("GET", path, query="ns=public.ecr.aws").body == image.content
    assert public.docker.ask("GET", path).status == 403  # without it, a private name


# Side by side.


def test_accounts_and_regions_stand_side_by_side(server):
    """The same name in each is another repository."""
    key = server.account(THEIRS)
    keys = {OURS: {}, THEIRS: {"key": key}}
    places = [(account, region) for account in keys for region in ("us-east-1", "eu-west-1")]
    images = {place: an_image() for place in places}
    clients = {}
    for account, region in places:
        server.client("ecr", region=region, **keys[account]).create_repository(repositoryName="team/app")
        client = clients[account, region] = server.docker(region=region, **keys[account])
        assert by_path(client, account, region).push("team/app", images[account, region], "1.0").status == 201
    for place in places:
        for client in (clients[place], by_host(clients[place], *place), by_path(clients[place], *place)):
            assert client.get_manifest("team/app", "1.0").body == images[place].content
            for other in set(places) - {place}:
                assert client.get_manifest("team/app", images[other].digest).status == 404
                assert client.head_blob("team/app", images[other].blobs[0].digest).status == 404
    assert (
        server.client("ecr").describe_images(repositoryName="team/app")["imageDetails"][0]["imageDigest"]
        == images[OURS, "us-east-1"].digest
    )


def test_private_and_public_names_stand_side_by_side(private, public):
    one, other = an_image(), an_image()
    assert private.repository == public.repository
    private.docker.push(private.repository, one, "1.0")
    public.docker.push(public.repository, other, "1.0")
    assert private.docker.get_manifest(private.repository, "1.0").body == one.content
    assert public.docker.get_manifest(public.repository, "1.0").body == other.content


# Public.


def test_a_public_repository_is_found_by_host_and_by_path(public):
    image = an_image()
    hosted = RegistryClient(public.docker.url, prefix=f"{public.id}/")
    hosted.http.headers["Authorization"] = f"Bearer {public.docker.http.auth[1]}"
    for number, host in enumerate(("public.ecr.aws", "ecr-public.aws.com", "public.ecr.localhost:3270")):
        hosted.http.headers["Host"] = host
        done = hosted.push(public.repository, image, f"v{number}")
        assert (done.status, done.headers["Location"]) == (
            201,
            f"/v2/{public.id}/{public.repository}/manifests/{image.digest}",
        )
        assert public.docker.get_manifest(public.repository, f"v{number}").body == image.content
    assert hosted.tags(public.repository).json == {
        "name": f"{public.id}/{public.repository}",
        "tags": ["v0", "v1", "v2"],
    }


@pytest.mark.parametrize(
    ("path", "name", "alias"),
    [
        ("nobodys/app", "app", "nobodys"),
        ("nobodys/team/app", "team/app", "nobodys"),
        ("UPPER/app", "UPPER/app", ""),
        ("1abc/app", "1abc/app", ""),
        ("nobodys", "", "nobodys"),
    ],
)
def test_an_alias_nobody_has_has_no_repositories(public, path, name, alias):
    missing = public.docker.ask("GET", f"/v2/public.ecr.aws/{path}/manifests/1.0")
    assert (missing.status, missing.error, missing.message) == (
        404,
        "NAME_UNKNOWN",
        f"The repository with name '{name}' does not exist in the registry with id '{alias}'",
    )
    refused = public.docker.ask("POST", f"/v2/public.ecr.aws/{path}/blobs/uploads/")
    may_exist = name and alias
    assert (refused.status, refused.error) == ((403, "DENIED") if may_exist else (404, "NAME_UNKNOWN"))
