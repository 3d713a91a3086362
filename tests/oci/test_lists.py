"""Lists of tags and of repositories, page by page."""

import pytest

from tests.builders import an_image

OVER_1000 = (
    "Invalid parameter at 'maxResults' failed to satisfy constraint: "
    "'Member must have value less than or equal to 1000'"
)


@pytest.fixture
def tagged(registry):
    """Give the repository these tags, all to one image."""
    image = an_image()
    registry.docker.push_layers(registry.repository, image)

    def give(names):
        for first in range(0, len(names), 100):
            query = "&".join(f"tag={name}" for name in names[first : first + 100])
            answer = registry.docker.put_manifest(registry.repository, image.digest, image, query)
            assert answer.status == 201, answer.body

    return give


def pages(docker, answer, member):
    """All that the pages hold, one list for each."""
    found = [answer.json[member]]
    while "Link" in answer.headers:
        answer = docker.follow(answer)
        assert answer.status == 200, answer.body
        found.append(answer.json[member])
    return found


def cut(names, size):
    return [names[first : first + size] for first in range(0, len(names), size)]


# Tags.


def test_tags_are_listed_in_order(registry, tagged):
    docker, repository = registry.docker, registry.repository
    tagged(["b", "a", "B", "10", "9", "a.b", "_"])
    answer = docker.tags(repository)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert answer.json == {
        "name": f"{docker.prefix}{repository}",
        "tags": ["10", "9", "B", "_", "a", "a.b", "b"],
    }
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert "Link" not in answer.headers


def test_without_tags_the_list_is_empty(registry):
    docker, repository = registry.docker, registry.repository
    docker.push(repository, an_image())
    assert docker.tags(repository).json["tags"] == []


def test_tags_of_a_repository_that_is_not_there(registry):
    refused = registry.docker.tags("no/where")
    assert (refused.status, refused.error) == (404, "NAME_UNKNOWN")
    assert refused.message == (
        f"The repository with name 'no/where' does not exist in the registry with id '{registry.id}'"
    )


def test_the_pages_of_tags_together_are_the_whole_list(registry, tagged):
    docker, repository = registry.docker, registry.repository
    names = ["A", "B", "a", "b", "c-1", "d.2", "e_3"]
    tagged(names)
    for size in (1, 2, 3, 7, 8):
        first = docker.tags(repository, f"n={size}")
        if size < len(names):
            path = docker.path(repository, "tags/list")
            assert first.headers["Link"] == f'<{path}?n={size}&last={names[size - 1]}>; rel="next"'
        assert pages(docker, first, "tags") == cut(names, size)


def test_a_page_begins_after_its_last_whether_that_is_a_tag_or_not(registry, tagged):
    docker, repository = registry.docker, registry.repository
    tagged(["a", "b", "c"])
    for last, expected in (
        ("a", ["b", "c"]),
        ("aa", ["b", "c"]),
        ("c", []),
        ("", ["a", "b", "c"]),
        ("z", []),
    ):
        assert docker.tags(repository, f"last={last}").json["tags"] == expected
    assert docker.tags(repository, "n=1&last=a").json["tags"] == ["b"]
    assert docker.tags(repository, "last=%62&n=9").json["tags"] == ["c"]
    for nonsense in ("%00", "%ff", "a%2Fb", "x" * 5_000, "%F0%9F%90%B3"):
        assert docker.tags(repository, f"last={nonsense}").status == 200


def test_a_page_of_nothing_is_empty_and_the_last(registry, tagged):
    tagged(["a", "b"])
    answer = registry.docker.tags(registry.repository, "n=0")
    assert (answer.status, answer.json["tags"], "Link" in answer.headers) == (200, [], False)


def test_a_page_has_a_hundred_tags_and_a_thousand_at_most(private, server):
    docker, repository, image, other = private.docker, private.repository, an_image(), an_image()
    docker.push_layers(repository, image)
    docker.push_layers(repository, other)
    names = [f"t{number:04}" for number in range(1_001)]
    for first in range(0, len(names), 100):
        query = "&".join(f"tag={name}" for name in names[first : first + 100])
        of = image if first < 1_000 else other  # no image may have more than a thousand
        assert docker.put_manifest(repository, of.digest, of, query).status == 201
    assert docker.tags(repository).json["tags"] == names[:100]
    most = docker.tags(repository, "n=1000")
    assert most.json["tags"] == names[:1000]
    assert docker.follow(most).json["tags"] == names[1000:]
    for count in ("1001", "10000", str(2**63)):
        refused = docker.tags(repository, f"n={count}")
        assert (refused.status, refused.error, refused.message) == (405, "UNSUPPORTED", OVER_1000)


def test_what_is_no_number_is_refused(registry):
    docker, repository = registry.docker, registry.repository
    for count in ("", "-1", "x", "1.5", "%31x", str(2**64)):
        for path in (docker.path(repository, "tags/list"), f"/v2/{docker.prefix}_catalog"):
            refused = docker.ask("GET", path, query=f"n={count}")
            assert (refused.status, refused.error) == (400, "PAGINATION_NUMBER_INVALID")
            assert docker.ask("GET", path, query="n=%31").status == 200


# Repositories.


def test_the_catalog_has_the_repositories_of_one_registry(server, private, public):
    server.client("ecr", region="eu-west-1").create_repository(repositoryName="elsewhere")
    private.api.create_repository(repositoryName="another")
    public.api.create_repository(repositoryName="seen-by-all")
    answer = private.docker.ask("GET", "/v2/_catalog")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert answer.json == {"repositories": ["another", private.repository]}
    answer = public.docker.ask("GET", f"/v2/{public.docker.prefix}_catalog")
    assert answer.json == {
        "repositories": [
            f"{public.docker.prefix}seen-by-all",
            f"{public.docker.prefix}{public.repository}",
        ]
    }


def test_the_pages_of_the_catalog_together_are_the_whole_list(registry):
    docker = registry.docker
    names = ["aa", "b/c", "d-e", "zz"]
    for name in names:
        registry.api.create_repository(repositoryName=name)
    names = sorted([docker.prefix + name for name in (*names, registry.repository)])
    path = f"/v2/{docker.prefix}_catalog"
    for size in (1, 2, 5, 6):
        answer = docker.ask("GET", path, query=f"n={size}")
        assert pages(docker, answer, "repositories") == cut(names, size)
    for last in (names[1], names[1].removeprefix(docker.prefix)):
        answer = docker.ask("GET", path, query=f"n=1&last={last}")
        assert answer.json["repositories"] == [names[2]]


def test_a_page_of_the_catalog_has_a_thousand_at_most(registry):
    path = f"/v2/{registry.docker.prefix}_catalog"
    assert registry.docker.ask("GET", path, query="n=1000").status == 200
    assert registry.docker.ask("GET", path, query="n=0").json == {"repositories": []}
    refused = registry.docker.ask("GET", path, query="n=1001")
    assert (refused.status, refused.error, refused.message) == (405, "UNSUPPORTED", OVER_1000)


def test_a_registry_without_repositories_has_an_empty_catalog(docker):
    answer = docker.ask("GET", "/v2/_catalog")
    assert (answer.status, answer.json) == (200, {"repositories": []})


def test_a_public_catalog_is_its_owner_s_alone(server, public):
    key = server.account("111122223333")
    path = f"/v2/{public.docker.prefix}_catalog"
    assert public.docker.ask("GET", path).status == 200
    refused = server.docker(key=key).ask("GET", path)
    assert (refused.status, refused.error) == (403, "DENIED")
