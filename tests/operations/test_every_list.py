"""Every list (listing.py), by pages of any size, while others write; its tokens are of one list and account.

Source: control-plane.md §1.8, I14; data-plane.md §3.4, §3.5.
"""

from itertools import count, pairwise
from random import Random

import pytest

from openecr.operations.all import OPERATIONS as IMPLEMENTED
from tests.aws.shapes import OPERATIONS
from tests.operations.listing import ELSEWHERE, LISTS, REPOSITORY, Listing, OciListing, World
from tests.operations.nodes import a_node
from tests.operations.refusals import invalid, refusal
from tests.running import ROOT, Clock

WRONG_TOKEN = invalid("nextToken", "The token is not valid for this request")
OTHER = "111122223333"

every_list = pytest.mark.parametrize("listing", LISTS, ids=str)
of_the_api = [each for each in LISTS if isinstance(each, Listing)]
every_list_of_the_api = pytest.mark.parametrize("listing", of_the_api, ids=str)


def test_every_operation_that_gives_a_next_token_has_a_line():
    pages = {
        (each.service, each.name)
        for each in OPERATIONS
        if "nextToken" in each.input.members and (each.service, each.name) in IMPLEMENTED
    }
    lines = {(each.service, each.operation) for each in of_the_api}
    assert pages - ELSEWHERE.keys() == lines


@pytest.fixture(scope="module")
def server(loop, tmp_path_factory):
    """One that stays: each test has an account of its own."""
    settings = {
        "data_dir": tmp_path_factory.mktemp("lists"),
        "root_access_key_id": ROOT[0],
        "root_secret_access_key": ROOT[1],
        "access_log": False,
    }
    with a_node(loop, settings, Clock()) as server:
        yield server


_accounts = count(100_000_000_000)


def a_world(server, service) -> World:
    account = str(next(_accounts))
    key = server.account(account)
    api = server.client(service, key=key)
    uri = api.create_repository(repositoryName=REPOSITORY)["repository"]["repositoryUri"]
    prefix = uri.partition("/")[2].removesuffix(REPOSITORY) if service == "ecr-public" else ""
    return World(account, api, server.docker(key=key, prefix=prefix))


def fill(listing, world, names) -> list:
    """The entries with these names, and all that was there before, as the list must show them."""
    before, _ = listing.page(world, listing.most)
    for name in names:
        listing.add(world, name)
    return sorted([*before, *(listing.entry(world, name) for name in names)])


def pages(listing, world, size, between=lambda: None) -> list[list]:
    """All pages of that size; `between` two of them something happens."""
    found, tokens = [], []
    while not found or tokens[-1] is not None:
        if tokens:
            between()
        page, token = listing.page(world, size, tokens[-1] if tokens else None)
        found.append(page)
        tokens.append(token)
    assert all(one != other for one, other in pairwise(tokens)), "a client would think that it goes round"
    return found


@every_list
def test_the_pages_of_any_size_together_are_the_list_in_its_order(server, listing):
    world = a_world(server, listing.service)
    expected = fill(listing, world, Random(1).sample(listing.names, len(listing.names)))
    whole = len(expected)
    for size in {1, 2, 7, whole - 1, whole, listing.most}:
        found = pages(listing, world, size)
        assert [entry for page in found for entry in page] == expected
        assert [len(page) for page in found] == [min(size, whole - first) for first in range(0, whole, size)]


@every_list
def test_while_others_write_nothing_comes_twice_and_what_stays_is_not_missed(server, listing):
    random, world = Random(str(listing)), a_world(server, listing.service)
    names = random.sample(listing.names, len(listing.names))
    staying, others = names[::2], names[1::2]
    kept = fill(listing, world, staying)
    there = set()

    def write():
        for name in random.sample(others, 2):
            (listing.remove if name in there else listing.add)(world, name)
            there.symmetric_difference_update({name})

    for size in (1, 3):
        found = [entry for page in pages(listing, world, size, write) for entry in page]
        assert found == sorted(set(found))
        assert set(kept) <= set(found)
        assert set(found) <= set(kept) | {listing.entry(world, name) for name in others}


@every_list
def test_of_what_would_come_next_nothing_comes_that_was_deleted_before(server, listing):
    world = a_world(server, listing.service)
    entries = fill(listing, world, listing.names)
    size = len(entries) // 2
    first, token = listing.page(world, size)
    deleted = {listing.entry(world, name): name for name in listing.names}
    for entry in entries[size - 1 :]:  # the last that came, and all that did not
        if entry in deleted:
            listing.remove(world, deleted[entry])
    rest = [entry for entry in entries[size:] if entry not in deleted]
    assert first == entries[:size]
    assert listing.page(world, size, token) == (rest, None)


# Tokens.


def token_of(listing, world) -> str:
    """Of a page of one, after which others come: made, unless they are there."""
    names = iter(listing.names)
    while (token := listing.page(world, 1)[1]) is None:
        listing.add(world, next(names))
    return token


@every_list_of_the_api
def test_a_token_that_was_changed_anywhere_is_refused(server, listing):
    world = a_world(server, listing.service)
    token = token_of(listing, world)
    for place in range(0, len(token), 29):
        other = "A" if token[place] != "A" else "B"
        changed = token[:place] + other + token[place + 1 :]
        assert refusal(listing.page, world, 1, changed) == WRONG_TOKEN
    for wrong in ("", "0", token[1:], token[:-1], token + "A", token * 2, token.swapcase(), "\u00e9", "\0"):
        assert refusal(listing.page, world, 1, wrong) == WRONG_TOKEN
    listing.page(world, 1, token)


def test_a_token_is_refused_by_every_other_list(server):
    worlds = {service: a_world(server, service) for service in ("ecr", "ecr-public")}
    tokens = {str(each): token_of(each, worlds[each.service]) for each in of_the_api}
    for listing in of_the_api:
        world = worlds[listing.service]
        for name, token in tokens.items():
            if name != str(listing):
                assert refusal(listing.page, world, 1, token) == WRONG_TOKEN, (name, str(listing))
        listing.page(world, 1, tokens[str(listing)])


def test_a_token_is_refused_from_another_account_that_asks_the_same(server):
    """It may list the repository, and asks for the same of the same registry."""
    stranger = server.account(OTHER)
    for service in ("ecr", "ecr-public"):
        world = a_world(server, service)
        statement = (
            '{"Version": "2012-10-17", "Statement": [{"Sid": "s", "Effect": "Allow", '
            f'"Principal": {{"AWS": "{OTHER}"}}, "Action": "{service}:*"}}]}}'
        )
        world.api.set_repository_policy(repositoryName=REPOSITORY, policyText=statement)
        abroad = World(OTHER, server.client(service, key=stranger), world.docker)
        for listing in of_the_api:
            if listing.service != service or "repositoryName" not in listing.given(world):
                continue
            given = dict(listing.given(world)) | {"registryId": world.account}
            asked = Listing(**vars(listing) | {"given": lambda _, given=given: given})
            token = token_of(asked, world)
            assert asked.page(abroad, 1)[1] is not None
            assert refusal(asked.page, abroad, 1, token) == WRONG_TOKEN
            asked.page(world, 1, token)


@pytest.mark.parametrize("listing", [each for each in LISTS if isinstance(each, OciListing)], ids=str)
def test_a_link_leads_to_the_next_page_by_itself(server, listing):
    """Whatever the names have in them: it is followed as it stands."""
    world = a_world(server, listing.service)
    expected = fill(listing, world, listing.names)
    link, found = None, []
    for _ in expected:
        page, link = listing.page(world, 1, link)
        found += page
        assert link is None or (link.startswith("/v2/") and link.isascii() and " " not in link)
    assert (found, link) == (expected, None)


def test_a_page_of_images_with_thousands_of_tags_is_shorter(server, monkeypatch):
    monkeypatch.setattr("openecr.operations.image_lists.TAGS_OF_A_PAGE", 3)
    listing = next(each for each in of_the_api if str(each) == "ecr.DescribeImages")
    world = a_world(server, "ecr")
    images = sorted((world.image(str(number)) for number in range(6)), key=lambda image: image.digest)
    for image, tags in zip(images, (1, 2, 4, 1, 1, 0), strict=True):
        world.put(image)
        for number in range(tags):
            world.put(image, f"{image.digest[7:20]}-{number}")
    assert pages(listing, world, 100) == [
        [image.digest for image in part] for part in (images[:2], images[2:3], images[3:])
    ]
