"""maxResults and nextToken: the pages of every list together are the list. Source: control-plane.md §1.8.

Every list, with names of all kinds and while others write: test_every_list.py.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.builders import a_config, a_layer, an_artifact, an_image
from tests.operations.refusals import invalid, refusal

REPOSITORY = "team/app"
UNKNOWN = "sha256:" + "0" * 64
SIZES = [1, 2, 3, 7, 100]
WRONG_TOKEN = invalid("nextToken", "The token is not valid for this request")


def many(count, **members):
    """Images that share their layers, so that each is one request more."""
    config, layer = a_config(), a_layer()
    return [
        an_image(config=config, layers=[layer], annotations={"number": str(number)}, **members)
        for number in range(count)
    ]


def push(registry, images, tags=()):
    registry.push_layers(REPOSITORY, images[0])
    for number, image in enumerate(images):
        query = "&".join(f"tag={tag}" for tag in (tags[number] if number < len(tags) else ()))
        assert registry.put_manifest(REPOSITORY, image.digest, image, query).status == 201


@dataclass
class List:
    """A list of an API, and how to tell its entries apart."""

    ask: Any
    member: str
    given: dict[str, Any]
    default: int = 100
    most: int = 1000

    def page(self, **paging):
        answer = self.ask(repositoryName=REPOSITORY, **self.given, **paging)
        return [key(each) for each in answer[self.member]], answer.get("nextToken")

    def pages(self, size):
        token, pages = None, []
        while token is not None or not pages:
            found, token = self.page(maxResults=size, **({"nextToken": token} if token else {}))
            pages.append(found)
        return pages


def key(entry) -> str:
    """What an entry is called: its digest, its tag, or both."""
    digest = entry.get("imageDigest") or entry.get("digest") or ""
    return digest + "@" + entry.get("imageTag", "")


@pytest.fixture
def lists(ecr, ecr_public):
    def of(registry_service, subject=None):
        if registry_service == "ecr-public":
            return [
                List(ecr_public.describe_images, "imageDetails", {}),
                List(ecr_public.describe_image_tags, "imageTagDetails", {}),
            ]
        about = {"subjectId": {"imageDigest": subject or UNKNOWN}}
        return [
            List(ecr.list_images, "imageIds", {}),
            List(ecr.describe_images, "imageDetails", {}),
            List(ecr.list_images, "imageIds", {"filter": {"tagStatus": "TAGGED"}}),
            List(ecr.list_images, "imageIds", {"filter": {"tagStatus": "UNTAGGED"}}),
            List(ecr.describe_images, "imageDetails", {"filter": {"tagStatus": "UNTAGGED"}}),
            List(ecr.list_image_referrers, "referrers", about, default=20, most=50),
        ]

    return of


TAGS = [["a", "b", "c"], ["A"], [], ["1.0", "1.0-rc"], [], ["_"], []]


def test_the_pages_together_are_the_whole_list(registry, service, lists):
    subject = an_image()
    push(registry, many(7, subject=subject.descriptor), TAGS)
    for each in lists(service, subject.digest):
        whole, token = each.page()
        assert token is None
        assert len(whole) == len(set(whole)) >= 3
        for size in SIZES:
            size = min(size, each.most)
            pages = each.pages(size)
            assert [name for page in pages for name in page] == whole
            assert len(pages) == -(-len(whole) // size)


def test_the_size_of_a_page_may_change_on_the_way(registry, service, lists):
    subject = an_image()
    push(registry, many(7, subject=subject.descriptor), TAGS)
    for each in lists(service, subject.digest):
        first, token = each.page(maxResults=1)
        rest, end = each.page(nextToken=token)
        assert (first + rest, end) == (each.page()[0], None)


def test_without_a_size_a_page_has_the_default_number(registry, service, lists):
    subject = an_image()
    push(registry, many(101, subject=subject.descriptor), [[f"t{number:03}"] for number in range(101)])
    for each in lists(service, subject.digest):
        found, token = each.page()
        if each.given.get("filter") == {"tagStatus": "UNTAGGED"}:
            assert (found, token) == ([], None)
            continue
        assert len(found) == each.default
        if each.default == 100:
            assert each.page(nextToken=token)[1] is None


def test_a_page_has_a_largest_size(api, service, lists):
    for each in lists(service):
        assert each.page(maxResults=each.most) == ([], None)
        reason = f"Member must have value less than or equal to {each.most}"
        assert refusal(each.page, maxResults=each.most + 1) == invalid("maxResults", reason)


def test_what_is_deleted_between_pages_makes_no_other_come_twice(api, registry, service, lists):
    images = sorted(many(6), key=lambda image: image.digest)
    push(registry, images, [[f"t{number}"] for number in range(6)])
    by_digest = next(each for each in lists(service) if each.member == "imageDetails")
    first, token = by_digest.page(maxResults=3)
    gone = [{"imageDigest": images[number].digest} for number in (0, 2, 3)]  # the last one seen, and the next
    api.batch_delete_image(repositoryName=REPOSITORY, imageIds=gone)
    rest, _ = by_digest.page(maxResults=3, nextToken=token)
    assert first == [image.digest + "@" for image in images[:3]]
    assert rest == [image.digest + "@" for image in images[4:]]


def test_ids_and_pages_do_not_go_together(api):
    for paging in ({"maxResults": 5}, {"nextToken": "x"}):
        asked = {"repositoryName": REPOSITORY, "imageIds": [{"imageTag": "a"}]}
        (member,) = paging
        reason = "must not be specified together with imageIds"
        assert refusal(api.describe_images, **asked, **paging) == invalid(member, reason)


# A token goes on with one list only.


def test_a_token_is_bound_to_what_was_asked(server, ecr, ecr_public, docker, repository):
    subject = an_image()
    images = many(3, subject=subject.descriptor)
    push(docker, images, [["a"], ["b"], ["c"]])
    ecr.create_repository(repositoryName="other")
    server.client("ecr", region="eu-west-1").create_repository(repositoryName=repository)
    ecr_public.create_repository(repositoryName=repository)
    here = {"repositoryName": repository}
    about = {"subjectId": {"imageDigest": subject.digest}}

    token = ecr.list_images(**here, maxResults=1)["nextToken"]
    abroad = server.client("ecr", region="eu-west-1")
    for ask, given in (
        (ecr.list_images, {"repositoryName": "other"}),
        (ecr.list_images, here | {"filter": {"tagStatus": "TAGGED"}}),
        (ecr.describe_images, here),
        (ecr.list_image_referrers, here | about),
        (abroad.list_images, here),
        (ecr_public.describe_images, here),
        (ecr_public.describe_image_tags, here),
    ):
        assert refusal(ask, nextToken=token, **given) == WRONG_TOKEN
    assert len(ecr.list_images(**here, nextToken=token)["imageIds"]) == 2

    token = ecr.list_image_referrers(**here, **about, maxResults=1)["nextToken"]
    for given in (
        here | {"subjectId": {"imageDigest": UNKNOWN}},
        here | about | {"filter": {"artifactTypes": ["text/plain"]}},
    ):
        assert refusal(ecr.list_image_referrers, nextToken=token, **given) == WRONG_TOKEN


def test_a_token_of_another_account_is_none(server, docker, repository):
    push(docker, many(2), [["a"], ["b"]])
    token = server.client("ecr").list_images(repositoryName=repository, maxResults=1)["nextToken"]
    other = server.client("ecr", key=server.account("111122223333"))
    other.create_repository(repositoryName=repository)
    assert refusal(other.list_images, repositoryName=repository, nextToken=token) == WRONG_TOKEN


# The lists of the OCI front: names, and `Link` to the next page.


def catalog(registry, query):
    return registry.ask("GET", f"/v2/{registry.prefix}_catalog", query=query)


def walk(registry, answer, member):
    """All names from this page on, and the sizes of the pages."""
    names, sizes = [], []
    while True:
        assert answer.status == 200
        names += answer.json[member]
        sizes.append(len(answer.json[member]))
        if "Link" not in answer.headers:
            return names, sizes
        answer = registry.follow(answer)


def test_tags_are_listed_by_name_page_by_page(registry):
    tags = sorted(["1.0", "1.0-rc", "A", "_", "a", "a.b", "a_b", "b"])
    push(registry, many(1), [tags])
    assert registry.tags(REPOSITORY).json == {"name": registry.prefix + REPOSITORY, "tags": tags}
    for size in (1, 3, 8, 9, 1000):
        names, sizes = walk(registry, registry.tags(REPOSITORY, f"n={size}"), "tags")
        assert names == tags
        assert sizes == [size] * (8 // size) + [8 % size] * bool(8 % size)
    for last, expected in (("A", tags[3:]), ("B", tags[3:]), ("b", []), ("0", tags)):
        assert registry.tags(REPOSITORY, f"last={last}").json["tags"] == expected


def test_a_page_of_tags_has_its_limits(registry):
    tags = [f"t{number:03}" for number in range(101)]
    push(registry, many(2), [tags[:60], tags[60:]])
    assert walk(registry, registry.tags(REPOSITORY), "tags") == (tags, [100, 1])
    none = registry.tags(REPOSITORY, "n=0")
    assert (none.status, none.json["tags"], "Link" in none.headers) == (200, [], False)
    assert registry.tags(REPOSITORY, "n=1000").json["tags"] == tags
    too_many = invalid("maxResults", "Member must have value less than or equal to 1000")[1]
    for answer in (registry.tags(REPOSITORY, "n=1001"), catalog(registry, "n=1001")):
        assert (answer.status, answer.error, answer.message) == (405, "UNSUPPORTED", too_many)


def test_repositories_are_listed_by_name_page_by_page(registry, api):
    names = sorted([REPOSITORY, "a0", "a-b", "a/b", "zz"])
    for name in names:
        if name != REPOSITORY:
            api.create_repository(repositoryName=name)
    spelled = [registry.prefix + name for name in names]
    for query, sizes in (("", [5]), ("n=5", [5]), ("n=2", [2, 2, 1]), ("n=1", [1] * 5)):
        assert walk(registry, catalog(registry, query), "repositories") == (spelled, sizes)
    assert catalog(registry, "last=a0").json["repositories"] == spelled[3:]


def test_referrers_are_listed_page_by_page(registry):
    subject = an_image()
    artifacts = [an_artifact(subject=subject, artifact_type=f"text/{kind}") for kind in "aabba"]
    for artifact in artifacts:
        registry.push(REPOSITORY, artifact)
    for query, kinds in (("", "ab"), ("&artifactType=text/a", "a"), ("&artifactType=text/b", "b")):
        expected = sorted(each.digest for each, kind in zip(artifacts, "aabba", strict=True) if kind in kinds)
        for size in (1, 2, 50):
            answer = registry.referrers(REPOSITORY, subject.digest, f"n={size}{query}")
            entries, sizes = walk(registry, answer, "manifests")
            assert [each["digest"] for each in entries] == expected
            assert max(sizes) <= size
