"""Every list there is: how it is asked for page by page, and how its entries come and go.

A line for each operation whose input has a nextToken, and for each list of the OCI front. A line's functions
take a World: the server with one repository to list.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore import xform_name

from tests.builders import Image, a_config, a_layer, an_image

REPOSITORY = "team/app"

TAGS = ("a", "a-", "a.", "a_", "aa", "a-b", "a.b", "A", "Z", "_", "0", "00", "10", "9", "x" * 127, "x" * 128)
REPOSITORIES = (
    "aa",
    "aa-b",
    "aa--b",
    "aa.b",
    "aa_b",
    "aa__b",
    "aa/b",
    "aa/b-c",
    "aa0",
    "0a",
    "00",
    "10",
    "9a",
    "b/" + "c" * 202,
    "b" * 204,
    "b" * 205,
)
"""Prefixes of each other, all signs that a name may have, the longest ones; by locale they sort otherwise."""
PUBLIC_REPOSITORIES = tuple(name for name in REPOSITORIES if "--" not in name and "__" not in name)
"""The grammar of the public registry is the older one (control-plane.md §1.7)."""
NUMBERS = tuple(str(number) for number in range(16))
PRINCIPALS = tuple(
    f"arn:aws:iam::123456789012:role/{name}" for name in ("a", "a-b", "a.b", "a/b", "aa", "A", "0")
)


@dataclass
class World:
    """An account's registry, by the API and over /v2/; there is the repository team/app."""

    account: str
    api: Any
    docker: Any

    @cached_property
    def _shared(self) -> dict[str, Any]:
        shared = {"config": a_config(), "layers": [a_layer()]}
        self.docker.push_layers(REPOSITORY, an_image(**shared))
        return shared

    @cached_property
    def subject(self) -> Image:
        return self.image("subject")

    def image(self, number: str, **members: Any) -> Image:
        """Number by number another one; its layers are there."""
        return an_image(**self._shared, annotations={"number": number}, **members)

    def referrer(self, number: str) -> Image:
        return self.image(number, subject=self.subject.descriptor)

    def put(self, image: Image, tag: str = "") -> None:
        answer = self.docker.put_manifest(REPOSITORY, tag or image.digest, image)
        assert answer.status == 201, answer.body

    def delete(self, **image_id: str) -> None:
        answer = self.api.batch_delete_image(repositoryName=REPOSITORY, imageIds=[image_id])
        assert not answer["failures"], answer


Name = Callable[[World, str], Any]


@dataclass(frozen=True)
class Listing:
    """A list of a service's API."""

    service: str
    operation: str
    member: str  # of the output
    names: tuple[str, ...]
    entry: Name  # what the list shows of the one with that name, as `key` reads it
    add: Name
    remove: Name
    given: Callable[[World], Mapping[str, Any]] = lambda _: {"repositoryName": REPOSITORY}
    key: Callable[[Any], Any] = lambda shown: shown
    most: int = 1000
    variant: str = field(default="")

    def __str__(self) -> str:
        return f"{self.service}.{self.operation}{self.variant and '-' + self.variant}"

    def page(self, world: World, size: int, token: str | None = None) -> tuple[list[Any], str | None]:
        """The entries of a page, and the token of the next one."""
        ask = getattr(world.api, xform_name(self.operation))
        more = {} if token is None else {"nextToken": token}
        answer = ask(**self.given(world), maxResults=size, **more)
        return [self.key(each) for each in answer[self.member]], answer.get("nextToken")


@dataclass(frozen=True)
class OciListing:
    """A list of the OCI front; its token is where Link leads."""

    service: str
    path: str
    member: str
    names: tuple[str, ...]
    entry: Name
    add: Name
    remove: Name
    key: Callable[[Any], Any] = lambda shown: shown
    most: int = 1000

    def __str__(self) -> str:
        return f"{self.service} /v2/{self.path}"

    def page(self, world: World, size: int, token: str | None = None) -> tuple[list[Any], str | None]:
        docker = world.docker
        path = self.path.replace("{digest}", world.subject.digest if "{digest}" in self.path else "")
        path, _, query = (token or f"/v2/{docker.prefix}{path}?n={size}").partition("?")
        answer = docker.ask("GET", path, query=query)
        assert answer.status == 200, answer.body
        link = answer.headers.get("Link", "").partition("<")[2].partition(">")[0]
        return [self.key(each) for each in answer.json[self.member]], link or None


def _tagged(world: World, tag: str) -> Image:
    """The image that a tag is given to: four have all tags."""
    return world.image(f"tagged {sum(tag.encode()) % 4}")


def _put_tag(world: World, tag: str) -> None:
    world.put(_tagged(world, tag), tag)


_tags: dict[str, Any] = {
    "names": TAGS,
    "add": _put_tag,
    "remove": lambda world, tag: world.delete(imageTag=tag),
}
_images: dict[str, Any] = {
    "names": NUMBERS,
    "entry": lambda world, number: world.image(number).digest,
    "add": lambda world, number: world.put(world.image(number)),
    "remove": lambda world, number: world.delete(imageDigest=world.image(number).digest),
    "key": lambda shown: shown["imageDigest"],
}
_referrers: dict[str, Any] = {
    "names": NUMBERS,
    "entry": lambda world, number: world.referrer(number).digest,
    "add": lambda world, number: world.put(world.referrer(number)),
    "remove": lambda world, number: world.delete(imageDigest=world.referrer(number).digest),
    "key": lambda shown: shown["digest"],
    "most": 50,
}
_repositories: dict[str, Any] = {
    "add": lambda world, name: world.api.create_repository(repositoryName=name),
    "remove": lambda world, name: world.api.delete_repository(repositoryName=name),
}


def _filtered(**wanted: Any) -> Callable[[World], Mapping[str, Any]]:
    return lambda _: {"repositoryName": REPOSITORY, "filter": wanted}


LISTS: tuple[Listing | OciListing, ...] = (
    Listing(
        "ecr",
        "ListImages",
        "imageIds",
        entry=lambda world, tag: (_tagged(world, tag).digest, tag),
        key=lambda shown: (shown["imageDigest"], shown.get("imageTag")),
        **_tags,
    ),
    Listing(
        "ecr",
        "ListImages",
        "imageIds",
        **_images,
        given=_filtered(tagStatus="UNTAGGED", imageStatus="ANY"),
        variant="untagged",
    ),
    Listing("ecr", "DescribeImages", "imageDetails", **_images),
    Listing(
        "ecr",
        "DescribeImages",
        "imageDetails",
        **_images,
        given=_filtered(tagStatus="UNTAGGED"),
        variant="untagged",
    ),
    Listing("ecr-public", "DescribeImages", "imageDetails", **_images),
    Listing(
        "ecr-public",
        "DescribeImageTags",
        "imageTagDetails",
        entry=lambda world, tag: tag,
        key=lambda shown: shown["imageTag"],
        **_tags,
    ),
    Listing(
        "ecr",
        "ListImageReferrers",
        "referrers",
        **_referrers,
        given=lambda world: {
            "repositoryName": REPOSITORY,
            "subjectId": {"imageDigest": world.subject.digest},
        },
    ),
    *(
        Listing(
            service,
            "DescribeRepositories",
            "repositories",
            names,
            entry=lambda world, name: name,
            given=lambda _: {},
            key=lambda shown: shown["repositoryName"],
            **_repositories,
        )
        for service, names in (("ecr", REPOSITORIES), ("ecr-public", PUBLIC_REPOSITORIES))
    ),
    Listing(
        "ecr",
        "ListPullTimeUpdateExclusions",
        "pullTimeUpdateExclusions",
        PRINCIPALS,
        entry=lambda world, arn: arn,
        add=lambda world, arn: world.api.register_pull_time_update_exclusion(principalArn=arn),
        remove=lambda world, arn: world.api.deregister_pull_time_update_exclusion(principalArn=arn),
        given=lambda _: {},
    ),
    *(
        each
        for service, names in (("ecr", REPOSITORIES), ("ecr-public", PUBLIC_REPOSITORIES))
        for each in (
            OciListing(service, f"{REPOSITORY}/tags/list", "tags", entry=lambda world, tag: tag, **_tags),
            OciListing(service, f"{REPOSITORY}/referrers/{{digest}}", "manifests", **_referrers),
            OciListing(
                service,
                "_catalog",
                "repositories",
                names,
                entry=lambda world, name: world.docker.prefix + name,
                **_repositories,
            ),
        )
    ),
)

ELSEWHERE = {
    ("ecr", "GetLifecyclePolicyPreview"): "of one moment: walked in test_lifecycle_previews.py",
    ("ecr-public", "DescribeRegistries"): "a list of one, which gives no token",
}
"""Lists to which nothing comes and from which nothing goes."""
